/* SPDX-License-Identifier: ISC */
/*
 * The corpus's harness, for Linux's kind of drivers.
 */
#include "machine.h"

#include <mete/linux.h>

#include "corpus_linux.h"

static struct mete_linux here;
METE_LINUX_HERE(here);

int system_run(struct machine *machine)
{
	struct device dev;

	here = (struct mete_linux){ .any = { 0 } };
	int error = mete_linux_init(&here, mete_rig_provider(machine->rig));
	if (error)
		return -error;
	mete_linux_device_init(&dev, machine->core.name, &machine->core);
	u8 __iomem *regs = mete_linux_iomap(&machine->registers);
	error = regs ? corpus_run(&dev, regs) : -ENOMEM;
	iounmap(regs);
	(void)mete_check_leaks(machine->check, NULL);
	(void)mete_linux_fini(&here);
	return -error;
}
