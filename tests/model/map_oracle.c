/* SPDX-License-Identifier: ISC */
/*
 * Map oracle: where a bus address leads, and what a map must return.
 *
 * An object that can be mapped directly has an exact answer,
 down to the number of segments: runs that are contiguous on
 * the bus,
 cut as late as limits allow.  So has a single mapping by a stand-in or an IOMMU: every slot and every page is
 * tried.  For lists that need either, the answer is a set: errors that some choice of the library explains.
 * Shares neither code nor ideas with src/.
 */
#include "map_machine.h"

unsigned code_bit(int code)
{
	switch (code) {
	case 0: return MAY_0;
	case METE_EINVAL: return MAY_EINVAL;
	case METE_EFAULT: return MAY_EFAULT;
	case METE_ERANGE: return MAY_ERANGE;
	case METE_ENOMEM: return MAY_ENOMEM;
	case METE_ENOTSUP: return MAY_ENOTSUP;
	case METE_EMSGSIZE: return MAY_EMSGSIZE;
	case METE_EIO: return MAY_EIO;
	case METE_EBUSY: return MAY_EBUSY;
	default: return 0;
	}
}

size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t max_size(size_t a, size_t b)
{
	return a > b ? a : b;
}

size_t common_multiple(size_t a, size_t b)
{
	size_t m = a;

	while (m % b != 0)
		m += a;
	return m;
}

/* -- Limits, rule by rule -- */

struct mete_constraint limit_merge(const struct mete_constraint *a, const struct mete_constraint *b)
{
	struct mete_constraint c = *a;

	if (b == NULL)
		return c;
#define STRICTER(field) \
	if (b->field != 0 && (c.field == 0 || b->field < c.field)) \
	c.field = b->field
	STRICTER(last);
	STRICTER(boundary);
	STRICTER(max_segment);
	STRICTER(max_transfer);
	STRICTER(max_segments);
#undef STRICTER
	c.first = b->first > c.first ? b->first : c.first;
	c.min_transfer = b->min_transfer > c.min_transfer ? b->min_transfer : c.min_transfer;
	c.granularity = (uint32_t)common_multiple(max_size(1, c.granularity), max_size(1, b->granularity));
	if (b->hole_last != 0) {
		c.hole_first = b->hole_first;
		c.hole_last = b->hole_last;
	}
	if (b->align != 0) {
		c.align = b->align;
		c.phase = b->phase;
	}
	return c;
}

bool limit_contradicts(const struct mete_constraint *c)
{
	mete_baddr last = c->last != 0 ? c->last : METE_BADDR_MAX;

	if (c->first > last || (c->hole_last != 0 && c->hole_first <= c->first && c->hole_last >= last))
		return true;
	if (c->max_transfer != 0 && (c->max_transfer < c->min_transfer || c->max_transfer < c->granularity))
		return true;
	return c->max_segment != 0 && c->max_segment < c->granularity;
}

bool limit_allows(const struct mete_constraint *c, mete_baddr bus, mete_baddr len, bool aligned)
{
	mete_baddr end = bus + (len - 1);

	if (end < bus || bus < c->first || (c->last != 0 && end > c->last))
		return false;
	if (c->hole_last != 0 && bus <= c->hole_last && end >= c->hole_first)
		return false;
	if (c->boundary != 0 && bus / c->boundary != end / c->boundary)
		return false;
	if (aligned && c->align != 0 && bus % c->align != c->phase)
		return false;
	return c->max_segment == 0 || len <= c->max_segment;
}

/* -- Where things are -- */

/* Where the bus shows the memory at `phys`, and how many bytes from there on in one range; 0: nowhere. */
static mete_paddr bus_of(const struct machine *m, mete_paddr phys, mete_baddr *ret_bus)
{
	size_t i;

	if (m->nranges == 0) {
		*ret_bus = (mete_baddr)phys;
		return METE_PADDR_MAX - phys;
	}
	for (i = 0; i < m->nranges; i++)
		if (phys >= m->range[i].phys && phys - m->range[i].phys < m->range[i].len) {
			*ret_bus = m->range[i].bus + (mete_baddr)(phys - m->range[i].phys);
			return m->range[i].len - (phys - m->range[i].phys);
		}
	return 0;
}

