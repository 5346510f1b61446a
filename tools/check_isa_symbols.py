#!/usr/bin/env python3
"""Checks that no function compiled for one instruction set can become the copy that another CPU runs.

usage: tools/check_isa_symbols.py BUILD_FOLDER

A plain inline function or a template instance is a weak symbol in every object that uses it, and the linker keeps any one
of them. So an object built from *_avx2.cpp or *_avx512_vnni.cpp (and the like) may define weak symbols only where their name
carries that instruction set's tag; everything else in it must be local or the one entry it exports.
"""
import re
import subprocess
import sys
from pathlib import Path

# Suffix of the unit -> what the mangled name of a weak symbol in it must contain.
TAGS = {"avx2": re.compile("avx2", re.I), "avx512_vnni": re.compile("avx512", re.I),
        "avx512_bf16": re.compile("avx512.?bf16", re.I),
        "neon_dotprod": re.compile("neon", re.I), "neon_i8mm": re.compile("neon_?i8mm", re.I)}
UNIT = re.compile(r"_(%s)\.cpp\.o$" % "|".join(TAGS))
# The compiler's own: thunks and references that hold no code of ours.
HARMLESS = re.compile(r"^(DW\.ref\.|__x86\.|__clang_call_terminate$)")


def weak_definitions(path):
    listing = subprocess.run(["nm", "--defined-only", "--format=posix", str(path)], check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        name, kind = line.split()[:2]
        if kind in "WVwvu" and not HARMLESS.match(name):
            yield name


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: check_isa_symbols.py BUILD_FOLDER")
    objects = [path for path in Path(sys.argv[1]).rglob("*.o") if UNIT.search(path.name)]
    if not objects:
        sys.exit(f"check_isa_symbols: no objects of instruction sets under {sys.argv[1]}; build it first")
    faults = 0
    for path in sorted(objects):
        tag = TAGS[UNIT.search(path.name)[1]]
        for name in weak_definitions(path):
            if not tag.search(name):
                readable = subprocess.run(["c++filt", name], capture_output=True, text=True, check=False).stdout.strip()
                print(f"{path.name}: weak symbol without the instruction set's tag: {readable}")
                faults += 1
    print(f"check_isa_symbols: {len(objects)} objects, {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
