/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs over libibverbs share: results, devices, and two ends of a
 * connection in one process. Included once, by each program's one source.
 *
 * A program is a table of cases. Each runs with both ends on one device, and
 * then with one on each of two devices.
 */
#ifndef VERBS_COMMON_H
#define VERBS_COMMON_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <infiniband/verbs.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* An emulated processor on a busy machine: nothing that must come is late. */
#define SOON_MS		30000
/* For what must not come. */
#define A_WHILE_MS	60

/* Results. */

struct test_case {
	const char *name;
	void (*run)(void);
	bool one_device;	/* a second device would make no difference */
	bool large;		/* takes minutes, or GiBs, with detectors */
};

#define CASE(name, run)			{ name, run, .large = false }
#define CASE_ONE_DEVICE(name, run)	{ name, run, .one_device = true }
#define CASE_LARGE(name, run) \
	{ name, run, .one_device = true, .large = true }

static int results, failed_results;
static bool case_failed;
static const char *case_skipped;	/* why, for a case that cannot be tried here */

/* Say what is wrong with the case; true if nothing is. */
static inline bool __attribute__((format(printf, 3, 4)))
expect(bool good, int line, const char *format, ...)
{
	va_list args;

	if (good)
		return true;
	case_failed = true;
	printf("# line %d: ", line);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return false;
}

