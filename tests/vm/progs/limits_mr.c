// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions at their edges: sizes from one byte to 1 GiB, memory of all
 * kinds and none, and limits on what a user may pin.
 */
#include "verbs_common.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define PAGE	4096ul
#define GiB	(1ul << 30)
#define HUGE	(2ul << 20)

static void *map_pages(size_t len, int prot, int flags)
{
	void *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags,
		       -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Memory that this process has pinned, in KiB, as the kernel counts it. */
static long pinned(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPin: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib;
}

static struct end the_end;

/* A QP that is its own peer, to move data between regions of its PD. */
static struct end *open_end(void)
{
	end_open(&the_end, device_of(0), &usual);
	end_connect(&the_end, &the_end);
	return &the_end;
}

static bool copy_by_rdma(struct end *end, enum ibv_wr_opcode opcode,
			 struct ibv_mr *local, void *from, struct ibv_mr *remote,
			 void *to, uint32_t len)
{
	struct ibv_sge sge = { (uintptr_t)from, len, local->lkey };

	return !post_rdma(end, 1, opcode, &sge, (uintptr_t)to, remote->rkey) &&
	       expect_wc(__LINE__, end->scq, 1, IBV_WC_SUCCESS, NULL);
}

/* Data goes into the whole region and comes out of it, and no further. */
static void use_region(int line, struct end *end, uint8_t *p, size_t len)
{
	struct ibv_mr *mr = ibv_reg_mr(end->pd, p, len, ALL_ACCESS);
	struct ibv_sge sge;

	if (!expect(mr, line, "%zu bytes: %s", len, strerror(errno)))
		return;
	EXPECT(len <= end->opt.size);
	fill(end->buf, len, 9);
	memset(p, 0, len);
	EXPECT(copy_by_rdma(end, IBV_WR_RDMA_WRITE, end->mr, end->buf, mr, p,
			    len));
	expect(is_filled(p, len, 9), line, "%zu bytes written differ", len);

	fill(p, len, 10);
	memset(end->buf, 0, len);
	EXPECT(copy_by_rdma(end, IBV_WR_RDMA_READ, end->mr, end->buf, mr, p,
			    len));
	expect(is_filled(end->buf, len, 10), line, "%zu bytes read differ",
	       len);

	/* one byte more is too much */
	sge = (struct ibv_sge) { (uintptr_t)end->buf, len + 1, end->mr->lkey };
	if (len < end->opt.size) {
		EXPECT(!post_rdma(end, 2, IBV_WR_RDMA_WRITE, &sge,
				  (uintptr_t)p, mr->rkey));
		expect_wc(line, end->scq, 2, IBV_WC_REM_ACCESS_ERR, NULL);
		EXPECT_EVENT(end->dev, IBV_EVENT_QP_ACCESS_ERR, end->qp);
		EXPECT_EQ(to_state(end->qp, IBV_QPS_RESET), 0);
		end_connect(end, end);
	}
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
}

static void small_regions(void)
{
	static const size_t lengths[] = { 1, 2, 7, 4095, 4096, 4097, 12287,
					  12288, 20001 };
	static const size_t offsets[] = { 0, 1, 2048, 4094, 4095 };
	uint8_t *p = map_pages(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct end *end = open_end();
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		for (j = 0; j < ARRAY_SIZE(offsets); j++)
			use_region(__LINE__, end, p + offsets[j], lengths[i]);
	munmap(p, 16 * PAGE);
	EXPECT_EQ(to_state(end->qp, IBV_QPS_ERR), 0);
	end_close(end);
}

/* The pages around a region are not touched and need not exist. */
static void region_between_holes(void)
{
	uint8_t *p = map_pages(3 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct end *end = open_end();

	munmap(p, PAGE);
	munmap(p + 2 * PAGE, PAGE);
	use_region(__LINE__, end, p + PAGE, PAGE);
	use_region(__LINE__, end, p + PAGE, 1);
	use_region(__LINE__, end, p + 2 * PAGE - 1, 1);
	munmap(p + PAGE, PAGE);
	end_close(end);
}

static void one_gib(void)
{
	static const size_t at[] = { 0, 12345, GiB / 2 - 30000,
				     3 * (GiB / 4) + 1, GiB - 60000 };
	struct end *end = open_end();
	uint64_t start = now_ms();
	struct ibv_mr *mr;
	uint8_t *p;
	size_t i;

	p = map_pages(GiB, PROT_READ | PROT_WRITE, MAP_NORESERVE);
	if (!p)
		bail("no address space");
	mr = ibv_reg_mr(end->pd, p, GiB, ALL_ACCESS);
	if (!EXPECT(mr))
		return;
	printf("# registered in %llu ms\n",
	       (unsigned long long)(now_ms() - start));
	EXPECT(pinned() >= (long)(GiB / 1024));
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		fill(end->buf, 60000, i);
		EXPECT(copy_by_rdma(end, IBV_WR_RDMA_WRITE, end->mr, end->buf,
				    mr, p + at[i], 60000));
		EXPECT(is_filled(p + at[i], 60000, i));
		memset(end->buf, 0, 60000);
		EXPECT(copy_by_rdma(end, IBV_WR_RDMA_READ, end->mr, end->buf,
				    mr, p + at[i], 60000));
		EXPECT(is_filled(end->buf, 60000, i));
	}
	/* half of it to the other half, in one message */
	EXPECT(copy_by_rdma(end, IBV_WR_RDMA_WRITE, mr, p, mr, p + GiB / 2,
			    GiB / 2));
	EXPECT(is_filled(p + GiB / 2 + 12345, 60000, 1));
	EXPECT(!memcmp(p, p + GiB / 2, GiB / 2));
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, GiB);
	end_close(end);
	EXPECT_EQ(pinned(), 0);
}

static void huge_pages(void)
{
	struct end *end = open_end();
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "w");
	uint8_t *p;

	if (file) {
		fprintf(file, "8\n");
		fclose(file);
	}
	p = map_pages(4 * HUGE, PROT_READ | PROT_WRITE, MAP_HUGETLB);
	if (EXPECT_F(p, "no huge pages: %s", strerror(errno))) {
		use_region(__LINE__, end, p, 60000);
		use_region(__LINE__, end, p + HUGE - 30001, 60000);
		use_region(__LINE__, end, p + 3 * HUGE - 1, 2);
		munmap(p, 4 * HUGE);
	}
	file = fopen("/proc/sys/vm/nr_hugepages", "w");
	if (file) {
		fprintf(file, "0\n");
		fclose(file);
	}

	/* transparent ones */
	p = map_pages(8 * HUGE, PROT_READ | PROT_WRITE, 0);
	madvise(p, 8 * HUGE, MADV_HUGEPAGE);
	memset(p, 1, 8 * HUGE);
	use_region(__LINE__, end, p + 3 * HUGE - 30001, 60000);
	munmap(p, 8 * HUGE);
	end_close(end);
}

