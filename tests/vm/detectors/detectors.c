// SPDX-License-Identifier: GPL-2.0
/*
 * Deliberate defects, one for each detector of the debug kernel, to show that
 * it is on: insmod detectors.ko defect=NAME commits that one and loads.
 *
 * Never load this into a system that is to live on. Defects that a kernel
 * without the detector would suffer from are made as harmless as they can be,
 * and two are not: free_timer and double_call_rcu.
 *
 * gcc sees some of them as well as the detector does: OPTIMIZER_HIDE_VAR()
 * takes from it what it knows of a variable.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/highmem.h>
#include <linux/irq_work.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "dma_rmap.h"

static char *defect = "";
module_param(defect, charp, 0444);
MODULE_PARM_DESC(defect, "which defect to commit: the name of a function here, after defect_");

#define DEFECT(name) static noinline void defect_##name(void)

/*
 * Memory: KASAN
 */

DEFECT(slab_bounds)
{
	u8 *p = kmalloc(40, GFP_KERNEL);	/* of a cache of 64 */

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(p[40], 1);
	kfree(p);
}

DEFECT(use_after_free)
{
	u8 *p = kmalloc(40, GFP_KERNEL), *q = p;

	OPTIMIZER_HIDE_VAR(q);
	kfree(p);
	if (q)
		(void)READ_ONCE(q[8]);
}

/*
 * Too large for the gaps that ioremap() has used before: iounmap() leaves their
 * shadow memory as it is, and what is behind a small area would go unnoticed.
 */
DEFECT(vmalloc_bounds)
{
	u8 *p = vmalloc(SZ_4M + 2000);

	if (!p)
		return;
	OPTIMIZER_HIDE_VAR(p);
	(void)READ_ONCE(p[SZ_4M + 2010]);
	vfree(p);
}

DEFECT(stack_bounds)
{
	u8 buf[10] = {}, *p = buf;

	OPTIMIZER_HIDE_VAR(p);
	(void)READ_ONCE(p[12]);
}

/*
 * Memory: kmemleak. The objects are lost to it, but we free them in the end.
 */

static unsigned long lost[16];

DEFECT(lost_object)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lost); i++)
		lost[i] = ~(unsigned long)kmalloc(200, GFP_KERNEL);
}

static void free_lost(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(lost); i++)
		if (lost[i])
			kfree((void *)~lost[i]);
}

/*
 * Memory: DEBUG_KMAP_LOCAL_FORCE_MAP. A defect that it shows is to take
 * page_address() for the address of a page that is mapped with kmap_local_page();
 * it tells nothing itself.
 */

DEFECT(kmap_local)
{
	struct page *page = alloc_page(GFP_KERNEL);
	void *p;

	if (!page)
		return;
	p = kmap_local_page(page);
	pr_info("kmap_local_page() %s page_address()\n",
		p == page_address(page) ? "is" : "differs from");
	kunmap_local(p);
	__free_page(page);
}

/*
 * Undefined behaviour: UBSAN
 */

static struct {
	int element[4];
	int rest[4];
} array;

DEFECT(array_index)
{
	unsigned int i = ARRAY_SIZE(array.element) + 1;

	OPTIMIZER_HIDE_VAR(i);
	WRITE_ONCE(array.element[i], 1);
}

/*
 * Locks, contexts and RCU
 */

static DEFINE_MUTEX(lock_a);
static DEFINE_MUTEX(lock_b);

DEFECT(circular_locks)
{
	mutex_lock(&lock_a);
	mutex_lock(&lock_b);
	mutex_unlock(&lock_b);
	mutex_unlock(&lock_a);

	mutex_lock(&lock_b);
	mutex_lock(&lock_a);
	mutex_unlock(&lock_a);
	mutex_unlock(&lock_b);
}

static DEFINE_SPINLOCK(irq_lock);

static void lock_in_irq(struct irq_work *work)
{
	spin_lock(&irq_lock);
	spin_unlock(&irq_lock);
}

