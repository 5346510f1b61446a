"""Schemas against the Python package jsonschema, in both directions: what a model without sense writes under a schema is valid, and of
the documents of the draft 2020-12 test suite none matches that is not valid (-v lists the rest).

  schema_suite_test.py --tool check_grammar --vocabulary V.gguf --suite FOLDER

FOLDER holds the suite's draft2020-12/*.json; it is read, never copied (the source package of jsonschema has it under json/tests).
"""
import json
import os
import sys

import jsonschema

from grammar_tool import start


def as_written(schema, value, root):
    """The document with its properties in the schema's order, where that is easy to see."""
    if isinstance(value, list):
        return [as_written({}, v, root) for v in value]
    if not isinstance(value, dict):
        return value
    order = []
    seen = 0
    stack = [schema]
    while stack and seen < 1000:
        at = stack.pop(0)
        seen += 1
        if not isinstance(at, dict):
            continue
        order += list(at.get("properties", {}))
        order += list(at.get("required", []))
        for key in ("allOf", "anyOf", "oneOf"):
            stack += at.get(key, [])
        if str(at.get("$ref", "")).startswith("#/"):
            target = root
            for part in at["$ref"][2:].split("/"):
                part = part.replace("~1", "/").replace("~0", "~")
                target = target.get(part, {}) if isinstance(target, dict) else {}
            stack.append(target)
    rank = {}
    for name in order:
        rank.setdefault(name, len(rank))
    return {k: value[k] for k in sorted(value, key=lambda k: rank.get(k, len(rank)))}


def main():
    tool, a = start(__doc__, "--suite")
    figures = dict(schemas=0, refused=0, agreed=0, narrower=0, false_accepts=0, written=0, unfinished=0)
    faults = []
    refusals = {}
    for name in sorted(os.listdir(a.suite)):
        if not name.endswith(".json"):
            continue
        with open(os.path.join(a.suite, name), encoding="utf-8") as file:
            groups = json.load(file)
        for group in groups:
            schema = group["schema"]
            figures["schemas"] += 1
            texts = [json.dumps(as_written(schema, t["data"], schema), ensure_ascii=False) for t in group["tests"]]
            result = tool.ask(kind="schema", text=json.dumps(schema), open=True, accept=texts, write=2, seed=7)
            where = f"{name}: {group['description']}"
            if "error" in result:
                figures["refused"] += 1
                refusals.setdefault(result["error"][:150], []).append(where)
                continue
            for test, text, accepted in zip(group["tests"], texts, result["accepted"]):
                if accepted == test["valid"]:
                    figures["agreed"] += 1
                elif accepted:
                    figures["false_accepts"] += 1
                    faults.append(f"{where}: accepts {text} ({test['description']})")
                else:
                    figures["narrower"] += 1
                    if a.v:
                        print(f"narrower {where}: {text} ({test['description']})")
            validator = jsonschema.Draft202012Validator(schema)
            for text in result["written"]:
                if text is None:
                    figures["unfinished"] += 1
                    continue
                figures["written"] += 1
                try:
                    if not validator.is_valid(json.loads(text)):
                        faults.append(f"{where}: wrote {text}")
                except Exception as error:
                    faults.append(f"{where}: wrote {text}: {type(error).__name__} {error}")
    if a.v:
        for message, places in sorted(refusals.items()):
            print(f"refused {message}: {places}")
    for fault in faults:
        print("FAULT", fault[:400])
    print(figures)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
