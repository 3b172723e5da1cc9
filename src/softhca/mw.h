/* SPDX-License-Identifier: GPL-2.0 */
/* Memory windows: keys to parts of memory regions. */
#ifndef SOFTHCA_MW_H
#define SOFTHCA_MW_H

#include "mr.h"

struct softhca_qp;
struct softhca_send_wqe;

/**
 * struct softhca_window - what a window's key leads to
 * @key: its entry in the table of keys: state, key, access and range. Of kind
 *	SOFTHCA_MR_WINDOW; VALID where it is bound
 * @type: IBTA's type 1, or 2 (2B)
 * @target: the region that it is bound to. This and the next ones change under
 *	the device's mw_lock while @key is not VALID; a piece of a copy that has
 *	entered @key may read them
 * @base: address in @target of the window's first byte
 * @qp: type 2: the QP that has bound it, the only one that it serves
 * @of_qp: among that QP's windows
 */
struct softhca_window {
	struct softhca_mr key;
	enum ib_mw_type type;
	struct softhca_mr *target;
	u64 base;
	struct softhca_qp *qp;
	struct list_head of_qp;
};

/**
 * struct softhca_mw - a memory window
 * @ib: what the RDMA core knows of it, and frees
 * @window: the rest, which is freed after the last reader of the table of keys
 */
struct softhca_mw {
	struct ib_mw ib;
	struct softhca_window *window;
};

static inline struct softhca_window *to_softhca_window(struct softhca_mr *mr)
{
	return container_of(mr, struct softhca_window, key);
}

int softhca_alloc_mw(struct ib_mw *ib, struct ib_udata *udata);
int softhca_dealloc_mw(struct ib_mw *ib);

int softhca_mw_bind(struct softhca_qp *qp, const struct softhca_send_wqe *wqe);
int softhca_mw_invalidate(struct softhca_qp *qp, u32 key);
void softhca_mw_leave_qp(struct softhca_qp *qp);

#endif /* SOFTHCA_MW_H */
