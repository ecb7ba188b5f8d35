/* SPDX-License-Identifier: ISC */
/*
 * Check: the verifier, which finds what a driver does wrong.
 *
 * It listens at a provider (see <mete/observe.h>) and keeps a ledger: what is allocated and mapped, for whom, since when,
 * and who owns it.  What does not fit is reported as one of the misuses of <mete/misuse.h>, with the place in the driver
 * where it happened, and the places where the object was made and last used.
 *
 * It changes no result: a program runs the same with it and without.  Hosted only.
 */
#ifndef METE_CHECK_H
#define METE_CHECK_H

#include <mete/misuse.h>
#include <mete/observe.h>

struct mete_check;

/* What happens when a misuse is found. */
enum mete_policy {
	METE_POLICY_OFF,   /* it is counted, and nothing else */
	METE_POLICY_NOTE,  /* reported, and the program is as good as before */
	METE_POLICY_WARN,  /* the same; the usual policy of what is suspect */
	METE_POLICY_FAIL,  /* the program did wrong; the usual policy of the rest */
	METE_POLICY_ABORT, /* reported, and then abort() */
};

/* What was found.  Strings live as long as the call that gets them. */
struct mete_check_report {
	enum mete_misuse misuse;
	enum mete_policy policy;
	enum mete_severity severity;
	const char *name;    /* "DMA-A01" */
	const char *title;   /* "double free" */
	const char *call;    /* of the driver's API: "dma_free_coherent"; NULL: the core's own */
	const char *file;    /* where in the driver; NULL: unknown */
	unsigned line;
	const char *text;    /* the whole report for people, several lines */
	const char *json;    /* the same as one JSON object, one line */
};

/* How much is looked at; each includes the ones before. */
enum mete_level {
	METE_LEVEL_USUAL,  /* $METE_CHECK_LEVEL, 1 to 3; or else fills */
	METE_LEVEL_LEDGER, /* 1: what is allocated and mapped */
	METE_LEVEL_FILLS,  /* 2: and memory that nobody may touch is filled, and compared later */
	METE_LEVEL_SHADOW, /* 3: and it is closed to the CPU, like what a device owns, as far as that can be done here */
};

/* How memory is closed to the CPU.  docs/man/mete_check_create.3 tells what each sees, and what it needs. */
enum mete_shadow {
	METE_SHADOW_USUAL, /* $METE_SHADOW: off, auto, asan, valgrind, trap; or else off below level 3, and auto there */
	METE_SHADOW_OFF,
	METE_SHADOW_AUTO,  /* the first of these that works here, if one does */
	METE_SHADOW_ASAN,  /* the address sanitizer, which the program must be compiled with: every byte */
	METE_SHADOW_VALGRIND, /* Memcheck, which the program must run under: every byte; the reports are Memcheck's */
	METE_SHADOW_TRAP,  /* page protection, of memory with METE_TRAIT_TWICE: whole pages */
};

struct mete_check_config {
	/*
	 * Gets each report, outside of any lock, on the thread that did it.  An access that a shadow caught is told when the
	 * verifier next hears or is asked something, on that thread.  NULL: the text goes to stderr.
	 */
	void (*report)(void *ctx, const struct mete_check_report *report);
	void *ctx;
	const char *policy;  /* as mete_check_policy(); NULL: $METE_CHECK, if it is set */
	const char *repeat;  /* the command that repeats the run; NULL: reports name none */
	enum mete_level level;
	enum mete_shadow shadow;
	size_t most_mappings; /* at once, of all devices; more are DMA-M15; 0: any number */

	/*
	 * Whether the calling thread may not sleep now: it holds a spin lock, say, or is an interrupt handler.  NULL: it always may.
	 * Called inside the verifier's lock; must not call the library.
	 */
	bool (*atomic)(void *ctx);
};

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Start to verify what happens at `provider`, which must outlive the verifier; start before its devices are made.
 *
 * METE_EINVAL (no provider; a policy, level or shadow that is none), METE_ENOTSUP (a shadow that does not work here),
 * METE_EBUSY (it has an observer already), METE_ENOMEM.
 */
int mete_check_create(struct mete_provider *provider, const struct mete_check_config *config, struct mete_check **ret_check);

/*
 * Report what is left (DMA-A07), report what was expected and did not come, stop to listen, and free the verifier.  Returns
 * how many misuses of policy fail or abort there were that nobody expected, and expected ones that did not come.  NULL is
 * allowed (0).  While no other thread is in a call of the provider's objects.
 */
size_t mete_check_destroy(struct mete_check *check);

/*
 * Change policies: "A01=off,M*=note,*=fail", from left to right; names with or without "DMA-", a star at the end stands for
 * the rest.  METE_EINVAL if `text` does not parse; nothing has changed then, and `*ret_at`, if not NULL, is the offset of what is
 * wrong.
 */
int mete_check_policy(struct mete_check *check, const char *text, size_t *ret_at);

/* The next report of `misuse` is expected: it is counted and not reported. */
void mete_check_expect(struct mete_check *check, enum mete_misuse misuse);

/* Expected reports that have not come yet. */
size_t mete_check_missing(struct mete_check *check);

/* How many of them are of `misuse`. */
size_t mete_check_expected(struct mete_check *check, enum mete_misuse misuse);

/* How often `misuse` was found, expected or not, also where it was reported only once. */
size_t mete_check_count(struct mete_check *check, enum mete_misuse misuse);

/* Misuses of policy fail or abort so far that nobody expected. */
size_t mete_check_failures(struct mete_check *check);

/*
 * Report as leaks (DMA-A07) what is allocated or mapped for `device`, or for anyone if it is NULL.  Returns how many there are.
 * What was reported once is not reported again.
 */
size_t mete_check_leaks(struct mete_check *check, const struct mete_device *device);

/* A moment; and the leaks of what was allocated or mapped since then, for anyone. */
size_t mete_check_mark(struct mete_check *check);
size_t mete_check_leaks_since(struct mete_check *check, size_t mark);

/*
 * Where in the source the call stands that returns to `site`, and in which function.  False, and nothing is stored, if that is
 * not known.  Strings live as long as the verifier.
 */
bool mete_check_line(struct mete_check *check, const void *site, const char **ret_file, unsigned *ret_line,
    const char **ret_function);

/*
 * Compare the margins of all live memory that no device owns (DMA-A10, A11), and all freed memory that was not taken into use
 * again (DMA-A08, A09).  Returns how many are damaged; each is reported once.  mete_check_destroy() does so, too.
 */
size_t mete_check_fills(struct mete_check *check);

/* The shadow that is in use: "off", "asan", "valgrind", "trap".  Never changes. */
const char *mete_check_shadow(const struct mete_check *check);

/*
 * Between the two, this thread plays a device that lives in this process, and may touch what a device owns.  Calls nest.
 * Not needed where the device's memory is mapped twice.  Any context.
 */
void mete_check_device_enter(void);
void mete_check_device_leave(void);

/* "DMA-A01" and its title; "?" for what is no misuse. */
const char *mete_misuse_name(enum mete_misuse misuse);
const char *mete_misuse_title(enum mete_misuse misuse);

#ifdef __cplusplus
}
#endif
#endif
