/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A table or a map to test with.
 */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "test.h"
#include "map.h"

/* What the module's init makes, and its exit undoes. */
void module_begin(void);
void module_end(void);

struct rmap_table *table_new(void);
void table_end(struct rmap_table *table);
struct rmap_mapping mapping_of(u64 addr, u64 len, unsigned int order);
bool table_remove(struct rmap_table *table, const struct rmap_mapping *mapping);
/* Remove what begins at @addr, whatever it is otherwise. */
bool table_remove_at(struct rmap_table *table, u64 addr, unsigned int order,
		     enum rmap_kind kind, struct rmap_mapping *was);
/* Does a look-up find this mapping, or none if it is NULL? */
bool table_has(struct rmap_table *table, u64 addr, unsigned int order,
	       const struct rmap_mapping *mapping);
unsigned long table_walk_count(struct rmap_table *table);

/* @block_bits: when the space of addresses wraps; 64 for never */
struct dma_rmap *map_new(unsigned int block_bits);
void map_end(struct dma_rmap *map);
u64 map_counter(struct dma_rmap *map, size_t field);

#define COUNTER(map, field) \
	map_counter(map, offsetof(struct rmap_counters, field))

#endif /* FIXTURE_H */
