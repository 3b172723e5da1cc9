// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: completion queues: arming and events, polling, sharing, overflow, and
 * ib_core's own CQs.
 */
#include <linux/slab.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

/* An empty message from a to b, whose completions stay in the CQs. */
static int st_cq_message(struct st_pair *p, u64 id, int flags)
{
	int ret = st_post_recv(&p->b, id, NULL, 0);

	return ret ?: st_post_send(&p->a, id, NULL, 0,
				   IB_SEND_SIGNALED | flags);
}

static int st_cq_arm(struct st_end *e, struct ib_cq *cq, int flags)
{
	int ret = ib_req_notify_cq(cq, flags);

	if (ret)
		return st_fail(e->t, "req_notify_cq: %d", ret);
	return 0;
}

/* Arming asks for one call; without it none comes. */
static int case_cq_one_event(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);

	if (!p)
		return -EBADE;
	if (st_cq_message(p, 1, 0) || st_want_received(&p->b, 1, 0, NULL) ||
	    st_want_sent(&p->a, 1, IB_WC_SEND) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 0) ||
	    st_cq_arm(&p->b, p->b.rcq, IB_CQ_NEXT_COMP) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 0))
		return -EBADE;
	if (st_cq_message(p, 2, 0) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 1) ||
	    st_want_received(&p->b, 2, 0, NULL) ||
	    st_want_sent(&p->a, 2, IB_WC_SEND))
		return -EBADE;
	if (st_cq_message(p, 3, 0) || st_want_received(&p->b, 3, 0, NULL) ||
	    st_want_sent(&p->a, 3, IB_WC_SEND) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 1))
		return -EBADE;
	return st_want_calls(&p->a, &p->a.scq_events, 0);
}

static int case_cq_send_event(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	int i;

	if (!p)
		return -EBADE;
	for (i = 1; i <= 10; i++)
		if (st_cq_arm(&p->a, p->a.scq, IB_CQ_NEXT_COMP) ||
		    st_cq_message(p, i, 0) ||
		    st_want_calls(&p->a, &p->a.scq_events, i) ||
		    st_want_sent(&p->a, i, IB_WC_SEND) ||
		    st_want_received(&p->b, i, 0, NULL))
			return -EBADE;
	return 0;
}

static int case_cq_solicited(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);

	if (!p || st_cq_arm(&p->b, p->b.rcq, IB_CQ_SOLICITED))
		return -EBADE;
	if (st_cq_message(p, 1, 0) || st_want_received(&p->b, 1, 0, NULL) ||
	    st_want_sent(&p->a, 1, IB_WC_SEND) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 0))
		return -EBADE;
	if (st_cq_message(p, 2, IB_SEND_SOLICITED) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 1) ||
	    st_want_sent(&p->a, 2, IB_WC_SEND))
		return -EBADE;
	return st_want_received(&p->b, 2, 0, NULL);
}

/* Armed for the next one, a CQ stays so when it is armed for solicited ones. */
static int case_cq_solicited_after_next(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);

	if (!p || st_cq_arm(&p->b, p->b.rcq, IB_CQ_NEXT_COMP) ||
	    st_cq_arm(&p->b, p->b.rcq, IB_CQ_SOLICITED))
		return -EBADE;
	if (st_cq_message(p, 1, 0) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 1) ||
	    st_want_sent(&p->a, 1, IB_WC_SEND))
		return -EBADE;
	return st_want_received(&p->b, 1, 0, NULL);
}

/* A write with immediate data can be solicited as well. */
static int case_cq_solicited_write_imm(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct ib_rdma_wr wr = {
		.wr = {
			.wr_id = 2,
			.opcode = IB_WR_RDMA_WRITE_WITH_IMM,
			.send_flags = IB_SEND_SIGNALED | IB_SEND_SOLICITED,
		},
	};

	if (!p || st_cq_arm(&p->b, p->b.rcq, IB_CQ_SOLICITED) ||
	    st_post_recv(&p->b, 1, NULL, 0) || st_post_wr(&p->a, &wr.wr) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 1) ||
	    st_want_sent(&p->a, 2, IB_WC_RDMA_WRITE))
		return -EBADE;
	return st_want_received(&p->b, 1, 0, NULL);
}

