// SPDX-License-Identifier: GPL-2.0
/*
 * As many objects as the device says that it can have, and one more; and
 * objects larger than it says.
 */
#include "verbs_common.h"
#include "uverbs_raw.h"

/*
 * Objects are made by the kernel's commands, as a library would map the rings
 * of each, and a process cannot have so many mappings.
 */
struct maker {
	struct ibv_context *ctx;
	int fd;
	uint32_t pd;
	struct raw_cq cq;
};

static void maker_open(struct maker *m)
{
	m->ctx = ibv_open_device(device_of(0)->ctx->device);
	if (!m->ctx)
		bail("the device does not open");
	m->fd = m->ctx->cmd_fd;
	if (raw_alloc_pd(m->fd, &m->pd) || raw_create_cq(m->fd, 1, &m->cq))
		bail("no PD or CQ");
}

/* Everything that is left goes with the file. */
static void maker_close(struct maker *m)
{
	EXPECT_EQ(ibv_close_device(m->ctx), 0);
}

static int make_pd(struct maker *m, uint32_t *handle)
{
	return raw_alloc_pd(m->fd, handle);
}

static int make_cq(struct maker *m, uint32_t *handle)
{
	struct raw_cq cq;
	int err = raw_create_cq(m->fd, 1, &cq);

	*handle = cq.handle;
	return err;
}

static int make_qp(struct maker *m, uint32_t *handle)
{
	struct raw_qp_attr attr = {
		.pd = m->pd, .cq = m->cq.handle, .type = IBV_QPT_RC,
		.send_wr = 1, .recv_wr = 1, .send_sge = 1, .recv_sge = 1,
	};
	struct raw_qp qp;
	int err = raw_create_qp(m->fd, &attr, &qp);

	*handle = qp.core.qp_handle;
	return err;
}

static int make_srq(struct maker *m, uint32_t *handle)
{
	struct raw_srq srq;
	int err = raw_create_srq(m->fd, m->pd, 1, 1, sizeof(srq), &srq);

	*handle = srq.core.srq_handle;
	return err;
}

static int make_ah(struct maker *m, uint32_t *handle)
{
	struct device *dev = device_of(0);
	struct raw_ah ah;
	int err = raw_create_ah(m->fd, m->pd, dev->gid.raw, dev->gid_index,
				&ah);

	*handle = ah.handle;
	return err;
}

/*
 * Make objects up to the limit, of which @used may be in use already; the next
 * is refused with ENOMEM, and after one is gone there is room for one.
 */
static void reach(int (*make)(struct maker *, uint32_t *), uint32_t limit,
		  uint32_t used, uint32_t release, bool has_response)
{
	uint64_t start = now_ms();
	uint32_t n, last = 0, next;
	struct maker m;
	int err = 0, i;

	maker_open(&m);
	for (n = 0; n <= limit; n++) {
		err = make(&m, &next);
		if (err)
			break;
		last = next;
	}
	EXPECT_ERRNO(err, ENOMEM);
	EXPECT_F(n <= limit && n + used >= limit, "%u of %u", n, limit);
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(has_response ? raw_destroy(m.fd, release, last) :
					 raw_release(m.fd, release, last), 0);
		EXPECT_EQ(make(&m, &last), 0);
		EXPECT_ERRNO(make(&m, &next), ENOMEM);
	}
	maker_close(&m);
	printf("# %u in %llu ms\n", n,
	       (unsigned long long)(now_ms() - start));

	/* all are gone with it */
	maker_open(&m);
	for (n = 0; n < 100; n++)
		EXPECT_EQ(make(&m, &next), 0);
	maker_close(&m);
}

static void pds(void)
{
	reach(make_pd, device_of(0)->attr.max_pd, 8,
	      IB_USER_VERBS_CMD_DEALLOC_PD, false);
}

static void cqs(void)
{
	reach(make_cq, device_of(0)->attr.max_cq, 8,
	      IB_USER_VERBS_CMD_DESTROY_CQ, true);
}

static void qps(void)
{
	reach(make_qp, device_of(0)->attr.max_qp, 8,
	      IB_USER_VERBS_CMD_DESTROY_QP, true);
}

static void srqs(void)
{
	reach(make_srq, device_of(0)->attr.max_srq, 8,
	      IB_USER_VERBS_CMD_DESTROY_SRQ, true);
}

static void ahs(void)
{
	reach(make_ah, device_of(0)->attr.max_ah, 8,
	      IB_USER_VERBS_CMD_DESTROY_AH, false);
}

