/* SPDX-License-Identifier: ISC */
/*
 * FreeBSD's deferred loads: who waits, for what, in which order, and who runs the callbacks.
 */
#include "busdma_world.h"

#include <pthread.h>

static void test_deferred_loads_are_served_first_come_first_served(void **state)
{
	struct told told[4] = { { 0 } };
	bus_dmamap_t map[4];
	unsigned char *buf[4];
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 4, 8192);
	for (int i = 0; i < 4; i++) {
		map[i] = map_of(tag);
		buf[i] = world_buffer(&world, 8192);
		fill(buf[i], 8192, (unsigned)i);
	}
	/* The first takes three grains of four; the second wants two, the third one: it may not overtake. */
	assert_int_equal(bus_dmamap_load(tag, map[0], buf[0], 6144, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map[1], buf[1], 4096, callback, &told[1], BUS_DMA_WAITOK), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[2], buf[2], 2048, callback, &told[2], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[3], buf[3], 2048, callback, &told[3], BUS_DMA_NOWAIT), ENOMEM);
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 2);
	assert_int_equal(mete_bounce_used(&world.bounce), 1);
	assert_int_equal(told[1].ncalls + told[2].ncalls + told[3].ncalls, 0);
	assert_int_equal(bus_dmamap_destroy(tag, map[1]), EBUSY);
	assert_int_equal(bus_dmamap_load(tag, map[1], buf[1], 1, callback, &told[1], 0), EINVAL);
	/* What needs no stand-in is held up by nobody. */
	assert_int_equal(bus_dmamap_load(tag, map[3], world.small.memory + 0x20000, 100, callback, &told[3], 0), 0);
	assert_int_equal(told[3].ncalls, 1);
	assert_int_equal(mete_freebsd_bus_pump(&bus), 0);

	bus_dmamap_unload(tag, map[3]); /* frees nothing */
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 2);
	bus_dmamap_unload(tag, map[0]);
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 0);
	assert_int_equal(told[1].place, 1);
	assert_int_equal(told[2].place, 2);
	assert_int_equal(lock_depth, 0);
	assert_int_equal(lock_most, 1);
	for (int i = 1; i < 3; i++) {
		unsigned char seen[4096];
		size_t len = i == 1 ? 4096 : 2048;
		assert_int_equal(told[i].error, 0);
		assert_int_equal(total(told[i].segs, told[i].nsegs), len);
		bus_dmamap_sync(tag, map[i], BUS_DMASYNC_PREWRITE);
		device_gets(told[i].segs, told[i].nsegs, seen);
		assert_true(filled(seen, len, (unsigned)i));
		bus_dmamap_unload(tag, map[i]);
	}
	for (int i = 1; i < 4; i++)
		assert_int_equal(bus_dmamap_destroy(tag, map[i]), 0);
	drop(tag, map[0]);
	end();
}

static void test_loads_wait_for_iova_too(void **state)
{
	struct told told[3] = { { 0 } };
	(void)state;

	start(WORLD_IOVA_WAY);
	bus_dma_tag_t tag = tag_of(WORLD_PAGES * 4096, 1, BUS_SPACE_MAXSIZE);
	bus_dmamap_t map[3] = { map_of(tag), map_of(tag), map_of(tag) };
	assert_int_equal(bus_dmamap_load(tag, map[0], world.small.memory, 40 * 4096, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map[1], world.small.memory, 40 * 4096, callback, &told[1], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[2], world.small.memory, 4096, callback, &told[2], 0), EINPROGRESS);
	bus_dmamap_unload(tag, map[0]);
	assert_int_equal(told[1].place, 1);
	assert_int_equal(told[2].place, 2);
	assert_int_equal(world_pages(&world), 41);
	bus_dmamap_unload(tag, map[1]);
	bus_dmamap_unload(tag, map[2]);
	assert_int_equal(bus_dmamap_destroy(tag, map[0]), 0);
	assert_int_equal(bus_dmamap_destroy(tag, map[1]), 0);
	drop(tag, map[2]);
	end();
}

static void test_what_may_not_be_deferred_fails(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t tag[3];
	bus_dmamap_t map[3], full;
	(void)state;

	start_scarce();
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, 0, lockfunc, &lock_depth,
	    &tag[0]), 0);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, BUS_DMA_ALLOCNOW, lockfunc,
	    &lock_depth, &tag[1]), 0);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, 0, NULL, NULL, &tag[2]), 0);
	full = map_of(tag[0]);
	unsigned char *buf = world_buffer(&world, 8192);
	assert_int_equal(bus_dmamap_load(tag[0], full, buf, 8192, callback, &told, 0), 0);
	for (int i = 0; i < 3; i++) {
		map[i] = map_of(tag[i]);
		assert_int_equal(bus_dmamap_load(tag[i], map[i], buf, 1, callback, &told, i ? 0 : BUS_DMA_NOWAIT), ENOMEM);
	}
	assert_int_equal(told.ncalls, 1);
	bus_dmamap_unload(tag[0], full);
	/* It was for the moment only. */
	assert_int_equal(bus_dmamap_load(tag[2], map[2], buf, 1, callback, &told, 0), 0);
	assert_int_equal(bus_dmamap_destroy(tag[0], full), 0);
	for (int i = 0; i < 3; i++)
		drop(tag[i], map[i]);
	end();
}

