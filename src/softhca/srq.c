// SPDX-License-Identifier: GPL-2.0
/*
 * Shared receive queues: creation, change of size, limits, and taking receives
 * from them. What a QP does with one that it has taken is wqe.c's and
 * responder.c's, where it looks like the head of a queue of the QP's own.
 */
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <rdma/uverbs_ioctl.h>

#include "srq.h"

static void srq_limit_work(struct work_struct *work)
{
	struct softhca_srq *srq = container_of(work, struct softhca_srq,
					       limit_work);
	struct ib_event event = {
		.device = srq->ib.device,
		.element.srq = &srq->ib,
		.event = IB_EVENT_SRQ_LIMIT_REACHED,
	};

	if (srq->ib.event_handler)
		srq->ib.event_handler(&event, srq->ib.srq_context);
}

/* Under the lock: is it time to say that few are left? It is said once. */
static void check_limit(struct softhca_srq *srq)
{
	if (!srq->limit || softhca_ring_avail(&srq->ring) >= srq->limit)
		return;
	WRITE_ONCE(srq->limit, 0);
	schedule_work(&srq->limit_work);
}

/**
 * softhca_srq_take - take the receive that is next
 * @srq: the queue
 * @held: receives it
 *
 * Context: Any.
 * Return: whether there was one: 0 or -EAGAIN.
 */
int softhca_srq_take(struct softhca_srq *srq, struct softhca_held *held)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&srq->lock, flags);
	err = softhca_recv_head(&srq->ring, srq->user, srq->max_sge,
				held->recv);
	if (err != -EAGAIN) {
		held->err = err;
		held->taken = true;
		softhca_ring_pop(&srq->ring);
		srq->taken++;
		check_limit(srq);
		err = 0;
	}
	spin_unlock_irqrestore(&srq->lock, flags);
	return err;
}

static int ring_init(struct softhca_srq *srq, struct softhca_ring *ring,
		     u32 max_wr, struct ib_udata *udata, struct mminfo *info)
{
	size_t elem = srq->user ? softhca_user_recv_wqe_size(srq->max_sge) :
				  softhca_recv_wqe_size(srq->max_sge);

	return softhca_ring_init(ring, max(max_wr, 1U), elem, udata, info);
}

/**
 * softhca_create_srq - ib_device_ops.create_srq
 * @ib: the queue
 * @init: what it shall be; receives what it is. Its limit is not looked at: a
 *	queue without receives is below every limit
 * @udata: of the user's command; NULL for a queue of the kernel
 */
int softhca_create_srq(struct ib_srq *ib, struct ib_srq_init_attr *init,
		       struct ib_udata *udata)
{
	struct softhca_dev *dev = to_softhca(ib->device);
	struct softhca_srq *srq = to_softhca_srq(ib);
	struct rxe_create_srq_resp resp = {};
	int err;

	if (init->srq_type != IB_SRQT_BASIC)
		return -EOPNOTSUPP;
	if (!READ_ONCE(dev->enabled))
		return -ENODEV;
	if (init->attr.max_wr > SOFTHCA_MAX_SRQ_WR ||
	    init->attr.max_sge > SOFTHCA_MAX_SGE)
		return -EINVAL;
	if (udata && udata->outlen < sizeof(resp))
		return -EINVAL;

	err = softhca_charge(dev, SOFTHCA_SRQ);
	if (err)
		return err;

	spin_lock_init(&srq->lock);
	mutex_init(&srq->resizing);
	INIT_WORK(&srq->limit_work, srq_limit_work);
	srq->user = !!udata;
	srq->max_sge = init->attr.max_sge;

	err = ring_init(srq, &srq->ring, init->attr.max_wr, udata, &resp.mi);
	if (err)
		goto err_charge;

	if (udata) {
		err = ib_copy_to_udata(udata, &resp, sizeof(resp));
		if (err)
			goto err_ring;
	}
	init->attr.max_wr = softhca_ring_size(&srq->ring);
	return 0;

err_ring:
	softhca_ring_destroy(&srq->ring);
err_charge:
	softhca_uncharge(dev, SOFTHCA_SRQ);
	return err;
}

/*
 * Moving to a ring of another size. Receives are taken meanwhile, and a kernel
 * ULP posts, so most of the copying is done without the lock; elements are counted
 * from the one that was next when it began. What has been taken since, and may have
 * been written again, is not looked at in the copy.
 */
struct srq_move {
	struct softhca_ring *from;
	struct softhca_ring *to;
	u32 first;	/* where the first one is in @from */
	u32 copied;
};

/* What is copied at once with interrupts off. */
#define MOVE_LOCKED	64

static void move_elements(struct srq_move *move, u32 until)
{
	size_t size = (size_t)1 << move->from->shift;

	for (; move->copied != until; move->copied++)
		memcpy(softhca_ring_elem(move->to, move->copied),
		       softhca_ring_elem(move->from,
					 move->first + move->copied), size);
}

