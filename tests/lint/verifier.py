# SPDX-License-Identifier: ISC
"""
VERIFIER: a row for each misuse, and a test for each that is dealt with.

docs/VERIFIER.md has tables with six columns: ID | misuse | state | by | how | test.  IDs and titles are those of
include/mete/misuse.h, each once.  What is caught, impossible or met names tests below tests/; a test of what is caught has
the misuse in its body, as METE_DMA_A01 or PROVOKE(A01.  The sentence that counts them counts right.
"""
import pathlib
import re

from tree import files

PAGE = "docs/VERIFIER.md"
HEADER = "include/mete/misuse.h"
STATES = ("caught", "impossible", "met", "owed")


def tests(root):
    """{name: bodies of all tests of that name, as one text}"""
    bodies = {}
    for path, _ in files(root, "tests/**/*.c"):
        for m in re.finditer(r"^static void (test_\w+)\(.*?^}", path.read_text(), re.M | re.S):
            bodies[m[1]] = bodies.get(m[1], "") + m[0]
    return bodies


def row_faults(cells, titles, bodies):
    name, title, state, _, how, test = cells
    proof = re.findall(r"\btest_\w+", test)
    if title != titles[name]:
        yield f'{name} is "{titles[name]}" in {HEADER}'
    if state not in STATES:
        yield f"the state is {state or 'missing'}, not one of {', '.join(STATES)}"
    if not how:
        yield f"{name} says nothing about how"
    if (state == "owed") != (not proof):
        yield f"{name} is {state} and names {'no' if not proof else 'a'} test"
    for one in proof:
        if one not in bodies:
            yield f"there is no {one} under tests/"
        elif state == "caught" and not re.search(rf"\b(METE_DMA_|PROVOKE\(){name[4:]}\b", bodies[one]):
            yield f"{one} does not provoke {name}"


def check(root):
    root = pathlib.Path(root)
    if not (root / PAGE).is_file():
        return [f"{PAGE}: missing"]
    titles = {f"DMA-{name}": title
              for name, title in re.findall(r'\bX\((\w+), \w+, "([^"]+)"', (root / HEADER).read_text())}
    bodies, text = tests(root), (root / PAGE).read_text()
    found, seen, states = [], set(), []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.startswith("| DMA-"):
            continue
        where = f"{PAGE}:{number}"
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if len(cells) != 6:
            found.append(f"{where}: {len(cells)} columns, where ID | misuse | state | by | how | test are wanted")
        elif cells[0] not in titles:
            found.append(f"{where}: {HEADER} has no {cells[0]}")
        else:
            found += [f"{where}: {fault}" for fault in row_faults(cells, titles, bodies)]
            if cells[0] in seen:
                found.append(f"{where}: {cells[0]} has two rows")
            seen.add(cells[0])
            states.append(cells[2])
    found += [f"{HEADER}: {name} has no row in {PAGE}" for name in titles if name not in seen]
    counted = re.search(r"Of the (\d+), (\d+) are caught, (\d+) impossible, (\d+) met and (\d+) owed", text)
    if not counted or [int(n) for n in counted.groups()] != [len(titles), *(states.count(s) for s in STATES)]:
        found.append(f"{PAGE}: the sentence that counts should say {len(titles)}: " +
                     ", ".join(f"{states.count(s)} {s}" for s in STATES))
    return found
