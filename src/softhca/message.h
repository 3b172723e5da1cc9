/* SPDX-License-Identifier: GPL-2.0 */
/* A message under way between two QPs of this kernel. */
#ifndef SOFTHCA_MESSAGE_H
#define SOFTHCA_MESSAGE_H

#include "memory.h"
#include "qp.h"
#include "responder.h"
#include "transport.h"

/**
 * struct softhca_msg - a message under way
 * @qp: who sends
 * @peer: who takes it; held and entered
 * @wqe: the send work request
 * @may_sleep: process context, and no lock is held
 */
struct softhca_msg {
	struct softhca_qp *qp;
	struct softhca_qp *peer;
	struct softhca_send_wqe *wqe;
	bool may_sleep;
};

/* It is over, and completes with this status. */
#define SOFTHCA_DONE_WITH(s) ((struct softhca_outcome) { \
	.verdict = SOFTHCA_DONE, .status = (s) })

/* It must be tried again where one may sleep. */
#define SOFTHCA_DEFERRED ((struct softhca_outcome) { \
	.verdict = SOFTHCA_WOULD_SLEEP })

void softhca_msg_own_mem(const struct softhca_msg *msg,
			 struct softhca_mem *mem, bool write);
bool softhca_msg_own_mem_is_bad(const struct softhca_msg *msg);
bool softhca_msg_own_mem_is_gone(const struct softhca_msg *msg);
bool softhca_msg_check_fails(const struct softhca_msg *msg,
			     struct softhca_mem *mem, u64 len);
enum softhca_mem_result softhca_msg_copy(struct softhca_msg *msg,
					 struct softhca_mem *dst,
					 struct softhca_mem *src, u64 len);
struct softhca_outcome softhca_msg_stopped(const struct softhca_msg *msg);
struct softhca_outcome softhca_msg_invalid_request(const struct softhca_msg *msg);
struct softhca_outcome softhca_msg_access_error(const struct softhca_msg *msg);
void softhca_msg_resp_init(const struct softhca_msg *msg,
			   struct softhca_resp *resp, enum ib_wc_opcode opcode);

/* How a message with a datagram QP goes, datagram.c. */
struct softhca_outcome softhca_send_datagram(struct softhca_msg *msg);

#endif /* SOFTHCA_MESSAGE_H */
