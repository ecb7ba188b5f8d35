/* SPDX-License-Identifier: ISC */
/*
 * Model run: what every model test shares and what has nothing to do with memory: random numbers, the budget, and the
 * words in which a difference is told.
 *
 * A program runs *parts*, one after the other.  A part's random numbers depend on the seed and the part's name alone,
 * never on the budget or on the parts before it, so that `--part NAME --ops N` repeats the first N operations exactly.
 * A difference ends the program: after it, model and library no longer speak of the same thing.
 */
#ifndef METE_TESTS_MODEL_RUN_H
#define METE_TESTS_MODEL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define MODEL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define MODEL_NORETURN __attribute__((noreturn))
#else
#define MODEL_PRINTF(fmt, args)
#define MODEL_NORETURN
#endif

/* xorshift64*, seeded through splitmix64: any seed will do, also 0. */
struct model_random {
	uint64_t state;
};

void model_random_seed(struct model_random *random, uint64_t seed, const char *part);
uint64_t model_next(struct model_random *random);

/* Uniform below `n`, which is at least 1. */
uint64_t model_below(struct model_random *random, uint64_t n);

/* Uniform in [first, last]. */
uint64_t model_between(struct model_random *random, uint64_t first, uint64_t last);

/* 1 to `max`, every power of two as likely as the next. */
uint64_t model_log(struct model_random *random, uint64_t max);

/* True in `percent` of 100 cases. */
bool model_chance(struct model_random *random, unsigned percent);

/* What is counted in a part. */
struct model_tally {
	uint64_t ops;
	uint64_t requests;       /* well-formed requests for memory */
	uint64_t failed;         /* ... that ended with METE_ENOMEM */
	uint64_t excused;        /* ... although a fitting run existed, and the walk's cap was hit */
	uint64_t requests_full;  /* the same three, with 95 % in use */
	uint64_t failed_full;
	uint64_t excused_full;
	uint64_t checked_places; /* results whose zone and end of the run were compared too */
	uint64_t bad_gives;      /* misuse that had to be refused */
};

/* Read the options of the program; `ops` is the default budget of all parts together.  Exits on a bad option. */
void model_start(int argc, char **argv, uint64_t ops);

/*
 * Begin the part `name`, which may use `share` of 1000 of the budget.  False if it was not asked for; otherwise
 * `ret_random` is seeded and `ret_tally` cleared.
 */
bool model_part_begin(const char *name, unsigned share, struct model_random *ret_random,
    struct model_tally *ret_tally);

/* Whether the part has budget for another operation; counts it. */
bool model_more(void);

/*
 * End the part: print its line, and fail if the cap excused more than 1 of 1000 failures; or, where `rare`, requests:
 * if hardly any fail, a share of them says little.
 */
void model_part_end(bool rare);

/* After the last part: print the sum and return the program's exit status. */
int model_finish(void);

/* Tell a difference, the seed, the operation and how to repeat it; exit with failure. */
void model_differ(const char *format, ...) MODEL_PRINTF(1, 2) MODEL_NORETURN;

/* calloc and malloc that end the program instead of failing; free with free(). */
void *model_zeroed(size_t n, size_t len);
void *model_garbage(size_t len, struct model_random *random);

#endif
