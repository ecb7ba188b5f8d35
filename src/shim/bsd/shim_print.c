/* SPDX-License-Identifier: ISC */
/*
 * The console of a host, unless the program defines one: each hook is alone in its object, so that it can.
 */
#include <mete/shim.h>

#include <stdio.h>

int mete_shim_vprintf(const char *format, va_list args)
{
	return vprintf(format, args);
}
