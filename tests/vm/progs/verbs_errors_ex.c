// SPDX-License-Identifier: GPL-2.0
/*
 * The extended interfaces for posting and polling (ibv_wr_post(3),
 * ibv_create_cq_ex(3)): they end in the same rings by other ways, and with
 * other habits (librxe 44 writes totals that are not the sum of the ranges).
 */
#include "verbs_common.h"

#define RC_OPS	(IBV_QP_EX_WITH_RDMA_WRITE | IBV_QP_EX_WITH_RDMA_READ | \
		 IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM | IBV_QP_EX_WITH_SEND | \
		 IBV_QP_EX_WITH_SEND_WITH_IMM | IBV_QP_EX_WITH_LOCAL_INV | \
		 IBV_QP_EX_WITH_SEND_WITH_INV)
#define UD_OPS	(IBV_QP_EX_WITH_SEND | IBV_QP_EX_WITH_SEND_WITH_IMM)

static void end_open_ex(struct end *end, struct device *dev,
			const struct options *opt, uint64_t ops)
{
	struct ibv_qp_init_attr_ex init = {
		.qp_type = opt->type,
		.sq_sig_all = opt->signal_all,
		.cap = {
			.max_send_wr = opt->send_wr,
			.max_recv_wr = opt->recv_wr,
			.max_send_sge = opt->send_sge,
			.max_recv_sge = opt->recv_sge,
			.max_inline_data = opt->inline_data,
		},
		.comp_mask = IBV_QP_INIT_ATTR_PD |
			     IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.send_ops_flags = ops,
	};

	end_open_without_qp(end, dev, opt);
	init.pd = end->pd;
	init.send_cq = end->scq;
	init.recv_cq = end->rcq;
	end->qp = ibv_create_qp_ex(dev->ctx, &init);
	if (!end->qp)
		bail("no extended QP");
}

static struct ibv_qp_ex *open_pair_ex(struct pair *p,
				      const struct options *opt, uint64_t ops)
{
	end_open_ex(&p->a, device_of(0), opt, ops);
	end_open_ex(&p->b, device_of(1), opt, ops);
	fill(p->b.buf, p->b.opt.size, 2);
	end_connect(&p->b, &p->a);
	end_connect(&p->a, &p->b);
	return ibv_qp_to_qp_ex(p->a.qp);
}

/*
 * The ways to say where the data is, but one: ibv_wr_set_inline_data_list() of
 * librxe 44 says that there are 0 bytes, and a kernel cannot know better.
 */
enum how { ONE_RANGE, RANGES, INLINE, HOWS };

/* Without the flag: see inline_without_flag(). */
static int flags_of(enum how how)
{
	return how == INLINE ? IBV_SEND_INLINE : 0;
}

static void set_data(struct ibv_qp_ex *qp, struct pair *p, enum how how)
{
	struct ibv_sge sge[3];
	int i;

	for (i = 0; i < 3; i++)
		sge[i] = sge_of(&p->a, i * 20, 20);
	switch (how) {
	case ONE_RANGE:
		ibv_wr_set_sge(qp, p->a.mr->lkey, (uintptr_t)p->a.buf, 60);
		break;
	case RANGES:
		ibv_wr_set_sge_list(qp, 3, sge);
		break;
	default:
		ibv_wr_set_inline_data(qp, p->a.buf, 60);
		break;
	}
}

static void receive(struct pair *p, uint64_t id)
{
	struct ibv_sge in = sge_of(&p->b, 1000, 100);

	EXPECT_EQ(post_recv(&p->b, id, &in), 0);
	memset(p->b.buf + 1000, 0, 100);
}

