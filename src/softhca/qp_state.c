// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of queue pairs: modify, query, and the transitions that
 * the HCA makes by itself when something fails.
 *
 * Which transition is legal with which attributes is the RDMA core's table
 * (ib_modify_qp_is_ok). A state is published last, so whoever sees it sees the
 * attributes that came with it.
 */
#include "ah.h"
#include "device.h"
#include "qp_state.h"
#include "requester.h"
#include "trace.h"

static const char * const state_names[] = {
	[IB_QPS_RESET] = "RESET",
	[IB_QPS_INIT] = "INIT",
	[IB_QPS_RTR] = "RTR",
	[IB_QPS_RTS] = "RTS",
	[IB_QPS_SQD] = "SQD",
	[IB_QPS_SQE] = "SQE",
	[IB_QPS_ERR] = "ERR",
};

/* Change the state, if it is still @from. */
static bool qp_move(struct softhca_qp *qp, enum ib_qp_state from,
		    enum ib_qp_state to)
{
	unsigned long flags;
	bool moved;

	spin_lock_irqsave(&qp->state_lock, flags);
	moved = qp->state == from;
	if (moved) {
		/* Pairs with softhca_qp_state(). */
		smp_store_release(&qp->state, to);
	}
	spin_unlock_irqrestore(&qp->state_lock, flags);

	if (moved) {
		trace_hca_qp_state(qp, from, to);
		ibdev_dbg(qp->ib.device, "QP %u: %s => %s\n", qp->ib.qp_num,
			  state_names[from], state_names[to]);
	}
	return moved;
}

/**
 * softhca_qp_error - move a QP to the error state
 * @qp: the QP
 *
 * What is posted to it is flushed from then on, by its requester.
 *
 * Context: Any.
 */
void softhca_qp_error(struct softhca_qp *qp)
{
	enum ib_qp_state from;

	do {
		from = softhca_qp_state(qp);
		if (from == IB_QPS_RESET || from == IB_QPS_ERR)
			return;
	} while (!qp_move(qp, from, IB_QPS_ERR));

	softhca_req_kick(qp);
}

/**
 * softhca_qp_send_error - stop the send queue after a failed send
 * @qp: the QP
 *
 * Where nothing is acknowledged, that leaves the receive queue at work (state
 * SQE); it is the end of a reliable connection.
 *
 * Context: Any.
 */
void softhca_qp_send_error(struct softhca_qp *qp)
{
	if (!softhca_qp_is_unacked(qp) ||
	    (!qp_move(qp, IB_QPS_RTS, IB_QPS_SQE) &&
	     !qp_move(qp, IB_QPS_SQD, IB_QPS_SQE)))
		softhca_qp_error(qp);
}

/**
 * softhca_qp_established - the first message came while in RTR
 * @qp: the QP
 *
 * Context: Any.
 */
void softhca_qp_established(struct softhca_qp *qp)
{
	if (!qp->established && softhca_qp_state(qp) == IB_QPS_RTR) {
		qp->established = true;
		softhca_qp_event(qp, IB_EVENT_COMM_EST);
	}
}

/**
 * softhca_qp_reset - stop a QP, and forget what was posted to it
 * @qp: the QP
 *
 * When it returns, no message is being executed by it or to it.
 *
 * Context: May sleep. Under the QP's mutex.
 */
void softhca_qp_reset(struct softhca_qp *qp)
{
	struct ib_qp_cap cap = qp->attr.cap;
	enum ib_qp_state from;
	unsigned long flags;

	spin_lock_irqsave(&qp->state_lock, flags);
	from = qp->state;
	/* Pairs with softhca_qp_state(). */
	smp_store_release(&qp->state, IB_QPS_RESET);
	spin_unlock_irqrestore(&qp->state_lock, flags);
	if (from != IB_QPS_RESET)
		trace_hca_qp_state(qp, from, IB_QPS_RESET);

	softhca_req_stop(qp);
	wait_event(qp->idle, !atomic_read(&qp->inbound));

	softhca_ring_reset(&qp->sq.ring);
	softhca_ring_reset(&qp->rq.ring);
	if (!qp->user) {
		softhca_cq_purge(softhca_send_cq(qp), &qp->ib);
		softhca_cq_purge(softhca_recv_cq(qp), &qp->ib);
	}

	memset(&qp->attr, 0, sizeof(qp->attr));
	qp->attr.cap = cap;
	qp->held.taken = false;
	qp->established = false;
	qp->sq_draining = false;
	qp->sqd_notify = false;
	qp->last_wqe = false;
}

