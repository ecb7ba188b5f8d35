/* SPDX-License-Identifier: ISC */
/*
 * Small arena: see small_arena.h.
 *
 * The provider's functions are wrapped, so that a test can let any of them fail at the nth call: the way a porter's
 * platform would.
 */
#include "support.h"

#include "small_arena.h"

static void *record_alloc(void *ctx, size_t len)
{
	struct small_arena *small = ctx;

	if (small->fail_records != SIZE_MAX) {
		if (!small->fail_records)
			return NULL;
		small->fail_records--;
	}
	__atomic_add_fetch(&small->nrecords, 1, __ATOMIC_RELAXED); /* some tests have threads */
	return calloc(1, len);
}

static void record_free(void *ctx, void *record, size_t len)
{
	struct small_arena *small = ctx;

	(void)len;
	assert_non_null(record);
	__atomic_sub_fetch(&small->nrecords, 1, __ATOMIC_RELAXED);
	free(record);
}

static int take(void *ctx, const struct mete_want *want, struct mete_run *ret_run)
{
	struct small_arena *small = (struct small_arena *)ctx; /* the arena is its first member */

	__atomic_add_fetch(&small->ntakes, 1, __ATOMIC_RELAXED);
	if (small->fail_takes != SIZE_MAX) {
		if (!small->fail_takes)
			return METE_ENOMEM;
		small->fail_takes--;
	}
	return small->real_ops->take(&small->arena, want, ret_run);
}

void small_arena_start_hooked(struct small_arena *small, const struct mete_hooks *hooks, void *ctx)
{
	memset(small, 0, sizeof *small);
	small->memory = aligned_alloc(SMALL_LEN, SMALL_LEN);
	assert_non_null(small->memory);
	small->fail_records = small->fail_takes = SIZE_MAX;
	const struct mete_span span = { .cpu = small->memory, .phys = SMALL_PHYS, .len = SMALL_LEN };
	const struct mete_arena_config config = {
		.frame = SMALL_FRAME,
		.spans = &span,
		.nspans = 1,
		.record_alloc = record_alloc,
		.record_free = record_free,
		.record_ctx = small,
		.hooks = hooks,
		.hooks_ctx = ctx,
	};
	assert_ok(mete_arena_init(&small->arena, &config));
	small->real_ops = small->arena.provider.ops;
	small->ops = *small->real_ops;
	small->ops.take = take;
	small->arena.provider.ops = &small->ops;
	const struct mete_device_config device = { .name = "small", .provider = &small->arena.provider };
	assert_ok(mete_device_init(&small->device, &device));
}

void small_arena_start(struct small_arena *small)
{
	small_arena_start_hooked(small, NULL, NULL);
}

void small_arena_end(struct small_arena *small)
{
	assert_ok(mete_device_fini(&small->device));
	assert_int_equal(mete_provider_held(&small->arena.provider), 0);
	assert_int_equal(mete_arena_free(&small->arena), SMALL_LEN);
	assert_int_equal(mete_arena_longest(&small->arena), SMALL_LEN);
	assert_ok(mete_arena_fini(&small->arena));
	assert_int_equal(small->nrecords, 0);
	free(small->memory);
}

struct mete_counters small_arena_counters(struct small_arena *small)
{
	struct mete_counters counters;
	mete_provider_counters(&small->arena.provider, &counters);
	return counters;
}
