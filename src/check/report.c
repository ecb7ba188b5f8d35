/* SPDX-License-Identifier: ISC */
/*
 * Report: a finding in words.
 *
 * For people, a headline and one line for each thing there is to know; for programs, the same as one JSON object.  The same
 * misuse from the same place is reported once, and counted each time.  The content of memory is never printed.
 *
 *   DMA-M06 unmapped with another size than mapped
 *     here      dma_unmap_single() at ring.c:120, in ring_stop()
 *     but       1536 bytes were mapped, and 1500 are unmapped
 *     object    mapping for "nic", 1536 bytes, bus 0x12000, CPU 0x7f0000012000
 *     mapped    dma_map_single() at ring.c:95, in ring_fill()
 *     why       a part stays mapped, or somebody else's mapping goes
 *     fix       remember the length, ...
 *     quiet     METE_CHECK=M06=off
 */
#define _POSIX_C_SOURCE 200809L /* open_memstream() and the like */

#include "check_state.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int told_compare(struct told *a, struct told *b)
{
	if (a->misuse != b->misuse)
		return a->misuse < b->misuse ? -1 : 1;
	return (uintptr_t)a->site < (uintptr_t)b->site ? -1 : a->site != b->site;
}

RB_GENERATE_INTERNAL(told_tree, told, tree, told_compare, __attribute__((unused)) static)

void mete__told_forget(struct told_tree *tree)
{
	struct told *told;

	while ((told = RB_ROOT(tree))) {
		RB_REMOVE(told_tree, tree, told);
		free(told);
	}
}

static const char *const policy_words[] = { "off", "note", "warn", "fail", "abort" };
static const char *const severity_words[] = { "wrong everywhere", "wrong on some machines", "suspicious" };

/* A place in words. */
struct spot {
	const char *call, *file, *function;
	unsigned line;
};

static bool spot_find(struct mete_check *check, const struct place *place, struct spot *ret)
{
	*ret = (struct spot){ .call = place->call };
	if (!check->where)
		check->where = mete__where_create();
	return mete__where_line(check->where, place->site, &ret->file, &ret->line, &ret->function) || ret->call;
}

static const char *file_name(const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;
	return slash ? slash + 1 : path;
}

static void print_spot(FILE *out, const char *word, const struct spot *spot)
{
	fprintf(out, "  %-9s ", word);
	if (spot->call)
		fprintf(out, "%s()%s", spot->call, spot->file ? " at " : "");
	if (spot->file)
		fprintf(out, "%s:%u", file_name(spot->file), spot->line);
	if (spot->function)
		fprintf(out, ", in %s()", spot->function);
	fprintf(out, "\n");
}

static void print_place(struct mete_check *check, FILE *out, const char *word, const struct place *place)
{
	struct spot spot;

	if (word && (place->site || place->call) && spot_find(check, place, &spot))
		print_spot(out, word, &spot);
}

static void print_object(FILE *out, const struct finding *f)
{
	if (!f->object)
		return;
	fprintf(out, "  %-9s %s", "object", f->object);
	if (f->device && f->device->name)
		fprintf(out, " for \"%s\"", f->device->name);
	fprintf(out, ", %zu bytes", f->len);
	if (f->has_bus)
		fprintf(out, ", bus 0x%" PRIx64, (uint64_t)f->bus);
	if (f->cpu)
		fprintf(out, ", CPU 0x%" PRIxPTR, f->cpu);
	fprintf(out, "\n");
}

static char *report_text(struct mete_check *check, const struct finding *f, const struct spot *here)
{
	const struct misuse *m = &mete__misuses[f->misuse];
	const char *fix = mete__misuse_fix(f->misuse, f->here.face);
	char *text = NULL;
	size_t len;

	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	fprintf(out, "%s %s (%s)\n", m->name, m->title, severity_words[m->severity]);
	if (here->call || here->file)
		print_spot(out, "here", here);
	if (f->what[0])
		fprintf(out, "  %-9s %s\n", "but", f->what);
	print_object(out, f);
	print_place(check, out, f->made_word, &f->made);
	print_place(check, out, "synced", &f->synced);
	print_place(check, out, f->ended_word, &f->ended);
	fprintf(out, "  %-9s %s\n", "why", m->why);
	if (fix)
		fprintf(out, "  %-9s %s\n", "fix", fix);
	if (check->repeat)
		fprintf(out, "  %-9s %s\n", "repeat", check->repeat);
	fprintf(out, "  %-9s METE_CHECK=%s=off\n", "quiet", m->name + 4);
	return fclose(out) ? NULL : text;
}