static void sends(void)
{
	struct ibv_qp_ex *qp;
	struct ibv_wc wc;
	struct pair p;
	int how;

	qp = open_pair_ex(&p, &usual, RC_OPS);
	for (how = 0; how < HOWS; how++) {
		fill(p.a.buf, 60, how);
		receive(&p, 1);
		ibv_wr_start(qp);
		qp->wr_id = 10 + how;
		qp->wr_flags = flags_of(how);
		ibv_wr_send(qp);
		set_data(qp, &p, how);
		EXPECT_EQ(ibv_wr_complete(qp), 0);
		EXPECT_WC(p.a.scq, 10 + how, SUCCESS);
		EXPECT_WC_AS(p.b.rcq, 1, SUCCESS, &wc);
		EXPECT_EQ(wc.byte_len, 60);
		EXPECT(is_filled(p.b.buf + 1000, 60, how));
		EXPECT(!p.b.buf[1060]);

		receive(&p, 2);
		ibv_wr_start(qp);
		qp->wr_id = 20 + how;
		ibv_wr_send_imm(qp, htonl(77));
		set_data(qp, &p, how);
		EXPECT_EQ(ibv_wr_complete(qp), 0);
		EXPECT_WC(p.a.scq, 20 + how, SUCCESS);
		EXPECT_WC_AS(p.b.rcq, 2, SUCCESS, &wc);
		EXPECT_EQ(wc.byte_len, 60);
		EXPECT_EQ(wc.imm_data, htonl(77));
		EXPECT(is_filled(p.b.buf + 1000, 60, how));
	}
	pair_close(&p);
}

static void rdma(void)
{
	struct ibv_qp_ex *qp;
	struct ibv_wc wc;
	struct pair p;
	int how;

	qp = open_pair_ex(&p, &usual, RC_OPS);
	for (how = 0; how < HOWS; how++) {
		fill(p.a.buf, 60, how);
		memset(p.b.buf + 1000, 0, 100);
		ibv_wr_start(qp);
		qp->wr_id = 10 + how;
		qp->wr_flags = flags_of(how);
		ibv_wr_rdma_write(qp, p.b.mr->rkey, (uintptr_t)p.b.buf + 1000);
		set_data(qp, &p, how);
		EXPECT_EQ(ibv_wr_complete(qp), 0);
		EXPECT_WC(p.a.scq, 10 + how, SUCCESS);
		EXPECT(is_filled(p.b.buf + 1000, 60, how));
		EXPECT(!p.b.buf[1060]);

		memset(p.b.buf + 1000, 0, 100);
		EXPECT_EQ(post_recv(&p.b, 1, NULL), 0);
		ibv_wr_start(qp);
		qp->wr_id = 20 + how;
		ibv_wr_rdma_write_imm(qp, p.b.mr->rkey,
				      (uintptr_t)p.b.buf + 1000, htonl(5));
		set_data(qp, &p, how);
		EXPECT_EQ(ibv_wr_complete(qp), 0);
		EXPECT_WC(p.a.scq, 20 + how, SUCCESS);
		EXPECT_WC_AS(p.b.rcq, 1, SUCCESS, &wc);
		EXPECT_EQ(wc.byte_len, 60);
		EXPECT_EQ(wc.imm_data, htonl(5));
		EXPECT(is_filled(p.b.buf + 1000, 60, how));
		EXPECT(!p.b.buf[1060]);

		if (how == INLINE)
			continue;
		fill(p.b.buf + 2000, 60, 40 + how);
		memset(p.a.buf, 0, 100);
		ibv_wr_start(qp);
		qp->wr_id = 30 + how;
		ibv_wr_rdma_read(qp, p.b.mr->rkey, (uintptr_t)p.b.buf + 2000);
		set_data(qp, &p, how);
		EXPECT_EQ(ibv_wr_complete(qp), 0);
		EXPECT_WC_AS(p.a.scq, 30 + how, SUCCESS, &wc);
		EXPECT(is_filled(p.a.buf, 60, 40 + how));
		EXPECT(!p.a.buf[60]);
	}
	pair_close(&p);
}

/* Several in one go; nothing of those that are taken back. */
static void batches(void)
{
	struct ibv_qp_ex *qp;
	struct pair p;
	int i, round;

	qp = open_pair_ex(&p, &usual, RC_OPS);
	for (round = 0; round < 20; round++) {
		memset(p.b.buf, 0, 1000);
		ibv_wr_start(qp);
		for (i = 0; i < 5; i++) {
			qp->wr_id = 10 * round + i;
			qp->wr_flags = 0;
			ibv_wr_rdma_write(qp, p.b.mr->rkey,
					  (uintptr_t)p.b.buf + 100 * i);
			ibv_wr_set_sge(qp, p.a.mr->lkey,
				       (uintptr_t)p.a.buf + i, 50);
		}
		if (round % 3 == 1) {
			ibv_wr_abort(qp);
			continue;
		}
		EXPECT_EQ(ibv_wr_complete(qp), 0);
		for (i = 0; i < 5; i++) {
			EXPECT_WC(p.a.scq, 10 * round + i, SUCCESS);
			EXPECT(!memcmp(p.b.buf + 100 * i, p.a.buf + i, 50));
		}
	}
	EXPECT_NO_WC(p.a.scq);
	pair_close(&p);
}

