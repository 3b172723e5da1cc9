// SPDX-License-Identifier: GPL-2.0
/*
 * Pairs of ends: opening, connecting, and closing in the order in which a ULP
 * has to: QPs, memory regions, mappings, CQs and PDs.
 */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/jiffies.h>
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <rdma/ib_cache.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

static void st_scq_handler(struct ib_cq *cq, void *ctx)
{
	struct st_end *e = ctx;

	st_verbs_in_handler();
	atomic_inc(&e->scq_events);
	wake_up(&e->event_wait);
}

static void st_rcq_handler(struct ib_cq *cq, void *ctx)
{
	struct st_end *e = ctx;

	st_verbs_in_handler();
	if (e->on_rcq)
		e->on_rcq(e);
	atomic_inc(&e->rcq_events);
	wake_up(&e->event_wait);
}

static void st_event_handler(struct ib_event *event, void *ctx)
{
	struct st_end *e = ctx;

	if (event->event < BITS_PER_LONG)
		set_bit(event->event, &e->events);
	wake_up(&e->event_wait);
}

/* Waits for @cond at most for ST_TIMEOUT_MS, and as long as the device stays. */
#define st_wait(e, cond) ({						\
	unsigned long __end = jiffies + msecs_to_jiffies(ST_TIMEOUT_MS);	\
	while (!wait_event_timeout((e)->event_wait, cond, HZ / 10) &&	\
	       !st_gone((e)->t) && time_before(jiffies, __end))		\
		;							\
	(cond);								\
})

/**
 * st_want_calls() - a completion handler has to have been called so often
 * @e: the end whose CQ it is
 * @calls: its scq_events or rcq_events
 * @want: how often
 *
 * Return: 0 when it was, and not more often; or an error after st_fail().
 */
int st_want_calls(struct st_end *e, atomic_t *calls, int want)
{
	if (!st_wait(e, atomic_read(calls) >= want))
		return st_fail(e->t, "handler called %d times, want %d",
			       atomic_read(calls), want);
	msleep(ST_QUIET_MS);
	if (atomic_read(calls) != want)
		return st_fail(e->t, "handler called %d times, want %d",
			       atomic_read(calls), want);
	return 0;
}

/**
 * st_want_event() - an asynchronous event has to come, if it has not
 * @e: the end whose QP or CQ it is about
 * @event: the event
 *
 * Return: 0, or an error after st_fail().
 */
int st_want_event(struct st_end *e, enum ib_event_type event)
{
	if (st_wait(e, test_bit(event, &e->events)))
		return 0;
	return st_fail(e->t, "no event '%s' (have %#lx)", ib_event_msg(event),
		       e->events);
}

/*
 * The GID to use: RoCEv2, IPv4 if there is one and both ends have one, else
 * IPv6 link-local, which each netdev has that is up.
 */
static const struct ib_gid_attr *st_find_gid(struct ib_device *dev, u32 port,
					     bool ipv4)
{
	const struct ib_gid_attr *attr;
	const struct in6_addr *addr;
	int i;

	for (i = 0; i < dev->port_data[port].immutable.gid_tbl_len; i++) {
		attr = rdma_get_gid_attr(dev, port, i);
		if (IS_ERR(attr))
			continue;
		addr = (const struct in6_addr *)attr->gid.raw;
		if (attr->gid_type == IB_GID_TYPE_ROCE_UDP_ENCAP &&
		    (ipv4 ? ipv6_addr_v4mapped(addr) :
			    !!(ipv6_addr_type(addr) & IPV6_ADDR_LINKLOCAL)))
			return attr;
		rdma_put_gid_attr(attr);
	}
	return NULL;
}

static void st_put_gid(struct st_end *e)
{
	if (e->gid)
		rdma_put_gid_attr(e->gid);
	e->gid = NULL;
}

static int st_read_mac(struct st_end *e)
{
	struct net_device *ndev;
	int ret = 0;

	rcu_read_lock();
	ndev = rdma_read_gid_attr_ndev_rcu(e->gid);
	if (IS_ERR(ndev))
		ret = PTR_ERR(ndev);
	else
		ether_addr_copy(e->mac, ndev->dev_addr);
	rcu_read_unlock();
	return ret;
}

