// SPDX-License-Identifier: GPL-2.0
/*
 * Taking work requests from the rings.
 *
 * Those of the kernel are in the form that the HCA works on. Those of user
 * space are elements in the layout of rdma_user_rxe.h, which the user may
 * still write to: each field is read once into a private copy, and what is
 * checked is the copy. Of the totals in an element only that of inline data
 * is used; the ranges' lengths are summed here.
 */
#include <rdma/rdma_user_rxe.h>

#include "qp.h"
#include "trace.h"
#include "wqe.h"

size_t softhca_send_wqe_size(u32 max_sge, u32 max_inline)
{
	return offsetof(struct softhca_send_wqe, sge) +
	       max_t(size_t, max_sge * sizeof(struct ib_sge), max_inline);
}

size_t softhca_recv_wqe_size(u32 max_sge)
{
	return struct_size_t(struct softhca_recv_wqe, sge, max_sge);
}

size_t softhca_user_send_wqe_size(u32 max_sge, u32 max_inline)
{
	return sizeof(struct rxe_send_wqe) +
	       max_t(size_t, max_sge * sizeof(struct rxe_sge), max_inline);
}

size_t softhca_user_recv_wqe_size(u32 max_sge)
{
	return sizeof(struct rxe_recv_wqe) + max_sge * sizeof(struct rxe_sge);
}

/**
 * softhca_opcode_valid - is this operation for this type of QP?
 * @type: of the QP
 * @opcode: from a work request, unchecked
 */
bool softhca_opcode_valid(enum ib_qp_type type, u32 opcode)
{
	switch (opcode) {
	case IB_WR_SEND:
	case IB_WR_SEND_WITH_IMM:
		return true;
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_LOCAL_INV:
	case IB_WR_REG_MR:
		return type == IB_QPT_RC || type == IB_QPT_UC;
	case IB_WR_SEND_WITH_INV:
	case IB_WR_RDMA_READ:
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
	case IB_WR_ATOMIC_WRITE:
		return type == IB_QPT_RC;
	case IB_WR_FLUSH:
		return type == IB_QPT_RC && SOFTHCA_HAS_FLUSH;
	case IB_WR_BIND_MW:
		return type == IB_QPT_RC || type == IB_QPT_UC;
	default:
		return false;
	}
}

/* Has the operation data of its own, which the element names or contains? */
static bool wr_has_data(u32 opcode)
{
	return opcode != IB_WR_LOCAL_INV && opcode != IB_WR_BIND_MW &&
	       opcode != IB_WR_FLUSH;
}

static u64 sge_total(const struct ib_sge *sge, u32 num_sge)
{
	u64 total = 0;
	u32 i;

	for (i = 0; i < num_sge; i++)
		total += sge[i].length;
	return total;
}

/*
 * The ranges of a user's element. struct rxe_sge and struct ib_sge have the
 * same layout.
 */
static int user_sges(struct ib_sge *to, const struct rxe_dma_info *dma,
		     u32 max_sge, u32 *num_sge, u64 *length)
{
	u32 n = READ_ONCE(dma->num_sge);

	BUILD_BUG_ON(sizeof(struct rxe_sge) != sizeof(struct ib_sge));
	*num_sge = 0;
	*length = 0;
	if (n > max_sge)
		return -EINVAL;
	memcpy(to, dma->sge, n * sizeof(*to));
	*num_sge = n;
	*length = sge_total(to, n);
	return 0;
}

static int user_datagram(struct softhca_qp *qp, struct softhca_send_wqe *wqe,
			 const struct rxe_send_wr *wr)
{
	wqe->ud.qpn = READ_ONCE(wr->wr.ud.remote_qpn);
	wqe->ud.qkey = READ_ONCE(wr->wr.ud.remote_qkey);
	return softhca_ah_find_av(qp->dev, qp->ib.pd,
				  READ_ONCE(wr->wr.ud.ah_num), &wqe->ud.av);
}

