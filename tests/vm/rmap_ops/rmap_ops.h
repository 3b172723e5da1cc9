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

/* What kind of map a test runs on. */
#define ON_FRESH	1
#define ON_PHYS		2
#define ON_UNCHECKED	4	/* phys, and no mappings are remembered */
#define ON_CHECKED	(ON_FRESH | ON_PHYS)
#define ON_ALL		(ON_CHECKED | ON_UNCHECKED)

extern unsigned int on;			/* the kind at hand */
extern struct dma_rmap_attr attr;	/* its map's */
extern struct dma_rmap *map, *other;	/* two of it */
extern struct device *dev;		/* the first one's */
extern u8 *buf, *copy;			/* BUF_SIZE bytes each, contiguous */
extern bool failed;
extern const char *skipped;		/* why there is nothing to see */

#define check(x)							\
	do {								\
		if (!(x)) {						\
			pr_err("# %s:%d: %s\n", __func__, __LINE__, #x);\
			failed = true;					\
		}							\
	} while (0)

/* What becomes of an access that a map refuses if it remembers mappings. */
static inline int refused(int err)
{
	return on == ON_UNCHECKED ? 0 : err;
}

void fill(u8 *p, size_t len, u8 seed);

/* dma.c */
void test_single(void);
void test_sg(void);
void test_sg_merged(void);
void test_coherent(void);
void test_pool(void);
void test_limits(void);
void test_high(void);

/* life.c */
void test_bad_unmap(void);
void test_hold(void);
void test_many(void);
void test_many_given(void);
void test_destroyed(void);

/* phys.c */
void test_physical(void);
void test_sg_adjoining(void);
void test_duplicates(void);
void test_equal(void);
void test_lengths(void);
void test_crossing(void);
int phys_list_init(void);
void phys_list_exit(void);

/* range.c */
void test_range(void);
void test_range_irq(void);
void test_range_linked_by_irq(void);
void test_range_destroyed(void);

/* range_race.c */
void test_range_replaced(void);
void test_range_replaced_irq(void);

/* iova.c */
void test_iova(void);

#endif /* RMAP_OPS_H */
