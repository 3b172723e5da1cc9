// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own two-step mapping, dma_iova_*(): it is for devices that the
 * kernel's IOMMU code serves. For a map's it has to say no, and whoever asks maps
 * page by page then.
 */
#include <linux/dma-mapping.h>
#include <linux/string.h>

#include "rmap_ops.h"

#define PAGES (BUF_SIZE / PAGE_SIZE)

/* As a driver does it: with IOVA if it can, else with an address for each page. */
void test_iova(void)
{
	struct dma_iova_state state = {};
	dma_addr_t addr[PAGES];
	unsigned int i;

	if (!SOFTHCA_HAS_DMA_IOVA) {
		skipped = "not on this kernel: it has no dma_iova_try_alloc()";
		return;
	}
	/* what was there before is not taken for an answer */
	memset(&state, 0xff, sizeof(state));
	check(!dma_iova_try_alloc(dev, &state, virt_to_phys(buf), BUF_SIZE));
	check(!dma_use_iova(&state));
	fill(buf, BUF_SIZE, 51);
	for (i = 0; i < PAGES; i++) {
		addr[i] = dma_map_phys(dev, virt_to_phys(buf + i * PAGE_SIZE),
				       PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
		check(!dma_mapping_error(dev, addr[i]));
	}
	for (i = 0; i < PAGES; i++) {
		memset(copy, 0, PAGE_SIZE);
		check(!dma_rmap_copy_from(map, copy, addr[i], PAGE_SIZE));
		check(!memcmp(copy, buf + i * PAGE_SIZE, PAGE_SIZE));
	}
	check(!dma_rmap_copy_to(map, addr[2] + 5, "third", 5));
	check(!memcmp(buf + 2 * PAGE_SIZE + 5, "third", 5));
	for (i = 0; i < PAGES; i++)
		dma_unmap_phys(dev, addr[i], PAGE_SIZE, DMA_BIDIRECTIONAL, 0);
	check(dma_rmap_check(map, addr[0], 1, DMA_TO_DEVICE) == refused(-EFAULT));
}
