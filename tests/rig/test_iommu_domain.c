/* SPDX-License-Identifier: ISC */
/*
 * The library's domains over the rigs' IOMMUs: what is unmapped is out of the device's reach, at once or
 * after a flush, and no address is handed out before what it showed is forgotten.
 */
#include "iommu_bench.h"

/* What a domain asks of the ops, besides doing it. */
struct watch {
	const struct mete_domain_config *real;
	unsigned nflushes;
};

static int watch_map(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access)
{
	const struct watch *w = ctx;
	return w->real->ops->map(w->real->ctx, iova, phys, len, access);
}

static void watch_unmap(void *ctx, mete_baddr iova, size_t len)
{
	const struct watch *w = ctx;
	w->real->ops->unmap(w->real->ctx, iova, len);
}

static void watch_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct watch *w = ctx;
	w->nflushes++;
	w->real->ops->flush(w->real->ctx, iova, len);
}

/* The control: a flush that does not reach the hardware. */
static void watch_lose_flush(void *ctx, mete_baddr iova, size_t len)
{
	struct watch *w = ctx;
	(void)iova;
	(void)len;
	w->nflushes++;
}

static int watch_lookup(void *ctx, mete_baddr iova, mete_paddr *ret_phys)
{
	const struct watch *w = ctx;
	return w->real->ops->lookup(w->real->ctx, iova, ret_phys);
}

static const struct mete_iommu_ops watch_ops = { watch_map, watch_unmap, watch_flush, watch_lookup, NULL };
static const struct mete_iommu_ops watch_ops_losing = { watch_map, watch_unmap, watch_lose_flush, watch_lookup, NULL };

static void domain_open(struct bench *b, void **state, struct watch *w, const struct mete_iommu_ops *ops, bool deferred,
    struct mete_domain *domain)
{
	bench_open(b, state);
	*w = (struct watch){ .real = &b->config };
	struct mete_domain_config config = b->config;
	config.ops = ops;
	config.ctx = w;
	config.deferred = deferred;
	/* Room for 64 ranges of a page and a half-used one, so that addresses come around. */
	config.last = config.first + 80 * PAGE - 1;
	assert_ok(mete_domain_init(domain, mete_rig_provider(b->rig), &config));
	assert_ok(mete_domain_attach(domain, &b->device));
}

static void domain_close(struct bench *b, struct mete_domain *domain)
{
	assert_int_equal(domain->nmapped, 0);
	assert_int_equal(b->device.nmapped, b->device.nunmapped);
	assert_ok(mete_domain_attach(NULL, &b->device));
	assert_ok(mete_domain_fini(domain));
	bench_close(b, 0);
}

/* A page that the device wrote through a mapping, which is unmapped since: `ret_iova` is where it was. */
static struct mete_run write_and_unmap(struct bench *b, mete_baddr *ret_iova)
{
	struct mete_provider *p = mete_rig_provider(b->rig);
	struct mete_run run;

	assert_ok(p->ops->take(p->ctx, &(struct mete_want){ .len = PAGE }, &run));
	memset(run.cpu, 0xa5, PAGE);
	assert_ok(mete_map_single(&b->device, NULL, run.cpu, PAGE, METE_DEVICE_WRITES, 0, ret_iova));
	edu_write(&b->edu, *ret_iova, 16);
	assert_ok(mete_unmap_single(&b->device, *ret_iova, PAGE, METE_DEVICE_WRITES, 0));
	check_all(run.cpu, 16, 0);
	memset(run.cpu, 0xa5, PAGE);
	return run;
}

static void give(struct bench *b, const struct mete_run *run)
{
	struct mete_provider *p = mete_rig_provider(b->rig);
	p->ops->give(p->ctx, run);
}

static void test_a_strict_domain_flushes_at_each_unmap(void **state)
{
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	mete_baddr iova;

	domain_open(&b, state, &w, &watch_ops, false, &domain);
	struct mete_run run = write_and_unmap(&b, &iova);
	assert_int_equal(w.nflushes, 1);

	edu_write(&b.edu, iova, 16);

	check_write_fault(&b, iova);
	check_all(run.cpu, PAGE, 0xa5);
	give(&b, &run);
	domain_close(&b, &domain);
}

static void test_a_strict_domain_flushes_all_of_what_it_unmaps(void **state)
{
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	mete_baddr iova;
	uint64_t phys;
	void *cpu;

	domain_open(&b, state, &w, &watch_ops, false, &domain);
	assert_ok(mete_domain_attach(NULL, &b.device)); /* the memory is the CPU's */
	cpu = rig_alloc(&b.device, 5 * PAGE, &phys);
	assert_ok(mete_domain_attach(&domain, &b.device));
	assert_ok(mete_map_single(&b.device, NULL, cpu, 5 * PAGE, METE_DEVICE_WRITES, 0, &iova));
	for (unsigned i = 0; i < 5; i++)
		edu_write(&b.edu, iova + i * PAGE, 16);

	assert_ok(mete_unmap_single(&b.device, iova, 5 * PAGE, METE_DEVICE_WRITES, 0));

	memset(cpu, 0xa5, 5 * PAGE);
	for (unsigned i = 0; i < 5; i++) {
		edu_write(&b.edu, iova + i * PAGE, 16);
		check_write_fault(&b, iova + i * PAGE);
	}
	check_all(cpu, 5 * PAGE, 0xa5);
	assert_ok(mete_device_free(&b.device, cpu, 5 * PAGE));
	domain_close(&b, &domain);
}

