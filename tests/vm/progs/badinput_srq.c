// SPDX-License-Identifier: GPL-2.0
/*
 * Shared receive queues whose user lies: in the ring, and in the commands that
 * make and change them. The ring is the program's own, beside librxe, which is
 * told of the queue's handle alone.
 */
#include "badinput_common.h"

#include <pthread.h>

#define LEN	100
#define WR	31

struct lying_srq {
	struct pair p;
	struct ibv_srq srq;	/* only its handle counts */
	struct raw_srq raw;
	struct ring ring;
};

static struct lying_srq s;

static int lying_fd(void)
{
	return s.p.b.dev->ctx->cmd_fd;
}

static void connect_both(void)
{
	EXPECT_EQ(to_state(s.p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_state(s.p.b.qp, IBV_QPS_RESET), 0);
	end_connect(&s.p.b, &s.p.a);
	end_connect(&s.p.a, &s.p.b);
}

static void open_lying(void)
{
	struct options opt = usual;

	opt.rnr_retries = 1;
	memset(&s, 0, sizeof(s));
	end_open(&s.p.a, device_of(0), &opt);
	end_open_without_qp(&s.p.b, device_of(1), &opt);
	if (raw_create_srq(lying_fd(), s.p.b.pd->handle, WR, 4,
			   sizeof(s.raw), &s.raw) ||
	    !ring_map(&s.ring, lying_fd(), &s.raw.rxe.mi))
		bail("no SRQ");
	s.srq.context = s.p.b.dev->ctx;
	s.srq.pd = s.p.b.pd;
	s.srq.handle = s.raw.core.srq_handle;
	s.p.b.srq = &s.srq;
	s.p.b.qp = create_qp(&s.p.b, &opt);
	if (!s.p.b.qp)
		bail("no QP");
	s.p.b.srq = NULL;
	connect_both();
}

static void close_lying(void)
{
	struct ibv_async_event event;

	EXPECT_EQ(ibv_destroy_qp(s.p.b.qp), 0);
	s.p.b.qp = NULL;
	EXPECT_EQ(raw_destroy(lying_fd(), IB_USER_VERBS_CMD_DESTROY_SRQ,
			      s.srq.handle), 0);
	ring_unmap(&s.ring);
	while (next_event(s.p.a.dev, 0, &event))
		;
	while (next_event(s.p.b.dev, 0, &event))
		;
	pair_close(&s.p);
}

static struct rxe_recv_wqe *good_recv(uint64_t id)
{
	struct rxe_recv_wqe *wqe = ring_elem(&s.ring,
					     ring_producer(&s.ring));

	memset(wqe, 0, sizeof(*wqe));
	wqe->wr_id = id;
	wqe->dma.num_sge = 1;
	wqe->dma.length = LEN;
	wqe->dma.sge[0] = (struct rxe_sge) {
		(uintptr_t)s.p.b.buf, LEN, s.p.b.mr->lkey,
	};
	return wqe;
}

static void push(void)
{
	ring_set_producer(&s.ring, (ring_producer(&s.ring) + 1) & s.ring.mask);
}

static int send_one(uint64_t id)
{
	struct ibv_sge sge = sge_of(&s.p.a, 0, LEN);

	return post_send(&s.p.a, id, IBV_WR_SEND, &sge, 0);
}

/* Reset, nothing in the ring, and then a message gets through. */
static void expect_usable(int line)
{
	struct ibv_wc wc;

	connect_both();
	ring_set_producer(&s.ring, s.ring.buf->consumer_index);
	while (next_wc(s.p.a.scq, 20, &wc) || next_wc(s.p.b.rcq, 20, &wc))
		;
	fill(s.p.a.buf, LEN, 99);
	good_recv(5);
	push();
	expect(!send_one(6), line, "post_send");
	expect_wc(line, s.p.a.scq, 6, IBV_WC_SUCCESS, NULL);
	expect_wc(line, s.p.b.rcq, 5, IBV_WC_SUCCESS, NULL);
	expect(is_filled(s.p.b.buf, LEN, 99), line, "data differs");
}

#define EXPECT_USABLE()	expect_usable(__LINE__)

static void elements(void)
{
	static const uint32_t counts[] = { 5, 33, 0x7fffffff, 0xffffffff };
	struct rxe_recv_wqe *wqe;
	size_t i;

	open_lying();
	EXPECT_USABLE();
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		good_recv(1)->dma.num_sge = counts[i];
		push();
		EXPECT_EQ(send_one(2), 0);
		EXPECT_WC(s.p.a.scq, 2, REM_OP_ERR);
		EXPECT_WC(s.p.b.rcq, 1, LOC_QP_OP_ERR);
		EXPECT_STATE(&s.p.b, ERR);
		EXPECT_USABLE();
	}
	/* the totals are not believed */
	wqe = good_recv(1);
	wqe->dma.length = 1 << 30;
	wqe->dma.sge[0].length = LEN - 1;
	push();
	EXPECT_EQ(send_one(2), 0);
	EXPECT_WC(s.p.a.scq, 2, REM_INV_REQ_ERR);
	EXPECT_WC(s.p.b.rcq, 1, LOC_LEN_ERR);
	EXPECT_USABLE();
	/* a key of nobody's, and one of the sender's PD */
	for (i = 0; i < 2; i++) {
		wqe = good_recv(1);
		wqe->dma.sge[0].lkey = i ? s.p.a.mr->lkey : 0xffffff00;
		push();
		EXPECT_EQ(send_one(2), 0);
		EXPECT_WC(s.p.a.scq, 2, REM_OP_ERR);
		EXPECT_WC(s.p.b.rcq, 1, LOC_PROT_ERR);
		EXPECT_USABLE();
	}
	close_lying();
}

