/* SPDX-License-Identifier: ISC */
/*
 * Nth: operations that fail in turn.
 *
 * While it is armed, the provider's functions are its own, which count what the test's thread asks for, and refuse it once.  The
 * library may try again by another way before it tells the driver; so what was refused stays refused until the driver
 * has heard of it: the core tells what it made or refused as an event, and a face's call ends.
 */
#define _POSIX_C_SOURCE 200809L /* open_memstream() and the like */

#include "test_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST 4096 /* runs, unless the caller says */

struct nth_domain {
	struct nth_domain *next;
	struct mete_test *test;
	struct mete_domain_config real;
	struct mete_iommu_ops ops;
};

/* What is refused for a while; only the addresses matter. */
static const char take_kind, translate_kind, record_kind, map_kind;

/* While something is refused, nobody waits for it. */
static bool wait_never(void *ctx)
{
	(void)ctx;
	return false;
}

/* Whether an operation is to fail; `len` bytes could not be `what`. */
static bool nth_fails(struct mete_test *test, const char *kind, size_t len, const char *what)
{
	struct nth *nth = &test->nth;

	if (!nth->real || !pthread_equal(pthread_self(), test->thread))
		return false;
	if (nth->sticky)
		return nth->sticky == kind;
	if (nth->fired || nth->left--)
		return false;
	nth->fired = true;
	(void)mete__test_inside(&nth->call, &nth->site);
	snprintf(nth->what, sizeof nth->what, "%zu bytes could not be %s", len, what);
	nth->sticky = kind;
	test->provider->hooks.may_wait = wait_never;
	return true;
}

void mete__nth_heard(struct nth *nth, const struct mete_provider *provider, const void *site)
{
	if (nth->fired && !nth->site)
		nth->site = site;
	if (!nth->sticky)
		return;
	nth->sticky = NULL;
	((struct mete_provider *)(uintptr_t)provider)->hooks.may_wait = nth->may_wait;
}

static int nth_take(void *ctx, const struct mete_want *want, struct mete_run *ret_run)
{
	struct mete_test *test = ctx;
	if (nth_fails(test, &take_kind, want->len, "allocated"))
		return METE_ENOMEM;
	return test->nth.real->take(test->nth.real_ctx, want, ret_run);
}

static void nth_give(void *ctx, const struct mete_run *run)
{
	struct mete_test *test = ctx;
	test->nth.real->give(test->nth.real_ctx, run);
}

/* Not METE_EFAULT: the driver maps what can be mapped, and has done nothing wrong. */
static int nth_translate(void *ctx, const void *cpu, size_t len, mete_paddr *ret_phys, size_t *ret_len)
{
	struct mete_test *test = ctx;
	if (nth_fails(test, &translate_kind, len, "mapped"))
		return METE_ENOMEM;
	return test->nth.real->translate(test->nth.real_ctx, cpu, len, ret_phys, ret_len);
}

static void *nth_record_alloc(void *ctx, size_t len)
{
	struct mete_test *test = ctx;
	if (nth_fails(test, &record_kind, len, "had for a record"))
		return NULL;
	return test->nth.real->record_alloc(test->nth.real_ctx, len);
}

static void nth_record_free(void *ctx, void *record, size_t len)
{
	struct mete_test *test = ctx;
	test->nth.real->record_free(test->nth.real_ctx, record, len);
}

static int nth_view(void *ctx, mete_paddr phys, size_t len, void **ret_cpu, size_t *ret_len)
{
	struct mete_test *test = ctx;
	return test->nth.real->view(test->nth.real_ctx, phys, len, ret_cpu, ret_len);
}

static void nth_cache(void *ctx, enum mete_cache op, void *cpu, mete_paddr phys, size_t len)
{
	struct mete_test *test = ctx;
	test->nth.real->cache(test->nth.real_ctx, op, cpu, phys, len);
}

static unsigned nth_traits(void *ctx, const void *cpu, size_t len)
{
	struct mete_test *test = ctx;
	return test->nth.real->traits(test->nth.real_ctx, cpu, len);
}

/* The operation after `n` others fails. */
static void nth_arm(struct mete_test *test, size_t n)
{
	struct mete_provider *p = test->provider;
	struct nth_domain *domains = test->nth.domains;

	test->nth = (struct nth){ .real = p->ops, .real_ctx = p->ctx, .may_wait = p->hooks.may_wait, .left = n, .domains = domains };
	test->nth.ops = (struct mete_provider_ops){ nth_take, nth_give, nth_translate, nth_record_alloc, nth_record_free,
		p->ops->view ? nth_view : NULL, p->ops->cache ? nth_cache : NULL, p->ops->traits ? nth_traits : NULL };
	p->ops = &test->nth.ops;
	p->ctx = test;
}

