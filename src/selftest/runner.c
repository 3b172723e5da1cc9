// SPDX-License-Identifier: GPL-2.0
/*
 * One run of the self-checks: chooses devices and cases, runs each case with
 * the checks that every case shares around it (nothing stays mapped, no DMA
 * fault that was not meant, no completion handler inside a post or poll), and
 * reports.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/glob.h>
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "dma_rmap.h"
#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_MAX_DEVICES	64
#define ST_NAME_MAX	64

static const struct st_suite *const st_suites[] = {
	&st_dma_suite,
	&st_sendrecv_suite,
	&st_rdma_suite,
	&st_fastreg_suite,
	&st_atomic_suite,
	&st_uc_suite,
	&st_ud_suite,
	&st_cq_suite,
	&st_qp_suite,
	&st_sge_suite,
	&st_range_suite,
	&st_srq_suite,
	&st_context_suite,
	&st_unmap_race_suite,
	&st_refused_dma_suite,
	&st_refused_key_suite,
	&st_refused_msg_suite,
};

/* One run at a time: they would see each other's mappings. */
static DEFINE_MUTEX(st_run_lock);

/* @error counts devices that a run could not finish on. */
struct st_count {
	unsigned int pass;
	unsigned int fail;
	unsigned int skip;
	unsigned int error;
};

int __st_fail(struct st_test *t, const char *file, int line,
	      const char *fmt, ...)
{
	va_list args;
	int n;

	if (atomic_xchg(&t->failed, 1))
		return -EBADE;

	n = scnprintf(t->why, sizeof(t->why), "%s:%d: ", file, line);
	va_start(args, fmt);
	vscnprintf(t->why + n, sizeof(t->why) - n, fmt, args);
	va_end(args);
	return -EBADE;
}

/**
 * st_skip() - note that the case cannot run here
 * @t: the case
 * @fmt: why not
 *
 * Return: ST_SKIPPED, for the case to return.
 */
int st_skip(struct st_test *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vscnprintf(t->why, sizeof(t->why), fmt, args);
	va_end(args);
	return ST_SKIPPED;
}

/**
 * st_unable() - note that the device cannot do what the case needs
 * @t: the case, which ends now
 * @fmt: why not
 *
 * Context: the case's own thread.
 * Return: -EBADE; whatever the case returns, it is skipped if nothing has failed.
 */
int st_unable(struct st_test *t, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vscnprintf(t->why, sizeof(t->why), fmt, args);
	va_end(args);
	t->unable = true;
	return -EBADE;
}

/**
 * st_note() - add a diagnostic line to the report
 * @t: the case, from whose own thread this is called
 * @fmt: the line
 */
void st_note(struct st_test *t, const char *fmt, ...)
{
	char line[200];
	va_list args;

	va_start(args, fmt);
	vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	st_report(1, "# %s: %s", t->tc->name, line);
}

/* Takes the next name or glob off a comma-separated list. */
static bool st_next_pattern(const char **list, char *pattern)
{
	size_t len;

	*list += strspn(*list, ", ");
	len = strcspn(*list, ",\n ");
	if (!len)
		return false;
	strscpy(pattern, *list, min_t(size_t, len + 1, ST_NAME_MAX));
	*list += len;
	return true;
}

static bool st_selected(const struct st_case *tc, const char *list)
{
	char pattern[ST_NAME_MAX];

	if (!list || !*list)
		return true;
	while (st_next_pattern(&list, pattern))
		if (glob_match(pattern, tc->name))
			return true;
	return false;
}

static unsigned int st_count_selected(const char *list)
{
	unsigned int i, j, n = 0;

	for (i = 0; i < ARRAY_SIZE(st_suites); i++)
		for (j = 0; j < st_suites[i]->nr; j++)
			n += st_selected(&st_suites[i]->cases[j], list);
	return n;
}

