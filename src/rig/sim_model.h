/* SPDX-License-Identifier: ISC */
/*
 * The simulated machine, as its device models see it.
 *
 * A model embeds `struct sim_function`, fills in the part above the line and gives itself to the machine.  The machine
 * does configuration space, address decoding and messages; the model does its registers.  It reaches memory only
 * through the accesses below, as a device reaches it only through its bus, and it does nothing slow inside a register:
 * it asks to be called later.
 */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include <mete/sim.h>
#include <string.h>

#include "rig_ops.h"

#define SIM_VECTORS 16 /* most MSI-X vectors of a model */

struct sim;
struct sim_function;

/* What a model is called back for; `arg` is its own. */
typedef void sim_later(struct sim_function *function, uint64_t arg);

struct sim_grant {
	uint64_t first, last;
	enum mete_access access;
};

/* The bytes that make a function malicious, and where it has been. */
struct sim_evil {
	unsigned char *bytes;
	size_t len, next;
	bool busy;                    /* at it: its accesses are no occasion for more */
	uint8_t lie;                  /* what a number is changed by; 0: all are told as they are */
	uint8_t honest;               /* numbers that are told first */
	struct { uint64_t bus; uint32_t len; } been[8];
	unsigned nbeen;
};

struct sim_flaw {
	unsigned flaws;
	uint64_t skip, count, seen;
};

struct sim_function {
	/* Registers of BAR 0.  `offset` is aligned to `width`, which is 1, 2, 4 or 8, and inside the BAR. */
	uint64_t (*read)(struct sim_function *function, uint64_t offset, unsigned width);
	void (*write)(struct sim_function *function, uint64_t offset, unsigned width, uint64_t value);
	void (*destroy)(struct sim_function *function);
	uint16_t vendor, device;
	uint32_t class_revision;      /* as at offset 8: class, subclass, interface, revision */
	uint64_t bar_len;             /* of BAR 0; a power of two */
	bool bar_32;                  /* BAR 0 has 32 bits, else 64 */
	uint64_t msix_table;          /* where in BAR 0 the MSI-X table is; its pending bits follow 4 KiB later */
	unsigned nvectors;            /* of MSI-X, 1 to SIM_VECTORS; 0: it has MSI, with one vector, and a line */
	unsigned lines;               /* address lines */
	bool flawed;                  /* the model looks at `flaw` */
	/* ------------ */
	struct sim *sim;
	unsigned devfn;
	uint8_t config[256];
	uint8_t writable[256];        /* bits of `config` that software can change */
	uint8_t table[SIM_VECTORS * 16];
	uint64_t pending;             /* a bit for each vector that was raised while masked */
	struct mete_sim_bus bus;
	struct sim_grant *grants;
	size_t ngrants, capacity;
	struct sim_evil evil;
	struct sim_flaw flaw;
	struct sim_domain *domain;    /* its translations; NULL: not started */
	struct sim_posted *posted;    /* writes on their way */
	uint64_t nposted;
};

/*
 * Accesses to memory, `len` bytes from `bus` on, up to the first that is refused.  What could not be read is all ones.
 */
enum mete_sim_result mete__sim_get(struct sim_function *function, uint64_t bus, void *to, size_t len);
enum mete_sim_result mete__sim_put(struct sim_function *function, uint64_t bus, const void *from, size_t len);

/* A number that is told to the driver: a length, an index, a tag.  Malicious devices change some. */
uint32_t mete__sim_tell(struct sim_function *function, uint32_t number);

/* Raise an MSI-X vector, or MSI.  While it is masked, it stays pending. */
void mete__sim_raise(struct sim_function *function, unsigned vector);

/* The line of a function that has no MSI-X; where MSI is on, raising sends a message instead. */
void mete__sim_line(struct sim_function *function, bool on);

/* Call `later` in `ns` nanoseconds.  Nothing is called for a function that was removed. */
void mete__sim_later(struct sim_function *function, uint64_t ns, sim_later *later, uint64_t arg);

/* `ns`, and up to as much again, from the seed: how long something takes. */
uint64_t mete__sim_about(struct sim_function *function, uint64_t ns);

/* What is to go wrong with this completion; counts it. */
unsigned mete__sim_flaws(struct sim_function *function);

/*
 * An NVMe controller over the `len` bytes of the open file `fd`, which it closes in the end; NULL without memory, and
 * `fd` stays open.
 */
struct sim_function *mete__sim_nvme(int fd, uint64_t len, unsigned mdts);

/* The other models; NULL without memory. */
struct sim_function *mete__sim_edu(void);
struct sim_function *mete__sim_copy(void);
struct sim_function *mete__sim_nic(void);

/* Little-endian numbers of 1 to 8 bytes, as buses and devices have them. */
static inline uint64_t sim_swapped(uint64_t value)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(value) : value;
}

static inline uint64_t sim_load(const unsigned char *p, unsigned width)
{
	uint64_t value = 0;

	memcpy(&value, p, width);
	return sim_swapped(value);
}

static inline void sim_store(unsigned char *p, unsigned width, uint64_t value)
{
	value = sim_swapped(value);
	memcpy(p, &value, width);
}

#endif
