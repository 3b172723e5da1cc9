// SPDX-License-Identifier: GPL-2.0
/*
 * Memory windows of both types, in each of their transitions: what they grant
 * when they are bound, and that they grant nothing after it. How they are refused
 * is verbs_errors_ops.c's.
 */
#include "verbs_ops.h"

#include <pthread.h>

enum { AT = 4096 + 40, LEN = 5000 };

static void limits(void)
{
	struct device *dev = device_of(0);

	EXPECT(dev->attr.max_mw > 0);
	EXPECT(dev->attr.device_cap_flags & IBV_DEVICE_MEM_WINDOW);
	EXPECT(dev->attr.device_cap_flags & IBV_DEVICE_MEM_WINDOW_TYPE_2B);
	EXPECT(!(dev->attr.device_cap_flags & IBV_DEVICE_MEM_WINDOW_TYPE_2A));
}

/* With ibv_bind_mw(), which is for windows of type 1. */
static int bind_type_1(struct end *end, struct ibv_mw *mw, uint64_t addr,
		       uint64_t length, unsigned int access)
{
	struct ibv_mw_bind bind = {
		.wr_id = 1,
		.send_flags = IBV_SEND_SIGNALED,
		.bind_info = {
			.mr = end->mr, .addr = addr, .length = length,
			.mw_access_flags = access,
		},
	};

	return ibv_bind_mw(end->qp, mw, &bind);
}

static void open_window(struct pair *p, struct ibv_mw **mw,
			enum ibv_mw_type type)
{
	struct options opt = ops_options();

	pair_open(p, &opt);
	*mw = new_mw(&p->b, type);
}

static void type_1(void)
{
	struct ibv_mw *mw;
	struct ibv_wc wc;
	uint32_t old;
	struct pair p;

	open_window(&p, &mw, IBV_MW_TYPE_1);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), 8, mw->rkey, WRITE);

	EXPECT_EQ(bind_type_1(&p.b, mw, addr_of(&p.b, AT), LEN,
			      IBV_ACCESS_REMOTE_WRITE |
			      IBV_ACCESS_REMOTE_READ), 0);
	EXPECT_WC_AS(p.b.scq, 1, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, IBV_WC_BIND_MW);
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, mw->rkey, AT);
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT + LEN - 1), 1, mw->rkey,
		       AT + LEN - 1);
	EXPECT_READ(&p, addr_of(&p.b, AT + 7), LEN - 7, mw->rkey, AT + 7);

	/* another place, another key; the old one leads nowhere */
	old = mw->rkey;
	EXPECT_EQ(bind_type_1(&p.b, mw, addr_of(&p.b, 9), 100,
			      IBV_ACCESS_REMOTE_WRITE), 0);
	EXPECT_WC(p.b.scq, 1, SUCCESS);
	EXPECT(mw->rkey != old);
	EXPECT_WRITTEN(&p, addr_of(&p.b, 9), 100, mw->rkey, 9);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, old, WRITE);
	EXPECT_DENIED(&p, addr_of(&p.b, 9), 100, old, WRITE);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, mw->rkey, WRITE);

	/* unbound, and bound once more */
	EXPECT_EQ(bind_type_1(&p.b, mw, 0, 0, 0), 0);
	EXPECT_WC(p.b.scq, 1, SUCCESS);
	EXPECT_DENIED(&p, addr_of(&p.b, 9), 100, mw->rkey, WRITE);
	EXPECT_EQ(bind_type_1(&p.b, mw, addr_of(&p.b, 0), 10,
			      IBV_ACCESS_REMOTE_READ), 0);
	EXPECT_WC(p.b.scq, 1, SUCCESS);
	EXPECT_READ(&p, addr_of(&p.b, 0), 10, mw->rkey, 0);

	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

