// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA operations of a map's device.
 *
 * There are none for synchronisation, because who reads and writes the memory
 * here is a CPU, and none for resources, because they are not memory.
 */
#include <linux/device.h>
#include <linux/gfp.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "map.h"
#include "ops.h"

static struct dma_rmap *device_map(struct device *dev)
{
	return container_of(dev, struct dma_rmap, dev);
}

/* Say what is wrong with an unmap. */
static void warn_unmap(struct device *dev, enum rmap_undo undo, u64 addr,
		       size_t size, enum dma_data_direction dir,
		       const struct rmap_mapping *was)
{
	if (undo == RMAP_NOT_MAPPED)
		dev_warn_ratelimited(dev, "unmap of %#llx, %zu bytes for %s: no such mapping begins there; nothing was done\n",
				     addr, size, rmap_dir_name(dir));
	else
		dev_warn_ratelimited(dev, "unmap of %#llx, %zu bytes for %s: it was mapped with %llu bytes for %s, and all of it is unmapped now\n",
				     addr, size, rmap_dir_name(dir), was->len,
				     rmap_dir_name(was->dir));
}

static dma_addr_t rmap_map_phys(struct device *dev, phys_addr_t phys,
				size_t size, enum dma_data_direction dir,
				unsigned long attrs)
{
	if (attrs & DMA_ATTR_MMIO)
		return DMA_MAPPING_ERROR;
	return rmap_map(device_map(dev), phys, size, dir, RMAP_STREAMING);
}

static void rmap_unmap_phys(struct device *dev, dma_addr_t addr, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	struct rmap_mapping was;
	enum rmap_undo undo;

	undo = rmap_unmap(device_map(dev), addr, size, dir, RMAP_STREAMING,
			  &was);
	if (unlikely(undo != RMAP_UNDONE))
		warn_unmap(dev, undo, addr, size, dir, &was);
}

COMPAT_DMA_MAP_PHYS(rmap_map_phys, rmap_unmap_phys)

static void rmap_unmap_sg(struct device *dev, struct scatterlist *sgl,
			  int nents, enum dma_data_direction dir,
			  unsigned long attrs)
{
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i)
		rmap_unmap_phys(dev, sg_dma_address(sg), sg_dma_len(sg), dir,
				attrs);
}

/*
 * Each element is a mapping of its own, with guards, so what runs past its end
 * is noticed. Elements that adjoin in memory are not merged: those who build
 * scatterlists have done that.
 */
static int rmap_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
		       enum dma_data_direction dir, unsigned long attrs)
{
	struct dma_rmap *map = device_map(dev);
	struct scatterlist *sg;
	int err = -EINVAL;
	u64 addr;
	int i;

	if (!valid_dma_direction(dir))
		return -EINVAL;
	for_each_sg(sgl, sg, nents, i) {
		if (!sg->length)
			goto err_element;
		if (is_pci_p2pdma_page(sg_page(sg))) {
			err = -EREMOTEIO;
			goto err_element;
		}
		addr = rmap_map(map, sg_phys(sg), sg->length, dir,
				RMAP_STREAMING);
		if (addr == DMA_MAPPING_ERROR) {
			err = -ENOMEM;
			goto err_element;
		}
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = sg->length;
	}
	return nents;

err_element:
	rmap_unmap_sg(dev, sgl, i, dir, attrs);
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
	enum rmap_undo undo;

	size = PAGE_ALIGN(size);
	undo = rmap_unmap(device_map(dev), addr, size, dir, RMAP_COHERENT, &was);
	if (unlikely(undo != RMAP_UNDONE))
		warn_unmap(dev, undo, addr, size, dir, &was);
	if (undo == RMAP_NOT_MAPPED)
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

static int rmap_dma_supported(struct device *dev, u64 mask)
{
	return mask >= DMA_BIT_MASK(RMAP_ADDR_BITS);
}

static u64 rmap_get_required_mask(struct device *dev)
{
	return DMA_BIT_MASK(RMAP_ADDR_BITS);
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
