// SPDX-License-Identifier: GPL-2.0
/*
 * Messages over a connection whose data is compared: all operations and sizes,
 * scattered ranges, inline data, full queues. What arrives around the message
 * is compared, too.
 */
#include "verbs_common.h"

#define MiB	(1ul << 20)
#define LARGE	(64 * MiB)

static struct ibv_send_wr rdma_wr(struct end *peer, size_t offset,
				  enum ibv_wr_opcode opcode,
				  struct ibv_sge *sge, int n)
{
	return (struct ibv_send_wr) {
		.opcode = opcode,
		.sg_list = sge,
		.num_sge = n,
		.imm_data = htonl(0x12345678),
		.wr.rdma.remote_addr = (uintptr_t)peer->buf + offset,
		.wr.rdma.rkey = peer->mr->rkey,
	};
}

/* One message of @len bytes from @from to @to, whose bytes were @seed's. */
static void transfer(struct pair *p, enum ibv_wr_opcode opcode, size_t from,
		     size_t to, uint32_t len, unsigned int seed)
{
	bool read = opcode == IBV_WR_RDMA_READ;
	struct end *source = read ? &p->b : &p->a;
	struct end *target = read ? &p->a : &p->b;
	struct ibv_sge local = sge_of(&p->a, read ? to : from, len);
	struct ibv_sge in = sge_of(&p->b, to, len);
	struct ibv_send_wr wr = rdma_wr(&p->b, read ? from : to, opcode,
					&local, 1);
	struct ibv_wc wc;
	uint8_t before[2], *end = target->buf + to + len;

	fill(source->buf + from, len, seed);
	memset(target->buf + to, 0, len);
	before[0] = to ? target->buf[to - 1] : 0;
	before[1] = to + len < target->opt.size ? *end : 0;

	if (opcode == IBV_WR_SEND || opcode == IBV_WR_SEND_WITH_IMM)
		EXPECT_EQ(post_recv(&p->b, 8, &in), 0);
	if (opcode == IBV_WR_RDMA_WRITE_WITH_IMM)
		EXPECT_EQ(post_recv(&p->b, 8, NULL), 0);
	wr.wr_id = 9;
	EXPECT_EQ(post_wr(&p->a, &wr), 0);
	EXPECT_WC_AS(p->a.scq, 9, SUCCESS, &wc);
	EXPECT_EQ(wc.opcode, read ? IBV_WC_RDMA_READ :
		  opcode == IBV_WR_SEND || opcode == IBV_WR_SEND_WITH_IMM ?
		  IBV_WC_SEND : IBV_WC_RDMA_WRITE);

	if (!read && opcode != IBV_WR_RDMA_WRITE) {
		EXPECT_WC_AS(p->b.rcq, 8, SUCCESS, &wc);
		EXPECT_EQ(wc.byte_len, len);
		EXPECT_EQ(wc.opcode, opcode == IBV_WR_RDMA_WRITE_WITH_IMM ?
			  IBV_WC_RECV_RDMA_WITH_IMM : IBV_WC_RECV);
		EXPECT_EQ(!!(wc.wc_flags & IBV_WC_WITH_IMM),
			  opcode != IBV_WR_SEND);
		if (opcode != IBV_WR_SEND)
			EXPECT_EQ(wc.imm_data, htonl(0x12345678));
	}
	EXPECT_F(is_filled(target->buf + to, len, seed),
		 "opcode %d, %u bytes: the data differs", opcode, len);
	EXPECT(!to || target->buf[to - 1] == before[0]);
	EXPECT(to + len == target->opt.size || *end == before[1]);
}

static const enum ibv_wr_opcode all_opcodes[] = {
	IBV_WR_SEND, IBV_WR_SEND_WITH_IMM, IBV_WR_RDMA_WRITE,
	IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_RDMA_READ,
};

/* Around powers of two, at offsets that fit no alignment. */
static void sizes(void)
{
	static const uint32_t lengths[] = {
		1, 7, 8, 9, 63, 64, 255, 256, 1023, 1024, 1025, 2048, 4095,
		4096, 4097, 8191, 8192, 12289, 65535, 65536, 65537,
		1000003,
	};
	struct options opt = usual;
	struct pair p;
	size_t i, j;

	opt.size = 2 * MiB;
	pair_open(&p, &opt);
	for (i = 0; i < ARRAY_SIZE(all_opcodes); i++)
		for (j = 0; j < ARRAY_SIZE(lengths); j++)
			transfer(&p, all_opcodes[i], 3 * j + 1, 4095 - j,
				 lengths[j], i * 100 + j);
	pair_close(&p);
}

