/* SPDX-License-Identifier: ISC */
/*
 * A machine of our own: RAM, a PCI bus and the models on it.
 *
 * Here is what every access of the CPU meets: configuration space, decoding, registers.  What real machines do and
 * drivers get wrong is kept: a function does not answer before memory decoding is on, cannot reach memory before it may
 * master the bus, sees all ones where nobody answers, and finds nothing beyond RAM.
 */
#define _GNU_SOURCE
#include "sim_machine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Configuration space that matters here; for the rest of it see sim_irq.c. */
#define SIM_COMMAND 0x04
#define SIM_COMMAND_MEMORY 0x2u
#define SIM_COMMAND_MASTER 0x4u
#define SIM_CLASS 0x08
#define SIM_BAR0 0x10

static void sim_config_init(struct sim_function *f)
{
	sim_store(&f->config[0], 2, f->vendor);
	sim_store(&f->config[2], 2, f->device);
	sim_store(&f->config[SIM_CLASS], 4, f->class_revision);
	sim_store(&f->config[SIM_BAR0], 4, f->bar_32 ? 0x0 : 0x4); /* memory, 64 bits */
	sim_store(&f->writable[SIM_COMMAND], 2, 0x0406 | 0x0001); /* INTx off, master, memory, I/O */
	sim_store(&f->writable[SIM_BAR0], f->bar_32 ? 4 : 8, ~(f->bar_len - 1));
	sim_store(&f->writable[0x3c], 1, 0xff); /* interrupt line: a notepad for firmware */
	mete__sim_irq_init(f);
}

static void sim_add(struct sim *sim, struct sim_function *function)
{
	/* Slot 0 is the host bridge's on other machines; no driver looks for one here. */
	function->devfn = (unsigned)(sim->nfunctions + 1) << 3;
	function->sim = sim;
	if (!function->lines)
		function->lines = 64;
	function->bus.lines = function->lines;
	sim_config_init(function);
	sim->function[sim->nfunctions++] = function;
}

bool mete__sim_masters(const struct sim_function *function)
{
	return sim_config(function, SIM_COMMAND, 2) & SIM_COMMAND_MASTER;
}

/* Whether `offset` falls into `len` bytes at `start`, and where. */
static bool sim_within(uint64_t offset, uint64_t start, uint64_t len, uint64_t *ret_at)
{
	*ret_at = offset - start;
	return offset >= start && offset - start < len;
}

static uint64_t sim_bar_read(struct sim_function *f, uint64_t offset, unsigned width)
{
	unsigned char pending[8];
	uint64_t at;

	if (f->nvectors && sim_within(offset, f->msix_table, (uint64_t)f->nvectors * 16, &at))
		return sim_load(&f->table[at], width);
	if (f->nvectors && sim_within(offset, f->msix_table + SIM_PENDING, sizeof(pending), &at)) {
		sim_store(pending, 8, f->pending);
		return sim_load(&pending[at], width);
	}
	return f->read(f, offset, width);
}

static void sim_bar_write(struct sim_function *f, uint64_t offset, unsigned width, uint64_t value)
{
	uint64_t at;

	if (f->nvectors && sim_within(offset, f->msix_table, (uint64_t)f->nvectors * 16, &at)) {
		sim_store(&f->table[at], width, value);
		mete__sim_deliver_pending(f);
	} else if (!f->nvectors || !sim_within(offset, f->msix_table + SIM_PENDING, 8, &at)) {
		f->write(f, offset, width, value);
	}
}

static bool sim_awake(const struct sim_function *f, uint64_t *ret_base)
{
	*ret_base = sim_load(&f->config[SIM_BAR0], f->bar_32 ? 4 : 8) & ~(f->bar_len - 1);
	return sim_config(f, SIM_COMMAND, 2) & SIM_COMMAND_MEMORY;
}

bool mete__sim_registers(const struct sim *sim, uint64_t first, uint64_t last)
{
	uint64_t base;

	for (size_t i = 0; i < sim->nfunctions; i++) {
		const struct sim_function *f = sim->function[i];
		if (sim_awake(f, &base) && first <= base + (f->bar_len - 1) && base <= last)
			return true;
	}
	return false;
}

/* The function that answers at `bus`, and where in its BAR. */
static struct sim_function *sim_decode(struct sim *sim, uint64_t bus, uint64_t *ret_offset)
{
	uint64_t base;

