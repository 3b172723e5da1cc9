// SPDX-License-Identifier: GPL-2.0
/*
 * Keys and addresses to bytes.
 *
 * Every byte that the HCA moves goes through here. A key finds a memory region,
 * the region says what its addresses stand for:
 *
 *	user	pages that were pinned and resolved at registration (pinned.c)
 *	ODP	pages of a process, of which some are there (odp.c)
 *	DMABUF	another driver's pages, if they are mapped (dmabuf.c)
 *	DMA	device addresses, resolved by the reverse map at each use
 *	fast	an array of device addresses, resolved likewise
 *
 * The L_Key of kernel memory without a registration has no region; its
 * addresses are device addresses.
 *
 * A transfer goes piece by piece, each within one page on both sides. While a
 * piece of anything but pinned pages is copied, interrupts are off and it is
 * held, so that an unmap or invalidation on another CPU waits for this one piece;
 * the next one is looked up anew. Pinned pages stay for as long as their region
 * is held, so those need none of this.
 *
 * The key of a memory window leads to a region of user space, of which it grants
 * a part. A piece that goes through one holds it as well, with interrupts off, so
 * that an invalidation waits for that piece, whatever the region's own pages are.
 *
 * A page that is not there has the piece answered with -EAGAIN, and nothing is
 * held any more; then it is brought in, if the caller may sleep, and the piece is
 * asked for again.
 */
#include <linux/scatterlist.h>
#include <dma_rmap.h>

#include "dmabuf.h"
#include "memory.h"
#include "odp.h"
#include "piece.h"
#include "pinned.h"

/* A transfer between user pages may go this far without a look around. */
#define PIECES_PER_RESCHED	16

/* Of what is not there, how much is brought in before it is used. */
#define BRING_IN_BYTES		SZ_1M

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
static bool mem_granted(const struct softhca_mem *mem, struct softhca_mr *mr,
			const struct ib_sge *sge)
{
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

/* The region or window that a range names, held, if it grants the access. */
static struct softhca_mr *mem_find(const struct softhca_mem *mem,
				   const struct ib_sge *sge)
{
	struct softhca_mr *mr;
	bool replaced;

	do {
		mr = softhca_mr_get(mem->dev, sge->lkey);
		if (!mr || mem_granted(mem, mr, sge))
			return mr;
		/* Between its being found and looked at? */
		replaced = READ_ONCE(mr->state) == SOFTHCA_MR_REPLACED;
		softhca_mr_put(mr);
	} while (replaced);
	return NULL;
}

/*
 * Hold a region of device addresses, or a window, for one piece, or one check:
 * whoever invalidates it waits until it is left. With interrupts off.
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
	softhca_piece_unhold(&mr->pieces);
	return false;
}

/* How addresses of a window become ones of its region; with it entered. */
static u64 window_shift(const struct softhca_window *window)
{
	return window->base - window->key.iova;
}

/*
 * Find and hold the region that the current range's window is bound to; the
 * window's reference is then the caller's to give back, by mem_leave().
 */
static bool window_find(struct softhca_mem *mem, struct softhca_window *window)
{
	unsigned long flags;
	bool found;

	local_irq_save(flags);
	found = region_enter(mem, &window->key, &mem->sge[mem->cur]);
	if (found) {
		/* The region is there for as long as something is bound to it. */
		refcount_inc(&window->target->refs);
		mem->mr = window->target;
		mem->shift = window_shift(window);
		mem->window = window;
		softhca_piece_unhold(&window->key.pieces);
	}
	local_irq_restore(flags);
	return found;
}

/* Find and hold the region of the current range. */
static int mem_enter(struct softhca_mem *mem)
{
	const struct ib_sge *sge = &mem->sge[mem->cur];
	struct softhca_mr *mr;

	mem->entered = true;
	if (mem_is_local_dma(mem, sge))
		return 0;

	mr = mem_find(mem, sge);
	if (!mr)
		return -EACCES;
	if (mr->kind == SOFTHCA_MR_WINDOW) {
		if (window_find(mem, to_softhca_window(mr)))
			return 0;
		softhca_mr_put(mr);
		return -EACCES;
	}
	mem->mr = mr;
	return 0;
}

static void mem_leave(struct softhca_mem *mem)
{
	if (mem->mr)
		softhca_mr_put(mem->mr);
	if (mem->window)
		softhca_mr_put(&mem->window->key);
	mem->mr = NULL;
	mem->window = NULL;
	mem->shift = 0;
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
			  struct softhca_piece *piece)
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
	softhca_piece_set(piece, piece->ref.page, piece->ref.offset,
			  piece->ref.len);
	return 0;
}

