/* SPDX-License-Identifier: ISC */
/*
 * Fault rules: each fails what it names, when it should, and nothing else.
 */
#include "sim_bench.h"

#include <mete/iommu.h>
#include <mete/map.h>

static const unsigned char word[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

static unsigned add(struct sim_bench *b, const char *words)
{
	struct mete_sim_rule rule;
	char text[256];
	unsigned id;

	if (mete_sim_rule_parse(words, &rule, text, sizeof(text)))
		fail_msg("%s", text);
	assert_ok(mete_sim_rule_add(b->rig, &rule, &id));
	return id;
}

static int alloc(struct sim_bench *b, void **ret_cpu, uint64_t *ret_bus)
{
	mete_baddr bus = 0;
	int error = mete_device_alloc(&b->device, NULL, 4096, METE_MEMORY_COHERENT, METE_ZERO, ret_cpu, &bus);

	*ret_bus = bus;
	return error;
}

static void test_memory_lacks_when_a_rule_says_so(void **state)
{
	(void)state;
	struct sim_bench b;
	uint64_t bus;
	void *p[4];

	sim_bench_open(&b, NULL);
	unsigned id = add(&b, "alloc fail skip=1 count=2");
	assert_ok(alloc(&b, &p[0], &bus));
	assert_error(alloc(&b, &p[1], &bus), METE_ENOMEM);
	assert_error(alloc(&b, &p[1], &bus), METE_ENOMEM);
	assert_ok(alloc(&b, &p[1], &bus));
	assert_int_equal(mete_sim_rule_fired(b.rig, id), 2);
	mete_sim_rules_clear(b.rig);
	assert_int_equal(mete_sim_rule_fired(b.rig, id), 0);

	add(&b, "alloc fail range=8192-9000"); /* bytes asked for */
	assert_ok(alloc(&b, &p[2], &bus));
	assert_error(mete_device_alloc(&b.device, NULL, 8200, METE_MEMORY_COHERENT, 0, &p[3], NULL), METE_ENOMEM);
	add(&b, "record fail");
	assert_error(alloc(&b, &p[3], &bus), METE_ENOMEM);
	mete_sim_rules_clear(b.rig);
	for (int i = 0; i < 3; i++)
		sim_bench_free(&b, p[i], 4096);
	sim_bench_close(&b);
}

static void test_a_mapping_fails_when_a_rule_says_so(void **state)
{
	(void)state;
	struct mete_domain_config config;
	struct mete_domain domain;
	struct sim_bench b;
	mete_baddr mapped;
	uint64_t bus;

	for (int iommu = 0; iommu < 2; iommu++) {
		sim_bench_open(&b, &(struct mete_sim_config){ .iommu_page = 4096 });
		unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_CACHED, &bus);
		if (iommu) {
			assert_ok(mete_rig_sim_iommu_start(&b.copy, &config));
			assert_ok(mete_domain_init(&domain, mete_rig_provider(b.rig), &config));
			assert_ok(mete_domain_attach(&domain, &b.device));
		}
		unsigned id = add(&b, "map fail");
		assert_error(mete_map_single(&b.device, NULL, p, 100, METE_DEVICE_READS, 0, &mapped), METE_EFAULT);
		assert_true(mete_sim_rule_fired(b.rig, id) > 0);
		/* The n-th address, and behind the IOMMU the table, until nothing is left to fail. */
		unsigned no_table = 0;
		for (unsigned skip = 0, fired = 1; fired; skip++) {
			char words[64];
			snprintf(words, sizeof(words), "map fail skip=%u", skip);
			mete_sim_rules_clear(b.rig);
			id = add(&b, words);
			int error = mete_map_single(&b.device, NULL, p, 100, METE_DEVICE_READS, 0, &mapped);
			fired = mete_sim_rule_fired(b.rig, id) != 0;
			assert_int_equal(error != 0, fired);
			no_table += error == METE_ENOMEM;
			mete_sim_rules_clear(b.rig);
			if (!error)
				assert_ok(mete_unmap_single(&b.device, mapped, 100, METE_DEVICE_READS, 0));
		}
		assert_int_equal(no_table, iommu);
		if (iommu) {
			assert_ok(mete_domain_attach(NULL, &b.device));
			assert_ok(mete_domain_fini(&domain));
		}
		sim_bench_free(&b, p, 4096);
		sim_bench_close(&b);
	}
}

