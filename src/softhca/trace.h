/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: events/softhca in tracefs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM softhca

#if !defined(SOFTHCA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SOFTHCA_TRACE_H

#include <linux/tracepoint.h>
#include <rdma/ib_verbs.h>

#include "qp.h"
#include "transport.h"
#include "wqe.h"

TRACE_DEFINE_ENUM(IB_WR_RDMA_WRITE);
TRACE_DEFINE_ENUM(IB_WR_RDMA_WRITE_WITH_IMM);
TRACE_DEFINE_ENUM(IB_WR_SEND);
TRACE_DEFINE_ENUM(IB_WR_SEND_WITH_IMM);
TRACE_DEFINE_ENUM(IB_WR_RDMA_READ);
TRACE_DEFINE_ENUM(IB_WR_ATOMIC_CMP_AND_SWP);
TRACE_DEFINE_ENUM(IB_WR_ATOMIC_FETCH_AND_ADD);
TRACE_DEFINE_ENUM(IB_WR_SEND_WITH_INV);
TRACE_DEFINE_ENUM(IB_WR_LOCAL_INV);
TRACE_DEFINE_ENUM(IB_WR_REG_MR);
TRACE_DEFINE_ENUM(IB_WC_SEND);
TRACE_DEFINE_ENUM(IB_WC_RDMA_WRITE);
TRACE_DEFINE_ENUM(IB_WC_RDMA_READ);
TRACE_DEFINE_ENUM(IB_WC_COMP_SWAP);
TRACE_DEFINE_ENUM(IB_WC_FETCH_ADD);
TRACE_DEFINE_ENUM(IB_WC_LOCAL_INV);
TRACE_DEFINE_ENUM(IB_WC_REG_MR);
TRACE_DEFINE_ENUM(IB_WC_RECV);
TRACE_DEFINE_ENUM(IB_WC_RECV_RDMA_WITH_IMM);
TRACE_DEFINE_ENUM(IB_QPS_RESET);
TRACE_DEFINE_ENUM(IB_QPS_INIT);
TRACE_DEFINE_ENUM(IB_QPS_RTR);
TRACE_DEFINE_ENUM(IB_QPS_RTS);
TRACE_DEFINE_ENUM(IB_QPS_SQD);
TRACE_DEFINE_ENUM(IB_QPS_SQE);
TRACE_DEFINE_ENUM(IB_QPS_ERR);
TRACE_DEFINE_ENUM(SOFTHCA_NOT_READY);
TRACE_DEFINE_ENUM(SOFTHCA_NO_ANSWER);

/* Those that are not here are shown as numbers. */
#define show_hca_wr_opcode(opcode) __print_symbolic(opcode,		\
	{ IB_WR_RDMA_WRITE, "RDMA_WRITE" },				\
	{ IB_WR_RDMA_WRITE_WITH_IMM, "RDMA_WRITE_WITH_IMM" },		\
	{ IB_WR_SEND, "SEND" },						\
	{ IB_WR_SEND_WITH_IMM, "SEND_WITH_IMM" },			\
	{ IB_WR_RDMA_READ, "RDMA_READ" },				\
	{ IB_WR_ATOMIC_CMP_AND_SWP, "CMP_AND_SWP" },			\
	{ IB_WR_ATOMIC_FETCH_AND_ADD, "FETCH_AND_ADD" },		\
	{ IB_WR_SEND_WITH_INV, "SEND_WITH_INV" },			\
	{ IB_WR_LOCAL_INV, "LOCAL_INV" },				\
	{ IB_WR_REG_MR, "REG_MR" })

