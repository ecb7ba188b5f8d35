/* SPDX-License-Identifier: ISC */
/*
 * The verifier over FreeBSD's tags and maps: what ends too early, what waits for ever, limits that are none.
 */
#include "check_world.h"

#include <mete/bounce.h>
#include <sys/types.h>
#include <sys/errno.h>
#include <machine/bus.h>
#include <sys/bus_dma.h>

static unsigned char buffer[2][4096] __attribute__((aligned(4096)));
static struct mete_freebsd_bus bus;
static struct mete_bounce bounce;

static void never(void *ctx)
{
	(void)ctx; /* an application that should run those that wait, and does not */
}

/* All is copied, and there is room for one page. */
static void start(struct world *w, void (*later)(void *ctx))
{
	const struct mete_bounce_config config = { .len = 4096, .always = true };

	world_start(w, 0);
	assert_ok(mete_bounce_init(&bounce, &w->device, &config));
	assert_ok(mete_freebsd_bus_init(&bus, &w->device, later, NULL));
}

static void end(struct world *w)
{
	assert_ok(mete_freebsd_bus_fini(&bus));
	assert_ok(mete_bounce_fini(&bounce));
	world_end(w);
}

static void lockfunc(void *arg, bus_dma_lock_op_t op)
{
	(void)arg;
	(void)op;
}

static void callback(void *arg, bus_dma_segment_t *segs, int nsegs, int error)
{
	(void)segs;
	(void)nsegs;
	(void)error;
	++*(int *)arg;
}

static bus_dma_tag_t tag_of(struct world *w)
{
	bus_dma_tag_t tag;

	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 4096, 1, 4096, 0,
	    lockfunc, NULL, &tag), 0);
	(void)w;
	return tag;
}

static void test_what_is_in_use_does_not_end(void **state)
{
	struct world w;
	bus_dmamap_t map;
	int called = 0;
	(void)state;

	start(&w, NULL);
	bus_dma_tag_t tag = tag_of(&w);
	assert_int_equal(bus_dmamap_create(tag, 0, &map), 0);
	unsigned line = __LINE__ + 1;
	assert_int_equal(bus_dma_tag_destroy(tag), EBUSY);
	assert_told(&w, 1, METE_DMA_X05, line);
	assert_int_equal(bus_dmamap_load(tag, map, buffer[0], 4096, callback, &called, BUS_DMA_NOWAIT), 0);
	assert_int_equal(called, 1);
	line = __LINE__ + 1;
	assert_int_equal(bus_dmamap_destroy(tag, map), EBUSY);
	assert_told(&w, 2, METE_DMA_X05, line);
	bus_dmamap_unload(tag, map);
	assert_int_equal(bus_dmamap_destroy(tag, map), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	assert_silent(&w, 2);
	end(&w);
}

static void test_loads_that_wait_are_served_or_called_off(void **state)
{
	struct world w;
	bus_dmamap_t map[3];
	int called[3] = { 0 };
	(void)state;

	start(&w, NULL);
	bus_dma_tag_t tag = tag_of(&w);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bus_dmamap_create(tag, 0, &map[i]), 0);
	assert_int_equal(bus_dmamap_load(tag, map[0], buffer[0], 4096, callback, &called[0], 0), 0);
	assert_int_equal(bus_dmamap_load(tag, map[1], buffer[1], 2048, callback, &called[1], 0), EINPROGRESS);
	assert_int_equal(bus_dmamap_load(tag, map[2], buffer[1] + 2048, 2048, callback, &called[2], 0), EINPROGRESS);
	bus_dmamap_unload(tag, map[2]);
	bus_dmamap_unload(tag, map[0]);
	assert_int_equal(called[0] + called[1], 2);
	assert_int_equal(called[2], 0);
	bus_dmamap_unload(tag, map[1]);
	assert_int_equal(mete_check_leaks(w.check, NULL), 0);
	assert_silent(&w, 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(bus_dmamap_destroy(tag, map[i]), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end(&w);
}

static void test_a_load_that_is_never_served(void **state)
{
	struct world w;
	bus_dmamap_t map[2];
	int called = 0;
	(void)state;

	start(&w, never);
	bus_dma_tag_t tag = tag_of(&w);
	for (int i = 0; i < 2; i++)
		assert_int_equal(bus_dmamap_create(tag, 0, &map[i]), 0);
	assert_int_equal(bus_dmamap_load(tag, map[0], buffer[0], 4096, callback, &called, 0), 0);
	unsigned line = __LINE__ + 1;
	assert_int_equal(bus_dmamap_load(tag, map[1], buffer[1], 2048, callback, &called, 0), EINPROGRESS);
	bus_dmamap_unload(tag, map[0]);
	assert_int_equal(called, 1);
	assert_int_equal(mete_check_leaks(w.check, &w.device), 1);
	assert_told(&w, 1, METE_DMA_X08, line);
	assert_int_equal(mete_check_leaks(w.check, &w.device), 0);
	bus_dmamap_unload(tag, map[1]);
	for (int i = 0; i < 2; i++)
		assert_int_equal(bus_dmamap_destroy(tag, map[i]), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	assert_silent(&w, 1);
	end(&w);
}

static void test_tags_that_no_memory_can_meet(void **state)
{
	struct world w;
	bus_dma_tag_t tag;
	(void)state;

	start(&w, NULL);
	unsigned line = __LINE__ + 1;
	assert_int_equal(bus_dma_tag_create(bus.tag, 3, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 4096, 1, 4096, 0, NULL, NULL, &tag), EINVAL);
	assert_told(&w, 1, METE_DMA_C06, line);
	line = __LINE__ + 1;
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 4096, 0, 4096, 0, NULL, NULL, &tag), EINVAL);
	assert_told(&w, 2, METE_DMA_C06, line);
	end(&w);
}

static void test_memory_is_not_waited_for_under_a_lock(void **state)
{
	struct world w;
	bus_dmamap_t map;
	void *cpu;
	(void)state;

	start(&w, NULL);
	bus_dma_tag_t tag = tag_of(&w);
	assert_int_equal(bus_dmamem_alloc(tag, &cpu, BUS_DMA_WAITOK, &map), 0);
	bus_dmamem_free(tag, cpu, map);
	w.atomic = true;
	assert_int_equal(bus_dmamem_alloc(tag, &cpu, BUS_DMA_NOWAIT, &map), 0);
	bus_dmamem_free(tag, cpu, map);
	assert_silent(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_int_equal(bus_dmamem_alloc(tag, &cpu, BUS_DMA_WAITOK, &map), 0);
	assert_told(&w, 1, METE_DMA_X01, line);
	bus_dmamem_free(tag, cpu, map);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_in_use_does_not_end),
		cmocka_unit_test(test_loads_that_wait_are_served_or_called_off),
		cmocka_unit_test(test_a_load_that_is_never_served),
		cmocka_unit_test(test_tags_that_no_memory_can_meet),
		cmocka_unit_test(test_memory_is_not_waited_for_under_a_lock),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
