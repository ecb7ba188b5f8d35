/* SPDX-License-Identifier: ISC */
/*
 * <sys/bus_dma.h>: FreeBSD's bus_dma(9).  Drivers reach it through <machine/bus.h>.
 *
 * Written from the manual page.  Each native name is an inline call of a prefixed one, so that a program may own other
 * functions of these names.  The topmost parent tag is the application's, made with mete_freebsd_bus_init().
 *
 * device_t, struct mtx, struct memdesc, struct bio, struct mbuf and struct uio are the driver's environment's: this file
 * only knows the functions and members of them that it uses.
 * Differences: COMPATIBILITY in the manual pages, docs/FIDELITY.md.
 */
#ifndef METE_COMPAT_FREEBSD_SYS_BUS_DMA_H
#define METE_COMPAT_FREEBSD_SYS_BUS_DMA_H

#ifdef METE_FACE
#if METE_FACE != 5
#error "one native include root per translation unit"
#endif
#else
#define METE_FACE 5 /* freebsd */
#endif

#include <machine/bus.h>
#include <sys/bio.h>
#include <sys/bus.h>
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/memdesc.h>
#include <sys/mutex.h>
#include <sys/uio.h>
#include <mete/bsd/object.h>

#define BUS_DMA_WAITOK 0x00    /* may wait */
#define BUS_DMA_NOWAIT 0x01    /* fail rather than wait */
#define BUS_DMA_ALLOCNOW 0x02  /* of tags: loads are never deferred */
#define BUS_DMA_COHERENT 0x04  /* hint: memory that needs no sync; syncs are still required */
#define BUS_DMA_ZERO 0x08      /* clear the memory */
#define BUS_DMA_BUS1 0x10      /* no effect */
#define BUS_DMA_BUS2 0x20
#define BUS_DMA_BUS3 0x40
#define BUS_DMA_BUS4 0x80
#define BUS_DMA_NOWRITE 0x100  /* the device will only read the memory */
#define BUS_DMA_NOCACHE 0x200  /* hint: uncached memory */
#define BUS_DMA_KEEP_PG_OFFSET 0x400 /* no effect: the bounce area's `keep` decides */

/* Seen from main memory: READ is from the device into memory. */
typedef int bus_dmasync_op_t;
#define BUS_DMASYNC_PREREAD 1
#define BUS_DMASYNC_POSTREAD 2
#define BUS_DMASYNC_PREWRITE 4
#define BUS_DMASYNC_POSTWRITE 8

typedef struct mete_freebsd_tag *bus_dma_tag_t;
typedef struct mete_freebsd_map *bus_dmamap_t;

typedef struct bus_dma_segment {
	bus_addr_t ds_addr;
	bus_size_t ds_len;
} bus_dma_segment_t;

typedef enum { BUS_DMA_LOCK = 0x01, BUS_DMA_UNLOCK = 0x02 } bus_dma_lock_op_t;
typedef void bus_dma_lock_t(void *, bus_dma_lock_op_t);
typedef int bus_dma_filter_t(void *, bus_addr_t);
typedef void bus_dmamap_callback_t(void *, bus_dma_segment_t *, int, int);
typedef void bus_dmamap_callback2_t(void *, bus_dma_segment_t *, int, bus_size_t, int);

/* The arguments of bus_dma_tag_create(), by name. */
typedef struct {
	bus_dma_tag_t parent;
	bus_size_t alignment;
	bus_addr_t boundary;
	bus_addr_t lowaddr;
	bus_addr_t highaddr;
	bus_size_t maxsize;
	int nsegments;
	bus_size_t maxsegsize;
	int flags;
	bus_dma_lock_t *lockfunc;
	void *lockfuncarg;
	const char *name; /* no effect */
} bus_dma_template_t;

typedef enum {
	BD_PARAM_INVALID,
	BD_PARAM_PARENT,
	BD_PARAM_ALIGNMENT,
	BD_PARAM_BOUNDARY,
	BD_PARAM_LOWADDR,
	BD_PARAM_HIGHADDR,
	BD_PARAM_MAXSIZE,
	BD_PARAM_NSEGMENTS,
	BD_PARAM_MAXSEGSIZE,
	BD_PARAM_FLAGS,
	BD_PARAM_LOCKFUNC,
	BD_PARAM_LOCKFUNCARG,
	BD_PARAM_NAME
} bus_dma_param_key_t;

/* One of them and its value; made by the macros below. */
typedef struct {
	bus_dma_param_key_t key;
	union {
		bus_dma_tag_t tag;
		bus_addr_t num;
		int number;
		bus_dma_lock_t *lock;
		void *ptr;
		const char *text;
	};
} bus_dma_param_t;

