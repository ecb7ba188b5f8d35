/* SPDX-License-Identifier: ISC */
/*
 * Host: invented addresses, three spans, scrambled foreign memory.
 */
#include "support.h"

#include <mete/device.h>
#include <mete/host.h>

static struct mete_host *host_with(const struct mete_host_config *config)
{
	struct mete_host *host;
	assert_ok(mete_host_create(config, &host));
	return host;
}

static mete_paddr phys_of(struct mete_host *host, const void *cpu, size_t len, size_t *ret_len)
{
	struct mete_provider *p = mete_host_provider(host);
	mete_paddr phys;

	assert_ok(p->ops->translate(p->ctx, cpu, len, &phys, ret_len));
	return phys;
}

static mete_baddr alloc_below(struct mete_host *host, mete_baddr last)
{
	struct mete_device device;
	const struct mete_device_config config = { .provider = mete_host_provider(host) };
	const struct mete_constraint limit = { .last = last };
	mete_baddr bus;
	void *cpu;

	assert_ok(mete_device_init(&device, &config));
	assert_ok(mete_device_alloc(&device, &limit, 4096, METE_MEMORY_COHERENT, METE_ZERO, &cpu, &bus));
	assert_true((uintptr_t)cpu != bus);
	assert_ok(mete_device_free(&device, cpu, 4096));
	assert_ok(mete_device_fini(&device));
	return bus;
}

static void test_most_memory_is_where_narrow_devices_cannot_reach(void **state)
{
	struct mete_host *host = host_with(NULL);
	(void)state;

	assert_true(alloc_below(host, 0) > UINT32_MAX);
	mete_baddr below_4g = alloc_below(host, UINT32_MAX), below_16m = alloc_below(host, 0xffffff);
	assert_true(below_4g <= UINT32_MAX && below_4g > 0xffffff);
	assert_true(below_16m <= 0xffffff);
	assert_ok(mete_host_destroy(host));
}

static void test_addresses_depend_on_the_seed_alone(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4; seed++) {
		const struct mete_host_config config = { .seed = seed }, other = { .seed = seed + 1 };
		struct mete_host *a = host_with(&config), *b = host_with(&config), *c = host_with(&other);
		assert_true(alloc_below(a, 0) >> 20 == alloc_below(b, 0) >> 20);
		assert_true(alloc_below(a, 0) != alloc_below(c, 0));
		assert_ok(mete_host_destroy(a));
		assert_ok(mete_host_destroy(b));
		assert_ok(mete_host_destroy(c));
	}
}

static void test_views_agree_modulo_congruent_and_no_more(void **state)
{
	static const size_t congruences[] = { 4096, 16384, 65536 };
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		bool more = false;
		for (uint64_t seed = 0; seed < 40; seed++) {
			const struct mete_host_config config = { .seed = seed, .congruent = congruences[i] };
			struct mete_host *host = host_with(&config);
			struct mete_provider *p = mete_host_provider(host);
			const struct mete_want want = { .len = 4096 };
			struct mete_run run;
			assert_ok(p->ops->take(p->ctx, &want, &run));
			assert_true((((uintptr_t)run.cpu ^ run.phys) & (congruences[i] - 1)) == 0);
			more = more || (((uintptr_t)run.cpu ^ run.phys) & congruences[i]);
			p->ops->give(p->ctx, &run);
			assert_ok(mete_host_destroy(host));
		}
		assert_true(more);
	}
}

