/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The space of device addresses that scheme "fresh" hands out.
 */
#ifndef DMA_RMAP_SPACE_H
#define DMA_RMAP_SPACE_H

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/types.h>

#define RMAP_ADDR_BITS	62		/* of a device address */
#define RMAP_GIVEN_END	(1ULL << (RMAP_ADDR_BITS - 6))	/* below are others' */
#define RMAP_MIN_ORDER	(PAGE_SHIFT + 1)	/* a page and a guard page */
#define RMAP_ORDERS	32
#define RMAP_MAX_ORDER	(RMAP_MIN_ORDER + RMAP_ORDERS - 1)

/**
 * struct rmap_range - blocks of one order that a CPU may hand out
 * @next: the first one's address
 * @end: what follows the last one
 * @new_until: as long as CPUs have taken no more blocks of this order than that,
 *	each block is handed out for the first time
 */
struct rmap_range {
	u64 next;
	u64 end;
	u64 new_until;
};

/**
 * struct rmap_space - a space of device addresses
 * @taken: for each order, how many blocks have gone to CPUs
 * @cpu: each CPU's ranges, one for each order; used with interrupts off
 * @block_bits: log2 of the blocks that an order may have at most, so that tests
 *	see the space wrap
 */
struct rmap_space {
	atomic64_t taken[RMAP_ORDERS];
	struct rmap_ranges __percpu *cpu;
	unsigned int block_bits;
};

struct rmap_ranges {
	struct rmap_range order[RMAP_ORDERS];
};

int rmap_space_init(struct rmap_space *space, unsigned int block_bits);
void rmap_space_destroy(struct rmap_space *space);
unsigned int rmap_space_order(u64 phys, u64 len);
void rmap_space_refill(struct rmap_space *space, unsigned int order,
		       struct rmap_range *range);
u64 rmap_space_blocks(const struct rmap_space *space, unsigned int order);
bool rmap_space_issued(struct rmap_space *space, u64 addr);

/**
 * rmap_space_next() - take the next block
 * @space: the space
 * @order: the order of the block
 * @new: gets whether no one else has it; if not, it may be in use: the table
 *	tells
 *
 * Context: Any, with interrupts off.
 * Return: the block's first address.
 */
static inline u64 rmap_space_next(struct rmap_space *space, unsigned int order,
				  bool *new)
{
	unsigned int class = order - RMAP_MIN_ORDER;
	struct rmap_range *range;
	u64 addr;

	range = &this_cpu_ptr(space->cpu)->order[class];
	if (unlikely(range->next == range->end))
		rmap_space_refill(space, order, range);
	addr = range->next;
	range->next += 1ULL << order;
	*new = atomic64_read(&space->taken[class]) <= range->new_until;
	return addr;
}

/**
 * rmap_space_put_back() - put back the block that was taken last
 * @space: the space
 * @order: the order of the block
 *
 * Context: Any, with interrupts off since rmap_space_next() took it.
 */
static inline void rmap_space_put_back(struct rmap_space *space, unsigned int order)
{
	this_cpu_ptr(space->cpu)->order[order - RMAP_MIN_ORDER].next -= 1ULL << order;
}

/**
 * rmap_addr_order() - the order that an address tells
 * @addr: a device address, or anything else
 *
 * Context: Any.
 * Return: the order of the mapping that may have this address, or 0 if scheme
 * "fresh" never hands it out.
 */
static inline unsigned int rmap_addr_order(u64 addr)
{
	u64 class = addr >> (RMAP_ADDR_BITS - 6);

	if (class >> 5)
		return class >> 6 ? 0 : RMAP_MIN_ORDER;
	return class ? RMAP_MIN_ORDER + class : 0;
}

#endif /* DMA_RMAP_SPACE_H */
