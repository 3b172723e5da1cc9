// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned memory of user space: its pages are looked up once, as they stay pinned
 * and mapped until the last region that they are the memory of is gone.
 */
#include <linux/err.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <dma_rmap.h>

#include "piece.h"
#include "pinned.h"

struct page_list {
	struct page **pages;
	u64 set;
	u64 max;
};

static int list_add_pages(struct page_list *list, struct page *page,
			  size_t offset, size_t len)
{
	if (offset || !IS_ALIGNED(len, PAGE_SIZE))
		return -EINVAL;
	for (; len; len -= PAGE_SIZE, page++) {
		if (list->set == list->max)
			return -ERANGE;
		list->pages[list->set++] = page;
	}
	return 0;
}

static int list_add_span(const struct dma_rmap_span *span, void *arg)
{
	return list_add_pages(arg, span->page, span->offset, span->len);
}

/**
 * softhca_resolve_sg - find the pages of memory that is mapped for DMA
 * @dev: the device that it is mapped for
 * @sgt: how it is mapped, in whole pages; none of them is unmapped meanwhile
 * @pages: gets the pages
 * @nr_pages: how many there are
 *
 * Context: May sleep.
 * Return: 0; -EFAULT if it is mapped otherwise than through the DMA API, or there
 * is not so much; -EINVAL if it is not whole pages; -ERANGE if there is more.
 */
int softhca_resolve_sg(struct softhca_dev *dev, struct sg_table *sgt,
		       struct page **pages, u64 nr_pages)
{
	struct page_list list = { .pages = pages, .max = nr_pages };
	struct scatterlist *sg;
	int i, err;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		dma_addr_t addr = sg_dma_address(sg);

		if (dev->rmap)
			err = dma_rmap_walk_spans(dev->rmap, addr,
						  sg_dma_len(sg), DMA_TO_DEVICE,
						  list_add_span, &list);
		else
			err = list_add_pages(&list, virt_to_page((void *)(uintptr_t)addr),
					     0, sg_dma_len(sg));
		if (err)
			return err;
	}
	return list.set == nr_pages ? 0 : -EFAULT;
}

/**
 * softhca_pinned_create - pin memory of the calling process
 * @dev: the device that it is for
 * @start: where it begins
 * @length: bytes
 * @access: IB_ACCESS_*; as the RDMA core has it, some of them write
 *
 * Context: May sleep.
 * Return: the memory, with one reference, or an ERR_PTR.
 */
struct softhca_pinned *softhca_pinned_create(struct softhca_dev *dev, u64 start,
					     u64 length, int access)
{
	struct softhca_pinned *pinned;
	struct ib_umem *umem;
	size_t nr_pages;
	int err;

	umem = ib_umem_get_va(&dev->ib, start, length, access);
	if (IS_ERR(umem))
		return ERR_CAST(umem);

	nr_pages = ib_umem_num_pages(umem);
	pinned = kvzalloc(struct_size(pinned, pages, nr_pages), GFP_KERNEL);
	if (!pinned) {
		err = -ENOMEM;
		goto err_umem;
	}
	refcount_set(&pinned->refs, 1);
	pinned->umem = umem;
	pinned->offset = ib_umem_offset(umem);
	pinned->nr_pages = nr_pages;

	err = softhca_resolve_sg(dev, &umem->sgt_append.sgt, pinned->pages,
				 nr_pages);
	if (err)
		goto err_pinned;
	return pinned;

err_pinned:
	kvfree(pinned);
err_umem:
	ib_umem_release(umem);
	return ERR_PTR(err);
}

struct softhca_pinned *softhca_pinned_get(struct softhca_pinned *pinned)
{
	refcount_inc(&pinned->refs);
	return pinned;
}

void softhca_pinned_put(struct softhca_pinned *pinned)
{
	if (!refcount_dec_and_test(&pinned->refs))
		return;
	ib_umem_release(pinned->umem);
	kvfree(pinned);
}

/**
 * softhca_pinned_allows - can a region of this memory grant an access?
 * @pinned: the memory
 * @access: IB_ACCESS_*
 */
bool softhca_pinned_allows(const struct softhca_pinned *pinned, int access)
{
	return pinned->umem->writable || !ib_access_writable(access);
}

/**
 * softhca_pinned_piece - the piece at a place
 * @pinned: the memory
 * @pos: how many bytes from its begin; in it
 * @len: the most that is wanted
 * @piece: gets the piece
 *
 * Context: Any; a reference is held.
 */
void softhca_pinned_piece(const struct softhca_pinned *pinned, u64 pos, u32 len,
			  struct softhca_piece *piece)
{
	pos += pinned->offset;
	softhca_piece_set(piece, pinned->pages[pos >> PAGE_SHIFT],
			  offset_in_page(pos), len);
}
