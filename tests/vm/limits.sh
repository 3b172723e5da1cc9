#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# As many objects as the device announces, larger ones than it announces, and
# memory regions of all sizes and kinds of memory. In brief form not the largest.
# With ONLY="limits" in the environment only those programs run; the argument is
# a pattern for the names of their cases.
# vm: timeout=800 cpus=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

hardware_up 2
remember "$dev0" "$dev1"

for name in ${ONLY:-limits limits_mr}; do
	program_timeout=$(often 200 600) program "$name" "$dev0" "$dev1" "$@"
done
all_released
finish
