/* SPDX-License-Identifier: ISC */
/*
 * dma_alloc(9) and dma_free(9) as a driver calls them, from the native header.
 */
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <sys/types.h>
#include <sys/pool.h>
#include <uvm/uvm_extern.h>

#include <mete/host.h>

#include "small_arena.h"

static struct mete_openbsd here;
METE_OPENBSD_HERE(here);

static void start(struct small_arena *small)
{
	small_arena_start(small);
	assert_ok(mete_openbsd_init(&here, &small->arena.provider, NULL));
}

static void end(struct small_arena *small)
{
	assert_ok(mete_openbsd_fini(&here));
	small_arena_end(small);
}

static void test_every_size_up_to_64k_is_served_and_naturally_aligned(void **state)
{
	struct small_arena small;
	(void)state;

	start(&small);
	for (size_t size = 1; size <= 65536; size += 1 + size / 7) {
		size_t class = 16;
		while (class < size)
			class *= 2;
		void *m = dma_alloc(size, PR_NOWAIT);
		assert_non_null(m);
		assert_true((uintptr_t)m % class == 0);
		memset(m, 0x5a, class); /* the whole class is the caller's */
		dma_free(m, size);
	}
	end(&small);
}

static void test_more_than_64k_fails_even_if_it_may_wait(void **state)
{
	struct small_arena small;
	(void)state;

	start(&small);
	assert_null(dma_alloc(65537, PR_NOWAIT));
	assert_null(dma_alloc(65537, PR_WAITOK));
	assert_null(dma_alloc(SIZE_MAX, PR_WAITOK | PR_ZERO));
	assert_int_equal(small_arena_counters(&small).bad_argument, 3);
	end(&small);
}

static void test_size_0_is_a_real_object_of_16_bytes(void **state)
{
	struct small_arena small;
	void *a, *b;
	(void)state;

	start(&small);
	a = dma_alloc(0, PR_NOWAIT);
	b = dma_alloc(0, PR_NOWAIT | PR_ZERO);
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	memset(a, 1, 16);
	assert_int_equal(((unsigned char *)b)[0], 0);
	dma_free(a, 0);
	dma_free(b, 16);
	assert_int_equal(small_arena_counters(&small).wrong_size, 0);
	end(&small);
}

static void test_zero_clears_the_whole_class(void **state)
{
	struct small_arena small;
	unsigned char *m;
	(void)state;

	start(&small);
	memset(small.memory, 0xa5, SMALL_LEN);
	m = dma_alloc(300, PR_NOWAIT | PR_ZERO);
	assert_non_null(m);
	for (size_t i = 0; i < 512; i++)
		assert_int_equal(m[i], 0);
	dma_free(m, 300);
	end(&small);
}

/* OpenBSD returns silently from an oversize free and leaks; here the mistake shows in a counter. */
static void test_bad_frees_do_nothing_but_count(void **state)
{
	struct small_arena small;
	unsigned char *m, *other;
	(void)state;

	start(&small);
	m = dma_alloc(100, PR_NOWAIT);
	assert_non_null(m);
	dma_free(m, 65537);          /* oversize */
	dma_free(m, SIZE_MAX);
	dma_free(m, 16);             /* another class */
	dma_free(m, 300);
	dma_free(m + 16, 100);       /* interior */
	dma_free(&small, 100);       /* foreign */
	dma_free(NULL, 100);         /* OpenBSD panics */
	struct mete_counters counters = small_arena_counters(&small);
	assert_int_equal(counters.bad_argument, 2);
	assert_int_equal(counters.wrong_size, 2);
	assert_int_equal(counters.bad_address, 2);

	/* It is still the caller's: nobody else gets it. */
	other = dma_alloc(100, PR_NOWAIT);
	assert_non_null(other);
	assert_ptr_not_equal(other, m);
	dma_free(other, 100);
	dma_free(m, 100);
	dma_free(m, 100);            /* twice */
	assert_int_equal(small_arena_counters(&small).double_free, 1);
	end(&small);
}

