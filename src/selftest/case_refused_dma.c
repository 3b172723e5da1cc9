// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: device addresses that must be refused, on devices that check them. As
 * source, as target, local and remote; with the completion status that IBTA
 * gives to a protection error at that place, no byte of memory changed, and the
 * reason counted.
 *
 * Local elements (IBTA vol 1, 10.7.3.1): IB_WC_LOC_PROT_ERR at the side whose
 * element it is; a receive's also makes the sender complete with
 * IB_WC_REM_OP_ERR. Remote addresses (9.7.5.2.4): IB_WC_REM_ACCESS_ERR at the
 * requester, IB_EVENT_QP_ACCESS_ERR at the responder.
 */
#include <linux/io.h>
#include <linux/slab.h>

#include "dma_rmap.h"
#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_LEN	(3 * PAGE_SIZE + 100)	/* several pages */

/* Where a bad address is used. */
enum st_place {
	ST_SEND,	/* a's send reads from it */
	ST_RECEIVE,	/* b's receive is to be written to it */
	ST_READ_INTO,	/* a's RDMA read is to be written to it */
	ST_WRITE_FROM,	/* a's RDMA write reads from it */
	ST_REMOTE_WRITE,/* a's RDMA write is to be written to it, at b */
	ST_REMOTE_READ,	/* a's RDMA read reads from it, at b */
};

static const char *const st_place_names[] = {
	[ST_SEND] = "send from it",
	[ST_RECEIVE] = "receive into it",
	[ST_READ_INTO] = "read into it",
	[ST_WRITE_FROM] = "write from it",
	[ST_REMOTE_WRITE] = "remote write to it",
	[ST_REMOTE_READ] = "remote read from it",
};

/**
 * struct st_refused - one use of a bad address
 * @p: the pair
 * @good_a: a's mapped buffer, for what has to be right
 * @good_b: b's mapped buffer
 * @behind: the memory that @addr could stand for, full of ST_POISON, or NULL
 * @addr: the bad address
 * @len: how many bytes are asked of it
 * @fault: the reason that the map is to count
 */
struct st_refused {
	struct st_pair *p;
	struct st_buf *good_a;
	struct st_buf *good_b;
	struct st_buf *behind;
	u64 addr;
	u32 len;
	enum dma_rmap_fault fault;
};

static int st_refused_open(struct st_test *t, struct st_refused *r)
{
	struct st_opts o = { .pd_flags = IB_PD_UNSAFE_GLOBAL_RKEY };

	memset(r, 0, sizeof(*r));
	r->p = st_pair_open(t, &o);
	if (!r->p)
		return -EBADE;
	r->good_a = st_buf_new(&r->p->a, ST_LEN + PAGE_SIZE, 300,
			       DMA_BIDIRECTIONAL);
	r->good_b = st_buf_new(&r->p->b, ST_LEN + PAGE_SIZE, 900,
			       DMA_BIDIRECTIONAL);
	return r->good_a && r->good_b ? 0 : -EBADE;
}

static int st_refused_post(struct st_refused *r, enum st_place place)
{
	struct st_pair *p = r->p;
	struct ib_sge bad = {
		.addr = r->addr,
		.length = r->len,
		.lkey = p->a.pd->local_dma_lkey,
	};
	struct ib_sge good_a = st_sge(r->good_a, 0, r->len);
	struct ib_sge good_b = st_sge(r->good_b, 0, r->len);
	u32 rkey = p->b.pd->unsafe_global_rkey;

	switch (place) {
	case ST_SEND:
		return st_post_recv(&p->b, 1, &good_b, 1) ?:
		       st_post_send(&p->a, 2, &bad, 1, IB_SEND_SIGNALED);
	case ST_RECEIVE:
		bad.lkey = p->b.pd->local_dma_lkey;
		return st_post_recv(&p->b, 1, &bad, 1) ?:
		       st_post_send(&p->a, 2, &good_a, 1, IB_SEND_SIGNALED);
	case ST_READ_INTO:
		return st_post_rdma(&p->a, 2, IB_WR_RDMA_READ, &bad, 1,
				    r->good_b->addr, rkey, IB_SEND_SIGNALED);
	case ST_WRITE_FROM:
		return st_post_rdma(&p->a, 2, IB_WR_RDMA_WRITE, &bad, 1,
				    r->good_b->addr, rkey, IB_SEND_SIGNALED);
	case ST_REMOTE_WRITE:
		return st_post_rdma(&p->a, 2, IB_WR_RDMA_WRITE, &good_a, 1,
				    r->addr, rkey, IB_SEND_SIGNALED);
	case ST_REMOTE_READ:
		return st_post_rdma(&p->a, 2, IB_WR_RDMA_READ, &good_a, 1,
				    r->addr, rkey, IB_SEND_SIGNALED);
	}
	return -EINVAL;
}

