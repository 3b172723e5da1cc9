/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's DMA API in user space: devices with DMA operations, scatterlists,
 * and memory to allocate. A part of shim.h.
 */
#ifndef SHIM_DMA_H
#define SHIM_DMA_H

#define DMA_MAPPING_ERROR	(~(dma_addr_t)0)
#define DMA_BIT_MASK(n)		((n) == 64 ? ~0ULL : (1ULL << (n)) - 1)

#define DMA_ATTR_SKIP_CPU_SYNC	BIT(5)
#define DMA_ATTR_NO_WARN	BIT(8)
#define DMA_ATTR_MMIO		BIT(10)

enum dma_data_direction {
	DMA_BIDIRECTIONAL,
	DMA_TO_DEVICE,
	DMA_FROM_DEVICE,
	DMA_NONE,
};

#define valid_dma_direction(dir) ((unsigned int)(dir) < DMA_NONE)

/* devices */

struct device_dma_parameters {
	unsigned int max_segment_size;
	unsigned long segment_boundary_mask;
};

/* @references: what get_device() has taken */
struct device {
	const char *name;
	const struct dma_map_ops *dma_ops;
	struct device_dma_parameters *dma_parms;
	int references;
};

#define dev_name(dev)		((dev)->name)
#define get_device(dev) \
	((void)__atomic_add_fetch(&(dev)->references, 1, __ATOMIC_RELAXED))
#define put_device(dev) \
	((void)__atomic_sub_fetch(&(dev)->references, 1, __ATOMIC_RELAXED))

/* Nothing is printed: the last line, and how many there have been. */
#define SHIM_LOG_SIZE 512
extern char shim_log[SHIM_LOG_SIZE];
extern unsigned int shim_log_lines;
void shim_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define dev_warn_ratelimited(dev, ...) ((void)(dev), shim_warn(__VA_ARGS__))

/* memory to allocate: pages from SHIM_ALLOC_FIRST on */

#define SHIM_ALLOC_FIRST	(SHIM_PAGES / 2)

extern unsigned long shim_pages_taken;	/* what is not freed */

void *alloc_pages_exact(size_t size, gfp_t gfp);
void free_pages_exact(void *memory, size_t size);

/* Kernel addresses of pages that are not contiguous; nothing is there. */
#define SHIM_VMALLOC_PAGES	64
extern u8 shim_vmalloc[SHIM_VMALLOC_PAGES * PAGE_SIZE];
extern struct page *shim_vmalloc_page[SHIM_VMALLOC_PAGES];

#define is_vmalloc_addr(p) \
	((uintptr_t)(p) - (uintptr_t)shim_vmalloc < sizeof(shim_vmalloc))
#define vmalloc_to_page(p) \
	shim_vmalloc_page[((uintptr_t)(p) - (uintptr_t)shim_vmalloc) / PAGE_SIZE]

/* mapping into user space: what was asked for last */

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_pgoff;
	unsigned long vm_page_prot;
	unsigned long pages;
	u64 pfn;
	unsigned long size;
};

#define vma_pages(vma)		((vma)->pages)

static inline int remap_pfn_range(struct vm_area_struct *vma,
				  unsigned long start, u64 pfn,
				  unsigned long size, unsigned long prot)
{
	vma->pfn = pfn;
	vma->size = size;
	return 0;
}

/* Scatterlists: elements are linked, and need not be beside each other. */

struct scatterlist {
	struct page *page;
	unsigned int offset;
	unsigned int length;
	dma_addr_t dma_address;
	unsigned int dma_length;
	struct scatterlist *next;
};

struct sg_table {
	struct scatterlist *sgl;
	unsigned int nents;
};

#define sg_page(sg)		((sg)->page)
#define sg_phys(sg)		(page_to_phys((sg)->page) + (sg)->offset)
#define sg_next(sg)		((sg)->next)
#define sg_dma_address(sg)	((sg)->dma_address)
#define sg_dma_len(sg)		((sg)->dma_length)
#define for_each_sg(sgl, sg, nents, i)					\
	for ((i) = 0, (sg) = (sgl); (i) < (nents); (i)++, (sg) = sg_next(sg))
#define is_pci_p2pdma_page(page) ((page)->p2pdma)

