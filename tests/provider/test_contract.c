/* SPDX-License-Identifier: ISC */
/*
 * The contract, held against every provider, and against providers that break it.
 */
#include "support.h"

#include <mete/alloc.h>
#include <mete/arena.h>
#include <mete/host.h>

#include "contract.h"
#include "own_provider.h"

static void print_broken(void *ctx, const char *promise)
{
	(void)ctx;
	print_error("broken: %s\n", promise);
}

static const struct contract quiet = { .seed = 20261120 }, loud = { .seed = 20261120, .broken = print_broken };

static void assert_contract(struct mete_provider *provider)
{
	for (uint32_t seed = 1; seed <= 5; seed++) {
		struct contract contract = loud;
		contract.seed = seed * 7919;
		assert_int_equal(contract_run(provider, &contract), 0);
	}
}

/* What the layers above make of the provider: objects of each class, filled, intact, freed. */
static void assert_classes_work(struct mete_provider *provider)
{
	struct mete_device device;
	static struct mete_classes classes;
	const struct mete_device_config config = { .provider = provider };
	unsigned char *cpu[METE_CLASSES * 3];

	assert_ok(mete_device_init(&device, &config));
	assert_ok(mete_classes_init(&classes, &device, NULL));
	for (size_t i = 0; i < METE_CLASSES * 3; i++) {
		size_t size = (size_t)16 << i % METE_CLASSES;
		mete_baddr bus;
		assert_ok(mete_classes_alloc(&classes, size, METE_ZERO, (void **)&cpu[i], &bus));
		assert_true(bus % size == 0);
		memset(cpu[i], (int)i + 1, size);
	}
	for (size_t i = 0; i < METE_CLASSES * 3; i++) {
		size_t size = (size_t)16 << i % METE_CLASSES;
		for (size_t j = 0; j < size; j++)
			assert_int_equal(cpu[i][j], i + 1);
		assert_ok(mete_classes_free(&classes, cpu[i], size));
	}
	assert_ok(mete_classes_fini(&classes));
	assert_ok(mete_device_fini(&device));
	assert_int_equal(mete_provider_held(provider), 0);
}

static void test_arena_in_callers_memory_keeps_the_contract(void **state)
{
	static _Alignas(65536) unsigned char memory[4 << 20];
	static uint64_t records[(512 << 10) / sizeof(uint64_t)];
	static const size_t frames[] = { 256, 4096, 16384, 65536 };
	(void)state;

	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		struct mete_arena arena;
		const struct mete_span span = { .cpu = memory, .phys = (mete_paddr)0xfff0000, .len = sizeof memory };
		const struct mete_arena_config config = { .frame = frames[i], .spans = &span, .nspans = 1,
			.records = records, .records_len = sizeof records };
		if (frames[i] == 256)
			assert_true(mete_arena_records(&config, 40) <= sizeof records);
		assert_ok(mete_arena_init(&arena, &config));
		assert_contract(mete_arena_provider(&arena));
		if (frames[i] >= 4096)
			assert_classes_work(mete_arena_provider(&arena));
		assert_int_equal(mete_arena_free(&arena), sizeof memory);
		assert_int_equal(mete_arena_longest(&arena), sizeof memory);
		assert_ok(mete_arena_fini(&arena));
	}
}

static void test_host_keeps_the_contract(void **state)
{
	static const struct mete_host_config configs[] = {
		{ .seed = 1 }, { .seed = 2, .frame = 16384 }, { .seed = 3, .frame = 65536, .tiny = 4 << 20 },
		{ .seed = 4, .congruent = 4096 }, { .seed = 5, .single = true, .large = 1 << 20, .small = 1 << 20 },
	};
	(void)state;

	for (size_t i = 0; i < sizeof configs / sizeof configs[0]; i++) {
		struct mete_host *host;
		assert_ok(mete_host_create(&configs[i], &host));
		size_t free_before = mete_host_free(host);
		assert_contract(mete_host_provider(host));
		assert_classes_work(mete_host_provider(host));
		assert_int_equal(mete_host_free(host), free_before);
		assert_ok(mete_host_destroy(host));
	}
}

static void test_a_porters_provider_keeps_the_contract(void **state)
{
	struct own_provider own;
	(void)state;

	assert_ok(own_provider_start(&own, 4 << 20));
	assert_contract(&own.provider);
	assert_classes_work(&own.provider);
	assert_int_equal(own.taken, 0);
	assert_ok(own_provider_end(&own));
}

