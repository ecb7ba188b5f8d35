/* SPDX-License-Identifier: ISC */
/*
 * A machine of QEMU's with an IOMMU and two edu devices behind it, told to reach 32 bits.
 */
#ifndef IOMMU_BENCH_H
#define IOMMU_BENCH_H

#include "iommu_kinds.h"

#define EDU_VENDOR 0x1234
#define EDU_DEVICE 0x11e8
#define EDU_DMA_TO_MEMORY 0x2u
#define EDU_DMA_IRQ 0x4u
#define EDU_BUFFER 0x40000u /* the device's own address of its 4 KiB buffer */

#define PAGE 4096u
#define IOVA 0x0923000u     /* anywhere: page tables do not care */

struct bench {
	const struct iommu_kind *kind;
	struct mete_rig *rig;
	struct mete_rig_function edu, other;
	struct mete_device device;
	struct mete_domain_config config;
};

/* A machine with the IOMMU that `state` leads to, and `edu` behind it. */
void bench_open(struct bench *b, void **state);

/* Its end: no fault record is left, and no memory is held but `nheld` runs. */
void bench_close(struct bench *b, size_t nheld);

int map(struct bench *b, mete_baddr iova, uint64_t phys, size_t len, enum mete_access access);
void unmap(struct bench *b, mete_baddr iova, size_t len);
void flush(struct bench *b, mete_baddr iova, size_t len);

/* Move `len` bytes, to the end: from memory to the device, or back.  The device's buffer is zeros at first. */
void edu_dma(const struct mete_rig_function *f, uint64_t from, uint64_t to, size_t len, uint64_t command);
void edu_read(const struct mete_rig_function *f, uint64_t iova, size_t len);
void edu_write(const struct mete_rig_function *f, uint64_t iova, size_t len);

void fill(unsigned char *p, size_t len, unsigned seed);
void check_all(const unsigned char *p, size_t len, unsigned value);

/* check_records() of its domain. */
void check_fault(struct bench *b, const struct mete_rig_function *f, mete_baddr iova, enum mete_access access,
    uint32_t reason);

/* The same for `b->edu`, of an address where nothing is mapped. */
void check_read_fault(struct bench *b, mete_baddr iova);
void check_write_fault(struct bench *b, mete_baddr iova);

#endif
