#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
demo_broken_cases.py DEMO SOURCE: the demo of the verifier names the three lines where SOURCE says that mistakes are planted.

Prints TAP.
"""
import os
import re
import subprocess
import sys

MACHINES = ("hides the mistakes", "gets 0 of")


def run(*command, **environment):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60,
                          env={k: v for k, v in os.environ.items() if k != "METE_CHECK"} | environment)
    return done.returncode, done.stdout + done.stderr


def planted(source):
    with open(source, encoding="utf-8") as f:
        return sorted((m[1], number) for number, text in enumerate(f, 1) if (m := re.search(r"/\* planted: (\S+),", text)))


def reported(said):
    """(misuse, line) of each report: its headline, and its first line of detail."""
    return sorted((m[1], int(m[2])) for m in
                  re.finditer(r"^(DMA-\w+) .*\n  here .* at nvme_broken\.c:(\d+), in \w+\(\)$", said, re.M))


def finds_all(demo, source, status, said):
    want = planted(source)
    return (status == 0 and len(want) == 3 and reported(said) == want and len(re.findall(r"^DMA-", said, re.M)) == 3 and
            "3 planted, 3 found, 0 more." in said and all(words in said for words in MACHINES))


def main(demo, source):
    status, said = run(demo)
    cases = [("the three lines are named, and no other", finds_all(demo, source, status, said), said)]
    status, said = run(demo, METE_CHECK="M16=off")
    cases.append(("one that is not reported is missed", status == 1 and "NOT FOUND" in said and
                  "3 planted, 2 found, 0 more." in said, said))
    status, said = run(demo, "/dev/null")
    cases.append(("what is no file is refused", status == 2 and "/dev/null" in said, said))
    status, said = run(demo, "--loud")
    cases.append(("what is no option is refused", status == 2 and "usage:" in said, said))
    for number, (title, good, said) in enumerate(cases, 1):
        print(f"{'' if good else 'not '}ok {number} - {title}")
        if not good:
            print("\n".join(f"# {line}" for line in said.splitlines()))
    print(f"1..{len(cases)}")
    return not all(good for _, good, _ in cases)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
