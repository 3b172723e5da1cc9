// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA operations of a map's device, in scheme "stacked": they stand on the
 * DMA API of the parent, whose addresses the device has, too.
 *
 * The parent never moves any data. What it maps is accessed by a CPU, at the
 * memory itself: an IOMMU's translation is not used, nor are bounce buffers, and
 * nothing may be copied from those over the memory when they are given back.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/memremap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>

#include "map.h"
#include "ops.h"
#include "pages.h"
#include "sg.h"

#define PARENT_ATTRS (DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_NO_WARN)

static struct device *parent_of(struct device *dev)
{
	return device_map(dev)->parent;
}

/* Put what the parent has mapped into the table. */
static int remember(struct device *dev, struct rmap_mapping *mapping)
{
	int err;

	mapping->flags |= RMAP_SHARED;
	err = rmap_make(device_map(dev), mapping);
	if (err && mapping->flags & RMAP_SCATTERED)
		rmap_pages_free(mapping->pages);
	return err;
}

static dma_addr_t stacked_map_phys(struct device *dev, phys_addr_t phys,
				   size_t size, enum dma_data_direction dir,
				   unsigned long attrs)
{
	struct rmap_mapping mapping = {
		.phys = phys, .len = size, .dir = dir, .kind = RMAP_PAGE,
	};
	struct device *parent = parent_of(dev);

	if (attrs & DMA_ATTR_MMIO || !size || !valid_dma_direction(dir))
		return DMA_MAPPING_ERROR;
	mapping.addr = dma_map_phys(parent, phys, size, dir, PARENT_ATTRS);
	if (dma_mapping_error(parent, mapping.addr))
		return DMA_MAPPING_ERROR;
	if (!remember(dev, &mapping))
		return mapping.addr;
	dma_unmap_phys(parent, mapping.addr, size, dir, PARENT_ATTRS);
	return DMA_MAPPING_ERROR;
}

/*
 * The parent is asked to undo what it was asked to make. Of a scatterlist that is
 * all of it, so when a segment is unmapped as a page, its address stays taken.
 */
static void unmap_parent(struct device *dev, const struct rmap_mapping *was)
{
	if (was->kind == RMAP_PAGE)
		dma_unmap_phys(parent_of(dev), was->addr, was->len, was->dir,
			       PARENT_ATTRS);
}

static void stacked_unmap_phys(struct device *dev, dma_addr_t addr, size_t size,
			       enum dma_data_direction dir, unsigned long attrs)
{
	struct rmap_mapping was;

	if (rmap_undo(dev, addr, size, dir, RMAP_PAGE, &was))
		unmap_parent(dev, &was);
}

COMPAT_DMA_MAP_PHYS(stacked_map_phys, stacked_unmap_phys)

/* The elements from @sg on whose memory is behind a segment of the parent's. */
static int segment_run(struct scatterlist *sg, unsigned int max_count, u64 len,
		       struct rmap_sg_run *run)
{
	rmap_sg_run_find(sg, max_count, len, true, run);
	return run->len == len ? 0 : -EIO;
}

static int remember_segment(struct device *dev, struct scatterlist *segment,
			    const struct rmap_sg_run *run,
			    enum dma_data_direction dir)
{
	struct rmap_mapping mapping = {
		.addr = sg_dma_address(segment), .len = run->len,
		.phys = sg_phys(run->first), .dir = dir, .kind = RMAP_SG,
	};

	if (run->scattered) {
		mapping.pages = rmap_sg_run_pages(run);
		if (!mapping.pages)
			return -ENOMEM;
		mapping.flags = RMAP_SCATTERED;
	}
	return remember(dev, &mapping);
}

/* Remember the @count segments that the parent has made of @nents elements. */
static int remember_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       int count, enum dma_data_direction dir)
{
	struct scatterlist *sg = sgl, *segment;
	struct rmap_mapping was;
	struct rmap_sg_run run;
	unsigned int i;
	int n, err;

	for_each_sg(sgl, segment, count, n) {
		err = segment_run(sg, nents, sg_dma_len(segment), &run);
		if (!err)
			err = remember_segment(dev, segment, &run, dir);
		if (err)
			goto err_segment;
		nents -= run.count;
		for (i = 0; i < run.count; i++)
			sg = sg_next(sg);
	}
	return 0;

err_segment:
	for_each_sg(sgl, segment, n, i)
		rmap_undo(dev, sg_dma_address(segment), sg_dma_len(segment),
			  dir, RMAP_SG, &was);
	return err;
}