#define EXPECT(cond)		expect(cond, __LINE__, "not so: %s", #cond)
#define EXPECT_F(cond, ...)	expect(cond, __LINE__, __VA_ARGS__)
#define EXPECT_EQ(got, want) ({						\
	long long got_ = (got), want_ = (want);				\
	EXPECT_F(got_ == want_, "%s is %lld, not %s (%lld)", #got,	\
		 got_, #want, want_); })

/* Verbs answer with an errno, in the return value or in errno. */
static inline bool expect_errno(int line, int got, int want, const char *what)
{
	return expect(abs(got) == want, line, "%s: %s, not %s", what,
		      strerror(abs(got)), strerror(want));
}

#define EXPECT_ERRNO(got, want)	expect_errno(__LINE__, got, want, #got)

static inline void __attribute__((noreturn, format(printf, 1, 2)))
bail(const char *format, ...)
{
	va_list args;

	printf("not ok %d - ", ++results);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(" (%s)\n", strerror(errno));
	exit(1);
}

static inline uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static inline void sleep_ms(int ms)
{
	usleep(ms * 1000);
}

/* Devices. */

struct device {
	const char *name;
	struct ibv_context *ctx;
	struct ibv_device_attr attr;
	union ibv_gid gid;
	int gid_index;
};

static struct device devices[2];
static int ends_on;	/* devices that the case's ends are on: 1 or 2 */

/* The device of an end. */
static inline struct device *device_of(int end)
{
	return &devices[end && ends_on == 2];
}

static inline void device_find_gid(struct device *dev)
{
	struct ibv_gid_entry entries[64];
	ssize_t n, i;

	n = ibv_query_gid_table(dev->ctx, entries, ARRAY_SIZE(entries), 0);
	for (i = 0; i < n; i++) {
		if (entries[i].gid_type != IBV_GID_TYPE_ROCE_V2 ||
		    !IN6_IS_ADDR_V4MAPPED(entries[i].gid.raw))
			continue;
		dev->gid = entries[i].gid;
		dev->gid_index = entries[i].gid_index;
		return;
	}
	bail("no IPv4 GID on %s", dev->name);
}

static inline void device_open(struct device *dev, const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	int i;

	for (i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			dev->ctx = ibv_open_device(list[i]);
	if (list)
		ibv_free_device_list(list);
	if (!dev->ctx)
		bail("%s does not open", name);
	dev->name = name;
	if (ibv_query_device(dev->ctx, &dev->attr))
		bail("%s: query_device", name);
	device_find_gid(dev);
}

/*
 * Asynchronous events: the next one within a time, acknowledged; or false.
 * Changes of GIDs come whenever IPv6 is done with a link's addresses.
 */
static inline bool next_event(struct device *dev, int ms,
			      struct ibv_async_event *event)
{
	struct pollfd pollfd = { .fd = dev->ctx->async_fd, .events = POLLIN };

	do {
		if (poll(&pollfd, 1, ms) != 1 ||
		    ibv_get_async_event(dev->ctx, event))
			return false;
		ibv_ack_async_event(event);
	} while (event->event_type == IBV_EVENT_GID_CHANGE);
	return true;
}

static inline bool expect_event(int line, struct device *dev,
				enum ibv_event_type want, const void *object)
{
	struct ibv_async_event event;

	if (!next_event(dev, SOON_MS, &event))
		return expect(false, line, "no event %s",
			      ibv_event_type_str(want));
	return expect(event.event_type == want, line, "event %s, not %s",
		      ibv_event_type_str(event.event_type),
		      ibv_event_type_str(want)) &&
	       expect(!object || event.element.qp == object, line,
		      "event %s is about something else",
		      ibv_event_type_str(want));
}

#define EXPECT_EVENT(dev, want, object) \
	expect_event(__LINE__, dev, want, object)

static inline void expect_no_event(int line, struct device *dev)
{
	struct ibv_async_event event;

	while (next_event(dev, 0, &event))
		expect(false, line, "event %s, for which there is no reason",
		       ibv_event_type_str(event.event_type));
}

#define EXPECT_NO_EVENT(dev)	expect_no_event(__LINE__, dev)

/* The two ends of a connection. */

struct options {
	enum ibv_qp_type type;
	int send_wr, recv_wr;
	int send_sge, recv_sge;
	int inline_data;
	int cqe;
	int signal_all;
	size_t size;		/* of the buffer */
	int access;		/* of the region */
	int qp_access;
	int timeout, retries;	/* 4.096 us << timeout */
	int rnr_retries, rnr_timer;
	int reads, reads_in;
	int srq_wr;		/* it receives through an SRQ of that size */
};

#define ALL_ACCESS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | \
			 IBV_ACCESS_REMOTE_READ)
#define QKEY		0x1234567

static const struct options usual = {
	.type = IBV_QPT_RC,
	.send_wr = 16, .recv_wr = 16,
	.send_sge = 4, .recv_sge = 4,
	.inline_data = 64,
	.cqe = 64,
	.signal_all = 1,
	.size = 65536,
	.access = ALL_ACCESS,
	.qp_access = ALL_ACCESS,
	.timeout = 8, .retries = 2,
	.rnr_retries = 7, .rnr_timer = 1,
	.reads = 4, .reads_in = 4,
};

struct end {
	struct device *dev;
	struct options opt;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *scq, *rcq;
	struct ibv_srq *srq;
	struct ibv_qp *qp;
	struct ibv_mr *mr;
	uint8_t *buf;
};

/* Of two lengths, the shorter one has the first bytes of the longer one. */
static inline void fill(void *buf, size_t len, unsigned int seed)
{
	uint32_t value = seed * 2654435761u + 1;
	size_t i, n;

	for (i = 0; i < len; i += n) {
		value = value * 1664525 + 1013904223;
		n = len - i < sizeof(value) ? len - i : sizeof(value);
		memcpy((char *)buf + i, &value, n);
	}
}

/* Are these bytes what fill() has written? */
static inline bool is_filled(const void *buf, size_t len, unsigned int seed)
{
	uint8_t *want = calloc(1, len + 1);
	bool same;

	if (!want)
		bail("no memory");
	fill(want, len, seed);
	same = !memcmp(buf, want, len);
	free(want);
	return same;
}

static inline struct ibv_srq *create_srq(struct end *end, int wr, int sge)
{
	struct ibv_srq_init_attr init = {
		.attr = { .max_wr = wr, .max_sge = sge },
	};

	return ibv_create_srq(end->pd, &init);
}

/* Everything of an end but the QP, with a buffer that is filled with 1. */
static inline void end_open_without_qp(struct end *end, struct device *dev,
				       const struct options *opt)
{
	memset(end, 0, sizeof(*end));
	end->dev = dev;
	end->opt = *opt;
	end->pd = ibv_alloc_pd(dev->ctx);
	end->channel = ibv_create_comp_channel(dev->ctx);
	if (!end->pd || !end->channel)
		bail("no PD or channel");
	end->scq = ibv_create_cq(dev->ctx, opt->cqe, end, end->channel, 0);
	end->rcq = ibv_create_cq(dev->ctx, opt->cqe, end, end->channel, 0);
	if (!end->scq || !end->rcq)
		bail("no CQ");
	end->buf = mmap(NULL, opt->size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (end->buf == MAP_FAILED)
		bail("no memory");
	fill(end->buf, opt->size, 1);
	end->mr = ibv_reg_mr(end->pd, end->buf, opt->size, opt->access);
	if (!end->mr)
		bail("no MR");
	if (!opt->srq_wr)
		return;
	end->srq = create_srq(end, opt->srq_wr, opt->recv_sge);
	if (!end->srq)
		bail("no SRQ");
}

static inline struct ibv_qp *create_qp(struct end *end,
				       const struct options *opt)
{
	struct ibv_qp_init_attr init = {
		.send_cq = end->scq,
		.recv_cq = end->rcq,
		.srq = end->srq,
		.qp_type = opt->type,
		.sq_sig_all = opt->signal_all,
		.cap = {
			.max_send_wr = opt->send_wr,
			.max_recv_wr = opt->recv_wr,
			.max_send_sge = opt->send_sge,
			.max_recv_sge = opt->recv_sge,
			.max_inline_data = opt->inline_data,
		},
	};

	return ibv_create_qp(end->pd, &init);
}

static inline void end_open(struct end *end, struct device *dev,
			    const struct options *opt)
{
	end_open_without_qp(end, dev, opt);
	end->qp = create_qp(end, opt);
	if (!end->qp)
		bail("no QP");
}

static inline void end_close(struct end *end)
{
	EXPECT_NO_EVENT(end->dev);
	if (end->qp)
		EXPECT_EQ(ibv_destroy_qp(end->qp), 0);
	if (end->srq)
		EXPECT_EQ(ibv_destroy_srq(end->srq), 0);
	if (end->mr)
		EXPECT_EQ(ibv_dereg_mr(end->mr), 0);
	EXPECT_EQ(ibv_destroy_cq(end->scq), 0);
	EXPECT_EQ(ibv_destroy_cq(end->rcq), 0);
	EXPECT_EQ(ibv_destroy_comp_channel(end->channel), 0);
	EXPECT_EQ(ibv_dealloc_pd(end->pd), 0);
	munmap(end->buf, end->opt.size);
}

/* States. */

static inline enum ibv_qp_state qp_state(struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	if (ibv_query_qp(qp, &attr, IBV_QP_STATE, &init))
		return IBV_QPS_UNKNOWN;
	return attr.qp_state;
}

/* A QP whose message has failed needs a moment to get there. */
static inline bool expect_state(int line, struct ibv_qp *qp,
				enum ibv_qp_state want)
{
	uint64_t end = now_ms() + SOON_MS;
	enum ibv_qp_state state;

	while ((state = qp_state(qp)) != want && now_ms() < end)
		sleep_ms(1);
	return expect(state == want, line, "QP state %d, not %d", state, want);
}

#define EXPECT_STATE(end, want) \
	expect_state(__LINE__, (end)->qp, IBV_QPS_##want)

static inline int to_state(struct ibv_qp *qp, enum ibv_qp_state state)
{
	struct ibv_qp_attr attr = { .qp_state = state };

	return ibv_modify_qp(qp, &attr, IBV_QP_STATE);
}

static inline int to_init(struct ibv_qp *qp, const struct options *opt)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = opt->qp_access,
		.qkey = QKEY,
	};

	return ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PORT |
			     IBV_QP_PKEY_INDEX |
			     (opt->type == IBV_QPT_UD ? IBV_QP_QKEY :
							IBV_QP_ACCESS_FLAGS));
}

