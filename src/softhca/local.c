// SPDX-License-Identifier: GPL-2.0
/*
 * The local transport: the peer is a QP of this kernel.
 *
 * A message is one operation: find the peer, check, copy once, complete on
 * both sides. There are no packets and no state between two messages. What
 * hardware finds out by the absence of an answer (no such QP, one that is
 * connected to somebody else, a port that is down) is found by looking.
 *
 * No lock of one QP is held while another one's is taken. The sender is the
 * one requester of its QP; the receiver is entered, so that it stays and its
 * receive queue is not flushed in the middle. A datagram holds the receiver's
 * @rq_consume as well, since it may have many senders; those copies are short.
 */
#include <linux/ip.h>
#include <net/ip.h>
#include <rdma/ib_pack.h>

#include "counters.h"
#include "device.h"
#include "gid.h"
#include "memory.h"
#include "qp_state.h"
#include "refusal.h"
#include "responder.h"
#include "transport.h"

#define DONE(s) ((struct softhca_outcome) { \
	.verdict = SOFTHCA_DONE, .status = (s) })

/* A message under way. */
struct local_msg {
	struct softhca_qp *qp;
	struct softhca_qp *peer;
	struct softhca_send_wqe *wqe;
	bool may_sleep;
};

static bool msg_stopped(void *arg)
{
	const struct local_msg *msg = arg;

	return softhca_qp_state(msg->qp) != IB_QPS_RTS ||
	       !softhca_qp_receives(msg->peer);
}

/* One side of a message was refused; say so if it was the reverse map. */
static void msg_refused(const struct local_msg *msg,
			const struct softhca_mem *mem)
{
	if (!mem->refused.len)
		return;
	if (mem->sge == msg->wqe->sge)
		softhca_refused_send(msg->qp, msg->wqe, mem);
	else if (mem->sge == msg->qp->req.recv->sge)
		softhca_refused_recv(msg->peer, msg->qp->req.recv, mem);
	else
		softhca_refused_remote(msg->peer, msg->qp, msg->wqe, mem);
}

static enum softhca_mem_result msg_copy(struct local_msg *msg,
					struct softhca_mem *dst,
					struct softhca_mem *src, u64 len)
{
	const struct softhca_mem_stop stop = {
		.stop = msg_stopped,
		.arg = msg,
		.may_sleep = msg->may_sleep,
	};
	enum softhca_mem_result result;

	result = softhca_mem_copy(dst, src, len, &stop);
	if (unlikely(result == SOFTHCA_MEM_SRC_FAULT))
		msg_refused(msg, src);
	else if (unlikely(result == SOFTHCA_MEM_DST_FAULT))
		msg_refused(msg, dst);
	return result;
}

/* Is one side refused as a whole, before anything is moved? */
static bool msg_check_fails(struct local_msg *msg, struct softhca_mem *mem,
			    u64 len)
{
	if (likely(!softhca_mem_check(mem, len)))
		return false;
	msg_refused(msg, mem);
	return true;
}

/* The verdict on a message whose copy was stopped. */
static struct softhca_outcome msg_stop_outcome(const struct local_msg *msg)
{
	struct softhca_outcome out = { .verdict = SOFTHCA_NO_ANSWER };

	if (softhca_qp_state(msg->qp) != IB_QPS_RTS)
		out.verdict = SOFTHCA_STOPPED;
	return out;
}

/* The sender's own memory. */
static void local_mem(struct local_msg *msg, struct softhca_mem *mem,
		      bool write)
{
	struct softhca_send_wqe *wqe = msg->wqe;

	*mem = (struct softhca_mem) {
		.dev = msg->qp->dev,
		.pd = msg->qp->ib.pd,
		.sge = wqe->sge,
		.num_sge = wqe->num_sge,
		.access = write ? IB_ACCESS_LOCAL_WRITE : 0,
		.dir = write ? DMA_FROM_DEVICE : DMA_TO_DEVICE,
		.user = msg->qp->user,
		.inline_data = wqe->flags & IB_SEND_INLINE ? wqe->inline_data :
							     NULL,
	};
}

