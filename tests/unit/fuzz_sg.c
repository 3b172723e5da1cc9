// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's scatterlists.
 */
#include "fuzz.h"
#include "ops.h"

#define LISTS 16
static struct fuzz_list *list[LISTS];

/* Elements are linked from the last place to the first. */
static struct scatterlist *list_first(struct fuzz_list *l)
{
	return &l->sg[FUZZ_LIST_MAX - 1];
}

static struct scatterlist *list_at(struct fuzz_list *l, int n)
{
	return &l->sg[FUZZ_LIST_MAX - 1 - n];
}

/* Much that meets at the ends of pages, some that adjoins, some that does not. */
static void element_fill(struct scatterlist *sg, const struct scatterlist *last,
			 bool is_first)
{
	u64 page = in_below(ULP_PAGES), offset = 0, len = PAGE_SIZE, end;
	u8 how = in8();

	if (how % 8 == 0)
		len = 1 + in_below(3 * PAGE_SIZE);
	else if (how % 8 == 1 || (is_first && how % 2))
		offset = in_below(PAGE_SIZE), len = PAGE_SIZE - offset;
	else if (how % 8 == 2)
		offset = in8() * 8, len = how == 2 ? 0 : 1 + in8() * 8;
	else if (how % 8 == 3)
		len = PAGE_SIZE * (1 + how / 64);
	else if (how % 8 == 4 && page > 3)
		page -= 3, offset = 3 * PAGE_SIZE + in8() % 2 * 512;
	if (how & 16 && last) {
		end = sg_phys(last) + last->length - SHIM_PHYS;
		if (end >> PAGE_SHIFT < ULP_PAGES - 4) {
			page = end >> PAGE_SHIFT;
			offset = offset_in_page(end);
		}
	}
	sg->page = &shim_page[page];
	sg->offset = offset;
	sg->length = len;
	/* What was there before means nothing. */
	sg->dma_address = 0x1234567;
	sg->dma_length = 77;
}

static struct fuzz_list *list_new(struct fuzz_map *m)
{
	struct fuzz_list *l = calloc(1, sizeof(*l));
	u8 dir = in8();
	int i;

	must(l);
	l->map = m;
	l->dir = dir == 255 ? DMA_NONE : dir % 3;
	l->nents = 1 + in_below(FUZZ_LIST_MAX);
	for (i = 0; i < l->nents; i++) {
		element_fill(list_at(l, i), i ? list_at(l, i - 1) : NULL, !i);
		list_at(l, i)->next = i + 1 < l->nents ? list_at(l, i + 1) :
							 NULL;
	}
	return l;
}

/* The error of a list that cannot be mapped, or 0 */
static int list_error(struct fuzz_list *l)
{
	int i;

	if (!valid_dma_direction(l->dir))
		return -EINVAL;
	for (i = 0; i < l->nents; i++) {
		if (!list_at(l, i)->length)
			return -EINVAL;
		if (list_at(l, i)->page->p2pdma)
			return -EREMOTEIO;
	}
	return 0;
}

/* A segment of so many elements is mapped: is it one that the device can have? */
static void check_limits(struct fuzz_list *l, const struct scatterlist *segment,
			 int elements)
{
	const struct device_dma_parameters *limit = l->map->map->dev.dma_parms;
	u64 addr = segment->dma_address, len = segment->dma_length;

	if (elements == 1)
		return;
	if (len > limit->max_segment_size)
		die("a segment of %llu bytes", len);
	if ((addr & limit->segment_boundary_mask) + len - 1 >
	    limit->segment_boundary_mask)
		die("a segment at %#llx, %llu bytes", addr, len);
}

/* The segments have to be the elements, in order. */
static void list_mapped(struct fuzz_list *l, int count)
{
	struct scatterlist *sg = list_first(l), *segment = sg;
	struct fuzz_map *m = l->map;
	struct fuzz_mapping *mapping;
	int n, elements, used = 0;
	u64 len;

	must(count <= l->nents);
	for (n = 0; n < count; n++, segment = sg_next(segment)) {
		trace("  %#llx, %u bytes\n", segment->dma_address,
		      segment->dma_length);
		if (m->map->scheme == DMA_RMAP_FRESH)
			model_space_took(m, segment->dma_address,
					 offset_in_page(sg_phys(sg)),
					 segment->dma_length);
		mapping = model_add(m, segment->dma_address,
				    segment->dma_length, l->dir, RMAP_SG);
		mapping->list = l;
		l->live++;
		for (len = 0, elements = 0; len < mapping->len; elements++) {
			must(used++ < l->nents);
			model_piece(mapping, sg_phys(sg), sg->length);
			len += sg->length;
			sg = sg_next(sg);
		}
		must(len == mapping->len);
		check_limits(l, segment, elements);
		m->want.maps++;
		m->want.bytes += len;
	}
	must(used == l->nents);
	if (count < l->nents)
		must(!sg_dma_len(segment));
	l->count = count;
}

