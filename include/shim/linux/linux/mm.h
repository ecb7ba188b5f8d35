/* SPDX-License-Identifier: ISC */
/*
 * <linux/mm.h>: pages.
 *
 * There is no array of page descriptors.  A struct page *is* the page: its address is the page's CPU address, page + 1 is
 * the next page, and it works for any memory, also a test's.  Drivers pass such pointers on and compare them; what a
 * descriptor of the kernel has inside is not there.
 *
 * What needs more than CPU addresses (page_to_phys() and its kin, alloc_pages()) works over the provider given to
 * mete_linux_init(3), and takes a METE_LINUX_HERE() in the application; before it no page has a physical address, and none
 * can be had.
 */
#ifndef METE_SHIM_LINUX_LINUX_MM_H
#define METE_SHIM_LINUX_LINUX_MM_H

#include <linux/gfp.h>
#include <linux/types.h>
#include <mete/linux.h>

#if defined(__STDC_HOSTED__) && __STDC_HOSTED__
#include <stdlib.h>
#endif

#define PAGE_SHIFT 12
#define PAGE_SIZE ((uintptr_t)1 << PAGE_SHIFT)
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x) (((x) + (PAGE_SIZE - 1)) & PAGE_MASK)
#define PFN_PHYS(pfn) ((phys_addr_t)(pfn) << PAGE_SHIFT)
#define PHYS_PFN(phys) ((unsigned long)((phys) >> PAGE_SHIFT))
#define offset_in_page(p) ((unsigned long)((uintptr_t)(p) & ~PAGE_MASK))

struct page {
	unsigned char mete_content[4096]; /* PAGE_SIZE */
};

static inline struct page *virt_to_page(const void *cpu)
{
	return (struct page *)((uintptr_t)cpu & PAGE_MASK);
}

static inline void *page_address(const struct page *page)
{
	return (void *)(uintptr_t)page;
}

static inline void *lowmem_page_address(const struct page *page)
{
	return page_address(page);
}

/* All ones: the page is not memory of the provider. */
static inline phys_addr_t virt_to_phys(const volatile void *cpu)
{
	return (phys_addr_t)mete_linux_virt_to_phys((const void *)(uintptr_t)cpu);
}

static inline phys_addr_t page_to_phys(const struct page *page)
{
	return virt_to_phys(page);
}

static inline unsigned long page_to_pfn(const struct page *page)
{
	return PHYS_PFN(page_to_phys(page));
}

/* NULL: no memory of the provider is there. */
static inline void *phys_to_virt(phys_addr_t phys)
{
	return mete_linux_phys_to_virt(phys);
}

static inline struct page *phys_to_page(phys_addr_t phys)
{
	return virt_to_page(phys_to_virt(phys));
}

static inline struct page *pfn_to_page(unsigned long pfn)
{
	return phys_to_page(PFN_PHYS(pfn));
}

/* The order of the fewest pages that hold `size` bytes; 0 bytes: as many as an address has, as nothing does. */
static inline int get_order(unsigned long size)
{
	int order = 0;

	for (size = (size - 1) >> PAGE_SHIFT; size; size >>= 1)
		order++;
	return order;
}

/* 2^`order` pages, contiguous, aligned to their size; NULL if there are none. */
static inline struct page *alloc_pages(gfp_t gfp, unsigned int order)
{
	return (struct page *)mete_linux_alloc_pages(mete_linux_page_gfp(gfp), order);
}

static inline struct page *alloc_page(gfp_t gfp)
{
	return alloc_pages(gfp, 0);
}

static inline void __free_pages(struct page *page, unsigned int order)
{
	mete_linux_free_pages(page, order);
}

static inline void __free_page(struct page *page)
{
	__free_pages(page, 0);
}

static inline unsigned long __get_free_pages(gfp_t gfp, unsigned int order)
{
	return (unsigned long)(uintptr_t)alloc_pages(gfp, order);
}

static inline void free_pages(unsigned long cpu, unsigned int order)
{
	__free_pages((struct page *)(uintptr_t)cpu, order);
}

/* Hook of <linux/scatterlist.h>: memory for tables, which devices never see. */
#if defined(__STDC_HOSTED__) && __STDC_HOSTED__
static inline void *mete_linux_table_alloc(size_t len, gfp_t gfp)
{
	(void)gfp;
	return malloc(len);
}

static inline void mete_linux_table_free(void *table)
{
	free(table);
}
#else
void *mete_linux_table_alloc(size_t len, gfp_t gfp);
void mete_linux_table_free(void *table);
#endif

#endif
