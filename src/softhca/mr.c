// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions: creation and destruction, fast registration, and the table
 * of keys. How their addresses become memory is memory.c's.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "memory.h"
#include "mr.h"

/* Access that a region can grant; the optional bits ask for nothing here. */
#define SOFTHCA_ACCESS	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | \
			 IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC | \
			 IB_ACCESS_MW_BIND | IB_ACCESS_FLUSH_GLOBAL | \
			 IB_ACCESS_HUGETLB | IB_ACCESS_OPTIONAL)

static struct softhca_mr *mr_create(struct ib_pd *pd, enum softhca_mr_kind kind,
				    int access)
{
	struct softhca_dev *dev = to_softhca(pd->device);
	struct softhca_mr *mr;
	int err;

	err = softhca_charge(dev, SOFTHCA_MR);
	if (err)
		return ERR_PTR(err);

	mr = kzalloc(sizeof(*mr), GFP_KERNEL);
	if (!mr) {
		softhca_uncharge(dev, SOFTHCA_MR);
		return ERR_PTR(-ENOMEM);
	}

	mr->kind = kind;
	mr->pd = pd;
	mr->access = access;
	mr->state = kind == SOFTHCA_MR_FAST ? SOFTHCA_MR_FREE :
					      SOFTHCA_MR_VALID;
	mr->ib.device = pd->device;
	mr->ib.pd = pd;
	refcount_set(&mr->refs, 1);
	init_completion(&mr->gone);
	return mr;
}

static void mr_free(struct softhca_mr *mr)
{
	struct softhca_dev *dev = to_softhca(mr->ib.device);

	if (mr->kind != SOFTHCA_MR_DMA)
		kvfree(mr->pages);
	if (mr->umem)
		ib_umem_release(mr->umem);
	kfree_rcu(mr, rcu);
	softhca_uncharge(dev, SOFTHCA_MR);
}

/**
 * softhca_mr_publish - give a region or window its keys
 * @mr: the region
 *
 * From here on, work requests can find it.
 *
 * Context: May sleep.
 * Return: 0 or a negative errno.
 */
int softhca_mr_publish(struct softhca_mr *mr)
{
	struct softhca_dev *dev = to_softhca(mr->ib.device);
	int err;

	/* The index must be known to whoever finds the entry. */
	err = xa_alloc_cyclic(&dev->mrs, &mr->index, XA_ZERO_ENTRY,
			      XA_LIMIT(1, softhca_key_index(
						SOFTHCA_LOCAL_DMA_LKEY) - 1),
			      &dev->mr_next, GFP_KERNEL);
	if (err < 0)
		return err;

	mr->key = mr->index << 8;
	mr->ib.lkey = mr->key;
	mr->ib.rkey = mr->key;
	xa_store(&dev->mrs, mr->index, mr, GFP_KERNEL);
	return 0;
}

static struct ib_mr *mr_finish(struct softhca_mr *mr)
{
	int err = softhca_mr_publish(mr);

	if (err) {
		mr_free(mr);
		return ERR_PTR(err);
	}
	return &mr->ib;
}

struct ib_mr *softhca_get_dma_mr(struct ib_pd *pd, int access)
{
	struct softhca_mr *mr = mr_create(pd, SOFTHCA_MR_DMA, access);

	if (IS_ERR(mr))
		return ERR_CAST(mr);
	mr->length = U64_MAX;
	return mr_finish(mr);
}

struct ib_mr *softhca_reg_user_mr(struct ib_pd *pd, u64 start, u64 length,
				  u64 iova, int access)
{
	struct softhca_mr *mr;
	int err;

	if (access & ~SOFTHCA_ACCESS)
		return ERR_PTR(-EOPNOTSUPP);
	if (!length || iova + length < iova)
		return ERR_PTR(-EINVAL);

	mr = mr_create(pd, SOFTHCA_MR_USER, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);

	mr->iova = iova;
	mr->length = length;
	mr->umem = ib_umem_get_va(pd->device, start, length, access);
	if (IS_ERR(mr->umem)) {
		err = PTR_ERR(mr->umem);
		mr->umem = NULL;
		goto err_mr;
	}

	err = softhca_mem_resolve_umem(mr);
	if (err)
		goto err_mr;
	return mr_finish(mr);

err_mr:
	mr_free(mr);
	return ERR_PTR(err);
}

struct ib_mr *softhca_alloc_mr(struct ib_pd *pd, enum ib_mr_type type,
			       u32 max_num_sg)
{
	struct softhca_mr *mr;

	if (type != IB_MR_TYPE_MEM_REG)
		return ERR_PTR(-EOPNOTSUPP);
	if (!max_num_sg || max_num_sg > SOFTHCA_MAX_FAST_REG)
		return ERR_PTR(-EINVAL);

	mr = mr_create(pd, SOFTHCA_MR_FAST, 0);
	if (IS_ERR(mr))
		return ERR_CAST(mr);

	mr->max_pages = max_num_sg;
	mr->dma = kvcalloc(max_num_sg, sizeof(*mr->dma), GFP_KERNEL);
	if (!mr->dma) {
		mr_free(mr);
		return ERR_PTR(-ENOMEM);
	}
	return mr_finish(mr);
}

static int mr_set_page(struct ib_mr *ib, u64 addr)
{
	struct softhca_mr *mr = to_softhca_mr(ib);

	if (mr->nr_pages == mr->max_pages)
		return -ENOMEM;
	mr->dma[mr->nr_pages++] = addr;
	return 0;
}

