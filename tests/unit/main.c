// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the unit tests and prints TAP.
 *
 *	NAME [-s SEED] [-n SCALE] [-t SUFFIX] [TEST...]
 */
#include <stdarg.h>
#include <unistd.h>

#include "test.h"

unsigned int test_scale = 10;
bool test_failed;
bool test_stop;

static u64 seed;
static __thread u64 rnd_state;

void rnd_seed(u64 s)
{
	rnd_state = s * 0x9e3779b97f4a7c15ULL + 0x1234567;
}

/* splitmix64 */
u64 rnd(void)
{
	u64 z = rnd_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

u64 rnd_below(u64 n)
{
	return rnd() % n;
}

void test_fail(const char *func, int line, const char *what)
{
	static unsigned int printed;

	if (__atomic_fetch_add(&printed, 1, __ATOMIC_RELAXED) < 20)
		printf("# %s:%d: %s\n", func, line, what);
	__atomic_store_n(&test_failed, true, __ATOMIC_RELAXED);
}

struct thread {
	pthread_t id;
	unsigned int number;
	void (*fn)(unsigned int number);
};

static void *thread_main(void *arg)
{
	struct thread *thread = arg;

	rnd_seed(seed + 1000 + thread->number);
	thread->fn(thread->number);
	return NULL;
}

void run_threads(unsigned int count, void (*fn)(unsigned int number),
		 unsigned int milliseconds)
{
	struct thread thread[SHIM_CPUS];
	unsigned int i;

	WRITE_ONCE(test_stop, false);
	for (i = 0; i < count; i++) {
		thread[i].number = i;
		thread[i].fn = fn;
		assert(!pthread_create(&thread[i].id, NULL, thread_main,
				       &thread[i]));
	}
	usleep(milliseconds * 1000);
	WRITE_ONCE(test_stop, true);
	for (i = 0; i < count; i++)
		pthread_join(thread[i].id, NULL);
}

static const struct test *const suites[] = {
	table_tests, map_tests, given_tests, scattered_tests, range_tests,
	race_tests, given_race_tests, range_race_tests,
	explain_tests,
};

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	unsigned int i, number = 0, failures = 0;
	const struct test *test;
	const char *suffix = "";
	int option;

	seed = ktime_get_ns();
	while ((option = getopt(argc, argv, "s:n:t:")) != -1) {
		if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			test_scale = atoi(optarg);
		else if (option == 't')
			suffix = optarg;
		else
			return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# seed %llu\n", seed);
	for (i = 0; i < ARRAY_SIZE(suites); i++) {
		for (test = suites[i]; test->name; test++) {
			if (!wanted(test->name, argv + optind))
				continue;
			test_failed = false;
			rnd_seed(seed);
			test->run();
			printf("%sok %u - %s%s\n", test_failed ? "not " : "",
			       ++number, test->name, suffix);
			failures += test_failed;
		}
	}
	if (!number)
		printf("# no such test\n");
	printf("1..%u\n", number);
	return failures || !number;
}
