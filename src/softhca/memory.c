// SPDX-License-Identifier: GPL-2.0
/*
 * Keys and addresses to bytes.
 *
 * Every byte that the HCA moves goes through here, and nothing else in it
 * asks the reverse map. A key finds a memory region, the region says what its
 * addresses stand for:
 *
 *	user	pages that were pinned and resolved at registration
 *	DMA	device addresses, resolved by the reverse map at each use
 *	fast	an array of device addresses, resolved likewise
 *
 * The key of a memory window leads to a region of user space, of which it grants
 * a part. A piece that goes through one holds it as well, with interrupts off, so
 * that an invalidation waits for that piece, whatever the region's own pages are.
 *
 * The L_Key of kernel memory without a registration has no region; its
 * addresses are device addresses.
 *
 * A transfer goes piece by piece, each within one page on both sides. While a
 * piece through device addresses is copied, interrupts are off and both its
 * mapping and its region are held, so that an unmap or invalidation on
 * another CPU waits for this one piece; the next one is looked up anew. Pages
 * of user space stay for as long as their region is held, so those need none
 * of this.
 */
#include <linux/highmem.h>
#include <linux/scatterlist.h>
#include <dma_rmap.h>

#include "memory.h"

/* A transfer between user pages may go this far without a look around. */
#define PIECES_PER_RESCHED	16

/**
 * struct mem_piece - what one side contributes to one step of a transfer
 * @addr: its bytes
 * @len: how many
 * @mapped: @addr is a temporary mapping of a page, to be undone
 * @mr: region whose count of pieces was raised; or NULL
 * @window: memory window likewise; interrupts are off since
 * @flags: they were so before
 * @ref: mapping held in the reverse map; its entry is NULL where none is
 */
struct mem_piece {
	void *addr;
	u32 len;
	bool mapped;
	struct softhca_mr *mr;
	struct softhca_window *window;
	unsigned long flags;
	struct dma_rmap_ref ref;
};

/* A window has an R_Key alone, and one of type 2 serves the QP that bound it. */
static bool window_serves(const struct softhca_window *window,
			  const struct softhca_qp *qp)
{
	return qp && (window->type == IB_MW_TYPE_1 || window->qp == qp);
}

/* Is the key in force, and does it grant this access to some of its memory? */
static bool key_granted(const struct softhca_mem *mem, struct softhca_mr *mr,
			const struct ib_sge *sge)
{
	/* Pairs with softhca_mr_register(): the rest is as that has set it. */
	if (smp_load_acquire(&mr->state) != SOFTHCA_MR_VALID ||
	    mr->key != sge->lkey || mr->pd != mem->pd ||
	    (mr->access & mem->access) != mem->access)
		return false;

	if (mr->kind == SOFTHCA_MR_DMA)
		return !mem->user;
	return mr->kind != SOFTHCA_MR_WINDOW ||
	       window_serves(to_softhca_window(mr), mem->qp);
}

/* May this side use the region for its current range? */
static bool mem_granted(const struct softhca_mem *mem,
			struct softhca_mr *mr, const struct ib_sge *sge)
{
	/* What a window shows was found to be in its region when it was bound. */
	if (mem->window && mr == mem->mr)
		return READ_ONCE(mr->state) == SOFTHCA_MR_VALID;

	if (!key_granted(mem, mr, sge))
		return false;
	return mr->kind == SOFTHCA_MR_DMA ||
	       (sge->addr >= mr->iova && sge->length <= mr->length &&
		sge->addr - mr->iova <= mr->length - sge->length);
}

static bool mem_is_local_dma(const struct softhca_mem *mem,
			     const struct ib_sge *sge)
{
	return sge->lkey == SOFTHCA_LOCAL_DMA_LKEY && !mem->user && !mem->qp;
}

static struct softhca_mr *window_target(const struct softhca_mem *mem,
					struct softhca_window *window);