static void user_atomic(struct softhca_send_wqe *wqe,
			const struct rxe_send_wr *wr)
{
	wqe->remote_addr = READ_ONCE(wr->wr.atomic.remote_addr);
	wqe->rkey = READ_ONCE(wr->wr.atomic.rkey);
	wqe->atomic.compare_add = READ_ONCE(wr->wr.atomic.compare_add);
	wqe->atomic.swap = READ_ONCE(wr->wr.atomic.swap);
}

/* librxe leaves the length where that of data is. */
static void user_flush(struct softhca_send_wqe *wqe,
		       const struct rxe_send_wr *wr)
{
	const struct rxe_send_wqe *from =
		container_of(wr, struct rxe_send_wqe, wr);

	wqe->remote_addr = compat_rxe_flush(wr, remote_addr);
	wqe->rkey = compat_rxe_flush(wr, rkey);
	wqe->flush.length = READ_ONCE(from->dma.length);
	wqe->flush.type = compat_rxe_flush(wr, type);
	wqe->flush.level = compat_rxe_flush(wr, level);
}

static void user_bind(struct softhca_send_wqe *wqe,
		      const struct rxe_send_wr *wr)
{
	wqe->mw.addr = READ_ONCE(wr->wr.mw.addr);
	wqe->mw.length = READ_ONCE(wr->wr.mw.length);
	wqe->mw.mr_lkey = READ_ONCE(wr->wr.mw.mr_lkey);
	wqe->mw.mw_rkey = READ_ONCE(wr->wr.mw.mw_rkey);
	wqe->mw.rkey = READ_ONCE(wr->wr.mw.rkey);
	wqe->mw.access = READ_ONCE(wr->wr.mw.access);
}

static int user_operation(struct softhca_qp *qp, struct softhca_send_wqe *wqe,
			  const struct rxe_send_wr *wr)
{
	if (!softhca_opcode_valid(qp->ib.qp_type, wqe->opcode))
		return -EINVAL;

	switch (wqe->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
	case IB_WR_ATOMIC_WRITE:
		wqe->remote_addr = READ_ONCE(wr->wr.rdma.remote_addr);
		wqe->rkey = READ_ONCE(wr->wr.rdma.rkey);
		return 0;
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		user_atomic(wqe, wr);
		return 0;
	case IB_WR_FLUSH:
		user_flush(wqe, wr);
		return 0;
	case IB_WR_BIND_MW:
		user_bind(wqe, wr);
		return 0;
	case IB_WR_REG_MR:	/* the kernel's alone */
		return -EINVAL;
	default:
		return softhca_qp_is_datagram(qp) ?
		       user_datagram(qp, wqe, wr) : 0;
	}
}

/*
 * The extended interface (ibv_wr_set_inline_data, ibv_wr_atomic_write) leaves its
 * mark in the total alone: there are no ranges, and yet there is a length.
 */
static int user_data(struct softhca_qp *qp, struct softhca_send_wqe *wqe,
		     const struct rxe_dma_info *dma)
{
	u32 length = READ_ONCE(dma->length);
	int err;

	if (!(wqe->flags & IB_SEND_INLINE)) {
		err = user_sges(wqe->sge, dma, qp->sq.max_sge, &wqe->num_sge,
				&wqe->length);
		if (err || wqe->num_sge || !length)
			return err;
		wqe->flags |= IB_SEND_INLINE;
	}

	if (length > qp->sq.max_inline)
		return -EINVAL;
	memcpy(wqe->inline_data, dma->inline_data, length);
	wqe->num_sge = 0;
	wqe->length = length;
	return 0;
}

static struct softhca_send_wqe *user_send_wqe(struct softhca_qp *qp)
{
	const struct rxe_send_wqe *from = softhca_ring_head(&qp->sq.ring);
	struct softhca_send_wqe *wqe = qp->req.wqe;