static void type_2(void)
{
	struct ibv_mw *mw;
	struct ibv_wc wc;
	struct pair p;
	int i;

	open_window(&p, &mw, IBV_MW_TYPE_2);
	for (i = 0; i < 3; i++) {
		EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT + i), LEN,
			    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
		EXPECT_WRITTEN(&p, addr_of(&p.b, AT + i), LEN, mw->rkey,
			       AT + i);
		EXPECT_READ(&p, addr_of(&p.b, AT + i), LEN, mw->rkey, AT + i);
		EXPECT_EQ(post_inv(&p.b, 2, mw->rkey), 0);
		EXPECT_WC_AS(p.b.scq, 2, SUCCESS, &wc);
		EXPECT_EQ(wc.opcode, IBV_WC_LOCAL_INV);
		EXPECT_DENIED(&p, addr_of(&p.b, AT + i), LEN, mw->rkey, WRITE);
		EXPECT_DENIED(&p, addr_of(&p.b, AT + i), LEN, mw->rkey, READ);
	}
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

/* The peer gives the key back with its last message. */
static void send_with_invalidate(void)
{
	struct ibv_send_wr wr = { .wr_id = 3, .opcode = IBV_WR_SEND_WITH_INV };
	struct ibv_sge in, out;
	struct ibv_mw *mw;
	struct ibv_wc wc;
	struct pair p;

	open_window(&p, &mw, IBV_MW_TYPE_2);
	EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), LEN, IBV_ACCESS_REMOTE_WRITE);
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, mw->rkey, AT);
	in = sge_of(&p.b, 0, 64);
	out = sge_of(&p.a, 0, 64);
	EXPECT_EQ(post_recv(&p.b, 4, &in), 0);
	wr.sg_list = &out;
	wr.num_sge = 1;
	wr.invalidate_rkey = mw->rkey;
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 4, SUCCESS, &wc);
	EXPECT(wc.wc_flags & IBV_WC_WITH_INV);
	EXPECT_EQ(wc.invalidated_rkey, mw->rkey);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, mw->rkey, WRITE);

	/* its owner can bind it again */
	EXPECT_BIND(&p.b, mw, addr_of(&p.b, 1), 10, IBV_ACCESS_REMOTE_WRITE);
	EXPECT_WRITTEN(&p, addr_of(&p.b, 1), 10, mw->rkey, 1);
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

/* Addresses count from the window's first byte. */
static void zero_based(void)
{
	struct ibv_mw *mw;
	struct pair p;

	open_window(&p, &mw, IBV_MW_TYPE_2);
	EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), LEN,
		    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_ZERO_BASED);
	EXPECT_WRITTEN(&p, 0, LEN, mw->rkey, AT);
	EXPECT_WRITTEN(&p, LEN - 10, 10, mw->rkey, AT + LEN - 10);
	EXPECT_DENIED(&p, LEN - 10, 11, mw->rkey, WRITE);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, mw->rkey, WRITE);
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

static void access_of_a_window(void)
{
	static const unsigned int rights[] = { 0, IBV_ACCESS_REMOTE_READ,
		IBV_ACCESS_REMOTE_WRITE, IBV_ACCESS_REMOTE_ATOMIC };
	struct ibv_sge sge;
	struct ibv_mw *mw;
	struct pair p;
	size_t i;

	open_window(&p, &mw, IBV_MW_TYPE_1);
	for (i = 0; i < ARRAY_SIZE(rights); i++) {
		EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), LEN, rights[i]);
		if (rights[i] == IBV_ACCESS_REMOTE_READ)
			EXPECT_READ(&p, addr_of(&p.b, AT), LEN, mw->rkey, AT);
		else
			EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, mw->rkey,
				      READ);
		if (rights[i] == IBV_ACCESS_REMOTE_WRITE)
			EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, mw->rkey,
				       AT);
		else
			EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, mw->rkey,
				      WRITE);

		sge = sge_of(&p.a, 0, 8);
		*word_of(&p.b, AT) = 5;
		EXPECT_EQ(post_atomic(&p.a, 1, IBV_WR_ATOMIC_FETCH_AND_ADD,
				      &sge, 1, addr_of(&p.b, AT), mw->rkey, 2,
				      0), 0);
		if (rights[i] == IBV_ACCESS_REMOTE_ATOMIC) {
			EXPECT_WC(p.a.scq, 1, SUCCESS);
			EXPECT_EQ(*word_of(&p.b, AT), 7);
		} else {
			EXPECT_FAILED(&p, 1, REM_ACCESS_ERR);
			EXPECT_EQ(*word_of(&p.b, AT), 5);
			pair_again(&p);
		}
	}
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

