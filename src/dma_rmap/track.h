/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who made and undid each mapping, if that was asked for.
 */
#ifndef DMA_RMAP_TRACK_H
#define DMA_RMAP_TRACK_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "history.h"

struct device;
struct dma_rmap;
struct rmap_mapping;

#define RMAP_MAKERS_TOLD 8

/**
 * struct rmap_maker - mappings that were left, by who made them
 * @who: who, of whom the stack counts
 * @mappings: their number
 * @bytes: their bytes
 */
struct rmap_maker {
	struct rmap_who who;
	unsigned long mappings;
	u64 bytes;
};

/**
 * struct rmap_makers - all of them
 * @maker: the first few
 * @count: of those
 * @others: mappings of more makers than that
 * @unknown: mappings that were made without being tracked
 */
struct rmap_makers {
	struct rmap_maker maker[RMAP_MAKERS_TOLD];
	unsigned int count;
	unsigned long others;
	unsigned long unknown;
};

/* The module parameter; read without a lock. */
extern bool rmap_track;

/**
 * rmap_tracking() - are mappings that are made now to be tracked?
 *
 * Context: Any.
 * Return: true if they are.
 */
static inline bool rmap_tracking(void)
{
	return unlikely(READ_ONCE(rmap_track));
}

void rmap_track_made(struct dma_rmap *map, const struct rmap_mapping *mapping);
bool rmap_track_undone(struct dma_rmap *map, const struct rmap_mapping *was,
		       struct rmap_owners *owners);
void rmap_track_fault(struct dma_rmap *map, u64 addr, u64 len,
		      enum dma_data_direction dir);
void rmap_track_bad_unmap(struct dma_rmap *map, u64 addr);
void rmap_track_left(struct dma_rmap *map, const struct rmap_mapping *left,
		     struct rmap_makers *makers);
void rmap_track_show_left(struct dma_rmap *map,
			  const struct rmap_makers *makers);

#endif /* DMA_RMAP_TRACK_H */
