// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of dma_rmap inside a kernel: the DMA API on a map's device, and the
 * map's own API. Prints KTAP to the kernel log; loading fails if a check does.
 * While it stays loaded its map "rmap_ops" has "keep" mappings of a page, and
 * debugfs can be looked at.
 */
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/highmem.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dma_rmap.h"

#define BUF_SIZE (4 * PAGE_SIZE)

static unsigned int keep = 1000;
module_param(keep, uint, 0444);
MODULE_PARM_DESC(keep, "mappings that stay while the module is loaded");

static const struct dma_rmap_attr fresh = { .scheme = DMA_RMAP_FRESH };
static struct dma_rmap *map, *other;
static dma_addr_t *kept;
static struct device *dev;
static u8 *buf, *copy;
static bool failed;

#define check(x)							\
	do {								\
		if (!(x)) {						\
			pr_err("# %s:%d: %s\n", __func__, __LINE__, #x);\
			failed = true;					\
		}							\
	} while (0)

static void fill(u8 *p, size_t len, u8 seed)
{
	while (len--)
		*p++ = seed += 37;
}

static void test_single(void)
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
	check(dma_rmap_copy_to(map, addr, copy, 1) == -EACCES);
	check(dma_rmap_copy_from(map, copy, addr, 3 * PAGE_SIZE + 1) == -ERANGE);
	check(dma_rmap_copy_from(map, copy, addr - 1, 1) == -EFAULT);
	check(dma_rmap_check(map, addr + 3 * PAGE_SIZE, 1, DMA_TO_DEVICE) ==
	      -EFAULT);
	check(dma_rmap_check(other, addr, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, (u64)buf, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, virt_to_phys(buf), 1, DMA_TO_DEVICE) ==
	      -EFAULT);
	check(dma_rmap_check(map, 0, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, ~0ULL, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, addr, ~0UL, DMA_TO_DEVICE) == -ERANGE);
	dma_unmap_single(dev, addr, 3 * PAGE_SIZE, DMA_TO_DEVICE);
	check(dma_rmap_check(map, addr, 1, DMA_TO_DEVICE) == -EFAULT);

	addr = dma_map_single(dev, buf, BUF_SIZE, DMA_FROM_DEVICE);
	check(!dma_mapping_error(dev, addr));
	fill(copy, BUF_SIZE, 3);
	check(!dma_rmap_copy_to(map, addr, copy, BUF_SIZE));
	check(!memcmp(copy, buf, BUF_SIZE));
	check(dma_rmap_copy_from(map, copy, addr, 1) == -EACCES);
	dma_unmap_single(dev, addr, BUF_SIZE, DMA_FROM_DEVICE);
}

static int count_span(const struct dma_rmap_span *span, void *arg)
{
	size_t *bytes = arg;

	check(page_address(span->page) + span->offset >= (void *)buf);
	*bytes += span->len;
	return 0;
}

static void test_sg(void)
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
	      -EFAULT);

	/* An element that cannot be mapped: the others are unmapped again. */
	sgl[2].length = 0;
	sgt.sgl = sgl;
	sgt.orig_nents = 3;
	check(dma_map_sgtable(dev, &sgt, DMA_TO_DEVICE, 0) == -EINVAL);
}

/* Pages the wrong way round; of the first and the last a part. */
static void test_sg_merged(void)
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
	check(buf[PAGE_SIZE - 1] != 0x77 || buf[2 * PAGE_SIZE] != 0x77);
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

static void test_coherent(void)
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
		check(dma_rmap_check(map, addr, 1, DMA_TO_DEVICE) == -EFAULT);
	}
	page = dma_alloc_pages(dev, SZ_16K, &addr, DMA_FROM_DEVICE, GFP_KERNEL);
	check(page);
	/* dma-debug of 6.1 takes it for a mapping, and wants it checked */
	check(!dma_mapping_error(dev, addr));
	check(dma_rmap_check(map, addr, SZ_16K, DMA_TO_DEVICE) == -EACCES);
	check(!dma_rmap_check(map, addr, SZ_16K, DMA_FROM_DEVICE));
	dma_free_pages(dev, SZ_16K, page, addr, DMA_FROM_DEVICE);
	check(!dma_alloc_coherent(dev, SZ_1G, &addr, GFP_KERNEL));
}