/*
 * rdma_rxe sends to another netdev over the wire, and the network stack does
 * not take packets from the wire that come from its own IPv4 address.
 */
static bool st_may_use_ipv4(const struct st_pair *p)
{
	return p->a.dev == p->b.dev || !st_driver_is(p->a.dev, "rdma_rxe");
}

static int st_find_gids(struct st_pair *p)
{
	struct st_end *a = &p->a, *b = &p->b;

	if (st_may_use_ipv4(p)) {
		a->gid = st_find_gid(a->dev, a->port, true);
		b->gid = st_find_gid(b->dev, b->port, true);
	}
	if (!a->gid || !b->gid) {
		st_put_gid(a);
		st_put_gid(b);
		a->gid = st_find_gid(a->dev, a->port, false);
		b->gid = st_find_gid(b->dev, b->port, false);
	}
	if (!a->gid || !b->gid)
		return st_fail(a->t, "no GID of an address that both have");
	if (st_read_mac(a) || st_read_mac(b))
		return st_fail(a->t, "the GID has no netdev");
	return 0;
}

static struct ib_cq *st_create_cq(struct st_end *e, bool recv)
{
	const struct st_opts *o = &e->pair->o;
	struct ib_cq_init_attr attr = {
		.cqe = o->cqe ?: o->send_wr + o->recv_wr,
	};

	if (o->core_cq && e == &e->pair->b)
		return ib_alloc_cq(e->dev, e, attr.cqe, 0, o->poll_ctx);
	return ib_create_cq(e->dev, recv ? st_rcq_handler : st_scq_handler,
			    st_event_handler, e, &attr);
}

static void st_destroy_cq(struct st_end *e, struct ib_cq **cq)
{
	if (!*cq)
		return;
	if (e->pair->o.core_cq && e == &e->pair->b)
		ib_free_cq(*cq);
	else
		ib_destroy_cq(*cq);
	*cq = NULL;
}

static int st_create_srq(struct st_end *e)
{
	struct ib_srq_init_attr attr = {
		.event_handler = st_event_handler,
		.srq_context = e,
		.attr = {
			.max_wr = e->pair->o.recv_wr,
			.max_sge = e->pair->o.sge,
		},
		.srq_type = IB_SRQT_BASIC,
	};
	struct ib_srq *srq;

	srq = ib_create_srq(e->pd, &attr);
	if (IS_ERR(srq))
		return st_fail(e->t, "create_srq: %ld", PTR_ERR(srq));
	e->srq = srq;
	return 0;
}

/**
 * st_create_qp() - give an end a QP, in RESET
 * @e: the end, which has none
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_create_qp(struct st_end *e)
{
	const struct st_opts *o = &e->pair->o;
	struct ib_qp_init_attr attr = {
		.event_handler = st_event_handler,
		.qp_context = e,
		.send_cq = e->scq,
		.recv_cq = e->rcq,
		.srq = e->srq,
		.cap = {
			.max_send_wr = o->send_wr,
			.max_recv_wr = o->recv_wr,
			.max_send_sge = o->sge,
			.max_recv_sge = o->sge,
			.max_inline_data = o->inline_size,
		},
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = o->type,
		.port_num = e->port,
	};
	struct ib_qp *qp;

	if (!o->sig_on_demand)
		attr.sq_sig_type = IB_SIGNAL_ALL_WR;
	e->events = 0;
	qp = ib_create_qp(e->pd, &attr);
	if (IS_ERR(qp))
		return st_fail(e->t, "create_qp: %ld", PTR_ERR(qp));
	e->qp = qp;
	return 0;
}

/**
 * st_destroy_qp() - destroy an end's QP, if it has one
 * @e: the end
 *
 * Context: process.
 */
void st_destroy_qp(struct st_end *e)
{
	if (e->qp && ib_destroy_qp(e->qp))
		st_fail(e->t, "destroy_qp failed");
	e->qp = NULL;
}

