// SPDX-License-Identifier: GPL-2.0
/*
 * The device: registration with the RDMA core, limits and attributes, the
 * port, protection domains and user contexts.
 *
 * It registers with the driver id and the user ABI of rdma_rxe, so that the
 * librxe provider of every distribution serves it. Two things follow. The
 * netdev is never given to the core with ib_device_set_netdev(): rdma_rxe
 * looks its devices up by netdev among those with its id, and would take ours
 * for its own; ops.get_netdev tells instead. And unloading rdma_rxe
 * unregisters every device with its id, so the end may come from outside:
 * dealloc_driver tells link.c.
 *
 * However the end comes, traffic must have ended before user space's objects
 * are taken from it, or programs that poll would see nothing more, for ever. So
 * we are a client of our own devices as well: clients are told before.
 */
#include <linux/dma-mapping.h>
#include <linux/ethtool.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <net/addrconf.h>
#include <rdma/ib_addr.h>
#include <rdma/ib_mad.h>
#include <rdma/rdma_counter.h>
#include <rdma/rdma_user_rxe.h>
#include <rdma/uverbs_ioctl.h>
#include <dma_rmap.h>

#include "ah.h"
#include "counters.h"
#include "cq.h"
#include "device.h"
#include "gid.h"
#include "link.h"
#include "mcast.h"
#include "mr.h"
#include "mw.h"
#include "odp.h"
#include "parent.h"
#include "post.h"
#include "qp.h"
#include "qp_state.h"
#include "restrack.h"
#include "ring.h"
#include "trace.h"

/* librxe's; see include/uapi/rdma/rdma_user_rxe.h. */
#define RXE_ABI_VERSION		2

/* IP, UDP, BTH, the longest extended headers, and the ICRC. */
#define ROCE_HEADERS		(40 + 8 + 12 + 28 + 4)

/* Any memory can be on demand, whatever is done to it. */
#define SOFTHCA_ODP_UD		(IB_ODP_SUPPORT_SEND | IB_ODP_SUPPORT_RECV | \
				 IB_ODP_SUPPORT_SRQ_RECV)
#define SOFTHCA_ODP_UC		(SOFTHCA_ODP_UD | IB_ODP_SUPPORT_WRITE)
#define SOFTHCA_ODP_RC		(SOFTHCA_ODP_UC | IB_ODP_SUPPORT_READ | \
				 IB_ODP_SUPPORT_ATOMIC)

static const int softhca_limits[SOFTHCA_NR_KINDS] = {
	[SOFTHCA_PD] = SOFTHCA_MAX_PD,
	[SOFTHCA_CQ] = SOFTHCA_MAX_CQ,
	[SOFTHCA_QP] = SOFTHCA_MAX_QP,
	[SOFTHCA_MR] = SOFTHCA_MAX_MR,
	[SOFTHCA_MW] = SOFTHCA_MAX_MW,
	[SOFTHCA_AH] = SOFTHCA_MAX_AH,
	[SOFTHCA_SRQ] = SOFTHCA_MAX_SRQ,
	[SOFTHCA_MCAST_GROUP] = SOFTHCA_MAX_MCAST_GROUP,
	[SOFTHCA_MCAST_MEMBER] = SOFTHCA_MAX_MCAST_TOTAL,
};

/* Nothing of ours to keep in these. */
struct softhca_pd {
	struct ib_pd ib;
};

struct softhca_ucontext {
	struct ib_ucontext ib;
};

static atomic64_t next_ordinal;

/**
 * softhca_charge - count an object that is created against its limit
 * @dev: the device
 * @kind: of the object
 *
 * Return: 0, or -ENOMEM where the device has as many as it tells that it can.
 */
int softhca_charge(struct softhca_dev *dev, enum softhca_kind kind)
{
	if (atomic_inc_return(&dev->used[kind]) <= softhca_limits[kind])
		return 0;
	atomic_dec(&dev->used[kind]);
	return -ENOMEM;
}

void softhca_uncharge(struct softhca_dev *dev, enum softhca_kind kind)
{
	atomic_dec(&dev->used[kind]);
}

