// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of scattered pages, that all are there from the beginning to the end.
 * Ranges, whose pages come and go, are in range_test.c.
 */
#include "fixture.h"
#include "pages.h"

#define PAGES 40

/* What is mapped: its pages, in their order, and what ought to be in them. */
struct scattered {
	struct rmap_mapping mapping;
	unsigned int offset;
	unsigned int count;
	unsigned int page[PAGES];
	u8 bytes[PAGES * PAGE_SIZE];
};

/* All memory but for the mapped bytes keeps this. */
#define UNTOUCHED 0x5a

static struct dma_rmap *map;

static enum dma_data_direction random_dir(void)
{
	return rnd_below(3);
}

static u8 *page_memory(unsigned int page)
{
	return shim_memory + page * PAGE_SIZE;
}

/* Pages of a small part of memory, none of them twice. */
static void choose_pages(struct scattered *s)
{
	unsigned int all[2 * PAGES], i, other, swapped;

	for (i = 0; i < 2 * PAGES; i++)
		all[i] = i;
	for (i = 0; i < s->count; i++) {
		other = i + rnd_below(2 * PAGES - i);
		swapped = all[other];
		all[other] = all[i];
		all[i] = swapped;
		s->page[i] = swapped;
	}
}

static void scattered_make(struct scattered *s, unsigned int flags)
{
	struct rmap_mapping *mapping = &s->mapping;
	unsigned int i;

	memset(shim_memory, UNTOUCHED, 2 * PAGES * PAGE_SIZE);
	s->count = 1 + rnd_below(PAGES);
	s->offset = rnd_below(3) ? rnd_below(PAGE_SIZE) : 0;
	choose_pages(s);
	*mapping = (struct rmap_mapping){
		.addr = s->offset, .dir = DMA_BIDIRECTIONAL, .kind = RMAP_SG,
		.flags = RMAP_SCATTERED | flags,
	};
	mapping->len = (s->count - 1) * PAGE_SIZE + 1 +
		       rnd_below(PAGE_SIZE - s->offset);
	if (s->count > 1 && s->offset && rnd_below(2))
		mapping->len -= rnd_below(s->offset);
	if (flags & RMAP_SHARED)	/* mostly in two blocks */
		mapping->addr += (1ULL << 40) - rnd_below(s->count) * PAGE_SIZE;
	mapping->pages = rmap_pages_alloc(s->count, GFP_KERNEL);
	for (i = 0; i < s->count; i++)
		rmap_page_set(&mapping->pages->page[i],
			      SHIM_PHYS + s->page[i] * PAGE_SIZE);
	memset(s->bytes, UNTOUCHED, sizeof(s->bytes));
	check(!rmap_make(map, mapping));
	check(offset_in_page(mapping->addr) == s->offset);
}

/* Memory is what it ought to be: in these pages, and in all around them. */
static void scattered_compare(const struct scattered *s)
{
	bool mapped[2 * PAGES] = {};
	unsigned int i, n;

	for (i = 0; i < s->count; i++) {
		mapped[s->page[i]] = true;
		check(!memcmp(page_memory(s->page[i]),
			      s->bytes + i * PAGE_SIZE, PAGE_SIZE));
	}
	for (i = 0; i < 2 * PAGES; i++)
		for (n = 0; !mapped[i] && n < PAGE_SIZE; n++)
			check(page_memory(i)[n] == UNTOUCHED);
}

static int add_scattered(const struct dma_rmap_span *span, void *arg)
{
	u8 **next = arg;

	check(span->offset < PAGE_SIZE && span->len &&
	      span->offset + span->len <= PAGE_SIZE);
	check(!memcmp(shim_page_bytes(span->page) + span->offset, *next,
		      span->len));
	*next += span->len;
	return 0;
}

static void scattered_access(struct scattered *s)
{
	static u8 buffer[PAGES * PAGE_SIZE];
	u64 begin = rnd_below(s->mapping.len);
	u64 len = 1 + rnd_below(s->mapping.len - begin);
	u64 rest = s->mapping.len - begin;
	u64 addr = s->mapping.addr + begin;
	u8 *bytes = s->bytes + s->offset + begin, *next = bytes;
	u64 i;

	for (i = 0; i < len; i++)
		bytes[i] = rnd();
	check(!dma_rmap_copy_to(map, addr, bytes, len));
	memset(buffer, 0, len);
	check(!dma_rmap_copy_from(map, buffer, addr, len));
	check(!memcmp(buffer, bytes, len));
	check(!dma_rmap_walk_spans(map, addr, len, random_dir(), add_scattered,
				   &next));
	check(next == bytes + len);
	check(!dma_rmap_check(map, addr, rest, random_dir()));
	check(dma_rmap_check(map, addr, rest + 1, random_dir()) == -ERANGE);
	check(dma_rmap_copy_to(map, addr, buffer, rest + 1) == -ERANGE);
	check(dma_rmap_check(map, addr + rest, 1, random_dir()) == -EFAULT);
	check(dma_rmap_check(map, s->mapping.addr - 1, 1, random_dir()) ==
	      -EFAULT);
}