	for (size_t i = 0; i < sim->nfunctions; i++) {
		struct sim_function *f = sim->function[i];
		if (sim_awake(f, &base) && sim_within(bus, base, f->bar_len, ret_offset))
			return f;
	}
	return NULL;
}

static int sim_register_read(struct sim *sim, struct sim_function *f, uint64_t offset, unsigned width,
    uint64_t *ret_value)
{
	const struct mete_sim_rule *rule = mete__sim_fault(sim, METE_SIM_REGISTER_READ, sim_source(f), offset, width);
	unsigned char bytes[8];
	uint64_t value = sim_ones(width);

	if (rule && rule->fault == METE_SIM_FAIL)
		return METE_EIO;
	if (rule && rule->fault == METE_SIM_DELAY)
		sim->clock.now += rule->operand;
	if (!rule || rule->fault != METE_SIM_DROP)
		value &= sim_bar_read(f, offset, width);
	sim_store(bytes, width, value);
	if (rule)
		mete__sim_change(rule, bytes, width);
	*ret_value = sim_load(bytes, width);
	mete__sim_trace_add(sim, SIM_OP_REGISTER_READ, width, sim_source(f), offset, bytes, width);
	return 0;
}

static int sim_register_write(struct sim *sim, struct sim_function *f, uint64_t offset, unsigned width, uint64_t value)
{
	const struct mete_sim_rule *rule = mete__sim_fault(sim, METE_SIM_REGISTER_WRITE, sim_source(f), offset, width);
	unsigned char bytes[8];
	uint64_t times = 1;

	if (rule && rule->fault == METE_SIM_FAIL)
		return METE_EIO;
	if (rule && rule->fault == METE_SIM_DELAY)
		sim->clock.now += rule->operand;
	if (rule && rule->fault == METE_SIM_DROP)
		times = 0;
	if (rule && rule->fault == METE_SIM_EXTRA)
		times += rule->operand;
	sim_store(bytes, width, value);
	if (rule)
		mete__sim_change(rule, bytes, width);
	mete__sim_trace_add(sim, SIM_OP_REGISTER_WRITE, width, sim_source(f), offset, bytes, width);
	for (uint64_t i = 0; i < times; i++)
		sim_bar_write(f, offset, width, sim_load(bytes, width));
	return 0;
}

static int sim_read(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t *ret_value)
{
	struct sim *sim = sim_of(rig);
	uint64_t offset;

	int error = mete__sim_enter(sim);
	if (error)
		return error;
	if (sim->late)
		mete__sim_late_barrier(sim->late);
	mete__sim_stir(sim);
	struct sim_function *f = sim_decode(sim, bus, &offset);
	if (f)
		error = sim_register_read(sim, f, offset, width, ret_value);
	else
		*ret_value = sim_ones(width);
	mete__sim_leave(sim);
	return error;
}

static int sim_write_ordered(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t value, bool barrier)
{
	struct sim *sim = sim_of(rig);
	uint64_t offset;

	int error = mete__sim_enter(sim);
	if (error)
		return error;
	if (sim->late && barrier) {
		mete__sim_late_barrier(sim->late);
	} else if (sim->late) {
		mete__sim_late_overtake(sim->late);
		mete__sim_late_some(sim->late);
	}
	mete__sim_stir(sim);
	struct sim_function *f = sim_decode(sim, bus, &offset);
	if (f)
		error = sim_register_write(sim, f, offset, width, value & sim_ones(width));
	mete__sim_leave(sim);
	return error;
}

static int sim_write(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t value)
{
	return sim_write_ordered(rig, bus, width, value, true);
}

static int sim_write_relaxed(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t value)
{
	return sim_write_ordered(rig, bus, width, value, false);
}

static struct sim_function *sim_at(const struct sim *sim, unsigned devfn)
{
	for (size_t i = 0; i < sim->nfunctions; i++) {
		if (sim->function[i]->devfn == devfn)
			return sim->function[i];
	}
	return NULL;
}

static int sim_config_read(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t *ret_value)
{
	const struct sim_function *f = sim_at(sim_of(rig), devfn);

	int error = mete__sim_enter(sim_of(rig));
	if (error)
		return error;
	*ret_value = f ? sim_config(f, offset, width) : (uint32_t)sim_ones(width);
	mete__sim_leave(sim_of(rig));
	return 0;
}

