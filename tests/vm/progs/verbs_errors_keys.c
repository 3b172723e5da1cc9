// SPDX-License-Identifier: GPL-2.0
/*
 * Keys, addresses, lengths and access that a connection must refuse: the
 * statuses at both ends, the states and events that follow, and that no byte
 * has moved. (IBTA vol. 1, 9.9 and 11.6.2.)
 */
#include "verbs_common.h"

#define LEN	1000

/* The L_Key that only the kernel may use. */
#define LOCAL_DMA_LKEY	0xffffff00

/* What has been asked of the receiver's memory has not happened. */
#define EXPECT_UNTOUCHED(p) do {					\
	EXPECT(is_filled((p)->a.buf, (p)->a.opt.size, 1));		\
	EXPECT(is_filled((p)->b.buf, (p)->b.opt.size, 2));		\
} while (0)

/*
 * A request that fails before it leaves: the peer does not notice, except that
 * a connection stays silent.
 */
static void local_error(struct pair *p, enum ibv_wr_opcode opcode,
			struct ibv_sge *sge, int line)
{
	struct ibv_sge in = sge_of(&p->b, 0, LEN);

	expect(!post_recv(&p->b, 1, &in), line, "post_recv");
	expect(!post_rdma(&p->a, 2, opcode, sge, (uintptr_t)p->b.buf,
			  p->b.mr->rkey), line, "post_send");
	expect_wc(line, p->a.scq, 2, IBV_WC_LOC_PROT_ERR, NULL);
	EXPECT_STATE(&p->a, ERR);
	EXPECT_STATE(&p->b, RTS);
	expect_no_wc(line, p->b.rcq, 0);
	EXPECT_UNTOUCHED(p);
}

/*
 * The same with send, write and read, each on a new connection. The change is
 * to @sge; it may register another region, @other.
 */
#define LOCAL_ERROR(change) do {					\
	static const enum ibv_wr_opcode opcodes[] = { IBV_WR_SEND,	\
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ };			\
	struct ibv_mr *other = NULL;					\
	struct ibv_sge sge;						\
	struct pair p;							\
	size_t i;							\
									\
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {			\
		pair_open(&p, &usual);					\
		sge = sge_of(&p.a, 0, LEN);				\
		change;							\
		local_error(&p, opcodes[i], &sge, __LINE__);		\
		EXPECT(!other || !ibv_dereg_mr(other));			\
		pair_close(&p);						\
	}								\
} while (0)

static void lkey_unknown(void)
{
	LOCAL_ERROR(sge.lkey += 0x100000);
	LOCAL_ERROR(sge.lkey ^= 1);
	LOCAL_ERROR(sge.lkey = 0);
	LOCAL_ERROR(sge.lkey = 0xffffffff);
}

static void lkey_of_the_kernel(void)
{
	LOCAL_ERROR(sge.lkey = LOCAL_DMA_LKEY);
}

static void local_out_of_bounds(void)
{
	LOCAL_ERROR(sge.addr = (uintptr_t)p.a.buf - 1);
	LOCAL_ERROR(sge.addr = (uintptr_t)p.a.buf + p.a.opt.size - LEN + 1);
	LOCAL_ERROR(sge.addr = (uintptr_t)p.a.buf + p.a.opt.size);
	LOCAL_ERROR(sge.addr = UINT64_MAX - 10);
	LOCAL_ERROR(sge.addr = 0);
}

/* The first range is good, the last is not: nothing moves. */
static void local_second_range_bad(void)
{
	struct ibv_sge sge[2];
	struct ibv_send_wr wr = {
		.wr_id = 1, .opcode = IBV_WR_RDMA_WRITE,
		.sg_list = sge, .num_sge = 2,
	};
	struct pair p;

	pair_open(&p, &usual);
	sge[0] = sge_of(&p.a, 0, LEN);
	sge[1] = sge_of(&p.a, p.a.opt.size - 10, 11);
	wr.wr.rdma.remote_addr = (uintptr_t)p.b.buf;
	wr.wr.rdma.rkey = p.b.mr->rkey;
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, LOC_PROT_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_UNTOUCHED(&p);
	pair_close(&p);
}

static void lkey_of_another_pd(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(device_of(0)->ctx);

	LOCAL_ERROR(({
		other = ibv_reg_mr(pd, p.a.buf, p.a.opt.size, ALL_ACCESS);
		sge.lkey = other->lkey;
	}));
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
}