static void test_a_deferred_load_can_be_cancelled(void **state)
{
	struct told told[3] = { { 0 } };
	bus_dmamap_t map[3];
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	for (int i = 0; i < 3; i++)
		map[i] = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, map[0], buf, 6144, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map[1], buf, 8192, callback, &told[1], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[2], buf, 2048, callback, &told[2], 0), EINPROGRESS);
	bus_dmamap_unload(tag, map[1]);
	assert_int_equal(told[1].ncalls, 0);
	assert_int_equal(told[2].ncalls, 1); /* there was room for it all the time */
	assert_int_equal(bus_dmamap_destroy(tag, map[1]), 0);
	bus_dmamap_unload(tag, map[2]);
	assert_int_equal(bus_dmamap_destroy(tag, map[2]), 0);
	drop(tag, map[0]);
	assert_int_equal(told[1].ncalls, 0);
	end();
}

static void test_a_deferred_load_that_cannot_be_is_told(void **state)
{
	struct told told[2] = { { 0 } };
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(tag), map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, callback, &told[1], 0), EINPROGRESS);
	/* Meanwhile the device is limited so that no stand-in will do. */
	static const struct mete_constraint none = { .first = WORLD_BUS + SMALL_LEN };
	assert_ok(mete_device_limit(&world.device, METE_USE_STREAMING, &none));
	bus_dmamap_unload(tag, full);
	assert_int_equal(told[1].ncalls, 1);
	assert_int_equal(told[1].error, EINVAL);
	assert_int_equal(told[1].nsegs, 0);
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	drop(tag, map);
	end();
}

/* A lock function that, as another thread could, unloads or cancels something at that very moment. */
struct meddler {
	bus_dma_tag_t tag;
	bus_dmamap_t map;
	bus_dma_lock_op_t when;
	int depth;
};

static void meddle(void *arg, bus_dma_lock_op_t op)
{
	struct meddler *m = arg;

	m->depth += op == BUS_DMA_LOCK ? 1 : -1;
	if (op == m->when && m->map) {
		bus_dmamap_t map = m->map;
		m->map = NULL;
		bus_dmamap_unload(m->tag, map);
	}
}

static void test_what_is_unloaded_while_a_pump_runs_is_not_missed(void **state)
{
	struct meddler m = { .when = BUS_DMA_UNLOCK };
	struct told told[3] = { { 0 } };
	(void)state;

	start_scarce();
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, 0, meddle, &m, &m.tag), 0);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t a = map_of(m.tag), b = map_of(m.tag), c = map_of(m.tag);
	assert_int_equal(bus_dmamap_load(m.tag, a, buf, 2048, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(m.tag, b, buf, 2048, callback, &told[1], 0), 0);
	assert_int_equal(bus_dmamap_load(m.tag, c, buf, 8192, callback, &told[2], 0), EINPROGRESS);
	m.map = b; /* unloaded after the turn that `a` makes room for, but not enough */
	bus_dmamap_unload(m.tag, a);
	assert_int_equal(told[2].ncalls, 1);
	assert_int_equal(told[2].error, 0);
	bus_dmamap_unload(m.tag, c);
	assert_int_equal(bus_dmamap_destroy(m.tag, a), 0);
	assert_int_equal(bus_dmamap_destroy(m.tag, b), 0);
	drop(m.tag, c);
	end();
}

static struct meddler *second;

static void under_the_second_lock(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	callback(arg, segs, nsegs, error);
	assert_int_equal(second->depth, 1);
}

