/* SPDX-License-Identifier: ISC */
/*
 * Misuses of the Linux DMA API, each by name, and its near misses.
 */
#include "provoke.h"

#include <mete/bounce.h>

#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/slab.h>

static struct mete_linux linux_here;
METE_LINUX_HERE(linux_here);

static struct device dev;

static void start(void)
{
	provoke_start();
	assert_ok(mete_linux_init(&linux_here, here.provider));
	mete_linux_device_init(&dev, "nic", &here.device);
	assert_int_equal(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(64)), 0);
}

static void end(void)
{
	assert_ok(mete_linux_fini(&linux_here));
	provoke_end();
}

static dma_addr_t map(void *cpu, size_t len, enum dma_data_direction direction)
{
	dma_addr_t bus = dma_map_single(&dev, cpu, len, direction);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	return bus;
}

static void test_linux_a01_double_free(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	struct dma_pool *pool = dma_pool_create("ring", &dev, 64, 64, 0);
	void *block = dma_pool_alloc(pool, GFP_KERNEL, &bus);
	SILENT(dma_pool_free(pool, block, bus));
	PROVOKE(A01, "dma_pool_free", dma_pool_free(pool, block, bus));
	SILENT(block = dma_pool_alloc(pool, GFP_KERNEL, &bus)); /* perhaps the same again, which is nobody's fault */
	SILENT(dma_pool_free(pool, block, bus));
	SILENT(dma_pool_destroy(pool));
	void *run = dma_alloc_coherent(&dev, 8192, &bus, GFP_KERNEL);
	SILENT(dma_free_coherent(&dev, 8192, run, bus));
	PROVOKE(A01, "dma_free_coherent", dma_free_coherent(&dev, 8192, run, bus));
	SILENT(kfree(NULL));
	end();
}

static void test_linux_a02_free_with_another_size(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	void *cpu = dma_alloc_coherent(&dev, 5000, &bus, GFP_KERNEL);
	PROVOKE(A02, "dma_free_coherent", dma_free_coherent(&dev, 4096, cpu, bus));
	ADVISES("5000 bytes were allocated, and 4096 are freed");
	ADVISES("give dma_free_coherent() the size that dma_alloc_coherent() got");
	SILENT(dma_free_coherent(&dev, 5000, cpu, bus));
	end();
}

static void test_linux_a03_free_of_what_is_no_allocation(void **state)
{
	static char elsewhere[64];
	dma_addr_t bus;
	(void)state;

	start();
	struct dma_pool *pool = dma_pool_create("ring", &dev, 64, 64, 0);
	char *block = dma_pool_alloc(pool, GFP_KERNEL, &bus);
	PROVOKE(A03, "dma_pool_free", dma_pool_free(pool, block + 8, bus + 8));
	ADVISES("8 bytes inside an allocation");
	PROVOKE(A03, "kfree", kfree(elsewhere));
	SILENT(dma_pool_free(pool, block, bus));
	SILENT(dma_pool_destroy(pool));
	end();
}

static void test_linux_a04_free_of_what_is_mapped(void **state)
{
	(void)state;

	start();
	void *buf = kmalloc(2048, GFP_KERNEL), *other = kmalloc(2048, GFP_KERNEL);
	dma_addr_t bus = map(buf, 2048, DMA_TO_DEVICE);
	SILENT(kfree(other)); /* beside it */
	PROVOKE(A04, "kfree", kfree(buf));
	ADVISES("call dma_unmap_*() first, then free");
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_TO_DEVICE));
	end();
}

static void test_linux_a05_free_by_the_wrong_call(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	struct dma_pool *pool = dma_pool_create("ring", &dev, 64, 64, 0), *other = dma_pool_create("other", &dev, 64, 64, 0);
	void *block = dma_pool_alloc(pool, GFP_KERNEL, &bus);
	PROVOKE(A05, "dma_pool_free", dma_pool_free(other, block, bus));
	SILENT(dma_pool_free(pool, block, bus));
	SILENT(dma_pool_destroy(other));
	SILENT(dma_pool_destroy(pool));
	end();
}

static void test_linux_a06_addresses_that_are_no_pair(void **state)
{
	dma_addr_t bus, other_bus;
	(void)state;

	start();
	void *cpu = dma_alloc_coherent(&dev, 4096, &bus, GFP_KERNEL), *other = dma_alloc_coherent(&dev, 4096, &other_bus, GFP_KERNEL);
	PROVOKE(A06, "dma_free_coherent", dma_free_coherent(&dev, 4096, cpu, other_bus));
	SILENT(dma_free_coherent(&dev, 4096, cpu, bus));
	SILENT(dma_free_coherent(&dev, 4096, other, other_bus));
	end();
}

