// SPDX-License-Identifier: GPL-2.0
/*
 * Posting work requests and waiting for their completions, each wait with an
 * end; and the watch for completion handlers that are called from inside a
 * post or a poll.
 */
#include <linux/delay.h>
#include <linux/irqflags.h>
#include <linux/jiffies.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "runner.h"
#include "verbs.h"

/*
 * Hardware interrupts a CPU to call a completion handler. So a handler must
 * not be called by a task that is inside a post or poll (an interrupt of that
 * task is right), nor on a CPU that is inside one with interrupts disabled, nor
 * in a soft interrupt on one that is inside one with bottom halves disabled.
 */
#define ST_VERB_TASKS	64

static struct task_struct *st_verb_tasks[ST_VERB_TASKS];
static DEFINE_PER_CPU(int, st_verb_irqs_off);
static DEFINE_PER_CPU(int, st_verb_bh_off);
static atomic_t st_verb_reentered = ATOMIC_INIT(0);

enum st_verb_slot {
	ST_SLOT_IRQS_OFF = -1,
	ST_SLOT_BH_OFF = -2,
};

static int st_verb_enter(void)
{
	int i;

	if (irqs_disabled()) {
		this_cpu_inc(st_verb_irqs_off);
		return ST_SLOT_IRQS_OFF;
	}
	if (in_softirq()) {
		this_cpu_inc(st_verb_bh_off);
		return ST_SLOT_BH_OFF;
	}
	for (i = 0; i < ST_VERB_TASKS; i++)
		if (!cmpxchg(&st_verb_tasks[i], NULL, current))
			break;
	return i;
}

static void st_verb_leave(int slot)
{
	if (slot == ST_SLOT_IRQS_OFF)
		this_cpu_dec(st_verb_irqs_off);
	else if (slot == ST_SLOT_BH_OFF)
		this_cpu_dec(st_verb_bh_off);
	else if (slot < ST_VERB_TASKS)
		/* The task is out of the verb before the slot is free. */
		smp_store_release(&st_verb_tasks[slot], NULL);
}

/**
 * st_verbs_in_handler() - to be called by each completion handler
 *
 * Context: any.
 */
void st_verbs_in_handler(void)
{
	bool inside = false;
	int i;

	if (in_task())
		for (i = 0; i < ST_VERB_TASKS; i++)
			inside |= READ_ONCE(st_verb_tasks[i]) == current;
	preempt_disable();
	inside |= this_cpu_read(st_verb_irqs_off);
	if (!in_hardirq())
		inside |= this_cpu_read(st_verb_bh_off);
	preempt_enable();

	if (inside)
		atomic_inc(&st_verb_reentered);
}

/**
 * st_verbs_reentered() - completion handlers called from inside a post or poll
 *
 * Return: their number since the module was loaded.
 */
int st_verbs_reentered(void)
{
	return atomic_read(&st_verb_reentered);
}

/**
 * st_verb_send() - ib_post_send(), watched
 * @qp: the QP
 * @wr: work requests
 * @bad: gets the one that was refused, or NULL
 *
 * Context: any.
 * Return: as ib_post_send().
 */
int st_verb_send(struct ib_qp *qp, const struct ib_send_wr *wr,
		 const struct ib_send_wr **bad)
{
	int slot = st_verb_enter();
	int ret = ib_post_send(qp, wr, bad);

	st_verb_leave(slot);
	return ret;
}

/**
 * st_verb_recv() - ib_post_recv(), watched
 * @qp: the QP
 * @wr: work requests
 * @bad: gets the one that was refused, or NULL
 *
 * Context: any.
 * Return: as ib_post_recv().
 */
int st_verb_recv(struct ib_qp *qp, const struct ib_recv_wr *wr,
		 const struct ib_recv_wr **bad)
{
	int slot = st_verb_enter();
	int ret = ib_post_recv(qp, wr, bad);

	st_verb_leave(slot);
	return ret;
}

/**
 * st_verb_poll() - ib_poll_cq(), watched
 * @cq: the CQ
 * @nr: room in @wc
 * @wc: completions
 *
 * Context: any.
 * Return: as ib_poll_cq().
 */
int st_verb_poll(struct ib_cq *cq, int nr, struct ib_wc *wc)
{
	int slot = st_verb_enter();
	int ret = ib_poll_cq(cq, nr, wc);

	st_verb_leave(slot);
	return ret;
}

