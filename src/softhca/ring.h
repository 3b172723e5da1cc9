/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work and completion queues: rings of elements with a producer and a
 * consumer, one of whom is the HCA.
 *
 * A ring of user space lies in pages that the user may write at any time, in
 * the layout of struct rxe_queue_buf. What is read from there is only ever
 * the other side's index, masked, and the elements, copied before they are
 * checked. The HCA's own index and the ring's size are kept in struct
 * softhca_ring, out of the user's reach, and only published in the pages.
 *
 * A ring of the kernel has the same shape without shared pages.
 */
#ifndef SOFTHCA_RING_H
#define SOFTHCA_RING_H

#include <rdma/ib_verbs.h>
#include <rdma/rdma_user_rxe.h>

struct softhca_mmap_entry;

/**
 * struct softhca_ring - one queue
 * @data: its elements
 * @mask: number of elements less one
 * @shift: an element occupies 1 << shift bytes
 * @prod: next element to produce; the HCA's own in a ring that it produces,
 *	unused in a user's work queue
 * @cons: next element to consume; the HCA's own in a ring that it consumes,
 *	unused in a user's completion queue
 * @shared: head of the pages shared with user space; NULL in the kernel's
 * @mmap: hands those pages out; NULL in the kernel's
 */
struct softhca_ring {
	void *data;
	u32 mask;
	u32 shift;
	u32 prod;
	u32 cons;
	struct rxe_queue_buf *shared;
	struct softhca_mmap_entry *mmap;
};

/* Which end of a ring is the HCA's. */
enum softhca_ring_role {
	SOFTHCA_RING_PRODUCER,	/* of a completion queue */
	SOFTHCA_RING_CONSUMER,	/* of a work queue */
};

int softhca_ring_init(struct softhca_ring *ring, u32 entries, size_t elem_size,
		      struct ib_udata *udata, struct mminfo *info);
void softhca_ring_destroy(struct softhca_ring *ring);
void softhca_ring_reset(struct softhca_ring *ring);
u32 softhca_ring_waiting(const struct softhca_ring *ring,
			 enum softhca_ring_role role);
int softhca_ring_replace(struct softhca_ring *ring, struct softhca_ring *spare,
			 enum softhca_ring_role role);

int softhca_mmap(struct ib_ucontext *ucontext, struct vm_area_struct *vma);
void softhca_mmap_free(struct rdma_user_mmap_entry *entry);

/* The elements that it can hold. */
static inline u32 softhca_ring_size(const struct softhca_ring *ring)
{
	return ring->mask;
}

static inline void *softhca_ring_elem(const struct softhca_ring *ring,
				      u32 index)
{
	return ring->data + ((size_t)(index & ring->mask) << ring->shift);
}

/* For the consumer: elements that wait. */
static inline u32 softhca_ring_avail(const struct softhca_ring *ring)
{
	const u32 *prod = ring->shared ? &ring->shared->producer_index :
					 &ring->prod;

	/* Pairs with the producer's release: the elements before the index. */
	return (smp_load_acquire(prod) - ring->cons) & ring->mask;
}

static inline void *softhca_ring_head(const struct softhca_ring *ring)
{
	return softhca_ring_elem(ring, ring->cons);
}

static inline void softhca_ring_pop(struct softhca_ring *ring)
{
	u32 cons = (ring->cons + 1) & ring->mask;
	u32 *published = ring->shared ? &ring->shared->consumer_index :
					&ring->cons;

	/* Pairs with softhca_ring_full(), or with the producer in user space. */
	smp_store_release(published, cons);
	WRITE_ONCE(ring->cons, cons);
}

/* For the producer. */
static inline bool softhca_ring_full(const struct softhca_ring *ring)
{
	const u32 *cons = ring->shared ? &ring->shared->consumer_index :
					 &ring->cons;

	/* Pairs with the consumer's release: it has read the element. */
	return ((ring->prod + 1 - smp_load_acquire(cons)) & ring->mask) == 0;
}

static inline void *softhca_ring_tail(const struct softhca_ring *ring)
{
	return softhca_ring_elem(ring, ring->prod);
}

static inline void softhca_ring_push(struct softhca_ring *ring)
{
	u32 prod = (ring->prod + 1) & ring->mask;
	u32 *published = ring->shared ? &ring->shared->producer_index :
					&ring->prod;

	/* Pairs with softhca_ring_avail(), or with the consumer in user space. */
	smp_store_release(published, prod);
	WRITE_ONCE(ring->prod, prod);
}

#endif /* SOFTHCA_RING_H */
