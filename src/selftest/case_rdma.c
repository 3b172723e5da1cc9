// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: RDMA write and read through the global R_Key. The target's device
 * address and the R_Key travel in a message, as in SRP, and the other side's
 * HCA uses them.
 */
#include "fixture.h"
#include "runner.h"
#include "verbs.h"

/* What the target tells the initiator. */
struct st_rdma_msg {
	__be64 addr;
	__be32 rkey;
	__be32 len;
};

/* Sends b's @target to a, in a message; the answer is what a has received. */
static int st_advertise(struct st_pair *p, struct st_buf *target,
			struct st_rdma_msg *got)
{
	struct st_buf *out, *in;
	struct ib_sge from, to;

	out = st_buf_unmapped(&p->b, sizeof(*got), 24);
	in = st_buf_new(&p->a, sizeof(*got), 40, DMA_FROM_DEVICE);
	if (!out || !in)
		return -EBADE;
	*(struct st_rdma_msg *)out->data = (struct st_rdma_msg) {
		.addr = cpu_to_be64(target->addr),
		.rkey = cpu_to_be32(p->b.pd->unsafe_global_rkey),
		.len = cpu_to_be32(target->len),
	};
	if (st_buf_map(out, DMA_TO_DEVICE))
		return -EBADE;
	from = st_sge(out, 0, sizeof(*got));
	to = st_sge(in, 0, sizeof(*got));
	if (st_transfer(&p->b, &from, 1, &p->a, &to, 1))
		return -EBADE;
	st_buf_unmap(in);
	memcpy(got, in->data, sizeof(*got));
	st_buf_free(out);
	st_buf_free(in);
	return 0;
}

static int st_rdma(struct st_pair *p, enum ib_wr_opcode opcode,
		   struct ib_sge *sge, int nr, u64 addr, u32 rkey)
{
	int ret;

	ret = st_post_rdma(&p->a, 7, opcode, sge, nr, addr, rkey,
			   IB_SEND_SIGNALED);
	return ret ?: st_want_sent(&p->a, 7, opcode == IB_WR_RDMA_READ ?
				   IB_WC_RDMA_READ : IB_WC_RDMA_WRITE);
}

/* One write and one read of @len bytes, each of another mapping. */
static int st_rdma_len(struct st_pair *p, u32 len, size_t off)
{
	struct st_test *t = p->a.t;
	struct st_buf *local, *target;
	struct st_rdma_msg msg;
	struct ib_sge sge;

	local = st_buf_new(&p->a, len + 1, off, DMA_BIDIRECTIONAL);
	target = st_buf_new(&p->b, len + 1, 3 * off + 1, DMA_BIDIRECTIONAL);
	if (!local || !target || st_advertise(p, target, &msg))
		return -EBADE;
	sge = st_sge(local, 0, len);

	st_buf_fill(local, ++t->seed);
	if (st_rdma(p, IB_WR_RDMA_WRITE, &sge, 1, be64_to_cpu(msg.addr),
		    be32_to_cpu(msg.rkey)) ||
	    st_buf_want(target, t->seed, len))
		return -EBADE;

	st_buf_fill(target, ++t->seed);
	st_buf_poison(local, ST_POISON);
	if (st_rdma(p, IB_WR_RDMA_READ, &sge, 1, be64_to_cpu(msg.addr),
		    be32_to_cpu(msg.rkey)) ||
	    st_buf_want(local, t->seed, len) ||
	    st_buf_want_at(target, 0, len + 1, t->seed, 0))
		return -EBADE;
	st_buf_free(local);
	st_buf_free(target);
	return 0;
}

static int st_rdma_lens(struct st_test *t, const struct st_opts *o,
			const u32 *len, int nr)
{
	struct st_pair *p = st_pair_open(t, o);
	int i, ret = p ? 0 : -EBADE;

	for (i = 0; i < nr && !ret; i++)
		ret = st_rdma_len(p, len[i], 7 * i);
	return ret;
}

static const u32 st_lens[] = {
	1, 2, 3, 4, 64, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097,
	8193, 65536, 100003,
};

