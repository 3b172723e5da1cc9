// SPDX-License-Identifier: GPL-2.0
/*
 * Accesses that the reverse map has refused, as the kernel log tells of them: whose
 * they were, and what the map says of the address.
 *
 * memory.c notes what was refused, a transport knows for which work request. An
 * access that a key does not grant is not reported: that is between a program and
 * its peer, and the completion says it.
 */
#include <linux/kernel.h>

#include "refusal.h"

/* Fits what dma_rmap_explain() has to say, see there. */
#define WHY_SIZE 192

static const char *op_name(u32 opcode)
{
	switch (opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		return "RDMA write";
	case IB_WR_RDMA_READ:
		return "RDMA read";
	case IB_WR_ATOMIC_CMP_AND_SWP:
		return "compare and swap";
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		return "fetch and add";
	case IB_WR_ATOMIC_WRITE:
		return "atomic write";
	case IB_WR_FLUSH:
		return "flush";
	default:
		return "send";
	}
}

/* Holds the name of a symbol, as %ps has it, with its module's. */
#define ID_SIZE 128

/*
 * A work request, as its ULP knows it. Where the core polls the CQ the number is a
 * pointer to a struct ib_cqe, and that has a function with a name.
 */
static const char *request_id(const struct ib_cq *cq, u64 wr_id, char *buf)
{
	const struct ib_cqe *cqe = (void *)(uintptr_t)wr_id;

	if (cq && cq->wc && cqe)
		scnprintf(buf, ID_SIZE, "wr_id %#llx (%ps)", wr_id, cqe->done);
	else
		scnprintf(buf, ID_SIZE, "wr_id %#llx", wr_id);
	return buf;
}

static const char *access_name(const struct softhca_mem *mem)
{
	if (mem->dir == DMA_BIDIRECTIONAL)
		return "reading and writing";
	return mem->dir == DMA_TO_DEVICE ? "reading" : "writing";
}

/**
 * softhca_refused_send - a work request of the send queue has no access to memory
 *	of its own
 * @qp: the QP
 * @wqe: the request
 * @mem: the side that was refused
 *
 * Context: Any.
 */
void softhca_refused_send(const struct softhca_qp *qp,
			  const struct softhca_send_wqe *wqe,
			  const struct softhca_mem *mem)
{
	char why[WHY_SIZE], id[ID_SIZE];

	ibdev_warn_ratelimited(&qp->dev->ib,
			       "QP %u: %s, %s: %s %llu bytes at %#llx was refused: %s\n",
			       qp->ib.qp_num, op_name(wqe->opcode),
			       request_id(qp->ib.send_cq, wqe->wr_id, id),
			       access_name(mem), mem->refused.len,
			       mem->refused.addr,
			       softhca_mem_explain(mem, why, sizeof(why)));
}

/**
 * softhca_refused_recv - a message has no access to the memory of a receive
 * @qp: the QP that it is for
 * @recv: the receive work request
 * @mem: the side that was refused
 *
 * Context: Any.
 */
void softhca_refused_recv(const struct softhca_qp *qp,
			  const struct softhca_recv_wqe *recv,
			  const struct softhca_mem *mem)
{
	char why[WHY_SIZE], id[ID_SIZE];

	ibdev_warn_ratelimited(&qp->dev->ib,
			       "QP %u: receive, %s: %s %llu bytes at %#llx was refused: %s\n",
			       qp->ib.qp_num,
			       request_id(qp->ib.recv_cq, recv->wr_id, id),
			       access_name(mem), mem->refused.len,
			       mem->refused.addr,
			       softhca_mem_explain(mem, why, sizeof(why)));
}

/**
 * softhca_refused_remote - a peer's RDMA has no access to memory that its key
 *	grants
 * @qp: the QP that it is for, whose memory it is
 * @peer: the one that has sent it
 * @wqe: the request that it has sent
 * @mem: the side that was refused
 *
 * Context: Any.
 */
void softhca_refused_remote(const struct softhca_qp *qp,
			    const struct softhca_qp *peer,
			    const struct softhca_send_wqe *wqe,
			    const struct softhca_mem *mem)
{
	char why[WHY_SIZE], id[ID_SIZE];

	ibdev_warn_ratelimited(&qp->dev->ib,
			       "QP %u: %s from QP %u, %s, responder: %s %llu bytes at %#llx was refused: %s\n",
			       qp->ib.qp_num,
			       op_name(wqe->opcode), peer->ib.qp_num,
			       request_id(peer->ib.send_cq, wqe->wr_id, id),
			       access_name(mem), mem->refused.len,
			       mem->refused.addr,
			       softhca_mem_explain(mem, why, sizeof(why)));
}
