/* SPDX-License-Identifier: ISC */
/*
 * <linux/scatterlist.h>: memory in pieces.
 *
 * An array of entries, or several: a link to another array takes an entry, marked by bit 0 of its page_link; bit 1 marks
 * the last entry.  So an entry is read with sg_next(), never with sg + 1.  What an entry is on the bus stands beside what
 * it is in memory: dma_address and dma_length, of which there may be fewer.
 *
 * All of it is here, inline, because what a struct page is, is the business of <linux/mm.h>: the shim's, or the
 * application's own.  That one also has mete_linux_table_alloc() and mete_linux_table_free().
 */
#ifndef METE_COMPAT_LINUX_LINUX_SCATTERLIST_H
#define METE_COMPAT_LINUX_LINUX_SCATTERLIST_H

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <string.h>

#if defined(__GNUC__)
#define METE_NATIVE static inline __attribute__((unused))
#else
#define METE_NATIVE static inline
#endif

struct scatterlist {
	uintptr_t page_link;
	unsigned int offset;
	unsigned int length;
	dma_addr_t dma_address;
	unsigned int dma_length;
};

struct sg_table {
	struct scatterlist *sgl;
	unsigned int nents;      /* entries on the bus */
	unsigned int orig_nents; /* entries in memory */
};

#define SG_CHAIN 0x1u
#define SG_END 0x2u
#define SG_PAGE_LINK_MASK ((uintptr_t)3)

/* A table's arrays fill a page each. */
#define SG_MAX_SINGLE_ALLOC ((unsigned int)(PAGE_SIZE / sizeof(struct scatterlist)))

#define sg_dma_address(sg) ((sg)->dma_address)
#define sg_dma_len(sg) ((sg)->dma_length)

METE_NATIVE bool sg_is_chain(const struct scatterlist *sg)
{
	return (sg->page_link & SG_CHAIN) != 0;
}

METE_NATIVE bool sg_is_last(const struct scatterlist *sg)
{
	return (sg->page_link & SG_END) != 0;
}

METE_NATIVE struct scatterlist *sg_chain_ptr(const struct scatterlist *sg)
{
	return (struct scatterlist *)(sg->page_link & ~SG_PAGE_LINK_MASK);
}

METE_NATIVE void sg_mark_end(struct scatterlist *sg)
{
	sg->page_link = (sg->page_link | SG_END) & ~(uintptr_t)SG_CHAIN;
}

METE_NATIVE void sg_unmark_end(struct scatterlist *sg)
{
	sg->page_link &= ~(uintptr_t)SG_END;
}

METE_NATIVE void sg_init_table(struct scatterlist *sgl, unsigned int nents)
{
	memset(sgl, 0, nents * sizeof *sgl);
	if (nents)
		sg_mark_end(&sgl[nents - 1]);
}

METE_NATIVE void sg_assign_page(struct scatterlist *sg, struct page *page)
{
	sg->page_link = (sg->page_link & SG_PAGE_LINK_MASK) | (uintptr_t)page;
}

METE_NATIVE void sg_set_page(struct scatterlist *sg, struct page *page, unsigned int len, unsigned int offset)
{
	sg_assign_page(sg, page);
	sg->offset = offset;
	sg->length = len;
}

METE_NATIVE void sg_set_buf(struct scatterlist *sg, const void *buf, unsigned int buflen)
{
	sg_set_page(sg, virt_to_page(buf), buflen, (unsigned int)offset_in_page(buf));
}

METE_NATIVE void sg_init_one(struct scatterlist *sg, const void *buf, unsigned int buflen)
{
	sg_init_table(sg, 1);
	sg_set_buf(sg, buf, buflen);
}

METE_NATIVE struct page *sg_page(struct scatterlist *sg)
{
	return (struct page *)(sg->page_link & ~SG_PAGE_LINK_MASK);
}

METE_NATIVE void *sg_virt(struct scatterlist *sg)
{
	return (void *)((uintptr_t)page_address(sg_page(sg)) + sg->offset);
}

