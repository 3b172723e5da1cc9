// SPDX-License-Identifier: GPL-2.0
/*
 * On-demand paging: memory of user space that is not pinned.
 *
 * The process's address space is divided into blocks of some pages. Of those
 * that were touched through the region there is a struct odp_block, with a
 * notifier that tells when pages of it are taken away, and device addresses
 * for all of it, reserved in the reverse map; pages are linked there when they
 * have been brought in, and unlinked when they are taken away. A region can so
 * be the whole address space: what it costs is in proportion to what is used.
 *
 * Bringing in
 *	hmm_range_fault() makes the process's page table have the pages, as an
 *	access by the process would. What it tells is true as long as no
 *	invalidation has begun since, which is looked at under the block's
 *	lock, that an invalidation takes, too.
 *
 * Taking away
 *	The memory management calls odp_invalidate(), before it changes the
 *	page table: after munmap, fork (copy on write), madvise, for page
 *	migration, swapping, and when the process ends. From then until it
 *	returns, those who come for a piece are turned away; it waits for
 *	those who have one, for less than the time of a copied page each, as
 *	they have interrupts off. Reclaim waits here, so nothing under the
 *	lock allocates or sleeps.
 *
 * A page that was brought in to be read may not be written: it can be one that
 * the process shares and gets a copy of at its first write.
 */
#include <linux/bitops.h>
#include <linux/hmm.h>
#include <linux/mmu_notifier.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <net/netlink.h>
#include <rdma/rdma_netlink.h>
#include <dma_rmap.h>

#include "mr.h"
#include "odp.h"
#include "piece.h"

/* Pages of a block: as many as bits in a word. */
#define ODP_BLOCK_PAGES	BITS_PER_LONG
#define ODP_BLOCK_SHIFT	(PAGE_SHIFT + ilog2(ODP_BLOCK_PAGES))
#define ODP_BLOCK_SIZE	(1ULL << ODP_BLOCK_SHIFT)

/* Invalidations without end let a fault give up; the access tries again. */
#define FAULT_TIMEOUT	msecs_to_jiffies(HMM_RANGE_DEFAULT_TIMEOUT)

/**
 * struct softhca_odp - what a region, or several, see of an address space
 * @refs: one of each region
 * @dev: the device
 * @mm: the process's; the structure is held, not the address space
 * @start: of the region's first page
 * @end: of its last page; there may be no address beyond it
 * @blocks: by address >> ODP_BLOCK_SHIFT; only added to, until the end
 * @brought_in: pages, by cause; those that may be written by now count again
 * @taken_away: pages
 */
struct softhca_odp {
	refcount_t refs;
	struct softhca_dev *dev;
	struct mm_struct *mm;
	u64 start;
	u64 end;
	struct xarray blocks;
	atomic64_t brought_in[SOFTHCA_ODP_NR_CAUSES];
	atomic64_t taken_away;
};

/**
 * struct odp_block - a part of an address space whose pages come and go
 * @notifier: tells when some are taken away
 * @odp: what it is a part of
 * @range: the device addresses; unused in scheme virt
 * @start: address of the first page
 * @nr_pages: fewer than ODP_BLOCK_PAGES at a region's ends
 * @holders: pieces that are held; those who raise it have interrupts off
 * @closed: an invalidation waits for @holders; nobody gets a piece
 * @lock: protects changes of what follows, and @closed. Reclaim takes it
 * @present: a bit for each page that is linked
 * @writable: those of @present that may be written
 * @pages: the pages
 */
struct odp_block {
	struct mmu_interval_notifier notifier;
	struct softhca_odp *odp;
	struct dma_rmap_range range;
	u64 start;
	u32 nr_pages;
	atomic_t holders;
	bool closed;
	spinlock_t lock;
	unsigned long present;
	unsigned long writable;
	struct page *pages[];
};

static bool has_rmap(const struct odp_block *block)
{
	return block->range.map;
}

/* The pages of a block that lie in [start, last]; some do. */
static unsigned long block_mask(const struct odp_block *block, u64 start,
				u64 last)
{
	u64 end = block->start + (u64)block->nr_pages * PAGE_SIZE - 1;
	u32 from = (max(start, block->start) - block->start) >> PAGE_SHIFT;
	u32 to = (min(last, end) - block->start) >> PAGE_SHIFT;

	return GENMASK(to, from);
}