/* An operation that the peer's QP was not set up for: a NAK, invalid request. */
static struct softhca_outcome invalid_request(struct local_msg *msg)
{
	softhca_resp_fail(msg->peer, IB_EVENT_QP_REQ_ERR);
	return DONE(IB_WC_REM_INV_REQ_ERR);
}

/* A key or range that does not grant it: a NAK, remote access error. */
static struct softhca_outcome access_error(struct local_msg *msg)
{
	softhca_resp_fail(msg->peer, IB_EVENT_QP_ACCESS_ERR);
	return DONE(IB_WC_REM_ACCESS_ERR);
}

/* Take the receive that a message needs; zero outcome where there is one. */
static bool take_receive(struct local_msg *msg, struct softhca_recv_wqe *recv,
			 const struct softhca_resp *resp,
			 struct softhca_outcome *out)
{
	int err = softhca_rq_head(msg->peer, recv);

	if (err == -EAGAIN) {
		softhca_count(msg->peer->dev, SOFTHCA_CNT_OUT_OF_BUFFER, 1);
		out->verdict = SOFTHCA_NOT_READY;
		out->rnr_timer = msg->peer->min_rnr_timer;
		return false;
	}
	if (err) {
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_QP_OP_ERR,
				      resp);
		*out = DONE(IB_WC_REM_OP_ERR);
		return false;
	}
	return true;
}

static void resp_init(const struct local_msg *msg, struct softhca_resp *resp,
		      enum ib_wc_opcode opcode)
{
	const struct softhca_send_wqe *wqe = msg->wqe;

	*resp = (struct softhca_resp) {
		.opcode = opcode,
		.byte_len = wqe->length,
		.src_qpn = msg->qp->ib.qp_num,
		.sl = msg->peer->av.sl,
		.solicited = wqe->flags & IB_SEND_SOLICITED,
	};
	if (wqe->opcode == IB_WR_SEND_WITH_IMM ||
	    wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM) {
		resp->flags = IB_WC_WITH_IMM;
		resp->imm_data = wqe->imm_data;
	} else if (wqe->opcode == IB_WR_SEND_WITH_INV) {
		resp->flags = IB_WC_WITH_INVALIDATE;
		resp->inv_key = wqe->inv_key;
	}
}

/* The message has arrived: invalidate what it names, and complete. */
static struct softhca_outcome receive_done(struct local_msg *msg,
					   struct softhca_recv_wqe *recv,
					   struct softhca_resp *resp)
{
	struct softhca_qp *peer = msg->peer;

	if (resp->flags & IB_WC_WITH_INVALIDATE &&
	    softhca_mr_invalidate(peer->dev, peer->ib.pd, resp->inv_key)) {
		resp->flags = 0;
		softhca_resp_complete(peer, recv, IB_WC_REM_INV_REQ_ERR, resp);
		return DONE(IB_WC_REM_ACCESS_ERR);
	}
	softhca_resp_complete(peer, recv, IB_WC_SUCCESS, resp);
	return DONE(IB_WC_SUCCESS);
}

static struct softhca_outcome do_send(struct local_msg *msg)
{
	struct softhca_recv_wqe *recv = msg->qp->req.recv;
	struct softhca_outcome out = {};
	struct softhca_mem src, dst;
	struct softhca_resp resp;

	resp_init(msg, &resp, IB_WC_RECV);
	if (!take_receive(msg, recv, &resp, &out))
		return out;

