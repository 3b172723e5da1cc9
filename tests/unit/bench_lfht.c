// SPDX-License-Identifier: GPL-2.0
/*
 * liburcu's lock-free hash table for bench.c, as quick as it gets: readers have
 * nothing to do for RCU (QSBR), and nodes are taken from an array.
 */
#define _LGPL_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <urcu/urcu-qsbr.h>
#include <urcu/compiler.h>
#include <urcu/rculfhash.h>

#include "bench.h"

struct node {
	struct cds_lfht_node node;
	unsigned long key;
};

static struct cds_lfht *ht;
static struct node *nodes;
static unsigned int used;

static unsigned long key_of(unsigned long long addr)
{
	return addr / BENCH_PAGE;
}

static unsigned long hash_of(unsigned long key)
{
	unsigned long hash = key * 0x9e3779b97f4a7c15UL;

	return hash ^ hash >> 32;
}

static int match(struct cds_lfht_node *node, const void *key)
{
	return caa_container_of(node, struct node, node)->key ==
	       *(const unsigned long *)key;
}

static struct cds_lfht_node *find(unsigned long long addr)
{
	unsigned long key = key_of(addr);
	struct cds_lfht_iter iter;

	cds_lfht_lookup(ht, hash_of(key), match, &key, &iter);
	return cds_lfht_iter_get_node(&iter);
}

static void begin(unsigned int count)
{
	urcu_qsbr_register_thread();
	ht = cds_lfht_new_flavor(64, 64, 0, CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING,
				 &urcu_qsbr_flavor, NULL);
	nodes = malloc(count * sizeof(*nodes));
	if (!ht || !nodes) {
		fprintf(stderr, "no memory for %u nodes\n", count);
		exit(1);
	}
	used = 0;
}

static void insert(unsigned long long addr)
{
	struct node *node = &nodes[used++];

	node->key = key_of(addr);
	cds_lfht_node_init(&node->node);
	urcu_qsbr_read_lock();
	cds_lfht_add_unique(ht, hash_of(node->key), match, &node->key, &node->node);
	urcu_qsbr_read_unlock();
	/* The table is resized by a thread that waits for readers. */
	if (used % 1024 == 0)
		urcu_qsbr_quiescent_state();
}

static unsigned int look_up(const unsigned long long *wanted, unsigned int count,
			    unsigned int *at, unsigned int n,
			    unsigned long long clear, unsigned long long flip)
{
	urcu_qsbr_read_lock();
	BENCH_LOOK_UP(!!find);
	urcu_qsbr_read_unlock();
	urcu_qsbr_quiescent_state();
	return hits;
}

static bool remove_node(unsigned long long addr)
{
	struct cds_lfht_node *node;
	bool removed;

	urcu_qsbr_read_lock();
	node = find(addr);
	removed = node && !cds_lfht_del(ht, node);
	urcu_qsbr_read_unlock();
	if (--used % 1024 == 0)
		urcu_qsbr_quiescent_state();
	return removed;
}

/* It may be far behind; a table too small by much would be nothing to compare with. */
static void settle(void)
{
	unsigned long size = 64;

	while (size < used)
		size *= 2;
	cds_lfht_resize(ht, size);
}

static void end(void)
{
	/* Destroying it waits for its own thread, and that for readers. */
	urcu_qsbr_unregister_thread();
	cds_lfht_destroy(ht, NULL);
	free(nodes);
}

const struct bench_structure bench_lfht = {
	.name = "lfht",
	.begin = begin,
	.insert = insert,
	.look_up = look_up,
	.settle = settle,
	.remove = remove_node,
	.end = end,
};
