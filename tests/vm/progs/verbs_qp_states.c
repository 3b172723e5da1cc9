// SPDX-License-Identifier: GPL-2.0
/*
 * Each transition between the states of RC, UC and UD QPs with each attribute,
 * what query tells in each state, and the send queue that is drained.
 * (IBTA vol. 1, 10.3.1 and 11.2.5.2, tables 95 to 99.)
 */
#include "verbs_common.h"

#define LEN	100

#define ALL_ATTRS	((1 << 21) - 1)	/* the core refuses bits that nobody knows */

static const enum ibv_qp_type types[] = { IBV_QPT_RC, IBV_QPT_UC, IBV_QPT_UD };
static const char * const type_names[] = { "RC", "UC", "UD" };
static const char * const state_names[] = {
	"RESET", "INIT", "RTR", "RTS", "SQD", "SQE", "ERR",
};

/*
 * The transitions that there are. An attribute of neither list is refused. (Of
 * the alternate path the core says for Ethernet that there is none.)
 */
struct transition {
	enum ibv_qp_state from, to;
	int required[3], optional[3];	/* RC, UC, UD */
};

#define INIT_CONN	(IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS)
#define INIT_UD		(IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_QKEY)
#define RTR_UC		(IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | \
			 IBV_QP_RQ_PSN)
#define RTR_RC		(RTR_UC | IBV_QP_MAX_DEST_RD_ATOMIC | \
			 IBV_QP_MIN_RNR_TIMER)
#define RTS_RC		(IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | \
			 IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN | \
			 IBV_QP_MAX_QP_RD_ATOMIC)
#define UC_MAY		(IBV_QP_CUR_STATE | IBV_QP_ACCESS_FLAGS | \
			 IBV_QP_PATH_MIG_STATE)
#define RC_MAY		(UC_MAY | IBV_QP_MIN_RNR_TIMER)
#define UD_MAY		(IBV_QP_CUR_STATE | IBV_QP_QKEY)
#define NOTIFY		IBV_QP_EN_SQD_ASYNC_NOTIFY
#define ST(x)		IBV_QPS_##x

static const struct transition transitions[] = {
	{ ST(RESET), ST(RESET), {}, {} },
	{ ST(RESET), ST(INIT), { INIT_CONN, INIT_CONN, INIT_UD }, {} },
	{ ST(INIT), ST(RESET), {}, {} },
	{ ST(INIT), ST(INIT), {}, { INIT_CONN, INIT_CONN, INIT_UD } },
	{ ST(INIT), ST(RTR), { RTR_RC, RTR_UC, 0 },
	  { IBV_QP_ACCESS_FLAGS | IBV_QP_PKEY_INDEX,
	    IBV_QP_ACCESS_FLAGS | IBV_QP_PKEY_INDEX,
	    IBV_QP_QKEY | IBV_QP_PKEY_INDEX } },
	{ ST(INIT), ST(ERR), {}, {} },
	{ ST(RTR), ST(RESET), {}, {} },
	{ ST(RTR), ST(RTS), { RTS_RC, IBV_QP_SQ_PSN, IBV_QP_SQ_PSN },
	  { RC_MAY, UC_MAY, UD_MAY } },
	{ ST(RTR), ST(ERR), {}, {} },
	{ ST(RTS), ST(RESET), {}, {} },
	{ ST(RTS), ST(RTS), {}, { RC_MAY, UC_MAY, UD_MAY } },
	{ ST(RTS), ST(SQD), {}, { NOTIFY, NOTIFY, NOTIFY } },
	{ ST(RTS), ST(ERR), {}, {} },
	{ ST(SQD), ST(RESET), {}, {} },
	{ ST(SQD), ST(RTS), {}, { RC_MAY, UC_MAY, UD_MAY } },
	{ ST(SQD), ST(SQD), {},
	  { IBV_QP_PORT | IBV_QP_AV | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
	    IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC |
	    IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_ACCESS_FLAGS |
	    IBV_QP_PKEY_INDEX | IBV_QP_MIN_RNR_TIMER | IBV_QP_PATH_MIG_STATE,
	    /* and AV, but that the core adds the port to it and refuses that */
	    IBV_QP_ACCESS_FLAGS | IBV_QP_PKEY_INDEX | IBV_QP_PATH_MIG_STATE,
	    IBV_QP_PKEY_INDEX | IBV_QP_QKEY } },
	{ ST(SQD), ST(ERR), {}, {} },
	{ ST(SQE), ST(RESET), {}, {} },
	{ ST(SQE), ST(RTS), {}, { 0, IBV_QP_CUR_STATE | IBV_QP_ACCESS_FLAGS,
				  UD_MAY } },
	{ ST(SQE), ST(ERR), {}, {} },
	{ ST(ERR), ST(RESET), {}, {} },
	{ ST(ERR), ST(ERR), {}, {} },
};

