/* SPDX-License-Identifier: ISC */
/*
 * IOMMU: page tables between a device and memory.
 *
 * The platform supplies five functions over its page table.  A *domain* is one such table and the IOVA space that is
 * handed out in it; devices are attached to it.  Freed addresses are handed out again only after the hardware has
 * forgotten them: at once after a flush (strict), or many with one flush (deferred), in quarantine until then.
 */
#ifndef METE_IOMMU_H
#define METE_IOMMU_H

#include <mete/device.h>
#include <mete/frames.h>
#include <mete/map.h>

/* What the hardware says it refused. */
struct mete_iommu_fault {
	mete_baddr iova;          /* page of the access, or the address itself where the hardware tells; 0: neither */
	enum mete_access access;  /* what the device tried; METE_DEVICE_READS_WRITES: the hardware does not tell which */
	uint32_t source;          /* who, in the hardware's terms (PCI: bus << 8 | slot << 3 | function) */
	uint32_t reason;          /* in the hardware's terms */
};

/*
 * The platform's page table.  iova, phys and len are whole pages.  Called without a guard held; calls for one domain may
 * come from several threads at once, but never for the same pages.
 */
struct mete_iommu_ops {
	/*
	 * Enter translations; the pages are not mapped.  0, METE_ENOMEM or METE_EIO; then none of them is entered.
	 * `access` must be possible.  What else is, the table must forbid as far as it can: some have no page that can
	 * be written and not be read.
	 */
	int (*map)(void *ctx, mete_baddr iova, mete_paddr phys, size_t len, enum mete_access access);
	/* Remove translations from the table; the hardware may still remember them. */
	void (*unmap)(void *ctx, mete_baddr iova, size_t len);
	/* Make the hardware forget [iova, iova + len - 1]; `len` 0: everything.  Done when it returns. */
	void (*flush)(void *ctx, mete_baddr iova, size_t len);
	/* What the table says about one page, whatever the hardware remembers.  METE_EFAULT: nothing. */
	int (*lookup)(void *ctx, mete_baddr iova, mete_paddr *ret_phys);
	/* Take one fault record, of which one access may leave several.  METE_ENODEV: there is none.  May be NULL. */
	int (*fault)(void *ctx, struct mete_iommu_fault *ret_fault);
};

/* Ranges that may wait for one flush. */
#define METE_DOMAIN_QUARANTINE 64

struct mete_domain_config {
	const struct mete_iommu_ops *ops;
	void *ctx;
	size_t page;             /* bytes, a power of two, at least 4096 */
	mete_baddr first, last;  /* IOVA space, inclusive, whole pages; `first` 0 is raised to one page */
	bool deferred;           /* flush for many unmaps at once */
};

/* Storage belongs to the caller, contents to the library; must not move. */
struct mete_domain {
	struct mete_provider *provider;
	struct mete_domain_config config;
	struct mete_guard guard;
	struct mete_frames frames;     /* of IOVA pages */
	void *frame_records;
	size_t frame_records_len;
	struct { mete_baddr iova; size_t len; } quarantine[METE_DOMAIN_QUARANTINE];
	size_t nquarantine;
	bool flushing;
	size_t nattached;
	size_t nmapped;                /* ranges in use */
};

#ifdef __cplusplus
extern "C" {
#endif

#define mete_domain_init METE_ABI(mete_domain_init)

/* Start a domain; records (12 bytes a page of its space) come from `provider`.  METE_EINVAL, METE_ENOMEM. */
int mete_domain_init(struct mete_domain *domain, struct mete_provider *provider, const struct mete_domain_config *config);

/* End it.  METE_EBUSY, counted, while a device is attached or a range in use. */
int mete_domain_fini(struct mete_domain *domain);

/*
 * From now on `device` is mapped through `domain`.  NULL detaches.  METE_EINVAL if the domain's provider is another;
 * METE_EBUSY to attach a device that has a domain, or while it has a bounce area: that is made after.  The caller sees to it that no mapping of the device is left.
 */
int mete_domain_attach(struct mete_domain *domain, struct mete_device *device);

/* Flush what is in quarantine. */
void mete_domain_flush(struct mete_domain *domain);

/* Take one fault record.  METE_ENODEV: there is none. */
int mete_domain_fault(struct mete_domain *domain, struct mete_iommu_fault *ret_fault);

#ifdef __cplusplus
}
#endif
#endif
