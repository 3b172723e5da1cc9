// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams between QPs of this kernel: whom they are for, one QP or the members
 * of a multicast group, the header that comes with them, and their delivery.
 *
 * A receiver may have many senders: its @rq_consume is held for a delivery, which
 * is short. A datagram that cannot be taken is dropped, and its sender is not told.
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

/* Under the peer's rq_consume. A datagram that cannot be taken is dropped. */
static struct softhca_outcome deliver_datagram(struct softhca_msg *msg)
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
	softhca_resp_recv_mem(msg->peer, &dst, recv);
	head.inline_data = &hdr;
	result = softhca_msg_check_fails(msg, &dst, sizeof(hdr) + len) ?
		 SOFTHCA_MEM_DST_FAULT :
		 softhca_msg_copy(msg, &dst, &head, sizeof(hdr));
	if (!result)
		result = softhca_msg_copy(msg, &dst, &src, len);

	switch (result) {
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

/* To one of those whom it is for, who is held. */
static struct softhca_outcome deliver_to(struct softhca_msg *msg,
					 struct softhca_qp *peer)
{
	struct softhca_outcome out = SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
	struct softhca_qp *qp = msg->qp;
	u32 qkey = msg->wqe->ud.qkey;
	unsigned long flags;

	msg->peer = peer;
	msg->may_sleep = false;
	if (!softhca_qp_enter(peer))
		return out;

	/* A Q_Key with its top bit set asks for the sending QP's own. */
	if (qkey & BIT(31))
		qkey = qp->qkey;

	if (peer->qkey != qkey) {
		softhca_qp_count(peer, SOFTHCA_CNT_QKEY_VIOLATION, 1);
	} else if (READ_ONCE(qp->dev->port_up) &&
		   READ_ONCE(peer->dev->port_up)) {
		spin_lock_irqsave(&peer->rq_consume, flags);
		out = deliver_datagram(msg);
		spin_unlock_irqrestore(&peer->rq_consume, flags);
	}
	softhca_qp_leave(peer);
	return out;
}

struct multicast {
	struct softhca_msg *msg;
	struct softhca_outcome out;
};

/* A sender whose own memory is refused sends nothing more. */
static bool deliver_to_member(struct softhca_qp *member, void *arg)
{
	struct multicast *mc = arg;

	mc->out = deliver_to(mc->msg, member);
	return mc->out.status == IB_WC_SUCCESS;
}

static struct softhca_outcome send_multicast(struct softhca_msg *msg)
{
	struct multicast mc = {
		.msg = msg,
		.out = SOFTHCA_DONE_WITH(IB_WC_SUCCESS),
	};

	if (msg->wqe->ud.qpn == SOFTHCA_MCAST_QPN)
		softhca_mcast_for_each(msg->qp->dev, &msg->wqe->ud.av.dgid,
				       deliver_to_member, &mc);
	return mc.out;
}

static struct softhca_outcome send_unicast(struct softhca_msg *msg)
{
	struct softhca_qp *peer = find_datagram_peer(msg->qp, msg->wqe);
	struct softhca_outcome out;

	if (!peer) {
		softhca_qp_count(msg->qp, SOFTHCA_CNT_UD_DROPPED, 1);
		return SOFTHCA_DONE_WITH(IB_WC_SUCCESS);
	}
	out = deliver_to(msg, peer);
	softhca_qp_put(peer->handle);
	return out;
}

/**
 * softhca_send_datagram - try a send work request of a UD or GSI QP
 * @msg: the message, whose peers are found here
 *
 * Context: Any, by the QP's one requester.
 */
struct softhca_outcome softhca_send_datagram(struct softhca_msg *msg)
{
	struct softhca_qp *qp = msg->qp;
	struct softhca_outcome out;
	u32 len = msg->wqe->length;

	if (msg->wqe->length > ib_mtu_enum_to_int(softhca_port_mtu(qp->dev)))
		return SOFTHCA_DONE_WITH(IB_WC_LOC_LEN_ERR);
	if (softhca_msg_own_mem_is_bad(msg))
		return SOFTHCA_DONE_WITH(IB_WC_LOC_PROT_ERR);

	out = softhca_is_mcast(&msg->wqe->ud.av.dgid) ? send_multicast(msg) :
							send_unicast(msg);
	if (out.status == IB_WC_SUCCESS) {
		softhca_qp_count(qp, SOFTHCA_CNT_TX_MSGS, 1);
		softhca_qp_count(qp, SOFTHCA_CNT_TX_BYTES, len);
	}
	return out;
}
