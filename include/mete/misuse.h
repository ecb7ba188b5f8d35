/* SPDX-License-Identifier: ISC */
/*
 * Misuse: everything that a driver can do wrong with DMA memory, by name.
 *
 * Names are stable: DMA-A01 means the same in every version.  A: allocating, M: mapping, O: who owns memory, D: what the
 * device does, C: constraints, X: context and lifetime, R: resources.
 *
 * METE_MISUSES(X) lists them as X(name, how bad, title, why it matters):
 *
 *   WRONG    wrong on every machine
 *   SOMEWHERE  works on a coherent 64-bit PC, and fails elsewhere
 *   SUSPECT  may be right; look at it
 */
#ifndef METE_MISUSE_H
#define METE_MISUSE_H

#define METE_MISUSES(X) \
	X(A01, WRONG, "double free", \
	    "between the two frees the memory may have become somebody else's, who now loses it") \
	X(A02, WRONG, "free with another size than at allocation", \
	    "systems that trust the size give away too much, or keep the rest for ever") \
	X(A03, WRONG, "free of what is no allocation", \
	    "systems that trust the address corrupt their heap") \
	X(A04, WRONG, "free of memory that a device still sees", \
	    "the device goes on reading and writing what is somebody else's by then") \
	X(A05, WRONG, "free by the wrong call, pool or device", \
	    "allocators keep apart what they hand out; memory ends up where it does not belong") \
	X(A06, WRONG, "CPU address and bus address are not of the same memory", \
	    "one of the two is stale, and the device or the driver uses it") \
	X(A07, WRONG, "leak", \
	    "memory and mappings are lost each time the driver is started and stopped") \
	X(A08, WRONG, "use by the CPU after free", \
	    "the memory is somebody else's by then") \
	X(A09, WRONG, "use by the device after free", \
	    "the memory is somebody else's by then") \
	X(A10, WRONG, "the CPU wrote beyond the end, or before the start", \
	    "what lies beside is another buffer, or another device's ring") \
	X(A11, WRONG, "the device wrote beyond the end, or before the start", \
	    "what lies beside is another buffer, or another device's ring") \
	X(A12, WRONG, "impossible size or alignment", \
	    "a size that wraps around becomes a small one") \
	X(A13, SOMEWHERE, "content used that nobody wrote", \
	    "memory is not zero unless that was asked for") \
	X(A14, WRONG, "the allocator's own data overwritten", \
	    "the allocator does the damage later, somewhere else") \
	X(M01, SOMEWHERE, "stack memory mapped", \
	    "stacks may lie where no device reaches, share cache lines with everything, and are gone on return") \
	X(M02, SOMEWHERE, "program text or constants mapped", \
	    "they may lie in flash or in memory that devices cannot reach, and must not be written") \
	X(M03, SOMEWHERE, "memory mapped that has no physical address, or not one", \
	    "pages that lie side by side for the CPU lie anywhere for the device") \
	X(M04, WRONG, "freed memory mapped", \
	    "the device is pointed at what is somebody else's") \
	X(M05, SOMEWHERE, "mapping not checked for failure", \
	    "when mapping fails the device is sent to an address that is none") \
	X(M06, SOMEWHERE, "unmapped with another size than mapped", \
	    "a part stays mapped, or somebody else's mapping goes") \
	X(M07, SOMEWHERE, "unmapped with another direction than mapped", \
	    "data is not copied back, or old data is") \
	X(M08, SOMEWHERE, "unmapped by the wrong call", \
	    "single buffers, pages and lists are kept track of differently") \
	X(M09, WRONG, "unmapped what is not mapped", \
	    "the address may be somebody else's mapping by now") \
	X(M10, SOMEWHERE, "list unmapped with the mapped count instead of the original one", \
	    "where entries were joined, the rest of the list stays mapped") \
	X(M11, SOMEWHERE, "memory mapped twice at once, and a device writes it", \
	    "each of the two is copied or forgotten over the other") \
	X(M12, WRONG, "bus address used as a pointer, or the other way round", \
	    "they are equal on some machines only") \
	X(M13, SOMEWHERE, "mapped before the device's mask was set, or after it was refused", \
	    "the default may be narrower or wider than the device") \
	X(M14, WRONG, "mapped for no device, or for one that is gone", \
	    "nobody knows what such a device reaches") \
	X(M15, SOMEWHERE, "more mappings at once than the machine has room for", \
	    "the next driver's mapping fails") \
	X(M16, SOMEWHERE, "attribute and memory contradict each other", \
	    "what was to be done by hand is done by nobody") \
	X(O01, SOMEWHERE, "CPU writes what the device owns", \
	    "the write is lost with the cache line or the stand-in, or destroys what the device wrote") \
	X(O02, SOMEWHERE, "CPU reads what the device owns", \
	    "it sees old bytes: from the cache, or because the stand-in was not copied back") \
	X(O03, SOMEWHERE, "device started before the CPU's writes were passed to it", \
	    "it works on what was there before") \
	X(O04, SOMEWHERE, "sync outside the mapping", \
	    "what lies beside is passed on, or nothing is") \
	X(O05, SOMEWHERE, "sync in a direction that was not mapped", \
	    "it does nothing where directions count, or destroys data") \
	X(O06, SOMEWHERE, "sync of what is not mapped", \
	    "nothing is passed on, or somebody else's memory is") \
	X(O07, SOMEWHERE, "syncs out of order", \
	    "what the later one does is undone, or done too early") \
	X(O08, SOMEWHERE, "device writes to a cache line that the CPU uses too", \
	    "whoever writes the line back last wins, and the other's bytes are lost") \
	X(O09, SOMEWHERE, "no sync for the CPU after completion", \
	    "a CPU may fetch lines ahead while the device still writes, and then shows the old bytes") \
	X(O10, SOMEWHERE, "no barrier between descriptor and doorbell", \
	    "the device may see the doorbell first") \
	X(O11, SOMEWHERE, "status word polled by plain reads", \
	    "a compiler may read once, and a CPU may read what comes after it before it") \
	X(O12, SOMEWHERE, "bytes used that the device never wrote", \
	    "they are old, or somebody else's") \
	X(O13, SUSPECT, "bytes sent that nobody wrote", \
	    "what was in memory before leaves the machine") \
	X(O14, WRONG, "bytes lost that the device did not write", \
	    "a short transfer destroys the rest of the buffer") \
	X(D01, WRONG, "device reaches outside any mapping", \
	    "it reads or writes memory that was never given to it") \
	X(D02, WRONG, "device reaches what is not mapped any more", \
	    "the memory is somebody else's by then") \
	X(D03, WRONG, "device writes what it may only read", \
	    "the driver does not expect the memory to change, and will not look") \
	X(D04, WRONG, "device reads what it may only write", \
	    "it sees old bytes, perhaps secret ones") \
	X(D05, SUSPECT, "device reaches beside its mapping, in the same page", \
	    "an IOMMU protects whole pages; what else lies in them is exposed") \
	X(D06, WRONG, "descriptor changed after it was checked", \
	    "what is used is not what was checked") \
	X(D07, WRONG, "length or index from the device trusted", \
	    "a broken device makes the driver read or write anywhere") \
	X(D08, WRONG, "device reaches its own registers", \
	    "a device that writes its doorbell runs in circles") \
	X(D09, WRONG, "completion doubled, unknown, lost or unasked for", \
	    "what is completed twice is freed twice") \
	X(D10, WRONG, "registers mapped as memory, or memory as registers", \
	    "caches and addresses differ for the two") \
	X(C01, SOMEWHERE, "address beyond the device's reach", \
	    "the device drops the upper bits and reaches something else") \
	X(C02, SOMEWHERE, "segment crosses a boundary", \
	    "the device wraps around at it") \
	X(C03, SOMEWHERE, "segment too long", \
	    "the device's counter wraps around") \
	X(C04, SOMEWHERE, "too many segments", \
	    "there are no more descriptors") \
	X(C05, SOMEWHERE, "alignment, granularity, burst or shortest transfer not kept", \
	    "the device drops the lower bits") \
	X(C06, WRONG, "limits that contradict each other", \
	    "no memory can meet them") \
	X(C07, SOMEWHERE, "upper half of an address lost", \
	    "it works as long as memory lies below 4 GiB") \
	X(C08, SOMEWHERE, "number in the wrong byte order", \
	    "it works on machines of one byte order") \
	X(C09, WRONG, "window out of range, or segments of a window that is gone", \
	    "the device is sent to what is not shown any more") \
	X(C10, WRONG, "segments read past the last one", \
	    "what lies there is no address") \
	X(X01, SOMEWHERE, "sleeping call where sleeping is impossible", \
	    "the machine stands still") \
	X(X02, SOMEWHERE, "lock held over a callback, or taken in the wrong order", \
	    "two threads wait for each other") \
	X(X03, SOMEWHERE, "one object used by two threads at once", \
	    "its fields are those of neither") \
	X(X04, WRONG, "object ended inside its own callback, or callback after the end", \
	    "what runs on afterwards uses what is gone") \
	X(X05, WRONG, "ended while still in use", \
	    "what hangs on it points nowhere") \
	X(X06, WRONG, "loaded what is loaded, or what was never made", \
	    "the first load is lost and stays visible") \
	X(X07, WRONG, "unloaded what is not loaded", \
	    "the driver has lost track of its own state") \
	X(X08, SOMEWHERE, "one that waits for memory is never called", \
	    "the request hangs for ever") \
	X(X09, WRONG, "device still at work when its driver is gone", \
	    "it goes on writing into memory that was given away") \
	X(R01, SOMEWHERE, "no way out when the bounce area is used up", \
	    "it happens under load, on machines that copy") \
	X(R02, SUSPECT, "failure paths never run", \
	    "they fail the first time they are needed") \
	X(R03, WRONG, "memory in more pieces than promised", \
	    "requests fail although enough is free") \
	X(R04, WRONG, "verifier out of room", \
	    "what follows is not checked")

enum mete_misuse {
#define METE_MISUSE_ENUM(name, how, title, why) METE_DMA_##name,
	METE_MISUSES(METE_MISUSE_ENUM)
#undef METE_MISUSE_ENUM
	METE_NMISUSES
};

enum mete_severity { METE_SEVERITY_WRONG, METE_SEVERITY_SOMEWHERE, METE_SEVERITY_SUSPECT };

#endif
