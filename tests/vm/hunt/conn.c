// SPDX-License-Identifier: GPL-2.0
/*
 * kping: what client and server have on their side of a connection. A QP, the
 * buffers for messages, and how they are mapped: with rdma_sge.h, so that the
 * element that is posted and what is unmapped cannot differ.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/minmax.h>
#include <linux/slab.h>

#include "kping.h"

static void free_messages(struct kping_conn *conn)
{
	struct kping_msg *msg;

	for (msg = conn->recv; msg < &conn->recv[KPING_RECVS]; msg++) {
		/* Those that are posted; the rest is unmapped on arrival. */
		if (msg->sge.length)
			rdma_sge_unmap_single(conn->pd, &msg->sge,
					      DMA_FROM_DEVICE);
		kfree(msg->request);
	}
	kping_unmap_send(conn);
	kfree(conn->send.request);
}

static int make_messages(struct kping_conn *conn, kping_done_fn *recv_done,
			 kping_done_fn *send_done)
{
	unsigned int i;
	int err;

	conn->send.cqe.done = send_done;
	conn->send.request = kzalloc(sizeof(*conn->send.request), GFP_KERNEL);
	if (!conn->send.request)
		return -ENOMEM;
	for (i = 0; i < KPING_RECVS; i++) {
		struct kping_msg *msg = &conn->recv[i];

		msg->cqe.done = recv_done;
		msg->request = kzalloc(sizeof(*msg->request), GFP_KERNEL);
		if (!msg->request)
			return -ENOMEM;
		err = kping_post_recv(conn, msg);
		if (err)
			return err;
	}
	return 0;
}

/* Give a buffer to the device; it comes back with a completion. */
noinline int kping_post_recv(struct kping_conn *conn, struct kping_msg *msg)
{
	struct ib_recv_wr wr = {
		.wr_cqe = &msg->cqe,
		.sg_list = &msg->sge,
		.num_sge = 1,
	};
	int err;

	err = rdma_sge_map_single(conn->pd, &msg->sge, msg->request,
				  sizeof(*msg->request), DMA_FROM_DEVICE);
	if (err) {
		msg->sge.length = 0;
		return err;
	}
	err = ib_post_recv(conn->id->qp, &wr, NULL);
	if (err || mistake(EARLY_UNMAP))
		kping_received(conn, msg);
	return err;
}

/* The device has written the message: it is ours again. */
noinline void kping_received(struct kping_conn *conn, struct kping_msg *msg)
{
	if (!msg->sge.length)
		return;
	rdma_sge_unmap_single(conn->pd, &msg->sge, DMA_FROM_DEVICE);
	msg->sge.length = 0;
}

/* What is to be sent has been written: give it to the device. */
int kping_map_send(struct kping_conn *conn)
{
	int err;

	err = rdma_sge_map_single(conn->pd, &conn->send.sge, conn->send.request,
				  sizeof(*conn->send.request), DMA_TO_DEVICE);
	if (err)
		conn->send.sge.length = 0;
	return err;
}

/* It has been sent, or will never be. */
void kping_unmap_send(struct kping_conn *conn)
{
	if (!conn->send.sge.length)
		return;
	rdma_sge_unmap_single(conn->pd, &conn->send.sge, DMA_TO_DEVICE);
	conn->send.sge.length = 0;
}

static int make_qp(struct kping_conn *conn)
{
	struct ib_device *dev = conn->id->device;
	struct ib_qp_init_attr attr = {
		.send_cq = conn->cq,
		.recv_cq = conn->cq,
		.qp_type = IB_QPT_RC,
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.cap = {
			.max_send_wr = 8,
			.max_recv_wr = KPING_RECVS + 1,	/* to drain it */
			.max_send_sge = min(dev->attrs.max_send_sge, 16),
			.max_recv_sge = 1,
		},
	};

	return rdma_create_qp(conn->id, conn->pd, &attr);
}

/**
 * kping_conn_open() - make a QP with receives posted, to be connected
 * @conn: zeroed
 * @id: the connection manager's, which knows the device by now
 * @recv_done: called for each receive
 * @send_done: called for the message that is sent
 *
 * Return: 0 or an error; kping_conn_close() is due in any case.
 */
int kping_conn_open(struct kping_conn *conn, struct rdma_cm_id *id,
		    kping_done_fn *recv_done, kping_done_fn *send_done)
{
	int err;

	conn->id = id;
	conn->pd = ib_alloc_pd(id->device, IB_PD_UNSAFE_GLOBAL_RKEY);
	if (IS_ERR(conn->pd)) {
		err = PTR_ERR(conn->pd);
		conn->pd = NULL;
		return err;
	}
	conn->cq = ib_alloc_cq(id->device, conn, 32, 0, IB_POLL_WORKQUEUE);
	if (IS_ERR(conn->cq)) {
		err = PTR_ERR(conn->cq);
		conn->cq = NULL;
		return err;
	}
	err = make_qp(conn);
	return err ?: make_messages(conn, recv_done, send_done);
}

/**
 * kping_conn_drain() - disconnect, and take everything back from the device
 * @conn: the connection; it may have been drained before
 *
 * After that whatever is still mapped can be unmapped: the QP is in the error
 * state, and all its completions have come.
 */
void kping_conn_drain(struct kping_conn *conn)
{
	if (!conn->id->qp)
		return;
	rdma_disconnect(conn->id);
	ib_drain_qp(conn->id->qp);
}

/**
 * kping_conn_close() - undo kping_conn_open(), whatever it has done
 * @conn: the connection, drained; its id is left to the caller
 */
void kping_conn_close(struct kping_conn *conn)
{
	if (conn->id->qp)
		rdma_destroy_qp(conn->id);
	if (conn->pd)
		free_messages(conn);
	if (conn->cq)
		ib_free_cq(conn->cq);
	if (conn->pd)
		ib_dealloc_pd(conn->pd);
}

/* What came of a work request? Says so, unless the QP was at its end anyway. */
int kping_check(const struct ib_wc *wc, const char *what)
{
	if (wc->status == IB_WC_SUCCESS)
		return 0;
	if (wc->status != IB_WC_WR_FLUSH_ERR)
		pr_warn("%s, QP %u: %s\n", what, wc->qp->qp_num,
			ib_wc_status_msg(wc->status));
	return -EIO;
}
