// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA API on a map's device: what is mapped can be accessed, nothing else can.
 */
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/irqflags.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "rmap_ops.h"

void test_single(void)
{
	dma_addr_t addr;

	addr = dma_map_single(dev, buf + 100, 3 * PAGE_SIZE, DMA_TO_DEVICE);
	check(!dma_mapping_error(dev, addr));
	check(offset_in_page(addr) == offset_in_page(buf + 100));
	memset(copy, 0, BUF_SIZE);
	check(!dma_rmap_copy_from(map, copy, addr, 3 * PAGE_SIZE));
	check(!memcmp(copy, buf + 100, 3 * PAGE_SIZE));
	memset(copy, 0, BUF_SIZE);
	check(!dma_rmap_copy_from(map, copy, addr + 4000, 200));
	check(!memcmp(copy, buf + 4100, 200));
	check(dma_rmap_copy_to(map, addr, copy, 1) == refused(-EACCES));
	check(dma_rmap_copy_from(map, copy, addr, 3 * PAGE_SIZE + 1) ==
	      refused(-ERANGE));
	check(dma_rmap_copy_from(map, copy, addr - 1, 1) == refused(-EFAULT));
	check(dma_rmap_check(map, addr + 3 * PAGE_SIZE, 1, DMA_TO_DEVICE) ==
	      refused(-EFAULT));
	check(dma_rmap_check(other, addr, 1, DMA_TO_DEVICE) == refused(-EFAULT));
	check(dma_rmap_check(map, (u64)buf, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, virt_to_phys(buf), 1, DMA_TO_DEVICE) ==
	      refused(-EFAULT));
	check(dma_rmap_check(map, 0, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, ~0ULL, 1, DMA_TO_DEVICE) == -EFAULT);
	if (on != ON_UNCHECKED)	/* there it takes as long as memory is large */
		check(dma_rmap_check(map, addr, ~0UL, DMA_TO_DEVICE) == -ERANGE);
	dma_unmap_single(dev, addr, 3 * PAGE_SIZE, DMA_TO_DEVICE);
	check(dma_rmap_check(map, addr, 1, DMA_TO_DEVICE) == refused(-EFAULT));

	addr = dma_map_single(dev, buf, BUF_SIZE, DMA_FROM_DEVICE);
	check(!dma_mapping_error(dev, addr));
	fill(copy, BUF_SIZE, 3);
	check(!dma_rmap_copy_to(map, addr, copy, BUF_SIZE));
	check(!memcmp(copy, buf, BUF_SIZE));
	check(dma_rmap_copy_from(map, copy, addr, 1) == refused(-EACCES));
	dma_unmap_single(dev, addr, BUF_SIZE, DMA_FROM_DEVICE);
}

static int count_span(const struct dma_rmap_span *span, void *arg)
{
	size_t *bytes = arg;

	check(page_address(span->page) + span->offset >= (void *)buf);
	*bytes += span->len;
	return 0;
}

void test_sg(void)
{
	struct scatterlist sgl[3], *sg;
	struct sg_table sgt;
	size_t bytes = 0;
	int i;

	sg_init_table(sgl, 3);
	sg_set_buf(&sgl[0], buf + 10, 100);
	sg_set_buf(&sgl[1], buf + 3000, 3000);
	sg_set_buf(&sgl[2], buf + 8192, 8192);
	check(dma_map_sg(dev, sgl, 3, DMA_BIDIRECTIONAL) == 3);
	for_each_sg(sgl, sg, 3, i) {
		memset(copy, 0, BUF_SIZE);
		check(sg_dma_len(sg) == sg->length);
		check(!dma_rmap_copy_from(map, copy, sg_dma_address(sg),
					  sg_dma_len(sg)));
		check(!memcmp(copy, sg_virt(sg), sg->length));
		check(!dma_rmap_walk_spans(map, sg_dma_address(sg),
					      sg_dma_len(sg), DMA_FROM_DEVICE,
					      count_span, &bytes));
	}
	check(bytes == 100 + 3000 + 8192);
	dma_unmap_sg(dev, sgl, 3, DMA_BIDIRECTIONAL);
	check(dma_rmap_check(map, sg_dma_address(sgl), 1, DMA_TO_DEVICE) ==
	      refused(-EFAULT));

	/* An element that cannot be mapped: the others are unmapped again. */
	sgl[2].length = 0;
	sgt.sgl = sgl;
	sgt.orig_nents = 3;
	check(dma_map_sgtable(dev, &sgt, DMA_TO_DEVICE, 0) == -EINVAL);
}

