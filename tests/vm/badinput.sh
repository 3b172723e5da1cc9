#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Programs of user space that lie to the device: in their rings, in their
# commands, at random; as root and as an ordinary user. Whatever they do, the
# system and the memory of others are as before.
# With ONLY="rings" in the environment only that is run; SEED is what the random
# one begins with (it says so), FUZZ_SECONDS how long it takes.
# vm: timeout=500
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

wanted()
{
	[[ " ${ONLY:-rings srq commands fuzz user userns} " == *" $1 "* ]]
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
! wanted fuzz || program badinput_fuzz "$dev0" "${FUZZ_SECONDS:-$(often 10 5)}" \
	${SEED:+"$SEED"}

# An ordinary user who may open the devices, and pin little; and one who is root in a
# user namespace, which is to be no more.
user_programs()
{
	local name

	for name in rings srq commands; do
		program "badinput_$name" "$dev0" "$dev1" "$@"
	done
	program badinput_fuzz "$dev1" "${FUZZ_SECONDS:-$(often 10 5)}" ${SEED:+"$SEED"}
}

if wanted user || wanted userns; then
	chmod a+rw /dev/infiniband/uverbs*
	ulimit -l 256
	program_as=(runuser -u nobody --)
	! wanted user || user_programs "$@"
	program_as+=(unshare --user --map-root-user --)
	check "a user namespace can be made" "${program_as[@]}" test -w /proc/self/uid_map
	! wanted userns || user_programs "$@"
	program_as=()
fi

check "rping works afterwards" \
	both "rping -s -a 10.77.0.1 -C 5" "rping -c -a 10.77.0.1 -C 5 -V"
all_released
finish
