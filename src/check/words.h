/* SPDX-License-Identifier: ISC */
/*
 * Words: names, policies and advice.
 */
#ifndef WORDS_H
#define WORDS_H

#include <mete/check.h>

struct misuse {
	const char *name; /* "DMA-A01" */
	enum mete_severity severity;
	const char *title;
	const char *why;
};

extern const struct misuse mete__misuses[METE_NMISUSES];

/* What to do about it, in the words of `face` (NULL: the core's). */
const char *mete__misuse_fix(enum mete_misuse misuse, const char *face);

/* The usual policies. */
void mete__policy_default(enum mete_policy policy[METE_NMISUSES]);

/* Apply `text`.  METE_EINVAL, and where; nothing has changed then. */
int mete__policy_parse(enum mete_policy policy[METE_NMISUSES], const char *text, size_t *ret_at);

#endif
