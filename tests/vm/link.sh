#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# rdma link add and delete; several devices on one netdev; rdma_rxe beside us, and
# its unloading, which takes our devices along for a moment.
# vm: timeout=400
. "$(dirname "$0")/lib.sh"

overlapping_regions

rping_once()
{
	both "rping -s -a 10.77.0.1 -C 5" "rping -c -a 10.77.0.1 -C 5 -V"
}

# over SERVER-DEVICE CLIENT-DEVICE [OPTIONS]
over()
{
	local server=$1 client=$2
	shift 2

	perftest_port=$((perftest_port + 1))
	# a newer perftest takes an option once only
	[[ " $* " = *" -n "* ]] || set -- -n 500 "$@"
	set -- -F -p "$perftest_port" "$@"
	both "ib_write_bw -d $server -x $(gid_index "$server") $*" \
		"ib_write_bw -d $client -x $(gid_index "$client") $* localhost"
}

# says ERROR COMMAND...: it fails and says so
says()
{
	local error=$1
	shift

	if "$@" >"$scratch/says" 2>&1; then
		echo "no failure"
		return 1
	fi
	cat "$scratch/says"
	grep -q "$error" "$scratch/says"
}

devices()
{
	rdma link | sed -nE 's|^link ([^/]*)/1 .*|\1|p' | sort | tr '\n' ' '
}

devices_are()
{
	same "devices" "$(devices)" "$1"
}

# The traffic of run_for_long ends with an error.
traffic_ends()
{
	if ! ended 10 run_client run_server; then
		cat "$scratch/run_server" "$scratch/run_client"
		stop run_client run_server
		return 1
	fi
	# shellcheck disable=SC2154 # set by ended
	[ "$status_run_client" -ne 0 ]
}

add_and_delete()
{
	check "rdma link add loads the module" \
		rdma link add sh0 type softhca netdev dummy0
	check "  and makes the device, beside the automatic one" \
		wait_until 5 devices_are "sh0 softhca0 "
	check "a name that is taken is refused" \
		says "File exists" rdma link add sh0 type softhca netdev dummy0
	check "  the automatic one's, too" \
		says "File exists" rdma link add softhca0 type softhca netdev dummy0
	check "a name that the kernel chooses is refused" \
		says "Invalid" rdma link add 'sh%d' type softhca netdev dummy0
	expect_log 'softhca: lo: not an Ethernet netdev'
	check "lo is refused" says "Invalid" rdma link add shlo type softhca netdev lo
	check "a netdev that is not there is refused" \
		says "." rdma link add shx type softhca netdev nonesuch
	ip link add link dummy0 name vlan0 type vlan id 7
	expect_log 'softhca: vlan0: not an Ethernet netdev'
	check "a VLAN is refused" \
		says "Invalid" rdma link add shv type softhca netdev vlan0
	ip link delete vlan0
	check "nothing came of all that" devices_are "sh0 softhca0 "
	check "rdma link delete" rdma link delete sh0
	check "  takes it away" devices_are "softhca0 "
	check "deleting it again is refused" says "." rdma link delete sh0
	check "a device of a name that was in use" \
		rdma link add sh0 type softhca netdev dummy0
	check "the automatic device can be deleted" rdma link delete softhca0
	check "  and stays away when the netdev changes" eval \
		"ip link set dummy0 down; ip link set dummy0 up
		ip address replace fd77:0::1/64 dev dummy0 nodad
		ip link add dummy9 type dummy; wait_until 5 devices_are 'sh0 softhca0 '
		ip link delete dummy9; wait_until 5 devices_are 'sh0 '"
	check "  its name can be had" \
		rdma link add softhca0 type softhca netdev dummy0
	check "rping" rping_once
}

# Both devices have the netdev's GIDs.
several_on_one_netdev()
{
	check "a third device on the netdev" \
		rdma link add sh1 type softhca netdev dummy0
	check "they have different node GUIDs or names, and the same GIDs" eval \
		"same GIDs \"\$(cat /sys/class/infiniband/sh0/ports/1/gids/*)\" \
			\"\$(cat /sys/class/infiniband/sh1/ports/1/gids/*)\""
	check "traffic on one of them" over sh0 sh0
	check "traffic from one to the other" over sh0 sh1
	check "traffic back" over sh1 sh0
	check "traffic from one to the other, both directions, 8 QPs" \
		over softhca0 sh1 -b -q 8
	check "rping, when there are three" rping_once
}

# A device of one that is renamed by the user.
rename()
{
	check "a device is renamed" rdma dev set sh1 name other1
	check "traffic on it" over other1 sh0
	check "a device of its old name" \
		rdma link add sh1 type softhca netdev dummy0
	check "traffic between the two" over other1 sh1
	check "the renamed one is deleted" rdma link delete other1
	rdma link delete sh1
}

delete_in_traffic()
{
	local traffic

	while read -r traffic; do
		# shellcheck disable=SC2086 # words
		check "a device is deleted under $traffic" \
			run_for_long run sh0 $traffic
		check "  rdma link delete" timeout 20 rdma link delete sh0
		check "  the traffic ends with an error" traffic_ends
		check "  the device can be made again" \
			rdma link add sh0 type softhca netdev dummy0
		check "  and works" over sh0 sh0
	done <<-END
		ib_write_bw
		ib_send_bw -b -q 8 -e -t 16 -n 500000
		ib_read_bw -s 1048576
	END
	check "a device is deleted under its peer's traffic" \
		between_devices
}

