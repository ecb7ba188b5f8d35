#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
tutorial.py ROOT [SKIP]: docs/TESTING-DRIVERS.md does what it says, from an empty home on.

Blocks are taken in their order.  ```c NAME is a file to be made, and is the same as docs/examples/testing/NAME; ```diff NAME is
a change to it.  ```sh are commands for one shell, and must succeed; ```sh fails must not.  ```text are lines that the commands before it
said, in any order; numbers in hexadecimal, spaces, and folders in front of files may differ.

SKIP, if it is not empty, says why it cannot be tried here.  Prints TAP.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = "docs/TESTING-DRIVERS.md"


def blocks(text):
    """(line, kind, argument, content) of each."""
    for m in re.finditer(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", text, re.M | re.S):
        yield text.count("\n", 0, m.start()) + 1, m[1], m[2], m[3]


def plain(line):
    return " ".join(re.sub(r"[^\s(]*/(?=\w+\.c:)", "", re.sub(r"0x[0-9a-f]+", "0x", line)).split())


def script(steps):
    """One shell that runs each block, keeps what it said, and says how it ended."""
    yield "set -u"
    for number, (_, kind, argument, content) in enumerate(steps):
        if kind == "c":
            yield f"cat >{argument} <<'END-OF-FILE'\n{content}END-OF-FILE"
        elif kind == "sh":
            # In braces, which keep changes of folder and environment.
            commands = " && ".join(f"{{ {line}\n}}" for line in content.splitlines())
            yield f"{{ {commands}\n}} >\"$OUT/{number}\" 2>&1; echo $? >\"$OUT/{number}.status\""
        elif kind == "diff":
            yield f"patch {argument} >\"$OUT/{number}\" 2>&1 <<'END-OF-CHANGE'\n{content}END-OF-CHANGE"
            yield f"echo $? >\"$OUT/{number}.status\""


def judge(steps, out):
    """(title, complaint) of each promise; an empty complaint if it was kept."""
    said = ""
    for number, (line, kind, argument, content) in enumerate(steps):
        if kind in ("sh", "diff"):
            file = out / str(number)
            said = file.read_text(errors="replace") if file.exists() else "it was not run\n"
            status = (out / f"{number}.status").read_text().strip() if file.exists() else "none"
            good = (status != "0") == (argument == "fails") and file.exists()
            what = f"{argument} is changed" if kind == "diff" else f"the commands {'fail' if argument else 'succeed'}"
            yield f"line {line}: {what}", "" if good else f"status {status}\n{said}"
        elif kind == "text":
            lines = [plain(text) for text in said.splitlines()]
            missing = [text for text in content.splitlines() if not any(plain(text) in have for have in lines)]
            yield f"line {line}: they say so", "\n".join(["missing:", *missing, "said:", said]) if missing else ""


def same_as_example(root, step):
    line, _, name, content = step
    path = root / "docs/examples/testing" / name
    good = path.is_file() and path.read_text() == content
    return f"line {line}: {name} is the example's", "" if good else f"{path} is another"


def main(root, why_not=""):
    root = pathlib.Path(root).resolve()
    steps = list(blocks((root / PAGE).read_text()))
    if why_not:
        skip = "METE_NO_SKIP" not in os.environ
        print(f"{'' if skip else 'not '}ok 1 - the tutorial{f' # SKIP {why_not}' if skip else f': {why_not}'}\n1..1")
        return not skip
    with tempfile.TemporaryDirectory() as home:
        out = pathlib.Path(home) / "out"
        out.mkdir()
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("METE_", "PKG_CONFIG"))}
        subprocess.run(["bash", "-c", "\n".join(script(steps))], cwd=root, timeout=600, stdin=subprocess.DEVNULL,
                       env=environment | {"HOME": home, "OUT": str(out)})
        results = [same_as_example(root, step) for step in steps if step[1] == "c"] + list(judge(steps, out))
    for number, (title, complaint) in enumerate(results, 1):
        print(f"{'not ' if complaint else ''}ok {number} - {title}")
        for text in complaint.splitlines():
            print("#", text)
    print(f"1..{len(results)}")
    return any(complaint for _, complaint in results)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
