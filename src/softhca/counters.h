/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What `rdma statistic` shows of a port and of the counters that QPs are bound
 * to. Where hardware has the counter, it has hardware's name.
 */
#ifndef SOFTHCA_COUNTERS_H
#define SOFTHCA_COUNTERS_H

#include <linux/percpu.h>

#include "qp.h"
#include "softhca.h"

#define SOFTHCA_COUNTERS(X)						\
	X(TX_MSGS,		"tx_messages")				\
	X(TX_BYTES,		"tx_bytes")				\
	X(RX_MSGS,		"rx_messages")				\
	X(RX_BYTES,		"rx_bytes")				\
	X(RX_WRITES,		"rx_write_requests")			\
	X(RX_READS,		"rx_read_requests")			\
	X(RX_ATOMICS,		"rx_atomic_requests")			\
	X(OUT_OF_BUFFER,	"out_of_buffer")			\
	X(RNR_NAK,		"rnr_nak_retry_err")			\
	X(RNR_EXCEEDED,		"req_rnr_retries_exceeded")		\
	X(RETRY_EXCEEDED,	"req_transport_retries_exceeded")	\
	X(ACK_TIMEOUT,		"local_ack_timeout_err")		\
	X(UD_DROPPED,		"ud_dropped")				\
	X(QKEY_VIOLATION,	"qkey_violations")			\
	X(REQ_LOCAL_PROT,	"req_local_protection_errors")		\
	X(REQ_REMOTE_ACCESS,	"req_remote_access_errors")		\
	X(REQ_REMOTE_INVALID,	"req_remote_invalid_request")		\
	X(RESP_LOCAL_LENGTH,	"resp_local_length_error")		\
	X(RESP_LOCAL_PROT,	"resp_local_protection_errors")		\
	X(RESP_REMOTE_ACCESS,	"resp_remote_access_errors")		\
	X(REQ_CQE_ERROR,	"req_cqe_error")			\
	X(RESP_CQE_ERROR,	"resp_cqe_error")			\
	X(REQ_CQE_FLUSH,	"req_cqe_flush_error")			\
	X(RESP_CQE_FLUSH,	"resp_cqe_flush_error")

enum softhca_counter {
#define SOFTHCA_COUNTER_ENUM(id, name) SOFTHCA_CNT_##id,
	SOFTHCA_COUNTERS(SOFTHCA_COUNTER_ENUM)
#undef SOFTHCA_COUNTER_ENUM
	SOFTHCA_NR_COUNTERS,
};

struct softhca_counters {
	u64 value[SOFTHCA_NR_COUNTERS];
};

/* What is no QP's. */
static inline void softhca_count(struct softhca_dev *dev,
				 enum softhca_counter counter, u64 n)
{
	this_cpu_add(dev->counters->value[counter], n);
}

/* What a QP's counter counts, if the QP is bound to one; see counters.c. */
static inline void softhca_qp_count(struct softhca_qp *qp,
				    enum softhca_counter counter, u64 n)
{
	rcu_read_lock();
	this_cpu_add(READ_ONCE(qp->counters)->value[counter], n);
	rcu_read_unlock();
}

struct rdma_hw_stats *softhca_alloc_hw_port_stats(struct ib_device *ib,
						  u32 port);
int softhca_get_hw_stats(struct ib_device *ib, struct rdma_hw_stats *stats,
			 u32 port, int index);

struct rdma_hw_stats *
softhca_counter_alloc_stats(struct rdma_counter *counter);
int softhca_counter_bind_qp(struct rdma_counter *counter, struct ib_qp *ib);
int softhca_counter_unbind_qp(struct ib_qp *ib);
int softhca_counter_dealloc(struct rdma_counter *counter);
int softhca_counter_update_stats(struct rdma_counter *counter);

#endif /* SOFTHCA_COUNTERS_H */
