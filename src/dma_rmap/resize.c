// SPDX-License-Identifier: GPL-2.0
/*
 * The table's memory: arrays of buckets, and their growing and shrinking while
 * the table is in use. Built in user space, too, by tests/unit.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "bucket.h"

/*
 * An array has at least 1 << MIN_BITS buckets, and is replaced when there are
 * on average more than FILL_MAX or less than FILL_MIN entries in a bucket, by
 * the smallest one with at most FILL_NEW.
 */
#define MIN_BITS	1
#define FILL_MAX	6UL
#define FILL_MIN	2UL
#define FILL_NEW	5UL

#define SHRINK_DELAY	HZ
#define RESIZE_RETRY	(HZ / 4)	/* when memory was short */

/* The resize work's reserve, so that it needs no memory under a lock. */
struct rmap_spares {
	struct rmap_bucket *first;
	unsigned int count;
};

/* An array that is waiting for its last readers to leave. */
struct rmap_retired {
	struct rcu_work work;
	unsigned long array;
};

struct kmem_cache *rmap_bucket_cache;
static struct workqueue_struct *resize_queue;

static unsigned int wanted_bits(unsigned long count, unsigned int bits)
{
	if (count > FILL_MAX << bits ||
	    (count < FILL_MIN << bits && bits > MIN_BITS))
		return max_t(unsigned int, MIN_BITS,
			     order_base_2(DIV_ROUND_UP(count, FILL_NEW)));
	return bits;
}

/* From here on entries are in @array. With the shard's lock. */
static void shard_set_array(struct rmap_shard *shard, unsigned long array)
{
	unsigned int bits = array_bits(array);

	/* What is in the array before the array. Pairs with shard_find_moved() */
	smp_store_release(&shard->current_array, array);
	/* wanted_bits() says the same. */
	shard->fits_from = bits > MIN_BITS ? FILL_MIN << bits : 0;
	shard->fits = (FILL_MAX << bits) - shard->fits_from;
}

/**
 * __rmap_shard_wants() - rmap_shard_wants() of an array that does not fit
 * @shard: the shard, whose count has changed
 *
 * Context: Any, under the shard's lock.
 * Return: what to call rmap_table_resize() with.
 */
enum rmap_resize __rmap_shard_wants(struct rmap_shard *shard)
{
	unsigned int bits = array_bits(shard->current_array);
	unsigned int wanted = wanted_bits(shard->count, bits);
	enum rmap_resize resize;

	if (likely(wanted == bits))
		return RMAP_RESIZE_NONE;
	resize = wanted > bits ? RMAP_RESIZE_GROW : RMAP_RESIZE_SHRINK;
	if (resize <= shard->resize)
		return RMAP_RESIZE_NONE;	/* it knows */
	WRITE_ONCE(shard->resize, resize);
	return resize;
}

/**
 * __rmap_table_resize() - rmap_table_resize() if there is something to tell
 * @table: the table
 * @resize: what for
 *
 * Growing cannot wait; shrinking can, as what has just been unmapped is often
 * mapped again soon.
 *
 * Context: Any, hard interrupts included. No shard's lock is held.
 */
void __rmap_table_resize(struct rmap_table *table, enum rmap_resize resize)
{
	if (READ_ONCE(table->closing))
		return;
	if (resize == RMAP_RESIZE_GROW)
		mod_delayed_work(resize_queue, &table->work, 0);
	else
		queue_delayed_work(resize_queue, &table->work, SHRINK_DELAY);
}

/* Resizing, in the resize work */

static unsigned long array_alloc(unsigned int bits)
{
	struct rmap_bucket *buckets;

	buckets = kvcalloc(1UL << bits, sizeof(*buckets),
			   GFP_KERNEL | __GFP_NOWARN);
	if (!buckets)
		return 0;
	if (WARN_ON_ONCE((unsigned long)buckets & ARRAY_BITS)) {
		kvfree(buckets);
		return 0;
	}
	return (unsigned long)buckets | (64 - bits);
}

/* No reader may be left. */
static void array_free(unsigned long array)
{
	struct rmap_bucket *buckets = array_buckets(array);
	struct rmap_bucket *bucket, *next;
	unsigned long i;

	for (i = 0; i < 1UL << array_bits(array); i++) {
		for (bucket = buckets[i].next; bucket; bucket = next) {
			next = bucket->next;
			kmem_cache_free(rmap_bucket_cache, bucket);
		}
	}
	kvfree(buckets);
}

static void retired_free(struct work_struct *work)
{
	struct rmap_retired *retired = container_of(to_rcu_work(work),
						    struct rmap_retired, work);

	array_free(retired->array);
	kfree(retired);
}