#define BD_PARENT(val) { .key = BD_PARAM_PARENT, .tag = (val) }
#define BD_ALIGNMENT(val) { .key = BD_PARAM_ALIGNMENT, .num = (val) }
#define BD_BOUNDARY(val) { .key = BD_PARAM_BOUNDARY, .num = (val) }
#define BD_LOWADDR(val) { .key = BD_PARAM_LOWADDR, .num = (val) }
#define BD_HIGHADDR(val) { .key = BD_PARAM_HIGHADDR, .num = (val) }
#define BD_MAXSIZE(val) { .key = BD_PARAM_MAXSIZE, .num = (val) }
#define BD_NSEGMENTS(val) { .key = BD_PARAM_NSEGMENTS, .number = (val) }
#define BD_MAXSEGSIZE(val) { .key = BD_PARAM_MAXSEGSIZE, .num = (val) }
#define BD_FLAGS(val) { .key = BD_PARAM_FLAGS, .number = (val) }
#define BD_LOCKFUNC(val) { .key = BD_PARAM_LOCKFUNC, .lock = (val) }
#define BD_LOCKFUNCARG(val) { .key = BD_PARAM_LOCKFUNCARG, .ptr = (val) }
#define BD_NAME(val) { .key = BD_PARAM_NAME, .text = (val) }

#define BUS_DMA_TEMPLATE_FILL(t, ...)                                                                                  \
	do {                                                                                                           \
		bus_dma_param_t template_params[] = { __VA_ARGS__ };                                                   \
		bus_dma_template_fill((t), template_params,                                                            \
		    (unsigned int)(sizeof template_params / sizeof template_params[0]));                               \
	} while (0)

/* What mete_freebsd_bus_dmamap_load() returns for a deferred load; a driver sees its own system's number. */
#define METE_FREEBSD_EINPROGRESS 36

#ifdef __cplusplus
extern "C" {
#endif

int mete_freebsd_bus_dma_tag_create(bus_dma_tag_t parent, bus_size_t alignment, bus_addr_t boundary, bus_addr_t lowaddr,
    bus_addr_t highaddr, bus_dma_filter_t *filter, void *filterarg, bus_size_t maxsize, int nsegments,
    bus_size_t maxsegsz, int flags, bus_dma_lock_t *lockfunc, void *lockarg, bus_dma_tag_t *ret_tag);
int mete_freebsd_bus_dma_tag_destroy(bus_dma_tag_t tag);
void mete_freebsd_bus_dma_template_init(bus_dma_template_t *t, bus_dma_tag_t parent);
int mete_freebsd_bus_dma_template_tag(const bus_dma_template_t *t, bus_dma_tag_t *ret_tag);
void mete_freebsd_bus_dma_template_clone(bus_dma_template_t *t, bus_dma_tag_t tag);
void mete_freebsd_bus_dma_template_fill(bus_dma_template_t *t, const bus_dma_param_t *params, unsigned int nparams);
int mete_freebsd_bus_dmamap_create(bus_dma_tag_t tag, int flags, bus_dmamap_t *ret_map);
int mete_freebsd_bus_dmamap_destroy(bus_dma_tag_t tag, bus_dmamap_t map);
int mete_freebsd_bus_dmamap_load(bus_dma_tag_t tag, bus_dmamap_t map, void *buf, bus_size_t buflen,
    bus_dmamap_callback_t *callback, void *callback_arg, int flags);
int mete_freebsd_bus_dmamap_load_object(bus_dma_tag_t tag, bus_dmamap_t map, struct mete_bsd_object *object,
    bus_dmamap_callback_t *callback, void *callback_arg, int flags);
int mete_freebsd_bus_dmamap_load_object2(bus_dma_tag_t tag, bus_dmamap_t map, struct mete_bsd_object *object,
    bus_dmamap_callback2_t *callback, void *callback_arg, int flags);
int mete_freebsd_bus_dmamap_load_object_sg(bus_dma_tag_t tag, bus_dmamap_t map, struct mete_bsd_object *object,
    bus_dma_segment_t *ret_segs, int *ret_nsegs, int flags);
void mete_freebsd_bus_dmamap_unload(bus_dma_tag_t tag, bus_dmamap_t map);
void mete_freebsd_bus_dmamap_sync(bus_dma_tag_t tag, bus_dmamap_t map, bus_dmasync_op_t op);
int mete_freebsd_bus_dmamem_alloc(bus_dma_tag_t tag, void **ret_vaddr, int flags, bus_dmamap_t *ret_map);
void mete_freebsd_bus_dmamem_free(bus_dma_tag_t tag, void *vaddr, bus_dmamap_t map);

#ifdef __cplusplus
}
#endif

#if defined(__GNUC__)
#define METE_NATIVE static inline __attribute__((always_inline, unused))
#define METE_WALK static inline __attribute__((unused))
#else
#define METE_NATIVE static inline
#define METE_WALK static inline
#endif

