// SPDX-License-Identifier: GPL-2.0
/*
 * Refused accesses: counted, traced, and the last ones kept.
 */
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/math64.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>

#include "map.h"
#include "trace.h"
#include "track.h"

static const char * const reason_name[DMA_RMAP_NR_FAULTS] = {
	[DMA_RMAP_FAULT_UNMAPPED] = "unmapped",
	[DMA_RMAP_FAULT_BOUNDS] = "bounds",
	[DMA_RMAP_FAULT_DIRECTION] = "direction",
	[DMA_RMAP_FAULT_HOLE] = "hole",
};

/**
 * rmap_dir_name() - what a direction is called
 * @dir: the direction
 *
 * Context: Any.
 * Return: its name, as the device sees it.
 */
const char *rmap_dir_name(enum dma_data_direction dir)
{
	switch (dir) {
	case DMA_BIDIRECTIONAL:
		return "read-write";
	case DMA_TO_DEVICE:
		return "read";
	case DMA_FROM_DEVICE:
		return "write";
	default:
		return "none";
	}
}

/**
 * rmap_kind_name() - what a kind of mapping is called
 * @kind: the kind
 *
 * Context: Any.
 * Return: its name.
 */
const char *rmap_kind_name(enum rmap_kind kind)
{
	switch (kind) {
	case RMAP_PAGE:
		return "page";
	case RMAP_SG:
		return "scatterlist";
	case RMAP_COHERENT:
		return "coherent";
	case RMAP_RANGE:
		return "range";
	}
	return "none";
}

/**
 * rmap_faults_init() - make a ring
 * @ring: the ring, zeroed
 *
 * Context: Any.
 */
void rmap_faults_init(struct rmap_fault_ring *ring)
{
	raw_spin_lock_init(&ring->lock);
}

/**
 * rmap_fault() - record that an access was refused
 * @map: the map
 * @addr: the first byte that it asked for
 * @len: bytes
 * @dir: what was going to be done to them
 * @reason: why not
 *
 * Context: Any, hard interrupts included.
 */
void rmap_fault(struct dma_rmap *map, u64 addr, u64 len,
		enum dma_data_direction dir, enum dma_rmap_fault reason)
{
	struct rmap_fault_ring *ring = &map->faults;
	struct rmap_fault *fault;
	unsigned long flags;

	this_cpu_inc(map->counters->faults[reason]);

	raw_spin_lock_irqsave(&ring->lock, flags);
	fault = &ring->fault[ring->count++ % RMAP_FAULTS_KEPT];
	fault->addr = addr;
	fault->len = len;
	fault->time = ktime_get_ns();
	fault->dir = dir;
	fault->reason = reason;
	raw_spin_unlock_irqrestore(&ring->lock, flags);

	trace_rmap_fault(map, addr, len, dir, reason);
	if (rmap_tracking())
		rmap_track_fault(map, addr, len, dir);
}

/* Copy fault number @n, or the oldest one that is left. False at the end. */
static bool ring_read(struct rmap_fault_ring *ring, u64 *n,
		      struct rmap_fault *fault)
{
	unsigned long flags;
	bool found;

	raw_spin_lock_irqsave(&ring->lock, flags);
	if (*n + RMAP_FAULTS_KEPT < ring->count)
		*n = ring->count - RMAP_FAULTS_KEPT;
	found = *n < ring->count;
	if (found)
		*fault = ring->fault[*n % RMAP_FAULTS_KEPT];
	raw_spin_unlock_irqrestore(&ring->lock, flags);
	return found;
}

/**
 * rmap_faults_show() - list the last refused accesses, the oldest first
 * @ring: where they are
 * @m: where to print them
 *
 * Context: Process.
 */
void rmap_faults_show(struct rmap_fault_ring *ring, struct seq_file *m)
{
	struct rmap_fault fault;
	u32 nsec;
	u64 sec;
	u64 n;

	seq_puts(m, "       time            address       length  access     reason\n");
	for (n = 0; ring_read(ring, &n, &fault); n++) {
		sec = div_u64_rem(fault.time, NSEC_PER_SEC, &nsec);
		seq_printf(m, "%5llu.%06u %#018llx %12llu  %-10s %s\n", sec,
			   nsec / 1000, fault.addr, fault.len,
			   rmap_dir_name(fault.dir), reason_name[fault.reason]);
	}
}
