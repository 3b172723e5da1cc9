/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one place that knows kernel versions.
 *
 * The rest of the suite is written in the newest spelling of each kernel
 * interface; what an older kernel spells differently is adapted here. This
 * header is included before every other one, and the HAVE_ macros are what
 * src/common.mk has found in the kernel's headers. So nothing here may need a
 * declaration before its use: adapters are macros, which a file uses after its
 * own includes.
 *
 * Seen: 6.1, 6.12, 7.2 and 7.3. "By 6.12" is a change somewhere between 6.1 and
 * 6.12, "by 7.2" one between 6.12 and 7.2; stable trees take changes back, so
 * what counts is what the headers say.
 */
#ifndef SOFTHCA_COMPAT_H
#define SOFTHCA_COMPAT_H

/*
 * Can this kernel have devices with DMA operations of their own? Without, the
 * scheme virt is the only one. By 6.12 the symbol DMA_OPS was replaced by
 * ARCH_HAS_DMA_OPS.
 */
#if IS_ENABLED(CONFIG_DMA_OPS) || IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS)
#define SOFTHCA_HAS_DMA_OPS 1
#else
#define SOFTHCA_HAS_DMA_OPS 0
#endif

/*
 * tests: namespaces of exported symbols
 *
 * By 7.2 a namespace is given as a string.
 */
#ifdef HAVE_IMPORT_NS_STRING
#define COMPAT_IMPORT_NS(ns) MODULE_IMPORT_NS(#ns)
#else
#define COMPAT_IMPORT_NS(ns) MODULE_IMPORT_NS(ns)
#endif

/*
 * softhca: timers
 *
 * By 7.2 hrtimer_setup() replaced hrtimer_init() and the assignment of the
 * function.
 */
#ifndef HAVE_HRTIMER_SETUP
#define hrtimer_setup(timer, fn, clock, mode) do {	\
	hrtimer_init(timer, clock, mode);		\
	(timer)->function = (fn);			\
} while (0)
#endif

/*
 * softhca: struct ib_device_ops
 *
 * COMPAT_..._OP(fn) defines fn_op() with the kernel's signature around fn()
 * with the one that is named here.
 */

/*
 * int fn(struct ib_cq *cq, const struct ib_cq_init_attr *attr,
 *	  struct ib_udata *udata), where udata is NULL for a kernel CQ
 *
 * By 6.12 create_cq was given the whole bundle of the command's attributes, and
 * NULL for a kernel CQ. Needs <rdma/uverbs_ioctl.h>.
 */
#ifdef HAVE_CREATE_CQ_ATTRS
#define COMPAT_CREATE_CQ_OP(fn)						\
static int fn##_op(struct ib_cq *cq, const struct ib_cq_init_attr *attr,\
		   struct uverbs_attr_bundle *attrs)			\
{									\
	return fn(cq, attr, attrs ? &attrs->driver_udata : NULL);	\
}
#else
#define COMPAT_CREATE_CQ_OP(fn)						\
static int fn##_op(struct ib_cq *cq, const struct ib_cq_init_attr *attr,\
		   struct ib_udata *udata)				\
{									\
	return fn(cq, attr, udata);					\
}
#endif

/*
 * struct ib_mr *fn(struct ib_pd *pd, u64 start, u64 length, u64 iova,
 *		    int access)
 *
 * By 7.2 reg_user_mr has a DMA handle: hints for PCIe (TPH), which only
 * hardware can follow. To ignore one would be to say that it is followed.
 */
#ifdef HAVE_REG_USER_MR_DMAH
#define COMPAT_REG_USER_MR_OP(fn)					\
static struct ib_mr *fn##_op(struct ib_pd *pd, u64 start, u64 length,	\
			     u64 iova, int access, struct ib_dmah *dmah,\
			     struct ib_udata *udata)			\
{									\
	if (dmah)							\
		return ERR_PTR(-EOPNOTSUPP);				\
	return fn(pd, start, length, iova, access);			\
}
#else
#define COMPAT_REG_USER_MR_OP(fn)					\
static struct ib_mr *fn##_op(struct ib_pd *pd, u64 start, u64 length,	\
			     u64 iova, int access,			\
			     struct ib_udata *udata)			\
{									\
	return fn(pd, start, length, iova, access);			\
}
#endif

