// SPDX-License-Identifier: GPL-2.0
/*
 * Rings that lie, one lie at a time: indices, sizes, counts, lengths, opcodes,
 * keys and handles of others. What comes back is an error in a completion, or
 * nothing, and then the queues work again after a reset; no byte is moved that
 * the keys do not grant.
 */
#include "badinput_common.h"

static struct bystander bystander;
static struct liar liar;

/* A write from @fixed to the start of @data: good, if nothing is changed. */
static struct rxe_send_wqe *good_write(void)
{
	struct rxe_send_wqe *wqe = liar_send(&liar.qp);

	wqe->wr.wr_id = 1;
	wqe->wr.opcode = IBV_WR_RDMA_WRITE;
	wqe->wr.wr.rdma.remote_addr = (uintptr_t)liar.data;
	wqe->wr.wr.rdma.rkey = liar.data_mr->rkey;
	wqe->dma.num_sge = 1;
	wqe->dma.length = 100;
	wqe->dma.resid = 100;
	wqe->dma.sge[0] = (struct rxe_sge) {
		(uintptr_t)liar.fixed, 100, liar.fixed_mr->lkey,
	};
	return wqe;
}

static struct rxe_recv_wqe *good_recv(void)
{
	struct rxe_recv_wqe *wqe = liar_recv(&liar.qp);

	wqe->wr_id = 2;
	wqe->dma.num_sge = 1;
	wqe->dma.length = 100;
	wqe->dma.sge[0] = (struct rxe_sge) {
		(uintptr_t)liar.data, 100, liar.data_mr->lkey,
	};
	return wqe;
}

/* @status of the next completion. */
static void expect_status(int line, int status)
{
	struct ib_uverbs_wc wc = { 0 };

	if (expect(liar_next_wc(&liar, SOON_MS, &wc), line, "no completion"))
		expect((int)wc.status == status, line, "'%s', not '%s'",
		       ibv_wc_status_str(wc.status),
		       ibv_wc_status_str(status));
}

#define EXPECT_STATUS(status)	expect_status(__LINE__, IBV_WC_##status)

/* Take what completions are there, up to a ring's worth. */
static void drain(void)
{
	struct ib_uverbs_wc wc = { 0 };
	unsigned int n = 0;

	while (n++ <= 2 * liar.cq.mask && liar_next_wc(&liar, 20, &wc))
		;
}

/* After whatever was done: reset, and a good request is executed. */
static void expect_usable(int line)
{
	uint32_t qpn = liar.qp.raw.core.qpn;

	drain();
	expect(!liar_qp_connect(&liar, &liar.qp, qpn), line, "no reset");
	drain();
	memset(liar.data, 0, DATA);
	good_write();
	expect(!liar_ring(&liar, &liar.qp), line, "no doorbell");
	expect_status(line, IBV_WC_SUCCESS);
	expect(!memcmp(liar.data, liar.fixed, 100) && !liar.data[100], line,
	       "data differs");
	expect(liar_is_contained(&liar), line, "memory is written over");
}

#define EXPECT_USABLE()	expect_usable(__LINE__)

static void open_liar(void)
{
	liar_open(&liar, device_of(0), IBV_QPT_RC);
}

static void close_liar(void)
{
	uint8_t secret[16];

	liar_close(&liar);
	EXPECT(bystander_is_well(&bystander, secret));
}

static void truth(void)
{
	open_liar();
	EXPECT_USABLE();
	good_recv();
	liar_post_recv(&liar.qp);
	good_write()->wr.opcode = IBV_WR_SEND;
	EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
	EXPECT_STATUS(SUCCESS);
	EXPECT_STATUS(SUCCESS);
	close_liar();
}

static const uint32_t wild[] = { 16, 17, 31, 255, 256, 0x7fffffff, 0x80000000,
				 0xfffffffe, 0xffffffff, 0x01000000 };

/* The producer's index of a work queue is the user's to write. */
static void wild_producers(void)
{
	size_t i;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		ring_set_producer(&liar.qp.sq, wild[i]);
		raw_doorbell(liar.fd, liar.qp.raw.core.qp_handle);
		EXPECT_USABLE();
		ring_set_producer(&liar.qp.rq, wild[i]);
		good_write()->wr.opcode = IBV_WR_SEND;
		liar_ring(&liar, &liar.qp);
		EXPECT_USABLE();
	}
	close_liar();
}

