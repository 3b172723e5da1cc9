// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA API on a map's device beside a real one, behind an IOMMU: QEMU's edu, a
 * PCI device that no driver of the kernel knows, and that none may have now.
 * Writes lines to the kernel log:
 *
 *	rmap_bench: dma NAME PAGES and nanoseconds to map a page, to unmap one, to
 *		unmap one and map another while PAGES are mapped, to look one up; of
 *		the map: by dma_rmap_get() and put, and by dma_rmap_check()
 *	rmap_bench: skipped dma and why
 *
 * Pages are unmapped and looked up in random order; the least of several rounds
 * counts. The module stays: its map has further uses, see fill.c.
 */
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "dma.h"
#include "dma_rmap.h"

#define MEMORY	256	/* different pages */
#define LOOKED	64	/* bytes of a page that are asked for */

static unsigned int pages = 20000;
module_param(pages, uint, 0444);
MODULE_PARM_DESC(pages, "so many are mapped");

static unsigned int rounds = 20;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "the least time of so many rounds counts");

static struct dma_rmap *map;
static struct iommu_domain *domain;
static struct page *memory[MEMORY];
static dma_addr_t *addrs;
static u32 *shuffled;

/**
 * struct times - nanoseconds for all pages
 * @map: to map them
 * @unmap: to unmap them
 * @again: to unmap each and map another one, with all mapped
 * @find: to look them up
 * @check: to look them up otherwise
 */
struct times {
	u64 map;
	u64 unmap;
	u64 again;
	u64 find;
	u64 check;
};

static struct page *page_of(u32 i)
{
	return memory[i % MEMORY];
}

static int map_one(struct device *dev, u32 i)
{
	addrs[i] = dma_map_page(dev, page_of(i), 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	return dma_mapping_error(dev, addrs[i]);
}

static void unmap_one(struct device *dev, u32 i)
{
	dma_unmap_page(dev, addrs[i], PAGE_SIZE, DMA_BIDIRECTIONAL);
}

static bool find_iommu(u32 i)
{
	return iommu_iova_to_phys(domain, addrs[i] + 100) == page_to_phys(page_of(i)) + 100;
}

/* As softhca does: with interrupts off for as long as the piece is held */
static bool find_map(u32 i)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	bool found;

	local_irq_save(flags);
	found = !dma_rmap_get(map, addrs[i] + 100, LOOKED, DMA_FROM_DEVICE, &ref);
	if (found) {
		found = ref.page == page_of(i) && ref.offset == 100;
		dma_rmap_put(&ref);
	}
	local_irq_restore(flags);
	return found;
}

static bool check_map(u32 i)
{
	return !dma_rmap_check(map, addrs[i] + 100, LOOKED, DMA_FROM_DEVICE);
}

static __always_inline int time_find(bool (*find)(u32 i), u64 *best)
{
	u64 begin = ktime_get_ns();
	unsigned int i, found = 0;

	for (i = 0; i < pages; i++)
		found += find(shuffled[i]);
	*best = min(*best, ktime_get_ns() - begin);
	cond_resched();
	return found == pages ? 0 : -EINVAL;
}

static int time_finds(struct device *dev, struct times *best)
{
	int err;

	if (dev != dma_rmap_device(map))
		return time_find(find_iommu, &best->find);
	err = time_find(find_map, &best->find);
	return err ?: time_find(check_map, &best->check);
}

static int one_round(struct device *dev, struct times *best)
{
	unsigned int mapped, i;
	int err = 0;
	u64 begin;

	begin = ktime_get_ns();
	for (mapped = 0; mapped < pages; mapped++) {
		err = map_one(dev, mapped);
		if (err)
			break;
	}
	best->map = min(best->map, ktime_get_ns() - begin);
	cond_resched();
	if (err)
		goto unmap;
	err = time_finds(dev, best);

	begin = ktime_get_ns();
	for (i = 0; i < pages && !err; i++) {
		unmap_one(dev, shuffled[i]);
		err = map_one(dev, shuffled[i]);
	}
	best->again = min(best->again, ktime_get_ns() - begin);
	cond_resched();
unmap:
	begin = ktime_get_ns();
	for (i = 0; i < pages; i++)
		if (shuffled[i] < mapped && addrs[shuffled[i]] != DMA_MAPPING_ERROR)
			unmap_one(dev, shuffled[i]);
	best->unmap = min(best->unmap, ktime_get_ns() - begin);
	cond_resched();
	return err;
}

