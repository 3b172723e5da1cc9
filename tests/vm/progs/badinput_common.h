/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A process that lies, and one that it must not harm.
 *
 * The liar maps the rings of its queues itself, and everything that its own
 * work requests may not write to is surrounded by bytes that are looked at
 * afterwards. The bystander is another process with a device, a region, and a
 * QP of its own, of which the liar knows all numbers and keys.
 */
#ifndef BADINPUT_COMMON_H
#define BADINPUT_COMMON_H

#include "verbs_common.h"
#include "uverbs_raw.h"

#include <signal.h>
#include <sys/wait.h>

#define PAGE	4096ul
#define DATA	(4 * PAGE)

/* The bystander. */

struct bystander {
	pid_t pid;
	int to, from;		/* pipes */
	struct bystander_keys {
		uint64_t addr;
		uint32_t lkey, rkey;
		uint32_t qpn, ud_qpn;
		uint32_t ah_num;
	} keys;
};

/* What is only known to the bystander: it must not turn up anywhere else. */
static inline void make_secret(uint8_t *secret)
{
	FILE *file = fopen("/dev/urandom", "r");

	if (!file || fread(secret, 16, 1, file) != 1)
		bail("no random bytes");
	fclose(file);
}

/*
 * Wait for the liar's end, then look at everything, and say whether it is all
 * right. A QP that is its own peer still has its receive, and works.
 */
static inline void bystander_run(const char *device, int in, int out)
{
	struct options opt = usual;
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTS };
	struct bystander_keys keys;
	struct raw_ah ah;
	struct end rc, ud;
	struct ibv_sge sge;
	uint8_t secret[16];
	char c;
	size_t i;

	device_open(&devices[0], device);
	ends_on = 1;
	opt.size = DATA;
	end_open(&rc, &devices[0], &opt);
	end_connect(&rc, &rc);
	opt.type = IBV_QPT_UD;
	end_open(&ud, &devices[0], &opt);
	end_connect(&ud, &ud);
	/* one that the liar does not know: it may not send datagrams either */
	make_secret(secret);
	memcpy(&attr.qkey, secret, 4);
	attr.qkey = (attr.qkey & 0x3fffffff) | 1 << 30;
	if (ibv_modify_qp(ud.qp, &attr, IBV_QP_STATE | IBV_QP_QKEY))
		bail("no Q_Key");
	if (raw_create_ah(rc.dev->ctx->cmd_fd, rc.pd->handle, rc.dev->gid.raw,
			  rc.dev->gid_index, &ah))
		bail("no AH");
	make_secret(secret);
	for (i = 0; i < DATA; i += 16)
		memcpy(rc.buf + i, secret, 16);
	sge = sge_of(&rc, 0, DATA);
	if (post_recv(&rc, 1, &sge) || post_recv(&ud, 1, &sge))
		bail("post_recv");

	keys = (struct bystander_keys) {
		.addr = (uintptr_t)rc.buf,
		.lkey = rc.mr->lkey, .rkey = rc.mr->rkey,
		.qpn = rc.qp->qp_num, .ud_qpn = ud.qp->qp_num,
		.ah_num = ah.rxe.ah_num,
	};
	if (write(out, &keys, sizeof(keys)) != sizeof(keys))
		_exit(1);

	/* each time it is asked: is it still as it was? */
	while (read(in, &c, 1) == 1) {
		case_failed = false;
		for (i = 0; i < DATA; i += 16)
			if (memcmp(rc.buf + i, secret, 16))
				break;
		EXPECT_F(i == DATA, "the other process's memory is changed");
		EXPECT_NO_EVENT(rc.dev);
		EXPECT_EQ(qp_state(rc.qp), IBV_QPS_RTS);
		expect_no_wc(__LINE__, rc.rcq, 0);
		expect_no_wc(__LINE__, rc.scq, 0);
		c = case_failed ? 'x' : '.';
		if (write(out, &c, 1) != 1 || write(out, secret, 16) != 16)
			break;
	}
	/* not closed in order: it goes as processes go */
	_exit(0);
}

static inline void bystander_start(struct bystander *b, const char *device)
{
	int to[2], from[2];

	if (pipe(to) || pipe(from))
		bail("pipe");
	fflush(stdout);
	b->pid = fork();
	if (!b->pid) {
		close(to[1]);
		close(from[0]);
		bystander_run(device, to[0], from[1]);
	}
	close(to[0]);
	close(from[1]);
	b->to = to[1];
	b->from = from[0];
	if (read(b->from, &b->keys, sizeof(b->keys)) != sizeof(b->keys))
		bail("the bystander does not start");
}

/* Is the bystander unharmed, and what was its secret? */
static inline bool bystander_is_well(struct bystander *b, uint8_t *secret)
{
	char c = '?';

	return write(b->to, &c, 1) == 1 && read(b->from, &c, 1) == 1 &&
	       read(b->from, secret, 16) == 16 && c == '.';
}

static inline void bystander_stop(struct bystander *b)
{
	close(b->to);
	close(b->from);
	waitpid(b->pid, NULL, 0);
}

