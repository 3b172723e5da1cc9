// SPDX-License-Identifier: GPL-2.0
/*
 * The requester: takes a QP's send work requests in order, executes each with
 * the help of a transport, retries, completes, and flushes in the error state
 * (the receive queue as well).
 *
 * One requester at a time
 *	Whoever finds work (a doorbell, a timer, a change of state) sets RUN
 *	and KICK in @owner. If RUN was set, the one who runs will look again;
 *	otherwise the caller is the requester, directly or through the work
 *	queue, until it finds nothing to do with KICK clear. No lock is held
 *	meanwhile, so a QP may be its own peer.
 *
 * In order
 *	A work request is over, on both sides, before the next one begins. So
 *	IB_SEND_FENCE asks for nothing more, nor do local invalidations and binds
 *	need to wait for what was posted before them.
 *
 * Where it runs
 *	A kernel ULP's post may hold locks, with interrupts off: little work is
 *	done there, and what is more goes to the work queue. The doorbell of
 *	user space is in process context and does more, but not without end:
 *	meanwhile its process can neither be killed nor destroy the QP.
 */
#include <linux/slab.h>

#include "counters.h"
#include "memory.h"
#include "mr.h"
#include "mw.h"
#include "params.h"
#include "qp_state.h"
#include "requester.h"
#include "responder.h"
#include "trace.h"
#include "transport.h"

/* Bounds of one run: bytes moved and work requests looked at. */
#define KERNEL_POST_BYTES	SZ_8K
#define KERNEL_POST_WQES	16
#define DOORBELL_BYTES		SZ_1M
#define DOORBELL_WQES		256
#define WORKER_BYTES		SZ_64M
#define WORKER_WQES		4096

/* In the error state, how often to look for requests of user space. */
#define POLL_MIN_MS		8
#define POLL_MAX_MS		1024

/* With `defer`: the ULP goes on for so long, even where work preempts it. */
#define DEFER_US		500

struct req_run {
	u64 bytes;
	u32 wqes;
	bool may_sleep;
	bool worker;
};

enum req_step {
	STEP_NEXT,	/* one request was dealt with */
	STEP_IDLE,	/* nothing to do before the next kick */
	STEP_DEFER,	/* go on in the work queue */
};

static struct workqueue_struct *req_wq;

/* IBTA's encoding of the RNR timer, in units of 10 microseconds. */
static const u32 rnr_timer_10us[32] = {
	65536, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192,
	256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288,
	16384, 24576, 32768, 49152,
};

static enum ib_wc_opcode wc_opcode(u32 opcode)
{
	switch (opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		return IB_WC_RDMA_WRITE;
	case IB_WR_RDMA_READ:
		return IB_WC_RDMA_READ;
	case IB_WR_LOCAL_INV:
		return IB_WC_LOCAL_INV;
	case IB_WR_REG_MR:
		return IB_WC_REG_MR;
	case IB_WR_BIND_MW:
		return IB_WC_BIND_MW;
	case IB_WR_ATOMIC_CMP_AND_SWP:
		return IB_WC_COMP_SWAP;
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		return IB_WC_FETCH_ADD;
	case IB_WR_ATOMIC_WRITE:
		return IB_WC_ATOMIC_WRITE;
	case IB_WR_FLUSH:
		return IB_WC_FLUSH;
	default:
		return IB_WC_SEND;
	}
}

static void count_status(struct softhca_qp *qp, enum ib_wc_status status)
{
	switch (status) {
	case IB_WC_SUCCESS:
		return;
	case IB_WC_WR_FLUSH_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_REQ_CQE_FLUSH, 1);
		break;
	case IB_WC_LOC_PROT_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_REQ_LOCAL_PROT, 1);
		break;
	case IB_WC_REM_ACCESS_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_REQ_REMOTE_ACCESS, 1);
		break;
	case IB_WC_REM_INV_REQ_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_REQ_REMOTE_INVALID, 1);
		break;
	case IB_WC_RNR_RETRY_EXC_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_RNR_EXCEEDED, 1);
		break;
	case IB_WC_RETRY_EXC_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_RETRY_EXCEEDED, 1);
		break;
	default:
		break;
	}
	softhca_qp_count(qp, SOFTHCA_CNT_REQ_CQE_ERROR, 1);
}