	if (msg->wqe->length > recv->length) {
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_LEN_ERR,
				      &resp);
		return DONE(IB_WC_REM_INV_REQ_ERR);
	}

	local_mem(msg, &src, false);
	softhca_resp_recv_mem(msg->peer, &dst, recv);
	switch (msg_copy(msg, &dst, &src, msg->wqe->length)) {
	case SOFTHCA_MEM_SRC_FAULT:
		return DONE(IB_WC_LOC_PROT_ERR);
	case SOFTHCA_MEM_DST_FAULT:
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_PROT_ERR,
				      &resp);
		return DONE(IB_WC_REM_OP_ERR);
	case SOFTHCA_MEM_STOPPED:
		return msg_stop_outcome(msg);
	case SOFTHCA_MEM_OK:
		break;
	}
	return receive_done(msg, recv, &resp);
}

static struct softhca_outcome do_write(struct local_msg *msg)
{
	const struct ib_sge remote = {
		.addr = msg->wqe->remote_addr,
		.length = msg->wqe->length,
		.lkey = msg->wqe->rkey,
	};
	bool imm = msg->wqe->opcode == IB_WR_RDMA_WRITE_WITH_IMM;
	struct softhca_recv_wqe *recv = msg->qp->req.recv;
	struct softhca_outcome out = {};
	struct softhca_mem src, dst;
	struct softhca_resp resp;

	if (!(msg->peer->access & IB_ACCESS_REMOTE_WRITE))
		return invalid_request(msg);

	if (imm) {
		resp_init(msg, &resp, IB_WC_RECV_RDMA_WITH_IMM);
		if (!take_receive(msg, recv, &resp, &out))
			return out;
	}

	local_mem(msg, &src, false);
	softhca_resp_remote_mem(msg->peer, &dst, &remote,
				IB_ACCESS_REMOTE_WRITE);
	switch (msg_copy(msg, &dst, &src, msg->wqe->length)) {
	case SOFTHCA_MEM_SRC_FAULT:
		return DONE(IB_WC_LOC_PROT_ERR);
	case SOFTHCA_MEM_DST_FAULT:
		return access_error(msg);
	case SOFTHCA_MEM_STOPPED:
		return msg_stop_outcome(msg);
	case SOFTHCA_MEM_OK:
		break;
	}

	softhca_count(msg->peer->dev, SOFTHCA_CNT_RX_WRITES, 1);
	return imm ? receive_done(msg, recv, &resp) : DONE(IB_WC_SUCCESS);
}

static struct softhca_outcome do_read(struct local_msg *msg)
{
	const struct ib_sge remote = {
		.addr = msg->wqe->remote_addr,
		.length = msg->wqe->length,
		.lkey = msg->wqe->rkey,
	};
	struct softhca_mem src, dst;

	if (msg->wqe->flags & IB_SEND_INLINE || !msg->qp->max_rd_atomic)
		return DONE(IB_WC_LOC_QP_OP_ERR);
	if (!msg->peer->max_dest_rd_atomic ||
	    !(msg->peer->access & IB_ACCESS_REMOTE_READ))
		return invalid_request(msg);

	softhca_resp_remote_mem(msg->peer, &src, &remote,
				IB_ACCESS_REMOTE_READ);
	local_mem(msg, &dst, true);
	switch (msg_copy(msg, &dst, &src, msg->wqe->length)) {
	case SOFTHCA_MEM_SRC_FAULT:
		return access_error(msg);
	case SOFTHCA_MEM_DST_FAULT:
		return DONE(IB_WC_LOC_PROT_ERR);
	case SOFTHCA_MEM_STOPPED:
		return msg_stop_outcome(msg);
	case SOFTHCA_MEM_OK:
		break;
	}

	softhca_count(msg->peer->dev, SOFTHCA_CNT_RX_READS, 1);
	return DONE(IB_WC_SUCCESS);
}

/* Do these two agree that they are connected to each other? */
static bool is_connected(const struct softhca_qp *qp,
			 const struct softhca_qp *peer)
{
	return peer->ib.qp_type == IB_QPT_RC &&
	       peer->dest_qpn == qp->ib.qp_num &&
	       peer->rq_psn == qp->sq_psn &&
	       READ_ONCE(qp->dev->port_up) && READ_ONCE(peer->dev->port_up) &&
	       !memcmp(&peer->av.sgid, &qp->av.dgid, sizeof(qp->av.dgid)) &&
	       !memcmp(&peer->av.dgid, &qp->av.sgid, sizeof(qp->av.sgid));
}

