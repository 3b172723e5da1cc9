// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams between QPs of this kernel: whom they are for, one QP or the members
 * of a multicast group, the header that comes with them, and their delivery.
 *
 * A receiver may have many senders: its @rq_consume is held for a delivery, which
 * is short. Memory that must be brought in first is brought in without it, and the
 * delivery begins again. A datagram that cannot be taken is dropped, and its sender
 * is not told.
 */
#include <linux/ip.h>
#include <net/ip.h>
#include <rdma/ib_pack.h>

#include "counters.h"
#include "device.h"
#include "gid.h"
#include "mcast.h"
#include "message.h"

/* The QP that a datagram is for, held; NULL where nobody takes it. */
static struct softhca_qp *find_datagram_peer(struct softhca_qp *qp,
					     const struct softhca_send_wqe *wqe)
{
	struct softhca_qp *peer;
	struct softhca_dev *dev;

	if (wqe->ud.qpn != 1) {
		peer = softhca_qp_get(wqe->ud.qpn);
		if (peer && peer->ib.qp_type == IB_QPT_UD &&
		    softhca_same_net(qp->dev, peer->dev) &&
		    softhca_gid_is_on(&wqe->ud.av.dgid, peer->dev))
			return peer;
		if (peer)
			softhca_qp_put(peer->handle);
		return NULL;
	}

	rcu_read_lock();
	dev = softhca_gid_device(&wqe->ud.av.dgid, qp->dev);
	peer = dev ? softhca_qp_get_gsi(dev) : NULL;
	rcu_read_unlock();
	return peer;
}

/*
 * The 40 bytes before a datagram: a GRH, or for IPv4 the header in the last
 * 20 of them (IBTA annex A17.4.5.2).
 */
union datagram_header {
	struct ib_grh grh;
	struct {
		u8 reserved[20];
		struct iphdr ip;
	} v4;
};

static u8 make_header(const struct softhca_av *av, u32 payload,
		      union datagram_header *hdr)
{
	struct iphdr *ip = &hdr->v4.ip;

	BUILD_BUG_ON(sizeof(*hdr) != 40);
	memset(hdr, 0, sizeof(*hdr));

	/* UDP, BTH, DETH, and the ICRC at the end. */
	payload += 8 + IB_BTH_BYTES + IB_DETH_BYTES + 4;

	if (!ipv6_addr_v4mapped((const struct in6_addr *)av->dgid.raw)) {
		hdr->grh.version_tclass_flow =
			cpu_to_be32(6 << 28 | av->traffic_class << 20 |
				    (av->flow_label & 0xfffff));
		hdr->grh.paylen = cpu_to_be16(payload);
		hdr->grh.next_hdr = IPPROTO_UDP;
		hdr->grh.hop_limit = av->hop_limit;
		hdr->grh.sgid = av->sgid;
		hdr->grh.dgid = av->dgid;
		return RDMA_NETWORK_IPV6;
	}

	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = av->traffic_class;
	ip->tot_len = cpu_to_be16(sizeof(*ip) + payload);
	ip->frag_off = cpu_to_be16(IP_DF);
	ip->ttl = av->hop_limit;
	ip->protocol = IPPROTO_UDP;
	memcpy(&ip->saddr, av->sgid.raw + 12, sizeof(ip->saddr));
	memcpy(&ip->daddr, av->dgid.raw + 12, sizeof(ip->daddr));
	ip_send_check(ip);
	return RDMA_NETWORK_IPV4;
}

/* A receive's range whose memory could not be brought in, or none. */
static bool range_is_bad(const struct softhca_recv_wqe *recv,
			 const struct ib_sge *bad)
{
	u32 i;

	for (i = 0; bad->length && i < recv->num_sge; i++)
		if (recv->sge[i].addr == bad->addr &&
		    recv->sge[i].length == bad->length &&
		    recv->sge[i].lkey == bad->lkey)
			return true;
	return false;
}

/*
 * Under the peer's rq_consume. A datagram that cannot be taken is dropped. A
 * receive that has @bad in it does not get its page by trying again.
 */
