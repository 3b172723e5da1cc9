// SPDX-License-Identifier: GPL-2.0
/*
 * Why an access or an unmap was refused, in words for a ULP's author.
 *
 * It is found out anew, after the refusal: what has changed meanwhile can make
 * the answer another one. No lock is taken that a mapping or unmapping holds, so
 * whoever asks may hold a piece of a mapping himself.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/export.h>
#include <linux/irqflags.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rculist.h>
#include <linux/sched/clock.h>
#include <linux/spinlock.h>

#include "explain.h"
#include "map.h"

/* Below this a number is no address that anyone means. */
#define SMALL_NUMBER (64 * 1024)

/* All maps; changed under the lock, read in RCU read-side critical sections. */
static LIST_HEAD(all_maps);
static DEFINE_RAW_SPINLOCK(all_maps_lock);

/**
 * rmap_explain_add() - let other maps' explanations name this one
 * @map: the map
 *
 * Context: Any.
 */
void rmap_explain_add(struct dma_rmap *map)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&all_maps_lock, flags);
	list_add_rcu(&map->maps, &all_maps);
	raw_spin_unlock_irqrestore(&all_maps_lock, flags);
}

/**
 * rmap_explain_remove() - undo rmap_explain_add()
 * @map: the map; it has to stay as it is for an RCU grace period
 *
 * Context: Any.
 */
void rmap_explain_remove(struct dma_rmap *map)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&all_maps_lock, flags);
	list_del_rcu(&map->maps);
	raw_spin_unlock_irqrestore(&all_maps_lock, flags);
}

/**
 * rmap_mapped_how() - a direction, as a ULP spells it
 * @dir: the direction
 *
 * Context: Any.
 * Return: the constant's name.
 */
const char *rmap_mapped_how(enum dma_data_direction dir)
{
	switch (dir) {
	case DMA_BIDIRECTIONAL:
		return "DMA_BIDIRECTIONAL";
	case DMA_TO_DEVICE:
		return "DMA_TO_DEVICE";
	case DMA_FROM_DEVICE:
		return "DMA_FROM_DEVICE";
	default:
		return "DMA_NONE";
	}
}

/**
 * rmap_mapped_by() - what a ULP calls for a kind of mapping
 * @kind: the kind
 *
 * Context: Any.
 * Return: the function's name, or both that it may have been.
 */
const char *rmap_mapped_by(enum rmap_kind kind)
{
	switch (kind) {
	case RMAP_PAGE:
		return "dma_map_single() or dma_map_page()";
	case RMAP_SG:
		return "dma_map_sg()";
	case RMAP_COHERENT:
		return "dma_alloc_coherent()";
	case RMAP_RANGE:
		return "reservation of a range";
	}
	return "nobody";
}

/**
 * rmap_unmapped_by() - what a ULP calls to undo a kind of mapping
 * @kind: the kind
 *
 * Context: Any.
 * Return: the function's name, or both that it may have been.
 */
const char *rmap_unmapped_by(enum rmap_kind kind)
{
	switch (kind) {
	case RMAP_PAGE:
		return "dma_unmap_single() or dma_unmap_page()";
	case RMAP_SG:
		return "dma_unmap_sg()";
	case RMAP_COHERENT:
		return "dma_free_coherent()";
	case RMAP_RANGE:
		return "freeing of a range";
	}
	return "nobody";
}

/**
 * struct phrase - what is written
 * @buf: where to
 * @size: its bytes
 * @len: how many are written, the one that ends it not counted
 */
struct phrase {
	char *buf;
	size_t size;
	int len;
};

#define say(p, ...)							\
	((p)->len += scnprintf((p)->buf + (p)->len,			\
			       (p)->size - (p)->len, __VA_ARGS__))

static void say_mapping(struct phrase *p, u64 addr, u64 len,
			enum dma_data_direction dir, enum rmap_kind kind)
{
	say(p, "%llu bytes at %#llx, %s, by %s", len, addr,
	    rmap_mapped_how(dir), rmap_mapped_by(kind));
}

static void say_live(struct phrase *p, const struct rmap_mapping *mapping)
{
	say_mapping(p, mapping->addr, mapping->len, mapping->dir,
		    mapping->kind);
}

static void say_age(struct phrase *p, u64 ns)
{
	if (ns < 10 * NSEC_PER_MSEC)
		say(p, "%llu us", div_u64(ns, NSEC_PER_USEC));
	else if (ns < 10ULL * NSEC_PER_SEC)
		say(p, "%llu ms", div_u64(ns, NSEC_PER_MSEC));
	else
		say(p, "%llu s", div_u64(ns, NSEC_PER_SEC));
}

