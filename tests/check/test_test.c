/* SPDX-License-Identifier: ISC */
/*
 * Tests of tests: what fails a test of a driver, when, and with which line.
 *
 * The framework here is a function that notes what it is told, and leaves by longjmp() if that is asked for.
 */
#include "support.h"

#include <pthread.h>

#include <mete/test.h>
#include <mete/test_cmocka.h>

#include <linux/dma-mapping.h>
#include <linux/dmapool.h>

#define LEN 1536u

/* What the driver under test does wrong. */
enum mistake { NONE, LEAK, LEAK_IF_MAPPING_FAILS, DOUBLE_FREE_IF_MAPPING_FAILS, SHORT_UNMAP, ALWAYS_FAILS };

struct world {
	struct mete_test *test;
	struct mete_device core;
	struct device dev;
	jmp_buf *leave;            /* NULL: `failed` returns */
	enum mistake mistake;
	unsigned nfailed;
	char text[8192], file[256];
	int line;
	size_t tries;
};

static unsigned char data[4096] __attribute__((aligned(4096)));

static void note(void *ctx, const struct mete_test_failure *failure)
{
	struct world *w = ctx;

	w->nfailed++;
	snprintf(w->text, sizeof w->text, "%s", failure->text);
	snprintf(w->file, sizeof w->file, "%s", strrchr(failure->file, '/') ? strrchr(failure->file, '/') + 1 : failure->file);
	w->line = failure->line;
	if (w->leave)
		longjmp(*w->leave, 1);
}

static void device_start(struct world *w)
{
	const struct mete_device_config device = { .provider = mete_test_provider(w->test), .name = "ring" };

	assert_ok(mete_device_init(&w->core, &device));
	mete_linux_device_init(&w->dev, "ring", &w->core);
	assert_int_equal(dma_set_mask_and_coherent(&w->dev, DMA_BIT_MASK(64)), 0);
}

static void start(struct world *w)
{
	const struct mete_test_config config = { .failed = note, .ctx = w, .policy = "" };

	memset(w, 0, sizeof *w);
	assert_ok(mete_test_begin(&config, &w->test));
	device_start(w);
}

/* The driver: a ring, a pool's block, and a buffer; all is given back at once. */
static int driver(void *ctx)
{
	struct world *w = ctx;
	dma_addr_t ring_bus, block_bus, data_bus;
	int error = -ENOMEM;

	w->tries++;
	void *ring = dma_alloc_coherent(&w->dev, 4096, &ring_bus, GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	struct dma_pool *pool = dma_pool_create("blocks", &w->dev, 64, 64, 0);
	if (!pool)
		goto no_pool;
	void *block = dma_pool_alloc(pool, GFP_KERNEL, &block_bus);
	if (!block)
		goto no_block;
	data_bus = dma_map_single(&w->dev, data, LEN, DMA_FROM_DEVICE);
	if (dma_mapping_error(&w->dev, data_bus)) {
		if (w->mistake == LEAK_IF_MAPPING_FAILS)
			return -ENOMEM;
		if (w->mistake == DOUBLE_FREE_IF_MAPPING_FAILS)
			dma_pool_free(pool, block, block_bus);
		goto no_data;
	}
	dma_unmap_single(&w->dev, data_bus, w->mistake == SHORT_UNMAP ? LEN - 512 : LEN, DMA_FROM_DEVICE);
	error = 0;
no_data:
	dma_pool_free(pool, block, block_bus);
no_block:
	dma_pool_destroy(pool);
no_pool:
	if (w->mistake != LEAK)
		dma_free_coherent(&w->dev, 4096, ring, ring_bus);
	return w->mistake == ALWAYS_FAILS ? -EIO : error;
}

#define contains(text, part) assert_row(strstr(text, part) != NULL, 0, part)

static void test_a_driver_without_mistakes_passes(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	assert_int_equal(driver(&w), 0);
	mete_test_clean(w.test);
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 0);
	assert_int_equal(mete_test_end(NULL), 0);
	assert_int_equal(w.nfailed, 0);
}

