/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs about atomics, windows and flushes share. */
#ifndef VERBS_OPS_H
#define VERBS_OPS_H

#include "verbs_common.h"

#define OPS_ACCESS	(ALL_ACCESS | IBV_ACCESS_REMOTE_ATOMIC)

/* IB_DEVICE_*, which rdma-core 44 has no name for. */
#define CAP_ATOMIC_WRITE	(1ULL << 40)
#define CAP_FLUSH_GLOBAL	(1ULL << 38)
#define CAP_FLUSH_PERSISTENT	(1ULL << 39)

static inline struct options ops_options(void)
{
	struct options opt = usual;

	opt.access = OPS_ACCESS | IBV_ACCESS_MW_BIND;
	opt.qp_access = OPS_ACCESS;
	return opt;
}

static inline uint64_t device_caps(struct device *dev)
{
	struct ibv_device_attr_ex attr;

	if (ibv_query_device_ex(dev->ctx, NULL, &attr))
		bail("query_device_ex");
	return attr.device_cap_flags_ex;
}

/* An aligned word of an end's buffer. */
static inline uint64_t *word_of(const struct end *end, size_t offset)
{
	return (uint64_t *)(end->buf + offset);
}

static inline int post_atomic(struct end *end, uint64_t id,
			      enum ibv_wr_opcode opcode, struct ibv_sge *sge,
			      int num_sge, uint64_t addr, uint32_t rkey,
			      uint64_t compare_add, uint64_t swap)
{
	struct ibv_send_wr wr = {
		.wr_id = id,
		.opcode = opcode,
		.sg_list = sge,
		.num_sge = num_sge,
		.wr.atomic = {
			.remote_addr = addr, .rkey = rkey,
			.compare_add = compare_add, .swap = swap,
		},
	};

	return post_wr(end, &wr);
}

static inline int post_inv(struct end *end, uint64_t id, uint32_t rkey)
{
	struct ibv_send_wr wr = {
		.wr_id = id,
		.opcode = IBV_WR_LOCAL_INV,
		.invalidate_rkey = rkey,
	};

	return post_wr(end, &wr);
}

/*
 * What a window shall show. The key of the extended bind is the window's next
 * one; whoever sees it succeed has it in the window afterwards.
 */
static inline int post_bind(struct end *end, uint64_t id, struct ibv_mw *mw,
			    struct ibv_mr *mr, uint64_t addr, uint64_t length,
			    unsigned int access)
{
	struct ibv_send_wr wr = {
		.wr_id = id,
		.opcode = IBV_WR_BIND_MW,
		.bind_mw = {
			.mw = mw,
			.rkey = ibv_inc_rkey(mw->rkey),
			.bind_info = {
				.mr = mr, .addr = addr, .length = length,
				.mw_access_flags = access,
			},
		},
	};

	return post_wr(end, &wr);
}

/* Bind, and see that it completes; only then has the window its next key. */
static inline bool expect_bind(int line, struct end *end, struct ibv_mw *mw,
			       uint64_t addr, uint64_t length,
			       unsigned int access)
{
	struct ibv_wc wc;

	if (!expect(!post_bind(end, 8001, mw, end->mr, addr, length, access),
		    line, "the bind is refused") ||
	    !expect_wc(line, end->scq, 8001, IBV_WC_SUCCESS, &wc))
		return false;
	mw->rkey = ibv_inc_rkey(mw->rkey);
	return expect(wc.opcode == IBV_WC_BIND_MW, line, "opcode %d",
		      wc.opcode);
}

#define EXPECT_BIND(end, mw, addr, length, access) \
	expect_bind(__LINE__, end, mw, addr, length, access)

static inline struct ibv_mw *new_mw(struct end *end, enum ibv_mw_type type)
{
	struct ibv_mw *mw = ibv_alloc_mw(end->pd, type);

	if (!mw)
		bail("no memory window");
	return mw;
}