static struct options options_of(enum ibv_qp_type type)
{
	struct options opt = usual;

	opt.type = type;
	return opt;
}

static struct ibv_ah *ah_to(struct end *end, const struct end *peer)
{
	struct ibv_ah_attr attr = {
		.is_global = 1, .port_num = 1,
		.grh = { .dgid = peer->dev->gid, .hop_limit = 1,
			 .sgid_index = end->dev->gid_index },
	};
	struct ibv_ah *ah = ibv_create_ah(end->pd, &attr);

	if (!ah)
		bail("no AH");
	return ah;
}

static int send_to(struct end *end, uint64_t id, const struct end *peer,
		   struct ibv_ah *ah, bool bad)
{
	struct ibv_sge sge = sge_of(end, 0, LEN);
	struct ibv_send_wr wr = {
		.wr_id = id, .sg_list = &sge, .num_sge = 1,
		.opcode = IBV_WR_SEND,
	};

	sge.lkey ^= bad;
	if (ah) {
		wr.wr.ud.ah = ah;
		wr.wr.ud.remote_qpn = peer->qp->qp_num;
		wr.wr.ud.remote_qkey = QKEY;
	}
	return post_wr(end, &wr);
}

static int send_one(struct end *end, uint64_t id)
{
	return send_to(end, id, NULL, NULL, false);
}

static int recv_one(struct end *end, uint64_t id)
{
	struct ibv_sge sge = sge_of(end, 0, LEN + 40);

	return post_recv(end, id, &sge);
}

/* From any state to this one. */
static bool bring_to(struct pair *p, struct ibv_ah *ah,
		     enum ibv_qp_state state)
{
	struct end *end = &p->a;
	struct ibv_wc wc;

	if (to_state(end->qp, IBV_QPS_RESET))
		return false;
	if (state == IBV_QPS_RESET)
		return true;
	if (to_init(end->qp, &end->opt))
		return false;
	if (state == IBV_QPS_INIT)
		return true;
	if (state == IBV_QPS_ERR)
		return !to_state(end->qp, IBV_QPS_ERR);
	if (to_rtr(end, &p->b))
		return false;
	if (state == IBV_QPS_RTR)
		return true;
	if (to_rts(end))
		return false;
	if (state == IBV_QPS_RTS)
		return true;
	if (state == IBV_QPS_SQD)
		return !to_state(end->qp, IBV_QPS_SQD);
	if (send_to(end, 1, &p->b, ah, true) ||
	    !next_wc(end->scq, SOON_MS, &wc))
		return false;
	return expect_state(__LINE__, end->qp, IBV_QPS_SQE);
}

/* Everything that can be set, as it may be set. */
static struct ibv_qp_attr good_attr(const struct pair *p,
				    enum ibv_qp_state from,
				    enum ibv_qp_state to)
{
	struct ibv_qp_attr attr = rtr_attr(&p->a, &p->b.dev->gid,
					   p->b.qp->qp_num);
	struct ibv_qp_attr rts = rts_attr(&p->a);

	attr.qp_state = to;
	attr.cur_qp_state = from;
	attr.qp_access_flags = p->a.opt.qp_access;
	attr.port_num = 1;
	attr.qkey = QKEY;
	attr.timeout = rts.timeout;
	attr.retry_cnt = rts.retry_cnt;
	attr.rnr_retry = rts.rnr_retry;
	attr.sq_psn = rts.sq_psn;
	attr.max_rd_atomic = rts.max_rd_atomic;
	attr.alt_port_num = 1;
	attr.alt_ah_attr = attr.ah_attr;
	attr.path_mig_state = IBV_MIG_MIGRATED;
	attr.cap.max_send_wr = 4;
	return attr;
}

static const struct transition *find(enum ibv_qp_state from,
				     enum ibv_qp_state to)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(transitions); i++)
		if (transitions[i].from == from && transitions[i].to == to)
			return &transitions[i];
	return NULL;
}

