// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: keys that must be refused: wrong, stale, of another PD, without the
 * access that is asked for, or with an address outside of their region. Local
 * keys give IB_WC_LOC_PROT_ERR, remote ones IB_WC_REM_ACCESS_ERR (IBTA vol 1,
 * 10.6.3 and 9.7.5.2.4), and no memory changes.
 */
#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_PAGES	4
#define ST_LEN		(3 * PAGE_SIZE)	/* less than the region has */

/**
 * struct st_keyed - a registered region of b's, and a's buffer
 * @p: the pair
 * @m: the region
 * @s: its memory
 * @local: a's buffer, ST_LEN bytes
 * @seed: of what @local holds; the region is full of ST_POISON
 */
struct st_keyed {
	struct st_pair *p;
	struct st_mr *m;
	struct st_sg *s;
	struct st_buf *local;
	u32 seed;
};

static int st_keyed_reg(struct st_keyed *k, int access)
{
	if (ib_map_mr_sg(k->m->mr, k->s->sgt.sgl, k->s->nents, NULL,
			 PAGE_SIZE) != k->s->nents)
		return st_fail(k->p->a.t, "map_mr_sg failed");
	if (st_post_reg(&k->p->b, 0xf1, k->m->mr, access))
		return -EBADE;
	return st_want_sent(&k->p->b, 0xf1, IB_WC_REG_MR);
}

static int st_keyed_local(struct st_keyed *k)
{
	k->local = st_buf_new(&k->p->a, ST_LEN, 7, DMA_BIDIRECTIONAL);
	if (!k->local)
		return -EBADE;
	k->seed = ++k->p->a.t->seed;
	st_buf_fill(k->local, k->seed);
	return 0;
}

static int st_keyed_open_on(struct st_pair *p, struct st_keyed *k, int access)
{
	memset(k, 0, sizeof(*k));
	k->p = p;
	k->m = st_mr_alloc(&p->b, ST_PAGES);
	k->s = st_sg_new(&p->b, ST_PAGES, 100, ST_SG_PACKED,
			 DMA_BIDIRECTIONAL);
	if (!k->m || !k->s || st_keyed_local(k))
		return -EBADE;
	return st_keyed_reg(k, access);
}

static int st_keyed_open(struct st_test *t, struct st_keyed *k, int access)
{
	struct st_pair *p = st_pair_open(t, NULL);

	return p ? st_keyed_open_on(p, k, access) : -EBADE;
}

static int st_keyed_untouched(struct st_keyed *k)
{
	return st_sg_want_poison(k->s, ST_POISON) ?:
	       st_buf_want_at(k->local, 0, ST_LEN, k->seed, 0);
}

/* The remote key has to be refused for this operation. */
static int st_refuse_remote(struct st_keyed *k, enum ib_wr_opcode opcode,
			    u64 addr, u32 len, u32 rkey)
{
	struct st_end *a = &k->p->a;
	struct ib_sge sge = st_sge(k->local, 0, len);

	if (st_post_rdma(a, 2, opcode, &sge, 1, addr, rkey,
			 IB_SEND_SIGNALED) ||
	    st_want_wc(a, a->scq, 2, IB_WC_REM_ACCESS_ERR, NULL) ||
	    st_keyed_untouched(k))
		return -EBADE;
	return st_pair_reconnect(k->p);
}

static int st_refuse_remote_both(struct st_keyed *k, u64 addr, u32 len,
				 u32 rkey)
{
	return st_refuse_remote(k, IB_WR_RDMA_WRITE, addr, len, rkey) ?:
	       st_refuse_remote(k, IB_WR_RDMA_READ, addr, len, rkey);
}

static int case_key_wrong_remote(struct st_test *t)
{
	struct st_keyed k;
	u32 rkey;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	rkey = k.m->mr->rkey;
	/* The owner's part of the key, and the HCA's. */
	return st_refuse_remote_both(&k, k.m->mr->iova, ST_LEN, rkey ^ 1) ?:
	       st_refuse_remote_both(&k, k.m->mr->iova, ST_LEN,
				     rkey ^ 0x01000000) ?:
	       st_refuse_remote_both(&k, k.m->mr->iova, ST_LEN, 0) ?:
	       st_refuse_remote_both(&k, k.m->mr->iova, ST_LEN, U32_MAX);
}

