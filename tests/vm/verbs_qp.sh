#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# QPs and receive queues as a program of user space sees them: unreliable
# connections, shared receive queues, states.
# With ONLY="uc states" in the environment only those programs run; the argument
# is a pattern for the names of their cases.
# vm: timeout=300 cpus=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

hardware_up 2
allow_log 'a completion queue of .* entries overflowed'
remember "$dev0" "$dev1"

for name in ${ONLY:-uc srq states}; do
	program "verbs_qp_$name" "$dev0" "$dev1" "$@"
done
all_released
finish
