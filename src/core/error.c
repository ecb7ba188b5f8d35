/* SPDX-License-Identifier: ISC */
/*
 * Errors: names and meanings, from the one list in <mete/error.h>.
 *
 * Switches, not tables of pointers: a table would need relocation in a shared object.
 */
#include <mete/error.h>

const char *mete_error_name(int error)
{
	switch (error) {
	case 0: return "0";
#define ERROR_NAME(name, number, text) \
	case METE_##name: return "METE_" #name;
		METE_ERROR_MAP(ERROR_NAME)
#undef ERROR_NAME
	default: return "?";
	}
}

const char *mete_error_text(int error)
{
	switch (error) {
	case 0: return "success";
#define ERROR_TEXT(name, number, text) \
	case METE_##name: return text;
		METE_ERROR_MAP(ERROR_TEXT)
#undef ERROR_TEXT
	default: return "not an error of this library";
	}
}