static void test_linux_a07_leaks(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	SILENT(mete_check_leaks(here.check, &here.device));
	unsigned line = __LINE__ + 1;
	void *cpu = dma_alloc_coherent(&dev, 4096, &bus, GFP_KERNEL);
	size_t before = here.ntold;
	assert_int_equal(mete_check_leaks(here.check, &here.device), 1);
	provoke_told(METE_DMA_A07, "dma_alloc_coherent", line, before);
	SILENT(dma_free_coherent(&dev, 4096, cpu, bus));
	end();
}

static void test_linux_a12_impossible_sizes(void **state)
{
	dma_addr_t bus;
	void *cpu;
	(void)state;

	start();
	PROVOKE(A12, "dma_alloc_coherent", cpu = dma_alloc_coherent(&dev, 0, &bus, GFP_KERNEL));
	PROVOKE(A12, "dma_alloc_coherent", cpu = dma_alloc_coherent(&dev, SIZE_MAX, &bus, GFP_KERNEL));
	assert_null(cpu);
	SILENT(cpu = dma_alloc_coherent(&dev, (size_t)1 << 40, &bus, GFP_KERNEL)); /* more than there is, but possible */
	assert_null(cpu);
	SILENT(cpu = dma_alloc_coherent(&dev, 1, &bus, GFP_KERNEL));
	SILENT(dma_free_coherent(&dev, 1, cpu, bus));
	end();
}

/* Maps on the line it is used on, and asks whether that failed. */
#define MAP(cpu, len, direction) (bus = dma_map_single(&dev, cpu, len, direction), (void)dma_mapping_error(&dev, bus))

static void test_linux_m01_stack(void **state)
{
	char local[64] __attribute__((aligned(64)));
	static char lasting[64] __attribute__((aligned(64)));
	dma_addr_t bus;
	(void)state;

	start();
	memset(local, 0, sizeof local);
	PROVOKE(M01, "dma_map_single", MAP(local, 64, DMA_TO_DEVICE));
	ADVISES("use kmalloc()");
	SILENT(dma_unmap_single(&dev, bus, 64, DMA_TO_DEVICE));
	SILENT(MAP(lasting, 64, DMA_TO_DEVICE));
	SILENT(dma_unmap_single(&dev, bus, 64, DMA_TO_DEVICE));
	end();
}

static void test_linux_m02_constants(void **state)
{
	static const char constant[64] __attribute__((aligned(64))) = "firmware";
	static char variable[64] __attribute__((aligned(64))) = "firmware";
	dma_addr_t bus;
	(void)state;

	start();
	PROVOKE(M02, "dma_map_single", MAP((void *)(uintptr_t)constant, 64, DMA_TO_DEVICE));
	SILENT(dma_unmap_single(&dev, bus, 64, DMA_TO_DEVICE));
	SILENT(MAP(variable, 64, DMA_TO_DEVICE));
	SILENT(dma_unmap_single(&dev, bus, 64, DMA_TO_DEVICE));
	end();
}

static void test_linux_m04_freed_memory(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	char *buf = kmalloc(2048, GFP_KERNEL);
	SILENT(MAP(buf, 2048, DMA_TO_DEVICE));
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_TO_DEVICE));
	kfree(buf);
	PROVOKE(M04, "dma_map_single", MAP(buf, 2048, DMA_TO_DEVICE));
	ADVISES("kfree() at test_misuses_linux.c:");
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_TO_DEVICE));
	end();
}

static void test_linux_m05_not_checked(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	char *buf = kmalloc(2048, GFP_KERNEL);
	bus = dma_map_single(&dev, buf, 2048, DMA_TO_DEVICE);
	PROVOKE(M05, "dma_unmap_single", dma_unmap_single(&dev, bus, 2048, DMA_TO_DEVICE));
	SILENT(MAP(buf, 2048, DMA_TO_DEVICE));
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_TO_DEVICE));
	PROVOKE(M05, "dma_sync_single_for_cpu", dma_sync_single_for_cpu(&dev, DMA_MAPPING_ERROR, 64, DMA_TO_DEVICE));
	kfree(buf);
	end();
}