/* The region need not grant any remote access itself. */
static void region_without_remote_access(void)
{
	struct options opt = ops_options();
	struct ibv_mw *mw;
	struct pair p;

	opt.access = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_MW_BIND;
	pair_open(&p, &opt);
	mw = new_mw(&p.b, IBV_MW_TYPE_2);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, p.b.mr->rkey, WRITE);
	EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), LEN, IBV_ACCESS_REMOTE_WRITE);
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, mw->rkey, AT);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, p.b.mr->rkey, WRITE);
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

/* A second connection of the same two ends' PDs. */
static void open_second(struct pair *p, struct pair *second)
{
	*second = *p;
	second->a.qp = create_qp(&second->a, &second->a.opt);
	second->b.qp = create_qp(&second->b, &second->b.opt);
	if (!second->a.qp || !second->b.qp)
		bail("no second QP");
	end_connect(&second->b, &second->a);
	end_connect(&second->a, &second->b);
}

static void whom_it_serves(void)
{
	struct pair p, second;
	struct ibv_mw *one, *two;

	open_window(&p, &one, IBV_MW_TYPE_1);
	open_second(&p, &second);
	two = new_mw(&p.b, IBV_MW_TYPE_2);

	/* type 1: each QP of the PD; type 2: the one that has bound it */
	EXPECT_BIND(&p.b, one, addr_of(&p.b, AT), LEN, IBV_ACCESS_REMOTE_WRITE);
	EXPECT_WRITTEN(&second, addr_of(&p.b, AT), LEN, one->rkey, AT);
	EXPECT_BIND(&p.b, two, addr_of(&p.b, AT), LEN, IBV_ACCESS_REMOTE_WRITE);
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, two->rkey, AT);
	EXPECT_DENIED(&second, addr_of(&p.b, AT), LEN, two->rkey, WRITE);
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, two->rkey, AT);

	/* with the QP its windows go, but not those of type 1 */
	EXPECT_EQ(ibv_destroy_qp(p.b.qp), 0);
	EXPECT_EQ(ibv_destroy_qp(p.a.qp), 0);
	p.a.qp = second.a.qp;
	p.b.qp = second.b.qp;
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, two->rkey, WRITE);
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, one->rkey, AT);
	EXPECT_BIND(&p.b, two, addr_of(&p.b, 3), 10, IBV_ACCESS_REMOTE_WRITE);
	EXPECT_WRITTEN(&p, addr_of(&p.b, 3), 10, two->rkey, 3);
	EXPECT_EQ(ibv_dealloc_mw(one), 0);
	EXPECT_EQ(ibv_dealloc_mw(two), 0);
	pair_close(&p);
}

/* A region goes when its last window is unbound. */
static void deregistration(void)
{
	struct ibv_mw *one, *two;
	struct pair p;

	open_window(&p, &one, IBV_MW_TYPE_1);
	two = new_mw(&p.b, IBV_MW_TYPE_2);
	EXPECT_BIND(&p.b, one, addr_of(&p.b, AT), LEN, IBV_ACCESS_REMOTE_WRITE);
	EXPECT_BIND(&p.b, two, addr_of(&p.b, AT), LEN, IBV_ACCESS_REMOTE_READ);
	EXPECT_ERRNO(ibv_dereg_mr(p.b.mr), EBUSY);
	/* nothing has changed by that */
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, one->rkey, AT);
	EXPECT_WRITTEN(&p, addr_of(&p.b, AT), LEN, p.b.mr->rkey, AT);

	EXPECT_BIND(&p.b, one, 0, 0, 0);
	EXPECT_ERRNO(ibv_dereg_mr(p.b.mr), EBUSY);
	EXPECT_EQ(post_inv(&p.b, 1, two->rkey), 0);
	EXPECT_WC(p.b.scq, 1, SUCCESS);
	EXPECT_EQ(ibv_dereg_mr(p.b.mr), 0);
	p.b.mr = NULL;
	EXPECT_EQ(ibv_dealloc_mw(one), 0);
	EXPECT_EQ(ibv_dealloc_mw(two), 0);
	pair_close(&p);
}

