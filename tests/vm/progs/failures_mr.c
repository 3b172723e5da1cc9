// SPDX-License-Identifier: GPL-2.0
/*
 * Failures of allocations in what regions and windows can do besides being
 * registered: on demand, prefetched, reregistered, and reached while their pages are
 * not there; and in making and freeing windows.
 *
 *	failures_mr DEVICE [PATTERN]
 */
#include "verbs_common.h"
#include "failures.h"
#include "failures_verbs.h"
#include "uverbs_raw.h"

#define TRANS	IBV_REREG_MR_CHANGE_TRANSLATION
#define ACCESS	IBV_REREG_MR_CHANGE_ACCESS
#define TO_PD	IBV_REREG_MR_CHANGE_PD
#define ODP	(ALL_ACCESS | IBV_ACCESS_ON_DEMAND)

/* Of a region on demand: each of its pages is allocated when it is brought in. */
#define SOME	(16 * SMALL)

static struct ibv_mw *mw;
static struct ibv_pd *other_pd;

static void forget_memory(void)
{
	if (mw)
		ibv_dealloc_mw(mw);
	mw = NULL;
	forget_all();
	if (other_pd)
		ibv_dealloc_pd(other_pd);
	other_pd = NULL;
	munmap(memory, memory_len);
}

/* Regions on demand */

static void with_absent_memory(void)
{
	with_memory(SOME, PROT_READ | PROT_WRITE, 0);
}

static int reg_on_demand(void)
{
	errno = 0;
	mr = ibv_reg_mr(pd, memory, memory_len, ODP);
	return errno_unless(mr);
}

static int reg_implicit(void)
{
	errno = 0;
	mr = ibv_reg_mr(pd, NULL, SIZE_MAX, ODP);
	return errno_unless(mr);
}

static void with_mr_on_demand(void)
{
	with_absent_memory();
	if (reg_on_demand())
		bail("reg_mr on demand");
}

static int prefetch(void)
{
	struct ib_uverbs_sge sge = {
		.addr = (uintptr_t)memory,
		.length = memory_len,
		.lkey = mr->lkey,
	};

	return raw_advise_mr(devices[0].ctx->cmd_fd, pd->handle,
			     IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE,
			     IB_UVERBS_ADVISE_MR_FLAG_FLUSH, &sge, 1);
}

static void with_mr_prefetched(void)
{
	with_mr_on_demand();
	if (prefetch())
		bail("prefetch");
}

/* Reregistration */

static void with_mr(void)
{
	with_memory(SOME, PROT_READ | PROT_WRITE, MAP_POPULATE);
	if (reg_mr())
		bail("reg_mr");
	other_pd = ibv_alloc_pd(devices[0].ctx);
	if (!other_pd)
		bail("alloc_pd");
}

static int rereg(int flags, const void *start, size_t len, int access)
{
	struct ib_uverbs_rereg_mr_resp resp;

	return raw_rereg_mr(devices[0].ctx->cmd_fd, mr->handle, flags, start,
			    len, (uintptr_t)start, other_pd->handle, access,
			    &resp);
}

static int rereg_translation(void)
{
	return rereg(TRANS, memory + SMALL, SOME / 2, 0);
}

static int rereg_access(void)
{
	return rereg(ACCESS, NULL, 0, IBV_ACCESS_REMOTE_READ);
}

static int rereg_pd(void)
{
	return rereg(TO_PD, NULL, 0, 0);
}

static int rereg_on_demand(void)
{
	return rereg(TRANS | ACCESS, memory, SOME, ODP);
}

/* Windows */

static int alloc_mw_1(void)
{
	errno = 0;
	mw = ibv_alloc_mw(pd, IBV_MW_TYPE_1);
	return errno_unless(mw);
}

static int alloc_mw_2(void)
{
	errno = 0;
	mw = ibv_alloc_mw(pd, IBV_MW_TYPE_2);
	return errno_unless(mw);
}