/* Free an array when no reader is left. Resizing can go on before that. */
static void array_retire(unsigned long array)
{
	struct rmap_retired *retired;

	retired = kmalloc(sizeof(*retired), GFP_KERNEL | __GFP_NOWARN);
	if (!retired) {
		synchronize_rcu();
		array_free(array);
		return;
	}
	retired->array = array;
	INIT_RCU_WORK(&retired->work, retired_free);
	queue_rcu_work(resize_queue, &retired->work);
}

static void spares_put(struct rmap_spares *spares, struct rmap_bucket *bucket)
{
	bucket->next = spares->first;
	spares->first = bucket;
	spares->count++;
}

static struct rmap_bucket *spares_take(struct rmap_spares *spares)
{
	struct rmap_bucket *bucket = spares->first;

	spares->first = bucket->next;
	spares->count--;
	bucket->next = NULL;
	return bucket;
}

static int spares_fill(struct rmap_spares *spares, unsigned int count)
{
	struct rmap_bucket *bucket;

	while (spares->count < count) {
		bucket = kmem_cache_zalloc(rmap_bucket_cache,
					   GFP_KERNEL | __GFP_NOWARN);
		if (!bucket)
			return -ENOMEM;
		spares_put(spares, bucket);
	}
	return 0;
}

static void spares_free(struct rmap_spares *spares)
{
	while (spares->count)
		kmem_cache_free(rmap_bucket_cache, spares_take(spares));
}

static unsigned int chain_count(const struct rmap_bucket *bucket)
{
	unsigned int count = 0;

	for (; bucket; bucket = bucket->next)
		count += hweight64(bucket_used(bucket));
	return count;
}

static void chain_copy(struct rmap_shard *shard, struct rmap_bucket *bucket,
		       struct rmap_spares *spares)
{
	struct rmap_bucket *spare = NULL;
	struct rmap_mapping mapping;
	u64 used, hash;

	for (; bucket; bucket = bucket->next) {
		used = bucket_used(bucket);
		for (; used; used &= used - 1) {
			rmap_entry_read(bucket_entry(bucket, match_slot(used)),
					&mapping);
			hash = mapping_hash(&mapping);
			if (!spare)
				spare = spares_take(spares);
			rmap_chain_add(array_bucket(shard->next_array, hash),
				       hash_tag(hash), &mapping, &spare);
		}
	}
	if (spare)
		spares_put(spares, spare);
}

static void chain_move(struct rmap_shard *shard, struct rmap_bucket *head,
		       struct rmap_spares *spares)
{
	struct rmap_bucket *bucket;
	u64 head_used = bucket_used(head);
	u64 used;

	chain_copy(shard, head, spares);
	/* The copies before the flag. Pairs with bucket_find() */
	smp_store_release(&head->tags, BUCKET_MOVED);
	/* The flag before an original dies. Pairs with bucket_find() */
	smp_mb__before_atomic();
	for (bucket = head; bucket; bucket = bucket->next) {
		used = bucket == head ? head_used : bucket_used(bucket);
		for (; used; used &= used - 1)
			entry_kill(bucket_entry(bucket, match_slot(used)));
	}
}

static int bucket_move(struct rmap_shard *shard, struct rmap_bucket *bucket,
		       struct rmap_spares *spares)
{
	unsigned int count;
	unsigned long flags;

	for (;;) {
		raw_spin_lock_irqsave(&shard->lock, flags);
		/* An earlier attempt may have come past here. */
		if (bucket->tags & BUCKET_MOVED)
			break;
		count = chain_count(bucket);
		if (spares->count >= count) {
			chain_move(shard, bucket, spares);
			break;
		}
		raw_spin_unlock_irqrestore(&shard->lock, flags);
		if (spares_fill(spares, count))
			return -ENOMEM;
	}
	raw_spin_unlock_irqrestore(&shard->lock, flags);
	return 0;
}

/* Give @shard a next array if it wants one. 0, 1 if there is one, or -ENOMEM */
static int shard_resize_begin(struct rmap_shard *shard)
{
	unsigned int bits = array_bits(shard->current_array);
	unsigned int wanted;
	unsigned long flags;
	unsigned long next;

	if (shard->next_array)
		return 1;	/* an attempt that was short of memory */

	raw_spin_lock_irqsave(&shard->lock, flags);
	wanted = wanted_bits(shard->count, bits);
	if (wanted == bits)
		WRITE_ONCE(shard->resize, RMAP_RESIZE_NONE);
	raw_spin_unlock_irqrestore(&shard->lock, flags);
	if (wanted == bits)
		return 0;

	next = array_alloc(wanted);
	if (!next)
		return -ENOMEM;
	raw_spin_lock_irqsave(&shard->lock, flags);
	/* Empty as it is. Pairs with shard_find_moved() */
	smp_store_release(&shard->next_array, next);
	raw_spin_unlock_irqrestore(&shard->lock, flags);
	return 1;
}

