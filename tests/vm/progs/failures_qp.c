// SPDX-License-Identifier: GPL-2.0
/*
 * Failures of allocations in the verbs of queue pairs, in posting to them, and
 * in the end of a context that has them. Events are left out: one whose copy to
 * user space fails is lost, and destroying its queue would wait for it without end.
 *
 *	failures_qp DEVICE [PATTERN]
 */
#include "verbs_common.h"
#include "failures.h"
#include "failures_verbs.h"

/* Queue pairs */

static int create_large_rc(void)
{
	return create_qp_of(IBV_QPT_RC, 4000);
}

static int create_ud(void)
{
	return create_qp_of(IBV_QPT_UD, 16);
}

static int create_rc_ex(void)
{
	struct ibv_qp_init_attr_ex init = {
		.send_cq = cq,
		.recv_cq = cq,
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
		.cap = {
			.max_send_wr = 16,
			.max_recv_wr = 16,
			.max_send_sge = 4,
			.max_recv_sge = 4,
			.max_inline_data = 64,
		},
		.pd = pd,
		.comp_mask = IBV_QP_INIT_ATTR_PD |
			     IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.send_ops_flags = IBV_QP_EX_WITH_SEND |
				  IBV_QP_EX_WITH_RDMA_WRITE,
	};

	errno = 0;
	qp = ibv_create_qp_ex(devices[0].ctx, &init);
	return errno_unless(qp);
}

static int destroy_qp(void)
{
	int err = qp ? errno_of(ibv_destroy_qp(qp)) : 0;

	if (!err)
		qp = NULL;
	return err;
}

static int query_qp(void)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	return errno_of(ibv_query_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV,
				     &init));
}

/* An end of a connection with itself, for the functions that change states. */
static struct end self(void)
{
	return (struct end) { .dev = &devices[0], .opt = usual, .qp = qp };
}

static int qp_to_init(void)
{
	return errno_of(to_init(qp, &usual));
}

static int qp_to_rtr(void)
{
	struct end end = self();

	return errno_of(to_rtr(&end, &end));
}

static int qp_to_rts(void)
{
	struct end end = self();

	return errno_of(to_rts(&end));
}

static int qp_to_sqd(void)
{
	return errno_of(to_state(qp, IBV_QPS_SQD));
}

static int qp_to_error(void)
{
	return errno_of(to_state(qp, IBV_QPS_ERR));
}

static int qp_to_reset(void)
{
	return errno_of(to_state(qp, IBV_QPS_RESET));
}

static void with_qp(void)
{
	with_pd_and_cq();
	if (create_rc())
		bail("create_qp");
}

static void with_qp_in_init(void)
{
	with_qp();
	if (qp_to_init())
		bail("INIT");
}

static void with_qp_in_rtr(void)
{
	with_qp_in_init();
	if (qp_to_rtr())
		bail("RTR");
}

static void with_qp_in_rts(void)
{
	with_qp_in_rtr();
	if (qp_to_rts())
		bail("RTS");
}

/*
 * Work requests: librxe puts them into the ring and then rings the doorbell,
 * which is what can fail. It is in the ring nonetheless.
 */
static struct pair pair;
static int posted;

static void with_pair(size_t size)
{
	struct options opt = usual;

	opt.size = size;
	ends_on = 1;
	pair_open(&pair, &opt);
	posted = 0;
}

static void with_short_pair(void)
{
	with_pair(65536);
}

/* Longer than what a doorbell does itself. */
static void with_long_pair(void)
{
	with_pair(LARGE);
}

static int post_a_send(void)
{
	struct ibv_sge out = sge_of(&pair.a, 0, pair.a.opt.size);
	struct ibv_sge in = sge_of(&pair.b, 0, pair.b.opt.size);

	if (post_recv(&pair.b, posted, &in))
		bail("post_recv");
	return errno_of(post_send(&pair.a, posted++, IBV_WR_SEND, &out, 0));
}

