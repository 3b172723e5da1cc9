// SPDX-License-Identifier: GPL-2.0
/*
 * Multicast: who gets a datagram to a group, how often and with which header;
 * who does not; limits. With OTHER_NETDEV=1 the second device is on another
 * netdev than the first, which is another network as far as multicast goes.
 * (IBTA vol. 1, 10.5 and 11.2.12; annex A17 for the header.)
 */
#include "verbs_common.h"

#include <netinet/ip.h>

#define GRH	40
#define LEN	200
#define MCAST_QPN	0xffffff

static const char * const groups[] = { "::ffff:239.7.7.1", "ff0e::7:7:1" };

static union ibv_gid mgid_of(const char *text)
{
	union ibv_gid gid;

	if (inet_pton(AF_INET6, text, gid.raw) != 1)
		bail("no GID: %s", text);
	return gid;
}

static struct options ud_options(void)
{
	struct options opt = usual;

	opt.type = IBV_QPT_UD;
	return opt;
}

static void member_open(struct end *end, int device)
{
	struct options opt = ud_options();
	struct ibv_sge sge;

	end_open(end, device_of(device), &opt);
	end_connect(end, end);
	sge = sge_of(end, 0, GRH + LEN);
	EXPECT_EQ(post_recv(end, 1, &sge), 0);
}

/* To a group, from the end's own address; the payload is filled with @seed. */
static void send_to(struct end *from, const union ibv_gid *dgid, uint32_t qpn,
		    uint32_t qkey, int seed)
{
	fill(from->buf + 4096, LEN, seed);
	send_datagram(from, dgid, qpn, qkey, 4096, LEN);
}

/* One datagram, and no second one; posts a receive for the next. */
static void expect_got(int line, struct end *end, const struct end *from,
		       const union ibv_gid *mgid, int seed)
{
	struct ibv_sge sge = sge_of(end, 0, GRH + LEN);
	const uint8_t *dgid = end->buf + 24;
	struct ibv_wc wc;

	if (!expect_wc(line, end->rcq, 1, IBV_WC_SUCCESS, &wc))
		return;
	expect(wc.byte_len == GRH + LEN, line, "%u bytes", wc.byte_len);
	expect(wc.wc_flags & IBV_WC_GRH, line, "no GRH");
	expect(wc.src_qp == from->qp->qp_num, line, "from QP %u", wc.src_qp);
	expect(is_filled(end->buf + GRH, LEN, seed), line, "other data");
	if (IN6_IS_ADDR_V4MAPPED((struct in6_addr *)mgid->raw))
		expect(!memcmp(end->buf + 36, mgid->raw + 12, 4), line,
		       "the IP header has another destination");
	else
		expect(!memcmp(dgid, mgid->raw, 16), line,
		       "the GRH has another destination");
	memset(end->buf, 0, GRH + LEN);
	expect(!post_recv(end, 1, &sge), line, "post_recv");
	expect_no_wc(line, end->rcq, A_WHILE_MS);
}

#define EXPECT_GOT(end, from, mgid, seed) \
	expect_got(__LINE__, end, from, mgid, seed)

#define NR	4

static void open_all(struct end *ends)
{
	int i;

	for (i = 0; i < NR; i++)
		member_open(&ends[i], i & 1);
}

static void close_all(struct end *ends)
{
	int i;

	for (i = 0; i < NR; i++)
		end_close(&ends[i]);
}

/* The sender is a member itself; the last one is not. */
static void members(void)
{
	struct end ends[NR];
	union ibv_gid mgid;
	unsigned int g;
	int i;

	open_all(ends);
	for (g = 0; g < ARRAY_SIZE(groups); g++) {
		mgid = mgid_of(groups[g]);
		for (i = 0; i < NR - 1; i++)
			EXPECT_EQ(ibv_attach_mcast(ends[i].qp, &mgid, 0), 0);
		send_to(&ends[0], &mgid, MCAST_QPN, QKEY, 5 + g);
		for (i = 0; i < NR - 1; i++)
			EXPECT_GOT(&ends[i], &ends[0], &mgid, 5 + g);
		EXPECT_NO_WC(ends[NR - 1].rcq);
		/* who is no member can send all the same */
		send_to(&ends[NR - 1], &mgid, MCAST_QPN, QKEY, 8 + g);
		for (i = 0; i < NR - 1; i++)
			EXPECT_GOT(&ends[i], &ends[NR - 1], &mgid, 8 + g);
		for (i = 0; i < NR - 1; i++)
			EXPECT_EQ(ibv_detach_mcast(ends[i].qp, &mgid, 0), 0);
		send_to(&ends[0], &mgid, MCAST_QPN, QKEY, 5);
		for (i = 0; i < NR; i++)
			EXPECT_NO_WC(ends[i].rcq);
	}
	close_all(ends);
}

