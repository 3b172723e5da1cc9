// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: fast registration: a scatterlist becomes a region with keys, by
 * ib_map_mr_sg() and REG_MR, until LOCAL_INV or a SEND with invalidate.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_FR_PAGES	64

/* Maps a list into a region and registers it. */
static int st_fr_register(struct st_end *e, struct st_mr *m, struct st_sg *s,
			  unsigned int sg_offset, int access)
{
	int n;

	n = ib_map_mr_sg(m->mr, s->sgt.sgl, s->nents,
			 sg_offset ? &sg_offset : NULL, PAGE_SIZE);
	if (n != s->nents)
		return st_fail(e->t, "map_mr_sg: %d of %d entries", n,
			       s->nents);
	ib_update_fast_reg_key(m->mr, ib_inc_rkey(m->mr->rkey));
	if (st_post_reg(e, 0xf1, m->mr, access))
		return -EBADE;
	return st_want_sent(e, 0xf1, IB_WC_REG_MR);
}

static int st_fr_invalidate(struct st_end *e, struct st_mr *m)
{
	if (st_post_inv(e, 0xf2, m->mr->rkey))
		return -EBADE;
	return st_want_sent(e, 0xf2, IB_WC_LOCAL_INV);
}

/* An RDMA operation of a's, on b's region. */
static int st_fr_rdma(struct st_pair *p, enum ib_wr_opcode opcode,
		      struct st_buf *local, u32 len, struct ib_mr *mr,
		      size_t at)
{
	struct ib_sge sge = st_sge(local, 0, len);

	if (st_post_rdma(&p->a, 9, opcode, &sge, 1, mr->iova + at, mr->rkey,
			 IB_SEND_SIGNALED))
		return -EBADE;
	return st_want_sent(&p->a, 9, opcode == IB_WR_RDMA_READ ?
			    IB_WC_RDMA_READ : IB_WC_RDMA_WRITE);
}

struct st_fr {
	struct st_pair *p;
	struct st_mr *m;
	struct st_sg *s;
	struct st_buf *local;
};

/* A pair, a list at b, a region for it, and a buffer as large at a. */
static int st_fr_open(struct st_test *t, struct st_fr *fr,
		      const struct st_opts *o, unsigned int pages,
		      size_t offset)
{
	fr->p = st_pair_open(t, o);
	if (!fr->p)
		return -EBADE;
	fr->m = st_mr_alloc(&fr->p->b, ST_FR_PAGES);
	fr->s = st_sg_new(&fr->p->b, pages, offset, ST_SG_PACKED,
			  DMA_BIDIRECTIONAL);
	if (!fr->m || !fr->s)
		return -EBADE;
	fr->local = st_buf_new(&fr->p->a, fr->s->len, 99, DMA_BIDIRECTIONAL);
	return fr->local ? 0 : -EBADE;
}

/* Writes and reads the whole region, and some parts of it. */
static int st_fr_use(struct st_fr *fr, size_t len, size_t skip)
{
	struct st_test *t = fr->p->a.t;
	struct ib_mr *mr = fr->m->mr;
	size_t at, n;
	int i;

	st_buf_fill(fr->local, ++t->seed);
	if (st_fr_rdma(fr->p, IB_WR_RDMA_WRITE, fr->local, len, mr, 0) ||
	    st_sg_want(fr->s, skip, len, t->seed, 0))
		return -EBADE;

	st_sg_fill(fr->s, ++t->seed);
	st_buf_poison(fr->local, ST_POISON);
	if (st_fr_rdma(fr->p, IB_WR_RDMA_READ, fr->local, len, mr, 0) ||
	    st_buf_want_at(fr->local, 0, len, t->seed, skip))
		return -EBADE;

	for (i = 0; i < 20; i++) {
		at = (i * 7919u) % len;
		n = min_t(size_t, 1 + (i * 5003u) % 20000, len - at);
		if (st_fr_rdma(fr->p, IB_WR_RDMA_READ, fr->local, n, mr, at) ||
		    st_buf_want_at(fr->local, 0, n, t->seed, skip + at))
			return -EBADE;
	}
	return 0;
}

