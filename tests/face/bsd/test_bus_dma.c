/* SPDX-License-Identifier: ISC */
/*
 * Maps of bus_dma(9) as a driver of OpenBSD or NetBSD uses them, from the native header, in each way of mapping, with a
 * device that only knows bus addresses.
 */
#include "support.h"

#include <sys/mbuf.h>
#include <sys/uio.h>

#include "bsd_face.h"

static void test_data_moves_both_ways(void **state)
{
	static unsigned char seen[10000];
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		bus_dmamap_t map = create(16384, 8, 4096, 0);
		unsigned char *buf = (unsigned char *)world_buffer(&world, 12000) + 100;
		fill(buf, sizeof seen, 1);
		assert_int_equal(bus_dmamap_load(tag, map, buf, sizeof seen, NULL, BUS_DMA_NOWAIT), 0);
		assert_int_equal(map->dm_mapsize, sizeof seen);
		assert_int_equal(mapped(map), sizeof seen);
		bus_dmamap_sync(tag, map, 0, sizeof seen, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
		device_gets(map, seen);
		assert_true(filled(seen, sizeof seen, 1));
		fill(seen, sizeof seen, 2);
		device_puts(map, seen);
		bus_dmamap_sync(tag, map, 0, sizeof seen, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
		assert_true(filled(buf, sizeof seen, 2));
		bus_dmamap_unload(tag, map);
		assert_int_equal(map->dm_mapsize, 0);
		assert_int_equal(map->dm_nsegs, 0);
		bus_dmamap_destroy(tag, map);
		assert_int_equal(bad_arguments(), 0);
		end();
	}
}

/* The whole table of operations, by what each moves between the CPU's memory and a stand-in. */
static void test_each_sync_operation_moves_what_it_says(void **state)
{
	const int pre = BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE, post = BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE;
	unsigned char seen;
	(void)state;

	start(WORLD_BOUNCE);
	bus_dmamap_t map = create(64, 1, 64, 0);
	unsigned char *buf = world_buffer(&world, 64);
	for (int ops = -1; ops <= 17; ops++) {
		bool known = ops > 0 && ops < 16 && (!(ops & pre) || !(ops & post));
		unsigned long before = bad_arguments();

		/* The CPU writes after the load. */
		memset(buf, 'a', 64);
		assert_int_equal(bus_dmamap_load(tag, map, buf, 64, NULL, 0), 0);
		memset(buf, 'b', 64);
		bus_dmamap_sync(tag, map, 0, 64, ops);
		assert_true(world_read(&world, map->dm_segs[0].ds_addr + 63, &seen, 1));
		assert_row(seen == (known && (ops & BUS_DMASYNC_PREWRITE) ? 'b' : 'a'), ops + 1, "to the device");
		bus_dmamap_unload(tag, map);

		/* The device writes. */
		memset(buf, 'a', 64);
		assert_int_equal(bus_dmamap_load(tag, map, buf, 64, NULL, 0), 0);
		assert_true(world_write(&world, map->dm_segs[0].ds_addr + 63, "c", 1));
		bus_dmamap_sync(tag, map, 0, 64, ops);
		assert_row(buf[63] == (known && (ops & BUS_DMASYNC_POSTREAD) ? 'c' : 'a'), ops + 1, "to the CPU");
		assert_row(buf[0] == 'a', ops + 1, "what the device did not write stays");
		bus_dmamap_unload(tag, map);
		assert_row(bad_arguments() - before == (known ? 0 : 2), ops + 1, "counted if unknown");
	}
	bus_dmamap_destroy(tag, map);
	end();
}

static void test_sync_concerns_the_bytes_it_names(void **state)
{
	unsigned char seen[300];
	(void)state;

	start(WORLD_BOUNCE);
	bus_dmamap_t map = create(300, 4, 100, 0);
	unsigned char *buf = world_buffer(&world, 300);
	memset(buf, 'a', 300);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 300, NULL, 0), 0);
	memset(buf, 'b', 300);
	bus_dmamap_sync(tag, map, 90, 120, BUS_DMASYNC_PREWRITE); /* parts of three segments */
	device_gets(map, seen);
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(seen[i], i >= 90 && i < 210 ? 'b' : 'a');
	bus_dmamap_unload(tag, map);
	bus_dmamap_destroy(tag, map);
	end();
}

