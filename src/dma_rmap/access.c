// SPDX-License-Identifier: GPL-2.0
/*
 * Playing the device: from device addresses to memory.
 */
#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "map.h"
#include "pages.h"
#include "trace.h"

/* Pages of one mapping that a copy finds with one look-up. */
#define COPY_BATCH 16

/*
 * Of the mappings at given addresses one that holds all of the range and allows
 * the access, or else one that allows it, or else any.
 */
static noinline struct dma_rmap_entry *
hold_given(struct dma_rmap *map, u64 addr, u64 len, enum dma_data_direction dir)
{
	const struct rmap_want want[] = { { len, dir }, { 1, dir }, { 1, DMA_NONE } };
	unsigned long orders = READ_ONCE(map->orders);
	struct dma_rmap_entry *entry;
	unsigned int i, order;

	for (i = 0; i < ARRAY_SIZE(want); i++) {
		for_each_set_bit(order, &orders, BITS_PER_LONG) {
			entry = rmap_table_hold_wanted(&map->table, addr, order,
						       &want[i]);
			if (entry)
				return entry;
		}
	}
	return NULL;
}

/* The mapping of the range's first byte, held, or NULL. With interrupts off. */
static struct dma_rmap_entry *rmap_hold(struct dma_rmap *map, u64 addr, u64 len,
					enum dma_data_direction dir)
{
	unsigned int order = rmap_addr_order(addr);

	if (unlikely(!order))
		return hold_given(map, addr, len, dir);
	return rmap_table_hold(&map->table, addr, order);
}

/*
 * Without mappings, how many bytes from @addr on are memory that can be accessed:
 * those of the first page, or none. The kernel's own image is not, nor what a
 * device has.
 */
static u64 unchecked_len(struct dma_rmap *map, u64 addr)
{
	struct page *page;

	if (!map->unchecked || addr >= RMAP_GIVEN_END)
		return 0;
	page = pfn_to_online_page(PHYS_PFN(addr));
	return page && !PageReserved(page) ? PAGE_SIZE - offset_in_page(addr) :
					     0;
}

/* The place in a scattered mapping's list of the page that holds @addr. */
static atomic64_t *entry_page(struct dma_rmap_entry *entry, u64 addr)
{
	return &entry->pages->page[(addr >> PAGE_SHIFT) -
				   (entry->addr >> PAGE_SHIFT)];
}

/* Is there a page at each place of @len bytes from @addr on? @entry is held. */
static bool range_linked(struct dma_rmap_entry *entry, u64 addr, u64 len)
{
	atomic64_t *page = entry_page(entry, addr);
	atomic64_t *last = entry_page(entry, addr + len - 1);

	for (; page <= last; page++)
		if (!(atomic64_read(page) & RMAP_PAGE_LINKED))
			return false;
	return true;
}

/* How many of the @len bytes from @addr on are before the first hole? */
static u64 range_linked_len(struct dma_rmap_entry *entry, u64 addr, u64 len)
{
	u64 done = 0;

	while (done < len && range_linked(entry, addr + done, 1))
		done += PAGE_SIZE - offset_in_page(addr + done);
	return min(done, len);
}

/* Check the part of a range that is in @entry, which is held. */
static int check_entry(struct dma_rmap_entry *entry, u64 addr, u64 len,
		       enum dma_data_direction dir,
		       enum dma_rmap_fault *reason)
{
	if (unlikely(!rmap_entry_allows(entry, dir))) {
		*reason = DMA_RMAP_FAULT_DIRECTION;
		return -EACCES;
	}
	if (unlikely(entry->kind == RMAP_RANGE &&
		     !range_linked(entry, addr, len))) {
		*reason = DMA_RMAP_FAULT_HOLE;
		return -EFAULT;
	}
	return 0;
}

/**
 * rmap_look() - describe the mapping that an access begins in
 * @map: the map
 * @addr: the first byte that is asked for
 * @len: bytes
 * @dir: what is to be done to them; with %DMA_NONE any mapping will do
 * @mapping: gets the description
 * @linked: gets how many of the bytes from @addr on that are in the mapping have
 *	memory: all of them, but for a reserved range
 *
 * Nothing is counted or recorded. A map that is closed has no mappings; its table
 * may be gone already.
 *
 * Context: Any, hard interrupts included; a piece may be held. Never waits.
 * Return: false if there is no mapping.
 */
