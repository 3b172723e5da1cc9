/* SPDX-License-Identifier: GPL-2.0 */
/* The device: registration with the RDMA core, and what it tells of itself. */
#ifndef SOFTHCA_DEVICE_H
#define SOFTHCA_DEVICE_H

#include "softhca.h"

struct net_device;

int softhca_device_module_init(void);
void softhca_device_module_exit(void);

struct softhca_dev *softhca_device_create(const char *name,
					  struct net_device *netdev,
					  const struct softhca_addressing *how);
int softhca_device_register(struct softhca_dev *dev, const char *name);
void softhca_device_update_port(struct softhca_dev *dev);
enum ib_mtu softhca_port_mtu(const struct softhca_dev *dev);

#endif /* SOFTHCA_DEVICE_H */
