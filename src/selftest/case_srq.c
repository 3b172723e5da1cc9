// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: shared receive queues, on devices that have them.
 */
#include "fixture.h"
#include "runner.h"
#include "verbs.h"

static struct st_pair *st_srq_open(struct st_test *t)
{
	struct st_opts o = { .srq = true };

	return st_pair_open(t, &o);
}

static int st_srq_post(struct st_end *e, u64 id, struct st_buf *b)
{
	struct ib_sge sge = st_sge(b, 0, b->len);
	struct ib_recv_wr wr = {
		.wr_id = id,
		.sg_list = &sge,
		.num_sge = 1,
	};
	int ret = ib_post_srq_recv(e->srq, &wr, NULL);

	return ret ? st_fail(e->t, "post_srq_recv: %d", ret) : 0;
}

static int st_srq_skip(struct st_test *t)
{
	if (t->dev->ibdev->attrs.max_srq)
		return 0;
	return st_skip(t, "the device has no shared receive queues");
}

static int case_srq_receive(struct st_test *t)
{
	int i, ret = st_srq_skip(t);
	struct st_buf *src, *dst;
	struct st_pair *p;

	if (ret)
		return ret;
	p = st_srq_open(t);
	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 5000, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 6000, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	for (i = 0; i < 50; i++) {
		st_buf_fill(src, ++t->seed);
		st_buf_poison(dst, ST_POISON);
		if (st_srq_post(&p->b, i, dst) ||
		    st_send_buf(&p->a, i, src, 5000) ||
		    st_want_sent(&p->a, i, IB_WC_SEND) ||
		    st_want_received(&p->b, i, 5000, NULL) ||
		    st_buf_want(dst, t->seed, 5000))
			return -EBADE;
	}
	return 0;
}

/* The limit event comes once, when fewer are left than it says. */
static int case_srq_limit(struct st_test *t)
{
	struct ib_srq_attr attr = { .srq_limit = 3 };
	int i, ret = st_srq_skip(t);
	struct st_buf *dst;
	struct st_pair *p;

	if (ret)
		return ret;
	p = st_srq_open(t);
	if (!p)
		return -EBADE;
	dst = st_buf_new(&p->b, 100, 2, DMA_FROM_DEVICE);
	if (!dst)
		return -EBADE;
	for (i = 0; i < 5; i++)
		if (st_srq_post(&p->b, i, dst))
			return -EBADE;
	ret = ib_modify_srq(p->b.srq, &attr, IB_SRQ_LIMIT);
	if (ret)
		return st_fail(t, "modify_srq: %d", ret);
	for (i = 0; i < 3; i++) {
		if (test_bit(IB_EVENT_SRQ_LIMIT_REACHED, &p->b.events))
			return st_fail(t, "the event came after %d", i);
		if (st_post_send(&p->a, i, NULL, 0, IB_SEND_SIGNALED) ||
		    st_want_sent(&p->a, i, IB_WC_SEND) ||
		    st_want_received(&p->b, i, 0, NULL))
			return -EBADE;
	}
	return st_want_event(&p->b, IB_EVENT_SRQ_LIMIT_REACHED);
}

/* Another size, with receives inside: they stay, and in their order. */
static int case_srq_resize(struct st_test *t)
{
	static const u32 sizes[] = { 200, 2000, 30 };
	struct ib_srq_attr attr = {};
	int i, j, ret = st_srq_skip(t), id = 0, next = 0;
	struct st_buf *dst;
	struct st_pair *p;

	if (ret)
		return ret;
	p = st_srq_open(t);
	if (!p)
		return -EBADE;
	dst = st_buf_new(&p->b, 100, 2, DMA_FROM_DEVICE);
	if (!dst)
		return -EBADE;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		while (next - id < 20)
			if (st_srq_post(&p->b, next++, dst))
				return -EBADE;
		attr.max_wr = sizes[i];
		ret = ib_modify_srq(p->b.srq, &attr, IB_SRQ_MAX_WR);
		if (ret)
			return st_fail(t, "resize to %u: %d", sizes[i], ret);
		ret = ib_query_srq(p->b.srq, &attr);
		if (ret || attr.max_wr < sizes[i])
			return st_fail(t, "query: %d, max_wr %u", ret,
				       attr.max_wr);
		for (j = 0; j < 15; j++, id++)
			if (st_post_send(&p->a, id, NULL, 0,
					 IB_SEND_SIGNALED) ||
			    st_want_sent(&p->a, id, IB_WC_SEND) ||
			    st_want_received(&p->b, id, 0, NULL))
				return -EBADE;
	}
	while (next - id < 20)
		if (st_srq_post(&p->b, next++, dst))
			return -EBADE;
	attr.max_wr = 3;
	if (!ib_modify_srq(p->b.srq, &attr, IB_SRQ_MAX_WR))
		return st_fail(t, "20 receives are in a queue of 3");
	return 0;
}

