// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: messages that must be refused for what they are: too long for their
 * receive, or with an invalidation that is not allowed.
 */
#include "fixture.h"
#include "runner.h"
#include "verbs.h"

/* The receive is too short: both sides are told, no memory changes. */
static int st_msg_too_long(struct st_test *t, u32 send, u32 receive)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src, *dst;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, send, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, receive + 1, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	if (st_recv_buf(&p->b, 1, dst, receive) ||
	    st_recv_buf(&p->b, 2, dst, receive) ||
	    st_send_buf(&p->a, 3, src, send) ||
	    st_send_buf(&p->a, 4, src, 1) ||
	    st_want_wc(&p->b, p->b.rcq, 1, IB_WC_LOC_LEN_ERR, NULL) ||
	    st_want_wc(&p->b, p->b.rcq, 2, IB_WC_WR_FLUSH_ERR, NULL) ||
	    st_want_wc(&p->a, p->a.scq, 3, IB_WC_REM_INV_REQ_ERR, NULL) ||
	    st_want_wc(&p->a, p->a.scq, 4, IB_WC_WR_FLUSH_ERR, NULL))
		return -EBADE;
	return st_buf_want_poison(dst, ST_POISON, t->map ? 0 : receive);
}

static int case_msg_one_byte_too_long(struct st_test *t)
{
	return st_msg_too_long(t, 101, 100);
}

static int case_msg_many_too_long(struct st_test *t)
{
	return st_msg_too_long(t, 70000, 20000);
}

static int case_msg_into_nothing(struct st_test *t)
{
	return st_msg_too_long(t, 1, 0);
}

/* Bytes of all elements count, also of several that would do for a start. */
static int case_msg_scatter_too_short(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src, *dst;
	struct ib_sge sge[2];

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 301, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 1000, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	sge[0] = st_sge(dst, 0, 100);
	sge[1] = st_sge(dst, 500, 200);
	if (st_post_recv(&p->b, 1, sge, 2) ||
	    st_send_buf(&p->a, 3, src, 301) ||
	    st_want_wc(&p->b, p->b.rcq, 1, IB_WC_LOC_LEN_ERR, NULL) ||
	    st_want_wc(&p->a, p->a.scq, 3, IB_WC_REM_INV_REQ_ERR, NULL))
		return -EBADE;
	return st_buf_want_poison(dst, ST_POISON, t->map ? 0 : 700);
}

/*
 * SEND with invalidate of a key that is not the QP's to invalidate: it may not
 * succeed at the receiver, and the region that has the key lives on.
 */
static int case_msg_invalidate_other_pd(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_pair *other = st_pair_open(t, NULL);
	struct ib_send_wr wr = {
		.wr_id = 2,
		.opcode = IB_WR_SEND_WITH_INV,
		.send_flags = IB_SEND_SIGNALED,
	};
	struct st_buf *local;
	struct ib_sge sge;
	struct st_mr *m;
	struct st_sg *s;
	struct ib_wc wc;

	if (!p || !other)
		return -EBADE;
	m = st_mr_alloc(&other->b, 4);
	s = st_sg_new(&other->b, 4, 0, ST_SG_PACKED, DMA_BIDIRECTIONAL);
	local = st_buf_new(&other->a, 5000, 1, DMA_TO_DEVICE);
	if (!m || !s || !local)
		return -EBADE;
	if (ib_map_mr_sg(m->mr, s->sgt.sgl, s->nents, NULL, PAGE_SIZE) !=
	    s->nents)
		return st_fail(t, "map_mr_sg failed");
	if (st_post_reg(&other->b, 1, m->mr, ST_ACCESS_ALL) ||
	    st_want_sent(&other->b, 1, IB_WC_REG_MR))
		return -EBADE;

	wr.ex.invalidate_rkey = m->mr->rkey;
	if (st_post_recv(&p->b, 1, NULL, 0) || st_post_wr(&p->a, &wr))
		return -EBADE;
	if (st_next_wc(&p->b, p->b.rcq, &wc, ST_TIMEOUT_MS))
		return st_fail(t, "no completion at the receiver");
	if (wc.status == IB_WC_SUCCESS)
		return st_fail(t, "the receive succeeded");

	st_buf_fill(local, ++t->seed);
	sge = st_sge(local, 0, 5000);
	if (st_post_rdma(&other->a, 3, IB_WR_RDMA_WRITE, &sge, 1,
			 m->mr->iova, m->mr->rkey, IB_SEND_SIGNALED) ||
	    st_want_sent(&other->a, 3, IB_WC_RDMA_WRITE))
		return -EBADE;
	return st_sg_want(s, 0, 5000, t->seed, 0);
}

#define ST_RXE_STATUS	"known deviation of rdma_rxe: reports length errors " \
			"as IB_WC_LOC_QP_OP_ERR"
#define ST_RXE_PD	"known deviation of rdma_rxe: invalidates without " \
			"looking at the PD"

static const struct st_case st_refused_msg_cases[] = {
	{ "msg_one_byte_too_long", case_msg_one_byte_too_long, 0,
	  ST_RXE_STATUS },
	{ "msg_many_too_long", case_msg_many_too_long, 0, ST_RXE_STATUS },
	{ "msg_into_nothing", case_msg_into_nothing, 0, ST_RXE_STATUS },
	{ "msg_scatter_too_short", case_msg_scatter_too_short, 0,
	  ST_RXE_STATUS },
	{ "msg_invalidate_other_pd", case_msg_invalidate_other_pd, 0,
	  ST_RXE_PD },
};

ST_SUITE(st_refused_msg_suite, st_refused_msg_cases);
