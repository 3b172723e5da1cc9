// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues: which completions raise an event and which do not, the
 * race between arming and polling, overflow, sharing, and destruction.
 * (IBTA vol. 1, 11.4.2.2.)
 */
#include "verbs_common.h"

#include <pthread.h>

#define LEN	64

static bool has_event(struct end *end, int ms, struct ibv_cq **cq)
{
	struct pollfd pollfd = { .fd = end->channel->fd, .events = POLLIN };
	void *context;

	if (poll(&pollfd, 1, ms) != 1 ||
	    ibv_get_cq_event(end->channel, cq, &context))
		return false;
	EXPECT(context == end);
	ibv_ack_cq_events(*cq, 1);
	return true;
}

/* An event of this queue, and no second one. */
static void expect_cq_event(int line, struct end *end, struct ibv_cq *want)
{
	struct ibv_cq *cq = NULL;

	if (expect(has_event(end, SOON_MS, &cq), line, "no completion event"))
		expect(cq == want, line, "an event of another queue");
	expect(!has_event(end, A_WHILE_MS, &cq), line, "a second event");
}

#define EXPECT_CQ_EVENT(end, cq)	expect_cq_event(__LINE__, end, cq)
#define EXPECT_NO_CQ_EVENT(end) do {					\
	struct ibv_cq *cq_;						\
									\
	EXPECT(!has_event(end, A_WHILE_MS, &cq_));			\
} while (0)

/* One message, received and completed; not polled for. */
static void message(struct pair *p, int flags)
{
	struct ibv_sge in = sge_of(&p->b, 0, LEN), out = sge_of(&p->a, 0, LEN);

	EXPECT_EQ(post_recv(&p->b, 1, &in), 0);
	EXPECT_EQ(post_send(&p->a, 2, IBV_WR_SEND, &out, flags), 0);
}

static int drain(struct ibv_cq *cq)
{
	struct ibv_wc wc;
	int n = 0;

	while (next_wc(cq, n ? A_WHILE_MS : SOON_MS, &wc))
		n++;
	return n;
}

static void not_armed(void)
{
	struct pair p;

	pair_open(&p, &usual);
	message(&p, IBV_SEND_SOLICITED);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_WC(p.b.rcq, 1, SUCCESS);
	EXPECT_NO_CQ_EVENT(&p.a);
	EXPECT_NO_CQ_EVENT(&p.b);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_ERR), 0);
	pair_close(&p);
}

static void next_completion(void)
{
	struct pair p;

	pair_open(&p, &usual);
	EXPECT_EQ(ibv_req_notify_cq(p.a.scq, 0), 0);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
	message(&p, 0);
	message(&p, 0);
	message(&p, 0);
	EXPECT_CQ_EVENT(&p.a, p.a.scq);		/* one for all three */
	EXPECT_CQ_EVENT(&p.b, p.b.rcq);
	EXPECT_EQ(drain(p.a.scq), 3);
	EXPECT_EQ(drain(p.b.rcq), 3);

	message(&p, 0);				/* not armed again */
	EXPECT_NO_CQ_EVENT(&p.b);
	EXPECT_EQ(drain(p.b.rcq), 1);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
	message(&p, 0);
	EXPECT_CQ_EVENT(&p.b, p.b.rcq);
	pair_close(&p);
}

/* Arming asks for what comes, not for what is there. */
static void armed_too_late(void)
{
	struct pair p;

	pair_open(&p, &usual);
	message(&p, 0);
	sleep_ms(A_WHILE_MS);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
	EXPECT_NO_CQ_EVENT(&p.b);
	EXPECT_EQ(drain(p.b.rcq), 1);
	message(&p, 0);
	EXPECT_CQ_EVENT(&p.b, p.b.rcq);
	pair_close(&p);
}

