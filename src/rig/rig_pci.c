/* SPDX-License-Identifier: ISC */
/*
 * PCI: finding functions and giving them addresses, as firmware would.
 *
 * Neither machine runs firmware, so nobody has assigned a BAR.  A function is set up the first time it is found and
 * remembered: sizing a BAR again would take its address away from under a driver.  Addresses are handed out upwards and
 * never taken back; 64-bit BARs get 32-bit addresses as well, because all devices can be put there.
 *
 * Only bus 0 is looked at.  Registers are those of the PCI Local Bus Specification 3.0, chapter 6.
 */
#include "rig_ops.h"

#include <string.h>

#define PCI_ID 0x00
#define PCI_COMMAND 0x04
#define PCI_COMMAND_IO 0x1u
#define PCI_COMMAND_MEMORY 0x2u
#define PCI_COMMAND_MASTER 0x4u
#define PCI_HEADER_TYPE 0x0e
#define PCI_HEADER_MULTI 0x80u
#define PCI_HEADER_LAYOUT 0x7fu
#define PCI_BAR0 0x10
#define PCI_BAR_IO 0x1u
#define PCI_BAR_64 0x4u       /* of the two type bits */
#define PCI_BAR_ADDRESS 0xfffffff0u

static int pci_read(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t *ret_value)
{
	return rig->ops->config_read(rig, devfn, offset, width, ret_value);
}

static int pci_write(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t value)
{
	return rig->ops->config_write(rig, devfn, offset, width, value);
}

/* Write all ones and see which bits stick: those that do not are the BAR's length. */
static int pci_bar_probe(struct mete_rig *rig, unsigned devfn, unsigned offset, uint32_t *ret_value)
{
	int error = pci_write(rig, devfn, offset, 4, 0xffffffffu);
	return error ? error : pci_read(rig, devfn, offset, 4, ret_value);
}

static int pci_bar_place(struct mete_rig *rig, uint64_t len, uint64_t *ret_base)
{
	const uint64_t first = rig->place->bars_first, last = rig->place->bars_last;
	uint64_t next = rig->next_bar ? rig->next_bar : first;
	uint64_t base = (next + (len - 1)) & ~(len - 1);

	if (len > last - first || base > last - (len - 1))
		return METE_ENOMEM;
	rig->next_bar = base + len;
	*ret_base = base;
	return 0;
}

/* Set up BAR `n`, and tell how many places it takes: 1, or 2 if it is a 64-bit one. */
static int pci_bar_setup(struct mete_rig *rig, struct mete_rig_known *known, unsigned n, unsigned *ret_places)
{
	unsigned offset = PCI_BAR0 + 4 * n;
	uint32_t low, high = 0xffffffffu;
	uint64_t base;

	*ret_places = 1;
	int error = pci_bar_probe(rig, known->devfn, offset, &low);
	if (error)
		return error;
	if (low & PCI_BAR_IO)
		return 0;
	if (low & PCI_BAR_64) {
		*ret_places = 2;
		if ((error = pci_bar_probe(rig, known->devfn, offset + 4, &high)))
			return error;
	}
	uint64_t len = ~((uint64_t)high << 32 | (low & PCI_BAR_ADDRESS)) + 1;
	if (!(low & PCI_BAR_ADDRESS) && (high == 0 || !(low & PCI_BAR_64)))
		return 0; /* not implemented: nothing sticks */

	if ((error = pci_bar_place(rig, len, &base)))
		return error;
	if ((error = pci_write(rig, known->devfn, offset, 4, (uint32_t)base)))
		return error;
	if (*ret_places == 2 && (error = pci_write(rig, known->devfn, offset + 4, 4, 0)))
		return error;
	known->bar[n].rig = rig;
	known->bar[n].base = base;
	known->bar[n].len = len;
	return 0;
}

/* How many BARs the header has: 6 for an ordinary function, 2 for a bridge. */
static int pci_bar_count(struct mete_rig *rig, unsigned devfn, unsigned *ret_n)
{
	uint32_t type;
	int error = pci_read(rig, devfn, PCI_HEADER_TYPE, 1, &type);
	if (error)
		return error;
	*ret_n = (type & PCI_HEADER_LAYOUT) == 0 ? 6 : (type & PCI_HEADER_LAYOUT) == 1 ? 2 : 0;
	return 0;
}

static int pci_setup(struct mete_rig *rig, struct mete_rig_known *known)
{
	uint32_t command;
	unsigned nbars, places;

	int error = pci_bar_count(rig, known->devfn, &nbars);
	if (error || (error = pci_read(rig, known->devfn, PCI_COMMAND, 2, &command)))
		return error;

	/* While sizes are read, the BARs hold nonsense that the function must not answer to. */
	command &= ~(PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	if ((error = pci_write(rig, known->devfn, PCI_COMMAND, 2, command)))
		return error;
	for (unsigned n = 0; n < nbars; n += places) {
		if ((error = pci_bar_setup(rig, known, n, &places)))
			return error;
	}
	return pci_write(rig, known->devfn, PCI_COMMAND, 2, command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

/* The rig's record of the function at `devfn`, made and set up if there is none yet. */
static int pci_know(struct mete_rig *rig, unsigned devfn, struct mete_rig_known **ret_known)
{
	for (size_t i = 0; i < rig->nknown; i++) {
		if (rig->known[i].devfn == devfn) {
			*ret_known = &rig->known[i];
			return 0;
		}
	}
	if (rig->nknown == RIG_KNOWN)
		return METE_ENOMEM;

	struct mete_rig_known *known = &rig->known[rig->nknown];
	memset(known, 0, sizeof(*known));
	known->rig = rig;
	known->devfn = devfn;
	int error = pci_setup(rig, known);
	if (error)
		return error;
	rig->nknown++;
	*ret_known = known;
	return 0;
}

/* The `nth` function with this identity: METE_ENODEV if there are fewer. */
static int pci_search(struct mete_rig *rig, uint32_t id, unsigned nth, unsigned *ret_devfn)
{
	uint32_t found, type;
	int error;

	for (unsigned slot = 0; slot < 32; slot++) {
		unsigned nfunctions = 1;
		for (unsigned number = 0; number < nfunctions; number++) {
			unsigned devfn = slot << 3 | number;
			if ((error = pci_read(rig, devfn, PCI_ID, 4, &found)))
				return error;
			if (found == 0xffffffffu)
				continue;
			if (!number) {
				if ((error = pci_read(rig, devfn, PCI_HEADER_TYPE, 1, &type)))
					return error;
				nfunctions = type & PCI_HEADER_MULTI ? 8 : 1;
			}
			if (found != id || nth--)
				continue;
			*ret_devfn = devfn;
			return 0;
		}
	}
	return METE_ENODEV;
}

int mete_rig_find(struct mete_rig *rig, uint16_t vendor, uint16_t device, unsigned nth,
    struct mete_rig_function *ret_function)
{
	struct mete_rig_known *known;
	unsigned devfn;

	int error = pci_search(rig, (uint32_t)device << 16 | vendor, nth, &devfn);
	if (error || (error = pci_know(rig, devfn, &known)))
		return error;

	struct mete_rig_function function = {
		.rig = rig,
		.vendor = vendor,
		.device = device,
		.slot = (uint8_t)(devfn >> 3),
		.number = devfn & 7,
		.known = known,
	};
	for (unsigned n = 0; n < 6; n++) {
		function.bar[n].base = known->bar[n].base;
		function.bar[n].len = known->bar[n].len;
	}
	*ret_function = function;
	return 0;
}
