// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that map, unmap and use the same addresses.
 * A test that has seen too little, on a busy machine, is run on for a while.
 */
#include <unistd.h>

#include "fixture.h"

static struct dma_rmap *map;
static unsigned long landed, refused, changes, walks;

static void begin(void)
{
	map = map_new(64);
	map->scheme = DMA_RMAP_PHYS;
	landed = refused = changes = walks = 0;
}

static void map_at(u64 addr, u64 len, enum dma_data_direction dir)
{
	check(rmap_map(map, addr, len, dir, RMAP_PAGE) == addr);
}

static void unmap_at(u64 addr, u64 len, enum dma_data_direction dir)
{
	struct rmap_mapping was;

	check(rmap_unmap(map, addr, len, dir, RMAP_PAGE, &was) == RMAP_UNDONE);
	check(was.addr == addr && was.phys == addr && was.len == len &&
	      was.dir == dir);
}

/* Mappings of a page's length that lie in two blocks, each in a page of its own. */
#define STABLE 300

static u64 stable_addr(unsigned int i)
{
	return SHIM_PHYS + i * 2 * PAGE_SIZE + 1000;
}

/*
 * The unmaps of both of two that are alike cannot return while one of them is
 * held, wherever it was found: it is held in either of its blocks.
 */
static u64 held_at;
static int stage;		/* how many are unmapped, + 1 */

static void say(int what)
{
	/* Pairs with wait_for() */
	smp_store_release(&stage, what);
}

static void wait_for(int what)
{
	/* Pairs with say() */
	while (smp_load_acquire(&stage) < what)
		sched_yield();
}

static void hold_thread(unsigned int number)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	unsigned int i;

	if (number == 0) {
		wait_for(1);
		for (i = 2; i < 4; i++) {
			unmap_at(stable_addr(0), PAGE_SIZE, DMA_BIDIRECTIONAL);
			say(i);
		}
		return;
	}
	local_irq_save(flags);
	check(!dma_rmap_get(map, held_at, 1, DMA_TO_DEVICE, &ref));
	say(1);
	for (i = 0; i < 20; i++) {
		usleep(1000);
		check(READ_ONCE(stage) < 3);
	}
	dma_rmap_put(&ref);
	local_irq_restore(flags);
	wait_for(3);
	check(dma_rmap_check(map, held_at, 1, DMA_TO_DEVICE) == -EFAULT);
}

static void test_hold(void)
{
	unsigned int i;

	begin();
	for (i = 0; i < 10; i++) {
		map_at(stable_addr(0), PAGE_SIZE, DMA_BIDIRECTIONAL);
		map_at(stable_addr(0), PAGE_SIZE, DMA_BIDIRECTIONAL);
		held_at = stable_addr(0) + i % 2 * (PAGE_SIZE - 1);
		stage = 0;
		run_threads(2, hold_thread, 0);
		check(stage == 3);
	}
	map_end(map);
}

/*
 * One mapping at each of some addresses stays, and so all of its bytes can be
 * accessed at any time, whatever comes and goes there: the same once more, others
 * of another direction, length and kind, and so many far away that the table grows
 * and shrinks.
 */
#define CHURN 600

static void churn_alike(void)
{
	unsigned int first = rnd_below(STABLE), count = 1 + rnd_below(20), i;
	u64 len = rnd_below(2) ? PAGE_SIZE : 1 + rnd_below(3 * PAGE_SIZE);
	enum dma_data_direction dir = rnd_below(2) ? DMA_TO_DEVICE : rnd_below(3);

	for (i = 0; i < count; i++)
		map_at(stable_addr((first + i) % STABLE), len, dir);
	for (i = 0; i < count; i++) {
		/* What is mapped twice can be accessed until both are gone. */
		check(!dma_rmap_check(map, stable_addr((first + i) % STABLE),
				      len, dir));
		unmap_at(stable_addr((first + i) % STABLE), len, dir);
	}
	__atomic_fetch_add(&changes, 2 * count, __ATOMIC_RELAXED);
}

