// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's pages and allocations: mapped, unmapped rightly and wrongly.
 */
#include "fuzz.h"
#include "ops.h"
#include "parent.h"

struct fuzz_before before;

static bool will_inject(struct fuzz_map *m, u64 len)
{
	const struct rmap_inject *inject = &m->map->inject;

	if (inject->pid && inject->pid != 10 && inject->pid != 11)
		return false;
	if (inject->above && len > inject->above)
		return true;
	return inject->every &&
	       !((u32)(inject->count.counter + 1) % inject->every);
}

void before_op(struct fuzz_map *m, u64 len)
{
	before = (struct fuzz_before){
		shim_failures, parent_refusals, shim_log_lines,
		will_inject(m, len),
	};
}

/*
 * May a mapping have been made of so many bytes, at this address, or, of scheme
 * "fresh", at this offset in a page? Counts what it has come to.
 */
bool judge_made(struct fuzz_map *m, bool fresh, u64 addr, u64 len,
		enum dma_data_direction dir)
{
	unsigned int order = model_order(addr, len);
	bool made = false;

	if (!len || !valid_dma_direction(dir) ||
	    parent_refusals != before.refusals)
		return false;
	if (before.injected) {
		m->want.injected++;
	} else if (m->closed || (fresh && !order)) {
		made = false;
	} else if (!fresh &&
		   (len > 1ULL << 56 || addr > (1ULL << 56) - len)) {
		made = false;
	} else if (shim_failures != before.failures ||
		   (fresh && model_space_full(m, order))) {
		m->want.no_memory++;
		if (fresh)
			model_space_unsure();
	} else {
		made = true;
		m->want.maps++;
		m->want.bytes += len;
	}
	return made;
}

static bool is_streaming(enum rmap_kind kind)
{
	return kind == RMAP_PAGE || kind == RMAP_SG;
}

/* Of those that one unmap may mean, the one that is gone from the table. */
static struct fuzz_mapping *which_is_gone(struct fuzz_map *m,
					  struct fuzz_mapping **candidate,
					  unsigned int count)
{
	struct fuzz_mapping *a, *b;
	unsigned int i, k, alike;

	for (i = 0; i < count; i++) {
		a = candidate[i];
		for (k = 0, alike = 0; k < count; k++) {
			b = candidate[k];
			alike += a->len == b->len && a->dir == b->dir &&
				 a->kind == b->kind;
		}
		if (table_alike(m, a) < alike)
			return a;
	}
	die("nothing is gone from %#llx, where %u mappings were",
	    candidate[0]->addr, count);
}

/* There is a line more than before. If it is the last one it can be read. */
static void check_line(const char *what, bool is_there)
{
	if (before.lines == shim_log_lines &&
	    !strstr(shim_log, what) != !is_there)
		die("the line %s \"%s\": %s", is_there ? "lacks" : "has", what,
		    shim_log);
}

static void check_mismatch(const struct fuzz_mapping *was, u64 len,
			   enum dma_data_direction dir, enum rmap_kind kind)
{
	check_line("has the wrong", true);
	check_line(" size", was->len != len);
	check_line(" direction", was->dir != dir);
	check_line(" function", was->kind != kind);
}

/* What an unmap may mean: *@count mappings, or, just as it is, the one returned */
static struct fuzz_mapping *find_undone(struct fuzz_map *m, u64 addr, u64 len,
					enum dma_data_direction dir,
					enum rmap_kind kind,
					const struct fuzz_list *list,
					struct fuzz_mapping **candidate,
					unsigned int *count)
{
	struct fuzz_mapping *mapping, *exact = NULL;
	unsigned int i;

	for (i = 0; i < fuzz_live_count; i++) {
		mapping = fuzz_live[i];
		if (mapping->map != m || mapping->addr != addr ||
		    (mapping->kind != kind &&
		     !(is_streaming(kind) && is_streaming(mapping->kind))))
			continue;
		if (mapping->len != len || mapping->dir != dir ||
		    mapping->kind != kind)
			candidate[(*count)++] = mapping;
		else if (!exact || mapping->list == list)
			exact = mapping;
	}
	return exact;
}

