/* SPDX-License-Identifier: GPL-2.0 */
/* Parents: PCI devices whose DMA API scheme stacked stands on. */
#ifndef SOFTHCA_PARENT_H
#define SOFTHCA_PARENT_H

#include <linux/err.h>

struct device;
struct softhca_parent;

#if IS_ENABLED(CONFIG_PCI)
int softhca_parents_init(void);
void softhca_parents_exit(void);
struct softhca_parent *softhca_parent_get(const char *name);
void softhca_parent_hold(struct softhca_parent *parent);
void softhca_parent_put(struct softhca_parent *parent);
struct device *softhca_parent_use(struct softhca_parent *parent);
void softhca_parent_unuse(struct softhca_parent *parent);
#else
static inline int softhca_parents_init(void)
{
	return 0;
}

static inline void softhca_parents_exit(void)
{
}

static inline struct softhca_parent *softhca_parent_get(const char *name)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static inline void softhca_parent_hold(struct softhca_parent *parent)
{
}

static inline void softhca_parent_put(struct softhca_parent *parent)
{
}

static inline struct device *softhca_parent_use(struct softhca_parent *parent)
{
	return NULL;
}

static inline void softhca_parent_unuse(struct softhca_parent *parent)
{
}
#endif

#endif /* SOFTHCA_PARENT_H */
