/* SPDX-License-Identifier: GPL-2.0 */
/* Memory of another driver, by a dma-buf. */
#ifndef SOFTHCA_DMABUF_H
#define SOFTHCA_DMABUF_H

#include "softhca.h"

struct softhca_dmabuf;
struct softhca_piece;

struct softhca_dmabuf *softhca_dmabuf_create(struct softhca_dev *dev,
					     u64 offset, u64 length, int fd,
					     int access);
struct softhca_dmabuf *softhca_dmabuf_get(struct softhca_dmabuf *buf);
void softhca_dmabuf_put(struct softhca_dmabuf *buf);
int softhca_dmabuf_piece(struct softhca_dmabuf *buf, u64 pos, u32 len,
			 struct softhca_piece *piece);
int softhca_dmabuf_fault(struct softhca_dmabuf *buf);

#endif /* SOFTHCA_DMABUF_H */