static void churn_far(unsigned int number)
{
	u64 base = (1ULL << 50) + ((u64)number << 40) - 500;
	unsigned int count = 1 + rnd_below(CHURN), i;

	for (i = 0; i < count; i++)
		map_at(base + i * PAGE_SIZE, 1000, DMA_TO_DEVICE);
	for (i = 0; i < count; i++)
		unmap_at(base + i * PAGE_SIZE, 1000, DMA_TO_DEVICE);
	check(dma_rmap_check(map, base + (count - 1) * PAGE_SIZE + 999, 1,
			     DMA_TO_DEVICE) == -EFAULT);
	__atomic_fetch_add(&changes, 2 * count, __ATOMIC_RELAXED);
}

static void read_stable(void)
{
	unsigned int i = rnd_below(STABLE), n;
	u64 offset = rnd_below(PAGE_SIZE);
	u64 len = 1 + rnd_below(PAGE_SIZE - offset);
	u8 got[PAGE_SIZE];

	check(!dma_rmap_copy_from(map, got, stable_addr(i) + offset, len));
	for (n = 0; n < len; n++)
		check(got[n] == (u8)i);
	check(!dma_rmap_check(map, stable_addr(i), PAGE_SIZE, DMA_TO_DEVICE));
	check(!dma_rmap_check(map, stable_addr(i) + PAGE_SIZE - 1, 1,
			      DMA_TO_DEVICE));
	__atomic_fetch_add(&landed, 1, __ATOMIC_RELAXED);
}

/* Alike are not told apart, so what stays is recognised by its kind. */
static bool see(const struct rmap_mapping *mapping, void *arg)
{
	u8 *seen = arg;

	if (mapping->kind == RMAP_COHERENT)
		seen[(mapping->addr - SHIM_PHYS) / (2 * PAGE_SIZE)]++;
	return false;
}

static void walk(void)
{
	u8 seen[STABLE] = {};
	unsigned int i;
	u64 pos = 0;

	while (rmap_table_walk(&map->table, &pos, see, seen))
		;
	for (i = 0; i < STABLE; i++)
		check(seen[i] == 1);
	__atomic_fetch_add(&walks, 1, __ATOMIC_RELAXED);
}

static void stay_thread(unsigned int number)
{
	while (!READ_ONCE(test_stop)) {
		if (number < 3)
			churn_alike();
		else if (number < 5)
			churn_far(number);
		else if (number < 7)
			read_stable();
		else
			walk();
	}
}

static void test_stay(void)
{
	struct rmap_mapping was;
	unsigned int i, tries;

	begin();
	for (i = 0; i < STABLE; i++) {
		memset(shim_memory + (stable_addr(i) - SHIM_PHYS), i, PAGE_SIZE);
		check(rmap_map(map, stable_addr(i), PAGE_SIZE, DMA_TO_DEVICE,
			       RMAP_COHERENT) == stable_addr(i));
	}
	tries = 20;
	do {
		run_threads(TEST_THREADS, stay_thread, 150 * test_scale);
	} while (!(landed > 100 && changes > 1000 && walks > 1) && --tries);
	printf("# %lu look-ups, %lu changes, %lu walks\n", landed, changes, walks);
	check(landed > 100 && changes > 1000 && walks > 1);
	check(rmap_table_count(&map->table) == STABLE);
	for (i = 0; i < STABLE; i++)
		check(rmap_unmap(map, stable_addr(i), PAGE_SIZE, DMA_TO_DEVICE,
				 RMAP_COHERENT, &was) == RMAP_UNDONE);
	/* Nothing is left in a second block either. */
	for (i = 0; i < RMAP_SHARDS; i++)
		check(!map->table.shard[i].count);
	map_end(map);
}

/*
 * Several map and unmap the very same: each unmap that succeeds has undone one,
 * and as long as a thread has one of its own it can be accessed.
 */
#define FOUGHT 10

