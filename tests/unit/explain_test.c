// SPDX-License-Identifier: GPL-2.0
/*
 * What is remembered of mappings that are gone, what is said of mistakes, and
 * mappings that fail on purpose.
 */
#include "explain.h"
#include "fixture.h"

static struct dma_rmap *map;

static u64 map_some(u64 offset, u64 len, enum dma_data_direction dir)
{
	return rmap_map(map, SHIM_PHYS + offset, len, dir, RMAP_PAGE);
}

static void unmap(u64 addr, u64 len, enum dma_data_direction dir)
{
	struct rmap_mapping was;

	check(rmap_unmap(map, addr, len, dir, RMAP_PAGE, &was) == RMAP_UNDONE);
}

/* The history */

static bool find(u64 addr, struct rmap_past *past)
{
	return rmap_history_find(map->history, addr, past);
}

static void test_history(void)
{
	const unsigned int count = 3 * RMAP_HISTORY_KEPT;
	struct rmap_past past;
	u64 addr[3 * RMAP_HISTORY_KEPT];
	unsigned int i;

	map = map_new(64);
	for (i = 0; i < count; i++) {
		addr[i] = map_some(i, 100 + i, i % 3);
		check(!find(addr[i], &past));
		unmap(addr[i], 100 + i, i % 3);
		check(find(addr[i], &past));
	}
	for (i = 0; i < count; i++) {
		if (i < count - RMAP_HISTORY_KEPT) {
			check(!find(addr[i], &past));
			continue;
		}
		check(find(addr[i] + 99 + i, &past));
		check(past.addr == addr[i] && past.len == 100 + i);
		check(past.dir == i % 3 && past.kind == RMAP_PAGE);
		check(!(past.flags & RMAP_TRACKED));
		check(!find(addr[i] - 1, &past));
		check(!find(addr[i] + 100 + i, &past));
	}
	check(COUNTER(map, unmaps) == count);
	map_end(map);
}

/* Of several that had an address, the last one; not one that failed. */
static void test_history_last(void)
{
	struct rmap_mapping mapping = {
		.addr = 0x5000, .phys = SHIM_PHYS, .dir = DMA_TO_DEVICE,
		.kind = RMAP_PAGE, .flags = RMAP_SHARED,
	};
	struct rmap_mapping was;
	struct rmap_past past;
	unsigned int i;

	map = map_new(64);
	map->scheme = DMA_RMAP_PHYS;
	for (i = 1; i <= 10; i++) {
		shim_clock = i;
		mapping.len = 10 * i;
		check(!rmap_make(map, &mapping));
		check(!rmap_unmap(map, 0x5000, 10 * i, DMA_TO_DEVICE, RMAP_PAGE,
				  &was));
		check(find(0x5000, &past) && past.len == 10 * i);
	}
	shim_clock = 0;
	check(find(0x5000 + 99, &past) && !find(0x5000 + 100, &past));
	check(rmap_unmap(map, 0x5001, 5, DMA_TO_DEVICE, RMAP_PAGE, &was) ==
	      RMAP_NOT_MAPPED);
	check(find(0x5001, &past) && past.addr == 0x5000 && past.len == 100);
	map_end(map);
}

/* What comes in the middle of an unmap, or of a search */

static u64 ring[RMAP_HISTORY_KEPT];

static void fill_ring(void)
{
	unsigned int i;

	for (i = 0; i < RMAP_HISTORY_KEPT; i++) {
		ring[i] = map_some(0, 50, DMA_TO_DEVICE);
		unmap(ring[i], 50, DMA_TO_DEVICE);
	}
}

/* The oldest one is being overwritten: neither it nor a mixture is there. */
static void look_for_oldest(void)
{
	struct rmap_past past;

	check(!find(ring[0], &past));
	check(find(ring[1], &past) && past.len == 50);
}

static u64 nested;

static void unmap_nested(void)
{
	nested = map_some(0, 70, DMA_FROM_DEVICE);
	unmap(nested, 70, DMA_FROM_DEVICE);
}