/* The same memory by two pointers, in all three spans; nothing else differs. */
static void test_twice_is_two_mappings_of_one_memory(void **state)
{
	static const mete_paddr last[] = { 0, UINT32_MAX, 0xffffff };
	const struct mete_host_config config = { .seed = 7, .twice = true }, plain = { .seed = 7 };
	struct mete_host *host = host_with(&config), *once = host_with(&plain);
	struct mete_provider *p = mete_host_provider(host), *q = mete_host_provider(once);
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		const struct mete_want want = { .len = 8192, .last = last[i] };
		struct mete_run run, other;
		unsigned char *cpu;
		void *view;
		size_t len;
		assert_ok(p->ops->take(p->ctx, &want, &run));
		assert_ok(q->ops->take(q->ctx, &want, &other));
		assert_int_equal(run.phys >> 20, other.phys >> 20); /* the seed decides, as far as pointers do not */
		assert_int_equal(p->ops->traits(p->ctx, run.cpu, run.len), METE_TRAIT_STAYS | METE_TRAIT_TWICE);
		assert_int_equal(q->ops->traits(q->ctx, other.cpu, other.len), METE_TRAIT_STAYS);
		assert_ok(mete_host_device_view(host, run.phys + 100, 8092, &view, &len));
		assert_int_equal(len, 8092);
		cpu = run.cpu;
		assert_true(view != cpu + 100);
		memset(cpu, 0, 8192);
		memset(view, 0x5a, len);
		assert_int_equal(cpu[99], 0);
		assert_int_equal(cpu[100], 0x5a);
		assert_int_equal(cpu[8191], 0x5a);
		assert_ok(p->ops->view(p->ctx, run.phys, 8192, &view, &len));
		assert_ptr_equal(view, cpu);
		p->ops->give(p->ctx, &run);
		q->ops->give(q->ctx, &other);
	}
	assert_int_equal(p->ops->traits(p->ctx, &config, sizeof config), 0);
	assert_ok(mete_host_destroy(host));
	assert_ok(mete_host_destroy(once));
}

static void test_foreign_memory_is_scrambled_page_by_page(void **state)
{
	struct mete_host *host = host_with(NULL);
	const size_t n = 64;
	unsigned char *memory = aligned_alloc(4096, n * 4096);
	size_t len, neighbours = 0;
	(void)state;

	assert_non_null(memory);
	for (size_t i = 0; i < n; i++) {
		mete_paddr phys = phys_of(host, memory + i * 4096 + 100, 8192, &len);
		assert_int_equal(len, 3996); /* to the end of the page */
		assert_true(phys % 4096 == 100);
		assert_true(phys > UINT32_MAX);
		for (size_t j = 0; j < i; j++) {
			mete_paddr other = phys_of(host, memory + j * 4096 + 100, 1, &len);
			assert_true(other != phys);
			neighbours += other + 4096 == phys;
		}
	}
	assert_true(neighbours <= 1);
	free(memory);
	assert_ok(mete_host_destroy(host));
}

static void test_a_device_finds_what_was_translated(void **state)
{
	struct mete_host *host = host_with(NULL);
	struct mete_provider *p = mete_host_provider(host);
	const struct mete_want want = { .len = 12288 };
	unsigned char *memory = aligned_alloc(4096, 4096);
	struct mete_run run;
	size_t len;
	void *cpu;
	(void)state;

	assert_non_null(memory);
	for (size_t at = 0; at < 4096; at += 511) {
		mete_paddr phys = phys_of(host, memory + at, 4096 - at, &len);
		assert_ok(mete_host_device_view(host, phys, 8192, &cpu, &len));
		assert_ptr_equal(cpu, memory + at);
		assert_int_equal(len, 4096 - at);
	}
	assert_ok(p->ops->take(p->ctx, &want, &run));
	assert_ok(mete_host_device_view(host, run.phys + 5000, 7288, &cpu, &len));
	assert_ptr_equal(cpu, (unsigned char *)run.cpu + 5000);
	assert_int_equal(len, 7288);
	p->ops->give(p->ctx, &run);
	free(memory);
	assert_ok(mete_host_destroy(host));
}