static u64 fw_version(void)
{
	unsigned int major = 0, minor = 0, patch = 0;

	if (sscanf(SOFTHCA_VERSION, "%u.%u.%u", &major, &minor, &patch) < 1)
		return 0;
	return (u64)major << 32 | minor << 16 | patch;
}

static int softhca_query_device(struct ib_device *ib,
				struct ib_device_attr *attr,
				struct ib_udata *udata)
{
	/* None where the core asks for itself (7.2). */
	if (udata && (udata->inlen || udata->outlen))
		return -EINVAL;

	*attr = (struct ib_device_attr) {
		.fw_ver = fw_version(),
		.sys_image_guid = ib->node_guid,
		.max_mr_size = U64_MAX,
		.page_size_cap = SOFTHCA_PAGE_SIZE_CAP,
		.vendor_id = 0xffffff,	/* IBTA: not assigned */
		.max_qp = SOFTHCA_MAX_QP,
		.max_qp_wr = SOFTHCA_MAX_QP_WR,
		.device_cap_flags = IB_DEVICE_PORT_ACTIVE_EVENT |
				    IB_DEVICE_SYS_IMAGE_GUID |
				    IB_DEVICE_RC_RNR_NAK_GEN |
				    IB_DEVICE_SRQ_RESIZE |
				    IB_DEVICE_MEM_MGT_EXTENSIONS |
				    IB_DEVICE_MEM_WINDOW |
				    IB_DEVICE_MEM_WINDOW_TYPE_2B |
				    IB_DEVICE_FLUSH_GLOBAL |
				    IB_DEVICE_ATOMIC_WRITE,
		.kernel_cap_flags = IBK_LOCAL_DMA_LKEY | IBK_ALLOW_USER_UNREG |
				    IBK_ON_DEMAND_PAGING,
		.max_send_sge = SOFTHCA_MAX_SGE,
		.max_recv_sge = SOFTHCA_MAX_SGE,
		.max_sge_rd = SOFTHCA_MAX_SGE,
		.max_cq = SOFTHCA_MAX_CQ,
		.max_cqe = SOFTHCA_MAX_CQE,
		.max_mr = SOFTHCA_MAX_MR,
		.max_mw = SOFTHCA_MAX_MW,
		.max_pd = SOFTHCA_MAX_PD,
		.max_qp_rd_atom = SOFTHCA_MAX_RD_ATOMIC,
		.max_res_rd_atom = SOFTHCA_MAX_RD_ATOMIC * SOFTHCA_MAX_QP,
		.max_qp_init_rd_atom = SOFTHCA_MAX_RD_ATOMIC,
		.atomic_cap = IS_ENABLED(CONFIG_64BIT) ? IB_ATOMIC_GLOB :
							 IB_ATOMIC_HCA,
		.max_mcast_grp = SOFTHCA_MAX_MCAST_GROUP,
		.max_mcast_qp_attach = SOFTHCA_MAX_MCAST_MEMBERS,
		.max_total_mcast_qp_attach = SOFTHCA_MAX_MCAST_TOTAL,
		.max_ah = SOFTHCA_MAX_AH,
		.max_srq = SOFTHCA_MAX_SRQ,
		.max_srq_wr = SOFTHCA_MAX_SRQ_WR,
		.max_srq_sge = SOFTHCA_MAX_SGE,
		.max_fast_reg_page_list_len = SOFTHCA_MAX_FAST_REG,
		.max_pkeys = 1,
		.odp_caps = {
			.general_caps = IB_ODP_SUPPORT |
					IB_ODP_SUPPORT_IMPLICIT,
			.per_transport_caps = {
				.rc_odp_caps = SOFTHCA_ODP_RC,
				.uc_odp_caps = SOFTHCA_ODP_UC,
				.ud_odp_caps = SOFTHCA_ODP_UD,
			},
		},
	};
	return 0;
}

/**
 * softhca_port_mtu - the port's active MTU: what fits its netdev's
 * @dev: the device
 */