/* Find and hold the region of the current range. */
static int mem_enter(struct softhca_mem *mem)
{
	const struct ib_sge *sge = &mem->sge[mem->cur];
	struct softhca_mr *mr;

	mem->entered = true;
	if (mem_is_local_dma(mem, sge))
		return 0;

	mr = softhca_mr_get(mem->dev, sge->lkey);
	if (!mr)
		return -EACCES;
	if (mr->kind == SOFTHCA_MR_WINDOW) {
		mem->mr = window_target(mem, to_softhca_window(mr));
		if (mem->mr)
			mem->window = to_softhca_window(mr);
	} else if (mem_granted(mem, mr, sge)) {
		mem->mr = mr;
	}
	if (mem->mr)
		return 0;
	softhca_mr_put(mr);
	return -EACCES;
}

static void mem_leave(struct softhca_mem *mem)
{
	if (mem->mr)
		softhca_mr_put(mem->mr);
	if (mem->window)
		softhca_mr_put(&mem->window->key);
	mem->mr = NULL;
	mem->window = NULL;
	mem->entered = false;
}

/* Where in a fast registration an address lies; returns bytes to its page's end. */
static u64 fast_locate(const struct softhca_mr *mr, u64 addr, u64 *dma)
{
	u64 size = 1ULL << mr->page_shift;
	u64 pos = (mr->iova & (size - 1)) + (addr - mr->iova);
	u64 index = pos >> mr->page_shift;

	if (index >= mr->nr_pages)
		return 0;
	*dma = READ_ONCE(mr->dma[index]) + (pos & (size - 1));
	return size - (pos & (size - 1));
}

/* The reverse map has refused it. Who has made @mem says whose access it was. */
static int mem_refused(struct softhca_mem *mem, u64 dma, u64 len, int err)
{
	mem->refused.addr = dma;
	mem->refused.len = len;
	return err;
}

static int piece_from_dma(struct softhca_mem *mem, u64 dma, u32 len,
			  struct mem_piece *piece)
{
	struct dma_rmap *rmap = mem->dev->rmap;
	int err;

	if (!rmap) {
		piece->addr = (void *)(uintptr_t)dma;
		piece->len = min_t(u32, len,
				   PAGE_SIZE - offset_in_page(piece->addr));
		return 0;
	}

	/* With an element's first piece all of it is checked. */
	if (mem->off)
		len = min_t(u32, len, PAGE_SIZE - offset_in_page(dma));
	err = dma_rmap_get(rmap, dma, len, mem->dir, &piece->ref);
	if (err)
		return mem_refused(mem, dma, len, err);
	piece->addr = kmap_local_page(piece->ref.page) + piece->ref.offset;
	piece->mapped = true;
	piece->len = piece->ref.len;
	return 0;
}

static int piece_from_user(const struct softhca_mr *mr, u64 addr, u32 len,
			   struct mem_piece *piece)
{
	u64 pos = mr->offset + (addr - mr->iova);
	u32 off = offset_in_page(pos);

	piece->addr = kmap_local_page(mr->pages[pos >> PAGE_SHIFT]) + off;
	piece->mapped = true;
	piece->len = min_t(u32, len, PAGE_SIZE - off);
	return 0;
}

static void region_leave(struct softhca_mr *mr)
{
	(void)atomic_dec_return_release(&mr->pieces);
}

/*
 * Hold a region of device addresses for one piece, or one check: whoever
 * invalidates it waits until it is left. With interrupts off.
 */
static bool region_enter(const struct softhca_mem *mem, struct softhca_mr *mr,
			 const struct ib_sge *sge)
{
	/* Raised first, looked at then: softhca_mr_close() does it the other way. */
	atomic_inc(&mr->pieces);
	/* Pairs with softhca_mr_close(). */
	smp_mb__after_atomic();
	if (mem_granted(mem, mr, sge))
		return true;
	region_leave(mr);
	return false;
}

/* The region that a window is bound to, held; NULL where it grants nothing. */
static struct softhca_mr *window_target(const struct softhca_mem *mem,
					struct softhca_window *window)
{
	struct softhca_mr *target = NULL;
	unsigned long flags;

	local_irq_save(flags);
	if (region_enter(mem, &window->key, &mem->sge[mem->cur])) {
		/* It has its own reference for as long as it is bound. */
		target = window->target;
		refcount_inc(&target->refs);
		region_leave(&window->key);
	}
	local_irq_restore(flags);
	return target;
}

/*
 * Hold the current range's window for one piece. It may have been bound to
 * something else since the range was begun.
 */
