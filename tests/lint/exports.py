# SPDX-License-Identifier: ISC
"""
Exports: what the built libraries offer to a linker.

Every global symbol starts with mete_ and is declared in a public header, unless it starts with mete__ (shared inside
the library) or is a function that a sanitizer calls if a program has it.  The library has no writable data: in firmware that would be RAM nobody planned, in a program state that
two users share unknowingly.  Archives named `hosted:FILE` may have some.
"""
import re
import subprocess

from tree import files, functions, objects


HOOKS = ("__asan_on_error",)


def symbols(archive):
    """(object, symbol, section, global?) of all that is defined."""
    listing = subprocess.run(["objdump", "-t", "-w", archive], capture_output=True, text=True, check=True).stdout
    member = archive
    for line in listing.splitlines():
        if m := re.match(r"(\S+):\s+file format", line):
            member = m[1]
        elif m := re.match(r"[0-9a-f]+ (.{7}) (\S+)\t[0-9a-f]+\s+(?:\.hidden |\.internal |\.protected )?(\S+)$", line):
            flags, section, name = m.groups()
            if section not in ("*UND*", "*ABS*") and "d" not in flags:
                yield member, name, section, flags[0] in "gu!" or flags[1] == "w" or section == "*COM*"


def writable(section):
    return section == "*COM*" or re.match(r"\.(data(?!\.rel\.ro)|bss|tdata|tbss|sdata|sbss)", section)


def check(root, *archives):
    found = []
    declared = set()
    for path, _ in files(root, "include/**/*.h"):
        text = path.read_text()
        declared.update(objects(text), (call for _, call in functions(text)))
    for archive in archives:
        hosted = archive.startswith("hosted:")
        for member, name, section, is_global in symbols(archive.removeprefix("hosted:")):
            bare = re.sub(r"_a\d+s\d+$", "", name)  # METE_ABI's suffix
            if is_global and not name.startswith("mete_") and name not in HOOKS:
                found.append(f"{member}: exports {name}: make it static, or name it mete__{name}")
            elif is_global and not name.startswith("mete__") and bare not in declared and name not in HOOKS:
                found.append(f"{member}: exports {name}, which no public header declares: make it static or mete__")
            if writable(section) and not hosted:
                found.append(f"{member}: {name} is writable data ({section}): keep state in what the caller owns")
    if not archives:
        found.append("no library was given to look at")
    return found