enum ib_mtu softhca_port_mtu(const struct softhca_dev *dev)
{
	int mtu = (int)READ_ONCE(dev->netdev->mtu) - ROCE_HEADERS;

	if (mtu >= 4096)
		return IB_MTU_4096;
	if (mtu >= 2048)
		return IB_MTU_2048;
	if (mtu >= 1024)
		return IB_MTU_1024;
	return mtu >= 512 ? IB_MTU_512 : IB_MTU_256;
}

static int softhca_query_port(struct ib_device *ib, u32 port,
			      struct ib_port_attr *attr)
{
	struct softhca_dev *dev = to_softhca(ib);
	bool up = READ_ONCE(dev->port_up);

	attr->state = up ? IB_PORT_ACTIVE : IB_PORT_DOWN;
	if (up)
		attr->phys_state = IB_PORT_PHYS_STATE_LINK_UP;
	else if (netif_running(dev->netdev))
		attr->phys_state = IB_PORT_PHYS_STATE_POLLING;
	else
		attr->phys_state = IB_PORT_PHYS_STATE_DISABLED;

	attr->max_mtu = IB_MTU_4096;
	attr->active_mtu = softhca_port_mtu(dev);
	attr->phys_mtu = dev->netdev->mtu;
	attr->gid_tbl_len = SOFTHCA_GID_TABLE_LEN;
	attr->ip_gids = true;
	attr->port_cap_flags = IB_PORT_CM_SUP;
	attr->max_msg_sz = SOFTHCA_MAX_MSG;
	attr->pkey_tbl_len = 1;
	attr->max_vl_num = 1;

	/* A netdev that goes away has no speed; the port is still asked for. */
	if (ib_get_eth_speed(ib, port, &attr->active_speed,
			     &attr->active_width)) {
		attr->active_speed = IB_SPEED_SDR;
		attr->active_width = IB_WIDTH_1X;
	}
	return 0;
}

static int softhca_query_pkey(struct ib_device *ib, u32 port, u16 index,
			      u16 *pkey)
{
	if (index)
		return -EINVAL;
	*pkey = IB_DEFAULT_PKEY_FULL;
	return 0;
}

static int softhca_get_port_immutable(struct ib_device *ib, u32 port,
				      struct ib_port_immutable *immutable)
{
	immutable->core_cap_flags = RDMA_CORE_PORT_IBA_ROCE_UDP_ENCAP;
	immutable->pkey_tbl_len = 1;
	immutable->gid_tbl_len = SOFTHCA_GID_TABLE_LEN;
	immutable->max_mad_size = IB_MGMT_MAD_SIZE;
	return 0;
}

static enum rdma_link_layer softhca_get_link_layer(struct ib_device *ib,
						   u32 port)
{
	return IB_LINK_LAYER_ETHERNET;
}

static struct net_device *softhca_get_netdev(struct ib_device *ib, u32 port)
{
	struct net_device *netdev = to_softhca(ib)->netdev;

	dev_hold(netdev);
	return netdev;
}

static void softhca_get_dev_fw_str(struct ib_device *ib, char *str)
{
	snprintf(str, IB_FW_VERSION_NAME_MAX, "%s", SOFTHCA_VERSION);
}

/*
 * The core does not hold the module for an open context of a device that can
 * be taken from it (disassociate_ucontext); so each context does.
 */
static int softhca_alloc_ucontext(struct ib_ucontext *ucontext,
				  struct ib_udata *udata)
{
	return try_module_get(THIS_MODULE) ? 0 : -ENODEV;
}

static void softhca_dealloc_ucontext(struct ib_ucontext *ucontext)
{
	module_put(THIS_MODULE);
}

/*
 * A process keeps the rings that it has mapped: they are plain memory that
 * nobody else uses any more.
 */
static void softhca_disassociate_ucontext(struct ib_ucontext *ucontext)
{
}

static int softhca_alloc_pd(struct ib_pd *pd, struct ib_udata *udata)
{
	return softhca_charge(to_softhca(pd->device), SOFTHCA_PD);
}

static int softhca_dealloc_pd(struct ib_pd *pd, struct ib_udata *udata)
{
	softhca_uncharge(to_softhca(pd->device), SOFTHCA_PD);
	return 0;
}

