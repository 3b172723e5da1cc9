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

static const struct st_case st_srq_cases[] = {
	{ "srq_receive", case_srq_receive },
	{ "srq_limit", case_srq_limit },
};

ST_SUITE(st_srq_suite, st_srq_cases);
