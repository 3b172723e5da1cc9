# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Runs jobs side by side, a few at a time, in the order in which they were added,
# and tells what goes on. What a job leaves in $logs goes to count_result; what
# leaves nothing to could_not_run or no_time_for. The caller defines these.
#
# A job is a preparation (of a kernel's test system), a list of scenarios in one
# guest, or a command on this machine. Those of a kernel wait for its preparation.
#
# The processors of guests wait for each other all the time. When they are many
# more than this machine has, they wait for ones that do not run, and all of it
# takes longer than one after the other.

lanes=${SOFTHCA_LANES:-$(nproc)}
# After so many seconds no more of them are begun, nor scenarios in their guests.
time_limit=${SOFTHCA_TIME_LIMIT:-}
[ -z "$time_limit" ] || export SOFTHCA_DEADLINE=$((EPOCHSECONDS - SECONDS + time_limit))

# Of each job, by its number: its kind, its kernel, its names, its command, its
# log, its processors, and while it runs its process, when it began, and the names
# not yet over.
job_count=0
declare -A job_kind=() job_kernel=() job_names=() job_command=() job_log=()
declare -A job_cpus=() job_pid=() job_began=() job_left=() job_told=()
# Of each kernel: "" while it must be prepared, then "ready" or "failed".
declare -A kernel_state=()

# add_job KIND KERNEL NAMES COMMAND...
add_job()
{
	local id=$job_count kind=$1 kernel=$2 names=$3
	shift 3

	job_kind[$id]=$kind
	job_kernel[$id]=$kernel
	job_names[$id]=$names
	job_cpus[$id]=1
	printf -v "job_command[$id]" '%q ' "$@"
	job_log[$id]=$logs/${kernel:+$kernel-}$kind-${names%% *}.log
	job_count=$((job_count + 1))
}

add_preparation()
{
	kernel_state[$1]=
	add_job prepare "$1" "" "$top/tools/vm" prepare --kernel "$1"
}

# add_guest NAME...: on the kernel that choose_kernel has chosen
add_guest()
{
	local names="$*" id=$job_count cpus options=()

	cpus=$(guest_cpus "$@")
	! brief || options=(--env SOFTHCA_BRIEF=1)
	add_job guest "$kernel" "$names" "$top/tools/vm" run --kernel "$kernel" \
		--results "$logs/$kernel" --cpus "$cpus" "${options[@]}" \
		"${names// /,}"
	job_cpus[$id]=$cpus
}

# add_here NAME KERNEL COMMAND...: prints results itself; KERNEL can be empty.
add_here()
{
	local name=$1 kernel=$2
	shift 2

	add_job here "$kernel" "$name" "$@"
}

start_job()
{
	local id=$1 dir

	job_began[$id]=$SECONDS
	job_left[$id]=${job_names[$id]}
	job_told[$id]=0
	if [ "${job_kind[$id]}" = here ]; then
		dir=$logs/${job_names[$id]}
		mkdir -p "$dir"
		: >"$dir/kmsg.log"
		job_log[$id]=$dir/out.log
	fi
	# exec: what is killed with this run is the command itself
	eval "exec ${job_command[$id]}" >"${job_log[$id]}" 2>&1 </dev/null &
	job_pid[$id]=$!
	own_pids+=("$!")
}

# Is there a processor for the job? For a job alone there always is.
fits()
{
	local id sum=${job_cpus[$1]}

	[ ${#job_pid[@]} -gt 0 ] || return 0
	for id in "${!job_pid[@]}"; do
		sum=$((sum + job_cpus[$id]))
	done
	[ "$sum" -le $((lanes + 1)) ]
}

# can_start ID: status 0 if it can, 1 if not now, 2 if never.
can_start()
{
	local kernel=${job_kernel[$1]}

	if [ -n "$time_limit" ] && [ "$SECONDS" -ge "$time_limit" ]; then
		no_time_for "$kernel ${job_names[$1]}"
		return 2
	fi
	if [ "${job_kind[$1]}" != prepare ] && [ -n "$kernel" ]; then
		case ${kernel_state[$kernel]-ready} in
		ready) ;;
		failed) return 2 ;;
		*) return 1 ;;
		esac
	fi
	fits "$1"
}

