/* SPDX-License-Identifier: ISC */
/*
 * FreeBSD's tags and templates: what they allow, and what loads make of it.
 */
#include "busdma_world.h"

static void test_impossible_tags_are_refused(void **state)
{
	static const struct {
		const char *why;
		bus_size_t alignment, boundary, lowaddr, highaddr, maxsize;
		int nsegments;
		bus_size_t maxsegsz;
	} rows[] = {
		{ "alignment no power of two", 3, 0, ~0u, ~0u, 4096, 1, 4096 },
		{ "boundary no power of two", 1, 4097, ~0u, ~0u, 4096, 1, 4096 },
		{ "no size", 1, 0, ~0u, ~0u, 0, 1, 4096 },
		{ "no segments", 1, 0, ~0u, ~0u, 4096, 0, 4096 },
		{ "a negative number of segments", 1, 0, ~0u, ~0u, 4096, -2, 4096 },
		{ "segments of no length", 1, 0, ~0u, ~0u, 4096, 1, 0 },
		{ "a window over everything", 1, 0, 0, BUS_SPACE_MAXADDR, 4096, 1, 4096 },
		{ "a window over all that the device reaches", 1, 0, WORLD_BUS - 1, BUS_SPACE_MAXADDR, 4096, 1, 4096 },
	};
	static const struct mete_constraint high = { .first = WORLD_BUS };
	(void)state;

	start(WORLD_DIRECT);
	assert_ok(mete_device_limit(&world.device, METE_USE_STREAMING, &high));
	bus_dma_tag_t tag = NULL;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		unsigned long bad = bad_arguments();
		assert_row(bus_dma_tag_create(bus.tag, rows[i].alignment, rows[i].boundary, rows[i].lowaddr,
		    rows[i].highaddr, NULL, NULL, rows[i].maxsize, rows[i].nsegments, rows[i].maxsegsz, 0, NULL, NULL,
		    &tag) == EINVAL, i, rows[i].why);
		assert_row(tag == NULL && bad_arguments() == bad + 1, i, rows[i].why);
	}
	assert_int_equal(bus_dma_tag_create(NULL, 1, 0, ~0u, ~0u, NULL, NULL, 1, 1, 1, 0, NULL, NULL, &tag), EINVAL);
	assert_int_equal(bus_dma_tag_destroy(bus.tag), EINVAL); /* it is the application's */
	world.small.fail_records = 0;
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, NULL, NULL, 1, 1, 1, 0, NULL, NULL, &tag), ENOMEM);
	world.small.fail_records = SIZE_MAX;
	assert_null(tag);
	end();
}

static int any_filter(void *arg, bus_addr_t at)
{
	(void)arg;
	return at != 0;
}

static void test_filters_are_refused(void **state)
{
	bus_dma_tag_t tag = NULL;
	(void)state;

	start(WORLD_DIRECT);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, ~0u, ~0u, any_filter, NULL, 1, 1, 1, 0, NULL, NULL, &tag),
	    EINVAL);
	assert_null(tag);
	end();
}

static void test_tags_and_maps_in_use_stay(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t child = NULL;
	(void)state;

	start(WORLD_DIRECT);
	bus_dma_tag_t tag = tag_of(4096, 1, 4096), other = tag_of(4096, 1, 4096);
	assert_int_equal(mete_freebsd_bus_fini(&bus), METE_EBUSY);
	assert_int_equal(bus_dma_tag_create(tag, 1, 0, ~0u, ~0u, NULL, NULL, 1, 1, 1, 0, NULL, NULL, &child), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), EBUSY);
	assert_int_equal(bus_dma_tag_destroy(child), 0);
	bus_dmamap_t map = map_of(tag);
	assert_int_equal(bus_dma_tag_destroy(tag), EBUSY);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 100), 100, callback, &told, 0), 0);
	assert_int_equal(bus_dmamap_destroy(tag, map), EBUSY);

	/* Another tag's map, and one that is loaded already. */
	assert_int_equal(bus_dmamap_destroy(other, map), EINVAL);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 100), 100, callback, &told, 0), EINVAL);
	bus_dmamap_unload(other, map);
	bus_dmamap_sync(other, map, BUS_DMASYNC_PREREAD);
	assert_int_equal(told.ncalls, 1);
	assert_int_equal(bad_arguments(), 4);
	bus_dmamap_unload(tag, map);
	bus_dmamap_unload(tag, map); /* once too often is harmless */
	assert_int_equal(bad_arguments(), 4);
	drop(tag, map);
	assert_int_equal(bus_dma_tag_destroy(other), 0);
	end();
}

