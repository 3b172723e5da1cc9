// SPDX-License-Identifier: GPL-2.0
/*
 * On-demand paging: regions whose memory is brought in when it is used, and is
 * taken away by everything that takes memory away from a process.
 */
#include "mr_common.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static void capabilities(void)
{
	const uint32_t ud = IBV_ODP_SUPPORT_SEND | IBV_ODP_SUPPORT_RECV;
	const uint32_t rc = ud | IBV_ODP_SUPPORT_READ | IBV_ODP_SUPPORT_WRITE;
	struct ibv_device_attr_ex attr;
	struct ibv_odp_caps *caps = &attr.odp_caps;

	EXPECT_EQ(ibv_query_device_ex(device_of(0)->ctx, NULL, &attr), 0);
	EXPECT((caps->general_caps & IBV_ODP_SUPPORT) &&
	       (caps->general_caps & IBV_ODP_SUPPORT_IMPLICIT));
	EXPECT_EQ(caps->per_transport_caps.rc_odp_caps & rc, rc);
	EXPECT_EQ(caps->per_transport_caps.ud_odp_caps & ud, ud);
}

/* Memory that nobody has touched, of all sizes and offsets; none is pinned. */
static void untouched_memory(void)
{
	static const size_t lengths[] = { 1, 4095, 4097, 20001, 60000 };
	static const size_t offsets[] = { 0, 1, 4095, 262000 };
	struct end *end = open_end();
	long pinned = status_kib("VmPin");
	struct ibv_mr *mr;
	uint8_t *p;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		for (j = 0; j < ARRAY_SIZE(offsets); j++) {
			p = fresh_pages(512 * KiB);
			mr = REG(end->pd, p + offsets[j], lengths[i],
				 ODP_ACCESS);
			/* first it is read, when the zero page is there */
			RDMA_READ(end, lengths[i], p + offsets[j], mr->rkey);
			EXPECT_EQ(end->buf[lengths[i] - 1], 0);
			USE_RANGE(end, p + offsets[j], lengths[i],
				  p + offsets[j], mr->rkey);
			EXPECT_EQ(p[offsets[j] + lengths[i]], 0);
			EXPECT_EQ(status_kib("VmPin"), pinned);
			EXPECT_EQ(ibv_dereg_mr(mr), 0);
			munmap(p, 512 * KiB);
		}
	}
	end_close(end);
}

/* The same as the local side of each operation. */
static void local_side(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB), *q = fresh_pages(MiB);
	struct ibv_mr *mr = REG(end->pd, p, MiB, ODP_ACCESS);
	struct ibv_mr *to = REG(end->pd, q, MiB, ODP_ACCESS);
	struct ibv_sge in[2], out[2];
	struct ibv_recv_wr *bad_recv, recv = { .wr_id = 1, .sg_list = in,
					       .num_sge = 2 };
	struct ibv_send_wr send = { .wr_id = 2, .sg_list = out, .num_sge = 2,
				    .opcode = IBV_WR_SEND };

	fill(p, 300000, 3);
	out[0] = (struct ibv_sge) { (uintptr_t)p, 100001, mr->lkey };
	out[1] = (struct ibv_sge) { (uintptr_t)p + 100001, 199999, mr->lkey };
	in[0] = (struct ibv_sge) { (uintptr_t)q + 5, 7, to->lkey };
	in[1] = (struct ibv_sge) { (uintptr_t)q + 12, 500000, to->lkey };
	EXPECT_EQ(ibv_post_recv(end->qp, &recv, &bad_recv), 0);
	EXPECT_EQ(post_wr(end, &send), 0);
	EXPECT_WC(end->scq, 2, SUCCESS);
	EXPECT_WC(end->rcq, 1, SUCCESS);
	EXPECT(!memcmp(p, q + 5, 300000));

	/* an RDMA read into memory that is not there */
	madvise(q, MiB, MADV_DONTNEED);
	in[0] = (struct ibv_sge) { (uintptr_t)q + 4000, 300000, to->lkey };
	EXPECT_EQ(post_rdma(end, 3, IBV_WR_RDMA_READ, in, (uintptr_t)p,
			    mr->rkey), 0);
	EXPECT_WC(end->scq, 3, SUCCESS);
	EXPECT(!memcmp(p, q + 4000, 300000));

	/* what is not mapped is a local error */
	munmap(q, 64 * KiB);
	in[0].addr = (uintptr_t)q;
	in[0].length = 128 * KiB;
	EXPECT_EQ(post_rdma(end, 4, IBV_WR_RDMA_READ, in, (uintptr_t)p,
			    mr->rkey), 0);
	EXPECT_WC(end->scq, 4, LOC_PROT_ERR);
	connect_again(end);
	EXPECT_EQ(post_send(end, 5, IBV_WR_SEND, in, 0), 0);
	EXPECT_WC(end->scq, 5, LOC_PROT_ERR);
	connect_again(end);
	out[0].length = 100;
	EXPECT_EQ(post_recv(end, 6, in), 0);
	EXPECT_EQ(post_send(end, 7, IBV_WR_SEND, out, 0), 0);
	EXPECT_WC(end->rcq, 6, LOC_PROT_ERR);
	EXPECT_WC(end->scq, 7, REM_OP_ERR);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT_EQ(ibv_dereg_mr(to), 0);
	end_close(end);
	munmap(p, MiB);
	munmap(q + 64 * KiB, MiB - 64 * KiB);
}

