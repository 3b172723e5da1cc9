// SPDX-License-Identifier: GPL-2.0
/*
 * The life of mappings: unmapping what is not mapped so or is held, very many at a
 * time, and the end of the map.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/irqflags.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "rmap_ops.h"

void test_bad_unmap(void)
{
	struct dma_rmap_stats before, after;
	dma_addr_t addr;

	dma_rmap_get_stats(map, &before);
	dma_unmap_single(dev, 0x1234000, 10, DMA_TO_DEVICE);
	addr = dma_map_single(dev, buf, 100, DMA_TO_DEVICE);
	check(!dma_mapping_error(dev, addr));
	dma_unmap_single(dev, addr + 1, 99, DMA_TO_DEVICE);
	check(!dma_rmap_check(map, addr, 100, DMA_TO_DEVICE));
	dma_free_coherent(dev, 100, buf, addr);
	check(!dma_rmap_check(map, addr, 100, DMA_TO_DEVICE));
	dma_unmap_single(dev, addr, 101, DMA_TO_DEVICE);
	check(dma_rmap_check(map, addr, 100, DMA_TO_DEVICE) == -EFAULT);
	dma_unmap_single(dev, addr, 100, DMA_TO_DEVICE);
	dma_rmap_get_stats(map, &after);
	check(after.bad_unmaps == before.bad_unmaps + 5);
	check(after.live == before.live);
	check(after.live_bytes == before.live_bytes);
}

struct unmapper {
	struct completion begun, done;
	dma_addr_t addr;
};

static int unmap_thread(void *arg)
{
	struct unmapper *u = arg;

	complete(&u->begun);
	dma_unmap_single(dev, u->addr, PAGE_SIZE, DMA_TO_DEVICE);
	complete(&u->done);
	return 0;
}

/* An unmap waits for who holds a piece. Needs two CPUs. */
void test_hold(void)
{
	struct dma_rmap_ref ref;
	struct unmapper u;
	unsigned long flags;

	init_completion(&u.begun);
	init_completion(&u.done);
	u.addr = dma_map_single(dev, buf, PAGE_SIZE, DMA_TO_DEVICE);
	check(!dma_mapping_error(dev, u.addr));
	check(!IS_ERR(kthread_run(unmap_thread, &u, "rmap_ops")));
	wait_for_completion(&u.begun);
	local_irq_save(flags);
	if (!dma_rmap_get(map, u.addr, PAGE_SIZE, DMA_TO_DEVICE, &ref)) {
		mdelay(2);
		check(!completion_done(&u.done));
		dma_rmap_put(&ref);
	}
	local_irq_restore(flags);
	wait_for_completion(&u.done);
	check(dma_rmap_check(map, u.addr, 1, DMA_TO_DEVICE) == -EFAULT);
}

/* Enough mappings for the table to grow and shrink. */
void test_many(void)
{
	const unsigned int count = 200000;
	dma_addr_t *addr = vmalloc(array_size(count, sizeof(*addr)));
	unsigned int i;

	check(addr);
	if (!addr)
		return;
	for (i = 0; i < count; i++) {
		addr[i] = dma_map_single(dev, buf + i % 8192, 1 + i % 8192,
					 DMA_TO_DEVICE);
		if (dma_mapping_error(dev, addr[i])) {
			check(false);
			break;
		}
		cond_resched();
	}
	while (i--) {
		if (dma_rmap_check(map, addr[i], 1 + i % 8192, DMA_TO_DEVICE) ||
		    dma_rmap_check(map, addr[i] + i % 8192, 1, DMA_TO_DEVICE)) {
			check(false);
			break;
		}
		dma_unmap_single(dev, addr[i], 1 + i % 8192, DMA_TO_DEVICE);
		cond_resched();
	}
	vfree(addr);
}

/* The same where addresses are given: several in each page. */
void test_many_given(void)
{
	const unsigned int order = 8, each = 20, step = 128;
	const unsigned int pages = 1 << order, count = pages * each;
	u8 *memory = (u8 *)__get_free_pages(GFP_KERNEL, order);
	dma_addr_t addr;
	unsigned int i;
	u8 *p;

	check(memory);
	if (!memory)
		return;
	for (i = 0; i < count; i++) {
		p = memory + i % pages * PAGE_SIZE + i / pages * step;
		addr = dma_map_single(dev, p, 1 + i % step, DMA_TO_DEVICE);
		check(!dma_mapping_error(dev, addr) && addr == virt_to_phys(p));
		cond_resched();
	}
	while (i--) {
		p = memory + i % pages * PAGE_SIZE + i / pages * step;
		check(!dma_rmap_check(map, virt_to_phys(p), 1 + i % step,
				      DMA_TO_DEVICE));
		dma_unmap_single(dev, virt_to_phys(p), 1 + i % step,
				 DMA_TO_DEVICE);
		check(dma_rmap_check(map, virt_to_phys(p), 1, DMA_TO_DEVICE) ==
		      -EFAULT);
		cond_resched();
	}
	free_pages((unsigned long)memory, order);
}

/* A reference on the device that is older than the map's end. */
void test_destroyed(void)
{
	struct dma_rmap *gone = dma_rmap_create("rmap_ops_gone", &attr);
	struct device *gone_dev;
	dma_addr_t addr, coherent;
	void *p;

	check(!IS_ERR(gone));
	if (IS_ERR(gone))
		return;
	check(PTR_ERR(dma_rmap_create("rmap_ops_gone", &attr)) == -EEXIST);
	check(PTR_ERR(dma_rmap_create("a/b", &attr)) == -EINVAL);
	gone_dev = get_device(dma_rmap_device(gone));
	addr = dma_map_single(gone_dev, buf, 100, DMA_TO_DEVICE);
	check(!dma_mapping_error(gone_dev, addr));
	p = dma_alloc_coherent(gone_dev, 4096, &coherent, GFP_KERNEL);
	dma_rmap_destroy(gone);
	dma_unmap_single(gone_dev, addr, 100, DMA_TO_DEVICE);
	check(dma_mapping_error(gone_dev, dma_map_single(gone_dev, buf, 100,
							 DMA_TO_DEVICE)));
	free_page((unsigned long)p);
	put_device(gone_dev);
}