/* An unmap is over: was it right, and what is not mapped any more? */
void judge_undone_one(struct fuzz_map *m, u64 addr, u64 len,
		      enum dma_data_direction dir, enum rmap_kind kind,
		      const struct fuzz_list *list)
{
	struct fuzz_mapping *candidate[FUZZ_LIVE_MAX], *was;
	unsigned int count = 0;

	was = find_undone(m, addr, len, dir, kind, list, candidate, &count);
	if (!m->closed && m->map->unchecked &&
	    (addr >> 56 == 0 || addr >> 62)) {
		/* It believes everything. */
		m->want.unmaps++;
		m->want.bytes -= len;
		if (was)
			model_remove(was);
		return;
	}
	if (m->closed || (!was && !count)) {
		m->want.bad_unmaps++;
		before.lines++;
		check_line("no such mapping", true);
		return;
	}
	m->want.unmaps++;
	if (!was) {
		was = which_is_gone(m, candidate, count);
		m->want.bad_unmaps++;
		before.lines++;
		check_mismatch(was, len, dir, kind);
	}
	m->want.bytes -= was->len;
	model_remove(was);
}

void judge_undone(struct fuzz_map *m, u64 addr, u64 len,
		  enum dma_data_direction dir, enum rmap_kind kind)
{
	judge_undone_one(m, addr, len, dir, kind, NULL);
	if (shim_log_lines != before.lines)
		die("%d lines too many about an unmap",
		    (int)(shim_log_lines - before.lines));
}

/* Some mapping of the kind, or NULL */
struct fuzz_mapping *fuzz_pick(enum rmap_kind kind)
{
	unsigned int i, n = in8();

	for (i = 0; i < fuzz_live_count; i++, n++)
		if (fuzz_live[n % fuzz_live_count]->kind == kind)
			return fuzz_live[n % fuzz_live_count];
	return NULL;
}

static u64 pick_len(u64 offset)
{
	u8 how = in8();

	switch (how % 8) {
	case 0:
		return in8();
	case 1:
		return PAGE_SIZE - offset;
	case 2:
		return PAGE_SIZE;
	case 3:
		return 2 * PAGE_SIZE - offset;
	case 4:
		return 1 + in_below(6 * PAGE_SIZE);
	case 5:
		return 1 + in_below(PAGE_SIZE);
	case 6:
		return PAGE_SIZE * (1 + how / 8 % 20);
	default:
		return how < 0xe0 ? 1 + in_below(PAGE_SIZE) :
				    (1ULL << (20 + in_below(40))) - in8();
	}
}

static enum dma_data_direction pick_dir(void)
{
	u8 how = in8();

	return how == 255 ? DMA_NONE : how % 3;
}

bool fuzz_map_at(struct fuzz_map *m, u64 phys, u64 len,
		 enum dma_data_direction dir, bool mmio)
{
	struct device *dev = &m->map->dev;
	struct fuzz_mapping *mapping;
	bool fresh = m->map->scheme == DMA_RMAP_FRESH, made;
	unsigned long live = parent_live();
	u64 addr, at;

	before_op(m, len);
	addr = dma_map_phys(dev, phys, len, dir, mmio ? DMA_ATTR_MMIO : 0);
	trace("%s: map %#llx, %llu bytes, direction %u: %#llx\n", dev->name,
	      phys, len, dir, addr);
	at = fresh ? offset_in_page(phys) :
	     m->map->scheme == DMA_RMAP_PHYS || fuzz_parent == PARENT_DIRECT ?
	     phys : addr == DMA_MAPPING_ERROR ? 0 : addr;
	made = !mmio && judge_made(m, fresh, at, len, dir);
	if (made != (addr != DMA_MAPPING_ERROR))
		die("%s: mapping %#llx, %llu bytes, direction %u: %#llx",
		    dev->name, phys, len, dir, addr);
	if (m->map->scheme == DMA_RMAP_STACKED)
		must(parent_live() == live + made);
	if (!made)
		return false;
	if (fresh)
		model_space_took(m, addr, at, len);
	if (m->map->scheme == DMA_RMAP_PHYS && addr != phys)
		die("%#llx is mapped at %#llx", phys, addr);
	mapping = model_add(m, addr, len, dir, RMAP_PAGE);
	model_piece(mapping, phys, len);
	return true;
}

void fuzz_map_page(struct fuzz_map *m)
{
	u64 phys = SHIM_PHYS + in_below(ULP_PAGES) * PAGE_SIZE;
	enum dma_data_direction dir = pick_dir();
	u8 how = in8();
	u64 offset = how < 128 ? 0 : how < 160 ? in_below(PAGE_SIZE) :
				    PAGE_SIZE - 1 - in8();

	if (how == 127)
		phys = in64() & ((1ULL << 57) - 1) & PAGE_MASK;
	fuzz_map_at(m, phys + offset, pick_len(offset), dir, how == 126);
}

