// SPDX-License-Identifier: GPL-2.0
/*
 * The table alone: against a plain model, with long chains, short of memory.
 */
#include "fixture.h"

#define ORDERS		6
#define FIRST_ORDER	13
#define BLOCKS		4096

/* The model: what is in each block. */
static struct rmap_mapping model[ORDERS][BLOCKS];	/* len 0: nothing */
static unsigned int model_count;

/* As in space.c, no address is in blocks of two orders. */
static u64 block_addr(unsigned int order, unsigned int block)
{
	return ((u64)order << 56) + ((u64)block << order);
}

/* Look into a block inside and outside of its entry. */
static void check_block(struct rmap_table *table, unsigned int class,
			unsigned int block)
{
	const struct rmap_mapping *m = &model[class][block];
	unsigned int order = FIRST_ORDER + class;
	u64 addr = block_addr(order, block);

	if (!m->len) {
		check(table_has(table, addr + rnd_below(1ULL << order), order,
				NULL));
		return;
	}
	check(table_has(table, m->addr, order, m));
	check(table_has(table, m->addr + m->len - 1, order, m));
	check(table_has(table, m->addr + rnd_below(m->len), order, m));
	check(table_has(table, m->addr - 1, order, NULL));
	check(table_has(table, m->addr + m->len, order, NULL));
}

static void check_all(struct rmap_table *table)
{
	unsigned int class, block;

	for (class = 0; class < ORDERS; class++)
		for (block = 0; block < BLOCKS; block++)
			check_block(table, class, block);
	check(rmap_table_count(table) == model_count);
	check(table_walk_count(table) == model_count);
}

static void model_insert(struct rmap_table *table, unsigned int class,
			 unsigned int block)
{
	unsigned int order = FIRST_ORDER + class;
	u64 offset = 1 + rnd_below(PAGE_SIZE - 1);
	u64 len = 1 + rnd_below((1ULL << order) - offset - PAGE_SIZE);
	struct rmap_mapping mapping;
	int err;

	mapping = mapping_of(block_addr(order, block) + offset, len, order);
	err = rmap_table_insert(table, &mapping);
	if (model[class][block].len) {
		check(err == -EEXIST);
	} else if (check(!err)) {
		model[class][block] = mapping;
		model_count++;
	}
}

static void model_remove(struct rmap_table *table, unsigned int class,
			 unsigned int block)
{
	struct rmap_mapping *m = &model[class][block];
	unsigned int order = FIRST_ORDER + class;
	struct rmap_mapping was;

	if (!m->len) {
		check(!table_remove_at(table, block_addr(order, block) + 1,
					 order, RMAP_PAGE, &was));
		return;
	}
	check(!table_remove_at(table, m->addr + 1, order, RMAP_PAGE,
				 &was));
	check(!table_remove_at(table, m->addr, order, RMAP_COHERENT, &was));
	check(table_remove(table, m));
	m->len = 0;
	model_count--;
}

static void model_clear(struct rmap_table *table)
{
	unsigned int class, block;

	for (class = 0; class < ORDERS; class++)
		for (block = 0; block < BLOCKS; block++)
			if (model[class][block].len)
				model_remove(table, class, block);
	check(!model_count);
}

/* Waves of insertions and removals, so that the table grows and shrinks. */
static void test_model(void)
{
	struct rmap_table *table = table_new();
	unsigned int i, class, block, fill = 50;

	for (i = 0; i < 40000 * test_scale; i++) {
		if (i % 20000 == 0)
			fill = rnd_below(4) * 30 + 5;
		class = rnd_below(ORDERS);
		block = rnd_below(BLOCKS);
		if (rnd_below(100) < fill)
			model_insert(table, class, block);
		else
			model_remove(table, class, block);
		check_block(table, rnd_below(ORDERS), rnd_below(BLOCKS));
		if (i % 50000 == 0)
			check_all(table);
	}
	check_all(table);
	model_clear(table);
	check_all(table);
	table_end(table);
}

static void fill_blocks(struct rmap_table *table, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		model_insert(table, i % ORDERS, i / ORDERS);
}

/* No resizing for a while: chains become long, and are moved as they are. */
static void test_long_chains(void)
{
	size_t small, large;
	struct rmap_table *table;

	shim_work_manual = true;
	table = table_new();
	small = rmap_table_bytes(table);
	fill_blocks(table, ORDERS * BLOCKS);
	check(rmap_table_bytes(table) == small);
	check_all(table);
	shim_run_work();
	large = rmap_table_bytes(table);
	check(large > model_count * 40);
	check(large < model_count * 128);
	check_all(table);
	model_clear(table);
	check_all(table);
	shim_run_work();
	check(rmap_table_bytes(table) == small);
	check_all(table);
	table_end(table);
	shim_work_manual = false;
}