static void expect_refused(int line, struct ibv_pd *pd, void *p, size_t len,
			   int access, int error)
{
	struct ibv_mr *mr;

	errno = 0;
	mr = ibv_reg_mr(pd, p, len, access);
	expect(!mr, line, "%zu bytes at %p are accepted", len, p);
	if (mr)
		ibv_dereg_mr(mr);
	else
		expect_errno(line, errno, error, "ibv_reg_mr");
}

#define EXPECT_REFUSED(p, len, access, error) \
	expect_refused(__LINE__, end->pd, p, len, access, error)

static void memory_that_is_not_there(void)
{
	uint8_t *p = map_pages(5 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct end *end = open_end();
	long before = pinned();

	munmap(p + 3 * PAGE, PAGE);
	EXPECT_REFUSED(p + 3 * PAGE, PAGE, ALL_ACCESS, EFAULT);
	EXPECT_REFUSED(p, 4 * PAGE, ALL_ACCESS, EFAULT);
	EXPECT_REFUSED(p + 3 * PAGE - 1, 2, 0, EFAULT);
	EXPECT_REFUSED(p + 4 * PAGE - 1, 2, 0, EFAULT);
	EXPECT_REFUSED(NULL, 1, 0, EFAULT);
	EXPECT_REFUSED((void *)0x8000000000000000, 4096, 0, EFAULT);
	EXPECT_REFUSED((void *)0xffffffff80000000, 4096, 0, EFAULT);
	EXPECT_REFUSED((void *)0xfffffffffffff000, 4096, 0, EINVAL);
	EXPECT_REFUSED((void *)0xffffffffffffffff, 2, 0, EINVAL);
	EXPECT_REFUSED(p, SIZE_MAX, 0, EINVAL);
	EXPECT_REFUSED(p, SIZE_MAX - (uintptr_t)p, 0, EINVAL);
	EXPECT_REFUSED(p, 0, 0, EINVAL);

	mprotect(p, PAGE, PROT_NONE);
	EXPECT_REFUSED(p, PAGE, ALL_ACCESS, EFAULT);
	EXPECT_EQ(pinned(), before);
	munmap(p, 3 * PAGE);
	munmap(p + 4 * PAGE, PAGE);
	end_close(end);
}

/* It may be read but not written, and so may the region. */
static void read_only_memory(void)
{
	uint8_t *p = map_pages(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct end *end = open_end();
	struct ibv_mr *mr;

	fill(p, 4 * PAGE, 33);
	mprotect(p, 4 * PAGE, PROT_READ);
	EXPECT_REFUSED(p, 4 * PAGE, IBV_ACCESS_LOCAL_WRITE, EFAULT);
	EXPECT_REFUSED(p, 4 * PAGE, ALL_ACCESS, EFAULT);
	mr = ibv_reg_mr(end->pd, p, 4 * PAGE, IBV_ACCESS_REMOTE_READ);
	if (EXPECT(mr)) {
		EXPECT(copy_by_rdma(end, IBV_WR_RDMA_READ, end->mr, end->buf,
				    mr, p, 4 * PAGE));
		EXPECT(is_filled(end->buf, 4 * PAGE, 33));
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
	}
	munmap(p, 4 * PAGE);
	end_close(end);
}

static void bad_access(void)
{
	struct end *end = open_end();

	EXPECT_REFUSED(end->buf, 100, IBV_ACCESS_REMOTE_WRITE, EINVAL);
	EXPECT_REFUSED(end->buf, 100, IBV_ACCESS_REMOTE_ATOMIC, EINVAL);
	errno = 0;
	EXPECT(!ibv_reg_mr(end->pd, end->buf, 100, 1 << 19));
	EXPECT_F(errno == EINVAL || errno == EOPNOTSUPP, "%s",
		 strerror(errno));
	end_close(end);
}

/* The address in work requests is another than that in memory. */
static void other_iova(void)
{
	/* the core asks for the same offset in a page */
	static const uint64_t iovas[] = { 77, 4096 + 77, 0xabcdef012345604d,
					  0xffffffffffffe04d };
	struct end *end = open_end();
	struct ibv_mr *mr;
	struct ibv_sge sge;
	uint8_t *p;
	size_t i;

	p = map_pages(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	for (i = 0; i < ARRAY_SIZE(iovas); i++) {
		mr = ibv_reg_mr_iova(end->pd, p + 77, 5000, iovas[i],
				     ALL_ACCESS);
		if (!EXPECT_F(mr, "iova %llx: %s",
			      (unsigned long long)iovas[i], strerror(errno)))
			continue;
		fill(end->buf, 5000, i);
		memset(p, 0, 4 * PAGE);
		sge = sge_of(end, 0, 5000);
		EXPECT_EQ(post_rdma(end, 1, IBV_WR_RDMA_WRITE, &sge, iovas[i],
				    mr->rkey), 0);
		EXPECT_WC(end->scq, 1, SUCCESS);
		EXPECT(is_filled(p + 77, 5000, i));
		EXPECT(!p[76] && !p[5077]);
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
	}
#define NO_REGION(offset, len, iova) do {				\
	errno = 0;							\
	EXPECT(!ibv_reg_mr_iova(end->pd, p + offset, len, iova,		\
				ALL_ACCESS));				\
	EXPECT_ERRNO(errno, EINVAL);					\
} while (0)
	NO_REGION(77, 5000, 78);
	NO_REGION(77, 5000, 0xfffffffffffff04d);
	NO_REGION(0, 8192, 0xfffffffffffff000);
	munmap(p, 4 * PAGE);
	end_close(end);
}

/*
 * Without CAP_IPC_LOCK the limit on locked memory holds. The kernel takes no
 * commands from who has given up a capability since it opened the device, so
 * this is another process.
 */
static void give_up_ipc_lock(void)
{
	struct __user_cap_header_struct hdr = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &hdr, data))
		bail("capget");
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &hdr, data))
		bail("capset");
}

