// SPDX-License-Identifier: GPL-2.0
/*
 * Links: which netdev has which device.
 *
 * A link comes from `rdma link add`, in any network namespace, or, as the
 * parameter `netdevs` says, with an Ethernet netdev of the initial one. It goes
 * with its netdev, which it does not follow to another namespace, by `rdma link
 * delete`, or with the module.
 *
 * Devices are registered and unregistered under @link_ops_lock, outside rtnl,
 * by the one who asks or by a worker on behalf of the netdev notifier. The end
 * of a device is always reported by its dealloc_driver (softhca_link_lost),
 * since others can end it: a user, or the unloading of rdma_rxe, which takes
 * along every device with its driver id. Those are brought back when that
 * module is gone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/ptrace.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <asm/syscall.h>
#include <asm/unistd.h>
#include <net/bonding.h>
#include <net/net_namespace.h>
#include <rdma/rdma_netlink.h>

#include "device.h"
#include "link.h"
#include "params.h"
#include "parent.h"

/**
 * struct softhca_link - a netdev's device, present or to come
 * @node: in @links
 * @netdev: good while the link is in the list: its unregistration removes it
 * @name: of the device
 * @how: the device's addresses come about, with a claim to its parent
 * @dev: the device; NULL before it is made and after it is lost
 * @automatic: made because `netdevs` said so
 * @closing: we end it ourselves
 * @ended: its netdev is being unregistered, or its parent is going away
 * @swept: taken along by the unloading of rdma_rxe; to be brought back
 * @dismissed: automatic, and deleted by a user; not to be made again
 */
struct softhca_link {
	struct list_head node;
	struct net_device *netdev;
	char name[IB_DEVICE_NAME_MAX];
	struct softhca_addressing how;
	struct softhca_dev *dev;
	bool automatic;
	bool closing;
	bool ended;
	bool swept;
	bool dismissed;
};

static DEFINE_MUTEX(link_ops_lock);	/* serialises making and ending devices */
static DEFINE_MUTEX(links_lock);	/* protects links and their fields */
static LIST_HEAD(links);

static struct workqueue_struct *link_wq;

/* rtnl may be held around links_lock, and never the other way round. */

static bool netdev_is_suitable(const struct net_device *netdev)
{
	return netdev->type == ARPHRD_ETHER && !is_vlan_dev(netdev);
}

/* Those that carry another netdev's traffic get no device by themselves. */
static bool netdev_is_port(const struct net_device *netdev)
{
	return netif_is_bridge_port(netdev) || netif_is_lag_port(netdev);
}

static struct softhca_link *link_create(struct net_device *netdev,
					const char *name, bool automatic,
					const struct softhca_addressing *how)
{
	struct softhca_link *link = kzalloc(sizeof(*link), GFP_KERNEL);

	if (!link)
		return NULL;
	link->netdev = netdev;
	link->automatic = automatic;
	link->how = *how;
	softhca_parent_hold(how->parent);
	strscpy(link->name, name, sizeof(link->name));
	return link;
}

static void link_drop(struct softhca_link *link)
{
	lockdep_assert_held(&links_lock);
	list_del(&link->node);
	softhca_parent_put(link->how.parent);
	kfree(link);
}

/* Hold a netdev's namespace; NULL where that is coming to its end. */
static struct net *get_net_of(const struct net_device *netdev)
{
	struct net *net;

	rcu_read_lock();
	net = maybe_get_net(dev_net(netdev));
	rcu_read_unlock();
	return net;
}

static int link_register(struct softhca_link *link)
{
	struct softhca_dev *dev;

	dev = softhca_device_create(link->name, link->netdev, &link->how);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	if (!link->automatic)
		ib_mark_name_assigned_by_user(&dev->ib);

	mutex_lock(&links_lock);
	link->dev = dev;
	link->closing = true;	/* a failure to register is ours, too */
	mutex_unlock(&links_lock);

	return softhca_device_register(dev, link->name);
}