static void say_past(struct phrase *p, const struct rmap_past *past)
{
	s64 age = local_clock() - past->time;

	/* The clocks of two CPUs may differ a little. */
	say(p, "unmapped ");
	say_age(p, age > 0 ? age : 0);
	say(p, " ago: ");
	say_mapping(p, past->addr, past->len, past->dir, past->kind);
}

static bool has_mapping(struct dma_rmap *map, u64 addr)
{
	struct rmap_mapping mapping;
	u64 linked;

	return rmap_look(map, addr, 1, DMA_NONE, &mapping, &linked);
}

/* Another map that has a mapping there? */
static bool say_other(struct phrase *p, struct dma_rmap *map, u64 addr)
{
	struct dma_rmap *other;
	bool found = false;

	rcu_read_lock();
	list_for_each_entry_rcu(other, &all_maps, maps) {
		if (other == map || !has_mapping(other, addr))
			continue;
		say(p, "it is mapped for another device, %s",
		    dev_name(&other->dev));
		found = true;
		break;
	}
	rcu_read_unlock();
	return found;
}

/* An address as scheme "fresh" gives out, and no mapping of it is known. */
static void say_fresh(struct phrase *p, struct dma_rmap *map, u64 addr)
{
	if (say_other(p, map, addr))
		return;
	if (rmap_space_issued(map->space, addr))
		say(p, "not mapped: unmapped long ago, or by another device, or never mapped");
	else
		say(p, "never mapped: no device has been given such an address yet");
}

/* What may a number be that no map has given out? */
static void say_number(struct phrase *p, u64 addr)
{
	say(p, "never mapped: ");
	if (addr == DMA_MAPPING_ERROR)
		say(p, "it is DMA_MAPPING_ERROR, of a mapping that failed");
	else if (addr < SMALL_NUMBER)
		say(p, "%llu is no address; is it set at all?", addr);
	else if (virt_addr_valid((void *)(uintptr_t)addr))
		say(p, "it is a kernel pointer, not what mapping it has returned");
	else if (is_vmalloc_addr((void *)(uintptr_t)addr))
		say(p, "it is a pointer to vmalloc memory or a stack, not what mapping has returned");
	else if ((s64)addr < 0)
		say(p, "it looks like a pointer of the kernel");
	else if (pfn_to_online_page(PHYS_PFN(addr)))
		say(p, "it is a physical address of memory, not what mapping it has returned");
	else
		say(p, "it is no device address of any kind");
}

/* Where there are no mappings, memory is refused only if it is reserved. */
static void say_unchecked(struct phrase *p, u64 addr)
{
	struct page *page = NULL;

	if (addr >= SMALL_NUMBER && addr < RMAP_GIVEN_END)
		page = pfn_to_online_page(PHYS_PFN(addr));
	if (page)
		say(p, "not all of it is memory that a device may access");
	else
		say_number(p, addr);
}

/* Physical and the parent's addresses are what a map of such a scheme has. */
static void say_given(struct phrase *p, struct dma_rmap *map, u64 addr)
{
	if (map->scheme == DMA_RMAP_FRESH || !addr || addr >= RMAP_GIVEN_END)
		say_number(p, addr);
	else if (!say_other(p, map, addr))
		say(p, "not mapped: unmapped long ago, or never mapped");
}

/* In scheme "fresh" a block of addresses is one mapping's: has this one some? */
static bool say_near(struct phrase *p, struct dma_rmap *map, u64 addr)
{
	const struct rmap_want want = { .len = 0, .dir = DMA_NONE };
	struct dma_rmap_entry *entry = NULL;
	struct rmap_mapping mapping;
	unsigned long flags;

	local_irq_save(flags);	/* against rmap_close(), as in rmap_look() */
	if (likely(!READ_ONCE(map->closed)))
		entry = rmap_table_hold_wanted(&map->table, addr,
					       rmap_addr_order(addr), &want);
	if (entry) {
		rmap_entry_read(entry, &mapping);
		rmap_entry_release(entry);
	}
	local_irq_restore(flags);
	if (!entry)
		return false;
	if (addr < mapping.addr)
		say(p, "begins %llu bytes before a mapping: ",
		    mapping.addr - addr);
	else if (addr - mapping.addr < mapping.len)
		say(p, "mapped only now: ");
	else if (addr - mapping.addr == mapping.len)
		say(p, "begins just past the end of a mapping: ");
	else
		say(p, "begins %llu bytes past the end of a mapping: ",
		    addr - mapping.addr - mapping.len);
	say_live(p, &mapping);
	return true;
}