static void test_pool(void)
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

static void test_limits(void)
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

static void test_bad_unmap(void)
{
	struct dma_rmap_stats before, after;
	dma_addr_t addr;

	dma_rmap_get_stats(map, &before);
	dma_unmap_single(dev, 0x1234000, 10, DMA_TO_DEVICE);
	addr = dma_map_single(dev, buf, 100, DMA_TO_DEVICE);
	check(!dma_mapping_error(dev, addr));
	dma_unmap_single(dev, addr + 1, 99, DMA_TO_DEVICE);
	check(!dma_rmap_check(map, addr, 100, DMA_TO_DEVICE));
	dma_free_coherent(dev, 100, buf, addr);
	check(!dma_rmap_check(map, addr, 100, DMA_TO_DEVICE));
	dma_unmap_single(dev, addr, 101, DMA_TO_DEVICE);
	check(dma_rmap_check(map, addr, 100, DMA_TO_DEVICE) == -EFAULT);
	dma_unmap_single(dev, addr, 100, DMA_TO_DEVICE);
	dma_rmap_get_stats(map, &after);
	check(after.bad_unmaps == before.bad_unmaps + 5);
	check(after.live == before.live);
	check(after.live_bytes == before.live_bytes);
}

struct unmapper {
	struct completion begun, done;
	dma_addr_t addr;
};

static int unmap_thread(void *arg)
{
	struct unmapper *u = arg;

	complete(&u->begun);
	dma_unmap_single(dev, u->addr, PAGE_SIZE, DMA_TO_DEVICE);
	complete(&u->done);
	return 0;
}

/* An unmap waits for who holds a piece. Needs two CPUs. */
static void test_hold(void)
{
	struct dma_rmap_ref ref;
	struct unmapper u;
	unsigned long flags;

	init_completion(&u.begun);
	init_completion(&u.done);
	u.addr = dma_map_single(dev, buf, PAGE_SIZE, DMA_TO_DEVICE);
	check(!dma_mapping_error(dev, u.addr));
	check(!IS_ERR(kthread_run(unmap_thread, &u, "rmap_ops")));
	wait_for_completion(&u.begun);
	local_irq_save(flags);
	if (!dma_rmap_get(map, u.addr, PAGE_SIZE, DMA_TO_DEVICE, &ref)) {
		mdelay(2);
		check(!completion_done(&u.done));
		dma_rmap_put(&ref);
	}
	local_irq_restore(flags);
	wait_for_completion(&u.done);
	check(dma_rmap_check(map, u.addr, 1, DMA_TO_DEVICE) == -EFAULT);
}

/* Enough mappings for the table to grow and shrink. */
static void test_many(void)
{
	const unsigned int count = 200000;
	dma_addr_t *addr = vmalloc(array_size(count, sizeof(*addr)));
	unsigned int i;

	check(addr);
	if (!addr)
		return;
	for (i = 0; i < count; i++) {
		addr[i] = dma_map_single(dev, buf + i % 8192, 1 + i % 8192,
					 DMA_TO_DEVICE);
		if (dma_mapping_error(dev, addr[i])) {
			check(false);
			break;
		}
		cond_resched();
	}
	while (i--) {
		if (dma_rmap_check(map, addr[i], 1 + i % 8192, DMA_TO_DEVICE) ||
		    dma_rmap_check(map, addr[i] + i % 8192, 1, DMA_TO_DEVICE)) {
			check(false);
			break;
		}
		dma_unmap_single(dev, addr[i], 1 + i % 8192, DMA_TO_DEVICE);
		cond_resched();
	}
	vfree(addr);
}

