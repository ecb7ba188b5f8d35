/* SPDX-License-Identifier: ISC */
/*
 * Windows, case by case: what cuts an object, what is held over moves, what goes wrong.  tests/model searches the same
 * ground at random.
 */
#include "support.h"

#include "ways_world.h"

#define NSEGMENTS 4
#define NWINDOWS 64

struct view {
	struct mete_map map;
	struct mete_segment segments[NSEGMENTS];
	struct mete_windows windows;
	struct mete_window window[NWINDOWS];
};

/* An array of pieces as a sequence. */
struct list {
	struct mete_piece piece[64];
	size_t n, at;
};

static bool list_next(void *ctx, struct mete_piece *ret)
{
	struct list *list = ctx;

	if (list->at == list->n)
		return false;
	*ret = list->piece[list->at++];
	return true;
}

static void list_rewind(void *ctx)
{
	((struct list *)ctx)->at = 0;
}

static void list_add(struct list *list, unsigned char *cpu, size_t len)
{
	list->piece[list->n].cpu = cpu;
	list->piece[list->n++].len = len;
}

static struct mete_pieces pieces_of(struct list *list)
{
	return (struct mete_pieces){ list_next, list, list_rewind };
}

static void view_start(struct view *v, struct world *w, const struct mete_constraint *limit)
{
	memset(v, 0, sizeof *v);
	assert_ok(mete_map_init(&v->map, &w->device, limit, v->segments, NSEGMENTS));
	assert_ok(mete_windows_init(&v->windows, &v->map, v->window, NWINDOWS));
}

/* Windows follow one another from 0 to the end of the object. */
static void assert_tiled(const struct view *v, size_t len)
{
	size_t off = 0;

	for (uint32_t i = 0; i < v->windows.nwindows; i++) {
		assert_int_equal(v->window[i].off, off);
		assert_true(v->window[i].len > 0);
		off += v->window[i].len;
	}
	assert_int_equal(off, len);
}

/* The device finds in the current window what the object has there, and nothing else. */
static void assert_shown(struct world *w, const struct view *v, const unsigned char *object)
{
	const struct mete_window *window = &v->window[v->windows.current];
	size_t off = window->off;

	assert_int_equal(v->map.len, window->len);
	for (uint32_t i = 0; i < v->map.nsegments; i++) {
		device_sees(w, v->segments[i].bus, object + off, (size_t)v->segments[i].len);
		off += (size_t)v->segments[i].len;
	}
	assert_int_equal(off, window->off + window->len);
}

