// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges: device addresses that pages are linked into, in one thread against a
 * model. Threads are in range_race_test.c.
 */
#include "fixture.h"

#define MEMORY (SHIM_PAGES * PAGE_SIZE)

static struct dma_rmap *map;

static u64 page_phys(unsigned int page)
{
	return SHIM_PHYS + page * PAGE_SIZE;
}

static u8 *page_memory(unsigned int page)
{
	return shim_memory + page * PAGE_SIZE;
}

/* The model: which page of memory is linked in each place. */
#define PAGES 30
#define NONE (~0U)
#define MEMORY_USED 200		/* the pages of memory that the model uses */

struct model {
	struct dma_rmap_range range;
	unsigned int offset;
	unsigned int count;
	unsigned int page[PAGES];
	bool used[MEMORY_USED];
};

static struct model model;

/* Where in the range the bytes begin that are in this page, and in all later. */
static size_t place_begin(const struct model *m, unsigned int place)
{
	return place ? place * PAGE_SIZE - m->offset : 0;
}

static size_t place_end(const struct model *m, unsigned int place)
{
	return min(place_begin(m, place + 1), m->range.len);
}

static unsigned int place_of(const struct model *m, size_t offset)
{
	return (m->offset + offset) / PAGE_SIZE;
}

/* Where in memory a byte of the range is, or NULL. */
static u8 *model_byte(const struct model *m, size_t offset)
{
	unsigned int page = m->page[place_of(m, offset)];

	if (page == NONE)
		return NULL;
	return page_memory(page) + (m->offset + offset) % PAGE_SIZE;
}

static enum dma_data_direction random_dir(void)
{
	return rnd_below(3);
}

static void model_reserve(struct model *m)
{
	unsigned int i;
	size_t len;

	memset(m, 0, sizeof(*m));
	m->offset = rnd_below(3) ? rnd_below(PAGE_SIZE) : 0;
	m->count = 1 + rnd_below(PAGES);
	/* The end is anywhere in the last page, or the page's. */
	len = m->count * PAGE_SIZE - m->offset;
	if (m->count > 1 && rnd_below(4))
		len -= rnd_below(PAGE_SIZE);
	else if (rnd_below(4))
		len -= rnd_below(min(len, PAGE_SIZE));
	check(!dma_rmap_reserve(map, &m->range, m->offset, len, random_dir(),
				GFP_KERNEL));
	check(m->range.len == len && m->range.map == map);
	check(offset_in_page(m->range.addr) == m->offset);
	check(m->range.addr >> 62 == 0 && m->range.addr >> 56 != 0);
	m->count = (m->offset + len + PAGE_SIZE - 1) / PAGE_SIZE;
	for (i = 0; i < PAGES; i++)
		m->page[i] = NONE;
}

static size_t model_linked(const struct model *m, unsigned int first,
			   unsigned int last)
{
	size_t bytes = 0;
	unsigned int i;

	for (i = first; i <= last; i++)
		if (m->page[i] != NONE)
			bytes += place_end(m, i) - place_begin(m, i);
	return bytes;
}

/* A run of places, mostly short. */
static void random_run(const struct model *m, unsigned int *first,
		       unsigned int *last)
{
	unsigned int most = rnd_below(3) ? 2 : PAGES;

	*first = rnd_below(m->count);
	*last = *first + rnd_below(min(m->count - *first, most));
}

/* Pages of memory in a row that are not in use. */
static unsigned int free_memory(const struct model *m, unsigned int count)
{
	unsigned int page, i;

	for (;;) {
		page = rnd_below(MEMORY_USED - count);
		for (i = 0; i < count && !m->used[page + i]; i++)
			;
		if (i == count)
			return page;
	}
}

static void model_link(struct model *m)
{
	unsigned int first, last, page, i;
	size_t begin;
	u64 phys;
	int err;

	random_run(m, &first, &last);
	page = free_memory(m, last - first + 1);
	begin = place_begin(m, first);
	phys = page_phys(page) + (first ? 0 : m->offset);
	err = dma_rmap_link(&m->range, begin, phys, place_end(m, last) - begin);
	if (model_linked(m, first, last)) {
		check(err == -EEXIST);
		return;
	}
	check(!err);
	for (i = first; i <= last; i++) {
		m->page[i] = page + i - first;
		m->used[m->page[i]] = true;
	}
}

static void model_unlink(struct model *m)
{
	unsigned int first, last, i;
	size_t begin;

	random_run(m, &first, &last);
	begin = place_begin(m, first);
	check(dma_rmap_unlink(&m->range, begin, place_end(m, last) - begin) ==
	      model_linked(m, first, last));
	for (i = first; i <= last; i++) {
		if (m->page[i] != NONE)
			m->used[m->page[i]] = false;
		m->page[i] = NONE;
	}
}

