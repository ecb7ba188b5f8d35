/* SPDX-License-Identifier: ISC */
/*
 * Check: the verifier's state, and what its files need of one another.
 *
 *   check.c    the public calls, and the ear at the provider
 *   judge.c    one event against the ledger: which misuse is it?
 *   mixup.c    ... and is an address one of another kind?
 *   busy.c     who else is in a call of the same map
 *   ledger.c   what there is
 *   fill.c     memory that nobody may touch is filled, and compared
 *   shadow.c   memory that the CPU must keep off is closed, by one of three means: shadow_asan.c, shadow_valgrind.c,
 *              shadow_trap.c
 *   report.c   the words
 *   where.c    the lines
 */
#ifndef CHECK_STATE_H
#define CHECK_STATE_H

#include <pthread.h>

#include "ledger.h"
#include "words.h"
#include "where.h"

/* What a misuse is about, for the report.  Places that are nowhere, and texts that are NULL, are left out. */
struct finding {
	enum mete_misuse misuse;
	struct place here;
	char what[160];               /* what was done, as against what was expected */
	const struct mete_device *device;
	const char *object;           /* "memory", "mapping" */
	uintptr_t cpu;                /* 0: none */
	mete_baddr bus;
	bool has_bus;
	size_t len;
	struct place made, synced, ended;
	const char *made_word, *ended_word; /* "allocated", "freed"; "mapped", "unmapped" */
};

#define FINDINGS 8 /* most that one event gives */

/* What one event gave. */
struct findings {
	struct finding finding[FINDINGS];
	size_t n;
};

#define FRAMES 12   /* of the stack of an access */
#define ACCESSES 16 /* caught between two calls of the verifier */

/* An access that was caught, and is not told yet. */
struct access {
	struct finding finding; /* without its place */
	size_t nframes;
	void *frame[FRAMES];
};

/* How often something was reported from one place. */
struct told {
	RB_ENTRY(told) tree;
	enum mete_misuse misuse;
	const void *site;
	const char *file;             /* NULL: unknown */
	unsigned line;
};

RB_HEAD(told_tree, told);

/* A map that a thread is in a call of. */
struct busy {
	const void *map;              /* NULL: none */
	const void *thread;           /* something of its own */
	bool reads;                   /* it is being loaded */
	enum mete_event_kind kind;
	struct place place;
};

#define BUSY 16 /* most that are known at once */

struct mete_check {
	struct mete_observer observer; /* first: the two are cast into each other */
	struct mete_provider *provider;
	struct mete_check_config config;
	enum mete_level level;
	const struct shadow *shadow;   /* NULL: none */
	LIST_ENTRY(mete_check) active; /* of those with a shadow */
	char *repeat;
	pthread_mutex_t lock;          /* of all that follows */
	struct ledger ledger;
	struct busy busy[BUSY];
	struct told_tree told;
	enum mete_policy policy[METE_NMISUSES];
	size_t count[METE_NMISUSES];
	size_t expected[METE_NMISUSES];
	size_t failures;
	struct where *where;           /* made when it is first needed */
	struct access access[ACCESSES];
	size_t naccesses, nlost;
};

/* The lock.  A thread inside it is not told of its own accesses. */
void mete__check_lock(struct mete_check *check);
void mete__check_unlock(struct mete_check *check);

/* Inside the lock: look at an event, and enter what it says in the ledger.  `count` as the face's call was given. */
void mete__judge_event(struct mete_check *check, const struct mete_event *event, const struct place *here, size_t count,
    struct findings *found);

/*
 * Inside: what is left for `device`, or anyone if NULL, of what was made since `mark`, as leaks that were not told yet; call again
 * until it finds none.
 */
void mete__judge_leaks(struct mete_check *check, const struct mete_device *device, size_t mark, struct findings *found);

/* Say what was done, as against what was expected. */
__attribute__((format(printf, 2, 3))) void mete__finding_say(struct finding *f, const char *format, ...);

/* What a finding is about. */
void mete__about_block(struct finding *f, const struct block *block);
void mete__about_load(struct finding *f, const struct load *load);

/* A new finding; NULL if there are enough. */
struct finding *mete__findings_add(struct findings *found, enum mete_misuse misuse, const struct place *here);

/*
 * Inside: whether `cpu` is in truth a bus address of something live, or the event's bus address a pointer; then that was found.
 * `wrong`: `cpu` is no good in any case; else it is right where the CPU sees memory.
 */
bool mete__mixup_bus_as_cpu(struct mete_check *check, const struct mete_device *device, uintptr_t cpu,
    bool wrong, const struct place *here, struct findings *found);
bool mete__mixup_cpu_as_bus(struct mete_check *check, const struct mete_event *event, const struct place *here,
    struct findings *found);

/*
 * Inside: whether another thread is in a call of the event's map, or this one is loading it.  True: the map is as it was, and
 * there is nothing else to say.  Outside: this thread has left its call, or calls the driver back.
 */
bool mete__busy_event(struct mete_check *check, const struct mete_event *event, const struct place *here,
    struct findings *found);
void mete__busy_left(struct mete_check *check);

/* Inside: leave out what is only that the ledger does not know an object, if it had no room for one. */
void mete__findings_doubt(const struct mete_check *check, struct findings *found);

/* Forget what was told. */
void mete__told_forget(struct told_tree *tree);

/* Outside: report them, as policies say. */
void mete__report_findings(struct mete_check *check, struct findings *found);

#endif
