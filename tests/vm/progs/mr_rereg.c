// SPDX-License-Identifier: GPL-2.0
/*
 * Reregistration: new memory, access or PD behind the same keys, and all of it as
 * before where that fails. librxe has no call for it.
 */
#include "mr_common.h"

#define TRANS	IBV_REREG_MR_CHANGE_TRANSLATION
#define TO_PD	IBV_REREG_MR_CHANGE_PD
#define ACCESS	IBV_REREG_MR_CHANGE_ACCESS

static struct ib_uverbs_rereg_mr_resp answer;

static int rereg(const struct end *end, const struct ibv_mr *mr, int flags,
		 void *p, size_t len, const struct ibv_pd *pd, int access)
{
	return raw_rereg_mr(end->dev->ctx->cmd_fd, mr->handle, flags, p, len,
			    (uintptr_t)p, pd ? pd->handle : 0, access,
			    &answer);
}

/* The keys stay. */
#define REREG(end, mr, flags, p, len, pd, access) do {			\
	EXPECT_EQ(rereg(end, mr, flags, p, len, pd, access), 0);	\
	EXPECT_EQ(answer.lkey, (mr)->lkey);				\
	EXPECT_EQ(answer.rkey, (mr)->rkey);				\
} while (0)

static void translation(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB), *q = fresh_pages(MiB);
	struct ibv_mr *mr = REG(end->pd, p, 64 * KiB, ALL_ACCESS);

	USE_RANGE(end, p, 60000, p, mr->rkey);
	REREG(end, mr, TRANS, q + 77, 100 * KiB, NULL, 0);
	READ_REFUSED(end, 100, p, mr->rkey);
	READ_REFUSED(end, 100, q, mr->rkey);
	USE_RANGE(end, q + 77, 60000, q + 77, mr->rkey);
	USE_RANGE(end, q + 77 + 50 * KiB, 50 * KiB, q + 77 + 50 * KiB,
		  mr->rkey);
	WRITE_REFUSED(end, 2, q + 77 + 100 * KiB - 1, mr->rkey);
	/* only what is registered is pinned */
	EXPECT(status_kib("VmPin") < 256);
	munmap(p, MiB);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT(status_kib("VmPin") <= 64);
	munmap(q, MiB);
	end_close(end);
}

static void access_flags(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(MiB);
	struct ibv_mr *mr = REG(end->pd, p, MiB, ALL_ACCESS);

	REREG(end, mr, ACCESS, NULL, 0, NULL, IBV_ACCESS_REMOTE_READ);
	RDMA_READ(end, 100, p, mr->rkey);
	WRITE_REFUSED(end, 100, p, mr->rkey);
	REREG(end, mr, ACCESS, NULL, 0, NULL, ALL_ACCESS);
	USE_RANGE(end, p, 60000, p, mr->rkey);
	REREG(end, mr, ACCESS, NULL, 0, NULL, 0);
	READ_REFUSED(end, 100, p, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);

	/* what was pinned to be read is pinned anew to be written */
	mr = REG(end->pd, p, MiB, IBV_ACCESS_REMOTE_READ);
	REREG(end, mr, ACCESS, NULL, 0, NULL, ALL_ACCESS);
	USE_RANGE(end, p, 60000, p, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	mprotect(p, MiB, PROT_READ);
	mr = REG(end->pd, p, MiB, IBV_ACCESS_REMOTE_READ);
	EXPECT_EQ(rereg(end, mr, ACCESS, NULL, 0, NULL, ALL_ACCESS), EFAULT);
	RDMA_READ(end, 100, p, mr->rkey);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, MiB);
	end_close(end);
}

