# SPDX-License-Identifier: ISC
"""
Examples: every whole program that the prose or a manual page shows builds without warnings, runs, and ends with 0.

A program is a block with a main(): between ```c fences in README.md and docs/*.md, or a literal display below EXAMPLES
in docs/man.  One that includes a native header gets that operating system's include roots, as its own build would.
Fragments are for the reader and are left alone.

    examples ROOT CC... -- ARCHIVE... [-- WRAPPER...]

The wrapper runs programs that were compiled for another machine.
"""
import pathlib
import re
import subprocess
import tempfile

from manual import section
from tree import files, includes, systems

VERIFIER = "libmete-check"
STRICT = "-std=c11 -Wall -Wextra -Wpedantic -Werror".split()


def programs(root):
    """(where, code) of each."""
    for path, name in files(root, "*.md", "docs/*.md"):
        for m in re.finditer(r"^```c\n(.*?)^```", path.read_text(), re.M | re.S):
            yield f"{name}:{path.read_text().count(chr(10), 0, m.start()) + 2}", m[1]
    for path, name in files(root, "docs/man/*.[1-9]"):
        for m in re.finditer(r"^\.Bd -literal.*?\n(.*?)^\.Ed", section(path.read_text(), "EXAMPLES"), re.M | re.S):
            yield f"{name}: EXAMPLES", m[1].replace(r"\e", "\\").replace(r"\&", "").replace(r"\-", "-")


def roots(root, code):
    include = pathlib.Path(root) / "include"
    # Native names repeat between systems, so one that the application's part names comes before the others.
    for system in sorted(systems(root), key=lambda system: f"mete_{system}_" not in code):
        if any((include / kind / system / name).exists() for kind in ("compat", "shim") for _, name in includes(code)):
            return [include / "compat" / system, include / "shim" / system, include]
    return [include]


def verifies(code):
    return re.search(r"<mete/(check|test|test_cmocka)\.h>", code) is not None


def build_and_run(root, code, cc, archives, wrapper):
    """What is wrong, or an empty string."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = pathlib.Path(folder) / "example.c", pathlib.Path(folder) / "example"
        source.write_text(code)
        flags = [f"-I{path}" for path in roots(root, code)]
        if not verifies(code): # the verifier needs more libraries, which not every machine has
            archives = [archive for archive in archives if not VERIFIER in archive]
        else:
            archives = [*archives, "-ljansson", "-ldw"]
        done = subprocess.run([*cc, *STRICT, *flags, source, "-o", program, *archives, "-pthread"],
                              capture_output=True, text=True)
        if done.returncode:
            return done.stderr
        done = subprocess.run([*wrapper, program], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
        return f"it ends with {done.returncode}: {done.stdout}{done.stderr}" if done.returncode else ""


def check(root, *arguments):
    parts = [[]]
    for argument in arguments:
        if argument == "--":
            parts.append([])
        else:
            parts[-1].append(argument)
    cc, archives, wrapper = (parts + [[]])[:3]
    found, n = [], 0
    for where, code in programs(root):
        if re.search(r"\bmain\(", code):
            n += 1
            if verifies(code) and not any(VERIFIER in archive for archive in archives):
                continue # it was not built for this machine
            if wrong := build_and_run(root, code, cc, archives, wrapper):
                found.append(f"{where}: the example does not work: {wrong.strip()}")
    if n == 0:
        found.append("there is no example: README.md owes its reader a program that works")
    return found
