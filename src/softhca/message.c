// SPDX-License-Identifier: GPL-2.0
/*
 * A message under way: the sender's memory, the copy with its end in sight, and
 * what it tells the QP that it is for. What each operation does with these is
 * local.c's and datagram.c's.
 */
#include "message.h"
#include "qp_state.h"
#include "refusal.h"

static bool stop_copy(void *arg)
{
	const struct softhca_msg *msg = arg;

	return !softhca_qp_sends(msg->qp) ||
	       !softhca_qp_receives(msg->peer);
}

/* One side of a message was refused; say so if it was the reverse map. */
static void msg_refused(const struct softhca_msg *msg,
			const struct softhca_mem *mem)
{
	if (!mem->refused.len)
		return;
	if (mem->sge == msg->wqe->sge)
		softhca_refused_send(msg->qp, msg->wqe, mem);
	else if (mem->sge == msg->qp->req.recv->sge)
		softhca_refused_recv(msg->peer, msg->qp->req.recv, mem);
	else
		softhca_refused_remote(msg->peer, msg->qp, msg->wqe, mem);
}

/**
 * softhca_msg_own_mem - the memory that the sender names
 * @msg: the message
 * @mem: receives the side of the transfer
 * @write: it is written, as by an RDMA read or an atomic
 */
void softhca_msg_own_mem(const struct softhca_msg *msg,
			 struct softhca_mem *mem, bool write)
{
	struct softhca_send_wqe *wqe = msg->wqe;

	*mem = (struct softhca_mem) {
		.dev = msg->qp->dev,
		.pd = msg->qp->ib.pd,
		.sge = wqe->sge,
		.num_sge = wqe->num_sge,
		.access = write ? IB_ACCESS_LOCAL_WRITE : 0,
		.dir = write ? DMA_FROM_DEVICE : DMA_TO_DEVICE,
		.user = msg->qp->user,
		.inline_data = wqe->flags & IB_SEND_INLINE ? wqe->inline_data :
							     NULL,
	};
}

/**
 * softhca_msg_own_mem_is_bad - is the sender's own memory refused?
 * @msg: the message; its peer may not be known
 *
 * What hardware finds wrong with the sender's own memory it finds before it
 * knows anything of the peer.
 */
bool softhca_msg_own_mem_is_bad(const struct softhca_msg *msg)
{
	struct softhca_mem mem;

	softhca_msg_own_mem(msg, &mem, softhca_wr_has_answer(msg->wqe->opcode));
	return softhca_msg_check_fails(msg, &mem, msg->wqe->length);
}

/**
 * softhca_msg_own_mem_is_gone - can the sender's own memory not be brought in?
 * @msg: the message, that nobody takes at this moment
 *
 * As softhca_msg_own_mem_is_bad(), of memory on demand. Where one may not sleep the
 * answer is that it can: kernel ULPs have no such memory.
 */
bool softhca_msg_own_mem_is_gone(const struct softhca_msg *msg)
{
	struct softhca_mem mem;

	if (!msg->may_sleep)
		return false;
	softhca_msg_own_mem(msg, &mem, softhca_wr_has_answer(msg->wqe->opcode));
	return softhca_mem_bring_in(&mem, msg->wqe->length);
}

/**
 * softhca_msg_check_fails - is one side refused, before anything is moved?
 * @msg: the message
 * @mem: the side
 * @len: bytes of it
 */
bool softhca_msg_check_fails(const struct softhca_msg *msg,
			     struct softhca_mem *mem, u64 len)
{
	if (likely(!softhca_mem_check(mem, len)))
		return false;
	msg_refused(msg, mem);
	return true;
}

/**
 * softhca_msg_copy - move a message's bytes
 * @msg: the message
 * @dst: side that is written
 * @src: side that is read
 * @len: bytes
 *
 * It stops when one of the two QPs leaves the states in which that goes on. What
 * the reverse map refuses is told in the kernel log.
 */
enum softhca_mem_result softhca_msg_copy(struct softhca_msg *msg,
					 struct softhca_mem *dst,
					 struct softhca_mem *src, u64 len)
{
	const struct softhca_mem_stop stop = {
		.stop = stop_copy,
		.arg = msg,
		.may_sleep = msg->may_sleep,
	};
	enum softhca_mem_result result;

	result = softhca_mem_copy(dst, src, len, &stop);
	if (unlikely(result == SOFTHCA_MEM_SRC_FAULT))
		msg_refused(msg, src);
	else if (unlikely(result == SOFTHCA_MEM_DST_FAULT))
		msg_refused(msg, dst);
	return result;
}

/**
 * softhca_msg_stopped - the verdict on a message whose copy was stopped
 * @msg: the message
 */
struct softhca_outcome softhca_msg_stopped(const struct softhca_msg *msg)
{
	struct softhca_outcome out = { .verdict = SOFTHCA_NO_ANSWER };

	if (!softhca_qp_sends(msg->qp))
		out.verdict = SOFTHCA_STOPPED;
	return out;
}

/**
 * softhca_msg_invalid_request - the peer was not set up for this operation
 * @msg: the message
 *
 * On the wire: a NAK, invalid request. Where nothing is acknowledged, it is
 * dropped, and the peer is none the worse for it.
 */
struct softhca_outcome softhca_msg_invalid_request(const struct softhca_msg *msg)
{
	if (!softhca_qp_is_unacked(msg->peer))
		softhca_resp_fail(msg->peer, IB_EVENT_QP_REQ_ERR);
	return SOFTHCA_DONE_WITH(IB_WC_REM_INV_REQ_ERR);
}

/**
 * softhca_msg_access_error - a key or range of the peer's does not grant it
 * @msg: the message
 *
 * On the wire: a NAK, remote access error. Where nothing is acknowledged, it is
 * dropped, and the peer is none the worse for it.
 */
struct softhca_outcome softhca_msg_access_error(const struct softhca_msg *msg)
{
	if (!softhca_qp_is_unacked(msg->peer))
		softhca_resp_fail(msg->peer, IB_EVENT_QP_ACCESS_ERR);
	return SOFTHCA_DONE_WITH(IB_WC_REM_ACCESS_ERR);
}

/**
 * softhca_msg_resp_init - what the peer's completion says of a message
 * @msg: the message
 * @resp: receives it
 * @opcode: IB_WC_RECV or IB_WC_RECV_RDMA_WITH_IMM
 */
void softhca_msg_resp_init(const struct softhca_msg *msg,
			   struct softhca_resp *resp, enum ib_wc_opcode opcode)
{
	const struct softhca_send_wqe *wqe = msg->wqe;

	*resp = (struct softhca_resp) {
		.opcode = opcode,
		.byte_len = wqe->length,
		.src_qpn = msg->qp->ib.qp_num,
		.sl = msg->peer->av.sl,
		.solicited = wqe->flags & IB_SEND_SOLICITED,
	};
	if (wqe->opcode == IB_WR_SEND_WITH_IMM ||
	    wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM) {
		resp->flags = IB_WC_WITH_IMM;
		resp->imm_data = wqe->imm_data;
	} else if (wqe->opcode == IB_WR_SEND_WITH_INV) {
		resp->flags = IB_WC_WITH_INVALIDATE;
		resp->inv_key = wqe->inv_key;
	}
}