/* A completion in error counts as a solicited one. */
static int case_cq_solicited_error(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);

	if (!p || st_cq_arm(&p->b, p->b.rcq, IB_CQ_SOLICITED) ||
	    st_post_recv(&p->b, 1, NULL, 0) ||
	    st_modify_state(&p->b, IB_QPS_ERR) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 1))
		return -EBADE;
	return st_want_wc(&p->b, p->b.rcq, 1, IB_WC_WR_FLUSH_ERR, NULL);
}

/* Arming tells of completions that came before it. */
static int case_cq_missed_events(struct st_test *t)
{
	const int flags = IB_CQ_NEXT_COMP | IB_CQ_REPORT_MISSED_EVENTS;
	struct st_pair *p = st_pair_open(t, NULL);
	int ret;

	if (!p)
		return -EBADE;
	ret = ib_req_notify_cq(p->b.rcq, flags);
	if (ret)
		return st_fail(t, "an empty CQ: %d", ret);
	if (st_cq_message(p, 1, 0) || st_want_sent(&p->a, 1, IB_WC_SEND) ||
	    st_want_calls(&p->b, &p->b.rcq_events, 1))
		return -EBADE;
	ret = ib_req_notify_cq(p->b.rcq, flags);
	if (ret <= 0)
		return st_fail(t, "a CQ with a completion in it: %d", ret);
	if (st_want_received(&p->b, 1, 0, NULL))
		return -EBADE;
	ret = ib_req_notify_cq(p->b.rcq, flags);
	if (ret)
		return st_fail(t, "a CQ that has been emptied: %d", ret);
	return 0;
}

/* No wake-up is lost: arm, look once more, wait; a thousand times. */
static int case_cq_event_loop(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	int i, events, ret;
	struct ib_wc wc;

	if (!p)
		return -EBADE;
	for (i = 0; i < 1000; i++) {
		events = atomic_read(&p->b.rcq_events);
		ret = ib_req_notify_cq(p->b.rcq, IB_CQ_NEXT_COMP |
				       IB_CQ_REPORT_MISSED_EVENTS);
		if (ret < 0)
			return st_fail(t, "req_notify_cq: %d", ret);
		if (st_cq_message(p, i, 0))
			return -EBADE;
		if (!wait_event_timeout(p->b.event_wait,
					atomic_read(&p->b.rcq_events) > events,
					msecs_to_jiffies(ST_TIMEOUT_MS)))
			return st_fail(t, "round %d: no event", i);
		if (st_verb_poll(p->b.rcq, 1, &wc) != 1 || wc.wr_id != i)
			return st_fail(t, "round %d: event, no completion", i);
		if (st_want_sent(&p->a, i, IB_WC_SEND))
			return -EBADE;
	}
	return 0;
}

/* One CQ for sends and receives of both kinds. */
static int case_cq_shared(struct st_test *t)
{
	struct st_opts o = { .shared_cq = true };
	struct st_pair *p = st_pair_open(t, &o);
	bool sent, received;
	struct ib_wc wc;
	int i, j;

	if (!p)
		return -EBADE;
	for (i = 0; i < 20; i++) {
		if (st_post_recv(&p->a, 1, NULL, 0) ||
		    st_post_recv(&p->b, 1, NULL, 0) ||
		    st_post_send(&p->a, 2, NULL, 0, IB_SEND_SIGNALED) ||
		    st_post_send(&p->b, 2, NULL, 0, IB_SEND_SIGNALED))
			return -EBADE;
		sent = false;
		received = false;
		for (j = 0; j < 2; j++) {
			if (st_next_wc(&p->a, p->a.scq, &wc, ST_TIMEOUT_MS))
				return st_fail(t, "no completion");
			sent |= wc.wr_id == 2 && wc.opcode == IB_WC_SEND;
			received |= wc.wr_id == 1 && wc.opcode == IB_WC_RECV;
			if (st_next_wc(&p->b, p->b.scq, &wc, ST_TIMEOUT_MS))
				return st_fail(t, "no completion");
		}
		if (!sent || !received)
			return st_fail(t, "sent %d received %d", sent,
				       received);
	}
	return 0;
}