static void test_an_unload_does_not_sync(void **state)
{
	(void)state;

	start(WORLD_BOUNCE);
	bus_dmamap_t map = create(64, 1, 64, 0);
	unsigned char *buf = world_buffer(&world, 64);
	memset(buf, 'a', 64);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 64, NULL, 0), 0);
	assert_true(world_write(&world, map->dm_segs[0].ds_addr, "c", 1));
	bus_dmamap_unload(tag, map);
	assert_int_equal(buf[0], 'a');
	bus_dmamap_destroy(tag, map);
	end();
}

static void test_segments_obey_the_map(void **state)
{
	static const struct {
		bus_size_t size;
		int nsegments;
		bus_size_t maxsegsz, boundary, off, len;
		int error;
		const char *why;
	} rows[] = {
		{ 8192, 1, 8192, 0, 0, 8192, OK, "one segment" },
		{ 8192, 2, 4096, 0, 0, 8192, OK, "cut at the longest" },
		{ 8192, 1, 4096, 0, 0, 8192, EFBIG_, "one segment too few" },
		{ 8192, 3, 8192, 4096, 100, 8192, OK, "cut at boundaries" },
		{ 8192, 2, 8192, 4096, 100, 8192, EFBIG_, "boundaries make one more" },
		{ 8192, 1, 8192, 4096, 0, 4096, OK, "up to a boundary" },
		{ 8192, 1, 8192, 4096, 0, 4097, EFBIG_, "over a boundary" },
		{ 4096, 8, 1000, 0, 1, 4096, OK, "a length of no alignment" },
		{ 4096, 8, 4096, 0, 0, 4097, EINVAL_, "longer than the map" },
		{ 4096, 8, 4096, 0, 0, 0, EINVAL_, "nothing" },
		{ 4096, 8, 4096, 0, 0, METE_BADDR_MAX, EINVAL_, "an overlong length" },
	};
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		unsigned char *buf = world_buffer(&world, 16384);
		for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
			bus_dmamap_t map = create(rows[i].size, rows[i].nsegments, rows[i].maxsegsz, rows[i].boundary);
			int error = bus_dmamap_load(tag, map, buf + rows[i].off, rows[i].len, NULL, 0);
			/* A stand-in, or an address of the IOMMU's, may lie better than the memory does. */
			bool better = ways[w] != WORLD_DIRECT && rows[i].boundary && !error;
			assert_row(error == rows[i].error || better, i, rows[i].why);
			assert_row(map->dm_mapsize == (error ? 0 : rows[i].len), i, rows[i].why);
			assert_row(mapped(map) == map->dm_mapsize, i, rows[i].why);
			for (int s = 0; s < map->dm_nsegs; s++) {
				bus_addr_t first = map->dm_segs[s].ds_addr, last = first + map->dm_segs[s].ds_len - 1;
				assert_row(last - first < rows[i].maxsegsz, i, rows[i].why);
				assert_row(!rows[i].boundary || first / rows[i].boundary == last / rows[i].boundary, i,
				    rows[i].why);
			}
			if (!error)
				bus_dmamap_unload(tag, map);
			bus_dmamap_destroy(tag, map);
		}
		end();
	}
}

