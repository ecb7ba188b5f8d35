/* SPDX-License-Identifier: ISC */
/*
 * The simulated machine, as its own parts see each other.
 *
 *   sim.c           configuration space, registers; starting and stopping
 *   sim_irq.c       messages and lines
 *   sim_time.c      the clock, the events, the thread
 *   sim_master.c    accesses of devices: what is checked, in which order
 *   sim_iommu.c     translations
 *   sim_view.c      memory as devices see it: shared, behind a cache, or late
 *   sim_cache.c     the cache
 *   sim_late.c      stores that are late
 *   sim_fault.c     fault rules; sim_rule.c reads them
 *   sim_evil.c      malice and flaws
 *   sim_trace.c     what happened on the bus: a hash, a file
 *   sim_provider.c  RAM as a provider
 *   sim_random.c    numbers from the seed
 *
 * RAM is one piece of this process's memory in two places: the rig's own first MiB from physical address 0, and the rest
 * from `ram_phys`.  An `offset` is one into that memory.
 */
#ifndef SIM_MACHINE_H
#define SIM_MACHINE_H

#include <pthread.h>
#include <stdio.h>

#include "sim_model.h"

#define SIM_SLOTS 32
#define SIM_PAGE 4096u
#define SIM_PENDING 4096u       /* from the MSI-X table to its pending bits */
#define SIM_ACCESS_MAX (16u << 20) /* bytes of one access */

/* A stream of random numbers: one for each purpose, so that one more draw here changes nothing there. */
struct sim_random {
	uint64_t state[4];
};

enum sim_stream { SIM_STREAM_PLACE, SIM_STREAM_TIME, SIM_STREAM_CACHE, SIM_STREAM_LATE, SIM_STREAM_IOMMU, SIM_STREAM_FAULT };

void mete__sim_random_init(struct sim_random *random, uint64_t seed, enum sim_stream stream);
int mete__sim_seed_init(struct sim *sim, uint64_t seed, char *text, size_t text_len);
uint64_t mete__sim_random(struct sim_random *random);
uint64_t mete__sim_below(struct sim_random *random, uint64_t n); /* `n` at least 1 */

/* Whether something with so many chances of a million happens.  Draws nothing for 0. */
static inline bool sim_chance(struct sim_random *random, uint32_t ppm)
{
	return ppm && mete__sim_below(random, 1000000) < ppm;
}

struct sim_event {
	uint64_t at, number;
	struct sim_function *function;
	sim_later *later;
	uint64_t arg;
};

/* The clock.  `heap` has the next event first. */
struct sim_clock {
	enum mete_sim_time mode;
	uint64_t now, number;
	struct sim_event *heap;
	size_t nevents, capacity;
	struct sim_random random;
	bool inside;                 /* an entry is open: whoever comes now is a hook */
	pthread_mutex_t mutex;       /* SIM_THREAD: around all the machine */
	pthread_cond_t work, done;
	pthread_t thread;
	bool started, quit;
};

/* Bytes [first, first + len - 1] of RAM, as devices see them.  What is not in a view is shared. */
struct sim_cache {
	struct sim *sim;
	size_t first, len, line;
	bool through;
	uint32_t evict_ppm, refill_ppm;
	unsigned char *ram, *agreed; /* what memory has; what it had when the two last agreed */
	uint16_t *writer;            /* of each line: the device that wrote it last */
	size_t recent[64];           /* lines that were used lately */
	size_t nrecent;
	struct sim_random random;
};

struct sim_late {
	struct sim *sim;
	size_t first, len;
	unsigned char *ram;
	unsigned char *due; /* what `ram` would have, if each doorbell without a barrier had been one */
	struct { size_t first, len; } *runs; /* what is taken of it, and so may have been written */
	size_t nruns, capacity;
	struct sim_random random;
};

struct sim_iommu;

#define SIM_RULES 64
struct sim_rules {
	struct mete_sim_rule rule[SIM_RULES];
	uint64_t seen[SIM_RULES], fired[SIM_RULES];
	unsigned nrules;
	uint32_t classes;            /* a bit for each class that a rule is about */
	struct sim_random random;
};

enum sim_op { SIM_OP_READ = 1, SIM_OP_WRITE, SIM_OP_REGISTER_READ, SIM_OP_REGISTER_WRITE, SIM_OP_IRQ };

struct sim_trace {
	uint64_t hash, count;
	FILE *record;                /* NULL: none */
	bool damaged;                /* and it could not be written */
	unsigned char *compare;      /* a whole trace; NULL: none */
	size_t ncompare;
	bool differs;
	char text[256];              /* how */
};

#define SIM_REFUSED 64
struct sim {
	struct mete_rig rig;         /* first: the two are cast into each other */
	uint64_t seed;
	char *repeat;
	uint64_t ram_phys;
	struct mete_provider provider; /* around the arena's */
	size_t nfunctions;
	struct sim_function *function[SIM_SLOTS];
	struct sim_clock clock;
	struct sim_random place;
	struct sim_cache *cache;     /* NULL: none, as below */
	struct sim_late *late;
	struct sim_iommu *iommu;
	struct sim_rules rules;
	struct sim_trace trace;
	struct mete_sim_hooks hooks;
	struct mete_sim_counters counters;
	struct mete_sim_access refused[SIM_REFUSED];
	unsigned nrefused, first_refused;
};

static inline struct sim *sim_of(struct mete_rig *rig)
{
	return (struct sim *)(void *)rig;
}

