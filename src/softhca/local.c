// SPDX-License-Identifier: GPL-2.0
/*
 * The local transport: the peer is a QP of this kernel.
 *
 * A message is one operation: find the peer, check, copy once, complete on
 * both sides. There are no packets and no state between two messages. What
 * hardware finds out by the absence of an answer (no such QP, one that is
 * connected to somebody else, a port that is down) is found by looking.
 *
 * No lock of one QP is held while another one's is taken. The sender is the
 * one requester of its QP; the receiver is entered, so that it stays and its
 * receive queue is not flushed in the middle. Datagrams are datagram.c's.
 */
#include "atomic.h"
#include "counters.h"
#include "flush.h"
#include "gid.h"
#include "message.h"
#include "mw.h"
#include "qp_state.h"

/* Take the receive that a message needs; zero outcome where there is one. */
static bool take_receive(struct softhca_msg *msg, struct softhca_recv_wqe *recv,
			 const struct softhca_resp *resp,
			 struct softhca_outcome *out)
{
	int err = softhca_rq_head(msg->peer, recv);

	if (err == -EAGAIN) {
		softhca_qp_count(msg->peer, SOFTHCA_CNT_OUT_OF_BUFFER, 1);
		out->verdict = SOFTHCA_NOT_READY;
		out->rnr_timer = msg->peer->min_rnr_timer;
		return false;
	}
	if (err) {
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_QP_OP_ERR,
				      resp);
		*out = SOFTHCA_DONE_WITH(IB_WC_REM_OP_ERR);
		return false;
	}
	return true;
}

/* The message has arrived: invalidate what it names, and complete. */
static struct softhca_outcome receive_done(struct softhca_msg *msg,
					   struct softhca_recv_wqe *recv,
					   struct softhca_resp *resp)
{
	struct softhca_qp *peer = msg->peer;

	if (resp->flags & IB_WC_WITH_INVALIDATE &&
	    softhca_mw_invalidate(peer, resp->inv_key)) {
		resp->flags = 0;
		softhca_resp_complete(peer, recv, IB_WC_REM_INV_REQ_ERR, resp);
		return SOFTHCA_DONE_WITH(IB_WC_REM_ACCESS_ERR);
	}
	softhca_resp_complete(peer, recv, IB_WC_SUCCESS, resp);
	return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
}

static struct softhca_outcome do_send(struct softhca_msg *msg)
{
	struct softhca_recv_wqe *recv = msg->qp->req.recv;
	struct softhca_outcome out = {};
	struct softhca_mem src, dst;
	struct softhca_resp resp;

	softhca_msg_resp_init(msg, &resp, IB_WC_RECV);
	if (!take_receive(msg, recv, &resp, &out))
		return out;

	if (msg->wqe->length > recv->length) {
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_LEN_ERR,
				      &resp);
		return SOFTHCA_DONE_WITH(IB_WC_REM_INV_REQ_ERR);
	}

	softhca_msg_own_mem(msg, &src, false);
	softhca_resp_recv_mem(msg->peer, &dst, recv, msg->wqe->length);
	switch (softhca_msg_copy(msg, &dst, &src, msg->wqe->length)) {
	case SOFTHCA_MEM_SRC_FAULT:
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);
	case SOFTHCA_MEM_DST_FAULT:
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_PROT_ERR,
				      &resp);
		return SOFTHCA_DONE_WITH(IB_WC_REM_OP_ERR);
	case SOFTHCA_MEM_STOPPED:
		return softhca_msg_stopped(msg);
	case SOFTHCA_MEM_WOULD_SLEEP:
		return SOFTHCA_DEFERRED;
	case SOFTHCA_MEM_OK:
		break;
	}
	return receive_done(msg, recv, &resp);
}

static struct softhca_outcome do_write(struct softhca_msg *msg)
{
	const struct ib_sge remote = {
		.addr = msg->wqe->remote_addr,
		.length = msg->wqe->length,
		.lkey = msg->wqe->rkey,
	};
	bool imm = msg->wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM;
	struct softhca_recv_wqe *recv = msg->qp->req.recv;
	struct softhca_outcome out = {};
	struct softhca_mem src, dst;
	struct softhca_resp resp;

