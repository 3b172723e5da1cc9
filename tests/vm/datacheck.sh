#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Random traffic between many QPs on two devices, of which every byte is compared
# (progs/datacheck.c), and that it finds what is spoiled on purpose. The seed is
# printed; with DATACHECK_SEED in the environment it is that one. DATACHECK_SECONDS
# says how long, "make datacheck" gives it.
# vm: timeout=300
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/vm/progs/tap.sh
. "$(dirname "$0")/progs/tap.sh"

datacheck_seconds=${DATACHECK_SECONDS:-$(often 60 10)}
program_timeout=$((datacheck_seconds + 200))

# Huge pages for some of the memory.
huge_pages()
{
	echo 200 >/proc/sys/vm/nr_hugepages
	note "$(grep HugePages_Total /proc/meminfo)"
}

# finds WHAT: spoiled on purpose, it is found
finds()
{
	DATACHECK_CORRUPT=$1 timeout 100 datacheck -t 20 -c 6 -p 2 -s 1 "$dev0" \
		>"$scratch/spoiled" 2>&1
	if ! grep "^# connection.*: $1 .*1 of .* bytes differ" "$scratch/spoiled"; then
		cat "$scratch/spoiled"
		return 1
	fi
}

hardware_up 2
remember "$dev0" "$dev1"
huge_pages
program datacheck -t "$datacheck_seconds" \
	${DATACHECK_SEED:+-s "$DATACHECK_SEED"} "$dev0" "$dev1"
check "a byte that the sender should not have is found" finds sender
check "a byte that is wrong at the receiver is found" finds receiver
check "a byte that is wrong in a target is found" finds target
all_released
finish
