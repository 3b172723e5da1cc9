// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings at given addresses, which can overlap and lie in two blocks, in one
 * thread; and maps without any mappings.
 */
#include "fixture.h"

#define MEMORY (SHIM_PAGES * PAGE_SIZE)

/* The model: what is live, in no order. */
#define LIVE_MOST 250

static struct rmap_mapping live[LIVE_MOST];
static unsigned int live_count;

/*
 * Far away from those are many that come and go, so that the table is resized.
 * Each lies in two blocks.
 */
#define FILLERS 3000

static bool filler[FILLERS];
static unsigned int filler_count;

static struct dma_rmap *map;

static bool holds(const struct rmap_mapping *m, u64 addr)
{
	return addr >= m->addr && addr < m->addr + m->len;
}

static bool allows(const struct rmap_mapping *m, enum dma_data_direction dir)
{
	return m->dir == dir || m->dir == DMA_BIDIRECTIONAL;
}

static bool streaming(const struct rmap_mapping *m)
{
	return m->kind == RMAP_PAGE || m->kind == RMAP_SG;
}

static unsigned int order_of(u64 len)
{
	unsigned int order = PAGE_SHIFT;

	while (1ULL << order < len)
		order++;
	return order;
}

static bool in_two_blocks(const struct rmap_mapping *m)
{
	unsigned int order = order_of(m->len);

	return m->addr >> order != (m->addr + m->len - 1) >> order;
}

/*
 * What is promised: from the range's first byte on, each is in a live mapping
 * that allows the access. Otherwise it is the first byte which is not that says
 * what is wrong.
 */
static int model_check(u64 addr, u64 len, enum dma_data_direction dir,
		       enum dma_rmap_fault *reason)
{
	u64 here = addr, end = addr;
	bool mapped = false;
	unsigned int i;

	do {
		here = end;
		for (i = 0; i < live_count; i++)
			if (holds(&live[i], here) && allows(&live[i], dir))
				end = max(end, live[i].addr + live[i].len);
	} while (end != here && end - addr < len);
	if (end - addr >= len)
		return 0;
	for (i = 0; i < live_count; i++)
		mapped |= holds(&live[i], here);
	if (mapped) {
		*reason = DMA_RMAP_FAULT_DIRECTION;
		return -EACCES;
	}
	*reason = here == addr ? DMA_RMAP_FAULT_UNMAPPED :
				 DMA_RMAP_FAULT_BOUNDS;
	return here == addr ? -EFAULT : -ERANGE;
}

/* One fault more, and it is this one; or none, if @err is 0. */
static void check_fault(u64 before, int err, u64 addr, u64 len,
			enum dma_data_direction dir, enum dma_rmap_fault reason)
{
	const struct rmap_fault *last;

	check(map->faults.count == before + !!err);
	if (!err)
		return;
	last = &map->faults.fault[before % RMAP_FAULTS_KEPT];
	check(last->addr == addr && last->len == len);
	check(last->dir == dir && last->reason == reason);
}

/*
 * Is @ref the beginning of the range in a mapping that allows the access, and of
 * one that has all of it, if there is one?
 */
static bool model_has(u64 addr, u64 len, enum dma_data_direction dir,
		      const struct dma_rmap_ref *ref)
{
	u64 phys = (page_to_pfn(ref->page) << PAGE_SHIFT) + ref->offset;
	const struct rmap_mapping *m;
	bool whole = false;
	u64 rest;

	for (m = live; m < live + live_count; m++)
		whole |= holds(m, addr) && allows(m, dir) &&
			 m->addr + m->len - addr >= len;
	for (m = live; m < live + live_count; m++) {
		rest = m->addr + m->len - addr;
		if (holds(m, addr) && allows(m, dir) &&
		    (!whole || rest >= len) &&
		    m->phys + (addr - m->addr) == phys &&
		    ref->len == min3(len, rest, PAGE_SIZE - ref->offset))
			return true;
	}
	return false;
}

/* Is there a page behind each mapping of @addr? Of large ones there is not. */
static bool can_get(u64 addr)
{
	const struct rmap_mapping *m;

	for (m = live; m < live + live_count; m++)
		if (holds(m, addr) &&
		    m->phys + (addr - m->addr) >= SHIM_PHYS + MEMORY)
			return false;
	return true;
}

