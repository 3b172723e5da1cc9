// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues: entries, arming and events.
 *
 * A kernel consumer's handler runs from an irq_work: in interrupt context, as
 * with hardware, and never inside a post or poll call, where the consumer may
 * hold the very locks that its handler takes. The handler of user space's
 * queues is the core's own; it only queues an event, so it is called at once.
 */
#include <rdma/uverbs_ioctl.h>

#include "cq.h"
#include "trace.h"

/*
 * Completion flags of user space (IBV_WC_*) agree with the kernel's but for
 * this one.
 */
#define SOFTHCA_USER_WC_WITH_INV	(1 << 3)

static void cq_irq_work(struct irq_work *work)
{
	struct softhca_cq *cq = container_of(work, struct softhca_cq, irq_work);

	cq->ib.comp_handler(&cq->ib, cq->ib.cq_context);
}

static void cq_error_work(struct work_struct *work)
{
	struct softhca_cq *cq =
		container_of(work, struct softhca_cq, error_work);
	struct ib_event event = {
		.device = cq->ib.device,
		.element.cq = &cq->ib,
		.event = IB_EVENT_CQ_ERR,
	};

	trace_hca_event(cq->ib.device, event.event, cq->ib.res.id);
	ibdev_warn_ratelimited(cq->ib.device,
			       "a completion queue of %u entries overflowed\n",
			       softhca_ring_size(&cq->ring));
	if (cq->ib.event_handler)
		cq->ib.event_handler(&event, cq->ib.cq_context);
}

int softhca_create_cq(struct ib_cq *ib, const struct ib_cq_init_attr *attr,
		      struct ib_udata *udata)
{
	struct softhca_dev *dev = to_softhca(ib->device);
	struct softhca_cq *cq = to_softhca_cq(ib);
	struct rxe_create_cq_resp resp = {};
	int err;

	if (attr->flags)
		return -EOPNOTSUPP;
	if (!attr->cqe || attr->cqe > SOFTHCA_MAX_CQE)
		return -EINVAL;
	if (attr->comp_vector >= ib->device->num_comp_vectors)
		return -EINVAL;
	if (udata && udata->outlen < sizeof(resp))
		return -EINVAL;

	err = softhca_charge(dev, SOFTHCA_CQ);
	if (err)
		return err;

	spin_lock_init(&cq->lock);
	cq->user = !!udata;
	init_irq_work(&cq->irq_work, cq_irq_work);
	INIT_WORK(&cq->error_work, cq_error_work);

	err = softhca_ring_init(&cq->ring, attr->cqe,
				udata ? sizeof(struct ib_uverbs_wc) :
					sizeof(struct ib_wc),
				udata, &resp.mi);
	if (err)
		goto err_charge;

	if (udata) {
		err = ib_copy_to_udata(udata, &resp, sizeof(resp));
		if (err)
			goto err_ring;
	}

	ib->cqe = softhca_ring_size(&cq->ring);
	return 0;

err_ring:
	softhca_ring_destroy(&cq->ring);
err_charge:
	softhca_uncharge(dev, SOFTHCA_CQ);
	return err;
}

int softhca_destroy_cq(struct ib_cq *ib, struct ib_udata *udata)
{
	struct softhca_cq *cq = to_softhca_cq(ib);
	struct softhca_ring ring;

	irq_work_sync(&cq->irq_work);
	cancel_work_sync(&cq->error_work);

	/* Whoever lists resources may still look at it. */
	spin_lock_irq(&cq->lock);
	ring = cq->ring;
	memset(&cq->ring, 0, sizeof(cq->ring));
	spin_unlock_irq(&cq->lock);
	softhca_ring_destroy(&ring);
	softhca_uncharge(to_softhca(ib->device), SOFTHCA_CQ);
	return 0;
}

/**
 * softhca_resize_cq - ib_device_ops.resize_cq, resize_user_cq
 * @ib: the queue
 * @cqe: entries that it shall hold at least
 * @udata: of the user's command; NULL for a kernel queue
 *
 * Completions may come meanwhile, and a kernel consumer may poll. Of a user's
 * queue, what the user has not consumed yet is in the new ring when the command
 * returns; librxe does not let anybody poll until it has mapped that.
 *
 * Context: May sleep.
 * Return: 0; -EINVAL where @cqe is none or too many, or fewer than the entries
 * that wait, and the queue goes on as it was; -ENOMEM.
 */
int softhca_resize_cq(struct ib_cq *ib, unsigned int cqe,
		      struct ib_udata *udata)
{
	struct softhca_cq *cq = to_softhca_cq(ib);
	struct rxe_resize_cq_resp resp = {};
	struct softhca_ring spare;
	int err;

	if (!cqe || cqe > SOFTHCA_MAX_CQE)
		return -EINVAL;
	if (udata && udata->outlen < sizeof(resp))
		return -EINVAL;

	/* The shift of a ring is the same throughout. */
	err = softhca_ring_init(&spare, cqe, 1UL << cq->ring.shift, udata,
				&resp.mi);
	if (err)
		return err;
	if (udata) {
		err = ib_copy_to_udata(udata, &resp, sizeof(resp));
		if (err)
			goto out;
	}