static void memlock_in_child(void)
{
	const struct rlimit few = { 64 * 1024, 64 * 1024 };
	struct options opt = usual;
	struct ibv_mr *mr[2];
	struct device dev = { 0 };
	struct end *end = &the_end;
	uint8_t *p;

	give_up_ipc_lock();
	EXPECT_EQ(setrlimit(RLIMIT_MEMLOCK, &few), 0);
	device_open(&dev, device_of(0)->name);
	p = map_pages(64 * PAGE, PROT_READ | PROT_WRITE, 0);
	opt.size = PAGE;
	end_open(end, &dev, &opt);
	EXPECT_EQ(ibv_dereg_mr(end->mr), 0);
	end->mr = NULL;

	EXPECT_REFUSED(p, 17 * PAGE, ALL_ACCESS, ENOMEM);
	EXPECT_REFUSED(p + 1, 16 * PAGE, ALL_ACCESS, ENOMEM);
	EXPECT_REFUSED(p, 64 * PAGE, ALL_ACCESS, ENOMEM);
	mr[0] = ibv_reg_mr(end->pd, p, 16 * PAGE, ALL_ACCESS);
	EXPECT_F(mr[0], "%s", strerror(errno));
	EXPECT_EQ(pinned(), 64);
	EXPECT_REFUSED(p + 32 * PAGE, 1, 0, ENOMEM);
	if (mr[0])
		EXPECT_EQ(ibv_dereg_mr(mr[0]), 0);
	EXPECT_EQ(pinned(), 0);

	/* a page that is pinned twice counts twice */
	mr[0] = ibv_reg_mr(end->pd, p + 1, 14 * PAGE, ALL_ACCESS);
	EXPECT(mr[0]);
	mr[1] = ibv_reg_mr(end->pd, p, PAGE, 0);
	EXPECT(mr[1]);
	EXPECT_REFUSED(p, PAGE, 0, ENOMEM);
	if (mr[0])
		EXPECT_EQ(ibv_dereg_mr(mr[0]), 0);
	if (mr[1])
		EXPECT_EQ(ibv_dereg_mr(mr[1]), 0);
	EXPECT_EQ(pinned(), 0);
	end_close(end);
	ibv_close_device(dev.ctx);
}