static void test_a_sync_is_forgotten_when_a_rule_says_so(void **state)
{
	(void)state;
	unsigned char seen = 0;
	struct sim_bench b;
	mete_baddr mapped;
	uint64_t bus;

	for (int drop = 0; drop < 2; drop++) {
		sim_bench_open(&b, &(struct mete_sim_config){ .cache = { .line = 64 } });
		unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_CACHED, &bus);
		if (drop)
			add(&b, "sync drop");
		p[0] = 7;
		assert_ok(mete_map_single(&b.device, NULL, p, 64, METE_DEVICE_READS, 0, &mapped));
		assert_ok(sim_bench_get(&b, mapped, &seen, 1));
		assert_int_equal(seen, drop ? 0 : 7);
		assert_ok(mete_unmap_single(&b.device, mapped, 64, METE_DEVICE_READS, 0));
		sim_bench_free(&b, p, 4096);
		sim_bench_close(&b);
	}
}

static void test_what_the_bus_carries_is_changed_lost_or_refused(void **state)
{
	(void)state;
	static const struct { const char *rule; int put, get; unsigned char in_memory, read; const char *why; } rows[] = {
		{ "irq drop", 0, 0, 3, 3, "about something else" },
		{ "bus-write fail", METE_EFAULT, 0, 0, 0, "refused" },
		{ "bus-write drop", 0, 0, 0, 0, "as if it had been done" },
		{ "bus-write xor=0xff00000000ff0000", 0, 0, 3 ^ 0xff, 3 ^ 0xff, "the third byte of eight" },
		{ "bus-write or=0xf00000", 0, 0, 0xf3, 0xf3, "or" },
		{ "bus-read fail", 0, METE_EFAULT, 3, 0xff, "refused" },
		{ "bus-read drop", 0, 0, 3, 0xff, "nobody answers" },
		{ "bus-read and=0xfeffff", 0, 0, 3, 2, "and" },
		{ "bus-read and=0 range=0x0-0x1fffff", 0, 0, 3, 3, "somewhere else" },
		{ "bus-read and=0 range=0x200000-0x200000", 0, 0, 3, 0, "here" },
		{ "bus-read and=0 source=0x10", 0, 0, 3, 3, "another device's" },
		{ "bus-read and=0 source=8", 0, 0, 3, 0, "this device's" },
		{ "bus-read and=0 skip=1", 0, 0, 3, 3, "the second" },
	};
	unsigned char seen[8];

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct sim_bench b;
		struct mete_sim_access access;
		uint64_t bus = 2u << 20;
		sim_bench_open(&b, NULL);
		unsigned id = add(&b, rows[i].rule);
		struct mete_provider *provider = mete_rig_provider(b.rig);
		unsigned char *p;
		size_t len;
		assert_ok(provider->ops->view(provider->ctx, (mete_paddr)bus, 8, (void **)&p, &len));
		assert_row(sim_bench_put(&b, bus, word, 8) == rows[i].put, i, rows[i].why);
		assert_row(p[2] == rows[i].in_memory, i, rows[i].why);
		assert_row(sim_bench_get(&b, bus, seen, 8) == rows[i].get, i, rows[i].why);
		assert_row(seen[2] == rows[i].read, i, rows[i].why);
		bool refused = rows[i].put || rows[i].get;
		assert_row((mete_sim_refused(b.rig, &access) == 0) == refused, i, rows[i].why);
		assert_row(!refused || access.result == METE_SIM_ABORTED, i, rows[i].why);
		bool fires = strcmp(rows[i].why, "about something else") && strcmp(rows[i].why, "somewhere else") &&
		    strcmp(rows[i].why, "another device's") && strcmp(rows[i].why, "the second");
		assert_row(mete_sim_rule_fired(b.rig, id) == fires, i, rows[i].why);
		sim_bench_close(&b);
	}
}

