/* SPDX-License-Identifier: ISC */
/*
 * The shim's mutex(9), and busdma_lock_mutex(9) over it: locks exclude, mistakes count and do no harm.
 */
#include "busdma_world.h"

#include <sys/lock.h>
#include <sys/mutex.h>

#include <pthread.h>

static void test_a_mutex_knows_its_holder(void **state)
{
	struct mtx m = { 0 };
	(void)state;

	assert_false(mtx_initialized(&m));
	mtx_init(&m, "card0", NULL, MTX_DEF);
	assert_true(mtx_initialized(&m));
	assert_false(mtx_owned(&m));
	mtx_lock(&m);
	assert_true(mtx_owned(&m));
	assert_false(mtx_recursed(&m));
	mtx_unlock(&m);
	assert_false(mtx_owned(&m));
	assert_true(mtx_trylock(&m));
	assert_true(mtx_owned(&m));
	mtx_assert(&m, MA_OWNED | MA_NOTRECURSED);
	mtx_unlock(&m);
	mtx_assert(&m, MA_NOTOWNED);
	mtx_lock_spin(&m);
	mtx_unlock_spin(&m);
	assert_int_equal(m.mtx_mistakes, 0);
	mtx_destroy(&m);
	assert_false(mtx_initialized(&m));
}

static void test_a_recursive_mutex_is_free_after_the_last_unlock(void **state)
{
	struct mtx m;
	(void)state;

	mtx_init(&m, NULL, NULL, MTX_DEF | MTX_RECURSE);
	mtx_lock(&m);
	mtx_lock(&m);
	assert_true(mtx_trylock(&m));
	mtx_assert(&m, MA_OWNED | MA_RECURSED);
	mtx_unlock(&m);
	mtx_unlock(&m);
	assert_true(mtx_owned(&m));
	assert_false(mtx_recursed(&m));
	mtx_unlock(&m);
	assert_false(mtx_owned(&m));
	assert_int_equal(m.mtx_mistakes, 0);
	mtx_destroy(&m);
}

/* What panics there; here each does nothing but count, except that one more lock wants one more unlock. */
static void test_mistakes_with_a_mutex_are_counted(void **state)
{
	struct mtx m = { 0 };
	(void)state;

	mtx_lock(&m); /* before mtx_init() */
	mtx_unlock(&m);
	assert_false(mtx_trylock(&m));
	mtx_destroy(&m);
	assert_int_equal(m.mtx_mistakes, 4);

	mtx_init(&m, "card0", NULL, MTX_DEF);
	mtx_unlock(&m); /* nobody holds it */
	assert_int_equal(m.mtx_mistakes, 1);
	mtx_lock(&m);
	mtx_lock(&m); /* it may not recurse */
	assert_int_equal(m.mtx_mistakes, 2);
	assert_false(mtx_trylock(&m)); /* this only asks */
	mtx_assert(&m, MA_NOTOWNED);
	mtx_assert(&m, MA_OWNED | MA_NOTRECURSED);
	assert_int_equal(m.mtx_mistakes, 4);
	mtx_destroy(&m); /* held twice */
	assert_int_equal(m.mtx_mistakes, 5);
	assert_true(mtx_initialized(&m));
	mtx_unlock(&m);
	assert_true(mtx_owned(&m));
	mtx_assert(&m, MA_RECURSED);
	mtx_destroy(&m); /* held once: as the manual allows */
	assert_int_equal(m.mtx_mistakes, 6);
	assert_false(mtx_initialized(&m));
}

struct guest {
	struct mtx *m;
	int got, owned;
	unsigned mistakes;
};

static void *be_another(void *arg)
{
	struct guest *guest = arg;

	guest->owned = mtx_owned(guest->m);
	guest->got = mtx_trylock(guest->m);
	mtx_unlock(guest->m);
	mtx_destroy(guest->m);
	guest->mistakes = guest->m->mtx_mistakes;
	return NULL;
}

static void test_another_thread_can_neither_take_nor_free_it(void **state)
{
	struct mtx m;
	struct guest guest = { .m = &m };
	pthread_t thread;
	(void)state;

	mtx_init(&m, "card0", NULL, MTX_DEF);
	mtx_lock(&m);
	assert_int_equal(pthread_create(&thread, NULL, be_another, &guest), 0);
	pthread_join(thread, NULL);
	assert_false(guest.owned || guest.got);
	assert_int_equal(guest.mistakes, 2); /* the unlock and the destruction */
	assert_true(mtx_owned(&m));
	mtx_unlock(&m);
	mtx_destroy(&m);
}

struct counter {
	struct mtx m;
	unsigned n;
};

static void *count_up(void *arg)
{
	struct counter *counter = arg;

	for (int i = 0; i < 20000; i++) {
		mtx_lock(&counter->m);
		counter->n++;
		mtx_unlock(&counter->m);
	}
	return NULL;
}

static void test_a_mutex_excludes(void **state)
{
	struct counter counter = { .n = 0 };
	pthread_t thread[3];
	(void)state;

	mtx_init(&counter.m, "counter", NULL, MTX_DEF);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_up, &counter), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(counter.n, 60000);
	mtx_destroy(&counter.m);
}

static struct mtx card;

static void under_the_mutex(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	assert_true(mtx_owned(&card));
	callback(arg, segs, nsegs, error);
}

static void test_busdma_lock_mutex_holds_the_drivers_mutex(void **state)
{
	struct told told[2] = { { 0 } };
	bus_dma_tag_t tag = NULL;
	(void)state;

	start_scarce();
	mtx_init(&card, "card0", NULL, MTX_DEF);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 8192, 1, 8192,
	    0, busdma_lock_mutex, &card, &tag), 0);
	bus_dmamap_t full = map_of(tag), map = map_of(tag);
	unsigned char *buf = world_buffer(&world, 8192);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, under_the_mutex, &told[1], 0), EINPROGRESS);
	bus_dmamap_unload(tag, full);
	assert_int_equal(told[1].ncalls, 1);
	assert_false(mtx_owned(&card));
	assert_int_equal(card.mtx_mistakes, 0);
	bus_dmamap_unload(tag, map);
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	drop(tag, map);
	mtx_destroy(&card);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mutex_knows_its_holder),
		cmocka_unit_test(test_a_recursive_mutex_is_free_after_the_last_unlock),
		cmocka_unit_test(test_mistakes_with_a_mutex_are_counted),
		cmocka_unit_test(test_another_thread_can_neither_take_nor_free_it),
		cmocka_unit_test(test_a_mutex_excludes),
		cmocka_unit_test(test_busdma_lock_mutex_holds_the_drivers_mutex),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
