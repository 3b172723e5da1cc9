/* SPDX-License-Identifier: GPL-2.0 */
/*
 * datacheck's receiver: has the target of a batch and the buffers for its messages,
 * of its own or of an SRQ, and compares all of it with what the plan says.
 */
#ifndef DATACHECK_RECEIVE_H
#define DATACHECK_RECEIVE_H

#include "datacheck_flow.h"

/* An SRQ, and its buffers: each in a slot of the pool's arena. */
#define SLOT_SIZE	16384
#define NR_SLOTS	(ARENA_SIZE / SLOT_SIZE)
#define MOST_SRQ_SGE	16

struct pool {
	struct ibv_srq *srq;
	struct arena arena;
	struct rng rng;
	uint32_t sge;
	struct slot {
		struct pieces pieces;
		uint64_t key;
	} slot[NR_SLOTS];
};

static inline void pool_post(struct pool *pool, uint32_t n)
{
	struct slot *slot = &pool->slot[n];
	struct ibv_sge sge[MOST_SRQ_SGE];
	struct ibv_recv_wr *bad, wr = { .wr_id = n, .sg_list = sge };
	uint32_t at = n * SLOT_SIZE + ARENA_EDGE + below(&pool->rng, 64);

	slot->key = next(&pool->rng);
	pattern(pool->arena.buf + n * SLOT_SIZE, SLOT_SIZE, slot->key);
	lay_out(&pool->rng, &slot->pieces,
		SRQ_BYTES + GRH_BYTES + below(&pool->rng, 1000), pool->sge, &at);
	wr.num_sge = sges_of(&pool->rng, sge, &slot->pieces, &pool->arena);
	if (ibv_post_srq_recv(pool->srq, &wr, &bad))
		bail("no post to the SRQ");
}

static inline struct pool *pool_open(struct device *dev, struct ibv_pd *pd,
				     enum memory memory, struct rng *rng)
{
	struct pool *pool = calloc(1, sizeof(*pool));
	struct ibv_srq_init_attr init = { .attr.max_wr = NR_SLOTS };
	uint32_t i, most = dev->attr.max_srq_sge;

	pool->rng = *rng;
	pool->sge = most < MOST_SRQ_SGE ? most : MOST_SRQ_SGE;
	init.attr.max_sge = pool->sge;
	pool->srq = ibv_create_srq(pd, &init);
	if (!pool->srq)
		bail("no SRQ");
	arena_open(&pool->arena, pd, memory, IBV_ACCESS_LOCAL_WRITE);
	for (i = 0; i < NR_SLOTS; i++)
		pool_post(pool, i);
	return pool;
}

static inline void pool_close(struct pool *pool)
{
	if (ibv_destroy_srq(pool->srq))
		bail("the SRQ does not go");
	arena_close(&pool->arena);
	free(pool);
}

/* The first bytes of a message that is there: those of a datagram are the GRH. */
static inline void gather(uint8_t *to, const struct arena *arena,
			  const struct pieces *pieces, uint32_t len)
{
	uint32_t i, n;

	for (i = 0; i < pieces->n && len; i++) {
		n = pieces->len[i] < len ? pieces->len[i] : len;
		memcpy(to, arena->buf + pieces->at[i], n);
		to += n;
		len -= n;
	}
}

/* Put a received message into the model of its arena. */
static inline void received_message(const struct side *side, const struct op *op,
				    const struct arena *arena,
				    const struct pieces *pieces)
{
	uint32_t grh = side->conn->type == UD ? GRH_BYTES : 0;

	if (op->kind == WRITE_IMM)
		return;
	gather(message, arena, pieces, grh);
	pattern(message + grh, op->len, op->key);
	scatter(model, pieces, message, grh + op->len);
}

static inline void pool_compare(const struct side *side, const struct op *op,
				uint32_t n)
{
	struct pool *pool = side->host->pool;
	struct slot *slot = &pool->slot[n];

	pattern(model + n * SLOT_SIZE, SLOT_SIZE, slot->key);
	received_message(side, op, &pool->arena, &slot->pieces);
	compare(side, side->receiver.number, "SRQ", &pool->arena,
		n * SLOT_SIZE, (n + 1) * SLOT_SIZE);
	pool_post(pool, n);
	atomic_fetch_add(&shared->totals.srq, 1);
}

/* Buffers of its own. */

static inline void receiver_lay_out(struct side *side, struct rng *rng)
{
	struct receiver *r = &side->receiver;
	uint32_t i, len, at = ARENA_EDGE + below(rng, 64);

	r->key = next(rng);
	for (i = 0; i < r->batch.ops; i++) {
		const struct op *op = &r->batch.op[i];

		if (!takes_receive(op))
			continue;
		len = op->kind == WRITE_IMM ? 0 : op->len;
		len += side->conn->type == UD ? GRH_BYTES : 0;
		len += one_in(rng, 2) ? 0 : below(rng, 500);
		lay_out(rng, &r->pieces[i], len, MY(side).recv_sge, &at);
	}
	r->span = span_of(at);
	pattern(r->arena.buf, r->span, r->key);
}

static inline void receiver_post(struct side *side, struct rng *rng)
{
	static struct ibv_sge sges[MOST_OPS][MOST_SGE];
	static struct ibv_recv_wr wrs[MOST_OPS];
	struct receiver *r = &side->receiver;
	struct ibv_recv_wr *bad, **link, *first = NULL;
	uint32_t i;

	r->posted = true;
	for (i = 0, link = &first; i < r->batch.ops; i++) {
		if (!takes_receive(&r->batch.op[i]))
			continue;
		wrs[i] = (struct ibv_recv_wr) {
			.wr_id = (uint64_t)side->number << 32 |
				 r->number << 8 | i,
			.sg_list = sges[i],
			.num_sge = sges_of(rng, sges[i], &r->pieces[i],
					   &r->arena),
		};
		*link = &wrs[i];
		link = &wrs[i].next;
	}
	if (first && ibv_post_recv(side->qp, first, &bad))
		wrong(side, r->number, "a receive is not taken: %s",
		      strerror(errno));
}

