/* SPDX-License-Identifier: ISC */
/*
 * Fills: what is written where nobody may write is found later, without any tool, and nothing else changes.
 */
#define _POSIX_C_SOURCE 200809L /* setenv() */
#include "told.h"

#include <mete/alloc.h>
#include <mete/map.h>
#include <mete/pool.h>

static void start(struct world *w)
{
	world_start(w, NULL, METE_LEVEL_FILLS, METE_SHADOW_OFF);
}

/* The sanitizers must not see what this file does on purpose. */
#define UNSEEN __attribute__((no_sanitize("address"), noinline))

UNSEEN static void poke(void *cpu, size_t at, unsigned char value)
{
	((volatile unsigned char *)cpu)[at] = value;
}

static void test_an_overrun_is_found_when_the_memory_is_freed(void **state)
{
	struct world w;
	void *cpu;
	(void)state;

	start(&w);
	assert_ok(mete_device_alloc(&w.device, NULL, 100, METE_MEMORY_COHERENT, METE_ZERO, &cpu, NULL));
	poke(cpu, 99, 1);
	assert_ok(mete_device_free(&w.device, cpu, 100));
	told_nothing(&w, 0);

	assert_ok(mete_device_alloc(&w.device, NULL, 100, METE_MEMORY_COHERENT, 0, &cpu, NULL));
	poke(cpu, 100, 0); /* the end of a string, one too far */
	poke(cpu, 4095, 7);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_device_free(&w.device, cpu, 100));
	TOLD_ONE(&w, 0, METE_DMA_A10, line);
	assert_non_null(strstr(w.told[0].text, "2 of the 3996 bytes behind its end were written, the first 0 behind it, the last "
	    "3995\n"));
	assert_non_null(strstr(w.told[0].text, "  allocated "));
	world_end(&w);
	assert_int_equal(w.ntold, 1);
}

/* A pool's blocks have what the stride leaves, classes what the class leaves; and it is found on demand. */
static void test_blocks_have_margins_where_there_is_room(void **state)
{
	static const size_t lens[] = { 100, 112, 16, 17 };
	struct world w;
	struct mete_classes classes;
	size_t before = 0;
	(void)state;

	start(&w);
	assert_ok(mete_classes_init(&classes, &w.device, NULL));
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		const struct mete_pool_config config = { .len = lens[i] };
		struct mete_pool pool;
		void *cpu[2];
		assert_ok(mete_pool_init(&pool, &w.device, &config));
		assert_ok(mete_pool_alloc(&pool, METE_ZERO, &cpu[0], NULL));
		assert_ok(mete_pool_alloc(&pool, METE_ZERO, &cpu[1], NULL));
		assert_int_equal(mete_check_fills(w.check), 0);
		poke(cpu[0], lens[i], 0); /* of a block without room, that is the next one's first byte */
		bool room = lens[i] % METE_POOL_MIN;
		assert_int_equal(mete_check_fills(w.check), room);
		assert_int_equal(mete_check_count(w.check, METE_DMA_A10), before += room);
		assert_int_equal(mete_check_fills(w.check), 0); /* once is enough */
		assert_ok(mete_pool_free(&pool, cpu[0]));
		assert_ok(mete_pool_free(&pool, cpu[1]));
		assert_ok(mete_pool_fini(&pool));
		assert_int_equal(mete_check_count(w.check, METE_DMA_A10), before);
	}
	before = w.ntold;
	void *cpu = mete_classes_get(&classes, 33);
	poke(cpu, 63, 0);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_classes_free(&classes, cpu, 33));
	TOLD_ONE(&w, before, METE_DMA_A10, line);
	assert_ok(mete_classes_fini(&classes));
	world_end(&w);
}

