/* SPDX-License-Identifier: GPL-2.0 */
/* The requester: what executes a QP's send queue. */
#ifndef SOFTHCA_REQUESTER_H
#define SOFTHCA_REQUESTER_H

#include "qp.h"

int softhca_req_module_init(void);
void softhca_req_module_exit(void);

int softhca_req_init(struct softhca_qp *qp);
void softhca_req_destroy(struct softhca_qp *qp);
void softhca_req_doorbell(struct softhca_qp *qp);
void softhca_req_kick(struct softhca_qp *qp);
void softhca_req_stop(struct softhca_qp *qp);
void softhca_req_flush(struct softhca_qp *qp, unsigned long end);
bool softhca_req_is_idle(struct softhca_qp *qp);

#endif /* SOFTHCA_REQUESTER_H */
