/* SPDX-License-Identifier: ISC */
/*
 * Rig: where a driver meets its device.
 *
 * Two rigs, one interface, so that one driver object runs on both.  The qemu rig starts QEMU and drives its device
 * models over its test socket, with the guest's RAM shared with this process; the sim rig has models of its own.
 * Either way a rig is a machine with RAM (a provider), PCI functions with configuration space, registers and
 * interrupts, and no CPU but this process.
 *
 * One thread at a time may use a rig.  Hosted only.
 */
#ifndef METE_RIG_H
#define METE_RIG_H

#include <mete/iommu.h>
#include <mete/provider.h>
#include <mete/registers.h>

struct mete_rig;
struct mete_rig_known;
struct mete_sim_config;

enum mete_rig_machine {
	METE_RIG_Q35,  /* an x86-64 PC: RAM from 0 on; may have VT-d */
	METE_RIG_VIRT, /* an AArch64 board: RAM from 0x40000000 on, beyond 30 address lines; may have an SMMUv3 */
};

/*
 * RAM's first MiB belongs to the rig and is not handed out.
 *
 * `disk` is a regular file that becomes an NVMe controller (1b36:0010) with one read-only namespace of 512-byte
 * blocks.  Its length is rounded up to whole blocks, with zeros after the end; an empty file becomes one block of
 * zeros.  Any name will do: the rig opens the file itself.
 */
struct mete_rig_qemu {
	enum mete_rig_machine machine;
	/* Path or name; NULL: $METE_QEMU, or else qemu-system-x86_64; for virt $METE_QEMU_AARCH64, qemu-system-aarch64. */
	const char *program;
	size_t ram;                 /* bytes, a multiple of 1 MiB from 2 MiB to 2 GiB; 0: 64 MiB */
	const char *disk;           /* NULL: none */
	unsigned disk_mdts;         /* one command moves at most 4096 << disk_mdts bytes, up to 13; 0: 7, 512 KiB */
	const char *const *options; /* what follows on QEMU's command line ("-device", "edu", NULL); may be NULL */
	unsigned timeout_ms;        /* longest wait for any single answer; 0: 10000 */
};

/* Its RAM starts at 0. */
struct mete_rig_sim {
	size_t ram;                 /* as above */
	const char *disk;
	unsigned disk_mdts;
	const struct mete_sim_config *more; /* <mete/sim.h>; NULL: nothing of it */
};

/* One PCI function.  Storage belongs to the caller. */
struct mete_rig_function {
	struct mete_rig *rig;
	uint16_t vendor, device;
	uint8_t bus, slot, number;
	struct {
		uint64_t base; /* on the machine's bus; 0: no such BAR, or one for I/O ports, which stay unused */
		uint64_t len;
	} bar[6];
	struct mete_rig_known *known; /* the rig's own record of it; released with the rig */
};

