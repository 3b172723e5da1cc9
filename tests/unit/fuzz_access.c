// SPDX-License-Identifier: GPL-2.0
/*
 * The fuzzer's accesses: what the device is allowed, and which bytes it gets.
 */
#include "fuzz.h"

#define COPY_MAX (24 * PAGE_SIZE)

/**
 * struct access - an access, and what the model says of it
 * @m: the map
 * @addr: its first byte
 * @len: bytes
 * @dir: what for
 * @err: 0, or why all of it is refused
 * @reason: that, too
 * @whole: a mapping that holds and allows all of it, or NULL
 * @ready: how many bytes are done
 */
struct access {
	struct fuzz_map *m;
	u64 addr;
	u64 len;
	enum dma_data_direction dir;
	int err;
	enum dma_rmap_fault reason;
	struct fuzz_mapping *whole;
	u64 ready;
};

/* Memory that can be accessed without a mapping, from @addr to its page's end */
static u64 unchecked_bytes(struct fuzz_map *m, u64 addr)
{
	if (!m->map->unchecked || !model_has_memory(addr, 1) ||
	    shim_page[(addr - SHIM_PHYS) / PAGE_SIZE].reserved)
		return 0;
	return PAGE_SIZE - offset_in_page(addr);
}

/* How many bytes of the mapping from @offset on have memory, of @len? */
static u64 linked_bytes(struct fuzz_mapping *mapping, u64 offset, u64 len)
{
	u64 done = 0, here;

	while (done < len) {
		if (model_phys(mapping, offset + done, &here) == NO_MEMORY)
			break;
		done += here;
	}
	return min(done, len);
}

static int refuse(struct access *a, enum dma_rmap_fault reason)
{
	a->reason = reason;
	return reason == DMA_RMAP_FAULT_DIRECTION ? -EACCES :
	       reason == DMA_RMAP_FAULT_BOUNDS ? -ERANGE : -EFAULT;
}

/* Follow the access from mapping to mapping. */
static int follow(struct access *a)
{
	struct fuzz_mapping *mapping;
	u64 done, here, offset;

	for (done = 0; done < a->len; done += here) {
		mapping = model_holder(a->m, a->addr + done, a->dir);
		if (!mapping) {
			here = unchecked_bytes(a->m, a->addr + done);
			if (!here)
				return refuse(a, done ? DMA_RMAP_FAULT_BOUNDS :
						 DMA_RMAP_FAULT_UNMAPPED);
			continue;
		}
		if (!model_allows(mapping, a->dir))
			return refuse(a, DMA_RMAP_FAULT_DIRECTION);
		offset = a->addr + done - mapping->addr;
		here = min(a->len - done, mapping->len - offset);
		if (!done && here == a->len)
			a->whole = mapping;
		if (linked_bytes(mapping, offset, here) < here)
			return refuse(a, DMA_RMAP_FAULT_HOLE);
	}
	return 0;
}

static struct access predict(struct fuzz_map *m, u64 addr, u64 len,
			     enum dma_data_direction dir)
{
	struct access a = { .m = m, .addr = addr, .len = len, .dir = dir };

	a.err = follow(&a);
	a.ready = a.err ? 0 : len;
	return a;
}

/* Where is the access's byte @done, and how many are there together? */
static u64 byte_at(const struct access *a, u64 done, u64 *here)
{
	u64 addr = a->addr + done, phys;
	struct fuzz_mapping *mapping = a->whole;

	if (!mapping)
		mapping = model_holder(a->m, addr, a->dir);
	if (!mapping) {
		*here = unchecked_bytes(a->m, addr);
		phys = addr;
	} else {
		phys = model_phys(mapping, addr - mapping->addr, here);
	}
	*here = min(*here, a->len - done);
	return phys;
}

static bool has_memory(const struct access *a)
{
	u64 done, here, phys;

	for (done = 0; done < a->ready; done += here) {
		phys = byte_at(a, done, &here);
		if (!model_has_memory(phys, here))
			return false;
	}
	return true;
}

static void count_fault(struct access *a)
{
	a->m->want.faults[a->reason]++;
}

/* Within a mapping, at its ends, past them, or anywhere */
static struct access pick(struct fuzz_map *m, enum dma_data_direction dir)
{
	u64 len, addr = fuzz_pick_addr(m, dir, &len), offset = 0;
	struct access a;
	u8 how = in8();
	u64 end = len;

