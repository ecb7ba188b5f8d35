# SPDX-License-Identifier: ISC
"""
linked.py NM WITHOUT WITH: a program that does not use the verifier has no symbol of it, and one that does has.
"""
import re
import subprocess
import sys

OURS = re.compile(r"\b(?:mete_check_\w+|mete__(?:check|judge|ledger|shadow|fill|report|where)_\w+|__asan_on_error)$")


def symbols(nm, program):
    out = subprocess.run([nm, "--defined-only", program], check=True, capture_output=True, text=True).stdout
    return [line for line in out.splitlines() if OURS.search(line)]


def main(nm, without, with_):
    left = symbols(nm, without)
    for line in left:
        print(f"{without} has {line}")
    if not symbols(nm, with_):
        print(f"{with_} has nothing of the verifier, so this test sees nothing")
        return 1
    return 1 if left else 0


sys.exit(main(*sys.argv[1:]))