/* Whoever had the memory when the margin was damaged did it. */
static void test_it_is_known_whether_the_cpu_or_a_device_had_the_memory(void **state)
{
	struct world w;
	mete_baddr bus;
	void *cpu;
	unsigned line;
	(void)state;

	start(&w);
	for (unsigned round = 0; round < 3; round++) {
		size_t before = w.ntold;
		assert_ok(mete_device_alloc(&w.device, NULL, 1500, METE_MEMORY_CACHED, 0, &cpu, NULL));
		if (round == 1)
			poke(cpu, 1500, 0);
		line = __LINE__ + 1;
		assert_ok(mete_map_single(&w.device, NULL, cpu, 1500, METE_DEVICE_WRITES, 0, &bus));
		if (round == 1)
			TOLD_ONE(&w, before, METE_DMA_A10, line);
		assert_int_equal(mete_check_fills(w.check), 0); /* it is the device's: that would be no time to look */
		if (round == 2)
			poke(cpu, 1501, 0);
		assert_int_equal(mete_check_fills(w.check), 0);
		line = __LINE__ + 1;
		assert_ok(mete_sync_single(&w.device, bus, 64, METE_FOR_CPU, METE_DEVICE_WRITES));
		if (round == 2)
			TOLD_ONE(&w, before, METE_DMA_A11, line);
		assert_ok(mete_unmap_single(&w.device, bus, 1500, METE_DEVICE_WRITES, 0));
		assert_ok(mete_device_free(&w.device, cpu, 1500));
		told_nothing(&w, before + (round != 0));
	}
	world_end(&w);
}

static void test_a_write_after_free_is_found_when_the_memory_is_used_again(void **state)
{
	const struct mete_pool_config config = { .len = 64 };
	struct world w;
	struct mete_pool pool;
	void *cpu, *again;
	(void)state;

	start(&w);
	assert_ok(mete_pool_init(&pool, &w.device, &config));
	assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));
	unsigned freed = __LINE__ + 1;
	assert_ok(mete_pool_free(&pool, cpu));
	poke(cpu, 4, 0);
	poke(cpu, 7, 0);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_pool_alloc(&pool, METE_ZERO, &again, NULL));
	assert_ptr_equal(again, cpu);
	TOLD_ONE(&w, 0, METE_DMA_A08, line);
	assert_non_null(strstr(w.told[0].text, "bytes 4 to 7 of it were written after it was freed"));
	char want[64];
	snprintf(want, sizeof want, "freed     test_fill.c:%u", freed);
	assert_non_null(strstr(w.told[0].text, want));
	poke(cpu, 4, 9);
	assert_ok(mete_pool_free(&pool, cpu));
	assert_ok(mete_pool_alloc(&pool, 0, &again, NULL));
	assert_ok(mete_pool_free(&pool, again));
	told_nothing(&w, 1);

	/* The end of the test looks, too: nobody may use the memory again.  And a run is looked at when anybody takes it. */
	poke(cpu, 63, 0);
	assert_int_equal(mete_check_fills(w.check), 1);
	TOLD_ONE(&w, 1, METE_DMA_A08, 0);
	assert_int_equal(mete_check_fills(w.check), 0);
	assert_ok(mete_pool_fini(&pool));
	assert_ok(mete_device_alloc(&w.device, NULL, 4096, METE_MEMORY_CACHED, 0, &cpu, NULL));
	assert_ok(mete_device_free(&w.device, cpu, 4096));
	poke(cpu, 0, 0);
	const struct mete_want want_run = { .len = 4096 };
	struct mete_run run, runs[64];
	size_t n = 0;
	do {
		assert_ok(w.provider->ops->take(w.provider->ctx, &want_run, &run));
		runs[n++] = run;
	} while (run.cpu != cpu && n < 64);
	TOLD_ONE(&w, 2, METE_DMA_A08, 0);
	while (n)
		w.provider->ops->give(w.provider->ctx, &runs[--n]);
	world_end(&w);
	assert_int_equal(w.ntold, 3);
}

/* What is refused is not freed, so its content stays, and what is freed while a device has it is left alone. */
static void test_what_may_still_be_used_is_not_filled(void **state)
{
	struct world w;
	mete_baddr bus;
	void *cpu;
	(void)state;

	start(&w);
	assert_ok(mete_device_alloc(&w.device, NULL, 4096, METE_MEMORY_CACHED, METE_ZERO, &cpu, NULL));
	assert_error(mete_device_free(&w.device, cpu, 4000), METE_EMSGSIZE);
	TOLD_ONE(&w, 0, METE_DMA_A02, 0);
	for (size_t i = 0; i < 4096; i++)
		assert_int_equal(((unsigned char *)cpu)[i], 0);
	assert_ok(mete_map_single(&w.device, NULL, cpu, 4096, METE_DEVICE_READS, 0, &bus));
	assert_ok(mete_device_free(&w.device, cpu, 4096));
	TOLD_ONE(&w, 1, METE_DMA_A04, 0);
	assert_int_equal(((unsigned char *)cpu)[5], 0);
	assert_ok(mete_unmap_single(&w.device, bus, 4096, METE_DEVICE_READS, 0));
	world_end(&w);
}

