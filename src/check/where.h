/* SPDX-License-Identifier: ISC */
/*
 * Where: from a return address to a line of the driver's source.
 */
#ifndef WHERE_H
#define WHERE_H

#include <stdbool.h>
#include <stddef.h>

struct where;

/* NULL without memory. */
struct where *mete__where_create(void);
void mete__where_destroy(struct where *where);

/*
 * The line that the call before `site` stands on, and the function it is in.  Calls through the wrappers of native headers
 * count as the line that uses the wrapper.  False if it is not known; strings live as long as `where`.
 */
bool mete__where_line(struct where *where, const void *site, const char **ret_file, unsigned *ret_line,
    const char **ret_function);

#endif