static void errors(void)
{
	struct ibv_qp_ex *qp;
	struct pair p;

	/* of the second of three */
	qp = open_pair_ex(&p, &usual, RC_OPS);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_rdma_write(qp, p.b.mr->rkey, (uintptr_t)p.b.buf);
	ibv_wr_set_sge(qp, p.a.mr->lkey, (uintptr_t)p.a.buf, 50);
	qp->wr_id = 2;
	ibv_wr_rdma_write(qp, p.b.mr->rkey, (uintptr_t)p.b.buf);
	ibv_wr_set_sge(qp, p.a.mr->lkey ^ 1, (uintptr_t)p.a.buf, 50);
	qp->wr_id = 3;
	ibv_wr_rdma_write(qp, p.b.mr->rkey, (uintptr_t)p.b.buf);
	ibv_wr_set_sge(qp, p.a.mr->lkey, (uintptr_t)p.a.buf, 50);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.a.scq, 2, LOC_PROT_ERR);
	EXPECT_WC(p.a.scq, 3, WR_FLUSH_ERR);
	pair_close(&p);

	qp = open_pair_ex(&p, &usual, RC_OPS);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_rdma_read(qp, p.b.mr->rkey ^ 1, (uintptr_t)p.b.buf);
	ibv_wr_set_sge(qp, p.a.mr->lkey, (uintptr_t)p.a.buf, 50);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC(p.a.scq, 1, REM_ACCESS_ERR);
	EXPECT_EVENT(p.b.dev, IBV_EVENT_QP_ACCESS_ERR, p.b.qp);
	pair_close(&p);

	/* what is not for user space */
	qp = open_pair_ex(&p, &usual, RC_OPS);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_local_inv(qp, p.a.mr->rkey);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC(p.a.scq, 1, MW_BIND_ERR);
	pair_close(&p);

	qp = open_pair_ex(&p, &usual, RC_OPS);
	receive(&p, 5);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_send_inv(qp, p.b.mr->rkey);
	ibv_wr_set_sge(qp, p.a.mr->lkey, (uintptr_t)p.a.buf, 8);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC(p.a.scq, 1, REM_ACCESS_ERR);
	EXPECT_WC(p.b.rcq, 5, REM_INV_REQ_ERR);
	pair_close(&p);
}

static void inline_too_long(void)
{
	struct options opt = usual;
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_qp_ex *qp;
	struct pair p;

	qp = open_pair_ex(&p, &opt, RC_OPS);
	EXPECT_EQ(ibv_query_qp(p.a.qp, &attr, IBV_QP_CAP, &init), 0);
	ibv_wr_start(qp);
	qp->wr_id = 1;
	ibv_wr_rdma_write(qp, p.b.mr->rkey, (uintptr_t)p.b.buf);
	ibv_wr_set_inline_data(qp, p.a.buf, init.cap.max_inline_data + 1);
	EXPECT(ibv_wr_complete(qp));
	EXPECT_NO_WC(p.a.scq);
	EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));

	ibv_wr_start(qp);
	qp->wr_id = 2;
	qp->wr_flags = IBV_SEND_INLINE;
	ibv_wr_rdma_write(qp, p.b.mr->rkey, (uintptr_t)p.b.buf);
	ibv_wr_set_inline_data(qp, p.a.buf, init.cap.max_inline_data);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT(!memcmp(p.a.buf, p.b.buf, init.cap.max_inline_data));
	pair_close(&p);
}

/*
 * ibv_wr_post(3) has a call for it and asks for no flag; librxe 44 makes a
 * request of it that has no range, a length, and not the flag either.
 */
