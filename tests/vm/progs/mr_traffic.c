// SPDX-License-Identifier: GPL-2.0
/*
 * On-demand paging under traffic: the memory is taken away all the time, by
 * everything at once, and each byte that is moved must be right; processes end
 * while their memory is used.
 */
#include "mr_common.h"

#include <sched.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

#define AREA	(4 * MiB)
#define CHUNK	(60 * KiB)

static bool stop;
static uint8_t *area;		/* of memory that keeps what is written */
static int area_fd;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

/* Each takes the memory away in its own way, and the data stays. */

static void *takes_mappings(void *arg)
{
	unsigned int seed = 1;
	long n = 0;
	size_t at;

	(void)arg;
	for (; !stopped(); n++) {
		at = rand_r(&seed) % (AREA / PAGE) * PAGE;
		switch (n % 3) {
		case 0:
			madvise(area + at, AREA - at, MADV_DONTNEED);
			break;
		case 1:
			/* the same file mapped over itself */
			mmap(area + at, AREA - at, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_FIXED, area_fd, at);
			break;
		case 2:
			madvise(area, AREA, MADV_COLLAPSE);
			break;
		}
		if (n % 16 == 0)
			usleep(500);
	}
	return (void *)n;
}

static void *forks(void *arg)
{
	long n = 0;
	pid_t child;

	(void)arg;
	for (; !stopped(); n++) {
		child = fork();
		if (!child)
			_exit(0);
		if (child < 0 || waitpid(child, NULL, 0) != child)
			return (void *)-1;
	}
	return (void *)n;
}

static void *compacts(void *arg)
{
	int fd = open("/proc/sys/vm/compact_memory", O_WRONLY);
	long n = 0;

	(void)arg;
	for (; fd >= 0 && !stopped(); n++) {
		if (write(fd, "1", 1) != 1)
			break;
		usleep(20000);
	}
	if (fd >= 0)
		close(fd);
	return (void *)n;
}

/* Writes to one memory and reads of another, each somewhere in it. */
static long move_data(struct end *end, uint8_t *p, const struct ibv_mr *mr,
		      int ms)
{
	uint64_t until = now_ms() + ms;
	unsigned int seed = 7;
	size_t at, len;
	long n = 0;

	for (; now_ms() < until && !case_failed; n++) {
		len = rand_r(&seed) % CHUNK + 1;
		at = rand_r(&seed) % (AREA - len);
		fill(end->buf, len, n);
		if (!RDMA_WRITE(end, len, p + at, mr->rkey))
			break;
		memset(end->buf, 0, len);
		if (!RDMA_READ(end, len, p + at, mr->rkey))
			break;
		EXPECT(is_filled(end->buf, len, n));
		EXPECT(is_filled(p + at, len, n));
	}
	return n;
}

static void everything_at_once(uint8_t *p, const char *what,
			       void *(*taker)(void *))
{
	struct end *end = open_end();
	struct ibv_mr *mr = REG(end->pd, p, AREA, ODP_ACCESS);
	pthread_t threads[3];
	void *n[3];
	long moved;
	int i;

	stop = false;
	pthread_create(&threads[0], NULL, taker, NULL);
	pthread_create(&threads[1], NULL, forks, NULL);
	pthread_create(&threads[2], NULL, compacts, NULL);
	moved = move_data(end, p, mr, 3000);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], &n[i]);
	printf("# %ld round trips, %ld %s, %ld forks, %ld compactions\n", moved,
	       (long)n[0], what, (long)n[1], (long)n[2]);
	EXPECT(moved > 3 && (long)n[0] > 3 && (long)n[1] > 3);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	end_close(end);
}

static void shared_file(void)
{
	area_fd = memory_file(AREA);
	area = map_pages(AREA, PROT_READ | PROT_WRITE, MAP_SHARED, area_fd);
	everything_at_once(area, "mappings changed", takes_mappings);
	munmap(area, AREA);
	close(area_fd);
}

static void *changes_private(void *arg)
{
	long n = 0;

	(void)arg;
	for (; !stopped(); n++) {
		/* to huge pages and back */
		madvise(area, AREA, MADV_COLLAPSE);
		mprotect(area + n % 1000 * PAGE, PAGE,
			 PROT_READ | PROT_WRITE | PROT_EXEC);
		usleep(500);
		mprotect(area, AREA, PROT_READ | PROT_WRITE);
	}
	return (void *)n;
}