bool rmap_look(struct dma_rmap *map, u64 addr, u64 len,
	       enum dma_data_direction dir, struct rmap_mapping *mapping,
	       u64 *linked)
{
	struct dma_rmap_entry *entry = NULL;
	unsigned long flags;
	u64 here;

	local_irq_save(flags);	/* against rmap_close(), too */
	if (likely(!READ_ONCE(map->closed)))
		entry = rmap_hold(map, addr, len, dir);
	if (entry) {
		rmap_entry_read(entry, mapping);
		here = min(len, entry->len - (addr - entry->addr));
		*linked = entry->kind == RMAP_RANGE ?
			  range_linked_len(entry, addr, here) : here;
		rmap_entry_release(entry);
	}
	local_irq_restore(flags);
	return entry;
}

/*
 * Check a range. The first mapping may be held already; if it is not, @held is
 * NULL. With interrupts off.
 */
static int check_range(struct dma_rmap *map, struct dma_rmap_entry *held,
		       u64 addr, u64 len, enum dma_data_direction dir,
		       enum dma_rmap_fault *reason)
{
	struct dma_rmap_entry *entry = held;
	bool first = true;
	u64 here;
	int err;

	for (;;) {
		if (!entry)
			entry = rmap_hold(map, addr, len, dir);
		if (entry) {
			here = min(len, entry->len - (addr - entry->addr));
			err = check_entry(entry, addr, here, dir, reason);
		} else {
			here = min(len, unchecked_len(map, addr));
			err = here ? 0 : first ? -EFAULT : -ERANGE;
			*reason = first ? DMA_RMAP_FAULT_UNMAPPED :
					  DMA_RMAP_FAULT_BOUNDS;
		}
		if (entry && entry != held)
			rmap_entry_release(entry);
		if (err || here == len)
			return err;
		addr += here;
		len -= here;
		entry = NULL;
		held = NULL;
		first = false;
	}
}

/*
 * Fill in the piece of @entry, which is held, that begins at @addr. The pages of
 * a range are held one by one, so then @entry is let go of. False if there is a
 * hole; then @entry is still held, and @ref as it was.
 */
static bool piece_of(struct dma_rmap_entry *entry, u64 addr, size_t len,
		     struct dma_rmap_ref *ref)
{
	u64 offset = addr - entry->addr;
	u64 rest = entry->len - offset;
	atomic64_t *link = NULL;
	u64 phys;

	if (likely(!(entry->flags & RMAP_SCATTERED))) {
		phys = entry->phys + offset;
	} else if (entry->kind != RMAP_RANGE) {
		phys = rmap_page_phys(entry_page(entry, addr)) +
		       offset_in_page(addr);
	} else {
		link = entry_page(entry, addr);
		if (!rmap_page_hold(link, &phys))
			return false;
		phys += offset_in_page(addr);
		rmap_entry_release(entry);
	}
	ref->entry = entry;
	ref->link = link;
	ref->page = pfn_to_page(PHYS_PFN(phys));
	ref->offset = offset_in_page(phys);
	ref->len = min3((u64)len, rest, (u64)PAGE_SIZE - ref->offset);
	return true;
}

static void piece_put(const struct dma_rmap_ref *ref)
{
	if (unlikely(ref->link))
		rmap_page_release(ref->link);
	else if (likely(ref->entry))
		rmap_entry_release(ref->entry);
}

/* There is no mapping at @addr. Does there have to be one? */
static int piece_unchecked(struct dma_rmap *map, u64 addr, size_t len,
			   enum dma_data_direction dir,
			   struct dma_rmap_ref *ref,
			   enum dma_rmap_fault *reason)
{
	int err = check_range(map, NULL, addr, len, dir, reason);

	if (err)
		return err;
	ref->entry = NULL;
	ref->link = NULL;
	ref->page = pfn_to_page(PHYS_PFN(addr));
	ref->offset = offset_in_page(addr);
	ref->len = min_t(u64, len, PAGE_SIZE - ref->offset);
	return 0;
}

/* piece_get() where it is not simply a part of @entry, which is held, or NULL. */
static noinline int piece_get_other(struct dma_rmap *map,
				    struct dma_rmap_entry *entry, u64 addr,
				    size_t len, enum dma_data_direction dir,
				    struct dma_rmap_ref *ref,
				    enum dma_rmap_fault *reason)
{
	int err;

