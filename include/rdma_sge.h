/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Scatter/gather elements for kernel consumers of the verbs (ULPs).
 *
 * Each builder maps memory for the device of a PD and fills in the ib_sge that
 * stands for it, with the PD's local_dma_lkey. What the address in it means is
 * the device's matter: an IOMMU's address on hardware, what the scheme makes of
 * it on softhca, a kernel pointer on rdma_rxe and siw. So a ULP that takes its
 * elements from here, and hands them back here, is right on all of them.
 *
 * An element belongs to the device as long as it is mapped; the memory is the
 * ULP's again when it has been unmapped, which it may be when the completion of
 * the work request has been seen. The direction is what the device does, as
 * everywhere in the DMA API: DMA_TO_DEVICE for what is sent, written to the peer
 * or answers its reads, DMA_FROM_DEVICE for what is received.
 */
#ifndef RDMA_SGE_H
#define RDMA_SGE_H

#include <linux/bvec.h>
#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <rdma/ib_verbs.h>

/**
 * rdma_sge_map_page() - build an element from a part of a page
 * @pd: the protection domain of the QP that it is for
 * @sge: gets the element
 * @page: the page, or the first one of a compound page
 * @offset: where in it the bytes begin
 * @len: how many there are; they may run on into the rest of a compound page
 * @dir: what the device is going to do
 *
 * Context: Any.
 * Return: 0; -EINVAL if @len is 0 or no element can be as long, or @dir is none;
 * -ENOMEM if the device could not map it.
 */
static inline int rdma_sge_map_page(struct ib_pd *pd, struct ib_sge *sge,
				    struct page *page, size_t offset,
				    size_t len, enum dma_data_direction dir)
{
	if (!len || len > U32_MAX || !valid_dma_direction(dir))
		return -EINVAL;
	sge->addr = ib_dma_map_page(pd->device, page, offset, len, dir);
	if (ib_dma_mapping_error(pd->device, sge->addr))
		return -ENOMEM;
	sge->length = len;
	sge->lkey = pd->local_dma_lkey;
	return 0;
}

/**
 * rdma_sge_map_single() - build an element from a kernel buffer
 * @pd: the protection domain of the QP that it is for
 * @sge: gets the element
 * @buffer: the buffer: memory of kmalloc() or the page allocator, whose kernel
 *	address is not one of vmalloc() or of a stack
 * @len: its bytes
 * @dir: what the device is going to do
 *
 * Context: Any.
 * Return: 0; -EINVAL if @buffer is not such memory, @len is 0 or no element can be
 * as long, or @dir is none; -ENOMEM if the device could not map it.
 */
static inline int rdma_sge_map_single(struct ib_pd *pd, struct ib_sge *sge,
				      void *buffer, size_t len,
				      enum dma_data_direction dir)
{
	if (!virt_addr_valid(buffer) || is_vmalloc_addr(buffer) ||
	    !len || len > U32_MAX || !valid_dma_direction(dir))
		return -EINVAL;
	sge->addr = ib_dma_map_single(pd->device, buffer, len, dir);
	if (ib_dma_mapping_error(pd->device, sge->addr))
		return -ENOMEM;
	sge->length = len;
	sge->lkey = pd->local_dma_lkey;
	return 0;
}

/**
 * rdma_sge_unmap_single() - undo rdma_sge_map_single()
 * @pd: the protection domain
 * @sge: the element as it was built
 * @dir: the direction that it was built with
 *
 * Context: Any.
 */
static inline void rdma_sge_unmap_single(struct ib_pd *pd,
					 const struct ib_sge *sge,
					 enum dma_data_direction dir)
{
	ib_dma_unmap_single(pd->device, sge->addr, sge->length, dir);
}

/**
 * rdma_sge_unmap_page() - undo rdma_sge_map_page(), or rdma_sge_map_bvec()
 * @pd: the protection domain
 * @sge: the element as it was built
 * @dir: the direction that it was built with
 *
 * Context: Any.
 */
static inline void rdma_sge_unmap_page(struct ib_pd *pd,
				       const struct ib_sge *sge,
				       enum dma_data_direction dir)
{
	ib_dma_unmap_page(pd->device, sge->addr, sge->length, dir);
}