static int stacked_map_sg(struct device *dev, struct scatterlist *sgl,
			  int nents, enum dma_data_direction dir,
			  unsigned long attrs)
{
	struct device *parent = parent_of(dev);
	struct scatterlist *sg;
	int i, count, err;

	if (!valid_dma_direction(dir))
		return -EINVAL;
	for_each_sg(sgl, sg, nents, i) {
		if (!sg->length)
			return -EINVAL;
		if (is_pci_p2pdma_page(sg_page(sg)))
			return -EREMOTEIO;
	}
	count = dma_map_sg_attrs(parent, sgl, nents, dir, PARENT_ATTRS);
	if (!count)
		return -ENOMEM;
	err = remember_sg(dev, sgl, nents, count, dir);
	if (!err)
		return count;
	dma_unmap_sg_attrs(parent, sgl, nents, dir, PARENT_ATTRS);
	return err == -EIO ? err : -ENOMEM;
}

/* As it is mapped, whatever the caller believes. False if it is not, or as a page. */
static bool unmap_segment(struct device *dev, struct scatterlist *segment,
			  enum dma_data_direction *dir)
{
	struct rmap_mapping was;

	if (!rmap_undo(dev, sg_dma_address(segment), sg_dma_len(segment), *dir,
		       RMAP_SG, &was))
		return false;
	unmap_parent(dev, &was);
	*dir = was.dir;
	return was.kind == RMAP_SG;
}

static void stacked_unmap_sg(struct device *dev, struct scatterlist *sgl,
			     int nents, enum dma_data_direction dir,
			     unsigned long attrs)
{
	enum dma_data_direction was = dir;
	struct scatterlist *sg;
	bool all = sg_dma_len(sgl);	/* none: it is not mapped */
	int i;

	for_each_sg(sgl, sg, nents, i) {
		if (!sg_dma_len(sg))
			break;
		was = dir;
		all &= unmap_segment(dev, sg, &was);
	}
	/* What is not mapped would be undone a second time. */
	if (all)
		dma_unmap_sg_attrs(parent_of(dev), sgl, nents, was,
				   PARENT_ATTRS);
}

/* Memory that is mapped from its allocation to its end */

static struct rmap_pages *vmalloc_pages(void *memory, size_t size)
{
	struct rmap_pages *pages;
	size_t offset;

	pages = rmap_pages_alloc(size >> PAGE_SHIFT, GFP_ATOMIC);
	for (offset = 0; pages && offset < size; offset += PAGE_SIZE)
		rmap_page_set(&pages->page[offset >> PAGE_SHIFT],
			      page_to_phys(vmalloc_to_page(memory + offset)));
	return pages;
}

static int remember_memory(struct device *dev, void *memory, dma_addr_t addr,
			   size_t size, enum dma_data_direction dir)
{
	struct rmap_mapping mapping = {
		.addr = addr, .len = size, .dir = dir, .kind = RMAP_COHERENT,
	};

	if (is_vmalloc_addr(memory)) {
		mapping.pages = vmalloc_pages(memory, size);
		if (!mapping.pages)
			return -ENOMEM;
		mapping.flags = RMAP_SCATTERED;
	} else {
		mapping.phys = virt_to_phys(memory);
	}
	return remember(dev, &mapping);
}

static void *stacked_alloc(struct device *dev, size_t size, dma_addr_t *addr,
			   gfp_t gfp, unsigned long attrs)
{
	struct device *parent = parent_of(dev);
	void *memory;

	size = PAGE_ALIGN(size);
	if (!size)
		return NULL;
	memory = dma_alloc_attrs(parent, size, addr, gfp, DMA_ATTR_NO_WARN);
	if (!memory)
		return NULL;
	if (!remember_memory(dev, memory, *addr, size, DMA_BIDIRECTIONAL))
		return memory;
	dma_free_attrs(parent, size, memory, *addr, DMA_ATTR_NO_WARN);
	return NULL;
}

