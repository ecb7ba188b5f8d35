/* SPDX-License-Identifier: ISC */
/*
 * bus_space(9), which the three BSDs' shims share: drivers get it with <machine/bus.h> or <sys/bus.h>.
 *
 * Written from the manual pages.  A tag is a space: a BAR of a rig, or all that a machine has of memory-mapped registers.
 * A handle is an offset into it, 0 for its start; so a part of a space is a handle as well.  An access past the end of
 * the space, or one that is not aligned, reads all ones and writes nothing.
 *
 * The manuals promise no order between a write and memory: a driver has a bus_dmamap_sync() or a bus_space_barrier() in front.
 * Here a write is a barrier itself, as nothing tells a machine of the former.
 */
#ifndef METE_BSD_SPACE_H
#define METE_BSD_SPACE_H

#include <mete/registers.h>
#include <mete/shim.h>

typedef const struct mete_registers *bus_space_tag_t;
typedef uint64_t bus_space_handle_t;

#define BUS_SPACE_BARRIER_READ 0x1
#define BUS_SPACE_BARRIER_WRITE 0x2

/* The sum, or the largest number, where no space has anything. */
static inline uint64_t mete_bsd_space_at(bus_space_handle_t handle, uint64_t offset)
{
	return offset > UINT64_MAX - handle ? UINT64_MAX : handle + offset;
}

/*
 * A handle for `size` bytes at `address` of the space.  0; EINVAL if it has no such bytes, or `size` is 0.  `flags` are
 * hints.  Nothing has to be undone.
 */
static inline int bus_space_map(bus_space_tag_t space, mete_baddr address, mete_baddr size, int flags,
    bus_space_handle_t *ret_handle)
{
	(void)flags;
	if (!size || !mete_registers_have(space, address, size))
		return 22; /* EINVAL, in every one of them */
	*ret_handle = address;
	return 0;
}

/* The end of a mapping: nothing. */
static inline void bus_space_unmap(bus_space_tag_t space, bus_space_handle_t handle, mete_baddr size)
{
	(void)space;
	(void)handle;
	(void)size;
}

/* A handle for a part of what `handle` is for.  0; EINVAL if the space ends before, or `size` is 0. */
static inline int bus_space_subregion(bus_space_tag_t space, bus_space_handle_t handle, mete_baddr offset,
    mete_baddr size, bus_space_handle_t *ret_handle)
{
	if (!size || !mete_registers_have(space, mete_bsd_space_at(handle, offset), size))
		return 22; /* EINVAL */
	*ret_handle = handle + offset;
	return 0;
}

/* Accesses before it are made before those after it.  Always of all registers, and of memory too. */
static inline void bus_space_barrier(bus_space_tag_t space, bus_space_handle_t handle, mete_baddr offset,
    mete_baddr len, int flags)
{
	(void)space;
	(void)handle;
	(void)offset;
	(void)len;
	(void)flags;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	mete_shim_barrier();
}

/*
 * Of each width: one register; one register `n` times, a FIFO's way; `n` registers that follow one another; and one value
 * into one register `n` times, or into `n` that follow one another.
 */
#define METE_BSD_SPACE(width, type) \
	static inline type bus_space_read_##width(bus_space_tag_t space, bus_space_handle_t handle, mete_baddr offset) \
	{ \
		return (type)mete_registers_read(space, mete_bsd_space_at(handle, offset), width); \
	} \
	static inline void bus_space_write_##width(bus_space_tag_t space, bus_space_handle_t handle, mete_baddr offset, \
	    type value) \
	{ \
		mete_registers_write(space, mete_bsd_space_at(handle, offset), width, value); \
	} \
	static inline void bus_space_read_multi_##width(bus_space_tag_t space, bus_space_handle_t handle, \
	    mete_baddr offset, type *to, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			to[i] = bus_space_read_##width(space, handle, offset); \
	} \
	static inline void bus_space_write_multi_##width(bus_space_tag_t space, bus_space_handle_t handle, \
	    mete_baddr offset, const type *from, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			bus_space_write_##width(space, handle, offset, from[i]); \
	} \
	static inline void bus_space_read_region_##width(bus_space_tag_t space, bus_space_handle_t handle, \
	    mete_baddr offset, type *to, size_t n) \
	{ \
		uint64_t at = mete_bsd_space_at(handle, offset); \
		for (size_t i = 0; i < n; i++, at = mete_bsd_space_at(at, width)) \
			to[i] = bus_space_read_##width(space, at, 0); \
	} \
	static inline void bus_space_write_region_##width(bus_space_tag_t space, bus_space_handle_t handle, \
	    mete_baddr offset, const type *from, size_t n) \
	{ \
		uint64_t at = mete_bsd_space_at(handle, offset); \
		for (size_t i = 0; i < n; i++, at = mete_bsd_space_at(at, width)) \
			bus_space_write_##width(space, at, 0, from[i]); \
	} \
	static inline void bus_space_set_multi_##width(bus_space_tag_t space, bus_space_handle_t handle, \
	    mete_baddr offset, type value, size_t n) \
	{ \
		for (size_t i = 0; i < n; i++) \
			bus_space_write_##width(space, handle, offset, value); \
	} \
	static inline void bus_space_set_region_##width(bus_space_tag_t space, bus_space_handle_t handle, \
	    mete_baddr offset, type value, size_t n) \
	{ \
		uint64_t at = mete_bsd_space_at(handle, offset); \
		for (size_t i = 0; i < n; i++, at = mete_bsd_space_at(at, width)) \
			bus_space_write_##width(space, at, 0, value); \
	}

METE_BSD_SPACE(1, uint8_t)
METE_BSD_SPACE(2, uint16_t)
METE_BSD_SPACE(4, uint32_t)
METE_BSD_SPACE(8, uint64_t)

#endif