static unsigned int outcomes[DMA_RMAP_NR_FAULTS + 1];

/* One range is allowed or refused as the model says. */
static void check_range(u64 addr, u64 len, enum dma_data_direction dir)
{
	enum dma_rmap_fault reason = DMA_RMAP_NR_FAULTS;
	int want = model_check(addr, len, dir, &reason);
	u64 before = map->faults.count;
	struct dma_rmap_ref ref;
	unsigned long flags;
	int err;

	check(dma_rmap_check(map, addr, len, dir) == want);
	check_fault(before, want, addr, len, dir, reason);
	outcomes[reason]++;
	if (!can_get(addr))
		return;
	before = map->faults.count;
	local_irq_save(flags);
	err = dma_rmap_get(map, addr, len, dir, &ref);
	if (!err) {
		check(model_has(addr, len, dir, &ref));
		dma_rmap_put(&ref);
	}
	local_irq_restore(flags);
	check(err == want);
	check_fault(before, want, addr, len, dir, reason);
}

static enum dma_data_direction random_dir(void)
{
	return rnd_below(3);
}

#define CROWD (24 * PAGE_SIZE)

/* At both ends of what can be given, in memory, and at the border of blocks. */
static u64 random_place(void)
{
	static const u64 place[] = {
		0, SHIM_PHYS, (1ULL << 40) - CROWD / 2, RMAP_GIVEN_END - CROWD,
	};
	u64 addr = place[rnd_below(ARRAY_SIZE(place))] + rnd_below(CROWD);

	return rnd_below(2) ? addr : addr & PAGE_MASK;
}

/* Mostly up to two pages, sometimes a lot more. */
static u64 random_len(void)
{
	if (!rnd_below(40))
		return 1 + rnd_below(1ULL << (PAGE_SHIFT + rnd_below(34)));
	if (!rnd_below(4))
		return PAGE_SIZE << rnd_below(2);
	return 1 + rnd_below(1ULL << (1 + rnd_below(PAGE_SHIFT + 1)));
}

/* Ranges that begin and end where something happens. */
static void check_some(u64 near)
{
	const struct rmap_mapping *m;
	u64 addr, len;

	addr = near + rnd_below(3) - 1;
	check_range(addr, 1 + rnd_below(2 * PAGE_SIZE), random_dir());
	check_range(addr, 1, random_dir());
	addr = random_place();
	if (live_count && rnd_below(4)) {
		m = &live[rnd_below(live_count)];
		addr = m->addr + (rnd_below(2) ? rnd_below(m->len) : 0);
		len = m->addr + m->len - addr;
		check_range(addr, len, random_dir());
		check_range(addr, len + 1, random_dir());
		addr = rnd_below(2) ? m->addr - 1 : m->addr + m->len;
		check_range(addr, 1, random_dir());
		check_range(m->addr + m->len - 1, 2, random_dir());
	}
	check_range(addr, random_len(), random_dir());
}

/* What a walk has come past. */
struct seen {
	bool live[LIVE_MOST];
	unsigned int live_count;
	unsigned int filler_count;
};

static bool same(const struct rmap_mapping *a, const struct rmap_mapping *b)
{
	return a->addr == b->addr && a->len == b->len && a->phys == b->phys &&
	       a->order == b->order && a->dir == b->dir && a->kind == b->kind &&
	       a->flags == b->flags;
}

static u64 filler_addr(unsigned int i)
{
	return (1ULL << 50) + i * 3 * PAGE_SIZE + PAGE_SIZE - 100;
}

static bool see(const struct rmap_mapping *mapping, void *arg)
{
	struct seen *seen = arg;
	unsigned int i;

	if (mapping->addr >> 50 == 1) {
		i = (mapping->addr - filler_addr(0)) / (3 * PAGE_SIZE);
		check(filler[i] && mapping->addr == filler_addr(i));
		seen->filler_count++;
		return false;
	}
	for (i = 0; i < live_count; i++)
		if (!seen->live[i] && same(&live[i], mapping))
			break;
	if (check(i < live_count)) {
		seen->live[i] = true;
		seen->live_count++;
	}
	return false;
}

