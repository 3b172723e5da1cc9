// SPDX-License-Identifier: GPL-2.0
/*
 * Objects come and go while data moves. Each thread connects pairs of QPs, now
 * and then a QP to itself, moves data in every way and compares it, and destroys
 * them, at times with work requests outstanding.
 *
 *	churn SECONDS THREADS SEED DEVICE [DEVICE]
 *
 * Ends with status 0 if every byte was right.
 */
#include <errno.h>
#include <infiniband/verbs.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_LEN		(256 * 1024)
#define DEPTH		16

static struct ibv_context *devices[2];
static int gid_index[2];
static union ibv_gid gids[2];
static time_t end;
static long rounds, messages;

/* One side of a connection. */
struct side {
	int dev;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	struct ibv_mr *mr;
	uint8_t *buf;
	uint32_t psn;
};

static __thread unsigned int seed;

static unsigned int pick(unsigned int n)
{
	return rand_r(&seed) % n;
}

static void die(const char *fmt, ...)
{
	va_list args;
	int err = errno;

	va_start(args, fmt);
	fprintf(stderr, "churn: ");
	vfprintf(stderr, fmt, args);
	fprintf(stderr, " (%s)\n", strerror(err));
	va_end(args);
	exit(1);
}

static void open_device(int n, const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	int i;

	for (i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			devices[n] = ibv_open_device(list[i]);
	if (!devices[n])
		die("no device %s", name);

	/* The first GID that is made from an IPv4 address. */
	for (i = 0; i < 64; i++) {
		static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

		if (!ibv_query_gid(devices[n], 1, i, &gids[n]) &&
		    !memcmp(gids[n].raw, mapped, sizeof(mapped))) {
			gid_index[n] = i;
			return;
		}
	}
	die("%s has no IPv4 GID", name);
}

static void side_open(struct side *side, int dev)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = {
			.max_send_wr = DEPTH,
			.max_recv_wr = DEPTH,
			.max_send_sge = 2,
			.max_recv_sge = 2,
			.max_inline_data = 64,
		},
	};
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_READ |
				   IBV_ACCESS_REMOTE_WRITE,
	};

	memset(side, 0, sizeof(*side));
	side->dev = dev;
	side->psn = pick(1 << 24);
	side->buf = malloc(MAX_LEN);
	side->pd = ibv_alloc_pd(devices[dev]);
	side->cq = ibv_create_cq(devices[dev], 4 * DEPTH, NULL, NULL, 0);
	if (!side->buf || !side->pd || !side->cq)
		die("no memory, PD or CQ");
	side->mr = ibv_reg_mr(side->pd, side->buf, MAX_LEN,
			      IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
			      IBV_ACCESS_REMOTE_WRITE);
	init.send_cq = side->cq;
	init.recv_cq = side->cq;
	side->qp = ibv_create_qp(side->pd, &init);
	if (!side->mr || !side->qp)
		die("no MR or QP");
	if (ibv_modify_qp(side->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			  IBV_QP_PORT | IBV_QP_ACCESS_FLAGS))
		die("INIT");
}

static void side_connect(struct side *side, const struct side *peer)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = peer->qp->qp_num,
		.rq_psn = peer->psn,
		.max_dest_rd_atomic = 4,
		.min_rnr_timer = 1,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = {
				.dgid = gids[peer->dev],
				.sgid_index = gid_index[side->dev],
				.hop_limit = 64,
			},
		},
	};

	if (ibv_modify_qp(side->qp, &attr, IBV_QP_STATE | IBV_QP_AV |
			  IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			  IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER))
		die("RTR");

	attr = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTS,
		.sq_psn = side->psn,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.max_rd_atomic = 4,
	};
	if (ibv_modify_qp(side->qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT |
			  IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
			  IBV_QP_MAX_QP_RD_ATOMIC))
		die("RTS");
}

static void side_close(struct side *side)
{
	if (ibv_destroy_qp(side->qp) || ibv_dereg_mr(side->mr) ||
	    ibv_destroy_cq(side->cq) || ibv_dealloc_pd(side->pd))
		die("destruction");
	free(side->buf);
}

static void fill(uint8_t *buf, size_t len, unsigned int value)
{
	size_t i;

	for (i = 0; i < len; i++)
		buf[i] = value + i + (i >> 8);
}

static void compare(const uint8_t *buf, size_t len, unsigned int value)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (buf[i] != (uint8_t)(value + i + (i >> 8)))
			die("byte %zu of %zu is wrong", i, len);
}

/* Take @n completions from a queue that gets no other ones. */
static void wait_for(struct side *side, int n)
{
	time_t limit = time(NULL) + 30;
	struct ibv_wc wc;
	int got;

	while (n) {
		got = ibv_poll_cq(side->cq, 1, &wc);
		if (got < 0)
			die("poll");
		if (got && wc.status)
			die("completion: %s", ibv_wc_status_str(wc.status));
		n -= got;
		if (!got && time(NULL) > limit)
			die("a completion has not come");
		if (!got)
			sched_yield();
	}
}

