/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What bench.c measures: structures with device addresses as keys. Without any of
 * the shims, so that they do not meet liburcu's RCU.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>

#define BENCH_ORDER	13		/* a page and a guard page */
#define BENCH_PAGE	4096UL

/*
 * A structure to be measured. The look-up is for the addresses in @wanted from
 * place *@at of @count on, @n of them, each with @clear cleared and @flip flipped;
 * it returns how many were found, and are what was inserted.
 */
struct bench_structure {
	const char *name;
	void (*begin)(unsigned int count);
	void (*insert)(unsigned long long addr);
	unsigned int (*look_up)(const unsigned long long *wanted, unsigned int count,
				unsigned int *at, unsigned int n,
				unsigned long long clear, unsigned long long flip);
	void (*settle)(void);		/* let resizing end */
	bool (*remove)(unsigned long long addr);
	void (*end)(void);
};

extern const struct bench_structure bench_lfht;

#define BENCH_LOOK_UP(has)						\
	unsigned int hits = 0, i, place = *at;				\
									\
	for (i = 0; i < n; i++) {					\
		hits += has((wanted[place] & ~clear) ^ flip);		\
		if (++place == count)					\
			place = 0;					\
	}								\
	*at = place

#endif /* BENCH_H */