between_devices()
{
	rdma link add sh1 type softhca netdev dummy0 || return
	perftest_port=$((perftest_port + 1))
	set -- "-x 1 -F -D 60 -p $perftest_port"
	start_traffic run sh1 "ib_write_bw -d sh0 $1" \
		"ib_write_bw -d sh1 $1 localhost" "$perftest_port" || return
	timeout 20 rdma link delete sh0 || return
	traffic_ends || return
	rdma link delete sh1 && rdma link add sh0 type softhca netdev dummy0
}

# Beside rdma_rxe.

both_at_once()
{
	run_for_long hca sh0 ib_write_bw || return
	run_for_long run rxe0 ib_write_bw || return
	sleep 1
	moves sh0
	local status=$?
	stop hca_client hca_server run_client run_server
	return "$status"
}

beside_rxe()
{
	check "rdma_rxe on the same netdev" \
		rdma link add rxe0 type rxe netdev dummy0
	gid_index rxe0 >/dev/null
	check "traffic over rdma_rxe" over rxe0 rxe0 -n 100
	check "traffic over softhca" over sh0 sh0
	check "traffic over both at once" both_at_once
	ip link set dummy0 mtu 4500
	check "MTU change: softhca follows" eval "wait_until 5 eval \
		\"ibv_devinfo -d sh0 | grep -q 'active_mtu:.*4096'\""
	check "MTU change: rdma_rxe follows" eval "wait_until 5 eval \
		\"ibv_devinfo -d rxe0 | grep -q 'active_mtu:.*4096'\""
	ip link set dummy0 mtu 1500
	ip link set dummy0 down
	check "netdev down: both are" eval "wait_until 5 eval \
		\"rdma link show sh0/1 | grep -q DOWN && rdma link show rxe0/1 | grep -q DOWN\""
	ip link set dummy0 up
	ip address replace fd77:0::1/64 dev dummy0 nodad
	check "netdev up: both are" eval "wait_until 5 eval \
		\"rdma link show sh0/1 | grep -q ACTIVE && rdma link show rxe0/1 | grep -q ACTIVE\""
	check "traffic over rdma_rxe" over rxe0 rxe0 -n 100
	check "traffic over softhca" over sh0 sh0
	check "rdma_rxe's device is deleted" rdma link delete rxe0
	check "softhca's are still there" devices_are "sh0 softhca0 "
	check "and made again" rdma link add rxe0 type rxe netdev dummy0
}

log_since()
{
	dmesg | tail -n +"$((marked + 1))"
}

mark_log()
{
	marked=$(dmesg | wc -l)
}

# Its users hold the module, and it stays; from 7.3 on they do not, and it goes.
rxe_in_use()
{
	if [ "$(cat /sys/module/rdma_rxe/refcnt)" -ne 0 ]; then
		says "in use" modprobe -r rdma_rxe
	else
		modprobe -r rdma_rxe && traffic_ends &&
			wait_until 5 devices_are "sh0 softhca0 " &&
			gid_index sh0 >/dev/null
	fi
}

rxe_unloaded()
{
	# deleted by the user, and must stay so
	rdma link add gone0 type softhca netdev dummy0
	rdma link delete gone0
	remember sh0
	mark_log
	check "rdma_rxe is unloaded" modprobe -r rdma_rxe
	check "  softhca's devices come back" wait_until 5 devices_are "sh0 softhca0 "
	check "  the kernel log says so" eval \
		"log_since | grep -q 'softhca: sh0 was taken along' &&
		log_since | grep -q 'softhca: sh0 is back'"
	gid_index sh0 >/dev/null
	check "  and they work" over sh0 softhca0
	check "  with nothing in use but what was" released sh0
	check "  rping" rping_once

	modprobe rdma_rxe
	check "traffic on softhca" run_for_long run sh0 ib_write_bw -b
	check "  rdma_rxe is unloaded" timeout 20 modprobe -r rdma_rxe
	check "  the traffic ends with an error" traffic_ends
	check "  the devices come back" wait_until 5 devices_are "sh0 softhca0 "
	gid_index sh0 >/dev/null
	check "  and work" over sh0 softhca0

	rdma link add rxe0 type rxe netdev dummy0
	gid_index rxe0 >/dev/null
	check "traffic on rdma_rxe" run_for_long run rxe0 ib_write_bw
	check "  rdma_rxe is not unloaded, or the traffic ends with an error" rxe_in_use
	check "  softhca's devices work" over sh0 sh0
	stop run_client run_server
	check "  rdma_rxe is unloaded, then" modprobe -r rdma_rxe
	check "  and the devices come back" wait_until 5 devices_are "sh0 softhca0 "
	gid_index sh0 >/dev/null

	check "rdma_rxe is loaded and unloaded five times" again
	check "softhca can be unloaded while rdma_rxe is loaded" eval \
		"modprobe rdma_rxe && modprobe -r softhca && modprobe -r rdma_rxe"
	check "  and no device is left" devices_are ""
}

again()
{
	local i

	for i in 1 2 3 4 5; do
		modprobe rdma_rxe || return
		rdma link add rxe0 type rxe netdev dummy0 || return
		modprobe -r rdma_rxe || return
		wait_until 5 devices_are "sh0 softhca0 " || return
	done
	gid_index sh0 >/dev/null
	over sh0 softhca0
}

netdev_up dummy0 0
add_and_delete
several_on_one_netdev
rename
delete_in_traffic
beside_rxe
rxe_unloaded
check "the modules unload" unload
delete_netdevs
finish