static int case_rdma_sizes(struct st_test *t)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };

	return st_rdma_lens(t, &o, st_lens, ARRAY_SIZE(st_lens));
}

static int case_rdma_two_devices(struct st_test *t)
{
	struct st_opts o = {
		.pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY,
		.peer = true,
	};

	return st_rdma_lens(t, &o, st_lens, ARRAY_SIZE(st_lens));
}

static int case_rdma_1m(struct st_test *t)
{
	static const u32 len[] = { 1 << 20, (1 << 20) - 3 };
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };

	return st_rdma_lens(t, &o, len, ARRAY_SIZE(len));
}

/* Nothing is transferred, so address and R_Key are not looked at (C9-88). */
static int case_rdma_zero(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);

	if (!p)
		return -EBADE;
	if (st_rdma(p, IB_WR_RDMA_WRITE, NULL, 0, 0, 0) ||
	    st_rdma(p, IB_WR_RDMA_READ, NULL, 0, 0, 0) ||
	    st_rdma(p, IB_WR_RDMA_WRITE, NULL, 0, 0x1234, 0xdeadbeef))
		return -EBADE;
	return 0;
}

/* The SRP way in full: each entry of a mapped list is sent as a descriptor. */
static int case_rdma_sg_descriptors(struct st_test *t)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *local;
	struct ib_sge sge;
	struct st_sg *s;
	size_t pos = 0;
	int i;

	if (!p)
		return -EBADE;
	s = st_sg_new(&p->b, 50, 77, ST_SG_RAGGED, DMA_FROM_DEVICE);
	if (!s)
		return -EBADE;
	local = st_buf_new(&p->a, s->len, 11, DMA_TO_DEVICE);
	if (!local)
		return -EBADE;
	st_buf_fill(local, ++t->seed);
	for (i = 0; i < s->nents; i++) {
		sge = st_sge(local, pos, s->sge[i].length);
		if (st_rdma(p, IB_WR_RDMA_WRITE, &sge, 1, s->sge[i].addr,
			    p->b.pd->unsafe_global_rkey))
			return -EBADE;
		pos += s->sge[i].length;
	}
	return st_sg_want(s, 0, s->len, t->seed, 0);
}

static int case_rdma_gather_scatter(struct st_test *t)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY, .sge = 4 };
	struct st_pair *p = st_pair_open(t, &o);
	const u32 part = 2777;
	struct st_buf *local, *target;
	struct ib_sge sge[4];
	int i;

	if (!p)
		return -EBADE;
	local = st_buf_new(&p->a, 4 * part, 1, DMA_BIDIRECTIONAL);
	target = st_buf_new(&p->b, 4 * part, 2, DMA_BIDIRECTIONAL);
	if (!local || !target)
		return -EBADE;
	for (i = 0; i < 4; i++)
		sge[i] = st_sge(local, i * part, part);

	st_buf_fill(local, ++t->seed);
	if (st_rdma(p, IB_WR_RDMA_WRITE, sge, 4, target->addr,
		    p->b.pd->unsafe_global_rkey) ||
	    st_buf_want(target, t->seed, 4 * part))
		return -EBADE;
	st_buf_fill(target, ++t->seed);
	if (st_rdma(p, IB_WR_RDMA_READ, sge, 4, target->addr,
		    p->b.pd->unsafe_global_rkey))
		return -EBADE;
	return st_buf_want(local, t->seed, 4 * part);
}

static int st_write_imm(struct st_pair *p, struct st_buf *local,
			struct st_buf *target, u32 len)
{
	struct ib_sge sge = st_sge(local, 0, len);
	struct ib_rdma_wr wr = {
		.wr = {
			.wr_id = 2,
			.opcode = IB_WR_RDMA_WRITE_WITH_IMM,
			.sg_list = &sge,
			.num_sge = len ? 1 : 0,
			.send_flags = IB_SEND_SIGNALED,
			.ex.imm_data = cpu_to_be32(0xcafe0000 + len),
		},
		.remote_addr = target->addr,
		.rkey = p->b.pd->unsafe_global_rkey,
	};
	struct ib_wc wc;