/*
 * Hold the current range's window for one piece. It may have been bound to
 * something else since the range was begun.
 */
static int window_enter(const struct softhca_mem *mem,
			struct softhca_piece *piece)
{
	struct softhca_window *window = mem->window;

	softhca_piece_irqs_off(piece);
	if (!region_enter(mem, &window->key, &mem->sge[mem->cur]))
		return -EACCES;
	piece->window = &window->key.pieces;
	return window->target == mem->mr &&
	       window_shift(window) == mem->shift ? 0 : -EACCES;
}

/*
 * Memory of user space: the region is held, and so is what it stands for. The
 * state is looked at for those who wait for the region to be let go of.
 */
static int piece_from_user(struct softhca_mem *mem, u64 addr, u32 len,
			   struct softhca_piece *piece)
{
	struct softhca_mr *mr = mem->mr;
	u64 pos = addr - mr->iova;

	switch (READ_ONCE(mr->state)) {
	case SOFTHCA_MR_VALID:
		break;
	case SOFTHCA_MR_REPLACED:
		return -ESTALE;
	default:
		return -EACCES;
	}

	switch (mr->kind) {
	case SOFTHCA_MR_ODP:
		return softhca_odp_piece(mr->odp, mr->start + pos, len,
					 mem->dir, piece);
	case SOFTHCA_MR_DMABUF:
		return softhca_dmabuf_piece(mr->dmabuf, pos, len, piece);
	default:
		softhca_pinned_piece(mr->pinned, pos, len, piece);
		return 0;
	}
}

static bool mr_is_dma(const struct softhca_mr *mr)
{
	return mr->kind == SOFTHCA_MR_DMA || mr->kind == SOFTHCA_MR_FAST;
}

static int piece_from_region(struct softhca_mem *mem, u64 addr, u32 len,
			     struct softhca_piece *piece)
{
	struct softhca_mr *mr = mem->mr;
	u64 dma, left;
	int err;

	if (mem->window) {
		err = window_enter(mem, piece);
		if (err)
			return err;
	}
	if (!mr_is_dma(mr))
		return piece_from_user(mem, addr, len, piece);

	if (!region_enter(mem, mr, &mem->sge[mem->cur]))
		return -EACCES;
	piece->holders = &mr->pieces;

	if (mr->kind == SOFTHCA_MR_DMA)
		return piece_from_dma(mem, addr, len, piece);

	left = fast_locate(mr, addr, &dma);
	if (!left)
		return -EACCES;
	return piece_from_dma(mem, dma, min_t(u64, len, left), piece);
}

/* Go to the first range that has bytes left, and find its region. */
static int mem_seek(struct softhca_mem *mem)
{
	while (mem->cur < mem->num_sge &&
	       mem->off == mem->sge[mem->cur].length) {
		mem_leave(mem);
		mem->cur++;
		mem->off = 0;
	}
	if (mem->cur == mem->num_sge)
		return -ERANGE;
	return mem->entered ? 0 : mem_enter(mem);
}

/*
 * The next piece of at most @len bytes. On failure nothing is held; -EAGAIN says
 * that it must be brought in first.
 */
static int mem_next(struct softhca_mem *mem, u64 len,
		    struct softhca_piece *piece)
{
	const struct ib_sge *sge;
	u32 left;
	int err;

	softhca_piece_init(piece);
	if (mem->inline_data) {
		piece->addr = mem->inline_data + mem->off;
		piece->len = len;
		return 0;
	}