static struct softhca_outcome deliver_datagram(struct softhca_msg *msg,
					       const struct ib_sge *bad)
{
	struct softhca_recv_wqe *recv = msg->qp->req.recv;
	const struct softhca_av *av = &msg->wqe->ud.av;
	u32 len = msg->wqe->length;
	struct softhca_mem src, dst, head = {};
	union datagram_header hdr;
	struct softhca_resp resp;
	enum softhca_mem_result result;
	int err;

	softhca_msg_resp_init(msg, &resp, IB_WC_RECV);
	resp.byte_len += sizeof(hdr);
	resp.flags |= IB_WC_GRH | IB_WC_WITH_NETWORK_HDR_TYPE;
	resp.sl = av->sl;
	resp.hdr_type = make_header(av, len, &hdr);

	err = softhca_rq_head(msg->peer, recv);
	if (err == -EINVAL)
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_QP_OP_ERR,
				      &resp);
	if (err || recv->length < sizeof(hdr) + len) {
		softhca_qp_count(msg->peer, SOFTHCA_CNT_UD_DROPPED, 1);
		return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
	}

	softhca_msg_own_mem(msg, &src, false);
	softhca_resp_recv_mem(msg->peer, &dst, recv, sizeof(hdr) + len);
	head.inline_data = &hdr;
	result = softhca_msg_check_fails(msg, &dst, sizeof(hdr) + len) ?
		 SOFTHCA_MEM_DST_FAULT :
		 softhca_msg_copy(msg, &dst, &head, sizeof(hdr));
	if (!result)
		result = softhca_msg_copy(msg, &dst, &src, len);
	if (result == SOFTHCA_MEM_WOULD_SLEEP && range_is_bad(recv, bad))
		result = SOFTHCA_MEM_DST_FAULT;

	switch (result) {
	case SOFTHCA_MEM_WOULD_SLEEP:
		return SOFTHCA_DEFERRED;
	case SOFTHCA_MEM_SRC_FAULT:
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);
	case SOFTHCA_MEM_DST_FAULT:
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_PROT_ERR,
				      &resp);
		break;
	case SOFTHCA_MEM_STOPPED:
		break;
	case SOFTHCA_MEM_OK:
		softhca_qp_count(msg->peer, SOFTHCA_CNT_RX_MSGS, 1);
		softhca_qp_count(msg->peer, SOFTHCA_CNT_RX_BYTES, len);
		softhca_resp_complete(msg->peer, recv, IB_WC_SUCCESS, &resp);
		break;
	}
	return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
}

/*
 * What a delivery had to do without: bring in the memory of both sides. The
 * receive is the private copy of what the delivery has found.
 */
static enum ib_wc_status bring_in(struct softhca_msg *msg, struct ib_sge *bad)
{
	u32 len = sizeof(union datagram_header) + msg->wqe->length;
	struct softhca_recv_wqe *recv = msg->qp->req.recv;
	struct softhca_mem src, dst;

	softhca_msg_own_mem(msg, &src, false);
	if (softhca_mem_bring_in(&src, msg->wqe->length))
		return IB_WC_LOC_PROT_ERR;
	softhca_resp_recv_mem(msg->peer, &dst, recv, len);
	if (softhca_mem_bring_in(&dst, len))
		*bad = recv->sge[min(dst.cur, recv->num_sge - 1)];
	return IB_WC_SUCCESS;
}

/* With the memory of both sides there, as soon as it can be. */
static struct softhca_outcome deliver(struct softhca_msg *msg, bool may_sleep)
{
	struct softhca_outcome out;
	struct ib_sge bad = {};
	enum ib_wc_status status;
	unsigned long flags;

	for (;;) {
		spin_lock_irqsave(&msg->peer->rq_consume, flags);
		out = deliver_datagram(msg, &bad);
		spin_unlock_irqrestore(&msg->peer->rq_consume, flags);
		if (out.verdict != SOFTHCA_WOULD_SLEEP || !may_sleep)
			return out;

		status = bring_in(msg, &bad);
		if (status)
			return SOFTHCA_DONE_WITH(status);
		if (!softhca_qp_sends(msg->qp))
			return softhca_msg_stopped(msg);
		if (!softhca_qp_receives(msg->peer))
			return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
	}
}