/* One access to a register, when it has been made. */
struct mete_rig_cycle {
	uint16_t source;       /* bus << 8 | slot << 3 | function */
	bool write;
	unsigned bar, width;
	uint64_t offset, value;
	int error;             /* 0, or what the access returned; then nothing was read */
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Start a rig.  On failure `text`, if not NULL, receives up to `text_len` bytes (terminated) that say what is wrong and
 * what to do, with the last words of QEMU where there are some.
 *
 * mete_rig_start_qemu: METE_ENODEV if QEMU is not installed, METE_EIO if it ends or answers nonsense (an unknown
 * device, a bad option) or the disk cannot be opened, METE_ETIMEDOUT, METE_EINVAL, METE_ENOMEM.
 * mete_rig_start_sim: METE_EIO if the disk cannot be opened, or a trace not be read or made; METE_EINVAL, METE_ENOMEM.
 *
 * No file is made but a trace that was asked for, and no process outlives the caller, whatever happens.  QEMU dies with the *thread* that
 * started it.  It is a child of this process: a program that waits for any child may see its end.
 */
int mete_rig_start_qemu(const struct mete_rig_qemu *config, struct mete_rig **ret_rig, char *text, size_t text_len);
int mete_rig_start_sim(const struct mete_rig_sim *config, struct mete_rig **ret_rig, char *text, size_t text_len);

/*
 * Stop the machine and free everything, whether memory of its provider is still held or not: nothing that came from
 * the rig may be used afterwards.  Returns the number of runs that were still held.  NULL is allowed (0).
 */
size_t mete_rig_stop(struct mete_rig *rig);

/* The machine's RAM as a provider (coherent; bus addresses equal physical ones). */
struct mete_provider *mete_rig_provider(struct mete_rig *rig);

/* "qemu" or "sim". */
const char *mete_rig_kind(const struct mete_rig *rig);

/*
 * After a call failed with METE_EIO or METE_ETIMEDOUT: what happened, with the last words of QEMU.  Empty if nothing
 * did.  Never NULL; valid until the rig stops.
 *
 * A QEMU that ended, or that did not answer in time and was killed for it, stays gone: every later call that needs it
 * returns METE_EIO at once.
 */
const char *mete_rig_last_words(struct mete_rig *rig);

/* Process id of QEMU, 0 for sim and for a QEMU that is gone.  For tests that kill it. */
long mete_rig_process(const struct mete_rig *rig);

/*
 * Find the `nth` PCI function (from 0) with this vendor and device on bus 0.  The first time, give its BARs addresses
 * and let it decode memory and master the bus; later calls find it as it is.
 *
 * METE_ENODEV if there is none; METE_ENOMEM if there is no room for its BARs, or the rig knows 32 functions already;
 * METE_EIO, METE_ETIMEDOUT.
 */
int mete_rig_find(struct mete_rig *rig, uint16_t vendor, uint16_t device, unsigned nth,
    struct mete_rig_function *ret_function);

/*
 * Configuration space: `width` is 1, 2 or 4, `offset` a multiple of it below 256; else METE_EINVAL.  METE_EIO,
 * METE_ETIMEDOUT.
 */
int mete_rig_config_read(const struct mete_rig_function *function, unsigned offset, unsigned width,
    uint32_t *ret_value);
int mete_rig_config_write(const struct mete_rig_function *function, unsigned offset, unsigned width, uint32_t value);

/*
 * Registers, by BAR and byte offset, in the device's (little-endian) order: `width` is 1, 2, 4 or 8, `offset` a
 * multiple of it inside the BAR; else METE_EINVAL.  METE_EIO, METE_ETIMEDOUT.  A write is a full barrier: the device
 * sees all memory written before.
 */
int mete_rig_read(const struct mete_rig_function *function, unsigned bar, uint64_t offset, unsigned width,
    uint64_t *ret_value);
int mete_rig_write(const struct mete_rig_function *function, unsigned bar, uint64_t offset, unsigned width,
    uint64_t value);

/* The same, but no barrier: the device may act before it sees memory that was written earlier. */
int mete_rig_write_relaxed(const struct mete_rig_function *function, unsigned bar, uint64_t offset, unsigned width,
    uint64_t value);

/*
 * The registers behind a BAR as a shim wants them, relaxed writes included; good until the rig stops, whatever becomes of
 * `function`.  METE_EINVAL if there is no such BAR.
 */
int mete_rig_registers(const struct mete_rig_function *function, unsigned bar, struct mete_registers *ret_registers);

/*
 * Have `watch` told of each access to a register, whoever makes it: in the thread of the access, after it.  NULL: nobody.
 * It may not call the rig.
 */
void mete_rig_watch(struct mete_rig *rig, void (*watch)(void *ctx, const struct mete_rig_cycle *cycle), void *ctx);

/*
 * Enable interrupts: MSI-X `vector` where the function has it, else MSI, else its INTx line (then `vector` is 0).
 * What it raised on `vector` before is forgotten.  METE_EINVAL for a vector it does not have, METE_ENOTSUP if it has
 * none of the three, METE_EIO, METE_ETIMEDOUT.
 */
int mete_rig_irq_enable(struct mete_rig_function *function, unsigned vector);

/* How it interrupts since mete_rig_irq_enable(): "MSI-X", "MSI", "INTx"; "none" before. */
const char *mete_rig_irq_kind(const struct mete_rig_function *function);

/*
 * Wait until the function has interrupted on `vector` since the last call that reported it; several may fall together.
 * A line (INTx) is a level: the call reports it for as long as the driver leaves it raised.
 *
 * METE_ETIMEDOUT after `timeout_ms`, or at once where nothing more can happen; METE_EINVAL if not enabled; METE_EIO if the
 * machine is gone.  On the sim these are milliseconds of the machine's own clock, which the call moves on.
 */
int mete_rig_irq_wait(struct mete_rig_function *function, unsigned vector, unsigned timeout_ms);

/*
 * Put `function` behind the machine's IOMMU: QEMU's VT-d, options "-device", "intel-iommu".  From now on it reaches
 * nothing but its interrupts' words and what is mapped.  Stores what mete_domain_init() wants for that: 4 KiB pages,
 * addresses from 1 MiB to 256 MiB - 1, strict.  The caller may change `deferred`, and `first` and `last`: from 1 MiB to
 * 0xfedfffff, or from 4 GiB to 2^39 - 1.  The rest belongs to the rig and to interrupts.
 *
 * Each function has a table of its own; once one has, the others reach nothing until they are started as well.  Fault
 * records are the unit's: they are of any function, as `source` tells.  QEMU keeps one record, and none of further
 * faults until it is taken.
 *
 * Tables are memory of the rig's provider that does not count as held: one page for each 2 MiB of addresses that were
 * ever in use, and one for each GiB.  They are given back with the rig, and so is the IOMMU itself.
 *
 * METE_ENODEV if the machine has none; METE_ENOTSUP if it never has: the sim, virt; METE_EBUSY if the function is
 * started already; METE_ENOMEM, and another call may succeed; METE_EIO, METE_ETIMEDOUT; METE_EINVAL.
 */
int mete_rig_vtd_start(const struct mete_rig_function *function, struct mete_domain_config *ret_config);

/*
 * The same for the SMMUv3 of METE_RIG_VIRT: options "-machine", "iommu=smmuv3".  It differs from VT-d in this:
 *
 * - `first` and `last` may be changed to anything from 1 MiB to 0x3fffffff, or from 0x40100000 to 2^39 - 1.
 * - It has no page that can be written and not be read: what is mapped for METE_DEVICE_WRITES alone can be read too.
 * - Fault records name the address itself, and there is one for each bus cycle: QEMU's cycles are of 4 bytes there.  Up
 *   to 128 wait to be taken; further ones are lost.  A function that is not started leaves records with `iova` 0 and
 *   METE_DEVICE_READS_WRITES: the unit does not say what it tried.
 * - A flush of up to 255 pages concerns just these; one of more, all of the domain.
 *
 * METE_ENOTSUP is for the sim and for q35.
 */
int mete_rig_smmu_start(const struct mete_rig_function *function, struct mete_domain_config *ret_config);

#ifdef __cplusplus
}
#endif
#endif
