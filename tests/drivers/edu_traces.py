#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
edu_traces.py PROGRAM...: the same driver on both rigs does the same to its device.

Each program is a test of an edu driver.  It is run as it is, on QEMU, and with the argument "sim"; machine by machine it
prints how often registers were accessed and a hash of all those accesses, in which the bus addresses are that the driver
gave to the device.  The two lists must be equal, and not be empty.  What the device then did with the addresses the
programs check themselves.  Output in TAP.
"""
import os
import subprocess
import sys


def traces(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, [line for line in done.stdout.splitlines() if line.startswith("registers: ")]


def main(*programs):
    print(f"1..{len(programs)}")
    for n, program in enumerate(programs, 1):
        name = os.path.basename(program)
        failed, qemu = traces(program)
        sim_failed, sim = traces(program, "sim")
        if not failed and not qemu and "METE_NO_SKIP" not in os.environ:
            print(f"ok {n} - {name} # SKIP there is no QEMU to compare with")
            continue
        same = [a == b for a, b in zip(qemu, sim)]
        good = not failed and not sim_failed and len(qemu) == len(sim) and qemu and all(same)
        print(f"{'ok' if good else 'not ok'} {n} - {name}: {len(sim)} machines")
        if not good:
            first = same.index(False) if False in same else len(same)
            print(f"# QEMU ended with {failed} after {len(qemu)} machines, sim with {sim_failed} after {len(sim)}")
            print(f"# machine {first}: QEMU {qemu[first:first + 1]}, sim {sim[first:first + 1]}")


main(*sys.argv[1:])
