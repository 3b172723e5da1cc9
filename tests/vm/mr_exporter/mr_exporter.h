/* SPDX-License-Identifier: GPL-2.0 */
/* The commands of /dev/mr_exporter, for the module and for programs. */
#ifndef MR_EXPORTER_H
#define MR_EXPORTER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct mr_exporter_data - bytes of a buffer
 * @fd: the buffer
 * @write: the bytes go into it
 * @offset: where in it
 * @len: how many
 * @data: where they are in the process
 */
struct mr_exporter_data {
	__s32 fd;
	__u32 write;
	__u64 offset;
	__u64 len;
	__u64 data;
};

/* A new buffer of so many pages; the answer is its file descriptor. */
#define MR_EXPORTER_NEW		_IO('m', 0x70)
/* The buffer of this file descriptor gets other pages. */
#define MR_EXPORTER_MOVE	_IO('m', 0x71)
/* How many of the pages that it had before were written since? */
#define MR_EXPORTER_STALE	_IO('m', 0x72)
#define MR_EXPORTER_COPY	_IOW('m', 0x73, struct mr_exporter_data)

#endif /* MR_EXPORTER_H */
