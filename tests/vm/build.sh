#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The modules compile without a warning, with the kernel's own compiler and all
# the warnings that the kernel's build system has for those who ask (W=1).
# vm: mode=root timeout=600 on=all
. "$(dirname "$0")/lib.sh"

log=/tmp/build.log

compiles()
{
	cp -r /mnt /tmp/tree &&
		make -C "/lib/modules/$KVER/build" M=/tmp/tree -j"$(nproc)" \
			W=1 modules >"$log" 2>&1 && return
	tail -n 40 "$log"
	return 1
}

silent()
{
	not grep -E 'warning|WARNING' "$log"
}

check "the modules compile for $KVER" compiles
check "without a warning" silent
finish
