// SPDX-License-Identifier: GPL-2.0
/*
 * Pinned regions of all kinds of memory: files, shared memory, addresses from 0
 * on, and access flags that ask for nothing here.
 */
#include "mr_common.h"

static void shared_memory(void)
{
	struct end *end = open_end();
	int fd = memory_file(MiB);
	uint8_t *p = map_pages(MiB, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	uint8_t *q = map_pages(MiB, PROT_READ, MAP_SHARED, fd);
	struct ibv_mr *mr = REG(end->pd, p + 100, MiB - 100, ALL_ACCESS);
	uint8_t *back = malloc(60000);
	int status;
	pid_t child;

	fill(end->buf, 60000, 1);
	RDMA_WRITE(end, 60000, p + 100, mr->rkey);
	EXPECT(is_filled(q + 100, 60000, 1));
	EXPECT_EQ(pread(fd, back, 60000, 100), 60000);
	EXPECT(is_filled(back, 60000, 1));

	/* another process writes, the region reads */
	child = fork();
	if (!child) {
		int again = open("/proc/self/fd", O_RDONLY);

		fill(back, 60000, 2);
		_exit(pwrite(fd, back, 60000, 200) != 60000 || again < 0);
	}
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	RDMA_READ(end, 60000, p + 200, mr->rkey);
	EXPECT(is_filled(end->buf, 60000, 2));
	/* the region keeps the memory when the process lets go of it */
	munmap(p, MiB);
	fill(end->buf, 60000, 3);
	RDMA_WRITE(end, 60000, p + 100, mr->rkey);
	EXPECT(is_filled(q + 100, 60000, 3));
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(q, MiB);
	close(fd);
	free(back);
	end_close(end);
}

/* What may only be read is registered without write access, or not at all. */
static void read_only(void)
{
	struct end *end = open_end();
	char path[] = "/tmp/mr_kinds.XXXXXX";
	int fd = mkstemp(path);
	struct ibv_mr *mr;
	uint8_t *p;

	fill(end->buf, 60000, 4);
	if (fd < 0 || write(fd, end->buf, 60000) != 60000)
		bail("file");
	close(fd);
	fd = open(path, O_RDONLY);
	p = map_pages(60000, PROT_READ, MAP_PRIVATE, fd);
	mr = REG(end->pd, p, 60000, IBV_ACCESS_REMOTE_READ);
	memset(end->buf, 0, 60000);
	RDMA_READ(end, 60000, p, mr->rkey);
	EXPECT(is_filled(end->buf, 60000, 4));
	WRITE_REFUSED(end, 100, p, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT_NO_REG(end->pd, p, 60000, ALL_ACCESS, EFAULT);
	EXPECT_NO_REG(end->pd, p, 60000, IBV_ACCESS_LOCAL_WRITE, EFAULT);
	munmap(p, 60000);

	p = map_pages(60000, PROT_READ, MAP_SHARED, fd);
	EXPECT_NO_REG(end->pd, p, 60000, ALL_ACCESS, EFAULT);
	/* before 6.2 the kernel wants to write to whatever it pins */
	mr = ibv_reg_mr(end->pd, p, 60000, IBV_ACCESS_REMOTE_READ);
	if (mr) {
		memset(end->buf, 0, 60000);
		RDMA_READ(end, 60000, p, mr->rkey);
		EXPECT(is_filled(end->buf, 60000, 4));
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
	} else {
		EXPECT_ERRNO(errno, EFAULT);
		printf("# this kernel pins no shared file that may only be read\n");
	}
	munmap(p, 60000);
	close(fd);
	unlink(path);
	end_close(end);
}

static void zero_based(void)
{
	static const int kinds[] = { 0, IBV_ACCESS_ON_DEMAND };
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB);
	struct ibv_mr *mr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		mr = REG(end->pd, p + 77, 70000,
			 ALL_ACCESS | IBV_ACCESS_ZERO_BASED | kinds[i]);
		USE_RANGE(end, p + 77, 60000, 0, mr->rkey);
		USE_RANGE(end, p + 77 + 12345, 5000, 12345, mr->rkey);
		READ_REFUSED(end, 2, 69999, mr->rkey);
		READ_REFUSED(end, 2, p + 77, mr->rkey);
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
	}
	munmap(p, MiB);
	end_close(end);
}

static void relaxed_ordering(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB);
	struct ibv_mr *mr;

	mr = REG(end->pd, p, MiB, ALL_ACCESS | IBV_ACCESS_RELAXED_ORDERING);
	USE_RANGE(end, p + 5, 60000, p + 5, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	mr = REG(end->pd, p, MiB, ODP_ACCESS | IBV_ACCESS_RELAXED_ORDERING);
	USE_RANGE(end, p + 5, 60000, p + 5, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, MiB);
	end_close(end);
}

/* The device's own memory, or what is no memory, is not registered. */
static void no_memory(void)
{
	struct end *end = open_end();
	int fd = open("/dev/zero", O_RDWR), mem = open("/dev/mem", O_RDONLY);
	struct ibv_mr *mr;
	uint8_t *p;

	p = map_pages(4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	mr = REG(end->pd, p, 4 * PAGE, ALL_ACCESS);
	USE_RANGE(end, p + 5, 9000, p + 5, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, 4 * PAGE);
	close(fd);

	p = mem < 0 ? MAP_FAILED :
	    mmap(NULL, PAGE, PROT_READ, MAP_SHARED, mem, 0xfee00000);
	if (p != MAP_FAILED) {
		EXPECT_NO_REG(end->pd, p, PAGE, 0, EFAULT);
		mr = REG(end->pd, p, PAGE, ODP_READ);
		READ_REFUSED(end, 8, p, mr->rkey);
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
		munmap(p, PAGE);
	}
	if (mem >= 0)
		close(mem);
	end_close(end);
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("memory that is shared", shared_memory),
	CASE_ONE_DEVICE("memory that may only be read", read_only),
	CASE_ONE_DEVICE("addresses from 0 on", zero_based),
	CASE_ONE_DEVICE("relaxed ordering is accepted", relaxed_ordering),
	CASE_ONE_DEVICE("devices' memory", no_memory),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
