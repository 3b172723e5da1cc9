// SPDX-License-Identifier: GPL-2.0
/*
 * Look-ups on two CPUs at a time, and on one while another inserts and removes.
 *
 * Both CPUs look up in the same structure. The least of several rounds counts, as
 * on one CPU: a round that both have had for themselves.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#include "bench.h"

/**
 * struct worker - a thread bound to a CPU
 * @s: what it works on
 * @at: where in the random order it looks up
 * @begin: when it began
 * @end: when it was done
 * @err: what went wrong
 * @done: it is
 * @task: the thread
 */
struct worker {
	const struct bench_structure *s;
	unsigned int at;
	u64 begin;
	u64 end;
	int err;
	struct completion done;
	struct task_struct *task;
};

static atomic_t starting;	/* those who have not begun */
static bool writer_stops;

/* All begin at the same time, if their CPUs are free. */
static void begin_together(void)
{
	atomic_dec(&starting);
	while (atomic_read(&starting)) {
		cpu_relax();
		cond_resched();
	}
}

static int worker_ends(struct worker *w)
{
	complete(&w->done);
	for (;;) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		schedule();
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static int reads(void *arg)
{
	struct worker *w = arg;

	begin_together();
	w->begin = ktime_get_ns();
	if (w->s->look_up(&w->at, BENCH_LOOKUPS, BENCH_INTERIOR) != BENCH_LOOKUPS)
		w->err = -EINVAL;
	w->end = ktime_get_ns();
	return worker_ends(w);
}

static int write_round(const struct bench_structure *s)
{
	unsigned int i, n;
	int err = 0;

	for (n = 0; n < BENCH_WRITES && !err; n++) {
		err = s->insert(bench_addr(bench_count + n));
		if (err)
			break;
	}
	for (i = 0; i < n; i++)
		if (!s->remove(bench_addr(bench_count + i)))
			err = -EINVAL;
	return err;
}

static int writes(void *arg)
{
	struct worker *w = arg;

	begin_together();
	while (!READ_ONCE(writer_stops) && !w->err) {
		w->err = write_round(w->s);
		cond_resched();
	}
	return worker_ends(w);
}

/* Start a thread on the @n-th CPU. */
static int worker_start(struct worker *w, int (*fn)(void *arg), unsigned int n)
{
	init_completion(&w->done);
	w->task = kthread_create(fn, w, "rmap_bench/%u", n);
	if (IS_ERR(w->task))
		return PTR_ERR(w->task);
	kthread_bind(w->task, cpumask_nth(n, cpu_online_mask));
	wake_up_process(w->task);
	return 0;
}

static void worker_stop(struct worker *w)
{
	wait_for_completion(&w->done);
	kthread_stop(w->task);
}

/* A round on @n CPUs */
static int read_round(const struct bench_structure *s, unsigned int n, u64 *best)
{
	static unsigned int at[2];
	struct worker worker[2] = {};
	u64 begin = U64_MAX, end = 0;
	unsigned int i, started;
	int err = 0;

	atomic_add(n, &starting);
	for (i = 0; i < n; i++) {
		worker[i].s = s;
		/* another place for each */
		worker[i].at = (at[i] + i * (bench_count / 2)) % bench_count;
		err = worker_start(&worker[i], reads, i);
		if (err)
			break;
	}
	started = i;
	if (err)
		atomic_sub(n - started, &starting);
	for (i = 0; i < started; i++) {
		worker_stop(&worker[i]);
		begin = min(begin, worker[i].begin);
		end = max(end, worker[i].end);
		err = err ?: worker[i].err;
		at[i] = worker[i].at;
	}
	*best = min(*best, end - begin);
	return err;
}

static int with_writer(const struct bench_structure *s, u64 *best)
{
	struct worker writer = { .s = s };
	unsigned int i;
	int err;

	writer_stops = false;
	atomic_set(&starting, 1);
	err = worker_start(&writer, writes, 1);
	if (err) {
		atomic_set(&starting, 0);
		return err;
	}
	while (atomic_read(&starting))
		cond_resched();
	for (i = 0; i < bench_rounds && !err; i++)
		err = read_round(s, 1, best);
	WRITE_ONCE(writer_stops, true);
	worker_stop(&writer);
	return err ?: writer.err;
}

/**
 * bench_in_parallel() - measure look-ups with another CPU at work
 * @s: the structure, with all entries in it
 * @result: gets the times; one that was not measured is 0
 *
 * Context: Process.
 * Return: 0; -EINVAL if an entry is lost; or what threads or the structure say.
 */
int bench_in_parallel(const struct bench_structure *s, struct bench_parallel *result)
{
	struct bench_parallel best = { U64_MAX, U64_MAX, U64_MAX };
	unsigned int i;
	int err = 0;

	memset(result, 0, sizeof(*result));
	if (num_online_cpus() < 2)
		return 0;
	atomic_set(&starting, 0);
	for (i = 0; i < 2 * bench_rounds && !err; i++) {
		err = read_round(s, 1, &best.one);
		if (!err)
			err = read_round(s, 2, &best.two);
	}
	if (!err && s->insert)
		err = with_writer(s, &best.writer);
	if (err)
		return err;
	if (!s->insert)
		best.writer = 0;
	*result = best;
	return 0;
}
