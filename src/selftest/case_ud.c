// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: UD with address handles. A receive has room for the GRH in front, and
 * what cannot be delivered is dropped without the sender's knowing.
 */
#include <linux/ip.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <rdma/ib_addr.h>
#include <rdma/ib_cache.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_GRH	sizeof(struct ib_grh)

struct st_ud {
	struct st_pair *p;
	struct ib_ah *ah;
	struct st_buf *src;
	struct st_buf *dst;
	u32 mtu;
};

static int st_ud_open(struct st_test *t, struct st_ud *u, bool peer)
{
	struct st_opts o = { .type = IB_QPT_UD, .peer = peer };

	u->p = st_pair_open(t, &o);
	if (!u->p)
		return -EBADE;
	u->mtu = ib_mtu_enum_to_int(min(u->p->a.mtu, u->p->b.mtu));
	u->ah = st_create_ah(&u->p->a, &u->p->b);
	u->src = st_buf_new(&u->p->a, u->mtu + 1, 3, DMA_TO_DEVICE);
	u->dst = st_buf_new(&u->p->b, u->mtu + ST_GRH + 1, 9, DMA_FROM_DEVICE);
	if (!u->ah || !u->src || !u->dst)
		return -EBADE;
	st_buf_fill(u->src, ++t->seed);
	return 0;
}

static int st_ud_send(struct st_end *from, u64 id, struct ib_sge *sge, int nr,
		      struct ib_ah *ah, u32 qpn, u32 qkey)
{
	struct ib_ud_wr wr = {
		.wr = {
			.wr_id = id,
			.opcode = IB_WR_SEND,
			.sg_list = sge,
			.num_sge = nr,
			.send_flags = IB_SEND_SIGNALED,
		},
		.ah = ah,
		.remote_qpn = qpn,
		.remote_qkey = qkey,
	};

	return st_post_wr(from, &wr.wr);
}

static int st_ud_send_len(struct st_ud *u, u32 len, struct ib_wc *wc)
{
	struct ib_sge sge = st_sge(u->src, 0, len);
	struct st_pair *p = u->p;

	st_buf_fill(u->src, ++p->a.t->seed);
	st_buf_poison(u->dst, ST_POISON);
	if (st_recv_buf(&p->b, 1, u->dst, u->dst->len) ||
	    st_ud_send(&p->a, 2, &sge, 1, u->ah, p->b.qp->qp_num, ST_QKEY) ||
	    st_want_sent(&p->a, 2, IB_WC_SEND) ||
	    st_want_received(&p->b, 1, len + ST_GRH, wc) ||
	    st_buf_want_at(u->dst, ST_GRH, len, p->a.t->seed, 0))
		return -EBADE;
	return st_buf_want_poison(u->dst, ST_POISON, ST_GRH + len);
}

static int st_ud_sizes(struct st_test *t, bool peer)
{
	static const u32 lens[] = { 0, 1, 2, 3, 4, 63, 255, 1000 };
	unsigned int i;
	struct st_ud u;

	if (st_ud_open(t, &u, peer))
		return -EBADE;
	for (i = 0; i < ARRAY_SIZE(lens); i++)
		if (lens[i] < u.mtu && st_ud_send_len(&u, lens[i], NULL))
			return -EBADE;
	if (st_ud_send_len(&u, u.mtu - 1, NULL))
		return -EBADE;
	return st_ud_send_len(&u, u.mtu, NULL);
}

static int case_ud_sizes(struct st_test *t)
{
	return st_ud_sizes(t, false);
}

static int case_ud_two_devices(struct st_test *t)
{
	return st_ud_sizes(t, true);
}

