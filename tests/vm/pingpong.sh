#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# libibverbs' own examples: connections made without the connection manager. What the
# device does not offer is skipped.
# vm: timeout=180
. "$(dirname "$0")/lib.sh"

# pingpong PROGRAM SERVER-DEVICE CLIENT-DEVICE FAMILY OPTIONS...
port=20000
pingpong()
{
	local program=$1 server client
	port=$((port + 1))
	server="-d $2 -g $(gid_index "$2" "$4") -p $port"
	client="-d $3 -g $(gid_index "$3" "$4") -p $port"
	shift 4

	both "$program $server $*" "$program $client $* localhost" ' iters in '
}

hardware_up 2
remember "$dev0" "$dev1"

check "ibv_rc_pingpong" pingpong ibv_rc_pingpong "$dev0" "$dev0" 4 -c
check "ibv_rc_pingpong -e" pingpong ibv_rc_pingpong "$dev0" "$dev0" 4 -c -e
check "ibv_rc_pingpong, IPv6 GID" pingpong ibv_rc_pingpong "$dev0" "$dev0" 6 -c
for size in 1 255 65537 1048576; do
	check "ibv_rc_pingpong -s $size" \
		pingpong ibv_rc_pingpong "$dev0" "$dev0" 4 -c -s "$size" -n 100
done
check "ibv_rc_pingpong, many iterations" \
	pingpong ibv_rc_pingpong "$dev0" "$dev0" 4 -n "$(often 20000 1000)"
check "ibv_rc_pingpong, 200 receives, MTU 256" \
	pingpong ibv_rc_pingpong "$dev0" "$dev0" 4 -c -r 200 -m 256
check "ibv_rc_pingpong between two devices" \
	pingpong ibv_rc_pingpong "$dev0" "$dev1" 4 -c
check "ibv_rc_pingpong -e between two devices, IPv6 GIDs" \
	pingpong ibv_rc_pingpong "$dev0" "$dev1" 6 -c -e
check "ibv_ud_pingpong" pingpong ibv_ud_pingpong "$dev0" "$dev0" 4 -s 1024
check "ibv_ud_pingpong -e" pingpong ibv_ud_pingpong "$dev0" "$dev0" 4 -s 1024 -e
check "ibv_ud_pingpong, IPv6 GID" \
	pingpong ibv_ud_pingpong "$dev0" "$dev0" 6 -s 1024
check "ibv_ud_pingpong -s 1" pingpong ibv_ud_pingpong "$dev0" "$dev0" 4 -s 1
check "ibv_ud_pingpong between two devices" \
	pingpong ibv_ud_pingpong "$dev0" "$dev1" 4 -s 1024
check "ibv_rc_pingpong, extended posts" \
	pingpong ibv_rc_pingpong "$dev0" "$dev0" 4 -c -N
for options in "-c" "-c -e" "-c -s 1" "-c -s 1048576 -n 100" "-c -r 20 -m 256"; do
	# shellcheck disable=SC2086 # words
	with_feature uc "ibv_uc_pingpong $options" \
		pingpong ibv_uc_pingpong "$dev0" "$dev0" 4 $options
done
with_feature uc "ibv_uc_pingpong -e between two devices, IPv6 GIDs" \
	pingpong ibv_uc_pingpong "$dev0" "$dev1" 6 -c -e
for options in "-c" "-c -e" "-c -q 1" "-c -q 64 -n 50" "-c -s 1 -n 100" \
		"-c -s 262144 -n 20 -r 64"; do
	# shellcheck disable=SC2086 # words
	with_feature srq "ibv_srq_pingpong $options" \
		pingpong ibv_srq_pingpong "$dev0" "$dev0" 4 $options
done
with_feature srq "ibv_srq_pingpong -e between two devices, IPv6 GIDs" \
	pingpong ibv_srq_pingpong "$dev0" "$dev1" 6 -c -e
for options in "-c -o" "-c -o -e -s 100000" "-c -o -P" "-c -o -N"; do
	# shellcheck disable=SC2086 # words
	with_feature odp "ibv_rc_pingpong $options" \
		pingpong ibv_rc_pingpong "$dev0" "$dev0" 4 $options -n 200
done
with_feature odp "ibv_srq_pingpong -o -e" \
	pingpong ibv_srq_pingpong "$dev0" "$dev0" 4 -c -o -e
with_feature implicit_odp "ibv_rc_pingpong -O" \
	pingpong ibv_rc_pingpong "$dev0" "$dev0" 4 -c -O
all_released
finish
