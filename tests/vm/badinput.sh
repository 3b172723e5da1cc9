#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Programs of user space that lie to the device: in their rings, in their
# commands, at random; as root and as an ordinary user. Whatever they do, the
# system and the memory of others are as before.
# With ONLY="rings" in the environment only that is run; SEED is what the random
# one begins with (it says so), FUZZ_SECONDS how long it takes.
# vm: timeout=300
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

wanted()
{
	[[ " ${ONLY:-rings srq commands fuzz user} " == *" $1 "* ]]
}

hardware_up 2
allow_log 'a completion queue of .* entries overflowed'
allow_log '_ib_modify_qp [rs]q_psn overflow'
# the random one asks for address handles to anywhere
allow_log 'destination .* has no softhca device on this host'
remember "$dev0" "$dev1"

for name in rings srq commands; do
	! wanted "$name" || program "badinput_$name" "$dev0" "$dev1" "$@"
done
! wanted fuzz || program badinput_fuzz "$dev0" "${FUZZ_SECONDS:-10}" \
	${SEED:+"$SEED"}

# An ordinary user who may open the devices, and pin little.
if wanted user; then
	chmod a+rw /dev/infiniband/uverbs*
	ulimit -l 256
	program_user=nobody
	for name in rings srq commands; do
		program "badinput_$name" "$dev0" "$dev1" "$@"
	done
	program badinput_fuzz "$dev1" "${FUZZ_SECONDS:-10}" ${SEED:+"$SEED"}
	program_user=
fi

check "rping works afterwards" \
	both "rping -s -a 10.77.0.1 -C 5" "rping -c -a 10.77.0.1 -C 5 -V"
all_released
finish
