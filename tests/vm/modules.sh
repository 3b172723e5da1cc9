#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The modules are loaded and unloaded 50 times (in brief form 15), with and without
# traffic between, and nothing of them stays in memory; they refuse to go while in
# use.
# vm: timeout=400 cpus=1
. "$(dirname "$0")/lib.sh"

overlapping_regions

ping_once()
{
	both "rping -s -a 10.77.0.1 -C 5" "rping -c -a 10.77.0.1 -C 5 -V"
}

# refused MODULE...
refused()
{
	modprobe -r "$@" >"$scratch/refused" 2>&1
	local status=$?

	cat "$scratch/refused"
	[ "$status" -ne 0 ] && grep -q 'in use' "$scratch/refused" &&
		device_exists softhca0
}

# rmmod names the error of the system call.
rmmod_refused()
{
	rmmod "$1" >"$scratch/refused" 2>&1 && return 1
	cat "$scratch/refused"
	grep -q 'in use' "$scratch/refused"
}

open_context()
{
	start holder "ibv_asyncwatch -d $1"
	wait_until 10 grep -q "async event FD" "$scratch/holder"
}

# let_go PIDS NAME...
let_go()
{
	# shellcheck disable=SC2086 # words
	kill $1
	shift
	ended 5 "$@"
}

# What the kernel's memory of our kind is, in KiB: Slab, Percpu, VmallocUsed.
memory()
{
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 0.5
	awk '/^(Slab|Percpu|VmallocUsed):/ { printf "%s ", $2 }' /proc/meminfo
}

# one_round N
one_round()
{
	modprobe softhca || { echo "round $1: loading"; return 1; }
	[ "$(devices_of dummy0)" = softhca0 ] ||
		{ echo "round $1: no device"; rdma link; return 1; }
	if [ $(($1 % 10)) -eq 0 ]; then
		gid_index softhca0 >/dev/null || return
		ping_once || { echo "round $1: rping"; return 1; }
		refused dma_rmap || { echo "round $1: dma_rmap"; return 1; }
	fi
	modprobe -r softhca dma_rmap || { echo "round $1: unloading"; return 1; }
	[ ! -e /sys/module/softhca ] && [ ! -e /sys/module/dma_rmap ]
}

rounds()
{
	local i

	for ((i = $1; i <= $2; i++)); do
		one_round "$i" || return
	done
}

# Nothing of ours is in the lists of the kernel's memory.
traces()
{
	! grep -E '\[(softhca|dma_rmap)' /proc/vmallocinfo &&
		! grep -E '^(softhca|dma_rmap)' /proc/slabinfo &&
		[ -z "$(ls /sys/kernel/debug/dma_rmap 2>/dev/null)" ] &&
		[ ! -e /sys/class/dma_rmap ]
}

grown()
{
	local old after i

	read -r -a old <<<"$1"
	read -r -a after <<<"$(memory)"
	echo "Slab, Percpu, VmallocUsed in KiB: ${old[*]} before," \
		"${after[*]} now"
	for i in 0 1 2; do
		[ "$((after[i] - old[i]))" -le "$2" ] || return
	done
}

netdev_up dummy0 0
check "modules load and unload, rounds 1 to 10" rounds 1 10
before=$(memory)
last=$(often 50 15)
check "modules load and unload, rounds 11 to $last" rounds 11 "$last"
check "the memory has not grown by 2 MiB since" grown "$before" 2048
check "no slab cache, no vmalloc area, no debugfs file is left" traces

check "modprobe softhca" modprobe softhca
gid_index softhca0 >/dev/null
check "modprobe -r dma_rmap is refused while softhca is loaded" refused dma_rmap
check "rmmod dma_rmap says that it is in use" rmmod_refused dma_rmap

check "a process opens the device" open_context softhca0
check "modprobe -r softhca is refused while the device is open" refused softhca
check "rmmod softhca says that it is in use" rmmod_refused softhca
check "the process ends" let_go "$pid_holder" holder
check "modprobe -r softhca dma_rmap works then" modprobe -r softhca dma_rmap

check "modprobe softhca" modprobe softhca
gid_index softhca0 >/dev/null
check "traffic" run_for_long run softhca0 ib_send_bw -b -q 2
check "modprobe -r softhca is refused in full traffic" refused softhca
check "modprobe -r softhca dma_rmap is refused in full traffic" \
	refused softhca dma_rmap
check "the traffic goes on" moves softhca0
check "the traffic ends" let_go "$pid_run_client $pid_run_server" \
	run_client run_server
check "rping passes" ping_once
check "modprobe -r softhca dma_rmap works then" modprobe -r softhca dma_rmap
delete_netdevs
finish
