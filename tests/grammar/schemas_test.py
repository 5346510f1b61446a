"""Our schemas against the Python package jsonschema, in both directions: what a model without sense writes is valid, and a document
matches exactly where it is valid and written the way the grammar writes documents.

  schemas_test.py --tool check_grammar --vocabulary V.gguf
"""
import json
import re
import sys

import jsonschema

import schemas
from grammar_tool import start
from schema_suite_test import as_written

EXPONENT = re.compile(r"^-?\d+(\.\d+)?[eE]")


def is_our_spelling(schema, text):
    """Numbers: free ones may have an exponent; whole ones have no point; zero has no sign."""
    if text == "-0.0" or EXPONENT.match(text):
        return False
    is_whole = json.loads(text) == int(float(text)) and "." in text
    types = schema.get("type", "number") if isinstance(schema, dict) else "number"
    allows_number = "number" in (types if isinstance(types, list) else [types])
    names_values = isinstance(schema, dict) and any(k in schema for k in ("enum", "const", "oneOf", "anyOf", "allOf", "$ref"))
    return not is_whole or (allows_number and not names_values)


def documents(schema):
    root = schema if isinstance(schema, dict) else {}
    for text in schemas.NUMBERS:
        yield text, is_our_spelling(schema, text)
    for value in schemas.TEXTS:
        yield json.dumps(value, ensure_ascii=False), True
    for value in schemas.VALUES:
        yield json.dumps(as_written(root, value, root), ensure_ascii=False), True


def main():
    tool, _ = start(__doc__)
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    faults = []
    written = compared = unfinished = 0
    for number, schema in enumerate(schemas.SCHEMAS):
        validator = jsonschema.Draft202012Validator(schema, format_checker=checker)
        tried = list(documents(schema))
        result = tool.ask(kind="schema", text=json.dumps(schema), open=True, accept=[text for text, _ in tried], write=3, seed=number)
        if "error" in result:
            faults.append(f"{json.dumps(schema)}: {result['error']}")
            continue
        for (text, is_ours), accepted in zip(tried, result["accepted"]):
            compared += 1
            is_valid = validator.is_valid(json.loads(text))
            if accepted and not is_valid:
                faults.append(f"{json.dumps(schema)}: accepts {text}")
            if is_valid and not accepted and is_ours:
                faults.append(f"{json.dumps(schema)}: does not accept {text}")
        for text in result["written"]:
            if text is None:
                unfinished += 1
            elif not validator.is_valid(json.loads(text)):
                faults.append(f"{json.dumps(schema)}: wrote {text}")
            written += 1
    for seed in (1, 2):
        result = tool.ask(kind="tools", text=json.dumps(schemas.TOOLS), write=20, seed=seed)
        parameters = {one["function"]["name"]: one["function"]["parameters"] for one in schemas.TOOLS}
        for text in result["written"]:
            written += 1
            if text is None:
                unfinished += 1
                continue
            call = json.loads(text)
            if sorted(call) != ["arguments", "name"] or (call["name"] != "none" and
                                                         not jsonschema.Draft202012Validator(parameters[call["name"]], format_checker=checker).is_valid(call["arguments"])):
                faults.append(f"tools: wrote {text}")
    for fault in faults[:100]:
        print("FAULT", fault[:600])
    print(f"{len(schemas.SCHEMAS)} schemas, {compared} documents compared, {written} texts written, {unfinished} of them not to the end, {len(faults)} faults")
    return 1 if faults or len(schemas.SCHEMAS) < 300 or unfinished > written / 20 else 0


if __name__ == "__main__":
    sys.exit(main())
