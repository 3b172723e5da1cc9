// SPDX-License-Identifier: GPL-2.0
/*
 * Maps, in one thread: addresses, liveness, bounds, directions, copies.
 */
#include "fixture.h"

#define SLOTS 3000
#define MEMORY (SHIM_PAGES * PAGE_SIZE)

struct slot {
	u64 addr;
	u64 phys;
	u64 len;
	enum dma_data_direction dir;
	enum rmap_kind kind;
};

static struct slot slot[SLOTS];

static enum dma_data_direction random_dir(void)
{
	return rnd_below(3);
}

/* Mostly about a page, sometimes a lot more. */
static u64 random_len(void)
{
	return 1 + rnd_below(1ULL << (1 + rnd_below(20)));
}

static bool allowed(enum dma_data_direction mapped, enum dma_data_direction dir)
{
	return mapped == dir || mapped == DMA_BIDIRECTIONAL;
}

static void slot_map(struct dma_rmap *map, struct slot *s)
{
	s->len = random_len();
	s->phys = SHIM_PHYS + rnd_below(MEMORY - s->len);
	s->dir = random_dir();
	s->kind = rnd_below(10) ? RMAP_PAGE : RMAP_COHERENT;
	s->addr = rmap_map(map, s->phys, s->len, s->dir, s->kind);
	check(s->addr != DMA_MAPPING_ERROR);
	check(offset_in_page(s->addr) == offset_in_page(s->phys));
	check(s->addr >> 62 == 0 && s->addr >> 56 != 0);
}

static void slot_unmap(struct dma_rmap *map, struct slot *s)
{
	struct rmap_mapping was;

	check(rmap_unmap(map, s->addr, s->len, s->dir, s->kind, &was) ==
	      RMAP_UNDONE);
	check(was.phys == s->phys && was.len == s->len);
	check(dma_rmap_check(map, s->addr, 1, s->dir) == -EFAULT);
	check(rmap_unmap(map, s->addr, s->len, s->dir, s->kind, &was) ==
	      RMAP_NOT_MAPPED);
	s->len = 0;
}

static int get_put(struct dma_rmap *map, const struct slot *s, u64 offset,
		   size_t len, enum dma_data_direction dir)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	u64 phys, most;
	int err;

	local_irq_save(flags);
	err = dma_rmap_get(map, s->addr + offset, len, dir, &ref);
	if (!err) {
		phys = (page_to_pfn(ref.page) << PAGE_SHIFT) + ref.offset;
		most = min3((u64)len, s->len - offset,
			    PAGE_SIZE - offset_in_page(phys));
		check(phys == s->phys + offset);
		check(ref.len == most);
		dma_rmap_put(&ref);
	}
	local_irq_restore(flags);
	return err;
}

static void slot_check(struct dma_rmap *map, const struct slot *s)
{
	enum dma_data_direction dir = random_dir();
	u64 offset = rnd_below(s->len);
	u64 len = 1 + rnd_below(s->len - offset);
	int want = allowed(s->dir, dir) ? 0 : -EACCES;

	check(dma_rmap_check(map, s->addr + offset, len, dir) == want);
	check(get_put(map, s, offset, len, dir) == want);
	if (!want)
		want = -ERANGE;
	check(dma_rmap_check(map, s->addr + offset, s->len - offset + 1, dir) ==
	      want);
	check(get_put(map, s, offset, s->len - offset + 1, dir) == want);
	check(dma_rmap_check(map, s->addr + s->len, 1, dir) == -EFAULT);
	check(dma_rmap_check(map, s->addr + s->len + rnd_below(PAGE_SIZE), 1,
			     dir) == -EFAULT);
	check(dma_rmap_check(map, s->addr - 1, 1, dir) == -EFAULT);
}

/* None of these is a device address, whatever is mapped. */
static void check_foreign(struct dma_rmap *map)
{
	u64 foreign[] = {
		0, 1, PAGE_SIZE, SHIM_PHYS + rnd_below(MEMORY),
		(uintptr_t)shim_memory + rnd_below(MEMORY), rnd() >> 8,
		1ULL << 52, (1ULL << 56) - 1, ~0ULL, ~0ULL << PAGE_SHIFT,
		0xffff888000000000ULL + rnd_below(1ULL << 40),
		0xff11000000000000ULL, 1ULL << 62, 1ULL << 63, rnd() | 1ULL << 63,
		rnd() | 1ULL << 62,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(foreign); i++)
		check(dma_rmap_check(map, foreign[i], 1, random_dir()) ==
		      -EFAULT);
}

