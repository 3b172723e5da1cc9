/* SPDX-License-Identifier: GPL-2.0 */
/* The responder: what a message does to the QP that it is for. */
#ifndef SOFTHCA_RESPONDER_H
#define SOFTHCA_RESPONDER_H

#include "memory.h"
#include "qp.h"

/**
 * struct softhca_resp - what a receive completion says of its message
 * @opcode: IB_WC_RECV or IB_WC_RECV_RDMA_WITH_IMM
 * @flags: IB_WC_*
 * @byte_len: of the message, and its GRH where there is one
 * @imm_data: with IB_WC_WITH_IMM
 * @inv_key: with IB_WC_WITH_INVALIDATE
 * @src_qpn: who sent it
 * @sl: service level
 * @hdr_type: datagrams: RDMA_NETWORK_IPV4 or RDMA_NETWORK_IPV6
 * @solicited: the sender asked for an event
 */
struct softhca_resp {
	enum ib_wc_opcode opcode;
	int flags;
	u32 byte_len;
	union {
		__be32 imm_data;
		u32 inv_key;
	};
	u32 src_qpn;
	u8 sl;
	u8 hdr_type;
	bool solicited;
};

void softhca_resp_complete(struct softhca_qp *qp,
			   const struct softhca_recv_wqe *recv,
			   enum ib_wc_status status,
			   const struct softhca_resp *resp);
void softhca_resp_fail(struct softhca_qp *qp, enum ib_event_type event);
void softhca_resp_flush_one(struct softhca_qp *qp,
			    const struct softhca_recv_wqe *recv);
void softhca_resp_recv_mem(struct softhca_qp *qp, struct softhca_mem *mem,
			   struct softhca_recv_wqe *recv, u32 len);
void softhca_resp_remote_mem(struct softhca_qp *qp, struct softhca_mem *mem,
			     const struct ib_sge *sge, int access);

#endif /* SOFTHCA_RESPONDER_H */
