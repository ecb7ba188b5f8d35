/* SPDX-License-Identifier: ISC */
/*
 * The verifier over the core's own calls: each misuse is provoked, and next to it stands what must stay silent.
 */
#include "support.h"

#include <mete/bounce.h>
#include <mete/check.h>
#include <mete/host.h>
#include <mete/pool.h>

#define TOLD 64

/* What was told. */
struct told {
	enum mete_misuse misuse;
	unsigned line;
	char file[64], text[2048], json[2048];
};

struct world {
	struct mete_host *host;
	struct mete_provider *provider;
	struct mete_device device;
	struct mete_check *check;
	struct told told[TOLD];
	size_t ntold;
};

static void tell(void *ctx, const struct mete_check_report *report)
{
	struct world *w = ctx;
	struct told *told = &w->told[w->ntold++ % TOLD];

	told->misuse = report->misuse;
	told->line = report->line;
	snprintf(told->file, sizeof told->file, "%s", report->file ? strrchr(report->file, '/') + 1 : "");
	snprintf(told->text, sizeof told->text, "%s", report->text);
	snprintf(told->json, sizeof told->json, "%s", report->json);
}

static void start(struct world *w)
{
	const struct mete_check_config config = { .report = tell, .ctx = w, .policy = "", .repeat = "make check" };

	memset(w, 0, sizeof *w);
	assert_ok(mete_host_create(NULL, &w->host));
	w->provider = mete_host_provider(w->host);
	assert_ok(mete_check_create(w->provider, &config, &w->check));
	const struct mete_device_config device = { .provider = w->provider, .name = "nic" };
	assert_ok(mete_device_init(&w->device, &device));
}

static void end(struct world *w)
{
	(void)mete_check_destroy(w->check);
	assert_ok(mete_device_fini(&w->device));
	assert_ok(mete_host_destroy(w->host));
}

/* The last that was told is `misuse`, on `line` of this file, and nothing else was told since there were `before`. */
static void assert_told(const struct world *w, size_t before, enum mete_misuse misuse, unsigned line)
{
	if (w->ntold != before + 1 && w->ntold > before)
		print_error("%s", w->told[w->ntold - 1].text);
	assert_int_equal(w->ntold, before + 1);
	const struct told *told = &w->told[before];
	assert_string_equal(mete_misuse_name(told->misuse), mete_misuse_name(misuse));
	assert_string_equal(told->file, "test_check.c");
	assert_int_equal(told->line, line);
}

#define SILENT(w, before) assert_int_equal((w)->ntold, before)

static void test_frees(void **state)
{
	struct world w;
	struct mete_pool pool, other;
	void *cpu, *run;
	const struct mete_pool_config config = { .len = 100 };
	(void)state;

	start(&w);
	assert_ok(mete_pool_init(&pool, &w.device, &config));
	assert_ok(mete_pool_init(&other, &w.device, &config));
	assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));
	assert_ok(mete_pool_free(&pool, cpu));
	SILENT(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_int_equal(mete_pool_free(&pool, cpu), METE_EALREADY);
	assert_told(&w, 0, METE_DMA_A01, line);
	assert_non_null(strstr(w.told[0].text, "freed     test_check.c:"));
	assert_int_equal(mete_pool_free(&pool, cpu), METE_EALREADY); /* it is free, and stays so, however often one tries */
	assert_int_equal(mete_check_count(w.check, METE_DMA_A01), 2);

	assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL)); /* the same block: what was freed is forgotten */
	SILENT(&w, 2);
	line = __LINE__ + 1;
	assert_int_equal(mete_pool_free(&pool, (char *)cpu + 4), METE_EFAULT);
	assert_told(&w, 2, METE_DMA_A03, line);
	line = __LINE__ + 1;
	assert_int_equal(mete_pool_free(&other, cpu), METE_EFAULT);
	assert_told(&w, 3, METE_DMA_A05, line);
	assert_ok(mete_pool_free(&pool, cpu));

	assert_ok(mete_device_alloc(&w.device, NULL, 5000, METE_MEMORY_COHERENT, 0, &run, NULL));
	line = __LINE__ + 1;
	assert_int_equal(mete_device_free(&w.device, run, 4096), METE_EMSGSIZE);
	assert_told(&w, 4, METE_DMA_A02, line);
	assert_ok(mete_device_free(&w.device, run, 5000)); /* the other was refused */
	SILENT(&w, 5);
	assert_ok(mete_pool_fini(&pool));
	assert_ok(mete_pool_fini(&other));
	end(&w);
}

