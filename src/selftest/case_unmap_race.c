// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: a correct ULP unmaps and frees while a peer's traffic to that memory
 * is in flight. It ends the peer's access first (LOCAL_INV, dereg, ERR and
 * drain, destroy) and waits for that, but not for the peer. From the unmap's
 * return on the memory is the ULP's: what it writes there stays, and nobody
 * else sees it.
 *
 * Each round: a thread at a keeps b's memory busy; b's side lets it run for a
 * moment, ends the access, unmaps, fills the memory with a poison, waits, and
 * looks. a's thread may get any error after that.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_RACE_LEN	(16 * PAGE_SIZE)
#define ST_RACE_DEPTH	8	/* of the traffic */
#define ST_RACE_RECVS	48
#define ST_RACE_MS	600	/* for each case */
#define ST_RACE_MIN	5	/* rounds, however slow */
#define ST_DATA		0x11	/* what is sent, all of it */
#define ST_TAKEN	0xee	/* what the ULP writes after its unmap */

/**
 * struct st_race - a case of this file
 * @p: the pair
 * @opcode: what a does to b's memory
 * @local: a's memory, full of ST_DATA, or what it reads into
 * @target: b's memory of this round
 * @m: b's region, if the case has one
 * @rkey: key for @target
 * @addr: address of @target for a
 * @stop: a's thread is to end
 * @done: a's thread has ended
 * @posted: work requests of a's in this round
 * @completed: successful ones in this round
 * @error: status of the first that was not
 * @reqs: b's work requests, on ib_core's CQs
 */
struct st_race {
	struct st_pair *p;
	enum ib_wr_opcode opcode;
	struct st_buf *local;
	struct st_buf *target;
	struct st_mr *m;
	u32 rkey;
	u64 addr;
	bool stop;
	struct completion done;
	unsigned int posted;
	unsigned int completed;
	enum ib_wc_status error;
	struct st_req reqs[ST_RACE_RECVS];
};

/* One more of a's work requests; errors show in the completions. */
static bool st_race_post(struct st_race *r)
{
	struct ib_sge sge = st_sge(r->local, 0, ST_RACE_LEN);
	struct ib_rdma_wr wr = {
		.wr = {
			.wr_id = r->posted,
			.opcode = r->opcode,
			.sg_list = &sge,
			.num_sge = 1,
			.send_flags = IB_SEND_SIGNALED,
		},
		.remote_addr = r->addr,
		.rkey = r->rkey,
	};

	if (st_verb_send(r->p->a.qp, &wr.wr, NULL))
		return false;
	r->posted++;
	return true;
}

static int st_race_thread(void *arg)
{
	struct st_race *r = arg;
	unsigned int finished = 0;
	struct ib_wc wc;

	while (!READ_ONCE(r->stop) && !st_gone(r->p->a.t)) {
		while (r->posted - finished < ST_RACE_DEPTH && !r->error)
			if (!st_race_post(r))
				break;
		if (st_verb_poll(r->p->a.scq, 1, &wc) != 1) {
			/* The HCA may need this CPU. */
			usleep_range(5, 20);
			continue;
		}
		finished++;
		if (!wc.status)
			WRITE_ONCE(r->completed, r->completed + 1);
		else if (!r->error)
			WRITE_ONCE(r->error, wc.status);
	}
	kthread_complete_and_exit(&r->done, 0);
}

static int st_race_start(struct st_race *r)
{
	struct task_struct *task;

	r->stop = false;
	r->posted = 0;
	r->completed = 0;
	r->error = IB_WC_SUCCESS;
	init_completion(&r->done);
	task = kthread_run(st_race_thread, r, "selftest/race");
	if (IS_ERR(task))
		return st_fail(r->p->a.t, "no thread");
	return 0;
}

static void st_race_stop(struct st_race *r)
{
	WRITE_ONCE(r->stop, true);
	wait_for_completion(&r->done);
}

