#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The device follows its netdev: which netdevs have one; port state, MTU and GIDs;
# and the end of a netdev in full traffic, which ends the traffic with errors.
# vm: timeout=400
. "$(dirname "$0")/lib.sh"

# Which netdevs have a device.

has_device()
{
	[ -n "$(devices_of "$1")" ]
}

gets_device()
{
	wait_until 5 has_device "$1" && return
	rdma link
	return 1
}

# No device now, nor a little later.
gets_none()
{
	wait_until 5 not has_device "$1" || { rdma link; return 1; }
	sleep 0.5
	not has_device "$1" || { rdma link; return 1; }
}

# That of dummy0 alone.
one_device()
{
	[ "$(rdma link | wc -l)" -eq 1 ]
}

suitable_netdevs()
{
	check "a netdev that appears gets a device" eval \
		"ip link add dummy8 type dummy; gets_device dummy8"
	check "  and one that is renamed keeps it" eval "
		before=\$(devices_of dummy8)
		ip link set dummy8 name dummy7 && [ -n \"\$before\" ] &&
			sleep 0.5 && same device \"\$(devices_of dummy7)\" \"\$before\""
	check "  and one that goes away takes it along" eval \
		"ip link delete dummy7; gets_none dummy7"

	ip link add dummy8 type dummy
	gets_device dummy8
	ip netns add elsewhere
	check "a netdev that moves to another namespace loses its device" eval \
		"ip link set dummy8 netns elsewhere; gets_none dummy8 &&
		wait_until 5 one_device"
	ip -n elsewhere link add dummy9 type dummy
	ip -n elsewhere link set dummy9 up
	check "a netdev that is born in another namespace gets none" eval \
		"sleep 0.5; one_device"
	check "a netdev that comes back gets a device" eval \
		"ip -n elsewhere link set dummy8 netns 1; gets_device dummy8"
	ip netns delete elsewhere

	check "a VLAN gets no device" eval \
		"ip link set dummy8 up; ip link add link dummy8 name vlan8 type vlan id 5 &&
		ip link set vlan8 up && gets_none vlan8"
	ip link delete vlan8

	check "a bond's slave loses its device" eval \
		"ip link add bond8 type bond && ip link set dummy8 down &&
		ip link set dummy8 master bond8 && gets_none dummy8"
	check "  the bond has one" gets_device bond8
	check "  the slave has one again when it is released" eval \
		"ip link set dummy8 nomaster && gets_device dummy8"
	ip link delete bond8

	check "a bridge's port loses its device" eval \
		"ip link add bridge8 type bridge &&
		ip link set dummy8 master bridge8 && gets_none dummy8"
	check "  the bridge has one" gets_device bridge8
	check "  the port has one again when it is released" eval \
		"ip link set dummy8 nomaster && gets_device dummy8"
	ip link delete bridge8
	ip link delete dummy8

	check "a veth pair gets two devices" eval \
		"ip link add veth8 type veth peer name veth9 &&
		gets_device veth8 && gets_device veth9"
	ip link delete veth8
	check "lo has no device" not has_device lo

	ip link add tun8 type ipip local 10.77.0.1 remote 10.77.0.2 2>/dev/null &&
		check "a netdev that is not Ethernet gets none" gets_none tun8
	ip link delete tun8 2>/dev/null
}

# What is shown of the port.

port()
{
	ibv_devinfo -d "$dev0" | awk -v key="$1:" '$1 == key { print $2 }'
}

port_is()
{
	same "$1" "$(port "$1")" "$2"
}

link_shows()
{
	rdma link show "$dev0/1" | grep -q "state $1 physical_state $2 netdev dummy0"
}

# The async events that a process hears.
hears()
{
	wait_until 5 grep -q "$1 " "$scratch/watch" && return
	cat "$scratch/watch"
	return 1
}

port_state()
{
	start watch "stdbuf -oL ibv_asyncwatch -d $dev0"
	wait_until 10 grep -q "async event FD" "$scratch/watch"
	ip link set dummy0 down
	check "link down: the port is down" wait_until 5 port_is state PORT_DOWN
	check "  rdma link says so" link_shows DOWN DISABLED
	check "  a process hears PORT_ERR" hears IBV_EVENT_PORT_ERR
	ip link set dummy0 up
	check "link up: the port is active" wait_until 5 port_is state PORT_ACTIVE
	check "  rdma link says so" link_shows ACTIVE LINK_UP
	check "  a process hears PORT_ACTIVE" hears IBV_EVENT_PORT_ACTIVE
	stop watch
	# an IPv6 address that is not link-local went with the link
	ip address replace fd77:0::1/64 dev dummy0 nodad
}

# A change of the carrier alone, which a dummy cannot do.
carrier()
{
	local dev0

	ip link add veth8 type veth peer name veth9
	gets_device veth8 || return
	dev0=$(devices_of veth8)
	ip link set veth8 up
	check "no carrier: the port is down" wait_until 5 port_is state PORT_DOWN
	ip link set veth9 up
	check "carrier: the port is active" wait_until 5 port_is state PORT_ACTIVE
	ip link set veth9 down
	check "no carrier again: the port is down" \
		wait_until 5 port_is state PORT_DOWN
	ip link delete veth8
}

mtu()
{
	local netdev active

	while read -r netdev active; do
		ip link set dummy0 mtu "$netdev"
		check "netdev MTU $netdev: active_mtu $active" \
			wait_until 5 port_is active_mtu "$active"
	done <<-END
		9000 4096
		4500 4096
		4000 2048
		2200 2048
		1300 1024
		1000 512
		1500 1024
	END
	# an MTU of less than 1280 has taken the IPv6 addresses away
	ip address replace fd77:0::1/64 dev dummy0 nodad
	ip link set dummy0 down
	ip link set dummy0 up
	ip address replace fd77:0::1/64 dev dummy0 nodad
}

# gids: the device's, one a line
gids()
{
	ibv_devinfo -v -d "$dev0" | sed -nE 's/.*GID\[ *[0-9]+\]:\s*([^,]+),.*/\1/p'
}

has_gid()
{
	gids | grep -qixF "$1"
}

addresses()
{
	check "the table has the link-local address" has_gid \
		"$(ip -6 -o address show dev dummy0 scope link |
			awk '{ sub("/.*", "", $4); print $4 }')"
	check "the table has the IPv4 address" has_gid ::ffff:10.77.0.1
	check "the table has the IPv6 address" has_gid fd77::1
	ip address add 10.99.0.1/24 dev dummy0
	check "a new IPv4 address comes into the table" \
		wait_until 5 has_gid ::ffff:10.99.0.1
	check "rping to it" both "rping -s -a 10.99.0.1 -C 5" \
		"rping -c -a 10.99.0.1 -C 5 -V"
	ip address delete 10.99.0.1/24 dev dummy0
	check "an IPv4 address that is removed leaves it" \
		wait_until 5 not has_gid ::ffff:10.99.0.1
	ip address add fd99::1/64 dev dummy0 nodad
	check "a new IPv6 address comes into the table" \
		wait_until 5 has_gid fd99::1
	check "rping to it" both "rping -s -a fd99::1 -C 5" \
		"rping -c -a fd99::1 -C 5 -V"
	ip address delete fd99::1/64 dev dummy0
	check "an IPv6 address that is removed leaves it" \
		wait_until 5 not has_gid fd99::1
	check "the others are still there" eval \
		"has_gid ::ffff:10.77.0.1 && has_gid fd77::1"
}

