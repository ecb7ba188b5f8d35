/* SPDX-License-Identifier: ISC */
/*
 * FreeBSD's deferred loads under stress: threads load, unload and cancel over a bounce area that is far too small.
 *
 * Each actor is a driver: a thread, a tag whose lock function takes the actor's mutex, and maps.  Each step takes a map at
 * random, its own or another's, and loads it if it is empty; else unloads it, or cancels the load that waits.  Times of
 * unloading alone let the line become empty now and then.  Two manners:
 *
 *   swi      as in FreeBSD: drivers call with their lock held, and a thread of its own runs the callbacks
 *   inline   drivers call without their lock, and whoever unloads runs the callbacks; nothing is cancelled, and an actor's
 *            loads are its own thread's, so that they have an order
 *
 * Promises, looked at by every thread at every step:
 *
 *   - a deferred load gets one callback, under its lock, or none if it was cancelled; any other gets one before it returns,
 *     or an error
 *   - the deferred loads of an actor are served in the order in which they were made, and no other overtakes them
 *   - a load's stand-ins are its own: the device finds the buffer's byte there
 *   - with nothing loaded nobody waits, though nobody but an unload asked for the line to be looked at
 *
 * Threads must not fail a test themselves; they write down what was wrong, and the test says it.
 */
#include "busdma_world.h"

#include <sys/lock.h>
#include <sys/mutex.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { NACTORS = 4, NMAPS = 6, GRAIN = 2048, MAP_LEN = 8192, STEPS = 20000, PERIOD = 100 };

enum map_is { EMPTY, LOADING, WAITING, LOADED, ENDING };

struct actor;

struct slot {
	struct actor *actor;
	bus_dmamap_t map;
	unsigned char *buf;     /* of MAP_LEN bytes, all of this slot's own value */
	unsigned char value;
	enum map_is is;         /* this and all below: under the actor's mutex */
	unsigned long turn;     /* the place of its load among the actor's */
	unsigned ncalls;        /* of this load */
};

struct actor {
	struct mtx lock;
	bus_dma_tag_t tag;
	struct slot slot[NMAPS];
	unsigned long turns, served; /* loads so far; the last deferred one whose callback ran */
	unsigned long nwaited, ncancelled, nnow;
	uint64_t seed;
	const char *wrong; /* the first thing that was; NULL: nothing */
};

static struct actor actors[NACTORS];
static bool inline_callbacks;

static void expect(struct actor *actor, bool is_so, const char *what)
{
	if (!is_so && !actor->wrong)
		actor->wrong = what;
}

