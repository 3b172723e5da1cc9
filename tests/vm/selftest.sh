#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The self-checks, on devices of both schemes and on rdma_rxe, each case as a
# result of its own; what their parameters and debugfs do. In brief form scheme
# virt has one device.
# vm: timeout=600 on=all brief-cpus=1
. "$(dirname "$0")/lib.sh"

result_file=/sys/kernel/debug/softhca_selftest/result
run_file=/sys/kernel/debug/softhca_selftest/run

# ib_core's, of each PD with the global key; softhca's, of the case cq_overflow
allow_log 'enabling unsafe global rkey'
allow_log 'a completion queue of [0-9]+ entries overflowed'
# softhca's, of the cases whose accesses are refused; there are many of them
expect_log 'QP [0-9]+: .* was refused: '
allow_log 'softhca_refused_[a-z]+: [0-9]+ callbacks suppressed'

# rdma_rxe's, of 6.1: at times it frees a QP whose tasklet is still to run
allow_report 'WARNING: .* tasklet_clear_sched'

# cases PREFIX FILE: one result for each case of a KTAP report, and one for each
# device: that it has as many as it has planned.
cases()
{
	local prefix=$1 line device="" planned=0 seen=0 why=""

	while IFS= read -r line; do
		case $line in
		"    # Subtest: "*)
			device=${line#*: }
			planned=0
			seen=0
			;;
		"    1.."*) planned=${line#*1..} ;;
		"    # "*) why=${line#*: } ;;
		"    ok "*)
			seen=$((seen + 1))
			ok "$prefix: $device: $(case_name "$line")"
			;;
		"    not ok "*)
			seen=$((seen + 1))
			note "$why"
			not_ok "$prefix: $device: $(case_name "$line")"
			;;
		"ok "* | "not ok "*)
			check "$prefix: $device: all of its cases have run" \
				same cases "$seen/$device" "$planned/${line##* }"
			;;
		esac
	done <"$2"
}

