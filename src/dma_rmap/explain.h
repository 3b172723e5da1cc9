/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why an access or an unmap was refused, in words.
 */
#ifndef DMA_RMAP_EXPLAIN_H
#define DMA_RMAP_EXPLAIN_H

#include <linux/dma-direction.h>
#include <linux/types.h>

#include "table.h"

struct dma_rmap;

#define RMAP_WHY_SIZE 192		/* holds every phrase */

void rmap_explain_add(struct dma_rmap *map);
void rmap_explain_remove(struct dma_rmap *map);
const char *rmap_mapped_how(enum dma_data_direction dir);
const char *rmap_mapped_by(enum rmap_kind kind);
const char *rmap_unmapped_by(enum rmap_kind kind);
const char *rmap_explain_unmap(struct dma_rmap *map, u64 addr, char *buf,
			       size_t size);

#endif /* DMA_RMAP_EXPLAIN_H */