/* Datagrams are delivered where nobody may sleep. */
static void datagrams(void)
{
	struct options opt = usual;
	struct ibv_ah_attr ah_attr = { .is_global = 1, .port_num = 1 };
	uint8_t *p = fresh_pages(64 * PAGE), *q = fresh_pages(64 * PAGE);
	struct ibv_send_wr wr = { .wr_id = 2, .opcode = IBV_WR_SEND,
				  .num_sge = 1 };
	struct ibv_mr *mr, *to;
	struct ibv_sge in, out;
	struct pair pair;
	int i;

	opt.type = IBV_QPT_UD;
	pair_open(&pair, &opt);
	mr = REG(pair.a.pd, p, 64 * PAGE, ODP_ACCESS);
	to = REG(pair.b.pd, q, 64 * PAGE, ODP_ACCESS);
	ah_attr.grh.dgid = pair.b.dev->gid;
	ah_attr.grh.sgid_index = pair.a.dev->gid_index;
	ah_attr.grh.hop_limit = 1;
	wr.sg_list = &out;
	wr.wr.ud.ah = ibv_create_ah(pair.a.pd, &ah_attr);
	wr.wr.ud.remote_qpn = pair.b.qp->qp_num;
	wr.wr.ud.remote_qkey = QKEY;
	for (i = 0; i < 8; i++) {
		/* across two pages, and nothing of it there */
		in = (struct ibv_sge) { (uintptr_t)q + i * 2 * PAGE + 3800,
					2000, to->lkey };
		out = (struct ibv_sge) { (uintptr_t)p + i * 2 * PAGE + 3900,
					 1000, mr->lkey };
		EXPECT_EQ(post_recv(&pair.b, 1, &in), 0);
		fill(p + i * 2 * PAGE + 3900, 1000, i);
		EXPECT_EQ(post_wr(&pair.a, &wr), 0);
		EXPECT_WC(pair.a.scq, 2, SUCCESS);
		EXPECT_WC(pair.b.rcq, 1, SUCCESS);
		EXPECT(is_filled(q + i * 2 * PAGE + 3840, 1000, i));
	}
	munmap(q, 64 * PAGE);
	EXPECT_EQ(post_recv(&pair.b, 3, &in), 0);
	EXPECT_EQ(post_wr(&pair.a, &wr), 0);
	EXPECT_WC(pair.a.scq, 2, SUCCESS);
	EXPECT_WC(pair.b.rcq, 3, LOC_PROT_ERR);
	munmap(p, 64 * PAGE);
	EXPECT_EQ(post_wr(&pair.a, &wr), 0);
	EXPECT_WC(pair.a.scq, 2, LOC_PROT_ERR);
	EXPECT_EQ(ibv_destroy_ah(wr.wr.ud.ah), 0);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT_EQ(ibv_dereg_mr(to), 0);
	pair_close(&pair);
}

