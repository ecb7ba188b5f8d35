/* SPDX-License-Identifier: ISC */
/*
 * Where: asking the program's own debugging information, by elfutils' libdw.
 *
 * Native headers wrap each call in an inline function.  To the compiler the driver's call stands in the header then, and the
 * header in the driver; so the innermost inlined functions whose source is a header of ours are skipped.
 */
#include "where.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct where {
	Dwfl *dwfl;
};

static char *where_debuginfo; /* no other paths than the usual ones */

static const Dwfl_Callbacks where_callbacks = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &where_debuginfo,
};

struct where *mete__where_create(void)
{
	struct where *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->dwfl = dwfl_begin(&where_callbacks);
	if (w->dwfl && (dwfl_linux_proc_report(w->dwfl, getpid()) || dwfl_report_end(w->dwfl, NULL, NULL))) {
		dwfl_end(w->dwfl);
		w->dwfl = NULL;
	}
	return w;
}

void mete__where_destroy(struct where *w)
{
	if (w && w->dwfl)
		dwfl_end(w->dwfl);
	free(w);
}

static bool header_of_ours(const char *file)
{
	return file && (strstr(file, "/compat/") || strstr(file, "/shim/"));
}

/* The file that a call in an inlined function's place names. */
static const char *call_file(Dwarf_Die *cu, Dwarf_Die *inlined)
{
	Dwarf_Attribute attribute;
	Dwarf_Word index;
	Dwarf_Files *files;
	size_t nfiles;

	if (!dwarf_attr(inlined, DW_AT_call_file, &attribute) || dwarf_formudata(&attribute, &index) ||
	    dwarf_getsrcfiles(cu, &files, &nfiles) || index >= nfiles)
		return NULL;
	return dwarf_filesrc(files, index, NULL, NULL);
}

/* From the innermost function outwards, as long as it is a header's of ours. */
static void scopes_leave(Dwarf_Die *cu, Dwarf_Die *scopes, int n, const char **file, unsigned *line, const char **function)
{
	for (int i = 0; i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);
		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		*function = dwarf_diename(&scopes[i]);
		if (tag == DW_TAG_subprogram || !header_of_ours(*file))
			return;
		Dwarf_Attribute attribute;
		Dwarf_Word at;
		const char *caller = call_file(cu, &scopes[i]);
		if (!caller || !dwarf_attr(&scopes[i], DW_AT_call_line, &attribute) || dwarf_formudata(&attribute, &at))
			return;
		*file = caller;
		*line = (unsigned)at;
	}
}

/* The unit that `at` was compiled in.  Not all compilers write the table that leads there, so the units are asked, too. */
static Dwarf_Die *unit_of(Dwfl_Module *module, Dwarf_Addr at, Dwarf_Addr *ret_bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(module, at, ret_bias);

	if (unit)
		return unit;
	while ((unit = dwfl_module_nextcu(module, unit, ret_bias))) {
		if (dwarf_haspc(unit, at - *ret_bias) == 1)
			return unit;
	}
	return NULL;
}

bool mete__where_line(struct where *w, const void *site, const char **ret_file, unsigned *ret_line,
    const char **ret_function)
{
	if (!w || !w->dwfl || !site)
		return false;
	Dwarf_Addr at = (uintptr_t)site - 1, bias; /* inside the call, not behind it */
	Dwfl_Module *module = dwfl_addrmodule(w->dwfl, at);
	Dwarf_Die *unit = module ? unit_of(module, at, &bias) : NULL, *scopes;
	Dwarf_Line *source = unit ? dwarf_getsrc_die(unit, at - bias) : NULL;
	int number = 0;
	const char *file = source ? dwarf_linesrc(source, NULL, NULL) : NULL;
	if (!file || dwarf_lineno(source, &number))
		return false;
	*ret_file = file;
	*ret_line = (unsigned)number;
	*ret_function = dwfl_module_addrname(module, at);
	if (dwarf_getscopes(unit, at - bias, &scopes) <= 0)
		return true;
	/* Beyond an inlined function, those are the scopes it was written in.  What is wanted are those it was put into. */
	Dwarf_Die innermost = scopes[0];
	free(scopes);
	int n = dwarf_getscopes_die(&innermost, &scopes);
	if (n > 0) {
		scopes_leave(unit, scopes, n, ret_file, ret_line, ret_function);
		free(scopes);
	}
	return true;
}
