/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * The NVMe driver on simulated machines that are as unfriendly as real ones, one property after the other and all
 * together, with many seeds.  A driver that is right reads its disk on all of them; nothing is refused, lost or stale.
 *
 * The controls are harnesses that tell the library something untrue about the machine.  Each is noticed.
 */
#include "linux_rig.h"
#include "nvme.h"
#include "rig_support.h"

#include <mete/bounce.h>
#include <mete/iommu.h>
#include <mete/sim.h>
#include <unistd.h>

#define DISK (300u << 10)
#define SEEDS 5u

/* What the harness says although it is not so. */
enum lie { TRUTH, COHERENT_LIE, RANGES_LIE };

struct bench {
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct linux_plug plug;
	struct mete_device ram, core;
	struct mete_domain domain;
	struct mete_bounce bounce; /* where buffers share cache lines with others, there must be one */
	struct device dev;
	struct nvme nvme;
	unsigned char *content;
	bool translated, bounces;
};

static void bench_open(struct bench *b, const struct mete_sim_config *more, enum lie lie)
{
	struct mete_sim_bus bus;
	char text[256], path[32];
	int fd;

	memset(b, 0, sizeof(*b));
	b->content = rig_file_make(DISK, 9, &fd, path);
	if (mete_rig_start_sim(&(struct mete_rig_sim){ .ram = 16u << 20, .disk = path, .more = more }, &b->rig, text,
	    sizeof(text)))
		fail_msg("%s", text);
	close(fd);
	assert_ok(mete_rig_find(b->rig, 0x1b36, 0x0010, 0, &b->pci));
	assert_ok(linux_rig_open(&b->plug, &b->pci));
	assert_ok(mete_sim_bus_get(&b->pci, &bus));
	b->translated = more->iommu_page != 0;
	const struct mete_device_config config = {
		.name = "nvme",
		.provider = mete_rig_provider(b->rig),
		.ranges = bus.range,
		.nranges = lie == RANGES_LIE || b->translated ? 0 : bus.nranges,
		.noncoherent = more->cache.line && lie != COHERENT_LIE,
		.line = more->cache.line,
	};
	assert_ok(mete_device_init(&b->core, &config));
	rig_device_init(&b->ram, b->rig);
	if (b->translated) {
		struct mete_domain_config domain;
		assert_ok(mete_rig_sim_iommu_start(&b->pci, &domain));
		assert_ok(mete_domain_init(&b->domain, mete_rig_provider(b->rig), &domain));
		assert_ok(mete_domain_attach(&b->domain, &b->core));
	}
	b->bounces = b->core.noncoherent;
	if (b->bounces)
		assert_ok(mete_bounce_init(&b->bounce, &b->core, &(struct mete_bounce_config){ .len = 1u << 20 }));
	mete_linux_device_init(&b->dev, "nvme", &b->core);
}

static void bench_close(struct bench *b)
{
	nvme_stop(&b->nvme);
	if (b->bounces)
		assert_ok(mete_bounce_fini(&b->bounce));
	if (b->translated) {
		assert_ok(mete_domain_attach(NULL, &b->core));
		assert_ok(mete_domain_fini(&b->domain));
	}
	assert_ok(mete_device_fini(&b->core));
	assert_ok(mete_device_fini(&b->ram));
	assert_ok(linux_rig_close(&b->plug));
	assert_int_equal(mete_rig_stop(b->rig), 0);
	free(b->content);
}

/* Start the driver and read; whether all of it came. */
static bool reads(struct bench *b)
{
	static const struct { uint64_t block, nblocks; size_t offset; } rows[] = {
		{ 0, 1, 0 }, { 7, 3, 512 }, { 100, 200, 64 }, { 599, 1, 4 }, { 0, 600, 1024 },
	};
	const size_t room = DISK + 4096;
	bool right = !nvme_start(&b->nvme, &b->dev, &b->plug);
	mete_baddr phys;
	void *memory;

	assert_ok(mete_device_alloc(&b->ram, NULL, room, METE_MEMORY_CACHED, METE_ZERO, &memory, &phys));
	for (size_t i = 0; right && i < sizeof(rows) / sizeof(*rows); i++) {
		unsigned char *to = (unsigned char *)memory + rows[i].offset;
		size_t len = (size_t)rows[i].nblocks * 512;
		memset(to, 0xa5, len);
		right = !nvme_read(&b->nvme, rows[i].block, rows[i].nblocks, to) &&
		    !memcmp(to, b->content + rows[i].block * 512, len);
	}
	assert_ok(mete_device_free(&b->ram, memory, room));
	return right;
}

