// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: mapping in two steps: a range of device addresses is reserved, and pages
 * are linked into it when they are there. No scatterlist anywhere.
 */
#include <linux/io.h>
#include <linux/mm.h>

#include "dma_rmap.h"
#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_RANGE_PAGES	7
#define ST_RANGE_OFFSET	123	/* of the first byte in its page */
#define ST_RANGE_LEN	((ST_RANGE_PAGES - 1) * PAGE_SIZE + 77)

/**
 * struct st_range - a range at a, whose pages lie the wrong way round in memory
 * @p: the pair
 * @mem: the memory, a page for each of the range's
 * @other: a mapped buffer at b, as long as the range
 * @range: the range
 */
struct st_range {
	struct st_pair *p;
	struct st_buf *mem;
	struct st_buf *other;
	struct dma_rmap_range range;
};

static int st_range_open(struct st_test *t, struct st_range *r,
			 enum dma_data_direction dir)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };
	int err;

	r->p = st_pair_open(t, &o);
	if (!r->p)
		return -EBADE;
	r->mem = st_buf_unmapped(&r->p->a, ST_RANGE_PAGES * PAGE_SIZE, 0);
	r->other = st_buf_new(&r->p->b, ST_RANGE_LEN, 500, DMA_BIDIRECTIONAL);
	if (!r->mem || !r->other)
		return -EBADE;
	err = dma_rmap_reserve(t->map, &r->range, ST_RANGE_OFFSET,
			       ST_RANGE_LEN, dir, GFP_KERNEL);
	return err ? st_fail(t, "reserve: error %d", err) : 0;
}

/* No QP may use the range any more. */
static void st_range_close(struct st_range *r)
{
	st_destroy_qp(&r->p->a);
	st_destroy_qp(&r->p->b);
	dma_rmap_free_range(&r->range);
}

static u8 *st_range_page(struct st_range *r, unsigned int i)
{
	return r->mem->data + (ST_RANGE_PAGES - 1 - i) * PAGE_SIZE;
}

/* The part of page @i that is in the range: where it begins there. */
static size_t st_range_part(unsigned int i, size_t *len, size_t *in_page)
{
	size_t begin = i ? i * PAGE_SIZE - ST_RANGE_OFFSET : 0;
	size_t end = (i + 1) * PAGE_SIZE - ST_RANGE_OFFSET;

	*in_page = i ? 0 : ST_RANGE_OFFSET;
	*len = min_t(size_t, end, ST_RANGE_LEN) - begin;
	return begin;
}

static int st_range_link(struct st_range *r, unsigned int i)
{
	size_t len, in_page, begin = st_range_part(i, &len, &in_page);
	int err;

	err = dma_rmap_link(&r->range, begin,
			    virt_to_phys(st_range_page(r, i)) + in_page, len);
	return err ? st_fail(r->p->a.t, "link of page %u: error %d", i, err) :
		     0;
}

static int st_range_unlink(struct st_range *r, unsigned int i)
{
	size_t len, in_page, begin = st_range_part(i, &len, &in_page);
	size_t unlinked = dma_rmap_unlink(&r->range, begin, len);

	return unlinked == len ? 0 :
	       st_fail(r->p->a.t, "unlink of page %u: %zu bytes of %zu", i,
		       unlinked, len);
}

static void st_range_fill(struct st_range *r, u32 seed)
{
	size_t len, in_page, begin;
	unsigned int i;

	for (i = 0; i < ST_RANGE_PAGES; i++) {
		begin = st_range_part(i, &len, &in_page);
		st_pattern_fill(st_range_page(r, i) + in_page, len, seed,
				begin);
	}
}

/* Page @i's part has to have the pattern, and what is around it the poison. */
static int st_range_want(struct st_range *r, unsigned int i, u32 seed)
{
	size_t len, in_page, begin = st_range_part(i, &len, &in_page);
	u8 *page = st_range_page(r, i);
	ssize_t diff;

	diff = st_pattern_diff(page + in_page, len, seed, begin);
	if (diff >= 0)
		return st_fail(r->p->a.t, "byte %zd of page %u is wrong", diff,
			       i);
	if (memchr_inv(page, ST_POISON, in_page) ||
	    memchr_inv(page + in_page + len, ST_POISON,
		       PAGE_SIZE - in_page - len))
		return st_fail(r->p->a.t, "bytes around page %u were touched",
			       i);
	return 0;
}

static struct ib_sge st_range_sge(struct st_range *r)
{
	return (struct ib_sge) {
		.addr = r->range.addr,
		.length = r->range.len,
		.lkey = r->p->a.pd->local_dma_lkey,
	};
}

/* Pages come in any order. */
static int case_range_send(struct st_test *t)
{
	static const unsigned int order[] = { 3, 0, 6, 1, 5, 2, 4 };
	struct ib_sge from, to;
	struct st_range r;
	unsigned int i;
	int ret = 0;

	if (st_range_open(t, &r, DMA_TO_DEVICE))
		return -EBADE;
	st_range_fill(&r, ++t->seed);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		ret = ret ?: st_range_link(&r, order[i]);
	from = st_range_sge(&r);
	to = st_sge(r.other, 0, ST_RANGE_LEN);
	ret = ret ?: st_transfer(&r.p->a, &from, 1, &r.p->b, &to, 1);
	st_range_close(&r);
	return ret ?: st_buf_want(r.other, t->seed, ST_RANGE_LEN);
}