bool mete__nth_disarm(struct mete_test *test)
{
	if (!test->nth.real)
		return false;
	mete__nth_heard(&test->nth, test->provider, NULL);
	test->provider->ops = test->nth.real;
	test->provider->ctx = test->nth.real_ctx;
	test->nth.real = NULL;
	return test->nth.fired;
}

char *mete__nth_words(struct mete_test *test)
{
	const char *file = NULL, *function = NULL;
	struct nth *nth = &test->nth;
	unsigned line;
	char *text;
	size_t len;

	if (!nth->fired)
		return NULL;
	FILE *out = open_memstream(&text, &len);
	if (!out)
		return NULL;
	fprintf(out, "When %s", nth->what);
	if (nth->call)
		fprintf(out, " in %s()", nth->call);
	if (mete_check_line(test->check, nth->site, &file, &line, &function)) {
		const char *slash = strrchr(file, '/');
		fprintf(out, " at %s:%u, in %s()", slash ? slash + 1 : file, line, function);
	}
	fprintf(out, ":\n");
	return fclose(out) ? NULL : text;
}

/* What there was before a run. */
struct before {
	size_t mark, held, misuses, told;
};

/* After a run: what it damaged, what is left of it, and what it returned. */
static void nth_look(struct mete_test *test, const struct before *before, bool fired, int result)
{
	char text[160];

	(void)mete_check_fills(test->check);
	size_t leaks = mete_check_leaks_since(test->check, before->mark);
	size_t held = mete_provider_held(test->provider), misuses = mete_check_failures(test->check) - before->misuses;
	if (!leaks && !test->nfound && held > before->held) {
		snprintf(text, sizeof text, "%zu runs of memory are still held, but nothing in them: a pool was not destroyed, say\n",
		    held - before->held);
		mete__test_found(test, text, NULL, 0);
	}
	if (misuses && !test->nfound && test->nfailures == before->told) {
		snprintf(text, sizeof text, "%zu misuses at places that were told before\n", misuses);
		mete__test_found(test, text, NULL, 0);
	}
	if (!fired && result) {
		snprintf(text, sizeof text, "With nothing that fails it returns %d, and not 0\n", result);
		mete__test_found(test, text, NULL, 0);
	}
}

size_t mete_test_each_failure(struct mete_test *test, int (*body)(void *ctx), void *ctx, size_t most)
{
	for (size_t n = 0; n < (most ? most : MOST); n++) {
		const struct before before = { mete_check_mark(test->check), mete_provider_held(test->provider),
			mete_check_failures(test->check), test->nfailures };
		nth_arm(test, n);
		int result = body(ctx);
		bool fired = mete__nth_disarm(test);
		nth_look(test, &before, fired, result);
		mete__test_fail(test);
		test->nth.fired = false;
		if (!fired)
			return n;
	}
	mete__test_found(test, "There is more that can fail than runs were allowed\n", NULL, 0);
	mete__test_fail(test);
	return most ? most : MOST;
}

static int domain_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	struct nth_domain *d = ctx;
	if (nth_fails(d->test, &map_kind, len, "mapped behind the IOMMU"))
		return METE_ENOMEM;
	return d->real.ops->map(d->real.ctx, iova, phys, len, access);
}

static void domain_unmap(void *ctx, mete_baddr iova, size_t len)
{
	struct nth_domain *d = ctx;
	d->real.ops->unmap(d->real.ctx, iova, len);
}

static void domain_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct nth_domain *d = ctx;
	d->real.ops->flush(d->real.ctx, iova, len);
}

static int domain_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	struct nth_domain *d = ctx;
	return d->real.ops->lookup(d->real.ctx, iova, ret_phys);
}

static int domain_fault(void *ctx, struct mete_iommu_fault *ret_fault)
{
	struct nth_domain *d = ctx;
	return d->real.ops->fault(d->real.ctx, ret_fault);
}

int mete_test_domain(struct mete_test *test, struct mete_domain *domain)
{
	if (!domain || domain->provider != test->provider || domain->nmapped)
		return METE_EINVAL;
	struct nth_domain *d = calloc(1, sizeof *d);
	if (!d)
		return METE_ENOMEM;
	d->test = test;
	d->real = domain->config;
	d->ops = (struct mete_iommu_ops){ domain_map, domain_unmap, domain_flush, domain_lookup,
		domain->config.ops->fault ? domain_fault : NULL };
	d->next = test->nth.domains;
	test->nth.domains = d;
	domain->config.ops = &d->ops;
	domain->config.ctx = d;
	return 0;
}

void mete__nth_fini(struct nth *nth)
{
	for (struct nth_domain *d; (d = nth->domains);) {
		nth->domains = d->next;
		free(d);
	}
}