static int sim_config_write(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t value)
{
	struct sim_function *f = sim_at(sim_of(rig), devfn);

	int error = mete__sim_enter(sim_of(rig));
	if (error)
		return error;
	for (unsigned i = 0; f && i < width; i++) {
		uint8_t *byte = &f->config[offset + i], may = f->writable[offset + i];
		*byte = (uint8_t)((*byte & ~may) | (value >> 8 * i & may));
	}
	if (f)
		mete__sim_deliver_pending(f);
	mete__sim_leave(sim_of(rig));
	return 0;
}

static int sim_pause(struct mete_rig *rig, unsigned us)
{
	(void)rig;
	(void)us;
	return METE_ETIMEDOUT;
}

static const char *sim_last_words(struct mete_rig *rig)
{
	(void)rig;
	return "";
}

static long sim_process(const struct mete_rig *rig)
{
	(void)rig;
	return 0;
}

static void sim_stop(struct mete_rig *rig)
{
	struct sim *sim = sim_of(rig);

	mete__sim_clock_fini(sim);
	mete__sim_iommu_fini(sim);
	for (size_t i = 0; i < sim->nfunctions; i++) {
		free(sim->function[i]->grants);
		mete__sim_evil_fini(sim->function[i]);
		mete__sim_posted_fini(sim->function[i]);
		sim->function[i]->destroy(sim->function[i]);
	}
	mete__sim_trace_fini(sim);
	mete__sim_cache_fini(sim);
	mete__sim_late_fini(sim);
	free(sim->repeat);
}

/* As on a PC: what a driver may have got used to. */
static const struct rig_place sim_place = { .bars_first = 0xc0000000u, .bars_last = 0xfebfffffu };

static const struct rig_ops sim_ops = {
	.kind = "sim",
	.config_read = sim_config_read,
	.config_write = sim_config_write,
	.read = sim_read,
	.write = sim_write,
	.write_relaxed = sim_write_relaxed,
	.pause = sim_pause,
	.now_us = mete__sim_now_us,
	.advance = mete__sim_advance,
	.last_words = sim_last_words,
	.process = sim_process,
	.stop = sim_stop,
};

struct sim *mete__sim(const struct mete_rig *rig)
{
	return rig && rig->ops == &sim_ops ? (struct sim *)(uintptr_t)rig : NULL;
}

struct sim_function *mete__sim_function(const struct mete_rig_function *function)
{
	struct sim *sim = function ? mete__sim(function->rig) : NULL;

	return sim && function->known ? sim_at(sim, function->known->devfn) : NULL;
}

static int sim_add_disk(struct sim *sim, const struct mete_rig_sim *config, char *text, size_t text_len)
{
	uint64_t len;
	int fd;

	int error = mete__rig_disk(config->disk, &fd, &len, text, text_len);
	if (error)
		return error;
	struct sim_function *nvme = mete__sim_nvme(fd, len, config->disk_mdts ? config->disk_mdts : RIG_DISK_MDTS);
	if (!nvme) {
		close(fd);
		return METE_ENOMEM;
	}
	sim_add(sim, nvme);
	return 0;
}

static int sim_add_devices(struct sim *sim, const struct mete_sim_config *more, char *text, size_t text_len)
{
	static struct sim_function *(*const make[])(void) = { mete__sim_edu, mete__sim_copy, mete__sim_nic };

	if (more->ndevices > 16 || (more->ndevices && !more->devices)) {
		mete__rig_say(text, text_len, "%zu devices: at most 16 fit", more->ndevices);
		return METE_EINVAL;
	}
	for (size_t i = 0; i < more->ndevices; i++) {
		const struct mete_sim_device *device = &more->devices[i];
		if ((unsigned)device->model >= sizeof(make) / sizeof(*make) ||
		    (device->lines && (device->lines < 12 || device->lines > 64))) {
			mete__rig_say(text, text_len, "device %zu: no such model, or not 12 to 64 address lines", i);
			return METE_EINVAL;
		}
		struct sim_function *f = make[device->model]();
		if (!f)
			return METE_ENOMEM;
		f->lines = device->lines ? device->lines : f->lines;
		sim_add(sim, f);
	}
	return 0;
}

