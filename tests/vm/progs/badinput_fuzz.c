// SPDX-License-Identifier: GPL-2.0
/*
 * Three threads, for some seconds: one writes anything anywhere into the rings,
 * one posts requests that are mostly right, one gives commands that are partly
 * right, and all use the same QPs. The keys and numbers of another process are
 * among what they try. Afterwards that process and all memory that no key grants
 * are as before, and the device works.
 *
 *	badinput_fuzz DEVICE [SECONDS [SEED]]
 */
#include "badinput_common.h"

#include <pthread.h>
#include <rdma/rdma_user_ioctl.h>
#include <sys/ioctl.h>

#define QPS	6
#define REGIONS	8
#define HANDLES	8
#define WINDOWS	4

static struct bystander bystander;
static struct liar liar;

/*
 * What the commanding thread replaces, each QP with a completion queue of its
 * own, as one that has overflowed is of no more use. The lock is for the rings'
 * mappings only: a QP is destroyed while others post to it.
 */
static struct slot {
	struct liar_qp qp;
	struct raw_cq raw_cq;
	struct ring cq;
	uint32_t cq_next;
} slots[QPS];
static struct ibv_mr *regions[REGIONS];
static struct raw_ah handles[HANDLES];
static struct ibv_mw *windows[WINDOWS];
static pthread_rwlock_t mapped =
	PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static volatile bool stop;

static unsigned long requests, commands, good_commands, scribbles, created;
static unsigned long statuses[32];

struct dice {
	uint64_t state;
};

static uint32_t roll(struct dice *d)
{
	d->state ^= d->state >> 12;
	d->state ^= d->state << 25;
	d->state ^= d->state >> 27;
	return d->state * 0x2545f4914f6cdd1d >> 32;
}

static bool one_in(struct dice *d, uint32_t n)
{
	return roll(d) % n == 0;
}

static uint32_t wild_u32(struct dice *d)
{
	switch (roll(d) % 6) {
	case 0:
		return roll(d);
	case 1:
		return roll(d) % 16;
	case 2:
		return 1u << roll(d) % 32;
	case 3:
		return (1u << roll(d) % 32) - 1;
	case 4:
		return -(roll(d) % 256);
	default:
		return roll(d) % 4096;
	}
}

static uint64_t wild_address(struct dice *d)
{
	switch (roll(d) % 6) {
	case 0:
		return bystander.keys.addr + roll(d) % DATA;
	case 1:
		return (uintptr_t)liar.fixed + roll(d) % PAGE;
	case 2:
		return (uintptr_t)liar.memory + roll(d) % (LIAR_PAGES * PAGE);
	case 3:
		return UINT64_MAX - roll(d) % 8192;
	case 4:
		return (uint64_t)roll(d) << 32 | roll(d);
	default:
		return 0xffff888000000000 + (uint64_t)roll(d) % (1 << 30);
	}
}

static uint32_t some_length(struct dice *d)
{
	if (one_in(d, 40))
		return wild_u32(d);
	return roll(d) % (one_in(d, 3) ? DATA : 512);
}

static uint32_t some_key(struct dice *d)
{
	switch (roll(d) % 6) {
	case 0:
		return bystander.keys.lkey;
	case 1:
		return bystander.keys.rkey;
	case 2:
		return wild_u32(d) << 8;
	case 3:
		return 0xffffff00 | roll(d) % 256;
	case 4:
		return liar.fixed_mr->lkey;
	default:
		return liar.data_mr->lkey;
	}
}

/* Of one of the windows, with one of a few last bytes, as it may have by now. */
static uint32_t some_window(struct dice *d)
{
	return (windows[roll(d) % WINDOWS]->rkey & ~0xffu) | roll(d) % 3;
}

/*
 * An address and a key that belong together, be it of memory that is not to be
 * written or not the liar's; or any.
 */
