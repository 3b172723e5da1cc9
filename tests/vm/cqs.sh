#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Completion queues: resized in every state, extended ones, many of them.
# vm: timeout=240 on=all cpus=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

hardware_up 2
allow_log 'a completion queue of .* entries overflowed'
remember "$dev0" "$dev1"
program_timeout=180 program cqs_resize "$dev0" "$dev1" "$@"
all_released
finish
