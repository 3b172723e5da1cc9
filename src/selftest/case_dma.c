// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: every way of mapping memory, seen from the data that passes through
 * it. One code path for all devices, as a ULP has it.
 */
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "dma_rmap.h"
#include "rdma_sge.h"

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

/* Sends @src to @dst, both already filled or poisoned, and compares. */
static int st_dma_send(struct st_pair *p, struct st_buf *src,
		       struct st_buf *dst, u32 seed)
{
	struct ib_sge from = st_sge(src, 0, src->len);
	struct ib_sge to = st_sge(dst, 0, dst->len);
	int ret;

	ret = st_transfer(&p->a, &from, 1, &p->b, &to, 1);
	return ret ?: st_buf_want(dst, seed, src->len);
}

static int case_dma_single(struct st_test *t)
{
	static const struct {
		size_t len;
		size_t src;
		size_t dst;
	} v[] = {
		{ 1, 0, 0 }, { 1, 4095, 4095 }, { 2, 4095, 1 },
		{ 7, 3, 4093 }, { 64, 1, 0 }, { 4096, 0, 0 },
		{ 4096, 1, 4095 }, { 4097, 0, 13 }, { 8191, 4095, 2 },
		{ 12288, 0, 0 }, { 65536, 511, 1025 }, { 200001, 4094, 77 },
	};
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src, *dst;
	unsigned int i;

	for (i = 0; p && i < ARRAY_SIZE(v); i++) {
		src = st_buf_new(&p->a, v[i].len, v[i].src, DMA_TO_DEVICE);
		dst = st_buf_new(&p->b, v[i].len, v[i].dst, DMA_FROM_DEVICE);
		if (!src || !dst)
			break;
		st_buf_fill(src, ++t->seed);
		if (st_dma_send(p, src, dst, t->seed))
			break;
		st_buf_free(src);
		st_buf_free(dst);
	}
	return atomic_read(&t->failed) ? -EBADE : 0;
}

/* The offset in the page survives; block and network layers rely on it. */
static int case_dma_offset_kept(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *b;
	size_t off;

	if (!p)
		return -EBADE;
	for (off = 0; off < PAGE_SIZE; off += 255) {
		b = st_buf_new(&p->a, 100, off, DMA_TO_DEVICE);
		if (!b)
			return -EBADE;
		if (offset_in_page(b->addr) != off)
			return st_fail(t, "offset %zu became %lu", off,
				       offset_in_page(b->addr));
		st_buf_free(b);
	}
	return 0;
}

/* Maps @len bytes at @off of @src's memory as a page and sends them. */
static int st_dma_page_at(struct st_pair *p, struct st_buf *src, size_t off,
			  size_t len)
{
	struct ib_sge from, to;
	struct st_buf *dst;
	int ret;

	dst = st_buf_new(&p->b, len, 5, DMA_FROM_DEVICE);
	if (!dst)
		return -EBADE;
	ret = rdma_sge_map_page(p->a.pd, &from, virt_to_page(src->data), off,
				len, DMA_TO_DEVICE);
	if (ret)
		return st_fail(p->a.t, "map_page: error %d", ret);

	to = st_sge(dst, 0, len);
	ret = st_transfer(&p->a, &from, 1, &p->b, &to, 1);
	/* The send may still be read from if it has not completed. */
	if (ret)
		st_destroy_qp(&p->a);
	rdma_sge_unmap_page(p->a.pd, &from, DMA_TO_DEVICE);
	return ret ?: st_buf_want_at(dst, 0, len, p->a.t->seed, off);
}

static int case_dma_page(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src;
	int ret;

	if (!p)
		return -EBADE;
	src = st_buf_unmapped(&p->a, 8 * PAGE_SIZE, 0);
	if (!src)
		return -EBADE;
	st_buf_fill(src, ++t->seed);

	ret = st_dma_page_at(p, src, 0, 1);
	ret = ret ?: st_dma_page_at(p, src, 0, PAGE_SIZE);
	ret = ret ?: st_dma_page_at(p, src, 4095, 2);
	ret = ret ?: st_dma_page_at(p, src, 1234, 3 * PAGE_SIZE);
	ret = ret ?: st_dma_page_at(p, src, PAGE_SIZE + 7, 2 * PAGE_SIZE);
	return ret ?: st_dma_page_at(p, src, 0, 8 * PAGE_SIZE);
}

