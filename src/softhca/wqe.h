/* SPDX-License-Identifier: GPL-2.0 */
/* Work requests as the HCA works on them, whoever posted them. */
#ifndef SOFTHCA_WQE_H
#define SOFTHCA_WQE_H

#include "ah.h"
#include "softhca.h"

struct softhca_qp;
struct softhca_ring;

/**
 * struct softhca_send_wqe - a send work request
 * @wr_id: the consumer's cookie
 * @opcode: IB_WR_*; a number, as not every kernel's headers name them all
 * @flags: IB_SEND_*
 * @imm_data: for the operations that carry it
 * @inv_key: LOCAL_INV and send with invalidate: the key
 * @remote_addr: RDMA and atomics: where, in the region of @rkey
 * @rkey: RDMA and atomics: the peer's key
 * @length: bytes of the message
 * @num_sge: of @sge; unused with IB_SEND_INLINE
 * @status: IB_WC_SUCCESS, or what it must fail with, as found when it was
 *	taken from the ring
 * @ud: datagrams: to whom
 * @reg: REG_MR: the region and what it shall become
 * @atomic: the operands
 * @flush: what is to be flushed: IB_FLUSH_* of each, and for a range its length
 * @mw: BIND_MW: the window by its key, its next key, and what it shall show
 * @sge: the local memory
 * @inline_data: with IB_SEND_INLINE, the data itself
 */
struct softhca_send_wqe {
	u64 wr_id;
	u32 opcode;
	u32 flags;
	union {
		__be32 imm_data;
		u32 inv_key;
	};
	u32 rkey;
	u64 remote_addr;
	u64 length;
	u32 num_sge;
	enum ib_wc_status status;
	union {
		struct {
			struct softhca_av av;
			u32 qpn;
			u32 qkey;
		} ud;
		struct {
			u32 lkey;
			u32 key;
			int access;
			u32 page_size;
			u64 iova;
			u64 length;
		} reg;
		struct {
			u64 compare_add;
			u64 swap;
		} atomic;
		struct {
			u32 length;
			u8 type;
			u8 level;
		} flush;
		struct {
			u64 addr;
			u64 length;
			u32 mr_lkey;
			u32 mw_rkey;
			u32 rkey;
			u32 access;
		} mw;
	};
	union {
		DECLARE_FLEX_ARRAY(struct ib_sge, sge);
		DECLARE_FLEX_ARRAY(u8, inline_data);
	};
};

/**
 * struct softhca_recv_wqe - a receive work request
 * @wr_id: the consumer's cookie
 * @length: bytes that it has room for
 * @num_sge: of @sge
 * @sge: the local memory
 */
struct softhca_recv_wqe {
	u64 wr_id;
	u64 length;
	u32 num_sge;
	struct ib_sge sge[];
};

/* Does its answer come with data, which is written to the sender's memory? */
static inline bool softhca_wr_has_answer(u32 opcode)
{
	return opcode == IB_WR_RDMA_READ ||
	       opcode == IB_WR_ATOMIC_CMP_AND_SWP ||
	       opcode == IB_WR_ATOMIC_FETCH_AND_ADD;
}

size_t softhca_send_wqe_size(u32 max_sge, u32 max_inline);
size_t softhca_recv_wqe_size(u32 max_sge);
size_t softhca_user_send_wqe_size(u32 max_sge, u32 max_inline);
size_t softhca_user_recv_wqe_size(u32 max_sge);

bool softhca_opcode_valid(enum ib_qp_type type, u32 opcode);

struct softhca_send_wqe *softhca_sq_head(struct softhca_qp *qp);
int softhca_recv_head(const struct softhca_ring *ring, bool user, u32 max_sge,
		      struct softhca_recv_wqe *recv);
int softhca_rq_head(struct softhca_qp *qp, struct softhca_recv_wqe *recv);
void softhca_rq_pop(struct softhca_qp *qp);

#endif /* SOFTHCA_WQE_H */
