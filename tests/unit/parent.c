// SPDX-License-Identifier: GPL-2.0
/*
 * A device to stand on in scheme "stacked": its DMA API, without hardware. It
 * remembers what is mapped, and sees that it is unmapped as it was mapped, which
 * is what the DMA API asks of those who use it.
 */
#include "parent.h"

/* Addresses are given out in turn, so that they come again soon. */
#define SPACE_BASE	0xff000000ULL
#define SPACE_PAGES	512UL
#define SLOT		2048UL		/* of bounce buffers */
#define ATTRS		(DMA_ATTR_SKIP_CPU_SYNC | DMA_ATTR_NO_WARN)

enum how {
	HOW_PAGE,
	HOW_SG,
	HOW_ALLOC,
	HOW_ALLOC_PAGES,
};

/*
 * A mapping. @first and @pages: what it has of the space; @memory: what was
 * allocated for it
 */
struct given {
	struct given *next;
	enum how how;
	enum dma_data_direction dir;
	u64 addr;
	size_t size;
	unsigned int nents;
	unsigned long first;
	unsigned long pages;
	void *memory;
};

static struct device parent;
static struct device_dma_parameters parms;
static enum parent_kind kind;
static struct given *all;
static bool taken[SPACE_PAGES];
static unsigned long turn;
static bool vmalloc_taken[SHIM_VMALLOC_PAGES];
unsigned long parent_refusals;

#define wrong(...) do {							\
	fprintf(stderr, "the parent: " __VA_ARGS__);			\
	fprintf(stderr, "\n");						\
	abort();							\
} while (0)

/* Some run of pages of the space, or SPACE_PAGES */
static unsigned long space_take(unsigned long pages)
{
	unsigned long tries, first, i;

	if (!pages || pages > SPACE_PAGES)
		return SPACE_PAGES;
	for (tries = 0; tries < SPACE_PAGES; tries++) {
		first = turn++ % SPACE_PAGES;
		for (i = first; i < first + pages; i++)
			if (i == SPACE_PAGES || taken[i])
				break;
		if (i < first + pages)
			continue;
		memset(&taken[first], true, pages);
		turn = first + pages;
		return first;
	}
	return SPACE_PAGES;
}

static struct given *given_new(enum how how, size_t size,
			       enum dma_data_direction dir)
{
	struct given *given = calloc(1, sizeof(*given));

	assert(given);
	given->how = how;
	given->dir = dir;
	given->size = size;
	given->next = all;
	all = given;
	return given;
}

/* A new mapping, with an address for @phys; NULL if that is not possible. */
static struct given *give(enum how how, u64 phys, size_t size,
			  enum dma_data_direction dir)
{
	u64 offset = offset_in_page(phys);
	unsigned long pages, first;
	struct given *given;

	if (shim_alloc_fails() || (kind == PARENT_BOUNCE && how == HOW_PAGE &&
				   size > PARENT_BOUNCE_MAX))
		return NULL;
	if (kind == PARENT_DIRECT) {
		given = given_new(how, size, dir);
		given->addr = phys;
		return given;
	}
	if (kind == PARENT_BOUNCE)
		offset %= SLOT;
	pages = DIV_ROUND_UP(offset + size, PAGE_SIZE);
	first = space_take(pages);
	if (first == SPACE_PAGES)
		return NULL;
	given = given_new(how, size, dir);
	given->first = first;
	given->pages = pages;
	given->addr = SPACE_BASE + first * PAGE_SIZE + offset;
	return given;
}

static void memory_free(struct given *given)
{
	unsigned long first, i;

	if (!is_vmalloc_addr(given->memory)) {
		free_pages_exact(given->memory, given->size);
		return;
	}
	first = ((u8 *)given->memory - shim_vmalloc) / PAGE_SIZE;
	for (i = first; i < first + given->size / PAGE_SIZE; i++) {
		free_pages_exact(page_address(shim_vmalloc_page[i]), PAGE_SIZE);
		shim_vmalloc_page[i] = NULL;
		vmalloc_taken[i] = false;
	}
}

static void take_back(struct given *given)
{
	struct given **p;

	for (p = &all; *p != given; p = &(*p)->next)
		;
	*p = given->next;
	memset(&taken[given->first], false, given->pages);
	if (given->memory)
		memory_free(given);
	free(given);
}

static struct given *find(enum how how, u64 addr, size_t size,
			  enum dma_data_direction dir, unsigned int nents)
{
	struct given *given, *other = NULL;

	for (given = all; given; given = given->next) {
		if (given->addr != addr)
			continue;
		if (given->how == how && given->size == size &&
		    given->dir == dir && given->nents == nents)
			return given;
		other = given;
	}
	if (!other)
		wrong("%#llx, %zu bytes: unmapped, but not mapped", addr, size);
	wrong("%#llx: unmapped with function %u, %zu bytes, direction %u, %u elements; mapped with %u, %zu, %u, %u",
	      addr, how, size, dir, nents, other->how, other->size, other->dir,
	      other->nents);
}

