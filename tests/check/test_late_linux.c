/* SPDX-License-Identifier: ISC */
/*
 * The verifier over stores that arrive late: a driver for Linux fills in a descriptor and lets a copy engine go, with a
 * barrier in between or without.
 *
 * Which stores arrive in time is drawn from the machine's seed.  So each way is tried with twenty seeds: what is right is
 * never reported, and what is wrong nearly always.
 */
#include "support.h"

#include <asm/barrier.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <mete/shim.h>
#include <mete/sim.h>
#include <mete/sim_check.h>
#include <mete/sim_devices.h>

static struct mete_linux here;
METE_LINUX_HERE(here);

#define LEN 256u
#define SEEDS 20u

struct world {
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct mete_device core;
	struct device dev;
	struct mete_check *check;
	struct mete_sim_check *watch;
	unsigned char __iomem *io;
	/* The driver's. */
	unsigned char *list, *from;
	dma_addr_t list_bus, from_bus, to_bus;
	unsigned char *to;
	unsigned list_line, from_line; /* where they were allocated, and mapped */
	unsigned nlist, nfrom, nother; /* reports of O10 at these lines, and all else */
};

static struct mete_rig *machine; /* that is told of barriers */

/* In place of the host's. */
void mete_shim_barrier(void)
{
	if (machine)
		assert_ok(mete_sim_barrier(machine));
}

static void tell(void *ctx, const struct mete_check_report *report)
{
	struct world *w = ctx;
	bool ours = report->misuse == METE_DMA_O10;

	if (ours && report->line == w->list_line)
		w->nlist++;
	else if (ours && report->line == w->from_line)
		w->nfrom++;
	else
		w->nother++;
}

static void start(struct world *w, uint64_t seed)
{
	static const struct mete_sim_device engine = { .model = METE_SIM_COPY };
	const struct mete_sim_config sim = { .time = METE_SIM_STEP, .late_stores = true, .seed = seed, .devices = &engine,
		.ndevices = 1 };
	const struct mete_rig_sim config = { .ram = 8u << 20, .more = &sim };
	const struct mete_check_config check = { .report = tell, .ctx = w, .policy = "" };
	struct mete_registers registers;

	memset(w, 0, sizeof *w);
	assert_ok(mete_rig_start_sim(&config, &w->rig, NULL, 0));
	assert_ok(mete_rig_find(w->rig, METE_SIM_VENDOR, METE_SIM_COPY_DEVICE, 0, &w->pci));
	assert_ok(mete_check_create(mete_rig_provider(w->rig), &check, &w->check));
	const struct mete_device_config device = { .provider = mete_rig_provider(w->rig), .name = "copy" };
	assert_ok(mete_device_init(&w->core, &device));
	assert_ok(mete_linux_init(&here, device.provider));
	mete_linux_device_init(&w->dev, "copy", &w->core);
	assert_int_equal(dma_set_mask_and_coherent(&w->dev, DMA_BIT_MASK(METE_ADDR_BITS)), 0);
	assert_ok(mete_sim_check_start(w->check, w->rig, &w->watch));
	assert_ok(mete_sim_check_add(w->watch, &w->pci, &w->core));
	assert_ok(mete_rig_registers(&w->pci, 0, &registers));
	w->io = mete_linux_iomap(&registers);
	assert_non_null(w->io);
	machine = w->rig;

	w->list = dma_alloc_coherent(&w->dev, METE_SIM_COPY_DESCRIPTOR, &w->list_bus, GFP_KERNEL); w->list_line = __LINE__;
	w->to = dma_alloc_coherent(&w->dev, LEN, &w->to_bus, GFP_KERNEL);
	w->from = kzalloc(LEN, GFP_KERNEL);
	assert_true(w->list && w->to && w->from);
	w->from_bus = dma_map_single(&w->dev, w->from, LEN, DMA_TO_DEVICE); w->from_line = __LINE__;
	assert_int_equal(dma_mapping_error(&w->dev, w->from_bus), 0);
	writel(1, w->io + METE_SIM_COPY_CONTROL);
}

static void end(struct world *w)
{
	dma_unmap_single(&w->dev, w->from_bus, LEN, DMA_TO_DEVICE);
	kfree(w->from);
	dma_free_coherent(&w->dev, LEN, w->to, w->to_bus);
	dma_free_coherent(&w->dev, METE_SIM_COPY_DESCRIPTOR, w->list, w->list_bus);
	iounmap(w->io);
	mete_sim_check_stop(w->watch);
	assert_ok(mete_linux_fini(&here));
	(void)mete_check_destroy(w->check); /* how many reports there were */
	assert_ok(mete_device_fini(&w->core));
	machine = NULL;
	assert_int_equal(mete_rig_stop(w->rig), 0);
}