static int st_fr_roundtrip(struct st_test *t, const struct st_opts *o,
			   unsigned int pages, size_t offset)
{
	struct st_fr fr;

	if (st_fr_open(t, &fr, o, pages, offset) ||
	    st_fr_register(&fr.p->b, fr.m, fr.s, 0, ST_ACCESS_ALL))
		return -EBADE;
	if (fr.m->mr->length != fr.s->len)
		return st_fail(t, "length %llu, want %zu", fr.m->mr->length,
			       fr.s->len);
	if (st_fr_use(&fr, fr.s->len, 0))
		return -EBADE;
	return st_fr_invalidate(&fr.p->b, fr.m);
}

static int case_fr_aligned(struct st_test *t)
{
	return st_fr_roundtrip(t, NULL, 16, 0);
}

static int case_fr_offset(struct st_test *t)
{
	return st_fr_roundtrip(t, NULL, 5, 3001);
}

static int case_fr_one_page(struct st_test *t)
{
	return st_fr_roundtrip(t, NULL, 1, 517);
}

static int case_fr_all_pages(struct st_test *t)
{
	return st_fr_roundtrip(t, NULL, ST_FR_PAGES, 4095);
}

static int case_fr_two_devices(struct st_test *t)
{
	struct st_opts o = { .peer = true };

	return st_fr_roundtrip(t, &o, 20, 1234);
}

/* The region begins inside the first entry. */
static int case_fr_sg_offset(struct st_test *t)
{
	const unsigned int skip = 777;
	struct st_fr fr;

	if (st_fr_open(t, &fr, NULL, 6, 1000) ||
	    st_fr_register(&fr.p->b, fr.m, fr.s, skip, ST_ACCESS_ALL))
		return -EBADE;
	if (fr.m->mr->length != fr.s->len - skip)
		return st_fail(t, "length %llu, want %zu", fr.m->mr->length,
			       fr.s->len - skip);
	if (st_fr_use(&fr, fr.s->len - skip, skip))
		return -EBADE;
	/* The fill has written all of it; a write leaves the start alone. */
	st_sg_poison(fr.s, ST_POISON);
	st_buf_fill(fr.local, ++t->seed);
	if (st_fr_rdma(fr.p, IB_WR_RDMA_WRITE, fr.local, 5000, fr.m->mr, 0) ||
	    st_sg_want(fr.s, skip, 5000, t->seed, 0))
		return -EBADE;
	if (memchr_inv(sg_virt(fr.s->sgt.sgl), ST_POISON, skip))
		return st_fail(t, "bytes before the region were touched");
	return 0;
}

/*
 * Addresses of the region that its owner chose. HCAs take the offset in the
 * first page from the address, so it has to agree with the list's.
 */
static int st_fr_iova(struct st_test *t, u64 iova)
{
	struct st_fr fr;

	if (st_fr_open(t, &fr, NULL, 7, offset_in_page(iova)))
		return -EBADE;
	if (ib_map_mr_sg(fr.m->mr, fr.s->sgt.sgl, fr.s->nents, NULL,
			 PAGE_SIZE) != fr.s->nents)
		return st_fail(t, "map_mr_sg failed");
	fr.m->mr->iova = iova;
	if (st_post_reg(&fr.p->b, 1, fr.m->mr, ST_ACCESS_ALL) ||
	    st_want_sent(&fr.p->b, 1, IB_WC_REG_MR))
		return -EBADE;
	return st_fr_use(&fr, fr.s->len, 0);
}

static int case_fr_zero_based(struct st_test *t)
{
	return st_fr_iova(t, 0);
}

static int case_fr_chosen_iova(struct st_test *t)
{
	return st_fr_iova(t, 0x7000000000000000ULL + 2222);
}