static int case_key_stale_after_inv(struct st_test *t)
{
	struct st_keyed k;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL) ||
	    st_post_inv(&k.p->b, 5, k.m->mr->rkey) ||
	    st_want_sent(&k.p->b, 5, IB_WC_LOCAL_INV))
		return -EBADE;
	return st_refuse_remote_both(&k, k.m->mr->iova, ST_LEN,
				     k.m->mr->rkey);
}

static int case_key_stale_after_dereg(struct st_test *t)
{
	struct st_keyed k;
	u32 rkey;
	u64 iova;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	rkey = k.m->mr->rkey;
	iova = k.m->mr->iova;
	if (st_mr_dereg(&k.p->b, k.m))
		return -EBADE;
	return st_refuse_remote_both(&k, iova, ST_LEN, rkey);
}

/* Registered again with a new key: the old one is gone. */
static int case_key_stale_after_rereg(struct st_test *t)
{
	struct st_keyed k;
	u32 old;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	old = k.m->mr->rkey;
	if (st_post_inv(&k.p->b, 5, old) ||
	    st_want_sent(&k.p->b, 5, IB_WC_LOCAL_INV))
		return -EBADE;
	ib_update_fast_reg_key(k.m->mr, ib_inc_rkey(old));
	if (st_keyed_reg(&k, ST_ACCESS_ALL))
		return -EBADE;
	return st_refuse_remote_both(&k, k.m->mr->iova, ST_LEN, old);
}

/* A region that was never registered. */
static int case_key_unregistered(struct st_test *t)
{
	struct st_mr *fresh;
	struct st_keyed k;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	fresh = st_mr_alloc(&k.p->b, ST_PAGES);
	if (!fresh)
		return -EBADE;
	return st_refuse_remote_both(&k, k.m->mr->iova, ST_LEN,
				     fresh->mr->rkey);
}

static int case_key_of_other_pd(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_pair *other = st_pair_open(t, NULL);
	struct st_keyed k;

	if (!p || !other || st_keyed_open_on(other, &k, ST_ACCESS_ALL))
		return -EBADE;
	/* b's QP of the first pair is in another PD than the region. */
	k.p = p;
	if (st_keyed_local(&k))
		return -EBADE;
	return st_refuse_remote_both(&k, k.m->mr->iova, ST_LEN,
				     k.m->mr->rkey);
}

static int case_key_no_remote_write(struct st_test *t)
{
	struct st_keyed k;

	if (st_keyed_open(t, &k, IB_ACCESS_LOCAL_WRITE |
			  IB_ACCESS_REMOTE_READ))
		return -EBADE;
	return st_refuse_remote(&k, IB_WR_RDMA_WRITE, k.m->mr->iova, ST_LEN,
				k.m->mr->rkey);
}

static int case_key_no_remote_read(struct st_test *t)
{
	struct st_keyed k;

	if (st_keyed_open(t, &k, IB_ACCESS_LOCAL_WRITE |
			  IB_ACCESS_REMOTE_WRITE))
		return -EBADE;
	return st_refuse_remote(&k, IB_WR_RDMA_READ, k.m->mr->iova, ST_LEN,
				k.m->mr->rkey);
}

/* The PD's local key is no remote key. */
static int case_key_local_dma_lkey(struct st_test *t)
{
	struct st_keyed k;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	return st_refuse_remote_both(&k, k.local->addr, ST_LEN,
				     k.p->b.pd->local_dma_lkey);
}

