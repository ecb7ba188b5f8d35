/* SPDX-License-Identifier: ISC */
/*
 * Misuses of FreeBSD's bus_dma(9), each by name, and its near misses.
 */
#include "provoke.h"

#include <sys/types.h>
#include <machine/bus.h>
#include <mete/freebsd.h>

#define LEN 2048

static struct mete_freebsd_bus bus;
static bus_dma_tag_t tag;
static unsigned char buffer[2][4096] __attribute__((aligned(4096)));

static void start(void)
{
	provoke_start();
	assert_ok(mete_freebsd_bus_init(&bus, &here.device, NULL, NULL));
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, LEN, 2, LEN, 0, NULL,
	    NULL, &tag), 0);
}

static void end(void)
{
	SILENT(assert_int_equal(bus_dma_tag_destroy(tag), 0));
	assert_ok(mete_freebsd_bus_fini(&bus));
	provoke_end();
}

static void loaded(void *ctx, bus_dma_segment_t *segs, int nsegs, int error)
{
	(void)ctx, (void)segs, (void)nsegs, (void)error;
}

static bus_dmamap_t create(void)
{
	bus_dmamap_t map = NULL;
	assert_int_equal(bus_dmamap_create(tag, 0, &map), 0);
	return map;
}

#define LOAD(map, cpu) (void)bus_dmamap_load(tag, map, cpu, LEN, loaded, NULL, BUS_DMA_NOWAIT)

static void test_freebsd_syncs(void **state)
{
	(void)state;

	start();
	bus_dmamap_t map = create();
	SILENT(LOAD(map, buffer[0]));
	PROVOKE(O07, "bus_dmamap_sync", bus_dmamap_sync(tag, map, BUS_DMASYNC_POSTREAD));
	SILENT(bus_dmamap_sync(tag, map, BUS_DMASYNC_PREREAD));
	SILENT(bus_dmamap_sync(tag, map, BUS_DMASYNC_POSTREAD));
	PROVOKE(O07, "bus_dmamap_sync", bus_dmamap_sync(tag, map, 16));
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(assert_int_equal(bus_dmamap_destroy(tag, map), 0));
	end();
}

/* The face refuses these before the core hears of a load. */
static void test_freebsd_loads_and_ends(void **state)
{
	(void)state;

	start();
	bus_dmamap_t map = create();
	SILENT(LOAD(map, buffer[0]));
	PROVOKE(A12, "bus_dmamap_load", LOAD(map, buffer[1]));
	ADVISES("the map is loaded already");
	PROVOKE(X05, "bus_dmamap_destroy", assert_int_not_equal(bus_dmamap_destroy(tag, map), 0));
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(assert_int_equal(bus_dmamap_destroy(tag, map), 0));
	end();
}

static void test_freebsd_m01_stack(void **state)
{
	unsigned char local[LEN] __attribute__((aligned(LEN)));
	(void)state;

	start();
	bus_dmamap_t map = create();
	memset(local, 0, sizeof local);
	PROVOKE(M01, "bus_dmamap_load", LOAD(map, local));
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(LOAD(map, buffer[0]));
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(assert_int_equal(bus_dmamap_destroy(tag, map), 0));
	end();
}

static void test_freebsd_memory(void **state)
{
	bus_dmamap_t map;
	void *cpu;
	(void)state;

	start();
	unsigned line = __LINE__ + 1;
	assert_int_equal(bus_dmamem_alloc(tag, &cpu, BUS_DMA_NOWAIT, &map), 0);
	size_t before = here.ntold;
	assert_int_equal(mete_check_leaks(here.check, NULL), 1);
	provoke_told(METE_DMA_A07, "bus_dmamem_alloc", line, before);
	PROVOKE(A03, "bus_dmamem_free", bus_dmamem_free(tag, (char *)cpu + 64, map));
	SILENT(bus_dmamem_free(tag, cpu, map));
	end();
}

static void test_freebsd_c06_limits_that_nothing_obeys(void **state)
{
	bus_dma_tag_t other = NULL;
	(void)state;

	start();
	PROVOKE(C06, "bus_dma_tag_create", (void)bus_dma_tag_create(bus.tag, 3, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, LEN, 1, LEN, 0, NULL, NULL, &other));
	assert_null(other);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_freebsd_syncs),
		cmocka_unit_test(test_freebsd_loads_and_ends),
		cmocka_unit_test(test_freebsd_m01_stack),
		cmocka_unit_test(test_freebsd_memory),
		cmocka_unit_test(test_freebsd_c06_limits_that_nothing_obeys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
