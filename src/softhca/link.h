/* SPDX-License-Identifier: GPL-2.0 */
/* Links: which netdev has which device. */
#ifndef SOFTHCA_LINK_H
#define SOFTHCA_LINK_H

struct softhca_dev;
struct softhca_parent;

int softhca_links_init(void);
void softhca_links_exit(void);
void softhca_link_lost(struct softhca_dev *dev);
void softhca_links_parent_gone(const struct softhca_parent *parent);

#endif /* SOFTHCA_LINK_H */
