// SPDX-License-Identifier: GPL-2.0
/*
 * The hash table from blocks of device addresses to mappings.
 *
 * It knows nothing of maps, devices and the DMA API. How the table is laid out is
 * in bucket.h, how it is resized in resize.c. The same files are built in user
 * space by tests/unit, over small shims.
 */

#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bucket.h"

/* Readers */

/* Does @entry, which holds @addr, do what is wanted? */
static bool entry_suits(const struct dma_rmap_entry *entry, u64 addr,
			const struct rmap_want *want)
{
	u64 rest = READ_ONCE(entry->len) - (addr - READ_ONCE(entry->addr));

	return rest >= want->len &&
	       (want->dir == DMA_NONE || rmap_entry_allows(entry, want->dir));
}

/* Is @entry one to be found? Only a hint if it is not held. */
static __always_inline bool entry_matches(const struct dma_rmap_entry *entry,
					  u64 addr,
					  const struct rmap_want *want)
{
	if (want && !want->len)
		return !((READ_ONCE(entry->addr) ^ addr) >>
			 READ_ONCE(entry->order));
	return likely(rmap_entry_holds(entry, addr)) &&
	       (!want || entry_suits(entry, addr, want));
}

static __always_inline struct dma_rmap_entry *
bucket_find(struct rmap_bucket *head, u8 tag, u64 addr,
	    const struct rmap_want *want, bool *moved)
{
	struct rmap_bucket *bucket = head;
	struct dma_rmap_entry *entry;
	bool gone = false;
	u64 tags, match;

	/* Pairs with bucket_set(), and with chain_move() */
	tags = smp_load_acquire(&bucket->tags);
	if (unlikely(tags & BUCKET_MOVED)) {
		*moved = true;
		return NULL;
	}
	for (;;) {
		for (match = match_tag(tags, tag); match; match &= match - 1) {
			entry = bucket_entry(bucket, match_slot(match));
			if (unlikely(!entry_matches(entry, addr, want)))
				continue;
			if (likely(entry_live(entry)))
				return entry;
			gone = true;
		}
		/* Pairs with rmap_chain_add() */
		bucket = smp_load_acquire(&bucket->next);
		if (likely(!bucket))
			break;
		/* Pairs with bucket_set() */
		tags = smp_load_acquire(&bucket->tags);
	}
	if (unlikely(gone)) {
		/* Pairs with chain_move(): flagged, then dead */
		smp_rmb();
		*moved = READ_ONCE(head->tags) & BUCKET_MOVED;
	}
	return NULL;
}

/* The bucket of @array has been moved: look where it went to. */
static noinline struct dma_rmap_entry *
shard_find_moved(struct rmap_shard *shard, unsigned long array, u64 hash,
		 u64 addr, const struct rmap_want *want)
{
	struct dma_rmap_entry *entry;
	unsigned long next;
	bool moved;

	for (;;) {
		/* Pairs with shard_resize_begin() */
		next = smp_load_acquire(&shard->next_array);
		moved = false;
		if (!next || READ_ONCE(shard->current_array) != array) {
			/*
			 * That resize is over; begin again. Pairs with
			 * shard_resize_end()
			 */
			next = smp_load_acquire(&shard->current_array);
			array = next;
		}
		entry = bucket_find(array_bucket(next, hash), hash_tag(hash),
				    addr, want, &moved);
		if (entry)
			return entry;
		if (moved)
			continue;
		if (READ_ONCE(shard->current_array) == array)
			return NULL;
	}
}

static __always_inline struct dma_rmap_entry *
table_find(struct rmap_table *table, u64 addr, unsigned int order,
	   const struct rmap_want *want)
{
	u64 hash = rmap_hash(addr, order);
	struct rmap_shard *shard = table_shard(table, hash);
	unsigned long array = READ_ONCE(shard->current_array);
	struct dma_rmap_entry *entry;
	bool moved = false;

	entry = bucket_find(array_bucket(array, hash), hash_tag(hash), addr,
			    want, &moved);
	if (unlikely(moved))
		entry = shard_find_moved(shard, array, hash, addr, want);
	return entry;
}

