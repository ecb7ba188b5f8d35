# SPDX-License-Identifier: ISC
"""
FIDELITY: a row for each native call, and a test for each row.

docs/FIDELITY.md has tables with four columns: call | verdict | what and why | test, below headings that name the
operating system.  A call is written as code, `dma_alloc`; a row may be about several, or about one trait of a call.
The test is the name of a function, `test_...`, somewhere under tests/.
"""
import pathlib
import re

from tree import files, native_calls, systems

PAGE = "docs/FIDELITY.md"
VERDICTS = ("same", "better", "different", "absent")


def check(root):
    page = pathlib.Path(root) / PAGE
    if not page.is_file():
        return [f"{PAGE}: missing"]
    calls = native_calls(root)
    tests = set()
    for path, _ in files(root, "tests/**/*.c", "tests/**/*.cc", "tests/**/*.py"):
        tests.update(re.findall(r"^(?:static void|def) (test_\w+)\(", path.read_text(), re.M))

    found, told, system = [], set(), None
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("#"):
            named = [s for s in systems(root) if re.search(rf"\b{s}\b", line, re.I)]
            if named:
                system = named[0]
        if system is None or not line.startswith("|") or re.match(r"\|\s*(:?-|call\s*\|)", line):
            continue
        where = f"{PAGE}:{number}"
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if len(cells) != 4:
            found.append(f"{where}: {len(cells)} columns, where call | verdict | what and why | test are wanted")
            continue
        call, verdict, what, test = cells
        named = re.findall(r"`(\w+)[^`]*`", call)
        if verdict not in VERDICTS:
            found.append(f"{where}: the verdict is {verdict or 'missing'}, not one of {', '.join(VERDICTS)}")
        if not what:
            found.append(f"{where}: says nothing about what and why")
        for name in named:
            if verdict == "absent" and (system, name) in calls:
                found.append(f"{where}: {name} is called absent, but {calls[system, name][0]} has it")
            told.add((system, name))
        proof = re.findall(r"\btest_\w+", test)
        if not proof:
            found.append(f"{where}: no test proves this row")
        for name in proof:
            if name not in tests:
                found.append(f"{where}: there is no {name} under tests/")
    for (system, call), (name, line) in sorted(calls.items()):
        if (system, call) not in told:
            found.append(f"{name}:{line}: {call} has no row in {PAGE} below a heading that names {system}")
    return found
