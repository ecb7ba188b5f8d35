/* SPDX-License-Identifier: ISC */
/*
 * Errors: every fallible call returns 0 or one of these, all negative.
 *
 * The magnitudes are Linux's errno numbers, spelled out because firmware may have no <errno.h>.  A code exists only
 * where a caller would act differently on it.
 */
#ifndef METE_ERROR_H
#define METE_ERROR_H

#include <mete/types.h>

/* name, number, what it means to a caller */
#define METE_ERROR_MAP(X) \
	X(EIO, 5, "the other side failed or is gone") \
	X(ENOMEM, 12, "no memory satisfies the request now; after a free it may") \
	X(EFAULT, 14, "not an address this object handed out") \
	X(EBUSY, 16, "still in use") \
	X(ENODEV, 19, "no such device") \
	X(EINVAL, 22, "an argument is out of range, or two of them contradict each other") \
	X(ERANGE, 34, "no address that the device can reach would ever do") \
	X(EALREADY, 114, "already free") \
	X(EMSGSIZE, 90, "the size differs from the size at allocation") \
	X(ENOTSUP, 95, "not offered here") \
	X(ETIMEDOUT, 110, "did not happen in time")

enum mete_error {
#define METE_ERROR_ENUM(name, number, text) METE_##name = -(number),
	METE_ERROR_MAP(METE_ERROR_ENUM)
#undef METE_ERROR_ENUM
};

#ifdef __cplusplus
extern "C" {
#endif

/* The name of `error` as written in the source ("METE_ENOMEM"), "0" for 0, "?" for anything else.  Any context. */
const char *mete_error_name(int error);

/* What `error` means, in one phrase without a full stop.  Any context. */
const char *mete_error_text(int error);

#ifdef __cplusplus
}
#endif
#endif
