/* SPDX-License-Identifier: ISC */
/*
 * Many faces in one program, over one memory and one device: a buffer that one driver allocated is another's to load,
 * and what the device moves through it arrives.
 *
 * Below the faces there is one memory and one device; no face knows of the others.  So each kind of memory is tried
 * with each driver, in each way of mapping, and the device's bytes are looked at in the owner's hands.
 *
 * Frees are the other half: memory goes back the way it came.  A free through the wrong face must do nothing but count.
 * One pair is beyond that: coherent memory of one face and bus_dmamem of another are both the device's own memory, so a
 * driver that names address, length and bus address of it has named it right, whichever face it speaks.  An application
 * that wants them apart gives each face a struct mete_device of its own.
 */
#include "support.h"

#include "bus_world.h"
#include "many.h"

#define LEN 9000 /* more than two of the BSD drivers' segments of 4 KiB */
#define HALF (LEN / 2)
#define WHOLE (4 * SMALL_FRAME) /* a class, an order and whole frames: every kind of memory has just this length */

static const enum world_way ways[] = { WORLD_DIRECT, WORLD_BOUNCE, WORLD_IOVA_WAY, WORLD_CACHES };
static const struct many_driver *const drivers[] = { &many_linux, &many_openbsd, &many_freebsd, &many_netbsd };
#define NWAYS (sizeof ways / sizeof ways[0])
#define NDRIVERS (sizeof drivers / sizeof drivers[0])

static struct bus_world world;

/* A load, as the device knows it. */
struct loaded {
	struct mete_segment segs[MANY_SEGMENTS];
	size_t n;
};

static void start(enum world_way way)
{
	world_start(&world, way);
	for (size_t i = 0; i < NDRIVERS; i++)
		assert_ok(drivers[i]->attach(&world.device));
}

static void end(void)
{
	for (size_t i = 0; i < NDRIVERS; i++)
		assert_ok(drivers[i]->detach());
	world_end(&world);
}

/* All counters but that of refused loads, which some tests want. */
static unsigned long mistakes(void)
{
	const struct mete_counters c = small_arena_counters(&world.small);

	return c.failed + c.bad_argument + c.bad_address + c.double_free + c.wrong_size + c.wrong_pair +
	    c.wait_refused + c.waited + c.reclaimed + c.fini_busy;
}

static unsigned long refused(void)
{
	return small_arena_counters(&world.small).map_refused;
}

static unsigned char pattern(size_t i, unsigned seed)
{
	return (unsigned char)(i * 7 + i / 251 + seed);
}

static void fill(unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = pattern(i, seed);
}

static bool filled(const unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++) {
		if (p[i] != pattern(i, seed))
			return false;
	}
	return true;
}

/* The device reads or writes all that a load shows; `len` is what it must be. */
static bool device_gets(const struct loaded *load, unsigned char *to, size_t len)
{
	for (size_t i = 0; i < load->n; i++) {
		size_t piece = (size_t)load->segs[i].len;
		if (piece > len || !world_read(&world, load->segs[i].bus, to, piece))
			return false;
		to += piece;
		len -= piece;
	}
	return !len;
}

static bool device_puts(const struct loaded *load, const unsigned char *from, size_t len)
{
	for (size_t i = 0; i < load->n; i++) {
		size_t piece = (size_t)load->segs[i].len;
		if (piece > len || !world_write(&world, load->segs[i].bus, from, piece))
			return false;
		from += piece;
		len -= piece;
	}
	return !len;
}

/* Whether a load went the way that its memory must go here. */
static bool went_its_way(const struct loaded *load, const unsigned char *cpu)
{
	size_t at = (size_t)(cpu - world.small.memory);
	bool direct = load->segs[0].bus == WORLD_BUS + at;

	switch (world.way) {
	case WORLD_DIRECT:
		return direct;
	case WORLD_IOVA_WAY:
		return !direct && load->segs[0].bus >= WORLD_IOVA;
	case WORLD_BOUNCE:
		return direct ? at + LEN <= WORLD_NEAR : load->segs[0].bus - WORLD_BUS < WORLD_NEAR;
	default:
		return true; /* lines decide */
	}
}

