// SPDX-License-Identifier: GPL-2.0
/* Module parameters: what can be asked for, and what to say to the rest. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "params.h"
#include "parent.h"

static const char * const scheme_names[] = {
	[SOFTHCA_SCHEME_FRESH] = "fresh",
	[SOFTHCA_SCHEME_STACKED] = "stacked",
	[SOFTHCA_SCHEME_PHYS] = "phys",
	[SOFTHCA_SCHEME_VIRT] = "virt",
};

static enum softhca_scheme scheme =
	SOFTHCA_HAS_DMA_OPS ? SOFTHCA_SCHEME_FRESH : SOFTHCA_SCHEME_VIRT;

static int scheme_set(const char *val, const struct kernel_param *kp)
{
	int i = sysfs_match_string(scheme_names, val);

	if (i < 0) {
		pr_err("no scheme '%s': it is fresh, stacked, phys or virt\n",
		       strim((char *)val));
		return -EINVAL;
	}
	if (i != SOFTHCA_SCHEME_VIRT && !SOFTHCA_HAS_DMA_OPS) {
		pr_err("scheme %s needs a kernel with DMA operations; this one has virt alone\n",
		       scheme_names[i]);
		return -EOPNOTSUPP;
	}
	WRITE_ONCE(scheme, i);
	return 0;
}

static int scheme_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", scheme_names[READ_ONCE(scheme)]);
}

static const struct kernel_param_ops scheme_ops = {
	.set = scheme_set,
	.get = scheme_get,
};
module_param_cb(scheme, &scheme_ops, NULL, 0644);
MODULE_PARM_DESC(scheme,
	"Device addresses of devices created from now on: fresh (new for each mapping, default), stacked (parent's), phys (physical) or virt (kernel pointers)");

static char parent[32];		/* under kernel_param_lock() */

static int parent_set(const char *val, const struct kernel_param *kp)
{
	size_t len = strcspn(val, "\n");

	if (len >= sizeof(parent)) {
		pr_err("parent: longer than a PCI address, as in 0000:00:05.0\n");
		return -EINVAL;
	}
	memcpy(parent, val, len);
	parent[len] = '\0';
	return 0;
}

static int parent_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", parent);
}

static const struct kernel_param_ops parent_ops = {
	.set = parent_set,
	.get = parent_get,
};
module_param_cb(parent, &parent_ops, NULL, 0644);
MODULE_PARM_DESC(parent,
	"PCI device, without a driver, whose addresses scheme stacked has, as in 0000:00:05.0");

static bool phys_checked;
module_param(phys_checked, bool, 0644);
MODULE_PARM_DESC(phys_checked,
	"In scheme phys, remember what is mapped and refuse everything else (default: no)");

bool softhca_defer __read_mostly;
module_param_named(defer, softhca_defer, bool, 0644);
MODULE_PARM_DESC(defer,
	"Execute kernel ULPs' work requests a while after the post, never in it, to find memory that is given up too early (default: no)");

static char *netdevs = "all";
module_param(netdevs, charp, 0444);
MODULE_PARM_DESC(netdevs,
	"Netdevs that get a device by themselves: all (default), none, or names separated by commas");

/**
 * softhca_params_addressing - how the next device's addresses shall come about
 * @how: gets it, with a claim to the parent if there is one
 *
 * Context: May sleep; no lock of links is held.
 * Return: 0, or an errno after a message: -EINVAL if there has to be a parent and
 * none is named, or as softhca_parent_get().
 */
int softhca_params_addressing(struct softhca_addressing *how)
{
	char name[sizeof(parent)];

	*how = (struct softhca_addressing) {
		.scheme = READ_ONCE(scheme),
		.checked = READ_ONCE(phys_checked),
	};
	if (how->scheme != SOFTHCA_SCHEME_STACKED)
		return 0;
	kernel_param_lock(THIS_MODULE);
	strscpy(name, parent, sizeof(name));
	kernel_param_unlock(THIS_MODULE);
	if (!*name) {
		pr_err("scheme stacked needs a parent: parent=0000:00:05.0, or what the PCI device's address is\n");
		return -EINVAL;
	}
	how->parent = softhca_parent_get(name);
	return PTR_ERR_OR_ZERO(how->parent);
}

/* Is this name in the comma-separated list? */
static bool list_has(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *p = list;

	while (*p) {
		size_t n = strcspn(p, ",\n");

		if (n == len && !strncmp(p, name, n))
			return true;
		p += n;
		p += strspn(p, ",\n");
	}
	return false;
}

/**
 * softhca_params_want_netdev - shall this netdev get a device by itself?
 * @netdev: the netdev
 */
bool softhca_params_want_netdev(const struct net_device *netdev)
{
	if (!strcmp(netdevs, "all"))
		return true;
	if (!strcmp(netdevs, "none"))
		return false;
	return list_has(netdevs, netdev->name);
}

static void list_possible(char *buf, size_t size)
{
	struct net_device *netdev;
	size_t n = 0;

	buf[0] = '\0';
	rtnl_lock();
	for_each_netdev(&init_net, netdev)
		if (netdev->type == ARPHRD_ETHER)
			n += scnprintf(buf + n, size - n, ", %s",
				       netdev->name);
	rtnl_unlock();
}

static int check_name(const char *name)
{
	struct net_device *netdev = dev_get_by_name(&init_net, name);
	char possible[256];
	int err = 0;

	if (!netdev || netdev->type != ARPHRD_ETHER) {
		list_possible(possible, sizeof(possible));
		pr_err("netdevs: no Ethernet netdev '%s'; possible are all, none%s\n",
		       name, possible);
		err = -ENODEV;
	}
	dev_put(netdev);
	return err;
}

/**
 * softhca_params_check - do the names in `netdevs` exist?
 *
 * Context: May sleep; not under rtnl.
 * Return: 0; -ENODEV, with a message, where one does not; -ENOMEM.
 */
int softhca_params_check(void)
{
	char *copy, *rest, *name;
	bool named = false;
	int err = 0;

	if (!strcmp(netdevs, "all") || !strcmp(netdevs, "none"))
		return 0;

	copy = kstrdup(netdevs, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	rest = strim(copy);
	while (!err && (name = strsep(&rest, ","))) {
		if (!*name)
			continue;
		named = true;
		err = check_name(name);
	}
	if (!named)
		err = check_name(netdevs);
	kfree(copy);
	return err;
}
