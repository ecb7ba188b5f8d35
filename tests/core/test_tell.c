/* SPDX-License-Identifier: ISC */
/*
 * What an observer hears, and when: before the library touches the memory itself.
 */
#include "support.h"

#include <mete/alloc.h>
#include <mete/observe.h>
#include <mete/pool.h>

#include "small_arena.h"

#define HEARD 32

struct ear {
	struct mete_observer observer; /* first: the two are cast into each other */
	struct mete_event heard[HEARD];
	size_t n;
	unsigned char fill;            /* what lies behind an allocation, and in it, is set to this */
	unsigned char found;           /* the first byte, before */
};

static void ear_event(struct mete_observer *observer, const struct mete_event *event)
{
	struct ear *ear = (struct ear *)(void *)observer;

	ear->heard[ear->n++ % HEARD] = *event;
	if (event->kind == METE_EVENT_ALLOC && !event->error && ear->fill) {
		ear->found = *(const unsigned char *)event->cpu;
		memset((void *)(uintptr_t)event->cpu, ear->fill, event->room);
	}
}

static void ear_call(struct mete_observer *observer, const char *face, const char *name, const void *site, size_t count)
{
	(void)observer, (void)face, (void)name, (void)site, (void)count;
}

static void ear_left(struct mete_observer *observer)
{
	(void)observer;
}

static void ear_asked(struct mete_observer *observer, struct mete_device *device, mete_baddr bus)
{
	(void)observer, (void)device, (void)bus;
}

static struct ear ear;

static void start(struct small_arena *small)
{
	small_arena_start(small);
	memset(&ear, 0, sizeof ear);
	ear.observer = (struct mete_observer){ ear_event, ear_call, ear_left, ear_asked };
	assert_ok(mete_provider_observe(mete_arena_provider(&small->arena), &ear.observer));
}

static void end(struct small_arena *small)
{
	assert_ok(mete_provider_observe(mete_arena_provider(&small->arena), NULL));
	small_arena_end(small);
}

/* The last event of a kind; NULL: there was none. */
static const struct mete_event *heard(enum mete_event_kind kind)
{
	for (size_t i = ear.n; i-- > 0;) {
		if (ear.heard[i % HEARD].kind == kind)
			return &ear.heard[i % HEARD];
	}
	return NULL;
}

/* All of `len` bytes is `byte`. */
static bool is_all(const void *cpu, size_t len, unsigned char byte)
{
	for (size_t i = 0; i < len; i++) {
		if (((const unsigned char *)cpu)[i] != byte)
			return false;
	}
	return true;
}

/* `len` bytes are clear, and those behind are the observer's. */
static void assert_cleared(const void *cpu, size_t len, size_t room)
{
	assert_int_equal(heard(METE_EVENT_ALLOC)->len, len);
	assert_int_equal(heard(METE_EVENT_ALLOC)->room, room);
	assert_int_equal(ear.found, 0x11);
	assert_true(is_all(cpu, len, 0));
	assert_true(is_all((const unsigned char *)cpu + len, room - len, 0xee));
}

static void test_memory_is_told_before_it_is_cleared(void **state)
{
	const struct mete_pool_config config = { .len = 100 };
	struct small_arena small;
	struct mete_pool pool;
	struct mete_classes classes;
	void *cpu;
	(void)state;

	start(&small);
	memset(small.memory, 0x11, SMALL_LEN);
	ear.fill = 0xee;
	assert_ok(mete_device_alloc(&small.device, NULL, 5000, METE_MEMORY_COHERENT, METE_ZERO, &cpu, NULL));
	assert_cleared(cpu, 5000, 8192);
	memset(small.memory, 0x11, SMALL_LEN);
	assert_ok(mete_device_free(&small.device, cpu, 5000));

	assert_ok(mete_pool_init(&pool, &small.device, &config));
	assert_ok(mete_pool_alloc(&pool, METE_ZERO, &cpu, NULL));
	assert_cleared(cpu, 100, 112);
	memset(small.memory, 0x11, SMALL_LEN);
	assert_ok(mete_pool_free(&pool, cpu));
	assert_ok(mete_pool_fini(&pool));

	assert_ok(mete_classes_init(&classes, &small.device, NULL));
	assert_ok(mete_classes_alloc(&classes, 100, METE_ZERO, &cpu, NULL));
	assert_cleared(cpu, 100, 128);
	assert_ok(mete_classes_free(&classes, cpu, 100));
	assert_ok(mete_classes_fini(&classes));
	end(&small);
}

