/* SPDX-License-Identifier: ISC */
/*
 * Words: what each misuse is called, how bad it is, and how to mend it.
 *
 * The advice is given in the words of the API that the driver uses, so there is a column for each family; an empty one
 * takes the core's.
 */
#include "words.h"

#include <string.h>

const struct misuse mete__misuses[METE_NMISUSES] = {
#define MISUSE_ROW(name, how, title, why) [METE_DMA_##name] = { "DMA-" #name, METE_SEVERITY_##how, title, why },
	METE_MISUSES(MISUSE_ROW)
#undef MISUSE_ROW
};

struct fix {
	const char *core, *linux_, *bsd;
};

static const struct fix fixes[METE_NMISUSES] = {
	[METE_DMA_A01] = { .core = "free it once; clear the pointer when you do" },
	[METE_DMA_A02] = { .core = "free with the size that was allocated",
	    .linux_ = "give dma_free_coherent() the size that dma_alloc_coherent() got",
	    .bsd = "give dma_free() the size that dma_alloc() got" },
	[METE_DMA_A03] = { .core = "free the address that the allocation returned, not one inside it, nor somebody else's" },
	[METE_DMA_A04] = { .core = "unmap first, then free",
	    .linux_ = "call dma_unmap_*() first, then free",
	    .bsd = "call bus_dmamap_unload() first, then free" },
	[METE_DMA_A05] = { .core = "free it with the call, pool and device that it was allocated with" },
	[METE_DMA_A06] = { .core = "keep the two addresses that the allocation returned together" },
	[METE_DMA_A07] = { .core = "free and unmap whatever the driver holds when it stops, also on its error paths" },
	[METE_DMA_A08] = { .core = "let go of every pointer before you free" },
	[METE_DMA_A09] = { .core = "stop the device, and wait until it has stopped, before you free" },
	[METE_DMA_A10] = { .core = "allocate what you write, or write what you allocated" },
	[METE_DMA_A11] = { .core = "give the device the length that was allocated, and no more" },
	[METE_DMA_A12] = { .core = "check sizes before you use them" },
	[METE_DMA_M01] = { .core = "map memory that was allocated",
	    .linux_ = "use kmalloc() for what a device reads or writes",
	    .bsd = "use bus_dmamem_alloc() or malloc(9) for what a device reads or writes" },
	[METE_DMA_M02] = { .core = "copy it into allocated memory and map that" },
	[METE_DMA_M03] = { .core = "map memory that was allocated, page by page if it must be so" },
	[METE_DMA_M04] = { .core = "unmap before you free; map nothing that was freed" },
	[METE_DMA_M05] = { .core = "check what the mapping call returned",
	    .linux_ = "call dma_mapping_error() on each address that dma_map_*() returned, before you use it" },
	[METE_DMA_M06] = { .core = "unmap with the length that was mapped; remember it, if it is not fixed",
	    .linux_ = "remember the length, with DEFINE_DMA_UNMAP_LEN() if it is not fixed" },
	[METE_DMA_M07] = { .core = "unmap with the access that was mapped",
	    .linux_ = "unmap with the direction that was mapped" },
	[METE_DMA_M08] = { .core = "unmap with the call that belongs to the one that mapped",
	    .linux_ = "dma_map_single() goes with dma_unmap_single(), dma_map_page() with dma_unmap_page(), dma_map_sg() with "
	    "dma_unmap_sg()" },
	[METE_DMA_M09] = { .core = "unmap once what was mapped" },
	[METE_DMA_M10] = { .core = "unmap as many pieces as were mapped",
	    .linux_ = "give dma_unmap_sg() the number that was given to dma_map_sg(), not the one it returned" },
	[METE_DMA_M14] = { .core = "unmap all, and finish the device after that" },
	[METE_DMA_M11] = { .core = "map memory once, and share the mapping" },
	[METE_DMA_M12] = { .core = "keep what the CPU uses and what the device uses in variables of their own",
	    .linux_ = "pointers go to dma_map_*(), dma_addr_t to dma_unmap_*(), dma_sync_*() and the device",
	    .bsd = "drivers use the pointer, devices ds_addr" },
	[METE_DMA_M13] = { .core = "say how far the device reaches before you map",
	    .linux_ = "call dma_set_mask_and_coherent() first, and give up, or try a wider mask, if it fails" },
	[METE_DMA_M15] = { .core = "unmap what is done; map as much at once as the device works on" },
	[METE_DMA_M16] = { .core = "sync by hand where METE_MAP_SKIP_SYNC leaves it to you",
	    .linux_ = "where DMA_ATTR_SKIP_CPU_SYNC leaves it to you, call dma_sync_*_for_device() before the device works and "
	    "dma_sync_*_for_cpu() after it" },
	[METE_DMA_O01] = { .core = "sync for the CPU, write, and sync for the device again; or write before you map",
	    .linux_ = "call dma_sync_single_for_cpu(), write, and call dma_sync_single_for_device(); or write before dma_map_*()",
	    .bsd = "bus_dmamap_sync() with POSTREAD or POSTWRITE first, and with PREREAD or PREWRITE afterwards" },
	[METE_DMA_O02] = { .core = "sync for the CPU, or unmap, before you read",
	    .linux_ = "call dma_sync_single_for_cpu() or dma_unmap_*() before you read",
	    .bsd = "bus_dmamap_sync() with BUS_DMASYNC_POSTREAD before you read" },
	[METE_DMA_O04] = { .core = "sync within what was mapped" },
	[METE_DMA_O05] = { .core = "map with both accesses, or sync only the one that was mapped",
	    .linux_ = "map with DMA_BIDIRECTIONAL, or sync in the direction that was mapped",
	    .bsd = "load without BUS_DMA_READ and BUS_DMA_WRITE, or sync only what was loaded" },
	[METE_DMA_O06] = { .core = "sync between mapping and unmapping",
	    .bsd = "sync between load and unload" },
	[METE_DMA_O07] = { .core = "pass it to the device before it works, and to the CPU afterwards",
	    .bsd = "BUS_DMASYNC_PREREAD or PREWRITE before the device works, POSTREAD or POSTWRITE afterwards" },
	[METE_DMA_O08] = { .core = "give the buffer cache lines of its own",
	    .linux_ = "let the buffer begin at dma_get_cache_alignment(), and put nothing else into its last line",
	    .bsd = "allocate it apart, with an alignment and length of whole cache lines" },
	[METE_DMA_O13] = { .core = "write every byte that is sent, or send fewer" },
	[METE_DMA_C06] = { .core = "compare the limits with the device's manual" },
	[METE_DMA_C09] = { .core = "show a window that there is, and read its segments before the next is shown" },
	[METE_DMA_D10] = { .core = "map memory as memory, and registers as registers",
	    .linux_ = "dma_map_resource() is for registers, all others are for memory" },
	[METE_DMA_X01] = { .core = "ask for memory before the lock is taken, or without waiting",
	    .linux_ = "use GFP_ATOMIC here, or allocate before the lock is taken",
	    .bsd = "use BUS_DMA_NOWAIT, PR_NOWAIT or M_NOWAIT here, or allocate before the lock is taken" },
	[METE_DMA_X03] = { .core = "let one thread at a time use a map: give each request its own, or hold a lock" },
	[METE_DMA_X04] = { .core = "let the load end first" },
	[METE_DMA_X05] = { .core = "end first what hangs on it" },
	[METE_DMA_X06] = { .core = "unload before you load again",
	    .bsd = "call bus_dmamap_unload() before you load again" },
	[METE_DMA_X07] = { .core = "unload once what was loaded" },
	[METE_DMA_X08] = { .core = "let those that wait have their turn before you end",
	    .bsd = "unload what holds the others up, or call bus_dmamap_unload() to call a load off" },
	[METE_DMA_R04] = { .core = "give the test more memory" },
};

