/* SPDX-License-Identifier: ISC */
/*
 * kmalloc() and its kin as drivers call them, over a megabyte of memory in which everything can be made to fail.
 */
#define ARCH_DMA_MINALIGN 64 /* as an architecture whose caches do not see devices; kmalloc() aligns to it */
#include "support.h"

#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <mete/host.h>
#include <pthread.h>

#include "small_arena.h"

static struct mete_linux here;
METE_LINUX_HERE(here);

struct kmalloc_world {
	struct small_arena small;
	struct device dev;
};

static void start(struct kmalloc_world *w)
{
	small_arena_start(&w->small);
	mete_linux_device_init(&w->dev, "test", &w->small.device);
	assert_ok(mete_linux_init(&here, &w->small.arena.provider));
}

/* mete_linux_fini() refuses while anything is out, and small_arena_end() looks for what it left. */
static void end(struct kmalloc_world *w)
{
	assert_ok(mete_linux_fini(&here));
	small_arena_end(&w->small);
}

static bool all_are(const unsigned char *bytes, size_t len, unsigned char value)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != value)
			return false;
	return true;
}

static size_t power_above(size_t size)
{
	size_t power = 64;
	while (power < size)
		power *= 2;
	return power;
}

static void test_kmalloc_is_contiguous_and_aligned_to_its_size(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	for (size_t size = 1; size <= 400000; size = size * 3 + 1) {
		unsigned char *cpu = kmalloc(size, GFP_KERNEL);
		assert_non_null(cpu);
		assert_int_equal(ksize(cpu), power_above(size));
		size_t align = power_above(size) < 65536 ? power_above(size) : 65536;
		assert_int_equal((uintptr_t)cpu % align, 0);
		assert_true(virt_to_phys(cpu) % (phys_addr_t)align == 0);
		/* The span shows physical SMALL_PHYS at `memory`: the only truth about addresses here. */
		for (size_t i = 0; i < size; i += size / 7 + 1)
			assert_true(virt_to_phys(cpu + i) == SMALL_PHYS + (phys_addr_t)(cpu + i - w.small.memory));
		memset(cpu, 0x5a, ksize(cpu));
		kfree(cpu);
	}
	end(&w);
}

static void test_blocks_do_not_overlap(void **state)
{
	unsigned char *cpu[200];
	struct kmalloc_world w;
	(void)state;

	start(&w);
	for (unsigned i = 0; i < 200; i++) {
		cpu[i] = kmalloc(1 + i * 5, i % 2 ? GFP_ATOMIC : GFP_KERNEL);
		assert_non_null(cpu[i]);
		memset(cpu[i], (int)i, ksize(cpu[i]));
	}
	for (unsigned i = 0; i < 200; i++) {
		assert_true(all_are(cpu[i], ksize(cpu[i]), (unsigned char)i));
		kfree(cpu[i]);
	}
	end(&w);
}

