/* SPDX-License-Identifier: GPL-2.0 */
/* Address handles and address vectors. */
#ifndef SOFTHCA_AH_H
#define SOFTHCA_AH_H

#include "softhca.h"

/**
 * struct softhca_av - where a message goes
 * @dgid: destination
 * @sgid: source
 * @flow_label: of the GRH
 * @hop_limit: of the GRH or IP header
 * @traffic_class: of the GRH or IP header
 * @sl: service level
 */
struct softhca_av {
	union ib_gid dgid;
	union ib_gid sgid;
	u32 flow_label;
	u8 hop_limit;
	u8 traffic_class;
	u8 sl;
};

struct softhca_ah_entry;

/**
 * struct softhca_ah - an address handle
 * @ib: what the RDMA core knows of it
 * @attr: as it was created, for query
 * @entry: what work requests find; outlives the handle for RCU readers
 */
struct softhca_ah {
	struct ib_ah ib;
	struct rdma_ah_attr attr;
	struct softhca_ah_entry *entry;
};

static inline struct softhca_ah *to_softhca_ah(struct ib_ah *ib)
{
	return container_of(ib, struct softhca_ah, ib);
}

int softhca_av_init(struct softhca_dev *dev, struct softhca_av *av,
		    const struct rdma_ah_attr *attr);

int softhca_create_ah(struct ib_ah *ib, struct rdma_ah_init_attr *init,
		      struct ib_udata *udata);
int softhca_query_ah(struct ib_ah *ib, struct rdma_ah_attr *attr);
int softhca_destroy_ah(struct ib_ah *ib, u32 flags);

void softhca_ah_get_av(struct ib_ah *ib, struct softhca_av *av);
int softhca_ah_find_av(struct softhca_dev *dev, struct ib_pd *pd, u32 number,
		       struct softhca_av *av);

#endif /* SOFTHCA_AH_H */