/*
 * What hardware finds wrong with the sender's own memory it finds before it
 * knows anything of the peer.
 */
static bool own_memory_is_bad(struct local_msg *msg)
{
	struct softhca_mem mem;

	local_mem(msg, &mem, msg->wqe->opcode == IB_WR_RDMA_READ);
	return msg_check_fails(msg, &mem, msg->wqe->length);
}

static struct softhca_outcome ask_peer(struct local_msg *msg)
{
	struct softhca_outcome out = { .verdict = SOFTHCA_NO_ANSWER };
	struct softhca_qp *qp = msg->qp;

	msg->peer = softhca_qp_get(qp->dest_qpn);
	if (!msg->peer)
		return out;
	if (!softhca_qp_enter(msg->peer))
		goto out_put;
	if (!is_connected(qp, msg->peer))
		goto out_leave;
	softhca_qp_established(msg->peer);

	switch (msg->wqe->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
		out = do_write(msg);
		break;
	case IB_WR_RDMA_READ:
		out = do_read(msg);
		break;
	default:
		out = do_send(msg);
		break;
	}

	if (out.verdict == SOFTHCA_DONE && out.status == IB_WC_SUCCESS) {
		softhca_count(qp->dev, SOFTHCA_CNT_TX_MSGS, 1);
		softhca_count(qp->dev, SOFTHCA_CNT_TX_BYTES, msg->wqe->length);
		softhca_count(msg->peer->dev, SOFTHCA_CNT_RX_MSGS, 1);
		softhca_count(msg->peer->dev, SOFTHCA_CNT_RX_BYTES,
			      msg->wqe->length);
	}
out_leave:
	softhca_qp_leave(msg->peer);
out_put:
	softhca_qp_put(msg->peer->handle);
	return out;
}

static struct softhca_outcome send_connected(struct local_msg *msg)
{
	struct softhca_outcome out;

	if (msg->wqe->length > SOFTHCA_MAX_MSG)
		return DONE(IB_WC_LOC_LEN_ERR);

	out = ask_peer(msg);
	if ((out.verdict == SOFTHCA_NOT_READY ||
	     out.verdict == SOFTHCA_NO_ANSWER) && own_memory_is_bad(msg))
		return DONE(IB_WC_LOC_PROT_ERR);
	return out;
}

