# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
# Runs a list of scenarios in guests and collects what each has left. Calls
# scenario_done NAME after each.
#
# For each scenario, in $run/results/NAME: out.log, kmsg.log (its part of the
# kernel log), status (its exit status, or "timeout", or "died") and seconds; with
# --trace also trace.log, from the guest's boot on; first-boot.log, the console of a
# boot that came to nothing.

mark=$'\036'

# The scenarios still to be run, and for each its file and arguments.
plan=()
declare -A plan_file plan_args plan_timeout

add_to_plan()
{
	local name=$1 file=$2 timeout=$3
	shift 3

	plan+=("$name")
	plan_file[$name]=$file
	plan_timeout[$name]=$((timeout * ${SOFTHCA_TIMEOUT_SCALE:-1}))
	plan_args[$name]=
	[ $# -eq 0 ] || printf -v "plan_args[$name]" '%q ' "$@"
}

write_plan()
{
	local name

	for name in "${plan[@]}"; do
		printf '%s\t%s\t%s\n' "$name" "${plan_file[$name]}" \
			"${plan_args[$name]}"
	done >"$1/suite/plan"
}

# kernel_log_of RUN NAME: its part of the kernel log, without the markers of
# others. The forwarder can have begun anew, so drop what comes twice.
kernel_log_of()
{
	[ "$where" = guest ] || return 0
	awk -v begin="softhca-vm: begin $2" -v end="softhca-vm: end $2" '
		/^[0-9]+,[0-9]+,/ {
			split($0, field, ",")
			again = (field[2] + 0 <= last + 0 && last != "")
			if (!again)
				last = field[2]
			text = substr($0, index($0, ";") + 1)
			if (!again && text == begin) { on = 1; next }
			if (!again && text == end) on = 0
		}
		on && !again' "$1/kmsg.log"
}

# save_log RUN NAME: keep what the kernel has said until now.
save_log()
{
	mkdir -p "$1/results/$2"
	kernel_log_of "$1" "$2" >"$1/results/$2/kmsg.log"
}

# finish_scenario RUN STATUS SECONDS: the first of the plan is over.
finish_scenario()
{
	local run=$1 name=${plan[0]} dir

	dir=$run/results/$name
	# what a dump of the guest adds is no matter of the scenario
	[ -e "$dir/kmsg.log" ] || save_log "$run" "$name"
	awk -v begin="${mark}begin $name" -v end="${mark}end $name " '
		$0 == begin { on = 1; next }
		index($0, end) == 1 { on = 0 }
		on' "$run/out.log" >"$dir/out.log"
	cp "$run/console.log" "$run/qemu.log" "$dir/" 2>/dev/null
	[ ! -e "$run/trace.log" ] || cp "$run/trace.log" "$dir/"
	echo "$2" >"$dir/status"
	echo "$3" >"$dir/seconds"
	plan=("${plan[@]:1}")
	scenario_done "$name"
}

# out_of_time RUN: is the time over that there was for all? Then those that have
# not begun are skipped, and say so.
out_of_time()
{
	local dir

	[ -n "${SOFTHCA_DEADLINE-}" ] && [ ${#plan[@]} -gt 0 ] &&
		[ "$EPOCHSECONDS" -ge "$SOFTHCA_DEADLINE" ] || return
	while [ ${#plan[@]} -gt 0 ]; do
		dir=$1/results/${plan[0]}
		mkdir -p "$dir"
		echo "ok 1 - ${plan[0]} # SKIP the time for it was over" >"$dir/out.log"
		: >"$dir/kmsg.log"
		echo 0 | tee "$dir/status" >"$dir/seconds"
		scenario_done "${plan[0]}"
		plan=("${plan[@]:1}")
	done
}

# Lines that the scenarios print go to this descriptor as they come.
exec {stream_fd}>/dev/null

# Where scenarios run: in a guest, or in the root alone (see start_root).
where=guest

# boot_again RUN: may a guest that has not come to its first scenario boot once more?
# Until there it has loaded nothing of ours: it is the kernel that stood still, on a
# processor that is emulated. What the first boot came to is kept.
boot_again()
{
	local dir=$1/results/${plan[0]}

	[ "$where" = guest ] && [ ! -e "$dir/first-boot.log" ] || return
	mkdir -p "$dir"
	rm -f "$dir/kmsg.log"
	cp "$1/console.log" "$dir/first-boot.log"
	warn "${plan[0]}: the guest has not come up; it boots once more"
}

# one_boot RUN: boot once and run what is in the plan, as far as it gets. Whatever the
# guest does, at least the first of the plan is finished, if not in its first boot.
one_boot()
{
	local run=$1 line part= empty= current= begun=
	local status=died taken= boot_limit
	local started=$SECONDS limit slow=1 out

	# a kernel with its detectors takes its time
	boot_limit=90
	[ -z "$kernel_dir" ] || boot_limit=500
	limit=$boot_limit
	write_plan "$run"
	"start_$where" "$run"
	exec {out}<"$run/out.log"
	while :; do
		if ! IFS= read -r -u "$out" line; then
			part+=$line
			if ! guest_runs; then
				status=died
				break
			fi
			if [ -z "$vm_gdb" ] &&
					[ $((SECONDS - started)) -ge "$limit" ]; then
				status=timeout
				save_log "$run" "${plan[0]}"
				taken=$((SECONDS - started))
				dump_guest
				break
			fi
			nap 0.1
			continue
		fi
		line=$part$line
		part=
		# a mark comes after a newline of its own
		if [ -z "$line" ] && [ -z "$empty" ]; then
			empty=1
			continue
		fi
		case $line in
		"${mark}begin "*)
			# the times are meant for a machine that boots in 6 s
			if [ -z "$begun" ]; then
				slow=$(((SECONDS - started) / 6))
				slow=$((slow < 1 ? 1 : slow > 5 ? 5 : slow))
			fi
			begun=1
			current=${line#"${mark}begin "}
			started=$SECONDS
			limit=$((plan_timeout[$current] * slow))
			;;
		"${mark}end "*)
			status=${line##* }
			wait_for_log "$run" "softhca-vm: end $current"
			finish_scenario "$run" "$status" $((SECONDS - started))
			! out_of_time "$run" || break
			current=
			started=$SECONDS
			limit=$boot_limit
			;;
		"${mark}done")
			break
			;;
		*)
			printf '%s\n' ${empty:+""} "$line" >&"$stream_fd"
			;;
		esac
		empty=
	done
	exec {out}<&-
	stop_guest
	if [ ${#plan[@]} -gt 0 ] && { [ -n "$begun" ] || ! boot_again "$run"; }; then
		finish_scenario "$run" "$status" \
			"${taken:-$((SECONDS - started))}"
	fi
}

# The kernel log comes by a way of its own; wait until it is complete.
wait_for_log()
{
	local tries

	[ "$where" = guest ] || return 0
	for ((tries = 0; tries < 100; tries++)); do
		! tail -n 200 "$1/kmsg.log" | grep -qF -- "$2" || return 0
		guest_runs || return 0
		nap 0.1
	done
}

run_plan()
{
	local run=$1

	while [ ${#plan[@]} -gt 0 ]; do
		out_of_time "$run" || one_boot "$run"
	done
}
