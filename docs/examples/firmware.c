/* SPDX-License-Identifier: ISC */
/*
 * Firmware: an arena over static memory, without malloc.
 *
 * docs/PORTING.md walks through it.  It also runs on a host, where the two interrupt functions do nothing.
 */
#include <mete/arena.h>
#include <mete/pool.h>

/* What the platform has. */
static unsigned irq_save(void)
{
	return 0;
}

static void irq_restore(unsigned state)
{
	(void)state;
}

/* Memory that devices reach, and memory that they do not: two sections of the linker script. */
#define FRAME 256
static _Alignas(FRAME) unsigned char dma_ram[32 * 1024];
static _Alignas(16) unsigned char records[16 * 1024];

static struct mete_arena arena;
static struct mete_device uart;
static struct mete_pool packets;

/* Exclusion, where the library is built with METE_GUARD 1.  Calls do not nest, so one word is enough. */
static unsigned irq_state;

static void lock(void *ctx)
{
	(void)ctx;
	irq_state = irq_save();
}

static void unlock(void *ctx)
{
	(void)ctx;
	irq_restore(irq_state);
}

static const struct mete_hooks hooks = { .lock = lock, .unlock = unlock };

static int memory_start(void)
{
	const struct mete_span span = {
		.cpu = dma_ram,
		.phys = (mete_paddr)(uintptr_t)dma_ram, /* no MMU: what the CPU sees is what is on its bus */
		.len = sizeof dma_ram,
	};
	const struct mete_arena_config config = {
		.frame = FRAME,
		.spans = &span,
		.nspans = 1,
		.records = records,
		.records_len = sizeof records,
		.hooks = &hooks,
	};
	const struct mete_device_config device = { .name = "uart", .provider = mete_arena_provider(&arena) };
	const struct mete_pool_config pool = { .name = "packets", .len = 128, .align = 32 };

	if (mete_arena_records(&config, 8) > sizeof records) /* 8: slabs that may exist at one time */
		return METE_ENOMEM;
	int error = mete_arena_init(&arena, &config);
	if (!error)
		error = mete_device_init(&uart, &device);
	if (!error)
		error = mete_pool_init(&packets, &uart, &pool);
	if (!error)
		error = mete_pool_prime(&packets, 16); /* so that no interrupt handler needs a new slab for the first 16 */
	return error;
}

int main(void)
{
	void *packet;
	mete_baddr bus;

	if (memory_start())
		return 1;
	if (mete_pool_alloc(&packets, METE_ZERO, &packet, &bus))
		return 2;
	/* ... `bus` goes into a descriptor, the device sends, an interrupt comes ... */
	if (mete_pool_free(&packets, packet))
		return 3;
	return mete_pool_fini(&packets) || mete_device_fini(&uart) || mete_arena_fini(&arena);
}