static void drop_events(struct device *dev)
{
	struct ibv_async_event event;

	while (next_event(dev, 0, &event))
		;
}

/* Is it taken, or refused and the state as before? */
static bool try(struct pair *p, int type, enum ibv_qp_state from,
		enum ibv_qp_state to, int mask, bool allowed)
{
	struct ibv_qp_attr attr = good_attr(p, from, to);
	int err = abs(ibv_modify_qp(p->a.qp, &attr, mask | IBV_QP_STATE));
	enum ibv_qp_state now = qp_state(p->a.qp);

	return expect(allowed ? !err : err == EINVAL || err == EOPNOTSUPP,
		      __LINE__, "%s: %s to %s with %#x: %s", type_names[type],
		      state_names[from], state_names[to], mask, strerror(err)) &
	       expect(now == (allowed ? to : from), __LINE__,
		      "%s: %s to %s with %#x: now %d", type_names[type],
		      state_names[from], state_names[to], mask, now);
}

static void try_transition(struct pair *p, struct ibv_ah *ah, int type,
			   const struct transition *t)
{
	int required = t->required[type], optional = t->optional[type];
	int bit;

	if (!EXPECT(bring_to(p, ah, t->from)))
		return;
	for (bit = IBV_QP_CUR_STATE; bit <= IBV_QP_DEST_QPN; bit <<= 1) {
		if (required & bit)
			try(p, type, t->from, t->to, required & ~bit, false);
		else if (!(optional & bit))
			try(p, type, t->from, t->to, required | bit, false);
		else if (try(p, type, t->from, t->to, required | bit, true))
			EXPECT(bring_to(p, ah, t->from));
	}
	try(p, type, t->from, t->to, required | optional, true);
	EXPECT(bring_to(p, ah, t->from));
	try(p, type, t->from, t->to, required, true);
}

/* There is none: not with any attribute, and not with those that lead there. */
static void try_no_transition(struct pair *p, struct ibv_ah *ah, int type,
			      enum ibv_qp_state from, enum ibv_qp_state to)
{
	size_t i;
	int bit;

	if (!EXPECT(bring_to(p, ah, from)))
		return;
	try(p, type, from, to, 0, false);
	for (bit = IBV_QP_CUR_STATE; bit <= IBV_QP_DEST_QPN; bit <<= 1)
		try(p, type, from, to, bit, false);
	for (i = 0; i < ARRAY_SIZE(transitions); i++)
		if (transitions[i].to == to)
			try(p, type, from, to, transitions[i].required[type] |
			    transitions[i].optional[type], false);
}

static void all_transitions(int type)
{
	struct options opt = options_of(types[type]);
	struct ibv_ah *ah = NULL;
	struct pair p;
	int from, to;

	pair_open(&p, &opt);
	if (opt.type == IBV_QPT_UD)
		ah = ah_to(&p.a, &p.b);
	for (from = IBV_QPS_RESET; from <= IBV_QPS_ERR; from++) {
		/* only a failed send leads there, and not an RC QP */
		if (from == IBV_QPS_SQE && opt.type == IBV_QPT_RC)
			continue;
		for (to = IBV_QPS_RESET; to <= IBV_QPS_ERR; to++) {
			if (find(from, to))
				try_transition(&p, ah, type, find(from, to));
			else
				try_no_transition(&p, ah, type, from, to);
			drop_events(p.a.dev);
		}
	}
	if (ah)
		EXPECT_EQ(ibv_destroy_ah(ah), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	sleep_ms(A_WHILE_MS);
	drop_events(p.a.dev);
	pair_close(&p);
}

static void transitions_rc(void)
{
	all_transitions(0);
}

static void transitions_uc(void)
{
	all_transitions(1);
}

static void transitions_ud(void)
{
	all_transitions(2);
}

/* Values at their limits and behind, of those that verbs_errors has not. */
static void values(void)
{
	struct ibv_port_attr port;
	struct ibv_qp_attr attr;
	struct pair p;
	int mtu;

	end_open(&p.a, device_of(0), &usual);
	end_open(&p.b, device_of(1), &usual);
	EXPECT_EQ(ibv_query_port(p.a.dev->ctx, 1, &port), 0);
	for (mtu = IBV_MTU_256; mtu <= IBV_MTU_4096; mtu++) {
		EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
		EXPECT_EQ(to_init(p.a.qp, &usual), 0);
		attr = good_attr(&p, IBV_QPS_INIT, IBV_QPS_RTR);
		attr.path_mtu = mtu;
		EXPECT_ERRNO(ibv_modify_qp(p.a.qp, &attr, RTR_MASK),
			     mtu > (int)port.active_mtu ? EINVAL : 0);
	}
	EXPECT_EQ(bring_to(&p, NULL, IBV_QPS_RTS), true);
	attr.min_rnr_timer = 31;
	EXPECT_EQ(ibv_modify_qp(p.a.qp, &attr, IBV_QP_MIN_RNR_TIMER), 0);
	attr.min_rnr_timer = 32;
	EXPECT_ERRNO(ibv_modify_qp(p.a.qp, &attr, IBV_QP_MIN_RNR_TIMER),
		     EINVAL);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_SQD), 0);
