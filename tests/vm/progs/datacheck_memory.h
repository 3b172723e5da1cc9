/* SPDX-License-Identifier: GPL-2.0 */
/*
 * datacheck's memory: arenas of the kinds that a program can register, each with
 * several regions over it.
 */
#ifndef DATACHECK_MEMORY_H
#define DATACHECK_MEMORY_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "datacheck_plan.h"
#include "verbs_common.h"

enum memory { PRIVATE, SHARED, A_FILE, HUGE_PAGES, ON_DEMAND, NR_MEMORIES };

static const char * const memory_name[NR_MEMORIES] = {
	"private", "shared", "file", "huge pages", "on demand",
};

#define NR_REGIONS	2

/*
 * An arena: ARENA_SIZE bytes at @buf. Region 0 has all of them, region 1 all but
 * some at both ends; so either will do for what lies between its edges.
 */
struct arena {
	enum memory memory;
	uint8_t *buf;
	size_t mapped;
	struct ibv_pd *pd;
	int access;
	struct ibv_mr *mr[NR_REGIONS];
};

static uint64_t arenas_of[NR_MEMORIES];

static inline uint8_t *map_file(size_t len)
{
	char name[] = "/tmp/datacheck-XXXXXX";
	int fd = mkstemp(name);
	uint8_t *buf = MAP_FAILED;

	if (fd < 0)
		return buf;
	unlink(name);
	if (!ftruncate(fd, len))
		buf = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return buf;
}

static inline void arena_map(struct arena *arena)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	arena->mapped = ARENA_SIZE;
	switch (arena->memory) {
	case A_FILE:
		arena->buf = map_file(ARENA_SIZE);
		break;
	case HUGE_PAGES:
		arena->mapped = (ARENA_SIZE + (2u << 20) - 1) & -(2u << 20);
		flags |= MAP_HUGETLB;
		/* fall through */
	default:
		if (arena->memory == SHARED)
			flags ^= MAP_PRIVATE | MAP_SHARED;
		arena->buf = mmap(NULL, arena->mapped, PROT_READ | PROT_WRITE,
				  flags, -1, 0);
	}
	if (arena->buf == MAP_FAILED && arena->memory == HUGE_PAGES) {
		/* none are reserved */
		arena->memory = PRIVATE;
		arena_map(arena);
		return;
	}
	if (arena->buf == MAP_FAILED)
		bail("no %s memory", memory_name[arena->memory]);
}

static inline void arena_register(struct arena *arena)
{
	int access = arena->access;
	int skip = ARENA_EDGE / 2 + 1;

	if (arena->memory == ON_DEMAND)
		access |= IBV_ACCESS_ON_DEMAND;
	arena->mr[0] = ibv_reg_mr(arena->pd, arena->buf, ARENA_SIZE, access);
	arena->mr[1] = ibv_reg_mr(arena->pd, arena->buf + skip,
				  ARENA_SIZE - 2 * skip, access);
	if (!arena->mr[0] || !arena->mr[1])
		bail("no MR of %s memory", memory_name[arena->memory]);
}

static inline void arena_deregister(struct arena *arena)
{
	int i;

	for (i = 0; i < NR_REGIONS; i++)
		if (ibv_dereg_mr(arena->mr[i]))
			bail("an MR does not go");
}

static inline void arena_open(struct arena *arena, struct ibv_pd *pd,
			      enum memory memory, int access)
{
	arena->memory = memory;
	arena->pd = pd;
	arena->access = access;
	arena_map(arena);
	arena_register(arena);
	arenas_of[arena->memory]++;
}

static inline void arena_close(struct arena *arena)
{
	arena_deregister(arena);
	munmap(arena->buf, arena->mapped);
}

/* On demand: nothing is there, and the device has to find that out. */
static inline void arena_drop(struct arena *arena)
{
	if (madvise(arena->buf, ARENA_SIZE, MADV_DONTNEED))
		bail("madvise");
}

#endif /* DATACHECK_MEMORY_H */
