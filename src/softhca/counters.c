// SPDX-License-Identifier: GPL-2.0
/*
 * The port's counters as the RDMA core reads them: summed over the CPUs, and
 * the refused DMA accesses as the reverse map counts them.
 */
#include <dma_rmap.h>

#include "counters.h"

enum {
	STAT_DMA_UNMAPPED = SOFTHCA_NR_COUNTERS,
	STAT_DMA_BOUNDS,
	STAT_DMA_DIRECTION,
	STAT_DMA_HOLE,
	SOFTHCA_NR_STATS,
};

static const struct rdma_stat_desc softhca_stats[SOFTHCA_NR_STATS] = {
#define SOFTHCA_COUNTER_DESC(id, string) \
	[SOFTHCA_CNT_##id] = { .name = string },
	SOFTHCA_COUNTERS(SOFTHCA_COUNTER_DESC)
#undef SOFTHCA_COUNTER_DESC
	[STAT_DMA_UNMAPPED] = { .name = "dma_fault_unmapped" },
	[STAT_DMA_BOUNDS] = { .name = "dma_fault_bounds" },
	[STAT_DMA_DIRECTION] = { .name = "dma_fault_direction" },
	[STAT_DMA_HOLE] = { .name = "dma_fault_hole" },
};

struct rdma_hw_stats *softhca_alloc_hw_port_stats(struct ib_device *ib,
						  u32 port)
{
	return rdma_alloc_hw_stats_struct(softhca_stats, SOFTHCA_NR_STATS,
					  RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

int softhca_get_hw_stats(struct ib_device *ib, struct rdma_hw_stats *stats,
			 u32 port, int index)
{
	struct softhca_dev *dev = to_softhca(ib);
	struct dma_rmap_stats dma = {};
	int cpu, i;

	if (!port || !stats)
		return -EINVAL;

	for (i = 0; i < SOFTHCA_NR_COUNTERS; i++) {
		stats->value[i] = 0;
		for_each_possible_cpu(cpu)
			stats->value[i] +=
				per_cpu_ptr(dev->counters, cpu)->value[i];
	}

	if (dev->rmap)
		dma_rmap_get_stats(dev->rmap, &dma);
	stats->value[STAT_DMA_UNMAPPED] = dma.faults[DMA_RMAP_FAULT_UNMAPPED];
	stats->value[STAT_DMA_BOUNDS] = dma.faults[DMA_RMAP_FAULT_BOUNDS];
	stats->value[STAT_DMA_DIRECTION] = dma.faults[DMA_RMAP_FAULT_DIRECTION];
	stats->value[STAT_DMA_HOLE] = dma.faults[DMA_RMAP_FAULT_HOLE];

	return SOFTHCA_NR_STATS;
}