/* 256 GiB, of which some bytes are used. */
static void sparse(void)
{
	const size_t size = 256 * GiB;
	struct end *end = open_end();
	long before = status_kib("VmRSS");
	uint8_t *p = fresh_pages(size);
	struct ibv_mr *mr = REG(end->pd, p, size, ODP_ACCESS);
	size_t i;

	madvise(p, size, MADV_NOHUGEPAGE);
	for (i = 0; i < 64; i++)
		USE_RANGE(end, p + i * 4 * GiB + i * 12345, 5000,
			  p + i * 4 * GiB + i * 12345, mr->rkey);
	USE_RANGE(end, p + size - 60000, 60000, p + size - 60000, mr->rkey);
	EXPECT(status_kib("VmRSS") - before < 8 * 1024);
	WRITE_REFUSED(end, 2, p + size - 1, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, size);
	end_close(end);
}

/* One region is the whole address space, also what is mapped later. */
static void implicit(void)
{
	struct end *end = open_end();
	struct ibv_mr *mr = REG(end->pd, NULL, SIZE_MAX, ODP_ACCESS);
	uint8_t local[5000], *heap = malloc(100000);
	static uint8_t data[10000];
	uint8_t *p = fresh_pages(MiB);

	USE_RANGE(end, local, sizeof(local), local, mr->rkey);
	USE_RANGE(end, heap, 60000, heap, mr->rkey);
	USE_RANGE(end, data, sizeof(data), data, mr->rkey);
	USE_RANGE(end, p + 250 * KiB, 60000, p + 250 * KiB, mr->rkey);
	munmap(p, MiB);
	READ_REFUSED(end, 100, p, mr->rkey);
	READ_REFUSED(end, 100, 8, mr->rkey);
	READ_REFUSED(end, 100, 0xffff888000000000, mr->rkey);
	READ_REFUSED(end, 100, UINT64_MAX - 200, mr->rkey);
	READ_REFUSED(end, 100, UINT64_MAX - 50, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	free(heap);

	EXPECT_NO_REG(end->pd, NULL, SIZE_MAX, ALL_ACCESS, EINVAL);
	EXPECT_NO_REG(end->pd, (void *)PAGE, SIZE_MAX, ODP_ACCESS, EINVAL);
	end_close(end);
}

static void unmapped(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB);
	struct ibv_mr *mr = REG(end->pd, p, MiB, ODP_ACCESS);

	USE_RANGE(end, p, 60000, p, mr->rkey);
	munmap(p, 32 * KiB);
	READ_REFUSED(end, 100, p, mr->rkey);
	WRITE_REFUSED(end, 60000, p + 16 * KiB, mr->rkey);
	USE_RANGE(end, p + 32 * KiB, 1000, p + 32 * KiB, mr->rkey);

	/* other memory at its place */
	EXPECT(mmap(p, 32 * KiB, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p);
	RDMA_READ(end, 100, p, mr->rkey);
	EXPECT_EQ(end->buf[50], 0);
	USE_RANGE(end, p, 60000, p, mr->rkey);

	/* what is discarded is zero */
	madvise(p, MiB, MADV_DONTNEED);
	RDMA_READ(end, 60000, p, mr->rkey);
	EXPECT_EQ(end->buf[100] | end->buf[59999], 0);
	USE_RANGE(end, p, 60000, p, mr->rkey);

	munmap(p, MiB);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	end_close(end);
}

static void permissions(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB);
	struct ibv_mr *mr = REG(end->pd, p, MiB, ODP_ACCESS);

	fill(p, MiB, 4);
	mprotect(p, MiB, PROT_READ);
	RDMA_READ(end, 60000, p, mr->rkey);
	EXPECT(is_filled(end->buf, 60000, 4));
	WRITE_REFUSED(end, 60000, p, mr->rkey);
	EXPECT(is_filled(p, MiB, 4));
	mprotect(p, MiB, PROT_NONE);
	READ_REFUSED(end, 60000, p, mr->rkey);
	/* an upgrade, and that after it was there to be read */
	mprotect(p, MiB, PROT_READ);
	RDMA_READ(end, 60000, p, mr->rkey);
	mprotect(p, MiB, PROT_READ | PROT_WRITE);
	USE_RANGE(end, p, 60000, p, mr->rkey);
	mprotect(p, MiB, PROT_READ);
	WRITE_REFUSED(end, 60000, p, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);

	/* the region's own access is another matter */
	mprotect(p, MiB, PROT_READ | PROT_WRITE);
	mr = REG(end->pd, p, MiB, ODP_READ);
	RDMA_READ(end, 60000, p, mr->rkey);
	WRITE_REFUSED(end, 60000, p, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT_NO_REG(end->pd, p, MiB, IBV_ACCESS_REMOTE_WRITE |
		      IBV_ACCESS_ON_DEMAND, EINVAL);
	munmap(p, MiB);
	end_close(end);
}

/* After a fork each process has what was there, and what it writes itself. */
static void copy_on_write(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB);
	struct ibv_mr *mr = REG(end->pd, p, MiB, ODP_ACCESS);
	int go[2], status;
	pid_t child;
	char byte;

	fill(end->buf, 60000, 1);
	RDMA_WRITE(end, 60000, p, mr->rkey);
	if (pipe(go))
		bail("pipe");
	child = fork();
	if (!child) {
		close(go[1]);
		/* the parent has written; here it is as it was */
		if (read(go[0], &byte, 1) != 1 || !is_filled(p, 60000, 1))
			_exit(1);
		fill(p, 60000, 3);
		_exit(0);
	}
	fill(end->buf, 60000, 2);
	RDMA_WRITE(end, 60000, p, mr->rkey);
	EXPECT(is_filled(p, 60000, 2));
	EXPECT_EQ(write(go[1], "x", 1), 1);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	memset(end->buf, 0, 60000);
	RDMA_READ(end, 60000, p, mr->rkey);
	EXPECT(is_filled(end->buf, 60000, 2));
	close(go[0]);
	close(go[1]);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, MiB);
	end_close(end);
}