#define TENTHS(ns)	div_u64((ns) * 10, pages) / 10, (u32)(div_u64((ns) * 10, pages) % 10)

static void show(const char *name, const struct times *t)
{
	pr_info("rmap_bench: dma %s %u %llu.%u %llu.%u %llu.%u %llu.%u %llu.%u\n", name,
		pages, TENTHS(t->map), TENTHS(t->unmap), TENTHS(t->again), TENTHS(t->find),
		TENTHS(t->check));
}

static int measure(struct device *iommu)
{
	struct times times[2];
	unsigned int round;
	int err = 0;

	memset(times, 0xff, sizeof(times));
	for (round = 0; round < rounds && !err; round++) {
		if (iommu)
			err = one_round(iommu, &times[0]);
		if (!err)
			err = one_round(dma_rmap_device(map), &times[1]);
	}
	if (err) {
		pr_err("rmap_bench: dma: error %d\n", err);
		return err;
	}
	times[0].check = 0;	/* there is no such thing */
	if (iommu)
		show(domain->type == IOMMU_DOMAIN_DMA ? "iommu,strict" : "iommu,lazy",
		     &times[0]);
	show("map", &times[1]);
	err = bench_floor(rounds);
	return err ?: bench_requests(map, iommu, rounds);
}

/* Of use, and nobody's? */
static bool iommu_usable(struct pci_dev *pdev)
{
	if (pdev->dev.driver) {
		pr_info("rmap_bench: skipped dma: a driver has the device\n");
		return false;
	}
	domain = iommu_get_domain_for_dev(&pdev->dev);
	if (!domain || !(domain->type & __IOMMU_DOMAIN_DMA_API)) {
		pr_info("rmap_bench: skipped dma: the device is not behind an IOMMU that translates\n");
		return false;
	}
	return true;
}

static int measure_beside_iommu(void)
{
	struct pci_dev *pdev = pci_get_device(0x1234, 0x11e8, NULL);
	int err;

	if (!pdev) {
		pr_info("rmap_bench: skipped dma: there is no PCI device 1234:11e8\n");
		return measure(NULL);
	}
	device_lock(&pdev->dev);	/* no driver is bound meanwhile */
	if (!iommu_usable(pdev)) {
		err = measure(NULL);
	} else {
		err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
		if (!err)
			err = measure(&pdev->dev);
		dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(32));
	}
	device_unlock(&pdev->dev);
	pci_dev_put(pdev);
	return err;
}

static void shuffle(void)
{
	u64 state = 1;
	unsigned int i;

	for (i = 0; i < pages; i++)
		shuffled[i] = i;
	for (i = pages; i > 1; i--) {
		state = state * 6364136223846793005ULL + 1442695040888963407ULL;
		swap(shuffled[i - 1], shuffled[(state >> 33) % i]);
	}
}

static int speed(void)
{
	unsigned int i;
	int err = -ENOMEM;

	addrs = vmalloc(array_size(pages, sizeof(*addrs)));
	shuffled = vmalloc(array_size(pages, sizeof(*shuffled)));
	if (!addrs || !shuffled)
		goto out;
	for (i = 0; i < MEMORY; i++) {
		memory[i] = alloc_page(GFP_KERNEL);
		if (!memory[i])
			goto out;
	}
	shuffle();
	err = measure_beside_iommu();
out:
	for (i = 0; i < MEMORY && memory[i]; i++)
		__free_page(memory[i]);
	vfree(shuffled);
	vfree(addrs);
	return err;
}

static int __init bench_dma_init(void)
{
	const struct dma_rmap_attr fresh = { .scheme = DMA_RMAP_FRESH };
	int err;

	map = dma_rmap_create("rmap_bench", &fresh);
	if (IS_ERR(map))
		return PTR_ERR(map);
	err = speed();
	if (!err)
		err = bench_fill_init(map);
	if (err)
		dma_rmap_destroy(map);
	return err;
}
module_init(bench_dma_init);

static void __exit bench_dma_exit(void)
{
	bench_fill_exit();
	dma_rmap_destroy(map);
}
module_exit(bench_dma_exit);

MODULE_DESCRIPTION("Measures dma_rmap beside an IOMMU");
MODULE_LICENSE("GPL");