/* A gap ends the region: what is in front of it is what gets mapped. */
static int case_fr_gap(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct scatterlist *first;
	struct st_mr *m;
	struct st_sg *s;
	int n;

	if (!p)
		return -EBADE;
	m = st_mr_alloc(&p->b, ST_FR_PAGES);
	s = st_sg_new(&p->b, 5, 10, ST_SG_RAGGED, DMA_BIDIRECTIONAL);
	if (!m || !s)
		return -EBADE;
	if (s->nents != 5)
		return st_skip(t, "the list was mapped to %d entries",
			       s->nents);
	first = s->sgt.sgl;
	n = ib_map_mr_sg(m->mr, first, s->nents, NULL, PAGE_SIZE);
	if (n != 1 || m->mr->length != sg_dma_len(first))
		return st_fail(t, "%d entries, %llu bytes", n, m->mr->length);
	return 0;
}

/* A region serves local elements as well. */
static int case_fr_local(struct st_test *t)
{
	struct st_fr fr;
	struct ib_sge sge, to;

	if (st_fr_open(t, &fr, NULL, 9, 600) ||
	    st_fr_register(&fr.p->b, fr.m, fr.s, 0, IB_ACCESS_LOCAL_WRITE))
		return -EBADE;
	sge = (struct ib_sge) {
		.addr = fr.m->mr->iova,
		.length = fr.s->len,
		.lkey = fr.m->mr->lkey,
	};
	to = st_sge(fr.local, 0, fr.s->len);

	st_sg_fill(fr.s, ++t->seed);
	if (st_transfer(&fr.p->b, &sge, 1, &fr.p->a, &to, 1) ||
	    st_buf_want(fr.local, t->seed, fr.s->len))
		return -EBADE;
	st_buf_fill(fr.local, ++t->seed);
	if (st_transfer(&fr.p->a, &to, 1, &fr.p->b, &sge, 1))
		return -EBADE;
	return st_sg_want(fr.s, 0, fr.s->len, t->seed, 0);
}

/* The same region again and again: a new list, a new key. */
static int case_fr_reuse(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *local;
	struct st_mr *m;
	struct st_sg *s;
	int i;

	if (!p)
		return -EBADE;
	m = st_mr_alloc(&p->b, ST_FR_PAGES);
	local = st_buf_new(&p->a, ST_FR_PAGES * PAGE_SIZE, 1, DMA_TO_DEVICE);
	if (!m || !local)
		return -EBADE;
	st_buf_fill(local, ++t->seed);
	for (i = 0; i < 60; i++) {
		s = st_sg_new(&p->b, 1 + i, 60 * i, ST_SG_PACKED,
			      DMA_FROM_DEVICE);
		if (!s || st_fr_register(&p->b, m, s, 0, ST_ACCESS_ALL) ||
		    st_fr_rdma(p, IB_WR_RDMA_WRITE, local, s->len, m->mr, 0) ||
		    st_sg_want(s, 0, s->len, t->seed, 0) ||
		    st_fr_invalidate(&p->b, m))
			return -EBADE;
		st_sg_free(s);
	}
	return 0;
}

/* REG_MR and the send that advertises it in one list, as ULPs do. */
static int case_fr_reg_and_send(struct st_test *t)
{
	struct st_opts o = { .sig_on_demand = true };
	struct ib_reg_wr reg = {};
	struct ib_send_wr send = {
		.wr_id = 2,
		.opcode = IB_WR_SEND,
		.send_flags = IB_SEND_SIGNALED,
	};
	struct st_fr fr;

	if (st_fr_open(t, &fr, &o, 8, 44))
		return -EBADE;
	if (ib_map_mr_sg(fr.m->mr, fr.s->sgt.sgl, fr.s->nents, NULL,
			 PAGE_SIZE) != fr.s->nents)
		return st_fail(t, "map_mr_sg failed");
	reg.wr.opcode = IB_WR_REG_MR;
	reg.wr.next = &send;
	reg.mr = fr.m->mr;
	reg.key = fr.m->mr->rkey;
	reg.access = ST_ACCESS_ALL;
	if (st_post_recv(&fr.p->a, 1, NULL, 0) ||
	    st_post_wr(&fr.p->b, &reg.wr) ||
	    st_want_received(&fr.p->a, 1, 0, NULL))
		return -EBADE;
	/* Whoever has received it can use the region. */
	if (st_fr_use(&fr, fr.s->len, 0))
		return -EBADE;
	return st_want_sent(&fr.p->b, 2, IB_WC_SEND);
}

