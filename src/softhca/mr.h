/* SPDX-License-Identifier: GPL-2.0 */
/* Memory regions: their kinds, life and keys. */
#ifndef SOFTHCA_MR_H
#define SOFTHCA_MR_H

#include <linux/completion.h>
#include <linux/refcount.h>
#include <rdma/ib_verbs.h>

#include "softhca.h"

struct softhca_dmabuf;
struct softhca_odp;
struct softhca_pinned;

enum softhca_mr_kind {
	SOFTHCA_MR_USER,	/* pinned pages of user space */
	SOFTHCA_MR_ODP,		/* user space's, page by page on demand */
	SOFTHCA_MR_DMABUF,	/* of an exporter, which may move it */
	SOFTHCA_MR_DMA,		/* every device address: the global keys */
	SOFTHCA_MR_FAST,	/* device addresses set by a work request */
	SOFTHCA_MR_WINDOW,	/* a part of another region: a memory window */
};

enum softhca_mr_state {
	SOFTHCA_MR_FREE,	/* a fast registration or window without memory */
	SOFTHCA_MR_VALID,
	SOFTHCA_MR_REPLACED,	/* reregistered: its key leads to another one */
	SOFTHCA_MR_DEAD,	/* being deregistered */
};

/**
 * struct softhca_mr - a memory region, or what is found by a window's key
 * @ib: what the RDMA core knows of it
 * @rcu: frees it after the last reader of the table of keys
 * @kind: what its addresses stand for
 * @index: its place in the table of keys, the upper 24 bits of a key
 * @pd: its protection domain; the core sets @ib's too late for a reader
 * @refs: one of its own and one of each holder; deregistration waits for them
 * @gone: no holder is left
 * @windows: memory windows that are bound to it; under its device's mw_lock
 * @closing: no window can be bound to it any more; under that lock
 * @pieces: pieces of a copy that go through it this moment; invalidation
 *	waits for them. Raised and lowered with interrupts off
 * @state: see above; whoever makes it leave VALID waits for @pieces
 * @key: the L_Key and R_Key in force, both the same
 * @access: IB_ACCESS_* granted
 * @charged: it counts against the device's limit
 * @iova: the address of its first byte in work requests
 * @length: bytes
 * @start: user and ODP: the address of its first byte in the process;
 *	DMABUF: its offset in the buffer
 * @pinned: user: the pages
 * @odp: ODP: the process's address space
 * @dmabuf: DMABUF: the buffer
 * @dma: fast: device addresses, rounded down to @page_shift
 * @page_shift: fast: size of each of @dma
 * @nr_pages: fast: how many are set
 * @max_pages: fast: how many can be set
 *
 * A region of user space does not change: when it is reregistered another one
 * takes its place behind the same key, which may share its memory.
 */
struct softhca_mr {
	struct ib_mr ib;
	struct rcu_head rcu;
	enum softhca_mr_kind kind;
	u32 index;
	struct ib_pd *pd;
	refcount_t refs;
	struct completion gone;
	u32 windows;
	bool closing;
	atomic_t pieces;
	enum softhca_mr_state state;
	u32 key;
	int access;
	bool charged;
	u64 iova;
	u64 length;
	u64 start;
	union {
		struct softhca_pinned *pinned;
		struct softhca_odp *odp;
		struct softhca_dmabuf *dmabuf;
		u64 *dma;
	};
	u32 page_shift;
	u64 nr_pages;
	u32 max_pages;
};

static inline struct softhca_mr *to_softhca_mr(struct ib_mr *ib)
{
	return container_of(ib, struct softhca_mr, ib);
}

/* A key is an index and eight bits that its owner may change. */
static inline u32 softhca_key_index(u32 key)
{
	return key >> 8;
}

/* Is it memory that a process has registered? */
static inline bool softhca_mr_is_user(const struct softhca_mr *mr)
{
	return mr->kind == SOFTHCA_MR_USER || mr->kind == SOFTHCA_MR_ODP ||
	       mr->kind == SOFTHCA_MR_DMABUF;
}

struct ib_mr *softhca_get_dma_mr(struct ib_pd *pd, int access);
struct ib_mr *softhca_reg_user_mr(struct ib_pd *pd, u64 start, u64 length,
				  u64 iova, int access);
struct ib_mr *softhca_reg_user_mr_dmabuf(struct ib_pd *pd, u64 offset,
					 u64 length, u64 iova, int fd,
					 int access);
struct ib_mr *softhca_rereg_user_mr(struct ib_mr *ib, int flags, u64 start,
				    u64 length, u64 iova, int access,
				    struct ib_pd *pd, struct ib_udata *udata);
struct ib_mr *softhca_alloc_mr(struct ib_pd *pd, enum ib_mr_type type,
			       u32 max_num_sg);
int softhca_map_mr_sg(struct ib_mr *ib, struct scatterlist *sg, int nents,
		      unsigned int *offset);
int softhca_dereg_mr(struct ib_mr *ib, struct ib_udata *udata);

int softhca_mr_publish(struct softhca_mr *mr);
void softhca_mr_close(struct softhca_mr *mr, enum softhca_mr_state state);
struct softhca_mr *softhca_mr_get(struct softhca_dev *dev, u32 key);
void softhca_mr_put(struct softhca_mr *mr);

int softhca_mr_register(struct softhca_mr *mr, struct ib_pd *pd, u32 key,
			int access, u64 iova, u64 length, u32 page_size);
int softhca_mr_invalidate(struct softhca_dev *dev, struct ib_pd *pd, u32 key);

#endif /* SOFTHCA_MR_H */