static void test_history_interrupted(void)
{
	struct rmap_past past;
	u64 addr;

	map = map_new(64);
	fill_ring();
	addr = map_some(0, 60, DMA_BIDIRECTIONAL);
	shim_in_clock = look_for_oldest;
	unmap(addr, 60, DMA_BIDIRECTIONAL);
	check(!shim_in_clock);

	addr = map_some(0, 60, DMA_BIDIRECTIONAL);
	shim_in_clock = unmap_nested;
	unmap(addr, 60, DMA_BIDIRECTIONAL);
	check(find(addr, &past) && past.len == 60 &&
	      past.dir == DMA_BIDIRECTIONAL);
	check(find(nested, &past) && past.len == 70 &&
	      past.dir == DMA_FROM_DEVICE);

	/* They come round to the place that is being written. */
	addr = map_some(0, 60, DMA_BIDIRECTIONAL);
	shim_in_clock = fill_ring;
	unmap(addr, 60, DMA_BIDIRECTIONAL);
	check(!find(addr, &past));
	check(find(ring[0], &past) && past.len == 50);

	/* The place is another one's when it has been copied. */
	shim_in_rmb = fill_ring;
	check(!find(ring[5], &past));
	check(!shim_in_rmb);
	map_end(map);
}

static unsigned long seen;

/* Each mapping's length is told by its address: a mixture of two is noticed. */
static void history_thread(unsigned int number)
{
	struct rmap_past past, *some;
	u64 addr, len;

	while (!READ_ONCE(test_stop)) {
		if (number % 2) {
			len = 1 + rnd_below(PAGE_SIZE);
			addr = map_some(PAGE_SIZE - len, len, DMA_TO_DEVICE);
			unmap(addr, len, DMA_TO_DEVICE);
			continue;
		}
		some = map->history[rnd_below(SHIM_CPUS)].past;
		addr = READ_ONCE(some[rnd_below(RMAP_HISTORY_KEPT)].addr);
		if (!addr || !find(addr, &past))
			continue;
		check(past.len == PAGE_SIZE - offset_in_page(past.addr));
		check(past.dir == DMA_TO_DEVICE && past.kind == RMAP_PAGE);
		__atomic_fetch_add(&seen, 1, __ATOMIC_RELAXED);
	}
}

static void test_history_threads(void)
{
	unsigned int tries;

	seen = 0;
	for (tries = 0; tries < 20 && !seen; tries++) {
		map = map_new(9);	/* the space wraps: addresses come again */
		run_threads(4, history_thread, 20 * test_scale);
		map_end(map);
	}
	check(seen);
}

/* Explanations */

static char why[RMAP_WHY_SIZE];

static const char *explain(u64 addr, u64 len, enum dma_data_direction dir)
{
	int said = dma_rmap_explain(map, addr, len, dir, why, sizeof(why));

	check(said == (int)strlen(why));
	return why;
}

/* Is this what is said? Shows what it is instead. */
static bool says(u64 addr, u64 len, enum dma_data_direction dir,
		 const char *want)
{
	if (strstr(explain(addr, len, dir), want))
		return true;
	printf("# '%s' is not in '%s'\n", want, why);
	return false;
}

