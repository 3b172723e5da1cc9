/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Posting and polling, from any context where nothing else is said. All of it
 * notes that the caller is inside a post or a poll, so that a completion handler
 * that is called from there is found.
 */
#ifndef SELFTEST_VERBS_H
#define SELFTEST_VERBS_H

#include <rdma/ib_verbs.h>

#include "fixture.h"

/* The verbs themselves, from any context. */
int st_verb_send(struct ib_qp *qp, const struct ib_send_wr *wr,
		 const struct ib_send_wr **bad);
int st_verb_recv(struct ib_qp *qp, const struct ib_recv_wr *wr,
		 const struct ib_recv_wr **bad);
int st_verb_poll(struct ib_cq *cq, int nr, struct ib_wc *wc);
void st_verbs_in_handler(void);
int st_verbs_reentered(void);

/* Scatter/gather elements over the PD's local_dma_lkey. */
static inline struct ib_sge st_sge(const struct st_buf *b, size_t off, u32 len)
{
	return (struct ib_sge) {
		.addr = b->addr + off,
		.length = len,
		.lkey = b->end->pd->local_dma_lkey,
	};
}

/* Each calls st_fail() when the post is refused. */
int st_post_wr(struct st_end *e, const struct ib_send_wr *wr);
int st_post_recv(struct st_end *e, u64 id, struct ib_sge *sge, int nr);
int st_post_send(struct st_end *e, u64 id, struct ib_sge *sge, int nr,
		 int flags);
int st_post_rdma(struct st_end *e, u64 id, enum ib_wr_opcode opcode,
		 struct ib_sge *sge, int nr, u64 remote_addr, u32 rkey,
		 int flags);
int st_post_reg(struct st_end *e, u64 id, struct ib_mr *mr, int access);
int st_post_inv(struct st_end *e, u64 id, u32 rkey);

/* A buffer, or its first @len bytes. */
int st_recv_buf(struct st_end *e, u64 id, struct st_buf *b, u32 len);
int st_send_buf(struct st_end *e, u64 id, struct st_buf *b, u32 len);

/* Sends from one end's elements to the other's; waits for both. */
int st_transfer(struct st_end *from, struct ib_sge *src, int nr_src,
		struct st_end *to, struct ib_sge *dst, int nr_dst);

/* Completions. */
int st_next_wc(struct st_end *e, struct ib_cq *cq, struct ib_wc *wc,
	       unsigned int ms);
int st_want_wc(struct st_end *e, struct ib_cq *cq, u64 id,
	       enum ib_wc_status status, struct ib_wc *wc);
int st_want_sent(struct st_end *e, u64 id, enum ib_wc_opcode opcode);
int st_want_received(struct st_end *e, u64 id, u32 len, struct ib_wc *wc);
int st_want_quiet(struct st_end *e, struct ib_cq *cq);

/* Work requests on ib_core's CQs. */
struct st_req {
	struct ib_cqe cqe;
	struct completion done;
	enum ib_wc_status status;
	u32 byte_len;
};

void st_req_init(struct st_req *req);
int st_req_wait(struct st_end *e, struct st_req *req);

#endif /* SELFTEST_VERBS_H */