/**
 * st_post_wr() - post to the send queue
 * @e: the end
 * @wr: work requests
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_post_wr(struct st_end *e, const struct ib_send_wr *wr)
{
	int ret = st_verb_send(e->qp, wr, NULL);

	if (ret)
		return st_fail(e->t, "post_send of opcode %d: %d", wr->opcode,
			       ret);
	return 0;
}

/**
 * st_post_recv() - post a receive
 * @e: the end
 * @id: its wr_id
 * @sge: elements, or NULL
 * @nr: their number
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_post_recv(struct st_end *e, u64 id, struct ib_sge *sge, int nr)
{
	struct ib_recv_wr wr = {
		.wr_id = id,
		.sg_list = sge,
		.num_sge = nr,
	};
	int ret = st_verb_recv(e->qp, &wr, NULL);

	if (ret)
		return st_fail(e->t, "post_recv: %d", ret);
	return 0;
}

/**
 * st_post_send() - post a SEND
 * @e: the end
 * @id: its wr_id
 * @sge: elements, or NULL
 * @nr: their number
 * @flags: IB_SEND_*
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_post_send(struct st_end *e, u64 id, struct ib_sge *sge, int nr,
		 int flags)
{
	struct ib_send_wr wr = {
		.wr_id = id,
		.opcode = IB_WR_SEND,
		.sg_list = sge,
		.num_sge = nr,
		.send_flags = flags,
	};

	return st_post_wr(e, &wr);
}

/**
 * st_post_rdma() - post an RDMA write or read
 * @e: the end
 * @id: its wr_id
 * @opcode: IB_WR_RDMA_WRITE or IB_WR_RDMA_READ
 * @sge: elements, or NULL
 * @nr: their number
 * @remote_addr: the address at the peer
 * @rkey: the key to it
 * @flags: IB_SEND_*
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_post_rdma(struct st_end *e, u64 id, enum ib_wr_opcode opcode,
		 struct ib_sge *sge, int nr, u64 remote_addr, u32 rkey,
		 int flags)
{
	struct ib_rdma_wr wr = {
		.wr = {
			.wr_id = id,
			.opcode = opcode,
			.sg_list = sge,
			.num_sge = nr,
			.send_flags = flags,
		},
		.remote_addr = remote_addr,
		.rkey = rkey,
	};

	return st_post_wr(e, &wr.wr);
}

/**
 * st_post_reg() - post a REG_MR with the region's current key
 * @e: the end that the region belongs to
 * @id: its wr_id
 * @mr: the region, after ib_map_mr_sg()
 * @access: IB_ACCESS_*
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_post_reg(struct st_end *e, u64 id, struct ib_mr *mr, int access)
{
	struct ib_reg_wr wr = {
		.wr = {
			.wr_id = id,
			.opcode = IB_WR_REG_MR,
			.send_flags = IB_SEND_SIGNALED,
		},
		.mr = mr,
		.key = mr->rkey,
		.access = access,
	};

	return st_post_wr(e, &wr.wr);
}

/**
 * st_post_inv() - post a LOCAL_INV
 * @e: the end
 * @id: its wr_id
 * @rkey: the key
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_post_inv(struct st_end *e, u64 id, u32 rkey)
{
	struct ib_send_wr wr = {
		.wr_id = id,
		.opcode = IB_WR_LOCAL_INV,
		.send_flags = IB_SEND_SIGNALED,
		.ex.invalidate_rkey = rkey,
	};

	return st_post_wr(e, &wr);
}

/**
 * st_recv_buf() - post a receive into a buffer
 * @e: the end
 * @id: its wr_id
 * @b: the buffer
 * @len: how much of it, from its beginning
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_recv_buf(struct st_end *e, u64 id, struct st_buf *b, u32 len)
{
	struct ib_sge sge = st_sge(b, 0, len);

	return st_post_recv(e, id, &sge, 1);
}

/**
 * st_send_buf() - post a signalled SEND of a buffer
 * @e: the end
 * @id: its wr_id
 * @b: the buffer
 * @len: how much of it, from its beginning
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_send_buf(struct st_end *e, u64 id, struct st_buf *b, u32 len)
{
	struct ib_sge sge = st_sge(b, 0, len);

	return st_post_send(e, id, &sge, 1, IB_SEND_SIGNALED);
}

static u32 st_sum_sge(const struct ib_sge *sge, int nr)
{
	u32 sum = 0;

	while (nr--)
		sum += sge[nr].length;
	return sum;
}

/**
 * st_transfer() - send one message
 * @from: the end that sends
 * @src: elements to send from
 * @nr_src: their number
 * @to: the end that receives
 * @dst: elements to receive into
 * @nr_dst: their number
 *
 * Return: 0 when both sides have completed, or an error after st_fail().
 */
int st_transfer(struct st_end *from, struct ib_sge *src, int nr_src,
		struct st_end *to, struct ib_sge *dst, int nr_dst)
{
	int ret;

	ret = st_post_recv(to, 0x1001, dst, nr_dst);
	ret = ret ?: st_post_send(from, 0x1002, src, nr_src, IB_SEND_SIGNALED);
	ret = ret ?: st_want_sent(from, 0x1002, IB_WC_SEND);
	return ret ?: st_want_received(to, 0x1001, st_sum_sge(src, nr_src),
				       NULL);
}

/**
 * st_next_wc() - wait for a CQ's next completion
 * @e: the end that @cq belongs to
 * @cq: the CQ
 * @wc: the completion
 * @ms: how long to wait
 *
 * Context: process.
 * Return: 0, -ETIMEDOUT, -ENODEV when a device is being removed, or what
 * polling failed with.
 */
