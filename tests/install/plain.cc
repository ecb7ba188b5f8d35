/* SPDX-License-Identifier: ISC */
/*
 * The library from C++17, with nothing but its own headers: a block from a pool over the host provider, and back.
 */
#include <cstdio>
#include <cstring>

#include <mete/host.h>
#include <mete/pool.h>

int main()
{
	mete_host *host = nullptr;
	if (mete_host_create(nullptr, &host))
		return 1;

	mete_device_config config = {};
	config.name = "plain";
	config.provider = mete_host_provider(host);
	mete_device device;
	if (mete_device_init(&device, &config))
		return 2;

	mete_pool_config blocks = {};
	blocks.len = 256;
	static mete_pool pool;
	if (mete_pool_init(&pool, &device, &blocks))
		return 3;

	void *cpu = nullptr;
	mete_baddr bus = 0;
	if (mete_pool_alloc(&pool, METE_ZERO, &cpu, &bus))
		return 4;
	std::memset(cpu, 0xa5, 256);
	std::printf("a block at bus address %#llx\n", static_cast<unsigned long long>(bus));

	if (mete_pool_free(&pool, cpu) || mete_pool_fini(&pool) || mete_device_fini(&device) || mete_host_destroy(host))
		return 5;
	return 0;
}
