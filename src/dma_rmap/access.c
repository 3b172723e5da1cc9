// SPDX-License-Identifier: GPL-2.0
/*
 * Playing the device: from device addresses to memory.
 */
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/highmem.h>
#include <linux/irqflags.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "map.h"

/* Pages of one mapping that a copy finds with one look-up. */
#define COPY_BATCH 16

static bool entry_allows(const struct dma_rmap_entry *entry,
			 enum dma_data_direction dir)
{
	return entry->dir == dir || entry->dir == DMA_BIDIRECTIONAL;
}

/* The mapping of @addr, held, or NULL. With interrupts off. */
static struct dma_rmap_entry *rmap_hold(struct dma_rmap *map, u64 addr)
{
	unsigned int order = rmap_addr_order(addr);

	return likely(order) ? rmap_table_hold(&map->table, addr, order) : NULL;
}

/*
 * Check a range. The first mapping may be held already; if it is not, @entry is
 * NULL. With interrupts off.
 */
static int check_range(struct dma_rmap *map, struct dma_rmap_entry *held,
		       u64 addr, u64 len, enum dma_data_direction dir,
		       enum dma_rmap_fault *reason)
{
	struct dma_rmap_entry *entry = held;
	bool first = true;
	bool allowed;
	u64 rest;

	for (;;) {
		if (!entry)
			entry = rmap_hold(map, addr);
		if (!entry) {
			*reason = first ? DMA_RMAP_FAULT_UNMAPPED :
					  DMA_RMAP_FAULT_BOUNDS;
			return first ? -EFAULT : -ERANGE;
		}
		allowed = entry_allows(entry, dir);
		rest = entry->len - (addr - entry->addr);
		if (entry != held)
			rmap_entry_release(entry);
		if (!allowed) {
			*reason = DMA_RMAP_FAULT_DIRECTION;
			return -EACCES;
		}
		if (len <= rest)
			return 0;
		addr += rest;
		len -= rest;
		entry = NULL;
		held = NULL;
		first = false;
	}
}

/* Fill in the piece of @entry, which is held, that begins at @addr. */
static void piece_of(struct dma_rmap_entry *entry, u64 addr, size_t len,
		     struct dma_rmap_ref *ref)
{
	u64 offset = addr - entry->addr;
	u64 phys = entry->phys + offset;

	ref->entry = entry;
	ref->page = pfn_to_page(PHYS_PFN(phys));
	ref->offset = offset_in_page(phys);
	ref->len = min3((u64)len, entry->len - offset,
			(u64)PAGE_SIZE - ref->offset);
}

/* dma_rmap_get() without records and counters. */
static int piece_get(struct dma_rmap *map, u64 addr, size_t len,
		     enum dma_data_direction dir, struct dma_rmap_ref *ref,
		     enum dma_rmap_fault *reason)
{
	struct dma_rmap_entry *entry = rmap_hold(map, addr);
	int err;

	if (unlikely(!entry)) {
		*reason = DMA_RMAP_FAULT_UNMAPPED;
		return -EFAULT;
	}
	if (unlikely(!entry_allows(entry, dir) ||
		     len > entry->len - (addr - entry->addr))) {
		err = check_range(map, entry, addr, len, dir, reason);
		if (err) {
			rmap_entry_release(entry);
			return err;
		}
	}
	piece_of(entry, addr, len, ref);
	return 0;
}

/**
 * dma_rmap_get() - hold the first piece of a range
 * @map: the map
 * @addr: the device address of the range's first byte
 * @len: the range's bytes, not 0
 * @dir: what is going to be done to it
 * @ref: gets the piece: up to @len bytes, the rest of its page, or the rest of
 *	the mapping, whichever is least
 *
 * The piece cannot be unmapped until dma_rmap_put(); whoever unmaps it waits.
 * So hold it no longer than it takes to copy a page, and map and unmap nothing
 * meanwhile. The page may have no kernel address of its own: use
 * kmap_local_page(). All of the range is checked, not only the piece; but what
 * comes after the piece may be unmapped at any time, so the next piece needs a
 * dma_rmap_get() of its own. A refused access is counted and recorded.
 *
 * Context: Any, hard interrupts included; interrupts are off until
 * dma_rmap_put(). Never waits.
 * Return: 0; -EFAULT if the first byte is in no live mapping; -ERANGE if the
 * range runs past the end of its mapping, and no other one follows there;
 * -EACCES if the mapping does not allow this direction; -EINVAL if @len is 0 or
 * @dir is none.
 */
