#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
bare.py ROOT SOURCE...: the firmware gate.
bare.py --twins: the gate lets a clean file through and stops planted faults.

Every source that claims to be freestanding is compiled for a Cortex-M4 at -Os, with the compiler's own headers and no
others, and linked with application.c, which stands for the firmware, into one object.  Then:

  nothing is undefined   GCC makes calls to memset and memcpy out of plain loops, and calls into libgcc out of 64-bit
                         divisions; a firmware without a libc would find out when it links
  .data and .bss are 0   no RAM that the firmware did not hand over itself

This is done for 64- and 32-bit addresses, with the compiler's builtins and with the C code that replaces them, and
without checks.  Sizes are printed for each, and by source for the first.  Prints TAP.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

PREFIX = "arm-none-eabi-"
# -Wno-type-limits: a range check that one width of addresses makes constant is meant for the other.
FLAGS = ("-mcpu=cortex-m4 -mthumb -Os -std=c11 -ffreestanding -ffunction-sections -fdata-sections "
         "-Wall -Wextra -Wno-type-limits -Wpedantic -Werror -Wconversion -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes").split()
SETTINGS = {
    "64-bit addresses": [],
    "64-bit addresses, no builtins": ["-DMETE_BUILTINS=0"],
    "32-bit addresses": ["-DMETE_ADDR_BITS=32"],
    "32-bit addresses, no builtins": ["-DMETE_ADDR_BITS=32", "-DMETE_BUILTINS=0"],
    "32-bit addresses, no checks": ["-DMETE_ADDR_BITS=32", "-DMETE_CHECKS=0"],
}


class Fault(Exception):
    """The gate is shut, and why."""


def tool(name, *arguments):
    done = subprocess.run([PREFIX + name, *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise Fault(done.stderr or f"{name}: status {done.returncode}")
    return done.stdout


def include_roots(root, source):
    """What each layer sees in the build: its own folder and base; a face, its operating system's roots as well."""
    roots = [root / "include", root / "src/base", source.parent]
    face = re.search(r"src/face/([a-z]+)/", source.as_posix())
    if face:
        roots.append(root / "src/face/bsd")  # bodies that OpenBSD's and NetBSD's faces share
    for system in [face[1]] if face else [p.name for p in (root / "include/compat").glob("*")] if "tests" in source.parts else []:
        roots = [root / "include/compat" / system, root / "include/shim" / system] + roots
    return roots


def sizes(path):
    """Bytes of code and constants, of initialised and of zeroed writable data."""
    code = data = bss = 0
    for line in tool("size", "-A", path).splitlines():
        if m := re.match(r"\.(text|rodata|data|bss|ARM|init_array)\S*\s+(\d+)", line):
            kind, n = m[1], int(m[2])
            code += n * (kind in ("text", "rodata", "ARM", "init_array"))
            data += n * (kind == "data")
            bss += n * (kind == "bss")
    return code, data, bss


def compile_all(root, sources, options, folder):
    own_headers = [tool("gcc", f"-print-file-name={name}").strip() for name in ("include", "include-fixed")]
    objects = []
    for number, source in enumerate(sources):
        target = folder / f"{number}-{source.stem}.o"
        roots = [f"-I{path}" for path in include_roots(root, source)]
        tool("gcc", *FLAGS, "-nostdinc", *(f"-isystem{path}" for path in own_headers), *roots, *options,
             "-c", source, "-o", target)
        objects.append(target)
    return objects


def undefined_in(path):
    return [line.split()[-1] for line in tool("nm", "-u", path).splitlines()]


def gate(root, sources, options, application=None):
    """Rows of (source, code, data, bss), the whole last; Fault if the gate is shut."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        objects = compile_all(root, sources, options, folder)
        rows = [(str(source.relative_to(root)), *sizes(target)) for source, target in zip(sources, objects)]
        if application:
            objects += compile_all(root, [application], options, folder)
        whole = folder / "whole.o"
        tool("ld", "-r", "-o", whole, *objects)
        undefined = undefined_in(whole)
        if undefined:
            users = (f"  {path.stem.split('-', 1)[1]} uses {name}" for path in objects for name in undefined_in(path)
                     if name in undefined)
            raise Fault("\n".join([f"undefined: {' '.join(undefined)}", *users]))
        for source, _, data, bss in rows:
            if data or bss:
                raise Fault(f"{source} has {data} bytes of .data and {bss} of .bss")
        return rows + [("together", *(sum(row[i] for row in rows) for i in (1, 2, 3)))]


def main(root, *names):
    root = pathlib.Path(root).resolve()
    sources = [pathlib.Path(name).resolve() for name in names]
    application = root / "tests/bare/application.c"
    nfailed = 0
    for number, (title, options) in enumerate(SETTINGS.items(), 1):
        try:
            rows = gate(root, sources, options, application if application.exists() else None)
            print(f"ok {number} - {title}")
            for name, code, data, bss in rows if number == 1 else rows[-1:]:
                print(f"# {code:7} bytes of code, {data} .data, {bss} .bss  {name}{', ' + title if name == 'together' else ''}")
        except Fault as fault:
            nfailed += 1
            print(f"not ok {number} - {title}")
            print("\n".join(f"# {line}" for line in str(fault).splitlines()))
    print(f"1..{len(SETTINGS)}")
    return nfailed != 0


# What is planted, a part of what the gate must say (None: it is open).
TWINS = {
    "a clean file": ("int f(int n); int f(int n) { static const int t[] = { 1, 2 }; return t[n & 1]; }", None),
    "a call to memset": ("void *memset(void *, int, __SIZE_TYPE__); void f(char *p); void f(char *p) { memset(p, 0, 99); }",
                         "undefined: memset"),
    "an assignment that becomes memset": ("struct s { char c[99]; }; void f(struct s *p); void f(struct s *p) "
                                          "{ *p = (struct s){ { 0 } }; }", "undefined: memset"),
    "a 64-bit division": ("long long f(long long a, long long b); long long f(long long a, long long b) { return a / b; }",
                          "undefined: __aeabi_ldivmod"),
    "a writable global": ("extern int g; int g = 3;", "4 bytes of .data"),
    "a zeroed global": ("extern int g[4]; int g[4];", "16 of .bss"),
    "a writable static": ("int f(void); int f(void) { static int n; return n++; }", "4 of .bss"),
    "a header of the libc": ("#include <string.h>\nextern int g;", "string.h"),
    "a warning": ("int f(long long n); int f(long long n) { return n; }", "conversion"),
}


def twins():
    nfailed = 0
    for number, (title, (text, want)) in enumerate(TWINS.items(), 1):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            source = root / "planted.c"
            source.write_text(text + "\n")
            try:
                gate(root, [source], [])
                said = None
            except Fault as fault:
                said = str(fault)
        good = said is None if want is None else said is not None and want in said
        nfailed += not good
        print(f"{'' if good else 'not '}ok {number} - {title}: {want or 'passes'}")
        if not good:
            print("\n".join(f"# {line}" for line in str(said).splitlines()))
    print(f"1..{len(TWINS)}")
    return nfailed != 0


if __name__ == "__main__":
    sys.exit(twins() if sys.argv[1] == "--twins" else main(*sys.argv[1:]))
