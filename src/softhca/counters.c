// SPDX-License-Identifier: GPL-2.0
/*
 * The port's counters as the RDMA core reads them: summed over the CPUs, and
 * the refused DMA accesses as the reverse map counts them.
 *
 * A QP can be bound to a counter of its own, or of all of its process (`rdma
 * statistic qp`). What it does is counted there then and not with the port: the
 * core adds up the port, its counters, and those that are gone. The reverse map
 * knows no QPs, so of a counter its values are 0.
 */
#include <linux/slab.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_counter.h>
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

static void sum_up(struct rdma_hw_stats *stats,
		   const struct softhca_counters __percpu *counters)
{
	int cpu, i;

	for (i = 0; i < SOFTHCA_NR_COUNTERS; i++) {
		stats->value[i] = 0;
		for_each_possible_cpu(cpu)
			stats->value[i] += per_cpu_ptr(counters, cpu)->value[i];
	}
}

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

	if (!port || !stats)
		return -EINVAL;

	sum_up(stats, dev->counters);

	if (dev->rmap)
		dma_rmap_get_stats(dev->rmap, &dma);
	stats->value[STAT_DMA_UNMAPPED] = dma.faults[DMA_RMAP_FAULT_UNMAPPED];
	stats->value[STAT_DMA_BOUNDS] = dma.faults[DMA_RMAP_FAULT_BOUNDS];
	stats->value[STAT_DMA_DIRECTION] = dma.faults[DMA_RMAP_FAULT_DIRECTION];
	stats->value[STAT_DMA_HOLE] = dma.faults[DMA_RMAP_FAULT_HOLE];

	return SOFTHCA_NR_STATS;
}

/* The port's, for the core adds them up one by one. */
struct rdma_hw_stats *softhca_counter_alloc_stats(struct rdma_counter *counter)
{
	return rdma_alloc_hw_stats_struct(softhca_stats, SOFTHCA_NR_STATS,
					  RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

/*
 * An xarray has plain pointers. They become those of a CPU's own by way of a
 * number: where the compiler knows that address space (x86 from 6.15 on), it warns of
 * a cast from one to the other.
 */
static struct softhca_counters __percpu *
counter_set_create(struct softhca_dev *dev, u32 *id)
{
	struct softhca_counters __percpu *set;

	set = alloc_percpu(struct softhca_counters);
	if (!set)
		return NULL;
	if (xa_alloc(&dev->counter_sets, id, (void *)(__force unsigned long)set,
		     xa_limit_31b, GFP_KERNEL)) {
		free_percpu(set);
		return NULL;
	}
	return set;
}

static struct softhca_counters __percpu *
counter_set_find(const struct rdma_counter *counter)
{
	struct softhca_dev *dev = to_softhca(counter->device);

	return (void __percpu __force *)
		(unsigned long)xa_load(&dev->counter_sets, counter->id);
}

/**
 * softhca_counter_bind_qp - ib_device_ops.counter_bind_qp
 * @counter: gets its number with its first QP
 * @ib: the QP, which is bound to none
 *
 * Context: May sleep. Under the counter's lock.
 * Return: 0 or -ENOMEM.
 */
int softhca_counter_bind_qp(struct rdma_counter *counter, struct ib_qp *ib)
{
	struct softhca_counters __percpu *set;

	if (counter->id)
		set = counter_set_find(counter);
	else
		set = counter_set_create(to_softhca(ib->device), &counter->id);
	if (!set)
		return -ENOMEM;

	WRITE_ONCE(to_softhca_qp(ib)->counters, set);
	ib->counter = counter;
	return 0;
}

int softhca_counter_unbind_qp(struct ib_qp *ib)
{
	struct softhca_qp *qp = to_softhca_qp(ib);

	WRITE_ONCE(qp->counters, qp->dev->counters);
	ib->counter = NULL;
	return 0;
}

/* Nothing is bound to it any more, but a QP may be counting. */
int softhca_counter_dealloc(struct rdma_counter *counter)
{
	struct softhca_counters __percpu *set = counter_set_find(counter);

	xa_erase(&to_softhca(counter->device)->counter_sets, counter->id);
	synchronize_rcu();
	free_percpu(set);
	return 0;
}

int softhca_counter_update_stats(struct rdma_counter *counter)
{
	sum_up(counter->stats, counter_set_find(counter));
	return 0;
}
