// SPDX-License-Identifier: GPL-2.0
/*
 * Nanoseconds of the table's operations, natively, at several sizes.
 */
#include <time.h>
#include <unistd.h>

#include "fixture.h"

#define ORDER 13
#define SPARSE 32		/* one in so many addresses is still mapped */
#define LOOKUPS 200000
#define ROUNDS 15

static u64 *wanted;
bool test_failed;
void test_fail(const char *func, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", func, line, what);
	exit(1);
}

u64 rnd_below(u64 n)
{
	static u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 32) % n;
}

/* The best of some rounds, each in another place of the random order */
static u64 time_find(struct rmap_table *table, unsigned int count, u64 offset)
{
	u64 begin, best = ~0ULL;
	unsigned int round, i, at = 0, hits;

	for (round = 0; round < ROUNDS; round++) {
		hits = 0;
		begin = ktime_get_ns();
		rcu_read_lock();
		for (i = 0; i < LOOKUPS; i++) {
			hits += !!rmap_table_find(table, wanted[at] + offset,
						  ORDER);
			if (++at == count)
				at = 0;
		}
		rcu_read_unlock();
		best = min(best, ktime_get_ns() - begin);
		check(hits == (offset > PAGE_SIZE ? 0 : LOOKUPS));
	}
	return best * 10 / LOOKUPS;
}

static void measure(unsigned int count)
{
	struct rmap_table *table = table_new();
	u64 insert, hit, inside, miss, remove, begin;
	struct rmap_mapping mapping, was;
	unsigned int i;

	for (i = 0; i < count; i++)
		wanted[i] = (1ULL << 61) +
			    (((u64)i * SPARSE + rnd_below(SPARSE)) << ORDER);
	begin = ktime_get_ns();
	for (i = 0; i < count; i++) {
		mapping = mapping_of(wanted[i], PAGE_SIZE, ORDER);
		check(!rmap_table_insert(table, &mapping));
	}
	insert = (ktime_get_ns() - begin) * 10 / count;
	usleep(300000);
	for (i = count - 1; i; i--) {
		u64 *other = &wanted[rnd_below(i + 1)];
		u64 swap = wanted[i];

		wanted[i] = *other;
		*other = swap;
	}
	hit = time_find(table, count, 0);
	inside = time_find(table, count, 1000);
	miss = time_find(table, count, PAGE_SIZE + 1);
	begin = ktime_get_ns();
	for (i = 0; i < count; i++)
		check(rmap_table_remove(table, wanted[i], ORDER,
					RMAP_STREAMING, &was));
	remove = (ktime_get_ns() - begin) * 10 / count;
	printf("%10u %6llu.%llu %6llu.%llu %6llu.%llu %6llu.%llu %6llu.%llu\n",
	       count, insert / 10, insert % 10, hit / 10, hit % 10, inside / 10,
	       inside % 10, miss / 10, miss % 10, remove / 10, remove % 10);
	fflush(stdout);
	table_end(table);
}

int main(void)
{
	static const unsigned int counts[] = { 1000, 100000, 1000000, 10000000 };
	unsigned int i;

	wanted = malloc(counts[ARRAY_SIZE(counts) - 1] * sizeof(*wanted));
	printf("%10s %8s %8s %8s %8s %8s   (ns)\n", "entries", "insert", "hit",
	       "interior", "miss", "remove");
	for (i = 0; i < ARRAY_SIZE(counts); i++)
		measure(counts[i]);
	free(wanted);
	return 0;
}