	do {
		err = mem_seek(mem);
		if (err)
			return err;

		sge = &mem->sge[mem->cur];
		left = min_t(u64, len, sge->length - mem->off);
		if (mem->mr)
			err = piece_from_region(mem, sge->addr + mem->off +
						mem->shift, left, piece);
		else
			err = piece_from_dma(mem, sge->addr + mem->off, left,
					     piece);
		if (!err)
			return 0;
		softhca_piece_release(piece);
		softhca_piece_init(piece);
		/* Another region has the key by now. */
		if (err == -ESTALE)
			mem_leave(mem);
	} while (err == -ESTALE);
	return err;
}

/* Bring in at most @len bytes of what the current range's region has next. */
static int mem_fault(struct softhca_mem *mem, u64 len)
{
	const struct ib_sge *sge = &mem->sge[mem->cur];
	struct softhca_mr *mr = mem->mr;
	int err = 0;

	len = min3(len, (u64)sge->length - mem->off, (u64)BRING_IN_BYTES);
	if (mr && mr->kind == SOFTHCA_MR_ODP)
		err = softhca_odp_fault(mr->odp, mr->start + mem->off +
					(sge->addr + mem->shift - mr->iova), len,
					mem->dir == DMA_TO_DEVICE ?
					SOFTHCA_ODP_READ : SOFTHCA_ODP_WRITE,
					SOFTHCA_ODP_ACCESS);
	else if (mr && mr->kind == SOFTHCA_MR_DMABUF)
		err = softhca_dmabuf_fault(mr->dmabuf);
	/* It comes and goes: the access tries again. */
	return err == -EAGAIN ? 0 : err;
}

/*
 * One piece: hold both sides, copy, let go. Returns its bytes, or why @at, which
 * is one of them, has none.
 */
static int copy_piece(struct softhca_mem *dst, struct softhca_mem *src, u64 len,
		      struct softhca_mem **at)
{
	struct softhca_piece from, to;
	int err;

	*at = src;
	err = mem_next(src, len, &from);
	if (err)
		return err;
	*at = dst;
	err = mem_next(dst, from.len, &to);
	if (err) {
		softhca_piece_release(&from);
		return err;
	}

	if (unlikely(dst->apply))
		dst->apply(dst->apply_arg, to.addr, to.len);
	else
		memcpy(to.addr, from.addr, to.len);

	softhca_piece_release(&to);
	softhca_piece_release(&from);
	src->off += to.len;
	dst->off += to.len;
	return to.len;
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
 * mapping or region goes away in the middle, or a page cannot be brought in.
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
	struct softhca_mem *at;
	int done;

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
		done = copy_piece(dst, src, len, &at);
		if (kernel)
			local_irq_restore(flags);
		if (done == -EAGAIN) {
			if (!stop->may_sleep) {
				result = SOFTHCA_MEM_WOULD_SLEEP;
				break;
			}
			done = mem_fault(at, len);
		}
		if (done < 0) {
			result = at == src ? SOFTHCA_MEM_SRC_FAULT :
					     SOFTHCA_MEM_DST_FAULT;
			break;
		}
		len -= done;
	}

	mem_leave(src);
	mem_leave(dst);
	return result;
}

/**
 * softhca_mem_bring_in - bring in pages before a transfer that may not sleep
 * @mem: the side, of a QP's own memory
 * @len: bytes from where it stands
 *
 * Afterwards @mem stands at its end, or where it was refused. Pages may be
 * taken away again at once.
 *
 * Context: May sleep.
 * Return: 0, or a negative errno where the side is refused.
 */
int softhca_mem_bring_in(struct softhca_mem *mem, u64 len)
{
	u32 here;
	int err = 0;

	if (mem->inline_data)
		return 0;
	while (len) {
		err = mem_seek(mem);
		if (err)
			break;
		here = min3(len, (u64)mem->sge[mem->cur].length - mem->off,
			    (u64)BRING_IN_BYTES);
		err = mem_fault(mem, here);
		if (err)
			break;
		mem->off += here;
		len -= here;
		cond_resched();
	}
	mem_leave(mem);
	return err;
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
	softhca_piece_unhold(&mr->pieces);
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

	mr = mem_find(mem, sge);
	if (!mr)
		return -EACCES;
	if (mr_is_dma(mr))
		err = check_region(mem, mr, sge, addr, len);
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
