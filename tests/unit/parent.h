/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device to stand on in scheme "stacked": its DMA API, without hardware.
 */
#ifndef PARENT_H
#define PARENT_H

#include "shim/shim.h"

/**
 * enum parent_kind - whose addresses the parent gives
 * @PARENT_IOMMU: an IOMMU's: the elements of a scatterlist become one region
 *	where they meet at the ends of pages
 * @PARENT_DIRECT: physical ones
 * @PARENT_BOUNCE: those of bounce buffers, at other offsets in their pages, and
 *	of a limited size
 */
enum parent_kind {
	PARENT_IOMMU,
	PARENT_DIRECT,
	PARENT_BOUNCE,
	PARENT_KINDS,
};

#define PARENT_BOUNCE_MAX	(16 * PAGE_SIZE)
#define PARENT_SEG_MAX		(24 * PAGE_SIZE)
#define PARENT_BOUNDARY		(32 * PAGE_SIZE - 1)

/* One at a time. What it is called with wrongly ends the program, with a line. */
struct device *parent_begin(enum parent_kind kind);
/* Forget what is nobody's any more: a scatterlist; allocated memory, which is freed. */
void parent_forget_sg(struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir);
void parent_forget_memory(u64 addr);
unsigned long parent_live(void);	/* what is mapped */
extern unsigned long parent_refusals;	/* mappings that were not possible */
void parent_end(void);

#endif /* PARENT_H */