	if (unlikely(!entry))
		return piece_unchecked(map, addr, len, dir, ref, reason);
	if (unlikely(!rmap_entry_allows(entry, dir) ||
		     len > entry->len - (addr - entry->addr) ||
		     entry->kind == RMAP_RANGE)) {
		err = check_range(map, entry, addr, len, dir, reason);
		if (err)
			goto err_entry;
	}
	if (likely(piece_of(entry, addr, len, ref)))
		return 0;
	*reason = DMA_RMAP_FAULT_HOLE;
	err = -EFAULT;
err_entry:
	rmap_entry_release(entry);
	return err;
}

/* Hold what is asked for, if that is all in one mapping whose memory adjoins. */
static __always_inline struct dma_rmap_entry *
piece_get_simple(struct dma_rmap *map, u64 addr, size_t len,
		 enum dma_data_direction dir, struct dma_rmap_ref *ref,
		 bool *simple)
{
	struct dma_rmap_entry *entry = rmap_hold(map, addr, len, dir);
	u64 offset, phys;

	*simple = false;
	if (unlikely(!entry))
		return NULL;
	offset = addr - entry->addr;
	if (unlikely(!rmap_entry_allows(entry, dir) ||
		     len > entry->len - offset ||
		     entry->flags & RMAP_SCATTERED))
		return entry;
	phys = entry->phys + offset;
	ref->entry = entry;
	ref->link = NULL;
	ref->page = pfn_to_page(PHYS_PFN(phys));
	ref->offset = offset_in_page(phys);
	ref->len = min_t(u64, len, PAGE_SIZE - ref->offset);
	*simple = true;
	return entry;
}

/* dma_rmap_get() without records and counters. */
static int piece_get(struct dma_rmap *map, u64 addr, size_t len,
		     enum dma_data_direction dir, struct dma_rmap_ref *ref,
		     enum dma_rmap_fault *reason)
{
	struct dma_rmap_entry *entry;
	bool simple;

	entry = piece_get_simple(map, addr, len, dir, ref, &simple);
	if (likely(simple))
		return 0;
	return piece_get_other(map, entry, addr, len, dir, ref, reason);
}

/* dma_rmap_get() where it is not that simple. @entry is held, or NULL. */
static noinline int get_other(struct dma_rmap *map,
			      struct dma_rmap_entry *entry, u64 addr,
			      size_t len, enum dma_data_direction dir,
			      struct dma_rmap_ref *ref)
{
	enum dma_rmap_fault reason;
	int err;

	err = piece_get_other(map, entry, addr, len, dir, ref, &reason);
	if (unlikely(err))
		rmap_fault(map, addr, len, dir, reason);
	else
		trace_rmap_resolve(map, addr, ref->len, dir);
	return err;
}

/**
 * dma_rmap_get() - hold the first piece of a range
 * @map: the map
 * @addr: the device address of the range's first byte
 * @len: the range's bytes, not 0
 * @dir: what is going to be done to it
 * @ref: gets the piece: up to @len bytes, the rest of its page, or the rest of
 *	the mapping, whichever is least; on failure it stays as it was
 *
 * The piece cannot be unmapped until dma_rmap_put(); whoever unmaps it waits.
 * So hold it no longer than it takes to copy a page, and map and unmap nothing
 * meanwhile. The page may have no kernel address of its own: use
 * kmap_local_page(). All of the range is checked, not only the piece; but what
 * comes after the piece may be unmapped at any time. So the next piece needs a
 * dma_rmap_get() of its own. A refused access is counted and recorded.
 *
 * Context: Any, hard interrupts included; interrupts are off until
 * dma_rmap_put(). Never waits.
 * Return: 0; -EFAULT if the first byte is in no live mapping, or in a reserved
 * range where nothing is linked; -ERANGE if the range runs past the end of its
 * mapping, and no other one follows there; -EACCES if the mapping does not allow
 * this direction; -EINVAL if @len is 0 or @dir is none.
 */
int dma_rmap_get(struct dma_rmap *map, dma_addr_t addr, size_t len,
		 enum dma_data_direction dir, struct dma_rmap_ref *ref)
{
	struct dma_rmap_entry *entry;
	bool simple;

	lockdep_assert_irqs_disabled();
	if (unlikely(!len || !valid_dma_direction(dir)))
		return -EINVAL;
	entry = piece_get_simple(map, addr, len, dir, ref, &simple);
	if (unlikely(!simple))
		return get_other(map, entry, addr, len, dir, ref);
	trace_rmap_resolve(map, addr, ref->len, dir);
	return 0;
}
EXPORT_SYMBOL_GPL(dma_rmap_get);