static void test_kmalloc_memory_has_pages_and_can_be_mapped(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	unsigned char *cpu = kmalloc(5000, GFP_KERNEL);
	struct page *page = virt_to_page(cpu + 4096);
	assert_ptr_equal((unsigned char *)page_address(page) + offset_in_page(cpu + 4096), cpu + 4096);
	assert_ptr_equal(phys_to_virt(virt_to_phys(cpu)), cpu);

	dma_addr_t bus = dma_map_single(&w.dev, cpu, 5000, DMA_TO_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	assert_true(bus == SMALL_PHYS + (dma_addr_t)(cpu - w.small.memory));
	dma_unmap_single(&w.dev, bus, 5000, DMA_TO_DEVICE);
	bus = dma_map_page(&w.dev, page, offset_in_page(cpu + 4096), 100, DMA_TO_DEVICE);
	assert_true(bus == SMALL_PHYS + (dma_addr_t)(cpu + 4096 - w.small.memory));
	dma_unmap_page(&w.dev, bus, 100, DMA_TO_DEVICE);
	kfree(cpu);
	end(&w);
}

/* The arena is full of something else; only what asks for zeros gets them. */
static void test_zeroed_is_zeroed_to_the_end_of_the_block(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	memset(w.small.memory, 0xa5, SMALL_LEN);
	unsigned char *plain = kmalloc(100, GFP_KERNEL);
	unsigned char *zeroed = kzalloc(100, GFP_KERNEL);
	unsigned char *array = kcalloc(10, 10, GFP_KERNEL);
	unsigned char *large = kmalloc(100000, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN);
	assert_true(all_are(plain, ksize(plain), 0xa5));
	assert_true(all_are(zeroed, ksize(zeroed), 0) && all_are(array, ksize(array), 0));
	assert_true(all_are(large, ksize(large), 0));
	kfree(plain);
	kfree(zeroed);
	kfree(array);
	kfree(large);
	end(&w);
}

static void test_no_bytes_are_a_pointer_that_may_be_freed(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	assert_ptr_equal(kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	assert_ptr_equal(kcalloc(0, 8, GFP_KERNEL), ZERO_SIZE_PTR);
	assert_true(ZERO_OR_NULL_PTR(ZERO_SIZE_PTR) && ZERO_OR_NULL_PTR(NULL) && !ZERO_OR_NULL_PTR(&w));
	assert_int_equal(ksize(ZERO_SIZE_PTR), 0);
	assert_int_equal(ksize(NULL), 0);
	kfree(ZERO_SIZE_PTR);
	kfree(NULL);
	struct mete_counters counters = small_arena_counters(&w.small);
	assert_int_equal(counters.bad_address + counters.wrong_pair + counters.bad_argument, 0);
	end(&w);
}

static void test_sizes_that_cannot_be_are_null(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	assert_null(kmalloc(KMALLOC_MAX_SIZE + 1, GFP_KERNEL));
	assert_null(kmalloc(SIZE_MAX, GFP_KERNEL));
	assert_int_equal(small_arena_counters(&w.small).bad_argument, 2);
	assert_null(kcalloc(SIZE_MAX / 4 + 2, 4, GFP_KERNEL)); /* 4 bytes, if it wrapped */
	assert_null(kmalloc_array(2, SIZE_MAX / 2 + 2, GFP_KERNEL));
	assert_null(krealloc_array(NULL, SIZE_MAX / 4 + 2, 4, GFP_KERNEL));
	assert_null(kmalloc(2 * SMALL_LEN, GFP_KERNEL));
	end(&w);
	assert_null(kmalloc(1, GFP_KERNEL)); /* no memory was chosen */
	kfree(&w);
	assert_int_equal(ksize(&w), 0);
}

static void test_used_up_memory_is_null_until_some_is_freed(void **state)
{
	static void *cpu[SMALL_LEN / 512 + 1];
	struct kmalloc_world w;
	size_t n = 0;
	(void)state;

	start(&w);
	while ((cpu[n] = kmalloc(512, GFP_KERNEL)))
		assert_true(++n <= SMALL_LEN / 512);
	assert_int_equal(n, SMALL_LEN / 512);
	assert_null(kmalloc(512, GFP_ATOMIC));
	kfree(cpu[--n]);
	cpu[n] = kmalloc(512, GFP_ATOMIC);
	assert_non_null(cpu[n++]);
	while (n)
		kfree(cpu[--n]);
	/* What lies idle in one size serves another. */
	void *half = kmalloc(SMALL_LEN / 2, GFP_KERNEL);
	assert_non_null(half);
	kfree(half);
	end(&w);
}

static void test_each_record_that_lacks_is_survived(void **state)
{
	struct kmalloc_world w;
	size_t failures = 0;
	void *cpu = NULL;
	(void)state;

	start(&w);
	for (; !cpu && failures < 10; failures++) {
		w.small.fail_records = failures;
		cpu = kmalloc(40, GFP_KERNEL);
	}
	w.small.fail_records = SIZE_MAX;
	assert_int_equal(failures, 3); /* the pool's, the slab's, then none lacks */
	kfree(cpu);
	end(&w);
}

static void test_bad_kfrees_do_nothing_but_count(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	unsigned char *cpu = kmalloc(300, GFP_KERNEL);
	memset(cpu, 0x77, 300);
	kfree(cpu + 1);
	kfree(cpu + 64);
	kfree(&w);
	kfree(w.small.memory);
	assert_int_equal(small_arena_counters(&w.small).bad_address, 4);
	unsigned long pages = __get_free_pages(GFP_KERNEL, 0);
	kfree((void *)(uintptr_t)pages);
	assert_int_equal(small_arena_counters(&w.small).wrong_size, 1);
	free_pages(pages, 0);
	assert_int_equal(ksize(cpu), 512);
	assert_int_equal(ksize(cpu + 64), 0);
	assert_int_equal(small_arena_counters(&w.small).wrong_pair, 1);
	assert_true(all_are(cpu, 300, 0x77));
	kfree(cpu);
	kfree(cpu);
	assert_int_equal(small_arena_counters(&w.small).double_free, 1);
	assert_int_equal(ksize(cpu), 0);
	assert_null(krealloc(cpu, 4000, GFP_KERNEL));
	end(&w);
}

static void test_krealloc_keeps_the_content(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	unsigned char *cpu = krealloc(NULL, 100, GFP_KERNEL);
	memset(cpu, 0x31, 128);
	assert_ptr_equal(krealloc(cpu, 128, GFP_KERNEL), cpu);
	assert_ptr_equal(krealloc(cpu, 10, GFP_KERNEL), cpu);
	unsigned char *more = krealloc(cpu, 5000, GFP_KERNEL | __GFP_ZERO);
	assert_non_null(more);
	assert_true(all_are(more, 128, 0x31) && all_are(more + 128, ksize(more) - 128, 0));
	kfree(cpu); /* freed with the move */
	assert_int_equal(small_arena_counters(&w.small).double_free, 1);
	assert_null(krealloc(more, 2 * SMALL_LEN, GFP_KERNEL));
	assert_true(all_are(more, 128, 0x31));
	assert_ptr_equal(krealloc(more, 0, GFP_KERNEL), ZERO_SIZE_PTR);
	assert_int_equal(ksize(more), 0);
	end(&w);
}

static void test_copies_have_the_content(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	char *text = kstrdup("a name", GFP_KERNEL);
	assert_string_equal(text, "a name");
	unsigned char *bytes = kmemdup(text, 3, GFP_KERNEL);
	assert_memory_equal(bytes, "a n", 3);
	assert_null(kstrdup(NULL, GFP_KERNEL));
	w.small.fail_records = w.small.fail_takes = 0;
	assert_null(kmemdup(w.small.memory, 2000, GFP_KERNEL));
	w.small.fail_records = w.small.fail_takes = SIZE_MAX;
	kfree(text);
	kfree(bytes);
	end(&w);
}

static void test_zone_flags_limit_physical_addresses(void **state)
{
	struct mete_host *host;
	(void)state;

	assert_ok(mete_host_create(NULL, &host));
	assert_ok(mete_linux_init(&here, mete_host_provider(host)));
	for (size_t size = 8; size <= 65536; size *= 8) {
		void *any = kmalloc(size, GFP_KERNEL), *low = kmalloc(size, GFP_KERNEL | GFP_DMA32);
		void *narrow = kzalloc(size, GFP_ATOMIC | GFP_DMA);
		assert_true(any && low && narrow);
		assert_true(virt_to_phys(any) > 0xffffffffu); /* where memory is taken first */
		assert_true(virt_to_phys(low) + (phys_addr_t)size - 1 <= 0xffffffffu);
		assert_true(virt_to_phys(narrow) + (phys_addr_t)size - 1 <= 0xffffffu);
		kfree(narrow);
		kfree(low);
		kfree(any);
	}
	assert_ok(mete_linux_fini(&here));
	assert_ok(mete_host_destroy(host));
}

#define NTHREADS 4

static void hook_lock(void *ctx)
{
	assert_int_equal(pthread_mutex_lock(ctx), 0);
}

static void hook_unlock(void *ctx)
{
	assert_int_equal(pthread_mutex_unlock(ctx), 0);
}

/* Each size is asked for by all threads at once the first time, so one of them makes each pool.  NULL: all was well. */
static void *worker(void *arg)
{
	unsigned char mark = *(unsigned char *)arg;
	unsigned char *cpu[8];

	for (unsigned round = 0; round < 300; round++) {
		for (size_t i = 0; i < 8; i++) {
			cpu[i] = kmalloc((size_t)16 << i, GFP_KERNEL);
			if (!cpu[i])
				return arg;
			memset(cpu[i], mark, (size_t)16 << i);
		}
		for (size_t i = 0; i < 8; i++) {
			if (!all_are(cpu[i], (size_t)16 << i, mark))
				return arg;
			kfree(cpu[i]);
		}
	}
	return NULL;
}

static void test_threads_get_blocks_of_their_own(void **state)
{
	unsigned char mark[NTHREADS];
	struct kmalloc_world w;
	pthread_t thread[NTHREADS];
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* where METE_GUARD is 1 */
	const struct mete_hooks hooks = { .lock = hook_lock, .unlock = hook_unlock };
	(void)state;

	if (METE_GUARD == 0)
		return; /* one thread only */
	small_arena_start_hooked(&w.small, &hooks, &mutex);
	assert_ok(mete_linux_init(&here, &w.small.arena.provider));
	for (unsigned i = 0; i < NTHREADS; i++) {
		mark[i] = (unsigned char)(i + 1);
		assert_int_equal(pthread_create(&thread[i], NULL, worker, &mark[i]), 0);
	}
	for (unsigned i = 0; i < NTHREADS; i++) {
		void *wrong;
		assert_int_equal(pthread_join(thread[i], &wrong), 0);
		assert_null(wrong);
	}
	struct mete_counters counters = small_arena_counters(&w.small);
	assert_int_equal(counters.double_free + counters.bad_address, 0);
	end(&w);
}

static void test_memory_that_is_out_keeps_its_provider(void **state)
{
	struct kmalloc_world w;
	(void)state;

	start(&w);
	void *cpu = kmalloc(10, GFP_KERNEL);
	assert_error(mete_linux_fini(&here), METE_EBUSY);
	kfree(cpu);
	struct page *page = alloc_page(GFP_KERNEL);
	assert_error(mete_linux_fini(&here), METE_EBUSY);
	cpu = kmalloc(10, GFP_KERNEL);
	assert_non_null(cpu);
	kfree(cpu);
	__free_page(page);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kmalloc_is_contiguous_and_aligned_to_its_size),
		cmocka_unit_test(test_blocks_do_not_overlap),
		cmocka_unit_test(test_kmalloc_memory_has_pages_and_can_be_mapped),
		cmocka_unit_test(test_zeroed_is_zeroed_to_the_end_of_the_block),
		cmocka_unit_test(test_no_bytes_are_a_pointer_that_may_be_freed),
		cmocka_unit_test(test_sizes_that_cannot_be_are_null),
		cmocka_unit_test(test_used_up_memory_is_null_until_some_is_freed),
		cmocka_unit_test(test_each_record_that_lacks_is_survived),
		cmocka_unit_test(test_bad_kfrees_do_nothing_but_count),
		cmocka_unit_test(test_krealloc_keeps_the_content),
		cmocka_unit_test(test_copies_have_the_content),
		wide_unit_test(test_zone_flags_limit_physical_addresses),
		cmocka_unit_test(test_threads_get_blocks_of_their_own),
		cmocka_unit_test(test_memory_that_is_out_keeps_its_provider),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