static __always_inline struct dma_rmap_entry *
table_hold(struct rmap_table *table, u64 addr, unsigned int order,
	   const struct rmap_want *want)
{
	struct dma_rmap_entry *entry;

	/* With interrupts off this is an RCU read-side critical section. */
	while ((entry = table_find(table, addr, order, want))) {
		if (likely(rmap_entry_hold(entry))) {
			if (likely(entry_matches(entry, addr, want)))
				break;
			rmap_entry_release(entry);
		}
		/*
		 * Removed or moved since it was found, and that is seen now.
		 * Pairs with bucket_clear() and chain_move()
		 */
		smp_rmb();
	}
	return entry;
}

/**
 * rmap_table_find() - find the mapping that holds an address
 * @table: the table
 * @addr: any address inside the mapping
 * @order: the order that a mapping of this address would have
 *
 * The entry can be undone and become another one at any time, see struct
 * dma_rmap_entry.
 *
 * Context: Any, in an RCU read-side critical section. Never waits.
 * Return: the entry, or NULL.
 */
struct dma_rmap_entry *rmap_table_find(struct rmap_table *table, u64 addr,
				       unsigned int order)
{
	return table_find(table, addr, order, NULL);
}

/**
 * rmap_table_hold() - find the mapping that holds an address, and hold it
 * @table: the table
 * @addr: any address inside the mapping
 * @order: the order that a mapping of this address would have
 *
 * Context: Any, with interrupts off until rmap_entry_release(). Never waits.
 * Return: the entry, or NULL if there is no such mapping.
 */
struct dma_rmap_entry *rmap_table_hold(struct rmap_table *table, u64 addr,
				       unsigned int order)
{
	return table_hold(table, addr, order, NULL);
}

/**
 * rmap_table_hold_wanted() - find one of the mappings that hold an address, and
 *	hold it
 * @table: the table
 * @addr: any address inside the mapping
 * @order: the order of the mapping
 * @want: what it has to allow
 *
 * For mappings with %RMAP_SHARED, of which several can hold an address.
 *
 * Context: Any, with interrupts off until rmap_entry_release(). Never waits.
 * Return: the entry, or NULL if there is no such mapping.
 */
struct dma_rmap_entry *rmap_table_hold_wanted(struct rmap_table *table,
					      u64 addr, unsigned int order,
					      const struct rmap_want *want)
{
	return table_hold(table, addr, order, want);
}

/* Writers, under the shard's lock */

/* The bucket that @hash belongs to now. */
static struct rmap_bucket *shard_bucket(struct rmap_shard *shard, u64 hash)
{
	struct rmap_bucket *bucket = array_bucket(shard->current_array, hash);

	if (bucket->tags & BUCKET_MOVED)
		bucket = array_bucket(shard->next_array, hash);
	return bucket;
}

static u64 tags_without(u64 tags, unsigned int slot)
{
	return tags & ~(0xffULL << (8 * slot));
}

/* Readers may look at the place even while no tag leads to it. */
static __always_inline void bucket_set(struct rmap_bucket *bucket,
				       unsigned int slot, u8 tag, u64 addr,
				       u64 len, u64 phys, u32 meta)
{
	struct dma_rmap_entry *entry = bucket_entry(bucket, slot);

	WRITE_ONCE(entry->addr, addr);
	WRITE_ONCE(entry->len, len);
	entry->phys = phys;
	WRITE_ONCE(entry->meta, meta);
	atomic_set_release(&entry->users, RMAP_LIVE);
	/* The entry before its tag. Pairs with bucket_find() */
	smp_store_release(&bucket->tags, bucket->tags | (u64)tag << (8 * slot));
}

static __always_inline void bucket_clear(struct rmap_bucket *bucket,
					 unsigned int slot)
{
	entry_kill(bucket_entry(bucket, slot));
	WRITE_ONCE(bucket->tags, tags_without(bucket->tags, slot));
}

