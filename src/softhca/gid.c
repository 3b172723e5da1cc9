// SPDX-License-Identifier: GPL-2.0
/*
 * The GIDs of all our devices.
 *
 * The core fills each port's GID table from its netdev's addresses and tells
 * us of every change. The table kept here answers, for the local transport,
 * whether a GID is on this host and on which device. Several devices may have
 * the same GID: those on one netdev do, and those in different network namespaces
 * may, which have nothing to do with each other.
 */
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/slab.h>

#include "gid.h"

struct gid_entry {
	struct hlist_node node;
	struct rcu_head rcu;
	union ib_gid gid;
	struct softhca_dev *dev;
};

static DEFINE_HASHTABLE(gid_table, 8);
static DEFINE_SPINLOCK(gid_lock);	/* writers of gid_table */

static u32 gid_hash(const union ib_gid *gid)
{
	return jhash(gid->raw, sizeof(gid->raw), 0);
}

int softhca_add_gid(const struct ib_gid_attr *attr, void **context)
{
	struct gid_entry *entry = kzalloc(sizeof(*entry), GFP_KERNEL);

	if (!entry)
		return -ENOMEM;

	entry->gid = attr->gid;
	entry->dev = to_softhca(attr->device);
	spin_lock(&gid_lock);
	hash_add_rcu(gid_table, &entry->node, gid_hash(&entry->gid));
	spin_unlock(&gid_lock);
	*context = entry;
	return 0;
}

int softhca_del_gid(const struct ib_gid_attr *attr, void **context)
{
	struct gid_entry *entry = *context;

	if (!entry)
		return 0;

	spin_lock(&gid_lock);
	hash_del_rcu(&entry->node);
	spin_unlock(&gid_lock);
	kfree_rcu(entry, rcu);
	*context = NULL;
	return 0;
}

/**
 * softhca_gid_is_local - can this device reach a GID on this host?
 * @gid: the GID
 * @from: the device
 *
 * Context: Any.
 */
bool softhca_gid_is_local(const union ib_gid *gid,
			  const struct softhca_dev *from)
{
	bool found;

	rcu_read_lock();
	found = softhca_gid_device(gid, from);
	rcu_read_unlock();
	return found;
}

/**
 * softhca_gid_is_on - has this device this GID?
 * @gid: the GID
 * @dev: the device
 *
 * Context: Any.
 */
bool softhca_gid_is_on(const union ib_gid *gid, const struct softhca_dev *dev)
{
	struct gid_entry *entry;
	bool found = false;

	rcu_read_lock();
	hash_for_each_possible_rcu(gid_table, entry, node, gid_hash(gid)) {
		if (entry->dev == dev &&
		    !memcmp(&entry->gid, gid, sizeof(*gid))) {
			found = true;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

/**
 * softhca_gid_device - which device serves a GID?
 * @gid: the GID
 * @from: the device that asks; itself, if it has the GID
 *
 * Where several devices have the GID, it is the oldest one, which is also
 * where the connection manager binds a listener on that address. In another
 * network namespace the same address is another one's.
 *
 * Context: Under rcu_read_lock(), for as long as the result is used.
 * Return: the device, or NULL where @from reaches none with this GID.
 */
struct softhca_dev *softhca_gid_device(const union ib_gid *gid,
				       const struct softhca_dev *from)
{
	struct softhca_dev *found = NULL;
	struct gid_entry *entry;

	hash_for_each_possible_rcu(gid_table, entry, node, gid_hash(gid)) {
		if (memcmp(&entry->gid, gid, sizeof(*gid)) ||
		    !softhca_same_net(entry->dev, from))
			continue;
		if (entry->dev == from)
			return entry->dev;
		if (!found || entry->dev->ordinal < found->ordinal)
			found = entry->dev;
	}
	return found;
}
