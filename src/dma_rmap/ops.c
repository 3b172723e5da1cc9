// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA operations of a map's device, in schemes "fresh" and "phys".
 *
 * There are none for synchronisation, because who reads and writes the memory
 * here is a CPU, and none for resources, because they are not memory.
 */
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "explain.h"
#include "map.h"
#include "ops.h"
#include "pages.h"
#include "sg.h"
#include "track.h"

/* The unmap of a mapping that there is not. */
static void warn_no_mapping(struct device *dev, u64 addr, size_t size,
			    enum dma_data_direction dir)
{
	char why[RMAP_WHY_SIZE];

	dev_warn_ratelimited(dev, "unmap of %#llx, %zu bytes, %s: no such mapping begins there; nothing was done: %s\n",
			     addr, size, rmap_mapped_how(dir),
			     rmap_explain_unmap(device_map(dev), addr, why,
						sizeof(why)));
}

/* The unmap of a mapping that was made otherwise. */
static void warn_mismatch(struct device *dev, u64 addr, size_t size,
			  enum dma_data_direction dir, enum rmap_kind kind,
			  const struct rmap_mapping *was)
{
	dev_warn_ratelimited(dev, "unmap of %#llx, %zu bytes, %s, by %s, has the wrong%s%s%s: it was mapped with %llu bytes, %s, by %s; all of it is unmapped now\n",
			     addr, size, rmap_mapped_how(dir),
			     rmap_unmapped_by(kind),
			     was->len != size ? " size" : "",
			     was->dir != dir ? " direction" : "",
			     was->kind != kind ? " function" : "",
			     was->len, rmap_mapped_how(was->dir),
			     rmap_mapped_by(was->kind));
}

/* Say what is wrong with an unmap. */
static noinline void warn_unmap(struct device *dev, enum rmap_undo undo,
				u64 addr, size_t size,
				enum dma_data_direction dir,
				enum rmap_kind kind,
				const struct rmap_mapping *was)
{
	if (undo == RMAP_NOT_MAPPED)
		warn_no_mapping(dev, addr, size, dir);
	else
		warn_mismatch(dev, addr, size, dir, kind, was);
	if (rmap_tracking())
		rmap_track_bad_unmap(device_map(dev), addr);
}

/**
 * rmap_undo() - undo a mapping, and say what was wrong about that
 * @dev: the map's device
 * @addr: as for rmap_unmap()
 * @size: as for rmap_unmap()
 * @dir: as for rmap_unmap()
 * @kind: as for rmap_unmap()
 * @was: gets what was mapped, unless nothing was; pages have been freed
 *
 * Context: As for rmap_unmap().
 * Return: true if there was such a mapping.
 */
bool rmap_undo(struct device *dev, u64 addr, size_t size,
	       enum dma_data_direction dir, enum rmap_kind kind,
	       struct rmap_mapping *was)
{
	enum rmap_undo undo;

	undo = rmap_unmap(device_map(dev), addr, size, dir, kind, was);
	if (unlikely(undo != RMAP_UNDONE))
		warn_unmap(dev, undo, addr, size, dir, kind, was);
	if (undo == RMAP_NOT_MAPPED)
		return false;
	if (was->flags & RMAP_SCATTERED)
		rmap_pages_free(was->pages);
	return true;
}

/* Undo a mapping of which nobody needs to know what it was. */
static void undo(struct device *dev, u64 addr, size_t size,
		 enum dma_data_direction dir, enum rmap_kind kind)
{
	struct rmap_mapping was;

	if (unlikely(!rmap_unmap_usual(device_map(dev), addr, size, dir, kind)))
		rmap_undo(dev, addr, size, dir, kind, &was);
}

static dma_addr_t rmap_map_phys(struct device *dev, phys_addr_t phys,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		return DMA_MAPPING_ERROR;
	return rmap_map(device_map(dev), phys, size, dir, RMAP_PAGE);
}

static void rmap_unmap_phys(struct device *dev, dma_addr_t addr, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	undo(dev, addr, size, dir, RMAP_PAGE);
}

COMPAT_DMA_MAP_PHYS(rmap_map_phys, rmap_unmap_phys)

