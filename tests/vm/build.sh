#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The modules compile without a warning, with the kernel's own compiler and all
# the warnings that the kernel's build system has for those who ask (W=1): it was
# asked when DKMS built them into this system, and this reads what was said.
# vm: mode=root timeout=600 on=all
. "$(dirname "$0")/lib.sh"

log=/var/lib/dkms/softhca/$(cat /mnt/VERSION)/$KVER/$(uname -m)/log/make.log

# every source is in the log, compiled as it is with W=1
compiled()
{
	local file

	for file in $(cd /mnt && find src -name '*.c' ! -name '*.mod.c'); do
		grep -q -- "-DKBUILD_EXTRA_WARN1 .*[ /]${file%.c}\.o" "$log" ||
			{ echo "$file was not compiled with W=1"; return 1; }
	done
}

# Because the log has each command, 6.1's kernel-doc asks for what it does not ask
# for otherwise, and adds up.
silent()
{
	grep -vE 'No description found for return value of|^[0-9]+ warnings$' "$log" |
		not grep -E 'warning|WARNING'
}

check "the modules were compiled for $KVER with W=1" compiled
check "without a warning" silent
finish
