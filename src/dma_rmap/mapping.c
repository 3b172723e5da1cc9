// SPDX-License-Identifier: GPL-2.0
/*
 * Making and undoing mappings. The DMA API's part of it is in ops.c.
 */
#include <linux/bitops.h>
#include <linux/dma-mapping.h>
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "map.h"
#include "pages.h"
#include "trace.h"
#include "track.h"

/* Give @mapping an address of scheme "fresh", and put it into the table. */
static int insert_fresh(struct dma_rmap *map, struct rmap_mapping *mapping)
{
	u64 offset = mapping->addr;
	unsigned long flags;
	u64 tries = 0;
	bool new;
	int err;

	mapping->order = RMAP_MIN_ORDER;
	if (unlikely(offset + mapping->len > PAGE_SIZE)) {
		mapping->order = rmap_space_order(offset, mapping->len);
		if (unlikely(!mapping->order))
			return -EINVAL;
	}
	do {
		local_irq_save(flags);
		mapping->addr = offset + rmap_space_next(map->space,
							 mapping->order, &new);
		local_irq_restore(flags);
		mapping->flags &= ~RMAP_NEW;
		mapping->flags |= new ? RMAP_NEW : 0;
		err = rmap_table_insert(&map->table, mapping);
		if (likely(err != -EEXIST))
			return err;
		/* The space has wrapped, and this block is in use. */
	} while (++tries < rmap_space_blocks(map->space, mapping->order));
	return -ENOMEM;
}

/*
 * The order of a mapping whose address others have chosen. Who undoes one may
 * believe in any length, but there is no order that an address cannot be
 * shifted by.
 */
static unsigned int given_order(u64 len)
{
	return max_t(unsigned int, order_base_2(min(len, RMAP_GIVEN_END)),
		     PAGE_SHIFT);
}

static int insert_given(struct dma_rmap *map, struct rmap_mapping *mapping)
{
	/* What "fresh" gives out must not be mistaken for it, and no overflow. */
	if (unlikely(mapping->len > RMAP_GIVEN_END ||
		     mapping->addr > RMAP_GIVEN_END - mapping->len))
		return -EINVAL;
	if (map->unchecked)
		return 0;
	mapping->order = given_order(mapping->len);
	/* Before the mapping: whoever looks for it looks in this order, too. */
	if (unlikely(!test_bit(mapping->order, &map->orders)))
		set_bit(mapping->order, &map->orders);
	return rmap_table_insert(&map->table, mapping);
}

static int insert(struct dma_rmap *map, struct rmap_mapping *mapping)
{
	if (!(mapping->flags & RMAP_SHARED))
		return insert_fresh(map, mapping);
	return insert_given(map, mapping);
}

/**
 * rmap_make() - make a mapping
 * @map: the map
 * @mapping: what to map: its length, direction, kind and memory; with
 *	%RMAP_SHARED the address is given, otherwise it is the offset of the
 *	first byte in its page, and becomes the address
 *
 * Context: Any, hard interrupts included.
 * Return: 0; -EINVAL if it is too long, or not at all; -ENODEV if the map is
 * closed; -ENOMEM, also on purpose, see inject.c.
 */
int rmap_make(struct dma_rmap *map, struct rmap_mapping *mapping)
{
	int err;

	if (unlikely(!mapping->len || !valid_dma_direction(mapping->dir)))
		return -EINVAL;
	if (rmap_inject(&map->inject, mapping->len)) {
		this_cpu_inc(map->counters->injected);
		return -ENOMEM;
	}
	rmap_enter();	/* against rmap_close() */
	err = unlikely(READ_ONCE(map->closed)) ? -ENODEV : insert(map, mapping);
	if (rmap_tracking() && !err)
		rmap_track_made(map, mapping);
	rmap_leave();
	if (unlikely(err)) {
		if (err == -ENOMEM)
			this_cpu_inc(map->counters->no_memory);
		return err;
	}
	this_cpu_inc(map->counters->maps);
	this_cpu_add(map->counters->bytes, mapping->len);
	trace_rmap_map(map, mapping);
	return 0;
}

/*
 * The usual mapping, straight through: in scheme "fresh", within a page, with nobody
 * who looks on, in a block that is new, to which its first bucket has room. If it is
 * not that, %DMA_MAPPING_ERROR, and nothing has been counted.
 */