/* No live mapping holds @addr. */
static void say_unmapped(struct phrase *p, struct dma_rmap *map, u64 addr)
{
	bool fresh = rmap_addr_order(addr);
	struct rmap_past past;

	if (READ_ONCE(map->closed)) {
		say(p, "the device is gone, and so are all of its mappings");
		return;
	}
	if (fresh && say_near(p, map, addr))
		return;
	if (!fresh && map->unchecked)
		say_unchecked(p, addr);
	else if (rmap_history_find(map->history, addr, &past))
		say_past(p, &past);
	else if (fresh)
		say_fresh(p, map, addr);
	else
		say_given(p, map, addr);
}

static bool allows(const struct rmap_mapping *mapping,
		   enum dma_data_direction dir)
{
	return mapping->dir == dir || mapping->dir == DMA_BIDIRECTIONAL ||
	       !valid_dma_direction(dir);
}

/* Is there something wrong with what of the access is in @mapping? */
static bool say_refused(struct phrase *p, const struct rmap_mapping *mapping,
			u64 addr, u64 here, u64 linked,
			enum dma_data_direction dir)
{
	if (!allows(mapping, dir)) {
		say(p, "a %s, but mapped for the other direction: ",
		    dir == DMA_TO_DEVICE ? "read" :
		    dir == DMA_FROM_DEVICE ? "write" : "read and write");
	} else if (linked < here) {
		say(p, "a hole, nothing is linked %llu bytes into ",
		    addr + linked - mapping->addr);
	} else {
		return false;
	}
	say_live(p, mapping);
	return true;
}

/* Follow an access through the mappings that it lies in. */
static void say_access(struct phrase *p, struct dma_rmap *map, u64 addr,
		       u64 len, enum dma_data_direction dir)
{
	struct rmap_mapping mapping, next;
	u64 here, linked;

	if (!rmap_look(map, addr, len, dir, &mapping, &linked)) {
		say_unmapped(p, map, addr);
		return;
	}
	for (;;) {
		here = min(len, mapping.len - (addr - mapping.addr));
		if (say_refused(p, &mapping, addr, here, linked, dir))
			return;
		if (here == len)
			break;
		addr += here;
		len -= here;
		if (!rmap_look(map, addr, len, dir, &next, &linked)) {
			say(p, "runs %llu bytes past the end of a mapping: ",
			    len);
			say_live(p, &mapping);
			return;
		}
		mapping = next;
	}
	say(p, "allowed by now: ");
	say_live(p, &mapping);
}

/**
 * dma_rmap_explain() - say what is wrong with an access
 * @map: the map that has refused it
 * @addr: the device address of its first byte
 * @len: its bytes
 * @dir: what was going to be done to them; with %DMA_NONE that is no matter
 * @buf: gets a phrase that its author understands: what is mapped there and how
 *	the access differs from that, or when that was unmapped, or what the
 *	address seems to be instead; it goes without a capital or a full stop
 * @size: the size of @buf; 192 bytes are enough
 *
 * It is a look at how things are now, not a record of how they were when the
 * access was refused. Nothing is counted or recorded. Slow.
 *
 * Context: Any, hard interrupts included; a piece may be held. Never waits.
 * Return: the length of the phrase, without the NUL that ends it.
 */
int dma_rmap_explain(struct dma_rmap *map, dma_addr_t addr, size_t len,
		     enum dma_data_direction dir, char *buf, size_t size)
{
	struct phrase phrase = { .buf = buf, .size = size };

	if (!size)
		return 0;
	*buf = 0;
	say_access(&phrase, map, addr, max_t(size_t, len, 1), dir);
	return phrase.len;
}
EXPORT_SYMBOL_GPL(dma_rmap_explain);

/**
 * rmap_explain_unmap() - say what is wrong with an unmap
 * @map: the map that knows of no such mapping
 * @addr: the address that was to be unmapped
 * @buf: gets a phrase, as from dma_rmap_explain()
 * @size: the size of @buf, not 0
 *
 * Context: Any, hard interrupts included. Never waits.
 * Return: @buf.
 */
const char *rmap_explain_unmap(struct dma_rmap *map, u64 addr, char *buf,
			       size_t size)
{
	struct phrase phrase = { .buf = buf, .size = size };
	struct rmap_mapping mapping;
	u64 linked;

	*buf = 0;
	if (!rmap_look(map, addr, 1, DMA_NONE, &mapping, &linked)) {
		say_unmapped(&phrase, map, addr);
		return buf;
	}
	if (addr == mapping.addr)
		say(&phrase, "mapped by another function: ");
	else
		say(&phrase, "it is %llu bytes into ", addr - mapping.addr);
	say_live(&phrase, &mapping);
	return buf;
}
