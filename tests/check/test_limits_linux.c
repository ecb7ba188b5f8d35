/* SPDX-License-Identifier: ISC */
/*
 * The verifier over what a Linux driver says of its device and of its memory: masks, attributes, registers, whether it may
 * sleep.
 */
#include "check_world.h"

#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

static struct mete_linux here;
METE_LINUX_HERE(here);

static struct device dev;

static void start(struct world *w)
{
	world_start(w, 0);
	assert_ok(mete_linux_init(&here, w->provider));
	mete_linux_device_init(&dev, "nic", &w->device);
	assert_int_equal(dma_set_mask(&dev, DMA_BIT_MASK(64)), 0); /* the host's addresses are wide */
}

static void end(struct world *w)
{
	assert_ok(mete_linux_fini(&here));
	world_end(w);
}

static void map_once(void *buf)
{
	dma_addr_t bus = dma_map_single(&dev, buf, 64, DMA_TO_DEVICE);

	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	dma_unmap_single(&dev, bus, 64, DMA_TO_DEVICE);
}

static void test_a_refused_mask_is_not_ignored(void **state)
{
	struct world w;
	dma_addr_t bus;
	(void)state;

	start(&w);
	char *buf = kmalloc(64, GFP_KERNEL);
	assert_int_equal(dma_supported(&dev, DMA_BIT_MASK(12)), 0); /* who only asks may go on */
	assert_int_equal(dma_set_coherent_mask(&dev, DMA_BIT_MASK(12)), -EIO);
	map_once(buf); /* the other mask is good */
	assert_int_equal(dma_set_mask(&dev, DMA_BIT_MASK(12)), -EIO);
	assert_int_equal(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(64)), 0); /* and so are both, at the second try */
	map_once(buf);
	void *ring = dma_alloc_coherent(&dev, 64, &bus, GFP_KERNEL);
	assert_non_null(ring);
	dma_free_coherent(&dev, 64, ring, bus);
	assert_silent(&w, 0);

	assert_int_equal(dma_set_mask_and_coherent(&dev, DMA_BIT_MASK(12)), -EIO);
	map_once(buf);
	assert_told(&w, 1, METE_DMA_M13, 0);
	assert_string_equal(w.told[0].call, "dma_map_single");
	assert_int_equal(dma_set_coherent_mask(&dev, DMA_BIT_MASK(12)), -EIO);
	unsigned line = __LINE__ + 1;
	ring = dma_alloc_coherent(&dev, 64, &bus, GFP_KERNEL);
	assert_told(&w, 2, METE_DMA_M13, line);
	dma_free_coherent(&dev, 64, ring, bus);
	kfree(buf);
	assert_silent(&w, 2);
	end(&w);
}

static void test_a_device_without_a_mask(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	char *buf = kmalloc(64, GFP_KERNEL);
	map_once(buf);
	assert_silent(&w, 0);
	dev.dma_mask = NULL;
	unsigned line = __LINE__ + 1;
	assert_int_equal(dma_map_single(&dev, buf, 64, DMA_TO_DEVICE), DMA_MAPPING_ERROR);
	assert_told(&w, 1, METE_DMA_M13, line);
	dev.dma_mask = &dev.mete_mask;
	dev.mete_mask = 0;
	line = __LINE__ + 1;
	dma_addr_t bus = dma_map_single(&dev, buf, 64, DMA_FROM_DEVICE);
	assert_told(&w, 2, METE_DMA_M13, line);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	dma_unmap_single(&dev, bus, 64, DMA_FROM_DEVICE);
	kfree(buf);
	assert_silent(&w, 2);
	end(&w);
}

