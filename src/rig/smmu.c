/* SPDX-License-Identifier: ISC */
#define _DEFAULT_SOURCE
/*
 * SMMUv3: Arm's IOMMU, as QEMU's virt machine has it, between its functions and its RAM.
 *
 * Registers, tables and queues are those of Arm's System MMU Architecture Specification, version 3.  A stream is one
 * function: its number is bus << 8 | devfn, and a linear table of 256 entries is all of bus 0.  Each leads to the
 * function's context, and that to a page table of its own (see rig_iommu.c), in the format of AArch64's first stage
 * with 4 KiB pages:
 *
 *   streams[devfn] -> contexts[number] -> top -> middle -> leaf -> page
 *
 * Software speaks to the unit through a ring of commands, and the unit to software through a ring of events; nothing
 * but their ends are registers.  An end counts to twice the ring's size, so that full and empty look different.  Both
 * are polled.  Every batch of commands is waited for, so the ring is empty before the next.  What the events say is
 * only reported; our own ends are kept here.
 *
 * This format knows no page that may be written and not be read.
 */
#include "rig_iommu.h"

#include <endian.h>
#include <string.h>

#define SMMU_IDR0 0x00
#define SMMU_IDR0_STAGE1 (1u << 1)
#define SMMU_IDR0_AARCH64 (1u << 3)
#define SMMU_IDR1 0x04
#define SMMU_IDR5 0x14
#define SMMU_IDR5_4_KIB (1u << 4)
#define SMMU_CR0 0x20
#define SMMU_CR0_ON (1u << 0)
#define SMMU_CR0_EVENTS (1u << 2)
#define SMMU_CR0_COMMANDS (1u << 3)
#define SMMU_CR0_ACK 0x24
#define SMMU_STREAMS 0x80
#define SMMU_STREAMS_FORM 0x88            /* linear, if but the low bits are used */
#define SMMU_COMMANDS 0x90
#define SMMU_COMMANDS_PROD 0x98
#define SMMU_COMMANDS_CONS 0x9c
#define SMMU_EVENTS 0xa0
#define SMMU_EVENTS_PROD 0x100a8
#define SMMU_EVENTS_CONS 0x100ac
#define SMMU_EVENTS_LOST (1u << 31)       /* in both ends; told apart: some were lost */

#define SMMU_STREAM_BITS 8                /* all of bus 0 */
#define SMMU_STREAM_WORDS 8u
#define SMMU_STREAMS_LEN (SMMU_STREAM_WORDS * 8 << SMMU_STREAM_BITS)
#define SMMU_STREAM_STAGE1 (5u << 1 | 1u) /* translate with the first stage alone; valid */

#define SMMU_CONTEXT_WORDS 8u             /* 32 contexts of 64 bytes are half a page */
#define SMMU_CONTEXT ((64u - 39) |        /* 39 bits of address, 4 KiB, one table: the other is off */ \
	1u << 30 | 1u << 31 |             /* ... and valid */ \
	2ull << 32 |                      /* 40 bits of physical address */ \
	1ull << 41 | 1ull << 45 |         /* AArch64; faults are recorded, */ \
	1ull << 46 | 1ull << 47)          /* and end the access; its number is its own */
#define SMMU_CONTEXT_NUMBER 48            /* shift */
#define SMMU_CONTEXT_MEMORY 0xff          /* what pages name as kind 0: ordinary, cached */

#define SMMU_TABLE 0x3u
#define SMMU_PAGE (0x3u | 1u << 10 | 1u << 6) /* a page, of kind 0, in use, also for the unprivileged */
#define SMMU_PAGE_READ_ONLY (1u << 7)