/* The rest, which needs the RAM. */
static int sim_equip(struct sim *sim, const struct mete_rig_sim *config, const struct mete_sim_config *more, char *text,
    size_t text_len)
{
	int error = mete__sim_provider_init(sim, more);

	if (!error && config->disk)
		error = sim_add_disk(sim, config, text, text_len);
	if (!error)
		error = sim_add_devices(sim, more, text, text_len);
	if (!error && more->iommu_page)
		error = mete__sim_iommu_init(sim, more->iommu_page, more->iommu_deferred);
	if (!error && more->offset)
		error = mete__sim_place(sim);
	if (!error && more->rules)
		error = mete__sim_rules_read(sim, more->rules, text, text_len);
	if (!error)
		error = mete__sim_trace_init(sim, more, text, text_len);
	return error;
}

static bool sim_modes_ok(const struct mete_sim_config *more, char *text, size_t text_len)
{
	if ((unsigned)more->time > METE_SIM_THREAD) {
		mete__rig_say(text, text_len, "no such mode of time: %u", (unsigned)more->time);
		return false;
	}
	/* A cache or late stores that move memory while the driver runs would be races of the machine's own. */
	if (more->time == METE_SIM_THREAD && (more->cache.line || more->late_stores)) {
		mete__rig_say(text, text_len, "%s", "devices in a thread go with neither a cache nor late stores");
		return false;
	}
	return true;
}

static int sim_start(struct sim *sim, const struct mete_rig_sim *config, const struct mete_sim_config *more, char *text,
    size_t text_len)
{
	int ram;

	if (config->disk_mdts > RIG_DISK_MDTS_MAX || !sim_modes_ok(more, text, text_len))
		return METE_EINVAL;
	int error = mete__sim_seed_init(sim, more->seed, text, text_len);
	if (error)
		return error;
	mete__sim_random_init(&sim->clock.random, sim->seed, SIM_STREAM_TIME);
	mete__sim_random_init(&sim->place, sim->seed, SIM_STREAM_PLACE);
	mete__sim_random_init(&sim->rules.random, sim->seed, SIM_STREAM_FAULT);
	if ((error = mete__rig_ram(&sim->rig, config->ram, &ram)))
		return error;
	error = mete__rig_twin(&sim->rig, ram);
	close(ram); /* the mappings keep it */
	if (error)
		return error;
	error = sim_equip(sim, config, more, text, text_len);
	return error ? error : mete__sim_clock_start(sim);
}

int mete_rig_start_sim(const struct mete_rig_sim *config, struct mete_rig **ret_rig, char *text, size_t text_len)
{
	static const struct mete_rig_sim defaults;
	static const struct mete_sim_config plain;

	mete__rig_say(text, text_len, "%s", "");
	if (!config)
		config = &defaults;
	const struct mete_sim_config *more = config->more ? config->more : &plain;
	struct sim *sim = calloc(1, sizeof(*sim));
	if (!sim)
		return METE_ENOMEM;
	sim->rig.ops = &sim_ops;
	sim->rig.place = &sim_place;
	int error = mete__sim_clock_init(sim, more->time);
	if (error) {
		free(sim);
		return error;
	}
	error = sim_start(sim, config, more, text, text_len);
	if (error) {
		if (text && text_len && !*text)
			mete__rig_say(text, text_len, "%s", mete_error_text(error));
		sim_stop(&sim->rig);
		mete__rig_fini(&sim->rig);
		free(sim);
		return error;
	}
	*ret_rig = &sim->rig;
	return 0;
}

int mete_sim_watch(struct mete_rig *rig, const struct mete_sim_hooks *hooks)
{
	static const struct mete_sim_hooks none;
	struct sim *sim = mete__sim(rig);

	if (!sim)
		return METE_ENOTSUP;
	mete__sim_lock(sim);
	sim->hooks = hooks ? *hooks : none;
	mete__sim_unlock(sim);
	return 0;
}

void mete_sim_counters(struct mete_rig *rig, struct mete_sim_counters *ret)
{
	struct sim *sim = mete__sim(rig);

	memset(ret, 0, sizeof(*ret));
	if (!sim)
		return;
	mete__sim_lock(sim);
	*ret = sim->counters;
	mete__sim_unlock(sim);
}
