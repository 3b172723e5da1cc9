// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings that fail on purpose, so that a ULP's error paths are gone through.
 * The knobs are in the map's folder in debugfs.
 */
#include <linux/preempt.h>
#include <linux/sched.h>

#include "inject.h"

/* In an interrupt the current task has nothing to do with it. */
static bool is_meant(u32 pid)
{
	return !pid || (in_task() &&
			(current->pid == pid || current->tgid == pid));
}

/**
 * rmap_inject_fails() - shall a mapping fail, where some do?
 * @inject: the map's knobs
 * @len: the mapping's bytes
 *
 * Context: Any.
 * Return: true if it shall.
 */
bool rmap_inject_fails(struct rmap_inject *inject, u64 len)
{
	u32 every = READ_ONCE(inject->every);
	u64 above = READ_ONCE(inject->above);

	if (!is_meant(READ_ONCE(inject->pid)))
		return false;
	if (above && len > above)
		return true;
	return every && !((u32)atomic_inc_return(&inject->count) % every);
}