static void memlock(void)
{
	pid_t child = fork();
	int status;

	if (!child) {
		memlock_in_child();
		_exit(case_failed);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
}

/* Thousands of them over the same page, and no key twice. */
static void many_regions(void)
{
	enum { N = 8192 };
	struct end *end = open_end();
	struct ibv_mr **mr = calloc(N, sizeof(*mr));
	uint32_t old;
	int i;

	for (i = 0; i < N; i++) {
		mr[i] = ibv_reg_mr(end->pd, end->buf + i % 4000, 96,
				   ALL_ACCESS);
		if (!EXPECT_F(mr[i], "after %d: %s", i, strerror(errno)))
			break;
	}
	if (i == N) {
		for (i = 0; i < N; i += 511) {
			fill(end->buf + 10000, 96, i);
			EXPECT(copy_by_rdma(end, IBV_WR_RDMA_WRITE, end->mr,
					    end->buf + 10000, mr[i],
					    mr[i]->addr, 96));
			EXPECT(is_filled(mr[i]->addr, 96, i));
		}
	}
	for (i = 0; i < N && mr[i]; i++)
		EXPECT_EQ(ibv_dereg_mr(mr[i]), 0);

	/* a key is not given out again at once */
	mr[0] = ibv_reg_mr(end->pd, end->buf, 96, ALL_ACCESS);
	old = mr[0]->rkey;
	EXPECT_EQ(ibv_dereg_mr(mr[0]), 0);
	mr[0] = ibv_reg_mr(end->pd, end->buf, 96, ALL_ACCESS);
	EXPECT(mr[0]->rkey != old);
	EXPECT_EQ(ibv_dereg_mr(mr[0]), 0);
	free(mr);
	end_close(end);
}

/* The pages stay the region's when the process has let go of them. */
static void memory_unmapped_later(void)
{
	uint8_t *p = map_pages(16 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct end *end = open_end();
	struct ibv_mr *mr;
	uint8_t *q;

	fill(p, 16 * PAGE, 4);
	mr = ibv_reg_mr(end->pd, p, 16 * PAGE, ALL_ACCESS);
	if (!EXPECT(mr))
		return;
	munmap(p, 16 * PAGE);
	q = mmap(p, 16 * PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	EXPECT(q == p);
	memset(q, 0x55, 16 * PAGE);
	EXPECT(copy_by_rdma(end, IBV_WR_RDMA_READ, end->mr, end->buf, mr, p,
			    16 * PAGE));
	EXPECT(is_filled(end->buf, 16 * PAGE, 4));
	EXPECT(copy_by_rdma(end, IBV_WR_RDMA_WRITE, end->mr, end->buf, mr, p,
			    16 * PAGE));
	EXPECT(q[0] == 0x55 && q[16 * PAGE - 1] == 0x55);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(q, 16 * PAGE);
	end_close(end);
	EXPECT_EQ(pinned(), 0);
}

/* A child does not take the pages along, though the parent writes to them. */
static void fork_and_write(void)
{
	uint8_t *p = map_pages(4 * PAGE, PROT_READ | PROT_WRITE, 0);
	struct end *end = open_end();
	struct ibv_mr *mr;
	pid_t child;

	fill(p, 4 * PAGE, 1);
	mr = ibv_reg_mr(end->pd, p, 4 * PAGE, ALL_ACCESS);
	child = fork();
	if (!child) {
		memset(p, 0xcc, 4 * PAGE);
		pause();
		_exit(0);
	}
	fill(p, 4 * PAGE, 2);
	EXPECT(copy_by_rdma(end, IBV_WR_RDMA_READ, end->mr, end->buf, mr, p,
			    4 * PAGE));
	EXPECT(is_filled(end->buf, 4 * PAGE, 2));
	fill(end->buf, 4 * PAGE, 3);
	EXPECT(copy_by_rdma(end, IBV_WR_RDMA_WRITE, end->mr, end->buf, mr, p,
			    4 * PAGE));
	EXPECT(is_filled(p, 4 * PAGE, 3));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, 4 * PAGE);
	end_close(end);
}

/* Memory of a file: shared, and of a file that may only be read. */
static void file_memory(void)
{
	char name[] = "/dev/shm/limits-XXXXXX";
	struct end *end = open_end();
	uint8_t *p, *q;
	int fd, ro;

	fd = mkstemp(name);
	if (fd < 0 || ftruncate(fd, 64 * PAGE))
		bail("no file");
	p = mmap(NULL, 32 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, 32 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	EXPECT(p != MAP_FAILED && q != MAP_FAILED);
	use_region(__LINE__, end, p + 100, 60000);
	EXPECT(is_filled(q + 100, 60000, 10));
	EXPECT_REFUSED(q, 100, IBV_ACCESS_LOCAL_WRITE, EFAULT);
	munmap(p, 32 * PAGE);
	munmap(q, 32 * PAGE);
	ro = open(name, O_RDONLY);
	p = mmap(NULL, 32 * PAGE, PROT_READ, MAP_SHARED, ro, 0);
	EXPECT_REFUSED(p, 100, IBV_ACCESS_LOCAL_WRITE, EFAULT);
	/* beyond the end of the file */
	munmap(p, 32 * PAGE);
	p = mmap(NULL, 128 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	EXPECT_REFUSED(p, 128 * PAGE, IBV_ACCESS_LOCAL_WRITE, EFAULT);
	munmap(p, 128 * PAGE);
	close(ro);
	close(fd);
	unlink(name);
	end_close(end);
	EXPECT_EQ(pinned(), 0);
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("regions from 1 byte, across pages", small_regions),
	CASE_ONE_DEVICE("a page between holes", region_between_holes),
	CASE_LARGE("a region of 1 GiB", one_gib),
	CASE_ONE_DEVICE("huge pages", huge_pages),
	CASE_ONE_DEVICE("memory that is not there", memory_that_is_not_there),
	CASE_ONE_DEVICE("memory that may only be read", read_only_memory),
	CASE_ONE_DEVICE("access that cannot be granted", bad_access),
	CASE_ONE_DEVICE("addresses of their own", other_iova),
	CASE_ONE_DEVICE("the limit on locked memory", memlock),
	CASE_LARGE("8192 regions", many_regions),
	CASE_ONE_DEVICE("memory unmapped after its registration",
			memory_unmapped_later),
	CASE_ONE_DEVICE("a child process, and copy on write", fork_and_write),
	CASE_ONE_DEVICE("memory of files", file_memory),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