static void lkey_deregistered(void)
{
	LOCAL_ERROR(({
		struct ibv_mr *mr = ibv_reg_mr(p.a.pd, p.a.buf, p.a.opt.size,
					       ALL_ACCESS);

		sge.lkey = mr->lkey;
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
	}));
}

/* An RDMA read writes to local memory, which must allow that. */
static void read_into_read_only(void)
{
	struct options opt = usual;
	struct ibv_sge sge;
	struct pair p;

	opt.access = IBV_ACCESS_REMOTE_READ;
	pair_open2(&p, &opt, &usual);
	sge = sge_of(&p.a, 0, LEN);
	local_error(&p, IBV_WR_RDMA_READ, &sge, __LINE__);
	pair_close(&p);
}

/* The sender reads its own memory first; the peer's receive comes after. */
static void local_error_comes_first(void)
{
	struct ibv_sge sge;
	struct pair p;

	pair_open(&p, &usual);
	sge = sge_of(&p.a, 0, LEN);
	sge.lkey ^= 1;
	EXPECT_EQ(post_send(&p.a, 1, IBV_WR_SEND, &sge, 0), 0);
	EXPECT_WC(p.a.scq, 1, LOC_PROT_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_STATE(&p.b, RTS);
	pair_close(&p);

	pair_open(&p, &usual);
	sge = sge_of(&p.a, 0, LEN);
	sge.lkey ^= 1;
	EXPECT_EQ(ibv_destroy_qp(p.b.qp), 0);
	p.b.qp = NULL;
	EXPECT_EQ(post_send(&p.a, 1, IBV_WR_SEND, &sge, 0), 0);
	EXPECT_WC(p.a.scq, 1, LOC_PROT_ERR);
	pair_close(&p);

	pair_open(&p, &usual);
	sge = sge_of(&p.a, 0, LEN);
	sge.lkey ^= 1;
	EXPECT_EQ(post_rdma(&p.a, 1, IBV_WR_RDMA_WRITE, &sge,
			    (uintptr_t)p.b.buf, p.b.mr->rkey ^ 1), 0);
	EXPECT_WC(p.a.scq, 1, LOC_PROT_ERR);
	EXPECT_STATE(&p.b, RTS);
	pair_close(&p);
}

/* What the receiver refuses because of a key or its range. */
static void remote_error(struct pair *p, enum ibv_wr_opcode opcode,
			 uint64_t addr, uint32_t rkey, int line)
{
	struct ibv_sge sge = sge_of(&p->a, 0, LEN), in = sge_of(&p->b, 0, LEN);

	expect(!post_recv(&p->b, 1, &in), line, "post_recv");
	expect(!post_rdma(&p->a, 2, opcode, &sge, addr, rkey), line,
	       "post_send");
	expect_wc(line, p->a.scq, 2, IBV_WC_REM_ACCESS_ERR, NULL);
	EXPECT_STATE(&p->a, ERR);
	EXPECT_STATE(&p->b, ERR);
	expect_event(line, p->b.dev, IBV_EVENT_QP_ACCESS_ERR, p->b.qp);
	/* a receive is not used up by it, but flushed */
	expect_wc(line, p->b.rcq, 1, IBV_WC_WR_FLUSH_ERR, NULL);
	EXPECT_UNTOUCHED(p);
}

#define REMOTE_ERROR_OF(opt_b, change) do {				\
	static const enum ibv_wr_opcode opcodes[] = { IBV_WR_RDMA_WRITE, \
		IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_RDMA_READ };		\
	struct ibv_mr *other = NULL;					\
	uint64_t addr;							\
	uint32_t rkey;							\
	struct pair p;							\
	size_t i;							\
									\
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {			\
		pair_open2(&p, &usual, opt_b);				\
		addr = (uintptr_t)p.b.buf;				\
		rkey = p.b.mr->rkey;					\
		change;							\
		remote_error(&p, opcodes[i], addr, rkey, __LINE__);	\
		EXPECT(!other || !ibv_dereg_mr(other));			\
		pair_close(&p);						\
	}								\
} while (0)

#define REMOTE_ERROR(change)	REMOTE_ERROR_OF(&usual, change)

