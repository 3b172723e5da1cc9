// SPDX-License-Identifier: GPL-2.0
/*
 * Commands and mappings that lie, and processes that go at the wrong moment:
 * lengths, handles, responses, offsets, wrong orders, forks, closes.
 */
#include "badinput_common.h"

#include <fcntl.h>
#include <pthread.h>

static struct bystander bystander;
static struct liar liar;

static void open_liar(void)
{
	liar_open(&liar, device_of(0), IBV_QPT_RC);
}

/* It is none the worse: it still does what it did, and all can be closed. */
static void close_liar(void)
{
	uint32_t qpn = liar.qp.raw.core.qpn;
	struct ib_uverbs_wc wc = { 0 };
	struct rxe_send_wqe *wqe;
	uint8_t secret[16];

	while (liar_next_wc(&liar, 0, &wc))
		;
	EXPECT_EQ(liar_qp_connect(&liar, &liar.qp, qpn), 0);
	while (liar_next_wc(&liar, 0, &wc))
		;
	memset(liar.data, 0, DATA);
	wqe = liar_send(&liar.qp);
	wqe->wr.opcode = IBV_WR_RDMA_WRITE;
	wqe->wr.wr.rdma.remote_addr = (uintptr_t)liar.data;
	wqe->wr.wr.rdma.rkey = liar.data_mr->rkey;
	wqe->dma.num_sge = 1;
	wqe->dma.sge[0] = (struct rxe_sge) {
		(uintptr_t)liar.fixed, 200, liar.fixed_mr->lkey,
	};
	EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
	EXPECT(liar_next_wc(&liar, SOON_MS, &wc) &&
	       wc.status == IBV_WC_SUCCESS);
	EXPECT(!memcmp(liar.data, liar.fixed, 200));
	liar_close(&liar);
	EXPECT(bystander_is_well(&bystander, secret));
}

/*
 * A post_send command with requests inside: user space has its own in the
 * ring, and this is nobody's way.
 */
static void post_send_with_requests(void)
{
	struct ib_uverbs_post_send_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_post_send cmd;
		uint8_t rest[4096];
	} c;
	struct ib_uverbs_send_wr *wr = (void *)c.rest;
	struct ib_uverbs_sge *sge = (void *)(wr + 1);
	struct ib_uverbs_wc wc;
	uint32_t i;

	open_liar();
	memset(&c, 0, sizeof(c));
	c.cmd.response = (uintptr_t)&resp;
	c.cmd.qp_handle = liar.qp.raw.core.qp_handle;
	c.cmd.wr_count = 1;
	c.cmd.sge_count = 1;
	c.cmd.wqe_size = sizeof(*wr);
	wr->wr_id = 99;
	wr->num_sge = 1;
	wr->opcode = IBV_WR_RDMA_WRITE;
	wr->wr.rdma.remote_addr = (uintptr_t)liar.data;
	wr->wr.rdma.rkey = liar.data_mr->rkey;
	*sge = (struct ib_uverbs_sge) {
		(uintptr_t)liar.fixed, 100, liar.fixed_mr->lkey,
	};
	memset(liar.data, 0, DATA);
#define POST(len)	raw_write(liar.fd, IB_USER_VERBS_CMD_POST_SEND, &c, \
				  sizeof(c.hdr) + sizeof(c.cmd) + (len), \
				  sizeof(resp))
	EXPECT_ERRNO(POST(sizeof(*wr) + sizeof(*sge)), EINVAL);

	/* opcodes and numbers that are nonsense besides */
	for (i = 0; i < 40; i++) {
		wr->opcode = i;
		EXPECT_ERRNO(POST(sizeof(*wr) + sizeof(*sge)), EINVAL);
	}
	wr->opcode = IBV_WR_SEND;
	wr->num_sge = 0xffffffff;
	EXPECT_ERRNO(POST(sizeof(*wr) + sizeof(*sge)), EINVAL);
	wr->num_sge = 1;
	c.cmd.wr_count = 0xffffffff;
	EXPECT(POST(sizeof(*wr) + sizeof(*sge)));
	c.cmd.wr_count = 1;
	c.cmd.sge_count = 0xffffffff;
	EXPECT(POST(sizeof(*wr) + sizeof(*sge)));
	c.cmd.sge_count = 1;
	c.cmd.wqe_size = 0;
	EXPECT(POST(sizeof(*sge)));
	c.cmd.wqe_size = 0xffffffff;
	EXPECT(POST(sizeof(*wr) + sizeof(*sge)));
	c.cmd.wr_count = 0;
	c.cmd.sge_count = 0;
	EXPECT(POST(0));
	c.cmd.wqe_size = sizeof(*wr);
	c.cmd.qp_handle += 1000;
	EXPECT_ERRNO(POST(0), ENOENT);
	EXPECT(!liar_next_wc(&liar, A_WHILE_MS, &wc));
	EXPECT(!liar.data[0]);
	close_liar();
}