#define SQD_VALUE(mask, field, good, bad) do {				\
	attr.field = good;						\
	EXPECT_EQ(ibv_modify_qp(p.a.qp, &attr, mask), 0);		\
	attr.field = bad;						\
	EXPECT_ERRNO(ibv_modify_qp(p.a.qp, &attr, mask), EINVAL);	\
} while (0)
	SQD_VALUE(IBV_QP_TIMEOUT, timeout, 31, 32);
	SQD_VALUE(IBV_QP_RETRY_CNT, retry_cnt, 7, 8);
	SQD_VALUE(IBV_QP_RNR_RETRY, rnr_retry, 7, 8);
	SQD_VALUE(IBV_QP_MAX_QP_RD_ATOMIC, max_rd_atomic,
		  p.a.dev->attr.max_qp_init_rd_atom, 255);
	SQD_VALUE(IBV_QP_MAX_DEST_RD_ATOMIC, max_dest_rd_atomic,
		  p.a.dev->attr.max_qp_rd_atom, 255);
	SQD_VALUE(IBV_QP_PKEY_INDEX, pkey_index, 0, 1);
	SQD_VALUE(IBV_QP_PORT, port_num, 1, 2);
	pair_close(&p);
}

static void expect_sizes(const struct ibv_qp_attr *attr)
{
	EXPECT(attr->cap.max_send_wr >= 16 && attr->cap.max_recv_wr >= 16);
	EXPECT(attr->cap.max_send_sge == 4 && attr->cap.max_recv_sge == 4);
	EXPECT(attr->cap.max_inline_data >= 64);
}

/* What was set is told in each state from then on, and forgotten by RESET. */
static void query(int type)
{
	struct options opt = options_of(types[type]);
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	struct ibv_ah *ah = NULL;
	struct pair p;
	int state;

	opt.signal_all = 0;
	pair_open(&p, &opt);
	if (opt.type == IBV_QPT_UD)
		ah = ah_to(&p.a, &p.b);
	opt.signal_all = 1;
	for (state = IBV_QPS_RESET; state <= IBV_QPS_ERR; state++) {
		bool conn = opt.type != IBV_QPT_UD;
		bool rc = opt.type == IBV_QPT_RC;

		if (state == IBV_QPS_SQE && rc)
			continue;
		if (!EXPECT(bring_to(&p, ah, state)) ||
		    !EXPECT_EQ(ibv_query_qp(p.a.qp, &attr, ALL_ATTRS, &init), 0))
			continue;
		EXPECT_EQ(attr.qp_state, state);
		EXPECT_EQ(attr.cur_qp_state, state);
		EXPECT_EQ(attr.sq_draining, 0);
		EXPECT_EQ(attr.path_mig_state, IBV_MIG_MIGRATED);
		EXPECT_EQ(init.qp_type, opt.type);
		EXPECT_EQ(init.sq_sig_all, 0);
		EXPECT(init.send_cq == p.a.scq && init.recv_cq == p.a.rcq);
		EXPECT(!init.srq);
		expect_sizes(&attr);

		EXPECT_EQ(attr.port_num, state >= IBV_QPS_INIT);
		EXPECT_EQ(attr.qkey, state >= IBV_QPS_INIT && !conn ? QKEY : 0);
		EXPECT_EQ(attr.qp_access_flags, state >= IBV_QPS_INIT && conn ?
			  ALL_ACCESS : 0);
		conn = conn && state >= IBV_QPS_RTR && state != IBV_QPS_ERR;
		EXPECT_EQ(attr.dest_qp_num, conn ? p.b.qp->qp_num : 0);
		EXPECT_EQ(attr.path_mtu, conn ? IBV_MTU_1024 : 0);
		EXPECT_EQ(attr.rq_psn, conn ? 0x123 : 0);
		EXPECT_EQ(attr.ah_attr.grh.hop_limit, conn ? 64 : 0);
		EXPECT_EQ(attr.ah_attr.grh.sgid_index, conn ?
			  p.a.dev->gid_index : 0);
		EXPECT_EQ(!memcmp(&attr.ah_attr.grh.dgid, &p.b.dev->gid, 16),
			  conn);
		rc = rc && conn;
		EXPECT_EQ(attr.max_dest_rd_atomic, rc ? 4 : 0);
		EXPECT_EQ(attr.min_rnr_timer, rc ? 1 : 0);
		rc = rc && state >= IBV_QPS_RTS;
		EXPECT_EQ(attr.sq_psn, state >= IBV_QPS_RTS &&
			  state != IBV_QPS_ERR ? 0x123 : 0);
		EXPECT_EQ(attr.timeout, rc ? 8 : 0);
		EXPECT_EQ(attr.retry_cnt, rc ? 2 : 0);
		EXPECT_EQ(attr.rnr_retry, rc ? 7 : 0);
		EXPECT_EQ(attr.max_rd_atomic, rc ? 4 : 0);
	}
	if (ah)
		EXPECT_EQ(ibv_destroy_ah(ah), 0);
	pair_close(&p);
}

