/* SPDX-License-Identifier: ISC */
/*
 * The verifier over what devices do: a copy engine of the simulated machine is pointed at what it should not touch.
 */
#include "support.h"

#include <mete/sim_check.h>
#include <mete/iommu.h>
#include <mete/map.h>
#include <mete/sim.h>
#include <mete/sim_devices.h>

struct world {
	struct mete_rig *rig;
	struct mete_rig_function engine;
	struct mete_device device;
	struct mete_domain domain;
	bool has_domain;
	struct mete_check *check;
	struct mete_sim_check *watch;
	unsigned char *list;    /* one descriptor, coherent */
	mete_baddr list_bus;
	unsigned char *memory;  /* two pages, cached */
	enum mete_misuse told[64];
	unsigned line[64];
	size_t ntold;
};

static void tell(void *ctx, const struct mete_check_report *report)
{
	struct world *w = ctx;

	w->line[w->ntold % 64] = report->line;
	w->told[w->ntold++ % 64] = report->misuse;
}

#define LEN 8192

static enum mete_shadow shadow;

static void start(struct world *w, const struct mete_sim_config *sim)
{
	static const struct mete_sim_device engine = { .model = METE_SIM_COPY };
	struct mete_sim_config config = *sim;
	struct mete_sim_bus bus;
	char text[256] = "";
	void *cpu;

	memset(w, 0, sizeof *w);
	config.devices = &engine;
	config.ndevices = 1;
	config.seed = 1;
	const struct mete_rig_sim rig = { .more = &config };
	assert_ok(mete_rig_start_sim(&rig, &w->rig, text, sizeof text));
	assert_ok(mete_rig_find(w->rig, METE_SIM_VENDOR, METE_SIM_COPY_DEVICE, 0, &w->engine));
	const struct mete_check_config check = { .report = tell, .ctx = w, .policy = "", .shadow = shadow };
	assert_ok(mete_check_create(mete_rig_provider(w->rig), &check, &w->check));
	assert_ok(mete_sim_bus_get(&w->engine, &bus));
	const struct mete_device_config device = { .provider = mete_rig_provider(w->rig), .name = "copy", .ranges = bus.range,
		.nranges = bus.nranges, .noncoherent = sim->cache.line != 0, .line = sim->cache.line };
	assert_ok(mete_device_init(&w->device, &device));
	if (sim->iommu_page) {
		struct mete_domain_config domain;
		assert_ok(mete_rig_sim_iommu_start(&w->engine, &domain));
		assert_ok(mete_domain_init(&w->domain, device.provider, &domain));
		assert_ok(mete_domain_attach(&w->domain, &w->device));
		w->has_domain = true;
	}
	assert_ok(mete_device_alloc(&w->device, NULL, METE_SIM_COPY_DESCRIPTOR, METE_MEMORY_COHERENT, METE_ZERO, &cpu,
	    &w->list_bus));
	w->list = cpu;
	assert_ok(mete_device_alloc(&w->device, NULL, LEN, METE_MEMORY_CACHED, METE_ZERO, &cpu, NULL));
	w->memory = cpu;
	assert_ok(mete_sim_check_start(w->check, w->rig, &w->watch));
	assert_ok(mete_sim_check_add(w->watch, &w->engine, &w->device));
}

static void end(struct world *w)
{
	mete_sim_check_stop(w->watch);
	assert_ok(mete_device_free(&w->device, w->list, METE_SIM_COPY_DESCRIPTOR));
	assert_ok(mete_device_free(&w->device, w->memory, LEN));
	(void)mete_check_destroy(w->check);
	if (w->has_domain) {
		assert_ok(mete_domain_attach(NULL, &w->device));
		assert_ok(mete_domain_fini(&w->domain));
	}
	assert_ok(mete_device_fini(&w->device));
	(void)mete_rig_stop(w->rig);
}

static void put(unsigned char *at, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		at[i] = (unsigned char)(value >> 8 * i);
}

/* Let the engine copy. */
static void copy(struct world *w, uint64_t from, uint64_t to, uint32_t len)
{
	put(w->list + METE_SIM_COPY_FROM, 8, from);
	put(w->list + METE_SIM_COPY_TO, 8, to);
	put(w->list + METE_SIM_COPY_LEN, 4, len);
	assert_ok(mete_rig_write(&w->engine, 0, METE_SIM_COPY_CONTROL, 4, 1));
	assert_ok(mete_rig_write(&w->engine, 0, METE_SIM_COPY_START, 8, w->list_bus));
	(void)mete_sim_run(w->rig, 1000);
}

static mete_baddr map(struct world *w, size_t off, size_t len, enum mete_access access)
{
	mete_baddr bus = 0;
	assert_ok(mete_map_single(&w->device, NULL, w->memory + off, len, access, 0, &bus));
	return bus;
}

