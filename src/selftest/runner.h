/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The self-checks' frame: devices, cases, one run over both, and its report.
 */
#ifndef SELFTEST_RUNNER_H
#define SELFTEST_RUNNER_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/string.h>
#include <linux/types.h>
#include <rdma/ib_verbs.h>

struct dma_rmap;
struct st_test;

/**
 * struct st_device - an RDMA device that may be tested
 * @list: its place among all devices
 * @ibdev: the device; valid as long as a user is counted
 * @users: runs that use it, and one for its registration
 * @idle: completed when the last user has left
 * @mtu: its port's path MTU when the run began
 * @gone: it is being removed: leave it as soon as possible
 */
struct st_device {
	struct list_head list;
	struct ib_device *ibdev;
	refcount_t users;
	struct completion idle;
	enum ib_mtu mtu;
	bool gone;
};

/* What a case needs of the device, else it is skipped. */
#define ST_CHECKED	BIT(0)	/* it checks DMA addresses */
#define ST_DMADEV	BIT(1)	/* it has a DMA device */
#define ST_PEER		BIT(2)	/* there is a second one of its driver */
#define ST_FRESH	BIT(3)	/* it has them for itself, with gaps between */
#define ST_MAP		BIT(4)	/* it has a dma_rmap */
/* What a case does. */
#define ST_FAULTS	BIT(5)	/* it makes the device refuse DMA addresses */

/**
 * struct st_case - one self-check
 * @name: unique; what ``cases=`` selects by
 * @run: the check: 0, or what st_fail() or st_skip() has returned
 * @flags: ST_*
 * @rxe: why rdma_rxe cannot pass it, for a known deviation of that driver
 */
struct st_case {
	const char *name;
	int (*run)(struct st_test *t);
	unsigned int flags;
	const char *rxe;
};

/**
 * struct st_suite - the cases of one subject
 * @cases: the cases, in the order in which they run
 * @nr: their number
 */
struct st_suite {
	const struct st_case *cases;
	unsigned int nr;
};

#define ST_SUITE(_name, _cases)						\
	const struct st_suite _name = {					\
		.cases = (_cases),					\
		.nr = ARRAY_SIZE(_cases),				\
	}

extern const struct st_suite st_dma_suite;
extern const struct st_suite st_sendrecv_suite;
extern const struct st_suite st_rdma_suite;
extern const struct st_suite st_fastreg_suite;
extern const struct st_suite st_atomic_suite;
extern const struct st_suite st_uc_suite;
extern const struct st_suite st_ud_suite;
extern const struct st_suite st_cq_suite;
extern const struct st_suite st_qp_suite;
extern const struct st_suite st_sge_suite;
extern const struct st_suite st_range_suite;
extern const struct st_suite st_srq_suite;
extern const struct st_suite st_context_suite;
extern const struct st_suite st_unmap_race_suite;
extern const struct st_suite st_refused_dma_suite;
extern const struct st_suite st_refused_key_suite;
extern const struct st_suite st_refused_msg_suite;

/**
 * struct st_test - one case while it runs on one device
 * @tc: the case
 * @dev: the device under test
 * @peer: another device of the same driver, or NULL
 * @map: @dev's reverse map, or NULL when it does not check DMA
 * @pairs: what the case has opened; the runner closes it
 * @seed: differs from case to case; cases count it up for each pattern
 * @failed: st_fail() was called
 * @unable: st_unable() was called
 * @why: the first failure's message, or the reason of a skip
 */
struct st_test {
	const struct st_case *tc;
	struct st_device *dev;
	struct st_device *peer;
	struct dma_rmap *map;
	struct list_head pairs;
	u32 seed;
	atomic_t failed;
	bool unable;
	char why[200];
};

#define ST_SKIPPED	1

__printf(4, 5)
int __st_fail(struct st_test *t, const char *file, int line,
	      const char *fmt, ...);

/**
 * st_fail() - note that the case failed
 * @t: the case; of its failures the first is reported
 * @fmt: what was wrong
 *
 * Context: any.
 * Return: -EBADE, for the case to return.
 */
#define st_fail(t, fmt, ...)						\
	__st_fail(t, kbasename(__FILE__), __LINE__, fmt, ##__VA_ARGS__)

__printf(2, 3)
int st_skip(struct st_test *t, const char *fmt, ...);
__printf(2, 3)
int st_unable(struct st_test *t, const char *fmt, ...);
__printf(2, 3)
void st_note(struct st_test *t, const char *fmt, ...);

static inline bool st_gone(const struct st_test *t)
{
	return READ_ONCE(t->dev->gone) || (t->peer && READ_ONCE(t->peer->gone));
}

bool st_driver_is(const struct ib_device *ibdev, const char *name);

/* The runner. */
struct st_params {
	const char *device;
	const char *cases;
};

int st_run(const struct st_params *params);

/* devices.c */
int st_devices_start(void);
void st_devices_stop(void);
unsigned int st_devices_list(char names[][IB_DEVICE_NAME_MAX],
			     unsigned int max);
struct st_device *st_device_get(const char *name);
struct st_device *st_device_get_peer(const struct st_device *of);
const char *st_device_unready(struct st_device *sd);
void st_device_put(struct st_device *sd);

/* report.c */
int st_report_init(void);
void st_report_exit(void);
void st_report_begin(void);
void st_report_end(void);
__printf(2, 3)
void st_report(unsigned int depth, const char *fmt, ...);
struct seq_file;
void st_report_show(struct seq_file *m);

/* debugfs.c */
void st_debugfs_init(const struct st_params *params);
void st_debugfs_exit(void);

#endif /* SELFTEST_RUNNER_H */
