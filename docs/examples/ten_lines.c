/* SPDX-License-Identifier: ISC */
/*
 * The README's program: a buffer for a device, over the host provider.
 *
 * What follows this comment stands in README.md word for word; quoted.py compares the two.
 */
#include <stdio.h>
#include <mete/device.h>
#include <mete/host.h>

int main(void)
{
	struct mete_host *host;    /* a machine with invented physical memory */
	struct mete_device device; /* puts 32 address bits on its bus, cannot cross a multiple of 64 KiB */
	void *cpu;                 /* where the program sees the buffer ... */
	mete_baddr bus;            /* ... and where the device does */

	if (mete_host_create(NULL, &host))
		return 1;
	const struct mete_constraint reach = { .last = 0xffffffff, .boundary = 65536 };
	const struct mete_device_config config = { .provider = mete_host_provider(host), .coherent = &reach };
	if (mete_device_init(&device, &config) ||
	    mete_device_alloc(&device, NULL, 10000, METE_MEMORY_COHERENT, METE_ZERO, &cpu, &bus))
		return 1;
	printf("%p is %#llx to the device\n", cpu, (unsigned long long)bus);
	return mete_device_free(&device, cpu, 10000) || mete_device_fini(&device) || mete_host_destroy(host);
}
