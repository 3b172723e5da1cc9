// SPDX-License-Identifier: GPL-2.0
/*
 * The states of QPs: legal and illegal changes, what is flushed when and in
 * which order, retries that run out, peers that are not there, and the events
 * that go with them. (IBTA vol. 1, 10.3 and 11.2.4.)
 */
#include "verbs_common.h"

#include <net/if.h>
#include <sys/ioctl.h>

#define LEN	100

static const struct options one_rnr_retry = {
	.type = IBV_QPT_RC,
	.send_wr = 16, .recv_wr = 16, .send_sge = 4, .recv_sge = 4,
	.cqe = 64, .signal_all = 1, .size = 65536,
	.access = ALL_ACCESS, .qp_access = ALL_ACCESS,
	.timeout = 8, .retries = 2, .rnr_retries = 1, .rnr_timer = 1,
	.reads = 4, .reads_in = 4,
};

static int send_one(struct end *end, uint64_t id)
{
	struct ibv_sge sge = sge_of(end, 0, LEN);

	return post_send(end, id, IBV_WR_SEND, &sge, 0);
}

static int recv_one(struct end *end, uint64_t id)
{
	struct ibv_sge sge = sge_of(end, 0, LEN);

	return post_recv(end, id, &sge);
}

static void reconnect(struct pair *p)
{
	EXPECT_EQ(to_state(p->a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_state(p->b.qp, IBV_QPS_RESET), 0);
	end_connect(&p->b, &p->a);
	end_connect(&p->a, &p->b);
}

/* Sends wait for a receiver that has no receive; then the end is in error. */
static void flush_in_order(void)
{
	struct ibv_wc wc;
	struct pair p;
	int i;

	pair_open(&p, &usual);
	for (i = 0; i < 5; i++) {
		EXPECT_EQ(send_one(&p.a, 10 + i), 0);
		EXPECT_EQ(recv_one(&p.a, 20 + i), 0);
	}
	EXPECT_NO_WC(p.a.scq);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	EXPECT_STATE(&p.a, ERR);
	for (i = 0; i < 5; i++) {
		EXPECT_WC_AS(p.a.scq, 10 + i, WR_FLUSH_ERR, &wc);
		EXPECT_EQ(wc.qp_num, p.a.qp->qp_num);
		EXPECT_WC_AS(p.a.rcq, 20 + i, WR_FLUSH_ERR, &wc);
		EXPECT_EQ(wc.qp_num, p.a.qp->qp_num);
	}
	EXPECT_NO_WC(p.a.scq);
	EXPECT_NO_WC(p.a.rcq);
	EXPECT_STATE(&p.b, RTS);
	pair_close(&p);
}

/* What was done before the error is done; what failed says so; the rest is
 * flushed, unsignalled ones as well.
 */
static void flush_after_failure(void)
{
	struct options opt = usual;
	struct ibv_sge good, bad;
	struct pair p;
	int i;

	opt.signal_all = 0;
	pair_open(&p, &opt);
	good = sge_of(&p.a, 0, LEN);
	bad = good;
	bad.lkey ^= 1;
	for (i = 0; i < 4; i++)
		EXPECT_EQ(recv_one(&p.b, 20 + i), 0);
	EXPECT_EQ(recv_one(&p.a, 30), 0);

	EXPECT_EQ(post_send(&p.a, 1, IBV_WR_SEND, &good, 0), 0);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &good,
			    IBV_SEND_SIGNALED), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	{
		struct ibv_send_wr wr[3] = {
			{ .wr_id = 3, .next = &wr[1], .sg_list = &bad,
			  .num_sge = 1, .opcode = IBV_WR_SEND },
			{ .wr_id = 4, .next = &wr[2], .sg_list = &good,
			  .num_sge = 1, .opcode = IBV_WR_SEND },
			{ .wr_id = 5, .sg_list = &good, .num_sge = 1,
			  .opcode = IBV_WR_SEND,
			  .send_flags = IBV_SEND_SIGNALED },
		};

		EXPECT_EQ(post_wr(&p.a, wr), 0);
	}
	EXPECT_WC(p.a.scq, 3, LOC_PROT_ERR);
	EXPECT_WC(p.a.scq, 4, WR_FLUSH_ERR);
	EXPECT_WC(p.a.scq, 5, WR_FLUSH_ERR);
	EXPECT_WC(p.a.rcq, 30, WR_FLUSH_ERR);
	EXPECT_WC(p.b.rcq, 20, SUCCESS);
	EXPECT_WC(p.b.rcq, 21, SUCCESS);
	EXPECT_NO_WC(p.b.rcq);
	EXPECT_NO_WC(p.a.scq);
	pair_close(&p);
}