static void test_a_callback_runs_under_its_own_lock(void **state)
{
	struct meddler m[2] = { { .when = BUS_DMA_LOCK }, { .when = BUS_DMA_LOCK } };
	struct told told[3] = { { 0 } };
	(void)state;

	start_scarce();
	for (int i = 0; i < 2; i++)
		assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 8192, 1, 8192, 0, meddle, &m[i],
		    &m[i].tag), 0);
	second = &m[1];
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(m[0].tag), first = map_of(m[0].tag), next = map_of(m[1].tag);
	assert_int_equal(bus_dmamap_load(m[0].tag, full, buf, 8192, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(m[0].tag, first, buf, 100, callback, &told[1], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(m[1].tag, next, buf, 100, under_the_second_lock, &told[2], 0), EINPROGRESS);
	m[0].map = first; /* cancelled when the pump has its lock at last */
	bus_dmamap_unload(m[0].tag, full);
	assert_int_equal(told[1].ncalls, 0);
	assert_int_equal(told[2].ncalls, 1);
	bus_dmamap_unload(m[1].tag, next);
	assert_int_equal(bus_dmamap_destroy(m[0].tag, full), 0);
	drop(m[0].tag, first);
	drop(m[1].tag, next);
	end();
}

/* What wants more than there is fails when nobody holds anything: at once, or when its turn comes. */
static void test_what_wants_more_than_there_is_does_not_wait_for_ever(void **state)
{
	struct told told[3] = { { 0 } };
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(12288, 8, 8192);
	unsigned char *buf = world_buffer(&world, 12288);
	bus_dmamap_t map = map_of(tag), one = map_of(tag), behind = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 12288, callback, &told[0], 0), ENOMEM);
	assert_int_equal(bus_dmamap_load(tag, one, buf, 2048, callback, &told[1], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 12288, callback, &told[0], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, behind, buf, 2048, callback, &told[2], 0), EINPROGRESS);
	assert_int_equal(told[0].ncalls + told[2].ncalls, 0);
	bus_dmamap_unload(tag, one);
	assert_int_equal(told[0].ncalls, 1);
	assert_int_equal(told[0].error, ENOMEM);
	assert_int_equal(told[0].nsegs, 0);
	assert_int_equal(told[2].ncalls, 1);
	assert_int_equal(told[2].error, 0);
	bus_dmamap_unload(tag, behind);
	assert_int_equal(bus_dmamap_destroy(tag, behind), 0);
	assert_int_equal(bus_dmamap_destroy(tag, one), 0);
	drop(tag, map);
	assert_int_equal(bus.nbusy, 0);
	end();
}

/* The application's own thread pumps, as a software interrupt would: the driver unloads with its lock held. */
struct swi {
	pthread_mutex_t word, lock; /* of the two below; the driver's */
	pthread_cond_t said;
	bool asked, over;
};

static struct swi swi;

static void swi_later(void *ctx)
{
	struct swi *s = ctx;

	pthread_mutex_lock(&s->word);
	s->asked = true;
	pthread_cond_signal(&s->said);
	pthread_mutex_unlock(&s->word);
}

static void *swi_thread(void *arg)
{
	struct swi *s = arg;

	pthread_mutex_lock(&s->word);
	while (!s->over) {
		if (!s->asked) {
			pthread_cond_wait(&s->said, &s->word);
			continue;
		}
		s->asked = false;
		pthread_mutex_unlock(&s->word);
		mete_freebsd_bus_pump(&bus);
		pthread_mutex_lock(&s->word);
	}
	pthread_mutex_unlock(&s->word);
	return NULL;
}

static void swi_lock(void *arg, bus_dma_lock_op_t op)
{
	pthread_mutex_t *lock = arg;

	if (op == BUS_DMA_LOCK)
		pthread_mutex_lock(lock);
	else
		pthread_mutex_unlock(lock);
}

/* Where the guard is the platform's lock. */
static pthread_mutex_t guard_mutex = PTHREAD_MUTEX_INITIALIZER;

static void guard_take(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&guard_mutex);
}

static void guard_drop(void *ctx)
{
	(void)ctx;
	pthread_mutex_unlock(&guard_mutex);
}

static void swi_loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	bool *loaded = arg;
	(void)segs;

	if (error == 0 && nsegs == 1)
		*loaded = true;
}