/*
 * Make a link's device. Under link_ops_lock; the caller holds the netdev. The
 * link is in the list already, so that its device's end finds it.
 */
static int link_up(struct softhca_link *link)
{
	struct net *net = get_net_of(link->netdev);
	int err;

	if (!net)
		return -ENODEV;
	err = link_register(link);
	put_net(net);
	return err;
}

/*
 * The device is registered: from here on, its end is somebody else's doing, and
 * the link can go with it at any time. It goes now if that came first.
 */
static void link_settle(struct softhca_link *link)
{
	mutex_lock(&links_lock);
	link->closing = false;
	if (link->dev)
		softhca_device_update_port(link->dev);
	else if (!link->automatic)
		link_drop(link);
	mutex_unlock(&links_lock);
}

/* End a link's device, if it has one. Under link_ops_lock. */
static void link_down(struct softhca_link *link)
{
	struct softhca_dev *dev;

	mutex_lock(&links_lock);
	link->closing = true;
	dev = link->dev;
	if (dev)
		get_device(&dev->ib.dev);
	mutex_unlock(&links_lock);
	if (!dev)
		return;

	ib_unregister_device(&dev->ib);
	put_device(&dev->ib.dev);
}

static void link_remove(struct softhca_link *link)
{
	link_down(link);
	mutex_lock(&links_lock);
	link_drop(link);
	mutex_unlock(&links_lock);
}

static void link_add(struct softhca_link *link)
{
	mutex_lock(&links_lock);
	list_add_tail(&link->node, &links);
	mutex_unlock(&links_lock);
}

/*
 * Is the caller unloading a module? When rdma_rxe goes it unregisters every
 * device with its driver id, and nothing in the call tells this from a user's
 * `rdma link delete` but the system call that it is made in.
 */
static bool in_delete_module(void)
{
	return !(current->flags & PF_KTHREAD) &&
	       syscall_get_nr(current, current_pt_regs()) ==
			__NR_delete_module;
}

/**
 * softhca_link_lost - a device has ended
 * @dev: the device; its memory goes when this returns
 *
 * Context: From ib_device_ops.dealloc_driver, in whatever thread ended it.
 */
void softhca_link_lost(struct softhca_dev *dev)
{
	struct softhca_link *link;

	mutex_lock(&links_lock);
	list_for_each_entry(link, &links, node) {
		if (link->dev != dev)
			continue;
		link->dev = NULL;
		if (link->closing)
			break;
		if (in_delete_module()) {
			link->swept = true;
			pr_info("%s was taken along by the unloading of another driver; it will be back\n",
				link->name);
		} else if (link->automatic) {
			link->dismissed = true;
		} else {
			link_drop(link);
		}
		break;
	}
	mutex_unlock(&links_lock);
}

/* Name an automatic device: the lowest number that is free. */
static int auto_up(struct softhca_link *link)
{
	unsigned int i;
	int err;

	for (i = 0; ; i++) {
		snprintf(link->name, sizeof(link->name), "softhca%u", i);
		err = link_up(link);
		if (err != -ENFILE)
			return err;
	}
}

static struct softhca_link *find_automatic(const struct net_device *netdev)
{
	struct softhca_link *link;

	lockdep_assert_held(&links_lock);
	list_for_each_entry(link, &links, node)
		if (link->netdev == netdev && link->automatic)
			return link;
	return NULL;
}

/* The next netdev that should have an automatic link and has none; held. */
static struct net_device *next_missing(void)
{
	struct net_device *netdev, *found = NULL;

	rtnl_lock();
	mutex_lock(&links_lock);
	for_each_netdev(&init_net, netdev) {
		if (!netdev_is_suitable(netdev) || netdev_is_port(netdev) ||
		    netdev->reg_state != NETREG_REGISTERED ||
		    !softhca_params_want_netdev(netdev) ||
		    find_automatic(netdev))
			continue;
		dev_hold(netdev);
		found = netdev;
		break;
	}
	mutex_unlock(&links_lock);
	rtnl_unlock();
	return found;
}

