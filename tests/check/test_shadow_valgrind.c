/* SPDX-License-Identifier: ISC */
/*
 * The shadow of Memcheck: valgrind --log-file=LOG test_shadow_valgrind LOG.
 *
 * Memcheck reports for itself, so its errors are counted, and its report is read.
 */
#include "told.h"

#include <mete/map.h>
#include <mete/pool.h>

#if METE_HAVE_VALGRIND
#include <valgrind/memcheck.h>

static const char *log_name;
static volatile unsigned char read; /* Memcheck does not look at a read of which nothing comes */

static void start(struct world *w)
{
	const struct mete_host_config twice = { .twice = true, .large = 1 << 20, .small = 1 << 20 };
	world_start(w, &twice, METE_LEVEL_SHADOW, METE_SHADOW_AUTO);
	assert_string_equal(mete_check_shadow(w->check), "valgrind");
}

static volatile unsigned char *memory(struct world *w, size_t len, unsigned flags)
{
	void *cpu;

	assert_ok(mete_device_alloc(&w->device, NULL, len, METE_MEMORY_CACHED, flags, &cpu, NULL));
	return cpu;
}

/* Errors since the last call. */
static unsigned errors(void)
{
	static unsigned before;

	unsigned now = (unsigned)VALGRIND_COUNT_ERRORS, new = now - before;
	before = now;
	return new;
}

static bool log_has(const char *words)
{
	char text[512];
	bool found = false;

	FILE *log = fopen(log_name, "r");
	assert_non_null(log);
	while (fgets(text, sizeof text, log))
		found = found || strstr(text, words);
	(void)fclose(log);
	return found;
}

static void test_what_the_device_writes_is_closed_to_each_byte(void **state)
{
	struct world w;
	mete_baddr bus;
	void *view;
	size_t len;
	(void)state;

	start(&w);
	volatile unsigned char *cpu = memory(&w, 1000, METE_ZERO);
	assert_ok(mete_map_single(&w.device, NULL, (void *)(uintptr_t)(cpu + 10), 21, METE_DEVICE_WRITES, 0, &bus));
	w.ntold = 0; /* it shares cache lines */
	cpu[9] = 1;
	cpu[31] = 1;
	assert_ok(mete_host_device_view(w.host, bus, 21, &view, &len));
	memset(view, 0x5a, 21);
	assert_int_equal(errors(), 0);
	cpu[10] = 1;
	assert_int_equal(errors(), 1);
	read = cpu[30];
	assert_int_equal(errors(), 1);
	assert_true(log_has("is 0 bytes inside a mapping owned by the device \"nic\" (DMA-O01 if written, DMA-O02 if read) of "
	    "size 21"));
	assert_true(log_has("test_shadow_valgrind.c"));
	mete_check_device_enter();
	cpu[12] = 1;
	mete_check_device_leave();
	assert_int_equal(errors(), 0);

	mete_check_expect(w.check, METE_DMA_O08); /* cpu[9] and cpu[31] lie in its cache lines */
	assert_ok(mete_sync_single(&w.device, bus, 8, METE_FOR_CPU, METE_DEVICE_WRITES));
	assert_true(cpu[17] == 0x5a);
	assert_int_equal(errors(), 0);
	read = cpu[18];
	assert_int_equal(errors(), 1);
	assert_ok(mete_unmap_single(&w.device, bus, 21, METE_DEVICE_WRITES, 0));
	assert_true(cpu[30] == 0x5a);
	assert_ok(mete_device_free(&w.device, (void *)(uintptr_t)cpu, 1000));
	assert_int_equal(errors(), 0);
	told_nothing(&w, 0);
	world_end(&w);
}

