// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: the states of a QP, what may be posted in which, full queues, flushing
 * and destruction with work outstanding.
 */
#include <linux/slab.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

static int st_qp_want_state(struct st_end *e, enum ib_qp_state state,
			    struct ib_qp_attr *attr)
{
	struct ib_qp_init_attr init;
	struct ib_qp_attr tmp;
	int ret;

	attr = attr ?: &tmp;
	ret = ib_query_qp(e->qp, attr, IB_QP_STATE, &init);
	if (ret)
		return st_fail(e->t, "query_qp: %d", ret);
	if (attr->qp_state != state)
		return st_fail(e->t, "state %d, want %d", attr->qp_state,
			       state);
	return 0;
}

static int case_qp_states(struct st_test *t)
{
	struct st_opts o = { .unconnected = true };
	struct st_pair *p = st_pair_open(t, &o);
	struct ib_qp_attr attr;

	if (!p || st_qp_want_state(&p->a, IB_QPS_RESET, NULL) ||
	    st_pair_connect(p) || st_qp_want_state(&p->a, IB_QPS_RTS, &attr))
		return -EBADE;
	if (attr.dest_qp_num != p->b.qp->qp_num ||
	    attr.path_mtu != min(p->a.mtu, p->b.mtu) ||
	    attr.timeout != p->o.timeout || attr.retry_cnt != p->o.retries ||
	    attr.qp_access_flags != ST_ACCESS_ALL)
		return st_fail(t, "query_qp: peer %#x mtu %d timeout %u",
			       attr.dest_qp_num, attr.path_mtu, attr.timeout);
	if (st_modify_state(&p->a, IB_QPS_ERR) ||
	    st_qp_want_state(&p->a, IB_QPS_ERR, NULL) ||
	    st_modify_state(&p->a, IB_QPS_RESET))
		return -EBADE;
	return st_qp_want_state(&p->a, IB_QPS_RESET, NULL);
}

static int st_qp_refuses(struct st_end *e, enum ib_qp_state state, int mask)
{
	struct ib_qp_attr attr = {
		.qp_state = state,
		.port_num = e->port,
	};

	if (ib_modify_qp(e->qp, &attr, mask | IB_QP_STATE))
		return 0;
	return st_fail(e->t, "went to state %d", state);
}

/* Steps that the specification does not have, or that lack an attribute. */
static int case_qp_bad_transitions(struct st_test *t)
{
	struct st_opts o = { .unconnected = true };
	struct st_pair *p = st_pair_open(t, &o);

	if (!p || st_qp_refuses(&p->a, IB_QPS_RTR, 0) ||
	    st_qp_refuses(&p->a, IB_QPS_RTS, 0) ||
	    st_qp_refuses(&p->a, IB_QPS_INIT, 0) ||
	    st_qp_refuses(&p->a, IB_QPS_INIT, IB_QP_PORT) ||
	    st_qp_want_state(&p->a, IB_QPS_RESET, NULL) ||
	    st_pair_connect(p) ||
	    st_qp_refuses(&p->a, IB_QPS_INIT, IB_QP_PORT) ||
	    st_qp_refuses(&p->a, IB_QPS_RTR, 0))
		return -EBADE;
	return st_qp_want_state(&p->a, IB_QPS_RTS, NULL);
}

static int case_qp_post_before_ready(struct st_test *t)
{
	struct st_opts o = { .unconnected = true };
	struct ib_send_wr wr = { .opcode = IB_WR_SEND };
	struct st_pair *p = st_pair_open(t, &o);
	const struct ib_recv_wr *bad_recv = NULL;
	const struct ib_send_wr *bad = NULL;
	struct ib_recv_wr rwr = {};

	if (!p)
		return -EBADE;
	if (!st_verb_send(p->a.qp, &wr, &bad) || bad != &wr)
		return st_fail(t, "a send was taken in RESET");
	if (!st_verb_recv(p->a.qp, &rwr, &bad_recv) || bad_recv != &rwr)
		return st_fail(t, "a receive was taken in RESET");
	if (st_pair_connect(p))
		return -EBADE;
	return st_want_quiet(&p->a, p->a.scq);
}

/* After RESET the QP is as new: nothing completes, and it connects again. */
static int case_qp_reset_and_reuse(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	int i;

	for (i = 0; p && i < 10; i++) {
		if (st_post_recv(&p->b, 1, NULL, 0) ||
		    st_post_recv(&p->b, 2, NULL, 0) ||
		    st_post_send(&p->a, 3, NULL, 0, IB_SEND_SIGNALED) ||
		    st_want_sent(&p->a, 3, IB_WC_SEND) ||
		    st_want_received(&p->b, 1, 0, NULL) ||
		    st_modify_state(&p->a, IB_QPS_RESET) ||
		    st_modify_state(&p->b, IB_QPS_RESET) ||
		    st_want_quiet(&p->b, p->b.rcq) || st_pair_connect(p))
			return -EBADE;
	}
	return p ? 0 : -EBADE;
}

#define ST_FLUSH	10