/* Posted to a QP that is in error already; receives come without a call, so
 * the device looks for them, up to a second later.
 */
static void flush_late_posts(void)
{
	struct pair p;
	uint64_t start;
	int i;

	pair_open(&p, &usual);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	EXPECT_EQ(send_one(&p.a, 1), 0);
	EXPECT_WC(p.a.scq, 1, WR_FLUSH_ERR);
	for (i = 0; i < 3; i++)
		EXPECT_EQ(recv_one(&p.a, 10 + i), 0);
	for (i = 0; i < 3; i++)
		EXPECT_WC(p.a.rcq, 10 + i, WR_FLUSH_ERR);

	/* the device has had time to look ever less often */
	sleep_ms(2500);
	start = now_ms();
	EXPECT_EQ(recv_one(&p.a, 20), 0);
	EXPECT_WC(p.a.rcq, 20, WR_FLUSH_ERR);
	EXPECT_F(now_ms() - start < 3000, "flushed after %llu ms",
		 (unsigned long long)(now_ms() - start));
	EXPECT_EQ(send_one(&p.a, 21), 0);
	EXPECT_WC(p.a.scq, 21, WR_FLUSH_ERR);
	pair_close(&p);
}

/* More than the queue holds, over and over, all in order. */
static void flush_full_queues(void)
{
	struct pair p;
	int i, round;

	pair_open(&p, &usual);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 16; i++)
			EXPECT_EQ(recv_one(&p.a, 100 * round + i), 0);
		for (i = 0; i < 16; i++)
			EXPECT_WC(p.a.rcq, 100 * round + i, WR_FLUSH_ERR);
	}
	EXPECT_NO_WC(p.a.rcq);
	pair_close(&p);
}

/* A QP that was reset has forgotten what was posted to it. */
static void reset_and_reuse(void)
{
	struct pair p;
	int i;

	pair_open(&p, &usual);
	EXPECT_EQ(send_one(&p.a, 1), 0);	/* no receive for it */
	for (i = 0; i < 3; i++)
		EXPECT_EQ(recv_one(&p.a, 10 + i), 0);
	EXPECT_NO_WC(p.a.scq);
	reconnect(&p);
	EXPECT_NO_WC(p.a.scq);
	EXPECT_WORKS(&p);
	EXPECT_NO_WC(p.b.rcq);

	/* the other way: none of the old receives is used */
	EXPECT_EQ(recv_one(&p.a, 20), 0);
	EXPECT_EQ(send_one(&p.b, 21), 0);
	EXPECT_WC(p.b.scq, 21, SUCCESS);
	EXPECT_WC(p.a.rcq, 20, SUCCESS);

	/* from the error state as well */
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	EXPECT_EQ(send_one(&p.a, 30), 0);
	EXPECT_WC(p.a.scq, 30, WR_FLUSH_ERR);
	for (i = 0; i < 10; i++) {
		reconnect(&p);
		EXPECT_WORKS(&p);
	}
	pair_close(&p);
}

