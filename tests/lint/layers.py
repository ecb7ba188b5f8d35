# SPDX-License-Identifier: ISC
"""
Layers: base <- core <- check; provider, rig and face see public headers and base only.

Meson's include directories already make most wrong includes fail to compile.  This lint covers what they cannot: a
path with `..`, a quoted include across folders, and code of an inner layer that names an outer one.
"""
import re

from tree import files, includes, line_of, systems, without_comments

# Folder of src/ -> folders whose private headers it may include.  A face's folder is face/<os>.
MAY_SEE = {
    "base": ("base",),
    "core": ("base", "core"),
    "check": ("base", "core", "check"),
    "provider": ("base", "provider"),
    "rig": ("base", "rig"),
    "face/openbsd": ("base", "face/bsd"),  # bodies that siblings share
    "face/netbsd": ("base", "face/bsd"),
}
INNER = ("base", "core", "check")
BASE_PUBLIC = ("mete/config.h", "mete/types.h", "mete/error.h", "mete/hooks.h")  # all that code which knows nothing of DMA may see
OUTER = ("arena", "host", "rig", "sim", "sim_check", "sim_devices")  # providers and rigs in public: mete/<name>.h, mete_<name>_...; faces come on top


def layer(name, outer):
    """src/core/pool.c -> core; src/face/linux/x.c -> face/linux; include/mete/pool.h -> core, as its contract."""
    part = name.split("/")
    if part[0] == "include":
        return None if part[-1].removesuffix(".h") in outer or part[1] != "mete" else "core"
    return "/".join(part[1:3]) if part[1] == "face" else part[1]


def check(root):
    found = []
    outer = (*OUTER, *systems(root))
    private = {path.name: layer(name, outer) for path, name in files(root, "src/**/*.h")}
    names = re.compile(rf"\bmete_(?:{'|'.join(outer)})(?:_\w*)?\b")
    for path, name in files(root, "src/**/*.[ch]", "include/**/*.h", "tests/**/*.[ch]", "tests/**/*.cc"):
        text = path.read_text()
        mine = None if name.startswith("tests/") else layer(name, outer)
        for line, included in includes(text):
            where = f"{name}:{line}: includes {included}"
            base = included.rsplit("/", 1)[-1]
            if ".." in included.split("/"):
                found.append(f"{where}: no path goes up; name the header from its include directory")
            elif mine is None:
                continue
            elif included.startswith("mete/"):
                if mine == "base" and included not in BASE_PUBLIC:
                    found.append(f"{where}: base knows nothing of DMA; it may see {', '.join(BASE_PUBLIC)}")
                elif mine in INNER and base.removesuffix(".h") in outer:
                    found.append(f"{where}: {mine} does not know who provides memory or drives devices")
            elif name.startswith("src/") and base in private and (m := private[base]) != mine:
                if m not in MAY_SEE.get(mine, ("base",)):
                    found.append(f"{where}, a private header of {m}: {mine} may see only the public headers and "
                                 f"{', '.join(MAY_SEE.get(mine, ('base',)))}")
        if mine in INNER:
            code = without_comments(text)
            for m in names.finditer(code):
                found.append(f"{name}:{line_of(code, m.start())}: {mine} names {m[0]}, which is a layer above it")
    return found