static uint64_t some_target(struct dice *d, uint32_t *key)
{
	struct ibv_mr *mr;

	switch (roll(d) % 16) {
	case 0:
		*key = one_in(d, 2) ? bystander.keys.lkey : bystander.keys.rkey;
		return bystander.keys.addr + roll(d) % DATA;
	case 1:
		*key = liar.fixed_mr->lkey;
		return (uintptr_t)liar.fixed + roll(d) % PAGE;
	case 2:
		*key = some_key(d);
		return wild_address(d);
	case 3:
		*key = liar.data_mr->lkey;
		return (uintptr_t)liar.data - 256 + roll(d) % (DATA + 512);
	case 4:
	case 5:
		mr = __atomic_load_n(&regions[roll(d) % REGIONS],
				     __ATOMIC_ACQUIRE);
		*key = mr ? mr->lkey : 0;
		return (uintptr_t)(mr ? mr->addr : liar.data) + roll(d) % 16;
	case 6:
	case 7:
		*key = some_window(d);
		return (uintptr_t)liar.data + (roll(d) % DATA & ~7u);
	default:
		*key = liar.data_mr->lkey;
		return (uintptr_t)liar.data + roll(d) % DATA;
	}
}

/* Mostly of a region that allows it; writable where that must not be, too. */
static void some_bind(struct dice *d, struct rxe_send_wqe *wqe)
{
	wqe->wr.wr.mw.addr = some_target(d, &wqe->wr.wr.mw.mr_lkey);
	wqe->wr.wr.mw.length = one_in(d, 4) ? 0 : roll(d) % DATA;
	wqe->wr.wr.mw.mw_rkey = one_in(d, 20) ? some_key(d) : some_window(d);
	wqe->wr.wr.mw.rkey = one_in(d, 20) ? wild_u32(d) :
			     (wqe->wr.wr.mw.mw_rkey & ~0xffu) | roll(d) % 3;
	wqe->wr.wr.mw.access = one_in(d, 10) ? wild_u32(d) :
			       roll(d) & (IBV_ACCESS_REMOTE_WRITE |
					  IBV_ACCESS_REMOTE_READ |
					  IBV_ACCESS_REMOTE_ATOMIC |
					  IBV_ACCESS_ZERO_BASED);
}

static void some_atomic(struct dice *d, struct rxe_send_wqe *wqe)
{
	wqe->wr.wr.atomic.remote_addr =
		some_target(d, &wqe->wr.wr.atomic.rkey) & (one_in(d, 4) ? ~0ul :
							   ~7ul);
	wqe->wr.wr.atomic.compare_add = roll(d);
	wqe->wr.wr.atomic.swap = roll(d);
}

static uint32_t some_qpn(struct dice *d)
{
	switch (roll(d) % 8) {
	case 0:
		return bystander.keys.qpn;
	case 1:
		return bystander.keys.ud_qpn;
	case 2:
		return wild_u32(d) & 0xffffff;
	default:
		return slots[roll(d) % QPS].qp.raw.core.qpn;
	}
}

/* Ranges, mostly of the right number and within a region. */
static void some_ranges(struct dice *d, struct rxe_dma_info *dma, uint32_t max)
{
	uint32_t i, n = one_in(d, 3) ? roll(d) % (max + 1) : 1;

	for (i = 0; i < n; i++) {
		dma->sge[i].addr = some_target(d, &dma->sge[i].lkey);
		dma->sge[i].length = some_length(d);
	}
	dma->num_sge = one_in(d, 50) ? wild_u32(d) : n;
	dma->length = one_in(d, 5) ? wild_u32(d) : roll(d) % (INLINE + 1);
	dma->resid = dma->length;
}

static void some_send(struct dice *d, struct liar_qp *qp)
{
	static const uint32_t opcodes[] = {
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ,
		IBV_WR_RDMA_WRITE_WITH_IMM, IBV_WR_SEND, IBV_WR_SEND,
		IBV_WR_SEND_WITH_IMM, IBV_WR_SEND_WITH_INV,
		IBV_WR_LOCAL_INV, IBV_WR_BIND_MW, IBV_WR_BIND_MW,
		IBV_WR_ATOMIC_CMP_AND_SWP, IBV_WR_ATOMIC_FETCH_AND_ADD, 15,
	};
	struct rxe_send_wqe *wqe = liar_send(qp);

	wqe->wr.wr_id = roll(d);
	wqe->wr.opcode = one_in(d, 30) ? wild_u32(d) :
			 opcodes[roll(d) % ARRAY_SIZE(opcodes)];
	wqe->wr.send_flags = roll(d) & (one_in(d, 10) ? 0xffffffff : 0x17);
	wqe->wr.ex.invalidate_rkey = one_in(d, 3) ? some_key(d) :
						    some_window(d);
	if (qp->type == IBV_QPT_UD) {
		wqe->wr.wr.ud.remote_qpn = some_qpn(d);
		wqe->wr.wr.ud.remote_qkey = one_in(d, 10) ? roll(d) : QKEY;
		wqe->wr.wr.ud.ah_num =
			one_in(d, 10) ? bystander.keys.ah_num :
			one_in(d, 10) ? wild_u32(d) :
			handles[roll(d) % HANDLES].rxe.ah_num;
	} else if (wqe->wr.opcode == IBV_WR_BIND_MW) {
		some_bind(d, wqe);
	} else if (wqe->wr.opcode == IBV_WR_ATOMIC_CMP_AND_SWP ||
		   wqe->wr.opcode == IBV_WR_ATOMIC_FETCH_AND_ADD) {
		some_atomic(d, wqe);
	} else {
		wqe->wr.wr.rdma.remote_addr =
			some_target(d, &wqe->wr.wr.rdma.rkey);
	}
	some_ranges(d, &wqe->dma, SEND_SGES);
}