/* One cell of the table: what `owner` allocated as `memory` is loaded by `user`. */
static void cross(const struct many_memory *memory, const struct many_driver *user, unsigned seed)
{
	static unsigned char seen[LEN];
	struct loaded load;

	print_message("    way %d: %s through %s\n", (int)world.way, memory->name, user->name);
	unsigned char *cpu = memory->alloc(LEN);
	assert_non_null(cpu);
	memset(cpu, 0, LEN);
	assert_int_equal(user->load(cpu, LEN, load.segs, &load.n), 0);
	assert_true(went_its_way(&load, cpu));
	fill(cpu, LEN, seed); /* after the load, which would have copied it */
	user->to_device();
	assert_true(device_gets(&load, seen, LEN));
	assert_true(filled(seen, LEN, seed));
	fill(seen, LEN, seed + 1);
	assert_true(device_puts(&load, seen, LEN));
	user->to_cpu();
	assert_true(filled(cpu, LEN, seed + 1));
	user->unload();
	assert_true(filled(cpu, LEN, seed + 1)); /* an unload moves nothing back */
	memory->release(cpu, LEN);
	assert_int_equal(mistakes() + refused(), 0);
}

static void test_memory_of_each_face_is_loaded_through_each_other(void **state)
{
	unsigned seed = 1;
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		for (size_t o = 0; o < NDRIVERS; o++) {
			for (size_t k = 0; k < MANY_KINDS && drivers[o]->memory[k].name; k++) {
				if (ways[w] == WORLD_CACHES && drivers[o]->memory[k].coherent)
					continue; /* there is none */
				for (size_t u = 0; u < NDRIVERS; u++)
					cross(&drivers[o]->memory[k], drivers[u], seed++);
			}
		}
		end();
	}
}

/* The first kind of a driver's memory that can be had in this way. */
static const struct many_memory *memory_of(const struct many_driver *driver)
{
	return &driver->memory[world.way == WORLD_CACHES && driver->memory[0].coherent];
}

/*
 * Each driver has its neighbour's buffer at the same time, and the device carries bytes around the ring.  A buffer has
 * two halves: the device reads the first and writes the second.
 */
static void test_four_faces_share_the_device_at_once(void **state)
{
	static const size_t leave[NDRIVERS] = { 2, 0, 3, 1 }; /* in another order than they came */
	static unsigned char got[NDRIVERS][LEN];
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		unsigned char *cpu[NDRIVERS];
		struct loaded load[NDRIVERS];
		start(ways[w]);
		for (size_t i = 0; i < NDRIVERS; i++) {
			cpu[i] = memory_of(drivers[i])->alloc(LEN);
			assert_non_null(cpu[i]);
			memset(cpu[i], 0, LEN);
		}
		for (size_t i = 0; i < NDRIVERS; i++) {
			const struct many_driver *user = drivers[(i + 1) % NDRIVERS];
			assert_int_equal(user->load(cpu[i], LEN, load[i].segs, &load[i].n), 0);
			fill(cpu[i], HALF, (unsigned)(10 + i));
			user->to_device();
		}
		for (size_t i = 0; i < NDRIVERS; i++)
			assert_true(device_gets(&load[i], got[i], LEN));
		for (size_t i = 0; i < NDRIVERS; i++) {
			memcpy(got[i] + HALF, got[(i + NDRIVERS - 1) % NDRIVERS], HALF);
			assert_true(device_puts(&load[i], got[i], LEN));
		}
		for (size_t j = 0; j < NDRIVERS; j++) {
			size_t i = leave[j], from = (i + NDRIVERS - 1) % NDRIVERS;
			drivers[(i + 1) % NDRIVERS]->to_cpu();
			drivers[(i + 1) % NDRIVERS]->unload();
			assert_true(filled(cpu[i], HALF, (unsigned)(10 + i)));
			assert_true(filled(cpu[i] + HALF, HALF, (unsigned)(10 + from)));
			memory_of(drivers[i])->release(cpu[i], LEN);
		}
		assert_int_equal(mistakes() + refused(), 0);
		end();
	}
}

/*
 * A load of FreeBSD waits for its own face's unloads, and for what the application says: nobody else tells it that
 * bounce memory is free.  With nothing of its own face out it would wait for ever, and fails instead.
 */