	if (st_post_recv(&p->b, 1, NULL, 0) || st_post_wr(&p->a, &wr.wr) ||
	    st_want_sent(&p->a, 2, IB_WC_RDMA_WRITE) ||
	    st_want_received(&p->b, 1, len, &wc))
		return -EBADE;
	if (wc.opcode != IB_WC_RECV_RDMA_WITH_IMM ||
	    !(wc.wc_flags & IB_WC_WITH_IMM) ||
	    wc.ex.imm_data != wr.wr.ex.imm_data)
		return st_fail(p->a.t, "opcode %d flags %#x imm %#x", wc.opcode,
			       wc.wc_flags, be32_to_cpu(wc.ex.imm_data));
	return st_buf_want(target, p->a.t->seed, len);
}

/* It takes a receive, without touching the receive's memory. */
static int case_write_imm(struct st_test *t)
{
	static const u32 len[] = { 0, 1, 1024, 1025, 9000 };
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *local, *target;
	unsigned int i;

	if (!p)
		return -EBADE;
	local = st_buf_new(&p->a, 10000, 1, DMA_TO_DEVICE);
	target = st_buf_new(&p->b, 10000, 2, DMA_FROM_DEVICE);
	if (!local || !target)
		return -EBADE;
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		st_buf_fill(local, ++t->seed);
		st_buf_poison(target, ST_POISON);
		if (st_write_imm(p, local, target, len[i]))
			return -EBADE;
	}
	return 0;
}

/* A write before a send is there when the send has been received. */
static int case_write_then_send(struct st_test *t)
{
	struct st_opts o = {
		.pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY,
		.sig_on_demand = true,
	};
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *local, *target;
	struct ib_sge sge;
	int i;

	if (!p)
		return -EBADE;
	local = st_buf_new(&p->a, 20000, 1, DMA_TO_DEVICE);
	target = st_buf_new(&p->b, 20000, 2, DMA_FROM_DEVICE);
	if (!local || !target)
		return -EBADE;
	sge = st_sge(local, 0, 20000);
	for (i = 0; i < 50; i++) {
		st_buf_fill(local, ++t->seed);
		if (st_post_recv(&p->b, 1, NULL, 0) ||
		    st_post_rdma(&p->a, 2, IB_WR_RDMA_WRITE, &sge, 1,
				 target->addr, p->b.pd->unsafe_global_rkey,
				 0) ||
		    st_post_send(&p->a, 3, NULL, 0, IB_SEND_SIGNALED) ||
		    st_want_received(&p->b, 1, 0, NULL) ||
		    st_buf_want(target, t->seed, 20000) ||
		    st_want_sent(&p->a, 3, IB_WC_SEND))
			return -EBADE;
	}
	return 0;
}

/* A fenced send waits for the reads before it, whose data it sends. */
static int case_read_fence_send(struct st_test *t)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *bounce, *source, *dst;
	struct ib_sge sge;
	int i;

	if (!p)
		return -EBADE;
	bounce = st_buf_new(&p->a, 40000, 1, DMA_BIDIRECTIONAL);
	source = st_buf_new(&p->b, 40000, 2, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 40000, 3, DMA_FROM_DEVICE);
	if (!bounce || !source || !dst)
		return -EBADE;
	sge = st_sge(bounce, 0, 40000);
	for (i = 0; i < 20; i++) {
		st_buf_fill(source, ++t->seed);
		if (st_recv_buf(&p->b, 1, dst, 40000) ||
		    st_post_rdma(&p->a, 2, IB_WR_RDMA_READ, &sge, 1,
				 source->addr, p->b.pd->unsafe_global_rkey,
				 IB_SEND_SIGNALED) ||
		    st_post_send(&p->a, 3, &sge, 1,
				 IB_SEND_SIGNALED | IB_SEND_FENCE) ||
		    st_want_sent(&p->a, 2, IB_WC_RDMA_READ) ||
		    st_want_sent(&p->a, 3, IB_WC_SEND) ||
		    st_want_received(&p->b, 1, 40000, NULL) ||
		    st_buf_want(dst, t->seed, 40000))
			return -EBADE;
	}
	return 0;
}