static void some_receive(struct dice *d, struct liar_qp *qp)
{
	struct rxe_recv_wqe *wqe = liar_recv(qp);

	wqe->wr_id = roll(d);
	some_ranges(d, &wqe->dma, RECV_SGES);
	liar_post_recv(qp);
}

/*
 * What has completed, as far as the ring can be believed. A QP that has failed
 * is connected again, or nothing would succeed for long.
 */
static void take_completions(struct slot *slot)
{
	uint32_t prod = ring_producer(&slot->cq) & slot->cq.mask;
	bool failed = false;

	for (; slot->cq_next != prod;
	     slot->cq_next = (slot->cq_next + 1) & slot->cq.mask) {
		struct ib_uverbs_wc *wc = ring_elem(&slot->cq, slot->cq_next);

		statuses[wc->status % ARRAY_SIZE(statuses)]++;
		failed |= wc->status;
	}
	__atomic_store_n(&slot->cq.buf->consumer_index, prod, __ATOMIC_RELEASE);
	if (failed)
		liar_qp_connect(&liar, &slot->qp, slot->qp.raw.core.qpn);
}

static void *post(void *arg)
{
	struct dice d = { (uintptr_t)arg };
	struct liar_qp *qp;
	struct slot *slot;
	int n;

	while (!stop) {
		pthread_rwlock_rdlock(&mapped);
		slot = &slots[roll(&d) % QPS];
		qp = &slot->qp;
		for (n = roll(&d) % 4; n; n--)
			some_receive(&d, qp);
		for (n = roll(&d) % 4; n; n--) {
			some_send(&d, qp);
			if (n > 1)
				ring_set_producer(&qp->sq,
						  (ring_producer(&qp->sq) + 1) &
						  qp->sq.mask);
			else
				liar_ring(&liar, qp);
			requests++;
		}
		take_completions(slot);
		pthread_rwlock_unlock(&mapped);
	}
	return NULL;
}

static void *scribble(void *arg)
{
	struct dice d = { (uintptr_t)arg };
	struct ring *ring;
	uint32_t *words, n;
	struct slot *slot;

	while (!stop) {
		pthread_rwlock_rdlock(&mapped);
		slot = &slots[roll(&d) % QPS];
		ring = one_in(&d, 4) ? &slot->cq :
		       one_in(&d, 2) ? &slot->qp.sq : &slot->qp.rq;
		words = (uint32_t *)ring->buf;
		for (n = roll(&d) % 40; n; n--)
			words[roll(&d) % (ring->len / 4)] =
				one_in(&d, 2) ? wild_u32(&d) : some_key(&d);
		if (one_in(&d, 4))
			ring->buf->producer_index = wild_u32(&d);
		if (one_in(&d, 4))
			ring->buf->consumer_index = wild_u32(&d);
		scribbles++;
		pthread_rwlock_unlock(&mapped);
		usleep(roll(&d) % 2000);
	}
	return NULL;
}

static bool slot_open(struct slot *slot, uint8_t type)
{
	struct liar with_cq = liar;

	memset(slot, 0, sizeof(*slot));
	if (raw_create_cq(liar.fd, 31, &slot->raw_cq) ||
	    !ring_map(&slot->cq, liar.fd, &slot->raw_cq.rxe.mi))
		return false;
	with_cq.raw_cq = slot->raw_cq;
	return !liar_qp_open(&with_cq, &slot->qp, type);
}