static void test_a_delayed_write_arrives_later(void **state)
{
	(void)state;
	struct sim_bench b;
	uint64_t bus;

	sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_STEP });
	unsigned char *p = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
	add(&b, "bus-write delay=500 count=1");
	assert_ok(sim_bench_put(&b, bus, word, 4));
	assert_ok(sim_bench_put(&b, bus + 2, word + 4, 4));
	assert_memory_equal(p, "\0\0\5\6\7\10", 6);
	assert_int_equal(mete_sim_step(b.rig), 1);
	assert_int_equal(mete_sim_now(b.rig), 500);
	assert_memory_equal(p, "\1\2\3\4\7\10", 6);

	/* A shorter way is quicker, and on ways of one length nobody overtakes. */
	add(&b, "bus-write delay=500 count=1");
	assert_ok(sim_bench_put(&b, bus, "a", 1));
	add(&b, "bus-write delay=100 count=1");
	assert_ok(sim_bench_put(&b, bus, "b", 1));
	assert_int_equal(mete_sim_run(b.rig, 10), 2);
	assert_int_equal(p[0], 'a');
	add(&b, "bus-write delay=300");
	for (unsigned char i = 0; i < 20; i++)
		assert_ok(sim_bench_put(&b, bus, &i, 1));
	for (unsigned char i = 0; i < 20; i++) {
		assert_int_equal(mete_sim_step(b.rig), 1);
		assert_int_equal(p[0], i);
	}

	/* The clock never goes back, and the end of time is far away. */
	mete_sim_rules_clear(b.rig);
	add(&b, "bus-write delay=18446744073709551615 count=1");
	assert_ok(sim_bench_put(&b, bus, "z", 1));
	add(&b, "bus-write delay=100 count=1");
	assert_ok(sim_bench_put(&b, bus, "y", 1));
	uint64_t now = mete_sim_now(b.rig);
	add(&b, "register-read delay=10000 count=1");
	(void)rig_get(&b.copy, 0, 4);
	assert_int_equal(mete_sim_step(b.rig), 1);
	assert_int_equal(p[0], 'y');
	assert_int_equal(mete_sim_now(b.rig), now + 10000);
	assert_int_equal(mete_sim_step(b.rig), 1);
	assert_int_equal(p[0], 'z');
	assert_int_equal(mete_sim_now(b.rig), UINT64_MAX);

	/* One that is on its way when the machine stops is gone, and nothing leaks. */
	mete_sim_rules_clear(b.rig);
	add(&b, "bus-write delay=1000000");
	assert_ok(sim_bench_put(&b, bus, word, 4));
	sim_bench_free(&b, p, 4096);
	sim_bench_close(&b);
}

static void test_registers_and_interrupts_obey_too(void **state)
{
	(void)state;
	struct sim_bench b;
	uint64_t value, bus;

	sim_bench_open(&b, &(struct mete_sim_config){ .time = METE_SIM_STEP });
	add(&b, "register-read xor=1 range=0-3 count=1");
	assert_int_equal(rig_get(&b.copy, 0, 4), 0x6d010000);
	assert_int_equal(rig_get(&b.copy, 0, 4), 0x6d010001);
	add(&b, "register-read fail range=8-8 count=1");
	assert_error(mete_rig_read(&b.copy, 0, 8, 4, &value), METE_EIO);
	add(&b, "register-read drop range=8-8 count=1");
	assert_int_equal(rig_get(&b.copy, 8, 4), 0xffffffff);
	add(&b, "register-write xor=0x0f0f count=1");
	rig_put(&b.copy, METE_SIM_COPY_START, 4, 0x1234);
	assert_int_equal(rig_get(&b.copy, METE_SIM_COPY_START, 4), 0x1234 ^ 0x0f0f);
	add(&b, "register-read delay=77 count=1");
	(void)rig_get(&b.copy, 8, 4);
	assert_int_equal(mete_sim_now(b.rig), 77);
	mete_sim_rules_clear(b.rig);

	unsigned char *d = sim_bench_alloc(&b, 4096, METE_MEMORY_COHERENT, &bus);
	sim_bench_step(d, &(struct sim_bench_step){ .from = bus + 64, .to = bus + 128, .len = 8, .flags = 1 });
	assert_ok(mete_rig_irq_enable(&b.copy, 0));
	add(&b, "register-write drop count=1");
	rig_put(&b.copy, METE_SIM_COPY_START, 8, bus);
	assert_int_equal(rig_get(&b.copy, METE_SIM_COPY_STATUS, 4), 0);
	add(&b, "irq drop count=1");
	rig_put(&b.copy, METE_SIM_COPY_START, 8, bus);
	assert_error(mete_rig_irq_wait(&b.copy, 0, 1000), METE_ETIMEDOUT);
	assert_int_equal(sim_bench_word(d, METE_SIM_COPY_DONE_STATUS), 1);
	unsigned late = add(&b, "irq delay=50000000 count=1");
	rig_put(&b.copy, METE_SIM_COPY_START, 8, bus);
	assert_error(mete_rig_irq_wait(&b.copy, 0, 10), METE_ETIMEDOUT);
	assert_int_equal(mete_sim_rule_fired(b.rig, late), 1);
	assert_ok(mete_rig_irq_wait(&b.copy, 0, 100));
	sim_bench_free(&b, d, 4096);
	sim_bench_close(&b);
}

