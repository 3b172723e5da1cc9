// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: atomic operations through fast registrations. The global R_Key grants
 * none. What is done to memory is the processor's own operation, so the
 * processor may take part.
 */
#include <linux/atomic.h>
#include <linux/scatterlist.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_ACCESS_ATOMIC (IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_ATOMIC)
#define ST_WORD		64	/* the word's offset in the region */
#define ST_LEN		1024

/* Not in the headers of each kernel: IB_WR_, IB_WC_, IB_DEVICE_ATOMIC_WRITE. */
#define ST_WR_ATOMIC_WRITE ((enum ib_wr_opcode)15)
#define ST_WC_ATOMIC_WRITE ((enum ib_wc_opcode)9)
#define ST_CAP_ATOMIC_WRITE BIT_ULL(40)

/**
 * struct st_atomic - a word of b's, and room for answers of a's
 * @p: the pair
 * @m: b's registered region
 * @mem: its memory, full of ST_POISON
 * @answer: a's buffer, likewise
 * @word: what the operations are for, in @mem
 * @wr: a fetch and add of 0 that is right, to be changed
 * @sge: of @wr: the answer's first 8 bytes
 */
struct st_atomic {
	struct st_pair *p;
	struct st_mr *m;
	struct st_buf *mem;
	struct st_buf *answer;
	atomic64_t *word;
	struct ib_atomic_wr wr;
	struct ib_sge sge;
};

static int st_atomic_reg(struct st_atomic *a, int access)
{
	struct scatterlist sg;

	sg_init_one(&sg, a->mem->data, a->mem->len);
	sg_dma_address(&sg) = a->mem->addr;
	sg_dma_len(&sg) = a->mem->len;
	if (ib_map_mr_sg(a->m->mr, &sg, 1, NULL, PAGE_SIZE) != 1)
		return st_fail(a->p->a.t, "map_mr_sg failed");
	return st_post_reg(&a->p->b, 0xf1, a->m->mr, access) ?:
	       st_want_sent(&a->p->b, 0xf1, IB_WC_REG_MR);
}

static void st_atomic_good(struct st_atomic *a)
{
	a->sge = st_sge(a->answer, 0, 8);
	a->wr = (struct ib_atomic_wr) {
		.wr = {
			.wr_id = 1,
			.opcode = IB_WR_ATOMIC_FETCH_AND_ADD,
			.sg_list = &a->sge,
			.num_sge = 1,
			.send_flags = IB_SEND_SIGNALED,
		},
		.remote_addr = a->m->mr->iova + ST_WORD,
		.rkey = a->m->mr->rkey,
	};
}

static int st_atomic_open(struct st_test *t, struct st_atomic *a,
			  const struct st_opts *o, int access,
			  enum dma_data_direction dir)
{
	memset(a, 0, sizeof(*a));
	a->p = st_pair_open(t, o);
	if (!a->p)
		return -EBADE;
	if (!(a->p->a.dev->attrs.atomic_cap))
		return st_skip(t, "the device has no atomics");
	a->m = st_mr_alloc(&a->p->b, 1);
	a->mem = st_buf_new(&a->p->b, ST_LEN, 256, dir);
	a->answer = st_buf_new(&a->p->a, 64, 512, DMA_FROM_DEVICE);
	if (!a->m || !a->mem || !a->answer)
		return -EBADE;
	a->word = (atomic64_t *)(a->mem->data + ST_WORD);
	if (st_atomic_reg(a, access))
		return -EBADE;
	st_atomic_good(a);
	return 0;
}