static void test_mappings(void **state)
{
	static unsigned char buffer[4][4096] __attribute__((aligned(4096)));
	struct world w;
	mete_baddr bus, again;
	(void)state;

	start(&w);
	assert_ok(mete_map_single(&w.device, NULL, buffer[0], 2048, METE_DEVICE_WRITES, 0, &bus));
	assert_ok(mete_sync_single(&w.device, bus + 2047, 1, METE_FOR_CPU, METE_DEVICE_WRITES));
	assert_ok(mete_unmap_single(&w.device, bus, 2048, METE_DEVICE_WRITES, 0));
	SILENT(&w, 0);

	assert_ok(mete_map_single(&w.device, NULL, buffer[0], 2048, METE_DEVICE_WRITES, 0, &bus));
	unsigned line = __LINE__ + 1;
	(void)mete_sync_single(&w.device, bus + 2047, 2, METE_FOR_CPU, METE_DEVICE_WRITES);
	assert_told(&w, 0, METE_DMA_O04, line);
	line = __LINE__ + 1;
	assert_ok(mete_sync_single(&w.device, bus, 64, METE_FOR_CPU, METE_DEVICE_READS));
	assert_told(&w, 1, METE_DMA_O05, line);
	line = __LINE__ + 1;
	(void)mete_unmap_single(&w.device, bus + 64, 64, METE_DEVICE_WRITES, 0);
	assert_told(&w, 2, METE_DMA_M09, line);
	line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, buffer[0] + 1024, 64, METE_DEVICE_READS, 0, &again));
	assert_told(&w, 3, METE_DMA_M11, line);
	assert_ok(mete_unmap_single(&w.device, again, 64, METE_DEVICE_READS, 0));
	SILENT(&w, 4);
	line = __LINE__ + 1;
	(void)mete_unmap_single(&w.device, bus, 1024, METE_DEVICE_WRITES, 0);
	assert_told(&w, 4, METE_DMA_M06, line);
	line = __LINE__ + 1;
	(void)mete_unmap_single(&w.device, bus, 2048, METE_DEVICE_WRITES, 0);
	assert_told(&w, 5, METE_DMA_M09, line);
	line = __LINE__ + 1;
	(void)mete_sync_single(&w.device, bus, 64, METE_FOR_CPU, METE_DEVICE_WRITES);
	assert_told(&w, 6, METE_DMA_O06, line);
	assert_non_null(strstr(w.told[6].text, "unmapped  test_check.c:"));

	assert_ok(mete_map_single(&w.device, NULL, buffer[1], 2048, METE_DEVICE_READS, 0, &bus));
	line = __LINE__ + 1;
	assert_ok(mete_unmap_single(&w.device, bus, 2048, METE_DEVICE_WRITES, 0));
	assert_told(&w, 7, METE_DMA_M07, line);

	/* Two readers share memory in peace. */
	assert_ok(mete_map_single(&w.device, NULL, buffer[2], 64, METE_DEVICE_READS, 0, &bus));
	assert_ok(mete_map_single(&w.device, NULL, buffer[2], 64, METE_DEVICE_READS, 0, &again));
	assert_ok(mete_unmap_single(&w.device, bus, 64, METE_DEVICE_READS, 0));
	assert_ok(mete_unmap_single(&w.device, again, 64, METE_DEVICE_READS, 0));
	SILENT(&w, 8);
	end(&w);
}

