/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hash table from blocks of device addresses to mappings.
 */
#ifndef DMA_RMAP_TABLE_H
#define DMA_RMAP_TABLE_H

#include <linux/cache.h>
#include <linux/dma-direction.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "entry.h"

/**
 * struct rmap_mapping - what a mapping is or was
 * @addr: the first device address
 * @len: bytes
 * @phys: the physical address that @addr stands for
 * @pages: with %RMAP_SCATTERED, the pages that it stands for
 * @order: log2 of the block of device addresses that it lies in
 * @dir: what the device may do
 * @kind: who may undo it
 * @flags: RMAP_SCATTERED and others
 * @meta: the last four, at once
 */
struct rmap_mapping {
	u64 addr;
	u64 len;
	union {
		u64 phys;
		struct rmap_pages *pages;
	};
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
 * rmap_meta() - the last four fields of a mapping
 * @order: as in struct rmap_mapping
 * @dir: as in struct rmap_mapping
 * @kind: as in struct rmap_mapping
 * @flags: as in struct rmap_mapping
 *
 * Context: Any.
 * Return: what @meta is then.
 */
static inline u32 rmap_meta(u8 order, u8 dir, u8 kind, u8 flags)
{
	const struct rmap_mapping mapping = {
		.order = order, .dir = dir, .kind = kind, .flags = flags,
	};

	return mapping.meta;
}

/**
 * struct rmap_want - which of several mappings that hold an address is wanted
 * @len: one that has so many bytes from the address on; with 0 it need not hold
 *	the address, only lie in the same block
 * @dir: and allows this, unless it is %DMA_NONE
 */
struct rmap_want {
	u64 len;
	enum dma_data_direction dir;
};

/**
 * rmap_entry_read() - describe a mapping
 * @entry: the mapping, held
 * @mapping: gets the description
 *
 * Context: Any.
 */
static inline void rmap_entry_read(const struct dma_rmap_entry *entry,
				   struct rmap_mapping *mapping)
{
	mapping->addr = entry->addr;
	mapping->len = entry->len;
	mapping->phys = entry->phys;
	mapping->meta = entry->meta;
}

#ifndef RMAP_SHARD_BITS		/* tests have less */
#define RMAP_SHARD_BITS 5
#endif
#define RMAP_SHARDS (1 << RMAP_SHARD_BITS)

/**
 * enum rmap_resize - what a shard wants, in the order of urgency
 * @RMAP_RESIZE_NONE: to stay as it is
 * @RMAP_RESIZE_SHRINK: to shrink, some time
 * @RMAP_RESIZE_GROW: to grow, now
 */
enum rmap_resize {
	RMAP_RESIZE_NONE,
	RMAP_RESIZE_SHRINK,
	RMAP_RESIZE_GROW,
};

/**
 * struct rmap_shard - the part of a table that holds one stretch of hashes
 * @current_array: where look-ups begin, see "Arrays" in table.c; written by
 *	the resize work alone, under @lock
 * @next_array: where entries go while the shard is resized, else 0; written
 *	by the resize work alone, under @lock
 * @lock: serialises all changes of this shard; taken in hard interrupts
 * @count: entries; under @lock
 * @seconds: those of them with %RMAP_SECOND; under @lock
 * @resize: what the resize work has been told; written under @lock
 * @fits_from: with so many entries at least, and
 * @fits: at most so many more, the current array is right; under @lock
 */
struct rmap_shard {
	unsigned long current_array;
	unsigned long next_array;
	raw_spinlock_t lock;
	enum rmap_resize resize;
	unsigned long count;
	unsigned long seconds;
	unsigned long fits_from;
	unsigned long fits;
} ____cacheline_aligned_in_smp;

/**
 * struct rmap_table - a hash table of mappings
 * @shard: its parts, by the topmost bits of the hash
 * @work: the resize work
 * @closing: the table is being destroyed, and no longer resized
 */
struct rmap_table {
	struct rmap_shard shard[RMAP_SHARDS];
	struct delayed_work work;
	bool closing;
};

int rmap_table_module_init(void);
void rmap_table_module_exit(void);

int rmap_table_init(struct rmap_table *table);
void rmap_table_destroy(struct rmap_table *table);

bool rmap_table_insert_new(struct rmap_table *table, u64 addr, u64 len, u64 phys,
			   unsigned int order, u32 meta);
bool rmap_table_remove_exact(struct rmap_table *table, u64 addr, u64 len,
			     unsigned int order, u32 meta);
int rmap_table_insert(struct rmap_table *table,
		      const struct rmap_mapping *mapping);
bool rmap_table_remove(struct rmap_table *table,
		       const struct rmap_mapping *mapping,
		       struct rmap_mapping *was);
struct dma_rmap_entry *rmap_table_find(struct rmap_table *table, u64 addr,
				       unsigned int order);
struct dma_rmap_entry *rmap_table_hold(struct rmap_table *table, u64 addr,
				       unsigned int order);
struct dma_rmap_entry *rmap_table_hold_wanted(struct rmap_table *table,
					      u64 addr, unsigned int order,
					      const struct rmap_want *want);
unsigned long rmap_table_count(struct rmap_table *table);
size_t rmap_table_bytes(struct rmap_table *table);
typedef bool rmap_walk_fn(const struct rmap_mapping *mapping, void *arg);
bool rmap_table_walk(struct rmap_table *table, u64 *pos, rmap_walk_fn *fn,
		     void *arg);

#endif /* DMA_RMAP_TABLE_H */
