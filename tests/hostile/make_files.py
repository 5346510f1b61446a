#!/usr/bin/env python3
"""Make the hostile and odd files that the program is held to, with a manifest of what may happen with each.

    python3 tests/hostile/make_files.py FOLDER [--adapters]

Writes FOLDER/<category>/<name>.gguf and FOLDER/manifest.json: a list of {file, category, expect, words, verbs, base}. Needs nothing
but Python; the same files every time. run.py makes them by itself.
"""
import argparse
import json
import os
import re

import adapter_files
import hyperparameter_files
import structure_files
import template_files
import tensor_files
import tokenizer_files
import valid_files

MODULES = (structure_files, hyperparameter_files, tensor_files, tokenizer_files, template_files, valid_files)


def write(path, content):
    if callable(content):
        content(path)
        return
    with open(path, "wb") as out:
        out.write(content)


def make(folder, with_adapters=False):
    """Returns the manifest."""
    manifest, taken = [], set()
    for module in MODULES + ((adapter_files,) if with_adapters else ()):
        for case in module.cases():
            stem = re.sub(r"[^A-Za-z0-9._-]+", "_", case.name)[:80]
            name = next(n for n in (stem, *(f"{stem}~{i}" for i in range(2, 99))) if (case.category, n) not in taken)
            taken.add((case.category, name))
            path = os.path.join(folder, case.category, name + ".gguf")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            write(path, case.content)
            manifest.append({"file": os.path.relpath(path, folder), "category": case.category, "expect": case.expect,
                             "words": list(case.words), "verbs": list(case.verbs)})
    with open(os.path.join(folder, "manifest.json"), "w", encoding="utf-8") as out:
        json.dump(manifest, out, indent=1)
    return manifest


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--adapters", action="store_true", help="LoRA adapters too")
    arguments = parser.parse_args()
    print(len(make(arguments.folder, arguments.adapters)), "files")