static void test_model(void)
{
	struct dma_rmap *map = map_new(64);
	unsigned int i, live = 0;
	u64 bytes = 0;
	struct slot *s;

	memset(slot, 0, sizeof(slot));
	for (i = 0; i < 20000 * test_scale; i++) {
		s = &slot[rnd_below(SLOTS)];
		if (s->len) {
			slot_check(map, s);
			if (rnd_below(3))
				continue;
			bytes -= s->len;
			slot_unmap(map, s);
			live--;
		} else {
			slot_map(map, s);
			slot_check(map, s);
			bytes += s->len;
			live++;
		}
		if (i % 1000 == 0)
			check_foreign(map);
	}
	check(rmap_table_count(&map->table) == live);
	check(COUNTER(map, maps) - COUNTER(map, unmaps) == live);
	check(COUNTER(map, bytes) == bytes);
	for (s = slot; s < slot + SLOTS; s++)
		if (s->len)
			slot_unmap(map, s);
	map_end(map);
}

/* Two maps in one space: neither knows the other's addresses. */
static void test_two_maps(void)
{
	struct dma_rmap *map = map_new(64);
	struct dma_rmap other = { .space = map->space };
	u64 a, b;
	struct rmap_mapping was;
	unsigned int i;

	assert(!rmap_table_init(&other.table));
	other.counters = alloc_percpu(struct rmap_counters);
	other.history = alloc_percpu(struct rmap_history);
	rmap_faults_init(&other.faults);
	for (i = 0; i < 300; i++) {
		a = rmap_map(map, SHIM_PHYS, 100, DMA_BIDIRECTIONAL, 0);
		b = rmap_map(&other, SHIM_PHYS, 100, DMA_BIDIRECTIONAL, 0);
		check(!dma_rmap_check(map, a, 100, DMA_TO_DEVICE));
		check(!dma_rmap_check(&other, b, 100, DMA_TO_DEVICE));
		check(dma_rmap_check(map, b, 1, DMA_TO_DEVICE) == -EFAULT);
		check(dma_rmap_check(&other, a, 1, DMA_TO_DEVICE) == -EFAULT);
		check(!rmap_unmap(map, a, 100, DMA_BIDIRECTIONAL, 0, &was));
		check(!rmap_unmap(&other, b, 100, DMA_BIDIRECTIONAL, 0, &was));
	}
	rmap_table_destroy(&other.table);
	free_percpu(other.history);
	free_percpu(other.counters);
	map_end(map);
}

static void test_bad_map(void)
{
	struct dma_rmap *map = map_new(64);
	u64 most = (1ULL << RMAP_MAX_ORDER) - 2 * PAGE_SIZE;
	struct rmap_mapping was;
	u64 addr;

	check(rmap_map(map, SHIM_PHYS, 0, DMA_TO_DEVICE, 0) ==
	      DMA_MAPPING_ERROR);
	check(rmap_map(map, SHIM_PHYS, 1, DMA_NONE, 0) == DMA_MAPPING_ERROR);
	check(rmap_map(map, SHIM_PHYS, 1, -1, 0) == DMA_MAPPING_ERROR);
	check(rmap_map(map, SHIM_PHYS, most + 1, DMA_TO_DEVICE, 0) ==
	      DMA_MAPPING_ERROR);
	check(rmap_map(map, SHIM_PHYS, ~0ULL, DMA_TO_DEVICE, 0) ==
	      DMA_MAPPING_ERROR);
	addr = rmap_map(map, SHIM_PHYS + PAGE_SIZE - 1, most, DMA_TO_DEVICE, 0);
	check(addr != DMA_MAPPING_ERROR);
	check(!dma_rmap_check(map, addr + most - 1, 1, DMA_TO_DEVICE));
	check(dma_rmap_check(map, addr + most, 1, DMA_TO_DEVICE) == -EFAULT);
	check(!rmap_unmap(map, addr, most, DMA_TO_DEVICE, 0, &was));
	check(!COUNTER(map, no_memory));
	map_end(map);
}