/* A send that is refused because of the state is not executed later either. */
static void send_before_rts(void)
{
	struct pair p;
	int i;

	end_open(&p.a, device_of(0), &usual);
	end_open(&p.b, device_of(1), &usual);
	end_connect(&p.b, &p.a);
	EXPECT_ERRNO(send_one(&p.a, 1), EINVAL);
	EXPECT_EQ(to_init(p.a.qp, &usual), 0);
	EXPECT_ERRNO(send_one(&p.a, 2), EINVAL);
	EXPECT_EQ(to_rtr(&p.a, &p.b), 0);
	EXPECT_ERRNO(send_one(&p.a, 3), EINVAL);
	for (i = 0; i < 4; i++)
		EXPECT_EQ(recv_one(&p.b, 10 + i), 0);
	EXPECT_EQ(to_rts(&p.a), 0);
	EXPECT_NO_WC(p.a.scq);
	EXPECT_NO_WC(p.b.rcq);
	EXPECT_EQ(send_one(&p.a, 4), 0);
	EXPECT_WC(p.a.scq, 4, SUCCESS);
	EXPECT_WC(p.b.rcq, 10, SUCCESS);
	pair_close(&p);
}

/* Receives are for INIT already. */
static void receive_in_init(void)
{
	struct pair p;

	end_open(&p.a, device_of(0), &usual);
	end_open(&p.b, device_of(1), &usual);
	EXPECT_EQ(to_init(p.b.qp, &usual), 0);
	EXPECT_EQ(recv_one(&p.b, 1), 0);
	EXPECT_EQ(to_rtr(&p.b, &p.a), 0);
	EXPECT_EQ(recv_one(&p.b, 2), 0);
	EXPECT_EQ(to_rts(&p.b), 0);
	end_connect(&p.a, &p.b);
	EXPECT_EQ(send_one(&p.a, 3), 0);
	EXPECT_EQ(send_one(&p.a, 4), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_WC(p.a.scq, 4, SUCCESS);
	EXPECT_WC(p.b.rcq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, SUCCESS);
	pair_close(&p);
}

/* The first message comes while the receiver is in RTR. */
static void comm_est(void)
{
	struct pair p;

	end_open(&p.a, device_of(0), &usual);
	end_open(&p.b, device_of(1), &usual);
	EXPECT_EQ(to_init(p.b.qp, &usual), 0);
	EXPECT_EQ(recv_one(&p.b, 1), 0);
	EXPECT_EQ(recv_one(&p.b, 2), 0);
	EXPECT_EQ(to_rtr(&p.b, &p.a), 0);
	end_connect(&p.a, &p.b);
	EXPECT_EQ(send_one(&p.a, 3), 0);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_WC(p.b.rcq, 1, SUCCESS);
	EXPECT_EVENT(p.b.dev, IBV_EVENT_COMM_EST, p.b.qp);
	EXPECT_STATE(&p.b, RTR);
	EXPECT_EQ(send_one(&p.a, 4), 0);	/* it says so once */
	EXPECT_WC(p.a.scq, 4, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, SUCCESS);
	sleep_ms(A_WHILE_MS);
	EXPECT_NO_EVENT(p.b.dev);
	EXPECT_EQ(to_rts(&p.b), 0);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

/* No receive: so many tries, or any number. */
static void rnr_exceeded(void)
{
	struct pair p;

	pair_open(&p, &one_rnr_retry);
	EXPECT_EQ(recv_one(&p.a, 10), 0);
	EXPECT_EQ(send_one(&p.a, 1), 0);
	EXPECT_EQ(send_one(&p.a, 2), 0);
	EXPECT_WC(p.a.scq, 1, RNR_RETRY_EXC_ERR);
	EXPECT_WC(p.a.scq, 2, WR_FLUSH_ERR);
	EXPECT_WC(p.a.rcq, 10, WR_FLUSH_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_STATE(&p.b, RTS);
	pair_close(&p);

	/* an RDMA write with immediate data uses a receive too */
	pair_open(&p, &one_rnr_retry);
	{
		struct ibv_sge sge = sge_of(&p.a, 0, LEN);

		fill(p.b.buf, p.b.opt.size, 2);
		EXPECT_EQ(post_rdma(&p.a, 1, IBV_WR_RDMA_WRITE_WITH_IMM, &sge,
				    (uintptr_t)p.b.buf, p.b.mr->rkey), 0);
	}
	EXPECT_WC(p.a.scq, 1, RNR_RETRY_EXC_ERR);
	EXPECT_STATE(&p.b, RTS);
	pair_close(&p);

	pair_open(&p, &usual);	/* 7 is without end */
	EXPECT_EQ(send_one(&p.a, 1), 0);
	EXPECT_NO_WC(p.a.scq);
	sleep_ms(200);
	EXPECT_NO_WC(p.a.scq);
	EXPECT_STATE(&p.a, RTS);
	EXPECT_EQ(recv_one(&p.b, 2), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, SUCCESS);
	pair_close(&p);
}

/* The sender gets no answer, whatever the reason is. */
static void expect_retry_exceeded(struct pair *p)
{
	EXPECT_EQ(send_one(&p->a, 1), 0);
	EXPECT_EQ(send_one(&p->a, 2), 0);
	EXPECT_WC(p->a.scq, 1, RETRY_EXC_ERR);
	EXPECT_WC(p->a.scq, 2, WR_FLUSH_ERR);
	EXPECT_STATE(&p->a, ERR);
}

static void peer_destroyed(void)
{
	struct pair p;

	pair_open(&p, &usual);
	EXPECT_EQ(recv_one(&p.b, 10), 0);
	EXPECT_EQ(ibv_destroy_qp(p.b.qp), 0);
	p.b.qp = NULL;
	expect_retry_exceeded(&p);
	pair_close(&p);
}

static void peer_in_another_state(void)
{
	struct pair p;

	pair_open(&p, &usual);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	expect_retry_exceeded(&p);
	pair_close(&p);

	pair_open(&p, &usual);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_init(p.b.qp, &usual), 0);
	EXPECT_EQ(recv_one(&p.b, 10), 0);
	expect_retry_exceeded(&p);
	EXPECT_NO_WC(p.b.rcq);
	pair_close(&p);

	pair_open(&p, &usual);
	EXPECT_EQ(recv_one(&p.b, 10), 0);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_ERR), 0);
	expect_retry_exceeded(&p);
	EXPECT_WC(p.b.rcq, 10, WR_FLUSH_ERR);
	pair_close(&p);
}