static void test_a_misuse_fails_at_the_drivers_line(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	dma_addr_t bus = dma_map_single(&w.dev, data, LEN, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	int line = __LINE__ + 1;
	dma_unmap_single(&w.dev, bus, LEN, DMA_TO_DEVICE);
	assert_int_equal(w.nfailed, 1);
	assert_string_equal(w.file, "test_test.c");
	assert_int_equal(w.line, line);
	contains(w.text, "DMA-M07 unmapped with another direction than mapped");
	contains(w.text, "dma_unmap_single");
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 1);
	assert_int_equal(w.nfailed, 1); /* it was told already */
}

/* The call that fails a test never returns to the driver; what the driver then still holds is not its fault. */
static void test_a_test_may_be_left_by_a_jump(void **state)
{
	struct world w;
	jmp_buf here;
	volatile bool came_back = false;
	(void)state;

	start(&w);
	w.mistake = SHORT_UNMAP;
	w.leave = &here;
	if (!setjmp(here)) {
		(void)driver(&w);
		came_back = true;
	}
	assert_false(came_back);
	contains(w.text, "DMA-M06");
	w.leave = NULL;
	assert_int_equal(mete_test_end(w.test), 1);
	assert_int_equal(w.nfailed, 1);

	/* The next test knows nothing of it. */
	test_a_misuse_fails_at_the_drivers_line(NULL);
}

static void test_leaks_fail_at_the_end(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	w.mistake = LEAK;
	assert_int_equal(driver(&w), 0);
	assert_int_equal(w.nfailed, 0);
	mete_test_clean(w.test);
	assert_int_equal(w.nfailed, 1);
	contains(w.text, "DMA-A07 leak");
	contains(w.text, "dma_alloc_coherent");
	assert_int_equal(driver(&w), 0);
	contains(w.text, "in driver()");
	assert_int_equal(mete_test_end(w.test), 1); /* and again from the same place: that was told */
}

static void test_a_pool_that_is_left_fails_at_the_end(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	assert_non_null(dma_pool_create("left", &w.dev, 64, 64, 0));
	assert_int_equal(mete_test_end(w.test), 1);
	contains(w.text, "not destroyed");
}

/* A test's own machine has memory that can be closed page by page.  The advice is Linux', though no call of its is wrong. */
static void test_memory_that_the_device_has_can_be_closed(void **state)
{
	struct world w = { .nfailed = 0 };
	const struct mete_test_config config = { .failed = note, .ctx = &w, .policy = "", .shadow = METE_SHADOW_TRAP };
	void *memory;
	(void)state;

	assert_ok(mete_test_begin(&config, &w.test));
	device_start(&w);
	assert_ok(mete_device_alloc(&w.core, NULL, 4096, METE_MEMORY_CACHED, 0, &memory, NULL));
	volatile unsigned char *bytes = memory;
	bytes[0] = 1;
	dma_addr_t bus = dma_map_single(&w.dev, memory, 4096, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	assert_int_equal(w.nfailed, 0);
	int line = __LINE__ + 1;
	bytes[0] = 2;
	dma_unmap_single(&w.dev, bus, 4096, DMA_FROM_DEVICE);
	assert_int_equal(w.nfailed, 1);
	assert_int_equal(w.line, line);
	contains(w.text, "DMA-O01 CPU writes what the device owns");
	contains(w.text, "dma_map_single() at test_test.c:");
	contains(w.text, "dma_sync_single_for_cpu()");
	bytes[0] = 3;
	assert_ok(mete_device_free(&w.core, memory, 4096));
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 1);
	assert_int_equal(w.nfailed, 1);
}

static void test_what_is_expected_must_come(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	mete_test_expect(w.test, METE_DMA_M07);
	dma_addr_t bus = dma_map_single(&w.dev, data, LEN, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	dma_unmap_single(&w.dev, bus, LEN, DMA_TO_DEVICE);
	mete_test_clean(w.test);
	assert_int_equal(w.nfailed, 0);
	mete_test_expect(w.test, METE_DMA_M07);
	mete_test_expect(w.test, METE_DMA_A01);
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 2);
	assert_int_equal(w.nfailed, 1); /* in one text */
	contains(w.text, "DMA-A01 double free: was expected, and did not come");
	contains(w.text, "DMA-M07 unmapped with another direction than mapped: was expected, and did not come");
}

