#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Allocations that fail, everywhere: first one by one in each operation of a
# program, of rdma link, and of modprobe (progs/failures.h says how), then at
# random in the kernel's self-checks and in its work queues. Whatever has failed,
# nothing hangs, nothing is lost, and it works when memory is there again.
# With ONLY="verbs cm" in the environment only that is run; the argument is a
# pattern for the names of the operations.
# vm: on=debug timeout=1500 alone=1
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/guest/detectors.sh
. /suite/tools/guest/detectors.sh
. "$(dirname "$0")/progs/tap.sh"

slab=/sys/kernel/debug/failslab
page=/sys/kernel/debug/fail_page_alloc
copy=/sys/kernel/debug/fail_usercopy
checks=/sys/kernel/debug/softhca_selftest
many=1000000000
program_timeout=500

wanted()
{
	[[ " ${ONLY:-verbs cm link modules selftest workers} " == *" $1 "* ]]
}

# What the kernel and the devices say of missing memory. vmalloc() shows where
# it was called from; a report of trouble has lines of its own besides.
frame='^. [[][ 0-9.]+[]] +([?] )?[a-zA-Z0-9_.]+[+]0x[0-9a-f]+/0x[0-9a-f]+( [[][a-z0-9_]+[]])?$'
allow_log "$frame|Call Trace:|vmalloc error|page allocation failure"
ours='^. [[][ 0-9.]+[]] (infiniband|softhca|dma_rmap|ib_[a-z]+|rdma_cm|iw_cm)'
allow_log "$ours"'[ a-z0-9_]*: .*([Cc]ouldn.t|[Cc]annot|[Cc]an.t|[Ff]ail|[Uu]nable|error|-12)'
allow_log 'softhca_selftest: .* (cases failed|devices were lost)'
allow_log 'a completion queue of [0-9]+ entries overflowed'
# of the self-checks, some of whose accesses are to be refused
allow_log 'QP [0-9]+: .* was refused: '
allow_log 'softhca_refused_[a-z]+: [0-9]+ callbacks suppressed'

# How each kind of failure can come: in waiting allocations as well, of any size,
# and counted, by what is left of "times".
prepare_injection()
{
	local kind

	for kind in "$slab" "$page" "$copy"; do
		echo 0 >"$kind/probability" &&
			echo 1 >"$kind/task-filter" &&
			echo 0 >"$kind/verbose" &&
			echo "$many" >"$kind/times" || return
	done
	echo N >"$slab/ignore-gfp-wait" &&
		echo N >"$page/ignore-gfp-wait" &&
		echo N >"$page/ignore-gfp-highmem" &&
		echo 0 >"$page/min-order"
}

# injected_until_now: by all kinds
injected_until_now()
{
	echo $((3 * many - $(cat "$slab/times") - $(cat "$page/times") -
		$(cat "$copy/times")))
}

# at_random PERCENT: allocations of the tasks that have been marked fail so often
at_random()
{
	echo "$1" >"$slab/probability"
	echo "$1" >"$page/probability"
}

# more_than_none NAME BEFORE
more_than_none()
{
	local n=$(($(injected_until_now) - $2))

	note "$1: $n injected"
	check "  something has failed in $1" test "$n" -gt 0
}

# The self-checks (DMA, fast registration, connections, messages, all by a user
# in the kernel), run by a task whose allocations fail. Cases may fail.
selftest()
{
	local percent before

	check "the self-checks pass" \
		timeout 400 modprobe softhca_selftest "device=$dev0" || return
	for percent in 1 10; do
		before=$(injected_until_now)
		at_random "$percent"
		# in this very task, with nothing to be started
		(
			exec 3>$checks/run
			echo 1 >/proc/self/make-it-fail
			echo 1 >&3	# fails if a case does
			echo 0 >/proc/self/make-it-fail
		) 2>/dev/null
		at_random 0
		note "$percent %: $(grep -c '^ *ok ' $checks/result)" \
			"cases passed," \
			"$(grep -c '^ *not ok ' $checks/result) failed"
		more_than_none "the self-checks, $percent %" "$before"
	done
	check "the self-checks pass again" eval \
		"echo 1 >$checks/run && ! grep '^ *not ok' $checks/result"
	check "they unload" modprobe -r softhca_selftest
}

has_device()
{
	[ -n "$(devices_of "$1")" ]
}

