# SPDX-License-Identifier: ISC
"""
quoted.py ROOT: what README.md and docs/PORTING.md show in C stands, line for line, in a file of docs/examples.

Those files are built and run by the tests, so the prose cannot show code that does not work.  The README's program is
all of ten_lines.c but its first comments.
"""
import pathlib
import re
import sys


def check(root):
    examples = root / "docs/examples"
    sources = {p.name: p.read_text() for p in sorted(examples.rglob("*.[ch]"))}
    found = []
    for name in ("README.md", "docs/PORTING.md"):
        text = (root / name).read_text()
        blocks = list(re.finditer(r"^```c\n(.*?)^```$", text, re.M | re.S))
        for m in blocks:
            if not any("\n" + m[1] in "\n" + source for source in sources.values()):
                found.append(f"{name}:{text.count(chr(10), 0, m.start()) + 1}: this block is in no file of docs/examples")
        if name == "README.md":
            program = re.sub(r"\A(/\*.*?\*/\n)+", "", sources["ten_lines.c"], flags=re.S)
            if [m[1] for m in blocks] != [program]:
                found.append("README.md: its one block of C is not what docs/examples/ten_lines.c says")
        elif not blocks:
            found.append(f"{name}: shows no C")
    return found


if __name__ == "__main__":
    result = check(pathlib.Path(sys.argv[1]))
    print("\n".join(result) or "quoted: nothing found")
    sys.exit(len(result) != 0)
