/* SPDX-License-Identifier: GPL-2.0 */
/*
 * datacheck's sender: posts the operations of a batch, takes their completions, and
 * compares its memory, into which reads and atomics have written and nothing else.
 */
#ifndef DATACHECK_SEND_H
#define DATACHECK_SEND_H

#include "datacheck_flow.h"

static const enum ibv_wr_opcode wr_opcodes[NR_KINDS] = {
	[SEND] = IBV_WR_SEND, [SEND_IMM] = IBV_WR_SEND_WITH_IMM,
	[WRITE] = IBV_WR_RDMA_WRITE, [WRITE_IMM] = IBV_WR_RDMA_WRITE_WITH_IMM,
	[READ] = IBV_WR_RDMA_READ, [FETCH_ADD] = IBV_WR_ATOMIC_FETCH_AND_ADD,
	[CMP_SWAP] = IBV_WR_ATOMIC_CMP_AND_SWP,
};
static const enum ibv_wc_opcode wc_opcodes[NR_KINDS] = {
	[SEND] = IBV_WC_SEND, [SEND_IMM] = IBV_WC_SEND,
	[WRITE] = IBV_WC_RDMA_WRITE, [WRITE_IMM] = IBV_WC_RDMA_WRITE,
	[READ] = IBV_WC_RDMA_READ, [FETCH_ADD] = IBV_WC_FETCH_ADD,
	[CMP_SWAP] = IBV_WC_COMP_SWAP,
};

/* The message's source: inline data is taken with the post, and is scribbled over. */
static inline void source_of(const struct sender *s, uint32_t i, bool posted)
{
	const struct op *op = &s->batch.op[i];

	pattern(message, op->len, op->key ^ (posted && s->inlined[i]));
}

static inline void sender_lay_out(struct side *side, struct rng *rng)
{
	struct sender *s = &side->sender;
	uint32_t i, at = ARENA_EDGE + below(rng, 64);

	s->key = next(rng);
	for (i = 0; i < s->batch.ops; i++) {
		const struct op *op = &s->batch.op[i];

		s->inlined[i] = carries_data(op) && one_in(rng, 2) &&
				op->len <= MY(side).inlined;
		s->signaled[i] = i + 1 == s->batch.ops || one_in(rng, 3);
		if (is_atomic(op))
			at = (at + 7) & ~7u;
		lay_out(rng, &s->pieces[i], op->len,
			is_atomic(op) ? 1 : MY(side).send_sge, &at);
	}
	s->span = span_of(at);
	pattern(s->arena.buf, s->span, s->key);
	for (i = 0; i < s->batch.ops; i++) {
		if (!carries_data(&s->batch.op[i]))
			continue;
		source_of(s, i, false);
		scatter(s->arena.buf, &s->pieces[i], message,
			s->batch.op[i].len);
	}
}

static inline void sender_request(struct side *side, struct rng *rng, uint32_t i,
				  struct ibv_send_wr *wr, struct ibv_sge *sge)
{
	struct flow_wire *wire = &shared->flow[flow_out(side)];
	struct sender *s = &side->sender;
	const struct op *op = &s->batch.op[i];
	uint64_t remote = wire->target + op->offset;
	uint32_t rkey = wire->rkey[below(rng, NR_REGIONS)];

	*wr = (struct ibv_send_wr) {
		.wr_id = (uint64_t)side->number << 32 | s->number << 8 | i,
		.sg_list = sge,
		.num_sge = sges_of(rng, sge, &s->pieces[i], &s->arena),
		.opcode = wr_opcodes[op->kind],
		.send_flags = (s->signaled[i] ? IBV_SEND_SIGNALED : 0) |
			      (s->inlined[i] ? IBV_SEND_INLINE : 0) |
			      (op->fence && side->conn->type == RC ?
				IBV_SEND_FENCE : 0),
		.imm_data = htonl(op->imm),
	};
	if (side->conn->type == UD) {
		wr->wr.ud.ah = side->ah;
		wr->wr.ud.remote_qkey = QKEY;
		wr->wr.ud.remote_qpn = shared->side[side->number ^ 1].qpn;
	} else if (is_atomic(op)) {
		wr->wr.atomic.remote_addr = remote;
		wr->wr.atomic.rkey = rkey;
		wr->wr.atomic.compare_add = op->kind == FETCH_ADD ? op->add :
								   op->compare;
		wr->wr.atomic.swap = op->add;
	} else if (!takes_receive(op) || op->kind == WRITE_IMM) {
		wr->wr.rdma.remote_addr = remote;
		wr->wr.rdma.rkey = rkey;
	}
}