static void test_impossible_maps_are_not_created(void **state)
{
	static const struct {
		bus_size_t size;
		int nsegments;
		bus_size_t maxsegsz, boundary;
		const char *why;
	} rows[] = {
		{ 0, 1, 1, 0, "no size" }, { 4096, 0, 4096, 0, "no segments" }, { 4096, -1, 4096, 0, "fewer than none" },
		{ 4096, 1, 0, 0, "segments of nothing" }, { 4096, 1, 4096, 3000, "a boundary that is no power of two" },
	};
	struct bus_dmamap none;
	bus_dmamap_t map = &none;
	(void)state;

	start(WORLD_DIRECT);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int error = bus_dmamap_create(tag, rows[i].size, rows[i].nsegments, rows[i].maxsegsz, rows[i].boundary,
		    BUS_DMA_WAITOK | BUS_DMA_ALLOCNOW, &map);
		assert_row(error == EINVAL_, i, rows[i].why);
		assert_row(map == &none, i, rows[i].why);
	}
	world.small.fail_records = 0;
	assert_int_equal(bus_dmamap_create(tag, 4096, 4, 4096, 0, BUS_DMA_WAITOK, &map), ENOMEM_);
	assert_ptr_equal(map, &none);
	world.small.fail_records = SIZE_MAX;
	bus_dmamap_destroy(tag, NULL);
	end();
}

static void test_a_map_is_loaded_once(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		bus_dmamap_t map = create(4096, 2, 4096, 0);
		unsigned char *buf = world_buffer(&world, 8192);
		assert_int_equal(bus_dmamap_load(tag, map, buf, 100, NULL, 0), 0);
		bus_addr_t first = map->dm_segs[0].ds_addr;
		assert_int_equal(bus_dmamap_load(tag, map, buf + 4096, 200, NULL, 0), EINVAL_);
		assert_int_equal(map->dm_mapsize, 100);
		assert_int_equal(map->dm_nsegs, 1);
		assert_int_equal(map->dm_segs[0].ds_addr, first);
		bus_dmamap_unload(tag, map);
		bus_dmamap_destroy(tag, map);
		end();
	}
}

static void test_mistakes_without_a_return_value_are_counted(void **state)
{
	face_tag other;
	struct mete_device device;
	(void)state;

	start(WORLD_BOUNCE);
	const struct mete_device_config config = { .provider = &world.small.arena.provider };
	assert_ok(mete_device_init(&device, &config));
	assert_ok(face_tag_init(&other, &device));
	bus_dmamap_t map = create(4096, 2, 4096, 0);
	unsigned char *buf = world_buffer(&world, 4096);
	unsigned long n = bad_arguments();
	bus_dmamap_unload(tag, map); /* the unloaded */
	assert_int_equal(bad_arguments(), ++n);
	bus_dmamap_sync(tag, map, 0, 1, BUS_DMASYNC_PREREAD);
	assert_int_equal(bad_arguments(), ++n);

	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, NULL, 0), 0);
	bus_dmamap_sync(tag, map, 0, 101, BUS_DMASYNC_PREWRITE);
	assert_int_equal(bad_arguments(), ++n);
	bus_dmamap_sync(tag, map, 100, 1, BUS_DMASYNC_PREWRITE);
	assert_int_equal(bad_arguments(), ++n);
	bus_dmamap_sync(tag, map, METE_BADDR_MAX, 2, BUS_DMASYNC_PREWRITE);
	assert_int_equal(bad_arguments(), ++n);
	bus_dmamap_sync(tag, map, 1, METE_BADDR_MAX, BUS_DMASYNC_POSTREAD);
	assert_int_equal(bad_arguments(), ++n);
	bus_dmamap_sync(tag, map, 0, 0, BUS_DMASYNC_PREWRITE);
	assert_int_equal(bad_arguments(), ++n);

	/* Another device's tag. */
	bus_dmamap_sync(&other, map, 0, 100, BUS_DMASYNC_PREWRITE);
	assert_int_equal(bad_arguments(), ++n);
	bus_dmamap_unload(&other, map);
	assert_int_equal(bad_arguments(), ++n);
	bus_dmamap_destroy(&other, map);
	assert_int_equal(bad_arguments(), ++n);
	assert_int_equal(map->dm_mapsize, 100);
	bus_dmamap_unload(tag, map);
	assert_int_equal(bus_dmamap_load(&other, map, buf, 100, NULL, 0), EINVAL_);
	bus_dmamap_destroy(tag, map);
	assert_ok(mete_device_fini(&device));
	end();
}