static void moved_by_mremap(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB), *to = fresh_pages(MiB), *q;
	struct ibv_mr *mr = REG(end->pd, NULL, SIZE_MAX, ODP_ACCESS);

	fill(end->buf, 60000, 5);
	RDMA_WRITE(end, 60000, p, mr->rkey);
	q = mremap(p, MiB, MiB, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	EXPECT(q == to);
	READ_REFUSED(end, 60000, p, mr->rkey);
	memset(end->buf, 0, 60000);
	RDMA_READ(end, 60000, q, mr->rkey);
	EXPECT(is_filled(end->buf, 60000, 5));
	USE_RANGE(end, q, 60000, q, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(q, MiB);
	end_close(end);
}

static uint64_t pfn_of(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, 8, (uintptr_t)p / PAGE * 8) != 8)
		bail("pagemap");
	close(fd);
	return entry & ((1ull << 55) - 1);
}

/* Other pages with the same data: small ones become a huge one. */
static void migrated(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(2 * HUGE);
	uint8_t *q = (uint8_t *)(((uintptr_t)p + HUGE - 1) & ~(HUGE - 1));
	struct ibv_mr *mr = REG(end->pd, p, 2 * HUGE, ODP_ACCESS);
	uint64_t pfn;
	size_t i;

	madvise(q, HUGE, MADV_NOHUGEPAGE);
	for (i = 0; i < HUGE; i += 32 * KiB) {
		fill(end->buf, 32 * KiB, i);
		RDMA_WRITE(end, 32 * KiB, q + i, mr->rkey);
	}
	pfn = pfn_of(q + PAGE);
	madvise(q, HUGE, MADV_HUGEPAGE);
	if (EXPECT_F(!madvise(q, HUGE, MADV_COLLAPSE), "MADV_COLLAPSE: %s",
		     strerror(errno)))
		EXPECT(pfn_of(q + PAGE) != pfn);
	for (i = 0; i < HUGE; i += 32 * KiB) {
		RDMA_READ(end, 32 * KiB, q + i, mr->rkey);
		EXPECT(is_filled(end->buf, 32 * KiB, i));
		EXPECT(is_filled(q + i, 32 * KiB, i));
	}
	/* and into the new ones */
	USE_RANGE(end, q + 12345, 60000, q + 12345, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, 2 * HUGE);
	end_close(end);
}

