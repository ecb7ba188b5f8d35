/* SPDX-License-Identifier: ISC */
/*
 * The three ways to a device, case by case: direct, stand-ins, IOVA, and both together.  tests/model searches the same
 * ground at random.
 */
#include "support.h"

#include "ways_world.h"

static const struct mete_bounce_config area = { .len = 64 << 10 };

static void test_memory_out_of_reach_is_copied_to_and_fro(void **state)
{
	static const struct mete_constraint narrow = { .last = REACH };
	struct world w;
	mete_baddr bus;
	unsigned char want[300];
	(void)state;

	start(&w, &narrow);
	with_bounce(&w, &area);
	unsigned char *far = w.small.memory + SMALL_LEN - 5000;
	fill(far, 300, 1);
	assert_ok(mete_map_single(&w.device, NULL, far, 300, METE_DEVICE_READS_WRITES, 0, &bus));
	assert_true(bus + 299 <= REACH);
	assert_int_equal(mete_bounce_used(&w.bounce), 1);
	device_sees(&w, bus, far, 300);

	/* The device writes a part; the CPU sees it after the sync, and the rest is as it was. */
	memcpy(want, far, 300);
	memset(want + 100, 0xee, 50);
	device_writes(&w, bus + 100, 50, 0xee);
	assert_int_not_equal(far[100], 0xee);
	assert_ok(mete_sync_single(&w.device, bus + 100, 10, METE_FOR_CPU, METE_DEVICE_WRITES));
	assert_int_equal(far[109], 0xee);
	assert_int_not_equal(far[110], 0xee); /* only what was asked for */
	far[5] = 0x77;
	want[5] = 0x77;
	assert_ok(mete_sync_single(&w.device, bus, 20, METE_FOR_DEVICE, METE_DEVICE_READS));
	device_sees(&w, bus + 5, &want[5], 1);
	assert_ok(mete_unmap_single(&w.device, bus, 300, METE_DEVICE_READS_WRITES, 0));
	assert_memory_equal(far, want, 300);
	assert_int_equal(mete_bounce_used(&w.bounce), 0);
	end(&w);
}