/* Commands for what this device does otherwise, or not at all. */
static void commands_not_there(void)
{
	static const uint32_t commands[] = {
		IB_USER_VERBS_CMD_POST_RECV, IB_USER_VERBS_CMD_POLL_CQ,
		IB_USER_VERBS_CMD_PEEK_CQ, IB_USER_VERBS_CMD_REG_SMR,
		IB_USER_VERBS_CMD_QUERY_MR, IB_USER_VERBS_CMD_MODIFY_AH,
		IB_USER_VERBS_CMD_BIND_MW, IB_USER_VERBS_CMD_OPEN_XRCD,
		IB_USER_VERBS_CMD_CREATE_XSRQ, 41, 49, 50, 57, 58, 63, 255,
		0x80000000, 0x80000003, 0x7fffffff, 0xffffffff,
	};
	uint64_t buf[64];
	size_t i, len;

	open_liar();
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		for (len = 8; len <= sizeof(buf); len += 24) {
			memset(buf, 0, sizeof(buf));
			EXPECT_F(raw_write(liar.fd, commands[i], buf, len, 0),
				 "command %u is there", commands[i]);
			memset(buf, 0xff, sizeof(buf));
			EXPECT_F(raw_write(liar.fd, commands[i], buf, len, 64),
				 "command %u is there", commands[i]);
		}
	}
	close_liar();
}

/* Each command cut short, with a header that says otherwise, and too long. */
static void wrong_lengths(void)
{
	uint64_t response[32];
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		uint64_t body[64];
	} c;
	uint32_t command, len;
	ssize_t n;

	open_liar();
	for (command = 1; command < 50; command++) {
		for (len = 0; len <= 160; len += 4) {
			memset(&c, 0, sizeof(c));
			c.hdr.command = command;
			c.hdr.out_words = sizeof(response) / 4;
			c.body[0] = (uintptr_t)response;

			/* the header says more, less, nothing */
			c.hdr.in_words = len / 4 + 1;
			n = write(liar.fd, &c, len);
			EXPECT_F(n < 0 || !len, "command %u", command);
			c.hdr.in_words = len / 4 - 1;
			n = write(liar.fd, &c, len);
			EXPECT_F(n < 0 || !len, "command %u", command);
			c.hdr.in_words = 0xffff;
			n = write(liar.fd, &c, len);
			EXPECT_F(n < 0 || !len, "command %u", command);
		}
		/* of the right length, without room for the answer */
		for (len = 8; len <= 160; len += 4) {
			memset(&c, 0, sizeof(c));
			c.body[0] = (uintptr_t)response;
			memset(&c.body[1], 0xff, sizeof(c) - 16);
			raw_write(liar.fd, command, &c, len, 0);
			raw_write(liar.fd, command, &c, len, 4);
		}
	}
	close_liar();
}