static void protection_domain(void)
{
	struct end *end = open_end();
	struct ibv_pd *pd = ibv_alloc_pd(end->dev->ctx);
	struct ibv_pd *gone = ibv_alloc_pd(end->dev->ctx);
	uint8_t *p = fresh_pages(MiB);
	struct ibv_mr *mr = REG(pd, p, MiB, ALL_ACCESS);

	READ_REFUSED(end, 100, p, mr->rkey);
	REREG(end, mr, TO_PD, NULL, 0, end->pd, 0);
	USE_RANGE(end, p, 60000, p, mr->rkey);
	/* nothing holds the other one any more */
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
	REREG(end, mr, TO_PD, NULL, 0, gone, 0);
	READ_REFUSED(end, 100, p, mr->rkey);
	EXPECT_EQ(ibv_dealloc_pd(gone), EBUSY);
	REREG(end, mr, TO_PD, NULL, 0, end->pd, 0);
	REREG(end, mr, TO_PD, NULL, 0, end->pd, 0);
	USE_RANGE(end, p, 60000, p, mr->rkey);
	EXPECT_EQ(ibv_dealloc_pd(gone), 0);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, MiB);
	end_close(end);
}

/* Each combination, of pinned regions, on demand, and from one to the other. */
static void combinations(void)
{
	static const int kinds[][2] = {
		{ 0, 0 }, { IBV_ACCESS_ON_DEMAND, IBV_ACCESS_ON_DEMAND },
		{ 0, IBV_ACCESS_ON_DEMAND }, { IBV_ACCESS_ON_DEMAND, 0 },
	};
	struct end *end = open_end();
	struct ibv_pd *pd = ibv_alloc_pd(end->dev->ctx);
	uint8_t *p = fresh_pages(MiB), *q = fresh_pages(MiB);
	int flags, from, to;
	struct ibv_mr *mr;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (flags = 1; flags < 8; flags++) {
			from = kinds[i][0];
			to = kinds[i][1];
			if (from != to && !(flags & ACCESS))
				continue;
			if (from && !to && !(flags & TRANS))
				continue;
			mr = REG(flags & TO_PD ? pd : end->pd, p, MiB, from |
				 (flags & ACCESS ? 0 : ALL_ACCESS));
			REREG(end, mr, flags, q, 60000, end->pd,
			      ALL_ACCESS | to);
			if (flags & TRANS) {
				USE_RANGE(end, q, 60000, q, mr->rkey);
				READ_REFUSED(end, 100, p, mr->rkey);
			} else {
				USE_RANGE(end, p, 60000, p, mr->rkey);
			}
			EXPECT_EQ(ibv_dereg_mr(mr), 0);
		}
	}
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
	munmap(p, MiB);
	munmap(q, MiB);
	end_close(end);
}

/* After each of these it is what it was. */
static void refused(void)
{
	struct end *end = open_end();
	struct ibv_pd *pd = ibv_alloc_pd(end->dev->ctx), bogus = { 0 };
	uint8_t *p = fresh_pages(MiB), *hole = fresh_pages(2 * PAGE);
	struct ibv_mr *mr = REG(end->pd, p, 64 * KiB, ALL_ACCESS);
	struct ibv_mr none = { 0 };
	int fd = end->dev->ctx->cmd_fd, err;

	bogus.handle = 0xffff;
	none.handle = 0xffff;
	munmap(hole, 2 * PAGE);
#define REFUSED(want, flags, p, len, pd, access) do {			\
	EXPECT_EQ(rereg(end, mr, flags, p, len, pd, access), want);	\
	USE_RANGE(end, p_, 60000, p_, mr->rkey);			\
	WRITE_REFUSED(end, 2, p_ + 64 * KiB - 1, mr->rkey);		\
} while (0)
	uint8_t *p_ = p;

	REFUSED(EINVAL, 0, p, 100, pd, 0);
	REFUSED(EFAULT, TRANS, hole, PAGE, NULL, 0);
	REFUSED(EINVAL, TRANS, p, 0, NULL, 0);
	REFUSED(EINVAL, TRANS, p, SIZE_MAX, NULL, 0);
	REFUSED(EFAULT, TRANS | TO_PD | ACCESS, hole, PAGE, pd, 0);
	REFUSED(EINVAL, ACCESS, NULL, 0, NULL, IBV_ACCESS_REMOTE_WRITE);
	REFUSED(EINVAL, ACCESS | TO_PD, NULL, 0, pd, IBV_ACCESS_REMOTE_ATOMIC);
	err = rereg(end, mr, TO_PD, NULL, 0, &bogus, 0);
	EXPECT_F(err == ENOENT || err == EINVAL, "%s", strerror(err));
	err = rereg(end, mr, 8, p, 100, pd, 0);
	EXPECT_F(err == EOPNOTSUPP || err == EINVAL, "%s", strerror(err));
	EXPECT_EQ(rereg(end, &none, ACCESS, NULL, 0, NULL, 0), ENOENT);
	/* an address for requests at another offset in its page */
	EXPECT_EQ(raw_rereg_mr(fd, mr->handle, TRANS, p, 100, 5, 0, 0, &answer),
		  EINVAL);
	USE_RANGE(end, p, 60000, p, mr->rkey);
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	munmap(p, MiB);
	end_close(end);
}

