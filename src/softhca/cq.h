/* SPDX-License-Identifier: GPL-2.0 */
/* Completion queues. */
#ifndef SOFTHCA_CQ_H
#define SOFTHCA_CQ_H

#include <linux/irq_work.h>
#include <linux/workqueue.h>

#include "ring.h"
#include "softhca.h"

/**
 * struct softhca_cq - a completion queue
 * @ib: what the RDMA core knows of it
 * @lock: protects which ring it is and its producer, for kernel queues its
 *	consumer as well, @notify and @overflow; taken inside any other lock,
 *	with interrupts off
 * @ring: struct ib_uverbs_wc for user space, struct ib_wc for the kernel
 * @notify: the completions that raise an event; 0 when not armed
 * @overflow: an entry was lost; nothing more is added
 * @user: of user space
 * @irq_work: calls a kernel consumer's handler, from interrupt context as
 *	hardware does, never from inside a post or poll
 * @error_work: reports the overflow
 */
struct softhca_cq {
	struct ib_cq ib;
	spinlock_t lock;
	struct softhca_ring ring;
	enum ib_cq_notify_flags notify;
	bool overflow;
	bool user;
	struct irq_work irq_work;
	struct work_struct error_work;
};

static inline struct softhca_cq *to_softhca_cq(struct ib_cq *ib)
{
	return container_of(ib, struct softhca_cq, ib);
}

int softhca_create_cq(struct ib_cq *ib, const struct ib_cq_init_attr *attr,
		      struct ib_udata *udata);
int softhca_destroy_cq(struct ib_cq *ib, struct ib_udata *udata);
int softhca_resize_cq(struct ib_cq *ib, unsigned int cqe,
		      struct ib_udata *udata);
int softhca_poll_cq(struct ib_cq *ib, int num_entries, struct ib_wc *wc);
int softhca_req_notify_cq(struct ib_cq *ib, enum ib_cq_notify_flags flags);

int softhca_cq_add(struct softhca_cq *cq, const struct ib_wc *wc,
		   bool solicited);
void softhca_cq_purge(struct softhca_cq *cq, struct ib_qp *qp);

#endif /* SOFTHCA_CQ_H */