static void solicited_only(void)
{
	struct ibv_sge out;
	struct pair p;

	pair_open(&p, &usual);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 1), 0);
	EXPECT_EQ(ibv_req_notify_cq(p.a.scq, 1), 0);
	message(&p, 0);
	EXPECT_NO_CQ_EVENT(&p.b);
	message(&p, IBV_SEND_SOLICITED);
	EXPECT_CQ_EVENT(&p.b, p.b.rcq);
	/* it is the receiver who is asked for */
	EXPECT_NO_CQ_EVENT(&p.a);
	EXPECT_EQ(drain(p.b.rcq), 2);

	/* a write with immediate data can ask, too */
	out = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 1), 0);
	EXPECT_EQ(post_recv(&p.b, 3, NULL), 0);
	{
		struct ibv_send_wr wr = {
			.wr_id = 4, .opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
			.sg_list = &out, .num_sge = 1,
			.send_flags = IBV_SEND_SOLICITED,
			.wr.rdma.remote_addr = (uintptr_t)p.b.buf,
			.wr.rdma.rkey = p.b.mr->rkey,
		};

		EXPECT_EQ(post_wr(&p.a, &wr), 0);
	}
	EXPECT_CQ_EVENT(&p.b, p.b.rcq);

	/* asking for solicited ones does not take back asking for the next */
	EXPECT_EQ(drain(p.b.rcq), 1);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 1), 0);
	message(&p, 0);
	EXPECT_CQ_EVENT(&p.b, p.b.rcq);

	/* but the other way round it widens the question */
	EXPECT_EQ(drain(p.b.rcq), 1);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 1), 0);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
	message(&p, 0);
	EXPECT_CQ_EVENT(&p.b, p.b.rcq);
	pair_close(&p);
}

/* What failed or was flushed counts as solicited. */
static void failures_are_solicited(void)
{
	struct ibv_sge bad, in;
	struct pair p;

	pair_open(&p, &usual);
	bad = sge_of(&p.a, 0, LEN);
	bad.lkey ^= 1;
	in = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(post_recv(&p.a, 1, &in), 0);
	EXPECT_EQ(post_recv(&p.b, 1, &in), 0);
	EXPECT_EQ(ibv_req_notify_cq(p.a.scq, 1), 0);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &bad, 0), 0);
	EXPECT_CQ_EVENT(&p.a, p.a.scq);
	EXPECT_WC(p.a.scq, 2, LOC_PROT_ERR);
	EXPECT_WC(p.a.rcq, 1, WR_FLUSH_ERR);
	pair_close(&p);

	pair_open(&p, &usual);
	in = sge_of(&p.a, 0, LEN);
	EXPECT_EQ(post_recv(&p.a, 1, &in), 0);
	EXPECT_EQ(ibv_req_notify_cq(p.a.rcq, 1), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	EXPECT_CQ_EVENT(&p.a, p.a.rcq);
	EXPECT_WC(p.a.rcq, 1, WR_FLUSH_ERR);
	pair_close(&p);
}

/* A request without a completion has no event. */
static void unsignalled(void)
{
	struct options opt = usual;
	struct pair p;

	opt.signal_all = 0;
	pair_open(&p, &opt);
	EXPECT_EQ(ibv_req_notify_cq(p.a.scq, 0), 0);
	message(&p, 0);
	EXPECT_NO_CQ_EVENT(&p.a);
	EXPECT_NO_WC(p.a.scq);
	message(&p, IBV_SEND_SIGNALED);
	EXPECT_CQ_EVENT(&p.a, p.a.scq);
	EXPECT_EQ(drain(p.a.scq), 1);
	EXPECT_EQ(drain(p.b.rcq), 2);
	pair_close(&p);
}

/*
 * Arm, poll, sleep: whoever does it in that order misses nothing, though the
 * sender does not wait for anything but room.
 */
#define RACES	4000

static void *send_many(void *arg)
{
	struct end *end = arg;
	struct ibv_sge sge = sge_of(end, 0, LEN);
	struct ibv_wc wc;
	int i;

	for (i = 0; i < RACES; i++) {
		if (post_send(end, i, IBV_WR_SEND, &sge, 0) ||
		    !next_wc(end->scq, SOON_MS, &wc) ||
		    wc.status != IBV_WC_SUCCESS || wc.wr_id != (uint64_t)i)
			return "the sender failed";
		if (i % 7 == 0)
			usleep(i % 50);
	}
	return NULL;
}