static void two_groups(void)
{
	union ibv_gid one = mgid_of(groups[0]), two = mgid_of(groups[1]);
	struct end ends[NR];

	open_all(ends);
	EXPECT_EQ(ibv_attach_mcast(ends[1].qp, &one, 0), 0);
	EXPECT_EQ(ibv_attach_mcast(ends[2].qp, &two, 0), 0);
	EXPECT_EQ(ibv_attach_mcast(ends[3].qp, &one, 0), 0);
	EXPECT_EQ(ibv_attach_mcast(ends[3].qp, &two, 0), 0);
	send_to(&ends[0], &one, MCAST_QPN, QKEY, 1);
	EXPECT_GOT(&ends[1], &ends[0], &one, 1);
	EXPECT_NO_WC(ends[2].rcq);
	EXPECT_GOT(&ends[3], &ends[0], &one, 1);
	send_to(&ends[0], &two, MCAST_QPN, QKEY, 2);
	EXPECT_NO_WC(ends[1].rcq);
	EXPECT_GOT(&ends[2], &ends[0], &two, 2);
	EXPECT_GOT(&ends[3], &ends[0], &two, 2);
	EXPECT_EQ(ibv_detach_mcast(ends[3].qp, &one, 0), 0);
	send_to(&ends[0], &one, MCAST_QPN, QKEY, 3);
	EXPECT_NO_WC(ends[3].rcq);
	EXPECT_GOT(&ends[1], &ends[0], &one, 3);
	EXPECT_EQ(ibv_detach_mcast(ends[1].qp, &one, 0), 0);
	EXPECT_EQ(ibv_detach_mcast(ends[2].qp, &two, 0), 0);
	EXPECT_EQ(ibv_detach_mcast(ends[3].qp, &two, 0), 0);
	close_all(ends);
}

/* Each member decides by itself: another key, no receive, another state. */
static void some_do_not_take_it(void)
{
	struct ibv_qp_attr qkey = { .qkey = QKEY + 1 };
	union ibv_gid mgid = mgid_of(groups[0]);
	struct end ends[NR];
	struct ibv_wc wc;
	int i;

	open_all(ends);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(ibv_attach_mcast(ends[i].qp, &mgid, 0), 0);
	EXPECT_EQ(ibv_modify_qp(ends[1].qp, &qkey, IBV_QP_QKEY), 0);
	EXPECT_EQ(to_state(ends[2].qp, IBV_QPS_ERR), 0);
	EXPECT_WC_AS(ends[2].rcq, 1, WR_FLUSH_ERR, &wc);
	send_to(&ends[0], &mgid, MCAST_QPN, QKEY, 4);
	EXPECT_GOT(&ends[0], &ends[0], &mgid, 4);
	EXPECT_NO_WC(ends[1].rcq);
	EXPECT_NO_WC(ends[2].rcq);
	EXPECT_GOT(&ends[3], &ends[0], &mgid, 4);

	/* another number than that of multicast is nobody's */
	send_to(&ends[0], &mgid, ends[3].qp->qp_num, QKEY, 4);
	for (i = 0; i < NR; i++)
		EXPECT_NO_WC(ends[i].rcq);
	/* and that number at one device's address neither */
	send_to(&ends[0], &ends[3].dev->gid, MCAST_QPN, QKEY, 4);
	for (i = 0; i < NR; i++)
		EXPECT_NO_WC(ends[i].rcq);
	/* a member without a receive loses it, the others do not */
	to_state(ends[3].qp, IBV_QPS_RESET);
	end_connect(&ends[3], &ends[3]);
	send_to(&ends[0], &mgid, MCAST_QPN, QKEY, 6);
	EXPECT_GOT(&ends[0], &ends[0], &mgid, 6);
	EXPECT_NO_WC(ends[3].rcq);
	for (i = 0; i < NR; i++)
		EXPECT_EQ(ibv_detach_mcast(ends[i].qp, &mgid, 0), 0);
	close_all(ends);
}

static void attached_twice(void)
{
	union ibv_gid mgid = mgid_of(groups[0]);
	struct end end;

	member_open(&end, 0);
	EXPECT_EQ(ibv_attach_mcast(end.qp, &mgid, 0), 0);
	EXPECT_EQ(ibv_attach_mcast(end.qp, &mgid, 0), 0);
	send_to(&end, &mgid, MCAST_QPN, QKEY, 4);
	EXPECT_GOT(&end, &end, &mgid, 4);
	EXPECT_ERRNO(ibv_destroy_qp(end.qp), EBUSY);
	EXPECT_EQ(ibv_detach_mcast(end.qp, &mgid, 0), 0);
	EXPECT_ERRNO(ibv_detach_mcast(end.qp, &mgid, 0), EINVAL);
	send_to(&end, &mgid, MCAST_QPN, QKEY, 4);
	EXPECT_NO_WC(end.rcq);
	end_close(&end);
}