static void query_rc(void)
{
	query(0);
}

static void query_uc(void)
{
	query(1);
}

static void query_ud(void)
{
	query(2);
}

static int to_sqd(struct end *end, bool notify)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_SQD,
		.en_sqd_async_notify = notify,
	};

	return ibv_modify_qp(end->qp, &attr, IBV_QP_STATE |
			     IBV_QP_EN_SQD_ASYNC_NOTIFY);
}

static bool is_draining(struct end *end)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	EXPECT_EQ(ibv_query_qp(end->qp, &attr, IBV_QP_STATE, &init), 0);
	return attr.sq_draining;
}

/* How often a message has come to this device that found no receive. */
static unsigned long not_ready(struct device *dev)
{
	unsigned long n = 0;
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path),
		 "/sys/class/infiniband/%s/ports/1/hw_counters/out_of_buffer",
		 dev->name);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%lu", &n) != 1)
		bail("no counter out_of_buffer");
	fclose(file);
	return n;
}

/* A send that the device has begun with, whoever executes it: it is waiting. */
static void begin_send(struct pair *p, uint64_t id)
{
	unsigned long before = not_ready(p->b.dev);
	uint64_t end = now_ms() + SOON_MS;

	EXPECT_EQ(send_one(&p->a, id), 0);
	while (not_ready(p->b.dev) == before && now_ms() < end)
		sleep_ms(1);
	EXPECT(not_ready(p->b.dev) != before);
}

/* A send waits for its peer's receive: that one goes on, the others stay. */
static void drain_in_progress(void)
{
	struct pair p;

	pair_open(&p, &usual);
	begin_send(&p, 1);
	EXPECT_EQ(send_one(&p.a, 2), 0);
	EXPECT_EQ(to_sqd(&p.a, true), 0);
	EXPECT_STATE(&p.a, SQD);
	EXPECT_EQ(send_one(&p.a, 3), 0);
	EXPECT(is_draining(&p.a));
	sleep_ms(A_WHILE_MS);
	EXPECT_NO_EVENT(p.a.dev);
	EXPECT(is_draining(&p.a));

	/* not before it is drained, except to end all */
	EXPECT_ERRNO(to_state(p.a.qp, IBV_QPS_RTS), EINVAL);
	EXPECT_ERRNO(to_state(p.a.qp, IBV_QPS_SQD), EINVAL);

	EXPECT_EQ(recv_one(&p.b, 10), 0);
	EXPECT_EQ(recv_one(&p.b, 11), 0);
	EXPECT_EQ(recv_one(&p.b, 12), 0);
	EXPECT_WC(p.a.scq, 1, SUCCESS);
	EXPECT_WC(p.b.rcq, 10, SUCCESS);
	EXPECT_EVENT(p.a.dev, IBV_EVENT_SQ_DRAINED, p.a.qp);
	EXPECT(!is_draining(&p.a));
	EXPECT_NO_WC(p.a.scq);
	EXPECT_NO_WC(p.b.rcq);

	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
	EXPECT_WC(p.a.scq, 2, SUCCESS);
	EXPECT_WC(p.a.scq, 3, SUCCESS);
	EXPECT_WC(p.b.rcq, 11, SUCCESS);
	EXPECT_WC(p.b.rcq, 12, SUCCESS);
	EXPECT_NO_EVENT(p.a.dev);

	/* the next time nobody asks for the event */
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_SQD), 0);
	EXPECT(!is_draining(&p.a));
	sleep_ms(A_WHILE_MS);
	EXPECT_NO_EVENT(p.a.dev);
	pair_close(&p);
}