static void stacked_free(struct device *dev, size_t size, void *memory,
			 dma_addr_t addr, unsigned long attrs)
{
	struct rmap_mapping was;

	if (rmap_undo(dev, addr, PAGE_ALIGN(size), DMA_BIDIRECTIONAL,
		      RMAP_COHERENT, &was))
		dma_free_attrs(parent_of(dev), was.len, memory, was.addr,
			       DMA_ATTR_NO_WARN);
}

static struct page *stacked_alloc_pages(struct device *dev, size_t size,
					dma_addr_t *addr,
					enum dma_data_direction dir, gfp_t gfp)
{
	struct device *parent = parent_of(dev);
	struct page *page;

	size = PAGE_ALIGN(size);
	if (!size)
		return NULL;
	page = dma_alloc_pages(parent, size, addr, dir, gfp | __GFP_NOWARN);
	if (!page)
		return NULL;
	if (!remember_memory(dev, page_address(page), *addr, size, dir))
		return page;
	dma_free_pages(parent, size, page, *addr, dir);
	return NULL;
}

static void stacked_free_pages(struct device *dev, size_t size,
			       struct page *page, dma_addr_t addr,
			       enum dma_data_direction dir)
{
	struct rmap_mapping was;

	if (rmap_undo(dev, addr, PAGE_ALIGN(size), dir, RMAP_COHERENT, &was))
		dma_free_pages(parent_of(dev), was.len, page, was.addr,
			       was.dir);
}

static int stacked_mmap(struct device *dev, struct vm_area_struct *vma,
			void *memory, dma_addr_t addr, size_t size,
			unsigned long attrs)
{
	return dma_mmap_attrs(parent_of(dev), vma, memory, addr, size, 0);
}

static int stacked_get_sgtable(struct device *dev, struct sg_table *sgt,
			       void *memory, dma_addr_t addr, size_t size,
			       unsigned long attrs)
{
	return dma_get_sgtable_attrs(parent_of(dev), sgt, memory, addr, size, 0);
}

/* What the parent can do, the map's device can. */
static int stacked_dma_supported(struct device *dev, u64 mask)
{
	return mask >= dma_get_required_mask(parent_of(dev));
}

static u64 stacked_get_required_mask(struct device *dev)
{
	return dma_get_required_mask(parent_of(dev));
}

static size_t stacked_max_mapping_size(struct device *dev)
{
	return dma_max_mapping_size(parent_of(dev));
}

/**
 * rmap_stacked_limits() - give the map's device the parent's limits
 * @map: the map
 *
 * Context: Any.
 */
void rmap_stacked_limits(struct dma_rmap *map)
{
	map->dma_parms.max_segment_size =
		min_t(size_t, dma_get_max_seg_size(map->parent),
		      dma_max_mapping_size(map->parent));
	map->dma_parms.segment_boundary_mask =
		dma_get_seg_boundary(map->parent);
}

/**
 * rmap_stacked_left() - undo in the parent what was left in the map
 * @map: the map
 * @left: the mapping, which is gone from the table
 *
 * Memory that the parent has allocated is not freed, as for schemes without one.
 * Of a scatterlist the parent would have to be given all elements at once, and
 * nobody knows them any more: the addresses stay taken.
 *
 * Context: Process.
 */
void rmap_stacked_left(struct dma_rmap *map, const struct rmap_mapping *left)
{
	unmap_parent(&map->dev, left);
}

const struct dma_map_ops rmap_stacked_ops = {
	COMPAT_DMA_PHYS_OPS(stacked_map_phys, stacked_unmap_phys),
	.map_sg = stacked_map_sg,
	.unmap_sg = stacked_unmap_sg,
	.alloc = stacked_alloc,
	.free = stacked_free,
	.alloc_pages_op = stacked_alloc_pages,
	.free_pages = stacked_free_pages,
	.mmap = stacked_mmap,
	.get_sgtable = stacked_get_sgtable,
	.dma_supported = stacked_dma_supported,
	.get_required_mask = stacked_get_required_mask,
	.max_mapping_size = stacked_max_mapping_size,
};
