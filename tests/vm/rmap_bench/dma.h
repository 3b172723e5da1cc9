/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of rmap_bench_dma share.
 */
#ifndef RMAP_BENCH_DMA_H
#define RMAP_BENCH_DMA_H

struct dma_rmap;

/* fill.c */
int bench_fill_init(struct dma_rmap *map);
void bench_fill_exit(void);

#endif /* RMAP_BENCH_DMA_H */
