// SPDX-License-Identifier: GPL-2.0
/*
 * Random traffic between many QPs of several processes, of which every byte is
 * compared: operations of all kinds that the device has, sizes, alignments, ranges,
 * kinds of memory, regions over the same memory, SRQs, both directions at once.
 *
 * usage: datacheck [-s SEED] [-t SECONDS] [-c CONNECTIONS] [-p PROCESSES] DEVICE [DEVICE]
 *
 * What is done follows from the seed (datacheck_plan.h); how it is scheduled does
 * not. DATACHECK_CORRUPT in the environment spoils something on purpose: a byte of
 * the "sender", the "receiver", the "SRQ" or the "target", or a "lost" message.
 */
#include "datacheck_flow.h"
#include "datacheck_receive.h"
#include "datacheck_send.h"

#include <sys/random.h>
#include <sys/wait.h>

static unsigned int seconds = 10, nr_processes = 4, nr_devices;
static struct host hosts[2];
static struct side *sides;
static unsigned int nr_sides;
static uint64_t last_progress;
static bool has_type[NR_TYPES], has_atomics, has_srq;
static uint32_t odp_rc, odp_ud, datagram_bytes;

/* What the devices can do. */

static bool can_make(struct ibv_pd *pd, struct ibv_cq *cq, enum ibv_qp_type type)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq, .recv_cq = cq, .qp_type = type,
		.cap = { 1, 1, 1, 1, 0 },
	};
	struct ibv_qp *qp = ibv_create_qp(pd, &init);

	return qp && !ibv_destroy_qp(qp);
}

static void look_at(struct device *dev)
{
	struct ibv_device_attr_ex ex;
	struct ibv_port_attr port;
	struct ibv_pd *pd = ibv_alloc_pd(dev->ctx);
	struct ibv_cq *cq = ibv_create_cq(dev->ctx, 1, NULL, NULL, 0);
	int i;

	if (!pd || !cq || ibv_query_port(dev->ctx, 1, &port) ||
	    ibv_query_device_ex(dev->ctx, NULL, &ex))
		bail("no queries of %s", dev->name);
	for (i = 0; i < NR_TYPES; i++)
		has_type[i] = has_type[i] && can_make(pd, cq, qp_types[i]);
	has_atomics = has_atomics && dev->attr.atomic_cap != IBV_ATOMIC_NONE;
	has_srq = has_srq && dev->attr.max_srq;
	if (!(ex.odp_caps.general_caps & IBV_ODP_SUPPORT))
		odp_rc = odp_ud = 0;
	odp_rc &= ex.odp_caps.per_transport_caps.rc_odp_caps;
	odp_ud &= ex.odp_caps.per_transport_caps.ud_odp_caps;
	if (datagram_bytes > 128u << port.active_mtu)
		datagram_bytes = 128u << port.active_mtu;
	ibv_destroy_cq(cq);
	ibv_dealloc_pd(pd);
}

static void open_devices(char **names)
{
	unsigned int i;

	for (i = 0; i < nr_devices; i++)
		device_open(&devices[i], names[i]);
}

/* Before the processes are made: what all devices can do. */
static void look_at_devices(char **names)
{
	unsigned int i;

	memset(has_type, true, sizeof(has_type));
	has_atomics = has_srq = true;
	odp_rc = odp_ud = ~0;
	datagram_bytes = 4096;
	open_devices(names);
	for (i = 0; i < nr_devices; i++) {
		look_at(&devices[i]);
		ibv_close_device(devices[i].ctx);
		memset(&devices[i], 0, sizeof(devices[i]));
	}
}

/* The connections. */

static enum memory choose_memory(struct rng *rng, int type, uint32_t odp_needs)
{
	uint32_t odp = type == RC ? odp_rc : type == UD ? odp_ud : 0;
	bool on_demand = (odp & odp_needs) == odp_needs;

	return below(rng, on_demand ? NR_MEMORIES : ON_DEMAND);
}

/* Each type, and RC for two thirds. */
static int choose_type(unsigned int n)
{
	int type = n & 1 ? n / 2 % NR_TYPES : RC;

	return has_type[type] ? type : RC;
}

