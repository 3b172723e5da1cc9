// SPDX-License-Identifier: GPL-2.0
/*
 * Scattered buffers for the cases: a page of its own for each entry, guards
 * around each entry's bytes, mapped with rdma_sge_map_sg().
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rdma_sge.h"

#include "fixture.h"
#include "runner.h"

/* Where entry @i of @pages begins and ends in its page. */
static void st_sg_place(unsigned int i, unsigned int pages, size_t offset,
			enum st_sg_shape shape, unsigned int *from,
			unsigned int *to)
{
	if (shape == ST_SG_RAGGED) {
		*from = (offset + i * 331) % 2000;
		*to = *from + 1 + (i * 577) % 2000;
		return;
	}
	*from = i ? 0 : offset;
	*to = i + 1 < pages ? PAGE_SIZE : PAGE_SIZE - 1000;
}

static void st_sg_free_pages(struct st_sg *s)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(&s->sgt, sg, i)
		if (sg_page(sg))
			__free_page(sg_page(sg));
}

static int st_sg_alloc_pages(struct st_sg *s, size_t offset,
			     enum st_sg_shape shape)
{
	unsigned int from, to;
	struct scatterlist *sg;
	struct page *page;
	int i;

	for_each_sgtable_sg(&s->sgt, sg, i) {
		page = alloc_page(GFP_KERNEL);
		if (!page)
			return -ENOMEM;
		st_sg_place(i, s->sgt.orig_nents, offset, shape, &from, &to);
		memset(page_address(page), ST_GUARD, PAGE_SIZE);
		memset(page_address(page) + from, ST_POISON, to - from);
		sg_set_page(sg, page, to - from, from);
		s->len += to - from;
	}
	return 0;
}

/**
 * st_sg_new() - get a scattered buffer and map it
 * @e: whose device it is for
 * @pages: how many, with an entry for each
 * @offset: of the first entry in its page
 * @shape: how the entries lie
 * @dir: what the device may do, or DMA_NONE to leave it unmapped
 *
 * Return: the buffer, full of ST_POISON, or NULL after st_fail(). It lives
 * until the case is cleaned up, or st_sg_free().
 */
struct st_sg *st_sg_new(struct st_end *e, unsigned int pages, size_t offset,
			enum st_sg_shape shape, enum dma_data_direction dir)
{
	struct st_sg *s;

	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		goto err;
	if (sg_alloc_table(&s->sgt, pages, GFP_KERNEL))
		goto err_free;
	s->end = e;
	s->sge = kcalloc(pages, sizeof(*s->sge), GFP_KERNEL);
	if (!s->sge)
		goto err_table;
	if (st_sg_alloc_pages(s, offset, shape))
		goto err_pages;
	list_add(&s->list, &e->sgs);
	if (dir != DMA_NONE && st_sg_map(s, dir))
		return NULL;
	return s;

err_pages:
	st_sg_free_pages(s);
	kfree(s->sge);
err_table:
	sg_free_table(&s->sgt);
err_free:
	kfree(s);
err:
	st_fail(e->t, "no memory for %u pages", pages);
	return NULL;
}

/**
 * st_sg_map() - map a scattered buffer
 * @s: the buffer, not mapped
 * @dir: what the device may do
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_sg_map(struct st_sg *s, enum dma_data_direction dir)
{
	unsigned int pages = s->sgt.orig_nents;
	size_t len = 0;
	int i, n;

	n = rdma_sge_map_sg(s->end->pd, s->sge, pages, s->sgt.sgl, pages, dir);
	if (n < 0)
		return st_fail(s->end->t, "map_sg of %u entries: error %d",
			       pages, n);
	s->nents = n;
	s->dir = dir;
	for (i = 0; i < n; i++)
		len += s->sge[i].length;
	if (len != s->len)
		return st_fail(s->end->t, "map_sg mapped %zu bytes of %zu",
			       len, s->len);
	return 0;
}

/**
 * st_sg_unmap() - unmap a scattered buffer, if it is mapped
 * @s: the buffer
 *
 * Context: any.
 */
void st_sg_unmap(struct st_sg *s)
{
	if (!s->nents)
		return;
	rdma_sge_unmap_sg(s->end->pd, s->sgt.sgl, s->sgt.orig_nents, s->dir);
	s->nents = 0;
}

/**
 * st_sg_free() - unmap a scattered buffer and free it
 * @s: the buffer
 *
 * Context: process.
 */
void st_sg_free(struct st_sg *s)
{
	st_sg_unmap(s);
	list_del(&s->list);
	st_sg_free_pages(s);
	sg_free_table(&s->sgt);
	kfree(s->sge);
	kfree(s);
}

/**
 * st_sg_fill() - fill a scattered buffer with a pattern
 * @s: the buffer
 * @seed: of the pattern
 *
 * Context: any.
 */
void st_sg_fill(struct st_sg *s, u32 seed)
{
	struct scatterlist *sg;
	size_t pos = 0;
	int i;

	for_each_sgtable_sg(&s->sgt, sg, i) {
		st_pattern_fill(sg_virt(sg), sg->length, seed, pos);
		pos += sg->length;
	}
}

/**
 * st_sg_poison() - fill a scattered buffer with one value
 * @s: the buffer
 * @value: the value
 *
 * Context: any.
 */
void st_sg_poison(struct st_sg *s, u8 value)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(&s->sgt, sg, i)
		memset(sg_virt(sg), value, sg->length);
}

static int st_sg_want_guards(struct st_sg *s)
{
	struct scatterlist *sg;
	u8 *page, *end;
	int i;

	for_each_sgtable_sg(&s->sgt, sg, i) {
		page = page_address(sg_page(sg));
		end = page + sg->offset + sg->length;
		if (memchr_inv(page, ST_GUARD, sg->offset) ||
		    memchr_inv(end, ST_GUARD, page + PAGE_SIZE - end))
			return st_fail(s->end->t,
				       "bytes around entry %d were touched", i);
	}
	return 0;
}

/**
 * st_sg_want() - a part of the buffer has to have a pattern
 * @s: the buffer
 * @at: where in the buffer
 * @len: bytes
 * @seed: of the pattern
 * @pos: where in the pattern
 *
 * Return: 0, or an error after st_fail().
 */
int st_sg_want(struct st_sg *s, size_t at, size_t len, u32 seed, size_t pos)
{
	struct scatterlist *sg;
	ssize_t diff;
	size_t n;
	int i;

	for_each_sgtable_sg(&s->sgt, sg, i) {
		if (at >= sg->length) {
			at -= sg->length;
			continue;
		}
		n = min_t(size_t, len, sg->length - at);
		diff = st_pattern_diff(sg_virt(sg) + at, n, seed, pos);
		if (diff >= 0)
			return st_fail(s->end->t,
				       "byte %zu of entry %d is wrong",
				       at + diff, i);
		pos += n;
		len -= n;
		at = 0;
	}
	return st_sg_want_guards(s);
}

/**
 * st_sg_want_poison() - a scattered buffer has to be untouched
 * @s: the buffer
 * @value: what it was poisoned with
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_sg_want_poison(struct st_sg *s, u8 value)
{
	struct scatterlist *sg;
	int i;

	for_each_sgtable_sg(&s->sgt, sg, i)
		if (memchr_inv(sg_virt(sg), value, sg->length))
			return st_fail(s->end->t, "entry %d was touched", i);
	return st_sg_want_guards(s);
}
