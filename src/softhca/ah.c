// SPDX-License-Identifier: GPL-2.0
/*
 * Address handles and address vectors.
 *
 * User space names a handle in its ring by the number that creating it
 * returned (the address vector that librxe writes beside it is not looked
 * at); the kernel passes the handle itself.
 */
#include <linux/slab.h>
#include <rdma/ib_cache.h>
#include <rdma/rdma_user_rxe.h>
#include <rdma/uverbs_ioctl.h>

#include "ah.h"
#include "gid.h"
#include "mcast.h"

struct softhca_ah_entry {
	struct rcu_head rcu;
	struct ib_pd *pd;
	u32 number;
	struct softhca_av av;
};

/* The address, whoever is there. */
static int av_fill(struct softhca_dev *dev, struct softhca_av *av,
		   const struct rdma_ah_attr *attr)
{
	const struct ib_global_route *grh = rdma_ah_read_grh(attr);
	const struct ib_gid_attr *sgid;

	if (rdma_ah_get_port_num(attr) != 1 ||
	    !(rdma_ah_get_ah_flags(attr) & IB_AH_GRH))
		return -EINVAL;

	sgid = rdma_get_gid_attr(&dev->ib, 1, grh->sgid_index);
	if (IS_ERR(sgid))
		return -EINVAL;
	av->sgid = sgid->gid;
	rdma_put_gid_attr(sgid);

	av->dgid = grh->dgid;
	av->flow_label = grh->flow_label;
	av->hop_limit = grh->hop_limit;
	av->traffic_class = grh->traffic_class;
	av->sl = rdma_ah_get_sl(attr);
	return 0;
}

/**
 * softhca_av_init - make an address vector that leads to one QP
 * @dev: the device that sends
 * @av: the vector
 * @attr: the address as the verbs give it
 *
 * Return: 0; -EINVAL where the address is no RoCE address of this port, or that
 * of a group; -EHOSTUNREACH where the destination is not on this host, or in
 * another network namespace.
 */
int softhca_av_init(struct softhca_dev *dev, struct softhca_av *av,
		    const struct rdma_ah_attr *attr)
{
	int err = av_fill(dev, av, attr);

	if (err)
		return err;
	if (softhca_is_mcast(&av->dgid))
		return -EINVAL;

	if (!softhca_gid_is_local(&av->dgid, dev)) {
		ibdev_warn_ratelimited(&dev->ib,
			"destination %pI6c has no softhca device on this host, and only such destinations can be reached\n",
			av->dgid.raw);
		return -EHOSTUNREACH;
	}
	return 0;
}

static int ah_publish(struct softhca_dev *dev, struct softhca_ah_entry *entry,
		      gfp_t gfp)
{
	unsigned long flags;
	int err;

	xa_lock_irqsave(&dev->ahs, flags);
	err = __xa_alloc_cyclic(&dev->ahs, &entry->number, entry,
				XA_LIMIT(1, INT_MAX), &dev->ah_next, gfp);
	xa_unlock_irqrestore(&dev->ahs, flags);
	return min(err, 0);
}

int softhca_create_ah(struct ib_ah *ib, struct rdma_ah_init_attr *init,
		      struct ib_udata *udata)
{
	struct softhca_dev *dev = to_softhca(ib->device);
	struct softhca_ah *ah = to_softhca_ah(ib);
	struct rxe_create_ah_resp resp = {};
	struct softhca_ah_entry *entry;
	int err;

	if (udata && udata->outlen < sizeof(resp))
		return -EINVAL;

	err = softhca_charge(dev, SOFTHCA_AH);
	if (err)
		return err;

	/* Without RDMA_CREATE_AH_SLEEPABLE the caller may hold spinlocks. */
	entry = kzalloc(sizeof(*entry), GFP_ATOMIC);
	if (!entry) {
		err = -ENOMEM;
		goto err_charge;
	}
	entry->pd = ib->pd;

	if (softhca_is_mcast(&rdma_ah_read_grh(init->ah_attr)->dgid))
		err = av_fill(dev, &entry->av, init->ah_attr);
	else
		err = softhca_av_init(dev, &entry->av, init->ah_attr);
	if (err)
		goto err_entry;

	err = ah_publish(dev, entry, GFP_ATOMIC);
	if (err)
		goto err_entry;

	ah->entry = entry;
	ah->attr = *init->ah_attr;
	ah->attr.grh.sgid_attr = NULL;	/* its reference is the caller's */

	if (udata) {
		resp.ah_num = entry->number;
		err = ib_copy_to_udata(udata, &resp, sizeof(resp));
		if (err) {
			softhca_destroy_ah(ib, 0);
			return err;
		}
	}
	return 0;

err_entry:
	kfree(entry);
err_charge:
	softhca_uncharge(dev, SOFTHCA_AH);
	return err;
}

int softhca_query_ah(struct ib_ah *ib, struct rdma_ah_attr *attr)
{
	*attr = to_softhca_ah(ib)->attr;
	return 0;
}

int softhca_destroy_ah(struct ib_ah *ib, u32 destroy_flags)
{
	struct softhca_dev *dev = to_softhca(ib->device);
	struct softhca_ah_entry *entry = to_softhca_ah(ib)->entry;
	unsigned long flags;

	xa_lock_irqsave(&dev->ahs, flags);
	__xa_erase(&dev->ahs, entry->number);
	xa_unlock_irqrestore(&dev->ahs, flags);
	kfree_rcu(entry, rcu);
	softhca_uncharge(dev, SOFTHCA_AH);
	return 0;
}

/**
 * softhca_ah_get_av - the address vector behind a kernel ULP's handle
 * @ib: the handle
 * @av: receives a copy
 *
 * Context: Any.
 */
void softhca_ah_get_av(struct ib_ah *ib, struct softhca_av *av)
{
	*av = to_softhca_ah(ib)->entry->av;
}

/**
 * softhca_ah_find_av - the address vector behind a number in a user's ring
 * @dev: the device
 * @pd: the QP's protection domain, which must be the handle's
 * @number: what the ring says
 * @av: receives a copy
 *
 * Context: Any.
 * Return: 0, or -EINVAL where the PD has no such handle.
 */
int softhca_ah_find_av(struct softhca_dev *dev, struct ib_pd *pd, u32 number,
		       struct softhca_av *av)
{
	struct softhca_ah_entry *entry;
	int err = -EINVAL;

	rcu_read_lock();
	entry = xa_load(&dev->ahs, number);
	if (entry && entry->pd == pd) {
		*av = entry->av;
		err = 0;
	}
	rcu_read_unlock();
	return err;
}