static void slot_unmap(struct slot *slot)
{
	ring_unmap(&slot->qp.sq);
	ring_unmap(&slot->qp.rq);
	ring_unmap(&slot->cq);
}

static void replace_qp(struct dice *d)
{
	struct slot *slot = &slots[roll(d) % QPS], new, old = *slot;

	if (!slot_open(&new, one_in(d, 3) ? IBV_QPT_UD : IBV_QPT_RC)) {
		slot_unmap(&new);
		return;
	}
	/* destroyed first or last, while the others go on with it */
	if (one_in(d, 2))
		raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_QP,
			    old.qp.raw.core.qp_handle);
	pthread_rwlock_wrlock(&mapped);
	*slot = new;
	pthread_rwlock_unlock(&mapped);
	raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_QP,
		    old.qp.raw.core.qp_handle);
	raw_destroy(liar.fd, IB_USER_VERBS_CMD_DESTROY_CQ, old.raw_cq.handle);
	slot_unmap(&old);
	liar_qp_connect(&liar, &slot->qp, slot->qp.raw.core.qpn);
}

static void replace_region(struct dice *d)
{
	uint32_t i = roll(d) % REGIONS, offset = roll(d) % (DATA - 1);
	struct ibv_mr *old, *new;

	new = one_in(d, 4) ?
	      ibv_reg_mr(liar.pd, liar.fixed, PAGE, IBV_ACCESS_REMOTE_READ |
			 IBV_ACCESS_MW_BIND) :
	      ibv_reg_mr(liar.pd, liar.data + offset,
			 1 + roll(d) % (DATA - offset), ALL_ACCESS |
			 IBV_ACCESS_REMOTE_ATOMIC |
			 (one_in(d, 2) ? IBV_ACCESS_MW_BIND : 0));
	old = __atomic_exchange_n(&regions[i], new, __ATOMIC_ACQ_REL);
	/* freed by the library: who has read the pointer reads old keys */
	if (old)
		raw_release(liar.fd, IB_USER_VERBS_CMD_DEREG_MR, old->handle);
}

static void replace_handle(struct dice *d)
{
	struct raw_ah *ah = &handles[roll(d) % HANDLES], old = *ah;

	raw_create_ah(liar.fd, liar.pd->handle, liar.dev->gid.raw,
		      liar.dev->gid_index, ah);
	raw_release(liar.fd, IB_USER_VERBS_CMD_DESTROY_AH, old.handle);
}

/* A transition that would be legal, or with something wrong about it. */
static void modify_somehow(struct dice *d)
{
	static const uint32_t masks[] = {
		IBV_QP_STATE, RTR_MASK, RTS_MASK,
		IBV_QP_STATE | IBV_QP_PORT | IBV_QP_PKEY_INDEX |
		IBV_QP_ACCESS_FLAGS, IBV_QP_STATE | IBV_QP_CUR_STATE,
	};
	struct ib_uverbs_modify_qp attr = {
		.rq_psn = 1, .sq_psn = 1, .path_mtu = 3, .port_num = 1,
		.qp_access_flags = roll(d) % 16,
		.max_rd_atomic = 1, .max_dest_rd_atomic = 1,
		.dest = { .is_global = 1, .port_num = 1 },
	};
	uint32_t n, *words = (uint32_t *)&attr;

	memcpy(attr.dest.dgid, liar.dev->gid.raw, 16);
	attr.dest.sgid_index = liar.dev->gid_index;
	attr.dest_qp_num = some_qpn(d);
	attr.qp_handle = slots[roll(d) % QPS].qp.raw.core.qp_handle;
	attr.qp_state = roll(d) % 7;
	attr.cur_qp_state = roll(d) % 7;
	attr.attr_mask = one_in(d, 5) ? wild_u32(d) :
					masks[roll(d) % ARRAY_SIZE(masks)];
	for (n = one_in(d, 2) ? 0 : roll(d) % 3; n; n--)
		words[roll(d) % (sizeof(attr) / 4)] = wild_u32(d);
	good_commands += !raw_modify_qp(liar.fd, &attr);
}

/*
 * A command of anything. What it may not do is what the process may do by
 * right: have its own memory written by a region or a response.
 */
