/* SPDX-License-Identifier: ISC */
/*
 * <uvm/uvm_extern.h>: of OpenBSD's km_alloc(9), the records that pool_set_constraints(9) takes.
 *
 * The presets are objects, which an inline cannot stand for; hence macros.  They come first because one of them is also
 * the name of a field.
 */
#ifndef METE_COMPAT_OPENBSD_UVM_UVM_EXTERN_H
#define METE_COMPAT_OPENBSD_UVM_UVM_EXTERN_H

#include <sys/types.h>
#include <mete/types.h>

#define dma_constraint mete_openbsd_dma_constraint /* whatever mete_openbsd_init() was told */
#define no_constraint mete_openbsd_no_constraint
#define kp_dirty mete_openbsd_kp_dirty
#define kp_zero mete_openbsd_kp_zero
#define kp_dma mete_openbsd_kp_dma
#define kp_dma_contig mete_openbsd_kp_dma_contig
#define kp_dma_zero mete_openbsd_kp_dma_zero

struct uvm_constraint_range {
	mete_paddr ucr_low;  /* inclusive */
	mete_paddr ucr_high; /* inclusive */
};

struct kmem_pa_mode {
	const struct uvm_constraint_range *kp_constraint;
	mete_paddr kp_boundary; /* 0: none */
	mete_paddr kp_align;    /* 0: none; of each item */
	int kp_maxseg;          /* most segments of a pool page; 0: any */
	unsigned int kp_nomem : 1, kp_zero : 1, kp_pageable : 1;
};

#ifdef __cplusplus
extern "C" {
#endif

extern const struct uvm_constraint_range mete_openbsd_dma_constraint;
extern const struct uvm_constraint_range mete_openbsd_no_constraint;
extern const struct kmem_pa_mode mete_openbsd_kp_dirty;
extern const struct kmem_pa_mode mete_openbsd_kp_zero;
extern const struct kmem_pa_mode mete_openbsd_kp_dma;
extern const struct kmem_pa_mode mete_openbsd_kp_dma_contig;
extern const struct kmem_pa_mode mete_openbsd_kp_dma_zero;

#ifdef __cplusplus
}
#endif

#endif
