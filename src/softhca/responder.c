// SPDX-License-Identifier: GPL-2.0
/*
 * The responder: the receive queue, its completions, the memory that a
 * message may reach, and the errors that it causes, on the QP that it is for.
 *
 * It is the same for every transport. It runs in the context of whoever
 * executes the message, between softhca_qp_enter() and softhca_qp_leave().
 */
#include "counters.h"
#include "qp_state.h"
#include "responder.h"

static void count_status(struct softhca_qp *qp, enum ib_wc_status status)
{
	switch (status) {
	case IB_WC_SUCCESS:
		return;
	case IB_WC_WR_FLUSH_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_RESP_CQE_FLUSH, 1);
		break;
	case IB_WC_LOC_LEN_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_RESP_LOCAL_LENGTH, 1);
		break;
	case IB_WC_LOC_PROT_ERR:
		softhca_qp_count(qp, SOFTHCA_CNT_RESP_LOCAL_PROT, 1);
		break;
	default:
		break;
	}
	softhca_qp_count(qp, SOFTHCA_CNT_RESP_CQE_ERROR, 1);
}

/**
 * softhca_resp_complete - consume the head of the receive queue
 * @qp: the QP
 * @recv: that request
 * @status: of the completion; anything but success moves the QP to the error
 *	state
 * @resp: what to say of the message
 *
 * Context: Any, as the queue's one consumer.
 */
void softhca_resp_complete(struct softhca_qp *qp,
			   const struct softhca_recv_wqe *recv,
			   enum ib_wc_status status,
			   const struct softhca_resp *resp)
{
	struct ib_wc wc = {
		.wr_id = recv->wr_id,
		.status = status,
		.opcode = resp->opcode,
		.byte_len = resp->byte_len,
		.qp = &qp->ib,
		.src_qp = resp->src_qpn,
		.wc_flags = resp->flags,
		.ex.invalidate_rkey = resp->inv_key,
		.sl = resp->sl,
		.port_num = 1,
		.network_hdr_type = resp->hdr_type,
	};

	count_status(qp, status);

	/* First the slot, then the entry: its reader may post at once. */
	softhca_rq_pop(qp);
	if (softhca_cq_add(softhca_recv_cq(qp), &wc, resp->solicited)) {
		softhca_qp_error(qp);
		softhca_qp_event(qp, IB_EVENT_QP_FATAL);
	} else if (status != IB_WC_SUCCESS) {
		softhca_qp_error(qp);
	}
}

/**
 * softhca_resp_fail - a message broke the rules without using a receive
 * @qp: the QP that it was for
 * @event: IB_EVENT_QP_ACCESS_ERR or IB_EVENT_QP_REQ_ERR
 *
 * Context: Any.
 */
void softhca_resp_fail(struct softhca_qp *qp, enum ib_event_type event)
{
	if (event == IB_EVENT_QP_ACCESS_ERR)
		softhca_qp_count(qp, SOFTHCA_CNT_RESP_REMOTE_ACCESS, 1);
	softhca_qp_error(qp);
	softhca_qp_event(qp, event);
}

/**
 * softhca_resp_flush_one - complete the head of the receive queue as flushed
 * @qp: the QP, in the error state
 * @recv: that request
 */
void softhca_resp_flush_one(struct softhca_qp *qp,
			    const struct softhca_recv_wqe *recv)
{
	const struct softhca_resp resp = { .opcode = IB_WC_RECV };

	softhca_resp_complete(qp, recv, IB_WC_WR_FLUSH_ERR, &resp);
}

/* Only what is written must be granted: a receive can end behind its region. */
static void cut_receive(struct softhca_recv_wqe *recv, u32 len)
{
	u32 i;

	for (i = 0; i < recv->num_sge; i++) {
		recv->sge[i].length = min(recv->sge[i].length, len);
		len -= recv->sge[i].length;
	}
}

/**
 * softhca_resp_recv_mem - the memory of a receive
 * @qp: the QP
 * @mem: receives the side of the transfer
 * @recv: the copy of the receive work request; its ranges are cut to @len bytes
 * @len: what is written to it, not more than it has room for
 */
void softhca_resp_recv_mem(struct softhca_qp *qp, struct softhca_mem *mem,
			   struct softhca_recv_wqe *recv, u32 len)
{
	if (len < recv->length)
		cut_receive(recv, len);
	*mem = (struct softhca_mem) {
		.dev = qp->dev,
		.pd = qp->srq ? qp->srq->ib.pd : qp->ib.pd,
		.sge = recv->sge,
		.num_sge = recv->num_sge,
		.access = IB_ACCESS_LOCAL_WRITE,
		.dir = DMA_FROM_DEVICE,
		.user = qp->user,
	};
}

/* A flush moves nothing: any mapping that can be written will do. */
static enum dma_data_direction remote_dir(int access)
{
	switch (access) {
	case IB_ACCESS_REMOTE_READ:
		return DMA_TO_DEVICE;
	case IB_ACCESS_REMOTE_ATOMIC:
		return DMA_BIDIRECTIONAL;
	default:
		return DMA_FROM_DEVICE;
	}
}

/**
 * softhca_resp_remote_mem - the memory that a peer names
 * @qp: the QP that the message is for
 * @mem: receives the side of the transfer
 * @sge: remote address, length and R_Key
 * @access: IB_ACCESS_REMOTE_*, one of them, or IB_ACCESS_FLUSH_*
 */
void softhca_resp_remote_mem(struct softhca_qp *qp, struct softhca_mem *mem,
			     const struct ib_sge *sge, int access)
{
	*mem = (struct softhca_mem) {
		.dev = qp->dev,
		.pd = qp->ib.pd,
		.qp = qp,
		.sge = sge,
		.num_sge = 1,
		.access = access,
		.dir = remote_dir(access),
		.user = qp->user,
	};
}