static int model_check(const struct model *m, size_t offset, size_t len,
		       enum dma_data_direction dir, enum dma_rmap_fault *reason)
{
	size_t i, end = min(offset + len, m->range.len);

	*reason = DMA_RMAP_FAULT_DIRECTION;
	if (m->range.dir != dir && m->range.dir != DMA_BIDIRECTIONAL)
		return -EACCES;
	*reason = DMA_RMAP_FAULT_HOLE;
	for (i = place_of(m, offset); i <= place_of(m, end - 1); i++)
		if (m->page[i] == NONE)
			return -EFAULT;
	*reason = DMA_RMAP_FAULT_BOUNDS;
	return end < offset + len ? -ERANGE : 0;
}

static void check_fault(u64 before, int err, enum dma_rmap_fault reason)
{
	check(map->faults.count == before + !!err);
	if (err)
		check(map->faults.fault[before % RMAP_FAULTS_KEPT].reason ==
		      reason);
}

static void check_get(const struct model *m, size_t offset, size_t len,
		      enum dma_data_direction dir, int want)
{
	u8 *byte = model_byte(m, offset);
	struct dma_rmap_ref ref = {};
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = dma_rmap_get(map, m->range.addr + offset, len, dir, &ref);
	if (!err) {
		check(shim_page_bytes(ref.page) + ref.offset == byte);
		check(ref.len == min(offset + len,
				     place_end(m, place_of(m, offset))) - offset);
		dma_rmap_put(&ref);
	} else {
		/* Who puts what it has not got would let go of another's hold. */
		check(!ref.entry && !ref.link && !ref.len);
	}
	local_irq_restore(flags);
	check(err == want);
}

/* All bytes are copied, or none. */
static void check_copy(const struct model *m, size_t offset, size_t len)
{
	static u8 data[(PAGES + 1) * PAGE_SIZE], got[(PAGES + 1) * PAGE_SIZE];
	u64 addr = m->range.addr + offset;
	enum dma_rmap_fault reason;
	size_t i, same, before;
	u64 faults;
	u8 *byte;
	int want;

	for (i = 0; i < len; i += 7)
		data[i] = rnd();
	want = model_check(m, offset, len, DMA_FROM_DEVICE, &reason);
	for (i = 0; i < len && offset + i < m->range.len; i++) {
		byte = model_byte(m, offset + i);
		if (byte)
			*byte = ~data[i];
	}
	faults = map->faults.count;
	check(dma_rmap_copy_to(map, addr, data, len) == want);
	check_fault(faults, want, reason);
	for (same = 0; same < len && offset + same < m->range.len; same++) {
		byte = model_byte(m, offset + same);
		if (!byte || *byte != data[same])
			break;
	}
	before = same;
	for (; same < len && offset + same < m->range.len; same++) {
		byte = model_byte(m, offset + same);
		check(!byte || *byte == (u8)~data[same]);
	}
	check(before == (want ? 0 : len));

	want = model_check(m, offset, len, DMA_TO_DEVICE, &reason);
	memset(got, 0, len);
	check(dma_rmap_copy_from(map, got, addr, len) == want);
	for (i = 0; !want && i < len; i++)
		check(got[i] == *model_byte(m, offset + i));
}

static void check_some(const struct model *m)
{
	size_t offset = rnd_below(m->range.len);
	size_t len = 1 + rnd_below(rnd_below(2) ? m->range.len - offset :
				   2 * PAGE_SIZE);
	enum dma_data_direction dir = random_dir();
	u64 addr = m->range.addr + offset;
	enum dma_rmap_fault reason;
	u64 before = map->faults.count;
	int want;

	want = model_check(m, offset, len, dir, &reason);
	check(dma_rmap_check(map, addr, len, dir) == want);
	check_fault(before, want, reason);
	check_get(m, offset, len, dir, want);
	check_copy(m, offset, len);
	check(dma_rmap_check(map, m->range.addr + m->range.len, 1, dir) ==
	      -EFAULT);
	check(dma_rmap_check(map, m->range.addr - 1, 1, dir) == -EFAULT);
}

