// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams: what arrives and with which header, what is dropped without a
 * word, and the error state that the send queue alone gets into.
 * (IBTA vol. 1, 9.8.3 and 10.3; annex A17 for the header.)
 */
#include "verbs_common.h"

#include <netinet/ip.h>
#include <netinet/ip6.h>

#define GRH	40

static struct options ud_options(void)
{
	struct options opt = usual;

	opt.type = IBV_QPT_UD;
	return opt;
}

static void open_both(struct pair *p)
{
	struct options opt = ud_options();

	pair_open(p, &opt);
}

static struct ibv_ah_attr ah_attr_to(const struct end *end,
				     const struct end *peer)
{
	return (struct ibv_ah_attr) {
		.is_global = 1,
		.port_num = 1,
		.grh = {
			.dgid = peer->dev->gid,
			.sgid_index = end->dev->gid_index,
			.hop_limit = 1,
			.traffic_class = 0x5c,
		},
	};
}

static struct ibv_ah *ah_to(struct end *end, const struct end *peer)
{
	struct ibv_ah_attr attr = ah_attr_to(end, peer);
	struct ibv_ah *ah = ibv_create_ah(end->pd, &attr);

	if (!ah)
		bail("no AH");
	return ah;
}

static struct ibv_send_wr ud_wr(struct ibv_ah *ah, uint32_t qpn,
				struct ibv_sge *sge)
{
	return (struct ibv_send_wr) {
		.wr_id = 1,
		.opcode = IBV_WR_SEND,
		.sg_list = sge,
		.num_sge = !!sge,
		.imm_data = htonl(0xabcdef01),
		.wr.ud = { .ah = ah, .remote_qpn = qpn, .remote_qkey = QKEY },
	};
}

/* A datagram that arrives, of @len bytes of @seed. */
static void expect_arrives(int line, struct pair *p, struct ibv_ah *ah,
			   uint32_t len, unsigned int seed)
{
	struct ibv_sge out = sge_of(&p->a, 0, len);
	struct ibv_sge in = sge_of(&p->b, 1000, GRH + len);
	struct ibv_send_wr wr = ud_wr(ah, p->b.qp->qp_num, &out);
	struct ibv_wc wc;

	fill(p->a.buf, len, seed);
	expect(!post_recv(&p->b, 2, &in), line, "post_recv");
	expect(!post_wr(&p->a, &wr), line, "post_send");
	expect_wc(line, p->a.scq, 1, IBV_WC_SUCCESS, NULL);
	if (!expect_wc(line, p->b.rcq, 2, IBV_WC_SUCCESS, &wc))
		return;
	expect(wc.byte_len == GRH + len, line, "%u bytes", wc.byte_len);
	expect(wc.wc_flags & IBV_WC_GRH, line, "no GRH");
	expect(wc.src_qp == p->a.qp->qp_num, line, "from QP %u", wc.src_qp);
	expect(wc.qp_num == p->b.qp->qp_num, line, "at QP %u", wc.qp_num);
	expect(is_filled(p->b.buf + 1000 + GRH, len, seed), line,
	       "%u bytes: the data differs", len);
}

#define EXPECT_ARRIVES(p, ah, len, seed) \
	expect_arrives(__LINE__, p, ah, len, seed)

/* The sender is content, and nothing arrives. */
static void expect_dropped(int line, struct pair *p, struct ibv_send_wr *wr)
{
	expect(!post_wr(&p->a, wr), line, "post_send");
	expect_wc(line, p->a.scq, wr->wr_id, IBV_WC_SUCCESS, NULL);
	expect_no_wc(line, p->b.rcq, A_WHILE_MS);
	EXPECT(is_filled(p->b.buf, p->b.opt.size, 2));
	EXPECT_STATE(&p->a, RTS);
	EXPECT_STATE(&p->b, RTS);
}

#define EXPECT_DROPPED(p, wr)	expect_dropped(__LINE__, p, wr)

