/* SPDX-License-Identifier: GPL-2.0 */
/* The GIDs of all our devices: which address is on this host. */
#ifndef SOFTHCA_GID_H
#define SOFTHCA_GID_H

#include "softhca.h"

int softhca_add_gid(const struct ib_gid_attr *attr, void **context);
int softhca_del_gid(const struct ib_gid_attr *attr, void **context);

bool softhca_gid_is_local(const union ib_gid *gid);
bool softhca_gid_is_on(const union ib_gid *gid, const struct softhca_dev *dev);
struct softhca_dev *softhca_gid_device(const union ib_gid *gid,
				       struct softhca_dev *preferred);

#endif /* SOFTHCA_GID_H */