static bool bucket_has_block(const struct rmap_bucket *bucket, u8 tag,
			     const struct rmap_mapping *mapping)
{
	u64 match = match_tag(bucket->tags, tag);
	const struct dma_rmap_entry *entry;

	for (; match; match &= match - 1) {
		entry = &bucket->entry[match_slot(match) - 1];
		if (entry_live(entry) && entry->order == mapping->order &&
		    !((entry->addr ^ mapping->addr) >> entry->order))
			return true;
	}
	return false;
}

/**
 * rmap_chain_add() - put a mapping into a chain of buckets
 * @bucket: the first one
 * @tag: the mapping's tag
 * @mapping: the mapping
 * @spare: an empty bucket for when there is no room, or NULL; it is set to NULL
 *	when it has been taken
 *
 * Context: Any, under the shard's lock.
 * Return: 0; -EEXIST if the mapping's block is there, and is not shared; -ENOMEM
 * if there is no room and no spare bucket.
 */
int rmap_chain_add(struct rmap_bucket *bucket, u8 tag,
		   const struct rmap_mapping *mapping,
		   struct rmap_bucket **spare)
{
	bool alone = !(mapping->flags & (RMAP_SHARED | RMAP_NEW));
	struct rmap_bucket *room = NULL;

	for (;;) {
		if (alone && bucket_has_block(bucket, tag, mapping))
			return -EEXIST;
		if (!room && tags_free_slot(bucket->tags))
			room = bucket;
		if (!bucket->next || (room && !alone))
			break;
		bucket = bucket->next;
	}
	if (!room) {
		room = *spare;
		if (!room)
			return -ENOMEM;
		*spare = NULL;
		/* Empty as it is. Pairs with bucket_find() */
		smp_store_release(&bucket->next, room);
	}
	bucket_set(room, tags_free_slot(room->tags), tag, mapping->addr,
		   mapping->len, mapping->phys, mapping->meta);
	return 0;
}

static void count_place(struct rmap_shard *shard,
			const struct rmap_mapping *mapping, int change)
{
	WRITE_ONCE(shard->count, shard->count + change);
	if (mapping->flags & RMAP_SECOND)
		WRITE_ONCE(shard->seconds, shard->seconds + change);
}

/* Put @mapping into its chain, and count it. With the shard's lock. */
static int shard_add(struct rmap_shard *shard, u64 hash,
		     const struct rmap_mapping *mapping,
		     struct rmap_bucket **spare, enum rmap_resize *resize)
{
	int err = rmap_chain_add(shard_bucket(shard, hash), hash_tag(hash),
				 mapping, spare);

	if (likely(!err)) {
		count_place(shard, mapping, 1);
		*resize = rmap_shard_wants(shard);
	}
	return err;
}

/* Add @mapping wherever its chain has room, with another bucket perhaps. */
static noinline int insert_in_chain(struct rmap_table *table,
				    const struct rmap_mapping *mapping)
{
	u64 hash = mapping_hash(mapping);
	struct rmap_shard *shard = table_shard(table, hash);
	struct rmap_bucket *spare = NULL;
	enum rmap_resize resize = RMAP_RESIZE_NONE;
	unsigned long flags;
	int err;

	do {
		raw_spin_lock_irqsave(&shard->lock, flags);
		err = shard_add(shard, hash, mapping, &spare, &resize);
		raw_spin_unlock_irqrestore(&shard->lock, flags);
		if (likely(err != -ENOMEM))
			break;
		spare = kmem_cache_zalloc(rmap_bucket_cache,
					  GFP_ATOMIC | __GFP_NOWARN);
	} while (spare);

	if (unlikely(spare))
		kmem_cache_free(rmap_bucket_cache, spare);
	rmap_table_resize(table, resize);
	return err;
}

/**
 * rmap_table_insert_new() - add a mapping that cannot be there yet
 * @table: the table
 * @addr: as in struct rmap_mapping
 * @len: as in struct rmap_mapping
 * @phys: as in struct rmap_mapping
 * @order: as in struct rmap_mapping
 * @meta: as in struct rmap_mapping, with %RMAP_NEW and not %RMAP_SHARED
 *
 * Context: Any, with interrupts off.
 * Return: false if there is no room in its first bucket; then nothing has changed.
 */