/* The consumer's is not: the kernel keeps its own. */
static void wild_consumers(void)
{
	size_t i;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		good_write();
		liar.qp.sq.buf->consumer_index = wild[i];
		EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		EXPECT_STATUS(SUCCESS);
		EXPECT(liar.qp.sq.buf->consumer_index <= liar.qp.sq.mask);
		good_recv();
		liar.qp.rq.buf->consumer_index = wild[i];
		liar_post_recv(&liar.qp);
		good_write()->wr.opcode = IBV_WR_SEND;
		EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		EXPECT_STATUS(SUCCESS);
		EXPECT_STATUS(SUCCESS);
	}
	close_liar();
}

/* In a completion queue it is the other way round. */
static void wild_completion_indices(void)
{
	struct rxe_queue_buf *cq;
	size_t i;
	int j;

	open_liar();
	cq = liar.cq.buf;
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		/* the kernel writes where it was, and says so */
		cq->producer_index = wild[i];
		good_write();
		EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		EXPECT_STATUS(SUCCESS);
	}
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		cq->consumer_index = wild[i];
		for (j = 0; j < 5; j++) {
			good_write();
			liar_ring(&liar, &liar.qp);
		}
	}
	EXPECT(liar_is_contained(&liar));
	close_liar();
}

/* What the header says of its ring is for the user; the kernel knows. */
static void wild_ring_sizes(void)
{
	struct ring *rings[] = { &liar.qp.sq, &liar.qp.rq, &liar.cq };
	size_t i, j;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		for (j = 0; j < ARRAY_SIZE(rings); j++) {
			rings[j]->buf->index_mask = wild[i];
			rings[j]->buf->log2_elem_size = wild[i];
		}
		good_recv();
		liar_post_recv(&liar.qp);
		good_write()->wr.opcode = IBV_WR_SEND;
		EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		EXPECT_STATUS(SUCCESS);
		EXPECT_STATUS(SUCCESS);
		EXPECT_USABLE();
	}
	close_liar();
}

/* One request of the send queue, changed, and its status. */
#define REFUSED(change, status) do {					\
	struct rxe_send_wqe *wqe = good_write();			\
									\
	change;								\
	memset(liar.data, 0x5a, DATA);					\
	EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);			\
	EXPECT_STATUS(status);						\
	EXPECT(liar.data[0] == 0x5a && liar.data[DATA - 1] == 0x5a);	\
	EXPECT_USABLE();						\
} while (0)

static void wild_counts(void)
{
	size_t i;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(wild); i++)
		REFUSED(wqe->dma.num_sge = wild[i], LOC_QP_OP_ERR);
	REFUSED(wqe->dma.num_sge = SEND_SGES + 1, LOC_QP_OP_ERR);

	/* one sixteenth of 2^32, so that the size is zero again */
	REFUSED(wqe->dma.num_sge = 0x10000000, LOC_QP_OP_ERR);
	REFUSED(wqe->dma.num_sge = 0x10000001, LOC_QP_OP_ERR);
	close_liar();
}

static void wild_lengths(void)
{
	int i;

	open_liar();
	REFUSED(wqe->dma.sge[0].length = DATA + 1, LOC_PROT_ERR);
	REFUSED(wqe->dma.sge[0].length = 0x80000000, LOC_PROT_ERR);
	REFUSED(wqe->dma.sge[0].length = 0xffffffff, LOC_LEN_ERR);

	/* their sum is 2^32, 2^33 or 100 more */
	REFUSED({
		wqe->dma.num_sge = 2;
		wqe->dma.sge[1] = wqe->dma.sge[0];
		wqe->dma.sge[0].length = 0x80000000;
		wqe->dma.sge[1].length = 0x80000000;
	}, LOC_LEN_ERR);
	REFUSED({
		wqe->dma.num_sge = 2;
		wqe->dma.sge[1] = wqe->dma.sge[0];
		wqe->dma.sge[0].length = 0xffffffff;
		wqe->dma.sge[1].length = 101;
	}, LOC_LEN_ERR);
	REFUSED({
		wqe->dma.num_sge = 4;
		for (i = 0; i < 4; i++) {
			wqe->dma.sge[i] = wqe->dma.sge[0];
			wqe->dma.sge[i].length = 0x80000000;
		}
	}, LOC_LEN_ERR);

	/* past the end of the address space, and round it */
	REFUSED(wqe->dma.sge[0].addr = UINT64_MAX - 99, LOC_PROT_ERR);
	REFUSED(wqe->dma.sge[0].addr = UINT64_MAX - 50, LOC_PROT_ERR);
	REFUSED(wqe->dma.sge[0].addr = 0x8000000000000000, LOC_PROT_ERR);
	REFUSED(wqe->wr.wr.rdma.remote_addr = UINT64_MAX - 50, REM_ACCESS_ERR);
	REFUSED(wqe->wr.wr.rdma.remote_addr = 0xffffffff81000000,
		REM_ACCESS_ERR);
	close_liar();
}

