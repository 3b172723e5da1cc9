// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's model: what is mapped, what memory holds, and which addresses
 * come next. As plain as can be.
 */
#include "fuzz.h"

#ifdef __clang__
/* New ways through the model are no reason to keep an input. */
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), \
			     apply_to = function)
#endif

struct fuzz_mapping *fuzz_live[FUZZ_LIVE_MAX];
unsigned int fuzz_live_count;

/* Mappings */

struct fuzz_mapping *model_add(struct fuzz_map *m, u64 addr, u64 len,
			       enum dma_data_direction dir,
			       enum rmap_kind kind)
{
	struct fuzz_mapping *mapping = calloc(1, sizeof(*mapping));

	must(mapping && fuzz_live_count < FUZZ_LIVE_MAX);
	mapping->map = m;
	mapping->addr = addr;
	mapping->len = len;
	mapping->dir = dir;
	mapping->kind = kind;
	mapping->unknown = m->map->unchecked && kind != RMAP_RANGE;
	fuzz_live[fuzz_live_count++] = mapping;
	return mapping;
}

void model_piece(struct fuzz_mapping *mapping, u64 phys, u64 len)
{
	mapping->piece = realloc(mapping->piece, (mapping->pieces + 1) *
						 sizeof(*mapping->piece));
	mapping->piece[mapping->pieces++] = (struct fuzz_piece){ phys, len };
}

void model_remove(struct fuzz_mapping *mapping)
{
	unsigned int i;

	for (i = 0; fuzz_live[i] != mapping; i++)
		;
	fuzz_live_count--;
	memmove(&fuzz_live[i], &fuzz_live[i + 1],
		(fuzz_live_count - i) * sizeof(*fuzz_live));
	if (mapping->list)
		mapping->list->live--;
	free(mapping->piece);
	free(mapping);
}

bool model_allows(const struct fuzz_mapping *mapping,
		  enum dma_data_direction dir)
{
	return mapping->dir == dir || mapping->dir == DMA_BIDIRECTIONAL;
}

/* The mapping of a byte that allows most: the access, and far. */
struct fuzz_mapping *model_holder(struct fuzz_map *m, u64 addr,
				  enum dma_data_direction dir)
{
	struct fuzz_mapping *mapping, *best = NULL;
	bool allows, best_allows = false;
	unsigned int i;

	for (i = 0; i < fuzz_live_count; i++) {
		mapping = fuzz_live[i];
		if (mapping->map != m || mapping->unknown ||
		    addr < mapping->addr || addr - mapping->addr >= mapping->len)
			continue;
		allows = model_allows(mapping, dir);
		if (best && (allows < best_allows ||
			     (allows == best_allows &&
			      mapping->addr + mapping->len <=
			      best->addr + best->len)))
			continue;
		best = mapping;
		best_allows = allows;
	}
	return best;
}

u64 model_phys(const struct fuzz_mapping *mapping, u64 offset, u64 *len)
{
	const struct fuzz_piece *piece = mapping->piece;

	for (; offset >= piece->len; piece++)
		offset -= piece->len;
	*len = piece->len - offset;
	return piece->phys == NO_MEMORY ? NO_MEMORY : piece->phys + offset;
}

/* The map's table beside the model */

struct seen {
	struct fuzz_map *m;
	const struct fuzz_mapping *like;	/* what to count, or all */
	unsigned int count;
};

static bool is_alike(const struct fuzz_mapping *mapping, struct fuzz_map *m,
		     const struct rmap_mapping *other)
{
	return mapping->map == m && !mapping->unknown &&
	       mapping->addr == other->addr && mapping->len == other->len &&
	       mapping->dir == other->dir && mapping->kind == other->kind;
}

static bool see(const struct rmap_mapping *mapping, void *arg)
{
	struct seen *seen = arg;
	unsigned int i;

	if (seen->like) {
		seen->count += is_alike(seen->like, seen->m, mapping);
		return false;
	}
	seen->count++;
	for (i = 0; i < fuzz_live_count; i++)
		if (is_alike(fuzz_live[i], seen->m, mapping))
			return false;
	die("in the table, but not mapped: %#llx, %llu bytes, direction %u, kind %u",
	    mapping->addr, mapping->len, mapping->dir, mapping->kind);
}

static void table_see(struct seen *seen)
{
	u64 pos = 0;

	while (rmap_table_walk(&seen->m->map->table, &pos, see, seen))
		;
}

unsigned int table_alike(struct fuzz_map *m, const struct fuzz_mapping *like)
{
	struct seen seen = { .m = m, .like = like };

	table_see(&seen);
	return seen.count;
}

void model_compare(struct fuzz_map *m)
{
	struct seen seen = { .m = m };
	unsigned int i, known = 0;

	if (m->closed)
		return;
	table_see(&seen);
	for (i = 0; i < fuzz_live_count; i++)
		known += fuzz_live[i]->map == m && !fuzz_live[i]->unknown;
	if (seen.count != known ||
	    rmap_table_count(&m->map->table) != known)
		die("%s: %u mappings in the table, which says %lu; the model has %u",
		    m->map->dev.name, seen.count,
		    rmap_table_count(&m->map->table), known);
}

