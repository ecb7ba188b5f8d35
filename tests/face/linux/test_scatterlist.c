/* SPDX-License-Identifier: ISC */
/*
 * Scatterlists: entries, chains, tables, copies and walks; and the pages that they are made of.
 */
#include "support.h"

#include <errno.h>

/* Tables come from a hook of <linux/mm.h>; here one that can be made to fail. */
#define mete_linux_table_alloc shim_table_alloc
#define mete_linux_table_free shim_table_free
#include <linux/mm.h>
#undef mete_linux_table_alloc
#undef mete_linux_table_free

static struct mete_linux here;
METE_LINUX_HERE(here);

static size_t ntables;
static size_t fail_tables = SIZE_MAX;

static void *mete_linux_table_alloc(size_t len, gfp_t gfp)
{
	(void)gfp;
	if (fail_tables != SIZE_MAX) {
		if (!fail_tables)
			return NULL;
		fail_tables--;
	}
	ntables++;
	return shim_table_alloc(len, gfp);
}

static void mete_linux_table_free(void *table)
{
	ntables--;
	shim_table_free(table);
}

#include <linux/dma-mapping.h>

#include "streaming_world.h"

static void test_an_entry_is_a_page_an_offset_and_a_length(void **state)
{
	static unsigned char buffer[3 * 4096];
	struct scatterlist sg[3];
	(void)state;

	memset(sg, 0xff, sizeof sg);
	sg_init_table(sg, 3);
	assert_false(sg_is_last(&sg[0]) || sg_is_last(&sg[1]) || sg_is_chain(&sg[2]));
	assert_true(sg_is_last(&sg[2]));
	sg_set_buf(&sg[2], buffer + 5000, 700);
	assert_true(sg_is_last(&sg[2])); /* the mark stays */
	assert_ptr_equal(sg_virt(&sg[2]), buffer + 5000);
	assert_ptr_equal(sg_page(&sg[2]), virt_to_page(buffer + 5000));
	assert_int_equal(sg[2].offset, offset_in_page(buffer + 5000));
	assert_int_equal(sg[2].length, 700);
	sg_set_page(&sg[0], virt_to_page(buffer + 4096), 123, 45);
	assert_ptr_equal(sg_virt(&sg[0]), (unsigned char *)page_address(virt_to_page(buffer + 4096)) + 45);
	sg_assign_page(&sg[0], virt_to_page(buffer) + 1);
	assert_int_equal(sg[0].length, 123);
	sg_init_one(&sg[1], buffer, 9);
	assert_true(sg_is_last(&sg[1]) && sg_virt(&sg[1]) == buffer && sg_next(&sg[1]) == NULL);
	sg_unmark_end(&sg[1]);
	assert_ptr_equal(sg_next(&sg[1]), &sg[2]);
	sg_mark_end(&sg[0]);
	assert_int_equal(sg_nents(sg), 1);
	sg_chain(sg, 3, sg);
	sg_mark_end(&sg[2]); /* a link no more */
	assert_true(sg_is_last(&sg[2]) && !sg_is_chain(&sg[2]));
	sg_init_table(sg, 0);
}

static void test_chained_arrays_are_one_list(void **state)
{
	static unsigned char buffer[100];
	struct scatterlist a[3], b[2], c[2], *sg;
	size_t i, n = 0;
	(void)state;

	sg_init_table(a, 3);
	sg_init_table(b, 2);
	sg_init_table(c, 2);
	sg_chain(a, 3, b);
	sg_chain(b, 2, c);
	assert_true(sg_is_chain(&a[2]) && !sg_is_last(&a[2]) && sg_chain_ptr(&a[2]) == b);
	struct scatterlist *const want[] = { &a[0], &a[1], &b[0], &c[0], &c[1] };
	for_each_sg(a, sg, 5, i) {
		assert_ptr_equal(sg, want[i]);
		sg_set_buf(sg, buffer + 10 * i, 10);
		n++;
	}
	assert_int_equal(n, 5);
	assert_null(sg);
	assert_int_equal(sg_nents(a), 5);
	assert_ptr_equal(sg_last(a, 5), &c[1]);
	assert_ptr_equal(sg_last(a, 3), &b[0]);
	assert_int_equal(sg_nents_for_len(a, 0), 0);
	assert_int_equal(sg_nents_for_len(a, 1), 1);
	assert_int_equal(sg_nents_for_len(a, 10), 1);
	assert_int_equal(sg_nents_for_len(a, 11), 2);
	assert_int_equal(sg_nents_for_len(a, 50), 5);
	assert_int_equal(sg_nents_for_len(a, 51), -EINVAL);
}