static void test_bad_unmap(void)
{
	struct dma_rmap *map = map_new(64);
	struct rmap_mapping was;
	u64 addr;

	addr = rmap_map(map, SHIM_PHYS + 5, 100, DMA_TO_DEVICE, RMAP_PAGE);
	check(rmap_unmap(map, addr + 1, 99, DMA_TO_DEVICE, RMAP_PAGE,
			 &was) == RMAP_NOT_MAPPED);
	check(rmap_unmap(map, addr, 100, DMA_TO_DEVICE, RMAP_COHERENT, &was) ==
	      RMAP_NOT_MAPPED);
	check(rmap_unmap(map, 0, 100, DMA_TO_DEVICE, RMAP_PAGE, &was) ==
	      RMAP_NOT_MAPPED);
	check(rmap_unmap(map, DMA_MAPPING_ERROR, 100, DMA_TO_DEVICE,
			 RMAP_PAGE, &was) == RMAP_NOT_MAPPED);
	check(!dma_rmap_check(map, addr, 100, DMA_TO_DEVICE));
	check(rmap_unmap(map, addr, 99, DMA_TO_DEVICE, RMAP_PAGE, &was) ==
	      RMAP_UNDONE_MISMATCH);
	check(was.len == 100 && was.dir == DMA_TO_DEVICE);
	check(dma_rmap_check(map, addr, 1, DMA_TO_DEVICE) == -EFAULT);
	addr = rmap_map(map, SHIM_PHYS + 5, 100, DMA_TO_DEVICE, RMAP_PAGE);
	check(rmap_unmap(map, addr, 100, DMA_BIDIRECTIONAL, RMAP_PAGE,
			 &was) == RMAP_UNDONE_MISMATCH);
	check(COUNTER(map, bad_unmaps) == 6);
	check(COUNTER(map, unmaps) == 2);
	map_end(map);
}

static bool overlaps(const struct slot *a, u64 addr, u64 len)
{
	return a->len && addr < a->addr + a->len && a->addr < addr + len;
}

/* A space of 32 blocks: what is live is never given out again. */
static void test_wrap(void)
{
	struct dma_rmap *map = map_new(5);
	unsigned int i, j, full = 0;
	struct slot *s;
	u64 addr;

	memset(slot, 0, sizeof(slot));
	for (i = 0; i < 5000 * test_scale; i++) {
		s = &slot[rnd_below(40)];
		if (s->len) {
			if (!rnd_below(8))
				slot_unmap(map, s);
			continue;
		}
		addr = rmap_map(map, SHIM_PHYS, 50, DMA_TO_DEVICE, 0);
		if (addr == DMA_MAPPING_ERROR) {
			full++;
			check(rmap_table_count(&map->table) == 32);
			continue;
		}
		for (j = 0; j < 40; j++)
			check(!overlaps(&slot[j], addr, 50));
		s->addr = addr;
		s->phys = SHIM_PHYS;
		s->len = 50;
		s->dir = DMA_TO_DEVICE;
		s->kind = RMAP_PAGE;
		check(rmap_table_count(&map->table) <= 32);
		slot_check(map, s);
	}
	check(full);
	check(COUNTER(map, no_memory) == full);
	for (j = 0; j < 40; j++)
		if (slot[j].len)
			slot_unmap(map, &slot[j]);
	map_end(map);
}

/* Addresses are not used again: no two mappings in a row have the same. */
static void test_fresh(void)
{
	struct dma_rmap *map = map_new(64);
	struct rmap_mapping was;
	u64 addr, before = 0;
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		addr = rmap_map(map, SHIM_PHYS, PAGE_SIZE, DMA_TO_DEVICE, 0);
		check(addr > before);
		check(addr - before >= 2 * PAGE_SIZE);	/* a guard page */
		check(!rmap_unmap(map, addr, PAGE_SIZE, DMA_TO_DEVICE, 0,
				  &was));
		before = addr;
	}
	map_end(map);
}

