/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What datacheck's flows do, from the seed: which operations a batch has, how long
 * they are, where they go and which bytes they carry. Both sides of a flow work
 * it out for themselves and so know what has to arrive; nothing here touches a
 * device.
 */
#ifndef DATACHECK_PLAN_H
#define DATACHECK_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARENA_SIZE	(5u << 19)	/* 2.5 MiB */
#define ARENA_EDGE	64		/* never used, at both its ends */
#define MOST_OPS	16		/* of a batch */
#define MOST_BYTES	(9u << 17)	/* of one: more than 1 MiB */
#define SRQ_BYTES	8192		/* of a buffer in an SRQ, at least */
#define AROUND		4096		/* compared behind what is used */
#define ATOMIC_WORDS	4

/* Random numbers (splitmix64). */

struct rng {
	uint64_t state;
};

static inline uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static inline uint64_t next(struct rng *rng)
{
	rng->state += 0x9e3779b97f4a7c15ull;
	return mix(rng->state);
}

/* 0 <= x < n */
static inline uint32_t below(struct rng *rng, uint32_t n)
{
	return (next(rng) >> 32) % n;
}

static inline bool one_in(struct rng *rng, uint32_t n)
{
	return !below(rng, n);
}

/* A generator of its own for each purpose. */
static inline struct rng rng_for(uint64_t seed, uint32_t flow, uint32_t batch,
				 uint32_t purpose)
{
	return (struct rng) { mix(mix(seed ^ (uint64_t)purpose << 56) ^
				  ((uint64_t)flow << 32 | batch)) };
}

/* Bytes. */

/* Each run of 8 bytes differs, in what is one message and between messages. */
static inline void pattern(uint8_t *to, size_t len, uint64_t key)
{
	uint64_t word, i;

	for (i = 0; i + 8 <= len; i += 8) {
		word = (key + i) * 0x9e3779b97f4a7c15ull;
		word ^= word >> 29;
		memcpy(to + i, &word, 8);
	}
	word = (key + i) * 0x9e3779b97f4a7c15ull;
	word ^= word >> 29;
	memcpy(to + i, &word, len - i);
}

/* Operations. */

enum kind {
	SEND, SEND_IMM, WRITE, WRITE_IMM, READ, FETCH_ADD, CMP_SWAP, NR_KINDS
};

static const char * const kind_name[NR_KINDS] = {
	"send", "send with imm", "write", "write with imm", "read",
	"fetch and add", "compare and swap",
};

/*
 * One operation. @offset is that in the target; a read takes what is there, an
 * atomic changes 8 bytes. @key is the pattern that is sent; @add and @compare are
 * the atomic's words, @before what has to come back; @hit: a swap finds what it
 * compares with.
 */
struct op {
	enum kind kind;
	uint32_t len;
	uint32_t offset;
	uint32_t imm;
	uint64_t key;
	uint64_t add, compare, before;
	bool hit;
	bool fence;
};

/*
 * A batch: its operations are all under way at the same time. @span is
 * how much of the target is filled before and compared afterwards: what is used and
 * more. @late: the buffers for its messages are posted when it has begun.
 */
struct batch {
	uint32_t ops;
	uint32_t receives;
	uint32_t span;
	uint64_t target_key;
	bool zeroed;		/* the target begins as zeroes */
	bool late;
	struct op op[MOST_OPS];
};

/* What a flow may do. */
struct powers {
	bool kinds[NR_KINDS];
	uint32_t most_send;	/* bytes of a message that takes a buffer */
	uint32_t most;		/* bytes of any */
	bool may_be_late;
	bool ends_with_send;	/* which tells that all before it has arrived */
	bool target_on_demand;
};

static inline bool takes_receive(const struct op *op)
{
	return op->kind <= SEND_IMM || op->kind == WRITE_IMM;
}

static inline bool has_imm(const struct op *op)
{
	return op->kind == SEND_IMM || op->kind == WRITE_IMM;
}

static inline bool is_atomic(const struct op *op)
{
	return op->kind == FETCH_ADD || op->kind == CMP_SWAP;
}

static inline bool is_write(const struct op *op)
{
	return op->kind == WRITE || op->kind == WRITE_IMM;
}

static inline bool carries_data(const struct op *op)
{
	return op->kind <= WRITE_IMM;
}