size_t resolve(const struct machine *m, mete_baddr bus, size_t *ret_n, enum mete_access *ret_access)
{
	const struct map_world *w = &m->world;
	mete_paddr phys = 0;
	size_t i, n = 0, offset;

	*ret_access = METE_DEVICE_READS_WRITES;
	if (m->has_domain) {
		if (bus < w->config.iova || (bus - w->config.iova) / w->config.page >= w->config.npages)
			return WORLD_NOWHERE;
		i = (size_t)((bus - w->config.iova) / w->config.page);
		if (!w->table[i].valid)
			return WORLD_NOWHERE;
		phys = w->table[i].phys + (mete_paddr)(bus & (w->config.page - 1));
		n = w->config.page - (size_t)(bus & (w->config.page - 1));
		*ret_access = w->table[i].access;
	} else if (m->nranges == 0) {
		phys = (mete_paddr)bus;
		n = w->config.frame;
	} else {
		for (i = 0; i < m->nranges; i++)
			if (bus >= m->range[i].bus && bus - m->range[i].bus < m->range[i].len)
				break;
		if (i == m->nranges)
			return WORLD_NOWHERE;
		phys = m->range[i].phys + (mete_paddr)(bus - m->range[i].bus);
		n = (size_t)(m->range[i].len - (bus - m->range[i].bus));
	}
	offset = world_offset(w, phys);
	if (offset == WORLD_NOWHERE)
		return WORLD_NOWHERE;
	*ret_n = min_size(n, w->config.frame - (offset & (w->config.frame - 1)));
	return offset;
}

/* -- What must happen -- */

/* Whether the device's writes would put a line in doubt that holds somebody else's bytes, too. */
static bool lines_shared(const struct machine *m, const struct object *o, bool *ret_inner)
{
	size_t line = m->world.config.line, i;
	bool shared = false;

	*ret_inner = false;
	if (m->world.config.coherent || (o->access & METE_DEVICE_WRITES) == 0)
		return false;
	for (i = 0; i < o->nhome; i++) {
		const struct span *h = &o->home[i];
		bool joins_next = i + 1 < o->nhome && h->at + h->len == h[1].at;
		bool joins_prev = i > 0 && h[-1].at + h[-1].len == h->at;

		if (h->at % line != 0) {
			shared |= !joins_prev;
			*ret_inner |= joins_prev;
		}
		if ((h->at + h->len) % line != 0) {
			shared |= !joins_next;
			*ret_inner |= joins_next;
		}
	}
	return shared;
}

/* Segments of one contiguous bus range, cut as late as limits allow; 0: impossible. */
static size_t cut_run(const struct mete_constraint *c, mete_baddr bus, mete_baddr len, bool aligned)
{
	size_t n = 0;

	while (len > 0) {
		mete_baddr most = len;

		if (c->max_segment != 0 && most > c->max_segment)
			most = c->max_segment;
		if (c->boundary != 0 && most > c->boundary - bus % c->boundary)
			most = c->boundary - bus % c->boundary;
		if (aligned && c->align != 0) {
			if (bus % c->align != c->phase)
				return 0;
			if (most < len)
				most -= (bus + most - c->phase) % c->align;
		}
		if (most == 0 || most > len || !limit_allows(c, bus, most, aligned))
			return 0;
		bus += most;
		len -= most;
		n++;
	}
	return n;
}

/* The fewest segments of an object that is seen where it is; 0: not all of it can be. */
static size_t direct_segments(const struct machine *m, const struct object *o, const struct mete_constraint *c,
    bool aligned)
{
	mete_baddr run = 0, run_len = 0, bus = 0;
	size_t i, n = 0, part, at, left;
	bool apart = (o->flags & METE_MAP_APART) != 0;

	for (i = 0; i < o->nhome; i++)
		for (at = o->home[i].at, left = o->home[i].len; left > 0; at += part, left -= part) {
			mete_paddr room = bus_of(m, world_phys(&m->world, at), &bus);

			if (room == 0)
				return 0;
			part = min_size(left, m->world.config.frame - (at & (m->world.config.frame - 1)));
			if (run_len > 0 && (run + run_len != bus ||
				(apart && at == o->home[i].at && i > 0 && o->home[i].piece != o->home[i - 1].piece))) {
				size_t more = cut_run(c, run, run_len, aligned);

				if (more == 0)
					return 0;
				n += more;
				run_len = 0;
			}
			if (run_len == 0)
				run = bus;
			run_len += (mete_baddr)part;
		}
	i = cut_run(c, run, run_len, aligned);
	return i == 0 ? 0 : n + i;
}

/*
 * From what trying every start has shown: bit 0, one is free; bit 1, one would do.  The same in bits 16 and 17 of starts
 * whose whole grains or pages obey range and hole; others the library may leave out, as <mete/map.h> says.
 */