/* A response that cannot be written: the object is not made, or not kept. */
static void wild_responses(void)
{
	void *read_only = mmap(NULL, PAGE, PROT_READ,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *const wild[] = { NULL, (void *)8, read_only,
			       (void *)0xffffffff81000000,
			       (void *)0x8000000000000000,
			       (void *)0xfffffffffffffff8 };
	const struct raw_qp_attr attr = {
		.type = IBV_QPT_RC, .send_wr = 1, .recv_wr = 1,
	};
	struct raw_qp_attr good;
	size_t i;
	int j, err;

	open_liar();
	good = attr;
	good.pd = liar.pd->handle;
	good.cq = liar.raw_cq.handle;
	for (i = 0; i < ARRAY_SIZE(wild); i++) {
		for (j = 0; j < 50; j++) {
			struct {
				struct ib_uverbs_cmd_hdr hdr;
				struct ib_uverbs_create_cq cmd;
			} cq = { .cmd = { .response = (uintptr_t)wild[i],
					  .cqe = 10, .comp_channel = -1 } };
			struct {
				struct ib_uverbs_cmd_hdr hdr;
				struct ib_uverbs_create_qp cmd;
			} qp = { .cmd = {
				.response = (uintptr_t)wild[i],
				.pd_handle = good.pd,
				.send_cq_handle = good.cq,
				.recv_cq_handle = good.cq,
				.max_send_wr = 1, .max_recv_wr = 1,
				.qp_type = IBV_QPT_RC } };
			struct {
				struct ib_uverbs_cmd_hdr hdr;
				struct ib_uverbs_create_ah cmd;
			} ah = { .cmd = {
				.response = (uintptr_t)wild[i],
				.pd_handle = good.pd,
				.attr = { .is_global = 1, .port_num = 1 } } };

			ah.cmd.attr.grh.sgid_index = liar.dev->gid_index;
			memcpy(ah.cmd.attr.grh.dgid, liar.dev->gid.raw, 16);
			err = raw_write(liar.fd, IB_USER_VERBS_CMD_CREATE_CQ,
					&cq, sizeof(cq), sizeof(struct raw_cq));
			EXPECT_ERRNO(err, EFAULT);
			err = raw_write(liar.fd, IB_USER_VERBS_CMD_CREATE_QP,
					&qp, sizeof(qp), sizeof(struct raw_qp));
			EXPECT_ERRNO(err, EFAULT);
			err = raw_write(liar.fd, IB_USER_VERBS_CMD_CREATE_AH,
					&ah, sizeof(ah), sizeof(struct raw_ah));
			EXPECT_ERRNO(err, EFAULT);
		}
	}
	/* and one that has no room for the driver's part */
	{
		struct raw_cq resp;
		struct {
			struct ib_uverbs_cmd_hdr hdr;
			struct ib_uverbs_create_cq cmd;
		} cq = { .cmd = { .response = (uintptr_t)&resp, .cqe = 10,
				  .comp_channel = -1 } };

		for (i = 8; i < sizeof(resp); i += 4)
			EXPECT_F(raw_write(liar.fd, IB_USER_VERBS_CMD_CREATE_CQ,
					   &cq, sizeof(cq), i),
				 "a CQ with a response of %zu bytes", i);
	}
	munmap(read_only, PAGE);
	close_liar();
}

/* Handles of other kinds, of nobody, of the other process. */
static void wild_handles(void)
{
	static const uint32_t commands[] = {
		IB_USER_VERBS_CMD_DESTROY_CQ, IB_USER_VERBS_CMD_DESTROY_QP,
	};
	static const uint32_t releases[] = {
		IB_USER_VERBS_CMD_DEALLOC_PD, IB_USER_VERBS_CMD_DEREG_MR,
		IB_USER_VERBS_CMD_DESTROY_AH,
	};
	struct raw_qp_attr attr = {
		.type = IBV_QPT_RC, .send_wr = 1, .recv_wr = 1,
	};
	struct raw_qp qp;
	uint32_t i, handle;

	open_liar();
	for (handle = 100; handle != 0; handle = handle < 0xf0000000 ?
	     handle * 3 : handle >= 0xfffffffe ? handle + 1 : 0xfffffffe) {
		for (i = 0; i < ARRAY_SIZE(commands); i++)
			EXPECT(raw_destroy(liar.fd, commands[i], handle));
		for (i = 0; i < ARRAY_SIZE(releases); i++)
			EXPECT(raw_release(liar.fd, releases[i], handle));
		EXPECT(raw_doorbell(liar.fd, handle));
	}
	EXPECT(raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_QP,
			   liar.raw_cq.handle));
	EXPECT(raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_CQ,
			   liar.qp.raw.core.qp_handle));
	EXPECT(raw_release(liar.fd, IB_USER_VERBS_CMD_DEALLOC_PD,
			   liar.qp.raw.core.qp_handle));
	EXPECT(raw_doorbell(liar.fd, liar.raw_cq.handle));

	/* a QP made of things of the wrong kind */
	attr.pd = liar.raw_cq.handle;
	attr.cq = liar.raw_cq.handle;
	EXPECT(raw_create_qp(liar.fd, &attr, &qp));
	attr.pd = liar.pd->handle;
	attr.cq = liar.pd->handle;
	EXPECT(raw_create_qp(liar.fd, &attr, &qp));
	attr.cq = 12345;
	EXPECT(raw_create_qp(liar.fd, &attr, &qp));
	close_liar();
}

