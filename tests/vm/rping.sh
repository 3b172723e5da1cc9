#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rping, to the host's own addresses: connection manager, send, RDMA read and
# write, the data compared.
# vm: timeout=180 on=all cpus=1
. "$(dirname "$0")/lib.sh"

# rping_pair ADDRESS OPTIONS...
rping_pair()
{
	local address=$1
	shift

	both "rping -s -a $address $*" "rping -c -a $address $* -V"
}

# The client of rping reports how many pings it has done only with -v.
rping_says()
{
	local address=$1

	both "rping -s -a $address -C 7" "rping -c -a $address -C 7 -v -V" || return
	same "pings" "$(grep -c 'ping data: rdma-ping-' "$pair_dir/client")" 7
}

link_local()
{
	ip -6 -o address show dev "$1" scope link | awk '{ sub("/.*", "", $4); print $4 }'
}

# one server for several clients, one after the other and at once. A second one
# does not ask for its connection before the first has got it: the server has
# room to remember one request only.
persistent()
{
	local i

	start server "rping -s -P -a $1 -C 5"
	wait_until 10 listens 7174 || { echo "no server"; return 1; }
	for i in 1 2 3; do
		timeout 30 rping -c -a "$1" -C 5 -V >"$scratch/client$i" 2>&1
		ended_well "$?" "$scratch/client$i" ||
			{ echo "client $i failed"; cat "$scratch/client$i"; return 1; }
	done
	for i in 4 5 6 7; do
		start "client$i" "stdbuf -oL rping -c -v -a $1 -C $(often 2000 400) -V"
		wait_until 20 grep -qs 'ping data' "$scratch/client$i" ||
			{ echo "client $i: no ping"; cat "$scratch/client$i"; return 1; }
	done
	for i in 4 5 6 7; do
		ended 60 "client$i" || return
		local status=status_client$i
		ended_well "${!status}" "$scratch/client$i" ||
			{ echo "client $i: ${!status}"; cat "$scratch/client$i"; return 1; }
	done
	kill "$pid_server"
	ended 5 server
}

refused()
{
	timeout 20 rping -c -a 10.77.0.1 -p 9999 -C 1 >"$scratch/refused" 2>&1
	local status=$?
	cat "$scratch/refused"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ] &&
		grep -q REJECTED "$scratch/refused"
}

# Whatever the driver: the connection manager takes a loopback address for "any"
# and gives the id no netdev (cma_bind_loopback), without which a RoCE route is
# refused (cma_resolve_iboe_route).
loopback()
{
	timeout 20 rping -c -a "$1" -C 1 >"$scratch/loopback" 2>&1
	local status=$?
	cat "$scratch/loopback"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ] &&
		grep -q 'rdma_resolve_route: No such device' "$scratch/loopback"
}

hardware_up 2
remember "$dev0" "$dev1"

check "rping IPv4, data compared" rping_pair 10.77.0.1 -C 20
check "rping IPv6, data compared" rping_pair fd77:0::1 -C 20
check "rping IPv6 link-local address" \
	rping_pair "$(link_local dummy0)%dummy0" -C 20
check "rping -C 7 does seven pings" rping_says 10.77.0.1
for size in 64 100 1024 4096 4097 32768 65535; do
	check "rping -S $size" rping_pair 10.77.0.1 -C 10 -S "$size"
done
check "rping -C 2000" rping_pair 10.77.0.1 -C 2000
check "rping to the second netdev's address" rping_pair 10.77.1.1 -C 10
check "rping IPv6 to the second netdev's address" rping_pair fd77:1::1 -C 10
check "rping to a server on all addresses" \
	both "rping -s -C 10" "rping -c -a 10.77.0.1 -C 10 -V"
check "rping -P: one server, many clients" persistent 10.77.0.1
check "rping to a port where nobody listens is rejected" refused
check "rping to 127.0.0.1 is refused by the core" loopback 127.0.0.1
check "rping to ::1 is refused by the core" loopback ::1
all_released
finish
