/* SPDX-License-Identifier: ISC */
/*
 * IOVA: the addresses of a domain, and when they may be used again.
 *
 * The frames engine hands out ranges of IOVA pages; it does not mind that they are no memory.  The order of giving back
 * is the whole art: out of the table, out of the hardware's memory, and only then back to the engine.  A deferred domain
 * collects ranges and has them forgotten together; until then they wait in quarantine, where nobody can get them.
 */
#include "way.h"

#include "bits.h"
#include "bytes.h"
#include "checked.h"
#include "guard.h"
#include "line.h"

static void domain_enter(struct mete_domain *d)
{
	guard_lock(&d->guard, &d->provider->hooks, d->provider->hooks_ctx);
}

static void domain_leave(struct mete_domain *d)
{
	guard_unlock(&d->guard, &d->provider->hooks, d->provider->hooks_ctx);
}

static bool config_sane(const struct mete_domain_config *c)
{
	const struct mete_iommu_ops *ops = c->ops;

	return ops && ops->map && ops->unmap && ops->flush && ops->lookup && bits_is_power2(c->page) && c->page >= 4096 &&
	    !(c->first & (c->page - 1)) && !((c->last + 1) & (c->page - 1)) && c->first < c->last;
}

int mete_domain_init(struct mete_domain *d, struct mete_provider *provider, const struct mete_domain_config *config)
{
	static const mete_paddr no_edges = 0;

	if (!d || !provider || !config || !config_sane(config))
		return METE_EINVAL;
	mete__bytes_zero(d, sizeof *d);
	d->provider = provider;
	mete__bytes_copy(&d->config, config, sizeof d->config);
	if (!d->config.first)
		d->config.first = (mete_baddr)d->config.page; /* address 0 is too good at hiding mistakes */
	if (d->config.first > d->config.last)
		return METE_EINVAL;
	uint64_t len = (uint64_t)(d->config.last - d->config.first) + 1;
	if (!len || len > SIZE_MAX)
		return METE_EINVAL;
	int error = mete_frames_init(&d->frames, d->config.page, &no_edges, 0);
	if (error)
		return error;
	d->frame_records_len = mete_frames_records(&d->frames, d->config.first, (size_t)len);
	if (!d->frame_records_len)
		return METE_EINVAL;
	d->frame_records = provider->ops->record_alloc(provider->ctx, d->frame_records_len);
	if (!d->frame_records)
		return METE_ENOMEM;
	error = mete_frames_add(&d->frames, d->config.first, (size_t)len, 1u << METE_MEMORY_CACHED, d->frame_records);
	if (error)
		provider->ops->record_free(provider->ctx, d->frame_records, d->frame_records_len);
	return error;
}

int mete_domain_fini(struct mete_domain *d)
{
	struct mete_provider *p = d->provider;

	mete_domain_flush(d);
	domain_enter(d);
	bool busy = d->nattached || d->nmapped;
	domain_leave(d);
	if (busy)
		return mete__line_count(p, &p->counters.fini_busy, METE_EBUSY);
	p->ops->record_free(p->ctx, d->frame_records, d->frame_records_len);
	d->frame_records = NULL;
	return 0;
}

int mete_domain_attach(struct mete_domain *d, struct mete_device *device)
{
	if (!device || (d && d->provider != device->provider))
		return METE_EINVAL;
	if ((d && device->domain) || device->bounce) /* an area is cut for the pages of the domain it was made in */
		return METE_EBUSY;
	struct mete_domain *old = device->domain;
	if (old) {
		domain_enter(old);
		old->nattached--;
		domain_leave(old);
	}
	if (d) {
		domain_enter(d);
		d->nattached++;
		domain_leave(d);
	}
	device->domain = d;
	return 0;
}

