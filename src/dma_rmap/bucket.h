/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Inside the table: buckets, and arrays of them. For table.c and resize.c alone.
 */
#ifndef DMA_RMAP_BUCKET_H
#define DMA_RMAP_BUCKET_H

/**
 * DOC: Layout
 *
 * A mapping lies in one naturally aligned block of device addresses, whose size
 * is a power of two, the mapping's order. Whoever looks an address up knows the
 * order (the address tells it, see space.c), so any address inside a mapping is
 * found with one probe for (address >> order, order). Mappings whose addresses
 * others have chosen can share blocks, and lie across two blocks of their order;
 * then they have an entry in each. They are looked up in each order that there
 * is::
 *
 *	hash:   | shard | bucket ...            |     | tag  |            |
 *	           |      |                              |
 *	           v      v                              |
 *	   shard[] -> array of buckets                   v
 *	              +-------+-------+-------+- - - -+-------+----------+
 *	              | flags | tag 1 | tag 2 |       | tag 7 | next     |
 *	              +-------+-------+-------+- - - -+-------+----------+
 *	              | entry 1                                          |
 *	              | ...                                              |
 *	              | entry 7                                          |
 *	              +--------------------------------------------------+
 *
 * All of a bucket's tags are compared at once. The entries themselves are in the
 * bucket, so a look-up touches one place in memory, and a mapping needs no
 * memory of its own. When all seven places are taken, further buckets are hung
 * behind the first one.
 *
 * DOC: Readers
 *
 * Readers take no lock and never wait; they need an RCU read-side critical
 * section. An entry does not change its place as long as it is in the table,
 * but for resizing: the entries of a bucket are copied into the next array, then
 * the bucket is flagged as moved, then the old copies are no longer live, and
 * it is waited for those who hold them. The bucket keeps them until no reader is
 * left. So whoever has not seen the flag finds an entry here, and if it cannot
 * be held, looks again, and finds it in the next array. Therefore a look-up that
 * hits never looks at anything that resizing has to do with.
 *
 * DOC: Writers
 *
 * They take the shard's lock, and so are alone with its entries but for readers
 * and holders. Who removes an entry waits for its holders with the lock held:
 * they hold it no longer than it takes to copy a page with interrupts off, and
 * take no lock of a table meanwhile.
 *
 * DOC: Arrays
 *
 * rmap_shard.current_array and next_array hold the address of an array of
 * buckets, with what a hash is shifted by in the low bits, so that a reader gets
 * both with one load.
 */

#include <linux/bitops.h>
#include <linux/build_bug.h>
#include <linux/types.h>

#include "table.h"

struct kmem_cache;

#define BUCKET_SLOTS	7

/* Flags in the lowest byte of the tags */
#define BUCKET_MOVED	0x01		/* look in the next array */
#define BUCKET_FLAGS	0xffULL

/* In each tag: its slot is taken. */
#define TAG_USED	0x80

#define EACH_BYTE(x)	((x) * 0x0101010101010101ULL)

/**
 * struct rmap_bucket - up to seven entries
 * @tags: flags, and a tag of each entry in use, 0 for the others; changed under
 *	the shard's lock
 * @next: an overflow bucket, or NULL; it stays until the shard is resized
 * @unused: none
 * @entry: slots 1 to 7
 */
struct rmap_bucket {
	u64 tags;
	struct rmap_bucket *next;
	u64 unused[2];
	struct dma_rmap_entry entry[BUCKET_SLOTS];
};

static_assert(sizeof(struct dma_rmap_entry) == 32);
static_assert(sizeof(struct rmap_bucket) == 256);

#define GOLDEN_RATIO	0x9e3779b97f4a7c15ULL

/*
 * Sequential blocks, which is what a map hands out, are spread evenly by the
 * golden ratio: buckets fill up with less variance than from random keys.
 */
static inline u64 rmap_hash(u64 addr, unsigned int order)
{
	return ((addr >> order) ^ ((u64)order << 57)) * GOLDEN_RATIO;
}