/* One operation, what it finds and what it leaves. */
static int st_atomic_do(struct st_atomic *a, enum ib_wr_opcode opcode,
			u64 compare_add, u64 swap, u64 was, u64 is)
{
	bool add = opcode == IB_WR_ATOMIC_FETCH_AND_ADD;
	struct st_end *e = &a->p->a;
	struct ib_wc wc;
	u64 got;

	st_buf_poison(a->answer, ST_POISON);
	a->wr.wr.opcode = opcode;
	a->wr.compare_add = compare_add;
	a->wr.swap = swap;
	if (st_post_wr(e, &a->wr.wr) ||
	    st_want_wc(e, e->scq, 1, IB_WC_SUCCESS, &wc))
		return -EBADE;
	if (wc.opcode != (add ? IB_WC_FETCH_ADD : IB_WC_COMP_SWAP))
		return st_fail(e->t, "completion opcode %d", wc.opcode);
	if (wc.byte_len != 8 && !st_driver_is(e->dev, "rdma_rxe"))
		return st_fail(e->t, "byte_len %u", wc.byte_len);
	got = *(u64 *)a->answer->data;
	if (got != was)
		return st_fail(e->t, "found %#llx, not %#llx", got, was);
	got = atomic64_read(a->word);
	if (got != is)
		return st_fail(e->t, "left %#llx, not %#llx", got, is);
	return st_buf_want_poison(a->answer, ST_POISON, 8);
}