static uint32_t port_mtu(struct device *dev)
{
	struct ibv_port_attr port;

	if (ibv_query_port(dev->ctx, 1, &port))
		bail("query_port");
	return 128 << port.active_mtu;
}

static void all_sizes(void)
{
	struct ibv_ah *ah;
	uint32_t len, mtu;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	mtu = port_mtu(p.a.dev);
	for (len = 0; len < 20; len++)
		EXPECT_ARRIVES(&p, ah, len, len);
	for (len = mtu - 5; len <= mtu; len++)
		EXPECT_ARRIVES(&p, ah, len, len);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* The sum of a header's 16-bit words is all ones if its checksum is right. */
static uint16_t ones_sum(const void *data, size_t len)
{
	const uint8_t *byte = data;
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < len; i += 2)
		sum += byte[i] << 8 | byte[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void ipv4_header(void)
{
	struct ibv_ah *ah;
	struct iphdr ip;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	EXPECT_ARRIVES(&p, ah, 100, 3);
	memcpy(&ip, p.b.buf + 1000 + 20, sizeof(ip));
	EXPECT_EQ(ip.version, 4);
	EXPECT_EQ(ip.ihl, 5);
	EXPECT_EQ(ip.protocol, IPPROTO_UDP);
	EXPECT_EQ(ip.ttl, 64);	/* the core puts the route's into an AH */
	EXPECT_EQ(ip.tos, 0x5c);
	/* IP, UDP, BTH, DETH, the data, ICRC */
	EXPECT_EQ(ntohs(ip.tot_len), 20 + 8 + 12 + 8 + 100 + 4);
	EXPECT_EQ(ones_sum(&ip, sizeof(ip)), 0xffff);
	EXPECT(!memcmp(&ip.saddr, p.a.dev->gid.raw + 12, 4));
	EXPECT(!memcmp(&ip.daddr, p.b.dev->gid.raw + 12, 4));
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

static bool find_ipv6_gid(struct device *dev, union ibv_gid *gid, int *index)
{
	struct ibv_gid_entry entries[64];
	ssize_t n, i;

	n = ibv_query_gid_table(dev->ctx, entries, ARRAY_SIZE(entries), 0);
	for (i = 0; i < n; i++) {
		if (entries[i].gid_type != IBV_GID_TYPE_ROCE_V2 ||
		    entries[i].gid.raw[0] != 0xfd)
			continue;
		*gid = entries[i].gid;
		*index = entries[i].gid_index;
		return true;
	}
	return false;
}

static void ipv6_header(void)
{
	union ibv_gid from, to;
	struct ibv_ah_attr attr;
	struct ibv_ah *ah;
	struct ip6_hdr ip;
	int index, ignored;
	struct pair p;

	open_both(&p);
	attr = ah_attr_to(&p.a, &p.b);
	if (!EXPECT(find_ipv6_gid(p.a.dev, &from, &index)) ||
	    !EXPECT(find_ipv6_gid(p.b.dev, &to, &ignored)))
		return;
	attr.grh.sgid_index = index;
	attr.grh.dgid = to;
	attr.grh.flow_label = 0x54321;
	ah = ibv_create_ah(p.a.pd, &attr);
	if (!EXPECT(ah))
		return;
	EXPECT_ARRIVES(&p, ah, 100, 3);
	memcpy(&ip, p.b.buf + 1000, sizeof(ip));
	EXPECT_EQ(ntohl(ip.ip6_flow), 6u << 28 | 0x5c << 20 | 0x54321);
	EXPECT_EQ(ip.ip6_hlim, 64);
	EXPECT(!memcmp(&ip.ip6_src, &from, 16));
	EXPECT(!memcmp(&ip.ip6_dst, &to, 16));
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* With the header of a datagram one can answer it. */
static void answer(void)
{
	struct ibv_sge in, out;
	struct ibv_send_wr wr;
	struct ibv_ah *ah, *back;
	struct ibv_wc wc;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	in = sge_of(&p.b, 0, 500);
	out = sge_of(&p.a, 0, 50);
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 2, SUCCESS, &wc);
	back = ibv_create_ah_from_wc(p.b.pd, &wc, (struct ibv_grh *)p.b.buf, 1);
	if (EXPECT(back)) {
		in = sge_of(&p.a, 1000, 500);
		out = sge_of(&p.b, 1000, 50);
		wr = ud_wr(back, wc.src_qp, &out);
		EXPECT_EQ(post_recv(&p.a, 3, &in), 0);
		EXPECT_EQ(post_wr(&p.b, &wr), 0);
		EXPECT_WC(p.b.scq, 1, SUCCESS);
		EXPECT_WC(p.a.rcq, 3, SUCCESS);
		EXPECT_EQ(ibv_destroy_ah(back), 0);
	}
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

static void immediate(void)
{
	struct ibv_sge in, out;
	struct ibv_send_wr wr;
	struct ibv_ah *ah;
	struct ibv_wc wc;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	in = sge_of(&p.b, 0, 500);
	out = sge_of(&p.a, 0, 50);
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	wr.opcode = IBV_WR_SEND_WITH_IMM;
	wr.send_flags = IBV_SEND_INLINE;
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC_AS(p.b.rcq, 2, SUCCESS, &wc);
	EXPECT(wc.wc_flags & IBV_WC_WITH_IMM);
	EXPECT_EQ(wc.imm_data, htonl(0xabcdef01));
	EXPECT(is_filled(p.b.buf + GRH, 48, 1));
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

static void dropped(void)
{
	struct ibv_send_wr wr;
	struct ibv_sge in, out;
	struct options opt;
	struct ibv_ah *ah;
	struct end rc;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	out = sge_of(&p.a, 0, 100);
	in = sge_of(&p.b, 0, GRH + 100);

	/* no receive */
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	EXPECT_DROPPED(&p, &wr);
	EXPECT_EQ(post_recv(&p.b, 50, &in), 0);
	sleep_ms(A_WHILE_MS);
	EXPECT_NO_WC(p.b.rcq);		/* it is not delivered later */

	/* another Q_Key; no such QP; the QP of the connection manager */
	wr.wr.ud.remote_qkey = QKEY + 1;
	EXPECT_DROPPED(&p, &wr);
	wr = ud_wr(ah, 0xfffff0, &out);
	EXPECT_DROPPED(&p, &wr);
	wr = ud_wr(ah, 0, &out);
	EXPECT_DROPPED(&p, &wr);
	wr = ud_wr(ah, 1, &out);
	EXPECT_DROPPED(&p, &wr);

	/* a QP of another type */
	opt = usual;
	end_open(&rc, device_of(1), &opt);
	end_connect(&rc, &rc);
	in = sge_of(&rc, 0, 500);
	EXPECT_EQ(post_recv(&rc, 60, &in), 0);
	wr = ud_wr(ah, rc.qp->qp_num, &out);
	EXPECT_DROPPED(&p, &wr);
	EXPECT_NO_WC(rc.rcq);
	EXPECT_EQ(to_state(rc.qp, IBV_QPS_ERR), 0);
	end_close(&rc);

	/* the receive from above is still there */
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 50, SUCCESS);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* A Q_Key with its top bit set stands for the sending QP's own. */
static void own_qkey(void)
{
	struct ibv_sge in, out;
	struct ibv_send_wr wr;
	struct ibv_ah *ah;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	in = sge_of(&p.b, 0, 500);
	out = sge_of(&p.a, 0, 50);
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	wr.wr.ud.remote_qkey = 0x80000000;
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, SUCCESS);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* The receive is too small for it or its header: hardware drops or fails it,
 * and here it is dropped. The receive stays.
 */
static void does_not_fit(void)
{
	struct ibv_sge in, out;
	struct ibv_send_wr wr;
	struct ibv_ah *ah;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	in = sge_of(&p.b, 0, GRH + 99);
	out = sge_of(&p.a, 0, 100);
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	EXPECT_DROPPED(&p, &wr);
	out.length = 99;
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, SUCCESS);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* The QP is in error on its sending side only, and comes back. */
static void sqe_and_back(struct ibv_sge *bad, enum ibv_wc_status status,
			 struct pair *p, struct ibv_ah *ah, int line)
{
	struct ibv_sge good = sge_of(&p->a, 0, 10), in = sge_of(&p->a, 0, 500);
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RTS,
				    .cur_qp_state = IBV_QPS_SQE };
	struct ibv_sge room = sge_of(&p->b, 1000, GRH + 200);
	struct ibv_send_wr wr[3];
	struct ibv_ah *back;
	int i;

	expect(!post_recv(&p->b, 2, &room), line, "post_recv");
	for (i = 0; i < 3; i++) {
		wr[i] = ud_wr(ah, p->b.qp->qp_num, i ? &good : bad);
		wr[i].wr_id = 100 + i;
		wr[i].next = i < 2 ? &wr[i + 1] : NULL;
	}
	expect(!post_wr(&p->a, wr), line, "post_send");
	expect_wc(line, p->a.scq, 100, status, NULL);
	expect_wc(line, p->a.scq, 101, IBV_WC_WR_FLUSH_ERR, NULL);
	expect_wc(line, p->a.scq, 102, IBV_WC_WR_FLUSH_ERR, NULL);
	EXPECT_STATE(&p->a, SQE);
	EXPECT_NO_WC(p->b.rcq);

	/* it goes on to receive */
	back = ah_to(&p->b, &p->a);
	EXPECT_EQ(post_recv(&p->a, 5, &in), 0);
	good = sge_of(&p->b, 0, 10);
	wr[0] = ud_wr(back, p->a.qp->qp_num, &good);
	EXPECT_EQ(post_wr(&p->b, wr), 0);
	EXPECT_WC(p->b.scq, 1, SUCCESS);
	EXPECT_WC(p->a.rcq, 5, SUCCESS);
	EXPECT_EQ(ibv_destroy_ah(back), 0);

	EXPECT_EQ(ibv_modify_qp(p->a.qp, &attr, IBV_QP_STATE |
				IBV_QP_CUR_STATE), 0);
	EXPECT_STATE(&p->a, RTS);
	EXPECT_NO_WC(p->a.scq);
	EXPECT_ARRIVES(p, ah, 200, 9);
}

static void local_errors(void)
{
	struct ibv_sge bad;
	struct ibv_ah *ah;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	bad = sge_of(&p.a, 0, 100);
	bad.lkey ^= 1;
	sqe_and_back(&bad, IBV_WC_LOC_PROT_ERR, &p, ah, __LINE__);
	bad = sge_of(&p.a, p.a.opt.size - 99, 100);
	sqe_and_back(&bad, IBV_WC_LOC_PROT_ERR, &p, ah, __LINE__);
	bad = sge_of(&p.a, 0, 100);
	bad.lkey = 0xffffff00;
	sqe_and_back(&bad, IBV_WC_LOC_PROT_ERR, &p, ah, __LINE__);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* Bad local memory is found whether or not somebody takes the datagram. */
static void local_error_to_nobody(void)
{
	struct ibv_send_wr wr;
	struct ibv_sge bad;
	struct ibv_ah *ah;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	bad = sge_of(&p.a, 0, 100);
	bad.lkey ^= 1;
	wr = ud_wr(ah, p.b.qp->qp_num, &bad);	/* no receive */
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, LOC_PROT_ERR);
	EXPECT_STATE(&p.a, SQE);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
	wr = ud_wr(ah, 0xfffff0, &bad);		/* no such QP */
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, LOC_PROT_ERR);
	EXPECT_STATE(&p.a, SQE);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* C10-93.1.1: longer than the port's MTU, no packet goes out. */
static void too_long(void)
{
	struct ibv_sge in, bad;
	struct ibv_ah *ah;
	uint32_t mtu;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	mtu = port_mtu(p.a.dev);
	in = sge_of(&p.b, 0, 60000);
	bad = sge_of(&p.a, 0, mtu + 1);
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	{
		struct ibv_send_wr wr = ud_wr(ah, p.b.qp->qp_num, &bad);

		EXPECT_EQ(post_wr(&p.a, &wr), 0);
	}
	EXPECT_WC(p.a.scq, 1, LOC_LEN_ERR);
	EXPECT_STATE(&p.a, SQE);
	EXPECT_NO_WC(p.b.rcq);
	EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* Only what is written counts. */
static void receive_ends_behind(void)
{
	struct ibv_send_wr wr;
	struct ibv_sge out, in;
	struct ibv_ah *ah;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	in = sge_of(&p.b, p.b.opt.size - GRH - 100, GRH + 200);
	out = sge_of(&p.a, 0, 100);
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	fill(p.a.buf, 100, 40);
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, SUCCESS);
	EXPECT(is_filled(p.b.buf + p.b.opt.size - 100, 100, 40));
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* The receiver's own fault is the receiver's own error. */
static void bad_receive(void)
{
	struct ibv_sge in, out;
	struct ibv_send_wr wr;
	struct ibv_ah *ah;
	struct pair p;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	out = sge_of(&p.a, 0, 100);
	in = sge_of(&p.b, 0, 500);
	in.lkey ^= 1;
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	EXPECT_EQ(post_recv(&p.b, 3, &in), 0);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 2, LOC_PROT_ERR);
	EXPECT_WC(p.b.rcq, 3, WR_FLUSH_ERR);
	EXPECT_STATE(&p.b, ERR);
	EXPECT_STATE(&p.a, RTS);
	EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* Operations that only a connection has. */
static void wrong_operations(void)
{
	static const enum ibv_wr_opcode opcodes[] = {
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM,
		IBV_WR_RDMA_READ, IBV_WR_SEND_WITH_INV, IBV_WR_LOCAL_INV,
		IBV_WR_ATOMIC_FETCH_AND_ADD,
	};
	struct ibv_send_wr wr;
	struct ibv_sge sge;
	struct ibv_ah *ah;
	struct pair p;
	size_t i;

	open_both(&p);
	ah = ah_to(&p.a, &p.b);
	sge = sge_of(&p.a, 0, 8);
	for (i = 0; i < ARRAY_SIZE(opcodes); i++) {
		wr = ud_wr(ah, p.b.qp->qp_num, &sge);
		wr.opcode = opcodes[i];
		/* librxe reads an AH for every operation of such a QP */
		EXPECT_EQ(post_wr(&p.a, &wr), 0);
		EXPECT_WC(p.a.scq, 1, LOC_QP_OP_ERR);
		EXPECT_STATE(&p.a, SQE);
		EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
	}
	EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

/* An address handle is of its PD, and gone when it is destroyed. */
static void handle_of_others(void)
{
	struct options opt = ud_options();
	struct ibv_sge in, out;
	struct ibv_send_wr wr;
	struct ibv_ah *ah;
	struct pair p;
	struct end other;

	open_both(&p);
	end_open(&other, device_of(0), &opt);
	end_connect(&other, &p.b);
	ah = ah_to(&other, &p.b);
	out = sge_of(&p.a, 0, 100);
	in = sge_of(&p.b, 0, 500);
	EXPECT_EQ(post_recv(&p.b, 2, &in), 0);
	wr = ud_wr(ah, p.b.qp->qp_num, &out);
	EXPECT_EQ(post_wr(&p.a, &wr), 0);
	EXPECT_WC(p.a.scq, 1, LOC_QP_OP_ERR);
	EXPECT_STATE(&p.a, SQE);
	EXPECT_NO_WC(p.b.rcq);
	EXPECT(is_filled(p.b.buf, p.b.opt.size, 2));
	EXPECT_EQ(ibv_destroy_ah(ah), 0);
	end_close(&other);
	pair_close(&p);
}

static void bad_handles(void)
{
	struct ibv_ah_attr attr;
	struct pair p;

#define NO_AH(change, error) do {					\
	attr = ah_attr_to(&p.a, &p.b);					\
	change;								\
	errno = 0;							\
	EXPECT(!ibv_create_ah(p.a.pd, &attr));				\
	EXPECT_ERRNO(errno, error);					\
} while (0)
	open_both(&p);
	NO_AH(attr.port_num = 0, EINVAL);
	NO_AH(attr.port_num = 2, EINVAL);
	NO_AH(attr.grh.dgid.raw[15] = 99, EHOSTUNREACH);
	pair_close(&p);
}

/* Many senders to one receiver, none of whose datagrams is mixed up. */
static void many_to_one(void)
{
	enum { SENDERS = 6, EACH = 40, LEN = 700 };
	struct options opt = ud_options();
	struct ibv_sge in, out;
	struct end senders[SENDERS];
	struct ibv_send_wr wr;
	struct ibv_ah *ah[SENDERS];
	struct ibv_wc wc;
	struct pair p;
	int i, j, k;

	open_both(&p);
	for (i = 0; i < SENDERS; i++) {
		end_open(&senders[i], device_of(0), &opt);
		end_connect(&senders[i], &p.b);
		ah[i] = ah_to(&senders[i], &p.b);
		fill(senders[i].buf, LEN, i);
	}
	for (j = 0; j < EACH; j++) {
		for (i = 0; i < SENDERS; i++) {
			in = sge_of(&p.b, 2000 * i, GRH + LEN);
			EXPECT_EQ(post_recv(&p.b, i, &in), 0);
		}
		for (i = 0; i < SENDERS; i++) {
			k = (i * 5 + j) % SENDERS;
			out = sge_of(&senders[k], 0, LEN);
			wr = ud_wr(ah[k], p.b.qp->qp_num, &out);
			EXPECT_EQ(post_wr(&senders[k], &wr), 0);
		}
		for (i = 0; i < SENDERS; i++) {
			EXPECT_WC(senders[i].scq, 1, SUCCESS);
			EXPECT_WC_AS(p.b.rcq, i, SUCCESS, &wc);
			for (k = 0; k < SENDERS; k++)
				if (wc.src_qp == senders[k].qp->qp_num)
					break;
			EXPECT(k < SENDERS &&
			       is_filled(p.b.buf + 2000 * i + GRH, LEN, k));
		}
	}
	for (i = 0; i < SENDERS; i++) {
		EXPECT_EQ(ibv_destroy_ah(ah[i]), 0);
		end_close(&senders[i]);
	}
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE("datagrams of all sizes", all_sizes),
	CASE("the header for IPv4", ipv4_header),
	CASE("the header for IPv6", ipv6_header),
	CASE("a datagram is answered", answer),
	CASE("immediate and inline data", immediate),
	CASE("what nobody takes is dropped", dropped),
	CASE("the sender's own Q_Key", own_qkey),
	CASE("a receive that is too small", does_not_fit),
	CASE("local errors, SQE and back", local_errors),
	CASE("a local error with nobody listening", local_error_to_nobody),
	CASE("a datagram that is too long", too_long),
	CASE("a receive that ends behind its region", receive_ends_behind),
	CASE("a bad receive", bad_receive),
	CASE("operations that datagrams do not have", wrong_operations),
	CASE("an address handle of another PD", handle_of_others),
	CASE("address handles that cannot be", bad_handles),
	CASE("many senders", many_to_one),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