static void peer_of_someone_else(void)
{
	struct pair p, other;
	struct ibv_sge sge;

	pair_open(&p, &usual);
	pair_open(&other, &usual);
	/* @p.a shall send to @other.b, which talks to @other.a */
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	end_connect(&p.a, &other.b);
	EXPECT_EQ(recv_one(&other.b, 10), 0);
	expect_retry_exceeded(&p);
	EXPECT_NO_WC(other.b.rcq);

	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	end_connect(&p.a, &other.b);
	sge = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(post_rdma(&p.a, 5, IBV_WR_RDMA_WRITE, &sge,
			    (uintptr_t)other.b.buf, other.b.mr->rkey), 0);
	EXPECT_WC(p.a.scq, 5, RETRY_EXC_ERR);
	EXPECT(is_filled(other.b.buf, other.b.opt.size, 2));
	EXPECT_STATE(&other.b, RTS);

	EXPECT_EQ(send_one(&other.a, 11), 0);
	EXPECT_WC(other.a.scq, 11, SUCCESS);
	EXPECT_WC(other.b.rcq, 10, SUCCESS);
	pair_close(&p);
	pair_close(&other);
}

/* A connected QP and a datagram QP do not hear each other. */
static void peer_of_another_type(void)
{
	struct options opt = usual;
	struct end ud;
	struct pair p;

	opt.type = IBV_QPT_UD;
	pair_open(&p, &usual);
	end_open(&ud, device_of(1), &opt);
	end_connect(&ud, &p.a);
	EXPECT_EQ(recv_one(&ud, 10), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	end_connect(&p.a, &ud);
	expect_retry_exceeded(&p);
	EXPECT_NO_WC(ud.rcq);
	end_close(&ud);
	pair_close(&p);
}

static void psn_of_another_connection(void)
{
	struct ibv_qp_attr attr;
	struct pair p;

	pair_open(&p, &usual);
	EXPECT_EQ(recv_one(&p.b, 10), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_init(p.a.qp, &usual), 0);
	EXPECT_EQ(to_rtr(&p.a, &p.b), 0);
	attr = rts_attr(&p.a);
	attr.sq_psn += 1000;
	EXPECT_EQ(ibv_modify_qp(p.a.qp, &attr, RTS_MASK), 0);
	expect_retry_exceeded(&p);
	EXPECT_NO_WC(p.b.rcq);
	pair_close(&p);
}

/* Neither end may be destroyed or closed too late or too early for the other. */
static void peer_destroyed_while_it_waits(void)
{
	struct pair p;
	int i;

	for (i = 0; i < 20; i++) {
		pair_open(&p, &usual);
		EXPECT_EQ(send_one(&p.a, 1), 0);	/* waits: no receive */
		usleep(i * 100);
		EXPECT_EQ(ibv_destroy_qp(p.b.qp), 0);
		p.b.qp = NULL;
		if (i % 2)
			EXPECT_WC(p.a.scq, 1, RETRY_EXC_ERR);
		pair_close(&p);
	}
}

/* The send queue pauses; what is posted meanwhile is done afterwards. */
static void send_queue_drained(void)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_SQD,
		.en_sqd_async_notify = 1,
	};
	struct pair p;
	int i;

	pair_open(&p, &usual);
	EXPECT_EQ(ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE |
				IBV_QP_EN_SQD_ASYNC_NOTIFY), 0);
	EXPECT_EVENT(p.a.dev, IBV_EVENT_SQ_DRAINED, p.a.qp);
	EXPECT_STATE(&p.a, SQD);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(recv_one(&p.b, 10 + i), 0);
		EXPECT_EQ(send_one(&p.a, i), 0);
	}
	EXPECT_NO_WC(p.a.scq);
	EXPECT_NO_WC(p.b.rcq);

	/* it receives all the while */
	EXPECT_EQ(recv_one(&p.a, 20), 0);
	EXPECT_EQ(send_one(&p.b, 21), 0);
	EXPECT_WC(p.b.scq, 21, SUCCESS);
	EXPECT_WC(p.a.rcq, 20, SUCCESS);

	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
	for (i = 0; i < 3; i++) {
		EXPECT_WC(p.a.scq, i, SUCCESS);
		EXPECT_WC(p.b.rcq, 10 + i, SUCCESS);
	}
	pair_close(&p);
}