# The rest of "    ok N NAME # SKIP why"
case_name()
{
	local text=${1#*ok }

	echo "${text#* }"
}

# log_report: what the self-checks have written to the kernel log since mark_log
mark_log()
{
	dmesg -C
}

log_report()
{
	dmesg -t | grep -E '^ *(KTAP version |1\.\.|(not )?ok [0-9]|# )'
}

# count PATTERN
count()
{
	grep -cE "$1" "$scratch/report"
}

# run_on PREFIX DEVICES
run_on()
{
	local prefix=$1 status

	mark_log
	timeout 300 modprobe softhca_selftest >"$scratch/modprobe" 2>&1
	status=$?
	log_report >"$scratch/report"
	cat "$scratch/modprobe"
	cases "$prefix" "$scratch/report"
	result "$status" "$prefix: modprobe softhca_selftest"
	check "$prefix: it has run on $2 devices" \
		same devices "$(count '^(not )?ok ')" "$2"
	[ "$status" -ne 0 ] || check "$prefix: debugfs has the same report" \
		same report "$(cat "$result_file")" "$(cat "$scratch/report")"
	modprobe -r softhca_selftest 2>/dev/null
}

# refused ERROR PATTERN PARAMETERS...: it does not load, and the kernel log says
refused()
{
	local error=$1 pattern=$2
	shift 2

	mark_log
	timeout 60 modprobe softhca_selftest "$@" >"$scratch/modprobe" 2>&1 &&
		return 1
	cat "$scratch/modprobe"
	dmesg -t
	grep -qE "$error" "$scratch/modprobe" && dmesg -t | grep -qE "$pattern" &&
		[ ! -e /sys/module/softhca_selftest ]
}

parameters()
{
	expect_log 'softhca_selftest: device=nonesuch: there is no such RoCE device; there is: '
	check "device=nonesuch is refused, with the names of those there are" \
		refused "Invalid argument" "there is: $dev0 $dev1|there is: $dev1 $dev0" \
		device=nonesuch
	expect_log "softhca_selftest: cases=nonesuch: there is no case 'nonesuch'"
	allow_log 'softhca_selftest: cases:'
	check "cases=nonesuch is refused, with the names of those there are" \
		refused "Invalid argument" 'cases: .*dma_single' cases=nonesuch
	expect_log "softhca_selftest: cases=dma_.*,nonesuch: there is no case 'nonesuch'"
	check "cases=dma_*,nonesuch is refused" \
		refused "Invalid argument" 'no case .nonesuch' "cases=dma_*,nonesuch"

	mark_log
	check "device=$dev1 cases=dma_*" \
		modprobe softhca_selftest "device=$dev1" "cases=dma_*"
	cp "$result_file" "$scratch/report"
	check "  runs on that device alone" eval \
		"same devices \"\$(count '^ok ')\" 1 && grep -q '# Subtest: $dev1' $scratch/report"
	check "  and those cases alone" eval \
		"[ \$(count '^    ok [0-9]+ dma_') -ge 3 ] &&
		same others \"\$(count '^    ok [0-9]+ [^d]')\" 0"
	check "  debugfs runs them again" eval "mark_log; echo 1 >$run_file &&
		[ \"\$(log_report | grep -cE '^    ok ')\" = \"\$(count '^    ok ')\" ]"
	check "  and has the new report" \
		same report "$(cat "$result_file")" "$(log_report)"
	check "  it unloads" modprobe -r softhca_selftest
	check "  with its debugfs" not ls /sys/kernel/debug/softhca_selftest
}

# A device that goes away while it is tested makes the run fail, and no more.
# gone_device PARAMETERS...: sets $gone_status
gone_device()
{
	mark_log
	modprobe softhca_selftest "device=$dev1" "$@" >"$scratch/modprobe" 2>&1 &
	local pid=$!

	gone_status=none
	wait_until 20 eval "dmesg -t | grep -qE '^ +ok [0-9]+ '" ||
		return 1
	ip link delete dummy1
	wait_until 30 not kill -0 "$pid" 2>/dev/null || return 1
	wait "$pid"
	gone_status=$?	# looked at in eval
	: "$gone_status"
	dmesg -t | tail -n 5
}

bring_back()
{
	netdev_up dummy1 1
	wait_until 5 eval "[ -n \"\$(devices_of dummy1)\" ]" || return
	dev1=$(devices_of dummy1)
	gid_index "$dev1" >/dev/null
}

lost_devices()
{
	expect_log 'softhca_selftest: [0-9]+ cases failed, 1 devices were lost'
	check "a device goes away while it is tested: the run ends" gone_device
	check "  and the module is not loaded" eval \
		"[ \$gone_status != 0 ] && [ ! -e /sys/module/softhca_selftest ]"
	check "  the device comes back" bring_back
	check "the same with keep=1: the run ends" gone_device keep=1
	check "  and the module is loaded" eval \
		"[ \$gone_status = 0 ] && [ -e /sys/module/softhca_selftest ]"
	check "  with the failure in debugfs" grep -qE '^not ok 1 ' "$result_file"
	check "  the device comes back" bring_back
	check "  and can be tested through debugfs" eval "echo 1 >$run_file &&
		grep -qE '^ok 1 $dev1' $result_file"
	check "  it unloads" modprobe -r softhca_selftest
}

# Two runs at once, and unloading the device's module under a run.
at_once()
{
	local one two

	modprobe softhca_selftest "cases=dma_*,send_*" || return
	echo 1 >"$run_file" &
	one=$!
	echo 1 >"$run_file" &
	two=$!
	modprobe -r softhca_selftest && return 1
	wait "$one" && wait "$two" && modprobe -r softhca_selftest
}

on_softhca()
{
	hardware_up 2
	remember "$dev0" "$dev1"
	run_on fresh 2
	check "fresh: no case was skipped but for what device or kernel do not have" \
		same skipped "$(grep '# SKIP' "$scratch/report" |
			grep -cvE 'SKIP (the device has no|this kernel resizes no) ')" 0
	parameters
	check "two runs at once" at_once
	lost_devices
	all_released
}

on_virt()
{
	local i devices

	devices=$(often 2 1)
	for ((i = 0; i < devices; i++)); do
		netdev_up "dummy$i" "$i"
	done
	check "modprobe softhca scheme=virt" modprobe softhca scheme=virt
	for ((i = 0; i < devices; i++)); do
		gid_index "$(devices_of "dummy$i")" >/dev/null
	done
	run_on virt "$devices"
	check "the modules unload" unload
	delete_netdevs
}

on_rxe()
{
	netdev_up dummy0 0
	modprobe rdma_rxe
	rdma link add rxe0 type rxe netdev dummy0
	gid_index rxe0 >/dev/null
	run_on rxe 1
	check "rxe: cases have run" test "$(count '^    ok [^#]*$')" -ge 50
	rdma link delete rxe0
	modprobe -r rdma_rxe
	delete_netdevs
}

# From some kernel after 6.1 on rdma_rxe calls a CQ's completion handler with the
# lock held that polling takes. One that polls, as those of many cases do, then
# waits for itself for ever; hardware and softhca let it poll.
rxe_lets_handlers_poll()
{
	[[ $(uname -r) = 6.1.* ]]
}

without_device()
{
	check "the modules unload" unload
	expect_log 'softhca_selftest: there is no RoCE device to test'
	check "without a device it does not load, and says why" \
		refused "No such device|Invalid argument" 'no RoCE device to test'
}

on_softhca
on_virt
if rxe_lets_handlers_poll; then
	on_rxe
else
	ok "rxe: the cases # SKIP its completion handlers must not poll on this kernel"
fi
without_device
finish