static void test_what_can_be_shown_at_once_is_one_window(void **state)
{
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	view_start(&v, &w, NULL);
	struct list list = { .n = 0 };
	list_add(&list, w.small.memory, 10000);
	const struct mete_pieces pieces = pieces_of(&list);
	fill(w.small.memory, 10000, 3);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_int_equal(v.windows.nwindows, 1);
	assert_tiled(&v, 10000);
	assert_shown(&w, &v, w.small.memory);
	assert_ok(mete_windows_show(&v.windows, 0));
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* Pieces that cannot be joined, a length limit: both end a window, at a multiple of the granularity. */
static void test_segments_and_lengths_cut(void **state)
{
	static const struct mete_constraint few = { .max_segments = 3, .granularity = 512 };
	static const struct mete_constraint brief = { .max_transfer = 9000, .granularity = 512 };
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	unsigned char *at = w.small.memory, object[10 * 1280];
	struct list list = { .n = 0 };
	for (size_t i = 0; i < 10; i++) {
		list_add(&list, at + i * 8192, 1280);
		fill(at + i * 8192, 1280, (unsigned)i);
		memcpy(object + i * 1280, at + i * 8192, 1280);
	}
	const struct mete_pieces pieces = pieces_of(&list);
	view_start(&v, &w, &few);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_tiled(&v, sizeof object);
	assert_int_equal(v.window[0].len, 3584); /* 3 x 1280 = 3840, and 7 x 512 = 3584 */
	for (uint32_t n = v.windows.nwindows; n--;) {
		assert_ok(mete_windows_show(&v.windows, n));
		assert_int_equal(v.window[n].len % 512, 0);
		assert_true(v.map.nsegments <= 3);
		assert_shown(&w, &v, object);
	}
	assert_ok(mete_windows_unload(&v.windows));

	list.n = 0;
	list_add(&list, at, 64 * 512);
	fill(at, 64 * 512, 9);
	view_start(&v, &w, &brief);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_tiled(&v, 64 * 512);
	assert_int_equal(v.window[0].len, 17 * 512);
	assert_int_equal(v.windows.nwindows, 4);
	assert_int_equal(w.small.arena.provider.counters.map_refused, 0);
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* More out of reach than the area has room for: windows share one stretch of it, and others cannot take it meanwhile. */
static void test_a_small_area_shows_a_large_object(void **state)
{
	static const struct mete_constraint narrow = { .last = REACH, .boundary = 8192 };
	static const struct mete_bounce_config small = { .len = 16 << 10, .longest = 8 << 10 };
	struct world w;
	struct view v;
	mete_baddr bus, others[16];
	size_t nothers = 0;
	(void)state;

	for (unsigned behind = 0; behind < 2; behind++) {
		start(&w, behind ? NULL : &narrow);
		if (behind)
			with_domain(&w, true);
		struct mete_bounce_config config = small;
		config.always = behind;
		if (behind)
			config.len = 32 << 10;
		with_bounce(&w, &config);
		size_t len = 100000;
		unsigned char *far = w.small.memory + SMALL_LEN - len - 100;
		fill(far, len, 5);
		view_start(&v, &w, NULL);
		struct list list = { .n = 0 };
		list_add(&list, far, len);
		const struct mete_pieces pieces = pieces_of(&list);
		assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS_WRITES, 0));
		assert_tiled(&v, len);
		assert_true(v.windows.nwindows > 8);
		/* The rest of the area goes to others; moving does not need it. */
		for (nothers = 0; nothers < 16 && !mete_map_single(&w.device, NULL, w.small.memory + SMALL_LEN - 64, 64,
		    METE_DEVICE_READS, 0, &bus); nothers++)
			others[nothers] = bus;
		for (uint32_t n = 0; n < v.windows.nwindows; n++) {
			assert_ok(mete_windows_show(&v.windows, n));
			assert_shown(&w, &v, far);
			/* The device answers, and the CPU sees it. */
			device_writes(&w, v.segments[0].bus, 10, (unsigned char)n);
			assert_ok(mete_map_sync(&v.map, 0, v.map.len, METE_FOR_CPU, METE_DEVICE_WRITES));
			assert_int_equal(far[v.window[n].off + 9], (unsigned char)n);
		}
		mete_baddr was = v.segments[0].bus;
		assert_ok(mete_windows_unload(&v.windows));
		if (behind)
			assert_null(device_byte(&w, was, METE_DEVICE_READS));
		while (nothers--)
			assert_ok(mete_unmap_single(&w.device, others[nothers], 64, METE_DEVICE_READS, 0));
		end(&w);
	}
}

/* The window before is gone from the IOMMU as soon as the next is shown, also when flushes are deferred. */
static void test_a_window_that_went_is_out_of_reach(void **state)
{
	static const struct mete_constraint brief = { .max_transfer = 8192 };
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	with_domain(&w, true);
	view_start(&v, &w, &brief);
	struct list list = { .n = 0 };
	list_add(&list, w.small.memory + 100, 8092 + 4096);
	const struct mete_pieces pieces = pieces_of(&list);
	fill(w.small.memory, SMALL_LEN, 1);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_int_equal(v.windows.nwindows, 2);
	mete_baddr beyond = v.segments[0].bus + 2 * 4096; /* the first has three pages, the second has two */
	assert_non_null(device_byte(&w, beyond, METE_DEVICE_READS)); /* and the hardware remembers it now */
	assert_ok(mete_windows_show(&v.windows, 1));
	assert_shown(&w, &v, w.small.memory + 100);
	assert_null(device_byte(&w, beyond, METE_DEVICE_READS));
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* For a device that is not coherent, a cut in a cache line would make both windows need stand-ins. */
static void test_cuts_keep_off_cache_lines_and_alignment(void **state)
{
	static const struct mete_constraint limits[] = { { .max_transfer = 1000 }, { .max_transfer = 1000, .align = 256 } };
	struct world w;
	struct view v;
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		start_noncoherent(&w, 64, NULL);
		view_start(&v, &w, &limits[i]);
		struct list list = { .n = 0 };
		list_add(&list, w.small.memory, 4096);
		const struct mete_pieces pieces = pieces_of(&list);
		assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_WRITES, 0));
		assert_tiled(&v, 4096);
		assert_int_equal(v.window[0].len, i ? 768 : 960);
		for (uint32_t n = 0; n < v.windows.nwindows; n++)
			assert_ok(mete_windows_show(&v.windows, n));
		assert_ok(mete_windows_unload(&v.windows));
		end(&w);
	}
}