static int post_a_write(void)
{
	struct ibv_sge out = sge_of(&pair.a, 0, pair.a.opt.size);

	return errno_of(post_rdma(&pair.a, posted++, IBV_WR_RDMA_WRITE, &out,
				  (uintptr_t)pair.b.buf, pair.b.mr->rkey));
}

/* A receive and a look at an empty queue, which need no kernel. */
static int post_recv_and_poll(void)
{
	struct ibv_sge in = sge_of(&pair.b, 0, 100);
	struct ibv_wc wc;
	int err = errno_of(post_recv(&pair.b, 1, &in));

	return err ? err : errno_of(ibv_poll_cq(pair.b.rcq, 1, &wc));
}

static void close_pair(void)
{
	int i;

	for (i = 0; i < posted; i++)
		EXPECT_WC(pair.a.scq, i, SUCCESS);
	if (posted)
		EXPECT(is_filled(pair.b.buf, pair.b.opt.size, 1));
	pair_close(&pair);
}

/* A context that is closed with everything in it. */

static struct ibv_context *context;

static void with_full_context(void)
{
	struct device saved = devices[0];

	context = ibv_open_device(saved.ctx->device);
	if (!context)
		bail("open_device");
	devices[0].ctx = context;
	with_qp_in_rts();
	memory = map_memory(LARGE, PROT_READ | PROT_WRITE, 0);
	memory_len = LARGE;
	if (reg_mr())
		bail("reg_mr");
	devices[0] = saved;
	/* they go with the context */
	qp = NULL;
	mr = NULL;
	cq = NULL;
	channel = NULL;
	pd = NULL;
}

static int close_device(void)
{
	struct ibv_context *old = context;

	context = NULL;
	return old ? errno_of(ibv_close_device(old)) : 0;
}

static void forget_memory(void)
{
	munmap(memory, memory_len);
}

static const struct operation operations[] = {
	{ "close_device with everything in it", with_full_context,
	  close_device, forget_memory, 0, MAY_NOT_ASK },
	{ "create_qp RC", with_pd_and_cq, create_rc, forget_all, 0, 0 },
	{ "create_qp RC, 4000 requests", with_pd_and_cq, create_large_rc,
	  forget_all, 0, 0 },
	{ "create_qp UD", with_pd_and_cq, create_ud, forget_all, 0, 0 },
	{ "create_qp_ex RC", with_pd_and_cq, create_rc_ex, forget_all, 0, 0 },
	{ "query_qp", with_qp_in_rts, query_qp, forget_all, 0, 0 },
	{ "modify_qp to INIT", with_qp, qp_to_init, forget_all, 0, 0 },
	{ "modify_qp to RTR", with_qp_in_init, qp_to_rtr, forget_all, 0, 0 },
	{ "modify_qp to RTS", with_qp_in_rtr, qp_to_rts, forget_all, 0, 0 },
	{ "modify_qp to SQD", with_qp_in_rts, qp_to_sqd, forget_all, 0, 0 },
	{ "modify_qp to ERR", with_qp_in_rts, qp_to_error, forget_all, 0, 0 },
	{ "modify_qp to RESET", with_qp_in_rts, qp_to_reset, forget_all, 0, 0 },
	{ "destroy_qp", with_qp_in_rts, destroy_qp, forget_all, 0,
	  MAY_BE_DONE },
	{ "post_send", with_short_pair, post_a_send, close_pair, 0, 0 },
	{ "post_send, long", with_long_pair, post_a_send, close_pair, 0, 0 },
	{ "post_send of a write, long", with_long_pair, post_a_write,
	  close_pair, 0, 0 },
	{ "post_recv and poll_cq", with_short_pair, post_recv_and_poll,
	  close_pair, 0, MAY_NOT_ASK },
};

int main(int argc, char **argv)
{
	return run_operations(operations, ARRAY_SIZE(operations), argc, argv);
}