	spin_lock_irq(&cq->lock);
	err = softhca_ring_replace(&cq->ring, &spare, SOFTHCA_RING_PRODUCER);
	if (!err)
		ib->cqe = softhca_ring_size(&cq->ring);
	spin_unlock_irq(&cq->lock);
out:
	softhca_ring_destroy(&spare);	/* the old one, or the unused one */
	return err;
}

static void user_wc(struct ib_uverbs_wc *uwc, const struct ib_wc *wc)
{
	u32 flags = wc->wc_flags & (IB_WC_GRH | IB_WC_WITH_IMM);

	if (wc->wc_flags & IB_WC_WITH_INVALIDATE)
		flags |= SOFTHCA_USER_WC_WITH_INV;

	*uwc = (struct ib_uverbs_wc) {
		.wr_id = wc->wr_id,
		.status = wc->status,
		.opcode = wc->opcode,
		.vendor_err = wc->vendor_err,
		.byte_len = wc->byte_len,
		.ex.imm_data = wc->ex.imm_data,
		.qp_num = wc->qp->qp_num,
		.src_qp = wc->src_qp,
		.wc_flags = flags,
		.pkey_index = wc->pkey_index,
		.sl = wc->sl,
		.port_num = wc->port_num,
	};
}

/**
 * softhca_cq_add - add a completion, and raise the event that it is due
 * @cq: the queue
 * @wc: the completion; its qp is set
 * @solicited: the message asked for an event; one that failed always does
 *
 * Context: Any.
 * Return: 0, or -ENOSPC where the queue has overflowed and is in error.
 */
int softhca_cq_add(struct softhca_cq *cq, const struct ib_wc *wc,
		   bool solicited)
{
	unsigned long flags;
	bool event = false;

	spin_lock_irqsave(&cq->lock, flags);
	if (cq->overflow || softhca_ring_full(&cq->ring)) {
		if (!cq->overflow) {
			cq->overflow = true;
			schedule_work(&cq->error_work);
		}
		spin_unlock_irqrestore(&cq->lock, flags);
		return -ENOSPC;
	}

	if (cq->user)
		user_wc(softhca_ring_tail(&cq->ring), wc);
	else
		*(struct ib_wc *)softhca_ring_tail(&cq->ring) = *wc;
	softhca_ring_push(&cq->ring);
	trace_hca_cqe(&cq->ib, wc);
	if (wc->status != IB_WC_SUCCESS)
		trace_hca_cqe_error(&cq->ib, wc);

	if (cq->notify == IB_CQ_NEXT_COMP ||
	    (cq->notify == IB_CQ_SOLICITED &&
	     (solicited || wc->status != IB_WC_SUCCESS))) {
		cq->notify = 0;
		event = true;
	}

	spin_unlock_irqrestore(&cq->lock, flags);

	if (!event || !cq->ib.comp_handler)
		return 0;
	if (cq->user)
		cq->ib.comp_handler(&cq->ib, cq->ib.cq_context);
	else
		irq_work_queue(&cq->irq_work);
	return 0;
}

int softhca_poll_cq(struct ib_cq *ib, int num_entries, struct ib_wc *wc)
{
	struct softhca_cq *cq = to_softhca_cq(ib);
	unsigned long flags;
	int n;

	if (cq->user)
		return -EINVAL;

	spin_lock_irqsave(&cq->lock, flags);
	for (n = 0; n < num_entries && softhca_ring_avail(&cq->ring); n++) {
		wc[n] = *(struct ib_wc *)softhca_ring_head(&cq->ring);
		softhca_ring_pop(&cq->ring);
	}
	spin_unlock_irqrestore(&cq->lock, flags);
	return n;
}

int softhca_req_notify_cq(struct ib_cq *ib, enum ib_cq_notify_flags flags)
{
	struct softhca_cq *cq = to_softhca_cq(ib);
	unsigned long irq_flags;
	int missed = 0;

	spin_lock_irqsave(&cq->lock, irq_flags);
	/* Asking for solicited ones does not take back asking for the next. */
	if (cq->notify != IB_CQ_NEXT_COMP)
		cq->notify = flags & IB_CQ_SOLICITED_MASK;
	if (flags & IB_CQ_REPORT_MISSED_EVENTS)
		missed = !!softhca_ring_waiting(&cq->ring,
						SOFTHCA_RING_PRODUCER);
	spin_unlock_irqrestore(&cq->lock, irq_flags);
	return missed;
}

/**
 * softhca_cq_purge - forget a QP's completions
 * @cq: the queue; one of user space is left alone, as its consumer index is
 *	the user's
 * @qp: the QP, which is being reset or destroyed
 */
void softhca_cq_purge(struct softhca_cq *cq, struct ib_qp *qp)
{
	struct softhca_ring *ring = &cq->ring;
	unsigned long flags;
	u32 from, to;

	if (cq->user)
		return;

	spin_lock_irqsave(&cq->lock, flags);
	for (from = to = ring->cons; from != ring->prod;
	     from = (from + 1) & ring->mask) {
		struct ib_wc *wc = softhca_ring_elem(ring, from);

		if (wc->qp == qp)
			continue;
		if (from != to)
			*(struct ib_wc *)softhca_ring_elem(ring, to) = *wc;
		to = (to + 1) & ring->mask;
	}
	ring->prod = to;
	spin_unlock_irqrestore(&cq->lock, flags);
}