/* Taken in an interrupt, and with interrupts on. */
DEFECT(irq_lock)
{
	struct irq_work work;

	init_irq_work(&work, lock_in_irq);
	irq_work_queue(&work);
	irq_work_sync(&work);

	spin_lock(&irq_lock);
	spin_unlock(&irq_lock);
}

static int __rcu *rcu_pointer;

DEFECT(rcu_dereference)
{
	if (rcu_dereference(rcu_pointer))	/* not in an RCU reader */
		pr_info("this cannot be\n");
}

DEFECT(atomic_sleep)
{
	preempt_disable();
	might_sleep();
	preempt_enable();
}

/*
 * The DMA API: DMA_API_DEBUG. One device whose operations are the kernel's own,
 * and one of a reverse map.
 */

#define DMA_LEN 100

/* Map some memory, and let @mistake undo that. */
static void dma_mistake(struct device *dev,
			void (*mistake)(struct device *dev, dma_addr_t addr))
{
	u8 *p = kmalloc(DMA_LEN, GFP_KERNEL);
	dma_addr_t addr;

	if (!p)
		return;
	addr = dma_map_single(dev, p, DMA_LEN, DMA_TO_DEVICE);
	if (!dma_mapping_error(dev, addr))
		mistake(dev, addr);
	kfree(p);
}

static void unmap_half(struct device *dev, dma_addr_t addr)
{
	dma_unmap_single(dev, addr, DMA_LEN / 2, DMA_TO_DEVICE);
}

static void dma_wrong_size(struct device *dev)
{
	dma_mistake(dev, unmap_half);
}

static void unmap_other_direction(struct device *dev, dma_addr_t addr)
{
	dma_unmap_single(dev, addr, DMA_LEN, DMA_FROM_DEVICE);
}

static void dma_wrong_direction(struct device *dev)
{
	dma_mistake(dev, unmap_other_direction);
}

static void unmap_twice(struct device *dev, dma_addr_t addr)
{
	dma_unmap_single(dev, addr, DMA_LEN, DMA_TO_DEVICE);
	dma_unmap_single(dev, addr, DMA_LEN, DMA_TO_DEVICE);
}

static void dma_unmap_twice(struct device *dev)
{
	dma_mistake(dev, unmap_twice);
}

static void dma_unchecked(struct device *dev)
{
	u8 *p = kmalloc(100, GFP_KERNEL);

	if (!p)
		return;
	dma_unmap_single(dev, dma_map_single(dev, p, 100, DMA_TO_DEVICE), 100,
			 DMA_TO_DEVICE);
	kfree(p);
}

static noinline void on_platform_device(void (*fn)(struct device *dev))
{
	struct platform_device *pdev;

	pdev = platform_device_register_simple("detectors", PLATFORM_DEVID_NONE,
					       NULL, 0);
	if (IS_ERR(pdev))
		return;
	if (!dma_coerce_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64)))
		fn(&pdev->dev);
	platform_device_unregister(pdev);
}

static noinline void on_map(void (*fn)(struct device *dev))
{
	const struct dma_rmap_attr attr = { .scheme = DMA_RMAP_FRESH };
	struct dma_rmap *map = dma_rmap_create("detectors", &attr);

	if (IS_ERR(map))
		return;
	fn(dma_rmap_device(map));
	dma_rmap_destroy(map);
}

DEFECT(dma_size)
{
	on_platform_device(dma_wrong_size);
}

DEFECT(dma_unmapped)
{
	on_platform_device(dma_unmap_twice);
}

DEFECT(dma_map_size)
{
	on_map(dma_wrong_size);
}

DEFECT(dma_map_direction)
{
	on_map(dma_wrong_direction);
}

DEFECT(dma_map_unmapped)
{
	on_map(dma_unmap_twice);
}

DEFECT(dma_map_unchecked)
{
	on_map(dma_unchecked);
}

/*
 * Objects: DEBUG_OBJECTS
 */

static void timer_ends(struct timer_list *timer)
{
}