static int auto_add(struct net_device *netdev,
		    const struct softhca_addressing *how)
{
	struct softhca_link *link = link_create(netdev, "", true, how);
	int err;

	if (!link)
		return -ENOMEM;
	link_add(link);
	err = auto_up(link);
	if (err)
		pr_err("no device for %s: error %d\n", netdev->name, err);
	/* Kept without a device on failure: not to be tried for ever. */
	link_settle(link);
	return err;
}

/*
 * A link that must go: its netdev does, or has become somebody's port. It is
 * ours to end from here on, so that a user who deletes it does not free it.
 */
static struct softhca_link *next_stale(void)
{
	struct softhca_link *link, *found = NULL;

	mutex_lock(&links_lock);
	list_for_each_entry(link, &links, node) {
		if (link->ended ||
		    (link->automatic && netdev_is_port(link->netdev))) {
			link->closing = true;
			found = link;
			break;
		}
	}
	mutex_unlock(&links_lock);
	return found;
}

static void remove_stale(void)
{
	struct softhca_link *link;

	mutex_lock(&link_ops_lock);
	while ((link = next_stale()))
		link_remove(link);
	mutex_unlock(&link_ops_lock);
}

static void add_missing(const struct softhca_addressing *how)
{
	struct net_device *netdev;

	mutex_lock(&link_ops_lock);
	while ((netdev = next_missing())) {
		auto_add(netdev, how);
		dev_put(netdev);
	}
	mutex_unlock(&link_ops_lock);
}

/* Make the devices what the netdevs are. */
static void links_update(struct work_struct *work)
{
	struct softhca_addressing how;
	struct net_device *netdev;

	remove_stale();
	netdev = next_missing();
	if (!netdev)
		return;
	dev_put(netdev);
	if (softhca_params_addressing(&how))
		return;		/* the next netdev asks again */
	add_missing(&how);
	softhca_parent_put(how.parent);
}
static DECLARE_WORK(update_work, links_update);

/**
 * softhca_links_parent_gone - end all devices that stand on a parent
 * @parent: the parent
 *
 * Context: May sleep; under the parent's device_lock().
 */
void softhca_links_parent_gone(const struct softhca_parent *parent)
{
	struct softhca_link *link;

	mutex_lock(&links_lock);
	list_for_each_entry(link, &links, node) {
		if (link->how.parent != parent)
			continue;
		pr_info("%s ends: its parent goes away\n", link->name);
		link->ended = true;
	}
	mutex_unlock(&links_lock);
	remove_stale();
}

static struct softhca_link *next_swept(void)
{
	struct softhca_link *link, *found = NULL;

	mutex_lock(&links_lock);
	list_for_each_entry(link, &links, node) {
		if (link->swept && !link->ended) {
			link->swept = false;
			dev_hold(link->netdev);
			found = link;
			break;
		}
	}
	mutex_unlock(&links_lock);
	return found;
}

/* Bring back what the unloading of rdma_rxe has taken along. */
static void links_restore(struct work_struct *work)
{
	struct net_device *netdev;
	struct softhca_link *link;
	int err;

	mutex_lock(&link_ops_lock);
	while ((link = next_swept())) {
		netdev = link->netdev;
		err = link_up(link);
		if (err)
			pr_err("%s could not be brought back: error %d\n",
			       link->name, err);
		else
			pr_info("%s is back\n", link->name);
		link_settle(link);
		dev_put(netdev);
	}
	mutex_unlock(&link_ops_lock);
}
static DECLARE_WORK(restore_work, links_restore);

/*
 * rdma_rxe's exit, with its sweep, is over when this is called; before, the
 * names would be taken still.
 */
static int module_event(struct notifier_block *nb, unsigned long event,
			void *data)
{
	const struct module *mod = data;

	if (event == MODULE_STATE_GOING && !strcmp(mod->name, "rdma_rxe"))
		queue_work(link_wq, &restore_work);
	return NOTIFY_OK;
}

