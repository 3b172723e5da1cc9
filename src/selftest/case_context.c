// SPDX-License-Identifier: GPL-2.0
/*
 * Cases: the contexts in which ULPs map, post and poll: interrupts disabled,
 * hard and soft interrupts, and the completion handler itself. Both CQs are
 * armed, so a handler that is called from inside a post or a poll is found.
 */
#include <linux/delay.h>
#include <linux/irq_work.h>
#include <linux/irqflags.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "fixture.h"
#include "runner.h"
#include "verbs.h"

#define ST_ROUNDS	40

struct st_ctx {
	struct st_pair *p;
	struct st_buf *src;
	struct st_buf *dst;
	struct irq_work irq_work;
	struct timer_list timer;
	struct completion done;
	int ret;
};

static int st_ctx_open(struct st_test *t, struct st_ctx *c)
{
	memset(c, 0, sizeof(*c));
	c->p = st_pair_open(t, NULL);
	if (!c->p)
		return -EBADE;
	c->src = st_buf_unmapped(&c->p->a, 5000, 1);
	c->dst = st_buf_unmapped(&c->p->b, 5000, 2);
	init_completion(&c->done);
	return c->src && c->dst ? 0 : -EBADE;
}

static int st_ctx_arm(struct st_ctx *c)
{
	if (ib_req_notify_cq(c->p->a.scq, IB_CQ_NEXT_COMP) < 0 ||
	    ib_req_notify_cq(c->p->b.rcq, IB_CQ_NEXT_COMP) < 0)
		return st_fail(c->p->a.t, "req_notify_cq failed");
	return 0;
}

/* What the context at hand has to allow: mapping, posting, polling. */
static int st_ctx_post(struct st_ctx *c)
{
	struct st_pair *p = c->p;
	struct ib_wc wc;
	int ret;

	ret = st_buf_map(c->src, DMA_TO_DEVICE);
	ret = ret ?: st_buf_map(c->dst, DMA_FROM_DEVICE);
	ret = ret ?: st_recv_buf(&p->b, 1, c->dst, 5000);
	ret = ret ?: st_ctx_arm(c);
	ret = ret ?: st_send_buf(&p->a, 2, c->src, 5000);
	if (!ret && st_verb_poll(p->a.rcq, 1, &wc))
		ret = st_fail(p->a.t, "a completion from nowhere");
	return ret;
}

static int st_ctx_finish(struct st_ctx *c)
{
	struct st_pair *p = c->p;

	if (c->ret || st_want_sent(&p->a, 2, IB_WC_SEND) ||
	    st_want_received(&p->b, 1, 5000, NULL))
		return -EBADE;
	return st_buf_want(c->dst, p->a.t->seed, 5000);
}

static void st_ctx_unmap(struct st_ctx *c)
{
	st_buf_unmap(c->src);
	st_buf_unmap(c->dst);
}

static int case_ctx_irqs_disabled(struct st_test *t)
{
	unsigned long flags;
	struct st_ctx c;
	int i;

	if (st_ctx_open(t, &c))
		return -EBADE;
	for (i = 0; i < ST_ROUNDS; i++) {
		st_buf_fill(c.src, ++t->seed);
		local_irq_save(flags);
		c.ret = st_ctx_post(&c);
		/* Time for another CPU to complete it. */
		udelay(20);
		local_irq_restore(flags);
		if (st_ctx_finish(&c))
			return -EBADE;
		local_irq_save(flags);
		st_ctx_unmap(&c);
		local_irq_restore(flags);
		/* The event may come after the completion has been seen. */
		if (!wait_event_timeout(c.p->b.event_wait,
					atomic_read(&c.p->b.rcq_events) > i,
					msecs_to_jiffies(ST_TIMEOUT_MS)))
			return st_fail(t, "no event in round %d", i);
	}
	return 0;
}

static void st_ctx_irq(struct irq_work *work)
{
	struct st_ctx *c = container_of(work, struct st_ctx, irq_work);

	if (c->src->mapped)
		st_ctx_unmap(c);
	c->ret = in_hardirq() ? st_ctx_post(c) :
				st_fail(c->p->a.t, "not a hard interrupt");
}