static inline uint64_t addr_of(const struct end *end, size_t offset)
{
	return (uintptr_t)end->buf + offset;
}

/* After an error: the same QPs, connected anew. */
static inline void pair_again(struct pair *p)
{
	EXPECT_EQ(to_state(p->a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_state(p->b.qp, IBV_QPS_RESET), 0);
	end_connect(&p->b, &p->a);
	end_connect(&p->a, &p->b);
}

/* A request of a's completed so, and it was b's fault or not. */
static inline void expect_failed(int line, struct pair *p, uint64_t id,
				 enum ibv_wc_status status)
{
	expect_wc(line, p->a.scq, id, status, NULL);
	expect_state(line, p->a.qp, IBV_QPS_ERR);
	switch (status) {
	case IBV_WC_REM_ACCESS_ERR:
		expect_event(line, p->b.dev, IBV_EVENT_QP_ACCESS_ERR, p->b.qp);
		expect_state(line, p->b.qp, IBV_QPS_ERR);
		break;
	case IBV_WC_REM_INV_REQ_ERR:
		expect_event(line, p->b.dev, IBV_EVENT_QP_REQ_ERR, p->b.qp);
		expect_state(line, p->b.qp, IBV_QPS_ERR);
		break;
	default:
		expect_state(line, p->b.qp, IBV_QPS_RTS);
		break;
	}
}

#define EXPECT_FAILED(p, id, status) \
	expect_failed(__LINE__, p, id, IBV_WC_##status)

/* a writes to b's memory by this key: it must not, or it must. */
static inline void expect_denied(int line, struct pair *p, uint64_t addr,
				 uint32_t len, uint32_t rkey,
				 enum ibv_wr_opcode opcode)
{
	struct ibv_sge sge = sge_of(&p->a, 0, len);

	expect(!post_rdma(&p->a, 8002, opcode, &sge, addr, rkey), line,
	       "post_send");
	expect_failed(line, p, 8002, IBV_WC_REM_ACCESS_ERR);
	pair_again(p);
}

#define EXPECT_DENIED(p, addr, len, rkey, opcode) \
	expect_denied(__LINE__, p, addr, len, rkey, IBV_WR_RDMA_##opcode)

/* a's bytes, newly filled, arrive at this offset of b's. */
static inline void expect_written(int line, struct pair *p, uint64_t addr,
				  uint32_t len, uint32_t rkey, size_t offset)
{
	static unsigned int seed = 1000;
	struct ibv_sge sge = sge_of(&p->a, 0, len);

	fill(p->a.buf, len, ++seed);
	if (!expect(!post_rdma(&p->a, 8003, IBV_WR_RDMA_WRITE, &sge, addr,
			       rkey), line, "post_send") ||
	    !expect_wc(line, p->a.scq, 8003, IBV_WC_SUCCESS, NULL))
		return;
	expect(is_filled(p->b.buf + offset, len, seed), line,
	       "what was written is not there");
}

#define EXPECT_WRITTEN(p, addr, len, rkey, offset) \
	expect_written(__LINE__, p, addr, len, rkey, offset)

static inline void expect_read(int line, struct pair *p, uint64_t addr,
			       uint32_t len, uint32_t rkey, size_t offset)
{
	struct ibv_sge sge = sge_of(&p->a, 0, len);

	memset(p->a.buf, 0, len);
	if (!expect(!post_rdma(&p->a, 8004, IBV_WR_RDMA_READ, &sge, addr,
			       rkey), line, "post_send") ||
	    !expect_wc(line, p->a.scq, 8004, IBV_WC_SUCCESS, NULL))
		return;
	expect(!memcmp(p->a.buf, p->b.buf + offset, len), line,
	       "what was read is not what is there");
}

#define EXPECT_READ(p, addr, len, rkey, offset) \
	expect_read(__LINE__, p, addr, len, rkey, offset)

#endif /* VERBS_OPS_H */