static void illegal_transitions(void)
{
	static const struct {
		enum ibv_qp_state to;
		const char *name;
	} from_reset[] = { { IBV_QPS_RTR, "RESET to RTR" },
			   { IBV_QPS_RTS, "RESET to RTS" },
			   { IBV_QPS_SQD, "RESET to SQD" },
			   { IBV_QPS_SQE, "RESET to SQE" } };
	struct ibv_qp_attr attr;
	struct pair p;
	size_t i;

	end_open(&p.a, device_of(0), &usual);
	end_open(&p.b, device_of(1), &usual);
	for (i = 0; i < ARRAY_SIZE(from_reset); i++)
		expect_errno(__LINE__, to_state(p.a.qp, from_reset[i].to),
			     EINVAL, from_reset[i].name);
	EXPECT_ERRNO(to_rtr(&p.a, &p.b), EINVAL);
	EXPECT_ERRNO(to_rts(&p.a), EINVAL);
	EXPECT_STATE(&p.a, RESET);

	EXPECT_EQ(to_init(p.a.qp, &usual), 0);
	EXPECT_ERRNO(to_rts(&p.a), EINVAL);
	EXPECT_ERRNO(to_state(p.a.qp, IBV_QPS_SQD), EINVAL);
	EXPECT_STATE(&p.a, INIT);

	EXPECT_EQ(to_rtr(&p.a, &p.b), 0);
	EXPECT_ERRNO(to_init(p.a.qp, &usual), EINVAL);
	EXPECT_ERRNO(to_rtr(&p.a, &p.b), EINVAL);
	EXPECT_STATE(&p.a, RTR);

	EXPECT_EQ(to_rts(&p.a), 0);
	EXPECT_ERRNO(to_init(p.a.qp, &usual), EINVAL);
	EXPECT_ERRNO(to_rtr(&p.a, &p.b), EINVAL);
	EXPECT_ERRNO(to_state(p.a.qp, IBV_QPS_SQE), EINVAL);
	EXPECT_STATE(&p.a, RTS);

	/* not the state that it thinks it is in */
	attr = (struct ibv_qp_attr) { .qp_state = IBV_QPS_RTS,
				      .cur_qp_state = IBV_QPS_SQD };
	EXPECT_ERRNO(ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE |
				   IBV_QP_CUR_STATE), EINVAL);
	EXPECT_STATE(&p.a, RTS);

	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	EXPECT_ERRNO(to_init(p.a.qp, &usual), EINVAL);
	EXPECT_ERRNO(to_rtr(&p.a, &p.b), EINVAL);
	EXPECT_ERRNO(to_rts(&p.a), EINVAL);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_STATE(&p.a, RESET);
	pair_close(&p);
}

