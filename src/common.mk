# SPDX-License-Identifier: GPL-2.0
# What the three modules' Kbuild files share. $(here) is the directory of the
# including file, relative or absolute as the kernel's build system has it.
suite := $(here)/../..

SOFTHCA_VERSION := $(shell cat $(suite)/VERSION)

ccflags-y += -I$(suite)/include -I$(here)/.. -include $(here)/../compat.h
ccflags-y += -DSOFTHCA_VERSION=\"$(SOFTHCA_VERSION)\"

# gcc's inlined `rep movsb` for a copy of unknown length is slow on emulated
# and some real CPUs; the kernel's memcpy() knows better.
ccflags-$(CONFIG_X86) += $(call cc-option,-mmemcpy-strategy=libcall:-1:noalign)

# Whether a header under include/ of the kernel's sources matches a pattern:
# $(call has,PATTERN,HEADER,MACRO) gives -DMACRO or nothing.
has = $(if $(shell grep -sE '$(1)' $(srctree)/include/$(2)),-D$(3))

# Spellings that compat.h adapts
ccflags-y += $(call has,[*]map_phys,linux/dma-map-ops.h,HAVE_DMA_MAP_PHYS)
ccflags-y += $(call has,alloc_pages_op,linux/dma-map-ops.h,HAVE_DMA_ALLOC_PAGES_OP)
ccflags-y += $(call has,define DMA_ATTR_MMIO,linux/dma-mapping.h,HAVE_DMA_ATTR_MMIO)
ccflags-y += $(call has,hrtimer_setup,linux/hrtimer.h,HAVE_HRTIMER_SETUP)
