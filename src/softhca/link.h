/* SPDX-License-Identifier: GPL-2.0 */
/* Links: which netdev has which device. */
#ifndef SOFTHCA_LINK_H
#define SOFTHCA_LINK_H

struct softhca_dev;

int softhca_links_init(void);
void softhca_links_exit(void);
void softhca_link_lost(struct softhca_dev *dev);

#endif /* SOFTHCA_LINK_H */