#define ST_BATCH	16

static int case_cq_poll_batch(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct ib_wc *wc;
	int i, n, got, ret = -EBADE;

	if (!p)
		return -EBADE;
	for (i = 0; i < 30; i++)
		if (st_cq_message(p, i, 0))
			return -EBADE;
	for (i = 0; i < 30; i++)
		if (st_want_sent(&p->a, i, IB_WC_SEND))
			return -EBADE;

	wc = kcalloc(ST_BATCH, sizeof(*wc), GFP_KERNEL);
	if (!wc)
		return st_fail(t, "no memory");
	for (got = 0; got < 30; got += n) {
		n = st_verb_poll(p->b.rcq, ST_BATCH, wc);
		if (n != min(ST_BATCH, 30 - got)) {
			st_fail(t, "%d completions, %d were there", n,
				30 - got);
			goto out;
		}
		for (i = 0; i < n; i++) {
			if (wc[i].wr_id != got + i) {
				st_fail(t, "completion %llu, want %d",
					wc[i].wr_id, got + i);
				goto out;
			}
		}
	}
	if (st_verb_poll(p->b.rcq, ST_BATCH, wc) != 0)
		st_fail(t, "completions in an empty CQ");
	else
		ret = 0;
out:
	kfree(wc);
	return ret;
}

/* Completions that do not fit are lost, and that is told by an event. */
static int case_cq_overflow(struct st_test *t)
{
	struct st_opts o = { .cqe = 4, .send_wr = 100 };
	struct st_pair *p = st_pair_open(t, &o);
	int i;

	if (!p)
		return -EBADE;
	if (p->a.scq->cqe >= 99)
		return st_skip(t, "a CQ has at least %d entries",
			       p->a.scq->cqe);
	for (i = 0; i < 100; i++)
		if (st_post_rdma(&p->a, i, IB_WR_RDMA_WRITE, NULL, 0, 0, 0,
				 IB_SEND_SIGNALED))
			return -EBADE;
	if (st_want_event(&p->a, IB_EVENT_CQ_ERR))
		return -EBADE;
	/* What did fit is in order. */
	return st_want_sent(&p->a, 0, IB_WC_RDMA_WRITE);
}

/* Both ends go with completions that nobody has polled. */
static int case_cq_unpolled(struct st_test *t)
{
	struct st_pair *p;
	int i, j;

	for (i = 0; i < 10; i++) {
		p = st_pair_open(t, NULL);
		if (!p)
			return -EBADE;
		for (j = 0; j < 20; j++)
			if (st_cq_message(p, j, 0))
				return -EBADE;
		st_fixture_cleanup(t);
	}
	return 0;
}

#define ST_REQS	20