/* The totals of a request are for nobody: the ranges' lengths count. */
static void wrong_totals(void)
{
	static const uint32_t totals[] = { 0, 1, 99, 101, 0xffffffff };
	struct rxe_send_wqe *wqe;
	size_t i;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(totals); i++) {
		memset(liar.data, 0, DATA);
		wqe = good_write();
		wqe->dma.length = totals[i];
		wqe->dma.resid = totals[i];
		wqe->dma.cur_sge = totals[i];
		wqe->dma.sge_offset = totals[i];
		wqe->iova = totals[i];
		wqe->mask = totals[i];
		wqe->state = totals[i];
		wqe->status = totals[i];
		EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		EXPECT_STATUS(SUCCESS);
		EXPECT(!memcmp(liar.data, liar.fixed, 100));
		EXPECT(!liar.data[100]);
	}
	close_liar();
}

static void wild_inline(void)
{
	static const uint32_t lengths[] = { INLINE + 1, 4096, 65536,
					    0x7fffffff, 0xffffffff };
	struct rxe_send_wqe *wqe;
	size_t i;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		REFUSED({
			wqe->wr.send_flags = IBV_SEND_INLINE;
			wqe->dma.length = lengths[i];
		}, LOC_QP_OP_ERR);

	/* the number of ranges does not matter then */
	wqe = good_write();
	wqe->wr.send_flags = IBV_SEND_INLINE;
	wqe->dma.num_sge = 0xffffffff;
	wqe->dma.length = INLINE;
	memset(wqe->dma.inline_data, 0x77, INLINE);
	memset(liar.data, 0, DATA);
	EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
	EXPECT_STATUS(SUCCESS);
	EXPECT(liar.data[0] == 0x77 && liar.data[INLINE - 1] == 0x77);
	EXPECT(!liar.data[INLINE]);
	close_liar();
}

/* Not in rdma-core 44's headers. */
#define WR_FLUSH	14
#define WR_ATOMIC_WRITE	15

/* Those that do not exist, or that are not for user space. */
static void wild_opcodes(void)
{
	uint32_t opcode;
	size_t i;

	open_liar();
	for (opcode = IBV_WR_ATOMIC_CMP_AND_SWP; opcode < 300; opcode++) {
		if (opcode == IBV_WR_SEND_WITH_INV ||
		    opcode == IBV_WR_LOCAL_INV ||
		    opcode == IBV_WR_RDMA_READ ||
		    opcode == IBV_WR_ATOMIC_CMP_AND_SWP ||
		    opcode == IBV_WR_ATOMIC_FETCH_AND_ADD ||
		    opcode == IBV_WR_BIND_MW ||
		    opcode == WR_FLUSH || opcode == WR_ATOMIC_WRITE)
			continue;
		if (opcode > 0x30 && opcode < 0xee)
			continue;
		REFUSED({
			wqe->wr.opcode = opcode;
			memset(&wqe->wr.wr, 0xff, 64);
		}, LOC_QP_OP_ERR);
	}
	for (i = 0; i < ARRAY_SIZE(wild); i++)
		if (wild[i] > 255)
			REFUSED(wqe->wr.opcode = wild[i], LOC_QP_OP_ERR);

	/* these exist, and find nothing there */
	REFUSED({
		wqe->wr.opcode = IBV_WR_BIND_MW;
		memset(&wqe->wr.wr, 0xff, 64);
	}, MW_BIND_ERR);
	REFUSED({
		wqe->wr.opcode = IBV_WR_BIND_MW;
		memset(&wqe->wr.wr, 0, 64);
		wqe->wr.wr.mw.mw_rkey = liar.data_mr->rkey;
		wqe->wr.wr.mw.rkey = liar.data_mr->rkey;
		wqe->wr.wr.mw.mr_lkey = liar.data_mr->lkey;
	}, MW_BIND_ERR);
	REFUSED(({
		wqe->wr.opcode = WR_ATOMIC_WRITE;
		wqe->wr.wr.rdma.remote_addr++;
	}), LOC_LEN_ERR);

	/* no region that a user has can be invalidated */
	REFUSED({
		wqe->wr.opcode = IBV_WR_LOCAL_INV;
		wqe->wr.ex.invalidate_rkey = liar.data_mr->rkey;
	}, MW_BIND_ERR);
	REFUSED({
		wqe->wr.opcode = IBV_WR_LOCAL_INV;
		wqe->wr.ex.invalidate_rkey = bystander.keys.rkey;
	}, MW_BIND_ERR);
	REFUSED({
		wqe->wr.opcode = IBV_WR_LOCAL_INV;
		wqe->wr.ex.invalidate_rkey = 0xffffff00;
	}, MW_BIND_ERR);
	close_liar();
}

