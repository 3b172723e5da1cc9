/* SPDX-License-Identifier: GPL-2.0 */
/*
 * kping: a small ULP, an example of how mistakes with DMA are found.
 *
 * It does what a storage protocol does. The client sends a request, a message
 * that names two of its buffers by address and key. The server reads the one by
 * RDMA, writes its complement to the other one by RDMA, and sends a response.
 * Server and client are in one module. Nothing of the suite is
 * needed: kping runs on any RDMA device whose keys are good for all memory
 * that is mapped (IB_PD_UNSAFE_GLOBAL_RKEY, as SRP and NVMe-oF can use it).
 *
 * Without a mistake it is right. Each mistake is in the place where ULPs make it,
 * as a condition on mistake(); enum kping_mistake says what they are. Functions
 * that map and unmap are not inlined, so that stacks name them.
 *
 *	main.c		parameters; what one loads and starts
 *	client.c	requests
 *	server.c	answers
 *	conn.c		what both have: a QP, receive buffers, its end
 */
#ifndef KPING_H
#define KPING_H

#include <linux/completion.h>
#include <linux/types.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_cm.h>

#include "rdma_sge.h"

#define KPING_RECVS	4		/* receive buffers of a connection */
#define KPING_MAX_SIZE	(64 * 1024)	/* of a data buffer */

/**
 * enum kping_mistake - what kping does wrong
 * @KPING_NONE: nothing
 * @KPING_EARLY_UNMAP: a receive buffer is unmapped when it has been posted, not
 *	when its completion has come
 * @KPING_SEND_UNMAP: a request is unmapped when it has been posted
 * @KPING_SHORT: the size of a pointer is mapped instead of that of the buffer
 * @KPING_DIRECTION: the buffer that the peer writes is mapped DMA_TO_DEVICE
 * @KPING_POINTER: the kernel's pointer is in the element
 * @KPING_STACK: the pointer is to the stack
 * @KPING_PHYSICAL: the physical address is in the request
 * @KPING_UNSET: nobody has mapped the buffer
 * @KPING_NEXT: the address is the one after the buffer's end
 * @KPING_UNCHECKED: that mapping can fail is forgotten
 * @KPING_UNMAP_SIZE: unmapped with another size
 * @KPING_UNMAP_DIRECTION: unmapped with another direction
 * @KPING_UNMAP_TWICE: unmapped twice
 * @KPING_UNMAP_POINTER: the kernel's pointer is unmapped
 * @KPING_UNMAP_SG_AS_PAGES: a scatterlist is unmapped element by element
 * @KPING_LEAK: not unmapped
 */
enum kping_mistake {
	KPING_NONE,
	KPING_EARLY_UNMAP,
	KPING_SEND_UNMAP,
	KPING_SHORT,
	KPING_DIRECTION,
	KPING_POINTER,
	KPING_STACK,
	KPING_PHYSICAL,
	KPING_UNSET,
	KPING_NEXT,
	KPING_UNCHECKED,
	KPING_UNMAP_SIZE,
	KPING_UNMAP_DIRECTION,
	KPING_UNMAP_TWICE,
	KPING_UNMAP_POINTER,
	KPING_UNMAP_SG_AS_PAGES,
	KPING_LEAK,
};

extern enum kping_mistake kping_mistake;

#define mistake(name) (READ_ONCE(kping_mistake) == KPING_##name)

/**
 * struct kping_request - the client's message
 * @read: device address of the buffer that the server reads
 * @write: device address of the one that it writes
 * @key: the R_Key for both
 * @len: bytes of each
 * @seq: number of the request
 */
struct kping_request {
	__be64 read;
	__be64 write;
	__be32 key;
	__be32 len;
	__be32 seq;
};

/**
 * struct kping_response - the server's
 * @seq: that of the request
 */
struct kping_response {
	__be32 seq;
};

/**
 * struct kping_msg - a buffer for one message, on its way in or out
 * @cqe: called when it has been received or sent
 * @sge: what it is mapped as
 * @request: the client's message; memory of kmalloc()
 * @response: the server's, in the same memory
 */
struct kping_msg {
	struct ib_cqe cqe;
	struct ib_sge sge;
	union {
		struct kping_request *request;
		struct kping_response *response;
	};
};

/**
 * struct kping_conn - what client and server have on their side of a connection
 * @id: the connection manager's
 * @pd: the protection domain
 * @cq: for sends and receives
 * @recv: receive buffers, mapped as long as they are posted
 * @send: the message that is being sent
 */
struct kping_conn {
	struct rdma_cm_id *id;
	struct ib_pd *pd;
	struct ib_cq *cq;
	struct kping_msg recv[KPING_RECVS];
	struct kping_msg send;
};

typedef void kping_done_fn(struct ib_cq *cq, struct ib_wc *wc);

int kping_conn_open(struct kping_conn *conn, struct rdma_cm_id *id,
		    kping_done_fn *recv_done, kping_done_fn *send_done);
void kping_conn_drain(struct kping_conn *conn);
void kping_conn_close(struct kping_conn *conn);
int kping_post_recv(struct kping_conn *conn, struct kping_msg *msg);
void kping_received(struct kping_conn *conn, struct kping_msg *msg);
int kping_map_send(struct kping_conn *conn);
void kping_unmap_send(struct kping_conn *conn);
int kping_check(const struct ib_wc *wc, const char *what);

int kping_run(struct sockaddr *addr, unsigned int count, size_t size);

int kping_server_start(unsigned int port);
void kping_server_stop(void);

#endif /* KPING_H */
