/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * The corpus's harness: one program, on every machine, with many seeds.
 *
 *   corpus_NAME [-v] [-m MACHINE] [-s SEED] [-n SEEDS]
 *
 * Without -m, on all machines; from SEED on, or else $METE_SEED, or the clock; so many seeds, or else $METE_CORPUS_SEEDS, or 3.
 * What the verifier reports is printed, a line of JSON each, after the machine and the seed; -v adds the text.  Exits with 0:
 * silent, and the data are right; 1: something was reported; 2: nothing was, and the program failed; 3: the machine could not
 * be made.
 *
 * Machines differ in what lies between device and memory; where they can, they take the rest from the seed.
 */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <mete/sim_devices.h>

#define RAM (8u << 20)
#define WAIT_MS 10000u

struct kind {
	const char *name;
	enum mete_sim_time time;
	bool any_time;             /* from the seed */
	uint64_t phys;             /* where RAM is; 0: at 1 MiB */
	bool offset;               /* buses show it elsewhere */
	unsigned lines;            /* of the device; 0: enough */
	bool bounce, always;       /* stand-ins, for what needs them or for everything ... */
	size_t area;               /* ... in so many bytes; 0: enough */
	unsigned cache;            /* bytes of a line */
	bool through, pressure;
	size_t iommu;              /* bytes of its page */
	bool deferred;
	bool closed;               /* to the CPU is what the device owns: by the address sanitizer, or by pages */
	bool late;                 /* stores */
	unsigned lack;             /* which allocation fails, from 1 on; 0: none */
	bool records;              /* ... of records */
};

#define HALF (0x10000000u - (RAM - (1u << 20)) / 2) /* so that edu's 28 lines reach half of RAM */

/* A cache needs stand-ins for what shares a line. */
static const struct kind kinds[] = {
	{ .name = "direct" },
	{ .name = "closed", .closed = true, .any_time = true },
	{ .name = "closedb", .closed = true, .bounce = true, .always = true, .any_time = true },
	{ .name = "offset", .offset = true, .any_time = true },
	{ .name = "high", .phys = 0x140000000, .offset = true, .time = METE_SIM_STEP },
	{ .name = "narrow", .phys = HALF & ~0xffffu, .lines = 28, .bounce = true, .any_time = true },
	{ .name = "bounce", .bounce = true, .always = true, .any_time = true },
	{ .name = "tight1", .bounce = true, .always = true, .area = 2048, .time = METE_SIM_STEP },
	{ .name = "tight3", .bounce = true, .always = true, .area = 6144, .time = METE_SIM_STEP },
	{ .name = "tight6", .bounce = true, .always = true, .area = 12288, .any_time = true },
	{ .name = "tight17", .bounce = true, .always = true, .area = 34816, .time = METE_SIM_STEP },
	{ .name = "cache16", .bounce = true, .cache = 16, .pressure = true, .any_time = true },
	{ .name = "cache64", .bounce = true, .cache = 64, .any_time = true },
	{ .name = "cache64p", .cache = 64, .pressure = true, .bounce = true, .any_time = true },
	{ .name = "cache256", .cache = 256, .pressure = true, .bounce = true, .time = METE_SIM_AUTO },
	{ .name = "through", .bounce = true, .cache = 64, .through = true, .pressure = true, .offset = true, .any_time = true },
	{ .name = "iommu", .iommu = 4096, .any_time = true },
	{ .name = "deferred", .iommu = 4096, .deferred = true, .any_time = true },
	{ .name = "iommu64k", .iommu = 65536, .cache = 64, .pressure = true, .bounce = true, .any_time = true },
	{ .name = "late", .bounce = true, .cache = 64, .late = true, .time = METE_SIM_AUTO },
	{ .name = "lack1", .lack = 1, .any_time = true },
	{ .name = "lack2", .lack = 2, .any_time = true },
	{ .name = "lack3", .lack = 3, .any_time = true },
	{ .name = "lack4", .lack = 4, .any_time = true },
	{ .name = "lack5", .lack = 5, .any_time = true },
	{ .name = "lack6", .lack = 6, .any_time = true },
	{ .name = "lack7", .lack = 7, .any_time = true },
	{ .name = "record1", .lack = 1, .records = true, .any_time = true },
	{ .name = "record2", .lack = 2, .records = true, .any_time = true },
	{ .name = "record3", .lack = 3, .records = true, .any_time = true },
	{ .name = "record4", .lack = 4, .records = true, .any_time = true },
	{ .name = "record5", .lack = 5, .records = true, .any_time = true },
	{ .name = "record6", .lack = 6, .records = true, .any_time = true },
	{ .name = "record7", .lack = 7, .records = true, .any_time = true },
	{ .name = "record8", .lack = 8, .records = true, .any_time = true },
	{ .name = "lack8", .lack = 8, .any_time = true },
};