/* The control of the tests above: without that flush, the device does reach the page. */
static void test_a_flush_that_is_lost_is_found_out(void **state)
{
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	mete_baddr iova;

	domain_open(&b, state, &w, &watch_ops_losing, false, &domain);
	struct mete_run run = write_and_unmap(&b, &iova);
	assert_int_equal(w.nflushes, 1);

	edu_write(&b.edu, iova, 16);

	check_all(run.cpu, 16, 0);
	give(&b, &run);
	domain_close(&b, &domain);
}

static void test_a_deferred_domain_flushes_when_asked(void **state)
{
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	mete_baddr iova;

	domain_open(&b, state, &w, &watch_ops, true, &domain);
	struct mete_run run = write_and_unmap(&b, &iova);
	assert_int_equal(w.nflushes, 0);
	edu_write(&b.edu, iova, 16);
	check_all(run.cpu, 16, 0);

	mete_domain_flush(&domain);

	assert_int_equal(w.nflushes, 1);
	memset(run.cpu, 0xa5, PAGE);
	edu_write(&b.edu, iova, 16);
	check_write_fault(&b, iova);
	check_all(run.cpu, PAGE, 0xa5);
	give(&b, &run);
	domain_close(&b, &domain);
}

/* The table cannot grow: nothing stays mapped or taken, and it works as soon as there is memory. */
static void test_lack_of_memory_for_tables_fails_a_mapping(void **state)
{
	struct bench b;
	struct mete_domain domain;
	struct mete_run run, last = { 0 };
	mete_baddr iova;
	mete_paddr phys;
	const size_t len = 3u << 20; /* two or three leaf tables */

	bench_open(&b, state);
	struct mete_domain_config config = b.config;
	config.first = 0x4000000;
	assert_ok(mete_domain_init(&domain, mete_rig_provider(b.rig), &config));
	assert_ok(mete_domain_attach(&domain, &b.device));
	struct mete_provider *p = mete_rig_provider(b.rig);
	assert_ok(p->ops->take(p->ctx, &(struct mete_want){ .len = len }, &run));
	void *cpu = run.cpu;
	for (size_t want = 32u << 20; want >= PAGE; want /= 2) {
		while (!p->ops->take(p->ctx, &(struct mete_want){ .len = want }, &run))
			last = run;
	}
	p->ops->give(p->ctx, &last); /* one page */

	assert_error(mete_map_single(&b.device, NULL, cpu, len, METE_DEVICE_READS, 0, &iova), METE_ENOMEM);
	assert_int_equal(domain.nmapped, 0);
	assert_int_equal(b.device.nmapped, 0);
	for (mete_baddr at = config.first; at < config.last; at += PAGE)
		assert_error(b.config.ops->lookup(b.config.ctx, at, &phys), METE_EFAULT);

	/* The table that was made is enough for less. */
	struct mete_constraint where = { 0 };
	for (where.first = config.first; where.first < config.last; where.first += 2u << 20) {
		where.last = where.first + (2u << 20) - 1;
		int error = mete_map_single(&b.device, &where, cpu, PAGE, METE_DEVICE_READS, 0, &iova);
		if (!error)
			break;
		assert_error(error, METE_ENOMEM);
	}
	edu_read(&b.edu, iova, 16);
	assert_ok(mete_unmap_single(&b.device, iova, PAGE, METE_DEVICE_READS, 0));
	domain_close(&b, &domain);
}

/* The space has 80 pages, so addresses come around; none comes before what it showed is forgotten. */
static void test_a_deferred_domain_hands_out_no_address_before_a_flush(void **state)
{
	struct bench b;
	struct watch w;
	struct mete_domain domain;
	unsigned flushes_at[80];
	unsigned nreused = 0;

	domain_open(&b, state, &w, &watch_ops, true, &domain);
	const mete_baddr first = domain.config.first;
	memset(flushes_at, 0xff, sizeof(flushes_at)); /* not handed out yet */
	for (unsigned i = 0; i < 500; i++) {
		mete_baddr iova;
		struct mete_run run = write_and_unmap(&b, &iova);
		size_t page = (size_t)(iova - first) / PAGE;
		assert_true(page < 80);
		if (flushes_at[page] != ~0u) {
			assert_true(flushes_at[page] < w.nflushes);
			nreused++;
		}
		/* A flush within this very unmap came after the range was in quarantine. */
		flushes_at[page] = w.nflushes - (domain.nquarantine ? 0 : 1);
		give(&b, &run);
	}
	assert_true(nreused > 300);
	assert_true(w.nflushes >= 5 && w.nflushes < 100);
	domain_close(&b, &domain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_EACH_IOMMU_AND_SIM(test_a_strict_domain_flushes_at_each_unmap),
		ON_EACH_IOMMU_AND_SIM(test_a_strict_domain_flushes_all_of_what_it_unmaps),
		ON_EACH_IOMMU_AND_SIM(test_a_flush_that_is_lost_is_found_out),
		ON_EACH_IOMMU_AND_SIM(test_a_deferred_domain_flushes_when_asked),
		ON_EACH_IOMMU_AND_SIM(test_a_deferred_domain_hands_out_no_address_before_a_flush),
		ON_EACH_IOMMU(test_lack_of_memory_for_tables_fails_a_mapping),
	};
	rig_folder_enter();
	return rig_folder_leave(cmocka_run_group_tests_name("rig: iommu domain", tests, NULL, NULL));
}
