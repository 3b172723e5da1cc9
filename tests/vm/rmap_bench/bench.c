// SPDX-License-Identifier: GPL-2.0
/*
 * The table of dma_rmap beside the kernel's own structures: nanoseconds for each
 * operation, at several sizes, in one run, as a table in the kernel log.
 *
 * Loading fails if a structure loses an entry, or if the table at 1,000,000
 * entries is slower than the xarray at 100,000.
 *
 * All have the same keys and entries. Keys are device addresses as dma_rmap gives
 * them out, of which one in "sparse" is still mapped; the others look for the
 * address's page number. Looked for are interior addresses, in random order.
 * The table's entries are in the table, and what is wanted from them is read;
 * the others only return a pointer to theirs. "and read" is with a look at what
 * that points to, for all of them.
 */
#include <linux/delay.h>
#include <linux/ktime.h>
#include <linux/maple_tree.h>
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "table.h"

#define ORDER 13
#define LOOKUPS 50000
#define FIRST (1ULL << 61)

static unsigned int sparse = 32;
module_param(sparse, uint, 0444);
MODULE_PARM_DESC(sparse, "one in so many device addresses is mapped");

static unsigned int rounds = 30;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "the least time of so many look-up rounds counts");

static bool brief;
module_param(brief, bool, 0444);
MODULE_PARM_DESC(brief, "measure the two only that are compared");

struct item {
	struct rmap_mapping mapping;
	struct rhash_head node;
	unsigned long key;
};

static struct kmem_cache *cache;
static struct item **items;	/* in the order of their addresses */
static struct item **shuffled;	/* in a random order */
static u64 *wanted;		/* an address in each of these */
static unsigned int count;

static struct rmap_table *table;
static struct xarray xa;
static struct rhashtable rht;
static struct maple_tree mt;

static unsigned long addr_key(u64 addr)
{
	return (addr - FIRST) >> PAGE_SHIFT;
}

static const struct rhashtable_params rht_params = {
	.key_len = sizeof(unsigned long),
	.key_offset = offsetof(struct item, key),
	.head_offset = offsetof(struct item, node),
	.automatic_shrinking = true,
};

static int table_begin(void)
{
	table = kzalloc(sizeof(*table), GFP_KERNEL);
	return table ? rmap_table_init(table) : -ENOMEM;
}

static void table_end(void)
{
	rmap_table_destroy(table);
	kfree(table);
}

static int table_insert(struct item *item)
{
	return rmap_table_insert(table, &item->mapping);
}

static void *table_find(u64 addr)
{
	struct dma_rmap_entry *entry = rmap_table_find(table, addr, ORDER);

	return entry ? (void *)(unsigned long)entry->phys : NULL;
}

static void *table_remove(struct item *item)
{
	struct rmap_mapping was;

	if (!rmap_table_remove(table, item->mapping.addr, ORDER,
			       RMAP_STREAMING, &was))
		return NULL;
	return (void *)(unsigned long)was.phys;
}

static int xarray_begin(void)
{
	xa_init(&xa);
	return 0;
}

static void xarray_end(void)
{
	xa_destroy(&xa);
}

static int xarray_insert(struct item *item)
{
	return xa_err(xa_store(&xa, item->key, item, GFP_KERNEL));
}

static void *xarray_find(u64 addr)
{
	return xa_load(&xa, addr_key(addr));
}

static void *xarray_remove(struct item *item)
{
	return xa_erase(&xa, item->key);
}

static int rht_begin(void)
{
	return rhashtable_init(&rht, &rht_params);
}

static void rht_end(void)
{
	rhashtable_destroy(&rht);
}

static int rht_insert(struct item *item)
{
	return rhashtable_insert_fast(&rht, &item->node, rht_params);
}

static void *rht_find(u64 addr)
{
	unsigned long key = addr_key(addr);

	return rhashtable_lookup(&rht, &key, rht_params);
}

static void *rht_remove(struct item *item)
{
	return rhashtable_remove_fast(&rht, &item->node, rht_params) ? NULL :
								       item;
}

static int maple_begin(void)
{
	mt_init_flags(&mt, MT_FLAGS_USE_RCU);
	return 0;
}

static void maple_end(void)
{
	mtree_destroy(&mt);
}

static int maple_insert(struct item *item)
{
	return mtree_store(&mt, item->key, item, GFP_KERNEL);
}

static void *maple_find(u64 addr)
{
	return mtree_load(&mt, addr_key(addr));
}

static void *maple_remove(struct item *item)
{
	return mtree_erase(&mt, item->key);
}

static const struct structure {
	const char *name;
	int (*begin)(void);
	void (*end)(void);
	int (*insert)(struct item *item);
	void *(*find)(u64 addr);
	void *(*remove)(struct item *item);
} structures[] = {
#define STRUCTURE(name) { #name, name##_begin, name##_end, name##_insert, \
			  name##_find, name##_remove }
	STRUCTURE(table),	/* 0 */
	STRUCTURE(xarray),	/* 1 */
	STRUCTURE(rht),
	STRUCTURE(maple),
};

static u64 rnd_state = 1;

