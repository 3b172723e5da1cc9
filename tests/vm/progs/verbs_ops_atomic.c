// SPDX-License-Identifier: GPL-2.0
/*
 * Atomic operations: values and completions, and that they are atomic: against
 * each other over several connections and devices, and against the processor's.
 * Atomic write and flush where the device has them. How they are refused is
 * verbs_errors_ops.c's.
 */
#include "verbs_ops.h"

#include <pthread.h>

enum { AT = 4096 + 64 };

static void capabilities(void)
{
	struct device *dev = device_of(0);

	EXPECT_EQ(dev->attr.atomic_cap, IBV_ATOMIC_GLOB);
	EXPECT(dev->attr.max_qp_rd_atom > 0);
	EXPECT(dev->attr.max_qp_init_rd_atom > 0);
	/* nothing here can say whether memory is persistent */
	EXPECT(!(device_caps(dev) & CAP_FLUSH_PERSISTENT));
}

static void open_words(struct pair *p)
{
	struct options opt = ops_options();

	pair_open(p, &opt);
}

/* One of a's on b's word, and the value that came back. */
static uint64_t atomic(struct pair *p, enum ibv_wr_opcode opcode,
		       uint64_t compare_add, uint64_t swap)
{
	struct ibv_sge sge = sge_of(&p->a, 8, 8);
	struct ibv_wc wc;

	*word_of(&p->a, 0) = *word_of(&p->a, 16) = 0x3333333333333333;
	EXPECT_EQ(post_atomic(&p->a, 1, opcode, &sge, 1, addr_of(&p->b, AT),
			      p->b.mr->rkey, compare_add, swap), 0);
	EXPECT_WC_AS(p->a.scq, 1, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, opcode == IBV_WR_ATOMIC_FETCH_AND_ADD ?
		  IBV_WC_FETCH_ADD : IBV_WC_COMP_SWAP);
	EXPECT_EQ(wc.byte_len, 8);
	EXPECT_EQ(*word_of(&p->a, 0), 0x3333333333333333);
	EXPECT_EQ(*word_of(&p->a, 16), 0x3333333333333333);
	return *word_of(&p->a, 8);
}

static void values(void)
{
	const uint64_t big = 0xfedcba9876543210;
	uint64_t *word;
	struct pair p;

	open_words(&p);
	word = word_of(&p.b, AT);
	word[-1] = word[1] = 0x4444444444444444;
	*word = big;
	EXPECT_EQ(atomic(&p, IBV_WR_ATOMIC_FETCH_AND_ADD, 0x10, 99), big);
	EXPECT_EQ(*word, big + 0x10);
	EXPECT_EQ(atomic(&p, IBV_WR_ATOMIC_FETCH_AND_ADD, -0x20ull, 0),
		  big + 0x10);
	EXPECT_EQ(*word, big - 0x10);
	*word = UINT64_MAX;
	EXPECT_EQ(atomic(&p, IBV_WR_ATOMIC_FETCH_AND_ADD, 3, 0), UINT64_MAX);
	EXPECT_EQ(*word, 2);

	EXPECT_EQ(atomic(&p, IBV_WR_ATOMIC_CMP_AND_SWP, 2, big), 2);
	EXPECT_EQ(*word, big);
	EXPECT_EQ(atomic(&p, IBV_WR_ATOMIC_CMP_AND_SWP, 2, 7), big);
	EXPECT_EQ(*word, big);
	/* all 64 bits are compared */
	EXPECT_EQ(atomic(&p, IBV_WR_ATOMIC_CMP_AND_SWP, big & 0xffffffff, 7),
		  big);
	EXPECT_EQ(*word, big);
	EXPECT_EQ(word[-1], 0x4444444444444444);
	EXPECT_EQ(word[1], 0x4444444444444444);
	pair_close(&p);
}