	wqe->wr_id = READ_ONCE(from->wr.wr_id);
	wqe->opcode = READ_ONCE(from->wr.opcode);
	wqe->flags = READ_ONCE(from->wr.send_flags);
	wqe->inv_key = READ_ONCE(from->wr.ex.invalidate_rkey);
	wqe->length = 0;
	wqe->num_sge = 0;
	wqe->status = IB_WC_SUCCESS;

	if (user_operation(qp, wqe, &from->wr) ||
	    (wr_has_data(wqe->opcode) && user_data(qp, wqe, &from->dma)))
		wqe->status = IB_WC_LOC_QP_OP_ERR;
	return wqe;
}

/**
 * softhca_sq_head - the send work request that is next
 * @qp: the QP
 *
 * Context: By the QP's one requester.
 * Return: the request, good until the ring is popped, or NULL.
 */
struct softhca_send_wqe *softhca_sq_head(struct softhca_qp *qp)
{
	if (!softhca_ring_avail(&qp->sq.ring))
		return NULL;
	return qp->user ? user_send_wqe(qp) : softhca_ring_head(&qp->sq.ring);
}

/**
 * softhca_recv_head - copy the receive work request that is next in a ring
 * @ring: the ring
 * @user: it is shared with user space
 * @max_sge: ranges that a request of it may have
 * @recv: receives the copy; with room for so many ranges
 *
 * It stays in the ring until that is popped.
 *
 * Context: By the ring's one consumer.
 * Return: 0; -EAGAIN where the ring is empty; -EINVAL where the element is
 * malformed, with its wr_id in @recv.
 */
int softhca_recv_head(const struct softhca_ring *ring, bool user, u32 max_sge,
		      struct softhca_recv_wqe *recv)
{
	const struct rxe_recv_wqe *from_user;
	const struct softhca_recv_wqe *from;

	if (!softhca_ring_avail(ring))
		return -EAGAIN;

	if (user) {
		from_user = softhca_ring_head(ring);
		recv->wr_id = READ_ONCE(from_user->wr_id);
		return user_sges(recv->sge, &from_user->dma, max_sge,
				 &recv->num_sge, &recv->length);
	}

	from = softhca_ring_head(ring);
	memcpy(recv, from, softhca_recv_wqe_size(from->num_sge));
	return 0;
}

/**
 * softhca_rq_head - copy the receive work request that is next
 * @qp: the QP
 * @recv: receives the copy; with room for SOFTHCA_MAX_SGE ranges
 *
 * It stays the QP's next one until softhca_rq_pop(). That of a shared receive
 * queue is taken from there, for this QP alone.
 *
 * Context: Any; by the one who executes a message to the QP, or flushes.
 * Return: 0; -EAGAIN where there is none; -EINVAL where it is malformed, with its
 * wr_id in @recv.
 */
int softhca_rq_head(struct softhca_qp *qp, struct softhca_recv_wqe *recv)
{
	struct softhca_held *held = &qp->held;
	int err;

	if (!qp->srq) {
		err = softhca_recv_head(&qp->rq.ring, qp->user, qp->rq.max_sge,
					recv);
		if (qp->user && err != -EAGAIN)
			trace_hca_post_recv(qp, recv);
		return err;
	}

	/* In the error state it takes nothing more from the others. */
	if (!held->taken) {
		err = softhca_qp_receives(qp) ?
		      softhca_srq_take(qp->srq, held) : -EAGAIN;
		if (err)
			return err;
		trace_hca_post_recv(qp, held->recv);
	}
	memcpy(recv, held->recv, softhca_recv_wqe_size(held->recv->num_sge));
	return held->err;
}

/**
 * softhca_rq_pop - the receive work request that was next is done with
 * @qp: the QP
 *
 * Context: As softhca_rq_head().
 */
void softhca_rq_pop(struct softhca_qp *qp)
{
	if (qp->srq)
		qp->held.taken = false;
	else
		softhca_ring_pop(&qp->rq.ring);
}