static void test_destroy_unloads(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		bus_dmamap_t map = create(4096, 2, 4096, 0);
		assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 4096), 4096, NULL, 0), 0);
		bus_dmamap_destroy(tag, map);
		end(); /* nothing is visible, nothing is held */
	}
}

static void test_unreachable_memory_is_refused(void **state)
{
	static unsigned char foreign[64];
	(void)state;

	start(WORLD_SHORT);
	bus_dmamap_t map = create(4096, 2, 4096, 0);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 4096), 4096, NULL, 0), EINVAL_);
	assert_int_equal(bus_dmamap_load(tag, map, foreign, sizeof foreign, NULL, 0), EINVAL_);
	assert_int_equal(bus_dmamap_load(tag, map, NULL, 1, NULL, 0), EINVAL_);
	assert_int_equal(map->dm_mapsize, 0);
	assert_int_equal(map->dm_nsegs, 0);
	assert_int_equal(small_arena_counters(&world.small).map_refused, 3);
	bus_dmamap_destroy(tag, map);
	end();
}

static void test_used_up_space_is_enomem_and_comes_back(void **state)
{
	(void)state;

	for (int w = 0; w < 2; w++) {
		bus_dmamap_t map[20];
		int n = 0, error = 0;
		start(w ? WORLD_IOVA_WAY : WORLD_BOUNCE);
		unsigned char *buf = world_buffer(&world, 16384);
		do {
			map[n] = create(16384, 8, 16384, 0);
			error = bus_dmamap_load(tag, map[n++], buf, 16384, NULL, 0);
		} while (!error && n < 20);
		assert_int_equal(error, ENOMEM_);
		assert_int_equal(map[n - 1]->dm_mapsize, 0);
		assert_true(n > 1);
		bus_dmamap_unload(tag, map[0]);
		assert_int_equal(bus_dmamap_load(tag, map[n - 1], buf, 16384, NULL, 0), 0);
		for (int i = 1; i < n; i++)
			bus_dmamap_unload(tag, map[i]);
		for (int i = 0; i < n; i++)
			bus_dmamap_destroy(tag, map[i]);
		end();
	}
}

#if METE_FACE == 3
typedef unsigned int packet_len;
#else
typedef int packet_len;
#endif

/* A chain of pieces that do not meet, so that an IOMMU is asked more than once. */
static struct mbuf *chain(struct mbuf *m, size_t n, size_t each)
{
	for (size_t i = 0; i < n; i++) {
		memset(&m[i], 0, sizeof m[i]);
		m[i].m_data = (char *)world_buffer(&world, each + 64) + 64;
		m[i].m_len = (packet_len)each;
		m[i].m_next = i + 1 < n ? &m[i + 1] : NULL;
		fill((unsigned char *)m[i].m_data, each, (unsigned)i);
	}
	m[0].m_flags = M_PKTHDR;
	m[0].m_pkthdr.len = (int)(n * each);
	return m;
}

static void test_an_iommu_that_fails_in_the_middle_leaves_nothing(void **state)
{
	struct mbuf m[4];
	(void)state;

	start(WORLD_IOVA_WAY);
	bus_dmamap_t map = create(65536, 16, 65536, 0);
	chain(m, 4, 1000);
	size_t fail = 0;
	for (;; fail++) {
		world.fail_maps = fail;
		int error = bus_dmamap_load_mbuf(tag, map, m, BUS_DMA_NOWAIT);
		if (!error)
			break;
		assert_int_equal(error, EIO_);
		assert_int_equal(map->dm_mapsize, 0);
		assert_int_equal(world_pages(&world), 0);
	}
	assert_true(fail > 1);
	bus_dmamap_unload(tag, map);
	bus_dmamap_destroy(tag, map);
	end();
}

