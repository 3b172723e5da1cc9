// SPDX-License-Identifier: GPL-2.0
/*
 * Unreliable connections: what arrives, what is lost without a word, and what
 * each side is told of its own mistakes. (IBTA vol. 1, 9.8 and 10.3.)
 */
#include "verbs_common.h"

#define LEN	1000

static const struct options uc = {
	.type = IBV_QPT_UC,
	.send_wr = 32, .recv_wr = 32, .send_sge = 4, .recv_sge = 4,
	.inline_data = 64,
	.cqe = 128, .signal_all = 1, .size = 1 << 20,
	.access = ALL_ACCESS, .qp_access = ALL_ACCESS,
};

static int send_len(struct end *end, uint64_t id, uint32_t len)
{
	struct ibv_sge sge = sge_of(end, 0, len);

	return post_send(end, id, IBV_WR_SEND, &sge, 0);
}

static int recv_len(struct end *end, uint64_t id, uint32_t len)
{
	struct ibv_sge sge = sge_of(end, 0, len);

	return post_recv(end, id, &sge);
}

static int write_len(struct pair *p, uint64_t id, enum ibv_wr_opcode opcode,
		     uint32_t len, uint32_t rkey)
{
	struct ibv_sge sge = sge_of(&p->a, 0, len);

	return post_rdma(&p->a, id, opcode, &sge, (uintptr_t)p->b.buf, rkey);
}

static void sends(void)
{
	static const uint32_t sizes[] = { 0, 1, 1023, 1024, 1025, 65536,
					  1 << 20 };
	struct ibv_wc wc;
	struct pair p;
	size_t i;

	pair_open(&p, &uc);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fill(p.a.buf, p.a.opt.size, 100 + i);
		fill(p.b.buf, p.b.opt.size, 2);
		EXPECT_EQ(recv_len(&p.b, 10 + i, 1 << 20), 0);
		EXPECT_EQ(send_len(&p.a, 20 + i, sizes[i]), 0);
		EXPECT_WC_AS(p.a.scq, 20 + i, SUCCESS, &wc);
		EXPECT_EQ(wc.opcode, IBV_WC_SEND);
		EXPECT_WC_AS(p.b.rcq, 10 + i, SUCCESS, &wc);
		EXPECT_EQ(wc.opcode, IBV_WC_RECV);
		EXPECT_EQ(wc.byte_len, sizes[i]);
		EXPECT_EQ(wc.qp_num, p.b.qp->qp_num);
		EXPECT(is_filled(p.b.buf, sizes[i], 100 + i));
	}
	pair_close(&p);
}

static void immediate_data(void)
{
	struct ibv_sge sge;
	struct ibv_wc wc;
	struct pair p;

	pair_open(&p, &uc);
	EXPECT_EQ(recv_len(&p.b, 1, LEN), 0);
	sge = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND_WITH_IMM, &sge, 0), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 1, SUCCESS, &wc);
	EXPECT(wc.wc_flags & IBV_WC_WITH_IMM);
	EXPECT_EQ(ntohl(wc.imm_data), 0xfeed0002);
	pair_close(&p);
}

static void writes(void)
{
	struct ibv_wc wc;
	struct pair p;

	pair_open(&p, &uc);
	EXPECT_EQ(write_len(&p, 1, IBV_WR_RDMA_WRITE, 1 << 20,
			    p.b.mr->rkey), 0);
	EXPECT_WC_AS(p.a.scq, 1, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, IBV_WC_RDMA_WRITE);
	EXPECT(is_filled(p.b.buf, 1 << 20, 1));
	EXPECT_NO_WC(p.b.rcq);

	fill(p.a.buf, p.a.opt.size, 3);
	EXPECT_EQ(post_recv(&p.b, 10, NULL), 0);
	EXPECT_EQ(write_len(&p, 2, IBV_WR_RDMA_WRITE_WITH_IMM, LEN,
			    p.b.mr->rkey), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 10, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, IBV_WC_RECV_RDMA_WITH_IMM);
	EXPECT_EQ(wc.byte_len, LEN);
	EXPECT_EQ(ntohl(wc.imm_data), 0xfeed0002);
	EXPECT(is_filled(p.b.buf, LEN, 3));
	pair_close(&p);
}

