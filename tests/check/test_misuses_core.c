/* SPDX-License-Identifier: ISC */
/*
 * Misuses of the core's calls that no face lets through, and what the library refuses because its user cannot mean it.
 */
#include "provoke.h"

#include <mete/alloc.h>
#include <mete/arena.h>
#include <mete/map.h>
#include <mete/pool.h>

static void test_core_a05_free_to_another_owner(void **state)
{
	struct mete_classes classes;
	mete_baddr bus;
	void *cpu, *run;
	(void)state;

	provoke_start();
	assert_ok(mete_classes_init(&classes, &here.device, NULL));
	assert_ok(mete_classes_alloc(&classes, 4096, 0, &cpu, &bus));
	assert_ok(mete_device_alloc(&here.device, NULL, 4096, METE_MEMORY_COHERENT, 0, &run, NULL));
	PROVOKE(A05, "", (void)mete_classes_free(&classes, run, 4096));
	SILENT(assert_ok(mete_classes_free(&classes, cpu, 4096)));
	SILENT(assert_ok(mete_device_free(&here.device, run, 4096)));
	assert_ok(mete_classes_fini(&classes));
	provoke_end();
}

static void test_core_a12_impossible_sizes(void **state)
{
	const struct mete_constraint odd = { .align = 3 };
	void *cpu;
	(void)state;

	provoke_start();
	PROVOKE(A12, "", (void)mete_device_alloc(&here.device, NULL, 0, METE_MEMORY_CACHED, 0, &cpu, NULL));
	PROVOKE(A12, "", (void)mete_device_alloc(&here.device, &odd, 64, METE_MEMORY_CACHED, 0, &cpu, NULL));
	SILENT((void)mete_device_alloc(&here.device, NULL, (size_t)1 << 40, METE_MEMORY_CACHED, 0, &cpu, NULL)); /* only too much */
	provoke_end();
}

/* A machine that cannot translate what is not its own. */
static void test_core_m03_no_physical_address(void **state)
{
	static unsigned char memory[65536] __attribute__((aligned(METE_CONGRUENT))), records[65536] __attribute__((aligned(16)));
	static unsigned char elsewhere[64] __attribute__((aligned(64)));
	const struct mete_span span = { .cpu = memory, .phys = 0x40000000, .len = sizeof memory };
	const struct mete_arena_config config = { .frame = 4096, .spans = &span, .nspans = 1, .records = records, .records_len = sizeof records };
	const struct mete_check_config check = { .report = provoke_tell, .policy = "" };
	struct mete_device device;
	struct mete_arena arena;
	mete_baddr bus;
	void *cpu;
	(void)state;

	memset(&here, 0, sizeof here);
	assert_ok(mete_arena_init(&arena, &config));
	here.provider = mete_arena_provider(&arena);
	assert_ok(mete_check_create(here.provider, &check, &here.check));
	const struct mete_device_config nic = { .provider = here.provider, .name = "nic" };
	assert_ok(mete_device_init(&device, &nic));
	PROVOKE(M03, "", (void)mete_map_single(&device, NULL, elsewhere, 64, METE_DEVICE_READS, 0, &bus));
	assert_ok(mete_device_alloc(&device, NULL, 64, METE_MEMORY_CACHED, 0, &cpu, NULL));
	SILENT(assert_ok(mete_map_single(&device, NULL, cpu, 64, METE_DEVICE_READS, 0, &bus)));
	SILENT(assert_ok(mete_unmap_single(&device, bus, 64, METE_DEVICE_READS, 0)));
	assert_ok(mete_device_free(&device, cpu, 64));
	assert_int_equal(mete_check_destroy(here.check), 1);
	assert_ok(mete_device_fini(&device));
	assert_ok(mete_arena_fini(&arena));
}

static void test_core_m14_a_device_that_is_gone(void **state)
{
	static unsigned char buffer[64] __attribute__((aligned(64)));
	struct mete_device device;
	mete_baddr bus;
	(void)state;

	provoke_start();
	const struct mete_device_config config = { .provider = here.provider, .name = "gone" };
	assert_ok(mete_device_init(&device, &config));
	SILENT(assert_ok(mete_map_single(&device, NULL, buffer, 64, METE_DEVICE_READS, 0, &bus)));
	SILENT(assert_ok(mete_unmap_single(&device, bus, 64, METE_DEVICE_READS, 0)));
	assert_ok(mete_device_fini(&device));
	PROVOKE(M14, "", (void)mete_map_single(&device, NULL, buffer, 64, METE_DEVICE_READS, 0, &bus));
	ADVISES("\"gone\"");
	SILENT((void)mete_unmap_single(&device, bus, 64, METE_DEVICE_READS, 0));
	assert_ok(mete_device_init(&device, &config)); /* and it is back */
	SILENT(assert_ok(mete_map_single(&device, NULL, buffer, 64, METE_DEVICE_READS, 0, &bus)));
	SILENT(assert_ok(mete_unmap_single(&device, bus, 64, METE_DEVICE_READS, 0)));
	assert_ok(mete_device_fini(&device));
	provoke_end();
}

static void test_core_x05_ended_in_use(void **state)
{
	const struct mete_pool_config config = { .len = 64 };
	struct mete_pool pool;
	void *cpu;
	(void)state;

	provoke_start();
	assert_ok(mete_pool_init(&pool, &here.device, &config));
	assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));
	PROVOKE(X05, "", (void)mete_pool_fini(&pool));
	SILENT(assert_ok(mete_pool_free(&pool, cpu)));
	SILENT(assert_ok(mete_pool_fini(&pool)));
	provoke_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_core_a05_free_to_another_owner),
		cmocka_unit_test(test_core_a12_impossible_sizes),
		cmocka_unit_test(test_core_m03_no_physical_address),
		cmocka_unit_test(test_core_m14_a_device_that_is_gone),
		cmocka_unit_test(test_core_x05_ended_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
