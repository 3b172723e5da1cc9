// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: elements from the builders in rdma_sge.h, as a ULP uses them: one
 * source for every device.
 */
#include <linux/bvec.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>

#include "rdma_sge.h"

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

/* Two buffers that are not mapped: what b receives, and what a sends. */
struct st_sge_pair {
	struct st_pair *p;
	struct st_buf *src;
	struct st_buf *dst;
};

static int st_sge_open(struct st_test *t, struct st_sge_pair *s, size_t len,
		       size_t offset)
{
	struct st_opts o = { .sge = 8 };

	s->p = st_pair_open(t, &o);
	if (!s->p)
		return -EBADE;
	s->src = st_buf_unmapped(&s->p->a, len, offset);
	s->dst = st_buf_unmapped(&s->p->b, len, offset);
	if (!s->src || !s->dst)
		return -EBADE;
	st_buf_fill(s->src, ++t->seed);
	return 0;
}

/* A QP that still has elements would use them after they are unmapped. */
static int st_sge_transfer(struct st_sge_pair *s, struct ib_sge *from,
			   int nr_from, struct ib_sge *to, int nr_to)
{
	int ret = st_transfer(&s->p->a, from, nr_from, &s->p->b, to, nr_to);

	if (ret) {
		st_destroy_qp(&s->p->a);
		st_destroy_qp(&s->p->b);
	}
	return ret;
}

static int case_sge_single(struct st_test *t)
{
	struct ib_sge from, to;
	struct st_sge_pair s;
	int ret;

	if (st_sge_open(t, &s, 3 * PAGE_SIZE + 5, 77))
		return -EBADE;
	ret = rdma_sge_map_single(s.p->a.pd, &from, s.src->data, s.src->len,
				  DMA_TO_DEVICE);
	if (ret)
		return st_fail(t, "sender's element: error %d", ret);
	ret = rdma_sge_map_single(s.p->b.pd, &to, s.dst->data, s.dst->len,
				  DMA_FROM_DEVICE);
	if (ret) {
		st_fail(t, "receiver's element: error %d", ret);
		goto out;
	}
	if (from.length != s.src->len ||
	    from.lkey != s.p->a.pd->local_dma_lkey)
		ret = st_fail(t, "length %u, lkey %#x", from.length, from.lkey);
	ret = ret ?: st_sge_transfer(&s, &from, 1, &to, 1);
	rdma_sge_unmap_single(s.p->b.pd, &to, DMA_FROM_DEVICE);
out:
	rdma_sge_unmap_single(s.p->a.pd, &from, DMA_TO_DEVICE);
	return ret ?: st_buf_want(s.dst, t->seed, s.dst->len);
}

static void st_sge_bvec(struct bio_vec *bvec, void *data, unsigned int len)
{
	bvec->bv_page = virt_to_page(data);
	bvec->bv_offset = offset_in_page(data);
	bvec->bv_len = len;
}

static int st_sge_bvecs(struct st_sge_pair *s, const struct bio_vec *from,
			unsigned int nr_from, const struct bio_vec *to,
			unsigned int nr_to)
{
	struct ib_sge src[4], dst[4];
	int ret;

	ret = rdma_sge_map_bvecs(s->p->a.pd, src, from, nr_from, DMA_TO_DEVICE);
	if (ret)
		return st_fail(s->p->a.t, "sender's elements: error %d", ret);
	ret = rdma_sge_map_bvecs(s->p->b.pd, dst, to, nr_to, DMA_FROM_DEVICE);
	if (ret) {
		st_fail(s->p->a.t, "receiver's elements: error %d", ret);
		goto out;
	}
	ret = st_sge_transfer(s, src, nr_from, dst, nr_to);
	rdma_sge_unmap_bvecs(s->p->b.pd, dst, nr_to, DMA_FROM_DEVICE);
out:
	rdma_sge_unmap_bvecs(s->p->a.pd, src, nr_from, DMA_TO_DEVICE);
	return ret;
}

/* Within a page, to a page's end, over several pages. */
static int case_sge_bvecs(struct st_test *t)
{
	const size_t len = 5 * PAGE_SIZE;
	struct bio_vec from[4], to[3];
	struct st_sge_pair s;
	u8 *src, *dst;

	if (st_sge_open(t, &s, len, 0))
		return -EBADE;
	src = s.src->data;
	dst = s.dst->data;
	st_sge_bvec(&from[0], src, 100);
	st_sge_bvec(&from[1], src + 100, PAGE_SIZE - 100);
	st_sge_bvec(&from[2], src + PAGE_SIZE, 3 * PAGE_SIZE + 1);
	st_sge_bvec(&from[3], src + 4 * PAGE_SIZE + 1, PAGE_SIZE - 1);
	st_sge_bvec(&to[0], dst, 2 * PAGE_SIZE);
	st_sge_bvec(&to[1], dst + 2 * PAGE_SIZE, 1);
	st_sge_bvec(&to[2], dst + 2 * PAGE_SIZE + 1, 3 * PAGE_SIZE - 1);
	if (st_sge_bvecs(&s, from, 4, to, 3))
		return -EBADE;
	return st_buf_want(s.dst, t->seed, len);
}