static uint64_t draw(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Drivers of the inline manner call bus_dma without their lock. */
static void calls_begin(struct actor *actor)
{
	if (inline_callbacks)
		mtx_unlock(&actor->lock);
}

static void calls_end(struct actor *actor)
{
	if (inline_callbacks)
		mtx_lock(&actor->lock);
}

static void loaded(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	struct slot *slot = arg;
	struct actor *actor = slot->actor;
	bool unlocked = !mtx_owned(&actor->lock);

	if (unlocked)
		mtx_lock(&actor->lock);
	expect(actor, slot->is == LOADING || slot->is == WAITING, "a callback of a map that nothing loads");
	expect(actor, slot->ncalls++ == 0, "two callbacks for one load");
	expect(actor, error == 0 && nsegs > 0, "a load that could be had was refused");
	/* Called by the load itself it is under the lock that the load was, if any. */
	bool deferred = inline_callbacks ? !unlocked : slot->is == WAITING;
	expect(actor, inline_callbacks || !unlocked, "a callback without the lock");
	if (deferred) {
		expect(actor, slot->turn > actor->served, "a callback out of turn");
		actor->served = slot->turn;
	}
	bus_dmamap_sync(actor->tag, slot->map, BUS_DMASYNC_PREWRITE);
	for (int i = 0; i < nsegs; i++) {
		unsigned char ends[2] = { 0 };
		expect(actor, world_read(&world, segs[i].ds_addr, &ends[0], 1) &&
		    world_read(&world, segs[i].ds_addr + segs[i].ds_len - 1, &ends[1], 1), "a segment out of reach");
		expect(actor, ends[0] == slot->value && ends[1] == slot->value, "the device sees another's bytes");
	}
	slot->is = LOADED;
	if (unlocked)
		mtx_unlock(&actor->lock);
}

static bool any_waits(const struct actor *actor)
{
	for (int i = 0; i < NMAPS; i++) {
		if (actor->slot[i].is == WAITING)
			return true;
	}
	return false;
}

/* The actor's mutex is held, and the map empty. */
static void load_slot(struct slot *slot, bus_size_t len, int flags)
{
	struct actor *actor = slot->actor;

	slot->is = LOADING;
	slot->ncalls = 0;
	slot->turn = ++actor->turns;
	bool behind = !inline_callbacks && any_waits(actor); /* the lock is held, so they wait until it is dropped */
	calls_begin(actor);
	int error = bus_dmamap_load(actor->tag, slot->map, slot->buf, len, loaded, slot, flags);
	calls_end(actor);
	if (error == EINPROGRESS) {
		expect(actor, !(flags & BUS_DMA_NOWAIT), "a load that may not wait does");
		actor->nwaited++;
		if (slot->is == LOADING) /* the callback is still to come */
			slot->is = WAITING;
	} else if (error == 0) {
		expect(actor, slot->ncalls == 1, "a load returned 0 before its callback");
		expect(actor, !behind, "a load overtook those that wait");
		actor->nnow++;
	} else {
		expect(actor, error == ENOMEM && slot->ncalls == 0, "an error and a callback");
		expect(actor, flags & BUS_DMA_NOWAIT, "a load that could have waited was refused");
		slot->is = EMPTY;
	}
}

/* The actor's mutex is held, and the map loaded, or waiting. */
static void end_slot(struct slot *slot)
{
	struct actor *actor = slot->actor;

	actor->ncancelled += slot->is == WAITING;
	slot->is = ENDING;
	calls_begin(actor);
	bus_dmamap_unload(actor->tag, slot->map);
	calls_end(actor);
	slot->is = EMPTY;
}

static void step(struct actor *self, bool unloading)
{
	struct actor *actor = draw(&self->seed) % 4 ? self : &actors[draw(&self->seed) % NACTORS];
	struct slot *slot = &actor->slot[draw(&self->seed) % NMAPS];
	bus_size_t len = 1 + draw(&self->seed) % MAP_LEN;
	int flags = draw(&self->seed) % 4 ? 0 : BUS_DMA_NOWAIT;
	bool cancel = !inline_callbacks && draw(&self->seed) % 32 == 0, load = !unloading && (!inline_callbacks || actor == self);

	mtx_lock(&actor->lock);
	if (slot->is == EMPTY && load)
		load_slot(slot, len, flags);
	else if (slot->is == LOADED || (slot->is == WAITING && cancel))
		end_slot(slot);
	mtx_unlock(&actor->lock);
	sched_yield(); /* a mutex is not fair */
}

static void *act(void *arg)
{
	for (int i = 0; i < STEPS; i++)
		step(arg, i / PERIOD % 3 == 0);
	return NULL;
}

/* The software interrupt. */
static struct {
	pthread_mutex_t word;
	pthread_cond_t said;
	bool asked, over;
} swi;

static void swi_ask(void *ctx)
{
	(void)ctx;
	pthread_mutex_lock(&swi.word);
	swi.asked = true;
	pthread_cond_signal(&swi.said);
	pthread_mutex_unlock(&swi.word);
}

static void *swi_run(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&swi.word);
	while (!swi.over || swi.asked) {
		if (!swi.asked) {
			pthread_cond_wait(&swi.said, &swi.word);
			continue;
		}
		swi.asked = false;
		pthread_mutex_unlock(&swi.word);
		mete_freebsd_bus_pump(&bus);
		pthread_mutex_lock(&swi.word);
	}
	pthread_mutex_unlock(&swi.word);
	return NULL;
}

/* Where the guard is the platform's lock; where it is the library's, let others run. */
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

static void guard_pause(void *ctx)
{
	(void)ctx;
	sched_yield();
}

