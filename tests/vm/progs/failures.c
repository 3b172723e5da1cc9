// SPDX-License-Identifier: GPL-2.0
/*
 * Failures of allocations in the verbs that make, query and end contexts and
 * objects, but for those of QPs (failures_qp.c).
 *
 *	failures DEVICE [PATTERN]
 */
#include "verbs_common.h"
#include "failures.h"
#include "failures_verbs.h"

static struct ibv_context *context;

/* Devices and contexts */

static int open_device(void)
{
	errno = 0;
	context = ibv_open_device(devices[0].ctx->device);
	return errno_unless(context);
}

static void plain_open_device(void)
{
	if (open_device())
		bail("open_device");
}

static int close_device(void)
{
	struct ibv_context *old = context;

	context = NULL;
	return old ? errno_of(ibv_close_device(old)) : 0;
}

static void plain_close_device(void)
{
	close_device();
}

static int query_device(void)
{
	struct ibv_device_attr_ex attr;

	return errno_of(ibv_query_device_ex(devices[0].ctx, NULL, &attr));
}

static int query_port(void)
{
	struct ibv_port_attr attr;

	return errno_of(ibv_query_port(devices[0].ctx, 1, &attr));
}

static int query_gids(void)
{
	struct ibv_gid_entry entries[64];
	ssize_t n = ibv_query_gid_table(devices[0].ctx, entries,
					ARRAY_SIZE(entries), 0);

	return n < 0 ? errno_of(n) : 0;
}

/* Completion queues */

static int create_large_cq(void)
{
	errno = 0;
	cq = ibv_create_cq(devices[0].ctx, 10000, NULL, NULL, 0);
	return errno_unless(cq);
}

static int create_cq_ex(void)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = 16,
		.channel = channel,
		.wc_flags = IBV_WC_STANDARD_FLAGS,
	};
	struct ibv_cq_ex *ex;

	errno = 0;
	ex = ibv_create_cq_ex(devices[0].ctx, &attr);
	cq = ex ? ibv_cq_ex_to_cq(ex) : NULL;
	return errno_unless(cq);
}

/* Arms nothing that would not be right anyway. */
static int req_notify(void)
{
	return errno_of(ibv_req_notify_cq(cq, 0));
}

/* Memory regions */

static void with_small_memory(void)
{
	with_memory(SMALL, PROT_READ | PROT_WRITE, 0);
}

/* Not these, or it would be a matter of their allocation alone. */
static void with_large_memory(void)
{
	with_memory(LARGE, PROT_READ | PROT_WRITE, MAP_POPULATE);
}

static void with_huge_memory(void)
{
	with_memory(HUGE, PROT_READ | PROT_WRITE, MAP_HUGETLB);
}

static void with_readonly_memory(void)
{
	with_memory(4 * SMALL, PROT_READ, 0);
}

static int reg_readonly_mr(void)
{
	errno = 0;
	mr = ibv_reg_mr(pd, memory, memory_len, IBV_ACCESS_REMOTE_READ);
	return errno_unless(mr);
}

static void with_mr(void)
{
	with_large_memory();
	if (reg_mr())
		bail("reg_mr");
}

static void forget_memory(void)
{
	forget_all();
	munmap(memory, memory_len);
}

/* Address handles */

static struct ibv_ah_attr ah_attr;

/* Its destination: the device itself, at an address of this family. */
static void with_gid(bool v4)
{
	struct ibv_gid_entry entries[64];
	ssize_t i;

	with_pd();
	ah_attr = (struct ibv_ah_attr) {
		.is_global = 1,
		.port_num = 1,
		.grh.hop_limit = 64,
	};
	i = ibv_query_gid_table(devices[0].ctx, entries, ARRAY_SIZE(entries), 0);
	while (i-- > 0) {
		if (entries[i].gid_type != IBV_GID_TYPE_ROCE_V2 ||
		    v4 != !!IN6_IS_ADDR_V4MAPPED(entries[i].gid.raw))
			continue;
		ah_attr.grh.dgid = entries[i].gid;
		ah_attr.grh.sgid_index = entries[i].gid_index;
		return;
	}
	bail("no such GID");
}

static void with_gid_v4(void)
{
	with_gid(true);
}

static void with_gid_v6(void)
{
	with_gid(false);
}

static int create_ah(void)
{
	errno = 0;
	ah = ibv_create_ah(pd, &ah_attr);
	return errno_unless(ah);
}

static void with_ah(void)
{
	with_gid_v4();
	if (create_ah())
		bail("create_ah");
}

static int destroy_ah(void)
{
	int err = ah ? errno_of(ibv_destroy_ah(ah)) : 0;

	if (!err)
		ah = NULL;
	return err;
}

static const struct operation operations[] = {
	{ "open_device", NULL, open_device, plain_close_device, 0, 0 },
	{ "close_device", plain_open_device, close_device, NULL, 0,
	  MAY_NOT_ASK },
	{ "query_device", NULL, query_device, NULL, 0, 0 },
	{ "query_port", NULL, query_port, NULL, 0, 0 },
	{ "query_gid_table", NULL, query_gids, NULL, 0, 0 },
	{ "alloc_pd", NULL, alloc_pd, forget_all, 0, 0 },
	{ "dealloc_pd", with_pd, dealloc_pd, forget_all, 0, MAY_BE_DONE },
	{ "create_comp_channel", NULL, create_channel, forget_all, 0, 0 },
	{ "destroy_comp_channel", with_channel, destroy_channel, forget_all, 0,
	  MAY_NOT_ASK },
	{ "create_cq", NULL, create_cq, forget_all, 0, 0 },
	{ "create_cq with a channel", with_channel, create_cq, forget_all, 0,
	  0 },
	{ "create_cq, 10000 entries", NULL, create_large_cq, forget_all, 0, 0 },
	{ "create_cq_ex", with_channel, create_cq_ex, forget_all, 0, 0 },
	{ "req_notify_cq", with_cq, req_notify, forget_all, 0, 0 },
	{ "destroy_cq", with_cq, destroy_cq, forget_all, 0, MAY_BE_DONE },
	{ "reg_mr, a page", with_small_memory, reg_mr, forget_memory, 0, 0 },
	{ "reg_mr, 8 MiB", with_large_memory, reg_mr, forget_memory, 0, LEAP },
	{ "reg_mr, a huge page", with_huge_memory, reg_mr, forget_memory, 0,
	  0 },
	{ "reg_mr, read-only", with_readonly_memory, reg_readonly_mr,
	  forget_memory, 0, 0 },
	{ "dereg_mr", with_mr, dereg_mr, forget_memory, 0, MAY_BE_DONE },
	{ "create_ah IPv4", with_gid_v4, create_ah, forget_all, 0, 0 },
	{ "create_ah IPv6", with_gid_v6, create_ah, forget_all, 0, 0 },
	{ "destroy_ah", with_ah, destroy_ah, forget_all, 0, MAY_BE_DONE },
};

int main(int argc, char **argv)
{
	return run_operations(operations, ARRAY_SIZE(operations), argc, argv);
}
