// SPDX-License-Identifier: GPL-2.0
/*
 * Posting work requests: those of kernel ULPs are checked and put into the
 * ring; those of user space are in the ring already, and the call is its
 * doorbell.
 *
 * A ULP may post from any context, with its locks held and interrupts off.
 */
#include "memory.h"
#include "mr.h"
#include "post.h"
#include "qp.h"
#include "requester.h"
#include "trace.h"

static int check_send_wr(const struct softhca_qp *qp,
			 const struct ib_send_wr *wr, u64 *length)
{
	u64 total = 0;
	int i;

	if (!softhca_opcode_valid(qp->ib.qp_type, wr->opcode))
		return -EINVAL;
	/* For these the kernel's verbs have no work request. */
	if (wr->opcode == IB_WR_BIND_MW || (u32)wr->opcode == IB_WR_FLUSH)
		return -EINVAL;
	if (wr->num_sge < 0 || wr->num_sge > qp->sq.max_sge)
		return -EINVAL;
	for (i = 0; i < wr->num_sge; i++)
		total += wr->sg_list[i].length;
	if ((wr->send_flags & IB_SEND_INLINE) &&
	    (total > qp->sq.max_inline || softhca_wr_has_answer(wr->opcode)))
		return -EINVAL;
	if (softhca_qp_is_datagram(qp) && !ud_wr(wr)->ah)
		return -EINVAL;
	if (wr->opcode == IB_WR_REG_MR && !reg_wr(wr)->mr)
		return -EINVAL;
	*length = total;
	return 0;
}

static void fill_operation(const struct softhca_qp *qp,
			   struct softhca_send_wqe *wqe,
			   const struct ib_send_wr *wr)
{
	const struct ib_reg_wr *reg;

	if (softhca_qp_is_datagram(qp)) {
		softhca_ah_get_av(ud_wr(wr)->ah, &wqe->ud.av);
		wqe->ud.qpn = ud_wr(wr)->remote_qpn;
		wqe->ud.qkey = ud_wr(wr)->remote_qkey;
		return;
	}

	switch (wqe->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
	case IB_WR_ATOMIC_WRITE:
		wqe->remote_addr = rdma_wr(wr)->remote_addr;
		wqe->rkey = rdma_wr(wr)->rkey;
		break;
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		wqe->remote_addr = atomic_wr(wr)->remote_addr;
		wqe->rkey = atomic_wr(wr)->rkey;
		wqe->atomic.compare_add = atomic_wr(wr)->compare_add;
		wqe->atomic.swap = atomic_wr(wr)->swap;
		break;
	case IB_WR_REG_MR:
		reg = reg_wr(wr);
		wqe->reg.lkey = reg->mr->lkey;
		wqe->reg.key = reg->key;
		wqe->reg.access = reg->access;
		wqe->reg.page_size = reg->mr->page_size;
		wqe->reg.iova = reg->mr->iova;
		wqe->reg.length = reg->mr->length;
		break;
	default:
		break;
	}
}

static int post_one_send(struct softhca_qp *qp, const struct ib_send_wr *wr)
{
	struct softhca_send_wqe *wqe;
	u64 length;
	int err;

	err = check_send_wr(qp, wr, &length);
	if (err)
		return err;
	if (softhca_ring_full(&qp->sq.ring))
		return -ENOMEM;

	wqe = softhca_ring_tail(&qp->sq.ring);
	wqe->wr_id = wr->wr_id;
	wqe->opcode = wr->opcode;
	wqe->flags = wr->send_flags;
	wqe->inv_key = wr->ex.invalidate_rkey;
	wqe->length = length;
	wqe->num_sge = wr->num_sge;
	wqe->status = IB_WC_SUCCESS;
	fill_operation(qp, wqe, wr);

	if (wr->send_flags & IB_SEND_INLINE)
		softhca_mem_copy_inline(wqe->inline_data, wr->sg_list,
					wr->num_sge);
	else
		memcpy(wqe->sge, wr->sg_list,
		       wr->num_sge * sizeof(*wr->sg_list));

	trace_hca_post_send(qp, wqe);
	softhca_ring_push(&qp->sq.ring);
	return 0;
}

int softhca_post_send(struct ib_qp *ib, const struct ib_send_wr *wr,
		      const struct ib_send_wr **bad_wr)
{
	struct softhca_qp *qp = to_softhca_qp(ib);
	unsigned long flags;
	int err = 0;

	if (softhca_qp_state(qp) < IB_QPS_RTS || (qp->user && wr)) {
		*bad_wr = wr;
		return -EINVAL;
	}

	if (!qp->user) {
		spin_lock_irqsave(&qp->sq.lock, flags);
		for (; wr && !err; wr = wr->next) {
			err = post_one_send(qp, wr);
			if (err)
				*bad_wr = wr;
		}
		spin_unlock_irqrestore(&qp->sq.lock, flags);
	}

	softhca_req_doorbell(qp);
	return err;
}

/* @qp is NULL for a shared receive queue. */
static int post_one_recv(const struct softhca_qp *qp, struct softhca_ring *ring,
			 u32 max_sge, const struct ib_recv_wr *wr)
{
	struct softhca_recv_wqe *wqe;
	int i;

	if (wr->num_sge < 0 || wr->num_sge > max_sge)
		return -EINVAL;
	if (softhca_ring_full(ring))
		return -ENOMEM;

	wqe = softhca_ring_tail(ring);
	wqe->wr_id = wr->wr_id;
	wqe->num_sge = wr->num_sge;
	wqe->length = 0;
	for (i = 0; i < wr->num_sge; i++) {
		wqe->sge[i] = wr->sg_list[i];
		wqe->length += wr->sg_list[i].length;
	}

	if (qp)
		trace_hca_post_recv(qp, wqe);
	softhca_ring_push(ring);
	return 0;
}

int softhca_post_recv(struct ib_qp *ib, const struct ib_recv_wr *wr,
		      const struct ib_recv_wr **bad_wr)
{
	struct softhca_qp *qp = to_softhca_qp(ib);
	unsigned long flags;
	int err = 0;

	/* User space has its receives in the ring and does not call. */
	if (qp->user || qp->srq || softhca_qp_state(qp) == IB_QPS_RESET) {
		*bad_wr = wr;
		return -EINVAL;
	}

	spin_lock_irqsave(&qp->rq.lock, flags);
	for (; wr && !err; wr = wr->next) {
		err = post_one_recv(qp, &qp->rq.ring, qp->rq.max_sge, wr);
		if (err)
			*bad_wr = wr;
	}
	spin_unlock_irqrestore(&qp->rq.lock, flags);

	/* In the error state it is flushed. */
	if (softhca_qp_state(qp) == IB_QPS_ERR)
		softhca_req_kick(qp);
	return err;
}

int softhca_post_srq_recv(struct ib_srq *ib, const struct ib_recv_wr *wr,
			  const struct ib_recv_wr **bad_wr)
{
	struct softhca_srq *srq = to_softhca_srq(ib);
	unsigned long flags;
	int err = 0;

	if (srq->user) {
		*bad_wr = wr;
		return -EINVAL;
	}

	spin_lock_irqsave(&srq->lock, flags);
	for (; wr && !err; wr = wr->next) {
		err = post_one_recv(NULL, &srq->ring, srq->max_sge, wr);
		if (err)
			*bad_wr = wr;
	}
	spin_unlock_irqrestore(&srq->lock, flags);
	return err;
}