/* What is being sent fails, or is given up, meanwhile. */
static void drain_and_fail(void)
{
	struct options opt = usual;
	struct pair p;

	opt.rnr_retries = 5;
	opt.rnr_timer = 25;	/* 82 ms */
	pair_open2(&p, &opt, &opt);
	begin_send(&p, 1);
	EXPECT_EQ(send_one(&p.a, 2), 0);
	EXPECT_EQ(to_sqd(&p.a, true), 0);
	EXPECT(is_draining(&p.a));
	EXPECT_WC(p.a.scq, 1, RNR_RETRY_EXC_ERR);
	EXPECT_WC(p.a.scq, 2, WR_FLUSH_ERR);
	EXPECT_STATE(&p.a, ERR);
	EXPECT_NO_EVENT(p.a.dev);
	pair_close(&p);

	pair_open(&p, &usual);
	begin_send(&p, 1);
	EXPECT_EQ(to_sqd(&p.a, true), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_ERR), 0);
	EXPECT_WC(p.a.scq, 1, WR_FLUSH_ERR);
	EXPECT_NO_EVENT(p.a.dev);

	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	end_connect(&p.b, &p.a);
	end_connect(&p.a, &p.b);
	begin_send(&p, 1);
	EXPECT_EQ(to_sqd(&p.a, true), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	end_connect(&p.b, &p.a);
	end_connect(&p.a, &p.b);
	EXPECT_WORKS(&p);
	EXPECT_NO_EVENT(p.a.dev);
	pair_close(&p);
}

/* One that is long is whole in the end, whichever side of the drain it is on. */
static void drain_long(void)
{
	struct options opt = usual;
	struct ibv_sge sge;
	struct pair p;
	int i;

	opt.size = 32 << 20;
	pair_open(&p, &opt);
	for (i = 0; i < 5; i++) {
		fill(p.a.buf, opt.size, 10 + i);
		sge = sge_of(&p.a, 0, opt.size);
		EXPECT_EQ(post_rdma(&p.a, i, IBV_WR_RDMA_WRITE, &sge,
				    (uintptr_t)p.b.buf, p.b.mr->rkey), 0);
		usleep(i * 500);
		EXPECT_EQ(to_sqd(&p.a, true), 0);
		EXPECT_EVENT(p.a.dev, IBV_EVENT_SQ_DRAINED, p.a.qp);
		EXPECT(!is_draining(&p.a));
		EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
		EXPECT_WC(p.a.scq, i, SUCCESS);
		EXPECT(is_filled(p.b.buf, opt.size, 10 + i));
	}
	pair_close(&p);
}

/* The other types; and an error of what was posted meanwhile comes afterwards. */
static void drain_unacked(void)
{
	struct ibv_ah *ah = NULL;
	struct pair p;
	int type, i;

	for (type = 1; type < 3; type++) {
		struct options opt = options_of(types[type]);

		pair_open(&p, &opt);
		if (opt.type == IBV_QPT_UD)
			ah = ah_to(&p.a, &p.b);
		for (i = 0; i < 3; i++)
			EXPECT_EQ(recv_one(&p.b, 10 + i), 0);
		EXPECT_EQ(send_to(&p.a, 0, &p.b, ah, false), 0);
		EXPECT_WC(p.a.scq, 0, SUCCESS);
		EXPECT_WC(p.b.rcq, 10, SUCCESS);
		EXPECT_EQ(to_sqd(&p.a, true), 0);
		EXPECT_EVENT(p.a.dev, IBV_EVENT_SQ_DRAINED, p.a.qp);
		EXPECT_EQ(send_to(&p.a, 1, &p.b, ah, false), 0);
		EXPECT_EQ(send_to(&p.a, 2, &p.b, ah, true), 0);
		EXPECT_NO_WC(p.a.scq);
		EXPECT_NO_WC(p.b.rcq);
		EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
		EXPECT_WC(p.a.scq, 1, SUCCESS);
		EXPECT_WC(p.b.rcq, 11, SUCCESS);
		EXPECT_WC(p.a.scq, 2, LOC_PROT_ERR);
		EXPECT_STATE(&p.a, SQE);
		EXPECT_NO_EVENT(p.a.dev);
		if (ah)
			EXPECT_EQ(ibv_destroy_ah(ah), 0);
		pair_close(&p);
	}
}