static void test_a_load_that_waits_for_another_face_goes_on_when_pumped(void **state)
{
	static unsigned char seen[32 << 10];
	struct loaded first, second, late;
	(void)state;

	start(WORLD_BOUNCE);
	unsigned char *far = world_buffer(&world, 40 << 10), *wanted = world_buffer(&world, 32 << 10);
	fill(wanted, 32 << 10, 5);
	assert_int_equal(many_linux.load(far, 40 << 10, first.segs, &first.n), 0);
	assert_int_equal(many_freebsd_load_late(wanted, 32 << 10, late.segs, &late.n), many_freebsd.lacking);
	assert_int_equal(many_freebsd.load(far, 4096, second.segs, &second.n), 0);
	assert_int_equal(many_freebsd_load_late(wanted, 32 << 10, late.segs, &late.n), many_freebsd_waits);
	assert_int_equal(many_freebsd_pump(), 0); /* it still lacks */
	many_linux.unload();
	assert_int_equal(late.n, 0);
	assert_int_equal(many_freebsd_pump(), 1);
	assert_true(late.n > 0);
	many_freebsd_late_to_device();
	assert_true(device_gets(&late, seen, sizeof seen));
	assert_true(filled(seen, sizeof seen, 5));
	many_freebsd_unload_late();
	many_freebsd.unload();
	assert_int_equal(mistakes(), 0);
	end();
}

/* 48 of the area's 64 KiB: another 32 KiB are not there until the first driver is done. */
static void test_what_one_face_uses_up_the_others_lack_and_get_back(void **state)
{
	(void)state;

	start(WORLD_BOUNCE);
	unsigned char *big = world_buffer(&world, 48 << 10), *small = world_buffer(&world, 32 << 10);
	for (size_t h = 0; h < NDRIVERS; h++) {
		struct loaded load;
		unsigned long before = refused();
		assert_int_equal(drivers[h]->load(big, 48 << 10, load.segs, &load.n), 0);
		for (size_t u = 0; u < NDRIVERS; u++) {
			if (u == h)
				continue;
			int error = drivers[u]->load(small, 32 << 10, load.segs, &load.n);
			assert_int_equal(error, drivers[u]->lacking);
		}
		assert_int_equal(refused() - before, NDRIVERS - 1);
		drivers[h]->unload();
		for (size_t u = 0; u < NDRIVERS; u++) {
			assert_int_equal(drivers[u]->load(small, 32 << 10, load.segs, &load.n), 0);
			drivers[u]->unload();
		}
		assert_int_equal(mistakes(), 0);
	}
	end();
}

static void test_memory_of_nobody_is_refused_by_each(void **state)
{
	static unsigned char nobodys[LEN];
	struct loaded load;
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		for (size_t u = 0; u < NDRIVERS; u++) {
			assert_int_equal(drivers[u]->load(nobodys, LEN, load.segs, &load.n), drivers[u]->refused);
			assert_int_equal(refused(), u + 1);
		}
		assert_int_equal(mistakes(), 0);
		end();
	}
}

/* Memory of one kind is freed as if it were of another, while a third driver has it loaded. */
static void free_wrongly(const struct many_memory *owner, const struct many_memory *wrong,
    const struct many_driver *third)
{
	static unsigned char seen[WHOLE];
	struct loaded load;

	print_message("    way %d: %s freed as %s\n", (int)world.way, owner->name, wrong->name);
	unsigned char *cpu = owner->alloc(WHOLE);
	assert_non_null(cpu);
	fill(cpu, WHOLE, 3);
	assert_int_equal(third->load(cpu, WHOLE, load.segs, &load.n), 0);
	third->to_device();
	size_t held = mete_provider_held(&world.small.arena.provider);
	unsigned long before = mistakes();
	wrong->release(cpu, WHOLE);
	assert_int_equal(mistakes() - before, 1);
	assert_int_equal(mete_provider_held(&world.small.arena.provider), held);
	assert_true(device_gets(&load, seen, WHOLE)); /* the device still reaches it ... */
	assert_true(filled(seen, WHOLE, 3));
	third->to_cpu();
	third->unload();
	assert_true(filled(cpu, WHOLE, 3));
	owner->release(cpu, WHOLE); /* ... and it is still its owner's to free */
	assert_int_equal(mistakes() - before, 1);
}

