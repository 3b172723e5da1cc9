/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows kernel versions.
 *
 * The rest of the suite is written in the newest spelling of each kernel
 * interface; what an older kernel spells differently is adapted here. This
 * header is included before every other one (see src/common.mk).
 */
#ifndef SOFTHCA_COMPAT_H
#define SOFTHCA_COMPAT_H

/*
 * Which address schemes this kernel can have. The symbol is DMA_OPS up to
 * 6.12 and ARCH_HAS_DMA_OPS from there on.
 */
#if IS_ENABLED(CONFIG_DMA_OPS) || IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS)
#define SOFTHCA_HAS_DMA_OPS 1
#else
#define SOFTHCA_HAS_DMA_OPS 0
#endif

/*
 * softhca: timers
 */
#ifndef HAVE_HRTIMER_SETUP
#define hrtimer_setup(timer, fn, clock, mode) do {	\
	hrtimer_init(timer, clock, mode);		\
	(timer)->function = (fn);			\
} while (0)
#endif

/*
 * dma_rmap: struct dma_map_ops
 */
#ifdef HAVE_DMA_MAP_PHYS
#define COMPAT_DMA_MAP_PHYS(map, unmap)
#define COMPAT_DMA_PHYS_OPS(map, unmap)	.map_phys = map, .unmap_phys = unmap
#else
#define COMPAT_DMA_MAP_PHYS(map, unmap)					\
static dma_addr_t map##_page(struct device *dev, struct page *page,	\
			     unsigned long offset, size_t size,		\
			     enum dma_data_direction dir,		\
			     unsigned long attrs)			\
{									\
	return map(dev, page_to_phys(page) + offset, size, dir, attrs);	\
}
#define COMPAT_DMA_PHYS_OPS(map, unmap)					\
	.map_page = map##_page, .unmap_page = unmap
#endif

#ifndef HAVE_DMA_ALLOC_PAGES_OP
#define alloc_pages_op alloc_pages
#endif

#ifndef HAVE_DMA_ATTR_MMIO
#define DMA_ATTR_MMIO 0UL
#endif

#endif /* SOFTHCA_COMPAT_H */