static int st_want_flushed(struct st_end *e, struct ib_cq *cq, u64 first, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (st_want_wc(e, cq, first + i, IB_WC_WR_FLUSH_ERR, NULL))
			return -EBADE;
	return st_want_quiet(e, cq);
}

/* All that is outstanding is flushed, each queue in its order. */
static int case_qp_flush_order(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src, *dst;
	int i;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 8000, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->a, 8000, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	/* b has no receive, so a's sends wait. */
	for (i = 0; i < ST_FLUSH; i++)
		if (st_recv_buf(&p->a, 100 + i, dst, 8000) ||
		    st_send_buf(&p->a, 200 + i, src, 8000))
			return -EBADE;
	if (st_want_quiet(&p->a, p->a.scq) ||
	    st_modify_state(&p->a, IB_QPS_ERR) ||
	    st_want_flushed(&p->a, p->a.scq, 200, ST_FLUSH))
		return -EBADE;
	return st_want_flushed(&p->a, p->a.rcq, 100, ST_FLUSH);
}

/* What is posted in ERR is taken, and flushed. */
static int case_qp_post_in_error(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	int i;

	if (!p || st_modify_state(&p->a, IB_QPS_ERR))
		return -EBADE;
	for (i = 0; i < 3; i++)
		if (st_post_send(&p->a, 10 + i, NULL, 0, 0) ||
		    st_post_recv(&p->a, 20 + i, NULL, 0))
			return -EBADE;
	if (st_want_flushed(&p->a, p->a.scq, 10, 3))
		return -EBADE;
	return st_want_flushed(&p->a, p->a.rcq, 20, 3);
}

/* In error even what did not ask for a completion gets one. */
static int case_qp_flush_unsignalled(struct st_test *t)
{
	struct st_opts o = { .sig_on_demand = true };
	struct st_pair *p = st_pair_open(t, &o);
	int i;

	if (!p)
		return -EBADE;
	for (i = 0; i < 3; i++)
		if (st_post_send(&p->a, 10 + i, NULL, 0, 0))
			return -EBADE;
	if (st_want_quiet(&p->a, p->a.scq) ||
	    st_modify_state(&p->a, IB_QPS_ERR))
		return -EBADE;
	return st_want_flushed(&p->a, p->a.scq, 10, 3);
}

/* QPs go while sends, writes, reads and receives are on their way. */
static int case_qp_destroy_busy(struct st_test *t)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };
	struct st_buf *local, *target;
	struct st_pair *p;
	struct ib_sge sge;
	int i, j;
	u32 rkey;

	p = st_pair_open(t, &o);
	if (!p)
		return -EBADE;
	rkey = p->b.pd->unsafe_global_rkey;
	for (i = 0; i < 30; i++) {
		local = st_buf_new(&p->a, 60000, 1, DMA_BIDIRECTIONAL);
		target = st_buf_new(&p->b, 60000, 2, DMA_BIDIRECTIONAL);
		if (!local || !target)
			return -EBADE;
		sge = st_sge(local, 0, 60000);
		for (j = 0; j < 5; j++)
			if (st_recv_buf(&p->b, 1, target, 60000) ||
			    st_post_send(&p->a, 2, &sge, 1, 0) ||
			    st_post_rdma(&p->a, 3, IB_WR_RDMA_WRITE, &sge, 1,
					 target->addr, rkey, 0) ||
			    st_post_rdma(&p->a, 4, IB_WR_RDMA_READ, &sge, 1,
					 target->addr, rkey, 0))
				return -EBADE;
		st_destroy_qp(i & 1 ? &p->a : &p->b);
		st_destroy_qp(i & 1 ? &p->b : &p->a);
		/* Nothing may touch the memory from here on. */
		st_buf_unmap(local);
		st_buf_unmap(target);
		st_buf_poison(local, ST_POISON);
		st_buf_poison(target, ST_POISON);
		if (st_pair_reconnect(p) ||
		    st_buf_want_poison(local, ST_POISON, 0) ||
		    st_buf_want_poison(target, ST_POISON, 0))
			return -EBADE;
		st_buf_free(local);
		st_buf_free(target);
	}
	return 0;
}

/* After ib_drain_qp() each receive has been given back. */
static int case_qp_drain(struct st_test *t)
{
	struct st_opts o = {
		.core_cq = true,
		.poll_ctx = IB_POLL_WORKQUEUE,
	};
	struct st_pair *p = st_pair_open(t, &o);
	struct ib_recv_wr wr = {};
	struct st_req *reqs;
	int i, ret = 0;

	if (!p)
		return -EBADE;
	reqs = kcalloc(ST_FLUSH, sizeof(*reqs), GFP_KERNEL);
	if (!reqs)
		return st_fail(t, "no memory");
	for (i = 0; i < ST_FLUSH; i++) {
		st_req_init(&reqs[i]);
		wr.wr_cqe = &reqs[i].cqe;
		if (st_verb_recv(p->b.qp, &wr, NULL))
			ret = st_fail(t, "post_recv failed");
	}
	ib_drain_qp(p->b.qp);
	for (i = 0; i < ST_FLUSH && !ret; i++)
		if (!completion_done(&reqs[i].done) ||
		    reqs[i].status != IB_WC_WR_FLUSH_ERR)
			ret = st_fail(t, "receive %d is not flushed", i);
	st_fixture_cleanup(t);
	kfree(reqs);
	return ret;
}

