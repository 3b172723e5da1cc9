// SPDX-License-Identifier: GPL-2.0
/*
 * Failures of allocations in each step of a connection by librdmacm. Both ends
 * are here, each with an event channel of its own, which do not block: librdmacm
 * drops a request for a connection that it has no memory for, and would wait for
 * the next one.
 *
 *	failures_cm DEVICE ADDRESS [PATTERN]
 */
#include <rdma/rdma_cma.h>

#include "verbs_common.h"
#include "failures.h"

#define PORT	7500

static const char *address;

static struct rdma_event_channel *server_channel, *client_channel;
static struct rdma_cm_id *listener, *server, *client;

/* Steps, in the order of a connection. */

static int create_channel(struct rdma_event_channel **made)
{
	errno = 0;
	*made = rdma_create_event_channel();
	if (!*made)
		return errno_of(-1);
	fcntl((*made)->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

static int create_server_channel(void)
{
	return create_channel(&server_channel);
}

static int create_client_channel(void)
{
	return create_channel(&client_channel);
}

static int create_listener(void)
{
	return errno_of(rdma_create_id(server_channel, &listener, NULL,
				       RDMA_PS_TCP));
}

static struct sockaddr_in where(int port)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};

	inet_pton(AF_INET, address, &to.sin_addr);
	return to;
}

static int bind_listener(void)
{
	struct sockaddr_in to = where(PORT);

	return errno_of(rdma_bind_addr(listener, (struct sockaddr *)&to));
}

static int do_listen(void)
{
	return errno_of(rdma_listen(listener, 4));
}

static int create_client(void)
{
	return errno_of(rdma_create_id(client_channel, &client, NULL,
				       RDMA_PS_TCP));
}

static int resolve_addr(void)
{
	struct sockaddr_in to = where(PORT);

	return errno_of(rdma_resolve_addr(client, NULL, (struct sockaddr *)&to,
					  SOON_MS));
}

static int resolve_route(void)
{
	return errno_of(rdma_resolve_route(client, SOON_MS));
}

static int create_qp_on(struct rdma_cm_id *id)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
		.cap = {
			.max_send_wr = 4,
			.max_recv_wr = 4,
			.max_send_sge = 1,
			.max_recv_sge = 1,
		},
	};

	return errno_of(rdma_create_qp(id, NULL, &init));
}

static int create_client_qp(void)
{
	return create_qp_on(client);
}

static int create_server_qp(void)
{
	return create_qp_on(server);
}

static const struct rdma_conn_param param = {
	.responder_resources = 1,
	.initiator_depth = 1,
	.retry_count = 2,
	.rnr_retry_count = 7,
};

static int do_connect(void)
{
	struct rdma_conn_param mine = param;

	return errno_of(rdma_connect(client, &mine));
}

static int do_accept(void)
{
	struct rdma_conn_param mine = param;

	return errno_of(rdma_accept(server, &mine));
}

static int do_reject(void)
{
	return errno_of(rdma_reject(server, "no", 2));
}

static int do_disconnect(void)
{
	return errno_of(rdma_disconnect(client));
}

/* Events */

static bool there_is_one(struct rdma_event_channel *channel)
{
	struct pollfd pollfd = { .fd = channel->fd, .events = POLLIN };

	return poll(&pollfd, 1, SOON_MS) == 1;
}

/* The next event; its id if it is the one that is wanted. */
static int get_event(struct rdma_event_channel *channel,
		     enum rdma_cm_event_type want, struct rdma_cm_id **id)
{
	struct rdma_cm_event *event;
	int err;

	errno = 0;
	if (rdma_get_cm_event(channel, &event))
		return errno_of(-1);
	err = event->event == want ? 0 : EPROTO;
	if (err)
		printf("# event %s (%d), not %s\n",
		       rdma_event_str(event->event), event->status,
		       rdma_event_str(want));
	else if (id)
		*id = event->id;
	rdma_ack_cm_event(event);
	return err;
}

static void expect_event_of(struct rdma_event_channel *channel,
			    enum rdma_cm_event_type want,
			    struct rdma_cm_id **id)
{
	if (!there_is_one(channel) || get_event(channel, want, id))
		bail("no event %s", rdma_event_str(want));
}

static int get_request(void)
{
	return get_event(server_channel, RDMA_CM_EVENT_CONNECT_REQUEST,
			 &server);
}

static int get_established(void)
{
	return get_event(client_channel, RDMA_CM_EVENT_ESTABLISHED, NULL);
}

/* How far a connection is made. */

enum stage {
	CHANNELS,
	LISTENER,
	BOUND,
	LISTENING,
	CLIENT,
	ADDR_RESOLVED,
	ROUTE_RESOLVED,
	CLIENT_QP,
	REQUEST_WAITS,
	REQUESTED,
	SERVER_QP,
	ACCEPTED,
	CONNECTED,
};

static void must(int err, const char *what)
{
	errno = err;
	if (err)
		bail("%s", what);
}

#define MUST(step)	must(step(), #step)