/* A file: what is written is in it, also when nobody has it mapped any more. */
static void files(void)
{
	struct end *end = open_end();
	char path[] = "/tmp/mr_odp.XXXXXX";
	int fd[2] = { memory_file(MiB), mkstemp(path) }, i;
	uint8_t *p, *back = malloc(60000);
	struct ibv_mr *mr;

	if (fd[1] < 0 || ftruncate(fd[1], MiB))
		bail("file");
	for (i = 0; i < 2; i++) {
		p = map_pages(MiB, PROT_READ | PROT_WRITE, MAP_SHARED, fd[i]);
		mr = REG(end->pd, p, MiB, ODP_ACCESS);
		/* there to be read, then written without the process's help */
		RDMA_READ(end, 60000, p + 100, mr->rkey);
		EXPECT_EQ(end->buf[1000], 0);
		fill(end->buf, 60000, i);
		RDMA_WRITE(end, 60000, p + 100, mr->rkey);
		munmap(p, MiB);
		EXPECT_EQ(pread(fd[i], back, 60000, 100), 60000);
		EXPECT(is_filled(back, 60000, i));
		EXPECT_EQ(ibv_dereg_mr(mr), 0);

		/* behind the file's end there is nothing */
		p = map_pages(2 * MiB, PROT_READ, MAP_SHARED, fd[i]);
		mr = REG(end->pd, p, 2 * MiB, ODP_READ);
		READ_REFUSED(end, 100, p + MiB, mr->rkey);
		RDMA_READ(end, 60000, p + 100, mr->rkey);
		EXPECT(is_filled(end->buf, 60000, i));
		EXPECT_EQ(ftruncate(fd[i], PAGE), 0);
		READ_REFUSED(end, 100, p + PAGE, mr->rkey);
		RDMA_READ(end, 3000, p + 100, mr->rkey);
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
		munmap(p, 2 * MiB);
		close(fd[i]);
	}
	/* one that was opened to be read */
	fd[0] = open(path, O_RDONLY);
	p = map_pages(PAGE, PROT_READ, MAP_SHARED, fd[0]);
	mr = REG(end->pd, p, PAGE, ODP_READ);
	RDMA_READ(end, 3000, p + 100, mr->rkey);
	EXPECT(is_filled(end->buf, 3000, 1));
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	mr = REG(end->pd, p, PAGE, ODP_ACCESS);
	WRITE_REFUSED(end, 3000, p + 100, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, PAGE);
	close(fd[0]);
	unlink(path);
	free(back);
	end_close(end);
}

static void huge_pages(void)
{
	struct end *end = open_end();
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "w");
	struct ibv_mr *mr;
	uint8_t *p;

	if (file) {
		fprintf(file, "4\n");
		fclose(file);
	}
	p = map_pages(2 * HUGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1);
	mr = REG(end->pd, p, 2 * HUGE, ODP_ACCESS | IBV_ACCESS_HUGETLB);
	USE_RANGE(end, p + HUGE - 30000, 60000, p + HUGE - 30000, mr->rkey);
	RDMA_READ(end, 60000, p + 100, mr->rkey);
	munmap(p, 2 * HUGE);
	READ_REFUSED(end, 100, p + 100, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	file = fopen("/proc/sys/vm/nr_hugepages", "w");
	if (file) {
		fprintf(file, "0\n");
		fclose(file);
	}
	end_close(end);
}

static int advise(struct end *end, const struct ibv_mr *mr, uint64_t advice,
		  uint32_t flags, const void *p, uint32_t len)
{
	const struct ib_uverbs_sge sge[2] = {
		{ (uintptr_t)p, len, mr->lkey }, { (uintptr_t)p, 1, mr->lkey },
	};

	return raw_advise_mr(end->dev->ctx->cmd_fd, end->pd->handle, advice,
			     flags, sge, 2);
}

/* How many of these pages does the process have? */
static size_t present(void *p, size_t len)
{
	unsigned char *has = calloc(1, len / PAGE);
	size_t i, n = 0;

	if (!has || mincore(p, len, has))
		bail("mincore");
	for (i = 0; i < len / PAGE; i++)
		n += has[i] & 1;
	free(has);
	return n;
}

static bool become_present(void *p, size_t len)
{
	uint64_t end = now_ms() + SOON_MS;

	while (present(p, len) < len / PAGE && now_ms() < end)
		sleep_ms(5);
	return present(p, len) == len / PAGE;
}

