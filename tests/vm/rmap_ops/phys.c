// SPDX-License-Identifier: GPL-2.0
/*
 * Scheme "phys": the same address mapped more than once, and ranges that cross
 * mappings. "buf" is physically contiguous.
 */
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/string.h>

#include "rmap_ops.h"

static unsigned long long listed;
module_param(listed, ullong, 0444);
MODULE_PARM_DESC(listed, "where those mappings are that stay in scheme phys; to be read");

static dma_addr_t map_buf(size_t offset, size_t len, enum dma_data_direction dir)
{
	dma_addr_t addr = dma_map_single(dev, buf + offset, len, dir);

	check(!dma_mapping_error(dev, addr));
	check(addr == virt_to_phys(buf + offset));
	return addr;
}

static int may_read(dma_addr_t addr, size_t len)
{
	return dma_rmap_check(map, addr, len, DMA_TO_DEVICE);
}

static int may_write(dma_addr_t addr, size_t len)
{
	return dma_rmap_check(map, addr, len, DMA_FROM_DEVICE);
}

/* The device address is the physical one, whatever it is mapped by. */
void test_physical(void)
{
	struct scatterlist sgl[1];
	dma_addr_t addr;
	void *p;

	addr = map_buf(123, 456, DMA_TO_DEVICE);
	dma_unmap_single(dev, addr, 456, DMA_TO_DEVICE);
	sg_init_one(sgl, buf + 77, 2 * PAGE_SIZE);
	check(dma_map_sg(dev, sgl, 1, DMA_TO_DEVICE) == 1);
	check(sg_dma_address(sgl) == virt_to_phys(buf + 77));
	dma_unmap_sg(dev, sgl, 1, DMA_TO_DEVICE);
	p = dma_alloc_coherent(dev, PAGE_SIZE, &addr, GFP_KERNEL);
	check(p);
	if (!p)
		return;
	check(addr == virt_to_phys(p));
	dma_free_coherent(dev, PAGE_SIZE, p, addr);
}

/* Elements become one mapping only where their memory adjoins. */
void test_sg_adjoining(void)
{
	struct scatterlist sgl[4];
	dma_addr_t addr;

	sg_init_table(sgl, 4);
	sg_set_buf(&sgl[0], buf + 10, PAGE_SIZE - 10);
	sg_set_buf(&sgl[1], buf + PAGE_SIZE, 300);
	sg_set_buf(&sgl[2], buf + 3 * PAGE_SIZE, PAGE_SIZE);
	sg_set_buf(&sgl[3], buf + 2 * PAGE_SIZE, PAGE_SIZE);
	fill(buf, BUF_SIZE, 11);
	check(dma_map_sg(dev, sgl, 4, DMA_TO_DEVICE) == 3);
	addr = sg_dma_address(sgl);
	check(addr == virt_to_phys(buf + 10));
	check(sg_dma_len(sgl) == PAGE_SIZE - 10 + 300);
	check(!dma_rmap_copy_from(map, copy, addr, PAGE_SIZE - 10 + 300));
	check(!memcmp(copy, buf + 10, PAGE_SIZE - 10 + 300));
	check(may_read(addr, PAGE_SIZE - 10 + 301) == refused(-ERANGE));
	check(sg_dma_address(&sgl[1]) == virt_to_phys(buf + 3 * PAGE_SIZE));
	check(sg_dma_address(&sgl[2]) == virt_to_phys(buf + 2 * PAGE_SIZE));
	dma_unmap_sg(dev, sgl, 4, DMA_TO_DEVICE);
	check(may_read(addr, 1) == refused(-EFAULT));
	check(may_read(virt_to_phys(buf + 2 * PAGE_SIZE), 1) == refused(-EFAULT));
}

/* A page to be read, of which the first 100 bytes may be written, too */
static dma_addr_t map_both(void)
{
	dma_addr_t addr = map_buf(0, PAGE_SIZE, DMA_TO_DEVICE);

	check(may_write(addr, 1) == -EACCES);
	check(map_buf(0, 100, DMA_FROM_DEVICE) == addr);
	check(!may_read(addr, PAGE_SIZE));
	check(may_read(addr, PAGE_SIZE + 1) == -ERANGE);
	check(!may_write(addr, 100));
	check(!may_write(addr + 99, 1));
	check(may_write(addr, 101) == -EACCES);
	check(may_write(addr + 100, 1) == -EACCES);
	return addr;
}