static void large(void)
{
	struct options opt = usual;
	struct pair p;
	size_t i;

	opt.size = LARGE;
	pair_open(&p, &opt);
	for (i = 0; i < ARRAY_SIZE(all_opcodes); i++)
		transfer(&p, all_opcodes[i], 0, 0, LARGE, i);
	transfer(&p, IBV_WR_SEND, 1, 4094, LARGE - 5000, 10);
	transfer(&p, IBV_WR_RDMA_READ, 4095, 1, LARGE - 5001, 11);
	pair_close(&p);
}

/* Each end cuts the message at other places; some ranges are empty. */
static void scattered(enum ibv_wr_opcode opcode)
{
	enum { N = 32, STEP = 1000 };
	struct options opt = usual;
	struct ibv_recv_wr *bad, recv = { .wr_id = 1, .num_sge = N };
	struct ibv_sge out[N], in[N];
	uint8_t *flat, *got;
	uint32_t len = 0, room = 0;
	struct ibv_send_wr wr;
	struct pair p;
	int i;

	opt.send_sge = N;
	opt.recv_sge = N;
	pair_open(&p, &opt);
	flat = calloc(1, N * STEP);
	got = calloc(1, N * STEP);
	for (i = 0; i < N; i++) {
		out[i] = sge_of(&p.a, i * STEP + i,
				i % 5 == 2 ? 0 : 100 + 7 * i);
		memcpy(flat + len, p.a.buf + i * STEP + i, out[i].length);
		len += out[i].length;
		in[N - 1 - i] = sge_of(&p.b, i * STEP + 3,
				       i % 7 == 3 ? 0 : 50 + 11 * i);
	}
	for (i = 0; i < N; i++)
		room += in[i].length;
	EXPECT(room >= len);

	recv.sg_list = in;
	wr = rdma_wr(&p.b, 77, opcode, out, N);
	if (opcode == IBV_WR_SEND)
		EXPECT_EQ(ibv_post_recv(p.b.qp, &recv, &bad), 0);
	if (opcode == IBV_WR_RDMA_READ)
		fill(p.b.buf, p.b.opt.size, 5);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 0, SUCCESS);

	if (opcode == IBV_WR_SEND) {
		EXPECT_WC(p.b.rcq, 1, SUCCESS);
		for (i = 0, room = 0; i < N; i++) {
			memcpy(got + room, p.b.buf + (N - 1 - i) * STEP + 3,
			       in[i].length);
			room += in[i].length;
		}
		EXPECT(!memcmp(got, flat, len));
	} else if (opcode == IBV_WR_RDMA_WRITE) {
		EXPECT(!memcmp(p.b.buf + 77, flat, len));
	} else {
		for (i = 0, len = 0; i < N; i++) {
			EXPECT(!memcmp(p.a.buf + i * STEP + i,
				       p.b.buf + 77 + len, out[i].length));
			len += out[i].length;
		}
	}
	free(flat);
	free(got);
	pair_close(&p);
}

static void all_ranges(void)
{
	EXPECT_EQ(device_of(0)->attr.max_sge, 32);
	scattered(IBV_WR_SEND);
	scattered(IBV_WR_RDMA_WRITE);
	scattered(IBV_WR_RDMA_READ);
}