# mark_workers 0|1: those that there are. New ones are not marked.
mark_workers()
{
	local task

	for task in $(pgrep '^kworker/'); do
		echo "$1" >"/proc/$task/make-it-fail" 2>/dev/null
	done
}

# Traffic, and devices that come and go with their netdevs, which goes through work
# queues, while those have no memory at times. Without connection requests to a
# program: short of memory for its event, the kernel's rdma_ucm destroys the new id in
# that id's own handler, and waits for itself.
workers()
{
	local percent before gid

	gid=$(gid_index "$dev0")
	for percent in 2 10; do
		before=$(injected_until_now)
		mark_workers 1
		at_random "$percent"
		for _ in 1 2 3; do
			pair_timeout=15 pair "ib_send_bw -d $dev0 -x $gid -n 100" \
				"ib_send_bw -d $dev0 -x $gid -n 100 127.0.0.1"
			netdev_up dummy9 9
			sleep 0.5
			ip link delete dummy9
		done
		at_random 0
		mark_workers 0
		more_than_none "work queues, $percent %" "$before"
	done
	netdev_up dummy9 9
	check "a netdev gets its device afterwards" \
		wait_until 20 has_device dummy9
	ip link delete dummy9
	check "  and loses it with its end" wait_until 20 not has_device dummy9
}

# The modules' own files. Nothing else is loaded then, so it comes last.
modules()
{
	local name file

	for name in dma_rmap softhca; do
		file=$(modinfo -n $name)
		case $file in
		*.xz) xz -dc "$file" >"$scratch/$name.ko" ;;
		*.zst) zstd -dcq "$file" >"$scratch/$name.ko" ;;
		*) cp "$file" "$scratch/$name.ko" ;;
		esac
		program failures_link module "$scratch/$name.ko" "$@"
		modprobe dma_rmap	# the next one needs it
	done
	modprobe -r dma_rmap
}

works()
{
	check "$1: rping works" both "rping -s -a 10.77.0.1 -C 5" \
		"rping -c -a 10.77.0.1 -C 5 -V"
	check "$1: nothing is left in use" released "$dev0"
}

allow_log 'kmemleak: Cannot allocate a scan area|kobject_add_internal failed for'
# Without memory for a new slab cache's folder the kernel loses its name.
allow_log 'kmem_cache_create_usercopy.dma_rmap_bucket. failed with error -12'
allow_leak sysfs_slab_add
allow_log 'kmemleak: [0-9]+ new suspected memory leaks'	# the end says of which
# A module's events that there is no memory for: it loads without them.
allow_log '(No memory to create event subsystem|Failed to create system directory)'
allow_log 'Could not (create tracefs|initialize trace( point)? events/)'
allow_report 'trace_events.c:[0-9]+ event_define_fields'
# An object's number that needs one more node of the RDMA core's xarray, and does
# not get it, leaves an empty node there; the core takes that for a lost object.
allow_report 'restrack.c:[0-9]+ rdma_restrack_clean'
# dma-debug gives up when it cannot remember a mapping for want of memory.
allow_log 'DMA-API: (cacheline tracking ENOMEM|debugging out of memory)'
touch /run/dma_debug_spent
hardware_up 1
remember "$dev0"
works "before"
check "failures can be injected" prepare_injection || finish
echo 4 >/proc/sys/vm/nr_hugepages

if wanted verbs; then
	program failures "$dev0" "$@"
	program failures_qp "$dev0" "$@"
	program failures_srq "$dev0" "$@"
	program failures_mr "$dev0" "$@"
	works "after the verbs"
fi
if wanted cm; then
	program failures_cm "$dev0" 10.77.0.1 "$@"
	works "after the connections"
fi
if wanted link; then
	program failures_link link dummy0 "$@"
	works "after the links"
fi
if wanted selftest; then
	selftest
	works "after the self-checks"
fi
check "the modules unload" unload
! wanted modules || modules "$@"
check "softhca loads again" modprobe softhca
check "  and makes a device" wait_until 20 has_device dummy0
dev0=$(devices_of dummy0)
gid_index "$dev0" >/dev/null
remember "$dev0"
works "after all that"
if wanted workers; then
	workers
	works "after the work queues"
fi
check "the modules unload" unload
delete_netdevs
echo 0 >/proc/sys/vm/nr_hugepages
note "$(injected_until_now) failures were injected in all"
check "kmemleak is still on" eval 'echo scan >/sys/kernel/debug/kmemleak'
finish