static void test_tables_of_any_length_come_and_go(void **state)
{
	const unsigned int most = SG_MAX_SINGLE_ALLOC;
	const unsigned int lengths[] = { 1, 2, most - 1, most, most + 1, 2 * most - 2, 2 * most - 1, 2 * most, 1000 };
	struct sg_table table;
	(void)state;

	for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
		struct scatterlist *sg;
		unsigned int at, seen = 0;
		assert_int_equal(sg_alloc_table(&table, lengths[i], GFP_KERNEL), 0);
		assert_int_equal(table.nents, lengths[i]);
		assert_int_equal(table.orig_nents, lengths[i]);
		assert_int_equal(sg_nents(table.sgl), lengths[i]);
		for_each_sgtable_sg(&table, sg, at) {
			sg_set_buf(sg, &table, 1);
			seen++;
		}
		assert_null(sg);
		table.nents = 1;
		for_each_sgtable_dma_sg(&table, sg, at)
			seen++;
		assert_int_equal(seen, lengths[i] + 1);
		sg_free_table(&table);
		assert_true(!table.sgl && !table.nents && !table.orig_nents);
		assert_int_equal(ntables, 0);
		sg_free_table(&table); /* an empty one */
	}
}

static void test_a_table_that_cannot_be_is_empty_and_leaks_nothing(void **state)
{
	struct sg_table table;
	(void)state;

	memset(&table, 0xff, sizeof table);
	assert_int_equal(sg_alloc_table(&table, 0, GFP_KERNEL), -EINVAL);
	assert_true(!table.sgl && !table.nents && !table.orig_nents);
	for (size_t fail = 0; fail < 5; fail++) {
		fail_tables = fail;
		memset(&table, 0xff, sizeof table);
		int error = sg_alloc_table(&table, 1000, GFP_KERNEL);
		fail_tables = SIZE_MAX;
		assert_int_equal(error, -ENOMEM);
		assert_true(!table.sgl && !table.nents && !table.orig_nents);
		assert_int_equal(ntables, 0);
	}
}

static void test_adjoining_pages_share_an_entry(void **state)
{
	struct world w;
	struct sg_table table;
	struct page *pages[8];
	(void)state;

	world_start(&w, WORLD_DIRECT);
	assert_ok(mete_linux_init(&here, &w.small.arena.provider));
	struct page *first = virt_to_page(w.high);
	for (size_t i = 0; i < 8; i++)
		pages[i] = first + i + (i >= 5); /* one is missing */
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 100, 8 * 4096 - 100 - 50, GFP_KERNEL), 0);
	assert_int_equal(table.nents, 2);
	assert_true(sg_virt(table.sgl) == w.high + 100 && table.sgl->length == 5 * 4096 - 100);
	assert_true(sg_page(&table.sgl[1]) == pages[5] && !table.sgl[1].offset && table.sgl[1].length == 3 * 4096 - 50);
	assert_true(sg_phys(table.sgl) == SMALL_PHYS + 0xa0000 + 100);
	sg_free_table(&table);

	assert_int_equal(sg_alloc_table_from_pages_segment(&table, pages, 8, 0, 8 * 4096, 8192, GFP_KERNEL), 0);
	assert_int_equal(table.nents, 5); /* 2 + 2 + 1, 2 + 1 */
	assert_int_equal(table.sgl[2].length, 4096);
	sg_free_table(&table);
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 4000, 97, GFP_KERNEL), 0); /* fewer pages do */
	assert_true(table.nents == 1 && table.sgl->length == 97);
	sg_free_table(&table);

	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 0, 0, 1, GFP_KERNEL), -EINVAL);
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 0, 0, GFP_KERNEL), -EINVAL);
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 4096, 1, GFP_KERNEL), -EINVAL);
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 1, 8 * 4096, GFP_KERNEL), -EINVAL);
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 1, ~0UL, GFP_KERNEL), -EINVAL);
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 100, ~0UL, GFP_KERNEL), -EINVAL);
	assert_int_equal(sg_alloc_table_from_pages_segment(&table, pages, 8, 0, 1, 4095, GFP_KERNEL), -EINVAL);
	fail_tables = 0;
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 0, 1, GFP_KERNEL), -ENOMEM);
	fail_tables = SIZE_MAX;
	assert_null(table.sgl);
	assert_ok(mete_linux_fini(&here));

	/* Where nothing is known of physical addresses, each page has an entry. */
	assert_int_equal(sg_alloc_table_from_pages(&table, pages, 8, 0, 8 * 4096, GFP_KERNEL), 0);
	assert_int_equal(table.nents, 8);
	sg_free_table(&table);
	assert_int_equal(ntables, 0);
	world_end(&w);
}

