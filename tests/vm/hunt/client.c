// SPDX-License-Identifier: GPL-2.0
/*
 * kping: the client. It maps a buffer that the server reads and one that it
 * writes, sends their addresses, and waits. These two are mapped with the plain
 * DMA functions of the verbs, as in most ULPs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "kping.h"

#define WAIT (10 * HZ)

/**
 * struct client - one run
 * @conn: the connection
 * @event: the connection manager, or a completion, has something to say
 * @err: what: 0 or an error
 * @left: completions that the request in flight still has to get
 * @size: bytes of each of the two buffers
 * @out: what the server reads
 * @in: what the server writes
 * @out_addr: the device address of @out, while a request is in flight
 * @in_addr: that of @in
 * @seq: number of the request
 */
struct client {
	struct kping_conn conn;
	struct completion event;
	int err;
	atomic_t left;
	size_t size;
	u8 *out;
	u8 *in;
	dma_addr_t out_addr;
	dma_addr_t in_addr;
	u32 seq;
};

/* The first error counts. */
static void tell(struct client *c, int err)
{
	if (err)
		cmpxchg(&c->err, 0, err);
	complete(&c->event);
}

static int wait(struct client *c)
{
	if (!wait_for_completion_timeout(&c->event, WAIT))
		return -ETIMEDOUT;
	return READ_ONCE(c->err);
}

/* Both that it was sent, and the response. */
static void one_done(struct client *c, int err)
{
	if (err || atomic_dec_and_test(&c->left))
		tell(c, err);
}

static void kping_request_sent(struct ib_cq *cq, struct ib_wc *wc)
{
	one_done(cq->cq_context, kping_check(wc, "client: request"));
}

static void kping_response_received(struct ib_cq *cq, struct ib_wc *wc)
{
	struct kping_msg *msg = container_of(wc->wr_cqe, struct kping_msg, cqe);
	struct client *c = cq->cq_context;
	int err = kping_check(wc, "client: response");

	kping_received(&c->conn, msg);
	if (!err && be32_to_cpu(msg->response->seq) != c->seq)
		err = -EPROTO;
	one_done(c, err ?: kping_post_recv(&c->conn, msg));
}

/* Map what the server is going to access. */
static noinline int kping_map_data(struct client *c)
{
	struct ib_device *dev = c->conn.pd->device;

	c->out_addr = ib_dma_map_single(dev, c->out, mistake(SHORT) ?
					sizeof(c->out) : c->size, DMA_TO_DEVICE);
	if (ib_dma_mapping_error(dev, c->out_addr) && !mistake(UNCHECKED))
		return -ENOMEM;
	c->in_addr = ib_dma_map_single(dev, c->in, c->size, mistake(DIRECTION) ?
				       DMA_TO_DEVICE : DMA_FROM_DEVICE);
	if (ib_dma_mapping_error(dev, c->in_addr) && !mistake(UNCHECKED)) {
		ib_dma_unmap_single(dev, c->out_addr, c->size, DMA_TO_DEVICE);
		return -ENOMEM;
	}
	return 0;
}

static noinline void kping_unmap_data(struct client *c)
{
	struct ib_device *dev = c->conn.pd->device;

	ib_dma_unmap_single(dev, mistake(UNMAP_POINTER) ? (uintptr_t)c->out :
			    c->out_addr, mistake(SHORT) ? sizeof(c->out) :
			    mistake(UNMAP_SIZE) ? c->size / 2 : c->size,
			    DMA_TO_DEVICE);
	if (mistake(UNMAP_TWICE))
		ib_dma_unmap_single(dev, c->out_addr, c->size, DMA_TO_DEVICE);
	if (mistake(LEAK))
		return;
	ib_dma_unmap_single(dev, c->in_addr, c->size, mistake(DIRECTION) ||
			    mistake(UNMAP_DIRECTION) ? DMA_TO_DEVICE :
			    DMA_FROM_DEVICE);
}

static void fill_request(struct client *c)
{
	struct kping_request *req = c->conn.send.request;
	u64 read = c->out_addr, write = c->in_addr;

	if (mistake(UNSET))
		read = 0;
	if (mistake(PHYSICAL))
		write = virt_to_phys(c->in);
	if (mistake(NEXT))
		write += c->size;
	req->read = cpu_to_be64(read);
	req->write = cpu_to_be64(write);
	req->key = cpu_to_be32(c->conn.pd->unsafe_global_rkey);
	req->len = cpu_to_be32(c->size);
	req->seq = cpu_to_be32(c->seq);
}

