// SPDX-License-Identifier: GPL-2.0
/*
 * Shared receive queues: receiving through them, their limit, their size, what
 * becomes of receives when a QP fails, is reset or goes, and misuse.
 * (IBTA vol. 1, 10.2.9 and 11.2.3.)
 */
#include "verbs_common.h"

#define LEN	256
#define WR	32

static struct options with_srq(enum ibv_qp_type type)
{
	struct options opt = usual;

	opt.type = type;
	opt.srq_wr = WR;
	opt.cqe = 256;
	return opt;
}

/* @a has queues of its own, @b an SRQ. */
static void open_srq(struct pair *p, enum ibv_qp_type type)
{
	struct options a = usual, b = with_srq(type);

	a.type = type;
	pair_open2(p, &a, &b);
}

static int send_len(struct end *end, uint64_t id, uint32_t len)
{
	struct ibv_sge sge = sge_of(end, 0, len);

	return post_send(end, id, IBV_WR_SEND, &sge, 0);
}

/* Receive number @id has a place of its own. */
static int recv_at(struct end *end, uint64_t id)
{
	struct ibv_sge sge = sge_of(end, id % 128 * LEN, LEN);

	return post_recv(end, id, &sge);
}

static struct ibv_srq_attr srq_query(struct ibv_srq *srq)
{
	struct ibv_srq_attr attr = { 0 };

	EXPECT_EQ(ibv_query_srq(srq, &attr), 0);
	return attr;
}

static int srq_limit(struct end *end, uint32_t limit)
{
	struct ibv_srq_attr attr = { .srq_limit = limit };

	return ibv_modify_srq(end->srq, &attr, IBV_SRQ_LIMIT);
}

static int srq_resize(struct end *end, uint32_t max_wr)
{
	struct ibv_srq_attr attr = { .max_wr = max_wr };

	return ibv_modify_srq(end->srq, &attr, IBV_SRQ_MAX_WR);
}

/* One message, for receive @id. */
static void carry(int line, struct pair *p, uint64_t id)
{
	struct ibv_wc wc;

	fill(p->a.buf, LEN, id);
	expect(!send_len(&p->a, id, LEN), line, "post_send");
	expect_wc(line, p->a.scq, id, IBV_WC_SUCCESS, NULL);
	if (expect_wc(line, p->b.rcq, id, IBV_WC_SUCCESS, &wc))
		expect(wc.qp_num == p->b.qp->qp_num && wc.byte_len == LEN &&
		       is_filled(p->b.buf + id % 128 * LEN, LEN, id), line,
		       "receive %llu is wrong", (unsigned long long)id);
}

#define CARRY(p, id)	carry(__LINE__, p, id)

static void receives(enum ibv_qp_type type)
{
	struct pair p;
	int i, round;

	open_srq(&p, type);
	for (round = 0; round < 5; round++) {
		for (i = 0; i < WR - 3; i++)
			EXPECT_EQ(recv_at(&p.b, i), 0);
		for (i = 0; i < WR - 3; i++)
			CARRY(&p, i);
	}
	EXPECT_NO_WC(p.b.rcq);
	pair_close(&p);
}

static void receives_rc(void)
{
	receives(IBV_QPT_RC);
}

static void receives_uc(void)
{
	receives(IBV_QPT_UC);
}

