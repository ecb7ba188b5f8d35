/* SPDX-License-Identifier: ISC */
/*
 * A program that is linked with the verifier and does not use it: linked.py looks that none of it is inside.
 */
#include <mete/device.h>
#include <mete/host.h>

int main(void)
{
	struct mete_device device;
	struct mete_host *host;
	void *cpu;

	if (mete_host_create(NULL, &host))
		return METE_ADDR_BITS == 64;
	const struct mete_device_config config = { .provider = mete_host_provider(host) };
	return mete_device_init(&device, &config) ||
	    mete_device_alloc(&device, NULL, 100, METE_MEMORY_COHERENT, METE_ZERO, &cpu, NULL) ||
	    mete_device_free(&device, cpu, 100) || mete_device_fini(&device) || mete_host_destroy(host);
}
