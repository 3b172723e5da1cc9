// SPDX-License-Identifier: GPL-2.0
/*
 * How atomics, atomic writes, binds and invalidations are refused: the status on
 * both sides, the states of both QPs, the event, and that no memory has changed.
 * Flushes are in verbs_ops_atomic.c, which knows where they are.
 */
#include "verbs_ops.h"

enum { AT = 4096 + 64, LEN = 5000 };

/* Atomics. */

static const enum ibv_wr_opcode atomics[] = {
	IBV_WR_ATOMIC_FETCH_AND_ADD, IBV_WR_ATOMIC_CMP_AND_SWP,
};

static void atomic_fails(struct pair *p, enum ibv_wr_opcode opcode,
			 struct ibv_sge *sge, int flags, uint64_t addr,
			 uint32_t rkey, enum ibv_wc_status status, int line)
{
	struct ibv_send_wr wr = {
		.wr_id = 1, .opcode = opcode, .sg_list = sge, .num_sge = 1,
		.send_flags = flags,
		.wr.atomic = {
			.remote_addr = addr, .rkey = rkey, .compare_add = 1,
		},
	};

	fill(p->a.buf, p->a.opt.size, 1);
	expect(!post_wr(&p->a, &wr), line, "post_send");
	expect_failed(line, p, 1, status);
	expect(is_filled(p->a.buf, p->a.opt.size, 1), line, "a's memory");
	expect(is_filled(p->b.buf, p->b.opt.size, 2), line, "b's memory");
}

#define ATOMIC_FAILS_OF(opt_a, opt_b, change, status) do {		\
	struct ibv_mr *other = NULL;					\
	struct ibv_sge sge;						\
	uint64_t addr;							\
	uint32_t rkey;							\
	struct pair p;							\
	int flags = 0;							\
	size_t i;							\
									\
	for (i = 0; i < ARRAY_SIZE(atomics); i++) {			\
		pair_open2(&p, opt_a, opt_b);				\
		sge = sge_of(&p.a, 8, 8);				\
		addr = addr_of(&p.b, AT);				\
		rkey = p.b.mr->rkey;					\
		change;							\
		atomic_fails(&p, atomics[i], &sge, flags, addr, rkey,	\
			     IBV_WC_##status, __LINE__);		\
		EXPECT(!other || !ibv_dereg_mr(other));			\
		pair_close(&p);						\
	}								\
} while (0)

#define ATOMIC_FAILS(change, status) do {				\
	struct options all_ = ops_options();				\
									\
	ATOMIC_FAILS_OF(&all_, &all_, change, status);			\
} while (0)

static void atomic_keys(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(device_of(1)->ctx);
	struct options opt = ops_options(), all = opt;

	ATOMIC_FAILS(rkey ^= 1, REM_ACCESS_ERR);
	ATOMIC_FAILS(rkey += 0x100000, REM_ACCESS_ERR);
	ATOMIC_FAILS(rkey = 0xffffff00, REM_ACCESS_ERR);
	ATOMIC_FAILS(addr = addr_of(&p.b, 0) - 8, REM_ACCESS_ERR);
	ATOMIC_FAILS(addr = addr_of(&p.b, p.b.opt.size), REM_ACCESS_ERR);
	ATOMIC_FAILS(addr = UINT64_MAX - 7, REM_ACCESS_ERR);
	ATOMIC_FAILS(({
		other = ibv_reg_mr(pd, p.b.buf, p.b.opt.size, OPS_ACCESS);
		rkey = other->rkey;
	}), REM_ACCESS_ERR);
	opt.access = ALL_ACCESS;
	ATOMIC_FAILS_OF(&all, &opt, (void)0, REM_ACCESS_ERR);
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
}