	if (!(msg->peer->access & IB_ACCESS_REMOTE_WRITE))
		return softhca_msg_invalid_request(msg);

	if (imm) {
		softhca_msg_resp_init(msg, &resp, IB_WC_RECV_RDMA_WITH_IMM);
		if (!take_receive(msg, recv, &resp, &out))
			return out;
	}

	softhca_msg_own_mem(msg, &src, false);
	softhca_resp_remote_mem(msg->peer, &dst, &remote,
				IB_ACCESS_REMOTE_WRITE);
	switch (softhca_msg_copy(msg, &dst, &src, msg->wqe->length)) {
	case SOFTHCA_MEM_SRC_FAULT:
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);
	case SOFTHCA_MEM_DST_FAULT:
		return softhca_msg_access_error(msg);
	case SOFTHCA_MEM_STOPPED:
		return softhca_msg_stopped(msg);
	case SOFTHCA_MEM_WOULD_SLEEP:
		return SOFTHCA_DEFERRED;
	case SOFTHCA_MEM_OK:
		break;
	}

	softhca_qp_count(msg->peer, SOFTHCA_CNT_RX_WRITES, 1);
	return imm ? receive_done(msg, recv, &resp) : SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
}

static struct softhca_outcome do_read(struct softhca_msg *msg)
{
	const struct ib_sge remote = {
		.addr = msg->wqe->remote_addr,
		.length = msg->wqe->length,
		.lkey = msg->wqe->rkey,
	};
	struct softhca_mem src, dst;

	if (msg->wqe->flags & IB_SEND_INLINE || !msg->qp->max_rd_atomic)
		return SOFTHCA_DONE_WITH(IB_WC_LOC_QP_OP_ERR);
	if (!msg->peer->max_dest_rd_atomic ||
	    !(msg->peer->access & IB_ACCESS_REMOTE_READ))
		return softhca_msg_invalid_request(msg);

	softhca_resp_remote_mem(msg->peer, &src, &remote,
				IB_ACCESS_REMOTE_READ);
	softhca_msg_own_mem(msg, &dst, true);
	switch (softhca_msg_copy(msg, &dst, &src, msg->wqe->length)) {
	case SOFTHCA_MEM_SRC_FAULT:
		return softhca_msg_access_error(msg);
	case SOFTHCA_MEM_DST_FAULT:
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);
	case SOFTHCA_MEM_STOPPED:
		return softhca_msg_stopped(msg);
	case SOFTHCA_MEM_WOULD_SLEEP:
		return SOFTHCA_DEFERRED;
	case SOFTHCA_MEM_OK:
		break;
	}

	softhca_qp_count(msg->peer, SOFTHCA_CNT_RX_READS, 1);
	return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
}

/*
 * Do these two agree that they are connected to each other? Where nothing is
 * acknowledged, a message may begin with any packet number, as some may be lost.
 */
static bool is_connected(const struct softhca_qp *qp,
			 const struct softhca_qp *peer)
{
	return peer->ib.qp_type == qp->ib.qp_type &&
	       peer->dest_qpn == qp->ib.qp_num &&
	       (peer->rq_psn == qp->sq_psn || softhca_qp_is_unacked(qp)) &&
	       READ_ONCE(qp->dev->port_up) && READ_ONCE(peer->dev->port_up) &&
	       softhca_same_net(qp->dev, peer->dev) &&
	       !memcmp(&peer->av.sgid, &qp->av.dgid, sizeof(qp->av.dgid)) &&
	       !memcmp(&peer->av.dgid, &qp->av.sgid, sizeof(qp->av.sgid));
}

static struct softhca_outcome ask_peer(struct softhca_msg *msg)
{
	struct softhca_outcome out = { .verdict = SOFTHCA_NO_ANSWER };
	struct softhca_qp *qp = msg->qp;

	msg->peer = softhca_qp_get(qp->dest_qpn);
	if (!msg->peer)
		return out;
	if (!softhca_qp_enter(msg->peer))
		goto out_put;
	if (!is_connected(qp, msg->peer))
		goto out_leave;
	softhca_qp_established(msg->peer);