/**
 * dma_rmap_put() - let go of a piece
 * @ref: what dma_rmap_get() has filled in
 *
 * Context: Any; interrupts have been off since dma_rmap_get().
 */
void dma_rmap_put(struct dma_rmap_ref *ref)
{
	lockdep_assert_irqs_disabled();
	piece_put(ref);
}
EXPORT_SYMBOL_GPL(dma_rmap_put);

/**
 * dma_rmap_check() - may a range be accessed now?
 * @map: the map
 * @addr: the device address of the range's first byte
 * @len: its bytes; if there are none, everything is allowed
 * @dir: what is going to be done to it
 *
 * The answer is about now: the range may be unmapped at any time. It can cross
 * mappings that adjoin. A refused access is counted and recorded.
 *
 * Context: Any, hard interrupts included. Never waits.
 * Return: 0, or -EFAULT, -ERANGE, -EACCES, -EINVAL as for dma_rmap_get().
 */
int dma_rmap_check(struct dma_rmap *map, dma_addr_t addr, size_t len,
		   enum dma_data_direction dir)
{
	enum dma_rmap_fault reason;
	unsigned long flags;
	int err;

	if (unlikely(!valid_dma_direction(dir)))
		return -EINVAL;
	if (!len)
		return 0;
	local_irq_save(flags);
	err = check_range(map, NULL, addr, len, dir, &reason);
	local_irq_restore(flags);
	if (unlikely(err))
		rmap_fault(map, addr, len, dir, reason);
	else
		trace_rmap_resolve(map, addr, len, dir);
	return err;
}
EXPORT_SYMBOL_GPL(dma_rmap_check);

/* The span of one mapping that begins at @addr; @asked bytes have to be there. */
static int span_get(struct dma_rmap *map, u64 addr, size_t len, size_t asked,
		    enum dma_data_direction dir, struct dma_rmap_span *span,
		    enum dma_rmap_fault *reason)
{
	struct dma_rmap_entry *entry;
	struct dma_rmap_ref ref;
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = piece_get(map, addr, asked, dir, &ref, reason);
	if (!err) {
		entry = ref.entry;
		span->page = ref.page;
		span->offset = ref.offset;
		span->len = ref.len;
		if (entry && !ref.link && !(entry->flags & RMAP_SCATTERED))
			span->len = min_t(u64, len, entry->len -
					  (addr - entry->addr));
		piece_put(&ref);
	}
	local_irq_restore(flags);
	return err;
}

/**
 * dma_rmap_walk_spans() - visit the memory of a range
 * @map: the map
 * @addr: the device address of the range's first byte
 * @len: its bytes
 * @dir: what is going to be done to it
 * @fn: called for each physically contiguous piece, in order; it may sleep, and
 *	ends the walk by returning something else than 0
 * @arg: handed to @fn
 *
 * For memory that stays mapped as long as the result is used, as pinned user
 * memory does: nothing holds the mappings. The range is checked first; if it
 * cannot be accessed @fn is not called.
 *
 * Context: Process.
 * Return: 0; what @fn returned; or -EFAULT, -ERANGE, -EACCES, -EINVAL as for
 * dma_rmap_get().
 */