/* A device that takes no fewer than so many bytes is not left with fewer. */
static void test_the_last_window_is_not_too_short(void **state)
{
	static const struct mete_constraint limit = { .max_transfer = 4096, .min_transfer = 1024, .granularity = 256 };
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	view_start(&v, &w, &limit);
	struct list list = { .n = 0 };
	list_add(&list, w.small.memory, 8192 + 256);
	const struct mete_pieces pieces = pieces_of(&list);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_tiled(&v, 8192 + 256);
	for (uint32_t i = 0; i < v.windows.nwindows; i++)
		assert_true(v.window[i].len >= 1024 && v.window[i].len <= 4096 && v.window[i].len % 256 == 0);
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

static void test_bad_input(void **state)
{
	static const struct mete_constraint narrow = { .last = REACH };
	static const struct mete_constraint coarse = { .max_segments = 2, .granularity = 4096 };
	struct world w;
	struct view v;
	struct mete_windows other;
	(void)state;

	start(&w, &narrow);
	view_start(&v, &w, NULL);
	struct list list = { .n = 0 };
	list_add(&list, w.small.memory, 5000);
	struct mete_pieces pieces = pieces_of(&list);
	const struct mete_counters *c = &w.small.arena.provider.counters;

	assert_int_equal(mete_windows_init(NULL, &v.map, v.window, 1), METE_EINVAL);
	assert_int_equal(mete_windows_init(&other, NULL, v.window, 1), METE_EINVAL);
	assert_int_equal(mete_windows_init(&other, &v.map, NULL, 1), METE_EINVAL);
	assert_int_equal(mete_windows_init(&other, &v.map, v.window, 0), METE_EINVAL);
	assert_int_equal(mete_windows_load(&v.windows, NULL, METE_DEVICE_READS, 0), METE_EINVAL);
	pieces.rewind = NULL;
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_EINVAL);
	pieces = pieces_of(&list);
	assert_int_equal(mete_windows_load(&v.windows, &pieces, (enum mete_access)0, 0), METE_EINVAL);
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, ~0u), METE_EINVAL);
	assert_int_equal(mete_windows_show(&v.windows, 0), METE_EINVAL);
	assert_int_equal(mete_windows_unload(&v.windows), METE_EINVAL);
	assert_int_equal(c->bad_argument, 6);

	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_EBUSY);
	assert_int_equal(mete_windows_init(&other, &v.map, v.window, 1), METE_EINVAL); /* the map is not empty */
	assert_int_equal(mete_windows_show(&v.windows, 1), METE_EINVAL);
	assert_int_equal(v.map.nsegments, 1); /* the window stays */
	assert_ok(mete_windows_unload(&v.windows));

	/* Nothing, and out of reach from its middle on. */
	list.n = 0;
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_EINVAL);
	list_add(&list, w.small.memory + SMALL_LEN / 2 - 8192, 16384);
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_ERANGE);
	assert_int_equal(c->map_refused, 2);
	assert_int_equal(v.windows.nwindows, 0);

	/* Off the granularity; a granule in more pieces than segments; more windows than there is room for. */
	list.n = 0;
	for (size_t i = 0; i < 16; i++)
		list_add(&list, w.small.memory + i * 4096, 1024);
	view_start(&v, &w, &coarse);
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_EMSGSIZE);
	list.piece[15].len = 1023;
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_EINVAL);
	view_start(&v, &w, NULL);
	v.windows.capacity = 3;
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_EMSGSIZE);
	v.windows.capacity = 4;
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* An IOMMU that refuses in the middle: nothing is shown, and the next call shows it. */
static void test_a_map_that_fails_shows_nothing(void **state)
{
	static const struct mete_constraint brief = { .max_transfer = 8192 };
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	view_start(&v, &w, &brief);
	struct list list = { .n = 0 };
	for (size_t i = 0; i < 8; i++)
		list_add(&list, w.small.memory + i * 8192, 4096);
	const struct mete_pieces pieces = pieces_of(&list);
	for (size_t fail = 0; fail < 2; fail++) {
		w.iommu.fail_maps = fail;
		assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_EIO);
		assert_int_equal(v.windows.nwindows, 0);
		assert_int_equal(fake_iommu_entries(&w.iommu), 0);
	}
	w.iommu.fail_maps = SIZE_MAX;
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	w.iommu.fail_maps = 1;
	assert_int_equal(mete_windows_show(&v.windows, 2), METE_EIO);
	assert_int_equal(v.map.state, METE_MAP_EMPTY);
	assert_int_equal(fake_iommu_entries(&w.iommu), 0);
	w.iommu.fail_maps = SIZE_MAX;
	assert_ok(mete_windows_show(&v.windows, 2));
	assert_int_equal(v.map.len, 8192);
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* A driver that ends a window's segment by its address, as if it were a mapping of its own, takes nothing that is held. */
static void test_what_is_held_cannot_be_given_back_piecemeal(void **state)
{
	static const struct mete_constraint narrow = { .last = REACH };
	struct world w;
	struct view v;
	(void)state;

	for (unsigned behind = 0; behind < 2; behind++) {
		start(&w, behind ? NULL : &narrow);
		if (behind)
			with_domain(&w, false);
		else
			with_bounce(&w, &(struct mete_bounce_config){ .len = 16 << 10 });
		view_start(&v, &w, &(struct mete_constraint){ .max_transfer = 12288 });
		unsigned char *far = w.small.memory + SMALL_LEN - 65536;
		struct list list = { .n = 0 };
		list_add(&list, far, 65536);
		const struct mete_pieces pieces = pieces_of(&list);
		assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
		(void)mete_unmap_single(&w.device, v.segments[0].bus, (size_t)v.segments[0].len, METE_DEVICE_READS, 0);
		mete_baddr bus;
		if (!mete_map_single(&w.device, NULL, far, 4096, METE_DEVICE_READS, 0, &bus)) {
			assert_true(bus < v.segments[0].bus || bus > v.segments[0].bus + v.segments[0].len);
			assert_ok(mete_unmap_single(&w.device, bus, 4096, METE_DEVICE_READS, 0));
		}
		assert_ok(mete_windows_show(&v.windows, 1));
		assert_ok(mete_windows_unload(&v.windows));
		end(&w);
	}
}

