#!/usr/bin/env python3
"""Writes tests/data/templates/*.json: what jinja2, set up as transformers does, makes of templates and conversations.

usage: template_golden.py MODELS     (a folder with <name>/<file>.gguf; needs jinja2 and gguf)

A result is a text, or null where jinja2 refuses. The text of the real models' templates is not stored: the test reads it
from the same file.
"""
import json
import pathlib
import sys

import template_cases
import template_conversations
import template_families
import template_oracle

DATA = pathlib.Path(__file__).parent.parent / "data" / "templates"
REAL = ["smollm2-135m", "qwen2.5-coder-0.5b"]


def model_template(path):
    import gguf

    return gguf.GGUFReader(path).get_field("tokenizer.chat_template").contents()


def write(name, value):
    text = json.dumps(value, ensure_ascii=False, indent=0)
    (DATA / name).write_text(text.replace("\u2028", "\\u2028").replace("\u007f", "\\u007f") + "\n", encoding="utf-8")


def render_all(template):
    return {name: template_oracle.render(template, context) for name, context in template_conversations.contexts()}


def main():
    models = pathlib.Path(sys.argv[1])
    DATA.mkdir(parents=True, exist_ok=True)
    cases = [[case, template_oracle.render(case, template_cases.CONTEXT)] for case in template_cases.cases()]
    write("cases.json", {"context": template_cases.CONTEXT, "cases": cases})
    write("contexts.json", dict(template_conversations.contexts()))
    for name, text in template_families.TEMPLATES.items():
        write(f"family_{name}.json", {"template": text, "rendered": render_all(text)})
    real = {name: render_all(model_template(next((models / name).glob("*.gguf")))) for name in REAL}
    write("real_models.json", real)


if __name__ == "__main__":
    main()