static void illegal_attributes(void)
{
	static const int rtr_needs[] = { IBV_QP_AV, IBV_QP_PATH_MTU,
		IBV_QP_DEST_QPN, IBV_QP_RQ_PSN, IBV_QP_MAX_DEST_RD_ATOMIC,
		IBV_QP_MIN_RNR_TIMER };
	static const int rts_needs[] = { IBV_QP_TIMEOUT, IBV_QP_RETRY_CNT,
		IBV_QP_RNR_RETRY, IBV_QP_SQ_PSN, IBV_QP_MAX_QP_RD_ATOMIC };
	struct ibv_qp_attr attr;
	struct pair p;
	size_t i;

	end_open(&p.a, device_of(0), &usual);
	end_open(&p.b, device_of(1), &usual);

#define REFUSED(start, change, mask) do {				\
	attr = start;							\
	change;								\
	EXPECT_ERRNO(ibv_modify_qp(p.a.qp, &attr, mask), EINVAL);	\
} while (0)
#define INIT_MASK	(IBV_QP_STATE | IBV_QP_PORT | IBV_QP_PKEY_INDEX | \
			 IBV_QP_ACCESS_FLAGS)
#define INIT_ATTR	((struct ibv_qp_attr) { .qp_state = IBV_QPS_INIT, \
						.port_num = 1 })
#define RTR_ATTR	rtr_attr(&p.a, &p.b.dev->gid, p.b.qp->qp_num)
	REFUSED(INIT_ATTR, attr.port_num = 0, INIT_MASK);
	REFUSED(INIT_ATTR, attr.port_num = 2, INIT_MASK);
	REFUSED(INIT_ATTR, attr.pkey_index = 1, INIT_MASK);
	REFUSED(INIT_ATTR, (void)0, INIT_MASK & ~IBV_QP_PORT);
	REFUSED(INIT_ATTR, (void)0, INIT_MASK & ~IBV_QP_PKEY_INDEX);
	REFUSED(INIT_ATTR, (void)0, INIT_MASK & ~IBV_QP_ACCESS_FLAGS);
	REFUSED(INIT_ATTR, (void)0, INIT_MASK | IBV_QP_QKEY);
	EXPECT_STATE(&p.a, RESET);

	EXPECT_EQ(to_init(p.a.qp, &usual), 0);
	for (i = 0; i < ARRAY_SIZE(rtr_needs); i++)
		REFUSED(RTR_ATTR, (void)0, RTR_MASK & ~rtr_needs[i]);
	REFUSED(RTR_ATTR, (void)0, RTR_MASK | IBV_QP_TIMEOUT);
	REFUSED(RTR_ATTR, attr.path_mtu = 0, RTR_MASK);
	REFUSED(RTR_ATTR, attr.path_mtu = 6, RTR_MASK);
	REFUSED(RTR_ATTR, attr.min_rnr_timer = 32, RTR_MASK);
	REFUSED(RTR_ATTR, attr.dest_qp_num = 1 << 24, RTR_MASK);
	REFUSED(RTR_ATTR, attr.max_dest_rd_atomic = 255, RTR_MASK);
	REFUSED(RTR_ATTR, attr.ah_attr.port_num = 0, RTR_MASK);
	REFUSED(RTR_ATTR, attr.ah_attr.port_num = 2, RTR_MASK);
	REFUSED(RTR_ATTR, attr.ah_attr.is_global = 0, RTR_MASK);
	/* an index without a GID; the core's own errno */
	attr = RTR_ATTR;
	attr.ah_attr.grh.sgid_index = 200;
	EXPECT_ERRNO(ibv_modify_qp(p.a.qp, &attr, RTR_MASK), ENODATA);
	EXPECT_STATE(&p.a, INIT);

	EXPECT_EQ(to_rtr(&p.a, &p.b), 0);
	for (i = 0; i < ARRAY_SIZE(rts_needs); i++)
		REFUSED(rts_attr(&p.a), (void)0, RTS_MASK & ~rts_needs[i]);
	REFUSED(rts_attr(&p.a), attr.timeout = 32, RTS_MASK);
	REFUSED(rts_attr(&p.a), attr.retry_cnt = 8, RTS_MASK);
	REFUSED(rts_attr(&p.a), attr.rnr_retry = 8, RTS_MASK);
	REFUSED(rts_attr(&p.a), attr.max_rd_atomic = 255, RTS_MASK);
	EXPECT_STATE(&p.a, RTR);

	/* and it is not the worse for it */
	EXPECT_EQ(to_rts(&p.a), 0);
	end_connect(&p.b, &p.a);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

