/* SPDX-License-Identifier: ISC */
/*
 * Misuses of bus_dma(9) as OpenBSD and NetBSD have it, each by name, and its near misses.  Built once for each.
 */
#include "provoke.h"

#include <sys/types.h>
#include <machine/bus.h>

#if METE_FACE == 3
typedef struct mete_openbsd_tag face_tag;
#define face_tag_init mete_openbsd_tag_init
#else
typedef struct mete_netbsd_tag face_tag;
#define face_tag_init mete_netbsd_tag_init
#endif

#define LEN 2048

#ifndef BUS_DMA_64BIT
#define BUS_DMA_64BIT 0
#endif

static face_tag tag_storage;
static const bus_dma_tag_t tag = &tag_storage;
static unsigned char buffer[2][4096] __attribute__((aligned(4096)));

static void start(void)
{
	provoke_start();
	assert_ok(face_tag_init(&tag_storage, &here.device));
}

static bus_dmamap_t create(void)
{
	bus_dmamap_t map = NULL;
	assert_int_equal(bus_dmamap_create(tag, LEN, 2, LEN, 0, BUS_DMA_NOWAIT | BUS_DMA_64BIT, &map), 0);
	return map;
}

#define LOAD(map, cpu, flags) (void)bus_dmamap_load(tag, map, cpu, LEN, NULL, BUS_DMA_NOWAIT | (flags))

static void test_bsd_syncs(void **state)
{
	(void)state;

	start();
	bus_dmamap_t map = create();
	PROVOKE(O06, "bus_dmamap_sync", bus_dmamap_sync(tag, map, 0, LEN, BUS_DMASYNC_PREREAD));
	SILENT(LOAD(map, buffer[0], BUS_DMA_READ));
	PROVOKE(O07, "bus_dmamap_sync", bus_dmamap_sync(tag, map, 0, LEN, BUS_DMASYNC_POSTREAD));
	ADVISES("POSTREAD or POSTWRITE afterwards");
	SILENT(bus_dmamap_sync(tag, map, 0, LEN, BUS_DMASYNC_PREREAD));
	SILENT(bus_dmamap_sync(tag, map, 0, LEN, BUS_DMASYNC_POSTREAD));
	PROVOKE(O07, "bus_dmamap_sync", bus_dmamap_sync(tag, map, 0, LEN, BUS_DMASYNC_PREREAD | BUS_DMASYNC_POSTREAD));
	SILENT(bus_dmamap_sync(tag, map, LEN - 1, 1, BUS_DMASYNC_PREREAD));
	PROVOKE(O04, "bus_dmamap_sync", bus_dmamap_sync(tag, map, LEN - 1, 2, BUS_DMASYNC_PREREAD));
	PROVOKE(O07, "bus_dmamap_sync", bus_dmamap_sync(tag, map, 0, LEN, BUS_DMASYNC_PREWRITE)); /* loaded for reading only */
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(LOAD(map, buffer[0], 0));
	SILENT(bus_dmamap_sync(tag, map, 0, LEN, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE));
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(bus_dmamap_destroy(tag, map));
	provoke_end();
}

static void test_bsd_loads_and_unloads(void **state)
{
	(void)state;

	start();
	bus_dmamap_t map = create();
	PROVOKE(X07, "bus_dmamap_unload", bus_dmamap_unload(tag, map));
	SILENT(LOAD(map, buffer[0], 0));
	PROVOKE(X06, "bus_dmamap_load", LOAD(map, buffer[1], 0));
	ADVISES("call bus_dmamap_unload() before you load again");
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(LOAD(map, buffer[1], 0));
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(bus_dmamap_destroy(tag, map));
	provoke_end();
}

static void test_bsd_memory_that_is_loaded(void **state)
{
	unsigned char local[LEN] __attribute__((aligned(LEN)));
	(void)state;

	start();
	bus_dmamap_t map = create(), other = create();
	memset(local, 0, sizeof local);
	PROVOKE(M01, "bus_dmamap_load", LOAD(map, local, BUS_DMA_WRITE));
	ADVISES("use bus_dmamem_alloc() or malloc(9)");
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(LOAD(map, buffer[0], BUS_DMA_WRITE));
	SILENT(LOAD(other, buffer[0], BUS_DMA_WRITE)); /* two devices may read */
	SILENT(bus_dmamap_unload(tag, other));
	PROVOKE(M11, "bus_dmamap_load", LOAD(other, buffer[0], BUS_DMA_READ));
	SILENT(bus_dmamap_unload(tag, other));
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(bus_dmamap_destroy(tag, other));
	SILENT(bus_dmamap_destroy(tag, map));
	provoke_end();
}

static void test_bsd_leaks(void **state)
{
	bus_dma_segment_t seg;
	int n;
	(void)state;

	start();
	bus_dmamap_t map = create();
	unsigned line = __LINE__ + 1;
	LOAD(map, buffer[0], 0);
	size_t before = here.ntold;
	assert_int_equal(mete_check_leaks(here.check, &here.device), 1);
	provoke_told(METE_DMA_A07, "bus_dmamap_load", line, before);
	SILENT(bus_dmamap_unload(tag, map));
	SILENT(bus_dmamap_destroy(tag, map));
	line = __LINE__ + 1;
	assert_int_equal(bus_dmamem_alloc(tag, 4096, 4096, 0, &seg, 1, &n, BUS_DMA_NOWAIT), 0);
	before = here.ntold;
	assert_int_equal(mete_check_leaks(here.check, NULL), 1);
	provoke_told(METE_DMA_A07, "bus_dmamem_alloc", line, before);
	SILENT(bus_dmamem_free(tag, &seg, n));
	provoke_end();
}

static void test_bsd_frees(void **state)
{
	bus_dma_segment_t seg, wrong;
	int n;
	(void)state;

	start();
	assert_int_equal(bus_dmamem_alloc(tag, 4096, 4096, 0, &seg, 1, &n, BUS_DMA_NOWAIT), 0);
	wrong = seg;
	wrong.ds_addr += 4096;
	PROVOKE(A03, "bus_dmamem_free", bus_dmamem_free(tag, &wrong, n));
	SILENT(bus_dmamem_free(tag, &seg, n));
	provoke_end();
}

static void test_bsd_c06_limits_that_nothing_obeys(void **state)
{
	bus_dmamap_t map = NULL;
	(void)state;

	start();
	PROVOKE(C06, "bus_dmamap_create", (void)bus_dmamap_create(tag, LEN, 0, LEN, 0, BUS_DMA_NOWAIT, &map));
	assert_null(map);
	SILENT(map = create());
	SILENT(bus_dmamap_destroy(tag, map));
	provoke_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bsd_syncs),
		cmocka_unit_test(test_bsd_loads_and_unloads),
		cmocka_unit_test(test_bsd_memory_that_is_loaded),
		cmocka_unit_test(test_bsd_leaks),
		cmocka_unit_test(test_bsd_frees),
		cmocka_unit_test(test_bsd_c06_limits_that_nothing_obeys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
