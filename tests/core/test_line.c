/* SPDX-License-Identifier: ISC */
/*
 * Line: waiting for memory, with real threads.
 *
 * No test here depends on time: a waiter is known to wait when the provider's count of waiting requests says so.
 */
#include "support.h"

#include <pthread.h>
#include <sched.h>

#include <mete/alloc.h>

#include "small_arena.h"

struct platform {
	pthread_mutex_t guard, sleepers;
	pthread_cond_t freed;
	bool in_interrupt;
};

static void lock(void *ctx)
{
	pthread_mutex_lock(&((struct platform *)ctx)->guard);
}

static void unlock(void *ctx)
{
	pthread_mutex_unlock(&((struct platform *)ctx)->guard);
}

static void wait_freed(void *ctx, bool (*asleep)(void *arg), void *arg)
{
	struct platform *platform = ctx;

	pthread_mutex_lock(&platform->sleepers);
	while (asleep(arg))
		pthread_cond_wait(&platform->freed, &platform->sleepers);
	pthread_mutex_unlock(&platform->sleepers);
}

/* A port whose sleep returns early, as a bare semaphore may. */
static void wait_impatiently(void *ctx, bool (*asleep)(void *arg), void *arg)
{
	(void)ctx;
	(void)asleep(arg);
	sched_yield();
}

static void wake(void *ctx)
{
	struct platform *platform = ctx;

	pthread_mutex_lock(&platform->sleepers);
	pthread_cond_broadcast(&platform->freed);
	pthread_mutex_unlock(&platform->sleepers);
}

static bool may_wait(void *ctx)
{
	return !((struct platform *)ctx)->in_interrupt;
}

static const struct mete_hooks hooks = { .lock = lock, .unlock = unlock, .wait = wait_freed, .wake = wake,
	.may_wait = may_wait };
static const struct mete_hooks impatient = { .lock = lock, .unlock = unlock, .wait = wait_impatiently, .wake = wake };

static struct platform platform_now(void)
{
	return (struct platform){ .guard = PTHREAD_MUTEX_INITIALIZER, .sleepers = PTHREAD_MUTEX_INITIALIZER,
		.freed = PTHREAD_COND_INITIALIZER };
}

static void until_waiting(struct small_arena *small, size_t n)
{
	while (mete_provider_waiting(&small->arena.provider) < n)
		sched_yield();
}

struct waiter {
	pthread_t thread;
	struct small_arena *small;
	struct mete_classes *classes;
	size_t len;
	void *cpu;
	int error;
	unsigned long *order; /* place at which it was served */
	unsigned long place;
};

