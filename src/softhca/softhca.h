/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device, its limits, and what every other file of the HCA needs.
 */
#ifndef SOFTHCA_H
#define SOFTHCA_H

#include <linux/xarray.h>
#include <rdma/ib_verbs.h>

struct dma_rmap;
struct softhca_counters;
struct softhca_parent;
struct softhca_qp_handle;

/* The addresses that the HCA is given by kernel ULPs. */
enum softhca_scheme {
	SOFTHCA_SCHEME_FRESH,	/* issued and remembered by dma_rmap */
	SOFTHCA_SCHEME_STACKED,	/* a PCI device's, remembered by dma_rmap */
	SOFTHCA_SCHEME_PHYS,	/* physical addresses */
	SOFTHCA_SCHEME_VIRT,	/* kernel pointers, as rdma_rxe and siw do */
};

/**
 * struct softhca_addressing - how a device's addresses come about
 * @scheme: what they are
 * @checked: of scheme phys, whether dma_rmap remembers what is mapped
 * @parent: of scheme stacked, the PCI device; whoever has this has a claim to it
 */
struct softhca_addressing {
	enum softhca_scheme scheme;
	bool checked;
	struct softhca_parent *parent;
};

/*
 * What query_device tells and what is enforced. Work queues and completion
 * queues are rings of a power of two with one slot kept empty.
 */
#define SOFTHCA_MAX_QP		65536
#define SOFTHCA_MAX_QP_WR	32767
#define SOFTHCA_MAX_SRQ		65536
#define SOFTHCA_MAX_SRQ_WR	32767
#define SOFTHCA_MAX_SGE		32
#define SOFTHCA_MAX_INLINE	512
#define SOFTHCA_MAX_CQ		65536
#define SOFTHCA_MAX_CQE		((1 << 20) - 1)
#define SOFTHCA_MAX_PD		65536
#define SOFTHCA_MAX_MR		(1 << 20)
#define SOFTHCA_MAX_MW		(1 << 20)
#define SOFTHCA_MAX_AH		65536
#define SOFTHCA_MAX_MCAST_GROUP		8192
#define SOFTHCA_MAX_MCAST_MEMBERS	128	/* of a group: one send reaches all */
#define SOFTHCA_MAX_MCAST_TOTAL		65536
#define SOFTHCA_MAX_FAST_REG	1024
#define SOFTHCA_MAX_RD_ATOMIC	128
#define SOFTHCA_MAX_MSG		0x80000000u
#define SOFTHCA_GID_TABLE_LEN	256
#define SOFTHCA_PAGE_SIZE_CAP	0xfffff000

/*
 * The L_Key of kernel memory without a registration. Its index lies above
 * those of memory regions, so that a key left zero is not taken for it.
 */
#define SOFTHCA_LOCAL_DMA_LKEY	0xffffff00u

enum softhca_kind {
	SOFTHCA_PD,
	SOFTHCA_CQ,
	SOFTHCA_QP,
	SOFTHCA_MR,
	SOFTHCA_MW,
	SOFTHCA_AH,
	SOFTHCA_SRQ,
	SOFTHCA_MCAST_GROUP,
	SOFTHCA_MCAST_MEMBER,
	SOFTHCA_NR_KINDS,
};

/**
 * struct softhca_dev - one HCA with its one port
 * @ib: what the RDMA core knows of it
 * @netdev: held from creation until the core has let go of the device
 * @rmap: issues and resolves device addresses; NULL in scheme virt
 * @parent: what @rmap stands on in scheme stacked, or NULL
 * @ordinal: grows with each device; the older of two serves a shared GID
 * @enabled: known to the RDMA core, and not on its way out
 * @port_up: the netdev runs and has a carrier; written by its notifier
 * @used: objects in use, by kind, against the limits above
 * @mrs: memory regions and windows by the index in their keys; RCU for readers
 * @key_variant: its last byte is that of the next key
 * @mw_lock: protects which window shows what, of which QP; taken with interrupts
 *	off, a leaf
 * @ahs: address handles by number; RCU for readers
 * @ah_next: where the next number is searched
 * @gsi: QP 1; set and cleared by its creation and destruction
 * @counters: per CPU, see counters.h
 * @counter_sets: those of counters that QPs are bound to, by their numbers; see
 *	counters.c
 */
struct softhca_dev {
	struct ib_device ib;
	struct net_device *netdev;
	struct dma_rmap *rmap;
	struct softhca_parent *parent;
	u64 ordinal;
	bool enabled;
	bool port_up;
	atomic_t used[SOFTHCA_NR_KINDS];
	struct xarray mrs;
	atomic_t key_variant;
	spinlock_t mw_lock;
	struct xarray ahs;
	u32 ah_next;
	struct softhca_qp_handle __rcu *gsi;
	struct softhca_counters __percpu *counters;
	struct xarray counter_sets;
};

static inline struct softhca_dev *to_softhca(struct ib_device *ib)
{
	return container_of(ib, struct softhca_dev, ib);
}

int softhca_charge(struct softhca_dev *dev, enum softhca_kind kind);
void softhca_uncharge(struct softhca_dev *dev, enum softhca_kind kind);

#endif /* SOFTHCA_H */
