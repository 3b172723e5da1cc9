// SPDX-License-Identifier: GPL-2.0
/*
 * What there is no going below: the DMA API on a device whose operations do nothing,
 * and the steps that making or undoing a mapping cannot do without. Writes lines to
 * the kernel log:
 *
 *	rmap_bench: floor NAME and nanoseconds, in tenths
 *
 * "api" is dma_map_page() and dma_unmap_page() of the device that does nothing; "lock"
 * a raw spinlock taken and released with interrupts off; "irq" switching interrupts
 * off and on; "clock" reading the clock that the history of unmaps is stamped with;
 * "rcu" a read-side critical section; "atomic" an atomic operation that returns; "loop"
 * the loop itself, which is in each of the others. The least of several rounds counts.
 */
#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched/clock.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include "dma.h"

#define TIMES 20000

static dma_addr_t empty_map(struct device *dev, phys_addr_t phys, size_t size,
			    enum dma_data_direction dir, unsigned long attrs)
{
	return phys;
}

static void empty_unmap(struct device *dev, dma_addr_t addr, size_t size,
			enum dma_data_direction dir, unsigned long attrs)
{
}

COMPAT_DMA_MAP_PHYS(empty_map, empty_unmap)

static const struct dma_map_ops empty_ops = {
	COMPAT_DMA_PHYS_OPS(empty_map, empty_unmap),
};

static struct device empty_device = {
	.init_name = "rmap_bench_empty",
};

static DEFINE_RAW_SPINLOCK(some_lock);
static atomic_t some_atomic;
static struct page *some_page;

static __always_inline void do_loop(void)
{
}

static __always_inline void do_api(void)
{
	dma_addr_t addr;

	addr = dma_map_page(&empty_device, some_page, 0, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (!dma_mapping_error(&empty_device, addr))
		dma_unmap_page(&empty_device, addr, PAGE_SIZE, DMA_BIDIRECTIONAL);
}

static __always_inline void do_lock(void)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&some_lock, flags);
	raw_spin_unlock_irqrestore(&some_lock, flags);
}

static __always_inline void do_irq(void)
{
	unsigned long flags;

	local_irq_save(flags);
	local_irq_restore(flags);
}

static __always_inline void do_clock(void)
{
	WRITE_ONCE(empty_device.driver_data, (void *)(uintptr_t)local_clock());
}

static __always_inline void do_rcu(void)
{
	rcu_read_lock();
	rcu_read_unlock();
}

static __always_inline void do_atomic(void)
{
	(void)atomic_inc_return(&some_atomic);
}

/* Of @rounds rounds the best */
static __always_inline void measure(const char *name, void (*step)(void),
				    unsigned int rounds)
{
	u64 best = U64_MAX, begin;
	unsigned int i;

	while (rounds--) {
		begin = ktime_get_ns();
		for (i = 0; i < TIMES; i++) {
			step();
			barrier();
		}
		best = min(best, ktime_get_ns() - begin);
		cond_resched();
	}
	pr_info("rmap_bench: floor %s %llu.%u\n", name, div_u64(best * 10, TIMES) / 10,
		(u32)(div_u64(best * 10, TIMES) % 10));
}

/**
 * bench_floor() - measure what cannot be avoided
 * @rounds: the least time of so many counts
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int bench_floor(unsigned int rounds)
{
	some_page = alloc_page(GFP_KERNEL);
	if (!some_page)
		return -ENOMEM;
	device_initialize(&empty_device);
	empty_device.coherent_dma_mask = DMA_BIT_MASK(64);
	empty_device.dma_mask = &empty_device.coherent_dma_mask;
	set_dma_ops(&empty_device, &empty_ops);
	measure("api", do_api, rounds);
	measure("lock", do_lock, rounds);
	measure("irq", do_irq, rounds);
	measure("clock", do_clock, rounds);
	measure("rcu", do_rcu, rounds);
	measure("atomic", do_atomic, rounds);
	measure("loop", do_loop, rounds);
	__free_page(some_page);
	return 0;
}
