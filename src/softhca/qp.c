// SPDX-License-Identifier: GPL-2.0
/*
 * Queue pairs: creation, destruction, and finding one by its number.
 *
 * Numbers are unique over all our devices, so that devices which share a
 * netdev, and with it their GIDs, can be told apart. QP 1 of each device is
 * not among them; it is found through its device.
 */
#include <linux/slab.h>
#include <rdma/uverbs_ioctl.h>

#include "mw.h"
#include "qp.h"
#include "qp_state.h"
#include "requester.h"
#include "trace.h"

/* How long the end of a device waits for what is posted to be flushed. */
#define SHUT_DOWN_PATIENCE	(2 * HZ)

#define FIRST_QPN	16
#define LAST_QPN	0xfffffe

static DEFINE_XARRAY_ALLOC(qps);	/* struct softhca_qp_handle; by number */
static u32 qpn_next = FIRST_QPN;

static void qp_event_work(struct work_struct *work)
{
	struct softhca_qp *qp = container_of(work, struct softhca_qp,
					     event_work);
	struct ib_event event = {
		.device = qp->ib.device,
		.element.qp = &qp->ib,
	};
	int bit;

	for (bit = 0; bit < BITS_PER_LONG; bit++) {
		if (!test_and_clear_bit(bit, &qp->events))
			continue;
		event.event = bit;
		if (qp->ib.event_handler)
			qp->ib.event_handler(&event, qp->ib.qp_context);
	}
}

/**
 * softhca_qp_event - report an asynchronous event
 * @qp: the QP that it is about
 * @event: which
 *
 * The handler is called later, from process context.
 *
 * Context: Any.
 */
void softhca_qp_event(struct softhca_qp *qp, enum ib_event_type event)
{
	trace_hca_event(qp->ib.device, event, qp->ib.qp_num);
	set_bit(event, &qp->events);
	schedule_work(&qp->event_work);
}

/**
 * softhca_qp_get - find a QP by its number and hold it
 * @qpn: the number
 *
 * Context: Any.
 * Return: the QP, to be given back with softhca_qp_put(), or NULL.
 */
struct softhca_qp *softhca_qp_get(u32 qpn)
{
	struct softhca_qp_handle *handle;
	struct softhca_qp *qp = NULL;

	rcu_read_lock();
	handle = xa_load(&qps, qpn);
	if (handle && refcount_inc_not_zero(&handle->refs))
		qp = handle->qp;
	rcu_read_unlock();
	return qp;
}

/**
 * softhca_qp_get_gsi - find a device's QP 1 and hold it
 * @dev: the device
 *
 * Context: Any, under rcu_read_lock().
 * Return: the QP, or NULL.
 */
struct softhca_qp *softhca_qp_get_gsi(struct softhca_dev *dev)
{
	struct softhca_qp_handle *handle = rcu_dereference(dev->gsi);

	if (handle && refcount_inc_not_zero(&handle->refs))
		return handle->qp;
	return NULL;
}

void softhca_qp_put(struct softhca_qp_handle *handle)
{
	if (refcount_dec_and_test(&handle->refs))
		complete(&handle->gone);
}

/**
 * softhca_qp_enter - begin to execute a message to a QP
 * @qp: the QP, held
 *
 * Until softhca_qp_leave() its receive queue is not flushed.
 *
 * Context: Any.
 * Return: whether its state takes messages. If not, it has been left again.
 */
bool softhca_qp_enter(struct softhca_qp *qp)
{
	atomic_inc(&qp->inbound);
	/* Pairs with the barrier between a change of state and the flush. */
	smp_mb__after_atomic();
	if (softhca_qp_receives(qp))
		return true;
	softhca_qp_leave(qp);
	return false;
}

void softhca_qp_leave(struct softhca_qp *qp)
{
	if (atomic_dec_and_test(&qp->inbound) && wq_has_sleeper(&qp->idle))
		wake_up(&qp->idle);
}

/* With an SRQ, what is asked for a receive queue is not looked at. */
static int qp_check_init(const struct ib_device *ib,
			 struct ib_qp_init_attr *init)
{
	struct ib_qp_cap *cap = &init->cap;

	if (init->create_flags)
		return -EOPNOTSUPP;

	switch (init->qp_type) {
	case IB_QPT_RC:
	case IB_QPT_UC:
	case IB_QPT_UD:
		break;
	case IB_QPT_GSI:
		if (init->port_num != 1 || init->srq)
			return -EINVAL;
		break;
	default:
		return -EOPNOTSUPP;
	}

