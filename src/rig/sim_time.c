/* SPDX-License-Identifier: ISC */
#define _POSIX_C_SOURCE 200809L
/*
 * Time: what devices do later, in order.
 *
 * Events are in a heap by time, and by number among those of one time, so that their order is always the same.  Running
 * one moves the clock to its time.  Who runs them is what the modes differ in: the end of each call (at once), the test
 * and its waits (step), each call a few (auto), a thread (thread).  A model never knows.
 *
 * In thread mode one mutex is around everything that the machine does, so that a register write hands all that the driver
 * wrote before to the device, as a bus does, and reading a register hands back.  Memory itself is under no mutex: that is
 * where a race detector finds what a driver did without being handed anything.
 */
#include <stdlib.h>
#include <time.h>

#include "sim_machine.h"

#define TIME_EVENTS_MAX 65536u   /* that wait; a model has a few */
#define TIME_CALL_MAX 1000000u   /* events that one call runs: a device that never rests must not stop the caller */
#define TIME_AUTO_MAX 3u         /* events that a call runs in auto mode */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static bool clock_room(struct sim_clock *clock)
{
	if (clock->nevents < clock->capacity)
		return true;
	if (clock->capacity == TIME_EVENTS_MAX)
		return false;
	size_t capacity = clock->capacity ? 2 * clock->capacity : 64;
	struct sim_event *heap = realloc(clock->heap, capacity * sizeof(*heap));
	if (!heap)
		return false;
	clock->heap = heap;
	clock->capacity = capacity;
	return true;
}

void mete__sim_later(struct sim_function *function, uint64_t ns, sim_later *later, uint64_t arg)
{
	struct sim_clock *clock = &function->sim->clock;
	const struct sim_event event = {
		.at = ns > UINT64_MAX - clock->now ? UINT64_MAX : clock->now + ns,
		.number = clock->number++,
		.function = function,
		.later = later,
		.arg = arg,
	};

	if (!clock_room(clock)) {
		function->sim->counters.overflow++;
		return;
	}
	size_t at = clock->nevents++;
	for (size_t up; at && event_before(&event, &clock->heap[up = (at - 1) / 2]); at = up)
		clock->heap[at] = clock->heap[up];
	clock->heap[at] = event;
}

static struct sim_event clock_pop(struct sim_clock *clock)
{
	struct sim_event first = clock->heap[0], last = clock->heap[--clock->nevents];
	size_t at = 0;

	for (size_t down = 1; down < clock->nevents; down = 2 * at + 1) {
		if (down + 1 < clock->nevents && event_before(&clock->heap[down + 1], &clock->heap[down]))
			down++;
		if (!event_before(&clock->heap[down], &last))
			break;
		clock->heap[at] = clock->heap[down];
		at = down;
	}
	clock->heap[at] = last;
	return first;
}

/* Run the next event, if there is one, and it is due by `until`. */
static bool clock_step(struct sim *sim, uint64_t until)
{
	struct sim_clock *clock = &sim->clock;

	if (!clock->nevents || clock->heap[0].at > until)
		return false;
	struct sim_event event = clock_pop(clock);
	if (event.at > clock->now)
		clock->now = event.at;
	sim->counters.events++;
	mete__sim_stir(sim);
	event.later(event.function, event.arg);
	return true;
}

static size_t clock_run(struct sim *sim, size_t max, uint64_t until)
{
	size_t n = 0;

	while (n < max && clock_step(sim, until))
		n++;
	return n;
}

uint64_t mete__sim_about(struct sim_function *function, uint64_t ns)
{
	return ns + mete__sim_below(&function->sim->clock.random, ns + 1);
}

void mete__sim_lock(struct sim *sim)
{
	if (sim->clock.mode == METE_SIM_THREAD)
		pthread_mutex_lock(&sim->clock.mutex);
}

void mete__sim_unlock(struct sim *sim)
{
	if (sim->clock.mode == METE_SIM_THREAD)
		pthread_mutex_unlock(&sim->clock.mutex);
}

/* The mutex is recursive, and a hook is called with it held: so whoever meets `inside` is a hook. */
int mete__sim_enter(struct sim *sim)
{
	struct sim_clock *clock = &sim->clock;

	mete__sim_lock(sim);
	if (clock->inside) {
		mete__sim_unlock(sim);
		return METE_EBUSY;
	}
	clock->inside = true;
	if (clock->mode == METE_SIM_AUTO)
		clock_run(sim, (size_t)mete__sim_below(&clock->random, TIME_AUTO_MAX + 1), UINT64_MAX);
	return 0;
}

void mete__sim_leave(struct sim *sim)
{
	struct sim_clock *clock = &sim->clock;

	if (clock->mode == METE_SIM_AT_ONCE)
		clock_run(sim, TIME_CALL_MAX, UINT64_MAX);
	clock->inside = false;
	pthread_cond_signal(&clock->work);
	mete__sim_unlock(sim);
}