static json_t *json_spot(const struct spot *spot)
{
	return json_pack("{s:s?, s:s?, s:i, s:s?}", "call", spot->call, "file", spot->file, "line", (int)spot->line,
	    "function", spot->function);
}

static void json_place(struct mete_check *check, json_t *object, const char *word, const struct place *place)
{
	struct spot spot;

	if (word && (place->site || place->call) && spot_find(check, place, &spot))
		json_object_set_new(object, word, json_spot(&spot));
}

static char *report_json(struct mete_check *check, const struct finding *f, const struct spot *here)
{
	const struct misuse *m = &mete__misuses[f->misuse];

	json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s?, s:s?, s:I}", "id", m->name, "title", m->title, "severity",
	    severity_words[m->severity], "policy", policy_words[check->policy[f->misuse]], "what", f->what, "object", f->object,
	    "device", f->device ? f->device->name : NULL, "len", (json_int_t)f->len);
	if (!object)
		return NULL;
	if (f->has_bus) /* a string: JSON's numbers are not exact so far up */
		json_object_set_new(object, "bus", json_sprintf("0x%" PRIx64, (uint64_t)f->bus));
	json_object_set_new(object, "here", json_spot(here));
	json_place(check, object, f->made_word, &f->made);
	json_place(check, object, "synced", &f->synced);
	json_place(check, object, f->ended_word, &f->ended);
	json_object_set_new(object, "why", json_string(m->why));
	const char *fix = mete__misuse_fix(f->misuse, f->here.face);
	if (fix)
		json_object_set_new(object, "fix", json_string(fix));
	if (check->repeat)
		json_object_set_new(object, "repeat", json_string(check->repeat));
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return text;
}

/* A line may be several sites, where a compiler has unrolled a loop or copied a function into its callers. */
static bool line_told(struct mete_check *check, const struct told *new)
{
	struct told *told;

	RB_FOREACH(told, told_tree, &check->told) {
		if (told->misuse == new->misuse && told->file && new->file && told->line == new->line &&
		    !strcmp(told->file, new->file))
			return true;
	}
	return false;
}

/* Inside: whether it was not told of this place yet; from now on it was. */
static bool told_first(struct mete_check *check, const struct finding *f)
{
	struct told key = { .misuse = f->misuse, .site = f->here.site };
	struct spot spot;

	if (RB_FIND(told_tree, &check->told, &key))
		return false;
	(void)spot_find(check, &f->here, &spot);
	key.file = spot.file;
	key.line = spot.line;
	bool first = !line_told(check, &key);
	struct told *told = malloc(sizeof *told);
	if (told) { /* without memory it is told again, which is better than not at all */
		*told = key;
		RB_INSERT(told_tree, &check->told, told);
	}
	return first;
}

/* Inside: count it.  Returns whether it is to be told. */
static bool finding_counts(struct mete_check *check, const struct finding *f)
{
	enum mete_policy policy = check->policy[f->misuse];

	check->count[f->misuse]++;
	if (check->expected[f->misuse]) {
		check->expected[f->misuse]--;
		return false;
	}
	if (policy >= METE_POLICY_FAIL)
		check->failures++;
	if (policy == METE_POLICY_OFF)
		return false;
	return told_first(check, f);
}

static void finding_tell(struct mete_check *check, const struct finding *f)
{
	const struct misuse *m = &mete__misuses[f->misuse];
	struct spot here;

	mete__check_lock(check); /* `where` is not for two threads */
	(void)spot_find(check, &f->here, &here);
	char *text = report_text(check, f, &here), *json = report_json(check, f, &here);
	const struct mete_check_report report = {
		.misuse = f->misuse, .policy = check->policy[f->misuse], .severity = m->severity, .name = m->name,
		.title = m->title, .call = here.call, .file = here.file, .line = here.line,
		.text = text ? text : m->title, .json = json ? json : "{}",
	};
	mete__check_unlock(check);
	if (check->config.report)
		check->config.report(check->config.ctx, &report);
	else
		fprintf(stderr, "%s", report.text);
	free(text);
	free(json);
	if (report.policy == METE_POLICY_ABORT)
		abort();
}

void mete__report_findings(struct mete_check *check, struct findings *found)
{
	for (size_t i = 0; i < found->n; i++) {
		mete__check_lock(check);
		bool tell = finding_counts(check, &found->finding[i]);
		mete__check_unlock(check);
		if (tell)
			finding_tell(check, &found->finding[i]);
	}
}