	if (!init->send_cq || !init->recv_cq)
		return -EINVAL;
	if (init->srq) {
		if (init->srq->device != ib)
			return -EINVAL;
		cap->max_recv_wr = 0;
		cap->max_recv_sge = 0;
	}
	if (cap->max_send_wr > SOFTHCA_MAX_QP_WR ||
	    cap->max_recv_wr > SOFTHCA_MAX_QP_WR ||
	    cap->max_send_sge > SOFTHCA_MAX_SGE ||
	    cap->max_recv_sge > SOFTHCA_MAX_SGE ||
	    cap->max_inline_data > SOFTHCA_MAX_INLINE)
		return -EINVAL;
	return 0;
}

/* Its own receive queue, or what holds the receives that it takes from an SRQ. */
static int qp_create_rq(struct softhca_qp *qp, struct ib_qp_cap *cap,
			struct ib_udata *udata, struct mminfo *info)
{
	size_t elem;
	int err;

	if (qp->srq) {
		elem = softhca_recv_wqe_size(qp->srq->max_sge);
		qp->held.recv = kzalloc(elem, GFP_KERNEL);
		return qp->held.recv ? 0 : -ENOMEM;
	}

	qp->rq.max_sge = cap->max_recv_sge;
	elem = udata ? softhca_user_recv_wqe_size(qp->rq.max_sge) :
		       softhca_recv_wqe_size(qp->rq.max_sge);
	err = softhca_ring_init(&qp->rq.ring, cap->max_recv_wr, elem, udata,
				info);
	if (!err)
		cap->max_recv_wr = softhca_ring_size(&qp->rq.ring);
	return err;
}

static int qp_create_queues(struct softhca_qp *qp, struct ib_qp_cap *cap,
			    struct ib_udata *udata,
			    struct rxe_create_qp_resp *resp)
{
	size_t elem;
	int err;

	qp->sq.max_sge = cap->max_send_sge;
	qp->sq.max_inline = max_t(u32, cap->max_inline_data,
				  cap->max_send_sge * sizeof(struct ib_sge));
	elem = udata ? softhca_user_send_wqe_size(qp->sq.max_sge,
						  qp->sq.max_inline) :
		       softhca_send_wqe_size(qp->sq.max_sge,
					     qp->sq.max_inline);
	err = softhca_ring_init(&qp->sq.ring, cap->max_send_wr, elem, udata,
				&resp->sq_mi);
	if (err)
		return err;

	err = qp_create_rq(qp, cap, udata, &resp->rq_mi);
	if (err)
		goto err_sq;

	cap->max_send_wr = softhca_ring_size(&qp->sq.ring);
	cap->max_inline_data = qp->sq.max_inline;
	return 0;

err_sq:
	softhca_ring_destroy(&qp->sq.ring);
	return err;
}

static void qp_destroy_queues(struct softhca_qp *qp)
{
	softhca_ring_destroy(&qp->sq.ring);
	softhca_ring_destroy(&qp->rq.ring);
	kfree(qp->held.recv);
}

/* Give it a number; from here on, messages can find it. */
static int qp_publish(struct softhca_qp *qp)
{
	struct softhca_qp_handle *handle;
	int err;

	handle = kzalloc(sizeof(*handle), GFP_KERNEL);
	if (!handle)
		return -ENOMEM;
	refcount_set(&handle->refs, 1);
	init_completion(&handle->gone);
	handle->qp = qp;
	qp->handle = handle;

	if (qp->ib.qp_type == IB_QPT_GSI) {
		if (cmpxchg((void __force **)&qp->dev->gsi, NULL, handle)) {
			kfree(handle);
			return -EBUSY;
		}
		qp->ib.qp_num = 1;
		return 0;
	}

	err = xa_alloc_cyclic(&qps, &qp->ib.qp_num, XA_ZERO_ENTRY,
			      XA_LIMIT(FIRST_QPN, LAST_QPN), &qpn_next,
			      GFP_KERNEL);
	if (err < 0) {
		kfree(handle);
		return err;
	}
	/* Not before qp_num is set. */
	xa_store(&qps, qp->ib.qp_num, handle, GFP_KERNEL);
	return 0;
}

static void qp_unpublish(struct softhca_qp *qp)
{
	struct softhca_qp_handle *handle = qp->handle;

	if (qp->ib.qp_type == IB_QPT_GSI)
		RCU_INIT_POINTER(qp->dev->gsi, NULL);
	else
		xa_erase(&qps, qp->ib.qp_num);

	softhca_qp_put(handle);
	wait_for_completion(&handle->gone);
	kfree_rcu(handle, rcu);
}