static int st_refused_complete(struct st_refused *r, enum st_place place)
{
	struct st_end *a = &r->p->a, *b = &r->p->b;

	switch (place) {
	case ST_SEND:
		/* The message has not begun: b's receive is still there. */
		return st_want_wc(a, a->scq, 2, IB_WC_LOC_PROT_ERR, NULL) ?:
		       st_want_quiet(b, b->rcq);
	case ST_RECEIVE:
		return st_want_wc(b, b->rcq, 1, IB_WC_LOC_PROT_ERR, NULL) ?:
		       st_want_wc(a, a->scq, 2, IB_WC_REM_OP_ERR, NULL);
	case ST_READ_INTO:
	case ST_WRITE_FROM:
		return st_want_wc(a, a->scq, 2, IB_WC_LOC_PROT_ERR, NULL);
	case ST_REMOTE_WRITE:
	case ST_REMOTE_READ:
		return st_want_wc(a, a->scq, 2, IB_WC_REM_ACCESS_ERR, NULL) ?:
		       st_want_event(b, IB_EVENT_QP_ACCESS_ERR);
	}
	return -EINVAL;
}

/* Data that differs from all that is not to be touched by it. */
static void st_refused_fill(struct st_refused *r)
{
	struct st_test *t = r->p->a.t;

	t->seed += 2;
	st_buf_fill(r->good_a, t->seed);
	st_buf_fill(r->good_b, t->seed + 1);
}

/* A page of the sender's whose mapping has ended. */
static struct st_buf *st_refused_gone(struct st_refused *r)
{
	struct st_buf *gone = st_buf_new(&r->p->a, PAGE_SIZE, 0,
					 DMA_BIDIRECTIONAL);

	if (gone)
		st_buf_unmap(gone);
	return gone;
}

static int st_refused_unchanged(struct st_refused *r)
{
	u32 seed = r->p->a.t->seed;

	if (r->behind && st_buf_want_poison(r->behind, ST_POISON, 0))
		return -EBADE;
	return st_buf_want_at(r->good_a, 0, r->good_a->len, seed, 0) ?:
	       st_buf_want_at(r->good_b, 0, r->good_b->len, seed + 1, 0);
}

/* Nothing but the error has happened: a works on with new QPs. */
static int st_refused_use(struct st_refused *r, enum st_place place)
{
	struct st_test *t = r->p->a.t;
	struct dma_rmap_stats before, after;
	int ret;

	st_refused_fill(r);
	dma_rmap_get_stats(t->map, &before);
	ret = st_refused_post(r, place);
	ret = ret ?: st_refused_complete(r, place);
	if (ret) {
		st_note(t, "in: %s", st_place_names[place]);
		return ret;
	}
	dma_rmap_get_stats(t->map, &after);
	if (after.faults[r->fault] == before.faults[r->fault])
		return st_fail(t, "%s: fault %d was not counted",
			       st_place_names[place], r->fault);
	if (st_refused_unchanged(r)) {
		st_note(t, "in: %s", st_place_names[place]);
		return -EBADE;
	}
	return st_pair_reconnect(r->p);
}

