#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Network namespaces: devices of netdevs in others than the initial one, in both of
# the RDMA system's modes; devices that are moved, and that come back.
# vm: timeout=300
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

# in_ns NAME COMMAND...
in_ns()
{
	ip netns exec "$@"
}

# shows NAME DEVICE: is the device there? NAME 1 is the initial namespace.
shows()
{
	if [ "$1" = 1 ]; then
		rdma dev show "$2" >/dev/null 2>&1
	else
		in_ns "$1" rdma dev show "$2" >/dev/null 2>&1
	fi
}

# only_in NAME DEVICE: of the three, and in sysfs as well
only_in()
{
	local name

	for name in 1 blue green; do
		if [ "$name" = "$1" ]; then
			shows "$name" "$2" || { echo "not in $name"; return 1; }
		else
			! shows "$name" "$2" || { echo "in $name, too"; return 1; }
		fi
	done
	[ "$1" = 1 ] || in_ns "$1" test -e "/sys/class/infiniband/$2"
}

# ns_up NAME: all of them have a netdev with the same addresses
ns_up()
{
	ip netns add "$1" && ip -n "$1" link set lo up &&
		ip -n "$1" link add dummy5 type dummy &&
		ip -n "$1" address add 10.77.5.1/24 dev dummy5 &&
		ip -n "$1" address add fd77:5::1/64 dev dummy5 nodad &&
		ip -n "$1" link set dummy5 up
}

ns_down()
{
	ip netns delete "$1" 2>/dev/null
}

has_gids()
{
	in_ns "$1" cat "/sys/class/infiniband/$2/ports/1/gids/"{0,1,2,3} 2>/dev/null |
		grep -q 'ffff:0a4d:0501'
}

# ns_pings NAME ADDRESS: an rping there
ns_pings()
{
	start server "ip netns exec $1 rping -s -a $2 -C 5"
	sleep 3
	timeout 30 ip netns exec "$1" rping -c -v -a "$2" -C 5 >"$scratch/client" 2>&1
	stop server
	grep -q 'ping data: rdma-ping-4' "$scratch/client" && return
	cat "$scratch/server" "$scratch/client"
	return 1
}

# A server in one namespace is not reached from the other one, with that address.
does_not_ping()
{
	start server "ip netns exec $1 rping -s -a 10.77.5.1"
	sleep 3
	timeout 30 ip netns exec "$2" rping -c -v -a 10.77.5.1 -C 1 \
		>"$scratch/client" 2>&1
	local status=$?
	cat "$scratch/client"
	stop server
	[ "$status" -ne 124 ] && ! grep -q 'ping data' "$scratch/client"
}

mode_is()
{
	rdma system | grep -q "netns $1"
}

set_mode()
{
	wait_until 20 rdma system set netns "$1" 2>/dev/null && mode_is "$1"
}

automatic()
{
	[ -n "$(devices_of "$1")" ]
}

exclusive()
{
	check "exclusive mode" set_mode exclusive
	ns_up blue
	ns_up green
	check "a device for a netdev in a namespace" \
		in_ns blue rdma link add inblue type softhca netdev dummy5
	check "  is there and nowhere else" only_in blue inblue
	check "  and has the netdev's addresses" wait_until 10 has_gids blue inblue
	check "  rping" ns_pings blue 10.77.5.1
	check "  rping over IPv6" ns_pings blue fd77:5::1
	check "a netdev of another namespace is not found" \
		not rdma link add wrong type softhca netdev dummy5
	check "a second namespace with the same addresses" \
		in_ns green rdma link add ingreen type softhca netdev dummy5
	wait_until 10 has_gids green ingreen
	check "  rping" ns_pings green 10.77.5.1
	check "  a server in the one is not that of the other" \
		does_not_ping blue green
	program netns_apart blue inblue green ingreen
}

moves_away()
{
	check "the first device works" both "rping -s -a 10.77.0.1 -C 3" \
		"rping -c -a 10.77.0.1 -C 3"
	check "a device is moved to a namespace" rdma dev set "$dev0" netns green
	check "  is there and nowhere else" only_in green "$dev0"
	check "  and its netdev is not" test -e /sys/class/net/dummy0
	check "  it is moved back" in_ns green rdma dev set "$dev0" netns first
	check "  and is there again" only_in 1 "$dev0"
	check "  rping" both "rping -s -a 10.77.0.1 -C 3" \
		"rping -c -a 10.77.0.1 -C 3"

	check "traffic" run_for_long run "$dev0" ib_write_bw
	check "  its device is moved to a namespace" \
		rdma dev set "$dev0" netns green
	check "  and the traffic ends" ended 30 run_client run_server
	check "  in that namespace it is listed" only_in green "$dev0"
	check "the namespace ends" ns_down green
	check "  the device that was moved there comes back" \
		wait_until 20 shows 1 "$dev0"
	check "  and works" both "rping -s -a 10.77.0.1 -C 3" \
		"rping -c -a 10.77.0.1 -C 3"
	check "  the one whose netdev was there is gone" \
		wait_until 20 not shows 1 ingreen
}

netdev_moves()
{
	ip netns add green
	ip link add dummy6 type dummy
	ip address add 10.77.6.1/24 dev dummy6
	ip link set dummy6 up
	check "a netdev has a device" wait_until 10 automatic dummy6
	ip link set dummy6 netns blue
	check "  that goes when the netdev moves to a namespace" \
		wait_until 10 not automatic dummy6
	ip -n blue address add 10.77.6.1/24 dev dummy6
	ip -n blue link set dummy6 up
	check "  there it gets one by a command" \
		in_ns blue rdma link add moved type softhca netdev dummy6
	check "  which is there alone" only_in blue moved
	sleep 1
	check "  and works" ns_pings blue 10.77.6.1
	check "  it goes when the netdev moves back" eval \
		"ip -n blue link set dummy6 netns 1; wait_until 10 not shows blue moved"
	check "  and another one comes by itself" wait_until 10 automatic dummy6
	check "a device in a namespace is deleted there" \
		in_ns blue rdma link delete inblue
	check "  and made again" \
		in_ns blue rdma link add inblue type softhca netdev dummy5
	check "the module is unloaded while there are devices in namespaces" unload
	check "  and loaded again" modprobe softhca
	check "  only the initial namespace has devices by itself" eval \
		"automatic dummy0 && [ -z \"\$(in_ns blue rdma dev)\" ]"
	ns_down blue
	ns_down green
}

shared()
{
	check "shared mode" set_mode shared
	ns_up blue
	check "a device for a netdev in a namespace" \
		in_ns blue rdma link add inblue type softhca netdev dummy5
	check "  is seen everywhere" eval "shows 1 inblue && shows blue inblue"
	wait_until 10 has_gids blue inblue
	check "  and works" ns_pings blue 10.77.5.1
	check "no device is moved" not rdma dev set inblue netns blue
	check "the namespace ends, and the device with its netdev" eval \
		"ns_down blue; wait_until 20 not shows 1 inblue"
}

hardware_up 1
remember "$dev0"
ip netns attach first $$	# a name of the initial one, for rdma
exclusive
moves_away
netdev_moves
shared
ip netns delete first
all_released
finish
