/* SPDX-License-Identifier: ISC */
/*
 * The verifier over the Linux face: reports name the calls and lines of the driver.
 */
#include "support.h"

#include <mete/check.h>
#include <mete/host.h>

#include <linux/dma-mapping.h>
#include <linux/dmapool.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

static struct mete_linux here;
METE_LINUX_HERE(here);

struct told {
	enum mete_misuse misuse;
	unsigned line;
	char call[64], text[2048];
};

struct world {
	struct mete_host *host;
	struct mete_provider *provider;
	struct mete_device core;
	struct device dev;
	struct mete_check *check;
	struct told told[16];
	size_t ntold;
};

static void tell(void *ctx, const struct mete_check_report *report)
{
	struct world *w = ctx;
	struct told *told = &w->told[w->ntold++ % 16];

	told->misuse = report->misuse;
	told->line = report->line;
	snprintf(told->call, sizeof told->call, "%s", report->call ? report->call : "");
	snprintf(told->text, sizeof told->text, "%s", report->text);
}

static void start(struct world *w)
{
	const struct mete_check_config config = { .report = tell, .ctx = w, .policy = "" };

	memset(w, 0, sizeof *w);
	assert_ok(mete_host_create(NULL, &w->host));
	w->provider = mete_host_provider(w->host);
	assert_ok(mete_check_create(w->provider, &config, &w->check));
	const struct mete_device_config device = { .provider = w->provider, .name = "nic" };
	assert_ok(mete_device_init(&w->core, &device));
	assert_ok(mete_linux_init(&here, w->provider));
	mete_linux_device_init(&w->dev, "nic", &w->core);
	assert_int_equal(dma_set_mask_and_coherent(&w->dev, DMA_BIT_MASK(64)), 0);
}

static void end(struct world *w)
{
	(void)mete_check_destroy(w->check);
	assert_ok(mete_linux_fini(&here));
	assert_ok(mete_device_fini(&w->core));
	assert_ok(mete_host_destroy(w->host));
}

static void assert_told(const struct world *w, size_t nth, enum mete_misuse misuse, const char *call, unsigned line)
{
	if (w->ntold != nth + 1 && w->ntold > nth)
		print_error("%s", w->told[w->ntold - 1].text);
	assert_int_equal(w->ntold, nth + 1);
	assert_string_equal(mete_misuse_name(w->told[nth].misuse), mete_misuse_name(misuse));
	assert_string_equal(w->told[nth].call, call);
	assert_int_equal(w->told[nth].line, line);
}