static void check_attrs(unsigned long attrs, unsigned long must)
{
	if (attrs != must)
		wrong("attributes %#lx, not %#lx", attrs, must);
}

static dma_addr_t parent_map_phys(struct device *dev, phys_addr_t phys,
				  size_t size, enum dma_data_direction dir,
				  unsigned long attrs)
{
	struct given *given;

	check_attrs(attrs, ATTRS);
	if (!size || !valid_dma_direction(dir))
		wrong("%zu bytes for direction %u are to be mapped", size, dir);
	given = give(HOW_PAGE, phys, size, dir);
	parent_refusals += !given;
	return given ? given->addr : DMA_MAPPING_ERROR;
}

static void parent_unmap_phys(struct device *dev, dma_addr_t addr, size_t size,
			      enum dma_data_direction dir, unsigned long attrs)
{
	check_attrs(attrs, ATTRS);
	take_back(find(HOW_PAGE, addr, size, dir, 0));
}

/* Scatterlists: each has one stretch of the space, its elements follow there. */

static unsigned long sg_pages(struct scatterlist *sg)
{
	u64 offset = kind == PARENT_BOUNCE ? offset_in_page(sg->offset) % SLOT :
					     offset_in_page(sg->offset);

	return DIV_ROUND_UP(offset + sg->length, PAGE_SIZE);
}

/* May @sg, at @addr, be a part of @segment? */
static bool sg_merges(const struct scatterlist *segment, u64 addr, size_t len)
{
	u64 end = segment->dma_address + segment->dma_length;

	return kind == PARENT_IOMMU && end == addr && !offset_in_page(addr) &&
	       segment->dma_length + len <= PARENT_SEG_MAX &&
	       (segment->dma_address & PARENT_BOUNDARY) + segment->dma_length +
	       len - 1 <= PARENT_BOUNDARY;
}

/* Give the elements addresses from @at on. Returns how many segments they are. */
static int sg_address(struct scatterlist *sgl, int nents, u64 at)
{
	struct scatterlist *sg, *segment = NULL;
	int i, count = 0;
	size_t length;
	u64 addr;

	for_each_sg(sgl, sg, nents, i) {
		length = sg->length;
		addr = at + offset_in_page(sg->offset) %
			    (kind == PARENT_BOUNCE ? SLOT : PAGE_SIZE);
		if (kind == PARENT_DIRECT)
			addr = sg_phys(sg);
		at += sg_pages(sg) * PAGE_SIZE;
		if (segment && sg_merges(segment, addr, length)) {
			segment->dma_length += length;
			continue;
		}
		segment = segment ? sg_next(segment) : sgl;
		segment->dma_address = addr;
		segment->dma_length = length;
		count++;
	}
	if (count < nents)
		sg_dma_len(sg_next(segment)) = 0;
	return count;
}

static int parent_map_sg(struct device *dev, struct scatterlist *sgl, int nents,
			 enum dma_data_direction dir, unsigned long attrs)
{
	struct given *given = NULL;
	unsigned long pages = 0;
	struct scatterlist *sg;
	bool large = false;
	int i, count;

	check_attrs(attrs, ATTRS);
	if (nents <= 0 || !valid_dma_direction(dir))
		wrong("%d elements for direction %u are to be mapped", nents, dir);
	for_each_sg(sgl, sg, nents, i) {
		pages += sg_pages(sg);
		large |= sg->length > PARENT_BOUNCE_MAX;
	}
	if (kind != PARENT_BOUNCE || !large)
		given = give(HOW_SG, kind == PARENT_DIRECT ? sg_phys(sgl) : 0,
			     pages * PAGE_SIZE, dir);
	if (!given) {
		parent_refusals++;
		return -ENOMEM;
	}
	given->nents = nents;
	count = sg_address(sgl, nents, given->addr);
	given->addr = sg_dma_address(sgl);
	return count;
}

void parent_forget_sg(struct scatterlist *sgl, int nents,
		      enum dma_data_direction dir)
{
	unsigned long pages = 0;
	struct scatterlist *sg;
	int i;

	for_each_sg(sgl, sg, nents, i)
		pages += sg_pages(sg);
	take_back(find(HOW_SG, sg_dma_address(sgl), pages * PAGE_SIZE, dir,
		       nents));
}

static void parent_unmap_sg(struct device *dev, struct scatterlist *sgl,
			    int nents, enum dma_data_direction dir,
			    unsigned long attrs)
{
	check_attrs(attrs, ATTRS);
	parent_forget_sg(sgl, nents, dir);
}

/* Allocated memory: an IOMMU makes it of any pages. */

static void *vmalloc_alloc(unsigned long pages)
{
	unsigned long first, i;
	void *page;

	for (first = 0; first + pages <= SHIM_VMALLOC_PAGES; first++) {
		for (i = 0; i < pages && !vmalloc_taken[first + i]; i++)
			;
		if (i == pages)
			break;
	}
	if (first + pages > SHIM_VMALLOC_PAGES)
		return NULL;
	for (i = pages; i--; ) {	/* they are not in order */
		page = alloc_pages_exact(PAGE_SIZE, __GFP_ZERO);
		if (!page)
			goto err_page;
		shim_vmalloc_page[first + i] = virt_to_page(page);
		vmalloc_taken[first + i] = true;
	}
	return shim_vmalloc + first * PAGE_SIZE;

err_page:
	while (++i < pages) {
		free_pages_exact(page_address(shim_vmalloc_page[first + i]),
				 PAGE_SIZE);
		vmalloc_taken[first + i] = false;
	}
	return NULL;
}

