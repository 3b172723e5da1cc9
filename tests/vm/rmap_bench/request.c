// SPDX-License-Identifier: GPL-2.0
/*
 * Requests of several pages, mapped in two steps beside dma_map_sg(): from nothing
 * to mapped, and back. Of a scatterlist that is its allocation, filling it in,
 * mapping, unmapping, and freeing it; of a range reserving it, linking the pages,
 * and freeing it. Writes lines to the kernel log:
 *
 *	rmap_bench: request BYTES RUN and nanoseconds by scatterlist, in two steps, and
 *		by scatterlist on the device behind the IOMMU (0: there is none)
 *
 * The memory is in runs of RUN contiguous pages: an element of the scatterlist each,
 * and linked by one call each. The least of several rounds counts.
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>

#include "dma.h"
#include "dma_rmap.h"

#define ORDER		9	/* of the memory, half of which is used */
#define MOST		(1U << (ORDER - 1))
#define LONG_RUN	16U
#define PAGES_IN_ROUND	(4 * MOST)

static struct page *memory;
static struct dma_rmap *map;

/**
 * struct request - what is mapped
 * @pages: how many
 * @run: so many are contiguous
 */
struct request {
	unsigned int pages;
	unsigned int run;
};

/* The page that the run from @first on begins with; after each there is a gap. */
static struct page *run_page(unsigned int first)
{
	return memory + 2 * first;
}

static size_t run_bytes(const struct request *r, unsigned int first)
{
	return (size_t)min(r->run, r->pages - first) * PAGE_SIZE;
}

/* Is all of it mapped, and its last page the right one? */
static int see(const struct request *r, dma_addr_t addr)
{
	unsigned int last = (r->pages - 1) / r->run * r->run;
	struct page *wanted = run_page(last) + (r->pages - 1 - last);
	size_t len = (size_t)r->pages * PAGE_SIZE;
	struct dma_rmap_ref ref;
	unsigned long flags;
	int err;

	err = dma_rmap_check(map, addr, len, DMA_FROM_DEVICE);
	local_irq_save(flags);
	if (!err)
		err = dma_rmap_get(map, addr + len - 1, 1, DMA_FROM_DEVICE, &ref);
	if (!err) {
		err = ref.page == wanted ? 0 : -EINVAL;
		dma_rmap_put(&ref);
	}
	local_irq_restore(flags);
	return err;
}

static int by_sg(struct device *dev, const struct request *r, bool look)
{
	struct scatterlist *sg;
	struct sg_table sgt;
	unsigned int i;
	int err;

	err = sg_alloc_table(&sgt, DIV_ROUND_UP(r->pages, r->run), GFP_KERNEL);
	if (err)
		return err;
	for_each_sgtable_sg(&sgt, sg, i)
		sg_set_page(sg, run_page(i * r->run), run_bytes(r, i * r->run), 0);
	err = dma_map_sgtable(dev, &sgt, DMA_BIDIRECTIONAL, 0);
	if (!err) {
		if (look)
			err = see(r, sg_dma_address(sgt.sgl));
		dma_unmap_sgtable(dev, &sgt, DMA_BIDIRECTIONAL, 0);
	}
	sg_free_table(&sgt);
	return err;
}

static int by_range(struct device *dev, const struct request *r, bool look)
{
	struct dma_rmap_range range;
	unsigned int i;
	int err;

	err = dma_rmap_reserve(map, &range, 0, (size_t)r->pages * PAGE_SIZE,
			       DMA_BIDIRECTIONAL, GFP_KERNEL);
	if (err)
		return err;
	for (i = 0; i < r->pages && !err; i += r->run)
		err = dma_rmap_link(&range, (size_t)i * PAGE_SIZE,
				    page_to_phys(run_page(i)), run_bytes(r, i));
	if (!err && look)
		err = see(r, range.addr);
	dma_rmap_free_range(&range);
	return err;
}

typedef int way_fn(struct device *dev, const struct request *r, bool look);

static __always_inline int time_round(way_fn *way, struct device *dev,
				      const struct request *r, u64 *best)
{
	unsigned int n = PAGES_IN_ROUND / r->pages, i;
	u64 begin = ktime_get_ns();
	int err = 0;

	for (i = 0; i < n && !err; i++)
		err = way(dev, r, false);
	*best = min(*best, div_u64(ktime_get_ns() - begin, n));
	cond_resched();
	return err;
}

static int measure(const struct request *r, struct device *iommu, unsigned int rounds)
{
	u64 sg = U64_MAX, range = U64_MAX, behind = U64_MAX;
	struct device *dev = dma_rmap_device(map);
	int err;

	err = by_sg(dev, r, true) ?: by_range(dev, r, true);
	while (rounds-- && !err) {
		err = time_round(by_sg, dev, r, &sg) ?:
		      time_round(by_range, dev, r, &range);
		if (iommu && !err)
			err = time_round(by_sg, iommu, r, &behind);
	}
	if (err)
		pr_err("rmap_bench: request of %u pages: error %d\n", r->pages, err);
	else
		pr_info("rmap_bench: request %lu %u %llu %llu %llu\n",
			r->pages * PAGE_SIZE, r->run, sg, range, iommu ? behind : 0);
	return err;
}

static int measure_sizes(unsigned int run, struct device *iommu, unsigned int rounds)
{
	struct request r = { .run = run };
	int err = 0;

	for (r.pages = run; r.pages <= MOST && !err; r.pages *= 4)
		err = measure(&r, iommu, rounds);
	return err;
}

/**
 * bench_requests() - measure requests
 * @rmap: the map
 * @iommu: a device behind an IOMMU, or NULL
 * @rounds: the least time of so many counts
 *
 * Context: Process.
 * Return: 0, -ENOMEM, or what went wrong with a mapping.
 */
int bench_requests(struct dma_rmap *rmap, struct device *iommu, unsigned int rounds)
{
	int err;

	memory = alloc_pages(GFP_KERNEL, ORDER);
	if (!memory)
		return -ENOMEM;
	map = rmap;
	err = measure_sizes(1, iommu, rounds);
	if (!err)
		err = measure_sizes(LONG_RUN, iommu, rounds);
	__free_pages(memory, ORDER);
	return err;
}
