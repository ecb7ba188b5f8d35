/* SPDX-License-Identifier: ISC */
/*
 * pool(9) as a driver calls it, from the native headers.
 */
#include "support.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/types.h>
#include <sys/pool.h>
#include <machine/intr.h>
#include <uvm/uvm_extern.h>

#include <mete/host.h>

#include "small_arena.h"

static struct mete_openbsd here;
METE_OPENBSD_HERE(here);

static void start(struct small_arena *small, struct pool *pp, size_t size, unsigned int align)
{
	small_arena_start(small);
	assert_ok(mete_openbsd_init(&here, &small->arena.provider, NULL));
	pool_init(pp, size, align, IPL_VM, 0, "test", NULL);
}

static void end(struct small_arena *small, struct pool *pp)
{
	pool_destroy(pp);
	assert_ok(mete_openbsd_fini(&here));
	small_arena_end(small);
}

static void test_items_come_and_go(void **state)
{
	struct small_arena small;
	struct pool pp;
	unsigned char *a, *b;
	(void)state;

	start(&small, &pp, 100, 64);
	a = pool_get(&pp, PR_NOWAIT);
	b = pool_get(&pp, PR_NOWAIT | PR_ZERO);
	assert_non_null(a);
	assert_non_null(b);
	assert_true((uintptr_t)a % 64 == 0 && (uintptr_t)b % 64 == 0);
	assert_true(b >= a + 100 || a >= b + 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(b[i], 0);
	pool_put(&pp, a);
	assert_ptr_equal(pool_get(&pp, PR_NOWAIT), a); /* last in, first out */
	pool_put(&pp, a);
	pool_put(&pp, b);
	end(&small, &pp);
}

static void test_bad_puts_do_nothing_but_count(void **state)
{
	struct small_arena small;
	struct pool pp, other;
	char *a;
	(void)state;

	start(&small, &pp, 100, 0);
	pool_init(&other, 100, 0, IPL_NONE, PR_WAITOK, "other", NULL);
	a = pool_get(&pp, PR_NOWAIT);
	pool_put(&pp, NULL);
	pool_put(&pp, a + 1);
	pool_put(&pp, &small);
	pool_put(&other, a);
	assert_int_equal(small_arena_counters(&small).bad_address, 3);
	pool_put(&pp, a);
	pool_put(&pp, a);
	assert_int_equal(small_arena_counters(&small).double_free, 1);
	pool_destroy(&other);
	end(&small, &pp);
}

static void test_an_impossible_pool_never_gives_an_item(void **state)
{
	static const struct {
		size_t size;
		unsigned int align;
		const char *why;
	} rows[] = { { 0, 0, "no size" }, { SIZE_MAX, 0, "longest" }, { 16, 3, "alignment" } };
	struct small_arena small;
	struct pool pp, bad;
	(void)state;

	start(&small, &pp, 16, 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pool_init(&bad, rows[i].size, rows[i].align, IPL_VM, 0, "bad", NULL);
		assert_row(pool_get(&bad, PR_WAITOK) == NULL, i, rows[i].why);
		assert_row(pool_get(&bad, PR_WAITOK | PR_LIMITFAIL) == NULL, i, rows[i].why);
		pool_put(&bad, &small);
		assert_row(pool_prime(&bad, 1) == EINVAL, i, rows[i].why);
		assert_row(pool_sethardlimit(&bad, 1) == EINVAL, i, rows[i].why);
		assert_row(pool_reclaim(&bad) == 0, i, rows[i].why);
		pool_setlowat(&bad, 1);
		pool_sethiwat(&bad, 1);
		pool_cache_init(&bad);
		pool_set_constraints(&bad, &kp_dma);
		pool_destroy(&bad);
	}
	assert_int_equal(small_arena_counters(&small).bad_argument, 3);
	end(&small, &pp);
}

static void test_the_hard_limit_fails_nowait_and_limitfail(void **state)
{
	struct small_arena small;
	struct pool pp;
	void *a, *b;
	(void)state;

	start(&small, &pp, 100, 0);
	assert_int_equal(pool_sethardlimit(&pp, 2), 0);
	a = pool_get(&pp, PR_WAITOK | PR_LIMITFAIL);
	b = pool_get(&pp, PR_NOWAIT);
	assert_non_null(a);
	assert_non_null(b);
	assert_null(pool_get(&pp, PR_NOWAIT));
	assert_null(pool_get(&pp, PR_WAITOK | PR_LIMITFAIL));
	assert_int_equal(pool_sethardlimit(&pp, 1), EINVAL);
	assert_int_equal(pool_sethardlimit(&pp, UINT_MAX), 0);
	pool_put(&pp, a);
	pool_put(&pp, b);
	end(&small, &pp);
}

struct waiter {
	pthread_t thread;
	struct pool *pp;
	void *item;
};

static void *wait_for_item(void *arg)
{
	struct waiter *w = arg;
	w->item = pool_get(w->pp, PR_WAITOK);
	return NULL;
}

static void test_waitok_waits_at_the_hard_limit(void **state)
{
	struct mete_host *host;
	struct mete_counters counters;
	struct pool pp;
	(void)state;

	assert_ok(mete_host_create(NULL, &host));
	assert_ok(mete_openbsd_init(&here, mete_host_provider(host), NULL));
	pool_init(&pp, 100, 0, IPL_VM, 0, "test", NULL);
	assert_int_equal(pool_sethardlimit(&pp, 1), 0);
	void *item = pool_get(&pp, PR_NOWAIT);
	struct waiter w = { .pp = &pp };
	assert_int_equal(pthread_create(&w.thread, NULL, wait_for_item, &w), 0);
	do {
		sched_yield();
		mete_provider_counters(mete_host_provider(host), &counters);
	} while (!counters.waited);
	pool_put(&pp, item);
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_ptr_equal(w.item, item);
	pool_put(&pp, w.item);
	pool_destroy(&pp);
	assert_ok(mete_openbsd_fini(&here));
	assert_ok(mete_host_destroy(host));
}

static void test_limitfail_still_waits_for_memory(void **state)
{
	struct small_arena small;
	struct pool pp;
	void *all;
	(void)state;

	start(&small, &pp, 100, 0);
	assert_ok(mete_device_alloc(&small.device, NULL, SMALL_LEN, METE_MEMORY_CACHED, 0, &all, NULL));
	/* No wait hook here, so the attempt to wait is refused and counted: it was made. */
	assert_null(pool_get(&pp, PR_WAITOK | PR_LIMITFAIL));
	assert_int_equal(small_arena_counters(&small).wait_refused, 1);
	assert_ok(mete_device_free(&small.device, all, SMALL_LEN));
	end(&small, &pp);
}

static void test_primed_items_need_no_memory_later(void **state)
{
	struct small_arena small;
	struct pool pp;
	void *item[100];
	(void)state;

	start(&small, &pp, 100, 0);
	assert_int_equal(pool_prime(&pp, 100), 0);
	assert_int_equal(pool_prime(&pp, -1), EINVAL);
	assert_int_equal(pool_prime(&pp, 0), 0);
	small.fail_takes = 0;
	for (size_t i = 0; i < 100; i++) {
		item[i] = pool_get(&pp, PR_NOWAIT);
		assert_non_null(item[i]);
	}
	assert_int_equal(pool_prime(&pp, 10000), ENOMEM);
	small.fail_takes = SIZE_MAX;
	for (size_t i = 0; i < 100; i++)
		pool_put(&pp, item[i]);
	end(&small, &pp);
}

static void test_the_low_water_mark_is_a_reserve(void **state)
{
	struct small_arena small;
	struct pool pp;
	(void)state;

	start(&small, &pp, 100, 0);
	pool_setlowat(&pp, -5);
	assert_int_equal(mete_arena_free(&small.arena), SMALL_LEN);
	pool_setlowat(&pp, 50);
	assert_true(mete_arena_free(&small.arena) < SMALL_LEN); /* items are there at once */
	assert_int_equal(pool_reclaim(&pp), 0);
	pool_setlowat(&pp, 0);
	assert_int_equal(pool_reclaim(&pp), 1);
	assert_int_equal(pool_reclaim(&pp), 0);
	assert_int_equal(mete_arena_free(&small.arena), SMALL_LEN);
	end(&small, &pp);
}

static size_t bytes_kept_after_a_peak(struct small_arena *small, struct pool *pp)
{
	void *item[512];

	for (size_t i = 0; i < 512; i++) {
		item[i] = pool_get(pp, PR_NOWAIT);
		assert_non_null(item[i]);
	}
	for (size_t i = 0; i < 512; i++)
		pool_put(pp, item[i]);
	return SMALL_LEN - mete_arena_free(&small->arena);
}

static void test_the_high_water_mark_keeps_idle_items(void **state)
{
	struct small_arena small;
	struct pool pp;
	(void)state;

	start(&small, &pp, 512, 0);
	size_t usual = bytes_kept_after_a_peak(&small, &pp);
	pool_sethiwat(&pp, -1);
	pool_sethiwat(&pp, 512);
	assert_true(bytes_kept_after_a_peak(&small, &pp) >= 512 * 512);
	assert_true(usual < 512 * 512 / 2);
	end(&small, &pp);
}

static void test_constraints_decide_where_items_lie(void **state)
{
	static const struct uvm_constraint_range isa = { 0, 0xffffff };
	static const struct kmem_pa_mode tight = { .kp_constraint = &isa, .kp_align = 512, .kp_boundary = 1024 };
	struct mete_host *host;
	struct pool pp;
	mete_paddr phys;
	size_t len;
	(void)state;

	assert_ok(mete_host_create(NULL, &host));
	struct mete_provider *p = mete_host_provider(host);
	assert_ok(mete_openbsd_init(&here, p, NULL));
	const struct {
		const struct kmem_pa_mode *mode;
		mete_paddr last;
		size_t align;
		const char *why;
	} rows[] = {
		{ &kp_dma_contig, 0xffffffffu, 16, "kp_dma_contig" }, { &kp_dma, 0xffffffffu, 16, "kp_dma" },
		{ &kp_dma_zero, 0xffffffffu, 16, "kp_dma_zero" }, { &kp_dirty, METE_PADDR_MAX, 16, "kp_dirty" },
		{ &kp_zero, METE_PADDR_MAX, 16, "kp_zero" }, { &tight, 0xffffff, 512, "a driver's own" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		pool_init(&pp, 700, 0, IPL_VM, 0, "test", NULL);
		pool_set_constraints(&pp, rows[i].mode);
		void *item = pool_get(&pp, PR_NOWAIT);
		assert_row(item != NULL, i, rows[i].why);
		assert_ok(p->ops->translate(p->ctx, item, 700, &phys, &len));
		assert_row(len == 700 && phys + 699 <= rows[i].last, i, rows[i].why);
		assert_row(phys % rows[i].align == 0, i, rows[i].why);
		assert_row(rows[i].mode != &tight || phys / 1024 == (phys + 699) / 1024, i, rows[i].why);
		if (rows[i].last == METE_PADDR_MAX)
			assert_row(phys > UINT32_MAX, i, "memory that narrow devices want is left alone");
		/* Too late now: the pool stays as it is. */
		pool_set_constraints(&pp, &tight);
		pool_set_constraints(&pp, NULL);
		pool_put(&pp, item);
		assert_ptr_equal(pool_get(&pp, PR_NOWAIT), item);
		pool_put(&pp, item);
		pool_destroy(&pp);
	}
	assert_ok(mete_openbsd_fini(&here));
	assert_ok(mete_host_destroy(host));
}

/* OpenBSD panics or unmaps memory that is in use; here the pool stays, and the counter tells. */
static void test_a_busy_pool_is_not_destroyed(void **state)
{
	struct small_arena small;
	struct pool pp;
	(void)state;

	start(&small, &pp, 100, 0);
	void *item = pool_get(&pp, PR_NOWAIT);
	pool_destroy(&pp);
	assert_int_equal(small_arena_counters(&small).fini_busy, 1);
	pool_put(&pp, item);
	end(&small, &pp);
}

static void test_a_cache_may_be_asked_for(void **state)
{
	struct small_arena small;
	struct pool pp;
	(void)state;

	start(&small, &pp, 100, 0);
	pool_cache_init(&pp);
	void *item = pool_get(&pp, PR_NOWAIT);
	assert_non_null(item);
	pool_put(&pp, item);
	end(&small, &pp);
}

static void test_a_pool_made_before_init_never_gives_an_item(void **state)
{
	struct pool pp;
	(void)state;

	pool_init(&pp, 100, 0, IPL_VM, 0, "early", NULL);
	assert_null(pool_get(&pp, PR_WAITOK));
	pool_put(&pp, &pp);
	pool_set_constraints(&pp, &kp_dma_contig);
	assert_null(pool_get(&pp, PR_NOWAIT));
	pool_destroy(&pp);
}

static void test_constraints_keep_the_marks_of_the_pool(void **state)
{
	struct small_arena small;
	struct pool pp;
	void *a;
	(void)state;

	start(&small, &pp, 100, 0);
	assert_int_equal(pool_sethardlimit(&pp, 1), 0);
	pool_setlowat(&pp, 20);
	pool_set_constraints(&pp, &kp_dma_contig);
	assert_int_equal(pool_reclaim(&pp), 0); /* the reserve is there again, and stays */
	assert_true(mete_arena_free(&small.arena) < SMALL_LEN);
	a = pool_get(&pp, PR_NOWAIT);
	assert_non_null(a);
	assert_null(pool_get(&pp, PR_NOWAIT));
	pool_put(&pp, a);
	end(&small, &pp);
}

/* The names of what is absent are free: these definitions would clash with declarations. */
static int pool_request(void)
{
	return 1;
}

static int pool_request_init(void)
{
	return 2;
}

static int km_alloc(void)
{
	return 3;
}

static void test_absent_calls_are_not_declared(void **state)
{
	(void)state;
	assert_int_equal(pool_request() + pool_request_init() + km_alloc(), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pool_made_before_init_never_gives_an_item),
		cmocka_unit_test(test_items_come_and_go),
		cmocka_unit_test(test_bad_puts_do_nothing_but_count),
		cmocka_unit_test(test_an_impossible_pool_never_gives_an_item),
		cmocka_unit_test(test_the_hard_limit_fails_nowait_and_limitfail),
		wide_unit_test(test_waitok_waits_at_the_hard_limit),
		cmocka_unit_test(test_limitfail_still_waits_for_memory),
		cmocka_unit_test(test_primed_items_need_no_memory_later),
		cmocka_unit_test(test_the_low_water_mark_is_a_reserve),
		cmocka_unit_test(test_the_high_water_mark_keeps_idle_items),
		wide_unit_test(test_constraints_decide_where_items_lie),
		cmocka_unit_test(test_constraints_keep_the_marks_of_the_pool),
		cmocka_unit_test(test_a_busy_pool_is_not_destroyed),
		cmocka_unit_test(test_a_cache_may_be_asked_for),
		cmocka_unit_test(test_absent_calls_are_not_declared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
