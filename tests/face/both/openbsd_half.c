/* SPDX-License-Identifier: ISC */
/*
 * The half that is written to OpenBSD's interface.
 */
#include <sys/types.h>
#include <sys/pool.h>

static struct mete_openbsd here;
METE_OPENBSD_HERE(here);

int openbsd_start(struct mete_provider *provider);
void *openbsd_buffer(size_t size);
void openbsd_release(void *buffer, size_t size);
int openbsd_stop(void);

int openbsd_start(struct mete_provider *provider)
{
	return mete_openbsd_init(&here, provider, NULL);
}

void *openbsd_buffer(size_t size)
{
	return dma_alloc(size, PR_NOWAIT | PR_ZERO);
}

void openbsd_release(void *buffer, size_t size)
{
	dma_free(buffer, size);
}

int openbsd_stop(void)
{
	return mete_openbsd_fini(&here);
}
