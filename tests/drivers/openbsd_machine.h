/* SPDX-License-Identifier: ISC */
/*
 * What the tests of OpenBSD's kind of drivers share, whatever the device: a QEMU machine with it, the ways in which memory
 * is made visible to it, and what a driver is attached with.
 */
#ifndef OPENBSD_MACHINE_H
#define OPENBSD_MACHINE_H

#include "rig_support.h"

#include <machine/bus.h>
#include <mete/bounce.h>
#include <mete/iommu.h>

/* What is between device and memory. */
struct way {
	bool vtd, deferred;
	bool bounce;     /* through stand-ins, also where the device reaches */
	mete_baddr last; /* if not 0: the last address that the device reaches, so that the rest has to go through stand-ins */
};

extern struct way direct, stand_in, narrow, vtd, vtd_deferred, vtd_stand_in;

struct openbsd_machine {
	const struct way *way;
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct mete_device ram;  /* sees everything: memory for the test */
	struct mete_device core;
	struct mete_domain domain;
	struct mete_bounce bounce;
	struct mete_openbsd_tag tag;
	struct mete_registers registers;
};

/*
 * Start it with QEMU's options in `device`, and `npages` of addresses if there is an IOMMU; find the function, whose BAR 0
 * becomes `registers`, and let it interrupt.  Skips where there is no QEMU.
 */
void openbsd_machine_open(struct openbsd_machine *m, const struct way *way, const char *const *device, uint16_t vendor,
    uint16_t product, size_t npages);

/* No access was refused, and no call was wrong. */
void openbsd_machine_peace(struct openbsd_machine *m);

/* Stop it, whose driver has gone: nothing may be held, on the bus either. */
void openbsd_machine_close(struct openbsd_machine *m);

/* Bytes that no page and no sector repeats. */
void pattern_make(unsigned char *to, size_t len, uint32_t seed);

/* A name for a test on each way: what `state` leads to is the way. */
#define ON(test, way) { #test " [" #way "]", test, NULL, NULL, &way }

#endif