/* The liar. */

struct ring {
	struct rxe_queue_buf *buf;
	size_t len;		/* of the mapping */
	uint32_t mask, shift;	/* as they were when it was mapped */
};

static inline bool ring_map(struct ring *ring, int fd, const struct mminfo *mi)
{
	ring->len = mi->size;
	ring->buf = mmap(NULL, mi->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, mi->offset);
	if (ring->buf == MAP_FAILED)
		return false;
	ring->mask = ring->buf->index_mask;
	ring->shift = ring->buf->log2_elem_size;
	return true;
}

static inline void ring_unmap(struct ring *ring)
{
	if (ring->buf)
		munmap(ring->buf, ring->len);
	ring->buf = NULL;
}

static inline void *ring_elem(const struct ring *ring, uint32_t index)
{
	return ring->buf->data + ((index & ring->mask) << ring->shift);
}

static inline uint32_t ring_producer(const struct ring *ring)
{
	return __atomic_load_n(&ring->buf->producer_index, __ATOMIC_ACQUIRE);
}

static inline void ring_set_producer(struct ring *ring, uint32_t index)
{
	__atomic_store_n(&ring->buf->producer_index, index, __ATOMIC_RELEASE);
}

#define SEND_SGES	4
#define RECV_SGES	4
#define INLINE		128

struct liar_qp {
	struct raw_qp raw;
	struct ring sq, rq;
	uint8_t type;
};

/*
 * @memory has, each between pages that belong to no region: @data, in a region
 * with all access; @fixed, in a region that may only be read.
 */
struct liar {
	struct ibv_context *ctx;
	int fd;
	struct device *dev;
	struct ibv_pd *pd;
	uint8_t *memory, *data, *fixed;
	struct ibv_mr *data_mr, *fixed_mr;
	struct raw_cq raw_cq;
	struct ring cq;
	uint32_t cq_next;
	struct liar_qp qp;
};

#define LIAR_PAGES	(1 + DATA / PAGE + 1 + 1 + 1)

static inline int liar_qp_open(struct liar *l, struct liar_qp *qp,
			       uint8_t type)
{
	const struct raw_qp_attr attr = {
		.pd = l->pd->handle, .cq = l->raw_cq.handle, .type = type,
		.send_wr = 15, .recv_wr = 15,
		.send_sge = SEND_SGES, .recv_sge = RECV_SGES,
		.inline_data = INLINE,
	};
	int err;

	memset(qp, 0, sizeof(*qp));
	qp->type = type;
	err = raw_create_qp(l->fd, &attr, &qp->raw);
	if (err)
		return err;
	if (!ring_map(&qp->sq, l->fd, &qp->raw.rxe.sq_mi) ||
	    !ring_map(&qp->rq, l->fd, &qp->raw.rxe.rq_mi))
		return errno;
	return 0;
}

static inline int liar_qp_close(struct liar *l, struct liar_qp *qp)
{
	int err = raw_destroy(l->fd, IB_USER_VERBS_CMD_DESTROY_QP,
			      qp->raw.core.qp_handle);

	ring_unmap(&qp->sq);
	ring_unmap(&qp->rq);
	return err;
}

/*
 * Reset and connect, to itself or to any number. A ring's other end is where
 * the kernel says that it is.
 */
static inline int liar_qp_connect(struct liar *l, struct liar_qp *qp,
				  uint32_t peer)
{
	struct ib_uverbs_modify_qp attr = {
		.qp_handle = qp->raw.core.qp_handle,
		.qkey = QKEY, .rq_psn = 0x123, .sq_psn = 0x123,
		.dest_qp_num = peer,
		.qp_access_flags = ALL_ACCESS | IBV_ACCESS_REMOTE_ATOMIC,
		.path_mtu = IBV_MTU_1024,
		.max_rd_atomic = 4, .max_dest_rd_atomic = 4,
		.min_rnr_timer = 1, .port_num = 1,
		.timeout = 1, .retry_cnt = 1, .rnr_retry = 1,
		.dest = {
			.sgid_index = l->dev->gid_index,
			.hop_limit = 64, .is_global = 1, .port_num = 1,
		},
	};
	bool ud = qp->type == IBV_QPT_UD;
	int err;

	memcpy(attr.dest.dgid, l->dev->gid.raw, 16);
	attr.qp_state = IBV_QPS_RESET;
	attr.attr_mask = IBV_QP_STATE;
	err = raw_modify_qp(l->fd, &attr);
	if (err)
		return err;
	ring_set_producer(&qp->sq, qp->sq.buf->consumer_index);
	ring_set_producer(&qp->rq, qp->rq.buf->consumer_index);

	attr.qp_state = IBV_QPS_INIT;
	attr.attr_mask = IBV_QP_STATE | IBV_QP_PORT | IBV_QP_PKEY_INDEX |
			 (ud ? IBV_QP_QKEY : IBV_QP_ACCESS_FLAGS);
	err = raw_modify_qp(l->fd, &attr);
	if (err)
		return err;
	attr.qp_state = IBV_QPS_RTR;
	attr.attr_mask = ud ? IBV_QP_STATE : RTR_MASK;
	err = raw_modify_qp(l->fd, &attr);
	if (err)
		return err;
	attr.qp_state = IBV_QPS_RTS;
	attr.attr_mask = ud ? IBV_QP_STATE | IBV_QP_SQ_PSN : RTS_MASK;
	return raw_modify_qp(l->fd, &attr);
}