/* Pages the wrong way round; of the first and the last a part. */
void test_sg_merged(void)
{
	const size_t len = 2 * PAGE_SIZE + 100 + 7;
	struct scatterlist sgl[4], *sg;
	size_t done = 0;
	int i;

	sg_init_table(sgl, 4);
	sg_set_buf(&sgl[0], buf + 4 * PAGE_SIZE - 100, 100);
	sg_set_buf(&sgl[1], buf + 2 * PAGE_SIZE, PAGE_SIZE);
	sg_set_buf(&sgl[2], buf + PAGE_SIZE, PAGE_SIZE);
	sg_set_buf(&sgl[3], buf, 7);
	fill(buf, BUF_SIZE, 9);
	check(dma_map_sg(dev, sgl, 4, DMA_BIDIRECTIONAL) == 1);
	check(sg_dma_len(sgl) == len);
	check(!dma_rmap_copy_from(map, copy, sg_dma_address(sgl), len));
	for_each_sg(sgl, sg, 4, i) {
		check(!memcmp(copy + done, sg_virt(sg), sg->length));
		done += sg->length;
	}
	memset(copy, 0x77, BUF_SIZE);
	check(!dma_rmap_copy_to(map, sg_dma_address(sgl) + 100 + PAGE_SIZE,
				copy, PAGE_SIZE));
	check(!memchr_inv(buf + PAGE_SIZE, 0x77, PAGE_SIZE));
	check(buf[PAGE_SIZE - 1] != 0x77 && buf[2 * PAGE_SIZE] != 0x77);
	check(dma_rmap_check(map, sg_dma_address(sgl), len + 1,
			     DMA_TO_DEVICE) == -ERANGE);
	dma_unmap_sg(dev, sgl, 4, DMA_BIDIRECTIONAL);

	/* A ULP's limits hold. */
	dma_set_max_seg_size(dev, PAGE_SIZE + 100);
	check(dma_map_sg(dev, sgl, 4, DMA_BIDIRECTIONAL) == 2);
	check(sg_dma_len(&sgl[0]) == PAGE_SIZE + 100);
	check(sg_dma_len(&sgl[1]) == PAGE_SIZE + 7);
	dma_unmap_sg(dev, sgl, 4, DMA_BIDIRECTIONAL);
	dma_set_max_seg_size(dev, UINT_MAX);
}

void test_coherent(void)
{
	static const size_t sizes[] = { 1, 100, SZ_4K, 5000, SZ_64K, SZ_1M + 1 };
	struct sg_table sgt;
	dma_addr_t addr;
	struct page *page;
	unsigned int i;
	u8 *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = dma_alloc_coherent(dev, sizes[i], &addr, GFP_KERNEL);
		check(p);
		if (!p)
			continue;
		check(!memchr_inv(p, 0, sizes[i]));
		check(!dma_rmap_copy_to(map, addr + sizes[i] - 1, "x", 1));
		check(p[sizes[i] - 1] == 'x');
		check(!dma_get_sgtable(dev, &sgt, p, addr, sizes[i]));
		check(sg_virt(sgt.sgl) == p);
		sg_free_table(&sgt);
		dma_free_coherent(dev, sizes[i], p, addr);
		check(dma_rmap_check(map, addr, 1, DMA_TO_DEVICE) ==
		      refused(-EFAULT));
	}
	page = dma_alloc_pages(dev, SZ_16K, &addr, DMA_FROM_DEVICE, GFP_KERNEL);
	check(page);
	/* dma-debug of 6.1 takes it for a mapping, and wants it checked */
	check(!dma_mapping_error(dev, addr));
	check(dma_rmap_check(map, addr, SZ_16K, DMA_TO_DEVICE) ==
	      refused(-EACCES));
	check(!dma_rmap_check(map, addr, SZ_16K, DMA_FROM_DEVICE));
	dma_free_pages(dev, SZ_16K, page, addr, DMA_FROM_DEVICE);
	check(!dma_alloc_coherent(dev, SZ_1G, &addr, GFP_KERNEL));
}

