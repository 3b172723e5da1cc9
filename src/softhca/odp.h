/* SPDX-License-Identifier: GPL-2.0 */
/* On-demand paging: memory of user space that is not pinned. */
#ifndef SOFTHCA_ODP_H
#define SOFTHCA_ODP_H

#include <rdma/ib_verbs.h>

#include "softhca.h"

struct sk_buff;
struct softhca_odp;
struct softhca_piece;
struct uverbs_attr_bundle;

/**
 * enum softhca_odp_fault - how pages are brought in
 * @SOFTHCA_ODP_READ: to be read
 * @SOFTHCA_ODP_WRITE: to be written
 * @SOFTHCA_ODP_SNAPSHOT: to be read, and only those that the process has in its
 *	page table anyway
 */
enum softhca_odp_fault {
	SOFTHCA_ODP_READ,
	SOFTHCA_ODP_WRITE,
	SOFTHCA_ODP_SNAPSHOT,
};

/* What brings pages in; counted apart. */
enum softhca_odp_cause {
	SOFTHCA_ODP_ACCESS,
	SOFTHCA_ODP_PREFETCH,
	SOFTHCA_ODP_NR_CAUSES,
};

struct softhca_odp *softhca_odp_create(struct softhca_dev *dev, u64 start,
				       u64 length);
struct softhca_odp *softhca_odp_get(struct softhca_odp *odp);
void softhca_odp_put(struct softhca_odp *odp);
int softhca_odp_piece(struct softhca_odp *odp, u64 va, u32 len,
		      enum dma_data_direction dir, struct softhca_piece *piece);
int softhca_odp_fault(struct softhca_odp *odp, u64 va, u64 len,
		      enum softhca_odp_fault how, enum softhca_odp_cause cause);
int softhca_fill_stat_mr(struct sk_buff *msg, struct ib_mr *ib);

int softhca_advise_mr(struct ib_pd *pd, enum ib_uverbs_advise_mr_advice advice,
		      u32 flags, struct ib_sge *sge, u32 num_sge,
		      struct uverbs_attr_bundle *attrs);
int softhca_prefetch_module_init(void);
void softhca_prefetch_module_exit(void);

#endif /* SOFTHCA_ODP_H */
