/* SPDX-License-Identifier: ISC */
/*
 * <sys/bio.h>: of a block I/O request, what a disk driver reads and writes, and bus_dmamap_load_bio(9) loads.
 *
 * Who makes requests is the program's business, so there is no g_new_bio(9) here.
 */
#ifndef METE_SHIM_FREEBSD_SYS_BIO_H
#define METE_SHIM_FREEBSD_SYS_BIO_H

#include <sys/types.h>

/* Commands. */
#define BIO_READ 0x01
#define BIO_WRITE 0x02
#define BIO_DELETE 0x03
#define BIO_GETATTR 0x04
#define BIO_FLUSH 0x05

/* Flags. */
#define BIO_ERROR 0x01    /* it failed: see bio_error */
#define BIO_DONE 0x02
#define BIO_UNMAPPED 0x10 /* its buffer has no CPU address; not loaded here */

struct bio {
	uint16_t bio_cmd;
	uint16_t bio_flags;
	uint16_t bio_cflags; /* the consumer's */
	uint16_t bio_pflags; /* the provider's */
	off_t bio_offset;
	off_t bio_length;
	long bio_bcount; /* bytes at bio_data, of which all are loaded */
	caddr_t bio_data;
	int bio_error;
	long bio_resid;
	void (*bio_done)(struct bio *);
	void *bio_driver1; /* the provider's */
	void *bio_driver2;
	void *bio_caller1; /* the consumer's */
	void *bio_caller2;
	off_t bio_completed;
};

#endif
