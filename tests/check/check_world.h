/* SPDX-License-Identifier: ISC */
/*
 * A host, a device on it, and a verifier that listens; and what it told.
 */
#ifndef CHECK_WORLD_H
#define CHECK_WORLD_H

#include "support.h"

#include <mete/check.h>
#include <mete/host.h>

struct told {
	enum mete_misuse misuse;
	unsigned line;
	char call[64], text[2048];
};

struct world {
	struct mete_host *host;
	struct mete_provider *provider;
	struct mete_device device;
	struct mete_check *check;
	bool atomic;             /* threads must not sleep now */
	struct told told[16];
	size_t ntold;
};

static void world_tell(void *ctx, const struct mete_check_report *report)
{
	struct world *w = ctx;
	struct told *told = &w->told[w->ntold++ % 16];

	told->misuse = report->misuse;
	told->line = report->line;
	snprintf(told->call, sizeof told->call, "%s", report->call ? report->call : "");
	snprintf(told->text, sizeof told->text, "%s", report->text);
}

static bool world_atomic(void *ctx)
{
	return ((struct world *)ctx)->atomic;
}

/* `most` mappings at once are allowed; 0: any number. */
static void world_start(struct world *w, size_t most)
{
	const struct mete_check_config config = { .report = world_tell, .ctx = w, .policy = "", .most_mappings = most,
		.atomic = world_atomic };

	memset(w, 0, sizeof *w);
	assert_ok(mete_host_create(NULL, &w->host));
	w->provider = mete_host_provider(w->host);
	assert_ok(mete_check_create(w->provider, &config, &w->check));
	const struct mete_device_config device = { .provider = w->provider, .name = "nic" };
	assert_ok(mete_device_init(&w->device, &device));
}

static void world_end(struct world *w)
{
	(void)mete_check_destroy(w->check);
	assert_ok(mete_device_fini(&w->device));
	assert_ok(mete_host_destroy(w->host));
}

/* Nothing more was told than `n` reports; the last of them is `misuse`, on `line`, if that is not 0. */
static void assert_told(const struct world *w, size_t n, enum mete_misuse misuse, unsigned line)
{
	if (w->ntold != n && w->ntold)
		print_error("%s", w->told[w->ntold - 1].text);
	assert_int_equal(w->ntold, n);
	assert_string_equal(mete_misuse_name(w->told[n - 1].misuse), mete_misuse_name(misuse));
	if (line)
		assert_int_equal(w->told[n - 1].line, line);
}

static void assert_silent(const struct world *w, size_t n)
{
	if (w->ntold != n)
		print_error("%s", w->told[w->ntold - 1].text);
	assert_int_equal(w->ntold, n);
}

#endif