static void test_a_free_the_wrong_way_only_counts(void **state)
{
	(void)state;

	for (size_t w = 0; w < NWAYS; w++) {
		start(ways[w]);
		for (size_t o = 0; o < NDRIVERS * MANY_KINDS; o++) {
			const struct many_memory *owner = &drivers[o / MANY_KINDS]->memory[o % MANY_KINDS];
			if (!owner->name || (ways[w] == WORLD_CACHES && owner->coherent))
				continue;
			for (size_t x = 0; x < NDRIVERS * MANY_KINDS; x++) {
				const struct many_driver *wrong = drivers[x / MANY_KINDS];
				size_t third = 0;
				if (x == o || !wrong->memory[x % MANY_KINDS].name)
					continue;
				while (third == x / MANY_KINDS || third == o / MANY_KINDS)
					third++;
				free_wrongly(owner, &wrong->memory[x % MANY_KINDS], drivers[third]);
			}
		}
		end();
	}
}

/*
 * Named right, the device's memory is freed through any face.  Its owner's free comes too late then; it is counted, and
 * does not hit pages that were taken meanwhile.  FreeBSD's is left out: its map goes with its memory or not at all.
 */
static void test_a_late_free_of_the_devices_memory_only_counts(void **state)
{
	static const struct many_driver *const owners[] = { &many_openbsd, &many_netbsd };
	(void)state;

	for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
		const struct many_memory *memory = &owners[i]->memory[owners[i] == &many_openbsd];
		start(WORLD_DIRECT);
		size_t held = mete_provider_held(&world.small.arena.provider);
		unsigned char *cpu = memory->alloc(WHOLE);
		assert_non_null(cpu);
		many_linux_free_coherent(cpu, WHOLE, WORLD_BUS + (mete_baddr)(cpu - world.small.memory));
		assert_int_equal(mistakes(), 0);
		assert_int_equal(mete_provider_held(&world.small.arena.provider), held);
		unsigned char *next = many_linux.memory[1].alloc(WHOLE);
		assert_non_null(next);
		fill(next, WHOLE, 9);
		memory->release(cpu, WHOLE);
		assert_true(mistakes() > 0);
		assert_true(filled(next, WHOLE, 9));
		assert_int_equal(mete_provider_held(&world.small.arena.provider), held + 1);
		many_linux.memory[1].release(next, WHOLE);
		end();
	}
}

/* Which kinds of memory keep which face from ending, also while another face has the memory. */
static void test_no_face_ends_while_its_memory_is_out(void **state)
{
	static const struct {
		const struct many_driver *owner, *user;
		size_t kind;
		const char *why;
	} rows[] = {
		{ &many_linux, &many_openbsd, 1, "pages at OpenBSD" },
		{ &many_openbsd, &many_freebsd, 0, "dma_alloc at FreeBSD" },
		{ &many_freebsd, &many_netbsd, 0, "dmamem at NetBSD" },
	};
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct many_driver *owner = rows[i].owner, *user = rows[i].user;
		const struct many_memory *memory = &owner->memory[rows[i].kind];
		struct loaded load;
		start(WORLD_DIRECT);
		void *cpu = memory->alloc(LEN);
		assert_row(cpu, i, rows[i].why);
		assert_row(!user->load(cpu, LEN, load.segs, &load.n), i, rows[i].why);
		assert_row(owner->detach() == METE_EBUSY, i, rows[i].why);
		user->unload();
		assert_row(owner->detach() == METE_EBUSY, i, rows[i].why); /* it is out, loaded or not */
		memory->release(cpu, LEN);
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_of_each_face_is_loaded_through_each_other),
		cmocka_unit_test(test_four_faces_share_the_device_at_once),
		cmocka_unit_test(test_what_one_face_uses_up_the_others_lack_and_get_back),
		cmocka_unit_test(test_a_load_that_waits_for_another_face_goes_on_when_pumped),
		cmocka_unit_test(test_memory_of_nobody_is_refused_by_each),
		cmocka_unit_test(test_a_free_the_wrong_way_only_counts),
		cmocka_unit_test(test_a_late_free_of_the_devices_memory_only_counts),
		cmocka_unit_test(test_no_face_ends_while_its_memory_is_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