METE_NATIVE phys_addr_t sg_phys(struct scatterlist *sg)
{
	return page_to_phys(sg_page(sg)) + sg->offset;
}

/* NULL after the last. */
METE_NATIVE struct scatterlist *sg_next(struct scatterlist *sg)
{
	if (sg_is_last(sg))
		return NULL;
	sg++;
	return sg_is_chain(sg) ? sg_chain_ptr(sg) : sg;
}

#define for_each_sg(sglist, sg, nr, i) for (i = 0, sg = (sglist); i < (nr); i++, sg = sg_next(sg))
#define for_each_sgtable_sg(sgt, sg, i) for_each_sg((sgt)->sgl, sg, (sgt)->orig_nents, i)
#define for_each_sgtable_dma_sg(sgt, sg, i) for_each_sg((sgt)->sgl, sg, (sgt)->nents, i)

METE_NATIVE struct scatterlist *sg_last(struct scatterlist *sgl, unsigned int nents)
{
	struct scatterlist *sg = sgl;

	for (unsigned int i = 1; i < nents; i++)
		sg = sg_next(sg);
	return sg;
}

/* The last of `prv_nents` entries at `prv` becomes a link to `sgl`. */
METE_NATIVE void sg_chain(struct scatterlist *prv, unsigned int prv_nents, struct scatterlist *sgl)
{
	struct scatterlist *link = &prv[prv_nents - 1];

	link->offset = 0;
	link->length = 0;
	link->page_link = ((uintptr_t)sgl | SG_CHAIN) & ~(uintptr_t)SG_END;
}

METE_NATIVE int sg_nents(struct scatterlist *sg)
{
	int n = 0;

	for (; sg; sg = sg_next(sg))
		n++;
	return n;
}

/* How many entries hold the first `len` bytes; -EINVAL: all do not. */
METE_NATIVE int sg_nents_for_len(struct scatterlist *sg, u64 len)
{
	u64 total = 0;
	int n = 0;

	if (!len)
		return 0;
	for (; sg; sg = sg_next(sg)) {
		n++;
		total += sg->length;
		if (total >= len)
			return n;
	}
	return -EINVAL;
}

/* Give back every array; the table is empty then. */
METE_NATIVE void sg_free_table(struct sg_table *table)
{
	struct scatterlist *sgl = table->sgl;
	unsigned int left = table->orig_nents;

	while (sgl) {
		struct scatterlist *next = NULL;
		if (left > SG_MAX_SINGLE_ALLOC) {
			next = sg_chain_ptr(&sgl[SG_MAX_SINGLE_ALLOC - 1]);
			left -= SG_MAX_SINGLE_ALLOC - 1;
		}
		mete_linux_table_free(sgl);
		sgl = next;
	}
	table->sgl = NULL;
	table->nents = table->orig_nents = 0;
}

/* 0, -EINVAL (no entries) or -ENOMEM; the table is empty then. */
METE_NATIVE int sg_alloc_table(struct sg_table *table, unsigned int nents, gfp_t gfp_mask)
{
	struct scatterlist *prv = NULL;
	unsigned int left = nents;

	table->sgl = NULL;
	table->nents = table->orig_nents = 0;
	if (!nents)
		return -EINVAL;
	while (left) {
		unsigned int n = left < SG_MAX_SINGLE_ALLOC ? left : SG_MAX_SINGLE_ALLOC;
		unsigned int used = n < left ? n - 1 : n; /* 1 = the link */
		struct scatterlist *sgl = (struct scatterlist *)mete_linux_table_alloc(n * sizeof *sgl, gfp_mask);
		if (!sgl) {
			table->orig_nents = nents; /* where the next link would be, nothing is yet */
			sg_free_table(table);
			return -ENOMEM;
		}
		sg_init_table(sgl, n);
		if (prv)
			sg_chain(prv, SG_MAX_SINGLE_ALLOC, sgl);
		else
			table->sgl = sgl;
		prv = sgl;
		left -= used;
	}
	table->nents = table->orig_nents = nents;
	return 0;
}

