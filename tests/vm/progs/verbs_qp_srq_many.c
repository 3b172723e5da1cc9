// SPDX-License-Identifier: GPL-2.0
/*
 * Many QPs on one shared receive queue at the same time: each receive is used by
 * one message, none is lost, and each sender's messages stay in order; also when
 * QPs fail, when the queue's size changes, and when the process is killed.
 */
#include "verbs_common.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#define QPS	16
#define WR	64
#define LEN	64	/* of each receive */

static const struct options sender = {
	.type = IBV_QPT_RC,
	.send_wr = 32, .recv_wr = 4, .send_sge = 1, .recv_sge = 1,
	.cqe = 64, .signal_all = 1, .size = 4096,
	.access = ALL_ACCESS, .qp_access = ALL_ACCESS,
	.timeout = 12, .retries = 3, .rnr_retries = 7, .rnr_timer = 1,
	.reads = 1, .reads_in = 1,
};

struct message {
	uint32_t from, number;
};

/* One receiver with many QPs, a sender for each of them. */
struct crowd {
	struct end to;
	struct ibv_qp *qps[QPS];
	struct end from[QPS];
	uint32_t next[QPS];	/* what comes next from each */
	uint64_t posted, received, flushed;
	bool waits[65536];	/* receives that are posted, by number */
};

static void crowd_recv(struct crowd *c)
{
	uint64_t id = c->posted++ % ARRAY_SIZE(c->waits);
	struct ibv_sge sge = sge_of(&c->to, id % 1024 * LEN, LEN);

	EXPECT(!c->waits[id]);
	c->waits[id] = true;
	EXPECT_EQ(post_recv(&c->to, id, &sge), 0);
}

static void crowd_open(struct crowd *c, enum ibv_qp_type type)
{
	struct options opt = sender, to = sender;
	int i;

	memset(c, 0, sizeof(*c));
	opt.type = to.type = type;
	to.srq_wr = WR;
	to.size = 1024 * LEN;
	to.cqe = 4096;
	end_open_without_qp(&c->to, device_of(1), &to);
	for (i = 0; i < QPS; i++) {
		end_open(&c->from[i], device_of(0), &opt);
		c->qps[i] = c->to.qp = create_qp(&c->to, &to);
		if (!c->to.qp)
			bail("no QP");
		end_connect(&c->to, &c->from[i]);
		end_connect(&c->from[i], &c->to);
	}
	c->to.qp = NULL;
	for (i = 0; i < WR / 2; i++)
		crowd_recv(c);
}

static void crowd_close(struct crowd *c)
{
	struct ibv_async_event event;
	int i;

	for (i = 0; i < QPS; i++)
		if (c->qps[i])
			EXPECT_EQ(ibv_destroy_qp(c->qps[i]), 0);
	for (i = 0; i < QPS; i++) {
		while (next_event(c->from[i].dev, 0, &event))
			;
		end_close(&c->from[i]);
	}
	while (next_event(c->to.dev, 0, &event))
		;
	end_close(&c->to);
}

static int crowd_index(const struct crowd *c, uint32_t qpn)
{
	int i;

	for (i = 0; i < QPS; i++)
		if (c->qps[i] && c->qps[i]->qp_num == qpn)
			return i;
	return -1;
}

/* Look at what has come, and post as many again if asked to. */
static int crowd_poll(struct crowd *c, bool again)
{
	const struct message *m;
	struct ibv_wc wc;
	int n = 0, from;

	for (; next_wc(c->to.rcq, 0, &wc); n++) {
		if (!EXPECT(wc.wr_id < ARRAY_SIZE(c->waits)) ||
		    !EXPECT(c->waits[wc.wr_id]))
			return n;
		c->waits[wc.wr_id] = false;
		if (wc.status == IBV_WC_WR_FLUSH_ERR) {
			c->flushed++;
			continue;
		}
		EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
		c->received++;
		m = (void *)(c->to.buf + wc.wr_id % 1024 * LEN);
		from = crowd_index(c, wc.qp_num);
		if (EXPECT_EQ(m->from, from)) {
			EXPECT_EQ(m->number, c->next[from]);
			c->next[from]++;
		}
		if (again)
			crowd_recv(c);
	}
	return n;
}

