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

/* Lengths that no object has: negative ones, and sums beyond all memory. */
static void test_lengths_that_cannot_be_are_refused(void **state)
{
	struct told told = { 0 };
	bus_dma_segment_t segs[8];
	int nsegs = 4711;
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		bus_dma_tag_t tag = tag_of(8192, 8, 4096), huge = tag_of(BUS_SPACE_MAXSIZE, 8, BUS_SPACE_MAXSIZE);
		const struct { bus_dma_tag_t tag; bus_dmamap_t map; } maps[] = { { tag, map_of(tag) }, { huge, map_of(huge) } };
		unsigned char *buf = world_buffer(&world, 4096);
		struct mbuf m[2] = { { .m_next = &m[1], .m_data = (caddr_t)buf, .m_len = 100 },
			{ .m_data = (caddr_t)buf, .m_len = -100 } };
		struct iovec iov = { buf, SIZE_MAX };
		struct uio uio = { .uio_iov = &iov, .uio_iovcnt = 1, .uio_resid = PTRDIFF_MAX };
		for (int i = 0; i < 2; i++) {
			bus_dma_tag_t t = maps[i].tag;
			bus_dmamap_t map = maps[i].map;
			assert_int_equal(bus_dmamap_load_mbuf(t, map, m, callback2, &told, 0), EINVAL);
			assert_int_equal(bus_dmamap_load_mbuf_sg(t, map, m, segs, &nsegs, 0), EINVAL);
			iov.iov_len = SIZE_MAX;
			uio.uio_resid = PTRDIFF_MAX;
			assert_int_equal(bus_dmamap_load_uio(t, map, &uio, callback2, &told, 0), EINVAL);
			iov.iov_len = 100;
			uio.uio_resid = -1; /* fewer than none are none, not all there are */
			assert_int_equal(bus_dmamap_load_uio(t, map, &uio, callback2, &told, 0), EINVAL);
			uio.uio_resid = PTRDIFF_MIN;
			assert_int_equal(bus_dmamap_load_uio(t, map, &uio, callback2, &told, 0), EINVAL);
			assert_int_equal(bus_dmamap_load_uio(t, map, NULL, callback2, &told, 0), EINVAL);
			assert_int_equal(bus_dmamap_load_mbuf(t, map, NULL, callback2, &told, 0), EINVAL);
			drop(t, map);
		}
		assert_int_equal(told.ncalls, 0);
		assert_int_equal(nsegs, 4711);
		end();
	}
}

/* The same bytes, described in each way there is. */
static void test_every_kind_of_memdesc_is_loaded(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		static unsigned char seen[5000];
		start(ways[w]);
		bus_dma_tag_t tag = tag_of(8192, 8, 4096);
		bus_dmamap_t map = map_of(tag);
		unsigned char *buf = world_buffer(&world, 3 * 4096);
		const mete_paddr phys = SMALL_PHYS + (mete_paddr)(buf - world.small.memory);
		fill(buf, 5000, 1);
		struct mbuf m[2] = { { .m_next = &m[1], .m_data = (caddr_t)buf, .m_len = 2000 },
			{ .m_data = (caddr_t)buf + 2000, .m_len = 3000 } };
		struct iovec iov[2] = { { buf, 2000 }, { buf + 2000, 4000 } };
		struct uio uio = { .uio_iov = iov, .uio_iovcnt = 2, .uio_resid = 5000 };
		bus_dma_segment_t plist[2] = { { (bus_addr_t)phys, 2000 }, { (bus_addr_t)phys + 2000, 3000 } };
		const struct {
			const char *why;
			struct memdesc mem;
		} rows[] = {
			{ "a buffer", memdesc_vaddr(buf, 5000) },
			{ "a physical one", memdesc_paddr(phys, 5000) },
			{ "physical pieces", memdesc_plist(plist, 2) },
			{ "a uio", memdesc_uio(&uio) },
			{ "mbufs", memdesc_mbuf(m) },
		};
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			struct memdesc mem = rows[i].mem;
			struct told told = { 0 };
			assert_row(bus_dmamap_load_mem(tag, map, &mem, callback, &told, 0) == 0, i, rows[i].why);
			assert_row(told.ncalls == 1 && told.error == 0 && total(told.segs, told.nsegs) == 5000, i, rows[i].why);
			bus_dmamap_sync(tag, map, BUS_DMASYNC_PREWRITE);
			memset(seen, 0, sizeof seen);
			device_gets(told.segs, told.nsegs, seen);
			assert_row(filled(seen, 5000, 1), i, rows[i].why);
			bus_dmamap_unload(tag, map);
		}
		assert_int_equal(bad_arguments(), 0);
		drop(tag, map);
		end();
	}
}

