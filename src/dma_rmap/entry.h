/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One mapping, as the reverse map remembers it, and how it is held.
 */
#ifndef DMA_RMAP_ENTRY_H
#define DMA_RMAP_ENTRY_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/dma-direction.h>
#include <linux/types.h>

/**
 * enum rmap_kind - who may undo a mapping
 * @RMAP_PAGE: dma_unmap_page(), dma_unmap_single() and their like
 * @RMAP_SG: dma_unmap_sg()
 * @RMAP_COHERENT: dma_free_coherent() and its like, which free the memory too
 * @RMAP_RANGE: dma_rmap_free_range()
 */
enum rmap_kind {
	RMAP_PAGE,
	RMAP_SG,
	RMAP_COHERENT,
	RMAP_RANGE,
};

/* In dma_rmap_entry.flags: */
#define RMAP_SCATTERED	0x01	/* its memory is a list of pages */
#define RMAP_SHARED	0x02	/* others may be in its block, and it in two */
#define RMAP_SECOND	0x04	/* this is its place in the second block */
#define RMAP_NEW	0x08	/* no one has had its block before */
#define RMAP_TRACKED	0x10	/* in the history: its owners are known */

/* In dma_rmap_entry.users: new holders are welcome. */
#define RMAP_LIVE BIT(30)

struct rmap_pages;

/**
 * struct dma_rmap_entry - a mapping in its place in the table
 * @addr: the first device address
 * @len: bytes
 * @phys: the physical address that @addr stands for
 * @pages: with %RMAP_SCATTERED, the pages that it stands for
 * @users: how many hold the entry, and %RMAP_LIVE
 * @order: log2 of the block of device addresses that the mapping lies in
 * @dir: enum dma_data_direction
 * @kind: enum rmap_kind
 * @flags: RMAP_SCATTERED and others
 * @meta: the last four, at once
 *
 * The place of an entry may become another entry's, or be given up for another
 * place, at any time; its memory stays what it is for as long as a reader is in
 * an RCU read-side critical section. So who finds an entry holds it, if it is
 * live, and only then looks at the other fields. They are constant until it is
 * let go of.
 */
struct dma_rmap_entry {
	u64 addr;
	u64 len;
	union {
		u64 phys;
		struct rmap_pages *pages;
	};
	atomic_t users;
	union {
		struct {
			u8 order;
			u8 dir;
			u8 kind;
			u8 flags;
		};
		u32 meta;
	};
};

/**
 * rmap_entry_holds() - does an address lie in a mapping?
 * @entry: the mapping; need not be held
 * @addr: the address
 *
 * Context: Any, in the RCU read-side critical section that found @entry.
 * Return: true if it does; only a hint if the entry is not held.
 */
static inline bool rmap_entry_holds(const struct dma_rmap_entry *entry,
				    u64 addr)
{
	return addr - READ_ONCE(entry->addr) < READ_ONCE(entry->len);
}

/**
 * rmap_entry_allows() - may the device do this?
 * @entry: the mapping; need not be held
 * @dir: what it is going to do
 *
 * Context: Any, in the RCU read-side critical section that found @entry.
 * Return: true if it may; only a hint if the entry is not held.
 */
static inline bool rmap_entry_allows(const struct dma_rmap_entry *entry,
				     enum dma_data_direction dir)
{
	u8 allowed = READ_ONCE(entry->dir);

	return allowed == dir || allowed == DMA_BIDIRECTIONAL;
}

/**
 * rmap_entry_hold() - hold a mapping against its unmapping
 * @entry: the entry that was found
 *
 * Context: Any, in the RCU read-side critical section that found @entry, with
 * interrupts off until rmap_entry_release().
 * Return: false if it is no longer live here.
 */
static inline bool rmap_entry_hold(struct dma_rmap_entry *entry)
{
	int users = atomic_read(&entry->users);

	do {
		if (unlikely(!(users & RMAP_LIVE)))
			return false;
	} while (!atomic_try_cmpxchg_acquire(&entry->users, &users, users + 1));
	return true;
}

/**
 * rmap_entry_release() - let go of a mapping
 * @entry: the entry that was held
 *
 * Context: Any, with interrupts off since it was held.
 */
static inline void rmap_entry_release(struct dma_rmap_entry *entry)
{
	/* What was done to the memory happens before the unmap returns. */
	atomic_dec_return_release(&entry->users);
}

#endif /* DMA_RMAP_ENTRY_H */
