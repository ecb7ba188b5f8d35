/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE
/*
 * The SD driver on QEMU's controller and card: both kinds of DMA, over each way in which memory can be made visible.
 * Lists of pieces go through dma_map_sg().
 */
#include "linux_rig.h"
#include "rig_support.h"
#include "sdhci.h"

#include <mete/bounce.h>
#include <mete/iommu.h>
#include <unistd.h>

#define VENDOR 0x1b36
#define DEVICE 0x0007
#define PAGE 4096u
#define CARD_LEN (4u << 20) /* QEMU wants a power of two */
#define ROOM (16 * PAGE)    /* memory for one list */

enum way { DIRECT, ALWAYS, IOMMU, NWAYS };

static const char *const way_name[] = { "direct", "bounce", "IOMMU" };

struct bench {
	struct mete_rig *rig;
	struct mete_rig_function pci;
	struct linux_plug plug;
	struct mete_device ram;   /* sees everything: memory for the test */
	struct mete_device core;
	struct mete_domain domain;
	struct mete_bounce bounce;
	struct device dev;
	struct sdhci sd;
	unsigned char *content;   /* of the card at the start */
	int card;
	enum way way;
};

/* Pieces of one page run, in the order of the list. */
struct piece {
	size_t off, len;
};

static const struct piece pages[] = { { 2 * PAGE, PAGE }, { 0, PAGE }, { PAGE, PAGE } };
static const struct piece blocks[] = { { 5 * PAGE + 512, 512 }, { PAGE, 2 * PAGE }, { 8 * PAGE - 1024, 3 * PAGE } };
static const struct piece odd[] = { { 2 * PAGE, 512 }, { 0, PAGE }, { PAGE + 4, 3584 }, { 4 * PAGE - 8, 1020 },
	{ 6 * PAGE, 4 } };
static const struct piece one[] = { { 3 * PAGE, 512 } };

#define NPIECES(list) (sizeof(list) / sizeof(*(list)))

static void bench_domain(struct bench *b, mete_baddr first)
{
	struct mete_domain_config config;

	assert_ok(mete_rig_vtd_start(&b->pci, &config));
	config.last = first ? first + (16u << 20) - 1 : config.last;
	config.first = first ? first : config.first;
	assert_ok(mete_domain_init(&b->domain, mete_rig_provider(b->rig), &config));
	assert_ok(mete_domain_attach(&b->domain, &b->core));
}

/* A machine with a card.  `first`: of the addresses behind an IOMMU; 0: as they come.  Skips where there is no QEMU. */
static void bench_open(struct bench *b, enum way way, mete_baddr first)
{
	char text[1024], path[32], drive[128];
	const char *const options[] = { "-device", "intel-iommu", "-blockdev", drive, "-device", "sdhci-pci",
		"-device", "sd-card,drive=card", NULL };

	memset(b, 0, sizeof(*b));
	b->way = way;
	b->content = rig_file_make(CARD_LEN, 7, &b->card, path);
	snprintf(drive, sizeof(drive), "driver=file,node-name=card,locking=off,filename=/proc/%ld/fd/%d", (long)getpid(),
	    b->card);
	const struct mete_rig_qemu config = { .options = way == IOMMU ? options : options + 2 };
	int error = mete_rig_start_qemu(&config, &b->rig, text, sizeof(text));
	if (error) {
		free(b->content);
		close(b->card);
		if (error == METE_ENODEV)
			skip_because(text);
		fail_msg("%s", text);
	}
	assert_ok(mete_rig_find(b->rig, VENDOR, DEVICE, 0, &b->pci));
	assert_ok(linux_rig_open(&b->plug, &b->pci));
	rig_device_init(&b->ram, b->rig);
	rig_device_init(&b->core, b->rig);
	mete_linux_device_init(&b->dev, "sdhci", &b->core);
	if (way == IOMMU)
		bench_domain(b, first);
	if (way == ALWAYS)
		assert_ok(mete_bounce_init(&b->bounce, &b->core, &(struct mete_bounce_config){ .always = true }));
}

static void bench_start(struct bench *b, enum sdhci_dma dma, unsigned flaws)
{
	assert_int_equal(sdhci_start(&b->sd, &b->dev, &b->plug, dma, flaws), 0);
}

