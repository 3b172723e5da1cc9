/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A fuzzer of maps and their DMA operations: the bytes of its input are a
 * sequence of operations, and a model says what each of them has to come to.
 *
 * The model is a list of mappings with the memory that each stands for, and a
 * copy of all memory. It knows nothing of tables, blocks and orders.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "fixture.h"
#include "parent.h"

/* The end of the program, with a line that says why. */
#define die(...) fuzz_die(__func__, __LINE__, __VA_ARGS__)
#define must(x) do { if (!(x)) die("%s", #x); } while (0)
void fuzz_die(const char *func, int line, const char *format, ...)
	__attribute__((noreturn, format(printf, 3, 4)));

/* What goes on is told if the environment has FUZZ_TRACE. */
extern bool fuzz_trace;
#define trace(...) do {							\
	if (fuzz_trace)							\
		fprintf(stderr, __VA_ARGS__);				\
} while (0)

/* The input; 0 for ever when it is at its end */
bool in_more(void);
u8 in8(void);
u64 in64(void);
u64 in_below(u64 n);		/* n: 65536 at most */

/* Pages that ULPs have; the last are no memory for a device, or another's */
#define ULP_PAGES	SHIM_ALLOC_FIRST
#define ULP_RESERVED	(ULP_PAGES - 4)
#define ULP_P2PDMA	(ULP_PAGES - 1)

#define FUZZ_LIST_MAX	12

/**
 * struct fuzz_map - a map, and what is known of it
 * @map: the map
 * @want: what its counters have to be
 * @closed: it is as after dma_rmap_destroy(), but its ranges can be freed
 */
struct fuzz_map {
	struct dma_rmap *map;
	struct rmap_counters want;
	bool closed;
};

extern enum parent_kind fuzz_parent;

/* Memory, contiguous; nothing there if @phys is NO_MEMORY */
struct fuzz_piece {
	u64 phys;
	u64 len;
};

#define NO_MEMORY	(~0ULL)

/**
 * struct fuzz_mapping - what is mapped
 * @map: where
 * @addr: the first device address
 * @len: bytes
 * @dir: for what
 * @kind: how
 * @unknown: the map does not remember it
 * @list: the scatterlist that it is a segment of
 * @range: the reservation that it is
 * @memory: what was allocated; NULL for another kind
 * @as_pages: by dma_alloc_pages()
 * @pieces: how many there are
 * @piece: its memory, in order
 */
struct fuzz_mapping {
	struct fuzz_map *map;
	u64 addr;
	u64 len;
	enum dma_data_direction dir;
	enum rmap_kind kind;
	bool unknown;
	struct fuzz_list *list;
	struct dma_rmap_range range;
	void *memory;
	bool as_pages;
	unsigned int pieces;
	struct fuzz_piece *piece;
};

/**
 * struct fuzz_list - a scatterlist
 * @map: where it is mapped
 * @nents: how many elements it has
 * @count: how many segments
 * @live: how many of those are mapped
 * @undone: all of it has been unmapped together
 * @dir: for what
 * @sg: its elements, in the order in which nobody expects them
 */
struct fuzz_list {
	struct fuzz_map *map;
	int nents;
	int count;
	int live;
	bool undone;
	enum dma_data_direction dir;
	struct scatterlist sg[FUZZ_LIST_MAX];
};

/* fuzz_model.c: mappings */
#define FUZZ_LIVE_MAX	300
extern struct fuzz_mapping *fuzz_live[FUZZ_LIVE_MAX];
extern unsigned int fuzz_live_count;

struct fuzz_mapping *model_add(struct fuzz_map *m, u64 addr, u64 len,
			       enum dma_data_direction dir,
			       enum rmap_kind kind);
void model_piece(struct fuzz_mapping *mapping, u64 phys, u64 len);
void model_remove(struct fuzz_mapping *mapping);
struct fuzz_mapping *model_holder(struct fuzz_map *m, u64 addr,
				  enum dma_data_direction dir);
/* Where is byte @offset, and how many from there on are contiguous? */
u64 model_phys(const struct fuzz_mapping *mapping, u64 offset, u64 *len);
bool model_allows(const struct fuzz_mapping *mapping,
		  enum dma_data_direction dir);
/* Does the map have the mappings that the model has? */
void model_compare(struct fuzz_map *m);
void model_compare_counters(struct fuzz_map *m);
/* How many mappings of the map are just like that, in its table? */
unsigned int table_alike(struct fuzz_map *m, const struct fuzz_mapping *like);

/* fuzz_model.c: memory, as it has to be */
extern u8 model_memory[SHIM_PAGES * PAGE_SIZE];

void model_memory_reset(void);
bool model_has_memory(u64 phys, u64 len);
void model_memory_compare(u64 phys, u64 len);

/* fuzz_model.c: addresses of scheme "fresh" */
void model_space_reset(unsigned int block_bits);
unsigned int model_order(u64 offset, u64 len);	/* 0 if it is too large */
bool model_space_full(struct fuzz_map *m, unsigned int order);
bool model_space_wraps(void);
void model_space_unsure(void);
void model_space_took(struct fuzz_map *m, u64 addr, u64 offset, u64 len);

/* fuzz_map.c */
void fuzz_map_page(struct fuzz_map *m);
bool fuzz_map_at(struct fuzz_map *m, u64 phys, u64 len,
		 enum dma_data_direction dir, bool mmio);
void fuzz_map_burst(struct fuzz_map *m);
void fuzz_unmap_burst(struct fuzz_map *m);
void fuzz_unmap_page(void);
void fuzz_undo_page(struct fuzz_mapping *mapping);
void fuzz_unmap_wrong(struct fuzz_map *m);
void fuzz_alloc(struct fuzz_map *m);
void fuzz_free(void);
void fuzz_show(void);
void fuzz_undo_pages(struct fuzz_map *m);	/* all that are left */
struct fuzz_mapping *fuzz_pick(enum rmap_kind kind);
void fuzz_pick_reset(void);
u64 fuzz_pick_addr(struct fuzz_map *m, enum dma_data_direction dir, u64 *len);
bool judge_made(struct fuzz_map *m, bool fresh, u64 addr, u64 len,
		enum dma_data_direction dir);
void judge_undone_one(struct fuzz_map *m, u64 addr, u64 len,
		      enum dma_data_direction dir, enum rmap_kind kind,
		      const struct fuzz_list *list);
void judge_undone(struct fuzz_map *m, u64 addr, u64 len,
		  enum dma_data_direction dir, enum rmap_kind kind);

/* What can make an operation fail; taken before it */
struct fuzz_before {
	unsigned long failures;
	unsigned long refusals;
	unsigned int lines;
	bool injected;
};
extern struct fuzz_before before;
void before_op(struct fuzz_map *m, u64 len);

/* fuzz_sg.c */
void fuzz_map_sg(struct fuzz_map *m);
void fuzz_unmap_sg(void);
void fuzz_sg_left(struct fuzz_map *m);		/* the map is gone */

/* fuzz_range.c */
void fuzz_reserve(struct fuzz_map *m);
void fuzz_link(void);
void fuzz_unlink(void);
void fuzz_free_range(void);
void fuzz_free_ranges(struct fuzz_map *m);

/* fuzz_access.c */
void fuzz_check(struct fuzz_map *m);
void fuzz_get(struct fuzz_map *m);
void fuzz_copy_from(struct fuzz_map *m);
void fuzz_copy_to(struct fuzz_map *m);
void fuzz_walk(struct fuzz_map *m);
void fuzz_explain(struct fuzz_map *m);

#endif /* FUZZ_H */
