/* SPDX-License-Identifier: GPL-2.0 */
/*
 * datacheck's two sides of a flow: one that posts a batch's operations and one that
 * has their target and receives. Each compares every byte of its memory, and every
 * word of its completions, with what the plan says.
 *
 * They tell each other by shared memory, which the device has no part in, that the
 * target is ready for a batch and that all of the batch has completed.
 */
#ifndef DATACHECK_FLOW_H
#define DATACHECK_FLOW_H

#include <stdatomic.h>

#include "datacheck_memory.h"
#include "datacheck_plan.h"
#include "verbs_common.h"

#define MOST_SGE	32
#define GRH_BYTES	40
#define NR_TYPES	3

enum { RC, UC, UD };

static const char * const type_name[NR_TYPES] = { "RC", "UC", "UD" };
static const enum ibv_qp_type qp_types[NR_TYPES] = {
	IBV_QPT_RC, IBV_QPT_UC, IBV_QPT_UD,
};

/* Shared by all processes. */

/* A batch is @ready, @done, by its number, which begins with 1. */
struct flow_wire {
	atomic_uint ready, done, finished;
	uint64_t target;
	uint32_t rkey[NR_REGIONS];
};

struct side_wire {
	atomic_uint qpn;
};

struct totals {
	atomic_ullong ops[NR_TYPES][NR_KINDS];
	atomic_ullong bytes[NR_TYPES], batches[NR_TYPES];
	atomic_ullong compared, inlined, srq, late, completions;
	atomic_ullong arenas[NR_MEMORIES];
};

/* What one process does at most. */
#define MOST_CONNECTIONS	128

struct shared {
	atomic_uint stop, failed, barrier[4];
	struct flow_wire flow[2 * MOST_CONNECTIONS];
	struct side_wire side[2 * MOST_CONNECTIONS];
	struct totals totals;
};

static struct shared *shared;
static uint64_t seed;
static unsigned int my_process;

/* A connection, as the seed has it: the same to all processes. */
struct connection {
	int type;
	struct powers powers[2];	/* of the flow from each side */
	struct {
		int device;
		unsigned int process;
		uint32_t send_sge, recv_sge, inlined;
		bool srq;
		int reads;
		enum memory local, target, receive;
	} side[2];
};

static struct connection connections[MOST_CONNECTIONS];
static unsigned int nr_connections;

/* Pieces of an arena that a message goes to or comes from. */
struct pieces {
	uint32_t n;
	uint32_t at[MOST_SGE], len[MOST_SGE];
};

struct sender {
	bool running;
	uint32_t number;	/* of the batch */
	struct batch batch;
	struct arena arena;
	struct pieces pieces[MOST_OPS];
	bool signaled[MOST_OPS], inlined[MOST_OPS];
	uint32_t next;		/* the operation that completes next */
	uint32_t span;
	uint64_t key;		/* of what is around the pieces */
};

struct receiver {
	bool running, posted, closed;
	uint32_t number;
	struct batch batch;
	struct arena target, arena;
	struct pieces pieces[MOST_OPS];
	uint32_t next;		/* the operation that is received next */
	uint32_t received;
	uint32_t span;
	uint64_t key;
	uint64_t since;		/* when the batch was done */
};

/* A QP of this process: it sends one flow and receives the other. */
struct side {
	struct connection *conn;
	unsigned int number;	/* 2 * connection + side */
	struct host *host;
	struct ibv_qp *qp;
	struct ibv_ah *ah;
	struct sender sender;
	struct receiver receiver;
};


/* What the sides of a process have in common, on a device. */
#define NR_CQS	3

struct host {
	struct device *dev;
	struct ibv_pd *pd;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq[NR_CQS];
	struct pool *pool;
};

/* For what is compared now: no more than one side's at a time. */
static uint8_t model[ARENA_SIZE], returned[ARENA_SIZE], message[ARENA_SIZE];

static inline unsigned int flow_out(const struct side *side)
{
	return side->number;
}

static inline unsigned int flow_in(const struct side *side)
{
	return side->number ^ 1;
}

#define MY(side)	((side)->conn->side[(side)->number & 1])