/* Two senders to two UD QPs on one SRQ. */
static void receives_ud(void)
{
	struct options opt = with_srq(IBV_QPT_UD), plain = usual;
	struct ibv_ah_attr ah_attr;
	struct ibv_qp *second;
	struct ibv_ah *ah;
	struct ibv_wc wc;
	struct pair p;
	int i;

	plain.type = IBV_QPT_UD;
	pair_open2(&p, &plain, &opt);
	second = create_qp(&p.b, &opt);
	EXPECT(second && !to_init(second, &opt) &&
	       !to_state(second, IBV_QPS_RTR));
	ah_attr = (struct ibv_ah_attr) {
		.is_global = 1, .port_num = 1,
		.grh = { .dgid = p.b.dev->gid, .hop_limit = 1,
			 .sgid_index = p.a.dev->gid_index },
	};
	ah = ibv_create_ah(p.a.pd, &ah_attr);
	if (!ah)
		bail("no AH");
	for (i = 0; i < 20; i++)
		EXPECT_EQ(recv_at(&p.b, i), 0);
	for (i = 0; i < 21; i++) {
		struct ibv_qp *to = i % 2 ? second : p.b.qp;
		struct ibv_sge sge = sge_of(&p.a, 0, 100);
		struct ibv_send_wr wr = {
			.wr_id = i, .sg_list = &sge, .num_sge = 1,
			.opcode = IBV_WR_SEND,
			.wr.ud = { .ah = ah, .remote_qpn = to->qp_num,
				   .remote_qkey = QKEY },
		};

		fill(p.a.buf, 100, i);
		EXPECT_EQ(post_wr(&p.a, &wr), 0);
		EXPECT_WC(p.a.scq, i, SUCCESS);
		if (i == 20)
			break;
		EXPECT_WC_AS(p.b.rcq, i, SUCCESS, &wc);
		EXPECT_EQ(wc.qp_num, to->qp_num);
		EXPECT_EQ(wc.byte_len, 140);
		EXPECT(is_filled(p.b.buf + i * LEN + 40, 100, i));
	}
	EXPECT_NO_WC(p.b.rcq);	/* there was no receive for the last one */
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	EXPECT_EQ(ibv_destroy_qp(second), 0);
	pair_close(&p);
}

/* The sender waits for a receive, which comes without a call. */
static void not_ready(void)
{
	struct options a = usual, b = with_srq(IBV_QPT_RC);
	struct pair p;

	open_srq(&p, IBV_QPT_RC);
	EXPECT_EQ(send_len(&p.a, 1, LEN), 0);
	EXPECT_NO_WC(p.a.scq);
	EXPECT_EQ(recv_at(&p.b, 2), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, SUCCESS);
	pair_close(&p);

	a.rnr_retries = 2;
	pair_open2(&p, &a, &b);
	EXPECT_EQ(send_len(&p.a, 1, LEN), 0);
	EXPECT_WC(p.a.scq, 1, RNR_RETRY_EXC_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_STATE(&p.b, RTS);
	pair_close(&p);
}

static void write_with_imm(void)
{
	struct ibv_sge sge;
	struct ibv_wc wc;
	struct pair p;

	open_srq(&p, IBV_QPT_RC);
	sge = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(recv_at(&p.b, 1), 0);
	EXPECT_EQ(post_rdma(&p.a, 2, IBV_WR_RDMA_WRITE_WITH_IMM, &sge,
			    (uintptr_t)p.b.buf, p.b.mr->rkey), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 1, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, IBV_WC_RECV_RDMA_WITH_IMM);
	EXPECT_EQ(ntohl(wc.imm_data), 0xfeed0002);
	pair_close(&p);
}

/* Fewer than the limit are left: it is said once, and then anew when armed. */
static void limit_event(void)
{
	struct pair p;
	int i, round, id = 0, next = 0;

	open_srq(&p, IBV_QPT_RC);
	for (round = 0; round < 3; round++) {
		while (next - id < 8)
			EXPECT_EQ(recv_at(&p.b, next++), 0);
		EXPECT_EQ(srq_limit(&p.b, 5), 0);
		EXPECT_EQ(srq_query(p.b.srq).srq_limit, 5);
		for (i = 0; i < 3; i++)	/* five are left */
			CARRY(&p, id++);
		sleep_ms(A_WHILE_MS);
		EXPECT_NO_EVENT(p.b.dev);
		CARRY(&p, id++);
		EXPECT_EVENT(p.b.dev, IBV_EVENT_SRQ_LIMIT_REACHED, p.b.srq);
		EXPECT_EQ(srq_query(p.b.srq).srq_limit, 0);
		while (id < next)
			CARRY(&p, id++);
		sleep_ms(A_WHILE_MS);
		EXPECT_NO_EVENT(p.b.dev);
	}

	/* there are fewer already */
	EXPECT_EQ(srq_limit(&p.b, 1), 0);
	EXPECT_EVENT(p.b.dev, IBV_EVENT_SRQ_LIMIT_REACHED, p.b.srq);
	/* it is taken back */
	EXPECT_EQ(recv_at(&p.b, id), 0);
	EXPECT_EQ(srq_limit(&p.b, 1), 0);
	EXPECT_EQ(srq_limit(&p.b, 0), 0);
	CARRY(&p, id);
	sleep_ms(A_WHILE_MS);
	EXPECT_NO_EVENT(p.b.dev);
	pair_close(&p);
}

/* Larger and smaller, with receives inside, which keep their order. */
static void resize(void)
{
	static const int sizes[] = { 100, 1000, 32767, 64, 40, 33 };
	int id = 0, next = 0;
	struct pair p;
	size_t i;

	open_srq(&p, IBV_QPT_RC);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		while (next - id < 30)
			EXPECT_EQ(recv_at(&p.b, next++), 0);
		CARRY(&p, id++);
		EXPECT_EQ(srq_resize(&p.b, sizes[i]), 0);
		EXPECT(srq_query(p.b.srq).max_wr >= (uint32_t)sizes[i]);
		while (id < next - 10)
			CARRY(&p, id++);
	}
	while (id < next)
		CARRY(&p, id++);
	EXPECT_NO_WC(p.b.rcq);

	/* as many fit as it says */
	EXPECT_EQ(srq_resize(&p.b, 100), 0);
	for (i = 0; i < srq_query(p.b.srq).max_wr; i++)
		EXPECT_EQ(recv_at(&p.b, i), 0);
	EXPECT_ERRNO(recv_at(&p.b, i), ENOMEM);

	/* what is inside does not fit; the queue is as before */
	EXPECT_ERRNO(srq_resize(&p.b, 63), EINVAL);
	EXPECT_ERRNO(srq_resize(&p.b, 1), EINVAL);
	for (i = 0; i < 100; i++)
		CARRY(&p, i);
	EXPECT_EQ(srq_resize(&p.b, 63), 0);
	pair_close(&p);
}