/* So many that the table grows; some of them again, if addresses are given. */
void fuzz_map_burst(struct fuzz_map *m)
{
	unsigned int count = 8 + in_below(64), i;
	u64 phys = SHIM_PHYS + in_below(ULP_PAGES / 2) * PAGE_SIZE +
		   (in8() % 2 ? in8() * 16 : 0);
	enum dma_data_direction dir = in8() % 3;
	u64 step = in8() % 2 ? PAGE_SIZE : in8() * 32;
	u64 len = pick_len(offset_in_page(phys));

	for (i = 0; i < count && fuzz_live_count < FUZZ_LIVE_MAX - 40; i++)
		fuzz_map_at(m, phys + i * step, len, dir, false);
}

/* As it was mapped */
void fuzz_undo_page(struct fuzz_mapping *mapping)
{
	struct fuzz_map *m = mapping->map;
	u64 addr = mapping->addr, len = mapping->len;
	enum dma_data_direction dir = mapping->dir;

	trace("%s: unmap %#llx, %llu bytes, direction %u\n", m->map->dev.name,
	      addr, len, dir);
	before_op(m, len);
	dma_unmap_phys(&m->map->dev, addr, len, dir, 0);
	judge_undone(m, addr, len, dir, RMAP_PAGE);
}

void fuzz_unmap_page(void)
{
	struct fuzz_mapping *mapping = fuzz_pick(RMAP_PAGE);

	if (mapping)
		fuzz_undo_page(mapping);
}

void fuzz_unmap_burst(struct fuzz_map *m)
{
	unsigned int count = 8 + in_below(120);
	struct fuzz_mapping *mapping;

	while (count--) {
		mapping = fuzz_pick(RMAP_PAGE);
		if (!mapping)
			return;
		fuzz_undo_page(mapping);
	}
}

void fuzz_undo_pages(struct fuzz_map *m)
{
	unsigned int i = 0;

	while (i < fuzz_live_count) {
		if (fuzz_live[i]->map == m && fuzz_live[i]->kind == RMAP_PAGE)
			fuzz_undo_page(fuzz_live[i]);
		else
			i++;
	}
}

/* Allocations */

/* What failed attempts have zeroed is not known to the model. */
static void forget_free_pages(void)
{
	unsigned long i;

	for (i = SHIM_ALLOC_FIRST; i < SHIM_PAGES; i++)
		if (!shim_page[i].taken)
			memcpy(model_memory + i * PAGE_SIZE,
			       shim_memory + i * PAGE_SIZE, PAGE_SIZE);
}

static void add_memory(struct fuzz_mapping *mapping, void *memory)
{
	u64 at, phys;

	mapping->memory = memory;
	for (at = 0; at < mapping->len; at += PAGE_SIZE) {
		phys = is_vmalloc_addr(memory) ?
		       page_to_phys(vmalloc_to_page(memory + at)) :
		       virt_to_phys(memory) + at;
		must(pfn_to_online_page(PHYS_PFN(phys))->taken);
		memset(model_memory + (phys - SHIM_PHYS), 0, PAGE_SIZE);
		model_memory_compare(phys, PAGE_SIZE);
		model_piece(mapping, phys, PAGE_SIZE);
	}
}