static void atomic_qps(void)
{
	struct options opt = ops_options(), all = opt;

	opt.qp_access = ALL_ACCESS;
	ATOMIC_FAILS_OF(&all, &opt, (void)0, REM_INV_REQ_ERR);
	opt = all;
	opt.reads_in = 0;
	ATOMIC_FAILS_OF(&all, &opt, (void)0, REM_INV_REQ_ERR);
	opt = all;
	opt.reads = 0;
	ATOMIC_FAILS_OF(&opt, &all, (void)0, LOC_QP_OP_ERR);
}

static void atomic_answers(void)
{
	struct options opt = ops_options(), all = opt;

	ATOMIC_FAILS(sge.lkey ^= 1, LOC_PROT_ERR);
	ATOMIC_FAILS(sge.lkey = 0xffffff00, LOC_PROT_ERR);
	ATOMIC_FAILS(sge.addr = addr_of(&p.a, p.a.opt.size - 7), LOC_PROT_ERR);
	ATOMIC_FAILS(flags = IBV_SEND_INLINE, LOC_QP_OP_ERR);
	/* the peer is not asked: what is wrong here comes first */
	ATOMIC_FAILS((sge.lkey ^= 1, rkey ^= 1), LOC_PROT_ERR);
	opt.access = IBV_ACCESS_REMOTE_READ;
	ATOMIC_FAILS_OF(&opt, &all, (void)0, LOC_PROT_ERR);
}

/* librxe's ibv_post_send() refuses these itself; the extended one does not. */
static struct ibv_qp_ex *open_pair_ex(struct pair *p, const struct options *opt)
{
	struct end *ends[] = { &p->a, &p->b };
	int i;

	for (i = 0; i < 2; i++) {
		struct ibv_qp_init_attr_ex init = {
			.qp_type = IBV_QPT_RC,
			.sq_sig_all = 1,
			.cap = {
				.max_send_wr = 8, .max_recv_wr = 8,
				.max_send_sge = 2, .max_recv_sge = 2,
			},
			.comp_mask = IBV_QP_INIT_ATTR_PD |
				     IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
			.send_ops_flags = IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD |
					  IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP |
					  IBV_QP_EX_WITH_ATOMIC_WRITE,
		};

		end_open_without_qp(ends[i], device_of(i), opt);
		init.pd = ends[i]->pd;
		init.send_cq = ends[i]->scq;
		init.recv_cq = ends[i]->rcq;
		ends[i]->qp = ibv_create_qp_ex(ends[i]->dev->ctx, &init);
		if (!ends[i]->qp)
			bail("no extended QP");
	}
	fill(p->b.buf, p->b.opt.size, 2);
	end_connect(&p->b, &p->a);
	end_connect(&p->a, &p->b);
	return ibv_qp_to_qp_ex(p->a.qp);
}

enum which { ADD, SWAP, WRITE };

static void odd_place(enum which which, int off, uint32_t len,
		      enum ibv_wc_status status, int line)
{
	struct options opt = ops_options();
	uint64_t value = 99;
	struct ibv_qp_ex *qp;
	struct pair p;

	qp = open_pair_ex(&p, &opt);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	switch (which) {
	case ADD:
		ibv_wr_atomic_fetch_add(qp, p.b.mr->rkey,
					addr_of(&p.b, AT) + off, 1);
		ibv_wr_set_sge(qp, p.a.mr->lkey, addr_of(&p.a, 0), len);
		break;
	case SWAP:
		ibv_wr_atomic_cmp_swp(qp, p.b.mr->rkey,
				      addr_of(&p.b, AT) + off, 0, 1);
		ibv_wr_set_sge(qp, p.a.mr->lkey, addr_of(&p.a, 0), len);
		break;
	default:
		ibv_wr_atomic_write(qp, p.b.mr->rkey,
				    addr_of(&p.b, AT) + off, &value);
		break;
	}
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	expect_failed(line, &p, 1, status);
	expect(is_filled(p.a.buf, p.a.opt.size, 1), line, "a's memory");
	expect(is_filled(p.b.buf, p.b.opt.size, 2), line, "b's memory");
	pair_close(&p);
}