static void st_list_cases(void)
{
	const struct st_suite *suite;
	unsigned int i, j;
	char line[800];
	size_t n;

	for (i = 0; i < ARRAY_SIZE(st_suites); i++) {
		suite = st_suites[i];
		for (j = 0, n = 0; j < suite->nr; j++)
			n += scnprintf(line + n, sizeof(line) - n, " %s",
				       suite->cases[j].name);
		pr_err("cases:%s\n", line);
	}
}

/* Each pattern has to select something, or it is a mistake. */
static int st_check_cases(const char *list)
{
	char pattern[ST_NAME_MAX];
	const char *rest = list;

	if (!list || !*list)
		return 0;
	while (st_next_pattern(&rest, pattern)) {
		if (st_count_selected(pattern))
			continue;
		pr_err("cases=%s: there is no case '%s'; there are:\n", list,
		       pattern);
		st_list_cases();
		return -EINVAL;
	}
	if (!st_count_selected(list)) {
		pr_err("cases=%s: names no case; there are:\n", list);
		st_list_cases();
		return -EINVAL;
	}
	return 0;
}

/* Why the device's addresses are not what the case needs, or NULL. */
static const char *st_skip_addresses(const struct st_test *t)
{
	struct dma_rmap_attr attr = { .unchecked = true };

	if (t->map)
		dma_rmap_get_attr(t->map, &attr);
	if ((t->tc->flags & ST_MAP) && !t->map)
		return "only a device with a reverse map can pass it";
	if ((t->tc->flags & (ST_CHECKED | ST_FRESH)) && attr.unchecked)
		return "only a device that checks DMA addresses can pass it";
	if ((t->tc->flags & ST_FRESH) && attr.scheme != DMA_RMAP_FRESH)
		return "only a device with DMA addresses of its own can pass it";
	return NULL;
}

/* Why the device cannot run the case, or NULL. */
static const char *st_skip_reason(const struct st_test *t)
{
	const struct ib_device *ibdev = t->dev->ibdev;
	unsigned int flags = t->tc->flags;

	if (READ_ONCE(t->dev->gone))
		return "the device has been removed";
	if (st_skip_addresses(t))
		return st_skip_addresses(t);
	if ((flags & ST_DMADEV) && !ibdev->dma_device)
		return "the device has no DMA device";
	if ((flags & ST_PEER) && !t->peer)
		return "there is no second device of this driver within reach";
	if (t->tc->rxe && st_driver_is(ibdev, "rdma_rxe"))
		return t->tc->rxe;
	return NULL;
}

/* What the maps have counted before and after a case. */
struct st_maps {
	struct dma_rmap *map[2];
	struct dma_rmap_stats before[2];
	int reentered;
};

static u64 st_sum_faults(const struct dma_rmap_stats *stats)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < DMA_RMAP_NR_FAULTS; i++)
		sum += stats->faults[i];
	return sum;
}

static void st_watch_begin(struct st_test *t, struct st_maps *m)
{
	int i;

	m->map[0] = t->map;
	m->map[1] = t->peer && t->peer->ibdev->dma_device ?
		    dma_rmap_from_device(t->peer->ibdev->dma_device) : NULL;
	for (i = 0; i < 2; i++)
		if (m->map[i])
			dma_rmap_get_stats(m->map[i], &m->before[i]);
	m->reentered = st_verbs_reentered();
}

/*
 * A MAD that arrives has its buffer unmapped and mapped again by ib_mad, so a
 * difference counts when it stays.
 */
static bool st_leaks(struct dma_rmap *map, const struct dma_rmap_stats *before,
		     struct dma_rmap_stats *now)
{
	int i;

	for (i = 0; i < 50; i++) {
		dma_rmap_get_stats(map, now);
		if (now->live == before->live &&
		    now->live_bytes == before->live_bytes)
			return false;
		msleep(20);
	}
	return true;
}

