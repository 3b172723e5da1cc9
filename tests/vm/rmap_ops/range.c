// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping in two steps: a range is reserved, pages are linked into it, in process
 * and in hard-interrupt context. More CPUs are in range_race.c.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "rmap_ops.h"

#define OFFSET	100			/* of the range's first byte in its page */
#define HEAD	(PAGE_SIZE - OFFSET)	/* what the range has of the first page */
#define LEN	(HEAD + 2 * PAGE_SIZE + 200)

/* The page of "buf" that is linked in each of the range's four places */
static const unsigned int page_at[] = { 3, 1, 2, 0 };

static u64 holes(void)
{
	struct dma_rmap_stats stats;

	dma_rmap_get_stats(map, &stats);
	return stats.faults[DMA_RMAP_FAULT_HOLE];
}

static phys_addr_t phys_at(unsigned int place)
{
	return virt_to_phys(buf + page_at[place] * PAGE_SIZE);
}

static size_t offset_of(unsigned int place)
{
	return place ? HEAD + (place - 1) * PAGE_SIZE : 0;
}

static size_t len_of(unsigned int place)
{
	return place == 0 ? HEAD : place == 3 ? 200 : PAGE_SIZE;
}

/* What the range's bytes from a place on are, if it is linked. */
static u8 *memory_at(unsigned int place)
{
	return buf + page_at[place] * PAGE_SIZE + (place ? 0 : OFFSET);
}

static int link_at(struct dma_rmap_range *range, unsigned int place)
{
	return dma_rmap_link(range, offset_of(place),
			     phys_at(place) + (place ? 0 : OFFSET), len_of(place));
}

static void check_data(struct dma_rmap_range *range)
{
	unsigned int i;

	memset(copy, 0, BUF_SIZE);
	check(!dma_rmap_copy_from(map, copy, range->addr, LEN));
	for (i = 0; i < 4; i++)
		check(!memcmp(copy + offset_of(i), memory_at(i), len_of(i)));
}

/* What cannot be linked, in a range whose first page is. */
static void check_errors(struct dma_rmap_range *range)
{
	check(link_at(range, 0) == -EEXIST);
	check(dma_rmap_link(range, 0, phys_at(0), HEAD) == -EINVAL);
	check(dma_rmap_link(range, HEAD, phys_at(1) + 1, PAGE_SIZE) == -EINVAL);
	check(dma_rmap_link(range, HEAD, phys_at(1), PAGE_SIZE - 1) == -EINVAL);
	check(dma_rmap_link(range, HEAD + 1, phys_at(1) + 1, 1) == -EINVAL);
	check(dma_rmap_link(range, LEN, phys_at(1), PAGE_SIZE) == -EINVAL);
	check(dma_rmap_link(range, HEAD, phys_at(1), 4 * PAGE_SIZE) == -EINVAL);
	check(dma_rmap_link(range, HEAD, phys_at(1), 0) == -EINVAL);
	check(!dma_rmap_unlink(range, 1, HEAD - 1));
	check(!dma_rmap_unlink(range, 0, LEN + 1));
	check(!dma_rmap_unlink(range, HEAD, PAGE_SIZE));
}

/* Page by page */
static void link_pages(struct dma_rmap_range *range)
{
	dma_addr_t addr = range->addr;
	u64 before = holes();

	check(dma_rmap_copy_from(map, copy, addr, LEN) == -EFAULT);
	check(!link_at(range, 0));
	check(!dma_rmap_copy_from(map, copy, addr, HEAD));
	check(!memcmp(copy, memory_at(0), HEAD));
	check(dma_rmap_check(map, addr, HEAD + 1, DMA_TO_DEVICE) == -EFAULT);
	check(!link_at(range, 3));
	check(dma_rmap_copy_to(map, addr, copy, LEN) == -EFAULT);
	check(!dma_rmap_check(map, addr + offset_of(3), 200, DMA_FROM_DEVICE));
	check(holes() == before + 3);
	check_errors(range);
	check(holes() == before + 3);
	check(dma_rmap_check(map, addr, LEN + 1, DMA_TO_DEVICE) == -EFAULT);
	check(holes() == before + 4);	/* the hole is what comes first */
}

/* The second and third page are a run, and then a part of it goes. */
static void link_run(struct dma_rmap_range *range)
{
	dma_addr_t addr = range->addr;

	/* from the second page on up to the fourth, which is there: none at all */
	check(dma_rmap_link(range, HEAD, phys_at(1), 2 * PAGE_SIZE + 200) ==
	      -EEXIST);
	check(dma_rmap_check(map, addr + HEAD, 1, DMA_TO_DEVICE) == -EFAULT);
	check(!dma_rmap_link(range, HEAD, phys_at(1), 2 * PAGE_SIZE));
	check_data(range);
	check(dma_rmap_check(map, addr, LEN + 1, DMA_TO_DEVICE) == -ERANGE);
	memset(copy, 0x77, BUF_SIZE);
	check(!dma_rmap_copy_to(map, addr + HEAD + PAGE_SIZE - 2, copy, 4));
	check(!memcmp(memory_at(1) + PAGE_SIZE - 2, "\x77\x77", 2));
	check(!memcmp(memory_at(2), "\x77\x77", 2));

	check(dma_rmap_unlink(range, HEAD, PAGE_SIZE) == PAGE_SIZE);
	check(!dma_rmap_unlink(range, HEAD, PAGE_SIZE));
	check(dma_rmap_check(map, addr + HEAD, 1, DMA_TO_DEVICE) == -EFAULT);
	check(dma_rmap_check(map, addr, LEN, DMA_TO_DEVICE) == -EFAULT);
	check(!dma_rmap_check(map, addr + HEAD + PAGE_SIZE, PAGE_SIZE,
			      DMA_TO_DEVICE));
	/* another page in its place */
	check(!dma_rmap_link(range, HEAD, phys_at(3), PAGE_SIZE));
	check(!dma_rmap_copy_from(map, copy, addr + HEAD, PAGE_SIZE));
	check(!memcmp(copy, buf + page_at[3] * PAGE_SIZE, PAGE_SIZE));
	check(dma_rmap_unlink(range, 0, LEN) == LEN);
	check(dma_rmap_check(map, addr, 1, DMA_TO_DEVICE) == -EFAULT);
}

