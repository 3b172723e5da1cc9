// SPDX-License-Identifier: GPL-2.0
/*
 * kping: its parameters. The server listens from when the module is loaded; a
 * client runs while someone writes to "ping".
 *
 *	insmod kping.ko addr=10.77.0.1
 *	echo direction >/sys/module/kping/parameters/mistake
 *	echo 10 >/sys/module/kping/parameters/ping
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/inet.h>
#include <linux/module.h>
#include <linux/string.h>

#include "kping.h"

#define PORT 7790

enum kping_mistake kping_mistake;

static const char * const mistake_names[] = {
	[KPING_NONE] = "none",
	[KPING_EARLY_UNMAP] = "early-unmap",
	[KPING_SEND_UNMAP] = "send-unmap",
	[KPING_SHORT] = "short",
	[KPING_DIRECTION] = "direction",
	[KPING_POINTER] = "pointer",
	[KPING_STACK] = "stack",
	[KPING_PHYSICAL] = "physical",
	[KPING_UNSET] = "unset",
	[KPING_NEXT] = "next",
	[KPING_UNCHECKED] = "unchecked",
	[KPING_UNMAP_SIZE] = "unmap-size",
	[KPING_UNMAP_DIRECTION] = "unmap-direction",
	[KPING_UNMAP_TWICE] = "unmap-twice",
	[KPING_UNMAP_POINTER] = "unmap-pointer",
	[KPING_UNMAP_SG_AS_PAGES] = "unmap-sg-as-pages",
	[KPING_LEAK] = "leak",
};

static int mistake_set(const char *value, const struct kernel_param *param)
{
	int i = sysfs_match_string(mistake_names, value);

	if (i < 0)
		return i;
	WRITE_ONCE(kping_mistake, i);
	return 0;
}

static int mistake_get(char *buf, const struct kernel_param *param)
{
	return sysfs_emit(buf, "%s\n", mistake_names[READ_ONCE(kping_mistake)]);
}

static const struct kernel_param_ops mistake_ops = {
	.set = mistake_set,
	.get = mistake_get,
};
module_param_cb(mistake, &mistake_ops, NULL, 0644);
MODULE_PARM_DESC(mistake, "what is done wrong: none, or a name of the list in main.c");

static char *addr = "";
module_param(addr, charp, 0644);
MODULE_PARM_DESC(addr, "IPv4 address of an RDMA device of this host");

static uint size = 4096;
module_param(size, uint, 0644);
MODULE_PARM_DESC(size, "bytes of data of a request");

static bool listening;

/* The caller's process is the client; writers come one at a time. */
static int ping_set(const char *value, const struct kernel_param *param)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(PORT),
	};
	unsigned int count;
	int err;

	err = kstrtouint(value, 0, &count);
	if (err)
		return err;
	if (!listening)
		return -EAGAIN;
	if (!size || size > KPING_MAX_SIZE ||
	    !in4_pton(addr, -1, (u8 *)&to.sin_addr.s_addr, -1, NULL))
		return -EINVAL;
	return kping_run((struct sockaddr *)&to, count, size);
}

static const struct kernel_param_ops ping_ops = { .set = ping_set };
module_param_cb(ping, &ping_ops, NULL, 0200);
MODULE_PARM_DESC(ping, "write a number, and so many requests are made over a new connection");

static int __init kping_init(void)
{
	int err = kping_server_start(PORT);

	listening = !err;
	return err;
}

static void __exit kping_exit(void)
{
	kping_server_stop();
}

module_init(kping_init);
module_exit(kping_exit);
MODULE_DESCRIPTION("An example of a ULP, with DMA mistakes to choose from");
MODULE_LICENSE("GPL");