static void test_limits_come_from_the_whole_chain(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t parent = NULL, child = NULL;
	(void)state;

	/* The parent's boundary, 1 KiB, cuts the child's segments; the child's own, 4 KiB, is wider. */
	start(WORLD_DIRECT);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 1024, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    BUS_SPACE_MAXSIZE, BUS_SPACE_UNRESTRICTED, BUS_SPACE_MAXSIZE, 0, NULL, NULL, &parent), 0);
	assert_int_equal(bus_dma_tag_create(parent, 1, 4096, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    4096, 8, 4096, 0, NULL, NULL, &child), 0);
	bus_dmamap_t map = map_of(child);
	unsigned char *buf = world_buffer(&world, 8192);
	assert_int_equal(bus_dmamap_load(child, map, buf + 512, 2048, callback, &told, 0), 0);
	assert_int_equal(told.nsegs, 3);
	assert_int_equal(told.segs[0].ds_len, 512);
	assert_int_equal(told.segs[1].ds_len, 1024);
	drop(child, map);
	assert_int_equal(bus_dma_tag_destroy(parent), 0);
	end();
}

static void test_the_window_is_from_lowaddr_to_highaddr(void **state)
{
	static const struct {
		const char *why;
		bus_addr_t low[2], high[2]; /* parent, child */
		bool below, inside, above;  /* whether memory there is loaded */
	} rows[] = {
		{ "no window", { BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR }, { BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR },
			true, true, true },
		{ "the child's, under a bus without one", { BUS_SPACE_MAXADDR, WORLD_BUS + 0x3fff }, { 0, WORLD_BUS + 0x7fff },
			true, false, true },
		{ "the parent's", { WORLD_BUS + 0x3fff, BUS_SPACE_MAXADDR }, { WORLD_BUS + 0x7fff, 0 }, true, false, true },
		{ "lower lowaddr and higher highaddr", { WORLD_BUS + 0x3fff, WORLD_BUS + 0x7fff },
			{ WORLD_BUS + 0x7fff, BUS_SPACE_MAXADDR }, true, false, false },
		{ "an end below its beginning is no window", { WORLD_BUS + 0x3fff, BUS_SPACE_MAXADDR }, { 0, 0 }, true, true,
			true },
	};
	(void)state;

	start(WORLD_DIRECT);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct told told = { 0 };
		bus_dma_tag_t tag[2];
		for (int t = 0; t < 2; t++)
			assert_row(bus_dma_tag_create(t ? tag[0] : bus.tag, 1, 0, rows[i].low[t], rows[i].high[t], NULL,
			    NULL, 4096, 1, 4096, 0, NULL, NULL, &tag[t]) == 0, i, rows[i].why);
		bus_dmamap_t map = map_of(tag[1]);
		const struct { size_t at; bool ok; } places[] = {
			{ 0x3f00, rows[i].below }, { 0x4000, rows[i].inside }, { 0x7f00, rows[i].inside },
			{ 0x8000, rows[i].above },
		};
		for (size_t k = 0; k < 4; k++) {
			int error = bus_dmamap_load(tag[1], map, world.small.memory + places[k].at, 256, callback, &told, 0);
			assert_row(error == (places[k].ok ? 0 : EINVAL), i, rows[i].why);
			bus_dmamap_unload(tag[1], map);
		}
		drop(tag[1], map);
		assert_int_equal(bus_dma_tag_destroy(tag[0]), 0);
	}
	end();
}

/* The area is the device's, wherever a tag's window begins: it is refused rather than shown where the tag says no. */
static void test_stand_ins_beyond_the_window_are_refused(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t tag = NULL;
	(void)state;

	start(WORLD_BOUNCE);
	assert_true(world.bounce.bus > WORLD_BUS + 0xfff);
	assert_int_equal(bus_dma_tag_create(bus.tag, 1, 0, WORLD_BUS + 0xfff, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1, 2048,
	    0, lockfunc, &lock_depth, &tag), 0);
	bus_dmamap_t map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 2048), 2048, callback, &told, 0), EINVAL);
	assert_int_equal(told.ncalls, 0);
	assert_int_equal(mete_bounce_used(&world.bounce), 0);
	/* Memory below needs none. */
	assert_int_equal(bus_dmamap_load(tag, map, world.small.memory, 2048, callback, &told, 0), 0);
	drop(tag, map);
	end();
}