/* The suite itself must notice: one broken provider for each kind of promise. */
enum breach { IGNORES_ALIGN, IGNORES_BOUNDARY, IGNORES_LAST, OVERLAPS, LOSES, SPOILS_OUTPUT, ACCEPTS_EVERYTHING,
	DIRTY_RECORDS, WRONG_TRANSLATION, WRONG_VIEW, NBREACHES };

struct breaker {
	struct mete_arena arena;
	struct mete_provider_ops ops;
	const struct mete_provider_ops *real;
	struct mete_run last;
	enum breach breach;
	unsigned count;
};

static int broken_take(void *ctx, const struct mete_want *given, struct mete_run *ret)
{
	struct breaker *b = ctx;
	struct mete_want want = *given;

	if (b->breach == IGNORES_ALIGN)
		want.align = want.phase = 0;
	if (b->breach == IGNORES_BOUNDARY)
		want.boundary = want.boundary_phase = 0;
	if (b->breach == IGNORES_LAST)
		want.last = 0;
	if (b->breach == ACCEPTS_EVERYTHING)
		want = (struct mete_want){ .len = given->len && given->len < 65536 ? given->len : 1 };
	if (b->breach == OVERLAPS && ++b->count % 4 == 0 && b->last.len >= given->len) {
		*ret = b->last;
		return 0;
	}
	int error = b->real->take(&b->arena, &want, ret);
	if (error && b->breach == SPOILS_OUTPUT)
		ret->len = 1;
	if (!error)
		b->last = *ret;
	return error;
}

static void broken_give(void *ctx, const struct mete_run *run)
{
	struct breaker *b = ctx;

	if (b->breach == LOSES && ++b->count % 8 == 0)
		return;
	b->real->give(&b->arena, run);
}

static int broken_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	struct breaker *b = ctx;
	int error = b->real->translate(&b->arena, cpu, len, ret_phys, ret_len);

	if (b->breach == WRONG_TRANSLATION && !error)
		*ret_phys ^= 4096;
	return error;
}

static int broken_view(void *ctx, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len)
{
	struct breaker *b = ctx;
	int error = b->real->view(&b->arena, phys, len, ret_cpu, ret_len);

	if (b->breach == WRONG_VIEW && !error)
		*ret_len += 1;
	return error;
}

static void *broken_record_alloc(void *ctx, size_t len)
{
	struct breaker *b = ctx;
	unsigned char *record = b->real->record_alloc(&b->arena, len);

	if (b->breach == DIRTY_RECORDS && record)
		record[len - 1] = 1;
	return record;
}

static void broken_record_free(void *ctx, void *record, size_t len)
{
	struct breaker *b = ctx;
	b->real->record_free(&b->arena, record, len);
}

static void test_the_contract_notices_each_breach(void **state)
{
	static _Alignas(65536) unsigned char memory[1 << 20];
	static uint64_t records[(256 << 10) / sizeof(uint64_t)];
	(void)state;

	for (int breach = 0; breach < NBREACHES; breach++) {
		static struct breaker b;
		struct mete_provider wrapped;
		const struct mete_span span = { .cpu = memory, .phys = (mete_paddr)0x8000000, .len = sizeof memory };
		const struct mete_arena_config config = { .spans = &span, .nspans = 1, .records = records,
			.records_len = sizeof records };
		memset(&b, 0, sizeof b);
		assert_ok(mete_arena_init(&b.arena, &config));
		b.breach = (enum breach)breach;
		b.real = b.arena.provider.ops;
		b.ops = (struct mete_provider_ops){ .take = broken_take, .give = broken_give, .translate = broken_translate,
			.record_alloc = broken_record_alloc, .record_free = broken_record_free, .view = broken_view };
		wrapped = b.arena.provider;
		wrapped.ops = &b.ops;
		wrapped.ctx = &b;
		unsigned long found = contract_run(&wrapped, &quiet);
		if (!found)
			fail_msg("breach %d was not noticed", breach);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arena_in_callers_memory_keeps_the_contract),
		wide_unit_test(test_host_keeps_the_contract),
		cmocka_unit_test(test_a_porters_provider_keeps_the_contract),
		cmocka_unit_test(test_the_contract_notices_each_breach),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
