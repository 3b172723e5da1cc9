/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the cases work with: two connected ends with their PDs, CQs and QPs,
 * memory regions, and mapped buffers with guards around them. A case only
 * opens; the runner closes everything when it has returned, QPs first, so that
 * nothing is unmapped or freed under a QP that could still use it.
 */
#ifndef SELFTEST_FIXTURE_H
#define SELFTEST_FIXTURE_H

#include <linux/completion.h>
#include <linux/dma-direction.h>
#include <linux/if_ether.h>
#include <linux/list.h>
#include <linux/scatterlist.h>
#include <linux/wait.h>
#include <rdma/ib_verbs.h>

struct st_device;
struct st_pair;
struct st_test;

#define ST_TIMEOUT_MS	10000	/* how long what must happen may take */
#define ST_QUIET_MS	30	/* how long to look for what must not happen */
#define ST_QKEY		0x5e1f7e57

#define ST_ACCESS_ALL	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE | \
			 IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_ATOMIC)

/**
 * struct st_opts - how to open a pair; zero is each member's default
 * @type: of the QPs; IB_QPT_RC
 * @send_wr: depth of the send queues; 32
 * @recv_wr: depth of the receive queues; 32
 * @sge: scatter/gather elements of a work request; 4
 * @inline_size: bytes of inline data; none
 * @cqe: entries of each CQ; as many as the queues need
 * @pd_flags: of both PDs
 * @no_remote: the QPs allow no remote access
 * @timeout: IBTA's Local ACK Timeout; 16, which is 268 ms
 * @retries: 7
 * @rnr_retries: 7, which is without end
 * @rd_atomic: RDMA reads in flight; 4
 * @sig_on_demand: only work requests with IB_SEND_SIGNALED complete
 * @peer: the second end is on the other device
 * @shared_pd: both ends have one PD (on one device)
 * @shared_cq: one CQ for each end's both queues
 * @srq: the second end receives through a shared receive queue
 * @core_cq: the second end's CQs are ib_core's, for use with struct st_req
 * @poll_ctx: where ib_core polls these
 * @unconnected: leave the QPs in RESET
 */
struct st_opts {
	enum ib_qp_type type;
	unsigned int send_wr;
	unsigned int recv_wr;
	unsigned int sge;
	unsigned int inline_size;
	unsigned int cqe;
	unsigned int pd_flags;
	bool no_remote;
	u8 timeout;
	u8 retries;
	u8 rnr_retries;
	u8 rd_atomic;
	bool sig_on_demand;
	bool peer;
	bool shared_pd;
	bool shared_cq;
	bool srq;
	bool core_cq;
	enum ib_poll_context poll_ctx;
	bool unconnected;
};

/**
 * struct st_end - one end of a pair
 * @t: the case
 * @pair: the pair that it belongs to
 * @dev: its device
 * @port: its port on @dev
 * @mtu: of @port
 * @pd: its protection domain
 * @scq: CQ of its send queue
 * @rcq: CQ of its receive queue
 * @srq: its shared receive queue, if it has one
 * @qp: its QP, or NULL once it is destroyed
 * @gid: the GID that it sends from
 * @mac: of @gid's network device
 * @scq_events: calls of @scq's completion handler
 * @rcq_events: calls of @rcq's completion handler
 * @on_rcq: what @rcq's completion handler does besides counting, or NULL
 * @ctx: for @on_rcq
 * @events: asynchronous events of its QP and CQs, a bit for each
 * @event_wait: woken by each of @events
 * @bufs: its buffers
 * @sgs: its scattered buffers
 * @mrs: its memory regions
 * @ahs: its address handles
 * @nr_ahs: their number
 */
struct st_end {
	struct st_test *t;
	struct st_pair *pair;
	struct ib_device *dev;
	u32 port;
	enum ib_mtu mtu;
	struct ib_pd *pd;
	struct ib_cq *scq;
	struct ib_cq *rcq;
	struct ib_srq *srq;
	struct ib_qp *qp;
	const struct ib_gid_attr *gid;
	u8 mac[ETH_ALEN];
	atomic_t scq_events;
	atomic_t rcq_events;
	void (*on_rcq)(struct st_end *e);
	void *ctx;
	unsigned long events;
	wait_queue_head_t event_wait;
	struct list_head bufs;
	struct list_head sgs;
	struct list_head mrs;
	struct ib_ah *ahs[4];
	unsigned int nr_ahs;
};

/**
 * struct st_pair - two ends, connected if their QPs are
 * @list: among the case's pairs
 * @o: how it was opened, defaults filled in
 * @a: one end; by convention the one that sends
 * @b: the other end
 */
struct st_pair {
	struct list_head list;
	struct st_opts o;
	struct st_end a;
	struct st_end b;
};

