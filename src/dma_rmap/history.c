// SPDX-License-Identifier: GPL-2.0
/*
 * What was mapped until lately: a bounded record of unmaps, to explain an access
 * that comes too late.
 *
 * Each CPU has places of its own, so that a writer takes no lock and shares no
 * cache line. An interrupt that unmaps between two steps of a writer takes
 * another place. A reader on any CPU copies a place and then looks whether it is
 * still the same one's.
 */
#include <linux/percpu.h>
#include <linux/preempt.h>

#include "history.h"

/**
 * rmap_history_add() - count an unmap, and remember it
 * @history: where
 * @count: each CPU's number of unmaps, which says what place is next
 * @was: what was unmapped
 * @owners: who made and undid it, or NULL
 *
 * Context: Any, hard interrupts included.
 */
void rmap_history_add(struct rmap_history __percpu *history,
		      u64 __percpu *count, const struct rmap_mapping *was,
		      const struct rmap_owners *owners)
{
	preempt_disable();
	rmap_history_write(history, count, was->addr, was->len, was->meta, owners);
	preempt_enable();
}

/* Copy a place, if what is there held @addr. */
static bool past_read(const struct rmap_past *past, u64 addr,
		      struct rmap_past *copy)
{
	/* Pairs with rmap_history_write() */
	u64 begin = smp_load_acquire(&past->addr);

	if (!begin || addr - begin >= READ_ONCE(past->len))
		return false;
	copy->addr = begin;
	copy->len = READ_ONCE(past->len);
	copy->time = READ_ONCE(past->time);
	copy->meta = READ_ONCE(past->meta);
	if (copy->flags & RMAP_TRACKED)
		/* It may be changing, and then what is read is not used. */
		copy->owners = data_race(past->owners);
	/* Pairs with the smp_wmb() of rmap_history_write() */
	smp_rmb();
	return READ_ONCE(past->addr) == begin && addr - begin < copy->len;
}

/**
 * rmap_history_find() - find the mapping that an address was last in
 * @history: where
 * @addr: the address
 * @found: gets the one that was undone last of those that held @addr
 *
 * Context: Any. Never waits.
 * Return: false if none of those that are remembered did.
 */
bool rmap_history_find(struct rmap_history __percpu *history, u64 addr,
		       struct rmap_past *found)
{
	const struct rmap_history *here;
	struct rmap_past copy;
	bool any = false;
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		here = per_cpu_ptr(history, cpu);
		for (i = 0; i < RMAP_HISTORY_KEPT; i++) {
			if (!past_read(&here->past[i], addr, &copy))
				continue;
			if (any && (s64)(copy.time - found->time) <= 0)
				continue;
			*found = copy;
			any = true;
		}
	}
	return any;
}