static void actors_start(uint64_t seed)
{
	unsigned char *bufs = world_buffer(&world, NACTORS * NMAPS * MAP_LEN), value = 1;

	for (int a = 0; a < NACTORS; a++) {
		struct actor *actor = &actors[a];
		memset(actor, 0, sizeof *actor);
		actor->seed = seed * 2 + 1 + (uint64_t)a * 0x9e3779b97f4a7c15u;
		mtx_init(&actor->lock, "actor", NULL, MTX_DEF);
		assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, MAP_LEN,
		    MAP_LEN / GRAIN, MAP_LEN, 0, busdma_lock_mutex, &actor->lock, &actor->tag), 0);
		for (int i = 0; i < NMAPS; i++, bufs += MAP_LEN) {
			actor->slot[i] = (struct slot){ .actor = actor, .map = map_of(actor->tag), .buf = bufs, .value = value };
			memset(bufs, value++, MAP_LEN);
		}
	}
}

static void actors_end(void)
{
	for (int a = 0; a < NACTORS; a++) {
		for (int i = 0; i < NMAPS; i++)
			assert_int_equal(bus_dmamap_destroy(actors[a].tag, actors[a].slot[i].map), 0);
		assert_int_equal(bus_dma_tag_destroy(actors[a].tag), 0);
		mtx_destroy(&actors[a].lock);
		assert_int_equal(actors[a].lock.mtx_mistakes, 0);
	}
}

/* Unload what is loaded until nothing is.  Who waits then was forgotten, for there is no step that would look again. */
static void unload_all(void)
{
	for (bool any = true; any;) {
		any = false;
		for (int a = 0; a < NACTORS; a++) {
			for (int i = 0; i < NMAPS; i++) {
				mtx_lock(&actors[a].lock);
				bool is_loaded = actors[a].slot[i].is == LOADED;
				if (is_loaded)
					end_slot(&actors[a].slot[i]);
				mtx_unlock(&actors[a].lock);
				any = any || is_loaded;
				if (swi.asked) { /* its thread is gone */
					swi.asked = false;
					mete_freebsd_bus_pump(&bus);
				}
			}
		}
	}
}

static void stress_start(bool in_line)
{
	const char *given = getenv("METE_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);

	print_message("seed %llu\n", (unsigned long long)seed);
	inline_callbacks = in_line;
	start_scarce();
	world.small.arena.provider.hooks.lock = guard_take;
	world.small.arena.provider.hooks.unlock = guard_drop;
	world.small.arena.provider.hooks.pause = guard_pause;
	assert_ok(mete_freebsd_bus_fini(&bus));
	assert_ok(mete_freebsd_bus_init(&bus, &world.device, in_line ? NULL : swi_ask, NULL));
	actors_start(seed);
}

static void stress_end(void)
{
	for (int a = 0; a < NACTORS; a++) {
		if (actors[a].wrong)
			fail_msg("%s", actors[a].wrong);
		for (int i = 0; i < NMAPS; i++)
			assert_int_equal(actors[a].slot[i].is, EMPTY); /* else it waits for ever */
	}
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 0);
	assert_int_equal(mete_bounce_used(&world.bounce), 0);
	assert_int_equal(bus.nbusy, 0);
	actors_end();
	end();
}

static void run(bool in_line)
{
	unsigned long nwaited = 0, ncancelled = 0, nnow = 0;
	pthread_t thread[NACTORS], swi_thread;

	stress_start(in_line);
	memset(&swi, 0, sizeof swi);
	pthread_mutex_init(&swi.word, NULL);
	pthread_cond_init(&swi.said, NULL);
	assert_int_equal(pthread_create(&swi_thread, NULL, swi_run, NULL), 0);
	for (int a = 0; a < NACTORS; a++)
		assert_int_equal(pthread_create(&thread[a], NULL, act, &actors[a]), 0);
	for (int a = 0; a < NACTORS; a++)
		pthread_join(thread[a], NULL);
	pthread_mutex_lock(&swi.word);
	swi.over = true;
	pthread_cond_signal(&swi.said);
	pthread_mutex_unlock(&swi.word);
	pthread_join(swi_thread, NULL);
	unload_all();
	for (int a = 0; a < NACTORS; a++) {
		nwaited += actors[a].nwaited;
		ncancelled += actors[a].ncancelled;
		nnow += actors[a].nnow;
	}
	print_message("%lu waited, %lu of them cancelled; %lu did not\n", nwaited, ncancelled, nnow);
	stress_end();
	pthread_mutex_destroy(&swi.word);
	pthread_cond_destroy(&swi.said);
	assert_true(nnow > 0 && nwaited > 0);
}