static void test_explain_live(void)
{
	char want[128];
	u64 addr;

	map = map_new(64);
	addr = map_some(5, 100, DMA_TO_DEVICE);
	snprintf(want, sizeof(want), "a write, but mapped for the other direction: 100 bytes at %#llx, DMA_TO_DEVICE, by dma_map_single()",
		 addr);
	check(says(addr, 1, DMA_FROM_DEVICE, want));
	snprintf(want, sizeof(want), "runs 1 bytes past the end of a mapping: 100 bytes at %#llx,",
		 addr);
	check(says(addr, 101, DMA_TO_DEVICE, want));
	check(says(addr + 99, 2, DMA_TO_DEVICE, want));
	check(says(addr + 50, 250, DMA_TO_DEVICE, "runs 200 bytes past"));
	/* The direction is looked at first, as when it is refused. */
	check(says(addr, 101, DMA_FROM_DEVICE, "other direction"));
	check(says(addr + 100, 1, DMA_TO_DEVICE, "begins just past the end of a mapping: 100 bytes"));
	check(says(addr + 101, 1, DMA_TO_DEVICE, "begins 1 bytes past the end of"));
	check(says(addr + 130, 1, DMA_TO_DEVICE, "begins 30 bytes past the end of"));
	check(says(addr - 2, 10, DMA_TO_DEVICE, "begins 2 bytes before a mapping: 100"));
	check(says(addr, 100, DMA_TO_DEVICE, "allowed by now: 100 bytes"));
	check(says(addr, 0, DMA_NONE, "allowed by now"));
	unmap(addr, 100, DMA_TO_DEVICE);
	map_end(map);
}

static void test_explain_hole(void)
{
	struct dma_rmap_range range;

	map = map_new(64);
	check(!dma_rmap_reserve(map, &range, 100, 3 * PAGE_SIZE,
				DMA_FROM_DEVICE, GFP_KERNEL));
	check(says(range.addr, 1, DMA_FROM_DEVICE, "a hole, nothing is linked 0 bytes into 12288 bytes"));
	check(!dma_rmap_link(&range, 0, SHIM_PHYS + 100, PAGE_SIZE - 100));
	check(says(range.addr + 5, PAGE_SIZE - 105, DMA_FROM_DEVICE, "allowed"));
	check(says(range.addr + 5, PAGE_SIZE, DMA_FROM_DEVICE, "a hole, nothing is linked 3996 bytes into 12288 bytes"));
	check(says(range.addr + PAGE_SIZE, 1, DMA_FROM_DEVICE, "a hole, nothing is linked 4096 bytes into 12288 bytes"));
	dma_rmap_free_range(&range);
	check(says(range.addr + 1, 1, DMA_FROM_DEVICE, "unmapped "));
	check(strstr(why, "by reservation of a range"));
	map_end(map);
}

static void test_explain_past(void)
{
	u64 addr;

	map = map_new(64);
	addr = map_some(0, 77, DMA_FROM_DEVICE);
	shim_clock = 1000;
	unmap(addr, 77, DMA_FROM_DEVICE);
	shim_clock = 13345;
	check(says(addr + 76, 1, DMA_FROM_DEVICE, "unmapped 12 us ago: 77 bytes at 0x2000"));
	shim_clock = 1000 + 10 * NSEC_PER_MSEC;
	check(says(addr, 1, DMA_FROM_DEVICE, "unmapped 10 ms ago: 77 bytes"));
	shim_clock = 1000 + 3600ULL * NSEC_PER_SEC;
	check(says(addr, 1, DMA_FROM_DEVICE, "unmapped 3600 s ago: 77 bytes"));
	/* Another CPU's clock is a little behind. */
	shim_clock = 999;
	check(says(addr, 1, DMA_FROM_DEVICE, "unmapped 0 us ago: 77 bytes"));
	shim_clock = 0;
	check(says(addr + 77, 1, DMA_FROM_DEVICE, "not mapped: unmapped long ago"));
	map_end(map);
}