#define SMMU_COMMAND_LEN 16u
#define SMMU_NCOMMANDS_LOG 8              /* a page */
#define SMMU_NCOMMANDS (1u << SMMU_NCOMMANDS_LOG)
#define SMMU_CONFIG_FORGET 0x03u          /* one stream's */
#define SMMU_CONFIG_FORGET_ALL 0x04u
#define SMMU_FORGET_NUMBER 0x11u
#define SMMU_FORGET_PAGE 0x12u
#define SMMU_FORGET_ALL 0x30u
#define SMMU_SYNC 0x46u
#define SMMU_NUMBER 48                    /* shift */
#define SMMU_STREAM 32                    /* shift */
#define SMMU_LEAF 0x1u                    /* no table but the last has changed */
#define SMMU_CONFIG_FORGET_ALL_RANGE 31u

#define SMMU_EVENT_LEN 32u
#define SMMU_NEVENTS_LOG 7                /* a page */
#define SMMU_NEVENTS (1u << SMMU_NEVENTS_LOG)
#define SMMU_EVENT_READ (1ull << 35)      /* of the second word */
#define SMMU_EVENT_WALK 0x0b              /* these, and no others, name an address: the walk met no memory, ... */
#define SMMU_EVENT_TRANSLATION 0x10       /* ... nothing is mapped, ... */
#define SMMU_EVENT_PERMISSION 0x13        /* ... or not for this; and two between */

struct rig_smmu {
	struct rig_iommu iommu; /* first: the two are cast into each other */
	mete_paddr streams, contexts, commands, events;
	uint32_t prod;          /* our end of the commands */
	uint32_t cons;          /* our end of the events */
	bool on;
};

static struct rig_smmu *smmu_of(struct rig_iommu *iommu)
{
	return (struct rig_smmu *)(void *)iommu;
}

/* Append a command: at most SMMU_NCOMMANDS - 1 of them before smmu_run(). */
static void smmu_command(struct rig_smmu *smmu, uint64_t low, uint64_t high)
{
	const unsigned at = 2 * (smmu->prod & (SMMU_NCOMMANDS - 1));

	mete__rig_iommu_enter(&smmu->iommu, smmu->commands, at, low);
	mete__rig_iommu_enter(&smmu->iommu, smmu->commands, at + 1, high);
	smmu->prod = (smmu->prod + 1) & (2 * SMMU_NCOMMANDS - 1);
}

/* Have the commands carried out.  METE_EIO if the unit stops at one of them. */
static int smmu_run(struct rig_smmu *smmu)
{
	smmu_command(smmu, SMMU_SYNC, 0);
	int error = mete__rig_iommu_write(&smmu->iommu, SMMU_COMMANDS_PROD, 4, smmu->prod);
	if (!error)
		error = mete__rig_iommu_wait(&smmu->iommu, SMMU_COMMANDS_CONS, 4, 2 * SMMU_NCOMMANDS - 1, smmu->prod);
	smmu->iommu.deaf = smmu->iommu.deaf || error;
	return error;
}

/* A command for each page, so that nothing more is forgotten; for more pages than that, all of the domain. */
static void smmu_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct rig_domain *d = ctx;
	struct rig_smmu *smmu = smmu_of(d->iommu);
	const uint64_t number = (uint64_t)d->number << SMMU_NUMBER, first = iova / RIG_IOMMU_PAGE;
	const uint64_t npages = len ? ((uint64_t)iova + (len - 1)) / RIG_IOMMU_PAGE - first + 1 : 0;

	if (d->iommu->deaf) /* asking once more would only take time */
		return;
	if (!npages || npages > SMMU_NCOMMANDS - 1)
		smmu_command(smmu, SMMU_FORGET_NUMBER | number, 0);
	for (uint64_t page = 0; npages < SMMU_NCOMMANDS && page < npages; page++)
		smmu_command(smmu, SMMU_FORGET_PAGE | number, (first + page) * RIG_IOMMU_PAGE | SMMU_LEAF);
	(void)smmu_run(smmu); /* whoever maps next is told */
}