/* Remove the head of the send queue, with a completion where one is due. */
static void req_complete(struct softhca_qp *qp,
			 const struct softhca_send_wqe *wqe,
			 enum ib_wc_status status)
{
	struct ib_wc wc = {
		.wr_id = wqe->wr_id,
		.status = status,
		.opcode = wc_opcode(wqe->opcode),
		.byte_len = softhca_wr_has_answer(wqe->opcode) ? wqe->length : 0,
		.qp = &qp->ib,
		.port_num = 1,
	};
	bool signalled = qp->sig_all || (wqe->flags & IB_SEND_SIGNALED) ||
			 status != IB_WC_SUCCESS;

	count_status(qp, status);
	qp->req.started = false;

	/* First the slot, then the entry: its reader may post at once. */
	softhca_ring_pop(&qp->sq.ring);
	if (signalled && softhca_cq_add(softhca_send_cq(qp), &wc, false)) {
		softhca_qp_error(qp);
		softhca_qp_event(qp, IB_EVENT_QP_FATAL);
	}
}

static void req_fail(struct softhca_qp *qp, const struct softhca_send_wqe *wqe,
		     enum ib_wc_status status)
{
	req_complete(qp, wqe, status);
	softhca_qp_send_error(qp);
}

static void req_wait(struct softhca_qp *qp, u64 ns)
{
	WRITE_ONCE(qp->req.waiting, true);
	hrtimer_start(&qp->req.timer, ns_to_ktime(ns), HRTIMER_MODE_REL);
}

static enum req_step req_not_ready(struct softhca_qp *qp,
				   const struct softhca_send_wqe *wqe,
				   u8 rnr_timer)
{
	u64 ns;

	if (qp->rnr_retry != 7 && !qp->req.rnr_left--) {
		req_fail(qp, wqe, IB_WC_RNR_RETRY_EXC_ERR);
		return STEP_NEXT;
	}
	softhca_qp_count(qp, SOFTHCA_CNT_RNR_NAK, 1);
	ns = rnr_timer_10us[rnr_timer & 31] * 10ULL * NSEC_PER_USEC;
	trace_hca_retry(qp, wqe, SOFTHCA_NOT_READY, ns);
	req_wait(qp, ns);
	return STEP_IDLE;
}

static enum req_step req_no_answer(struct softhca_qp *qp,
				   const struct softhca_send_wqe *wqe)
{
	/* A timeout of 0 waits without end; look again now and then. */
	u64 ns = qp->timeout ? 4096ULL << qp->timeout : NSEC_PER_SEC / 10;

	softhca_qp_count(qp, SOFTHCA_CNT_ACK_TIMEOUT, 1);
	if (qp->timeout && !qp->req.retry_left--) {
		req_fail(qp, wqe, IB_WC_RETRY_EXC_ERR);
		return STEP_NEXT;
	}
	trace_hca_retry(qp, wqe, SOFTHCA_NO_ANSWER, ns);
	req_wait(qp, ns);
	return STEP_IDLE;
}

static enum ib_wc_status execute_register(struct softhca_qp *qp,
					  const struct softhca_send_wqe *wqe)
{
	struct softhca_mr *mr = softhca_mr_get(qp->dev, wqe->reg.lkey);
	int err;

	if (!mr)
		return IB_WC_MW_BIND_ERR;
	err = softhca_mr_register(mr, qp->ib.pd, wqe->reg.key, wqe->reg.access,
				  wqe->reg.iova, wqe->reg.length,
				  wqe->reg.page_size);
	softhca_mr_put(mr);
	return err ? IB_WC_MW_BIND_ERR : IB_WC_SUCCESS;
}

