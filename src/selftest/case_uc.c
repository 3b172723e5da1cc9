// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: unreliable connections. What the receiver cannot take is lost without
 * the sender's knowing; an error of its own stops its send queue alone.
 */
#include <linux/slab.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

static struct st_pair *st_uc_open(struct st_test *t)
{
	struct st_opts o = { .type = IB_QPT_UC };

	o.pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY;
	return st_pair_open(t, &o);
}

static int st_uc_state(struct st_end *e, enum ib_qp_state want)
{
	struct ib_qp_init_attr init;
	struct ib_qp_attr attr;
	int ret = ib_query_qp(e->qp, &attr, IB_QP_STATE, &init);

	if (ret || attr.qp_state != want)
		return st_fail(e->t, "query_qp: %d, state %d, want %d", ret,
			       attr.qp_state, want);
	return 0;
}

static int case_uc_send(struct st_test *t)
{
	static const u32 lens[] = { 0, 1, 255, 1024, 4097, 65536, 1 << 20 };
	struct st_pair *p = st_uc_open(t);
	struct st_buf *src, *dst;
	int i;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 1 << 20, 3, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 1 << 20, 5, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		st_buf_fill(src, ++t->seed);
		st_buf_poison(dst, ST_POISON);
		if (st_recv_buf(&p->b, i, dst, dst->len) ||
		    st_send_buf(&p->a, 10 + i, src, lens[i]) ||
		    st_want_sent(&p->a, 10 + i, IB_WC_SEND) ||
		    st_want_received(&p->b, i, lens[i], NULL) ||
		    st_buf_want(dst, t->seed, lens[i]))
			return -EBADE;
	}
	return 0;
}

static int case_uc_write(struct st_test *t)
{
	struct st_pair *p = st_uc_open(t);
	struct st_buf *src, *dst;
	struct ib_sge sge;
	struct ib_wc wc;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 70000, 3, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 70000, 5, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	st_buf_poison(dst, ST_POISON);
	sge = st_sge(src, 0, 70000);
	if (st_post_recv(&p->b, 1, NULL, 0) ||
	    st_post_rdma(&p->a, 2, IB_WR_RDMA_WRITE, &sge, 1, dst->addr,
			 p->b.pd->unsafe_global_rkey, IB_SEND_SIGNALED) ||
	    st_want_sent(&p->a, 2, IB_WC_RDMA_WRITE) ||
	    st_post_rdma(&p->a, 3, IB_WR_RDMA_WRITE_WITH_IMM, &sge, 1,
			 dst->addr, p->b.pd->unsafe_global_rkey,
			 IB_SEND_SIGNALED) ||
	    st_want_sent(&p->a, 3, IB_WC_RDMA_WRITE) ||
	    st_want_received(&p->b, 1, 70000, &wc))
		return -EBADE;
	if (wc.opcode != IB_WC_RECV_RDMA_WITH_IMM ||
	    !(wc.wc_flags & IB_WC_WITH_IMM))
		return st_fail(t, "opcode %d, flags %#x", wc.opcode,
			       wc.wc_flags);
	return st_buf_want(dst, t->seed, 70000);
}

/* No receive, no access: both sides go on. */
static int case_uc_lost(struct st_test *t)
{
	struct st_pair *p = st_uc_open(t);
	struct st_buf *src, *dst;
	struct ib_sge sge;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 5000, 3, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 5000, 5, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	st_buf_poison(dst, ST_POISON);
	sge = st_sge(src, 0, 5000);
	if (st_send_buf(&p->a, 1, src, 5000) ||
	    st_want_sent(&p->a, 1, IB_WC_SEND) ||
	    st_post_rdma(&p->a, 2, IB_WR_RDMA_WRITE, &sge, 1, dst->addr,
			 p->b.pd->unsafe_global_rkey ^ 0x100,
			 IB_SEND_SIGNALED) ||
	    st_want_sent(&p->a, 2, IB_WC_RDMA_WRITE) ||
	    st_recv_buf(&p->b, 3, dst, 5000) ||
	    st_want_quiet(&p->b, p->b.rcq) ||
	    st_buf_want_poison(dst, ST_POISON, 0) ||
	    st_uc_state(&p->a, IB_QPS_RTS) || st_uc_state(&p->b, IB_QPS_RTS))
		return -EBADE;
	if (st_send_buf(&p->a, 4, src, 5000) ||
	    st_want_sent(&p->a, 4, IB_WC_SEND) ||
	    st_want_received(&p->b, 3, 5000, NULL))
		return -EBADE;
	return st_buf_want(dst, t->seed, 5000);
}