/* Around the region, and over its end: nothing inside is touched either. */
static int case_key_bounds(struct st_test *t)
{
	struct st_keyed k;
	u64 iova, len;
	u32 rkey;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	iova = k.m->mr->iova;
	len = k.m->mr->length;
	rkey = k.m->mr->rkey;
	return st_refuse_remote_both(&k, iova - 1, 1, rkey) ?:
	       st_refuse_remote_both(&k, iova + len, 1, rkey) ?:
	       st_refuse_remote_both(&k, iova - 1, ST_LEN, rkey) ?:
	       st_refuse_remote_both(&k, iova + len - ST_LEN + 1, ST_LEN,
				     rkey) ?:
	       st_refuse_remote_both(&k, 0, ST_LEN, rkey) ?:
	       st_refuse_remote_both(&k, U64_MAX - 5, ST_LEN, rkey);
}

/*
 * The QP allows none. That is an operation which its receive queue does not
 * support (11.6.2, and the responder's errors in 9.9.3), not an access error.
 */
static int case_key_qp_without_access(struct st_test *t)
{
	struct st_opts o = { .no_remote = true };
	struct st_pair *p = st_pair_open(t, &o);
	enum ib_wr_opcode opcode = IB_WR_RDMA_WRITE;
	struct ib_sge sge;
	struct st_keyed k;
	int i;

	if (!p || st_keyed_open_on(p, &k, ST_ACCESS_ALL))
		return -EBADE;
	sge = st_sge(k.local, 0, ST_LEN);
	for (i = 0; i < 2; i++) {
		if (st_post_rdma(&p->a, 2, opcode, &sge, 1, k.m->mr->iova,
				 k.m->mr->rkey, IB_SEND_SIGNALED) ||
		    st_want_wc(&p->a, p->a.scq, 2, IB_WC_REM_INV_REQ_ERR,
			       NULL) ||
		    st_keyed_untouched(&k) || st_pair_reconnect(p))
			return -EBADE;
		opcode = IB_WR_RDMA_READ;
	}
	return 0;
}

/* The responder's QP goes into error, and its owner is told. */
static int case_key_access_event(struct st_test *t)
{
	struct ib_qp_init_attr init;
	struct ib_qp_attr attr;
	struct ib_sge sge;
	struct st_keyed k;
	struct st_end *b;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	b = &k.p->b;
	sge = st_sge(k.local, 0, 100);
	if (st_post_recv(b, 1, NULL, 0) ||
	    st_post_rdma(&k.p->a, 2, IB_WR_RDMA_WRITE, &sge, 1,
			 k.m->mr->iova, k.m->mr->rkey ^ 1,
			 IB_SEND_SIGNALED) ||
	    st_want_wc(&k.p->a, k.p->a.scq, 2, IB_WC_REM_ACCESS_ERR, NULL) ||
	    st_want_event(b, IB_EVENT_QP_ACCESS_ERR) ||
	    st_want_wc(b, b->rcq, 1, IB_WC_WR_FLUSH_ERR, NULL))
		return -EBADE;
	if (ib_query_qp(b->qp, &attr, IB_QP_STATE, &init) ||
	    attr.qp_state != IB_QPS_ERR)
		return st_fail(t, "the responder is in state %d",
			       attr.qp_state);
	return 0;
}

/* A write with immediate data that is refused takes no receive's data. */
static int case_key_wrong_write_imm(struct st_test *t)
{
	struct ib_rdma_wr wr = {
		.wr = {
			.wr_id = 2,
			.opcode = IB_WR_RDMA_WRITE_WITH_IMM,
			.num_sge = 1,
			.send_flags = IB_SEND_SIGNALED,
		},
	};
	struct ib_sge sge;
	struct st_keyed k;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	sge = st_sge(k.local, 0, ST_LEN);
	wr.wr.sg_list = &sge;
	wr.remote_addr = k.m->mr->iova;
	wr.rkey = k.m->mr->rkey ^ 1;
	if (st_post_recv(&k.p->b, 1, NULL, 0) ||
	    st_post_wr(&k.p->a, &wr.wr) ||
	    st_want_wc(&k.p->a, k.p->a.scq, 2, IB_WC_REM_ACCESS_ERR, NULL) ||
	    st_want_wc(&k.p->b, k.p->b.rcq, 1, IB_WC_WR_FLUSH_ERR, NULL))
		return -EBADE;
	return st_keyed_untouched(&k);
}