/* The places that mappings have in the table, which is more than mappings. */
static unsigned long table_places(void)
{
	unsigned long count = 0;
	unsigned int i;

	for (i = 0; i < RMAP_SHARDS; i++)
		count += READ_ONCE(map->table.shard[i].count);
	return count;
}

static void check_filler(unsigned int i)
{
	u64 addr = filler_addr(i);
	enum dma_rmap_fault reason;
	bool mapped = filler[i] || !model_check(addr, 200, DMA_TO_DEVICE, &reason);

	check(!dma_rmap_check(map, addr, 200, DMA_TO_DEVICE) == mapped);
	check(!dma_rmap_check(map, addr + 199, 1, DMA_TO_DEVICE) == mapped);
}

static void check_all(void)
{
	unsigned long places = live_count + 2 * filler_count;
	struct seen seen = {};
	unsigned int i;
	u64 pos = 0;

	while (rmap_table_walk(&map->table, &pos, see, &seen))
		;
	check(seen.live_count == live_count);
	check(seen.filler_count == filler_count);
	for (i = 0; i < live_count; i++) {
		places += in_two_blocks(&live[i]);
		check_range(live[i].addr, live[i].len, live[i].dir);
		check_range(live[i].addr + live[i].len - 1, 1, random_dir());
	}
	check(rmap_table_count(&map->table) == live_count + filler_count);
	check(table_places() == places);
	for (i = 0; i < FILLERS; i += 1 + rnd_below(20))
		check_filler(i);
}

/* Often one that begins where another one does, or is the same but for memory. */
static struct rmap_mapping random_mapping(void)
{
	struct rmap_mapping mapping = {
		.addr = random_place(), .len = random_len(),
		.phys = SHIM_PHYS + rnd_below(MEMORY / 2), .dir = random_dir(),
		.kind = rnd_below(3), .flags = RMAP_SHARED,
	};
	const struct rmap_mapping *other;

	if (!live_count || rnd_below(2))
		return mapping;
	other = &live[rnd_below(live_count)];
	mapping.addr = other->addr;
	if (rnd_below(2))
		return mapping;
	mapping.len = other->len;
	mapping.dir = other->dir;
	mapping.kind = other->kind;
	if (rnd_below(2))
		mapping.phys = other->phys;
	return mapping;
}

static int model_map(void)
{
	struct rmap_mapping mapping = random_mapping();
	bool fits = mapping.addr + mapping.len <= RMAP_GIVEN_END;
	u64 addr = mapping.addr;
	int err;

	err = rmap_make(map, &mapping);
	check(mapping.addr == addr);
	if (!fits)
		check(err == -EINVAL);
	else if (!err)
		live[live_count++] = mapping;
	check(!err || err == -EINVAL || err == -ENOMEM);
	if (!err)
		check(mapping.order == order_of(mapping.len));
	return err;
}

/* How @m would be taken for what an unmap asks for. */
static enum rmap_undo undo_as(const struct rmap_mapping *m,
			      const struct rmap_mapping *asked)
{
	if (m->addr != asked->addr ||
	    (m->kind != asked->kind && !(streaming(m) && streaming(asked))))
		return RMAP_NOT_MAPPED;
	if (m->len != asked->len || m->dir != asked->dir ||
	    m->kind != asked->kind)
		return RMAP_UNDONE_MISMATCH;
	return RMAP_UNDONE;
}

/* Unmap this, and see that the best one was taken. */
static void model_unmap_as(const struct rmap_mapping *asked)
{
	enum rmap_undo want = RMAP_NOT_MAPPED, undo;
	u64 bad = COUNTER(map, bad_unmaps);
	struct rmap_mapping was = {};
	unsigned int i;

	for (i = 0; i < live_count; i++)
		want = min(want, undo_as(&live[i], asked));
	undo = rmap_unmap(map, asked->addr, asked->len, asked->dir, asked->kind,
			  &was);
	check(undo == want);
	check(COUNTER(map, bad_unmaps) == bad + (want != RMAP_UNDONE));
	if (undo == RMAP_NOT_MAPPED)
		return;
	check(undo_as(&was, asked) == want);
	for (i = 0; i < live_count && !same(&live[i], &was); i++)
		;
	if (check(i < live_count))
		live[i] = live[--live_count];
	check_range(was.addr, was.len, was.dir);
	check_range(was.addr + was.len - 1, 1, was.dir);
}