DEFECT(free_timer)
{
	struct timer_list *timer = kzalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, timer_ends, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static void work_runs(struct work_struct *work)
{
}

DEFECT(work_on_stack)
{
	struct work_struct work;

	INIT_WORK(&work, work_runs);	/* not INIT_WORK_ONSTACK() */
	destroy_work_on_stack(&work);
}

static struct rcu_head head;

static void head_is_free(struct rcu_head *rcu)
{
}

DEFECT(double_call_rcu)
{
	call_rcu(&head, head_is_free);
	call_rcu(&head, head_is_free);
	rcu_barrier();
}

/*
 * Lists and counters
 */

DEFECT(list_corruption)
{
	LIST_HEAD(list);
	struct list_head a, b;

	list_add(&a, &list);
	list.prev = &list;	/* a is lost, but list.next knows it */
	list_add_tail(&b, &list);
}

DEFECT(refcount)
{
	refcount_t count = REFCOUNT_INIT(1);

	refcount_dec(&count);
	if (refcount_dec_and_test(&count))
		pr_info("this cannot be\n");
}

/*
 * Faults on demand. A defect that they show is an allocation that is taken to
 * succeed; they tell nothing themselves.
 */

static void fail_next(unsigned int nth)
{
#ifdef CONFIG_FAULT_INJECTION
	current->fail_nth = nth;
#endif
}

DEFECT(failslab)
{
	void *p, *q;

	fail_next(1);
	p = kmalloc(40, GFP_KERNEL);
	q = kmalloc(40, GFP_KERNEL);
	fail_next(0);
	pr_info("the first kmalloc() %s, the second %s\n",
		p ? "succeeds" : "fails", q ? "succeeds" : "fails");
	kfree(p);
	kfree(q);
}

DEFECT(fail_page_alloc)
{
	struct page *p, *q;

	fail_next(1);
	p = alloc_page(GFP_KERNEL);
	q = alloc_page(GFP_KERNEL);
	fail_next(0);
	pr_info("the first alloc_page() %s, the second %s\n",
		p ? "succeeds" : "fails", q ? "succeeds" : "fails");
	if (p)
		__free_page(p);
	if (q)
		__free_page(q);
}

/*
 * Data races: KCSAN
 */

static unsigned long raced;

static int race_thread(void *unused)
{
	unsigned int n = 0;

	while (!kthread_should_stop()) {
		raced++;
		if (!(++n % 1024))
			cond_resched();
	}
	return 0;
}

DEFECT(data_race)
{
	struct task_struct *a, *b;

	a = kthread_run(race_thread, NULL, "race_a");
	b = kthread_run(race_thread, NULL, "race_b");
	msleep(10000);
	if (!IS_ERR(a))
		kthread_stop(a);
	if (!IS_ERR(b))
		kthread_stop(b);
	pr_info("raced %lu times\n", raced);
}

#define ENTRY(name) { #name, defect_##name }

static const struct {
	const char *name;
	void (*commit)(void);
} defects[] = {
	ENTRY(slab_bounds),
	ENTRY(use_after_free),
	ENTRY(vmalloc_bounds),
	ENTRY(stack_bounds),
	ENTRY(lost_object),
	ENTRY(kmap_local),
	ENTRY(array_index),
	ENTRY(circular_locks),
	ENTRY(irq_lock),
	ENTRY(rcu_dereference),
	ENTRY(atomic_sleep),
	ENTRY(dma_size),
	ENTRY(dma_unmapped),
	ENTRY(dma_map_size),
	ENTRY(dma_map_direction),
	ENTRY(dma_map_unmapped),
	ENTRY(dma_map_unchecked),
	ENTRY(free_timer),
	ENTRY(work_on_stack),
	ENTRY(double_call_rcu),
	ENTRY(list_corruption),
	ENTRY(refcount),
	ENTRY(failslab),
	ENTRY(fail_page_alloc),
	ENTRY(data_race),
};

static int __init detectors_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(defects); i++) {
		if (strcmp(defect, defects[i].name))
			continue;
		defects[i].commit();
		return 0;
	}
	pr_err("no such defect: %s\n", defect);
	return -EINVAL;
}
module_init(detectors_init);

static void __exit detectors_exit(void)
{
	free_lost();
}
module_exit(detectors_exit);

MODULE_DESCRIPTION("Deliberate defects, for the kernel's detectors to report");
MODULE_LICENSE("GPL");
