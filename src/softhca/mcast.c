// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast groups: which QPs are attached to which multicast GID.
 *
 * A group is a device's. A datagram that a device sends to a multicast GID goes
 * out through its netdev, so it reaches the groups of that GID on all devices on
 * the same netdev, its own among them; as with hardware, a sender that is a
 * member gets its own datagram. The core joins the IP group on the netdev when
 * the connection manager is asked to; a switch needs that, the local transport
 * does not.
 *
 * Senders walk the groups under RCU. A member is not held: it is found only as
 * long as its QP lives, and held for a delivery. The core destroys no QP that is
 * attached.
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include <rdma/ib_addr.h>

#include "mcast.h"

/**
 * struct mcast_group - a device's QPs that are attached to a multicast GID
 * @node: in @groups; RCU for readers
 * @rcu: frees it after the last of them
 * @dev: the device
 * @netdev: its, only to be compared
 * @mgid: the GID
 * @members: struct mcast_member; RCU for readers
 * @num_members: of @members
 */
struct mcast_group {
	struct hlist_node node;
	struct rcu_head rcu;
	const struct softhca_dev *dev;
	const struct net_device *netdev;
	union ib_gid mgid;
	struct hlist_head members;
	u32 num_members;
};

/**
 * struct mcast_member - a QP that is attached
 * @node: in its group's @members
 * @rcu: frees it after the last reader
 * @handle: the QP's
 * @number: grows with each member of any group
 */
struct mcast_member {
	struct hlist_node node;
	struct rcu_head rcu;
	struct softhca_qp_handle *handle;
	u64 number;
};

static DEFINE_HASHTABLE(groups, 8);
static DEFINE_MUTEX(groups_lock);	/* writers of all that is here */
static u64 last_number;

static u32 mgid_hash(const union ib_gid *mgid)
{
	return jhash(mgid->raw, sizeof(mgid->raw), 0);
}

/**
 * softhca_is_mcast - is this the GID of a group?
 * @gid: the GID; that of an IPv4 group is mapped, ::ffff:224.0.0.0/100
 */
bool softhca_is_mcast(const union ib_gid *gid)
{
	return rdma_is_multicast_addr((struct in6_addr *)gid->raw);
}

static struct mcast_group *group_find(const struct softhca_dev *dev,
				      const union ib_gid *mgid)
{
	struct mcast_group *group;

	lockdep_assert_held(&groups_lock);
	hash_for_each_possible(groups, group, node, mgid_hash(mgid))
		if (group->dev == dev &&
		    !memcmp(&group->mgid, mgid, sizeof(*mgid)))
			return group;
	return NULL;
}

static struct mcast_group *group_create(struct softhca_dev *dev,
					const union ib_gid *mgid)
{
	struct mcast_group *group;
	int err;

	err = softhca_charge(dev, SOFTHCA_MCAST_GROUP);
	if (err)
		return ERR_PTR(err);

	group = kzalloc(sizeof(*group), GFP_KERNEL);
	if (!group) {
		softhca_uncharge(dev, SOFTHCA_MCAST_GROUP);
		return ERR_PTR(-ENOMEM);
	}
	group->dev = dev;
	group->netdev = dev->netdev;
	group->mgid = *mgid;
	hash_add_rcu(groups, &group->node, mgid_hash(mgid));
	return group;
}

static void group_drop_if_empty(struct softhca_dev *dev,
				struct mcast_group *group)
{
	if (group->num_members)
		return;
	hash_del_rcu(&group->node);
	kfree_rcu(group, rcu);
	softhca_uncharge(dev, SOFTHCA_MCAST_GROUP);
}

static struct mcast_member *member_find(const struct mcast_group *group,
					const struct softhca_qp *qp)
{
	struct mcast_member *member;

	hlist_for_each_entry(member, &group->members, node)
		if (member->handle == qp->handle)
			return member;
	return NULL;
}

static int member_add(struct softhca_dev *dev, struct mcast_group *group,
		      struct softhca_qp *qp)
{
	struct mcast_member *member;
	int err;

	if (member_find(group, qp))
		return -EEXIST;
	if (group->num_members == SOFTHCA_MAX_MCAST_MEMBERS)
		return -ENOMEM;

