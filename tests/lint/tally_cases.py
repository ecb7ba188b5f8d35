#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
tally_cases.py TALLY: the count that decides whether a change is good is itself right.

Prints TAP.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

CMOCKA = "[ RUN      ] test_a\n[       OK ] test_a\n[ RUN      ] test_b\n{}\n[==========] 2 test(s) run.\n"

# Why, (meson's result, output) of each program, METE_NO_SKIP set?, what is counted, a part of what is told.
CASES = [
    ("a program counts as one", [("OK", "hello")], False, "1 0 0", ""),
    ("a failed program counts as one, with its log", [("FAIL", "boom")], False, "0 1 0", "boom"),
    ("a crash after good tests", [("FAIL", CMOCKA.format("[       OK ] test_b"))], False, "2 1 0", "failed: a / p0"),
    ("a time limit", [("TIMEOUT", "")], False, "0 1 0", "timeout"),
    ("a failure that is wanted", [("EXPECTEDFAIL", "")], False, "1 0 0", ""),
    ("cmocka counts its tests", [("OK", CMOCKA.format("[       OK ] test_b"))], False, "2 0 0", ""),
    ("cmocka's failure, named twice", [("FAIL", CMOCKA.format("[  FAILED  ] test_b\n[  FAILED  ] test_b"))], False,
     "1 1 0", "test_b"),
    ("cmocka's skip", [("OK", CMOCKA.format("no disk\n[  SKIPPED ] test_b"))], False, "1 0 1", "test_b: no disk"),
    ("cmocka's skip, where none may", [("OK", CMOCKA.format("no disk\n[  SKIPPED ] test_b"))], True, "1 1 0", "no disk"),
    ("a program's skip", [("SKIP", "no QEMU")], False, "0 0 1", "no QEMU"),
    ("a program's skip, where none may", [("SKIP", "no QEMU")], True, "0 1 0", "no QEMU"),
    ("TAP", [("ERROR", "ok 1 - x\nnot ok 2 - y\nok 3 - z # SKIP none\n1..3")], False, "1 1 1", "not ok 2 - y"),
    ("several programs add up", [("OK", ""), ("FAIL", ""), ("SKIP", "")], False, "1 1 1", "no reason given"),
    ("no test at all is a failure", [], False, "0 1 0", "no test ran"),
]


def main(tally):
    nfailed = 0
    for number, (why, programs, no_skip, counts, told) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as folder:
            path, log = pathlib.Path(folder) / "testlog.json", pathlib.Path(folder) / "log"
            path.write_text("".join(json.dumps({"name": f"a / p{i}", "result": result, "stdout": output}) + "\n"
                                    for i, (result, output) in enumerate(programs)))
            log.write_text("meson says nothing\n")
            environment = {key: value for key, value in os.environ.items() if key != "METE_NO_SKIP"}
            if no_skip:
                environment["METE_NO_SKIP"] = "1"
            said = subprocess.run([sys.executable, tally, path, log], capture_output=True, text=True, env=environment)
        lines = said.stdout.splitlines() or [""]
        good = said.returncode == 0 and lines[0] == counts and told in said.stdout
        nfailed += not good
        print(f"{'' if good else 'not '}ok {number} - {why}")
        if not good:
            print("\n".join(f"# {line}" for line in (said.stdout + said.stderr).splitlines()))
    print(f"1..{len(CASES)}")
    return nfailed != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