static void assert_all_shown(struct world *w, struct view *v, const unsigned char *object, size_t len)
{
	assert_tiled(v, len);
	for (uint32_t n = v->windows.nwindows; n--;) {
		assert_ok(mete_windows_show(&v->windows, n));
		assert_shown(w, v, object);
	}
}

/* Small pieces on pages of their own: what is held is enough for as many as there are segments. */
static void test_small_pieces_do_not_make_small_windows(void **state)
{
	unsigned char object[12 * 64];
	struct world w;
	struct view v;
	(void)state;

	for (unsigned behind = 0; behind < 2; behind++) {
		start(&w, NULL);
		if (behind)
			with_domain(&w, false);
		else
			with_bounce(&w, &(struct mete_bounce_config){ .len = 64 << 10, .keep = 63, .always = true });
		view_start(&v, &w, NULL);
		v.windows.capacity = 3;
		struct list list = { .n = 0 };
		for (size_t i = 0; i < 12; i++) {
			fill(w.small.memory + i * 8192 + 32, 64, (unsigned)i);
			memcpy(object + i * 64, w.small.memory + i * 8192 + 32, 64);
			list_add(&list, w.small.memory + i * 8192 + 32, 64);
		}
		const struct mete_pieces pieces = pieces_of(&list);
		assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0)); /* 3 windows of NSEGMENTS pieces */
		assert_int_equal(v.windows.nwindows, 3);
		assert_all_shown(&w, &v, object, sizeof object);
		assert_ok(mete_windows_unload(&v.windows));
		end(&w);
	}
}

