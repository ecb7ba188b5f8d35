/* SPDX-License-Identifier: ISC */
/*
 * Sim: what the simulated machine can do beyond a plain rig.
 *
 * A simulated machine that is started with no more than <mete/rig.h> tells is friendly: memory is coherent, devices
 * reach all of it, and everything happens inside the call that asks for it.  Here is how it becomes as unfriendly as
 * real ones: buses with few lines and addresses of their own, an IOMMU that remembers, a cache that devices do not see,
 * stores that arrive late, devices that take time, that fail, and that lie.
 *
 * All that is random comes from one seed, and nothing else decides: no clock, no address, no thread.  The same seed
 * and the same driver make the same bus events, and mete_sim_hash() proves it.
 *
 * Times are nanoseconds of the machine's own clock.  `source` names a function as a bus does: bus << 8 | slot << 3 |
 * function.  Calls for a rig that is not simulated fail with METE_ENOTSUP.  One thread at a time.
 */
#ifndef METE_SIM_H
#define METE_SIM_H

#include <mete/rig.h>

/* When devices do their work. */
enum mete_sim_time {
	METE_SIM_AT_ONCE, /* inside the call that asked for it */
	METE_SIM_STEP,    /* one event at a time, as mete_sim_step() and mete_rig_irq_wait() move the clock */
	METE_SIM_AUTO,    /* the same, and each access to a register and to the provider runs a few events of its own */
	METE_SIM_THREAD,  /* in a thread of their own, for race detectors */
};

enum mete_sim_model {
	METE_SIM_EDU,  /* QEMU's teaching device, 1234:11e8 */
	METE_SIM_COPY, /* a copy engine with lists of descriptors: <mete/sim_devices.h> */
	METE_SIM_NIC,  /* a network interface with two rings: <mete/sim_devices.h> */
};

struct mete_sim_device {
	enum mete_sim_model model;
	unsigned lines;          /* address lines it really has, 12 to 64; 0: 64, edu: 28 */
};

/*
 * The cache between the CPU and its memory.  Only memory of kind METE_MEMORY_CACHED is in it; the provider then has a
 * second span, the upper quarter of RAM, for all other kinds, and cache functions for mete_sync_single() and the like.
 * Devices of such a machine are described to the library with `noncoherent` and `line`.
 */
struct mete_sim_cache {
	unsigned line;           /* bytes, a power of two from 16 to 256; 0: no cache */
	bool through;            /* the CPU's writes reach memory at once */
	/* Pressure, in chances of a million at each access and each cache operation: a line that was used lately ... */
	uint32_t evict_ppm;      /* ... is written to memory, if dirty, and forgotten */
	uint32_t refill_ppm;     /* ... is read from memory again, if clean */
};

struct mete_sim_config {
	uint64_t seed;           /* 0: the number in $METE_SEED, or else one from the clock */
	enum mete_sim_time time;
	uint64_t ram_phys;       /* of the memory handed out, a multiple of METE_CONGRUENT from 1 MiB up; 0: 1 MiB */
	bool offset;             /* buses show memory elsewhere, from the seed: see mete_sim_bus_get() */
	bool late_stores;        /* what the CPU stores in coherent memory may reach devices late; see mete_sim_barrier() */
	struct mete_sim_cache cache;
	size_t iommu_page;       /* an IOMMU with pages of 4096, 16384 or 65536 bytes; 0: none */
	bool iommu_deferred;     /* what mete_rig_sim_iommu_start() proposes */
	const struct mete_sim_device *devices; /* more functions, in order, after the disk's; copied */
	size_t ndevices;         /* at most 16 */
	const char *rules;       /* fault rules as mete_sim_rule_parse() reads them, one a line; NULL: none */
	const char *record;      /* a file that becomes the trace of this run; NULL: none */
	const char *compare;     /* a trace that this run must repeat; see mete_sim_compared(); NULL: none */
};

/* How an access of a device ended. */
enum mete_sim_result {
	METE_SIM_OK,
	METE_SIM_UNMAPPED,   /* nothing is there: no memory, no translation, no grant */
	METE_SIM_PERMISSION, /* something is, but not for this kind of access */
	METE_SIM_WIDTH,      /* more address bits than the function has lines */
	METE_SIM_BOUNDARY,   /* across what the function cannot count over */
	METE_SIM_DECODE,     /* a function's registers, its own or another's: refused, so that no device runs inside another */
	METE_SIM_ABORTED,    /* the function may not master the bus, or a fault rule says so */
	METE_SIM_RESULTS,
};

