// SPDX-License-Identifier: GPL-2.0
/*
 * Memory windows: their life, and the work requests that bind and invalidate
 * them. How an access goes through one is memory.c's.
 *
 * A window is an entry in the table of keys like a region, and is closed like
 * one: when an unbind, a bind to something else or an invalidation is over,
 * nothing goes through what it showed before. It has no memory of its own but
 * names a part of a region, which cannot be deregistered meanwhile.
 *
 *	type 1	serves each QP of its PD; a bind may follow a bind, and one of no
 *		bytes unbinds it
 *	type 2	is bound through the QP that it then serves (2B), with a key whose
 *		last eight bits that one's owner chooses, and is free again after
 *		an invalidation, or after the QP's end
 *
 * Only user space has windows: the kernel's verbs have no call for them.
 */
#include <linux/slab.h>

#include "mw.h"
#include "qp.h"

#define WINDOW_ACCESS	(IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_WRITE | \
			 IB_ACCESS_REMOTE_ATOMIC | IB_ACCESS_FLUSH_GLOBAL)

int softhca_alloc_mw(struct ib_mw *ib, struct ib_udata *udata)
{
	struct softhca_dev *dev = to_softhca(ib->device);
	struct softhca_mw *mw = container_of(ib, struct softhca_mw, ib);
	struct softhca_window *window;
	int err;

	err = softhca_charge(dev, SOFTHCA_MW);
	if (err)
		return err;

	err = -ENOMEM;
	window = kzalloc(sizeof(*window), GFP_KERNEL);
	if (!window)
		goto err_charge;

	window->type = ib->type;
	INIT_LIST_HEAD(&window->of_qp);
	window->key.kind = SOFTHCA_MR_WINDOW;
	window->key.state = SOFTHCA_MR_FREE;
	window->key.pd = ib->pd;
	window->key.ib.device = ib->device;
	refcount_set(&window->key.refs, 1);
	init_completion(&window->key.gone);

	err = softhca_mr_publish(&window->key);
	if (err)
		goto err_window;
	mw->window = window;
	ib->rkey = window->key.key;
	return 0;

err_window:
	kfree(window);
err_charge:
	softhca_uncharge(dev, SOFTHCA_MW);
	return err;
}

/* Under the device's mw_lock. */
static void window_unbind(struct softhca_window *window,
			  enum softhca_mr_state state)
{
	softhca_mr_close(&window->key, state);
	if (window->target)
		window->target->windows--;
	window->target = NULL;
	list_del_init(&window->of_qp);
	window->qp = NULL;
}

int softhca_dealloc_mw(struct ib_mw *ib)
{
	struct softhca_mw *mw = container_of(ib, struct softhca_mw, ib);
	struct softhca_window *window = mw->window;
	struct softhca_dev *dev = to_softhca(ib->device);
	unsigned long flags;

	xa_erase(&dev->mrs, window->key.index);

	spin_lock_irqsave(&dev->mw_lock, flags);
	window_unbind(window, SOFTHCA_MR_DEAD);
	spin_unlock_irqrestore(&dev->mw_lock, flags);

	softhca_mr_put(&window->key);
	wait_for_completion(&window->key.gone);
	kfree_rcu(window, key.rcu);
	softhca_uncharge(dev, SOFTHCA_MW);
	return 0;
}

/* IBTA o10-36 and o10-37; a window or region of a wrong key is not there. */
static bool window_may_be_bound(const struct softhca_window *window,
				const struct softhca_qp *qp,
				const struct softhca_send_wqe *wqe)
{
	const struct softhca_mr *key = &window->key;

	if (key->state == SOFTHCA_MR_DEAD || key->key != wqe->mw.mw_rkey ||
	    key->pd != qp->ib.pd ||
	    softhca_key_index(wqe->mw.rkey) != key->index)
		return false;
	if (window->type == IB_MW_TYPE_1)
		return !(wqe->mw.access & IB_ZERO_BASED);
	return key->state == SOFTHCA_MR_FREE && wqe->mw.length;
}

static bool region_may_be_bound(const struct softhca_mr *mr,
				const struct softhca_qp *qp,
				const struct softhca_send_wqe *wqe)
{
	u64 addr = wqe->mw.addr, length = wqe->mw.length;
	u32 access = wqe->mw.access;

	/* A window is on memory of user space. */
	if (!softhca_mr_is_user(mr) || mr->closing ||
	    READ_ONCE(mr->state) != SOFTHCA_MR_VALID ||
	    mr->key != wqe->mw.mr_lkey || mr->pd != qp->ib.pd)
		return false;
	/* Local write is the region's to grant: a window has no part in it. */
	if (!(mr->access & IB_ACCESS_MW_BIND) || (mr->access & IB_ZERO_BASED) ||
	    (access & ~(WINDOW_ACCESS | IB_ACCESS_LOCAL_WRITE | IB_ZERO_BASED)))
		return false;
	if ((access & (IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC)) &&
	    !(mr->access & IB_ACCESS_LOCAL_WRITE))
		return false;
	/* Where flushes do nothing for the memory, its region does not grant them. */
	if (access & IB_ACCESS_FLUSH_GLOBAL & ~mr->access)
		return false;
	return addr >= mr->iova && length <= mr->length &&
	       addr - mr->iova <= mr->length - length;
}

