/* SPDX-License-Identifier: ISC */
/*
 * What BSD drivers load: a buffer, a chain of mbufs, the vectors of a uio; FreeBSD's header adds a few.
 *
 * Shared by the native headers of bus_dma(9) of OpenBSD, NetBSD and FreeBSD, and by nobody else.  Whose struct mbuf and
 * struct uio these are only a native header knows: it includes <sys/mbuf.h> and <sys/uio.h> of its own environment before
 * this file.
 *
 * An object is a value, so that a load that waits can keep it after the driver's call has returned; what it leads to must
 * stay.  A negative length, or one that no memory can have, becomes a piece of SIZE_MAX bytes, which nothing can hold: so
 * it is refused like any length that is too large.
 */
#ifndef METE_BSD_OBJECT_H
#define METE_BSD_OBJECT_H

#include <mete/map.h>

struct mete_bsd_object {
	bool (*next)(void *object, struct mete_piece *ret_piece);
	const void *first; /* the buffer, the first mbuf, or an array */
	mete_paddr phys;   /* of a physical buffer */
	const void *at;    /* of mbufs: the next one */
	size_t index;      /* of an array: the next one ... */
	size_t count;      /* ... of so many */
	size_t len, left;  /* bytes at most, and of these those to come */
};

#if defined(__GNUC__)
#define METE_BSD_INLINE static inline __attribute__((unused))
#else
#define METE_BSD_INLINE static inline
#endif

/* Start again from the first piece. */
METE_BSD_INLINE void mete_bsd_rewind(void *ctx)
{
	struct mete_bsd_object *object = (struct mete_bsd_object *)ctx;

	object->at = object->first;
	object->index = 0;
	object->left = object->len;
}

METE_BSD_INLINE struct mete_bsd_object mete_bsd_object(bool (*next)(void *object, struct mete_piece *ret_piece),
    const void *first, size_t count, size_t len)
{
	struct mete_bsd_object object;

	object.next = next;
	object.first = first;
	object.phys = 0;
	object.count = count;
	object.len = len;
	mete_bsd_rewind(&object);
	return object;
}

/* The piece that comes next: `len` bytes, or those of them that are left of the object. */
METE_BSD_INLINE void mete_bsd_piece(struct mete_bsd_object *object, void *cpu, size_t len, struct mete_piece *ret)
{
	ret->cpu = cpu;
	ret->phys = 0;
	ret->len = len < object->left ? len : object->left;
	ret->placed = false;
	object->left -= ret->len;
}

METE_BSD_INLINE bool mete_bsd_buffer_next(void *ctx, struct mete_piece *ret)
{
	struct mete_bsd_object *object = (struct mete_bsd_object *)ctx;

	if (object->left == 0)
		return false;
	mete_bsd_piece(object, (void *)(uintptr_t)object->first, object->left, ret);
	return true;
}

METE_BSD_INLINE struct mete_bsd_object mete_bsd_buffer(void *buf, size_t len)
{
	return mete_bsd_object(mete_bsd_buffer_next, buf, 1, len);
}

METE_BSD_INLINE bool mete_bsd_mbufs_next(void *ctx, struct mete_piece *ret)
{
	struct mete_bsd_object *object = (struct mete_bsd_object *)ctx;
	const struct mbuf *m = (const struct mbuf *)object->at;

	if (m == NULL)
		return false;
	int64_t len = m->m_len; /* signed in some systems, and unsigned in others */
	mete_bsd_piece(object, m->m_data, len < 0 ? SIZE_MAX : (size_t)len, ret);
	object->at = m->m_next;
	object->left = object->len; /* a chain ends with its last mbuf, not after so many bytes */
	return true;
}

METE_BSD_INLINE struct mete_bsd_object mete_bsd_mbufs(const struct mbuf *m)
{
	return mete_bsd_object(mete_bsd_mbufs_next, m, 0, SIZE_MAX);
}

METE_BSD_INLINE bool mete_bsd_iovecs_next(void *ctx, struct mete_piece *ret)
{
	struct mete_bsd_object *object = (struct mete_bsd_object *)ctx;

	if (object->index == object->count || object->left == 0)
		return false;
	const struct iovec *iov = (const struct iovec *)object->first + object->index++;
	mete_bsd_piece(object, iov->iov_base, iov->iov_len, ret);
	return true;
}

/* The first uio_resid bytes that the vectors name; none if there are none, or either count is negative. */
METE_BSD_INLINE struct mete_bsd_object mete_bsd_uio(const struct uio *uio)
{
	if (uio == NULL || uio->uio_iov == NULL)
		return mete_bsd_buffer(NULL, 0);
	return mete_bsd_object(mete_bsd_iovecs_next, uio->uio_iov, uio->uio_iovcnt > 0 ? (size_t)uio->uio_iovcnt : 0,
	    uio->uio_resid > 0 ? (size_t)uio->uio_resid : 0);
}

METE_BSD_INLINE struct mete_pieces mete_bsd_pieces(struct mete_bsd_object *object)
{
	struct mete_pieces pieces;

	pieces.next = object->next;
	pieces.ctx = object;
	pieces.rewind = mete_bsd_rewind;
	return pieces;
}

#undef METE_BSD_INLINE

#endif