static void rkey_unknown(void)
{
	REMOTE_ERROR(rkey += 0x100000);
	REMOTE_ERROR(rkey ^= 0x80);
	REMOTE_ERROR(rkey = 0);
	REMOTE_ERROR(rkey = 0xffffffff);
}

static void rkey_of_the_kernel(void)
{
	REMOTE_ERROR(rkey = LOCAL_DMA_LKEY);
}

static void remote_out_of_bounds(void)
{
	REMOTE_ERROR(addr -= 1);
	REMOTE_ERROR(addr += p.b.opt.size - LEN + 1);
	REMOTE_ERROR(addr += p.b.opt.size);
	REMOTE_ERROR(addr = UINT64_MAX - 10);
	REMOTE_ERROR(addr = 0);
}

static void rkey_deregistered(void)
{
	REMOTE_ERROR(({
		struct ibv_mr *mr = ibv_reg_mr(p.b.pd, p.b.buf, p.b.opt.size,
					       ALL_ACCESS);

		rkey = mr->rkey;
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
	}));
}

static void rkey_of_another_pd(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(device_of(1)->ctx);

	REMOTE_ERROR(({
		other = ibv_reg_mr(pd, p.b.buf, p.b.opt.size, ALL_ACCESS);
		rkey = other->rkey;
	}));
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
}

static void region_without_access(void)
{
	struct options opt = usual;

	opt.access = IBV_ACCESS_LOCAL_WRITE;
	REMOTE_ERROR_OF(&opt, (void)0);
}

static void region_with_the_other_access(void)
{
	struct options opt = usual;
	struct pair p;

	opt.access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ;
	pair_open2(&p, &usual, &opt);
	remote_error(&p, IBV_WR_RDMA_WRITE, (uintptr_t)p.b.buf, p.b.mr->rkey,
		     __LINE__);
	pair_close(&p);

	opt.access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE;
	pair_open2(&p, &usual, &opt);
	remote_error(&p, IBV_WR_RDMA_READ, (uintptr_t)p.b.buf, p.b.mr->rkey,
		     __LINE__);
	pair_close(&p);
}

/* Regions on demand: what is refused is the same. */
static void on_demand(void)
{
	struct options opt = usual;

	opt.access |= IBV_ACCESS_ON_DEMAND;
	REMOTE_ERROR_OF(&opt, rkey ^= 1);
	REMOTE_ERROR_OF(&opt, addr -= 1);
	REMOTE_ERROR_OF(&opt, addr += p.b.opt.size - LEN + 1);
	opt.access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_ON_DEMAND;
	REMOTE_ERROR_OF(&opt, (void)0);
	LOCAL_ERROR(({
		other = ibv_reg_mr(p.a.pd, p.a.buf, p.a.opt.size,
				   ALL_ACCESS | IBV_ACCESS_ON_DEMAND);
		sge.lkey = other->lkey;
		sge.addr += p.a.opt.size - LEN + 1;
	}));
}

/* An operation that the QP was not set up for. */
static void invalid_request(enum ibv_wr_opcode opcode,
			    const struct options *opt_b, int line)
{
	struct ibv_sge sge;
	struct pair p;

	pair_open2(&p, &usual, opt_b);
	sge = sge_of(&p.a, 0, LEN);
	expect(!post_rdma(&p.a, 1, opcode, &sge, (uintptr_t)p.b.buf,
			  p.b.mr->rkey), line, "post_send");
	expect_wc(line, p.a.scq, 1, IBV_WC_REM_INV_REQ_ERR, NULL);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_STATE(&p.b, ERR);
	expect_event(line, p.b.dev, IBV_EVENT_QP_REQ_ERR, p.b.qp);
	EXPECT_UNTOUCHED(&p);
	pair_close(&p);
}

static void qp_without_access(void)
{
	struct options opt = usual;

	opt.qp_access = 0;
	invalid_request(IBV_WR_RDMA_WRITE, &opt, __LINE__);
	invalid_request(IBV_WR_RDMA_WRITE_WITH_IMM, &opt, __LINE__);
	invalid_request(IBV_WR_RDMA_READ, &opt, __LINE__);
	opt.qp_access = IBV_ACCESS_REMOTE_READ;
	invalid_request(IBV_WR_RDMA_WRITE, &opt, __LINE__);
	opt.qp_access = IBV_ACCESS_REMOTE_WRITE;
	invalid_request(IBV_WR_RDMA_READ, &opt, __LINE__);
}

