// SPDX-License-Identifier: GPL-2.0
/*
 * Checks of dma_rmap inside a kernel: the DMA API on a map's device, and the
 * map's own API. Prints KTAP to the kernel log; loading fails if a check does.
 * While it stays loaded its map "rmap_ops" has "keep" mappings of a page, its map
 * "rmap_ops_phys" those of phys_list_init(), and debugfs can be looked at.
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

unsigned int on;
struct dma_rmap_attr attr;
struct dma_rmap *map, *other;
struct device *dev;
u8 *buf, *copy;
bool failed;
const char *skipped;

static dma_addr_t *kept;

/**
 * struct kind - a kind of map, all tests of which are run
 * @name: what its tests' names begin with
 * @map: the map's name
 * @other: another one's
 * @on: ON_FRESH and so on
 * @attr: what it is created with
 */
struct kind {
	const char *name;
	const char *map;
	const char *other;
	unsigned int on;
	struct dma_rmap_attr attr;
};

static const struct kind kinds[] = {
	{ "unchecked", "rmap_ops_unchecked", "rmap_ops_other", ON_UNCHECKED,
	  { .scheme = DMA_RMAP_PHYS, .unchecked = true } },
	{ "phys", "rmap_ops_phys", "rmap_ops_other", ON_PHYS,
	  { .scheme = DMA_RMAP_PHYS } },
	{ "fresh", "rmap_ops", "rmap_ops_other", ON_FRESH,
	  { .scheme = DMA_RMAP_FRESH } },
};

static const struct test {
	const char *name;
	void (*run)(void);
	unsigned int on;
} tests[] = {
	{ "single", test_single, ON_ALL },
	{ "sg", test_sg, ON_ALL },
	{ "sg_merged", test_sg_merged, ON_FRESH },
	{ "sg_adjoining", test_sg_adjoining, ON_PHYS | ON_UNCHECKED },
	{ "coherent", test_coherent, ON_ALL },
	{ "pool", test_pool, ON_ALL },
	{ "limits", test_limits, ON_ALL },
	{ "high pages", test_high, ON_ALL },
	{ "physical", test_physical, ON_PHYS | ON_UNCHECKED },
	{ "duplicates", test_duplicates, ON_PHYS },
	{ "equal", test_equal, ON_PHYS },
	{ "lengths", test_lengths, ON_PHYS },
	{ "crossing", test_crossing, ON_PHYS },
	{ "bad_unmap", test_bad_unmap, ON_CHECKED },
	{ "hold", test_hold, ON_CHECKED },
	{ "many", test_many, ON_FRESH },
	{ "many given", test_many_given, ON_PHYS },
	{ "range", test_range, ON_ALL },
	{ "range in hard interrupt", test_range_irq, ON_ALL },
	{ "range linked by interrupt", test_range_linked_by_irq, ON_ALL },
	{ "range replaced", test_range_replaced, ON_ALL },
	{ "range replaced in hard interrupt", test_range_replaced_irq, ON_ALL },
	{ "range destroyed", test_range_destroyed, ON_ALL },
	{ "dma_iova_try_alloc() says no, and pages are mapped", test_iova, ON_ALL },
	{ "destroyed", test_destroyed, ON_CHECKED },
};

void fill(u8 *p, size_t len, u8 seed)
{
	while (len--)
		*p++ = seed += 37;
}

static bool test_one(const struct kind *kind, const struct test *test)
{
	static unsigned int number;

	failed = false;
	skipped = NULL;
	fill(buf, BUF_SIZE, 1);
	test->run();
	pr_info("%sok %u %s: %s%s%s\n", failed ? "not " : "", ++number, kind->name,
		test->name, skipped && !failed ? " # SKIP " : "",
		skipped && !failed ? skipped : "");
	return !failed;
}

static void test_nothing_left(void)
{
	struct dma_rmap_stats stats;

	dma_rmap_get_stats(map, &stats);
	check(!stats.live);
	check(stats.maps == stats.unmaps);
	check(!stats.live_bytes);
	check(stats.injected == 0);
}

static int run_tests(const struct kind *kind)
{
	const struct test left = { "nothing is left", test_nothing_left, ON_ALL };
	unsigned int i;
	bool good = true;

	for (i = 0; i < ARRAY_SIZE(tests); i++)
		if (tests[i].on & on)
			good &= test_one(kind, &tests[i]);
	good &= test_one(kind, &left);
	return good ? 0 : -EINVAL;
}

static int maps_make(const struct kind *kind)
{
	int err;

	on = kind->on;
	attr = kind->attr;
	map = dma_rmap_create(kind->map, &attr);
	if (IS_ERR(map))
		return PTR_ERR(map);
	other = dma_rmap_create(kind->other, &attr);
	if (IS_ERR(other)) {
		err = PTR_ERR(other);
		dma_rmap_destroy(map);
		return err;
	}
	dev = dma_rmap_device(map);
	return 0;
}

/* All kinds; a failure does not keep others from being run. */
static int run_kinds(void)
{
	int err, result = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		err = maps_make(&kinds[i]);
		if (err)
			return err;
		result = run_tests(&kinds[i]) ?: result;
		dma_rmap_destroy(other);
		dma_rmap_destroy(map);
	}
	return result;
}

/* What stays while the module is loaded */

static struct dma_rmap *fresh_map, *phys_map;

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
	/* one that is refused, to be listed */
	dma_rmap_check(map, 0x1000, 1, DMA_TO_DEVICE);
	return 0;
}

static int keep_phys(void)
{
	const struct dma_rmap_attr phys = { .scheme = DMA_RMAP_PHYS };
	int err;

	phys_map = dma_rmap_create("rmap_ops_phys", &phys);
	if (IS_ERR(phys_map))
		return PTR_ERR(phys_map);
	dev = dma_rmap_device(phys_map);
	err = phys_list_init();
	if (err)
		dma_rmap_destroy(phys_map);
	return err;
}

static int keep_fresh(void)
{
	const struct dma_rmap_attr fresh = { .scheme = DMA_RMAP_FRESH };
	int err;

	fresh_map = dma_rmap_create("rmap_ops", &fresh);
	if (IS_ERR(fresh_map))
		return PTR_ERR(fresh_map);
	map = fresh_map;
	dev = dma_rmap_device(map);
	err = map_kept();
	if (err)
		dma_rmap_destroy(map);
	return err;
}

static void leave_phys(void)
{
	dev = dma_rmap_device(phys_map);
	phys_list_exit();
	dma_rmap_destroy(phys_map);
}

static void free_buffers(void)
{
	free_pages((unsigned long)buf, 2);
	free_pages((unsigned long)copy, 2);
}

static int __init rmap_ops_init(void)
{
	int err = -ENOMEM;

	buf = (u8 *)__get_free_pages(GFP_KERNEL, 2);
	copy = (u8 *)__get_free_pages(GFP_KERNEL, 2);
	if (!buf || !copy)
		goto err_buffers;
	err = run_kinds();
	if (err)
		goto err_buffers;
	err = keep_phys();
	if (err)
		goto err_buffers;
	err = keep_fresh();
	if (err)
		goto err_fresh;
	return 0;

err_fresh:
	leave_phys();
err_buffers:
	free_buffers();
	return err;
}
module_init(rmap_ops_init);

static void __exit rmap_ops_exit(void)
{
	unmap_kept(keep);
	dma_rmap_destroy(fresh_map);
	leave_phys();
	free_buffers();
}
module_exit(rmap_ops_exit);

MODULE_DESCRIPTION("Checks of dma_rmap");
MODULE_LICENSE("GPL");