/* Whether `b` follows `a` in every view. */
METE_NATIVE bool mete_linux_pages_adjoin(struct page *a, struct page *b)
{
	return (unsigned char *)page_address(a) + PAGE_SIZE == (unsigned char *)page_address(b) &&
	    page_to_pfn(a) + 1 == page_to_pfn(b);
}

/* As many of `n_pages` pages from `pages` on as one entry of up to `max_segment` bytes can hold. */
METE_NATIVE unsigned int mete_linux_pages_run(struct page **pages, unsigned int n_pages, unsigned int max_segment)
{
	unsigned int n = 1;

	while (n < n_pages && n < max_segment / PAGE_SIZE && mete_linux_pages_adjoin(pages[n - 1], pages[n]))
		n++;
	return n;
}

/*
 * A table of the `size` bytes from `offset` in the first of `n_pages` pages on, adjoining pages in one entry of up to
 * `max_segment` bytes.  0, -EINVAL (no page; bytes outside of them; less than a page in an entry) or -ENOMEM.
 */
METE_NATIVE int sg_alloc_table_from_pages_segment(struct sg_table *sgt, struct page **pages, unsigned int n_pages,
    unsigned int offset, unsigned long size, unsigned int max_segment, gfp_t gfp_mask)
{
	unsigned int nents = 0, run, at;
	struct scatterlist *sg;

	sgt->sgl = NULL;
	sgt->nents = sgt->orig_nents = 0;
	if (max_segment < PAGE_SIZE || !n_pages || !size || offset >= PAGE_SIZE ||
	    (size + offset - 1) >> PAGE_SHIFT >= n_pages || size + offset < size)
		return -EINVAL;
	n_pages = (unsigned int)((size + offset - 1) >> PAGE_SHIFT) + 1;
	for (at = 0; at < n_pages; at += mete_linux_pages_run(&pages[at], n_pages - at, max_segment))
		nents++;
	int error = sg_alloc_table(sgt, nents, gfp_mask);
	if (error)
		return error;
	for (at = 0, sg = sgt->sgl; at < n_pages; at += run, sg = sg_next(sg)) {
		run = mete_linux_pages_run(&pages[at], n_pages - at, max_segment);
		unsigned long room = run * PAGE_SIZE - offset;
		unsigned int len = (unsigned int)(room < size ? room : size);
		sg_set_page(sg, pages[at], len, offset);
		size -= len;
		offset = 0;
	}
	return 0;
}

METE_NATIVE int sg_alloc_table_from_pages(struct sg_table *sgt, struct page **pages, unsigned int n_pages,
    unsigned int offset, unsigned long size, gfp_t gfp_mask)
{
	return sg_alloc_table_from_pages_segment(sgt, pages, n_pages, offset, size, (unsigned int)(UINT32_MAX & PAGE_MASK),
	    gfp_mask);
}

#define SG_MITER_ATOMIC 0x1u
#define SG_MITER_TO_SG 0x2u
#define SG_MITER_FROM_SG 0x4u

/* A walk over the bytes of a list, a page or less at a step; the first four members may be read, `consumed` written. */
struct sg_mapping_iter {
	struct page *page;
	void *addr;
	size_t length;
	size_t consumed;
	struct scatterlist *mete_sg; /* where the next step starts */
	unsigned int mete_left;      /* entries from there on */
	unsigned int mete_off;       /* bytes of the entry that are done */
};

METE_NATIVE void sg_miter_start(struct sg_mapping_iter *miter, struct scatterlist *sgl, unsigned int nents,
    unsigned int flags)
{
	(void)flags; /* memory is always mapped here */
	memset(miter, 0, sizeof *miter);
	miter->mete_sg = sgl;
	miter->mete_left = sgl ? nents : 0;
}

