# SPDX-License-Identifier: ISC
"""
Names and first lines: the licence, the theory, one file per name, no reserved name where C++ looks.
"""
import re

from tree import files, line_of, without_comments

LICENCE = "SPDX-License-Identifier: ISC"


def check(root):
    found, seen = [], {}
    for path, name in files(root, "src/**/*.[ch]", "include/**/*.h", "tests/**/*.[ch]", "tests/**/*.cc"):
        text = path.read_text()
        first, _, rest = text.partition("\n")
        if first != f"/* {LICENCE} */":
            found.append(f"{name}:1: the first line must be /* {LICENCE} */")
        elif not re.match(r"(#define _\w+_SOURCE\b.*\n)*/\*", rest):
            found.append(f"{name}:2: after the licence comes the theory: a comment that says what this file answers for")
        if name.startswith("include/"):
            code = without_comments(text)
            for m in re.finditer(r"\bmete\w*__\w+", code):
                found.append(f"{name}:{line_of(code, m.start())}: {m[0]}: C++ reserves names with __; "
                             "no installed header may have one")
    for path, name in files(root, "**/meson.build", "meson_options.txt", "tools/*", "tests/**/*.py", "tests/**/*.sh", ".ci/*"):
        if LICENCE not in "".join(path.read_text().splitlines(True)[:2]):
            found.append(f"{name}:1: the first or second line must say {LICENCE}")
    for path, name in files(root, "src/**/*", "include/mete/*", "tests/**/*"):
        if path.name != "meson.build" and not name.endswith(".pyc"):
            if path.name in seen:
                found.append(f"{name}: {seen[path.name]} has the same file name; a reader should never have to ask which")
            seen.setdefault(path.name, name)
    return found
