/* SPDX-License-Identifier: ISC */
/*
 * Provoke: misuses on purpose, each on one line of a test, and what must stay silent next to it.
 */
#ifndef PROVOKE_H
#define PROVOKE_H

#include "support.h"

#include <mete/check.h>
#include <mete/host.h>

/* The machine, the verifier, and what it told last. */
static struct {
	struct mete_host *host;
	struct mete_provider *provider;
	struct mete_device device;
	struct mete_check *check;
	size_t ntold;
	enum mete_misuse misuse;
	unsigned line;
	char call[64], text[4096];
} here;

static void provoke_tell(void *ctx, const struct mete_check_report *report)
{
	(void)ctx;
	here.ntold++;
	here.misuse = report->misuse;
	here.line = report->line;
	snprintf(here.call, sizeof here.call, "%s", report->call ? report->call : "");
	snprintf(here.text, sizeof here.text, "%s", report->text);
}

static void provoke_start(void)
{
	const struct mete_check_config config = { .report = provoke_tell, .policy = "" };

	memset(&here, 0, sizeof here);
	assert_ok(mete_host_create(NULL, &here.host));
	here.provider = mete_host_provider(here.host);
	assert_ok(mete_check_create(here.provider, &config, &here.check));
	const struct mete_device_config device = { .provider = here.provider, .name = "nic" };
	assert_ok(mete_device_init(&here.device, &device));
}

/* Nothing is left, and nothing more was told. */
static void provoke_end(void)
{
	size_t before = here.ntold;

	assert_int_equal(mete_check_leaks(here.check, NULL), 0);
	assert_int_equal(here.ntold, before);
	(void)mete_check_destroy(here.check);
	assert_ok(mete_device_fini(&here.device));
	assert_ok(mete_host_destroy(here.host));
}

static void provoke_told(enum mete_misuse want, const char *call, unsigned line, size_t before)
{
	if (here.ntold != before + 1)
		fail_msg("%s: told %zu times; last: %s", mete_misuse_name(want), here.ntold - before, here.text);
	if (here.misuse != want || strcmp(here.call, call) || here.line != line)
		fail_msg("%s by %s() at line %u was wanted, and told was:\n%s", mete_misuse_name(want), call, line, here.text);
}

/* `statement` is told once as `want`, on this line, as a use of `call` ("": the core's own). */
#define PROVOKE(want, call, statement)                                                                                 \
	do {                                                                                                           \
		size_t provoke_before = here.ntold;                                                                    \
		statement;                                                                                             \
		provoke_told(METE_DMA_##want, call, __LINE__, provoke_before);                                         \
	} while (0)

/* The next is told nothing of. */
#define SILENT(statement)                                                                                              \
	do {                                                                                                           \
		size_t provoke_before = here.ntold;                                                                    \
		statement;                                                                                             \
		if (here.ntold != provoke_before)                                                                      \
			fail_msg("%s: was told %s", #statement, here.text);                                            \
	} while (0)

#define ADVISES(words) assert_non_null(strstr(here.text, words))

#endif