/* The addresses in the GRH that the receiver finds in front of its data. */
static int case_ud_grh(struct st_test *t)
{
	union ib_gid sgid, dgid;
	struct st_ud u;
	struct ib_wc wc;
	int version;

	if (st_ud_open(t, &u, false) || st_ud_send_len(&u, 100, &wc))
		return -EBADE;
	if (!(wc.wc_flags & IB_WC_GRH) || wc.src_qp != u.p->a.qp->qp_num)
		return st_fail(t, "flags %#x, source QP %#x", wc.wc_flags,
			       wc.src_qp);
	version = ib_get_rdma_header_version((void *)u.dst->data);
	if (ib_get_gids_from_rdma_hdr((void *)u.dst->data, version == 4 ?
				      RDMA_NETWORK_IPV4 : RDMA_NETWORK_IPV6,
				      &sgid, &dgid))
		return st_fail(t, "header of version %d", version);
	if (memcmp(&sgid, &u.p->a.gid->gid, sizeof(sgid)) ||
	    memcmp(&dgid, &u.p->b.gid->gid, sizeof(dgid)))
		return st_fail(t, "header of %pI6 to %pI6", &sgid, &dgid);
	return 0;
}

/* Answers with an address that is made from the completion, as the CM does. */
static int case_ud_reply(struct st_test *t)
{
	struct st_buf *out, *in;
	struct ib_sge sge;
	struct st_ud u;
	struct ib_ah *ah;
	struct ib_wc wc;

	if (st_ud_open(t, &u, false) || st_ud_send_len(&u, 64, &wc))
		return -EBADE;
	out = st_buf_new(&u.p->b, 500, 0, DMA_TO_DEVICE);
	in = st_buf_new(&u.p->a, 500 + ST_GRH, 0, DMA_FROM_DEVICE);
	if (!out || !in)
		return -EBADE;
	ah = ib_create_ah_from_wc(u.p->b.pd, &wc, (void *)u.dst->data,
				  u.p->b.port);
	if (IS_ERR(ah))
		return st_fail(t, "create_ah_from_wc: %ld", PTR_ERR(ah));
	u.p->b.ahs[u.p->b.nr_ahs++] = ah;

	st_buf_fill(out, ++t->seed);
	sge = st_sge(out, 0, 500);
	if (st_recv_buf(&u.p->a, 1, in, in->len) ||
	    st_ud_send(&u.p->b, 2, &sge, 1, ah, wc.src_qp, ST_QKEY) ||
	    st_want_sent(&u.p->b, 2, IB_WC_SEND) ||
	    st_want_received(&u.p->a, 1, in->len, NULL))
		return -EBADE;
	return st_buf_want_at(in, ST_GRH, 500, t->seed, 0);
}

static int case_ud_imm(struct st_test *t)
{
	struct ib_ud_wr wr = {
		.wr = {
			.wr_id = 2,
			.opcode = IB_WR_SEND_WITH_IMM,
			.num_sge = 1,
			.send_flags = IB_SEND_SIGNALED,
			.ex.imm_data = cpu_to_be32(0x600dbeef),
		},
		.remote_qkey = ST_QKEY,
	};
	struct ib_sge sge;
	struct st_ud u;
	struct ib_wc wc;

	if (st_ud_open(t, &u, false))
		return -EBADE;
	sge = st_sge(u.src, 0, 200);
	wr.wr.sg_list = &sge;
	wr.ah = u.ah;
	wr.remote_qpn = u.p->b.qp->qp_num;
	st_buf_fill(u.src, ++t->seed);
	if (st_recv_buf(&u.p->b, 1, u.dst, u.dst->len) ||
	    st_post_wr(&u.p->a, &wr.wr) ||
	    st_want_sent(&u.p->a, 2, IB_WC_SEND) ||
	    st_want_received(&u.p->b, 1, 200 + ST_GRH, &wc))
		return -EBADE;
	if (!(wc.wc_flags & IB_WC_WITH_IMM) ||
	    wc.ex.imm_data != wr.wr.ex.imm_data)
		return st_fail(t, "flags %#x imm %#x", wc.wc_flags,
			       be32_to_cpu(wc.ex.imm_data));
	return st_buf_want_at(u.dst, ST_GRH, 200, t->seed, 0);
}