/* Several requests in one post, or one. */
static inline void sender_post(struct side *side, struct rng *rng)
{
	static struct ibv_sge sges[MOST_OPS][MOST_SGE];
	static struct ibv_send_wr wrs[MOST_OPS];
	struct sender *s = &side->sender;
	struct ibv_send_wr *bad;
	uint32_t i, first = 0;

	if (s->number == CORRUPT_BATCH && !strcmp(corrupt, "lost") &&
	    s->batch.ops > 1 && takes_receive(&s->batch.op[0])) {
		printf("# connection %u, side %u: batch %u goes without its first message\n",
		       side->number / 2, side->number & 1, s->number);
		s->signaled[0] = false;
		first = 1;
	}
	for (i = first; i < s->batch.ops; i++) {
		sender_request(side, rng, i, &wrs[i], sges[i]);
		if (i > first)
			wrs[i - 1].next = &wrs[i];
		if (i + 1 < s->batch.ops && !one_in(rng, 3))
			continue;
		if (ibv_post_send(side->qp, &wrs[first], &bad))
			wrong(side, s->number, "a post fails: %s",
			      strerror(errno));
		first = i + 1;
	}
	for (i = 0; i < s->batch.ops; i++) {
		if (!s->inlined[i])
			continue;
		source_of(s, i, true);
		scatter(s->arena.buf, &s->pieces[i], message,
			s->batch.op[i].len);
	}
}

static inline bool sender_begin(struct side *side)
{
	struct flow_wire *wire = &shared->flow[flow_out(side)];
	struct sender *s = &side->sender;
	struct rng rng;

	if (atomic_load(&wire->ready) != s->number + 1)
		return false;
	if (atomic_load(&shared->stop)) {
		atomic_store(&wire->finished, 1);
		return false;
	}
	s->number++;
	s->running = true;
	s->next = 0;
	plan_batch(seed, flow_out(side), s->number,
		   powers_of(side, flow_out(side)), &s->batch);
	execute(&s->batch, model, returned);
	rng = rng_for(seed, flow_out(side), s->number, 2);
	renew(&rng, &s->arena);
	sender_lay_out(side, &rng);
	sender_post(side, &rng);
	return true;
}

static inline void sender_compare(struct side *side)
{
	struct sender *s = &side->sender;
	const uint8_t *brought = returned;
	uint32_t i;

	execute(&s->batch, model, returned);
	pattern(model, s->span, s->key);
	for (i = 0; i < s->batch.ops; i++) {
		const struct op *op = &s->batch.op[i];

		if (carries_data(op)) {
			source_of(s, i, true);
			scatter(model, &s->pieces[i], message, op->len);
		} else if (op->kind == READ) {
			scatter(model, &s->pieces[i], brought, op->len);
			brought += op->len;
		} else {
			scatter(model, &s->pieces[i],
				(const uint8_t *)&op->before, op->len);
		}
	}
	compare(side, s->number, "sender", &s->arena, 0, s->span);
}

static inline void sender_count(struct side *side)
{
	struct totals *t = &shared->totals;
	struct sender *s = &side->sender;
	int type = side->conn->type;
	uint32_t i;

	for (i = 0; i < s->batch.ops; i++) {
		atomic_fetch_add(&t->ops[type][s->batch.op[i].kind], 1);
		atomic_fetch_add(&t->bytes[type], s->batch.op[i].len);
		atomic_fetch_add(&t->inlined, s->inlined[i]);
	}
	atomic_fetch_add(&t->batches[type], 1);
}

/* A completion of the send queue: that of the next request which is signaled. */
static inline void sender_completion(struct side *side, const struct ibv_wc *wc)
{
	struct sender *s = &side->sender;
	const struct op *op;

	if (!s->running)
		wrong(side, s->number, "a completion (%#llx) when none is due",
		      (unsigned long long)wc->wr_id);
	if (wc->status != IBV_WC_SUCCESS)
		wrong(side, s->number, "request %#llx: %s",
		      (unsigned long long)wc->wr_id,
		      ibv_wc_status_str(wc->status));
	while (!s->signaled[s->next])
		s->next++;
	op = &s->batch.op[s->next];
	if (wc->wr_id != ((uint64_t)side->number << 32 | s->number << 8 | s->next))
		wrong(side, s->number, "request %#llx has completed, %u is next",
		      (unsigned long long)wc->wr_id, s->next);
	if (wc->opcode != wc_opcodes[op->kind])
		wrong(side, s->number, "a %s completes with opcode %d",
		      kind_name[op->kind], wc->opcode);
	if (++s->next < s->batch.ops)
		return;
	s->running = false;
	sender_compare(side);
	sender_count(side);
	atomic_store(&shared->flow[flow_out(side)].done, s->number);
}

#endif /* DATACHECK_SEND_H */
