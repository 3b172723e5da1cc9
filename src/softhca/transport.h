/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam between the requester and what carries a message to its peer.
 *
 * The requester knows work requests, their order, retries and completions; a
 * transport takes one request to the peer and says what came of it. There is
 * one so far: local, for peers in the same kernel (local.c).
 */
#ifndef SOFTHCA_TRANSPORT_H
#define SOFTHCA_TRANSPORT_H

#include <rdma/ib_verbs.h>

struct softhca_qp;
struct softhca_send_wqe;

enum softhca_verdict {
	SOFTHCA_DONE,		/* completed, well or not: see the status */
	SOFTHCA_NOT_READY,	/* the peer has no receive posted: RNR NAK */
	SOFTHCA_NO_ANSWER,	/* no such peer, or it does not take messages */
	SOFTHCA_STOPPED,	/* the sending QP itself changed its state */
	SOFTHCA_WOULD_SLEEP,	/* not in this context: nothing has happened */
};

/**
 * struct softhca_outcome - what came of trying a send work request
 * @verdict: see above
 * @status: with SOFTHCA_DONE: of the completion
 * @rnr_timer: with SOFTHCA_NOT_READY: the peer's, as IBTA encodes it
 */
struct softhca_outcome {
	enum softhca_verdict verdict;
	enum ib_wc_status status;
	u8 rnr_timer;
};

struct softhca_outcome softhca_local_send(struct softhca_qp *qp,
					  struct softhca_send_wqe *wqe,
					  bool may_sleep);

#endif /* SOFTHCA_TRANSPORT_H */