/*
 * int fn(struct rdma_counter *counter, struct ib_qp *qp) and
 * int fn(struct ib_qp *qp)
 *
 * By 7.2 they are told the port, as optional counters are a port's; ours is one.
 */
#ifdef HAVE_COUNTER_BIND_QP_PORT
#define COMPAT_COUNTER_BIND_QP_OP(fn)					\
static int fn##_op(struct rdma_counter *counter, struct ib_qp *qp,	\
		   u32 port)						\
{									\
	return fn(counter, qp);						\
}
#define COMPAT_COUNTER_UNBIND_QP_OP(fn)					\
static int fn##_op(struct ib_qp *qp, u32 port)				\
{									\
	return fn(qp);							\
}
#else
#define COMPAT_COUNTER_BIND_QP_OP(fn)					\
static int fn##_op(struct rdma_counter *counter, struct ib_qp *qp)	\
{									\
	return fn(counter, qp);						\
}
#define COMPAT_COUNTER_UNBIND_QP_OP(fn)					\
static int fn##_op(struct ib_qp *qp)					\
{									\
	return fn(qp);							\
}
#endif

/*
 * By 7.2 the core allocates counters in the driver's size, and has the driver
 * initialise the rest of them, whether it says how or not; ours have no rest. Needs
 * the core's header.
 */
#ifdef HAVE_RDMA_COUNTER_SIZE
#define COMPAT_COUNTER_INIT_OP(fn)					\
static void fn(struct rdma_counter *counter)				\
{									\
}
#define COMPAT_RDMA_COUNTER(fn)						\
	.size_rdma_counter = sizeof(struct rdma_counter),		\
	.counter_init = fn,
#else
#define COMPAT_COUNTER_INIT_OP(fn)
#define COMPAT_RDMA_COUNTER(fn)
#endif

/*
 * int fn(struct ib_cq *cq, unsigned int cqe, struct ib_udata *udata), where
 * udata is NULL for a kernel CQ; COMPAT_RESIZE_CQ is the operation's name
 *
 * By 7.2 resize_user_cq replaced resize_cq: kernel CQs are not resized any more.
 * Before, a size that is no positive int has been let through as it was. The
 * self-checks see whether there is ib_resize_cq().
 */
#ifdef HAVE_RESIZE_USER_CQ
#define SOFTHCA_HAS_RESIZE_CQ	0
#define ib_resize_cq(cq, cqe)	((void)(cq), (void)(cqe), -EOPNOTSUPP)
#define COMPAT_RESIZE_CQ	resize_user_cq
#define COMPAT_RESIZE_CQ_OP(fn)						\
static int fn##_op(struct ib_cq *cq, unsigned int cqe,			\
		   struct ib_udata *udata)				\
{									\
	return fn(cq, cqe, udata);					\
}
#else
#define SOFTHCA_HAS_RESIZE_CQ	1
#define COMPAT_RESIZE_CQ	resize_cq
#define COMPAT_RESIZE_CQ_OP(fn)						\
static int fn##_op(struct ib_cq *cq, int cqe, struct ib_udata *udata)	\
{									\
	return fn(cq, cqe, udata);					\
}
#endif

/*
 * struct ib_mr *fn(struct ib_pd *pd, u64 offset, u64 length, u64 iova, int fd,
 *		    int access)
 *
 * By 6.12 reg_user_mr_dmabuf was given the command's attributes, and by 7.2 a
 * DMA handle as reg_user_mr.
 */
#if defined(HAVE_REG_USER_MR_DMAH)
#define COMPAT_REG_DMABUF_OP(fn)					\
static struct ib_mr *fn##_op(struct ib_pd *pd, u64 offset, u64 length,	\
			     u64 iova, int fd, int access,		\
			     struct ib_dmah *dmah,			\
			     struct uverbs_attr_bundle *attrs)		\
{									\
	if (dmah)							\
		return ERR_PTR(-EOPNOTSUPP);				\
	return fn(pd, offset, length, iova, fd, access);		\
}
#elif defined(HAVE_REG_DMABUF_ATTRS)
#define COMPAT_REG_DMABUF_OP(fn)					\
static struct ib_mr *fn##_op(struct ib_pd *pd, u64 offset, u64 length,	\
			     u64 iova, int fd, int access,		\
			     struct uverbs_attr_bundle *attrs)		\
{									\
	return fn(pd, offset, length, iova, fd, access);		\
}
#else
#define COMPAT_REG_DMABUF_OP(fn)					\
static struct ib_mr *fn##_op(struct ib_pd *pd, u64 offset, u64 length,	\
			     u64 iova, int fd, int access,		\
			     struct ib_udata *udata)			\
{									\
	return fn(pd, offset, length, iova, fd, access);		\
}
#endif