static void reads_not_allowed(void)
{
	struct options opt = usual;
	struct ibv_sge sge;
	struct pair p;

	opt.reads_in = 0;
	invalid_request(IBV_WR_RDMA_READ, &opt, __LINE__);

	opt = usual;
	opt.reads = 0;
	pair_open2(&p, &opt, &usual);
	sge = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(post_rdma(&p.a, 1, IBV_WR_RDMA_READ, &sge,
			    (uintptr_t)p.b.buf, p.b.mr->rkey), 0);
	EXPECT_WC(p.a.scq, 1, LOC_QP_OP_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_STATE(&p.b, RTS);
	EXPECT_UNTOUCHED(&p);
	pair_close(&p);
}

/* A message of @out bytes for a receive with @in, and what comes of it. */
static void receive_fails(struct pair *p, struct ibv_sge *out,
			  struct ibv_sge *in, enum ibv_wc_status status_in,
			  enum ibv_wc_status status_out, int line)
{
	expect(!post_recv(&p->b, 1, in), line, "post_recv");
	expect(!post_send(&p->a, 2, IBV_WR_SEND, out, 0), line, "post_send");
	expect_wc(line, p->a.scq, 2, status_out, NULL);
	expect_wc(line, p->b.rcq, 1, status_in, NULL);
	EXPECT_STATE(&p->a, ERR);
	EXPECT_STATE(&p->b, ERR);
	EXPECT_UNTOUCHED(p);
}

static void receive_too_small(void)
{
	struct ibv_sge in, out;
	struct pair p;

	pair_open(&p, &usual);
	out = sge_of(&p.a, 0, LEN);
	in = sge_of(&p.b, 0, LEN - 1);
	receive_fails(&p, &out, &in, IBV_WC_LOC_LEN_ERR,
		      IBV_WC_REM_INV_REQ_ERR, __LINE__);
	pair_close(&p);

	pair_open(&p, &usual);
	out = sge_of(&p.a, 0, 1);
	receive_fails(&p, &out, NULL, IBV_WC_LOC_LEN_ERR,
		      IBV_WC_REM_INV_REQ_ERR, __LINE__);
	pair_close(&p);
}

static void receive_range_bad(void)
{
	struct options opt = usual;
	struct ibv_sge in, out;
	struct pair p;

	pair_open(&p, &usual);
	out = sge_of(&p.a, 0, LEN);
	in = sge_of(&p.b, 0, LEN);
	in.lkey ^= 2;
	receive_fails(&p, &out, &in, IBV_WC_LOC_PROT_ERR, IBV_WC_REM_OP_ERR,
		      __LINE__);
	pair_close(&p);

	pair_open(&p, &usual);
	out = sge_of(&p.a, 0, LEN);
	in = sge_of(&p.b, p.b.opt.size - LEN + 1, LEN);
	receive_fails(&p, &out, &in, IBV_WC_LOC_PROT_ERR, IBV_WC_REM_OP_ERR,
		      __LINE__);
	pair_close(&p);

	/* a region that may not be written */
	opt.access = 0;
	pair_open2(&p, &usual, &opt);
	out = sge_of(&p.a, 0, LEN);
	in = sge_of(&p.b, 0, LEN);
	receive_fails(&p, &out, &in, IBV_WC_LOC_PROT_ERR, IBV_WC_REM_OP_ERR,
		      __LINE__);
	pair_close(&p);
}

/* What a message does not reach counts for nothing, in one range or a later one. */
static void receive_ends_behind(void)
{
	struct options shared = usual;
	struct ibv_recv_wr *bad, wr = { .wr_id = 1, .num_sge = 2 };
	struct ibv_sge out, in, two[2];
	struct pair p;
	int i;

	shared.srq_wr = 4;
	for (i = 0; i < 2; i++) {
		pair_open2(&p, &usual, i ? &shared : &usual);
		in = sge_of(&p.b, p.b.opt.size - LEN, 2 * LEN);
		out = sge_of(&p.a, 0, LEN);
		fill(p.a.buf, LEN, 40 + i);
		EXPECT_EQ(post_recv(&p.b, 1, &in), 0);
		EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &out, 0), 0);
		EXPECT_WC(p.a.scq, 2, SUCCESS);
		EXPECT_WC(p.b.rcq, 1, SUCCESS);
		EXPECT(is_filled(p.b.buf + p.b.opt.size - LEN, LEN, 40 + i));
		pair_close(&p);
	}

	/* one more byte */
	pair_open(&p, &usual);
	in = sge_of(&p.b, p.b.opt.size - LEN, 2 * LEN);
	out = sge_of(&p.a, 0, LEN + 1);
	receive_fails(&p, &out, &in, IBV_WC_LOC_PROT_ERR, IBV_WC_REM_OP_ERR,
		      __LINE__);
	pair_close(&p);

	pair_open(&p, &usual);
	two[0] = sge_of(&p.b, 0, LEN);
	two[1] = sge_of(&p.b, LEN, LEN);
	two[1].lkey ^= 2;
	wr.sg_list = two;
	out = sge_of(&p.a, 0, LEN);
	fill(p.a.buf, LEN, 42);
	EXPECT_EQ(ibv_post_recv(p.b.qp, &wr, &bad), 0);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &out, 0), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_WC(p.b.rcq, 1, SUCCESS);
	EXPECT(is_filled(p.b.buf, LEN, 42));
	pair_close(&p);
}