static void test_free_memory_and_margins_are_closed(void **state)
{
	const struct mete_pool_config config = { .len = 100 };
	struct mete_pool pool;
	struct world w;
	void *block;
	(void)state;

	start(&w);
	assert_ok(mete_pool_init(&pool, &w.device, &config));
	assert_ok(mete_pool_alloc(&pool, METE_ZERO, &block, NULL));
	volatile unsigned char *cpu = block;
	cpu[99] = 1;
	assert_int_equal(errors(), 0);
	read = cpu[100];
	assert_int_equal(errors(), 1);
	assert_ok(mete_pool_free(&pool, block));
	assert_int_equal(errors(), 0);
	read = cpu[99];
	assert_int_equal(errors(), 1);
	assert_ok(mete_pool_alloc(&pool, METE_ZERO, &block, NULL));
	assert_int_equal(cpu[99], 0);
	assert_ok(mete_pool_free(&pool, block));
	assert_ok(mete_pool_fini(&pool));
	assert_int_equal(errors(), 0);
	told_nothing(&w, 0);
	world_end(&w);
	assert_int_equal(errors(), 0);
}

/* Memory that was freed and is handed out again holds what it held, and it is nobody's. */
static void test_content_that_nobody_wrote_is_no_content(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	for (unsigned round = 0; round < 3; round++) {
		volatile unsigned char *cpu = memory(&w, 4096, round == 1 ? METE_ZERO : 0);
		if (round != 1)
			cpu[8] = 1;
		if (cpu[8] == 7 || cpu[9] == 7)
			read = cpu[10];
		assert_int_equal(errors(), round != 1);
		memset((void *)(uintptr_t)cpu, 1, 4096);
		assert_ok(mete_device_free(&w.device, (void *)(uintptr_t)cpu, 4096));
	}
	told_nothing(&w, 0);
	world_end(&w);
}

static void test_bytes_that_nobody_wrote_are_not_to_be_sent(void **state)
{
	struct world w;
	mete_baddr bus;
	(void)state;

	start(&w);
	volatile unsigned char *cpu = memory(&w, 4096, 0);
	for (size_t i = 0; i < 1000; i++)
		cpu[i] = 1;
	assert_ok(mete_map_single(&w.device, NULL, (void *)(uintptr_t)cpu, 1000, METE_DEVICE_READS, 0, &bus));
	assert_ok(mete_unmap_single(&w.device, bus, 1000, METE_DEVICE_READS, 0));
	told_nothing(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, (void *)(uintptr_t)cpu, 1001, METE_DEVICE_READS, 0, &bus));
	TOLD_ONE(&w, 0, METE_DMA_O13, line);
	assert_non_null(strstr(w.told[0].text, "1000 bytes into the buffer"));
	assert_ok(mete_unmap_single(&w.device, bus, 1001, METE_DEVICE_READS, 0));
	assert_int_equal(errors(), 0);

	/* What a device wrote may be sent on. */
	assert_ok(mete_map_single(&w.device, NULL, (void *)(uintptr_t)cpu, 2048, METE_DEVICE_WRITES, 0, &bus));
	assert_ok(mete_unmap_single(&w.device, bus, 2048, METE_DEVICE_WRITES, 0));
	assert_ok(mete_map_single(&w.device, NULL, (void *)(uintptr_t)cpu, 2048, METE_DEVICE_READS, 0, &bus));
	assert_ok(mete_unmap_single(&w.device, bus, 2048, METE_DEVICE_READS, 0));
	assert_ok(mete_device_free(&w.device, (void *)(uintptr_t)cpu, 4096));
	assert_int_equal(errors(), 0);
	told_nothing(&w, 1);
	world_end(&w);
}
#endif

int main(int argc, char **argv)
{
#if METE_HAVE_VALGRIND
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_device_writes_is_closed_to_each_byte),
		cmocka_unit_test(test_free_memory_and_margins_are_closed),
		cmocka_unit_test(test_content_that_nobody_wrote_is_no_content),
		cmocka_unit_test(test_bytes_that_nobody_wrote_are_not_to_be_sent),
	};
	if (METE_ADDR_BITS < 64)
		return support_skip_all("the host provider needs 64-bit addresses");
	if (argc < 2 || !RUNNING_ON_VALGRIND)
		return support_skip_all("valgrind is not installed");
	log_name = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
#else
	(void)argc, (void)argv;
	return support_skip_all("Valgrind's headers are not installed");
#endif
}