static __always_inline u64 map_usual(struct dma_rmap *map, u64 phys, u64 len,
				     enum dma_data_direction dir,
				     enum rmap_kind kind)
{
	u32 meta = rmap_meta(RMAP_MIN_ORDER, dir, kind, RMAP_NEW);
	u64 addr = offset_in_page(phys);
	bool done = false, new;
	unsigned long flags;

	if (unlikely(len - 1 >= PAGE_SIZE - addr || !valid_dma_direction(dir) ||
		     rmap_inject_armed(&map->inject) || rmap_tracking() ||
		     trace_rmap_map_enabled()))
		return DMA_MAPPING_ERROR;
	local_irq_save(flags);	/* against rmap_close(), too */
	if (likely(!READ_ONCE(map->closed))) {
		addr += rmap_space_next(map->space, RMAP_MIN_ORDER, &new);
		done = likely(new) &&
		       rmap_table_insert_new(&map->table, addr, len, phys,
					     RMAP_MIN_ORDER, meta);
		if (unlikely(!done))
			rmap_space_put_back(map->space, RMAP_MIN_ORDER);
	}
	if (likely(done)) {
		this_cpu_inc(map->counters->maps);
		this_cpu_add(map->counters->bytes, len);
	}
	local_irq_restore(flags);
	return done ? addr : DMA_MAPPING_ERROR;
}

/**
 * rmap_map() - map contiguous memory, in scheme "fresh" or "phys"
 * @map: the map
 * @phys: the physical address of the memory
 * @len: bytes
 * @dir: what the device may do
 * @kind: who may undo the mapping
 *
 * Context: Any, hard interrupts included.
 * Return: the device address, or %DMA_MAPPING_ERROR.
 */
u64 rmap_map(struct dma_rmap *map, u64 phys, u64 len,
	     enum dma_data_direction dir, enum rmap_kind kind)
{
	struct rmap_mapping mapping = {
		.addr = offset_in_page(phys), .len = len, .phys = phys,
		.dir = dir, .kind = kind,
	};
	u64 addr;

	if (map->scheme == DMA_RMAP_PHYS) {
		mapping.addr = phys;
		mapping.flags = RMAP_SHARED;
	} else {
		addr = map_usual(map, phys, len, dir, kind);
		if (likely(addr != DMA_MAPPING_ERROR))
			return addr;
	}
	return likely(!rmap_make(map, &mapping)) ? mapping.addr :
						   DMA_MAPPING_ERROR;
}

/* Of those mappings that were tracked, the history has both ends. */
static noinline void remember_tracked(struct dma_rmap *map,
				      const struct rmap_mapping *was)
{
	struct rmap_owners owners;
	bool tracked = rmap_track_undone(map, was, &owners);

	rmap_history_add(map->history, &map->counters->unmaps, was,
			 tracked ? &owners : NULL);
}

/* A mapping is gone: count it and remember it. */
static void record_unmap(struct dma_rmap *map, const struct rmap_mapping *was)
{
	this_cpu_sub(map->counters->bytes, was->len);
	if (unlikely(atomic_read(&map->tracked)))
		remember_tracked(map, was);
	else
		rmap_history_add(map->history, &map->counters->unmaps, was,
				 NULL);
}

static enum rmap_undo unmap_result(const struct rmap_mapping *mapping,
				   const struct rmap_mapping *was)
{
	if (unlikely(was->len != mapping->len || was->dir != mapping->dir ||
		     was->kind != mapping->kind))
		return RMAP_UNDONE_MISMATCH;
	return RMAP_UNDONE;
}

/* Remove a mapping at a given address, whatever length the caller believes. */
static bool remove_given(struct dma_rmap *map, struct rmap_mapping *mapping,
			 struct rmap_mapping *was)
{
	unsigned int order;

	mapping->flags = RMAP_SHARED;
	if (map->unchecked) {
		*was = *mapping;
		was->phys = mapping->addr;
		return true;
	}
	mapping->order = given_order(mapping->len);
	if (likely(rmap_table_remove(&map->table, mapping, was)))
		return true;
	for_each_set_bit(order, &map->orders, BITS_PER_LONG) {
		mapping->order = order;
		if (rmap_table_remove(&map->table, mapping, was))
			return true;
	}
	return false;
}

static bool remove_mapping(struct dma_rmap *map, struct rmap_mapping *mapping,
			   struct rmap_mapping *was)
{
	mapping->order = rmap_addr_order(mapping->addr);
	if (!mapping->order)
		return remove_given(map, mapping, was);
	return rmap_table_remove(&map->table, mapping, was);
}