/* What a test that must survive each failure does: fail the first, the second, ... until nothing fails any more. */
static void test_every_failure_can_be_walked(void **state)
{
	(void)state;
	unsigned failed = 0;
	struct sim_bench b;
	uint64_t bus;
	void *p[3];

	for (unsigned skip = 0;; skip++) {
		char words[64];
		unsigned n = 0;
		sim_bench_open(&b, NULL);
		snprintf(words, sizeof(words), "alloc fail skip=%u count=1", skip);
		unsigned id = add(&b, words);
		while (n < 3 && !alloc(&b, &p[n], &bus))
			n++;
		uint64_t fired = mete_sim_rule_fired(b.rig, id);
		assert_int_equal(n < 3, fired);
		while (n)
			sim_bench_free(&b, p[--n], 4096);
		sim_bench_close(&b);
		if (!fired)
			break;
		failed++;
	}
	assert_int_equal(failed, 3);
}

static unsigned chances(uint64_t seed, const char *words)
{
	struct sim_bench b;

	sim_bench_open(&b, &(struct mete_sim_config){ .seed = seed });
	unsigned id = add(&b, words);
	for (unsigned i = 0; i < 1000; i++)
		(void)sim_bench_put(&b, 2u << 20, word, 1);
	unsigned fired = (unsigned)mete_sim_rule_fired(b.rig, id);
	sim_bench_close(&b);
	return fired;
}

static void test_chances_are_the_seeds(void **state)
{
	(void)state;
	unsigned n = chances(1, "bus-write drop ppm=100000");

	assert_true(n > 50 && n < 200); /* 100 are expected; 5 deviations are 47 */
	assert_int_equal(chances(1, "bus-write drop ppm=100000"), n);
	assert_int_equal(chances(1, "bus-write drop ppm=1000000"), 1000);
	unsigned other = 0;
	for (uint64_t seed = 2; seed < 8; seed++)
		other += chances(seed, "bus-write drop ppm=100000") != n;
	assert_true(other > 0);
}

static void test_a_rule_that_makes_no_sense_is_refused_by_its_word(void **state)
{
	(void)state;
	static const struct { const char *words, *word; } bad[] = {
		{ "", "about" },
		{ "alloc", "a fault" },
		{ "fail", "about" },
		{ "bus-wirte fail", "bus-wirte" },
		{ "bus-write fial", "fial" },
		{ "bus-write xor", "xor" },
		{ "bus-write xor=", "xor=" },
		{ "bus-write xor=zz", "xor=zz" },
		{ "bus-write xor=-1", "xor=-1" },
		{ "bus-write xor=1x", "xor=1x" },
		{ "bus-write xor=0x", "xor=0x" },
		{ "bus-write xor=18446744073709551616", "18446744073709551616" },
		{ "bus-write fail=1", "fail=1" },
		{ "bus-write=1 fail", "bus-write=1" },
		{ "bus-write fail skip=1 skip=2", "twice" },
		{ "bus-write bus-read fail", "twice" },
		{ "bus-write fail drop", "twice" },
		{ "bus-write fail range=5", "range=5" },
		{ "bus-write fail range=5-4", "range=5-4" },
		{ "bus-write fail range=-", "range=-" },
		{ "bus-write fail source=65536", "source" },
		{ "bus-write fail ppm=1000001", "ppm" },
		{ "bus-write fail abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij", "abcdefghij" },
	};
	struct mete_sim_rule rule = { .skip = 77 };
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_row(mete_sim_rule_parse(bad[i].words, &rule, text, sizeof(text)) == METE_EINVAL, i, bad[i].words);
		assert_row(strstr(text, bad[i].word), i, text);
		assert_row(rule.skip == 77, i, "written to");
	}
	assert_error(mete_sim_rule_parse(NULL, &rule, text, sizeof(text)), METE_EINVAL);
	assert_error(mete_sim_rule_parse("alloc fail", NULL, NULL, 0), METE_EINVAL);
	assert_ok(mete_sim_rule_parse("  bus-write\txor=0x10 range=0x10-32  skip=3 count=4 ppm=5 source=6 ", &rule, text,
	    sizeof(text)));
	assert_true(rule.on == METE_SIM_BUS_WRITE && rule.fault == METE_SIM_XOR && rule.operand == 16);
	assert_true(rule.first == 16 && rule.last == 32 && rule.skip == 3 && rule.count == 4 && rule.ppm == 5 &&
	    rule.source == 6);
}