/* While messages come, over and over. */
static void resize_under_traffic(void)
{
	int done = 0, posted = 0, sent = 0, finished = 0, n = 400, i = 0;
	struct ibv_wc wc;
	struct pair p;

	open_srq(&p, IBV_QPT_RC);
	while (done < n) {
		while (posted < n && posted - done < 24)
			EXPECT_EQ(recv_at(&p.b, posted++), 0);
		while (sent < n && sent - finished < 12)
			EXPECT_EQ(send_len(&p.a, sent++, LEN), 0);
		EXPECT_EQ(srq_resize(&p.b, ++i % 2 ? 3000 : 30), 0);
		while (next_wc(p.a.scq, 0, &wc))
			EXPECT_EQ(wc.wr_id, finished++);
		while (next_wc(p.b.rcq, 0, &wc)) {
			EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
			EXPECT_EQ(wc.wr_id, done++);
		}
		if (case_failed)
			break;
	}
	pair_close(&p);
}

static void attributes(void)
{
	struct ibv_device_attr *dev = &device_of(0)->attr;
	struct options opt = with_srq(IBV_QPT_RC);
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_srq *srq;
	struct end end;

	EXPECT(dev->max_srq > 0 && dev->max_srq_wr > 0 && dev->max_srq_sge > 0);
	EXPECT(dev->device_cap_flags & IBV_DEVICE_SRQ_RESIZE);
	end_open(&end, device_of(0), &opt);
	EXPECT(srq_query(end.srq).max_wr >= WR);
	EXPECT_EQ(srq_query(end.srq).max_sge, 4);
	EXPECT_EQ(srq_query(end.srq).srq_limit, 0);
	EXPECT_EQ(ibv_query_qp(end.qp, &attr, IBV_QP_CAP, &init), 0);
	EXPECT(init.srq == end.srq);
	EXPECT_EQ(attr.cap.max_recv_wr, 0);
	EXPECT_EQ(attr.cap.max_recv_sge, 0);

#define SRQ(wr, sge, error) do {					\
	errno = 0;							\
	srq = create_srq(&end, wr, sge);				\
	if (error) {							\
		EXPECT_F(!srq, "an SRQ of %s, %s", #wr, #sge);		\
		EXPECT_ERRNO(errno, error);				\
	} else if (EXPECT_F(srq, "no SRQ of %s, %s: %s", #wr, #sge,	\
			    strerror(errno))) {				\
		struct ibv_srq_attr is_ = srq_query(srq);		\
		long long wr_ = wr, sge_ = sge;				\
									\
		EXPECT(is_.max_wr >= wr_ && is_.max_sge >= sge_);	\
		EXPECT_EQ(ibv_destroy_srq(srq), 0);			\
	}								\
} while (0)
	SRQ(1, 1, 0);
	SRQ(1, 0, 0);
	SRQ(dev->max_srq_wr, dev->max_srq_sge, 0);
	SRQ(dev->max_srq_wr + 1, 1, EINVAL);
	SRQ(1, dev->max_srq_sge + 1, EINVAL);
	SRQ(-1, 1, EINVAL);
	SRQ(1, -1, EINVAL);

	EXPECT_ERRNO(srq_resize(&end, dev->max_srq_wr + 1), EINVAL);
	EXPECT_ERRNO(srq_resize(&end, -1), EINVAL);
	EXPECT_ERRNO(srq_limit(&end, srq_query(end.srq).max_wr + 1), EINVAL);
	EXPECT_EQ(recv_at(&end, 1), 0);
	EXPECT_EQ(recv_at(&end, 2), 0);
	EXPECT_EQ(srq_limit(&end, 2), 0);
	EXPECT_ERRNO(srq_resize(&end, 1), EINVAL);	/* below the limit */
	EXPECT_EQ(srq_query(end.srq).srq_limit, 2);

	/* in use: the QP has it */
	EXPECT_ERRNO(ibv_destroy_srq(end.srq), EBUSY);
	EXPECT_EQ(recv_at(&end, 3), 0);
	end_close(&end);
}