static void test_a_packet_is_its_mbufs_in_order(void **state)
{
	unsigned char seen[6000];
	struct mbuf m[4];
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		bus_dmamap_t map = create(6000, 8, 6000, 0);
		chain(m, 4, 2000);
		m[1].m_len = 0; /* as drivers leave them */
		m[0].m_pkthdr.len = 6000;
		assert_int_equal(bus_dmamap_load_mbuf(tag, map, m, BUS_DMA_NOWAIT | BUS_DMA_WRITE), 0);
		assert_int_equal(map->dm_mapsize, 6000);
		bus_dmamap_sync(tag, map, 0, map->dm_mapsize, BUS_DMASYNC_PREWRITE);
		device_gets(map, seen);
		assert_true(filled(seen, 2000, 0) && filled(seen + 2000, 2000, 2) && filled(seen + 4000, 2000, 3));
		bus_dmamap_sync(tag, map, 0, map->dm_mapsize, BUS_DMASYNC_POSTWRITE);
		bus_dmamap_unload(tag, map);
		bus_dmamap_destroy(tag, map);
		end();
	}
}

static void test_bad_packets_are_refused(void **state)
{
	struct mbuf m[4];
	(void)state;

	start(WORLD_DIRECT);
	bus_dmamap_t map = create(4000, 3, 4000, 0);
	chain(m, 4, 1000);
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, m, 0), EFBIG_); /* four places, three segments */
	m[0].m_pkthdr.len = 4001;
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, m, 0), EINVAL_); /* longer than the map */
	m[0].m_pkthdr.len = 0;
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, m, 0), EINVAL_);
	m[0].m_pkthdr.len = -1;
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, m, 0), EINVAL_);
	m[0].m_pkthdr.len = 4000;
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, m + 1, 0), EINVAL_); /* no packet starts here */
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, NULL, 0), EINVAL_);
	m[2].m_next = NULL;
	m[2].m_len = 2001; /* the header says less */
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, m, 0), EFBIG_);
	m[1].m_len = m[2].m_len = (packet_len)~0u; /* lengths that overflow */
	assert_int_not_equal(bus_dmamap_load_mbuf(tag, map, m, 0), 0);
	m[2].m_len = 500;
	m[1].m_len = (packet_len)-1000; /* negative, where the type is signed: no byte is given back */
	assert_int_not_equal(bus_dmamap_load_mbuf(tag, map, m, 0), 0);
	assert_int_equal(map->dm_mapsize, 0);
	/* the header says more: what there is counts */
	m[1].m_len = 1000;
	assert_int_equal(bus_dmamap_load_mbuf(tag, map, m, 0), 0);
	assert_int_equal(map->dm_mapsize, 2500);
	bus_dmamap_unload(tag, map);
	bus_dmamap_destroy(tag, map);
	end();
}

static void test_a_uio_is_its_vectors_up_to_resid(void **state)
{
	unsigned char seen[2500];
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		bus_dmamap_t map = create(4000, 8, 4000, 0);
		struct iovec iov[3];
		for (size_t i = 0; i < 3; i++) {
			iov[i].iov_base = world_buffer(&world, 1000);
			iov[i].iov_len = 1000;
			fill(iov[i].iov_base, 1000, (unsigned)i);
		}
		struct uio uio = { .uio_iov = iov, .uio_iovcnt = 3, .uio_resid = 2500, .uio_rw = UIO_WRITE };
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, 0), 0);
		assert_int_equal(map->dm_mapsize, 2500);
		bus_dmamap_sync(tag, map, 0, 2500, BUS_DMASYNC_PREWRITE);
		device_gets(map, seen);
		assert_true(filled(seen, 1000, 0) && filled(seen + 1000, 1000, 1) && filled(seen + 2000, 500, 2));
		bus_dmamap_unload(tag, map);

		iov[1].iov_len = 0;
		uio.uio_resid = 4000; /* more than there is */
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, 0), 0);
		assert_int_equal(map->dm_mapsize, 2000);
		bus_dmamap_unload(tag, map);
		uio.uio_resid = 4001;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, 0), EINVAL_);
		uio.uio_resid = 0;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, 0), EINVAL_);
		uio.uio_resid = SIZE_MAX;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, 0), EINVAL_);
		assert_int_equal(bus_dmamap_load_uio(tag, map, NULL, 0), EINVAL_);
		uio.uio_resid = 100;
		uio.uio_iovcnt = -1;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, 0), EINVAL_);
		uio.uio_iovcnt = 0;
		assert_int_equal(bus_dmamap_load_uio(tag, map, &uio, 0), EINVAL_);
		bus_dmamap_destroy(tag, map);
		end();
	}
}