static void no_event_missed(void)
{
	struct ibv_cq *cq;
	struct ibv_sge in;
	pthread_t sender;
	struct ibv_wc wc;
	int i, events = 0, got = 0;
	void *result;
	struct pair p;

	pair_open(&p, &usual);
	in = sge_of(&p.b, 0, LEN);
	for (i = 0; i < 16; i++)
		EXPECT_EQ(post_recv(&p.b, i, &in), 0);
	EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
	if (pthread_create(&sender, NULL, send_many, &p.a))
		bail("no thread");
	while (got < RACES) {
		if (!EXPECT_F(has_event(&p.b, SOON_MS, &cq),
			      "no event after %d completions", got))
			break;
		events++;
		EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
		while (ibv_poll_cq(p.b.rcq, 1, &wc) == 1) {
			got++;
			EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
			EXPECT_EQ(post_recv(&p.b, wc.wr_id, &in), 0);
		}
	}
	pthread_join(sender, &result);
	EXPECT_F(!result, "%s", (char *)result);
	printf("# %d events for %d completions\n", events, got);
	pair_close(&p);
}

/* Both queues of both ends, and several QPs, in one completion queue. */
static void shared_queue(void)
{
	struct options opt = usual;
	struct ibv_wc wc;
	struct ibv_sge sge;
	struct pair p[4];
	struct ibv_cq *cq;
	int i, n, seen = 0;

	opt.cqe = 100;
	end_open(&p[0].a, device_of(0), &opt);
	cq = p[0].a.scq;
	EXPECT_EQ(ibv_destroy_qp(p[0].a.qp), 0);
	for (i = 0; i < 4; i++) {
		if (i)
			end_open_without_qp(&p[i].a, device_of(0), &opt);
		{
			struct ibv_cq *own[2] = { p[i].a.scq, p[i].a.rcq };

			p[i].a.scq = cq;
			p[i].a.rcq = cq;
			p[i].a.qp = create_qp(&p[i].a, &opt);
			p[i].a.scq = own[0];
			p[i].a.rcq = own[1];
		}
		if (!EXPECT(p[i].a.qp))
			return;
		/* connected to itself */
		end_connect(&p[i].a, &p[i].a);
		sge = sge_of(&p[i].a, 0, LEN);
		EXPECT_EQ(post_recv(&p[i].a, 100 + i, &sge), 0);
		EXPECT_EQ(post_send(&p[i].a, 200 + i, IBV_WR_SEND, &sge, 0), 0);
	}
	for (n = 0; n < 8 && next_wc(cq, SOON_MS, &wc); n++) {
		i = wc.wr_id % 100;
		EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
		EXPECT(i < 4 && wc.qp_num == p[i].a.qp->qp_num);
		EXPECT_EQ(wc.opcode, wc.wr_id < 200 ? IBV_WC_RECV :
						      IBV_WC_SEND);
		seen |= 1 << (i + 4 * (wc.wr_id >= 200));
	}
	EXPECT_EQ(seen, 0xff);
	EXPECT_ERRNO(ibv_destroy_cq(cq), EBUSY);
	for (i = 3; i >= 0; i--)
		end_close(&p[i].a);
}

/* Both in any order: what an overflow of @cq does to @qp. */
static void expect_overflow(int line, struct end *end, struct ibv_cq *cq)
{
	struct ibv_async_event event;
	bool cq_err = false, fatal = false;

	while (!(cq_err && fatal) && next_event(end->dev, SOON_MS, &event)) {
		cq_err |= event.event_type == IBV_EVENT_CQ_ERR &&
			  event.element.cq == cq;
		fatal |= event.event_type == IBV_EVENT_QP_FATAL &&
			 event.element.qp == end->qp;
	}
	expect(cq_err, line, "no CQ_ERR");
	expect(fatal, line, "no QP_FATAL");
}

/*
 * More completions than the queue holds, and nobody polls: that is an error of
 * the queue and of the QP, and nothing is written over.
 */
static void overflow(void)
{
	struct options opt = usual;
	struct ibv_sge sge;
	struct ibv_wc wc;
	struct pair p;
	int i, n;

	opt.cqe = 3;
	opt.send_wr = 64;
	pair_open2(&p, &opt, &usual);
	sge = sge_of(&p.a, 0, LEN);
	n = p.a.scq->cqe;
	EXPECT(n >= 3 && n < 64);
	for (i = 0; i <= n; i++)
		EXPECT_EQ(post_rdma(&p.a, i, IBV_WR_RDMA_WRITE, &sge,
				    (uintptr_t)p.b.buf, p.b.mr->rkey), 0);
	expect_overflow(__LINE__, &p.a, p.a.scq);
	EXPECT_STATE(&p.a, ERR);
	for (i = 0; i < n && ibv_poll_cq(p.a.scq, 1, &wc) == 1; i++)
		EXPECT_EQ(wc.wr_id, i);
	EXPECT_EQ(i, n);
	EXPECT_NO_WC(p.a.scq);
	EXPECT_STATE(&p.b, RTS);
	sleep_ms(A_WHILE_MS);
	EXPECT_NO_EVENT(p.a.dev);
	pair_close(&p);
}