	switch (msg->wqe->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		out = do_write(msg);
		break;
	case IB_WR_RDMA_READ:
		out = do_read(msg);
		break;
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		out = softhca_do_atomic(msg);
		break;
	case IB_WR_ATOMIC_WRITE:
		out = softhca_do_atomic_write(msg);
		break;
	case IB_WR_FLUSH:
		out = softhca_do_flush(msg);
		break;
	default:
		out = do_send(msg);
		break;
	}

	if (out.verdict == SOFTHCA_DONE && out.status == IB_WC_SUCCESS) {
		softhca_qp_count(qp, SOFTHCA_CNT_TX_MSGS, 1);
		softhca_qp_count(qp, SOFTHCA_CNT_TX_BYTES, msg->wqe->length);
		softhca_qp_count(msg->peer, SOFTHCA_CNT_RX_MSGS, 1);
		softhca_qp_count(msg->peer, SOFTHCA_CNT_RX_BYTES,
			      msg->wqe->length);
	}
out_leave:
	softhca_qp_leave(msg->peer);
out_put:
	softhca_qp_put(msg->peer->handle);
	return out;
}

/*
 * Nobody answers, so all that the sender is told of is what is wrong on its own
 * side. A message that the peer cannot take is lost.
 */
static struct softhca_outcome send_unacked(struct softhca_msg *msg)
{
	struct softhca_outcome out;

	if (softhca_msg_own_mem_is_bad(msg))
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);

	out = ask_peer(msg);
	switch (out.verdict) {
	case SOFTHCA_STOPPED:
	case SOFTHCA_WOULD_SLEEP:
		return out;
	case SOFTHCA_DONE:
		if (out.status == IB_WC_SUCCESS ||
		    out.status == IB_WC_LOC_PROT_ERR)
			return out;
		break;
	default:
		break;
	}
	/* It was sent, for all that its sender can know. */
	softhca_qp_count(msg->qp, SOFTHCA_CNT_TX_MSGS, 1);
	softhca_qp_count(msg->qp, SOFTHCA_CNT_TX_BYTES, msg->wqe->length);
	return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
}

/* What is wrong with a request whoever the peer is. */
static enum ib_wc_status check_request(const struct softhca_msg *msg)
{
	if (msg->wqe->length > SOFTHCA_MAX_MSG)
		return IB_WC_LOC_LEN_ERR;

	switch (msg->wqe->opcode) {
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
	case IB_WR_ATOMIC_WRITE:
		return softhca_atomic_check(msg);
	case IB_WR_FLUSH:
		return softhca_flush_check(msg);
	default:
		return IB_WC_SUCCESS;
	}
}

static struct softhca_outcome send_connected(struct softhca_msg *msg)
{
	enum ib_wc_status status = check_request(msg);
	struct softhca_outcome out;

	if (status)
		return SOFTHCA_DONE_WITH(status);
	if (softhca_qp_is_unacked(msg->qp))
		return send_unacked(msg);

	out = ask_peer(msg);
	if ((out.verdict == SOFTHCA_NOT_READY ||
	     out.verdict == SOFTHCA_NO_ANSWER) &&
	    (softhca_msg_own_mem_is_bad(msg) ||
	     softhca_msg_own_mem_is_gone(msg)))
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);
	return out;
}

/**
 * softhca_local_send - try a send work request with a peer in this kernel
 * @qp: the QP, in RTS, or in SQD with a request that it has begun before
 * @wqe: the request, of an operation that its type of QP has
 * @may_sleep: the caller is in process context and holds no lock
 *
 * Context: As @may_sleep says; by the QP's one requester.
 */
struct softhca_outcome softhca_local_send(struct softhca_qp *qp,
					  struct softhca_send_wqe *wqe,
					  bool may_sleep)
{
	struct softhca_msg msg = {
		.qp = qp,
		.wqe = wqe,
		.may_sleep = may_sleep,
	};

	return softhca_qp_is_datagram(qp) ? softhca_send_datagram(&msg) :
					    send_connected(&msg);
}