/* The order in an address is that of the mapping; blocks do not overlap. */
static void test_orders(void)
{
	struct rmap_space space;
	unsigned int order;
	u64 addr, end, len;
	bool new;

	assert(!rmap_space_init(&space, 64));
	check(rmap_addr_order(0) == 0);
	for (order = RMAP_MIN_ORDER; order <= RMAP_MAX_ORDER; order++) {
		len = (1ULL << order) - PAGE_SIZE;
		if (order < RMAP_MAX_ORDER) {
			check(rmap_space_order(SHIM_PHYS, len) == order);
			check(rmap_space_order(SHIM_PHYS + 1, len) ==
			      order + 1);
			check(rmap_space_order(SHIM_PHYS, len + 1) ==
			      order + 1);
		}
		addr = rmap_space_next(&space, order, &new);
		check(new == (rmap_space_blocks(&space, order) >> 32 > 0));
		end = addr + (1ULL << order) - 1;
		check(rmap_addr_order(addr) == order);
		check(rmap_addr_order(end) == order);
		check(!(addr & ((1ULL << order) - 1)));
		check(rmap_space_next(&space, order, &new) == end + 1);
		addr += (rmap_space_blocks(&space, order) - 1) << order;
		check(rmap_addr_order(addr) == order);
	}
	check(rmap_space_order(SHIM_PHYS, 1ULL << RMAP_MAX_ORDER) == 0);
	check(rmap_space_order(SHIM_PHYS, ~0ULL) == 0);
	check(rmap_space_order(SHIM_PHYS, 1) == RMAP_MIN_ORDER);
	rmap_space_destroy(&space);
}

/* Copies against the memory itself. */
static void test_copy(void)
{
	struct dma_rmap *map = map_new(64);
	u8 *buffer = malloc(2 << 20);
	struct slot *s = slot;
	u64 offset, len, i;
	unsigned int n;

	for (n = 0; n < 50 * test_scale; n++) {
		slot_map(map, s);
		offset = rnd_below(s->len);
		len = rnd_below(s->len - offset + 1);
		for (i = 0; i < len; i++)
			buffer[i] = rnd();
		if (allowed(s->dir, DMA_FROM_DEVICE)) {
			check(!dma_rmap_copy_to(map, s->addr + offset, buffer,
						len));
			check(!memcmp(shim_memory + s->phys - SHIM_PHYS +
				      offset, buffer, len));
		}
		memset(buffer, 0, len);
		if (allowed(s->dir, DMA_TO_DEVICE)) {
			check(!dma_rmap_copy_from(map, buffer,
						  s->addr + offset, len));
			check(!memcmp(shim_memory + s->phys - SHIM_PHYS +
				      offset, buffer, len));
		}
		slot_unmap(map, s);
	}
	free(buffer);
	map_end(map);
}

/* A copy that is refused has not touched anything. */
static void test_copy_refused(void)
{
	struct dma_rmap *map = map_new(64);
	struct rmap_mapping was;
	u8 buffer[3 * PAGE_SIZE + 1];
	u64 rd, wr;

	memset(shim_memory, 7, 4 * PAGE_SIZE);
	memset(buffer, 9, sizeof(buffer));
	rd = rmap_map(map, SHIM_PHYS, 3 * PAGE_SIZE, DMA_TO_DEVICE, 0);
	wr = rmap_map(map, SHIM_PHYS, 3 * PAGE_SIZE, DMA_FROM_DEVICE, 0);
	check(dma_rmap_copy_to(map, rd, buffer, 1) == -EACCES);
	check(dma_rmap_copy_from(map, buffer, wr, 1) == -EACCES);
	check(dma_rmap_copy_to(map, wr, buffer, sizeof(buffer)) == -ERANGE);
	check(dma_rmap_copy_from(map, buffer, rd, sizeof(buffer)) == -ERANGE);
	check(dma_rmap_copy_from(map, buffer, rd, SIZE_MAX) == -ERANGE);
	check(dma_rmap_copy_from(map, buffer, 0, 1) == -EFAULT);
	check(shim_memory[0] == 7 && shim_memory[3 * PAGE_SIZE - 1] == 7);
	check(buffer[0] == 9);
	check(!dma_rmap_copy_from(map, buffer, 0, 0));
	check(!dma_rmap_check(map, 0, 0, DMA_TO_DEVICE));
	check(dma_rmap_check(map, rd, 1, DMA_NONE) == -EINVAL);
	check(COUNTER(map, faults[DMA_RMAP_FAULT_DIRECTION]) == 2);
	check(COUNTER(map, faults[DMA_RMAP_FAULT_BOUNDS]) == 3);
	check(COUNTER(map, faults[DMA_RMAP_FAULT_UNMAPPED]) == 1);
	check(!rmap_unmap(map, rd, 3 * PAGE_SIZE, DMA_TO_DEVICE, 0, &was));
	check(!rmap_unmap(map, wr, 3 * PAGE_SIZE, DMA_FROM_DEVICE, 0, &was));
	map_end(map);
}