static inline void receiver_publish(struct side *side)
{
	struct flow_wire *wire = &shared->flow[flow_in(side)];
	struct receiver *r = &side->receiver;
	int i;

	wire->target = (uintptr_t)r->target.buf;
	for (i = 0; i < NR_REGIONS; i++)
		wire->rkey[i] = r->target.mr[i]->rkey;
	atomic_store(&wire->ready, r->number);
}

static inline void receiver_begin(struct side *side)
{
	struct receiver *r = &side->receiver;
	struct rng rng;

	r->number++;
	r->running = true;
	r->next = r->received = 0;
	r->since = 0;
	plan_batch(seed, flow_in(side), r->number,
		   powers_of(side, flow_in(side)), &r->batch);
	rng = rng_for(seed, flow_in(side), r->number, 3);
	renew(&rng, &r->target);
	if (!r->batch.zeroed)
		target_before(r->target.buf, r->batch.span,
			      r->batch.target_key, false);
	r->posted = MY(side).srq;
	if (!MY(side).srq) {
		renew(&rng, &r->arena);
		receiver_lay_out(side, &rng);
		if (!r->batch.late)
			receiver_post(side, &rng);
		else
			atomic_fetch_add(&shared->totals.late, 1);
	}
	receiver_publish(side);
}

static inline void receiver_compare(struct side *side)
{
	struct receiver *r = &side->receiver;
	uint32_t i;

	execute(&r->batch, model, returned);
	compare(side, r->number, "target", &r->target, 0, r->batch.span);
	if (MY(side).srq)
		return;
	pattern(model, r->span, r->key);
	for (i = 0; i < r->batch.ops; i++)
		if (takes_receive(&r->batch.op[i]))
			received_message(side, &r->batch.op[i], &r->arena,
					 &r->pieces[i]);
	compare(side, r->number, "receiver", &r->arena, 0, r->span);
}

static inline void receiver_check_wc(const struct side *side, const struct op *op,
				     const struct ibv_wc *wc)
{
	uint32_t batch = side->receiver.number, len = op->len;
	enum ibv_wc_opcode opcode = op->kind == WRITE_IMM ?
			IBV_WC_RECV_RDMA_WITH_IMM : IBV_WC_RECV;

	if (side->conn->type == UD)
		len += GRH_BYTES;
	if (wc->opcode != opcode || wc->byte_len != len)
		wrong(side, batch, "a %s of %u bytes came as opcode %d, %u bytes",
		      kind_name[op->kind], len, wc->opcode, wc->byte_len);
	if (!!(wc->wc_flags & IBV_WC_WITH_IMM) != has_imm(op) ||
	    (has_imm(op) && wc->imm_data != htonl(op->imm)))
		wrong(side, batch, "a %s came with flags %#x, imm %#x, not %#x",
		      kind_name[op->kind], wc->wc_flags, ntohl(wc->imm_data),
		      op->imm);
	if (side->conn->type == UD &&
	    (!(wc->wc_flags & IBV_WC_GRH) ||
	     wc->src_qp != shared->side[side->number ^ 1].qpn))
		wrong(side, batch, "a datagram came with flags %#x from QP %u",
		      wc->wc_flags, wc->src_qp);
}

static inline void receiver_completion(struct side *side, const struct ibv_wc *wc)
{
	struct receiver *r = &side->receiver;
	const struct op *op;

	if (!r->running || r->received == r->batch.receives)
		wrong(side, r->number, "a message has come (%#llx) when none is due",
		      (unsigned long long)wc->wr_id);
	if (wc->status != IBV_WC_SUCCESS)
		wrong(side, r->number, "receive %#llx: %s",
		      (unsigned long long)wc->wr_id,
		      ibv_wc_status_str(wc->status));
	while (!takes_receive(&r->batch.op[r->next]))
		r->next++;
	op = &r->batch.op[r->next];
	receiver_check_wc(side, op, wc);
	if (MY(side).srq)
		pool_compare(side, op, wc->wr_id);
	else if (wc->wr_id !=
		 ((uint64_t)side->number << 32 | r->number << 8 | r->next))
		wrong(side, r->number, "receive %#llx has completed, %u is next",
		      (unsigned long long)wc->wr_id, r->next);
	r->next++;
	r->received++;
}

/* True if something has happened. */
static inline bool receiver_step(struct side *side)
{
	struct flow_wire *wire = &shared->flow[flow_in(side)];
	struct receiver *r = &side->receiver;

	if (r->closed)
		return false;
	if (!r->running) {
		receiver_begin(side);
		return true;
	}
	if (!r->posted) {
		struct rng rng = rng_for(seed, flow_in(side), r->number, 4);

		sleep_ms(2);
		receiver_post(side, &rng);
		return true;
	}
	if (atomic_load(&wire->done) != r->number) {
		r->closed = atomic_load(&wire->finished);
		return r->closed;
	}
	if (r->received == r->batch.receives) {
		receiver_compare(side);
		r->running = false;
		return true;
	}
	if (!r->since)
		r->since = now_ms();
	else if (now_ms() - r->since > SOON_MS / 2)
		wrong(side, r->number, "%u of %u messages have not come",
		      r->batch.receives - r->received, r->batch.receives);
	return false;
}

#endif /* DATACHECK_RECEIVE_H */