bool rmap_table_insert_new(struct rmap_table *table, u64 addr, u64 len, u64 phys,
			   unsigned int order, u32 meta)
{
	u64 hash = rmap_hash(addr, order);
	struct rmap_shard *shard = table_shard(table, hash);
	enum rmap_resize resize = RMAP_RESIZE_NONE;
	struct rmap_bucket *bucket;
	unsigned int slot;

	raw_spin_lock(&shard->lock);
	bucket = shard_bucket(shard, hash);
	slot = tags_free_slot(bucket->tags);
	if (likely(slot)) {
		bucket_set(bucket, slot, hash_tag(hash), addr, len, phys, meta);
		WRITE_ONCE(shard->count, shard->count + 1);
		resize = rmap_shard_wants(shard);
	}
	raw_spin_unlock(&shard->lock);
	rmap_table_resize(table, resize);
	return slot;
}

/*
 * How well does @entry fit @mapping? 0 if it is another one. Of several that are
 * alike but for their memory, the second place has to be that of the first.
 */
static int entry_fits(const struct dma_rmap_entry *entry,
		      const struct rmap_mapping *mapping)
{
	bool streaming = mapping->kind <= RMAP_SG && entry->kind <= RMAP_SG;

	if (entry->addr != mapping->addr || entry->order != mapping->order ||
	    (entry->flags ^ mapping->flags) & RMAP_SECOND ||
	    (mapping->flags & RMAP_SECOND && entry->phys != mapping->phys) ||
	    (entry->kind != mapping->kind && !streaming) || !entry_live(entry))
		return 0;
	return 1 + (entry->kind == mapping->kind) +
	       (entry->len == mapping->len) + (entry->dir == mapping->dir);
}

/* Find the entry that fits best: its bucket, and *@slot in that. */
static struct rmap_bucket *chain_find(struct rmap_bucket *bucket, u8 tag,
				      const struct rmap_mapping *mapping,
				      unsigned int *slot)
{
	struct rmap_bucket *found = NULL;
	int fit, best = 0;
	u64 match;

	for (; bucket; bucket = bucket->next) {
		match = match_tag(bucket->tags, tag);
		for (; match; match &= match - 1) {
			fit = entry_fits(bucket_entry(bucket, match_slot(match)),
					 mapping);
			if (fit <= best)
				continue;
			found = bucket;
			*slot = match_slot(match);
			/* There is no better one, or no other one. */
			if (fit == 4 || !(mapping->flags & RMAP_SHARED))
				return found;
			best = fit;
		}
	}
	return found;
}

/* Remove @mapping from one of its blocks, wherever in the chain it is. */
static noinline bool remove_from_chain(struct rmap_table *table,
				       const struct rmap_mapping *mapping,
				       struct rmap_mapping *was)
{
	u64 hash = mapping_hash(mapping);
	struct rmap_shard *shard = table_shard(table, hash);
	enum rmap_resize resize = RMAP_RESIZE_NONE;
	struct rmap_bucket *bucket;
	unsigned long flags;
	unsigned int slot;

	raw_spin_lock_irqsave(&shard->lock, flags);
	bucket = chain_find(shard_bucket(shard, hash), hash_tag(hash), mapping,
			    &slot);
	if (likely(bucket)) {
		bucket_clear(bucket, slot);
		rmap_entry_read(bucket_entry(bucket, slot), was);
		count_place(shard, was, -1);
		resize = rmap_shard_wants(shard);
	}
	raw_spin_unlock_irqrestore(&shard->lock, flags);
	rmap_table_resize(table, resize);
	return bucket;
}

/**
 * rmap_table_remove_exact() - take a mapping out that is just what is expected
 * @table: the table
 * @addr: as in struct rmap_mapping
 * @len: as in struct rmap_mapping
 * @order: as in struct rmap_mapping
 * @meta: as in struct rmap_mapping, without %RMAP_SHARED
 *
 * When this returns true no one holds the mapping any more.
 *
 * Context: Any, with interrupts off. Waits for those who hold the mapping, each for
 * a bounded time.
 * Return: false if the first mapping of its tag is another one, or there is none;
 * then nothing has changed, and rmap_table_remove() knows better.
 */