static void atomic_places(void)
{
	enum which which;

	for (which = ADD; which <= WRITE; which++) {
		odd_place(which, 1, 8, IBV_WC_REM_INV_REQ_ERR, __LINE__);
		odd_place(which, 4, 8, IBV_WC_REM_INV_REQ_ERR, __LINE__);
		/* over the end of a page, and of the region */
		odd_place(which, 4096 - 64 - 4, 8, IBV_WC_REM_INV_REQ_ERR,
			  __LINE__);
		odd_place(which, 65536 - AT - 4, 8, IBV_WC_REM_ACCESS_ERR,
			  __LINE__);
	}
	odd_place(ADD, 0, 7, IBV_WC_LOC_LEN_ERR, __LINE__);
	odd_place(SWAP, 0, 4, IBV_WC_LOC_LEN_ERR, __LINE__);
	odd_place(ADD, 0, 0, IBV_WC_LOC_LEN_ERR, __LINE__);
}

static void atomic_write_fails(const struct options *opt_b, uint32_t key,
			       enum ibv_wc_status status, int line)
{
	uint64_t value = 99;
	struct ibv_qp_ex *qp;
	struct pair p;

	qp = open_pair_ex(&p, opt_b);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_atomic_write(qp, p.b.mr->rkey ^ key, addr_of(&p.b, AT), &value);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	expect_failed(line, &p, 1, status);
	expect(is_filled(p.b.buf, p.b.opt.size, 2), line, "b's memory");
	pair_close(&p);
}

static void atomic_writes(void)
{
	struct options opt = ops_options();

	atomic_write_fails(&opt, 1, IBV_WC_REM_ACCESS_ERR, __LINE__);
	opt.access &= ~IBV_ACCESS_REMOTE_WRITE;
	atomic_write_fails(&opt, 0, IBV_WC_REM_ACCESS_ERR, __LINE__);
	opt = ops_options();
	opt.qp_access &= ~IBV_ACCESS_REMOTE_WRITE;
	atomic_write_fails(&opt, 0, IBV_WC_REM_INV_REQ_ERR, __LINE__);
	opt = ops_options();
	opt.reads_in = 0;
	atomic_write_fails(&opt, 0, IBV_WC_REM_INV_REQ_ERR, __LINE__);
	opt = ops_options();
	opt.reads = 0;
	atomic_write_fails(&opt, 0, IBV_WC_LOC_QP_OP_ERR, __LINE__);
}

/* Binds: a has the window. */

#define BIND_FAILS_OF(opt_, type, change) do {				\
	struct ibv_mw *mw, *old = NULL;					\
	struct ibv_mr *other = NULL;					\
	struct ibv_send_wr wr;						\
	struct pair p;							\
									\
	pair_open(&p, opt_);						\
	mw = new_mw(&p.a, IBV_MW_TYPE_##type);				\
	wr = bind_wr(&p.a, mw);						\
	change;								\
	EXPECT_EQ(post_wr(&p.a, &wr), 0);				\
	EXPECT_FAILED(&p, 1, MW_BIND_ERR);				\
	EXPECT(!other || !ibv_dereg_mr(other));				\
	EXPECT(!old || !ibv_dealloc_mw(old));				\
	EXPECT(!mw || !ibv_dealloc_mw(mw));				\
	/* nothing is bound that would hold the region */		\
	EXPECT_EQ(ibv_dereg_mr(p.a.mr), 0);				\
	p.a.mr = NULL;							\
	pair_close(&p);							\
} while (0)

#define BIND_FAILS(type, change) do {					\
	struct options all_ = ops_options();				\
									\
	BIND_FAILS_OF(&all_, type, change);				\
} while (0)

#define BIND_FAILS_BOTH(change) do {					\
	BIND_FAILS(1, change);						\
	BIND_FAILS(2, change);						\
} while (0)

