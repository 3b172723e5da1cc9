// SPDX-License-Identifier: GPL-2.0
/*
 * The table of misuse for reliable and unreliable connections, each with a receive
 * queue of the QP's own and with a shared one: what both sides' completions say,
 * the QPs' states afterwards, and the asynchronous events. (IBTA vol. 1, 9.9 and
 * 10.10.2.)
 */
#include "verbs_common.h"

#define LEN		1000

#define NOTHING		-1	/* no completion */
#define EV(type)	(1u << IBV_EVENT_##type)

struct outcome {
	int sender;		/* its completion's status */
	int receiver;		/* that of the first of two receives */
	enum ibv_qp_state a, b;
	unsigned int events;	/* at the receiver */
};

/* What is wrong. Both QPs are connected; receives are posted already. */
struct misuse {
	const char *name;
	int (*send)(struct pair *p);
	bool no_receive;
	bool no_access;
	uint32_t receive;	/* its length, LEN if 0 */
	bool receive_bad_key;
	struct outcome rc, uc;
};

static int good_send(struct pair *p)
{
	struct ibv_sge sge = sge_of(&p->a, 0, LEN);

	return post_send(&p->a, 1, IBV_WR_SEND, &sge, 0);
}

static int send_with_bad_lkey(struct pair *p)
{
	struct ibv_sge sge = sge_of(&p->a, 0, LEN);

	sge.lkey ^= 1;
	return post_send(&p->a, 1, IBV_WR_SEND, &sge, 0);
}

static int send_out_of_bounds(struct pair *p)
{
	struct ibv_sge sge = sge_of(&p->a, p->a.opt.size - LEN + 1, LEN);

	return post_send(&p->a, 1, IBV_WR_SEND, &sge, 0);
}

static int send_to_nobody(struct pair *p)
{
	return to_state(p->b.qp, IBV_QPS_RESET) ?: good_send(p);
}

static int rdma(struct pair *p, enum ibv_wr_opcode opcode, size_t offset,
		uint32_t wrong)
{
	struct ibv_sge sge = sge_of(&p->a, 0, LEN);

	return post_rdma(&p->a, 1, opcode, &sge,
			 (uintptr_t)p->b.buf + offset, p->b.mr->rkey ^ wrong);
}

static int good_write(struct pair *p)
{
	return rdma(p, IBV_WR_RDMA_WRITE, 0, 0);
}

static int write_with_bad_rkey(struct pair *p)
{
	return rdma(p, IBV_WR_RDMA_WRITE, 0, 1);
}

static int write_out_of_bounds(struct pair *p)
{
	return rdma(p, IBV_WR_RDMA_WRITE, p->b.opt.size - LEN + 1, 0);
}

static int write_imm_with_bad_rkey(struct pair *p)
{
	return rdma(p, IBV_WR_RDMA_WRITE_WITH_IMM, 0, 1);
}

static int good_write_imm(struct pair *p)
{
	return rdma(p, IBV_WR_RDMA_WRITE_WITH_IMM, 0, 0);
}

static int read_with_bad_rkey(struct pair *p)
{
	return rdma(p, IBV_WR_RDMA_READ, 0, 1);
}

#define W(x)	IBV_WC_##x
#define S(x)	IBV_QPS_##x