/* The memory itself: on the stack, constant, freed, in a cache line with other data. */
static void test_memory_that_is_mapped(void **state)
{
	static const unsigned char constant[4096] = { 1 };
	static unsigned char global[4096] __attribute__((aligned(4096)));
	unsigned char local[256] __attribute__((aligned(256)));
	struct world w;
	void *cpu;
	mete_baddr bus;
	(void)state;

	start(&w);
	memset(local, 0, sizeof local);
	assert_ok(mete_map_single(&w.device, NULL, global, 256, METE_DEVICE_READS, 0, &bus));
	assert_ok(mete_unmap_single(&w.device, bus, 256, METE_DEVICE_READS, 0));
	SILENT(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, local, 256, METE_DEVICE_READS, 0, &bus));
	assert_told(&w, 0, METE_DMA_M01, line);
	assert_ok(mete_unmap_single(&w.device, bus, 256, METE_DEVICE_READS, 0));
	line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, constant, 256, METE_DEVICE_READS, 0, &bus));
	assert_told(&w, 1, METE_DMA_M02, line);
	assert_ok(mete_unmap_single(&w.device, bus, 256, METE_DEVICE_READS, 0));

	assert_ok(mete_device_alloc(&w.device, NULL, 4096, METE_MEMORY_CACHED, 0, &cpu, NULL));
	assert_ok(mete_map_single(&w.device, NULL, cpu, 4096, METE_DEVICE_WRITES, 0, &bus));
	line = __LINE__ + 1;
	assert_ok(mete_device_free(&w.device, cpu, 4096));
	assert_told(&w, 2, METE_DMA_A04, line);
	assert_ok(mete_unmap_single(&w.device, bus, 4096, METE_DEVICE_WRITES, 0));
	line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, cpu, 4096, METE_DEVICE_WRITES, 0, &bus));
	assert_told(&w, 3, METE_DMA_M04, line);
	assert_ok(mete_unmap_single(&w.device, bus, 4096, METE_DEVICE_WRITES, 0));

	/* Whole lines, and a line whose rest nobody uses because the allocation ends there, are fine. */
	assert_ok(mete_map_single(&w.device, NULL, global + 64, 128, METE_DEVICE_WRITES, 0, &bus));
	assert_ok(mete_unmap_single(&w.device, bus, 128, METE_DEVICE_WRITES, 0));
	assert_ok(mete_device_alloc(&w.device, NULL, 100, METE_MEMORY_CACHED, 0, &cpu, NULL));
	assert_ok(mete_map_single(&w.device, NULL, cpu, 100, METE_DEVICE_WRITES, 0, &bus));
	assert_ok(mete_unmap_single(&w.device, bus, 100, METE_DEVICE_WRITES, 0));
	SILENT(&w, 4);
	/* So is a part of a line while nobody touches the rest. */
	unsigned char *bytes = cpu;
	assert_ok(mete_map_single(&w.device, NULL, bytes + 16, 36, METE_DEVICE_WRITES, 0, &bus));
	bytes[16]++;
	bytes[64]++;
	assert_ok(mete_unmap_single(&w.device, bus, 36, METE_DEVICE_WRITES, 0));
	SILENT(&w, 4);
	assert_ok(mete_map_single(&w.device, NULL, bytes + 16, 36, METE_DEVICE_WRITES, 0, &bus));
	bytes[15]++;
	line = __LINE__ + 1;
	assert_ok(mete_unmap_single(&w.device, bus, 36, METE_DEVICE_WRITES, 0));
	assert_told(&w, 4, METE_DMA_O08, line);
	assert_ok(mete_map_single(&w.device, NULL, bytes + 16, 36, METE_DEVICE_WRITES, 0, &bus));
	assert_ok(mete_sync_single(&w.device, bus, 36, METE_FOR_CPU, METE_DEVICE_WRITES));
	bytes[52]++; /* it is the CPU's turn */
	assert_ok(mete_sync_single(&w.device, bus, 36, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	SILENT(&w, 5);
	bytes[52]++;
	line = __LINE__ + 1;
	assert_ok(mete_sync_single(&w.device, bus, 36, METE_FOR_CPU, METE_DEVICE_WRITES));
	assert_told(&w, 5, METE_DMA_O08, line);
	assert_ok(mete_unmap_single(&w.device, bus, 36, METE_DEVICE_WRITES, 0));
	assert_ok(mete_device_free(&w.device, cpu, 100));
	SILENT(&w, 6);
	end(&w);
}

static void test_maps(void **state)
{
	static unsigned char buffer[8192] __attribute__((aligned(4096)));
	struct mete_segment segments[4];
	const struct mete_piece piece = { .cpu = buffer, .len = sizeof buffer };
	struct world w;
	struct mete_map map;
	(void)state;

	start(&w);
	assert_ok(mete_map_init(&map, &w.device, NULL, segments, 4));
	unsigned line = __LINE__ + 1;
	assert_int_equal(mete_map_unload(&map), METE_EINVAL);
	assert_told(&w, 0, METE_DMA_X07, line);
	line = __LINE__ + 1;
	assert_int_equal(mete_map_sync(&map, 0, 1, METE_FOR_CPU, METE_DEVICE_READS), METE_EINVAL);
	assert_told(&w, 1, METE_DMA_O06, line);
	assert_ok(mete_map_load_array(&map, &piece, 1, METE_DEVICE_READS_WRITES, 0));
	SILENT(&w, 2);
	line = __LINE__ + 1;
	assert_int_equal(mete_map_load_array(&map, &piece, 1, METE_DEVICE_READS, 0), METE_EBUSY);
	assert_told(&w, 2, METE_DMA_X06, line);
	line = __LINE__ + 1;
	assert_ok(mete_map_sync(&map, 0, 64, METE_FOR_CPU, METE_DEVICE_WRITES));
	assert_told(&w, 3, METE_DMA_O07, line);
	assert_ok(mete_map_sync(&map, 0, 64, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	assert_ok(mete_map_sync(&map, 0, 64, METE_FOR_CPU, METE_DEVICE_WRITES));
	SILENT(&w, 4);
	line = __LINE__ + 1;
	assert_int_equal(mete_map_sync(&map, 8000, 193, METE_FOR_DEVICE, METE_DEVICE_WRITES), METE_EINVAL);
	assert_told(&w, 4, METE_DMA_O04, line);
	assert_ok(mete_map_unload(&map));
	SILENT(&w, 5);
	end(&w);
}

/* What is left is told with the place where it was made, once. */
static void test_leaks(void **state)
{
	static unsigned char buffer[4096] __attribute__((aligned(4096)));
	struct world w;
	mete_baddr bus;
	void *cpu;
	(void)state;

	start(&w);
	assert_int_equal(mete_check_leaks(w.check, NULL), 0);
	unsigned line = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, buffer, 64, METE_DEVICE_READS, 0, &bus));
	assert_int_equal(mete_check_leaks(w.check, &w.device), 1);
	assert_told(&w, 0, METE_DMA_A07, line);
	assert_int_equal(mete_check_leaks(w.check, &w.device), 0);
	line = __LINE__ + 1;
	assert_ok(mete_device_alloc(&w.device, NULL, 64, METE_MEMORY_COHERENT, 0, &cpu, NULL));
	unsigned busy = __LINE__ + 1;
	assert_int_equal(mete_device_fini(&w.device), METE_EBUSY);
	assert_told(&w, 1, METE_DMA_X05, busy);
	assert_int_equal(mete_check_destroy(w.check), 3);
	w.check = NULL;
	assert_int_equal(w.ntold, 3);
	assert_int_equal(w.told[2].misuse, METE_DMA_A07);
	assert_int_equal(w.told[2].line, line);
	assert_ok(mete_unmap_single(&w.device, bus, 64, METE_DEVICE_READS, 0));
	assert_ok(mete_device_free(&w.device, cpu, 64));
	end(&w);
}

/* The same from the same place is told once; what is expected is not told; policies decide the rest. */
static void test_policies(void **state)
{
	struct world w;
	struct mete_map map;
	struct mete_segment segments[1];
	size_t at = 4711;
	(void)state;

	start(&w);
	assert_ok(mete_map_init(&map, &w.device, NULL, segments, 1));
	for (int i = 0; i < 5; i++)
		(void)mete_map_unload(&map);
	assert_int_equal(w.ntold, 1);
	assert_int_equal(mete_check_count(w.check, METE_DMA_X07), 5);
	assert_int_equal(mete_check_failures(w.check), 5);

	mete_check_expect(w.check, METE_DMA_X07);
	assert_int_equal(mete_check_missing(w.check), 1);
	(void)mete_map_unload(&map);
	assert_int_equal(mete_check_missing(w.check), 0);
	assert_int_equal(mete_check_failures(w.check), 5);
	assert_int_equal(w.ntold, 1);

	assert_ok(mete_check_policy(w.check, "DMA-X07=off,A*=note", NULL));
	(void)mete_map_unload(&map);
	assert_int_equal(w.ntold, 1);
	assert_int_equal(mete_check_failures(w.check), 5);
	assert_ok(mete_check_policy(w.check, "*=off,X07=warn,", NULL));
	(void)mete_map_unload(&map);
	assert_int_equal(w.ntold, 2); /* another place */
	assert_int_equal(mete_check_failures(w.check), 5);

	static const struct { const char *text; size_t at; } bad[] = { { "X07", 0 }, { "X07=", 0 }, { "X07=loud", 0 }, { "=off", 0 },
		{ "X07=off,Y99=off", 8 }, { "X07=off;A01=off", 0 }, { ",", 0 }, { "X=off", 0 }, { "X07=off,,", 8 } };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_int_equal(mete_check_policy(w.check, bad[i].text, &at), METE_EINVAL);
		assert_int_equal(at, bad[i].at);
	}
	assert_int_equal(mete_check_policy(w.check, NULL, &at), METE_EINVAL);
	struct mete_check *other;
	const struct mete_check_config bad_config = { .policy = "nonsense" };
	assert_int_equal(mete_check_create(w.provider, NULL, &other), METE_EBUSY);
	assert_int_equal(mete_check_create(NULL, NULL, &other), METE_EINVAL);
	assert_int_equal(mete_check_create(w.provider, &bad_config, &other), METE_EINVAL);
	mete_check_expect(w.check, METE_DMA_A01); /* and never comes */
	assert_int_equal(mete_check_destroy(w.check), 6);
	w.check = NULL;
	end(&w);
}

