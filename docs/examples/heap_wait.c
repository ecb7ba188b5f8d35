/* SPDX-License-Identifier: ISC */
/*
 * The heap provider at work: one thread waits for memory, another frees some.
 */
#include "heap_provider.h"

#include <mete/device.h>

static struct heap heap;
static struct mete_device device;

/* Another thread: needs more than is left, and waits. */
static void *waiter(void *arg)
{
	void *cpu;

	int error = mete_device_alloc(&device, NULL, 600 * 1024, METE_MEMORY_CACHED, METE_WAIT, &cpu, NULL);
	if (!error)
		error = mete_device_free(&device, cpu, 600 * 1024);
	return error ? arg : NULL;
}

int main(void)
{
	const struct mete_device_config config = { .name = "disk", .provider = &heap.provider };
	pthread_t thread;
	void *cpu, *failed;

	if (heap_start(&heap, 1024 * 1024) || mete_device_init(&device, &config))
		return 1;
	if (mete_device_alloc(&device, NULL, 600 * 1024, METE_MEMORY_CACHED, METE_ZERO, &cpu, NULL))
		return 2;
	if (pthread_create(&thread, NULL, waiter, &device))
		return 3;
	if (mete_device_free(&device, cpu, 600 * 1024) || pthread_join(thread, &failed) || failed)
		return 4;
	return mete_device_fini(&device) || mete_provider_fini(&heap.provider);
}
