// SPDX-License-Identifier: GPL-2.0
/*
 * softhca_selftest: a ULP that checks RDMA devices when it is loaded.
 *
 * It runs its cases on each RoCE device of the initial network namespace, or
 * on one of them, writes KTAP to the kernel log, and refuses to load when a
 * case has failed. With keep=1 it loads then too. Once it is loaded, debugfs
 * has the result and can run the cases again.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "runner.h"

static char *device = "";
module_param(device, charp, 0444);
MODULE_PARM_DESC(device, "test only the RDMA device of this name");

static char *cases = "";
module_param(cases, charp, 0444);
MODULE_PARM_DESC(cases, "run only these cases: names or globs, comma-separated");

static bool keep;
module_param(keep, bool, 0444);
MODULE_PARM_DESC(keep, "stay loaded when a case has failed; see debugfs");

static struct st_params st_params;

static int __init st_init(void)
{
	int ret;

	st_params.device = device;
	st_params.cases = cases;

	ret = st_report_init();
	if (ret)
		return ret;

	ret = st_devices_start();
	if (ret)
		goto err_report;

	/*
	 * Not from the client's add(): ib_core holds its locks there and drops
	 * the error.
	 */
	ret = st_run(&st_params);
	if (ret == -EINVAL || (ret && !keep)) {
		ret = -EINVAL;
		goto err_devices;
	}

	st_debugfs_init(&st_params);
	return 0;

err_devices:
	st_devices_stop();
err_report:
	st_report_exit();
	return ret;
}
module_init(st_init);

static void __exit st_exit(void)
{
	st_debugfs_exit();
	st_devices_stop();
	st_report_exit();
}
module_exit(st_exit);

MODULE_DESCRIPTION("Self-checks for RDMA devices and their DMA mappings");
MODULE_LICENSE("GPL");
MODULE_VERSION(SOFTHCA_VERSION);