static inline struct powers *powers_of(const struct side *side, unsigned int flow)
{
	return &side->conn->powers[flow & 1];
}

static inline void __attribute__((noreturn, format(printf, 3, 4)))
wrong(const struct side *side, uint32_t batch, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("# connection %u (%s), side %u, batch %u: %s\n",
	       side->number / 2, type_name[side->conn->type], side->number & 1,
	       batch, text);
	atomic_store(&shared->failed, 1);
	atomic_store(&shared->stop, 1);
	exit(1);
}

/* DATACHECK_CORRUPT: a byte of this is changed, to see that it is found. */
static const char *corrupt = "";
#define CORRUPT_BATCH	3

/* Compare a part of an arena with the model of it. */
static inline void compare(const struct side *side, uint32_t batch,
			   const char *what, const struct arena *arena,
			   uint32_t from, uint32_t to)
{
	uint32_t i = from, n = 0, first;

	if (batch == CORRUPT_BATCH && !strcmp(corrupt, what))
		arena->buf[from + mix(seed + side->number) % (to - from)] ^= 1;
	atomic_fetch_add(&shared->totals.compared, to - from);
	if (!memcmp(arena->buf + from, model + from, to - from))
		return;
	while (arena->buf[i] == model[i])
		i++;
	for (first = i; i < to; i++)
		n += arena->buf[i] != model[i];
	wrong(side, batch,
	      "%s (%s memory): %u of %u bytes differ, the first at %#x: %#04x, not %#04x",
	      what, memory_name[arena->memory], n, to - from, first,
	      arena->buf[first], model[first]);
}

/* Laying messages out in an arena. */

/*
 * lay_out - pieces for @len bytes from *@at on, none of them empty, with gaps
 *
 * In their order in memory or in the opposite one.
 */
static inline void lay_out(struct rng *rng, struct pieces *pieces, uint32_t len,
			   uint32_t most, uint32_t *at)
{
	uint32_t i, left = len;

	pieces->n = !len ? 0 : one_in(rng, 2) ? 1 : 1 + below(rng, most);
	if (pieces->n > len)
		pieces->n = len;
	for (i = 0; i < pieces->n; i++) {
		uint32_t more = pieces->n - i - 1;

		pieces->len[i] = !more ? left :
			1 + below(rng, 1 + 2 * (left - more) / (more + 1));
		if (pieces->len[i] > left - more)
			pieces->len[i] = left - more;
		left -= pieces->len[i];
		*at += one_in(rng, 3) ? 0 : below(rng, 40);
		pieces->at[i] = *at;
		*at += pieces->len[i];
	}
	if (one_in(rng, 4))
		*at = (*at + 4095) & ~4095u;
}

/* Write the first @len bytes of a message to where its pieces are. */
static inline void scatter(uint8_t *to, const struct pieces *pieces,
			   const uint8_t *from, uint32_t len)
{
	uint32_t i, n;

	for (i = 0; i < pieces->n && len; i++) {
		n = pieces->len[i] < len ? pieces->len[i] : len;
		memcpy(to + pieces->at[i], from, n);
		from += n;
		len -= n;
	}
}

static inline int sges_of(struct rng *rng, struct ibv_sge *sge,
			  const struct pieces *pieces, const struct arena *arena)
{
	uint32_t i;

	for (i = 0; i < pieces->n; i++)
		sge[i] = (struct ibv_sge) {
			.addr = (uintptr_t)arena->buf + pieces->at[i],
			.length = pieces->len[i],
			.lkey = arena->mr[below(rng, NR_REGIONS)]->lkey,
		};
	return pieces->n;
}

static inline uint32_t span_of(uint32_t at)
{
	return at + AROUND > ARENA_SIZE ? ARENA_SIZE : at + AROUND;
}

/* Now and then an arena's regions are made anew, and what is on demand goes. */
static inline void renew(struct rng *rng, struct arena *arena)
{
	if (one_in(rng, 24)) {
		arena_deregister(arena);
		arena_register(arena);
	}
	if (arena->memory == ON_DEMAND)
		arena_drop(arena);
}

#endif /* DATACHECK_FLOW_H */
