/* SPDX-License-Identifier: GPL-2.0 */
/* Multicast groups: which QPs get a datagram that is sent to a group. */
#ifndef SOFTHCA_MCAST_H
#define SOFTHCA_MCAST_H

#include "qp.h"

/* By its convention, the QP number of those who receive a multicast. */
#define SOFTHCA_MCAST_QPN	0xffffff

int softhca_attach_mcast(struct ib_qp *ib, union ib_gid *mgid, u16 lid);
int softhca_detach_mcast(struct ib_qp *ib, union ib_gid *mgid, u16 lid);

bool softhca_is_mcast(const union ib_gid *gid);
struct softhca_qp *softhca_mcast_next(const struct softhca_dev *dev,
				      const union ib_gid *mgid, u64 *number);

#endif /* SOFTHCA_MCAST_H */