static inline void sg_set_page(struct scatterlist *sg, struct page *page,
			       unsigned int len, unsigned int offset)
{
	sg->page = page;
	sg->offset = offset;
	sg->length = len;
}

int sg_alloc_table(struct sg_table *sgt, unsigned int nents, gfp_t gfp);
void sg_free_table(struct sg_table *sgt);

/* What src/compat.h adapts is as in the newest kernel here. */
struct dma_map_ops {
	dma_addr_t (*map_phys)(struct device *dev, phys_addr_t phys,
			       size_t size, enum dma_data_direction dir,
			       unsigned long attrs);
	void (*unmap_phys)(struct device *dev, dma_addr_t addr, size_t size,
			   enum dma_data_direction dir, unsigned long attrs);
	int (*map_sg)(struct device *dev, struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir, unsigned long attrs);
	void (*unmap_sg)(struct device *dev, struct scatterlist *sgl, int nents,
			 enum dma_data_direction dir, unsigned long attrs);
	void *(*alloc)(struct device *dev, size_t size, dma_addr_t *addr,
		       gfp_t gfp, unsigned long attrs);
	void (*free)(struct device *dev, size_t size, void *memory,
		     dma_addr_t addr, unsigned long attrs);
	struct page *(*alloc_pages_op)(struct device *dev, size_t size,
				       dma_addr_t *addr,
				       enum dma_data_direction dir, gfp_t gfp);
	void (*free_pages)(struct device *dev, size_t size, struct page *page,
			   dma_addr_t addr, enum dma_data_direction dir);
	int (*mmap)(struct device *dev, struct vm_area_struct *vma,
		    void *memory, dma_addr_t addr, size_t size,
		    unsigned long attrs);
	int (*get_sgtable)(struct device *dev, struct sg_table *sgt,
			   void *memory, dma_addr_t addr, size_t size,
			   unsigned long attrs);
	int (*dma_supported)(struct device *dev, u64 mask);
	u64 (*get_required_mask)(struct device *dev);
	size_t (*max_mapping_size)(struct device *dev);
};

/* The API: what the device's operations do */

#define dma_mapping_error(dev, addr) ((addr) == DMA_MAPPING_ERROR)
#define dma_map_phys(dev, ...)	((dev)->dma_ops->map_phys(dev, __VA_ARGS__))
#define dma_unmap_phys(dev, ...) ((dev)->dma_ops->unmap_phys(dev, __VA_ARGS__))
#define dma_unmap_sg_attrs(dev, ...) \
	((dev)->dma_ops->unmap_sg(dev, __VA_ARGS__))
#define dma_alloc_attrs(dev, ...) ((dev)->dma_ops->alloc(dev, __VA_ARGS__))
#define dma_free_attrs(dev, ...) ((dev)->dma_ops->free(dev, __VA_ARGS__))
#define dma_alloc_pages(dev, ...) \
	((dev)->dma_ops->alloc_pages_op(dev, __VA_ARGS__))
#define dma_free_pages(dev, ...) ((dev)->dma_ops->free_pages(dev, __VA_ARGS__))
#define dma_mmap_attrs(dev, ...) ((dev)->dma_ops->mmap(dev, __VA_ARGS__))
#define dma_get_sgtable_attrs(dev, ...) \
	((dev)->dma_ops->get_sgtable(dev, __VA_ARGS__))
#define dma_get_required_mask(dev) ((dev)->dma_ops->get_required_mask(dev))
#define dma_max_mapping_size(dev) ((dev)->dma_ops->max_mapping_size(dev))

/* An error is no segments, and which one is lost. */
static inline unsigned int dma_map_sg_attrs(struct device *dev,
					    struct scatterlist *sgl, int nents,
					    enum dma_data_direction dir,
					    unsigned long attrs)
{
	int count = dev->dma_ops->map_sg(dev, sgl, nents, dir, attrs);

	return count < 0 ? 0 : count;
}

static inline unsigned int dma_get_max_seg_size(struct device *dev)
{
	return dev->dma_parms->max_segment_size;
}

static inline unsigned long dma_get_seg_boundary(struct device *dev)
{
	return dev->dma_parms->segment_boundary_mask;
}

#endif /* SHIM_DMA_H */
