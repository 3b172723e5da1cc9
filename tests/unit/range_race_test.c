// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that link, unlink and use the pages of ranges.
 * A test that has seen too little, on a busy machine, is run on for a while.
 */
#include <unistd.h>

#include "fixture.h"

static struct dma_rmap *map;

static u64 page_phys(unsigned int page)
{
	return SHIM_PHYS + page * PAGE_SIZE;
}

static u8 *page_memory(unsigned int page)
{
	return shim_memory + page * PAGE_SIZE;
}

static struct dma_rmap_range shared;
static unsigned long landed, refused, changes;
static int stage;

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

static void begin_shared(unsigned int pages)
{
	map = map_new(64);
	landed = refused = changes = 0;
	stage = 0;
	check(!dma_rmap_reserve(map, &shared, 0, pages * PAGE_SIZE,
				DMA_BIDIRECTIONAL, GFP_KERNEL));
}

static void end_shared(void)
{
	dma_rmap_free_range(&shared);
	map_end(map);
}

/* While a page is held only its own unlinking waits. */
static void hold_page(struct dma_rmap_ref *ref)
{
	unsigned int i;

	check(!dma_rmap_get(map, shared.addr + PAGE_SIZE + 9, 5, DMA_TO_DEVICE,
			    ref));
	check(ref->page == &shim_page[1] && ref->offset == 9 && ref->len == 5);
	say(1);
	wait_for(2);
	for (i = 0; i < 50; i++) {
		usleep(1000);
		check(READ_ONCE(stage) == 2);
		/* The others go on; of this one there is nothing any more. */
		check(!dma_rmap_check(map, shared.addr + 2 * PAGE_SIZE, 1,
				      DMA_TO_DEVICE));
	}
	check(dma_rmap_check(map, shared.addr + PAGE_SIZE, 1, DMA_TO_DEVICE) ==
	      -EFAULT);
	check(dma_rmap_link(&shared, PAGE_SIZE, page_phys(7), PAGE_SIZE) ==
	      -EEXIST);
}

static void hold_thread(unsigned int number)
{
	struct dma_rmap_ref ref;
	unsigned long flags;

	if (number == 0) {
		wait_for(1);
		check(dma_rmap_unlink(&shared, 0, PAGE_SIZE) == PAGE_SIZE);
		check(!dma_rmap_link(&shared, 0, page_phys(5), PAGE_SIZE));
		say(2);
		check(dma_rmap_unlink(&shared, 0, 2 * PAGE_SIZE) ==
		      2 * PAGE_SIZE);
		say(3);
		return;
	}
	local_irq_save(flags);
	hold_page(&ref);
	dma_rmap_put(&ref);
	local_irq_restore(flags);
	wait_for(3);
	check(!dma_rmap_link(&shared, PAGE_SIZE, page_phys(7), PAGE_SIZE));
}

static void test_hold(void)
{
	begin_shared(4);
	check(!dma_rmap_link(&shared, 0, page_phys(0), 4 * PAGE_SIZE));
	run_threads(2, hold_thread, 0);
	check(stage == 3);
	end_shared();
}

/* So does freeing the range, with nothing unlinked before. */
static void free_thread(unsigned int number)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	unsigned int i;

	if (number == 0) {
		wait_for(1);
		dma_rmap_free_range(&shared);
		say(2);
		return;
	}
	local_irq_save(flags);
	check(!dma_rmap_get(map, shared.addr, 5, DMA_TO_DEVICE, &ref));
	say(1);
	for (i = 0; i < 50; i++) {
		usleep(1000);
		check(READ_ONCE(stage) == 1);
	}
	check(dma_rmap_check(map, shared.addr, 1, DMA_TO_DEVICE) == -EFAULT);
	dma_rmap_put(&ref);
	local_irq_restore(flags);
	wait_for(2);
}

static void test_free_waits(void)
{
	begin_shared(1);
	check(!dma_rmap_link(&shared, 0, page_phys(0), PAGE_SIZE));
	run_threads(2, free_thread, 0);
	check(stage == 2);
	map_end(map);
}

/* More holders than a place can count: the next one waits for one to leave. */
#define HOLDERS 4095

static void holders_thread(unsigned int number)
{
	static struct dma_rmap_ref ref[HOLDERS];
	struct dma_rmap_ref one_more;
	unsigned long flags;
	unsigned int i;

	local_irq_save(flags);
	if (number == 0) {
		wait_for(1);
		check(!dma_rmap_get(map, shared.addr, 5, DMA_TO_DEVICE,
				    &one_more));
		say(2);
		check(one_more.page == &shim_page[3]);
		dma_rmap_put(&one_more);
	} else {
		for (i = 0; i < HOLDERS; i++)
			check(!dma_rmap_get(map, shared.addr, 5, DMA_TO_DEVICE,
					    &ref[i]));
		say(1);
		for (i = 0; i < 20; i++) {
			usleep(1000);
			check(READ_ONCE(stage) == 1);
		}
		for (i = 0; i < HOLDERS; i++)
			dma_rmap_put(&ref[i]);
	}
	local_irq_restore(flags);
}