#define RTR_MASK	(IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | \
			 IBV_QP_DEST_QPN | IBV_QP_RQ_PSN | \
			 IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER)
#define RTS_MASK	(IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | \
			 IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | \
			 IBV_QP_MAX_QP_RD_ATOMIC)

#define UC_RTR_MASK	(IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | \
			 IBV_QP_DEST_QPN | IBV_QP_RQ_PSN)
#define UNACKED_RTS_MASK (IBV_QP_STATE | IBV_QP_SQ_PSN)

/* The attributes for RTR, towards a peer. */
static inline struct ibv_qp_attr rtr_attr(const struct end *end,
					  const union ibv_gid *dgid,
					  uint32_t qpn)
{
	return (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = qpn,
		.rq_psn = 0x123,
		.max_dest_rd_atomic = end->opt.reads_in,
		.min_rnr_timer = end->opt.rnr_timer,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = {
				.dgid = *dgid,
				.sgid_index = end->dev->gid_index,
				.hop_limit = 64,
			},
		},
	};
}

static inline struct ibv_qp_attr rts_attr(const struct end *end)
{
	return (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTS,
		.timeout = end->opt.timeout,
		.retry_cnt = end->opt.retries,
		.rnr_retry = end->opt.rnr_retries,
		.sq_psn = 0x123,
		.max_rd_atomic = end->opt.reads,
	};
}

