// SPDX-License-Identifier: GPL-2.0
/*
 * The connection manager as programs use it: many connections at once, private
 * data both ways, rejection, nobody there, disconnection from either end.
 *
 * cm_connections ADDRESS [NUMBER [UNREACHABLE-ADDRESS]]
 */
#include "verbs_common.h"

#include <netdb.h>
#include <pthread.h>
#include <rdma/rdma_cma.h>
#include <sys/resource.h>

#define PORT		"7501"
#define NOBODYS_PORT	"7502"

static const char *address;
static int number = 1000;

/* What a server does with a request says its private data. */
enum wish { ACCEPT, REJECT };

struct private {
	uint32_t wish;
	uint32_t cookie;
};

static struct rdma_addrinfo *resolve(const char *host, const char *port,
				     int flags)
{
	struct rdma_addrinfo hints = {
		.ai_flags = flags | RAI_NUMERICHOST,
		.ai_port_space = RDMA_PS_TCP,
	}, *info;

	if (rdma_getaddrinfo(host, port, &hints, &info))
		bail("no address %s", host);
	return info;
}

static int create_id_qp(struct rdma_cm_id *id)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = { 2, 2, 1, 1, 16 },
	};

	return rdma_create_qp(id, NULL, &init);
}

/* The server: one thread, one channel. */

static struct {
	struct rdma_event_channel *channel;
	struct rdma_cm_id *listener;
	pthread_t thread;
	volatile int established, disconnected, rejected;
} server;

static void server_request(struct rdma_cm_event *event)
{
	const struct private *p = event->param.conn.private_data;
	struct private answer = { .cookie = ~p->cookie };
	struct rdma_conn_param param = {
		.private_data = &answer,
		.private_data_len = sizeof(answer),
		.responder_resources = 1,
		.initiator_depth = 1,
		.rnr_retry_count = 7,
	};
	struct rdma_cm_id *id = event->id;

	if (event->param.conn.private_data_len < sizeof(*p) ||
	    p->wish == REJECT) {
		rdma_reject(id, &answer, sizeof(answer));
		server.rejected++;
		rdma_ack_cm_event(event);
		rdma_destroy_id(id);
		return;
	}
	if (create_id_qp(id) || rdma_accept(id, &param))
		printf("# the server cannot accept: %s\n", strerror(errno));
	rdma_ack_cm_event(event);
}

static void *serve(void *arg)
{
	struct rdma_cm_event *event;

	(void)arg;
	while (!rdma_get_cm_event(server.channel, &event)) {
		struct rdma_cm_id *id = event->id;

		switch (event->event) {
		case RDMA_CM_EVENT_CONNECT_REQUEST:
			server_request(event);
			continue;
		case RDMA_CM_EVENT_ESTABLISHED:
			server.established++;
			break;
		case RDMA_CM_EVENT_DISCONNECTED:
			rdma_ack_cm_event(event);
			rdma_disconnect(id);
			rdma_destroy_qp(id);
			rdma_destroy_id(id);
			server.disconnected++;
			continue;
		default:
			break;
		}
		rdma_ack_cm_event(event);
	}
	return NULL;
}

static void server_start(void)
{
	struct rdma_addrinfo *info = resolve(address, PORT, RAI_PASSIVE);

	server.channel = rdma_create_event_channel();
	if (!server.channel ||
	    rdma_create_id(server.channel, &server.listener, NULL,
			   RDMA_PS_TCP) ||
	    rdma_bind_addr(server.listener, info->ai_src_addr) ||
	    rdma_listen(server.listener, 2048))
		bail("no server at %s", address);
	rdma_freeaddrinfo(info);
	if (pthread_create(&server.thread, NULL, serve, NULL))
		bail("no thread");
}

/* Clients. */

struct client {
	struct rdma_cm_id *id;
	struct rdma_event_channel *channel;
	enum rdma_cm_event_type event;
	int status;
	struct private answer;
	size_t answer_len;
};

