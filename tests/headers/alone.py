#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
alone.py INCLUDE CC... -- CXX...: every public header compiles alone, as C11 and as C++17.

The headers are found, not listed.  Each is included twice by a file that includes nothing else: it must bring what it
uses, guard itself, and pass the warnings that a careful user has on.  A native header is compiled as its driver would:
compat root first, then the shim root, then INCLUDE.  Public headers are tried with 32-bit addresses too.

Prints TAP.
"""
import pathlib
import subprocess
import sys

WARNINGS = "-Wall -Wextra -Wpedantic -Werror -Wconversion -Wundef -Wwrite-strings -Wcast-align".split()
C = ["-xc", "-std=c11", "-Wshadow", "-Wstrict-prototypes", "-Wmissing-prototypes"]
CXX = ["-xc++", "-std=c++17"]  # without -Wshadow: there it forbids a function to be named like a struct


def headers(include):
    """(name as included, include roots, more options) of every header, in order."""
    for path in sorted((include / "mete").glob("*.h")):
        for bits in "64", "32":
            yield f"mete/{path.name}", [include], [f"-DMETE_ADDR_BITS={bits}"]
    for kind in "compat", "shim":
        for root in sorted((include / kind).glob("*/")):
            os_roots = [include / "compat" / root.name, include / "shim" / root.name]
            for path in sorted(root.rglob("*.h")):
                yield str(path.relative_to(root)), os_roots + [include], []


def compiles(compiler, language, roots, options, name):
    """The compiler's complaints, or an empty string."""
    command = compiler + language + WARNINGS + options + [f"-I{root}" for root in roots] + ["-fsyntax-only", "-"]
    source = f"#include <{name}>\n" * 2 + "typedef int not_empty;\n"
    done = subprocess.run(command, input=source, capture_output=True, text=True)
    return done.stderr or f"status {done.returncode}\n" if done.returncode else ""


def main(include, cc, cxx):
    n = nfailed = 0
    for name, roots, options in headers(include):
        for title, compiler, language in ("C11", cc, C), ("C++17", cxx, CXX):
            n += 1
            complaint = compiles(compiler, language, roots, options, name)
            nfailed += bool(complaint)
            where = f" ({roots[0].name})" if len(roots) > 1 else "".join(options).replace("-DMETE_ADDR_BITS=", " ")
            print(f"{'not ' if complaint else ''}ok {n} - {name}{where} as {title}")
            for line in complaint.splitlines():
                print("#", line)
    # A header that must fail, so that a gate that compiles nothing is noticed.
    for title, compiler, language in ("C11", cc, C), ("C++17", cxx, CXX):
        n += 1
        caught = compiles(compiler, language, [include], [], "mete/there-is-no-such-header.h")
        nfailed += not caught
        print(f"{'' if caught else 'not '}ok {n} - a broken header is noticed as {title}")
    print(f"1..{n}")
    return nfailed != 0


if __name__ == "__main__":
    split = sys.argv.index("--")
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1:]))
