#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The detectors of the debug kernels are on: each reports a deliberate defect in
# a module of ours (detectors/). On a kernel with KCSAN, the ones that are there.
# vm: on=debug timeout=400 alone=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/detectors/commit.sh"

kmemleak=/sys/kernel/debug/kmemleak
dma_debug=/sys/kernel/debug/dma-api

# kmemleak believes what two scans have found, and nothing younger than 5 s. A
# value left on a stack can hide some of the objects.
leak_reported()
{
	local status

	commit lost_object || return
	sleep 6
	echo scan >"$kmemleak"
	echo scan >"$kmemleak"
	cat "$kmemleak" >"$scratch/report"
	says '^unreferenced object 0x[0-9a-f]+ \(size (200|256)\)' \
		defect_lost_object
	status=$?
	echo clear >"$kmemleak"
	rmmod detectors
	return "$status"
}

# injected DIRECTORY DEFECT PATTERN
injected()
{
	local dir=/sys/kernel/debug/$1 status

	echo N >"$dir/ignore-gfp-wait" || return
	[ ! -e "$dir/min-order" ] || echo 0 >"$dir/min-order"
	commit "$2" && grep -E "detectors: $3" "$scratch/report"
	status=$?
	[ "$status" -eq 0 ] || cat "$scratch/report"
	rmmod detectors
	echo Y >"$dir/ignore-gfp-wait"
	return "$status"
}

# Only where there can be pages without an address does kmap_local_page() do more
# than page_address(), whatever DEBUG_KMAP_LOCAL_FORCE_MAP says.
mapping_forced()
{
	local name="kmap_local is mapped elsewhere than it would be" status

	if ! zgrep -qx CONFIG_HIGHMEM=y /proc/config.gz; then
		ok "$name # SKIP a kernel of 64 bits has no highmem to be forced"
		return
	fi
	commit kmap_local && grep -q 'kmap_local_page() differs' "$scratch/report"
	status=$?
	rmmod detectors
	result "$status" "$name"
}

# What needs no lockdep, and what switches it off
objects_and_contexts()
{
	defect rcu_dereference \
		'/detectors\.c:[0-9]+ suspicious rcu_dereference_check\(\) usage'
	defect atomic_sleep \
		'BUG: sleeping function called from invalid context at .*/detectors\.c'
	defect list_corruption \
		'list_add corruption\. '
	defect refcount 'refcount_t: (underflow|decrement hit 0)'
	defect free_timer \
		'ODEBUG: free active .* object type: timer_list hint: timer_ends'
	defect work_on_stack \
		'ODEBUG: object [0-9a-fx]+ is on stack [0-9a-fx]+, but NOT annotated'
	defect double_call_rcu \
		'ODEBUG: activate active .* object type: rcu_head'
}

dma()
{
	local own='DMA-API: platform detectors: ' map='DMA-API: dma_rmap detectors: '
	local size='different size.*map size=100 bytes\] \[unmap size=50 bytes'

	echo 1 >"$dma_debug/all_errors"
	defect dma_size \
		"$own.*frees DMA memory with $size" \
		dma_wrong_size
	defect dma_unmapped \
		"$own.*tries to free DMA memory it has not allocated" \
		dma_unmap_twice
	defect dma_map_size \
		"$map.*frees DMA memory with $size" \
		dma_wrong_size
	defect dma_map_direction \
		"$map.*frees DMA memory with different direction" \
		dma_wrong_direction
	defect dma_map_unmapped \
		"$map.*tries to free DMA memory it has not allocated" \
		dma_unmap_twice
	defect dma_map_unchecked \
		"$map.*failed to check map error" \
		dma_unchecked
	check "dma-debug is still on" same disabled "$(cat $dma_debug/disabled)" N
}

memory()
{
	defect slab_bounds \
		'BUG: KASAN: slab-out-of-bounds in defect_slab_bounds'
	defect use_after_free \
		'BUG: KASAN: (slab-)?use-after-free in defect_use_after_free'
	defect vmalloc_bounds \
		'BUG: KASAN: vmalloc-out-of-bounds in defect_vmalloc_bounds'
	defect stack_bounds \
		'BUG: KASAN: stack-out-of-bounds in defect_stack_bounds'
}

on_debug()
{
	objects_and_contexts
	dma
	check "lost_object is reported" leak_reported
	mapping_forced
	check "failslab fails an allocation" injected failslab failslab \
		'the first kmalloc\(\) fails, the second succeeds'
	check "fail_page_alloc fails an allocation" injected fail_page_alloc \
		fail_page_alloc 'the first alloc_page\(\) fails, the second succeeds'
	defect array_index \
		'UBSAN: array-index-out-of-bounds in .*/detectors\.c'
	# It switches lockdep off, as do KASAN's reports. For its other kinds
	# of reports there are other scenarios.
	defect circular_locks \
		'WARNING: possible circular locking dependency detected'
	memory
}

on_kcsan()
{
	defect atomic_sleep \
		'BUG: sleeping function called from invalid context at .*/detectors\.c'
	defect list_corruption \
		'list_add corruption\. '
	defect data_race 'BUG: KCSAN: data-race in race_thread' race_thread
}

begin_defects
case ${SOFTHCA_KERNEL-} in
*-kcsan) on_kcsan ;;
*) on_debug ;;
esac
end_defects