/* Whole pages in the middle, at an end what there is of one; nothing else. */
static void check_invalid(struct model *m)
{
	struct dma_rmap_range *range = &m->range;
	u64 phys = page_phys(0);
	size_t end = range->len;
	unsigned int i;
	const size_t bad[][2] = {
		{ 0, 0 }, { 0, end + 1 }, { end, 1 }, { end, 0 },
		{ end + 1, ~(size_t)0 }, { ~(size_t)0, 1 }, { 1, ~(size_t)0 },
		{ 0, ~(size_t)0 }, { end, ~(size_t)0 - end + 1 },
		{ 1, end - 1 }, { 0, end - 1 },
		{ place_begin(m, 1) + 1, PAGE_SIZE - 1 },
		{ place_begin(m, 1) - 1, 1 }, { place_begin(m, 1), PAGE_SIZE - 1 },
		{ place_begin(m, 1), PAGE_SIZE + 1 },
	};

	/* In three pages, all of these begin or end in the middle of one. */
	if (m->count < 4 || (m->offset + end) % PAGE_SIZE == 1 ||
	    m->offset == PAGE_SIZE - 1)
		return;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		phys = page_phys(0) + offset_in_page(range->addr + bad[i][0]);
		check(dma_rmap_link(range, bad[i][0], phys, bad[i][1]) ==
		      -EINVAL);
		check(!dma_rmap_unlink(range, bad[i][0], bad[i][1]));
	}
	/* At another offset in its page */
	for (i = 0; i < 10; i++) {
		phys = page_phys(0) + rnd_below(PAGE_SIZE);
		if (offset_in_page(phys) != m->offset)
			check(dma_rmap_link(range, 0, phys, end) == -EINVAL);
		if (offset_in_page(phys))
			check(dma_rmap_link(range, place_begin(m, 1), phys,
					    PAGE_SIZE) == -EINVAL);
	}
}

static void test_model(void)
{
	unsigned int i, n, ops = 0;
	u64 addr;

	map = map_new(64);
	for (i = 0; i < 20 * test_scale; i++) {
		if (i % 4 == 3)
			map->scheme = DMA_RMAP_PHYS;
		map->unchecked = i % 8 == 7;
		model_reserve(&model);
		check_some(&model);
		for (n = rnd_below(40); n; n--, ops++) {
			if (rnd_below(3))
				model_link(&model);
			else
				model_unlink(&model);
			check_some(&model);
			check_invalid(&model);
		}
		addr = model.range.addr;
		check(rmap_table_count(&map->table) == 1);
		check(COUNTER(map, bytes) == model.range.len);
		dma_rmap_free_range(&model.range);
		check(dma_rmap_check(map, addr, 1, DMA_TO_DEVICE) == -EFAULT);
		check(!rmap_table_count(&map->table));
	}
	check(ops > 100);
	check(!COUNTER(map, bad_unmaps));
	map_end(map);
}

/* All of it at once and in pieces, at each size and place near a page's. */
static void test_sizes(void)
{
	static const unsigned int around[] = {
		0, 1, 2, PAGE_SIZE / 2, PAGE_SIZE - 2, PAGE_SIZE - 1,
	};
	struct dma_rmap_range range;
	unsigned int i, j, pages;
	size_t len;

	map = map_new(64);
	for (i = 0; i < ARRAY_SIZE(around); i++) {
		for (j = 0; j < 3 * ARRAY_SIZE(around); j++) {
			len = j / 3 * PAGE_SIZE + around[j % ARRAY_SIZE(around)];
			if (!len)
				continue;
			check(!dma_rmap_reserve(map, &range, around[i], len,
						DMA_BIDIRECTIONAL, GFP_ATOMIC));
			pages = (around[i] + len + PAGE_SIZE - 1) / PAGE_SIZE;
			check(!dma_rmap_link(&range, 0, page_phys(0) + around[i],
					     len));
			check(!dma_rmap_check(map, range.addr, len,
					      DMA_TO_DEVICE));
			check(dma_rmap_check(map, range.addr + 1, len,
					     DMA_TO_DEVICE) ==
			      (len == 1 ? -EFAULT : -ERANGE));
			check(dma_rmap_link(&range, 0, page_phys(9) + around[i],
					    len) == -EEXIST);
			check(dma_rmap_unlink(&range, 0, len) == len);
			check(!dma_rmap_unlink(&range, 0, len));
			if (pages > 1)
				check(!dma_rmap_link(&range, 0, page_phys(0) +
						     around[i],
						     PAGE_SIZE - around[i]));
			dma_rmap_free_range(&range);
		}
	}
	map_end(map);
}