#if METE_ADDR_BITS == 64 || UINTPTR_MAX == UINT32_MAX /* a bus_addr_t holds a pointer */
static void test_a_vlist_names_memory_by_cpu_addresses(void **state)
{
	struct told told = { 0 };
	unsigned char seen[300];
	(void)state;

	start(WORLD_BOUNCE);
	bus_dma_tag_t tag = tag_of(8192, 8, 4096);
	bus_dmamap_t map = map_of(tag);
	unsigned char *buf = world_buffer(&world, 8192);
	fill(buf, 100, 1);
	fill(buf + 4096, 200, 2);
	bus_dma_segment_t vlist[2] = { { (uintptr_t)buf, 100 }, { (uintptr_t)(buf + 4096), 200 } };
	struct memdesc mem = memdesc_vlist(vlist, 2);
	assert_int_equal(bus_dmamap_load_mem(tag, map, &mem, callback, &told, 0), 0);
	bus_dmamap_sync(tag, map, BUS_DMASYNC_PREWRITE);
	assert_int_equal(total(told.segs, told.nsegs), 300);
	device_gets(told.segs, told.nsegs, seen);
	assert_true(filled(seen, 100, 1) && filled(seen + 100, 200, 2));
	drop(tag, map);
	end();
}
#endif

/* A driver's own words for nothing, and for what is not there. */
static void test_bad_memdescs_are_refused(void **state)
{
	struct told told = { 0 };
	bus_dma_segment_t list[2] = { { SMALL_PHYS, 4096 }, { SMALL_PHYS + 8192, 4097 } };
	bus_dma_segment_t empty[2] = { { SMALL_PHYS, 0 }, { SMALL_PHYS, 0 } };
	(void)state;

	start(WORLD_SHORT);
	bus_dma_tag_t tag = tag_of(8192, 8, 4096);
	bus_dmamap_t map = map_of(tag);
	void *far = world_buffer(&world, 4096);
	const mete_paddr far_phys = SMALL_PHYS + (mete_paddr)((unsigned char *)far - world.small.memory);
	struct memdesc of_pages = memdesc_vaddr(far, 100);
	of_pages.md_type = 8;
	const struct {
		const char *why;
		struct memdesc mem;
	} rows[] = {
		{ "nothing", memdesc_vaddr(world.small.memory, 0) },
		{ "long, but for the low bits of its length", memdesc_vaddr(world.small.memory, SIZE_MAX / 2 + 101) },
		{ "nothing physical", memdesc_paddr(SMALL_PHYS, 0) },
		{ "no segments", memdesc_plist(list, 0) },
		{ "only empty segments", memdesc_plist(empty, 2) },
		{ "fewer than none", memdesc_plist(empty, -1) },
		{ "fewer than none, by CPU addresses", memdesc_vlist(empty, -1) },
		{ "no list", memdesc_plist(NULL, 2) },
		{ "longer than maxsize", memdesc_plist(list, 2) },
		{ "longer than anything", memdesc_paddr(SMALL_PHYS, SIZE_MAX) },
		{ "no mbufs", memdesc_mbuf(NULL) },
		{ "no uio", memdesc_uio(NULL) },
		{ "a kind that is not here", of_pages },
		{ "out of reach", memdesc_paddr(far_phys, 100) },
		{ "no memory at all", memdesc_paddr(SMALL_PHYS + SMALL_LEN, 100) },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct memdesc mem = rows[i].mem;
		assert_row(bus_dmamap_load_mem(tag, map, &mem, callback, &told, 0) == EINVAL, i, rows[i].why);
	}
	assert_int_equal(bus_dmamap_load_mem(tag, map, NULL, callback, &told, 0), EINVAL);
	assert_int_equal(bus_dmamap_load_bio(tag, map, NULL, callback, &told, 0), EINVAL);
	struct memdesc good = memdesc_paddr(SMALL_PHYS, 100);
	assert_int_equal(bus_dmamap_load_mem(tag, map, &good, NULL, NULL, 0), EINVAL);
	assert_int_equal(told.ncalls, 0);
	assert_int_equal(bus_dmamap_load_mem(tag, map, &good, callback, &told, 0), 0);
	assert_int_equal(bus_dmamap_load_mem(tag, map, &good, callback, &told, 0), EINVAL); /* it is loaded */
	assert_int_equal(told.ncalls, 1);
	drop(tag, map);
	end();
}

/* The map of memory of bus_dmamem_alloc() is for this memory, whoever describes it. */
static void test_a_memdesc_of_dma_memory_is_loaded(void **state)
{
	struct told told = { 0 };
	bus_dmamap_t map;
	void *cpu;
	(void)state;

	start(WORLD_BOUNCE);
	bus_dma_tag_t tag = tag_of(4096, 1, 4096);
	assert_int_equal(bus_dmamem_alloc(tag, &cpu, BUS_DMA_NOWAIT, &map), 0);
	struct memdesc mem = memdesc_vaddr(cpu, 4096), other = memdesc_paddr(SMALL_PHYS, 4096);
	assert_int_equal(bus_dmamap_load_mem(tag, map, &other, callback, &told, 0), EINVAL);
	assert_int_equal(bus_dmamap_load_mem(tag, map, &mem, callback, &told, 0), 0);
	assert_int_equal(told.ncalls, 1);
	assert_int_equal(told.nsegs, 1);
	assert_int_equal(mete_bounce_used(&world.bounce), 0);
	bus_dmamem_free(tag, cpu, map);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);
	end();
}