struct mete_sim_access {
	uint64_t time;
	uint64_t bus;
	uint64_t len;
	uint64_t phys;       /* where it ended, if nothing was wrong; of the first byte */
	uint16_t source;
	bool write;          /* the device writes memory */
	bool stale;          /* the IOMMU allowed it only because it had not been told to forget the page */
	bool late;           /* it read without a store that a relaxed register write had overtaken */
	enum mete_sim_result result;
};

enum mete_sim_mishap {
	METE_SIM_LOST,       /* a dirty line was invalidated: what the CPU wrote is gone */
	METE_SIM_CLOBBERED,  /* a dirty line was written over what a device had written */
	METE_SIM_STALE,      /* a device read a line that was dirty: it did not see what the CPU wrote */
};

/* What went wrong in a cache line. */
struct mete_sim_line {
	enum mete_sim_mishap mishap;
	uint64_t time;
	mete_paddr phys;           /* of the line */
	unsigned len;
	unsigned cpu_first, cpu_last;       /* bytes of it that the CPU changed, inclusive */
	unsigned device_first, device_last; /* clobbered: bytes that a device changed; stale: bytes that it read */
	uint16_t source;           /* of that device */
	bool pressure;             /* no operation of the driver did it, but eviction */
};

/* Told at once, inside the machine: a hook must not call the rig, and is refused with METE_EBUSY if it does. */
struct mete_sim_hooks {
	void (*access)(void *ctx, const struct mete_sim_access *access); /* each access of a device; may be NULL */
	void (*line)(void *ctx, const struct mete_sim_line *line);       /* may be NULL */
	void *ctx;
};

struct mete_sim_counters {
	uint64_t events;                      /* of devices */
	uint64_t accesses[METE_SIM_RESULTS];  /* of devices, by how they ended */
	uint64_t stale;                       /* that only a translation not yet forgotten allowed */
	uint64_t lost, clobbered, stale_lines;
	uint64_t evicted, refilled;           /* lines, by pressure */
	uint64_t late;                        /* reads of a device that did not see all stores */
	uint64_t faults_lost;                 /* records that the IOMMU had no room for */
	uint64_t overflow;                    /* events and refusals that there was no room for */
};

/* What a function's bus can carry, and what it shows. */
struct mete_sim_bus {
	unsigned lines;                                  /* 12 to 64 */
	uint64_t boundary;                               /* a power of two that no access may straddle a multiple of; 0: none */
	size_t nranges;                                  /* 0: bus addresses equal physical ones */
	struct mete_bus_range range[METE_DEVICE_RANGES]; /* as for mete_device_init() */
	size_t protection;                               /* 1: accesses need a grant, to the byte; 4096: ... to the page;
	                                                  * 0: they need none */
};

/* What a fault rule is about. */
enum mete_sim_class {
	METE_SIM_ALLOC,          /* a run taken from the provider */
	METE_SIM_RECORD,         /* a record */
	METE_SIM_MAP,            /* an address translated by the provider; pages entered in the IOMMU */
	METE_SIM_SYNC,           /* cache maintenance */
	METE_SIM_BUS_READ,       /* a device reads memory */
	METE_SIM_BUS_WRITE,
	METE_SIM_REGISTER_READ,  /* the CPU reads a register */
	METE_SIM_REGISTER_WRITE,
	METE_SIM_IRQ,            /* a device interrupts */
	METE_SIM_CLASSES,
};

/* What it does. */
enum mete_sim_fault {
	METE_SIM_FAIL,  /* alloc, record: there is none; map: no address, no memory for tables; bus: aborted; register: METE_EIO */
	METE_SIM_AND,   /* bus and register: the data, byte by byte, with the operand's bytes, lowest first */
	METE_SIM_OR,
	METE_SIM_XOR,
	METE_SIM_DROP,  /* sync, bus, register, irq: as if it had been done; what is read is all ones */
	METE_SIM_DELAY, /* bus writes and irq arrive `operand` ns later; reads and registers take so much longer */
	METE_SIM_EXTRA, /* register writes and irq: `operand` times more, at most 16 */
	METE_SIM_FAULTS,
};

