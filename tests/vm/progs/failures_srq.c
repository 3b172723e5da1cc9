// SPDX-License-Identifier: GPL-2.0
/*
 * Failures of allocations in the verbs of shared receive queues, in the resizing
 * of queues, and in those of multicast groups.
 *
 *	failures_srq DEVICE [PATTERN]
 */
#include "verbs_common.h"
#include "failures.h"
#include "failures_verbs.h"

static struct ibv_srq *srq;
static union ibv_gid group;

static void forget_srq(void)
{
	if (qp)
		ibv_destroy_qp(qp);
	qp = NULL;
	if (srq)
		ibv_destroy_srq(srq);
	srq = NULL;
	forget_all();
}

static int create_srq_of(int wr)
{
	struct ibv_srq_init_attr init = {
		.attr = { .max_wr = wr, .max_sge = 4 },
	};

	errno = 0;
	srq = ibv_create_srq(pd, &init);
	return errno_unless(srq);
}

static int create_small_srq(void)
{
	return create_srq_of(16);
}

static int create_large_srq(void)
{
	return create_srq_of(4000);
}

static void with_srq(void)
{
	with_pd_and_cq();
	if (create_small_srq())
		bail("create_srq");
}

static int set_limit(void)
{
	struct ibv_srq_attr attr = { .srq_limit = 3 };

	return errno_of(ibv_modify_srq(srq, &attr, IBV_SRQ_LIMIT));
}

static int resize_srq(void)
{
	struct ibv_srq_attr attr = { .max_wr = 1000 };

	return errno_of(ibv_modify_srq(srq, &attr, IBV_SRQ_MAX_WR));
}

static int query_srq(void)
{
	struct ibv_srq_attr attr;

	return errno_of(ibv_query_srq(srq, &attr));
}

static int destroy_srq(void)
{
	int err = srq ? errno_of(ibv_destroy_srq(srq)) : 0;

	if (!err)
		srq = NULL;
	return err;
}

static int create_qp_with_srq(void)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq,
		.recv_cq = cq,
		.srq = srq,
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 16, .max_send_sge = 4 },
	};

	errno = 0;
	qp = ibv_create_qp(pd, &init);
	return errno_unless(qp);
}

static int resize_cq(void)
{
	return errno_of(ibv_resize_cq(cq, 1000));
}

/* Multicast groups */

static void with_ud(void)
{
	with_pd_and_cq();
	if (create_qp_of(IBV_QPT_UD, 16))
		bail("create_qp UD");
	inet_pton(AF_INET6, "::ffff:239.7.7.9", group.raw);
}

static int attach(void)
{
	return errno_of(ibv_attach_mcast(qp, &group, 0));
}

static int detach(void)
{
	return errno_of(ibv_detach_mcast(qp, &group, 0));
}

static void with_member(void)
{
	with_ud();
	if (attach())
		bail("attach_mcast");
}

static void leave(void)
{
	ibv_detach_mcast(qp, &group, 0);
	forget_all();
}

static const struct operation operations[] = {
	{ "create_srq", with_pd_and_cq, create_small_srq, forget_srq, 0, 0 },
	{ "create_srq, 4000 requests", with_pd_and_cq, create_large_srq,
	  forget_srq, 0, 0 },
	{ "modify_srq, limit", with_srq, set_limit, forget_srq, 0, 0 },
	{ "modify_srq, size", with_srq, resize_srq, forget_srq, 0, RENEW },
	{ "query_srq", with_srq, query_srq, forget_srq, 0, 0 },
	{ "destroy_srq", with_srq, destroy_srq, forget_srq, 0, MAY_BE_DONE },
	{ "create_qp with an SRQ", with_srq, create_qp_with_srq, forget_srq, 0,
	  0 },
	{ "resize_cq", with_cq, resize_cq, forget_all, 0, RENEW },
	{ "attach_mcast", with_ud, attach, leave, 0, 0 },
	{ "detach_mcast", with_member, detach, leave, 0, MAY_BE_DONE },
};

int main(int argc, char **argv)
{
	return run_operations(operations, ARRAY_SIZE(operations), argc, argv);
}
