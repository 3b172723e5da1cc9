// SPDX-License-Identifier: GPL-2.0
/*
 * Threads against one another.
 */
#include <unistd.h>

#include "fixture.h"

#define STABLE 2000	/* mappings that are there all the time */
#define CHURN 3000	/* mappings of each thread that come and go */

static struct dma_rmap *map;
static u64 stable[STABLE];
static unsigned long lookups, changes;

static u64 map_page(unsigned int page)
{
	return rmap_map(map, SHIM_PHYS + page * PAGE_SIZE, PAGE_SIZE,
			DMA_BIDIRECTIONAL, RMAP_PAGE);
}

static bool unmap_page(u64 addr)
{
	struct rmap_mapping was;

	return rmap_unmap(map, addr, PAGE_SIZE, DMA_BIDIRECTIONAL,
			  RMAP_PAGE, &was) == RMAP_UNDONE;
}

static void begin_stable(void)
{
	unsigned int i;

	map = map_new(64);
	lookups = 0;
	changes = 0;
	for (i = 0; i < STABLE; i++)
		stable[i] = map_page(i);
}

static void end_stable(void)
{
	unsigned int i;

	for (i = 0; i < STABLE; i++)
		check(unmap_page(stable[i]));
	map_end(map);
}

static void read_stable(void)
{
	unsigned int i = rnd_below(STABLE);
	struct dma_rmap_ref ref;
	unsigned long flags;

	local_irq_save(flags);
	if (check(!dma_rmap_get(map, stable[i] + rnd_below(PAGE_SIZE), 1,
				DMA_TO_DEVICE, &ref))) {
		check(ref.page == &shim_page[i]);
		dma_rmap_put(&ref);
	}
	local_irq_restore(flags);
	check(dma_rmap_check(map, stable[i] + PAGE_SIZE + rnd_below(PAGE_SIZE),
			     1, DMA_TO_DEVICE) == -EFAULT);
	__atomic_fetch_add(&lookups, 1, __ATOMIC_RELAXED);
}

/* Many come, many go: the table grows and shrinks. */
static void churn(void)
{
	u64 mine[CHURN];
	unsigned int i, count = 1 + rnd_below(CHURN);

	for (i = 0; i < count; i++) {
		mine[i] = map_page(STABLE + i % 100);
		check(mine[i] != DMA_MAPPING_ERROR);
	}
	for (i = 0; i < count; i++) {
		check(!dma_rmap_check(map, mine[i], PAGE_SIZE, DMA_TO_DEVICE));
		check(unmap_page(mine[i]));
		check(dma_rmap_check(map, mine[i], 1, DMA_TO_DEVICE) ==
		      -EFAULT);
	}
	__atomic_fetch_add(&changes, 2 * count, __ATOMIC_RELAXED);
}

static void grow_thread(unsigned int number)
{
	while (!READ_ONCE(test_stop)) {
		if (number % 2)
			churn();
		else
			read_stable();
	}
}

/* What is mapped is found at every moment, whatever happens beside it. */
static void test_grow(void)
{
	begin_stable();
	run_threads(TEST_THREADS, grow_thread, 150 * test_scale);
	printf("# %lu look-ups, %lu changes\n", lookups, changes);
	check(lookups > 1000 && changes > 1000);
	end_stable();
}

/* A few blocks that all threads fight for. */
#define FOUGHT 20

static struct rmap_table *table;

static void fight_thread(unsigned int number)
{
	struct rmap_mapping mapping, was;
	u64 addr;
	int err;

	while (!READ_ONCE(test_stop)) {
		addr = (1ULL << 61) + (rnd_below(FOUGHT) << 13);
		mapping = mapping_of(addr, 100 + number, 13);
		err = rmap_table_insert(table, &mapping);
		check(!err || err == -EEXIST);
		if (!err)
			__atomic_fetch_add(&changes, 1, __ATOMIC_RELAXED);
		addr = (1ULL << 61) + (rnd_below(FOUGHT) << 13);
		if (table_remove_at(table, addr, 13, RMAP_PAGE, &was)) {
			check(was.addr == addr && was.phys == ~addr);
			__atomic_fetch_sub(&changes, 1, __ATOMIC_RELAXED);
		}
	}
}