static const struct misuse table[] = {
	{ .name = "send, bad L_Key", .send = send_with_bad_lkey,
	  .rc = { W(LOC_PROT_ERR), NOTHING, S(ERR), S(RTS), 0 },
	  .uc = { W(LOC_PROT_ERR), NOTHING, S(SQE), S(RTS), 0 } },
	{ .name = "send, local range out of bounds", .send = send_out_of_bounds,
	  .rc = { W(LOC_PROT_ERR), NOTHING, S(ERR), S(RTS), 0 },
	  .uc = { W(LOC_PROT_ERR), NOTHING, S(SQE), S(RTS), 0 } },
	{ .name = "send, bad L_Key and nobody there to take it",
	  .send = send_with_bad_lkey, .no_receive = true,
	  .rc = { W(LOC_PROT_ERR), NOTHING, S(ERR), S(RTS), 0 },
	  .uc = { W(LOC_PROT_ERR), NOTHING, S(SQE), S(RTS), 0 } },
	{ .name = "send, longer than the receive", .send = good_send,
	  .receive = LEN - 1,
	  .rc = { W(REM_INV_REQ_ERR), W(LOC_LEN_ERR), S(ERR), S(ERR), 0 },
	  .uc = { W(SUCCESS), W(LOC_LEN_ERR), S(RTS), S(ERR), 0 } },
	{ .name = "send, the receive has a bad L_Key", .send = good_send,
	  .receive_bad_key = true,
	  .rc = { W(REM_OP_ERR), W(LOC_PROT_ERR), S(ERR), S(ERR), 0 },
	  .uc = { W(SUCCESS), W(LOC_PROT_ERR), S(RTS), S(ERR), 0 } },
	{ .name = "send, no receive", .send = good_send, .no_receive = true,
	  .rc = { W(RNR_RETRY_EXC_ERR), NOTHING, S(ERR), S(RTS), 0 },
	  .uc = { W(SUCCESS), NOTHING, S(RTS), S(RTS), 0 } },
	{ .name = "send, the peer is reset", .send = send_to_nobody,
	  .rc = { W(RETRY_EXC_ERR), NOTHING, S(ERR), S(RESET), 0 },
	  .uc = { W(SUCCESS), NOTHING, S(RTS), S(RESET), 0 } },
	{ .name = "RDMA write, bad R_Key", .send = write_with_bad_rkey,
	  .no_receive = true,
	  .rc = { W(REM_ACCESS_ERR), NOTHING, S(ERR), S(ERR),
		  EV(QP_ACCESS_ERR) },
	  .uc = { W(SUCCESS), NOTHING, S(RTS), S(RTS), 0 } },
	{ .name = "RDMA write, remote range out of bounds",
	  .send = write_out_of_bounds, .no_receive = true,
	  .rc = { W(REM_ACCESS_ERR), NOTHING, S(ERR), S(ERR),
		  EV(QP_ACCESS_ERR) },
	  .uc = { W(SUCCESS), NOTHING, S(RTS), S(RTS), 0 } },
	{ .name = "RDMA write, the QP does not allow it", .send = good_write,
	  .no_receive = true, .no_access = true,
	  .rc = { W(REM_INV_REQ_ERR), NOTHING, S(ERR), S(ERR),
		  EV(QP_REQ_ERR) },
	  .uc = { W(SUCCESS), NOTHING, S(RTS), S(RTS), 0 } },
	{ .name = "RDMA write with immediate data, bad R_Key",
	  .send = write_imm_with_bad_rkey,
	  .rc = { W(REM_ACCESS_ERR), W(WR_FLUSH_ERR), S(ERR), S(ERR),
		  EV(QP_ACCESS_ERR) },
	  .uc = { W(SUCCESS), NOTHING, S(RTS), S(RTS), 0 } },
	{ .name = "RDMA write with immediate data, no receive",
	  .send = good_write_imm, .no_receive = true,
	  .rc = { W(RNR_RETRY_EXC_ERR), NOTHING, S(ERR), S(RTS), 0 },
	  .uc = { W(SUCCESS), NOTHING, S(RTS), S(RTS), 0 } },
	{ .name = "RDMA read, bad R_Key", .send = read_with_bad_rkey,
	  .no_receive = true,
	  .rc = { W(REM_ACCESS_ERR), NOTHING, S(ERR), S(ERR),
		  EV(QP_ACCESS_ERR) },
	  /* it has no reads */
	  .uc = { W(LOC_QP_OP_ERR), NOTHING, S(SQE), S(RTS), 0 } },
};