static int check_numbers(struct softhca_qp *qp, const struct ib_qp_attr *attr,
			 int mask)
{
	if ((mask & IB_QP_PORT) && attr->port_num != 1)
		return -EINVAL;
	if ((mask & IB_QP_PKEY_INDEX) && attr->pkey_index)
		return -EINVAL;
	if ((mask & IB_QP_PATH_MTU) &&
	    (attr->path_mtu < IB_MTU_256 ||
	     attr->path_mtu > softhca_port_mtu(qp->dev)))
		return -EINVAL;
	if ((mask & IB_QP_TIMEOUT) && attr->timeout > 31)
		return -EINVAL;
	if ((mask & IB_QP_RETRY_CNT) && attr->retry_cnt > 7)
		return -EINVAL;
	if ((mask & IB_QP_RNR_RETRY) && attr->rnr_retry > 7)
		return -EINVAL;
	if ((mask & IB_QP_MIN_RNR_TIMER) && attr->min_rnr_timer > 31)
		return -EINVAL;
	if ((mask & IB_QP_MAX_QP_RD_ATOMIC) &&
	    attr->max_rd_atomic > SOFTHCA_MAX_RD_ATOMIC)
		return -EINVAL;
	if ((mask & IB_QP_MAX_DEST_RD_ATOMIC) &&
	    attr->max_dest_rd_atomic > SOFTHCA_MAX_RD_ATOMIC)
		return -EINVAL;
	if ((mask & IB_QP_DEST_QPN) && attr->dest_qp_num > 0xffffff)
		return -EINVAL;
	return 0;
}

static int check_attr(struct softhca_qp *qp, enum ib_qp_state cur,
		      const struct ib_qp_attr *attr, int mask)
{
	enum ib_qp_state next = mask & IB_QP_STATE ? attr->qp_state : cur;

	if (mask & ~IB_QP_ATTR_STANDARD_BITS)
		return -EOPNOTSUPP;
	if ((mask & IB_QP_CUR_STATE) && attr->cur_qp_state != cur)
		return -EINVAL;
	if (!ib_modify_qp_is_ok(cur, next, qp->ib.qp_type, mask))
		return -EINVAL;
	/* What is being sent is to be ended before anything but the end of all. */
	if (cur == IB_QPS_SQD && READ_ONCE(qp->sq_draining) &&
	    next != IB_QPS_RESET && next != IB_QPS_ERR)
		return -EINVAL;

	/* Queues do not change their size, and there is no other path. */
	if (mask & (IB_QP_CAP | IB_QP_ALT_PATH))
		return -EOPNOTSUPP;
	if ((mask & IB_QP_PATH_MIG_STATE) &&
	    attr->path_mig_state != IB_MIG_MIGRATED)
		return -EOPNOTSUPP;

	return check_numbers(qp, attr, mask);
}

static void copy_attr(struct softhca_qp *qp, const struct ib_qp_attr *attr,
		      int mask)
{
	struct ib_qp_attr *to = &qp->attr;

	if (mask & IB_QP_ACCESS_FLAGS)
		qp->access = to->qp_access_flags = attr->qp_access_flags;
	if (mask & IB_QP_PKEY_INDEX)
		to->pkey_index = attr->pkey_index;
	if (mask & IB_QP_PORT)
		to->port_num = attr->port_num;
	if (mask & IB_QP_QKEY)
		qp->qkey = to->qkey = attr->qkey;
	if (mask & IB_QP_PATH_MTU)
		to->path_mtu = attr->path_mtu;
	if (mask & IB_QP_TIMEOUT)
		qp->timeout = to->timeout = attr->timeout;
	if (mask & IB_QP_RETRY_CNT)
		qp->retry_cnt = to->retry_cnt = attr->retry_cnt;
	if (mask & IB_QP_RNR_RETRY)
		qp->rnr_retry = to->rnr_retry = attr->rnr_retry;
	if (mask & IB_QP_RQ_PSN)
		qp->rq_psn = to->rq_psn = attr->rq_psn & 0xffffff;
	if (mask & IB_QP_SQ_PSN)
		qp->sq_psn = to->sq_psn = attr->sq_psn & 0xffffff;
	if (mask & IB_QP_MIN_RNR_TIMER)
		qp->min_rnr_timer = to->min_rnr_timer = attr->min_rnr_timer;
	if (mask & IB_QP_MAX_QP_RD_ATOMIC)
		qp->max_rd_atomic = to->max_rd_atomic = attr->max_rd_atomic;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		qp->max_dest_rd_atomic = to->max_dest_rd_atomic =
			attr->max_dest_rd_atomic;
	if (mask & IB_QP_DEST_QPN)
		qp->dest_qpn = to->dest_qp_num = attr->dest_qp_num;
	if (mask & IB_QP_PATH_MIG_STATE)
		to->path_mig_state = attr->path_mig_state;
	if (mask & IB_QP_STATE)	/* of this change alone */
		to->en_sqd_async_notify = mask & IB_QP_EN_SQD_ASYNC_NOTIFY &&
					  attr->en_sqd_async_notify;
}

