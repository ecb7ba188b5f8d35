/* SPDX-License-Identifier: ISC */
/*
 * The corpus's harness, for FreeBSD's kind of drivers.
 */
#include "machine.h"

#include <mete/freebsd.h>

#include "corpus_freebsd.h"

int system_run(struct machine *machine)
{
	struct mete_freebsd_bus bus;

	int error = mete_freebsd_bus_init(&bus, &machine->core, NULL, NULL);
	if (error)
		return -error;
	error = corpus_run(bus.tag, &machine->registers, 0);
	(void)mete_check_leaks(machine->check, NULL);
	(void)mete_freebsd_bus_fini(&bus);
	return error;
}
