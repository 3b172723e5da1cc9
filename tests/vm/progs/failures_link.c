// SPDX-License-Identifier: GPL-2.0
/*
 * Failures of allocations where the kernel makes and ends devices and where it
 * loads and unloads modules. A command's fail-nth would be used up by its own
 * exec, so this speaks with the kernel itself, as rdma and modprobe do.
 *
 *	failures_link link NETDEV [PATTERN]
 *	failures_link module FILE [PATTERN]
 */
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "verbs_common.h"
#include "failures.h"

/* Links: RDMA's netlink */

#define LINK	"failing0"

static const char *netdev;
static int netlink = -1;
static int link_index;

struct request {
	struct nlmsghdr head;
	char attrs[256];
};

static struct request request_of(int command)
{
	return (struct request) {
		.head = {
			.nlmsg_len = NLMSG_HDRLEN,
			.nlmsg_type = RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command),
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
		},
	};
}

static void put_attr(struct request *req, int type, const void *data, int len)
{
	struct nlattr *attr = (void *)((char *)req + req->head.nlmsg_len);

	attr->nla_type = type;
	attr->nla_len = NLA_HDRLEN + len;
	memcpy((char *)attr + NLA_HDRLEN, data, len);
	req->head.nlmsg_len += NLA_ALIGN(attr->nla_len);
}

static void put_string(struct request *req, int type, const char *text)
{
	put_attr(req, type, text, strlen(text) + 1);
}

static bool link_exists(void)
{
	return !access("/sys/class/infiniband/" LINK, F_OK);
}

static int read_answer(void)
{
	struct {
		struct nlmsghdr head;
		struct nlmsgerr err;
		char rest[1024];
	} answer;

	if (recv(netlink, &answer, sizeof(answer), MSG_DONTWAIT) < 0)
		return errno;
	if (answer.head.nlmsg_type != NLMSG_ERROR)
		return EPROTO;
	return -answer.err.error;
}

/*
 * The kernel does it while this sends; its answer is read when nothing fails any
 * more. If it had no memory for an answer, what is there tells.
 */
static int ask(const struct request *req, bool want)
{
	ssize_t sent = send(netlink, req, req->head.nlmsg_len, 0);
	int err = sent < 0 ? errno : 0;

	disarm();
	if (!err)
		err = read_answer();
	if (err == ENOBUFS)
		return link_exists() == want ? 0 : ENOMEM;
	if (!err && link_exists() != want)
		return EPROTO;
	return err;
}

static int add_link(void)
{
	struct request req = request_of(RDMA_NLDEV_CMD_NEWLINK);

	put_string(&req, RDMA_NLDEV_ATTR_DEV_NAME, LINK);
	put_string(&req, RDMA_NLDEV_ATTR_LINK_TYPE, "softhca");
	put_string(&req, RDMA_NLDEV_ATTR_NDEV_NAME, netdev);
	return ask(&req, true);
}

static int delete_link(void)
{
	struct request req = request_of(RDMA_NLDEV_CMD_DELLINK);

	put_attr(&req, RDMA_NLDEV_ATTR_DEV_INDEX, &link_index,
		 sizeof(link_index));
	return ask(&req, false);
}

static void without_link(void)
{
	if (link_exists() && system("rdma link delete " LINK))
		bail("rdma link delete");
}

static void with_link(void)
{
	FILE *rdma;

	errno = add_link();
	if (errno)
		bail("link add");
	rdma = popen("rdma dev show " LINK, "r");
	if (!rdma || fscanf(rdma, "%d:", &link_index) != 1)
		bail("rdma dev show");
	pclose(rdma);
}

/* A link whose device is in use: a context with an object of each kind. */
static struct end user;
static struct device used;