static void test_another_thread_runs_callbacks_under_the_lock(void **state)
{
	enum { NMAPS = 8, NROUNDS = 2000 };
	bus_dmamap_t map[NMAPS];
	bool loaded[NMAPS] = { false }, busy[NMAPS] = { false };
	pthread_t thread;
	bus_dma_tag_t tag;
	int ndeferred_loads = 0, nserved = 0;
	(void)state;

	if (METE_GUARD == 0)
		return; /* built for one thread */
	start_scarce();
	world.small.arena.provider.hooks.lock = guard_take;
	world.small.arena.provider.hooks.unlock = guard_drop;
	assert_ok(mete_freebsd_bus_fini(&bus));
	assert_ok(mete_freebsd_bus_init(&bus, &world.device, swi_later, &swi));
	memset(&swi, 0, sizeof swi);
	pthread_mutex_init(&swi.word, NULL);
	pthread_mutex_init(&swi.lock, NULL);
	pthread_cond_init(&swi.said, NULL);
	assert_int_equal(pthread_create(&thread, NULL, swi_thread, &swi), 0);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 4096, 1, 4096, 0,
	    swi_lock, &swi.lock, &tag), 0);
	unsigned char *buf = world_buffer(&world, 4096);
	for (int i = 0; i < NMAPS; i++)
		map[i] = map_of(tag);
	for (int round = 0; round < NROUNDS;) {
		pthread_mutex_lock(&swi.lock);
		for (int i = 0; i < NMAPS; i++) {
			if (busy[i] && loaded[i]) {
				bus_dmamap_unload(tag, map[i]);
				busy[i] = loaded[i] = false;
				nserved++;
				round++;
			} else if (!busy[i]) {
				int error = bus_dmamap_load(tag, map[i], buf, i % 2 ? 4096 : 100, swi_loaded, &loaded[i], 0);
				busy[i] = error == 0 || error == EINPROGRESS;
				ndeferred_loads += error == EINPROGRESS;
			}
		}
		pthread_mutex_unlock(&swi.lock);
	}
	/* The rest is cancelled or unloaded. */
	pthread_mutex_lock(&swi.lock);
	for (int i = 0; i < NMAPS; i++) {
		bus_dmamap_unload(tag, map[i]);
		assert_int_equal(bus_dmamap_destroy(tag, map[i]), 0);
	}
	pthread_mutex_unlock(&swi.lock);
	pthread_mutex_lock(&swi.word);
	swi.over = true;
	pthread_cond_signal(&swi.said);
	pthread_mutex_unlock(&swi.word);
	pthread_join(thread, NULL);
	pthread_mutex_destroy(&swi.word);
	pthread_mutex_destroy(&swi.lock);
	pthread_cond_destroy(&swi.said);
	assert_true(ndeferred_loads > 0 && nserved >= NROUNDS);
	assert_int_equal(bus.nbusy, 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end();
}

static int nlater;

static void later(void *ctx)
{
	assert_ptr_equal(ctx, &world);
	nlater++;
}

static void test_the_application_may_run_callbacks_itself(void **state)
{
	struct told told[2] = { { 0 } };
	(void)state;

	start_scarce();
	assert_ok(mete_freebsd_bus_fini(&bus));
	assert_ok(mete_freebsd_bus_init(&bus, &world.device, later, &world));
	nlater = 0;
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(tag), map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, callback, &told[1], 0), EINPROGRESS);
	assert_int_equal(nlater, 0);
	bus_dmamap_unload(tag, full);
	assert_int_equal(nlater, 1);
	assert_int_equal(told[1].ncalls, 0);
	assert_int_equal(mete_freebsd_bus_pump(&bus), 1);
	assert_int_equal(told[1].ncalls, 1);
	assert_int_equal(mete_freebsd_bus_pump(&bus), 0);
	bus_dmamap_unload(tag, map);
	assert_int_equal(nlater, 1); /* nobody waited */
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	drop(tag, map);
	end();
}

/* A callback that unloads at once lets the next one run, after it and not inside it. */
struct chain {
	bus_dma_tag_t tag;
	bus_dmamap_t map;
	int ncalls, depth;
};

static int chain_depth;

static void unload_at_once(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct chain *chain = arg;
	(void)segs;
	(void)nsegs;

	assert_int_equal(error, 0);
	chain->depth = ++chain_depth;
	chain->ncalls++;
	bus_dmamap_unload(chain->tag, chain->map);
	chain_depth--;
}

static void test_callbacks_do_not_nest(void **state)
{
	struct chain chain[3];
	struct told told = { 0 };
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(tag);
	chain_depth = 0;
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told, 0), 0);
	for (int i = 0; i < 3; i++) {
		chain[i] = (struct chain){ tag, map_of(tag), 0, 0 };
		assert_int_equal(bus_dmamap_load(tag, chain[i].map, buf, 8192, unload_at_once, &chain[i], 0), EINPROGRESS);
	}
	bus_dmamap_unload(tag, full);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(chain[i].ncalls, 1);
		assert_int_equal(chain[i].depth, 1);
		assert_int_equal(bus_dmamap_destroy(tag, chain[i].map), 0);
	}
	drop(tag, full);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deferred_loads_are_served_first_come_first_served),
		cmocka_unit_test(test_loads_wait_for_iova_too),
		cmocka_unit_test(test_what_may_not_be_deferred_fails),
		cmocka_unit_test(test_a_deferred_load_can_be_cancelled),
		cmocka_unit_test(test_a_deferred_load_that_cannot_be_is_told),
		cmocka_unit_test(test_what_is_unloaded_while_a_pump_runs_is_not_missed),
		cmocka_unit_test(test_a_callback_runs_under_its_own_lock),
		cmocka_unit_test(test_what_wants_more_than_there_is_does_not_wait_for_ever),
		cmocka_unit_test(test_another_thread_runs_callbacks_under_the_lock),
		cmocka_unit_test(test_the_application_may_run_callbacks_itself),
		cmocka_unit_test(test_callbacks_do_not_nest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
