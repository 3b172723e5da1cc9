// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer of maps and their DMA operations, for libFuzzer: reads operations from
 * its input, on four maps of different schemes, and ends the program where one
 * does something else than the model says. To see what an input does:
 *
 *	FUZZ_TRACE=1 build/unit/fuzz FILE
 */
#include <stdarg.h>

#include "explain.h"
#include "fuzz.h"
#include "ops.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
const char *__asan_default_options(void);

/* What is freed is recognised for a while, but fresh memory is slow. */
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4";
}

bool fuzz_trace;

void fuzz_die(const char *func, int line, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "fuzz: %s:%d: ", func, line);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}

/* A check() of the fixture */
void test_fail(const char *func, int line, const char *what)
{
	fuzz_die(func, line, "%s", what);
}

/* The input */

static const u8 *in_at, *in_end;

bool in_more(void)
{
	return in_at < in_end;
}

u8 in8(void)
{
	return in_at < in_end ? *in_at++ : 0;
}

u64 in64(void)
{
	u64 n = 0;
	int i;

	for (i = 0; i < 8; i++)
		n = n << 8 | in8();
	return n;
}

u64 in_below(u64 n)
{
	u64 low = in8();

	if (n > 256)
		low |= in8() << 8;
	if (n > 65536)
		low |= (u64)in8() << 16;
	return low % n;
}

/* The maps */

static const struct {
	const char *name;
	enum dma_rmap_scheme scheme;
	bool unchecked;
} kinds[] = {
	{ "fresh", DMA_RMAP_FRESH, false },
	{ "phys", DMA_RMAP_PHYS, false },
	{ "unchecked", DMA_RMAP_PHYS, true },
	{ "stacked", DMA_RMAP_STACKED, false },
};

static struct fuzz_map maps[ARRAY_SIZE(kinds)];
enum parent_kind fuzz_parent;
static struct rmap_space space;

/* As dma_rmap_create() does, whose other parts need a kernel */
static void map_begin(struct fuzz_map *m, unsigned int i)
{
	struct dma_rmap *map = shim_alloc(sizeof(*map), 64);

	*m = (struct fuzz_map){ .map = map };
	map->dev.name = kinds[i].name;
	map->dev.dma_parms = &map->dma_parms;
	map->dev.dma_ops = &rmap_dma_ops;
	map->dma_parms.max_segment_size = UINT_MAX;
	map->dma_parms.segment_boundary_mask = ULONG_MAX;
	map->scheme = kinds[i].scheme;
	map->unchecked = kinds[i].unchecked;
	map->space = &space;
	rmap_faults_init(&map->faults);
	map->counters = alloc_percpu(struct rmap_counters);
	map->history = alloc_percpu(struct rmap_history);
	if (map->scheme == DMA_RMAP_STACKED) {
		map->parent = parent_begin(fuzz_parent);
		map->dev.dma_ops = &rmap_stacked_ops;
		rmap_stacked_limits(map);
	} else if (in8() % 2) {
		map->dma_parms.max_segment_size = PAGE_SIZE << in8() % 5;
		map->dma_parms.segment_boundary_mask =
			(PAGE_SIZE << in8() % 5) - 1;
	}
	shim_fail_after = in8() % 64;
	while (rmap_table_init(&map->table))
		shim_fail_after = -1;
	shim_fail_after = -1;
	rmap_explain_add(map);
}

static void mapping_left(struct dma_rmap *map, const struct rmap_mapping *was,
			 void *arg)
{
	struct fuzz_map *m = arg;
	struct fuzz_mapping *mapping = NULL;
	unsigned int i;

	for (i = 0; i < fuzz_live_count; i++) {
		mapping = fuzz_live[i];
		if (mapping->map == m && !mapping->unknown &&
		    mapping->addr == was->addr && mapping->len == was->len &&
		    mapping->dir == was->dir && mapping->kind == was->kind)
			break;
	}
	if (i == fuzz_live_count)
		die("%s: %#llx, %llu bytes are left, but not mapped",
		    map->dev.name, was->addr, was->len);
	m->want.unmaps++;
	m->want.bytes -= was->len;
	if (map->parent)
		rmap_stacked_left(map, was);
	if (was->kind == RMAP_RANGE)
		return;		/* its owner frees it */
	if (was->kind == RMAP_COHERENT && map->parent)
		parent_forget_memory(was->addr);
	else if (was->kind == RMAP_COHERENT)
		free_pages_exact(mapping->memory, was->len);
	model_remove(mapping);
}

/* What the map does not know of is its users' matter. */
static void undo_unknown(struct fuzz_map *m)
{
	unsigned int i = 0;
	struct fuzz_mapping *mapping;

	while (i < fuzz_live_count) {
		mapping = fuzz_live[i];
		if (mapping->map != m || !mapping->unknown) {
			i++;
			continue;
		}
		if (mapping->kind == RMAP_COHERENT)
			free_pages_exact(mapping->memory, mapping->len);
		model_remove(mapping);
	}
}

/* As dma_rmap_destroy(); ranges can be freed afterwards. */
static void map_close(struct fuzz_map *m)
{
	struct dma_rmap *map = m->map;
	unsigned int i;

	if (m->closed)
		return;
	trace("%s: destroy\n", map->dev.name);
	model_compare(m);
	rmap_explain_remove(map);
	rmap_close(map, mapping_left, m);
	for (i = 0; i < fuzz_live_count; i++)
		if (fuzz_live[i]->map == m && !fuzz_live[i]->unknown &&
		    fuzz_live[i]->kind != RMAP_RANGE)
			die("%s: %#llx was not left", map->dev.name,
			    fuzz_live[i]->addr);
	if (rmap_table_count(&map->table))
		die("%lu are left in the table", rmap_table_count(&map->table));
	for (i = 0; i < RMAP_SHARDS; i++)
		must(!map->table.shard[i].count && !map->table.shard[i].seconds);
	rmap_table_destroy(&map->table);
	m->closed = true;
	undo_unknown(m);
	fuzz_sg_left(m);
}

