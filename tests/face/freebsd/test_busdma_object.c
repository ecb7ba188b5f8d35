/* SPDX-License-Identifier: ISC */
/*
 * What FreeBSD's drivers load beside buffers: mbufs, uios, requests, and struct memdesc over all of them.
 */
#include "busdma_world.h"

/* A packet of three mbufs, one of them empty, is loaded as one object. */
static void test_mbufs_and_uios_are_loaded(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		static unsigned char seen[5000];
		struct told told = { 0 };
		bus_dma_segment_t segs[8];
		int nsegs = 0;
		start(ways[w]);
		bus_dma_tag_t tag = tag_of(8192, 8, 4096), small = tag_of(4999, 8, 4096), narrow = tag_of(8192, 1, 512);
		bus_dmamap_t map = map_of(tag), small_map = map_of(small), narrow_map = map_of(narrow);
		unsigned char *buf = world_buffer(&world, 3 * 4096);
		fill(buf, 2000, 1);
		fill(buf + 4096, 3000, 2);
		struct mbuf m[3] = {
			{ .m_next = &m[1], .m_data = (caddr_t)buf, .m_len = 2000, .m_flags = M_PKTHDR, .m_pkthdr = { 5000 } },
			{ .m_next = &m[2] },
			{ .m_data = (caddr_t)buf + 4096, .m_len = 3000 },
		};
		assert_int_equal(bus_dmamap_load_mbuf_sg(tag, map, &m[0], segs, &nsegs, 0), 0);
		assert_int_equal(total(segs, nsegs), 5000);
		bus_dmamap_sync(tag, map, BUS_DMASYNC_PREWRITE);
		device_gets(segs, nsegs, seen);
		assert_true(filled(seen, 2000, 1) && filled(seen + 2000, 3000, 2));
		bus_dmamap_unload(tag, map);

		assert_int_equal(bus_dmamap_load_mbuf(tag, map, &m[0], callback2, &told, 0), 0);
		assert_int_equal(told.mapsize, 5000);
		assert_int_equal(total(told.segs, told.nsegs), 5000);
		bus_dmamap_unload(tag, map);

		struct iovec iov[2] = { { buf, 2000 }, { buf + 4096, 4000 } };
		struct uio uio = { .uio_iov = iov, .uio_iovcnt = 2, .uio_resid = 5000 };
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, callback2, &told, 0), 0);
		assert_int_equal(told.mapsize, 5000);
		device_gets(told.segs, told.nsegs, seen);
		assert_true(filled(seen, 2000, 1) && filled(seen + 2000, 3000, 2));
		bus_dmamap_unload(tag, map);

		/* Longer than the tag allows, empty, and in too many segments. */
		told.ncalls = 0;
		nsegs = 4711;
		assert_int_equal(bus_dmamap_load_mbuf_sg(small, small_map, &m[0], segs, &nsegs, 0), EINVAL);
		assert_int_equal(bus_dmamap_load_mbuf(small, small_map, &m[0], callback2, &told, 0), EINVAL);
		assert_int_equal(bus_dmamap_load_mbuf_sg(tag, map, &m[1], segs, &nsegs, 0), 0);
		bus_dmamap_unload(tag, map);
		nsegs = 4711;
		m[1].m_next = NULL;
		assert_int_equal(bus_dmamap_load_mbuf_sg(tag, map, &m[1], segs, &nsegs, 0), EINVAL);
		assert_int_equal(bus_dmamap_load_mbuf_sg(narrow, narrow_map, &m[0], segs, &nsegs, 0), EFBIG);
		assert_int_equal(nsegs, 4711);
		assert_int_equal(told.ncalls, 0);
		assert_int_equal(bus_dmamap_load_mbuf(narrow, narrow_map, &m[0], callback2, &told, 0), EFBIG);
		assert_int_equal(told.ncalls, 1);
		assert_int_equal(told.error, EFBIG);
		uio.uio_resid = -1;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, callback2, &told, 0), EINVAL);
		uio.uio_resid = 100;
		uio.uio_iovcnt = -1;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, callback2, &told, 0), EINVAL);
		drop(tag, map);
		drop(small, small_map);
		drop(narrow, narrow_map);
		end();
	}
}

static void test_mbuf_and_uio_loads_are_never_deferred(void **state)
{
	struct told told = { 0 };
	bus_dma_segment_t seg;
	int nsegs;
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 1, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	bus_dmamap_t full = map_of(tag), map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told, 0), 0);
	struct mbuf m = { .m_data = (caddr_t)buf, .m_len = 100 };
	struct iovec iov = { buf, 100 };
	struct uio uio = { .uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = 100 };
	assert_int_equal(bus_dmamap_load_mbuf_sg(tag, map, &m, &seg, &nsegs, BUS_DMA_WAITOK), ENOMEM);
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, &m, callback2, &told, BUS_DMA_WAITOK), ENOMEM);
	assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, callback2, &told, BUS_DMA_WAITOK), ENOMEM);
	assert_int_equal(told.ncalls, 1);
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 0);
	bus_dmamap_unload(tag, full);
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	drop(tag, map);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mbufs_and_uios_are_loaded),
		cmocka_unit_test(test_mbuf_and_uio_loads_are_never_deferred),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