static struct softhca_outcome execute(struct softhca_qp *qp,
				      struct softhca_send_wqe *wqe,
				      bool may_sleep)
{
	struct softhca_outcome done = { .verdict = SOFTHCA_DONE };

	if (wqe->status) {
		done.status = wqe->status;
		return done;
	}

	switch (wqe->opcode) {
	case IB_WR_LOCAL_INV:
		if (softhca_mw_invalidate(qp, wqe->inv_key))
			done.status = IB_WC_MW_BIND_ERR;
		return done;
	case IB_WR_BIND_MW:
		if (softhca_mw_bind(qp, wqe))
			done.status = IB_WC_MW_BIND_ERR;
		return done;
	case IB_WR_REG_MR:
		done.status = execute_register(qp, wqe);
		return done;
	default:
		return softhca_local_send(qp, wqe, may_sleep);
	}
}

static enum req_step req_execute(struct softhca_qp *qp, struct req_run *run)
{
	struct softhca_send_wqe *wqe;
	struct softhca_outcome out;

	if (READ_ONCE(qp->req.waiting))
		return STEP_IDLE;

	wqe = softhca_sq_head(qp);
	if (!wqe)
		return STEP_IDLE;

	/* The work queue takes any length, but not without a fresh start. */
	if (!run->wqes || (wqe->length > run->bytes &&
			   (!run->worker || run->bytes != WORKER_BYTES)))
		return STEP_DEFER;
	run->wqes--;
	run->bytes -= min(run->bytes, wqe->length);

	if (!qp->req.started) {
		qp->req.started = true;
		qp->req.rnr_left = qp->rnr_retry;
		qp->req.retry_left = qp->retry_cnt;
		if (qp->user)	/* the kernel's: when it was posted */
			trace_hca_post_send(qp, wqe);
	}

	out = execute(qp, wqe, run->may_sleep);
	switch (out.verdict) {
	case SOFTHCA_NOT_READY:
		return req_not_ready(qp, wqe, out.rnr_timer);
	case SOFTHCA_NO_ANSWER:
		return req_no_answer(qp, wqe);
	case SOFTHCA_STOPPED:
		return STEP_NEXT;
	case SOFTHCA_WOULD_SLEEP:
		return STEP_DEFER;
	case SOFTHCA_DONE:
		break;
	}

	if (out.status)
		req_fail(qp, wqe, out.status);
	else
		req_complete(qp, wqe, IB_WC_SUCCESS);
	return STEP_NEXT;
}

static enum req_step flush_sends(struct softhca_qp *qp, struct req_run *run)
{
	struct softhca_send_wqe *wqe;

	while ((wqe = softhca_sq_head(qp))) {
		if (!run->wqes)
			return STEP_DEFER;
		run->wqes--;
		req_complete(qp, wqe, IB_WC_WR_FLUSH_ERR);
	}
	return STEP_IDLE;
}

/*
 * A message to this QP that is being executed gives up after its current
 * piece; the receive that it works on is not flushed under it.
 */
static enum req_step flush_receives(struct softhca_qp *qp, struct req_run *run)
{
	/* Pairs with softhca_qp_enter(). */
	smp_mb();
	if (atomic_read(&qp->inbound)) {
		if (!run->worker)
			return STEP_DEFER;
		wait_event(qp->idle, !atomic_read(&qp->inbound));
	}
	/* Asked once for each: the index in a user's ring can change. */
	while (softhca_rq_head(qp, qp->req.recv) != -EAGAIN) {
		if (!run->wqes)
			return STEP_DEFER;
		run->wqes--;
		softhca_resp_flush_one(qp, qp->req.recv);
	}
	if (qp->srq && !qp->last_wqe) {
		qp->last_wqe = true;
		softhca_qp_event(qp, IB_EVENT_QP_LAST_WQE_REACHED);
	}
	return STEP_IDLE;
}