static unsigned not_staying(void *ctx, const void *cpu, size_t len)
{
	(void)ctx, (void)cpu, (void)len;
	return METE_TRAIT_TWICE;
}

/* A provider that does not promise that its memory stays is left alone once it is given back. */
static void test_memory_that_may_go_away_is_not_touched_when_it_is_free(void **state)
{
	unsigned (*const traits[])(void *, const void *, size_t) = { NULL, not_staying };
	struct mete_provider_ops ops;
	struct world w;
	void *cpu;
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		start(&w);
		ops = *w.provider->ops;
		ops.traits = traits[i];
		w.provider->ops = &ops;
		assert_ok(mete_device_alloc(&w.device, NULL, 4096, METE_MEMORY_CACHED, METE_ZERO, &cpu, NULL));
		assert_ok(mete_device_free(&w.device, cpu, 4096));
		assert_int_equal(((unsigned char *)cpu)[4095], 0);
		poke(cpu, 0, 1);
		world_end(&w);
		assert_int_equal(w.ntold, 0);
	}
}

static void test_below_its_level_nothing_is_filled(void **state)
{
	struct world w;
	void *cpu;
	(void)state;

	world_start(&w, NULL, METE_LEVEL_LEDGER, METE_SHADOW_OFF);
	assert_ok(mete_device_alloc(&w.device, NULL, 100, METE_MEMORY_CACHED, METE_ZERO, &cpu, NULL));
	poke(cpu, 100, 1);
	assert_ok(mete_device_free(&w.device, cpu, 100));
	assert_int_equal(((unsigned char *)cpu)[99], 0);
	world_end(&w);
	assert_int_equal(w.ntold, 0);
}

static unsigned next(unsigned *state)
{
	*state = *state * 1103515245u + 12345u;
	return *state >> 16;
}

/* What a program that does nothing wrong gets: a number over all addresses, as distances from the first. */
static uint64_t program_run(bool verified, enum mete_level level)
{
	const struct mete_host_config config = { .seed = 3, .large = 1 << 20, .small = 1 << 20 };
	const struct mete_pool_config pool_config = { .len = 200 };
	struct mete_check *check = NULL;
	struct mete_device device;
	struct mete_host *host;
	struct mete_pool pool;
	struct { void *cpu; size_t len; } live[40] = { { 0 } };
	uint64_t sum = 0, base = 0;
	unsigned seed = 1;

	assert_ok(mete_host_create(&config, &host));
	const struct mete_check_config check_config = { .policy = "", .level = level };
	if (verified)
		assert_ok(mete_check_create(mete_host_provider(host), &check_config, &check));
	const struct mete_device_config device_config = { .provider = mete_host_provider(host) };
	assert_ok(mete_device_init(&device, &device_config));
	assert_ok(mete_pool_init(&pool, &device, &pool_config));
	for (unsigned i = 0; i < 4000; i++) {
		unsigned at = next(&seed) % 40;
		unsigned flags = next(&seed) % 2 ? METE_ZERO : 0;
		int error = 0;
		if (live[at].cpu) {
			error = at % 2 ? mete_pool_free(&pool, live[at].cpu) : mete_device_free(&device, live[at].cpu, live[at].len);
			live[at].cpu = NULL;
		} else {
			live[at].len = at % 2 ? 200 : next(&seed) % 90000 + 1;
			error = at % 2 ? mete_pool_alloc(&pool, flags, &live[at].cpu, NULL)
			               : mete_device_alloc(&device, NULL, live[at].len, METE_MEMORY_CACHED, flags, &live[at].cpu, NULL);
			base = base ? base : (uintptr_t)live[at].cpu;
			for (size_t j = 0; !error && (flags & METE_ZERO) && j < live[at].len; j++)
				error |= ((unsigned char *)live[at].cpu)[j];
			if (!error)
				memset(live[at].cpu, 0x77, live[at].len);
		}
		sum = sum * 31 + (uint64_t)(uint32_t)error + (live[at].cpu ? (uintptr_t)live[at].cpu - base : 0);
	}
	for (unsigned at = 0; at < 40; at++) {
		if (live[at].cpu)
			assert_ok(at % 2 ? mete_pool_free(&pool, live[at].cpu)
			                 : mete_device_free(&device, live[at].cpu, live[at].len));
	}
	assert_ok(mete_pool_fini(&pool));
	assert_ok(mete_device_fini(&device));
	assert_int_equal(mete_check_destroy(check), 0);
	assert_ok(mete_host_destroy(host));
	return sum;
}

