/* SPDX-License-Identifier: GPL-2.0 */
/*
 * struct dma_rmap, and what the parts of this module offer to one another.
 */
#ifndef DMA_RMAP_MAP_H
#define DMA_RMAP_MAP_H

#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "dma_rmap.h"
#include "history.h"
#include "inject.h"
#include "space.h"
#include "table.h"

struct dentry;
struct seq_file;

#define RMAP_FAULTS_KEPT 64

/**
 * struct rmap_counters - one CPU's share of struct dma_rmap_stats
 * @maps: mappings made
 * @unmaps: mappings undone
 * @bytes: bytes mapped less bytes unmapped here; wraps
 * @no_memory: mappings refused because memory was short
 * @bad_unmaps: unmaps of what was not mapped so
 * @injected: mappings that failed on purpose
 * @faults: refused accesses, by reason
 */
struct rmap_counters {
	u64 maps;
	u64 unmaps;
	u64 bytes;
	u64 no_memory;
	u64 bad_unmaps;
	u64 injected;
	u64 faults[DMA_RMAP_NR_FAULTS];
};

/**
 * struct rmap_fault - a refused access
 * @addr: the first byte that it asked for
 * @len: bytes
 * @time: nanoseconds since boot, without suspend (ktime_get_ns())
 * @dir: enum dma_data_direction
 * @reason: enum dma_rmap_fault
 */
struct rmap_fault {
	u64 addr;
	u64 len;
	u64 time;
	u8 dir;
	u8 reason;
};

/**
 * struct rmap_fault_ring - the last refused accesses
 * @lock: protects the rest; taken in hard interrupts
 * @count: how many there have been
 * @fault: number n is in place n modulo the size
 */
struct rmap_fault_ring {
	raw_spinlock_t lock;
	u64 count;
	struct rmap_fault fault[RMAP_FAULTS_KEPT];
};

/**
 * struct dma_rmap - a reverse map
 * @scheme: how it chooses device addresses
 * @unchecked: there are no mappings, see struct dma_rmap_attr
 * @parent: of scheme "stacked", with a reference
 * @table: its mappings
 * @space: where its device addresses come from, shared by all maps, so that one
 *	map's address means nothing to another
 * @counters: what struct dma_rmap_stats is made of
 * @history: the last unmaps
 * @inject: which mappings fail on purpose
 * @tracked: mappings whose makers are known, see track.c
 * @maps: in the list of all maps, see explain.c
 * @dev: the device that things are mapped for; its last reference frees this
 * @dma_parms: of @dev
 * @debugfs: its folder
 * @orders: the orders that mappings at given addresses have, or had
 * @closed: no mappings are made or undone any more; set once, and read in RCU
 *	read-side critical sections
 * @faults: the last refused accesses
 */
struct dma_rmap {
	enum dma_rmap_scheme scheme;
	bool unchecked;
	struct device *parent;
	struct rmap_table table;
	struct rmap_space *space;
	struct rmap_counters __percpu *counters;
	struct rmap_history __percpu *history;
	struct rmap_inject inject;
	atomic_t tracked;
	struct list_head maps;
	struct device dev;
	struct device_dma_parameters dma_parms;
	struct dentry *debugfs;
	unsigned long orders;
	bool closed;
	struct rmap_fault_ring faults;
};

static inline struct dma_rmap *device_map(struct device *dev)
{
	return container_of(dev, struct dma_rmap, dev);
}

/*
 * Around what rmap_close() waits for. With preemption off is a read-side critical
 * section, too, and costs less; but where spinlocks sleep no memory can be had then.
 */
#ifdef CONFIG_PREEMPT_RT
#define rmap_enter()	rcu_read_lock()
#define rmap_leave()	rcu_read_unlock()
#else
#define rmap_enter()	preempt_disable()
#define rmap_leave()	preempt_enable()
#endif

/**
 * enum rmap_undo - what became of an unmap
 * @RMAP_UNDONE: the mapping is gone
 * @RMAP_UNDONE_MISMATCH: it is gone; its size, direction or kind was another one
 * @RMAP_NOT_MAPPED: no mapping of the kind begins at the address
 */
enum rmap_undo {
	RMAP_UNDONE,
	RMAP_UNDONE_MISMATCH,
	RMAP_NOT_MAPPED,
};

/* mapping.c */
int rmap_make(struct dma_rmap *map, struct rmap_mapping *mapping);
u64 rmap_map(struct dma_rmap *map, u64 phys, u64 len,
	     enum dma_data_direction dir, enum rmap_kind kind);
bool rmap_unmap_usual(struct dma_rmap *map, u64 addr, u64 len,
		      enum dma_data_direction dir, enum rmap_kind kind);
enum rmap_undo rmap_unmap(struct dma_rmap *map, u64 addr, u64 len,
			  enum dma_data_direction dir, enum rmap_kind kind,
			  struct rmap_mapping *was);

typedef void rmap_left_fn(struct dma_rmap *map, const struct rmap_mapping *left,
			  void *arg);
void rmap_close(struct dma_rmap *map, rmap_left_fn *left, void *arg);

/* access.c */
bool rmap_look(struct dma_rmap *map, u64 addr, u64 len,
	       enum dma_data_direction dir, struct rmap_mapping *mapping,
	       u64 *linked);

/* faults.c */
void rmap_fault(struct dma_rmap *map, u64 addr, u64 len,
		enum dma_data_direction dir, enum dma_rmap_fault reason);
void rmap_faults_init(struct rmap_fault_ring *ring);
void rmap_faults_show(struct rmap_fault_ring *ring, struct seq_file *m);
const char *rmap_dir_name(enum dma_data_direction dir);
const char *rmap_kind_name(enum rmap_kind kind);

/* debugfs.c */
void rmap_debugfs_init(void);
void rmap_debugfs_exit(void);
void rmap_debugfs_add(struct dma_rmap *map, const char *name);
void rmap_debugfs_remove(struct dma_rmap *map);

#endif /* DMA_RMAP_MAP_H */