static void inline_without_flag(void)
{
	struct ibv_qp_ex *qp;
	struct ibv_wc wc;
	struct pair p;

	qp = open_pair_ex(&p, &usual, RC_OPS);
	receive(&p, 1);
	ibv_wr_start(qp);
	qp->wr_id = 10;
	qp->wr_flags = 0;
	ibv_wr_send(qp);
	set_data(qp, &p, INLINE);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC(p.a.scq, 10, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 1, SUCCESS, &wc);
	EXPECT_EQ(wc.byte_len, 60);
	EXPECT(is_filled(p.b.buf + 1000, 60, 1));

	/* no data at all is no data */
	receive(&p, 2);
	ibv_wr_start(qp);
	qp->wr_id = 3;
	ibv_wr_send(qp);
	EXPECT_EQ(ibv_wr_complete(qp), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 2, SUCCESS, &wc);
	EXPECT_EQ(wc.byte_len, 0);
	pair_close(&p);
}

static void datagrams(void)
{
	struct options opt = usual;
	struct ibv_ah_attr attr = { .is_global = 1, .port_num = 1 };
	struct ibv_qp_ex *qp;
	struct ibv_ah *ah;
	struct ibv_wc wc;
	struct pair p;
	int how;

	opt.type = IBV_QPT_UD;
	qp = open_pair_ex(&p, &opt, UD_OPS);
	attr.grh.dgid = p.b.dev->gid;
	attr.grh.sgid_index = p.a.dev->gid_index;
	ah = ibv_create_ah(p.a.pd, &attr);
	if (!ah)
		bail("no AH");
	for (how = 0; how < HOWS; how++) {
		fill(p.a.buf, 60, how);
		receive(&p, 1);
		ibv_wr_start(qp);
		qp->wr_id = 2;
		qp->wr_flags = flags_of(how);
		if (how % 2)
			ibv_wr_send(qp);
		else
			ibv_wr_send_imm(qp, htonl(3));
		ibv_wr_set_ud_addr(qp, ah, p.b.qp->qp_num, QKEY);
		set_data(qp, &p, how);
		EXPECT_EQ(ibv_wr_complete(qp), 0);
		EXPECT_WC(p.a.scq, 2, SUCCESS);
		EXPECT_WC_AS(p.b.rcq, 1, SUCCESS, &wc);
		EXPECT_EQ(wc.byte_len, 100);
		EXPECT_EQ(wc.src_qp, p.a.qp->qp_num);
		EXPECT(is_filled(p.b.buf + 1040, 60, how));
	}
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* A pair whose receiver completes into an extended queue. */
static struct ibv_cq_ex *open_cq_ex(struct pair *p)
{
	struct ibv_cq_init_attr_ex init = {
		.cqe = 20,
		.wc_flags = IBV_WC_EX_WITH_BYTE_LEN | IBV_WC_EX_WITH_IMM |
			    IBV_WC_EX_WITH_QP_NUM | IBV_WC_EX_WITH_SRC_QP |
			    IBV_WC_EX_WITH_SL,
	};
	struct ibv_cq_ex *cq;
	struct ibv_cq *own;

	end_open(&p->a, device_of(0), &usual);
	end_open_without_qp(&p->b, device_of(1), &usual);
	fill(p->b.buf, p->b.opt.size, 2);
	init.channel = p->b.channel;
	init.cq_context = p;
	cq = ibv_create_cq_ex(p->b.dev->ctx, &init);
	if (!cq)
		bail("no extended CQ");
	own = p->b.rcq;
	p->b.rcq = ibv_cq_ex_to_cq(cq);
	p->b.qp = create_qp(&p->b, &usual);
	if (!p->b.qp)
		bail("no QP");
	p->b.rcq = own;
	end_connect(&p->b, &p->a);
	end_connect(&p->a, &p->b);
	return cq;
}

static void close_cq_ex(struct pair *p, struct ibv_cq_ex *cq)
{
	EXPECT_EQ(ibv_destroy_qp(p->b.qp), 0);
	p->b.qp = NULL;
	EXPECT_EQ(ibv_destroy_cq(ibv_cq_ex_to_cq(cq)), 0);
	pair_close(p);
}

static int start_poll(struct ibv_cq_ex *cq)
{
	struct ibv_poll_cq_attr attr = { 0 };
	uint64_t end = now_ms() + SOON_MS;
	int err;

	while ((err = ibv_start_poll(cq, &attr)) == ENOENT && now_ms() < end)
		usleep(100);
	return err;
}

static void polling(void)
{
	struct ibv_poll_cq_attr attr = { 0 };
	struct ibv_cq_ex *cq;
	struct ibv_sge out;
	struct pair p;
	int i, round;

	cq = open_cq_ex(&p);
	EXPECT_EQ(ibv_start_poll(cq, &attr), ENOENT);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < 5; i++) {
			receive(&p, 10 * round + i);
			out = sge_of(&p.a, 0, 10 + i);
			EXPECT_EQ(post_send(&p.a, i, IBV_WR_SEND_WITH_IMM,
					    &out, 0), 0);
			EXPECT_WC(p.a.scq, i, SUCCESS);
		}
		EXPECT_EQ(start_poll(cq), 0);
		for (i = 0; i < 5; i++) {
			if (i)
				EXPECT_EQ(ibv_next_poll(cq), 0);
			EXPECT_EQ(cq->status, IBV_WC_SUCCESS);
			EXPECT_EQ(cq->wr_id, 10 * round + i);
			EXPECT_EQ(ibv_wc_read_opcode(cq), IBV_WC_RECV);
			EXPECT_EQ(ibv_wc_read_byte_len(cq), 10 + i);
			EXPECT_EQ(ibv_wc_read_imm_data(cq),
				  htonl(0xfeed0000 | i));
			EXPECT_EQ(ibv_wc_read_qp_num(cq), p.b.qp->qp_num);
			EXPECT(ibv_wc_read_wc_flags(cq) & IBV_WC_WITH_IMM);
		}
		/* not further: librxe 44 ends the poll twice then */
		ibv_end_poll(cq);
	}
	EXPECT_EQ(ibv_start_poll(cq, &attr), ENOENT);

	/* a bad one, and the old interface on the same queue */
	out = sge_of(&p.b, 0, 10);
	out.lkey ^= 1;
	EXPECT_EQ(post_recv(&p.b, 1, &out), 0);
	EXPECT_EQ(post_recv(&p.b, 2, &out), 0);
	out = sge_of(&p.a, 0, 10);
	EXPECT_EQ(post_send(&p.a, 3, IBV_WR_SEND, &out, 0), 0);
	EXPECT_WC(p.a.scq, 3, REM_OP_ERR);
	EXPECT_EQ(start_poll(cq), 0);
	EXPECT_EQ(cq->status, IBV_WC_LOC_PROT_ERR);
	EXPECT_EQ(cq->wr_id, 1);
	ibv_end_poll(cq);
	EXPECT_WC(ibv_cq_ex_to_cq(cq), 2, WR_FLUSH_ERR);
	close_cq_ex(&p, cq);
}

