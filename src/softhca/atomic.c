// SPDX-License-Identifier: GPL-2.0
/*
 * Atomic operations on eight bytes of the peer: compare and swap, fetch and add,
 * and the write that nobody sees half done.
 *
 * They are the CPU's own atomic operations on that memory, so they are atomic
 * against each other, against other devices of ours, and against programs that
 * use the CPU's: IB_ATOMIC_GLOB. The address must be a multiple of eight, and
 * so must be where that lies in memory; a region's first byte can be at an
 * address that has nothing to do with its place.
 */
#include <linux/atomic.h>

#include "atomic.h"
#include "counters.h"

/**
 * struct atomic_op - one operation, as memory.c is asked to apply it
 * @wqe: the work request
 * @value: atomic write: what is written
 * @original: the others: what was there
 * @misaligned: it was not done, as the place is no multiple of eight
 */
struct atomic_op {
	const struct softhca_send_wqe *wqe;
	u64 value;
	u64 original;
	bool misaligned;
};

static void apply(void *arg, void *place, u32 len)
{
	struct atomic_op *op = arg;
	const struct softhca_send_wqe *wqe = op->wqe;

	if (!IS_ALIGNED(wqe->remote_addr, sizeof(u64)) ||
	    !IS_ALIGNED((uintptr_t)place, sizeof(u64)) || len != sizeof(u64)) {
		op->misaligned = true;
		return;
	}

	switch (wqe->opcode) {
	case IB_WR_ATOMIC_CMP_AND_SWP:
		op->original = atomic64_cmpxchg(place, wqe->atomic.compare_add,
						wqe->atomic.swap);
		break;
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		op->original = atomic64_fetch_add(wqe->atomic.compare_add,
						  place);
		break;
	default:
		/* After what this connection has written before. */
		smp_wmb();
		atomic64_set(place, op->value);
		break;
	}
}

/**
 * softhca_atomic_check - what is wrong with an atomic whoever the peer is
 * @msg: the message, with no peer yet
 *
 * Return: what it completes with, or IB_WC_SUCCESS.
 */
enum ib_wc_status softhca_atomic_check(const struct softhca_msg *msg)
{
	struct softhca_send_wqe *wqe = msg->wqe;

	if (!msg->qp->max_rd_atomic)
		return IB_WC_LOC_QP_OP_ERR;
	if (!softhca_wr_has_answer(wqe->opcode))
		return wqe->length == sizeof(u64) ? IB_WC_SUCCESS :
						    IB_WC_LOC_LEN_ERR;

	/* The answer goes to memory that a key names. */
	if (wqe->flags & IB_SEND_INLINE)
		return IB_WC_LOC_QP_OP_ERR;
	if (wqe->length < sizeof(u64))
		return IB_WC_LOC_LEN_ERR;
	wqe->length = sizeof(u64);
	return IB_WC_SUCCESS;
}

/* Apply it to the peer's memory. */
static struct softhca_outcome ask(struct softhca_msg *msg, struct atomic_op *op,
				  int access)
{
	const struct ib_sge remote = {
		.addr = msg->wqe->remote_addr,
		.length = sizeof(u64),
		.lkey = msg->wqe->rkey,
	};
	struct softhca_mem src = { .inline_data = &op->value }, dst;

	if (!msg->peer->max_dest_rd_atomic || !(msg->peer->access & access))
		return softhca_msg_invalid_request(msg);

	softhca_resp_remote_mem(msg->peer, &dst, &remote, access);
	dst.apply = apply;
	dst.apply_arg = op;
	switch (softhca_msg_copy(msg, &dst, &src, sizeof(u64))) {
	case SOFTHCA_MEM_SRC_FAULT:
	case SOFTHCA_MEM_DST_FAULT:
		return softhca_msg_access_error(msg);
	case SOFTHCA_MEM_STOPPED:
		return softhca_msg_stopped(msg);
	case SOFTHCA_MEM_WOULD_SLEEP:
		return SOFTHCA_DEFERRED;
	case SOFTHCA_MEM_OK:
		break;
	}
	if (op->misaligned)
		return softhca_msg_invalid_request(msg);

	softhca_qp_count(msg->peer, SOFTHCA_CNT_RX_ATOMICS, 1);
	return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
}

/**
 * softhca_do_atomic - compare and swap, or fetch and add
 * @msg: the message
 *
 * Context: As the message says; by the QP's one requester.
 */
struct softhca_outcome softhca_do_atomic(struct softhca_msg *msg)
{
	struct atomic_op op = { .wqe = msg->wqe };
	struct softhca_mem src = { .inline_data = &op.original }, own;
	struct softhca_msg answer = *msg;
	struct softhca_outcome out;

	softhca_msg_own_mem(msg, &own, true);
	if (softhca_msg_check_fails(msg, &own, sizeof(u64)))
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);

	out = ask(msg, &op, IB_ACCESS_REMOTE_ATOMIC);
	if (out.verdict != SOFTHCA_DONE || out.status)
		return out;

	/* It is done, and must not be tried again: the peer is out of it. */
	answer.peer = msg->qp;
	switch (softhca_msg_copy(&answer, &own, &src, sizeof(u64))) {
	case SOFTHCA_MEM_OK:
		return out;
	case SOFTHCA_MEM_STOPPED:
		out.verdict = SOFTHCA_STOPPED;
		return out;
	default:
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);
	}
}

/**
 * softhca_do_atomic_write - write eight bytes that are never seen half written
 * @msg: the message
 *
 * Context: As the message says; by the QP's one requester.
 */
struct softhca_outcome softhca_do_atomic_write(struct softhca_msg *msg)
{
	struct atomic_op op = { .wqe = msg->wqe };
	struct softhca_mem dst = { .inline_data = &op.value }, own;

	softhca_msg_own_mem(msg, &own, false);
	switch (softhca_msg_copy(msg, &dst, &own, sizeof(u64))) {
	case SOFTHCA_MEM_OK:
		break;
	case SOFTHCA_MEM_STOPPED:
		return softhca_msg_stopped(msg);
	default:
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);
	}
	return ask(msg, &op, IB_ACCESS_REMOTE_WRITE);
}