static void overflow_of_receives(void)
{
	struct options opt = usual;
	struct ibv_sge in, out;
	struct pair p;
	int i, n;

	opt.cqe = 3;
	opt.recv_wr = 64;
	pair_open2(&p, &usual, &opt);
	in = sge_of(&p.b, 0, LEN);
	out = sge_of(&p.a, 0, LEN);
	n = p.b.rcq->cqe;
	for (i = 0; i <= n; i++)
		EXPECT_EQ(post_recv(&p.b, i, &in), 0);
	for (i = 0; i <= n; i++) {
		EXPECT_EQ(post_send(&p.a, i, IBV_WR_SEND, &out, 0), 0);
		EXPECT(next_wc(p.a.scq, SOON_MS, &(struct ibv_wc){ 0 }));
	}
	expect_overflow(__LINE__, &p.b, p.b.rcq);
	EXPECT_STATE(&p.b, ERR);
	for (i = 0; i < n; i++)
		EXPECT_WC(p.b.rcq, i, SUCCESS);
	EXPECT_NO_WC(p.b.rcq);
	pair_close(&p);
}

/* Just full is no overflow, and it goes round. */
static void just_full(void)
{
	struct options opt = usual;
	struct ibv_sge sge;
	struct pair p;
	int i, round, n;

	opt.cqe = 7;
	pair_open(&p, &opt);
	sge = sge_of(&p.a, 0, LEN);
	n = p.a.scq->cqe;
	for (round = 0; round < 5; round++) {
		for (i = 0; i < n; i++)
			EXPECT_EQ(post_rdma(&p.a, i, IBV_WR_RDMA_WRITE, &sge,
					    (uintptr_t)p.b.buf,
					    p.b.mr->rkey), 0);
		sleep_ms(A_WHILE_MS);
		for (i = 0; i < n; i++)
			EXPECT_WC(p.a.scq, i, SUCCESS);
	}
	EXPECT_NO_WC(p.a.scq);
	EXPECT_STATE(&p.a, RTS);
	pair_close(&p);
}

/* A channel and a queue with events that nobody has fetched. */
static void destroyed_with_events(void)
{
	struct pair p;
	int i;

	for (i = 0; i < 10; i++) {
		pair_open(&p, &usual);
		EXPECT_EQ(ibv_req_notify_cq(p.a.scq, 0), 0);
		EXPECT_EQ(ibv_req_notify_cq(p.b.rcq, 0), 0);
		message(&p, 0);
		pair_close(&p);
	}
}

static void bad_vector(void)
{
	struct device *dev = device_of(0);
	struct ibv_cq *cq;
	int i;

	EXPECT(dev->ctx->num_comp_vectors >= 1);
	for (i = 0; i < dev->ctx->num_comp_vectors; i++) {
		cq = ibv_create_cq(dev->ctx, 10, NULL, NULL, i);
		if (EXPECT(cq))
			EXPECT_EQ(ibv_destroy_cq(cq), 0);
	}
	errno = 0;
	EXPECT(!ibv_create_cq(dev->ctx, 10, NULL, NULL, i));
	EXPECT_ERRNO(errno, EINVAL);
	errno = 0;
	EXPECT(!ibv_create_cq(dev->ctx, 10, NULL, NULL, -1));
	EXPECT_ERRNO(errno, EINVAL);
}

static const struct test_case cases[] = {
	CASE("not armed, no event", not_armed),
	CASE("armed for the next completion", next_completion),
	CASE("arming does not look back", armed_too_late),
	CASE("armed for solicited completions", solicited_only),
	CASE("failures count as solicited", failures_are_solicited),
	CASE("unsignalled requests have no event", unsignalled),
	CASE("no event is missed in a race", no_event_missed),
	CASE("several QPs share a queue", shared_queue),
	CASE("a queue overflows with sends", overflow),
	CASE("a queue overflows with receives", overflow_of_receives),
	CASE("a queue that is just full", just_full),
	CASE("events nobody fetches", destroyed_with_events),
	CASE_ONE_DEVICE("completion vectors", bad_vector),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
