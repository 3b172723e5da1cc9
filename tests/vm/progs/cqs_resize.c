// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues whose size changes: with entries inside, while completions
 * come, armed, in error; and many of them, on one channel.
 * (ibv_resize_cq(3); IBTA vol. 1, 11.2.8.)
 */
#include "verbs_common.h"

#include <pthread.h>

#define LEN	64

/* @n writes from a to b, whose completions stay in a's queue. */
static void write_n(struct pair *p, int first, int n)
{
	struct ibv_sge sge = sge_of(&p->a, 0, LEN);
	int i;

	for (i = first; i < first + n; i++)
		EXPECT_EQ(post_rdma(&p->a, i, IBV_WR_RDMA_WRITE, &sge,
				    (uintptr_t)p->b.buf, p->b.mr->rkey), 0);
	/* they are there when they have been waited for; none is consumed */
	sleep_ms(A_WHILE_MS);
}

static void expect_n(int line, struct pair *p, int first, int n)
{
	int i;

	for (i = first; i < first + n; i++)
		if (!expect_wc(line, p->a.scq, i, IBV_WC_SUCCESS, NULL))
			return;
	expect_no_wc(line, p->a.scq, A_WHILE_MS);
}

#define EXPECT_N(p, first, n)	expect_n(__LINE__, p, first, n)

static void grow(void)
{
	struct options opt = usual;
	struct pair p;
	int n;

	opt.cqe = 15;
	pair_open(&p, &opt);
	n = p.a.scq->cqe;
	write_n(&p, 0, n);			/* just full */
	EXPECT_EQ(ibv_resize_cq(p.a.scq, 100), 0);
	EXPECT(p.a.scq->cqe >= 100);
	write_n(&p, n, n);
	EXPECT_N(&p, 0, 2 * n);
	EXPECT_WORKS(&p);
	EXPECT_STATE(&p.a, RTS);
	pair_close(&p);
}

