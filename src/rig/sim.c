/* SPDX-License-Identifier: ISC */
/*
 * A machine of our own: RAM, a PCI bus and the models on it.
 *
 * Everything happens inside a call: a register write runs the device to the end of what it was asked for, including its
 * DMA and its interrupt.  So a run depends on nothing but the driver, and waiting for more is pointless.
 *
 * What real machines do and drivers get wrong is kept: a function does not answer before memory decoding is on, cannot
 * reach memory before it may master the bus, sees all ones where nobody answers, and finds nothing beyond RAM.
 */
#include "sim.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SIM_SLOTS 32

/* Configuration space that matters here; the capability is at the first free place. */
#define SIM_COMMAND 0x04
#define SIM_COMMAND_MEMORY 0x2u
#define SIM_COMMAND_MASTER 0x4u
#define SIM_STATUS 0x06
#define SIM_STATUS_CAPABILITIES 0x10u
#define SIM_CLASS 0x08
#define SIM_BAR0 0x10
#define SIM_CAPABILITIES 0x34
#define SIM_MSIX 0x40
#define SIM_MSIX_ID 0x11
#define SIM_MSIX_ON 0x8000u
#define SIM_MSIX_MASK 0x4000u
#define SIM_PENDING 4096u      /* from the MSI-X table to its pending bits */

struct sim {
	struct mete_rig rig;   /* first: the two are cast into each other */
	size_t nfunctions;
	struct sim_function *function[SIM_SLOTS];
};

static struct sim *sim_of(struct mete_rig *rig)
{
	return (struct sim *)(void *)rig;
}

static uint64_t sim_ones(unsigned width)
{
	return width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;
}

static uint32_t sim_config(const struct sim_function *function, unsigned offset, unsigned width)
{
	return (uint32_t)sim_load(&function->config[offset], width);
}

static void sim_config_init(struct sim_function *f)
{
	sim_store(&f->config[0], 2, f->vendor);
	sim_store(&f->config[2], 2, f->device);
	sim_store(&f->config[SIM_STATUS], 2, SIM_STATUS_CAPABILITIES);
	sim_store(&f->config[SIM_CLASS], 4, f->class_revision);
	sim_store(&f->config[SIM_BAR0], 4, 0x4); /* memory, 64 bits */
	f->config[SIM_CAPABILITIES] = SIM_MSIX;
	sim_store(&f->config[SIM_MSIX], 2, SIM_MSIX_ID);
	sim_store(&f->config[SIM_MSIX + 2], 2, f->nvectors - 1);
	sim_store(&f->config[SIM_MSIX + 4], 4, f->msix_table);
	sim_store(&f->config[SIM_MSIX + 8], 4, f->msix_table + SIM_PENDING);

	sim_store(&f->writable[SIM_COMMAND], 2, 0x0406 | 0x0001); /* INTx off, master, memory, I/O */
	sim_store(&f->writable[SIM_BAR0], 8, ~(f->bar_len - 1));
	sim_store(&f->writable[0x3c], 1, 0xff); /* interrupt line: a notepad for firmware */
	sim_store(&f->writable[SIM_MSIX + 2], 2, SIM_MSIX_ON | SIM_MSIX_MASK);
	for (unsigned v = 0; v < f->nvectors; v++)
		f->table[v * 16 + 12] = 1; /* masked after reset */
}

void mete__sim_add(struct sim *sim, struct sim_function *function)
{
	/* Slot 0 is the host bridge's on other machines; no driver looks for one here. */
	function->devfn = (unsigned)(sim->nfunctions + 1) << 3;
	function->sim = sim;
	sim_config_init(function);
	sim->function[sim->nfunctions++] = function;
}

unsigned char *mete__sim_memory(struct sim_function *function, uint64_t bus, uint64_t len)
{
	const struct mete_rig *rig = &function->sim->rig;

	if (!(sim_config(function, SIM_COMMAND, 2) & SIM_COMMAND_MASTER))
		return NULL;
	return bus < rig->ram_len && len <= rig->ram_len - bus ? rig->ram + bus : NULL;
}

static void sim_deliver(struct sim_function *function, unsigned vector)
{
	const unsigned char *entry = &function->table[(size_t)vector * 16];
	uint32_t control = sim_config(function, SIM_MSIX + 2, 2);

	if (!(control & SIM_MSIX_ON) || (control & SIM_MSIX_MASK) || (entry[12] & 1))
		return;
	function->pending &= ~(1ull << vector);
	unsigned char *word = mete__sim_memory(function, sim_load(entry, 8), 4);
	if (word)
		memcpy(word, entry + 8, 4);
}

