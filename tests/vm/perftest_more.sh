#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# perftest, what perftest.sh does not do: UC, SRQs, atomics, on-demand paging, runs
# for a time, 64 QPs, and the options that change how a program posts or registers.
# Each with each other one where perftest allows it, but not every combination. What
# the device does not offer is skipped.
#
# perftest itself has no UC with -R, no atomics on demand, no UC reads or atomics, no
# -D with -e or -a, no -q or -b for latencies, SRQs for sends only.
# vm: timeout=500
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/progs/perftest.sh
. "$(dirname "$0")/progs/perftest.sh"

unreliable()
{
	run_if uc ib_send_bw 65536 -c UC
	run_if uc ib_send_bw 4000 -c UC -q 64 -b -n 50
	run_if uc ib_send_bw 1000 -c UC -e -t 16 -I 64
	run_if uc ib_write_bw 65536 -c UC -q 8 -b
	run_if uc ib_write_bw 100 -c UC -I 128 -l 10
	run_if uc ib_send_lat 100 -c UC -I 128
	run_if uc ib_send_lat 5000 -c UC -e
	run_if uc ib_write_lat 1000000 -c UC
	run_for uc ib_write_bw 1024 -c UC
}

shared_queues()
{
	run_if srq ib_send_bw 65536 --use-srq -q 4
	run_if srq ib_send_bw 4096 --use-srq -q 16 -b
	run_if srq ib_send_bw 1000 --use-srq -q 8 -R
	run_if srq ib_send_bw 100 --use-srq -q 2 -I 128 -l 5
	run_if srq ib_send_bw 2000 --use-srq -e -t 16
	run_if srq ib_send_lat 64 --use-srq
	run_if srq ib_send_lat 64 --use-srq -e -R
	# of one QP: perftest gives the queue no more receives than each one's messages,
	# and a datagram that finds none is lost
	run_if srq ib_send_bw 1024 --use-srq -c UD
	run_for srq ib_send_bw 16384 --use-srq -q 2
}

atomics()
{
	local type

	for type in FETCH_AND_ADD CMP_AND_SWAP; do
		run_if atomic ib_atomic_bw 8 -A "$type"
		run_if atomic ib_atomic_lat 8 -A "$type"
	done
	run_if atomic ib_atomic_bw 8 -A FETCH_AND_ADD -q 64 -b -n 50
	run_if atomic ib_atomic_bw 8 -A CMP_AND_SWAP -q 8 -R
	run_if atomic ib_atomic_bw 8 -A FETCH_AND_ADD -e -t 16 -o 1
	run_if atomic ib_atomic_lat 8 -A CMP_AND_SWAP -e -R
	run_for atomic ib_atomic_bw 8 -A FETCH_AND_ADD -b
}

on_demand()
{
	run_if odp ib_send_bw 65536 --odp -q 8
	run_if odp ib_write_bw 65536 --odp -b
	run_if odp ib_read_bw 65536 --odp -e -t 16
	run_if odp ib_send_lat 1000000 --odp -R
	run_if odp ib_write_lat 64 --odp -I 32
	run_if odp ib_read_lat 64 --odp -e
	run_if odp ib_send_bw 1024 --odp -c UD
	run_for odp ib_read_bw 4096 --odp -q 2 -b
}

for_a_time()
{
	run_for rc ib_send_bw 65536 -q 4
	run_for rc ib_write_bw 4096 -b -q 2 -R
	run_for rc ib_read_bw 65536 -b
	run_for rc ib_send_bw 1024 -c UD
	run_for rc ib_send_lat 64
	run_for rc ib_write_lat 64
	run_for rc ib_read_lat 4096
}

# All sizes in both directions, many QPs, and what is posted or registered otherwise.
others()
{
	run_all ib_write_bw -b
	run_all ib_read_bw -q 4 -b
	run_all ib_send_bw -R -b
	run_if rc ib_send_bw 8192 -q 64 -b -n 50
	run_if rc ib_read_bw 8192 -q 64 -R -n 50
	run_if rc ib_send_bw 8192 -q 8 --mr_per_qp
	run_if rc ib_write_bw 8192 --use_old_post_send -l 10
	run_if rc ib_write_bw 65536 --mmap=/tmp/perftest
	run_if rc ib_read_bw 65536 -z
	run_if rc ib_send_bw 8192 -r 64 -b -N
}

hardware_up 1
remember "$dev0"
find_gids
truncate -s 1M /tmp/perftest
unreliable
shared_queues
atomics
on_demand
for_a_time
others
all_released
finish