/* All of a range's life, in any context. */
static void range_life(gfp_t gfp)
{
	struct dma_rmap_stats before, after;
	struct dma_rmap_range range, none;

	dma_rmap_get_stats(map, &before);
	check(dma_rmap_reserve(map, &none, 0, 0, DMA_TO_DEVICE, gfp) == -EINVAL);
	check(dma_rmap_reserve(map, &none, PAGE_SIZE, 1, DMA_TO_DEVICE, gfp) ==
	      -EINVAL);
	check(dma_rmap_reserve(map, &none, 0, 1, DMA_NONE, gfp) == -EINVAL);
	if (dma_rmap_reserve(map, &range, OFFSET, LEN, DMA_BIDIRECTIONAL, gfp)) {
		check(false);
		return;
	}
	check(offset_in_page(range.addr) == OFFSET);
	link_pages(&range);
	link_run(&range);
	check(!link_at(&range, 0));
	dma_rmap_free_range(&range);
	check(dma_rmap_check(map, range.addr, 1, DMA_TO_DEVICE) == -EFAULT);

	check(!dma_rmap_reserve(map, &range, 0, PAGE_SIZE, DMA_TO_DEVICE, gfp));
	check(!dma_rmap_link(&range, 0, phys_at(2), PAGE_SIZE));
	check(dma_rmap_copy_to(map, range.addr, "x", 1) == -EACCES);
	check(!dma_rmap_copy_from(map, copy, range.addr, PAGE_SIZE));
	check(!memcmp(copy, memory_at(2), PAGE_SIZE));
	dma_rmap_free_range(&range);
	dma_rmap_get_stats(map, &after);
	check(after.live == before.live);
	check(after.live_bytes == before.live_bytes);
	check(after.bad_unmaps == before.bad_unmaps);
	check(after.unmaps == before.unmaps + 2);
}

void test_range(void)
{
	fill(buf, BUF_SIZE, 41);
	range_life(GFP_KERNEL);
}

static bool irq_ran;

static void life_in_irq(struct irq_work *work)
{
	check(in_hardirq());
	range_life(GFP_ATOMIC);
	irq_ran = true;
}

static struct irq_work life_work = IRQ_WORK_INIT_HARD(life_in_irq);

void test_range_irq(void)
{
	fill(buf, BUF_SIZE, 42);
	irq_ran = false;
	check(irq_work_queue(&life_work));
	irq_work_sync(&life_work);
	check(irq_ran);
}

static struct dma_rmap_range served;

static void link_in_irq(struct irq_work *work)
{
	check(in_hardirq());
	check(!link_at(&served, 0));
	check(!dma_rmap_link(&served, HEAD, phys_at(1), 2 * PAGE_SIZE));
	check(!link_at(&served, 3));
}

static void unlink_in_irq(struct irq_work *work)
{
	check(in_hardirq());
	check(dma_rmap_unlink(&served, HEAD, 2 * PAGE_SIZE) == 2 * PAGE_SIZE);
}

static struct irq_work link_work = IRQ_WORK_INIT_HARD(link_in_irq);
static struct irq_work unlink_work = IRQ_WORK_INIT_HARD(unlink_in_irq);

/* An access meets a hole; an interrupt links the pages; the access is repeated. */
void test_range_linked_by_irq(void)
{
	u64 before = holes();

	fill(buf, BUF_SIZE, 43);
	check(!dma_rmap_reserve(map, &served, OFFSET, LEN, DMA_TO_DEVICE,
				GFP_KERNEL));
	check(dma_rmap_copy_from(map, copy, served.addr, LEN) == -EFAULT);
	irq_work_queue(&link_work);
	irq_work_sync(&link_work);
	check_data(&served);
	irq_work_queue(&unlink_work);
	irq_work_sync(&unlink_work);
	check(dma_rmap_copy_from(map, copy, served.addr, LEN) == -EFAULT);
	check(!dma_rmap_copy_from(map, copy, served.addr, HEAD));
	check(holes() == before + 2);
	dma_rmap_free_range(&served);
}

/* A range outlives its map; nobody reaches its pages then. */
void test_range_destroyed(void)
{
	struct dma_rmap *gone = dma_rmap_create("rmap_ops_range", &attr);
	struct dma_rmap_range range, none;

	check(!IS_ERR(gone));
	if (IS_ERR(gone))
		return;
	check(!dma_rmap_reserve(gone, &range, 0, 2 * PAGE_SIZE, DMA_TO_DEVICE,
				GFP_KERNEL));
	check(!dma_rmap_link(&range, 0, phys_at(0), PAGE_SIZE));
	get_device(dma_rmap_device(gone));
	dma_rmap_destroy(gone);
	check(dma_rmap_reserve(gone, &none, 0, 1, DMA_TO_DEVICE, GFP_KERNEL) ==
	      -ENODEV);
	check(!dma_rmap_link(&range, PAGE_SIZE, phys_at(1), PAGE_SIZE));
	check(dma_rmap_unlink(&range, 0, PAGE_SIZE) == PAGE_SIZE);
	dma_rmap_free_range(&range);
	put_device(dma_rmap_device(gone));
}
