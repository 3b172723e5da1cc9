#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Atomic operations, memory windows, atomic write and flush, as a program of user
# space has them: what they do, in which order, and that they are atomic.
# With ONLY="atomic mw" in the environment only those programs run; the argument
# is a pattern for the names of their cases.
# vm: timeout=200 on=all cpus=2 brief-cpus=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

hardware_up 2
remember "$dev0" "$dev1"

for name in ${ONLY:-atomic mw}; do
	program "verbs_ops_$name" "$dev0" "$dev1" "$@"
done
all_released
finish