void test_pool(void)
{
	struct dma_pool *pool;
	dma_addr_t addr[70];
	void *p[70];
	int i;

	pool = dma_pool_create("rmap_ops", dev, 128, 64, 0);
	check(pool);
	if (!pool)
		return;
	for (i = 0; i < 70; i++) {
		p[i] = dma_pool_alloc(pool, GFP_KERNEL, &addr[i]);
		check(p[i]);
		memset(p[i], i, 128);
	}
	for (i = 0; i < 70; i++) {
		check(!dma_rmap_copy_from(map, copy, addr[i], 128));
		check(!memchr_inv(copy, i, 128));
		dma_pool_free(pool, p[i], addr[i]);
	}
	dma_pool_destroy(pool);
}

void test_limits(void)
{
	check(dma_get_max_seg_size(dev) == UINT_MAX);
	check(dma_get_seg_boundary(dev) == ULONG_MAX);
	check(dma_max_mapping_size(dev) > SZ_2G);
	check(dma_get_merge_boundary(dev) == 0);
	check(dma_set_mask_and_coherent(dev, DMA_BIT_MASK(32)) == -EIO);
	check(!dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64)));
	check(dma_get_required_mask(dev) > DMA_BIT_MASK(52));
	check(dma_mapping_error(dev, dma_map_resource(dev, 0xfee00000, 4096,
						      DMA_TO_DEVICE, 0)));
	check(dma_mapping_error(dev, dma_map_page(dev, virt_to_page(buf), 0, 0,
						  DMA_TO_DEVICE)));
	check(dma_rmap_from_device(dev) == map);
	check(!dma_rmap_from_device(dev->parent));
}

/* The page of a piece is mapped for the access, as there may be no address of it. */
static void check_held(dma_addr_t addr, const u8 *wanted, size_t len)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	u8 *page;

	local_irq_save(flags);
	if (dma_rmap_get(map, addr, len, DMA_TO_DEVICE, &ref)) {
		check(false);
		goto out;
	}
	page = kmap_local_page(ref.page);
	if (IS_ENABLED(CONFIG_HIGHMEM) &&
	    IS_ENABLED(CONFIG_DEBUG_KMAP_LOCAL_FORCE_MAP))
		check(page != page_address(ref.page));
	check(!memcmp(page + ref.offset, wanted, ref.len));
	kunmap_local(page);
	dma_rmap_put(&ref);
out:
	local_irq_restore(flags);
}

/* A high page where there can be some; a debug kernel maps any as if it were one. */
void test_high(void)
{
	struct page *page = alloc_pages(GFP_HIGHUSER | __GFP_ZERO, 1);
	const unsigned int offset = 4000, len = 200;
	struct page *first = page, *second;
	dma_addr_t addr;
	u8 got[200];

	check(page);
	if (!page)
		return;
	second = page + 1;
	fill(copy, len, 5);
	memcpy_to_page(first, offset, copy, PAGE_SIZE - offset);
	memcpy_to_page(second, 0, copy + PAGE_SIZE - offset,
		       len - (PAGE_SIZE - offset));
	addr = dma_map_page(dev, page, offset, len, DMA_BIDIRECTIONAL);
	check(!dma_mapping_error(dev, addr));
	check(!dma_rmap_copy_from(map, got, addr, len));
	check(!memcmp(got, copy, len));
	check_held(addr, copy, len);
	check_held(addr + 150, copy + 150, 50);
	fill(copy, len, 6);
	check(!dma_rmap_copy_to(map, addr, copy, len));
	memcpy_from_page(got, first, offset, PAGE_SIZE - offset);
	memcpy_from_page(got + PAGE_SIZE - offset, second, 0,
			 len - (PAGE_SIZE - offset));
	check(!memcmp(got, copy, len));
	dma_unmap_page(dev, addr, len, DMA_BIDIRECTIONAL);
	__free_pages(page, 1);
}