static struct machine machine;
static uint64_t random_state;
static const char *kind_name;
static uint64_t run_seed;
static unsigned long nreports;
static bool verbose;

static struct { void *cpu; size_t len; } buffers[256];

uint32_t corpus_random(uint32_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % below;
}

void corpus_fill(void *to, size_t len, uint32_t seed)
{
	unsigned char *p = to;
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (unsigned char)(x >> 24);
	}
}

bool corpus_same(const void *from, size_t len, uint32_t seed)
{
	const unsigned char *p = from;
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		if (p[i] != (unsigned char)(x >> 24))
			return false;
	}
	return true;
}

int corpus_wait(unsigned vector)
{
	return -mete_rig_irq_wait(&machine.pci, vector, WAIT_MS);
}

void corpus_barrier(void)
{
	(void)mete_sim_barrier(machine.rig);
}

/* Runs of the provider itself: whole frames, and no allocation of any driver's. */
void *corpus_buffer(size_t len)
{
	struct mete_provider *provider = mete_rig_provider(machine.rig);
	const size_t frames = (len + provider->frame - 1) / provider->frame * provider->frame;
	const struct mete_want want = { .len = frames, .last = METE_PADDR_MAX, .align = (mete_paddr)provider->frame,
		.memory = METE_MEMORY_CACHED };
	struct mete_run run;

	for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
		if (buffers[i].cpu)
			continue;
		if (provider->ops->take(provider->ctx, &want, &run))
			return NULL;
		buffers[i].cpu = run.cpu;
		buffers[i].len = frames;
		return run.cpu;
	}
	return NULL;
}

void corpus_buffer_free(void *cpu)
{
	struct mete_provider *provider = mete_rig_provider(machine.rig);

	for (size_t i = 0; cpu && i < sizeof buffers / sizeof buffers[0]; i++) {
		struct mete_run run = { .cpu = cpu, .len = buffers[i].len };
		size_t len;
		if (buffers[i].cpu != cpu || provider->ops->translate(provider->ctx, cpu, run.len, &run.phys, &len))
			continue;
		provider->ops->give(provider->ctx, &run);
		buffers[i].cpu = NULL;
		return;
	}
}

static void tell(void *ctx, const struct mete_check_report *report)
{
	(void)ctx;
	nreports++;
	printf("%s 0x%llx %s\n", kind_name, (unsigned long long)run_seed, report->json);
	if (verbose)
		fprintf(stderr, "on %s:\n%s", kind_name, report->text);
}

static int machine_rig(const struct kind *kind, uint64_t seed)
{
	static const enum mete_sim_model models[] = { METE_SIM_COPY, METE_SIM_NIC, METE_SIM_EDU };
	static const uint16_t products[] = { METE_SIM_COPY_DEVICE, METE_SIM_NIC_DEVICE, 0x11e8 };
	const struct mete_sim_device device = { .model = models[corpus_device], .lines = kind->lines ? kind->lines : 64 };
	const uint32_t ppm = kind->pressure ? 20000 : 0;
	char rule[64], text[256];

	snprintf(rule, sizeof rule, "%s fail skip=%u count=1", kind->records ? "record" : "alloc", kind->lack - 1);
	const struct mete_sim_config more = {
		.seed = seed, .time = kind->any_time ? (enum mete_sim_time)(seed % 3) : kind->time, .ram_phys = kind->phys,
		.offset = kind->offset, .late_stores = kind->late,
		.cache = { .line = kind->cache, .through = kind->through, .evict_ppm = ppm, .refill_ppm = ppm },
		.iommu_page = kind->iommu, .iommu_deferred = kind->deferred, .devices = &device, .ndevices = 1,
		.rules = kind->lack ? rule : NULL,
	};
	int error = mete_rig_start_sim(&(struct mete_rig_sim){ .ram = RAM, .more = &more }, &machine.rig, text, sizeof text);
	if (error)
		fprintf(stderr, "%s\n", text);
	if (!error)
		error = mete_rig_find(machine.rig, METE_SIM_VENDOR, products[corpus_device], 0, &machine.pci);
	if (!error)
		error = mete_rig_registers(&machine.pci, 0, &machine.registers);
	if (!error)
		error = mete_rig_irq_enable(&machine.pci, 0);
	if (!error && corpus_device == CORPUS_NIC)
		error = mete_rig_irq_enable(&machine.pci, 1);
	return error;
}