int softhca_map_mr_sg(struct ib_mr *ib, struct scatterlist *sg, int nents,
		      unsigned int *offset)
{
	struct softhca_mr *mr = to_softhca_mr(ib);

	mr->nr_pages = 0;
	return ib_sg_to_pages(ib, sg, nents, offset, mr_set_page);
}

/**
 * softhca_mr_close - make a region or window leave VALID
 * @mr: the region
 * @state: what it shall be in instead
 *
 * When it returns, no piece of a copy goes through it.
 *
 * Context: Any.
 */
void softhca_mr_close(struct softhca_mr *mr, enum softhca_mr_state state)
{
	WRITE_ONCE(mr->state, state);
	/* Pairs with region_enter(), which raises pieces and reads state. */
	smp_mb();
	while (atomic_read_acquire(&mr->pieces))
		cpu_relax();
}

/* From here on nothing can be bound to it, unless something is. */
static int mr_retire(struct softhca_dev *dev, struct softhca_mr *mr)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&dev->mw_lock, flags);
	if (mr->windows)
		err = -EBUSY;
	else
		WRITE_ONCE(mr->state, SOFTHCA_MR_DEAD);
	spin_unlock_irqrestore(&dev->mw_lock, flags);
	return err;
}

int softhca_dereg_mr(struct ib_mr *ib, struct ib_udata *udata)
{
	struct softhca_mr *mr = to_softhca_mr(ib);
	struct softhca_dev *dev = to_softhca(ib->device);
	int err = mr_retire(dev, mr);

	if (err)
		return err;
	xa_erase(&dev->mrs, mr->index);
	softhca_mr_close(mr, SOFTHCA_MR_DEAD);
	softhca_mr_put(mr);
	wait_for_completion(&mr->gone);
	mr_free(mr);
	return 0;
}

/**
 * softhca_mr_get - find a region by its key and hold it
 * @dev: the device
 * @key: an L_Key or R_Key from a work request
 *
 * Only the index is compared here; the rest of the key, the region's state
 * and whether the access is granted are the caller's to check.
 *
 * Context: Any.
 * Return: the region, to be given back with softhca_mr_put(), or NULL.
 */
struct softhca_mr *softhca_mr_get(struct softhca_dev *dev, u32 key)
{
	struct softhca_mr *mr;

	rcu_read_lock();
	mr = xa_load(&dev->mrs, softhca_key_index(key));
	if (mr && !refcount_inc_not_zero(&mr->refs))
		mr = NULL;
	rcu_read_unlock();
	return mr;
}

void softhca_mr_put(struct softhca_mr *mr)
{
	if (refcount_dec_and_test(&mr->refs))
		complete(&mr->gone);
}

/**
 * softhca_mr_register - execute a REG_MR work request
 * @mr: the region, held
 * @pd: the QP's protection domain
 * @key: its new key; only the lowest eight bits may differ from the old one
 * @access: to grant
 * @iova: of its first byte
 * @length: bytes
 * @page_size: of each entry that map_mr_sg has set
 *
 * Context: Any.
 * Return: 0, or -EINVAL where IBTA has a memory management operation error:
 * the region is not free, is of another PD, or the key is not one of its own.
 */
int softhca_mr_register(struct softhca_mr *mr, struct ib_pd *pd, u32 key,
			int access, u64 iova, u64 length, u32 page_size)
{
	u64 first = iova & (page_size - 1);

	if (mr->kind != SOFTHCA_MR_FAST || mr->pd != pd ||
	    READ_ONCE(mr->state) != SOFTHCA_MR_FREE ||
	    softhca_key_index(key) != mr->index)
		return -EINVAL;
	if (!is_power_of_2(page_size) || page_size < PAGE_SIZE ||
	    length > (mr->nr_pages << ilog2(page_size)) ||
	    first + length > (mr->nr_pages << ilog2(page_size)) ||
	    iova + length < iova)
		return -EINVAL;
	if (access & ~SOFTHCA_ACCESS)
		return -EINVAL;

	mr->key = key;
	mr->access = access;
	mr->iova = iova;
	mr->length = length;
	mr->page_shift = ilog2(page_size);
	/* Pairs with mem_granted(). */
	smp_store_release(&mr->state, SOFTHCA_MR_VALID);
	return 0;
}

/**
 * softhca_mr_invalidate - execute LOCAL_INV, or a peer's send with invalidate
 * @dev: the device
 * @pd: the QP's protection domain
 * @key: of the region
 *
 * When it returns, nothing goes through the region any more.
 *
 * Context: Any.
 * Return: 0, or -EINVAL where the key is not that of a fast registration of
 * this PD.
 */
int softhca_mr_invalidate(struct softhca_dev *dev, struct ib_pd *pd, u32 key)
{
	struct softhca_mr *mr = softhca_mr_get(dev, key);
	int err = -EINVAL;

	if (!mr)
		return err;
	if (mr->kind == SOFTHCA_MR_FAST && mr->pd == pd && mr->key == key &&
	    READ_ONCE(mr->state) != SOFTHCA_MR_DEAD) {
		softhca_mr_close(mr, SOFTHCA_MR_FREE);
		err = 0;
	}
	softhca_mr_put(mr);
	return err;
}