/* Nobody takes it. Hardware has read it by the time that this is found out. */
static struct softhca_outcome nobody_takes(const struct softhca_msg *msg)
{
	return SOFTHCA_DONE_WITH(softhca_msg_own_mem_is_gone(msg) ?
				 IB_WC_LOC_PROT_ERR : IB_WC_SUCCESS);
}

/* To one of those whom it is for, who is held. */
static struct softhca_outcome deliver_to(const struct softhca_msg *msg,
					 struct softhca_qp *peer)
{
	struct softhca_msg to_peer = {
		.qp = msg->qp, .peer = peer, .wqe = msg->wqe,
	};
	struct softhca_outcome out = SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
	struct softhca_qp *qp = msg->qp;
	u32 qkey = msg->wqe->ud.qkey;

	if (!softhca_qp_enter(peer))
		return nobody_takes(msg);

	/* A Q_Key with its top bit set asks for the sending QP's own. */
	if (qkey & BIT(31))
		qkey = qp->qkey;

	if (peer->qkey != qkey)
		softhca_qp_count(peer, SOFTHCA_CNT_QKEY_VIOLATION, 1);
	else if (READ_ONCE(qp->dev->port_up) && READ_ONCE(peer->dev->port_up))
		out = deliver(&to_peer, msg->may_sleep);
	softhca_qp_leave(peer);
	return out;
}

/*
 * A delivery that must wait for memory cannot be tried again without those who
 * have it getting it twice. So it is begun only where one may wait.
 */
static struct softhca_outcome send_multicast(const struct softhca_msg *msg)
{
	const union ib_gid *mgid = &msg->wqe->ud.av.dgid;
	struct softhca_outcome out = SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
	struct softhca_qp *member;
	u64 number = 0;

	if (msg->wqe->ud.qpn != SOFTHCA_MCAST_QPN)
		return out;
	if (!msg->may_sleep)
		return SOFTHCA_DEFERRED;

	/* A sender whose own memory is refused sends nothing more. */
	while (out.verdict == SOFTHCA_DONE && out.status == IB_WC_SUCCESS &&
	       (member = softhca_mcast_next(msg->qp->dev, mgid, &number))) {
		out = deliver_to(msg, member);
		softhca_qp_put(member->handle);
		cond_resched();
	}
	return out;
}

static struct softhca_outcome send_unicast(const struct softhca_msg *msg)
{
	struct softhca_qp *peer = find_datagram_peer(msg->qp, msg->wqe);
	struct softhca_outcome out;

	if (!peer) {
		softhca_qp_count(msg->qp, SOFTHCA_CNT_UD_DROPPED, 1);
		return nobody_takes(msg);
	}
	out = deliver_to(msg, peer);
	softhca_qp_put(peer->handle);
	return out;
}

/**
 * softhca_send_datagram - try a send work request of a UD or GSI QP
 * @msg: the message, without a peer
 *
 * Context: As the message says; by the QP's one requester.
 */
struct softhca_outcome softhca_send_datagram(struct softhca_msg *msg)
{
	struct softhca_qp *qp = msg->qp;
	struct softhca_outcome out;
	u32 len = msg->wqe->length;

	if (len > ib_mtu_enum_to_int(softhca_port_mtu(qp->dev)))
		return SOFTHCA_DONE_WITH(IB_WC_LOC_LEN_ERR);
	if (softhca_msg_own_mem_is_bad(msg))
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);

	out = softhca_is_mcast(&msg->wqe->ud.av.dgid) ? send_multicast(msg) :
							send_unicast(msg);
	if (out.verdict == SOFTHCA_DONE && out.status == IB_WC_SUCCESS) {
		softhca_qp_count(qp, SOFTHCA_CNT_TX_MSGS, 1);
		softhca_qp_count(qp, SOFTHCA_CNT_TX_BYTES, len);
	}
	return out;
}
