// SPDX-License-Identifier: GPL-2.0
/*
 * Parents: PCI devices whose DMA API scheme stacked stands on.
 *
 * A parent is a PCI device that no driver has. As long as links need it, a driver
 * of ours is bound to it, which does nothing with the device: so nobody else can
 * take it, or give its IOMMU group away, and its going is told to us in time.
 *
 * Locks: parents_lock, then the device's own (device_lock), then those of the
 * links. Links therefore get their parents before they take theirs, and give
 * them back without any lock: the release is a work item's.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "link.h"
#include "parent.h"

/**
 * struct softhca_parent - a PCI device that is bound to our driver
 * @node: in @parents
 * @pdev: the device, with a reference
 * @links: that need it; under @count_lock
 * @devices: whose maps use it; under @count_lock
 * @gone: it is being unbound, and there will be no more devices; under
 *	@count_lock
 */
struct softhca_parent {
	struct list_head node;
	struct pci_dev *pdev;
	unsigned int links;
	unsigned int devices;
	bool gone;
};

static DEFINE_MUTEX(parents_lock);	/* protects parents, and binding */
static LIST_HEAD(parents);
static DEFINE_SPINLOCK(count_lock);
static DECLARE_WAIT_QUEUE_HEAD(unused_wait);

/* What is being bound: probe() accepts nothing else. Under parents_lock. */
static struct softhca_parent *binding;

static void release_unneeded(struct work_struct *work);
static DECLARE_WORK(release_work, release_unneeded);

static int parent_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	int err;

	/* By hand, through sysfs, there is nothing to be had from us. */
	if (!binding || binding->pdev != pdev)
		return -ENODEV;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	/* There is no engine that would have a limit of its own. */
	dma_set_max_seg_size(&pdev->dev, UINT_MAX);
	/*
	 * A registration of pages needs each to begin where a page does. A
	 * bounce buffer keeps no more of an address than this asks for.
	 */
	dma_set_min_align_mask(&pdev->dev, PAGE_SIZE - 1);
	pci_set_drvdata(pdev, binding);
	return 0;
}

static bool parent_unused(struct softhca_parent *parent)
{
	bool unused;

	spin_lock(&count_lock);
	unused = !parent->devices;
	spin_unlock(&count_lock);
	return unused;
}

/* It is unbound by somebody, unplugged, or not needed any more. */
static void parent_remove(struct pci_dev *pdev)
{
	struct softhca_parent *parent = pci_get_drvdata(pdev);

	spin_lock(&count_lock);
	parent->gone = true;
	spin_unlock(&count_lock);
	softhca_links_parent_gone(parent);
	/* Others may be ending a device of it just now. */
	wait_event(unused_wait, parent_unused(parent));
}

static struct pci_driver parent_driver = {
	.name = KBUILD_MODNAME,
	.probe = parent_probe,
	.remove = parent_remove,
};

static struct pci_dev *find_pci(const char *name)
{
	struct device *dev = bus_find_device_by_name(&pci_bus_type, NULL, name);

	return dev ? to_pci_dev(dev) : NULL;
}

static int parent_bind(struct softhca_parent *parent)
{
	struct pci_dev *pdev = parent->pdev;
	int err;

	err = compat_pci_set_driver_override(pdev, KBUILD_MODNAME);
	if (err)
		return err;
	binding = parent;
	err = device_driver_attach(&parent_driver.driver, &pdev->dev);
	binding = NULL;
	if (err)
		compat_pci_set_driver_override(pdev, NULL);
	return err;
}

static struct softhca_parent *parent_new(struct pci_dev *pdev)
{
	struct softhca_parent *parent;
	int err;

	/* A hint, for the message: binding says so, too. */
	if (READ_ONCE(pdev->dev.driver)) {
		pr_err("parent=%s: it has a driver, %s; the parent has to be a device without\n",
		       pci_name(pdev), dev_driver_string(&pdev->dev));
		return ERR_PTR(-EBUSY);
	}
	parent = kzalloc(sizeof(*parent), GFP_KERNEL);
	if (!parent)
		return ERR_PTR(-ENOMEM);
	parent->pdev = pci_dev_get(pdev);
	err = parent_bind(parent);
	if (err) {
		pr_err("parent=%s: it cannot be taken: error %d\n",
		       pci_name(pdev), err);
		pci_dev_put(pdev);
		kfree(parent);
		return ERR_PTR(err);
	}
	list_add(&parent->node, &parents);
	return parent;
}