many_addresses()
{
	local i

	for i in {2..101}; do
		echo "address add 10.77.0.$i/24 dev dummy0"
	done | ip -batch -
	wait_until 5 has_gid ::ffff:10.77.0.101 || return
	both "rping -s -a 10.77.0.101 -C 5" "rping -c -a 10.77.0.101 -C 5 -V" ||
		return
	for i in {2..101}; do
		echo "address delete 10.77.0.$i/24 dev dummy0"
	done | ip -batch -
	wait_until 5 not has_gid ::ffff:10.77.0.101
}

# The end of a netdev.

# ends_traffic TRAFFIC...: does the deletion of the netdev end it, with errors?
ends_traffic()
{
	case $1 in
	rping)
		start_traffic run "$dev0" "rping -s -a 10.77.0.1 -S 60000" \
			"rping -c -a 10.77.0.1 -S 60000 -V" 7174 || return
		;;
	*) run_for_long run "$dev0" "$@" || return ;;
	esac
	ip link delete dummy0
	if ! ended 10 run_client run_server; then
		cat "$scratch/run_server" "$scratch/run_client"
		for pid in $(pgrep -x '(ib_(send|write|read)_bw|rping)'); do
			echo "$pid: $(cat "/proc/$pid/wchan")"
		done
		stop run_client run_server
		return 1
	fi
	# shellcheck disable=SC2154 # set by ended
	if [ "$status_run_client" -eq 0 ]; then
		echo "the client ends with status 0"
		cat "$scratch/run_client"
		return 1
	fi
	wait_until 5 not device_exists "$dev0" || { echo "the device is there"; return 1; }
	same "processes that are left" "$(pgrep -cx '(ib_(send|write|read)_bw|rping)')" 0
}

# The netdev comes back, and the device with it.
comes_back()
{
	netdev_up dummy0 0
	gets_device dummy0 || return
	dev0=$(devices_of dummy0)
	gid_index "$dev0" >/dev/null || return
	both "rping -s -a 10.77.0.1 -C 5" "rping -c -a 10.77.0.1 -C 5 -V" || return
	as_before "$dev0" || released "$dev0"
}

netdev_goes()
{
	local traffic

	while read -r traffic; do
		# shellcheck disable=SC2086 # words
		check "the netdev goes away under $traffic" ends_traffic $traffic
		ip link delete dummy0 2>/dev/null
		check "  and works when it is back" comes_back
	done <<-END
		ib_write_bw
		ib_write_bw -b -q 8 -s 1048576
		ib_read_bw
		ib_send_bw -e -n 2000000
		ib_send_bw -b -q 4
		ib_send_bw -c UD -s 1024 -e -n 2000000
		ib_send_bw -R
		rping
	END
}

# A listener that nobody has connected to, and processes that only wait.
waiters()
{
	start listener "rping -s -a 10.77.0.1"
	start watch "stdbuf -oL ibv_asyncwatch -d $dev0"
	wait_until 10 listens 7174
	wait_until 10 grep -q "async event FD" "$scratch/watch"
	ip link delete dummy0
	wait_until 5 not device_exists "$dev0" || { echo "the device is there"; return 1; }
	ended 5 listener
	local status=$?
	grep -q IBV_EVENT_DEVICE_FATAL "$scratch/watch" ||
		{ cat "$scratch/watch"; status=1; }
	stop listener watch
	return "$status"
}

hardware_up 1
remember "$dev0"
suitable_netdevs
port_state
carrier
mtu
addresses
check "a hundred addresses" many_addresses
netdev_goes
check "the netdev goes away under a listener and a waiter" waiters
check "  and works when it is back" comes_back
all_released
finish