/* Used by others, not to be destroyed. */
static void wrong_order(void)
{
	open_liar();
	EXPECT_ERRNO(raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_CQ,
				 liar.raw_cq.handle), EBUSY);
	EXPECT_ERRNO(raw_release(liar.fd, IB_USER_VERBS_CMD_DEALLOC_PD,
				 liar.pd->handle), EBUSY);
	close_liar();
}

/* Sizes that make no sense: refused, and not by a warning of the kernel. */
static void silly_sizes(void)
{
	static const uint32_t sizes[] = { 0x7fff, 0x8000, 0xffff, 0x10000,
		0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
	uint32_t *fields[5], values[3] = { 0, 1, 0 };
	struct raw_qp_attr attr = { 0 };
	struct raw_qp qp;
	struct raw_cq cq;
	size_t i, j, k;
	int err;

	open_liar();
	fields[0] = &attr.send_wr;
	fields[1] = &attr.recv_wr;
	fields[2] = &attr.send_sge;
	fields[3] = &attr.recv_sge;
	fields[4] = &attr.inline_data;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		err = raw_create_cq(liar.fd, sizes[i], &cq);
		if (!err)
			EXPECT_EQ(raw_destroy(liar.fd,
					      IB_USER_VERBS_CMD_DESTROY_CQ,
					      cq.handle), 0);
		else
			EXPECT_ERRNO(err, EINVAL);
		values[2] = sizes[i];
		/* every field of these values, with every other */
		for (j = 0; j < 243; j++) {
			size_t rest = j;

			for (k = 0; k < 5; k++, rest /= 3)
				*fields[k] = values[rest % 3];
			attr.pd = liar.pd->handle;
			attr.cq = liar.raw_cq.handle;
			attr.type = IBV_QPT_RC;
			err = raw_create_qp(liar.fd, &attr, &qp);
			if (!err)
				EXPECT_EQ(raw_destroy(liar.fd,
						IB_USER_VERBS_CMD_DESTROY_QP,
						qp.core.qp_handle), 0);
			else
				EXPECT_ERRNO(err, EINVAL);
		}
	}
	for (i = 0; i < 256; i++) {
		attr = (struct raw_qp_attr) {
			.pd = liar.pd->handle, .cq = liar.raw_cq.handle,
			.send_wr = 1, .recv_wr = 1, .type = i,
		};
		err = raw_create_qp(liar.fd, &attr, &qp);
		if (i == IBV_QPT_RC || i == IBV_QPT_UC || i == IBV_QPT_UD)
			EXPECT_EQ(err, 0);
		else
			EXPECT_F(err, "a QP of type %zu", i);
		if (!err)
			EXPECT_EQ(raw_destroy(liar.fd,
					      IB_USER_VERBS_CMD_DESTROY_QP,
					      qp.core.qp_handle), 0);
	}
	close_liar();
}

static void *map_at(int fd, size_t len, uint64_t offset, int prot, int flags)
{
	void *p = mmap(NULL, len, prot, flags, fd, offset);

	return p == MAP_FAILED ? NULL : p;
}