static void with_mw(void)
{
	with_absent_memory();
	if (alloc_mw_1())
		bail("alloc_mw");
}

static int dealloc_mw(void)
{
	int err = mw ? errno_of(ibv_dealloc_mw(mw)) : 0;

	if (!err)
		mw = NULL;
	return err;
}

/* Messages to and from pages that are not there */

static struct pair pair;

static void with_absent_pair(void)
{
	struct options opt = usual;

	opt.access = ODP;
	ends_on = 1;
	pair_open(&pair, &opt);
	madvise(pair.a.buf, pair.a.opt.size, MADV_DONTNEED);
	madvise(pair.b.buf, pair.b.opt.size, MADV_DONTNEED);
}

/*
 * Where a page could not be brought in the message fails on that one's side, as
 * it does on an address without memory.
 */
static int outcome(int err)
{
	struct ibv_wc wc;

	/* posted, but the doorbell has not come through */
	if (err)
		return err;
	disarm();
	if (!next_wc(pair.a.scq, SOON_MS, &wc))
		return EIO;
	if (wc.status == IBV_WC_SUCCESS)
		return 0;
	EXPECT_F(wc.status == IBV_WC_LOC_PROT_ERR ||
		 wc.status == IBV_WC_REM_ACCESS_ERR, "status '%s'",
		 ibv_wc_status_str(wc.status));
	if (wc.status == IBV_WC_REM_ACCESS_ERR)
		expect_event(__LINE__, pair.b.dev, IBV_EVENT_QP_ACCESS_ERR,
			     pair.b.qp);
	return ENOMEM;
}

static int write_to_absent(void)
{
	struct ibv_sge sge = sge_of(&pair.a, 0, SOME);

	return outcome(errno_of(post_rdma(&pair.a, 1, IBV_WR_RDMA_WRITE, &sge,
					  (uintptr_t)pair.b.buf,
					  pair.b.mr->rkey)));
}

static int read_from_absent(void)
{
	struct ibv_sge sge = sge_of(&pair.a, 0, SOME);

	return outcome(errno_of(post_rdma(&pair.a, 1, IBV_WR_RDMA_READ, &sge,
					  (uintptr_t)pair.b.buf,
					  pair.b.mr->rkey)));
}

static void close_pair(void)
{
	pair_close(&pair);
}

static const struct operation operations[] = {
	{ "reg_mr on demand", with_absent_memory, reg_on_demand, forget_memory,
	  0, 0 },
	{ "reg_mr on demand, implicit", with_absent_memory, reg_implicit,
	  forget_memory, 0, 0 },
	{ "prefetch", with_mr_on_demand, prefetch, forget_memory, 0, 0 },
	{ "dereg_mr of pages brought in", with_mr_prefetched, dereg_mr,
	  forget_memory, 0, MAY_BE_DONE },
	{ "rereg_mr, translation", with_mr, rereg_translation, forget_memory,
	  0, 0 },
	{ "rereg_mr, access", with_mr, rereg_access, forget_memory, 0, 0 },
	{ "rereg_mr, PD", with_mr, rereg_pd, forget_memory, 0, 0 },
	{ "rereg_mr, to on demand", with_mr, rereg_on_demand, forget_memory,
	  0, 0 },
	{ "alloc_mw, type 1", with_absent_memory, alloc_mw_1, forget_memory, 0,
	  0 },
	{ "alloc_mw, type 2", with_absent_memory, alloc_mw_2, forget_memory, 0,
	  0 },
	{ "dealloc_mw", with_mw, dealloc_mw, forget_memory, 0, MAY_BE_DONE },
	{ "a write from and to pages that are not there", with_absent_pair,
	  write_to_absent, close_pair, 0, RENEW },
	{ "a read from and to pages that are not there", with_absent_pair,
	  read_from_absent, close_pair, 0, RENEW },
};

int main(int argc, char **argv)
{
	return run_operations(operations, ARRAY_SIZE(operations), argc, argv);
}