static void deallocation_while_bound(void)
{
	enum ibv_mw_type type;
	struct ibv_mw *mw;
	uint32_t rkey;
	struct pair p;

	for (type = IBV_MW_TYPE_1; type <= IBV_MW_TYPE_2; type++) {
		open_window(&p, &mw, type);
		EXPECT_BIND(&p.b, mw, addr_of(&p.b, AT), LEN,
			    IBV_ACCESS_REMOTE_WRITE);
		rkey = mw->rkey;
		EXPECT_EQ(ibv_dealloc_mw(mw), 0);
		EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, rkey, WRITE);
		EXPECT_EQ(ibv_dereg_mr(p.b.mr), 0);
		p.b.mr = NULL;
		pair_close(&p);
	}
}

/* Nothing was asked for completions but by the last one; each is in order. */
static void unsignalled(void)
{
	struct options opt = ops_options();
	struct ibv_send_wr *bad, wr[3] = { 0 };
	struct ibv_mw *mw;
	struct ibv_sge in;
	struct pair p;
	int i;

	opt.signal_all = 0;
	pair_open(&p, &opt);
	mw = new_mw(&p.b, IBV_MW_TYPE_2);
	for (i = 0; i < 3; i++) {
		wr[i].wr_id = i;
		wr[i].next = i < 2 ? &wr[i + 1] : NULL;
	}
	wr[0].opcode = IBV_WR_BIND_MW;
	wr[0].bind_mw.mw = mw;
	wr[0].bind_mw.rkey = ibv_inc_rkey(mw->rkey);
	wr[0].bind_mw.bind_info = (struct ibv_mw_bind_info) {
		.mr = p.b.mr, .addr = addr_of(&p.b, AT), .length = LEN,
		.mw_access_flags = IBV_ACCESS_REMOTE_WRITE,
	};
	wr[1].opcode = IBV_WR_LOCAL_INV;
	wr[1].invalidate_rkey = wr[0].bind_mw.rkey;
	wr[1].send_flags = IBV_SEND_FENCE;
	wr[2].opcode = IBV_WR_SEND;
	wr[2].send_flags = IBV_SEND_SIGNALED | IBV_SEND_FENCE;
	in = sge_of(&p.a, 0, 10);
	EXPECT_EQ(post_recv(&p.a, 9, &in), 0);
	EXPECT_EQ(ibv_post_send(p.b.qp, wr, &bad), 0);
	EXPECT_WC(p.b.scq, 2, SUCCESS);
	EXPECT_WC(p.a.rcq, 9, SUCCESS);
	EXPECT_NO_WC(p.b.scq);
	EXPECT_DENIED(&p, addr_of(&p.b, AT), LEN, wr[0].bind_mw.rkey, WRITE);
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

/*
 * Writes of all the time are under way when the window goes: after its
 * invalidation no byte changes any more.
 */
struct writer {
	struct pair *p;
	uint64_t addr;
	uint32_t len, rkey;
	unsigned int done;
	bool refused;
};

static void *write_until_refused(void *arg)
{
	struct writer *w = arg;
	struct ibv_sge sge = sge_of(&w->p->a, 0, w->len);
	struct ibv_wc wc;

	for (;;) {
		if (post_rdma(&w->p->a, 1, IBV_WR_RDMA_WRITE, &sge, w->addr,
			      w->rkey) ||
		    !next_wc(w->p->a.scq, SOON_MS, &wc))
			return NULL;
		if (wc.status) {
			w->refused = wc.status == IBV_WC_REM_ACCESS_ERR;
			return NULL;
		}
		__atomic_add_fetch(&w->done, 1, __ATOMIC_RELAXED);
	}
}

static void gone_is_gone(struct pair *p, struct ibv_mw *mw, int round)
{
	const uint32_t len = 1 << 20;
	struct writer w = { .p = p, .addr = addr_of(&p->b, 0), .len = len };
	pthread_t thread;

	EXPECT_BIND(&p->b, mw, addr_of(&p->b, 0), len,
		    IBV_ACCESS_REMOTE_WRITE);
	w.rkey = mw->rkey;
	memset(p->a.buf, 0x11, len);
	if (pthread_create(&thread, NULL, write_until_refused, &w))
		bail("no thread");
	while (__atomic_load_n(&w.done, __ATOMIC_RELAXED) < 3)
		usleep(100);
	usleep(137 * round);
	EXPECT_EQ(post_inv(&p->b, 2, mw->rkey), 0);
	EXPECT_WC(p->b.scq, 2, SUCCESS);
	fill(p->b.buf, len, round);
	pthread_join(thread, NULL);
	EXPECT(w.refused);
	EXPECT(is_filled(p->b.buf, len, round));
	EXPECT_EVENT(p->b.dev, IBV_EVENT_QP_ACCESS_ERR, p->b.qp);
	pair_again(p);
}

static void invalidation_under_load(void)
{
	struct options opt = ops_options();
	struct ibv_mw *mw;
	struct pair p;
	int i;

	opt.size = 1 << 20;
	pair_open(&p, &opt);
	mw = new_mw(&p.b, IBV_MW_TYPE_2);
	for (i = 0; i < 20 && !case_failed; i++)
		gone_is_gone(&p, mw, i);
	EXPECT_EQ(ibv_dealloc_mw(mw), 0);
	pair_close(&p);
}

/* As many as there is reason for, and all of them work and go. */
static void many(void)
{
	enum { N = 300 };
	struct ibv_mw *mw[N];
	struct pair p;
	int i;

	open_window(&p, &mw[0], IBV_MW_TYPE_2);
	for (i = 0; i < N; i++) {
		if (i)
			mw[i] = new_mw(&p.b, IBV_MW_TYPE_1 + i % 2);
		EXPECT_BIND(&p.b, mw[i], addr_of(&p.b, 8 * i), 8,
			    IBV_ACCESS_REMOTE_WRITE);
	}
	for (i = 0; i < N; i++)
		EXPECT_WRITTEN(&p, addr_of(&p.b, 8 * i), 8, mw[i]->rkey,
			       8 * i);
	EXPECT_ERRNO(ibv_dereg_mr(p.b.mr), EBUSY);
	for (i = 0; i < N; i++)
		EXPECT_EQ(ibv_dealloc_mw(mw[i]), 0);
	pair_close(&p);
}

/* What a process leaves behind is freed, whatever is bound to what. */
static void left_behind(void)
{
	struct ibv_mw *mw[4];
	struct pair p;
	int i;

	open_window(&p, &mw[0], IBV_MW_TYPE_2);
	for (i = 0; i < 4; i++) {
		if (i)
			mw[i] = new_mw(&p.b, IBV_MW_TYPE_1 + i % 2);
		EXPECT_BIND(&p.b, mw[i], addr_of(&p.b, 0), 100,
			    IBV_ACCESS_REMOTE_WRITE);
	}
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("what the device says of windows", limits),
	CASE("type 1: bind, bind to something else, unbind", type_1),
	CASE("type 2: bind, invalidate, bind again", type_2),
	CASE("type 2: invalidation by the peer's send", send_with_invalidate),
	CASE("type 2: addresses from zero", zero_based),
	CASE("each access, and none", access_of_a_window),
	CASE("a region with no remote access of its own",
	     region_without_remote_access),
	CASE("which QPs a window serves, and for how long", whom_it_serves),
	CASE("deregistration of a region with windows", deregistration),
	CASE("deallocation of a window that is bound",
	     deallocation_while_bound),
	CASE("unsignalled, fenced, in order", unsignalled),
	CASE("invalidation while the peer writes", invalidation_under_load),
	CASE("hundreds of windows on a region", many),
	CASE("windows, region and QP left to the end of the process",
	     left_behind),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