static void test_bad_reserve(void)
{
	struct dma_rmap_range range;

	map = map_new(64);
	check(dma_rmap_reserve(map, &range, 0, 0, DMA_TO_DEVICE, GFP_KERNEL) ==
	      -EINVAL);
	check(dma_rmap_reserve(map, &range, PAGE_SIZE, 1, DMA_TO_DEVICE,
			       GFP_KERNEL) == -EINVAL);
	check(dma_rmap_reserve(map, &range, ~0U, 1, DMA_TO_DEVICE,
			       GFP_KERNEL) == -EINVAL);
	check(dma_rmap_reserve(map, &range, 0, 1, DMA_NONE, GFP_KERNEL) ==
	      -EINVAL);
	check(dma_rmap_reserve(map, &range, 0, 1, -1, GFP_KERNEL) == -EINVAL);
	check(dma_rmap_reserve(map, &range, 0, ~(size_t)0, DMA_TO_DEVICE,
			       GFP_KERNEL) == -EINVAL);
	check(dma_rmap_reserve(map, &range, 0, 1UL << 40, DMA_TO_DEVICE,
			       GFP_KERNEL) == -ENOMEM);
	check(!dma_rmap_reserve(map, &range, 7, 1UL << 30, DMA_TO_DEVICE,
				GFP_KERNEL));
	/* It is not the DMA API's to undo. */
	check(rmap_unmap(map, range.addr, range.len, DMA_TO_DEVICE, RMAP_PAGE,
			 &(struct rmap_mapping){}) == RMAP_NOT_MAPPED);
	check(rmap_unmap(map, range.addr, range.len, DMA_TO_DEVICE,
			 RMAP_COHERENT, &(struct rmap_mapping){}) ==
	      RMAP_NOT_MAPPED);
	dma_rmap_free_range(&range);
	check(!rmap_table_count(&map->table));
	map_end(map);
}

/* For the list or for the table: if memory is short nothing is left of it. */
static void test_no_memory(void)
{
	static struct dma_rmap_range range[2000];
	unsigned int i, failed = 0, live = 0;
	int err;

	shim_work_manual = true;
	map = map_new(64);
	while (live < ARRAY_SIZE(range)) {
		shim_fail_after = rnd_below(3) - 1;
		err = dma_rmap_reserve(map, &range[live], 5, 10000,
				       DMA_TO_DEVICE, GFP_ATOMIC);
		shim_fail_after = -1;
		check(!err || err == -ENOMEM);
		if (err)
			failed++;
		else
			live++;
		check(rmap_table_count(&map->table) == live);
	}
	check(failed > 500);
	/* Linking needs no memory. */
	shim_fail_after = 0;
	for (i = 0; i < live; i++)
		check(!dma_rmap_link(&range[i], 0, page_phys(i) + 5, 10000));
	shim_fail_after = -1;
	for (i = 0; i < live; i++) {
		check(!dma_rmap_check(map, range[i].addr, 10000, DMA_TO_DEVICE));
		dma_rmap_free_range(&range[i]);
	}
	map_end(map);
	shim_work_manual = false;
}

static unsigned int ranges_left;

static void count_left(struct dma_rmap *map, const struct rmap_mapping *left,
		       void *arg)
{
	check(left->kind == RMAP_RANGE && left->len == 3 * PAGE_SIZE);
	ranges_left++;
}

/* A range outlives the map's closing, which ends all access; it is freed later. */
static void test_close(void)
{
	struct dma_rmap_range range[20], another;
	unsigned int i;
	u8 byte;

	map = map_new(64);
	for (i = 0; i < ARRAY_SIZE(range); i++) {
		check(!dma_rmap_reserve(map, &range[i], 0, 3 * PAGE_SIZE,
					DMA_BIDIRECTIONAL, GFP_KERNEL));
		check(!dma_rmap_link(&range[i], PAGE_SIZE, page_phys(i),
				     PAGE_SIZE));
	}
	ranges_left = 0;
	rmap_close(map, count_left, NULL);
	check(ranges_left == ARRAY_SIZE(range));
	check(dma_rmap_reserve(map, &another, 0, 1, DMA_TO_DEVICE,
			       GFP_KERNEL) == -ENODEV);
	for (i = 0; i < ARRAY_SIZE(range); i++) {
		check(dma_rmap_copy_from(map, &byte, range[i].addr + PAGE_SIZE,
					 1) == -EFAULT);
		check(!dma_rmap_link(&range[i], 0, page_phys(50), PAGE_SIZE));
		check(dma_rmap_unlink(&range[i], 0, 3 * PAGE_SIZE) ==
		      2 * PAGE_SIZE);
		check(!dma_rmap_link(&range[i], 0, page_phys(50), PAGE_SIZE));
		dma_rmap_free_range(&range[i]);
	}
	map_end(map);
}

const struct test range_tests[] = {
	{ "range: random operations against a model", test_model },
	{ "range: sizes and offsets near a page's", test_sizes },
	{ "range: what cannot be reserved", test_bad_reserve },
	{ "range: short of memory", test_no_memory },
	{ "range: freed after the map is closed", test_close },
	{ NULL, NULL }
};
