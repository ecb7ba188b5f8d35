#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
demo_cases.py DEMO: the demo program on files of all kinds, as a user would run it.

Each case is a file, options and an environment, and what must come of them: the exit status and a text in the output.
Prints TAP; where QEMU is missing, the cases that need it say so and count as passed unless METE_NO_SKIP is set.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib

BLOCK = 512


def run(demo, *arguments, cwd=None, **environment):
    environment = {**os.environ, **environment}
    done = subprocess.run([demo, *arguments], capture_output=True, cwd=cwd, env=environment, timeout=120)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def reads_well(demo, folder, rig, name, content):
    """All bytes arrive, and the checksum printed is the one that other programs compute."""
    with open(os.path.join(os.fsencode(folder), name), "wb") as f:
        f.write(content)
    status, text = run(demo, "--rig", rig, "--", name, cwd=folder)
    blocks = max(1, -(-len(content) // BLOCK))
    wanted = ["equal        yes", "still held   0", f"namespace    {blocks} blocks",
              f"{zlib.crc32(content):08x} from the device"]
    missing = [w for w in wanted if w not in text]
    return [] if status == 0 and not missing else [f"status {status}, without {missing}", text]


def refuses(demo, want, word, *arguments, **environment):
    status, text = run(demo, *arguments, **environment)
    return [] if status == want and word in text else [f"status {status}, and not {want} with {word!r}", text]


def falls_back(demo, path):
    """Without QEMU: one line that says so, and the same result from the simulated machine."""
    status, text = run(demo, path, METE_QEMU="/nonexistent/qemu")
    lines = [line for line in text.splitlines() if "qemu-system-x86" in line]
    good = status == 0 and len(lines) == 1 and "machine      sim" in text and "equal        yes" in text
    return [] if good else [f"status {status}", text]


def notices_death(demo, path):
    """QEMU is killed while it serves a large file: an error soon, and its reason."""
    demo_process = subprocess.Popen([demo, "--rig", "qemu", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    children = f"/proc/{demo_process.pid}/task/{demo_process.pid}/children"
    deadline = time.monotonic() + 10
    victims = []
    while not victims and time.monotonic() < deadline and demo_process.poll() is None:
        victims = pathlib.Path(children).read_text().split()
    time.sleep(0.3)
    for victim in victims:
        os.kill(int(victim), signal.SIGKILL)
    text = demo_process.communicate(timeout=20)[0].decode(errors="replace")
    good = victims and demo_process.returncode == 1 and "signal 9" in text
    return [] if good else [f"status {demo_process.returncode}, killed {victims}", text]


def cases(demo, folder, rig):
    random.seed(2026)
    for length in (0, 1, 511, 512, 513, 4095, 4097, (4 << 20) + 1, (9 << 20) + 777):
        yield f"{length} bytes", lambda n=length: reads_well(demo, folder, rig, b"plain", random.randbytes(n))
    for name in (b"a,b=c", b'quo"te', b"back\\slash", b"new\nline", b"100%s", b"\xff\xfe no UTF-8", b"-dash", b"file:x"):
        yield f"a file named {name}", lambda n=name: reads_well(demo, folder, rig, n, random.randbytes(3000))


def cases_once(demo, folder):
    path = os.path.join(folder, "plain")
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    yield "a missing file", lambda: refuses(demo, 2, "No such file", path + ".not")
    yield "a directory", lambda: refuses(demo, 2, "not a regular file", folder)
    yield "a FIFO", lambda: refuses(demo, 2, "not a regular file", fifo)
    yield "a file of /proc", lambda: refuses(demo, 2, "longer than it says", "/proc/self/status")
    yield "an unknown option", lambda: refuses(demo, 2, "usage", "--what")
    yield "an unknown rig", lambda: refuses(demo, 2, "usage", "--rig", "vax")
    yield "two files", lambda: refuses(demo, 2, "usage", path, path)
    yield "a full standard output", lambda: full_output(demo, path)
    yield "QEMU asked for, but missing", lambda: refuses(demo, 1, "qemu-system-x86", "--rig", "qemu", path,
                                                         METE_QEMU="/nonexistent/qemu")
    yield "no QEMU", lambda: falls_back(demo, path)


def full_output(demo, path):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([demo, "--rig", "sim", path], stdout=full, stderr=subprocess.PIPE, timeout=60)
    return [] if done.returncode == 1 and b"standard output" in done.stderr else [f"status {done.returncode}"]


def large_case(demo, folder):
    large = os.path.join(folder, "large")
    with open(large, "wb") as f:
        f.truncate(8 << 30)  # a hole: no disk is used, and reading all of it would take a while
    yield "QEMU killed in the middle", lambda: notices_death(demo, large)


def main(demo):
    demo = os.path.abspath(demo)
    qemu = shutil.which(os.environ.get("METE_QEMU") or "qemu-system-x86_64")
    failures = number = 0
    with tempfile.TemporaryDirectory() as folder:
        groups = [("sim", cases(demo, folder, "sim"), True), ("once", cases_once(demo, folder), True),
                  ("qemu", cases(demo, folder, "qemu"), qemu), ("qemu", large_case(demo, folder), qemu)]
        for group, list_of, possible in groups:
            for name, case in list_of:
                number += 1
                found = case() if possible else ["QEMU is not installed"] if os.environ.get("METE_NO_SKIP") else []
                failures += bool(found)
                skip = "" if possible else " # SKIP no QEMU"
                print(f"{'not ' if found else ''}ok {number} - {group}: {name}{skip}")
                print("".join(f"# {line}\n" for part in found for line in part.splitlines()), end="", flush=True)
    print(f"1..{number}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
