/* SPDX-License-Identifier: ISC */
/*
 * Support for tests of the simulated machine; see sim_bench.h.
 */
#include "sim_bench.h"

void sim_bench_open(struct sim_bench *b, const struct mete_sim_config *config)
{
	static const struct mete_sim_device copy = { .model = METE_SIM_COPY };
	struct mete_sim_config more = { 0 };
	char text[256];

	memset(b, 0, sizeof(*b));
	if (config)
		more = *config;
	if (!more.devices) {
		more.devices = &copy;
		more.ndevices = 1;
	}
	if (!more.seed)
		more.seed = 1;
	if (mete_rig_start_sim(&(struct mete_rig_sim){ .ram = SIM_BENCH_RAM, .more = &more }, &b->rig, text, sizeof(text)))
		fail_msg("%s", text);
	assert_ok(mete_rig_find(b->rig, METE_SIM_VENDOR, METE_SIM_COPY_DEVICE, 0, &b->copy));
	assert_ok(mete_sim_bus_get(&b->copy, &b->bus));
	const struct mete_device_config device = { .name = "copy", .provider = mete_rig_provider(b->rig),
		.ranges = b->bus.range, .nranges = b->bus.nranges, .noncoherent = more.cache.line != 0,
		.line = more.cache.line };
	assert_ok(mete_device_init(&b->device, &device));
}

void sim_bench_close(struct sim_bench *b)
{
	assert_ok(mete_device_fini(&b->device));
	assert_int_equal(mete_rig_stop(b->rig), 0);
}

unsigned char *sim_bench_alloc(struct sim_bench *b, size_t len, enum mete_memory memory, uint64_t *ret_bus)
{
	mete_baddr bus;
	void *cpu;

	assert_ok(mete_device_alloc(&b->device, NULL, len, memory, METE_ZERO, &cpu, &bus));
	*ret_bus = bus;
	return cpu;
}

void sim_bench_free(struct sim_bench *b, void *cpu, size_t len)
{
	assert_ok(mete_device_free(&b->device, cpu, len));
}

int sim_bench_get(struct sim_bench *b, uint64_t bus, void *to, size_t len)
{
	return mete_sim_dma(&b->copy, false, bus, to, len);
}

int sim_bench_put(struct sim_bench *b, uint64_t bus, const void *from, size_t len)
{
	/* What is written to memory is only read here. */
	return mete_sim_dma(&b->copy, true, bus, (void *)(uintptr_t)from, len);
}

void sim_bench_refused(struct sim_bench *b, enum mete_sim_result want, uint64_t bus, size_t len, bool write)
{
	struct mete_sim_access access;

	assert_ok(mete_sim_refused(b->rig, &access));
	assert_string_equal(mete_sim_result_name(access.result), mete_sim_result_name(want));
	assert_int_equal(access.bus, bus);
	assert_int_equal(access.len, len);
	assert_int_equal(access.write, write);
	assert_int_equal(access.source, b->copy.slot << 3 | b->copy.number);
	assert_error(mete_sim_refused(b->rig, &access), METE_ENODEV);
}

static void store(unsigned char *p, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

void sim_bench_step(unsigned char *descriptor, const struct sim_bench_step *step)
{
	memset(descriptor, 0, METE_SIM_COPY_DESCRIPTOR);
	store(descriptor + METE_SIM_COPY_NEXT, 8, step->next);
	store(descriptor + METE_SIM_COPY_FROM, 8, step->from);
	store(descriptor + METE_SIM_COPY_TO, 8, step->to);
	store(descriptor + METE_SIM_COPY_LEN, 4, step->len);
	store(descriptor + METE_SIM_COPY_FLAGS, 4, step->flags);
	store(descriptor + METE_SIM_COPY_TAG, 4, step->tag);
}

uint32_t sim_bench_word(const unsigned char *descriptor, unsigned offset)
{
	const unsigned char *p = descriptor + offset;
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
