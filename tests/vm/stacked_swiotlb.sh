#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Scheme stacked on a PCI device whose transfers the kernel bounces
# (swiotlb=force): no bounce copy may overwrite what the HCA wrote.
# vm: timeout=300 machine=parent append=swiotlb=131072,force alone=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stacked/lib.sh"

stacked_up
check "the addresses are those of bounce buffers" addresses_are mostly-translated
stacked_works
stacked_end