/* Many at once, by the library, each of them used. */
static void many_connections(void)
{
	enum { N = 300 };
	struct pair *p = calloc(N, sizeof(*p));
	struct options opt = usual;
	int i;

	opt.size = 4096;
	opt.cqe = 4;
	for (i = 0; i < N; i++)
		pair_open(&p[i], &opt);
	for (i = 0; i < N; i++)
		EXPECT_WORKS(&p[i]);
	for (i = 0; i < N; i++)
		pair_close(&p[i]);
	free(p);
}

/* What a QP can have, what it says that it has, and one more. */
static void qp_sizes(void)
{
	struct ibv_device_attr *attr = &device_of(0)->attr;
	struct options opt = usual;
	struct end end;
	int max_inline = 512;

	end_open_without_qp(&end, device_of(0), &opt);
#define QP(field, value, error) do {					\
	struct options o_ = usual;					\
	struct ibv_qp *qp_;						\
									\
	o_.field = value;						\
	errno = 0;							\
	qp_ = create_qp(&end, &o_);					\
	if (error) {							\
		EXPECT_F(!qp_, "%s = %s is accepted", #field, #value);	\
		EXPECT_F(errno == error, "%s = %s: %s", #field, #value,	\
			 strerror(errno));				\
	} else {							\
		EXPECT_F(qp_, "%s = %s: %s", #field, #value,		\
			 strerror(errno));				\
	}								\
	if (qp_)							\
		EXPECT_EQ(ibv_destroy_qp(qp_), 0);			\
} while (0)
	QP(send_wr, attr->max_qp_wr, 0);
	QP(recv_wr, attr->max_qp_wr, 0);
	QP(send_wr, attr->max_qp_wr + 1, EINVAL);
	QP(recv_wr, attr->max_qp_wr + 1, EINVAL);
	QP(send_wr, 0x7fffffff, EINVAL);
	QP(recv_wr, -1, EINVAL);
	QP(send_wr, 0, 0);
	QP(recv_wr, 0, 0);
	QP(send_sge, attr->max_sge, 0);
	QP(recv_sge, attr->max_sge, 0);
	QP(send_sge, attr->max_sge + 1, EINVAL);
	QP(recv_sge, attr->max_sge + 1, EINVAL);
	QP(send_sge, -1, EINVAL);
	QP(send_sge, 0, 0);
	QP(recv_sge, 0, 0);
	QP(inline_data, max_inline, 0);
	QP(inline_data, max_inline + 1, EINVAL);
	QP(inline_data, -1, EINVAL);
	QP(inline_data, 0, 0);
	end_close(&end);
}

/* All of it at its largest, and used. */
static void largest_qp(void)
{
	struct ibv_device_attr *attr = &device_of(0)->attr;
	struct options opt = usual;
	struct pair p;

	opt.send_wr = attr->max_qp_wr;
	opt.recv_wr = attr->max_qp_wr;
	opt.send_sge = attr->max_sge;
	opt.recv_sge = attr->max_sge;
	opt.inline_data = 512;
	pair_open(&p, &opt);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

static void cq_sizes(void)
{
	struct device *dev = device_of(0);
	static const int good[] = { 1, 2, 3, 4, 100, 127, 128 };
	struct ibv_cq *cq;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		cq = ibv_create_cq(dev->ctx, good[i], NULL, NULL, 0);
		if (!EXPECT(cq))
			continue;
		EXPECT(cq->cqe >= good[i]);
		EXPECT_EQ(ibv_destroy_cq(cq), 0);
	}
	cq = ibv_create_cq(dev->ctx, dev->attr.max_cqe, NULL, NULL, 0);
	if (EXPECT(cq)) {
		EXPECT_EQ(cq->cqe, dev->attr.max_cqe);
		EXPECT_EQ(ibv_destroy_cq(cq), 0);
	}
#define NO_CQ(cqe) do {							\
	errno = 0;							\
	EXPECT(!ibv_create_cq(dev->ctx, cqe, NULL, NULL, 0));		\
	EXPECT_ERRNO(errno, EINVAL);					\
} while (0)
	NO_CQ(dev->attr.max_cqe + 1);
	NO_CQ(0x7fffffff);
	NO_CQ(-1);
	NO_CQ(0);
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("as many PDs as the device says", pds),
	CASE_LARGE("as many CQs as the device says", cqs),
	CASE_LARGE("as many QPs as the device says", qps),
	CASE_LARGE("as many SRQs as the device says", srqs),
	CASE_LARGE("as many AHs as the device says", ahs),
	CASE("300 connections at once", many_connections),
	CASE_ONE_DEVICE("sizes of QPs", qp_sizes),
	CASE("connected QPs as large as can be", largest_qp),
	CASE_ONE_DEVICE("sizes of CQs", cq_sizes),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
