/* SPDX-License-Identifier: GPL-2.0 */
/* The GIDs of all our devices: which address is on this host. */
#ifndef SOFTHCA_GID_H
#define SOFTHCA_GID_H

#include <linux/netdevice.h>
#include <net/net_namespace.h>

#include "softhca.h"

int softhca_add_gid(const struct ib_gid_attr *attr, void **context);
int softhca_del_gid(const struct ib_gid_attr *attr, void **context);

/* The network namespace is the netdev's, wherever the RDMA device may be. */
static inline bool softhca_same_net(const struct softhca_dev *a,
				    const struct softhca_dev *b)
{
	return a == b || net_eq(dev_net(a->netdev), dev_net(b->netdev));
}

bool softhca_gid_is_local(const union ib_gid *gid,
			  const struct softhca_dev *from);
bool softhca_gid_is_on(const union ib_gid *gid, const struct softhca_dev *dev);
struct softhca_dev *softhca_gid_device(const union ib_gid *gid,
				       const struct softhca_dev *from);

#endif /* SOFTHCA_GID_H */
