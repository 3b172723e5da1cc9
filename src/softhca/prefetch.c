// SPDX-License-Identifier: GPL-2.0
/*
 * ibv_advise_mr(): bringing pages of ODP regions in before they are used.
 */
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "mr.h"
#include "odp.h"

/* Brought in at a time; then one looks whether that is still wanted. */
#define PREFETCH_STEP	SZ_1M

/**
 * struct prefetch_range - a range of a region
 * @mr: the region, held
 * @va: where the range begins in the process
 * @length: bytes
 */
struct prefetch_range {
	struct softhca_mr *mr;
	u64 va;
	u64 length;
};

/**
 * struct prefetch - a list of ranges to bring in
 * @work: does it later
 * @how: what for
 * @num: how many there are
 * @range: the ranges
 */
struct prefetch {
	struct work_struct work;
	enum softhca_odp_fault how;
	u32 num;
	struct prefetch_range range[];
};

static struct workqueue_struct *prefetch_wq;

static void prefetch_free(struct prefetch *prefetch)
{
	while (prefetch->num)
		softhca_mr_put(prefetch->range[--prefetch->num].mr);
	kvfree(prefetch);
}

static int bring_in_range(const struct prefetch_range *range,
			  enum softhca_odp_fault how)
{
	u64 done = 0, step;
	int err;

	for (; done < range->length; done += step) {
		step = min_t(u64, range->length - done, PREFETCH_STEP);
		if (READ_ONCE(range->mr->state) != SOFTHCA_MR_VALID)
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		err = softhca_odp_fault(range->mr->odp, range->va + done, step,
					how, SOFTHCA_ODP_PREFETCH);
		if (err)
			return err;
	}
	return 0;
}

static int prefetch_all(const struct prefetch *prefetch)
{
	int err = 0;
	u32 i;

	for (i = 0; !err && i < prefetch->num; i++)
		err = bring_in_range(&prefetch->range[i], prefetch->how);
	return err;
}

static void prefetch_work(struct work_struct *work)
{
	struct prefetch *prefetch = container_of(work, struct prefetch, work);

	prefetch_all(prefetch);
	prefetch_free(prefetch);
}

/* Is it an ODP region of this PD that has this range and allows this? */
static bool prefetch_allowed(const struct softhca_mr *mr,
			     const struct ib_pd *pd, const struct ib_sge *sge,
			     enum softhca_odp_fault how)
{
	return mr->kind == SOFTHCA_MR_ODP && mr->pd == pd &&
	       mr->key == sge->lkey &&
	       READ_ONCE(mr->state) == SOFTHCA_MR_VALID &&
	       sge->addr >= mr->iova && sge->length <= mr->length &&
	       sge->addr - mr->iova <= mr->length - sge->length &&
	       (how != SOFTHCA_ODP_WRITE || mr->access & IB_ACCESS_LOCAL_WRITE);
}

static int prefetch_add(struct prefetch *prefetch, struct ib_pd *pd,
			const struct ib_sge *sge)
{
	struct softhca_mr *mr = softhca_mr_get(to_softhca(pd->device),
					       sge->lkey);

	if (!mr)
		return -EFAULT;
	if (!prefetch_allowed(mr, pd, sge, prefetch->how)) {
		softhca_mr_put(mr);
		return -EFAULT;
	}
	prefetch->range[prefetch->num++] = (struct prefetch_range) {
		.mr = mr,
		.va = mr->start + (sge->addr - mr->iova),
		.length = sge->length,
	};
	return 0;
}

/**
 * softhca_advise_mr - bring in pages of ODP regions
 * @pd: the protection domain of the regions
 * @advice: for what
 * @flags: IB_UVERBS_ADVISE_MR_FLAG_FLUSH: not before that is done does it return;
 *	otherwise it is done later, and nobody is told how it went
 * @sge: the ranges
 * @num_sge: how many
 * @attrs: of the command
 *
 * Context: May sleep.
 * Return: 0; as man ibv_advise_mr has it -EFAULT for a range or key that is not
 * in order, or memory that is not there, -EOPNOTSUPP for another advice; -ENOMEM.
 */
int softhca_advise_mr(struct ib_pd *pd, enum ib_uverbs_advise_mr_advice advice,
		      u32 flags, struct ib_sge *sge, u32 num_sge,
		      struct uverbs_attr_bundle *attrs)
{
	struct prefetch *prefetch;
	int err = 0;
	u32 i;

	if (advice != IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH &&
	    advice != IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE &&
	    advice != IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT)
		return -EOPNOTSUPP;

	prefetch = kvzalloc(struct_size(prefetch, range, num_sge), GFP_KERNEL);
	if (!prefetch)
		return -ENOMEM;
	INIT_WORK(&prefetch->work, prefetch_work);
	if (advice == IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE)
		prefetch->how = SOFTHCA_ODP_WRITE;
	else if (advice == IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT)
		prefetch->how = SOFTHCA_ODP_SNAPSHOT;

	for (i = 0; !err && i < num_sge; i++)
		err = prefetch_add(prefetch, pd, &sge[i]);

	if (!err && !(flags & IB_UVERBS_ADVISE_MR_FLAG_FLUSH)) {
		queue_work(prefetch_wq, &prefetch->work);
		return 0;
	}
	if (!err)
		err = prefetch_all(prefetch);
	prefetch_free(prefetch);
	/* The pages came and went: it has done what it could. */
	if (err == -EAGAIN)
		return 0;
	return err == -EPERM ? -EFAULT : err;
}

int softhca_prefetch_module_init(void)
{
	prefetch_wq = alloc_workqueue("softhca_prefetch", WQ_UNBOUND, 0);
	return prefetch_wq ? 0 : -ENOMEM;
}

void softhca_prefetch_module_exit(void)
{
	destroy_workqueue(prefetch_wq);
}
