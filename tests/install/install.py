#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
install.py ROOT CC... -- CXX...: what is installed is complete and can be used by pkg-config alone.

Configures the project as a packager would (no tests), installs it to a prefix of its own, and then, knowing nothing but
PKG_CONFIG_PATH, builds and runs one program per pkg-config file: a driver for each face, and C++ for the library.
Prints TAP.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

# Program, its language, the pkg-config module it names.
PROGRAMS = [
    ("plain.cc", "C++17", "mete"),
    ("openbsd_driver.c", "C11", "mete-openbsd"),
    ("netbsd_driver.c", "C11", "mete-netbsd"),
    ("freebsd_driver.c", "C11", "mete-freebsd"),
    ("linux_driver.c", "C11", "mete-linux"),
]
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


class Fault(Exception):
    pass


def run(*command, **more):
    done = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)
    if done.returncode:
        raise Fault(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}status {done.returncode}")
    return done.stdout


def install(root, folder, cc, cxx):
    environment = dict(os.environ, CC=" ".join(cc), CXX=" ".join(cxx))
    run("meson", "setup", folder / "build", root, f"--prefix={folder / 'prefix'}", "-Dlibdir=lib", "-Dtests=disabled",
        env=environment)
    run("meson", "install", "-C", folder / "build", env=environment)


def headers_complete(root, prefix):
    """Every header under include/ is there: the core's as mete/x.h, each face's in its own root."""
    for path in sorted((root / "include").rglob("*.h")):
        name = path.relative_to(root / "include")
        installed = prefix / "include" / (name if name.parts[0] == "mete" else pathlib.Path("mete") / name)
        if not installed.exists():
            raise Fault(f"include/{name} is not installed as {installed.relative_to(prefix)}")


def pages_complete(root, prefix):
    for path in sorted((root / "docs/man").glob("*.[1-9]")):
        if not (prefix / "share/man" / f"man{path.suffix[1:]}" / path.name).exists():
            raise Fault(f"docs/man/{path.name} is not installed")


def not_on_default_path(prefix):
    """Who asks for the library alone must not get an operating system's headers in front of the host's."""
    flags = run("pkg-config", "--cflags", "mete", env=dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig")))
    if "compat" in flags or "shim" in flags:
        raise Fault(f"pkg-config --cflags mete says {flags}")


def program(here, prefix, folder, compilers, name, language, module):
    environment = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"))
    flags = run("pkg-config", "--cflags", "--libs", module, env=environment).split()
    target = folder / pathlib.Path(name).stem
    run(*compilers[language], f"-std={language.lower()}", *STRICT, here / name, *flags, "-o", target, cwd=folder)
    run(target, cwd=folder)


def main(root, cc, cxx):
    root = pathlib.Path(root).resolve()
    here = pathlib.Path(__file__).resolve().parent
    nfailed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prefix = folder / "prefix"
        steps = [
            ("it installs", lambda: install(root, folder, cc, cxx)),
            ("every header is installed", lambda: headers_complete(root, prefix)),
            ("every manual page is installed", lambda: pages_complete(root, prefix)),
            ("no native header is on the library's own path", lambda: not_on_default_path(prefix)),
        ]
        for file, language, module in PROGRAMS:
            steps.append((f"{file} builds and runs with pkg-config {module}, as {language}",
                          lambda file=file, language=language, module=module:
                          program(here, prefix, folder, {"C11": cc, "C++17": cxx}, file, language, module)))
        for number, (title, step) in enumerate(steps, 1):
            try:
                step()
                print(f"ok {number} - {title}")
            except (Fault, OSError) as fault:
                nfailed += 1
                print(f"not ok {number} - {title}")
                print("\n".join(f"# {line}" for line in str(fault).splitlines()))
    print(f"1..{len(steps)}")
    return nfailed != 0


if __name__ == "__main__":
    split = sys.argv.index("--")
    sys.exit(main(sys.argv[1], sys.argv[2:split], sys.argv[split + 1:]))