/* A SEND with invalidate tells the receiver which key, and ends it. */
static int case_send_invalidate(struct st_test *t)
{
	struct ib_send_wr wr = {
		.wr_id = 2,
		.opcode = IB_WR_SEND_WITH_INV,
		.num_sge = 1,
		.send_flags = IB_SEND_SIGNALED,
	};
	struct st_buf *dst;
	struct ib_sge sge;
	struct st_fr fr;
	struct ib_wc wc;

	if (st_fr_open(t, &fr, NULL, 4, 100) ||
	    st_fr_register(&fr.p->b, fr.m, fr.s, 0, ST_ACCESS_ALL) ||
	    st_fr_use(&fr, fr.s->len, 0))
		return -EBADE;
	dst = st_buf_new(&fr.p->b, 500, 1, DMA_FROM_DEVICE);
	if (!dst)
		return -EBADE;
	st_buf_fill(fr.local, ++t->seed);
	sge = st_sge(fr.local, 0, 300);
	wr.sg_list = &sge;
	wr.ex.invalidate_rkey = fr.m->mr->rkey;
	if (st_recv_buf(&fr.p->b, 1, dst, 500) || st_post_wr(&fr.p->a, &wr) ||
	    st_want_sent(&fr.p->a, 2, IB_WC_SEND) ||
	    st_want_received(&fr.p->b, 1, 300, &wc) ||
	    st_buf_want(dst, t->seed, 300))
		return -EBADE;
	if (!(wc.wc_flags & IB_WC_WITH_INVALIDATE) ||
	    wc.ex.invalidate_rkey != fr.m->mr->rkey)
		return st_fail(t, "flags %#x, key %#x, want %#x", wc.wc_flags,
			       wc.ex.invalidate_rkey, fr.m->mr->rkey);

	/* The key is gone now, and the list may be unmapped. */
	st_sg_unmap(fr.s);
	st_sg_poison(fr.s, ST_POISON);
	sge = st_sge(fr.local, 0, 300);
	if (st_post_rdma(&fr.p->a, 3, IB_WR_RDMA_WRITE, &sge, 1,
			 fr.m->mr->iova, fr.m->mr->rkey, IB_SEND_SIGNALED) ||
	    st_want_wc(&fr.p->a, fr.p->a.scq, 3, IB_WC_REM_ACCESS_ERR, NULL))
		return -EBADE;
	return st_sg_want_poison(fr.s, ST_POISON);
}

static const struct st_case st_fastreg_cases[] = {
	{ "fr_aligned", case_fr_aligned },
	{ "fr_offset", case_fr_offset },
	{ "fr_one_page", case_fr_one_page },
	{ "fr_all_pages", case_fr_all_pages },
	{ "fr_two_devices", case_fr_two_devices, ST_PEER },
	{ "fr_sg_offset", case_fr_sg_offset },
	{ "fr_zero_based", case_fr_zero_based },
	{ "fr_chosen_iova", case_fr_chosen_iova },
	{ "fr_gap", case_fr_gap },
	{ "fr_local", case_fr_local },
	{ "fr_reuse", case_fr_reuse },
	{ "fr_reg_and_send", case_fr_reg_and_send },
	{ "send_invalidate", case_send_invalidate },
};

ST_SUITE(st_fastreg_suite, st_fastreg_cases);
