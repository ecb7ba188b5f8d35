/* SPDX-License-Identifier: ISC */
/*
 * Templates: the fourteen arguments of bus_dma_tag_create() by name.
 *
 * A template starts without limits; a driver fills in what it means.  It lives on the driver's stack, and nothing is kept
 * of it.  Cloned from a tag it holds what the tag's whole chain says, so a tag made of it needs nothing more.
 */
#include "bytes.h"
#include "freebsd_face.h"

void mete_freebsd_bus_dma_template_init(bus_dma_template_t *t, bus_dma_tag_t parent)
{
	mete__bytes_zero(t, sizeof *t);
	t->parent = parent;
	t->alignment = 1;
	t->lowaddr = BUS_SPACE_MAXADDR;
	t->highaddr = BUS_SPACE_MAXADDR;
	t->maxsize = BUS_SPACE_MAXSIZE;
	t->nsegments = BUS_SPACE_UNRESTRICTED;
	t->maxsegsize = BUS_SPACE_MAXSIZE;
}

int mete_freebsd_bus_dma_template_tag(const bus_dma_template_t *t, bus_dma_tag_t *ret_tag)
{
	FREEBSD_CALL(t->parent, "bus_dma_template_tag");

	return mete_freebsd_bus_dma_tag_create(t->parent, t->alignment, t->boundary, t->lowaddr, t->highaddr, NULL, NULL,
	    t->maxsize, t->nsegments, t->maxsegsize, t->flags, t->lockfunc, t->lockfuncarg, ret_tag);
}

void mete_freebsd_bus_dma_template_clone(bus_dma_template_t *t, bus_dma_tag_t tag)
{
	mete_freebsd_bus_dma_template_init(t, tag->parent ? tag->parent : tag);
	if (!tag->parent)
		return; /* the topmost has no limits to clone */
	t->alignment = tag->limit.align;
	t->boundary = tag->limit.boundary;
	t->lowaddr = tag->lowaddr;
	t->highaddr = tag->highaddr;
	t->maxsize = tag->maxsize;
	t->nsegments = tag->nsegments;
	t->maxsegsize = tag->limit.max_segment;
	t->flags = tag->flags;
	t->lockfunc = tag->lockfunc;
	t->lockfuncarg = tag->lockarg;
}

void mete_freebsd_bus_dma_template_fill(bus_dma_template_t *t, const bus_dma_param_t *params, unsigned int nparams)
{
	for (const bus_dma_param_t *p = params; nparams; nparams--, p++) {
		switch (p->key) {
		case BD_PARAM_PARENT:
			t->parent = p->tag;
			break;
		case BD_PARAM_ALIGNMENT:
			t->alignment = p->num;
			break;
		case BD_PARAM_BOUNDARY:
			t->boundary = p->num;
			break;
		case BD_PARAM_LOWADDR:
			t->lowaddr = p->num;
			break;
		case BD_PARAM_HIGHADDR:
			t->highaddr = p->num;
			break;
		case BD_PARAM_MAXSIZE:
			t->maxsize = p->num;
			break;
		case BD_PARAM_NSEGMENTS:
			t->nsegments = p->number;
			break;
		case BD_PARAM_MAXSEGSIZE:
			t->maxsegsize = p->num;
			break;
		case BD_PARAM_FLAGS:
			t->flags = p->number;
			break;
		case BD_PARAM_LOCKFUNC:
			t->lockfunc = p->lock;
			break;
		case BD_PARAM_LOCKFUNCARG:
			t->lockfuncarg = p->ptr;
			break;
		case BD_PARAM_NAME:
			t->name = p->text;
			break;
		case BD_PARAM_INVALID:
		default:
			break; /* a driver for a later FreeBSD; nothing that this one could do */
		}
	}
}
