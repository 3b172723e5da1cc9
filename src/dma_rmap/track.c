// SPDX-License-Identifier: GPL-2.0
/*
 * Who made and undid each mapping: the module parameter "track".
 *
 * Who made a mapping is kept in a side table of its own, so that without tracking
 * neither mappings nor look-ups are larger or slower. When it is undone that goes
 * into the history. Stacks are in the kernel's stack depot, which keeps each
 * different one once, and for ever.
 */
#include <linux/device.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/ratelimit.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>
#include <linux/string.h>

#include "explain.h"
#include "map.h"
#include "track.h"

#define TABLE_BITS	10
#define STACK_DEPTH	24

bool rmap_track __read_mostly;

/**
 * struct tracked - a mapping whose maker is known
 * @node: in its bucket
 * @map: its map
 * @addr: its first device address
 * @len: its bytes
 * @dir: enum dma_data_direction
 * @kind: enum rmap_kind
 * @who: who made it
 */
struct tracked {
	struct hlist_node node;
	const struct dma_rmap *map;
	u64 addr;
	u64 len;
	u8 dir;
	u8 kind;
	struct rmap_who who;
};

/**
 * struct track_bucket - those of one hash, of all maps
 * @lock: protects the list; taken in hard interrupts, and never for long
 * @list: of struct tracked
 */
struct track_bucket {
	raw_spinlock_t lock;
	struct hlist_head list;
};

#define BUCKET_INIT(n) { .lock = __RAW_SPIN_LOCK_UNLOCKED(table[n].lock) }

static struct track_bucket table[1 << TABLE_BITS] = {
	[0 ... (1 << TABLE_BITS) - 1] = BUCKET_INIT(0),
};

static struct track_bucket *bucket_of(const struct dma_rmap *map, u64 addr)
{
	return &table[hash_64((u64)(uintptr_t)map ^ addr, TABLE_BITS)];
}

static noinline void who_now(struct rmap_who *who)
{
	unsigned long entries[STACK_DEPTH];
	unsigned int count;

	who->stack = 0;
	who->pid = 0;
	if (!IS_ENABLED(CONFIG_STACKDEPOT))
		return;		/* "track" was refused */
	/* Neither this function nor its caller is of interest. */
	count = stack_trace_save(entries, STACK_DEPTH, 2);
	who->stack = stack_depot_save(entries, count, GFP_NOWAIT);
	if (in_task()) {
		who->pid = current->pid;
		get_task_comm(who->comm, current);
	} else {
		strscpy(who->comm, "interrupt", sizeof(who->comm));
	}
}

/* With the bucket's lock. */
static struct tracked *bucket_find(struct track_bucket *bucket,
				   const struct dma_rmap *map,
				   const struct rmap_mapping *mapping)
{
	struct tracked *tracked;

	/* Of several that are alike in all of this, any one does. */
	hlist_for_each_entry(tracked, &bucket->list, node)
		if (tracked->map == map && tracked->addr == mapping->addr &&
		    tracked->len == mapping->len &&
		    tracked->dir == mapping->dir &&
		    tracked->kind == mapping->kind)
			return tracked;
	return NULL;
}

/**
 * rmap_track_made() - remember who makes a mapping
 * @map: the map
 * @mapping: the mapping
 *
 * If memory is short it is forgotten.
 *
 * Context: Any, hard interrupts included.
 */
void rmap_track_made(struct dma_rmap *map, const struct rmap_mapping *mapping)
{
	struct track_bucket *bucket = bucket_of(map, mapping->addr);
	struct tracked *tracked;
	unsigned long flags;

	tracked = kmalloc(sizeof(*tracked), GFP_ATOMIC | __GFP_NOWARN);
	if (!tracked)
		return;
	tracked->map = map;
	tracked->addr = mapping->addr;
	tracked->len = mapping->len;
	tracked->dir = mapping->dir;
	tracked->kind = mapping->kind;
	who_now(&tracked->who);
	atomic_inc(&map->tracked);
	raw_spin_lock_irqsave(&bucket->lock, flags);
	hlist_add_head(&tracked->node, &bucket->list);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
}

/**
 * rmap_track_undone() - forget who made a mapping, which is undone now
 * @map: the map
 * @was: the mapping
 * @owners: gets who made it, and the caller as who undid it
 *
 * Context: Any, hard interrupts included.
 * Return: true, or false if it was not tracked.
 */
bool rmap_track_undone(struct dma_rmap *map, const struct rmap_mapping *was,
		       struct rmap_owners *owners)
{
	struct track_bucket *bucket = bucket_of(map, was->addr);
	struct tracked *tracked;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	tracked = bucket_find(bucket, map, was);
	if (tracked)
		hlist_del(&tracked->node);
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	if (!tracked)
		return false;
	atomic_dec(&map->tracked);
	owners->made = tracked->who;
	who_now(&owners->undone);
	kfree(tracked);
	return true;
}

/* Who made a mapping that is live? */
static bool maker_of(struct dma_rmap *map, const struct rmap_mapping *mapping,
		     struct rmap_who *who)
{
	struct track_bucket *bucket = bucket_of(map, mapping->addr);
	struct tracked *tracked;
	unsigned long flags;