static unsigned some_answer(unsigned seen)
{
	if ((seen >> 16 & 1) != 0)
		return MAY_0;
	if ((seen & 1) != 0)
		return MAY_0 | MAY_ENOMEM | MAY_ERANGE;
	return seen >> 16 != 0 ? MAY_ENOMEM : seen != 0 ? MAY_ENOMEM | MAY_ERANGE : MAY_ERANGE;
}

/* What a stand-in of one segment must lead to, by trying every slot. */
static unsigned expect_slot(const struct machine *m, const struct object *o, const struct mete_constraint *c)
{
	mete_paddr phys = world_phys(&m->world, o->home[0].at);
	size_t lead = (size_t)phys & m->keep, n, g, i;
	mete_baddr area = 0;
	struct mete_constraint space = { .first = c->first, .last = c->last, .hole_first = c->hole_first,
		.hole_last = c->hole_last };
	unsigned may = 0, exact;

	if (!m->has_bounce || o->len > m->longest)
		return MAY_ERANGE;
	for (i = 1; i < o->nhome; i++) /* in one piece physically, but perhaps not for the CPU, who has to copy it */
		if (o->home[i - 1].at + o->home[i - 1].len != o->home[i].at)
			return MAY_ERANGE;
	bus_of(m, world_phys(&m->world, m->area), &area);
	n = (lead + o->len + m->grain - 1) / m->grain;
	for (g = 0; g + n <= m->ngrains; g++) {
		mete_baddr bus = area + (mete_baddr)(g * m->grain);

		if (!m->has_domain && !limit_allows(c, bus + (mete_baddr)lead, (mete_baddr)o->len, false))
			continue;
		exact = m->has_domain || limit_allows(&space, bus, (mete_baddr)(n * m->grain), false) ? 16 : 0;
		for (i = 0; i < n && m->grain_owner[g + i] == 0; i++)
			;
		may |= (i == n ? 1u : 2u) << exact;
	}
	return some_answer(may);
}

/* What a range of IOVA must lead to, by trying every page. */
static unsigned expect_iova(const struct machine *m, size_t off, size_t len, const struct mete_constraint *c)
{
	const struct world_config *w = &m->world.config;
	size_t n = (off + len + w->page - 1) / w->page, p, i;
	struct mete_constraint space = { .first = c->first, .last = c->last, .hole_first = c->hole_first,
		.hole_last = c->hole_last };
	unsigned may = 0, exact;

	for (p = w->iova == 0 ? 1 : 0; p + n <= w->npages; p++) {
		mete_baddr iova = w->iova + (mete_baddr)(p * w->page);

		if (!limit_allows(c, iova + (mete_baddr)off, (mete_baddr)len, false))
			continue;
		exact = limit_allows(&space, iova, (mete_baddr)(n * w->page), false) ? 16 : 0;
		for (i = 0; i < n && !m->world.table[p + i].valid && !m->page_held[p + i]; i++)
			;
		may |= (i == n ? 1u : 2u) << exact;
	}
	return some_answer(may);
}

/* Whether the part of home `i` at `at` goes on where the byte before it ended, for the CPU as well. */
static bool part_continues(const struct machine *m, const struct object *o, size_t i, size_t at)
{
	const struct span *home = &o->home[i];
	size_t before = at > home->at ? at - 1 : i > 0 ? home[-1].at + home[-1].len - 1 : WORLD_NOWHERE;
	const struct mete_piece *piece = &o->piece[home->piece], *prev = piece;

	if (before == WORLD_NOWHERE || world_phys(&m->world, before) + 1 != world_phys(&m->world, at))
		return false;
	if (at == home->at && home[-1].piece != home->piece)
		prev = &o->piece[home[-1].piece];
	if (prev == piece && piece->placed)
		return true;
	return prev == piece || (prev->cpu != NULL && piece->cpu != NULL) ? before + 1 == at : prev->cpu == piece->cpu;
}

/*
 * Segments of a list behind the IOMMU, without stand-ins: pages follow one another, stretches keep their offsets in a page,
 * and those that meet at the edge of one, or go on within it, join.  `ret_off` and `ret_len` are what IOVA it takes.
 */