/* Removals in the middle of long chains, and insertions into the gaps. */
static void test_chain_gaps(void)
{
	struct rmap_table *table;
	unsigned int i, round;

	shim_work_manual = true;
	table = table_new();
	for (round = 0; round < 5; round++) {
		fill_blocks(table, 12000);
		for (i = 0; i < 12000; i++)
			if (rnd_below(100) < 70)
				model_remove(table, i % ORDERS, i / ORDERS);
		check_all(table);
	}
	model_clear(table);
	table_end(table);
	shim_work_manual = false;
}

/* Each insertion with no memory for an overflow bucket: it fails or not. */
static void test_insert_no_memory(void)
{
	struct rmap_table *table;
	struct rmap_mapping mapping;
	unsigned int i, failed = 0;
	u64 addr;

	shim_work_manual = true;
	table = table_new();
	for (i = 0; i < 3000; i++) {
		addr = block_addr(FIRST_ORDER, i);
		mapping = mapping_of(addr, 100, FIRST_ORDER);
		shim_fail_after = 0;
		if (rmap_table_insert(table, &mapping)) {
			failed++;
			check(table_has(table, addr, FIRST_ORDER, NULL));
			check(rmap_table_count(table) == model_count);
			shim_fail_after = -1;
			check(!rmap_table_insert(table, &mapping));
		}
		shim_fail_after = -1;
		model[0][i] = mapping;
		model_count++;
		check(table_has(table, addr, FIRST_ORDER, &mapping));
	}
	/* 64 buckets of 7, then one more for each 7. */
	check(failed > 300 && failed < 500);
	check_all(table);
	model_clear(table);
	table_end(table);
	shim_work_manual = false;
}

/* Resizing that runs out of memory after N allocations, and is taken up. */
static void test_resize_no_memory(void)
{
	struct rmap_table *table;
	unsigned int i, attempts = 0;
	size_t small;

	shim_work_manual = true;
	table = table_new();
	small = rmap_table_bytes(table);
	fill_blocks(table, 9000);
	for (i = 0; i < 100; i++) {
		shim_fail_after = rnd_below(20);
		shim_run_work_once();
		attempts += !shim_fail_after;
		shim_fail_after = -1;
		check_block(table, rnd_below(ORDERS), rnd_below(BLOCKS));
		if (i % 10 == 0)
			check_all(table);
		/* Changes in the middle of it */
		model_insert(table, rnd_below(ORDERS), 2000 + rnd_below(2000));
		model_remove(table, rnd_below(ORDERS), rnd_below(BLOCKS));
	}
	check(attempts > 10);
	check_all(table);
	shim_run_work();
	check(rmap_table_bytes(table) < model_count * 128);
	check_all(table);
	model_clear(table);
	for (i = 0; i < 100; i++) {
		shim_fail_after = rnd_below(20);
		shim_run_work_once();
		shim_fail_after = -1;
	}
	shim_run_work();
	check(rmap_table_bytes(table) == small);
	table_end(table);
	shim_work_manual = false;
}

/* Destroying a table in the middle of resizing. */
static void test_destroy_resizing(void)
{
	struct rmap_table *table;

	shim_work_manual = true;
	table = table_new();
	fill_blocks(table, 9000);
	shim_fail_after = 12;
	shim_run_work_once();
	shim_fail_after = -1;
	check_all(table);
	model_clear(table);
	table_end(table);
	shim_work_manual = false;
}

/* Sequential blocks, as a map hands them out, hardly ever need an overflow. */
static void test_spread(void)
{
	const unsigned int count = 20000 * test_scale;
	struct rmap_mapping mapping;
	struct rmap_table *table;
	unsigned int i, failed = 0;

	shim_work_manual = true;
	table = table_new();
	for (i = 0; i < count; i++) {
		mapping = mapping_of((1ULL << 61) + ((u64)i << 13), 4096, 13);
		shim_fail_after = 0;
		if (rmap_table_insert(table, &mapping)) {
			failed++;
			shim_fail_after = -1;
			check(!rmap_table_insert(table, &mapping));
		}
		shim_fail_after = -1;
		if (i % 100 == 0)
			shim_run_work();
	}
	printf("# %u of %u insertions needed an overflow bucket\n", failed,
	       count);
	check(failed < count / 50);
	for (i = 0; i < count; i++) {
		mapping = mapping_of((1ULL << 61) + ((u64)i << 13), 4096, 13);
		check(table_remove(table, &mapping));
	}
	table_end(table);
	shim_work_manual = false;
}

const struct test table_tests[] = {
	{ "table: random operations against a model", test_model },
	{ "table: long chains", test_long_chains },
	{ "table: gaps in chains", test_chain_gaps },
	{ "table: insertion short of memory", test_insert_no_memory },
	{ "table: resizing short of memory", test_resize_no_memory },
	{ "table: destroyed while resizing", test_destroy_resizing },
	{ "table: sequential blocks spread evenly", test_spread },
	{ NULL, NULL }
};
