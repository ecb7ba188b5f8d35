/* SPDX-License-Identifier: ISC */
/*
 * What tests of the simulated machine share: a machine of 8 MiB with a copy engine that is ready to be driven, or to be told
 * what to access.
 */
#ifndef SIM_BENCH_H
#define SIM_BENCH_H

#include "rig_support.h"

#include <mete/sim.h>
#include <mete/sim_devices.h>

#define SIM_BENCH_RAM (8u << 20)

struct sim_bench {
	struct mete_rig *rig;
	struct mete_rig_function copy;
	struct mete_sim_bus bus;      /* the engine's */
	struct mete_device device;    /* the engine, with its ranges, but without its limits */
};

/* Start one; `config` is copied, and gets the engine and a seed if it has none.  Fails the test with the reason. */
void sim_bench_open(struct sim_bench *b, const struct mete_sim_config *config);

/* The end of it: nothing is held. */
void sim_bench_close(struct sim_bench *b);

/* Memory of this kind, and its address on the engine's bus. */
unsigned char *sim_bench_alloc(struct sim_bench *b, size_t len, enum mete_memory memory, uint64_t *ret_bus);
void sim_bench_free(struct sim_bench *b, void *cpu, size_t len);

/* The engine reads or writes; 0 or METE_EFAULT. */
int sim_bench_get(struct sim_bench *b, uint64_t bus, void *to, size_t len);
int sim_bench_put(struct sim_bench *b, uint64_t bus, const void *from, size_t len);

/* The next refused access is this one, and the last. */
void sim_bench_refused(struct sim_bench *b, enum mete_sim_result want, uint64_t bus, size_t len, bool write);

struct sim_bench_step {
	uint64_t next, from, to;
	uint32_t len, flags, tag;
};

/* Fill in a descriptor of the engine, and read what came back. */
void sim_bench_step(unsigned char *descriptor, const struct sim_bench_step *step);
uint32_t sim_bench_word(const unsigned char *descriptor, unsigned offset);

#endif
