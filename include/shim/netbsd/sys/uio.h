/* SPDX-License-Identifier: ISC */
/*
 * <sys/uio.h>: the host's struct iovec where there is one, and of the kernel's struct uio what
 * bus_dmamap_load_uio(9) walks along.
 */
#ifndef METE_SHIM_NETBSD_SYS_UIO_H
#define METE_SHIM_NETBSD_SYS_UIO_H
#if defined(__GNUC__)
#pragma GCC system_header /* lets #include_next pass -Wpedantic */
#endif
#if defined(__has_include_next)
#if __has_include_next(<sys/uio.h>)
#define METE_SHIM_NETBSD_HOST_UIO
#include_next <sys/uio.h> /* libc reaches this file too */
#endif
#endif

#include <sys/types.h>

#ifndef METE_SHIM_NETBSD_HOST_UIO
struct iovec {
	void *iov_base;
	size_t iov_len;
};
#endif

enum uio_rw { UIO_READ, UIO_WRITE };
enum uio_seg { UIO_USERSPACE, UIO_SYSSPACE };

struct proc;

struct uio {
	struct iovec *uio_iov;
	int uio_iovcnt;
	off_t uio_offset;
	size_t uio_resid;
	enum uio_seg uio_segflg;
	enum uio_rw uio_rw;
	struct proc *uio_procp;
};

#endif