/* The head of the ring: what is not the user's is not looked at. */
static void indices(void)
{
	static const uint32_t far[] = { 7, 31, 32, 1 << 20, 0xffffffff };
	struct ibv_wc wc;
	size_t i;

	open_lying();
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		/* elements that nobody has written: of no bytes, or stale */
		ring_set_producer(&s.ring,
				  s.ring.buf->consumer_index + far[i]);
		EXPECT_EQ(send_one(2), 0);
		EXPECT(next_wc(s.p.a.scq, SOON_MS, &wc));
		EXPECT_USABLE();
	}
	s.ring.buf->index_mask = 0xffffffff;
	s.ring.buf->log2_elem_size = 31;
	EXPECT_USABLE();
	close_lying();
}

static void commands(void)
{
	struct raw_srq other;
	struct ring ring = { 0 };
	struct mminfo info;
	uint32_t handle, pd;

	open_lying();
	handle = s.srq.handle;
	pd = s.p.b.pd->handle;
#define MODIFY(mask, wr, limit, addr, len) \
	raw_modify_srq(lying_fd(), handle, mask, wr, limit, addr, len)
#define INFO	((uintptr_t)&info)
	EXPECT_ERRNO(MODIFY(IBV_SRQ_MAX_WR, 100, 0, 0, 8), EFAULT);
	EXPECT_ERRNO(MODIFY(IBV_SRQ_MAX_WR, 100, 0, 0xffff800000000000, 8),
		     EFAULT);
	EXPECT_ERRNO(MODIFY(IBV_SRQ_MAX_WR, 100, 0, INFO, 0), EINVAL);
	EXPECT_ERRNO(MODIFY(IBV_SRQ_MAX_WR, 100, 0, INFO, 4), EINVAL);
	EXPECT_ERRNO(MODIFY(IBV_SRQ_MAX_WR, 0xffffffff, 0, INFO, 8), EINVAL);
	EXPECT_ERRNO(MODIFY(IBV_SRQ_MAX_WR | IBV_SRQ_LIMIT, 100, 101, INFO, 8),
		     EINVAL);
	EXPECT_ERRNO(MODIFY(IBV_SRQ_LIMIT, 0, 0xffffffff, 0, 0), EINVAL);
	EXPECT_ERRNO(MODIFY(4, 0, 0, 0, 8), EINVAL);
	EXPECT_ERRNO(MODIFY(0xffffffff, 100, 1, INFO, 8), EINVAL);
	EXPECT_EQ(MODIFY(0, 0, 0, 0, 0), 0);
	EXPECT_ERRNO(raw_modify_srq(lying_fd(), handle + 1000, IBV_SRQ_LIMIT,
				    0, 1, 0, 0), ENOENT);
	EXPECT_USABLE();

	/* the old ring is nobody's any more, the new one is used */
	EXPECT_EQ(MODIFY(IBV_SRQ_MAX_WR, 100, 0, INFO, 8), 0);
	good_recv(1);
	push();
	EXPECT_EQ(send_one(2), 0);
	EXPECT_WC(s.p.a.scq, 2, RNR_RETRY_EXC_ERR);
	EXPECT(ring_map(&ring, lying_fd(), &info));
	ring_unmap(&s.ring);
	EXPECT(!ring_map(&s.ring, lying_fd(), &s.raw.rxe.mi));
	s.ring = ring;
	EXPECT_USABLE();

	EXPECT_ERRNO(raw_create_srq(lying_fd(), pd, WR, 1, 16, &other),
		     EINVAL);
	EXPECT_ERRNO(raw_create_srq(lying_fd(), pd + 1000, WR, 1,
				    sizeof(other), &other), ENOENT);
	EXPECT_ERRNO(raw_create_srq(lying_fd(), pd, 0x80000000, 1,
				    sizeof(other), &other), EINVAL);
	EXPECT_ERRNO(raw_create_srq(lying_fd(), pd, 1, 0xffffffff,
				    sizeof(other), &other), EINVAL);
	EXPECT_ERRNO(raw_destroy(lying_fd(), IB_USER_VERBS_CMD_DESTROY_SRQ,
				 handle), EBUSY);
	close_lying();
}