static void swap_rings(struct softhca_srq *srq, struct softhca_ring *ring,
		       u32 cons, u32 prod)
{
	ring->cons = cons & ring->mask;
	ring->prod = prod & ring->mask;
	if (ring->shared) {
		ring->shared->consumer_index = ring->cons;
		ring->shared->producer_index = ring->prod;
	}
	swap(srq->ring, *ring);
}

/*
 * A user's ring is moved with what it had when that began: librxe does not post
 * meanwhile, and whoever does is not waited for.
 */
static int move_ring(struct softhca_srq *srq, struct softhca_ring *ring)
{
	struct srq_move move = { .from = &srq->ring, .to = ring };
	u32 start, cons, prod;

	spin_lock_irq(&srq->lock);
	start = srq->taken;
	move.first = srq->ring.cons;
	prod = softhca_ring_avail(&srq->ring);
	for (cons = 0;;) {
		if (prod - cons > softhca_ring_size(ring)) {
			spin_unlock_irq(&srq->lock);
			return -EINVAL;
		}
		if ((s32)(move.copied - cons) < 0)
			move.copied = cons;
		if (prod - move.copied <= MOVE_LOCKED)
			break;

		spin_unlock_irq(&srq->lock);
		move_elements(&move, prod);
		cond_resched();
		spin_lock_irq(&srq->lock);

		cons = srq->taken - start;
		if (!srq->user)
			prod = cons + softhca_ring_avail(&srq->ring);
		else if ((s32)(prod - cons) < 0)
			prod = cons;
	}
	move_elements(&move, prod);
	swap_rings(srq, ring, cons, prod);
	spin_unlock_irq(&srq->lock);
	return 0;
}

static int srq_resize(struct softhca_srq *srq, u32 max_wr, u32 limit,
		      struct ib_udata *udata)
{
	struct rxe_modify_srq_cmd cmd;
	struct softhca_ring ring;
	struct mminfo info;
	int err;

	if (max_wr > SOFTHCA_MAX_SRQ_WR || limit > max(max_wr, 1U))
		return -EINVAL;
	if (srq->user) {
		if (!udata || udata->inlen < sizeof(cmd))
			return -EINVAL;
		err = ib_copy_from_udata(&cmd, udata, sizeof(cmd));
		if (err)
			return err;
	}

	err = ring_init(srq, &ring, max_wr, srq->user ? udata : NULL, &info);
	if (err)
		return err;
	if (srq->user && copy_to_user(u64_to_user_ptr(cmd.mmap_info_addr),
				      &info, sizeof(info))) {
		err = -EFAULT;
		goto out;
	}
	err = move_ring(srq, &ring);
out:
	softhca_ring_destroy(&ring);	/* the one that is not used */
	return err;
}

static int srq_set_limit(struct softhca_srq *srq, u32 limit)
{
	int err = 0;

	spin_lock_irq(&srq->lock);
	if (limit > softhca_ring_size(&srq->ring)) {
		err = -EINVAL;
	} else {
		srq->limit = limit;
		check_limit(srq);
	}
	spin_unlock_irq(&srq->lock);
	return err;
}

int softhca_modify_srq(struct ib_srq *ib, struct ib_srq_attr *attr,
		       enum ib_srq_attr_mask mask, struct ib_udata *udata)
{
	struct softhca_srq *srq = to_softhca_srq(ib);
	int err = 0;

	if (mask & ~(IB_SRQ_MAX_WR | IB_SRQ_LIMIT))
		return -EINVAL;

	mutex_lock(&srq->resizing);
	if (mask & IB_SRQ_MAX_WR)
		err = srq_resize(srq, attr->max_wr, mask & IB_SRQ_LIMIT ?
				 attr->srq_limit : READ_ONCE(srq->limit),
				 udata);
	if (!err && (mask & IB_SRQ_LIMIT))
		err = srq_set_limit(srq, attr->srq_limit);
	mutex_unlock(&srq->resizing);
	return err;
}

int softhca_query_srq(struct ib_srq *ib, struct ib_srq_attr *attr)
{
	struct softhca_srq *srq = to_softhca_srq(ib);

	spin_lock_irq(&srq->lock);
	attr->max_wr = softhca_ring_size(&srq->ring);
	attr->max_sge = srq->max_sge;
	attr->srq_limit = srq->limit;
	spin_unlock_irq(&srq->lock);
	return 0;
}

/* The core refuses it while a QP has the queue. */
int softhca_destroy_srq(struct ib_srq *ib, struct ib_udata *udata)
{
	struct softhca_srq *srq = to_softhca_srq(ib);

	cancel_work_sync(&srq->limit_work);
	softhca_ring_destroy(&srq->ring);
	softhca_uncharge(to_softhca(ib->device), SOFTHCA_SRQ);
	return 0;
}