/* Under the lock. When this returns no one reaches these pages any more. */
static void block_unlink(struct odp_block *block, unsigned long mask)
{
	unsigned int i;

	mask &= block->present;
	if (!mask)
		return;

	WRITE_ONCE(block->closed, true);
	/* Pairs with block_hold(), which raises holders and reads closed. */
	smp_mb();
	while (atomic_read_acquire(&block->holders))
		cpu_relax();

	for_each_set_bit(i, &mask, ODP_BLOCK_PAGES) {
		if (has_rmap(block))
			dma_rmap_unlink(&block->range, (size_t)i << PAGE_SHIFT,
					PAGE_SIZE);
		/* The page table's entry need not know of our writing. */
		if (block->writable & BIT(i))
			folio_mark_dirty(page_folio(block->pages[i]));
		block->pages[i] = NULL;
	}
	atomic64_add(hweight_long(mask), &block->odp->taken_away);
	block->writable &= ~mask;
	WRITE_ONCE(block->present, block->present & ~mask);
	/* Pairs with block_hold(). */
	smp_store_release(&block->closed, false);
}

static bool odp_invalidate(struct mmu_interval_notifier *notifier,
			   const struct mmu_notifier_range *range,
			   unsigned long seq)
{
	struct odp_block *block = container_of(notifier, struct odp_block,
					       notifier);

	spin_lock(&block->lock);
	mmu_interval_set_seq(notifier, seq);
	block_unlink(block, block_mask(block, range->start, range->end - 1));
	spin_unlock(&block->lock);
	return true;
}

static const struct mmu_interval_notifier_ops odp_notifier_ops = {
	.invalidate = odp_invalidate,
};

static struct odp_block *block_create(struct softhca_odp *odp, u64 va)
{
	u64 start = max(va & ~(ODP_BLOCK_SIZE - 1), odp->start);
	u64 end = min(va | (ODP_BLOCK_SIZE - 1), odp->end | ~PAGE_MASK);
	u32 nr_pages = (end - start + 1) >> PAGE_SHIFT;
	struct odp_block *block;
	int err;

	block = kzalloc(struct_size(block, pages, nr_pages), GFP_KERNEL);
	if (!block)
		return ERR_PTR(-ENOMEM);
	block->odp = odp;
	block->start = start;
	block->nr_pages = nr_pages;
	spin_lock_init(&block->lock);

	if (odp->dev->rmap) {
		err = dma_rmap_reserve(odp->dev->rmap, &block->range, 0,
				       (size_t)nr_pages << PAGE_SHIFT,
				       DMA_BIDIRECTIONAL, GFP_KERNEL);
		if (err)
			goto err_block;
	}
	err = mmu_interval_notifier_insert(&block->notifier, odp->mm, start,
					   (unsigned long)nr_pages << PAGE_SHIFT,
					   &odp_notifier_ops);
	if (err)
		goto err_range;
	return block;

err_range:
	if (has_rmap(block))
		dma_rmap_free_range(&block->range);
err_block:
	kfree(block);
	return ERR_PTR(err);
}

/* Nobody holds a piece of it or brings in pages. */
static void block_destroy(struct odp_block *block)
{
	/* As long as the notifier is there, the pages that it has stay. */
	spin_lock(&block->lock);
	block_unlink(block, ~0UL);
	spin_unlock(&block->lock);
	mmu_interval_notifier_remove(&block->notifier);
	if (has_rmap(block))
		dma_rmap_free_range(&block->range);
	kfree(block);
}

/*
 * The block that holds @va. There is none where the process has no memory, or a
 * peer could make as many of them as there are addresses. The address space is
 * held.
 */
static struct odp_block *block_find(struct softhca_odp *odp, u64 va)
{
	struct odp_block *block, *other;
	bool mapped;

	block = xa_load(&odp->blocks, va >> ODP_BLOCK_SHIFT);
	if (block)
		return block;

	mmap_read_lock(odp->mm);
	mapped = vma_lookup(odp->mm, va);
	mmap_read_unlock(odp->mm);
	if (!mapped)
		return ERR_PTR(-EFAULT);

	block = block_create(odp, va);
	if (IS_ERR(block))
		return block;
	other = xa_cmpxchg(&odp->blocks, va >> ODP_BLOCK_SHIFT, NULL, block,
			   GFP_KERNEL);
	if (!other)
		return block;
	block_destroy(block);
	return xa_is_err(other) ? ERR_PTR(xa_err(other)) : other;
}

/* Under the lock. Is there something new about it? Or a negative errno. */
static int block_link_page(struct odp_block *block, u32 i, struct page *page,
			   bool write)
{
	bool change = false;
	int err;

	/* Another page would have been told; but believe what we see. */
	if (block->present & BIT(i) && block->pages[i] != page)
		block_unlink(block, BIT(i));

	if (!(block->present & BIT(i))) {
		if (has_rmap(block)) {
			err = dma_rmap_link(&block->range,
					    (size_t)i << PAGE_SHIFT,
					    page_to_phys(page), PAGE_SIZE);
			if (err)
				return err;
		}
		block->pages[i] = page;
		/* Pairs with block_hold(): first the page. */
		smp_store_release(&block->present, block->present | BIT(i));
		change = true;
	}
	if (write && !(block->writable & BIT(i))) {
		WRITE_ONCE(block->writable, block->writable | BIT(i));
		change = true;
	}
	return change;
}