static void test_scattered(void)
{
	static struct scattered s;
	struct rmap_mapping was;
	unsigned int i, n;

	map = map_new(64);
	for (i = 0; i < 30 * test_scale; i++) {
		scattered_make(&s, i % 2 ? RMAP_SHARED : 0);
		for (n = 0; n < 5; n++)
			scattered_access(&s);
		scattered_compare(&s);
		check(rmap_unmap(map, s.mapping.addr, s.mapping.len,
				 DMA_BIDIRECTIONAL, RMAP_SG, &was) ==
		      RMAP_UNDONE);
		check(was.flags & RMAP_SCATTERED &&
		      was.pages == s.mapping.pages);
		check(was.pages->count == s.count);
		check(dma_rmap_check(map, s.mapping.addr, 1, DMA_TO_DEVICE) ==
		      -EFAULT);
		rmap_pages_free(was.pages);
	}
	map_end(map);
}

/* A second mapping of the same address and pages, with a list of its own. */
static void make_alike(struct scattered *s)
{
	struct rmap_pages *pages = rmap_pages_alloc(s->count, GFP_KERNEL);
	unsigned int i;

	for (i = 0; i < s->count; i++)
		rmap_page_set(&pages->page[i],
			      SHIM_PHYS + s->page[i] * PAGE_SIZE);
	s->mapping.pages = pages;
	check(!rmap_make(map, &s->mapping));
}

/*
 * The same mapping once more, and again, such that the two come in another order
 * in the table's second block than in the first one.
 */
static void make_two(struct scattered *s)
{
	u64 last = s->mapping.addr + s->mapping.len - 1;
	struct rmap_mapping other = {
		.len = 1ULL << s->mapping.order, .flags = RMAP_SHARED,
	};
	struct rmap_mapping was;

	other.addr = last & ~(other.len - 1);
	check(!rmap_make(map, &other));
	make_alike(s);
	check(!rmap_unmap(map, other.addr, other.len, other.dir, other.kind, &was));
	make_alike(s);
}

static void unmap_one(struct scattered *s)
{
	struct rmap_mapping was;

	check(rmap_unmap(map, s->mapping.addr, s->mapping.len,
			 DMA_BIDIRECTIONAL, RMAP_SG, &was) == RMAP_UNDONE);
	rmap_pages_free(was.pages);
}

/* When one of them is undone, its list is not used any more in either block. */
static void test_alike(void)
{
	static struct scattered s;
	unsigned int i, n;

	map = map_new(64);
	for (i = 0; i < 30 * test_scale; i++) {
		scattered_make(&s, RMAP_SHARED);
		unmap_one(&s);
		make_two(&s);
		unmap_one(&s);
		for (n = 0; n < 3; n++)
			scattered_access(&s);
		unmap_one(&s);
		scattered_compare(&s);
		check(dma_rmap_check(map, s.mapping.addr + s.mapping.len - 1, 1,
				     DMA_TO_DEVICE) == -EFAULT);
	}
	map_end(map);
}

static void count_left(struct dma_rmap *map, const struct rmap_mapping *left,
		       void *arg)
{
	++*(unsigned int *)arg;
}

/* That they are freed is for the leak detector to see. */
static void test_close(void)
{
	static struct scattered s;
	unsigned int left = 0;

	map = map_new(64);
	scattered_make(&s, 0);
	scattered_make(&s, RMAP_SHARED);
	rmap_close(map, count_left, &left);
	check(left == 2);
	check(dma_rmap_check(map, s.mapping.addr, 1, DMA_TO_DEVICE) == -EFAULT);
	map_end(map);
}

const struct test scattered_tests[] = {
	{ "scattered: the right pages", test_scattered },
	{ "scattered: two that are alike but for their lists", test_alike },
	{ "scattered: closing frees the lists", test_close },
	{ NULL, NULL }
};