static void *elsewhere(void *ctx)
{
	struct world *w = ctx;

	dma_addr_t bus = dma_map_single(&w->dev, data, LEN, DMA_FROM_DEVICE);
	(void)dma_mapping_error(&w->dev, bus);
	w->tries = __LINE__ + 1;
	dma_unmap_single(&w->dev, bus, LEN, DMA_TO_DEVICE);
	(void)mete_unmap_single(&w->core, 4096, LEN, METE_DEVICE_READS, 0); /* without a face */
	return NULL;
}

/* The driver writes behind its ring, on its way out. */
static int overrunner(void *ctx)
{
	struct world *w = ctx;
	dma_addr_t ring_bus, data_bus;

	unsigned char *ring = dma_alloc_coherent(&w->dev, 100, &ring_bus, GFP_KERNEL);
	if (!ring)
		return -ENOMEM;
	data_bus = dma_map_single(&w->dev, data, LEN, DMA_FROM_DEVICE);
	int error = dma_mapping_error(&w->dev, data_bus);
	if (error)
		ring[100] = 1;
	else
		dma_unmap_single(&w->dev, data_bus, LEN, DMA_FROM_DEVICE);
	dma_free_coherent(&w->dev, 100, ring, ring_bus);
	return error;
}

static void test_damage_is_looked_for(void **state)
{
	struct world w;
	dma_addr_t bus;
	(void)state;

	start(&w);
	unsigned char *ring = dma_alloc_coherent(&w.dev, 100, &bus, GFP_KERNEL);
	ring[99] = 1;
	mete_test_clean(w.test); /* is held, but whole */
	assert_int_equal(w.nfailed, 1);
	assert_null(strstr(w.text, "DMA-A10"));
	ring[100] = 1;
	mete_test_expect(w.test, METE_DMA_A10);
	dma_free_coherent(&w.dev, 100, ring, bus);
	assert_int_equal(w.nfailed, 1);

	size_t before = w.nfailed;
	(void)mete_test_each_failure(w.test, overrunner, &w, 0);
	assert_int_equal(w.nfailed, before + 1);
	contains(w.text, "When 1536 bytes could not be mapped");
	contains(w.text, "DMA-A10");
	mete_test_expect(w.test, METE_DMA_A08);
	ring = dma_alloc_coherent(&w.dev, 100, &bus, GFP_KERNEL);
	dma_free_coherent(&w.dev, 100, ring, bus);
	ring[0] = 1; /* which is seen at the end, in time for who expects it */
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 2);
}

static void test_other_threads_fail_at_the_end(void **state)
{
	struct world w;
	pthread_t thread;
	(void)state;

	start(&w);
	assert_int_equal(pthread_create(&thread, NULL, elsewhere, &w), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(w.nfailed, 0);
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 2);
	assert_int_equal(w.nfailed, 1);
	assert_int_equal(w.line, w.tries);
	contains(w.text, "DMA-M07");
	contains(w.text, "DMA-M09");
}

/* A call that calls the driver back. */
static void enter(const struct world *w)
{
	struct mete_observer *ear = mete_test_provider(w->test)->observer;
	ear->call(ear, "linux", "interrupted_call", NULL, 0);
	ear->call(ear, NULL, NULL, NULL, 0);
}

static void leave(const struct world *w)
{
	struct mete_observer *ear = mete_test_provider(w->test)->observer;
	ear->left(ear);
	ear->left(ear);
}

static void test_a_failure_waits_for_the_outermost_call(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	enter(&w);
	dma_addr_t bus = dma_map_single(&w.dev, data, LEN, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	dma_unmap_single(&w.dev, bus, LEN, DMA_TO_DEVICE);
	(void)mete_unmap_single(&w.core, bus, LEN, METE_DEVICE_WRITES, 0);
	assert_int_equal(w.nfailed, 0);
	leave(&w);
	assert_int_equal(w.nfailed, 1);
	contains(w.text, "DMA-M07");
	contains(w.text, "DMA-M09");
	(void)mete_unmap_single(&w.core, bus, LEN, METE_DEVICE_WRITES, 0); /* in no call: at once */
	assert_int_equal(w.nfailed, 2);
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 3);
}