int dma_rmap_get(struct dma_rmap *map, dma_addr_t addr, size_t len,
		 enum dma_data_direction dir, struct dma_rmap_ref *ref)
{
	enum dma_rmap_fault reason;
	int err;

	lockdep_assert_irqs_disabled();
	if (unlikely(!len || !valid_dma_direction(dir)))
		return -EINVAL;
	err = piece_get(map, addr, len, dir, ref, &reason);
	if (unlikely(err))
		rmap_fault(map, addr, len, dir, reason);
	return err;
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
	rmap_entry_release(ref->entry);
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
	return err;
}
EXPORT_SYMBOL_GPL(dma_rmap_check);

/* The span of one mapping that begins at @addr. */
static int span_get(struct dma_rmap *map, u64 addr, size_t len,
		    enum dma_data_direction dir, struct dma_rmap_span *span,
		    enum dma_rmap_fault *reason)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	int err;

	local_irq_save(flags);
	err = piece_get(map, addr, len, dir, &ref, reason);
	if (!err) {
		span->page = ref.page;
		span->offset = ref.offset;
		span->len = min_t(u64, len, ref.entry->len -
				  (addr - ref.entry->addr));
		rmap_entry_release(ref.entry);
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
	int err;

	if (!valid_dma_direction(dir))
		return -EINVAL;
	for (; len; addr += span.len, len -= span.len) {
		err = span_get(map, addr, len, dir, &span, &reason);
		if (err) {
			rmap_fault(map, addr, len, dir, reason);
			return err;
		}
		err = fn(&span, arg);
		if (err)
			return err;
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
static bool hold_again(struct dma_rmap_entry *entry, u64 addr,
		       enum dma_data_direction dir)
{
	if (unlikely(!rmap_entry_hold(entry)))
		return false;
	if (likely(rmap_entry_holds(entry, addr) && entry_allows(entry, dir)))
		return true;
	rmap_entry_release(entry);
	return false;
}

/*
 * Copy the next piece. @entry is the mapping that the piece before lay in, or
 * NULL: as long as the caller stays in an RCU read-side critical section, it
 * can be held again without a look-up. Bytes copied, or an errno.
 */
static ssize_t copy_piece(struct dma_rmap *map, struct dma_rmap_entry **entry,
			  void *buffer, u64 addr, size_t len,
			  enum dma_data_direction dir,
			  enum dma_rmap_fault *reason)
{
	struct dma_rmap_ref ref;
	unsigned long flags;
	ssize_t copied;

	local_irq_save(flags);
	if (*entry && hold_again(*entry, addr, dir)) {
		piece_of(*entry, addr, len, &ref);
	} else {
		copied = piece_get(map, addr, len, dir, &ref, reason);
		if (copied)
			goto out;
	}
	piece_copy(&ref, buffer, dir);
	rmap_entry_release(ref.entry);
	*entry = ref.entry;
	copied = ref.len;
out:
	local_irq_restore(flags);
	return copied;
}

static int copy_range(struct dma_rmap *map, void *buffer, u64 addr, size_t len,
		      enum dma_data_direction dir)
{
	enum dma_rmap_fault reason;
	struct dma_rmap_entry *entry;
	ssize_t copied = 0;
	unsigned int i;

	while (len) {
		entry = NULL;
		rcu_read_lock();
		for (i = 0; len && i < COPY_BATCH; i++) {
			copied = copy_piece(map, &entry, buffer, addr, len, dir,
					    &reason);
			if (copied < 0)
				break;
			buffer += copied;
			addr += copied;
			len -= copied;
		}
		rcu_read_unlock();
		if (copied < 0) {
			rmap_fault(map, addr, len, dir, reason);
			return copied;
		}
	}
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
 * direction when this begins is refused before anything is copied.
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