static void qp_init(struct softhca_qp *qp, struct ib_qp_init_attr *init,
		    bool user)
{
	qp->dev = to_softhca(qp->ib.device);
	qp->counters = qp->dev->counters;
	qp->user = user;
	qp->srq = init->srq ? to_softhca_srq(init->srq) : NULL;
	qp->sig_all = init->sq_sig_type == IB_SIGNAL_ALL_WR;
	qp->state = IB_QPS_RESET;
	mutex_init(&qp->mutex);
	spin_lock_init(&qp->state_lock);
	spin_lock_init(&qp->sq.lock);
	spin_lock_init(&qp->rq.lock);
	spin_lock_init(&qp->rq_consume);
	INIT_LIST_HEAD(&qp->windows);
	init_waitqueue_head(&qp->idle);
	INIT_WORK(&qp->event_work, qp_event_work);
}

int softhca_create_qp(struct ib_qp *ib, struct ib_qp_init_attr *init,
		      struct ib_udata *udata)
{
	struct softhca_dev *dev = to_softhca(ib->device);
	struct softhca_qp *qp = to_softhca_qp(ib);
	struct rxe_create_qp_resp resp = {};
	int err;

	if (!READ_ONCE(dev->enabled))
		return -ENODEV;
	err = qp_check_init(ib->device, init);
	if (err)
		return err;
	if (udata && udata->outlen < sizeof(resp))
		return -EINVAL;

	err = softhca_charge(dev, SOFTHCA_QP);
	if (err)
		return err;

	qp_init(qp, init, !!udata);
	err = qp_create_queues(qp, &init->cap, udata, &resp);
	if (err)
		goto err_charge;

	err = softhca_req_init(qp);
	if (err)
		goto err_queues;

	if (udata) {
		err = ib_copy_to_udata(udata, &resp, sizeof(resp));
		if (err)
			goto err_req;
	}

	qp->attr.cap = init->cap;
	err = qp_publish(qp);
	if (err)
		goto err_req;
	return 0;

err_req:
	softhca_req_destroy(qp);
err_queues:
	qp_destroy_queues(qp);
err_charge:
	softhca_uncharge(dev, SOFTHCA_QP);
	return err;
}

int softhca_destroy_qp(struct ib_qp *ib, struct ib_udata *udata)
{
	struct softhca_qp *qp = to_softhca_qp(ib);

	mutex_lock(&qp->mutex);
	softhca_qp_reset(qp);
	mutex_unlock(&qp->mutex);

	softhca_mw_leave_qp(qp);
	qp_unpublish(qp);
	cancel_work_sync(&qp->event_work);
	softhca_req_destroy(qp);
	qp_destroy_queues(qp);
	softhca_uncharge(qp->dev, SOFTHCA_QP);
	return 0;
}

/* Hold the QP with the lowest number from *qpn on, and move *qpn past it. */
static struct softhca_qp *qp_get_next(unsigned long *qpn)
{
	struct softhca_qp_handle *handle;
	struct softhca_qp *qp = NULL;
	unsigned long index;

	rcu_read_lock();
	xa_for_each_start(&qps, index, handle, *qpn) {
		if (refcount_inc_not_zero(&handle->refs)) {
			qp = handle->qp;
			*qpn = index + 1;
			break;
		}
	}
	rcu_read_unlock();
	return qp;
}

/**
 * softhca_qps_shut_down - end all traffic of a device that goes away
 * @dev: the device
 *
 * Each QP is moved to the error state, and what was posted to it is flushed
 * when this returns, so that processes which poll see it before the device is
 * taken from them. A process that goes on posting is not waited for without end.
 *
 * Context: May sleep.
 */
void softhca_qps_shut_down(struct softhca_dev *dev)
{
	unsigned long end = jiffies + SHUT_DOWN_PATIENCE;
	struct softhca_qp *qp;
	unsigned long qpn;

	for (qpn = 0; (qp = qp_get_next(&qpn)); softhca_qp_put(qp->handle)) {
		if (qp->dev == dev && softhca_qp_state(qp) != IB_QPS_RESET) {
			softhca_qp_error(qp);
			softhca_qp_event(qp, IB_EVENT_QP_FATAL);
		}
	}
	for (qpn = 0; (qp = qp_get_next(&qpn)); softhca_qp_put(qp->handle))
		if (qp->dev == dev)
			softhca_req_flush(qp, end);
}
