// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers for the cases: physically contiguous memory with guards on both
 * sides, mapped with ib_dma_map_single() and compared byte by byte.
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "rdma_sge.h"

#include "fixture.h"
#include "runner.h"

/* A byte that depends on all bits of the seed and of the position. */
static u8 st_pattern(u32 seed, size_t pos)
{
	u32 x = (u32)pos * 0x9e3779b1u + seed * 0x85ebca6bu;

	x ^= x >> 15;
	x *= 0x2c1b3c6du;
	return x >> 24;
}

/**
 * st_pattern_fill() - write a pattern
 * @p: where to
 * @len: bytes
 * @seed: of the pattern
 * @pos: where in the pattern to begin
 *
 * Context: any.
 */
void st_pattern_fill(u8 *p, size_t len, u32 seed, size_t pos)
{
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = st_pattern(seed, pos + i);
}

/**
 * st_pattern_diff() - compare with a pattern
 * @p: what
 * @len: bytes
 * @seed: of the pattern
 * @pos: where in the pattern to begin
 *
 * Context: any.
 * Return: the first byte that differs, or -1.
 */
ssize_t st_pattern_diff(const u8 *p, size_t len, u32 seed, size_t pos)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (p[i] != st_pattern(seed, pos + i))
			return i;
	return -1;
}

/**
 * st_buf_unmapped() - get a buffer that is not mapped yet
 * @e: whose device it is for
 * @len: bytes
 * @offset: of the data in its first page
 *
 * Return: the buffer, full of ST_POISON, or NULL after st_fail(). It lives
 * until the case is cleaned up, or st_buf_free().
 */
struct st_buf *st_buf_unmapped(struct st_end *e, size_t len, size_t offset)
{
	struct st_buf *b;

	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		goto err;
	b->size = PAGE_ALIGN(offset + len) + 2 * PAGE_SIZE;
	b->mem = alloc_pages_exact(b->size, GFP_KERNEL | __GFP_NOWARN);
	if (!b->mem)
		goto err_free;

	b->end = e;
	b->data = b->mem + PAGE_SIZE + offset;
	b->len = len;
	memset(b->mem, ST_GUARD, b->size);
	memset(b->data, ST_POISON, len);
	list_add(&b->list, &e->bufs);
	return b;

err_free:
	kfree(b);
err:
	st_fail(e->t, "no memory for %zu bytes", len);
	return NULL;
}

/* What a device maps at a time: behind bounce buffers that is not much. */
static size_t st_most_mapped(struct ib_device *dev)
{
	return dev->dma_device ? dma_max_mapping_size(dev->dma_device) :
				 SIZE_MAX;
}

/**
 * st_buf_map() - map a buffer
 * @b: the buffer, not mapped
 * @dir: what the device may do
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_buf_map(struct st_buf *b, enum dma_data_direction dir)
{
	size_t most = st_most_mapped(b->end->dev);
	struct ib_sge sge;
	int err;

	if (b->len > most)
		return st_unable(b->end->t, "the device maps %zu bytes at a time",
				 most);
	err = rdma_sge_map_single(b->end->pd, &sge, b->data, b->len, dir);
	if (err)
		return st_fail(b->end->t, "mapping of %zu bytes: error %d",
			       b->len, err);
	b->addr = sge.addr;
	b->dir = dir;
	b->mapped = true;
	return 0;
}

/**
 * st_buf_unmap() - unmap a buffer, if it is mapped
 * @b: the buffer; its address stays there: cases go on using it
 *
 * Context: any.
 */
void st_buf_unmap(struct st_buf *b)
{
	const struct ib_sge sge = { .addr = b->addr, .length = b->len };

	if (!b->mapped)
		return;
	rdma_sge_unmap_single(b->end->pd, &sge, b->dir);
	b->mapped = false;
}

/**
 * st_buf_new() - get a buffer and map it
 * @e: whose device it is for
 * @len: bytes
 * @offset: of the data in its first page
 * @dir: what the device may do
 *
 * Context: process.
 * Return: as st_buf_unmapped().
 */
