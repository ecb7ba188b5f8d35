/* SPDX-License-Identifier: ISC */
/*
 * What a host's <sys/queue.h> may lack of the BSDs': walks during which the element at hand may be removed.
 */
#ifndef METE_BSD_QUEUE_H
#define METE_BSD_QUEUE_H

#ifndef SLIST_FOREACH_SAFE
#define SLIST_FOREACH_SAFE(at, head, field, next) \
	for ((at) = SLIST_FIRST(head); (at) && ((next) = SLIST_NEXT(at, field), 1); (at) = (next))
#endif
#ifndef LIST_FOREACH_SAFE
#define LIST_FOREACH_SAFE(at, head, field, next) \
	for ((at) = LIST_FIRST(head); (at) && ((next) = LIST_NEXT(at, field), 1); (at) = (next))
#endif
#ifndef TAILQ_FOREACH_SAFE
#define TAILQ_FOREACH_SAFE(at, head, field, next) \
	for ((at) = TAILQ_FIRST(head); (at) && ((next) = TAILQ_NEXT(at, field), 1); (at) = (next))
#endif
#ifndef STAILQ_FOREACH_SAFE
#define STAILQ_FOREACH_SAFE(at, head, field, next) \
	for ((at) = STAILQ_FIRST(head); (at) && ((next) = STAILQ_NEXT(at, field), 1); (at) = (next))
#endif
#ifndef SIMPLEQ_FOREACH_SAFE
#define SIMPLEQ_FOREACH_SAFE(at, head, field, next) \
	for ((at) = SIMPLEQ_FIRST(head); (at) && ((next) = SIMPLEQ_NEXT(at, field), 1); (at) = (next))
#endif

#endif