	if (how % 8 == 1)
		offset = in8();
	else if (how % 8 < 4)
		offset = len ? in64() % len : 0;
	else if (how % 8 == 4)
		offset = len - 1 - in8() % 64;
	else if (how % 8 == 5)
		offset = len + in8() % 4 - 2;
	if (how == 255)
		offset = -(u64)in8();
	how = in8();
	if (how % 8 == 0)
		len = 1 + in8() * 32;
	else if (how % 8 == 1)
		len = len - offset + in8() % 4 - 1;
	else if (how % 8 == 2)
		len = in_below(COPY_MAX - 1);
	else if (how % 8 == 3)
		len = PAGE_SIZE + in8() % 3 - 1;
	else
		len -= offset;
	if (how == 255)
		len = in64();
	/* Across the end of a mapping, if that is not the end. */
	if (end && how & 16 && model_holder(m, addr + end, dir)) {
		offset = end - 1 - in_below(min(end, PAGE_SIZE));
		len = end - offset + 1 + in8() * 32;
	}
	a = predict(m, addr + offset, len, dir);
	trace("access %#llx, %llu bytes, direction %u: %d expected, reason %u\n",
	      a.addr, a.len, a.dir, a.err, a.reason);
	return a;
}

static void compare(const char *what, const struct access *a, int err, int want)
{
	if (err != want)
		die("%s: %s %#llx, %llu bytes, direction %u: %d, not %d",
		    a->m->map->dev.name, what, a->addr, a->len, a->dir, err,
		    want);
}

void fuzz_check(struct fuzz_map *m)
{
	struct access a = pick(m, in8() % 4);
	int err = dma_rmap_check(m->map, a.addr, a.len, a.dir);

	if (a.dir == DMA_NONE)
		a.err = -EINVAL;
	else if (a.err)
		count_fault(&a);
	compare("check", &a, err, a.err);
}

/* Is that a piece that the access can begin with? */
static void check_piece(struct access *a, const struct dma_rmap_ref *ref)
{
	u64 phys = page_to_phys(ref->page) + ref->offset, here, rest;
	struct fuzz_mapping *mapping;
	unsigned int i;

	must(ref->len && ref->len <= a->len &&
	     ref->offset + ref->len <= PAGE_SIZE);
	for (i = 0; i < fuzz_live_count; i++) {
		mapping = fuzz_live[i];
		if (mapping->map != a->m || mapping->unknown ||
		    a->addr - mapping->addr >= mapping->len ||
		    !model_allows(mapping, a->dir))
			continue;
		rest = mapping->len - (a->addr - mapping->addr);
		if (a->whole && rest < a->len)
			continue;
		here = min3(a->len, rest, (u64)PAGE_SIZE - ref->offset);
		if (model_phys(mapping, a->addr - mapping->addr, &rest) == phys &&
		    ref->len == here)
			return;
	}
	here = unchecked_bytes(a->m, a->addr);
	if (here && phys == a->addr && ref->len == min(a->len, here))
		return;
	die("%s: %#llx, %llu bytes: got %u bytes at %#llx", a->m->map->dev.name,
	    a->addr, a->len, ref->len, phys);
}

#define HELD_MAX 4

void fuzz_get(struct fuzz_map *m)
{
	struct dma_rmap_ref ref[HELD_MAX];
	unsigned int i, count = 1 + in8() % HELD_MAX, held = 0;
	unsigned long flags;
	struct access a;
	int err;

	local_irq_save(flags);
	for (i = 0; i < count; i++) {
		a = pick(m, in8() % 4);
		if (!has_memory(&a))
			continue;
		err = dma_rmap_get(m->map, a.addr, a.len, a.dir, &ref[held]);
		if (a.dir == DMA_NONE || !a.len) {
			compare("get", &a, err, -EINVAL);
			continue;
		}
		compare("get", &a, err, a.err);
		if (err) {
			count_fault(&a);
			continue;
		}
		check_piece(&a, &ref[held++]);
	}
	while (held)
		dma_rmap_put(&ref[--held]);
	local_irq_restore(flags);
}

/*
 * While a copy is at work, between two of its pieces, another CPU may unmap the
 * memory, perhaps map it again otherwise, and the table be resized. Then the rest
 * is an access of its own.
 */
