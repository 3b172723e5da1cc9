/* SPDX-License-Identifier: GPL-2.0 */
/* Pinned memory of user space. */
#ifndef SOFTHCA_PINNED_H
#define SOFTHCA_PINNED_H

#include <linux/refcount.h>
#include <rdma/ib_umem.h>

#include "softhca.h"

struct softhca_piece;

/**
 * struct softhca_pinned - pages of user space that stay
 * @refs: one of each region that it is the memory of
 * @umem: what pins them and maps them for DMA
 * @offset: of the first byte in the first page
 * @nr_pages: how many
 * @pages: page by page, from the reverse map
 */
struct softhca_pinned {
	refcount_t refs;
	struct ib_umem *umem;
	u32 offset;
	u64 nr_pages;
	struct page *pages[];
};

struct softhca_pinned *softhca_pinned_create(struct softhca_dev *dev, u64 start,
					     u64 length, int access);
struct softhca_pinned *softhca_pinned_get(struct softhca_pinned *pinned);
void softhca_pinned_put(struct softhca_pinned *pinned);
bool softhca_pinned_allows(const struct softhca_pinned *pinned, int access);
void softhca_pinned_piece(const struct softhca_pinned *pinned, u64 pos, u32 len,
			  struct softhca_piece *piece);

/* Pages that the reverse map, or scheme virt, finds behind mapped memory. */
int softhca_resolve_sg(struct softhca_dev *dev, struct sg_table *sgt,
		       struct page **pages, u64 nr_pages);

#endif /* SOFTHCA_PINNED_H */
