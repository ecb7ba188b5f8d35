/* SPDX-License-Identifier: ISC */
/*
 * Stock: see stock.h.
 *
 * Up to 4 KiB the lengths are powers of two.  Above, where that could waste kilobytes, they are quarters of one, up to the
 * largest record of a slab.  What is larger still (the frame arrays, the page table) is cut to 64 bytes and, as it lives as
 * long as the arena, never waits in a list.
 */
#include "stock.h"

#include "bits.h"
#include "bytes.h"

#define STOCK_SMALL 4096u   /* 2^12: lists 5 to 12, by power of two */
#define STOCK_LISTED 65536u /* 2^16: lists 13 to 29, by quarter */

size_t mete__stock_len(size_t len)
{
	if (len <= 32)
		return 32;
	if (len > STOCK_LISTED)
		return len > SIZE_MAX - 63 ? SIZE_MAX : (len + 63) & ~(size_t)63;
	unsigned high = bits_high32((uint32_t)(len - 1));
	if (len <= STOCK_SMALL)
		return (size_t)2 << high;
	size_t quarter = (size_t)1 << (high - 2);
	return (len + quarter - 1) & ~(quarter - 1);
}

/* The list of records that take `taken` bytes; NULL: they are never freed for another to use. */
static void **stock_list(struct mete_stock *stock, size_t taken)
{
	if (taken > STOCK_LISTED)
		return NULL;
	unsigned high = bits_high32((uint32_t)taken);
	if (taken <= STOCK_SMALL)
		return &stock->list[high];
	return &stock->list[13 + (high - 12) * 4 + ((taken >> (high - 2)) & 3)];
}

void mete__stock_init(struct mete_stock *stock, void *memory, size_t len)
{
	size_t skip = (0 - (uintptr_t)memory) & 15;

	mete__bytes_zero(stock, sizeof *stock);
	stock->next = (unsigned char *)memory + (skip < len ? skip : len);
	stock->left = skip < len ? len - skip : 0;
}

void *mete__stock_alloc(struct mete_stock *stock, size_t len)
{
	size_t taken = mete__stock_len(len);
	unsigned char *record;

	void **list = stock_list(stock, taken);

	if (list && *list) {
		record = *list;
		*list = *(void **)*list;
		mete__bytes_zero(record, taken);
		return record;
	}
	if (taken > stock->left)
		return NULL;
	record = stock->next;
	stock->next += taken;
	stock->left -= taken;
	mete__bytes_zero(record, taken);
	return record;
}

void mete__stock_free(struct mete_stock *stock, void *record, size_t len)
{
	void **list = stock_list(stock, mete__stock_len(len));

	if (!list)
		return;
	*(void **)record = *list;
	*list = record;
}