static int window_enter(const struct softhca_mem *mem, struct mem_piece *piece,
			u64 *addr)
{
	struct softhca_window *window = mem->window;

	local_irq_save(piece->flags);
	if (!region_enter(mem, &window->key, &mem->sge[mem->cur])) {
		local_irq_restore(piece->flags);
		return -EACCES;
	}
	piece->window = window;
	if (window->target != mem->mr)
		return -EACCES;
	*addr += window->base - window->key.iova;
	return 0;
}

static void window_leave(struct mem_piece *piece)
{
	region_leave(&piece->window->key);
	local_irq_restore(piece->flags);
}

static int piece_from_region(struct softhca_mem *mem, u64 addr, u32 len,
			     struct mem_piece *piece)
{
	struct softhca_mr *mr = mem->mr;
	u64 dma, left;
	int err;

	if (mem->window) {
		err = window_enter(mem, piece, &addr);
		if (err)
			return err;
	}

	if (mr->kind == SOFTHCA_MR_USER) {
		if (READ_ONCE(mr->state) != SOFTHCA_MR_VALID)
			return -EACCES;
		return piece_from_user(mr, addr, len, piece);
	}

	if (!region_enter(mem, mr, &mem->sge[mem->cur]))
		return -EACCES;
	piece->mr = mr;

	if (mr->kind == SOFTHCA_MR_DMA)
		return piece_from_dma(mem, addr, len, piece);

	left = fast_locate(mr, addr, &dma);
	if (!left)
		return -EACCES;
	return piece_from_dma(mem, dma, min_t(u64, len, left), piece);
}

static void piece_release(struct mem_piece *piece)
{
	if (piece->mapped)
		kunmap_local(piece->addr);
	if (piece->ref.entry)
		dma_rmap_put(&piece->ref);
	if (piece->mr)
		region_leave(piece->mr);
	if (piece->window)
		window_leave(piece);
}

/* The next piece of at most @len bytes; on failure nothing is held. */
static int mem_next(struct softhca_mem *mem, u64 len, struct mem_piece *piece)
{
	const struct ib_sge *sge;
	u32 left;
	int err;

	piece->mapped = false;
	piece->mr = NULL;
	piece->window = NULL;
	piece->ref.entry = NULL;

	if (mem->inline_data) {
		piece->addr = mem->inline_data + mem->off;
		piece->len = len;
		return 0;
	}

	while (mem->cur < mem->num_sge &&
	       mem->off == mem->sge[mem->cur].length) {
		mem_leave(mem);
		mem->cur++;
		mem->off = 0;
	}
	if (mem->cur == mem->num_sge)
		return -ERANGE;

	sge = &mem->sge[mem->cur];
	if (!mem->entered) {
		err = mem_enter(mem);
		if (err)
			return err;
	}

	left = min_t(u64, len, sge->length - mem->off);
	if (mem->mr)
		err = piece_from_region(mem, sge->addr + mem->off, left, piece);
	else
		err = piece_from_dma(mem, sge->addr + mem->off, left, piece);
	if (err)
		piece_release(piece);
	return err;
}

/* One piece: hold both sides, copy, let go. */
static enum softhca_mem_result copy_piece(struct softhca_mem *dst,
					  struct softhca_mem *src, u64 len,
					  u32 *done)
{
	struct mem_piece from, to;

	if (mem_next(src, len, &from))
		return SOFTHCA_MEM_SRC_FAULT;
	if (mem_next(dst, from.len, &to)) {
		piece_release(&from);
		return SOFTHCA_MEM_DST_FAULT;
	}

	if (unlikely(dst->apply))
		dst->apply(dst->apply_arg, to.addr, to.len);
	else
		memcpy(to.addr, from.addr, to.len);
	*done = to.len;

	piece_release(&to);
	piece_release(&from);
	src->off += to.len;
	dst->off += to.len;
	return SOFTHCA_MEM_OK;
}