/* What a list has come to of which some segments were mapped and undone. */
static void list_failed(struct fuzz_list *l, int err)
{
	struct fuzz_map *m = l->map;
	u64 injected = COUNTER(m->map, injected);
	u64 no_memory = COUNTER(m->map, no_memory);
	u64 maps = COUNTER(m->map, maps);
	int want = list_error(l);

	if (want) {
		must(err == want);
		return;
	}
	must(err == -ENOMEM);
	must(injected > m->want.injected || m->closed ||
	     shim_failures != before.failures ||
	     parent_refusals != before.refusals ||
	     (m->map->scheme == DMA_RMAP_FRESH && model_space_wraps() &&
	      no_memory > m->want.no_memory));
	must(injected + no_memory <= m->want.injected + m->want.no_memory + 1);
	must(maps - m->want.maps < l->nents);
	m->want.unmaps += maps - m->want.maps;
	m->want.maps = maps;
	m->want.injected = injected;
	m->want.no_memory = no_memory;
	model_space_unsure();
}

void fuzz_map_sg(struct fuzz_map *m)
{
	struct device *dev = &m->map->dev;
	unsigned long live = parent_live();
	long memory = shim_live;
	struct fuzz_list *l;
	unsigned int i;
	int ret, n;

	for (i = 0; i < LISTS && list[i]; i++)
		;
	if (i == LISTS)
		return;
	l = list_new(m);
	before_op(m, 0);
	ret = dev->dma_ops->map_sg(dev, list_first(l), l->nents, l->dir, 0);
	trace("%s: map scatterlist %u, direction %u: %d\n", dev->name, i,
	      l->dir, ret);
	for (n = 0; n < l->nents; n++)
		trace("  of %#llx, %u bytes\n", sg_phys(list_at(l, n)),
		      list_at(l, n)->length);
	if (ret > 0) {
		must(!list_error(l) && !m->closed &&
		     COUNTER(m->map, injected) == m->want.injected);
		list_mapped(l, ret);
		list[i] = l;
		return;
	}
	must(ret < 0);
	list_failed(l, ret);
	must(parent_live() == live);
	/* A bucket may be new, which the table keeps. */
	must(shim_live <= memory + 2 * FUZZ_LIST_MAX);
	free(l);
}

/*
 * Is it clear what an unmap of this list means? Either nothing else begins where
 * a segment does, or, as the parent sees it, no other list's segment.
 */
static bool is_alone(struct fuzz_list *l)
{
	bool stacked = l->map->map->scheme == DMA_RMAP_STACKED;
	struct scatterlist *sg = list_first(l);
	struct fuzz_mapping *mapping;
	unsigned int i, alike;
	int n;

	for (n = 0; n < l->count; n++, sg = sg_next(sg)) {
		for (i = 0, alike = 0; i < fuzz_live_count; i++) {
			mapping = fuzz_live[i];
			if (mapping->map != l->map ||
			    mapping->addr != sg->dma_address)
				continue;
			alike++;
			if (stacked && mapping->kind == RMAP_SG &&
			    mapping->list != l)
				return false;
		}
		if (alike > 1)
			return false;
	}
	return true;
}

static void list_unmap(struct fuzz_list *l, enum dma_data_direction dir)
{
	struct fuzz_map *m = l->map;
	struct scatterlist *sg;
	int n;

	before_op(m, 0);
	dma_unmap_sg_attrs(&m->map->dev, list_first(l), l->nents, dir, 0);
	for (n = 0, sg = list_first(l); n < l->count; n++, sg = sg_next(sg))
		judge_undone_one(m, sg->dma_address, sg->dma_length, dir,
				 RMAP_SG, l);
	must(shim_log_lines == before.lines);
}

static void list_free(unsigned int i)
{
	struct fuzz_list *l = list[i];
	unsigned int n;

	/* A map that believes everything has believed a wrong direction. */
	for (n = 0; l->live && n < fuzz_live_count; n++)
		if (fuzz_live[n]->list == l && fuzz_live[n]->unknown)
			model_remove(fuzz_live[n--]);
	must(!l->live);
	/* What could not be told to the parent it keeps. */
	if (l->map->map->scheme == DMA_RMAP_STACKED && !l->undone)
		parent_forget_sg(list_first(l), l->nents, l->dir);
	free(l);
	list[i] = NULL;
}

/* Unmap, perhaps with another direction, and perhaps once more. */
void fuzz_unmap_sg(void)
{
	unsigned int i = in_below(LISTS), tries = LISTS;
	enum dma_data_direction dir;
	struct fuzz_list *l;
	u8 how = in8();
	bool all;

	for (; tries && !list[i]; tries--)
		i = (i + 1) % LISTS;
	l = list[i];
	if (!l)
		return;
	dir = how < 16 ? how % 3 : l->dir;
	all = l->live == l->count;
	if ((!all || dir != l->dir) && !is_alone(l)) {
		if (!l->live)
			list_free(i);
		return;
	}
	trace("%s: unmap scatterlist %u, direction %u%s\n",
	      l->map->map->dev.name, i, dir, all ? "" : ", not all is there");
	list_unmap(l, dir);
	if (all)
		l->undone = true;
	if (how < 240)
		list_free(i);
}

/* The lists of a map that has gone away: unmapping them does nothing. */
void fuzz_sg_left(struct fuzz_map *m)
{
	unsigned int i;

	for (i = 0; i < LISTS; i++) {
		if (!list[i] || list[i]->map != m)
			continue;
		list_unmap(list[i], list[i]->dir);
		list_free(i);
	}
}
