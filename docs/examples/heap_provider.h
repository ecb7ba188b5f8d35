/* SPDX-License-Identifier: ISC */
/*
 * A provider over aligned_alloc(), as its users see it.
 */
#ifndef HEAP_PROVIDER_H
#define HEAP_PROVIDER_H

#include <pthread.h>
#include <mete/provider.h>

struct piece;

struct heap {
	struct mete_provider provider;
	size_t all, left;
	struct piece *pieces;
	pthread_mutex_t mutex;    /* of `left` and `pieces` */
	pthread_mutex_t guard;    /* the library's, where it is built with METE_GUARD 1 */
	pthread_mutex_t sleepers; /* taken around sleeping and waking */
	pthread_cond_t freed;
};

/* Start a heap of `len` bytes.  Fails as mete_provider_init() does.  End it with mete_provider_fini(). */
int heap_start(struct heap *heap, size_t len);

#endif
