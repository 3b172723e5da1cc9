// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: SEND and RECEIVE over RC: sizes, scatter/gather, immediate data,
 * inline data, signalling, order, receiver-not-ready and lost peers.
 */
#include <linux/kthread.h>
#include <linux/slab.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

/* Sends @len bytes from a to b and compares all of both buffers. */
static int st_send_len(struct st_pair *p, struct st_buf *src,
		       struct st_buf *dst, u32 len)
{
	struct ib_sge from = st_sge(src, 0, len);
	struct ib_sge to = st_sge(dst, 0, dst->len);
	int ret;

	st_buf_fill(src, ++p->a.t->seed);
	st_buf_poison(dst, ST_POISON);
	ret = st_transfer(&p->a, &from, 1, &p->b, &to, 1);
	ret = ret ?: st_buf_want(dst, p->a.t->seed, len);
	return ret ?: st_buf_want_at(src, 0, src->len, p->a.t->seed, 0);
}

static int st_send_lens(struct st_test *t, const struct st_opts *o,
			const u32 *len, int nr)
{
	struct st_pair *p = st_pair_open(t, o);
	struct st_buf *src, *dst;
	int i, ret = 0;

	if (!p)
		return -EBADE;
	for (i = 0; i < nr && !ret; i++) {
		src = st_buf_new(&p->a, len[i] + 1, 3 * i, DMA_TO_DEVICE);
		dst = st_buf_new(&p->b, len[i] + 1, 5 * i, DMA_FROM_DEVICE);
		if (!src || !dst)
			return -EBADE;
		ret = st_send_len(p, src, dst, len[i]);
		if (!ret) {
			st_buf_free(src);
			st_buf_free(dst);
		}
	}
	return ret;
}

static const u32 st_lens[] = {
	1, 2, 3, 4, 5, 63, 64, 65, 255, 256, 257, 1023, 1024, 1025, 2047, 2048,
	2049, 4095, 4096, 4097, 8192, 12289, 65535, 65536, 65537,
};

static int case_send_sizes(struct st_test *t)
{
	return st_send_lens(t, NULL, st_lens, ARRAY_SIZE(st_lens));
}

static int case_send_1m(struct st_test *t)
{
	static const u32 len[] = { 1 << 20, (1 << 20) - 1 };

	return st_send_lens(t, NULL, len, ARRAY_SIZE(len));
}

static int case_send_two_devices(struct st_test *t)
{
	struct st_opts o = { .peer = true };

	return st_send_lens(t, &o, st_lens, ARRAY_SIZE(st_lens));
}

/* No bytes at all: with no elements, and with an empty one. */
static int case_send_zero(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct ib_sge from, to;
	struct st_buf *src, *dst;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 64, 0, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 64, 0, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	from = st_sge(src, 0, 0);
	to = st_sge(dst, 0, 64);
	if (st_transfer(&p->a, NULL, 0, &p->b, NULL, 0) ||
	    st_transfer(&p->a, NULL, 0, &p->b, &to, 1) ||
	    st_transfer(&p->a, &from, 1, &p->b, &to, 1))
		return -EBADE;
	return st_buf_want_poison(dst, ST_POISON, 0);
}

/* Cuts @len bytes of a buffer into @n elements of unequal lengths. */
static void st_cut(const struct st_buf *b, u32 len, struct ib_sge *sge, int n)
{
	u32 at = 0, part;
	int i;

	for (i = 0; i < n; i++) {
		part = i + 1 < n ? (len - at) / (n - i + (i & 1)) : len - at;
		sge[i] = st_sge(b, at, part);
		at += part;
	}
}

static int case_send_gather_scatter(struct st_test *t)
{
	const u32 len = 20011;
	struct st_opts o = { .sge = 8 };
	struct st_pair *p = st_pair_open(t, &o);
	struct ib_sge from[8], to[8];
	struct st_buf *src, *dst;
	int i, j;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, len, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, len, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	for (i = 1; i <= 8; i++) {
		for (j = 1; j <= 8; j += 3) {
			st_buf_fill(src, ++t->seed);
			st_buf_poison(dst, ST_POISON);
			st_cut(src, len, from, i);
			st_cut(dst, len, to, j);
			if (st_transfer(&p->a, from, i, &p->b, to, j) ||
			    st_buf_want(dst, t->seed, len))
				return -EBADE;
		}
	}
	return 0;
}

