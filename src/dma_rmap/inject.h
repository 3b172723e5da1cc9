/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mappings that fail on purpose.
 */
#ifndef DMA_RMAP_INJECT_H
#define DMA_RMAP_INJECT_H

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/types.h>

/**
 * struct rmap_inject - which mappings fail, for a ULP's error paths
 * @every: every so many of those that @pid makes, or 0
 * @above: those that @pid makes of more than so many bytes, or 0
 * @pid: the process, or 0 for all, and interrupts
 * @count: mappings that @every has counted
 *
 * The first three are files in debugfs and change at any time.
 */
struct rmap_inject {
	u32 every;
	u64 above;
	u32 pid;
	atomic_t count;
};

bool rmap_inject_fails(struct rmap_inject *inject, u64 len);

/**
 * rmap_inject_armed() - is any mapping to fail?
 * @inject: what is to fail
 *
 * Context: Any.
 * Return: true if some may have to.
 */
static inline bool rmap_inject_armed(const struct rmap_inject *inject)
{
	return READ_ONCE(inject->every) | READ_ONCE(inject->above);
}

/**
 * rmap_inject() - shall a mapping fail?
 * @inject: the map's knobs
 * @len: the mapping's bytes
 *
 * Context: Any.
 * Return: true if it shall.
 */
static inline bool rmap_inject(struct rmap_inject *inject, u64 len)
{
	return unlikely(rmap_inject_armed(inject)) && rmap_inject_fails(inject, len);
}

#endif /* DMA_RMAP_INJECT_H */