/* READ and WRITE narrow what the device may do, and syncs to what can have happened. */
static void test_direction_flags_narrow_the_access(void **state)
{
	unsigned char byte = 'x';
	(void)state;

	start(WORLD_IOVA_WAY);
	bus_dmamap_t map = create(4096, 2, 4096, 0);
	unsigned char *buf = world_buffer(&world, 4096);
	const struct {
		int flags, foreign;
		bool reads, writes;
	} rows[] = {
		{ 0, 0, true, true }, { BUS_DMA_READ | BUS_DMA_WRITE, 0, true, true },
		{ BUS_DMA_READ, BUS_DMASYNC_PREWRITE, false, true }, { BUS_DMA_WRITE, BUS_DMASYNC_POSTREAD, true, false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		assert_int_equal(bus_dmamap_load(tag, map, buf, 4096, NULL, rows[i].flags), 0);
		assert_true(world_read(&world, map->dm_segs[0].ds_addr, &byte, 1) == rows[i].reads);
		assert_true(world_write(&world, map->dm_segs[0].ds_addr, &byte, 1) == rows[i].writes);
		unsigned long n = bad_arguments();
		bus_dmamap_sync(tag, map, 0, 4096, BUS_DMASYNC_PREREAD | BUS_DMASYNC_PREWRITE);
		bus_dmamap_sync(tag, map, 0, 4096, BUS_DMASYNC_POSTREAD | BUS_DMASYNC_POSTWRITE);
		assert_int_equal(bad_arguments(), n);
		if (rows[i].foreign) {
			bus_dmamap_sync(tag, map, 0, 4096, rows[i].foreign);
			assert_int_equal(bad_arguments(), n + 1);
		}
		bus_dmamap_unload(tag, map);
	}
	bus_dmamap_destroy(tag, map);
	end();
}

static void test_a_tag_needs_a_device(void **state)
{
	face_tag made;
	(void)state;

	assert_error(face_tag_init(NULL, &world.device), METE_EINVAL);
	assert_error(face_tag_init(&made, NULL), METE_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_data_moves_both_ways),
		cmocka_unit_test(test_each_sync_operation_moves_what_it_says),
		cmocka_unit_test(test_sync_concerns_the_bytes_it_names),
		cmocka_unit_test(test_an_unload_does_not_sync),
		cmocka_unit_test(test_segments_obey_the_map),
		cmocka_unit_test(test_impossible_maps_are_not_created),
		cmocka_unit_test(test_a_map_is_loaded_once),
		cmocka_unit_test(test_mistakes_without_a_return_value_are_counted),
		cmocka_unit_test(test_destroy_unloads),
		cmocka_unit_test(test_unreachable_memory_is_refused),
		cmocka_unit_test(test_used_up_space_is_enomem_and_comes_back),
		cmocka_unit_test(test_an_iommu_that_fails_in_the_middle_leaves_nothing),
		cmocka_unit_test(test_a_packet_is_its_mbufs_in_order),
		cmocka_unit_test(test_bad_packets_are_refused),
		cmocka_unit_test(test_a_uio_is_its_vectors_up_to_resid),
		cmocka_unit_test(test_direction_flags_narrow_the_access),
		cmocka_unit_test(test_a_tag_needs_a_device),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