/* Header and data into elements of their own. */
static int case_ud_split(struct st_test *t)
{
	struct ib_sge from[3], to[3];
	struct st_ud u;

	if (st_ud_open(t, &u, false))
		return -EBADE;
	from[0] = st_sge(u.src, 0, 10);
	from[1] = st_sge(u.src, 10, 1);
	from[2] = st_sge(u.src, 11, 189);
	to[0] = st_sge(u.dst, 0, ST_GRH);
	to[1] = st_sge(u.dst, ST_GRH, 77);
	to[2] = st_sge(u.dst, ST_GRH + 77, 200);
	st_buf_fill(u.src, ++t->seed);
	if (st_post_recv(&u.p->b, 1, to, 3) ||
	    st_ud_send(&u.p->a, 2, from, 3, u.ah, u.p->b.qp->qp_num,
		       ST_QKEY) ||
	    st_want_sent(&u.p->a, 2, IB_WC_SEND) ||
	    st_want_received(&u.p->b, 1, 200 + ST_GRH, NULL))
		return -EBADE;
	return st_buf_want_at(u.dst, ST_GRH, 200, t->seed, 0);
}

/* Sent and lost: the sender completes, the receive stays, nothing is written. */
static int st_ud_lost(struct st_ud *u, u32 qpn, u32 qkey)
{
	struct ib_sge sge = st_sge(u->src, 0, 100);
	struct st_pair *p = u->p;

	if (st_recv_buf(&p->b, 1, u->dst, u->dst->len) ||
	    st_ud_send(&p->a, 2, &sge, 1, u->ah, qpn, qkey) ||
	    st_want_sent(&p->a, 2, IB_WC_SEND) ||
	    st_want_quiet(&p->b, p->b.rcq) ||
	    st_buf_want_poison(u->dst, ST_POISON, 0))
		return -EBADE;

	/* And the receive takes the next message that is right. */
	st_buf_fill(u->src, ++p->a.t->seed);
	if (st_ud_send(&p->a, 3, &sge, 1, u->ah, p->b.qp->qp_num, ST_QKEY) ||
	    st_want_sent(&p->a, 3, IB_WC_SEND) ||
	    st_want_received(&p->b, 1, 100 + ST_GRH, NULL))
		return -EBADE;
	return st_buf_want_at(u->dst, ST_GRH, 100, p->a.t->seed, 0);
}

static int case_ud_wrong_qkey(struct st_test *t)
{
	struct st_ud u;

	if (st_ud_open(t, &u, false))
		return -EBADE;
	return st_ud_lost(&u, u.p->b.qp->qp_num, ST_QKEY + 1);
}

static int case_ud_wrong_qpn(struct st_test *t)
{
	struct st_pair *gone;
	struct st_ud u;
	u32 qpn;

	if (st_ud_open(t, &u, false))
		return -EBADE;
	gone = st_pair_open(t, NULL);
	if (!gone)
		return -EBADE;
	qpn = gone->a.qp->qp_num;
	st_destroy_qp(&gone->a);
	return st_ud_lost(&u, qpn, ST_QKEY);
}

/* Without a receive a datagram is lost; it does not wait for one. */
static int case_ud_no_receive(struct st_test *t)
{
	struct ib_sge sge;
	struct st_ud u;

	if (st_ud_open(t, &u, false))
		return -EBADE;
	sge = st_sge(u.src, 0, 100);
	if (st_ud_send(&u.p->a, 2, &sge, 1, u.ah, u.p->b.qp->qp_num,
		       ST_QKEY) ||
	    st_want_sent(&u.p->a, 2, IB_WC_SEND) ||
	    st_want_quiet(&u.p->b, u.p->b.rcq) ||
	    st_recv_buf(&u.p->b, 1, u.dst, u.dst->len) ||
	    st_want_quiet(&u.p->b, u.p->b.rcq))
		return -EBADE;
	return st_buf_want_poison(u.dst, ST_POISON, 0);
}

/*
 * More than a packet holds: nothing may be sent. C10-93.1.1 does not want an
 * error for it either; but some hardware gives one, and a driver may refuse it.
 */
