#!/usr/bin/env python3
"""Compares our renderer with jinja2, on the committed cases or on random templates.

usage: template_differential.py TEST_TEXT cases
       template_differential.py TEST_TEXT random SECONDS [SEED]

TEST_TEXT is the test executable of src/text; its ChatTemplateBatch test renders what this script writes.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import template_cases
import template_grammar
import template_oracle

BATCH = 2000


def render(executable, templates):
    """Our text (None where refused) and error for each template."""
    with tempfile.TemporaryDirectory() as folder:
        batch = pathlib.Path(folder) / "batch.json"
        batch.write_text(json.dumps({"context": template_cases.CONTEXT, "templates": templates}), encoding="utf-8")
        subprocess.run([executable, "--gtest_filter=ChatTemplateBatch.*"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "THIMBLE_TEMPLATE_BATCH": str(batch)})
        return json.loads((pathlib.Path(folder) / "batch.json.out").read_text(encoding="utf-8"))


def compare(executable, templates):
    failed = 0
    for template, answer in zip(templates, render(executable, templates), strict=True):
        expected = template_oracle.render(template, template_cases.CONTEXT)
        if answer["text"] != expected:
            failed += 1
            print(f"template {template!r}\n  jinja2 {expected!r}\n  ours   {answer['text']!r} {answer['error']}")
    return failed


def main():
    total = failed = 0
    if sys.argv[2] == "cases":
        templates = list(template_cases.cases())
        total, failed = len(templates), compare(sys.argv[1], templates)
    else:
        seed = int(sys.argv[4]) if len(sys.argv) > 4 else 0
        end = time.monotonic() + float(sys.argv[3])
        while time.monotonic() < end:
            templates = [template_grammar.template(seed + total + i) for i in range(BATCH)]
            failed += compare(sys.argv[1], templates)
            total += len(templates)
    print(f"{total} templates, {failed} differ")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