/* Under mw_lock, with everything checked; @mr is NULL for an unbind. */
static void window_bind(struct softhca_window *window, struct softhca_mr *mr,
			struct softhca_qp *qp,
			const struct softhca_send_wqe *wqe)
{
	struct softhca_mr *key = &window->key;

	window_unbind(window, SOFTHCA_MR_FREE);
	key->key = wqe->mw.rkey;
	if (!mr)
		return;

	key->access = wqe->mw.access & WINDOW_ACCESS;
	key->iova = wqe->mw.access & IB_ZERO_BASED ? 0 : wqe->mw.addr;
	key->length = wqe->mw.length;
	window->base = wqe->mw.addr;
	window->target = mr;
	mr->windows++;
	if (window->type == IB_MW_TYPE_2) {
		window->qp = qp;
		list_add(&window->of_qp, &qp->windows);
	}
	/* Pairs with mem_granted(). */
	smp_store_release(&key->state, SOFTHCA_MR_VALID);
}

/* With both held. */
static int bind_to(struct softhca_mr *key, struct softhca_mr *mr,
		   struct softhca_qp *qp, const struct softhca_send_wqe *wqe)
{
	struct softhca_dev *dev = qp->dev;
	struct softhca_window *window;
	unsigned long flags;
	int err = -EINVAL;

	if (key->kind != SOFTHCA_MR_WINDOW)
		return err;
	window = to_softhca_window(key);

	spin_lock_irqsave(&dev->mw_lock, flags);
	if (window_may_be_bound(window, qp, wqe) &&
	    (!mr || region_may_be_bound(mr, qp, wqe))) {
		window_bind(window, mr, qp, wqe);
		err = 0;
	}
	spin_unlock_irqrestore(&dev->mw_lock, flags);
	return err;
}

/**
 * softhca_mw_bind - execute a BIND_MW work request
 * @qp: the QP
 * @wqe: the request
 *
 * When it fails, the window shows what it showed before.
 *
 * Context: Any, by the QP's one requester.
 * Return: 0, or -EINVAL where IBTA has a memory window bind error.
 */
int softhca_mw_bind(struct softhca_qp *qp, const struct softhca_send_wqe *wqe)
{
	struct softhca_mr *key, *mr = NULL;
	int err = -EINVAL;

	key = softhca_mr_get(qp->dev, wqe->mw.mw_rkey);
	if (!key)
		return err;
	if (wqe->mw.length)
		mr = softhca_mr_get(qp->dev, wqe->mw.mr_lkey);
	if (mr || !wqe->mw.length)
		err = bind_to(key, mr, qp, wqe);
	if (mr)
		softhca_mr_put(mr);
	softhca_mr_put(key);
	return err;
}

/* A window that is not bound through this QP is not its to invalidate. */
static int window_invalidate(struct softhca_window *window,
			     struct softhca_qp *qp, u32 key)
{
	unsigned long flags;
	int err = -EINVAL;

	spin_lock_irqsave(&qp->dev->mw_lock, flags);
	if (window->qp == qp && window->key.key == key) {
		window_unbind(window, SOFTHCA_MR_FREE);
		err = 0;
	}
	spin_unlock_irqrestore(&qp->dev->mw_lock, flags);
	return err;
}

/**
 * softhca_mw_invalidate - execute LOCAL_INV, or a peer's send with invalidate
 * @qp: the QP that it is done by, or that the message is for
 * @key: of a window of type 2, or of a fast registration
 *
 * When it returns, nothing goes through what the key has led to.
 *
 * Context: Any.
 * Return: 0, or -EINVAL where the key is of neither, or not this QP's.
 */
int softhca_mw_invalidate(struct softhca_qp *qp, u32 key)
{
	struct softhca_mr *mr = softhca_mr_get(qp->dev, key);
	int err;

	if (!mr)
		return -EINVAL;
	if (mr->kind == SOFTHCA_MR_WINDOW)
		err = window_invalidate(to_softhca_window(mr), qp, key);
	else
		err = softhca_mr_invalidate(qp->dev, qp->ib.pd, key);
	softhca_mr_put(mr);
	return err;
}

/**
 * softhca_mw_leave_qp - invalidate the windows of a QP that is destroyed
 * @qp: the QP, whose requester has stopped
 *
 * Context: Any.
 */
void softhca_mw_leave_qp(struct softhca_qp *qp)
{
	struct softhca_window *window, *next;
	unsigned long flags;

	spin_lock_irqsave(&qp->dev->mw_lock, flags);
	list_for_each_entry_safe(window, next, &qp->windows, of_qp)
		window_unbind(window, SOFTHCA_MR_FREE);
	spin_unlock_irqrestore(&qp->dev->mw_lock, flags);
}