static void wild_flags(void)
{
	static const uint32_t flags[] = { 0xffffffff & ~IBV_SEND_INLINE,
					  0x80000000, 0xffe0 };
	struct rxe_send_wqe *wqe;
	size_t i;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		wqe = good_write();
		wqe->wr.send_flags = flags[i];
		EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		EXPECT_STATUS(SUCCESS);
	}
	close_liar();
}

/* Keys that are right, but for somebody else. */
static void keys_of_others(void)
{
	struct bystander_keys *k = &bystander.keys;
	struct ibv_pd *pd;
	struct ibv_mr *mr;

	open_liar();
	pd = ibv_alloc_pd(liar.ctx);
	mr = ibv_reg_mr(pd, liar.data, DATA, ALL_ACCESS);
	if (!EXPECT(mr))
		return;
	REFUSED(wqe->dma.sge[0].lkey = mr->lkey, LOC_PROT_ERR);
	REFUSED(wqe->wr.wr.rdma.rkey = mr->rkey, REM_ACCESS_ERR);
	REFUSED({
		wqe->dma.sge[0].lkey = k->lkey;
		wqe->dma.sge[0].addr = k->addr;
	}, LOC_PROT_ERR);
	REFUSED({
		wqe->wr.wr.rdma.rkey = k->rkey;
		wqe->wr.wr.rdma.remote_addr = k->addr;
	}, REM_ACCESS_ERR);
	REFUSED({
		wqe->wr.opcode = IBV_WR_RDMA_READ;
		wqe->dma.sge[0].addr = (uintptr_t)liar.data;
		wqe->dma.sge[0].lkey = liar.data_mr->lkey;
		wqe->wr.wr.rdma.rkey = k->rkey;
		wqe->wr.wr.rdma.remote_addr = k->addr;
	}, REM_ACCESS_ERR);
	REFUSED(wqe->dma.sge[0].lkey = 0xffffff00, LOC_PROT_ERR);
	REFUSED(wqe->wr.wr.rdma.rkey = 0xffffff00, REM_ACCESS_ERR);
	/* a region that may not be written */
	REFUSED({
		wqe->wr.wr.rdma.rkey = liar.fixed_mr->rkey;
		wqe->wr.wr.rdma.remote_addr = (uintptr_t)liar.fixed;
	}, REM_ACCESS_ERR);
	REFUSED({
		wqe->wr.opcode = IBV_WR_RDMA_READ;
		wqe->wr.wr.rdma.remote_addr = (uintptr_t)liar.data;
	}, LOC_PROT_ERR);
	EXPECT_EQ(ibv_dereg_mr(mr), 0);
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
	close_liar();
}

/* Connecting to a QP does not make it agree. */
static void qp_of_others(void)
{
	open_liar();
	EXPECT_EQ(liar_qp_connect(&liar, &liar.qp, bystander.keys.qpn), 0);
	good_write()->wr.opcode = IBV_WR_SEND;
	EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
	EXPECT_STATUS(RETRY_EXC_ERR);
	EXPECT_EQ(liar_qp_connect(&liar, &liar.qp, bystander.keys.ud_qpn), 0);
	good_write()->wr.opcode = IBV_WR_SEND;
	EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
	EXPECT_STATUS(RETRY_EXC_ERR);
	EXPECT_EQ(liar_qp_connect(&liar, &liar.qp, 1), 0);
	good_write();
	EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
	EXPECT_STATUS(RETRY_EXC_ERR);
	EXPECT_USABLE();
	close_liar();
}

