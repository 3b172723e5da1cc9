/* SPDX-License-Identifier: GPL-2.0 */
/* Module parameters. */
#ifndef SOFTHCA_PARAMS_H
#define SOFTHCA_PARAMS_H

#include "softhca.h"

struct net_device;

/* The module parameter; read without a lock. */
extern bool softhca_defer;

int softhca_params_addressing(struct softhca_addressing *how);
int softhca_params_check(void);
bool softhca_params_want_netdev(const struct net_device *netdev);

#endif /* SOFTHCA_PARAMS_H */