static void choose_side(struct rng *rng, struct connection *c, int i)
{
	typeof(c->side[0]) *side = &c->side[i];

	side->device = below(rng, nr_devices);
	side->process = below(rng, nr_processes);
	side->send_sge = 1 + below(rng, MOST_SGE);
	side->recv_sge = 1 + below(rng, MOST_SGE);
	side->inlined = one_in(rng, 4) ? 0 : below(rng, 400);
	side->srq = has_srq && one_in(rng, 3);
	side->reads = 1 + below(rng, 16);
	side->local = choose_memory(rng, c->type, IBV_ODP_SUPPORT_SEND |
				    (c->type == RC ? IBV_ODP_SUPPORT_WRITE |
						     IBV_ODP_SUPPORT_READ : 0));
	side->receive = choose_memory(rng, c->type, IBV_ODP_SUPPORT_RECV);
	side->target = choose_memory(rng, c->type, IBV_ODP_SUPPORT_WRITE |
				     IBV_ODP_SUPPORT_READ |
				     (has_atomics ? IBV_ODP_SUPPORT_ATOMIC : 0));
}

static void choose_powers(struct connection *c, int i)
{
	struct powers *p = &c->powers[i];
	typeof(c->side[0]) *peer = &c->side[!i];

	p->kinds[SEND] = p->kinds[SEND_IMM] = true;
	p->kinds[WRITE] = p->kinds[WRITE_IMM] = c->type != UD;
	p->kinds[READ] = c->type == RC;
	p->kinds[FETCH_ADD] = p->kinds[CMP_SWAP] = c->type == RC && has_atomics;
	p->most = c->type == UD ? datagram_bytes : MOST_BYTES;
	p->most_send = peer->srq && p->most > SRQ_BYTES ? SRQ_BYTES : p->most;
	p->may_be_late = c->type == RC && !peer->srq;
	p->ends_with_send = c->type == UC;
	p->target_on_demand = peer->target == ON_DEMAND;
}

static void choose_connections(void)
{
	struct rng rng = rng_for(seed, 0, 0, 0);
	unsigned int n;

	for (n = 0; n < nr_connections; n++) {
		struct connection *c = &connections[n];

		c->type = choose_type(n);
		choose_side(&rng, c, 0);
		choose_side(&rng, c, 1);
		choose_powers(c, 0);
		choose_powers(c, 1);
	}
}

/* A process's objects. */

static void host_open(struct host *host, struct device *dev)
{
	struct rng rng = rng_for(seed, my_process, dev - devices, 5);
	int i;

	host->dev = dev;
	host->pd = ibv_alloc_pd(dev->ctx);
	host->channel = ibv_create_comp_channel(dev->ctx);
	for (i = 0; i < NR_CQS; i++) {
		host->cq[i] = ibv_create_cq(dev->ctx, 4000, host, host->channel,
					    0);
		if (!host->pd || !host->channel || !host->cq[i])
			bail("no CQ");
	}
	if (has_srq)
		host->pool = pool_open(dev, host->pd,
				       below(&rng, ON_DEMAND), &rng);
}

static void host_close(struct host *host)
{
	int i;

	if (host->pool)
		pool_close(host->pool);
	for (i = 0; i < NR_CQS; i++)
		if (ibv_destroy_cq(host->cq[i]))
			bail("a CQ does not go");
	if (ibv_destroy_comp_channel(host->channel) || ibv_dealloc_pd(host->pd))
		bail("a PD or channel does not go");
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static void side_open(struct side *side, struct connection *conn,
		      unsigned int number)
{
	struct rng rng = rng_for(seed, number, 0, 6);
	struct ibv_qp_init_attr init = { 0 };
	struct host *host;

	side->conn = conn;
	side->number = number;
	side->host = host = &hosts[MY(side).device];
	MY(side).send_sge = least(MY(side).send_sge,
				  least(host->dev->attr.max_sge,
					host->dev->attr.max_sge_rd));
	MY(side).recv_sge = least(MY(side).recv_sge, host->dev->attr.max_sge);
	init.send_cq = host->cq[below(&rng, NR_CQS)];
	init.recv_cq = host->cq[below(&rng, NR_CQS)];
	init.srq = MY(side).srq ? host->pool->srq : NULL;
	init.qp_type = qp_types[conn->type];
	init.cap.max_send_wr = MOST_OPS + below(&rng, 50);
	init.cap.max_recv_wr = MOST_OPS + below(&rng, 50);
	init.cap.max_send_sge = MY(side).send_sge;
	init.cap.max_recv_sge = MY(side).recv_sge;
	init.cap.max_inline_data = MY(side).inlined;
	side->qp = ibv_create_qp(host->pd, &init);
	if (!side->qp)
		bail("no %s QP", type_name[conn->type]);
	arena_open(&side->sender.arena, host->pd, MY(side).local,
		   IBV_ACCESS_LOCAL_WRITE);
	arena_open(&side->receiver.arena, host->pd, MY(side).receive,
		   IBV_ACCESS_LOCAL_WRITE);
	arena_open(&side->receiver.target, host->pd, MY(side).target,
		   ALL_ACCESS | (has_atomics ? IBV_ACCESS_REMOTE_ATOMIC : 0));
	atomic_store(&shared->side[number].qpn, side->qp->qp_num);
}

static void side_close(struct side *side)
{
	if (ibv_destroy_qp(side->qp) ||
	    (side->ah && ibv_destroy_ah(side->ah)))
		bail("a QP or AH does not go");
	arena_close(&side->sender.arena);
	arena_close(&side->receiver.arena);
	arena_close(&side->receiver.target);
}

static void connect_datagrams(struct side *side, struct ibv_ah_attr *av)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = QKEY,
	};

	if (ibv_modify_qp(side->qp, &attr, IBV_QP_STATE | IBV_QP_PORT |
			  IBV_QP_PKEY_INDEX | IBV_QP_QKEY) ||
	    to_state(side->qp, IBV_QPS_RTR))
		bail("a UD QP does not come up");
	attr.qp_state = IBV_QPS_RTS;
	if (ibv_modify_qp(side->qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN))
		bail("a UD QP does not come up");
	side->ah = ibv_create_ah(side->host->pd, av);
	if (!side->ah)
		bail("no AH");
}