static void test_holders(void)
{
	begin_shared(1);
	check(!dma_rmap_link(&shared, 0, page_phys(3), PAGE_SIZE));
	run_threads(2, holders_thread, 0);
	check(stage == 2);
	check(dma_rmap_unlink(&shared, 0, PAGE_SIZE) == PAGE_SIZE);
	end_shared();
}

/*
 * One writes, all over the range, to pages that the others link and unlink one by
 * one; as soon as a page is unlinked it does not change any more. Every other page
 * stays, and is written to all the time.
 */
#define GUARDED (TEST_THREADS - 1)

static void write_range(void)
{
	static u8 data[4 * PAGE_SIZE];
	size_t offset = rnd_below((2 * GUARDED + 1) * PAGE_SIZE);
	unsigned int place = offset / PAGE_SIZE;
	size_t in_page = PAGE_SIZE - offset % PAGE_SIZE;
	size_t len = 1 + rnd_below(sizeof(data));
	int err;

	if (rnd_below(2))
		len = min(len, in_page);
	err = dma_rmap_copy_to(map, shared.addr + offset, data,
			       min(len, shared.len - offset));
	check(!err || err == -EFAULT);
	if (place % 2 == 0 && len <= in_page)
		check(!err);
	__atomic_fetch_add(err ? &refused : &landed, 1, __ATOMIC_RELAXED);
}

static void guard_page(unsigned int place)
{
	unsigned int page = 100 + place, i, n;
	u8 *memory = page_memory(page);

	check(!dma_rmap_link(&shared, place * PAGE_SIZE, page_phys(page),
			     PAGE_SIZE));
	usleep(rnd_below(200));
	check(dma_rmap_unlink(&shared, place * PAGE_SIZE, PAGE_SIZE) ==
	      PAGE_SIZE);
	/* The memory is ours now; a write to it would be a data race, too. */
	memset(memory, place + 1, PAGE_SIZE);
	for (i = 0; i < 3; i++) {
		sched_yield();
		for (n = 0; n < PAGE_SIZE && memory[n] == place + 1; n++)
			;
		check(n == PAGE_SIZE);
	}
	__atomic_fetch_add(&changes, 1, __ATOMIC_RELAXED);
}

static void guard_thread(unsigned int number)
{
	while (!READ_ONCE(test_stop)) {
		if (number < GUARDED)
			guard_page(2 * number + 1);
		else
			write_range();
	}
}

static void test_no_late_write(void)
{
	unsigned int i, tries;

	begin_shared(2 * GUARDED + 1);
	for (i = 0; i < 2 * GUARDED + 1; i += 2)
		check(!dma_rmap_link(&shared, i * PAGE_SIZE, page_phys(i),
				     PAGE_SIZE));
	tries = 20;
	do {
		run_threads(TEST_THREADS, guard_thread, 100 * test_scale);
	} while (!(landed > 10 && refused > 10 && changes > 10) && --tries);
	printf("# %lu copies landed, %lu refused, %lu unlinked\n", landed,
	       refused, changes);
	check(landed > 10 && refused > 10 && changes > 10);
	end_shared();
}

/*
 * Each of some threads links and unlinks runs of its own part, and knows what is
 * there; the others read all over the range, and find each place's pages alone.
 */
#define PARTS 5
#define PART_PAGES 6

/* A place can have one of two pages of memory. */
static unsigned int part_page(unsigned int place, unsigned int which)
{
	return place + which * PARTS * PART_PAGES;
}

static void link_part(unsigned int part)
{
	int linked[PART_PAGES];
	unsigned int first, count, which, i, n;
	size_t offset, bytes;
	bool taken;

	memset(linked, -1, sizeof(linked));
	for (n = 0; n < 100; n++) {
		first = rnd_below(PART_PAGES);
		count = 1 + rnd_below(PART_PAGES - first);
		offset = (part * PART_PAGES + first) * PAGE_SIZE;
		which = rnd_below(2);
		taken = false;
		for (i = first, bytes = 0; i < first + count; i++)
			if (linked[i] >= 0)
				bytes += PAGE_SIZE;
		taken = bytes;
		if (rnd_below(2)) {
			check(dma_rmap_unlink(&shared, offset,
					      count * PAGE_SIZE) == bytes);
			memset(linked + first, -1, count * sizeof(linked[0]));
		} else {
			check(dma_rmap_link(&shared, offset,
					    page_phys(part_page(offset / PAGE_SIZE, which)),
					    count * PAGE_SIZE) ==
			      (taken ? -EEXIST : 0));
			for (i = first; !taken && i < first + count; i++)
				linked[i] = which;
		}
		i = rnd_below(PART_PAGES);
		check(!dma_rmap_check(map, shared.addr +
				      (part * PART_PAGES + i) * PAGE_SIZE,
				      PAGE_SIZE, DMA_TO_DEVICE) ==
		      (linked[i] >= 0));
	}
	dma_rmap_unlink(&shared, part * PART_PAGES * PAGE_SIZE,
			PART_PAGES * PAGE_SIZE);
	__atomic_fetch_add(&changes, n, __ATOMIC_RELAXED);
}

