/* SPDX-License-Identifier: ISC */
/*
 * The machine of the tests of OpenBSD's kind of drivers.
 */
#include "openbsd_machine.h"

#define PAGE 4096u
#define OPTIONS 16

struct way direct = { .vtd = false }, stand_in = { .bounce = true }, narrow = { .last = (16u << 20) - 1 };
struct way vtd = { .vtd = true }, vtd_deferred = { .vtd = true, .deferred = true };
struct way vtd_stand_in = { .vtd = true, .bounce = true };

static void machine_start(struct openbsd_machine *m, const char *const *device)
{
	/* The IOMMU first, so that the device finds it. */
	const char *options[OPTIONS + 1] = { "-device", "intel-iommu" };
	char text[1024];
	size_t n = m->way->vtd ? 2 : 0;

	while (*device && n < OPTIONS)
		options[n++] = *device++;
	assert_null(*device);
	options[n] = NULL;
	int error = mete_rig_start_qemu(&(struct mete_rig_qemu){ .options = options }, &m->rig, text, sizeof(text));
	if (error == METE_ENODEV)
		skip_because(text);
	if (error)
		fail_msg("%s", text);
}

static void machine_translate(struct openbsd_machine *m, size_t npages)
{
	struct mete_domain_config domain;

	assert_ok(mete_rig_vtd_start(&m->pci, &domain));
	domain.last = domain.first + (mete_baddr)(npages * PAGE - 1);
	domain.deferred = m->way->deferred;
	assert_ok(mete_domain_init(&m->domain, mete_rig_provider(m->rig), &domain));
	assert_ok(mete_domain_attach(&m->domain, &m->core));
}

void openbsd_machine_open(struct openbsd_machine *m, const struct way *way, const char *const *device, uint16_t vendor,
    uint16_t product, size_t npages)
{
	/* Stand-ins keep their offset in a page, without which some devices could not be told where they are. */
	const struct mete_bounce_config bounce = { .grain = PAGE, .keep = PAGE - 1, .always = way->bounce };

	memset(m, 0, sizeof(*m));
	m->way = way;
	machine_start(m, device);
	assert_ok(mete_rig_find(m->rig, vendor, product, 0, &m->pci));
	assert_ok(mete_rig_registers(&m->pci, 0, &m->registers));
	assert_ok(mete_rig_irq_enable(&m->pci, 0));
	rig_device_init(&m->ram, m->rig);
	rig_device_init(&m->core, m->rig);
	assert_ok(mete_openbsd_tag_init(&m->tag, &m->core));
	if (way->vtd)
		machine_translate(m, npages);
	if (way->last)
		assert_ok(mete_device_limit(&m->core, METE_USE_STREAMING, &(struct mete_constraint){ .last = way->last }));
	if (way->bounce || way->last)
		assert_ok(mete_bounce_init(&m->bounce, &m->core, &bounce));
}

void openbsd_machine_peace(struct openbsd_machine *m)
{
	struct mete_iommu_fault fault;
	struct mete_counters counters;

	if (m->way->vtd)
		assert_error(mete_domain_fault(&m->domain, &fault), METE_ENODEV);
	mete_provider_counters(mete_rig_provider(m->rig), &counters);
	assert_int_equal(counters.bad_argument, 0);
	assert_int_equal(counters.bad_address, 0);
	assert_int_equal(counters.wrong_size, 0);
	assert_int_equal(counters.wrong_pair, 0);
	assert_int_equal(counters.double_free, 0);
}

void openbsd_machine_close(struct openbsd_machine *m)
{
	assert_int_equal(m->core.nmapped, m->core.nunmapped);
	if (m->way->bounce || m->way->last) {
		assert_int_equal(mete_bounce_used(&m->bounce), 0);
		assert_ok(mete_bounce_fini(&m->bounce));
	}
	if (m->way->vtd) {
		assert_int_equal(m->domain.nmapped, 0);
		assert_ok(mete_domain_attach(NULL, &m->core));
		assert_ok(mete_domain_fini(&m->domain));
	}
	assert_ok(mete_device_fini(&m->core)); /* memory that is left would keep it */
	assert_ok(mete_device_fini(&m->ram));
	assert_int_equal(mete_rig_stop(m->rig), 0);
}

void pattern_make(unsigned char *to, size_t len, uint32_t seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		to[i] = (unsigned char)(x >> 24);
	}
}
