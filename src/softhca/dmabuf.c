// SPDX-License-Identifier: GPL-2.0
/*
 * Memory of another driver, by a dma-buf.
 *
 * Its exporter maps it for our DMA device, through the DMA API, so the reverse
 * map knows the pages. It may move them at any time: it tells, and from then on
 * until the next access, which has it mapped anew, nobody gets a piece. Whoever
 * has one is waited for, less than the time of a copied page. Memory without
 * pages, or mapped otherwise (from one PCI device to another one), is refused.
 */
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <rdma/ib_umem.h>

#include "dmabuf.h"
#include "piece.h"
#include "pinned.h"

/**
 * struct softhca_dmabuf - a part of a dma-buf
 * @refs: one of each region that it is the memory of
 * @dev: the device
 * @umem: attaches to the buffer and maps it
 * @holders: pieces that are held; those who raise it have interrupts off
 * @mapped: @pages is right; changed with the buffer's reservation held
 * @offset: of the first byte in the first page
 * @nr_pages: how many
 * @pages: page by page, from the reverse map
 */
struct softhca_dmabuf {
	refcount_t refs;
	struct softhca_dev *dev;
	struct ib_umem_dmabuf *umem;
	atomic_t holders;
	bool mapped;
	u32 offset;
	u64 nr_pages;
	struct page *pages[];
};

/* With the buffer's reservation held. */
static void dmabuf_unmap(struct softhca_dmabuf *buf)
{
	WRITE_ONCE(buf->mapped, false);
	/* Pairs with softhca_dmabuf_piece(), which raises holders first. */
	smp_mb();
	while (atomic_read_acquire(&buf->holders))
		cpu_relax();
	ib_umem_dmabuf_unmap_pages(buf->umem);
}

static int dmabuf_map(struct softhca_dmabuf *buf)
{
	int err;

	/* Also where it is mapped already: it waits for the data. */
	err = ib_umem_dmabuf_map_pages(buf->umem);
	if (err || buf->mapped)
		return err;
	err = softhca_resolve_sg(buf->dev, &buf->umem->umem.sgt_append.sgt,
				 buf->pages, buf->nr_pages);
	if (err) {
		ib_umem_dmabuf_unmap_pages(buf->umem);
		return err;
	}
	/* Pairs with softhca_dmabuf_piece(): first the pages. */
	smp_store_release(&buf->mapped, true);
	return 0;
}

static void dmabuf_moves(struct dma_buf_attachment *attach)
{
	struct ib_umem_dmabuf *umem = attach->importer_priv;
	struct softhca_dmabuf *buf = umem->private;

	if (buf)
		dmabuf_unmap(buf);
}

static const struct dma_buf_attach_ops dmabuf_attach_ops = {
	.allow_peer2peer = false,
	.invalidate_mappings = dmabuf_moves,
};

/**
 * softhca_dmabuf_fault - have the buffer mapped again
 * @buf: the buffer
 *
 * Context: May sleep.
 * Return: 0, or a negative errno of the exporter's or of softhca_resolve_sg().
 */
int softhca_dmabuf_fault(struct softhca_dmabuf *buf)
{
	struct dma_resv *resv = buf->umem->attach->dmabuf->resv;
	int err;

	dma_resv_lock(resv, NULL);
	err = dmabuf_map(buf);
	dma_resv_unlock(resv);
	return err;
}

/**
 * softhca_dmabuf_piece - the piece at a place, if the buffer is mapped
 * @buf: the buffer
 * @pos: how many bytes from the part's begin; in it
 * @len: the most that is wanted
 * @piece: gets the piece; also where this fails it is to be released
 *
 * Context: Any; interrupts are off until the piece is released.
 * Return: 0; -EAGAIN where the buffer must be mapped first.
 */
int softhca_dmabuf_piece(struct softhca_dmabuf *buf, u64 pos, u32 len,
			 struct softhca_piece *piece)
{
	softhca_piece_irqs_off(piece);
	/* Raised first, looked at then: dmabuf_unmap() does it the other way. */
	atomic_inc(&buf->holders);
	piece->holders = &buf->holders;
	/* Pairs with dmabuf_unmap(). */
	smp_mb__after_atomic();
	/* Pairs with dmabuf_map(). */
	if (!smp_load_acquire(&buf->mapped))
		return -EAGAIN;
	pos += buf->offset;
	softhca_piece_set(piece, buf->pages[pos >> PAGE_SHIFT],
			  offset_in_page(pos), len);
	return 0;
}

/**
 * softhca_dmabuf_create - attach to a dma-buf
 * @dev: the device that it is for
 * @offset: where the part begins in the buffer
 * @length: its bytes
 * @fd: the buffer, of the calling process
 * @access: IB_ACCESS_*
 *
 * Context: May sleep.
 * Return: with one reference, or an ERR_PTR: -EOPNOTSUPP in scheme virt, where
 * the device has no DMA addresses that a buffer could be mapped to.
 */
struct softhca_dmabuf *softhca_dmabuf_create(struct softhca_dev *dev,
					     u64 offset, u64 length, int fd,
					     int access)
{
	struct softhca_dmabuf *buf;
	struct ib_umem_dmabuf *umem;
	size_t nr_pages;
	int err;

	if (!dev->rmap)
		return ERR_PTR(-EOPNOTSUPP);

	umem = ib_umem_dmabuf_get(&dev->ib, offset, length, fd, access,
				  &dmabuf_attach_ops);
	if (IS_ERR(umem))
		return ERR_CAST(umem);

	nr_pages = ib_umem_num_pages(&umem->umem);
	buf = kvzalloc(struct_size(buf, pages, nr_pages), GFP_KERNEL);
	if (!buf) {
		err = -ENOMEM;
		goto err_umem;
	}
	refcount_set(&buf->refs, 1);
	buf->dev = dev;
	buf->umem = umem;
	buf->offset = ib_umem_offset(&umem->umem);
	buf->nr_pages = nr_pages;
	/* From when it is mapped the exporter may move it. */
	umem->private = buf;

	err = softhca_dmabuf_fault(buf);
	if (err)
		goto err_buf;
	return buf;

err_buf:
	ib_umem_release(&umem->umem);
	kvfree(buf);
	return ERR_PTR(err);
err_umem:
	ib_umem_release(&umem->umem);
	return ERR_PTR(err);
}

struct softhca_dmabuf *softhca_dmabuf_get(struct softhca_dmabuf *buf)
{
	refcount_inc(&buf->refs);
	return buf;
}

void softhca_dmabuf_put(struct softhca_dmabuf *buf)
{
	if (!refcount_dec_and_test(&buf->refs))
		return;
	/* Nobody holds a piece; a move that is told meanwhile finds it mapped. */
	ib_umem_release(&buf->umem->umem);
	kvfree(buf);
}