/* What was set is what is told. */
static void query_tells(void)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct pair p;

	pair_open(&p, &usual);
	EXPECT_EQ(ibv_query_qp(p.a.qp, &attr, RTR_MASK | RTS_MASK |
			       IBV_QP_CAP | IBV_QP_ACCESS_FLAGS, &init), 0);
	EXPECT_EQ(attr.qp_state, IBV_QPS_RTS);
	EXPECT_EQ(attr.dest_qp_num, p.b.qp->qp_num);
	EXPECT_EQ(attr.path_mtu, IBV_MTU_1024);
	EXPECT_EQ(attr.rq_psn, 0x123);
	EXPECT_EQ(attr.sq_psn, 0x123);
	EXPECT_EQ(attr.max_rd_atomic, 4);
	EXPECT_EQ(attr.max_dest_rd_atomic, 4);
	EXPECT_EQ(attr.min_rnr_timer, 1);
	EXPECT_EQ(attr.port_num, 1);
	EXPECT_EQ(attr.timeout, 8);
	EXPECT_EQ(attr.retry_cnt, 2);
	EXPECT_EQ(attr.rnr_retry, 7);
	EXPECT_EQ(attr.qp_access_flags & ALL_ACCESS, ALL_ACCESS);
	EXPECT_EQ(attr.ah_attr.grh.sgid_index, p.a.dev->gid_index);
	EXPECT(!memcmp(&attr.ah_attr.grh.dgid, &p.b.dev->gid, 16));
	EXPECT_EQ(attr.ah_attr.grh.hop_limit, 64);
	EXPECT_EQ(attr.cap.max_send_sge, 4);
	EXPECT_EQ(attr.cap.max_recv_sge, 4);
	EXPECT(attr.cap.max_send_wr >= 16 && attr.cap.max_recv_wr >= 16);
	EXPECT(attr.cap.max_inline_data >= 64);
	EXPECT(init.send_cq == p.a.scq && init.recv_cq == p.a.rcq);
	EXPECT_EQ(init.qp_type, IBV_QPT_RC);
	pair_close(&p);
}

/* Only destinations on this host can be reached, and it says so. */
static void unreachable(void)
{
	struct ibv_qp_attr attr;
	union ibv_gid gid;
	struct pair p;

	end_open(&p.a, device_of(0), &usual);
	end_open(&p.b, device_of(1), &usual);
	EXPECT_EQ(to_init(p.a.qp, &usual), 0);
	gid = p.a.dev->gid;
	gid.raw[15] = 99;
	attr = rtr_attr(&p.a, &gid, p.b.qp->qp_num);
	EXPECT_ERRNO(ibv_modify_qp(p.a.qp, &attr, RTR_MASK), EHOSTUNREACH);
	EXPECT_STATE(&p.a, INIT);
	attr.ah_attr.grh.sgid_index = p.a.dev->gid_index;
	errno = 0;
	EXPECT(!ibv_create_ah(p.a.pd, &attr.ah_attr));
	EXPECT_ERRNO(errno, EHOSTUNREACH);
	pair_close(&p);
}

