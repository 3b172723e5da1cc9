#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What ibv_devinfo, rdma link, rdma resource and rdma statistic show is true.
# vm: timeout=180 cpus=1 brief-cpus=2
. "$(dirname "$0")/lib.sh"

version=$(cat /suite/VERSION)

# info DEVICE KEY: a value of ibv_devinfo -v
info()
{
	ibv_devinfo -v -d "$1" | sed -nE "s/^\s*$2:\s*([^ ]*).*/\1/p" | head -n 1
}

shows()
{
	same "$2" "$(info "$1" "$2")" "$3"
}

# The EUI-64 of a netdev's address.
guid()
{
	local mac

	IFS=: read -r -a mac <"/sys/class/net/$1/address"
	printf '%02x%s:%sff:fe%s:%s%s\n' $((0x${mac[0]} ^ 2)) "${mac[@]:1}"
}

# An address of the netdev with the prefix length cut off, as a GID.
expected_gids()
{
	{
		ip -4 -o address show dev "$1" | awk '{ print "::ffff:" $4 }'
		ip -6 -o address show dev "$1" | awk '{ print $4 }'
	} | sed 's|/.*||' | sort
}

shown_gids()
{
	ibv_devinfo -v -d "$1" | sed -nE 's/.*GID\[ *[0-9]+\]:\s*(.*), RoCE v2/\1/p' |
		sort
}

devinfo()
{
	check "ibv_devinfo: fw_ver is the version" shows "$dev0" fw_ver "$version"
	check "ibv_devinfo: node_guid is of the netdev's address" \
		shows "$dev0" node_guid "$(guid dummy0)"
	check "ibv_devinfo: one port" shows "$dev0" phys_port_cnt 1
	check "ibv_devinfo: state" shows "$dev0" state PORT_ACTIVE
	check "ibv_devinfo: max_mtu" shows "$dev0" max_mtu 4096
	check "ibv_devinfo: active_mtu" shows "$dev0" active_mtu 1024
	check "ibv_devinfo: link_layer" shows "$dev0" link_layer Ethernet
	check "ibv_devinfo: atomic_cap" shows "$dev0" atomic_cap ATOMIC_GLOB
	check "ibv_devinfo: max_srq" shows "$dev0" max_srq 65536
	check "ibv_devinfo: max_mw" shows "$dev0" max_mw 1048576
	check "ibv_devinfo: max_mcast_grp" shows "$dev0" max_mcast_grp 8192
	check "ibv_devinfo: max_mcast_qp_attach" \
		shows "$dev0" max_mcast_qp_attach 128
	check "ibv_devinfo: the GIDs are the netdev's addresses, RoCE v2" \
		same GIDs "$(shown_gids "$dev0")" "$(expected_gids dummy0)"
	check "ibv_devices lists both devices" eval \
		"ibv_devices | grep -qw $dev0 && ibv_devices | grep -qw $dev1"
}

link()
{
	check "rdma link: state and netdev" eval "rdma link show $dev0/1 |
		grep -q 'state ACTIVE physical_state LINK_UP netdev dummy0'"
	check "rdma link: the other device's netdev" eval \
		"rdma link show $dev1/1 | grep -q 'netdev dummy1'"
	check "rdma dev: type, version, GUID" eval "rdma dev show $dev0 |
		grep -Eq 'node_type ca (protocol roce )?fw $version node_guid $(guid dummy0)'"
}

# Resources.

# total DEVICE KIND: as summed up by rdma resource
total()
{
	rdma resource show "$1" | sed -nE "s/.* $2 ([0-9]+).*/\1/p"
}

# listed DEVICE KIND [PATTERN]: entries of the detailed list
listed()
{
	local device=$1

	[ "$2" != qp ] || device=$1/1
	rdma resource show "$2" 2>/dev/null | grep -E "^(link|dev) $device " |
		grep -cE -- "${3:-.}"
}

totals_agree()
{
	local kind

	for kind in pd cq qp mr; do
		same "$kind" "$(listed "$dev0" "$kind")" "$(total "$dev0" "$kind")" ||
			return
	done
}

# The QP numbers that perftest prints, decimal, are those of the list.
qps_are_listed()
{
	local qpn count=0

	while read -r qpn; do
		rdma resource show qp link "$dev0/1" |
			grep "lqpn $((qpn)) " | grep -E 'type RC state RTS .* comm ib_write_bw' ||
			return
		count=$((count + 1))
	done < <(sed -nE 's/.*local address:.* QPN (0x[0-9a-f]+) .*/\1/p' \
		"$scratch/run_client")
	same "QPs" "$count" 8
}

grown()
{
	same "$1" "$(total "$dev0" "$1")" "$(($2 + $3))"
}