static int kping_send_request(struct client *c)
{
	struct kping_conn *conn = &c->conn;
	struct kping_request on_stack;
	struct ib_sge sge;
	struct ib_send_wr wr = {
		.wr_cqe = &conn->send.cqe,
		.opcode = IB_WR_SEND,
		.send_flags = IB_SEND_SIGNALED,
		.sg_list = &sge,
		.num_sge = 1,
	};
	int err;

	fill_request(c);
	err = kping_map_send(conn);
	if (err)
		return err;
	sge = conn->send.sge;
	if (mistake(POINTER))
		sge.addr = (uintptr_t)conn->send.request;
	if (mistake(STACK))
		sge.addr = (uintptr_t)&on_stack;
	atomic_set(&c->left, 2);
	err = ib_post_send(conn->id->qp, &wr, NULL);
	if (mistake(SEND_UNMAP))
		kping_unmap_send(conn);
	return err;
}

/* Is what the server has written the complement of what it has read? */
static bool is_answer(const struct client *c)
{
	size_t i;

	for (i = 0; i < c->size; i++)
		if (c->in[i] != (u8)~c->out[i])
			return false;
	return true;
}

static int ping(struct client *c)
{
	int err;

	c->seq++;
	memset(c->out, c->seq, c->size);
	memset(c->in, c->seq, c->size);
	err = kping_map_data(c);
	if (err)
		return err;
	err = kping_send_request(c) ?: wait(c);
	/* After an error the server may be at it still, until the QP has ended. */
	if (err)
		kping_conn_drain(&c->conn);
	kping_unmap_send(&c->conn);
	kping_unmap_data(c);
	return err ?: is_answer(c) ? 0 : -EBADMSG;
}

static int cm_event(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct client *c = id->context;

	switch (event->event) {
	case RDMA_CM_EVENT_ADDR_RESOLVED:
	case RDMA_CM_EVENT_ROUTE_RESOLVED:
	case RDMA_CM_EVENT_ESTABLISHED:
		tell(c, 0);
		break;
	case RDMA_CM_EVENT_DISCONNECTED:
		tell(c, -ECONNRESET);
		break;
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
		break;
	default:
		tell(c, event->status < 0 ? event->status : -ECONNREFUSED);
		break;
	}
	return 0;
}

static int connect_to(struct client *c, struct rdma_cm_id *id,
		      struct sockaddr *addr)
{
	struct rdma_conn_param param = {
		.responder_resources = 4,
		.initiator_depth = 4,
		.retry_count = 7,
		.rnr_retry_count = 7,
	};

	return rdma_resolve_addr(id, NULL, addr, 2000) ?: wait(c) ?:
	       rdma_resolve_route(id, 2000) ?: wait(c) ?:
	       kping_conn_open(&c->conn, id, kping_response_received,
			       kping_request_sent) ?:
	       rdma_connect(id, &param) ?: wait(c);
}

static int run(struct client *c, struct sockaddr *addr, unsigned int count)
{
	struct rdma_cm_id *id;
	int err;

	id = rdma_create_id(&init_net, cm_event, c, RDMA_PS_TCP, IB_QPT_RC);
	if (IS_ERR(id))
		return PTR_ERR(id);
	c->conn.id = id;
	err = connect_to(c, id, addr);
	while (!err && count--)
		err = ping(c);
	kping_conn_drain(&c->conn);
	kping_conn_close(&c->conn);
	rdma_destroy_id(id);
	return err;
}

/**
 * kping_run() - make requests over a new connection
 * @addr: where to
 * @count: how many, one after the other
 * @size: bytes of data of each
 *
 * Return: 0, or the first error.
 */
int kping_run(struct sockaddr *addr, unsigned int count, size_t size)
{
	struct client *c;
	int err = -ENOMEM;

	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return -ENOMEM;
	init_completion(&c->event);
	c->size = size;
	c->out = kmalloc(size, GFP_KERNEL);
	c->in = kmalloc(size, GFP_KERNEL);
	if (c->out && c->in)
		err = run(c, addr, count);
	kfree(c->in);
	kfree(c->out);
	kfree(c);
	return err;
}
