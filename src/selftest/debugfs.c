// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs of the self-checks: softhca_selftest/result has the last run's
 * report, and a write to softhca_selftest/run runs the cases again; it fails
 * with EINVAL when one of them fails.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "runner.h"

static struct dentry *st_debugfs;

static int st_result_show(struct seq_file *m, void *unused)
{
	st_report_show(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(st_result);

static ssize_t st_run_write(struct file *file, const char __user *ubuf,
			    size_t len, loff_t *ppos)
{
	int ret = st_run(file->private_data);

	if (ret == -EBADE)
		ret = -EINVAL;
	return ret ? ret : len;
}

static const struct file_operations st_run_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = st_run_write,
	.llseek = noop_llseek,
};

/**
 * st_debugfs_init() - make the files
 * @params: for runs that are started there
 *
 * Context: process.
 */
void st_debugfs_init(const struct st_params *params)
{
	st_debugfs = debugfs_create_dir("softhca_selftest", NULL);
	debugfs_create_file("result", 0400, st_debugfs, NULL, &st_result_fops);
	debugfs_create_file("run", 0200, st_debugfs, (void *)params,
			    &st_run_fops);
}

/**
 * st_debugfs_exit() - remove them; waits for a run that was started there
 *
 * Context: process.
 */
void st_debugfs_exit(void)
{
	debugfs_remove_recursive(st_debugfs);
}