static int case_send_imm(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src, *dst;
	struct ib_send_wr wr = {
		.wr_id = 2,
		.opcode = IB_WR_SEND_WITH_IMM,
		.num_sge = 1,
		.send_flags = IB_SEND_SIGNALED,
		.ex.imm_data = cpu_to_be32(0xfeedc0de),
	};
	struct ib_sge sge;
	struct ib_wc wc;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 777, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 1000, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	sge = st_sge(src, 0, 777);
	wr.sg_list = &sge;
	if (st_recv_buf(&p->b, 1, dst, 1000) || st_post_wr(&p->a, &wr) ||
	    st_want_sent(&p->a, 2, IB_WC_SEND) ||
	    st_want_received(&p->b, 1, 777, &wc))
		return -EBADE;
	if (wc.opcode != IB_WC_RECV || !(wc.wc_flags & IB_WC_WITH_IMM) ||
	    wc.ex.imm_data != wr.ex.imm_data)
		return st_fail(t, "opcode %d flags %#x imm %#x", wc.opcode,
			       wc.wc_flags, be32_to_cpu(wc.ex.imm_data));
	return st_buf_want(dst, t->seed, 777);
}

/*
 * Inline data is read while it is posted and from a pointer, not from a device
 * address: see SMC-R and what drivers of hardware do. So memory that was never
 * mapped does, and may change at once.
 */
static int case_send_inline(struct st_test *t)
{
	struct st_opts o = { .inline_size = 128, .sge = 2 };
	struct st_pair *p = st_pair_open(t, &o);
	struct ib_sge sge[2] = {};
	struct st_buf *dst;
	int ret = -EBADE;
	u32 len;
	u8 *mem;

	if (!p)
		return -EBADE;
	dst = st_buf_new(&p->b, 200, 2, DMA_FROM_DEVICE);
	mem = kmalloc(128, GFP_KERNEL);
	if (!dst || !mem)
		goto out;
	for (len = 1; len <= 128; len += len > 60 ? 1 : 13) {
		st_pattern_fill(mem, len, ++t->seed, 0);
		st_buf_poison(dst, ST_POISON);
		sge[0].addr = (uintptr_t)mem;
		sge[0].length = len / 3;
		sge[1].addr = (uintptr_t)mem + len / 3;
		sge[1].length = len - len / 3;
		if (st_recv_buf(&p->b, 1, dst, 200) ||
		    st_post_send(&p->a, 2, sge, 2,
				 IB_SEND_SIGNALED | IB_SEND_INLINE))
			goto out;
		memset(mem, 0xee, 128);
		if (st_want_sent(&p->a, 2, IB_WC_SEND) ||
		    st_want_received(&p->b, 1, len, NULL) ||
		    st_buf_want(dst, t->seed, len))
			goto out;
	}
	ret = 0;
out:
	kfree(mem);
	return ret;
}

/* An unsignalled send completes without a completion, and frees its slot. */
static int case_send_unsignalled(struct st_test *t)
{
	struct st_opts o = { .sig_on_demand = true, .send_wr = 8 };
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *src, *dst;
	struct ib_sge sge;
	int i;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 100, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 100, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	sge = st_sge(src, 0, 100);
	for (i = 1; i <= 40; i++) {
		st_buf_fill(src, ++t->seed);
		if (st_recv_buf(&p->b, i, dst, 100) ||
		    st_post_send(&p->a, i, &sge, 1,
				 i % 4 ? 0 : IB_SEND_SIGNALED) ||
		    st_want_received(&p->b, i, 100, NULL) ||
		    st_buf_want(dst, t->seed, 100))
			return -EBADE;
		/* Completions come for those that asked for one, only. */
		if (i % 4 == 0 && st_want_sent(&p->a, i, IB_WC_SEND))
			return -EBADE;
	}
	return st_want_quiet(&p->a, p->a.scq);
}

#define ST_DEEP	32

/* Full queues on both sides; everything completes in the order of posting. */
static int case_send_order(struct st_test *t)
{
	struct st_opts o = { .send_wr = ST_DEEP, .recv_wr = ST_DEEP };
	struct st_pair *p = st_pair_open(t, &o);
	const u32 part = 3000;
	struct st_buf *src, *dst;
	struct ib_sge sge;
	int i, round;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, ST_DEEP * part, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, ST_DEEP * part, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	for (round = 0; round < 4; round++) {
		st_buf_fill(src, ++t->seed);
		st_buf_poison(dst, ST_POISON);
		for (i = 0; i < ST_DEEP; i++) {
			sge = st_sge(dst, i * part, part);
			if (st_post_recv(&p->b, 100 + i, &sge, 1))
				return -EBADE;
		}
		for (i = 0; i < ST_DEEP; i++) {
			sge = st_sge(src, i * part, part);
			if (st_post_send(&p->a, 200 + i, &sge, 1,
					 IB_SEND_SIGNALED))
				return -EBADE;
		}
		for (i = 0; i < ST_DEEP; i++)
			if (st_want_sent(&p->a, 200 + i, IB_WC_SEND) ||
			    st_want_received(&p->b, 100 + i, part, NULL))
				return -EBADE;
		if (st_buf_want(dst, t->seed, dst->len))
			return -EBADE;
	}
	return 0;
}