static void test_a_misaligned_start_is_replaced(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t tag = NULL;
	(void)state;

	start(WORLD_BOUNCE);
	assert_int_equal(bus_dma_tag_create(bus.tag, 64, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1, 2048,
	    0, NULL, NULL, &tag), 0);
	bus_dmamap_t map = map_of(tag);
	unsigned char *buf = world.small.memory + 0x30004; /* within reach, but for its low bits */
	fill(buf, 100, 3);
	assert_int_equal(bus_dmamap_load(tag, map, buf, 100, callback, &told, 0), 0);
	assert_int_equal(told.segs[0].ds_addr % 64, 0);
	assert_int_equal(mete_bounce_used(&world.bounce), 1);
	unsigned char seen[100];
	device_gets(told.segs, told.nsegs, seen);
	assert_true(filled(seen, 100, 3));
	bus_dmamap_unload(tag, map);

	/* A child's smaller alignment does not undo it. */
	bus_dma_tag_t child = NULL;
	assert_int_equal(bus_dma_tag_create(tag, 4, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1, 2048, 0,
	    NULL, NULL, &child), 0);
	bus_dmamap_t child_map = map_of(child);
	assert_int_equal(bus_dmamap_load(child, child_map, buf, 100, callback, &told, 0), 0);
	assert_int_equal(told.segs[0].ds_addr % 64, 0);
	drop(child, child_map);
	drop(tag, map);
	end();

	/* Without a bounce area it is refused, behind an IOMMU too: that shows memory at its offset in the page. */
	for (size_t w = 0; w < NWAYS; w++) {
		if (ways[w] == WORLD_BOUNCE)
			continue;
		start(ways[w]);
		assert_int_equal(bus_dma_tag_create(bus.tag, 64, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL, 2048, 1,
		    2048, 0, NULL, NULL, &tag), 0);
		map = map_of(tag);
		assert_int_equal(bus_dmamap_load(tag, map, world.small.memory + 0x30004, 100, callback, &told, 0), EINVAL);
		drop(tag, map);
		end();
	}
}

/* A tag for any number of segments: parts of frames at both ends are room enough for one buffer. */
static void test_unrestricted_tags_have_room_for_a_buffer(void **state)
{
	struct told told = { 0 };
	bus_dmamap_t map = NULL;
	(void)state;

	start(WORLD_DIRECT);
	bus_dma_tag_t tag = tag_of(8192, BUS_SPACE_UNRESTRICTED, 4096), huge = tag_of(BUS_SPACE_MAXSIZE,
	    BUS_SPACE_UNRESTRICTED, BUS_SPACE_MAXSIZE);
	assert_int_equal(bus_dmamap_create(huge, 0, &map), EINVAL);
	map = map_of(tag);
	assert_int_equal(bus_dmamap_load(tag, map, world_buffer(&world, 8192), 8192, callback, &told, 0), 0);
	assert_int_equal(told.nsegs, 2);
	drop(tag, map);
	assert_int_equal(bus_dma_tag_destroy(huge), 0);
	end();
}

/* A template begins without limits, and a tag made of a clone does what its original does. */
static void test_templates_are_tags_by_name(void **state)
{
	struct told told = { 0 };
	bus_dma_tag_t tag = NULL, copy = NULL;
	bus_dma_template_t t;
	(void)state;

	start_scarce();
	bus_dma_template_init(&t, bus.tag);
	assert_ptr_equal(t.parent, bus.tag);
	assert_true(t.alignment == 1 && t.boundary == 0 && t.lowaddr == BUS_SPACE_MAXADDR &&
	    t.highaddr == BUS_SPACE_MAXADDR && t.maxsize == BUS_SPACE_MAXSIZE && t.nsegments == BUS_SPACE_UNRESTRICTED &&
	    t.maxsegsize == BUS_SPACE_MAXSIZE && t.flags == 0 && !t.lockfunc && !t.lockfuncarg && !t.name);
	BUS_DMA_TEMPLATE_FILL(&t, BD_ALIGNMENT(64), BD_BOUNDARY(4096), BD_MAXSIZE(8192), BD_NSEGMENTS(4),
	    BD_MAXSEGSIZE(2048), BD_LOCKFUNC(lockfunc), BD_LOCKFUNCARG(&lock_depth), BD_NAME("buffers"));
	assert_int_equal(bus_dma_template_tag(&t, &tag), 0);
	bus_dma_template_init(&t, NULL);
	assert_int_equal(bus_dma_template_tag(&t, &copy), EINVAL);
	bus_dma_template_clone(&t, tag);
	assert_true(t.parent == bus.tag && t.alignment == 64 && t.boundary == 4096 && t.maxsize == 8192 &&
	    t.nsegments == 4 && t.maxsegsize == 2048 && t.lockfunc == lockfunc && t.lockfuncarg == &lock_depth);
	assert_int_equal(bus_dma_template_tag(&t, &copy), 0);

	/* The copy's limits and lock function are the original's. */
	bus_dmamap_t full = map_of(tag), map = map_of(copy);
	unsigned char *buf = world_buffer(&world, 8192);
	assert_int_equal(bus_dmamap_load(tag, full, buf, 8192, callback, &told, 0), 0);
	assert_int_equal(told.nsegs, 4);
	assert_int_equal(bus_dmamap_load(copy, map, buf, 8192, callback, &told, 0), EINPROGRESS);
	bus_dmamap_unload(tag, full);
	assert_int_equal(told.ncalls, 2);
	assert_int_equal(told.nsegs, 4);
	assert_int_equal(lock_most, 1);
	bus_dmamap_unload(copy, map);
	assert_int_equal(bus_dmamap_destroy(copy, map), 0);
	assert_int_equal(bus_dmamap_destroy(tag, full), 0);
	assert_int_equal(bus_dma_tag_destroy(tag), 0);

	BUS_DMA_TEMPLATE_FILL(&t, BD_PARENT(copy), BD_FLAGS(BUS_DMA_ALLOCNOW), BD_LOWADDR(1), BD_HIGHADDR(2));
	assert_true(t.parent == copy && t.flags == BUS_DMA_ALLOCNOW && t.lowaddr == 1 && t.highaddr == 2);
	bus_dma_param_t unknown = { .key = (bus_dma_param_key_t)99, .num = 7 };
	bus_dma_template_fill(&t, &unknown, 1);
	assert_true(t.alignment == 64 && t.lowaddr == 1);
	assert_int_equal(bus_dma_tag_destroy(copy), 0);
	end();
}

