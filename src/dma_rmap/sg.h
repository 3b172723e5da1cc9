/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs of a scatterlist's elements.
 */
#ifndef DMA_RMAP_SG_H
#define DMA_RMAP_SG_H

#include <linux/types.h>

struct rmap_pages;
struct scatterlist;

/**
 * struct rmap_sg_run - elements that become one mapping
 * @first: the first of them
 * @count: how many there are
 * @len: their bytes
 * @scattered: their memory is not contiguous
 */
struct rmap_sg_run {
	struct scatterlist *first;
	unsigned int count;
	u64 len;
	bool scattered;
};

void rmap_sg_run_find(struct scatterlist *first, unsigned int max_count,
		      u64 max_len, bool scatter, struct rmap_sg_run *run);
struct rmap_pages *rmap_sg_run_pages(const struct rmap_sg_run *run);

#endif /* DMA_RMAP_SG_H */