static bool next_cm_event(struct client *c)
{
	struct pollfd pollfd = { .fd = c->channel->fd, .events = POLLIN };
	struct rdma_cm_event *event;

	if (poll(&pollfd, 1, 2 * SOON_MS) != 1 ||
	    rdma_get_cm_event(c->channel, &event))
		return false;
	c->event = event->event;
	c->status = event->status;
	c->answer_len = event->param.conn.private_data_len;
	if (event->param.conn.private_data_len >= sizeof(c->answer))
		memcpy(&c->answer, event->param.conn.private_data,
		       sizeof(c->answer));
	rdma_ack_cm_event(event);
	return true;
}

static bool expect_cm_event(int line, struct client *c,
			    enum rdma_cm_event_type want)
{
	if (!next_cm_event(c))
		return expect(false, line, "no %s", rdma_event_str(want));
	return expect(c->event == want, line, "%s (%d), not %s",
		      rdma_event_str(c->event), c->status,
		      rdma_event_str(want));
}

#define EXPECT_CM_EVENT(c, want) \
	expect_cm_event(__LINE__, c, RDMA_CM_EVENT_##want)

/* Up to the route, with a QP. */
static bool client_open(struct client *c, const char *host, const char *port)
{
	struct rdma_addrinfo *info = resolve(host, port, 0);
	bool good;

	memset(c, 0, sizeof(*c));
	c->channel = rdma_create_event_channel();
	if (!c->channel ||
	    rdma_create_id(c->channel, &c->id, NULL, RDMA_PS_TCP))
		bail("no id");
	good = EXPECT_EQ(rdma_resolve_addr(c->id, NULL, info->ai_dst_addr,
					   2000), 0) &&
	       EXPECT_CM_EVENT(c, ADDR_RESOLVED) &&
	       EXPECT_EQ(rdma_resolve_route(c->id, 2000), 0) &&
	       EXPECT_CM_EVENT(c, ROUTE_RESOLVED) &&
	       EXPECT_EQ(create_id_qp(c->id), 0);
	rdma_freeaddrinfo(info);
	return good;
}

static int client_connect(struct client *c, enum wish wish, uint32_t cookie)
{
	struct private request = { wish, cookie };
	struct rdma_conn_param param = {
		.private_data = &request,
		.private_data_len = sizeof(request),
		.responder_resources = 1,
		.initiator_depth = 1,
		.retry_count = 3,
		.rnr_retry_count = 7,
	};

	return rdma_connect(c->id, &param);
}

static void client_close(struct client *c)
{
	if (c->id->qp)
		rdma_destroy_qp(c->id);
	EXPECT_EQ(rdma_destroy_id(c->id), 0);
	rdma_destroy_event_channel(c->channel);
}

static bool server_has(volatile int *count, int want)
{
	uint64_t end = now_ms() + 2 * SOON_MS;

	while (*count < want && now_ms() < end)
		sleep_ms(5);
	return *count == want;
}

/* Cases. */

static void one_connection(void)
{
	int before = server.disconnected;
	struct client c;

	if (client_open(&c, address, PORT)) {
		EXPECT_EQ(client_connect(&c, ACCEPT, 0x1234), 0);
		EXPECT_CM_EVENT(&c, ESTABLISHED);
		EXPECT_EQ(c.answer.cookie, ~0x1234u);
		EXPECT_EQ(rdma_disconnect(c.id), 0);
		EXPECT_CM_EVENT(&c, DISCONNECTED);
		EXPECT(server_has(&server.disconnected, before + 1));
	}
	client_close(&c);
}

static void rejected(void)
{
	struct client c;

	if (client_open(&c, address, PORT)) {
		EXPECT_EQ(client_connect(&c, REJECT, 77), 0);
		EXPECT_CM_EVENT(&c, REJECTED);
		EXPECT_EQ(c.status, 28);	/* by the consumer */
		EXPECT_EQ(c.answer.cookie, ~77u);
	}
	client_close(&c);
}

static void nobody_listens(void)
{
	struct client c;

	if (client_open(&c, address, NOBODYS_PORT)) {
		EXPECT_EQ(client_connect(&c, ACCEPT, 1), 0);
		EXPECT_CM_EVENT(&c, REJECTED);
		EXPECT_EQ(c.status, 8);		/* invalid service ID */
	}
	client_close(&c);
}

/* More private data than a request holds: 56 bytes with the CM's own 36. */
static void too_much_private_data(void)
{
	static uint8_t data[100];
	struct rdma_conn_param param = {
		.private_data = data,
		.private_data_len = sizeof(data),
	};
	struct client c;

	if (client_open(&c, address, PORT)) {
		EXPECT(rdma_connect(c.id, &param));
		EXPECT_ERRNO(errno, EINVAL);
	}
	client_close(&c);
}

/*
 * At most so many at a time wait for the server: the kernel rejects what is more
 * than its limit on backlogs (net.rdma_ucm.max_backlog).
 */
#define WINDOW	200

static bool wait_established(struct client *c, uint32_t cookie)
{
	return EXPECT_CM_EVENT(c, ESTABLISHED) &&
	       EXPECT_EQ(c->answer.cookie, ~cookie);
}

static void many(void)
{
	struct client *c = calloc(number, sizeof(*c));
	int before = server.disconnected;
	int established = server.established, i, n;
	uint64_t begin = now_ms();

	for (n = 0; n < number; n++)
		if (!client_open(&c[n], address, PORT))
			break;
	for (i = 0; i < n + WINDOW; i++) {
		if (i < n && !EXPECT_EQ(client_connect(&c[i], ACCEPT, i), 0))
			break;
		if (i >= WINDOW && !wait_established(&c[i - WINDOW], i - WINDOW))
			break;
	}
	EXPECT(server_has(&server.established, established + n));
	for (i = 0; i < n; i++)
		EXPECT_EQ(rdma_disconnect(c[i].id), 0);
	for (i = 0; i < n; i++)
		if (!EXPECT_CM_EVENT(&c[i], DISCONNECTED))
			break;
	EXPECT(server_has(&server.disconnected, before + n));
	for (i = 0; i < n; i++)
		client_close(&c[i]);
	EXPECT_EQ(n, number);
	printf("# %d connections: %llu ms\n", n,
	       (unsigned long long)(now_ms() - begin));
	free(c);
}

static const char *nobody;

/* Where nobody is the connection is refused when it is asked for. */
static void unreachable(void)
{
	struct client c;

	if (!nobody)
		return;
	if (client_open(&c, nobody, PORT)) {
		EXPECT(client_connect(&c, ACCEPT, 1) ||
		       (next_cm_event(&c) &&
			c.event == RDMA_CM_EVENT_UNREACHABLE));
	}
	client_close(&c);
}

static const struct test_case cases[] = {
	CASE("a connection, with private data", one_connection),
	CASE("rejected, with private data", rejected),
	CASE("nobody listens", nobody_listens),
	CASE("too much private data", too_much_private_data),
	CASE("nobody is there", unreachable),
	CASE("many connections", many),
};

int main(int argc, char **argv)
{
	/* A channel for each, and two more for its queues at both ends. */
	struct rlimit files = { 65536, 65536 };
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2)
		return 2;
	setrlimit(RLIMIT_NOFILE, &files);
	address = argv[1];
	if (argc > 2)
		number = atoi(argv[2]);
	if (argc > 3)
		nobody = argv[3];
	server_start();
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		case_failed = false;
		cases[i].run();
		printf("%s %d - %s: %s\n", case_failed ? "not ok" : "ok",
		       ++results, address, cases[i].name);
		failed_results += case_failed;
	}
	return failed_results ? 1 : 0;
}
