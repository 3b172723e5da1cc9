// SPDX-License-Identifier: GPL-2.0
/*
 * Making and undoing mappings. The DMA API's part of it is in ops.c.
 */
#include <linux/dma-mapping.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "map.h"

/* Give @mapping an address, and put it into the table. */
static int mapping_insert(struct dma_rmap *map, struct rmap_mapping *mapping)
{
	u64 offset = offset_in_page(mapping->phys);
	u64 tries = rmap_space_blocks(map->space, mapping->order);
	int err;

	do {
		mapping->addr = offset + rmap_space_next(map->space,
							 mapping->order);
		err = rmap_table_insert(&map->table, mapping);
		if (likely(err != -EEXIST))
			return err;
		/* The space has wrapped, and this block is in use. */
	} while (--tries);
	return -ENOMEM;
}

/**
 * rmap_map() - make a mapping
 * @map: the map
 * @phys: the physical address of the memory
 * @len: bytes; the memory is contiguous
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
		.phys = phys, .len = len, .dir = dir, .kind = kind,
	};
	int err;

	if (unlikely(!len || !valid_dma_direction(dir)))
		return DMA_MAPPING_ERROR;
	mapping.order = rmap_space_order(phys, len);
	if (unlikely(!mapping.order))
		return DMA_MAPPING_ERROR;

	rcu_read_lock();	/* against rmap_close() */
	err = READ_ONCE(map->closed) ? -ENODEV : mapping_insert(map, &mapping);
	rcu_read_unlock();
	if (unlikely(err)) {
		if (err == -ENOMEM)
			this_cpu_inc(map->counters->no_memory);
		return DMA_MAPPING_ERROR;
	}
	this_cpu_inc(map->counters->maps);
	this_cpu_add(map->counters->bytes, len);
	return mapping.addr;
}

static void count_unmap(struct dma_rmap *map, const struct rmap_mapping *was)
{
	this_cpu_inc(map->counters->unmaps);
	this_cpu_sub(map->counters->bytes, was->len);
}

/**
 * rmap_unmap() - undo a mapping
 * @map: the map
 * @addr: its device address
 * @len: its bytes
 * @dir: its direction
 * @kind: who undoes it
 * @was: gets what was mapped, unless nothing was
 *
 * When this returns no one reaches the memory through the mapping any more. A
 * mapping of another size or direction than the caller believes is undone
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
	unsigned int order = rmap_addr_order(addr);
	bool undone = false;

	rcu_read_lock();	/* against rmap_close() */
	if (likely(order && !READ_ONCE(map->closed)))
		undone = rmap_table_remove(&map->table, addr, order, kind, was);
	rcu_read_unlock();
	if (unlikely(!undone)) {
		this_cpu_inc(map->counters->bad_unmaps);
		return RMAP_NOT_MAPPED;
	}
	count_unmap(map, was);
	if (unlikely(was->len != len || was->dir != dir)) {
		this_cpu_inc(map->counters->bad_unmaps);
		return RMAP_UNDONE_MISMATCH;
	}
	return RMAP_UNDONE;
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
 * @first: gets the first few mappings that were left
 * @max: how many of them
 *
 * Context: Process.
 * Return: how many were left.
 */
unsigned long rmap_close(struct dma_rmap *map, struct rmap_mapping *first,
			 unsigned int max)
{
	struct rmap_mapping mapping;
	unsigned long count = 0;
	u64 pos = 0;

	WRITE_ONCE(map->closed, true);
	synchronize_rcu();	/* none is being made or undone */
	while (next_mapping(map, &pos, &mapping)) {
		rmap_table_remove(&map->table, mapping.addr, mapping.order,
				  mapping.kind, &mapping);
		count_unmap(map, &mapping);
		if (count < max)
			first[count] = mapping;
		count++;
	}
	return count;
}