/* The ring has gone round, so that what waits is in two pieces. */
static void shrink(void)
{
	struct options opt = usual;
	struct pair p;

	opt.cqe = 31;
	opt.send_wr = 64;
	pair_open(&p, &opt);
	write_n(&p, 0, 29);
	EXPECT_N(&p, 0, 29);
	write_n(&p, 100, 7);
	EXPECT_EQ(ibv_resize_cq(p.a.scq, 7), 0);
	EXPECT(p.a.scq->cqe >= 7 && p.a.scq->cqe < 31);
	EXPECT_N(&p, 100, 7);
	write_n(&p, 200, 7);			/* full and round again */
	EXPECT_N(&p, 200, 7);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

/* What does not fit is refused, and nothing is lost. */
static void too_small(void)
{
	struct options opt = usual;
	struct pair p;
	int n;

	opt.cqe = 31;
	pair_open(&p, &opt);
	n = p.a.scq->cqe;
	write_n(&p, 0, 10);
	EXPECT_ERRNO(ibv_resize_cq(p.a.scq, 6), EINVAL);
	EXPECT_EQ(p.a.scq->cqe, n);
	write_n(&p, 10, 5);
	EXPECT_N(&p, 0, 15);
	EXPECT_EQ(ibv_resize_cq(p.a.scq, 6), 0);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

static void bad_sizes(void)
{
	struct pair p;
	int n;

	pair_open(&p, &usual);
	n = p.a.scq->cqe;
	EXPECT_ERRNO(ibv_resize_cq(p.a.scq, 0), EINVAL);
	EXPECT_ERRNO(ibv_resize_cq(p.a.scq, -1), EINVAL);
	EXPECT_ERRNO(ibv_resize_cq(p.a.scq, p.a.dev->attr.max_cqe + 1), EINVAL);
	EXPECT_EQ(p.a.scq->cqe, n);
	EXPECT_EQ(ibv_resize_cq(p.a.scq, p.a.dev->attr.max_cqe), 0);
	EXPECT_EQ(p.a.scq->cqe, p.a.dev->attr.max_cqe);
	EXPECT_EQ(ibv_resize_cq(p.a.scq, 1), 0);
	EXPECT(p.a.scq->cqe >= 1 && p.a.scq->cqe < n);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

static void stays_armed(void)
{
	struct pollfd pollfd = { .events = POLLIN };
	struct ibv_cq *cq;
	struct pair p;
	void *context;

	pair_open(&p, &usual);
	pollfd.fd = p.a.channel->fd;
	EXPECT_EQ(ibv_req_notify_cq(p.a.scq, 0), 0);
	EXPECT_EQ(ibv_resize_cq(p.a.scq, 200), 0);
	EXPECT_EQ(poll(&pollfd, 1, A_WHILE_MS), 0);
	write_n(&p, 0, 2);
	if (EXPECT_EQ(poll(&pollfd, 1, SOON_MS), 1)) {
		EXPECT_EQ(ibv_get_cq_event(p.a.channel, &cq, &context), 0);
		EXPECT(cq == p.a.scq);
		ibv_ack_cq_events(cq, 1);
	}
	EXPECT_N(&p, 0, 2);
	pair_close(&p);
}

/* A smaller queue overflows earlier, and a larger one does not heal it. */
static void overflow(void)
{
	struct ibv_async_event event;
	struct options opt = usual;
	bool cq_err = false;
	struct pair p;
	int n;

	opt.cqe = 63;
	opt.send_wr = 64;
	pair_open(&p, &opt);
	EXPECT_EQ(ibv_resize_cq(p.a.scq, 3), 0);
	n = p.a.scq->cqe;
	write_n(&p, 0, n + 1);
	while (!cq_err && next_event(p.a.dev, SOON_MS, &event))
		cq_err = event.event_type == IBV_EVENT_CQ_ERR;
	EXPECT(cq_err);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_EQ(ibv_resize_cq(p.a.scq, 63), 0);
	EXPECT_N(&p, 0, n);
	while (next_event(p.a.dev, A_WHILE_MS, &event))
		EXPECT_EQ(event.event_type, IBV_EVENT_QP_FATAL);
	pair_close(&p);
}

/* A sender that only waits for room; the receiver's queue changes its size. */
#define MESSAGES	3000

static void *send_many(void *arg)
{
	struct end *end = arg;
	struct ibv_sge sge = sge_of(end, 0, LEN);
	struct ibv_wc wc;
	int i;

	for (i = 0; i < MESSAGES; i++)
		if (post_send(end, i, IBV_WR_SEND_WITH_IMM, &sge, 0) ||
		    !next_wc(end->scq, SOON_MS, &wc) ||
		    wc.status != IBV_WC_SUCCESS)
			return "the sender failed";
	return NULL;
}

static void under_traffic(void)
{
	int i, resized = 0, refused = 0, err;
	unsigned int seed = 1;
	pthread_t sender;
	struct ibv_sge in;
	struct ibv_wc wc;
	void *result;
	struct pair p;

	pair_open(&p, &usual);
	in = sge_of(&p.b, 0, LEN);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(post_recv(&p.b, i, &in), 0);
	if (pthread_create(&sender, NULL, send_many, &p.a))
		bail("no thread");
	for (i = 0; i < MESSAGES; i++) {
		if (rand_r(&seed) % 8 == 0) {
			if (rand_r(&seed) % 2)
				usleep(rand_r(&seed) % 300);
			/* never below what can be inside: 16 receives */
			err = ibv_resize_cq(p.b.rcq, 16 + rand_r(&seed) % 500);
			resized += !err;
			refused += !!err;
		}
		if (!next_wc(p.b.rcq, SOON_MS, &wc)) {
			EXPECT_F(false, "message %d is missing", i);
			break;
		}
		if (!EXPECT_EQ(wc.status, IBV_WC_SUCCESS) ||
		    !EXPECT_EQ(ntohl(wc.imm_data), 0xfeed0000 | i))
			break;
		EXPECT_EQ(post_recv(&p.b, wc.wr_id, &in), 0);
	}
	pthread_join(sender, &result);
	EXPECT_F(!result, "%s", (char *)result);
	EXPECT_EQ(refused, 0);
	printf("# %d sizes during %d messages\n", resized, i);
	EXPECT_NO_WC(p.b.rcq);
	pair_close(&p);
}

/* The extended interface reads the same ring. */
static void extended(void)
{
	struct ibv_cq_init_attr_ex init = {
		.cqe = 15,
		.wc_flags = IBV_WC_STANDARD_FLAGS,
	};
	struct ibv_poll_cq_attr attr = { 0 };
	struct ibv_cq_ex *cq;
	struct ibv_cq *own;
	struct pair p;
	int i, n = 0;

	end_open_without_qp(&p.a, device_of(0), &usual);
	end_open(&p.b, device_of(1), &usual);
	cq = ibv_create_cq_ex(p.a.dev->ctx, &init);
	if (!cq)
		bail("no extended CQ");
	own = p.a.scq;
	p.a.scq = ibv_cq_ex_to_cq(cq);
	p.a.qp = create_qp(&p.a, &usual);
	end_connect(&p.b, &p.a);
	end_connect(&p.a, &p.b);

	write_n(&p, 0, 15);
	EXPECT_EQ(ibv_resize_cq(p.a.scq, 60), 0);
	write_n(&p, 15, 15);
	EXPECT_EQ(ibv_start_poll(cq, &attr), 0);
	for (i = 0; i < 30; i++) {
		n += cq->wr_id == (uint64_t)i &&
		     cq->status == IBV_WC_SUCCESS &&
		     ibv_wc_read_opcode(cq) == IBV_WC_RDMA_WRITE &&
		     ibv_wc_read_qp_num(cq) == p.a.qp->qp_num;
		EXPECT_EQ(ibv_next_poll(cq), i < 29 ? 0 : ENOENT);
	}
	ibv_end_poll(cq);
	EXPECT_EQ(n, 30);
	EXPECT_EQ(ibv_destroy_qp(p.a.qp), 0);
	p.a.qp = NULL;
	EXPECT_EQ(ibv_destroy_cq(p.a.scq), 0);
	p.a.scq = own;
	pair_close(&p);
}

/* Flags that librxe does not have are refused, and so is what is no flag. */
static void extended_flags(void)
{
	struct ibv_cq_init_attr_ex init = {
		.cqe = 15,
		.wc_flags = IBV_WC_EX_WITH_COMPLETION_TIMESTAMP,
	};
	struct ibv_cq_ex *cq;

	errno = 0;
	EXPECT(!ibv_create_cq_ex(device_of(0)->ctx, &init));
	EXPECT_ERRNO(errno, EOPNOTSUPP);
	init.wc_flags = IBV_WC_EX_WITH_BYTE_LEN | IBV_WC_EX_WITH_SRC_QP;
	cq = ibv_create_cq_ex(device_of(0)->ctx, &init);
	if (EXPECT(cq))
		EXPECT_EQ(ibv_destroy_cq(ibv_cq_ex_to_cq(cq)), 0);
}

/* Several queues on a channel: each event names its own. */
static void one_channel(void)
{
	struct pollfd pollfd = { .events = POLLIN };
	int seen[4] = { 0 }, i;
	struct ibv_cq *cqs[4], *cq;
	struct ibv_cq *own;
	void *context;
	struct pair p;

	pair_open(&p, &usual);
	pollfd.fd = p.a.channel->fd;
	for (i = 0; i < 4; i++) {
		struct ibv_qp *qp = p.a.qp;
		struct ibv_sge sge = sge_of(&p.a, 0, LEN);

		cqs[i] = ibv_create_cq(p.a.dev->ctx, 10, &seen[i],
				       p.a.channel, 0);
		if (!cqs[i])
			bail("no CQ");
		EXPECT_EQ(ibv_req_notify_cq(cqs[i], 0), 0);
		/* a QP that is connected to itself completes into it */
		own = p.a.scq;
		p.a.scq = cqs[i];
		p.a.qp = create_qp(&p.a, &usual);
		p.a.scq = own;
		end_connect(&p.a, &p.a);
		EXPECT_EQ(post_recv(&p.a, 1, &sge), 0);
		EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &sge, 0), 0);
		EXPECT_WC(cqs[i], 2, SUCCESS);
		EXPECT_WC(p.a.rcq, 1, SUCCESS);
		EXPECT_EQ(ibv_destroy_qp(p.a.qp), 0);
		p.a.qp = qp;
	}
	while (poll(&pollfd, 1, A_WHILE_MS) == 1 &&
	       !ibv_get_cq_event(p.a.channel, &cq, &context)) {
		i = (int *)context - seen;
		if (!EXPECT(i >= 0 && i < 4 && cq == cqs[i]))
			break;
		seen[i]++;
		ibv_ack_cq_events(cq, 1);
	}
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(seen[i], 1);
		EXPECT_EQ(ibv_destroy_cq(cqs[i]), 0);
	}
	pair_close(&p);
}