/* A local key has to be refused: as a send's source and a receive's target. */
static int st_refuse_local(struct st_keyed *k, u64 addr, u32 len, u32 lkey,
			   bool as_source, bool as_target)
{
	struct st_end *a = &k->p->a, *b = &k->p->b;
	struct ib_sge bad = { .addr = addr, .length = len, .lkey = lkey };
	struct ib_sge good = st_sge(k->local, 0, len);

	if (as_source &&
	    (st_post_recv(a, 1, &good, 1) ||
	     st_post_send(b, 2, &bad, 1, IB_SEND_SIGNALED) ||
	     st_want_wc(b, b->scq, 2, IB_WC_LOC_PROT_ERR, NULL) ||
	     st_want_quiet(a, a->rcq) || st_keyed_untouched(k) ||
	     st_pair_reconnect(k->p)))
		return -EBADE;
	if (as_target &&
	    (st_post_recv(b, 1, &bad, 1) ||
	     st_post_send(a, 2, &good, 1, IB_SEND_SIGNALED) ||
	     st_want_wc(b, b->rcq, 1, IB_WC_LOC_PROT_ERR, NULL) ||
	     st_want_wc(a, a->scq, 2, IB_WC_REM_OP_ERR, NULL) ||
	     st_keyed_untouched(k) || st_pair_reconnect(k->p)))
		return -EBADE;
	return 0;
}

static int st_lkey_wrong(struct st_test *t, bool source, bool target)
{
	struct st_keyed k;
	u32 lkey;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	lkey = k.m->mr->lkey;
	return st_refuse_local(&k, k.m->mr->iova, ST_LEN, lkey ^ 1, source,
			       target) ?:
	       st_refuse_local(&k, k.m->mr->iova, ST_LEN, lkey ^ 0x01000000,
			       source, target) ?:
	       st_refuse_local(&k, k.m->mr->iova, ST_LEN, 0xffffffff, source,
			       target);
}

static int case_lkey_wrong_send(struct st_test *t)
{
	return st_lkey_wrong(t, true, false);
}

static int case_lkey_wrong_receive(struct st_test *t)
{
	return st_lkey_wrong(t, false, true);
}

/* The sender's own error comes first, whatever the receiver has to say. */
static int case_lkey_wrong_without_receive(struct st_test *t)
{
	struct st_keyed k;
	struct ib_sge bad;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	bad = (struct ib_sge) {
		.addr = k.m->mr->iova,
		.length = ST_LEN,
		.lkey = k.m->mr->lkey ^ 1,
	};
	if (st_post_send(&k.p->b, 2, &bad, 1, IB_SEND_SIGNALED))
		return -EBADE;
	return st_want_wc(&k.p->b, k.p->b.scq, 2, IB_WC_LOC_PROT_ERR, NULL);
}

static int st_lkey_stale(struct st_test *t, bool source, bool target)
{
	struct st_keyed k;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL) ||
	    st_post_inv(&k.p->b, 5, k.m->mr->rkey) ||
	    st_want_sent(&k.p->b, 5, IB_WC_LOCAL_INV))
		return -EBADE;
	return st_refuse_local(&k, k.m->mr->iova, ST_LEN, k.m->mr->lkey,
			       source, target);
}

static int case_lkey_stale_send(struct st_test *t)
{
	return st_lkey_stale(t, true, false);
}

static int case_lkey_stale_receive(struct st_test *t)
{
	return st_lkey_stale(t, false, true);
}

static int st_lkey_of_other_pd(struct st_test *t, bool source, bool target)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_pair *other = st_pair_open(t, NULL);
	struct st_keyed k;

	if (!p || !other || st_keyed_open_on(other, &k, ST_ACCESS_ALL))
		return -EBADE;
	k.p = p;
	if (st_keyed_local(&k))
		return -EBADE;
	return st_refuse_local(&k, k.m->mr->iova, ST_LEN, k.m->mr->lkey,
			       source, target);
}