/* Between here and the end of registration, clients are told of the device. */
static int softhca_enable_driver(struct ib_device *ib)
{
	struct softhca_dev *dev = to_softhca(ib);

	compat_ib_never_bounces(ib);
	WRITE_ONCE(dev->enabled, true);
	return 0;
}

static int softhca_client_add(struct ib_device *ib)
{
	return ib->ops.owner == THIS_MODULE ? 0 : -EOPNOTSUPP;
}

static void softhca_client_remove(struct ib_device *ib, void *client_data)
{
	struct softhca_dev *dev = to_softhca(ib);

	WRITE_ONCE(dev->enabled, false);
	softhca_qps_shut_down(dev);
}

static struct ib_client softhca_client = {
	.name = "softhca",
	.add = softhca_client_add,
	.remove = softhca_client_remove,
};

/* The last call for a device: nothing of it is in use any more. */
static void softhca_dealloc_driver(struct ib_device *ib)
{
	struct softhca_dev *dev = to_softhca(ib);

	softhca_link_lost(dev);
	WARN_ON(!xa_empty(&dev->mrs));
	WARN_ON(!xa_empty(&dev->ahs));
	xa_destroy(&dev->mrs);
	xa_destroy(&dev->ahs);
	xa_destroy(&dev->counter_sets);
	free_percpu(dev->counters);
	if (dev->rmap)
		dma_rmap_destroy(dev->rmap);
	if (dev->parent)
		softhca_parent_unuse(dev->parent);
	dev_put(dev->netdev);
}

COMPAT_CREATE_CQ_OP(softhca_create_cq)
COMPAT_COUNTER_BIND_QP_OP(softhca_counter_bind_qp)
COMPAT_COUNTER_UNBIND_QP_OP(softhca_counter_unbind_qp)
COMPAT_COUNTER_INIT_OP(softhca_counter_init)
COMPAT_REG_DMABUF_OP(softhca_reg_user_mr_dmabuf)
COMPAT_REG_USER_MR_OP(softhca_reg_user_mr)
COMPAT_RESIZE_CQ_OP(softhca_resize_cq)

