#!/usr/bin/env python3
"""The source files of Python's standard library as plain text, in a fixed split: a text that is no handbook.

Writes FOLDER/python_train.txt (whole files, for training a small model) and FOLDER/python_held_out.txt (the beginning of
each held-out file, for judging a quantized model on a kind of text that it was never calibrated on). The library is that of
the interpreter that runs the script, on Debian the packages libpython3.N-minimal and libpython3.N-stdlib; the same version
gives the same bytes. A file goes by its path alone, so the split does not move when files come or go: one in four is held
out. The order is that of the hash too: neighbours in a package do not follow each other.
"""
import hashlib
import sys
import sysconfig
from pathlib import Path

from handbook_text import write_parts

SOURCE = Path(sysconfig.get_path("stdlib"))
TEXTS = ("python_train.txt", "python_held_out.txt")
# Tests, tables of characters and generated text; what comes from other packages or differs from one machine to the next.
SKIPPED_FOLDERS = {"__pycache__", "test", "tests", "encodings", "pydoc_data", "dist-packages", "site-packages", "distutils",
                   "ensurepip", "idlelib", "lib2to3", "tkinter", "turtledemo"}
SKIPPED_FILES = {"sitecustomize.py"}
SKIPPED_BEGINNINGS = ("_sysconfigdata", "config-")
HELD_OUT_CHARACTERS = 6000  # of each held-out file, so that many files come into a short run
MINIMUM_CHARACTERS = 1000   # shorter files hold little but imports


def is_wanted(path):
    parts = path.parts
    return not (SKIPPED_FOLDERS & set(parts) or parts[-1] in SKIPPED_FILES
                or any(part.startswith(SKIPPED_BEGINNINGS) for part in parts))


def path_hash(path):
    return hashlib.sha256(path.as_posix().encode()).digest()


def beginning(text, characters):
    """At most `characters` of `text`, whole lines."""
    if len(text) <= characters:
        return text
    return text[:text.rindex("\n", 0, characters) + 1]


def write_texts(folder, source=SOURCE):
    """Makes both texts in `folder` and returns it."""
    texts = {name: [] for name in TEXTS}
    paths = (path.relative_to(source) for path in source.rglob("*.py"))
    for path in sorted(filter(is_wanted, paths), key=path_hash):
        text = (source / path).read_text(encoding="utf-8", errors="replace")
        if len(text) < MINIMUM_CHARACTERS:
            continue
        is_held_out = path_hash(path)[0] % 4 == 0
        texts[TEXTS[is_held_out]].append(beginning(text, HELD_OUT_CHARACTERS) if is_held_out else text)
    return write_parts(folder, texts)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python_text.py FOLDER")
    print(write_texts(Path(sys.argv[1])))