static inline int to_rtr(struct end *end, const struct end *peer)
{
	struct ibv_qp_attr attr = rtr_attr(end, &peer->dev->gid,
					   peer->qp->qp_num);

	if (end->opt.type == IBV_QPT_UD)
		return to_state(end->qp, IBV_QPS_RTR);
	return ibv_modify_qp(end->qp, &attr, end->opt.type == IBV_QPT_UC ?
			     UC_RTR_MASK : RTR_MASK);
}

static inline int to_rts(struct end *end)
{
	struct ibv_qp_attr attr = rts_attr(end);

	return ibv_modify_qp(end->qp, &attr, end->opt.type == IBV_QPT_RC ?
			     RTS_MASK : UNACKED_RTS_MASK);
}

static inline void end_connect(struct end *end, const struct end *peer)
{
	if (to_init(end->qp, &end->opt) || to_rtr(end, peer) || to_rts(end))
		bail("QP does not reach RTS");
}

/* @a sends, @b receives, by habit; their regions are filled with 1 and 2. */
struct pair {
	struct end a, b;
};

static inline void pair_open2(struct pair *p, const struct options *a,
			      const struct options *b)
{
	end_open(&p->a, device_of(0), a);
	end_open(&p->b, device_of(1), b);
	fill(p->b.buf, p->b.opt.size, 2);
	end_connect(&p->b, &p->a);
	end_connect(&p->a, &p->b);
}

static inline void pair_open(struct pair *p, const struct options *opt)
{
	pair_open2(p, opt, opt);
}

static inline void pair_close(struct pair *p)
{
	end_close(&p->a);
	end_close(&p->b);
}

/* Completions. */

static inline bool next_wc(struct ibv_cq *cq, int ms, struct ibv_wc *wc)
{
	uint64_t end = now_ms() + ms;
	int n;

	do {
		n = ibv_poll_cq(cq, 1, wc);
		if (n)
			return n == 1;
		if (ms)
			usleep(100);
	} while (now_ms() < end);
	return false;
}

static inline bool expect_wc(int line, struct ibv_cq *cq, uint64_t id,
			     enum ibv_wc_status status, struct ibv_wc *wc)
{
	struct ibv_wc here;

	if (!wc)
		wc = &here;
	memset(wc, 0, sizeof(*wc));
	if (!next_wc(cq, SOON_MS, wc))
		return expect(false, line, "no completion of request %llu",
			      (unsigned long long)id);
	return expect(wc->wr_id == id, line,
		      "completion of request %llu (%s), not %llu",
		      (unsigned long long)wc->wr_id,
		      ibv_wc_status_str(wc->status), (unsigned long long)id) &
	       expect(wc->status == status, line,
		      "request %llu: '%s', not '%s'", (unsigned long long)id,
		      ibv_wc_status_str(wc->status), ibv_wc_status_str(status));
}