/* More than one piece, of which a later one could be refused? */
static bool mem_wants_check(const struct softhca_mem *mem, u64 len)
{
	if (mem->inline_data)
		return false;
	if (mem->num_sge > 1)
		return true;
	if (mem->user || !mem->num_sge)
		return false;
	/*
	 * Of what is read, the reverse map is asked for all that is left, so
	 * it refuses at the first piece what it would refuse at the last.
	 */
	if (mem->dir == DMA_TO_DEVICE &&
	    mem->sge[0].lkey == SOFTHCA_LOCAL_DMA_LKEY)
		return false;
	return offset_in_page(mem->sge[0].addr + mem->off) + len > PAGE_SIZE;
}

/**
 * softhca_mem_copy - move a message's bytes
 * @dst: side that is written
 * @src: side that is read
 * @len: bytes; both sides have at least so many, or it is that side's fault
 * @stop: when to give up
 *
 * Both sides are checked over the whole length before the first byte moves,
 * so a transfer that is refused leaves memory as it was, except where a
 * mapping or region goes away in the middle.
 *
 * Context: Any; with interrupts on where @stop says that it may sleep.
 */
enum softhca_mem_result softhca_mem_copy(struct softhca_mem *dst,
					 struct softhca_mem *src, u64 len,
					 const struct softhca_mem_stop *stop)
{
	bool kernel = !dst->user || !src->user;
	enum softhca_mem_result result = SOFTHCA_MEM_OK;
	unsigned int pieces = 0;
	unsigned long flags = 0;
	u32 done = 0;

	if (mem_wants_check(src, len) && softhca_mem_check(src, len))
		return SOFTHCA_MEM_SRC_FAULT;
	if (mem_wants_check(dst, len) && softhca_mem_check(dst, len))
		return SOFTHCA_MEM_DST_FAULT;

	while (len) {
		if (pieces++ && stop->stop(stop->arg)) {
			result = SOFTHCA_MEM_STOPPED;
			break;
		}
		if (stop->may_sleep && pieces % PIECES_PER_RESCHED == 0)
			cond_resched();
		if (kernel)
			local_irq_save(flags);
		result = copy_piece(dst, src, len, &done);
		if (kernel)
			local_irq_restore(flags);
		if (result)
			break;
		len -= done;
	}

	mem_leave(src);
	mem_leave(dst);
	return result;
}

static int check_dma(struct softhca_mem *mem, u64 dma, u64 len)
{
	int err;

	if (!mem->dev->rmap)
		return 0;
	err = dma_rmap_check(mem->dev->rmap, dma, len, mem->dir);
	return err ? mem_refused(mem, dma, len, err) : 0;
}

/* The next part of a range through a region; *n becomes what was checked. */
static int check_part(struct softhca_mem *mem, struct softhca_mr *mr,
		      const struct ib_sge *sge, u64 addr, u64 *n)
{
	u64 dma = addr;
	int err = -EACCES;

	if (!region_enter(mem, mr, sge))
		return err;
	if (mr->kind == SOFTHCA_MR_FAST)
		*n = min(*n, fast_locate(mr, addr, &dma));
	if (*n)
		err = check_dma(mem, dma, *n);
	region_leave(mr);
	return err;
}

static int check_region(struct softhca_mem *mem, struct softhca_mr *mr,
			const struct ib_sge *sge, u64 addr, u64 len)
{
	unsigned long flags;
	int err;
	u64 n;

	for (; len; addr += n, len -= n) {
		n = len;
		local_irq_save(flags);
		err = check_part(mem, mr, sge, addr, &n);
		local_irq_restore(flags);
		if (err)
			return err;
	}
	return 0;
}

static int check_range(struct softhca_mem *mem, const struct ib_sge *sge,
		       u32 off, u64 len)
{
	u64 addr = sge->addr + off;
	struct softhca_mr *mr;
	int err = 0;

	if (mem_is_local_dma(mem, sge))
		return check_dma(mem, addr, len);

	mr = softhca_mr_get(mem->dev, sge->lkey);
	if (!mr)
		return -EACCES;
	if (mr->kind == SOFTHCA_MR_DMA || mr->kind == SOFTHCA_MR_FAST)
		err = check_region(mem, mr, sge, addr, len);
	else if (!mem_granted(mem, mr, sge))
		err = -EACCES;
	softhca_mr_put(mr);
	return err;
}

