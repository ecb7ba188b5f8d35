/* SPDX-License-Identifier: ISC */
/*
 * The machines that QEMU can be for a rig, and in what they differ.
 */
#ifndef QEMU_MACHINE_H
#define QEMU_MACHINE_H

#include "rig_ops.h"

struct qemu_machine {
	struct rig_place place;
	const char *program;          /* its name in $PATH ... */
	const char *variable;         /* ... unless this variable of the environment names another ... */
	const char *package;          /* ... and what to install if there is none */
	const char *const *arguments; /* what comes first on the command line; ended by NULL */
	uint64_t config;              /* where configuration space lies in memory; 0: behind ports */
	/* Firmware: zeros, with an endless sleep where the virtual CPU starts. */
	size_t firmware_len, halt_at, halt_len;
	unsigned char halt[8];
};

/* NULL: there is no such machine. */
const struct qemu_machine *mete__qemu_machine(enum mete_rig_machine machine);

#endif
