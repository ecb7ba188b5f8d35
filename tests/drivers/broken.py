#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
broken.py DRIVER OUTPUT: the NVMe driver with three mistakes of the kind that people make.

Each is one line.  A comment at its end says so, by the name of the misuse; a leak is planted where the memory is
allocated, by taking away the line that frees it.
"""
import pathlib
import sys

# (line of the driver, what becomes of it; None: it goes, and the mistake it plants)
EDITS = [
    ("\tdma_free_coherent(nvme->dev, len, cpu, bus);\n",
     "\tdma_free_coherent(nvme->dev, ALIGN(len, NVME_PAGE), cpu, bus); /* planted: DMA-A02, a wrong length */\n"),
    ("\tdma_unmap_single(nvme->dev, slot->data, slot->len, DMA_FROM_DEVICE);\n",
     "\tdma_unmap_single_attrs(nvme->dev, slot->data, slot->len, DMA_FROM_DEVICE, DMA_ATTR_SKIP_CPU_SYNC);"
     " /* planted: DMA-M16, a missing sync */\n"),
    ("\tnvme->slot = kcalloc(NVME_SLOTS, sizeof(*nvme->slot), GFP_KERNEL);\n",
     "\tnvme->slot = kcalloc(NVME_SLOTS, sizeof(*nvme->slot), GFP_KERNEL); /* planted: DMA-A07, a leak */\n"),
    ("\tkfree(nvme->slot);\n", None),
]


def main(driver, output):
    text = pathlib.Path(driver).read_text()
    for old, new in EDITS:
        if text.count(old) != 1:
            return f"broken.py: {driver} has this line {text.count(old)} times, and not once: {old.strip()}"
        text = text.replace(old, new or "")
    pathlib.Path(output).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