static const enum st_place st_all[] = {
	ST_SEND, ST_RECEIVE, ST_READ_INTO, ST_WRITE_FROM, ST_REMOTE_WRITE,
	ST_REMOTE_READ,
};

static const enum st_place st_sources[] = {
	ST_SEND, ST_WRITE_FROM, ST_REMOTE_READ,
};

static const enum st_place st_targets[] = {
	ST_RECEIVE, ST_READ_INTO, ST_REMOTE_WRITE,
};

static int st_refused_each(struct st_refused *r, const enum st_place *place,
			   int nr)
{
	int i, ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = st_refused_use(r, place[i]);
	return ret;
}

#define st_refused_all(r)	st_refused_each(r, st_all, ARRAY_SIZE(st_all))

/* The memory of a mapping that is gone; it is neither read nor written. */
static int case_refused_after_unmap(struct st_test *t)
{
	struct st_refused r;
	struct st_buf *b;

	if (st_refused_open(t, &r))
		return -EBADE;
	b = st_buf_new(&r.p->a, ST_LEN, 100, DMA_BIDIRECTIONAL);
	if (!b)
		return -EBADE;
	st_buf_unmap(b);
	r.behind = b;
	r.addr = b->addr;
	r.len = b->len;
	r.fault = DMA_RMAP_FAULT_UNMAPPED;
	if (st_refused_all(&r))
		return -EBADE;
	/* Nor one byte in the middle of it. */
	r.addr = b->addr + 2 * PAGE_SIZE;
	r.len = 1;
	return st_refused_all(&r);
}

/*
 * One byte more than is mapped: nothing at all is moved, also of the pages
 * before that byte.
 */
static int st_refused_past_end(struct st_test *t, size_t len, size_t offset)
{
	struct st_refused r;
	struct st_buf *b;

	if (st_refused_open(t, &r))
		return -EBADE;
	b = st_buf_new(&r.p->a, len, offset, DMA_BIDIRECTIONAL);
	if (!b)
		return -EBADE;
	r.behind = b;
	r.addr = b->addr;
	r.len = len + 1;
	r.fault = DMA_RMAP_FAULT_BOUNDS;
	return st_refused_all(&r);
}

static int case_refused_past_end(struct st_test *t)
{
	return st_refused_past_end(t, ST_LEN, 100);
}

static int case_refused_past_end_of_page(struct st_test *t)
{
	return st_refused_past_end(t, 3 * PAGE_SIZE, 0);
}

static int case_refused_past_end_short(struct st_test *t)
{
	return st_refused_past_end(t, 10, 20);
}

/* The bytes around a mapping, which are in its first and last page. */
static int case_refused_around(struct st_test *t)
{
	struct st_refused r;
	struct st_buf *b;

	if (st_refused_open(t, &r))
		return -EBADE;
	b = st_buf_new(&r.p->a, 1000, 500, DMA_BIDIRECTIONAL);
	if (!b)
		return -EBADE;
	r.behind = b;
	r.len = 1;
	r.fault = DMA_RMAP_FAULT_UNMAPPED;
	r.addr = b->addr - 1;
	if (st_refused_all(&r))
		return -EBADE;
	r.addr = b->addr + 1000;
	if (st_refused_all(&r))
		return -EBADE;
	/* It ends in the mapping, but does not begin there. */
	r.addr = b->addr - 1;
	r.len = 10;
	return st_refused_all(&r);
}