static inline void liar_fill(struct liar *l)
{
	fill(l->memory, LIAR_PAGES * PAGE, 5);
}

/* Has anything been written but what may be? */
static inline bool liar_is_contained(struct liar *l)
{
	uint8_t *want = malloc(LIAR_PAGES * PAGE);
	size_t before = l->data - l->memory, after = before + DATA;
	bool good;

	if (!want)
		bail("no memory");
	fill(want, LIAR_PAGES * PAGE, 5);
	good = !memcmp(l->memory, want, before) &&
	       !memcmp(l->memory + after, want + after,
		       LIAR_PAGES * PAGE - after);
	free(want);
	return good;
}

static inline void liar_open(struct liar *l, struct device *dev, uint8_t type)
{
	memset(l, 0, sizeof(*l));
	l->dev = dev;
	l->ctx = ibv_open_device(dev->ctx->device);
	if (!l->ctx)
		bail("the device does not open");
	l->fd = l->ctx->cmd_fd;
	l->pd = ibv_alloc_pd(l->ctx);
	l->memory = mmap(NULL, LIAR_PAGES * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!l->pd || l->memory == MAP_FAILED)
		bail("no PD or memory");
	l->data = l->memory + PAGE;
	l->fixed = l->data + DATA + PAGE;
	liar_fill(l);
	l->data_mr = ibv_reg_mr(l->pd, l->data, DATA, ALL_ACCESS |
				IBV_ACCESS_REMOTE_ATOMIC);
	l->fixed_mr = ibv_reg_mr(l->pd, l->fixed, PAGE, IBV_ACCESS_REMOTE_READ);
	if (!l->data_mr || !l->fixed_mr)
		bail("no MR");
	if (raw_create_cq(l->fd, 63, &l->raw_cq) ||
	    !ring_map(&l->cq, l->fd, &l->raw_cq.rxe.mi))
		bail("no CQ");
	if (liar_qp_open(l, &l->qp, type) ||
	    liar_qp_connect(l, &l->qp, l->qp.raw.core.qpn))
		bail("no QP");
}

static inline void liar_close(struct liar *l)
{
	EXPECT(liar_is_contained(l));
	EXPECT_EQ(liar_qp_close(l, &l->qp), 0);
	EXPECT_EQ(raw_destroy(l->fd, IB_USER_VERBS_CMD_DESTROY_CQ,
			      l->raw_cq.handle), 0);
	ring_unmap(&l->cq);
	EXPECT_EQ(ibv_dereg_mr(l->data_mr), 0);
	EXPECT_EQ(ibv_dereg_mr(l->fixed_mr), 0);
	EXPECT_EQ(ibv_dealloc_pd(l->pd), 0);
	EXPECT_EQ(ibv_close_device(l->ctx), 0);
	munmap(l->memory, LIAR_PAGES * PAGE);
}

/* The next completion, of what index the ring may say. */
static inline bool liar_next_wc(struct liar *l, int ms,
				struct ib_uverbs_wc *wc)
{
	uint64_t end = now_ms() + ms;

	while ((ring_producer(&l->cq) & l->cq.mask) == l->cq_next) {
		if (now_ms() >= end)
			return false;
		usleep(100);
	}
	*wc = *(struct ib_uverbs_wc *)ring_elem(&l->cq, l->cq_next);
	l->cq_next = (l->cq_next + 1) & l->cq.mask;
	__atomic_store_n(&l->cq.buf->consumer_index, l->cq_next,
			 __ATOMIC_RELEASE);
	return true;
}

/* The next element of a send queue, zeroed; and then out with it. */
static inline struct rxe_send_wqe *liar_send(struct liar_qp *qp)
{
	struct rxe_send_wqe *wqe = ring_elem(&qp->sq, ring_producer(&qp->sq));

	memset(wqe, 0, 1ul << qp->sq.shift);
	return wqe;
}

static inline int liar_ring(struct liar *l, struct liar_qp *qp)
{
	ring_set_producer(&qp->sq, (ring_producer(&qp->sq) + 1) & qp->sq.mask);
	return raw_doorbell(l->fd, qp->raw.core.qp_handle);
}

static inline struct rxe_recv_wqe *liar_recv(struct liar_qp *qp)
{
	struct rxe_recv_wqe *wqe = ring_elem(&qp->rq, ring_producer(&qp->rq));

	memset(wqe, 0, 1ul << qp->rq.shift);
	return wqe;
}

static inline void liar_post_recv(struct liar_qp *qp)
{
	ring_set_producer(&qp->rq, (ring_producer(&qp->rq) + 1) & qp->rq.mask);
}

#endif /* BADINPUT_COMMON_H */
