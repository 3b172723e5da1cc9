# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Runs perftest's programs inside a scenario, one result for each run: that both ends
# end well and report on each size.

# find_gids: of $dev0 and, if there is one, $dev1
declare -A gid
find_gids()
{
	local name

	for name in "$dev0" ${dev1+"$dev1"}; do
		gid[$name]=$(gid_index "$name")
	done
}

# The sizes in the client's figures, one a line. (A figure is "inf" where perftest
# could not find out the processor's frequency, as it happens in a guest.)
sizes_reported()
{
	awk '/^ *[0-9]+ +[0-9]+ +([0-9.]+|inf)/ { print $1 }' "$pair_dir/client"
}

# sizes_up_to LIMIT: those of perftest's -a
sizes_up_to()
{
	local size

	for ((size = 2; size <= $1; size *= 2)); do
		echo "$size"
	done
}

# measure SIZES PROGRAM SERVER-DEVICE CLIENT-DEVICE OPTIONS...
measure()
{
	local sizes=$1 program=$2 server client address=127.0.0.1
	server="-d $3 -x ${gid[$3]} -F"
	client="-d $4 -x ${gid[$4]} -F"
	shift 4

	perftest_port=$((perftest_port + 1))
	[[ ! " $* " =~ " "-[Rz]" " ]] || address=10.77.0.1
	set -- -p "$perftest_port" "$@"
	both "$program $server $*" "$program $client $* $address" || return
	if [ "$(sizes_reported)" != "$sizes" ]; then
		echo "reported sizes are not $sizes"
		show_pair
		return 1
	fi
}

# run PROGRAM SIZE OPTIONS...
run()
{
	local program=$1 size=$2
	shift 2

	check "$program -s $size${*:+ $*}" \
		measure "$size" "$program" "$dev0" "$dev0" -s "$size" -n 200 "$@"
}

# run_all PROGRAM OPTIONS...: from 2 bytes to 8 MiB
run_all()
{
	local program=$1
	shift

	check "$program -a${*:+ $*}" measure "$(sizes_up_to 8388608)" "$program" \
		"$dev0" "$dev0" -a -n 5 "$@"
}

# run_if FEATURE PROGRAM SIZE OPTIONS...: as run, where the device offers it
run_if()
{
	local feature=$1 program=$2 size=$3 count=(-n "$(often 200 50)")
	shift 3

	# from Debian 13 on it may be said once only
	[[ " $* " != *" -n "* ]] || count=()
	with_feature "$feature" "$program -s $size${*:+ $*}" measure "$size" \
		"$program" "$dev0" "$dev0" -s "$size" "${count[@]}" "$@"
}

# run_for FEATURE PROGRAM SIZE OPTIONS...: for a time
run_for()
{
	local feature=$1 program=$2 size=$3
	shift 3

	with_feature "$feature" "$program -s $size${*:+ $*} -D 2" measure "$size" \
		"$program" "$dev0" "$dev0" -s "$size" -D 2 "$@"
}