/* Inline, unsignalled, solicited: as with reliable connections. */
static void flags(void)
{
	struct options opt = uc;
	struct ibv_sge sge;
	struct pair p;
	char text[40] = "what is posted can be overwritten";

	opt.signal_all = 0;
	pair_open(&p, &opt);
	sge = (struct ibv_sge) { .addr = (uintptr_t)text, .length = 40 };
	EXPECT_EQ(recv_len(&p.b, 1, LEN), 0);
	EXPECT_EQ(recv_len(&p.b, 2, LEN), 0);
	EXPECT_EQ(post_send(&p.a, 3, IBV_WR_SEND, &sge, IBV_SEND_INLINE), 0);
	EXPECT_WC(p.b.rcq, 1, SUCCESS);
	EXPECT(!memcmp(p.b.buf, text, sizeof(text)));
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 1), 0);
	sge = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(post_send(&p.a, 4, IBV_WR_SEND, &sge, IBV_SEND_SIGNALED |
			    IBV_SEND_SOLICITED), 0);
	EXPECT_WC(p.a.scq, 4, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, SUCCESS);
	{
		struct ibv_cq *cq;
		void *ctx;

		EXPECT_EQ(ibv_get_cq_event(p.b.channel, &cq, &ctx), 0);
		EXPECT(cq == p.b.rcq);
		ibv_ack_cq_events(cq, 1);
	}
	pair_close(&p);
}

/* What is on the way to nobody is sent, and that is that. */
static void lost(void)
{
	struct pair p;
	int i;

	pair_open(&p, &uc);
	for (i = 0; i < 5; i++) {	/* no receive; nobody waits for one */
		EXPECT_EQ(send_len(&p.a, i, LEN), 0);
		EXPECT_WC(p.a.scq, i, SUCCESS);
	}
	EXPECT_EQ(write_len(&p, 6, IBV_WR_RDMA_WRITE_WITH_IMM, LEN,
			    p.b.mr->rkey), 0);
	EXPECT_WC(p.a.scq, 6, SUCCESS);
	EXPECT_EQ(recv_len(&p.b, 10, LEN), 0);
	EXPECT_NO_WC(p.b.rcq);
	EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));
	EXPECT_EQ(send_len(&p.a, 11, LEN), 0);
	EXPECT_WC(p.a.scq, 11, SUCCESS);
	EXPECT_WC(p.b.rcq, 10, SUCCESS);
	EXPECT_STATE(&p.a, RTS);
	EXPECT_STATE(&p.b, RTS);

	/* the peer is in a state that takes nothing, and then it is gone */
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(send_len(&p.a, 12, LEN), 0);
	EXPECT_WC(p.a.scq, 12, SUCCESS);
	EXPECT_EQ(ibv_destroy_qp(p.b.qp), 0);
	p.b.qp = NULL;
	EXPECT_EQ(send_len(&p.a, 13, LEN), 0);
	EXPECT_WC(p.a.scq, 13, SUCCESS);
	EXPECT_STATE(&p.a, RTS);
	pair_close(&p);
}