static struct ibv_send_wr bind_wr(struct end *end, struct ibv_mw *mw)
{
	return (struct ibv_send_wr) {
		.wr_id = 1,
		.opcode = IBV_WR_BIND_MW,
		.bind_mw = {
			.mw = mw,
			.rkey = ibv_inc_rkey(mw->rkey),
			.bind_info = {
				.mr = end->mr, .addr = addr_of(end, AT),
				.length = LEN,
				.mw_access_flags = IBV_ACCESS_REMOTE_WRITE,
			},
		},
	};
}

static void bind_regions(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(device_of(0)->ctx);
	struct options opt = ops_options();
	struct ibv_mr fake;

	opt.access = OPS_ACCESS;
	BIND_FAILS_OF(&opt, 1, (void)0);
	BIND_FAILS_OF(&opt, 2, (void)0);
	/* what may not be written locally is not to be written through it */
	opt.access = IBV_ACCESS_MW_BIND;
	BIND_FAILS_OF(&opt, 1, (void)0);
	BIND_FAILS_OF(&opt, 2, wr.bind_mw.bind_info.mw_access_flags =
				IBV_ACCESS_REMOTE_ATOMIC);

	BIND_FAILS_BOTH(wr.bind_mw.bind_info.addr = addr_of(&p.a, 0) - 1);
	BIND_FAILS_BOTH(wr.bind_mw.bind_info.addr = addr_of(&p.a,
					p.a.opt.size - LEN + 1));
	BIND_FAILS_BOTH(wr.bind_mw.bind_info.length = p.a.opt.size);
	BIND_FAILS_BOTH(wr.bind_mw.bind_info.length = UINT64_MAX);
	BIND_FAILS_BOTH(wr.bind_mw.bind_info.addr = UINT64_MAX - 10);

	BIND_FAILS_BOTH(({
		fake = *p.a.mr;
		fake.lkey ^= 1;
		wr.bind_mw.bind_info.mr = &fake;
	}));
	BIND_FAILS_BOTH(({
		fake = *p.a.mr;
		fake.lkey = 0xffffff00;
		wr.bind_mw.bind_info.mr = &fake;
	}));
	/* a window on a window */
	BIND_FAILS_BOTH(({
		fake = *p.a.mr;
		old = new_mw(&p.a, IBV_MW_TYPE_2);
		fake.lkey = old->rkey;
		wr.bind_mw.bind_info.mr = &fake;
	}));
	BIND_FAILS_BOTH(({
		other = ibv_reg_mr(pd, p.a.buf, p.a.opt.size, p.a.opt.access);
		wr.bind_mw.bind_info.mr = other;
	}));
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
}

static void bind_windows(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(device_of(0)->ctx);
	struct ibv_mw fake;

	BIND_FAILS_BOTH(({
		fake = *mw;
		fake.rkey ^= 1;
		wr.bind_mw.mw = &fake;
	}));
	BIND_FAILS_BOTH(({
		fake = *mw;
		EXPECT_EQ(ibv_dealloc_mw(mw), 0);
		mw = NULL;
		wr.bind_mw.mw = &fake;
	}));
	/* a region is no window */
	BIND_FAILS_BOTH(({
		fake = *mw;
		fake.rkey = p.a.mr->rkey;
		wr.bind_mw.mw = &fake;
		wr.bind_mw.rkey = ibv_inc_rkey(fake.rkey);
	}));
	BIND_FAILS(1, ({
		old = ibv_alloc_mw(pd, IBV_MW_TYPE_1);
		wr.bind_mw.mw = old;
		wr.bind_mw.rkey = old->rkey;
	}));
	BIND_FAILS(2, ({
		old = ibv_alloc_mw(pd, IBV_MW_TYPE_2);
		wr.bind_mw.mw = old;
		wr.bind_mw.rkey = old->rkey;
	}));
	/* only the last eight bits of its key are the owner's */
	BIND_FAILS_BOTH(wr.bind_mw.rkey += 0x100);
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
}