/* Sends a whole list into a plain buffer, @per_wr elements at a time. */
static int st_dma_sg_gather(struct st_pair *p, struct st_sg *s,
			    struct st_buf *dst, int per_wr)
{
	int i, n, next;
	struct ib_sge to;
	size_t done = 0;
	u32 len;

	for (next = 0; next < s->nents; next += n) {
		n = min(per_wr, s->nents - next);
		for (i = 0, len = 0; i < n; i++)
			len += s->sge[next + i].length;
		to = st_sge(dst, done, len);
		if (st_transfer(&p->a, &s->sge[next], n, &p->b, &to, 1))
			return -EBADE;
		done += len;
	}
	return st_buf_want(dst, p->a.t->seed, s->len);
}

/* And the reverse: from a plain buffer into a list. */
static int st_dma_sg_scatter(struct st_pair *p, struct st_buf *src,
			     struct st_sg *s, int per_wr)
{
	struct ib_sge from;
	int i, n, next;
	size_t done = 0;
	u32 len;

	for (next = 0; next < s->nents; next += n) {
		n = min(per_wr, s->nents - next);
		for (i = 0, len = 0; i < n; i++)
			len += s->sge[next + i].length;
		from = st_sge(src, done, len);
		if (st_transfer(&p->b, &from, 1, &p->a, &s->sge[next], n))
			return -EBADE;
		done += len;
	}
	return st_sg_want(s, 0, s->len, p->a.t->seed, 0);
}

static int st_dma_sg(struct st_test *t, unsigned int pages, size_t offset,
		     enum st_sg_shape shape)
{
	struct st_opts o = { .sge = 8 };
	struct st_pair *p = st_pair_open(t, &o);
	struct st_buf *buf;
	struct st_sg *s;

	if (!p)
		return -EBADE;
	s = st_sg_new(&p->a, pages, offset, shape, DMA_NONE);
	if (!s)
		return -EBADE;
	buf = st_buf_new(&p->b, s->len, 3, DMA_BIDIRECTIONAL);
	if (!buf)
		return -EBADE;

	st_sg_fill(s, ++t->seed);
	if (st_sg_map(s, DMA_TO_DEVICE) || st_dma_sg_gather(p, s, buf, 8))
		return -EBADE;
	st_sg_unmap(s);

	st_sg_poison(s, ST_POISON);
	st_buf_fill(buf, ++t->seed);
	if (st_sg_map(s, DMA_FROM_DEVICE) || st_dma_sg_scatter(p, buf, s, 7))
		return -EBADE;
	return 0;
}

static int case_dma_sg(struct st_test *t)
{
	return st_dma_sg(t, 19, 1001, ST_SG_PACKED);
}

static int case_dma_sg_unaligned(struct st_test *t)
{
	return st_dma_sg(t, 40, 1999, ST_SG_RAGGED);
}

/* Pages that do not adjoin in memory, at one device address. */
static int case_dma_sg_merged(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct scatterlist *second, *third;
	struct page *page;
	struct ib_sge from;
	struct st_buf *src;
	struct st_sg *s;

	if (!p)
		return -EBADE;
	s = st_sg_new(&p->b, 4, 0, ST_SG_PACKED, DMA_NONE);
	if (!s)
		return -EBADE;
	second = sg_next(s->sgt.sgl);
	third = sg_next(second);
	page = sg_page(second);
	sg_set_page(second, sg_page(third), PAGE_SIZE, 0);
	sg_set_page(third, page, PAGE_SIZE, 0);
	if (st_sg_map(s, DMA_FROM_DEVICE))
		return -EBADE;
	if (s->nents != 1)
		return st_skip(t, "the device gave it %d addresses", s->nents);

	src = st_buf_new(&p->a, s->len, 30, DMA_TO_DEVICE);
	if (!src)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	from = st_sge(src, 0, s->len);
	if (st_transfer(&p->a, &from, 1, &p->b, s->sge, 1))
		return -EBADE;
	return st_sg_want(s, 0, s->len, t->seed, 0);
}

/* More entries than one chunk of a scatterlist has: it is chained. */
static int case_dma_sg_chained(struct st_test *t)
{
	return st_dma_sg(t, 3 * SG_MAX_SINGLE_ALLOC - 5, 17, ST_SG_RAGGED);
}