static void map_finish(struct fuzz_map *m)
{
	struct dma_rmap *map = m->map;

	map_close(m);
	fuzz_free_ranges(m);
	model_compare_counters(m);
	must(!map->dev.references);
	if (!map->unchecked)
		must(!COUNTER(map, bytes) &&
		     COUNTER(map, maps) == COUNTER(map, unmaps));
	free_percpu(map->history);
	free_percpu(map->counters);
	shim_free(map);
}

/* Operations on no map in particular */

static void set_inject(struct fuzz_map *m)
{
	static const u32 pid[] = { 0, 0, 10, 11, 99 };
	struct rmap_inject *inject = &m->map->inject;
	u8 how = in8();

	inject->every = how % 4 ? 0 : how / 4 % 8;
	inject->above = how % 8 < 5 ? 0 : in_below(4 * PAGE_SIZE);
	inject->pid = pid[in8() % 5];
	trace("%s: every %u, above %llu fail, of %u\n", m->map->dev.name,
	      inject->every, inject->above, inject->pid);
}

/* The resize work, perhaps short of memory, and what waits for RCU */
static void run_work(void)
{
	u8 how = in8();

	trace("work\n");
	if (shim_fail_after >= 0 || how % 2)
		shim_run_work_once();
	else
		shim_run_work();
}

static void close_or_not(struct fuzz_map *m)
{
	if (in8() < 32)
		map_close(m);
}

static void operate(void)
{
	u8 op = in8();
	struct fuzz_map *m = &maps[in8() % ARRAY_SIZE(maps)];

	if (fuzz_live_count >= FUZZ_LIVE_MAX - 20)
		fuzz_unmap_burst(m);
	if (fuzz_live_count >= FUZZ_LIVE_MAX - 20)
		return;
	/* A map that is gone is not asked any more. */
	if (m->closed && op % 32 >= 20 && op % 32 <= 29)
		return;
	switch (op % 32) {
	case 0 ... 2:	return fuzz_map_page(m);
	case 3 ... 4:	return fuzz_unmap_page();
	case 5 ... 6:	return fuzz_map_sg(m);
	case 7 ... 8:	return fuzz_unmap_sg();
	case 9:		return fuzz_alloc(m);
	case 10:	return fuzz_free();
	case 11:	return fuzz_reserve(m);
	case 12 ... 13:	return fuzz_link();
	case 14:	return fuzz_unlink();
	case 15:	return fuzz_free_range();
	case 16 ... 17:	return fuzz_unmap_wrong(m);
	case 18:	return fuzz_map_burst(m);
	case 19:	return fuzz_unmap_burst(m);
	case 20:	return fuzz_check(m);
	case 21:	return fuzz_walk(m);
	case 22 ... 23:	return fuzz_get(m);
	case 24 ... 25:	return fuzz_copy_from(m);
	case 26 ... 27:	return fuzz_copy_to(m);
	case 28:	return fuzz_walk(m);
	case 29:	return in8() % 2 ? fuzz_explain(m) : fuzz_show();
	case 30:	return run_work();
	case 31:	return in8() % 8 ? set_inject(m) : close_or_not(m);
	}
}

static void begin(void)
{
	static const u8 bits[] = { 64, 64, 1, 2, 3, 4, 6, 12 };
	unsigned int block_bits = bits[in8() % 8], i;

	model_memory_reset();
	model_space_reset(block_bits);
	fuzz_pick_reset();
	fuzz_parent = in8() % PARENT_KINDS;
	must(!rmap_space_init(&space, block_bits));
	for (i = 0; i < ARRAY_SIZE(maps); i++)
		map_begin(&maps[i], i);
}

static void end(long live)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(maps); i++)
		map_finish(&maps[i]);
	must(!fuzz_live_count);
	parent_end();
	rmap_space_destroy(&space);
	shim_run_work();
	model_memory_compare(SHIM_PHYS, sizeof(model_memory));
	if (shim_pages_taken || shim_live != live)
		die("%lu pages and %ld allocations are not freed",
		    shim_pages_taken, shim_live - live);
}

/* What is there once for all inputs, and freed at no time. */
static void once(void)
{
	unsigned int i;

	fuzz_trace = getenv("FUZZ_TRACE");
	shim_work_manual = true;
	shim_clock = 1000000000;
	module_begin();
	for (i = ULP_RESERVED; i < ULP_PAGES; i++)
		shim_page[i].reserved = true;
	shim_page[ULP_P2PDMA].p2pdma = true;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static bool is_ready;
	unsigned int i, n;
	long live;
	u8 fail;

	if (!is_ready)
		once();
	is_ready = true;
	live = shim_live;
	in_at = data;
	in_end = data + size;
	begin();
	for (n = 0; in_more(); n++) {
		/* Now and then memory is short. */
		fail = in8();
		if (fail >= 224)
			shim_fail_after = fail % 8;
		operate();
		shim_fail_after = -1;
		for (i = 0; i < ARRAY_SIZE(maps); i++) {
			model_compare_counters(&maps[i]);
			if (n % 8 == i)
				model_compare(&maps[i]);
		}
	}
	end(live);
	return 0;
}