static void test_explain_foreign(void)
{
	struct dma_rmap other = { .dev.name = "another" };
	struct rmap_space *space;
	struct rmap_mapping was;
	u64 addr;

	map = map_new(64);
	space = map->space;
	check(says(DMA_MAPPING_ERROR, 1, DMA_TO_DEVICE, "it is DMA_MAPPING_ERROR"));
	check(says(0, 1, DMA_TO_DEVICE, "never mapped: 0 is no address"));
	check(says(4097, 1, DMA_TO_DEVICE, "never mapped: 4097 is no address"));
	check(says((uintptr_t)shim_memory + 9, 1, DMA_TO_DEVICE, "a kernel pointer"));
	check(says(SHIM_PHYS + 9, 1, DMA_TO_DEVICE, "a physical address of memory"));
	check(says(SHIM_PHYS + SHIM_PAGES * PAGE_SIZE, 1, DMA_TO_DEVICE, "no device address of any kind"));
	check(says(0xffff888000000000ULL, 1, DMA_TO_DEVICE, "a pointer of the kernel"));
	check(says((1ULL << 61) + (1ULL << 50), 1, DMA_TO_DEVICE, "no device has been given such an address"));

	other.space = space;
	assert(!rmap_table_init(&other.table));
	other.counters = alloc_percpu(struct rmap_counters);
	other.history = alloc_percpu(struct rmap_history);
	rmap_faults_init(&other.faults);
	addr = rmap_map(&other, SHIM_PHYS, 10, DMA_TO_DEVICE, RMAP_PAGE);
	check(says(addr, 1, DMA_TO_DEVICE, "not mapped: unmapped long ago, or by another device"));
	rmap_explain_add(&other);
	check(says(addr, 1, DMA_TO_DEVICE, "it is mapped for another device, another"));
	check(says(addr + 10, 1, DMA_TO_DEVICE, "not mapped: "));
	rmap_explain_remove(&other);
	check(says(addr, 1, DMA_TO_DEVICE, "not mapped: "));
	rmap_unmap(&other, addr, 10, DMA_TO_DEVICE, RMAP_PAGE, &was);
	rmap_table_destroy(&other.table);
	free_percpu(other.history);
	free_percpu(other.counters);
	map_end(map);
}

/* Given addresses: across mappings that adjoin, and where they end. */
static void test_explain_given(void)
{
	u64 first, second, third;

	map = map_new(64);
	map->scheme = DMA_RMAP_PHYS;
	first = map_some(0, PAGE_SIZE, DMA_TO_DEVICE);
	second = map_some(PAGE_SIZE, PAGE_SIZE, DMA_BIDIRECTIONAL);
	third = map_some(2 * PAGE_SIZE, PAGE_SIZE, DMA_FROM_DEVICE);
	check(says(first + 1, 2 * PAGE_SIZE - 1, DMA_TO_DEVICE, "allowed"));
	check(says(first + 1, 2 * PAGE_SIZE, DMA_TO_DEVICE, "a read, but mapped for the other direction: "));
	check(says(second, 2 * PAGE_SIZE + 7, DMA_FROM_DEVICE, "runs 7 bytes past the end of a mapping: 4096 bytes at 0x100002000,"));
	check(says(third + PAGE_SIZE, 1, DMA_TO_DEVICE, "not mapped: "));
	unmap(first, PAGE_SIZE, DMA_TO_DEVICE);
	unmap(second, PAGE_SIZE, DMA_BIDIRECTIONAL);
	unmap(third, PAGE_SIZE, DMA_FROM_DEVICE);
	map->unchecked = true;
	check(says(second, 1, DMA_TO_DEVICE, "not all of it is memory"));
	check(says(SHIM_PHYS - 1, 1, DMA_TO_DEVICE, "no device address of any"));
	map->unchecked = false;
	check(says(second + 3, 1, DMA_TO_DEVICE, " ago: 4096 bytes at 0x100001000, DMA_BIDIRECTIONAL"));
	map_end(map);
}

static void test_explain_unmap(void)
{
	u64 page, memory;
	struct rmap_mapping was;

	map = map_new(64);
	page = map_some(0, 100, DMA_TO_DEVICE);
	memory = rmap_map(map, SHIM_PHYS, PAGE_SIZE, DMA_BIDIRECTIONAL,
			  RMAP_COHERENT);
	rmap_explain_unmap(map, page + 8, why, sizeof(why));
	check(strstr(why, "it is 8 bytes into 100 bytes at"));
	rmap_explain_unmap(map, memory, why, sizeof(why));
	check(strstr(why, "mapped by another function: 4096 bytes") &&
	      strstr(why, "by dma_alloc_coherent()"));
	unmap(page, 100, DMA_TO_DEVICE);
	rmap_explain_unmap(map, page, why, sizeof(why));
	check(strstr(why, "unmapped ") && strstr(why, " ago: 100 bytes"));
	rmap_explain_unmap(map, 17, why, sizeof(why));
	check(strstr(why, "17 is no address"));
	rmap_unmap(map, memory, PAGE_SIZE, DMA_BIDIRECTIONAL, RMAP_COHERENT,
		   &was);
	map_end(map);
}

