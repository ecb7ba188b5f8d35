/* SPDX-License-Identifier: ISC */
/*
 * What the two rigs share, and the few operations in which they differ.
 *
 * A rig embeds `struct mete_rig` as its first member, fills in `ops` and calls mete__rig_init().  Everything about PCI
 * is written once, over configuration cycles and memory cycles: rig_pci.c, rig_irq.c.
 *
 * The machine's RAM, from its first address on:
 *
 *   [ 64 KiB unused ][ message words: 32 functions x 8 KiB ][ unused ... 1 MiB ][ arena ................ ]
 *
 * Below 640 KiB a PC has plain RAM; above lie the holes of old graphics cards and firmware.  Where virt would have its
 * kernel, QEMU puts a description of the machine when it starts.
 */
#ifndef RIG_OPS_H
#define RIG_OPS_H

#include <stdarg.h>
#include <mete/arena.h>
#include <mete/rig.h>

#define RIG_MIB (1024u * 1024u)
#define RIG_RAM_DEFAULT (64u * RIG_MIB)
#define RIG_RAM_MIN (2u * RIG_MIB) /* one for the rig, one for the arena */
#define RIG_RAM_MAX (2048ull * RIG_MIB) /* QEMU's q35 moves what is beyond to 4 GiB; virt has room for 3 GiB below */

#define RIG_DISK_MDTS 7       /* QEMU's own default */
#define RIG_DISK_MDTS_MAX 13  /* 32 MiB: 65536 blocks, the most one Read command can ask for */
#define RIG_DISK_BLOCK 512

#define RIG_KNOWN 32          /* most functions that a rig sets up */
#define RIG_VECTORS 2048      /* most MSI-X vectors that PCI allows */
#define RIG_WORDS 0x10000u    /* from RAM's start */
#define RIG_WORDS_LEN (RIG_VECTORS * 4u) /* of one function, in bytes */

enum rig_irq { RIG_IRQ_NONE, RIG_IRQ_MSIX, RIG_IRQ_MSI, RIG_IRQ_INTX };

struct rig_bar {
	struct mete_rig *rig;
	uint64_t base, len;                    /* base 0: there is none */
};

/* A function that was found once. */
struct mete_rig_known {
	struct mete_rig *rig;
	unsigned devfn;                        /* slot << 3 | function number; the bus is 0 */
	struct rig_bar bar[6];
	enum rig_irq irq;
	uint32_t nvectors;
	uint8_t enabled[RIG_VECTORS / 8];      /* one bit a vector */
};

/* Where a machine has what differs from others. */
struct rig_place {
	uint64_t ram;                          /* RAM's first address */
	uint64_t bars_first, bars_last;        /* for BARs */
	uint64_t vtd, smmu;                    /* an IOMMU's registers, if there is one; 0: there never is */
};

/* Accesses may fail with METE_EIO or METE_ETIMEDOUT; their width, offset and alignment were checked before. */
struct rig_ops {
	const char *kind;
	int (*config_read)(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t *ret_value);
	int (*config_write)(struct mete_rig *rig, unsigned devfn, unsigned offset, unsigned width, uint32_t value);
	int (*read)(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t *ret_value);
	int (*write)(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t value);

	/*
	 * Let the machine run for up to `us` microseconds.  METE_EIO if it is gone, METE_ETIMEDOUT if nothing more
	 * can happen however long one waits.
	 */
	int (*pause)(struct mete_rig *rig, unsigned us);

	/*
	 * A machine with a clock of its own has these instead.  advance() lets the next thing happen, if that is by
	 * `until_us`; METE_ETIMEDOUT if it is not, or nothing will.
	 */
	int64_t (*now_us)(struct mete_rig *rig);
	int (*advance)(struct mete_rig *rig, int64_t until_us);

	int (*write_relaxed)(struct mete_rig *rig, uint64_t bus, unsigned width, uint64_t value); /* NULL: as write */
	const char *(*last_words)(struct mete_rig *rig);
	long (*process)(const struct mete_rig *rig);
	/* Stop the machine and free what the rig added; the rest of the rig is gone already, `rig` itself is not. */
	void (*stop)(struct mete_rig *rig);
};

/* A record of the arena's, linked so that all can be freed whatever the caller left behind. */
struct rig_record;

/* The machine's IOMMU; one of those records. */
struct rig_iommu;

struct mete_rig {
	const struct rig_ops *ops;
	const struct rig_place *place;
	unsigned char *ram;            /* CPU view of RAM's first address */
	unsigned char *ram_twin;       /* the same memory by another mapping, for devices in this process */
	size_t ram_len;
	void *ram_map;                 /* what was mapped: more than RAM, to align it */
	size_t ram_map_len;
	struct mete_arena arena;
	struct mete_provider *provider; /* the arena's, or one around it */
	struct rig_record *records;
	struct rig_iommu *iommu;       /* NULL: not asked for yet */
	void (*watch)(void *ctx, const struct mete_rig_cycle *cycle);
	void *watch_ctx;
	uint64_t next_bar;
	size_t nknown;
	struct mete_rig_known known[RIG_KNOWN];
};

/* The CPU's view of a physical address that is known to be in RAM. */
static inline unsigned char *rig_at(const struct mete_rig *rig, uint64_t phys)
{
	return rig->ram + (phys - rig->place->ram);
}

/*
 * Map `len` bytes of shared memory as the machine's RAM, zeroed.  Stores the file that holds it, close-on-exec, which
 * the caller closes.  METE_EINVAL for a length out of range (0 is the default), METE_ENOMEM.
 */
int mete__rig_ram(struct mete_rig *rig, size_t len, int *ret_fd);

/* Map it a second time, for devices in this process: they reach it when the program is kept from it.  METE_ENOMEM. */
int mete__rig_twin(struct mete_rig *rig, int fd);

/* Start the arena over that RAM, whole and coherent; or over `spans` of it.  METE_ENOMEM. */
int mete__rig_init(struct mete_rig *rig);
int mete__rig_arena(struct mete_rig *rig, const struct mete_span *spans, size_t nspans);

/* Free what the two calls above made.  Any rig, also one that was only zeroed. */
void mete__rig_fini(struct mete_rig *rig);

/* Open a disk file for reading, close-on-exec.  METE_EIO with a reason in `text` if it is not a readable file. */
int mete__rig_disk(const char *path, int *ret_fd, uint64_t *ret_len, char *text, size_t text_len);

/* Write a message for people, if there is room for one. */
void mete__rig_say(char *text, size_t text_len, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