struct mete_sim_rule {
	enum mete_sim_class on;
	uint16_t source;         /* 0: any, and what is not a device's */
	uint64_t first, last;    /* bus addresses, register offsets, vectors; bytes for alloc and record, physical addresses for
	                          * map and sync.  Both 0: any, not just 0 */
	uint64_t skip;           /* so many are spared first */
	uint64_t count;          /* then so many are hit; 0: all */
	uint32_t ppm;            /* of those, so many of a million, from the seed; 0: all */
	enum mete_sim_fault fault;
	uint64_t operand;
};

/* What a device of ours can do wrong, each to a completion or a transfer.  See mete_sim_flaw(). */
#define METE_SIM_DUPLICATE 0x01u   /* completed twice */
#define METE_SIM_LOSE 0x02u        /* never completed */
#define METE_SIM_LATE 0x04u        /* completed 1 s later */
#define METE_SIM_REORDER 0x08u     /* completed after the next one */
#define METE_SIM_UNKNOWN_TAG 0x10u /* completed with a tag that nobody gave */
#define METE_SIM_PARTIAL 0x20u     /* only the first half of the data is written, and the whole is reported (not NVMe) */
#define METE_SIM_OVERRUN 0x40u     /* 16 bytes too many are written (not NVMe) */
#define METE_SIM_SPURIOUS 0x80u    /* one interrupt too many */