/* Two mappings of memory that is adjacent are not one. */
static int case_refused_across_mappings(struct st_test *t)
{
	struct ib_device *dev = t->dev->ibdev;
	struct st_refused r;
	struct st_buf *b;
	u64 first, second;
	int ret = -EBADE;

	if (st_refused_open(t, &r))
		return -EBADE;
	b = st_buf_unmapped(&r.p->a, 2 * PAGE_SIZE, 0);
	if (!b)
		return -EBADE;
	first = ib_dma_map_single(dev, b->data, PAGE_SIZE, DMA_BIDIRECTIONAL);
	if (ib_dma_mapping_error(dev, first))
		return st_fail(t, "mapping failed");
	second = ib_dma_map_single(dev, b->data + PAGE_SIZE, PAGE_SIZE,
				   DMA_BIDIRECTIONAL);
	if (ib_dma_mapping_error(dev, second)) {
		st_fail(t, "mapping failed");
		goto out;
	}
	r.behind = b;
	r.addr = first + 100;
	r.len = PAGE_SIZE;
	r.fault = DMA_RMAP_FAULT_BOUNDS;
	ret = st_refused_all(&r);
	st_destroy_qp(&r.p->a);
	st_destroy_qp(&r.p->b);
	ib_dma_unmap_single(dev, second, PAGE_SIZE, DMA_BIDIRECTIONAL);
out:
	ib_dma_unmap_single(dev, first, PAGE_SIZE, DMA_BIDIRECTIONAL);
	return ret;
}

/* What was mapped for the device to read is not written to. */
static int case_refused_write_to_source(struct st_test *t)
{
	struct st_refused r;
	struct st_buf *b;

	if (st_refused_open(t, &r))
		return -EBADE;
	b = st_buf_new(&r.p->a, ST_LEN, 1, DMA_TO_DEVICE);
	if (!b)
		return -EBADE;
	r.behind = b;
	r.addr = b->addr;
	r.len = b->len;
	r.fault = DMA_RMAP_FAULT_DIRECTION;
	return st_refused_each(&r, st_targets, ARRAY_SIZE(st_targets));
}

/* What was mapped for the device to write is not read from. */
static int case_refused_read_from_target(struct st_test *t)
{
	struct st_refused r;
	struct st_buf *b;

	if (st_refused_open(t, &r))
		return -EBADE;
	b = st_buf_new(&r.p->a, ST_LEN, 1, DMA_FROM_DEVICE);
	if (!b)
		return -EBADE;
	r.behind = b;
	r.addr = b->addr;
	r.len = b->len;
	r.fault = DMA_RMAP_FAULT_DIRECTION;
	return st_refused_each(&r, st_sources, ARRAY_SIZE(st_sources));
}

/* Other kinds of addresses, passed by mistake. The memory is mapped, too. */
static int st_refused_address(struct st_test *t, u64 (*addr)(struct st_buf *b))
{
	struct st_refused r;
	struct st_buf *b;

	if (st_refused_open(t, &r))
		return -EBADE;
	b = st_buf_new(&r.p->a, ST_LEN, 8, DMA_BIDIRECTIONAL);
	if (!b)
		return -EBADE;
	r.behind = b;
	r.addr = addr(b);
	r.len = b->len;
	r.fault = DMA_RMAP_FAULT_UNMAPPED;
	return st_refused_all(&r);
}

static u64 st_addr_pointer(struct st_buf *b)
{
	return (uintptr_t)b->data;
}

static u64 st_addr_physical(struct st_buf *b)
{
	return virt_to_phys(b->data);
}

static u64 st_addr_zero(struct st_buf *b)
{
	return 0;
}

static u64 st_addr_end(struct st_buf *b)
{
	/* Its end wraps. */
	return U64_MAX - 10;
}

static int case_refused_kernel_pointer(struct st_test *t)
{
	return st_refused_address(t, st_addr_pointer);
}

static int case_refused_physical_address(struct st_test *t)
{
	return st_refused_address(t, st_addr_physical);
}

static int case_refused_zero_address(struct st_test *t)
{
	return st_refused_address(t, st_addr_zero);
}

static int case_refused_wrapping_address(struct st_test *t)
{
	return st_refused_address(t, st_addr_end);
}

/* An address that another device has issued. */
static int case_refused_other_device(struct st_test *t)
{
	struct st_opts o = { .peer = true };
	struct st_refused r;
	struct st_pair *p;
	struct st_buf *b;

	if (st_refused_open(t, &r))
		return -EBADE;
	p = st_pair_open(t, &o);
	if (!p)
		return -EBADE;
	b = st_buf_new(&p->b, ST_LEN, 8, DMA_BIDIRECTIONAL);
	if (!b)
		return -EBADE;
	r.behind = b;
	r.addr = b->addr;
	r.len = b->len;
	r.fault = DMA_RMAP_FAULT_UNMAPPED;
	return st_refused_all(&r);
}