static int st_open_end(struct st_end *e)
{
	const struct st_opts *o = &e->pair->o;

	if (o->shared_pd && e == &e->pair->b)
		e->pd = e->pair->a.pd;
	else
		e->pd = ib_alloc_pd(e->dev, o->pd_flags);
	if (IS_ERR_OR_NULL(e->pd)) {
		e->pd = NULL;
		return st_fail(e->t, "alloc_pd failed");
	}
	e->scq = st_create_cq(e, false);
	if (IS_ERR(e->scq)) {
		e->scq = NULL;
		return st_fail(e->t, "create_cq failed");
	}
	e->rcq = o->shared_cq ? e->scq : st_create_cq(e, true);
	if (IS_ERR(e->rcq)) {
		e->rcq = NULL;
		return st_fail(e->t, "create_cq failed");
	}
	if (o->srq && e == &e->pair->b && st_create_srq(e))
		return -EBADE;
	return st_create_qp(e);
}

static void st_init_end(struct st_end *e, struct st_test *t, struct st_pair *p,
			struct st_device *sd)
{
	e->t = t;
	e->pair = p;
	e->dev = sd->ibdev;
	e->port = rdma_start_port(e->dev);
	e->mtu = sd->mtu;
	init_waitqueue_head(&e->event_wait);
	INIT_LIST_HEAD(&e->bufs);
	INIT_LIST_HEAD(&e->sgs);
	INIT_LIST_HEAD(&e->mrs);
}

static void st_default_opts(struct st_opts *o)
{
	o->type = o->type ?: IB_QPT_RC;
	o->send_wr = o->send_wr ?: 32;
	o->recv_wr = o->recv_wr ?: 32;
	o->sge = o->sge ?: 4;
	o->timeout = o->timeout ?: 16;
	o->retries = o->retries ?: 7;
	o->rnr_retries = o->rnr_retries ?: 7;
	o->rd_atomic = o->rd_atomic ?: 4;
}

/**
 * st_pair_open() - open two ends and connect them
 * @t: the case
 * @o: how, or NULL for the defaults
 *
 * Return: the pair, which lives until the case is cleaned up, or NULL after
 * st_fail().
 */
struct st_pair *st_pair_open(struct st_test *t, const struct st_opts *o)
{
	struct st_pair *p;

	p = kzalloc(sizeof(*p), GFP_KERNEL);
	if (!p) {
		st_fail(t, "no memory");
		return NULL;
	}
	if (o)
		p->o = *o;
	st_default_opts(&p->o);
	st_init_end(&p->a, t, p, t->dev);
	st_init_end(&p->b, t, p, p->o.peer ? t->peer : t->dev);
	list_add(&p->list, &t->pairs);

	if (st_find_gids(p) || st_open_end(&p->a) || st_open_end(&p->b))
		return NULL;
	if (!p->o.unconnected && st_pair_connect(p))
		return NULL;
	return p;
}

static int st_modify(struct st_end *e, struct ib_qp_attr *attr, int mask)
{
	int ret = ib_modify_qp(e->qp, attr, mask | IB_QP_STATE);

	if (ret)
		return st_fail(e->t, "modify_qp to state %d: %d",
			       attr->qp_state, ret);
	return 0;
}

/**
 * st_modify_state() - change the state of an end's QP
 * @e: the end
 * @state: one that needs no attributes: RESET or ERR
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_modify_state(struct st_end *e, enum ib_qp_state state)
{
	struct ib_qp_attr attr = { .qp_state = state };

	return st_modify(e, &attr, 0);
}

static int st_to_init(struct st_end *e)
{
	const struct st_opts *o = &e->pair->o;
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_INIT,
		.port_num = e->port,
		.qkey = ST_QKEY,
		.qp_access_flags = o->no_remote ? 0 : ST_ACCESS_ALL,
	};

	return st_modify(e, &attr, IB_QP_PKEY_INDEX | IB_QP_PORT |
			 (o->type == IB_QPT_UD ? IB_QP_QKEY :
						 IB_QP_ACCESS_FLAGS));
}

/**
 * st_fill_ah_attr() - the address of an end
 * @from: who sends
 * @to: whose address it is
 * @ah: the address; to be given to rdma_destroy_ah_attr()
 *
 * Kernel users give the destination's MAC; the core does not resolve it for
 * them.
 */
void st_fill_ah_attr(struct st_end *from, struct st_end *to,
		     struct rdma_ah_attr *ah)
{
	union ib_gid dgid = to->gid->gid;