/* In SQD the path and the retries can be changed; they count from then on. */
static void change_in_sqd(void)
{
	struct ibv_qp_attr attr;
	struct options opt = usual;
	struct pair p;

	opt.rnr_timer = 20;
	pair_open(&p, &opt);
	EXPECT_EQ(to_sqd(&p.a, true), 0);
	EXPECT_EVENT(p.a.dev, IBV_EVENT_SQ_DRAINED, p.a.qp);
	attr = good_attr(&p, IBV_QPS_SQD, IBV_QPS_SQD);
	attr.rnr_retry = 1;
	attr.ah_attr.grh.hop_limit = 7;
	EXPECT_EQ(ibv_modify_qp(p.a.qp, &attr, IBV_QP_RNR_RETRY |
				IBV_QP_AV | IBV_QP_PORT), 0);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RTS), 0);
	EXPECT_WORKS(&p);
	EXPECT_EQ(send_one(&p.a, 1), 0);
	EXPECT_WC(p.a.scq, 1, RNR_RETRY_EXC_ERR);
	pair_close(&p);
}

/* As long as was asked for, at least; the timers of a guest are late at times. */
static void waits(void)
{
	struct options opt = usual;
	uint64_t start, took;
	struct pair p;

	opt.timeout = 14;	/* 67 ms */
	opt.retries = 3;
	pair_open(&p, &opt);
	EXPECT_EQ(to_state(p.b.qp, IBV_QPS_RESET), 0);
	start = now_ms();
	EXPECT_EQ(send_one(&p.a, 1), 0);
	EXPECT_WC(p.a.scq, 1, RETRY_EXC_ERR);
	took = now_ms() - start;
	EXPECT_F(took >= 3 * 67 && took < 3000, "gave up after %llu ms",
		 (unsigned long long)took);
	pair_close(&p);

	opt.rnr_retries = 3;
	opt.rnr_timer = 24;	/* 40.96 ms */
	pair_open(&p, &opt);
	start = now_ms();
	EXPECT_EQ(send_one(&p.a, 1), 0);
	EXPECT_WC(p.a.scq, 1, RNR_RETRY_EXC_ERR);
	took = now_ms() - start;
	EXPECT_F(took >= 3 * 40 && took < 3000, "gave up after %llu ms",
		 (unsigned long long)took);
	pair_close(&p);

	opt.rnr_retries = 0;
	pair_open(&p, &opt);
	start = now_ms();
	EXPECT_EQ(send_one(&p.a, 1), 0);
	EXPECT_WC(p.a.scq, 1, RNR_RETRY_EXC_ERR);
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE_ONE_DEVICE("states: every transition of RC", transitions_rc),
	CASE_ONE_DEVICE("states: every transition of UC", transitions_uc),
	CASE_ONE_DEVICE("states: every transition of UD", transitions_ud),
	CASE_ONE_DEVICE("states: values at their limits", values),
	CASE("states: query in each state, RC", query_rc),
	CASE("states: query in each state, UC", query_uc),
	CASE("states: query in each state, UD", query_ud),
	CASE("SQD: a send in progress", drain_in_progress),
	CASE("SQD: a send in progress fails", drain_and_fail),
	CASE_ONE_DEVICE("SQD: long sends", drain_long),
	CASE("SQD: UC and UD", drain_unacked),
	CASE("SQD: attributes are changed", change_in_sqd),
	CASE("timeouts and retries are honoured", waits),
};

int main(int argc, char **argv)
{
	return run_cases(cases, ARRAY_SIZE(cases), argc, argv);
}