static void command_somehow(struct dice *d)
{
	static uint64_t response[64];
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		uint64_t response;
		uint32_t words[64];
	} c;
	uint32_t i, command = roll(d) % 42, len;

	switch (command) {
	case IB_USER_VERBS_CMD_REG_MR:
	case IB_USER_VERBS_CMD_REREG_MR:
	case IB_USER_VERBS_CMD_DEREG_MR:
	case IB_USER_VERBS_CMD_CREATE_COMP_CHANNEL:
		return;
	case IB_USER_VERBS_CMD_ALLOC_PD:
	case IB_USER_VERBS_CMD_CREATE_CQ:
	case IB_USER_VERBS_CMD_CREATE_QP:
	case IB_USER_VERBS_CMD_CREATE_AH:
		/* nobody destroys these */
		if (created++ > 3000)
			return;
	}
	for (i = 0; i < ARRAY_SIZE(c.words); i++)
		c.words[i] = one_in(d, 3) ? wild_u32(d) : roll(d) % 32;
	/* sizes that would be good are not too large */
	if (command == IB_USER_VERBS_CMD_CREATE_CQ ||
	    command == IB_USER_VERBS_CMD_CREATE_QP)
		for (i = 0; i < ARRAY_SIZE(c.words); i++)
			c.words[i] &= 0x1ff;
	c.response = (uintptr_t)response;
	len = 8 + 4 * (roll(d) % 64);
	good_commands += !raw_write(liar.fd, command, &c, len,
				    roll(d) % sizeof(response));
}

/* The other way of giving commands: attributes with numbers and lengths. */
static void ioctl_somehow(struct dice *d)
{
	static uint64_t data[64];
	struct {
		struct ib_uverbs_ioctl_hdr hdr;
		struct ib_uverbs_attr attrs[12];
	} c;
	uint32_t i, n = roll(d) % ARRAY_SIZE(c.attrs);

	memset(&c, 0, sizeof(c));
	for (i = 0; i < ARRAY_SIZE(data); i++)
		data[i] = one_in(d, 3) ? wild_u32(d) : roll(d) % 32;
	c.hdr.length = sizeof(c.hdr) + n * sizeof(c.attrs[0]);
	if (one_in(d, 20))
		c.hdr.length = wild_u32(d);
	c.hdr.object_id = roll(d) % 20 | (one_in(d, 10) ? 0x1000 : 0);
	c.hdr.method_id = roll(d) % 8;
	/* The core (6.1's) refuses a file's second context, and loses a thread there. */
	if (c.hdr.object_id == UVERBS_OBJECT_DEVICE &&
	    c.hdr.method_id == UVERBS_METHOD_GET_CONTEXT)
		return;
	c.hdr.num_attrs = one_in(d, 20) ? wild_u32(d) : n;
	c.hdr.driver_id = one_in(d, 20) ? wild_u32(d) : RDMA_DRIVER_RXE;
	for (i = 0; i < n; i++) {
		c.attrs[i].attr_id = roll(d) % 16 |
				     (one_in(d, 4) ? 0x1000 : 0);
		c.attrs[i].len = one_in(d, 2) ? 4 * (roll(d) % 16) :
						wild_u32(d);
		c.attrs[i].flags = one_in(d, 20) ? roll(d) : roll(d) % 2;
		/* an answer goes to @data, or nowhere */
		c.attrs[i].data = one_in(d, 2) ? (uintptr_t)data :
				  one_in(d, 2) ? roll(d) % 32 :
				  0x8000000000000000 | wild_address(d);
	}
	good_commands += !ioctl(liar.fd, RDMA_VERBS_IOCTL, &c);
}

static void *command(void *arg)
{
	struct dice d = { (uintptr_t)arg };
	struct liar_qp *qp;

	while (!stop) {
		commands++;
		switch (roll(&d) % 16) {
		case 0:
			replace_qp(&d);
			break;
		case 1:
			replace_region(&d);
			break;
		case 2:
			replace_handle(&d);
			break;
		case 3:
		case 4:
			modify_somehow(&d);
			break;
		case 5:
		case 6:
		case 7:
			command_somehow(&d);
			break;
		case 8:
		case 9:
			ioctl_somehow(&d);
			break;
		case 10:
			raw_doorbell(liar.fd, roll(&d) % 64);
			break;
		default:
			qp = &slots[roll(&d) % QPS].qp;
			liar_qp_connect(&liar, qp, one_in(&d, 3) ?
					some_qpn(&d) : qp->raw.core.qpn);
			usleep(roll(&d) % 300);
			break;
		}
	}
	return NULL;
}