/* Each insertion that succeeds is undone by exactly one removal. */
static void test_fight(void)
{
	struct rmap_mapping was;
	unsigned int i;

	changes = 0;
	table = table_new();
	run_threads(TEST_THREADS, fight_thread, 50 * test_scale);
	check(rmap_table_count(table) == changes);
	for (i = 0; i < FOUGHT; i++)
		changes -= table_remove_at(table, (1ULL << 61) +
					     ((u64)i << 13), 13,
					     RMAP_PAGE, &was);
	check(!changes && !rmap_table_count(table));
	table_end(table);
}

/* Two that unmap the same: one of them does. */
static u64 doubled[4000];
static unsigned long undone;

static void double_thread(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(doubled); i++)
		if (unmap_page(doubled[i]))
			__atomic_fetch_add(&undone, 1, __ATOMIC_RELAXED);
}

static void test_double_unmap(void)
{
	unsigned int i, round;

	map = map_new(64);
	for (round = 0; round < test_scale; round++) {
		undone = 0;
		for (i = 0; i < ARRAY_SIZE(doubled); i++)
			doubled[i] = map_page(0);
		run_threads(4, double_thread, 0);
		check(undone == ARRAY_SIZE(doubled));
	}
	map_end(map);
}

/* An unmap waits for who holds a piece. */
static u64 held_addr;
static int unmapped;		/* 1: about to be; 2: done */

static void say(int what)
{
	/* Pairs with wait_for_unmap() */
	smp_store_release(&unmapped, what);
}

static void wait_for_unmap(void)
{
	/* Pairs with say() */
	while (smp_load_acquire(&unmapped) != 2)
		sched_yield();
}

static void hold_thread(unsigned int number)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	unsigned int i;

	if (number == 0) {
		while (!READ_ONCE(unmapped))
			usleep(100);
		check(unmap_page(held_addr));
		say(2);
		return;
	}
	local_irq_save(flags);
	check(!dma_rmap_get(map, held_addr, 1, DMA_TO_DEVICE, &ref));
	say(1);
	for (i = 0; i < 50; i++) {
		usleep(1000);
		check(READ_ONCE(unmapped) == 1);
	}
	/* No one else gets it any more. */
	check(dma_rmap_check(map, held_addr, 1, DMA_TO_DEVICE) == -EFAULT);
	dma_rmap_put(&ref);
	local_irq_restore(flags);
	wait_for_unmap();
}

static void test_hold(void)
{
	map = map_new(64);
	held_addr = map_page(0);
	unmapped = 0;
	run_threads(2, hold_thread, 0);
	check(unmapped == 2);
	map_end(map);
}

/* A mapping that is moved while it is held: the unmap still waits. */
static void move_thread(unsigned int number)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	unsigned int i;

	if (number == 0) {
		while (!READ_ONCE(unmapped))
			usleep(100);
		shim_run_work();
		check(unmap_page(held_addr));
		say(2);
		return;
	}
	local_irq_save(flags);
	check(!dma_rmap_get(map, held_addr, 1, DMA_TO_DEVICE, &ref));
	say(1);
	for (i = 0; i < 50; i++) {
		usleep(1000);
		check(READ_ONCE(unmapped) == 1);
		/* Others can still hold it, here or where it has gone to. */
		check(!dma_rmap_check(map, held_addr, 1, DMA_TO_DEVICE));
	}
	dma_rmap_put(&ref);
	local_irq_restore(flags);
	wait_for_unmap();
	check(dma_rmap_check(map, held_addr, 1, DMA_TO_DEVICE) == -EFAULT);
}