static int case_lkey_of_other_pd_send(struct st_test *t)
{
	return st_lkey_of_other_pd(t, true, false);
}

static int case_lkey_of_other_pd_receive(struct st_test *t)
{
	return st_lkey_of_other_pd(t, false, true);
}

/* A region that nobody may write to, as a receive's target. */
static int case_lkey_no_local_write(struct st_test *t)
{
	struct st_keyed k;

	if (st_keyed_open(t, &k, IB_ACCESS_REMOTE_READ))
		return -EBADE;
	return st_refuse_local(&k, k.m->mr->iova, ST_LEN, k.m->mr->lkey,
			       false, true);
}

static int st_lkey_bounds(struct st_test *t, bool source, bool target)
{
	struct st_keyed k;
	u64 iova, len;
	u32 lkey;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	iova = k.m->mr->iova;
	len = k.m->mr->length;
	lkey = k.m->mr->lkey;
	return st_refuse_local(&k, iova - 1, ST_LEN, lkey, source, target) ?:
	       st_refuse_local(&k, iova + len - ST_LEN + 1, ST_LEN, lkey,
			       source, target) ?:
	       st_refuse_local(&k, iova + len, 1, lkey, source, target);
}

static int case_lkey_bounds_send(struct st_test *t)
{
	return st_lkey_bounds(t, true, false);
}

static int case_lkey_bounds_receive(struct st_test *t)
{
	return st_lkey_bounds(t, false, true);
}

/*
 * Memory management operations that are wrong. They fail as such, and the
 * region is what it was.
 */
static int st_refuse_management(struct st_keyed *k, struct ib_send_wr *wr)
{
	struct st_end *b = &k->p->b;

	wr->wr_id = 4;
	wr->send_flags = IB_SEND_SIGNALED;
	if (st_post_wr(b, wr))
		return -EBADE;
	return st_want_wc(b, b->scq, 4, IB_WC_MW_BIND_ERR, NULL);
}

static int st_keyed_works(struct st_keyed *k)
{
	struct st_end *a = &k->p->a;
	struct ib_sge sge = st_sge(k->local, 0, ST_LEN);

	if (st_pair_reconnect(k->p) ||
	    st_post_rdma(a, 2, IB_WR_RDMA_WRITE, &sge, 1, k->m->mr->iova,
			 k->m->mr->rkey, IB_SEND_SIGNALED) ||
	    st_want_sent(a, 2, IB_WC_RDMA_WRITE))
		return -EBADE;
	return st_sg_want(k->s, 0, ST_LEN, k->seed, 0);
}

static int case_inv_wrong_key(struct st_test *t)
{
	struct ib_send_wr wr = { .opcode = IB_WR_LOCAL_INV };
	struct st_keyed k;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	wr.ex.invalidate_rkey = k.m->mr->rkey ^ 1;
	return st_refuse_management(&k, &wr) ?: st_keyed_works(&k);
}

