// SPDX-License-Identifier: GPL-2.0
/*
 * The table's resizing as it is in dma_rmap, for measuring it by itself.
 */
#include "../../../src/dma_rmap/resize.c"