/* Several work requests in one post, on either side. */
static int case_send_chain(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct ib_sge from[3], to[3];
	struct ib_recv_wr rwr[3];
	struct ib_send_wr swr[3];
	struct st_buf *src, *dst;
	int i;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 3000, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 3000, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	for (i = 0; i < 3; i++) {
		from[i] = st_sge(src, i * 1000, 1000);
		to[i] = st_sge(dst, i * 1000, 1000);
		rwr[i] = (struct ib_recv_wr) {
			.next = i < 2 ? &rwr[i + 1] : NULL,
			.wr_id = 10 + i,
			.sg_list = &to[i],
			.num_sge = 1,
		};
		swr[i] = (struct ib_send_wr) {
			.next = i < 2 ? &swr[i + 1] : NULL,
			.wr_id = 20 + i,
			.opcode = IB_WR_SEND,
			.sg_list = &from[i],
			.num_sge = 1,
			.send_flags = IB_SEND_SIGNALED,
		};
	}
	if (st_verb_recv(p->b.qp, rwr, NULL) || st_post_wr(&p->a, swr))
		return st_fail(t, "post of a list failed");
	for (i = 0; i < 3; i++)
		if (st_want_sent(&p->a, 20 + i, IB_WC_SEND) ||
		    st_want_received(&p->b, 10 + i, 1000, NULL))
			return -EBADE;
	return st_buf_want(dst, t->seed, 3000);
}

/* Both directions at once. */
static int case_send_both_ways(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *a_out, *a_in, *b_out, *b_in;
	const u32 len = 30000;
	int i;

	if (!p)
		return -EBADE;
	a_out = st_buf_new(&p->a, len, 1, DMA_TO_DEVICE);
	a_in = st_buf_new(&p->a, len, 2, DMA_FROM_DEVICE);
	b_out = st_buf_new(&p->b, len, 3, DMA_TO_DEVICE);
	b_in = st_buf_new(&p->b, len, 4, DMA_FROM_DEVICE);
	if (!a_out || !a_in || !b_out || !b_in)
		return -EBADE;
	for (i = 0; i < 20; i++) {
		st_buf_fill(a_out, ++t->seed);
		st_buf_fill(b_out, ++t->seed);
		if (st_recv_buf(&p->a, 1, a_in, len) ||
		    st_recv_buf(&p->b, 2, b_in, len) ||
		    st_send_buf(&p->a, 3, a_out, len) ||
		    st_send_buf(&p->b, 4, b_out, len) ||
		    st_want_sent(&p->a, 3, IB_WC_SEND) ||
		    st_want_sent(&p->b, 4, IB_WC_SEND) ||
		    st_want_received(&p->a, 1, len, NULL) ||
		    st_want_received(&p->b, 2, len, NULL) ||
		    st_buf_want(b_in, t->seed - 1, len) ||
		    st_buf_want(a_in, t->seed, len))
			return -EBADE;
	}
	return 0;
}