/* One page for two directions, unmapped in either order. */
void test_duplicates(void)
{
	struct dma_rmap_stats before, after;
	dma_addr_t addr;

	dma_rmap_get_stats(map, &before);
	fill(buf, BUF_SIZE, 21);
	addr = map_both();
	dma_unmap_single(dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	check(may_read(addr, 1) == -EACCES);
	check(may_read(addr + 100, 1) == -EFAULT);
	check(!may_write(addr, 100));
	check(may_write(addr, 101) == -ERANGE);
	check(!dma_rmap_copy_to(map, addr + 10, "twice", 5));
	check(!memcmp(buf + 10, "twice", 5));
	dma_unmap_single(dev, addr, 100, DMA_FROM_DEVICE);
	check(may_write(addr, 1) == -EFAULT);

	addr = map_both();
	dma_unmap_single(dev, addr, 100, DMA_FROM_DEVICE);
	check(may_write(addr, 1) == -EACCES);
	check(!dma_rmap_copy_from(map, copy, addr, PAGE_SIZE));
	check(!memcmp(copy, buf, PAGE_SIZE));
	dma_unmap_single(dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	check(may_read(addr, 1) == -EFAULT);
	dma_rmap_get_stats(map, &after);
	check(after.bad_unmaps == before.bad_unmaps);
	check(after.live == before.live);
	check(after.live_bytes == before.live_bytes);
}

/* Mappings that differ in nothing: as many unmaps as there were maps. */
void test_equal(void)
{
	struct dma_rmap_stats before, after;
	dma_addr_t addr;

	dma_rmap_get_stats(map, &before);
	addr = map_buf(50, 200, DMA_TO_DEVICE);
	check(map_buf(50, 200, DMA_TO_DEVICE) == addr);
	check(map_buf(50, 200, DMA_TO_DEVICE) == addr);
	dma_rmap_get_stats(map, &after);
	check(after.live == before.live + 3);
	check(after.live_bytes == before.live_bytes + 600);
	dma_unmap_single(dev, addr, 200, DMA_TO_DEVICE);
	check(!may_read(addr, 200));
	dma_unmap_single(dev, addr, 200, DMA_TO_DEVICE);
	check(!may_read(addr, 200));
	dma_unmap_single(dev, addr, 200, DMA_TO_DEVICE);
	check(may_read(addr, 1) == -EFAULT);
	dma_rmap_get_stats(map, &after);
	check(after.bad_unmaps == before.bad_unmaps);
	dma_unmap_single(dev, addr, 200, DMA_TO_DEVICE);
	dma_rmap_get_stats(map, &after);
	check(after.bad_unmaps == before.bad_unmaps + 1);
	check(after.live == before.live);
	check(after.live_bytes == before.live_bytes);
}

/* One address in several lengths: what is left decides. */
void test_lengths(void)
{
	dma_addr_t addr;

	addr = map_buf(0, PAGE_SIZE, DMA_TO_DEVICE);
	check(map_buf(0, 3 * PAGE_SIZE, DMA_TO_DEVICE) == addr);
	check(map_buf(0, 10, DMA_TO_DEVICE) == addr);
	check(!may_read(addr, 3 * PAGE_SIZE));
	check(may_read(addr, 3 * PAGE_SIZE + 1) == -ERANGE);
	dma_unmap_single(dev, addr, 3 * PAGE_SIZE, DMA_TO_DEVICE);
	check(!may_read(addr, PAGE_SIZE));
	check(may_read(addr, PAGE_SIZE + 1) == -ERANGE);
	check(may_read(addr + 2 * PAGE_SIZE, 1) == -EFAULT);
	dma_unmap_single(dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	check(!may_read(addr, 10));
	check(may_read(addr, 11) == -ERANGE);
	dma_unmap_single(dev, addr, 10, DMA_TO_DEVICE);
	check(may_read(addr, 1) == -EFAULT);

	/* and the other way round: the one that was made last goes first */
	addr = map_buf(0, PAGE_SIZE, DMA_TO_DEVICE);
	check(map_buf(0, 10, DMA_TO_DEVICE) == addr);
	check(map_buf(0, 3 * PAGE_SIZE, DMA_TO_DEVICE) == addr);
	dma_unmap_single(dev, addr, 10, DMA_TO_DEVICE);
	check(!may_read(addr, 3 * PAGE_SIZE));
	dma_unmap_single(dev, addr, 3 * PAGE_SIZE, DMA_TO_DEVICE);
	check(!may_read(addr, PAGE_SIZE));
	check(may_read(addr, PAGE_SIZE + 1) == -ERANGE);
	dma_unmap_single(dev, addr, PAGE_SIZE, DMA_TO_DEVICE);
	check(may_read(addr, 1) == -EFAULT);
}

/* Ranges over mappings that adjoin or overlap, and mappings over page boundaries. */
void test_crossing(void)
{
	const size_t half = PAGE_SIZE / 2;
	dma_addr_t first, second;

	fill(buf, BUF_SIZE, 31);
	first = map_buf(0, PAGE_SIZE, DMA_TO_DEVICE);
	second = map_buf(PAGE_SIZE, PAGE_SIZE, DMA_TO_DEVICE);
	check(!dma_rmap_copy_from(map, copy, first + 5, 2 * PAGE_SIZE - 5));
	check(!memcmp(copy, buf + 5, 2 * PAGE_SIZE - 5));
	check(may_read(first, 2 * PAGE_SIZE + 1) == -ERANGE);
	dma_unmap_single(dev, first, PAGE_SIZE, DMA_TO_DEVICE);
	check(may_read(first + PAGE_SIZE - 1, 2) == -EFAULT);
	check(!may_read(second, PAGE_SIZE));

	/* overlapping from before */
	first = map_buf(half, PAGE_SIZE, DMA_TO_DEVICE);
	check(!dma_rmap_copy_from(map, copy, first, PAGE_SIZE + half));
	check(!memcmp(copy, buf + half, PAGE_SIZE + half));
	dma_unmap_single(dev, second, PAGE_SIZE, DMA_TO_DEVICE);
	check(!may_read(first, PAGE_SIZE));
	check(may_read(first, PAGE_SIZE + 1) == -ERANGE);
	dma_unmap_single(dev, first, PAGE_SIZE, DMA_TO_DEVICE);

	/* what follows is for the other direction: nothing at all is copied */
	first = map_buf(0, PAGE_SIZE, DMA_TO_DEVICE);
	second = map_buf(PAGE_SIZE, PAGE_SIZE, DMA_FROM_DEVICE);
	memset(copy, 0x55, BUF_SIZE);
	check(dma_rmap_copy_from(map, copy, first, PAGE_SIZE + 1) == -EACCES);
	check(!memchr_inv(copy, 0x55, BUF_SIZE));
	dma_unmap_single(dev, first, PAGE_SIZE, DMA_TO_DEVICE);
	dma_unmap_single(dev, second, PAGE_SIZE, DMA_FROM_DEVICE);

	/* a short one, over a boundary */
	first = map_buf(PAGE_SIZE - 3, 7, DMA_TO_DEVICE);
	check(!dma_rmap_copy_from(map, copy, first, 7));
	check(!memcmp(copy, buf + PAGE_SIZE - 3, 7));
	check(!may_read(first + 3, 4));
	check(may_read(first + 7, 1) == -EFAULT);
	dma_unmap_single(dev, first, 7, DMA_TO_DEVICE);
	check(may_read(first, 1) == -EFAULT);
	check(may_read(first + 3, 1) == -EFAULT);
}

/* For debugfs: twice the same, for the other direction, over a boundary. */

/**
 * phys_list_init() - map what is to be listed, on the map at hand
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int phys_list_init(void)
{
	failed = false;
	listed = virt_to_phys(buf);
	map_buf(100, 50, DMA_TO_DEVICE);
	map_buf(100, 50, DMA_TO_DEVICE);
	map_buf(100, 30, DMA_FROM_DEVICE);
	map_buf(PAGE_SIZE - 6, 12, DMA_BIDIRECTIONAL);
	return failed ? -ENOMEM : 0;
}

/**
 * phys_list_exit() - undo phys_list_init()
 *
 * Context: Process.
 */
void phys_list_exit(void)
{
	dma_unmap_single(dev, listed + 100, 50, DMA_TO_DEVICE);
	dma_unmap_single(dev, listed + 100, 50, DMA_TO_DEVICE);
	dma_unmap_single(dev, listed + 100, 30, DMA_FROM_DEVICE);
	dma_unmap_single(dev, listed + PAGE_SIZE - 6, 12, DMA_BIDIRECTIONAL);
}