#define CACHE { .line = 64, .evict_ppm = 200000, .refill_ppm = 200000 }
#define HIGH ((uint64_t)METE_PADDR_MAX / 2 + 1) /* above 4 GiB, or where 32 bits have no room for registers */

static const struct { struct mete_sim_config more; const char *why; } machines[] = {
	{ { .time = METE_SIM_STEP }, "step by step" },
	{ { .time = METE_SIM_AUTO }, "at its own pace" },
	{ { .time = METE_SIM_THREAD }, "a thread" },
	{ { .offset = true }, "an offset" },
	{ { .ram_phys = HIGH }, "memory high up" },
	{ { .cache = { .line = 16 } }, "a cache" },
	{ { .cache = { .line = 256 } }, "a cache of long lines" },
	{ { .cache = { .line = 64, .through = true } }, "a cache that writes through" },
	{ { .cache = CACHE }, "a cache under pressure" },
	{ { .late_stores = true, .time = METE_SIM_STEP }, "late stores" },
	{ { .iommu_page = 4096 }, "an IOMMU" },
	{ { .iommu_page = 65536, .iommu_deferred = true }, "an IOMMU with large pages, deferred" },
	{ { .time = METE_SIM_AUTO, .offset = true, .ram_phys = HIGH, .cache = CACHE, .late_stores = true }, "all of it" },
	{ { .time = METE_SIM_STEP, .iommu_page = 16384, .ram_phys = HIGH, .cache = CACHE, .late_stores = true },
	    "all of it, and an IOMMU" },
};

static void test_a_driver_that_is_right_works_on_every_machine(void **state)
{
	(void)state;
	struct mete_sim_counters c;
	struct bench b;

	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++) {
		for (uint64_t seed = 1; seed <= SEEDS; seed++) {
			struct mete_sim_config more = machines[i].more;
			more.seed = seed;
			bench_open(&b, &more, TRUTH);
			assert_row(reads(&b), i, mete_sim_repeat(b.rig));
			mete_sim_counters(b.rig, &c);
			for (int result = METE_SIM_OK + 1; result < METE_SIM_RESULTS; result++)
				assert_row(!c.accesses[result], i, mete_sim_result_name((enum mete_sim_result)result));
			assert_row(!c.lost && !c.clobbered && !c.stale_lines && !c.stale && !c.overflow, i, machines[i].why);
			assert_row(!more.cache.evict_ppm || (c.evicted && c.refilled), i, "no pressure");
			bench_close(&b);
		}
	}
}

/* An unmap that is deferred leaves the controller a way in; a driver that waits for its completions does not use it. */
static void test_a_machine_that_is_not_as_told_is_noticed(void **state)
{
	(void)state;
	static const struct { struct mete_sim_config more; enum lie lie; const char *why; } rows[] = {
		{ { .cache = { .line = 64 } }, COHERENT_LIE, "nobody takes care of the cache" },
		{ { .offset = true }, RANGES_LIE, "physical addresses are given to a bus with an offset" },
	};
	struct mete_sim_counters c;
	struct bench b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (int truth = 0; truth < 2; truth++) {
			bench_open(&b, &rows[i].more, truth ? TRUTH : rows[i].lie);
			assert_row(reads(&b) == truth, i, rows[i].why);
			mete_sim_counters(b.rig, &c);
			assert_row(!truth || !c.accesses[METE_SIM_UNMAPPED], i, rows[i].why);
			bench_close(&b);
		}
	}
}