/* Waits for a's traffic to meet what b has done. */
static int st_race_want_error(struct st_race *r, enum ib_wc_status status)
{
	unsigned long end = jiffies + msecs_to_jiffies(ST_TIMEOUT_MS);

	while (!READ_ONCE(r->error)) {
		if (time_after(jiffies, end) || st_gone(r->p->a.t))
			return st_fail(r->p->a.t, "traffic goes on");
		usleep_range(20, 60);
	}
	/* rdma_rxe's answer can get lost. */
	if (r->error == IB_WC_RETRY_EXC_ERR &&
	    st_driver_is(r->p->a.dev, "rdma_rxe"))
		return 0;
	if (r->error != status)
		return st_fail(r->p->a.t, "traffic ended with '%s', want '%s'",
			       ib_wc_status_msg(r->error),
			       ib_wc_status_msg(status));
	return 0;
}

/* Lets the traffic run: until some is done, and a while that varies. */
static int st_race_let_run(struct st_race *r, unsigned int round)
{
	unsigned long end = jiffies + msecs_to_jiffies(ST_TIMEOUT_MS);

	while (!READ_ONCE(r->completed)) {
		if (READ_ONCE(r->error))
			return st_fail(r->p->a.t, "traffic failed: '%s'",
				       ib_wc_status_msg(r->error));
		if (time_after(jiffies, end) || st_gone(r->p->a.t))
			return st_fail(r->p->a.t, "no traffic");
		usleep_range(5, 20);
	}
	udelay((round * 37) % 200);
	return 0;
}

#define ST_MARK	16

/* The last bytes of the buffer that are in its page @i, counted from its end. */
static u8 *st_race_mark(struct st_buf *b, unsigned int i)
{
	u8 *end = b->data + b->len;

	if (i)
		end = PTR_ALIGN_DOWN(end, PAGE_SIZE) - (i - 1) * PAGE_SIZE;
	return end - ST_MARK >= b->data ? end - ST_MARK : NULL;
}

/*
 * The memory is the ULP's again: unmap it, use it, and see it stay. What is
 * still being copied would be a page at most, and copied to its end within a
 * moment; so the first bytes that are used, at once, are each page's last ones.
 */
static int st_race_take(struct st_buf *b)
{
	unsigned int i;
	u8 *mark;

	st_buf_unmap(b);
	for (i = 0; (mark = st_race_mark(b, i)); i++)
		memset(mark, ST_TAKEN, ST_MARK);
	udelay(50);
	for (i = 0; (mark = st_race_mark(b, i)); i++)
		if (memchr_inv(mark, ST_TAKEN, ST_MARK))
			return st_fail(b->end->t, "byte %td was touched",
				       mark - b->data);

	st_buf_poison(b, ST_TAKEN);
	usleep_range(500, 1000);
	return st_buf_want_poison(b, ST_TAKEN, 0);
}

static int st_race_open(struct st_test *t, struct st_race *r,
			enum ib_wr_opcode opcode, unsigned int pd_flags)
{
	struct st_opts o = {
		.pd_flags = pd_flags,
		.send_wr = 2 * ST_RACE_DEPTH,
		.recv_wr = 2 * ST_RACE_RECVS,
		.core_cq = true,
		.poll_ctx = IB_POLL_WORKQUEUE,
		.timeout = 12,
		.retries = 2,
	};

	r->opcode = opcode;
	r->p = st_pair_open(t, &o);
	if (!r->p)
		return -EBADE;
	r->local = st_buf_new(&r->p->a, ST_RACE_LEN, 0, DMA_BIDIRECTIONAL);
	if (!r->local)
		return -EBADE;
	st_buf_poison(r->local, ST_DATA);
	return 0;
}

/* b posts one request and waits for it. Its status is in reqs[0]. */
static int st_race_do(struct st_race *r, struct ib_send_wr *wr)
{
	struct st_req *req = &r->reqs[0];

	st_req_init(req);
	wr->wr_cqe = &req->cqe;
	wr->send_flags = IB_SEND_SIGNALED;
	return st_post_wr(&r->p->b, wr) ?: st_req_wait(&r->p->b, req);
}