/**
 * struct st_mr - a memory region for fast registration
 * @list: among its end's
 * @mr: the region, NULL once it is deregistered
 */
struct st_mr {
	struct list_head list;
	struct ib_mr *mr;
};

/**
 * struct st_buf - memory with guards around it, mapped for a device
 * @list: among its end's
 * @end: whose device it is mapped for
 * @mem: the whole allocation
 * @size: of @mem
 * @data: the part that is mapped
 * @len: of @data
 * @dir: what the device may do
 * @addr: the device address of @data
 * @mapped: it has one
 */
struct st_buf {
	struct list_head list;
	struct st_end *end;
	u8 *mem;
	size_t size;
	u8 *data;
	size_t len;
	enum dma_data_direction dir;
	u64 addr;
	bool mapped;
};

/**
 * enum st_sg_shape - how the entries of a scattered buffer lie in their pages
 * @ST_SG_PACKED: the first ends, and the last begins, at a page's boundary, and
 *	those between fill their pages: what fast registration takes
 * @ST_SG_RAGGED: each entry has an odd offset and length
 */
enum st_sg_shape {
	ST_SG_PACKED,
	ST_SG_RAGGED,
};

/**
 * struct st_sg - memory in scattered pages, mapped with rdma_sge_map_sg()
 * @list: among its end's
 * @end: whose device it is mapped for
 * @sgt: an entry for each page; the rest of the page is a guard
 * @sge: elements that stand for it, @nents of them
 * @nents: how many, 0 while it is not mapped
 * @len: bytes in all entries
 * @dir: what the device may do
 */
struct st_sg {
	struct list_head list;
	struct st_end *end;
	struct sg_table sgt;
	struct ib_sge *sge;
	int nents;
	size_t len;
	enum dma_data_direction dir;
};

/* fixture.c: each has called st_fail() when it returns NULL or an error */
struct st_pair *st_pair_open(struct st_test *t, const struct st_opts *o);
int st_pair_connect(struct st_pair *p);
int st_pair_reconnect(struct st_pair *p);
int st_connect_to(struct st_end *e, u32 dest_qpn);
int st_connect_ends(struct st_end *a, struct st_end *b);
int st_create_qp(struct st_end *e);
void st_destroy_qp(struct st_end *e);
int st_modify_state(struct st_end *e, enum ib_qp_state state);
void st_fill_ah_attr(struct st_end *from, struct st_end *to,
		     struct rdma_ah_attr *ah);
struct ib_ah *st_create_ah(struct st_end *from, struct st_end *to);
struct st_mr *st_mr_alloc(struct st_end *e, unsigned int pages);
int st_mr_dereg(struct st_end *e, struct st_mr *m);
int st_want_calls(struct st_end *e, atomic_t *calls, int want);
int st_want_event(struct st_end *e, enum ib_event_type event);
void st_fixture_cleanup(struct st_test *t);

/* buffer.c */
struct st_buf *st_buf_new(struct st_end *e, size_t len, size_t offset,
			  enum dma_data_direction dir);
struct st_buf *st_buf_unmapped(struct st_end *e, size_t len, size_t offset);
int st_buf_map(struct st_buf *b, enum dma_data_direction dir);
void st_buf_unmap(struct st_buf *b);
void st_buf_free(struct st_buf *b);
void st_buf_fill(struct st_buf *b, u32 seed);
void st_buf_poison(struct st_buf *b, u8 value);
int st_buf_want(struct st_buf *b, u32 seed, size_t len);
int st_buf_want_at(struct st_buf *b, size_t at, size_t len, u32 seed,
		   size_t pos);
int st_buf_want_poison(struct st_buf *b, u8 value, size_t from);
void st_pattern_fill(u8 *p, size_t len, u32 seed, size_t pos);
ssize_t st_pattern_diff(const u8 *p, size_t len, u32 seed, size_t pos);

/* sg.c */
struct st_sg *st_sg_new(struct st_end *e, unsigned int pages, size_t offset,
			enum st_sg_shape shape, enum dma_data_direction dir);
int st_sg_map(struct st_sg *s, enum dma_data_direction dir);
void st_sg_unmap(struct st_sg *s);
void st_sg_free(struct st_sg *s);
void st_sg_fill(struct st_sg *s, u32 seed);
void st_sg_poison(struct st_sg *s, u8 value);
int st_sg_want(struct st_sg *s, size_t at, size_t len, u32 seed, size_t pos);
int st_sg_want_poison(struct st_sg *s, u8 value);

#define ST_GUARD	0xe7	/* what lies around each buffer */
#define ST_POISON	0x5a	/* what a buffer holds that is not to change */

#endif /* SELFTEST_FIXTURE_H */