static bool stop;

/*
 * Reads of a region that is now of one memory and now of the other: each word is
 * of one of them. And writes, that one of the two gets.
 */
static void *rereg_all_the_time(void *arg)
{
	struct end *end = arg;
	uint8_t *p = end->buf + 32 * KiB;
	struct ib_uverbs_rereg_mr_resp resp;
	long n = 0;
	int on_demand;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		on_demand = n & 2 ? IBV_ACCESS_ON_DEMAND : 0;
		if (raw_rereg_mr(end->dev->ctx->cmd_fd, end->mr->handle,
				 TRANS | ACCESS, n & 1 ? p : p + 64 * KiB,
				 16 * KiB, 0, 0, ALL_ACCESS | on_demand, &resp))
			return (void *)-1;
		n++;
	}
	return (void *)n;
}

static void under_traffic(void)
{
	struct end *end = open_end();
	uint8_t *p = fresh_pages(256 * KiB);
	struct ibv_sge sge = sge_of(end, 0, 16 * KiB);
	struct end other = *end;
	uint64_t until = now_ms() + 1500, *word = (uint64_t *)end->buf;
	long reads = 0, reregs;
	pthread_t thread;
	struct ibv_wc wc;
	void *ret;
	size_t i;

	memset(p + 32 * KiB, 0x11, 16 * KiB);
	memset(p + 96 * KiB, 0x22, 16 * KiB);
	other.buf = p;
	other.mr = ibv_reg_mr_iova(end->pd, p + 32 * KiB, 16 * KiB, 0,
				   ALL_ACCESS);
	if (!other.mr)
		bail("no region");
	stop = false;
	pthread_create(&thread, NULL, rereg_all_the_time, &other);
	while (now_ms() < until && !case_failed) {
		EXPECT_EQ(post_rdma(end, 1, IBV_WR_RDMA_READ, &sge, 0,
				    other.mr->rkey), 0);
		memset(&wc, 0, sizeof(wc));
		EXPECT(next_wc(end->scq, SOON_MS, &wc));
		if (!EXPECT_EQ(wc.status, IBV_WC_SUCCESS))
			break;
		reads++;
		for (i = 0; i < 16 * KiB / 8; i++)
			if (word[i] != 0x1111111111111111 &&
			    word[i] != 0x2222222222222222)
				break;
		EXPECT_F(i == 16 * KiB / 8, "word %zu is %llx", i,
			 (unsigned long long)word[i]);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, &ret);
	reregs = (long)ret;
	printf("# %ld reads, %ld reregistrations\n", reads, reregs);
	EXPECT(reads > 10 && reregs > 10);
	EXPECT_EQ(ibv_dereg_mr(other.mr), 0);
	EXPECT_EQ(status_kib("VmPin"), 64);
	munmap(p, 256 * KiB);
	end_close(end);
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("rereg: translation", translation),
	CASE_ONE_DEVICE("rereg: access", access_flags),
	CASE_ONE_DEVICE("rereg: protection domain", protection_domain),
	CASE_ONE_DEVICE("rereg: each combination, pinned and on demand",
			combinations),
	CASE_ONE_DEVICE("rereg: what is refused leaves it as it was", refused),
	CASE_ONE_DEVICE("rereg: under traffic", under_traffic),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