static int case_inv_of_other_pd(struct st_test *t)
{
	struct ib_send_wr wr = { .opcode = IB_WR_LOCAL_INV };
	struct st_pair *other = st_pair_open(t, NULL);
	struct st_keyed k, theirs;

	if (!other || st_keyed_open_on(other, &theirs, ST_ACCESS_ALL) ||
	    st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	wr.ex.invalidate_rkey = theirs.m->mr->rkey;
	return st_refuse_management(&k, &wr) ?: st_keyed_works(&theirs);
}

/* A region has to be invalidated before it is registered again. */
static int case_reg_twice(struct st_test *t)
{
	struct ib_reg_wr wr = { .wr.opcode = IB_WR_REG_MR };
	struct st_keyed k;

	if (st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	wr.mr = k.m->mr;
	wr.key = k.m->mr->rkey;
	wr.access = ST_ACCESS_ALL;
	return st_refuse_management(&k, &wr.wr) ?: st_keyed_works(&k);
}

static int case_reg_of_other_pd(struct st_test *t)
{
	struct ib_reg_wr wr = { .wr.opcode = IB_WR_REG_MR };
	struct st_pair *other = st_pair_open(t, NULL);
	struct st_keyed k;
	struct st_mr *m;

	if (!other || st_keyed_open(t, &k, ST_ACCESS_ALL))
		return -EBADE;
	m = st_mr_alloc(&other->b, ST_PAGES);
	if (!m)
		return -EBADE;
	if (ib_map_mr_sg(m->mr, k.s->sgt.sgl, k.s->nents, NULL, PAGE_SIZE) !=
	    k.s->nents)
		return st_fail(t, "map_mr_sg failed");
	wr.mr = m->mr;
	wr.key = m->mr->rkey;
	wr.access = ST_ACCESS_ALL;
	return st_refuse_management(&k, &wr.wr);
}

#define ST_RXE_STATUS	"known deviation of rdma_rxe: reports protection " \
			"errors as IB_WC_LOC_QP_OP_ERR"
#define ST_RXE_MANAGEMENT "known deviation of rdma_rxe: reports memory " \
			"management errors as IB_WC_LOC_QP_OP_ERR"
#define ST_RXE_PD	"known deviation of rdma_rxe: invalidates without " \
			"looking at the PD"
#define ST_RXE_PACKETS	"known deviation of rdma_rxe: checks each packet's " \
			"part of an element, and sends those before"
#define ST_RXE_EVENT	"known deviation of rdma_rxe: has no access events"

static const struct st_case st_refused_key_cases[] = {
	{ "key_wrong_remote", case_key_wrong_remote },
	{ "key_wrong_write_imm", case_key_wrong_write_imm },
	{ "key_stale_after_inv", case_key_stale_after_inv },
	{ "key_stale_after_dereg", case_key_stale_after_dereg },
	{ "key_stale_after_rereg", case_key_stale_after_rereg },
	{ "key_unregistered", case_key_unregistered },
	{ "key_of_other_pd", case_key_of_other_pd },
	{ "key_no_remote_write", case_key_no_remote_write },
	{ "key_no_remote_read", case_key_no_remote_read },
	{ "key_local_dma_lkey", case_key_local_dma_lkey },
	{ "key_bounds", case_key_bounds },
	{ "key_qp_without_access", case_key_qp_without_access },
	{ "key_access_event", case_key_access_event, 0, ST_RXE_EVENT },
	{ "lkey_wrong_send", case_lkey_wrong_send, 0, ST_RXE_STATUS },
	{ "lkey_wrong_receive", case_lkey_wrong_receive, 0, ST_RXE_STATUS },
	{ "lkey_wrong_without_receive", case_lkey_wrong_without_receive, 0,
	  ST_RXE_STATUS },
	{ "lkey_stale_send", case_lkey_stale_send, 0, ST_RXE_STATUS },
	{ "lkey_stale_receive", case_lkey_stale_receive, 0, ST_RXE_STATUS },
	{ "lkey_of_other_pd_send", case_lkey_of_other_pd_send, 0, ST_RXE_STATUS },
	{ "lkey_of_other_pd_receive", case_lkey_of_other_pd_receive, 0,
	  ST_RXE_STATUS },
	{ "lkey_no_local_write", case_lkey_no_local_write, 0, ST_RXE_STATUS },
	{ "lkey_bounds_send", case_lkey_bounds_send, 0, ST_RXE_PACKETS },
	{ "lkey_bounds_receive", case_lkey_bounds_receive, 0, ST_RXE_STATUS },
	{ "inv_wrong_key", case_inv_wrong_key, 0, ST_RXE_MANAGEMENT },
	{ "inv_of_other_pd", case_inv_of_other_pd, 0, ST_RXE_PD },
	{ "reg_twice", case_reg_twice, 0, ST_RXE_MANAGEMENT },
	{ "reg_of_other_pd", case_reg_of_other_pd, 0, ST_RXE_MANAGEMENT },
};

ST_SUITE(st_refused_key_suite, st_refused_key_cases);