static bool scribbling;

/* Over all of the ring, the keys and addresses of the receives as well. */
static void *scribble(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	uint32_t *word = (void *)s.ring.buf;
	size_t n = s.ring.len / 4;

	while (__atomic_load_n(&scribbling, __ATOMIC_RELAXED)) {
		seed = seed * 1664525 + 1013904223;
		word[(seed >> 8) % n] = seed % 3 ? seed >> 28 : seed;
	}
	return NULL;
}

/* It is written over, and changes its size, while messages come. */
static void scribbled_over(void)
{
	struct ibv_sge sge;
	struct mminfo info;
	struct ring ring;
	struct ibv_wc wc;
	pthread_t thread;
	uint64_t end;
	int n = 0;

	open_lying();
	for (end = now_ms() + 3000; now_ms() < end; n++) {
		scribbling = true;
		if (pthread_create(&thread, NULL, scribble,
				   (void *)(uintptr_t)n))
			bail("no thread");
		sge = sge_of(&s.p.a, 0, LEN);
		if (!post_send(&s.p.a, 2, IBV_WR_SEND, &sge, 0))
			next_wc(s.p.a.scq, SOON_MS, &wc);
		if (n % 4 == 3 &&
		    !raw_modify_srq(lying_fd(), s.srq.handle, IBV_SRQ_MAX_WR,
				    n % 8 == 3 ? 500 : 31, 0,
				    (uintptr_t)&info, 8)) {
			__atomic_store_n(&scribbling, false, __ATOMIC_RELAXED);
			pthread_join(thread, NULL);
			EXPECT(ring_map(&ring, lying_fd(), &info));
			ring_unmap(&s.ring);
			s.ring = ring;
		} else {
			__atomic_store_n(&scribbling, false, __ATOMIC_RELAXED);
			pthread_join(thread, NULL);
		}
		while (next_wc(s.p.b.rcq, 0, &wc))
			;
		if (qp_state(s.p.a.qp) == IBV_QPS_ERR ||
		    qp_state(s.p.b.qp) == IBV_QPS_ERR)
			connect_both();
	}
	printf("# %d rounds\n", n);
	close_lying();

	/* of where the device is in that ring its user knows nothing any more */
	open_lying();
	EXPECT_USABLE();
	close_lying();
}

static const struct test_case cases[] = {
	CASE("SRQ: elements that lie", elements),
	CASE("SRQ: indices and sizes that lie", indices),
	CASE("SRQ: commands that lie", commands),
	CASE_ONE_DEVICE("SRQ: a ring that is written over", scribbled_over),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