/* Left in the middle of a call by a jump of the test's own, say. */
static void test_the_next_test_begins_outside_of_all_calls(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	enter(&w);
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 0);
	start(&w);
	(void)mete_unmap_single(&w.core, 4096, LEN, METE_DEVICE_WRITES, 0);
	assert_int_equal(w.nfailed, 1);
	assert_null(strstr(w.text, "interrupted_call"));
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 1);
}

static void test_bad_beginnings(void **state)
{
	struct mete_test_config config = { .failed = note, .policy = "nonsense" };
	struct mete_test *test;
	struct world w;
	(void)state;

	assert_error(mete_test_begin(&config, NULL), METE_EINVAL);
	assert_error(mete_test_begin(&config, &test), METE_EINVAL);
	start(&w);
	config.policy = NULL;
	config.provider = mete_test_provider(w.test);
	assert_error(mete_test_begin(&config, &test), METE_EBUSY);
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 0);
}

static void test_each_operation_fails_in_turn(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	/* The ring; the pool and its slab; the buffer. */
	size_t n = mete_test_each_failure(w.test, driver, &w, 0);
	assert_in_range(n, 4, 20);
	assert_int_equal(w.tries, n + 1);
	assert_int_equal(w.nfailed, 0);
	assert_int_equal(mete_test_each_failure(w.test, driver, &w, 0), n); /* each run is like the one before */
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 0);
}

static void test_a_failure_path_that_leaks_is_told(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	w.mistake = LEAK_IF_MAPPING_FAILS;
	(void)mete_test_each_failure(w.test, driver, &w, 0);
	assert_int_equal(w.nfailed, 1); /* for one failure, and no other */
	assert_row(strncmp(w.text, "When 1536 bytes could not be mapped in dma_map_single() at test_test.c:", 70) == 0, 0, w.text);
	contains(w.text, "in driver():\n");
	contains(w.text, "DMA-A07 leak");
	assert_int_equal(mete_test_end(w.test), 2); /* what was allocated, and the ring */
}

static void test_a_mistake_between_failures_is_told(void **state)
{
	struct world w;
	jmp_buf here;
	(void)state;

	start(&w);
	w.mistake = SHORT_UNMAP;
	w.leave = &here;
	if (!setjmp(here))
		(void)mete_test_each_failure(w.test, driver, &w, 0);
	contains(w.text, "DMA-M06");
	w.leave = NULL;
	assert_int_equal(mete_test_end(w.test), 1);
	test_each_operation_fails_in_turn(NULL); /* the provider of another is itself again */
}

static void *allocate(void *ctx)
{
	struct world *w = ctx;
	void *cpu;

	assert_ok(mete_device_alloc(&w->core, NULL, 4096, METE_MEMORY_CACHED, 0, &cpu, NULL));
	assert_ok(mete_device_free(&w->core, cpu, 4096));
	return NULL;
}

