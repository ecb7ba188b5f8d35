/* SPDX-License-Identifier: ISC */
/*
 * Many: a driver as the test of many faces sees it.
 *
 * Each driver is a unit of its own, written to one system's interface, and shows no native type.  It has the one device
 * of the test, at most one piece of each kind of memory and one load at a time: enough to have memory of each face in
 * the hands of each other face.
 *
 * Loads allow the device to read and to write.  What a load returns is what the native call returns.
 */
#ifndef METE_TESTS_MANY_H
#define METE_TESTS_MANY_H

#include <mete/map.h>

#define MANY_SEGMENTS 20
#define MANY_KINDS 2

/* A kind of memory that a system offers to drivers. */
struct many_memory {
	const char *name;                        /* NULL: there is no such kind */
	bool coherent;                           /* cannot be had where CPU and device disagree */
	void *(*alloc)(size_t len);              /* NULL: there is none */
	void (*release)(void *cpu, size_t len);  /* of other memory than this: the mistake that a driver would make */
};

struct many_driver {
	const char *name;
	int lacking; /* what a load returns if bounce memory or IOVA is used up ... */
	int refused; /* ... and if the memory is out of every device's reach */
	struct many_memory memory[MANY_KINDS];
	int (*attach)(struct mete_device *device);
	int (*detach)(void); /* an enum mete_error */
	int (*load)(void *cpu, size_t len, struct mete_segment ret[MANY_SEGMENTS], size_t *ret_n);
	void (*to_device)(void);
	void (*to_cpu)(void);
	void (*unload)(void);
};

extern const struct many_driver many_linux, many_openbsd, many_freebsd, many_netbsd;

/* Linux's dma_free_coherent() with everything named right, whoever allocated. */
void many_linux_free_coherent(void *cpu, size_t len, mete_baddr bus);

/*
 * A second load of the FreeBSD driver, which may wait: the native error, of which `waits` is no failure.  Then `ret_n`
 * is 0 until the application's pump ran the callback.
 */
extern const int many_freebsd_waits;
int many_freebsd_load_late(void *cpu, size_t len, struct mete_segment ret[MANY_SEGMENTS], size_t *ret_n);
size_t many_freebsd_pump(void);
void many_freebsd_late_to_device(void);
void many_freebsd_unload_late(void);

#endif