void fuzz_alloc(struct fuzz_map *m)
{
	struct device *dev = &m->map->dev;
	bool as_pages = in8() % 2;
	enum dma_data_direction dir = as_pages ? in8() % 3 : DMA_BIDIRECTIONAL;
	u64 size = in_below(5 * PAGE_SIZE), len = PAGE_ALIGN(size);
	unsigned long taken = shim_pages_taken, live = parent_live();
	struct fuzz_mapping *mapping;
	struct page *page;
	void *memory;
	dma_addr_t addr = 0;
	bool fresh;

	before_op(m, len);
	if (as_pages) {
		page = dma_alloc_pages(dev, size, &addr, dir, GFP_KERNEL);
		memory = page ? page_address(page) : NULL;
	} else {
		memory = dma_alloc_attrs(dev, size, &addr, GFP_KERNEL, 0);
	}
	trace("%s: allocate %llu bytes%s, direction %u: %p at %#llx\n",
	      dev->name, size, as_pages ? " of pages" : "", dir, memory, addr);
	if (!memory) {
		must(shim_pages_taken == taken && parent_live() == live);
		forget_free_pages();
		/* Before or after the map was asked? */
		if (before.injected &&
		    COUNTER(m->map, injected) > m->want.injected)
			m->want.injected++;
		else if (COUNTER(m->map, no_memory) > m->want.no_memory)
			m->want.no_memory++;
		else
			must(!size || m->closed ||
			     shim_failures != before.failures ||
			     taken + len / PAGE_SIZE > SHIM_PAGES / 4 ||
			     parent_refusals != before.refusals);
		model_space_unsure();
		return;
	}
	fresh = m->map->scheme == DMA_RMAP_FRESH;
	must(judge_made(m, fresh, fresh ? 0 : addr, len, dir));
	if (fresh)
		model_space_took(m, addr, 0, len);
	mapping = model_add(m, addr, len, dir, RMAP_COHERENT);
	mapping->as_pages = as_pages;
	add_memory(mapping, memory);
}

/* Free what @mapping is, as one believes that it is. */
static void free_as(struct fuzz_mapping *mapping, u64 size,
		    enum dma_data_direction dir, void *memory)
{
	struct fuzz_map *m = mapping->map;
	unsigned long taken = shim_pages_taken;
	unsigned long pages = mapping->len / PAGE_SIZE;
	u64 addr = mapping->addr;
	bool other = memory != mapping->memory;

	trace("%s: free %#llx, %llu bytes, direction %u\n", m->map->dev.name,
	      addr, size, dir);
	before_op(m, size);
	if (mapping->as_pages)
		dma_free_pages(&m->map->dev, size, virt_to_page(memory), addr,
			       dir);
	else
		dma_free_attrs(&m->map->dev, size, memory, addr, 0);
	if (other) {
		before.lines++;
		check_line("is not what was allocated", true);
	}
	judge_undone(m, addr, PAGE_ALIGN(size), dir, RMAP_COHERENT);
	must(shim_pages_taken == taken - pages);
}

void fuzz_free(void)
{
	struct fuzz_mapping *mapping = fuzz_pick(RMAP_COHERENT);

	if (mapping)
		free_as(mapping, mapping->len - in_below(PAGE_SIZE),
			mapping->dir, mapping->memory);
}

static void free_wrong(struct fuzz_mapping *mapping)
{
	enum dma_data_direction dir = mapping->as_pages ? in8() % 3 :
							  mapping->dir;
	u64 size = in8() % 4 * PAGE_SIZE;

	/* The parent is given what its allocation is believed to be. */
	if (in8() % 4 == 0 && mapping->map->map->scheme != DMA_RMAP_STACKED)
		free_as(mapping, mapping->len, mapping->dir,
			shim_memory + in8() * PAGE_SIZE / 2);
	else
		free_as(mapping, size, dir, mapping->memory);
}

/* What user space and others are shown of an allocation */
void fuzz_show(void)
{
	struct fuzz_mapping *mapping = fuzz_pick(RMAP_COHERENT);
	struct vm_area_struct vma = {
		.vm_pgoff = in8() % 6, .pages = in8() % 6, .size = 1,
	};
	struct sg_table sgt;
	struct device *dev;
	u64 pages;
	int err;

	if (!mapping || mapping->map->map->scheme == DMA_RMAP_STACKED)
		return;
	dev = &mapping->map->map->dev;
	pages = mapping->len >> PAGE_SHIFT;
	err = dma_mmap_attrs(dev, &vma, mapping->memory, mapping->addr,
			     mapping->len, 0);
	must(err == (vma.vm_pgoff < pages && vma.vm_pgoff + vma.pages <= pages ?
		     0 : -ENXIO));
	if (!err)
		must(vma.pfn == PHYS_PFN(mapping->piece->phys) + vma.vm_pgoff &&
		     vma.size == vma.pages * PAGE_SIZE);
	if (dma_get_sgtable_attrs(dev, &sgt, mapping->memory, mapping->addr,
				  mapping->len, 0))
		return;
	must(sgt.nents == 1 && sg_phys(sgt.sgl) == mapping->piece->phys &&
	     sgt.sgl->length == mapping->len);
	sg_free_table(&sgt);
}

/* Wrong in one way or another */

static u64 past[16], past_len[16];
static unsigned int turn;