/* Pages that adjoin are linked in one go. */
static int case_range_receive(struct st_test *t)
{
	struct dma_rmap_range *range;
	struct ib_sge from, to;
	struct st_range r;
	int ret;

	if (st_range_open(t, &r, DMA_FROM_DEVICE))
		return -EBADE;
	range = &r.range;
	ret = dma_rmap_link(range, 0, virt_to_phys(r.mem->data) +
			    ST_RANGE_OFFSET, range->len);
	if (ret)
		st_fail(t, "link: error %d", ret);
	st_buf_fill(r.other, ++t->seed);
	from = st_sge(r.other, 0, ST_RANGE_LEN);
	to = st_range_sge(&r);
	ret = ret ?: st_transfer(&r.p->b, &from, 1, &r.p->a, &to, 1);
	st_range_close(&r);
	return ret ?: st_buf_want_at(r.mem, ST_RANGE_OFFSET, ST_RANGE_LEN,
				     t->seed, 0);
}

static int st_range_remote_write(struct st_range *r)
{
	struct ib_sge sge = st_sge(r->other, 0, ST_RANGE_LEN);

	return st_post_rdma(&r->p->b, 5, IB_WR_RDMA_WRITE, &sge, 1,
			    r->range.addr, r->p->a.pd->unsafe_global_rkey,
			    IB_SEND_SIGNALED) ?:
	       st_want_sent(&r->p->b, 5, IB_WC_RDMA_WRITE);
}

/* A page is replaced by another one: what the peer writes goes there. */
static int case_range_replace(struct st_test *t)
{
	struct st_range r;
	u32 old, seed;
	unsigned int i;
	int ret = 0;

	if (st_range_open(t, &r, DMA_BIDIRECTIONAL))
		return -EBADE;
	for (i = 0; i < ST_RANGE_PAGES; i++)
		ret = ret ?: st_range_link(&r, i);
	old = ++t->seed;
	st_buf_fill(r.other, old);
	ret = ret ?: st_range_remote_write(&r);
	for (i = 0; i < ST_RANGE_PAGES; i++)
		ret = ret ?: st_range_want(&r, i, old);

	/* Pages 2 and 4 change places. */
	ret = ret ?: st_range_unlink(&r, 2) ?: st_range_unlink(&r, 4);
	ret = ret ?: dma_rmap_link(&r.range, 2 * PAGE_SIZE - ST_RANGE_OFFSET,
				   virt_to_phys(st_range_page(&r, 4)),
				   PAGE_SIZE);
	ret = ret ?: dma_rmap_link(&r.range, 4 * PAGE_SIZE - ST_RANGE_OFFSET,
				   virt_to_phys(st_range_page(&r, 2)),
				   PAGE_SIZE);
	seed = ++t->seed;
	st_buf_fill(r.other, seed);
	ret = ret ?: st_range_remote_write(&r);
	st_range_close(&r);
	if (ret)
		return ret;
	if (st_pattern_diff(st_range_page(&r, 4), PAGE_SIZE, seed,
			    2 * PAGE_SIZE - ST_RANGE_OFFSET) >= 0 ||
	    st_pattern_diff(st_range_page(&r, 2), PAGE_SIZE, seed,
			    4 * PAGE_SIZE - ST_RANGE_OFFSET) >= 0)
		return st_fail(t, "the pages have not changed places");
	return st_range_want(&r, 0, seed) ?: st_range_want(&r, 3, seed);
}

/* What reserving and linking refuse. */
static int case_range_refused(struct st_test *t)
{
	struct dma_rmap_range *range, other;
	struct st_range r;
	phys_addr_t phys;
	int ret = 0;

	if (st_range_open(t, &r, DMA_TO_DEVICE))
		return -EBADE;
	range = &r.range;
	phys = virt_to_phys(r.mem->data);
	if (dma_rmap_reserve(t->map, &other, 0, 0, DMA_TO_DEVICE, GFP_KERNEL) !=
		    -EINVAL ||
	    dma_rmap_reserve(t->map, &other, PAGE_SIZE, 1, DMA_TO_DEVICE,
			     GFP_KERNEL) != -EINVAL ||
	    dma_rmap_reserve(t->map, &other, 0, 1, DMA_NONE, GFP_KERNEL) !=
		    -EINVAL)
		ret = st_fail(t, "a wrong range was reserved");
	/* Another offset in the page, half a page, and past the end */
	if (dma_rmap_link(range, 0, phys, PAGE_SIZE - ST_RANGE_OFFSET) !=
		    -EINVAL ||
	    dma_rmap_link(range, 0, phys + ST_RANGE_OFFSET, 100) != -EINVAL ||
	    dma_rmap_link(range, 0, phys + ST_RANGE_OFFSET,
			  range->len + 1) != -EINVAL)
		ret = st_fail(t, "a wrong link was made");
	ret = ret ?: st_range_link(&r, 1);
	/* Over what is linked: nothing of it is done. */
	if (dma_rmap_link(range, 0, phys + ST_RANGE_OFFSET, range->len) !=
	    -EEXIST)
		ret = st_fail(t, "a page was linked over another");
	if (dma_rmap_unlink(range, 0, range->len) != PAGE_SIZE)
		ret = st_fail(t, "a refused link left something behind");
	st_range_close(&r);
	return ret;
}

static const struct st_case st_range_cases[] = {
	{ "range_send", case_range_send, ST_MAP },
	{ "range_receive", case_range_receive, ST_MAP },
	{ "range_replace", case_range_replace, ST_MAP },
	{ "range_refused", case_range_refused, ST_MAP },
};

ST_SUITE(st_range_suite, st_range_cases);