/* A run is told as soon as it is taken, by a pool's slab, say, and not again for the second block of it. */
static void test_runs_are_told_when_they_are_taken(void **state)
{
	const struct mete_pool_config config = { .len = 1024 };
	struct small_arena small;
	struct mete_pool pool;
	void *cpu[2];
	(void)state;

	start(&small);
	assert_ok(mete_pool_init(&pool, &small.device, &config));
	assert_ok(mete_pool_alloc(&pool, 0, &cpu[0], NULL));
	const struct mete_event *run = heard(METE_EVENT_TAKE);
	assert_non_null(run);
	assert_true(run < heard(METE_EVENT_ALLOC));
	assert_true((uintptr_t)cpu[0] - (uintptr_t)run->cpu < run->len);
	assert_int_equal(run->phys - SMALL_PHYS, (size_t)((const unsigned char *)run->cpu - small.memory));
	size_t before = ear.n;
	assert_ok(mete_pool_alloc(&pool, 0, &cpu[1], NULL));
	assert_int_equal(ear.n, before + 1);
	assert_ok(mete_pool_free(&pool, cpu[0]));
	assert_ok(mete_pool_free(&pool, cpu[1]));
	assert_ok(mete_pool_fini(&pool));
	end(&small);
}

/* That memory is the device's is told once all is done; syncs for the CPU, and refused ones, tell nothing of the kind. */
static void test_what_was_passed_to_the_device_is_told_afterwards(void **state)
{
	static const struct mete_bus_range half = { .phys = SMALL_PHYS, .bus = 0, .len = SMALL_LEN / 2 };
	struct mete_segment segment;
	struct mete_map map;
	struct small_arena small;
	struct mete_device narrow;
	mete_baddr bus;
	void *cpu;
	(void)state;

	start(&small);
	const struct mete_device_config config = { .provider = mete_arena_provider(&small.arena), .ranges = &half, .nranges = 1 };
	assert_ok(mete_device_init(&narrow, &config));
	assert_error(mete_sync_single(&narrow, SMALL_LEN / 2, 64, METE_FOR_DEVICE, METE_DEVICE_WRITES), METE_EFAULT);
	assert_null(heard(METE_EVENT_PASSED));
	assert_ok(mete_device_fini(&narrow));
	assert_ok(mete_device_alloc(&small.device, NULL, 4096, METE_MEMORY_CACHED, 0, &cpu, NULL));
	assert_ok(mete_map_single(&small.device, NULL, cpu, 4096, METE_DEVICE_WRITES, 0, &bus));
	assert_ok(mete_sync_single(&small.device, bus, 64, METE_FOR_CPU, METE_DEVICE_WRITES));
	assert_error(mete_sync_single(&small.device, bus, 0, METE_FOR_DEVICE, METE_DEVICE_WRITES), METE_EINVAL);
	assert_null(heard(METE_EVENT_PASSED));
	assert_ok(mete_sync_single(&small.device, bus + 64, 32, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	const struct mete_event *passed = heard(METE_EVENT_PASSED);
	assert_non_null(passed);
	assert_true(passed > heard(METE_EVENT_SYNC));
	assert_int_equal(passed->bus, bus + 64);
	assert_int_equal(passed->len, 32);
	assert_int_equal(passed->access, METE_DEVICE_WRITES);
	assert_ok(mete_unmap_single(&small.device, bus, 4096, METE_DEVICE_WRITES, 0));

	const struct mete_piece piece = { .cpu = cpu, .len = 4096 };
	assert_ok(mete_map_init(&map, &small.device, NULL, &segment, 1));
	assert_ok(mete_map_load_array(&map, &piece, 1, METE_DEVICE_READS, 0));
	assert_error(mete_map_sync(&map, 4000, 97, METE_FOR_DEVICE, METE_DEVICE_READS), METE_EINVAL);
	assert_ok(mete_map_sync(&map, 0, 8, METE_FOR_CPU, METE_DEVICE_READS));
	assert_ptr_equal(heard(METE_EVENT_PASSED), passed);
	assert_ok(mete_map_sync(&map, 4000, 96, METE_FOR_DEVICE, METE_DEVICE_READS));
	passed = heard(METE_EVENT_PASSED);
	assert_ptr_equal(passed->owner, &map);
	assert_int_equal(passed->off, 4000);
	assert_int_equal(passed->len, 96);
	assert_ok(mete_map_unload(&map));
	assert_ok(mete_device_free(&small.device, cpu, 4096));
	end(&small);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_told_before_it_is_cleared),
		cmocka_unit_test(test_runs_are_told_when_they_are_taken),
		cmocka_unit_test(test_what_was_passed_to_the_device_is_told_afterwards),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