bool rmap_table_remove_exact(struct rmap_table *table, u64 addr, u64 len,
			     unsigned int order, u32 meta)
{
	u64 hash = rmap_hash(addr, order);
	struct rmap_shard *shard = table_shard(table, hash);
	enum rmap_resize resize = RMAP_RESIZE_NONE;
	const struct dma_rmap_entry *entry;
	struct rmap_bucket *bucket;
	bool found = false;
	u64 match;

	raw_spin_lock(&shard->lock);
	bucket = shard_bucket(shard, hash);
	match = match_tag(bucket->tags, hash_tag(hash));
	if (likely(match)) {
		entry = bucket_entry(bucket, match_slot(match));
		found = entry->addr == addr && entry->len == len &&
			entry->meta == meta && entry_live(entry);
	}
	if (likely(found)) {
		bucket_clear(bucket, match_slot(match));
		WRITE_ONCE(shard->count, shard->count - 1);
		resize = rmap_shard_wants(shard);
	}
	raw_spin_unlock(&shard->lock);
	rmap_table_resize(table, resize);
	return found;
}

/* Does @mapping lie in two blocks? Then it has a place in the second one, too. */
static __always_inline bool has_second_place(const struct rmap_mapping *mapping)
{
	u64 last = mapping->addr + mapping->len - 1;

	return unlikely(mapping->flags & RMAP_SHARED) &&
	       (mapping->addr ^ last) >> mapping->order;
}

static noinline int insert_both(struct rmap_table *table,
				const struct rmap_mapping *mapping)
{
	struct rmap_mapping second = *mapping, was;
	int err;

	/* Whoever removes the first place finds the second one there. */
	second.flags |= RMAP_SECOND;
	err = insert_in_chain(table, &second);
	if (err)
		return err;
	err = insert_in_chain(table, mapping);
	if (err)
		remove_from_chain(table, &second, &was);
	return err;
}

static noinline void remove_second(struct rmap_table *table,
				   const struct rmap_mapping *first)
{
	struct rmap_mapping second = *first, was;

	second.flags |= RMAP_SECOND;
	remove_from_chain(table, &second, &was);
}

/**
 * rmap_table_insert() - add a mapping
 * @table: the table
 * @mapping: the mapping; it lies in a block of its order, which no other mapping
 *	of that order lies in, or, with %RMAP_SHARED, in one or two that can have
 *	others, too; with %RMAP_NEW no mapping was ever in that block, and that is
 *	not looked after
 *
 * Context: Any, hard interrupts included.
 * Return: 0; -EEXIST if a mapping in the same block is there; -ENOMEM. If it
 * fails, nothing has changed.
 */
int rmap_table_insert(struct rmap_table *table,
		      const struct rmap_mapping *mapping)
{
	unsigned long flags;
	bool done;

	if (mapping->flags & RMAP_NEW) {
		local_irq_save(flags);
		done = rmap_table_insert_new(table, mapping->addr, mapping->len,
					     mapping->phys, mapping->order,
					     mapping->meta);
		local_irq_restore(flags);
		if (likely(done))
			return 0;
	} else if (has_second_place(mapping)) {
		return insert_both(table, mapping);
	}
	return insert_in_chain(table, mapping);
}

/**
 * rmap_table_remove() - take a mapping out
 * @table: the table
 * @mapping: its first address, order, and %RMAP_SHARED if it has that; its kind:
 *	of %RMAP_PAGE and %RMAP_SG each finds the other, too; of several mappings
 *	that begin there, one of this kind, length and direction is taken if there
 *	is one
 * @was: gets a description of it
 *
 * When this returns no one holds the mapping any more.
 *
 * Context: Any, hard interrupts included. Waits for those who hold the mapping,
 * each for a bounded time.
 * Return: true, or false if there is no such mapping.
 */