	memset(ah, 0, sizeof(*ah));
	ah->type = rdma_ah_find_type(from->dev, from->port);
	rdma_ah_set_port_num(ah, from->port);
	rdma_hold_gid_attr(from->gid);
	rdma_move_grh_sgid_attr(ah, &dgid, 0, 64, 0, from->gid);
	ether_addr_copy(ah->roce.dmac, to->mac);
}

static int st_to_rtr(struct st_end *e, struct st_end *to, u32 dest_qpn)
{
	const struct st_opts *o = &e->pair->o;
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTR,
		.path_mtu = min(e->mtu, to->mtu),
		.dest_qp_num = dest_qpn,
		.rq_psn = 0x123456,
		.max_dest_rd_atomic = o->rd_atomic,
		.min_rnr_timer = 12,	/* 0.64 ms */
	};
	int ret;

	if (o->type == IB_QPT_UD)
		return st_modify(e, &attr, 0);
	st_fill_ah_attr(e, to, &attr.ah_attr);
	ret = st_modify(e, &attr, IB_QP_AV | IB_QP_PATH_MTU | IB_QP_DEST_QPN |
			IB_QP_RQ_PSN |
			(o->type == IB_QPT_UC ? 0 : IB_QP_MAX_DEST_RD_ATOMIC |
						    IB_QP_MIN_RNR_TIMER));
	rdma_destroy_ah_attr(&attr.ah_attr);
	return ret;
}

static int st_to_rts(struct st_end *e)
{
	const struct st_opts *o = &e->pair->o;
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTS,
		.sq_psn = 0x123456,
		.timeout = o->timeout,
		.retry_cnt = o->retries,
		.rnr_retry = o->rnr_retries,
		.max_rd_atomic = o->rd_atomic,
	};

	if (o->type != IB_QPT_RC)
		return st_modify(e, &attr, IB_QP_SQ_PSN);
	return st_modify(e, &attr, IB_QP_SQ_PSN | IB_QP_TIMEOUT |
			 IB_QP_RETRY_CNT | IB_QP_RNR_RETRY |
			 IB_QP_MAX_QP_RD_ATOMIC);
}

/**
 * st_connect_to() - connect one end
 * @e: the end, its QP in RESET
 * @dest_qpn: a QP number at the other end's address
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_connect_to(struct st_end *e, u32 dest_qpn)
{
	struct st_end *to = e == &e->pair->a ? &e->pair->b : &e->pair->a;
	int ret;

	ret = st_to_init(e);
	ret = ret ?: st_to_rtr(e, to, dest_qpn);
	return ret ?: st_to_rts(e);
}

/**
 * st_connect_ends() - connect two ends with each other
 * @a: an end, its QP in RESET
 * @b: an end of the same pair or another one, likewise
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_connect_ends(struct st_end *a, struct st_end *b)
{
	int ret;

	ret = st_to_init(a);
	ret = ret ?: st_to_init(b);
	ret = ret ?: st_to_rtr(a, b, b->qp->qp_num);
	ret = ret ?: st_to_rtr(b, a, a->qp->qp_num);
	ret = ret ?: st_to_rts(a);
	return ret ?: st_to_rts(b);
}

/**
 * st_pair_connect() - connect a pair's ends
 * @p: the pair, its QPs in RESET
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_pair_connect(struct st_pair *p)
{
	return st_connect_ends(&p->a, &p->b);
}

static void st_discard_wcs(struct st_end *e)
{
	struct ib_wc wc;

	if (e->pair->o.core_cq && e == &e->pair->b)
		return;
	while (st_verb_poll(e->scq, 1, &wc) > 0)
		;
	while (st_verb_poll(e->rcq, 1, &wc) > 0)
		;
}

/**
 * st_pair_reconnect() - new QPs in place of those in error
 * @p: the pair
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_pair_reconnect(struct st_pair *p)
{
	st_destroy_qp(&p->a);
	st_destroy_qp(&p->b);
	st_discard_wcs(&p->a);
	st_discard_wcs(&p->b);
	if (st_create_qp(&p->a) || st_create_qp(&p->b))
		return -EBADE;
	return st_pair_connect(p);
}

/**
 * st_create_ah() - an address handle
 * @from: the end that it is for
 * @to: the end whose address it is
 *
 * Context: process.
 * Return: the handle, which lives until the case is cleaned up, or NULL after
 * st_fail().
 */