static void test_another_size_of_the_same_class_may_be_freed(void **state)
{
	struct small_arena small;
	(void)state;

	start(&small);
	void *m = dma_alloc(65, PR_NOWAIT);
	dma_free(m, 128);
	assert_int_equal(small_arena_counters(&small).wrong_size, 0);
	end(&small);
}

/* OpenBSD's first dma_alloc(65536) needs 512 KiB in one piece; here one object's worth is enough. */
static void test_64k_needs_no_more_than_64k_in_one_piece(void **state)
{
	struct small_arena small;
	void *run[SMALL_LEN / 65536], *m;
	const size_t n = SMALL_LEN / 65536;
	(void)state;

	start(&small);
	for (size_t i = 0; i < n; i++)
		assert_ok(mete_device_alloc(&small.device, NULL, 65536, METE_MEMORY_CACHED, 0, &run[i], NULL));
	assert_null(dma_alloc(65536, PR_NOWAIT));
	assert_ok(mete_device_free(&small.device, run[3], 65536));
	m = dma_alloc(65536, PR_NOWAIT);
	assert_ptr_equal(m, run[3]);
	dma_free(m, 65536);
	for (size_t i = 0; i < n; i++) {
		if (i != 3)
			assert_ok(mete_device_free(&small.device, run[i], 65536));
	}
	end(&small);
}

static void test_nowait_fails_when_memory_is_used_up(void **state)
{
	struct small_arena small;
	void *m[SMALL_LEN / 4096 + 1];
	size_t n = 0;
	(void)state;

	start(&small);
	while ((m[n] = dma_alloc(4096, PR_NOWAIT)) != NULL)
		n++;
	assert_int_equal(n, SMALL_LEN / 4096);
	assert_null(dma_alloc(16, PR_NOWAIT | PR_ZERO));
	assert_int_equal(small_arena_counters(&small).failed, 2);
	while (n)
		dma_free(m[--n], 4096);
	end(&small);
}

struct waiter {
	pthread_t thread;
	int flags;
	size_t size;
	void *m;
};

static void *wait_for_memory(void *arg)
{
	struct waiter *w = arg;
	w->m = dma_alloc(w->size, w->flags);
	return NULL;
}

static unsigned long waited(struct mete_provider *p)
{
	struct mete_counters counters;
	mete_provider_counters(p, &counters);
	return counters.waited;
}

/* PR_WAITOK, and no flag at all, wait until another thread frees; the size and class may differ. */
static void test_waitok_waits_for_another_threads_free(void **state)
{
	static const int flags[] = { PR_WAITOK, PR_WAITOK | PR_ZERO, 0, PR_WAITOK | PR_NOWAIT };
	const struct mete_host_config config = { .large = 1 << 20, .small = 1 << 20, .tiny = 1 << 20 };
	struct mete_host *host;
	(void)state;

	assert_ok(mete_host_create(&config, &host));
	struct mete_provider *p = mete_host_provider(host);
	assert_ok(mete_openbsd_init(&here, p, NULL));
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		struct waiter w = { .flags = flags[i], .size = 65536 };
		void *m[513];
		size_t n = 0;
		while ((m[n] = dma_alloc(4096, PR_NOWAIT)) != NULL)
			n++;
		assert_int_equal(n, 512); /* what lies below 4 GiB */
		unsigned long before = waited(p);
		assert_int_equal(pthread_create(&w.thread, NULL, wait_for_memory, &w), 0);
		while (waited(p) == before)
			sched_yield();
		while (n)
			dma_free(m[--n], 4096);
		assert_int_equal(pthread_join(w.thread, NULL), 0);
		assert_non_null(w.m);
		dma_free(w.m, 65536);
	}
	assert_ok(mete_openbsd_fini(&here));
	assert_ok(mete_host_destroy(host));
}