/* Scatterlists */

static void rmap_unmap_sg(struct device *dev, struct scatterlist *sgl,
			  int nents, enum dma_data_direction dir,
			  unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		if (!sg_dma_len(sg))
			break;
		undo(dev, sg_dma_address(sg), sg_dma_len(sg), dir, RMAP_SG);
	}
}

static void sg_run_find(struct device *dev, struct scatterlist *first,
			unsigned int max_count, struct rmap_sg_run *run)
{
	bool fresh = device_map(dev)->scheme == DMA_RMAP_FRESH;
	/* A block of fresh addresses crosses no boundary unless it is wider. */
	u64 addr = fresh ? offset_in_page(sg_phys(first)) : sg_phys(first);
	u64 boundary = dma_get_seg_boundary(dev);
	u64 max_len = min_t(u64, dma_get_max_seg_size(dev) - 1,
			    boundary - (addr & boundary)) + 1;

	/* Where an element has one length only, it stays alone. */
	if (!IS_ENABLED(CONFIG_NEED_SG_DMA_LENGTH))
		max_count = 1;
	rmap_sg_run_find(first, max_count, max_len, fresh, run);
}

/* Map a run, or as much of it as memory suffices for. */
static int sg_run_map(struct dma_rmap *map, struct rmap_sg_run *run,
		      enum dma_data_direction dir, struct scatterlist *out)
{
	struct rmap_mapping mapping = {
		.addr = offset_in_page(sg_phys(run->first)),
		.phys = sg_phys(run->first), .dir = dir, .kind = RMAP_SG,
	};
	int err;

	if (map->scheme == DMA_RMAP_PHYS) {
		mapping.addr = mapping.phys;
		mapping.flags = RMAP_SHARED;
	} else if (run->scattered) {
		mapping.pages = rmap_sg_run_pages(run);
		if (mapping.pages) {
			mapping.flags = RMAP_SCATTERED;
		} else {
			mapping.phys = sg_phys(run->first);
			run->count = 1;
			run->len = run->first->length;
		}
	}
	mapping.len = run->len;
	err = rmap_make(map, &mapping);
	if (err) {
		if (mapping.flags & RMAP_SCATTERED)
			rmap_pages_free(mapping.pages);
		return err == -EINVAL ? err : -ENOMEM;
	}
	sg_dma_address(out) = mapping.addr;
	sg_dma_len(out) = mapping.len;
	return 0;
}

static int check_sg(struct scatterlist *sgl, int nents)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i) {
		if (!sg->length)
			return -EINVAL;
		if (is_pci_p2pdma_page(sg_page(sg)))
			return -EREMOTEIO;
	}
	return 0;
}

/* In scheme "fresh" what runs past the end of a run is noticed: a guard follows. */
static int rmap_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_rmap *map = device_map(dev);
	struct scatterlist *sg = sgl, *out = sgl;
	struct rmap_sg_run run;
	unsigned int i;
	int done, count = 0;
	int err;

	err = valid_dma_direction(dir) ? check_sg(sgl, nents) : -EINVAL;
	if (err)
		return err;
	for (done = 0; done < nents; done += run.count) {
		sg_run_find(dev, sg, nents - done, &run);
		err = sg_run_map(map, &run, dir, out);
		if (err)
			goto err_run;
		count++;
		out = sg_next(out);
		for (i = 0; i < run.count; i++)
			sg = sg_next(sg);
	}
	if (count < nents)
		sg_dma_len(out) = 0;	/* the end, for who unmaps it */
	return count;

err_run:
	rmap_unmap_sg(dev, sgl, count, dir, attrs);
	return err;
}

/* Memory that is mapped from its allocation to its end. */
static void *rmap_alloc_memory(struct device *dev, size_t size,
			       dma_addr_t *addr, enum dma_data_direction dir,
			       gfp_t gfp)
{
	void *memory;

	size = PAGE_ALIGN(size);
	if (!size)
		return NULL;
	memory = alloc_pages_exact(size, (gfp & ~__GFP_COMP) | __GFP_ZERO |
					 __GFP_NOWARN);
	if (!memory)
		return NULL;
	*addr = rmap_map(device_map(dev), virt_to_phys(memory), size, dir,
			 RMAP_COHERENT);
	if (*addr != DMA_MAPPING_ERROR)
		return memory;
	free_pages_exact(memory, size);
	return NULL;
}

