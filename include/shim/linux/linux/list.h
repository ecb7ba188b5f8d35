/* SPDX-License-Identifier: ISC */
/*
 * <linux/list.h>: rings of entries, and lists with a head of one pointer.
 *
 * The links lie in the driver's own structs.  A ring's head is one of its links; an entry in no list points at itself
 * after list_del_init(), and nowhere after list_del().
 */
#ifndef METE_SHIM_LINUX_LINUX_LIST_H
#define METE_SHIM_LINUX_LINUX_LIST_H

#include <linux/container_of.h>
#include <linux/types.h>

#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list->prev = list;
}

/* Make `a` and `b` neighbours. */
static inline void mete_linux_list_join(struct list_head *a, struct list_head *b)
{
	a->next = b;
	b->prev = a;
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
	mete_linux_list_join(entry, head->next);
	mete_linux_list_join(head, entry);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	list_add(entry, head->prev);
}

static inline void list_del(struct list_head *entry)
{
	mete_linux_list_join(entry->prev, entry->next);
	entry->next = entry->prev = NULL; /* a second time traps */
}

static inline void list_del_init(struct list_head *entry)
{
	mete_linux_list_join(entry->prev, entry->next);
	INIT_LIST_HEAD(entry);
}

static inline void list_replace(struct list_head *old, struct list_head *entry)
{
	mete_linux_list_join(entry, old->next);
	mete_linux_list_join(old->prev, entry);
}

static inline void list_move(struct list_head *entry, struct list_head *head)
{
	mete_linux_list_join(entry->prev, entry->next);
	list_add(entry, head);
}

static inline void list_move_tail(struct list_head *entry, struct list_head *head)
{
	mete_linux_list_join(entry->prev, entry->next);
	list_add_tail(entry, head);
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline bool list_is_first(const struct list_head *entry, const struct list_head *head)
{
	return entry->prev == head;
}

static inline bool list_is_last(const struct list_head *entry, const struct list_head *head)
{
	return entry->next == head;
}

static inline bool list_is_singular(const struct list_head *head)
{
	return !list_empty(head) && head->next == head->prev;
}

/* All entries of `list`, behind `head` or in front of it.  `list` itself stays as it was, or becomes empty. */
static inline void list_splice(const struct list_head *list, struct list_head *head)
{
	if (list_empty(list))
		return;
	mete_linux_list_join(list->prev, head->next);
	mete_linux_list_join(head, list->next);
}

static inline void list_splice_tail(const struct list_head *list, struct list_head *head)
{
	list_splice(list, head->prev);
}

static inline void list_splice_init(struct list_head *list, struct list_head *head)
{
	list_splice(list, head);
	INIT_LIST_HEAD(list);
}

static inline void list_splice_tail_init(struct list_head *list, struct list_head *head)
{
	list_splice_tail(list, head);
	INIT_LIST_HEAD(list);
}

#define list_entry(ptr, type, member) container_of(ptr, type, member)
#define list_first_entry(head, type, member) list_entry((head)->next, type, member)
#define list_last_entry(head, type, member) list_entry((head)->prev, type, member)
#define list_first_entry_or_null(head, type, member)                                                                   \
	(list_empty(head) ? NULL : list_first_entry(head, type, member))
#define list_next_entry(pos, member) list_entry((pos)->member.next, __typeof__(*(pos)), member)
#define list_prev_entry(pos, member) list_entry((pos)->member.prev, __typeof__(*(pos)), member)

#define list_for_each(pos, head) for ((pos) = (head)->next; (pos) != (head); (pos) = (pos)->next)
#define list_for_each_prev(pos, head) for ((pos) = (head)->prev; (pos) != (head); (pos) = (pos)->prev)
#define list_for_each_safe(pos, n, head)                                                                               \
	for ((pos) = (head)->next, (n) = (pos)->next; (pos) != (head); (pos) = (n), (n) = (pos)->next)

/* After the last entry `pos` is what would be an entry around the head: not to be used. */
#define list_for_each_entry(pos, head, member)                                                                         \
	for ((pos) = list_first_entry(head, __typeof__(*(pos)), member); &(pos)->member != (head);                     \
	    (pos) = list_next_entry(pos, member))
#define list_for_each_entry_reverse(pos, head, member)                                                                 \
	for ((pos) = list_last_entry(head, __typeof__(*(pos)), member); &(pos)->member != (head);                      \
	    (pos) = list_prev_entry(pos, member))
/* The loop may remove `pos`. */
#define list_for_each_entry_safe(pos, n, head, member)                                                                 \
	for ((pos) = list_first_entry(head, __typeof__(*(pos)), member), (n) = list_next_entry(pos, member);           \
	    &(pos)->member != (head); (pos) = (n), (n) = list_next_entry(n, member))

#define HLIST_HEAD_INIT { NULL }
#define HLIST_HEAD(name) struct hlist_head name = HLIST_HEAD_INIT
#define INIT_HLIST_HEAD(head) ((void)((head)->first = NULL))

static inline void INIT_HLIST_NODE(struct hlist_node *node)
{
	node->next = NULL;
	node->pprev = NULL;
}

static inline bool hlist_unhashed(const struct hlist_node *node)
{
	return !node->pprev;
}

static inline bool hlist_empty(const struct hlist_head *head)
{
	return !head->first;
}

/* `node` becomes what `place` points at, in front of what was there. */
static inline void mete_linux_hlist_put(struct hlist_node *node, struct hlist_node **place)
{
	node->next = *place;
	if (node->next)
		node->next->pprev = &node->next;
	node->pprev = place;
	*place = node;
}

static inline void hlist_add_head(struct hlist_node *node, struct hlist_head *head)
{
	mete_linux_hlist_put(node, &head->first);
}

static inline void hlist_add_before(struct hlist_node *node, struct hlist_node *next)
{
	mete_linux_hlist_put(node, next->pprev);
}

static inline void hlist_add_behind(struct hlist_node *node, struct hlist_node *prev)
{
	mete_linux_hlist_put(node, &prev->next);
}

/* Once is enough: a node in no list stays so. */
static inline void hlist_del_init(struct hlist_node *node)
{
	if (hlist_unhashed(node))
		return;
	*node->pprev = node->next;
	if (node->next)
		node->next->pprev = node->pprev;
	INIT_HLIST_NODE(node);
}

static inline void hlist_del(struct hlist_node *node)
{
	hlist_del_init(node);
}

#define hlist_entry(ptr, type, member) container_of(ptr, type, member)
#define mete_linux_hlist_entry(ptr, type, member) ((ptr) ? hlist_entry(ptr, type, member) : NULL)

/* `pos` is NULL in the end. */
#define hlist_for_each_entry(pos, head, member)                                                                        \
	for ((pos) = mete_linux_hlist_entry((head)->first, __typeof__(*(pos)), member); (pos);                         \
	    (pos) = mete_linux_hlist_entry((pos)->member.next, __typeof__(*(pos)), member))
/* The loop may remove `pos`; `n` is a struct hlist_node *. */
#define hlist_for_each_entry_safe(pos, n, head, member)                                                                \
	for ((pos) = mete_linux_hlist_entry((head)->first, __typeof__(*(pos)), member);                                \
	    (pos) && (((n) = (pos)->member.next), 1); (pos) = mete_linux_hlist_entry(n, __typeof__(*(pos)), member))

#endif