static int st_race_bad_status(struct st_race *r, const char *what)
{
	return st_fail(r->p->a.t, "%s: '%s'", what,
		       ib_wc_status_msg(r->reqs[0].status));
}

/* Registers this round's target in a region of its own or a used one. */
static int st_race_register(struct st_race *r)
{
	struct ib_reg_wr wr = { .wr.opcode = IB_WR_REG_MR };
	struct scatterlist sg;

	if (!r->m || !r->m->mr)
		r->m = st_mr_alloc(&r->p->b, ST_RACE_LEN / PAGE_SIZE + 1);
	if (!r->m)
		return -EBADE;
	sg_init_one(&sg, r->target->data, ST_RACE_LEN);
	sg_dma_address(&sg) = r->target->addr;
	sg_dma_len(&sg) = ST_RACE_LEN;
	if (ib_map_mr_sg(r->m->mr, &sg, 1, NULL, PAGE_SIZE) != 1)
		return st_fail(r->p->a.t, "map_mr_sg failed");
	ib_update_fast_reg_key(r->m->mr, ib_inc_rkey(r->m->mr->rkey));
	wr.mr = r->m->mr;
	wr.key = r->m->mr->rkey;
	wr.access = ST_ACCESS_ALL;
	r->rkey = r->m->mr->rkey;
	r->addr = r->m->mr->iova;
	if (st_race_do(r, &wr.wr))
		return -EBADE;
	return r->reqs[0].status ? st_race_bad_status(r, "REG_MR") : 0;
}

/* How b ends a's access; what follows is the unmap. */
struct st_race_end {
	int (*end)(struct st_race *r);
	enum ib_wc_status error;	/* what a gets, where that is sure */
};

static int st_end_by_inv(struct st_race *r)
{
	struct ib_send_wr wr = {
		.opcode = IB_WR_LOCAL_INV,
		.ex.invalidate_rkey = r->m->mr->rkey,
	};

	if (st_race_do(r, &wr))
		return -EBADE;
	/*
	 * a's next access may put b's QP into error before the completion is
	 * made; then draining ends the access.
	 */
	if (r->reqs[0].status == IB_WC_WR_FLUSH_ERR)
		ib_drain_qp(r->p->b.qp);
	else if (r->reqs[0].status)
		return st_race_bad_status(r, "LOCAL_INV");
	return 0;
}

static int st_end_by_dereg(struct st_race *r)
{
	return st_mr_dereg(&r->p->b, r->m);
}

static int st_end_by_drain(struct st_race *r)
{
	ib_drain_qp(r->p->b.qp);
	return 0;
}

static int st_end_by_destroy(struct st_race *r)
{
	st_destroy_qp(&r->p->b);
	return 0;
}

static int st_end_by_nothing(struct st_race *r)
{
	return 0;
}

static const struct st_race_end st_by_inv = {
	st_end_by_inv, IB_WC_REM_ACCESS_ERR,
};

static const struct st_race_end st_by_dereg = {
	st_end_by_dereg, IB_WC_REM_ACCESS_ERR,
};

static const struct st_race_end st_by_drain = { st_end_by_drain };
static const struct st_race_end st_by_destroy = { st_end_by_destroy };

/* A ULP's mistake: it unmaps, and that is all that ends the access. */
static const struct st_race_end st_by_unmap = {
	st_end_by_nothing, IB_WC_REM_ACCESS_ERR,
};

/* Here the receives may have been used up before. */
static const struct st_race_end st_by_unmap_recv = { st_end_by_nothing };

