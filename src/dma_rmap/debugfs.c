// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: dma_rmap/MAP/stats, mappings and faults, and the knobs of inject.h.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "map.h"

static struct dentry *debugfs_root;

static int stats_show(struct seq_file *m, void *unused)
{
	struct dma_rmap *map = m->private;
	struct dma_rmap_stats stats;

	dma_rmap_get_stats(map, &stats);
	seq_printf(m, "maps: %llu\n", stats.maps);
	seq_printf(m, "unmaps: %llu\n", stats.unmaps);
	seq_printf(m, "live: %llu\n", stats.live);
	seq_printf(m, "live_bytes: %llu\n", stats.live_bytes);
	seq_printf(m, "no_memory: %llu\n", stats.no_memory);
	seq_printf(m, "bad_unmaps: %llu\n", stats.bad_unmaps);
	seq_printf(m, "injected: %llu\n", stats.injected);
	seq_printf(m, "faults_unmapped: %llu\n",
		   stats.faults[DMA_RMAP_FAULT_UNMAPPED]);
	seq_printf(m, "faults_bounds: %llu\n",
		   stats.faults[DMA_RMAP_FAULT_BOUNDS]);
	seq_printf(m, "faults_direction: %llu\n",
		   stats.faults[DMA_RMAP_FAULT_DIRECTION]);
	seq_printf(m, "faults_hole: %llu\n",
		   stats.faults[DMA_RMAP_FAULT_HOLE]);
	seq_printf(m, "table_bytes: %zu\n", rmap_table_bytes(&map->table));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

static int faults_show(struct seq_file *m, void *unused)
{
	struct dma_rmap *map = m->private;

	rmap_faults_show(&map->faults, m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(faults);

/**
 * struct mappings_iter - a reader of the list of mappings
 * @map: the map
 * @pos: how far the walk of its table has come
 * @end: the walk is over
 */
struct mappings_iter {
	struct dma_rmap *map;
	u64 pos;
	bool end;
};

static void *mappings_start(struct seq_file *m, loff_t *step)
{
	struct mappings_iter *iter = m->private;

	if (*step == 0) {
		iter->pos = 0;
		iter->end = false;
		return SEQ_START_TOKEN;
	}
	return iter->end ? NULL : iter;
}

static void *mappings_next(struct seq_file *m, void *v, loff_t *step)
{
	struct mappings_iter *iter = m->private;

	++*step;
	cond_resched();
	return iter->end ? NULL : iter;
}

static void mappings_stop(struct seq_file *m, void *v)
{
}

static bool mapping_show(const struct rmap_mapping *mapping, void *arg)
{
	struct seq_file *m = arg;

	seq_printf(m, "%#018llx %12llu  %-10s %-11s ", mapping->addr,
		   mapping->len, rmap_dir_name(mapping->dir),
		   rmap_kind_name(mapping->kind));
	if (mapping->flags & RMAP_SCATTERED)
		seq_puts(m, "scattered\n");
	else
		seq_printf(m, "%#llx\n", mapping->phys);
	return false;
}

/* One bucket of the table: writers are not kept waiting for long. */
static int mappings_show(struct seq_file *m, void *v)
{
	struct mappings_iter *iter = m->private;
	u64 pos = iter->pos;
	bool more;

	if (v == SEQ_START_TOKEN) {
		seq_puts(m, "           address       length  access     kind        physical\n");
		return 0;
	}
	more = rmap_table_walk(&iter->map->table, &pos, mapping_show, m);
	/* If it did not fit, seq_file comes again with a larger buffer. */
	if (seq_has_overflowed(m))
		return 0;
	iter->pos = pos;
	iter->end = !more;
	return 0;
}

static const struct seq_operations mappings_sops = {
	.start = mappings_start,
	.next = mappings_next,
	.stop = mappings_stop,
	.show = mappings_show,
};

static int mappings_open(struct inode *inode, struct file *file)
{
	struct mappings_iter *iter;

	iter = __seq_open_private(file, &mappings_sops, sizeof(*iter));
	if (!iter)
		return -ENOMEM;
	iter->map = inode->i_private;
	return 0;
}

static const struct file_operations mappings_fops = {
	.owner = THIS_MODULE,
	.open = mappings_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

/**
 * rmap_debugfs_add() - make a map's folder
 * @map: the map
 * @name: its name
 *
 * Context: Process.
 */
void rmap_debugfs_add(struct dma_rmap *map, const char *name)
{
	map->debugfs = debugfs_create_dir(name, debugfs_root);
	debugfs_create_file("stats", 0400, map->debugfs, map, &stats_fops);
	debugfs_create_file("mappings", 0400, map->debugfs, map,
			    &mappings_fops);
	debugfs_create_file("faults", 0400, map->debugfs, map, &faults_fops);
	debugfs_create_u32("fail_every", 0600, map->debugfs,
			   &map->inject.every);
	debugfs_create_u64("fail_above", 0600, map->debugfs,
			   &map->inject.above);
	debugfs_create_u32("fail_pid", 0600, map->debugfs, &map->inject.pid);
}

/**
 * rmap_debugfs_remove() - undo rmap_debugfs_add()
 * @map: the map
 *
 * Context: Process. Waits until no one reads the map's files.
 */
void rmap_debugfs_remove(struct dma_rmap *map)
{
	debugfs_remove(map->debugfs);
}

/**
 * rmap_debugfs_init() - make the folder of all maps
 *
 * Context: Process.
 */
void rmap_debugfs_init(void)
{
	debugfs_root = debugfs_create_dir("dma_rmap", NULL);
}

/**
 * rmap_debugfs_exit() - remove the folder of all maps
 *
 * Context: Process.
 */
void rmap_debugfs_exit(void)
{
	debugfs_remove(debugfs_root);
}
