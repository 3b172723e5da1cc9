// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's reserved ranges: linked, unlinked, and freed, also when the map is
 * gone.
 */
#include "fuzz.h"
#include "pages.h"

/* How far into the range does its page @n begin? */
static u64 page_begin(const struct fuzz_mapping *range, unsigned int n)
{
	return n ? n * PAGE_SIZE - offset_in_page(range->addr) : 0;
}

void fuzz_reserve(struct fuzz_map *m)
{
	static const u64 odd[] = {
		0, 1, PAGE_SIZE, 3ULL << 31, 1ULL << 44, ~0ULL,
		(1ULL << 44) - 2 * PAGE_SIZE, 1,
	};
	u64 offset = in8() % 2 ? in_below(PAGE_SIZE + 16) : 0;
	u64 len = 1 + in_below(20 * PAGE_SIZE);
	enum dma_data_direction dir = in8() % 4;
	struct fuzz_mapping *mapping;
	struct dma_rmap_range range;
	bool is_odd = in8() < 16, made;
	unsigned int i;
	u64 at;
	int err;

	if (is_odd)
		len = odd[in8() % 8];
	before_op(m, len);
	err = dma_rmap_reserve(m->map, &range, offset, len, dir, GFP_ATOMIC);
	trace("%s: reserve %llu bytes at offset %#llx, direction %u: %d, %#llx\n",
	      m->map->dev.name, len, offset, dir, err, err ? 0 : range.addr);
	if (!len || len >> 44 || offset >= PAGE_SIZE) {
		must(err == -EINVAL);
		return;
	}
	if (len > 1ULL << 32 || (err == -ENOMEM && shim_failures > before.failures &&
				 COUNTER(m->map, no_memory) == m->want.no_memory)) {
		must(err == -ENOMEM);
		return;
	}
	made = judge_made(m, true, offset, len, dir);
	must(made == !err);
	if (err) {
		must(err == (!valid_dma_direction(dir) ? -EINVAL :
			     m->closed && !before.injected ? -ENODEV :
							     -ENOMEM));
		return;
	}
	must(range.map == m->map && range.len == len && range.dir == dir);
	model_space_took(m, range.addr, offset, len);
	mapping = model_add(m, range.addr, len, dir, RMAP_RANGE);
	mapping->range = range;
	for (i = 0; page_begin(mapping, i) < len; i++) {
		at = page_begin(mapping, i + 1);
		model_piece(mapping, NO_MEMORY,
			    min(at, len) - page_begin(mapping, i));
	}
}

/* A part of the range: pages of it, or, rarely, anything. */
static void pick_part(struct fuzz_mapping *range, u64 *offset, u64 *len)
{
	unsigned int first = in8() % range->pieces;
	unsigned int count = 1 + in8() % range->pieces;
	u8 how = in8();

	if (first + count > range->pieces)
		count = range->pieces - first;
	*offset = page_begin(range, first);
	*len = first + count == range->pieces ? range->len - *offset :
	       page_begin(range, first + count) - *offset;
	if (how == 0)
		*len += (s64)in8() - 128;
	else if (how == 1)
		*offset += (s64)in8() - 128;
	else if (how == 2)
		*len = in64();
	else if (how == 3)
		*offset = in64();
}

/* Is that so many whole pages of it? Then they are *@count from *@first on. */
static bool is_part(struct fuzz_mapping *range, u64 offset, u64 len,
		    unsigned int *first, unsigned int *count)
{
	unsigned int n;

	for (n = 0; n < range->pieces && page_begin(range, n) != offset; n++)
		;
	*first = n;
	for (; n < range->pieces; n++) {
		if (len < range->piece[n].len)
			return false;
		len -= range->piece[n].len;
		*count = n + 1 - *first;
		if (!len)
			return true;
	}
	return false;
}

/* Is there at each place of its list what the model says? */
static void compare_places(const struct fuzz_mapping *range)
{
	const struct rmap_pages *pages = range->range.pages;
	unsigned int i;
	u64 want;
	s64 is;

	for (i = 0; i < range->pieces; i++) {
		want = range->piece[i].phys;
		is = atomic64_read(&pages->page[i]);
		if (want == NO_MEMORY ? is :
		    is != ((want & PAGE_MASK) | RMAP_PAGE_LINKED))
			die("range %#llx: page %u is %#llx, not %#llx",
			    range->addr, i, is, want);
	}
}

void fuzz_link(void)
{
	struct fuzz_mapping *range = fuzz_pick(RMAP_RANGE);
	u64 page = in_below(ULP_PAGES - 24), offset, len, phys;
	unsigned int first = 0, count = 0, i;
	int err, want = 0;

	if (!range)
		return;
	pick_part(range, &offset, &len);
	phys = SHIM_PHYS + page * PAGE_SIZE +
	       (in8() ? offset_in_page(range->addr + offset) : in8());
	err = dma_rmap_link(&range->range, offset, phys, len);
	trace("link %#llx + %#llx, %llu bytes, to %#llx: %d\n", range->addr,
	      offset, len, phys, err);
	if (!is_part(range, offset, len, &first, &count) ||
	    offset_in_page(phys) != offset_in_page(range->addr + offset)) {
		must(err == -EINVAL);
		return;
	}
	for (i = first; i < first + count; i++)
		if (range->piece[i].phys != NO_MEMORY)
			want = -EEXIST;
	must(err == want);
	for (i = first; !err && i < first + count; i++) {
		range->piece[i].phys = phys;
		phys += range->piece[i].len;
	}
	compare_places(range);
}

void fuzz_unlink(void)
{
	struct fuzz_mapping *range = fuzz_pick(RMAP_RANGE);
	unsigned int first = 0, count = 0, i;
	u64 offset, len, bytes, want = 0;

	if (!range)
		return;
	pick_part(range, &offset, &len);
	bytes = dma_rmap_unlink(&range->range, offset, len);
	trace("unlink %#llx + %#llx, %llu bytes: %llu\n", range->addr, offset,
	      len, bytes);
	if (!is_part(range, offset, len, &first, &count))
		count = 0;
	for (i = first; i < first + count; i++) {
		if (range->piece[i].phys == NO_MEMORY)
			continue;
		want += range->piece[i].len;
		range->piece[i].phys = NO_MEMORY;
	}
	must(bytes == want);
	compare_places(range);
}

static void free_range(struct fuzz_mapping *range)
{
	struct fuzz_map *m = range->map;

	trace("free range %#llx\n", range->addr);
	dma_rmap_free_range(&range->range);
	if (m->closed) {
		m->want.bad_unmaps++;
	} else {
		m->want.unmaps++;
		m->want.bytes -= range->len;
	}
	model_remove(range);
}

void fuzz_free_range(void)
{
	struct fuzz_mapping *range = fuzz_pick(RMAP_RANGE);

	if (range)
		free_range(range);
}

void fuzz_free_ranges(struct fuzz_map *m)
{
	unsigned int i = 0;

	while (i < fuzz_live_count) {
		if (fuzz_live[i]->map == m && fuzz_live[i]->kind == RMAP_RANGE)
			free_range(fuzz_live[i]);
		else
			i++;
	}
}