/* NULL, of which no tag can be made, if the device does no DMA. */
METE_NATIVE bus_dma_tag_t bus_get_dma_tag(device_t dev)
{
	struct mete_freebsd_bus *bus = mete_freebsd_bus_of(dev);

	return bus ? bus->tag : NULL;
}

/* A lock function for tags whose `lockfuncarg` is a struct mtx. */
METE_NATIVE void busdma_lock_mutex(void *arg, bus_dma_lock_op_t op)
{
	struct mtx *mutex = (struct mtx *)arg;

	if (op == BUS_DMA_LOCK)
		mtx_lock(mutex);
	else
		mtx_unlock(mutex);
}

METE_NATIVE int bus_dma_tag_create(bus_dma_tag_t parent, bus_size_t alignment, bus_addr_t boundary, bus_addr_t lowaddr,
    bus_addr_t highaddr, bus_dma_filter_t *filtfunc, void *filtfuncarg, bus_size_t maxsize, int nsegments,
    bus_size_t maxsegsz, int flags, bus_dma_lock_t *lockfunc, void *lockfuncarg, bus_dma_tag_t *dmat)
{
	return mete_freebsd_bus_dma_tag_create(parent, alignment, boundary, lowaddr, highaddr, filtfunc, filtfuncarg,
	    maxsize, nsegments, maxsegsz, flags, lockfunc, lockfuncarg, dmat);
}

METE_NATIVE int bus_dma_tag_destroy(bus_dma_tag_t dmat)
{
	return mete_freebsd_bus_dma_tag_destroy(dmat);
}

METE_NATIVE void bus_dma_template_init(bus_dma_template_t *t, bus_dma_tag_t parent)
{
	mete_freebsd_bus_dma_template_init(t, parent);
}

METE_NATIVE int bus_dma_template_tag(bus_dma_template_t *t, bus_dma_tag_t *dmat)
{
	return mete_freebsd_bus_dma_template_tag(t, dmat);
}

METE_NATIVE void bus_dma_template_clone(bus_dma_template_t *t, bus_dma_tag_t dmat)
{
	mete_freebsd_bus_dma_template_clone(t, dmat);
}

METE_NATIVE void bus_dma_template_fill(bus_dma_template_t *t, bus_dma_param_t *kv, unsigned int count)
{
	mete_freebsd_bus_dma_template_fill(t, kv, count);
}

METE_NATIVE int bus_dmamap_create(bus_dma_tag_t dmat, int flags, bus_dmamap_t *mapp)
{
	return mete_freebsd_bus_dmamap_create(dmat, flags, mapp);
}

METE_NATIVE int bus_dmamap_destroy(bus_dma_tag_t dmat, bus_dmamap_t map)
{
	return mete_freebsd_bus_dmamap_destroy(dmat, map);
}

METE_NATIVE int bus_dmamap_load(bus_dma_tag_t dmat, bus_dmamap_t map, void *buf, bus_size_t buflen,
    bus_dmamap_callback_t *callback, void *callback_arg, int flags)
{
	int error = mete_freebsd_bus_dmamap_load(dmat, map, buf, buflen, callback, callback_arg, flags);

	return error == METE_FREEBSD_EINPROGRESS ? EINPROGRESS : error;
}

METE_NATIVE int bus_dmamap_load_mbuf(bus_dma_tag_t dmat, bus_dmamap_t map, struct mbuf *mbuf,
    bus_dmamap_callback2_t *callback, void *callback_arg, int flags)
{
	struct mete_bsd_object object = mete_bsd_mbufs(mbuf);

	return mete_freebsd_bus_dmamap_load_object2(dmat, map, &object, callback, callback_arg, flags);
}

METE_NATIVE int bus_dmamap_load_mbuf_sg(bus_dma_tag_t dmat, bus_dmamap_t map, struct mbuf *mbuf,
    bus_dma_segment_t *segs, int *nsegs, int flags)
{
	struct mete_bsd_object object = mete_bsd_mbufs(mbuf);

	return mete_freebsd_bus_dmamap_load_object_sg(dmat, map, &object, segs, nsegs, flags);
}

METE_NATIVE int bus_dmamap_load_uio(bus_dma_tag_t dmat, bus_dmamap_t map, struct uio *uio,
    bus_dmamap_callback2_t *callback, void *callback_arg, int flags)
{
	struct mete_bsd_object object = mete_bsd_uio(uio);

	return mete_freebsd_bus_dmamap_load_object2(dmat, map, &object, callback, callback_arg, flags);
}