static void prefetch(void)
{
	enum {
		READ = IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH,
		WRITE = IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE,
		NO_FAULT = IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT,
		FLUSH = IB_UVERBS_ADVISE_MR_FLAG_FLUSH,
	};
	struct end *end = open_end();
	uint8_t *p = fresh_pages(8 * MiB);
	struct ibv_mr *mr = REG(end->pd, p, 8 * MiB, ODP_ACCESS), *other;
	struct ibv_pd *pd = ibv_alloc_pd(end->dev->ctx);

	madvise(p, 8 * MiB, MADV_NOHUGEPAGE);
	/* nothing comes that is not there */
	EXPECT_EQ(advise(end, mr, NO_FAULT, FLUSH, p, 8 * MiB), 0);
	EXPECT_EQ(present(p, 8 * MiB), 0);
	EXPECT_EQ(advise(end, mr, READ, FLUSH, p + 1, 2 * MiB - 1), 0);
	EXPECT_EQ(present(p, 8 * MiB), 2 * MiB / PAGE);
	EXPECT_EQ(advise(end, mr, WRITE, FLUSH, p, 4 * MiB), 0);
	EXPECT_EQ(present(p, 8 * MiB), 4 * MiB / PAGE);
	EXPECT_EQ(advise(end, mr, WRITE, 0, p + 4 * MiB, 4 * MiB), 0);
	EXPECT(become_present(p, 8 * MiB));
	USE_RANGE(end, p + 123456, 60000, p + 123456, mr->rkey);
	EXPECT_EQ(advise(end, mr, NO_FAULT, FLUSH, p, 8 * MiB), 0);
	USE_RANGE(end, p + 123456, 60000, p + 123456, mr->rkey);

	/* what is wrong with it */
	EXPECT_EQ(advise(end, mr, READ, FLUSH, p + 1, 8 * MiB), EFAULT);
	EXPECT_EQ(advise(end, mr, READ, 0, p - 1, 10), EFAULT);
	EXPECT_EQ(advise(end, mr, 77, FLUSH, p, 10), EOPNOTSUPP);
	EXPECT_EQ(advise(end, mr, READ, 0x80, p, 10), EINVAL);
	other = REG(end->pd, p, MiB, ODP_READ);
	EXPECT_EQ(advise(end, other, READ, FLUSH, p, 10), 0);
	EXPECT_EQ(advise(end, other, WRITE, FLUSH, p, 10), EFAULT);
	EXPECT_EQ(ibv_dereg_mr(other), 0);
	other = REG(pd, p, MiB, ODP_ACCESS);
	EXPECT_EQ(advise(end, other, READ, FLUSH, p, 10), EFAULT);
	EXPECT_EQ(ibv_dereg_mr(other), 0);
	EXPECT_EQ(advise(end, end->mr, READ, FLUSH, end->buf, 10), EFAULT);
	other = mr;
	other->lkey ^= 0x100000;
	EXPECT_EQ(advise(end, other, READ, FLUSH, p, 10), EFAULT);
	other->lkey ^= 0x100000;
	munmap(p + 4 * MiB, 4 * MiB);
	EXPECT_EQ(advise(end, mr, READ, FLUSH, p + 3 * MiB, 2 * MiB), EFAULT);
	EXPECT_EQ(advise(end, mr, READ, 0, p + 3 * MiB, 2 * MiB), 0);
	mprotect(p, MiB, PROT_READ);
	EXPECT_EQ(advise(end, mr, WRITE, FLUSH, p, MiB), EFAULT);
	EXPECT_EQ(advise(end, mr, READ, FLUSH, p, MiB), 0);
	/* deregistered while it goes on */
	EXPECT_EQ(advise(end, mr, READ, 0, p, 3 * MiB), 0);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
	munmap(p, 4 * MiB);
	end_close(end);
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("on demand: capabilities", capabilities),
	CASE_ONE_DEVICE("on demand: memory that nobody has touched",
			untouched_memory),
	CASE_ONE_DEVICE("on demand: the local side of each operation",
			local_side),
	CASE("on demand: datagrams", datagrams),
	CASE_ONE_DEVICE("on demand: some bytes of 256 GiB", sparse),
	CASE_ONE_DEVICE("on demand: the whole address space", implicit),
	CASE_ONE_DEVICE("on demand: munmap, madvise", unmapped),
	CASE_ONE_DEVICE("on demand: permissions and their changes",
			permissions),
	CASE_ONE_DEVICE("on demand: copy on write after a fork", copy_on_write),
	CASE_ONE_DEVICE("on demand: mremap", moved_by_mremap),
	CASE_ONE_DEVICE("on demand: pages are migrated", migrated),
	CASE_ONE_DEVICE("on demand: files and shared memory", files),
	CASE_ONE_DEVICE("on demand: huge pages", huge_pages),
	CASE_ONE_DEVICE("on demand: prefetch", prefetch),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
