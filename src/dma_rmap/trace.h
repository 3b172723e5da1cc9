/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: events/dma_rmap in tracefs.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_rmap

#if !defined(DMA_RMAP_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DMA_RMAP_TRACE_H

#include <linux/tracepoint.h>

#include "map.h"

TRACE_DEFINE_ENUM(DMA_BIDIRECTIONAL);
TRACE_DEFINE_ENUM(DMA_TO_DEVICE);
TRACE_DEFINE_ENUM(DMA_FROM_DEVICE);
TRACE_DEFINE_ENUM(RMAP_PAGE);
TRACE_DEFINE_ENUM(RMAP_SG);
TRACE_DEFINE_ENUM(RMAP_COHERENT);
TRACE_DEFINE_ENUM(RMAP_RANGE);
TRACE_DEFINE_ENUM(RMAP_UNDONE);
TRACE_DEFINE_ENUM(RMAP_UNDONE_MISMATCH);
TRACE_DEFINE_ENUM(RMAP_NOT_MAPPED);
TRACE_DEFINE_ENUM(DMA_RMAP_FAULT_UNMAPPED);
TRACE_DEFINE_ENUM(DMA_RMAP_FAULT_BOUNDS);
TRACE_DEFINE_ENUM(DMA_RMAP_FAULT_DIRECTION);
TRACE_DEFINE_ENUM(DMA_RMAP_FAULT_HOLE);

/* The names are those of the files in debugfs: see faults.c. */
#define show_rmap_dir(dir) __print_symbolic(dir,			\
	{ DMA_BIDIRECTIONAL, "read-write" },				\
	{ DMA_TO_DEVICE, "read" },					\
	{ DMA_FROM_DEVICE, "write" })

#define show_rmap_kind(kind) __print_symbolic(kind,			\
	{ RMAP_PAGE, "page" },						\
	{ RMAP_SG, "scatterlist" },					\
	{ RMAP_COHERENT, "coherent" },					\
	{ RMAP_RANGE, "range" })

#define show_rmap_undo(undo) __print_symbolic(undo,			\
	{ RMAP_UNDONE, "undone" },					\
	{ RMAP_UNDONE_MISMATCH, "mismatch" },				\
	{ RMAP_NOT_MAPPED, "not mapped" })

#define show_rmap_reason(reason) __print_symbolic(reason,		\
	{ DMA_RMAP_FAULT_UNMAPPED, "unmapped" },			\
	{ DMA_RMAP_FAULT_BOUNDS, "bounds" },				\
	{ DMA_RMAP_FAULT_DIRECTION, "direction" },			\
	{ DMA_RMAP_FAULT_HOLE, "hole" })

/* A mapping was made. */
TRACE_EVENT(rmap_map,
	TP_PROTO(const struct dma_rmap *map,
		 const struct rmap_mapping *mapping),
	TP_ARGS(map, mapping),

	TP_STRUCT__entry(
		__string(device, dev_name(&map->dev))
		__field(u64, addr)
		__field(u64, len)
		__field(u64, phys)
		__field(unsigned int, dir)
		__field(unsigned int, kind)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&map->dev));
		__entry->addr = mapping->addr;
		__entry->len = mapping->len;
		__entry->phys = mapping->flags & RMAP_SCATTERED ?
				0 : mapping->phys;
		__entry->dir = mapping->dir;
		__entry->kind = mapping->kind;
	),

	TP_printk("%s: addr=%#llx len=%llu phys=%#llx dir=%s kind=%s",
		  __get_str(device), __entry->addr, __entry->len,
		  __entry->phys, show_rmap_dir(__entry->dir),
		  show_rmap_kind(__entry->kind))
);

/* A mapping was undone, or it was tried: what the caller believed it to be. */
TRACE_EVENT(rmap_unmap,
	TP_PROTO(const struct dma_rmap *map,
		 const struct rmap_mapping *mapping, enum rmap_undo undo),
	TP_ARGS(map, mapping, undo),

	TP_STRUCT__entry(
		__string(device, dev_name(&map->dev))
		__field(u64, addr)
		__field(u64, len)
		__field(unsigned int, dir)
		__field(unsigned int, kind)
		__field(unsigned int, undo)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&map->dev));
		__entry->addr = mapping->addr;
		__entry->len = mapping->len;
		__entry->dir = mapping->dir;
		__entry->kind = mapping->kind;
		__entry->undo = undo;
	),

	TP_printk("%s: addr=%#llx len=%llu dir=%s kind=%s: %s",
		  __get_str(device), __entry->addr, __entry->len,
		  show_rmap_dir(__entry->dir), show_rmap_kind(__entry->kind),
		  show_rmap_undo(__entry->undo))
);

/* An access was allowed. */
TRACE_EVENT(rmap_resolve,
	TP_PROTO(const struct dma_rmap *map, u64 addr, u64 len,
		 enum dma_data_direction dir),
	TP_ARGS(map, addr, len, dir),

	TP_STRUCT__entry(
		__string(device, dev_name(&map->dev))
		__field(u64, addr)
		__field(u64, len)
		__field(unsigned int, dir)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&map->dev));
		__entry->addr = addr;
		__entry->len = len;
		__entry->dir = dir;
	),

	TP_printk("%s: addr=%#llx len=%llu access=%s",
		  __get_str(device), __entry->addr, __entry->len,
		  show_rmap_dir(__entry->dir))
);

/* An access was refused. */
TRACE_EVENT(rmap_fault,
	TP_PROTO(const struct dma_rmap *map, u64 addr, u64 len,
		 enum dma_data_direction dir, enum dma_rmap_fault reason),
	TP_ARGS(map, addr, len, dir, reason),

	TP_STRUCT__entry(
		__string(device, dev_name(&map->dev))
		__field(u64, addr)
		__field(u64, len)
		__field(unsigned int, dir)
		__field(unsigned int, reason)
	),

	TP_fast_assign(
		COMPAT_ASSIGN_STR(device, dev_name(&map->dev));
		__entry->addr = addr;
		__entry->len = len;
		__entry->dir = dir;
		__entry->reason = reason;
	),

	TP_printk("%s: addr=%#llx len=%llu access=%s: %s",
		  __get_str(device), __entry->addr, __entry->len,
		  show_rmap_dir(__entry->dir),
		  show_rmap_reason(__entry->reason))
);

#endif /* DMA_RMAP_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
