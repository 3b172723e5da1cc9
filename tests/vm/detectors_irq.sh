#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Lockdep watches the contexts that locks are taken in. Its first report is its
# last one, so this has a guest to itself; see detectors.sh.
# vm: on=debug timeout=120 alone=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/detectors/commit.sh"

begin_defects
if [ -e /proc/lockdep_stats ]; then
	defect irq_lock 'WARNING: inconsistent lock state'
else
	ok "irq_lock # SKIP this kernel has no lockdep"
fi
end_defects