static enum req_step req_flush(struct softhca_qp *qp, struct req_run *run)
{
	u32 before = run->wqes;
	enum req_step step;

	step = flush_sends(qp, run);
	if (step == STEP_IDLE)
		step = flush_receives(qp, run);
	if (step != STEP_IDLE || !qp->user || qp->srq)
		return step;

	/* Receives of user space come without a call. */
	if (run->wqes != before)
		qp->req.poll_ms = POLL_MIN_MS;
	else
		qp->req.poll_ms = clamp(qp->req.poll_ms * 2, POLL_MIN_MS,
					POLL_MAX_MS);
	hrtimer_start(&qp->req.timer, ms_to_ktime(qp->req.poll_ms),
		      HRTIMER_MODE_REL);
	return STEP_IDLE;
}

/* The send that has begun goes on to its end; the others wait. */
static enum req_step req_drain(struct softhca_qp *qp, struct req_run *run)
{
	if (qp->req.started)
		return req_execute(qp, run);

	WRITE_ONCE(qp->sq_draining, false);
	if (qp->sqd_notify) {
		qp->sqd_notify = false;
		softhca_qp_event(qp, IB_EVENT_SQ_DRAINED);
	}
	return STEP_IDLE;
}

static enum req_step req_step(struct softhca_qp *qp, struct req_run *run)
{
	switch (softhca_qp_state(qp)) {
	case IB_QPS_RTS:
		return req_execute(qp, run);
	case IB_QPS_SQD:
		return req_drain(qp, run);
	case IB_QPS_SQE:
		return flush_sends(qp, run);
	case IB_QPS_ERR:
		return req_flush(qp, run);
	default:
		return STEP_IDLE;
	}
}

/* Become the requester; the QP is then held until req_run() lets go. */
static bool req_claim(struct softhca_qp *qp)
{
	if (atomic_fetch_or(SOFTHCA_REQ_RUN | SOFTHCA_REQ_KICK,
			    &qp->req.owner) & SOFTHCA_REQ_RUN)
		return false;
	refcount_inc(&qp->handle->refs);
	return true;
}

static void req_run(struct softhca_qp *qp, struct req_run *run)
{
	enum req_step step;

	do {
		atomic_andnot(SOFTHCA_REQ_KICK, &qp->req.owner);
		/* What was queued before the kick is seen after this. */
		smp_mb__after_atomic();
		do {
			step = req_step(qp, run);
			if (run->may_sleep)
				cond_resched();
		} while (step == STEP_NEXT);

		if (step == STEP_DEFER) {
			queue_work(req_wq, &qp->req.work);
			return;
		}
	} while (atomic_cmpxchg(&qp->req.owner, SOFTHCA_REQ_RUN, 0) !=
		 SOFTHCA_REQ_RUN);

	if (wq_has_sleeper(&qp->idle))
		wake_up(&qp->idle);
	softhca_qp_put(qp->handle);
}

static void req_work(struct work_struct *work)
{
	struct softhca_qp *qp = container_of(work, struct softhca_qp, req.work);
	struct req_run run = {
		.bytes = WORKER_BYTES,
		.wqes = WORKER_WQES,
		.may_sleep = true,
		.worker = true,
	};

	req_run(qp, &run);
}

static enum hrtimer_restart req_timer(struct hrtimer *timer)
{
	struct softhca_qp *qp = container_of(timer, struct softhca_qp,
					     req.timer);

	WRITE_ONCE(qp->req.waiting, false);
	softhca_req_kick(qp);
	return HRTIMER_NORESTART;
}

static enum hrtimer_restart req_later(struct hrtimer *timer)
{
	softhca_req_kick(container_of(timer, struct softhca_qp, req.later));
	return HRTIMER_NORESTART;
}