/* What swiotlb's users depend on: every map copies in; only a device that writes is copied back from. */
static void test_copies_follow_the_access(void **state)
{
	static const struct mete_constraint narrow = { .last = REACH };
	struct world w;
	mete_baddr bus;
	(void)state;

	start(&w, &narrow);
	with_bounce(&w, &area);
	unsigned char *far = w.small.memory + SMALL_LEN - 5000;

	/* A device that is only to write finds the old bytes: a short write leaves them as they were. */
	fill(far, 64, 3);
	assert_ok(mete_map_single(&w.device, NULL, far, 64, METE_DEVICE_WRITES, 0, &bus));
	device_sees(&w, bus, far, 64);
	/* And a sync for it copies nothing in: it may be writing at this moment. */
	far[0] = 0x11;
	assert_ok(mete_sync_single(&w.device, bus, 64, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	assert_int_not_equal(*device_byte(&w, bus, METE_DEVICE_WRITES), 0x11);
	assert_ok(mete_unmap_single(&w.device, bus, 64, METE_DEVICE_WRITES, METE_MAP_SKIP_SYNC));
	assert_int_equal(far[0], 0x11); /* skipped: nothing came back */

	/* A device that only reads is never copied back from. */
	assert_ok(mete_map_single(&w.device, NULL, far, 64, METE_DEVICE_READS, 0, &bus));
	device_writes(&w, bus, 64, 0xdd);
	assert_ok(mete_sync_single(&w.device, bus, 64, METE_FOR_CPU, METE_DEVICE_READS));
	assert_ok(mete_unmap_single(&w.device, bus, 64, METE_DEVICE_READS, 0));
	assert_int_equal(far[0], 0x11);
	end(&w);
}

static void test_a_stand_in_shows_nothing_of_others(void **state)
{
	static const struct mete_constraint narrow = { .last = REACH };
	const struct mete_bounce_config config = { .len = 64 << 10, .grain = 2048, .keep = 511 };
	struct world w;
	mete_baddr bus;
	(void)state;

	start(&w, &narrow);
	memset(w.small.memory, 0xa5, SMALL_LEN);
	with_bounce(&w, &config);
	unsigned char *far = w.small.memory + SMALL_LEN - 5000 + 77;
	fill(far, 300, 9);
	assert_ok(mete_map_single(&w.device, NULL, far, 300, METE_DEVICE_READS, 0, &bus));
	assert_int_equal(bus & 511, (uintptr_t)far & 511); /* the low bits stay */
	size_t pad = (size_t)bus & 2047;
	for (size_t i = 0; i < 2048; i++) {
		unsigned char *byte = device_byte(&w, bus - (mete_baddr)pad + (mete_baddr)i, METE_DEVICE_READS);
		assert_int_equal(*byte, i >= pad && i < pad + 300 ? far[i - pad] : 0);
	}
	assert_ok(mete_unmap_single(&w.device, bus, 300, METE_DEVICE_READS, 0));
	end(&w);
}

static void test_a_used_up_area_fails_and_recovers(void **state)
{
	static const struct mete_constraint narrow = { .last = REACH };
	const struct mete_bounce_config config = { .len = 8192, .grain = 2048, .longest = 4096 };
	struct world w;
	mete_baddr bus[4], more = 4711;
	(void)state;

	start(&w, &narrow);
	with_bounce(&w, &config);
	unsigned char *far = w.small.memory + SMALL_LEN - 65536;
	for (size_t i = 0; i < 4; i++)
		assert_ok(mete_map_single(&w.device, NULL, far + i * 4096, 100, METE_DEVICE_READS, 0, &bus[i]));
	assert_error(mete_map_single(&w.device, NULL, far, 100, METE_DEVICE_READS, 0, &more), METE_ENOMEM);
	assert_error(mete_map_single(&w.device, NULL, far, 4097, METE_DEVICE_READS, 0, &more), METE_ERANGE);
	assert_true(more == 4711);
	assert_error(mete_bounce_fini(&w.bounce), METE_EBUSY);
	assert_ok(mete_unmap_single(&w.device, bus[2], 100, METE_DEVICE_READS, 0));
	assert_ok(mete_map_single(&w.device, NULL, far, 100, METE_DEVICE_READS, 0, &bus[2]));
	for (size_t i = 0; i < 4; i++)
		assert_ok(mete_unmap_single(&w.device, bus[i], 100, METE_DEVICE_READS, 0));
	assert_int_equal(small_arena_counters(&w.small).map_refused, 2);
	end(&w);
}

static void test_bad_unmaps_of_stand_ins_are_found_out(void **state)
{
	static const struct mete_constraint narrow = { .last = REACH };
	struct world w;
	mete_baddr bus;
	(void)state;

	start(&w, &narrow);
	with_bounce(&w, &area);
	unsigned char *far = w.small.memory + SMALL_LEN - 5000;
	assert_ok(mete_map_single(&w.device, NULL, far, 100, METE_DEVICE_READS, 0, &bus));
	assert_error(mete_unmap_single(&w.device, bus + 1, 99, METE_DEVICE_READS, 0), METE_EFAULT);
	assert_error(mete_unmap_single(&w.device, bus, 99, METE_DEVICE_READS, 0), METE_EFAULT);
	assert_error(mete_unmap_single(&w.device, bus, 101, METE_DEVICE_READS, 0), METE_EFAULT);
	assert_ok(mete_unmap_single(&w.device, bus, 100, METE_DEVICE_READS, 0));
	assert_error(mete_unmap_single(&w.device, bus, 100, METE_DEVICE_READS, 0), METE_EFAULT);
	assert_error(mete_sync_single(&w.device, bus, 1, METE_FOR_CPU, METE_DEVICE_WRITES), METE_EFAULT);
	assert_error(mete_sync_single(&w.device, REACH + SMALL_LEN, 1, METE_FOR_CPU, (enum mete_access)7), METE_EINVAL);
	assert_int_equal(small_arena_counters(&w.small).bad_address, 5);
	end(&w);
}

/* Memory of several pages anywhere is one segment behind an IOMMU, with the permission it was mapped with. */
static void test_scattered_pages_are_one_segment_behind_an_iommu(void **state)
{
	struct world w;
	struct mete_segment segments[4];
	struct mete_map map;
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	struct mete_piece pieces[3] = {
		{ .cpu = w.small.memory + 0x9000, .len = 0x1000 },
		{ .cpu = w.small.memory + 0x2000, .len = 0x2000 },
		{ .cpu = w.small.memory + 0x7000, .len = 0x123 },
	};
	fill(w.small.memory, SMALL_LEN, 5);
	assert_ok(mete_map_init(&map, &w.device, NULL, segments, 4));
	assert_ok(mete_map_load_array(&map, pieces, 3, METE_DEVICE_READS, 0));
	assert_int_equal(map.nsegments, 1);
	assert_int_equal(segments[0].len, 0x3123);
	assert_int_equal(map.len, 0x3123);
	device_sees(&w, segments[0].bus, pieces[0].cpu, 0x1000);
	device_sees(&w, segments[0].bus + 0x1000, pieces[1].cpu, 0x2000);
	device_sees(&w, segments[0].bus + 0x3000, pieces[2].cpu, 0x123);

	/* The device may read, not write, and the fault names the address. */
	struct mete_iommu_fault fault;
	assert_null(device_byte(&w, segments[0].bus + 7, METE_DEVICE_WRITES));
	assert_ok(mete_domain_fault(&w.domain, &fault));
	assert_true(fault.iova == segments[0].bus + 7);
	assert_error(mete_domain_fault(&w.domain, &fault), METE_ENODEV);
	mete_baddr gone = segments[0].bus;
	assert_ok(mete_map_unload(&map));
	assert_null(device_byte(&w, gone, METE_DEVICE_READS)); /* at once: the domain is strict */
	end(&w);
}

static void test_pieces_that_do_not_meet_at_pages_stay_apart(void **state)
{
	struct world w;
	struct mete_segment segments[4];
	struct mete_map map;
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	const struct mete_piece pieces[3] = {
		{ .cpu = w.small.memory + 0x1100, .len = 0x200 },
		{ .cpu = w.small.memory + 0x3000, .len = 0x1000 },
		{ .cpu = w.small.memory + 0x5000, .len = 0x10 },
	};
	assert_ok(mete_map_init(&map, &w.device, NULL, segments, 4));
	assert_ok(mete_map_load_array(&map, pieces, 3, METE_DEVICE_WRITES, 0));
	assert_int_equal(map.nsegments, 2);
	assert_int_equal(segments[0].len, 0x200);
	assert_int_equal(segments[0].bus & 0xfff, 0x100); /* the offset in the page stays */
	assert_int_equal(segments[1].len, 0x1010);
	assert_ok(mete_map_unload(&map));

	assert_ok(mete_map_load_array(&map, pieces, 3, METE_DEVICE_WRITES, METE_MAP_APART));
	assert_int_equal(map.nsegments, 3);
	assert_ok(mete_map_unload(&map));
	end(&w);
}

static void test_a_deferred_domain_reuses_nothing_before_the_flush(void **state)
{
	struct world w;
	mete_baddr bus, seen[METE_DOMAIN_QUARANTINE];
	size_t n = 0;
	(void)state;

	start(&w, NULL);
	with_domain(&w, true);
	while (w.iommu.nflushes == 0) {
		assert_ok(mete_map_single(&w.device, NULL, w.small.memory, 100, METE_DEVICE_READS, 0, &bus));
		for (size_t i = 0; i < n; i++)
			assert_true(seen[i] != bus);
		assert_true(n < METE_DOMAIN_QUARANTINE);
		seen[n++] = bus;
		assert_non_null(device_byte(&w, bus, METE_DEVICE_READS)); /* the hardware remembers it now */
		assert_ok(mete_unmap_single(&w.device, bus, 100, METE_DEVICE_READS, 0));
		assert_error(mete_unmap_single(&w.device, bus, 100, METE_DEVICE_READS, 0), METE_EFAULT);
	}
	assert_int_equal(n, METE_DOMAIN_QUARANTINE);
	for (size_t i = 0; i < n; i++)
		assert_null(device_byte(&w, seen[i], METE_DEVICE_READS));
	end(&w);
}

static void test_used_up_iova_fails_and_recovers(void **state)
{
	struct world w;
	mete_baddr bus[FAKE_PAGES], more = 4711;
	size_t n = 0;
	(void)state;

	start(&w, NULL);
	with_domain(&w, true);
	while (!mete_map_single(&w.device, NULL, w.small.memory + n % 100 * 8192, 8192, METE_DEVICE_READS, 0, &bus[n]))
		n++;
	assert_int_equal(n, (FAKE_PAGES - 1) / 2); /* all but the first page, which is never handed out */
	assert_error(mete_map_single(&w.device, NULL, w.small.memory, 8192, METE_DEVICE_READS, 0, &more), METE_ENOMEM);
	assert_true(more == 4711);
	/* A range in quarantine is had by a flush. */
	assert_ok(mete_unmap_single(&w.device, bus[3], 8192, METE_DEVICE_READS, 0));
	size_t flushes = w.iommu.nflushes;
	assert_ok(mete_map_single(&w.device, NULL, w.small.memory, 8192, METE_DEVICE_READS, 0, &bus[3]));
	assert_int_equal(w.iommu.nflushes, flushes + 1);
	while (n)
		assert_ok(mete_unmap_single(&w.device, bus[--n], 8192, METE_DEVICE_READS, 0));
	end(&w);
}

static void test_an_iommu_that_fails_in_the_middle_is_rolled_back(void **state)
{
	struct world w;
	struct mete_segment segments[8];
	struct mete_map map;
	struct mete_piece pieces[4];
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	for (size_t i = 0; i < 4; i++)
		pieces[i] = (struct mete_piece){ .cpu = w.small.memory + (7 - i) * 0x3000, .len = 0x1000 };
	assert_ok(mete_map_init(&map, &w.device, NULL, segments, 8));
	for (size_t n = 0; n < 4; n++) {
		w.iommu.fail_maps = n;
		assert_error(mete_map_load_array(&map, pieces, 4, METE_DEVICE_READS, 0), METE_EIO);
		assert_int_equal(fake_iommu_entries(&w.iommu), 0);
		assert_int_equal(w.domain.nmapped, 0);
		assert_int_equal(map.nsegments, 0);
		assert_int_equal(map.state, METE_MAP_EMPTY);
	}
	w.iommu.fail_maps = SIZE_MAX;
	assert_ok(mete_map_load_array(&map, pieces, 4, METE_DEVICE_READS, 0));
	assert_ok(mete_map_unload(&map));
	end(&w);
}

static void test_stand_ins_behind_an_iommu_own_their_pages(void **state)
{
	const struct mete_bounce_config config = { .always = true, .len = 64 << 10 };
	struct world w;
	mete_baddr bus;
	(void)state;

	start(&w, NULL);
	memset(w.small.memory, 0xa5, SMALL_LEN);
	with_domain(&w, true);
	with_bounce(&w, &config);
	unsigned char *buffer = w.small.memory + 0x1234;
	fill(buffer, 5000, 1);
	assert_ok(mete_map_single(&w.device, NULL, buffer, 5000, METE_DEVICE_READS_WRITES, 0, &bus));
	device_sees(&w, bus, buffer, 5000);
	/* What else is on the pages shown is zero. */
	for (mete_baddr at = bus & ~(mete_baddr)0xfff; at < ((bus + 5000 + 0xfff) & ~(mete_baddr)0xfff); at++) {
		if (at < bus || at >= bus + 5000)
			assert_int_equal(*device_byte(&w, at, METE_DEVICE_READS), 0);
	}
	device_writes(&w, bus + 4999, 1, 0x42);
	assert_ok(mete_unmap_single(&w.device, bus, 5000, METE_DEVICE_READS_WRITES, 0));
	assert_int_equal(buffer[4999], 0x42);
	/* The stand-in may be another's next, so even a deferred domain has it forgotten now. */
	assert_null(device_byte(&w, bus, METE_DEVICE_READS));
	end(&w);
}

static void test_memory_allocated_behind_an_iommu_is_shown_by_it(void **state)
{
	static const struct mete_constraint low = { .last = 0xfffff, .align = 0x4000 };
	struct world w;
	unsigned char *cpu;
	mete_baddr bus;
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	assert_ok(mete_device_alloc(&w.device, &low, 5000, METE_MEMORY_COHERENT, METE_ZERO, (void **)&cpu, &bus));
	assert_true(bus <= low.last && bus % 0x4000 == 0);
	fill(cpu, 5000, 2);
	device_sees(&w, bus, cpu, 5000);
	device_writes(&w, bus + 10, 1, 0x99);
	assert_int_equal(cpu[10], 0x99);
	assert_ok(mete_device_free(&w.device, cpu, 5000));
	assert_null(device_byte(&w, bus, METE_DEVICE_READS));
	end(&w);
}

static void test_segments_are_cut_and_counted_as_limits_say(void **state)
{
	static const struct {
		struct mete_constraint limit;
		uint32_t capacity;
		int want;
		uint32_t n;
		const char *why;
	} rows[] = {
		{ { 0 }, 4, 0, 2, "two runs" },
		{ { .max_segment = 0x800 }, 8, 0, 4, "cut by length" },
		{ { .boundary = 0x1000 }, 8, 0, 4, "cut at the boundary" },
		{ { .max_segments = 2 }, 8, 0, 2, "as many as allowed" },
		{ { .max_segments = 1 }, 8, METE_EMSGSIZE, 0, "more than allowed" },
		{ { 0 }, 1, METE_EMSGSIZE, 0, "more than there is room for" },
		{ { .max_transfer = 0x1fff }, 8, METE_EMSGSIZE, 0, "longer than a transfer" },
		{ { .max_transfer = 0x2000 }, 8, 0, 2, "as long as a transfer" },
		{ { .granularity = 0x1000 }, 8, 0, 2, "whole grains" },
		{ { .granularity = 0x3000 }, 8, METE_EINVAL, 0, "not whole grains" },
		{ { .align = 0x1000 }, 8, METE_ERANGE, 0, "starts off its alignment, and nothing to copy to" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct world w;
		struct mete_segment segments[8];
		struct mete_map map;
		start(&w, NULL);
		const struct mete_piece pieces[4] = {
			{ .cpu = w.small.memory + 0x2800, .len = 0x800 },
			{ .cpu = w.small.memory + 0x3000, .len = 0 },
			{ .cpu = w.small.memory + 0x3000, .len = 0x800 },
			{ .cpu = w.small.memory + 0x9800, .len = 0x1000 },
		};
		assert_ok(mete_map_init(&map, &w.device, &rows[i].limit, segments, rows[i].capacity));
		assert_row(mete_map_load_array(&map, pieces, 4, METE_DEVICE_READS, 0) == rows[i].want, i, rows[i].why);
		assert_row(map.nsegments == rows[i].n && (map.state == METE_MAP_EMPTY) == (rows[i].want != 0), i, rows[i].why);
		if (!rows[i].want)
			assert_row(!mete_map_unload(&map), i, rows[i].why);
		end(&w);
	}
}

static void test_maps_refuse_what_is_out_of_turn(void **state)
{
	struct world w;
	struct mete_segment segments[2];
	struct mete_map map;
	(void)state;

	start(&w, NULL);
	const struct mete_piece piece = { .cpu = w.small.memory, .len = 100 }, none = { .len = 0 };
	assert_error(mete_map_init(&map, &w.device, NULL, segments, 0), METE_EINVAL);
	assert_error(mete_map_init(&map, &w.device, NULL, NULL, 2), METE_EINVAL);
	assert_ok(mete_map_init(&map, &w.device, NULL, segments, 2));
	assert_error(mete_map_unload(&map), METE_EINVAL);
	assert_error(mete_map_sync(&map, 0, 1, METE_FOR_CPU, METE_DEVICE_READS), METE_EINVAL);
	assert_error(mete_map_load_array(&map, &none, 1, METE_DEVICE_READS, 0), METE_EINVAL);
	assert_error(mete_map_load_array(&map, NULL, 0, METE_DEVICE_READS, 0), METE_EINVAL);
	assert_error(mete_map_load_array(&map, NULL, 1, METE_DEVICE_READS, 0), METE_EINVAL);
	assert_error(mete_map_load_array(&map, &piece, 1, (enum mete_access)9, 0), METE_EINVAL);
	assert_error(mete_map_load_array(&map, &piece, 1, METE_DEVICE_READS, 64), METE_EINVAL);
	assert_ok(mete_map_load_array(&map, &piece, 1, METE_DEVICE_READS, 0));
	assert_error(mete_map_load_array(&map, &piece, 1, METE_DEVICE_READS, 0), METE_EBUSY);
	assert_error(mete_map_sync(&map, 0, 101, METE_FOR_CPU, METE_DEVICE_READS), METE_EINVAL);
	assert_error(mete_map_sync(&map, 101, 1, METE_FOR_CPU, METE_DEVICE_READS), METE_EINVAL);
	assert_error(mete_map_sync(&map, SIZE_MAX, 2, METE_FOR_CPU, METE_DEVICE_READS), METE_EINVAL);
	assert_error(mete_map_sync(&map, 0, 0, METE_FOR_CPU, METE_DEVICE_READS), METE_EINVAL);
	assert_error(mete_map_sync(&map, 0, 1, METE_FOR_CPU, METE_DEVICE_WRITES), METE_EINVAL); /* more than mapped */
	assert_error(mete_map_sync(&map, 0, 1, (enum mete_sync)5, METE_DEVICE_READS), METE_EINVAL);
	assert_ok(mete_map_sync(&map, 99, 1, METE_FOR_DEVICE, METE_DEVICE_READS));
	assert_int_equal(map.state, METE_MAP_DEVICE);
	assert_ok(mete_map_sync(&map, 0, 100, METE_FOR_CPU, METE_DEVICE_READS));
	assert_int_equal(map.state, METE_MAP_CPU);
	assert_ok(mete_map_unload(&map));
	assert_error(mete_map_unload(&map), METE_EINVAL);
	end(&w);
}

static void test_domains_and_areas_refuse_what_cannot_be(void **state)
{
	struct world w;
	struct mete_domain other;
	struct mete_bounce second;
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	with_bounce(&w, &area);
	const struct mete_domain_config good = w.domain.config;
	struct mete_domain_config bad = good;
	bad.page = 5000;
	assert_error(mete_domain_init(&other, &w.small.arena.provider, &bad), METE_EINVAL);
	bad = good;
	bad.last = 12345;
	assert_error(mete_domain_init(&other, &w.small.arena.provider, &bad), METE_EINVAL);
	bad = good;
	bad.ops = NULL;
	assert_error(mete_domain_init(&other, &w.small.arena.provider, &bad), METE_EINVAL);
	w.small.fail_records = 0;
	assert_error(mete_domain_init(&other, &w.small.arena.provider, &good), METE_ENOMEM);
	w.small.fail_records = SIZE_MAX;
	assert_error(mete_domain_attach(&w.domain, &w.device), METE_EBUSY);
	assert_error(mete_domain_attach(&w.domain, NULL), METE_EINVAL);
	assert_error(mete_domain_fini(&w.domain), METE_EBUSY);
	assert_error(mete_bounce_init(&second, &w.device, NULL), METE_EBUSY);
	const struct mete_bounce_config odd = { .grain = 100 }, wide = { .keep = 4095, .grain = 2048 };
	assert_error(mete_bounce_init(&second, &w.small.device, &odd), METE_EINVAL);
	assert_error(mete_bounce_init(&second, &w.small.device, &wide), METE_EINVAL);
	assert_error(mete_bounce_init(&second, NULL, NULL), METE_EINVAL);
	for (size_t n = 0; n < 2; n++) {
		w.small.fail_records = n;
		assert_error(mete_bounce_init(&second, &w.small.device, &(struct mete_bounce_config){ .len = 8192 }), METE_ENOMEM);
	}
	w.small.fail_records = SIZE_MAX;
	end(&w);
}

/* Two pieces that meet on the bus, the second without a CPU view: the cut comes early enough for both to be aligned. */
static void test_a_cut_is_moved_back_for_what_joins(void **state)
{
	static const struct mete_constraint limit = { .align = 64, .max_segment = 100 };
	struct mete_segment segments[4];
	struct mete_map map;
	struct world w;
	(void)state;

	start(&w, NULL);
	const struct mete_piece pieces[] = { { .cpu = w.small.memory, .len = 90 },
		{ .phys = SMALL_PHYS + 90, .len = 60, .placed = true } };
	assert_ok(mete_map_init(&map, &w.device, &limit, segments, 4));
	assert_ok(mete_map_load_array(&map, pieces, 2, METE_DEVICE_READS, 0));
	assert_int_equal(map.nsegments, 2);
	assert_int_equal(segments[0].len, 64);
	assert_int_equal(segments[1].bus, SMALL_PHYS + 64);
	assert_int_equal(segments[1].len, 86);
	assert_ok(mete_map_unload(&map));

	/* Apart, the second cannot start where it is. */
	assert_int_equal(mete_map_load_array(&map, pieces, 2, METE_DEVICE_READS, METE_MAP_APART), METE_ERANGE);
	end(&w);
}

/* The same behind an IOMMU: pages that join are cut at an alignment longer than a page. */
static void test_pages_are_cut_at_a_long_alignment(void **state)
{
	static const struct mete_constraint limit = { .align = 2 * FAKE_PAGE, .max_segment = 3 * FAKE_PAGE };
	struct mete_piece pieces[5] = { { 0 } };
	struct mete_segment segments[5];
	struct mete_map map;
	struct world w;
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	for (size_t i = 0; i < 5; i++) {
		pieces[i].cpu = w.small.memory + (8 - i) * 2 * FAKE_PAGE;
		pieces[i].len = FAKE_PAGE;
	}
	assert_ok(mete_map_init(&map, &w.device, &limit, segments, 5));
	assert_ok(mete_map_load_array(&map, pieces, 5, METE_DEVICE_READS, 0));
	for (uint32_t i = 0; i < map.nsegments; i++) {
		assert_int_equal(segments[i].bus % (2 * FAKE_PAGE), 0);
		assert_true(segments[i].len <= 3 * FAKE_PAGE);
	}
	assert_int_equal(map.nsegments, 2);
	assert_ok(mete_map_unload(&map));
	end(&w);
}

/* A length that goes round the end of the CPU's addresses is refused, and nothing is calculated with it. */
static void test_more_than_there_are_addresses_is_refused(void **state)
{
	struct mete_segment segment;
	struct mete_map map;
	struct world w;
	(void)state;

	start(&w, NULL);
	with_bounce(&w, &(struct mete_bounce_config){ .len = 65536, .longest = 4096, .always = true });
	const struct mete_piece all = { .cpu = w.small.memory, .len = SIZE_MAX - 4096, .placed = true };
	assert_ok(mete_map_init(&map, &w.device, NULL, &segment, 1));
	assert_int_equal(mete_map_load_array(&map, &all, 1, METE_DEVICE_READS, 0), METE_EINVAL);
	assert_int_equal(mete_bounce_used(&w.bounce), 0);
	end(&w);
}

static struct small_arena *swapped;

/* Each page of memory lies where its neighbour should. */
static int swapped_pages(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	size_t off = (size_t)((const unsigned char *)cpu - swapped->memory), left = SMALL_FRAME - off % SMALL_FRAME;
	(void)ctx;

	*ret_phys = SMALL_PHYS + (mete_paddr)(off ^ SMALL_FRAME);
	*ret_len = len < left ? len : left;
	return 0;
}

/* Pieces stay apart; the pages of one piece do not. */
static void test_apart_joins_the_pages_of_a_piece(void **state)
{
	struct mete_segment segments[4];
	struct mete_map map;
	struct world w;
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	swapped = &w.small;
	w.small.ops.translate = swapped_pages;
	const struct mete_piece pieces[] = { { .cpu = w.small.memory + 100, .len = 3 * FAKE_PAGE - 100 },
		{ .cpu = w.small.memory + 3 * FAKE_PAGE, .len = FAKE_PAGE } };
	assert_ok(mete_map_init(&map, &w.device, NULL, segments, 4));
	assert_ok(mete_map_load_array(&map, pieces, 2, METE_DEVICE_READS, METE_MAP_APART));
	assert_int_equal(map.nsegments, 2);
	assert_int_equal(segments[0].len, 3 * FAKE_PAGE - 100);
	assert_ok(mete_map_unload(&map));
	end(&w);
}

/*
 * For a device that is not coherent, a line that is not all the mapping's needs a stand-in; but not in memory that is in no
 * cache, where both sides look at the same bytes.
 */
static void test_coherent_memory_needs_no_lines_of_its_own(void **state)
{
	struct world w;
	mete_baddr at, bus;
	void *ring;
	(void)state;

	start_noncoherent(&w, 64, NULL);
	with_bounce(&w, &area);
	assert_ok(mete_device_alloc(&w.device, NULL, 100, METE_MEMORY_COHERENT, 0, &ring, &at));
	assert_ok(mete_map_single(&w.device, NULL, ring, 100, METE_DEVICE_READS_WRITES, 0, &bus));
	assert_int_equal(bus, at);
	assert_int_equal(mete_bounce_used(&w.bounce), 0);
	assert_ok(mete_unmap_single(&w.device, bus, 100, METE_DEVICE_READS_WRITES, 0));
	assert_ok(mete_device_free(&w.device, ring, 100));
	assert_ok(mete_device_alloc(&w.device, NULL, 100, METE_MEMORY_CACHED, 0, &ring, &at));
	assert_ok(mete_map_single(&w.device, NULL, ring, 100, METE_DEVICE_READS_WRITES, 0, &bus));
	assert_int_not_equal(bus, at);
	assert_int_equal(mete_bounce_used(&w.bounce), 1);
	assert_ok(mete_unmap_single(&w.device, bus, 100, METE_DEVICE_READS_WRITES, 0));
	assert_ok(mete_device_free(&w.device, ring, 100));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_out_of_reach_is_copied_to_and_fro),
		cmocka_unit_test(test_copies_follow_the_access),
		cmocka_unit_test(test_a_stand_in_shows_nothing_of_others),
		cmocka_unit_test(test_a_used_up_area_fails_and_recovers),
		cmocka_unit_test(test_bad_unmaps_of_stand_ins_are_found_out),
		cmocka_unit_test(test_scattered_pages_are_one_segment_behind_an_iommu),
		cmocka_unit_test(test_pieces_that_do_not_meet_at_pages_stay_apart),
		cmocka_unit_test(test_a_deferred_domain_reuses_nothing_before_the_flush),
		cmocka_unit_test(test_used_up_iova_fails_and_recovers),
		cmocka_unit_test(test_an_iommu_that_fails_in_the_middle_is_rolled_back),
		cmocka_unit_test(test_stand_ins_behind_an_iommu_own_their_pages),
		cmocka_unit_test(test_memory_allocated_behind_an_iommu_is_shown_by_it),
		cmocka_unit_test(test_segments_are_cut_and_counted_as_limits_say),
		cmocka_unit_test(test_maps_refuse_what_is_out_of_turn),
		cmocka_unit_test(test_domains_and_areas_refuse_what_cannot_be),
		cmocka_unit_test(test_a_cut_is_moved_back_for_what_joins),
		cmocka_unit_test(test_pages_are_cut_at_a_long_alignment),
		cmocka_unit_test(test_apart_joins_the_pages_of_a_piece),
		cmocka_unit_test(test_more_than_there_are_addresses_is_refused),
		cmocka_unit_test(test_coherent_memory_needs_no_lines_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