static void refused(void)
{
	union ibv_gid mgid = mgid_of(groups[0]);
	struct ibv_qp_attr attr;
	struct end end;
	struct pair p;

	pair_open(&p, &usual);
	EXPECT_ERRNO(ibv_attach_mcast(p.a.qp, &mgid, 0), EINVAL);
	EXPECT_EQ(to_state(p.a.qp, IBV_QPS_RESET), 0);
	EXPECT_EQ(to_init(p.a.qp, &usual), 0);
	attr = rtr_attr(&p.a, &mgid, MCAST_QPN);
	EXPECT_ERRNO(ibv_modify_qp(p.a.qp, &attr, RTR_MASK), EINVAL);
	pair_close(&p);

	member_open(&end, 0);
	EXPECT_ERRNO(ibv_attach_mcast(end.qp, &end.dev->gid, 0), EINVAL);
	EXPECT_ERRNO(ibv_detach_mcast(end.qp, &mgid, 0), EINVAL);
	end_close(&end);
}

/* As many members as the device says, each of whom gets it; not one more. */
static void limits(void)
{
	int max = device_of(0)->attr.max_mcast_qp_attach, i, got = 0;
	union ibv_gid mgid = mgid_of(groups[1]);
	struct options opt = ud_options();
	struct end sender, receiver;
	struct ibv_qp **qps;
	struct ibv_wc wc;

	EXPECT(device_of(0)->attr.max_mcast_grp > 0);
	EXPECT(device_of(0)->attr.max_total_mcast_qp_attach >= max);
	member_open(&sender, 0);
	opt.cqe = 2 * max;
	opt.recv_wr = 1;
	end_open_without_qp(&receiver, device_of(0), &opt);
	qps = calloc(max + 1, sizeof(*qps));
	for (i = 0; i <= max; i++) {
		struct ibv_sge sge = sge_of(&receiver, 0, GRH + LEN);

		receiver.qp = create_qp(&receiver, &opt);
		if (!receiver.qp)
			bail("no QP");
		qps[i] = receiver.qp;
		end_connect(&receiver, &receiver);
		EXPECT_EQ(post_recv(&receiver, 1, &sge), 0);
		if (i < max)
			EXPECT_EQ(ibv_attach_mcast(qps[i], &mgid, 0), 0);
		else
			EXPECT_ERRNO(ibv_attach_mcast(qps[i], &mgid, 0),
				     ENOMEM);
	}
	send_to(&sender, &mgid, MCAST_QPN, QKEY, 4);
	while (next_wc(receiver.rcq, A_WHILE_MS, &wc))
		got += wc.status == IBV_WC_SUCCESS;
	EXPECT_EQ(got, max);
	EXPECT_EQ(ibv_detach_mcast(qps[0], &mgid, 0), 0);
	EXPECT_EQ(ibv_attach_mcast(qps[max], &mgid, 0), 0);
	for (i = 1; i <= max; i++)
		EXPECT_EQ(ibv_detach_mcast(qps[i], &mgid, 0), 0);
	for (i = 0; i <= max; i++)
		EXPECT_EQ(ibv_destroy_qp(qps[i]), 0);
	receiver.qp = NULL;
	free(qps);
	end_close(&receiver);
	end_close(&sender);
}

static void other_netdev(void)
{
	union ibv_gid mgid = mgid_of(groups[0]);
	struct end here, there;

	if (ends_on == 1)
		return;
	member_open(&here, 0);
	member_open(&there, 1);
	EXPECT_EQ(ibv_attach_mcast(here.qp, &mgid, 0), 0);
	EXPECT_EQ(ibv_attach_mcast(there.qp, &mgid, 0), 0);
	send_to(&here, &mgid, MCAST_QPN, QKEY, 4);
	EXPECT_GOT(&here, &here, &mgid, 4);
	EXPECT_NO_WC(there.rcq);
	EXPECT_EQ(ibv_detach_mcast(here.qp, &mgid, 0), 0);
	EXPECT_EQ(ibv_detach_mcast(there.qp, &mgid, 0), 0);
	end_close(&here);
	end_close(&there);
}

static const struct test_case same_netdev_cases[] = {
	CASE("all members, and nobody else", members),
	CASE("two groups", two_groups),
	CASE("members that do not take it", some_do_not_take_it),
	CASE_ONE_DEVICE("attached twice", attached_twice),
	CASE_ONE_DEVICE("what is no group or no datagram QP", refused),
	CASE_ONE_DEVICE("limits", limits),
};

static const struct test_case other_netdev_cases[] = {
	CASE("another netdev is another network", other_netdev),
};

int main(int argc, char **argv)
{
	if (getenv("OTHER_NETDEV"))
		return run_cases(other_netdev_cases,
				 ARRAY_SIZE(other_netdev_cases), argc, argv);
	return run_cases(same_netdev_cases, ARRAY_SIZE(same_netdev_cases),
			 argc, argv);
}
