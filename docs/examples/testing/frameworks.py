#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
frameworks.py NAME PROGRAM: the tests of a driver under one framework: one passes, and the other fails at the driver's line.

PROGRAM is missing where the framework is.  Prints TAP.
"""
import os
import pathlib
import re
import subprocess
import sys

# What the framework says of the test that passes, and of the one that fails at a line of ring.c.
WORDS = {
    "assert": (r"a packet of 2048 bytes: passed", r"ring\.c:{line}: the test fails"),
    "check": (r"50%: Checks: 2, Failures: 1, Errors: 0", r"ring\.c:{line}:F:packets:short_packet"),
    "cmocka": (r"\[ *OK *\] test_full_packet", r"ring\.c:{line}: error: Failure!"),
    "gtest": (r"\[ *OK *\] Ring\.FullPacket", r"ring\.c:{line}: Failure"),
}
MISUSE = "DMA-M06 unmapped with another size than mapped"


def line_of_mistake():
    source = (pathlib.Path(__file__).resolve().parent / "ring.c").read_text().splitlines()
    return next(number for number, text in enumerate(source, 1) if "dma_unmap_single(" in text)


def main(name, *program):
    print("1..1")
    title = f"ok 1 - {name}: what is right passes, and what is wrong fails at the driver's line"
    if not program:
        skip = "METE_NO_SKIP" not in os.environ
        print(f"{'' if skip else 'not '}{title}{f' # SKIP there is no {name} here' if skip else ''}")
        return not skip
    done = subprocess.run(program, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    said = done.stdout + done.stderr
    wanted = [pattern.format(line=line_of_mistake()) for pattern in WORDS[name]] + [re.escape(MISUSE)]
    missing = [pattern for pattern in wanted if not re.search(pattern, said)]
    good = done.returncode != 0 and not missing
    print(f"{'' if good else 'not '}{title}")
    if not good:
        print("\n".join(f"# {line}" for line in [f"status {done.returncode}, without {missing}", *said.splitlines()]))
    return not good


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
