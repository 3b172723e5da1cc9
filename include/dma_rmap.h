/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dma_rmap: a reverse map from DMA addresses to pages.
 *
 * A map owns a struct device. What is mapped for that device through the DMA
 * API gets a device address that the map has issued and remembers; whoever
 * plays the device with the CPU (a software HCA) asks the map which memory an
 * address stands for. A map knows each mapping's range and direction, and an
 * address that it has not issued, or whose mapping is gone, resolves to
 * nothing.
 *
 * Hardware cannot touch memory after dma_unmap_*() has returned, and neither
 * can a user of this API: memory is reached between dma_rmap_get() and
 * dma_rmap_put() only, with interrupts off, and unmapping waits for a piece that
 * is held.
 *
 * Throughout, a direction is what the device does: DMA_TO_DEVICE reads memory,
 * DMA_FROM_DEVICE writes it, DMA_BIDIRECTIONAL does both. A mapping made with
 * DMA_BIDIRECTIONAL allows each of them.
 */
#ifndef DMA_RMAP_H
#define DMA_RMAP_H

#include <linux/dma-direction.h>
#include <linux/types.h>

struct device;
struct dma_rmap;
struct dma_rmap_entry;
struct page;
struct rmap_pages;

/**
 * enum dma_rmap_scheme - how a map chooses device addresses
 * @DMA_RMAP_FRESH: an address of its own for each mapping, above all physical
 *	addresses, not used again until the space of addresses has wrapped
 * @DMA_RMAP_STACKED: what the DMA API of another device, the parent, gives: an
 *	IOMMU's addresses, those of bounce buffers, or physical ones
 * @DMA_RMAP_PHYS: the physical address
 */
enum dma_rmap_scheme {
	DMA_RMAP_FRESH,
	DMA_RMAP_STACKED,
	DMA_RMAP_PHYS,
};

/**
 * struct dma_rmap_attr - what kind of map to create
 * @scheme: how it chooses device addresses
 * @parent: with %DMA_RMAP_STACKED, the device whose DMA API is used: a driver's
 *	own, with its DMA mask set, that stays bound to it until the map has been
 *	destroyed; its limits on the size of mappings and segments become the
 *	map's
 * @unchecked: with %DMA_RMAP_PHYS, remember no mappings: all of the machine's
 *	memory can be accessed at any time, and nothing is found out
 */
struct dma_rmap_attr {
	enum dma_rmap_scheme scheme;
	struct device *parent;
	bool unchecked;
};

/**
 * enum dma_rmap_fault - why an address range was refused
 * @DMA_RMAP_FAULT_UNMAPPED: no live mapping holds its first byte
 * @DMA_RMAP_FAULT_BOUNDS: it begins in a live mapping and runs past its end
 * @DMA_RMAP_FAULT_DIRECTION: the mapping does not allow this access
 * @DMA_RMAP_FAULT_HOLE: it is in a reserved range, where nothing is linked
 * @DMA_RMAP_NR_FAULTS: the number of reasons
 */
enum dma_rmap_fault {
	DMA_RMAP_FAULT_UNMAPPED,
	DMA_RMAP_FAULT_BOUNDS,
	DMA_RMAP_FAULT_DIRECTION,
	DMA_RMAP_FAULT_HOLE,
	DMA_RMAP_NR_FAULTS,
};

/**
 * struct dma_rmap_stats - counters of one map, since its creation
 * @maps: mappings made
 * @unmaps: mappings undone
 * @live: mappings now
 * @live_bytes: bytes mapped now
 * @no_memory: mappings refused because memory was short
 * @bad_unmaps: unmaps of an address, size or direction that was not mapped so
 * @injected: mappings that failed on purpose, see the knobs in debugfs
 * @faults: refused accesses, by reason
 */
struct dma_rmap_stats {
	u64 maps;
	u64 unmaps;
	u64 live;
	u64 live_bytes;
	u64 no_memory;
	u64 bad_unmaps;
	u64 injected;
	u64 faults[DMA_RMAP_NR_FAULTS];
};

/**
 * struct dma_rmap_span - a physically contiguous piece of a resolved range
 * @page: the page that holds its first byte
 * @offset: that byte's offset in @page, less than PAGE_SIZE
 * @len: bytes; the piece may run on into the pages that follow @page
 */
struct dma_rmap_span {
	struct page *page;
	unsigned int offset;
	size_t len;
};

typedef int dma_rmap_span_fn(const struct dma_rmap_span *span, void *arg);

/**
 * struct dma_rmap_ref - a piece of a mapping, held against its unmapping
 * @entry: the mapping; opaque
 * @link: its page's place in the mapping, if it is held alone; opaque
 * @page: the page that the piece lies in
 * @offset: where it begins in @page
 * @len: its bytes; it ends within @page
 */
struct dma_rmap_ref {
	struct dma_rmap_entry *entry;
	atomic64_t *link;
	struct page *page;
	unsigned int offset;
	unsigned int len;
};

/**
 * struct dma_rmap_range - reserved device addresses, that pages are linked into
 * @map: the map
 * @pages: what is linked; opaque
 * @addr: the device address of the first byte
 * @len: bytes
 * @dir: what the device may do
 */
struct dma_rmap_range {
	struct dma_rmap *map;
	struct rmap_pages *pages;
	dma_addr_t addr;
	size_t len;
	enum dma_data_direction dir;
};

/*
 * Each is described where it is defined: src/dma_rmap/main.c, access.c, explain.c,
 * range.c.
 */

struct dma_rmap *dma_rmap_create(const char *name,
				 const struct dma_rmap_attr *attr);
void dma_rmap_destroy(struct dma_rmap *map);
struct device *dma_rmap_device(struct dma_rmap *map);
struct dma_rmap *dma_rmap_from_device(struct device *dev);
void dma_rmap_get_attr(const struct dma_rmap *map, struct dma_rmap_attr *attr);
void dma_rmap_get_stats(struct dma_rmap *map, struct dma_rmap_stats *stats);

int dma_rmap_check(struct dma_rmap *map, dma_addr_t addr, size_t len,
		   enum dma_data_direction dir);
int dma_rmap_get(struct dma_rmap *map, dma_addr_t addr, size_t len,
		 enum dma_data_direction dir, struct dma_rmap_ref *ref);
void dma_rmap_put(struct dma_rmap_ref *ref);
int dma_rmap_walk_spans(struct dma_rmap *map, dma_addr_t addr, size_t len,
			enum dma_data_direction dir, dma_rmap_span_fn *fn,
			void *arg);
int dma_rmap_copy_from(struct dma_rmap *map, void *dst, dma_addr_t addr,
		       size_t len);
int dma_rmap_copy_to(struct dma_rmap *map, dma_addr_t addr, const void *src,
		     size_t len);

int dma_rmap_explain(struct dma_rmap *map, dma_addr_t addr, size_t len,
		     enum dma_data_direction dir, char *buf, size_t size);

int dma_rmap_reserve(struct dma_rmap *map, struct dma_rmap_range *range,
		     unsigned int offset, size_t len,
		     enum dma_data_direction dir, gfp_t gfp);
int dma_rmap_link(struct dma_rmap_range *range, size_t offset,
		  phys_addr_t phys, size_t len);
size_t dma_rmap_unlink(struct dma_rmap_range *range, size_t offset, size_t len);
void dma_rmap_free_range(struct dma_rmap_range *range);

#endif /* DMA_RMAP_H */
