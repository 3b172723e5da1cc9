// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping in two steps: device addresses first, pages when they are there.
 */
#include <linux/device.h>
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/minmax.h>
#include <linux/mm.h>

#include "map.h"
#include "pages.h"

/* Do @len bytes at @offset lie in the range, and end where a page does or it? */
static bool range_has(const struct dma_rmap_range *range, size_t offset,
		      size_t len)
{
	u64 begin = offset_in_page(range->addr) + offset;

	if (!len || offset > range->len || len > range->len - offset)
		return false;
	return (!offset || !offset_in_page(begin)) &&
	       (offset + len == range->len || !offset_in_page(begin + len));
}

static atomic64_t *range_page(const struct dma_rmap_range *range, size_t offset)
{
	return &range->pages->page[(offset_in_page(range->addr) + offset) >>
				   PAGE_SHIFT];
}

/**
 * dma_rmap_reserve() - reserve device addresses for a whole request
 * @map: the map
 * @range: gets the reservation
 * @offset: where in its page the first byte is going to be
 * @len: bytes
 * @dir: what the device may do
 * @gfp: how to allocate memory
 *
 * Nothing can be accessed until pages are linked. The addresses are scheme
 * "fresh"'s, whatever the scheme of the map.
 *
 * Context: As @gfp says; hard interrupts included, with %GFP_ATOMIC.
 * Return: 0; -EINVAL if @len is 0 or @offset not in a page or @dir none; -ENOMEM,
 * also if the range is larger than what has been seen to be asked for (some
 * GiB); -ENODEV if the map is being destroyed.
 */
int dma_rmap_reserve(struct dma_rmap *map, struct dma_rmap_range *range,
		     unsigned int offset, size_t len,
		     enum dma_data_direction dir, gfp_t gfp)
{
	struct rmap_mapping mapping = {
		.addr = offset, .len = len, .dir = dir, .kind = RMAP_RANGE,
		.flags = RMAP_SCATTERED,
	};
	int err;

	if (!len || offset >= PAGE_SIZE || len >> RMAP_MAX_ORDER)
		return -EINVAL;
	mapping.pages = rmap_pages_alloc(PAGE_ALIGN(offset + len) >> PAGE_SHIFT,
					 gfp);
	if (!mapping.pages)
		return -ENOMEM;
	err = rmap_make(map, &mapping);
	if (err) {
		rmap_pages_free(mapping.pages);
		return err;
	}
	get_device(&map->dev);
	range->map = map;
	range->pages = mapping.pages;
	range->addr = mapping.addr;
	range->len = len;
	range->dir = dir;
	return 0;
}
EXPORT_SYMBOL_GPL(dma_rmap_reserve);

/**
 * dma_rmap_link() - link memory into a reserved range
 * @range: the range
 * @offset: where in it
 * @phys: the physical address of the memory, which is contiguous
 * @len: bytes
 *
 * In the range's middle whole pages are linked; at its ends what it has of one.
 * Different parts can be linked and unlinked at the same time.
 *
 * Context: Any, hard interrupts included.
 * Return: 0; -EINVAL if that is not a part of the range, or @phys is at another
 * offset in its page; -EEXIST if there is something linked. If it fails, nothing
 * has changed.
 */
int dma_rmap_link(struct dma_rmap_range *range, size_t offset,
		  phys_addr_t phys, size_t len)
{
	u64 begin = range->addr + offset;
	atomic64_t *page, *last;

	if (!range_has(range, offset, len) ||
	    offset_in_page(phys) != offset_in_page(begin))
		return -EINVAL;
	page = range_page(range, offset);
	last = range_page(range, offset + len - 1);
	for (phys &= PAGE_MASK; page <= last; page++, phys += PAGE_SIZE)
		if (!rmap_page_link(page, phys))
			goto err_page;
	return 0;

err_page:
	while (page-- > range_page(range, offset))
		rmap_page_unlink(page);
	return -EEXIST;
}
EXPORT_SYMBOL_GPL(dma_rmap_link);

/**
 * dma_rmap_unlink() - undo dma_rmap_link(), all of it or pages of it
 * @range: the range
 * @offset: where in it
 * @len: bytes
 *
 * When this returns no one reaches the memory any more, and other memory can be
 * linked in its place. What is not linked is passed over.
 *
 * Context: Any, hard interrupts included. Waits for those who hold a page, each
 * for a bounded time.
 * Return: how many bytes of the range were linked, or 0 if that is not a part of
 * it.
 */
size_t dma_rmap_unlink(struct dma_rmap_range *range, size_t offset, size_t len)
{
	atomic64_t *page, *last;
	size_t here, bytes = 0;

	if (!range_has(range, offset, len))
		return 0;
	page = range_page(range, offset);
	last = range_page(range, offset + len - 1);
	for (; page <= last; page++, offset += here, len -= here) {
		here = PAGE_SIZE - offset_in_page(range->addr + offset);
		here = min(here, len);
		if (rmap_page_unlink(page))
			bytes += here;
	}
	return bytes;
}
EXPORT_SYMBOL_GPL(dma_rmap_unlink);

/**
 * dma_rmap_free_range() - undo dma_rmap_reserve()
 * @range: the range; what is linked is unlinked
 *
 * When this returns no one reaches the memory any more. The map may have been
 * destroyed before.
 *
 * Context: Any, hard interrupts included. Waits as dma_rmap_unlink().
 */
void dma_rmap_free_range(struct dma_rmap_range *range)
{
	struct rmap_pages *pages = range->pages;
	struct rmap_mapping was;
	unsigned long i;

	/* After this no one finds the pages; they may be held from before. */
	rmap_unmap(range->map, range->addr, range->len, range->dir, RMAP_RANGE,
		   &was);
	for (i = 0; i < pages->count; i++)
		rmap_page_wait(&pages->page[i]);
	rmap_pages_free(pages);
	put_device(&range->map->dev);
}
EXPORT_SYMBOL_GPL(dma_rmap_free_range);
