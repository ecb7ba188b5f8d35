/* SPDX-License-Identifier: ISC */
/*
 * The verifier over maps that are used while they are used: by another thread, or from inside their own load.
 */
#include "check_world.h"

#include <mete/map.h>
#include <pthread.h>

static unsigned char buffer[4096] __attribute__((aligned(4096)));

/* Three pieces; before the last, when one has been told, something happens to a map. */
struct parts {
	int at;
	struct mete_map *map;
	void *(*what)(void *map);
	bool elsewhere;           /* by another thread */
};

static bool parts_next(void *ctx, struct mete_piece *ret)
{
	struct parts *parts = ctx;
	pthread_t thread;

	if (parts->at == 3)
		return false;
	if (parts->at == 2 && parts->elsewhere) {
		assert_int_equal(pthread_create(&thread, NULL, parts->what, parts->map), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
	} else if (parts->at == 2) {
		(void)parts->what(parts->map);
	}
	*ret = (struct mete_piece){ .cpu = buffer + 1024 * parts->at++, .len = 512 };
	return true;
}

static void *do_sync(void *map)
{
	(void)mete_map_sync(map, 0, 64, METE_FOR_DEVICE, METE_DEVICE_READS);
	return NULL;
}

static void *do_unload(void *map)
{
	(void)mete_map_unload(map);
	return NULL;
}

struct two {
	struct world w;
	struct mete_map map, other;
	struct mete_segment segments[2][3];
};

static void start(struct two *t)
{
	const struct mete_piece piece = { .cpu = buffer + 3072, .len = 64 };

	world_start(&t->w, 0);
	assert_ok(mete_map_init(&t->map, &t->w.device, NULL, t->segments[0], 3));
	assert_ok(mete_map_init(&t->other, &t->w.device, NULL, t->segments[1], 3));
	assert_ok(mete_map_load_array(&t->other, &piece, 1, METE_DEVICE_READS, 0));
}

static void load(struct two *t, struct mete_map *what_with, void *(*what)(void *map), bool elsewhere)
{
	struct parts parts = { 0, what_with, what, elsewhere };
	const struct mete_pieces pieces = { parts_next, &parts, NULL };

	assert_ok(mete_map_load(&t->map, &pieces, METE_DEVICE_READS, 0));
	assert_ok(mete_map_unload(&t->map));
}

static void end(struct two *t)
{
	assert_ok(mete_map_unload(&t->other));
	world_end(&t->w);
}

static void test_two_threads_use_one_map(void **state)
{
	struct two t;
	(void)state;

	start(&t);
	load(&t, &t.other, do_sync, true); /* each has its own */
	assert_silent(&t.w, 0);
	load(&t, &t.map, do_sync, true);
	assert_told(&t.w, 1, METE_DMA_X03, 0);
	assert_non_null(strstr(t.w.told[0].text, "another thread is just loading the map"));
	load(&t, &t.map, do_unload, true);
	assert_told(&t.w, 2, METE_DMA_X03, 0);
	load(&t, &t.other, do_sync, true); /* and afterwards nobody is busy */
	assert_silent(&t.w, 2);
	end(&t);
}

static void test_a_map_is_unloaded_inside_its_own_load(void **state)
{
	struct two t;
	(void)state;

	start(&t);
	load(&t, &t.other, do_sync, false);
	assert_silent(&t.w, 0);
	load(&t, &t.map, do_unload, false);
	assert_told(&t.w, 1, METE_DMA_X04, 0);
	assert_ok(mete_map_unload(&t.other));
	const struct mete_piece piece = { .cpu = buffer + 3072, .len = 64 };
	assert_ok(mete_map_load_array(&t.other, &piece, 1, METE_DEVICE_READS, 0));
	assert_silent(&t.w, 1);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_threads_use_one_map),
		cmocka_unit_test(test_a_map_is_unloaded_inside_its_own_load),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
