#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
lint.py NAME ROOT [ARGUMENT...]: one lint over the project at ROOT.  Prints what it found, one line each.
"""
import importlib
import sys


def main(name, *arguments):
    sys.dont_write_bytecode = True
    found = importlib.import_module(name).check(*arguments)
    print("\n".join(found) or f"{name}: nothing found")
    return len(found) != 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
