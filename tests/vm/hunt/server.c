// SPDX-License-Identifier: GPL-2.0
/*
 * kping: the server. It answers one request of a connection at a time, from pages
 * in a scatterlist: an RDMA read of the client's data, its complement, an RDMA
 * write of that with the response behind it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "kping.h"

#define PAGES (KPING_MAX_SIZE / PAGE_SIZE)

/**
 * struct server - one connection
 * @conn: the connection
 * @node: in the list of all
 * @work: ends it
 * @closing: that has begun, or is not to begin: it is not in the list yet
 * @read: the RDMA read
 * @write: the RDMA write, in case it fails
 * @msg: the request that is being answered
 * @request: what it says
 * @pages: the data
 * @sgl: the pages, as many as the request has data for
 * @nents: how many
 * @sge: what they are mapped as
 * @num_sge: how many elements; 0 while they are not mapped
 * @dir: in which direction they are mapped
 */
struct server {
	struct kping_conn conn;
	struct list_head node;
	struct work_struct work;
	atomic_t closing;
	struct ib_cqe read;
	struct ib_cqe write;
	bool answering;			/* a request, until the response is sent */
	struct kping_msg *next;		/* the request that came meanwhile, or NULL */
	struct kping_msg *msg;
	struct kping_request request;
	struct page *pages[PAGES];
	struct scatterlist sgl[PAGES];
	unsigned int nents;
	struct ib_sge sge[PAGES];
	int num_sge;
	enum dma_data_direction dir;
};

static struct rdma_cm_id *listener;
static struct workqueue_struct *wq;
static LIST_HEAD(servers);
static DEFINE_MUTEX(servers_lock);	/* protects the list */

static void server_close(struct server *s)
{
	if (!atomic_xchg(&s->closing, 1))
		queue_work(wq, &s->work);
}

/* The data, for the server's own work requests */

static noinline int kping_map_pages(struct server *s, enum dma_data_direction dir)
{
	int n;

	n = rdma_sge_map_sg(s->conn.pd, s->sge,
			    min_t(u32, PAGES, s->conn.id->device->attrs.max_send_sge),
			    s->sgl, s->nents, dir);
	if (n < 0)
		return n;
	s->num_sge = n;
	s->dir = dir;
	return 0;
}

static noinline void kping_unmap_pages(struct server *s)
{
	int i;

	if (!s->num_sge)
		return;
	if (mistake(UNMAP_SG_AS_PAGES))
		for (i = 0; i < s->num_sge; i++)
			rdma_sge_unmap_page(s->conn.pd, &s->sge[i], s->dir);
	else
		rdma_sge_unmap_sg(s->conn.pd, s->sgl, s->nents, s->dir);
	s->num_sge = 0;
}

static void set_length(struct server *s, u32 len)
{
	unsigned int i;

	s->nents = DIV_ROUND_UP(len, PAGE_SIZE);
	sg_init_table(s->sgl, s->nents);
	for (i = 0; i < s->nents; i++)
		sg_set_page(&s->sgl[i], s->pages[i],
			    min_t(u32, len - i * PAGE_SIZE, PAGE_SIZE), 0);
}

static void complement(struct server *s)
{
	unsigned int i;
	u8 *p, *end;

	for (i = 0; i < s->nents; i++) {
		p = page_address(s->pages[i]);
		for (end = p + s->sgl[i].length; p < end; p++)
			*p = ~*p;
	}
}

/* An answer, from its last step to its first one */

static int serve(struct server *s, struct kping_msg *msg);

static void kping_response_sent(struct ib_cq *cq, struct ib_wc *wc)
{
	struct server *s = cq->cq_context;
	struct kping_msg *next = s->next;
	int err;

	kping_unmap_pages(s);
	kping_unmap_send(&s->conn);
	s->answering = false;
	s->next = NULL;
	err = kping_check(wc, "server: response") ?:
	      kping_post_recv(&s->conn, s->msg);
	if (next && !err)
		err = serve(s, next);
	else if (next)
		kping_received(&s->conn, next);
	if (err)
		server_close(s);
}

/* It has no completion, unless it fails. */
static void kping_write_failed(struct ib_cq *cq, struct ib_wc *wc)
{
	struct server *s = cq->cq_context;

	kping_check(wc, "server: RDMA write");
	server_close(s);
}

static int kping_write_data(struct server *s)
{
	struct ib_send_wr response = {
		.wr_cqe = &s->conn.send.cqe,
		.opcode = IB_WR_SEND,
		.send_flags = IB_SEND_SIGNALED,
		.sg_list = &s->conn.send.sge,
		.num_sge = 1,
	};
	struct ib_rdma_wr write = {
		.wr = {
			.next = &response,
			.wr_cqe = &s->write,
			.opcode = IB_WR_RDMA_WRITE,
			.sg_list = s->sge,
		},
		.remote_addr = be64_to_cpu(s->request.write),
		.rkey = be32_to_cpu(s->request.key),
	};
	int err;

	complement(s);
	s->conn.send.response->seq = s->request.seq;
	err = kping_map_send(&s->conn) ?: kping_map_pages(s, DMA_TO_DEVICE);
	if (err)
		return err;
	write.wr.num_sge = s->num_sge;
	return ib_post_send(s->conn.id->qp, &write.wr, NULL);
}

static void kping_data_read(struct ib_cq *cq, struct ib_wc *wc)
{
	struct server *s = cq->cq_context;

	kping_unmap_pages(s);
	if (kping_check(wc, "server: RDMA read") || kping_write_data(s))
		server_close(s);
}

