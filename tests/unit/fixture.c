// SPDX-License-Identifier: GPL-2.0
/*
 * A table or a map to test with.
 */
#include "fixture.h"

void module_begin(void)
{
	shim_percpu_stride = sizeof(struct rmap_counters);
	assert(!rmap_table_module_init());
}

void module_end(void)
{
	rmap_table_module_exit();
}

struct rmap_table *table_new(void)
{
	struct rmap_table *table;

	module_begin();
	table = shim_alloc(sizeof(*table), 64);
	assert(!rmap_table_init(table));
	return table;
}

void table_end(struct rmap_table *table)
{
	rmap_table_destroy(table);
	shim_free(table);
	module_end();
}

/* The physical address says which mapping it is. */
struct rmap_mapping mapping_of(u64 addr, u64 len, unsigned int order)
{
	return (struct rmap_mapping){
		.addr = addr, .len = len, .order = order, .phys = ~addr,
		.dir = DMA_BIDIRECTIONAL, .kind = RMAP_PAGE,
	};
}

bool table_remove(struct rmap_table *table, const struct rmap_mapping *mapping)
{
	struct rmap_mapping was;

	return rmap_table_remove(table, mapping, &was) &&
	       was.addr == mapping->addr && was.len == mapping->len &&
	       was.phys == mapping->phys && was.order == mapping->order &&
	       was.dir == mapping->dir && was.kind == mapping->kind;
}

bool table_remove_at(struct rmap_table *table, u64 addr, unsigned int order,
		     enum rmap_kind kind, struct rmap_mapping *was)
{
	struct rmap_mapping mapping = mapping_of(addr, 1, order);

	mapping.kind = kind;
	return rmap_table_remove(table, &mapping, was);
}

bool table_has(struct rmap_table *table, u64 addr, unsigned int order,
	       const struct rmap_mapping *mapping)
{
	struct dma_rmap_entry *entry;
	unsigned long flags;
	bool has;

	local_irq_save(flags);
	entry = rmap_table_hold(table, addr, order);
	if (entry && mapping)
		has = entry->addr == mapping->addr &&
		      entry->len == mapping->len &&
		      entry->phys == mapping->phys;
	else
		has = !entry && !mapping;
	if (entry)
		rmap_entry_release(entry);
	local_irq_restore(flags);
	return has;
}

static bool count_mapping(const struct rmap_mapping *mapping, void *arg)
{
	++*(unsigned long *)arg;
	return false;
}

unsigned long table_walk_count(struct rmap_table *table)
{
	unsigned long count = 0;
	u64 pos = 0;

	while (rmap_table_walk(table, &pos, count_mapping, &count))
		;
	return count;
}

struct dma_rmap *map_new(unsigned int block_bits)
{
	struct dma_rmap *map;

	module_begin();
	map = shim_alloc(sizeof(*map), 64);
	map->space = shim_alloc(sizeof(*map->space), 64);
	assert(!rmap_space_init(map->space, block_bits));
	assert(!rmap_table_init(&map->table));
	map->counters = alloc_percpu(struct rmap_counters);
	map->history = alloc_percpu(struct rmap_history);
	rmap_faults_init(&map->faults);
	return map;
}

static void nothing_left(struct dma_rmap *map, const struct rmap_mapping *left,
			 void *arg)
{
	check(!left);
}

void map_end(struct dma_rmap *map)
{
	rmap_close(map, nothing_left, NULL);
	check(!COUNTER(map, bytes));
	rmap_table_destroy(&map->table);
	rmap_space_destroy(map->space);
	free_percpu(map->history);
	free_percpu(map->counters);
	shim_free(map->space);
	shim_free(map);
	module_end();
}

u64 map_counter(struct dma_rmap *map, size_t field)
{
	u64 sum = 0;
	int cpu;

	for (cpu = 0; cpu < SHIM_CPUS; cpu++)
		sum += READ_ONCE(*(u64 *)((char *)&map->counters[cpu] + field));
	return sum;
}