/* A QP in error leaves the others' receives alone, and says when it is done. */
static int case_srq_error(struct st_test *t)
{
	int i, ret = st_srq_skip(t);
	struct st_buf *dst;
	struct st_pair *p;

	if (ret)
		return ret;
	p = st_srq_open(t);
	if (!p)
		return -EBADE;
	dst = st_buf_new(&p->b, 100, 2, DMA_FROM_DEVICE);
	if (!dst)
		return -EBADE;
	for (i = 0; i < 3; i++)
		if (st_srq_post(&p->b, i, dst))
			return -EBADE;
	if (st_modify_state(&p->b, IB_QPS_ERR) ||
	    st_want_event(&p->b, IB_EVENT_QP_LAST_WQE_REACHED) ||
	    st_want_quiet(&p->b, p->b.rcq) || st_pair_reconnect(p))
		return -EBADE;
	for (i = 0; i < 3; i++)
		if (st_post_send(&p->a, i, NULL, 0, IB_SEND_SIGNALED) ||
		    st_want_sent(&p->a, i, IB_WC_SEND) ||
		    st_want_received(&p->b, i, 0, NULL))
			return -EBADE;
	return 0;
}

static int case_srq_full(struct st_test *t)
{
	const struct ib_recv_wr *bad = NULL;
	struct ib_recv_wr wr = {};
	struct ib_srq_attr attr;
	struct ib_sge sge[8] = {};
	int ret = st_srq_skip(t);
	struct st_pair *p;
	u32 i;

	if (ret)
		return ret;
	p = st_srq_open(t);
	if (!p)
		return -EBADE;
	ret = ib_query_srq(p->b.srq, &attr);
	if (ret)
		return st_fail(t, "query_srq: %d", ret);
	wr.sg_list = sge;
	wr.num_sge = attr.max_sge + 1;
	if (attr.max_sge < 8 && (!ib_post_srq_recv(p->b.srq, &wr, &bad) ||
				 bad != &wr))
		return st_fail(t, "a receive of %d elements", wr.num_sge);
	wr.num_sge = 0;
	for (i = 0; i < attr.max_wr; i++) {
		ret = ib_post_srq_recv(p->b.srq, &wr, &bad);
		if (ret)
			return st_fail(t, "receive %u of %u: %d", i,
				       attr.max_wr, ret);
	}
	bad = NULL;
	ret = ib_post_srq_recv(p->b.srq, &wr, &bad);
	if (ret != -ENOMEM || bad != &wr)
		return st_fail(t, "a full queue: %d, bad_wr %s", ret,
			       bad == &wr ? "right" : "wrong");
	return 0;
}

static int st_srq_refused(struct st_end *e, struct ib_srq_init_attr *attr,
			  const char *what)
{
	struct ib_srq *srq = ib_create_srq(e->pd, attr);

	if (IS_ERR(srq))
		return 0;
	ib_destroy_srq(srq);
	return st_fail(e->t, "%s was created", what);
}

/* What it cannot be, and what a QP with one cannot do. */
static int case_srq_refused(struct st_test *t)
{
	const struct ib_device_attr *dev = &t->dev->ibdev->attrs;
	struct ib_srq_init_attr attr = { .srq_type = IB_SRQT_BASIC };
	struct ib_srq_attr limit = {};
	struct ib_recv_wr wr = {};
	int ret = st_srq_skip(t);
	struct st_pair *p;

	if (ret)
		return ret;
	p = st_srq_open(t);
	if (!p)
		return -EBADE;
	attr.attr.max_wr = dev->max_srq_wr + 1;
	attr.attr.max_sge = 1;
	if (st_srq_refused(&p->b, &attr, "a queue that is too long"))
		return -EBADE;
	attr.attr.max_wr = 1;
	attr.attr.max_sge = dev->max_srq_sge + 1;
	if (st_srq_refused(&p->b, &attr, "a queue of too many elements"))
		return -EBADE;
	attr.attr.max_sge = 1;
	attr.srq_type = IB_SRQT_XRC;
	attr.ext.cq = p->b.rcq;
	if (st_srq_refused(&p->b, &attr, "an XRC queue"))
		return -EBADE;
	limit.srq_limit = dev->max_srq_wr + 1;
	if (!ib_modify_srq(p->b.srq, &limit, IB_SRQ_LIMIT))
		return st_fail(t, "a limit beyond the queue's size");
	if (!st_verb_recv(p->b.qp, &wr, NULL))
		return st_fail(t, "a receive was posted to the QP");
	return 0;
}

static const struct st_case st_srq_cases[] = {
	{ "srq_receive", case_srq_receive },
	{ "srq_limit", case_srq_limit },
	{ "srq_resize", case_srq_resize },
	{ "srq_error", case_srq_error, 0,
	  "known deviation of rdma_rxe: no event tells of the last WQE" },
	{ "srq_full", case_srq_full },
	{ "srq_refused", case_srq_refused },
};

ST_SUITE(st_srq_suite, st_srq_cases);