static void connect_side(struct side *side)
{
	struct device *peer = &devices[side->conn->side[!(side->number & 1)].device];
	bool rc = side->conn->type == RC;
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = ALL_ACCESS |
			(has_atomics ? IBV_ACCESS_REMOTE_ATOMIC : 0),
		.path_mtu = IBV_MTU_1024,
		.dest_qp_num = shared->side[side->number ^ 1].qpn,
		.max_dest_rd_atomic = side->conn->side[!(side->number & 1)].reads,
		.max_rd_atomic = MY(side).reads,
		.min_rnr_timer = 1, .timeout = 18, .retry_cnt = 7, .rnr_retry = 7,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = {
				.dgid = peer->gid,
				.sgid_index = side->host->dev->gid_index,
				.hop_limit = 64,
			},
		},
	};

	if (side->conn->type == UD) {
		connect_datagrams(side, &attr.ah_attr);
		return;
	}
	if (ibv_modify_qp(side->qp, &attr, IBV_QP_STATE | IBV_QP_PORT |
			  IBV_QP_PKEY_INDEX | IBV_QP_ACCESS_FLAGS))
		bail("a QP does not reach INIT");
	attr.qp_state = IBV_QPS_RTR;
	if (ibv_modify_qp(side->qp, &attr, IBV_QP_STATE | IBV_QP_AV |
			  IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			  (rc ? IBV_QP_MAX_DEST_RD_ATOMIC |
				IBV_QP_MIN_RNR_TIMER : 0)))
		bail("a QP does not reach RTR");
	attr.qp_state = IBV_QPS_RTS;
	if (ibv_modify_qp(side->qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN |
			  (rc ? IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
				IBV_QP_RNR_RETRY | IBV_QP_MAX_QP_RD_ATOMIC : 0)))
		bail("a QP does not reach RTS");
}

/* What a process does. */

/* All processes get here, or one fails. */
static void barrier(int n)
{
	uint64_t end = now_ms() + 4 * SOON_MS;

	atomic_fetch_add(&shared->barrier[n], 1);
	while (atomic_load(&shared->barrier[n]) < nr_processes) {
		if (atomic_load(&shared->failed))
			exit(1);
		if (now_ms() > end)
			bail("the other processes do not get on");
		sleep_ms(1);
	}
}

static void take_completion(const struct ibv_wc *wc)
{
	unsigned int i;

	for (i = 0; i < nr_sides; i++)
		if (sides[i].qp->qp_num == wc->qp_num)
			break;
	if (i == nr_sides)
		bail("a completion of QP %u, which is nobody's", wc->qp_num);
	atomic_fetch_add(&shared->totals.completions, 1);
	if (wc->status != IBV_WC_SUCCESS)
		wrong(&sides[i], 0, "wr_id %#llx: %s",
		      (unsigned long long)wc->wr_id,
		      ibv_wc_status_str(wc->status));
	if (wc->opcode & IBV_WC_RECV)
		receiver_completion(&sides[i], wc);
	else
		sender_completion(&sides[i], wc);
}

