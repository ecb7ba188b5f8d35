/* SPDX-License-Identifier: ISC */
/*
 * The machines that QEMU can be: a table.
 *
 * q35 is a PC.  It leaves addresses from 3 GiB to PCI whatever its RAM (2 GiB at most); the interrupt controllers begin
 * at 0xfec00000.  Its timer chip (PIT) is left out: it ticks without being asked, and would keep a processor busy at
 * that.  Firmware ends at 4 GiB, and the CPU starts 16 bytes before, in real mode.
 *
 * virt is a board that exists nowhere else, with Arm's parts.  Without `highmem` all that a rig talks to is in 32 bits.
 * Its CPU starts at 0, where flash memory has the firmware.
 */
#include "qemu_machine.h"

static const char *const q35_arguments[] = { "-machine", "q35,pit=off", NULL };

static const char *const virt_arguments[] = { "-machine", "virt,highmem=off", "-cpu", "cortex-a53", NULL };

static const struct qemu_machine qemu_machines[] = {
	[METE_RIG_Q35] = {
		.place = { .ram = 0, .bars_first = 0xc0000000u, .bars_last = 0xfebfffffu, .vtd = 0xfed90000u },
		.program = "qemu-system-x86_64",
		.variable = "METE_QEMU",
		.package = "qemu-system-x86",
		.arguments = q35_arguments,
		.firmware_len = 0x10000,
		.halt_at = 0xfff0,
		.halt_len = 4,
		.halt = { 0xfa, 0xf4, 0xeb, 0xfd }, /* cli; again: hlt; jmp again */
	},
	[METE_RIG_VIRT] = {
		.place = { .ram = 0x40000000u, .bars_first = 0x10000000u, .bars_last = 0x3efeffffu, .smmu = 0x09050000u },
		.program = "qemu-system-aarch64",
		.variable = "METE_QEMU_AARCH64",
		.package = "qemu-system-arm",
		.arguments = virt_arguments,
		.config = 0x3f000000u,
		.firmware_len = 0x1000,
		.halt_at = 0,
		.halt_len = 8,
		.halt = { 0x7f, 0x20, 0x03, 0xd5, 0xff, 0xff, 0xff, 0x17 }, /* again: wfi; b again */
	},
};

const struct qemu_machine *mete__qemu_machine(enum mete_rig_machine machine)
{
	/* Enumerations are unsigned here or not: the size tells either way. */
	return (size_t)machine < sizeof(qemu_machines) / sizeof(*qemu_machines) ? &qemu_machines[machine] : NULL;
}