static void model_unmap(void)
{
	struct rmap_mapping asked = live[rnd_below(live_count)];

	switch (rnd_below(12)) {
	case 0:
		asked.len = random_len();
		break;
	case 1:
		asked.dir = random_dir();
		break;
	case 2:
		asked.kind = rnd_below(3);
		break;
	case 3:
		asked.addr += rnd_below(3) - 1;
		break;
	case 4:
		asked.len = ~0ULL >> rnd_below(64);
		break;
	}
	model_unmap_as(&asked);
}

static void model_unmap_all(void)
{
	struct rmap_mapping last;

	unsigned int tries;

	/* What is not there cannot be undone however often. */
	for (tries = LIVE_MOST; live_count && tries; tries--) {
		last = live[live_count - 1];
		model_unmap_as(&last);
	}
	check(!live_count);
	live_count = 0;
}

static void filler_change(unsigned int i)
{
	struct rmap_mapping mapping = {
		.addr = filler_addr(i), .len = 200, .dir = DMA_TO_DEVICE,
		.flags = RMAP_SHARED,
	};
	struct rmap_mapping was;

	if (filler[i])
		check(rmap_unmap(map, mapping.addr, 200, DMA_TO_DEVICE,
				 RMAP_PAGE, &was) == RMAP_UNDONE);
	else
		check(!rmap_make(map, &mapping));
	filler_count += filler[i] ? -1 : 1;
	filler[i] = !filler[i];
}

/* Change up to so many of the others, mostly so that they become as @wanted. */
static void fillers_change(unsigned int count, bool wanted)
{
	unsigned int i;

	while (count--) {
		i = rnd_below(FILLERS);
		if (filler[i] != wanted || !rnd_below(8))
			filler_change(i);
	}
}

static void model_begin(void)
{
	map = map_new(64);
	live_count = 0;
	filler_count = 0;
	memset(filler, 0, sizeof(filler));
	memset(outcomes, 0, sizeof(outcomes));
}

static void model_end(void)
{
	unsigned int i;

	model_unmap_all();
	for (i = 0; i < FILLERS; i++)
		if (filler[i])
			filler_change(i);
	check_all();
	check(COUNTER(map, maps) == COUNTER(map, unmaps));
	map_end(map);
}

/* Waves of mapping and unmapping, while the table grows and shrinks. */
static void test_model(void)
{
	size_t bytes, least = SIZE_MAX, most = 0;
	unsigned int i, want = 0;
	int err;

	shim_work_manual = true;
	model_begin();
	for (i = 0; i < 2500 * test_scale; i++) {
		if (i % 500 == 0)
			want = rnd_below(LIVE_MOST);
		if (live_count < LIVE_MOST &&
		    (!live_count || rnd_below(4) < (live_count < want ? 3 : 1))) {
			err = model_map();
			check(!err || err == -EINVAL);
			if (!err)
				check_some(live[live_count - 1].addr);
		} else {
			model_unmap();
		}
		check_some(random_place());
		fillers_change(20, i / 600 % 2 == 0);
		if (i % 500 == 0)
			check_all();
		if (!rnd_below(50))
			shim_run_work();
		bytes = rmap_table_bytes(&map->table);
		least = min(least, bytes);
		most = max(most, bytes);
	}
	check(most > 4 * least);
	printf("# %u unmapped, %u out of bounds, %u wrong direction, %u allowed\n",
	       outcomes[0], outcomes[1], outcomes[2],
	       outcomes[DMA_RMAP_NR_FAULTS]);
	check(outcomes[0] > 1000 && outcomes[1] > 1000 && outcomes[2] > 1000 &&
	      outcomes[DMA_RMAP_NR_FAULTS] > 1000);
	model_end();
	shim_work_manual = false;
}