static void set_link(const char *device, bool up)
{
	char path[256], name[IFNAMSIZ] = "";
	struct ifreq ifr = { 0 };
	FILE *file;
	int fd;

	snprintf(path, sizeof(path),
		 "/sys/class/infiniband/%s/ports/1/gid_attrs/ndevs/0", device);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%15s", name) != 1)
		bail("no netdev of %s", device);
	fclose(file);
	memcpy(ifr.ifr_name, name, sizeof(name));
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (ioctl(fd, SIOCGIFFLAGS, &ifr))
		bail("flags of %s", name);
	ifr.ifr_flags = up ? ifr.ifr_flags | IFF_UP : ifr.ifr_flags & ~IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &ifr))
		bail("flags of %s", name);
	close(fd);
}

static void expect_port(int line, struct device *dev, enum ibv_port_state want)
{
	struct ibv_port_attr port;

	expect(!ibv_query_port(dev->ctx, 1, &port) && port.state == want, line,
	       "the port is %s, not %s", ibv_port_state_str(port.state),
	       ibv_port_state_str(want));
}

/* The receiver's link goes down and comes up. */
static void port_down(void)
{
	struct device *dev = device_of(1);
	struct pair p;

	pair_open(&p, &usual);
	EXPECT_WORKS(&p);
	set_link(dev->name, false);
	EXPECT_EVENT(dev, IBV_EVENT_PORT_ERR, NULL);
	expect_port(__LINE__, dev, IBV_PORT_DOWN);
	EXPECT_EQ(recv_one(&p.b, 10), 0);
	expect_retry_exceeded(&p);
	EXPECT_NO_WC(p.b.rcq);

	set_link(dev->name, true);
	EXPECT_EVENT(dev, IBV_EVENT_PORT_ACTIVE, NULL);
	expect_port(__LINE__, dev, IBV_PORT_ACTIVE);
	device_find_gid(dev);
	reconnect(&p);
	EXPECT_WORKS(&p);

	/* a short break within the time of the retries is not noticed */
	p.a.opt.timeout = 16;
	p.a.opt.retries = 7;
	reconnect(&p);
	set_link(dev->name, false);
	EXPECT_EVENT(dev, IBV_EVENT_PORT_ERR, NULL);
	EXPECT_EQ(recv_one(&p.b, 20), 0);
	EXPECT_EQ(send_one(&p.a, 21), 0);
	EXPECT_NO_WC(p.a.scq);
	set_link(dev->name, true);
	EXPECT_EVENT(dev, IBV_EVENT_PORT_ACTIVE, NULL);
	EXPECT_WC(p.a.scq, 21, SUCCESS);
	EXPECT_WC(p.b.rcq, 20, SUCCESS);
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE("posts are flushed in order", flush_in_order),
	CASE("posts behind a failed one are flushed", flush_after_failure),
	CASE("posts to a QP in error are flushed", flush_late_posts),
	CASE("full queues are flushed again and again", flush_full_queues),
	CASE("a QP is reset and used again", reset_and_reuse),
	CASE("a send before RTS is refused for good", send_before_rts),
	CASE("receives are posted in INIT and RTR", receive_in_init),
	CASE("the first message in RTR is reported", comm_est),
	CASE("no receive: RNR retries", rnr_exceeded),
	CASE("the peer is destroyed", peer_destroyed),
	CASE("the peer is in RESET, INIT, ERR", peer_in_another_state),
	CASE("the peer is someone else's", peer_of_someone_else),
	CASE("the peer is a datagram QP", peer_of_another_type),
	CASE("the peer expects another PSN", psn_of_another_connection),
	CASE("the peer is destroyed while a send waits for it",
	     peer_destroyed_while_it_waits),
	CASE("the send queue is drained", send_queue_drained),
	CASE("illegal transitions", illegal_transitions),
	CASE("illegal attributes", illegal_attributes),
	CASE("query_qp tells what was set", query_tells),
	CASE_ONE_DEVICE("a destination that is not on this host", unreachable),
	CASE("the link goes down and up", port_down),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