/* A driver may have functions of these names, or does not compile; it never gets something that does not work. */
static int bus_dma_tag_set_domain(void)
{
	return 1;
}

static int bus_dma_id_mapped(void)
{
	return 2;
}

static int bus_dmamap_load_ccb(void)
{
	return 6;
}

static int bus_dmamap_load_crp(void)
{
	return 7;
}

static int bus_dmamap_load_crp_buffer(void)
{
	return 9;
}

static void test_absent_calls_of_bus_dma_are_not_declared(void **state)
{
	(void)state;

	assert_int_equal(bus_dma_tag_set_domain() + bus_dma_id_mapped() + bus_dmamap_load_ccb() + bus_dmamap_load_crp() +
	    bus_dmamap_load_crp_buffer(), 1 + 2 + 6 + 7 + 9);
}

/* A driver asks its device for the parent of its tags. */
static void test_a_device_has_the_tag_of_its_bus(void **state)
{
	struct _device card, leds;
	bus_dma_tag_t tag = NULL;
	(void)state;

	start(WORLD_DIRECT);
	mete_freebsd_device_init(&card, "card0", &bus);
	mete_freebsd_device_init(&leds, "leds0", NULL);
	device_set_softc(&card, &tag);
	assert_string_equal(device_get_nameunit(&card), "card0");
	assert_ptr_equal(device_get_softc(&card), &tag);
	assert_ptr_equal(bus_get_dma_tag(&card), bus.tag);
	assert_int_equal(bus_dma_tag_create(bus_get_dma_tag(&card), 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    4096, 1, 4096, 0, busdma_lock_mutex, NULL, &tag), 0);
	assert_int_equal(mete_freebsd_bus_fini(&bus), METE_EBUSY); /* it is a child of the bus's */
	assert_int_equal(bus_dma_tag_destroy(tag), 0);

	/* One that does no DMA has none, nor has no device; a tag made of that is refused. */
	assert_null(bus_get_dma_tag(&leds));
	assert_null(bus_get_dma_tag(NULL));
	assert_int_equal(bus_dma_tag_create(bus_get_dma_tag(&leds), 1, 0, BUS_SPACE_MAXADDR, BUS_SPACE_MAXADDR, NULL, NULL,
	    4096, 1, 4096, 0, NULL, NULL, &tag), EINVAL);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_impossible_tags_are_refused),
		cmocka_unit_test(test_filters_are_refused),
		cmocka_unit_test(test_tags_and_maps_in_use_stay),
		cmocka_unit_test(test_limits_come_from_the_whole_chain),
		cmocka_unit_test(test_the_window_is_from_lowaddr_to_highaddr),
		cmocka_unit_test(test_stand_ins_beyond_the_window_are_refused),
		cmocka_unit_test(test_a_misaligned_start_is_replaced),
		cmocka_unit_test(test_unrestricted_tags_have_room_for_a_buffer),
		cmocka_unit_test(test_templates_are_tags_by_name),
		cmocka_unit_test(test_absent_calls_of_bus_dma_are_not_declared),
		cmocka_unit_test(test_a_device_has_the_tag_of_its_bus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