/* One round of RDMA traffic to or from b's memory. */
static int st_race_rdma_round(struct st_race *r, unsigned int round,
			      const struct st_race_end *end)
{
	int ret;

	r->target = st_buf_new(&r->p->b, ST_RACE_LEN, 8 * round % 2048,
			       DMA_BIDIRECTIONAL);
	if (!r->target)
		return -EBADE;
	st_buf_poison(r->target, ST_DATA);
	if (r->p->b.pd->unsafe_global_rkey) {
		r->rkey = r->p->b.pd->unsafe_global_rkey;
		r->addr = r->target->addr;
	} else if (st_race_register(r)) {
		return -EBADE;
	}

	if (st_race_start(r))
		return -EBADE;
	ret = st_race_let_run(r, round);
	ret = ret ?: end->end(r);
	ret = ret ?: st_race_take(r->target);
	if (!ret && end->error)
		ret = st_race_want_error(r, end->error);
	st_race_stop(r);
	/* A read never saw what was written after the unmap. */
	if (!ret && memchr(r->local->data, ST_TAKEN, ST_RACE_LEN))
		ret = st_fail(r->p->a.t, "read from memory after its unmap");
	if (ret || st_pair_reconnect(r->p))
		return -EBADE;
	st_buf_free(r->target);
	return 0;
}

/* Rounds for a while; @round does one of them. */
static int st_race_rounds(struct st_test *t, enum ib_wr_opcode opcode,
			  unsigned int pd_flags,
			  int (*round)(struct st_race *r, unsigned int nr,
				       const struct st_race_end *end),
			  const struct st_race_end *end)
{
	unsigned long last = jiffies + msecs_to_jiffies(ST_RACE_MS);
	unsigned int nr = 0;
	struct st_race *r;
	int ret;

	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return st_fail(t, "no memory");
	ret = st_race_open(t, r, opcode, pd_flags);
	while (!ret && (nr < ST_RACE_MIN || time_before(jiffies, last)))
		ret = round(r, nr++, end);
	st_note(t, "%u rounds", nr);
	/* The CQs may go on to use b's requests: close before they go. */
	st_fixture_cleanup(t);
	kfree(r);
	return ret;
}

static int st_race_rdma(struct st_test *t, enum ib_wr_opcode opcode,
			unsigned int pd_flags, const struct st_race_end *end)
{
	return st_race_rounds(t, opcode, pd_flags, st_race_rdma_round, end);
}

static int case_race_write_inv(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_WRITE, 0, &st_by_inv);
}

static int case_race_write_dereg(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_WRITE, 0, &st_by_dereg);
}

static int case_race_write_drain(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_WRITE, IB_PD_UNSAFE_GLOBAL_RKEY,
			    &st_by_drain);
}

static int case_race_write_destroy(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_WRITE, IB_PD_UNSAFE_GLOBAL_RKEY,
			    &st_by_destroy);
}

static int case_race_write_unmap(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_WRITE, IB_PD_UNSAFE_GLOBAL_RKEY,
			    &st_by_unmap);
}

static int case_race_read_inv(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_READ, 0, &st_by_inv);
}

static int case_race_read_dereg(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_READ, 0, &st_by_dereg);
}

static int case_race_read_drain(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_READ, IB_PD_UNSAFE_GLOBAL_RKEY,
			    &st_by_drain);
}

static int case_race_read_unmap(struct st_test *t)
{
	return st_race_rdma(t, IB_WR_RDMA_READ, IB_PD_UNSAFE_GLOBAL_RKEY,
			    &st_by_unmap);
}

static int st_race_post_recvs(struct st_race *r)
{
	struct ib_recv_wr wr = { .num_sge = 1 };
	struct ib_sge sge;
	int i;

	for (i = 0; i < ST_RACE_RECVS; i++) {
		st_req_init(&r->reqs[i]);
		sge = st_sge(r->target, 0, ST_RACE_LEN);
		wr.wr_cqe = &r->reqs[i].cqe;
		wr.sg_list = &sge;
		if (st_verb_recv(r->p->b.qp, &wr, NULL))
			return st_fail(r->p->a.t, "post_recv failed");
	}
	return 0;
}

