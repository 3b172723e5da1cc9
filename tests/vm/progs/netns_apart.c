// SPDX-License-Identifier: GPL-2.0
/*
 * Two devices whose netdevs are in different network namespaces and have the same
 * address: nothing gets from one to the other, by connection, datagram or
 * multicast, though numbers and addresses fit.
 *
 * netns_apart NETNS DEVICE NETNS DEVICE
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "verbs_common.h"

#define GRH	40
#define LEN	100

/* What sysfs shows depends on where it was mounted. */
static void enter_netns(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		bail("no namespace %s", name);
	close(fd);
	umount2("/sys", MNT_DETACH);
	if (mount("sysfs", "/sys", "sysfs", 0, NULL))
		bail("no sysfs of %s", name);
}

static void same_address(void)
{
	EXPECT(!memcmp(&devices[0].gid, &devices[1].gid, 16));
}

static void connection(void)
{
	struct ibv_sge out, in;
	struct pair p;

	pair_open(&p, &usual);
	out = sge_of(&p.a, 0, LEN);
	in = sge_of(&p.b, 0, LEN);
	EXPECT_EQ(post_recv(&p.b, 1, &in), 0);
	EXPECT_EQ(post_send(&p.a, 2, IBV_WR_SEND, &out, 0), 0);
	EXPECT_WC(p.a.scq, 2, RETRY_EXC_ERR);
	EXPECT_NO_WC(p.b.rcq);
	EXPECT_STATE(&p.b, RTS);
	EXPECT(is_filled(p.b.buf, LEN, 2));
	pair_close(&p);
}

static void datagram(void)
{
	struct options opt = usual;
	union ibv_gid mgid;
	struct ibv_sge in;
	struct pair p;

	opt.type = IBV_QPT_UD;
	pair_open(&p, &opt);
	in = sge_of(&p.b, 0, GRH + LEN);
	EXPECT_EQ(post_recv(&p.b, 1, &in), 0);
	send_datagram(&p.a, &devices[1].gid, p.b.qp->qp_num, QKEY, 0, LEN);
	EXPECT_NO_WC(p.b.rcq);

	inet_pton(AF_INET6, "::ffff:239.7.7.3", mgid.raw);
	EXPECT_EQ(ibv_attach_mcast(p.b.qp, &mgid, 0), 0);
	send_datagram(&p.a, &mgid, 0xffffff, QKEY, 0, LEN);
	EXPECT_NO_WC(p.b.rcq);
	/* the same, from where it can be reached */
	send_datagram(&p.b, &mgid, 0xffffff, QKEY, 0, LEN);
	EXPECT_WC(p.b.rcq, 1, SUCCESS);
	EXPECT_EQ(ibv_detach_mcast(p.b.qp, &mgid, 0), 0);
	pair_close(&p);
}

static const struct test_case cases[] = {
	CASE("they have the same address", same_address),
	CASE("no connection", connection),
	CASE("no datagram and no multicast", datagram),
};

int main(int argc, char **argv)
{
	size_t i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 5)
		return 2;
	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		bail("no mounts of its own");
	enter_netns(argv[1]);
	device_open(&devices[0], argv[2]);
	enter_netns(argv[3]);
	device_open(&devices[1], argv[4]);
	ends_on = 2;
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		run_case(&cases[i]);
	return failed_results ? 1 : 0;
}
