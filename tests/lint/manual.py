# SPDX-License-Identifier: ISC
"""
The manual: every public function has a contract in its header and a page under docs/man that mandoc accepts.

Pages are named after the prefixed symbol (mete_pool_alloc.3, mete_openbsd_dma_alloc.9); one page may serve a family.  A
page of a face lists native names under NAME, and is also the contract of the prefixed symbols behind them.  An .Xr
leads to one of our names or to a page every system has.
"""
import re
import shutil
import subprocess

from tree import files, functions, native_calls

# Pages of other projects that ours may refer to.
ELSEWHERE = {
    ("aligned_alloc", "3"), ("calloc", "3"), ("errno", "3"), ("free", "3"), ("malloc", "3"), ("mmap", "2"),
    ("pkg-config", "1"), ("pthread_cond_wait", "3"), ("pthread_mutex_lock", "3"), ("qemu", "1"), ("valgrind", "1"),
}


def section(text, title):
    m = re.search(rf"^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)", text, re.M | re.S)
    return m[1] if m else ""


def contracts(name, text, native):
    """A prototype stands in a paragraph that starts with a comment."""
    lines = text.splitlines()
    for line, call in functions(text):
        top = line - 1
        while top > 0 and lines[top - 1].strip():
            top -= 1
        above = "\n".join(lines[top:line - 1])
        if "*/" not in above and call not in native:
            yield f"{name}:{line}: {call} has no contract: effect, units, every failure, context, ownership"


def check(root):
    found, pages = [], {}  # (name, section) -> page files
    listed = {}  # function -> pages whose NAME and SYNOPSIS have it
    texts = [(path, name, path.read_text()) for path, name in files(root, "docs/man/*.[1-9]")]
    for path, name, text in texts:
        names = re.findall(r"^\.Nm (\S+)", section(text, "NAME"), re.M)
        synopsis = set(re.findall(r"^\.F[no] \"?(\w+)", section(text, "SYNOPSIS"), re.M))
        for n in names:
            pages.setdefault((n, path.suffix[1:]), []).append(path.name)
            if n in synopsis:
                listed.setdefault(n, []).append(path.name)
        if not names or path.stem not in names and not any(path.stem.endswith("_" + n) for n in names):
            found.append(f"{name}: NAME does not list {path.stem}, nor its native name")
    for path, name, text in texts:
        for m in re.finditer(r"^\.Xr (\S+) (\S+)", text, re.M):
            if (m[1], m[2]) not in pages and (m[1], m[2]) not in ELSEWHERE:
                found.append(f"{name}:{text.count(chr(10), 0, m.start()) + 1}: .Xr {m[1]} {m[2]} leads nowhere")
        if shutil.which("mandoc"):
            done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True, text=True)
            found += [line.removeprefix("mandoc: ").replace(str(path), name) for line in done.stdout.splitlines()]
        else:
            found.append("mandoc is not installed: run tools/deps test")

    calls = native_calls(root)
    native = {f"mete_{system}_{call}" for system, call in calls}
    for path, name in files(root, "include/mete/*.h"):
        text = path.read_text()
        found += contracts(name, text, native)
        for line, call in functions(text):
            if call not in listed and call not in native:
                found.append(f"{name}:{line}: {call} has no page: none in docs/man has it under NAME and SYNOPSIS")
    for (system, call), (name, line) in sorted(calls.items()):
        if not any(page.startswith(f"mete_{system}_") for page in listed.get(call, [])):
            found.append(f"{name}:{line}: {call} has no page: no docs/man/mete_{system}_* has it under NAME and SYNOPSIS")
    return found
