/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The DMA operations of a map's device.
 */
#ifndef DMA_RMAP_OPS_H
#define DMA_RMAP_OPS_H

#include <linux/dma-map-ops.h>

extern const struct dma_map_ops rmap_dma_ops;

#endif /* DMA_RMAP_OPS_H */
