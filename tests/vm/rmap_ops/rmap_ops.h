/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of rmap_ops share: the maps, memory, and the tests.
 */
#ifndef RMAP_OPS_H
#define RMAP_OPS_H

#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/types.h>

#include "dma_rmap.h"

#define BUF_SIZE (4 * PAGE_SIZE)

extern const struct dma_rmap_attr fresh;
extern struct dma_rmap *map, *other;
extern struct device *dev;		/* the map's */
extern u8 *buf, *copy;			/* BUF_SIZE bytes each */
extern bool failed;

#define check(x)							\
	do {								\
		if (!(x)) {						\
			pr_err("# %s:%d: %s\n", __func__, __LINE__, #x);\
			failed = true;					\
		}							\
	} while (0)

void fill(u8 *p, size_t len, u8 seed);

/* dma.c */
void test_single(void);
void test_sg(void);
void test_sg_merged(void);
void test_coherent(void);
void test_pool(void);
void test_limits(void);

/* life.c */
void test_bad_unmap(void);
void test_hold(void);
void test_many(void);
void test_destroyed(void);

#endif /* RMAP_OPS_H */
