/* SPDX-License-Identifier: ISC */
/*
 * The machine of edu's tests.
 */
#include "edu_machine.h"

#define VENDOR 0x1234
#define DEVICE 0x11e8
#define HIGH (REACH + (64u << 20)) /* 32 MiB from here on: not the ends, where memory is taken first */

static bool simulated;

const char *const way_name[] = { "direct", "bounce", "bounce always", "IOMMU", "IOMMU and bounce always" };

bool machine_choose(int argc, char **argv)
{
	simulated = argc > 1 && !strcmp(argv[1], "sim");
	return simulated;
}

/* Step by step, so that a driver that does not wait for its interrupt fails here too. */
static int start_sim(struct mete_rig **ret_rig, bool iommu, char *text, size_t text_len)
{
	static const struct mete_sim_device edu = { .model = METE_SIM_EDU };
	const struct mete_sim_config more = { .time = METE_SIM_STEP, .devices = &edu, .ndevices = 1,
		.iommu_page = iommu ? 4096 : 0 };

	return mete_rig_start_sim(&(struct mete_rig_sim){ .ram = 2 * REACH, .more = &more }, ret_rig, text, text_len);
}

/* Where, how, and with which bus addresses the device was told to work: FNV-1a, word by word. */
static void count_cycle(void *ctx, const struct mete_rig_cycle *cycle)
{
	struct machine *m = ctx;
	const uint64_t words[] = { cycle->write, cycle->bar, cycle->width, cycle->offset, cycle->value };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		m->cycles_hash = (m->cycles_hash ^ words[i]) * 0x100000001b3u;
	m->cycles++;
}

void machine_open(struct machine *m, bool iommu)
{
	static const char *const options[] = { "-device", "edu", "-device", "intel-iommu", NULL };
	static const char *const plain[] = { "-device", "edu", NULL };
	const struct mete_rig_qemu config = { .ram = 2 * REACH, .options = iommu ? options : plain };
	char text[1024];

	memset(m, 0, sizeof(*m));
	int error = simulated ? start_sim(&m->rig, iommu, text, sizeof(text)) :
	    mete_rig_start_qemu(&config, &m->rig, text, sizeof(text));
	if (error == METE_ENODEV)
		skip_because(text);
	if (error)
		fail_msg("%s", text);
	assert_ok(mete_rig_find(m->rig, VENDOR, DEVICE, 0, &m->pci));
	mete_rig_watch(m->rig, count_cycle, m);
	rig_device_init(&m->ram, m->rig);
	rig_device_init(&m->core, m->rig);
}

void machine_bounce(struct machine *m, size_t len, bool always)
{
	assert_ok(mete_device_limit(&m->core, METE_USE_STREAMING, &(struct mete_constraint){ .last = REACH - 1 }));
	assert_ok(mete_bounce_init(&m->bounce, &m->core, &(struct mete_bounce_config){ .len = len, .always = always }));
	assert_ok(mete_device_limit(&m->core, METE_USE_STREAMING, NULL));
	m->bounces = true;
}

void machine_translate(struct machine *m, mete_baddr first, mete_baddr last)
{
	struct mete_domain_config config;

	assert_ok(simulated ? mete_rig_sim_iommu_start(&m->pci, &config) : mete_rig_vtd_start(&m->pci, &config));
	config.first = first ? first : config.first;
	config.last = last ? last : config.last;
	assert_ok(mete_domain_init(&m->domain, mete_rig_provider(m->rig), &config));
	assert_ok(mete_domain_attach(&m->domain, &m->core));
	m->translated = true;
}

bool way_iommu(enum way way)
{
	return way == IOMMU || way == IOMMU_ALWAYS;
}

void machine_way(struct machine *m, enum way way)
{
	if (way_iommu(way))
		machine_translate(m, 0, 0);
	if (way == BOUNCE || way == ALWAYS || way == IOMMU_ALWAYS)
		machine_bounce(m, 64 << 10, way != BOUNCE);
}

void machine_close(struct machine *m)
{
	struct mete_iommu_fault fault;

	if (m->bounces) {
		assert_int_equal(mete_bounce_used(&m->bounce), 0);
		assert_ok(mete_bounce_fini(&m->bounce));
	}
	if (m->translated) {
		assert_error(mete_domain_fault(&m->domain, &fault), METE_ENODEV);
		assert_int_equal(m->domain.nmapped, 0);
		assert_ok(mete_domain_attach(NULL, &m->core));
		assert_ok(mete_domain_fini(&m->domain));
	}
	assert_ok(mete_device_fini(&m->core));
	assert_ok(mete_device_fini(&m->ram));
	assert_int_equal(mete_rig_stop(m->rig), 0);
	printf("registers: %u accesses, hash %016" PRIx64 "\n", m->cycles, m->cycles_hash);
}

unsigned char *machine_alloc(struct machine *m, size_t len, bool high, uint64_t *ret_phys)
{
	const struct mete_constraint limit = { .first = high ? HIGH : 0,
		.last = high ? HIGH + (32u << 20) - 1 : REACH - 1 };
	mete_baddr bus;
	void *cpu;

	assert_ok(mete_device_alloc(&m->ram, &limit, len, METE_MEMORY_CACHED, 0, &cpu, &bus));
	assert_true(high ? bus >= REACH : bus + len <= REACH);
	if (ret_phys)
		*ret_phys = bus;
	return cpu;
}

void machine_free(struct machine *m, void *cpu, size_t len)
{
	assert_ok(mete_device_free(&m->ram, cpu, len));
}

void fill(unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)(seed + i * 7 + (i >> 8));
}

void set_guards(unsigned char *to, size_t len)
{
	memset(to - GUARD, 0xa5, len + 2 * GUARD);
}

void check_guards(const unsigned char *to, size_t len)
{
	for (size_t i = 0; i < GUARD; i++) {
		assert_int_equal(to[-1 - (ptrdiff_t)i], 0xa5);
		assert_int_equal(to[len + i], 0xa5);
	}
}