/* ib_core's CQs, which poll by themselves and call each request's handler. */
static int st_cq_core(struct st_test *t, enum ib_poll_context ctx)
{
	struct st_opts o = { .core_cq = true, .poll_ctx = ctx };
	struct st_pair *p = st_pair_open(t, &o);
	struct ib_recv_wr wr = {};
	struct st_req *reqs;
	struct st_buf *src, *dst;
	struct ib_sge sge;
	int i, ret = -EBADE;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, ST_REQS * 100, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, ST_REQS * 100, 2, DMA_FROM_DEVICE);
	reqs = kcalloc(ST_REQS, sizeof(*reqs), GFP_KERNEL);
	if (!src || !dst || !reqs)
		goto out;
	st_buf_fill(src, ++t->seed);
	for (i = 0; i < ST_REQS; i++) {
		st_req_init(&reqs[i]);
		sge = st_sge(dst, i * 100, 100);
		wr.wr_cqe = &reqs[i].cqe;
		wr.sg_list = &sge;
		wr.num_sge = 1;
		if (st_verb_recv(p->b.qp, &wr, NULL)) {
			st_fail(t, "post_recv failed");
			goto out;
		}
		sge = st_sge(src, i * 100, 100);
		if (st_post_send(&p->a, i, &sge, 1, IB_SEND_SIGNALED))
			goto out;
	}
	for (i = 0; i < ST_REQS; i++) {
		if (st_req_wait(&p->b, &reqs[i]))
			goto out;
		if (reqs[i].status || reqs[i].byte_len != 100) {
			st_fail(t, "receive %d: status '%s', %u bytes", i,
				ib_wc_status_msg(reqs[i].status),
				reqs[i].byte_len);
			goto out;
		}
	}
	ret = st_buf_want(dst, t->seed, dst->len);
out:
	/* The CQ could go on to use the requests. */
	st_fixture_cleanup(t);
	kfree(reqs);
	return ret;
}

static int case_cq_core_softirq(struct st_test *t)
{
	return st_cq_core(t, IB_POLL_SOFTIRQ);
}

static int case_cq_core_workqueue(struct st_test *t)
{
	return st_cq_core(t, IB_POLL_WORKQUEUE);
}

/* With entries inside, larger and smaller, and not as small as that. */
static int case_cq_resize(struct st_test *t)
{
	struct st_pair *p;
	int i, ret;

	if (!SOFTHCA_HAS_RESIZE_CQ)
		return st_skip(t, "this kernel resizes no CQs of the kernel");
	p = st_pair_open(t, NULL);
	if (!p)
		return -EBADE;
	for (i = 0; i < 10; i++)
		if (st_cq_message(p, i, 0) || st_want_sent(&p->a, i, IB_WC_SEND))
			return -EBADE;
	ret = ib_resize_cq(p->b.rcq, 500);
	if (ret || p->b.rcq->cqe < 500)
		return st_fail(t, "resize_cq to 500: %d, now %d", ret,
			       p->b.rcq->cqe);
	ret = ib_resize_cq(p->b.rcq, 3);
	if (ret != -EINVAL)
		return st_fail(t, "resize_cq to 3 with 10 inside: %d", ret);
	for (i = 0; i < 5; i++)
		if (st_want_received(&p->b, i, 0, NULL))
			return -EBADE;
	ret = ib_resize_cq(p->b.rcq, 15);
	if (ret)
		return st_fail(t, "resize_cq to 15 with 5 inside: %d", ret);
	for (; i < 10; i++)
		if (st_want_received(&p->b, i, 0, NULL))
			return -EBADE;
	if (st_cq_message(p, 77, 0) || st_want_sent(&p->a, 77, IB_WC_SEND))
		return -EBADE;
	return st_want_received(&p->b, 77, 0, NULL);
}

static const struct st_case st_cq_cases[] = {
	{ "cq_one_event", case_cq_one_event },
	{ "cq_send_event", case_cq_send_event },
	{ "cq_solicited", case_cq_solicited },
	{ "cq_solicited_after_next", case_cq_solicited_after_next },
	{ "cq_solicited_write_imm", case_cq_solicited_write_imm },
	{ "cq_solicited_error", case_cq_solicited_error },
	{ "cq_missed_events", case_cq_missed_events },
	{ "cq_event_loop", case_cq_event_loop },
	{ "cq_shared", case_cq_shared },
	{ "cq_poll_batch", case_cq_poll_batch },
	{ "cq_overflow", case_cq_overflow },
	{ "cq_unpolled", case_cq_unpolled },
	{ "cq_resize", case_cq_resize },
	{ "cq_core_softirq", case_cq_core_softirq },
	{ "cq_core_workqueue", case_cq_core_workqueue },
};

ST_SUITE(st_cq_suite, st_cq_cases);