static int case_dma_bidirectional(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src, *both, *dst;
	struct ib_sge from, to;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 9000, 1, DMA_TO_DEVICE);
	both = st_buf_new(&p->b, 9000, 2, DMA_BIDIRECTIONAL);
	dst = st_buf_new(&p->a, 9000, 3, DMA_FROM_DEVICE);
	if (!src || !both || !dst)
		return -EBADE;

	st_buf_fill(src, ++t->seed);
	if (st_dma_send(p, src, both, t->seed))
		return -EBADE;
	from = st_sge(both, 0, both->len);
	to = st_sge(dst, 0, dst->len);
	if (st_transfer(&p->b, &from, 1, &p->a, &to, 1))
		return -EBADE;
	return st_buf_want(dst, t->seed, dst->len);
}

/* Any part of a mapping has an address. */
static int case_dma_interior(struct st_test *t)
{
	const size_t len = 64 * 1024;
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *src, *dst;
	struct ib_sge from, to;
	size_t off, n;
	int i;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, len, 100, DMA_TO_DEVICE);
	dst = st_buf_new(&p->b, len, 200, DMA_FROM_DEVICE);
	if (!src || !dst)
		return -EBADE;
	st_buf_fill(src, ++t->seed);

	for (i = 0; i < 150; i++) {
		off = (i * 48271u) % len;
		n = min_t(size_t, 1 + (i * 16807u) % 9000, len - off);
		from = st_sge(src, off, n);
		to = st_sge(dst, off, n);
		if (st_transfer(&p->a, &from, 1, &p->b, &to, 1) ||
		    st_buf_want_at(dst, off, n, t->seed, off))
			return -EBADE;
		memset(dst->data, ST_POISON, len);
	}
	return 0;
}

#define ST_MAPS	16

/* One piece of memory mapped many times; each mapping has its own life. */
static int case_dma_mapped_twice(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct ib_device *dev = t->dev->ibdev;
	struct st_buf *mem, *dst;
	struct ib_sge from, to;
	u64 addr[ST_MAPS];
	int i, n, ret = 0;

	if (!p)
		return -EBADE;
	mem = st_buf_unmapped(&p->a, 5000, 50);
	dst = st_buf_new(&p->b, 5000, 0, DMA_FROM_DEVICE);
	if (!mem || !dst)
		return -EBADE;
	st_buf_fill(mem, ++t->seed);

	for (n = 0; n < ST_MAPS; n++) {
		addr[n] = ib_dma_map_single(dev, mem->data, mem->len,
					    DMA_TO_DEVICE);
		if (ib_dma_mapping_error(dev, addr[n])) {
			ret = st_fail(t, "mapping %d failed", n);
			break;
		}
	}
	/* The odd ones go; the even ones still have to work. */
	for (i = 1; i < n; i += 2)
		ib_dma_unmap_single(dev, addr[i], mem->len, DMA_TO_DEVICE);
	for (i = 0; i < n && !ret; i += 2) {
		st_buf_poison(dst, ST_POISON);
		from = st_sge(mem, 0, mem->len);
		from.addr = addr[i];
		to = st_sge(dst, 0, dst->len);
		ret = st_transfer(&p->a, &from, 1, &p->b, &to, 1);
		ret = ret ?: st_buf_want(dst, t->seed, dst->len);
	}
	if (ret)
		st_destroy_qp(&p->a);
	for (i = 0; i < n; i += 2)
		ib_dma_unmap_single(dev, addr[i], mem->len, DMA_TO_DEVICE);
	return ret;
}

static int st_dma_coherent_of(struct st_pair *p, size_t size)
{
	struct device *dma = p->a.dev->dma_device;
	struct ib_sge from, to;
	struct st_buf *dst;
	dma_addr_t addr;
	void *mem;
	int ret;

	dst = st_buf_new(&p->b, size, 9, DMA_FROM_DEVICE);
	if (!dst)
		return -EBADE;
	mem = dma_alloc_coherent(dma, size, &addr, GFP_KERNEL);
	if (!mem)
		return st_fail(p->a.t, "no %zu bytes of coherent memory", size);

	if (memchr_inv(mem, 0, size)) {
		ret = st_fail(p->a.t, "coherent memory is not zeroed");
	} else {
		st_pattern_fill(mem, size, ++p->a.t->seed, 0);
		from = (struct ib_sge) {
			.addr = addr,
			.length = size,
			.lkey = p->a.pd->local_dma_lkey,
		};
		to = st_sge(dst, 0, size);
		ret = st_transfer(&p->a, &from, 1, &p->b, &to, 1);
		ret = ret ?: st_buf_want(dst, p->a.t->seed, size);
		if (ret)
			st_destroy_qp(&p->a);
	}
	dma_free_coherent(dma, size, mem, addr);
	return ret;
}

