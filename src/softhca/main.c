// SPDX-License-Identifier: GPL-2.0
/* softhca: a software RDMA HCA. Loading and unloading. */
#include <linux/module.h>

#include "device.h"
#include "link.h"
#include "odp.h"
#include "params.h"
#include "parent.h"
#include "requester.h"

static int __init softhca_init(void)
{
	int err;

	err = softhca_params_check();
	if (err)
		return err;

	err = softhca_req_module_init();
	if (err)
		return err;

	err = softhca_prefetch_module_init();
	if (err)
		goto err_req;

	err = softhca_device_module_init();
	if (err)
		goto err_prefetch;

	err = softhca_parents_init();
	if (err)
		goto err_device;

	err = softhca_links_init();
	if (err)
		goto err_parents;
	return 0;

err_parents:
	softhca_parents_exit();
err_device:
	softhca_device_module_exit();
err_prefetch:
	softhca_prefetch_module_exit();
err_req:
	softhca_req_module_exit();
	return err;
}
module_init(softhca_init);

static void __exit softhca_exit(void)
{
	softhca_links_exit();
	softhca_parents_exit();
	softhca_device_module_exit();
	softhca_prefetch_module_exit();
	softhca_req_module_exit();
}
module_exit(softhca_exit);

MODULE_DESCRIPTION("Software RDMA HCA");
MODULE_LICENSE("GPL");
MODULE_VERSION(SOFTHCA_VERSION);
