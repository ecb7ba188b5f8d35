/* SPDX-License-Identifier: ISC */
/*
 * What the tests of edu share, whatever the driver's idiom: a machine whose RAM is half out of the device's reach,
 * QEMU's or, for a program whose argument is "sim", the simulated one; and the ways in which memory can be made visible to it.
 *
 * The device's own constraint is lifted before a driver starts: what keeps the device out of foreign memory is what the
 * driver says of it, and nothing else.
 */
#ifndef EDU_MACHINE_H
#define EDU_MACHINE_H

#include "edu_regs.h"
#include "rig_support.h"

#include <mete/bounce.h>
#include <mete/iommu.h>
#include <mete/sim.h>

#define REACH (1ull << EDU_ADDRESS_BITS)
#define GUARD 64

enum way { DIRECT, BOUNCE, ALWAYS, IOMMU, IOMMU_ALWAYS };

extern const char *const way_name[];

struct machine {
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct mete_device ram;  /* sees everything: memory for the test */
	struct mete_device core; /* what edu sees */
	struct mete_bounce bounce;
	struct mete_domain domain;
	bool bounces, translated;
	unsigned cycles;         /* accesses to registers, and a hash of them all */
	uint64_t cycles_hash;
};

/* Which machine, from main's arguments: before all others.  Whether it is the simulated one. */
bool machine_choose(int argc, char **argv);

/* Start it; with an IOMMU if `iommu`.  Skips where there is no QEMU. */
void machine_open(struct machine *m, bool iommu);

/* Bounce through an area of `len` bytes, which lies where edu reaches it. */
void machine_bounce(struct machine *m, size_t len, bool always);

/* Behind an IOMMU with addresses from `first` to `last`; 0: as they come. */
void machine_translate(struct machine *m, mete_baddr first, mete_baddr last);

/* Whether the way needs an IOMMU, and the way itself, with 64 KiB to bounce through if it bounces. */
bool way_iommu(enum way way);
void machine_way(struct machine *m, enum way way);

/*
 * Its end, after the driver's: nothing faulted, and nothing is held.  Prints the hash of all accesses to registers, which
 * edu_traces.py compares between the rigs.
 */
void machine_close(struct machine *m);

/* Memory that edu's 28 lines reach, or that they do not. */
unsigned char *machine_alloc(struct machine *m, size_t len, bool high, uint64_t *ret_phys);
void machine_free(struct machine *m, void *cpu, size_t len);

/* Bytes that depend on `seed`. */
void fill(unsigned char *p, size_t len, unsigned seed);

/* GUARD bytes of 0xa5 on either side of what a device writes; set with it, and found unchanged. */
void set_guards(unsigned char *to, size_t len);
void check_guards(const unsigned char *to, size_t len);

#endif