/* A message of @len bytes from the middle of one buffer to that of another. */
static void transfer(struct side *from, struct side *to)
{
	size_t half = MAX_LEN / 2, len = pick(2) ? pick(half) : pick(200) + 1;
	enum ibv_wr_opcode opcode = (const enum ibv_wr_opcode[]) {
		IBV_WR_SEND, IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ,
		IBV_WR_RDMA_WRITE_WITH_IMM,
	}[pick(4)];
	uint8_t *src = from->buf, *dst = to->buf + half;
	size_t first = pick(len + 1);
	struct ibv_sge sge[2];
	struct ibv_send_wr wr = {
		.opcode = opcode,
		.send_flags = IBV_SEND_SIGNALED,
		.sg_list = sge,
		.num_sge = 2,
	};
	struct ibv_sge recv_sge = { (uintptr_t)dst, half, to->mr->lkey };
	struct ibv_recv_wr recv = { .sg_list = &recv_sge, .num_sge = 1 };
	bool receives = opcode == IBV_WR_SEND ||
			opcode == IBV_WR_RDMA_WRITE_WITH_IMM;
	bool late = receives && !pick(4);
	unsigned int value = pick(256);
	struct ibv_send_wr *bad;
	struct ibv_recv_wr *bad_recv;

	/* A read brings the bytes the other way. */
	if (opcode == IBV_WR_RDMA_READ) {
		src = to->buf;
		dst = from->buf + half;
	}
	fill(src, len, value);
	memset(dst, ~value, len);
	wr.wr.rdma.remote_addr = (uintptr_t)(opcode == IBV_WR_RDMA_READ ? src : dst);
	wr.wr.rdma.rkey = to->mr->rkey;
	sge[0] = (struct ibv_sge) {
		(uintptr_t)(opcode == IBV_WR_RDMA_READ ? dst : src), first,
		from->mr->lkey,
	};
	sge[1] = (struct ibv_sge) {
		sge[0].addr + first, len - first, from->mr->lkey,
	};
	if (opcode != IBV_WR_RDMA_READ && len <= 64)
		wr.send_flags |= IBV_SEND_INLINE;

	/* At times the receive comes late: the sender tries again. */
	if (receives && !late && ibv_post_recv(to->qp, &recv, &bad_recv))
		die("post_recv");
	if (ibv_post_send(from->qp, &wr, &bad))
		die("post_send");
	if (late && ibv_post_recv(to->qp, &recv, &bad_recv))
		die("post_recv");
	wait_for(from, from == to && receives ? 2 : 1);
	if (from != to && receives)
		wait_for(to, 1);
	compare(dst, len, value);
	__atomic_add_fetch(&messages, 1, __ATOMIC_RELAXED);
}

/* Work requests that nobody waits for. */
static void leave_work(struct side *from, struct side *to)
{
	struct ibv_sge sge = { (uintptr_t)from->buf, MAX_LEN, from->mr->lkey };
	struct ibv_send_wr *bad, wr = {
		.opcode = pick(2) ? IBV_WR_RDMA_WRITE : IBV_WR_SEND,
		.sg_list = &sge,
		.num_sge = 1,
		.wr.rdma = { (uintptr_t)to->buf, to->mr->rkey },
	};
	unsigned int n = pick(DEPTH);

	while (n--)
		if (ibv_post_send(from->qp, &wr, &bad))
			die("post_send");
}

static void one_round(void)
{
	int n = devices[1] ? 2 : 1;
	struct side a, b;
	bool self = !pick(8);
	unsigned int i;

	side_open(&a, pick(n));
	side_open(&b, pick(n));
	if (self) {
		side_connect(&a, &a);
		side_connect(&b, &b);
	} else {
		side_connect(&a, &b);
		side_connect(&b, &a);
	}
	for (i = pick(12); i; i--) {
		if (pick(2))
			transfer(&a, self ? &a : &b);
		else
			transfer(&b, self ? &b : &a);
	}
	if (pick(2))
		leave_work(&a, self ? &a : &b);
	if (pick(2))
		leave_work(&b, self ? &b : &a);
	if (pick(2)) {
		side_close(&a);
		side_close(&b);
	} else {
		side_close(&b);
		side_close(&a);
	}
	__atomic_add_fetch(&rounds, 1, __ATOMIC_RELAXED);
}

static void *thread(void *arg)
{
	seed = (uintptr_t)arg;
	while (time(NULL) < end)
		one_round();
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long n, i, first;
	pthread_t *threads;

	if (argc < 5)
		return 2;
	n = strtoul(argv[2], NULL, 0);
	first = strtoul(argv[3], NULL, 0);
	open_device(0, argv[4]);
	if (argc > 5)
		open_device(1, argv[5]);
	end = time(NULL) + atoi(argv[1]);

	threads = calloc(n, sizeof(*threads));
	for (i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, thread, (void *)(first + i)))
			die("thread");
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("seed %lu: %ld rounds, %ld messages\n", first, rounds, messages);
	return !messages;
}