static void enter_state(struct softhca_qp *qp, enum ib_qp_state cur,
			enum ib_qp_state next)
{
	switch (next) {
	case IB_QPS_RESET:
		softhca_qp_reset(qp);
		return;
	case IB_QPS_ERR:
		softhca_qp_error(qp);
		return;
	case IB_QPS_RTS:
		/*
		 * What user space has put into the ring before was refused
		 * when it rang.
		 */
		if (qp->user && cur == IB_QPS_RTR)
			softhca_ring_reset(&qp->sq.ring);
		/* What was posted until now goes the way of the failed one. */
		if (cur == IB_QPS_SQE)
			softhca_req_flush(qp, jiffies + HZ);
		break;
	case IB_QPS_SQD:
		if (cur == IB_QPS_SQD)
			return;
		qp->sqd_notify = qp->attr.en_sqd_async_notify;
		WRITE_ONCE(qp->sq_draining, true);
		break;
	default:
		break;
	}

	/* An error that came in between has the last word. */
	if (!qp_move(qp, cur, next) || next < IB_QPS_RTS)
		return;

	softhca_req_kick(qp);
	/* Where nothing is being sent, it is drained when this returns. */
	if (next == IB_QPS_SQD)
		softhca_req_flush(qp, jiffies + HZ / 10);
}

int softhca_modify_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		      struct ib_udata *udata)
{
	struct softhca_qp *qp = to_softhca_qp(ib);
	enum ib_qp_state cur;
	struct softhca_av av;
	int err;

	mutex_lock(&qp->mutex);
	cur = softhca_qp_state(qp);
	err = check_attr(qp, cur, attr, mask);
	if (err)
		goto out;

	if (mask & IB_QP_AV) {
		err = softhca_av_init(qp->dev, &av, &attr->ah_attr);
		if (err)
			goto out;
		qp->av = av;
		qp->attr.ah_attr = attr->ah_attr;
		qp->attr.ah_attr.grh.sgid_attr = NULL;	/* the caller's */
	}
	copy_attr(qp, attr, mask);
	if (mask & IB_QP_STATE)
		enter_state(qp, cur, attr->qp_state);
out:
	mutex_unlock(&qp->mutex);
	return err;
}

int softhca_query_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		     struct ib_qp_init_attr *init)
{
	struct softhca_qp *qp = to_softhca_qp(ib);

	mutex_lock(&qp->mutex);
	*attr = qp->attr;
	attr->qp_state = softhca_qp_state(qp);
	attr->cur_qp_state = attr->qp_state;
	attr->sq_draining = attr->qp_state == IB_QPS_SQD &&
			    READ_ONCE(qp->sq_draining);
	mutex_unlock(&qp->mutex);

	init->event_handler = ib->event_handler;
	init->qp_context = ib->qp_context;
	init->send_cq = ib->send_cq;
	init->recv_cq = ib->recv_cq;
	init->srq = ib->srq;
	init->cap = attr->cap;
	init->sq_sig_type = qp->sig_all ? IB_SIGNAL_ALL_WR : IB_SIGNAL_REQ_WR;
	init->qp_type = ib->qp_type;
	init->port_num = attr->port_num;
	return 0;
}