static int case_ud_too_long(struct st_test *t)
{
	struct ib_ud_wr wr = {
		.wr = {
			.wr_id = 2,
			.opcode = IB_WR_SEND,
			.num_sge = 1,
			.send_flags = IB_SEND_SIGNALED,
		},
		.remote_qkey = ST_QKEY,
	};
	struct ib_sge sge;
	struct st_ud u;
	struct ib_wc wc;

	if (st_ud_open(t, &u, false))
		return -EBADE;
	sge = st_sge(u.src, 0, u.mtu + 1);
	wr.wr.sg_list = &sge;
	wr.ah = u.ah;
	wr.remote_qpn = u.p->b.qp->qp_num;
	if (st_recv_buf(&u.p->b, 1, u.dst, u.dst->len))
		return -EBADE;
	if (!st_verb_send(u.p->a.qp, &wr.wr, NULL)) {
		if (st_next_wc(&u.p->a, u.p->a.scq, &wc, ST_TIMEOUT_MS))
			return st_fail(t, "no completion");
		if (wc.status && wc.status != IB_WC_LOC_LEN_ERR)
			return st_fail(t, "status '%s'",
				       ib_wc_status_msg(wc.status));
	}
	if (st_want_quiet(&u.p->b, u.p->b.rcq))
		return -EBADE;
	return st_buf_want_poison(u.dst, ST_POISON, 0);
}

/* An address handle can be made, used and given back under a spinlock. */
static int case_ud_ah_atomic(struct st_test *t)
{
	struct rdma_ah_attr attr;
	unsigned long flags;
	spinlock_t lock;
	struct ib_sge sge;
	struct ib_ah *ah;
	struct st_ud u;
	int ret;

	spin_lock_init(&lock);	/* one on the stack needs a key of its own */
	if (st_ud_open(t, &u, false))
		return -EBADE;
	sge = st_sge(u.src, 0, 300);
	st_buf_fill(u.src, ++t->seed);
	if (st_recv_buf(&u.p->b, 1, u.dst, u.dst->len))
		return -EBADE;

	st_fill_ah_attr(&u.p->a, &u.p->b, &attr);
	spin_lock_irqsave(&lock, flags);
	ah = rdma_create_ah(u.p->a.pd, &attr, 0);
	ret = IS_ERR(ah) ? PTR_ERR(ah) :
	      st_ud_send(&u.p->a, 2, &sge, 1, ah, u.p->b.qp->qp_num, ST_QKEY);
	spin_unlock_irqrestore(&lock, flags);
	rdma_destroy_ah_attr(&attr);
	if (IS_ERR(ah))
		return st_fail(t, "create_ah: %d", ret);

	ret = ret ?: st_want_sent(&u.p->a, 2, IB_WC_SEND);
	spin_lock_irqsave(&lock, flags);
	rdma_destroy_ah(ah, 0);
	spin_unlock_irqrestore(&lock, flags);
	ret = ret ?: st_want_received(&u.p->b, 1, 300 + ST_GRH, NULL);
	return ret ?: st_buf_want_at(u.dst, ST_GRH, 300, t->seed, 0);
}

/* A datagram from a QP to itself. */
static int case_ud_self(struct st_test *t)
{
	struct st_buf *in;
	struct ib_sge sge;
	struct st_ud u;

	if (st_ud_open(t, &u, false))
		return -EBADE;
	in = st_buf_new(&u.p->a, 300 + ST_GRH, 0, DMA_FROM_DEVICE);
	if (!in)
		return -EBADE;
	st_buf_fill(u.src, ++t->seed);
	sge = st_sge(u.src, 0, 300);
	if (st_recv_buf(&u.p->a, 1, in, in->len) ||
	    st_ud_send(&u.p->a, 2, &sge, 1, u.ah, u.p->a.qp->qp_num,
		       ST_QKEY) ||
	    st_want_sent(&u.p->a, 2, IB_WC_SEND) ||
	    st_want_received(&u.p->a, 1, in->len, NULL))
		return -EBADE;
	return st_buf_want_at(in, ST_GRH, 300, t->seed, 0);
}

static struct ib_ah *st_create_mcast_ah(struct st_end *e, union ib_gid *mgid)
{
	struct rdma_ah_attr attr;
	struct ib_ah *ah;

	/* A group of the address's own family. */
	*mgid = e->gid->gid;
	if (ipv6_addr_v4mapped((struct in6_addr *)mgid->raw)) {
		mgid->raw[12] = 239;
	} else {
		mgid->raw[0] = 0xff;
		mgid->raw[1] = 0x0e;
	}
	st_fill_ah_attr(e, e, &attr);
	rdma_ah_set_dgid_raw(&attr, mgid->raw);
	rdma_get_mcast_mac((struct in6_addr *)mgid->raw, attr.roce.dmac);