static int machine_device(const struct kind *kind)
{
	struct mete_domain_config domain;
	struct mete_sim_bus bus;

	int error = mete_sim_bus_get(&machine.pci, &bus);
	if (error)
		return error;
	const struct mete_constraint reach = { .last = kind->lines ? ((mete_baddr)1 << kind->lines) - 1 : 0 };
	const struct mete_device_config core = {
		.name = corpus_device == CORPUS_COPY ? "copy0" : corpus_device == CORPUS_NIC ? "nic0" : "edu0",
		.provider = mete_rig_provider(machine.rig), .ranges = bus.range, .nranges = bus.nranges,
		.noncoherent = kind->cache != 0, .line = kind->cache, .coherent = &reach, .streaming = &reach,
	};
	error = mete_device_init(&machine.core, &core);
	if (!error && kind->iommu) {
		error = mete_rig_sim_iommu_start(&machine.pci, &domain);
		if (!error)
			error = mete_domain_init(&machine.domain, mete_rig_provider(machine.rig), &domain);
		if (!error)
			error = mete_domain_attach(&machine.domain, &machine.core);
	}
	if (!error && kind->bounce) {
		/* Slots of a page keep the offset in it, which costs nothing. */
		const struct mete_bounce_config bounce = { .always = kind->always, .len = kind->area ? kind->area :
		    kind->iommu > 4096 ? 2u << 20 : 256u << 10, .grain = kind->iommu > 4096 ? kind->iommu : 0 };
		error = mete_bounce_init(&machine.bounce, &machine.core, &bounce);
	}
	return error;
}

static void machine_end(const struct kind *kind)
{
	for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++)
		corpus_buffer_free(buffers[i].cpu);
	if (machine.bounce.device)
		(void)mete_bounce_fini(&machine.bounce);
	if (kind->iommu && machine.core.domain) {
		(void)mete_domain_attach(NULL, &machine.core);
		(void)mete_domain_fini(&machine.domain);
	}
	(void)mete_device_fini(&machine.core);
	(void)mete_rig_stop(machine.rig);
}

/* One run: 0, 1, 2 or 3 as above. */
static int run(const struct kind *kind, uint64_t seed)
{
	const struct mete_check_config config = { .report = tell, .policy = "",
		.shadow = kind->closed ? METE_SHADOW_AUTO : METE_SHADOW_USUAL };

	memset(&machine, 0, sizeof machine);
	memset(buffers, 0, sizeof buffers);
	random_state = seed * 0x9e3779b97f4a7c15u;
	kind_name = kind->name;
	run_seed = seed;
	nreports = 0;
	int error = machine_rig(kind, seed);
	if (!error)
		error = mete_check_create(mete_rig_provider(machine.rig), &config, &machine.check);
	if (!error)
		error = machine_device(kind);
	if (!error)
		error = mete_sim_check_start(machine.check, machine.rig, &machine.watch);
	if (!error)
		error = mete_sim_check_add(machine.watch, &machine.pci, &machine.core);
	if (error && !(kind->lack && error == METE_ENOMEM)) {
		fprintf(stderr, "%s: no machine: %d\n", kind->name, error);
		return 3;
	}
	int failed = error ? 0 : system_run(&machine);
	/* What is not stopped goes on. */
	(void)mete_sim_run(machine.rig, 1000);
	/* EINVAL: no stand-in could be so long. */
	if ((failed == ENOMEM && (kind->lack || kind->area)) || (failed == EINVAL && kind->area))
		failed = 0;
	if (failed)
		fprintf(stderr, "%s 0x%llx: the program failed: %s\n", kind->name, (unsigned long long)seed, strerror(failed));
	(void)mete_check_leaks(machine.check, NULL);
	mete_sim_check_stop(machine.watch);
	(void)mete_check_destroy(machine.check);
	machine_end(kind);
	return nreports ? 1 : failed ? 2 : 0;
}

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	uint64_t first = number_from("METE_SEED", (uint64_t)time(NULL) * 1000), n = number_from("METE_CORPUS_SEEDS", 3);
	const char *only = NULL;
	int option, worst = 0;

	setvbuf(stdout, NULL, _IOLBF, 0); /* a run may end in a crash */
	while ((option = getopt(argc, argv, "vm:s:n:")) != -1) {
		if (option == 'm')
			only = optarg;
		else if (option == 's')
			first = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			n = strtoull(optarg, NULL, 0);
		else if (option == 'v')
			verbose = true;
		else
			return 3;
	}
	fprintf(stderr, "seeds 0x%llx and on, %llu\n", (unsigned long long)first, (unsigned long long)n);
	for (uint64_t seed = first; seed < first + n; seed++) {
		for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
			/* edu has 28 lines: where buses show memory far up, it reaches none.  And addresses may have but 32 bits. */
			if ((only && strcmp(only, kinds[i].name)) || (corpus_device == CORPUS_EDU && kinds[i].offset) ||
			    kinds[i].phys > METE_PADDR_MAX)
				continue;
			int result = run(&kinds[i], seed);
			/* Worst is a report, then a failure: with one, the other is explained. */
			if (result == 3)
				return 3;
			worst = result == 1 || worst == 1 ? 1 : worst > result ? worst : result;
		}
	}
	return worst;
}