struct spans {
	u64 phys;
	u64 bytes;
	unsigned int count;
	int stop_with;
};

static int add_span(const struct dma_rmap_span *span, void *arg)
{
	struct spans *spans = arg;
	u64 phys = (page_to_pfn(span->page) << PAGE_SHIFT) + span->offset;

	if (!spans->count)
		spans->phys = phys;
	check(span->offset < PAGE_SIZE);
	spans->count++;
	spans->bytes += span->len;
	return spans->stop_with;
}

/*
 * Mappings that adjoin. Scheme "fresh" makes none such, so the entries are put
 * into the table by hand: three full blocks, the last one for reading only, and
 * their memory in reverse.
 */
static void test_crossing(void)
{
	const u64 block = 1ULL << RMAP_MIN_ORDER;
	const u64 base = rmap_addr_order(1ULL << 61) ? 1ULL << 61 : 0;
	struct dma_rmap *map = map_new(64);
	struct rmap_mapping mapping[3];
	u8 got[3 << RMAP_MIN_ORDER];
	struct spans spans = {};
	struct dma_rmap_ref ref;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		mapping[i] = mapping_of(base + i * block, block,
					RMAP_MIN_ORDER);
		mapping[i].phys = SHIM_PHYS + (2 - i) * block;
		if (i == 2)
			mapping[i].dir = DMA_TO_DEVICE;
		memset(shim_memory + (2 - i) * block, 'a' + i, block);
		check(!rmap_table_insert(&map->table, &mapping[i]));
	}

	check(!dma_rmap_check(map, base, 3 * block, DMA_TO_DEVICE));
	check(!dma_rmap_check(map, base, 2 * block, DMA_FROM_DEVICE));
	check(dma_rmap_check(map, base + 1, 2 * block, DMA_FROM_DEVICE) ==
	      -EACCES);
	check(dma_rmap_check(map, base + 1, 3 * block, DMA_TO_DEVICE) ==
	      -ERANGE);
	check(!dma_rmap_copy_from(map, got, base + 100, 2 * block));
	check(got[0] == 'a' && got[block - 100] == 'b' &&
	      got[2 * block - 100] == 'c' && got[2 * block - 1] == 'c');
	check(dma_rmap_copy_from(map, got, base + 1, 3 * block) == -ERANGE);

	local_irq_save(flags);
	check(!dma_rmap_get(map, base + block - 10, block, DMA_TO_DEVICE,
			    &ref));
	check(ref.len == 10);
	dma_rmap_put(&ref);
	local_irq_restore(flags);

	check(!dma_rmap_walk_spans(map, base + 5, 2 * block, DMA_TO_DEVICE,
				      add_span, &spans));
	check(spans.count == 3 && spans.bytes == 2 * block);
	check(spans.phys == SHIM_PHYS + 2 * block + 5);
	spans = (struct spans){ .stop_with = -EINTR };
	check(dma_rmap_walk_spans(map, base, 3 * block, DMA_TO_DEVICE,
				     add_span, &spans) == -EINTR);
	check(spans.count == 1);
	spans = (struct spans){};
	check(dma_rmap_walk_spans(map, base, 3 * block + 1, DMA_TO_DEVICE,
				     add_span, &spans) == -ERANGE);
	check(!spans.count);

	for (i = 0; i < 3; i++)
		check(table_remove(&map->table, &mapping[i]));
	map_end(map);
}

/* No memory at all for a while: mappings fail, and nothing else changes. */
static void test_no_memory(void)
{
	unsigned int i, failed = 0, live = 0;
	struct dma_rmap *map;
	struct slot *s;
	u64 addr;

	shim_work_manual = true;
	map = map_new(64);
	memset(slot, 0, sizeof(slot));
	for (i = 0; live < SLOTS; i++) {
		shim_fail_after = rnd_below(2) - 1;
		addr = rmap_map(map, SHIM_PHYS, 100, DMA_TO_DEVICE, 0);
		shim_fail_after = -1;
		if (addr == DMA_MAPPING_ERROR)
			failed++;
		else
			slot[live++] = (struct slot){ addr, SHIM_PHYS, 100,
						      DMA_TO_DEVICE, 0 };
		check(rmap_table_count(&map->table) == live);
		check(COUNTER(map, no_memory) == failed);
	}
	check(failed > 100);
	for (s = slot; s < slot + live; s++)
		slot_check(map, s);
	shim_run_work();
	for (s = slot; s < slot + live; s++)
		slot_check(map, s);
	for (s = slot; s < slot + live; s++)
		slot_unmap(map, s);
	map_end(map);
	shim_work_manual = false;
}