static int smmu_fault(void *ctx, struct mete_iommu_fault *ret_fault)
{
	const struct rig_domain *d = ctx;
	struct rig_smmu *smmu = smmu_of(d->iommu);
	uint64_t prod, event[SMMU_EVENT_LEN / 8];

	int error = mete__rig_iommu_read(d->iommu, SMMU_EVENTS_PROD, 4, &prod);
	if (error)
		return error;
	if ((prod & (2 * SMMU_NEVENTS - 1)) == smmu->cons)
		return METE_ENODEV;
	memcpy(event, rig_at(d->iommu->rig, smmu->events + (smmu->cons & (SMMU_NEVENTS - 1)) * SMMU_EVENT_LEN),
	    sizeof(event));
	uint32_t cons = (smmu->cons + 1) & (2 * SMMU_NEVENTS - 1);
	/* Also acknowledge that some were lost, if so. */
	if ((error = mete__rig_iommu_write(d->iommu, SMMU_EVENTS_CONS, 4, cons | (prod & SMMU_EVENTS_LOST))))
		return error;
	smmu->cons = cons;

	uint32_t type = le64toh(event[0]) & 0xff;
	bool address = type == SMMU_EVENT_WALK || (type >= SMMU_EVENT_TRANSLATION && type <= SMMU_EVENT_PERMISSION);
	bool reads = le64toh(event[1]) & SMMU_EVENT_READ;
	*ret_fault = (struct mete_iommu_fault){
		.iova = address ? (mete_baddr)le64toh(event[2]) : 0,
		.access = !address ? METE_DEVICE_READS_WRITES : reads ? METE_DEVICE_READS : METE_DEVICE_WRITES,
		.source = (uint32_t)(le64toh(event[0]) >> 32),
		.reason = type,
	};
	return 0;
}

static int smmu_probe(struct rig_iommu *iommu)
{
	const uint32_t need = SMMU_IDR0_STAGE1 | SMMU_IDR0_AARCH64;
	uint64_t idr0, idr1, idr5;

	int error = mete__rig_iommu_read(iommu, SMMU_IDR0, 4, &idr0);
	if (!error)
		error = mete__rig_iommu_read(iommu, SMMU_IDR1, 4, &idr1);
	if (!error)
		error = mete__rig_iommu_read(iommu, SMMU_IDR5, 4, &idr5);
	if (error)
		return error;
	/* Where nothing answers, all bits are alike. */
	bool fits = idr0 != 0xffffffffu && (idr0 & need) == need && (idr5 & SMMU_IDR5_4_KIB) &&
	    (idr1 & 0x3f) >= SMMU_STREAM_BITS && (idr1 >> 16 & 0x1f) >= SMMU_NEVENTS_LOG &&
	    (idr1 >> 21 & 0x1f) >= SMMU_NCOMMANDS_LOG;
	return fits ? 0 : METE_ENODEV;
}

static int smmu_switch(const struct rig_smmu *smmu, uint32_t on)
{
	const uint32_t all = SMMU_CR0_ON | SMMU_CR0_EVENTS | SMMU_CR0_COMMANDS;

	int error = mete__rig_iommu_write(&smmu->iommu, SMMU_CR0, 4, on);
	return error ? error : mete__rig_iommu_wait(&smmu->iommu, SMMU_CR0_ACK, 4, all, on);
}

/* Show the unit its tables and rings; both are empty. */
static int smmu_set_up(struct rig_smmu *smmu)
{
	const struct {
		unsigned offset, width;
		uint64_t value;
	} set[] = {
		{ SMMU_STREAMS, 8, smmu->streams },
		{ SMMU_STREAMS_FORM, 4, SMMU_STREAM_BITS },
		{ SMMU_COMMANDS, 8, (uint64_t)smmu->commands | SMMU_NCOMMANDS_LOG },
		{ SMMU_COMMANDS_PROD, 4, 0 },
		{ SMMU_COMMANDS_CONS, 4, 0 },
		{ SMMU_EVENTS, 8, (uint64_t)smmu->events | SMMU_NEVENTS_LOG },
		{ SMMU_EVENTS_PROD, 4, 0 },
		{ SMMU_EVENTS_CONS, 4, 0 },
	};

	int error = 0;
	for (size_t i = 0; !error && i < sizeof(set) / sizeof(*set); i++)
		error = mete__rig_iommu_write(&smmu->iommu, set[i].offset, set[i].width, set[i].value);
	smmu->prod = smmu->cons = 0;
	return error;
}