/* The hash of the block that this place of the mapping is for. */
static inline u64 mapping_hash(const struct rmap_mapping *mapping)
{
	u64 addr = mapping->addr;

	if (mapping->flags & RMAP_SECOND)
		addr += mapping->len - 1;
	return rmap_hash(addr, mapping->order);
}

static inline u8 hash_tag(u64 hash)
{
	return hash >> 20 | TAG_USED;
}

#define ARRAY_BITS	63UL	/* 64 less log2 of the number, in its address */

static inline struct rmap_bucket *array_buckets(unsigned long array)
{
	return (struct rmap_bucket *)(array & ~ARRAY_BITS);
}

static inline unsigned int array_bits(unsigned long array)
{
	return 64 - (array & ARRAY_BITS);
}

static inline struct rmap_bucket *array_bucket(unsigned long array, u64 hash)
{
	u64 index = (hash << RMAP_SHARD_BITS) >> (array & ARRAY_BITS);

	return array_buckets(array) + index;
}

static inline struct rmap_shard *table_shard(struct rmap_table *table, u64 hash)
{
	return &table->shard[hash >> (64 - RMAP_SHARD_BITS)];
}

/*
 * A bit set in byte N of the result says that tag N is @tag. More may be set
 * above the first one that is right, so the slots have to be looked at.
 */
static inline u64 match_tag(u64 tags, u8 tag)
{
	u64 x = tags ^ EACH_BYTE((u64)tag);

	return (x - EACH_BYTE(1ULL)) & ~x & EACH_BYTE(0x80ULL) & ~BUCKET_FLAGS;
}

static inline unsigned int match_slot(u64 match)
{
	return __ffs64(match) / 8;
}

static inline struct dma_rmap_entry *bucket_entry(struct rmap_bucket *bucket,
						  unsigned int slot)
{
	return &bucket->entry[slot - 1];
}

static inline bool entry_live(const struct dma_rmap_entry *entry)
{
	return atomic_read(&entry->users) & RMAP_LIVE;
}

/* The slots that are taken, as the highest bit in each one's byte. */
static inline u64 bucket_used(const struct rmap_bucket *bucket)
{
	return bucket->tags & EACH_BYTE((u64)TAG_USED) & ~BUCKET_FLAGS;
}

/* The first slot that is not taken, or 0. */
static inline unsigned int tags_free_slot(u64 tags)
{
	u64 unused = ~tags & EACH_BYTE((u64)TAG_USED) & ~BUCKET_FLAGS;

	return unused ? match_slot(unused) : 0;
}

/*
 * From here on no one begins to hold @entry; wait for those who do already. It
 * takes them no longer than to copy a page with interrupts off.
 */
static inline void entry_kill(struct dma_rmap_entry *entry)
{
	atomic_andnot(RMAP_LIVE, &entry->users);
	atomic_cond_read_acquire(&entry->users, !VAL);
}

/* table.c */
int rmap_chain_add(struct rmap_bucket *bucket, u8 tag,
		   const struct rmap_mapping *mapping,
		   struct rmap_bucket **spare);

/* resize.c */
extern struct kmem_cache *rmap_bucket_cache;

enum rmap_resize __rmap_shard_wants(struct rmap_shard *shard);
void __rmap_table_resize(struct rmap_table *table, enum rmap_resize resize);

/**
 * rmap_shard_wants() - what has the resize work to be told?
 * @shard: the shard, whose count has changed
 *
 * Context: Any, under the shard's lock.
 * Return: what to call rmap_table_resize() with.
 */
static inline enum rmap_resize rmap_shard_wants(struct rmap_shard *shard)
{
	if (likely(shard->count - shard->fits_from <= shard->fits))
		return RMAP_RESIZE_NONE;
	return __rmap_shard_wants(shard);
}

/**
 * rmap_table_resize() - tell the resize work
 * @table: the table
 * @resize: what for
 *
 * Context: Any, hard interrupts included. No shard's lock is held.
 */
static inline void rmap_table_resize(struct rmap_table *table,
				     enum rmap_resize resize)
{
	if (unlikely(resize != RMAP_RESIZE_NONE))
		__rmap_table_resize(table, resize);
}

#endif /* DMA_RMAP_BUCKET_H */
