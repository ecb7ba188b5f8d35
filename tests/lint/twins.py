#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
twins.py CC...: each lint finds what it is for, and keeps silent about the near miss.

A case plants files into a small tree that all lints accept, and says what must be found there; None is a near miss.
Prints TAP.
"""
import importlib
import pathlib
import subprocess
import sys
import tempfile

TOP = "/* SPDX-License-Identifier: ISC */\n/* What this is for. */\n"

GOOD = {
    "include/mete/pool.h": TOP + "/* Allocate. */\nint mete_pool_alloc(int n);\n",
    "include/mete/types.h": TOP,
    "include/mete/host.h": TOP,
    "include/compat/openbsd/sys/pool.h": TOP + "static inline int dma_free(int n)\n{\n\treturn n;\n}\n",
    "include/compat/openbsd/uvm.h": TOP + "extern const int mete_openbsd_mode;\n",
    "include/compat/linux/linux/dma.h": TOP,
    "src/base/bits.h": TOP,
    "src/core/pool.c": TOP + "#include <mete/pool.h>\n#include \"bits.h\"\n#include \"slab.h\"\n",
    "src/core/slab.h": TOP,
    "src/face/linux/mapping.h": TOP,
    "src/face/openbsd/subr_pool.c": TOP + "#include <mete/pool.h>\n#include \"bits.h\"\n",
    "tests/core/test_pool.c": TOP + "static void test_pool_works(void **state)\n{\n}\n",
    "docs/FIDELITY.md": "# Fidelity\n## OpenBSD\n| call | verdict | what and why | test |\n|--|--|--|--|\n"
                        "| `dma_free` | same | frees | `test_pool_works` |\n",
    "docs/man/mete_pool_alloc.3": ".Dd November 20, 2026\n.Dt METE_POOL_ALLOC 3\n.Os\n.Sh NAME\n.Nm mete_pool_alloc\n"
                                  ".Nd allocate\n.Sh SYNOPSIS\n.In mete/pool.h\n.Ft int\n.Fn mete_pool_alloc \"int n\"\n"
                                  ".Sh DESCRIPTION\nSee\n.Xr malloc 3 .\n",
    "docs/man/mete_openbsd_dma_free.9": ".Dd November 20, 2026\n.Dt DMA_FREE 9\n.Os\n.Sh NAME\n.Nm dma_free\n.Nd free\n"
                                        ".Sh SYNOPSIS\n.In sys/pool.h\n.Ft int\n.Fn dma_free \"int n\"\n"
                                        ".Sh DESCRIPTION\nSee\n.Xr mete_pool_alloc 3 .\n",
    "include/mete/misuse.h": TOP + '#define METE_MISUSES(X) \\\n\tX(A01, WRONG, "double free", "bad") \\\n\tX(A02, WRONG, "leak", "bad")\n',
    "tests/check/test_misuses.c": TOP + "static void test_a01(void **state)\n{\n\tPROVOKE(A01, x);\n}\n",
    "docs/VERIFIER.md": "# The verifier\nOf the 2, 1 are caught, 0 impossible, 0 met and 1 owed.\n"
                        "| DMA-A01 | double free | caught | ledger | compared | `test_a01` |\n"
                        "| DMA-A02 | leak | owed | ledger | to come | |\n",
    "README.md": "# Top\n[design](docs/FIDELITY.md#openbsd), [here](#top), [web](https://example.org/)\n",
}


def edit(name, old, new):
    """The good file with one passage replaced."""
    assert old in GOOD[name], (name, old)
    return {name: GOOD[name].replace(old, new)}




def call(name, line):
    return {"src/face/openbsd/more.c": TOP + f"void mete_openbsd_{name}(void *m)\n{{\n{line}\t(void)m;\n}}\n"}


ROW = "| `dma_free` | same | frees | `test_pool_works` |"

# lint, what is planted, a part of what must be found (None: nothing).
CASES = [
    *((lint, {}, None) for lint in ("layers", "names", "manual", "fidelity", "links", "calls", "verifier")),
    ("calls", call("free", ""), "free does not tell"),
    ("calls", call("free", "\tPOOL_CALL(m, \"free\");\n"), None),
    ("calls", call("setlowat", ""), None),
    ("calls", {"src/face/bsd/bad.h": TOP + "void FACE(bus_dmamap_sync)(int t)\n{\n\t(void)t;\n}\n"}, "bus_dmamap_sync does not tell"),
    ("calls", {"src/face/linux/ok.c": TOP + "static void mete_linux_x(int t)\n{\n\t(void)t;\n}\n"}, None),
    ("layers", {"src/core/bad.c": TOP + '#include "../base/bits.h"\n'}, "no path goes up"),
    ("layers", {"tests/core/bad.c": TOP + '# include  <mete/../x.h>\n'}, "no path goes up"),
    ("layers", {"src/core/ok.c": TOP + '/* #include "../x.h" */\n#include <mete/..x.h>\n'}, None),
    ("layers", {"src/base/bad.c": TOP + "#include <mete/pool.h>\n"}, "base knows nothing of DMA"),
    ("layers", {"src/base/bad.c": TOP + '#include "slab.h"\n'}, "a private header of core"),
    ("layers", {"src/face/linux/bad.c": TOP + '#include "slab.h"\n'}, "a private header of core"),
    ("layers", {"src/face/linux/bad.c": TOP + '#include <core/slab.h>\n'}, "a private header of core"),
    ("layers", {"src/face/linux/ok.c": TOP + '#include "mapping.h"\n'}, None),
    ("layers", {"src/face/openbsd/bad.c": TOP + '#include "mapping.h"\n'}, "a private header of face/linux"),
    ("layers", {"src/face/bsd/body.h": TOP, "src/face/openbsd/ok.c": TOP + '#include "body.h"\n'}, None),
    ("layers", {"src/face/bsd/body.h": TOP, "src/face/linux/bad.c": TOP + '#include "body.h"\n'}, "a private header of face/bsd"),
    ("layers", {"src/provider/bad.c": TOP + '#include "slab.h"\n'}, "a private header of core"),
    ("layers", {"src/core/bad.c": TOP + "#include <mete/host.h>\n"}, "does not know who provides"),
    ("layers", {"include/mete/alloc.h": TOP + "#include <mete/host.h>\n"}, "does not know who provides"),
    ("layers", {"src/core/bad.c": TOP + "int mete_openbsd_x;\n"}, "names mete_openbsd_x"),
    ("layers", {"src/core/ok.c": TOP + "/* mete_openbsd_x, mete_host_y */\n"}, None),
    ("layers", {"src/core/bad.c": TOP + "#include <mete/openbsd.h>\n"}, "does not know who provides"),
    ("layers", {"include/mete/openbsd.h": TOP + "#include <mete/host.h>\nstruct mete_openbsd;\n"}, None),
    ("names", {"src/core/bad.c": "/* What this is for. */\n"}, "the first line must be"),
    ("names", {"src/core/bad.c": TOP.replace("ISC", "GPL-2.0")}, "the first line must be"),
    ("names", {"src/core/bad.c": TOP.split("\n")[0] + "\nint x;\n/* late */\n"}, "comes the theory"),
    ("names", {"src/face/linux/pool.c": TOP}, "has the same file name"),
    ("names", {"src/face/linux/meson.build": "# SPDX-License-Identifier: ISC\n",
               "src/core/meson.build": "# SPDX-License-Identifier: ISC\n"}, None),
    ("names", {"src/meson.build": "x = 1\n"}, "must say SPDX"),
    ("names", {"include/mete/bad.h": TOP + "int mete__x(void);\n"}, "C++ reserves"),
    ("names", {"include/mete/ok.h": TOP + "/* mete__x */\n"}, None),
    ("manual", edit("include/mete/pool.h", "/* Allocate. */\n", "\n"), "mete_pool_alloc has no contract"),
    ("manual", edit("include/mete/pool.h", "(int n);", "(int n);\nint mete_pool_free(int n);"), "mete_pool_free has no page"),
    ("manual", edit("include/mete/pool.h", "(int n);", "(int n); /* mete_pool_x(1); */\n#define MP(x) mete_pool_y(x)"), None),
    ("manual", edit("docs/man/mete_pool_alloc.3", ".Fn mete_pool_alloc", ".Fn mete_pool"), "mete_pool_alloc has no page"),
    ("manual", edit("docs/man/mete_pool_alloc.3", "malloc 3", "mete_pool_free 3"), ".Xr mete_pool_free 3 leads nowhere"),
    ("manual", edit("docs/man/mete_pool_alloc.3", ".Ft int", ".Foo int"), "unknown macro"),
    ("manual", edit("include/compat/openbsd/sys/pool.h", "dma_free(", "dma_alloc("), "dma_alloc has no page"),
    ("manual", edit("include/compat/openbsd/sys/pool.h", TOP, TOP + "int mete_openbsd_dma_free(int n);\n"), None),
    ("fidelity", {"docs/FIDELITY.md": "# Fidelity\n"}, "dma_free has no row"),
    ("fidelity", edit("docs/FIDELITY.md", "## OpenBSD", "## Linux"), "dma_free has no row"),
    ("fidelity", edit("docs/FIDELITY.md", "| `test_pool_works` |", "| |"), "no test proves this row"),
    ("fidelity", edit("docs/FIDELITY.md", "test_pool_works", "test_pool_flies"), "there is no test_pool_flies"),
    ("fidelity", edit("docs/FIDELITY.md", "same", "similar"), "not one of same"),
    ("fidelity", edit("docs/FIDELITY.md", "| frees ", ""), "3 columns"),
    ("fidelity", edit("docs/FIDELITY.md", "| same |", "| absent |"), "is called absent, but"),
    ("fidelity", edit("docs/FIDELITY.md", ROW, ROW + "\n| `dma_max` | absent | never | `test_pool_works` |"), None),
    ("fidelity", edit("include/compat/openbsd/sys/pool.h", "static", "#define pool_get(p) (p)\nstatic"), "pool_get has no row"),
    ("fidelity", edit("include/compat/openbsd/sys/pool.h", "static", "#define PR_X(p) (p)\nstatic"), None),
    ("links", edit("README.md", "FIDELITY.md#openbsd", "NOTHING.md"), "leads to no file"),
    ("links", edit("README.md", "#openbsd", "#plan9"), "leads to no heading"),
    ("links", edit("README.md", "# Top", "# Top\n```\n[x](none.md)\n```"), None),
    ("verifier", edit("docs/VERIFIER.md", "| DMA-A02 | leak | owed | ledger | to come | |\n", ""), "DMA-A02 has no row"),
    ("verifier", edit("docs/VERIFIER.md", "| DMA-A02 | leak | owed | ledger | to come | |\n",
                      "| DMA-A02 | leak | owed | ledger | to come | |\n" * 2), "DMA-A02 has two rows"),
    ("verifier", edit("docs/VERIFIER.md", "DMA-A02", "DMA-A03"), "has no DMA-A03"),
    ("verifier", edit("docs/VERIFIER.md", "| double free |", "| second free |"), 'DMA-A01 is "double free"'),
    ("verifier", edit("docs/VERIFIER.md", "`test_a01`", "`test_a02`"), "there is no test_a02"),
    ("verifier", edit("docs/VERIFIER.md", "`test_a01`", "`test_pool_works`"), "test_pool_works does not provoke DMA-A01"),
    ("verifier", edit("docs/VERIFIER.md", "`test_a01`", ""), "DMA-A01 is caught and names no test"),
    ("verifier", edit("docs/VERIFIER.md", "| owed |", "| perhaps |"), "the state is perhaps"),
    ("verifier", edit("docs/VERIFIER.md", "1 are caught", "2 are caught"), "the sentence that counts"),
    ("verifier", edit("docs/VERIFIER.md", "| to come |", "|"), "5 columns"),
    ("verifier", edit("tests/check/test_misuses.c", "PROVOKE(A01, x)", "told(METE_DMA_A01)"), None),
    ("examples", {"README.md": "```c\nint main(void)\n{\n\treturn 0;\n}\n```\n"}, None),
    ("examples", {"README.md": "```c\nint main(void)\n{\n\treturn 3;\n}\n```\n"}, "it ends with 3"),
    ("examples", {"README.md": "```c\nint main(void)\n{\n\tint x;\n}\n```\n"}, "unused variable"),
    ("examples", {"docs/PORTING.md": "```c\n#include <sys/pool.h>\nint main(void)\n{\n\treturn dma_free(0);\n}\n```\n"}, None),
    ("examples", {"include/compat/linux/sys/pool.h": TOP + "#error of another system\n",
                  "README.md": "```c\n#include <sys/pool.h>\nint main(void)\n{\n\tint mete_openbsd_x = 0;\n"
                               "\treturn dma_free(mete_openbsd_x);\n}\n```\n"}, None),
    ("examples", {}, "there is no example"),
    # For exports the planted text is a source that becomes an archive.
    ("exports", "int mete_pool_alloc(int n) { return n; } int mete__x(void) { return 1; }", None),
    ("exports", "static int x(void) { return 1; } int mete__y(void) { return x(); }", None),
    ("exports", "int mete_pool_alloc_a64s64(int n) { return n; }", None),
    ("exports", "const char *const mete__names[] = { \"a\" }; static const int t[] = { 1 }; int mete__y(int i) { return t[i]; }", None),
    ("exports", "const int mete_openbsd_mode = 1;", None),
    ("exports", "const int mete_openbsd_node = 1;", "which no public header declares"),
    ("exports", "int helper(void) { return 1; }", "exports helper: make it static"),
    ("exports", "int mete_secret(void) { return 1; }", "which no public header declares"),
    ("exports", "int mete__count;", "mete__count is writable data"),
    ("exports", "int mete__f(void) { static int n = 3; return n++; }", "is writable data"),
    ("exports", "_Thread_local int mete__t;", "mete__t is writable data"),
]


def plant(root, tree):
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def run(root, cc, lint, planted):
    module = importlib.import_module(lint)
    plant(root, GOOD)
    if lint != "exports":
        plant(root, planted)
        return module.check(root, *cc, "--") if lint == "examples" else module.check(root)
    plant(root, {"x.c": planted})
    subprocess.run([*cc, "-std=c11", "-fPIC", "-c", root / "x.c", "-o", root / "x.o"], check=True)
    subprocess.run(["ar", "rc", root / "x.a", root / "x.o"], check=True)
    return module.check(root, str(root / "x.a"))


def main(*cc):
    sys.dont_write_bytecode = True
    nfailed = 0
    for number, (lint, planted, want) in enumerate(CASES, 1):
        with tempfile.TemporaryDirectory() as folder:
            found = run(pathlib.Path(folder), cc, lint, planted)
        good = not found if want is None else len(found) >= 1 and any(want in line for line in found)
        nfailed += not good
        print(f"{'' if good else 'not '}ok {number} - {lint}: {want or 'silent'}")
        if not good:
            print("\n".join(f"# planted {planted!r}".splitlines() + [f"# found {line}" for line in found]))
    print(f"1..{len(CASES)}")
    return nfailed != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
