// SPDX-License-Identifier: GPL-2.0
/*
 * Fills the map, for who measures its memory from user space. Written to the module's
 * parameter "fill":
 *
 *	pages BYTES COUNT	map BYTES contiguous bytes COUNT times
 *	sg PAGES COUNT		map PAGES scattered pages COUNT times
 *	none			unmap all of it
 *
 * All mappings are of the same memory: it is not what is measured. So that what the
 * mappings take can be seen, the memory for their addresses is there from the
 * beginning on. A list of scattered pages is said to take, in the kernel log:
 *
 *	rmap_bench: list PAGES BYTES
 */
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "dma.h"
#include "dma_rmap.h"
#include "pages.h"

#define MOST	1000000		/* mappings */
#define ORDER	9		/* of the memory: 2 MiB */
#define SCATTERED (1 << (ORDER - 1))

static DEFINE_MUTEX(lock);	/* of all that follows */
static struct device *dev;
static struct page *memory;
static dma_addr_t *addrs;
static unsigned int count;
static unsigned int bytes;	/* of each mapping; 0 if they are of scattered pages */
static struct scatterlist *sgl;
static unsigned int nents;

static void undo_one(dma_addr_t addr)
{
	if (bytes) {
		dma_unmap_page(dev, addr, bytes, DMA_BIDIRECTIONAL);
		return;
	}
	sg_dma_address(sgl) = addr;
	sg_dma_len(sgl) = nents * PAGE_SIZE;
	sg_dma_len(sg_next(sgl)) = 0;
	dma_unmap_sg(dev, sgl, nents, DMA_BIDIRECTIONAL);
}

/* Every second one, then the others: the table shrinks while it has entries. */
static void undo_all(void)
{
	unsigned int i;

	for (i = 0; i < count; i += 2) {
		undo_one(addrs[i]);
		if (i % 1000 == 0)
			cond_resched();
	}
	for (i = 1; i < count; i += 2) {
		undo_one(addrs[i]);
		if (i % 1000 == 1)
			cond_resched();
	}
	count = 0;
}

static int map_pages(void)
{
	addrs[count] = dma_map_page(dev, memory, 0, bytes, DMA_BIDIRECTIONAL);
	return dma_mapping_error(dev, addrs[count]);
}

static int map_sg(void)
{
	int n = dma_map_sg(dev, sgl, nents, DMA_BIDIRECTIONAL);

	if (!n)
		return -ENOMEM;
	addrs[count] = sg_dma_address(sgl);
	/* If it were several, they would not be one list. */
	if (n == 1)
		return 0;
	dma_unmap_sg(dev, sgl, nents, DMA_BIDIRECTIONAL);
	return -EINVAL;
}

static int fill(unsigned int n, int (*map_one)(void))
{
	int err;

	if (n > MOST || count)
		return -EINVAL;
	while (count < n) {
		err = map_one();
		if (err) {
			undo_all();
			return err;
		}
		if (++count % 1000 == 0)
			cond_resched();
	}
	return 0;
}

static int list_show(void)
{
	void *list = kmalloc(struct_size((struct rmap_pages *)NULL, page, nents), GFP_KERNEL);

	if (!list)
		return -ENOMEM;
	pr_info("rmap_bench: list %u %zu\n", nents, ksize(list));
	kfree(list);
	return 0;
}

static int fill_sg(unsigned int n)
{
	struct scatterlist *sg;
	unsigned int i;

	sg_init_table(sgl, nents);
	for_each_sg(sgl, sg, nents, i)
		sg_set_page(sg, memory + 2 * i, PAGE_SIZE, 0);
	return list_show() ?: fill(n, map_sg);
}

static int fill_set(const char *what, const struct kernel_param *kp)
{
	unsigned int size, n;
	int err = -EINVAL;

	mutex_lock(&lock);
	if (!dev) {
		err = -ENODEV;
	} else if (sysfs_streq(what, "none")) {
		undo_all();
		err = 0;
	} else if (sscanf(what, "pages %u %u", &size, &n) == 2) {
		if (!count && size && size <= PAGE_SIZE << ORDER) {
			bytes = size;
			err = fill(n, map_pages);
		}
	} else if (sscanf(what, "sg %u %u", &size, &n) == 2) {
		if (!count && size > 1 && size <= SCATTERED) {
			bytes = 0;
			nents = size;
			err = fill_sg(n);
		}
	}
	mutex_unlock(&lock);
	return err;
}

static const struct kernel_param_ops fill_ops = {
	.set = fill_set,
};
module_param_cb(fill, &fill_ops, NULL, 0200);
MODULE_PARM_DESC(fill, "what the map is filled with, see fill.c");

/**
 * bench_fill_init() - make the map ready to be filled
 * @map: the map
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int bench_fill_init(struct dma_rmap *map)
{
	memory = alloc_pages(GFP_KERNEL, ORDER);
	addrs = vzalloc(array_size(MOST, sizeof(*addrs)));
	sgl = kcalloc(SCATTERED, sizeof(*sgl), GFP_KERNEL);
	if (!memory || !addrs || !sgl) {
		if (memory)
			__free_pages(memory, ORDER);
		vfree(addrs);
		kfree(sgl);
		return -ENOMEM;
	}
	mutex_lock(&lock);
	dev = dma_rmap_device(map);
	mutex_unlock(&lock);
	return 0;
}

/**
 * bench_fill_exit() - undo bench_fill_init(), and what is mapped
 *
 * Context: Process.
 */
void bench_fill_exit(void)
{
	mutex_lock(&lock);
	undo_all();
	dev = NULL;
	mutex_unlock(&lock);
	kfree(sgl);
	vfree(addrs);
	__free_pages(memory, ORDER);
}
