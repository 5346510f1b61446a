"""Schemas of our own, some hundreds, and documents to try on each."""
import itertools


def numbers():
    for low, high in ((None, 7), (-3, None), (0, 0), (-12, 205), (5, 99), (1, 1000000), (-250, -3), (99, 101), (None, -1), (1950, 2050)):
        for exclusive in (False, True):
            schema = {"type": "integer"}
            if low is not None:
                schema["exclusiveMinimum" if exclusive else "minimum"] = low - exclusive
            if high is not None:
                schema["exclusiveMaximum" if exclusive else "maximum"] = high + exclusive
            yield schema
            yield {**schema, "type": "number"}
    for low, high in ((0.5, 2.25), (-0.125, 0.125), (-7.5, -7.25), (0, 1), (0.001, 0.002), (99.5, 1000.25), (-1e3, 1e-3)):
        for a, b in itertools.product(("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            yield {"type": "number", a: low, b: high}
    for multiple in (1, 2, 5, 7, 10, 25, 0.5, 0.25, 2.5):
        yield {"type": "number", "multipleOf": multiple}
        yield {"type": "integer", "multipleOf": multiple, "minimum": -50, "maximum": 500}
    yield {"minimum": 3}
    yield {"type": ["integer", "string"], "maximum": 10, "minLength": 2}
    yield {"type": "number", "not": {"minimum": 0, "maximum": 10}}
    yield {"type": "number", "not": {"enum": [0, 1, 2.5]}}
    yield {"type": "integer", "not": {"multipleOf": 3}}
    yield {"type": "number", "minimum": 1, "exclusiveMinimum": 1, "maximum": 5, "exclusiveMaximum": 9}


def strings():
    # No \\w, whose letters differ, and no text that ends in a line feed, before which Python's $ matches.
    for low, high in itertools.product((0, 1, 2, 5), (None, 2, 5, 40)):
        if high is None or high >= low:
            yield {"type": "string", "minLength": low, **({} if high is None else {"maxLength": high})}
    patterns = ("^a*$", "b", "^[A-Z]{2}\\d{2,4}$", "^(on|off)$", "\\d", "^\\s*[a-z]+\\s*$", "^[^\"]+$", "^\"x\\\\y\"$", "[äöü]", "^.{3}$",
                "^$", "a$", "^-?\\d+(\\.\\d+)?$", "^(a|ab)(c|bcd)?$", "^[\\w.-]+/[\\w.-]+$", "日|本", "^[^a-y]*$", "^(?:x|y){2,3}z?$", "\\\\", "\\n")
    for pattern in patterns:
        yield {"type": "string", "pattern": pattern}
        yield {"type": "string", "pattern": pattern, "maxLength": 6}
        yield {"type": "string", "not": {"pattern": pattern}}
    for name in ("date", "time", "date-time", "duration", "uuid", "email", "hostname", "ipv4", "ipv6", "uri", "uri-reference", "json-pointer"):
        yield {"type": "string", "format": name}
    yield {"type": "string", "pattern": "a", "allOf": [{"pattern": "b"}, {"minLength": 3}]}
    yield {"type": "string", "not": {"enum": ["", "a", "b", "日本"]}}
    yield {"pattern": "^a"}


def choices():
    yield from ({"const": value} for value in (None, True, False, 0, -1, 2.5, "", "a\"b\\c\n", "日本", [], {}, [1, "x", None], {"a": {"b": [1]}}))
    yield {"enum": ["on", "off", 1, 2, None, [1, 2], {"a": 1}]}
    yield {"type": "string", "enum": ["on", "off", 1, None]}
    yield {"enum": [1, 5, 10, 20], "minimum": 5, "maximum": 10}
    yield {"enum": ["a", "ab", "abc"], "minLength": 2}
    yield {"type": ["null", "boolean"]}
    yield {"type": ["string", "null"], "maxLength": 3}
    yield {"type": ["array", "integer"]}
    yield True
    yield {}
    yield {"type": "object"}
    yield {"type": "array"}
    yield {"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 2}, {"type": "null"}]}
    yield {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "integer", "maximum": -5}]}
    yield {"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "array", "items": {"type": "boolean"}}]}
    yield {"oneOf": [{"type": "integer", "maximum": 3}, {"type": "integer", "minimum": 4}]}
    yield {"oneOf": [{"type": "string", "pattern": "^a"}, {"type": "string", "pattern": "^b"}]}
    yield {"oneOf": [{"enum": ["a", 1]}, {"enum": ["b", 2]}]}
    yield {"allOf": [{"type": "integer"}, {"minimum": 3}, {"maximum": 8}]}
    yield {"allOf": [{"type": ["integer", "string", "null"]}, {"type": ["number", "string"]}], "maxLength": 2}
    yield {"not": {"type": "object"}}
    yield {"not": {"type": ["string", "number", "array"]}}
    yield {"not": {"const": None}, "type": ["null", "boolean"]}
    yield {"type": "number", "not": {"not": {"minimum": 4}}}
    yield {"type": ["integer", "null"], "anyOf": [{"minimum": 2}, {"type": "null"}]}


def arrays():
    for low, high, items in itertools.product((None, 0, 1, 2), (None, 1, 3), ({"type": "integer"}, {"enum": ["a", "b"]}, {"type": ["string", "null"]})):
        if low is None or high is None or low <= high:
            yield {"type": "array", "items": items, **({} if low is None else {"minItems": low}), **({} if high is None else {"maxItems": high})}
    yield {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}]}
    yield {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False}
    yield {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": {"type": "null"}, "minItems": 2}
    yield {"type": "array", "items": {"type": "array", "items": {"type": "integer"}, "maxItems": 2}}
    yield {"type": "array", "items": False}
    yield {"type": "array", "maxItems": 1, "uniqueItems": True}
    yield {"items": {"type": "integer"}}
    yield {"type": "array", "allOf": [{"items": {"minimum": 1}}, {"items": {"type": "integer"}}]}


def objects():
    a, b, c = {"type": "integer"}, {"type": "string", "maxLength": 6}, {"enum": ["x", "y", None]}
    for required, extra in itertools.product(([], ["a"], ["b"], ["a", "c"], ["a", "b", "c"]), (None, False, True, {"type": "integer"}, {"type": "string", "maxLength": 2})):
        yield {"type": "object", "properties": {"a": a, "b": b, "c": c}, "required": required, **({} if extra is None else {"additionalProperties": extra})}
    for low, high in ((0, 1), (1, 2), (2, None), (1, 3), (3, 3)):
        yield {"type": "object", "properties": {"a": a, "b": b, "c": c}, "minProperties": low, "additionalProperties": False, **({} if high is None else {"maxProperties": high})}
    yield {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2}
    yield {"type": "object", "patternProperties": {"^[ab]": {"type": "integer"}, "b$": {"minimum": 5}}}
    yield {"type": "object", "patternProperties": {"^[ab]": {"type": "integer"}}, "additionalProperties": False}
    yield {"type": "object", "patternProperties": {"^a": {"type": "integer"}}, "properties": {"a": {"minimum": 2}, "b": {}}, "additionalProperties": {"type": "string"}}
    yield {"type": "object", "propertyNames": {"pattern": "^[a-c]+$"}}
    yield {"type": "object", "propertyNames": {"maxLength": 1}, "properties": {"a": {}, "abc": {}}}
    yield {"type": "object", "required": ["a"], "additionalProperties": {"type": "integer"}}
    yield {"properties": {"a": {"type": "integer"}}, "required": ["a"]}
    yield {"type": "object", "properties": {"a": {"type": "object", "properties": {"b": b}, "required": ["b"]}}, "required": ["a"]}
    yield {"type": "object", "properties": {"a": False, "b": True}}
    yield {"type": "object", "properties": {"a": a, "b": b}, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    yield {"type": "object", "properties": {"a": a, "b": b}, "dependentRequired": {"a": ["b"]}}
    yield {"type": "object", "properties": {"a": a, "b": b}, "dependentSchemas": {"a": {"properties": {"b": {"minLength": 2}}, "required": ["b"]}}}
    yield {"type": "object", "properties": {"a": {"enum": [1, 2]}, "b": {}}, "required": ["a"],
           "if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}, "else": {"properties": {"b": False}}}
    yield {"type": "object", "properties": {"a": a}, "allOf": [{"properties": {"b": b}, "required": ["b"]}], "unevaluatedProperties": False}
    yield {"allOf": [{"type": "object", "properties": {"a": a}, "additionalProperties": False}, {"properties": {"a": {"minimum": 3}, "b": b}}]}
    yield {"type": "object", "properties": {"a": a, "b": b}, "not": {"required": ["a", "b"]}}
    yield {"type": "object", "properties": {"a": a}, "not": {"properties": {"a": {"const": 1}}, "required": ["a"]}}
    yield {"oneOf": [{"type": "object", "properties": {"c": {"const": "x"}, "a": a}, "required": ["c"]},
                     {"type": "object", "properties": {"c": {"const": "y"}, "b": b}, "required": ["c", "b"]}]}


def references():
    node = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}, "required": ["a"]}
    yield {"$ref": "#/$defs/node", "$defs": {"node": node}}
    yield {"type": "array", "items": {"$ref": "#"}}
    yield {"type": "object", "properties": {"a": {"$ref": "#"}}, "additionalProperties": False}
    yield {"$defs": {"x": {"type": "integer"}, "y": {"$ref": "#/$defs/x", "minimum": 3}}, "type": "array", "items": {"$ref": "#/$defs/y"}}
    yield {"definitions": {"x": {"type": "string", "maxLength": 2}}, "anyOf": [{"$ref": "#/definitions/x"}, {"type": "null"}]}
    yield {"$defs": {"here": {"$anchor": "here", "type": "integer"}}, "type": "array", "items": {"$ref": "#here"}, "maxItems": 2}
    yield {"$defs": {"tree": {"type": "object", "properties": {"c": {"type": "array", "items": {"$ref": "#/$defs/tree"}}}, "additionalProperties": False}},
           "$ref": "#/$defs/tree"}
    yield {"$defs": {"a/b~c": {"type": "null"}}, "$ref": "#/$defs/a~1b~0c"}
    yield {"properties": {"a": {"type": "integer"}, "b": {"$ref": "#/properties/a"}}, "type": "object", "required": ["b"]}
    yield {"$defs": {"e": {"anyOf": [{"type": "integer"}, {"type": "array", "prefixItems": [{"enum": ["+", "*"]}, {"$ref": "#/$defs/e"}, {"$ref": "#/$defs/e"}],
                                                          "items": False, "minItems": 3}]}}, "$ref": "#/$defs/e"}


def tool(name, required, /, **properties):
    return {"type": "function", "function": {"name": name, "description": f"To {name.replace('_', ' ')}.",
                                             "parameters": {"type": "object", "properties": properties, "required": required}}}


TEXT = {"type": "string"}
TOOLS = [
    tool("set_temperature", ["zone", "degrees"], zone={"enum": ["oven", "tank", "room"]}, degrees={"type": "number", "minimum": -40, "maximum": 300}),
    tool("start_pump", ["pump"], pump={"type": "integer", "minimum": 1, "maximum": 8}, minutes={"type": "integer", "minimum": 1, "maximum": 240}),
    tool("stop_pump", ["pump"], pump={"type": "integer", "minimum": 1, "maximum": 8}),
    tool("open_valve", ["valve", "percent"], valve={"type": "string", "pattern": "^V-\\d{2}$"}, percent={"type": "integer", "minimum": 0, "maximum": 100}),
    tool("log_note", ["text"], text={"type": "string", "minLength": 1, "maxLength": 200}, tags={"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 5}),
    tool("schedule_service", ["machine", "date"], machine=TEXT, date={"type": "string", "format": "date"}, priority={"enum": ["low", "normal", "high"]}),
    tool("read_sensor", ["sensor"], sensor={"enum": ["pressure", "flow", "level", "vibration"]}, unit={"enum": ["bar", "psi", "l/min", "mm"]}),
    tool("set_speed", ["motor", "rpm"], motor={"type": "string", "maxLength": 12}, rpm={"type": "integer", "minimum": 0, "maximum": 6000, "multipleOf": 10}),
    tool("call_person", ["name"], name=TEXT, number={"type": "string", "pattern": "^\\+?[0-9 ]{5,15}$"}),
    tool("create_ticket", ["title", "severity"], title={"type": "string", "maxLength": 80}, severity={"type": "integer", "minimum": 1, "maximum": 5},
         assignee={"type": ["string", "null"]}, parts={"type": "array", "items": {"type": "object", "properties": {"id": TEXT, "count": {"type": "integer", "minimum": 1}},
                                                                                 "required": ["id", "count"]}}),
    tool("search_manual", ["query"], query=TEXT, machine={"type": ["string", "null"]}, limit={"type": "integer", "minimum": 1, "maximum": 20}),
    tool("set_alarm", ["at"], at={"type": "string", "format": "date-time"}, repeat={"type": "boolean"}),
    tool("toggle_light", ["on"], on={"type": "boolean"}, area={"enum": ["hall", "yard", "cabin"]}),
    tool("calibrate", ["sensor", "points"], sensor=TEXT, points={"type": "array", "items": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
                                                                "minItems": 2, "maxItems": 10}),
    tool("move_axis", ["axis", "by"], axis={"enum": ["x", "y", "z"]}, by={"type": "number", "minimum": -500, "maximum": 500, "multipleOf": 0.5}),
    tool("send_report", ["to"], to={"type": "string", "format": "email"}, period={"enum": ["day", "week", "month"]}),
    tool("lock_out", ["machine", "reason"], machine={"type": "string", "format": "uuid"}, reason={"type": "string", "maxLength": 120}),
    tool("set_recipe", ["steps"], steps={"type": "array", "items": {"anyOf": [
        {"type": "object", "properties": {"do": {"const": "heat"}, "to": {"type": "integer", "minimum": 20, "maximum": 250}}, "required": ["do", "to"]},
        {"type": "object", "properties": {"do": {"const": "wait"}, "minutes": {"type": "integer", "minimum": 1}}, "required": ["do", "minutes"]}]}, "minItems": 1}),
    tool("show_history", [], machine=TEXT, days={"type": "integer", "minimum": 1, "maximum": 90}),
    tool("configure", ["settings"], settings={"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}),
]


def tools():
    for one in TOOLS:
        yield one["function"]["parameters"]


SCHEMAS = [*numbers(), *strings(), *choices(), *arrays(), *objects(), *references(), *tools()]

# Texts of documents, the same for every schema.
NUMBERS = ["0", "-0.0", "1", "-1", "2", "3", "4", "5", "7", "10", "11", "25", "99", "100", "101", "205", "206", "500", "1000000", "1000001", "-3", "-4", "-12", "-13",
           "-250", "-251", "0.5", "0.25", "2.25", "2.250", "2.2501", "2.5", "0.125", "-0.125", "-7.4", "-7.5", "0.001", "0.0015", "0.9999", "1.0", "5.0", "1950", "2051",
           "99.75", "1000.25", "-0.75", "12.5", "1e2", "-1000", "-1000.5"]
TEXTS = ["", "a", "b", "ab", "abc", "aaaa", "abcde", "on", "off", "AB12", "ZZ9999", "AB1", "1", "-1.5", "x y", " x ", "\"x\\y\"", "\"", "\\", "\nx", "ä", "äb", "日本", "日本語",
         "😀", "😀😀😀", "z", "abcd", "acd", "abbcd", "a/b", "text/x-y.z", "xyz", "xxyz", "\né", "2024-02-29", "2023-02-29", "12:30:00Z", "2024-01-01T00:00:00+01:00", "P1D",
         "P1W", "6f1e1a3c-1111-4222-8333-444455556666", "a@b.c", "host", "1.2.3.4", "256.1.1.1", "::1", "http://a.b/c?d#e", "/a/~0", "1#", "V-01"]
VALUES = [None, True, False, [], [1], [1, 2], [1, 2, 3], [1, 2, 3, 4], ["a"], ["a", "b"], ["c"], [None], ["", None], [1, "x"], [1, "x", None], [1, "x", 2], ["x", 1], [[1]], [[1, 2, 3]],
          [[]], [[], [[]]], [True], [0], [3, 5], [2], ["+", 1, ["*", 2, 3]], ["+", 1], [{"a": 1}], {}, {"a": 1}, {"a": 2}, {"a": 3}, {"a": "x"}, {"a": None}, {"b": "x"}, {"b": 5}, {"b": "xxxxxxx"}, {"c": "x"},
          {"c": "z"}, {"c": "y", "b": "q"}, {"c": "x", "a": 1}, {"a": 1, "b": "x"}, {"a": 1, "b": "xy"}, {"a": 1, "c": "y"}, {"a": 1, "c": None}, {"a": 1, "b": "x", "c": "x"}, {"a": 1, "b": "x", "c": 1}, {"d": 1}, {"d": "x"},
          {"a": 1, "d": 2}, {"a": 1, "d": "x"}, {"b": "x", "d": "xyz"}, {"a": 1, "e": 1, "f": 2}, {"ab": 7}, {"ab": 1}, {"abc": 1}, {"a": {"b": "x"}}, {"a": {"b": 1}}, {"a": {}}, {"a": {"a": {}}}, {"a": 1, "b": None},
          {"a": 1, "b": {"a": 2}}, {"a": 1, "b": {"a": 2, "b": {"a": 3, "b": None}}}, {"b": {"a": 1}}, {"c": []}, {"c": [{}, {"c": [{}]}]}, {"c": [1]}, {"a": {"b": [1]}}, {"\"": 1}, {"é": 1},
          {"zone": "oven", "degrees": 20.5}, {"pump": 3}, {"pump": 9}, {"pump": 3, "minutes": 0}, {"valve": "V-07", "percent": 50}, {"on": True, "area": "yard"}, {"axis": "x", "by": -2.5},
          {"steps": [{"do": "heat", "to": 90}, {"do": "wait", "minutes": 5}]}, {"settings": {"a": 1, "b": "x"}}, {"title": "t", "severity": 2, "assignee": None, "parts": [{"id": "p", "count": 1}]}]
