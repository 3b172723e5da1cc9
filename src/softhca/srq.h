/* SPDX-License-Identifier: GPL-2.0 */
/* Shared receive queues, and the receive that a QP has taken from one. */
#ifndef SOFTHCA_SRQ_H
#define SOFTHCA_SRQ_H

#include <linux/workqueue.h>

#include "ring.h"
#include "softhca.h"
#include "wqe.h"

/**
 * struct softhca_srq - a shared receive queue
 * @ib: what the RDMA core knows of it
 * @lock: protects all below, and posts of the kernel; a leaf, with interrupts
 *	off
 * @ring: its elements
 * @max_sge: ranges of a work request
 * @limit: fewer receives than this raise an event; 0 when not armed
 * @taken: receives that were taken since it was created
 * @user: of user space
 * @resizing: serialises changes of @ring's size
 * @limit_work: reports that @limit was reached
 */
struct softhca_srq {
	struct ib_srq ib;
	spinlock_t lock;
	struct softhca_ring ring;
	u32 max_sge;
	u32 limit;
	u32 taken;
	bool user;
	struct mutex resizing;
	struct work_struct limit_work;
};

/**
 * struct softhca_held - the receive that a QP has taken from its SRQ
 * @recv: a copy; with room for what the SRQ allows
 * @err: what is wrong with it, as softhca_rq_head() says it
 * @taken: there is one
 *
 * A message takes it when it begins, and its completion gives it up. One that
 * ends half way leaves it for the QP's next message, or for the flush. A reset
 * loses it, as hardware loses what it has fetched: its place in the queue may
 * have been used again.
 *
 * It is its QP's alone, used as the QP's own receive queue would be: by the one
 * who executes a message to the QP, or flushes.
 */
struct softhca_held {
	struct softhca_recv_wqe *recv;
	int err;
	bool taken;
};

static inline struct softhca_srq *to_softhca_srq(struct ib_srq *ib)
{
	return container_of(ib, struct softhca_srq, ib);
}

int softhca_create_srq(struct ib_srq *ib, struct ib_srq_init_attr *init,
		       struct ib_udata *udata);
int softhca_modify_srq(struct ib_srq *ib, struct ib_srq_attr *attr,
		       enum ib_srq_attr_mask mask, struct ib_udata *udata);
int softhca_query_srq(struct ib_srq *ib, struct ib_srq_attr *attr);
int softhca_destroy_srq(struct ib_srq *ib, struct ib_udata *udata);

int softhca_srq_take(struct softhca_srq *srq, struct softhca_held *held);

#endif /* SOFTHCA_SRQ_H */