struct job {
	pthread_t thread;
	struct crowd *crowd;
	int first, step;	/* which senders are its own */
	uint32_t messages;
};

/* Each of its senders has its turn. It ends early where one fails. */
static void *send_many(void *arg)
{
	struct job *job = arg;
	uint32_t n;
	int i;

	for (n = 0; n < job->messages; n++) {
		for (i = job->first; i < QPS; i += job->step) {
			struct end *end = &job->crowd->from[i];
			struct message *m = (void *)end->buf;
			struct ibv_sge sge = sge_of(end, 0, sizeof(*m));
			struct ibv_wc wc;

			m->from = i;
			m->number = n;
			if (post_send(end, n, IBV_WR_SEND, &sge, 0) ||
			    !next_wc(end->scq, SOON_MS, &wc) || wc.status)
				continue;
		}
	}
	return NULL;
}

static void start_jobs(struct job *jobs, int n, struct crowd *c,
		       uint32_t messages)
{
	int i;

	for (i = 0; i < n; i++) {
		jobs[i] = (struct job) { .crowd = c, .first = i, .step = n,
					 .messages = messages };
		if (pthread_create(&jobs[i].thread, NULL, send_many, &jobs[i]))
			bail("no thread");
	}
}

static void end_jobs(struct job *jobs, int n)
{
	int i;

	for (i = 0; i < n; i++)
		pthread_join(jobs[i].thread, NULL);
}

static uint32_t messages(void)
{
	return getenv("SOFTHCA_BRIEF") ? 50 : 300;
}

static void at_once(void)
{
	uint64_t all = (uint64_t)QPS * messages(), end = now_ms() + SOON_MS * 2;
	static struct crowd c;
	struct job jobs[3];

	crowd_open(&c, IBV_QPT_RC);
	start_jobs(jobs, 3, &c, messages());
	while (c.received < all && now_ms() < end && !case_failed)
		crowd_poll(&c, true);
	EXPECT_EQ(c.received, all);
	end_jobs(jobs, 3);
	EXPECT_EQ(c.flushed, 0);
	crowd_close(&c);
}

static void resized(void)
{
	uint64_t all = (uint64_t)QPS * messages(), end = now_ms() + SOON_MS * 2;
	static struct crowd c;
	struct job jobs[3];
	uint32_t n = 0;

	crowd_open(&c, IBV_QPT_RC);
	start_jobs(jobs, 3, &c, messages());
	while (c.received < all && now_ms() < end && !case_failed) {
		struct ibv_srq_attr attr = { .max_wr = n++ % 2 ? WR : 5000 };

		EXPECT_EQ(ibv_modify_srq(c.to.srq, &attr, IBV_SRQ_MAX_WR), 0);
		crowd_poll(&c, true);
	}
	EXPECT_EQ(c.received, all);
	end_jobs(jobs, 3);
	crowd_close(&c);
}

/*
 * Half of the QPs fail while messages come. Each receive is then completed, or
 * flushed, or still there for the QPs that are left.
 */
static void failures(void)
{
	static struct crowd c;
	struct job jobs[3];
	uint64_t end, left;
	int i;

	crowd_open(&c, IBV_QPT_RC);
	start_jobs(jobs, 3, &c, messages());
	for (i = 0; i < QPS; i += 2) {
		end = now_ms() + 20;
		while (now_ms() < end)
			crowd_poll(&c, true);
		EXPECT_EQ(to_state(c.qps[i], IBV_QPS_ERR), 0);
	}
	end = now_ms() + SOON_MS;
	while (now_ms() < end && !case_failed) {
		crowd_poll(&c, true);
		for (i = 1; i < QPS && c.next[i] == messages(); i += 2)
			;
		if (i >= QPS)
			break;
	}
	end_jobs(jobs, 3);
	sleep_ms(A_WHILE_MS);
	crowd_poll(&c, false);
	for (i = 1; i < QPS; i += 2)
		EXPECT_EQ(c.next[i], messages());

	left = c.posted - c.received - c.flushed;
	for (; left && !case_failed; left--) {
		struct message *m = (void *)c.from[1].buf;
		struct ibv_sge sge = sge_of(&c.from[1], 0, sizeof(*m));

		m->from = 1;
		m->number = c.next[1];
		EXPECT_EQ(post_send(&c.from[1], 1, IBV_WR_SEND, &sge, 0), 0);
		EXPECT_WC(c.from[1].scq, 1, SUCCESS);
		EXPECT_EQ(crowd_poll(&c, false), 1);
	}
	for (i = 0; i < (int)ARRAY_SIZE(c.waits) && !case_failed; i++)
		EXPECT(!c.waits[i]);
	crowd_close(&c);
}