static int case_dma_coherent(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	int ret;

	if (!p)
		return -EBADE;
	ret = st_dma_coherent_of(p, 1);
	ret = ret ?: st_dma_coherent_of(p, 4096);
	ret = ret ?: st_dma_coherent_of(p, 10000);
	return ret ?: st_dma_coherent_of(p, 256 * 1024);
}

/* The pages behind coherent memory, as an exporter of it asks for them. */
static int case_dma_coherent_sgtable(struct st_test *t)
{
	struct device *dma = t->dev->ibdev->dma_device;
	const size_t size = 3 * PAGE_SIZE;
	struct scatterlist *sg;
	struct sg_table sgt;
	dma_addr_t addr;
	size_t pos = 0;
	int i, ret;
	u8 *mem;

	mem = dma_alloc_coherent(dma, size, &addr, GFP_KERNEL);
	if (!mem)
		return st_fail(t, "no coherent memory");
	st_pattern_fill(mem, size, ++t->seed, 0);
	ret = dma_get_sgtable(dma, &sgt, mem, addr, size);
	if (ret) {
		ret = st_fail(t, "get_sgtable: %d", ret);
		goto out;
	}
	for_each_sgtable_sg(&sgt, sg, i) {
		if (st_pattern_diff(sg_virt(sg), sg->length, t->seed, pos) >= 0)
			ret = st_fail(t, "entry %d is other memory", i);
		pos += sg->length;
	}
	if (pos < size)
		ret = st_fail(t, "%zu bytes of %zu", pos, size);
	sg_free_table(&sgt);
out:
	dma_free_coherent(dma, size, mem, addr);
	return ret;
}

#define ST_POOL_ITEMS	100
#define ST_POOL_SIZE	160

/* Sends each item of a pool, in the order in which they were allocated. */
static int st_dma_pool_send(struct st_pair *p, void **item, dma_addr_t *addr)
{
	struct st_test *t = p->a.t;
	struct ib_sge from, to;
	struct st_buf *dst;
	int i;

	dst = st_buf_new(&p->b, ST_POOL_SIZE, 0, DMA_FROM_DEVICE);
	if (!dst)
		return -EBADE;
	for (i = 0; i < ST_POOL_ITEMS; i++)
		st_pattern_fill(item[i], ST_POOL_SIZE, t->seed + i, 0);
	for (i = 0; i < ST_POOL_ITEMS; i++) {
		from = (struct ib_sge) {
			.addr = addr[i],
			.length = ST_POOL_SIZE,
			.lkey = p->a.pd->local_dma_lkey,
		};
		to = st_sge(dst, 0, ST_POOL_SIZE);
		if (st_transfer(&p->a, &from, 1, &p->b, &to, 1) ||
		    st_buf_want(dst, t->seed + i, ST_POOL_SIZE))
			return -EBADE;
	}
	return 0;
}

static int case_dma_pool(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	void *item[ST_POOL_ITEMS] = {};
	dma_addr_t addr[ST_POOL_ITEMS];
	struct dma_pool *pool;
	int i, ret = 0;

	if (!p)
		return -EBADE;
	pool = dma_pool_create("softhca_selftest", t->dev->ibdev->dma_device,
			       ST_POOL_SIZE, 32, 0);
	if (!pool)
		return st_fail(t, "no dma_pool");
	for (i = 0; i < ST_POOL_ITEMS && !ret; i++) {
		item[i] = dma_pool_alloc(pool, GFP_KERNEL, &addr[i]);
		if (!item[i])
			ret = st_fail(t, "no item %d of the pool", i);
	}
	ret = ret ?: st_dma_pool_send(p, item, addr);
	if (ret)
		st_destroy_qp(&p->a);
	for (i = 0; i < ST_POOL_ITEMS; i++)
		if (item[i])
			dma_pool_free(pool, item[i], addr[i]);
	dma_pool_destroy(pool);
	return ret;
}