/* Two allocations that may wait, by the core's calls; another thread's do not fail. */
static int waiter(void *ctx)
{
	struct world *w = ctx;
	void *first, *second;
	pthread_t thread;

	w->tries++;
	assert_int_equal(pthread_create(&thread, NULL, allocate, w), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	int error = mete_device_alloc(&w->core, NULL, 4096, METE_MEMORY_CACHED, METE_WAIT, &first, NULL);
	if (error)
		return error;
	w->line = __LINE__ + 1;
	error = mete_device_alloc(&w->core, NULL, 8192, METE_MEMORY_CACHED, METE_WAIT, &second, NULL);
	if (!error)
		assert_ok(mete_device_free(&w->core, second, 8192));
	if (!error || w->mistake == NONE)
		assert_ok(mete_device_free(&w->core, first, 4096));
	return error;
}

static void test_nobody_waits_for_what_fails(void **state)
{
	struct world w;
	jmp_buf leave_here;
	char want[128];
	(void)state;

	start(&w);
	size_t n = mete_test_each_failure(w.test, waiter, &w, 0);
	assert_int_equal(n, 4); /* two runs of memory, and the record of each */
	assert_int_equal(w.tries, 5);
	assert_int_equal(w.nfailed, 0);
	w.mistake = LEAK;
	w.leave = &leave_here;
	snprintf(want, sizeof want, " at test_test.c:%d, in waiter():\n", w.line);
	if (!setjmp(leave_here))
		(void)mete_test_each_failure(w.test, waiter, &w, 0);
	contains(w.text, want);
	contains(w.text, "DMA-A07");
	w.leave = NULL;
	assert_int_equal(mete_test_end(w.test), 1);
}

/* What fails first says it all; a pool that is left has a slab, and nothing in it. */
static int pool_leaver(void *ctx)
{
	struct world *w = ctx;
	dma_addr_t bus;

	struct dma_pool *pool = dma_pool_create("left", &w->dev, 64, 64, 0);
	void *block = pool ? dma_pool_alloc(pool, GFP_KERNEL, &bus) : NULL;
	if (!block) {
		dma_pool_destroy(pool);
		return -ENOMEM;
	}
	dma_pool_free(pool, block, bus);
	bus = dma_map_single(&w->dev, data, LEN, DMA_TO_DEVICE);
	if (dma_mapping_error(&w->dev, bus))
		return -ENOMEM; /* and the pool? */
	dma_unmap_single(&w->dev, bus, LEN, DMA_TO_DEVICE);
	dma_pool_destroy(pool);
	return 0;
}

static void test_a_pool_that_a_failure_leaves_is_told(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	(void)mete_test_each_failure(w.test, pool_leaver, &w, 0);
	assert_int_equal(w.nfailed, 1);
	contains(w.text, "When 1536 bytes could not be mapped in dma_map_single()");
	contains(w.text, "runs of memory are still held");
	(void)mete_test_end(w.test);
}

static void test_the_run_without_failures_must_succeed(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	w.mistake = ALWAYS_FAILS;
	(void)mete_test_each_failure(w.test, driver, &w, 0);
	assert_int_equal(w.nfailed, 1);
	contains(w.text, "With nothing that fails it returns -5, and not 0");
	w.mistake = NONE;
	assert_int_equal(mete_test_each_failure(w.test, driver, &w, 2), 2);
	assert_int_equal(w.nfailed, 2);
	contains(w.text, "There is more that can fail than runs were allowed");
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 2);
}

/* What was held before is not the body's. */
static void test_what_was_held_before_stays_silent(void **state)
{
	struct world w;
	dma_addr_t bus;
	(void)state;

	start(&w);
	void *buffer = dma_alloc_coherent(&w.dev, 4096, &bus, GFP_KERNEL);
	assert_non_null(buffer);
	static unsigned char more[64] __attribute__((aligned(64)));
	bus = dma_map_single(&w.dev, more, 64, DMA_TO_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	(void)mete_test_each_failure(w.test, driver, &w, 0);
	assert_int_equal(w.nfailed, 0);
	assert_int_equal(mete_test_end(w.test), 2); /* and is one in the end */
	contains(w.text, "DMA-A07");
}

/* An IOMMU with a table of sixteen pages: where they are, or 0. */
#define IOVA 0x100000u

static mete_paddr table[16];

static int table_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	(void)ctx, (void)access;
	for (size_t i = 0; i < len / 4096; i++)
		table[(iova - IOVA) / 4096 + i] = phys + i * 4096;
	return 0;
}

static void table_unmap(void *ctx, mete_baddr iova, size_t len)
{
	(void)ctx;
	memset(&table[(iova - IOVA) / 4096], 0, len / 4096 * sizeof table[0]);
}

static void table_flush(void *ctx, mete_baddr iova, size_t len)
{
	(void)ctx, (void)iova, (void)len;
}

static int table_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	(void)ctx;
	*ret_phys = table[(iova - IOVA) / 4096];
	return *ret_phys ? 0 : METE_EFAULT;
}

static int driver_behind_iommu(void *ctx)
{
	static const struct mete_iommu_ops ops = { table_map, table_unmap, table_flush, table_lookup, NULL };
	static struct mete_domain domain;
	struct world *w = ctx;
	const struct mete_domain_config config = { .ops = &ops, .page = 4096, .first = IOVA,
		.last = IOVA + 0xffff };

	int error = mete_domain_init(&domain, mete_test_provider(w->test), &config);
	if (error)
		return error;
	if (!(error = mete_test_domain(w->test, &domain)) && !(error = mete_domain_attach(&domain, &w->core))) {
		error = driver(w);
		assert_ok(mete_domain_attach(NULL, &w->core));
	}
	assert_ok(mete_domain_fini(&domain));
	return error;
}