/* A list of segments whose addresses are physical, or the CPU's. */
METE_WALK bool mete_freebsd_plist_next(void *ctx, struct mete_piece *ret)
{
	struct mete_bsd_object *object = (struct mete_bsd_object *)ctx;

	if (object->index == object->count)
		return false;
	const bus_dma_segment_t *seg = (const bus_dma_segment_t *)object->first + object->index++;
	ret->cpu = NULL;
	ret->phys = seg->ds_addr;
	ret->len = (size_t)seg->ds_len == seg->ds_len ? (size_t)seg->ds_len : SIZE_MAX;
	ret->placed = true;
	return true;
}

METE_WALK bool mete_freebsd_vlist_next(void *ctx, struct mete_piece *ret)
{
	if (!mete_freebsd_plist_next(ctx, ret))
		return false;
	ret->cpu = (void *)(uintptr_t)ret->phys;
	ret->phys = 0;
	ret->placed = false;
	return true;
}

METE_WALK bool mete_freebsd_paddr_next(void *ctx, struct mete_piece *ret)
{
	struct mete_bsd_object *object = (struct mete_bsd_object *)ctx;

	if (object->left == 0)
		return false;
	ret->cpu = NULL;
	ret->phys = object->phys;
	ret->len = object->left;
	ret->placed = true;
	object->left = 0;
	return true;
}

METE_WALK struct mete_bsd_object mete_freebsd_list(const struct memdesc *mem,
    bool (*next)(void *object, struct mete_piece *ret_piece))
{
	return mete_bsd_object(next, mem->u.md_list, mem->u.md_list && mem->md_nseg > 0 ? (size_t)mem->md_nseg : 0, 0);
}

/* What `mem` describes, but for a buffer of the CPU's; nothing if it is none of the kinds there are. */
METE_WALK struct mete_bsd_object mete_freebsd_object(const struct memdesc *mem)
{
	struct mete_bsd_object object = mete_bsd_buffer(NULL, 0);

	switch (mem ? mem->md_type : 0) {
	case MEMDESC_PADDR:
		object = mete_bsd_object(mete_freebsd_paddr_next, NULL, 1, mem->md_len);
		object.phys = mem->u.md_paddr;
		break;
	case MEMDESC_VLIST:
		object = mete_freebsd_list(mem, mete_freebsd_vlist_next);
		break;
	case MEMDESC_PLIST:
		object = mete_freebsd_list(mem, mete_freebsd_plist_next);
		break;
	case MEMDESC_UIO:
		object = mete_bsd_uio(mem->u.md_uio);
		break;
	case MEMDESC_MBUF:
		object = mete_bsd_mbufs(mem->u.md_mbuf);
		break;
	default:
		break;
	}
	return object;
}

METE_NATIVE int bus_dmamap_load_mem(bus_dma_tag_t dmat, bus_dmamap_t map, struct memdesc *mem,
    bus_dmamap_callback_t *callback, void *callback_arg, int flags)
{
	if (mem && mem->md_type == MEMDESC_VADDR) {
		bus_size_t len = (bus_size_t)mem->md_len;
		return bus_dmamap_load(dmat, map, mem->u.md_vaddr, len == mem->md_len ? len : 0, callback, callback_arg,
		    flags);
	}
	struct mete_bsd_object object = mete_freebsd_object(mem);
	int error = mete_freebsd_bus_dmamap_load_object(dmat, map, &object, callback, callback_arg, flags);

	return error == METE_FREEBSD_EINPROGRESS ? EINPROGRESS : error;
}

METE_NATIVE int bus_dmamap_load_bio(bus_dma_tag_t dmat, bus_dmamap_t map, struct bio *bio,
    bus_dmamap_callback_t *callback, void *callback_arg, int flags)
{
	struct memdesc mem = bio ? memdesc_bio(bio) : memdesc_vaddr(NULL, 0);

	return bus_dmamap_load_mem(dmat, map, &mem, callback, callback_arg, flags);
}

/* These two leave a NULL map alone. */
METE_NATIVE void bus_dmamap_unload(bus_dma_tag_t dmat, bus_dmamap_t map)
{
	mete_freebsd_bus_dmamap_unload(dmat, map);
}

METE_NATIVE void bus_dmamap_sync(bus_dma_tag_t dmat, bus_dmamap_t map, bus_dmasync_op_t op)
{
	mete_freebsd_bus_dmamap_sync(dmat, map, op);
}

METE_NATIVE int bus_dmamem_alloc(bus_dma_tag_t dmat, void **vaddr, int flags, bus_dmamap_t *mapp)
{
	return mete_freebsd_bus_dmamem_alloc(dmat, vaddr, flags, mapp);
}

METE_NATIVE void bus_dmamem_free(bus_dma_tag_t dmat, void *vaddr, bus_dmamap_t map)
{
	mete_freebsd_bus_dmamem_free(dmat, vaddr, map);
}

#undef METE_NATIVE
#undef METE_WALK

#endif