/* A reserved range whose middle page is not linked. */
static int case_refused_hole(struct st_test *t)
{
	struct dma_rmap_range range;
	struct st_refused r;
	struct st_buf *b;
	int ret;

	if (st_refused_open(t, &r))
		return -EBADE;
	b = st_buf_unmapped(&r.p->a, 3 * PAGE_SIZE, 0);
	if (!b)
		return -EBADE;
	ret = dma_rmap_reserve(t->map, &range, 0, b->len, DMA_BIDIRECTIONAL,
			       GFP_KERNEL);
	if (ret)
		return st_fail(t, "reserve: error %d", ret);
	r.behind = b;
	r.addr = range.addr;
	r.len = b->len;
	r.fault = DMA_RMAP_FAULT_HOLE;
	ret = dma_rmap_link(&range, 0, virt_to_phys(b->data), PAGE_SIZE) ?:
	      dma_rmap_link(&range, 2 * PAGE_SIZE,
			    virt_to_phys(b->data) + 2 * PAGE_SIZE, PAGE_SIZE);
	ret = ret ? st_fail(t, "link: error %d", ret) : st_refused_all(&r);
	st_destroy_qp(&r.p->a);
	st_destroy_qp(&r.p->b);
	dma_rmap_free_range(&range);
	return ret;
}

/* The second of three elements is bad: nothing is moved by the others. */
static int case_refused_one_of_many(struct st_test *t)
{
	struct st_refused r;
	struct ib_sge sge[3];
	struct st_buf *gone;

	if (st_refused_open(t, &r))
		return -EBADE;
	gone = st_refused_gone(&r);
	if (!gone)
		return -EBADE;
	st_refused_fill(&r);
	sge[0] = st_sge(r.good_a, 0, PAGE_SIZE);
	sge[1] = st_sge(gone, 0, PAGE_SIZE);
	sge[2] = st_sge(r.good_a, PAGE_SIZE, PAGE_SIZE);
	if (st_recv_buf(&r.p->b, 1, r.good_b, r.good_b->len) ||
	    st_post_send(&r.p->a, 2, sge, 3, IB_SEND_SIGNALED) ||
	    st_want_wc(&r.p->a, r.p->a.scq, 2, IB_WC_LOC_PROT_ERR, NULL) ||
	    st_want_quiet(&r.p->b, r.p->b.rcq))
		return -EBADE;
	return st_refused_unchanged(&r);
}

/* After the error the queue is flushed; the work before it was done. */
static int case_refused_then_flush(struct st_test *t)
{
	struct st_refused r;
	struct st_buf *gone;
	struct ib_sge bad;

	if (st_refused_open(t, &r))
		return -EBADE;
	gone = st_refused_gone(&r);
	if (!gone)
		return -EBADE;
	bad = st_sge(gone, 0, PAGE_SIZE);
	st_buf_fill(r.good_a, ++t->seed);
	if (st_recv_buf(&r.p->a, 7, r.good_a, 10) ||
	    st_recv_buf(&r.p->b, 1, r.good_b, r.good_b->len) ||
	    st_recv_buf(&r.p->b, 2, r.good_b, r.good_b->len) ||
	    st_send_buf(&r.p->a, 3, r.good_a, 5000) ||
	    st_post_send(&r.p->a, 4, &bad, 1, IB_SEND_SIGNALED) ||
	    st_send_buf(&r.p->a, 5, r.good_a, 5000) ||
	    st_want_sent(&r.p->a, 3, IB_WC_SEND) ||
	    st_want_wc(&r.p->a, r.p->a.scq, 4, IB_WC_LOC_PROT_ERR, NULL) ||
	    st_want_wc(&r.p->a, r.p->a.scq, 5, IB_WC_WR_FLUSH_ERR, NULL) ||
	    st_want_wc(&r.p->a, r.p->a.rcq, 7, IB_WC_WR_FLUSH_ERR, NULL) ||
	    st_want_received(&r.p->b, 1, 5000, NULL) ||
	    st_want_quiet(&r.p->b, r.p->b.rcq))
		return -EBADE;
	return st_buf_want(r.good_b, t->seed, 5000);
}

