/* SPDX-License-Identifier: ISC */
/*
 * Machines with an IOMMU; see iommu_bench.h.
 */
#include "iommu_bench.h"

#define EDU_DMA_FROM 0x80
#define EDU_DMA_TO 0x88
#define EDU_DMA_LEN 0x90
#define EDU_DMA_COMMAND 0x98
#define EDU_DMA_START 0x1u
#define EDU_LEN_MAX 4095u   /* QEMU 7.2 aborts if the buffer's last byte is touched */

void bench_open(struct bench *b, void **state)
{
	b->kind = *state;
	const char *const options[] = { b->kind->options[0], b->kind->options[1], "-device", "edu,dma_mask=0xffffffff",
		"-device", "edu,dma_mask=0xffffffff", NULL };

	b->rig = start_rig(b->kind, options);
	assert_ok(mete_rig_find(b->rig, EDU_VENDOR, EDU_DEVICE, 0, &b->edu));
	assert_ok(mete_rig_find(b->rig, EDU_VENDOR, EDU_DEVICE, 1, &b->other));
	rig_device_init(&b->device, b->rig);
	assert_ok(b->kind->start(&b->edu, &b->config));
}

void bench_close(struct bench *b, size_t nheld)
{
	struct mete_iommu_fault fault;

	assert_error(b->config.ops->fault(b->config.ctx, &fault), METE_ENODEV);
	assert_int_equal(mete_rig_stop(b->rig), nheld);
}

int map(struct bench *b, mete_baddr iova, uint64_t phys, size_t len, enum mete_access access)
{
	return b->config.ops->map(b->config.ctx, iova, (mete_paddr)phys, len, access);
}

void unmap(struct bench *b, mete_baddr iova, size_t len)
{
	b->config.ops->unmap(b->config.ctx, iova, len);
}

void flush(struct bench *b, mete_baddr iova, size_t len)
{
	b->config.ops->flush(b->config.ctx, iova, len);
}

void edu_dma(const struct mete_rig_function *f, uint64_t from, uint64_t to, size_t len, uint64_t command)
{
	assert_true(len <= EDU_LEN_MAX);
	rig_put(f, EDU_DMA_FROM, 8, from);
	rig_put(f, EDU_DMA_TO, 8, to);
	rig_put(f, EDU_DMA_LEN, 8, len);
	rig_put(f, EDU_DMA_COMMAND, 8, command | EDU_DMA_START);
	for (int64_t end = rig_now_ms() + 10000; rig_get(f, EDU_DMA_COMMAND, 8) & EDU_DMA_START;)
		assert_true(rig_now_ms() < end);
}

void edu_read(const struct mete_rig_function *f, uint64_t iova, size_t len)
{
	edu_dma(f, iova, EDU_BUFFER, len, 0);
}

void edu_write(const struct mete_rig_function *f, uint64_t iova, size_t len)
{
	edu_dma(f, EDU_BUFFER, iova, len, EDU_DMA_TO_MEMORY);
}

void fill(unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (unsigned char)(seed + i * 11 + (i >> 7));
}

void check_all(const unsigned char *p, size_t len, unsigned value)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(p[i], value);
}

void check_fault(struct bench *b, const struct mete_rig_function *f, mete_baddr iova, enum mete_access access,
    uint32_t reason)
{
	check_records(b->kind, &b->config, f, iova, access, reason);
}

void check_read_fault(struct bench *b, mete_baddr iova)
{
	check_fault(b, &b->edu, iova, METE_DEVICE_READS, b->kind->reason.read);
}

void check_write_fault(struct bench *b, mete_baddr iova)
{
	check_fault(b, &b->edu, iova, METE_DEVICE_WRITES, b->kind->reason.write);
}
