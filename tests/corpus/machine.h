/* SPDX-License-Identifier: ISC */
/*
 * The corpus's machines, as the part of the harness sees them that knows an operating system.
 */
#ifndef CORPUS_MACHINE_H
#define CORPUS_MACHINE_H

#include <mete/bounce.h>
#include <mete/check.h>
#include <mete/device.h>
#include <mete/iommu.h>
#include <mete/rig.h>
#include <mete/sim.h>
#include <mete/sim_check.h>

#include "corpus.h"

struct machine {
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct mete_check *check;
	struct mete_sim_check *watch;
	struct mete_device core;
	struct mete_bounce bounce;
	struct mete_domain domain;
	struct mete_registers registers;
};

/* Run the program as this operating system would: 0, or a positive errno. */
int system_run(struct machine *machine);

#endif
