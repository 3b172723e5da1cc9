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