static void test_memory_lies_within_the_constraint(void **state)
{
	static const struct mete_constraint isa = { .last = 0xffffff };
	struct mete_host *host;
	mete_paddr phys;
	size_t len;
	(void)state;

	assert_ok(mete_host_create(NULL, &host));
	struct mete_provider *p = mete_host_provider(host);
	const struct mete_constraint *constraints[] = { NULL, &isa };
	for (int i = 0; i < 2; i++) {
		assert_ok(mete_openbsd_init(&here, p, constraints[i]));
		for (size_t size = 16; size <= 65536; size *= 2) {
			void *m = dma_alloc(size, PR_NOWAIT);
			assert_non_null(m);
			assert_ok(p->ops->translate(p->ctx, m, size, &phys, &len));
			assert_int_equal(len, size);
			assert_true(phys + size - 1 <= (i ? 0xffffffu : 0xffffffffu));
			dma_free(m, size);
		}
		assert_ok(mete_openbsd_fini(&here));
	}
	assert_ok(mete_host_destroy(host));
}

static void test_before_init_there_is_no_memory(void **state)
{
	int x;
	(void)state;

	assert_null(dma_alloc(16, PR_WAITOK));
	assert_null(dma_alloc(16, PR_NOWAIT));
	dma_free(&x, 16);
	assert_ok(mete_openbsd_fini(&here));
	assert_error(mete_openbsd_init(NULL, NULL, NULL), METE_EINVAL);
	assert_error(mete_openbsd_init(&here, NULL, NULL), METE_EINVAL);
	assert_null(dma_alloc(16, PR_NOWAIT));
}

static void test_fini_is_refused_while_memory_is_out(void **state)
{
	struct small_arena small;
	(void)state;

	start(&small);
	void *m = dma_alloc(16, PR_NOWAIT);
	assert_error(mete_openbsd_fini(&here), METE_EBUSY);
	dma_free(m, 16);

	/* A pool that is left keeps the face up, too: what it says is what it does, however often it is asked. */
	for (int dma = 0; dma < 2; dma++) {
		struct pool pp;
		pool_init(&pp, 100, 0, 0, 0, "left", NULL);
		if (dma)
			pool_set_constraints(&pp, &kp_dma_contig);
		assert_error(mete_openbsd_fini(&here), METE_EBUSY);
		assert_error(mete_openbsd_fini(&here), METE_EBUSY);
		m = dma_alloc(16, PR_NOWAIT);
		assert_non_null(m);
		dma_free(m, 16);
		pool_destroy(&pp);
	}
	end(&small);
}

/* Every allocation of the provider fails once, at its turn: NULL comes back, and nothing is lost. */
static void test_each_failure_of_the_provider_is_survived(void **state)
{
	struct small_arena small;
	(void)state;

	start(&small);
	for (int what = 0; what < 2; what++) {
		size_t *fail = what ? &small.fail_records : &small.fail_takes;
		for (size_t n = 0;; n++) {
			size_t records = small.nrecords, bytes = mete_arena_free(&small.arena);
			*fail = n;
			void *m = dma_alloc(1000, PR_NOWAIT);
			*fail = SIZE_MAX;
			if (m) {
				dma_free(m, 1000);
				mete_provider_reclaim(&small.arena.provider);
				break;
			}
			assert_int_equal(small.nrecords, records);
			assert_int_equal(mete_arena_free(&small.arena), bytes);
			assert_true(n < 100);
		}
	}
	end(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_init_there_is_no_memory),
		cmocka_unit_test(test_every_size_up_to_64k_is_served_and_naturally_aligned),
		cmocka_unit_test(test_more_than_64k_fails_even_if_it_may_wait),
		cmocka_unit_test(test_size_0_is_a_real_object_of_16_bytes),
		cmocka_unit_test(test_zero_clears_the_whole_class),
		cmocka_unit_test(test_bad_frees_do_nothing_but_count),
		cmocka_unit_test(test_another_size_of_the_same_class_may_be_freed),
		cmocka_unit_test(test_64k_needs_no_more_than_64k_in_one_piece),
		cmocka_unit_test(test_nowait_fails_when_memory_is_used_up),
		wide_unit_test(test_waitok_waits_for_another_threads_free),
		wide_unit_test(test_memory_lies_within_the_constraint),
		cmocka_unit_test(test_fini_is_refused_while_memory_is_out),
		cmocka_unit_test(test_each_failure_of_the_provider_is_survived),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