/*
 * Scattered pages, with as many elements as the device needs. A device that
 * gives one address to all of them needs one; none may need more than entries.
 */
static int case_sge_sg(struct st_test *t)
{
	struct st_sge_pair s;
	struct st_sg *sg;
	struct ib_sge to;
	int ret;

	if (st_sge_open(t, &s, 6 * PAGE_SIZE, 0))
		return -EBADE;
	sg = st_sg_new(&s.p->a, 6, 123, ST_SG_PACKED, DMA_NONE);
	if (!sg)
		return -EBADE;
	st_sg_fill(sg, ++t->seed);
	if (st_sg_map(sg, DMA_TO_DEVICE))
		return -EBADE;
	ret = rdma_sge_map_single(s.p->b.pd, &to, s.dst->data, sg->len,
				  DMA_FROM_DEVICE);
	if (ret)
		return st_fail(t, "receiver's element: error %d", ret);
	ret = st_sge_transfer(&s, sg->sge, sg->nents, &to, 1);
	rdma_sge_unmap_single(s.p->b.pd, &to, DMA_FROM_DEVICE);
	return ret ?: st_buf_want(s.dst, t->seed, sg->len);
}

static int st_sge_want(struct st_test *t, const char *what, int got, int want)
{
	if (got != want)
		return st_fail(t, "%s: %d instead of %d", what, got, want);
	return 0;
}

/* What no element can be built from. */
static int case_sge_refused(struct st_test *t)
{
	const enum dma_data_direction dir = DMA_TO_DEVICE;
	struct st_sge_pair s;
	struct ib_sge sge[4];
	struct bio_vec bvec[2];
	struct page *page;
	struct ib_pd *pd;
	struct st_sg *sg;
	void *vmalloced;
	size_t too_long;
	int ret;

	if (st_sge_open(t, &s, PAGE_SIZE, 0))
		return -EBADE;
	sg = st_sg_new(&s.p->a, 4, 9, ST_SG_RAGGED, DMA_NONE);
	vmalloced = vmalloc(PAGE_SIZE);
	if (!sg || !vmalloced) {
		vfree(vmalloced);
		return st_fail(t, "no memory");
	}
	pd = s.p->a.pd;
	page = virt_to_page(s.src->data);
	too_long = (size_t)U32_MAX + s.src->len;
	st_sge_bvec(&bvec[0], s.src->data, 10);
	st_sge_bvec(&bvec[1], s.src->data, 0);

	ret = st_sge_want(t, "no bytes", rdma_sge_map_single(
				pd, sge, s.src->data, 0, dir), -EINVAL) ?:
	      st_sge_want(t, "no bytes of a page", rdma_sge_map_page(
				pd, sge, page, 0, 0, dir), -EINVAL) ?:
	      st_sge_want(t, "too many bytes", rdma_sge_map_page(
				pd, sge, page, 0, too_long, dir), -EINVAL) ?:
	      st_sge_want(t, "no direction", rdma_sge_map_single(
				pd, sge, s.src->data, 1, DMA_NONE), -EINVAL) ?:
	      st_sge_want(t, "vmalloc()", rdma_sge_map_single(
				pd, sge, vmalloced, 1, dir), -EINVAL) ?:
	      st_sge_want(t, "a bio_vec of no bytes", rdma_sge_map_bvecs(
				pd, sge, bvec, 2, dir), -EINVAL) ?:
	      st_sge_want(t, "too few elements", rdma_sge_map_sg(
				pd, sge, 3, sg->sgt.sgl, 4, dir), -ENOSPC) ?:
	      st_sge_want(t, "no entries", rdma_sge_map_sg(
				pd, sge, 4, sg->sgt.sgl, 0, dir), -EINVAL);
	vfree(vmalloced);
	return ret;
}

static const struct st_case st_sge_cases[] = {
	{ "sge_single", case_sge_single },
	{ "sge_bvecs", case_sge_bvecs },
	{ "sge_sg", case_sge_sg },
	{ "sge_refused", case_sge_refused },
};

ST_SUITE(st_sge_suite, st_sge_cases);
