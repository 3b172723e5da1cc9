/* SPDX-License-Identifier: GPL-2.0 */
/* Keys and addresses to bytes: the one place where memory is reached. */
#ifndef SOFTHCA_MEMORY_H
#define SOFTHCA_MEMORY_H

#include "mw.h"
#include "softhca.h"

/**
 * struct softhca_mem - one side of a transfer: a list of address ranges
 * @dev: whose keys they are
 * @pd: the QP's protection domain
 * @qp: a peer's access: the QP that it comes through; NULL for its own memory
 * @sge: the ranges
 * @num_sge: how many
 * @access: what a region must grant, IB_ACCESS_*; 0 for a local read
 * @dir: DMA_TO_DEVICE where this side is read, DMA_FROM_DEVICE where written
 * @user: the QP is of user space, so the keys without a registration are
 *	refused
 * @inline_data: this is the memory, instead of @sge's
 * @apply: called with each piece of a side that is written, instead of a copy
 * @apply_arg: its argument
 * @cur: the range that comes next
 * @off: bytes of it that are done
 * @entered: range @cur's key was looked up
 * @mr: the region of range @cur, held; NULL where the range needs none
 * @window: where the key is that of a memory window on @mr, that, held
 * @shift: what is added to an address of range @cur to have it in @mr; 0 but for
 *	windows
 * @refused: what the reverse map has refused, if anything
 * @refused.addr: its device address
 * @refused.len: its bytes, 0 if nothing was refused by the map
 */
struct softhca_mem {
	struct softhca_dev *dev;
	struct ib_pd *pd;
	const struct softhca_qp *qp;
	const struct ib_sge *sge;
	u32 num_sge;
	int access;
	enum dma_data_direction dir;
	bool user;
	void *inline_data;
	void (*apply)(void *arg, void *piece, u32 len);
	void *apply_arg;
	u32 cur;
	u32 off;
	bool entered;
	struct softhca_mr *mr;
	struct softhca_window *window;
	u64 shift;
	struct {
		u64 addr;
		u64 len;
	} refused;
};

/* How a transfer ended. */
enum softhca_mem_result {
	SOFTHCA_MEM_OK,
	SOFTHCA_MEM_SRC_FAULT,	/* the side that is read was refused */
	SOFTHCA_MEM_DST_FAULT,	/* the side that is written was refused */
	SOFTHCA_MEM_STOPPED,	/* the caller's stop condition came true */
	SOFTHCA_MEM_WOULD_SLEEP, /* a page must be brought in first */
};

/**
 * struct softhca_mem_stop - when to give up a transfer between two pieces
 * @stop: asked after each piece; may be called with interrupts off
 * @arg: its argument
 * @may_sleep: the transfer runs in process context: it may reschedule, and
 *	bring in pages
 */
struct softhca_mem_stop {
	bool (*stop)(void *arg);
	void *arg;
	bool may_sleep;
};

enum softhca_mem_result softhca_mem_copy(struct softhca_mem *dst,
					 struct softhca_mem *src, u64 len,
					 const struct softhca_mem_stop *stop);
int softhca_mem_bring_in(struct softhca_mem *mem, u64 len);
int softhca_mem_check(struct softhca_mem *mem, u64 len);
bool softhca_mem_key_is_good(const struct softhca_mem *mem);
const char *softhca_mem_explain(const struct softhca_mem *mem, char *buf,
				size_t size);
void softhca_mem_copy_inline(void *dst, const struct ib_sge *sge, u32 num_sge);

#endif /* SOFTHCA_MEMORY_H */