static void shard_resize_end(struct rmap_shard *shard)
{
	unsigned long old = shard->current_array;
	unsigned long flags;

	raw_spin_lock_irqsave(&shard->lock, flags);
	shard_set_array(shard, shard->next_array);
	/*
	 * Who sees no next array sees the new current one. Pairs with
	 * shard_find_moved()
	 */
	smp_store_release(&shard->next_array, 0);
	raw_spin_unlock_irqrestore(&shard->lock, flags);
	array_retire(old);
}

/* Returns as shard_resize_begin(). */
static int shard_resize(struct rmap_shard *shard, struct rmap_spares *spares)
{
	struct rmap_bucket *buckets;
	unsigned long i, count;
	int ret;

	ret = shard_resize_begin(shard);
	if (ret <= 0)
		return ret;

	buckets = array_buckets(shard->current_array);
	count = 1UL << array_bits(shard->current_array);
	for (i = 0; i < count; i++) {
		if (bucket_move(shard, &buckets[i], spares))
			return -ENOMEM;
		cond_resched();
	}
	shard_resize_end(shard);
	return 1;
}

static void table_resize_work(struct work_struct *work)
{
	struct rmap_table *table = container_of(to_delayed_work(work),
						struct rmap_table, work);
	struct rmap_spares spares = {};
	bool resized, short_of_memory;
	unsigned int i;
	int ret;

	/* Again, for those may want yet another size that have been resized. */
	do {
		resized = false;
		short_of_memory = false;
		for (i = 0; i < RMAP_SHARDS; i++) {
			if (!READ_ONCE(table->shard[i].resize))
				continue;
			ret = shard_resize(&table->shard[i], &spares);
			resized |= ret > 0;
			short_of_memory |= ret < 0;
		}
	} while (resized && !READ_ONCE(table->closing));

	spares_free(&spares);
	if (short_of_memory && !READ_ONCE(table->closing))
		queue_delayed_work(resize_queue, &table->work, RESIZE_RETRY);
}

/* The whole table */

/**
 * rmap_table_init() - make an empty table
 * @table: the table, zeroed
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int rmap_table_init(struct rmap_table *table)
{
	struct rmap_shard *shard;
	unsigned long array;
	unsigned int i;

	INIT_DELAYED_WORK(&table->work, table_resize_work);
	for (i = 0; i < RMAP_SHARDS; i++) {
		shard = &table->shard[i];
		raw_spin_lock_init(&shard->lock);
		array = array_alloc(MIN_BITS);
		if (!array)
			goto err_arrays;
		shard_set_array(shard, array);
	}
	return 0;

err_arrays:
	while (i--)
		array_free(table->shard[i].current_array);
	return -ENOMEM;
}

/**
 * rmap_table_destroy() - give a table's memory back
 * @table: the table; its entries are the caller's matter
 *
 * No one else may use the table any more.
 *
 * Context: Process.
 */
void rmap_table_destroy(struct rmap_table *table)
{
	unsigned int i;

	WRITE_ONCE(table->closing, true);
	cancel_delayed_work_sync(&table->work);
	for (i = 0; i < RMAP_SHARDS; i++) {
		array_free(table->shard[i].current_array);
		if (table->shard[i].next_array)
			array_free(table->shard[i].next_array);
	}
}

/**
 * rmap_table_module_init() - what all tables share
 *
 * Context: Process.
 * Return: 0 or -ENOMEM.
 */
int rmap_table_module_init(void)
{
	rmap_bucket_cache = kmem_cache_create("dma_rmap_bucket",
					 sizeof(struct rmap_bucket),
					 sizeof(struct rmap_bucket), 0, NULL);
	if (!rmap_bucket_cache)
		return -ENOMEM;
	resize_queue = alloc_workqueue("dma_rmap", WQ_UNBOUND, 0);
	if (!resize_queue) {
		kmem_cache_destroy(rmap_bucket_cache);
		return -ENOMEM;
	}
	return 0;
}

/**
 * rmap_table_module_exit() - undo rmap_table_module_init()
 *
 * Context: Process. No table may be left.
 */
void rmap_table_module_exit(void)
{
	rcu_barrier();	/* arrays that were retired are queued now */
	destroy_workqueue(resize_queue);
	kmem_cache_destroy(rmap_bucket_cache);
}
