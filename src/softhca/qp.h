/* SPDX-License-Identifier: GPL-2.0 */
/* Queue pairs. */
#ifndef SOFTHCA_QP_H
#define SOFTHCA_QP_H

#include <linux/completion.h>
#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "ah.h"
#include "cq.h"
#include "ring.h"
#include "softhca.h"
#include "srq.h"
#include "wqe.h"

/**
 * struct softhca_qp_handle - how a QP is found by its number
 * @refs: one of the QP itself, one of its requester while that runs, one of
 *	each message to it; destruction waits for them
 * @gone: @refs has come to zero
 * @rcu: frees it after the last look-up; the QP's own memory is the core's
 * @qp: the QP, good for as long as a reference is held
 */
struct softhca_qp_handle {
	refcount_t refs;
	struct completion gone;
	struct rcu_head rcu;
	struct softhca_qp *qp;
};

/**
 * struct softhca_wq - a send or receive queue
 * @ring: its elements
 * @lock: kernel consumers: serialises who posts
 * @max_sge: ranges of a work request
 * @max_inline: bytes of inline data, in a send queue
 */
struct softhca_wq {
	struct softhca_ring ring;
	spinlock_t lock;
	u32 max_sge;
	u32 max_inline;
};

/**
 * struct softhca_req - what executes a QP's send queue
 * @owner: SOFTHCA_REQ_* bits; there is one requester at a time
 * @work: runs it in process context
 * @timer: ends a wait for a peer that was not ready or did not answer
 * @later: with the parameter `defer`, begins what was posted
 * @waiting: that wait
 * @started: the head of the queue was tried before
 * @rnr_left: tries left with a peer that is not ready
 * @retry_left: tries left with a peer that does not answer
 * @poll_ms: in the error state, when to look for new requests of user space
 * @wqe: user QPs: private copy of the head of the queue
 * @recv: private copy of the peer's receive work request
 */
struct softhca_req {
	atomic_t owner;
	struct work_struct work;
	struct hrtimer timer;
	struct hrtimer later;
	bool waiting;
	bool started;
	u8 rnr_left;
	u8 retry_left;
	u16 poll_ms;
	struct softhca_send_wqe *wqe;
	struct softhca_recv_wqe *recv;
};

#define SOFTHCA_REQ_RUN		BIT(0)	/* somebody is the requester */
#define SOFTHCA_REQ_KICK	BIT(1)	/* and shall look again before leaving */

/**
 * struct softhca_qp - a queue pair
 * @ib: what the RDMA core knows of it
 * @dev: its device
 * @counters: where it counts: its device's, or those of the counter that it is
 *	bound to; see counters.c
 * @handle: how messages find it
 * @user: of user space
 * @sig_all: each send completes with an entry
 * @mutex: serialises modify and query
 * @state_lock: protects changes of @state; a leaf, with interrupts off
 * @state: IBTA state; whoever acts on it reads it with acquire semantics
 * @attr: as it was modified, for query; under @mutex
 * @av: RC, UC: both ends of the connection. This and the next ones are set
 *	before the state that uses them
 * @dest_qpn: RC, UC: the peer
 * @sq_psn: RC: first packet number sent
 * @rq_psn: RC: first packet number expected
 * @qkey: UD
 * @access: IB_ACCESS_REMOTE_* that the peer has
 * @timeout: RC: see IBTA's Local ACK Timeout
 * @retry_cnt: RC
 * @rnr_retry: RC; 7 is without end
 * @min_rnr_timer: RC: what it tells a sender that finds no receive
 * @max_rd_atomic: RC: RDMA reads that it may start
 * @max_dest_rd_atomic: RC: RDMA reads that the peer may start
 * @established: COMM_EST was reported
 * @sq_draining: in SQD: what has begun goes on. Set with the state, cleared by
 *	the requester
 * @sqd_notify: SQ_DRAINED is due
 * @last_wqe: LAST_WQE_REACHED was reported
 * @sq: send queue
 * @rq: receive queue; without a ring where there is an SRQ
 * @srq: the shared receive queue that it takes receives from, or NULL
 * @held: the one that it has taken, see there
 * @rq_consume: datagrams: serialises the senders that consume @rq or @held
 * @windows: of type 2, bound through it; under its device's mw_lock
 * @req: executes @sq
 * @inbound: messages to this QP being executed; its receive queue is not
 *	flushed under them
 * @idle: waits for @req's owner to leave and for @inbound to end
 * @events: asynchronous events to report, by enum ib_event_type
 * @event_work: reports them
 */
