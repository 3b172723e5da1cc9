// SPDX-License-Identifier: GPL-2.0
/*
 * The table beside liburcu's lock-free hash table, natively, at several sizes, and
 * beside an array, which is what no search at all costs.
 *
 * usage: bench [MOST]	entries at most; prints a line for each structure and size:
 *	native NAME ENTRIES and nanoseconds to insert, to find a first byte, to find
 *	an interior one, to find none, and to remove
 *
 * Keys are device addresses as a map gives them out, of which one in SPARSE is
 * still mapped. The table's locks are a mutex here, and its RCU is the tests'.
 */
#include <unistd.h>

#include "shim.h"
#include "bench.h"
#include "table.h"

#define SPARSE		32
#define LOOKUPS		50000
#define ROUNDS		40
#define BUILDS		20	/* of a structure, at most */
#define SHORT		100000	/* entries that are quickly inserted */

#define FIRST		(1ULL << 61)

static u64 *wanted;

static u64 rnd_below(u64 n)
{
	static u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 32) % n;
}

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

/* The table */

static struct rmap_table *table;

static struct rmap_mapping mapping_at(u64 addr)
{
	return (struct rmap_mapping){
		.addr = addr & PAGE_MASK, .len = PAGE_SIZE, .order = BENCH_ORDER,
		.phys = addr >> PAGE_SHIFT, .kind = RMAP_PAGE,
	};
}

static void table_begin(unsigned int count)
{
	must(!rmap_table_module_init(), "no memory");
	table = shim_alloc(sizeof(*table), 64);
	must(table && !rmap_table_init(table), "no memory for a table");
}

static void table_insert(u64 addr)
{
	struct rmap_mapping mapping = mapping_at(addr);

	must(!rmap_table_insert(table, &mapping), "the table takes no entry");
}

static inline bool table_has(u64 addr)
{
	struct dma_rmap_entry *entry = rmap_table_find(table, addr, BENCH_ORDER);

	return entry && entry->phys == addr >> PAGE_SHIFT;
}

static unsigned int table_look_up(const u64 *wanted, unsigned int count,
				  unsigned int *at, unsigned int n, u64 clear, u64 flip)
{
	rcu_read_lock();
	BENCH_LOOK_UP(table_has);
	rcu_read_unlock();
	return hits;
}

static void table_settle(void)
{
	usleep(rmap_table_count(table) < SHORT ? 50000 : 500000);
}

static bool table_remove(u64 addr)
{
	struct rmap_mapping mapping = mapping_at(addr), was;

	return rmap_table_remove(table, &mapping, &was) &&
	       was.phys == addr >> PAGE_SHIFT;
}

static void table_end(void)
{
	rmap_table_destroy(table);
	shim_free(table);
	rmap_table_module_exit();
}

static const struct bench_structure bench_table = {
	.name = "table",
	.begin = table_begin,
	.insert = table_insert,
	.look_up = table_look_up,
	.settle = table_settle,
	.remove = table_remove,
	.end = table_end,
};

/* An array, which needs no search: what one place in so much memory costs */

struct place {
	u64 key;
	u64 unused[3];	/* as large as an entry of the table */
};

static struct place *places;

static struct place *place_of(u64 addr)
{
	return &places[(addr - FIRST) / SPARSE >> BENCH_ORDER];
}

static void array_begin(unsigned int count)
{
	places = calloc(count, sizeof(*places));
	must(places, "no memory for an array");
}

static void array_insert(u64 addr)
{
	place_of(addr)->key = addr >> PAGE_SHIFT;
}

static inline bool array_has(u64 addr)
{
	return place_of(addr)->key == addr >> PAGE_SHIFT;
}

static unsigned int array_look_up(const u64 *wanted, unsigned int count,
				  unsigned int *at, unsigned int n, u64 clear, u64 flip)
{
	BENCH_LOOK_UP(array_has);
	return hits;
}

static void array_settle(void)
{
}

static bool array_remove(u64 addr)
{
	bool there = array_has(addr);

	place_of(addr)->key = 0;
	return there;
}

static void array_end(void)
{
	free(places);
}

static const struct bench_structure bench_array = {
	.name = "array",
	.begin = array_begin,
	.insert = array_insert,
	.look_up = array_look_up,
	.settle = array_settle,
	.remove = array_remove,
	.end = array_end,
};

/* The addresses, in the order in which a map gives them out. */
static void addresses_make(unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		wanted[i] = FIRST + (((u64)i * SPARSE + rnd_below(SPARSE)) << BENCH_ORDER) +
			    rnd_below(PAGE_SIZE - 1) + 1;
}

static void addresses_shuffle(unsigned int count)
{
	unsigned int i;
	u64 *other, addr;

	for (i = count - 1; i; i--) {
		other = &wanted[rnd_below(i + 1)];
		addr = wanted[i];
		wanted[i] = *other;
		*other = addr;
	}
}

struct look_up {
	u64 clear, flip;
	unsigned int hits;
	u64 best;
};

/* The best of some rounds, each in another place of the random order */
static void look_up(const struct bench_structure *s, unsigned int count,
		    struct look_up *kinds, unsigned int n)
{
	unsigned int round, i, hits, at = 0;
	u64 begin;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < n; i++) {
			begin = ktime_get_ns();
			hits = s->look_up(wanted, count, &at, LOOKUPS, kinds[i].clear,
					  kinds[i].flip);
			kinds[i].best = min(kinds[i].best, ktime_get_ns() - begin);
			must(hits == kinds[i].hits, "an entry is lost, or there is another");
		}
	}
}

static double per(u64 ns, unsigned int count)
{
	return (double)ns / count;
}

static void measure(const struct bench_structure *s, unsigned int count)
{
	unsigned int builds = max(1u, min(SHORT / count, BUILDS));
	struct look_up kinds[] = {
		{ PAGE_SIZE - 1, 0, LOOKUPS, ~0ULL },	/* the first byte */
		{ 0, 0, LOOKUPS, ~0ULL },		/* an interior one */
		{ 0, 1ULL << BENCH_ORDER, 0, ~0ULL },	/* another block */
	};
	u64 insert = ~0ULL, remove = ~0ULL, begin;
	unsigned int i;

	while (builds--) {
		addresses_make(count);
		s->begin(count);
		begin = ktime_get_ns();
		for (i = 0; i < count; i++)
			s->insert(wanted[i]);
		insert = min(insert, ktime_get_ns() - begin);
		s->settle();
		addresses_shuffle(count);
		if (!builds)
			look_up(s, count, kinds, ARRAY_SIZE(kinds));
		begin = ktime_get_ns();
		for (i = 0; i < count; i++)
			must(s->remove(wanted[i]), "an entry is lost");
		remove = min(remove, ktime_get_ns() - begin);
		s->end();
	}
	printf("native %s %u %.1f %.1f %.1f %.1f %.1f\n", s->name, count,
	       per(insert, count), per(kinds[0].best, LOOKUPS),
	       per(kinds[1].best, LOOKUPS), per(kinds[2].best, LOOKUPS),
	       per(remove, count));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	unsigned int most = argc > 1 ? atoi(argv[1]) : 10000000;
	unsigned int count;

	must(most >= 1000, "usage: bench [MOST]");
	wanted = malloc(most * sizeof(*wanted));
	must(wanted, "no memory for the addresses");
	for (count = 1000; count <= most; count *= 10) {
		measure(&bench_table, count);
		measure(&bench_lfht, count);
		measure(&bench_array, count);
	}
	free(wanted);
	return 0;
}