/* Memory runs out in it, too. */
static void test_a_program_runs_the_same_with_the_verifier(void **state)
{
	(void)state;

	uint64_t sum = program_run(false, METE_LEVEL_USUAL);
	assert_true(sum == program_run(false, METE_LEVEL_USUAL));
	assert_true(sum == program_run(true, METE_LEVEL_LEDGER));
	assert_true(sum == program_run(true, METE_LEVEL_FILLS));
	assert_true(sum == program_run(true, METE_LEVEL_SHADOW));
}

static void test_levels_come_from_the_config_or_the_environment(void **state)
{
	static const struct { const char *level, *shadow; int want; const char *found; } rows[] = {
		{ NULL, NULL, 0, "off" }, { "1", NULL, 0, "off" }, { "2", "off", 0, "off" }, { "3", "off", 0, "off" },
		{ "2", "trap", 0, "trap" }, { "0", NULL, METE_EINVAL, NULL }, { "4", NULL, METE_EINVAL, NULL },
		{ "33", NULL, METE_EINVAL, NULL }, { "", NULL, METE_EINVAL, NULL }, { NULL, "", METE_EINVAL, NULL },
		{ NULL, "on", METE_EINVAL, NULL }, { NULL, "of", METE_EINVAL, NULL },
	};
	const struct mete_check_config bad[] = { { .policy = "", .level = (enum mete_level)4 },
		{ .policy = "", .shadow = (enum mete_shadow)6 }, { .policy = "", .level = (enum mete_level)-1 } };
	struct mete_check *check;
	struct mete_host *host;
	(void)state;

	assert_ok(mete_host_create(NULL, &host));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsetenv("METE_CHECK_LEVEL");
		unsetenv("METE_SHADOW");
		if (rows[i].level)
			setenv("METE_CHECK_LEVEL", rows[i].level, 1);
		if (rows[i].shadow)
			setenv("METE_SHADOW", rows[i].shadow, 1);
		int error = mete_check_create(mete_host_provider(host), NULL, &check);
		assert_row(error == rows[i].want, i, rows[i].level ? rows[i].level : "no level");
		if (error)
			continue;
		assert_string_equal(mete_check_shadow(check), rows[i].found);
		assert_int_equal(mete_check_destroy(check), 0);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_error(mete_check_create(mete_host_provider(host), &bad[i], &check), METE_EINVAL);
	unsetenv("METE_CHECK_LEVEL");
	unsetenv("METE_SHADOW");
	const struct mete_check_config absent = { .policy = "", .shadow = METE_SHADOW_VALGRIND }; /* nobody runs this under it */
	assert_error(mete_check_create(mete_host_provider(host), &absent, &check), METE_ENOTSUP);
	assert_ok(mete_host_destroy(host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_overrun_is_found_when_the_memory_is_freed),
		cmocka_unit_test(test_blocks_have_margins_where_there_is_room),
		cmocka_unit_test(test_it_is_known_whether_the_cpu_or_a_device_had_the_memory),
		cmocka_unit_test(test_a_write_after_free_is_found_when_the_memory_is_used_again),
		cmocka_unit_test(test_what_may_still_be_used_is_not_filled),
		cmocka_unit_test(test_memory_that_may_go_away_is_not_touched_when_it_is_free),
		cmocka_unit_test(test_below_its_level_nothing_is_filled),
		cmocka_unit_test(test_a_program_runs_the_same_with_the_verifier),
		cmocka_unit_test(test_levels_come_from_the_config_or_the_environment),
	};
	if (METE_ADDR_BITS < 64)
		return support_skip_all("the host provider needs 64-bit addresses");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
