// SPDX-License-Identifier: GPL-2.0
/*
 * The report of a run: KTAP lines, which go to the kernel log as they come and
 * are kept for debugfs. https://docs.kernel.org/dev-tools/ktap.html
 */
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "runner.h"

#define ST_REPORT_SIZE	(256 * 1024)
#define ST_REPORT_INDENT 4

struct st_text {
	char *text;
	size_t len;
	bool cut;
};

/* The report being written belongs to the run; only one runs at a time. */
static struct st_text st_writing;

/* Protects st_finished, the last run's report. */
static DEFINE_MUTEX(st_finished_lock);
static struct st_text st_finished;

/**
 * st_report_init() - get memory for the reports
 *
 * Context: process.
 * Return: 0, or -ENOMEM.
 */
int st_report_init(void)
{
	st_writing.text = kvmalloc(ST_REPORT_SIZE, GFP_KERNEL);
	st_finished.text = kvmalloc(ST_REPORT_SIZE, GFP_KERNEL);
	if (st_writing.text && st_finished.text)
		return 0;

	st_report_exit();
	return -ENOMEM;
}

/**
 * st_report_exit() - free it
 *
 * Context: process.
 */
void st_report_exit(void)
{
	kvfree(st_writing.text);
	kvfree(st_finished.text);
	st_writing.text = NULL;
	st_finished.text = NULL;
}

/**
 * st_report_begin() - begin the report of a run
 *
 * Context: process; the run's thread.
 */
void st_report_begin(void)
{
	st_writing.len = 0;
	st_writing.cut = false;
}

/**
 * st_report_end() - this report is the last run's now
 *
 * Context: process; the run's thread.
 */
void st_report_end(void)
{
	mutex_lock(&st_finished_lock);
	swap(st_writing, st_finished);
	mutex_unlock(&st_finished_lock);
}

/**
 * st_report() - add a line to the report and to the kernel log
 * @depth: how many levels of subtests it is inside
 * @fmt: the line, without a newline
 *
 * Context: process; the run's thread.
 */
void st_report(unsigned int depth, const char *fmt, ...)
{
	char *at = st_writing.text + st_writing.len;
	size_t room = ST_REPORT_SIZE - st_writing.len;
	char line[320];
	va_list args;
	size_t n;

	va_start(args, fmt);
	vscnprintf(line, sizeof(line), fmt, args);
	va_end(args);

	pr_info("%*s%s\n", depth * ST_REPORT_INDENT, "", line);

	n = depth * ST_REPORT_INDENT + strlen(line) + 1;
	if (n >= room) {
		st_writing.cut = true;
		return;
	}
	sprintf(at, "%*s%s\n", depth * ST_REPORT_INDENT, "", line);
	st_writing.len += n;
}

/**
 * st_report_show() - print the last finished report
 * @m: where to
 */
void st_report_show(struct seq_file *m)
{
	mutex_lock(&st_finished_lock);
	if (!st_finished.len)
		seq_puts(m, "# no run has finished yet\n");
	else
		seq_write(m, st_finished.text, st_finished.len);
	if (st_finished.cut)
		seq_puts(m, "# cut: the kernel log has the rest\n");
	mutex_unlock(&st_finished_lock);
}