/*
 * Each allocation may fail, those of resizing too: a mapping is there, or nothing
 * of it is, also if it is in the second of its blocks that there is no room.
 */
static void test_no_memory(void)
{
	unsigned int i, failed = 0;
	int err;

	shim_work_manual = true;
	model_begin();
	for (i = 0; i < 3000 * test_scale; i++) {
		if (live_count == LIVE_MOST)
			model_unmap_all();
		shim_fail_after = rnd_below(3) - 1;
		err = model_map();
		shim_fail_after = -1;
		failed += err == -ENOMEM;
		check(COUNTER(map, no_memory) == failed);
		check(rmap_table_count(&map->table) == live_count);
		if (err == -ENOMEM && !rnd_below(4))
			check_all();
		if (!rnd_below(100)) {
			shim_fail_after = rnd_below(20);
			shim_run_work_once();
			shim_fail_after = -1;
			check_all();
		}
	}
	printf("# %u mappings failed\n", failed);
	check(failed > 20);
	shim_run_work();
	check_all();
	model_end();
	shim_work_manual = false;
}

/* Many in one page, all alike, and then fewer and fewer. */
static void test_identical(void)
{
	struct rmap_mapping mapping = {
		.addr = SHIM_PHYS + PAGE_SIZE - 10, .len = 20, .kind = RMAP_SG,
		.dir = DMA_FROM_DEVICE, .flags = RMAP_SHARED,
	};
	unsigned int i;

	model_begin();
	while (live_count < LIVE_MOST) {
		mapping.phys = SHIM_PHYS + live_count * PAGE_SIZE;
		check(!rmap_make(map, &mapping));
		live[live_count++] = mapping;
	}
	check_all();
	for (i = 0; i < LIVE_MOST - 1; i++) {
		if (i % 3 == 0)
			mapping.kind = RMAP_PAGE;
		mapping.len = 20 + i % 5;
		model_unmap_as(&mapping);
		mapping.kind = RMAP_SG;
		mapping.len = 20;
		check(!dma_rmap_check(map, mapping.addr, 20, DMA_FROM_DEVICE));
		if (i % 50 == 0)
			check_all();
	}
	mapping.kind = RMAP_COHERENT;
	model_unmap_as(&mapping);
	check(live_count == 1);
	model_end();
}

/* What is as large as can be, and a little larger. */
static void test_limits(void)
{
	const u64 end = RMAP_GIVEN_END;
	const u64 good[][2] = {
		{ 0, end }, { 1, end - 1 }, { end - 1, 1 }, { 0, 1 },
		{ end / 2 - 1, end / 2 + 1 }, { end / 2, end / 2 },
		{ end / 4, end / 2 + 1 },
	};
	const u64 bad[][2] = {
		{ 0, 0 }, { 0, end + 1 }, { 1, end }, { end, 1 }, { end - 1, 2 },
		{ ~0ULL, 1 }, { ~0ULL, 2 }, { 0, ~0ULL }, { 1ULL << 61, 1 },
		{ 1ULL << 62, PAGE_SIZE }, { 1ULL << 63, 1ULL << 63 },
	};
	struct rmap_mapping mapping = { .phys = SHIM_PHYS };
	unsigned int i;

	model_begin();
	for (i = 0; i < ARRAY_SIZE(good); i++) {
		mapping.addr = good[i][0];
		mapping.len = good[i][1];
		mapping.flags = RMAP_SHARED;
		check(!rmap_make(map, &mapping));
		live[live_count++] = mapping;
		check_range(mapping.addr + mapping.len - 1, 1, DMA_TO_DEVICE);
		check_range(mapping.addr + mapping.len - 1, 2, DMA_TO_DEVICE);
		if (i % 2)
			model_unmap_all();
		check_all();
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		mapping.addr = bad[i][0];
		mapping.len = bad[i][1];
		mapping.flags = RMAP_SHARED;
		check(rmap_make(map, &mapping) == -EINVAL);
	}
	check(!COUNTER(map, no_memory));
	model_end();
}

static unsigned int closed;

static void count_left(struct dma_rmap *map, const struct rmap_mapping *left,
		       void *arg)
{
	closed++;
}