/* Everything that can fail fails once; the driver says so, and nothing is left behind. */
static void test_each_failure_is_survived(void **state)
{
	(void)state;
	static const char *const classes[] = { "alloc fail", "record fail", "map fail", "bus-write fail", "bus-read fail",
		"register-read drop", "register-read fail", "irq drop" };
	struct mete_sim_rule rule;
	struct bench b;
	char text[128];

	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		unsigned failed = 0, noticed = 0;
		for (unsigned skip = 0;; skip += 1 + skip / 8) {
			const struct mete_sim_config more = { .time = METE_SIM_STEP, .seed = 3 };
			unsigned id;
			bench_open(&b, &more, TRUTH);
			assert_ok(mete_sim_rule_parse(classes[i], &rule, text, sizeof(text)));
			rule.skip = skip;
			rule.count = rule.on == METE_SIM_MAP ? 0 : 1; /* the library looks twice for one address */
			assert_ok(mete_sim_rule_add(b.rig, &rule, &id));
			bool ok = !nvme_start(&b.nvme, &b.dev, &b.plug);
			if (ok) {
				mete_baddr phys;
				void *memory = NULL;
				/* The test's own memory may be what fails. */
				if (!mete_device_alloc(&b.ram, NULL, 65536, METE_MEMORY_CACHED, 0, &memory, &phys)) {
					ok = !nvme_read(&b.nvme, 0, 100, memory) && !memcmp(memory, b.content, 51200);
					assert_ok(mete_device_free(&b.ram, memory, 65536));
				} else {
					ok = false;
				}
			}
			bool fired = mete_sim_rule_fired(b.rig, id) != 0;
			mete_sim_rules_clear(b.rig);
			nvme_stop(&b.nvme);
			assert_row(b.nvme.counts.mapped == b.nvme.counts.unmapped, i, classes[i]);
			bench_close(&b);
			failed += fired;
			noticed += fired && !ok;
			if (!fired)
				break;
		}
		print_message("%s: %u tried, %u of them made a call fail\n", classes[i], failed, noticed);
		assert_row(failed, i, classes[i]);
	}
}

/* The third Read of many completes wrongly.  What a driver can notice it notices; what it can live with it does. */
static void test_each_flaw_of_a_controller_is_survived(void **state)
{
	(void)state;
	static const struct { unsigned flaw; bool harmless; const char *why; } rows[] = {
		{ 0, true, "none" },
		{ METE_SIM_DUPLICATE, false, "completed twice" },
		{ METE_SIM_LOSE, false, "never completed" },
		{ METE_SIM_LATE, true, "completed after a second, within the driver's patience" },
		{ METE_SIM_REORDER, true, "completed after others" },
		{ METE_SIM_UNKNOWN_TAG, false, "completed for nobody" },
		{ METE_SIM_SPURIOUS, true, "interrupted too often" },
	};
	struct mete_sim_config more = { .time = METE_SIM_STEP, .seed = 3 };
	struct bench b;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bench_open(&b, &more, TRUTH);
		assert_ok(mete_sim_flaw(&b.pci, rows[i].flaw, 2, 1));
		assert_row(reads(&b) == rows[i].harmless, i, rows[i].why);
		assert_row(b.nvme.counts.mapped == b.nvme.counts.unmapped, i, rows[i].why);
		uint64_t seconds = mete_sim_now(b.rig) / 1000000000;
		assert_row((rows[i].flaw == METE_SIM_LATE) == (seconds == 1), i, rows[i].why);
		bench_close(&b);
	}
}

/* A controller that lies, or does more than it should: the driver may fail, and must end. */
static void test_a_malicious_controller_is_survived(void **state)
{
	(void)state;
	unsigned char bytes[300];
	struct bench b;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		const struct mete_sim_config more = { .time = METE_SIM_STEP, .seed = seed, .iommu_page = 4096 };
		uint64_t x = seed;
		for (size_t i = 0; i < sizeof(bytes); i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			/* One in eight is evil: else nothing would ever start. */
			bytes[i] = x >> 61 ? 0 : (unsigned char)(x >> 32 | 0x80);
		}
		bench_open(&b, &more, TRUTH);
		assert_ok(mete_sim_evil(&b.pci, bytes, sizeof(bytes)));
		(void)reads(&b);
		nvme_stop(&b.nvme);
		assert_int_equal(b.nvme.counts.mapped, b.nvme.counts.unmapped);
		bench_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_driver_that_is_right_works_on_every_machine),
		cmocka_unit_test(test_a_machine_that_is_not_as_told_is_noticed),
		cmocka_unit_test(test_each_failure_is_survived),
		cmocka_unit_test(test_each_flaw_of_a_controller_is_survived),
		cmocka_unit_test(test_a_malicious_controller_is_survived),
	};
	return cmocka_run_group_tests_name("drivers: nvme on hostile machines", tests, NULL, NULL);
}