static void test_linux_streaming(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	char *buf = kmalloc(2048, GFP_KERNEL);
	assert_non_null(buf);
	dma_addr_t bus = dma_map_single(&w.dev, buf, 2048, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	dma_sync_single_for_cpu(&w.dev, bus, 2048, DMA_FROM_DEVICE);
	dma_unmap_single(&w.dev, bus, 2048, DMA_FROM_DEVICE);
	assert_int_equal(w.ntold, 0);

	bus = dma_map_single(&w.dev, buf, 2048, DMA_FROM_DEVICE);
	unsigned line = __LINE__ + 1;
	dma_unmap_single(&w.dev, bus, 2048, DMA_FROM_DEVICE);
	assert_told(&w, 0, METE_DMA_M05, "dma_unmap_single", line);
	assert_non_null(strstr(w.told[0].text, "call dma_mapping_error()"));

	bus = dma_map_single(&w.dev, buf, 2048, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	line = __LINE__ + 1;
	dma_unmap_page(&w.dev, bus, 2048, DMA_FROM_DEVICE);
	assert_told(&w, 1, METE_DMA_M08, "dma_unmap_page", line);

	bus = dma_map_single(&w.dev, buf, 2048, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	line = __LINE__ + 1;
	dma_sync_single_range_for_cpu(&w.dev, bus, 2000, 100, DMA_FROM_DEVICE);
	assert_told(&w, 2, METE_DMA_O04, "dma_sync_single_range_for_cpu", line);
	line = __LINE__ + 1;
	dma_unmap_single(&w.dev, bus, 2048, DMA_TO_DEVICE);
	assert_told(&w, 3, METE_DMA_M07, "dma_unmap_single", line);
	line = __LINE__ + 1;
	dma_unmap_single(&w.dev, DMA_MAPPING_ERROR, 2048, DMA_TO_DEVICE);
	assert_told(&w, 4, METE_DMA_M05, "dma_unmap_single", line);
	kfree(buf);
	line = __LINE__ + 1;
	kfree(buf);
	assert_told(&w, 5, METE_DMA_A01, "kfree", line);
	end(&w);
}

static void test_linux_coherent(void **state)
{
	struct world w;
	dma_addr_t bus;
	(void)state;

	start(&w);
	void *cpu = dma_alloc_coherent(&w.dev, 4096, &bus, GFP_KERNEL);
	assert_non_null(cpu);
	unsigned line = __LINE__ + 1;
	dma_free_coherent(&w.dev, 4096, cpu, bus + 4096);
	assert_told(&w, 0, METE_DMA_A06, "dma_free_coherent", line);
	line = __LINE__ + 1;
	dma_free_coherent(&w.dev, 8192, cpu, bus);
	assert_told(&w, 1, METE_DMA_A02, "dma_free_coherent", line);
	dma_free_coherent(&w.dev, 4096, cpu, bus);
	struct dma_pool *pool = dma_pool_create("ring", &w.dev, 64, 64, 0);
	line = __LINE__ + 1;
	cpu = dma_pool_alloc(pool, GFP_KERNEL, &bus);
	dma_pool_destroy(pool);
	assert_int_equal(w.told[2].misuse, METE_DMA_X05);
	assert_string_equal(w.told[2].call, "dma_pool_destroy");
	dma_pool_free(pool, cpu, bus);
	dma_pool_destroy(pool);
	assert_int_equal(w.ntold, 3);
	end(&w);
}

static void test_linux_lists(void **state)
{
	struct world w;
	struct scatterlist sg[3];
	(void)state;

	start(&w);
	char *buf = kmalloc(8192, GFP_KERNEL);
	sg_init_table(sg, 3);
	for (int i = 0; i < 3; i++)
		sg_set_buf(&sg[i], buf + i * 2048, 1024);
	assert_int_equal(dma_map_sg(&w.dev, sg, 3, DMA_TO_DEVICE), 3);
	dma_sync_sg_for_device(&w.dev, sg, 3, DMA_TO_DEVICE);
	dma_unmap_sg(&w.dev, sg, 3, DMA_TO_DEVICE);
	if (w.ntold)
		print_error("%s", w.told[0].text);
	assert_int_equal(w.ntold, 0);
	assert_int_equal(dma_map_sg(&w.dev, sg, 3, DMA_TO_DEVICE), 3);
	unsigned line = __LINE__ + 1;
	dma_unmap_sg(&w.dev, sg, 2, DMA_TO_DEVICE);
	assert_told(&w, 0, METE_DMA_M10, "dma_unmap_sg", line);
	kfree(buf);
	assert_int_equal(w.told[1].misuse, METE_DMA_A04);
	end(&w);
}

/* Syncs that are left to the driver, by an attribute. */
static void test_linux_sync_by_hand(void **state)
{
	struct world w;
	(void)state;

	start(&w);
	char *buf = kmalloc(2048, GFP_KERNEL);
	dma_addr_t bus = dma_map_single(&w.dev, buf, 2048, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	dma_sync_single_for_cpu(&w.dev, bus, 2048, DMA_FROM_DEVICE);
	dma_unmap_single_attrs(&w.dev, bus, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	/* Who passes nothing to the device may throw away what it wrote. */
	bus = dma_map_single_attrs(&w.dev, buf, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	dma_unmap_single_attrs(&w.dev, bus, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	/* The device has written nothing. */
	bus = dma_map_single(&w.dev, buf, 2048, DMA_TO_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	dma_unmap_single_attrs(&w.dev, bus, 2048, DMA_TO_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_int_equal(w.ntold, 0);

	bus = dma_map_single(&w.dev, buf, 2048, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	unsigned line = __LINE__ + 1;
	dma_unmap_single_attrs(&w.dev, bus, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_told(&w, 0, METE_DMA_M16, "dma_unmap_single_attrs", line);
	bus = dma_map_single(&w.dev, buf, 2048, DMA_FROM_DEVICE);
	assert_int_equal(dma_mapping_error(&w.dev, bus), 0);
	dma_sync_single_for_cpu(&w.dev, bus, 2048, DMA_FROM_DEVICE);
	dma_sync_single_for_device(&w.dev, bus, 2048, DMA_FROM_DEVICE); /* and once more by the device */
	line = __LINE__ + 1;
	dma_unmap_single_attrs(&w.dev, bus, 2048, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);
	assert_told(&w, 1, METE_DMA_M16, "dma_unmap_single_attrs", line);
	kfree(buf);
	end(&w);
}

/* A mistake that leaves memory allocated is one mistake, and not a leak besides. */
static void test_linux_what_cannot_be_freed_is_no_leak(void **state)
{
	struct world w;
	dma_addr_t bus;
	(void)state;

	start(&w);
	void *cpu = dma_alloc_coherent(&w.dev, 4096, &bus, GFP_KERNEL);
	assert_non_null(cpu);
	unsigned line = __LINE__ + 1;
	dma_free_coherent(&w.dev, 8192, cpu, bus);
	assert_told(&w, 0, METE_DMA_A02, "dma_free_coherent", line);
	assert_int_equal(mete_check_leaks(w.check, NULL), 0);
	dma_free_coherent(&w.dev, 4096, cpu, bus);
	assert_int_equal(w.ntold, 1);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linux_streaming),
		cmocka_unit_test(test_linux_coherent),
		cmocka_unit_test(test_linux_lists),
		cmocka_unit_test(test_linux_sync_by_hand),
		cmocka_unit_test(test_linux_what_cannot_be_freed_is_no_leak),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
