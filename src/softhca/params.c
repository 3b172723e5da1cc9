// SPDX-License-Identifier: GPL-2.0
/* Module parameters: what can be asked for, and what to say to the rest. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/if_arp.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "params.h"

static const char * const scheme_names[] = {
	[SOFTHCA_SCHEME_FRESH] = "fresh",
	[SOFTHCA_SCHEME_VIRT] = "virt",
};

static enum softhca_scheme scheme =
	SOFTHCA_HAS_DMA_OPS ? SOFTHCA_SCHEME_FRESH : SOFTHCA_SCHEME_VIRT;

static int scheme_set(const char *val, const struct kernel_param *kp)
{
	int i = sysfs_match_string(scheme_names, val);

	if (i < 0) {
		pr_err("no scheme '%s': it is fresh or virt\n",
		       strim((char *)val));
		return -EINVAL;
	}
	if (i == SOFTHCA_SCHEME_FRESH && !SOFTHCA_HAS_DMA_OPS) {
		pr_err("scheme fresh needs a kernel with DMA operations; this one has virt alone\n");
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
	"Device addresses of devices created from now on: fresh (checked, default) or virt (kernel pointers)");

static char *netdevs = "all";
module_param(netdevs, charp, 0444);
MODULE_PARM_DESC(netdevs,
	"Netdevs that get a device by themselves: all (default), none, or names separated by commas");

/**
 * softhca_param_scheme - what the next device's addresses shall be
 */
enum softhca_scheme softhca_param_scheme(void)
{
	return READ_ONCE(scheme);
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