/* A list of entries of odd lengths over `memory`, every other byte of it left out now and then. */
static size_t odd_list(struct scatterlist *sg, size_t n, unsigned char *memory)
{
	size_t at = 0, len = 0;

	sg_init_table(sg, (unsigned)n);
	for (size_t i = 0; i < n; i++) {
		unsigned int part = (unsigned int)(1 + i * 1237 % 6000);
		sg_set_buf(&sg[i], memory + at, part);
		at += part + 500;
		len += part;
	}
	return len;
}

static void test_copies_go_through_the_list_in_order(void **state)
{
	static unsigned char memory[80000], flat[80000], back[80000];
	struct scatterlist sg[12];
	(void)state;

	size_t len = odd_list(sg, 12, memory);
	for (size_t i = 0; i < len; i++)
		flat[i] = (unsigned char)(i * 7 + i / 251);
	assert_int_equal(sg_copy_from_buffer(sg, 12, flat, sizeof flat), len);
	assert_int_equal(sg_copy_to_buffer(sg, 12, back, sizeof back), len);
	assert_memory_equal(back, flat, len);
	assert_int_equal(sg_copy_to_buffer(sg, 2, back, sizeof back), sg[0].length + sg[1].length);
	for (size_t skip = 0; skip < len; skip += 997) {
		memset(back, 0, sizeof back);
		size_t want = len - skip < 5000 ? len - skip : 5000;
		assert_int_equal(sg_pcopy_to_buffer(sg, 12, back, 5000, (ptrdiff_t)skip), want);
		assert_memory_equal(back, flat + skip, want);
		assert_true(back[want] == 0);
	}
	assert_int_equal(sg_pcopy_from_buffer(sg, 12, "0123456789", 10, 1234), 10);
	sg_copy_to_buffer(sg, 12, back, sizeof back);
	assert_memory_equal(back + 1234, "0123456789", 10);
	assert_memory_equal(back + 1244, flat + 1244, len - 1244);
	assert_int_equal(sg_zero_buffer(sg, 12, 10, 1234), 10);
	sg_copy_to_buffer(sg, 12, back, sizeof back);
	assert_memory_equal(back + 1234, "\0\0\0\0\0\0\0\0\0\0", 10);
	assert_memory_equal(back, flat, 1234);
	assert_int_equal(sg_pcopy_to_buffer(sg, 12, back, 1, (ptrdiff_t)len), 0);
	assert_int_equal(sg_pcopy_to_buffer(sg, 12, back, 1, (ptrdiff_t)len + 1), 0);
	assert_int_equal(sg_copy_to_buffer(sg, 12, back, 0), 0);
	assert_int_equal(sg_copy_to_buffer(NULL, 0, back, 1), 0);
	assert_int_equal(sg_copy_to_buffer(sg, 12, NULL, 1), 0);
}