static struct {
	struct fuzz_mapping *mapping;	/* to be unmapped */
	bool again;			/* and mapped for @dir */
	enum dma_data_direction dir;
	bool happened;
	unsigned int pieces;		/* after so many more */
	u64 done;			/* bytes */
	struct access rest;
} other_cpu;

/*
 * Bytes of a copy's next piece. It ends with a page of memory, and if it is not the
 * first one with a page of addresses; with bounce buffers these are not the same.
 */
static u64 piece_of_copy(const struct access *a, u64 done)
{
	u64 here;

	here = PAGE_SIZE - offset_in_page(byte_at(a, done, &here));
	if (done)
		here = min(here, (u64)PAGE_SIZE - offset_in_page(a->addr + done));
	return min(here, a->len - done);
}

static void interrupt_copy(void)
{
	struct access *rest = &other_cpu.rest;
	long fail_after = shim_fail_after;
	u64 phys, len;

	other_cpu.done += piece_of_copy(rest, other_cpu.done);
	if (other_cpu.done == rest->len)
		return;
	if (other_cpu.pieces--) {
		shim_in_irqs_on = interrupt_copy;
		return;
	}
	trace("  after %llu bytes: ", other_cpu.done);
	shim_fail_after = -1;
	shim_run_work();
	phys = other_cpu.mapping->piece->phys;
	len = other_cpu.mapping->len;
	fuzz_undo_page(other_cpu.mapping);
	if (other_cpu.again)
		fuzz_map_at(rest->m, phys, len, other_cpu.dir, false);
	shim_fail_after = fail_after;
	other_cpu.happened = true;
	*rest = predict(rest->m, rest->addr + other_cpu.done,
			rest->len - other_cpu.done, rest->dir);
}

static void arm_interrupt(const struct access *a, u8 how)
{
	other_cpu.happened = false;
	if (how < 96 || !a->whole || a->whole->kind != RMAP_PAGE)
		return;
	other_cpu.mapping = a->whole;
	other_cpu.pieces = how % 4;
	other_cpu.again = how & 4;
	other_cpu.dir = how / 8 % 3;
	other_cpu.done = 0;
	other_cpu.rest = *a;
	shim_in_irqs_on = interrupt_copy;
}

static u8 filler(u64 i)
{
	return i * 3 + 7;
}

/* Some access that may be copied, with a buffer that is no larger than it is */
static bool pick_copy(struct fuzz_map *m, enum dma_data_direction dir,
		      struct access *a, u8 **buffer)
{
	u64 i;

	*a = pick(m, dir);
	if (a->len > COPY_MAX || !has_memory(a))
		return false;
	*buffer = malloc(a->len);
	must(*buffer || !a->len);
	for (i = 0; i < a->len; i++)
		(*buffer)[i] = filler(i);
	return true;
}

/* How far does the copy come, and what does it end with? */
static int copy_error(struct access *a, u64 *bytes)
{
	*bytes = a->ready;
	if (a->err)
		count_fault(a);
	return a->err;
}

/* The same of the rest of one that was interrupted, which goes page by page. */
static int rest_error(struct access *rest, u64 *bytes)
{
	struct access page;
	u64 addr, here;

	for (*bytes = 0; *bytes < rest->len; *bytes += here) {
		addr = rest->addr + *bytes;
		here = min(rest->len - *bytes,
			   (u64)PAGE_SIZE - offset_in_page(addr));
		page = predict(rest->m, addr, here, rest->dir);
		if (page.err) {
			count_fault(&page);
			return page.err;
		}
	}
	return 0;
}

/* The bytes of a buffer and of the model's memory; a page may be there twice. */
static void copy_bytes(const struct access *a, u64 phys, u64 done, u64 len,
		       u8 *buffer)
{
	u8 *memory = model_memory + (phys - SHIM_PHYS);

	if (a->dir == DMA_FROM_DEVICE)
		memcpy(memory, buffer + done, len);
	else if (memcmp(memory, buffer + done, len))
		die("%s: copy from %#llx, %llu bytes: wrong ones, from %llu on",
		    a->m->map->dev.name, a->addr, a->len, done);
}

static void copy_model(const struct access *a, u64 bytes, u8 *buffer)
{
	u64 done, here, phys;

	for (done = 0; done < bytes; done += here) {
		phys = byte_at(a, done, &here);
		here = min(here, bytes - done);
		copy_bytes(a, phys, done, here, buffer);
	}
	for (done = 0; done < bytes; done += here) {
		phys = byte_at(a, done, &here);
		here = min(here, bytes - done);
		model_memory_compare(phys, here);
	}
}

