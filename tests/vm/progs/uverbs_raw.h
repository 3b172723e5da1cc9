/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's commands for verbs without a library between: those that a
 * program uses that counts or that lies. Each function's answer is 0 or an
 * errno.
 */
#ifndef UVERBS_RAW_H
#define UVERBS_RAW_H

#include <errno.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_rxe.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
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

#endif /* UVERBS_RAW_H */