static void bind_ways(void)
{
	BIND_FAILS(1, wr.bind_mw.bind_info.mw_access_flags |=
			IBV_ACCESS_ZERO_BASED);
	BIND_FAILS(2, wr.bind_mw.bind_info.length = 0);
	BIND_FAILS_BOTH(wr.bind_mw.bind_info.mw_access_flags |=
			IBV_ACCESS_MW_BIND);
	BIND_FAILS_BOTH(wr.bind_mw.bind_info.mw_access_flags |= 1 << 30);
	/* bound already */
	BIND_FAILS(2, ({
		EXPECT_BIND(&p.a, mw, addr_of(&p.a, 0), 8, 0);
		wr.bind_mw.rkey = ibv_inc_rkey(mw->rkey);
	}));
}

/* After a bind that fails, the window shows what it showed. */
static void bind_fails_bound(void)
{
	struct options opt = ops_options();
	enum ibv_mw_type type;
	struct ibv_send_wr wr;
	struct ibv_mw *mw;
	struct pair p;

	for (type = IBV_MW_TYPE_1; type <= IBV_MW_TYPE_2; type++) {
		pair_open(&p, &opt);
		mw = new_mw(&p.b, type);
		EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), LEN,
			    IBV_ACCESS_REMOTE_WRITE);
		wr = bind_wr(&p.b, mw);
		wr.bind_mw.bind_info.addr = 5;
		EXPECT_EQ(post_wr(&p.b, &wr), 0);
		EXPECT_WC(p.b.scq, 1, MW_BIND_ERR);
		EXPECT_STATE(&p.b, ERR);
		pair_again(&p);
		EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, mw->rkey, AT);
		EXPECT_EQ(ibv_dealloc_mw(mw), 0);
		pair_close(&p);
	}
}

static void window_as_local_key(void)
{
	struct options opt = ops_options();
	struct ibv_sge sge;
	struct ibv_mw *mw;
	struct pair p;

	pair_open(&p, &opt);
	mw = new_mw(&p.a, IBV_MW_TYPE_1);
	EXPECT_BIND(&p.a, mw, addr_of(&p.a, 0), LEN,
		    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	sge = sge_of(&p.a, 0, 8);
	sge.lkey = mw->rkey;
	EXPECT_EQ(post_rdma(&p.a, 1, IBV_WR_RDMA_WRITE, &sge,
			    addr_of(&p.b, 0), p.b.mr->rkey), 0);
	EXPECT_FAILED(&p, 1, LOC_PROT_ERR);
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

static void bounds_of_a_window(void)
{
	struct options opt = ops_options();
	struct ibv_mw *mw;
	struct pair p;

	pair_open(&p, &opt);
	mw = new_mw(&p.b, IBV_MW_TYPE_1);
	EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), LEN,
		    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	EXPECT_DENIED(&p, addr_of(&p.b, AT - 1), 1, mw->rkey, WRITE);
	EXPECT_DENIED(&p, addr_of(&p.b, AT + LEN), 1, mw->rkey, READ);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN + 1, mw->rkey, WRITE);
	EXPECT_DENIED(&p, addr_of(&p.b, AT - 1), LEN, mw->rkey, READ);
	EXPECT_DENIED(&p, 0, 8, mw->rkey, WRITE);
	EXPECT_DENIED(&p, UINT64_MAX - 3, 8, mw->rkey, WRITE);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), 8, mw->rkey ^ 1, WRITE);
	EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

/* Of another PD than the QP that the message is for. */
static void window_of_another_pd(void)
{
	struct options opt = ops_options();
	struct pair p, other;
	struct ibv_mw *mw;

	pair_open(&p, &opt);
	pair_open(&other, &opt);
	mw = new_mw(&other.b, IBV_MW_TYPE_1);
	EXPECT_BIND(&other.b, mw, addr_of(&other.b, 0), LEN,
		    IBV_ACCESS_REMOTE_WRITE);
	EXPECT_DENIED(&p, addr_of(&other.b, 0), 8, mw->rkey, WRITE);
	EXPECT(is_filled(other.b.buf, other.b.opt.size, 2));
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&other);
	pair_close(&p);
}

/* Invalidations: of type 1, of what is not bound, and of another QP's. */