static void post_receives(struct pair *p, const struct misuse *m)
{
	struct ibv_sge sge = sge_of(&p->b, 0, m->receive ?: LEN);

	sge.lkey ^= m->receive_bad_key;
	EXPECT_EQ(post_recv(&p->b, 10, &sge), 0);
	sge = sge_of(&p->b, 2 * LEN, LEN);
	EXPECT_EQ(post_recv(&p->b, 11, &sge), 0);
}

/* All that come, and no others. */
static void expect_events(const char *name, struct pair *p, unsigned int want)
{
	struct ibv_async_event event;
	unsigned int got = 0;

	while (next_event(p->b.dev, got == want ? A_WHILE_MS : SOON_MS,
			  &event)) {
		EXPECT_F(!(got & (1u << event.event_type)), "%s: twice %s",
			 name, ibv_event_type_str(event.event_type));
		EXPECT_F(event.element.qp == p->b.qp, "%s: of another QP",
			 name);
		got |= 1u << event.event_type;
		if (got & ~want)
			break;
	}
	EXPECT_F(got == want, "%s: events %#x, not %#x", name, got, want);
}

static void expect_status(const char *name, struct ibv_cq *cq, uint64_t id,
			  int status)
{
	int before = case_failed;

	if (status == NOTHING)
		expect_no_wc(__LINE__, cq, A_WHILE_MS);
	else
		expect_wc(__LINE__, cq, id, status, NULL);
	if (case_failed && !before)
		printf("# that was: %s, request %llu\n", name,
		       (unsigned long long)id);
}

static void run_row(const struct misuse *m, enum ibv_qp_type type, bool srq)
{
	const struct outcome *want = type == IBV_QPT_RC ? &m->rc : &m->uc;
	struct options a = usual, b = usual;
	struct ibv_sge sge;
	struct pair p;

	a.type = b.type = type;
	a.rnr_retries = 1;
	a.retries = 1;
	b.srq_wr = srq ? 16 : 0;
	if (m->no_access)
		b.qp_access = IBV_ACCESS_LOCAL_WRITE;
	pair_open2(&p, &a, &b);
	if (!m->no_receive)
		post_receives(&p, m);
	EXPECT_EQ(m->send(&p), 0);
	expect_status(m->name, p.a.scq, 1, want->sender);
	expect_status(m->name, p.b.rcq, 10, want->receiver);
	EXPECT_F(expect_state(__LINE__, p.a.qp, want->a), "%s", m->name);
	EXPECT_F(expect_state(__LINE__, p.b.qp, want->b), "%s", m->name);
	/* what the QP has not taken is flushed with a queue of its own alone */
	if (!m->no_receive && want->b == IBV_QPS_ERR)
		expect_status(m->name, p.b.rcq, 11,
			      srq ? NOTHING : W(WR_FLUSH_ERR));
	expect_events(m->name, &p, want->events |
		      (srq && want->b == IBV_QPS_ERR ?
		       EV(QP_LAST_WQE_REACHED) : 0));
	EXPECT_F(is_filled(p.b.buf, p.b.opt.size, 2), "%s: memory is changed",
		 m->name);

	/* and the sender: what comes next is flushed, or sent */
	sge = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &sge, 0), 0);
	expect_status(m->name, p.a.scq, 2, want->a == IBV_QPS_RTS ?
		      W(SUCCESS) : W(WR_FLUSH_ERR));
	pair_close(&p);
}

static void run_table(enum ibv_qp_type type, bool srq)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		run_row(&table[i], type, srq);
}

static void rc(void)
{
	run_table(IBV_QPT_RC, false);
}

static void rc_srq(void)
{
	run_table(IBV_QPT_RC, true);
}

static void uc(void)
{
	run_table(IBV_QPT_UC, false);
}

static void uc_srq(void)
{
	run_table(IBV_QPT_UC, true);
}

static const struct test_case cases[] = {
	CASE("table of misuse: RC", rc),
	CASE("table of misuse: RC with an SRQ", rc_srq),
	CASE("table of misuse: UC", uc),
	CASE("table of misuse: UC with an SRQ", uc_srq),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
