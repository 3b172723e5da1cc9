# SPDX-License-Identifier: GPL-2.0
# What the Kbuild files of modules share that are made of the suite's sources:
# `include $(src)/../common.mk`. Paths are as the kernel's build system has
# $(src), relative to where it runs or absolute.
suite_src := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))

SOFTHCA_VERSION := $(shell cat $(suite_src)/../VERSION)

ccflags-y += -I$(suite_src)/../include -I$(suite_src)
ccflags-y += -include $(suite_src)/compat.h
ccflags-y += -DSOFTHCA_VERSION=\"$(SOFTHCA_VERSION)\"

# gcc's inlined `rep movsb` for a copy of unknown length is slow on emulated
# and some real CPUs; the kernel's memcpy() knows better.
ccflags-$(CONFIG_X86) += $(call cc-option,-mmemcpy-strategy=libcall:-1:noalign)

# Whether a header under include/ of the kernel's sources matches a pattern:
# $(call has,PATTERN,HEADER,MACRO) gives -DMACRO or nothing. The pattern sees
# the header as one line, with one space for any white space. Write a dot for a
# comma or a parenthesis: make would take them for its own.
# $(srctree) is the sources', where these headers are, whether the build is in
# them, elsewhere (O=), or against a distribution's split header packages.
has = $(if $(shell cat $(srctree)/include/$(strip $(2)) 2>/dev/null | \
	tr -s '[:space:]' ' ' | grep -oEm1 '$(1)'),-D$(strip $(3)))

# Spellings that compat.h adapts; it says what each change was. Looked up once
# for a directory, not for each of its files.
#
# After 6.12: hrtimer_setup() for hrtimer_init()
suite_has := $(call has,hrtimer_setup,linux/hrtimer.h,HAVE_HRTIMER_SETUP)
# After 6.1: create_cq is given attributes, not udata
suite_has += $(call has,create_cq..struct ib_cq .cq. const struct \
	ib_cq_init_attr .attr. struct uverbs_attr_bundle,rdma/ib_verbs.h,HAVE_CREATE_CQ_ATTRS)
# After 6.1: the operations FLUSH and ATOMIC WRITE have names
suite_has += $(call has,IB_WR_FLUSH = IB_UVERBS_WR_FLUSH,rdma/ib_verbs.h,HAVE_IB_FLUSH)
# After 6.12: reg_user_mr is given a DMA handle
suite_has += $(call has,reg_user_mr..struct ib_pd[^;]*struct ib_dmah, \
	rdma/ib_verbs.h,HAVE_REG_USER_MR_DMAH)
# After 6.12: counters are bound to a QP and a port
suite_has += $(call has,counter_unbind_qp..struct ib_qp .qp. u32, \
	rdma/ib_verbs.h,HAVE_COUNTER_BIND_QP_PORT)
# After 6.12: the core allocates counters in the driver's size
suite_has += $(call has,DECLARE_RDMA_OBJ_SIZE.rdma_counter, \
	rdma/ib_verbs.h,HAVE_RDMA_COUNTER_SIZE)
# After 6.12: the core dispatches a port's state
suite_has += $(call has,void ib_dispatch_port_state_event, \
	rdma/ib_verbs.h,HAVE_IB_DISPATCH_PORT_STATE)
# After 6.12: resize_user_cq for resize_cq
suite_has += $(call has,[*]resize_user_cq,rdma/ib_verbs.h,HAVE_RESIZE_USER_CQ)
# After 6.1: reg_user_mr_dmabuf is given attributes, not udata
suite_has += $(call has,reg_user_mr_dmabuf..struct ib_pd[^;]*struct uverbs_attr_bundle, \
	rdma/ib_verbs.h,HAVE_REG_DMABUF_ATTRS)
# After 6.12: a dma-buf's importers are told of moves by another name
suite_has += $(call has,[*]invalidate_mappings.. *struct dma_buf_attachment, \
	linux/dma-buf.h,HAVE_DMA_BUF_INVALIDATE_MAPPINGS)
# After 6.12: the namespace of symbols is a string
suite_has += $(call has,define MODULE_IMPORT_NS.ns. MODULE_INFO.import_ns.[ ]ns., \
	linux/module.h,HAVE_IMPORT_NS_STRING)
# After 6.12: ib_umem_get_va() for ib_umem_get()
suite_has += $(call has,ib_umem_get_va,rdma/ib_umem.h,HAVE_IB_UMEM_GET_VA)
# After 6.1: names can be marked as chosen by a user
suite_has += $(call has,ib_mark_name_assigned_by_user,rdma/ib_verbs.h,HAVE_IB_MARK_NAME)
# After 6.12: the core has an opinion on bouncing in confidential guests
suite_has += $(call has,cc_dma_bounce:,rdma/ib_verbs.h,HAVE_CC_DMA_BOUNCE)
# After 6.1: each device can have the name of the driver that it is for
suite_has += $(call has,int device_set_driver_override, \
	linux/device.h,HAVE_DEVICE_SET_DRIVER_OVERRIDE)
# After 6.12: the device's bit for coherence is behind accessors
suite_has += $(call has,dev_flag_accessors.dma_coherent, \
	linux/device.h,HAVE_DEV_SET_DMA_COHERENT)
# After 6.12: map_phys for map_page and map_resource
suite_has += $(call has,[*]map_phys,linux/dma-map-ops.h,HAVE_DMA_MAP_PHYS)
# After 6.12: dma_map_phys() for dma_map_page_attrs()
suite_has += $(call has,dma_addr_t dma_map_phys,linux/dma-mapping.h,HAVE_DMA_MAP_PHYS_API)
# After 6.12: two-step mapping behind the kernel's own IOMMU code
suite_has += $(call has,bool dma_iova_try_alloc,linux/dma-mapping.h,HAVE_DMA_IOVA)
# After 6.1: alloc_pages_op for alloc_pages
suite_has += $(call has,[*]alloc_pages_op,linux/dma-map-ops.h,HAVE_DMA_ALLOC_PAGES_OP)
# After 6.1: the string of a trace event is named once
suite_has += $(call has,define __assign_str.dst. [^s], \
	trace/stages/stage6_event_callback.h,HAVE_ASSIGN_STR_FROM_STRING)
# After 6.12: an attribute for what map_resource mapped
suite_has += $(call has,define DMA_ATTR_MMIO,linux/dma-mapping.h,HAVE_DMA_ATTR_MMIO)

ccflags-y += $(suite_has)