static void fuzz(unsigned int seconds, uint64_t seed)
{
	void *(*const threads[])(void *) = { post, scribble, command };
	pthread_t ids[ARRAY_SIZE(threads)];
	size_t i;

	for (i = 0; i < QPS; i++)
		if (!slot_open(&slots[i], i % 3 == 2 ? IBV_QPT_UD :
						       IBV_QPT_RC) ||
		    liar_qp_connect(&liar, &slots[i].qp,
				    slots[i].qp.raw.core.qpn))
			bail("no QP");
	for (i = 0; i < HANDLES; i++)
		raw_create_ah(liar.fd, liar.pd->handle, liar.dev->gid.raw,
			      liar.dev->gid_index, &handles[i]);
	for (i = 0; i < WINDOWS; i++) {
		windows[i] = ibv_alloc_mw(liar.pd, IBV_MW_TYPE_1 + i % 2);
		if (!windows[i])
			bail("no memory window");
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		if (pthread_create(&ids[i], NULL, threads[i],
				   (void *)(seed * 1000003 + i + 1)))
			bail("no thread");
	sleep(seconds);
	stop = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(ids[i], NULL);
}

static void result(bool good, const char *name)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++results, name);
	failed_results += !good;
}

/* A new process's worth of objects, and one request. */
static bool works(void)
{
	struct liar fresh;
	struct ib_uverbs_wc wc;
	struct rxe_send_wqe *wqe;
	bool good;

	case_failed = false;
	liar_open(&fresh, &devices[0], IBV_QPT_RC);
	wqe = liar_send(&fresh.qp);
	wqe->wr.opcode = IBV_WR_RDMA_WRITE;
	wqe->wr.wr.rdma.remote_addr = (uintptr_t)fresh.data;
	wqe->wr.wr.rdma.rkey = fresh.data_mr->rkey;
	wqe->dma.num_sge = 1;
	wqe->dma.sge[0] = (struct rxe_sge) {
		(uintptr_t)fresh.fixed, PAGE, fresh.fixed_mr->lkey,
	};
	good = !liar_ring(&fresh, &fresh.qp) &&
	       liar_next_wc(&fresh, SOON_MS, &wc) &&
	       wc.status == IBV_WC_SUCCESS &&
	       !memcmp(fresh.data, fresh.fixed, PAGE);
	liar_close(&fresh);
	return good && !case_failed;
}

int main(int argc, char **argv)
{
	unsigned int seconds = argc > 2 ? atoi(argv[2]) : 10;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : now_ms();
	uint8_t secret[16];
	uint64_t start;
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 2;
	printf("# seed %llu\n", (unsigned long long)seed);
	bystander_start(&bystander, argv[1]);
	device_open(&devices[0], argv[1]);
	liar_open(&liar, &devices[0], IBV_QPT_RC);
	fuzz(seconds, seed);
	printf("# %lu requests, %lu scribbles, %lu commands (%lu done)\n",
	       requests, scribbles, commands, good_commands);
	for (i = 0; i < ARRAY_SIZE(statuses); i++)
		if (statuses[i])
			printf("# %lu of '%s'\n", statuses[i],
			       ibv_wc_status_str(i));

	result(statuses[0] && statuses[IBV_WC_LOC_PROT_ERR] &&
	       statuses[IBV_WC_REM_ACCESS_ERR],
	       "some requests succeeded, some were refused");
	result(bystander_is_well(&bystander, secret),
	       "the other process is unharmed");
	result(liar_is_contained(&liar), "no other memory is written");
	result(!memmem(liar.data, DATA, secret, sizeof(secret)),
	       "nothing of the other process has been read");

	/* all at once, with what may be under way */
	start = now_ms();
	for (i = 0; i < QPS; i++)
		slot_unmap(&slots[i]);
	ring_unmap(&liar.qp.sq);
	ring_unmap(&liar.qp.rq);
	ring_unmap(&liar.cq);
	result(!ibv_close_device(liar.ctx), "the file closes");
	printf("# closed in %llu ms\n", (unsigned long long)(now_ms() - start));
	result(bystander_is_well(&bystander, secret) &&
	       liar_is_contained(&liar), "still no harm is done");
	result(works(), "the device works");
	bystander_stop(&bystander);
	return failed_results ? 1 : 0;
}