/* Too long for its receive: that is the receiver's error alone. */
static int case_uc_too_long(struct st_test *t)
{
	struct st_pair *p = st_uc_open(t);
	struct st_buf *src, *dst;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 5000, 3, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 5000, 5, DMA_FROM_DEVICE);
	if (!src || !dst || st_recv_buf(&p->b, 1, dst, 4999) ||
	    st_recv_buf(&p->b, 2, dst, 4999) ||
	    st_send_buf(&p->a, 3, src, 5000) ||
	    st_want_sent(&p->a, 3, IB_WC_SEND) ||
	    st_want_wc(&p->b, p->b.rcq, 1, IB_WC_LOC_LEN_ERR, NULL) ||
	    st_want_wc(&p->b, p->b.rcq, 2, IB_WC_WR_FLUSH_ERR, NULL) ||
	    st_uc_state(&p->b, IB_QPS_ERR))
		return -EBADE;
	return st_uc_state(&p->a, IB_QPS_RTS);
}

/* An error of its own: the send queue stops (SQE), and can go on. */
static int case_uc_local_error(struct st_test *t)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_RTS };
	struct st_pair *p = st_uc_open(t);
	struct st_buf *src, *dst;
	struct ib_sge bad;
	int ret;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 5000, 3, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 5000, 5, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	bad = st_sge(src, 0, 5000);
	bad.lkey = 0x12345600;
	if (st_recv_buf(&p->b, 1, dst, 5000) ||
	    st_post_send(&p->a, 2, &bad, 1, IB_SEND_SIGNALED) ||
	    st_want_wc(&p->a, p->a.scq, 2, IB_WC_LOC_PROT_ERR, NULL) ||
	    st_send_buf(&p->a, 3, src, 5000) ||
	    st_want_wc(&p->a, p->a.scq, 3, IB_WC_WR_FLUSH_ERR, NULL) ||
	    st_uc_state(&p->a, IB_QPS_SQE) ||
	    st_want_quiet(&p->b, p->b.rcq))
		return -EBADE;
	ret = ib_modify_qp(p->a.qp, &attr, IB_QP_STATE);
	if (ret)
		return st_fail(t, "SQE to RTS: %d", ret);
	if (st_send_buf(&p->a, 4, src, 5000) ||
	    st_want_sent(&p->a, 4, IB_WC_SEND))
		return -EBADE;
	return st_want_received(&p->b, 1, 5000, NULL);
}

/* What needs an answer is not for it. */
static int case_uc_no_read(struct st_test *t)
{
	struct ib_rdma_wr wr = { .wr.opcode = IB_WR_RDMA_READ };
	struct st_pair *p = st_uc_open(t);
	const struct ib_send_wr *bad = NULL;

	if (!p)
		return -EBADE;
	if (!st_verb_send(p->a.qp, &wr.wr, &bad) || bad != &wr.wr)
		return st_fail(t, "an RDMA read was posted");
	return st_uc_state(&p->a, IB_QPS_RTS);
}

#define ST_RXE_LENGTH	"known deviation of rdma_rxe: reports length errors " \
			"as IB_WC_LOC_QP_OP_ERR"
#define ST_RXE_SQE	"known deviation of rdma_rxe: has no state SQE"

static const struct st_case st_uc_cases[] = {
	{ "uc_send", case_uc_send },
	{ "uc_write", case_uc_write },
	{ "uc_lost", case_uc_lost },
	{ "uc_too_long", case_uc_too_long, 0, ST_RXE_LENGTH },
	{ "uc_local_error", case_uc_local_error, 0, ST_RXE_SQE },
	{ "uc_no_read", case_uc_no_read },
};

ST_SUITE(st_uc_suite, st_uc_cases);