struct st_buf *st_buf_new(struct st_end *e, size_t len, size_t offset,
			  enum dma_data_direction dir)
{
	struct st_buf *b = st_buf_unmapped(e, len, offset);

	if (b && st_buf_map(b, dir))
		return NULL;
	return b;
}

/**
 * st_buf_free() - unmap a buffer and free it
 * @b: the buffer
 *
 * Context: process.
 */
void st_buf_free(struct st_buf *b)
{
	st_buf_unmap(b);
	list_del(&b->list);
	free_pages_exact(b->mem, b->size);
	kfree(b);
}

static void st_buf_for_cpu(struct st_buf *b)
{
	if (b->mapped)
		ib_dma_sync_single_for_cpu(b->end->dev, b->addr, b->len,
					   b->dir);
}

static void st_buf_for_device(struct st_buf *b)
{
	if (b->mapped)
		ib_dma_sync_single_for_device(b->end->dev, b->addr, b->len,
					      b->dir);
}

/**
 * st_buf_fill() - fill a buffer with a pattern
 * @b: the buffer
 * @seed: of the pattern
 *
 * Context: any.
 */
void st_buf_fill(struct st_buf *b, u32 seed)
{
	st_buf_for_cpu(b);
	st_pattern_fill(b->data, b->len, seed, 0);
	st_buf_for_device(b);
}

/**
 * st_buf_poison() - fill a buffer with one value
 * @b: the buffer
 * @value: the value
 *
 * Context: any.
 */
void st_buf_poison(struct st_buf *b, u8 value)
{
	st_buf_for_cpu(b);
	memset(b->data, value, b->len);
	st_buf_for_device(b);
}

static int st_buf_want_guards(struct st_buf *b)
{
	u8 *end = b->data + b->len;
	u8 *bad;

	bad = memchr_inv(b->mem, ST_GUARD, b->data - b->mem);
	if (bad)
		return st_fail(b->end->t, "%td bytes before the buffer: %#x",
			       b->data - bad, *bad);
	bad = memchr_inv(end, ST_GUARD, b->mem + b->size - end);
	if (bad)
		return st_fail(b->end->t, "%td bytes behind the buffer: %#x",
			       bad - end, *bad);
	return 0;
}

/**
 * st_buf_want_at() - a part of the buffer has to have a pattern
 * @b: the buffer
 * @at: where in the buffer
 * @len: bytes
 * @seed: of the pattern
 * @pos: where in the pattern
 *
 * Return: 0, or an error after st_fail().
 */
int st_buf_want_at(struct st_buf *b, size_t at, size_t len, u32 seed,
		   size_t pos)
{
	ssize_t diff;

	st_buf_for_cpu(b);
	diff = st_pattern_diff(b->data + at, len, seed, pos);
	if (diff >= 0)
		return st_fail(b->end->t,
			       "byte %zu of %zu at %zu: %#x, want %#x", diff,
			       len, at, b->data[at + diff],
			       st_pattern(seed, pos + diff));
	return st_buf_want_guards(b);
}

/**
 * st_buf_want_poison() - a buffer has to be untouched
 * @b: the buffer
 * @value: what it was poisoned with
 * @from: the first byte to look at
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_buf_want_poison(struct st_buf *b, u8 value, size_t from)
{
	u8 *bad;

	st_buf_for_cpu(b);
	bad = memchr_inv(b->data + from, value, b->len - from);
	if (bad)
		return st_fail(b->end->t,
			       "byte %td of %zu was touched: %#x, want %#x",
			       bad - b->data, b->len, *bad, value);
	return st_buf_want_guards(b);
}

/**
 * st_buf_want() - a buffer has to have a pattern, and no more
 * @b: the buffer, full of ST_POISON before
 * @seed: of the pattern
 * @len: bytes of the pattern; the rest has to be untouched
 *
 * Context: any.
 * Return: 0, or an error after st_fail().
 */
int st_buf_want(struct st_buf *b, u32 seed, size_t len)
{
	int ret = st_buf_want_at(b, 0, len, seed, 0);

	return ret ?: st_buf_want_poison(b, ST_POISON, len);
}