static const struct ib_device_ops softhca_ops = {
	.owner = THIS_MODULE,
	.driver_id = RDMA_DRIVER_RXE,
	.uverbs_abi_ver = RXE_ABI_VERSION,

	.add_gid = softhca_add_gid,
	.advise_mr = softhca_advise_mr,
	.alloc_hw_port_stats = softhca_alloc_hw_port_stats,
	.alloc_mr = softhca_alloc_mr,
	.alloc_mw = softhca_alloc_mw,
	.alloc_pd = softhca_alloc_pd,
	.alloc_ucontext = softhca_alloc_ucontext,
	.attach_mcast = softhca_attach_mcast,
	.counter_alloc_stats = softhca_counter_alloc_stats,
	.counter_bind_qp = softhca_counter_bind_qp_op,
	.counter_dealloc = softhca_counter_dealloc,
	.counter_unbind_qp = softhca_counter_unbind_qp_op,
	.counter_update_stats = softhca_counter_update_stats,
	.create_ah = softhca_create_ah,
	.create_cq = softhca_create_cq_op,
	.create_qp = softhca_create_qp,
	.create_srq = softhca_create_srq,
	.create_user_ah = softhca_create_ah,
	.dealloc_driver = softhca_dealloc_driver,
	.dealloc_mw = softhca_dealloc_mw,
	.dealloc_pd = softhca_dealloc_pd,
	.dealloc_ucontext = softhca_dealloc_ucontext,
	.del_gid = softhca_del_gid,
	.dereg_mr = softhca_dereg_mr,
	.destroy_ah = softhca_destroy_ah,
	.destroy_cq = softhca_destroy_cq,
	.destroy_qp = softhca_destroy_qp,
	.destroy_srq = softhca_destroy_srq,
	.detach_mcast = softhca_detach_mcast,
	.disassociate_ucontext = softhca_disassociate_ucontext,
	.enable_driver = softhca_enable_driver,
	.fill_res_cq_entry = softhca_fill_res_cq,
	.fill_res_qp_entry = softhca_fill_res_qp,
	.fill_stat_mr_entry = softhca_fill_stat_mr,
	.get_dev_fw_str = softhca_get_dev_fw_str,
	.get_dma_mr = softhca_get_dma_mr,
	.get_hw_stats = softhca_get_hw_stats,
	.get_link_layer = softhca_get_link_layer,
	.get_netdev = softhca_get_netdev,
	.get_port_immutable = softhca_get_port_immutable,
	.map_mr_sg = softhca_map_mr_sg,
	.mmap = softhca_mmap,
	.mmap_free = softhca_mmap_free,
	.modify_qp = softhca_modify_qp,
	.modify_srq = softhca_modify_srq,
	.poll_cq = softhca_poll_cq,
	.post_recv = softhca_post_recv,
	.post_send = softhca_post_send,
	.post_srq_recv = softhca_post_srq_recv,
	.query_ah = softhca_query_ah,
	.query_device = softhca_query_device,
	.query_pkey = softhca_query_pkey,
	.query_port = softhca_query_port,
	.query_qp = softhca_query_qp,
	.query_srq = softhca_query_srq,
	.reg_user_mr = softhca_reg_user_mr_op,
	.reg_user_mr_dmabuf = softhca_reg_user_mr_dmabuf_op,
	.req_notify_cq = softhca_req_notify_cq,
	.COMPAT_RESIZE_CQ = softhca_resize_cq_op,
	.rereg_user_mr = softhca_rereg_user_mr,

	INIT_RDMA_OBJ_SIZE(ib_ah, softhca_ah, ib),
	INIT_RDMA_OBJ_SIZE(ib_cq, softhca_cq, ib),
	INIT_RDMA_OBJ_SIZE(ib_mw, softhca_mw, ib),
	INIT_RDMA_OBJ_SIZE(ib_pd, softhca_pd, ib),
	INIT_RDMA_OBJ_SIZE(ib_qp, softhca_qp, ib),
	INIT_RDMA_OBJ_SIZE(ib_srq, softhca_srq, ib),
	INIT_RDMA_OBJ_SIZE(ib_ucontext, softhca_ucontext, ib),
	COMPAT_RDMA_COUNTER(softhca_counter_init)
};

/* Make what issues and resolves the device's addresses, if it is not virt. */
static int device_create_rmap(struct softhca_dev *dev, const char *name,
			      const struct softhca_addressing *how)
{
	char dma_name[IB_DEVICE_NAME_MAX + 24];
	struct dma_rmap_attr attr = {};

	switch (how->scheme) {
	case SOFTHCA_SCHEME_VIRT:
		return 0;
	case SOFTHCA_SCHEME_FRESH:
		attr.scheme = DMA_RMAP_FRESH;
		break;
	case SOFTHCA_SCHEME_PHYS:
		attr.scheme = DMA_RMAP_PHYS;
		attr.unchecked = !how->checked;
		break;
	case SOFTHCA_SCHEME_STACKED:
		attr.scheme = DMA_RMAP_STACKED;
		attr.parent = softhca_parent_use(how->parent);
		if (!attr.parent)
			return -ENODEV;
		dev->parent = how->parent;
		break;
	}
	/* RDMA devices can be renamed; the number keeps names apart. */
	snprintf(dma_name, sizeof(dma_name), "%s.%llu", name, dev->ordinal);
	dev->rmap = dma_rmap_create(dma_name, &attr);
	if (!IS_ERR(dev->rmap))
		return 0;
	if (dev->parent)
		softhca_parent_unuse(dev->parent);
	return PTR_ERR(dev->rmap);
}

/**
 * softhca_device_create - make a device, not yet registered
 * @name: what the DMA device is called after
 * @netdev: its port's netdev; the device takes a reference of its own
 * @how: how its device addresses come about
 *
 * Context: May sleep.
 * Return: the device, or an ERR_PTR.
 */
