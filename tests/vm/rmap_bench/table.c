// SPDX-License-Identifier: GPL-2.0
/*
 * The table as it is in dma_rmap, for measuring it by itself.
 */
#include "../../../src/dma_rmap/table.c"
