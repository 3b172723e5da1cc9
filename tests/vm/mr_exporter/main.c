// SPDX-License-Identifier: GPL-2.0
/*
 * An exporter of dma-bufs that moves them: a graphics driver in small, whose
 * memory is plain pages. The pages that a buffer had before a move are kept, full
 * of a pattern, so that it can be seen whether somebody still writes to them.
 */
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mr_exporter.h"

#define STALE	0xdd

/**
 * struct pages - the pages that a buffer has, or had
 * @list: in the buffer's list of those that it had
 * @count: how many
 * @page: the pages
 */
struct pages {
	struct list_head list;
	unsigned long count;
	struct page *page[];
};

/**
 * struct buffer - an exported buffer
 * @now: its pages; under the reservation's lock
 * @old: struct pages that it had; likewise
 */
struct buffer {
	struct pages *now;
	struct list_head old;
};

static void free_pages_of(struct pages *pages)
{
	while (pages->count)
		__free_page(pages->page[--pages->count]);
	kvfree(pages);
}

static struct pages *alloc_pages_for(unsigned long count)
{
	struct pages *pages = kvzalloc(struct_size(pages, page, count),
				       GFP_KERNEL);

	if (!pages)
		return NULL;
	for (; pages->count < count; pages->count++) {
		pages->page[pages->count] = alloc_page(GFP_HIGHUSER |
						       __GFP_ZERO);
		if (!pages->page[pages->count]) {
			free_pages_of(pages);
			return NULL;
		}
	}
	return pages;
}

static struct sg_table *exporter_map(struct dma_buf_attachment *attach,
				     enum dma_data_direction dir)
{
	struct buffer *buffer = attach->dmabuf->priv;
	struct sg_table *sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	int err;

	if (!sgt)
		return ERR_PTR(-ENOMEM);
	err = sg_alloc_table_from_pages(sgt, buffer->now->page,
					buffer->now->count, 0,
					attach->dmabuf->size, GFP_KERNEL);
	if (err)
		goto err_sgt;
	err = dma_map_sgtable(attach->dev, sgt, dir, 0);
	if (err)
		goto err_table;
	return sgt;

err_table:
	sg_free_table(sgt);
err_sgt:
	kfree(sgt);
	return ERR_PTR(err);
}

static void exporter_unmap(struct dma_buf_attachment *attach,
			   struct sg_table *sgt, enum dma_data_direction dir)
{
	dma_unmap_sgtable(attach->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
}

/* An importer on a kernel that cannot move: it is moved all the same. */
static int exporter_pin(struct dma_buf_attachment *attach)
{
	return 0;
}

static void exporter_unpin(struct dma_buf_attachment *attach)
{
}

static void exporter_release(struct dma_buf *dmabuf)
{
	struct buffer *buffer = dmabuf->priv;
	struct pages *pages, *next;

	list_for_each_entry_safe(pages, next, &buffer->old, list)
		free_pages_of(pages);
	free_pages_of(buffer->now);
	kfree(buffer);
}

static const struct dma_buf_ops exporter_ops = {
	.map_dma_buf = exporter_map,
	.unmap_dma_buf = exporter_unmap,
	.pin = exporter_pin,
	.unpin = exporter_unpin,
	.release = exporter_release,
};

static long exporter_new(unsigned long count)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct buffer *buffer;
	struct dma_buf *dmabuf;
	int fd;

	if (!count || count > 65536)
		return -EINVAL;
	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL);
	if (!buffer)
		return -ENOMEM;
	INIT_LIST_HEAD(&buffer->old);
	buffer->now = alloc_pages_for(count);
	if (!buffer->now) {
		kfree(buffer);
		return -ENOMEM;
	}

	info.ops = &exporter_ops;
	info.size = count << PAGE_SHIFT;
	info.flags = O_RDWR | O_CLOEXEC;
	info.priv = buffer;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		free_pages_of(buffer->now);
		kfree(buffer);
		return PTR_ERR(dmabuf);
	}
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0)
		dma_buf_put(dmabuf);
	return fd;
}

static struct dma_buf *exporter_get(int fd)
{
	struct dma_buf *dmabuf = dma_buf_get(fd);

