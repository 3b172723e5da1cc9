// SPDX-License-Identifier: GPL-2.0
/*
 * Tracking needs the kernel's stacks: in user space nobody is remembered.
 */
#include "track.h"

bool rmap_track;

void rmap_track_made(struct dma_rmap *map, const struct rmap_mapping *mapping)
{
}

bool rmap_track_undone(struct dma_rmap *map, const struct rmap_mapping *was,
		       struct rmap_owners *owners)
{
	return false;
}

void rmap_track_fault(struct dma_rmap *map, u64 addr, u64 len,
		      enum dma_data_direction dir)
{
}

void rmap_track_bad_unmap(struct dma_rmap *map, u64 addr)
{
}