static void fill_data(struct world *w, int byte)
{
	dma_sync_single_for_cpu(&w->dev, w->from_bus, LEN, DMA_TO_DEVICE);
	memset(w->from, byte, LEN);
	dma_sync_single_for_device(&w->dev, w->from_bus, LEN, DMA_TO_DEVICE); /* no barrier on a coherent machine */
}

static void fill_list(struct world *w)
{
	put_unaligned_le64(w->from_bus, w->list + METE_SIM_COPY_FROM);
	put_unaligned_le64(w->to_bus, w->list + METE_SIM_COPY_TO);
	put_unaligned_le32(LEN, w->list + METE_SIM_COPY_LEN);
}

static void go(struct world *w)
{
	writeq(w->list_bus, w->io + METE_SIM_COPY_START);
}

static void go_relaxed(struct world *w)
{
	writeq_relaxed(w->list_bus, w->io + METE_SIM_COPY_START);
}

static void work(struct world *w)
{
	assert_true(mete_sim_run(w->rig, 100) < 100);
}

static void test_a_barrier_or_an_ordered_doorbell_is_silent(void **state)
{
	struct world w;
	(void)state;

	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		for (unsigned way = 0; way < 4; way++) {
			start(&w, seed);
			fill_data(&w, 0x5a);
			fill_list(&w);
			switch (way) {
			case 0: go(&w); break;
			case 1: wmb(); go_relaxed(&w); break;
			case 2: dma_wmb(); go_relaxed(&w); break;
			case 3: mb(); go_relaxed(&w); break;
			}
			work(&w);
			assert_memory_equal(w.to, w.from, LEN);
			assert_int_equal(w.nlist + w.nfrom + w.nother, 0);
			end(&w);
		}
	}
}

static void test_a_doorbell_that_overtakes_the_descriptor(void **state)
{
	unsigned found = 0, between_cpus = 0;
	struct world w;
	(void)state;

	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		for (int way = 0; way < 2; way++) {
			start(&w, seed);
			fill_data(&w, 0x5a);
			wmb(); /* too early for the descriptor */
			fill_list(&w);
			if (way)
				smp_wmb();
			go_relaxed(&w);
			work(&w);
			*(way ? &between_cpus : &found) += mete_check_count(w.check, METE_DMA_O10) != 0;
			assert_int_equal(w.nlist != 0, mete_check_count(w.check, METE_DMA_O10) != 0); /* at the allocation */
			assert_int_equal(w.nfrom, 0);
			assert_int_equal(w.nlist != 0, memcmp(w.to, w.from, LEN) != 0); /* and only if it went wrong */
			end(&w);
		}
	}
	assert_true(found >= SEEDS / 2);
	assert_true(between_cpus >= SEEDS / 2);
}

static void test_a_doorbell_that_overtakes_the_data(void **state)
{
	unsigned found = 0;
	struct world w;
	(void)state;

	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		start(&w, seed);
		fill_list(&w);
		wmb();
		fill_data(&w, 0x5a);
		go_relaxed(&w);
		work(&w);
		found += mete_check_count(w.check, METE_DMA_O10) != 0;
		assert_int_equal(w.nfrom != 0, mete_check_count(w.check, METE_DMA_O10) != 0); /* at the mapping */
		assert_int_equal(w.nlist + w.nother, 0);
		assert_int_equal(w.nfrom != 0, memcmp(w.to, w.from, LEN) != 0);
		end(&w);
	}
	assert_true(found >= SEEDS / 2);
}

/* A device may miss what is stored after the doorbell: the next descriptor, say.  Whoever rings once more must say so. */
static void test_what_is_stored_after_the_doorbell_may_be_late(void **state)
{
	struct mete_sim_counters counters;
	uint64_t nlate = 0;
	struct world w;
	(void)state;

	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		for (int relaxed = 0; relaxed < 2; relaxed++) {
			start(&w, seed);
			fill_data(&w, 0x5a);
			fill_list(&w);
			wmb();
			if (relaxed)
				go_relaxed(&w);
			else
				go(&w);
			fill_data(&w, 0xa5);
			work(&w);
			assert_int_equal(w.nlist + w.nfrom + w.nother, 0);
			mete_sim_counters(w.rig, &counters);
			nlate += counters.late;
			end(&w);
		}
	}
	assert_true(nlate > SEEDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_barrier_or_an_ordered_doorbell_is_silent),
		cmocka_unit_test(test_a_doorbell_that_overtakes_the_descriptor),
		cmocka_unit_test(test_a_doorbell_that_overtakes_the_data),
		cmocka_unit_test(test_what_is_stored_after_the_doorbell_may_be_late),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