bool rmap_table_remove(struct rmap_table *table,
		       const struct rmap_mapping *mapping,
		       struct rmap_mapping *was)
{
	if (!remove_from_chain(table, mapping, was))
		return false;
	if (unlikely(has_second_place(was)))
		remove_second(table, was);
	return true;
}

/**
 * rmap_table_count() - how many mappings a table has
 * @table: the table
 *
 * Context: Any.
 * Return: their number, roughly if the table is being changed.
 */
unsigned long rmap_table_count(struct rmap_table *table)
{
	unsigned long count = 0;
	unsigned int i;

	for (i = 0; i < RMAP_SHARDS; i++)
		count += READ_ONCE(table->shard[i].count) -
			 READ_ONCE(table->shard[i].seconds);
	return count;
}

/**
 * rmap_table_bytes() - the memory of a table's arrays
 * @table: the table
 *
 * Context: Any.
 * Return: bytes, without entries and overflow buckets.
 */
size_t rmap_table_bytes(struct rmap_table *table)
{
	size_t bytes = 0;
	unsigned long array;
	unsigned int i;

	for (i = 0; i < RMAP_SHARDS; i++) {
		array = READ_ONCE(table->shard[i].current_array);
		bytes += sizeof(struct rmap_bucket) << array_bits(array);
		array = READ_ONCE(table->shard[i].next_array);
		if (array)
			bytes += sizeof(struct rmap_bucket) << array_bits(array);
	}
	return bytes;
}

/*
 * The bucket that @first belongs to now, and in *@last the end of the stretch of
 * hashes whose entries are in it. It is in terms of hashes that a walk goes on:
 * they stay the same when the shard is resized.
 */
static struct rmap_bucket *shard_stretch(struct rmap_shard *shard, u64 first,
					 u64 *last)
{
	struct rmap_bucket *bucket = array_bucket(shard->current_array, first);
	unsigned int bits = array_bits(shard->current_array);

	if (bucket->tags & BUCKET_MOVED) {
		bucket = array_bucket(shard->next_array, first);
		/* The coarser of both holds part of its hashes as yet. */
		bits = max(bits, array_bits(shard->next_array));
	}
	*last = first | (~0ULL >> (RMAP_SHARD_BITS + bits));
	return bucket;
}

/* Call @fn for the entries of a chain with hashes from @first to @last. */
static bool chain_walk(const struct rmap_bucket *bucket, u64 first, u64 last,
		       rmap_walk_fn *fn, void *arg)
{
	struct rmap_mapping mapping;
	u64 used, hash;

	for (; bucket; bucket = bucket->next) {
		used = bucket_used(bucket);
		for (; used; used &= used - 1) {
			rmap_entry_read(&bucket->entry[match_slot(used) - 1],
					&mapping);
			hash = mapping_hash(&mapping);
			if (hash >= first && hash <= last &&
			    !(mapping.flags & RMAP_SECOND) && fn(&mapping, arg))
				return true;
		}
	}
	return false;
}

/**
 * rmap_table_walk() - visit the next few mappings
 * @table: the table
 * @pos: where the walk is; set it to 0 to begin
 * @fn: called for each of them, under a lock, with interrupts off; ends this
 *	call, and does not move @pos, by returning true
 * @arg: handed to @fn
 *
 * Each call visits a bucket, so it keeps others waiting for a short time only. A
 * mapping that is in the table from the first to the last call is visited once,
 * whatever else is added, removed or resized meanwhile.
 *
 * Context: Any.
 * Return: false at the end of the table.
 */
bool rmap_table_walk(struct rmap_table *table, u64 *pos, rmap_walk_fn *fn,
		     void *arg)
{
	struct rmap_shard *shard = table_shard(table, *pos);
	struct rmap_bucket *bucket;
	unsigned long flags;
	bool ended;
	u64 last;

	raw_spin_lock_irqsave(&shard->lock, flags);
	bucket = shard_stretch(shard, *pos, &last);
	ended = chain_walk(bucket, *pos, last, fn, arg);
	raw_spin_unlock_irqrestore(&shard->lock, flags);
	if (ended)
		return true;
	*pos = last + 1;
	return *pos;
}