static void test_a_rule_that_cannot_be_is_refused(void **state)
{
	(void)state;
	static const struct { struct mete_sim_rule rule; const char *why; } bad[] = {
		{ { .on = METE_SIM_CLASSES }, "no such class" },
		{ { .on = METE_SIM_ALLOC, .fault = METE_SIM_FAULTS }, "no such fault" },
		{ { .on = METE_SIM_ALLOC, .fault = METE_SIM_DROP }, "not for this class" },
		{ { .on = METE_SIM_IRQ, .fault = METE_SIM_FAIL }, "not for this class" },
		{ { .on = METE_SIM_IRQ, .fault = METE_SIM_EXTRA, .operand = 17 }, "too many" },
		{ { .on = METE_SIM_BUS_READ, .first = 2, .last = 1 }, "an empty range" },
		{ { .on = METE_SIM_BUS_READ, .ppm = 1000001 }, "more than all" },
	};
	const struct mete_sim_rule good = { .on = METE_SIM_BUS_READ };
	struct sim_bench b;

	sim_bench_open(&b, NULL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_row(mete_sim_rule_add(b.rig, &bad[i].rule, NULL) == METE_EINVAL, i, bad[i].why);
	assert_error(mete_sim_rule_add(b.rig, NULL, NULL), METE_EINVAL);
	assert_error(mete_sim_rule_add(NULL, &good, NULL), METE_ENOTSUP);
	for (unsigned i = 0; i < 64; i++)
		assert_ok(mete_sim_rule_add(b.rig, &good, NULL));
	assert_error(mete_sim_rule_add(b.rig, &good, NULL), METE_ENOMEM);
	assert_int_equal(mete_sim_rule_fired(b.rig, 64), 0);
	mete_sim_rules_clear(NULL);
	sim_bench_close(&b);
}

static void test_rules_can_come_with_the_machine(void **state)
{
	(void)state;
	struct sim_bench b;

	sim_bench_open(&b, &(struct mete_sim_config){ .rules = "irq drop\n\nbus-write fail count=1\n" });
	assert_error(sim_bench_put(&b, 2u << 20, word, 8), METE_EFAULT);
	assert_ok(sim_bench_put(&b, 2u << 20, word, 8));
	assert_int_equal(mete_sim_rule_fired(b.rig, 1), 1);
	sim_bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_lacks_when_a_rule_says_so),
		cmocka_unit_test(test_a_mapping_fails_when_a_rule_says_so),
		cmocka_unit_test(test_a_sync_is_forgotten_when_a_rule_says_so),
		cmocka_unit_test(test_what_the_bus_carries_is_changed_lost_or_refused),
		cmocka_unit_test(test_a_delayed_write_arrives_later),
		cmocka_unit_test(test_registers_and_interrupts_obey_too),
		cmocka_unit_test(test_every_failure_can_be_walked),
		cmocka_unit_test(test_chances_are_the_seeds),
		cmocka_unit_test(test_a_rule_that_makes_no_sense_is_refused_by_its_word),
		cmocka_unit_test(test_a_rule_that_cannot_be_is_refused),
		cmocka_unit_test(test_rules_can_come_with_the_machine),
	};
	return cmocka_run_group_tests_name("rig: sim faults", tests, NULL, NULL);
}
