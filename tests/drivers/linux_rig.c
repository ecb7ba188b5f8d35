/* SPDX-License-Identifier: ISC */
/*
 * Linux on a rig: see linux_rig.h.  The rig's errors have the magnitudes of errno.
 */
#include "linux_rig.h"

#include <mete/linux.h>

static struct mete_linux here;
METE_LINUX_HERE(here);

static int irq_enable(void *ctx, unsigned vector)
{
	return mete_rig_irq_enable(ctx, vector);
}

static int irq_wait(void *ctx, unsigned vector, unsigned timeout_ms)
{
	return mete_rig_irq_wait(ctx, vector, timeout_ms);
}

int linux_rig_open(struct linux_plug *plug, struct mete_rig_function *pci)
{
	struct mete_registers registers;

	int error = mete_rig_registers(pci, 0, &registers);
	if (error)
		return error;
	void __iomem *regs = mete_linux_iomap(&registers);
	if (!regs)
		return METE_ENOMEM;
	error = mete_linux_init(&here, mete_rig_provider(pci->rig));
	if (error) {
		iounmap(regs);
		return error;
	}
	*plug = (struct linux_plug){ .regs = regs, .ctx = pci, .irq_enable = irq_enable, .irq_wait = irq_wait };
	return 0;
}

int linux_rig_close(struct linux_plug *plug)
{
	if (!plug->regs)
		return 0;
	iounmap(plug->regs);
	plug->regs = NULL;
	return mete_linux_fini(&here);
}