	raw_spin_lock_irqsave(&bucket->lock, flags);
	tracked = bucket_find(bucket, map, mapping);
	if (tracked)
		*who = tracked->who;
	raw_spin_unlock_irqrestore(&bucket->lock, flags);
	return tracked;
}

static void show_who(struct dma_rmap *map, const char *what,
		     const struct rmap_who *who)
{
	dev_warn(&map->dev, "%s by %s[%d]:\n", what, who->comm, who->pid);
	if (IS_ENABLED(CONFIG_STACKDEPOT) && who->stack)
		stack_depot_print(who->stack);
}

/* Print whose mapping holds @addr, or did until lately. */
static void show_owners(struct dma_rmap *map, u64 addr)
{
	struct rmap_mapping mapping;
	struct rmap_past past;
	struct rmap_who who;
	u64 linked;

	if (rmap_look(map, addr, 1, DMA_NONE, &mapping, &linked)) {
		if (maker_of(map, &mapping, &who))
			show_who(map, "mapped", &who);
		return;
	}
	if (!rmap_history_find(map->history, addr, &past) || !(past.flags & RMAP_TRACKED))
		return;
	show_who(map, "mapped", &past.owners.made);
	show_who(map, "unmapped", &past.owners.undone);
}

/**
 * rmap_track_fault() - say of a refused access whose mapping it missed
 * @map: the map
 * @addr: the first byte that it asked for
 * @len: bytes
 * @dir: what was going to be done to them
 *
 * Context: Any, hard interrupts included; a piece may be held.
 */
void rmap_track_fault(struct dma_rmap *map, u64 addr, u64 len,
		      enum dma_data_direction dir)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);
	char why[RMAP_WHY_SIZE];

	if (!__ratelimit(&limit))
		return;
	dma_rmap_explain(map, addr, len, dir, why, sizeof(why));
	dev_warn(&map->dev, "refused to %s %llu bytes at %#llx: %s\n",
		 rmap_dir_name(dir), len, addr, why);
	show_owners(map, addr);
}

/**
 * rmap_track_bad_unmap() - say of a bad unmap whose mapping it was about
 * @map: the map
 * @addr: the address that was unmapped
 *
 * Context: Any, hard interrupts included.
 */
void rmap_track_bad_unmap(struct dma_rmap *map, u64 addr)
{
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	if (__ratelimit(&limit))
		show_owners(map, addr);
}

/**
 * rmap_track_left() - note who made a mapping that was left
 * @map: the map
 * @left: the mapping, not yet given to rmap_track_undone()
 * @makers: where to note it, zeroed at first
 *
 * Context: Any.
 */
void rmap_track_left(struct dma_rmap *map, const struct rmap_mapping *left,
		     struct rmap_makers *makers)
{
	struct rmap_maker *maker = makers->maker;
	struct rmap_who who;

	if (!maker_of(map, left, &who)) {
		makers->unknown++;
		return;
	}
	while (maker < &makers->maker[makers->count] &&
	       maker->who.stack != who.stack)
		maker++;
	if (maker == &makers->maker[makers->count]) {
		if (makers->count == RMAP_MAKERS_TOLD) {
			makers->others++;
			return;
		}
		makers->count++;
		maker->who = who;
	}
	maker->mappings++;
	maker->bytes += left->len;
}

/**
 * rmap_track_show_left() - list what was left by who made it
 * @map: the map
 * @makers: what rmap_track_left() has noted
 *
 * Context: Any.
 */
void rmap_track_show_left(struct dma_rmap *map,
			  const struct rmap_makers *makers)
{
	const struct rmap_maker *maker = makers->maker;

	for (; maker < &makers->maker[makers->count]; maker++) {
		dev_warn(&map->dev, "left: %lu mappings, %llu bytes\n",
			 maker->mappings, maker->bytes);
		show_who(map, "mapped", &maker->who);
	}
	if (makers->others)
		dev_warn(&map->dev, "left: %lu mappings of others\n",
			 makers->others);
	if (makers->count && makers->unknown)
		dev_warn(&map->dev, "left: %lu mappings that were not tracked\n",
			 makers->unknown);
}

static int track_set(const char *value, const struct kernel_param *param)
{
	bool on;
	int err;

	err = kstrtobool(value ?: "1", &on);
	if (err)
		return err;
	if (on && !IS_ENABLED(CONFIG_STACKDEPOT)) {
		pr_warn("dma_rmap: track: this kernel keeps no stacks (CONFIG_STACKDEPOT)\n");
		return -EOPNOTSUPP;
	}
	err = on ? stack_depot_init() : 0;
	if (!err)
		WRITE_ONCE(rmap_track, on);
	return err;
}

static const struct kernel_param_ops track_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = track_set,
	.get = param_get_bool,
};
module_param_cb(track, &track_ops, &rmap_track, 0644);
MODULE_PARM_DESC(track, "Remember who makes each mapping, from now on, for reports of mistakes");
