// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of pages, for mappings whose device addresses are contiguous and whose
 * memory is not.
 */
#include <linux/atomic.h>
#include <linux/compiler.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include "pages.h"

/**
 * rmap_pages_alloc() - make a list without pages
 * @count: how many places it has
 * @gfp: how to allocate it
 *
 * Context: As @gfp says.
 * Return: the list, or NULL.
 */
struct rmap_pages *rmap_pages_alloc(unsigned long count, gfp_t gfp)
{
	struct rmap_pages *pages;
	size_t size = struct_size(pages, page, count);

	/* In atomic context it may have to be freed, too. */
	if (size > KMALLOC_MAX_SIZE)
		return NULL;
	pages = kzalloc(size, gfp | __GFP_NOWARN);
	if (pages)
		pages->count = count;
	return pages;
}

/**
 * rmap_pages_free() - free a list
 * @pages: the list; its mapping is gone
 *
 * Context: Any.
 */
void rmap_pages_free(struct rmap_pages *pages)
{
	kfree(pages);
}

/**
 * rmap_page_hold() - hold a page against its unlinking
 * @page: its place, in the list of a mapping that is held
 * @phys: gets the page's physical address
 *
 * Context: Any, with interrupts off until rmap_page_release().
 * Return: false if there is no page.
 */
bool rmap_page_hold(atomic64_t *page, u64 *phys)
{
	s64 old = atomic64_read(page);

	do {
		/* More holders than can be counted are soon fewer. */
		while (unlikely(((u64)old & RMAP_PAGE_HOLDERS) ==
				RMAP_PAGE_HOLDERS)) {
			cpu_relax();
			old = atomic64_read(page);
		}
		if (unlikely(!(old & RMAP_PAGE_LINKED)))
			return false;
	} while (!atomic64_try_cmpxchg_acquire(page, &old,
					       old + RMAP_PAGE_HOLDER));
	*phys = old & RMAP_PAGE_PHYS;
	return true;
}

/**
 * rmap_page_link() - put a page into its place
 * @page: the place
 * @phys: the physical address of the page
 *
 * Context: Any.
 * Return: false if there is one already.
 */
bool rmap_page_link(atomic64_t *page, u64 phys)
{
	s64 none = 0;

	return atomic64_try_cmpxchg_release(page, &none,
					    phys | RMAP_PAGE_LINKED);
}

/**
 * rmap_page_unlink() - take a page out
 * @page: its place
 *
 * When this returns no one holds the page any more, and its place is free.
 *
 * Context: Any. Waits for those who hold the page, each for a bounded time.
 * Return: false if there was none.
 */
bool rmap_page_unlink(atomic64_t *page)
{
	s64 old = atomic64_fetch_andnot(RMAP_PAGE_LINKED, page);

	if (!(old & RMAP_PAGE_LINKED))
		return false;
	rmap_page_wait(page);
	atomic64_set_release(page, 0);
	return true;
}
