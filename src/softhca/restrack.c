// SPDX-License-Identifier: GPL-2.0
/*
 * What `rdma resource show --details` says of queues beyond what the core knows:
 * how full they are. Looked up while they are in use, so each value is one that
 * was, and no more.
 */
#include <net/netlink.h>
#include <rdma/rdma_netlink.h>
#include <rdma/restrack.h>

#include "qp.h"
#include "restrack.h"

struct detail {
	const char *name;
	u32 value;
};

static int put_details(struct sk_buff *msg, const struct detail *details,
		       unsigned int n)
{
	struct nlattr *table = nla_nest_start(msg, RDMA_NLDEV_ATTR_DRIVER);
	unsigned int i;

	if (!table)
		return -EMSGSIZE;
	for (i = 0; i < n; i++) {
		if (rdma_nl_put_driver_u32(msg, details[i].name,
					   details[i].value)) {
			nla_nest_cancel(msg, table);
			return -EMSGSIZE;
		}
	}
	nla_nest_end(msg, table);
	return 0;
}

int softhca_fill_res_cq(struct sk_buff *msg, struct ib_cq *ib)
{
	struct softhca_cq *cq = to_softhca_cq(ib);
	struct detail details[3];

	spin_lock_irq(&cq->lock);
	details[0] = (struct detail) {
		"waiting", softhca_ring_waiting(&cq->ring,
						SOFTHCA_RING_PRODUCER),
	};
	details[1] = (struct detail) { "armed", cq->notify };
	details[2] = (struct detail) { "overflow", cq->overflow };
	spin_unlock_irq(&cq->lock);

	return put_details(msg, details, ARRAY_SIZE(details));
}

int softhca_fill_res_qp(struct sk_buff *msg, struct ib_qp *ib)
{
	struct softhca_qp *qp = to_softhca_qp(ib);
	const struct detail details[] = {
		{ "sq_waiting", softhca_ring_avail(&qp->sq.ring) },
		{ "rq_waiting", softhca_ring_avail(&qp->rq.ring) },
		{ "retry_wait", READ_ONCE(qp->req.waiting) },
	};

	return put_details(msg, details, ARRAY_SIZE(details));
}