static void *clock_thread(void *ctx)
{
	struct sim *sim = ctx;
	struct sim_clock *clock = &sim->clock;

	pthread_mutex_lock(&clock->mutex);
	while (!clock->quit) {
		if (!clock->nevents) {
			pthread_cond_wait(&clock->work, &clock->mutex);
			continue;
		}
		clock->inside = true;
		clock_step(sim, UINT64_MAX);
		clock->inside = false;
		pthread_cond_broadcast(&clock->done);
		/* Let the CPU in between two events. */
		pthread_mutex_unlock(&clock->mutex);
		pthread_mutex_lock(&clock->mutex);
	}
	pthread_mutex_unlock(&clock->mutex);
	return NULL;
}

/* Wait until the thread has run something, at most a millisecond.  METE_ETIMEDOUT if it has nothing to run. */
static int clock_wait(struct sim_clock *clock)
{
	struct timespec until;
	int error = 0;

	pthread_mutex_lock(&clock->mutex);
	if (!clock->nevents) {
		error = METE_ETIMEDOUT;
	} else {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		(void)pthread_cond_timedwait(&clock->done, &clock->mutex, &until);
	}
	pthread_mutex_unlock(&clock->mutex);
	return error;
}

int mete__sim_advance(struct mete_rig *rig, int64_t until_us)
{
	struct sim *sim = sim_of(rig);
	const uint64_t until = (uint64_t)until_us * 1000;

	if (sim->clock.mode == METE_SIM_THREAD)
		return clock_wait(&sim->clock);
	int error = mete__sim_enter(sim);
	if (error)
		return error;
	if (!clock_step(sim, until)) {
		error = METE_ETIMEDOUT;
		/* An event that comes later is what was waited for in vain. */
		if (sim->clock.nevents && sim->clock.now < until)
			sim->clock.now = until;
	}
	mete__sim_leave(sim);
	return error;
}

int64_t mete__sim_now_us(struct mete_rig *rig)
{
	return (int64_t)(mete_sim_now(rig) / 1000);
}

int mete__sim_clock_init(struct sim *sim, enum mete_sim_time mode)
{
	struct sim_clock *clock = &sim->clock;

	pthread_mutexattr_t kind;

	clock->mode = mode;
	if (pthread_mutexattr_init(&kind))
		return METE_ENOMEM;
	/* None of these can fail where they need no memory of their own, as here on Linux. */
	pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&clock->mutex, &kind);
	pthread_mutexattr_destroy(&kind);
	pthread_cond_init(&clock->work, NULL);
	pthread_cond_init(&clock->done, NULL);
	return 0;
}

int mete__sim_clock_start(struct sim *sim)
{
	struct sim_clock *clock = &sim->clock;

	if (clock->mode != METE_SIM_THREAD)
		return 0;
	int error = pthread_create(&clock->thread, NULL, clock_thread, sim);
	clock->started = !error;
	return error ? METE_ENOMEM : 0;
}

void mete__sim_clock_fini(struct sim *sim)
{
	struct sim_clock *clock = &sim->clock;

	if (clock->started) {
		pthread_mutex_lock(&clock->mutex);
		clock->quit = true;
		pthread_cond_signal(&clock->work);
		pthread_mutex_unlock(&clock->mutex);
		pthread_join(clock->thread, NULL);
	}
	clock->started = false;
	free(clock->heap);
	clock->heap = NULL;
	pthread_cond_destroy(&clock->done);
	pthread_cond_destroy(&clock->work);
	pthread_mutex_destroy(&clock->mutex);
}

uint64_t mete_sim_now(struct mete_rig *rig)
{
	struct sim *sim = mete__sim(rig);

	if (!sim)
		return 0;
	mete__sim_lock(sim);
	uint64_t now = sim->clock.now;
	mete__sim_unlock(sim);
	return now;
}

int mete_sim_step(struct mete_rig *rig)
{
	struct sim *sim = mete__sim(rig);

	if (!sim)
		return METE_ENOTSUP;
	if (sim->clock.mode == METE_SIM_THREAD)
		return 0;
	int error = mete__sim_enter(sim);
	if (error)
		return error;
	bool ran = clock_step(sim, UINT64_MAX);
	mete__sim_leave(sim);
	return ran;
}

size_t mete_sim_run(struct mete_rig *rig, size_t max)
{
	struct sim *sim = mete__sim(rig);

	if (!sim || sim->clock.mode == METE_SIM_THREAD || mete__sim_enter(sim))
		return 0;
	size_t n = clock_run(sim, max, UINT64_MAX);
	mete__sim_leave(sim);
	return n;
}
