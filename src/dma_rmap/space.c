// SPDX-License-Identifier: GPL-2.0
/*
 * The space of device addresses that scheme "fresh" hands out. Which of them
 * are mapped is the table's business, not known here.
 *
 * A device address says what order its mapping has::
 *
 *	 63 62 61 60    56 55                             0
 *	+-----+--+-----------------------+-----------------+
 *	| 0  0| 1| number of the block   | offset in block |  order RMAP_MIN_ORDER
 *	+-----+--+--------+--------------+-----------------+
 *	| 0  0| 0| n: 1-31| number of the block | offset   |  RMAP_MIN_ORDER + n
 *	+-----+--+--------+---------------------+----------+
 *
 * So all of them are above the highest physical address (52 bits) and what a
 * user of five-level page tables can have (56 bits), and below the kernel's
 * pointers: none of these, and not zero, can be taken for a device address.
 *
 * Half the space is for mappings within one page, which are the most frequent:
 * at a million of them in a second it wraps after nine years, with 4 KiB pages.
 *
 * A mapping begins in its block's first page, at the offset that it has in its
 * physical page, and leaves at least the block's last page free as a guard.
 */
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/log2.h>

#include "space.h"

static_assert(sizeof(unsigned long) == sizeof(u64) &&
	      sizeof(dma_addr_t) == sizeof(u64),
	      "device addresses need a 64-bit kernel");

/* Blocks that a CPU takes at a time: few take from the shared counter. */
#define RANGE_BITS	6

/*
 * A CPU can keep its range until the space has wrapped and others have its blocks,
 * too. So none counts as new once half of the space is taken, and there is no such
 * thing in a space whose other half could be taken while a mapping is being made.
 */
#define NEW_BITS	32

static unsigned int order_block_bits(const struct rmap_space *space,
				     unsigned int order)
{
	unsigned int bits = RMAP_ADDR_BITS - 1 - order;

	if (order != RMAP_MIN_ORDER)
		bits -= 5;
	return min(bits, space->block_bits);
}

static u64 order_base(unsigned int order)
{
	if (order == RMAP_MIN_ORDER)
		return 1ULL << (RMAP_ADDR_BITS - 1);
	return (u64)(order - RMAP_MIN_ORDER) << (RMAP_ADDR_BITS - 6);
}

/**
 * rmap_space_init() - make a space
 * @space: the space
 * @block_bits: log2 of the blocks that an order may have at most; 64 for no
 *	limit but the address's
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int rmap_space_init(struct rmap_space *space, unsigned int block_bits)
{
	unsigned int i;

	for (i = 0; i < RMAP_ORDERS; i++)
		atomic64_set(&space->taken[i], 0);
	space->block_bits = block_bits;
	space->cpu = alloc_percpu(struct rmap_ranges);
	return space->cpu ? 0 : -ENOMEM;
}

/**
 * rmap_space_destroy() - undo rmap_space_init()
 * @space: the space
 *
 * Context: Process.
 */
void rmap_space_destroy(struct rmap_space *space)
{
	free_percpu(space->cpu);
}

/**
 * rmap_space_order() - the order of block that a mapping needs
 * @phys: its physical address
 * @len: its bytes, not 0
 *
 * Context: Any.
 * Return: the order, or 0 if the mapping is too large.
 */
unsigned int rmap_space_order(u64 phys, u64 len)
{
	unsigned int order;

	if (len > (1ULL << RMAP_MAX_ORDER) - 2 * PAGE_SIZE)
		return 0;
	order = order_base_2(offset_in_page(phys) + len + PAGE_SIZE);
	return max_t(unsigned int, order, RMAP_MIN_ORDER);
}

/**
 * rmap_space_blocks() - after how many blocks the space wraps
 * @space: the space
 * @order: the order of the blocks
 *
 * Context: Any.
 * Return: their number.
 */
u64 rmap_space_blocks(const struct rmap_space *space, unsigned int order)
{
	return 1ULL << order_block_bits(space, order);
}

/**
 * rmap_space_refill() - get more blocks for this CPU
 * @space: the space
 * @order: the order of the blocks
 * @range: where to put them
 *
 * Context: Any, with interrupts off.
 */
void rmap_space_refill(struct rmap_space *space, unsigned int order,
		       struct rmap_range *range)
{
	unsigned int bits = order_block_bits(space, order);
	u64 count = 1ULL << min_t(unsigned int, bits, RANGE_BITS);
	u64 end, first;

	end = atomic64_add_return(count, &space->taken[order - RMAP_MIN_ORDER]);
	/* The blocks' number is a multiple of @count: none of these wraps. */
	first = (end - count) & ((1ULL << bits) - 1);
	range->next = order_base(order) | first << order;
	range->end = range->next + (count << order);
	range->new_until = bits < NEW_BITS ? 0 : 1ULL << (bits - 1);
}

/**
 * rmap_space_issued() - has an address been given out, ever?
 * @space: the space
 * @addr: an address of scheme "fresh"
 *
 * Context: Any.
 * Return: false if its block has not gone to a CPU yet.
 */
bool rmap_space_issued(struct rmap_space *space, u64 addr)
{
	unsigned int order = rmap_addr_order(addr);
	u64 taken = atomic64_read(&space->taken[order - RMAP_MIN_ORDER]);

	return ((addr - order_base(order)) >> order) < taken;
}
