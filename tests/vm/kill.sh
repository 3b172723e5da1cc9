#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A program that is killed in full traffic leaves nothing behind, and its peer
# is told.
# vm: timeout=500
. "$(dirname "$0")/lib.sh"

# start_rping NAME: endless.
start_rping()
{
	start_traffic "$1" "$dev0" "rping -s -a 10.77.0.1 -S 60000" \
		"rping -c -a 10.77.0.1 -S 60000 -V" 7174
}

# begin TRAFFIC: a traffic's name in the table below
begin()
{
	case $1 in
	rping) start_rping run ;;
	*) run_for_long run "$dev0" "$@" ;;
	esac
}

kill_end()
{
	local pid=pid_run_$1

	kill -9 "$(child_of "${!pid}")"
}

# The one that has not been killed notices that; who does not is killed too. With
# the connection manager's timeout and seven retries it takes up to 35 seconds.
survivor()
{
	local status=status_run_$1

	case $2 in
	hears)
		ended 45 "run_$1" || return
		[ "${!status}" -ne 0 ] || { echo "$1: status 0"; return 1; }
		;;
	ends)
		ended 45 "run_$1"
		;;
	deaf)
		# waits for messages that do not come, as on any device
		stop "run_$1"
		;;
	esac
}

# killed VICTIM SURVIVOR HOW TRAFFIC...
killed()
{
	local victim=$1 survivor=$2 how=$3
	shift 3

	begin "$@" || return
	kill_end "$victim"
	ended 5 "run_$victim" || return
	if ! survivor "$survivor" "$how"; then
		cat "$scratch/run_$survivor"
		stop "run_$survivor"
		return 1
	fi
	released "$dev0"
}

killed_both()
{
	begin "$@" || return
	kill -9 "$(child_of "$pid_run_server")" "$(child_of "$pid_run_client")"
	ended 5 run_server run_client || return
	released "$dev0"
}

hardware_up 1
remember "$dev0"

# How the client takes the death of the server, and the server that of the
# client: perftest's servers of one-sided operations notice by TCP.
while read -r client server traffic; do
	# shellcheck disable=SC2086 # words
	check "$traffic: client killed" killed client server "$server" $traffic
	# shellcheck disable=SC2086 # words
	check "$traffic: server killed" killed server client "$client" $traffic
	# shellcheck disable=SC2086 # words
	check "$traffic: both killed" killed_both $traffic
done <<'END'
ends ends rping
hears ends ib_write_bw -q 8
hears ends ib_read_bw -s 1048576
hears deaf ib_send_bw
hears deaf ib_send_bw -e -b -q 8 -t 16 -n 500000
deaf deaf ib_send_bw -c UD -s 1024
hears deaf ib_write_bw -R
END

again()
{
	local i

	for ((i = 0; i < $1; i++)); do
		killed_both ib_write_bw -b -q 4 -s "$((RANDOM * 64 + 1))" || return
	done
}
times=$(often 5 3)
check "both killed, $times times" again "$times"
check "rping passes after that" both "rping -s -a 10.77.0.1 -C 10" \
	"rping -c -a 10.77.0.1 -C 10 -V"
all_released
finish
