// SPDX-License-Identifier: GPL-2.0
/*
 * What of the DMA API has to be functions in user space.
 */
#include <stdarg.h>

#include "shim.h"

char shim_log[SHIM_LOG_SIZE];
unsigned int shim_log_lines;
unsigned long shim_pages_taken;
u8 shim_vmalloc[SHIM_VMALLOC_PAGES * PAGE_SIZE] __attribute__((aligned(4096)));
struct page *shim_vmalloc_page[SHIM_VMALLOC_PAGES];

void shim_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shim_log, sizeof(shim_log), format, args);
	va_end(args);
	shim_log_lines++;
}

static bool pages_free(unsigned long first, unsigned long count)
{
	while (count--)
		if (shim_page[first + count].taken)
			return false;
	return true;
}

static void pages_take(unsigned long first, unsigned long count, bool taken)
{
	unsigned long i;

	for (i = first; i < first + count; i++) {
		assert(shim_page[i].taken != taken);
		shim_page[i].taken = taken;
	}
}

void *alloc_pages_exact(size_t size, gfp_t gfp)
{
	unsigned long count = DIV_ROUND_UP(size, PAGE_SIZE), first;

	if (shim_alloc_fails())
		return NULL;
	for (first = SHIM_ALLOC_FIRST; first + count <= SHIM_PAGES; first++) {
		if (!pages_free(first, count))
			continue;
		pages_take(first, count, true);
		shim_pages_taken += count;
		if (gfp & __GFP_ZERO)
			memset(shim_page_bytes(&shim_page[first]), 0,
			       count * PAGE_SIZE);
		return shim_page_bytes(&shim_page[first]);
	}
	return NULL;
}

void free_pages_exact(void *memory, size_t size)
{
	unsigned long count = DIV_ROUND_UP(size, PAGE_SIZE);

	assert(virt_addr_valid(memory) && !offset_in_page(memory));
	pages_take(virt_to_page(memory) - shim_page, count, false);
	shim_pages_taken -= count;
}

int sg_alloc_table(struct sg_table *sgt, unsigned int nents, gfp_t gfp)
{
	unsigned int i;

	sgt->sgl = shim_alloc(nents * sizeof(*sgt->sgl), 8);
	if (!sgt->sgl)
		return -ENOMEM;
	for (i = 1; i < nents; i++)
		sgt->sgl[i - 1].next = &sgt->sgl[i];
	sgt->nents = nents;
	return 0;
}

void sg_free_table(struct sg_table *sgt)
{
	shim_free(sgt->sgl);
}