/* One round of sends into b's receives, all of them of one buffer. */
static int st_race_recv_round(struct st_race *r, unsigned int round,
			      const struct st_race_end *end)
{
	int ret;

	r->target = st_buf_new(&r->p->b, ST_RACE_LEN, 8 * round % 2048,
			       DMA_FROM_DEVICE);
	if (!r->target || st_race_post_recvs(r) || st_race_start(r))
		return -EBADE;
	ret = st_race_let_run(r, round);
	ret = ret ?: end->end(r);
	ret = ret ?: st_race_take(r->target);
	if (!ret && end->error)
		ret = st_race_want_error(r, end->error);
	st_race_stop(r);
	if (ret || st_pair_reconnect(r->p))
		return -EBADE;
	st_buf_free(r->target);
	return 0;
}

static int st_race_recv(struct st_test *t, const struct st_race_end *end)
{
	return st_race_rounds(t, IB_WR_SEND, 0, st_race_recv_round, end);
}

static int case_race_recv_drain(struct st_test *t)
{
	return st_race_recv(t, &st_by_drain);
}

static int case_race_recv_destroy(struct st_test *t)
{
	return st_race_recv(t, &st_by_destroy);
}

static int case_race_recv_unmap(struct st_test *t)
{
	return st_race_recv(t, &st_by_unmap_recv);
}

/*
 * The other end of the wire: a's own memory. b, which drains here, is the one
 * that sends, and its memory after the unmap must not reach a.
 */
static int st_race_source_round(struct st_race *r, unsigned int round,
				const struct st_race_end *end)
{
	struct ib_send_wr wr = {
		.opcode = IB_WR_SEND,
		.num_sge = 1,
		.send_flags = IB_SEND_SIGNALED,
	};
	struct st_end *a = &r->p->a, *b = &r->p->b;
	struct ib_sge sge;
	int i;

	r->target = st_buf_new(b, ST_RACE_LEN, 0, DMA_TO_DEVICE);
	if (!r->target)
		return -EBADE;
	st_buf_poison(r->target, ST_DATA);
	st_buf_poison(r->local, ST_DATA);
	sge = st_sge(r->target, 0, ST_RACE_LEN);
	wr.sg_list = &sge;
	for (i = 0; i < ST_RACE_DEPTH; i++) {
		st_req_init(&r->reqs[i]);
		wr.wr_cqe = &r->reqs[i].cqe;
		if (st_recv_buf(a, i, r->local, ST_RACE_LEN) ||
		    st_post_wr(b, &wr))
			return -EBADE;
	}
	udelay((round * 37) % 200);
	end->end(r);
	if (st_race_take(r->target))
		return -EBADE;
	if (memchr(r->local->data, ST_TAKEN, ST_RACE_LEN))
		return st_fail(a->t, "sent from memory after its unmap");
	if (st_pair_reconnect(r->p))
		return -EBADE;
	st_buf_free(r->target);
	return 0;
}

static int case_race_send_drain(struct st_test *t)
{
	return st_race_rounds(t, IB_WR_SEND, 0, st_race_source_round,
			      &st_by_drain);
}

#define ST_RXE_INV	"known deviation of rdma_rxe: LOCAL_INV completes " \
			"while packets are still copied"

static const struct st_case st_unmap_race_cases[] = {
	{ "race_write_inv", case_race_write_inv, 0, ST_RXE_INV },
	{ "race_write_dereg", case_race_write_dereg },
	{ "race_write_drain", case_race_write_drain },
	{ "race_write_destroy", case_race_write_destroy },
	{ "race_write_unmap", case_race_write_unmap, ST_CHECKED | ST_FAULTS },
	{ "race_read_inv", case_race_read_inv, 0, ST_RXE_INV },
	{ "race_read_dereg", case_race_read_dereg },
	{ "race_read_drain", case_race_read_drain },
	{ "race_read_unmap", case_race_read_unmap, ST_CHECKED | ST_FAULTS },
	{ "race_recv_drain", case_race_recv_drain },
	{ "race_recv_destroy", case_race_recv_destroy },
	{ "race_recv_unmap", case_race_recv_unmap, ST_CHECKED | ST_FAULTS },
	{ "race_send_drain", case_race_send_drain },
};

ST_SUITE(st_unmap_race_suite, st_unmap_race_cases);
