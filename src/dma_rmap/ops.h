/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The DMA operations of a map's device.
 */
#ifndef DMA_RMAP_OPS_H
#define DMA_RMAP_OPS_H

#include <linux/dma-map-ops.h>

#include "table.h"

struct dma_rmap;

/* ops.c: of schemes "fresh" and "phys" */
extern const struct dma_map_ops rmap_dma_ops;

bool rmap_undo(struct device *dev, u64 addr, size_t size,
	       enum dma_data_direction dir, enum rmap_kind kind,
	       struct rmap_mapping *was);

/* stacked.c */
extern const struct dma_map_ops rmap_stacked_ops;

void rmap_stacked_limits(struct dma_rmap *map);
void rmap_stacked_left(struct dma_rmap *map, const struct rmap_mapping *left);

#endif /* DMA_RMAP_OPS_H */
