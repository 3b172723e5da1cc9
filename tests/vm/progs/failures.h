/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failures of allocations, one by one, inside single operations. Included once,
 * by each program's one source, after its other headers.
 *
 * What is written to a thread's fail-nth makes the n-th call of it fail from
 * there on that the kernel asks "shall this fail?" of: a slab allocation, a
 * page allocation or a copy from or to user space (the latter cannot be left
 * out). An operation is done with n = 1, 2, 3... until it is over before the
 * n-th. If it fails its errno must say why, and it must succeed when it is done
 * again. The kernel's work queues do not fail here.
 */
#ifndef FAILURES_H
#define FAILURES_H

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/mman.h>

/* An attempt that takes longer than this hangs. */
#define PATIENCE_S	60
#define MAX_NTH		30000

enum {
	/* perhaps it allocates nothing and copies nothing */
	MAY_NOT_ASK = 1,
	/* a failure takes along what it was tried on: after() and before() */
	RENEW = 2,
	/* the copy that fails can be that of the result: it is done already */
	MAY_BE_DONE = 4,
	/* asks so often that not each n is tried */
	LEAP = 8,
};

/**
 * struct operation - what failures are injected into
 * @name: of the result
 * @before: prepares, with nothing failing; or NULL
 * @run: the operation; returns 0 or an errno
 * @after: undoes all that @run and @before have done; or NULL
 * @also: an errno that it may fail with, besides ENOMEM, ENOBUFS and EFAULT
 * @flags: of those above
 */
struct operation {
	const char *name;
	void (*before)(void);
	int (*run)(void);
	void (*after)(void);
	int also;
	int flags;
};

static int fail_nth_fd = -1;
static bool armed, was_hit;
static const struct operation *current_operation;
static unsigned int current_nth;

static inline void hangs(int signal)
{
	char text[200];
	int len = snprintf(text, sizeof(text), "# %s hangs, n = %u\n",
			   current_operation->name, current_nth);

	(void)signal;
	if (write(1, text, len) < 0)
		_exit(4);
	_exit(3);
}

/*
 * Memory of the C library is there before, so that no operation has to ask the
 * kernel for that as well.
 */
static inline void failures_begin(void)
{
	void *heap;

	setvbuf(stdout, NULL, _IOLBF, 0);
	mallopt(M_MMAP_THRESHOLD, 1 << 30);
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	heap = malloc(32 << 20);
	if (!heap)
		bail("no memory");
	memset(heap, 1, 32 << 20);
	free(heap);
	if (mlockall(MCL_CURRENT))
		bail("mlockall");

	fail_nth_fd = open("/proc/thread-self/fail-nth", O_RDWR);
	if (fail_nth_fd < 0)
		bail("this kernel injects no failures");
	signal(SIGALRM, hangs);
}

static inline void arm(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(fail_nth_fd, text, len, 0) != len)
		bail("fail-nth");
	armed = true;
}

/*
 * Nothing fails any more. Has something failed? An operation that has more to
 * do than what is to fail may call this itself.
 */
static inline bool disarm(void)
{
	char text[16] = "";

	if (!armed)
		return was_hit;
	armed = false;
	/*
	 * Copying the number here asks as well, and fails if the number is 1:
	 * then it has not come to that before.
	 */
	was_hit = pread(fail_nth_fd, text, sizeof(text) - 1, 0) > 0 &&
		  atoi(text) == 0;
	while (pwrite(fail_nth_fd, "0", 1, 0) != 1)
		;
	return was_hit;
}

/* How many failures of each kind there have been; the scenario sets @times. */
struct injected {
	long slab, page, copy;
};

static inline long injected_of(const char *kind)
{
	char path[100], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/times", kind);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		bail("%s", path);
	close(fd);
	return -atol(text);
}

static inline struct injected injected(void)
{
	return (struct injected) {
		.slab = injected_of("failslab"),
		.page = injected_of("fail_page_alloc"),
		.copy = injected_of("fail_usercopy"),
	};
}

static inline int run_armed(const struct operation *op, unsigned int n,
			    bool *hit)
{
	int err;

	current_operation = op;
	current_nth = n;
	alarm(PATIENCE_S);
	arm(n);
	err = op->run();
	*hit = disarm();
	alarm(0);
	return err;
}

static inline int run_plain(const struct operation *op)
{
	int err;

	alarm(PATIENCE_S);
	err = op->run();
	alarm(0);
	return err;
}

static inline bool says_gone(int err)
{
	return err == EINVAL || err == ENOENT || err == EBADF;
}

/* It has failed: for that reason, and does it work now? */
static inline void expect_recovery(const struct operation *op, unsigned int n,
				   int err)
{
	int again;

	/* routes have no buffer space rather than no memory */
	EXPECT_F(err == ENOMEM || err == ENOBUFS || err == EFAULT ||
		 (op->also && err == op->also), "n = %u: %s", n, strerror(err));
	if (op->flags & RENEW) {
		if (op->after)
			op->after();
		if (op->before)
			op->before();
	}
	again = run_plain(op);
	if (again && err == EFAULT && (op->flags & MAY_BE_DONE) &&
	    says_gone(again))
		return;
	EXPECT_F(!again, "n = %u: failed (%s), and again with nothing failing: %s",
		 n, strerror(err), strerror(again));
}

/* One result. */
static inline void inject(const struct operation *op)
{
	struct injected first = injected(), last;
	unsigned int n = 1, hits = 0, failed = 0;
	bool hit;
	int err;

	case_failed = false;
	for (;;) {
		if (op->before)
			op->before();
		err = run_armed(op, n, &hit);
		hits += hit;
		failed += !!err;
		if (err && !hit)
			EXPECT_F(false, "n = %u: %s, though nothing has failed",
				 n, strerror(err));
		else if (err)
			expect_recovery(op, n, err);
		if (op->after)
			op->after();
		if (!hit)
			break;
		n += 1 + (op->flags & LEAP ? n / 8 : 0);
		if (!EXPECT_F(n <= MAX_NTH, "there is no end to it"))
			break;
	}
	last = injected();
	printf("# %s: %u injected (%ld slab, %ld page, %ld copy), failed %u times\n",
	       op->name, hits, last.slab - first.slab, last.page - first.page,
	       last.copy - first.copy, failed);
	if (!(op->flags & MAY_NOT_ASK))
		EXPECT_F(hits > 0, "nothing was injected");
	EXPECT_F(last.slab - first.slab + last.page - first.page +
		 last.copy - first.copy >= hits, "the kernel has counted less");
	printf("%s %d - %s\n", case_failed ? "not ok" : "ok", ++results,
	       op->name);
	failed_results += case_failed;
}

/* The operations whose names match; the program's status. */
static inline int inject_all(const struct operation *ops, size_t n,
			     const char *pattern)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!fnmatch(pattern, ops[i].name, 0))
			inject(&ops[i]);
	return failed_results ? 1 : 0;
}

/* Verbs answer with an errno, with -1 and errno, or with a negative one. */
static inline int errno_of(int ret)
{
	if (ret == -1)
		return errno ? errno : EIO;
	return abs(ret);
}

static inline int errno_unless(const void *object)
{
	if (object)
		return 0;
	return errno ? errno : EIO;
}

#endif /* FAILURES_H */
