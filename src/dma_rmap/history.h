/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was mapped until lately: a bounded record of unmaps.
 */
#ifndef DMA_RMAP_HISTORY_H
#define DMA_RMAP_HISTORY_H

#include <linux/compiler.h>
#include <linux/dma-direction.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/types.h>

#include "table.h"

#define RMAP_HISTORY_KEPT 64		/* of each CPU */

/**
 * struct rmap_who - who made or undid a mapping, see track.c
 * @stack: handle of the stack in the kernel's stack depot, or 0 for nobody
 * @pid: the task, or 0 in an interrupt
 * @comm: its name
 */
struct rmap_who {
	u32 stack;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct rmap_owners - both ends of a mapping's life
 * @made: who made it
 * @undone: who undid it
 */
struct rmap_owners {
	struct rmap_who made;
	struct rmap_who undone;
};

/**
 * struct rmap_past - a mapping that is gone
 * @addr: the first device address; 0 while the place is being written
 * @len: bytes
 * @time: when it was undone, by local_clock()
 * @order: as that of the mapping
 * @dir: enum dma_data_direction
 * @kind: enum rmap_kind
 * @flags: with %RMAP_TRACKED, @owners is known
 * @meta: the last four, at once, as that of the mapping
 * @owners: who made and undid it
 */
struct rmap_past {
	u64 addr;
	u64 len;
	u64 time;
	union {
		struct {
			u8 order;
			u8 dir;
			u8 kind;
			u8 flags;
		};
		u32 meta;
	};
	struct rmap_owners owners;
};

/**
 * struct rmap_history - one CPU's last unmaps
 * @past: unmap number n is in place n modulo the size
 */
struct rmap_history {
	struct rmap_past past[RMAP_HISTORY_KEPT];
};

/**
 * rmap_history_write() - count an unmap, and remember it
 * @history: where
 * @count: each CPU's number of unmaps, which says what place is next
 * @addr: as in struct rmap_past
 * @len: as in struct rmap_past
 * @meta: as in struct rmap_past
 * @owners: who made and undid it, or NULL
 *
 * Context: Any, hard interrupts included, with preemption off.
 */
static __always_inline void
rmap_history_write(struct rmap_history __percpu *history, u64 __percpu *count,
		   u64 addr, u64 len, u32 meta, const struct rmap_owners *owners)
{
	u64 n = this_cpu_inc_return(*count);
	struct rmap_past *past;

	past = &this_cpu_ptr(history)->past[n % RMAP_HISTORY_KEPT];
	WRITE_ONCE(past->addr, 0);
	/* Whoever sees a part of what follows sees that. */
	smp_wmb();
	WRITE_ONCE(past->len, len);
	WRITE_ONCE(past->time, local_clock());
	WRITE_ONCE(past->meta, meta);
	if (unlikely(owners)) {
		WRITE_ONCE(past->flags, past->flags | RMAP_TRACKED);
		past->owners = *owners;
	}
	/* The rest before it. Pairs with past_read() */
	smp_store_release(&past->addr, addr);
	/* Have interrupts come round to this very place, and mixed with us? */
	if (unlikely(this_cpu_read(*count) - n >= RMAP_HISTORY_KEPT))
		WRITE_ONCE(past->addr, 0);
}

void rmap_history_add(struct rmap_history __percpu *history,
		      u64 __percpu *count, const struct rmap_mapping *was,
		      const struct rmap_owners *owners);
bool rmap_history_find(struct rmap_history __percpu *history, u64 addr,
		       struct rmap_past *found);

#endif /* DMA_RMAP_HISTORY_H */