static void test_drivers_with_their_locks_held_and_a_software_interrupt(void **state)
{
	(void)state;

	if (METE_GUARD == 0)
		skip_because("built for one thread");
	run(false);
}

static void test_drivers_that_run_each_others_callbacks(void **state)
{
	(void)state;

	if (METE_GUARD == 0)
		skip_because("built for one thread");
	run(true);
}

/*
 * What frees the area just when somebody finds it used up.  In each round two threads unload the halves of it while a
 * third loads the whole, and a fourth takes what it can get for a moment.  In the end the whole is loaded, in that very
 * load or by whoever unloaded last; no later unload would heal a wake-up that was lost.
 */
enum { RACERS = 4, ROUNDS = 8000 };

static struct {
	unsigned arrived, met; /* of a meeting; meetings so far */
	struct slot *half[2], *whole, *moment;
} race;

static void meet(void)
{
	unsigned met = __atomic_load_n(&race.met, __ATOMIC_ACQUIRE);

	if (__atomic_add_fetch(&race.arrived, 1, __ATOMIC_ACQ_REL) == RACERS) {
		__atomic_store_n(&race.arrived, 0, __ATOMIC_RELAXED);
		__atomic_store_n(&race.met, met + 1, __ATOMIC_RELEASE);
	}
	while (__atomic_load_n(&race.met, __ATOMIC_ACQUIRE) == met)
		sched_yield();
}

static void dawdle(uint64_t *seed)
{
	for (volatile uint64_t n = draw(seed) % 256; n; n--)
		;
}

static void *race_run(void *arg)
{
	struct actor *self = arg;
	ptrdiff_t part = self - actors;

	for (int round = 0; round < ROUNDS; round++) {
		bool first = round % 4 == 0; /* the whole is loaded, and waits, before anything is unloaded */
		if (part == 2) {
			for (int i = 0; i < 2; i++) {
				mtx_lock(&race.half[i]->actor->lock);
				load_slot(race.half[i], MAP_LEN / 2, 0);
				mtx_unlock(&race.half[i]->actor->lock);
			}
		}
		meet();
		if (first && part == 2) {
			mtx_lock(&self->lock);
			load_slot(race.whole, MAP_LEN, 0);
			mtx_unlock(&self->lock);
		}
		if (first)
			meet();
		dawdle(&self->seed);
		mtx_lock(&self->lock);
		if (part < 2)
			end_slot(race.half[part]);
		else if (part == 3)
			load_slot(race.moment, GRAIN, BUS_DMA_NOWAIT);
		else if (!first)
			load_slot(race.whole, MAP_LEN, 0);
		if (part == 3 && race.moment->is == LOADED)
			end_slot(race.moment);
		mtx_unlock(&self->lock);
		meet();
		if (part == 2) {
			mtx_lock(&self->lock);
			expect(self, race.whole->is == LOADED, "a wake-up was lost");
			end_slot(race.whole); /* or cancel it */
			mtx_unlock(&self->lock);
		}
	}
	return NULL;
}

static void test_what_is_freed_at_that_moment_is_not_missed(void **state)
{
	pthread_t thread[RACERS];
	(void)state;

	if (METE_GUARD == 0)
		skip_because("built for one thread");
	stress_start(true);
	race.arrived = race.met = 0;
	race.half[0] = &actors[0].slot[0];
	race.half[1] = &actors[1].slot[0];
	race.whole = &actors[2].slot[0];
	race.moment = &actors[3].slot[0];
	for (int a = 0; a < RACERS; a++)
		assert_int_equal(pthread_create(&thread[a], NULL, race_run, &actors[a]), 0);
	for (int a = 0; a < RACERS; a++)
		pthread_join(thread[a], NULL);
	stress_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drivers_with_their_locks_held_and_a_software_interrupt),
		cmocka_unit_test(test_drivers_that_run_each_others_callbacks),
		cmocka_unit_test(test_what_is_freed_at_that_moment_is_not_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