int st_next_wc(struct st_end *e, struct ib_cq *cq, struct ib_wc *wc,
	       unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);
	unsigned int spins = 0;
	bool last = false;
	int n;

	for (;;) {
		memset(wc, 0, sizeof(*wc));
		n = st_verb_poll(cq, 1, wc);
		if (n)
			return n < 0 ? n : 0;
		if (st_gone(e->t))
			return -ENODEV;
		if (last)
			return -ETIMEDOUT;
		last = time_after(jiffies, end);
		if (spins++ < 100)
			cond_resched();
		else
			usleep_range(20, 60);
	}
}

/**
 * st_want_wc() - the next completion has to be this one
 * @e: the end that @cq belongs to
 * @cq: the CQ
 * @id: its wr_id
 * @status: its status
 * @wc: the completion, or NULL
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_want_wc(struct st_end *e, struct ib_cq *cq, u64 id,
	       enum ib_wc_status status, struct ib_wc *wc)
{
	const char *side = cq == e->rcq ? "receive" : "send";
	struct ib_wc tmp;
	int ret;

	wc = wc ?: &tmp;
	ret = st_next_wc(e, cq, wc, ST_TIMEOUT_MS);
	if (ret)
		return st_fail(e->t, "%s %llu: no completion (%d), want '%s'",
			       side, id, ret, ib_wc_status_msg(status));
	if (wc->wr_id != id)
		return st_fail(e->t, "%s completion of %llu ('%s'), want %llu",
			       side, wc->wr_id, ib_wc_status_msg(wc->status),
			       id);
	if (wc->status != status)
		return st_fail(e->t, "%s %llu: status '%s', want '%s'", side,
			       id, ib_wc_status_msg(wc->status),
			       ib_wc_status_msg(status));
	if (wc->qp != e->qp)
		return st_fail(e->t, "%s %llu: completion of another QP", side,
			       id);
	return 0;
}

/**
 * st_want_sent() - the next send completion has to be a success
 * @e: the end
 * @id: its wr_id
 * @opcode: its opcode
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_want_sent(struct st_end *e, u64 id, enum ib_wc_opcode opcode)
{
	struct ib_wc wc;
	int ret;

	ret = st_want_wc(e, e->scq, id, IB_WC_SUCCESS, &wc);
	if (!ret && wc.opcode != opcode)
		ret = st_fail(e->t, "send %llu: opcode %d, want %d", id,
			      wc.opcode, opcode);
	return ret;
}

/**
 * st_want_received() - the next receive has to be a success
 * @e: the end
 * @id: its wr_id
 * @len: bytes received
 * @wc: the completion, or NULL
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_want_received(struct st_end *e, u64 id, u32 len, struct ib_wc *wc)
{
	struct ib_wc tmp;
	int ret;

	wc = wc ?: &tmp;
	ret = st_want_wc(e, e->rcq, id, IB_WC_SUCCESS, wc);
	if (!ret && wc->byte_len != len)
		ret = st_fail(e->t, "receive %llu: %u bytes, want %u", id,
			      wc->byte_len, len);
	return ret;
}

/**
 * st_want_quiet() - nothing may complete on a CQ
 * @e: the end that @cq belongs to
 * @cq: the CQ, which is watched for ST_QUIET_MS
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_want_quiet(struct st_end *e, struct ib_cq *cq)
{
	struct ib_wc wc;
	int ret = st_next_wc(e, cq, &wc, ST_QUIET_MS);

	if (ret == -ETIMEDOUT)
		return 0;
	if (ret)
		return st_fail(e->t, "polling: %d", ret);
	return st_fail(e->t, "%s completion of %llu ('%s'), want none",
		       cq == e->rcq ? "receive" : "send", wc.wr_id,
		       ib_wc_status_msg(wc.status));
}

static void st_req_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct st_req *req = container_of(wc->wr_cqe, struct st_req, cqe);

	req->status = wc->status;
	req->byte_len = wc->byte_len;
	complete(&req->done);
}

/**
 * st_req_init() - prepare a request, for the first time or again
 * @req: the request; its cqe is for the wr_cqe of a work request
 *
 * Context: any.
 */
void st_req_init(struct st_req *req)
{
	req->cqe.done = st_req_done;
	init_completion(&req->done);
}

/**
 * st_req_wait() - wait for a work request on one of ib_core's CQs
 * @e: the end that it was posted on
 * @req: the work request
 *
 * After a timeout the request is the HCA's still: its memory is not to go
 * before the QP has.
 *
 * Context: process.
 * Return: 0 when it completed, with any status, or an error after st_fail().
 */
int st_req_wait(struct st_end *e, struct st_req *req)
{
	unsigned long end = jiffies + msecs_to_jiffies(ST_TIMEOUT_MS);

	do {
		if (wait_for_completion_timeout(&req->done, HZ / 10))
			return 0;
	} while (!st_gone(e->t) && time_before(jiffies, end));
	return st_fail(e->t, "no completion within %u ms", ST_TIMEOUT_MS);
}