void mete__sim_raise(struct sim_function *function, unsigned vector)
{
	function->pending |= 1ull << vector;
	sim_deliver(function, vector);
}

static void sim_deliver_pending(struct sim_function *function)
{
	for (unsigned v = 0; v < function->nvectors; v++) {
		if (function->pending >> v & 1)
			sim_deliver(function, v);
	}
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

	if (sim_within(offset, f->msix_table, (uint64_t)f->nvectors * 16, &at))
		return sim_load(&f->table[at], width);
	if (sim_within(offset, f->msix_table + SIM_PENDING, sizeof(pending), &at)) {
		sim_store(pending, 8, f->pending);
		return sim_load(&pending[at], width);
	}
	return f->read(f, offset, width);
}

static void sim_bar_write(struct sim_function *f, uint64_t offset, unsigned width, uint64_t value)
{
	uint64_t at;

	if (sim_within(offset, f->msix_table, (uint64_t)f->nvectors * 16, &at)) {
		sim_store(&f->table[at], width, value);
		sim_deliver_pending(f);
	} else if (!sim_within(offset, f->msix_table + SIM_PENDING, 8, &at)) {
		f->write(f, offset, width, value);
	}
}

/* Who answers at `bus`, and at which offset of its BAR. */
static struct sim_function *sim_decode(struct sim *sim, uint64_t bus, uint64_t *ret_offset)
{
	for (size_t i = 0; i < sim->nfunctions; i++) {
		struct sim_function *f = sim->function[i];
		uint64_t base = sim_load(&f->config[SIM_BAR0], 8) & ~(f->bar_len - 1);
		bool awake = sim_config(f, SIM_COMMAND, 2) & SIM_COMMAND_MEMORY;
		if (awake && sim_within(bus, base, f->bar_len, ret_offset))
			return f;
	}
	return NULL;
}

static int sim_read(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t *ret_value)
{
	uint64_t offset;
	struct sim_function *f = sim_decode(sim_of(rig), bus, &offset);

	*ret_value = f ? sim_bar_read(f, offset, width) & sim_ones(width) : sim_ones(width);
	return 0;
}

static int sim_write(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t value)
{
	uint64_t offset;
	struct sim_function *f = sim_decode(sim_of(rig), bus, &offset);

	if (f)
		sim_bar_write(f, offset, width, value & sim_ones(width));
	return 0;
}

static struct sim_function *sim_at(struct sim *sim, unsigned devfn)
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

	*ret_value = f ? sim_config(f, offset, width) : (uint32_t)sim_ones(width);
	return 0;
}

static int sim_config_write(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t value)
{
	struct sim_function *f = sim_at(sim_of(rig), devfn);

	for (unsigned i = 0; f && i < width; i++) {
		uint8_t *byte = &f->config[offset + i], may = f->writable[offset + i];
		*byte = (uint8_t)((*byte & ~may) | (value >> 8 * i & may));
	}
	if (f)
		sim_deliver_pending(f);
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

	for (size_t i = 0; i < sim->nfunctions; i++)
		sim->function[i]->destroy(sim->function[i]);
}

/* As on a PC: what a driver may have got used to. */
static const struct rig_place sim_place = { .bars_first = 0xc0000000u, .bars_last = 0xfebfffffu };

static const struct rig_ops sim_ops = {
	.kind = "sim",
	.config_read = sim_config_read,
	.config_write = sim_config_write,
	.read = sim_read,
	.write = sim_write,
	.pause = sim_pause,
	.last_words = sim_last_words,
	.process = sim_process,
	.stop = sim_stop,
};

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
	mete__sim_add(sim, nvme);
	return 0;
}

int mete_rig_start_sim(const struct mete_rig_sim *config, struct mete_rig **ret_rig, char *text, size_t text_len)
{
	static const struct mete_rig_sim defaults;
	int ram;

	mete__rig_say(text, text_len, "%s", "");
	if (!config)
		config = &defaults;
	if (config->disk_mdts > RIG_DISK_MDTS_MAX)
		return METE_EINVAL;
	struct sim *sim = calloc(1, sizeof(*sim));
	if (!sim)
		return METE_ENOMEM;
	sim->rig.ops = &sim_ops;
	sim->rig.place = &sim_place;

	int error = mete__rig_ram(&sim->rig, config->ram, &ram);
	if (!error)
		close(ram); /* the mapping keeps it */
	if (!error && config->disk)
		error = sim_add_disk(sim, config, text, text_len);
	if (!error)
		error = mete__rig_init(&sim->rig);
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