/* Closing undoes each of them, in both of its places. */
static void test_close(void)
{
	struct rmap_mapping mapping = {
		.addr = 5, .len = 1, .dir = DMA_TO_DEVICE, .flags = RMAP_SHARED,
	};

	model_begin();
	while (live_count < LIVE_MOST)
		model_map();
	closed = 0;
	rmap_close(map, count_left, NULL);
	check(closed == LIVE_MOST);
	check(!rmap_table_count(&map->table) && !table_places());
	live_count = 0;
	check_some(random_place());
	check(rmap_make(map, &mapping) == -ENODEV);
	check(rmap_unmap(map, 5, 1, DMA_TO_DEVICE, RMAP_PAGE, &mapping) ==
	      RMAP_NOT_MAPPED);
	map_end(map);
}

/* Scheme "phys": the address is the physical one. */
static void test_phys(void)
{
	const u64 phys = SHIM_PHYS + 5 * PAGE_SIZE - 50;
	u8 *memory = shim_memory + 5 * PAGE_SIZE - 50;
	struct rmap_mapping was;
	u8 data[100], got[100];
	u64 len, addr;

	model_begin();
	map->scheme = DMA_RMAP_PHYS;
	memset(memory, 1, 100);
	memset(data, 2, 100);
	check(rmap_map(map, phys, 100, DMA_TO_DEVICE, RMAP_PAGE) == phys);
	check(dma_rmap_copy_to(map, phys, data, 100) == -EACCES);
	check(rmap_map(map, phys, 100, DMA_FROM_DEVICE, RMAP_SG) == phys);
	check(!dma_rmap_copy_to(map, phys + 10, data, 90));
	check(memory[9] == 1 && memory[10] == 2 && memory[99] == 2);
	check(!dma_rmap_copy_from(map, got, phys, 100));
	check(!memcmp(got, memory, 100));
	check(dma_rmap_copy_from(map, got, phys, 101) == -ERANGE);
	check(dma_rmap_check(map, phys - 1, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, phys, 1, DMA_BIDIRECTIONAL) == -EACCES);
	check(rmap_map(map, phys, 100, DMA_TO_DEVICE, RMAP_PAGE) == phys);

	/* Each of the three is undone as itself, whatever the order. */
	check(rmap_unmap(map, phys, 100, DMA_FROM_DEVICE, RMAP_SG, &was) ==
	      RMAP_UNDONE && was.phys == phys);
	check(dma_rmap_copy_to(map, phys, data, 1) == -EACCES);
	check(rmap_unmap(map, phys, 100, DMA_TO_DEVICE, RMAP_PAGE, &was) ==
	      RMAP_UNDONE);
	check(!dma_rmap_check(map, phys, 100, DMA_TO_DEVICE));
	/* As the other kind, and with a length that is none. */
	check(rmap_unmap(map, phys, ~0ULL, DMA_TO_DEVICE, RMAP_SG, &was) ==
	      RMAP_UNDONE_MISMATCH && was.len == 100 && was.kind == RMAP_PAGE);
	check(dma_rmap_check(map, phys, 1, DMA_TO_DEVICE) == -EFAULT);
	check(rmap_unmap(map, phys, 100, DMA_TO_DEVICE, RMAP_PAGE, &was) ==
	      RMAP_NOT_MAPPED);
	check(rmap_map(map, RMAP_GIVEN_END, 1, DMA_TO_DEVICE, RMAP_PAGE) ==
	      DMA_MAPPING_ERROR);
	check(rmap_map(map, phys, 0, DMA_TO_DEVICE, RMAP_PAGE) ==
	      DMA_MAPPING_ERROR);
	check(rmap_map(map, phys, 1, DMA_NONE, RMAP_PAGE) == DMA_MAPPING_ERROR);
	for (len = 1; len < MEMORY; len = len * 3 + 1) {
		addr = SHIM_PHYS + rnd_below(MEMORY - len);
		check(rmap_map(map, addr, len, DMA_BIDIRECTIONAL,
			       RMAP_COHERENT) == addr);
		check(!dma_rmap_copy_from(map, got, addr + len / 2,
					  min(len - len / 2, 100ULL)));
		check(!memcmp(got, shim_memory + addr + len / 2 - SHIM_PHYS,
			      min(len - len / 2, 100ULL)));
		check(rmap_unmap(map, addr, len, DMA_BIDIRECTIONAL,
				 RMAP_COHERENT, &was) == RMAP_UNDONE);
	}
	model_end();
}