int dma_rmap_walk_spans(struct dma_rmap *map, dma_addr_t addr, size_t len,
			enum dma_data_direction dir, dma_rmap_span_fn *fn,
			void *arg)
{
	enum dma_rmap_fault reason;
	struct dma_rmap_span span;
	size_t asked = len;
	int err;

	if (!valid_dma_direction(dir))
		return -EINVAL;
	while (len) {
		err = span_get(map, addr, len, asked, dir, &span, &reason);
		if (err) {
			rmap_fault(map, addr, len, dir, reason);
			return err;
		}
		trace_rmap_resolve(map, addr, span.len, dir);
		err = fn(&span, arg);
		if (err)
			return err;
		addr += span.len;
		len -= span.len;
		/* All of it has been checked with the first one. */
		asked = min(len, PAGE_SIZE - offset_in_page(addr));
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(dma_rmap_walk_spans);

static void piece_copy(const struct dma_rmap_ref *ref, void *buffer,
		       enum dma_data_direction dir)
{
	void *page = kmap_local_page(ref->page);

	if (dir == DMA_TO_DEVICE)
		memcpy(buffer, page + ref->offset, ref->len);
	else
		memcpy(page + ref->offset, buffer, ref->len);
	kunmap_local(page);
}

/* The entry may be another mapping by now, even one of the same address. */
static bool hold_again(struct dma_rmap_entry *entry, u64 addr, size_t len,
		       enum dma_data_direction dir)
{
	if (unlikely(!rmap_entry_hold(entry)))
		return false;
	if (likely(rmap_entry_holds(entry, addr) &&
		   len <= entry->len - (addr - entry->addr) &&
		   rmap_entry_allows(entry, dir)))
		return true;
	rmap_entry_release(entry);
	return false;
}

/*
 * Hold the next piece of a copy. @entry is the mapping that the piece before lay
 * in, or NULL: as long as the caller stays in an RCU read-side critical section,
 * it can be held again without a look-up.
 */
static int next_piece(struct dma_rmap *map, struct dma_rmap_entry *entry,
		      u64 addr, size_t len, enum dma_data_direction dir,
		      struct dma_rmap_ref *ref, enum dma_rmap_fault *reason)
{
	if (entry && hold_again(entry, addr, len, dir)) {
		if (likely(piece_of(entry, addr, len, ref)))
			return 0;
		rmap_entry_release(entry);
	}
	return piece_get(map, addr, len, dir, ref, reason);
}

/* Copy the next piece. Bytes copied, or an errno. */
static ssize_t copy_piece(struct dma_rmap *map, struct dma_rmap_entry **entry,
			  void *buffer, u64 addr, size_t len,
			  enum dma_data_direction dir,
			  enum dma_rmap_fault *reason)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	ssize_t copied;

	local_irq_save(flags);
	copied = next_piece(map, *entry, addr, len, dir, &ref, reason);
	if (!copied) {
		piece_copy(&ref, buffer, dir);
		piece_put(&ref);
		*entry = ref.entry;
		copied = ref.len;
	}
	local_irq_restore(flags);
	return copied;
}

static int copy_range(struct dma_rmap *map, void *buffer, u64 addr, size_t len,
		      enum dma_data_direction dir)
{
	enum dma_rmap_fault reason;
	struct dma_rmap_entry *entry;
	ssize_t copied = 0;
	u64 begin = addr;
	size_t asked = len;
	unsigned int i;

	while (len) {
		entry = NULL;
		rcu_read_lock();
		for (i = 0; len && i < COPY_BATCH; i++) {
			copied = copy_piece(map, &entry, buffer, addr, asked,
					    dir, &reason);
			if (copied < 0)
				break;
			buffer += copied;
			addr += copied;
			len -= copied;
			/* All of it has been checked with the first piece. */
			asked = min(len, PAGE_SIZE - offset_in_page(addr));
		}
		rcu_read_unlock();
		if (copied < 0) {
			rmap_fault(map, addr, len, dir, reason);
			return copied;
		}
	}
	trace_rmap_resolve(map, begin, addr - begin, dir);
	return 0;
}

/**
 * dma_rmap_copy_from() - read mapped memory, as a device does
 * @map: the map
 * @dst: where to put the bytes
 * @addr: the device address of the first one
 * @len: how many
 *
 * Piece by piece; another piece may be unmapped meanwhile, and then the rest is
 * not copied. But a range that is not mapped, too short or of the wrong
 * direction when this begins, or that has a hole, is refused before anything is
 * copied.
 *
 * Context: Any, hard interrupts included, but it takes as long as it takes to
 * copy @len bytes. Interrupts are off for the time of a page at most.
 * Return: 0, or -EFAULT, -ERANGE, -EACCES as for dma_rmap_get().
 */
int dma_rmap_copy_from(struct dma_rmap *map, void *dst, dma_addr_t addr,
		       size_t len)
{
	return copy_range(map, dst, addr, len, DMA_TO_DEVICE);
}
EXPORT_SYMBOL_GPL(dma_rmap_copy_from);

/**
 * dma_rmap_copy_to() - write mapped memory, as a device does
 * @map: the map
 * @addr: the device address of the first byte
 * @src: where to take the bytes from
 * @len: how many
 *
 * Context: As for dma_rmap_copy_from().
 * Return: As for dma_rmap_copy_from().
 */
int dma_rmap_copy_to(struct dma_rmap *map, dma_addr_t addr, const void *src,
		     size_t len)
{
	return copy_range(map, (void *)src, addr, len, DMA_FROM_DEVICE);
}
EXPORT_SYMBOL_GPL(dma_rmap_copy_to);
