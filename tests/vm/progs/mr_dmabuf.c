// SPDX-License-Identifier: GPL-2.0
/*
 * Regions of dma-bufs: of an exporter that moves them (the module mr_exporter), and
 * of udmabuf where the kernel has it. By the raw command: not every librxe has a
 * call for it. With "virt" as the fourth argument they must be refused.
 */
#include "mr_common.h"

#include <linux/udmabuf.h>

#include "../mr_exporter/mr_exporter.h"

#define PAGES	64
#define SIZE	(PAGES * PAGE)

static int exporter = -1;

static int new_buffer(unsigned long pages)
{
	int fd;

	if (exporter < 0)
		exporter = open("/dev/mr_exporter", O_RDWR);
	fd = ioctl(exporter, MR_EXPORTER_NEW, pages);
	if (fd < 0)
		bail("exporter");
	return fd;
}

static void copy(int fd, bool write, uint64_t offset, void *p, size_t len)
{
	const struct mr_exporter_data data = {
		.fd = fd, .write = write, .offset = offset, .len = len,
		.data = (uintptr_t)p,
	};

	if (ioctl(exporter, MR_EXPORTER_COPY, &data))
		bail("exporter: copy");
}

static int reg_dmabuf(struct end *end, uint64_t offset, uint64_t len,
		      uint64_t iova, int fd, int access, struct raw_mr *mr)
{
	return raw_reg_dmabuf_mr(end->dev->ctx->cmd_fd, end->pd->handle, offset,
				 len, iova, fd, access, mr);
}

static void dereg(struct end *end, const struct raw_mr *mr)
{
	EXPECT_EQ(raw_release(end->dev->ctx->cmd_fd, IB_USER_VERBS_CMD_DEREG_MR,
			      mr->handle), 0);
}

/* Bytes go in and come out, at an address of the region's @iova. */
static void use_buffer(int line, struct end *end, int fd, uint64_t offset,
		       uint64_t iova, uint32_t rkey, size_t len)
{
	uint8_t *back = malloc(len);

	fill(end->buf, len, 5);
	rdma_status(line, end, IBV_WR_RDMA_WRITE, len, iova, rkey,
		    IBV_WC_SUCCESS);
	copy(fd, false, offset, back, len);
	expect(is_filled(back, len, 5), line, "what was written differs");
	fill(back, len, 6);
	copy(fd, true, offset, back, len);
	rdma_status(line, end, IBV_WR_RDMA_READ, len, iova, rkey,
		    IBV_WC_SUCCESS);
	expect(is_filled(end->buf, len, 6), line, "what was read differs");
	free(back);
}

#define USE_BUFFER(end, fd, offset, iova, rkey, len) \
	use_buffer(__LINE__, end, fd, offset, iova, rkey, len)

static void data(void)
{
	struct end *end = open_end();
	int fd = new_buffer(PAGES);
	struct raw_mr mr;

	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, fd, ALL_ACCESS, &mr), 0);
	USE_BUFFER(end, fd, 0, 0, mr.rkey, 60000);
	USE_BUFFER(end, fd, SIZE - 10001, SIZE - 10001, mr.rkey, 10001);
	WRITE_REFUSED(end, 2, SIZE - 1, mr.rkey);
	dereg(end, &mr);

	/* a part, at another address */
	EXPECT_EQ(reg_dmabuf(end, 3 * PAGE + 77, 50000, 0xabc0000 + 77, fd,
			     ALL_ACCESS, &mr), 0);
	USE_BUFFER(end, fd, 3 * PAGE + 77, 0xabc0000 + 77, mr.rkey, 50000);
	READ_REFUSED(end, 2, 0xabc0000 + 76, mr.rkey);
	READ_REFUSED(end, 2, 0xabc0000 + 77 + 49999, mr.rkey);
	dereg(end, &mr);

	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, fd, IBV_ACCESS_REMOTE_READ, &mr),
		  0);
	RDMA_READ(end, 60000, 0, mr.rkey);
	WRITE_REFUSED(end, 60000, 0, mr.rkey);
	/* the region keeps it */
	close(fd);
	RDMA_READ(end, 60000, 0, mr.rkey);
	dereg(end, &mr);
	end_close(end);
}

