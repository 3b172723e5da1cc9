// SPDX-License-Identifier: GPL-2.0
/*
 * Rings: memory, and how user space gets to see it.
 *
 * A user's ring is vmalloc memory given out with remap_vmalloc_range(): the
 * mapping holds a reference on each page, so it stays valid for as long as the
 * process keeps it, past the queue, the device and the module.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <rdma/uverbs_ioctl.h>

#include "ring.h"

struct softhca_mmap_entry {
	struct rdma_user_mmap_entry core;
	void *buf;
};

static int ring_share(struct softhca_ring *ring, size_t bytes,
		      struct ib_udata *udata, struct mminfo *info)
{
	struct ib_ucontext *ucontext =
		rdma_udata_to_uverbs_attr_bundle(udata)->context;
	struct softhca_mmap_entry *entry;
	size_t len = PAGE_ALIGN(sizeof(*ring->shared) + bytes);
	int err;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;

	entry->buf = vmalloc_user(len);
	if (!entry->buf) {
		err = -ENOMEM;
		goto err_entry;
	}

	err = rdma_user_mmap_entry_insert(ucontext, &entry->core, len);
	if (err)
		goto err_buf;

	ring->shared = entry->buf;
	ring->shared->log2_elem_size = ring->shift;
	ring->shared->index_mask = ring->mask;
	ring->data = ring->shared->data;
	ring->mmap = entry;

	memset(info, 0, sizeof(*info));
	info->offset = rdma_user_mmap_get_offset(&entry->core);
	info->size = len;
	return 0;

err_buf:
	vfree(entry->buf);
err_entry:
	kfree(entry);
	return err;
}

/**
 * softhca_ring_init - give a ring its memory
 * @ring: the ring
 * @entries: elements that it must hold
 * @elem_size: bytes of an element
 * @udata: of the user's command; NULL for a ring of the kernel
 * @info: for a user's ring, receives where to map it
 *
 * Context: May sleep.
 * Return: 0 or -ENOMEM.
 */
int softhca_ring_init(struct softhca_ring *ring, u32 entries, size_t elem_size,
		      struct ib_udata *udata, struct mminfo *info)
{
	size_t bytes;

	memset(ring, 0, sizeof(*ring));
	ring->shift = order_base_2(max_t(size_t, elem_size, SMP_CACHE_BYTES));
	ring->mask = roundup_pow_of_two(entries + 1) - 1;
	bytes = ((size_t)ring->mask + 1) << ring->shift;

	if (udata)
		return ring_share(ring, bytes, udata, info);

	ring->data = kvzalloc(bytes, GFP_KERNEL);
	return ring->data ? 0 : -ENOMEM;
}

/**
 * softhca_ring_destroy - let go of a ring's memory
 * @ring: the ring; one that was never initialised (zeroed) is fine
 *
 * Pages that a process has mapped live on until it unmaps them.
 *
 * Context: May sleep.
 */
void softhca_ring_destroy(struct softhca_ring *ring)
{
	if (ring->mmap)
		rdma_user_mmap_entry_remove(&ring->mmap->core);
	else
		kvfree(ring->data);
	memset(ring, 0, sizeof(*ring));
}

/**
 * softhca_ring_reset - drop what waits in a work queue
 * @ring: the ring; nobody uses it meanwhile
 */
void softhca_ring_reset(struct softhca_ring *ring)
{
	if (!ring->data)
		return;
	ring->cons = (ring->cons + softhca_ring_avail(ring)) & ring->mask;
	if (ring->shared)
		WRITE_ONCE(ring->shared->consumer_index, ring->cons);
}

/* How many elements wait, and the index of the first. */
static u32 ring_waiting(const struct softhca_ring *ring,
			enum softhca_ring_role role, u32 *first)
{
	u32 prod = ring->prod, cons = ring->cons;

	if (ring->shared && role == SOFTHCA_RING_PRODUCER)
		cons = READ_ONCE(ring->shared->consumer_index);
	else if (ring->shared)
		/* Pairs with the producer in user space. */
		prod = smp_load_acquire(&ring->shared->producer_index);
	*first = cons & ring->mask;
	return (prod - cons) & ring->mask;
}

/**
 * softhca_ring_waiting - how many elements wait
 * @ring: the ring
 * @role: what the HCA is in it
 *
 * Context: Any, with the ring kept from being replaced.
 */
u32 softhca_ring_waiting(const struct softhca_ring *ring,
			 enum softhca_ring_role role)
{
	u32 first;

	return ring_waiting(ring, role, &first);
}

/**
 * softhca_ring_replace - go on in another ring, of another size
 * @ring: the ring that is in use
 * @spare: the new one: initialised with the same size of an element (1 <<
 *	@ring's shift) and never used
 * @role: what the HCA is in both
 *
 * What waits in the old ring is copied into the new one, in order; then the
 * two change places. In either case the caller destroys @spare afterwards: it
 * has become the old ring, or has remained unused. To resize a ring:
 *
 *	err = softhca_ring_init(&spare, entries, 1 << ring->shift, udata, &info);
 *	(of user space:) tell it @info; a failure to do so destroys @spare
 *	take the locks of those who produce and consume
 *	err = softhca_ring_replace(ring, &spare, role);
 *	release them
 *	softhca_ring_destroy(&spare);
 *
 * User space goes on in the old ring until the call tells it of the new one. It
 * must not, meanwhile, use the index which is its own; if it does, the harm is
 * its own: elements are done twice or lost.
 *
 * Context: Any, with everybody kept out who uses the ring in the kernel.
 * Return: 0, or -EINVAL where what waits does not fit: nothing has changed then.
 */
int softhca_ring_replace(struct softhca_ring *ring, struct softhca_ring *spare,
			 enum softhca_ring_role role)
{
	u32 first, i, n = ring_waiting(ring, role, &first);

	if (WARN_ON(spare->shift != ring->shift) || n > softhca_ring_size(spare))
		return -EINVAL;

	for (i = 0; i < n; i++)
		memcpy(softhca_ring_elem(spare, i),
		       softhca_ring_elem(ring, first + i), 1UL << ring->shift);
	spare->prod = n;
	if (spare->shared)
		WRITE_ONCE(spare->shared->producer_index, n);
	swap(*ring, *spare);
	return 0;
}

/**
 * softhca_mmap - ib_device_ops.mmap: map a ring into a process
 * @ucontext: the process's context
 * @vma: its range, with the offset that creating the ring returned
 *
 * Return: 0, or -EINVAL where no ring of this context has that offset and
 * length.
 */
int softhca_mmap(struct ib_ucontext *ucontext, struct vm_area_struct *vma)
{
	struct rdma_user_mmap_entry *core;
	struct softhca_mmap_entry *entry;
	int err;

	core = rdma_user_mmap_entry_get(ucontext, vma);
	if (!core)
		return -EINVAL;

	entry = container_of(core, struct softhca_mmap_entry, core);
	err = remap_vmalloc_range(vma, entry->buf, 0);
	rdma_user_mmap_entry_put(core);
	return err;
}

/**
 * softhca_mmap_free - ib_device_ops.mmap_free: the last reference is gone
 * @core: the core's part of the entry
 */
void softhca_mmap_free(struct rdma_user_mmap_entry *core)
{
	struct softhca_mmap_entry *entry =
		container_of(core, struct softhca_mmap_entry, core);

	vfree(entry->buf);
	kfree(entry);
}
