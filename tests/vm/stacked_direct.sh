#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Scheme stacked on a PCI device without an IOMMU.
# vm: timeout=300 machine=parent alone=1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/stacked/lib.sh"

stacked_up
check "the addresses are physical ones" addresses_are physical
stacked_works
stacked_end