static void one_range_too_many(void)
{
	struct ibv_recv_wr *bad_recv, recv = { .num_sge = 5 };
	struct ibv_send_wr wr;
	struct ibv_sge sge[5];
	struct pair p;
	int i;

	pair_open(&p, &usual);
	for (i = 0; i < 5; i++)
		sge[i] = sge_of(&p.a, i, 1);
	wr = rdma_wr(&p.b, 0, IBV_WR_RDMA_WRITE, sge, 5);
	EXPECT_ERRNO(post_wr(&p.a, &wr), EINVAL);
	recv.sg_list = sge;
	EXPECT_ERRNO(ibv_post_recv(p.a.qp, &recv, &bad_recv), EINVAL);
	EXPECT_NO_WC(p.a.scq);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

/* All of the small ones, some of the others, and the largest. */
static uint32_t next_length(uint32_t len, uint32_t max)
{
	if (len < 16 || len == max)
		return len + 1;
	return len + 61 < max ? len + 61 : max;
}

/* Inline data is taken at once: the buffer may change and needs no region. */
static void inline_data(void)
{
	struct options opt = usual;
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_sge sge[3], in;
	struct ibv_send_wr wr;
	uint8_t data[1024], want[1024];
	uint32_t len, max;
	struct pair p;

	opt.inline_data = 512;
	opt.send_sge = 32;
	pair_open(&p, &opt);
	EXPECT_EQ(ibv_query_qp(p.a.qp, &attr, IBV_QP_CAP, &init), 0);
	max = init.cap.max_inline_data;
	EXPECT(max >= 512 && max < sizeof(data));

	for (len = 0; len <= max; len = next_length(len, max)) {
		uint32_t first = len / 3;

		fill(data, sizeof(data), len);
		memcpy(want, data, sizeof(want));
		sge[0] = (struct ibv_sge) { (uintptr_t)data, first, 0 };
		sge[1] = (struct ibv_sge) { (uintptr_t)data + 5000, 0, 12345 };
		sge[2] = (struct ibv_sge) { (uintptr_t)data + first,
					    len - first, 0xffffffff };
		wr = rdma_wr(&p.b, 100, len % 2 ? IBV_WR_SEND :
						  IBV_WR_RDMA_WRITE, sge, 3);
		wr.wr_id = len;
		wr.send_flags = IBV_SEND_INLINE;
		fill(p.b.buf, p.b.opt.size, 2);
		in = sge_of(&p.b, 100, 1000);
		if (len % 2 == 0) {
			EXPECT_EQ(post_wr(&p.a, &wr), 0);
			memset(data, 0xee, sizeof(data));
		} else {
			/* it waits in the queue until there is a receive */
			EXPECT_EQ(post_wr(&p.a, &wr), 0);
			memset(data, 0xee, sizeof(data));
			EXPECT_EQ(post_recv(&p.b, 1, &in), 0);
			EXPECT_WC(p.b.rcq, 1, SUCCESS);
		}
		EXPECT_WC(p.a.scq, len, SUCCESS);
		EXPECT_F(!memcmp(p.b.buf + 100, want, len),
			 "%u bytes inline: the data differs", len);
		fill(want, sizeof(want), 2);
		EXPECT(!memcmp(p.b.buf, want, 100));
	}

	sge[0] = (struct ibv_sge) { (uintptr_t)data, max + 1, 0 };
	wr = rdma_wr(&p.b, 0, IBV_WR_RDMA_WRITE, sge, 1);
	wr.send_flags = IBV_SEND_INLINE;
	EXPECT_ERRNO(post_wr(&p.a, &wr), EINVAL);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

/* There is nothing to read into. */
static void inline_read(void)
{
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	struct pair p;

	pair_open(&p, &usual);
	sge = sge_of(&p.a, 0, 16);
	wr = rdma_wr(&p.b, 0, IBV_WR_RDMA_READ, &sge, 1);
	wr.send_flags = IBV_SEND_INLINE;
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 0, LOC_QP_OP_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT(is_filled(p.a.buf, p.a.opt.size, 1));
	pair_close(&p);
}

static void unsignalled(void)
{
	struct options opt = usual;
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	struct pair p;
	int i;

	opt.signal_all = 0;
	pair_open(&p, &opt);
	sge = sge_of(&p.a, 0, 50);
	for (i = 0; i < 100; i++) {
		wr = rdma_wr(&p.b, 0, IBV_WR_RDMA_WRITE, &sge, 1);
		wr.wr_id = i;
		if (i % 10 == 9)
			wr.send_flags = IBV_SEND_SIGNALED;
		EXPECT_EQ(post_wr(&p.a, &wr), 0);
		if (i % 10 == 9)
			EXPECT_WC(p.a.scq, i, SUCCESS);
	}
	EXPECT_NO_WC(p.a.scq);
	pair_close(&p);
}

static void full_queues(void)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_sge in, out;
	struct pair p;
	int i, sends, recvs;

	pair_open(&p, &usual);
	EXPECT_EQ(ibv_query_qp(p.a.qp, &attr, IBV_QP_CAP, &init), 0);
	in = sge_of(&p.b, 0, 100);
	out = sge_of(&p.a, 0, 100);

	/* no receive, so they wait */
	for (sends = 0; sends < 1000; sends++)
		if (post_send(&p.a, sends, IBV_WR_SEND, &out, 0))
			break;
	EXPECT_ERRNO(post_send(&p.a, sends, IBV_WR_SEND, &out, 0), ENOMEM);
	EXPECT_EQ(sends, init.cap.max_send_wr);
	for (i = 0; i < sends; i++) {
		EXPECT_EQ(post_recv(&p.b, i, &in), 0);
		EXPECT_WC(p.b.rcq, i, SUCCESS);
		EXPECT_WC(p.a.scq, i, SUCCESS);
	}
	EXPECT_NO_WC(p.b.rcq);

	for (recvs = 0; recvs < 1000; recvs++)
		if (post_recv(&p.b, recvs, &in))
			break;
	EXPECT_ERRNO(post_recv(&p.b, recvs, &in), ENOMEM);
	EXPECT_EQ(recvs, init.cap.max_recv_wr);
	for (i = 0; i < recvs; i++) {
		EXPECT_EQ(post_send(&p.a, i, IBV_WR_SEND, &out, 0), 0);
		EXPECT_WC(p.a.scq, i, SUCCESS);
		EXPECT_WC(p.b.rcq, i, SUCCESS);
	}
	EXPECT_WORKS(&p);
	pair_close(&p);
}

/* A list of requests: those before the bad one are posted. */
static void list_with_a_bad_one(void)
{
	struct ibv_send_wr wr[3], *bad = NULL;
	struct ibv_sge sge[5];
	struct pair p;
	int i;

	pair_open(&p, &usual);
	for (i = 0; i < 5; i++)
		sge[i] = sge_of(&p.a, 0, 10);
	for (i = 0; i < 3; i++) {
		wr[i] = rdma_wr(&p.b, 10 * i, IBV_WR_RDMA_WRITE, sge,
				i == 1 ? 5 : 1);
		wr[i].wr_id = i;
		wr[i].next = i < 2 ? &wr[i + 1] : NULL;
	}
	EXPECT_ERRNO(ibv_post_send(p.a.qp, wr, &bad), EINVAL);
	EXPECT(bad == &wr[1]);
	EXPECT_WC(p.a.scq, 0, SUCCESS);
	EXPECT_NO_WC(p.a.scq);
	EXPECT_WORKS(&p);
	pair_close(&p);
}

/* What a fence is for: the read has arrived before the send goes out. */
static void fence(void)
{
	struct ibv_sge back, in;
	struct ibv_send_wr wr[2];
	struct pair p;
	int i;

	pair_open(&p, &usual);
	for (i = 0; i < 50; i++) {
		fill(p.b.buf, 20000, 300 + i);
		memset(p.a.buf, 0, 20000);
		memset(p.b.buf + 30000, 0, 20000);
		in = sge_of(&p.b, 30000, 20000);
		back = sge_of(&p.a, 0, 20000);
		wr[0] = rdma_wr(&p.b, 0, IBV_WR_RDMA_READ, &back, 1);
		wr[0].next = &wr[1];
		wr[1] = rdma_wr(&p.b, 0, IBV_WR_SEND, &back, 1);
		wr[1].send_flags = IBV_SEND_FENCE;
		wr[1].wr_id = 1;
		EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
		EXPECT_EQ(post_wr(&p.a, wr), 0);
		EXPECT_WC(p.a.scq, 0, SUCCESS);
		EXPECT_WC(p.a.scq, 1, SUCCESS);
		EXPECT_WC(p.b.rcq, 2, SUCCESS);
		EXPECT(is_filled(p.b.buf + 30000, 20000, 300 + i));
	}
	pair_close(&p);
}

/* A QP that is its own peer. */
static void itself(void)
{
	struct ibv_sge in, out;
	struct end end;
	int i;

	end_open(&end, device_of(0), &usual);
	end_connect(&end, &end);
	for (i = 0; i < 100; i++) {
		in = sge_of(&end, 30000, 1000);
		out = sge_of(&end, 0, 1000);
		fill(end.buf, 1000, i);
		EXPECT_EQ(post_recv(&end, 2 * i, &in), 0);
		EXPECT_EQ(post_send(&end, 2 * i + 1, IBV_WR_SEND, &out, 0), 0);
		EXPECT_WC(end.rcq, 2 * i, SUCCESS);
		EXPECT_WC(end.scq, 2 * i + 1, SUCCESS);
		EXPECT(is_filled(end.buf + 30000, 1000, i));
	}
	EXPECT_EQ(post_rdma(&end, 1, IBV_WR_RDMA_READ, &out,
			    (uintptr_t)end.buf + 30000, end.mr->rkey), 0);
	EXPECT_WC(end.scq, 1, SUCCESS);
	EXPECT_EQ(to_state(end.qp, IBV_QPS_ERR), 0);
	end_close(&end);
}

/* Two regions over the same memory, and a message onto its own source. */
static void overlapping(void)
{
	struct ibv_sge sge;
	struct ibv_mr *mr;
	struct end end;

	end_open(&end, device_of(0), &usual);
	end_connect(&end, &end);
	mr = ibv_reg_mr(end.pd, end.buf + 5000, 10000, ALL_ACCESS);
	if (EXPECT(mr)) {
		EXPECT(mr->lkey != end.mr->lkey);
		sge = sge_of(&end, 5000, 10000);
		EXPECT_EQ(post_rdma(&end, 1, IBV_WR_RDMA_WRITE, &sge,
				    (uintptr_t)end.buf + 5000, mr->rkey), 0);
		EXPECT_WC(end.scq, 1, SUCCESS);
		EXPECT(is_filled(end.buf, end.opt.size, 1));
		/* the one goes, the other stays */
		EXPECT_EQ(ibv_dereg_mr(mr), 0);
		EXPECT_EQ(post_rdma(&end, 2, IBV_WR_RDMA_WRITE, &sge,
				    (uintptr_t)end.buf + 5000, end.mr->rkey),
			  0);
		EXPECT_WC(end.scq, 2, SUCCESS);
	}
	end_close(&end);
}

/* In both directions at once, in order, more than the queues hold. */
static void both_directions(void)
{
	enum { N = 500, LEN = 900 };
	struct ibv_sge sge;
	struct end *end;
	struct ibv_wc wc;
	struct pair p;
	int sent[2] = { 0 }, done[2] = { 0 }, posted[2] = { 0 }, got[2] = { 0 };
	uint64_t limit = now_ms() + 30000;
	int i;

	pair_open(&p, &usual);
	while (got[0] < N || got[1] < N || done[0] < N || done[1] < N) {
		if (!EXPECT(now_ms() < limit))
			break;
		for (i = 0; i < 2; i++) {
			end = i ? &p.b : &p.a;
			sge = sge_of(end, 30000 + LEN * (posted[i] % 16), LEN);
			if (posted[i] - got[i] < 16 && posted[i] < N &&
			    !post_recv(end, posted[i], &sge))
				posted[i]++;
			sge = sge_of(end, LEN * (sent[i] % 16), LEN);
			if (sent[i] - done[i] < 16 && sent[i] < N) {
				fill(end->buf + LEN * (sent[i] % 16), LEN,
				     10000 * i + sent[i]);
				EXPECT_EQ(post_send(end, sent[i], IBV_WR_SEND,
						    &sge, 0), 0);
				sent[i]++;
			}
			if (next_wc(end->scq, 0, &wc)) {
				EXPECT_EQ(wc.wr_id, done[i]);
				EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
				done[i]++;
			}
			if (next_wc(end->rcq, 0, &wc)) {
				EXPECT_EQ(wc.wr_id, got[i]);
				EXPECT_EQ(wc.status, IBV_WC_SUCCESS);
				EXPECT(is_filled(end->buf + 30000 +
						 LEN * (got[i] % 16), LEN,
						 10000 * !i + got[i]));
				got[i]++;
			}
		}
	}
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE("1 byte to 1 MB, unaligned", sizes),
	CASE("64 MiB", large),
	CASE("as many ranges as possible", all_ranges),
	CASE("one range too many", one_range_too_many),
	CASE("inline data", inline_data),
	CASE("inline data for a read", inline_read),
	CASE("unsignalled requests", unsignalled),
	CASE("full queues", full_queues),
	CASE("a list with a bad request", list_with_a_bad_one),
	CASE("a fenced send after a read", fence),
	CASE_ONE_DEVICE("a QP that is its own peer", itself),
	CASE_ONE_DEVICE("overlapping regions", overlapping),
	CASE("both directions at once", both_directions),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
