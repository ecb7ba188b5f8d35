/* SPDX-License-Identifier: ISC */
/*
 * A driver for OpenBSD, and the little that an application adds to run it: built with what pkg-config says, against an
 * installed library.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/pool.h>
#include <machine/intr.h>

/* The driver. */
static int driver_attach(void)
{
	struct pool requests;
	char *inquiry, *request;
	int wrong;

	DELAY(1);
	inquiry = dma_alloc(36, PR_NOWAIT | PR_ZERO);
	if (inquiry == NULL)
		return 1;
	wrong = inquiry[0] != 0 || inquiry[35] != 0;
	dma_free(inquiry, 36);

	pool_init(&requests, 192, 64, IPL_BIO, 0, "requests", NULL);
	request = pool_get(&requests, PR_WAITOK);
	if (request == NULL)
		return 1;
	pool_put(&requests, request);
	pool_destroy(&requests);
	return wrong;
}

/* The application. */
#include <stdio.h>
#include <mete/host.h>
#include <mete/openbsd.h>

static struct mete_openbsd here;
METE_OPENBSD_HERE(here);

int main(void)
{
	struct mete_host *host;

	if (mete_host_create(NULL, &host) || mete_openbsd_init(&here, mete_host_provider(host), NULL))
		return 1;
	if (driver_attach())
		return 2;
	if (mete_openbsd_fini(&here) || mete_host_destroy(host))
		return 3;
	printf("OpenBSD's dma_alloc and pool: attached\n");
	return 0;
}