const char *mete__misuse_fix(enum mete_misuse misuse, const char *face)
{
	const struct fix *fix = &fixes[misuse];
	const char *text = NULL;

	if (face && !strcmp(face, "linux"))
		text = fix->linux_;
	else if (face && strstr(face, "bsd"))
		text = fix->bsd;
	return text ? text : fix->core;
}

const char *mete_misuse_name(enum mete_misuse misuse)
{
	return (unsigned)misuse < METE_NMISUSES ? mete__misuses[misuse].name : "?";
}

const char *mete_misuse_title(enum mete_misuse misuse)
{
	return (unsigned)misuse < METE_NMISUSES ? mete__misuses[misuse].title : "?";
}

void mete__policy_default(enum mete_policy policy[METE_NMISUSES])
{
	for (unsigned i = 0; i < METE_NMISUSES; i++)
		policy[i] = mete__misuses[i].severity == METE_SEVERITY_SUSPECT ? METE_POLICY_WARN : METE_POLICY_FAIL;
}

/* Whether `name`, `len` characters without "DMA-", stands for a misuse; `*ret_any` if it stands for one at all. */
static bool name_matches(const char *name, size_t len, unsigned misuse)
{
	const char *whole = mete__misuses[misuse].name + 4;

	if (len && name[len - 1] == '*')
		return !strncmp(name, whole, len - 1);
	return strlen(whole) == len && !strncmp(name, whole, len);
}

static bool policy_of(const char *word, size_t len, enum mete_policy *ret)
{
	static const char *const names[] = { "off", "note", "warn", "fail", "abort" };

	for (unsigned i = 0; i < 5; i++) {
		if (strlen(names[i]) == len && !strncmp(word, names[i], len)) {
			*ret = (enum mete_policy)i;
			return true;
		}
	}
	return false;
}

int mete__policy_parse(enum mete_policy policy[METE_NMISUSES], const char *text, size_t *ret_at)
{
	enum mete_policy made[METE_NMISUSES], word;

	memcpy(made, policy, sizeof made);
	for (const char *at = text; *at;) {
		const char *name = strncmp(at, "DMA-", 4) ? at : at + 4;
		size_t name_len = strcspn(name, "=,");
		const char *value = name + name_len;
		bool any = false;
		if (*value == '=') {
			value++;
			size_t len = strcspn(value, ",");
			for (unsigned i = 0; policy_of(value, len, &word) && i < METE_NMISUSES; i++) {
				if (name_len && name_matches(name, name_len, i)) {
					made[i] = word;
					any = true;
				}
			}
			value += len;
		}
		if (!any) {
			if (ret_at)
				*ret_at = (size_t)(at - text);
			return METE_EINVAL;
		}
		at = *value == ',' ? value + 1 : value;
	}
	memcpy(policy, made, sizeof made);
	return 0;
}