static void *wait_for_object(void *arg)
{
	struct waiter *w = arg;

	w->error = mete_classes_alloc(w->classes, w->len, METE_WAIT, &w->cpu, NULL);
	w->place = __atomic_fetch_add(w->order, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *wait_for_run(void *arg)
{
	struct waiter *w = arg;

	w->error = mete_device_alloc(&w->small->device, NULL, w->len, METE_MEMORY_CACHED, METE_WAIT, &w->cpu, NULL);
	w->place = __atomic_fetch_add(w->order, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void fill(struct small_arena *small, void **all)
{
	assert_ok(mete_device_alloc(&small->device, NULL, SMALL_LEN, METE_MEMORY_CACHED, 0, all, NULL));
}

static void one_waiter_is_woken(const struct mete_hooks *with)
{
	struct platform platform = platform_now();
	struct small_arena small;
	struct mete_classes classes;
	unsigned long order = 0;
	void *all;

	small_arena_start_hooked(&small, with, &platform);
	assert_ok(mete_classes_init(&classes, &small.device, NULL));
	fill(&small, &all);
	struct waiter w = { .small = &small, .classes = &classes, .len = 100, .order = &order };
	assert_int_equal(pthread_create(&w.thread, NULL, wait_for_object, &w), 0);
	until_waiting(&small, 1);
	assert_int_equal(__atomic_load_n(&order, __ATOMIC_SEQ_CST), 0);

	/* A request that does not wait fails meanwhile. */
	assert_null(mete_classes_get(&classes, 16));
	assert_ok(mete_device_free(&small.device, all, SMALL_LEN));
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_ok(w.error);
	assert_int_equal(small_arena_counters(&small).waited, 1);
	assert_ok(mete_classes_free(&classes, w.cpu, 100));
	assert_ok(mete_classes_fini(&classes));
	small_arena_end(&small);
}

static void test_another_threads_free_wakes_a_waiter(void **state)
{
	(void)state;
	one_waiter_is_woken(&hooks);
}

static void test_a_sleep_that_ends_early_is_no_harm(void **state)
{
	(void)state;
	one_waiter_is_woken(&impatient);
}

/* Memory of one class, freed block by block, serves a waiter of another: the pages find their way. */
static void test_pages_freed_by_any_class_wake_a_waiter(void **state)
{
	struct platform platform = platform_now();
	struct small_arena small;
	struct mete_classes classes;
	unsigned long order = 0;
	void *cpu[SMALL_LEN / 4096 + 1]; /* one more for the NULL at the end */
	size_t n = 0;
	(void)state;

	small_arena_start_hooked(&small, &hooks, &platform);
	assert_ok(mete_classes_init(&classes, &small.device, NULL));
	while ((cpu[n] = mete_classes_get(&classes, 4096)) != NULL)
		n++;
	assert_int_equal(n, SMALL_LEN / 4096);
	struct waiter w = { .small = &small, .classes = &classes, .len = 65536, .order = &order };
	assert_int_equal(pthread_create(&w.thread, NULL, wait_for_object, &w), 0);
	until_waiting(&small, 1);
	for (size_t i = 0; i < n; i++)
		assert_ok(mete_classes_free(&classes, cpu[i], 4096));
	assert_int_equal(pthread_join(w.thread, NULL), 0);
	assert_ok(w.error);
	assert_ok(mete_classes_free(&classes, w.cpu, 65536));
	assert_ok(mete_classes_fini(&classes));
	small_arena_end(&small);
}

static void test_waiters_are_served_first_come_first_served(void **state)
{
	struct platform platform = platform_now();
	struct small_arena small;
	unsigned long order = 0;
	struct waiter w[4];
	void *all;
	(void)state;

	/* The first wants everything; the later and smaller ones could be served sooner, and must not be. */
	small_arena_start_hooked(&small, &hooks, &platform);
	void *part[2];
	for (int i = 0; i < 2; i++)
		assert_ok(mete_device_alloc(&small.device, NULL, SMALL_LEN / 2, METE_MEMORY_CACHED, 0, &part[i], NULL));
	for (unsigned long i = 0; i < 4; i++) {
		w[i] = (struct waiter){ .small = &small, .len = i ? SMALL_FRAME : SMALL_LEN, .order = &order };
		assert_int_equal(pthread_create(&w[i].thread, NULL, wait_for_run, &w[i]), 0);
		until_waiting(&small, i + 1);
	}
	assert_ok(mete_device_free(&small.device, part[0], SMALL_LEN / 2));
	assert_int_equal(mete_provider_waiting(&small.arena.provider), 4);
	assert_ok(mete_device_free(&small.device, part[1], SMALL_LEN / 2));
	assert_int_equal(pthread_join(w[0].thread, NULL), 0);
	assert_int_equal(w[0].place, 0);
	all = w[0].cpu;
	assert_ok(mete_device_free(&small.device, all, SMALL_LEN));
	for (unsigned long i = 1; i < 4; i++) {
		assert_int_equal(pthread_join(w[i].thread, NULL), 0);
		assert_ok(w[i].error);
		assert_ok(mete_device_free(&small.device, w[i].cpu, SMALL_FRAME));
	}
	small_arena_end(&small);
}

static void test_what_can_never_be_is_not_waited_for(void **state)
{
	static const struct mete_constraint nowhere = { .last = 0xfff };
	struct platform platform = platform_now();
	struct small_arena small;
	void *cpu;
	(void)state;

	small_arena_start_hooked(&small, &hooks, &platform);
	assert_error(mete_device_alloc(&small.device, NULL, SMALL_LEN + 1, METE_MEMORY_CACHED, METE_WAIT, &cpu, NULL),
	    METE_ERANGE);
	assert_error(mete_device_alloc(&small.device, &nowhere, 1, METE_MEMORY_CACHED, METE_WAIT, &cpu, NULL),
	    METE_ERANGE);
	assert_int_equal(small_arena_counters(&small).waited, 0);
	small_arena_end(&small);
}

static void test_where_waiting_is_impossible_the_request_fails_and_is_counted(void **state)
{
	struct platform platform = platform_now();
	struct small_arena small;
	void *all, *cpu;
	(void)state;

	small_arena_start(&small); /* no hooks at all */
	fill(&small, &all);
	assert_error(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, METE_WAIT, &cpu, NULL), METE_ENOMEM);
	assert_int_equal(small_arena_counters(&small).wait_refused, 1);
	assert_ok(mete_device_free(&small.device, all, SMALL_LEN));
	small_arena_end(&small);

	small_arena_start_hooked(&small, &hooks, &platform);
	fill(&small, &all);
	platform.in_interrupt = true;
	assert_error(mete_device_alloc(&small.device, NULL, 1, METE_MEMORY_CACHED, METE_WAIT, &cpu, NULL), METE_ENOMEM);
	assert_int_equal(small_arena_counters(&small).wait_refused, 1);
	assert_ok(mete_device_free(&small.device, all, SMALL_LEN));
	small_arena_end(&small);
}

struct block_waiter {
	pthread_t thread;
	struct mete_pool *pool;
	void *cpu;
	int error;
};

static void *wait_for_block(void *arg)
{
	struct block_waiter *w = arg;

	w->error = mete_pool_alloc(w->pool, METE_WAIT, &w->cpu, NULL);
	return NULL;
}

/* At the hard limit a block that comes back serves the waiter, and so does a higher limit. */
static void test_a_waiter_at_the_hard_limit_is_served(void **state)
{
	(void)state;
	for (int raised = 0; raised < 2; raised++) {
		struct platform platform = platform_now();
		struct small_arena small;
		struct mete_pool pool;
		const struct mete_pool_config config = { .len = 16 };
		void *cpu;
		small_arena_start_hooked(&small, &hooks, &platform);
		assert_ok(mete_pool_init(&pool, &small.device, &config));
		assert_ok(mete_pool_set_hard(&pool, 1));
		assert_ok(mete_pool_alloc(&pool, 0, &cpu, NULL));
		struct block_waiter w = { .pool = &pool };
		assert_int_equal(pthread_create(&w.thread, NULL, wait_for_block, &w), 0);
		until_waiting(&small, 1);
		if (raised)
			assert_ok(mete_pool_set_hard(&pool, 2));
		else
			assert_ok(mete_pool_free(&pool, cpu));
		assert_int_equal(pthread_join(w.thread, NULL), 0);
		assert_ok(w.error);
		assert_ok(mete_pool_free(&pool, w.cpu));
		if (raised)
			assert_ok(mete_pool_free(&pool, cpu));
		assert_ok(mete_pool_fini(&pool));
		small_arena_end(&small);
	}
}

/* Two threads in one class allocator and one arena: nothing is lost, nothing is handed out twice. */
struct churner {
	pthread_t thread;
	struct mete_classes *classes;
	uint32_t seed;
};

static void *churn(void *arg)
{
	struct churner *c = arg;
	unsigned char *live[32] = { 0 };
	size_t len[32] = { 0 };

	for (int i = 0; i < 60000; i++) {
		c->seed = c->seed * 1664525 + 1013904223;
		size_t at = c->seed >> 27;
		if (live[at]) {
			if (live[at][0] != (unsigned char)at || live[at][len[at] - 1] != (unsigned char)at)
				return (void *)(uintptr_t)"another thread wrote into a live object";
			if (mete_classes_free(c->classes, live[at], len[at]))
				return (void *)(uintptr_t)"a live object could not be freed";
			live[at] = NULL;
			continue;
		}
		len[at] = 1 + (c->seed >> 8) % 3000;
		void *cpu;
		if (mete_classes_alloc(c->classes, len[at], i % 3 ? 0 : METE_WAIT, &cpu, NULL))
			continue;
		live[at] = cpu;
		live[at][0] = live[at][len[at] - 1] = (unsigned char)at;
	}
	for (size_t at = 0; at < 32; at++)
		mete_classes_free(c->classes, live[at], len[at] ? len[at] : 1);
	return NULL;
}

static void test_threads_share_one_allocator(void **state)
{
	struct platform platform = platform_now();
	struct small_arena small;
	struct mete_classes classes;
	struct churner churners[4];
	(void)state;

	small_arena_start_hooked(&small, &hooks, &platform);
	assert_ok(mete_classes_init(&classes, &small.device, NULL));
	for (uint32_t i = 0; i < 4; i++) {
		churners[i] = (struct churner){ .classes = &classes, .seed = 20261120u + i };
		assert_int_equal(pthread_create(&churners[i].thread, NULL, churn, &churners[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		void *complaint;
		assert_int_equal(pthread_join(churners[i].thread, &complaint), 0);
		if (complaint)
			fail_msg("%s", (const char *)complaint);
	}
	assert_ok(mete_classes_fini(&classes));
	small_arena_end(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_threads_free_wakes_a_waiter),
		cmocka_unit_test(test_a_sleep_that_ends_early_is_no_harm),
		cmocka_unit_test(test_pages_freed_by_any_class_wake_a_waiter),
		cmocka_unit_test(test_waiters_are_served_first_come_first_served),
		cmocka_unit_test(test_what_can_never_be_is_not_waited_for),
		cmocka_unit_test(test_where_waiting_is_impossible_the_request_fails_and_is_counted),
		cmocka_unit_test(test_a_waiter_at_the_hard_limit_is_served),
		cmocka_unit_test(test_threads_share_one_allocator),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