# The scenarios of a job that have been judged since the last look.
show_judged()
{
	local id=$1 left=() name dir

	[ "${job_kind[$id]}" = guest ] || return 0
	for name in ${job_left[$id]}; do
		dir=$logs/${job_kernel[$id]}/$name
		if [ -e "$dir/verdict" ]; then
			count_result "$dir" "${job_kernel[$id]} $name"
			told=$SECONDS
		else
			left+=("$name")
		fi
	done
	job_left[$id]=${left[*]}
}

# What a preparation says, as it says it.
show_words()
{
	local id=$1 lines=()

	[ "${job_kind[$id]}" = prepare ] || return 0
	mapfile -t -s "${job_told[$id]}" lines <"${job_log[$id]}"
	[ ${#lines[@]} -gt 0 ] || return 0
	printf "${job_kernel[$id]}: %s\n" "${lines[@]}"
	job_told[$id]=$((job_told[$id] + ${#lines[@]}))
	told=$SECONDS
}

# end_job ID STATUS
end_job()
{
	local id=$1 status=$2 name kernel=${job_kernel[$1]} dir

	case ${job_kind[$id]} in
	prepare)
		kernel_state[$kernel]=ready
		[ "$status" -eq 0 ] || kernel_state[$kernel]=failed
		[ "$status" -eq 0 ] || could_not_run "$kernel" "${job_log[$id]}"
		;;
	guest)
		for name in ${job_left[$id]}; do
			could_not_run "$kernel $name" "${job_log[$id]}"
		done
		;;
	here)
		name=${job_names[$id]}
		dir=$logs/$name
		echo "$status" >"$dir/status"
		echo $((SECONDS - job_began[$id])) >"$dir/seconds"
		judge "$dir" tap || :
		count_result "$dir" "$name"
		;;
	esac
	told=$SECONDS
}

# results_so_far ID: of what is running now
results_so_far()
{
	local id=$1 file=${job_log[$1]} name=${job_left[$1]%% *}

	[ "${job_kind[$id]}" != guest ] ||
		file=$logs/${job_kernel[$id]}/${job_names[$id]%% *}.running
	printf '%s %s, ' "${job_kernel[$id]:+${job_kernel[$id]} }$name" \
		"$(grep -csE '^(ok|not ok)' "$file")"
}

# While nothing is over for a while: say that it goes on.
still_running()
{
	local id text=""

	[ $((SECONDS - told)) -ge 20 ] || return 0
	told=$SECONDS
	for id in "${!job_pid[@]}"; do
		[ "${job_kind[$id]}" = prepare ] || text+=$(results_so_far "$id")" "
	done
	say "  ... results so far: $text$SECONDS s of this run"
}

# run_lanes: runs what was added, until it is over.
told=0
run_lanes()
{
	local waiting=() still id status

	for ((id = 0; id < job_count; id++)); do
		waiting+=("$id")
	done
	while [ $((${#waiting[@]} + ${#job_pid[@]})) -gt 0 ]; do
		still=()
		for id in "${waiting[@]}"; do
			status=1
			if [ ${#job_pid[@]} -lt "$lanes" ]; then
				can_start "$id"
				status=$?
			fi
			case $status in
			0) start_job "$id" ;;
			1) still+=("$id") ;;
			# why has been said
			esac
		done
		waiting=("${still[@]}")
		nap 0.3
		for id in "${!job_pid[@]}"; do
			status=running
			if ! kill -0 "${job_pid[$id]}" 2>/dev/null; then
				wait "${job_pid[$id]}"
				status=$?
			fi
			show_words "$id"
			show_judged "$id"
			[ "$status" != running ] || continue
			forget_pid "${job_pid[$id]}"
			unset "job_pid[$id]"
			end_job "$id" "$status"
		done
		still_running
	done
}