/*
 * softhca: dma-bufs
 *
 * By 7.2 what tells an importer that the memory moves was renamed.
 */
#ifndef HAVE_DMA_BUF_INVALIDATE_MAPPINGS
#define invalidate_mappings move_notify
#define dma_buf_invalidate_mappings dma_buf_move_notify
#endif

/*
 * softhca: the RDMA core
 */

/* By 7.2 ib_umem_get() was renamed: umems can come from other things, too. */
#ifndef HAVE_IB_UMEM_GET_VA
#define ib_umem_get_va ib_umem_get
#endif

/*
 * By 6.12 the operations FLUSH and ATOMIC WRITE came (IBTA annex 19). User space
 * has their numbers whatever the kernel's headers say, and the core of 6.1 passes
 * on what a device tells of itself and what it completes; so ATOMIC WRITE is
 * there as well (rdma-core has it from 43 on). FLUSH is not: that core refuses
 * memory that grants it. Neither is part of an enumeration there, so whoever
 * switches by an opcode does so by its number.
 */
#ifdef HAVE_IB_FLUSH
#define SOFTHCA_HAS_FLUSH 1
#define compat_rxe_flush(wr, field)	READ_ONCE((wr)->wr.flush.field)
#else
#define SOFTHCA_HAS_FLUSH 0
#define compat_rxe_flush(wr, field)	0
#define IB_WR_FLUSH			14
#define IB_WR_ATOMIC_WRITE		15
#define IB_WC_FLUSH			((enum ib_wc_opcode)8)
#define IB_WC_ATOMIC_WRITE		((enum ib_wc_opcode)9)
#define IB_ACCESS_FLUSH_GLOBAL		0
#define IB_ACCESS_FLUSH_PERSISTENT	0
#define IB_DEVICE_FLUSH_GLOBAL		0
#define IB_DEVICE_ATOMIC_WRITE		(1ULL << 40)
#define IB_FLUSH_GLOBAL			(1U << 0)
#define IB_FLUSH_PERSISTENT		(1U << 1)
#define IB_FLUSH_RANGE			0
#define IB_FLUSH_MR			1
#endif

/*
 * By 7.2 the core has this for drivers that see their netdev's state themselves:
 * it reports a state once, whoever sees it. Before, drivers dispatch the event.
 */
#ifndef HAVE_IB_DISPATCH_PORT_STATE
#define ib_dispatch_port_state_event(ib, netdev)			\
	ib_dispatch_event(&(struct ib_event) {				\
		.device = (ib),						\
		.element.port_num = 1,					\
		.event = netif_running(netdev) &&			\
			 netif_carrier_ok(netdev) ?			\
			 IB_EVENT_PORT_ACTIVE : IB_EVENT_PORT_ERR,	\
	})
#endif

/*
 * By 6.12 the core tells user space which names a user has chosen, so that
 * udev's rule for persistent names leaves them alone. 6.1 cannot.
 */
#ifndef HAVE_IB_MARK_NAME
#define ib_mark_name_assigned_by_user(ib) do { } while (0)
#endif

/*
 * By 7.2 the core takes it that in a confidential guest each DMA device's
 * transfers are bounced, and registers no user memory then. Ours are made by a
 * CPU, which sees the guest's private memory. Before, the core did not ask. To
 * be used between the device's DMA setup and its first client.
 */
#ifdef HAVE_CC_DMA_BOUNCE
#define compat_ib_never_bounces(ib) ((ib)->cc_dma_bounce = 0)
#else
#define compat_ib_never_bounces(ib) do { } while (0)
#endif

/*
 * softhca: parents
 *
 * By 6.12 the driver that a device is bound to by name became a matter of
 * struct device; before, each bus had it on its own.
 */
#ifdef HAVE_DEVICE_SET_DRIVER_OVERRIDE
#define compat_pci_set_driver_override(pdev, name) \
	device_set_driver_override(&(pdev)->dev, name)
