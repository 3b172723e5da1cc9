/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs about memory regions share: a QP that is its own peer, and
 * data moved between regions of its PD.
 */
#ifndef MR_COMMON_H
#define MR_COMMON_H

#include "verbs_common.h"
#include "uverbs_raw.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define PAGE	4096ul
#define KiB	(1ul << 10)
#define MiB	(1ul << 20)
#define GiB	(1ul << 30)
#define HUGE	(2ul << 20)

#define ODP_ACCESS	(ALL_ACCESS | IBV_ACCESS_ON_DEMAND)
#define ODP_READ	(IBV_ACCESS_REMOTE_READ | IBV_ACCESS_ON_DEMAND)

static struct end the_end;

static inline struct end *open_end(void)
{
	end_open(&the_end, device_of(0), &usual);
	end_connect(&the_end, &the_end);
	return &the_end;
}

/* After an error. */
static inline void connect_again(struct end *end)
{
	EXPECT_EQ(to_state(end->qp, IBV_QPS_RESET), 0);
	end_connect(end, end);
}

static inline uint8_t *map_pages(size_t len, int prot, int flags, int fd)
{
	void *p = mmap(NULL, len, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		bail("mmap");
	return p;
}

/* Memory that was not touched. */
static inline uint8_t *fresh_pages(size_t len)
{
	return map_pages(len, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
}

/* A file without a name, in memory. */
static inline int memory_file(size_t len)
{
	int fd = memfd_create("mr", 0);

	if (fd < 0 || ftruncate(fd, len))
		bail("memfd");
	return fd;
}

/* A line of /proc/self/status in KiB. */
static inline long status_kib(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	size_t len = strlen(name);
	char line[256];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, len) && line[len] == ':')
			kib = atol(line + len + 1);
	if (file)
		fclose(file);
	return kib;
}

static inline struct ibv_mr *reg(int line, struct ibv_pd *pd, void *p,
				 size_t len, int access)
{
	struct ibv_mr *mr;

	errno = 0;
	mr = ibv_reg_mr(pd, p, len, access);
	if (!mr)
		bail("line %d: ibv_reg_mr of %zu bytes", line, len);
	return mr;
}

#define REG(pd, p, len, access)	reg(__LINE__, pd, p, len, access)

static inline void expect_no_reg(int line, struct ibv_pd *pd, void *p,
				 size_t len, int access, int want)
{
	struct ibv_mr *mr;

	errno = 0;
	mr = ibv_reg_mr(pd, p, len, access);
	expect(!mr, line, "%zu bytes at %p are accepted", len, p);
	if (mr)
		ibv_dereg_mr(mr);
	else
		expect_errno(line, errno, want, "ibv_reg_mr");
}

#define EXPECT_NO_REG(pd, p, len, access, want) \
	expect_no_reg(__LINE__, pd, p, len, access, want)

/* Between the end's buffer and @addr of a region. */
static inline bool rdma_status(int line, struct end *end,
			       enum ibv_wr_opcode opcode, uint32_t len,
			       uint64_t addr, uint32_t rkey,
			       enum ibv_wc_status status)
{
	struct ibv_sge sge = sge_of(end, 0, len);

	return expect(!post_rdma(end, 1, opcode, &sge, addr, rkey), line,
		      "post_send") &&
	       expect_wc(line, end->scq, 1, status, NULL);
}

#define RDMA_WRITE(end, len, addr, rkey) \
	rdma_status(__LINE__, end, IBV_WR_RDMA_WRITE, len, (uintptr_t)(addr), \
		    rkey, IBV_WC_SUCCESS)
#define RDMA_READ(end, len, addr, rkey) \
	rdma_status(__LINE__, end, IBV_WR_RDMA_READ, len, (uintptr_t)(addr), \
		    rkey, IBV_WC_SUCCESS)

/* What the peer refuses; the QP is connected anew afterwards. */
static inline void rdma_refused(int line, struct end *end,
				enum ibv_wr_opcode opcode, uint32_t len,
				uint64_t addr, uint32_t rkey)
{
	rdma_status(line, end, opcode, len, addr, rkey, IBV_WC_REM_ACCESS_ERR);
	expect_event(line, end->dev, IBV_EVENT_QP_ACCESS_ERR, end->qp);
	connect_again(end);
}

#define WRITE_REFUSED(end, len, addr, rkey) \
	rdma_refused(__LINE__, end, IBV_WR_RDMA_WRITE, len, \
		     (uintptr_t)(addr), rkey)
#define READ_REFUSED(end, len, addr, rkey) \
	rdma_refused(__LINE__, end, IBV_WR_RDMA_READ, len, \
		     (uintptr_t)(addr), rkey)

/* @len bytes go into the region at @addr, whose memory is @p, and come out. */
static inline void use_range(int line, struct end *end, uint8_t *p, size_t len,
			     uint64_t addr, uint32_t rkey)
{
	fill(end->buf, len, 9);
	expect(rdma_status(line, end, IBV_WR_RDMA_WRITE, len, addr, rkey,
			   IBV_WC_SUCCESS) && is_filled(p, len, 9),
	       line, "%zu bytes written differ", len);
	fill(p, len, 10);
	memset(end->buf, 0, len);
	expect(rdma_status(line, end, IBV_WR_RDMA_READ, len, addr, rkey,
			   IBV_WC_SUCCESS) && is_filled(end->buf, len, 10),
	       line, "%zu bytes read differ", len);
}

#define USE_RANGE(end, p, len, addr, rkey) \
	use_range(__LINE__, end, p, len, (uintptr_t)(addr), rkey)

#endif /* MR_COMMON_H */