static void moved(void)
{
	struct end *end = open_end();
	int fd = new_buffer(PAGES), i;
	struct raw_mr mr;

	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, fd, ALL_ACCESS, &mr), 0);
	for (i = 0; i < 10; i++) {
		fill(end->buf, 60000, i);
		RDMA_WRITE(end, 60000, 1234, mr.rkey);
		EXPECT_EQ(ioctl(exporter, MR_EXPORTER_MOVE, fd), 0);
		if (i & 1)
			EXPECT_EQ(ioctl(exporter, MR_EXPORTER_MOVE, fd), 0);
		memset(end->buf, 0, 60000);
		RDMA_READ(end, 60000, 1234, mr.rkey);
		EXPECT(is_filled(end->buf, 60000, i));
		USE_BUFFER(end, fd, 1234, 1234, mr.rkey, 60000);
	}
	EXPECT_EQ(ioctl(exporter, MR_EXPORTER_STALE, fd), 0);
	EXPECT_EQ(ioctl(exporter, MR_EXPORTER_MOVE, fd), 0);
	dereg(end, &mr);
	EXPECT_EQ(ioctl(exporter, MR_EXPORTER_MOVE, fd), 0);
	close(fd);
	end_close(end);
}

static bool stop;

static void *move_all_the_time(void *arg)
{
	int fd = *(int *)arg;
	long n = 0;

	for (; !__atomic_load_n(&stop, __ATOMIC_ACQUIRE); n++) {
		if (ioctl(exporter, MR_EXPORTER_MOVE, fd))
			return (void *)-1;
		/* 64 pages a time are kept */
		usleep(1000);
	}
	return (void *)n;
}

static void moved_under_traffic(void)
{
	struct end *end = open_end();
	int fd = new_buffer(PAGES), i;
	struct raw_mr mr;
	pthread_t thread;
	uint64_t until;
	void *moves;

	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, fd, ALL_ACCESS, &mr), 0);
	stop = false;
	until = now_ms() + 1500;
	pthread_create(&thread, NULL, move_all_the_time, &fd);
	for (i = 0; now_ms() < until && !case_failed; i++) {
		fill(end->buf, 60000, i);
		RDMA_WRITE(end, 60000, 77, mr.rkey);
		memset(end->buf, 0, 60000);
		RDMA_READ(end, 60000, 77, mr.rkey);
		EXPECT(is_filled(end->buf, 60000, i));
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, &moves);
	printf("# %d round trips, %ld moves\n", i, (long)moves);
	EXPECT(i > 5 && (long)moves > 5);
	EXPECT_EQ(ioctl(exporter, MR_EXPORTER_STALE, fd), 0);
	dereg(end, &mr);
	close(fd);
	end_close(end);
}

static void refused(void)
{
	struct end *end = open_end();
	int fd = new_buffer(PAGES);
	struct raw_mr mr;

	EXPECT_EQ(reg_dmabuf(end, 0, SIZE + 1, 0, fd, ALL_ACCESS, &mr), EINVAL);
	EXPECT_EQ(reg_dmabuf(end, SIZE, 1, 0, fd, ALL_ACCESS, &mr), EINVAL);
	EXPECT_EQ(reg_dmabuf(end, 0, 0, 0, fd, ALL_ACCESS, &mr), EINVAL);
	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 1, fd, ALL_ACCESS, &mr), EINVAL);
	EXPECT_EQ(reg_dmabuf(end, UINT64_MAX - PAGE + 1, SIZE, 0, fd,
			     ALL_ACCESS, &mr), EINVAL);
	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, UINT64_MAX - PAGE + 1, fd,
			     ALL_ACCESS, &mr), EINVAL);
	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, fd, IBV_ACCESS_REMOTE_WRITE, &mr),
		  EINVAL);
	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, fd, ODP_ACCESS, &mr), EINVAL);
	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, exporter, ALL_ACCESS, &mr),
		  EINVAL);
	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, 999, ALL_ACCESS, &mr), EBADF);
	close(fd);
	end_close(end);
}