struct softhca_dev *softhca_device_create(const char *name,
					  struct net_device *netdev,
					  const struct softhca_addressing *how)
{
	struct softhca_dev *dev;
	int err;

	dev = ib_alloc_device(softhca_dev, ib);
	if (!dev)
		return ERR_PTR(-ENOMEM);
	dev->ordinal = atomic64_inc_return(&next_ordinal);

	dev->counters = alloc_percpu(struct softhca_counters);
	if (!dev->counters) {
		err = -ENOMEM;
		goto err_dev;
	}

	err = device_create_rmap(dev, name, how);
	if (err)
		goto err_counters;

	dev_hold(netdev);
	dev->netdev = netdev;
	xa_init_flags(&dev->mrs, XA_FLAGS_ALLOC1);
	spin_lock_init(&dev->mw_lock);
	xa_init_flags(&dev->ahs, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);
	xa_init_flags(&dev->counter_sets, XA_FLAGS_ALLOC1);
	return dev;

err_counters:
	free_percpu(dev->counters);
err_dev:
	ib_dealloc_device(&dev->ib);
	return ERR_PTR(err);
}

/*
 * Where each device is in one network namespace alone (`rdma system set netns
 * exclusive`), it begins in its netdev's. The core looks at this before the
 * registration, and moves the device to the initial one when that namespace ends.
 */
static void device_enter_netns(struct softhca_dev *dev)
{
	struct net *net = dev_net(dev->netdev);

	if (!rdma_dev_access_netns(&dev->ib, net))
		write_pnet(&dev->ib.coredev.rdma_net, net);
}

/**
 * softhca_device_register - make a device known to the RDMA core
 * @dev: the device; it is gone when this fails
 * @name: what it shall be called
 *
 * Context: May sleep; not under rtnl. The caller holds the netdev's namespace.
 * Return: 0 or a negative errno.
 */
int softhca_device_register(struct softhca_dev *dev, const char *name)
{
	struct ib_device *ib = &dev->ib;
	int err;

	strscpy(ib->node_desc, "softhca", sizeof(ib->node_desc));
	ib->node_type = RDMA_NODE_IB_CA;
	ib->phys_port_cnt = 1;
	ib->num_comp_vectors = num_possible_cpus();
	ib->local_dma_lkey = SOFTHCA_LOCAL_DMA_LKEY;
	device_enter_netns(dev);
	addrconf_addr_eui48((u8 *)&ib->node_guid, dev->netdev->dev_addr);
	ib->uverbs_cmd_mask |= BIT_ULL(IB_USER_VERBS_CMD_POST_SEND) |
			       BIT_ULL(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ);
	ib_set_device_ops(ib, &softhca_ops);

	dev->port_up = netif_running(dev->netdev) &&
		       netif_carrier_ok(dev->netdev);

	err = ib_register_device(ib, name,
				 dev->rmap ? dma_rmap_device(dev->rmap) : NULL);
	if (err)
		ib_dealloc_device(ib);	/* calls dealloc_driver */
	return err;
}

/**
 * softhca_device_update_port - follow the netdev's state
 * @dev: the device
 *
 * Context: From the netdev notifier.
 */
void softhca_device_update_port(struct softhca_dev *dev)
{
	bool up = netif_running(dev->netdev) && netif_carrier_ok(dev->netdev);

	if (READ_ONCE(dev->port_up) == up)
		return;
	WRITE_ONCE(dev->port_up, up);
	if (!READ_ONCE(dev->enabled))
		return;
	ibdev_info(&dev->ib, "port is %s\n", up ? "active" : "down");
	trace_hca_event(&dev->ib,
			up ? IB_EVENT_PORT_ACTIVE : IB_EVENT_PORT_ERR, 1);
	ib_dispatch_port_state_event(&dev->ib, dev->netdev);
}

/*
 * Clients are told of a device's end in the reverse order of their
 * registration. That of ib_uverbs, which this module needs, is earlier.
 */
int softhca_device_module_init(void)
{
	return ib_register_client(&softhca_client);
}

void softhca_device_module_exit(void)
{
	ib_unregister_client(&softhca_client);
}
