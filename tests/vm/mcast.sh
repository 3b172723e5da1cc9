#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Multicast: members, limits, and groups joined through the connection manager.
# vm: timeout=240 cpus=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/progs/tap.sh"

group=239.7.7.2

joined()
{
	grep -q 'joined dgid' "$scratch/$1"
}

# mckey_pair RECEIVERS OPTIONS...: one sender, and receivers that say how much came.
mckey_pair()
{
	local n=$1 i names=() name status=0
	shift

	for ((i = 0; i < n; i++)); do
		names+=("mckey$i")
		start "mckey$i" "stdbuf -oL mckey -m $group -b 10.77.0.1 $*"
	done
	for name in "${names[@]}"; do
		wait_until 20 joined "$name" || status=1
	done
	[ "$status" -ne 0 ] || grep -qi "020707EF " /proc/net/igmp ||
		{ echo "the netdev has not joined"; cat /proc/net/igmp; status=1; }
	[ "$status" -ne 0 ] ||
		timeout 30 mckey -m "$group" -s -b 10.77.0.1 "$@" || status=1
	if [ "$status" -eq 0 ]; then
		ended 20 "${names[@]}" || status=1
	else
		stop "${names[@]}"
	fi
	for name in "${names[@]}"; do
		local pid=status_$name
		[ "${!pid-1}" -eq 0 ] || status=1
		cat "$scratch/$name"
	done
	return "$status"
}

hardware_up 2
check "a second device on the netdev" add_device second dummy0
remember "$dev0" "$dev1" second

program mcast_members "$dev0" second
OTHER_NETDEV=1 program mcast_members "$dev0" "$dev1"

check "mckey: one receiver" mckey_pair 1
check "mckey: three receivers, 100 messages of 500 bytes each" \
	mckey_pair 3 -C 100 -S 500
check "the netdev has left the group" not grep -qi "020707EF " /proc/net/igmp
ok "mckey over IPv6 # SKIP the kernel joins no IPv6 groups for RoCE v2"

# Members that are there when their device goes.
start member "stdbuf -oL mckey -m $group -b 10.77.0.1"
wait_until 20 joined member
check "a device goes that has a member" eval \
	"rdma link delete $dev0 && wait_until 5 not device_exists $dev0"
stop member
unset "in_use_before[$dev0]"
all_released
finish