	ah = rdma_create_ah(e->pd, &attr, RDMA_CREATE_AH_SLEEPABLE);
	rdma_destroy_ah_attr(&attr);
	if (IS_ERR(ah)) {
		st_fail(e->t, "create_ah: %ld", PTR_ERR(ah));
		return NULL;
	}
	e->ahs[e->nr_ahs++] = ah;
	return ah;
}

/* Both ends are members; each gets what the first one sends, once. */
static int st_ud_to_members(struct st_ud *u, struct st_buf *own,
			    struct ib_ah *ah)
{
	struct ib_sge sge = st_sge(u->src, 0, 300);
	struct st_pair *p = u->p;
	u32 seed = ++p->a.t->seed;

	st_buf_fill(u->src, seed);
	if (st_recv_buf(&p->a, 1, own, own->len) ||
	    st_recv_buf(&p->b, 1, u->dst, u->dst->len) ||
	    st_ud_send(&p->a, 2, &sge, 1, ah, 0xffffff, ST_QKEY) ||
	    st_want_sent(&p->a, 2, IB_WC_SEND) ||
	    st_want_received(&p->a, 1, 300 + ST_GRH, NULL) ||
	    st_want_received(&p->b, 1, 300 + ST_GRH, NULL) ||
	    st_buf_want_at(own, ST_GRH, 300, seed, 0) ||
	    st_want_quiet(&p->a, p->a.rcq) || st_want_quiet(&p->b, p->b.rcq))
		return -EBADE;
	return st_buf_want_at(u->dst, ST_GRH, 300, seed, 0);
}

static int case_ud_mcast(struct st_test *t)
{
	union ib_gid mgid;
	struct st_buf *own;
	struct st_ud u;
	struct ib_ah *ah;
	int ret;

	if (!t->dev->ibdev->attrs.max_mcast_grp)
		return st_skip(t, "the device has no multicast");
	if (st_ud_open(t, &u, false))
		return -EBADE;
	own = st_buf_new(&u.p->a, 300 + ST_GRH, 0, DMA_FROM_DEVICE);
	ah = st_create_mcast_ah(&u.p->a, &mgid);
	if (!own || !ah)
		return -EBADE;

	ret = ib_attach_mcast(u.p->a.qp, &mgid, 0);
	if (ret)
		return st_fail(t, "attach_mcast: %d", ret);
	ret = ib_attach_mcast(u.p->b.qp, &mgid, 0);
	if (!ret) {
		ret = st_ud_to_members(&u, own, ah);
		if (!ib_attach_mcast(u.p->b.qp, &mgid, 0))
			ret = st_fail(t, "attached a second time");
		if (ib_detach_mcast(u.p->b.qp, &mgid, 0))
			ret = st_fail(t, "detach_mcast");
	} else {
		st_fail(t, "attach_mcast: %d", ret);
	}
	if (ib_detach_mcast(u.p->a.qp, &mgid, 0))
		ret = st_fail(t, "detach_mcast");
	if (!ib_detach_mcast(u.p->a.qp, &mgid, 0))
		ret = st_fail(t, "detached a second time");
	return ret;
}

static const struct st_case st_ud_cases[] = {
	{ "ud_sizes", case_ud_sizes },
	{ "ud_two_devices", case_ud_two_devices, ST_PEER },
	{ "ud_grh", case_ud_grh },
	{ "ud_reply", case_ud_reply },
	{ "ud_imm", case_ud_imm },
	{ "ud_split", case_ud_split },
	{ "ud_self", case_ud_self },
	{ "ud_mcast", case_ud_mcast, .rxe =
	  "multicast goes through the IP stack, where nobody has joined" },
	{ "ud_wrong_qkey", case_ud_wrong_qkey },
	{ "ud_wrong_qpn", case_ud_wrong_qpn },
	{ "ud_no_receive", case_ud_no_receive },
	{ "ud_too_long", case_ud_too_long },
	{ "ud_ah_atomic", case_ud_ah_atomic },
};

ST_SUITE(st_ud_suite, st_ud_cases);