/* Stand-ins that are aligned to more than a grain lie far from each other. */
static void test_a_granule_may_need_stand_ins_far_apart(void **state)
{
	static const struct mete_bounce_config area = { .len = 16384, .grain = 128 };
	static const struct mete_constraint odd = { .align = 2048, .granularity = 128, .max_transfer = 128 };
	unsigned char object[256];
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	with_bounce(&w, &area);
	view_start(&v, &w, &odd);
	struct list list = { .n = 0 };
	fill(object, sizeof object, 4);
	for (size_t i = 0; i < 4; i++) {
		memcpy(w.small.memory + i * 8192 + 3, object + i * 64, 64);
		list_add(&list, w.small.memory + i * 8192 + 3, 64);
	}
	const struct mete_pieces pieces = pieces_of(&list);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_int_equal(v.windows.nwindows, 2);
	assert_all_shown(&w, &v, object, sizeof object);
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* Where no line ends near enough, a window ends at least where the next can be aligned. */
static void test_cuts_are_aligned_if_not_between_lines(void **state)
{
	static const struct mete_constraint odd = { .align = 8, .max_transfer = 26, .granularity = 4 };
	static const size_t len[] = { 54, 4, 14, 16 };
	struct world w;
	struct view v;
	(void)state;

	start_noncoherent(&w, 32, NULL);
	view_start(&v, &w, &odd);
	struct list list = { .n = 0 };
	for (size_t i = 0; i < 4; i++)
		list_add(&list, w.small.memory + i * 8192, len[i]);
	const struct mete_pieces pieces = pieces_of(&list);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_tiled(&v, 88);
	for (uint32_t n = 0; n < v.windows.nwindows; n++)
		assert_ok(mete_windows_show(&v.windows, n));
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* A granule that is longer than the longest stand-in takes several. */
static void test_a_granule_may_need_many_stand_ins(void **state)
{
	static const struct mete_bounce_config brief = { .len = 16384, .grain = 256, .longest = 256, .always = true };
	static const struct mete_constraint coarse = { .granularity = 2048, .max_transfer = 2048 };
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	with_bounce(&w, &brief);
	view_start(&v, &w, &coarse);
	struct list list = { .n = 0 };
	list_add(&list, w.small.memory + 7, 6144);
	fill(w.small.memory + 7, 6144, 5);
	const struct mete_pieces pieces = pieces_of(&list);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_int_equal(v.windows.nwindows, 3);
	assert_all_shown(&w, &v, w.small.memory + 7, 6144);
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* Segments that are shorter than their alignment: a window has one, and the next begins at a stand-in. */
static void test_segments_may_be_shorter_than_their_alignment(void **state)
{
	static const struct mete_bounce_config area = { .len = 16384, .grain = 256 };
	static const struct mete_constraint odd = { .align = 64, .max_segment = 32 };
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	with_bounce(&w, &area);
	view_start(&v, &w, &odd);
	struct list list = { .n = 0 };
	list_add(&list, w.small.memory, 128);
	fill(w.small.memory, 128, 6);
	const struct mete_pieces pieces = pieces_of(&list);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	for (uint32_t n = 0; n < v.windows.nwindows; n++)
		assert_in_range(v.window[n].len, 1, 32);
	assert_all_shown(&w, &v, w.small.memory, 128);
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* Where the last aligned place is too near, a window ends elsewhere. */
static void test_a_window_is_not_cut_too_short_for_alignment(void **state)
{
	static const struct mete_constraint odd = { .align = 256, .min_transfer = 200, .max_transfer = 300 };
	unsigned char object[750];
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	with_bounce(&w, &(struct mete_bounce_config){ .len = 16384 });
	view_start(&v, &w, &odd);
	struct list list = { .n = 0 };
	fill(object, sizeof object, 8);
	memcpy(w.small.memory, object, 150);
	memcpy(w.small.memory + 8192, object + 150, 600);
	list_add(&list, w.small.memory, 150);
	list_add(&list, w.small.memory + 8192, 600); /* 150 + 0 is aligned, and shorter than 200 */
	const struct mete_pieces pieces = pieces_of(&list);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	for (uint32_t n = 0; n < v.windows.nwindows; n++)
		assert_in_range(v.window[n].len, 200, 300);
	assert_all_shown(&w, &v, object, sizeof object);
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* Lines are of memory: where the bus shows them at addresses that are no multiples, cuts are still between lines. */
static void test_cuts_keep_off_lines_that_the_bus_shows_elsewhere(void **state)
{
	static const struct mete_constraint brief = { .max_transfer = 200 };
	const struct mete_bus_range shifted = { .phys = SMALL_PHYS, .bus = 0x10014, .len = SMALL_LEN };
	struct world w;
	struct view v;
	(void)state;

	start_noncoherent(&w, 64, &shifted);
	view_start(&v, &w, &brief);
	struct list list = { .n = 0 };
	list_add(&list, w.small.memory, 640);
	const struct mete_pieces pieces = pieces_of(&list);
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_WRITES, 0));
	for (uint32_t n = 0; n < v.windows.nwindows; n++)
		assert_int_equal(v.window[n].off % 64, 0);
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

/* More windows than there is room for, because others have the IOVA: that may change, and the answer says so. */
static void test_too_many_windows_for_lack_of_iova_is_no_memory(void **state)
{
	struct world w;
	struct view v;
	(void)state;

	start(&w, NULL);
	with_domain(&w, false);
	struct list list = { .n = 0 };
	for (size_t i = 0; i < 8; i++)
		list_add(&list, w.small.memory + i * 8192, 64);
	const struct mete_pieces pieces = pieces_of(&list);
	static const struct mete_constraint few = { .first = 16 * FAKE_PAGE, .last = 32 * FAKE_PAGE - 1 };
	view_start(&v, &w, &few);
	v.windows.capacity = 2;
	mete_baddr bus;
	assert_ok(mete_map_single(&w.device, &few, w.small.memory + 65536, 12 * FAKE_PAGE, METE_DEVICE_READS, 0, &bus));
	assert_int_equal(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0), METE_ENOMEM);
	assert_ok(mete_unmap_single(&w.device, bus, 12 * FAKE_PAGE, METE_DEVICE_READS, 0));
	assert_ok(mete_windows_load(&v.windows, &pieces, METE_DEVICE_READS, 0));
	assert_ok(mete_windows_unload(&v.windows));
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_can_be_shown_at_once_is_one_window),
		cmocka_unit_test(test_segments_and_lengths_cut),
		cmocka_unit_test(test_a_small_area_shows_a_large_object),
		cmocka_unit_test(test_a_window_that_went_is_out_of_reach),
		cmocka_unit_test(test_cuts_keep_off_cache_lines_and_alignment),
		cmocka_unit_test(test_the_last_window_is_not_too_short),
		cmocka_unit_test(test_bad_input),
		cmocka_unit_test(test_a_map_that_fails_shows_nothing),
		cmocka_unit_test(test_what_is_held_cannot_be_given_back_piecemeal),
		cmocka_unit_test(test_small_pieces_do_not_make_small_windows),
		cmocka_unit_test(test_cuts_are_aligned_if_not_between_lines),
		cmocka_unit_test(test_a_granule_may_need_many_stand_ins),
		cmocka_unit_test(test_a_granule_may_need_stand_ins_far_apart),
		cmocka_unit_test(test_segments_may_be_shorter_than_their_alignment),
		cmocka_unit_test(test_a_window_is_not_cut_too_short_for_alignment),
		cmocka_unit_test(test_cuts_keep_off_lines_that_the_bus_shows_elsewhere),
		cmocka_unit_test(test_too_many_windows_for_lack_of_iova_is_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