/* Posts until the queue is full; then the work request is not taken. */
static int case_qp_send_queue_full(struct st_test *t)
{
	struct st_opts o = { .send_wr = 8, .recv_wr = 200, .cqe = 400 };
	struct ib_send_wr wr = {
		.opcode = IB_WR_SEND,
		.send_flags = IB_SEND_SIGNALED,
	};
	struct st_pair *p = st_pair_open(t, &o);
	const struct ib_send_wr *bad = NULL;
	int i, n, ret = 0;

	if (!p)
		return -EBADE;
	/* b has no receive: nothing leaves the queue. */
	for (n = 0; n < 200; n++) {
		wr.wr_id = n;
		ret = st_verb_send(p->a.qp, &wr, &bad);
		if (ret)
			break;
	}
	if (n < 8 || n == 200)
		return st_fail(t, "%d sends were taken by a queue of 8", n);
	if (ret != -ENOMEM || bad != &wr)
		return st_fail(t, "a full queue: %d, bad_wr %s", ret,
			       bad == &wr ? "right" : "wrong");
	for (i = 0; i < n; i++)
		if (st_post_recv(&p->b, i, NULL, 0))
			return -EBADE;
	for (i = 0; i < n; i++)
		if (st_want_sent(&p->a, i, IB_WC_SEND) ||
		    st_want_received(&p->b, i, 0, NULL))
			return -EBADE;
	return 0;
}

static int case_qp_recv_queue_full(struct st_test *t)
{
	struct st_opts o = { .recv_wr = 8 };
	struct st_pair *p = st_pair_open(t, &o);
	const struct ib_recv_wr *bad = NULL;
	struct ib_recv_wr wr = {};
	int n, ret = 0;

	if (!p)
		return -EBADE;
	for (n = 0; n < 200; n++) {
		ret = st_verb_recv(p->b.qp, &wr, &bad);
		if (ret)
			break;
	}
	if (n < 8 || n == 200)
		return st_fail(t, "%d receives were taken by a queue of 8", n);
	if (ret != -ENOMEM || bad != &wr)
		return st_fail(t, "a full queue: %d, bad_wr %s", ret,
			       bad == &wr ? "right" : "wrong");
	return 0;
}

/* A list is taken up to the first work request that is wrong. */
static int case_qp_bad_wr_in_list(struct st_test *t)
{
	struct st_opts o = { .sge = 2 };
	struct st_pair *p = st_pair_open(t, &o);
	const struct ib_recv_wr *bad_recv = NULL;
	const struct ib_send_wr *bad = NULL;
	struct ib_send_wr swr[3] = {};
	struct ib_recv_wr rwr[3] = {};
	struct ib_sge sge[64] = {};
	int i;

	if (!p)
		return -EBADE;
	for (i = 0; i < 3; i++) {
		rwr[i].wr_id = i;
		rwr[i].next = i < 2 ? &rwr[i + 1] : NULL;
		swr[i].wr_id = i;
		swr[i].next = i < 2 ? &swr[i + 1] : NULL;
		swr[i].opcode = IB_WR_SEND;
	}
	rwr[1].sg_list = sge;
	rwr[1].num_sge = ARRAY_SIZE(sge);
	swr[1].sg_list = sge;
	swr[1].num_sge = ARRAY_SIZE(sge);

	if (!st_verb_recv(p->b.qp, rwr, &bad_recv) || bad_recv != &rwr[1])
		return st_fail(t, "receives: the second one is bad");
	if (!st_verb_send(p->a.qp, swr, &bad) || bad != &swr[1])
		return st_fail(t, "sends: the second one is bad");
	if (st_want_sent(&p->a, 0, IB_WC_SEND) ||
	    st_want_received(&p->b, 0, 0, NULL) ||
	    st_want_quiet(&p->a, p->a.scq))
		return -EBADE;
	return st_want_quiet(&p->b, p->b.rcq);
}

static const struct st_case st_qp_cases[] = {
	{ "qp_states", case_qp_states },
	{ "qp_bad_transitions", case_qp_bad_transitions },
	{ "qp_post_before_ready", case_qp_post_before_ready },
	{ "qp_reset_and_reuse", case_qp_reset_and_reuse },
	{ "qp_flush_order", case_qp_flush_order },
	{ "qp_flush_unsignalled", case_qp_flush_unsignalled },
	{ "qp_post_in_error", case_qp_post_in_error },
	{ "qp_destroy_busy", case_qp_destroy_busy },
	{ "qp_drain", case_qp_drain },
	{ "qp_send_queue_full", case_qp_send_queue_full },
	{ "qp_recv_queue_full", case_qp_recv_queue_full },
	{ "qp_bad_wr_in_list", case_qp_bad_wr_in_list },
};

ST_SUITE(st_qp_suite, st_qp_cases);
