/* SPDX-License-Identifier: GPL-2.0 */
/* What `rdma resource show --details` says beyond what the core knows. */
#ifndef SOFTHCA_RESTRACK_H
#define SOFTHCA_RESTRACK_H

#include <rdma/ib_verbs.h>

struct sk_buff;

int softhca_fill_res_cq(struct sk_buff *msg, struct ib_cq *ib);
int softhca_fill_res_qp(struct sk_buff *msg, struct ib_qp *ib);

#endif /* SOFTHCA_RESTRACK_H */
