#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# perftest: every operation, sizes from 1 byte to 8 MiB, RC and UD, polling and
# events, 1 and 8 QPs, one and both directions, with and without the connection
# manager, on one device and between two. That the programs end well and report
# on each size counts, not the figures. In brief form not every combination.
# vm: timeout=1500 on=all brief-cpus=1
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/progs/perftest.sh
. "$(dirname "$0")/progs/perftest.sh"

# For each size that it reports perftest looks for a fifth of a second how fast its
# processor is: in brief form only one program reports all.
all_sizes()
{
	local program programs=(ib_send_bw ib_write_bw ib_read_bw)

	[ -n "${SOFTHCA_BRIEF-}" ] ||
		programs+=(ib_send_lat ib_write_lat ib_read_lat)
	for program in "${programs[@]}"; do
		if [ -z "${SOFTHCA_BRIEF-}" ] || [ "$program" = ib_send_bw ]; then
			run_all "$program"
		else
			check "$program -s 8388608" measure 8388608 "$program" \
				"$dev0" "$dev0" -s 8388608 -n 5
		fi
		run "$program" 1
	done
	for program in ib_send_bw ib_send_lat; do
		check "$program -c UD -a: 2 bytes to the MTU" \
			measure "$(sizes_up_to 1024)" "$program" \
			"$dev0" "$dev0" -c UD -a -n "$(often 100 10)"
		run "$program" 1 -c UD
	done
}

# Each option with each other one, but for two. RDMA writes have no events in perftest.
# In both directions its sends take one batch of completions from each queue for an
# event; of several QPs there can be more, and no event comes for what is left:
# they would stand still now and then, on any device. The connection manager does
# with one QP what it does with each of 8.
bandwidths()
{
	local program way ways=("-q 1" "-q 8 -b" "-q 1 -e -t 16 -b" "-q 8 -e -t 16")

	[ -z "${SOFTHCA_BRIEF-}" ] || ways=("-q 8 -b")
	for program in "ib_send_bw 65536" "ib_write_bw 65536" \
			"ib_read_bw 65536" "ib_send_bw 1024 -c UD"; do
		for way in "${ways[@]}"; do
			case $program/$way in
			ib_write_bw*-e* | ib_send_bw*"-q 8 -e"*-b) continue ;;
			esac
			# shellcheck disable=SC2086 # words
			run $program $way
			# shellcheck disable=SC2086 # words
			[[ $way != *"-q 8"* ]] || run $program $way -R
		done
	done
}

latencies()
{
	local program events cm

	for program in "ib_send_lat 8" "ib_read_lat 8" "ib_send_lat 8 -c UD"; do
		for events in "" -e; do
			for cm in "" -R; do
				# shellcheck disable=SC2086 # words
				run $program $events $cm
			done
		done
	done
	run ib_write_lat 8
	run ib_write_lat 8 -R
}

variations()
{
	run ib_send_lat 200 -I 256
	run ib_write_lat 200 -I 256
	run ib_send_lat 100 -c UD -I 128
	run ib_send_bw 100 -I 128 -q 8 -b
	run ib_write_bw 65536 -q 8 -l 20
	run ib_send_bw 65536 -m 256
	run ib_send_bw 65536 -r 16
	run ib_read_bw 65536 -o 1
	run ib_send_bw 4000 -Q 1 -t 1
	run ib_write_bw 65536 -q 64
}

two_devices()
{
	local program programs=(ib_send_bw ib_write_bw ib_read_bw)

	[ -n "${SOFTHCA_BRIEF-}" ] ||
		programs+=(ib_send_lat ib_write_lat ib_read_lat)
	for program in "${programs[@]}"; do
		check "$program between two devices" measure 65536 "$program" \
			"$dev0" "$dev1" -s 65536 -n 200
	done
	check "ib_read_bw -b -q 8 -e between two devices" \
		measure 65536 ib_read_bw "$dev0" "$dev1" \
		-s 65536 -n 200 -b -q 8 -e -t 16
	check "ib_send_bw -b -e between two devices" \
		measure 65536 ib_send_bw "$dev0" "$dev1" \
		-s 65536 -n 200 -b -e -t 16
	check "ib_send_bw -c UD between two devices" measure 1024 ib_send_bw \
		"$dev0" "$dev1" -s 1024 -n 200 -c UD
	check "ib_send_bw -c UD -b -e between two devices" \
		measure 1024 ib_send_bw "$dev0" "$dev1" \
		-s 1024 -n 200 -c UD -b -e -t 16
}

hardware_up 2
remember "$dev0" "$dev1"
find_gids
all_sizes
bandwidths
if [ -z "${SOFTHCA_BRIEF-}" ]; then
	latencies
	variations
fi
two_devices
all_released
finish
