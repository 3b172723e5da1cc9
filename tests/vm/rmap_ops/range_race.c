// SPDX-License-Identifier: GPL-2.0
/*
 * Pages of a range are replaced while another CPU reads through it: each read is of
 * one page as it was while it was linked, or meets a hole.
 */
#include <linux/cpumask.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "rmap_ops.h"

#define POISON	0xfe		/* what a page has while it is not linked */
#define ENOUGH	1000		/* reads of each kind, and pages replaced */

/**
 * struct reader - who reads
 * @range: what it reads, a page
 * @data: what it has read
 * @pages: how often it has read a page
 * @holes: how often it has met a hole
 * @torn: how often it has read what a page never was
 * @stale: how often it has read what was written after the page had been unlinked
 * @errors: how often it has been told anything else
 */
struct reader {
	struct dma_rmap_range range;
	u8 *data;
	unsigned int pages;
	unsigned int holes;
	unsigned int torn;
	unsigned int stale;
	unsigned int errors;
};

static struct reader reader;
static unsigned int rounds;		/* pages replaced */

static void read_page(struct reader *r)
{
	int err = dma_rmap_copy_from(map, r->data, r->range.addr, PAGE_SIZE);

	if (err == -EFAULT) {
		WRITE_ONCE(r->holes, r->holes + 1);
	} else if (err) {
		r->errors++;
	} else {
		WRITE_ONCE(r->pages, r->pages + 1);
		if (r->data[0] == POISON || r->data[PAGE_SIZE - 1] == POISON)
			r->stale++;
		else if (memchr_inv(r->data, r->data[0], PAGE_SIZE))
			r->torn++;
	}
}

static int reads(void *arg)
{
	while (!kthread_should_stop()) {
		read_page(arg);
		cond_resched();
	}
	return 0;
}

/* Link one of two pages, and unlink it; each time it has other data. */
static void replace(struct irq_work *work)
{
	u8 *page = buf + rounds % 2 * PAGE_SIZE;
	unsigned int i;

	memset(page, rounds % 200, PAGE_SIZE);
	check(!dma_rmap_link(&reader.range, 0, virt_to_phys(page), PAGE_SIZE));
	for (i = 0; i < rounds % 16 * 100; i++)
		cpu_relax();
	check(dma_rmap_unlink(&reader.range, 0, PAGE_SIZE) == PAGE_SIZE);
	memset(page, POISON, PAGE_SIZE);
	rounds++;
}

static void replace_in_irq(struct irq_work *work)
{
	check(in_hardirq());
	replace(work);
}

static struct irq_work replace_work = IRQ_WORK_INIT_HARD(replace_in_irq);

static bool enough(void)
{
	return rounds >= ENOUGH && READ_ONCE(reader.pages) >= ENOUGH &&
	       READ_ONCE(reader.holes) >= ENOUGH;
}

static void replace_until_enough(bool in_irq)
{
	unsigned long end = jiffies + 60 * HZ;

	while (!enough() && time_before(jiffies, end) && !failed) {
		if (in_irq) {
			irq_work_queue(&replace_work);
			irq_work_sync(&replace_work);
		} else {
			replace(NULL);
		}
		cond_resched();
	}
}

/* The reader is on the other CPU than this. */
static void race(bool in_irq)
{
	struct task_struct *task;
	unsigned int cpu;

	if (num_online_cpus() < 2) {
		skipped = "it needs two CPUs";
		return;
	}
	memset(&reader, 0, sizeof(reader));
	rounds = 0;
	reader.data = copy;
	check(!dma_rmap_reserve(map, &reader.range, 0, PAGE_SIZE, DMA_TO_DEVICE,
				GFP_KERNEL));
	task = kthread_create(reads, &reader, "rmap_ops/read");
	check(!IS_ERR(task));
	if (IS_ERR(task))
		goto out;
	migrate_disable();
	cpu = cpumask_any_but(cpu_online_mask, smp_processor_id());
	kthread_bind(task, cpu);
	wake_up_process(task);
	replace_until_enough(in_irq);
	migrate_enable();
	kthread_stop(task);
	pr_info("# %u replaced; %u reads of a page, %u of a hole\n", rounds,
		reader.pages, reader.holes);
	check(enough());
	check(!reader.torn);
	check(!reader.stale);
	check(!reader.errors);
out:
	dma_rmap_free_range(&reader.range);
	fill(buf, BUF_SIZE, 1);
}

void test_range_replaced(void)
{
	race(false);
}

void test_range_replaced_irq(void)
{
	race(true);
}
