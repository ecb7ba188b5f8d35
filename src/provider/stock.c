/* SPDX-License-Identifier: ISC */
/*
 * Stock: see stock.h.
 *
 * Large records (the frame arrays, the page table) are not rounded to a power of two, which would double them: they are
 * cut to 64 bytes and, as they live as long as the arena, never wait in a list.
 */
#include "stock.h"

#include "bits.h"
#include "bytes.h"

#define STOCK_SMALL 4096u

size_t mete__stock_len(size_t len)
{
	if (len <= 32)
		return 32;
	if (len > STOCK_SMALL)
		return len > SIZE_MAX - 63 ? SIZE_MAX : (len + 63) & ~(size_t)63;
	return (size_t)2 << bits_high32((uint32_t)(len - 1));
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

	if (taken <= STOCK_SMALL) {
		void **list = &stock->list[bits_high32((uint32_t)taken)];
		if (*list) {
			record = *list;
			*list = *(void **)*list;
			mete__bytes_zero(record, taken);
			return record;
		}
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
	size_t taken = mete__stock_len(len);

	if (taken > STOCK_SMALL)
		return;
	void **list = &stock->list[bits_high32((uint32_t)taken)];
	*(void **)record = *list;
	*list = record;
}