/* A QP with an SRQ has no receive queue of its own. */
static void post_to_the_qp(void)
{
	struct ibv_recv_wr *bad, wr = { .wr_id = 1 };
	struct pair p;

	open_srq(&p, IBV_QPT_RC);
	EXPECT_ERRNO(ibv_post_recv(p.b.qp, &wr, &bad), EINVAL);
	pair_close(&p);
}

/* More ranges than the SRQ has room for. */
static void too_many_ranges(void)
{
	struct ibv_recv_wr *bad, wr = { .wr_id = 1, .num_sge = 5 };
	struct ibv_sge sge[5] = { { 0 } };
	struct pair p;

	open_srq(&p, IBV_QPT_RC);
	wr.sg_list = sge;
	EXPECT_ERRNO(ibv_post_srq_recv(p.b.srq, &wr, &bad), EINVAL);
	EXPECT(bad == &wr);
	pair_close(&p);
}

/*
 * Only what this QP has taken is flushed; the rest is for the others. The event
 * says that nothing more will be taken, once.
 */
static void error_of_one(void)
{
	struct options opt = with_srq(IBV_QPT_RC), plain = usual;
	struct end a2, b2;
	struct pair p;
	int i;

	open_srq(&p, IBV_QPT_RC);
	/* a second connection, whose @b2 shares the SRQ, the CQ and the PD */
	end_open(&a2, device_of(0), &plain);
	b2 = p.b;
	b2.qp = create_qp(&p.b, &opt);
	if (!b2.qp)
		bail("no QP");
	end_connect(&b2, &a2);
	end_connect(&a2, &b2);

	for (i = 0; i < 6; i++)
		EXPECT_EQ(recv_at(&p.b, i), 0);
	CARRY(&p, 0);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_ERR), 0);
	EXPECT_EVENT(p.b.dev, IBV_EVENT_QP_LAST_WQE_REACHED, p.b.qp);
	EXPECT_NO_WC(p.b.rcq);
	for (i = 1; i < 4; i++) {
		EXPECT_EQ(send_len(&a2, i, LEN), 0);
		EXPECT_WC(a2.scq, i, SUCCESS);
		EXPECT_WC(p.b.rcq, i, SUCCESS);
	}
	/* it is said once in an error */
	EXPECT_EQ(send_len(&p.b, 50, LEN), 0);
	EXPECT_WC(p.b.scq, 50, WR_FLUSH_ERR);
	sleep_ms(A_WHILE_MS);
	EXPECT_NO_EVENT(p.b.dev);

	/* reset and connected again, it takes from the queue again */
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	end_connect(&p.b, &p.a);
	end_connect(&p.a, &p.b);
	CARRY(&p, 4);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_ERR), 0);
	EXPECT_EVENT(p.b.dev, IBV_EVENT_QP_LAST_WQE_REACHED, p.b.qp);
	EXPECT_EQ(ibv_destroy_qp(p.b.qp), 0);
	p.b.qp = NULL;
	EXPECT_EQ(send_len(&a2, 5, LEN), 0);
	EXPECT_WC(a2.scq, 5, SUCCESS);
	EXPECT_WC(p.b.rcq, 5, SUCCESS);
	EXPECT_EQ(ibv_destroy_qp(b2.qp), 0);
	end_close(&a2);
	pair_close(&p);
}

