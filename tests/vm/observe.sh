#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What can be seen of the HCA at work: tracepoints, counters of QPs, how full queues
# are, and events of the port. Each against what has been done.
# vm: timeout=240 on=all cpus=1
. "$(dirname "$0")/lib.sh"

tracing=/sys/kernel/tracing

# traced COMMAND...: the events of the HCA meanwhile are then in $scratch/trace
traced()
{
	echo >"$tracing/trace"
	echo 1 >"$tracing/events/softhca/enable"
	"$@"
	local status=$?
	echo 0 >"$tracing/events/softhca/enable"
	grep -v '^#' "$tracing/trace" >"$scratch/trace"
	return "$status"
}

# events PATTERN: how many
events()
{
	grep -cE -- "$1" "$scratch/trace"
}

sees()
{
	[ "$(events "$2")" -ge "$1" ] && return
	echo "$(events "$2"), not $1, of '$2' in"
	sed 's/^ *//' "$scratch/trace" | cut -c 1-200 | tail -n 40
	return 1
}

# Each end's sends and receives: 100 of each.
pingpong()
{
	local gid

	gid=$(gid_index "$dev0") || return
	both "ibv_rc_pingpong -d $dev0 -g $gid -n 100 -s 1000" \
		"ibv_rc_pingpong -d $dev0 -g $gid -n 100 -s 1000 localhost"
}

tracepoints()
{
	check "pingpong, traced" traced pingpong
	check "  sends" sees 200 "hca_post_send: $dev0: qp=[0-9]+ wr_id=0x2 SEND .*len=1000 sges=1"
	check "  receives" sees 200 "hca_post_recv: $dev0: qp=[0-9]+ wr_id=0x1 len=1000 sges=1"
	check "  completions of sends" \
		sees 200 "hca_cqe: $dev0: cq=[0-9]+ qp=[0-9]+ wr_id=0x2 SEND .*: success"
	check "  completions of receives" \
		sees 200 "hca_cqe: .* RECV len=1000 flags=0x0: success"
	check "  states" eval "sees 2 'hca_qp_state: .* INIT => RTR' &&
		sees 2 'hca_qp_state: .* RTR => RTS' &&
		sees 2 'hca_qp_state: .* => RESET'"

	check "traffic" run_for_long run "$dev0" ib_write_bw
	check "  its server is killed" traced eval \
		"stop run_server; ended 10 run_client"
	check "  retries" sees 1 \
		"hca_retry: $dev0: qp=[0-9]+ wr_id=0x[0-9a-f]+ no answer, again in [0-9]+ us, left="
	check "  a failure" sees 1 "hca_cqe_error: .*: transport retry counter exceeded"
	check "  flushes" sees 1 "hca_cqe_error: .*: WR flushed"
	check "  states" sees 1 "hca_qp_state: .* RTS => ERR"
	echo 0 >"$tracing/events/softhca/enable"
}

port_down_and_up()
{
	ip link set dummy0 down
	sleep 0.5
	ip link set dummy0 up
	sleep 0.5
}

# One event for each change, whoever looks at the netdev: the driver or the core.
port_events()
{
	start watch "stdbuf -oL ibv_asyncwatch -d $dev0"
	wait_until 10 grep -q 'async event FD' "$scratch/watch"
	check "the link goes down and up" traced port_down_and_up
	stop watch
	check "  the port's events are traced" same events \
		"$(events "hca_event: $dev0: port error, number=1"),$(events \
			"hca_event: $dev0: port active, number=1")" 1,1
	check "  a program gets each once" same events \
		"$(grep -c IBV_EVENT_PORT_ERR "$scratch/watch"),$(grep -c \
			IBV_EVENT_PORT_ACTIVE "$scratch/watch")" 1,1
	ip address add fd77:0::1/64 dev dummy0 nodad 2>/dev/null
	gid_index "$dev0" 6 >/dev/null
}

# Counters of QPs.

# total DEVICE NAME: the port's, with all its counters
total()
{
	sleep 0.1
	rdma statistic show link "$1/1" | grep -oE "\b$2 [0-9]+" | cut -d ' ' -f 2
}