static void test_where_there_is_no_memory_a_device_finds_none(void **state)
{
	struct mete_host *host = host_with(NULL);
	struct mete_provider *p = mete_host_provider(host);
	mete_paddr phys;
	size_t len;
	void *cpu;
	(void)state;

	assert_error(mete_host_device_view(host, 0, 1, &cpu, &len), METE_EFAULT);
	assert_error(mete_host_device_view(host, (mete_paddr)1 << 51, 1, &cpu, &len), METE_EFAULT);
	assert_error(mete_host_device_view(host, METE_PADDR_MAX, 1, &cpu, &len), METE_EFAULT);
	assert_error(mete_host_device_view(host, (mete_paddr)1 << 52, 0, &cpu, &len), METE_EFAULT);
	assert_error(p->ops->translate(p->ctx, NULL, 1, &phys, &len), METE_EFAULT);
	assert_error(p->ops->translate(p->ctx, (void *)1, 1, &phys, &len), METE_EFAULT);
	assert_error(p->ops->translate(p->ctx, (void *)UINTPTR_MAX, 1, &phys, &len), METE_EFAULT);
	assert_error(p->ops->translate(p->ctx, (void *)(UINTPTR_MAX - 4095), 1, &phys, &len), METE_EFAULT);
	/* Below the last page: kernel addresses with 64 bits, perhaps a stack with 32. */
	assert_error(p->ops->translate(p->ctx, (void *)(UINTPTR_MAX - 4096), 1, &phys, &len),
	    sizeof(void *) > 4 ? METE_EFAULT : 0);
	assert_ok(mete_host_destroy(host));
}

static void test_malformed_hosts_are_refused(void **state)
{
	static const struct {
		struct mete_host_config config;
		const char *why;
	} rows[] = {
		{ { .frame = 1024 }, "frame too small" },
		{ { .frame = 131072 }, "frame too large" },
		{ { .frame = 5000 }, "frame not a power of two" },
		{ { .tiny = (size_t)9 << 20 }, "more below 16 MiB than may be" },
		{ { .small = (size_t)3 << 30 }, "more below 4 GiB than may be" },
		{ { .large = SIZE_MAX }, "more than there are addresses" },
		{ { .frame = 16384, .congruent = 4096 }, "congruent below a frame" },
		{ { .congruent = 3 }, "congruent not a power of two" },
	};
	struct mete_host *host = (struct mete_host *)&host;
	(void)state;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_row(mete_host_create(&rows[i].config, &host) == METE_EINVAL, i, rows[i].why);
	assert_ptr_equal(host, &host);
	assert_error(mete_host_create(NULL, NULL), METE_EINVAL);
	assert_ok(mete_host_destroy(NULL));
}

static void test_destroy_is_refused_while_memory_is_held(void **state)
{
	struct mete_host *host = host_with(NULL);
	struct mete_device device;
	const struct mete_device_config config = { .provider = mete_host_provider(host) };
	void *cpu;
	(void)state;

	assert_ok(mete_device_init(&device, &config));
	assert_ok(mete_device_alloc(&device, NULL, 1, METE_MEMORY_CACHED, 0, &cpu, NULL));
	assert_error(mete_host_destroy(host), METE_EBUSY);
	assert_ok(mete_device_free(&device, cpu, 1));
	assert_ok(mete_host_destroy(host));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_most_memory_is_where_narrow_devices_cannot_reach),
		cmocka_unit_test(test_addresses_depend_on_the_seed_alone),
		cmocka_unit_test(test_views_agree_modulo_congruent_and_no_more),
		cmocka_unit_test(test_twice_is_two_mappings_of_one_memory),
		cmocka_unit_test(test_foreign_memory_is_scrambled_page_by_page),
		cmocka_unit_test(test_a_device_finds_what_was_translated),
		cmocka_unit_test(test_where_there_is_no_memory_a_device_finds_none),
		cmocka_unit_test(test_malformed_hosts_are_refused),
		cmocka_unit_test(test_destroy_is_refused_while_memory_is_held),
	};
	if (METE_ADDR_BITS < 64)
		return support_skip_all("the host provider needs 64-bit addresses");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