static void test_the_report_has_what_one_needs(void **state)
{
	static unsigned char buffer[4096] __attribute__((aligned(4096)));
	struct world w;
	mete_baddr bus;
	char want[256];
	(void)state;

	start(&w);
	buffer[0] = 0xa5;
	unsigned mapped = __LINE__ + 1;
	assert_ok(mete_map_single(&w.device, NULL, buffer, 1536, METE_DEVICE_WRITES, 0, &bus));
	unsigned synced = __LINE__ + 1;
	assert_ok(mete_sync_single(&w.device, bus, 1536, METE_FOR_CPU, METE_DEVICE_WRITES));
	unsigned here = __LINE__ + 1;
	(void)mete_unmap_single(&w.device, bus, 1500, METE_DEVICE_WRITES, 0);
	assert_int_equal(w.ntold, 1);
	const char *text = w.told[0].text;
	snprintf(want, sizeof want, "DMA-M06 unmapped with another size than mapped (wrong on some machines)\n"
	    "  here      test_check.c:%u, in %s()\n  but       1536 bytes were mapped, and 1500 are unmapped\n", here, __func__);
	if (strncmp(text, want, strlen(want)))
		fail_msg("%s", text);
	snprintf(want, sizeof want, "  object    mapping for \"nic\", 1536 bytes, bus 0x%llx, CPU %p\n", (unsigned long long)bus,
	    (void *)buffer);
	assert_non_null(strstr(text, want));
	snprintf(want, sizeof want, "  mapped    test_check.c:%u, in %s()\n  synced    test_check.c:%u, in %s()\n", mapped, __func__,
	    synced, __func__);
	assert_non_null(strstr(text, want));
	assert_non_null(strstr(text, "\n  repeat    make check\n"));
	assert_non_null(strstr(text, "\n  quiet     METE_CHECK=M06=off\n"));
	assert_non_null(strstr(w.told[0].json, "\"id\":\"DMA-M06\""));
	assert_null(strchr(w.told[0].json, '\n'));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frees),
		cmocka_unit_test(test_mappings),
		cmocka_unit_test(test_memory_that_is_mapped),
		cmocka_unit_test(test_maps),
		cmocka_unit_test(test_leaks),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_the_report_has_what_one_needs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