/* A reference on the device that is older than the map's end. */
static void test_destroyed(void)
{
	struct dma_rmap *gone = dma_rmap_create("rmap_ops_gone", &fresh);
	struct device *gone_dev;
	dma_addr_t addr, coherent;
	void *p;

	check(!IS_ERR(gone));
	if (IS_ERR(gone))
		return;
	check(PTR_ERR(dma_rmap_create("rmap_ops_gone", &fresh)) ==
	      -EEXIST);
	check(PTR_ERR(dma_rmap_create("a/b", &fresh)) == -EINVAL);
	gone_dev = get_device(dma_rmap_device(gone));
	addr = dma_map_single(gone_dev, buf, 100, DMA_TO_DEVICE);
	check(!dma_mapping_error(gone_dev, addr));
	p = dma_alloc_coherent(gone_dev, 4096, &coherent, GFP_KERNEL);
	dma_rmap_destroy(gone);
	dma_unmap_single(gone_dev, addr, 100, DMA_TO_DEVICE);
	check(dma_mapping_error(gone_dev, dma_map_single(gone_dev, buf, 100,
							 DMA_TO_DEVICE)));
	free_page((unsigned long)p);
	put_device(gone_dev);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "single", test_single },
	{ "sg", test_sg },
	{ "sg_merged", test_sg_merged },
	{ "coherent", test_coherent },
	{ "pool", test_pool },
	{ "limits", test_limits },
	{ "bad_unmap", test_bad_unmap },
	{ "hold", test_hold },
	{ "many", test_many },
	{ "destroyed", test_destroyed },
};

static int run_tests(void)
{
	struct dma_rmap_stats stats;
	int err = 0;
	int i;

	pr_info("KTAP version 1\n1..%zu\n", ARRAY_SIZE(tests) + 1);
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		failed = false;
		tests[i].run();
		pr_info("%sok %d %s\n", failed ? "not " : "", i + 1,
			tests[i].name);
		if (failed)
			err = -EINVAL;
	}
	dma_rmap_get_stats(map, &stats);
	pr_info("%sok %d nothing left\n", stats.live ? "not " : "", i + 1);
	return stats.live ? -EINVAL : err;
}

static void unmap_kept(unsigned int count)
{
	while (count--) {
		dma_unmap_single(dev, kept[count], PAGE_SIZE, DMA_TO_DEVICE);
		cond_resched();
	}
	vfree(kept);
}

static int map_kept(void)
{
	unsigned int i;

	kept = vmalloc(array_size(keep, sizeof(*kept)));
	if (!kept)
		return -ENOMEM;
	for (i = 0; i < keep; i++) {
		kept[i] = dma_map_single(dev, buf, PAGE_SIZE, DMA_TO_DEVICE);
		if (dma_mapping_error(dev, kept[i])) {
			unmap_kept(i);
			return -ENOMEM;
		}
		cond_resched();
	}
	return 0;
}

static int __init rmap_ops_init(void)
{
	int err = -ENOMEM;

	map = dma_rmap_create("rmap_ops", &fresh);
	if (IS_ERR(map))
		return PTR_ERR(map);
	other = dma_rmap_create("rmap_ops_other", &fresh);
	if (IS_ERR(other)) {
		err = PTR_ERR(other);
		goto err_other;
	}
	dev = dma_rmap_device(map);
	buf = (u8 *)__get_free_pages(GFP_KERNEL, 2);
	copy = (u8 *)__get_free_pages(GFP_KERNEL, 2);
	if (!buf || !copy)
		goto err_buffers;
	fill(buf, BUF_SIZE, 1);
	err = run_tests();
	if (!err)
		err = map_kept();
	if (err)
		goto err_buffers;
	return 0;

err_buffers:
	free_pages((unsigned long)buf, 2);
	free_pages((unsigned long)copy, 2);
	dma_rmap_destroy(other);
err_other:
	dma_rmap_destroy(map);
	return err;
}
module_init(rmap_ops_init);

static void __exit rmap_ops_exit(void)
{
	unmap_kept(keep);
	free_pages((unsigned long)buf, 2);
	free_pages((unsigned long)copy, 2);
	dma_rmap_destroy(other);
	dma_rmap_destroy(map);
}
module_exit(rmap_ops_exit);

MODULE_DESCRIPTION("Checks of dma_rmap");
MODULE_LICENSE("GPL");