static void up_to(enum stage stage)
{
	MUST(create_server_channel);
	MUST(create_client_channel);
	if (stage >= LISTENER)
		MUST(create_listener);
	if (stage >= BOUND)
		MUST(bind_listener);
	if (stage >= LISTENING)
		MUST(do_listen);
	if (stage >= CLIENT)
		MUST(create_client);
	if (stage >= ADDR_RESOLVED) {
		MUST(resolve_addr);
		expect_event_of(client_channel, RDMA_CM_EVENT_ADDR_RESOLVED,
				NULL);
	}
	if (stage >= ROUTE_RESOLVED) {
		MUST(resolve_route);
		expect_event_of(client_channel, RDMA_CM_EVENT_ROUTE_RESOLVED,
				NULL);
	}
	if (stage >= CLIENT_QP)
		MUST(create_client_qp);
	if (stage >= REQUEST_WAITS) {
		MUST(do_connect);
		if (!there_is_one(server_channel))
			bail("no request");
	}
	if (stage >= REQUESTED)
		MUST(get_request);
	if (stage >= SERVER_QP)
		MUST(create_server_qp);
	if (stage >= ACCEPTED) {
		MUST(do_accept);
		if (!there_is_one(client_channel))
			bail("no answer");
	}
	if (stage >= CONNECTED) {
		MUST(get_established);
		expect_event_of(server_channel, RDMA_CM_EVENT_ESTABLISHED,
				NULL);
	}
}

#define UP_TO(stage, name) \
	static void name(void) { up_to(stage); }

UP_TO(CHANNELS, with_channels)
UP_TO(LISTENER, with_listener)
UP_TO(BOUND, with_bound)
UP_TO(LISTENING, with_listening)
UP_TO(CLIENT, with_client)
UP_TO(ADDR_RESOLVED, with_addr)
UP_TO(ROUTE_RESOLVED, with_route)
UP_TO(CLIENT_QP, with_client_qp)
UP_TO(REQUEST_WAITS, with_request_waiting)
UP_TO(REQUESTED, with_request)
UP_TO(SERVER_QP, with_server_qp)
UP_TO(ACCEPTED, with_answer_waiting)
UP_TO(CONNECTED, with_connection)

static int destroy_id(struct rdma_cm_id **id)
{
	int err = 0;

	if (*id) {
		if ((*id)->qp)
			rdma_destroy_qp(*id);
		err = errno_of(rdma_destroy_id(*id));
	}
	if (!err)
		*id = NULL;
	return err;
}

static int destroy_client(void)
{
	return destroy_id(&client);
}

static int destroy_listener(void)
{
	return destroy_id(&listener);
}

/* Events that wait hold what they are about. */
static void drain(struct rdma_event_channel *channel)
{
	struct rdma_cm_event *event;

	while (channel && !rdma_get_cm_event(channel, &event)) {
		struct rdma_cm_id *id = event->id;
		bool request = event->event == RDMA_CM_EVENT_CONNECT_REQUEST;

		rdma_ack_cm_event(event);
		if (request)
			rdma_destroy_id(id);
	}
}

static void destroy_channel(struct rdma_event_channel **channel)
{
	if (*channel)
		rdma_destroy_event_channel(*channel);
	*channel = NULL;
}

/* A result that was lost leaves nothing that can be undone but a channel. */
static void forget_all(void)
{
	drain(server_channel);
	drain(client_channel);
	destroy_id(&client);
	destroy_id(&server);
	destroy_id(&listener);
	client = NULL;
	server = NULL;
	listener = NULL;
	destroy_channel(&server_channel);
	destroy_channel(&client_channel);
}

static int destroy_channels(void)
{
	destroy_channel(&server_channel);
	destroy_channel(&client_channel);
	return 0;
}

/* All at once, as when a process ends. */
static int close_channels(void)
{
	if (server_channel)
		close(server_channel->fd);
	if (client_channel)
		close(client_channel->fd);
	return 0;
}

/* What is left in user space then, QPs among it. */
static void forget_closed(void)
{
	if (client && client->qp)
		rdma_destroy_qp(client);
	if (server && server->qp)
		rdma_destroy_qp(server);
	client = NULL;
	server = NULL;
	listener = NULL;
	server_channel = NULL;
	client_channel = NULL;
}

static const struct operation operations[] = {
	{ "create_event_channel", NULL, create_client_channel, forget_all, 0,
	  0 },
	{ "create_id", with_channels, create_client, forget_all, 0, 0 },
	{ "bind_addr", with_listener, bind_listener, forget_all, 0, RENEW },
	{ "listen", with_bound, do_listen, forget_all, 0, RENEW },
	{ "resolve_addr", with_client, resolve_addr, forget_all, 0, RENEW },
	{ "resolve_route", with_addr, resolve_route, forget_all, 0, RENEW },
	{ "create_qp", with_route, create_client_qp, forget_all, 0, 0 },
	{ "connect", with_client_qp, do_connect, forget_all, 0, RENEW },
	{ "get_cm_event of a request", with_request_waiting, get_request,
	  forget_all, EAGAIN, RENEW },
	{ "reject", with_request, do_reject, forget_all, 0, RENEW },
	{ "create_qp of the server", with_request, create_server_qp,
	  forget_all, 0, 0 },
	{ "accept", with_server_qp, do_accept, forget_all, 0, RENEW },
	/* librdmacm makes it an event that tells of an error */
	{ "get_cm_event of the answer", with_answer_waiting, get_established,
	  forget_all, EPROTO, RENEW },
	{ "disconnect", with_connection, do_disconnect, forget_all, 0, RENEW },
	{ "destroy_id of a listener", with_listening, destroy_listener,
	  forget_all, 0, MAY_BE_DONE },
	{ "destroy_id of a connection", with_connection, destroy_client,
	  forget_all, 0, MAY_BE_DONE },
	{ "destroy_event_channel", with_channels, destroy_channels, forget_all,
	  0, MAY_NOT_ASK },
	{ "close with a connection", with_connection, close_channels,
	  forget_closed, 0, MAY_NOT_ASK },
};

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: %s DEVICE ADDRESS [PATTERN]\n",
			argv[0]);
		return 2;
	}
	device_open(&devices[0], argv[1]);
	address = argv[2];
	failures_begin();
	return inject_all(operations, ARRAY_SIZE(operations),
			  argc > 3 ? argv[3] : "*");
}