/**
 * rmap_unmap() - undo a mapping
 * @map: the map
 * @addr: its device address
 * @len: its bytes
 * @dir: its direction
 * @kind: who undoes it
 * @was: gets what was mapped, unless nothing was; the pages of a scattered
 *	mapping are the caller's now, to be freed
 *
 * When this returns no one reaches the memory through the mapping any more. A
 * mapping of another size or direction than the caller believes, or one of a
 * page that is undone as a scatterlist, or the other way round, is undone
 * nevertheless: its memory is about to be used for something else.
 *
 * Context: Any, hard interrupts included. Waits for those who hold the mapping,
 * each for a bounded time.
 * Return: what became of it. Other than %RMAP_UNDONE is counted as a bad unmap.
 */
enum rmap_undo rmap_unmap(struct dma_rmap *map, u64 addr, u64 len,
			  enum dma_data_direction dir, enum rmap_kind kind,
			  struct rmap_mapping *was)
{
	struct rmap_mapping mapping = {
		.addr = addr, .len = len, .dir = dir, .kind = kind,
	};
	enum rmap_undo undo = RMAP_NOT_MAPPED;

	rmap_enter();	/* against rmap_close() */
	if (likely(!READ_ONCE(map->closed)) &&
	    likely(remove_mapping(map, &mapping, was)))
		undo = unmap_result(&mapping, was);
	rmap_leave();
	if (likely(undo != RMAP_NOT_MAPPED))
		record_unmap(map, was);
	if (unlikely(undo != RMAP_UNDONE))
		this_cpu_inc(map->counters->bad_unmaps);
	trace_rmap_unmap(map, &mapping, undo);
	return undo;
}

/**
 * rmap_unmap_usual() - undo a mapping if it is just what the caller believes
 * @map: the map
 * @addr: its device address, in scheme "fresh"
 * @len: its bytes
 * @dir: its direction
 * @kind: who undoes it
 *
 * That is what nearly every unmap is. The mapping has no list of pages, and nobody
 * looks on.
 *
 * Context: As for rmap_unmap().
 * Return: true if it is undone; if not, nothing has happened, and rmap_unmap() knows
 * why.
 */
bool rmap_unmap_usual(struct dma_rmap *map, u64 addr, u64 len,
		      enum dma_data_direction dir, enum rmap_kind kind)
{
	unsigned int order = rmap_addr_order(addr);
	u32 meta = rmap_meta(order, dir, kind, RMAP_NEW);
	unsigned long flags;
	bool done;

	if (unlikely(!order || atomic_read(&map->tracked) ||
		     trace_rmap_unmap_enabled()))
		return false;
	local_irq_save(flags);	/* against rmap_close(), too */
	done = likely(!READ_ONCE(map->closed)) &&
	       rmap_table_remove_exact(&map->table, addr, len, order, meta);
	if (likely(done)) {
		this_cpu_sub(map->counters->bytes, len);
		rmap_history_write(map->history, &map->counters->unmaps, addr,
				   len, meta, NULL);
	}
	local_irq_restore(flags);
	return done;
}

static bool take_first(const struct rmap_mapping *mapping, void *arg)
{
	*(struct rmap_mapping *)arg = *mapping;
	return true;
}

/* The next mapping of a walk; false if there is none left. */
static bool next_mapping(struct dma_rmap *map, u64 *pos,
			 struct rmap_mapping *mapping)
{
	mapping->len = 0;
	while (rmap_table_walk(&map->table, pos, take_first, mapping) &&
	       !mapping->len)
		cond_resched();
	return mapping->len;
}

/**
 * rmap_close() - end making and undoing mappings, and undo what is left
 * @map: the map
 * @left: called for each mapping that was left, when it is undone
 * @arg: handed to @left
 *
 * Context: Process.
 */
void rmap_close(struct dma_rmap *map, rmap_left_fn *left, void *arg)
{
	struct rmap_mapping mapping, was;
	u64 pos = 0;

	WRITE_ONCE(map->closed, true);
	synchronize_rcu();	/* none is being made or undone */
	while (next_mapping(map, &pos, &mapping)) {
		if (!rmap_table_remove(&map->table, &mapping, &was))
			continue;
		left(map, &was, arg);
		record_unmap(map, &was);
		/* A range's pages are its owner's, who may come yet. */
		if (was.flags & RMAP_SCATTERED && was.kind != RMAP_RANGE)
			rmap_pages_free(was.pages);
	}
}