#define ST_READS	24

/* More reads than may be in flight: the rest waits its turn, in order. */
static int case_read_many(struct st_test *t)
{
	struct st_opts o = {
		.pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY,
		.rd_atomic = 2,
	};
	struct st_pair *p = st_pair_open(t, &o);
	const u32 part = 5003;
	struct st_buf *local, *source;
	struct ib_sge sge;
	int i;

	if (!p)
		return -EBADE;
	local = st_buf_new(&p->a, ST_READS * part, 1, DMA_FROM_DEVICE);
	source = st_buf_new(&p->b, ST_READS * part, 2, DMA_TO_DEVICE);
	if (!local || !source)
		return -EBADE;
	st_buf_fill(source, ++t->seed);
	for (i = 0; i < ST_READS; i++) {
		sge = st_sge(local, i * part, part);
		if (st_post_rdma(&p->a, i, IB_WR_RDMA_READ, &sge, 1,
				 source->addr + i * part,
				 p->b.pd->unsafe_global_rkey,
				 IB_SEND_SIGNALED))
			return -EBADE;
	}
	for (i = 0; i < ST_READS; i++)
		if (st_want_sent(&p->a, i, IB_WC_RDMA_READ))
			return -EBADE;
	return st_buf_want(local, t->seed, local->len);
}

/* Sends, writes and reads in one queue complete in their order. */
static int case_rdma_mixed_order(struct st_test *t)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *local, *target;
	u32 rkey;
	struct ib_sge out, in;
	int i, round;

	if (!p)
		return -EBADE;
	local = st_buf_new(&p->a, 20000, 1, DMA_BIDIRECTIONAL);
	target = st_buf_new(&p->b, 20000, 2, DMA_BIDIRECTIONAL);
	if (!local || !target)
		return -EBADE;
	rkey = p->b.pd->unsafe_global_rkey;
	out = st_sge(local, 0, 10000);
	in = st_sge(local, 10000, 10000);
	for (round = 0; round < 20; round++) {
		st_buf_fill(local, ++t->seed);
		for (i = 0; i < 4; i++)
			if (st_post_recv(&p->b, i, NULL, 0) ||
			    st_post_rdma(&p->a, 10 * i, IB_WR_RDMA_WRITE, &out,
					 1, target->addr, rkey,
					 IB_SEND_SIGNALED) ||
			    st_post_rdma(&p->a, 10 * i + 1, IB_WR_RDMA_READ,
					 &in, 1, target->addr, rkey,
					 IB_SEND_SIGNALED) ||
			    st_post_send(&p->a, 10 * i + 2, NULL, 0,
					 IB_SEND_SIGNALED))
				return -EBADE;
		for (i = 0; i < 4; i++)
			if (st_want_sent(&p->a, 10 * i, IB_WC_RDMA_WRITE) ||
			    st_want_sent(&p->a, 10 * i + 1, IB_WC_RDMA_READ) ||
			    st_want_sent(&p->a, 10 * i + 2, IB_WC_SEND) ||
			    st_want_received(&p->b, i, 0, NULL))
				return -EBADE;
		/* What was read is what was written before it. */
		if (st_buf_want_at(target, 0, 10000, t->seed, 0) ||
		    st_buf_want_at(local, 10000, 10000, t->seed, 0))
			return -EBADE;
	}
	return 0;
}

static const struct st_case st_rdma_cases[] = {
	{ "rdma_sizes", case_rdma_sizes },
	{ "rdma_two_devices", case_rdma_two_devices, ST_PEER },
	{ "rdma_1m", case_rdma_1m },
	{ "rdma_zero", case_rdma_zero },
	{ "rdma_sg_descriptors", case_rdma_sg_descriptors },
	{ "rdma_gather_scatter", case_rdma_gather_scatter },
	{ "rdma_mixed_order", case_rdma_mixed_order },
	{ "write_imm", case_write_imm },
	{ "write_then_send", case_write_then_send },
	{ "read_fence_send", case_read_fence_send },
	{ "read_many", case_read_many },
};

ST_SUITE(st_rdma_suite, st_rdma_cases);