/* The first that was told since `before` is `misuse`. */
static void assert_told(const struct world *w, size_t before, enum mete_misuse misuse)
{
	if (w->ntold <= before)
		fail_msg("nothing was told, and not %s", mete_misuse_name(misuse));
	assert_string_equal(mete_misuse_name(w->told[before]), mete_misuse_name(misuse));
}

static const struct mete_sim_config plain, strict = { .iommu_page = 4096 },
    offset = { .offset = true }, cached = { .cache = { .line = 64 } };

static void test_a_device_that_keeps_to_its_mappings(void **state)
{
	const struct mete_sim_config *const machines[] = { &plain, &strict, &offset, &cached };
	struct world w;
	(void)state;

	for (size_t i = 0; i < 4; i++) {
		start(&w, machines[i]);
		memset(w.memory, 0x5a, 1024);
		mete_baddr from = map(&w, 0, 1024, METE_DEVICE_READS), to = map(&w, 4096, 1024, METE_DEVICE_WRITES);
		copy(&w, from, to, 1024);
		assert_ok(mete_unmap_single(&w.device, to, 1024, METE_DEVICE_WRITES, 0));
		assert_ok(mete_unmap_single(&w.device, from, 1024, METE_DEVICE_READS, 0));
		assert_memory_equal(w.memory, w.memory + 4096, 1024);
		assert_int_equal(w.ntold, 0);
		end(&w);
	}
}

/* All pages are closed to the program, and the machine does its work in them: it has a mapping of its own. */
static void test_the_machine_reaches_what_is_closed_to_the_program(void **state)
{
	const struct mete_sim_config *const machines[] = { &plain, &strict, &offset, &cached };
	struct world w;
	(void)state;

	shadow = METE_SHADOW_TRAP;
	for (size_t i = 0; i < 4; i++) {
		start(&w, machines[i]);
		memset(w.memory, 0x5a, 4096);
		mete_baddr from = map(&w, 0, 4096, METE_DEVICE_READS), to = map(&w, 4096, 4096, METE_DEVICE_WRITES);
		copy(&w, from, to, 4096);
		assert_int_equal(mete_check_failures(w.check), 0);
		unsigned char byte = *(volatile unsigned char *)(w.memory + 4096);
		(void)byte;
		assert_int_equal(mete_check_count(w.check, METE_DMA_O02), 1);
		*(volatile unsigned char *)w.memory = 0x5a;
		assert_int_equal(mete_check_count(w.check, METE_DMA_O01), 1);
		assert_ok(mete_unmap_single(&w.device, to, 4096, METE_DEVICE_WRITES, 0));
		assert_ok(mete_unmap_single(&w.device, from, 4096, METE_DEVICE_READS, 0));
		assert_memory_equal(w.memory, w.memory + 4096, 4096);
		assert_int_equal(mete_check_failures(w.check), 2);
		end(&w);
	}
	shadow = METE_SHADOW_USUAL;
}

static void test_a_device_that_does_not(void **state)
{
	const struct mete_sim_config *const machines[] = { &plain, &strict, &offset };
	struct world w;
	(void)state;

	for (size_t i = 0; i < 3; i++) {
		start(&w, machines[i]);
		mete_baddr from = map(&w, 0, 1024, METE_DEVICE_READS);
		unsigned line = __LINE__ + 1;
		mete_baddr to = map(&w, 4096, 1024, METE_DEVICE_WRITES);
		(void)line;
		/* Beyond the mapping: in the same page, an IOMMU lets it through. */
		size_t n = w.ntold;
		copy(&w, from, to + 512, 1024);
		assert_told(&w, n, machines[i] == &strict ? METE_DMA_D05 : METE_DMA_D01);
		n = w.ntold;
		copy(&w, from, from, 1024);
		assert_told(&w, n, METE_DMA_D03);
		n = w.ntold;
		copy(&w, to, to, 1024);
		assert_told(&w, n, METE_DMA_D04);
		assert_ok(mete_unmap_single(&w.device, to, 1024, METE_DEVICE_WRITES, 0));
		n = w.ntold;
		copy(&w, from, to, 1024);
		assert_told(&w, n, METE_DMA_D02);
		assert_ok(mete_unmap_single(&w.device, from, 1024, METE_DEVICE_READS, 0));
		end(&w);
	}
}