static int st_atomic_values(struct st_test *t, const struct st_opts *o)
{
	const u64 big = 0xfedcba9876543210ULL;
	struct st_atomic a;
	int ret;

	ret = st_atomic_open(t, &a, o, ST_ACCESS_ATOMIC, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	atomic64_set(a.word, big);
	if (st_atomic_do(&a, IB_WR_ATOMIC_FETCH_AND_ADD, 16, 0, big,
			 big + 16) ||
	    st_atomic_do(&a, IB_WR_ATOMIC_FETCH_AND_ADD, -17ULL, 5, big + 16,
			 big - 1) ||
	    st_atomic_do(&a, IB_WR_ATOMIC_CMP_AND_SWP, big - 1, 7, big - 1,
			 7) ||
	    st_atomic_do(&a, IB_WR_ATOMIC_CMP_AND_SWP, big, 9, 7, 7) ||
	    st_atomic_do(&a, IB_WR_ATOMIC_CMP_AND_SWP, 7 | BIT_ULL(40), 9, 7,
			 7))
		return -EBADE;
	/* nothing but the word */
	atomic64_set(a.word, 0x5a5a5a5a5a5a5a5aULL);
	return st_buf_want_poison(a.mem, ST_POISON, 0);
}

static int case_atomic_values(struct st_test *t)
{
	return st_atomic_values(t, NULL);
}

static int case_atomic_two_devices(struct st_test *t)
{
	struct st_opts o = { .peer = true };

	return st_atomic_values(t, &o);
}

/* The processor adds as well, while a full queue of them is executed. */
static int case_atomic_sum(struct st_test *t)
{
	enum { BATCH = 30, ROUNDS = 40 };
	struct st_opts o = { .sig_on_demand = true };
	struct st_atomic a;
	int i, round, ret;
	u64 want;

	ret = st_atomic_open(t, &a, &o, ST_ACCESS_ATOMIC, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	atomic64_set(a.word, 0);
	a.wr.compare_add = 1;
	for (round = 0; round < ROUNDS; round++) {
		for (i = 1; i <= BATCH; i++) {
			a.wr.wr.send_flags = i < BATCH ? 0 : IB_SEND_SIGNALED;
			if (st_post_wr(&a.p->a, &a.wr.wr))
				return -EBADE;
			atomic64_add(BIT_ULL(32), a.word);
		}
		if (st_want_sent(&a.p->a, 1, IB_WC_FETCH_ADD))
			return -EBADE;
	}
	want = BATCH * ROUNDS * (BIT_ULL(32) + 1);
	if (atomic64_read(a.word) != want)
		return st_fail(t, "the sum is %#llx, not %#llx",
			       (u64)atomic64_read(a.word), want);
	return 0;
}

static int case_atomic_write(struct st_test *t)
{
	struct st_atomic a;
	struct st_buf *src;
	struct ib_sge sge;
	int ret;

	ret = st_atomic_open(t, &a, NULL, IB_ACCESS_LOCAL_WRITE |
			     IB_ACCESS_REMOTE_WRITE, DMA_FROM_DEVICE);
	if (ret)
		return ret;
	if (!(a.p->a.dev->attrs.device_cap_flags & ST_CAP_ATOMIC_WRITE))
		return st_skip(t, "the device has no atomic write");
	src = st_buf_new(&a.p->a, 8, 3, DMA_TO_DEVICE);
	if (!src)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	sge = st_sge(src, 0, 8);
	if (st_post_rdma(&a.p->a, 2, ST_WR_ATOMIC_WRITE, &sge, 1,
			 a.m->mr->iova + ST_WORD, a.m->mr->rkey,
			 IB_SEND_SIGNALED) ||
	    st_want_sent(&a.p->a, 2, ST_WC_ATOMIC_WRITE) ||
	    st_buf_want_at(a.mem, ST_WORD, 8, t->seed, 0))
		return -EBADE;
	return 0;
}

/* Posted as @a has it, it must fail so, with nothing touched. */
static int st_atomic_refused(struct st_atomic *a, enum ib_wc_status status)
{
	static const enum ib_wr_opcode opcodes[] = {
		IB_WR_ATOMIC_FETCH_AND_ADD, IB_WR_ATOMIC_CMP_AND_SWP,
	};
	struct st_end *e = &a->p->a;
	int i;

	st_buf_poison(a->answer, ST_POISON);
	a->wr.compare_add = 1;
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		a->wr.wr.opcode = opcodes[i];
		if (st_post_wr(e, &a->wr.wr) ||
		    st_want_wc(e, e->scq, 1, status, NULL))
			return -EBADE;
		if (status == IB_WC_REM_ACCESS_ERR &&
		    !st_driver_is(e->dev, "rdma_rxe") &&
		    st_want_event(&a->p->b, IB_EVENT_QP_ACCESS_ERR))
			return -EBADE;
		if (status == IB_WC_REM_INV_REQ_ERR &&
		    !st_driver_is(e->dev, "rdma_rxe") &&
		    st_want_event(&a->p->b, IB_EVENT_QP_REQ_ERR))
			return -EBADE;
		if (st_buf_want_poison(a->mem, ST_POISON, 0) ||
		    st_buf_want_poison(a->answer, ST_POISON, 0) ||
		    st_pair_reconnect(a->p))
			return -EBADE;
	}
	st_atomic_good(a);
	return 0;
}

static int case_atomic_refused_key(struct st_test *t)
{
	struct st_atomic a;
	int ret;

	ret = st_atomic_open(t, &a, NULL, ST_ACCESS_ATOMIC, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	a.wr.rkey ^= 1;
	ret = st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
	a.wr.rkey = a.p->b.pd->local_dma_lkey;
	ret = ret ?: st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
	a.wr.remote_addr = a.m->mr->iova + ST_LEN;
	ret = ret ?: st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
	a.wr.remote_addr = a.m->mr->iova - 8;
	ret = ret ?: st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
	if (ret || st_post_inv(&a.p->b, 5, a.m->mr->rkey) ||
	    st_want_sent(&a.p->b, 5, IB_WC_LOCAL_INV))
		return -EBADE;
	return st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
}

static int case_atomic_refused_access(struct st_test *t)
{
	struct st_atomic a;
	int ret;

	ret = st_atomic_open(t, &a, NULL, IB_ACCESS_LOCAL_WRITE |
			     IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_READ,
			     DMA_BIDIRECTIONAL);
	return ret ?: st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
}

/* The core's global key has no atomic access. */
static int case_atomic_refused_global_key(struct st_test *t)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };
	struct st_atomic a;
	int ret;

	ret = st_atomic_open(t, &a, &o, ST_ACCESS_ATOMIC, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	a.wr.rkey = a.p->b.pd->unsafe_global_rkey;
	a.wr.remote_addr = a.mem->addr + ST_WORD;
	return st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
}

static int case_atomic_refused_qp(struct st_test *t)
{
	struct st_opts o = { .no_remote = true };
	struct st_atomic a;
	int ret;

	ret = st_atomic_open(t, &a, &o, ST_ACCESS_ATOMIC, DMA_BIDIRECTIONAL);
	return ret ?: st_atomic_refused(&a, IB_WC_REM_INV_REQ_ERR);
}

/* Neither the address nor the place may be odd (IBTA 9.4.5). */
static int case_atomic_refused_place(struct st_test *t)
{
	struct st_atomic a;
	u64 i;
	int ret;

	ret = st_atomic_open(t, &a, NULL, ST_ACCESS_ATOMIC, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	for (i = 1; i < 8; i <<= 1) {
		a.wr.remote_addr += i;
		if (st_atomic_refused(&a, IB_WC_REM_INV_REQ_ERR))
			return -EBADE;
	}
	return 0;
}

static int case_atomic_refused_answer(struct st_test *t)
{
	struct st_atomic a;
	int ret;

	ret = st_atomic_open(t, &a, NULL, ST_ACCESS_ATOMIC, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	a.sge.length = 7;
	ret = st_atomic_refused(&a, IB_WC_LOC_LEN_ERR);
	a.wr.wr.num_sge = 0;
	ret = ret ?: st_atomic_refused(&a, IB_WC_LOC_LEN_ERR);
	a.sge.lkey ^= 1;
	return ret ?: st_atomic_refused(&a, IB_WC_LOC_PROT_ERR);
}

/* Memory that the region names and that is not mapped so: not at all, one way. */
static int case_atomic_refused_mapping(struct st_test *t)
{
	static const enum dma_data_direction dirs[] = {
		DMA_FROM_DEVICE, DMA_TO_DEVICE,
	};
	struct st_atomic a;
	int i, ret;

	for (i = 0; i < ARRAY_SIZE(dirs); i++) {
		ret = st_atomic_open(t, &a, NULL, ST_ACCESS_ATOMIC, dirs[i]);
		ret = ret ?: st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
		if (ret)
			return ret;
	}
	st_buf_unmap(a.mem);
	return st_atomic_refused(&a, IB_WC_REM_ACCESS_ERR);
}

/* What a post refuses by itself. */
static int case_atomic_refused_post(struct st_test *t)
{
	static const enum ib_wr_opcode opcodes[] = {
		IB_WR_MASKED_ATOMIC_CMP_AND_SWP,
		IB_WR_MASKED_ATOMIC_FETCH_AND_ADD, IB_WR_BIND_MW,
	};
	struct st_opts o = { .inline_size = 64 };
	struct st_atomic a;
	int i, ret;

	ret = st_atomic_open(t, &a, &o, ST_ACCESS_ATOMIC, DMA_BIDIRECTIONAL);
	if (ret)
		return ret;
	a.wr.wr.send_flags |= IB_SEND_INLINE;
	ret = st_verb_send(a.p->a.qp, &a.wr.wr, NULL);
	if (ret != -EINVAL)
		return st_fail(t, "an inline atomic: %d", ret);
	a.wr.wr.send_flags &= ~IB_SEND_INLINE;
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		a.wr.wr.opcode = opcodes[i];
		ret = st_verb_send(a.p->a.qp, &a.wr.wr, NULL);
		if (ret != -EINVAL)
			return st_fail(t, "opcode %d: %d", opcodes[i], ret);
	}
	return st_want_quiet(&a.p->a, a.p->a.scq);
}

#define ST_RXE_POST	"known deviation of rdma_rxe: refuses at the post what " \
			"hardware completes with an error, and the other way round"
#define ST_RXE_KEY	"known deviation of rdma_rxe: reports errors of keys as " \
			"others"

static const struct st_case st_atomic_cases[] = {
	{ "atomic_values", case_atomic_values },
	{ "atomic_two_devices", case_atomic_two_devices, ST_PEER },
	{ "atomic_sum", case_atomic_sum, 0,
	  "known deviation of rdma_rxe: its atomics are not the processor's" },
	{ "atomic_write", case_atomic_write, 0, ST_RXE_POST },
	{ "atomic_refused_key", case_atomic_refused_key, 0, ST_RXE_KEY },
	{ "atomic_refused_access", case_atomic_refused_access },
	{ "atomic_refused_global_key", case_atomic_refused_global_key },
	{ "atomic_refused_qp", case_atomic_refused_qp },
	{ "atomic_refused_place", case_atomic_refused_place, 0, ST_RXE_POST },
	{ "atomic_refused_answer", case_atomic_refused_answer, 0, ST_RXE_POST },
	{ "atomic_refused_mapping", case_atomic_refused_mapping,
	  ST_CHECKED | ST_FAULTS },
	{ "atomic_refused_post", case_atomic_refused_post, 0, ST_RXE_POST },
};

ST_SUITE(st_atomic_suite, st_atomic_cases);