#else
#define compat_pci_set_driver_override(pdev, name)			\
	driver_set_override(&(pdev)->dev, &(pdev)->driver_override,	\
			    (name) ?: "", strlen((name) ?: ""))
#endif

/*
 * dma_rmap: the device
 *
 * Where devices can be incoherent, those that nobody describes may be taken to
 * be, and from 7.2 on user memory cannot be mapped for such a device
 * (DMA_ATTR_REQUIRE_COHERENT). By 7.2 the bit was moved behind accessors that
 * are always there; before, it existed only on these architectures.
 */
#ifndef HAVE_DEV_SET_DMA_COHERENT
#if defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) || \
	defined(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU_ALL)
#define dev_set_dma_coherent(dev) ((dev)->dma_coherent = true)
#else
#define dev_set_dma_coherent(dev) do { } while (0)
#endif
#endif

/*
 * dma_rmap: struct dma_map_ops
 *
 * COMPAT_DMA_MAP_PHYS() defines what is needed beside
 * dma_addr_t map(dev, phys, size, dir, attrs) and
 * void unmap(dev, addr, size, dir, attrs); COMPAT_DMA_PHYS_OPS() is their
 * place in the structure.
 *
 * By 7.2 map_phys replaced map_page, which had a page and an offset, and
 * map_resource, which is DMA_ATTR_MMIO now. Of memory the arguments are the
 * same otherwise; without map_resource the older core refuses resources.
 */
#ifdef HAVE_DMA_MAP_PHYS
#define COMPAT_DMA_MAP_PHYS(map, unmap)
#define COMPAT_DMA_PHYS_OPS(map, unmap)	.map_phys = map, .unmap_phys = unmap
#else
#define COMPAT_DMA_MAP_PHYS(map, unmap)					\
static dma_addr_t map##_page(struct device *dev, struct page *page,	\
			     unsigned long offset, size_t size,		\
			     enum dma_data_direction dir,		\
			     unsigned long attrs)			\
{									\
	return map(dev, page_to_phys(page) + offset, size, dir, attrs);	\
}
#define COMPAT_DMA_PHYS_OPS(map, unmap)					\
	.map_page = map##_page, .unmap_page = unmap
#endif

/*
 * dma_rmap: mapping for another device
 *
 * By 7.2 dma_map_phys() replaced dma_map_page_attrs() for memory without a page.
 */
#ifndef HAVE_DMA_MAP_PHYS_API
#define dma_map_phys(dev, phys, size, dir, attrs)			\
	dma_map_page_attrs(dev, pfn_to_page(PHYS_PFN(phys)),		\
			   offset_in_page(phys), size, dir, attrs)
#define dma_unmap_phys dma_unmap_page_attrs
#endif

/*
 * By 7.2 there is mapping in two steps, dma_iova_*(). Tests see what it says of a
 * map's device; older kernels' answer is the same, but it is worth nothing.
 */
#ifdef HAVE_DMA_IOVA
#define SOFTHCA_HAS_DMA_IOVA 1
#else
#define SOFTHCA_HAS_DMA_IOVA 0
struct dma_iova_state {
	unsigned long long addr;
	unsigned long long size;
};
#define dma_iova_try_alloc(dev, state, phys, size) ((void)(state), false)
#define dma_use_iova(state) ((void)(state), false)
#endif

/*
 * By 6.12 alloc_pages() was a macro, for memory allocation profiling, and the
 * operation of that name had to have another one.
 */
#ifndef HAVE_DMA_ALLOC_PAGES_OP
#define alloc_pages_op alloc_pages
#endif

/*
 * dma_rmap: tracepoints and stacks
 *
 * By 6.12 __assign_str() takes the string from what __string() was given.
 */
#ifdef HAVE_ASSIGN_STR_FROM_STRING
#define COMPAT_ASSIGN_STR(dst, src) __assign_str(dst)
#else
#define COMPAT_ASSIGN_STR(dst, src) __assign_str(dst, src)
#endif

/* Declared only where stacks can be saved; the stack depot always is. */
#ifndef CONFIG_STACKTRACE
#define stack_trace_save(entries, count, skip) 0
#endif

/* By 7.2, see map_phys; never set before. */
#ifndef HAVE_DMA_ATTR_MMIO
#define DMA_ATTR_MMIO 0UL
#endif

#endif /* SOFTHCA_COMPAT_H */
