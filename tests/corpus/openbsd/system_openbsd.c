/* SPDX-License-Identifier: ISC */
/*
 * The corpus's harness, for OpenBSD's kind of drivers.
 */
#include "machine.h"

#include "corpus_openbsd.h"

static struct mete_openbsd here;
METE_OPENBSD_HERE(here);

int system_run(struct machine *machine)
{
	const struct mete_constraint all = { .last = 0 };
	struct mete_openbsd_tag tag;

	here = (struct mete_openbsd){ .ready = false };
	int error = mete_openbsd_init(&here, mete_rig_provider(machine->rig), &all);
	if (!error)
		error = mete_openbsd_tag_init(&tag, &machine->core);
	if (error)
		return -error;
	error = corpus_run(&tag, &machine->registers, 0);
	(void)mete_check_leaks(machine->check, NULL);
	(void)mete_openbsd_fini(&here);
	return error;
}
