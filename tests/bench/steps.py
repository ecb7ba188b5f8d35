#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
steps.py PROGRAM [--limit N] [--pairs]: count instructions, and keep the hot pair short.

Unlike nanoseconds, instructions are the same on each run and under any load, so they can be a gate: one dma_alloc and
dma_free with PR_NOWAIT, the block still at hand, may take N net instructions (122) in any size class; more, and the
status is 1.  Net means without what the same loop costs around two calls that do nothing.  Everything else that is
printed is information.  With --pairs, page runs are left out.

callgrind writes its count at each call of steps_mark(); see steps.c.  Without valgrind the status is 77, or 1 where
METE_NO_SKIP is set.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

LIMIT = 122
RUNS = {2: "4-256 KiB, anywhere", 5: "4-64 KiB, no-cross 64 KiB", 8: "4-256 KiB, below 4 GiB",
        11: "4-256 KiB, across 4 GiB", 14: "4-256 KiB, natural alignment"}  # runs.c's cases at 95 % use


def intervals(program, *arguments):
    """How it was built; (name, length, repetitions, instructions) of each interval between two marks, in order."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind"
        done = subprocess.run(["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={out}",
                               "--combine-dumps=yes", "--dump-before=steps_mark", program, *arguments],
                              capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"steps: {done.stderr}")
        counts = [int(n) for n in re.findall(r"^totals: (\d+)", out.read_text(errors="replace"), re.M)]
    build, *lines = done.stdout.splitlines()
    names = [line.split() for line in lines]
    # One count before each mark, two marks an interval, and one count at the end.
    if len(counts) != 2 * len(names) + 1:
        sys.exit(f"steps: {len(names)} intervals, but callgrind wrote {len(counts)} counts: does it see steps_mark?")
    return build, [(name, int(length), int(n), count) for (name, length, n), count in zip(names, counts[1::2])]


def pairs(program):
    """How it was built; {length: {what: net instructions of a pair}}"""
    raw = {}
    build, counted = intervals(program, "pairs")
    for what, length, n, count in counted:
        raw.setdefault(length, {}).setdefault(what, []).append((n, count))
    net = {}
    for length, loops in raw.items():
        gross = {what: (twice[1] - once[1]) / (twice[0] - once[0]) for what, (once, twice) in loops.items()}
        net[length] = {what: value - gross["null"] for what, value in gross.items()}
    return build, net


def size(length):
    return f"{length // 1024} KiB" if length >= 1024 else f"{length} B"


def print_pairs(net):
    print("Hot pair: instructions for one allocation and free, without those of two calls that do nothing")
    print(f"  {'':>10}{'dma_alloc':>12}{'dma_alloc':>12}{'dma_alloc':>12}{'Linux':>12}")
    print(f"  {'size':>10}{'PR_NOWAIT':>12}{'PR_WAITOK':>12}{'PR_ZERO':>12}{'dma_pool':>12}")
    for length, row in net.items():
        print(f"  {size(length):>10}" + "".join(f"{row[what]:12.0f}" for what in ("nowait", "waitok", "zero", "pool")))


def print_runs(program):
    print("\nPage runs in 1 GiB at 95 % use: instructions of one call")
    print(f"  {'':30}{'allocate':>10}{'':>10}{'free':>10}{'':>10}{'failed':>10}")
    print(f"  {'request':30}{'mean':>10}{'most':>10}{'mean':>10}{'most':>10}{'most':>10}")
    for case, name in RUNS.items():
        calls = {}
        for what, _, _, count in intervals(program, "runs", str(case))[1]:
            calls.setdefault(what, []).append(count)
        around = calls["nothing"][0]
        cells = [cell for what in ("run-alloc", "run-free")
                 for cell in (sum(calls[what]) / len(calls[what]) - around, max(calls[what]) - around)]
        cells.append(max(calls["run-failed"]) - around if "run-failed" in calls else None)
        print(f"  {name:30}" + "".join("         -" if cell is None else f"{cell:10.0f}" for cell in cells))
    print("  Not cleared.  \"most\" is the worst of 500 requests.")


def main():
    parser = argparse.ArgumentParser(description="Count instructions, and keep the hot pair short.")
    parser.add_argument("program")
    parser.add_argument("--limit", type=float, default=LIMIT)
    parser.add_argument("--pairs", action="store_true")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("no valgrind: run tools/deps test")
        return 1 if "METE_NO_SKIP" in os.environ else 77

    build, net = pairs(options.program)
    print(f"mete, {build}.  Counted by callgrind: exact, and the same under any load.\n")
    print_pairs(net)
    if not options.pairs:
        print_runs(options.program)
    worst = max(net, key=lambda length: net[length]["nowait"])
    most = net[worst]["nowait"]
    good = most <= options.limit
    print(f"\nPR_NOWAIT pair: at most {most:.0f} instructions ({size(worst)}); the limit is {options.limit:.0f}: "
          f"{'kept' if good else 'BROKEN'}")
    return not good


if __name__ == "__main__":
    sys.exit(main())
