/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's commands for verbs without a library between: those that a
 * program uses that counts or that lies. Each function's answer is 0 or an
 * errno.
 */
#ifndef UVERBS_RAW_H
#define UVERBS_RAW_H

#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <rdma/rdma_user_rxe.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * A command with its header in front, as it is written; and where the answer
 * shall be, of whose kind the length is part of the header.
 */
static inline int raw_write(int fd, uint32_t command, void *buf, size_t len,
			    size_t response_len)
{
	struct ib_uverbs_cmd_hdr *hdr = buf;

	hdr->command = command;
	hdr->in_words = len / 4;
	hdr->out_words = response_len / 4;
	return write(fd, buf, len) == (ssize_t)len ? 0 : errno;
}

struct raw_pd_resp {
	__u32 handle;
	__u32 pad;
};

static inline int raw_alloc_pd(int fd, uint32_t *handle)
{
	struct raw_pd_resp resp = { 0 };
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_alloc_pd cmd;
	} c = { .cmd.response = (uintptr_t)&resp };
	int err = raw_write(fd, IB_USER_VERBS_CMD_ALLOC_PD, &c, sizeof(c), 4);

	*handle = resp.handle;
	return err;
}

/* Destroying most kinds of objects is a handle and a response. */
struct raw_destroy_resp {
	__u32 events[2];
};

static inline int raw_destroy(int fd, uint32_t command, uint32_t handle)
{
	struct raw_destroy_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		__aligned_u64 response;
		__u32 handle;
		__u32 reserved;
	} c = { .response = (uintptr_t)&resp, .handle = handle };

	return raw_write(fd, command, &c, sizeof(c), sizeof(resp));
}

/* ... and of the others a handle alone. */
static inline int raw_release(int fd, uint32_t command, uint32_t handle)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		__u32 handle;
	} c = { .handle = handle };

	return raw_write(fd, command, &c, sizeof(c), 0);
}

struct raw_cq {
	__u32 handle;
	__u32 cqe;
	struct rxe_create_cq_resp rxe;
};

static inline int raw_create_cq(int fd, uint32_t cqe, struct raw_cq *cq)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_create_cq cmd;
	} c = {
		.cmd = {
			.response = (uintptr_t)cq,
			.cqe = cqe,
			.comp_channel = -1,
		},
	};

	memset(cq, 0, sizeof(*cq));
	return raw_write(fd, IB_USER_VERBS_CMD_CREATE_CQ, &c, sizeof(c),
			 sizeof(*cq));
}

struct raw_qp {
	struct ib_uverbs_create_qp_resp core;
	struct rxe_create_qp_resp rxe;
};

struct raw_qp_attr {
	uint32_t pd, cq;
	uint32_t send_wr, recv_wr, send_sge, recv_sge, inline_data;
	uint8_t type;
};

static inline int raw_create_qp(int fd, const struct raw_qp_attr *attr,
				struct raw_qp *qp)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_create_qp cmd;
	} c = {
		.cmd = {
			.response = (uintptr_t)qp,
			.pd_handle = attr->pd,
			.send_cq_handle = attr->cq,
			.recv_cq_handle = attr->cq,
			.max_send_wr = attr->send_wr,
			.max_recv_wr = attr->recv_wr,
			.max_send_sge = attr->send_sge,
			.max_recv_sge = attr->recv_sge,
			.max_inline_data = attr->inline_data,
			.sq_sig_all = 1,
			.qp_type = attr->type,
		},
	};

	memset(qp, 0, sizeof(*qp));
	return raw_write(fd, IB_USER_VERBS_CMD_CREATE_QP, &c, sizeof(c),
			 sizeof(*qp));
}

struct raw_ah {
	__u32 handle;
	struct rxe_create_ah_resp rxe;
};

static inline int raw_create_ah(int fd, uint32_t pd, const uint8_t *dgid,
				int sgid_index, struct raw_ah *ah)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_create_ah cmd;
	} c = {
		.cmd = {
			.response = (uintptr_t)ah,
			.pd_handle = pd,
			.attr = {
				.is_global = 1,
				.port_num = 1,
				.grh.sgid_index = sgid_index,
				.grh.hop_limit = 1,
			},
		},
	};

	memcpy(c.cmd.attr.grh.dgid, dgid, 16);
	memset(ah, 0, sizeof(*ah));
	return raw_write(fd, IB_USER_VERBS_CMD_CREATE_AH, &c, sizeof(c),
			 sizeof(*ah));
}

/* What leads to a state; the kernel looks at what @attr_mask names. */
static inline int raw_modify_qp(int fd, const struct ib_uverbs_modify_qp *attr)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_modify_qp cmd;
	} c = { .cmd = *attr };

	return raw_write(fd, IB_USER_VERBS_CMD_MODIFY_QP, &c, sizeof(c), 0);
}

struct raw_srq {
	struct ib_uverbs_create_srq_resp core;
	struct rxe_create_srq_resp rxe;
};

/* @response_len: of the answer that there is room for. */
static inline int raw_create_srq(int fd, uint32_t pd, uint32_t max_wr,
				 uint32_t max_sge, size_t response_len,
				 struct raw_srq *srq)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_create_srq cmd;
	} c = {
		.cmd = {
			.response = (uintptr_t)srq,
			.pd_handle = pd,
			.max_wr = max_wr,
			.max_sge = max_sge,
		},
	};

	memset(srq, 0, sizeof(*srq));
	return raw_write(fd, IB_USER_VERBS_CMD_CREATE_SRQ, &c, sizeof(c),
			 response_len);
}