void model_compare_counters(struct fuzz_map *m)
{
	static const char * const name[] = {
		"maps", "unmaps", "bytes", "no_memory", "bad_unmaps",
		"injected", "unmapped", "bounds", "direction", "hole",
	};
	const u64 *want = (const u64 *)&m->want;
	unsigned int i;
	u64 is;

	static_assert(sizeof(m->want) == sizeof(name) / sizeof(name[0]) * 8);
	for (i = 0; i < ARRAY_SIZE(name); i++) {
		is = map_counter(m->map, i * sizeof(u64));
		if (is != want[i])
			die("%s: counter %s is %llu, not %llu",
			    m->map->dev.name, name[i], is, want[i]);
	}
}

/* Memory */

u8 model_memory[SHIM_PAGES * PAGE_SIZE];

/* No byte is like its neighbours, nor like those of other pages. */
static u8 pattern(unsigned long i)
{
	return (i * 0x9e3779b97f4a7c15ULL) >> 53;
}

void model_memory_reset(void)
{
	static u8 fresh[SHIM_PAGES * PAGE_SIZE];
	unsigned long i;

	if (!fresh[1])
		for (i = 0; i < sizeof(fresh); i++)
			fresh[i] = pattern(i);
	memcpy(model_memory, fresh, sizeof(fresh));
	memcpy(shim_memory, fresh, sizeof(fresh));
}

bool model_has_memory(u64 phys, u64 len)
{
	return phys >= SHIM_PHYS && len <= sizeof(model_memory) &&
	       phys - SHIM_PHYS <= sizeof(model_memory) - len;
}

void model_memory_compare(u64 phys, u64 len)
{
	unsigned long at = phys - SHIM_PHYS, end = at + len;

	if (!memcmp(shim_memory + at, model_memory + at, len))
		return;
	for (; at < end; at++)
		if (shim_memory[at] != model_memory[at])
			die("memory at %#llx is %#x, not %#x", SHIM_PHYS + at,
			    shim_memory[at], model_memory[at]);
}

/*
 * Addresses of scheme "fresh": blocks of each size come in turn, but for those
 * that are in use, and wrap.
 */
static unsigned int space_bits;
static u64 next_block[64];
static bool unsure[64];

void model_space_reset(unsigned int block_bits)
{
	space_bits = block_bits;
	memset(next_block, 0, sizeof(next_block));
	memset(unsure, 0, sizeof(unsure));
}

bool model_space_wraps(void)
{
	return space_bits < 40;
}

static u64 blocks_of(unsigned int order)
{
	unsigned int bits = (order == 13 ? 61 : 56) - order;

	return 1ULL << min(bits, space_bits);
}

/* Some blocks have been taken, and not told to whom. */
void model_space_unsure(void)
{
	memset(unsure, 1, sizeof(unsure));
}

/* The block has room for the mapping and a page, from two pages on. */
unsigned int model_order(u64 offset, u64 len)
{
	unsigned int order = 13;

	if (len > (1ULL << 44) - 2 * PAGE_SIZE)
		return 0;
	while (offset + len + PAGE_SIZE > 1ULL << order)
		order++;
	return order;
}

static u64 block_of(u64 addr, unsigned int order)
{
	return (order == 13 ? addr & ((1ULL << 61) - 1) :
			      addr & ((1ULL << 56) - 1)) >> order;
}

static bool block_taken(struct fuzz_map *m, unsigned int order, u64 block)
{
	struct fuzz_mapping *mapping;
	unsigned int i;

	for (i = 0; i < fuzz_live_count; i++) {
		mapping = fuzz_live[i];
		if (mapping->map != m || mapping->addr >> 56 == 0)
			continue;
		if (model_order(offset_in_page(mapping->addr),
				mapping->len) == order &&
		    block_of(mapping->addr, order) == block)
			return true;
	}
	return false;
}

bool model_space_full(struct fuzz_map *m, unsigned int order)
{
	u64 block;

	if (!model_space_wraps())
		return false;
	for (block = 0; block < blocks_of(order); block++)
		if (!block_taken(m, order, block))
			return false;
	return true;
}

/* A mapping has got @addr. Is that right? It is not in the model yet. */
void model_space_took(struct fuzz_map *m, u64 addr, u64 offset, u64 len)
{
	unsigned int order = model_order(offset, len);
	u64 mask = blocks_of(order) - 1;
	u64 block = block_of(addr, order);
	u64 want = next_block[order] & mask;

	if (offset_in_page(addr) != offset || addr >> 62 ||
	    (order == 13 ? addr >> 61 != 1 : addr >> 56 != order - 13) ||
	    (addr & ((1ULL << order) - 1)) != offset)
		die("address %#llx is not one of order %u, offset %#llx", addr,
		    order, offset);
	if (block_taken(m, order, block))
		die("address %#llx is in a block that is in use", addr);
	while (!unsure[order] && block_taken(m, order, want))
		want = (want + 1) & mask;
	if (!unsure[order] && block != want)
		die("address %#llx: block %llu is not the next one, %llu", addr,
		    block, want);
	next_block[order] = block + 1;
	unsure[order] = false;
}

#ifdef __clang__
#pragma clang attribute pop
#endif