static void *ack_later(void *cq)
{
	sleep_ms(300);
	ibv_ack_cq_events(cq, 1);
	return NULL;
}

/* Its destruction waits until its events are acknowledged. */
static void destroy_unacknowledged(void)
{
	pthread_t thread;
	struct ibv_cq *cq;
	struct pair p;
	void *context;
	uint64_t begin;

	pair_open(&p, &usual);
	EXPECT_EQ(ibv_req_notify_cq(p.a.scq, 0), 0);
	write_n(&p, 0, 1);
	EXPECT_EQ(ibv_get_cq_event(p.a.channel, &cq, &context), 0);
	EXPECT(cq == p.a.scq);
	if (pthread_create(&thread, NULL, ack_later, cq))
		bail("no thread");
	begin = now_ms();
	EXPECT_EQ(ibv_destroy_comp_channel(p.a.channel), EBUSY);
	pair_close(&p);
	EXPECT(now_ms() - begin >= 250);
	pthread_join(thread, NULL);
}

#define MANY	3000

static void many(void)
{
	static struct ibv_cq *cqs[MANY];
	struct device *dev = device_of(0);
	struct ibv_comp_channel *channel = ibv_create_comp_channel(dev->ctx);
	struct ibv_cq *own;
	struct pair p;
	int i, n;

	if (!channel)
		bail("no channel");
	for (n = 0; n < MANY; n++) {
		cqs[n] = ibv_create_cq(dev->ctx, 3, NULL, channel, 0);
		if (!EXPECT_F(cqs[n], "CQ %d: %s", n, strerror(errno)))
			break;
	}
	for (i = 0; i < n; i += 100)
		EXPECT_EQ(ibv_resize_cq(cqs[i], 30), 0);
	pair_open(&p, &usual);
	EXPECT_EQ(ibv_destroy_qp(p.a.qp), 0);
	own = p.a.scq;
	p.a.scq = cqs[n - 1];
	p.a.qp = create_qp(&p.a, &usual);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	end_connect(&p.b, &p.a);
	end_connect(&p.a, &p.b);
	EXPECT_WORKS(&p);
	EXPECT_EQ(ibv_destroy_qp(p.a.qp), 0);
	p.a.qp = NULL;
	p.a.scq = own;
	for (i = 0; i < n; i++)
		if (!EXPECT_EQ(ibv_destroy_cq(cqs[i]), 0))
			break;
	EXPECT_EQ(ibv_destroy_comp_channel(channel), 0);
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("grown with entries inside", grow),
	CASE_ONE_DEVICE("shrunk with entries inside", shrink),
	CASE_ONE_DEVICE("too small for what is inside", too_small),
	CASE_ONE_DEVICE("sizes that cannot be", bad_sizes),
	CASE_ONE_DEVICE("stays armed", stays_armed),
	CASE_ONE_DEVICE("overflow of a smaller queue", overflow),
	CASE("resized while completions come", under_traffic),
	CASE_ONE_DEVICE("extended queue", extended),
	CASE_ONE_DEVICE("flags of extended queues", extended_flags),
	CASE_ONE_DEVICE("several queues on a channel", one_channel),
	CASE_ONE_DEVICE("destroyed with an event that is not acknowledged",
			destroy_unacknowledged),
	CASE_ONE_DEVICE("thousands of queues", many),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
