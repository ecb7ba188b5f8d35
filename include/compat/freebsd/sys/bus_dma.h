/* SPDX-License-Identifier: ISC */
/*
 * <sys/bus_dma.h>: FreeBSD's bus_dma(9).  Drivers reach it through <machine/bus.h>.
 *
 * Written from the manual page.  Each native name is an inline call of a prefixed one, so that a program may own other
 * functions of these names.  The topmost parent tag is the application's, made with mete_freebsd_bus_init().
 *
 * struct mbuf and struct uio are the driver's environment's: this file only knows the members that it walks along.
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
#include <sys/errno.h>
#include <sys/mbuf.h>
#include <sys/uio.h>

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
int mete_freebsd_bus_dmamap_load_pieces(bus_dma_tag_t tag, bus_dmamap_t map, const struct mete_pieces *pieces,
    bus_size_t len, bus_dmamap_callback2_t *callback, void *callback_arg, int flags);
int mete_freebsd_bus_dmamap_load_pieces_sg(bus_dma_tag_t tag, bus_dmamap_t map, const struct mete_pieces *pieces,
    bus_size_t len, bus_dma_segment_t *ret_segs, int *ret_nsegs, int flags);
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

struct mete_freebsd_mbufs {
	struct mbuf *first, *at;
};

METE_WALK bool mete_freebsd_mbufs_next(void *ctx, struct mete_piece *ret)
{
	struct mete_freebsd_mbufs *walk = (struct mete_freebsd_mbufs *)ctx;

	if (walk->at == NULL)
		return false;
	ret->cpu = walk->at->m_data;
	ret->phys = 0;
	ret->len = walk->at->m_len > 0 ? (size_t)walk->at->m_len : 0;
	ret->placed = false;
	walk->at = walk->at->m_next;
	return true;
}

METE_WALK void mete_freebsd_mbufs_rewind(void *ctx)
{
	struct mete_freebsd_mbufs *walk = (struct mete_freebsd_mbufs *)ctx;

	walk->at = walk->first;
}

/* The chain is counted, and m_pkthdr.len not believed. */
METE_WALK bus_size_t mete_freebsd_mbufs_len(const struct mbuf *m)
{
	bus_size_t len = 0;

	for (; m != NULL; m = m->m_next) {
		if (m->m_len > 0)
			len += (bus_size_t)m->m_len;
	}
	return len;
}

METE_NATIVE int bus_dmamap_load_mbuf(bus_dma_tag_t dmat, bus_dmamap_t map, struct mbuf *mbuf,
    bus_dmamap_callback2_t *callback, void *callback_arg, int flags)
{
	struct mete_freebsd_mbufs walk = { mbuf, mbuf };
	struct mete_pieces pieces = { mete_freebsd_mbufs_next, &walk, mete_freebsd_mbufs_rewind };

	return mete_freebsd_bus_dmamap_load_pieces(dmat, map, &pieces, mete_freebsd_mbufs_len(mbuf), callback,
	    callback_arg, flags);
}

METE_NATIVE int bus_dmamap_load_mbuf_sg(bus_dma_tag_t dmat, bus_dmamap_t map, struct mbuf *mbuf,
    bus_dma_segment_t *segs, int *nsegs, int flags)
{
	struct mete_freebsd_mbufs walk = { mbuf, mbuf };
	struct mete_pieces pieces = { mete_freebsd_mbufs_next, &walk, mete_freebsd_mbufs_rewind };

	return mete_freebsd_bus_dmamap_load_pieces_sg(dmat, map, &pieces, mete_freebsd_mbufs_len(mbuf), segs, nsegs,
	    flags);
}

struct mete_freebsd_iovecs {
	const struct uio *uio;
	size_t at;   /* next of its vectors */
	size_t left; /* bytes */
};

METE_WALK bool mete_freebsd_iovecs_next(void *ctx, struct mete_piece *ret)
{
	struct mete_freebsd_iovecs *walk = (struct mete_freebsd_iovecs *)ctx;

	if (walk->uio->uio_iovcnt <= 0 || walk->at >= (size_t)walk->uio->uio_iovcnt || walk->left == 0)
		return false;
	const struct iovec *iov = &walk->uio->uio_iov[walk->at++];
	ret->cpu = iov->iov_base;
	ret->phys = 0;
	ret->len = iov->iov_len < walk->left ? iov->iov_len : walk->left;
	ret->placed = false;
	walk->left -= ret->len;
	return true;
}

METE_WALK void mete_freebsd_iovecs_rewind(void *ctx)
{
	struct mete_freebsd_iovecs *walk = (struct mete_freebsd_iovecs *)ctx;

	walk->at = 0;
	walk->left = (size_t)walk->uio->uio_resid;
}

METE_NATIVE int bus_dmamap_load_uio(bus_dma_tag_t dmat, bus_dmamap_t map, struct uio *uio,
    bus_dmamap_callback2_t *callback, void *callback_arg, int flags)
{
	size_t len = uio->uio_resid > 0 ? (size_t)uio->uio_resid : 0;
	struct mete_freebsd_iovecs walk = { uio, 0, len };
	struct mete_pieces pieces = { mete_freebsd_iovecs_next, &walk, mete_freebsd_iovecs_rewind };

	return mete_freebsd_bus_dmamap_load_pieces(dmat, map, &pieces, (bus_size_t)len, callback, callback_arg, flags);
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
