// SPDX-License-Identifier: GPL-2.0
/*
 * The table of dma_rmap beside the kernel's own structures, at several sizes, in
 * one run. Writes lines to the kernel log:
 *
 *	rmap_bench: time NAME ENTRIES and nanoseconds to insert, to find a first byte,
 *		to find an interior one, to find none, and to remove; how many times
 *		as much two CPUs find as one; how many times as long a look-up takes
 *		while another CPU inserts and removes (0: not measured)
 *	rmap_bench: skipped NAME ENTRIES and why
 *
 * Loading fails if a structure loses an entry or memory is short in spite of what
 * was estimated. With brief=1 only two are measured, and it fails, too, if the table
 * at 1,000,000 entries is slower than the xarray at 100,000.
 *
 * Entries are inserted in the order of their addresses, and removed and looked for
 * in random order. The least of several rounds counts.
 */
#include <linux/delay.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "bench.h"
#include "table.h"

#define MAX_BUILDS 20
#define PAGES 20000		/* of dma.c */

unsigned int bench_rounds = 30;
module_param_named(rounds, bench_rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "the least time of so many look-up rounds counts");

static unsigned int most = 10000000;
module_param(most, uint, 0444);
MODULE_PARM_DESC(most, "entries at most");

static unsigned int seconds = 900;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "skip what would take longer than that in all");

static bool brief;
module_param(brief, bool, 0444);
MODULE_PARM_DESC(brief, "measure the two only that are compared");

u64 *bench_wanted;
unsigned int bench_count;

static u64 started;

/**
 * struct result - of a structure at one size
 * @insert: nanoseconds for all entries
 * @remove: nanoseconds for all entries
 * @find: nanoseconds for BENCH_LOOKUPS look-ups of each kind
 * @parallel: with another CPU
 */
struct result {
	u64 insert;
	u64 remove;
	u64 find[BENCH_OPS];
	struct bench_parallel parallel;
};

static u32 rnd_below(u32 n)
{
	static u64 state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (state >> 33) % n;
}

static int wanted_make(unsigned int count)
{
	unsigned int i, other;

	bench_wanted = vmalloc(array_size(count, sizeof(*bench_wanted)));
	if (!bench_wanted)
		return -ENOMEM;
	bench_count = count;
	for (i = 0; i < count; i++)
		bench_wanted[i] = bench_addr(i) + 1 + rnd_below(PAGE_SIZE - 1);
	for (i = count; i > 1; i--) {
		other = rnd_below(i);	/* swap() evaluates it twice */
		swap(bench_wanted[i - 1], bench_wanted[other]);
		if (i % 10000 == 0)
			cond_resched();
	}
	return 0;
}

static int insert_all(const struct bench_structure *s, u64 *best)
{
	u64 begin = ktime_get_ns();
	unsigned int i;
	int err;

	for (i = 0; i < bench_count; i++) {
		err = s->insert(bench_addr(i));
		if (err)
			return err;
		if (i % 1000 == 0)
			cond_resched();
	}
	*best = min(*best, ktime_get_ns() - begin);
	return 0;
}

static int remove_all(const struct bench_structure *s, u64 *best)
{
	u64 begin = ktime_get_ns();
	unsigned int i;

	for (i = 0; i < bench_count; i++) {
		if (!s->remove(bench_wanted[i] & PAGE_MASK))
			return -EINVAL;
		if (i % 1000 == 0)
			cond_resched();
	}
	*best = min(*best, ktime_get_ns() - begin);
	return 0;
}

static int find_round(const struct bench_structure *s, enum bench_op op, u64 *best)
{
	unsigned int wanted = op == BENCH_MISS ? 0 : BENCH_LOOKUPS;
	static unsigned int at;
	unsigned int hits;
	u64 begin;

	at %= bench_count;
	begin = ktime_get_ns();
	hits = s->look_up(&at, BENCH_LOOKUPS, op);
	*best = min(*best, ktime_get_ns() - begin);
	cond_resched();
	return hits == wanted ? 0 : -EINVAL;
}

/* Let resizing end, a minute at most. */
static void settle(const struct bench_structure *s)
{
	unsigned int i;

	msleep(bench_count < 100000 ? 50 : 500);
	for (i = 0; i < 600 && s->settled && !s->settled(); i++)
		msleep(100);
}

static int look_up_all(const struct bench_structure *s, struct result *best)
{
	unsigned int round, op;
	int err = 0;

	for (round = 0; round < bench_rounds; round++)
		for (op = 0; op < BENCH_OPS && !err; op++)
			err = find_round(s, op, &best->find[op]);
	if (!err && !brief)
		err = bench_in_parallel(s, &best->parallel);
	return err;
}

/* Small ones are built several times. */
static int measure(const struct bench_structure *s, struct result *best)
{
	unsigned int builds = clamp(100000 / bench_count, 1U, (unsigned int)MAX_BUILDS);
	int err = 0;

	memset(best, 0xff, sizeof(*best));
	while (builds-- && !err) {
		err = s->begin(bench_count);
		if (err)
			break;
		err = insert_all(s, &best->insert);
		if (!err)
			settle(s);
		if (!err && !builds)
			err = look_up_all(s, best);
		if (!err)
			err = remove_all(s, &best->remove);
		s->end();
	}
	return err;
}