/* A load is the CPU's until it is passed on, for what the device then does. */
static void test_a_load_that_was_never_passed_on(void **state)
{
	struct world w;
	struct mete_segment segment;
	struct mete_map loaded;
	(void)state;

	start(&w, &plain);
	const struct mete_piece piece = { .cpu = w.memory, .len = 1024 };
	mete_baddr to = map(&w, 4096, 1024, METE_DEVICE_WRITES);
	assert_ok(mete_map_init(&loaded, &w.device, NULL, &segment, 1));
	assert_ok(mete_map_load_array(&loaded, &piece, 1, METE_DEVICE_READS_WRITES, 0));
	copy(&w, segment.bus, to, 1024);
	assert_told(&w, 0, METE_DMA_O03);
	assert_ok(mete_map_sync(&loaded, 0, 1024, METE_FOR_DEVICE, METE_DEVICE_WRITES));
	size_t n = w.ntold;
	copy(&w, to, segment.bus, 1024); /* it may write now; that it reads the other is another matter */
	assert_told(&w, n, METE_DMA_D04);
	assert_int_equal(w.ntold, n + 1);
	assert_ok(mete_map_sync(&loaded, 0, 1024, METE_FOR_CPU, METE_DEVICE_WRITES));
	assert_ok(mete_map_sync(&loaded, 0, 1024, METE_FOR_DEVICE, METE_DEVICE_READS));
	n = w.ntold;
	copy(&w, segment.bus, to, 1024);
	assert_int_equal(w.ntold, n);
	assert_ok(mete_map_sync(&loaded, 0, 1024, METE_FOR_CPU, METE_DEVICE_READS));
	assert_ok(mete_map_unload(&loaded));
	assert_ok(mete_unmap_single(&w.device, to, 1024, METE_DEVICE_WRITES, 0));
	end(&w);
}

/* The upper half of an address is lost: of a mapping's, or of an allocation's. */
static void test_half_an_address(void **state)
{
	static const struct mete_sim_config high = { .ram_phys = 0x140000000 };
	struct world w;
	(void)state;

	if (sizeof(mete_paddr) < 8)
		return; /* there is no upper half */
	start(&w, &high);
	mete_baddr to = map(&w, 4096, 1024, METE_DEVICE_WRITES);
	copy(&w, (uint32_t)w.list_bus, to, 8);
	assert_told(&w, 0, METE_DMA_C07);
	size_t n = w.ntold;
	copy(&w, (uint32_t)w.list_bus + METE_SIM_COPY_DESCRIPTOR, to, 8); /* behind it: just anywhere */
	assert_told(&w, n, METE_DMA_D01);
	assert_ok(mete_unmap_single(&w.device, to, 1024, METE_DEVICE_WRITES, 0));
	end(&w);
}

static void test_a_freed_list_and_a_device_that_is_gone(void **state)
{
	struct world w;
	(void)state;

	start(&w, &plain);
	assert_ok(mete_device_free(&w.device, w.list, METE_SIM_COPY_DESCRIPTOR));
	copy(&w, 0, 0, 0);
	assert_told(&w, 0, METE_DMA_A09);
	void *cpu;
	assert_ok(mete_device_alloc(&w.device, NULL, METE_SIM_COPY_DESCRIPTOR, METE_MEMORY_COHERENT, METE_ZERO, &cpu,
	    &w.list_bus));
	w.list = cpu;
	end(&w);
}

/* On a machine whose cache devices do not see. */
static void test_what_the_cpu_wrote_must_be_passed_on(void **state)
{
	struct world w;
	(void)state;

	start(&w, &cached);
	mete_baddr from = map(&w, 0, 1024, METE_DEVICE_READS), to = map(&w, 4096, 1024, METE_DEVICE_WRITES);
	copy(&w, from, to, 1024);
	assert_int_equal(w.ntold, 0);
	assert_ok(mete_sync_single(&w.device, from, 1024, METE_FOR_CPU, METE_DEVICE_READS));
	memset(w.memory, 1, 1024);
	assert_ok(mete_sync_single(&w.device, from, 1024, METE_FOR_DEVICE, METE_DEVICE_READS));
	copy(&w, from, to, 1024);
	assert_int_equal(w.ntold, 0);
	assert_ok(mete_sync_single(&w.device, from, 1024, METE_FOR_CPU, METE_DEVICE_READS));
	memset(w.memory, 2, 1024);
	copy(&w, from, to, 1024); /* and nobody passed it on */
	assert_told(&w, 0, METE_DMA_O03);
	assert_ok(mete_sync_single(&w.device, from, 1024, METE_FOR_DEVICE, METE_DEVICE_READS));
	size_t n = w.ntold;
	w.memory[100] = 7; /* while the device owns it */
	copy(&w, from, to, 1024);
	assert_told(&w, n, METE_DMA_O01);
	assert_ok(mete_unmap_single(&w.device, to, 1024, METE_DEVICE_WRITES, 0));
	assert_ok(mete_unmap_single(&w.device, from, 1024, METE_DEVICE_READS, 0));
	end(&w);
}