	if (!IS_ERR(dmabuf) && dmabuf->ops != &exporter_ops) {
		dma_buf_put(dmabuf);
		return ERR_PTR(-EINVAL);
	}
	return dmabuf;
}

static long exporter_move(struct dma_buf *dmabuf)
{
	struct buffer *buffer = dmabuf->priv;
	struct pages *to = alloc_pages_for(buffer->now->count), *from;
	unsigned long i;
	void *p;

	if (!to)
		return -ENOMEM;
	dma_resv_lock(dmabuf->resv, NULL);
	dma_buf_invalidate_mappings(dmabuf);
	from = buffer->now;
	for (i = 0; i < to->count; i++) {
		copy_highpage(to->page[i], from->page[i]);
		p = kmap_local_page(from->page[i]);
		memset(p, STALE, PAGE_SIZE);
		kunmap_local(p);
	}
	list_add(&from->list, &buffer->old);
	buffer->now = to;
	dma_resv_unlock(dmabuf->resv);
	return 0;
}

static long exporter_stale(struct dma_buf *dmabuf)
{
	struct buffer *buffer = dmabuf->priv;
	struct pages *pages;
	unsigned long i;
	long written = 0;
	void *p;

	dma_resv_lock(dmabuf->resv, NULL);
	list_for_each_entry(pages, &buffer->old, list) {
		for (i = 0; i < pages->count; i++) {
			p = kmap_local_page(pages->page[i]);
			written += !!memchr_inv(p, STALE, PAGE_SIZE);
			kunmap_local(p);
		}
	}
	dma_resv_unlock(dmabuf->resv);
	return written;
}

/* A part of one of its pages, wherever that is now. */
static void copy_part(struct dma_buf *dmabuf, u64 offset, u32 len, void *data,
		      bool write)
{
	struct buffer *buffer = dmabuf->priv;
	struct page *page;

	dma_resv_lock(dmabuf->resv, NULL);
	page = buffer->now->page[offset >> PAGE_SHIFT];
	if (write)
		memcpy_to_page(page, offset_in_page(offset), data, len);
	else
		memcpy_from_page(data, page, offset_in_page(offset), len);
	dma_resv_unlock(dmabuf->resv);
}

/* By way of a page: user space must not be touched under the buffer's lock. */
static long exporter_copy(struct dma_buf *dmabuf, struct mr_exporter_data *arg)
{
	void __user *user;
	void *bounce;
	u32 len;

	if (arg->offset > dmabuf->size || arg->len > dmabuf->size - arg->offset)
		return -EINVAL;
	bounce = kmalloc(PAGE_SIZE, GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;
	for (; arg->len; arg->offset += len, arg->len -= len, arg->data += len) {
		len = min_t(u64, arg->len,
			    PAGE_SIZE - offset_in_page(arg->offset));
		user = u64_to_user_ptr(arg->data);
		if (arg->write && copy_from_user(bounce, user, len))
			break;
		copy_part(dmabuf, arg->offset, len, bounce, arg->write);
		if (!arg->write && copy_to_user(user, bounce, len))
			break;
	}
	kfree(bounce);
	return arg->len ? -EFAULT : 0;
}

static long exporter_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct mr_exporter_data data = { .fd = arg };
	struct dma_buf *dmabuf;
	long ret;

	if (cmd == MR_EXPORTER_NEW)
		return exporter_new(arg);
	if (cmd == MR_EXPORTER_COPY &&
	    copy_from_user(&data, (void __user *)arg, sizeof(data)))
		return -EFAULT;

	dmabuf = exporter_get(data.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	switch (cmd) {
	case MR_EXPORTER_MOVE:
		ret = exporter_move(dmabuf);
		break;
	case MR_EXPORTER_STALE:
		ret = exporter_stale(dmabuf);
		break;
	case MR_EXPORTER_COPY:
		ret = exporter_copy(dmabuf, &data);
		break;
	default:
		ret = -ENOTTY;
		break;
	}
	dma_buf_put(dmabuf);
	return ret;
}

static const struct file_operations exporter_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = exporter_ioctl,
};

static struct miscdevice exporter = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mr_exporter",
	.fops = &exporter_fops,
};
module_misc_device(exporter);

COMPAT_IMPORT_NS(DMA_BUF);
MODULE_DESCRIPTION("Exports dma-bufs and moves them");
MODULE_LICENSE("GPL");