#define show_hca_wc_opcode(opcode) __print_symbolic(opcode,		\
	{ IB_WC_SEND, "SEND" },						\
	{ IB_WC_RDMA_WRITE, "RDMA_WRITE" },				\
	{ IB_WC_RDMA_READ, "RDMA_READ" },				\
	{ IB_WC_COMP_SWAP, "COMP_SWAP" },				\
	{ IB_WC_FETCH_ADD, "FETCH_ADD" },				\
	{ IB_WC_LOCAL_INV, "LOCAL_INV" },				\
	{ IB_WC_REG_MR, "REG_MR" },					\
	{ IB_WC_RECV, "RECV" },						\
	{ IB_WC_RECV_RDMA_WITH_IMM, "RECV_RDMA_WITH_IMM" })

#define show_hca_qp_state(state) __print_symbolic(state,		\
	{ IB_QPS_RESET, "RESET" },					\
	{ IB_QPS_INIT, "INIT" },					\
	{ IB_QPS_RTR, "RTR" },						\
	{ IB_QPS_RTS, "RTS" },						\
	{ IB_QPS_SQD, "SQD" },						\
	{ IB_QPS_SQE, "SQE" },						\
	{ IB_QPS_ERR, "ERR" })

#define show_hca_retry(verdict) __print_symbolic(verdict,		\
	{ SOFTHCA_NOT_READY, "peer not ready" },			\
	{ SOFTHCA_NO_ANSWER, "no answer" })

/*
 * A send work request: of the kernel, when it is posted; of user space, when
 * the HCA takes it from the ring for the first time.
 */
TRACE_EVENT(hca_post_send,
	TP_PROTO(const struct softhca_qp *qp,
		 const struct softhca_send_wqe *wqe),
	TP_ARGS(qp, wqe),

	TP_STRUCT__entry(
		__string(device, dev_name(&qp->ib.device->dev))
		__field(u32, qpn)
		__field(u64, wr_id)
		__field(u32, opcode)
		__field(u32, flags)
		__field(u64, length)
		__field(u32, num_sge)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&qp->ib.device->dev));
		__entry->qpn = qp->ib.qp_num;
		__entry->wr_id = wqe->wr_id;
		__entry->opcode = wqe->opcode;
		__entry->flags = wqe->flags;
		__entry->length = wqe->length;
		__entry->num_sge = wqe->num_sge;
	),

	TP_printk("%s: qp=%u wr_id=%#llx %s flags=%#x len=%llu sges=%u",
		  __get_str(device), __entry->qpn, __entry->wr_id,
		  show_hca_wr_opcode(__entry->opcode), __entry->flags,
		  __entry->length, __entry->num_sge)
);

/*
 * A receive work request: of the kernel, when it is posted; of user space, and of
 * a shared receive queue, when the HCA takes it from the ring.
 */
TRACE_EVENT(hca_post_recv,
	TP_PROTO(const struct softhca_qp *qp,
		 const struct softhca_recv_wqe *wqe),
	TP_ARGS(qp, wqe),

	TP_STRUCT__entry(
		__string(device, dev_name(&qp->ib.device->dev))
		__field(u32, qpn)
		__field(u64, wr_id)
		__field(u64, length)
		__field(u32, num_sge)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&qp->ib.device->dev));
		__entry->qpn = qp->ib.qp_num;
		__entry->wr_id = wqe->wr_id;
		__entry->length = wqe->length;
		__entry->num_sge = wqe->num_sge;
	),

	TP_printk("%s: qp=%u wr_id=%#llx len=%llu sges=%u",
		  __get_str(device), __entry->qpn, __entry->wr_id,
		  __entry->length, __entry->num_sge)
);

