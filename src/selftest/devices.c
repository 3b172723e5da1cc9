// SPDX-License-Identifier: GPL-2.0
/*
 * The RDMA devices that the self-checks can run on, as ib_core shows them.
 * A device that is being removed waits for the run on it to leave.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <net/net_namespace.h>

#include "runner.h"

/* Protects st_devices and the registration's count of each. */
static DEFINE_MUTEX(st_devices_lock);
static LIST_HEAD(st_devices);

static int st_add_device(struct ib_device *ibdev);
static void st_remove_device(struct ib_device *ibdev, void *client_data);

static struct ib_client st_client = {
	.name = "softhca_selftest",
	.add = st_add_device,
	.remove = st_remove_device,
};

static int st_add_device(struct ib_device *ibdev)
{
	struct st_device *sd;

	if (!rdma_protocol_roce(ibdev, rdma_start_port(ibdev)))
		return -EOPNOTSUPP;

	sd = kzalloc(sizeof(*sd), GFP_KERNEL);
	if (!sd)
		return -ENOMEM;
	sd->ibdev = ibdev;
	refcount_set(&sd->users, 1);
	init_completion(&sd->idle);

	mutex_lock(&st_devices_lock);
	list_add_tail(&sd->list, &st_devices);
	mutex_unlock(&st_devices_lock);

	ib_set_client_data(ibdev, &st_client, sd);
	return 0;
}

static void st_remove_device(struct ib_device *ibdev, void *client_data)
{
	struct st_device *sd = client_data;

	mutex_lock(&st_devices_lock);
	list_del(&sd->list);
	WRITE_ONCE(sd->gone, true);
	mutex_unlock(&st_devices_lock);

	/* Every wait of a case is bounded, and cut short by ->gone. */
	st_device_put(sd);
	wait_for_completion(&sd->idle);
	kfree(sd);
}

/**
 * st_device_put() - stop using a device
 * @sd: the device
 *
 * Context: any; removal may go on at once.
 */
void st_device_put(struct st_device *sd)
{
	if (sd && refcount_dec_and_test(&sd->users))
		complete(&sd->idle);
}

/* Devices of other network namespaces belong to those who use these. */
static bool st_device_usable(const struct st_device *sd)
{
	return net_eq(read_pnet(&sd->ibdev->coredev.rdma_net), &init_net);
}

/**
 * st_devices_list() - which devices are there to test?
 * @names: where to put their names
 * @max: room in @names
 *
 * Context: process; takes a mutex.
 * Return: their number.
 */
unsigned int st_devices_list(char names[][IB_DEVICE_NAME_MAX],
			     unsigned int max)
{
	struct st_device *sd;
	unsigned int n = 0;

	mutex_lock(&st_devices_lock);
	list_for_each_entry(sd, &st_devices, list)
		if (n < max && st_device_usable(sd))
			strscpy(names[n++], dev_name(&sd->ibdev->dev),
				IB_DEVICE_NAME_MAX);
	mutex_unlock(&st_devices_lock);
	return n;
}

/**
 * st_device_get() - begin to use a device
 * @name: its name
 *
 * While it is used its removal waits.
 *
 * Context: process; takes a mutex.
 * Return: the device, to be released with st_device_put(), or NULL.
 */
struct st_device *st_device_get(const char *name)
{
	struct st_device *sd, *found = NULL;

	mutex_lock(&st_devices_lock);
	list_for_each_entry(sd, &st_devices, list) {
		if (!st_device_usable(sd) ||
		    strcmp(name, dev_name(&sd->ibdev->dev)))
			continue;
		refcount_inc(&sd->users);
		found = sd;
		break;
	}
	mutex_unlock(&st_devices_lock);
	return found;
}

/**
 * st_device_unready() - can a device be tested now?
 * @sd: the device, whose MTU is read
 *
 * Return: why not, or NULL.
 */
const char *st_device_unready(struct st_device *sd)
{
	struct ib_device *ibdev = sd->ibdev;
	struct ib_port_attr attr;

	if (READ_ONCE(sd->gone))
		return "it has been removed";
	if (ib_query_port(ibdev, rdma_start_port(ibdev), &attr))
		return "its port cannot be queried";
	if (attr.state != IB_PORT_ACTIVE)
		return "its port is not active";
	sd->mtu = attr.active_mtu;
	return NULL;
}

/**
 * st_device_get_peer() - take another device of the same driver
 * @of: the device that it is to be a peer for
 *
 * Context: process; takes a mutex.
 * Return: the peer, to be released with st_device_put(), or NULL.
 */
struct st_device *st_device_get_peer(const struct st_device *of)
{
	struct st_device *sd, *found = NULL;

	mutex_lock(&st_devices_lock);
	list_for_each_entry(sd, &st_devices, list) {
		if (sd == of || !st_device_usable(sd) ||
		    sd->ibdev->ops.owner != of->ibdev->ops.owner ||
		    st_device_unready(sd))
			continue;
		refcount_inc(&sd->users);
		found = sd;
		break;
	}
	mutex_unlock(&st_devices_lock);
	return found;
}

/**
 * st_driver_is() - is this a device of a certain driver?
 * @ibdev: the device
 * @name: of the driver's module
 *
 * The driver id does not tell: softhca has that of rdma_rxe.
 *
 * Return: true if it is.
 */
bool st_driver_is(const struct ib_device *ibdev, const char *name)
{
	return ibdev->ops.owner && !strcmp(module_name(ibdev->ops.owner), name);
}

/**
 * st_devices_start() - get to know the devices
 *
 * Context: process.
 * Return: 0, or what ib_register_client() has returned.
 */
int st_devices_start(void)
{
	return ib_register_client(&st_client);
}

/**
 * st_devices_stop() - forget the devices
 *
 * Context: process; no run is on.
 */
void st_devices_stop(void)
{
	ib_unregister_client(&st_client);
}