static struct notifier_block module_notifier = {
	.notifier_call = module_event,
};

static void netdev_going(struct net_device *netdev)
{
	struct softhca_link *link;

	mutex_lock(&links_lock);
	list_for_each_entry(link, &links, node)
		if (link->netdev == netdev)
			link->ended = true;
	mutex_unlock(&links_lock);
	queue_work(link_wq, &update_work);
}

static void netdev_changed(struct net_device *netdev)
{
	struct softhca_link *link;

	mutex_lock(&links_lock);
	list_for_each_entry(link, &links, node)
		if (link->netdev == netdev && link->dev)
			softhca_device_update_port(link->dev);
	mutex_unlock(&links_lock);
}

static int netdev_event(struct notifier_block *nb, unsigned long event,
			void *data)
{
	struct net_device *netdev = netdev_notifier_info_to_dev(data);

	switch (event) {
	case NETDEV_REGISTER:
	case NETDEV_CHANGEUPPER:
		if (net_eq(dev_net(netdev), &init_net))
			queue_work(link_wq, &update_work);
		break;
	case NETDEV_UNREGISTER:
		netdev_going(netdev);
		break;
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		netdev_changed(netdev);
		break;
	}
	return NOTIFY_OK;
}

static struct notifier_block netdev_notifier = {
	.notifier_call = netdev_event,
};

/* `rdma link add NAME type softhca netdev IF` */
static int link_newlink(const char *name, struct net_device *netdev)
{
	struct softhca_addressing how;
	struct softhca_link *link;
	int err;

	if (!netdev_is_suitable(netdev)) {
		pr_err("%s: not an Ethernet netdev (VLANs excluded)\n",
		       netdev->name);
		return -EINVAL;
	}

	err = softhca_params_addressing(&how);
	if (err)
		return err;
	link = link_create(netdev, name, false, &how);
	softhca_parent_put(how.parent);
	if (!link)
		return -ENOMEM;

	mutex_lock(&link_ops_lock);
	link_add(link);
	err = link_up(link);
	if (err) {
		mutex_lock(&links_lock);
		link_drop(link);
		mutex_unlock(&links_lock);
	} else {
		link_settle(link);
	}
	mutex_unlock(&link_ops_lock);

	return err == -ENFILE ? -EEXIST : err;
}

static struct rdma_link_ops link_ops = {
	.type = "softhca",
	.newlink = link_newlink,
};

int softhca_links_init(void)
{
	struct softhca_addressing how;
	int err;

	err = softhca_params_addressing(&how);
	if (err)
		return err;
	link_wq = alloc_ordered_workqueue("softhca_link", 0);
	if (!link_wq) {
		err = -ENOMEM;
		goto err_parent;
	}

	err = register_module_notifier(&module_notifier);
	if (err)
		goto err_wq;

	err = register_netdevice_notifier(&netdev_notifier);
	if (err)
		goto err_module;

	/* The devices are there when modprobe returns. */
	add_missing(&how);
	softhca_parent_put(how.parent);
	rdma_link_register(&link_ops);
	return 0;

err_module:
	unregister_module_notifier(&module_notifier);
err_wq:
	destroy_workqueue(link_wq);
err_parent:
	softhca_parent_put(how.parent);
	return err;
}

void softhca_links_exit(void)
{
	struct softhca_link *link;

	rdma_link_unregister(&link_ops);
	unregister_netdevice_notifier(&netdev_notifier);
	unregister_module_notifier(&module_notifier);
	destroy_workqueue(link_wq);

	mutex_lock(&link_ops_lock);
	mutex_lock(&links_lock);
	list_for_each_entry(link, &links, node)
		link->closing = true;
	mutex_unlock(&links_lock);
	while ((link = list_first_entry_or_null(&links, struct softhca_link,
						node)))
		link_remove(link);
	mutex_unlock(&link_ops_lock);
}

MODULE_ALIAS_RDMA_LINK("softhca");