/* A region whose list was unmapped while its key is still valid. */
static int case_refused_region_unmapped(struct st_test *t)
{
	struct st_refused r;
	struct st_mr *m;
	struct st_sg *s;
	struct ib_sge sge;

	if (st_refused_open(t, &r))
		return -EBADE;
	m = st_mr_alloc(&r.p->b, 8);
	s = st_sg_new(&r.p->b, 4, 100, ST_SG_PACKED, DMA_BIDIRECTIONAL);
	if (!m || !s)
		return -EBADE;
	if (ib_map_mr_sg(m->mr, s->sgt.sgl, s->nents, NULL, PAGE_SIZE) !=
	    s->nents)
		return st_fail(t, "map_mr_sg failed");
	if (st_post_reg(&r.p->b, 1, m->mr, ST_ACCESS_ALL) ||
	    st_want_sent(&r.p->b, 1, IB_WC_REG_MR))
		return -EBADE;
	st_sg_unmap(s);

	st_refused_fill(&r);
	sge = st_sge(r.good_a, 0, 3 * PAGE_SIZE);
	if (st_post_rdma(&r.p->a, 2, IB_WR_RDMA_WRITE, &sge, 1, m->mr->iova,
			 m->mr->rkey, IB_SEND_SIGNALED) ||
	    st_want_wc(&r.p->a, r.p->a.scq, 2, IB_WC_REM_ACCESS_ERR, NULL) ||
	    st_want_event(&r.p->b, IB_EVENT_QP_ACCESS_ERR) ||
	    st_sg_want_poison(s, ST_POISON) || st_pair_reconnect(r.p))
		return -EBADE;
	if (st_post_rdma(&r.p->a, 3, IB_WR_RDMA_READ, &sge, 1, m->mr->iova,
			 m->mr->rkey, IB_SEND_SIGNALED) ||
	    st_want_wc(&r.p->a, r.p->a.scq, 3, IB_WC_REM_ACCESS_ERR, NULL))
		return -EBADE;
	return st_refused_unchanged(&r);
}

/* The sender's own error comes first, whatever the receiver has to say. */
static int case_refused_without_receive(struct st_test *t)
{
	struct st_refused r;
	struct st_buf *gone;
	struct ib_sge bad;

	if (st_refused_open(t, &r))
		return -EBADE;
	gone = st_refused_gone(&r);
	if (!gone)
		return -EBADE;
	bad = st_sge(gone, 0, PAGE_SIZE);
	if (st_post_send(&r.p->a, 2, &bad, 1, IB_SEND_SIGNALED))
		return -EBADE;
	return st_want_wc(&r.p->a, r.p->a.scq, 2, IB_WC_LOC_PROT_ERR, NULL);
}

struct st_refused_ud {
	struct st_pair *p;
	struct ib_ah *ah;
	struct st_buf *good;
	struct st_buf *gone;
};

static int st_refused_ud_open(struct st_test *t, struct st_refused_ud *u)
{
	struct st_opts o = { .type = IB_QPT_UD };

	u->p = st_pair_open(t, &o);
	if (!u->p)
		return -EBADE;
	u->ah = st_create_ah(&u->p->a, &u->p->b);
	u->good = st_buf_new(&u->p->a, 300, 3, DMA_BIDIRECTIONAL);
	u->gone = st_buf_new(&u->p->a, 300, 4, DMA_BIDIRECTIONAL);
	if (!u->ah || !u->good || !u->gone)
		return -EBADE;
	st_buf_unmap(u->gone);
	return 0;
}