static void with_used_link(void)
{
	struct ibv_device **list;
	uint64_t end = now_ms() + SOON_MS;
	int i;

	with_link();
	memset(&used, 0, sizeof(used));
	used.name = LINK;
	/* ib_uverbs has its part of it, and udev makes the file */
	while (!used.ctx && now_ms() < end) {
		list = ibv_get_device_list(NULL);
		for (i = 0; list && list[i]; i++)
			if (!strcmp(ibv_get_device_name(list[i]), LINK))
				used.ctx = ibv_open_device(list[i]);
		if (list)
			ibv_free_device_list(list);
		if (!used.ctx)
			sleep_ms(10);
	}
	if (!used.ctx)
		bail("%s does not open", LINK);
	end_open(&user, &used, &usual);
	if (to_init(user.qp, &usual))
		bail("INIT");
}

/* What the device took along is not there any more, and that is no error. */
static void forget_user(void)
{
	ibv_destroy_qp(user.qp);
	ibv_dereg_mr(user.mr);
	ibv_destroy_cq(user.scq);
	ibv_destroy_cq(user.rcq);
	ibv_destroy_comp_channel(user.channel);
	ibv_dealloc_pd(user.pd);
	munmap(user.buf, user.opt.size);
	ibv_close_device(used.ctx);
	without_link();
}

static const struct operation link_operations[] = {
	{ "link add", NULL, add_link, without_link, 0, LEAP },
	{ "link delete", with_link, delete_link, without_link, 0, 0 },
	{ "link delete under a program", with_used_link, delete_link,
	  forget_user, 0, RENEW },
};

/* Modules */

static const char *module_file;
static char module_name[64];
static int module_fd = -1;

static bool module_is_loaded(void)
{
	char path[100];

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module_name);
	return !access(path, F_OK);
}

static int load_module(void)
{
	if (!syscall(SYS_finit_module, module_fd, "", 0))
		return 0;
	return errno;
}

static int unload_module(void)
{
	if (!syscall(SYS_delete_module, module_name, O_NONBLOCK))
		return 0;
	return errno;
}

static void without_module(void)
{
	uint64_t end = now_ms() + SOON_MS;
	int err;

	if (!module_is_loaded())
		return;
	/* work that is under way may still hold it */
	while ((err = unload_module()) == EAGAIN && now_ms() < end)
		sleep_ms(10);
	errno = err;
	if (err)
		bail("%s does not unload", module_name);
}

static void with_module(void)
{
	errno = load_module();
	if (errno)
		bail("%s does not load", module_name);
}

static char load_name[100], unload_name[100];

static const struct operation module_operations[] = {
	{ load_name, NULL, load_module, without_module, 0, LEAP },
	{ unload_name, with_module, unload_module, without_module, 0, 0 },
};

static void open_module(const char *file)
{
	const char *base = strrchr(file, '/');

	module_file = file;
	snprintf(module_name, sizeof(module_name), "%s", base ? base + 1 : file);
	module_name[strcspn(module_name, ".")] = 0;
	snprintf(load_name, sizeof(load_name), "load %s", module_name);
	snprintf(unload_name, sizeof(unload_name), "unload %s", module_name);
	module_fd = open(file, O_RDONLY | O_CLOEXEC);
	if (module_fd < 0)
		bail("%s", module_file);
}

int main(int argc, char **argv)
{
	const char *pattern = argc > 3 ? argv[3] : "*";

	if (argc > 2 && !strcmp(argv[1], "link")) {
		netdev = argv[2];
		netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
				 NETLINK_RDMA);
		if (netlink < 0)
			bail("netlink");
		failures_begin();
		return inject_all(link_operations, ARRAY_SIZE(link_operations),
				  pattern);
	}
	if (argc > 2 && !strcmp(argv[1], "module")) {
		open_module(argv[2]);
		failures_begin();
		return inject_all(module_operations,
				  ARRAY_SIZE(module_operations), pattern);
	}
	fprintf(stderr, "usage: %s link NETDEV [PATTERN]\n"
		"       %s module FILE [PATTERN]\n", argv[0], argv[0]);
	return 2;
}