DECLARE_EVENT_CLASS(hca_cqe_class,
	TP_PROTO(const struct ib_cq *cq, const struct ib_wc *wc),
	TP_ARGS(cq, wc),

	TP_STRUCT__entry(
		__string(device, dev_name(&cq->device->dev))
		__string(status, ib_wc_status_msg(wc->status))
		__field(u32, cqn)
		__field(u32, qpn)
		__field(u64, wr_id)
		__field(u32, opcode)
		__field(u32, byte_len)
		__field(u32, flags)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&cq->device->dev));
		COMPAT_ASSIGN_STR(status, ib_wc_status_msg(wc->status));
		__entry->cqn = cq->res.id;
		__entry->qpn = wc->qp->qp_num;
		__entry->wr_id = wc->wr_id;
		__entry->opcode = wc->opcode;
		__entry->byte_len = wc->byte_len;
		__entry->flags = wc->wc_flags;
	),

	TP_printk("%s: cq=%u qp=%u wr_id=%#llx %s len=%u flags=%#x: %s",
		  __get_str(device), __entry->cqn, __entry->qpn,
		  __entry->wr_id, show_hca_wc_opcode(__entry->opcode),
		  __entry->byte_len, __entry->flags, __get_str(status))
);

/* A completion, well or not; its queue is the one that `rdma res` calls cqn. */
DEFINE_EVENT(hca_cqe_class, hca_cqe,
	TP_PROTO(const struct ib_cq *cq, const struct ib_wc *wc),
	TP_ARGS(cq, wc)
);

/* Once more if it is a failure. */
DEFINE_EVENT(hca_cqe_class, hca_cqe_error,
	TP_PROTO(const struct ib_cq *cq, const struct ib_wc *wc),
	TP_ARGS(cq, wc)
);

/* A QP has changed its state. */
TRACE_EVENT(hca_qp_state,
	TP_PROTO(const struct softhca_qp *qp, enum ib_qp_state from,
		 enum ib_qp_state to),
	TP_ARGS(qp, from, to),

	TP_STRUCT__entry(
		__string(device, dev_name(&qp->ib.device->dev))
		__field(u32, qpn)
		__field(u32, from)
		__field(u32, to)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&qp->ib.device->dev));
		__entry->qpn = qp->ib.qp_num;
		__entry->from = from;
		__entry->to = to;
	),

	TP_printk("%s: qp=%u %s => %s", __get_str(device), __entry->qpn,
		  show_hca_qp_state(__entry->from),
		  show_hca_qp_state(__entry->to))
);

/*
 * An asynchronous event; the number is that of the QP, the CQ (as `rdma res`
 * has it) or the port which it is about.
 */
TRACE_EVENT(hca_event,
	TP_PROTO(const struct ib_device *ib, enum ib_event_type event,
		 u32 number),
	TP_ARGS(ib, event, number),

	TP_STRUCT__entry(
		__string(device, dev_name(&ib->dev))
		__string(event, ib_event_msg(event))
		__field(u32, number)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&ib->dev));
		COMPAT_ASSIGN_STR(event, ib_event_msg(event));
		__entry->number = number;
	),

	TP_printk("%s: %s, number=%u", __get_str(device), __get_str(event),
		  __entry->number)
);

/* A send work request will be tried again. */
TRACE_EVENT(hca_retry,
	TP_PROTO(const struct softhca_qp *qp,
		 const struct softhca_send_wqe *wqe,
		 enum softhca_verdict verdict, u64 ns),
	TP_ARGS(qp, wqe, verdict, ns),

	TP_STRUCT__entry(
		__string(device, dev_name(&qp->ib.device->dev))
		__field(u32, qpn)
		__field(u64, wr_id)
		__field(u32, verdict)
		__field(u32, left)
		__field(u64, ns)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&qp->ib.device->dev));
		__entry->qpn = qp->ib.qp_num;
		__entry->wr_id = wqe->wr_id;
		__entry->verdict = verdict;
		__entry->left = verdict == SOFTHCA_NOT_READY ?
				qp->req.rnr_left : qp->req.retry_left;
		__entry->ns = ns;
	),

	TP_printk("%s: qp=%u wr_id=%#llx %s, again in %llu us, left=%u",
		  __get_str(device), __entry->qpn, __entry->wr_id,
		  show_hca_retry(__entry->verdict), __entry->ns / 1000,
		  __entry->left)
);

#endif /* SOFTHCA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
