#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The modules compile without a warning, with the kernel's own compiler and all
# the warnings that the kernel's build system has for those who ask (W=1): it was
# asked when DKMS built them into this system, and this reads what was said.
# vm: mode=root timeout=600 on=all
. "$(dirname "$0")/lib.sh"

log=/var/lib/dkms/softhca/$(cat /mnt/VERSION)/$KVER/$(uname -m)/log/make.log

# every source is in the log, so nothing had been compiled before
compiled()
{
	local file

	for file in $(cd /mnt && find src -name '*.c' ! -name '*.mod.c'); do
		grep -q "CC \[M\] .*${file%.c}\.o" "$log" ||
			{ echo "$file was not compiled"; return 1; }
	done
}

silent()
{
	not grep -E 'warning|WARNING' "$log"
}

# what only W=1 finds is found when it is asked for like that
warns()
{
	mkdir /tmp/odd && echo 'obj-m := odd.o' >/tmp/odd/Kbuild || return
	cat >/tmp/odd/odd.c <<-EOF
		#include <linux/module.h>
		int odd(void) { return 0; }
		MODULE_LICENSE("GPL");
	EOF
	KBUILD_EXTRA_WARN=1 make -C "/lib/modules/$KVER/build" M=/tmp/odd modules 2>&1 |
		grep 'no previous prototype'
}

check "the modules were compiled for $KVER" compiled
check "without a warning" silent
check "it would have told of one" warns
finish