# bound NAME: of the counters that QPs are bound to, added up
bound()
{
	sleep 0.1
	rdma statistic qp show link "$dev0/1" | grep -oE "\b$1 [0-9]+" |
		awk '{ n += $2 } END { print n + 0 }'
}

# A pair of QPs that goes on: 2 QPs in each process.
counters()
{
	local before qpn

	before=$(total "$dev0" tx_messages)
	check "counters by process" rdma statistic qp set link "$dev0/1" auto pid on
	check "  pingpong" pingpong
	check "  the port's counters have it when the QPs are gone" \
		same tx_messages "$(total "$dev0" tx_messages)" $((before + 200))
	check "  traffic" run_for_long run "$dev0" ib_write_bw -q 2
	check "  two processes have counters" same counters \
		"$(rdma statistic qp show link "$dev0/1" | grep -c cntn)" 2
	check "  which count" test "$(bound tx_messages)" -gt 0
	# which goes on: the port's is read later, and what it had before does not count
	check "  and the port's include them" test "$(bound tx_messages)" -le \
		$(($(total "$dev0" tx_messages) - before))
	stop run_client run_server
	check "  they go with their QPs" same counters \
		"$(rdma statistic qp show link "$dev0/1" | grep -c cntn)" 0
	check "  no more" rdma statistic qp set link "$dev0/1" auto off

	check "traffic" run_for_long run "$dev0" ib_write_bw
	qpn=$(rdma resource show qp link "$dev0/1" | grep "pid $(child_of \
		"$pid_run_client") " | sed -nE 's/.* lqpn ([0-9]+) .*/\1/p')
	check "  a QP is bound to a counter" \
		rdma statistic qp bind link "$dev0/1" lqpn "$qpn"
	sleep 0.3
	check "  which counts" test "$(bound tx_messages)" -gt 0
	before=$(total "$dev0" tx_messages)
	check "  the QP is let go of" rdma statistic qp unbind link "$dev0/1" \
		cntn "$(rdma statistic qp show link "$dev0/1" |
			sed -nE 's/.* cntn ([0-9]+) .*/\1/p')" lqpn "$qpn"
	check "  nothing that it has counted is lost" \
		test "$(total "$dev0" tx_messages)" -ge "$before"
	check "  there are no counters" same counters \
		"$(rdma statistic qp show link "$dev0/1" | grep -c cntn)" 0
	stop run_client run_server
}

# A sender whose peer has no receive for a while, and one that has none at all.
retries()
{
	local before naks

	before=$(total "$dev0" out_of_buffer)
	naks=$(total "$dev0" rnr_nak_retry_err)
	check "sends without receives" both \
		"ib_send_bw $(ib_options) -r 1" "ib_send_bw $(ib_options) -r 1 localhost"
	check "  RNR NAKs are counted" \
		test "$(total "$dev0" rnr_nak_retry_err)" -gt "$naks"
	check "  at both ends" same "RNR NAKs" \
		"$(($(total "$dev0" rnr_nak_retry_err) - naks))" \
		"$(($(total "$dev0" out_of_buffer) - before))"
}

ib_options()
{
	echo "-d $dev0 -x $(gid_index "$dev0") -F -n 2000 -s 64 -p 19999"
}

# How full queues are.
details()
{
	check "traffic" run_for_long run "$dev0" ib_write_bw
	check "rdma resource, details of QPs" eval \
		"rdma -dd resource show qp link $dev0/1 | tr '\\n' ' ' |
		grep -E 'state RTS .*sq_waiting [0-9]+ .*rq_waiting [0-9]+ .*retry_wait [01]'"
	check "rdma resource, details of CQs" eval \
		"rdma -dd resource show cq dev $dev0 | tr '\\n' ' ' |
		grep -E 'cqe [0-9]+ .*waiting [0-9]+ .*armed [012] .*overflow 0'"
	check "rdma resource: contexts" eval \
		"rdma resource show ctx dev $dev0 | grep 'comm ib_write_bw'"
	stop run_client run_server
}

hardware_up 1
remember "$dev0"
tracepoints
port_events
counters
retries
details
all_released
finish
