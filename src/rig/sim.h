/* SPDX-License-Identifier: ISC */
/*
 * The simulated machine, as its device models see it.
 *
 * A model embeds `struct sim_function`, fills in the part above the line and gives itself to the machine.  The machine
 * does configuration space, address decoding and the MSI-X table; the model does its registers, and reaches memory
 * only through mete__sim_memory(), as a device reaches it only through its bus.
 */
#ifndef SIM_H
#define SIM_H

#include "rig_ops.h"

#define SIM_VECTORS 16 /* most MSI-X vectors of a model */

struct sim;

struct sim_function {
	/* Registers of BAR 0.  `offset` is aligned to `width`, which is 1, 2, 4 or 8, and inside the BAR. */
	uint64_t (*read)(struct sim_function *function, uint64_t offset, unsigned width);
	void (*write)(struct sim_function *function, uint64_t offset, unsigned width, uint64_t value);
	void (*destroy)(struct sim_function *function);
	uint16_t vendor, device;
	uint32_t class_revision;      /* as at offset 8: class, subclass, interface, revision */
	uint64_t bar_len;             /* of BAR 0, a 64-bit one; a power of two */
	uint64_t msix_table;          /* where in BAR 0 the MSI-X table is; its pending bits follow 4 KiB later */
	unsigned nvectors;            /* 1 to SIM_VECTORS */
	/* ------------ */
	struct sim *sim;
	unsigned devfn;
	uint8_t config[256];
	uint8_t writable[256];        /* bits of `config` that software can change */
	uint8_t table[SIM_VECTORS * 16];
	uint64_t pending;             /* a bit for each vector that was raised while masked */
};

/* Put `function` into the next slot.  The machine destroys it in the end. */
void mete__sim_add(struct sim *sim, struct sim_function *function);

/*
 * The memory that the function finds at [`bus`, `bus` + `len` - 1]; NULL if it is not all RAM, or the function may not
 * master the bus.
 */
unsigned char *mete__sim_memory(struct sim_function *function, uint64_t bus, uint64_t len);

/* Raise an MSI-X vector.  While it is masked, it stays pending. */
void mete__sim_raise(struct sim_function *function, unsigned vector);

/*
 * An NVMe controller over the `len` bytes of the open file `fd`, which it closes in the end; NULL without memory, and
 * `fd` stays open.
 */
struct sim_function *mete__sim_nvme(int fd, uint64_t len, unsigned mdts);

/* Little-endian numbers of 1 to 8 bytes, as buses and devices have them. */
static inline uint64_t sim_load(const unsigned char *p, unsigned width)
{
	uint64_t value = 0;
	for (unsigned i = width; i-- > 0;)
		value = value << 8 | p[i];
	return value;
}

static inline void sim_store(unsigned char *p, unsigned width, uint64_t value)
{
	for (unsigned i = 0; i < width; i++)
		p[i] = (unsigned char)(value >> 8 * i);
}

#endif
