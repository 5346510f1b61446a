"""A validator for the part of JSON Schema that tools.json uses; an unknown keyword is an error, never ignored."""
import re

KNOWN = {"type", "description", "enum", "minimum", "maximum", "minLength", "maxLength", "pattern", "properties", "required", "additionalProperties"}
TYPES = {"object": dict, "string": str, "integer": int, "number": (int, float)}


def problems(schema, value, where="arguments"):
    """What is wrong with `value`, a line each."""
    unknown = set(schema) - KNOWN
    if unknown:
        raise ValueError("%s: keywords %s are not understood" % (where, sorted(unknown)))
    if not isinstance(value, TYPES[schema["type"]]) or isinstance(value, bool):
        return ["%s: %r is no %s" % (where, value, schema["type"])]
    result = []
    if "enum" in schema and value not in schema["enum"]:
        result.append("%s: %r is none of %s" % (where, value, schema["enum"]))
    if "minimum" in schema and value < schema["minimum"] or "maximum" in schema and value > schema["maximum"]:
        result.append("%s: %r is out of range" % (where, value))
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            result.append("%s: length of %r" % (where, value))
        if "pattern" in schema and not re.search(schema["pattern"], value):
            result.append("%s: %r does not match %s" % (where, value, schema["pattern"]))
    if isinstance(value, dict):
        result += ["%s: %s is missing" % (where, key) for key in schema["required"] if key not in value]
        for key, item in value.items():
            if key in schema["properties"]:
                result += problems(schema["properties"][key], item, where + "." + key)
            else:
                result.append("%s: %s is unknown" % (where, key))
    return result
