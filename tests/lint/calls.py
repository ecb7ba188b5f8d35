# SPDX-License-Identifier: ISC
"""
Calls: each call of a face that allocates, frees, maps or syncs tells who observes that it was entered.

Without that a verifier's report would name a line of the face, and no call of the driver's.  What only asks, sets or
starts something has nothing to tell.
"""
import re

from tree import files, line_of

TELLS = re.compile(r"\b(METE_OBSERVE_\w+|LINUX_(CALL|PIECES|HERE|BYTES|POOL)|FREEBSD_CALL|BSD_CALL|POOL_CALL)\(|_observed\(")
SILENT = re.compile(r"_(init|fini|end|setlowat|sethiwat|sethardlimit|cache_init|reclaim|supported|mapping_error|waiting|"
                    r"need_sync|ksize_max|virt_to_phys|phys_to_virt|template_init|template_clone|template_fill|"
                    r"get_\w+|max_mapping_size|opt_mapping_size|dmatag_destroy|bus_of|mtx_\w+|busdma_lock_mutex)$")


def check(root):
    found = []
    for path, name in files(root, "src/face/**/*.[ch]"):
        text = path.read_text()
        for m in re.finditer(r"^(?!static)[a-z][\w \t*]*?\b(?:mete_[a-z]+_(\w+)|FACE\((\w+)\))\([^;{]*\)\n\{\n(.*?)^\}", text,
                             re.M | re.S):
            call = "_" + (m[1] or m[2])
            if not TELLS.search(m[3]) and not SILENT.search(call):
                found.append(f"{name}:{line_of(text, m.start())}: {call[1:]} does not tell that it was entered "
                             "(METE_OBSERVE_CALL in <mete/observe.h>)")
    return found