static void test_an_iommu_can_fail_too(void **state)
{
	struct world w, direct;
	(void)state;

	start(&direct);
	size_t n = mete_test_each_failure(direct.test, driver, &direct, 0);
	assert_ok(mete_device_fini(&direct.core));
	assert_int_equal(mete_test_end(direct.test), 0);

	start(&w);
	w.mistake = DOUBLE_FREE_IF_MAPPING_FAILS;
	size_t more = mete_test_each_failure(w.test, driver_behind_iommu, &w, 0);
	assert_true(more > n);
	contains(w.text, "bytes could not be mapped behind the IOMMU in dma_map_single");
	assert_error(mete_test_domain(w.test, NULL), METE_EINVAL);
	(void)mete_test_end(w.test);
}

/* As a user of cmocka has it. */
static void test_cmocka_fixture(void **state)
{
	struct world w = { .test = *state };

	device_start(&w);
	assert_int_equal(driver(&w), 0);
	assert_ok(mete_device_fini(&w.core));
}

static bool always(void *ctx)
{
	(void)ctx;
	return true;
}

/* What the verifier is told of the machine and its threads goes through the test. */
static void test_context_and_quota_are_the_verifiers(void **state)
{
	struct world w;
	(void)state;

	memset(&w, 0, sizeof w);
	const struct mete_test_config config = { .failed = note, .ctx = &w, .policy = "", .most_mappings = 1, .atomic = always };
	assert_ok(mete_test_begin(&config, &w.test));
	device_start(&w);
	dma_addr_t first = dma_map_single(&w.dev, data, 64, DMA_TO_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, first), 0);
	assert_int_equal(w.nfailed, 0);
	dma_addr_t second = dma_map_single(&w.dev, data + 1024, 64, DMA_TO_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, second), 0);
	assert_int_equal(w.nfailed, 1);
	assert_non_null(strstr(w.text, "DMA-M15"));
	dma_unmap_single(&w.dev, first, 64, DMA_TO_DEVICE);
	dma_unmap_single(&w.dev, second, 64, DMA_TO_DEVICE);
	struct dma_pool *pool = dma_pool_create("ring", &w.dev, 64, 64, 0);
	assert_int_equal(w.nfailed, 2);
	assert_non_null(strstr(w.text, "DMA-X01"));
	dma_pool_destroy(pool);
	assert_ok(mete_device_fini(&w.core));
	assert_int_equal(mete_test_end(w.test), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_driver_without_mistakes_passes),
		cmocka_unit_test(test_a_misuse_fails_at_the_drivers_line),
		cmocka_unit_test(test_a_test_may_be_left_by_a_jump),
		cmocka_unit_test(test_leaks_fail_at_the_end),
		cmocka_unit_test(test_a_pool_that_is_left_fails_at_the_end),
		cmocka_unit_test(test_memory_that_the_device_has_can_be_closed),
		cmocka_unit_test(test_what_is_expected_must_come),
		cmocka_unit_test(test_damage_is_looked_for),
		cmocka_unit_test(test_other_threads_fail_at_the_end),
		cmocka_unit_test(test_a_failure_waits_for_the_outermost_call),
		cmocka_unit_test(test_the_next_test_begins_outside_of_all_calls),
		cmocka_unit_test(test_bad_beginnings),
		cmocka_unit_test(test_each_operation_fails_in_turn),
		cmocka_unit_test(test_a_failure_path_that_leaks_is_told),
		cmocka_unit_test(test_a_mistake_between_failures_is_told),
		cmocka_unit_test(test_nobody_waits_for_what_fails),
		cmocka_unit_test(test_a_pool_that_a_failure_leaves_is_told),
		cmocka_unit_test(test_the_run_without_failures_must_succeed),
		cmocka_unit_test(test_what_was_held_before_stays_silent),
		cmocka_unit_test(test_context_and_quota_are_the_verifiers),
		cmocka_unit_test(test_an_iommu_can_fail_too),
		mete_cmocka_test(test_cmocka_fixture),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
