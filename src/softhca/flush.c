// SPDX-License-Identifier: GPL-2.0
/*
 * FLUSH (IBTA annex A19.4): what was written before to a range or region of the
 * peer is where the placement type says when it completes.
 *
 * What a CPU has written is seen by all others and by devices; so global
 * visibility takes a barrier, which also orders what this connection wrote
 * through other processors. Persistence is not promised: where the memory lies
 * is not known here, and nothing writes back its cache lines. The device does
 * not report it, so that no memory can grant it, and it is refused as what was
 * not granted.
 */
#include "flush.h"

/**
 * softhca_flush_check - what is wrong with a flush whoever the peer is
 * @msg: the message, with no peer yet
 *
 * Return: what it completes with, or IB_WC_SUCCESS.
 */
enum ib_wc_status softhca_flush_check(const struct softhca_msg *msg)
{
	const struct softhca_send_wqe *wqe = msg->wqe;

	if (!msg->qp->max_rd_atomic || !wqe->flush.type ||
	    (wqe->flush.type & ~(IB_FLUSH_GLOBAL | IB_FLUSH_PERSISTENT)) ||
	    (wqe->flush.level != IB_FLUSH_RANGE &&
	     wqe->flush.level != IB_FLUSH_MR))
		return IB_WC_LOC_QP_OP_ERR;
	return IB_WC_SUCCESS;
}

/**
 * softhca_do_flush - flush a range, or a region
 * @msg: the message
 *
 * Context: Any, by the QP's one requester.
 */
struct softhca_outcome softhca_do_flush(struct softhca_msg *msg)
{
	const struct softhca_send_wqe *wqe = msg->wqe;
	const struct ib_sge remote = {
		.addr = wqe->remote_addr,
		.length = wqe->flush.length,
		.lkey = wqe->rkey,
	};
	struct softhca_mem mem;
	int access = 0;
	bool granted;

	if (wqe->flush.type & IB_FLUSH_GLOBAL)
		access |= IB_ACCESS_FLUSH_GLOBAL;
	if (wqe->flush.type & IB_FLUSH_PERSISTENT)
		access |= IB_ACCESS_FLUSH_PERSISTENT;
	if (!msg->peer->max_dest_rd_atomic ||
	    (msg->peer->access & access) != access)
		return softhca_msg_invalid_request(msg);

	softhca_resp_remote_mem(msg->peer, &mem, &remote, access);
	if (wqe->flush.level == IB_FLUSH_MR)
		granted = softhca_mem_key_is_good(&mem);
	else
		granted = !softhca_msg_check_fails(msg, &mem, remote.length);
	if (!granted)
		return softhca_msg_access_error(msg);

	/* What was written before it is there for everybody who sees its end. */
	smp_mb();
	return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
}