static void test_attributes_and_what_was_done(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	char *buf = kmalloc(2048, GFP_KERNEL);
	dma_addr_t bus = dma_map_single_attrs(&dev, buf, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	dma_sync_single_for_device(&dev, bus, 2048, DMA_FROM_DEVICE);
	dma_sync_single_for_cpu(&dev, bus, 2048, DMA_FROM_DEVICE);
	dma_unmap_single_attrs(&dev, bus, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	bus = dma_map_single_attrs(&dev, buf, 2048, DMA_FROM_DEVICE, DMA_ATTR_REQUIRE_COHERENT);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	dma_unmap_single(&dev, bus, 2048, DMA_FROM_DEVICE);
	/* Never used, or where syncs do nothing and the driver asked: nothing to report. */
	bus = dma_map_single_attrs(&dev, buf, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	dma_unmap_single_attrs(&dev, bus, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_silent(&w, 0);

	bus = dma_map_single_attrs(&dev, buf, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	unsigned line = __LINE__ + 1;
	dma_sync_single_for_cpu(&dev, bus, 2048, DMA_FROM_DEVICE);
	assert_told(&w, 1, METE_DMA_M16, line);
	dma_unmap_single_attrs(&dev, bus, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	w.device.noncoherent = true;
	line = __LINE__ + 1;
	assert_int_equal(dma_map_single_attrs(&dev, buf, 2048, DMA_FROM_DEVICE, DMA_ATTR_REQUIRE_COHERENT), DMA_MAPPING_ERROR);
	assert_told(&w, 2, METE_DMA_M16, line);
	w.device.noncoherent = false;
	kfree(buf);
	assert_silent(&w, 2);
	end(&w);
}

static void test_registers_are_no_memory(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	char *buf = kmalloc(4096, GFP_KERNEL);
	phys_addr_t memory = virt_to_phys(buf), registers = 0x1000;
	dma_addr_t bus = dma_map_resource(&dev, registers, 64, DMA_BIDIRECTIONAL, 0);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	dma_unmap_resource(&dev, bus, 64, DMA_BIDIRECTIONAL, 0);
	bus = dma_map_phys(&dev, memory, 64, DMA_TO_DEVICE, 0);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	dma_unmap_phys(&dev, bus, 64, DMA_TO_DEVICE, 0);
	assert_silent(&w, 0);
	unsigned line = __LINE__ + 1;
	bus = dma_map_resource(&dev, memory, 64, DMA_BIDIRECTIONAL, 0);
	assert_told(&w, 1, METE_DMA_D10, line);
	assert_int_equal(dma_mapping_error(&dev, bus), 0); /* it works, here */
	dma_unmap_resource(&dev, bus, 64, DMA_BIDIRECTIONAL, 0);
	line = __LINE__ + 1;
	bus = dma_map_phys(&dev, registers, 64, DMA_TO_DEVICE, 0);
	assert_told(&w, 2, METE_DMA_D10, line);
	assert_int_equal(dma_mapping_error(&dev, bus), 0);
	dma_unmap_phys(&dev, bus, 64, DMA_TO_DEVICE, 0);
	kfree(buf);
	assert_silent(&w, 2);
	end(&w);
}

static void test_a_bus_address_is_freed(void **state)
{
	struct world w;
	dma_addr_t bus;
	(void)state;

	start(&w);
	void *ring = dma_alloc_coherent(&dev, 4096, &bus, GFP_KERNEL);
	unsigned line = __LINE__ + 1;
	dma_free_coherent(&dev, 4096, (void *)(uintptr_t)bus, bus);
	assert_told(&w, 1, METE_DMA_M12, line);
	line = __LINE__ + 1;
	dma_unmap_single(&dev, (dma_addr_t)(uintptr_t)ring, 4096, DMA_TO_DEVICE);
	assert_told(&w, 2, METE_DMA_M12, line);
	assert_non_null(strstr(w.told[1].text, "dma_addr_t to dma_unmap_*()"));
	dma_free_coherent(&dev, 4096, ring, bus);
	assert_silent(&w, 2);
	end(&w);
}

static spinlock_t lock;

static void test_nothing_sleeps_under_a_spin_lock(void **state)
{
	struct world w;
	dma_addr_t bus;
	(void)state;

	start(&w);
	spin_lock_init(&lock);
	struct dma_pool *pool = dma_pool_create("ring", &dev, 64, 64, 0);
	void *cpu = dma_pool_alloc(pool, GFP_KERNEL, &bus);
	dma_pool_free(pool, cpu, bus);
	spin_lock(&lock);
	w.atomic = spin_is_locked(&lock);
	cpu = dma_pool_alloc(pool, GFP_ATOMIC, &bus);
	dma_pool_free(pool, cpu, bus);
	kfree(kmalloc(64, GFP_NOWAIT));
	assert_silent(&w, 0);
	unsigned line = __LINE__ + 1;
	cpu = dma_pool_alloc(pool, GFP_KERNEL, &bus);
	assert_told(&w, 1, METE_DMA_X01, line);
	dma_pool_free(pool, cpu, bus);
	line = __LINE__ + 1;
	cpu = dma_alloc_coherent(&dev, 4096, &bus, GFP_KERNEL);
	assert_told(&w, 2, METE_DMA_X01, line);
	dma_free_coherent(&dev, 4096, cpu, bus);
	line = __LINE__ + 1;
	cpu = kmalloc(64, GFP_KERNEL);
	assert_told(&w, 3, METE_DMA_X01, line);
	kfree(cpu);
	line = __LINE__ + 1;
	struct page *page = alloc_page(GFP_KERNEL);
	assert_told(&w, 4, METE_DMA_X01, line);
	__free_pages(page, 0);
	spin_unlock(&lock);
	w.atomic = spin_is_locked(&lock);
	dma_pool_destroy(pool);
	assert_silent(&w, 4);
	end(&w);
}

static void test_limits_that_no_memory_can_meet(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	struct dma_pool *pool = dma_pool_create("ring", &dev, 64, 64, 4096);
	assert_non_null(pool);
	dma_pool_destroy(pool);
	assert_silent(&w, 0);
	unsigned line = __LINE__ + 1;
	assert_null(dma_pool_create("ring", &dev, 8192, 64, 4096)); /* a block is longer than the boundary allows */
	assert_told(&w, 1, METE_DMA_C06, line);
	line = __LINE__ + 1;
	assert_null(dma_pool_create("ring", &dev, 64, 48, 0));
	assert_told(&w, 2, METE_DMA_C06, line);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_refused_mask_is_not_ignored),
		cmocka_unit_test(test_a_device_without_a_mask),
		cmocka_unit_test(test_attributes_and_what_was_done),
		cmocka_unit_test(test_registers_are_no_memory),
		cmocka_unit_test(test_a_bus_address_is_freed),
		cmocka_unit_test(test_nothing_sleeps_under_a_spin_lock),
		cmocka_unit_test(test_limits_that_no_memory_can_meet),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
