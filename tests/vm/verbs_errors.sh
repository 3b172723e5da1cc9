#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verbs as a program of user space sees them when something goes wrong, and
# at their edges: statuses, states, events.
# With ONLY="keys states" in the environment only those programs run; the
# argument is a pattern for the names of their cases.
# vm: timeout=300 cpus=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

hardware_up 2
allow_log 'a completion queue of .* entries overflowed'
allow_log 'destination .* has no softhca device on this host'
remember "$dev0" "$dev1"

# states comes last: with the link down, IPv6 addresses go.
for name in ${ONLY:-keys types cq data ex ops ud states}; do
	program "verbs_errors_$name" "$dev0" "$dev1" "$@"
done
all_released
finish