/* @driver_len: how much of the driver's part the command has. */
static inline int raw_modify_srq(int fd, uint32_t srq, uint32_t mask,
				 uint32_t max_wr, uint32_t limit,
				 uint64_t mmap_info_addr, size_t driver_len)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_modify_srq cmd;
		struct rxe_modify_srq_cmd rxe;
	} c = {
		.cmd = {
			.srq_handle = srq,
			.attr_mask = mask,
			.max_wr = max_wr,
			.srq_limit = limit,
		},
		.rxe.mmap_info_addr = mmap_info_addr,
	};

	return raw_write(fd, IB_USER_VERBS_CMD_MODIFY_SRQ, &c,
			 sizeof(c) - sizeof(c.rxe) + driver_len, 0);
}

/* What librxe does after it has put requests into the ring. */
static inline int raw_doorbell(int fd, uint32_t qp)
{
	struct ib_uverbs_post_send_resp resp;
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_post_send cmd;
	} c = {
		.cmd = {
			.response = (uintptr_t)&resp,
			.qp_handle = qp,
			.wqe_size = sizeof(struct ib_uverbs_send_wr),
		},
	};

	return raw_write(fd, IB_USER_VERBS_CMD_POST_SEND, &c, sizeof(c),
			 sizeof(resp));
}

/* What changes of a region; @resp gets its keys. */
static inline int raw_rereg_mr(int fd, uint32_t mr, uint32_t flags,
			       const void *start, uint64_t length, uint64_t iova,
			       uint32_t pd, uint32_t access,
			       struct ib_uverbs_rereg_mr_resp *resp)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_rereg_mr cmd;
	} c = {
		.cmd = {
			.response = (uintptr_t)resp,
			.mr_handle = mr,
			.flags = flags,
			.start = (uintptr_t)start,
			.length = length,
			.hca_va = iova,
			.pd_handle = pd,
			.access_flags = access,
		},
	};

	memset(resp, 0, sizeof(*resp));
	return raw_write(fd, IB_USER_VERBS_CMD_REREG_MR, &c, sizeof(c),
			 sizeof(*resp));
}

/* The newer form of a command: a list of attributes, given by ioctl. */
struct raw_ioctl {
	struct ib_uverbs_ioctl_hdr hdr;
	struct ib_uverbs_attr attr[16];
};

#define RAW_IOCTL(object, method) {					\
	.hdr = { .object_id = (object), .method_id = (method),		\
		 .driver_id = RDMA_DRIVER_RXE } }

/* @data is what the attribute is, up to 8 bytes, or where it is. */
static inline struct ib_uverbs_attr *
raw_attr(struct raw_ioctl *c, uint16_t id, uint64_t data, uint16_t len)
{
	struct ib_uverbs_attr *attr = &c->attr[c->hdr.num_attrs++];

	attr->attr_id = id;
	attr->flags = UVERBS_ATTR_F_MANDATORY;
	attr->data = data;
	attr->len = len;
	return attr;
}

static inline int raw_ioctl(int fd, struct raw_ioctl *c)
{
	c->hdr.length = sizeof(c->hdr) + c->hdr.num_attrs * sizeof(c->attr[0]);
	return ioctl(fd, RDMA_VERBS_IOCTL, c) ? errno : 0;
}

static inline int raw_advise_mr(int fd, uint32_t pd, uint64_t advice,
				uint32_t flags, const struct ib_uverbs_sge *sge,
				uint32_t num_sge)
{
	struct raw_ioctl c = RAW_IOCTL(UVERBS_OBJECT_MR,
				       UVERBS_METHOD_ADVISE_MR);

	raw_attr(&c, UVERBS_ATTR_ADVISE_MR_PD_HANDLE, pd, 0);
	raw_attr(&c, UVERBS_ATTR_ADVISE_MR_ADVICE, advice, 8);
	raw_attr(&c, UVERBS_ATTR_ADVISE_MR_FLAGS, flags, 4);
	raw_attr(&c, UVERBS_ATTR_ADVISE_MR_SGE_LIST, (uintptr_t)sge,
		 num_sge * sizeof(*sge));
	return raw_ioctl(fd, &c);
}

struct raw_mr {
	uint32_t handle;
	uint32_t lkey;
	uint32_t rkey;
};

static inline int raw_reg_dmabuf_mr(int fd, uint32_t pd, uint64_t offset,
				    uint64_t length, uint64_t iova,
				    uint32_t dmabuf, uint32_t access,
				    struct raw_mr *mr)
{
	struct raw_ioctl c = RAW_IOCTL(UVERBS_OBJECT_MR,
				       UVERBS_METHOD_REG_DMABUF_MR);
	struct ib_uverbs_attr *handle;
	int err;

	handle = raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_HANDLE, 0, 0);
	raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_PD_HANDLE, pd, 0);
	raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_OFFSET, offset, 8);
	raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_LENGTH, length, 8);
	raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_IOVA, iova, 8);
	raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_FD, dmabuf, 4);
	raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_ACCESS_FLAGS, access, 4);
	raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_RESP_LKEY, (uintptr_t)&mr->lkey,
		 4);
	raw_attr(&c, UVERBS_ATTR_REG_DMABUF_MR_RESP_RKEY, (uintptr_t)&mr->rkey,
		 4);
	err = raw_ioctl(fd, &c);
	mr->handle = handle->data;
	return err;
}

#endif /* UVERBS_RAW_H */
