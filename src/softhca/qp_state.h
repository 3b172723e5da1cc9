/* SPDX-License-Identifier: GPL-2.0 */
/* The state machine of queue pairs. */
#ifndef SOFTHCA_QP_STATE_H
#define SOFTHCA_QP_STATE_H

#include "qp.h"

int softhca_modify_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		      struct ib_udata *udata);
int softhca_query_qp(struct ib_qp *ib, struct ib_qp_attr *attr, int mask,
		     struct ib_qp_init_attr *init);

void softhca_qp_error(struct softhca_qp *qp);
void softhca_qp_send_error(struct softhca_qp *qp);
void softhca_qp_reset(struct softhca_qp *qp);
void softhca_qp_established(struct softhca_qp *qp);

#endif /* SOFTHCA_QP_STATE_H */