resources()
{
	local qp cq pd ctx pid

	qp=$(total "$dev0" qp)
	cq=$(total "$dev0" cq)
	pd=$(total "$dev0" pd)
	ctx=$(total "$dev0" ctx)
	check "rdma resource: the kernel's own QP is of type GSI" \
		same QPs "$(listed "$dev0" qp 'lqpn 1 type GSI')" 1
	check "rdma resource: totals and lists agree" totals_agree

	check "traffic over 8 QPs" run_for_long run "$dev0" \
		"stdbuf -oL ib_write_bw" -q 8
	check "rdma resource: 16 QPs more" grown qp "$qp" 16
	check "rdma resource: 2 PDs more" grown pd "$pd" 2
	check "rdma resource: 2 contexts more" grown ctx "$ctx" 2
	check "rdma resource: totals and lists agree" totals_agree
	check "rdma resource: the program's QP numbers, with their state" \
		qps_are_listed
	pid=$(child_of "$pid_run_client")
	check "rdma resource: the client has 8 QPs" \
		same QPs "$(listed "$dev0" qp "pid $pid ")" 8
	check "rdma resource: the client has CQs" \
		test "$(listed "$dev0" cq "pid $pid ")" -ge 1
	check "rdma resource: the client's MR has its length" \
		test "$(listed "$dev0" mr "mrlen 1048576 .*pid $pid ")" -ge 1
	stop run_client run_server
	check "rdma resource: everything is as before" eval \
		"grown qp $qp 0 && grown pd $pd 0 && grown ctx $ctx 0 && grown cq $cq 0"

	check "rping" start_traffic run "$dev0" "rping -s -a 10.77.0.1" \
		"rping -c -a 10.77.0.1" 7174
	check "rdma resource: its listener and connections" eval "
		rdma resource show cm_id | grep -q 'state LISTEN.*src-addr 10.77.0.1:7174' &&
		rdma resource show cm_id | grep 'state CONNECT.*dst-addr 10.77.0.1:7174' &&
		rdma resource show cm_id | grep 'state CONNECT.*src-addr 10.77.0.1:7174'"
	stop run_client run_server
	check "rdma resource: they are gone" wait_until 5 grown cm_id 0 0
}

# Statistics.

# The counters are read at most every 10 ms.
statistic()
{
	rdma statistic show link "$1/1" | grep -oE "\b$2 [0-9]+" | cut -d ' ' -f 2
}

counters=(tx_messages tx_bytes rx_messages rx_bytes rx_write_requests
	rx_read_requests)
read_counters()
{
	local name

	sleep 0.1
	for name in "${counters[@]}"; do
		statistic "$1" "$name"
	done
}

# by SERVER-DEVICE CLIENT-DEVICE: how the counters of the two have grown: those
# that the client raises as a requester on its device, then the responder's
counted=()
count()
{
	local client_before server_before client_after server_after i

	mapfile -t client_before < <(read_counters "$2")
	mapfile -t server_before < <(read_counters "$1")
	measure "$@" || return
	counted=()
	mapfile -t client_after < <(read_counters "$2")
	mapfile -t server_after < <(read_counters "$1")
	for i in 0 1; do
		counted+=($((client_after[i] - client_before[i])))
	done
	for i in 2 3 4 5; do
		counted+=($((server_after[i] - server_before[i])))
	done
}

measure()
{
	local server=$1 client=$2 program=$3
	shift 3

	perftest_port=$((perftest_port + 1))
	set -- -F -p "$perftest_port" "$@"
	both "$program -d $server -x $(gid_index "$server") $*" \
		"$program -d $client -x $(gid_index "$client") $* localhost"
}

# counts MESSAGES BYTES WRITES READS SERVER-DEVICE CLIENT-DEVICE PROGRAM...
counts()
{
	local messages=$1 bytes=$2 writes=$3 reads=$4
	shift 4

	count "$@" || return
	same "${counters[*]}" "${counted[*]}" \
		"$messages $bytes $messages $bytes $writes $reads"
}

sysfs_agrees()
{
	local name

	sleep 0.1
	for name in "${counters[@]}"; do
		same "$name" "$(hca_counter "$dev0" "$name")" \
			"$(statistic "$dev0" "$name")" || return
	done
}

# errors DEVICE: the counters of what goes wrong
errors()
{
	sleep 0.1
	rdma statistic show link "$1/1" |
		grep -oE '[a-z_]*(err|errors?|violations|request|buffer) [0-9]+'
}

statistics()
{
	local before

	before=$(errors "$dev0")
	check "rdma statistic: 1000 writes of 4096 bytes" counts \
		1000 4096000 1000 0 "$dev0" "$dev0" ib_write_bw -s 4096 -n 1000
	check "rdma statistic: 500 reads of 8192 bytes" counts \
		500 4096000 0 500 "$dev0" "$dev0" ib_read_bw -s 8192 -n 500
	# not more than perftest posts receives for before it begins: with none
	# left a send is tried again, and that is counted
	check "rdma statistic: 500 sends of 1000 bytes" counts \
		500 500000 0 0 "$dev0" "$dev0" ib_send_bw -s 1000 -n 500
	check "rdma statistic: 400 datagrams of 512 bytes" counts \
		400 204800 0 0 "$dev0" "$dev0" ib_send_bw -c UD -s 512 -n 400
	check "rdma statistic: 1000 writes between two devices" counts \
		1000 4096000 1000 0 "$dev1" "$dev0" ib_write_bw -s 4096 -n 1000
	check "rdma statistic: sysfs has the same" sysfs_agrees
	check "rdma statistic: no error was counted" \
		same errors "$(errors "$dev0")" "$before"

	check "traffic" run_for_long run "$dev0" ib_write_bw
	stop run_server
	check "  whose server is killed" ended 10 run_client
	sleep 0.1
	check "rdma statistic: timeouts are counted" \
		test "$(statistic "$dev0" local_ack_timeout_err)" -ge 1
	check "rdma statistic: error completions are counted" \
		test "$(statistic "$dev0" req_cqe_error)" -ge 1
	check "rdma statistic: flushed completions are counted" \
		test "$(statistic "$dev0" req_cqe_flush_error)" -ge 1
}

hardware_up 2
remember "$dev0" "$dev1"
devinfo
link
resources
statistics
all_released
finish