static void bench_close(struct bench *b)
{
	struct mete_iommu_fault fault;

	sdhci_stop(&b->sd);
	assert_int_equal(b->sd.mapped, b->sd.unmapped);
	assert_int_equal(b->core.nmapped, b->core.nunmapped);
	if (b->way == ALWAYS) {
		assert_int_equal(mete_bounce_used(&b->bounce), 0);
		assert_ok(mete_bounce_fini(&b->bounce));
	}
	if (b->way == IOMMU) {
		assert_error(mete_domain_fault(&b->domain, &fault), METE_ENODEV);
		assert_int_equal(b->domain.nmapped, 0);
		assert_ok(mete_domain_attach(NULL, &b->core));
		assert_ok(mete_domain_fini(&b->domain));
	}
	assert_ok(mete_device_fini(&b->core));
	assert_ok(mete_device_fini(&b->ram));
	assert_ok(linux_rig_close(&b->plug));
	assert_int_equal(mete_rig_stop(b->rig), 0);
	close(b->card);
	free(b->content);
}

static unsigned char *room_alloc(struct bench *b)
{
	uint64_t phys;
	unsigned char *p = rig_alloc(&b->ram, ROOM, &phys);

	memset(p, 0xa5, ROOM);
	return p;
}

static int transfer(struct bench *b, bool write, uint32_t block, unsigned char *room, const struct piece *pieces,
    size_t n)
{
	struct scatterlist sg[8];

	sg_init_table(sg, (unsigned)n);
	for (size_t i = 0; i < n; i++)
		sg_set_buf(&sg[i], room + pieces[i].off, (unsigned)pieces[i].len);
	return sdhci_transfer(&b->sd, write, block, sg, (int)n);
}

/* The pieces hold the card's bytes from `block` on, and nothing beside them changed. */
static void check_arrived(const struct bench *b, uint32_t block, const unsigned char *room, const struct piece *pieces,
    size_t n)
{
	unsigned char *want = malloc(ROOM);
	size_t at = block * 512;

	assert_non_null(want);
	memset(want, 0xa5, ROOM);
	for (size_t i = 0; i < n; i++) {
		memcpy(want + pieces[i].off, b->content + at, pieces[i].len);
		at += pieces[i].len;
	}
	assert_memory_equal(room, want, ROOM);
	free(want);
}

static void check_read(struct bench *b, uint32_t block, const struct piece *pieces, size_t n)
{
	unsigned char *room = room_alloc(b);

	assert_int_equal(transfer(b, false, block, room, pieces, n), 0);
	check_arrived(b, block, room, pieces, n);
	assert_ok(mete_device_free(&b->ram, room, ROOM));
}

/* Write, and see what is on the card; around it stays what was there. */
static void check_write(struct bench *b, uint32_t block, const struct piece *pieces, size_t n)
{
	unsigned char *room = room_alloc(b), *want = malloc(CARD_LEN), *got = malloc(CARD_LEN);
	size_t at = block * 512;

	assert_true(want && got);
	for (size_t i = 0; i < ROOM; i++)
		room[i] = (unsigned char)(i * 17 + (i >> 8));
	memcpy(want, b->content, CARD_LEN);
	for (size_t i = 0; i < n; i++) {
		memcpy(want + at, room + pieces[i].off, pieces[i].len);
		at += pieces[i].len;
	}
	assert_int_equal(transfer(b, true, block, room, pieces, n), 0);
	assert_int_equal(pread(b->card, got, CARD_LEN, 0), CARD_LEN);
	assert_memory_equal(got, want, CARD_LEN);
	memcpy(b->content, want, CARD_LEN);
	free(want);
	free(got);
	assert_ok(mete_device_free(&b->ram, room, ROOM));
}

static void check_all_ways(enum sdhci_dma dma)
{
	for (enum way way = 0; way < NWAYS; way++) {
		struct bench b;
		print_message("%s\n", way_name[way]);
		bench_open(&b, way, 0);
		bench_start(&b, dma, 0);
		check_read(&b, 0, one, NPIECES(one));
		check_read(&b, 100, pages, NPIECES(pages));
		check_read(&b, 8191 - 40, blocks, NPIECES(blocks));
		check_write(&b, 17, one, NPIECES(one));
		check_write(&b, 1000, pages, NPIECES(pages));
		check_write(&b, 2000, blocks, NPIECES(blocks));
		check_read(&b, 1000, blocks, NPIECES(blocks));
		if (dma == SDHCI_ADMA2) {
			check_read(&b, 55, odd, NPIECES(odd));
			check_write(&b, 55, odd, NPIECES(odd));
		}
		assert_true(b.sd.interrupts >= b.sd.commands);
		bench_close(&b);
	}
}

static void test_sdma_moves_blocks_both_ways(void **state)
{
	(void)state;
	check_all_ways(SDHCI_SDMA);
}

static void test_adma2_moves_lists_both_ways(void **state)
{
	(void)state;
	check_all_ways(SDHCI_ADMA2);
}