static void test_linux_unmapped_otherwise_than_mapped(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	char *buf = kmalloc(2048, GFP_KERNEL);
	bus = map(buf, 2048, DMA_FROM_DEVICE);
	PROVOKE(M06, "dma_unmap_single", dma_unmap_single(&dev, bus, 1024, DMA_FROM_DEVICE));
	bus = map(buf, 2048, DMA_FROM_DEVICE);
	PROVOKE(M07, "dma_unmap_single", dma_unmap_single(&dev, bus, 2048, DMA_BIDIRECTIONAL));
	bus = map(buf, 2048, DMA_FROM_DEVICE);
	PROVOKE(M08, "dma_unmap_page", dma_unmap_page(&dev, bus, 2048, DMA_FROM_DEVICE));
	bus = map(buf, 2048, DMA_FROM_DEVICE);
	PROVOKE(M09, "dma_unmap_single", dma_unmap_single(&dev, bus + 64, 1984, DMA_FROM_DEVICE));
	SILENT(dma_unmap_single_attrs(&dev, bus, 2048, DMA_FROM_DEVICE, 0)); /* the same call by its longer name */
	PROVOKE(M09, "dma_unmap_single", dma_unmap_single(&dev, bus, 2048, DMA_FROM_DEVICE));
	ADVISES("it is unmapped already");
	kfree(buf);
	end();
}

static void test_linux_m11_mapped_twice(void **state)
{
	dma_addr_t bus, first;
	(void)state;

	start();
	char *buf = kmalloc(4096, GFP_KERNEL);
	first = map(buf, 2048, DMA_TO_DEVICE);
	SILENT(MAP(buf, 2048, DMA_TO_DEVICE)); /* two devices may read */
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_TO_DEVICE));
	SILENT(MAP(buf, 1024, DMA_TO_DEVICE));
	SILENT(dma_unmap_single(&dev, first, 2048, DMA_TO_DEVICE)); /* in any order, though both have one address */
	SILENT(dma_unmap_single(&dev, bus, 1024, DMA_TO_DEVICE));
	first = map(buf, 2048, DMA_TO_DEVICE);
	SILENT(MAP(buf + 2048, 2048, DMA_FROM_DEVICE)); /* side by side */
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_FROM_DEVICE));
	dma_addr_t again;
	(void)dma_map_single(&dev, buf, 1024, DMA_TO_DEVICE);
	SILENT(MAP(buf, 512, DMA_TO_DEVICE)); /* who asks about one asks about both, by their address */
	SILENT(dma_unmap_single(&dev, bus, 1024, DMA_TO_DEVICE));
	SILENT(dma_unmap_single(&dev, bus, 512, DMA_TO_DEVICE));
	PROVOKE(M11, "dma_map_single", MAP(buf, 2048, DMA_FROM_DEVICE));
	again = bus;
	SILENT(dma_unmap_single(&dev, first, 2048, DMA_TO_DEVICE)); /* the directions tell them apart */
	SILENT(dma_unmap_single(&dev, again, 2048, DMA_FROM_DEVICE));
	first = map(buf, 2048, DMA_TO_DEVICE);
	PROVOKE(M11, "dma_map_single", MAP(buf + 1984, 2048 + 64, DMA_FROM_DEVICE));
	SILENT(dma_unmap_single(&dev, bus, 2048 + 64, DMA_FROM_DEVICE));
	SILENT(dma_unmap_single(&dev, first, 2048, DMA_TO_DEVICE));
	kfree(buf);
	end();
}

static void test_linux_syncs(void **state)
{
	(void)state;

	start();
	char *buf = kmalloc(2048, GFP_KERNEL);
	dma_addr_t bus = map(buf, 2048, DMA_FROM_DEVICE);
	SILENT(dma_sync_single_for_cpu(&dev, bus, 2048, DMA_FROM_DEVICE));
	SILENT(dma_sync_single_for_device(&dev, bus, 2048, DMA_FROM_DEVICE));
	SILENT(dma_sync_single_range_for_cpu(&dev, bus, 2047, 1, DMA_FROM_DEVICE));
	PROVOKE(O04, "dma_sync_single_range_for_cpu", dma_sync_single_range_for_cpu(&dev, bus, 2047, 2, DMA_FROM_DEVICE));
	PROVOKE(O04, "dma_sync_single_for_device", dma_sync_single_for_device(&dev, bus, 2049, DMA_FROM_DEVICE));
	PROVOKE(O05, "dma_sync_single_for_cpu", dma_sync_single_for_cpu(&dev, bus, 2048, DMA_TO_DEVICE));
	ADVISES("map with DMA_BIDIRECTIONAL");
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_FROM_DEVICE));
	PROVOKE(O06, "dma_sync_single_for_cpu", dma_sync_single_for_cpu(&dev, bus, 2048, DMA_FROM_DEVICE));
	bus = map(buf, 2048, DMA_BIDIRECTIONAL);
	SILENT(dma_sync_single_for_cpu(&dev, bus, 2048, DMA_FROM_DEVICE)); /* a part of what was mapped */
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_BIDIRECTIONAL));
	kfree(buf);
	end();
}

