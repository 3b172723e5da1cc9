/* SPDX-License-Identifier: GPL-2.0 */
/* Posting work requests. */
#ifndef SOFTHCA_POST_H
#define SOFTHCA_POST_H

#include <rdma/ib_verbs.h>

int softhca_post_send(struct ib_qp *ib, const struct ib_send_wr *wr,
		      const struct ib_send_wr **bad_wr);
int softhca_post_recv(struct ib_qp *ib, const struct ib_recv_wr *wr,
		      const struct ib_recv_wr **bad_wr);
int softhca_post_srq_recv(struct ib_srq *ib, const struct ib_recv_wr *wr,
			  const struct ib_recv_wr **bad_wr);

#endif /* SOFTHCA_POST_H */