static void st_watch_end(struct st_test *t, struct st_maps *m)
{
	struct dma_rmap_stats now;
	int i;

	for (i = 0; i < 2; i++) {
		if (!m->map[i])
			continue;
		if (st_leaks(m->map[i], &m->before[i], &now))
			st_fail(t, "%lld mappings, %lld bytes left mapped",
				(s64)(now.live - m->before[i].live),
				(s64)(now.live_bytes -
				      m->before[i].live_bytes));
		if (now.bad_unmaps != m->before[i].bad_unmaps)
			st_fail(t, "%llu unmaps of what was not mapped so",
				now.bad_unmaps - m->before[i].bad_unmaps);
		if (!(t->tc->flags & ST_FAULTS) &&
		    st_sum_faults(&now) != st_sum_faults(&m->before[i]))
			st_fail(t, "%llu DMA faults, and none was due",
				st_sum_faults(&now) -
				st_sum_faults(&m->before[i]));
	}
	if (st_verbs_reentered() != m->reentered)
		st_fail(t, "a completion handler ran inside a post or poll");
}

static void st_run_case(struct st_test *t, unsigned int nr,
			struct st_count *count)
{
	const char *name = t->tc->name;
	const char *reason = st_skip_reason(t);
	struct st_maps maps;
	int ret;

	if (reason) {
		st_report(1, "ok %u %s # SKIP %s", nr, name, reason);
		count->skip++;
		return;
	}

	st_watch_begin(t, &maps);
	ret = t->tc->run(t);
	st_fixture_cleanup(t);
	if (ret && ret != ST_SKIPPED && !t->unable)
		st_fail(t, "returned %d", ret);
	st_watch_end(t, &maps);

	if (atomic_read(&t->failed)) {
		if (st_gone(t))
			st_report(1, "# %s: a device was removed", name);
		st_report(1, "# %s: %s", name, t->why);
		st_report(1, "not ok %u %s", nr, name);
		count->fail++;
	} else if (ret == ST_SKIPPED || t->unable) {
		st_report(1, "ok %u %s # SKIP %s", nr, name, t->why);
		count->skip++;
	} else {
		st_report(1, "ok %u %s", nr, name);
		count->pass++;
	}
}

/*
 * Devices of softhca have to reach each other. Those of other drivers may be on
 * networks of their own; whether they are is tried.
 */
static bool st_peer_answers(struct st_device *sd, struct st_device *peer)
{
	static const struct st_opts o = {
		.peer = true,
		.timeout = 14,	/* 67 ms */
		.retries = 3,
	};
	struct st_test *t;
	struct st_pair *p;
	struct ib_wc wc;
	bool answers;

	if (st_driver_is(sd->ibdev, "softhca"))
		return true;
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return false;
	t->dev = sd;
	t->peer = peer;
	INIT_LIST_HEAD(&t->pairs);
	p = st_pair_open(t, &o);
	answers = p && !st_post_rdma(&p->a, 1, IB_WR_RDMA_WRITE, NULL, 0, 0, 0,
				     IB_SEND_SIGNALED) &&
		  !st_next_wc(&p->a, p->a.scq, &wc, ST_TIMEOUT_MS) &&
		  wc.status == IB_WC_SUCCESS;
	st_fixture_cleanup(t);
	kfree(t);
	return answers;
}

/* The device's peer, for as long as one case takes. */
static struct st_device *st_take_peer(struct st_device *sd)
{
	struct st_device *peer = st_device_get_peer(sd);

	if (peer && !st_peer_answers(sd, peer)) {
		st_device_put(peer);
		peer = NULL;
	}
	return peer;
}

static void st_run_cases(struct st_device *sd, const char *list,
			 struct st_count *count)
{
	const struct st_case *tc;
	unsigned int i, j, nr = 0;
	struct st_test *t;

	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t) {
		count->error++;
		return;
	}

	for (i = 0; i < ARRAY_SIZE(st_suites); i++) {
		for (j = 0; j < st_suites[i]->nr; j++) {
			tc = &st_suites[i]->cases[j];
			if (!st_selected(tc, list))
				continue;
			memset(t, 0, sizeof(*t));
			t->tc = tc;
			t->dev = sd;
			if (tc->flags & ST_PEER)
				t->peer = st_take_peer(sd);
			if (sd->ibdev->dma_device)
				t->map = dma_rmap_from_device(sd->ibdev->dma_device);
			t->seed = ++nr * 1000;
			INIT_LIST_HEAD(&t->pairs);
			st_run_case(t, nr, count);
			st_device_put(t->peer);
			cond_resched();
		}
	}
	kfree(t);
}