/* The peer is connected to somebody else, or is of another type. */
static void someone_elses(void)
{
	struct options opt = uc;
	struct pair p, other;

	pair_open(&p, &uc);
	pair_open(&other, &uc);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	end_connect(&p.a, &other.b);
	EXPECT_EQ(recv_len(&other.b, 1, LEN), 0);
	EXPECT_EQ(send_len(&p.a, 2, LEN), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_NO_WC(other.b.rcq);
	pair_close(&other);

	opt.type = IBV_QPT_RC;
	opt.timeout = 8;
	opt.retries = 2;
	opt.rnr_timer = 1;
	end_open(&other.b, device_of(1), &opt);
	end_connect(&other.b, &p.a);
	EXPECT_EQ(recv_len(&other.b, 3, LEN), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	end_connect(&p.a, &other.b);
	EXPECT_EQ(send_len(&p.a, 4, LEN), 0);
	EXPECT_WC(p.a.scq, 4, SUCCESS);
	EXPECT_NO_WC(other.b.rcq);
	/* the other way there is nobody who would answer */
	EXPECT_EQ(recv_len(&p.a, 5, LEN), 0);
	EXPECT_EQ(send_len(&other.b, 6, LEN), 0);
	EXPECT_WC(other.b.scq, 6, RETRY_EXC_ERR);
	EXPECT_NO_WC(p.a.rcq);
	end_close(&other.b);
	pair_close(&p);
}

/* Messages may have been lost before this one: any number may be its first. */
static void any_psn(void)
{
	struct ibv_qp_attr attr;
	struct pair p;

	pair_open(&p, &uc);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_init(p.a.qp, &uc), 0);
	EXPECT_EQ(to_rtr(&p.a, &p.b), 0);
	attr = rts_attr(&p.a);
	attr.sq_psn += 1000;
	EXPECT_EQ(ibv_modify_qp(p.a.qp, &attr, UNACKED_RTS_MASK), 0);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

static void communication_established(void)
{
	struct pair p;

	end_open(&p.a, device_of(0), &uc);
	end_open(&p.b, device_of(1), &uc);
	EXPECT_EQ(to_init(p.b.qp, &uc), 0);
	EXPECT_EQ(recv_len(&p.b, 1, LEN), 0);
	EXPECT_EQ(to_rtr(&p.b, &p.a), 0);
	end_connect(&p.a, &p.b);
	EXPECT_EQ(send_len(&p.a, 2, LEN), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_WC(p.b.rcq, 1, SUCCESS);
	EXPECT_EVENT(p.b.dev, IBV_EVENT_COMM_EST, p.b.qp);
	pair_close(&p);
}

/* Operations that need an answer are none of an unreliable connection's. */
static void no_such_operation(void)
{
	static const enum ibv_wr_opcode opcodes[] = {
		IBV_WR_RDMA_READ, IBV_WR_ATOMIC_CMP_AND_SWP,
		IBV_WR_ATOMIC_FETCH_AND_ADD, IBV_WR_SEND_WITH_INV,
	};
	struct ibv_wc wc;
	struct pair p;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		pair_open(&p, &uc);
		EXPECT_EQ(recv_len(&p.b, 1, LEN), 0);
		/* librxe takes it and lets the device find out, or does not */
		if (!write_len(&p, 2, opcodes[i], 8, p.b.mr->rkey)) {
			EXPECT_WC(p.a.scq, 2, LOC_QP_OP_ERR);
			EXPECT_STATE(&p.a, SQE);
		}
		EXPECT(!next_wc(p.b.rcq, 0, &wc));
		EXPECT(is_filled(p.a.buf, p.a.opt.size, 1));
		EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));
		EXPECT_STATE(&p.b, RTS);
		pair_close(&p);
	}
}

/*
 * A failed send stops the send queue alone (SQE): what follows it is flushed, the
 * receive queue goes on, and RTS makes it good again.
 */
