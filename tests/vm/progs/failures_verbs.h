/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Verbs in the shape that failures.h injects failures into: without arguments,
 * on one object of each kind. Included once, by each program's one source, after
 * failures.h.
 */
#ifndef FAILURES_VERBS_H
#define FAILURES_VERBS_H

#define SMALL	4096
#define LARGE	(8u << 20)
#define HUGE	(2u << 20)

/* What the operations work on, in the context of devices[0]. */
static struct ibv_pd *pd;
static struct ibv_comp_channel *channel;
static struct ibv_cq *cq;
static struct ibv_qp *qp;
static struct ibv_mr *mr;
static struct ibv_ah *ah;

static uint8_t *memory;		/* of the region */
static size_t memory_len;

/* Protection domains, channels and completion queues */

static inline int alloc_pd(void)
{
	errno = 0;
	pd = ibv_alloc_pd(devices[0].ctx);
	return errno_unless(pd);
}

static inline int dealloc_pd(void)
{
	int err = pd ? errno_of(ibv_dealloc_pd(pd)) : 0;

	if (!err)
		pd = NULL;
	return err;
}

static inline int create_channel(void)
{
	errno = 0;
	channel = ibv_create_comp_channel(devices[0].ctx);
	return errno_unless(channel);
}

static inline int destroy_channel(void)
{
	int err = channel ? errno_of(ibv_destroy_comp_channel(channel)) : 0;

	if (!err)
		channel = NULL;
	return err;
}

static inline int create_cq(void)
{
	errno = 0;
	cq = ibv_create_cq(devices[0].ctx, 16, NULL, channel, 0);
	return errno_unless(cq);
}

static inline int destroy_cq(void)
{
	int err = cq ? errno_of(ibv_destroy_cq(cq)) : 0;

	if (!err)
		cq = NULL;
	return err;
}

/* All that can be undone is undone, after a result that was lost as well. */
static inline void forget_all(void)
{
	if (ah)
		ibv_destroy_ah(ah);
	if (qp)
		ibv_destroy_qp(qp);
	if (mr)
		ibv_dereg_mr(mr);
	if (cq)
		ibv_destroy_cq(cq);
	if (channel)
		ibv_destroy_comp_channel(channel);
	if (pd)
		ibv_dealloc_pd(pd);
	ah = NULL;
	qp = NULL;
	mr = NULL;
	cq = NULL;
	channel = NULL;
	pd = NULL;
}

static inline void with_pd(void)
{
	if (alloc_pd())
		bail("alloc_pd");
}

static inline void with_channel(void)
{
	if (create_channel())
		bail("create_comp_channel");
}

static inline void with_cq(void)
{
	with_channel();
	if (create_cq())
		bail("create_cq");
}

static inline void with_pd_and_cq(void)
{
	with_pd();
	with_cq();
}

/* Queue pairs */

static inline int create_qp_of(enum ibv_qp_type type, int wr)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq,
		.recv_cq = cq,
		.qp_type = type,
		.sq_sig_all = 1,
		.cap = {
			.max_send_wr = wr,
			.max_recv_wr = wr,
			.max_send_sge = 4,
			.max_recv_sge = 4,
			.max_inline_data = 64,
		},
	};

	errno = 0;
	qp = ibv_create_qp(pd, &init);
	return errno_unless(qp);
}

static inline int create_rc(void)
{
	return create_qp_of(IBV_QPT_RC, 16);
}

/* Memory regions */

static inline void *map_memory(size_t len, int prot, int flags)
{
	void *p = mmap(NULL, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
		       0);

	if (p == MAP_FAILED)
		bail("no memory of %zu bytes", len);
	return p;
}

/* Its pages are not there before: they are made when it is pinned. */
static inline void with_memory(size_t len, int prot, int flags)
{
	with_pd();
	memory = map_memory(len, prot, flags);
	memory_len = len;
}

static inline int reg_mr(void)
{
	errno = 0;
	mr = ibv_reg_mr(pd, memory, memory_len, ALL_ACCESS);
	return errno_unless(mr);
}

static inline int dereg_mr(void)
{
	int err = mr ? errno_of(ibv_dereg_mr(mr)) : 0;

	if (!err)
		mr = NULL;
	return err;
}

/* The program. */

/* PROGRAM DEVICE [PATTERN]: the operations whose names match. */
static inline int run_operations(const struct operation *ops, size_t n,
				 int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s DEVICE [PATTERN]\n", argv[0]);
		return 2;
	}
	device_open(&devices[0], argv[1]);
	failures_begin();
	return inject_all(ops, n, argc > 2 ? argv[2] : "*");
}

#endif /* FAILURES_VERBS_H */