static void handles_of_others(void)
{
	uint32_t numbers[64], n = 0, qpn, i;
	struct rxe_send_wqe *wqe;
	struct ibv_pd *pd;
	struct raw_ah ah;

	liar_open(&liar, device_of(0), IBV_QPT_UD);
	qpn = liar.qp.raw.core.qpn;
	pd = ibv_alloc_pd(liar.ctx);
	EXPECT_EQ(raw_create_ah(liar.fd, pd->handle, liar.dev->gid.raw,
				liar.dev->gid_index, &ah), 0);
	numbers[n++] = ah.rxe.ah_num;
	numbers[n++] = bystander.keys.ah_num;
	numbers[n++] = 0;
	for (i = 0; i < ARRAY_SIZE(wild); i++)
		numbers[n++] = wild[i] + (wild[i] < 256 ? 100000 : 0);
	for (i = 0; i < n; i++) {
		wqe = good_write();
		wqe->wr.opcode = IBV_WR_SEND;
		wqe->wr.wr.ud.remote_qpn = qpn;
		wqe->wr.wr.ud.remote_qkey = QKEY;
		wqe->wr.wr.ud.ah_num = numbers[i];
		EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		EXPECT_STATUS(LOC_QP_OP_ERR);
		EXPECT_EQ(liar_qp_connect(&liar, &liar.qp, 0), 0);
	}
	EXPECT_EQ(raw_release(liar.fd, IB_USER_VERBS_CMD_DESTROY_AH,
			      ah.handle), 0);

	/* one of its own, until it is destroyed */
	EXPECT_EQ(raw_create_ah(liar.fd, liar.pd->handle, liar.dev->gid.raw,
				liar.dev->gid_index, &ah), 0);
	for (i = 0; i < 2; i++) {
		wqe = good_write();
		wqe->wr.opcode = IBV_WR_SEND;
		wqe->wr.wr.ud.remote_qpn = qpn;
		wqe->wr.wr.ud.remote_qkey = QKEY;
		wqe->wr.wr.ud.ah_num = ah.rxe.ah_num;
		EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		if (i)
			EXPECT_STATUS(LOC_QP_OP_ERR);
		else
			EXPECT_STATUS(SUCCESS);
		if (!i)
			EXPECT_EQ(raw_release(liar.fd,
					      IB_USER_VERBS_CMD_DESTROY_AH,
					      ah.handle), 0);
	}
	EXPECT_EQ(ibv_dealloc_pd(pd), 0);
	close_liar();
}

/* Post the receive that has been written, and send a message to it. */
static void send_to_receive(int line)
{
	memset(liar.data, 0x5a, DATA);
	liar_post_recv(&liar.qp);
	good_write()->wr.opcode = IBV_WR_SEND;
	expect(!liar_ring(&liar, &liar.qp), line, "no doorbell");
}

/* Receives are looked at when a message comes. */
#define RECV_REFUSED(change, status) do {				\
	struct rxe_recv_wqe *recv = good_recv();			\
									\
	change;								\
	send_to_receive(__LINE__);					\
	expect_pair_of_statuses(__LINE__, IBV_WC_##status);		\
	EXPECT(liar.data[0] == 0x5a);					\
	EXPECT_USABLE();						\
} while (0)

#define RECV_TAKEN(change) do {						\
	struct rxe_recv_wqe *recv = good_recv();			\
									\
	change;								\
	send_to_receive(__LINE__);					\
	EXPECT_STATUS(SUCCESS);						\
	EXPECT_STATUS(SUCCESS);						\
	EXPECT(!memcmp(liar.data, liar.fixed, 100));			\
	EXPECT(liar.data[100] == 0x5a);					\
} while (0)

/* The sender's completion and the receiver's, which is one QP, in any order. */
static void expect_pair_of_statuses(int line, int status)
{
	struct ib_uverbs_wc wc = { 0 };
	int i;

	for (i = 0; i < 2; i++) {
		if (!expect(liar_next_wc(&liar, SOON_MS, &wc), line,
			    "no completion"))
			return;
		if (wc.wr_id == 2)
			expect((int)wc.status == status, line,
			       "receive: '%s', not '%s'",
			       ibv_wc_status_str(wc.status),
			       ibv_wc_status_str(status));
		else
			expect(wc.status != IBV_WC_SUCCESS, line,
			       "the send succeeds");
	}
}