/* Nobody waits for a receiver that has none. What comes is in order. */
static void unacked(void)
{
	static struct crowd c;
	struct job jobs[3];
	uint64_t before;
	int i;

	crowd_open(&c, IBV_QPT_UC);
	start_jobs(jobs, 3, &c, messages());
	end_jobs(jobs, 3);
	before = c.posted;
	while (crowd_poll(&c, false))
		;
	EXPECT_EQ(c.received, before);
	for (i = 0; i < QPS; i++)
		EXPECT(c.next[i] <= messages());
	crowd_close(&c);
}

/* The receiver is killed in the middle; the senders see it, and it leaves nothing. */
static void killed(void)
{
	struct options opt = sender, to = sender;
	int i, round, status, up[2];
	struct end from[4], end;
	struct ibv_wc wc;
	uint32_t qpn[4];
	pid_t pid;

	for (round = 0; round < 3; round++) {
		if (pipe(up))
			bail("no pipe");
		for (i = 0; i < 4; i++)
			end_open(&from[i], device_of(0), &opt);
		pid = fork();
		if (!pid) {
			struct device dev = *device_of(1);
			struct crowd *c = calloc(1, sizeof(*c));

			/* a context of its own, as a process has */
			device_open(&dev, dev.name);
			to.srq_wr = WR;
			to.size = 1024 * LEN;
			end_open_without_qp(&end, &dev, &to);
			for (i = 0; i < 4; i++) {
				end.qp = create_qp(&end, &to);
				if (!end.qp)
					_exit(1);
				end_connect(&end, &from[i]);
				qpn[i] = end.qp->qp_num;
			}
			c->to = end;
			for (i = 0; i < WR / 2; i++)
				crowd_recv(c);
			if (write(up[1], qpn, sizeof(qpn)) != sizeof(qpn))
				_exit(1);
			for (;;)
				if (next_wc(end.rcq, 0, &wc)) {
					c->waits[wc.wr_id] = false;
					crowd_recv(c);
				}
		}
		if (read(up[0], qpn, sizeof(qpn)) != sizeof(qpn))
			bail("the receiver did not start");
		for (i = 0; i < 4; i++) {
			struct ibv_qp_attr attr = rtr_attr(&from[i],
				&device_of(1)->gid, qpn[i]);

			EXPECT_EQ(to_init(from[i].qp, &opt), 0);
			EXPECT_EQ(ibv_modify_qp(from[i].qp, &attr, RTR_MASK),
				  0);
			EXPECT_EQ(to_rts(&from[i]), 0);
		}
		for (i = 0; i < 200; i++) {
			struct ibv_sge sge = sge_of(&from[i % 4], 0, 8);

			if (i == 150)
				kill(pid, SIGKILL);
			if (post_send(&from[i % 4], i, IBV_WR_SEND, &sge, 0) ||
			    !next_wc(from[i % 4].scq, SOON_MS, &wc))
				EXPECT_F(false, "message %d", i);
			else if (i < 150)
				EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
		}
		waitpid(pid, &status, 0);
		EXPECT(WIFSIGNALED(status));
		for (i = 0; i < 4; i++) {
			EXPECT_STATE(&from[i], ERR);
			end_close(&from[i]);
		}
		close(up[0]);
		close(up[1]);
	}
}

static const struct test_case cases[] = {
	CASE("SRQ: many QPs at once", at_once),
	CASE("SRQ: many QPs at once, UC", unacked),
	CASE("SRQ: resized while many QPs receive", resized),
	CASE("SRQ: QPs fail while many receive", failures),
	CASE("SRQ: the receiver is killed", killed),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
