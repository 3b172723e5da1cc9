// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of a scatterlist's elements, that become one mapping each.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>

#include "pages.h"
#include "sg.h"

/**
 * rmap_sg_run_find() - find a run of elements
 * @first: its first one
 * @max_count: how many elements there are from that on
 * @max_len: of so many bytes together at most, unless it is one element
 * @scatter: as an IOMMU does, go on where elements meet at the boundaries of
 *	pages, not only where they adjoin in memory
 * @run: gets the run
 *
 * Context: Any.
 */
void rmap_sg_run_find(struct scatterlist *first, unsigned int max_count,
		      u64 max_len, bool scatter, struct rmap_sg_run *run)
{
	u64 end = sg_phys(first) + first->length;
	struct scatterlist *sg = first;

	run->first = first;
	run->len = first->length;
	run->scattered = false;
	for (run->count = 1; run->count < max_count; run->count++) {
		sg = sg_next(sg);
		if (run->len > max_len || sg->length > max_len - run->len)
			break;
		if (sg_phys(sg) != end) {
			if (!scatter || offset_in_page(end) ||
			    offset_in_page(sg_phys(sg)))
				break;
			run->scattered = true;
		}
		run->len += sg->length;
		end = sg_phys(sg) + sg->length;
	}
}

/**
 * rmap_sg_run_pages() - the pages of a run
 * @run: the run
 *
 * Context: Any, hard interrupts included.
 * Return: a list of them, or NULL if memory is short.
 */
struct rmap_pages *rmap_sg_run_pages(const struct rmap_sg_run *run)
{
	u64 span = offset_in_page(sg_phys(run->first)) + run->len;
	struct scatterlist *sg = run->first;
	struct rmap_pages *pages;
	unsigned int i, n = 0;
	u64 phys, end;

	pages = rmap_pages_alloc(DIV_ROUND_UP(span, PAGE_SIZE), GFP_ATOMIC);
	if (!pages)
		return NULL;
	for (i = 0; i < run->count; i++, sg = sg_next(sg)) {
		end = sg_phys(sg) + sg->length;
		/* Of a later element, the page that it begins in may be there. */
		phys = i ? PAGE_ALIGN(sg_phys(sg)) : sg_phys(sg) & PAGE_MASK;
		for (; phys < end; phys += PAGE_SIZE)
			rmap_page_set(&pages->page[n++], phys);
	}
	return pages;
}