/* Translate from now on. */
static int smmu_go(struct rig_smmu *smmu)
{
	int error = smmu_set_up(smmu);
	if (!error)
		error = smmu_switch(smmu, SMMU_CR0_EVENTS | SMMU_CR0_COMMANDS);
	if (error)
		return error;
	smmu_command(smmu, SMMU_CONFIG_FORGET_ALL, SMMU_CONFIG_FORGET_ALL_RANGE);
	smmu_command(smmu, SMMU_FORGET_ALL, 0);
	error = smmu_run(smmu);
	if (!error)
		error = smmu_switch(smmu, SMMU_CR0_EVENTS | SMMU_CR0_COMMANDS | SMMU_CR0_ON);
	smmu->on = !error;
	return error;
}

static int smmu_attach(struct rig_domain *d)
{
	struct rig_smmu *smmu = smmu_of(d->iommu);
	const unsigned stream = d->devfn & 0xff, context = (d->number - 1) * SMMU_CONTEXT_WORDS;

	int error = mete__rig_iommu_take(d->iommu, SMMU_STREAMS_LEN, &smmu->streams);
	if (!error)
		error = mete__rig_iommu_take(d->iommu, RIG_IOMMU_PAGE, &smmu->contexts);
	if (!error)
		error = mete__rig_iommu_take(d->iommu, RIG_IOMMU_PAGE, &smmu->commands);
	if (!error)
		error = mete__rig_iommu_take(d->iommu, RIG_IOMMU_PAGE, &smmu->events);
	if (error)
		return error;

	/* What has the mark comes last, and the way to it after that. */
	mete__rig_iommu_enter(d->iommu, smmu->contexts, context + 1, mete__rig_iommu_top(d));
	mete__rig_iommu_enter(d->iommu, smmu->contexts, context + 3, SMMU_CONTEXT_MEMORY);
	mete__rig_iommu_enter(d->iommu, smmu->contexts, context,
	    SMMU_CONTEXT | (uint64_t)d->number << SMMU_CONTEXT_NUMBER);
	mete__rig_iommu_enter(d->iommu, smmu->streams, stream * SMMU_STREAM_WORDS,
	    ((uint64_t)smmu->contexts + context * 8) | SMMU_STREAM_STAGE1);
	if (!smmu->on)
		return smmu_go(smmu);
	smmu_command(smmu, SMMU_CONFIG_FORGET | (uint64_t)stream << SMMU_STREAM, SMMU_LEAF);
	return smmu_run(smmu);
}

static const struct rig_iommu_model smmu_model = {
	.unit_len = sizeof(struct rig_smmu),
	.ops = {
		.map = mete__rig_iommu_map,
		.unmap = mete__rig_iommu_unmap,
		.flush = smmu_flush,
		.lookup = mete__rig_iommu_lookup,
		.fault = smmu_fault,
	},
	.below = SMMU_TABLE,
	.page = {
		[METE_DEVICE_READS] = SMMU_PAGE | SMMU_PAGE_READ_ONLY,
		[METE_DEVICE_WRITES] = SMMU_PAGE,
		[METE_DEVICE_READS_WRITES] = SMMU_PAGE,
	},
	.probe = smmu_probe,
	.attach = smmu_attach,
};

int mete_rig_smmu_start(const struct mete_rig_function *function, struct mete_domain_config *ret_config)
{
	if (!function || !function->known || !ret_config)
		return METE_EINVAL;
	return mete__rig_iommu_start(&smmu_model, function->rig->place->smmu, function, ret_config);
}