/* Limits with which ULPs that were built for hardware work. */
static int case_dma_limits(struct st_test *t)
{
	struct ib_device *dev = t->dev->ibdev;
	struct device *dma = dev->dma_device;
	struct dma_rmap_attr attr = {};

	if (ib_dma_max_seg_size(dev) < 64 * 1024)
		return st_fail(t, "segments of at most %u bytes",
			       ib_dma_max_seg_size(dev));
	if (!dma)
		return 0;
	if (t->map)
		dma_rmap_get_attr(t->map, &attr);
	/* A parent's limits are the device's. */
	if (dma_max_mapping_size(dma) < 1024 * 1024 &&
	    attr.scheme != DMA_RMAP_STACKED)
		return st_fail(t, "mappings of at most %zu bytes",
			       dma_max_mapping_size(dma));
	if (dma_set_mask_and_coherent(dma, DMA_BIT_MASK(64)))
		return st_fail(t, "a mask of 64 bits is refused");
	if (dma_get_mask(dma) != DMA_BIT_MASK(64))
		return st_fail(t, "the mask is %#llx", dma_get_mask(dma));
	return 0;
}

/* There is no MMIO that a device in software could reach. */
static int case_dma_resource_refused(struct st_test *t)
{
	struct device *dma = t->dev->ibdev->dma_device;
	dma_addr_t addr;

	/* No RAM is there, so that the core lets it pass. */
	addr = dma_map_resource(dma, 1ULL << 50, PAGE_SIZE, DMA_TO_DEVICE, 0);
	if (!dma_mapping_error(dma, addr)) {
		dma_unmap_resource(dma, addr, PAGE_SIZE, DMA_TO_DEVICE, 0);
		return st_fail(t, "MMIO was mapped");
	}
	return 0;
}

/* A ULP that confuses the kinds of addresses is found. */
static int case_dma_address_is_new(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *b;
	u64 last;
	int i;

	if (!p)
		return -EBADE;
	b = st_buf_new(&p->a, 3000, 8, DMA_TO_DEVICE);
	if (!b)
		return -EBADE;
	if (b->addr == (uintptr_t)b->data)
		return st_fail(t, "the device address is the pointer");
	if (b->addr == virt_to_phys(b->data))
		return st_fail(t, "the device address is the physical one");
	for (i = 0; i < 100; i++) {
		last = b->addr;
		st_buf_unmap(b);
		if (st_buf_map(b, DMA_TO_DEVICE))
			return -EBADE;
		if (b->addr == last)
			return st_fail(t, "an address is used again at once");
	}
	return 0;
}

static int case_dma_counted(struct st_test *t)
{
	struct dma_rmap_stats before, mapped, after;
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_buf *b;

	if (!p)
		return -EBADE;
	b = st_buf_unmapped(&p->a, 3000, 8);
	if (!b)
		return -EBADE;
	dma_rmap_get_stats(t->map, &before);
	if (st_buf_map(b, DMA_TO_DEVICE))
		return -EBADE;
	dma_rmap_get_stats(t->map, &mapped);
	st_buf_unmap(b);
	dma_rmap_get_stats(t->map, &after);

	if (mapped.maps != before.maps + 1 || mapped.live != before.live + 1 ||
	    mapped.live_bytes != before.live_bytes + b->len)
		return st_fail(t, "mapping: maps %llu live %llu bytes %llu",
			       mapped.maps - before.maps,
			       mapped.live - before.live,
			       mapped.live_bytes - before.live_bytes);
	if (after.unmaps != before.unmaps + 1 || after.live != before.live ||
	    after.live_bytes != before.live_bytes)
		return st_fail(t, "unmapping: unmaps %llu",
			       after.unmaps - before.unmaps);
	return 0;
}

static const struct st_case st_dma_cases[] = {
	{ "dma_single", case_dma_single },
	{ "dma_offset_kept", case_dma_offset_kept },
	{ "dma_page", case_dma_page },
	{ "dma_sg", case_dma_sg },
	{ "dma_sg_unaligned", case_dma_sg_unaligned },
	{ "dma_sg_merged", case_dma_sg_merged },
	{ "dma_sg_chained", case_dma_sg_chained },
	{ "dma_bidirectional", case_dma_bidirectional },
	{ "dma_interior", case_dma_interior },
	{ "dma_mapped_twice", case_dma_mapped_twice },
	{ "dma_coherent", case_dma_coherent, ST_DMADEV },
	{ "dma_coherent_sgtable", case_dma_coherent_sgtable, ST_DMADEV },
	{ "dma_pool", case_dma_pool, ST_DMADEV },
	{ "dma_limits", case_dma_limits },
	{ "dma_resource_refused", case_dma_resource_refused, ST_CHECKED },
	{ "dma_address_is_new", case_dma_address_is_new, ST_FRESH },
	{ "dma_counted", case_dma_counted, ST_CHECKED },
};

ST_SUITE(st_dma_suite, st_dma_cases);
