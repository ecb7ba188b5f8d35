/* SPDX-License-Identifier: ISC */
/*
 * The console of a host, unless the program defines one: each hook is alone in its object, so that it can.  Standard
 * output stays the program's own.
 */
#include <mete/shim.h>

#include <stdio.h>

int mete_shim_vprintf(int level, const char *format, va_list args)
{
	(void)level;
	return vfprintf(stderr, format, args);
}
