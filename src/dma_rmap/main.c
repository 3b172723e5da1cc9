// SPDX-License-Identifier: GPL-2.0
/*
 * The life of maps and of the module.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "explain.h"
#include "map.h"
#include "ops.h"
#include "track.h"

/* Mappings named when a map is destroyed with some left. */
#define LEFT_NAMED 4

static struct rmap_space space;

static struct class rmap_class = {
	.name = "dma_rmap",
};

/* Makes sure of a name before sysfs complains about it with a stack trace. */
static DEFINE_MUTEX(names_lock);

/* The device's last reference is gone, long after the map perhaps. */
static void map_release(struct device *dev)
{
	struct dma_rmap *map = container_of(dev, struct dma_rmap, dev);

	put_device(map->parent);
	free_percpu(map->history);
	free_percpu(map->counters);
	kfree(map);
	module_put(THIS_MODULE);
}

static int map_add_device(struct dma_rmap *map)
{
	struct device *other;
	int err;

	mutex_lock(&names_lock);
	other = class_find_device_by_name(&rmap_class, dev_name(&map->dev));
	err = other ? -EEXIST : device_add(&map->dev);
	mutex_unlock(&names_lock);
	put_device(other);
	return err;
}

static int map_init_device(struct dma_rmap *map, const char *name)
{
	struct device *dev = &map->dev;
	int err;

	dev->class = &rmap_class;
	dev->dma_parms = &map->dma_parms;
	map->dma_parms.max_segment_size = UINT_MAX;
	map->dma_parms.segment_boundary_mask = ULONG_MAX;
	if (map->parent)
		rmap_stacked_limits(map);
	dev->dma_mask = &dev->coherent_dma_mask;
	dev_set_dma_coherent(dev);	/* who reads and writes is a CPU */
	/* Before the mask: the DMA core asks the operations about it. */
	set_dma_ops(dev, map->parent ? &rmap_stacked_ops : &rmap_dma_ops);

	err = dev_set_name(dev, "%s", name);
	if (err)
		return err;
	err = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	return map_add_device(map);
}

static bool can_create(const char *name, const struct dma_rmap_attr *attr)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") &&
	       strcmp(name, "..") && attr->scheme <= DMA_RMAP_PHYS &&
	       !attr->parent == (attr->scheme != DMA_RMAP_STACKED) &&
	       (!attr->unchecked || attr->scheme == DMA_RMAP_PHYS);
}

/**
 * dma_rmap_create() - make a map
 * @name: its name, and its device's, as in /sys/class/dma_rmap
 * @attr: what kind of map
 *
 * Things are mapped for dma_rmap_device() through the DMA API, whose address
 * mask and limits are set such that no ULP has to care.
 *
 * Context: Process.
 * Return: the map; ERR_PTR of -EINVAL if @name cannot be a name, or @attr means
 * nothing, -EEXIST if there is a map of that name, -ENOMEM.
 */