static void local_inv_fails(struct pair *p, uint32_t rkey, int line)
{
	expect(!post_inv(&p->a, 1, rkey), line, "post_send");
	expect_failed(line, p, 1, IBV_WC_MW_BIND_ERR);
	pair_again(p);
}

static void send_inv_fails(struct pair *p, uint32_t rkey, int line)
{
	struct ibv_send_wr wr = {
		.wr_id = 1, .opcode = IBV_WR_SEND_WITH_INV,
		.invalidate_rkey = rkey,
	};

	expect(!post_recv(&p->a, 2, NULL), line, "post_recv");
	expect(!post_wr(&p->b, &wr), line, "post_send");
	expect_wc(line, p->b.scq, 1, IBV_WC_REM_ACCESS_ERR, NULL);
	expect_wc(line, p->a.rcq, 2, IBV_WC_REM_INV_REQ_ERR, NULL);
	expect_state(line, p->a.qp, IBV_QPS_ERR);
	expect_state(line, p->b.qp, IBV_QPS_ERR);
	pair_again(p);
}

static void invalidations(void)
{
	struct options opt = ops_options();
	struct ibv_mw *one, *two, *theirs;
	struct pair p, other;

	pair_open(&p, &opt);
	one = new_mw(&p.a, IBV_MW_TYPE_1);
	two = new_mw(&p.a, IBV_MW_TYPE_2);
	EXPECT_BIND(&p.a, one, addr_of(&p.a, 0), 8, 0);
	local_inv_fails(&p, one->rkey, __LINE__);
	send_inv_fails(&p, one->rkey, __LINE__);
	local_inv_fails(&p, two->rkey, __LINE__);
	send_inv_fails(&p, two->rkey, __LINE__);
	EXPECT_BIND(&p.a, two, addr_of(&p.a, 0), 8, 0);
	local_inv_fails(&p, two->rkey ^ 1, __LINE__);
	send_inv_fails(&p, two->rkey ^ 1, __LINE__);

	/* bound through another QP of the same PD */
	other = p;
	other.a.qp = create_qp(&other.a, &opt);
	other.b.qp = create_qp(&other.b, &opt);
	end_connect(&other.b, &other.a);
	end_connect(&other.a, &other.b);
	theirs = new_mw(&other.a, IBV_MW_TYPE_2);
	EXPECT_BIND(&other.a, theirs, addr_of(&p.a, 0), 8, 0);
	local_inv_fails(&p, theirs->rkey, __LINE__);
	send_inv_fails(&p, theirs->rkey, __LINE__);
	EXPECT_EQ(post_inv(&other.a, 3, theirs->rkey), 0);
	EXPECT_WC(other.a.scq, 3, SUCCESS);

	EXPECT_EQ(ibv_destroy_qp(other.a.qp), 0);
	EXPECT_EQ(ibv_destroy_qp(other.b.qp), 0);
	EXPECT_EQ(ibv_dealloc_mw(one), 0);
	EXPECT_EQ(ibv_dealloc_mw(two), 0);
	EXPECT_EQ(ibv_dealloc_mw(theirs), 0);
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE("atomics: keys and ranges", atomic_keys),
	CASE("atomics: QPs that are not set up for them", atomic_qps),
	CASE("atomics: where the answer cannot go", atomic_answers),
	CASE("atomics: odd places, short answers", atomic_places),
	CASE("atomic write: keys and QPs", atomic_writes),
	CASE_ONE_DEVICE("bind: regions that do not allow it", bind_regions),
	CASE_ONE_DEVICE("bind: windows that are not there", bind_windows),
	CASE_ONE_DEVICE("bind: what a window cannot be", bind_ways),
	CASE_ONE_DEVICE("bind: one that fails changes nothing",
			bind_fails_bound),
	CASE("a window's key as an L_Key", window_as_local_key),
	CASE("a window's bounds", bounds_of_a_window),
	CASE("a window of another PD", window_of_another_pd),
	CASE("invalidation of what is not this QP's", invalidations),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