/* What the bus carries, and where its addresses lead. */
static void test_what_the_bus_does_not_carry(void **state)
{
	static const struct mete_sim_config high = { .ram_phys = (uint64_t)5 << 30 };
	struct mete_sim_bus bus;
	struct world w;
	(void)state;

	start(&w, &plain);
	mete_baddr from = map(&w, 0, 1024, METE_DEVICE_READS), to = map(&w, 4096, 1024, METE_DEVICE_WRITES);
	copy(&w, from, w.engine.bar[0].base, 8); /* to its own registers */
	assert_told(&w, 0, METE_DMA_D08);
	assert_ok(mete_sim_bus_get(&w.engine, &bus));
	bus.boundary = 512;
	assert_ok(mete_sim_bus_set(&w.engine, &bus));
	size_t n = w.ntold;
	copy(&w, from, to, 256);
	assert_int_equal(w.ntold, n);
	copy(&w, from + 500, to, 24);
	assert_told(&w, n, METE_DMA_C02);
	bus.lines = 28;
	bus.boundary = 0;
	assert_ok(mete_sim_bus_set(&w.engine, &bus));
	n = w.ntold;
	copy(&w, from, to, 1024);
	assert_int_equal(w.ntold, n);
	copy(&w, from, (uint64_t)1 << 30 | to, 1024);
	assert_told(&w, n, METE_DMA_C01);
	assert_ok(mete_unmap_single(&w.device, to, 1024, METE_DEVICE_WRITES, 0));
	assert_ok(mete_unmap_single(&w.device, from, 1024, METE_DEVICE_READS, 0));
	end(&w);

	if (METE_ADDR_BITS == 32)
		return; /* addresses have no upper half */
	start(&w, &high);
	from = map(&w, 0, 1024, METE_DEVICE_READS);
	to = map(&w, 4096, 1024, METE_DEVICE_WRITES);
	copy(&w, from, to, 1024);
	assert_int_equal(w.ntold, 0);
	copy(&w, from, (uint32_t)to, 1024);
	assert_told(&w, 0, METE_DMA_C07);
	assert_ok(mete_unmap_single(&w.device, to, 1024, METE_DEVICE_WRITES, 0));
	assert_ok(mete_unmap_single(&w.device, from, 1024, METE_DEVICE_READS, 0));
	end(&w);
}

static void test_a_device_at_work_after_its_driver_went(void **state)
{
	struct mete_device device;
	struct world w;
	(void)state;

	start(&w, &plain);
	const struct mete_device_config config = { .provider = mete_rig_provider(w.rig), .name = "second" };
	assert_ok(mete_device_init(&device, &config));
	mete_sim_check_stop(w.watch);
	assert_ok(mete_sim_check_start(w.check, w.rig, &w.watch));
	assert_ok(mete_sim_check_add(w.watch, &w.engine, &device));
	assert_ok(mete_device_fini(&device));
	copy(&w, 0, 0, 0);
	assert_told(&w, 0, METE_DMA_X09);
	end(&w);
}

static void test_bad_input(void **state)
{
	struct mete_sim_check *watch;
	struct world w;
	(void)state;

	start(&w, &plain);
	assert_int_equal(mete_sim_check_start(NULL, w.rig, &watch), METE_EINVAL);
	assert_int_equal(mete_sim_check_start(w.check, NULL, &watch), METE_EINVAL);
	assert_int_equal(mete_sim_check_start(w.check, w.rig, NULL), METE_EINVAL);
	assert_int_equal(mete_sim_check_add(w.watch, NULL, &w.device), METE_EINVAL);
	assert_int_equal(mete_sim_check_add(w.watch, &w.engine, NULL), METE_EINVAL);
	for (int i = 1; i < 32; i++)
		assert_ok(mete_sim_check_add(w.watch, &w.engine, &w.device));
	assert_int_equal(mete_sim_check_add(w.watch, &w.engine, &w.device), METE_ENOMEM);
	mete_sim_check_stop(NULL);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_device_that_keeps_to_its_mappings),
		cmocka_unit_test(test_the_machine_reaches_what_is_closed_to_the_program),
		cmocka_unit_test(test_a_device_that_does_not),
		cmocka_unit_test(test_a_load_that_was_never_passed_on),
		cmocka_unit_test(test_half_an_address),
		cmocka_unit_test(test_a_freed_list_and_a_device_that_is_gone),
		cmocka_unit_test(test_what_the_cpu_wrote_must_be_passed_on),
		cmocka_unit_test(test_what_the_bus_does_not_carry),
		cmocka_unit_test(test_a_device_at_work_after_its_driver_went),
		cmocka_unit_test(test_bad_input),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