static void fuzz_copy(struct fuzz_map *m, enum dma_data_direction dir)
{
	u64 i, bytes, begin = 0, phys, here;
	struct access a;
	u8 *buffer;
	int err;

	if (!pick_copy(m, dir, &a, &buffer))
		return;
	phys = a.ready ? byte_at(&a, 0, &here) : 0;
	arm_interrupt(&a, in8());
	err = dir == DMA_TO_DEVICE ?
	      dma_rmap_copy_from(m->map, buffer, a.addr, a.len) :
	      dma_rmap_copy_to(m->map, a.addr, buffer, a.len);
	shim_in_irqs_on = NULL;
	if (other_cpu.happened) {
		/* What was done before was in one piece of memory. */
		begin = other_cpu.done;
		copy_bytes(&a, phys, 0, begin, buffer);
		a = other_cpu.rest;
		compare("copy's rest", &a, err, rest_error(&a, &bytes));
	} else {
		compare("copy", &a, err, copy_error(&a, &bytes));
	}
	copy_model(&a, bytes, buffer + begin);
	for (i = begin + bytes; i < begin + a.len; i++)
		must(buffer[i] == filler(i));
	free(buffer);
}

void fuzz_copy_from(struct fuzz_map *m)
{
	fuzz_copy(m, DMA_TO_DEVICE);
}

void fuzz_copy_to(struct fuzz_map *m)
{
	fuzz_copy(m, DMA_FROM_DEVICE);
}

struct walk {
	struct access a;
	u64 done;
	unsigned int stop;	/* after so many spans */
};

static int visit(const struct dma_rmap_span *span, void *arg)
{
	u64 phys = page_to_phys(span->page) + span->offset, at, here;
	struct walk *walk = arg;
	u64 len = span->len;

	must(len && span->offset < PAGE_SIZE);
	while (len) {
		if (walk->done >= walk->a.ready)
			die("a walk goes on after %llu bytes", walk->done);
		at = byte_at(&walk->a, walk->done, &here);
		if (at != phys)
			die("%s: walk from %#llx, %llu bytes: byte %llu at %#llx, not %#llx",
			    walk->a.m->map->dev.name, walk->a.addr,
			    walk->a.len, walk->done, phys, at);
		here = min(here, len);
		walk->done += here;
		phys += here;
		len -= here;
	}
	return --walk->stop ? 0 : 77;
}

void fuzz_walk(struct fuzz_map *m)
{
	struct walk walk = { .stop = in8() };
	struct access *a = &walk.a;
	u64 bytes;
	int err;

	*a = pick(m, in8() % 4);
	if (!has_memory(a))
		return;
	err = dma_rmap_walk_spans(m->map, a->addr, a->len, a->dir, visit, &walk);
	if (a->dir == DMA_NONE) {
		compare("walk", a, err, -EINVAL);
	} else if (err == 77) {
		must(!walk.stop);
	} else {
		compare("walk", a, err, copy_error(a, &bytes));
		must(walk.done == bytes);
	}
}

/* What is said of an access has to do with what it is. */
void fuzz_explain(struct fuzz_map *m)
{
	struct access a = pick(m, in8() % 3);
	char why[192], small[20];
	int len;

	if (!a.len)
		return;
	memset(why, 1, sizeof(why));
	len = dma_rmap_explain(m->map, a.addr, a.len, a.dir, why, sizeof(why));
	trace("  %s\n", why);
	must(len > 10 && len < (int)sizeof(why) - 1 && !why[len]);
	must(len == (int)strlen(why));
	if (!m->map->unchecked)
		must(!strncmp(why, "allowed by now", 14) == !a.err);
	if (a.err && a.reason == DMA_RMAP_FAULT_HOLE)
		must(!strncmp(why, "a hole", 6));
	if (a.err && a.reason == DMA_RMAP_FAULT_BOUNDS && !m->map->unchecked)
		must(!strncmp(why, "runs ", 5));
	if (a.err && a.reason == DMA_RMAP_FAULT_DIRECTION)
		must(strstr(why, "mapped for the other direction"));
	dma_rmap_explain(m->map, a.addr, a.len, a.dir, small, sizeof(small));
}
