// SPDX-License-Identifier: GPL-2.0
/*
 * The structures: dma_rmap's table, and those of the kernel that could be in its
 * place. An entry of the xarray and of the maple tree is a value, without memory
 * of its own; the nodes of the hash table are in an array.
 */
#include <linux/maple_tree.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include "bench.h"
#include "table.h"

/* dma_rmap's table */

static struct rmap_table *table;

static int table_begin(unsigned int count)
{
	int err;

	table = kzalloc(sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	err = rmap_table_init(table);
	if (err)
		kfree(table);
	return err;
}

static void table_end(void)
{
	rmap_table_destroy(table);
	kfree(table);
}

static struct rmap_mapping mapping_at(u64 addr)
{
	return (struct rmap_mapping){
		.addr = addr, .len = PAGE_SIZE, .order = BENCH_ORDER,
		.phys = bench_key(addr), .dir = DMA_BIDIRECTIONAL,
		.kind = RMAP_PAGE,
	};
}

static int table_insert(u64 addr)
{
	struct rmap_mapping mapping = mapping_at(addr);

	return rmap_table_insert(table, &mapping);
}

static bool table_remove(u64 addr)
{
	struct rmap_mapping mapping = mapping_at(addr), was;

	return rmap_table_remove(table, &mapping, &was) &&
	       was.phys == bench_key(addr);
}

static bool table_settled(void)
{
	unsigned int i;

	for (i = 0; i < RMAP_SHARDS; i++)
		if (READ_ONCE(table->shard[i].next_array) ||
		    READ_ONCE(table->shard[i].resize) != RMAP_RESIZE_NONE)
			return false;
	return true;
}

static inline bool table_has(u64 addr)
{
	struct dma_rmap_entry *entry = rmap_table_find(table, addr, BENCH_ORDER);

	return entry && entry->phys == bench_key(addr);
}

static unsigned int table_look_up(unsigned int *at, unsigned int n, enum bench_op op)
{
	return bench_look_up(table_has, at, n, op);
}

/* XArray */

static struct xarray xa;

static int xarray_begin(unsigned int count)
{
	xa_init(&xa);
	return 0;
}

static void xarray_end(void)
{
	xa_destroy(&xa);
}

static int xarray_insert(u64 addr)
{
	unsigned long key = bench_key(addr);

	return xa_err(xa_store(&xa, key, xa_mk_value(key), GFP_KERNEL));
}

static bool xarray_remove(u64 addr)
{
	unsigned long key = bench_key(addr);

	return xa_erase(&xa, key) == xa_mk_value(key);
}

static inline bool xarray_has(u64 addr)
{
	unsigned long key = bench_key(addr);

	return xa_load(&xa, key) == xa_mk_value(key);
}

static unsigned int xarray_look_up(unsigned int *at, unsigned int n, enum bench_op op)
{
	return bench_look_up(xarray_has, at, n, op);
}

/* rhashtable */

struct item {
	struct rhash_head node;
	unsigned long key;
};

static struct rhashtable rht;
static struct item *items;

static const struct rhashtable_params rht_params = {
	.key_len = sizeof(unsigned long),
	.key_offset = offsetof(struct item, key),
	.head_offset = offsetof(struct item, node),
	.automatic_shrinking = true,
};

static int rht_begin(unsigned int count)
{
	int err;

	items = vzalloc(array_size(count + BENCH_WRITES, sizeof(*items)));
	if (!items)
		return -ENOMEM;
	err = rhashtable_init(&rht, &rht_params);
	if (err)
		vfree(items);
	return err;
}

static void rht_end(void)
{
	rhashtable_destroy(&rht);
	synchronize_rcu();
	vfree(items);
}

static int rht_insert(u64 addr)
{
	struct item *item = &items[bench_index(addr)];

	item->key = bench_key(addr);
	return rhashtable_insert_fast(&rht, &item->node, rht_params);
}

static bool rht_remove(u64 addr)
{
	return !rhashtable_remove_fast(&rht, &items[bench_index(addr)].node,
				       rht_params);
}

static bool rht_settled(void)
{
	struct bucket_table *tbl;
	bool settled;

	rcu_read_lock();
	tbl = rcu_dereference(rht.tbl);
	settled = !rcu_access_pointer(tbl->future_tbl);
	rcu_read_unlock();
	return settled;
}

static inline bool rht_has(u64 addr)
{
	unsigned long key = bench_key(addr);

	return rhashtable_lookup(&rht, &key, rht_params);
}

static unsigned int rht_look_up(unsigned int *at, unsigned int n, enum bench_op op)
{
	return bench_look_up(rht_has, at, n, op);
}

/* Maple tree */

static struct maple_tree mt;

static int maple_begin(unsigned int count)
{
	mt_init_flags(&mt, MT_FLAGS_USE_RCU);
	return 0;
}

static void maple_end(void)
{
	mtree_destroy(&mt);
}

static int maple_insert(u64 addr)
{
	unsigned long key = bench_key(addr);

	return mtree_store(&mt, key, xa_mk_value(key), GFP_KERNEL);
}

static bool maple_remove(u64 addr)
{
	unsigned long key = bench_key(addr);

	return mtree_erase(&mt, key) == xa_mk_value(key);
}

static inline bool maple_has(u64 addr)
{
	unsigned long key = bench_key(addr);

	return mtree_load(&mt, key) == xa_mk_value(key);
}

static unsigned int maple_look_up(unsigned int *at, unsigned int n, enum bench_op op)
{
	return bench_look_up(maple_has, at, n, op);
}

/* An array, which needs no search: what one place in so much memory costs */

struct place {
	u64 key;
	u64 unused[3];	/* as large as an entry of the table */
};

static struct place *places;

static int array_begin(unsigned int count)
{
	places = vzalloc(array_size(count + BENCH_WRITES, sizeof(*places)));
	return places ? 0 : -ENOMEM;
}

static void array_end(void)
{
	vfree(places);
}

static int array_insert(u64 addr)
{
	places[bench_index(addr)].key = addr >> PAGE_SHIFT;
	return 0;
}

static bool array_remove(u64 addr)
{
	struct place *place = &places[bench_index(addr)];
	bool there = place->key == addr >> PAGE_SHIFT;

	place->key = 0;
	return there;
}

static inline bool array_has(u64 addr)
{
	return READ_ONCE(places[bench_index(addr)].key) == addr >> PAGE_SHIFT;
}

static unsigned int array_look_up(unsigned int *at, unsigned int n, enum bench_op op)
{
	return bench_look_up(array_has, at, n, op);
}

const struct bench_structure bench_structures[] = {
#define STRUCTURE(s, size, is_settled) { .name = #s, .bytes = size,	\
	.begin = s##_begin, .end = s##_end, .insert = s##_insert,	\
	.remove = s##_remove, .settled = is_settled, .look_up = s##_look_up }
	STRUCTURE(table, 160, table_settled),
	/* a node of its own for each entry, as addresses are sparse */
	STRUCTURE(xarray, 620, NULL),
	STRUCTURE(rht, 64, rht_settled),
	STRUCTURE(maple, 160, NULL),
	STRUCTURE(array, 32, NULL),
};
const unsigned int bench_nr_structures = ARRAY_SIZE(bench_structures);

/* No structure: how much two of this machine's CPUs get done in arithmetic */

static inline bool nothing_has(u64 addr)
{
	unsigned int i;

	for (i = 0; i < 64; i++) {
		addr = addr * 6364136223846793005ULL + 1442695040888963407ULL;
		barrier_data(&addr);
	}
	return addr != 1;
}

static unsigned int nothing_look_up(unsigned int *at, unsigned int n, enum bench_op op)
{
	return bench_look_up(nothing_has, at, n, op);
}

const struct bench_structure bench_nothing = {
	.name = "nothing",
	.look_up = nothing_look_up,
};