static int kping_read_data(struct server *s)
{
	struct ib_rdma_wr read = {
		.wr = {
			.wr_cqe = &s->read,
			.opcode = IB_WR_RDMA_READ,
			.send_flags = IB_SEND_SIGNALED,
			.sg_list = s->sge,
		},
		.remote_addr = be64_to_cpu(s->request.read),
		.rkey = be32_to_cpu(s->request.key),
	};
	u32 len = be32_to_cpu(s->request.len);
	int err;

	if (!len || len > KPING_MAX_SIZE)
		return -EPROTO;
	set_length(s, len);
	err = kping_map_pages(s, DMA_FROM_DEVICE);
	if (err)
		return err;
	read.wr.num_sge = s->num_sge;
	return ib_post_send(s->conn.id->qp, &read.wr, NULL);
}

static int serve(struct server *s, struct kping_msg *msg)
{
	kping_received(&s->conn, msg);
	s->msg = msg;
	s->request = *msg->request;
	s->answering = true;
	return kping_read_data(s);
}

/*
 * The peer can have a response, and ask again, before the completion of that
 * response comes; then the data of the last request is still mapped.
 */
static void kping_request_received(struct ib_cq *cq, struct ib_wc *wc)
{
	struct server *s = cq->cq_context;
	struct kping_msg *msg = container_of(wc->wr_cqe, struct kping_msg, cqe);
	int err = kping_check(wc, "server: request");

	if (err)
		kping_received(&s->conn, msg);
	else if (s->answering)
		s->next = msg;
	else
		err = serve(s, msg);
	if (err)
		server_close(s);
}

/* Connections */

static void server_free(struct server *s)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		if (s->pages[i])
			__free_page(s->pages[i]);
	kfree(s);
}

static void server_end(struct work_struct *work)
{
	struct server *s = container_of(work, struct server, work);

	mutex_lock(&servers_lock);
	list_del(&s->node);
	mutex_unlock(&servers_lock);
	kping_conn_drain(&s->conn);
	kping_unmap_pages(s);
	if (s->next)
		kping_received(&s->conn, s->next);
	kping_conn_close(&s->conn);
	rdma_destroy_id(s->conn.id);	/* waits for cm_event() */
	server_free(s);
}

static struct server *server_make(struct rdma_cm_id *id)
{
	struct server *s;
	unsigned int i;
	int err;

	s = kzalloc(sizeof(*s), GFP_KERNEL);
	if (!s)
		return ERR_PTR(-ENOMEM);
	s->read.done = kping_data_read;
	s->write.done = kping_write_failed;
	INIT_WORK(&s->work, server_end);
	atomic_set(&s->closing, 1);
	err = kping_conn_open(&s->conn, id, kping_request_received,
			      kping_response_sent);
	for (i = 0; i < PAGES && !err; i++) {
		s->pages[i] = alloc_page(GFP_KERNEL);
		if (!s->pages[i])
			err = -ENOMEM;
	}
	if (!err)
		return s;
	kping_conn_drain(&s->conn);
	kping_conn_close(&s->conn);
	server_free(s);
	return ERR_PTR(err);
}

/* If it fails, the connection manager destroys the id. */
static int accept(struct rdma_cm_id *id)
{
	struct rdma_conn_param param = {
		.responder_resources = 4,
		.initiator_depth = 4,
		.rnr_retry_count = 7,
	};
	struct server *s;

	id->context = NULL;	/* so far the listener's */
	s = server_make(id);
	if (IS_ERR(s))
		return PTR_ERR(s);
	id->context = s;
	mutex_lock(&servers_lock);
	list_add(&s->node, &servers);
	mutex_unlock(&servers_lock);
	atomic_set(&s->closing, 0);
	if (rdma_accept(id, &param))
		server_close(s);
	return 0;
}

static int cm_event(struct rdma_cm_id *id, struct rdma_cm_event *event)
{
	struct server *s = id->context;

	switch (event->event) {
	case RDMA_CM_EVENT_CONNECT_REQUEST:
		return accept(id);
	case RDMA_CM_EVENT_ESTABLISHED:
	case RDMA_CM_EVENT_TIMEWAIT_EXIT:
		return 0;
	default:
		if (s)
			server_close(s);
		return 0;
	}
}

/**
 * kping_server_start() - listen
 * @port: the port, on every address
 *
 * Return: 0 or an error.
 */
int kping_server_start(unsigned int port)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};
	int err = -ENOMEM;

	wq = alloc_workqueue("kping", WQ_UNBOUND, 0);
	if (!wq)
		return -ENOMEM;
	listener = rdma_create_id(&init_net, cm_event, NULL, RDMA_PS_TCP,
				  IB_QPT_RC);
	if (IS_ERR(listener)) {
		err = PTR_ERR(listener);
		goto err_wq;
	}
	err = rdma_bind_addr(listener, (struct sockaddr *)&any) ?:
	      rdma_listen(listener, 8);
	if (!err)
		return 0;
	rdma_destroy_id(listener);
err_wq:
	destroy_workqueue(wq);
	return err;
}

/**
 * kping_server_stop() - end listening, and all connections
 */
void kping_server_stop(void)
{
	struct server *s;

	rdma_destroy_id(listener);
	mutex_lock(&servers_lock);
	list_for_each_entry(s, &servers, node)
		server_close(s);
	mutex_unlock(&servers_lock);
	destroy_workqueue(wq);
}
