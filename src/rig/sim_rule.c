/* SPDX-License-Identifier: ISC */
/*
 * Fault rules in words: "bus-write xor=0x01 source=0x10 skip=3 count=1".
 *
 * Words are separated by spaces.  A word is a class, a fault, or a name with a number; the class and the fault must be
 * there, and nothing twice.  What is wrong is told by the word.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim_machine.h"

#define RULE_WORD 64 /* characters of a word, with the end */

struct words {
	const char *next;
	char word[RULE_WORD];
};

enum rule_part { PART_CLASS = 1, PART_FAULT = 2, PART_SOURCE = 4, PART_RANGE = 8, PART_SKIP = 16, PART_COUNT = 32,
	PART_PPM = 64 };

/* The next word; an empty one at the end.  False if it is too long to be one. */
static bool words_next(struct words *w)
{
	while (*w->next == ' ' || *w->next == '\t')
		w->next++;
	size_t len = strcspn(w->next, " \t");
	bool fits = len < RULE_WORD;
	size_t kept = fits ? len : RULE_WORD - 1;
	memcpy(w->word, w->next, kept);
	w->word[kept] = '\0';
	w->next += len;
	return fits;
}

static bool number(const char *text, char **ret_end, uint64_t *ret_value)
{
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long long value = strtoull(text, ret_end, text[0] == '0' && text[1] == 'x' ? 16 : 10);
	*ret_value = value;
	return !errno;
}

static bool number_alone(const char *text, uint64_t most, uint64_t *ret_value)
{
	char *end;
	uint64_t value;

	if (!text || !number(text, &end, &value) || *end || value > most)
		return false;
	*ret_value = value;
	return true;
}

static bool range(const char *text, struct mete_sim_rule *rule)
{
	char *end;

	return text && number(text, &end, &rule->first) && *end == '-' && number_alone(end + 1, UINT64_MAX, &rule->last) &&
	    rule->first <= rule->last && rule->last;
}

static size_t word_of(const char *word, const char *const *names, size_t n)
{
	size_t i = 0;

	while (i < n && strcmp(word, names[i]))
		i++;
	return i;
}

/* Put one word into the rule.  Returns which part it is, 0 if it is none. */
static unsigned rule_word(struct mete_sim_rule *rule, const char *word, const char *value)
{
	static const char *const classes[] = { "alloc", "record", "map", "sync", "bus-read", "bus-write", "register-read",
		"register-write", "irq" };
	static const char *const faults[] = { "fail", "and", "or", "xor", "drop", "delay", "extra" };
	size_t on = word_of(word, classes, METE_SIM_CLASSES), fault = word_of(word, faults, METE_SIM_FAULTS);
	uint64_t n;

	if (on < METE_SIM_CLASSES) {
		rule->on = (enum mete_sim_class)on;
		return value ? 0 : PART_CLASS;
	}
	if (fault < METE_SIM_FAULTS) {
		bool plain = fault == METE_SIM_FAIL || fault == METE_SIM_DROP;
		rule->fault = (enum mete_sim_fault)fault;
		if (plain)
			return value ? 0 : PART_FAULT;
		return number_alone(value, UINT64_MAX, &rule->operand) ? PART_FAULT : 0;
	}
	if (!strcmp(word, "range"))
		return range(value, rule) ? PART_RANGE : 0;
	if (!strcmp(word, "skip"))
		return number_alone(value, UINT64_MAX, &rule->skip) ? PART_SKIP : 0;
	if (!strcmp(word, "count"))
		return number_alone(value, UINT64_MAX, &rule->count) ? PART_COUNT : 0;
	if (!strcmp(word, "source") && number_alone(value, UINT16_MAX, &n)) {
		rule->source = (uint16_t)n;
		return PART_SOURCE;
	}
	if (!strcmp(word, "ppm") && number_alone(value, 1000000, &n)) {
		rule->ppm = (uint32_t)n;
		return PART_PPM;
	}
	return 0;
}

int mete_sim_rule_parse(const char *words, struct mete_sim_rule *ret_rule, char *text, size_t text_len)
{
	struct mete_sim_rule rule = { 0 };
	struct words w = { .next = words };
	unsigned parts = 0;

	mete__rig_say(text, text_len, "%s", "");
	if (!words || !ret_rule)
		return METE_EINVAL;
	for (;;) {
		bool fits = words_next(&w);
		if (!*w.word)
			break;
		char *value = strchr(w.word, '=');
		if (value)
			*value++ = '\0';
		unsigned part = fits ? rule_word(&rule, w.word, value) : 0;
		if (!part || (parts & part)) {
			mete__rig_say(text, text_len, "%s%s%s: %s", w.word, value ? "=" : "", value ? value : "",
			    part ? "said twice" : "not a word of a fault rule, or its number is missing or wrong");
			return METE_EINVAL;
		}
		parts |= part;
	}
	if (!(parts & PART_CLASS) || !(parts & PART_FAULT)) {
		mete__rig_say(text, text_len, "\"%.80s\": a fault rule needs %s", words,
		    parts & PART_CLASS ? "a fault: fail, and=N, or=N, xor=N, drop, delay=N, extra=N" :
		    "what it is about: alloc, record, map, sync, bus-read, bus-write, register-read, register-write, irq");
		return METE_EINVAL;
	}
	*ret_rule = rule;
	return 0;
}

int mete__sim_rules_read(struct sim *sim, const char *rules, char *text, size_t text_len)
{
	struct mete_sim_rule rule;
	char line[256];
	int error = 0;

	while (*rules && !error) {
		size_t len = strcspn(rules, "\n");
		if (len >= sizeof(line)) {
			mete__rig_say(text, text_len, "a fault rule of %zu characters: at most 255 are read", len);
			return METE_EINVAL;
		}
		memcpy(line, rules, len);
		line[len] = '\0';
		rules += len + (rules[len] == '\n');
		if (!line[strspn(line, " \t")])
			continue;
		error = mete_sim_rule_parse(line, &rule, text, text_len);
		if (!error && (error = mete_sim_rule_add(&sim->rig, &rule, NULL)))
			mete__rig_say(text, text_len, "\"%.80s\": %s", line, error == METE_ENOMEM ? "the rule after the 64th" :
			    "this fault cannot happen to this operation");
	}
	return error;
}