/* The answer in parts, and with more room than it needs. */
static void answers(void)
{
	struct ibv_sge sge[2];
	struct ibv_wc wc;
	struct pair p;

	open_words(&p);
	*word_of(&p.b, AT) = 0x1122334455667788;
	memset(p.a.buf, 0, 64);
	sge[0] = sge_of(&p.a, 3, 5);
	sge[1] = sge_of(&p.a, 40, 3);
	EXPECT_EQ(post_atomic(&p.a, 1, IBV_WR_ATOMIC_FETCH_AND_ADD, sge, 2,
			      addr_of(&p.b, AT), p.b.mr->rkey, 1, 0), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT(!memcmp(p.a.buf + 3, "\x88\x77\x66\x55\x44", 5));
	EXPECT(!memcmp(p.a.buf + 40, "\x33\x22\x11\0", 4));
	EXPECT_EQ(p.a.buf[8], 0);

	memset(p.a.buf, 0, 64);
	sge[0] = sge_of(&p.a, 8, 24);
	EXPECT_EQ(post_atomic(&p.a, 2, IBV_WR_ATOMIC_CMP_AND_SWP, sge, 1,
			      addr_of(&p.b, AT), p.b.mr->rkey, 0, 0), 0);
	EXPECT_WC_AS(p.a.scq, 2, SUCCESS, &wc);
	EXPECT_EQ(wc.byte_len, 8);
	EXPECT_EQ(*word_of(&p.a, 8), 0x1122334455667789);
	EXPECT_EQ(*word_of(&p.a, 16), 0);
	pair_close(&p);
}

/* What was posted before is there, and what comes after sees it. */
static void order(void)
{
	struct options opt = ops_options();
	struct ibv_sge data, answer, read;
	struct pair p;
	int i;

	opt.signal_all = 0;
	opt.send_wr = 64;
	pair_open(&p, &opt);
	data = sge_of(&p.a, 0, 8);
	answer = sge_of(&p.a, 8, 8);
	read = sge_of(&p.a, 16, 8);
	for (i = 1; i < 50; i++) {
		struct ibv_send_wr *bad, wr[3] = {
			{ .wr_id = 1, .opcode = IBV_WR_RDMA_WRITE,
			  .sg_list = &data, .num_sge = 1, .next = &wr[1] },
			{ .wr_id = 2, .opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
			  .sg_list = &answer, .num_sge = 1, .next = &wr[2] },
			{ .wr_id = 3, .opcode = IBV_WR_RDMA_READ,
			  .sg_list = &read, .num_sge = 1,
			  .send_flags = IBV_SEND_SIGNALED | IBV_SEND_FENCE },
		};

		wr[0].wr.rdma.remote_addr = addr_of(&p.b, AT);
		wr[0].wr.rdma.rkey = p.b.mr->rkey;
		wr[1].wr.atomic.remote_addr = addr_of(&p.b, AT);
		wr[1].wr.atomic.rkey = p.b.mr->rkey;
		wr[1].wr.atomic.compare_add = 1000;
		wr[2].wr.rdma = wr[0].wr.rdma;
		*word_of(&p.a, 0) = i;
		EXPECT_EQ(ibv_post_send(p.a.qp, wr, &bad), 0);
		EXPECT_WC(p.a.scq, 3, SUCCESS);
		EXPECT_EQ(*word_of(&p.a, 8), i);
		EXPECT_EQ(*word_of(&p.a, 16), 1000 + i);
	}
	EXPECT_NO_WC(p.a.scq);
	pair_close(&p);
}

/* Several connections and the processor on one word. */

enum { ADDERS = 4 };

struct adder {
	struct pair *p;
	uint64_t addr;
	uint32_t rkey;
	enum ibv_wr_opcode opcode;
	uint64_t step;
	unsigned int rounds;
	bool bad;
	bool done;
};

static bool one_atomic(struct adder *adder, uint64_t compare_add,
		       uint64_t swap, uint64_t *original)
{
	struct end *end = &adder->p->a;
	struct ibv_sge sge = sge_of(end, 0, 8);
	struct ibv_wc wc;

	if (post_atomic(end, 1, adder->opcode, &sge, 1, adder->addr,
			adder->rkey, compare_add, swap) ||
	    !next_wc(end->scq, SOON_MS, &wc) || wc.status)
		return false;
	*original = *word_of(end, 0);
	return true;
}

static void *add(void *arg)
{
	struct adder *adder = arg;
	uint64_t seen = 0, was;
	unsigned int i;

	for (i = 0; i < adder->rounds;) {
		if (adder->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
			adder->bad |= !one_atomic(adder, adder->step, 0, &was);
			i++;
		} else {
			adder->bad |= !one_atomic(adder, seen,
						  seen + adder->step, &was);
			i += was == seen;
			seen = was == seen ? seen + adder->step : was;
		}
		if (adder->bad)
			break;
	}
	__atomic_store_n(&adder->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void add_together(enum ibv_wr_opcode opcode)
{
	enum { ROUNDS = 300 };
	struct pair pairs[ADDERS];
	struct adder adders[ADDERS];
	pthread_t threads[ADDERS];
	uint64_t *word, mine = 0, sum = 0;
	bool working;
	int i;

	for (i = 0; i < ADDERS; i++)
		open_words(&pairs[i]);
	word = word_of(&pairs[0].b, AT);
	*word = 0;
	for (i = 0; i < ADDERS; i++) {
		/* one word, through a region and PD of each */
		struct ibv_mr *mr = i ? ibv_reg_mr(pairs[i].b.pd, word, 8,
						   OPS_ACCESS) :
					pairs[0].b.mr;

		if (!mr)
			bail("no MR");
		if (i) {
			EXPECT_EQ(ibv_dereg_mr(pairs[i].b.mr), 0);
			pairs[i].b.mr = mr;
		}
		adders[i] = (struct adder) {
			.p = &pairs[i], .addr = (uintptr_t)word,
			.rkey = mr->rkey, .opcode = opcode,
			.step = 1ull << (12 * i), .rounds = ROUNDS,
		};
		sum += adders[i].step * ROUNDS;
	}
	for (i = 0; i < ADDERS; i++)
		if (pthread_create(&threads[i], NULL, add, &adders[i]))
			bail("no thread");
	/* meanwhile, with the processor's own */
	do {
		working = false;
		for (i = 0; i < ADDERS; i++)
			working |= !__atomic_load_n(&adders[i].done,
						    __ATOMIC_ACQUIRE);
		for (i = 0; i < 200 && mine < 4000; i++, mine++)
			__atomic_add_fetch(word, 1ull << 48, __ATOMIC_RELAXED);
		sched_yield();
	} while (working);
	for (i = 0; i < ADDERS; i++) {
		pthread_join(threads[i], NULL);
		EXPECT(!adders[i].bad);
	}
	EXPECT_F(*word == sum + (mine << 48), "%#llx, not %#llx",
		 (unsigned long long)*word,
		 (unsigned long long)(sum + (mine << 48)));
	/* the word is in the first one's memory */
	for (i = ADDERS - 1; i >= 0; i--)
		pair_close(&pairs[i]);
}

static void sums(void)
{
	add_together(IBV_WR_ATOMIC_FETCH_AND_ADD);
}

static void swaps(void)
{
	add_together(IBV_WR_ATOMIC_CMP_AND_SWP);
}

/* A region that begins at an odd place, with addresses of its own. */
static void other_addresses(void)
{
	struct ibv_sge sge;
	struct ibv_mr *mr;
	struct pair p;

	open_words(&p);
	mr = ibv_reg_mr_iova(p.b.pd, p.b.buf, 4096 * 3, 0x10000000, OPS_ACCESS);
	if (EXPECT(mr)) {
		*word_of(&p.b, AT) = 41;
		sge = sge_of(&p.a, 0, 8);
		EXPECT_EQ(post_atomic(&p.a, 1, IBV_WR_ATOMIC_FETCH_AND_ADD,
				      &sge, 1, 0x10000000 + AT, mr->rkey, 1,
				      0), 0);
		EXPECT_WC(p.a.scq, 1, SUCCESS);
		EXPECT_EQ(*word_of(&p.b, AT), 42);
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
	}
	pair_close(&p);
}

/* Extended posting. */

static struct ibv_qp_ex *open_pair_ex(struct pair *p, const struct options *opt,
				      uint64_t ops)
{
	struct end *ends[] = { &p->a, &p->b };
	int i;

	for (i = 0; i < 2; i++) {
		struct end *end = ends[i];
		struct ibv_qp_init_attr_ex init = {
			.qp_type = opt->type,
			.sq_sig_all = opt->signal_all,
			.cap = {
				.max_send_wr = opt->send_wr,
				.max_recv_wr = opt->recv_wr,
				.max_send_sge = opt->send_sge,
				.max_recv_sge = opt->recv_sge,
				.max_inline_data = opt->inline_data,
			},
			.comp_mask = IBV_QP_INIT_ATTR_PD |
				     IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
			.send_ops_flags = ops,
		};

		end_open_without_qp(end, device_of(i), opt);
		init.pd = end->pd;
		init.send_cq = end->scq;
		init.recv_cq = end->rcq;
		end->qp = ibv_create_qp_ex(end->dev->ctx, &init);
		if (!end->qp)
			bail("no extended QP");
	}
	end_connect(&p->b, &p->a);
	end_connect(&p->a, &p->b);
	return ibv_qp_to_qp_ex(p->a.qp);
}

static void extended(void)
{
	struct options opt = ops_options();
	struct ibv_qp_ex *qp;
	struct ibv_wc wc;
	struct pair p;

	qp = open_pair_ex(&p, &opt, IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD |
			  IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP);
	*word_of(&p.b, AT) = 100;
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_atomic_fetch_add(qp, p.b.mr->rkey, addr_of(&p.b, AT), 11);
	ibv_wr_set_sge(qp, p.a.mr->lkey, addr_of(&p.a, 0), 8);
	qp->wr_id = 2;
	ibv_wr_atomic_cmp_swp(qp, p.b.mr->rkey, addr_of(&p.b, AT), 111, 5);
	ibv_wr_set_sge(qp, p.a.mr->lkey, addr_of(&p.a, 8), 8);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC_AS(p.a.scq, 1, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, IBV_WC_FETCH_ADD);
	EXPECT_WC_AS(p.a.scq, 2, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, IBV_WC_COMP_SWAP);
	EXPECT_EQ(*word_of(&p.a, 0), 100);
	EXPECT_EQ(*word_of(&p.a, 8), 111);
	EXPECT_EQ(*word_of(&p.b, AT), 5);
	pair_close(&p);
}

static void atomic_write(void)
{
	static const uint64_t value = 0x0123456789abcdef;
	struct options opt = ops_options();
	struct ibv_qp_ex *qp;
	struct ibv_wc wc;
	struct pair p;

	if (!EXPECT(device_caps(device_of(0)) & CAP_ATOMIC_WRITE))
		return;
	qp = open_pair_ex(&p, &opt, IBV_QP_EX_WITH_ATOMIC_WRITE);
	memset(p.b.buf + AT - 8, 0, 24);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_atomic_write(qp, p.b.mr->rkey, addr_of(&p.b, AT), &value);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC_AS(p.a.scq, 1, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, IBV_WC_ATOMIC_WRITE);
	EXPECT_EQ(*word_of(&p.b, AT), value);
	EXPECT_EQ(*word_of(&p.b, AT - 8), 0);
	EXPECT_EQ(*word_of(&p.b, AT + 8), 0);
	pair_close(&p);
}

#if __has_include(<infiniband/hnsdv.h>)	/* rdma-core 46 has FLUSH, 50 this */

static void flush(void)
{
	struct options opt = ops_options();
	struct ibv_qp_ex *qp;
	struct ibv_sge sge;
	struct ibv_wc wc;
	struct pair p;

	if (!EXPECT(device_caps(device_of(0)) & CAP_FLUSH_GLOBAL))
		return;
	opt.access |= IBV_ACCESS_FLUSH_GLOBAL;
	opt.qp_access |= IBV_ACCESS_FLUSH_GLOBAL;
	qp = open_pair_ex(&p, &opt, IBV_QP_EX_WITH_FLUSH |
			  IBV_QP_EX_WITH_RDMA_WRITE);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_rdma_write(qp, p.b.mr->rkey, addr_of(&p.b, 0));
	sge = sge_of(&p.a, 0, 5000);
	ibv_wr_set_sge(qp, sge.lkey, sge.addr, sge.length);
	qp->wr_id = 2;
	ibv_wr_flush(qp, p.b.mr->rkey, addr_of(&p.b, 0), 5000,
		     IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE);
	qp->wr_id = 3;
	ibv_wr_flush(qp, p.b.mr->rkey, 0, 0, IBV_FLUSH_GLOBAL, IBV_FLUSH_MR);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC_AS(p.a.scq, 2, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, IBV_WC_FLUSH);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT(is_filled(p.b.buf, 5000, 1));

	/* persistence is nobody's to grant */
	EXPECT(!ibv_reg_mr(p.b.pd, p.b.buf, 4096, ALL_ACCESS |
			   IBV_ACCESS_FLUSH_PERSISTENT));
	EXPECT_ERRNO(errno, EOPNOTSUPP);
	pair_close(&p);
}

static void flush_refused(void)
{
	static const struct {
		uint8_t type, level;
		int access, qp_access;
		uint64_t off;
		size_t len;
		enum ibv_wc_status status;
	} rows[] = {
		{ IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE, 0,
		  IBV_ACCESS_FLUSH_GLOBAL, 0, 8, IBV_WC_REM_ACCESS_ERR },
		{ IBV_FLUSH_GLOBAL, IBV_FLUSH_MR, 0,
		  IBV_ACCESS_FLUSH_GLOBAL, 0, 8, IBV_WC_REM_ACCESS_ERR },
		{ IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE, IBV_ACCESS_FLUSH_GLOBAL,
		  0, 0, 8, IBV_WC_REM_INV_REQ_ERR },
		{ IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE, IBV_ACCESS_FLUSH_GLOBAL,
		  IBV_ACCESS_FLUSH_GLOBAL, 65536 - 7, 8,
		  IBV_WC_REM_ACCESS_ERR },
		{ IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE,
		  IBV_ACCESS_FLUSH_GLOBAL, IBV_ACCESS_FLUSH_GLOBAL, 0, 8,
		  IBV_WC_REM_INV_REQ_ERR },
		{ IBV_FLUSH_GLOBAL | IBV_FLUSH_PERSISTENT, IBV_FLUSH_RANGE,
		  IBV_ACCESS_FLUSH_GLOBAL, IBV_ACCESS_FLUSH_GLOBAL |
		  IBV_ACCESS_FLUSH_PERSISTENT, 0, 8, IBV_WC_REM_ACCESS_ERR },
		{ 0, IBV_FLUSH_RANGE, IBV_ACCESS_FLUSH_GLOBAL,
		  IBV_ACCESS_FLUSH_GLOBAL, 0, 8, IBV_WC_LOC_QP_OP_ERR },
		{ IBV_FLUSH_GLOBAL, 2, IBV_ACCESS_FLUSH_GLOBAL,
		  IBV_ACCESS_FLUSH_GLOBAL, 0, 8, IBV_WC_LOC_QP_OP_ERR },
	};
	struct options opt;
	struct ibv_qp_ex *qp;
	struct pair p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		opt = ops_options();
		opt.access |= rows[i].access;
		opt.qp_access |= rows[i].qp_access;
		qp = open_pair_ex(&p, &opt, IBV_QP_EX_WITH_FLUSH);
		ibv_wr_start(qp);
		qp->wr_id = i;
		ibv_wr_flush(qp, p.b.mr->rkey, addr_of(&p.b, rows[i].off),
			     rows[i].len, rows[i].type, rows[i].level);
		EXPECT_EQ(ibv_wr_complete(qp), 0);
		expect_failed(__LINE__, &p, i, rows[i].status);
		pair_close(&p);
	}
}

static int post_flush(struct ibv_qp_ex *qp, uint64_t id, uint32_t rkey,
		      uint64_t addr, size_t len, uint8_t level)
{
	ibv_wr_start(qp);
	qp->wr_id = id;
	ibv_wr_flush(qp, rkey, addr, len, IBV_FLUSH_GLOBAL, level);
	return ibv_wr_complete(qp);
}

/* What a window grants of flushes, on a region that grants them, or does not. */
static void flush_of_a_window(void)
{
	struct options opt = ops_options();
	struct ibv_qp_ex *qp;
	struct ibv_mw *mw;
	struct pair p;

	opt.qp_access |= IBV_ACCESS_FLUSH_GLOBAL;
	open_pair_ex(&p, &opt, IBV_QP_EX_WITH_FLUSH);
	mw = new_mw(&p.b, IBV_MW_TYPE_2);
	EXPECT_EQ(post_bind(&p.b, 1, mw, p.b.mr, addr_of(&p.b, AT), 4096,
			    IBV_ACCESS_FLUSH_GLOBAL), 0);
	EXPECT_WC(p.b.scq, 1, MW_BIND_ERR);
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);

	opt.access |= IBV_ACCESS_FLUSH_GLOBAL;
	qp = open_pair_ex(&p, &opt, IBV_QP_EX_WITH_FLUSH);
	mw = new_mw(&p.b, IBV_MW_TYPE_1);
	EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), 4096, IBV_ACCESS_FLUSH_GLOBAL);
	EXPECT_EQ(post_flush(qp, 2, mw->rkey, addr_of(&p.b, AT), 4096,
			     IBV_FLUSH_RANGE), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_EQ(post_flush(qp, 3, mw->rkey, 0, 0, IBV_FLUSH_MR), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_EQ(post_flush(qp, 4, mw->rkey, addr_of(&p.b, AT), 4097,
			     IBV_FLUSH_RANGE), 0);
	EXPECT_FAILED(&p, 4, REM_ACCESS_ERR);
	pair_again(&p);
	EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), 4096, IBV_ACCESS_REMOTE_READ);
	EXPECT_EQ(post_flush(qp, 5, mw->rkey, addr_of(&p.b, AT), 4096,
			     IBV_FLUSH_RANGE), 0);
	EXPECT_FAILED(&p, 5, REM_ACCESS_ERR);
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

#define FLUSH_CASES \
	CASE("flush", flush), \
	CASE("flush: what is refused", flush_refused), \
	CASE("flush: by a window's key", flush_of_a_window),
#else
/* rdma-core's kernel refuses regions that grant it. */
#define FLUSH_CASES
#endif

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("what the device says of atomics", capabilities),
	CASE("values, and what comes back", values),
	CASE("where the answer goes", answers),
	CASE("in order, unsignalled, fenced", order),
	CASE("fetch and add: connections and the processor", sums),
	CASE("compare and swap: connections and the processor", swaps),
	CASE("a region with addresses of its own", other_addresses),
	CASE("the extended interface", extended),
	CASE("atomic write", atomic_write),
	FLUSH_CASES
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