static inline uint16_t sim_source(const struct sim_function *function)
{
	return (uint16_t)function->devfn;
}

/* Configuration space. */
static inline uint32_t sim_config(const struct sim_function *function, unsigned offset, unsigned width)
{
	return (uint32_t)sim_load(&function->config[offset], width);
}

static inline uint64_t sim_ones(unsigned width)
{
	return width == 8 ? UINT64_MAX : (1ull << 8 * width) - 1;
}

/* sim.c: NULL if the rig is not simulated. */
struct sim *mete__sim(const struct mete_rig *rig);
struct sim_function *mete__sim_function(const struct mete_rig_function *function);
bool mete__sim_registers(const struct sim *sim, uint64_t first, uint64_t last); /* whether some function decodes any of it */
bool mete__sim_masters(const struct sim_function *function);

/* sim_irq.c: the capability in configuration space; vectors that were raised and not delivered. */
void mete__sim_irq_init(struct sim_function *function);
void mete__sim_deliver_pending(struct sim_function *function);

/*
 * Every call from outside is between these two.  METE_EBUSY: it comes from inside a hook.  mete__sim_leave() does what
 * must happen at once.
 */
int mete__sim_enter(struct sim *sim);
void mete__sim_leave(struct sim *sim);

/* For a look that changes nothing, from a hook too. */
void mete__sim_lock(struct sim *sim);
void mete__sim_unlock(struct sim *sim);

int mete__sim_clock_init(struct sim *sim, enum mete_sim_time mode);
int mete__sim_clock_start(struct sim *sim);
void mete__sim_clock_fini(struct sim *sim);
int mete__sim_advance(struct mete_rig *rig, int64_t until_us);
int64_t mete__sim_now_us(struct mete_rig *rig);

/* sim_view.c: `offset` and `len` are inside RAM. */
bool mete__sim_offset(const struct sim *sim, uint64_t phys, uint64_t len, size_t *ret_offset);
bool mete__sim_view_read(struct sim_function *function, size_t offset, unsigned char *to, size_t len);
void mete__sim_view_write(struct sim_function *function, size_t offset, const unsigned char *from, size_t len);

/* Whatever a device or the CPU does makes the cache move and late stores arrive. */
void mete__sim_stir(struct sim *sim);

int mete__sim_cache_init(struct sim *sim, const struct mete_sim_cache *config, size_t first, size_t len);
void mete__sim_cache_fini(struct sim *sim);
void mete__sim_cache_op(struct sim_cache *cache, enum mete_cache op, size_t offset, size_t len);
void mete__sim_cache_read(struct sim_cache *cache, uint16_t source, size_t offset, unsigned char *to, size_t len);
void mete__sim_cache_write(struct sim_cache *cache, uint16_t source, size_t offset, const unsigned char *from, size_t len);
void mete__sim_cache_stir(struct sim_cache *cache);

int mete__sim_late_init(struct sim *sim, size_t first, size_t len);
void mete__sim_late_fini(struct sim *sim);
bool mete__sim_late_take(struct sim_late *late, size_t offset, size_t len);
void mete__sim_late_give(struct sim_late *late, size_t offset, size_t len);
void mete__sim_late_barrier(struct sim_late *late);
void mete__sim_late_overtake(struct sim_late *late); /* by a register write that is none */
void mete__sim_late_some(struct sim_late *late); /* a random part arrives */
bool mete__sim_late_read(struct sim_late *late, size_t offset, unsigned char *to, size_t len); /* something overtaken */
void mete__sim_late_write(struct sim_late *late, size_t offset, const unsigned char *from, size_t len);

/* sim_iommu.c: one piece of an access, at most `len` bytes, and no more than its page has. */
int mete__sim_iommu_init(struct sim *sim, size_t page, bool deferred);
void mete__sim_iommu_fini(struct sim *sim);
bool mete__sim_iommu_on(const struct sim *sim);
enum mete_sim_result mete__sim_iommu_translate(struct sim_function *function, uint64_t bus, bool write, uint64_t len,
    uint64_t *ret_phys, uint64_t *ret_len, bool *ret_stale);

/* sim_master.c */
int mete__sim_place(struct sim *sim);
void mete__sim_posted_fini(struct sim_function *function);

/* sim_rule.c: rules, one a line. */
int mete__sim_rules_read(struct sim *sim, const char *rules, char *text, size_t text_len);

/* sim_fault.c: the rule that hits this operation, or NULL. */
const struct mete_sim_rule *mete__sim_fault(struct sim *sim, enum mete_sim_class on, uint16_t source, uint64_t first,
    uint64_t len);
void mete__sim_change(const struct mete_sim_rule *rule, unsigned char *data, size_t len);

/* sim_evil.c */
void mete__sim_tempt(struct sim_function *function, bool write, uint64_t bus, size_t len);
void mete__sim_evil_fini(struct sim_function *function);

/* sim_trace.c */
int mete__sim_trace_init(struct sim *sim, const struct mete_sim_config *config, char *text, size_t text_len);
void mete__sim_trace_fini(struct sim *sim);
void mete__sim_trace_add(struct sim *sim, enum sim_op op, unsigned detail, uint16_t source, uint64_t place,
    const void *data, size_t len);

/* sim_provider.c: after mete__rig_ram(). */
int mete__sim_provider_init(struct sim *sim, const struct mete_sim_config *config);

#endif