static int case_ctx_hard_interrupt(struct st_test *t)
{
	struct st_ctx c;
	int i;

	if (st_ctx_open(t, &c))
		return -EBADE;
	init_irq_work(&c.irq_work, st_ctx_irq);
	for (i = 0; i < ST_ROUNDS; i++) {
		st_buf_fill(c.src, ++t->seed);
		irq_work_queue(&c.irq_work);
		irq_work_sync(&c.irq_work);
		if (st_ctx_finish(&c))
			return -EBADE;
	}
	return 0;
}

static void st_ctx_timer(struct timer_list *timer)
{
	struct st_ctx *c = container_of(timer, struct st_ctx, timer);

	if (c->src->mapped)
		st_ctx_unmap(c);
	c->ret = st_ctx_post(c);
	complete(&c->done);
}

static int case_ctx_timer(struct st_test *t)
{
	struct st_ctx *c;
	int i, ret;

	c = kzalloc(sizeof(*c), GFP_KERNEL);
	if (!c)
		return st_fail(t, "no memory");
	ret = st_ctx_open(t, c);
	timer_setup(&c->timer, st_ctx_timer, 0);
	for (i = 0; i < ST_ROUNDS && !ret; i++) {
		st_buf_fill(c->src, ++t->seed);
		mod_timer(&c->timer, jiffies + 1);
		wait_for_completion(&c->done);
		ret = st_ctx_finish(c);
	}
	timer_delete_sync(&c->timer);
	kfree(c);
	return ret;
}

/* b's handler answers each message, as ULPs do that have no thread. */
struct st_echo {
	struct st_buf *b;
	int echoed;
};

static void st_echo_handler(struct st_end *e)
{
	struct st_echo *echo = e->ctx;
	struct ib_wc wc;

	do {
		while (st_verb_poll(e->rcq, 1, &wc) > 0) {
			if (wc.status)
				return;
			echo->echoed++;
			if (st_recv_buf(e, 1, echo->b, echo->b->len) ||
			    st_post_send(e, 2, NULL, 0, IB_SEND_SIGNALED))
				return;
			while (st_verb_poll(e->scq, 1, &wc) > 0)
				;
		}
	} while (ib_req_notify_cq(e->rcq, IB_CQ_NEXT_COMP |
				  IB_CQ_REPORT_MISSED_EVENTS) > 0);
}

static int case_ctx_post_from_handler(struct st_test *t)
{
	struct st_pair *p = st_pair_open(t, NULL);
	struct st_echo echo = {};
	struct st_buf *src;
	int i, ret = 0;

	if (!p)
		return -EBADE;
	src = st_buf_new(&p->a, 3000, 1, DMA_TO_DEVICE);
	echo.b = st_buf_new(&p->b, 3000, 2, DMA_FROM_DEVICE);
	if (!src || !echo.b)
		return -EBADE;
	st_buf_fill(src, ++t->seed);
	p->b.ctx = &echo;
	p->b.on_rcq = st_echo_handler;
	if (st_recv_buf(&p->b, 1, echo.b, 3000) ||
	    ib_req_notify_cq(p->b.rcq, IB_CQ_NEXT_COMP))
		return st_fail(t, "arming failed");
	for (i = 0; i < 300 && !ret; i++) {
		ret = st_post_recv(&p->a, 1, NULL, 0);
		ret = ret ?: st_send_buf(&p->a, 2, src, 3000);
		ret = ret ?: st_want_sent(&p->a, 2, IB_WC_SEND);
		ret = ret ?: st_want_received(&p->a, 1, 0, NULL);
	}
	/* Ends the handler's use of what is on this stack. */
	st_fixture_cleanup(t);
	if (!ret && echo.echoed != 300)
		ret = st_fail(t, "%d echoes", echo.echoed);
	return ret;
}

static const struct st_case st_context_cases[] = {
	{ "ctx_irqs_disabled", case_ctx_irqs_disabled },
	{ "ctx_hard_interrupt", case_ctx_hard_interrupt },
	{ "ctx_timer", case_ctx_timer },
	{ "ctx_post_from_handler", case_ctx_post_from_handler },
};

ST_SUITE(st_context_suite, st_context_cases);