void mete_domain_flush(struct mete_domain *d)
{
	/* One flush at a time.  Its ranges stay in quarantine until it is done; what comes meanwhile waits for the next. */
	domain_enter(d);
	size_t n = d->flushing ? 0 : d->nquarantine;
	if (n)
		d->flushing = true;
	domain_leave(d);
	if (!n)
		return;
	d->config.ops->flush(d->config.ctx, 0, 0);
	domain_enter(d);
	for (size_t i = 0; i < n; i++)
		(void)mete_frames_give(&d->frames, d->quarantine[i].iova, d->quarantine[i].len);
	d->nquarantine -= n;
	for (size_t i = 0; i < d->nquarantine; i++)
		d->quarantine[i] = d->quarantine[n + i];
	d->flushing = false;
	domain_leave(d);
}

int mete_domain_fault(struct mete_domain *d, struct mete_iommu_fault *ret_fault)
{
	return d->config.ops->fault ? d->config.ops->fault(d->config.ctx, ret_fault) : METE_ENODEV;
}

static int iova_try(struct mete_domain *d, const struct mete_want *want, mete_baddr *ret_iova)
{
	mete_paddr iova;

	domain_enter(d);
	int error = mete_frames_take(&d->frames, want, &iova);
	if (!error)
		d->nmapped++;
	domain_leave(d);
	if (!error)
		*ret_iova = iova;
	return error;
}

int mete__iova_take(struct mete_domain *d, const struct mete_constraint *limit, size_t len, mete_baddr *ret_iova)
{
	struct mete_want want;

	mete__bytes_zero(&want, sizeof want);
	want.len = len;
	want.memory = METE_MEMORY_CACHED;
	want.first = limit->first;
	want.last = limit->last;
	want.hole_first = limit->hole_first;
	want.hole_last = limit->hole_last;
	if (limit->align > d->config.page) {
		want.align = limit->align;
		want.phase = limit->phase & ~(mete_baddr)(d->config.page - 1); /* the rest is the offset in the page */
	}
	if (limit->boundary >= d->config.page)
		want.boundary = limit->boundary;
	int error = iova_try(d, &want, ret_iova);
	if (error == METE_ENOMEM && d->nquarantine) {
		mete_domain_flush(d);
		error = iova_try(d, &want, ret_iova);
	}
	return error == METE_ENOMEM ? error : error ? METE_ERANGE : 0;
}

void mete__iova_give(struct mete_domain *d, mete_baddr iova, size_t len, size_t mapped, bool now)
{
	const struct mete_iommu_ops *ops = d->config.ops;
	bool quarantined = false, full = false;

	now = now || !d->config.deferred;
	if (mapped)
		ops->unmap(d->config.ctx, iova, mapped);
	if (now && mapped)
		ops->flush(d->config.ctx, iova, mapped);
	domain_enter(d);
	d->nmapped--;
	if (!now && mapped && d->nquarantine < METE_DOMAIN_QUARANTINE) {
		d->quarantine[d->nquarantine].iova = iova;
		d->quarantine[d->nquarantine++].len = len;
		quarantined = true;
		full = d->nquarantine == METE_DOMAIN_QUARANTINE;
	}
	domain_leave(d);
	if (full)
		mete_domain_flush(d);
	if (quarantined)
		return;
	if (!now && mapped)
		ops->flush(d->config.ctx, iova, mapped);
	domain_enter(d);
	(void)mete_frames_give(&d->frames, iova, len);
	domain_leave(d);
}

size_t mete__iova_length(struct mete_domain *d, mete_baddr iova)
{
	domain_enter(d);
	size_t len = mete_frames_length(&d->frames, iova);
	for (size_t i = 0; i < d->nquarantine; i++) {
		if (d->quarantine[i].iova == iova)
			len = 0;
	}
	domain_leave(d);
	return len;
}

void mete__iova_clear(struct mete_domain *d, mete_baddr iova, size_t mapped)
{
	d->config.ops->unmap(d->config.ctx, iova, mapped);
	d->config.ops->flush(d->config.ctx, iova, mapped);
}