/* What the map remembers is freed, whatever the caller believes it to be. */
static void rmap_free_memory(struct device *dev, size_t size, void *memory,
			     dma_addr_t addr, enum dma_data_direction dir)
{
	struct rmap_mapping was;

	if (!rmap_undo(dev, addr, PAGE_ALIGN(size), dir, RMAP_COHERENT, &was))
		return;
	if (unlikely(virt_to_phys(memory) != was.phys))
		dev_warn_ratelimited(dev, "memory freed at %#llx is not what was allocated there\n",
				     was.addr);
	free_pages_exact(page_address(pfn_to_page(PHYS_PFN(was.phys))),
			 was.len);
}

static void *rmap_alloc(struct device *dev, size_t size, dma_addr_t *addr,
			gfp_t gfp, unsigned long attrs)
{
	return rmap_alloc_memory(dev, size, addr, DMA_BIDIRECTIONAL, gfp);
}

static void rmap_free(struct device *dev, size_t size, void *memory,
		      dma_addr_t addr, unsigned long attrs)
{
	rmap_free_memory(dev, size, memory, addr, DMA_BIDIRECTIONAL);
}

static struct page *rmap_alloc_pages(struct device *dev, size_t size,
				     dma_addr_t *addr,
				     enum dma_data_direction dir, gfp_t gfp)
{
	void *memory = rmap_alloc_memory(dev, size, addr, dir, gfp);

	return memory ? virt_to_page(memory) : NULL;
}

static void rmap_free_pages(struct device *dev, size_t size, struct page *page,
			    dma_addr_t addr, enum dma_data_direction dir)
{
	rmap_free_memory(dev, size, page_address(page), addr, dir);
}

static int rmap_mmap(struct device *dev, struct vm_area_struct *vma,
		     void *memory, dma_addr_t addr, size_t size,
		     unsigned long attrs)
{
	unsigned long pages = PAGE_ALIGN(size) >> PAGE_SHIFT;
	unsigned long first = vma->vm_pgoff;

	if (first >= pages || vma_pages(vma) > pages - first)
		return -ENXIO;
	return remap_pfn_range(vma, vma->vm_start,
			       PHYS_PFN(virt_to_phys(memory)) + first,
			       vma_pages(vma) << PAGE_SHIFT, vma->vm_page_prot);
}

static int rmap_get_sgtable(struct device *dev, struct sg_table *sgt,
			    void *memory, dma_addr_t addr, size_t size,
			    unsigned long attrs)
{
	int err = sg_alloc_table(sgt, 1, GFP_KERNEL);

	if (!err)
		sg_set_page(sgt->sgl, virt_to_page(memory), PAGE_ALIGN(size),
			    0);
	return err;
}

static u64 rmap_get_required_mask(struct device *dev)
{
	return DMA_BIT_MASK(RMAP_ADDR_BITS);
}

static int rmap_dma_supported(struct device *dev, u64 mask)
{
	return mask >= rmap_get_required_mask(dev);
}

static size_t rmap_max_mapping_size(struct device *dev)
{
	return (1ULL << RMAP_MAX_ORDER) - 2 * PAGE_SIZE;
}

const struct dma_map_ops rmap_dma_ops = {
	COMPAT_DMA_PHYS_OPS(rmap_map_phys, rmap_unmap_phys),
	.map_sg = rmap_map_sg,
	.unmap_sg = rmap_unmap_sg,
	.alloc = rmap_alloc,
	.free = rmap_free,
	.alloc_pages_op = rmap_alloc_pages,
	.free_pages = rmap_free_pages,
	.mmap = rmap_mmap,
	.get_sgtable = rmap_get_sgtable,
	.dma_supported = rmap_dma_supported,
	.get_required_mask = rmap_get_required_mask,
	.max_mapping_size = rmap_max_mapping_size,
};