/* What is posted while the timer runs does not put off what was before it. */
static void req_defer(struct softhca_qp *qp)
{
	if (!hrtimer_is_queued(&qp->req.later))
		hrtimer_start(&qp->req.later, ns_to_ktime(DEFER_US * NSEC_PER_USEC),
			      HRTIMER_MODE_REL);
}

/**
 * softhca_req_doorbell - execute what was posted
 * @qp: the QP
 *
 * With the parameter `defer` a kernel ULP's post returns before that begins, as
 * with hardware: what is unmapped right after the post is then found out.
 *
 * Context: As the verb: any for kernel QPs, process context for user space's.
 */
void softhca_req_doorbell(struct softhca_qp *qp)
{
	struct req_run run = {
		.bytes = qp->user ? DOORBELL_BYTES : KERNEL_POST_BYTES,
		.wqes = qp->user ? DOORBELL_WQES : KERNEL_POST_WQES,
		.may_sleep = qp->user,
	};

	if (unlikely(READ_ONCE(softhca_defer)) && !qp->user)
		req_defer(qp);
	else if (req_claim(qp))
		req_run(qp, &run);
}

/**
 * softhca_req_kick - let the requester look for work, in the work queue
 * @qp: the QP
 *
 * Context: Any.
 */
void softhca_req_kick(struct softhca_qp *qp)
{
	if (req_claim(qp))
		queue_work(req_wq, &qp->req.work);
}

bool softhca_req_is_idle(struct softhca_qp *qp)
{
	return !(atomic_read(&qp->req.owner) & SOFTHCA_REQ_RUN);
}

/**
 * softhca_req_stop - wait until the requester has left, for good
 * @qp: the QP, in a state in which nothing is executed
 *
 * Context: May sleep.
 */
void softhca_req_stop(struct softhca_qp *qp)
{
	/* The one that runs may still start the timer; late timers may kick. */
	wait_event(qp->idle, softhca_req_is_idle(qp));
	hrtimer_cancel(&qp->req.timer);
	hrtimer_cancel(&qp->req.later);
	wait_event(qp->idle, softhca_req_is_idle(qp));
	qp->req.waiting = false;
	qp->req.started = false;
}

/**
 * softhca_req_flush - wait until the requester has done what it can
 * @qp: the QP, held, in a state in which it has an end: it flushes or drains
 * @end: when to give up, in jiffies: its owner may post without end
 *
 * Context: May sleep.
 */
void softhca_req_flush(struct softhca_qp *qp, unsigned long end)
{
	long left = end - jiffies;

	softhca_req_kick(qp);
	wait_event_timeout(qp->idle, softhca_req_is_idle(qp), max(left, 1L));
}

int softhca_req_init(struct softhca_qp *qp)
{
	struct softhca_req *req = &qp->req;

	INIT_WORK(&req->work, req_work);
	hrtimer_setup(&req->timer, req_timer, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);
	hrtimer_setup(&req->later, req_later, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL);

	req->recv = kzalloc(softhca_recv_wqe_size(SOFTHCA_MAX_SGE), GFP_KERNEL);
	if (!req->recv)
		return -ENOMEM;

	if (qp->user) {
		req->wqe = kzalloc(softhca_send_wqe_size(qp->sq.max_sge,
							 qp->sq.max_inline),
				   GFP_KERNEL);
		if (!req->wqe) {
			kfree(req->recv);
			return -ENOMEM;
		}
	}
	return 0;
}

void softhca_req_destroy(struct softhca_qp *qp)
{
	kfree(qp->req.wqe);
	kfree(qp->req.recv);
}

int softhca_req_module_init(void)
{
	req_wq = alloc_workqueue("softhca", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return req_wq ? 0 : -ENOMEM;
}

void softhca_req_module_exit(void)
{
	destroy_workqueue(req_wq);
}