/* Deregistered after it was posted. */
static void receive_region_gone(void)
{
	struct ibv_sge in, out;
	struct ibv_mr *mr;
	struct pair p;

	pair_open(&p, &usual);
	out = sge_of(&p.a, 0, LEN);
	in = sge_of(&p.b, 0, LEN);
	mr = ibv_reg_mr(p.b.pd, p.b.buf, p.b.opt.size, ALL_ACCESS);
	in.lkey = mr->lkey;
	EXPECT_EQ(post_recv(&p.b, 1, &in), 0);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &out, 0), 0);
	EXPECT_WC(p.a.scq, 2, REM_OP_ERR);
	EXPECT_WC(p.b.rcq, 1, LOC_PROT_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_STATE(&p.b, ERR);
	EXPECT_UNTOUCHED(&p);
	pair_close(&p);
}

/* More than the port's max_msg_sz, by ranges that overlap. */
static void message_too_long(void)
{
	enum { N = 32 };
	struct options opt = usual;
	struct ibv_port_attr port;
	struct ibv_send_wr wr = {
		.wr_id = 1, .opcode = IBV_WR_RDMA_WRITE, .num_sge = N,
	};
	struct ibv_sge sge[N];
	struct pair p;
	int i;

	EXPECT_EQ(ibv_query_port(device_of(0)->ctx, 1, &port), 0);
	opt.send_sge = N;
	opt.size = 65 << 20;
	pair_open2(&p, &opt, &usual);
	if (EXPECT(port.max_msg_sz / N < opt.size)) {
		for (i = 0; i < N; i++)
			sge[i] = sge_of(&p.a, 0, port.max_msg_sz / N);
		sge[N - 1].length++;
		wr.sg_list = sge;
		wr.wr.rdma.remote_addr = (uintptr_t)p.b.buf;
		wr.wr.rdma.rkey = p.b.mr->rkey;
		EXPECT_EQ(post_wr(&p.a, &wr), 0);
		EXPECT_WC(p.a.scq, 1, LOC_LEN_ERR);
		EXPECT_STATE(&p.a, ERR);
		EXPECT_STATE(&p.b, RTS);
		EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));
	}
	pair_close(&p);
}

/* Without a byte, neither key nor address matter (IBTA 9.7.4.1.3, C9-88). */
static void zero_length(void)
{
	struct ibv_sge none;
	struct ibv_wc wc;
	struct pair p;

	pair_open(&p, &usual);
	none = sge_of(&p.a, 0, 0);
	EXPECT_EQ(post_recv(&p.b, 1, NULL), 0);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, NULL, 0), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 1, SUCCESS, &wc);
	EXPECT_EQ(wc.byte_len, 0);

	EXPECT_EQ(post_rdma(&p.a, 3, IBV_WR_RDMA_WRITE, NULL, 0, 0), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_EQ(post_rdma(&p.a, 4, IBV_WR_RDMA_READ, NULL, 0, 0), 0);
	EXPECT_WC(p.a.scq, 4, SUCCESS);
	EXPECT_EQ(post_rdma(&p.a, 5, IBV_WR_RDMA_WRITE, &none, 12345, 99), 0);
	EXPECT_WC(p.a.scq, 5, SUCCESS);

	EXPECT_EQ(post_recv(&p.b, 6, NULL), 0);
	EXPECT_EQ(post_rdma(&p.a, 7, IBV_WR_RDMA_WRITE_WITH_IMM, NULL, 0, 0), 0);
	EXPECT_WC(p.a.scq, 7, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 6, SUCCESS, &wc);
	EXPECT_EQ(wc.imm_data, htonl(0xfeed0007));

	EXPECT_UNTOUCHED(&p);
	EXPECT_STATE(&p.a, RTS);
	EXPECT_STATE(&p.b, RTS);
	pair_close(&p);
}