static void fight_thread(unsigned int number)
{
	unsigned int mine[FOUGHT] = {}, i;

	while (!READ_ONCE(test_stop)) {
		i = rnd_below(FOUGHT);
		if (mine[i] && rnd_below(2)) {
			check(!dma_rmap_check(map, stable_addr(i), PAGE_SIZE,
					      DMA_FROM_DEVICE));
			unmap_at(stable_addr(i), PAGE_SIZE, DMA_FROM_DEVICE);
			mine[i]--;
		} else if (mine[i] < 5) {
			map_at(stable_addr(i), PAGE_SIZE, DMA_FROM_DEVICE);
			mine[i]++;
		}
		__atomic_fetch_add(&changes, 1, __ATOMIC_RELAXED);
	}
	for (i = 0; i < FOUGHT; i++)
		for (; mine[i]; mine[i]--)
			unmap_at(stable_addr(i), PAGE_SIZE, DMA_FROM_DEVICE);
}

static void test_fight(void)
{
	unsigned int i, tries = 20;

	begin();
	do {
		run_threads(TEST_THREADS, fight_thread, 50 * test_scale);
	} while (changes <= 1000 && --tries);
	check(changes > 1000);
	check(!rmap_table_count(&map->table));
	for (i = 0; i < FOUGHT; i++)
		check(dma_rmap_check(map, stable_addr(i) + PAGE_SIZE - 1, 1,
				     DMA_FROM_DEVICE) == -EFAULT);
	map_end(map);
}

/*
 * As in race_test.c, no write lands after an unmap; but now it is the last unmap
 * of several mappings of the same memory that counts. While one of them is there
 * the writes go on: who writes sees the number that the guard had before the
 * write and after it, which is even while the memory is mapped.
 */
#define TARGETS (TEST_THREADS / 2)
#define TARGET_LEN (3 * PAGE_SIZE + 100)

static unsigned int mapped[TARGETS];
static u64 target[TARGETS];

static void write_target(unsigned int number)
{
	static u8 data[TARGET_LEN];
	unsigned int before, after;
	u64 addr;
	int err;

	before = smp_load_acquire(&mapped[number]);
	addr = READ_ONCE(target[number]);
	err = dma_rmap_copy_to(map, addr, data, TARGET_LEN);
	after = __atomic_fetch_add(&mapped[number], 0, __ATOMIC_ACQ_REL);
	/* What was mapped before may lie in what is mapped now. */
	check(!err || err == -EFAULT || err == -ERANGE);
	if (before == after && before % 2 == 0)
		check(!err);
	__atomic_fetch_add(err ? &refused : &landed, 1, __ATOMIC_RELAXED);
}

static void unmap_targets(u64 addr, unsigned int count)
{
	while (count--) {
		usleep(rnd_below(100));
		unmap_at(addr, TARGET_LEN, DMA_FROM_DEVICE);
	}
}

static void guard_target(unsigned int number)
{
	u64 offset = number * 16 * PAGE_SIZE + rnd_below(8 * PAGE_SIZE);
	unsigned int count = 1 + rnd_below(4), i, n;
	u8 *memory = shim_memory + offset;
	u64 addr = SHIM_PHYS + offset;

	for (i = 0; i < count; i++)
		map_at(addr, TARGET_LEN, DMA_FROM_DEVICE);
	WRITE_ONCE(target[number], addr);
	__atomic_fetch_add(&mapped[number], 1, __ATOMIC_ACQ_REL);
	unmap_targets(addr, count - 1);
	usleep(rnd_below(200));
	__atomic_fetch_add(&mapped[number], 1, __ATOMIC_ACQ_REL);
	unmap_targets(addr, 1);
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
	unsigned int i, tries;

	begin();
	for (i = 0; i < TARGETS; i++) {
		mapped[i] = 1;
		target[i] = 0;
	}
	tries = 20;
	do {
		run_threads(TEST_THREADS, target_thread, 100 * test_scale);
	} while (!(landed > 10 && refused > 10 && changes > 10) && --tries);
	printf("# %lu copies landed, %lu refused, %lu last unmaps\n", landed,
	       refused, changes);
	check(landed > 10 && refused > 10 && changes > 10);
	map_end(map);
}

const struct test given_race_tests[] = {
	{ "given race: unmaps wait for a holder", test_hold },
	{ "given race: what stays beside what is alike", test_stay },
	{ "given race: maps and unmaps of the same", test_fight },
	{ "given race: no write lands after the last unmap", test_no_late_write },
	{ NULL, NULL }
};
