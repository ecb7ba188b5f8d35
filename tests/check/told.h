/* SPDX-License-Identifier: ISC */
/*
 * Told: a host with a device and a verifier that remembers what it tells.
 */
#ifndef METE_TESTS_TOLD_H
#define METE_TESTS_TOLD_H

#include "support.h"

#include <mete/check.h>
#include <mete/device.h>
#include <mete/host.h>

#define TOLD 64

struct told {
	enum mete_misuse misuse;
	unsigned line;
	char file[64], text[2048];
};

struct world {
	struct mete_host *host;
	struct mete_provider *provider;
	struct mete_device device;
	struct mete_check *check;
	struct told told[TOLD];
	size_t ntold;
};

static inline void told_tell(void *ctx, const struct mete_check_report *report)
{
	struct world *w = ctx;
	struct told *told = &w->told[w->ntold++ % TOLD];

	told->misuse = report->misuse;
	told->line = report->line;
	snprintf(told->file, sizeof told->file, "%s", report->file ? strrchr(report->file, '/') + 1 : "");
	snprintf(told->text, sizeof told->text, "%s", report->text);
}

static inline void world_start(struct world *w, const struct mete_host_config *host, enum mete_level level,
    enum mete_shadow shadow)
{
	const struct mete_check_config config = { .report = told_tell, .ctx = w, .policy = "", .level = level,
		.shadow = shadow };

	memset(w, 0, sizeof *w);
	assert_ok(mete_host_create(host, &w->host));
	w->provider = mete_host_provider(w->host);
	assert_ok(mete_check_create(w->provider, &config, &w->check));
	const struct mete_device_config device = { .provider = w->provider, .name = "nic" };
	assert_ok(mete_device_init(&w->device, &device));
}

static inline void world_end(struct world *w)
{
	(void)mete_check_destroy(w->check);
	assert_ok(mete_device_fini(&w->device));
	assert_ok(mete_host_destroy(w->host));
}

/* One more than `before` is told: `misuse`; on `line` of the test, if it is not 0. */
static inline void told_one(const struct world *w, size_t before, enum mete_misuse misuse, const char *file, unsigned line)
{
	(void)mete_check_failures(w->check); /* what was caught is told now */
	if (w->ntold == before)
		fail_msg("nothing was told, and %s should have been", mete_misuse_name(misuse));
	const struct told *told = &w->told[before];
	if (w->ntold != before + 1 || told->misuse != misuse || (line && told->line != line) ||
	    (line && strcmp(told->file, strrchr(file, '/') + 1)))
		fail_msg("not %s alone, at line %u, but %zu reports:\n%s%s", mete_misuse_name(misuse), line, w->ntold - before,
		    told->text, w->ntold > before + 1 ? told[1].text : "");
}

#define TOLD_ONE(w, before, misuse, line) told_one(w, before, misuse, __FILE__, line)

static inline void told_nothing(const struct world *w, size_t before)
{
	(void)mete_check_failures(w->check);
	if (w->ntold != before)
		fail_msg("this should not have been told:\n%s", w->told[before].text);
}

#endif