/* Nothing is written beyond the buffer, whatever its size, and it is ended. */
static void test_explain_short(void)
{
	char buf[80];
	int size, said;
	u64 addr;

	map = map_new(64);
	addr = map_some(0, 100, DMA_TO_DEVICE);
	for (size = 0; size < (int)sizeof(buf); size++) {
		memset(buf, 'x', sizeof(buf));
		said = dma_rmap_explain(map, addr, 101, DMA_TO_DEVICE, buf,
					size);
		check(said == max(size - 1, 0));
		check(!size || !buf[said]);
		check(buf[size] == 'x');
	}
	unmap(addr, 100, DMA_TO_DEVICE);
	/* The longest one fits. */
	addr = map_some(0, 1ULL << 40, DMA_FROM_DEVICE);
	check(dma_rmap_explain(map, addr, 1, DMA_BIDIRECTIONAL, why,
			       sizeof(why)) < RMAP_WHY_SIZE - 1);
	check(strstr(why, "dma_map_page()"));
	unmap(addr, 1ULL << 40, DMA_FROM_DEVICE);
	map_end(map);
}

/* Mappings that fail on purpose */

static bool fails(u64 len)
{
	u64 addr = map_some(0, len, DMA_TO_DEVICE);

	if (addr == DMA_MAPPING_ERROR)
		return true;
	unmap(addr, len, DMA_TO_DEVICE);
	return false;
}

static void test_inject(void)
{
	unsigned int i, failed = 0;

	map = map_new(64);
	for (i = 0; i < 100; i++)
		check(!fails(1 + i));
	map->inject.every = 7;
	for (i = 1; i <= 70; i++) {
		check(fails(10) == !(i % 7));
		failed += !(i % 7);
	}
	map->inject.every = 0;
	map->inject.above = 4096;
	check(!fails(4096) && fails(4097));
	failed++;
	/* Another process, this one, and one of its threads */
	map->inject.pid = 99;
	check(!fails(4097));
	map->inject.pid = shim_task.tgid;
	check(fails(4097));
	map->inject.pid = shim_task.pid;
	check(fails(4097));
	failed += 2;
	map->inject.every = 1;
	check(fails(1));
	failed++;
	map->inject.pid = 99;
	check(!fails(1));
	check(COUNTER(map, injected) == failed);
	check(!COUNTER(map, no_memory));
	map_end(map);
}

/* In the other scheme, and for ranges, too */
static void test_inject_everywhere(void)
{
	struct dma_rmap_range range;

	map = map_new(64);
	map->inject.above = 1;
	check(dma_rmap_reserve(map, &range, 0, PAGE_SIZE, DMA_TO_DEVICE,
			       GFP_KERNEL) == -ENOMEM);
	map->scheme = DMA_RMAP_PHYS;
	check(fails(2) && !fails(1));
	check(COUNTER(map, injected) == 2);
	map_end(map);
}

const struct test explain_tests[] = {
	{ "history: keeps the last unmaps", test_history },
	{ "history: finds the last of several", test_history_last },
	{ "history: interrupts in the middle", test_history_interrupted },
	{ "history: read while it is written", test_history_threads },
	{ "explain: live mappings", test_explain_live },
	{ "explain: holes", test_explain_hole },
	{ "explain: mappings that are gone", test_explain_past },
	{ "explain: what never was a device address", test_explain_foreign },
	{ "explain: given addresses", test_explain_given },
	{ "explain: unmaps", test_explain_unmap },
	{ "explain: short buffers", test_explain_short },
	{ "inject: which mappings fail", test_inject },
	{ "inject: all kinds of mappings", test_inject_everywhere },
	{ NULL, NULL }
};