static void wild_mappings(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	struct liar other;
	struct mminfo *mi;
	uint64_t offset;
	void *p;

	open_liar();
	mi = &liar.qp.raw.rxe.sq_mi;
#define NO_MAP(fd, len, offset, prot, flags) \
	EXPECT(!map_at(fd, len, offset, prot, flags))
	NO_MAP(liar.fd, mi->size + PAGE, mi->offset, rw, MAP_SHARED);
	NO_MAP(liar.fd, 1ul << 30, mi->offset, rw, MAP_SHARED);
	NO_MAP(liar.fd, mi->size, mi->offset, rw, MAP_PRIVATE);
	NO_MAP(liar.fd, mi->size, mi->offset, PROT_READ, MAP_PRIVATE);
	for (offset = 1ul << 20; offset; offset <<= 1)
		NO_MAP(liar.fd, PAGE, offset, rw, MAP_SHARED);
	NO_MAP(liar.fd, PAGE, -PAGE, rw, MAP_SHARED);
	if (mi->size > PAGE) {
		NO_MAP(liar.fd, mi->size - PAGE, mi->offset, rw, MAP_SHARED);
		NO_MAP(liar.fd, mi->size - PAGE, mi->offset + PAGE, rw,
		       MAP_SHARED);
		NO_MAP(liar.fd, PAGE, mi->offset + PAGE, rw, MAP_SHARED);
	}

	/* a ring of another context, whose offset is likely the same */
	liar_open(&other, device_of(0), IBV_QPT_RC);
	other.qp.sq.buf->pad_1[0] = 0x600df00d;
	p = map_at(liar.fd, mi->size, other.qp.raw.rxe.sq_mi.offset, rw,
		   MAP_SHARED);
	if (p) {
		EXPECT(((struct rxe_queue_buf *)p)->pad_1[0] != 0x600df00d);
		munmap(p, mi->size);
	}
	liar_close(&other);

	/* twice is all right, and it is the same */
	p = map_at(liar.fd, mi->size, mi->offset, rw, MAP_SHARED);
	if (EXPECT(p)) {
		liar.qp.sq.buf->pad_1[1] = 0x1234;
		EXPECT_EQ(((struct rxe_queue_buf *)p)->pad_1[1], 0x1234);
		EXPECT(mremap(p, mi->size, mi->size + PAGE,
			      MREMAP_MAYMOVE) == MAP_FAILED);
		munmap(p, mi->size);
	}
	close_liar();
}

/* What is mapped stays, for those who use it after its end; what is gone is
 * not mapped again.
 */
static void mapped_after_the_end(void)
{
	struct mminfo mi[3];
	struct ring *rings[3];
	size_t i, j;

	open_liar();
	rings[0] = &liar.qp.sq;
	rings[1] = &liar.qp.rq;
	rings[2] = &liar.cq;
	mi[0] = liar.qp.raw.rxe.sq_mi;
	mi[1] = liar.qp.raw.rxe.rq_mi;
	mi[2] = liar.raw_cq.rxe.mi;
	EXPECT_EQ(raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_QP,
			      liar.qp.raw.core.qp_handle), 0);
	EXPECT_EQ(raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_CQ,
			      liar.raw_cq.handle), 0);
	for (i = 0; i < 3; i++) {
		EXPECT(!map_at(liar.fd, mi[i].size, mi[i].offset,
			       PROT_READ | PROT_WRITE, MAP_SHARED));
		for (j = 0; j < rings[i]->len; j += 64)
			((uint8_t *)rings[i]->buf)[j] = 0xcc;
	}
	EXPECT_EQ(ibv_close_device(liar.ctx), 0);
	for (i = 0; i < 3; i++) {
		for (j = 0; j < rings[i]->len; j += 64)
			EXPECT(((uint8_t *)rings[i]->buf)[j] == 0xcc);
		ring_unmap(rings[i]);
	}
	EXPECT(liar_is_contained(&liar));
	munmap(liar.memory, LIAR_PAGES * PAGE);
}

/* Good requests without end, until a doorbell fails. */
static volatile bool stop;
static volatile unsigned int posted;

static void *traffic(void *arg)
{
	struct ib_uverbs_wc wc;
	struct rxe_send_wqe *wqe;

	while (!stop) {
		wqe = liar_send(&liar.qp);
		wqe->wr.opcode = IBV_WR_RDMA_WRITE;
		wqe->wr.wr.rdma.remote_addr = (uintptr_t)liar.data;
		wqe->wr.wr.rdma.rkey = liar.data_mr->rkey;
		wqe->dma.num_sge = 1;
		wqe->dma.sge[0] = (struct rxe_sge) {
			(uintptr_t)liar.data + 4, DATA - 4,
			liar.data_mr->lkey,
		};
		if (liar_ring(&liar, &liar.qp))
			break;
		liar_next_wc(&liar, 0, &wc);
		posted++;
	}
	return arg;
}