static size_t iova_segments(const struct machine *m, const struct object *o, const struct mete_constraint *c,
    size_t *ret_off, size_t *ret_len)
{
	size_t page = m->world.config.page, most = c->max_segment != 0 ? (size_t)c->max_segment : SIZE_MAX;
	size_t i, at, left, part, off, laid = 0, run = 0, n = 0;

	for (i = 0; i < o->nhome; i++)
		for (at = o->home[i].at, left = o->home[i].len; left > 0; at += part, left -= part) {
			bool apart = (o->flags & METE_MAP_APART) != 0 && at == o->home[i].at && i > 0 &&
			    o->home[i].piece != o->home[i - 1].piece;
			bool goes_on = !apart && part_continues(m, o, i, at);

			part = min_size(left, m->world.config.frame - (at & (m->world.config.frame - 1)));
			off = (size_t)(world_phys(&m->world, at) & (page - 1));
			if (!goes_on && (laid % page != 0 || off != 0 || apart)) {
				n += run / most + (run % most != 0);
				run = 0;
			}
			if (!goes_on && (laid % page != 0 || off != 0))
				laid = (laid + page - 1) / page * page + off;
			if (i == 0 && at == o->home[0].at)
				*ret_off = laid;
			laid += part;
			run += part;
		}
	*ret_len = laid - *ret_off;
	return n + run / most + (run % most != 0);
}

static bool transfer_fits(const struct mete_constraint *c, size_t len)
{
	return len >= c->min_transfer && (c->granularity == 0 || len % c->granularity == 0);
}

unsigned expect_single(const struct machine *m, const struct object *o, const struct mete_constraint *c)
{
	bool inner, need = lines_shared(m, o, &inner) || m->always;
	bool crosses = o->home[0].at / m->world.config.frame != (o->home[0].at + o->len - 1) / m->world.config.frame;
	unsigned slot, iova;

	if (limit_contradicts(c) || !transfer_fits(c, o->len))
		return MAY_EINVAL;
	if (!m->world.config.coherent && m->world.config.cacheless)
		return MAY_ENOTSUP;
	if ((c->max_segment != 0 && o->len > c->max_segment) || (c->max_transfer != 0 && o->len > c->max_transfer) ||
	    (c->boundary != 0 && o->len > c->boundary))
		return MAY_ERANGE;
	if (!m->has_domain) {
		if (!need && direct_segments(m, o, c, false) == 1)
			return MAY_0;
		return expect_slot(m, o, c);
	}
	iova = expect_iova(m, (size_t)(world_phys(&m->world, o->home[0].at) & (m->world.config.page - 1)), o->len, c);
	if (!need && (iova == MAY_0 || !m->has_bounce))
		return iova;
	if (!need) /* a stand-in may fit where the memory does not, or take fewer pages */
		return iova | MAY_0 | MAY_ENOMEM | MAY_ERANGE;
	/* Where in its page the stand-in begins decides what else fits. */
	slot = expect_slot(m, o, c);
	if (m->has_bounce && crosses) /* perhaps only some of its pages need one */
		return MAY_0 | MAY_ENOMEM | MAY_ERANGE;
	if (slot == MAY_0)
		return c->first == 0 && c->last == 0 && c->hole_last == 0 && c->boundary == 0 && iova == MAY_0 &&
			expect_iova(m, m->world.config.page - 1, o->len, c) == MAY_0 ? MAY_0 :
		    MAY_0 | MAY_ENOMEM | MAY_ERANGE;
	return slot | MAY_ENOMEM | MAY_ERANGE;
}

/* More segments than any way of mapping the object makes. */
static size_t segments_at_most(const struct machine *m, const struct object *o, const struct mete_constraint *c)
{
	size_t i, n = 0;

	for (i = 0; i < o->nhome; i++) {
		size_t len = o->home[i].len;

		n += 3 + len / m->world.config.frame;
		if (c->max_segment != 0)
			n += 2 * len / (size_t)min_size((size_t)c->max_segment, SIZE_MAX / 2) + 2;
		if (c->boundary != 0)
			n += len / (size_t)c->boundary + 2;
		if (m->has_bounce)
			n += len / m->grain + 1;
	}
	return n;
}