struct dma_rmap *dma_rmap_create(const char *name,
				 const struct dma_rmap_attr *attr)
{
	struct dma_rmap *map;
	int err;

	if (!can_create(name, attr))
		return ERR_PTR(-EINVAL);

	map = kzalloc(sizeof(*map), GFP_KERNEL);
	if (!map)
		return ERR_PTR(-ENOMEM);
	map->scheme = attr->scheme;
	map->unchecked = attr->unchecked;
	map->space = &space;
	rmap_faults_init(&map->faults);
	map->counters = alloc_percpu(struct rmap_counters);
	if (!map->counters) {
		err = -ENOMEM;
		goto err_counters;
	}
	map->history = alloc_percpu(struct rmap_history);
	if (!map->history) {
		err = -ENOMEM;
		goto err_history;
	}
	err = rmap_table_init(&map->table);
	if (err)
		goto err_table;

	/* From here on the device's last reference frees the map. */
	__module_get(THIS_MODULE);
	map->parent = get_device(attr->parent);
	map->dev.release = map_release;
	device_initialize(&map->dev);
	err = map_init_device(map, name);
	if (err)
		goto err_device;
	rmap_debugfs_add(map, name);
	rmap_explain_add(map);
	return map;

err_device:
	rmap_table_destroy(&map->table);
	put_device(&map->dev);
	return ERR_PTR(err);
err_table:
	free_percpu(map->history);
err_history:
	free_percpu(map->counters);
err_counters:
	kfree(map);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(dma_rmap_create);

/**
 * struct left - mappings that were left
 * @count: their number
 * @makers: who made them
 */
struct left {
	unsigned long count;
	struct rmap_makers makers;
};

static void mapping_left(struct dma_rmap *map, const struct rmap_mapping *was,
			 void *arg)
{
	struct left *left = arg;

	if (++left->count <= LEFT_NAMED)
		dev_warn(&map->dev, "left: %#llx, %llu bytes, %s, by %s%s\n",
			 was->addr, was->len, rmap_mapped_how(was->dir),
			 rmap_mapped_by(was->kind),
			 was->kind == RMAP_COHERENT ?
			 "; its memory is lost" : "");
	rmap_track_left(map, was, &left->makers);
	if (map->parent)
		rmap_stacked_left(map, was);
}

/**
 * dma_rmap_destroy() - undo dma_rmap_create()
 * @map: the map; no one else may use it any more
 *
 * Mappings that are left are undone, with a warning that names a few of them,
 * and, if they were tracked, who made them.
 * Memory that dma_alloc_coherent() gave is not freed then, as its user may
 * still have its kernel address. References on the device can outlive this:
 * for such a device every mapping fails and every unmap does nothing.
 *
 * Context: Process.
 */
void dma_rmap_destroy(struct dma_rmap *map)
{
	struct left left = {};

	rmap_debugfs_remove(map);
	rmap_explain_remove(map);	/* and rmap_close() waits for readers */
	rmap_close(map, mapping_left, &left);
	if (left.count)
		dev_warn(&map->dev, "%lu mappings were left when the map went away; they are undone now\n",
			 left.count);
	rmap_track_show_left(map, &left.makers);
	rmap_table_destroy(&map->table);
	device_unregister(&map->dev);
}
EXPORT_SYMBOL_GPL(dma_rmap_destroy);

/**
 * dma_rmap_device() - the device of a map
 * @map: the map
 *
 * Context: Any.
 * Return: the device, without taking a reference.
 */
struct device *dma_rmap_device(struct dma_rmap *map)
{
	return &map->dev;
}
EXPORT_SYMBOL_GPL(dma_rmap_device);

/**
 * dma_rmap_from_device() - the map of a device
 * @dev: any device
 *
 * Context: Any.
 * Return: the map, or NULL if @dev is not a map's device.
 */
struct dma_rmap *dma_rmap_from_device(struct device *dev)
{
	if (!dev || dev->class != &rmap_class)
		return NULL;
	return container_of(dev, struct dma_rmap, dev);
}
EXPORT_SYMBOL_GPL(dma_rmap_from_device);

/**
 * dma_rmap_get_attr() - what kind of map it is
 * @map: the map
 * @attr: gets what it was created with; the parent without a reference
 *
 * Context: Any.
 */
void dma_rmap_get_attr(const struct dma_rmap *map, struct dma_rmap_attr *attr)
{
	attr->scheme = map->scheme;
	attr->parent = map->parent;
	attr->unchecked = map->unchecked;
}
EXPORT_SYMBOL_GPL(dma_rmap_get_attr);

/**
 * dma_rmap_get_stats() - read a map's counters
 * @map: the map
 * @stats: gets them; not one instant's, if the map is in use
 *
 * Context: Any.
 */
void dma_rmap_get_stats(struct dma_rmap *map, struct dma_rmap_stats *stats)
{
	const struct rmap_counters *counters;
	unsigned int i;
	int cpu;

	memset(stats, 0, sizeof(*stats));
	for_each_possible_cpu(cpu) {
		counters = per_cpu_ptr(map->counters, cpu);
		stats->maps += READ_ONCE(counters->maps);
		stats->unmaps += READ_ONCE(counters->unmaps);
		stats->live_bytes += READ_ONCE(counters->bytes);
		stats->no_memory += READ_ONCE(counters->no_memory);
		stats->bad_unmaps += READ_ONCE(counters->bad_unmaps);
		stats->injected += READ_ONCE(counters->injected);
		for (i = 0; i < DMA_RMAP_NR_FAULTS; i++)
			stats->faults[i] += READ_ONCE(counters->faults[i]);
	}
	stats->live = rmap_table_count(&map->table);
}
EXPORT_SYMBOL_GPL(dma_rmap_get_stats);

static int __init dma_rmap_init(void)
{
	int err;

	err = rmap_table_module_init();
	if (err)
		return err;
	err = rmap_space_init(&space, 64);
	if (err)
		goto err_space;
	err = class_register(&rmap_class);
	if (err)
		goto err_class;
	rmap_debugfs_init();
	return 0;

err_class:
	rmap_space_destroy(&space);
err_space:
	rmap_table_module_exit();
	return err;
}
module_init(dma_rmap_init);

static void __exit dma_rmap_exit(void)
{
	rmap_debugfs_exit();
	class_unregister(&rmap_class);
	rmap_space_destroy(&space);
	rmap_table_module_exit();
}
module_exit(dma_rmap_exit);

MODULE_DESCRIPTION("Reverse map from DMA addresses to pages");
MODULE_LICENSE("GPL");
MODULE_VERSION(SOFTHCA_VERSION);
