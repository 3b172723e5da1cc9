/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of pages, for mappings whose device addresses are contiguous and whose
 * memory is not.
 */
#ifndef DMA_RMAP_PAGES_H
#define DMA_RMAP_PAGES_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/gfp.h>
#include <linux/processor.h>
#include <linux/types.h>

/*
 * A place in a list: the page's physical address, and in the bits that this
 * leaves free whether there is a page, and how many hold it.
 */
#define RMAP_PAGE_LINKED	BIT_ULL(0)
#define RMAP_PAGE_HOLDER	BIT_ULL(52)
#define RMAP_PAGE_HOLDERS	(~0ULL << 52)
#define RMAP_PAGE_PHYS		(RMAP_PAGE_HOLDER - PAGE_SIZE)

/**
 * struct rmap_pages - a list of pages
 * @count: how many places it has
 * @page: the places
 *
 * Pages of a range that is linked step by step come and go, and are held one by
 * one; those of other mappings stay, and the mapping is held.
 */
struct rmap_pages {
	unsigned long count;
	atomic64_t page[];
};

struct rmap_pages *rmap_pages_alloc(unsigned long count, gfp_t gfp);
void rmap_pages_free(struct rmap_pages *pages);
bool rmap_page_hold(atomic64_t *page, u64 *phys);
bool rmap_page_link(atomic64_t *page, u64 phys);
bool rmap_page_unlink(atomic64_t *page);

/**
 * rmap_page_release() - let go of a page
 * @page: its place, which was held
 *
 * Context: Any, with interrupts off since it was held.
 */
static inline void rmap_page_release(atomic64_t *page)
{
	/* What was done to the memory happens before the unlinking returns. */
	atomic64_fetch_sub_release(RMAP_PAGE_HOLDER, page);
}

/**
 * rmap_page_wait() - wait for those who hold a page
 * @page: its place, in a list that no one can find any more
 *
 * Context: Any. It takes them a bounded time.
 */
static inline void rmap_page_wait(atomic64_t *page)
{
	atomic64_cond_read_acquire(page, !((u64)VAL & RMAP_PAGE_HOLDERS));
}

/**
 * rmap_page_set() - put a page into a new list
 * @page: its place
 * @phys: the physical address of the page
 *
 * Context: Any, before others can know of the list.
 */
static inline void rmap_page_set(atomic64_t *page, u64 phys)
{
	atomic64_set(page, phys | RMAP_PAGE_LINKED);
}

/**
 * rmap_page_phys() - the physical address of a page that stays
 * @page: its place
 *
 * Context: Any.
 * Return: the address.
 */
static inline u64 rmap_page_phys(const atomic64_t *page)
{
	return atomic64_read(page) & RMAP_PAGE_PHYS;
}

#endif /* DMA_RMAP_PAGES_H */