/* Reregistered it can share the buffer, or have other memory. */
static void reregistered(void)
{
	struct end *end = open_end();
	int fd = new_buffer(PAGES), cmd_fd = end->dev->ctx->cmd_fd;
	struct ib_uverbs_rereg_mr_resp resp;
	uint8_t *p = fresh_pages(MiB);
	struct raw_mr mr;

	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, fd, IBV_ACCESS_REMOTE_READ, &mr),
		  0);
	EXPECT_EQ(raw_rereg_mr(cmd_fd, mr.handle, IBV_REREG_MR_CHANGE_ACCESS,
			       NULL, 0, 0, 0, ALL_ACCESS, &resp), 0);
	USE_BUFFER(end, fd, 100, 100, mr.rkey, 60000);
	EXPECT_EQ(ioctl(exporter, MR_EXPORTER_MOVE, fd), 0);
	USE_BUFFER(end, fd, 100, 100, mr.rkey, 60000);
	EXPECT_EQ(raw_rereg_mr(cmd_fd, mr.handle,
			       IBV_REREG_MR_CHANGE_TRANSLATION, p, MiB,
			       (uintptr_t)p, 0, 0, &resp), 0);
	USE_RANGE(end, p, 60000, p, mr.rkey);
	dereg(end, &mr);
	close(fd);
	munmap(p, MiB);
	end_close(end);
}

/* A real exporter. */
static void udmabuf(void)
{
	struct end *end = open_end();
	struct udmabuf_create create = { .size = MiB };
	int dev = open("/dev/udmabuf", O_RDWR), fd;
	struct raw_mr mr;
	uint8_t *p;

	if (dev < 0) {
		EXPECT_EQ(errno, ENOENT);
		case_skipped = "this kernel has no udmabuf";
		end_close(end);
		return;
	}
	create.memfd = memfd_create("udmabuf", MFD_ALLOW_SEALING);
	if (ftruncate(create.memfd, MiB) ||
	    fcntl(create.memfd, F_ADD_SEALS, F_SEAL_SHRINK))
		bail("memfd");
	p = map_pages(MiB, PROT_READ | PROT_WRITE, MAP_SHARED, create.memfd);
	fd = ioctl(dev, UDMABUF_CREATE, &create);
	if (fd < 0)
		bail("udmabuf");
	EXPECT_EQ(reg_dmabuf(end, PAGE, MiB - PAGE, 0, fd, ALL_ACCESS, &mr), 0);
	USE_RANGE(end, p + PAGE + 77, 60000, 77, mr.rkey);
	dereg(end, &mr);
	munmap(p, MiB);
	close(fd);
	close(create.memfd);
	close(dev);
	end_close(end);
}

static void no_addresses(void)
{
	struct end *end = open_end();
	int fd = new_buffer(PAGES);
	struct raw_mr mr;

	EXPECT_EQ(reg_dmabuf(end, 0, SIZE, 0, fd, ALL_ACCESS, &mr), EOPNOTSUPP);
	close(fd);
	end_close(end);
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("dma-buf: data", data),
	CASE_ONE_DEVICE("dma-buf: moved", moved),
	CASE_ONE_DEVICE("dma-buf: moved under traffic", moved_under_traffic),
	CASE_ONE_DEVICE("dma-buf: reregistered", reregistered),
	CASE_ONE_DEVICE("dma-buf: refused", refused),
	CASE_ONE_DEVICE("dma-buf: udmabuf", udmabuf),
};

static const struct test_case virt_cases[] = {
	CASE_ONE_DEVICE("dma-buf: refused without device addresses",
			no_addresses),
};

int main(int argc, char **argv)
{
	if (argc > 4 && !strcmp(argv[4], "virt"))
		return run_cases(virt_cases, ARRAY_SIZE(virt_cases), argc,
				 argv);
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
