/* SPDX-License-Identifier: ISC */
/*
 * <linux/device/devres.h>: what is given back when a device is released.
 *
 * A device has a list of actions, and release calls them, the last one first.  Memory of devm_kmalloc() is an action that
 * is kfree().  The list lies in ordinary memory, apart from what it frees, which a device may write.
 *
 * One thread at a time for one device, as in probe() and remove().  Included by <linux/device.h>.
 */
#ifndef METE_SHIM_LINUX_LINUX_DEVICE_DEVRES_H
#define METE_SHIM_LINUX_LINUX_DEVICE_DEVRES_H

#include <linux/bug.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/slab.h>

struct mete_linux_devres {
	struct mete_linux_devres *next;
	void (*action)(void *data);
	void *data;
};

static inline int devm_add_action(struct device *dev, void (*action)(void *data), void *data)
{
	struct mete_linux_devres *entry = (struct mete_linux_devres *)mete_linux_table_alloc(sizeof(*entry), GFP_KERNEL);

	if (!entry)
		return -ENOMEM;
	entry->action = action;
	entry->data = data;
	entry->next = dev->mete_devres;
	dev->mete_devres = entry;
	return 0;
}

static inline int devm_add_action_or_reset(struct device *dev, void (*action)(void *data), void *data)
{
	int error = devm_add_action(dev, action, data);

	if (error)
		action(data);
	return error;
}

/* Take the newest of these actions off the list; false: there is none. */
static inline bool mete_linux_devres_take(struct device *dev, void (*action)(void *data), void *data)
{
	for (struct mete_linux_devres **place = &dev->mete_devres; *place; place = &(*place)->next) {
		struct mete_linux_devres *entry = *place;
		if (entry->action != action || entry->data != data)
			continue;
		*place = entry->next;
		mete_linux_table_free(entry);
		return true;
	}
	return false;
}

/* Forget an action, or do it now.  What was not added is warned of, and not done. */
static inline void devm_remove_action(struct device *dev, void (*action)(void *data), void *data)
{
	(void)WARN_ON(!mete_linux_devres_take(dev, action, data));
}

static inline void devm_release_action(struct device *dev, void (*action)(void *data), void *data)
{
	if (!WARN_ON(!mete_linux_devres_take(dev, action, data)))
		action(data);
}

/* For whoever runs the driver, when it has let go of `dev`: do all that was added, the newest first. */
static inline void mete_linux_device_release(struct device *dev)
{
	while (dev->mete_devres) {
		struct mete_linux_devres *entry = dev->mete_devres;
		dev->mete_devres = entry->next;
		entry->action(entry->data);
		mete_linux_table_free(entry);
	}
}

static inline void mete_linux_devres_kfree(void *data)
{
	kfree(data);
}

static inline void *devm_kmalloc(struct device *dev, size_t size, gfp_t gfp)
{
	void *cpu = kmalloc(size, gfp);

	if (ZERO_OR_NULL_PTR(cpu) || !devm_add_action_or_reset(dev, mete_linux_devres_kfree, cpu))
		return cpu;
	return NULL;
}

static inline void *devm_kzalloc(struct device *dev, size_t size, gfp_t gfp)
{
	return devm_kmalloc(dev, size, gfp | __GFP_ZERO);
}

static inline void *devm_kmalloc_array(struct device *dev, size_t n, size_t size, gfp_t gfp)
{
	return size && n > SIZE_MAX / size ? NULL : devm_kmalloc(dev, n * size, gfp);
}

static inline void *devm_kcalloc(struct device *dev, size_t n, size_t size, gfp_t gfp)
{
	return devm_kmalloc_array(dev, n, size, gfp | __GFP_ZERO);
}

static inline void *devm_kmemdup(struct device *dev, const void *from, size_t len, gfp_t gfp)
{
	unsigned char *to = (unsigned char *)devm_kmalloc(dev, len, gfp);

	for (size_t i = 0; to && i < len; i++)
		to[i] = ((const unsigned char *)from)[i];
	return to;
}

/* Now rather than at release.  What is not the device's is warned of, and not freed. */
static inline void devm_kfree(struct device *dev, const void *cpu)
{
	if (!ZERO_OR_NULL_PTR(cpu))
		devm_release_action(dev, mete_linux_devres_kfree, (void *)(uintptr_t)cpu);
}

#endif