static int add_span(const struct dma_rmap_span *span, void *arg)
{
	u64 *next = arg;

	check((page_to_pfn(span->page) << PAGE_SHIFT) + span->offset == *next);
	check(span->offset < PAGE_SIZE && span->len);
	*next += span->len;
	return 0;
}

/* Without mappings: all memory, at any time, in any direction; nothing else. */
static void test_unchecked(void)
{
	const u64 end = SHIM_PHYS + MEMORY;
	u8 *data = malloc(1 << 18), *got = malloc(1 << 18);
	struct rmap_mapping was;
	u64 addr, len, next;
	unsigned int i;

	map = map_new(64);
	map->scheme = DMA_RMAP_PHYS;
	map->unchecked = true;
	for (i = 0; i < 100 * test_scale; i++) {
		addr = SHIM_PHYS + rnd_below(MEMORY - (1 << 18));
		len = 1 + rnd_below(1ULL << rnd_below(19));
		memset(data, rnd(), len);
		data[rnd_below(len)]++;
		check(!dma_rmap_check(map, addr, len, random_dir()));
		check(!dma_rmap_copy_to(map, addr, data, len));
		check(!memcmp(shim_memory + (addr - SHIM_PHYS), data, len));
		check(!dma_rmap_copy_from(map, got, addr, len));
		check(!memcmp(got, data, len));
		next = addr;
		check(!dma_rmap_walk_spans(map, addr, len, random_dir(),
					   add_span, &next));
		check(next == addr + len);
		check(rmap_map(map, addr, len, DMA_TO_DEVICE, RMAP_PAGE) ==
		      addr);
		check(!dma_rmap_check(map, addr, len, DMA_FROM_DEVICE));
		check(rmap_unmap(map, addr, len, DMA_TO_DEVICE, RMAP_PAGE,
				 &was) == RMAP_UNDONE);
		check(was.addr == addr && was.len == len && was.phys == addr);
		check(!dma_rmap_check(map, addr, len, DMA_FROM_DEVICE));
	}
	check(!rmap_table_count(&map->table) && !COUNTER(map, bad_unmaps));
	check(!dma_rmap_check(map, SHIM_PHYS, MEMORY, DMA_TO_DEVICE));
	check(!dma_rmap_check(map, end - 1, 1, DMA_TO_DEVICE));
	check(!map->faults.count);
	memset(data, 3, 100);
	shim_memory[MEMORY - 1] = 4;
	check(dma_rmap_copy_to(map, end - 1, data, 2) == -ERANGE);
	check(shim_memory[MEMORY - 1] == 4);
	check(dma_rmap_check(map, SHIM_PHYS + 1, MEMORY, DMA_TO_DEVICE) ==
	      -ERANGE);
	check(COUNTER(map, faults[DMA_RMAP_FAULT_BOUNDS]) == 2);
	check(dma_rmap_check(map, SHIM_PHYS - 1, 2, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, end, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, 0, 1, DMA_TO_DEVICE) == -EFAULT);
	/* The bits above are no physical address's; they are not cut off. */
	for (i = 52; i < 64; i++)
		check(dma_rmap_check(map, SHIM_PHYS + (1ULL << i), 1,
				     DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, ~0ULL, 1, DMA_TO_DEVICE) == -EFAULT);
	free(data);
	free(got);
	map_end(map);
}

const struct test given_tests[] = {
	{ "given: random operations against a model", test_model },
	{ "given: short of memory", test_no_memory },
	{ "given: many that are alike", test_identical },
	{ "given: what is too large", test_limits },
	{ "given: closing with mappings left", test_close },
	{ "given: physical addresses", test_phys },
	{ "given: unchecked", test_unchecked },
	{ NULL, NULL }
};