static void send_queue_error(void)
{
	struct ibv_sge bad;
	struct pair p;
	int i, round;

	pair_open(&p, &uc);
	bad = sge_of(&p.a, 0, LEN);
	bad.lkey ^= 1;
	for (round = 0; round < 3; round++) {
		struct ibv_sge good = sge_of(&p.a, 0, LEN);
		struct ibv_send_wr wr[3] = {
			{ .wr_id = 1, .next = &wr[1], .sg_list = &bad,
			  .num_sge = 1, .opcode = IBV_WR_SEND },
			{ .wr_id = 2, .next = &wr[2], .sg_list = &good,
			  .num_sge = 1, .opcode = IBV_WR_SEND },
			{ .wr_id = 3, .sg_list = &good, .num_sge = 1,
			  .opcode = IBV_WR_SEND },
		};

		EXPECT_EQ(recv_len(&p.b, 10, LEN), 0);
		EXPECT_EQ(recv_len(&p.a, 11, LEN), 0);
		EXPECT_EQ(post_wr(&p.a, wr), 0);
		EXPECT_WC(p.a.scq, 1, LOC_PROT_ERR);
		EXPECT_WC(p.a.scq, 2, WR_FLUSH_ERR);
		EXPECT_WC(p.a.scq, 3, WR_FLUSH_ERR);
		EXPECT_STATE(&p.a, SQE);
		EXPECT_EQ(send_len(&p.a, 4, LEN), 0);
		EXPECT_WC(p.a.scq, 4, WR_FLUSH_ERR);
		EXPECT_NO_WC(p.b.rcq);
		EXPECT_NO_WC(p.a.rcq);

		EXPECT_EQ(send_len(&p.b, 5, LEN), 0);
		EXPECT_WC(p.b.scq, 5, SUCCESS);
		EXPECT_WC(p.a.rcq, 11, SUCCESS);
		EXPECT_STATE(&p.a, SQE);

		EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
		EXPECT_EQ(send_len(&p.a, 6, LEN), 0);
		EXPECT_WC(p.a.scq, 6, SUCCESS);
		EXPECT_WC(p.b.rcq, 10, SUCCESS);
	}
	/* from SQE to ERR: now the receives as well */
	EXPECT_EQ(recv_len(&p.a, 11, LEN), 0);
	EXPECT_EQ(post_send(&p.a, 1, IBV_WR_SEND, &bad, 0), 0);
	EXPECT_WC(p.a.scq, 1, LOC_PROT_ERR);
	EXPECT_STATE(&p.a, SQE);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	for (i = 0; i < 2; i++)
		EXPECT_EQ(send_len(&p.a, 20 + i, LEN), 0);
	for (i = 0; i < 2; i++)
		EXPECT_WC(p.a.scq, 20 + i, WR_FLUSH_ERR);
	EXPECT_WC(p.a.rcq, 11, WR_FLUSH_ERR);
	pair_close(&p);
}

/* Faster than the receiver: some are lost, those that come are in order. */
static void overrun(void)
{
	enum { N = 2000 };
	uint64_t last = 0, got = 0;
	struct options opt = uc;
	struct ibv_wc wc;
	struct pair p;
	int i;

	opt.size = 65536;
	pair_open(&p, &opt);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(recv_len(&p.b, i, 64), 0);
	for (i = 1; i <= N; i++) {
		*(uint32_t *)p.a.buf = i;
		EXPECT_EQ(send_len(&p.a, i, 4), 0);
		EXPECT_WC(p.a.scq, i, SUCCESS);
		if (i % 40)
			continue;
		while (next_wc(p.b.rcq, 0, &wc)) {
			EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
			got++;
			EXPECT_EQ(recv_len(&p.b, i, 64), 0);
		}
		EXPECT(*(uint32_t *)p.b.buf > last);
		last = *(uint32_t *)p.b.buf;
	}
	EXPECT_EQ(got, N / 40 * 16);
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE("UC: sends of all sizes", sends),
	CASE("UC: send with immediate data", immediate_data),
	CASE("UC: RDMA writes", writes),
	CASE("UC: inline, unsignalled, solicited", flags),
	CASE("UC: what nobody takes is lost", lost),
	CASE("UC: the peer is someone else's", someone_elses),
	CASE("UC: any packet number may be the first", any_psn),
	CASE("UC: the first message in RTR is reported",
	     communication_established),
	CASE("UC: operations that it does not have", no_such_operation),
	CASE("UC: an error of the send queue, and back", send_queue_error),
	CASE("UC: more than the receiver takes", overrun),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