static void start_traffic(pthread_t *thread)
{
	uint64_t end = now_ms() + SOON_MS;

	stop = false;
	posted = 0;
	if (pthread_create(thread, NULL, traffic, NULL))
		bail("no thread");
	while (posted < 10 && now_ms() < end)
		usleep(1000);
	EXPECT(posted >= 10);
}

/* The device is closed, as far as it goes, while another thread uses it. */
static void close_in_traffic(void)
{
	pthread_t thread;
	uint8_t secret[16];
	int i, null;

	for (i = 0; i < 10; i++) {
		open_liar();
		start_traffic(&thread);
		/* the number stays taken: the file is what goes */
		null = open("/dev/null", O_WRONLY);
		EXPECT_EQ(dup2(null, liar.fd), liar.fd);
		close(null);
		stop = true;
		pthread_join(thread, NULL);
		EXPECT(liar_is_contained(&liar));
		ring_unmap(&liar.qp.sq);
		ring_unmap(&liar.qp.rq);
		ring_unmap(&liar.cq);
		close(liar.fd);
		munmap(liar.memory, LIAR_PAGES * PAGE);
		/* the library's part of the context is lost, as intended */
	}
	EXPECT(bystander_is_well(&bystander, secret));
}

/*
 * The last reference to the file goes while the device copies: no ring is
 * mapped any more, and the copy is a long one.
 */
static void close_in_copy(void)
{
	const size_t len = 48ul << 20;
	struct rxe_send_wqe *wqe;
	uint8_t secret[16];
	struct ibv_mr *mr;
	uint8_t *p;
	int i, j;

	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		 -1, 0);
	EXPECT(p != MAP_FAILED);
	for (i = 0; i < 6; i++) {
		open_liar();
		/* an ordinary user may not pin so much */
		mr = ibv_reg_mr(liar.pd, p, len, ALL_ACCESS);
		for (j = 0; mr && j < 4; j++) {
			wqe = liar_send(&liar.qp);
			wqe->wr.opcode = IBV_WR_RDMA_WRITE;
			wqe->wr.wr.rdma.remote_addr = (uintptr_t)p;
			wqe->wr.wr.rdma.rkey = mr->rkey;
			wqe->dma.num_sge = 1;
			wqe->dma.sge[0] = (struct rxe_sge) {
				(uintptr_t)p, len, mr->lkey,
			};
			EXPECT_EQ(liar_ring(&liar, &liar.qp), 0);
		}
		ring_unmap(&liar.qp.sq);
		ring_unmap(&liar.qp.rq);
		ring_unmap(&liar.cq);
		usleep(i * 1000);
		EXPECT_EQ(ibv_close_device(liar.ctx), 0);
		EXPECT(liar_is_contained(&liar));
		munmap(liar.memory, LIAR_PAGES * PAGE);
	}
	munmap(p, len);
	EXPECT(bystander_is_well(&bystander, secret));
}

/* While a doorbell holds the QP it cannot be destroyed, so ask again. */
static int destroy_busy_qp(void)
{
	uint64_t end = now_ms() + SOON_MS;
	int err;

	do
		err = raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_QP,
				  liar.qp.raw.core.qp_handle);
	while (err == EBUSY && now_ms() < end);
	return err;
}

/* Objects go in any order while a thread uses them. */
static void destroy_in_traffic(void)
{
	pthread_t thread;
	int i;

	for (i = 0; i < 10; i++) {
		open_liar();
		start_traffic(&thread);
		if (i % 3 == 0) {
			EXPECT_EQ(ibv_dereg_mr(liar.data_mr), 0);
			sleep_ms(5);
			liar.data_mr = ibv_reg_mr(liar.pd, liar.data, DATA,
						  ALL_ACCESS);
		} else if (i % 3 == 1) {
			EXPECT_EQ(liar_qp_connect(&liar, &liar.qp, 5), 0);
		} else {
			EXPECT_EQ(destroy_busy_qp(), 0);
		}
		stop = true;
		pthread_join(thread, NULL);
		if (i % 3 == 2) {
			ring_unmap(&liar.qp.sq);
			ring_unmap(&liar.qp.rq);
			EXPECT_EQ(liar_qp_open(&liar, &liar.qp, IBV_QPT_RC),
				  0);
		}
		close_liar();
	}
}

