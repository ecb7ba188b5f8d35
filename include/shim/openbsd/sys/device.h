/* SPDX-License-Identifier: ISC */
/*
 * <sys/device.h>: of a device, its name.  Who makes devices is the program's business.
 */
#ifndef METE_SHIM_OPENBSD_SYS_DEVICE_H
#define METE_SHIM_OPENBSD_SYS_DEVICE_H

struct device {
	struct device *dv_parent;
	int dv_unit;
	char dv_xname[16]; /* "nvme0" */
};

#endif
