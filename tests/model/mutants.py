# SPDX-License-Identifier: ISC
"""
Mutants: bugs planted on purpose, each of which the model must notice.

A mutant is a file in mutants/: a few "key: value" lines, then the text as it is and the text as it is broken, between
lines of dashes.  It is applied to a copy of the source; the text must occur exactly once, so that a mutant that no
longer applies is noticed as well.  A mutant is caught if the model test ends with a difference, a crash or a hang.

    mutants.py SOURCE-ROOT BUILD-DIRECTORY COMPILER...
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

# Operations per program.  Most mutants are caught within thousands.
OPS = {"test_frames_model": 1500000, "test_pool_model": 400000, "test_map_model": 600000}
TESTS = {
    "test_frames_model": ["test_frames_model.c", "model_run.c", "oracle.c"],
    "test_pool_model": ["test_pool_model.c", "pool_world.c", "model_run.c", "oracle.c"],
    "test_map_model": ["test_map_model.c", "map_follow.c", "map_machine.c", "map_misuse.c", "map_objects.c",
        "map_oracle.c", "map_windows.c", "map_world.c", "model_run.c"],
}
LAYERS = ["base", "core", "provider"]
SECONDS = 120


def parse(path):
    head, old, new = re.split(r"^-{4,}\n", path.read_text(), flags=re.M)[:3]
    keys = dict(re.findall(r"^(\w+): (.*)$", head, flags=re.M))
    return {"name": path.stem, "old": old, "new": new, **keys}


def compile_all(compiler, root, tests, out):
    """Compile library and tests once; returns the objects of each."""
    out.mkdir(parents=True)
    include = ["-I", root / "include"] + [x for layer in LAYERS for x in ("-I", root / "src" / layer)]
    flags = ["-std=c11", "-O1", "-w"]
    objects = {}
    sources = [p for layer in LAYERS for p in sorted((root / "src" / layer).glob("*.c"))]
    for source in sources + [tests / name for name in sorted({n for names in TESTS.values() for n in names})]:
        objects[source.name] = out / (source.stem + ".o")
        subprocess.run([*compiler, *flags, *include, "-c", source, "-o", objects[source.name]], check=True)
    return objects, [p.name for p in sources], [*compiler, *flags, *include]


def try_program(program, ops):
    """How a run ended: None if it passed, else in words."""
    try:
        run = subprocess.run([program, "--ops", str(ops)], capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"no end in {SECONDS} s"
    if run.returncode == 0:
        return None
    seen = re.search(r"DIFFERENCE in (\w+) at op (\d+): (.*)", run.stdout)
    if seen:
        return f"op {seen[2]} of {seen[1]}: {seen[3][:70]}"
    return "too many excuses" if "FAILED" in run.stdout else f"crash ({run.returncode})"


def break_source(root, mutant):
    """Plant the bug; the changed file, or None if it does not apply."""
    path = root / mutant["file"]
    text = path.read_text() if path.exists() else ""
    if text.count(mutant["old"]) != 1:
        return None
    path.write_text(text.replace(mutant["old"], mutant["new"]))
    return path, text


def catch(mutant, root, link, objects, sources, command, out):
    """Build with the bug and run: (caught by, how), or None if it survives."""
    planted = break_source(root, mutant)
    if planted is None:
        return "-", "NO LONGER APPLIES"
    path, text = planted
    changed = [path.name] if path.suffix == ".c" else sources
    mine = dict(objects)
    for source in changed:
        mine[source] = out / (mutant["name"] + "-" + pathlib.Path(source).stem + ".o")
        where = next(p for layer in LAYERS for p in (root / "src" / layer).glob(source))
        subprocess.run([*command, "-c", where, "-o", mine[source]], check=True)
    path.write_text(text)
    for test in [mutant["test"]] + [t for t in TESTS if t != mutant["test"]]:
        program = out / test
        subprocess.run([*link, "-o", program, *(mine[s] for s in TESTS[test] + sources), "-lpthread"], check=True)
        how = try_program(program, OPS[test])
        if how:
            return test, how
    return None


def main():
    source, build, compiler = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    tests = source / "tests/model"
    root, out = build / "mutants/root", build / "mutants/out"
    shutil.rmtree(build / "mutants", ignore_errors=True)
    for part in ["include/mete", *("src/" + layer for layer in LAYERS)]:
        shutil.copytree(source / part, root / part)
    objects, sources, command = compile_all(compiler, root, tests, out)
    link = list(compiler)

    for test in TESTS: # what a mutant is measured against: the library as it is
        program = out / test
        subprocess.run([*link, "-o", program, *(objects[s] for s in TESTS[test] + sources), "-lpthread"], check=True)
        how = try_program(program, OPS[test] // 4)
        if how:
            print(f"{test} fails without any mutant: {how}")
            return 1

    mutants = [parse(path) for path in sorted((tests / "mutants").glob("*.mutant"))]
    bad = 0
    for mutant in mutants:
        start = time.monotonic()
        result = catch(mutant, root, link, objects, sources, command, out)
        missed = result is None or result[0] == "-"
        bad += missed
        by, how = result or ("-", "SURVIVES")
        print(f"{mutant['name']:24} {by:18} {how} ({time.monotonic() - start:.1f} s)", flush=True)
    print(f"{len(mutants)} mutants, {len(mutants) - bad} caught")
    return 1 if bad or len(mutants) < 10 else 0


if __name__ == "__main__":
    os.environ.pop("METE_MODEL_OPS", None)
    sys.exit(main())