static void test_a_walk_stays_in_pages_and_goes_on_where_the_driver_stopped(void **state)
{
	static unsigned char memory[80000];
	struct sg_mapping_iter miter;
	struct scatterlist sg[12];
	(void)state;

	size_t len = odd_list(sg, 12, memory), seen = 0;
	sg_miter_start(&miter, sg, 12, SG_MITER_FROM_SG | SG_MITER_ATOMIC);
	while (sg_miter_next(&miter)) {
		assert_true(miter.length && miter.consumed == miter.length);
		assert_ptr_equal(miter.page, virt_to_page(miter.addr));
		assert_true(offset_in_page(miter.addr) + miter.length <= PAGE_SIZE);
		seen += miter.length;
	}
	sg_miter_stop(&miter);
	assert_int_equal(seen, len);

	sg_init_one(sg, memory + 10, 1000);
	sg_miter_start(&miter, sg, 1, SG_MITER_TO_SG);
	assert_true(sg_miter_next(&miter));
	miter.consumed = 7;
	sg_miter_stop(&miter);
	assert_null(miter.addr);
	assert_true(sg_miter_next(&miter));
	assert_ptr_equal(miter.addr, memory + 17);
	miter.consumed = 0;
	assert_true(sg_miter_skip(&miter, 100));
	assert_true(sg_miter_next(&miter));
	assert_ptr_equal(miter.addr, memory + 117);
	assert_false(sg_miter_skip(&miter, 5000));
	assert_false(sg_miter_next(&miter));
}

static void test_pages_belong_to_the_memory_that_was_chosen(void **state)
{
	struct world w;
	(void)state;

	assert_null(alloc_pages(GFP_KERNEL, 0));
	assert_true(page_to_phys(virt_to_page(&w)) == (phys_addr_t)-1);
	assert_null(phys_to_virt(SMALL_PHYS));
	assert_error(mete_linux_init(&here, NULL), METE_EINVAL);
	assert_error(mete_linux_fini(&here), METE_EINVAL);
	world_start(&w, WORLD_DIRECT);
	assert_ok(mete_linux_init(&here, &w.small.arena.provider));
	assert_error(mete_linux_init(&here, &w.small.arena.provider), METE_EBUSY);
	for (unsigned order = 0; order < 7; order++) {
		struct page *before = alloc_page(GFP_KERNEL); /* so that the next address is odd */
		memset(w.small.memory, 0xa5, SMALL_LEN);
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO, order);
		assert_non_null(page);
		unsigned char *cpu = page_address(page);
		assert_true((uintptr_t)cpu % (PAGE_SIZE << order) == 0);
		for (size_t i = 0; i < PAGE_SIZE << order; i++)
			assert_int_equal(cpu[i], 0);
		assert_true(page_to_phys(page) == SMALL_PHYS + (phys_addr_t)(cpu - w.small.memory));
		assert_true(page_to_pfn(page) == page_to_phys(page) >> PAGE_SHIFT);
		assert_ptr_equal(pfn_to_page(page_to_pfn(page)), page);
		assert_ptr_equal(phys_to_virt(virt_to_phys(cpu + 3)), cpu + 3);
		assert_error(mete_linux_fini(&here), METE_EBUSY);
		__free_pages(page, order);
		__free_page(before);
	}
	assert_null(alloc_pages(GFP_KERNEL, 9)); /* more than there is */
	assert_null(alloc_pages(GFP_KERNEL, 52));
	assert_null(alloc_pages(GFP_KERNEL, ~0u));
	assert_null(alloc_pages(GFP_DMA, 0)); /* all of it lies above 16 MiB */
	struct page *low = alloc_page(GFP_DMA32);
	assert_non_null(low);
	__free_pages(low, 1); /* the wrong order: counted, and nothing else */
	assert_int_equal(small_arena_counters(&w.small).wrong_size, 1);
	__free_page(low);
	__free_pages(NULL, 0);
	unsigned long cpu = __get_free_pages(GFP_KERNEL, 1);
	assert_true(cpu != 0);
	free_pages(cpu, 1);
	assert_int_equal(get_order(1), 0);
	assert_int_equal(get_order(4096), 0);
	assert_int_equal(get_order(4097), 1);
	assert_int_equal(get_order(65536), 4);
	assert_ok(mete_linux_fini(&here));
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_entry_is_a_page_an_offset_and_a_length),
		cmocka_unit_test(test_chained_arrays_are_one_list),
		cmocka_unit_test(test_tables_of_any_length_come_and_go),
		cmocka_unit_test(test_a_table_that_cannot_be_is_empty_and_leaks_nothing),
		cmocka_unit_test(test_adjoining_pages_share_an_entry),
		cmocka_unit_test(test_copies_go_through_the_list_in_order),
		cmocka_unit_test(test_a_walk_stays_in_pages_and_goes_on_where_the_driver_stopped),
		cmocka_unit_test(test_pages_belong_to_the_memory_that_was_chosen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