static void events(void)
{
	struct ibv_cq_ex *cq;
	struct ibv_cq *which;
	struct pollfd pollfd = { .events = POLLIN };
	struct ibv_sge out;
	void *context;
	struct pair p;

	cq = open_cq_ex(&p);
	pollfd.fd = p.b.channel->fd;
	EXPECT_EQ(ibv_req_notify_cq(ibv_cq_ex_to_cq(cq), 0), 0);
	EXPECT_EQ(poll(&pollfd, 1, A_WHILE_MS), 0);
	receive(&p, 1);
	out = sge_of(&p.a, 0, 10);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &out, 0), 0);
	if (EXPECT_EQ(poll(&pollfd, 1, SOON_MS), 1)) {
		EXPECT_EQ(ibv_get_cq_event(p.b.channel, &which, &context), 0);
		EXPECT(which == ibv_cq_ex_to_cq(cq) && context == &p);
		ibv_ack_cq_events(which, 1);
	}
	EXPECT_EQ(start_poll(cq), 0);
	EXPECT_EQ(cq->wr_id, 1);
	ibv_end_poll(cq);
	close_cq_ex(&p, cq);
}

static const struct test_case cases[] = {
	CASE("extended: sends", sends),
	CASE("extended: RDMA writes and reads", rdma),
	CASE("extended: several requests at once, or taken back", batches),
	CASE("extended: errors", errors),
	CASE("extended: inline data that is too long", inline_too_long),
	CASE("extended: inline data without the flag", inline_without_flag),
	CASE("extended: datagrams", datagrams),
	CASE("extended: polling", polling),
	CASE("extended: events", events),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