/* The ring keeps the last ones, in order. */
static void test_faults(void)
{
	struct dma_rmap *map = map_new(64);
	char *text = NULL, *line;
	size_t size = 0;
	struct seq_file m;
	unsigned int i, lines = 0;
	u64 addr, want;
	char want_text[32];

	for (i = 0; i < 3 * RMAP_FAULTS_KEPT; i++)
		check(dma_rmap_check(map, 0x1000 + i, 10 + i, DMA_TO_DEVICE) ==
		      -EFAULT);
	addr = rmap_map(map, SHIM_PHYS, 8, DMA_FROM_DEVICE, 0);
	check(dma_rmap_check(map, addr, 8, DMA_TO_DEVICE) == -EACCES);
	check(dma_rmap_check(map, addr, 9, DMA_FROM_DEVICE) == -ERANGE);
	m.file = open_memstream(&text, &size);
	rmap_faults_show(&map->faults, &m);
	fclose(m.file);
	want = 0x1000 + 2 * RMAP_FAULTS_KEPT + 2;
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (++lines == 1)
			continue;	/* the heading */
		snprintf(want_text, sizeof(want_text), "%#018llx", want++);
		if (lines < RMAP_FAULTS_KEPT)
			check(strstr(line, want_text) &&
			      strstr(line, "unmapped"));
		else if (lines == RMAP_FAULTS_KEPT)
			check(strstr(line, "direction") && strstr(line, "read"));
		else
			check(strstr(line, "bounds") && strstr(line, "write"));
	}
	check(lines == RMAP_FAULTS_KEPT + 1);
	free(text);
	rmap_unmap(map, addr, 8, DMA_FROM_DEVICE, 0, &(struct rmap_mapping){});
	map_end(map);
}

static void check_left(struct dma_rmap *map, const struct rmap_mapping *left,
		       void *arg)
{
	check(left->len == 77 && left->phys == SHIM_PHYS);
	++*(unsigned int *)arg;
}

/* Closing undoes what is left and says what it was; nothing works afterwards. */
static void test_close(void)
{
	struct dma_rmap *map = map_new(64);
	struct rmap_mapping was;
	unsigned int left = 0;
	u64 addr[500];
	unsigned int i;

	for (i = 0; i < 500; i++)
		addr[i] = rmap_map(map, SHIM_PHYS, 77, DMA_TO_DEVICE, 0);
	rmap_close(map, check_left, &left);
	check(left == 500);
	check(!rmap_table_count(&map->table));
	for (i = 0; i < 500; i++) {
		check(dma_rmap_check(map, addr[i], 1, DMA_TO_DEVICE) ==
		      -EFAULT);
		check(rmap_unmap(map, addr[i], 77, DMA_TO_DEVICE, 0, &was) ==
		      RMAP_NOT_MAPPED);
	}
	check(rmap_map(map, SHIM_PHYS, 77, DMA_TO_DEVICE, 0) ==
	      DMA_MAPPING_ERROR);
	check(!COUNTER(map, no_memory));
	map_end(map);
}

const struct test map_tests[] = {
	{ "map: random operations against a model", test_model },
	{ "map: two maps in one space", test_two_maps },
	{ "map: what cannot be mapped", test_bad_map },
	{ "map: bad unmaps are harmless", test_bad_unmap },
	{ "map: the space wraps around live mappings", test_wrap },
	{ "map: addresses are fresh, with guard pages", test_fresh },
	{ "map: orders in addresses", test_orders },
	{ "map: copies", test_copy },
	{ "map: refused copies touch nothing", test_copy_refused },
	{ "map: ranges that cross mappings", test_crossing },
	{ "map: short of memory", test_no_memory },
	{ "map: the ring of faults", test_faults },
	{ "map: closing with mappings left", test_close },
	{ NULL, NULL }
};