/* A QP whose peer it is itself. */
static int case_send_to_self(struct st_test *t)
{
	struct st_opts o = { .unconnected = true };
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *src, *dst;
	struct ib_sge from, to;
	int i;

	if (!p || st_connect_to(&p->a, p->a.qp->qp_num))
		return -EBADE;
	src = st_buf_new(&p->a, 70000, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->a, 70000, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	for (i = 0; i < 10; i++) {
		st_buf_fill(src, ++t->seed);
		from = st_sge(src, 0, src->len);
		to = st_sge(dst, 0, dst->len);
		if (st_transfer(&p->a, &from, 1, &p->a, &to, 1) ||
		    st_buf_want(dst, t->seed, dst->len))
			return -EBADE;
	}
	return 0;
}

#define ST_THREADS	6

struct st_pingpong {
	struct st_pair *p;
	struct st_buf *src;
	struct st_buf *dst;
	u32 seed;
	struct completion done;
};

static int st_pingpong(void *arg)
{
	struct st_pingpong *pp = arg;
	struct st_pair *p = pp->p;
	struct ib_sge from = st_sge(pp->src, 0, pp->src->len);
	struct ib_sge to = st_sge(pp->dst, 0, pp->dst->len);
	int i;

	for (i = 0; i < 100; i++) {
		st_buf_fill(pp->src, ++pp->seed);
		if (st_transfer(&p->a, &from, 1, &p->b, &to, 1) ||
		    st_buf_want(pp->dst, pp->seed, pp->dst->len))
			break;
	}
	kthread_complete_and_exit(&pp->done, 0);
}

/* QPs on several CPUs at once. */
static int case_send_parallel(struct st_test *t)
{
	struct st_pingpong *pp;
	struct task_struct *task;
	int i, n = 0;

	pp = kcalloc(ST_THREADS, sizeof(*pp), GFP_KERNEL);
	if (!pp)
		return st_fail(t, "no memory");
	for (i = 0; i < ST_THREADS; i++) {
		pp[i].p = st_pair_open(t, NULL);
		if (!pp[i].p)
			goto out;
		pp[i].src = st_buf_new(&pp[i].p->a, 5000 + i, i,
				       DMA_TO_DEVICE);
		pp[i].dst = st_buf_new(&pp[i].p->b, 5000 + i, 7 * i,
				       DMA_FROM_DEVICE);
		if (!pp[i].src || !pp[i].dst)
			goto out;
		pp[i].seed = t->seed + 1000 * i;
		init_completion(&pp[i].done);
	}
	for (n = 0; n < ST_THREADS; n++) {
		task = kthread_run(st_pingpong, &pp[n], "selftest/%d", n);
		if (IS_ERR(task)) {
			st_fail(t, "no thread");
			break;
		}
	}
out:
	/* Each of its waits has an end. */
	for (i = 0; i < n; i++)
		wait_for_completion(&pp[i].done);
	kfree(pp);
	return atomic_read(&t->failed) ? -EBADE : 0;
}

/* No receive is there yet: the sender waits for one. */
static int case_rnr_late_receive(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src, *dst;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 5000, 1, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, 5000, 2, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	if (st_send_buf(&p->a, 2, src, 5000) ||
	    st_want_quiet(&p->a, p->a.scq) ||
	    st_buf_want_poison(dst, ST_POISON, 0) ||
	    st_recv_buf(&p->b, 1, dst, 5000) ||
	    st_want_sent(&p->a, 2, IB_WC_SEND) ||
	    st_want_received(&p->b, 1, 5000, NULL))
		return -EBADE;
	return st_buf_want(dst, t->seed, 5000);
}

static int case_rnr_retries_exceeded(struct st_test *t)
{
	struct st_opts o = { .rnr_retries = 2 };
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *src;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 100, 1, DMA_TO_DEVICE);
	if (!src)
		return -EBADE;
	if (st_send_buf(&p->a, 2, src, 100) ||
	    st_send_buf(&p->a, 3, src, 100) ||
	    st_want_wc(&p->a, p->a.scq, 2, IB_WC_RNR_RETRY_EXC_ERR, NULL))
		return -EBADE;
	return st_want_wc(&p->a, p->a.scq, 3, IB_WC_WR_FLUSH_ERR, NULL);
}

/* Sends to a peer that does not answer. */
static int st_send_to_nobody(struct st_pair *p)
{
	struct st_buf *src;

	src = st_buf_new(&p->a, 100, 1, DMA_TO_DEVICE);
	if (!src)
		return -EBADE;
	if (st_send_buf(&p->a, 2, src, 100) ||
	    st_send_buf(&p->a, 3, src, 100) ||
	    st_want_wc(&p->a, p->a.scq, 2, IB_WC_RETRY_EXC_ERR, NULL))
		return -EBADE;
	return st_want_wc(&p->a, p->a.scq, 3, IB_WC_WR_FLUSH_ERR, NULL);
}

static const struct st_opts st_impatient = {
	.timeout = 12,	/* 17 ms */
	.retries = 2,
};

static int case_peer_destroyed(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, &st_impatient);

	if (!p)
		return -EBADE;
	st_destroy_qp(&p->b);
	return st_send_to_nobody(p);
}

static int case_peer_in_error(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, &st_impatient);

	if (!p || st_modify_state(&p->b, IB_QPS_ERR))
		return -EBADE;
	return st_send_to_nobody(p);
}

static int case_peer_in_reset(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, &st_impatient);

	if (!p || st_modify_state(&p->b, IB_QPS_RESET))
		return -EBADE;
	return st_send_to_nobody(p);
}

static const struct st_case st_sendrecv_cases[] = {
	{ "send_sizes", case_send_sizes },
	{ "send_1m", case_send_1m },
	{ "send_two_devices", case_send_two_devices, ST_PEER },
	{ "send_zero", case_send_zero },
	{ "send_gather_scatter", case_send_gather_scatter },
	{ "send_imm", case_send_imm },
	{ "send_inline", case_send_inline },
	{ "send_unsignalled", case_send_unsignalled },
	{ "send_order", case_send_order },
	{ "send_chain", case_send_chain },
	{ "send_both_ways", case_send_both_ways },
	{ "send_to_self", case_send_to_self },
	{ "send_parallel", case_send_parallel },
	{ "rnr_late_receive", case_rnr_late_receive },
	{ "rnr_retries_exceeded", case_rnr_retries_exceeded },
	{ "peer_destroyed", case_peer_destroyed },
	{ "peer_in_error", case_peer_in_error },
	{ "peer_in_reset", case_peer_in_reset },
};

ST_SUITE(st_sendrecv_suite, st_sendrecv_cases);