/* A datagram is too long for the receive; that is kept, and flushed. */
static void held_receive(void)
{
	struct options opt = with_srq(IBV_QPT_UD), plain = usual;
	struct ibv_ah_attr ah_attr;
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	struct ibv_ah *ah;
	struct pair p;

	plain.type = IBV_QPT_UD;
	pair_open2(&p, &plain, &opt);
	ah_attr = (struct ibv_ah_attr) {
		.is_global = 1, .port_num = 1,
		.grh = { .dgid = p.b.dev->gid, .hop_limit = 1,
			 .sgid_index = p.a.dev->gid_index },
	};
	ah = ibv_create_ah(p.a.pd, &ah_attr);
	EXPECT_EQ(recv_at(&p.b, 1), 0);
	EXPECT_EQ(recv_at(&p.b, 2), 0);
	sge = sge_of(&p.a, 0, LEN);	/* with its header it is too long */
	wr = (struct ibv_send_wr) {
		.wr_id = 3, .sg_list = &sge, .num_sge = 1,
		.opcode = IBV_WR_SEND,
		.wr.ud = { .ah = ah, .remote_qpn = p.b.qp->qp_num,
			   .remote_qkey = QKEY },
	};
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_NO_WC(p.b.rcq);
	sge.length = 100;
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_WC(p.b.rcq, 1, SUCCESS);
	sge.length = LEN;
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_NO_WC(p.b.rcq);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_ERR), 0);
	EXPECT_WC(p.b.rcq, 2, WR_FLUSH_ERR);
	EXPECT_EVENT(p.b.dev, IBV_EVENT_QP_LAST_WQE_REACHED, p.b.qp);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* The keys of receives are those of the SRQ's PD, not of the QP's. */
static void keys_of_the_srq(void)
{
	struct ibv_sge sge;
	struct ibv_mr *mr;
	struct ibv_pd *pd;
	struct pair p;
	struct options opt = with_srq(IBV_QPT_RC);

	end_open(&p.a, device_of(0), &usual);
	end_open_without_qp(&p.b, device_of(1), &opt);
	pd = p.b.pd;
	p.b.pd = ibv_alloc_pd(p.b.dev->ctx);
	p.b.qp = create_qp(&p.b, &opt);
	mr = ibv_reg_mr(p.b.pd, p.b.buf, opt.size, ALL_ACCESS);
	if (!p.b.qp || !mr)
		bail("no QP or MR");
	end_connect(&p.b, &p.a);
	end_connect(&p.a, &p.b);
	EXPECT_EQ(recv_at(&p.b, 1), 0);
	CARRY(&p, 1);
	sge = sge_of(&p.b, 0, LEN);
	sge.lkey = mr->lkey;
	EXPECT_EQ(post_recv(&p.b, 2, &sge), 0);
	EXPECT_EQ(send_len(&p.a, 3, LEN), 0);
	EXPECT_WC(p.a.scq, 3, REM_OP_ERR);
	EXPECT_WC(p.b.rcq, 2, LOC_PROT_ERR);
	EXPECT_STATE(&p.b, ERR);
	EXPECT_EVENT(p.b.dev, IBV_EVENT_QP_LAST_WQE_REACHED, p.b.qp);
	EXPECT_EQ(ibv_destroy_qp(p.b.qp), 0);
	p.b.qp = NULL;
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT_EQ(ibv_dealloc_pd(p.b.pd), 0);
	p.b.pd = pd;
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE("SRQ: RC receives through it", receives_rc),
	CASE("SRQ: UC receives through it", receives_uc),
	CASE("SRQ: two UD QPs receive through it", receives_ud),
	CASE("SRQ: no receive: RNR retries", not_ready),
	CASE("SRQ: RDMA write with immediate data", write_with_imm),
	CASE("SRQ: limits are reported", limit_event),
	CASE("SRQ: resized with receives inside", resize),
	CASE("SRQ: resized while messages come", resize_under_traffic),
	CASE_ONE_DEVICE("SRQ: attributes and sizes", attributes),
	CASE_ONE_DEVICE("SRQ: a receive posted to the QP", post_to_the_qp),
	CASE_ONE_DEVICE("SRQ: a receive of too many ranges", too_many_ranges),
	CASE("SRQ: one of two QPs fails", error_of_one),
	CASE("SRQ: a receive that was taken is flushed", held_receive),
	CASE("SRQ: the keys are of its own PD", keys_of_the_srq),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