/* A segment from the middle of a page on, two pages long, is three commands. */
static void test_sdma_never_meets_its_boundary(void **state)
{
	static const struct piece across[] = { { PAGE + 512, 2 * PAGE } };
	struct bench b;

	(void)state;
	bench_open(&b, DIRECT, 0);
	bench_start(&b, SDHCI_SDMA, 0);
	unsigned long commands = b.sd.commands;

	check_read(&b, 3, across, 1);

	assert_int_equal(b.sd.commands - commands, 3);
	assert_int_equal(b.sd.pieces, 3);
	assert_false(b.sd.stopped);
	bench_close(&b);
}

/* Its control: one command across a boundary stops there, and the rest never arrives. */
static void test_sdma_across_its_boundary_stops(void **state)
{
	static const struct piece across[] = { { PAGE, 2 * PAGE } };
	static const struct piece arrived[] = { { PAGE, PAGE } };
	struct bench b;

	(void)state;
	bench_open(&b, DIRECT, 0);
	bench_start(&b, SDHCI_SDMA, SDHCI_FLAW_BOUNDARY);
	unsigned char *room = room_alloc(&b);

	assert_int_equal(transfer(&b, false, 3, room, across, 1), -EIO);
	assert_true(b.sd.stopped);
	check_arrived(&b, 3, room, arrived, 1);

	b.sd.flaws = 0;
	assert_int_equal(transfer(&b, false, 3, room, across, 1), 0);
	check_arrived(&b, 3, room, across, 1);
	assert_ok(mete_device_free(&b.ram, room, ROOM));
	bench_close(&b);
}

/*
 * The control of the mask: all addresses of this domain have 33 bits.  A driver that says it can do that puts the low 32
 * into its registers, and the record has the address that came out; one that tells the truth gets no mapping.
 */
#if METE_ADDR_BITS == 64
static void test_a_mask_that_is_too_wide_leaves_a_record(void **state)
{
	const mete_baddr first = (mete_baddr)1 << 32;
	struct bench b;
	struct mete_iommu_fault fault;

	(void)state;
	bench_open(&b, IOMMU, first);
	bench_start(&b, SDHCI_SDMA, SDHCI_FLAW_MASK);
	unsigned char *room = room_alloc(&b);
	(void)transfer(&b, false, 3, room, one, 1);
	assert_ok(mete_domain_fault(&b.domain, &fault));
	assert_true(fault.iova < 16u << 20);
	assert_int_equal(fault.access, METE_DEVICE_WRITES);
	assert_int_equal(fault.source, b.pci.slot << 3 | b.pci.number);
	while (!mete_domain_fault(&b.domain, &fault))
		;
	check_arrived(&b, 3, room, one, 0);

	sdhci_stop(&b.sd);
	bench_start(&b, SDHCI_SDMA, 0);
	assert_int_equal(transfer(&b, false, 3, room, one, 1), -ENOMEM);
	assert_int_equal(b.sd.mapped, 0);
	assert_ok(mete_device_free(&b.ram, room, ROOM));
	bench_close(&b);

	bench_open(&b, IOMMU, 0);
	bench_start(&b, SDHCI_SDMA, 0);
	check_read(&b, 3, one, 1);
	bench_close(&b);
}
#endif

static void test_bad_lists_are_refused(void **state)
{
	static const struct {
		enum sdhci_dma dma;
		struct piece piece;
		const char *why;
	} row[] = {
		{ SDHCI_ADMA2, { 0, 256 }, "half a block" },
		{ SDHCI_ADMA2, { 2, 512 }, "not a multiple of 4" },
		{ SDHCI_SDMA, { 256, 512 }, "begins inside a block" },
	};
	struct bench b;

	(void)state;
	bench_open(&b, DIRECT, 0);
	unsigned char *room = room_alloc(&b);
	for (size_t i = 0; i < sizeof(row) / sizeof(*row); i++) {
		sdhci_stop(&b.sd);
		bench_start(&b, row[i].dma, 0);
		assert_row(transfer(&b, false, 0, room, &row[i].piece, 1) == -EINVAL, i, row[i].why);
		assert_row(b.sd.mapped == b.sd.unmapped, i, row[i].why);
	}
	check_arrived(&b, 0, room, one, 0);
	assert_ok(mete_device_free(&b.ram, room, ROOM));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sdma_moves_blocks_both_ways),
		cmocka_unit_test(test_adma2_moves_lists_both_ways),
		cmocka_unit_test(test_sdma_never_meets_its_boundary),
		cmocka_unit_test(test_sdma_across_its_boundary_stops),
#if METE_ADDR_BITS == 64
		cmocka_unit_test(test_a_mask_that_is_too_wide_leaves_a_record),
#endif
		cmocka_unit_test(test_bad_lists_are_refused),
	};
	return cmocka_run_group_tests_name("drivers: sdhci", tests, NULL, NULL);
}