/**
 * softhca_mem_check - would this side be granted?
 * @mem: the side
 * @len: bytes from where it stands
 *
 * Context: Any.
 * Return: 0, or a negative errno.
 */
int softhca_mem_check(struct softhca_mem *mem, u64 len)
{
	u32 off = mem->off;
	u32 i;
	int err;

	if (mem->inline_data)
		return 0;

	for (i = mem->cur; len && i < mem->num_sge; i++, off = 0) {
		const struct ib_sge *sge = &mem->sge[i];
		u64 n = min_t(u64, len, sge->length - off);

		if (!n)
			continue;
		err = check_range(mem, sge, off, n);
		if (err)
			return err;
		len -= n;
	}
	return len ? -ERANGE : 0;
}

/**
 * softhca_mem_key_is_good - would this side's access be granted somewhere?
 * @mem: the side, with one range, of which the key counts alone
 *
 * Context: Any.
 */
bool softhca_mem_key_is_good(const struct softhca_mem *mem)
{
	struct softhca_mr *mr = softhca_mr_get(mem->dev, mem->sge->lkey);
	bool good;

	if (!mr)
		return false;
	good = key_granted(mem, mr, mem->sge);
	softhca_mr_put(mr);
	return good;
}

/**
 * softhca_mem_explain - why did the reverse map refuse an access?
 * @mem: the side that was refused, with a length in @refused
 * @buf: room for the explanation
 * @size: its bytes
 *
 * Context: Any; no need to be quick.
 * Return: @buf, with a phrase that describes how things are by now.
 */
const char *softhca_mem_explain(const struct softhca_mem *mem, char *buf,
				size_t size)
{
	dma_rmap_explain(mem->dev->rmap, mem->refused.addr, mem->refused.len,
			 mem->dir, buf, size);
	return buf;
}

/**
 * softhca_mem_copy_inline - take a kernel work request's inline data
 * @dst: where to
 * @sge: ranges of kernel memory: inline data is given by kernel address
 *	whatever the scheme, as no DMA takes place
 * @num_sge: how many
 */
void softhca_mem_copy_inline(void *dst, const struct ib_sge *sge, u32 num_sge)
{
	u32 i;

	for (i = 0; i < num_sge; i++) {
		memcpy(dst, (const void *)(uintptr_t)sge[i].addr,
		       sge[i].length);
		dst += sge[i].length;
	}
}

static int umem_add_pages(struct softhca_mr *mr, struct page *page, size_t len)
{
	for (; len; len -= PAGE_SIZE, page++) {
		if (mr->nr_pages == ib_umem_num_pages(mr->umem))
			return -ERANGE;
		mr->pages[mr->nr_pages++] = page;
	}
	return 0;
}

static int umem_add_span(const struct dma_rmap_span *span, void *arg)
{
	return umem_add_pages(arg, span->page, span->len);
}

/**
 * softhca_mem_resolve_umem - find the pages of a user's region
 * @mr: the region, whose umem is pinned and mapped for DMA
 *
 * The pages come from the reverse map like everything else; it is asked once,
 * as they stay pinned and mapped until deregistration.
 *
 * Context: May sleep.
 * Return: 0 or a negative errno.
 */
int softhca_mem_resolve_umem(struct softhca_mr *mr)
{
	struct softhca_dev *dev = to_softhca(mr->ib.device);
	struct scatterlist *sg;
	int i, err;

	mr->offset = ib_umem_offset(mr->umem);
	mr->pages = kvcalloc(ib_umem_num_pages(mr->umem), sizeof(*mr->pages),
			     GFP_KERNEL);
	if (!mr->pages)
		return -ENOMEM;

	for_each_sgtable_dma_sg(&mr->umem->sgt_append.sgt, sg, i) {
		dma_addr_t addr = sg_dma_address(sg);

		if (dev->rmap)
			err = dma_rmap_walk_spans(dev->rmap, addr,
						  sg_dma_len(sg), DMA_TO_DEVICE,
						  umem_add_span, mr);
		else
			err = umem_add_pages(mr, virt_to_page((void *)(uintptr_t)addr),
					     sg_dma_len(sg));
		if (err)
			return err;
	}
	return mr->nr_pages == ib_umem_num_pages(mr->umem) ? 0 : -EFAULT;
}
