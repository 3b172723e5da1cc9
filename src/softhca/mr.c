// SPDX-License-Identifier: GPL-2.0
/*
 * Memory regions: creation and destruction, reregistration, fast registration,
 * and the table of keys. How their addresses become memory is memory.c's.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "dmabuf.h"
#include "mr.h"
#include "odp.h"
#include "pinned.h"

/* Access that a region can grant; the optional bits ask for nothing here. */
#define SOFTHCA_ACCESS	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | \
			 IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC | \
			 IB_ACCESS_MW_BIND | IB_ACCESS_FLUSH_GLOBAL | \
			 IB_ACCESS_HUGETLB | IB_ACCESS_OPTIONAL)

/* ... and what a region of user space can be told to be. */
#define SOFTHCA_USER_ACCESS	(SOFTHCA_ACCESS | IB_ACCESS_ON_DEMAND | \
				 IB_ZERO_BASED)

/* Make one that does not count against the limit yet. */
static struct softhca_mr *mr_alloc(struct ib_pd *pd, enum softhca_mr_kind kind,
				   int access)
{
	struct softhca_mr *mr = kzalloc(sizeof(*mr), GFP_KERNEL);

	if (!mr)
		return ERR_PTR(-ENOMEM);
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

static void mr_put_memory(struct softhca_mr *mr)
{
	switch (mr->kind) {
	case SOFTHCA_MR_USER:
		if (mr->pinned)
			softhca_pinned_put(mr->pinned);
		break;
	case SOFTHCA_MR_ODP:
		if (mr->odp)
			softhca_odp_put(mr->odp);
		break;
	case SOFTHCA_MR_DMABUF:
		if (mr->dmabuf)
			softhca_dmabuf_put(mr->dmabuf);
		break;
	case SOFTHCA_MR_FAST:
		kvfree(mr->dma);
		break;
	case SOFTHCA_MR_DMA:
	case SOFTHCA_MR_WINDOW:	/* not one of those that are freed here */
		break;
	}
}

static void mr_free(struct softhca_mr *mr)
{
	struct softhca_dev *dev = to_softhca(mr->ib.device);

	mr_put_memory(mr);
	if (mr->charged)
		softhca_uncharge(dev, SOFTHCA_MR);
	kfree_rcu(mr, rcu);
}

static struct softhca_mr *mr_create(struct ib_pd *pd, enum softhca_mr_kind kind,
				    int access)
{
	struct softhca_mr *mr = mr_alloc(pd, kind, access);
	int err;

	if (IS_ERR(mr))
		return mr;
	err = softhca_charge(to_softhca(pd->device), SOFTHCA_MR);
	if (err) {
		mr_free(mr);
		return ERR_PTR(err);
	}
	mr->charged = true;
	return mr;
}

/**
 * softhca_mr_publish - give a region or window its keys
 * @mr: the region
 *
 * From here on, work requests can find it. Keys are as hardware makes them: the
 * lowest index that is free, and a last byte that changes from one registration to
 * the next, so that a key of what was there before is not taken for this one's.
 *
 * Context: May sleep.
 * Return: 0 or a negative errno.
 */
int softhca_mr_publish(struct softhca_mr *mr)
{
	struct softhca_dev *dev = to_softhca(mr->ib.device);
	int err;

	/* The index must be known to whoever finds the entry. */
	err = xa_alloc(&dev->mrs, &mr->index, XA_ZERO_ENTRY,
		       XA_LIMIT(1, softhca_key_index(SOFTHCA_LOCAL_DMA_LKEY) -
				   1), GFP_KERNEL);
	if (err)
		return err;

	mr->key = mr->index << 8 | (u8)atomic_inc_return(&dev->key_variant);
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

/* Of what kind a region of user space is, by the access that is asked for. */
static enum softhca_mr_kind user_kind(int access)
{
	return access & IB_ACCESS_ON_DEMAND ? SOFTHCA_MR_ODP : SOFTHCA_MR_USER;
}

/*
 * What is wrong with a range of a process? One from 0 on that is as long as can
 * be told, and on demand, is the whole address space.
 */
static int check_user_range(u64 start, u64 length, u64 iova, int access)
{
	if (access & ~SOFTHCA_USER_ACCESS)
		return -EOPNOTSUPP;
	if (!length || iova + length < iova || start + length < start)
		return -EINVAL;
	if (length == U64_MAX &&
	    (!(access & IB_ACCESS_ON_DEMAND) || access & IB_ACCESS_HUGETLB))
		return -EINVAL;
	return 0;
}

/* Give a new region of the calling process its memory. */
static int mr_take_memory(struct softhca_mr *mr, u64 start, u64 length,
			  u64 iova)
{
	struct softhca_dev *dev = to_softhca(mr->ib.device);
	struct softhca_pinned *pinned;
	struct softhca_odp *odp;

	mr->start = start;
	mr->length = length;
	mr->iova = mr->access & IB_ZERO_BASED ? 0 : iova;

	if (mr->kind == SOFTHCA_MR_ODP) {
		odp = softhca_odp_create(dev, start, length);
		if (IS_ERR(odp))
			return PTR_ERR(odp);
		mr->odp = odp;
	} else {
		pinned = softhca_pinned_create(dev, start, length, mr->access);
		if (IS_ERR(pinned))
			return PTR_ERR(pinned);
		mr->pinned = pinned;
	}
	return 0;
}

struct ib_mr *softhca_reg_user_mr(struct ib_pd *pd, u64 start, u64 length,
				  u64 iova, int access)
{
	struct softhca_mr *mr;
	int err;

	err = check_user_range(start, length, iova, access);
	if (err)
		return ERR_PTR(err);
	mr = mr_create(pd, user_kind(access), access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	err = mr_take_memory(mr, start, length, iova);
	if (err) {
		mr_free(mr);
		return ERR_PTR(err);
	}
	return mr_finish(mr);
}

struct ib_mr *softhca_reg_user_mr_dmabuf(struct ib_pd *pd, u64 offset,
					 u64 length, u64 iova, int fd,
					 int access)
{
	struct softhca_dmabuf *buf;
	struct softhca_mr *mr;

	if (access & ~SOFTHCA_ACCESS)
		return ERR_PTR(-EOPNOTSUPP);
	if (!length || iova + length < iova)
		return ERR_PTR(-EINVAL);

	mr = mr_create(pd, SOFTHCA_MR_DMABUF, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	buf = softhca_dmabuf_create(to_softhca(pd->device), offset, length, fd,
				    access);
	if (IS_ERR(buf)) {
		mr_free(mr);
		return ERR_CAST(buf);
	}
	mr->dmabuf = buf;
	mr->start = offset;
	mr->length = length;
	mr->iova = iova;
	return mr_finish(mr);
}

/* Can a region with another access or PD share the memory of this one? */
static bool mr_can_share(const struct softhca_mr *mr, int access)
{
	switch (mr->kind) {
	case SOFTHCA_MR_USER:
		return user_kind(access) == mr->kind &&
		       softhca_pinned_allows(mr->pinned, access);
	case SOFTHCA_MR_ODP:
		return user_kind(access) == mr->kind;
	case SOFTHCA_MR_DMABUF:
		return user_kind(access) == SOFTHCA_MR_USER;
	default:
		return false;
	}
}

static void mr_share_memory(struct softhca_mr *mr, const struct softhca_mr *old)
{
	mr->kind = old->kind;
	mr->start = old->start;
	mr->length = old->length;
	mr->iova = old->iova;

	switch (old->kind) {
	case SOFTHCA_MR_ODP:
		mr->odp = softhca_odp_get(old->odp);
		break;
	case SOFTHCA_MR_DMABUF:
		mr->dmabuf = softhca_dmabuf_get(old->dmabuf);
		break;
	default:
		mr->pinned = softhca_pinned_get(old->pinned);
		break;
	}
}

/* What a region's memory becomes when it is reregistered. */
static int mr_renew_memory(struct softhca_mr *mr, const struct softhca_mr *old,
			   bool translate, u64 start, u64 length, u64 iova)
{
	int err;

	if (!translate && mr_can_share(old, mr->access)) {
		mr_share_memory(mr, old);
		return 0;
	}
	if (!translate) {
		/* The same addresses, if they are those of the caller. */
		if (old->kind != SOFTHCA_MR_USER ||
		    old->pinned->umem->owning_mm != current->mm)
			return -EOPNOTSUPP;
		start = old->start;
		length = old->length;
		iova = old->iova;
	}
	err = check_user_range(start, length, iova, mr->access);
	return err ?: mr_take_memory(mr, start, length, iova);
}

/* From here on no window can be bound to it; false where one is. */
static bool mr_retire(struct softhca_dev *dev, struct softhca_mr *mr)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->mw_lock, flags);
	mr->closing = !mr->windows;
	spin_unlock_irqrestore(&dev->mw_lock, flags);
	return mr->closing;
}

/**
 * softhca_rereg_user_mr - change a region's memory, access or PD
 * @ib: the region
 * @flags: IB_MR_REREG_*: what changes
 * @start: with IB_MR_REREG_TRANS, where the new memory begins in the process
 * @length: its bytes
 * @iova: the address of its first byte in work requests
 * @access: with IB_MR_REREG_ACCESS, what is granted
 * @pd: the protection domain: another one with IB_MR_REREG_PD
 * @udata: of the command; nothing of ours in it
 *
 * A new region takes the old one's place, with its key. Whoever uses the old one
 * at this moment goes on with the new one at the next piece, if that grants it; no
 * piece sees something between. The core deregisters the old one before the
 * command returns. Of any kind can be made any other one, but that what is pinned
 * to be read or on demand can only be made the other with its memory told anew, or
 * by the process that registered it.
 *
 * Context: May sleep; @ib is not deregistered or reregistered meanwhile.
 * Return: the new region; or an ERR_PTR, and everything is as before: what
 * registration returns, -EOPNOTSUPP, or -EBUSY while a window is bound to it.
 */
struct ib_mr *softhca_rereg_user_mr(struct ib_mr *ib, int flags, u64 start,
				    u64 length, u64 iova, int access,
				    struct ib_pd *pd, struct ib_udata *udata)
{
	struct softhca_mr *old = to_softhca_mr(ib), *mr;
	struct softhca_dev *dev = to_softhca(ib->device);
	int err;

	if (flags & ~IB_MR_REREG_SUPPORTED)
		return ERR_PTR(-EOPNOTSUPP);
	if (!(flags & IB_MR_REREG_ACCESS))
		access = old->access;
	if (access & ~SOFTHCA_USER_ACCESS)
		return ERR_PTR(-EOPNOTSUPP);

	mr = mr_alloc(flags & IB_MR_REREG_PD ? pd : old->pd, user_kind(access),
		      access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	err = mr_renew_memory(mr, old, flags & IB_MR_REREG_TRANS, start, length,
			      iova);
	if (!err && !mr_retire(dev, old))
		err = -EBUSY;
	if (err) {
		mr_free(mr);
		return ERR_PTR(err);
	}

	mr->index = old->index;
	mr->key = old->key;
	mr->ib.lkey = old->ib.lkey;
	mr->ib.rkey = old->ib.rkey;
	mr->ib.iova = mr->iova;
	mr->ib.length = mr->length;
	mr->charged = true;
	old->charged = false;

	/* The place is taken, so nothing is allocated. */
	xa_store(&dev->mrs, mr->index, mr, GFP_KERNEL);
	/* Whoever sees that it is replaced finds the new one: see memory.c. */
	smp_store_release(&old->state, SOFTHCA_MR_REPLACED);
	return &mr->ib;
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

int softhca_dereg_mr(struct ib_mr *ib, struct ib_udata *udata)
{
	struct softhca_mr *mr = to_softhca_mr(ib);
	struct softhca_dev *dev = to_softhca(ib->device);

	if (mr->state != SOFTHCA_MR_REPLACED) {
		if (!mr_retire(dev, mr))
			return -EBUSY;
		xa_erase(&dev->mrs, mr->index);
		softhca_mr_close(mr, SOFTHCA_MR_DEAD);
	}
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
	do {
		/* One that is at its end is not in the table any more. */
		mr = xa_load(&dev->mrs, softhca_key_index(key));
	} while (unlikely(mr && !refcount_inc_not_zero(&mr->refs)));
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