/* The QP that a datagram is for, held; NULL where nobody takes it. */
static struct softhca_qp *find_datagram_peer(struct softhca_qp *qp,
					     const struct softhca_send_wqe *wqe)
{
	struct softhca_qp *peer;
	struct softhca_dev *dev;

	if (wqe->ud.qpn != 1) {
		peer = softhca_qp_get(wqe->ud.qpn);
		if (peer && peer->ib.qp_type == IB_QPT_UD &&
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
static struct softhca_outcome deliver_datagram(struct local_msg *msg)
{
	struct softhca_recv_wqe *recv = msg->qp->req.recv;
	const struct softhca_av *av = &msg->wqe->ud.av;
	u32 len = msg->wqe->length;
	struct softhca_mem src, dst, head = {};
	union datagram_header hdr;
	struct softhca_resp resp;
	enum softhca_mem_result result;
	int err;

	resp_init(msg, &resp, IB_WC_RECV);
	resp.byte_len += sizeof(hdr);
	resp.flags |= IB_WC_GRH | IB_WC_WITH_NETWORK_HDR_TYPE;
	resp.sl = av->sl;
	resp.hdr_type = make_header(av, len, &hdr);

	err = softhca_rq_head(msg->peer, recv);
	if (err == -EINVAL)
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_QP_OP_ERR,
				      &resp);
	if (err || recv->length < sizeof(hdr) + len) {
		softhca_count(msg->peer->dev, SOFTHCA_CNT_UD_DROPPED, 1);
		return DONE(IB_WC_SUCCESS);
	}

	local_mem(msg, &src, false);
	softhca_resp_recv_mem(msg->peer, &dst, recv);
	head.inline_data = &hdr;
	result = msg_check_fails(msg, &dst, sizeof(hdr) + len) ?
		 SOFTHCA_MEM_DST_FAULT :
		 msg_copy(msg, &dst, &head, sizeof(hdr));
	if (!result)
		result = msg_copy(msg, &dst, &src, len);

	switch (result) {
	case SOFTHCA_MEM_SRC_FAULT:
		return DONE(IB_WC_LOC_PROT_ERR);
	case SOFTHCA_MEM_DST_FAULT:
		softhca_resp_complete(msg->peer, recv, IB_WC_LOC_PROT_ERR,
				      &resp);
		break;
	case SOFTHCA_MEM_STOPPED:
		break;
	case SOFTHCA_MEM_OK:
		softhca_count(msg->peer->dev, SOFTHCA_CNT_RX_MSGS, 1);
		softhca_count(msg->peer->dev, SOFTHCA_CNT_RX_BYTES, len);
		softhca_resp_complete(msg->peer, recv, IB_WC_SUCCESS, &resp);
		break;
	}
	return DONE(IB_WC_SUCCESS);
}

static struct softhca_outcome send_datagram(struct local_msg *msg)
{
	struct softhca_send_wqe *wqe = msg->wqe;
	struct softhca_outcome out = DONE(IB_WC_SUCCESS);
	struct softhca_qp *qp = msg->qp, *peer;
	unsigned long flags;
	u32 qkey;

	if (wqe->length > ib_mtu_enum_to_int(softhca_port_mtu(qp->dev)))
		return DONE(IB_WC_LOC_LEN_ERR);
	if (own_memory_is_bad(msg))
		return DONE(IB_WC_LOC_PROT_ERR);

	/* A Q_Key with its top bit set asks for the sending QP's own. */
	qkey = wqe->ud.qkey & BIT(31) ? qp->qkey : wqe->ud.qkey;

	peer = find_datagram_peer(qp, wqe);
	if (!peer) {
		softhca_count(qp->dev, SOFTHCA_CNT_UD_DROPPED, 1);
		return out;
	}
	msg->peer = peer;
	if (!softhca_qp_enter(peer))
		goto out_put;

	if (peer->qkey != qkey) {
		softhca_count(peer->dev, SOFTHCA_CNT_QKEY_VIOLATION, 1);
	} else if (READ_ONCE(qp->dev->port_up) &&
		   READ_ONCE(peer->dev->port_up)) {
		msg->may_sleep = false;
		spin_lock_irqsave(&peer->rq_consume, flags);
		out = deliver_datagram(msg);
		spin_unlock_irqrestore(&peer->rq_consume, flags);
	}

	if (out.status == IB_WC_SUCCESS) {
		softhca_count(qp->dev, SOFTHCA_CNT_TX_MSGS, 1);
		softhca_count(qp->dev, SOFTHCA_CNT_TX_BYTES, wqe->length);
	}
	softhca_qp_leave(peer);
out_put:
	softhca_qp_put(peer->handle);
	return out;
}

/**
 * softhca_local_send - try a send work request with a peer in this kernel
 * @qp: the QP, in RTS
 * @wqe: the request, of an operation that its type of QP has
 * @may_sleep: the caller is in process context and holds no lock
 *
 * Context: As @may_sleep says; by the QP's one requester.
 */
struct softhca_outcome softhca_local_send(struct softhca_qp *qp,
					  struct softhca_send_wqe *wqe,
					  bool may_sleep)
{
	struct local_msg msg = {
		.qp = qp,
		.wqe = wqe,
		.may_sleep = may_sleep,
	};

	return softhca_qp_is_datagram(qp) ? send_datagram(&msg) :
					    send_connected(&msg);
}