/* Private memory, with copy on write after each fork. */
static void private_memory(void)
{
	uint8_t *p = fresh_pages(AREA + HUGE);

	area = (uint8_t *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	madvise(area, AREA, MADV_HUGEPAGE);
	everything_at_once(area, "collapses", changes_private);
	munmap(p, AREA + HUGE);
}

/* Regions come and go while what they bring in is in use. */
static void deregistered(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(AREA);
	struct ibv_mr *mr, *all = REG(end->pd, p, AREA, ODP_ACCESS);
	/* more than is done within the call that posts it */
	struct ibv_sge sge = { (uintptr_t)p, AREA / 2, all->lkey };
	struct ibv_wc wc;
	int i, good = 0;

	for (i = 0; i < 100; i++) {
		mr = REG(end->pd, p, AREA, ODP_ACCESS);
		EXPECT_EQ(post_rdma(end, 1, IBV_WR_RDMA_WRITE, &sge,
				    (uintptr_t)p + AREA / 2 - i * PAGE,
				    mr->rkey), 0);
		if (i & 1)
			usleep(i * 20);
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
		memset(&wc, 0, sizeof(wc));
		EXPECT(next_wc(end->scq, SOON_MS, &wc));
		good += wc.status == IBV_WC_SUCCESS;
		if (wc.status == IBV_WC_REM_ACCESS_ERR) {
			EXPECT_EVENT(end->dev, IBV_EVENT_QP_ACCESS_ERR,
				     end->qp);
			connect_again(end);
		}
		if (i % 10 == 0)
			madvise(p, AREA, MADV_DONTNEED);
	}
	printf("# %d of %d done before\n", good, i);
	EXPECT_EQ(ibv_dereg_mr(all), 0);
	munmap(p, AREA);
	end_close(end);
}

/* What a process tells another one that shall use its memory. */
struct offer {
	union ibv_gid gid;
	uint32_t qpn, rkey;
	uint64_t addr;
};

static void connect_to(struct end *end, const struct offer *to)
{
	struct ibv_qp_attr rtr = rtr_attr(end, &to->gid, to->qpn);

	if (to_init(end->qp, &end->opt) ||
	    ibv_modify_qp(end->qp, &rtr, RTR_MASK) || to_rts(end))
		bail("QP does not reach RTS");
}

/* The process whose memory it is; it says what it offers, and is killed. */
static void be_used(const char *name, int in, int out)
{
	static struct device dev;
	struct options opt = usual;
	struct offer mine, theirs;
	struct end end;
	uint8_t *p;

	device_open(&dev, name);
	opt.size = PAGE;
	end_open(&end, &dev, &opt);
	p = fresh_pages(AREA);
	mine = (struct offer) {
		.gid = dev.gid, .qpn = end.qp->qp_num, .addr = (uintptr_t)p,
		.rkey = REG(end.pd, p, AREA, ODP_ACCESS)->rkey,
	};
	if (write(out, &mine, sizeof(mine)) != sizeof(mine) ||
	    read(in, &theirs, sizeof(theirs)) != sizeof(theirs))
		_exit(1);
	connect_to(&end, &theirs);
	if (write(out, "x", 1) != 1)
		_exit(1);
	for (;;)
		madvise(p, AREA, MADV_DONTNEED);
}

static void killed_once(int after_ms)
{
	int to[2], from[2], status;
	struct offer mine, theirs;
	struct ibv_sge sge;
	struct ibv_wc wc;
	struct end end;
	uint64_t until;
	pid_t child;
	char byte;
	long n;

	if (pipe(to) || pipe(from))
		bail("pipe");
	child = fork();
	if (!child) {
		be_used(device_of(0)->name, to[0], from[1]);
		_exit(1);
	}
	end_open(&end, device_of(0), &usual);
	EXPECT_EQ(read(from[0], &theirs, sizeof(theirs)), sizeof(theirs));
	mine = (struct offer) { .gid = end.dev->gid, .qpn = end.qp->qp_num };
	connect_to(&end, &theirs);
	EXPECT_EQ(write(to[1], &mine, sizeof(mine)), sizeof(mine));
	EXPECT_EQ(read(from[0], &byte, 1), 1);
	sge = sge_of(&end, 0, CHUNK);
	until = now_ms() + after_ms;
	for (n = 0; n < 1000000; n++) {
		EXPECT_EQ(post_rdma(&end, n, IBV_WR_RDMA_WRITE, &sge,
				    theirs.addr + n % 60 * CHUNK / 2,
				    theirs.rkey), 0);
		memset(&wc, 0, sizeof(wc));
		if (!EXPECT(next_wc(end.scq, SOON_MS, &wc)) || wc.status)
			break;
		if (until && now_ms() >= until) {
			kill(child, SIGKILL);
			until = 0;
		}
	}
	/* killed, it answers nothing, or has no memory any more */
	EXPECT_F(wc.status == IBV_WC_RETRY_EXC_ERR ||
		 wc.status == IBV_WC_REM_ACCESS_ERR, "%s",
		 ibv_wc_status_str(wc.status));
	EXPECT(!until && n > 0);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(to[0]);
	close(to[1]);
	close(from[0]);
	close(from[1]);
	end_close(&end);
}

static void killed(void)
{
	killed_once(1);
	killed_once(50);
	killed_once(200);
}

/* A process that has the device of its parent, and dies with its sends. */
static void sender_ends(void)
{
	int status, i;
	pid_t child;

	for (i = 0; i < 4; i++) {
		child = fork();
		if (!child) {
			static struct device dev;
			struct ibv_sge sge;
			struct ibv_mr *mr;
			struct end end;
			uint8_t *p;
			int j;

			device_open(&dev, device_of(0)->name);
			end_open(&end, &dev, &usual);
			end_connect(&end, &end);
			p = fresh_pages(64 * MiB);
			mr = REG(end.pd, p, 64 * MiB, ODP_ACCESS);
			sge = (struct ibv_sge) { (uintptr_t)p, 32 * MiB,
						 mr->lkey };
			for (j = 0; j < 8; j++)
				post_rdma(&end, j, IBV_WR_RDMA_WRITE, &sge,
					  (uintptr_t)p + 32 * MiB, mr->rkey);
			if (i & 1)
				munmap(p, 64 * MiB);
			_exit(0);
		}
		EXPECT_EQ(waitpid(child, &status, 0), child);
		EXPECT_EQ(status, 0);
	}
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("taken away under traffic: a shared file", shared_file),
	CASE_ONE_DEVICE("taken away under traffic: private memory",
			private_memory),
	CASE_ONE_DEVICE("deregistered under traffic", deregistered),
	CASE_ONE_DEVICE("a process is killed whose memory is used", killed),
	CASE_ONE_DEVICE("a process ends with its requests under way",
			sender_ends),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