unsigned expect_load(const struct machine *m, const struct object *o, const struct mete_constraint *c,
    size_t *ret_exact)
{
	const struct world_config *w = &m->world.config;
	bool inner, shared = lines_shared(m, o, &inner), viewless = false;
	size_t most = c->max_segments != 0 && c->max_segments < o->capacity ? c->max_segments : o->capacity, direct, i;
	size_t slots = 0, pages = 0;
	unsigned may = MAY_0;

	*ret_exact = 0;
	if (limit_contradicts(c))
		return MAY_EINVAL;
	if (o->len == 0)
		return MAY_EINVAL | (!w->coherent && w->cacheless ? (unsigned)MAY_ENOTSUP : 0u);
	if (!transfer_fits(c, o->len)) /* where several reasons hold, any may be told */
		return MAY_EINVAL | MAY_EMSGSIZE | MAY_ERANGE | MAY_ENOMEM | MAY_ENOTSUP;
	if (!w->coherent && w->cacheless)
		return c->max_transfer != 0 && o->len > c->max_transfer ? MAY_ENOTSUP | MAY_EMSGSIZE : MAY_ENOTSUP;
	if (c->max_transfer != 0 && o->len > c->max_transfer)
		return MAY_EMSGSIZE | MAY_ERANGE | MAY_ENOMEM;
	direct = m->has_domain ? 0 : direct_segments(m, o, c, true);
	if (!m->has_domain && !shared && !m->always && direct != 0) {
		if (direct > most)
			return !inner ? MAY_EMSGSIZE : MAY_EMSGSIZE | MAY_ERANGE | MAY_ENOMEM | MAY_0;
		if (!inner) {
			*ret_exact = direct;
			return MAY_0;
		}
	}
	if (!m->has_domain && !m->has_bounce && direct == 0)
		return MAY_ERANGE | MAY_EMSGSIZE;
	if (!m->has_bounce && (shared || m->always))
		return MAY_ERANGE | MAY_EMSGSIZE | (m->has_domain ? MAY_ENOMEM : 0u);
	if (m->has_domain && !shared && !inner && !m->always && c->align <= 1) {
		struct mete_constraint space = *c;
		size_t off = 0, len, n = iova_segments(m, o, c, &off, &len);

		space.boundary = space.max_segment = 0; /* segments are cut */
		may = expect_iova(m, off, len, &space);
		if (c->boundary != 0) /* where that cuts depends on where it lies */
			return may | (segments_at_most(m, o, c) > most ? MAY_EMSGSIZE : 0u) |
			    (o->capacity == 1 ? MAY_ENOMEM | MAY_ERANGE : 0u);
		*ret_exact = n;
		if (n > most)
			may = (may & ~(unsigned)MAY_0) | MAY_EMSGSIZE;
		return may;
	}
	if (segments_at_most(m, o, c) > most)
		may |= MAY_EMSGSIZE;
	for (i = 0; i < o->nhome; i++) {
		/* A slot for each segment, at worst. */
		slots += (o->home[i].len + m->keep) / (m->grain != 0 ? m->grain : 1) + 2;
		slots += c->max_segment != 0 ? o->home[i].len / (size_t)c->max_segment : 0;
		slots += c->boundary != 0 ? o->home[i].len / (size_t)c->boundary : 0;
		pages += o->home[i].len / (w->page != 0 ? w->page : 1) + 3;
	}
	for (i = 0; i < o->npieces; i++)
		viewless |= o->piece[i].cpu == NULL || o->piece[i].placed;
	/* Space is no excuse if there is plenty of it, and limits none if there are none. */
	if (m->has_bounce && (shared || inner || m->always || (direct == 0 && !m->has_domain)))
		may |= m->nlive == 0 && slots * 2 <= m->ngrains ? 0 : MAY_ENOMEM;
	if (m->has_domain)
		may |= m->nlive == 0 && pages * 2 <= w->npages ? 0 : MAY_ENOMEM;
	if (c->first != 0 || c->last != 0 || c->hole_last != 0)
		may |= MAY_ERANGE | MAY_ENOMEM;
	/*
	 * Where a stand-in starts aligned, no further aligned place may lie within what a segment can be; and an IOMMU
	 * leaves offsets in pages as they are.
	 */
	if (c->align > 1 && (c->max_segment != 0 || c->boundary != 0 || m->has_domain))
		may |= MAY_ERANGE;
	/* What is off its alignment takes stand-ins, too; few places of the area may be aligned. */
	if (c->align > 1 && m->has_bounce && (m->nlive != 0 || slots * 2 > m->ngrains))
		may |= MAY_ENOMEM;
	if (c->align > m->grain && m->has_bounce)
		may |= MAY_ENOMEM | MAY_ERANGE;
	if (m->has_domain && pages > w->npages)
		may |= MAY_ERANGE;
	if ((shared || inner || m->always || (direct == 0 && !m->has_domain)) &&
	    (!m->has_bounce || viewless || slots > m->ngrains || slots * m->grain > m->longest))
		may |= MAY_ERANGE | (m->has_bounce ? MAY_ENOMEM : 0u);
	return may;
}
