/* SPDX-License-Identifier: ISC */
/*
 * Shadow: memory that the CPU must keep off.
 *
 * While a device owns memory, the CPU may not write what the device reads, and not touch what it writes.  Freed memory,
 * and what lies behind an allocation, is for nobody.  A *shadow* closes such memory to the CPU, and is told by its means
 * when the CPU touches it all the same.  There are three, and a program has one or none of them.
 *
 * Everything here happens inside the verifier's lock, but for mete__shadow_caught().
 */
#ifndef SHADOW_H
#define SHADOW_H

#include "check_state.h"

/* A way to close memory.  Ranges are inclusive; each function may do less than it is asked, never more. */
struct shadow {
	const char *name;
	bool (*start)(void);                                              /* false: it does not work in this process */
	void (*stop)(void);
	void (*close)(struct mete_check *check, struct load *load, uintptr_t first, uintptr_t last,
	    bool reads);                                                  /* to writes, and to reads too */
	void (*open)(struct mete_check *check, uintptr_t first, uintptr_t last); /* it is the CPU's, and has content */
	void (*fresh)(struct mete_check *check, uintptr_t first, uintptr_t last); /* the CPU's, and nobody has written it */
	void (*hide)(uintptr_t first, uintptr_t last);                    /* nobody's; NULL: it cannot */
	void (*peek)(bool on);                                            /* this thread may touch all; nests; in any process */
	bool (*written)(uintptr_t first, uintptr_t last, uintptr_t *ret_at); /* false: nobody wrote the byte; NULL: not known */
	void (*ended)(struct load *load);                                 /* NULL: nothing to do */
};

extern const struct shadow mete__shadow_asan, mete__shadow_valgrind, mete__shadow_trap;

/* Choose as the configuration or the environment says.  METE_EINVAL, METE_ENOTSUP. */
int mete__shadow_choose(struct mete_check *check, const struct mete_check_config *config);

/* Begin and end to listen to what is caught.  The end opens everything. */
void mete__shadow_start(struct mete_check *check);
void mete__shadow_stop(struct mete_check *check);

/* `len` bytes of a load, from `off` on, are the device's now, or the CPU's again. */
void mete__shadow_pass(struct mete_check *check, struct load *load, size_t off, size_t len, enum mete_access access);
void mete__shadow_back(struct mete_check *check, struct load *load, size_t off, size_t len);

/* It is about to end. */
void mete__shadow_ended(struct mete_check *check, struct load *load);

/* Where a segment begins in its load. */
size_t mete__shadow_offset(const struct segment *segment);

/* A device is to read bytes of a load: has somebody written them? */
void mete__shadow_sent(struct mete_check *check, const struct load *load, const struct place *here, struct findings *found);

/* What a caught access turned out to be. */
enum caught { CAUGHT_NOT_OURS, CAUGHT_FINE, CAUGHT };

/*
 * Outside, on the thread that did it: `at` was touched.  The innermost of `frames` is the instruction's address, the others
 * are return addresses.  What is wrong is kept, and told when the verifier is called next: here is no place to print.
 */
enum caught mete__shadow_caught(uintptr_t at, bool write, void *const *frames, size_t nframes);

/* Outside: tell what was caught by any verifier, since the program is about to end. */
void mete__shadow_last_words(void);

/* Whether this thread is inside the verifier, or plays the device. */
bool mete__shadow_inside(void);
bool mete__shadow_device(void);

/* Outside: tell what was caught since the verifier was last called. */
void mete__shadow_tell(struct mete_check *check);

#endif