static void test_linux_o08_shared_cache_line(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	char *buf = kmalloc(256, GFP_KERNEL);
	SILENT(MAP(buf, 128, DMA_FROM_DEVICE));
	SILENT(dma_unmap_single(&dev, bus, 128, DMA_FROM_DEVICE));
	SILENT(MAP(buf + 4, 16, DMA_TO_DEVICE)); /* reading destroys nothing */
	SILENT(dma_unmap_single(&dev, bus, 16, DMA_TO_DEVICE));
	SILENT(MAP(buf + 4, 100, DMA_FROM_DEVICE)); /* nor does a neighbour that nobody touches, or one in another line */
	buf[128]++;
	SILENT(dma_unmap_single(&dev, bus, 100, DMA_FROM_DEVICE));
	SILENT(MAP(buf + 4, 124, DMA_FROM_DEVICE));
	buf[3]++;
	PROVOKE(O08, "dma_unmap_single", dma_unmap_single(&dev, bus, 124, DMA_FROM_DEVICE));
	ADVISES("other data in its first or last cache line of 64 bytes");
	SILENT(MAP(buf, 100, DMA_FROM_DEVICE));
	buf[100]++;
	PROVOKE(O08, "dma_unmap_single", dma_unmap_single(&dev, bus, 100, DMA_FROM_DEVICE));
	kfree(buf);
	/* What kmalloc() gave too much is nobody's. */
	buf = kmalloc(100, GFP_KERNEL);
	SILENT(MAP(buf, 100, DMA_FROM_DEVICE));
	buf[100]++;
	SILENT(dma_unmap_single(&dev, bus, 100, DMA_FROM_DEVICE));
	kfree(buf);
	end();
}

/* What a face makes and takes away in one call, and what cannot be unmapped, is told once at most. */
static void test_linux_one_mistake_is_told_once(void **state)
{
	const struct mete_bounce_config config = { .grain = 2048, .keep = 511, .always = true };
	struct mete_bounce area;
	dma_addr_t bus;
	(void)state;

	start();
	assert_ok(mete_bounce_init(&area, &here.device, &config));
	char *buf = kmalloc(2048, GFP_KERNEL);
	dma_set_min_align_mask(&dev, 1023); /* more than the area keeps */
	SILENT(MAP(buf + 512, 512, DMA_FROM_DEVICE));
	assert_true(bus == DMA_MAPPING_ERROR);
	dma_set_min_align_mask(&dev, 0);
	SILENT(MAP(buf, 2048, DMA_FROM_DEVICE));
	PROVOKE(M06, "dma_unmap_single", dma_unmap_single(&dev, bus, 1024, DMA_FROM_DEVICE)); /* refused: stand-ins know their length */
	assert_int_equal(mete_bounce_used(&area), 1);
	assert_int_equal(mete_check_leaks(here.check, NULL), 1); /* kmalloc's, and not the mapping */
	SILENT(dma_unmap_single(&dev, bus, 2048, DMA_FROM_DEVICE));
	kfree(buf);
	assert_ok(mete_bounce_fini(&area));
	end();
}

static void test_linux_x05_ended_in_use(void **state)
{
	dma_addr_t bus;
	(void)state;

	start();
	struct dma_pool *pool = dma_pool_create("ring", &dev, 64, 64, 0);
	void *block = dma_pool_alloc(pool, GFP_KERNEL, &bus);
	PROVOKE(X05, "dma_pool_destroy", dma_pool_destroy(pool));
	SILENT(dma_pool_free(pool, block, bus));
	SILENT(dma_pool_destroy(pool));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linux_a01_double_free),
		cmocka_unit_test(test_linux_a02_free_with_another_size),
		cmocka_unit_test(test_linux_a03_free_of_what_is_no_allocation),
		cmocka_unit_test(test_linux_a04_free_of_what_is_mapped),
		cmocka_unit_test(test_linux_a05_free_by_the_wrong_call),
		cmocka_unit_test(test_linux_a06_addresses_that_are_no_pair),
		cmocka_unit_test(test_linux_a07_leaks),
		cmocka_unit_test(test_linux_a12_impossible_sizes),
		cmocka_unit_test(test_linux_m01_stack),
		cmocka_unit_test(test_linux_m02_constants),
		cmocka_unit_test(test_linux_m04_freed_memory),
		cmocka_unit_test(test_linux_m05_not_checked),
		cmocka_unit_test(test_linux_unmapped_otherwise_than_mapped),
		cmocka_unit_test(test_linux_m11_mapped_twice),
		cmocka_unit_test(test_linux_syncs),
		cmocka_unit_test(test_linux_o08_shared_cache_line),
		cmocka_unit_test(test_linux_one_mistake_is_told_once),
		cmocka_unit_test(test_linux_x05_ended_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
