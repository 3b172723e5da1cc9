/* SPDX-License-Identifier: GPL-2.0 */
/* A piece of memory that is held for as long as it takes to copy it. */
#ifndef SOFTHCA_PIECE_H
#define SOFTHCA_PIECE_H

#include <linux/atomic.h>
#include <linux/highmem.h>
#include <linux/irqflags.h>
#include <linux/mm.h>
#include <dma_rmap.h>

/**
 * struct softhca_piece - what one side contributes to one step of a transfer
 * @addr: its bytes
 * @len: how many; they lie in one page
 * @mapped: @addr is a temporary mapping of a page, to be undone
 * @irqs_off: interrupts were switched off for this piece
 * @irq_flags: how they were before
 * @holders: count that was raised for this piece; or NULL
 * @window: likewise, of the memory window that it goes through
 * @ref: mapping held in the reverse map; its entry is NULL where none is
 *
 * Pieces are released in the reverse order of their making. Whoever takes
 * memory away waits until @holders, or @window, is 0, so while one of them is
 * raised interrupts are off.
 */
struct softhca_piece {
	void *addr;
	u32 len;
	bool mapped;
	bool irqs_off;
	unsigned long irq_flags;
	atomic_t *holders;
	atomic_t *window;
	struct dma_rmap_ref ref;
};

static inline void softhca_piece_init(struct softhca_piece *piece)
{
	piece->mapped = false;
	piece->irqs_off = false;
	piece->holders = NULL;
	piece->window = NULL;
	piece->ref.entry = NULL;
}

/* It is at most @len bytes of @page, at @offset. */
static inline void softhca_piece_set(struct softhca_piece *piece,
				     struct page *page, u32 offset, u32 len)
{
	piece->addr = kmap_local_page(page) + offset;
	piece->mapped = true;
	piece->len = min_t(u32, len, PAGE_SIZE - offset);
}

static inline void softhca_piece_irqs_off(struct softhca_piece *piece)
{
	if (piece->irqs_off)
		return;
	local_irq_save(piece->irq_flags);
	piece->irqs_off = true;
}

static inline void softhca_piece_unhold(atomic_t *holders)
{
	(void)atomic_dec_return_release(holders);
}

static inline void softhca_piece_release(struct softhca_piece *piece)
{
	if (piece->mapped)
		kunmap_local(piece->addr);
	if (piece->ref.entry)
		dma_rmap_put(&piece->ref);
	if (piece->holders)
		softhca_piece_unhold(piece->holders);
	if (piece->window)
		softhca_piece_unhold(piece->window);
	if (piece->irqs_off)
		local_irq_restore(piece->irq_flags);
}

#endif /* SOFTHCA_PIECE_H */
