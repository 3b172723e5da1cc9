/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A test program: random numbers, checks, threads, TAP.
 */
#ifndef TEST_H
#define TEST_H

#include "shim/shim.h"

struct test {
	const char *name;
	void (*run)(void);
};

extern const struct test table_tests[];
extern const struct test map_tests[];
extern const struct test given_tests[];
extern const struct test scattered_tests[];
extern const struct test range_tests[];
extern const struct test race_tests[];
extern const struct test given_race_tests[];
extern const struct test range_race_tests[];
extern const struct test explain_tests[];

extern unsigned int test_scale;		/* how much of random work, 1 to 100 */
extern bool test_failed;

/* Says what is wrong, and makes the test fail, but goes on. */
#define check(x) ({							\
	bool __ok = (x);						\
	if (!__ok)							\
		test_fail(__func__, __LINE__, #x);			\
	__ok; })

void test_fail(const char *func, int line, const char *what);

/* Random numbers; each thread has its own, from the seed that was printed. */
u64 rnd(void);
u64 rnd_below(u64 n);
void rnd_seed(u64 seed);

/* Threads that run @fn(number) until the time is up, each with its own rnd() */
extern bool test_stop;
void run_threads(unsigned int count, void (*fn)(unsigned int number),
		 unsigned int milliseconds);

#define TEST_THREADS 8

#endif /* TEST_H */