	err = softhca_charge(dev, SOFTHCA_MCAST_MEMBER);
	if (err)
		return err;
	member = kzalloc(sizeof(*member), GFP_KERNEL);
	if (!member) {
		softhca_uncharge(dev, SOFTHCA_MCAST_MEMBER);
		return -ENOMEM;
	}
	member->handle = qp->handle;
	member->number = ++last_number;
	hlist_add_head_rcu(&member->node, &group->members);
	group->num_members++;
	return 0;
}

/**
 * softhca_attach_mcast - ib_device_ops.attach_mcast: a QP becomes a member
 * @ib: the QP; the core has seen that its type is UD
 * @mgid: the group; the core has seen that it is one
 * @lid: means nothing on Ethernet
 *
 * Return: 0; -EEXIST where it is a member already (user space is not told: its
 * second attachment does not come here); -ENOMEM, also where the group or the
 * device has as many as query_device says.
 */
int softhca_attach_mcast(struct ib_qp *ib, union ib_gid *mgid, u16 lid)
{
	struct softhca_qp *qp = to_softhca_qp(ib);
	struct softhca_dev *dev = qp->dev;
	struct mcast_group *group;
	int err;

	mutex_lock(&groups_lock);
	group = group_find(dev, mgid);
	if (!group)
		group = group_create(dev, mgid);
	if (IS_ERR(group)) {
		err = PTR_ERR(group);
	} else {
		err = member_add(dev, group, qp);
		group_drop_if_empty(dev, group);
	}
	mutex_unlock(&groups_lock);
	return err;
}

/**
 * softhca_detach_mcast - ib_device_ops.detach_mcast: a QP leaves a group
 * @ib: the QP
 * @mgid: the group
 * @lid: means nothing on Ethernet
 *
 * A datagram that is being delivered may still arrive after this.
 *
 * Return: 0, or -EINVAL where it is not a member.
 */
int softhca_detach_mcast(struct ib_qp *ib, union ib_gid *mgid, u16 lid)
{
	struct softhca_qp *qp = to_softhca_qp(ib);
	struct mcast_member *member = NULL;
	struct mcast_group *group;

	mutex_lock(&groups_lock);
	group = group_find(qp->dev, mgid);
	if (group)
		member = member_find(group, qp);
	if (member) {
		hlist_del_rcu(&member->node);
		kfree_rcu(member, rcu);
		group->num_members--;
		softhca_uncharge(qp->dev, SOFTHCA_MCAST_MEMBER);
		group_drop_if_empty(qp->dev, group);
	}
	mutex_unlock(&groups_lock);
	return member ? 0 : -EINVAL;
}

/* The first member of @group after @number, if it comes before @best. */
static const struct mcast_member *
member_after(const struct mcast_group *group, u64 number,
	     const struct mcast_member *best)
{
	const struct mcast_member *member;

	hlist_for_each_entry_rcu(member, &group->members, node)
		if (member->number > number &&
		    (!best || member->number < best->number))
			best = member;
	return best;
}

/**
 * softhca_mcast_next - the next one of those whom a multicast reaches
 * @dev: the device that sends it
 * @mgid: the group that it is for
 * @number: how far one has come; 0 to begin
 *
 * Members come in the order in which they were attached. One that is attached or
 * detached meanwhile may come or not.
 *
 * Context: Any.
 * Return: the member's QP, to be given back with softhca_qp_put(), or NULL.
 */
struct softhca_qp *softhca_mcast_next(const struct softhca_dev *dev,
				      const union ib_gid *mgid, u64 *number)
{
	const struct mcast_member *member;
	const struct mcast_group *group;
	struct softhca_qp *qp = NULL;

	rcu_read_lock();
	do {
		member = NULL;
		hash_for_each_possible_rcu(groups, group, node, mgid_hash(mgid))
			if (group->netdev == dev->netdev &&
			    !memcmp(&group->mgid, mgid, sizeof(*mgid)))
				member = member_after(group, *number, member);
		if (!member)
			break;
		*number = member->number;
		/* Not if it is being destroyed. */
		if (refcount_inc_not_zero(&member->handle->refs))
			qp = member->handle->qp;
	} while (!qp);
	rcu_read_unlock();
	return qp;
}