void fuzz_pick_reset(void)
{
	memset(past, 0, sizeof(past));
	memset(past_len, 0, sizeof(past_len));
	turn = 0;
}

/* Of the map, most often, and then often one that allows this, or is large. */
static struct fuzz_mapping *pick_mapping(struct fuzz_map *m,
					 enum dma_data_direction dir, u8 how)
{
	struct fuzz_mapping *mapping, *other = NULL;
	unsigned int i, n = in8();

	for (i = 0; i < fuzz_live_count; i++, n++) {
		mapping = fuzz_live[n % fuzz_live_count];
		if (mapping->map != m && how % 16)
			continue;
		if ((how >= 128 || model_allows(mapping, dir)) &&
		    (how >= 64 || mapping->len > PAGE_SIZE))
			return mapping;
		other = mapping;
	}
	return other;
}

/* What is, was, or never was mapped */
u64 fuzz_pick_addr(struct fuzz_map *m, enum dma_data_direction dir, u64 *len)
{
	struct fuzz_mapping *mapping;
	u8 how = in8();

	*len = PAGE_SIZE;
	if (how >= 240) {
		*len = past_len[how % 16];
		return past[how % 16];
	}
	if (how >= 236)
		return in64();
	if (how >= 228)
		return SHIM_PHYS + in_below(ULP_PAGES + 1) * PAGE_SIZE + in8();
	mapping = pick_mapping(m, dir, how);
	if (!mapping)
		return SHIM_PHYS;
	*len = mapping->len;
	past[turn % 16] = mapping->addr;
	past_len[turn++ % 16] = mapping->len;
	return mapping->addr;
}

/* A scatterlist of one element, that was mapped otherwise. */
static void undo_as_sg(struct fuzz_map *m, u64 addr, u64 len,
		       enum dma_data_direction dir)
{
	struct scatterlist sg = {
		.page = shim_page, .length = len, .dma_address = addr,
		.dma_length = len,
	};

	dma_unmap_sg_attrs(&m->map->dev, &sg, 1, dir, 0);
	/* Without a length it is at its end. */
	if (sg.dma_length)
		judge_undone(m, addr, sg.dma_length, dir, RMAP_SG);
}

static bool has_kind(struct fuzz_map *m, u64 addr, enum rmap_kind kind)
{
	unsigned int i;

	for (i = 0; i < fuzz_live_count; i++)
		if (fuzz_live[i]->map == m && fuzz_live[i]->addr == addr &&
		    fuzz_live[i]->kind == kind)
			return true;
	return false;
}

void fuzz_unmap_wrong(struct fuzz_map *m)
{
	bool unchecked = m->map->unchecked;
	enum dma_data_direction dir;
	struct fuzz_mapping *mapping;
	u8 how = in8();
	u64 addr, len;

	if (how % 4 == 0) {
		mapping = fuzz_pick(RMAP_COHERENT);
		if (mapping && !mapping->unknown)
			free_wrong(mapping);
		return;
	}
	addr = fuzz_pick_addr(m, DMA_NONE, &len);
	addr += how / 64 ? 0 : in8();
	len += in8() % 4 ? 0 : (s64)in8() - 128;
	dir = in8() % 4;
	/* Where there are no mappings the memory of others would be freed. */
	if (how % 4 == 1 && !unchecked && !has_kind(m, addr, RMAP_COHERENT)) {
		trace("%s: free %#llx, %llu bytes\n", m->map->dev.name, addr,
		      len);
		before_op(m, len);
		dma_free_attrs(&m->map->dev, len, shim_memory, addr, 0);
		judge_undone(m, addr, PAGE_ALIGN(len), DMA_BIDIRECTIONAL,
			     RMAP_COHERENT);
	} else if (how % 4 == 2 && (m->map->scheme != DMA_RMAP_STACKED ||
				    !has_kind(m, addr, RMAP_SG))) {
		trace("%s: unmap %#llx, %llu bytes, direction %u as a scatterlist\n",
		      m->map->dev.name, addr, len, dir);
		before_op(m, len);
		undo_as_sg(m, addr, len, dir);
	} else {
		trace("%s: unmap %#llx, %llu bytes, direction %u\n",
		      m->map->dev.name, addr, len, dir);
		before_op(m, len);
		dma_unmap_phys(&m->map->dev, addr, len, dir, 0);
		judge_undone(m, addr, len, dir, RMAP_PAGE);
	}
}