/* Small ones, the edges of pages and packets, large ones. */
static inline uint32_t plan_length(struct rng *rng, uint32_t most)
{
	uint32_t len;

	switch (below(rng, 16)) {
	case 0:
		len = below(rng, 3);
		break;
	case 1 ... 5:
		len = 1 + below(rng, 300);
		break;
	case 6 ... 7:
		len = (1 + below(rng, 16)) * 256 - 1 + below(rng, 3);
		break;
	case 8 ... 10:
		len = (1 + below(rng, 8)) * 4096 - 1 + below(rng, 3);
		break;
	case 11 ... 13:
		len = 1 + below(rng, 20000);
		break;
	case 14:
		len = 1 + below(rng, 200000);
		break;
	default:
		len = (1u << 20) - 2 + below(rng, 4000);
	}
	return len > most ? below(rng, most + 1) : len;
}

/* The bytes of the target as they are before the batch. */
static inline void target_before(uint8_t *to, size_t len, uint64_t key,
				 bool zeroed)
{
	if (zeroed)
		memset(to, 0, len);
	else
		pattern(to, len, key);
}

/* Let the read @i be of what a write before it has written. */
static inline bool plan_read_again(struct rng *rng, struct batch *b, uint32_t i,
				   uint32_t left)
{
	uint32_t j;

	for (j = i; j-- > 0;) {
		if (!is_write(&b->op[j]) || b->op[j].len > left ||
		    one_in(rng, 2))
			continue;
		b->op[i].len = b->op[j].len;
		b->op[i].offset = b->op[j].offset;
		return true;
	}
	return false;
}

/*
 * plan_batch - what a batch does
 *
 * A place is written once, but an atomic's; what is read was there before or is
 * written before, and so does not depend on how far the responder is. Atomics use
 * the first words, which nothing else does.
 */
static inline void plan_batch(uint64_t seed, uint32_t flow, uint32_t number,
			      const struct powers *powers, struct batch *b)
{
	struct rng rng = rng_for(seed, flow, number, 1);
	uint32_t left = MOST_BYTES + MOST_BYTES / 4, at, i;

	memset(b, 0, sizeof(*b));
	b->ops = 1 + below(&rng, MOST_OPS);
	b->target_key = next(&rng);
	b->zeroed = powers->target_on_demand && one_in(&rng, 2);
	b->late = powers->may_be_late && one_in(&rng, 32);
	at = ARENA_EDGE + 8 * ATOMIC_WORDS;
	for (i = 0; i < b->ops; i++) {
		struct op *op = &b->op[i];
		uint32_t most = powers->most;

		do
			op->kind = below(&rng, NR_KINDS);
		while (!powers->kinds[op->kind]);
		if (powers->ends_with_send && i + 1 == b->ops)
			op->kind = SEND_IMM;
		if (op->kind <= SEND_IMM)
			most = powers->most_send;
		op->len = plan_length(&rng, most < left ? most : left);
		op->imm = next(&rng);
		op->key = next(&rng);
		op->fence = one_in(&rng, 8);
		if (is_atomic(op)) {
			op->len = 8;
			op->offset = ARENA_EDGE + 8 * below(&rng, ATOMIC_WORDS);
			op->add = next(&rng);
			op->hit = !one_in(&rng, 3);
		} else if (is_write(op) ||
			   (op->kind == READ &&
			    !plan_read_again(&rng, b, i, left))) {
			at += below(&rng, 100);
			op->offset = at;
			at += op->len;
		}
		left -= op->len < left ? op->len : left;
		b->receives += takes_receive(op);
	}
	b->span = at + AROUND;
	if (b->span > ARENA_SIZE || one_in(&rng, 16))
		b->span = ARENA_SIZE;
}

/*
 * execute - a batch's target afterwards
 * @model: gets the target's first @b->span bytes
 * @returned: gets what the reads have to bring, in their order
 */
static inline void execute(struct batch *b, uint8_t *model, uint8_t *returned)
{
	uint64_t word;
	uint32_t i;

	target_before(model, b->span, b->target_key, b->zeroed);
	for (i = 0; i < b->ops; i++) {
		struct op *op = &b->op[i];
		uint8_t *at = model + op->offset;

		if (is_write(op)) {
			pattern(at, op->len, op->key);
		} else if (op->kind == READ) {
			memcpy(returned, at, op->len);
			returned += op->len;
		} else if (is_atomic(op)) {
			memcpy(&op->before, at, 8);
			op->compare = op->hit ? op->before : ~op->before;
			word = op->kind == FETCH_ADD ? op->before + op->add :
				op->hit ? op->add : op->before;
			memcpy(at, &word, 8);
		}
	}
}

#endif /* DATACHECK_PLAN_H */
