/* SPDX-License-Identifier: ISC */
/*
 * Reclaim: what a pool holds without need.
 */
#ifndef RECLAIM_H
#define RECLAIM_H

#include <mete/pool.h>

/*
 * Inside the guard: put the shelf back into the slabs, detach and forget the wholly free ones as far as the low-water
 * reserve allows, and put them in front of `list`.  Returns the new list.
 */
struct mete_slab *mete__pool_detach_idle(struct mete_pool *pool, struct mete_slab *list);

#endif
