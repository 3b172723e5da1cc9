/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of rmap_bench_dma share.
 */
#ifndef RMAP_BENCH_DMA_H
#define RMAP_BENCH_DMA_H

struct device;
struct dma_rmap;

/* fill.c */
int bench_fill_init(struct dma_rmap *map);
void bench_fill_exit(void);

/* floor.c */
int bench_floor(unsigned int rounds);

/* request.c */
int bench_requests(struct dma_rmap *rmap, struct device *iommu, unsigned int rounds);

#endif /* RMAP_BENCH_DMA_H */