/* The number of completions that there were. */
static unsigned int poll_all(void)
{
	unsigned int i, n = 0;
	struct ibv_wc wc[8];
	int j, got;

	for (i = 0; i < nr_devices * NR_CQS; i++) {
		struct ibv_cq *cq = hosts[i / NR_CQS].cq[i % NR_CQS];

		got = ibv_poll_cq(cq, ARRAY_SIZE(wc), wc);
		if (got < 0)
			bail("polling fails");
		for (j = 0; j < got; j++)
			take_completion(&wc[j]);
		n += got;
	}
	return n;
}

static bool step_all(void)
{
	bool moved = false;
	unsigned int i;

	for (i = 0; i < nr_sides; i++) {
		moved |= receiver_step(&sides[i]);
		if (!sides[i].sender.running)
			moved |= sender_begin(&sides[i]);
	}
	return moved;
}

static bool all_over(void)
{
	unsigned int i;

	for (i = 0; i < nr_sides; i++)
		if (!sides[i].receiver.closed ||
		    !atomic_load(&shared->flow[flow_out(&sides[i])].finished))
			return false;
	return true;
}

static void show_stuck(void)
{
	unsigned int i;

	for (i = 0; i < nr_sides; i++) {
		struct sender *s = &sides[i].sender;
		struct receiver *r = &sides[i].receiver;

		printf("# QP %u, connection %u (%s), side %u: sends batch %u%s, %u of %u; receives batch %u%s, %u of %u\n",
		       sides[i].qp->qp_num, sides[i].number / 2,
		       type_name[sides[i].conn->type], sides[i].number & 1,
		       s->number, s->running ? "" : " (over)", s->next,
		       s->batch.ops, r->number, r->closed ? " (closed)" : "",
		       r->received, r->batch.receives);
	}
	bail("process %u does not get on", my_process);
}

/* Half of the processes wait for events when there is nothing to do. */
static void idle(void)
{
	struct pollfd pollfd[2];
	struct ibv_cq *cq;
	unsigned int i;
	void *context;

	if (now_ms() - last_progress > 2 * SOON_MS)
		show_stuck();
	if (my_process & 1) {
		usleep(100);
		return;
	}
	for (i = 0; i < nr_devices * NR_CQS; i++)
		if (ibv_req_notify_cq(hosts[i / NR_CQS].cq[i % NR_CQS], 0))
			bail("no notification");
	if (poll_all())
		return;
	for (i = 0; i < nr_devices; i++)
		pollfd[i] = (struct pollfd) {
			.fd = hosts[i].channel->fd, .events = POLLIN,
		};
	/* what other processes say comes without an event */
	if (poll(pollfd, nr_devices, 2) <= 0)
		return;
	for (i = 0; i < nr_devices; i++) {
		if (!(pollfd[i].revents & POLLIN))
			continue;
		if (ibv_get_cq_event(hosts[i].channel, &cq, &context))
			bail("no event");
		ibv_ack_cq_events(cq, 1);
	}
}

static void open_sides(void)
{
	unsigned int i;

	sides = calloc(2 * nr_connections, sizeof(*sides));
	if (!sides)
		bail("no memory");
	for (i = 0; i < 2 * nr_connections; i++)
		if (connections[i / 2].side[i & 1].process == my_process)
			side_open(&sides[nr_sides++], &connections[i / 2], i);
	barrier(0);
	for (i = 0; i < nr_sides; i++)
		connect_side(&sides[i]);
	barrier(1);
}

static void close_sides(void)
{
	unsigned int i;

	/* what comes now is one too many */
	barrier(2);
	sleep_ms(20);
	if (poll_all())
		bail("completions when all is over");
	barrier(3);
	for (i = 0; i < nr_sides; i++)
		side_close(&sides[i]);
	for (i = 0; i < nr_devices; i++) {
		expect_no_event(__LINE__, &devices[i]);
		host_close(&hosts[i]);
		if (ibv_close_device(devices[i].ctx))
			bail("the device does not close");
	}
	for (i = 0; i < NR_MEMORIES; i++)
		atomic_fetch_add(&shared->totals.arenas[i], arenas_of[i]);
}

static int process(char **names)
{
	unsigned int i;

	open_devices(names);
	for (i = 0; i < nr_devices; i++)
		host_open(&hosts[i], &devices[i]);
	open_sides();
	last_progress = now_ms();
	while (!all_over()) {
		if (atomic_load(&shared->failed))
			return 1;
		if (poll_all() + step_all())
			last_progress = now_ms();
		else
			idle();
	}
	close_sides();
	return case_failed;
}

/* The first process: starts the others, ends them, and says how it was. */