struct softhca_qp {
	struct ib_qp ib;
	struct softhca_dev *dev;
	struct softhca_counters __percpu *counters;
	struct softhca_qp_handle *handle;
	bool user;
	bool sig_all;

	struct mutex mutex;
	spinlock_t state_lock;
	enum ib_qp_state state;
	struct ib_qp_attr attr;

	struct softhca_av av;
	u32 dest_qpn;
	u32 sq_psn;
	u32 rq_psn;
	u32 qkey;
	int access;
	u8 timeout;
	u8 retry_cnt;
	u8 rnr_retry;
	u8 min_rnr_timer;
	u8 max_rd_atomic;
	u8 max_dest_rd_atomic;
	bool established;
	bool sq_draining;
	bool sqd_notify;
	bool last_wqe;

	struct softhca_wq sq;
	struct softhca_wq rq;
	struct softhca_srq *srq;
	struct softhca_held held;
	spinlock_t rq_consume;
	struct list_head windows;
	struct softhca_req req;

	atomic_t inbound;
	wait_queue_head_t idle;
	unsigned long events;
	struct work_struct event_work;
};

static inline struct softhca_qp *to_softhca_qp(struct ib_qp *ib)
{
	return container_of(ib, struct softhca_qp, ib);
}

static inline struct softhca_cq *softhca_send_cq(struct softhca_qp *qp)
{
	return to_softhca_cq(qp->ib.send_cq);
}

static inline struct softhca_cq *softhca_recv_cq(struct softhca_qp *qp)
{
	return to_softhca_cq(qp->ib.recv_cq);
}

static inline enum ib_qp_state softhca_qp_state(const struct softhca_qp *qp)
{
	/* Pairs with qp_move(): the attributes that came with the state. */
	return smp_load_acquire(&qp->state);
}

/* In these states a QP takes messages. */
static inline bool softhca_qp_receives(const struct softhca_qp *qp)
{
	enum ib_qp_state state = softhca_qp_state(qp);

	return state >= IB_QPS_RTR && state <= IB_QPS_SQE;
}

/* In these states what it has begun to send goes on. */
static inline bool softhca_qp_sends(const struct softhca_qp *qp)
{
	enum ib_qp_state state = softhca_qp_state(qp);

	return state == IB_QPS_RTS || state == IB_QPS_SQD;
}

static inline bool softhca_qp_is_datagram(const struct softhca_qp *qp)
{
	return qp->ib.qp_type == IB_QPT_UD || qp->ib.qp_type == IB_QPT_GSI;
}

/* Nothing that it sends is answered, and it answers nothing. */
static inline bool softhca_qp_is_unacked(const struct softhca_qp *qp)
{
	return qp->ib.qp_type != IB_QPT_RC;
}

int softhca_create_qp(struct ib_qp *ib, struct ib_qp_init_attr *init,
		      struct ib_udata *udata);
int softhca_destroy_qp(struct ib_qp *ib, struct ib_udata *udata);

struct softhca_qp *softhca_qp_get(u32 qpn);
struct softhca_qp *softhca_qp_get_gsi(struct softhca_dev *dev);
void softhca_qp_put(struct softhca_qp_handle *handle);
bool softhca_qp_enter(struct softhca_qp *qp);
void softhca_qp_leave(struct softhca_qp *qp);
void softhca_qp_event(struct softhca_qp *qp, enum ib_event_type event);
void softhca_qps_shut_down(struct softhca_dev *dev);

#endif /* SOFTHCA_QP_H */