static void read_parts(void)
{
	u8 got[3 * PAGE_SIZE];
	unsigned int place = rnd_below(PARTS * PART_PAGES - 3), i;
	int err;

	memset(got, 0, sizeof(got));
	err = dma_rmap_copy_from(map, got, shared.addr + place * PAGE_SIZE,
				 sizeof(got));
	check(!err || err == -EFAULT);
	for (i = 0; i < 3; i++) {
		if (!got[i * PAGE_SIZE] && err)
			break;
		check(got[i * PAGE_SIZE] == place + i + 1);
		check(!memcmp(got + i * PAGE_SIZE, got + i * PAGE_SIZE + 1,
			      PAGE_SIZE - 1));
	}
	__atomic_fetch_add(err ? &refused : &landed, 1, __ATOMIC_RELAXED);
}

static void parts_thread(unsigned int number)
{
	while (!READ_ONCE(test_stop)) {
		if (number < PARTS)
			link_part(number);
		else
			read_parts();
	}
}

static void test_parts(void)
{
	unsigned int i, tries;

	begin_shared(PARTS * PART_PAGES);
	for (i = 0; i < 2 * PARTS * PART_PAGES; i++)
		memset(page_memory(i), i % (PARTS * PART_PAGES) + 1, PAGE_SIZE);
	tries = 20;
	do {
		run_threads(TEST_THREADS, parts_thread, 100 * test_scale);
	} while (!(landed > 10 && refused > 10 && changes > 1000) && --tries);
	printf("# %lu copies, %lu refused, %lu changes\n", landed, refused,
	       changes);
	check(landed > 10 && refused > 10 && changes > 1000);
	check(!dma_rmap_unlink(&shared, 0, shared.len));
	end_shared();
}

/* Ranges that are freed as they are, while others write through them. */
#define TARGETS (TEST_THREADS / 2)
#define TARGET_LEN (5 * PAGE_SIZE + 100)

static u64 target[TARGETS];

static void write_target(unsigned int number)
{
	static u8 data[TARGET_LEN];
	u64 addr = READ_ONCE(target[number]);
	int err;

	if (rnd_below(2))
		err = dma_rmap_check(map, addr, TARGET_LEN, DMA_FROM_DEVICE);
	else
		err = dma_rmap_copy_to(map, addr, data, TARGET_LEN);
	check(!err || err == -EFAULT);
	__atomic_fetch_add(err ? &refused : &landed, 1, __ATOMIC_RELAXED);
}

static void free_target(unsigned int number)
{
	u64 offset = number * 16 * PAGE_SIZE + rnd_below(PAGE_SIZE);
	u8 *memory = shim_memory + offset;
	struct dma_rmap_range range;
	unsigned int i, n;

	check(!dma_rmap_reserve(map, &range, offset_in_page(offset), TARGET_LEN,
				DMA_FROM_DEVICE, GFP_ATOMIC));
	WRITE_ONCE(target[number], range.addr);
	check(!dma_rmap_link(&range, 0, SHIM_PHYS + offset, TARGET_LEN));
	usleep(rnd_below(300));
	dma_rmap_free_range(&range);
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
			free_target(number);
		else
			write_target(number - TARGETS);
	}
}

static void test_free(void)
{
	unsigned int tries;

	map = map_new(64);
	landed = refused = changes = 0;
	memset(target, 0, sizeof(target));
	tries = 20;
	do {
		run_threads(TEST_THREADS, target_thread, 100 * test_scale);
	} while (!(landed > 10 && refused > 10 && changes > 10) && --tries);
	printf("# %lu copies landed, %lu refused, %lu ranges\n", landed, refused,
	       changes);
	check(landed > 10 && refused > 10 && changes > 10);
	map_end(map);
}

const struct test range_race_tests[] = {
	{ "range race: an unlink waits for a holder", test_hold },
	{ "range race: freeing waits for a holder", test_free_waits },
	{ "range race: more holders than can be counted", test_holders },
	{ "range race: no write lands after an unlink", test_no_late_write },
	{ "range race: links, unlinks and copies at the same time", test_parts },
	{ "range race: freed while it is written to", test_free },
	{ NULL, NULL }
};