#define EXPECT_WC(cq, id, status) \
	expect_wc(__LINE__, cq, id, IBV_WC_##status, NULL)
#define EXPECT_WC_AS(cq, id, status, wc) \
	expect_wc(__LINE__, cq, id, IBV_WC_##status, wc)

static inline bool expect_no_wc(int line, struct ibv_cq *cq, int ms)
{
	struct ibv_wc wc = { 0 };

	return expect(!next_wc(cq, ms, &wc), line,
		      "completion of request %llu (%s), when none is due",
		      (unsigned long long)wc.wr_id,
		      ibv_wc_status_str(wc.status));
}

#define EXPECT_NO_WC(cq)	expect_no_wc(__LINE__, cq, A_WHILE_MS)

/* Work requests. */

static inline struct ibv_sge sge_of(const struct end *end, size_t offset,
				    uint32_t length)
{
	return (struct ibv_sge) {
		.addr = (uintptr_t)end->buf + offset,
		.length = length,
		.lkey = end->mr->lkey,
	};
}

static inline int post_wr(struct end *end, struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad;

	return ibv_post_send(end->qp, wr, &bad);
}

/* One range, or none if @sge is NULL. */
static inline int post_send(struct end *end, uint64_t id,
			    enum ibv_wr_opcode opcode, struct ibv_sge *sge,
			    int flags)
{
	struct ibv_send_wr wr = {
		.wr_id = id,
		.opcode = opcode,
		.sg_list = sge,
		.num_sge = !!sge,
		.send_flags = flags,
		.imm_data = htonl(0xfeed0000 | id),
	};

	return post_wr(end, &wr);
}

static inline int post_rdma(struct end *end, uint64_t id,
			    enum ibv_wr_opcode opcode, struct ibv_sge *sge,
			    uint64_t addr, uint32_t rkey)
{
	struct ibv_send_wr wr = {
		.wr_id = id,
		.opcode = opcode,
		.sg_list = sge,
		.num_sge = !!sge,
		.imm_data = htonl(0xfeed0000 | id),
		.wr.rdma = { .remote_addr = addr, .rkey = rkey },
	};

	return post_wr(end, &wr);
}

static inline int post_recv(struct end *end, uint64_t id, struct ibv_sge *sge)
{
	struct ibv_recv_wr *bad, wr = {
		.wr_id = id,
		.sg_list = sge,
		.num_sge = !!sge,
	};

	return end->srq ? ibv_post_srq_recv(end->srq, &wr, &bad) :
			  ibv_post_recv(end->qp, &wr, &bad);
}

/* A connection that is all right carries a message. */
static inline void expect_works(int line, struct pair *p)
{
	struct ibv_sge out = sge_of(&p->a, 0, 100), in = sge_of(&p->b, 0, 100);
	bool good;

	fill(p->a.buf, 100, 77);
	good = !post_recv(&p->b, 7001, &in) &&
	       !post_send(&p->a, 7002, IBV_WR_SEND, &out, IBV_SEND_SIGNALED) &&
	       expect_wc(line, p->a.scq, 7002, IBV_WC_SUCCESS, NULL) &&
	       expect_wc(line, p->b.rcq, 7001, IBV_WC_SUCCESS, NULL) &&
	       is_filled(p->b.buf, 100, 77);
	expect(good, line, "the connection does not work");
}

#define EXPECT_WORKS(p)		expect_works(__LINE__, p)

/* The program. */

static inline void run_case(const struct test_case *test)
{
	case_failed = false;
	case_skipped = NULL;
	test->run();
	printf("%s %d - %s: %s%s%s\n", case_failed ? "not ok" : "ok", ++results,
	       ends_on == 1 ? "one device" : "two devices", test->name,
	       case_skipped ? " # SKIP " : "", case_skipped ?: "");
	failed_results += case_failed;
}

/* In brief form only what fits. */
static inline bool case_fits(const struct test_case *test)
{
	return (ends_on == 1 || !test->one_device) &&
	       !(test->large && getenv("SOFTHCA_BRIEF"));
}

/* PROGRAM DEVICE [DEVICE [PATTERN]]: the cases whose names match. */
static inline int run_cases(const struct test_case *cases, size_t n, int argc,
			    char **argv)
{
	const char *pattern = argc > 3 ? argv[3] : "*";
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2) {
		fprintf(stderr, "usage: %s DEVICE [DEVICE [PATTERN]]\n",
			argv[0]);
		return 2;
	}
	device_open(&devices[0], argv[1]);
	if (argc > 2)
		device_open(&devices[1], argv[2]);

	for (ends_on = 1; ends_on <= (argc > 2 ? 2 : 1); ends_on++) {
		for (i = 0; i < n; i++) {
			if (case_fits(&cases[i]) &&
			    !fnmatch(pattern, cases[i].name, 0))
				run_case(&cases[i]);
		}
	}

	ibv_close_device(devices[0].ctx);
	if (devices[1].ctx)
		ibv_close_device(devices[1].ctx);
	return failed_results ? 1 : 0;
}

/*
 * Send bytes of an end's buffer as a datagram from its own address; waits for the
 * completion, with the wr_id 9.
 */
static inline void send_datagram(struct end *from, const union ibv_gid *dgid,
				 uint32_t qpn, uint32_t qkey, size_t offset,
				 uint32_t len)
{
	struct ibv_ah_attr attr = {
		.is_global = 1,
		.port_num = 1,
		.grh = {
			.dgid = *dgid,
			.sgid_index = from->dev->gid_index,
			.hop_limit = 3,
		},
	};
	struct ibv_sge sge = sge_of(from, offset, len);
	struct ibv_ah *ah = ibv_create_ah(from->pd, &attr);
	struct ibv_send_wr wr = {
		.wr_id = 9,
		.opcode = IBV_WR_SEND,
		.sg_list = &sge,
		.num_sge = 1,
		.wr.ud = { ah, qpn, qkey },
	};

	if (!EXPECT_F(ah, "no AH: %s", strerror(errno)))
		return;
	EXPECT_EQ(post_wr(from, &wr), 0);
	EXPECT_WC(from->scq, 9, SUCCESS);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
}

#endif /* VERBS_COMMON_H */