/* The rings' pages go while they are used: the kernel has its own mapping. */
static void unmap_in_traffic(void)
{
	pid_t child;
	int i, status;

	for (i = 0; i < 5; i++) {
		fflush(stdout);
		child = fork();
		if (!child) {
			pthread_t thread;

			/* the thread will fault, and the process with it */
			open_liar();
			start_traffic(&thread);
			ring_unmap(i % 2 ? &liar.qp.sq : &liar.cq);
			sleep_ms(500);
			_exit(0);
		}
		EXPECT_EQ(waitpid(child, &status, 0), child);
		EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
}

/* Killed at any moment of its traffic. */
static void killed_in_traffic(void)
{
	uint8_t secret[16];
	pid_t child;
	int i;

	for (i = 0; i < 10; i++) {
		fflush(stdout);
		child = fork();
		if (!child) {
			pthread_t thread;

			open_liar();
			start_traffic(&thread);
			pthread_join(thread, NULL);
			_exit(0);
		}
		sleep_ms(50 + 7 * i);
		kill(child, SIGKILL);
		EXPECT_EQ(waitpid(child, NULL, 0), child);
	}
	EXPECT(bystander_is_well(&bystander, secret));
}

/* A child has the rings and the file, too, and uses them beside the parent's traffic,
 * and again when the parent is through with them. Two that write one ring can make
 * the CQ overflow, which is their own loss.
 */
static void forked(void)
{
	int to_child[2], from_child[2], status;
	uint8_t secret[16];
	pthread_t thread;
	pid_t child;
	char c;
	int i;

	open_liar();
	start_traffic(&thread);
	if (pipe(to_child) || pipe(from_child))
		bail("pipe");
	child = fork();
	if (!child) {
		for (i = 0; i < 100; i++) {
			liar_send(&liar.qp)->wr.opcode = i;
			liar_ring(&liar, &liar.qp);
		}
		close(from_child[1]);
		close(to_child[1]);
		if (read(to_child[0], &c, 1))
			_exit(1);
		/* the parent has destroyed it all and closed its file */
		for (i = 0; i < 100; i++) {
			liar_send(&liar.qp)->wr.opcode = i;
			liar_ring(&liar, &liar.qp);
		}
		memset(liar.cq.buf, 0xff, liar.cq.len);
		_exit(0);
	}
	close(from_child[1]);
	EXPECT_EQ(read(from_child[0], &c, 1), 0);
	close(from_child[0]);
	stop = true;
	pthread_join(thread, NULL);
	liar_close(&liar);
	close(to_child[0]);
	close(to_child[1]);
	EXPECT_EQ(waitpid(child, &status, 0), child);
	EXPECT_EQ(status, 0);
	EXPECT(bystander_is_well(&bystander, secret));
	open_liar();
	close_liar();
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("post_send with requests in it",
			post_send_with_requests),
	CASE_ONE_DEVICE("commands that do not exist", commands_not_there),
	CASE_ONE_DEVICE("commands of wrong lengths", wrong_lengths),
	CASE_ONE_DEVICE("responses that cannot be written", wild_responses),
	CASE_ONE_DEVICE("handles of others and of nobody", wild_handles),
	CASE_ONE_DEVICE("what is in use is not destroyed", wrong_order),
	CASE_ONE_DEVICE("silly sizes", silly_sizes),
	CASE_ONE_DEVICE("mappings that are not there", wild_mappings),
	CASE_ONE_DEVICE("mappings that outlive their rings",
			mapped_after_the_end),
	CASE_ONE_DEVICE("the file is closed in full traffic",
			close_in_traffic),
	CASE_ONE_DEVICE("the file is closed during a copy", close_in_copy),
	CASE_ONE_DEVICE("objects are destroyed in full traffic",
			destroy_in_traffic),
	CASE_ONE_DEVICE("rings are unmapped in full traffic",
			unmap_in_traffic),
	CASE_ONE_DEVICE("killed in full traffic", killed_in_traffic),
	CASE_ONE_DEVICE("a child with the same rings", forked),
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
