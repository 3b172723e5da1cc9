#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The example programs of librdmacm: connected and datagram, rsockets.
# vm: timeout=300 on=all cpus=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

# A destination that is not on this host is refused where the connection is
# asked for.
unreachable()
{
	timeout 20 "$1" -s 10.77.0.200 >"$scratch/unreachable" 2>&1
	local status=$?
	cat "$scratch/unreachable"
	[ "$status" -ne 0 ] && [ "$status" -ne 124 ] &&
		grep -q 'No route to host' "$scratch/unreachable"
}

# Not -T a: its client takes the server's end, when that comes with the last
# data, for an error. Not udpong: it fails alike over rdma_rxe.
rstream_pair()
{
	local address=$1
	shift

	both "rstream -b $address $*" "rstream -s $address $*" 'bytes +xfers'
}

# rcopy compares nothing; the file is compared here.
rcopy_pair()
{
	dd if=/dev/urandom of="$scratch/file" bs=64k count=100 status=none
	start rcopy "env -C $scratch/there rcopy"
	wait_until 10 listens 7427 || { echo "no server"; return 1; }
	timeout 30 rcopy "$scratch/file" 10.77.0.1:copy || return
	cmp "$scratch/file" "$scratch/there/copy"
	local status=$?
	kill "$pid_rcopy"
	ended 5 rcopy
	return "$status"
}

# The server of an older cmtime does not end. A newer one connects a second time
# without QPs, by numbers that it makes up: unless told otherwise the same ones at
# both ends, which on one host are taken for one end's old connection.
cmtime_pair()
{
	local numbers=

	! cmtime -h 2>&1 | grep -q base_qpn || numbers="-q 200000"
	start cmtime "cmtime -b 10.77.0.1 -c 100 $numbers"
	wait_until 10 listens 18515 || wait_until 1 listens 7471 ||
		{ echo "no server"; return 1; }
	timeout 30 cmtime -s 10.77.0.1 -c 100
	local status=$?
	kill "$pid_cmtime"
	ended 5 cmtime
	return "$status"
}

hardware_up 1
remember "$dev0"

check "ucmatose IPv4" both "ucmatose -b 10.77.0.1" "ucmatose -s 10.77.0.1" 'return status 0'
check "ucmatose IPv6" both "ucmatose -b fd77:0::1" "ucmatose -s fd77:0::1" 'return status 0'
check "ucmatose, 20 connections of 50 messages of 8000 bytes" \
	both "ucmatose -b 10.77.0.1 -c 20 -C 50 -S 8000" \
	"ucmatose -s 10.77.0.1 -c 20 -C 50 -S 8000" 'return status 0'
check "ucmatose, connections that move between event channels" \
	both "ucmatose -b 10.77.0.1 -c 4 -m" "ucmatose -s 10.77.0.1 -c 4 -m" \
	'return status 0'
check "udaddy IPv4" both "udaddy -b 10.77.0.1" "udaddy -s 10.77.0.1" 'return status 0'
check "udaddy IPv6" both "udaddy -b fd77:0::1" "udaddy -s fd77:0::1" 'return status 0'
check "udaddy, 8 connections of 50 messages of 900 bytes" \
	both "udaddy -b 10.77.0.1 -c 8 -C 50 -S 900" \
	"udaddy -s 10.77.0.1 -c 8 -C 50 -S 900" 'return status 0'
check "rdma_client and rdma_server" both "rdma_server -p 7471" \
	"rdma_client -s 10.77.0.1 -p 7471" 'rdma_client: end 0'
check "cmtime, 100 connections" cmtime_pair
check "rstream IPv4" rstream_pair 10.77.0.1 -S 4096 -C 100 -I 10
check "rstream IPv6" rstream_pair fd77:0::1 -S 4096 -C 100 -I 10
check "rstream, 1 MiB at a time, data compared" \
	rstream_pair 10.77.0.1 -S 1048576 -C 5 -I 5 -T v
check "rstream, not blocking" rstream_pair 10.77.0.1 -S 65536 -C 20 -I 10 -T n
check "rstream, blocking" rstream_pair 10.77.0.1 -S 65536 -C 20 -I 10 -T b
for options in "-S 65536 -C 20 -I 10" "-S 4096 -C 50 -I 10 -T v"; do
	check "riostream $options" both "riostream -b 10.77.0.1 $options" \
		"riostream -s 10.77.0.1 $options" 'bytes +xfers'
done
check "riostream IPv6" both "riostream -b fd77:0::1 -S 4096 -C 20 -I 10" \
	"riostream -s fd77:0::1 -S 4096 -C 20 -I 10" 'bytes +xfers'
mkdir "$scratch/there"
check "rcopy" rcopy_pair

mckey_pair()
{
	start mckey "stdbuf -oL mckey -m 239.7.7.9 -b 10.77.0.1"
	wait_until 20 grep -q 'joined dgid' "$scratch/mckey" &&
		timeout 30 mckey -m 239.7.7.9 -s -b 10.77.0.1 &&
		ended 20 mckey && [ "$status_mckey" -eq 0 ] && return
	cat "$scratch/mckey"
	stop mckey
	return 1
}
check "mckey" mckey_pair

# Each with its link-local address, an interface's.
link_local=$(ip -6 -o address show dev dummy0 scope link |
	sed -nE 's|.* inet6 ([^/ ]*)/.*|\1%dummy0|p')
check "a link-local address" eval \
	"wait_until 10 grep -q fe80: /sys/class/infiniband/$dev0/ports/1/gids/*"
for address in 10.77.0.1 fd77:0::1 "$link_local"; do
	program cm_connections "$address" "$([ "$address" = 10.77.0.1 ] &&
		often 1200 100 || echo 50)" 10.77.0.200
done

expect_log 'destination ::ffff:10.77.0.200 has no softhca device on this host'
check "ucmatose to an address that is nobody's" unreachable ucmatose
check "udaddy to an address that is nobody's" unreachable udaddy
all_released
finish