static void wild_receives(void)
{
	size_t i;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(wild); i++)
		RECV_REFUSED(recv->dma.num_sge = wild[i], LOC_QP_OP_ERR);
	RECV_REFUSED(recv->dma.num_sge = 0x10000001, LOC_QP_OP_ERR);
	RECV_REFUSED(recv->dma.sge[0].lkey = 0xffffff00, LOC_PROT_ERR);
	RECV_REFUSED(recv->dma.sge[0].lkey = bystander.keys.lkey, LOC_PROT_ERR);
	RECV_REFUSED(recv->dma.sge[0].lkey = liar.fixed_mr->lkey, LOC_PROT_ERR);
	RECV_REFUSED(recv->dma.sge[0].addr -= 1, LOC_PROT_ERR);
	RECV_REFUSED(recv->dma.sge[0].addr = UINT64_MAX - 20, LOC_PROT_ERR);
	RECV_REFUSED({
		recv->dma.sge[0].length = 50;
		recv->dma.num_sge = 2;
		recv->dma.sge[1] = recv->dma.sge[0];
		recv->dma.sge[1].lkey ^= 2;
	}, LOC_PROT_ERR);
	/* far too long, or with a sum of 8, but of what is used all is right */
	RECV_TAKEN(recv->dma.sge[0].length = 0xffffffff);
	RECV_TAKEN({
		recv->dma.num_sge = 4;
		recv->dma.sge[0].length = 0x40000002;
		for (i = 1; i < 4; i++)
			recv->dma.sge[i] = recv->dma.sge[0];
	});
	RECV_REFUSED({
		recv->dma.sge[0].length = 99;
		recv->dma.length = 0xffffffff;
	}, LOC_LEN_ERR);
	close_liar();
}

/* A region over the ring that the request is in: it writes over itself. */
static void region_over_a_ring(void)
{
	struct ring *rings[] = { &liar.qp.sq, &liar.qp.rq, &liar.cq };
	struct rxe_send_wqe *wqe;
	struct ibv_mr *mr;
	uint8_t secret[16];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rings); i++) {
		open_liar();
		errno = 0;
		mr = ibv_reg_mr(liar.pd, rings[i]->buf, rings[i]->len,
				ALL_ACCESS);
		/* that it is refused is as good */
		if (mr) {
			memset(liar.data, 0xff, DATA);
			wqe = good_write();
			wqe->dma.sge[0].addr = (uintptr_t)liar.data;
			wqe->dma.sge[0].lkey = liar.data_mr->lkey;
			wqe->dma.sge[0].length = rings[i]->len;
			wqe->wr.wr.rdma.remote_addr = (uintptr_t)rings[i]->buf;
			wqe->wr.wr.rdma.rkey = mr->rkey;
			liar_ring(&liar, &liar.qp);
			sleep_ms(20);
			EXPECT(liar_is_contained(&liar));
		}
		/* the region outlives the ring */
		EXPECT_EQ(liar_qp_close(&liar, &liar.qp), 0);
		ring_unmap(&liar.cq);
		EXPECT_EQ(raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_CQ,
				      liar.raw_cq.handle), 0);
		if (mr)
			EXPECT_EQ(ibv_dereg_mr(mr), 0);
		EXPECT_EQ(ibv_close_device(liar.ctx), 0);
		munmap(liar.memory, LIAR_PAGES * PAGE);
		EXPECT(bystander_is_well(&bystander, secret));
	}
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("rings that do not lie", truth),
	CASE_ONE_DEVICE("producer indices out of range", wild_producers),
	CASE_ONE_DEVICE("consumer indices out of range", wild_consumers),
	CASE_ONE_DEVICE("indices of a completion queue",
			wild_completion_indices),
	CASE_ONE_DEVICE("sizes in the rings' headers", wild_ring_sizes),
	CASE_ONE_DEVICE("numbers of ranges", wild_counts),
	CASE_ONE_DEVICE("lengths and addresses", wild_lengths),
	CASE_ONE_DEVICE("totals that are wrong", wrong_totals),
	CASE_ONE_DEVICE("lengths of inline data", wild_inline),
	CASE_ONE_DEVICE("opcodes", wild_opcodes),
	CASE_ONE_DEVICE("flags", wild_flags),
	CASE_ONE_DEVICE("keys of another PD and process", keys_of_others),
	CASE_ONE_DEVICE("a QP of another process", qp_of_others),
	CASE_ONE_DEVICE("address handles of another PD and process",
			handles_of_others),
	CASE_ONE_DEVICE("receives", wild_receives),
	CASE_ONE_DEVICE("a region over a ring", region_over_a_ring),
};

int main(int argc, char **argv)
{
	int status;

	if (argc > 1)
		bystander_start(&bystander, argv[1]);
	status = run_cases(cases, ARRAY_SIZE(cases), argc, argv);
	if (argc > 1)
		bystander_stop(&bystander);
	return status;
}