/* Link what hmm_range_fault() has found, if it is still so. */
static int block_link(struct odp_block *block, const struct hmm_range *range,
		      enum softhca_odp_fault how, enum softhca_odp_cause cause)
{
	u32 i = (range->start - block->start) >> PAGE_SHIFT;
	u32 end = (range->end - block->start) >> PAGE_SHIFT;
	const unsigned long *pfn = range->hmm_pfns;
	unsigned int changes = 0;
	int err = 0;

	spin_lock(&block->lock);
	if (mmu_interval_read_retry(range->notifier, range->notifier_seq))
		err = -EBUSY;
	for (; err >= 0 && i < end; i++, pfn++) {
		if (!(*pfn & HMM_PFN_VALID))
			continue;
		err = block_link_page(block, i, hmm_pfn_to_page(*pfn),
				      how == SOFTHCA_ODP_WRITE &&
				      *pfn & HMM_PFN_WRITE);
		if (err > 0)
			changes++;
	}
	spin_unlock(&block->lock);
	atomic64_add(changes, &block->odp->brought_in[cause]);
	return min(err, 0);
}

/* Bring in the pages of [start, last], which is in the block. */
static int block_fault(struct odp_block *block, u64 start, u64 last,
		       enum softhca_odp_fault how, enum softhca_odp_cause cause)
{
	unsigned long give_up = jiffies + FAULT_TIMEOUT;
	unsigned long pfns[ODP_BLOCK_PAGES] = {};
	struct mm_struct *mm = block->notifier.mm;
	struct hmm_range range = {
		.notifier = &block->notifier,
		.start = start & PAGE_MASK,
		.end = (last | ~PAGE_MASK) + 1,
		.hmm_pfns = pfns,
	};
	int err;

	if (how == SOFTHCA_ODP_READ)
		range.default_flags = HMM_PFN_REQ_FAULT;
	else if (how == SOFTHCA_ODP_WRITE)
		range.default_flags = HMM_PFN_REQ_FAULT | HMM_PFN_REQ_WRITE;

	do {
		range.notifier_seq = mmu_interval_read_begin(range.notifier);
		mmap_read_lock(mm);
		err = hmm_range_fault(&range);
		mmap_read_unlock(mm);
		if (!err)
			err = block_link(block, &range, how, cause);
		if (err != -EBUSY)
			return err;
		cond_resched();
	} while (time_before(jiffies, give_up));
	return -EAGAIN;
}

/**
 * softhca_odp_fault - bring in pages
 * @odp: the address space
 * @va: where in it
 * @len: bytes
 * @how: what for
 * @cause: as what it counts
 *
 * Whether they are still there afterwards is another question.
 *
 * Context: May sleep; the process may be another one, or at its end.
 * Return: 0; -EFAULT where nothing is mapped or the process has ended; -EPERM
 * where it may not write; -EAGAIN if pages are taken away all the time; -ENOMEM.
 */
int softhca_odp_fault(struct softhca_odp *odp, u64 va, u64 len,
		      enum softhca_odp_fault how, enum softhca_odp_cause cause)
{
	u64 last = va + len - 1, here;
	struct odp_block *block;
	int err = 0;

	if (!mmget_not_zero(odp->mm))
		return -EFAULT;

	for (; va <= last; va = here + 1) {
		here = min(last, va | (ODP_BLOCK_SIZE - 1));
		block = block_find(odp, va);
		err = IS_ERR(block) ? PTR_ERR(block) :
				      block_fault(block, va, here, how, cause);
		if (err || here == U64_MAX)
			break;
		cond_resched();
	}
	mmput(odp->mm);
	return err;
}

/* Hold a block if it has the page, for a read or a write. With interrupts off. */
static bool block_hold(struct odp_block *block, u32 i, bool write)
{
	unsigned long present;
	bool closed;

	/* Raised first, looked at then: block_unlink() does it the other way. */
	atomic_inc(&block->holders);
	/* Pairs with block_unlink(). */
	smp_mb__after_atomic();
	/* Pairs with block_unlink(). */
	closed = smp_load_acquire(&block->closed);
	/* Pairs with block_link_page(). */
	present = smp_load_acquire(&block->present);
	if (!closed && present & BIT(i) &&
	    (!write || READ_ONCE(block->writable) & BIT(i)))
		return true;
	softhca_piece_unhold(&block->holders);
	return false;
}