static void test_requests_are_loaded(void **state)
{
	unsigned char seen[512];
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		struct told told = { 0 };
		start(ways[w]);
		bus_dma_tag_t tag = tag_of(4096, 8, 4096);
		bus_dmamap_t map = map_of(tag);
		unsigned char *buf = world_buffer(&world, 4096);
		fill(buf, 512, 1);
		struct bio bio = { .bio_cmd = BIO_WRITE, .bio_data = (caddr_t)buf, .bio_bcount = 512, .bio_length = 512 };
		assert_int_equal(bus_dmamap_load_bio(tag, map, &bio, callback, &told, BUS_DMA_NOWRITE), 0);
		assert_int_equal(total(told.segs, told.nsegs), 512);
		bus_dmamap_sync(tag, map, BUS_DMASYNC_PREWRITE);
		device_gets(told.segs, told.nsegs, seen);
		assert_true(filled(seen, 512, 1));
		bus_dmamap_unload(tag, map);

		/* Without bytes, or without a CPU address. */
		static const struct { long bcount; uint16_t flags; } bad[] = { { 0, 0 }, { -1, 0 }, { 4097, 0 },
			{ 512, BIO_UNMAPPED } };
		for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
			bio.bio_bcount = bad[i].bcount;
			bio.bio_flags = bad[i].flags;
			assert_int_equal(bus_dmamap_load_bio(tag, map, &bio, callback, &told, 0), EINVAL);
		}
		assert_int_equal(told.ncalls, 1);
		drop(tag, map);
		end();
	}
}

/* The descriptor may be gone when its turn comes; what it leads to may not. */
static void test_memdescs_and_requests_wait_like_buffers(void **state)
{
	struct told told[4] = { { 0 } };
	unsigned char seen[4096];
	bus_dmamap_t map[4];
	(void)state;

	start_scarce();
	bus_dma_tag_t tag = tag_of(8192, 4, 8192);
	unsigned char *buf = world_buffer(&world, 8192);
	for (int i = 0; i < 4; i++)
		map[i] = map_of(tag);
	fill(buf, 8192, 5);
	struct mbuf m[2] = { { .m_next = &m[1], .m_data = (caddr_t)buf, .m_len = 1000 },
		{ .m_data = (caddr_t)buf + 1000, .m_len = 1048 } };
	struct bio bio = { .bio_data = (caddr_t)buf, .bio_bcount = 2048 };
	struct memdesc mem = memdesc_mbuf(m);
	assert_int_equal(bus_dmamap_load(tag, map[0], buf, 8192, callback, &told[0], 0), 0);
	assert_int_equal(bus_dmamap_load_mem(tag, map[1], &mem, callback, &told[1], BUS_DMA_NOWAIT), ENOMEM);
	assert_int_equal(bus_dmamap_load_mem(tag, map[1], &mem, callback, &told[1], 0), EINPROGRESS);
	mem = memdesc_paddr(SMALL_PHYS + (mete_paddr)(buf - world.small.memory), 2048);
	assert_int_equal(bus_dmamap_load_mem(tag, map[2], &mem, callback, &told[2], 0), EINPROGRESS);
	memset(&mem, 0, sizeof mem);
	assert_int_equal(bus_dmamap_load_bio(tag, map[3], &bio, callback, &told[3], 0), EINPROGRESS);
	memset(&bio, 0, sizeof bio);
	assert_int_equal(mete_freebsd_bus_waiting(&bus), 3);
	assert_int_equal(told[1].ncalls + told[2].ncalls + told[3].ncalls, 0);
	bus_dmamap_unload(tag, map[0]);
	for (int i = 1; i < 4; i++) {
		assert_int_equal(told[i].ncalls, 1);
		assert_int_equal(told[i].error, 0);
		assert_int_equal(told[i].place, i);
		assert_int_equal(total(told[i].segs, told[i].nsegs), 2048);
		bus_dmamap_sync(tag, map[i], BUS_DMASYNC_PREWRITE);
		device_gets(told[i].segs, told[i].nsegs, seen);
		assert_true(filled(seen, 2048, 5));
		bus_dmamap_unload(tag, map[i]);
		assert_int_equal(bus_dmamap_destroy(tag, map[i]), 0);
	}
	drop(tag, map[0]);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mbufs_and_uios_are_loaded),
		cmocka_unit_test(test_mbuf_and_uio_loads_are_never_deferred),
		cmocka_unit_test(test_lengths_that_cannot_be_are_refused),
		cmocka_unit_test(test_every_kind_of_memdesc_is_loaded),
#if METE_ADDR_BITS == 64 || UINTPTR_MAX == UINT32_MAX
		cmocka_unit_test(test_a_vlist_names_memory_by_cpu_addresses),
#endif
		cmocka_unit_test(test_bad_memdescs_are_refused),
		cmocka_unit_test(test_a_memdesc_of_dma_memory_is_loaded),
		cmocka_unit_test(test_requests_are_loaded),
		cmocka_unit_test(test_memdescs_and_requests_wait_like_buffers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
