// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of dma_rmap inside a kernel: the DMA API on a map's device, and the
 * map's own API. Prints KTAP to the kernel log; loading fails if a check does.
 * While it stays loaded its map "rmap_ops" has "keep" mappings of a page, and
 * debugfs can be looked at.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "rmap_ops.h"

static unsigned int keep = 1000;
module_param(keep, uint, 0444);
MODULE_PARM_DESC(keep, "mappings that stay while the module is loaded");

const struct dma_rmap_attr fresh = { .scheme = DMA_RMAP_FRESH };
struct dma_rmap *map, *other;
struct device *dev;
u8 *buf, *copy;
bool failed;

static dma_addr_t *kept;

void fill(u8 *p, size_t len, u8 seed)
{
	while (len--)
		*p++ = seed += 37;
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