static void parent_free(struct softhca_parent *parent)
{
	list_del(&parent->node);
	pci_dev_put(parent->pdev);
	kfree(parent);
}

static struct softhca_parent *parent_find(const struct pci_dev *pdev)
{
	struct softhca_parent *parent;

	list_for_each_entry(parent, &parents, node)
		if (parent->pdev == pdev && !parent->gone)
			return parent;
	return NULL;
}

/**
 * softhca_parent_get - get a parent for a link
 * @name: its PCI address, as in 0000:00:05.0
 *
 * Context: May sleep; no lock of links is held.
 * Return: the parent, or an ERR_PTR, after a message: of -ENODEV if there is no
 * such device, -EBUSY if a driver has it, -ENOMEM, or what binding to it gives.
 */
struct softhca_parent *softhca_parent_get(const char *name)
{
	struct softhca_parent *parent;
	struct pci_dev *pdev;

	pdev = find_pci(name);
	if (!pdev) {
		pr_err("parent=%s: there is no such PCI device\n", name);
		return ERR_PTR(-ENODEV);
	}
	mutex_lock(&parents_lock);
	parent = parent_find(pdev);
	if (!parent)
		parent = parent_new(pdev);
	if (!IS_ERR(parent)) {
		spin_lock(&count_lock);
		parent->links++;
		spin_unlock(&count_lock);
	}
	mutex_unlock(&parents_lock);
	pci_dev_put(pdev);
	return parent;
}

/**
 * softhca_parent_hold - one more link needs a parent
 * @parent: the parent, held by the caller, or NULL
 *
 * Context: Any; locks may be held.
 */
void softhca_parent_hold(struct softhca_parent *parent)
{
	if (!parent)
		return;
	spin_lock(&count_lock);
	parent->links++;
	spin_unlock(&count_lock);
}

/**
 * softhca_parent_put - a link does not need its parent any more
 * @parent: the parent, or NULL
 *
 * Context: May sleep; locks may be held.
 */
void softhca_parent_put(struct softhca_parent *parent)
{
	if (!parent)
		return;
	spin_lock(&count_lock);
	parent->links--;
	spin_unlock(&count_lock);
	schedule_work(&release_work);
}

/**
 * softhca_parent_use - a device's map is going to use a parent
 * @parent: the parent, of a link
 *
 * Context: May sleep; locks may be held.
 * Return: the device to map for, bound to us until softhca_parent_unuse(); NULL
 * if it is going away.
 */
struct device *softhca_parent_use(struct softhca_parent *parent)
{
	struct device *dev = NULL;

	spin_lock(&count_lock);
	if (!parent->gone) {
		parent->devices++;
		dev = &parent->pdev->dev;
	}
	spin_unlock(&count_lock);
	return dev;
}

/**
 * softhca_parent_unuse - the map has been destroyed
 * @parent: the parent
 *
 * Context: May sleep; locks may be held.
 */
void softhca_parent_unuse(struct softhca_parent *parent)
{
	spin_lock(&count_lock);
	parent->devices--;
	spin_unlock(&count_lock);
	wake_up(&unused_wait);
	schedule_work(&release_work);
}

static struct softhca_parent *next_unneeded(void)
{
	struct softhca_parent *parent, *found = NULL;

	spin_lock(&count_lock);
	list_for_each_entry(parent, &parents, node) {
		if (!parent->links && !parent->devices) {
			found = parent;
			break;
		}
	}
	spin_unlock(&count_lock);
	return found;
}

static void release_unneeded(struct work_struct *work)
{
	struct softhca_parent *parent;

	mutex_lock(&parents_lock);
	while ((parent = next_unneeded())) {
		/* Ours no more, if it was unbound by others. */
		if (!parent->gone)
			device_release_driver(&parent->pdev->dev);
		compat_pci_set_driver_override(parent->pdev, NULL);
		parent_free(parent);
	}
	mutex_unlock(&parents_lock);
}

int softhca_parents_init(void)
{
	return pci_register_driver(&parent_driver);
}

/* After the end of all links. */
void softhca_parents_exit(void)
{
	flush_work(&release_work);
	pci_unregister_driver(&parent_driver);
}