/**
 * softhca_odp_piece - the piece at an address, if its page is there
 * @odp: the address space
 * @va: an address in the region
 * @len: the most that is wanted
 * @dir: what is going to be done to it
 * @piece: gets the piece; also where this fails it is to be released
 *
 * Context: Any; interrupts are off until the piece is released.
 * Return: 0; -EAGAIN where the page must be brought in first.
 */
int softhca_odp_piece(struct softhca_odp *odp, u64 va, u32 len,
		      enum dma_data_direction dir, struct softhca_piece *piece)
{
	struct odp_block *block;
	int err;
	u32 i;

	softhca_piece_irqs_off(piece);
	block = xa_load(&odp->blocks, va >> ODP_BLOCK_SHIFT);
	if (!block)
		return -EAGAIN;
	i = (va - block->start) >> PAGE_SHIFT;
	if (!block_hold(block, i, dir != DMA_TO_DEVICE))
		return -EAGAIN;
	piece->holders = &block->holders;

	if (!has_rmap(block)) {
		softhca_piece_set(piece, block->pages[i], offset_in_page(va),
				  len);
		return 0;
	}
	len = min_t(u32, len, PAGE_SIZE - offset_in_page(va));
	err = dma_rmap_get(odp->dev->rmap,
			   block->range.addr + (va - block->start), len, dir,
			   &piece->ref);
	if (err)
		return err;
	softhca_piece_set(piece, piece->ref.page, piece->ref.offset,
			  piece->ref.len);
	return 0;
}

/**
 * softhca_odp_create - look at the calling process's memory
 * @dev: the device that it is for
 * @start: where the region begins
 * @length: bytes; U64_MAX from 0 on is the whole address space
 *
 * Context: May sleep.
 * Return: with one reference, or an ERR_PTR.
 */
struct softhca_odp *softhca_odp_create(struct softhca_dev *dev, u64 start,
				       u64 length)
{
	struct softhca_odp *odp;
	struct odp_block *block;

	if (!length || start + length - 1 < start)
		return ERR_PTR(-EINVAL);

	odp = kzalloc(sizeof(*odp), GFP_KERNEL);
	if (!odp)
		return ERR_PTR(-ENOMEM);
	refcount_set(&odp->refs, 1);
	odp->dev = dev;
	odp->mm = current->mm;
	odp->start = start & PAGE_MASK;
	odp->end = start + length - 1;
	xa_init(&odp->blocks);
	mmgrab(odp->mm);

	/*
	 * An address space's first notifier takes all of its locks, and gives up
	 * for any signal. So the first block is made here, where an error is
	 * the caller's.
	 */
	block = block_create(odp, odp->start);
	if (IS_ERR(block)) {
		softhca_odp_put(odp);
		return ERR_CAST(block);
	}
	if (xa_err(xa_store(&odp->blocks, odp->start >> ODP_BLOCK_SHIFT, block,
			    GFP_KERNEL))) {
		block_destroy(block);
		softhca_odp_put(odp);
		return ERR_PTR(-ENOMEM);
	}
	return odp;
}

struct softhca_odp *softhca_odp_get(struct softhca_odp *odp)
{
	refcount_inc(&odp->refs);
	return odp;
}

void softhca_odp_put(struct softhca_odp *odp)
{
	struct odp_block *block;
	unsigned long index;

	if (!refcount_dec_and_test(&odp->refs))
		return;
	xa_for_each(&odp->blocks, index, block) {
		block_destroy(block);
		cond_resched();
	}
	xa_destroy(&odp->blocks);
	mmdrop(odp->mm);
	kfree(odp);
}

/**
 * softhca_fill_stat_mr - what "rdma statistic show mr" tells
 * @msg: gets the counters
 * @ib: the region; those that are not on demand have none
 *
 * Return: 0, or -EMSGSIZE where @msg is full.
 */
int softhca_fill_stat_mr(struct sk_buff *msg, struct ib_mr *ib)
{
	struct softhca_mr *mr = to_softhca_mr(ib);
	struct softhca_odp *odp = mr->odp;
	struct nlattr *table;

	if (mr->kind != SOFTHCA_MR_ODP)
		return 0;
	table = nla_nest_start(msg, RDMA_NLDEV_ATTR_STAT_HWCOUNTERS);
	if (!table)
		return -EMSGSIZE;
	if (rdma_nl_stat_hwcounter_entry(msg, "page_faults",
		atomic64_read(&odp->brought_in[SOFTHCA_ODP_ACCESS])) ||
	    rdma_nl_stat_hwcounter_entry(msg, "page_invalidations",
		atomic64_read(&odp->taken_away)) ||
	    rdma_nl_stat_hwcounter_entry(msg, "page_prefetch",
		atomic64_read(&odp->brought_in[SOFTHCA_ODP_PREFETCH]))) {
		nla_nest_cancel(msg, table);
		return -EMSGSIZE;
	}
	nla_nest_end(msg, table);
	return 0;
}