/* Past what the last step covered and the driver consumed. */
METE_NATIVE void sg_miter_stop(struct sg_mapping_iter *miter)
{
	miter->mete_off += (unsigned int)miter->consumed;
	miter->page = NULL;
	miter->addr = NULL;
	miter->length = 0;
	miter->consumed = 0;
}

METE_NATIVE bool sg_miter_next(struct sg_mapping_iter *miter)
{
	sg_miter_stop(miter);
	while (miter->mete_left && miter->mete_off >= miter->mete_sg->length) {
		miter->mete_off -= miter->mete_sg->length;
		if (!--miter->mete_left)
			return false;
		miter->mete_sg = sg_next(miter->mete_sg);
		if (!miter->mete_sg)
			miter->mete_left = 0;
	}
	if (!miter->mete_left)
		return false;
	unsigned char *cpu = (unsigned char *)sg_virt(miter->mete_sg) + miter->mete_off;
	size_t in_page = PAGE_SIZE - offset_in_page(cpu);
	size_t in_entry = miter->mete_sg->length - miter->mete_off;
	miter->page = virt_to_page(cpu);
	miter->addr = cpu;
	miter->length = miter->consumed = in_page < in_entry ? in_page : in_entry;
	return true;
}

/* `offset` bytes on from where the walk is; false: the list ends before. */
METE_NATIVE bool sg_miter_skip(struct sg_mapping_iter *miter, ptrdiff_t offset)
{
	sg_miter_stop(miter);
	while (offset > 0) {
		if (!sg_miter_next(miter))
			return false;
		if ((u64)offset < miter->length)
			miter->consumed = (size_t)offset;
		offset -= (ptrdiff_t)miter->consumed;
		sg_miter_stop(miter);
	}
	return true;
}

/* The one copier.  `buf` NULL: clear. */
METE_NATIVE size_t mete_linux_sg_copy(struct scatterlist *sgl, unsigned int nents, void *buf, size_t buflen, ptrdiff_t skip,
    bool to_buffer)
{
	struct sg_mapping_iter miter;
	unsigned char *at = (unsigned char *)buf;
	size_t done = 0;

	sg_miter_start(&miter, sgl, nents, 0);
	if (!sg_miter_skip(&miter, skip))
		return 0;
	while (done < buflen && sg_miter_next(&miter)) {
		size_t len = miter.length < buflen - done ? miter.length : buflen - done;
		if (!at)
			memset(miter.addr, 0, len);
		else if (to_buffer)
			memcpy(at + done, miter.addr, len);
		else
			memcpy(miter.addr, at + done, len);
		done += len;
	}
	return done;
}

METE_NATIVE size_t sg_copy_from_buffer(struct scatterlist *sgl, unsigned int nents, const void *buf, size_t buflen)
{
	return buf ? mete_linux_sg_copy(sgl, nents, (void *)(uintptr_t)buf, buflen, 0, false) : 0;
}

METE_NATIVE size_t sg_copy_to_buffer(struct scatterlist *sgl, unsigned int nents, void *buf, size_t buflen)
{
	return buf ? mete_linux_sg_copy(sgl, nents, buf, buflen, 0, true) : 0;
}

METE_NATIVE size_t sg_pcopy_from_buffer(struct scatterlist *sgl, unsigned int nents, const void *buf, size_t buflen,
    ptrdiff_t skip)
{
	return buf ? mete_linux_sg_copy(sgl, nents, (void *)(uintptr_t)buf, buflen, skip, false) : 0;
}

METE_NATIVE size_t sg_pcopy_to_buffer(struct scatterlist *sgl, unsigned int nents, void *buf, size_t buflen, ptrdiff_t skip)
{
	return buf ? mete_linux_sg_copy(sgl, nents, buf, buflen, skip, true) : 0;
}

METE_NATIVE size_t sg_zero_buffer(struct scatterlist *sgl, unsigned int nents, size_t buflen, ptrdiff_t skip)
{
	return mete_linux_sg_copy(sgl, nents, NULL, buflen, skip, false);
}

#undef METE_NATIVE

#endif
