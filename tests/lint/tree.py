# SPDX-License-Identifier: ISC
"""
What the lints share: finding the project's files and reading C just well enough.

C is read without a parser: comments and preprocessor lines are blanked (so that line numbers stay), and a declaration
at file scope runs to its `;` or `{`.  The house's style makes that exact; code that fools it is better rewritten.
"""
import pathlib
import re


def files(root, *patterns):
    """Files of the project (not of a build folder) that match, as (path, name relative to root)."""
    root = pathlib.Path(root)
    for path in sorted({p for pattern in patterns for p in root.glob(pattern)}):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not name.startswith(("build", ".git/")):
            yield path, name


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def without_comments(text):
    """Comments blanked, strings kept."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|("(?:\\.|[^"\\\n])*")', lambda m: m[1] or blank(m), text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def includes(text):
    """(line, name as written between the quotes or brackets) of each #include."""
    for m in re.finditer(r'^[ \t]*#[ \t]*include(?:_next)?[ \t]*[<"]([^>"\n]+)[>"]', without_comments(text), re.M):
        yield line_of(text, m.start()), m[1]


def functions(text):
    """(line, name) of each function declared or defined at file scope."""
    code = without_comments(text)
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, code, flags=re.M)
    code = re.sub(r'extern\s+"C"\s*\{', blank, code)
    code = re.sub(r"__attribute__\s*\(\(.*?\)\)", blank, code, flags=re.S)
    depth, start = 0, 0
    for m in re.finditer(r"[{};]", code):
        if depth == 0 and m[0] != "}":
            head = code[start:m.start()]
            name = re.search(r"(\w+)\s*\(", head)
            if name and not re.match(r"\s*(typedef|_Static_assert|static_assert)\b", head) and "=" not in head:
                at = start + len(head) - len(head.lstrip())
                yield line_of(text, at), name[1]
        depth = max(0, depth + {"{": 1, "}": -1, ";": 0}[m[0]])
        if depth == 0:
            start = m.end()


def objects(text):
    """Names of the objects that are declared extern."""
    return re.findall(r"^\s*extern\s[^;(]*?(\w+)(?:\[[^;]*\])?\s*;", without_comments(text), re.M)


def macros(text):
    """(line, name) of each function-like macro in lower case: a native call that is a macro where it comes from."""
    for m in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+([a-z]\w*)\(", without_comments(text), re.M):
        yield line_of(text, m.start()), m[1]


def systems(root):
    """The operating systems there are faces for."""
    compat = pathlib.Path(root) / "include/compat"
    return sorted(p.name for p in compat.iterdir() if p.is_dir()) if compat.is_dir() else []


def native_calls(root):
    """{(os, native name): (file, line)}: every call that a compat header offers to a driver."""
    calls = {}
    for os in systems(root):
        for path, name in files(root, f"include/compat/{os}/**/*.h"):
            text = path.read_text()
            for line, call in [*functions(text), *macros(text)]:
                if not call.startswith(("mete_", "_")):
                    calls.setdefault((os, call), (name, line))
    return calls