#ifdef __cplusplus
extern "C" {
#endif

/* "ok", "unmapped", ...; "?" for anything else. */
const char *mete_sim_result_name(enum mete_sim_result result);

/* The seed of this run; 0 for a rig that is not simulated. */
uint64_t mete_sim_seed(const struct mete_rig *rig);

/*
 * How to have the same run again, for messages: "METE_SEED=0x1f build/tests/test_mine".  Never NULL; empty for a rig
 * that is not simulated; valid until the rig stops.
 */
const char *mete_sim_repeat(const struct mete_rig *rig);

/* Replace the hooks.  NULL: none.  METE_ENOTSUP. */
int mete_sim_watch(struct mete_rig *rig, const struct mete_sim_hooks *hooks);

/* A copy of the counters; all 0 for a rig that is not simulated. */
void mete_sim_counters(struct mete_rig *rig, struct mete_sim_counters *ret);

/* The machine's clock.  METE_SIM_THREAD: it goes with the events, as in all modes. */
uint64_t mete_sim_now(struct mete_rig *rig);

/* Run the next event.  Returns 1; 0 if there is none, or a thread does it; METE_EBUSY from inside a hook; METE_ENOTSUP. */
int mete_sim_step(struct mete_rig *rig);

/*
 * Run events until none is left, at most `max`.  Returns how many there were; 0 if a thread runs them.  Time: that of the
 * events.
 */
size_t mete_sim_run(struct mete_rig *rig, size_t max);

/*
 * The FNV-1a hash of all bus events so far: accesses of devices with their data, registers, interrupts, each with its
 * time.  Equal for equal runs.  In METE_SIM_THREAD the order of events is the threads', and so is the hash.
 */
uint64_t mete_sim_hash(struct mete_rig *rig);

/*
 * Whether the run has repeated the trace of `config.compare` so far.  `whole`: and is at its end.  0; METE_EIO, and `text`
 * receives at most `text_len` bytes that tell the first difference; METE_EINVAL if nothing is compared; METE_ENOTSUP.
 */
int mete_sim_compared(struct mete_rig *rig, bool whole, char *text, size_t text_len);

/* What the function's bus is like: for mete_device_init(), and for changes.  METE_EINVAL, METE_ENOTSUP. */
int mete_sim_bus_get(const struct mete_rig_function *function, struct mete_sim_bus *ret_bus);

/*
 * Replace it.  METE_EINVAL: lines out of range, a boundary that is no power of two, ranges that overlap or wrap, another
 * protection than 0, 1, 4096; METE_ENOTSUP.  Grants stay.
 */
int mete_sim_bus_set(const struct mete_rig_function *function, const struct mete_sim_bus *bus);

/*
 * Allow accesses to [`bus`, `bus` + `len` - 1]; these matter if the bus has a protection.  Grants may overlap.
 * METE_EINVAL (`len` 0, a range that wraps, unknown access), METE_ENOMEM, METE_ENOTSUP.
 */
int mete_sim_grant(const struct mete_rig_function *function, uint64_t bus, uint64_t len, enum mete_access access);

/* Take back the latest grant with exactly this range.  METE_EFAULT if there is none; METE_EINVAL, METE_ENOTSUP. */
int mete_sim_revoke(const struct mete_rig_function *function, uint64_t bus, uint64_t len);

/*
 * One access, as if the function had made it: `len` bytes between memory at `bus` and `data`.  0; METE_EFAULT if it was
 * refused, and mete_sim_refused() says why; what is read is then all ones.  METE_EINVAL (`len` 0 or more than 16 MiB),
 * METE_EBUSY from inside a hook, METE_ENOTSUP.
 */
int mete_sim_dma(const struct mete_rig_function *function, bool write, uint64_t bus, void *data, size_t len);

/* Take the oldest of the refused accesses; 64 are kept.  METE_ENODEV if there is none; METE_ENOTSUP. */
int mete_sim_refused(struct mete_rig *rig, struct mete_sim_access *ret_access);

/*
 * Put `function` behind the machine's IOMMU, as mete_rig_vtd_start() does for VT-d: strict or deferred and pages as in the
 * machine's config, addresses from 1 MiB to 256 MiB - 1.  `first` and `last` may be changed to anything else below 2^39
 * that is not from 0xc0000000 to 0xffffffff.
 *
 * Once one function is started, the others reach nothing until they are.  Read-only and write-only pages are just
 * that.  The unit remembers translations in 32 places a function, of which a new one takes a random one; it never forgets
 * one by itself otherwise.  A fault's reason is an enum mete_sim_result; 64 records are kept.
 *
 * METE_ENODEV if the machine has no IOMMU; METE_ENOTSUP if the rig is not simulated; METE_EBUSY if the function is started
 * already; METE_EINVAL.
 */
int mete_rig_sim_iommu_start(const struct mete_rig_function *function, struct mete_domain_config *ret_config);

/*
 * A write barrier of the CPU: every device sees all stores made before.  mete_rig_write() and mete_rig_read() are such
 * barriers, mete_rig_write_relaxed() is none.  Matters for `late_stores`.  METE_EBUSY from inside a hook, METE_ENOTSUP.
 */
int mete_sim_barrier(struct mete_rig *rig);

/*
 * Add a fault rule.  Each operation is compared with the rules in the order of their making, and the first that hits
 * counts.  `ret_id`, which may be NULL, names it.  METE_EINVAL: a member out of range, or a fault that the class does not
 * know; METE_ENOMEM: 64 are there already; METE_ENOTSUP.
 */
int mete_sim_rule_add(struct mete_rig *rig, const struct mete_sim_rule *rule, unsigned *ret_id);

/* How often a rule has hit; 0 for one that does not exist. */
uint64_t mete_sim_rule_fired(const struct mete_rig *rig, unsigned id);

/* Remove all rules. */
void mete_sim_rules_clear(struct mete_rig *rig);

/*
 * Read a rule from words with spaces between them:
 *
 *   alloc | record | map | sync | bus-read | bus-write | register-read | register-write | irq
 *   fail | and=N | or=N | xor=N | drop | delay=N | extra=N
 *   and, as wanted: source=N  range=N-N  skip=N  count=N  ppm=N
 *
 * Numbers are decimal, or hexadecimal after 0x.  METE_EINVAL, and `text` receives at most `text_len` bytes about the word
 * that is wrong.
 */
int mete_sim_rule_parse(const char *words, struct mete_sim_rule *ret_rule, char *text, size_t text_len);

/*
 * Let `function` be malicious as `bytes` say, which are copied: one byte is taken after each access that it makes to
 * memory, and when they are used up it is good again.
 *
 *   0x00 to 0x7f  nothing
 *   0x80 to 0xff  the low three bits choose, the other four are an operand:
 *   0  it changes a byte of what it has just read         4  it reads or writes where it once did
 *   1  it writes right behind what it accessed            5  it writes to its own registers
 *   2  it writes right before that                        6  it lies about the next length, index or tag; or, with an
 *                                                            operand from 8 on, about the one after that
 *   3  it writes to what it has just read                 7  it interrupts
 *
 * METE_EINVAL (`len` above 1 MiB), METE_ENOMEM, METE_ENOTSUP.
 */
int mete_sim_evil(const struct mete_rig_function *function, const void *bytes, size_t len);

/*
 * Let a copy engine, a network interface or an NVMe controller do wrong what `flaws` names, to `count` completions (0: all)
 * after `skip` good ones.  Replaces what was said before.  METE_EINVAL: unknown flaws; METE_ENOTSUP: not such a
 * device.
 */
int mete_sim_flaw(const struct mete_rig_function *function, unsigned flaws, uint64_t skip, uint64_t count);

#ifdef __cplusplus
}
#endif
#endif