static bool results_of(int type)
{
	struct totals *t = &shared->totals;
	bool good = true;
	int i;

	if (!t->batches[type])
		return false;
	printf("# %s:", type_name[type]);
	for (i = 0; i < NR_KINDS; i++) {
		bool meant = i <= SEND_IMM || (i <= WRITE_IMM && type != UD) ||
			     (i == READ && type == RC) ||
			     (i > READ && type == RC && has_atomics);

		if (meant)
			printf(" %s %llu,", kind_name[i], t->ops[type][i]);
		good = good && (!meant || t->ops[type][i]);
	}
	printf(" %llu batches, %llu MiB\n", t->batches[type],
	       t->bytes[type] >> 20);
	return good;
}

static void results_of_all(bool good)
{
	struct totals *t = &shared->totals;
	int i;

	printf("# arenas:");
	for (i = 0; i < NR_MEMORIES; i++)
		printf(" %s %llu,", memory_name[i], t->arenas[i]);
	printf(" %llu MiB compared\n", t->compared >> 20);
	printf("# %llu completions, %llu requests inline, %llu messages by SRQ, %llu batches with late receives\n",
	       t->completions, t->inlined, t->srq, t->late);
	for (i = 0; i < NR_TYPES; i++) {
		bool done;

		if (!has_type[i]) {
			printf("ok %d - datacheck: %s # SKIP the device has none\n",
			       ++results, type_name[i]);
			continue;
		}
		done = results_of(i);
		printf("%s %d - datacheck: %s, every byte right, each operation done\n",
		       good && done ? "ok" : "not ok", ++results, type_name[i]);
		good = good && done;
	}
	failed_results += !good;
}

/* The time counts from when all have their memory and their connections. */
static bool wait_for(pid_t *pids)
{
	uint64_t end = UINT64_MAX, kill_at = UINT64_MAX;
	unsigned int left = nr_processes, i;
	bool good = true;
	int status;

	while (left) {
		if (end == UINT64_MAX &&
		    atomic_load(&shared->barrier[1]) == nr_processes) {
			end = now_ms() + seconds * 1000ull;
			kill_at = end + 3 * SOON_MS;
		}
		for (i = 0; i < nr_processes; i++) {
			if (!pids[i] || waitpid(pids[i], &status, WNOHANG) <= 0)
				continue;
			pids[i] = 0;
			left--;
			if (!status)
				continue;
			good = false;
			atomic_store(&shared->failed, 1);
			if (WIFSIGNALED(status))
				printf("# process %u: signal %d\n", i,
				       WTERMSIG(status));
		}
		if (now_ms() > end)
			atomic_store(&shared->stop, 1);
		for (i = 0; i < nr_processes; i++)
			if (pids[i] && now_ms() > kill_at)
				kill(pids[i], SIGKILL);
		sleep_ms(10);
	}
	return good;
}

static void usage(const char *name)
{
	fprintf(stderr, "usage: %s [-s SEED] [-t SECONDS] [-c CONNECTIONS] [-p PROCESSES] DEVICE [DEVICE]\n",
		name);
	exit(2);
}

static void options_of(int argc, char **argv)
{
	int c;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		seed = now_ms();
	nr_connections = 24;
	while ((c = getopt(argc, argv, "s:t:c:p:")) != -1) {
		switch (c) {
		case 's': seed = strtoull(optarg, NULL, 0); break;
		case 't': seconds = atoi(optarg); break;
		case 'c': nr_connections = atoi(optarg); break;
		case 'p': nr_processes = atoi(optarg); break;
		default: usage(argv[0]);
		}
	}
	nr_devices = argc - optind;
	if (nr_devices < 1 || nr_devices > 2 || nr_processes < 1 ||
	    nr_connections < 6 || nr_connections > MOST_CONNECTIONS)
		usage(argv[0]);
	if (getenv("DATACHECK_CORRUPT"))
		corrupt = getenv("DATACHECK_CORRUPT");
}

int main(int argc, char **argv)
{
	pid_t *pids;

	setvbuf(stdout, NULL, _IOLBF, 0);
	options_of(argc, argv);
	printf("# seed %#llx, %u connections, %u processes, %u s\n",
	       (unsigned long long)seed, nr_connections, nr_processes, seconds);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pids = calloc(nr_processes, sizeof(*pids));
	if (shared == MAP_FAILED || !pids)
		bail("no memory");
	look_at_devices(argv + optind);
	choose_connections();
	for (; my_process < nr_processes; my_process++) {
		pids[my_process] = fork();
		if (pids[my_process] < 0)
			bail("no process");
		if (!pids[my_process])
			exit(process(argv + optind));
	}
	results_of_all(wait_for(pids));
	return failed_results ? 1 : 0;
}