static int st_refused_ud_send(struct st_refused_ud *u, struct st_buf *from)
{
	struct ib_sge sge = st_sge(from, 0, 200);
	struct ib_ud_wr wr = {
		.wr = {
			.wr_id = 2,
			.opcode = IB_WR_SEND,
			.sg_list = &sge,
			.num_sge = 1,
			.send_flags = IB_SEND_SIGNALED,
		},
		.ah = u->ah,
		.remote_qpn = u->p->b.qp->qp_num,
		.remote_qkey = ST_QKEY,
	};

	return st_post_wr(&u->p->a, &wr.wr);
}

/* A datagram's bad source is its sender's error. */
static int case_refused_ud_send(struct st_test *t)
{
	struct st_refused_ud u;
	struct st_end *a, *b;

	if (st_refused_ud_open(t, &u))
		return -EBADE;
	a = &u.p->a;
	b = &u.p->b;
	st_buf_fill(u.gone, ++t->seed);
	if (st_recv_buf(b, 1, u.good, 300) || st_refused_ud_send(&u, u.gone) ||
	    st_want_wc(a, a->scq, 2, IB_WC_LOC_PROT_ERR, NULL) ||
	    st_want_quiet(b, b->rcq))
		return -EBADE;
	return st_buf_want_poison(u.good, ST_POISON, 0);
}

/* Also when the datagram would have been lost. */
static int case_refused_ud_without_receive(struct st_test *t)
{
	struct st_refused_ud u;

	if (st_refused_ud_open(t, &u) || st_refused_ud_send(&u, u.gone))
		return -EBADE;
	return st_want_wc(&u.p->a, u.p->a.scq, 2, IB_WC_LOC_PROT_ERR, NULL);
}

/* A bad receive is its owner's error; the sender does not learn of it. */
static int case_refused_ud_receive(struct st_test *t)
{
	struct st_refused_ud u;
	struct st_end *b;

	if (st_refused_ud_open(t, &u))
		return -EBADE;
	b = &u.p->b;
	st_buf_fill(u.good, ++t->seed);
	if (st_recv_buf(b, 1, u.gone, 300) || st_refused_ud_send(&u, u.good) ||
	    st_want_wc(b, b->rcq, 1, IB_WC_LOC_PROT_ERR, NULL) ||
	    st_want_sent(&u.p->a, 2, IB_WC_SEND))
		return -EBADE;
	return st_buf_want_poison(u.gone, ST_POISON, 0);
}

#define ST_REFUSED_BY(_flag, _name)	\
	{ "refused_" #_name, case_refused_##_name, _flag | ST_FAULTS }
#define ST_REFUSED(_name)	ST_REFUSED_BY(ST_CHECKED, _name)

static const struct st_case st_refused_dma_cases[] = {
	ST_REFUSED(after_unmap),
	ST_REFUSED_BY(ST_FRESH, past_end),
	ST_REFUSED_BY(ST_FRESH, past_end_of_page),
	ST_REFUSED_BY(ST_FRESH, past_end_short),
	ST_REFUSED_BY(ST_FRESH, around),
	ST_REFUSED_BY(ST_FRESH, across_mappings),
	ST_REFUSED(write_to_source),
	ST_REFUSED(read_from_target),
	ST_REFUSED(kernel_pointer),
	ST_REFUSED_BY(ST_FRESH, physical_address),
	ST_REFUSED(zero_address),
	ST_REFUSED(wrapping_address),
	ST_REFUSED_BY(ST_MAP, hole),
	ST_REFUSED(one_of_many),
	ST_REFUSED(then_flush),
	ST_REFUSED(region_unmapped),
	ST_REFUSED(without_receive),
	ST_REFUSED(ud_send),
	ST_REFUSED(ud_without_receive),
	ST_REFUSED(ud_receive),
	{ "refused_other_device", case_refused_other_device,
	  ST_CHECKED | ST_FAULTS | ST_PEER },
};

ST_SUITE(st_refused_dma_suite, st_refused_dma_cases);