static u32 rnd_below(u32 n)
{
	rnd_state = rnd_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (rnd_state >> 33) % n;
}

static int items_make(unsigned int n)
{
	struct item *item;
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		item = kmem_cache_zalloc(cache, GFP_KERNEL);
		if (!item)
			break;
		item->mapping.addr = FIRST + ((u64)i * sparse << ORDER) +
				   (rnd_below(sparse) << ORDER);
		item->mapping.len = PAGE_SIZE;
		item->mapping.order = ORDER;
		item->mapping.kind = RMAP_STREAMING;
		item->mapping.phys = (unsigned long)item;
		item->key = addr_key(item->mapping.addr);
		items[i] = item;
		shuffled[i] = item;
	}
	count = i;
	for (i = count; i > 1; i--) {
		j = rnd_below(i);
		swap(shuffled[i - 1], shuffled[j]);
	}
	for (i = 0; i < count; i++)
		wanted[i] = shuffled[i]->mapping.addr + rnd_below(PAGE_SIZE);
	return count == n ? 0 : -ENOMEM;
}

static void items_free(void)
{
	while (count--)
		kmem_cache_free(cache, items[count]);
}

struct result {
	u64 insert, find, read, remove;
};

static u64 time_find(void *(*find)(u64 addr), bool read, int *err)
{
	static unsigned int at;
	unsigned int i, n = 0;
	u64 begin, sum = 0;
	void *found;

	if (at >= count)
		at = 0;
	begin = ktime_get_ns();
	while (n < LOOKUPS) {
		rcu_read_lock();
		for (i = 0; i < 1000; i++, n++) {
			found = find(wanted[at]);
			if (unlikely(found != shuffled[at]))
				*err = -EINVAL;
			if (read)
				sum += ((struct item *)found)->mapping.len;
			if (++at == count)
				at = 0;
		}
		rcu_read_unlock();
	}
	begin = ktime_get_ns() - begin;
	cond_resched();
	if (read && sum != (u64)LOOKUPS * PAGE_SIZE)
		*err = -EINVAL;
	return begin;
}

static u64 best_find(void *(*find)(u64 addr), bool read, int *err)
{
	u64 best = U64_MAX;
	unsigned int i;

	for (i = 0; i < rounds && !*err; i++)
		best = min(best, time_find(find, read, err));
	return best / LOOKUPS;
}

static int measure(const struct structure *s, struct result *result)
{
	unsigned int i;
	u64 begin;
	int err;

	err = s->begin();
	if (err)
		return err;
	begin = ktime_get_ns();
	for (i = 0; i < count && !err; i++) {
		err = s->insert(items[i]);
		if (i % 1000 == 0)
			cond_resched();
	}
	result->insert = (ktime_get_ns() - begin) / count;
	if (err)
		goto out;
	msleep(500);	/* let resizing end */
	result->find = best_find(s->find, false, &err);
	result->read = best_find(s->find, true, &err);
	begin = ktime_get_ns();
	for (i = 0; i < count; i++) {
		if (s->remove(shuffled[i]) != shuffled[i])
			err = -EINVAL;
		if (i % 1000 == 0)
			cond_resched();
	}
	result->remove = (ktime_get_ns() - begin) / count;
out:
	s->end();
	return err;
}

static bool compared(unsigned int structure, unsigned int size)
{
	return (structure == 0 && size == 1000000) ||
	       (structure == 1 && size == 100000);
}

static int __init bench_init(void)
{
	static const unsigned int sizes[] = { 1000, 100000, 1000000 };
	u64 find[2] = {};
	struct result result;
	unsigned int i, j;
	int err;

	err = rmap_table_module_init();
	if (err)
		return err;
	err = -ENOMEM;
	cache = KMEM_CACHE(item, 0);
	items = vmalloc(array_size(1000000, sizeof(*items)));
	shuffled = vmalloc(array_size(1000000, sizeof(*shuffled)));
	wanted = vmalloc(array_size(1000000, sizeof(*wanted)));
	if (!cache || !items || !shuffled || !wanted)
		goto out;

	pr_info("%-8s %8s %8s %8s %8s %8s\n", "", "entries", "insert",
		"look-up", "and read", "remove");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		err = items_make(sizes[i]);
		for (j = 0; j < ARRAY_SIZE(structures) && !err; j++) {
			if (brief && !compared(j, sizes[i]))
				continue;
			err = measure(&structures[j], &result);
			pr_info("%-8s %8u %8llu %8llu %8llu %8llu\n",
				structures[j].name, sizes[i], result.insert,
				result.find, result.read, result.remove);
			if (compared(j, sizes[i]))
				find[j] = result.find;
		}
		items_free();
		if (err)
			goto out;
	}
	pr_info("table at 1,000,000: %llu ns; xarray at 100,000: %llu ns\n",
		find[0], find[1]);
	err = find[0] <= find[1] ? 0 : -ERANGE;
out:
	vfree(wanted);
	vfree(shuffled);
	vfree(items);
	kmem_cache_destroy(cache);
	rmap_table_module_exit();
	return err;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Measures dma_rmap's table");
MODULE_LICENSE("GPL");