static void test_move(void)
{
	static u64 others[5000];
	unsigned int i;

	shim_work_manual = true;
	map = map_new(64);
	held_addr = map_page(0);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		others[i] = map_page(1);
	unmapped = 0;
	run_threads(2, move_thread, 0);
	check(unmapped == 2);
	for (i = 0; i < ARRAY_SIZE(others); i++)
		check(unmap_page(others[i]));
	map_end(map);
	shim_work_manual = false;
}

/*
 * Mappings that come and go in the same place of the same bucket: who looks for
 * one of them never holds the other one.
 */
#define REUSED 8

static u64 reused[REUSED];

static void reuse_thread(unsigned int number)
{
	struct dma_rmap_entry *entry;
	struct rmap_mapping mapping;
	unsigned long flags;
	unsigned int i;

	while (!READ_ONCE(test_stop)) {
		i = rnd_below(REUSED);
		if (number == 0) {
			mapping = mapping_of(reused[i], 100, 13);
			check(!rmap_table_insert(table, &mapping));
			if (!rnd_below(8))
				sched_yield();
			check(table_remove(table, &mapping));
			continue;
		}
		local_irq_save(flags);
		entry = rmap_table_hold(table, reused[i] + 50, 13);
		if (entry) {
			check(entry->addr == reused[i]);
			check(entry->phys == ~reused[i]);
			rmap_entry_release(entry);
			__atomic_fetch_add(&lookups, 1, __ATOMIC_RELAXED);
		}
		local_irq_restore(flags);
	}
}

/* The first 6 bits of the hash, as in table.c: a new table has 64 buckets. */
static unsigned int new_bucket(u64 addr)
{
	return (((addr >> 13) ^ (13ULL << 57)) * 0x9e3779b97f4a7c15ULL) >> 58;
}

static void test_reuse(void)
{
	unsigned int count = 1;
	u64 addr;

	shim_work_manual = true;
	table = table_new();
	reused[0] = 1ULL << 61;
	for (addr = reused[0] + (1 << 13); count < REUSED; addr += 1 << 13) {
		if (new_bucket(addr) == new_bucket(reused[0]))
			reused[count++] = addr;
	}
	lookups = 0;
	run_threads(4, reuse_thread, 100 * test_scale);
	printf("# %lu hits\n", lookups);
	check(lookups > 10);
	table_end(table);
	shim_work_manual = false;
}

/*
 * The heart of it: half of the threads write through device addresses, each to
 * one of the others, who unmap, and then no byte of their memory changes any
 * more.
 */
#define TARGETS (TEST_THREADS / 2)
#define TARGET_LEN (3 * PAGE_SIZE + 100)

static u64 target[TARGETS];
static unsigned long landed, refused;

static void write_target(unsigned int number)
{
	static u8 data[TARGET_LEN];
	u64 addr;
	int err;

	addr = READ_ONCE(target[number]);
	err = dma_rmap_copy_to(map, addr, data, TARGET_LEN);
	check(!err || err == -EFAULT);
	__atomic_fetch_add(err ? &refused : &landed, 1, __ATOMIC_RELAXED);
}

static void guard_target(unsigned int number)
{
	u64 offset = number * 16 * PAGE_SIZE + rnd_below(PAGE_SIZE);
	u8 *memory = shim_memory + offset;
	struct rmap_mapping was;
	unsigned int i, n;
	u64 addr;

	addr = rmap_map(map, SHIM_PHYS + offset, TARGET_LEN, DMA_FROM_DEVICE,
			RMAP_PAGE);
	WRITE_ONCE(target[number], addr);
	usleep(rnd_below(300));
	check(rmap_unmap(map, addr, TARGET_LEN, DMA_FROM_DEVICE, RMAP_PAGE,
			 &was) == RMAP_UNDONE);
	/* The memory is ours now; a write to it would be a data race, too. */
	memset(memory, number + 1, TARGET_LEN);
	for (i = 0; i < 3; i++) {
		sched_yield();
		for (n = 0; n < TARGET_LEN && memory[n] == number + 1; n++)
			;
		check(n == TARGET_LEN);
	}
	__atomic_fetch_add(&changes, 1, __ATOMIC_RELAXED);
}