/* @ns nanoseconds for @n of something, each in tenths of a nanosecond */
#define TENTHS(ns, n)	div_u64((ns) * 10, n) / 10, (u32)(div_u64((ns) * 10, n) % 10)
#define HUNDREDTHS(x, y) (y) ? div64_u64((x) * 100, y) / 100 : 0,	\
			 (u32)((y) ? div64_u64((x) * 100, y) % 100 : 0)

static void show(const struct bench_structure *s, const struct result *r)
{
	const struct bench_parallel *p = &r->parallel;

	pr_info("rmap_bench: time %s %u %llu.%u %llu.%u %llu.%u %llu.%u %llu.%u %llu.%02u %llu.%02u\n",
		s->name, bench_count, TENTHS(r->insert, bench_count),
		TENTHS(r->find[BENCH_FIRST_BYTE], BENCH_LOOKUPS),
		TENTHS(r->find[BENCH_INTERIOR], BENCH_LOOKUPS),
		TENTHS(r->find[BENCH_MISS], BENCH_LOOKUPS),
		TENTHS(r->remove, bench_count), HUNDREDTHS(2 * p->one, p->two),
		HUNDREDTHS(p->writer, p->one));
}

static u64 seconds_gone(void)
{
	return div_u64(ktime_get_ns() - started, NSEC_PER_SEC);
}

/* Is there memory, and time? @last is how long the size before took. */
static bool can_measure(const struct bench_structure *s, u64 last)
{
	u64 need = (u64)bench_count * s->bytes >> 20;
	u64 have = ((u64)si_mem_available() << PAGE_SHIFT) >> 20;

	if (need + 64 > have) {
		pr_info("rmap_bench: skipped %s %u memory: it needs %llu MiB, %llu are free\n",
			s->name, bench_count, need + 64, have);
		return false;
	}
	if (seconds_gone() + last * 12 > seconds) {
		pr_info("rmap_bench: skipped %s %u time: %llu of %u s are over, the last size took %llu\n",
			s->name, bench_count, seconds_gone(), seconds, last);
		return false;
	}
	return true;
}

static int measure_size(unsigned int count, u64 *taken)
{
	const struct bench_structure *s;
	struct result result;
	unsigned int i;
	u64 begin;
	int err;

	if ((u64)count * 16 >> PAGE_SHIFT > si_mem_available()) {
		pr_info("rmap_bench: skipped all %u memory: there is none for the addresses\n",
			count);
		return 0;
	}
	err = wanted_make(count);
	for (i = 0; i < bench_nr_structures && !err; i++) {
		s = &bench_structures[i];
		if (!can_measure(s, taken[i]))
			continue;
		begin = seconds_gone();
		err = measure(s, &result);
		taken[i] = seconds_gone() - begin;
		if (err)
			pr_err("rmap_bench: %s at %u entries: error %d\n", s->name, count,
			       err);
		else
			show(s, &result);
	}
	vfree(bench_wanted);
	return err;
}

/* What two CPUs of this machine can do at best */
static int measure_nothing(void)
{
	struct bench_parallel p;
	int err = wanted_make(1000);

	if (err)
		return err;
	err = bench_in_parallel(&bench_nothing, &p);
	vfree(bench_wanted);
	if (!err)
		pr_info("rmap_bench: cpus %u %llu.%02u\n", num_online_cpus(),
			HUNDREDTHS(2 * p.one, p.two));
	return err;
}

static int measure_one(const struct bench_structure *s, unsigned int count,
		       struct result *result)
{
	int err = wanted_make(count);

	if (err)
		return err;
	err = measure(s, result);
	vfree(bench_wanted);
	return err;
}

/* As many as dma.c has pages, to be set beside an IOMMU's look-ups */
static int measure_beside_iommu(void)
{
	struct result result;
	int err = measure_one(&bench_structures[0], PAGES, &result);

	if (!err)
		show(&bench_structures[0], &result);
	return err;
}

static int measure_all(void)
{
	u64 taken[8] = {};
	unsigned int count;
	int err;

	err = measure_nothing();
	for (count = 1000; count <= most && !err; count *= 10) {
		err = measure_size(count, taken);
		if (!err && count == 10000 && most >= PAGES)
			err = measure_beside_iommu();
	}
	return err;
}

static int measure_brief(void)
{
	struct result result;
	u64 table, xarray;
	int err;

	err = measure_one(&bench_structures[0], 1000000, &result);
	if (err)
		return err;
	table = div_u64(result.find[BENCH_INTERIOR], BENCH_LOOKUPS);
	err = measure_one(&bench_structures[1], 100000, &result);
	if (err)
		return err;
	xarray = div_u64(result.find[BENCH_INTERIOR], BENCH_LOOKUPS);
	pr_info("rmap_bench: table at 1,000,000: %llu ns; xarray at 100,000: %llu ns\n",
		table, xarray);
	return table <= xarray ? 0 : -ERANGE;
}

static int __init bench_init(void)
{
	int err;

	started = ktime_get_ns();
	err = rmap_table_module_init();
	if (err)
		return err;
	err = brief ? measure_brief() : measure_all();
	rmap_table_module_exit();
	return err;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
}
module_exit(bench_exit);

MODULE_DESCRIPTION("Measures dma_rmap's table");
MODULE_LICENSE("GPL");
