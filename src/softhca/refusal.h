/* SPDX-License-Identifier: GPL-2.0 */
/* Accesses that the reverse map has refused, as the kernel log tells of them. */
#ifndef SOFTHCA_REFUSAL_H
#define SOFTHCA_REFUSAL_H

#include "memory.h"
#include "qp.h"

void softhca_refused_send(const struct softhca_qp *qp,
			  const struct softhca_send_wqe *wqe,
			  const struct softhca_mem *mem);
void softhca_refused_recv(const struct softhca_qp *qp,
			  const struct softhca_recv_wqe *recv,
			  const struct softhca_mem *mem);
void softhca_refused_remote(const struct softhca_qp *qp,
			    const struct softhca_qp *peer,
			    const struct softhca_send_wqe *wqe,
			    const struct softhca_mem *mem);

#endif /* SOFTHCA_REFUSAL_H */