/* A region of user space is no fast registration: nobody may invalidate it. */
static void invalidate_user_region(void)
{
	struct ibv_send_wr wr = { .wr_id = 1, .opcode = IBV_WR_LOCAL_INV };
	struct ibv_sge in;
	struct pair p;

	pair_open(&p, &usual);
	wr.invalidate_rkey = p.a.mr->rkey;
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, MW_BIND_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_STATE(&p.b, RTS);
	pair_close(&p);

	pair_open(&p, &usual);
	in = sge_of(&p.b, 0, LEN);
	wr.opcode = IBV_WR_SEND_WITH_INV;
	wr.invalidate_rkey = p.b.mr->rkey;
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, REM_ACCESS_ERR);
	EXPECT_WC(p.b.rcq, 2, REM_INV_REQ_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_STATE(&p.b, ERR);

	/* the region is still good for another connection */
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	end_connect(&p.a, &p.b);
	end_connect(&p.b, &p.a);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

static void operation_not_there(void)
{
	static const enum ibv_wr_opcode opcodes[] = {
		IBV_WR_TSO, IBV_WR_DRIVER1,
		(enum ibv_wr_opcode)0x20, (enum ibv_wr_opcode)0xffffffff,
	};
	struct ibv_send_wr wr = { .wr_id = 1, .num_sge = 1 };
	struct ibv_sge sge;
	struct pair p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		pair_open(&p, &usual);
		sge = sge_of(&p.a, 0, 8);
		wr.sg_list = &sge;
		wr.opcode = opcodes[i];
		wr.wr.atomic.remote_addr = (uintptr_t)p.b.buf;
		wr.wr.atomic.rkey = p.b.mr->rkey;
		EXPECT_EQ(post_wr(&p.a, &wr), 0);
		EXPECT_WC(p.a.scq, 1, LOC_QP_OP_ERR);
		EXPECT_STATE(&p.a, ERR);
		EXPECT_STATE(&p.b, RTS);
		EXPECT_UNTOUCHED(&p);
		pair_close(&p);
	}
}

static const struct test_case cases[] = {
	CASE("an unknown L_Key", lkey_unknown),
	CASE("the L_Key of the kernel", lkey_of_the_kernel),
	CASE("a local range out of bounds", local_out_of_bounds),
	CASE("the second local range out of bounds", local_second_range_bad),
	CASE("an L_Key of another PD", lkey_of_another_pd),
	CASE("an L_Key after deregistration", lkey_deregistered),
	CASE("RDMA read into a region that may not be written",
	     read_into_read_only),
	CASE("a local error is found before the peer is asked",
	     local_error_comes_first),
	CASE("an unknown R_Key", rkey_unknown),
	CASE("the L_Key of the kernel as R_Key", rkey_of_the_kernel),
	CASE("a remote range out of bounds", remote_out_of_bounds),
	CASE("an R_Key after deregistration", rkey_deregistered),
	CASE("an R_Key of another PD", rkey_of_another_pd),
	CASE("a region without remote access", region_without_access),
	CASE("a region with the other remote access",
	     region_with_the_other_access),
	CASE("a region on demand", on_demand),
	CASE("a QP without remote access", qp_without_access),
	CASE("RDMA reads with no resources for them", reads_not_allowed),
	CASE("a receive that is too small", receive_too_small),
	CASE("a receive with a bad range", receive_range_bad),
	CASE("a receive that ends behind its region", receive_ends_behind),
	CASE("a receive whose region is gone", receive_region_gone),
	CASE("a message longer than max_msg_sz", message_too_long),
	CASE("messages of no bytes", zero_length),
	CASE("invalidation of a user's region", invalidate_user_region),
	CASE("operations that do not exist", operation_not_there),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