static void st_run_device(const char *name, unsigned int nr, const char *list,
			  struct st_count *sum)
{
	struct st_device *sd = st_device_get(name);
	const char *unready = sd ? st_device_unready(sd) : "it was removed";
	struct st_count count = {};

	if (unready) {
		st_report(0, "ok %u %s # SKIP %s", nr, name, unready);
		st_device_put(sd);
		return;
	}

	st_report(1, "KTAP version 1");
	st_report(1, "# Subtest: %s", name);
	st_report(1, "1..%u", st_count_selected(list));
	st_run_cases(sd, list, &count);

	if (READ_ONCE(sd->gone)) {
		st_report(0, "# %s: the device was removed", name);
		count.error++;
	}
	st_report(0, "# %s: pass:%u fail:%u skip:%u total:%u", name, count.pass,
		  count.fail, count.skip, count.pass + count.fail + count.skip);
	st_report(0, "%s %u %s", count.fail || count.error ? "not ok" : "ok",
		  nr, name);
	st_device_put(sd);
	sum->error += count.error;
	sum->pass += count.pass;
	sum->fail += count.fail;
	sum->skip += count.skip;
}

/* Reduces the list to the device that is wanted. */
static int st_check_device(const char *device, char (*names)[IB_DEVICE_NAME_MAX],
			   unsigned int n)
{
	char line[400];
	size_t len = 0;
	unsigned int i;

	if (!*device)
		return n;
	for (i = 0; i < n; i++) {
		if (!strcmp(names[i], device)) {
			strscpy(names[0], device, IB_DEVICE_NAME_MAX);
			return 1;
		}
	}
	for (*line = '\0', i = 0; i < n; i++)
		len += scnprintf(line + len, sizeof(line) - len, " %s",
				 names[i]);
	pr_err("device=%s: there is no such RoCE device; there is:%s\n",
	       device, n ? line : " none");
	return -EINVAL;
}

static int st_run_devices(const struct st_params *params,
			  char (*names)[IB_DEVICE_NAME_MAX])
{
	struct st_count sum = {};
	int i, n;

	n = st_check_device(params->device, names,
			    st_devices_list(names, ST_MAX_DEVICES));
	if (n < 0)
		return n;
	if (!n) {
		pr_err("there is no RoCE device to test\n");
		return -ENODEV;
	}

	st_report_begin();
	st_report(0, "KTAP version 1");
	st_report(0, "1..%d", n);
	for (i = 0; i < n; i++)
		st_run_device(names[i], i + 1, params->cases, &sum);
	st_report(0, "# Totals: pass:%u fail:%u skip:%u error:%u", sum.pass,
		  sum.fail, sum.skip, sum.error);
	st_report_end();

	if (sum.fail || sum.error)
		pr_err("%u cases failed, %u devices were lost\n", sum.fail,
		       sum.error);
	else if (!sum.pass)
		pr_err("nothing could be tested\n");
	else
		return 0;
	return -EBADE;
}

/**
 * st_run() - run the cases
 * @params: which of them, and on which devices
 *
 * Context: process; takes long.
 * Return: 0 when cases have run and none has failed; -EBADE when one has, or
 * none could run; -EINVAL when @params selects nothing; -ENODEV when there is
 * no device; -EINTR; -ENOMEM.
 */
int st_run(const struct st_params *params)
{
	char (*names)[IB_DEVICE_NAME_MAX];
	int ret;

	ret = st_check_cases(params->cases);
	if (ret)
		return ret;
	names = kcalloc(ST_MAX_DEVICES, sizeof(*names), GFP_KERNEL);
	if (!names)
		return -ENOMEM;
	ret = mutex_lock_interruptible(&st_run_lock);
	if (!ret) {
		ret = st_run_devices(params, names);
		mutex_unlock(&st_run_lock);
	}
	kfree(names);
	return ret;
}