/**
 * rdma_sge_map_bvec() - build an element from a bio_vec
 * @pd: the protection domain of the QP that it is for
 * @sge: gets the element
 * @bvec: the bio_vec
 * @dir: what the device is going to do
 *
 * Undone by rdma_sge_unmap_page().
 *
 * Context: Any.
 * Return: As for rdma_sge_map_page().
 */
static inline int rdma_sge_map_bvec(struct ib_pd *pd, struct ib_sge *sge,
				    const struct bio_vec *bvec,
				    enum dma_data_direction dir)
{
	return rdma_sge_map_page(pd, sge, bvec->bv_page, bvec->bv_offset,
				 bvec->bv_len, dir);
}

/**
 * rdma_sge_unmap_bvecs() - undo rdma_sge_map_bvecs()
 * @pd: the protection domain
 * @sge: the elements as they were built
 * @count: how many
 * @dir: the direction that they were built with
 *
 * Context: Any.
 */
static inline void rdma_sge_unmap_bvecs(struct ib_pd *pd,
					const struct ib_sge *sge,
					unsigned int count,
					enum dma_data_direction dir)
{
	while (count--)
		rdma_sge_unmap_page(pd, &sge[count], dir);
}

/**
 * rdma_sge_map_bvecs() - build an element from each of several bio_vecs
 * @pd: the protection domain of the QP that they are for
 * @sge: gets the elements
 * @bvec: the bio_vecs
 * @count: how many
 * @dir: what the device is going to do
 *
 * Context: Any.
 * Return: 0, or as for rdma_sge_map_page(), and then none is mapped.
 */
static inline int rdma_sge_map_bvecs(struct ib_pd *pd, struct ib_sge *sge,
				     const struct bio_vec *bvec,
				     unsigned int count,
				     enum dma_data_direction dir)
{
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		err = rdma_sge_map_bvec(pd, &sge[i], &bvec[i], dir);
		if (err) {
			rdma_sge_unmap_bvecs(pd, sge, i, dir);
			return err;
		}
	}
	return 0;
}

/**
 * rdma_sge_unmap_sg() - undo rdma_sge_map_sg()
 * @pd: the protection domain
 * @sgl: the scatterlist, not changed since
 * @nents: its entries, as they were given to rdma_sge_map_sg()
 * @dir: the direction that it was mapped with
 *
 * Context: Any.
 */
static inline void rdma_sge_unmap_sg(struct ib_pd *pd, struct scatterlist *sgl,
				     unsigned int nents,
				     enum dma_data_direction dir)
{
	ib_dma_unmap_sg(pd->device, sgl, nents, dir);
}

/**
 * rdma_sge_map_sg() - build elements from a scatterlist
 * @pd: the protection domain of the QP that they are for
 * @sge: gets the elements
 * @max: how many there may be
 * @sgl: the scatterlist
 * @nents: its entries
 * @dir: what the device is going to do
 *
 * A device can make fewer elements than there are entries, as an IOMMU gives one
 * address to entries that meet at the boundaries of pages.
 *
 * Context: Any.
 * Return: how many elements there are; -EINVAL if @nents is 0, or @dir is none;
 * -ENOMEM if the device could not map it; -ENOSPC if more than @max elements
 * would be needed. If it fails, nothing is mapped.
 */
static inline int rdma_sge_map_sg(struct ib_pd *pd, struct ib_sge *sge,
				  unsigned int max, struct scatterlist *sgl,
				  unsigned int nents,
				  enum dma_data_direction dir)
{
	struct scatterlist *sg;
	int i, count;

	if (!nents || !valid_dma_direction(dir))
		return -EINVAL;
	count = ib_dma_map_sg(pd->device, sgl, nents, dir);
	if (count <= 0)
		return -ENOMEM;
	if (count > max) {
		rdma_sge_unmap_sg(pd, sgl, nents, dir);
		return -ENOSPC;
	}
	for_each_sg(sgl, sg, count, i) {
		sge[i].addr = sg_dma_address(sg);
		sge[i].length = sg_dma_len(sg);
		sge[i].lkey = pd->local_dma_lkey;
	}
	return count;
}

#endif /* RDMA_SGE_H */