static void target_thread(unsigned int number)
{
	while (!READ_ONCE(test_stop)) {
		if (number < TARGETS)
			guard_target(number);
		else
			write_target(number - TARGETS);
	}
}

static void test_no_late_write(void)
{
	map = map_new(64);
	memset(target, 0, sizeof(target));
	landed = refused = changes = 0;
	run_threads(TEST_THREADS, target_thread, 100 * test_scale);
	printf("# %lu copies landed, %lu refused, %lu unmaps\n", landed,
	       refused, changes);
	check(landed > 10 && refused > 10 && changes > 10);
	map_end(map);
}

/* Walks while the table grows and shrinks: what stays is seen once. */
static u8 seen[SHIM_CPUS][STABLE];

static bool see(const struct rmap_mapping *mapping, void *arg)
{
	u64 page = PHYS_PFN(mapping->phys - SHIM_PHYS);
	u8 *mine = arg;

	if (page < STABLE && mine[page] < 255)
		mine[page]++;
	return false;
}

static void walk_thread(unsigned int number)
{
	u8 *mine = seen[number];
	unsigned int i;
	u64 pos;

	while (!READ_ONCE(test_stop)) {
		if (number % 2) {
			churn();
			continue;
		}
		memset(mine, 0, STABLE);
		pos = 0;
		while (rmap_table_walk(&map->table, &pos, see, mine))
			;
		for (i = 0; i < STABLE; i++)
			check(mine[i] == 1);
		__atomic_fetch_add(&lookups, 1, __ATOMIC_RELAXED);
	}
}

static void test_walk(void)
{
	begin_stable();
	run_threads(TEST_THREADS, walk_thread, 100 * test_scale);
	printf("# %lu walks, %lu changes\n", lookups, changes);
	check(lookups > 5 && changes > 1000);
	end_stable();
}

/* A small space that wraps all the time: no two live mappings share a block. */
static u64 wrapped[SHIM_CPUS][10];

static void wrap_thread(unsigned int number)
{
	u64 *mine = wrapped[number];
	struct dma_rmap_ref ref;
	unsigned long flags;
	unsigned int i;

	while (!READ_ONCE(test_stop)) {
		i = rnd_below(10);
		if (mine[i]) {
			local_irq_save(flags);
			check(!dma_rmap_get(map, mine[i], 1, DMA_TO_DEVICE,
					    &ref));
			check(ref.page == &shim_page[number]);
			dma_rmap_put(&ref);
			local_irq_restore(flags);
			check(unmap_page(mine[i]));
			mine[i] = 0;
		} else {
			mine[i] = map_page(number);
			check(mine[i] != DMA_MAPPING_ERROR);
			__atomic_fetch_add(&changes, 1, __ATOMIC_RELAXED);
		}
	}
	for (i = 0; i < 10; i++)
		if (mine[i])
			check(unmap_page(mine[i]));
}

static void test_wrap(void)
{
	map = map_new(7);
	changes = 0;
	memset(wrapped, 0, sizeof(wrapped));
	run_threads(TEST_THREADS, wrap_thread, 50 * test_scale);
	printf("# %lu mappings in 128 blocks\n", changes);
	check(changes > 1000);
	map_end(map);
}

const struct test race_tests[] = {
	{ "race: look-ups while the table grows and shrinks", test_grow },
	{ "race: insertions and removals of the same blocks", test_fight },
	{ "race: two unmap the same", test_double_unmap },
	{ "race: an unmap waits for a holder", test_hold },
	{ "race: a mapping is moved while it is held", test_move },
	{ "race: a place is used again for another mapping", test_reuse },
	{ "race: no write lands after an unmap", test_no_late_write },
	{ "race: walks while the table grows and shrinks", test_walk },
	{ "race: the space wraps around live mappings", test_wrap },
	{ NULL, NULL }
};