struct ib_ah *st_create_ah(struct st_end *from, struct st_end *to)
{
	struct rdma_ah_attr attr;
	struct ib_ah *ah;

	if (from->nr_ahs == ARRAY_SIZE(from->ahs)) {
		st_fail(from->t, "too many address handles");
		return NULL;
	}
	st_fill_ah_attr(from, to, &attr);
	ah = rdma_create_ah(from->pd, &attr, RDMA_CREATE_AH_SLEEPABLE);
	rdma_destroy_ah_attr(&attr);
	if (IS_ERR(ah)) {
		st_fail(from->t, "create_ah: %ld", PTR_ERR(ah));
		return NULL;
	}
	from->ahs[from->nr_ahs++] = ah;
	return ah;
}

/**
 * st_mr_alloc() - a region for fast registration
 * @e: the end whose PD it is in
 * @pages: how many it can have
 *
 * Context: process.
 * Return: the region, which lives until the case is cleaned up, or NULL after
 * st_fail().
 */
struct st_mr *st_mr_alloc(struct st_end *e, unsigned int pages)
{
	struct st_mr *m;

	m = kzalloc(sizeof(*m), GFP_KERNEL);
	if (!m) {
		st_fail(e->t, "no memory");
		return NULL;
	}
	m->mr = ib_alloc_mr(e->pd, IB_MR_TYPE_MEM_REG, pages);
	if (IS_ERR(m->mr)) {
		st_fail(e->t, "alloc_mr: %ld", PTR_ERR(m->mr));
		kfree(m);
		return NULL;
	}
	list_add(&m->list, &e->mrs);
	return m;
}

/**
 * st_mr_dereg() - deregister a region now
 * @e: its end
 * @m: the region; @m itself lives on until the case is cleaned up
 *
 * Context: process.
 * Return: 0, or an error after st_fail().
 */
int st_mr_dereg(struct st_end *e, struct st_mr *m)
{
	int ret = m->mr ? ib_dereg_mr(m->mr) : 0;

	m->mr = NULL;
	return ret ? st_fail(e->t, "dereg_mr: %d", ret) : 0;
}

static void st_close_end_memory(struct st_end *e)
{
	struct st_buf *b, *nb;
	struct st_sg *s, *ns;
	struct st_mr *m, *nm;

	while (e->nr_ahs)
		rdma_destroy_ah(e->ahs[--e->nr_ahs], RDMA_DESTROY_AH_SLEEPABLE);
	list_for_each_entry_safe(m, nm, &e->mrs, list) {
		st_mr_dereg(e, m);
		list_del(&m->list);
		kfree(m);
	}
	list_for_each_entry_safe(b, nb, &e->bufs, list)
		st_buf_free(b);
	list_for_each_entry_safe(s, ns, &e->sgs, list)
		st_sg_free(s);
}

static void st_close_end(struct st_end *e)
{
	if (e->srq)
		ib_destroy_srq(e->srq);
	if (e->rcq != e->scq)
		st_destroy_cq(e, &e->rcq);
	st_destroy_cq(e, &e->scq);
	if (e->pd && !(e->pair->o.shared_pd && e == &e->pair->b))
		ib_dealloc_pd(e->pd);
	st_put_gid(e);
}

/**
 * st_fixture_cleanup() - close all that a case has opened
 * @t: the case
 */
void st_fixture_cleanup(struct st_test *t)
{
	struct st_pair *p, *n;

	list_for_each_entry(p, &t->pairs, list) {
		st_destroy_qp(&p->a);
		st_destroy_qp(&p->b);
	}
	list_for_each_entry(p, &t->pairs, list) {
		st_close_end_memory(&p->a);
		st_close_end_memory(&p->b);
	}
	list_for_each_entry_safe(p, n, &t->pairs, list) {
		st_close_end(&p->b);
		st_close_end(&p->a);
		kfree(p);
	}
	INIT_LIST_HEAD(&t->pairs);
}