static void *alloc(enum how how, size_t size, dma_addr_t *addr,
		   enum dma_data_direction dir)
{
	bool scattered = kind == PARENT_IOMMU && how == HOW_ALLOC;
	struct given *given;
	void *memory;

	/* until it is given */
	parent_refusals++;
	if (!size || offset_in_page(size))
		wrong("%zu bytes are to be allocated", size);
	memory = scattered ? vmalloc_alloc(size / PAGE_SIZE) :
			     alloc_pages_exact(size, __GFP_ZERO);
	if (!memory)
		return NULL;
	given = give(how, scattered ? 0 : virt_to_phys(memory), size, dir);
	if (given) {
		given->memory = memory;
		*addr = given->addr;
		parent_refusals--;
		return memory;
	}
	given = &(struct given){ .memory = memory, .size = size };
	memory_free(given);
	return NULL;
}

static void release(enum how how, size_t size, void *memory, u64 addr,
		    enum dma_data_direction dir)
{
	struct given *given = find(how, addr, size, dir, 0);

	if (memory != given->memory)
		wrong("%#llx: other memory is freed than was allocated", addr);
	take_back(given);
}

static void *parent_alloc(struct device *dev, size_t size, dma_addr_t *addr,
			  gfp_t gfp, unsigned long attrs)
{
	check_attrs(attrs, DMA_ATTR_NO_WARN);
	return alloc(HOW_ALLOC, size, addr, DMA_BIDIRECTIONAL);
}

static void parent_free(struct device *dev, size_t size, void *memory,
			dma_addr_t addr, unsigned long attrs)
{
	check_attrs(attrs, DMA_ATTR_NO_WARN);
	release(HOW_ALLOC, size, memory, addr, DMA_BIDIRECTIONAL);
}

static struct page *parent_alloc_pages(struct device *dev, size_t size,
				       dma_addr_t *addr,
				       enum dma_data_direction dir, gfp_t gfp)
{
	void *memory = alloc(HOW_ALLOC_PAGES, size, addr, dir);

	return memory ? virt_to_page(memory) : NULL;
}

static void parent_free_pages(struct device *dev, size_t size,
			      struct page *page, dma_addr_t addr,
			      enum dma_data_direction dir)
{
	release(HOW_ALLOC_PAGES, size, page_address(page), addr, dir);
}

static int parent_mmap(struct device *dev, struct vm_area_struct *vma,
		       void *memory, dma_addr_t addr, size_t size,
		       unsigned long attrs)
{
	vma->size = size;
	return 0;
}

static int parent_get_sgtable(struct device *dev, struct sg_table *sgt,
			      void *memory, dma_addr_t addr, size_t size,
			      unsigned long attrs)
{
	return -ENXIO;
}

static u64 parent_get_required_mask(struct device *dev)
{
	return DMA_BIT_MASK(33);
}

static size_t parent_max_mapping_size(struct device *dev)
{
	return kind == PARENT_BOUNCE ? PARENT_BOUNCE_MAX : SIZE_MAX;
}

static const struct dma_map_ops parent_ops = {
	.map_phys = parent_map_phys,
	.unmap_phys = parent_unmap_phys,
	.map_sg = parent_map_sg,
	.unmap_sg = parent_unmap_sg,
	.alloc = parent_alloc,
	.free = parent_free,
	.alloc_pages_op = parent_alloc_pages,
	.free_pages = parent_free_pages,
	.mmap = parent_mmap,
	.get_sgtable = parent_get_sgtable,
	.get_required_mask = parent_get_required_mask,
	.max_mapping_size = parent_max_mapping_size,
};

struct device *parent_begin(enum parent_kind which)
{
	kind = which;
	turn = 0;
	parms = (struct device_dma_parameters){
		.max_segment_size = PARENT_SEG_MAX,
		.segment_boundary_mask = PARENT_BOUNDARY,
	};
	parent = (struct device){
		.name = "parent", .dma_ops = &parent_ops, .dma_parms = &parms,
	};
	return &parent;
}

void parent_forget_memory(u64 addr)
{
	struct given *given;

	for (given = all; given; given = given->next) {
		if (given->addr == addr && given->memory) {
			take_back(given);
			return;
		}
	}
	wrong("%#llx: to be forgotten, but not allocated", addr);
}

unsigned long parent_live(void)
{
	struct given *given;
	unsigned long live = 0;

	for (given = all; given; given = given->next)
		live++;
	return live;
}

void parent_end(void)
{
	if (parent_live())
		wrong("%lu mappings are left; one is %#llx, %zu bytes",
		      parent_live(), all->addr, all->size);
}
