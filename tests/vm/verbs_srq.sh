#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Many QPs on one shared receive queue, at the same time.
# The argument is a pattern for the names of the cases.
# vm: timeout=300 cpus=2
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

hardware_up 2
remember "$dev0" "$dev1"
program verbs_qp_srq_many "$dev0" "$dev1" "$@"
all_released
finish
