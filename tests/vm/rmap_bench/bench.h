/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of rmap_bench share: the keys, and the structures that have them.
 *
 * Keys are device addresses as dma_rmap gives them out, of which one in BENCH_SPARSE
 * is still mapped; the others of that stretch are misses. A structure other than
 * the table looks for the number of the address's page. Each has that number as its
 * value, so that what is found can be told from anything else.
 */
#ifndef RMAP_BENCH_H
#define RMAP_BENCH_H

#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/types.h>

#define BENCH_ORDER	13
#define BENCH_SPARSE_BITS 5
#define BENCH_FIRST	(1ULL << 61)
#define BENCH_LOOKUPS	50000		/* in a round */
#define BENCH_WRITES	1000		/* entries that come and go during look-ups */

/**
 * enum bench_op - which addresses are looked up
 * @BENCH_FIRST_BYTE: the first byte of entries
 * @BENCH_INTERIOR: one within entries
 * @BENCH_MISS: what is not mapped
 * @BENCH_OPS: how many there are
 */
enum bench_op {
	BENCH_FIRST_BYTE,
	BENCH_INTERIOR,
	BENCH_MISS,
	BENCH_OPS,
};

/**
 * struct bench_structure - something to be measured
 * @name: what it is called
 * @bytes: what an entry takes while it grows, at most, about
 * @begin: make it, for so many entries and BENCH_WRITES more
 * @end: undo that
 * @insert: add the entry of an address
 * @remove: take it out; false if it is not there
 * @settled: is resizing over? NULL if there is none
 * @look_up: look up addresses, of @op, from number *@at in random order on, @n of
 *	them; returns how many were found, and right
 */
struct bench_structure {
	const char *name;
	unsigned int bytes;
	int (*begin)(unsigned int count);
	void (*end)(void);
	int (*insert)(u64 addr);
	bool (*remove)(u64 addr);
	bool (*settled)(void);
	unsigned int (*look_up)(unsigned int *at, unsigned int n, enum bench_op op);
};

extern const struct bench_structure bench_structures[];
extern const unsigned int bench_nr_structures;
extern const struct bench_structure bench_nothing;

extern u64 *bench_wanted;	/* addresses in entries, in random order */
extern unsigned int bench_count;
extern unsigned int bench_rounds;

static inline unsigned long bench_key(u64 addr)
{
	return (addr - BENCH_FIRST) >> PAGE_SHIFT;
}

/* Entry number @i's address: in each stretch another block is still mapped. */
static inline u64 bench_addr(unsigned int i)
{
	u32 block = (i * 0x9e3779b1U) >> (32 - BENCH_SPARSE_BITS);

	return BENCH_FIRST + (((u64)i << BENCH_SPARSE_BITS | block) << BENCH_ORDER);
}

/* The number of the entry in an address's stretch. */
static inline unsigned int bench_index(u64 addr)
{
	return (addr - BENCH_FIRST) >> (BENCH_ORDER + BENCH_SPARSE_BITS);
}

/* The loop of a look_up(), without calls through pointers. */
static __always_inline unsigned int
bench_look_up(bool (*has)(u64 addr), unsigned int *at, unsigned int n,
	      enum bench_op op)
{
	u64 mask = op == BENCH_FIRST_BYTE ? PAGE_MASK : ~0ULL;
	u64 flip = op == BENCH_MISS ? 1ULL << BENCH_ORDER : 0;
	unsigned int hits = 0, place = *at, count = bench_count, i;

	while (n) {
		rcu_read_lock();
		for (i = min(n, 1000U), n -= i; i; i--) {
			hits += has((bench_wanted[place] & mask) ^ flip);
			if (++place == count)
				place = 0;
		}
		rcu_read_unlock();
	}
	*at = place;
	return hits;
}

/* parallel.c */

/**
 * struct bench_parallel - look-ups with another CPU at work
 * @one: nanoseconds of a round on one CPU
 * @two: of a round on each of two at the same time
 * @writer: of one while another CPU inserts and removes
 */
struct bench_parallel {
	u64 one;
	u64 two;
	u64 writer;
};

int bench_in_parallel(const struct bench_structure *s, struct bench_parallel *result);

#endif /* RMAP_BENCH_H */
