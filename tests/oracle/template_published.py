#!/usr/bin/env python3
"""Writes tests/data/templates/published.json: digests of what jinja2, set up as transformers does, makes of published templates.

usage: template_published.py FOLDER [NAME CONVERSATION VARIANT]   (FOLDER as `tools/fetch_model.py templates` fills it; needs jinja2)

The texts of the templates are not stored, nor are the results: a template has two hexadecimal digits a context ("--" where
jinja2 refuses) in the order of the grid, and a checksum over all of them. With NAME, CONVERSATION and VARIANT the one result is
printed instead. The grid is every conversation in every variant; the test makes the same contexts from the same two lists.
"""
import copy
import json
import pathlib
import sys
import zlib

import template_conversations as basic
import template_oracle

DATA = pathlib.Path(__file__).parent.parent / "data" / "templates"
BASE = {"bos_token": "<s>", "eos_token": "</s>", "additional_special_tokens": [f"<a{i}>" for i in range(12)]}

TOOLS = basic.TOOLS + [
    {"type": "function", "function": {"name": "search_manual", "description": "Searches.\nReturns <= 3 pages é", "parameters": {
        "type": "object", "additionalProperties": False, "required": ["query", "where"], "properties": {
            "query": {"type": "string", "description": "words", "default": "pump"},
            "where": {"type": "object", "description": "place", "required": ["chapter"], "properties": {
                "chapter": {"type": "integer", "minimum": 1}, "kind": {"type": "string", "enum": ["text", "table", "日本"]},
                "pages": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}}},
            "limit": {"type": ["integer", "null"], "description": "optional", "default": None},
            "exact": {"type": "boolean"}, "score": {"type": "number", "default": 0.5},
            "any": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/x"}]}},
        "$defs": {"x": {"oneOf": [{"const": 1}, {"type": "null"}]}}},
        "return": {"type": "string", "description": "pages"}}},
    {"type": "function", "function": {"name": "now", "description": "No parameters", "parameters": {"type": "object", "properties": {}}}},
]


def call(name, arguments, content="", identity="a1b2c3d4e", **more):
    return {"role": "assistant", "content": content, "tool_calls": [
        {"id": identity, "type": "function", "function": {"name": name, "arguments": arguments}}], **more}


def result(content, identity="a1b2c3d4e", **more):
    return {"role": "tool", "tool_call_id": identity, "content": content, **more}


USER = basic.USER
NESTED = {"query": "a \"b\" \\ \n c", "where": {"chapter": 3, "kind": "日本", "pages": [[1, 2], []]}, "limit": None, "exact": False,
          "score": -0.25, "any": {}}
PARTS = [{"type": "text", "text": "first"}, {"type": "text", "text": " second"}]
CONVERSATIONS = {
    **basic.CONVERSATIONS,
    "call_string_arguments": [USER, call("get_weather", "{\"city\": \"Köln\", \"days\": [1, 2]}"), result("21")],
    "call_null_content": [USER, call("get_weather", {"city": "Köln"}, None), result("21"), basic.ANSWER, basic.user("And now?")],
    "call_nested": [basic.SYSTEM, USER, call("search_manual", NESTED, "I search."), result("{\"pages\": []}", name="search_manual")],
    "call_no_arguments": [USER, call("now", {}), result("12:00"), call("now", {}), result("12:01"), {"role": "assistant", "content": "Noon."}],
    "call_thought": [USER, call("now", {}, "", reasoning_content="I need the time."), result("12:00")],
    "call_thinking": [USER, call("now", {}, "", thinking="I need the time."), result("12:00"), {"role": "assistant", "content": "Noon.", "thinking": "ok"}],
    "call_with_think_tag": [USER, call("now", {}, "<think>\nI need it.\n</think>\n\nOne moment."), result("12:00"), basic.user("ok")],
    "call_last": [basic.SYSTEM, USER, call("stop_pump", {"id": -7, "how": {"b": 1e-7, "a": "</tool_call>"}})],
    "ipython": [USER, call("get_weather", {"city": "x"}), {"role": "ipython", "content": "21"}, basic.ANSWER],
    "result_object": [USER, call("get_weather", {"city": "x"}), result({"temperature": 21.5, "unit": "°C"}), basic.ANSWER, USER],
    "result_parts": [USER, call("get_weather", {"city": "x"}), result(PARTS), basic.ANSWER, USER],
    "result_output": [USER, call("get_weather", {"city": "x"}), result({"output": "21"}, name="get_weather")],
    "function_call": [USER, {"role": "assistant", "content": "", "function_call": {"name": "now", "arguments": {}}}, {"role": "function", "name": "now", "content": "12"}],
    "text_parts": [{"role": "system", "content": PARTS}, {"role": "user", "content": PARTS}, {"role": "assistant", "content": PARTS}, USER],
    "parts_turns": [{"role": "user", "content": PARTS}, {"role": "assistant", "content": PARTS}, {"role": "user", "content": PARTS}],
    "images": [{"role": "user", "content": [{"type": "image", "image": "x.png"}, {"type": "text", "text": "what?"}]}, basic.ANSWER],
    "long": [m for i in range(6) for m in (basic.user(f"question {i}"), {"role": "assistant", "content": f"answer {i} " * 5})] + [basic.user("last")],
    "thoughts": [USER, {"role": "assistant", "content": "<think>a</think>b"}, USER, {"role": "assistant", "content": "b", "reasoning_content": "\nhm\n"}, USER],
    "developer": [{"role": "developer", "content": "Be exact."}, USER],
    "prefilled": [USER, {"role": "assistant", "content": "The answer is", "prefix": True}],
    "content_number": [basic.user(5), basic.ANSWER, USER],
    "flags": [{"role": "system", "content": "Mind the valve. /think"}, basic.user("Go /no_think"), {"role": "assistant", "content": ""}, basic.user(" x ")],
}
DOCUMENTS = [{"title": "Manual, part 2", "text": "Line one\nline two", "doc_id": 1, "contents": "x"}, {"title": "Empty", "text": "", "doc_id": 2}]
VARIANTS = [
    {"add_generation_prompt": True},
    {"add_generation_prompt": False},
    {"add_generation_prompt": True, "tools": TOOLS},
    {"add_generation_prompt": False, "tools": TOOLS[1:3]},
    {"add_generation_prompt": True, "tools": None, "enable_thinking": False},
    {"add_generation_prompt": True, "tools": TOOLS[:1], "enable_thinking": True, "thinking": True},
    {"add_generation_prompt": True, "tools": TOOLS, "enable_thinking": False, "thinking": False, "reasoning_effort": "low",
     "functions": "[{}]", "datetime": "now"},
    {"add_generation_prompt": True, "tools": TOOLS, "tools_in_user_message": False, "date_string": "12 Aug 2025", "documents": DOCUMENTS,
     "available_tools": TOOLS[:1], "custom_tools": TOOLS[:2], "add_default_parameters": True},
    {"add_generation_prompt": True, "tools": [], "documents": DOCUMENTS, "controls": {"length": "short", "originality": "abstract"},
     "xml_tools": [TOOLS[0]["function"]], "python_tools": ["def f(x):"], "builtin_tools": ["browser", "python"],
     "reasoning_effort": "high", "preserve_thinking": True, "clear_thinking": False, "keep_past_thinking": True,
     "model_identity": "You are Thimble.", "custom_instructions": "short", "add_vision_id": True, "safety_mode": "STRICT",
     "functions": "[]", "datetime": "2024-07-26"},
]


def contexts():
    """(conversation, index of the variant, context) in the order of the digests."""
    for name, messages in CONVERSATIONS.items():
        for i, variant in enumerate(VARIANTS):
            yield name, i, {**BASE, "messages": copy.deepcopy(messages), **copy.deepcopy(variant)}


def digests(template):
    try:
        compiled = template_oracle.ENVIRONMENT.from_string(template)
    except Exception:  # refused as a whole
        return None
    whole, each = 0, ""
    for _, _, context in contexts():
        text = template_oracle.render(compiled, context)
        if text is None:
            whole, each = zlib.crc32(b"refused", whole), each + "--"
            continue
        whole = zlib.crc32(text.encode(), whole)
        each += f"{zlib.crc32(text.encode()) & 0xFF:02x}"
    return {"whole": f"{whole:08x}", "each": each}


def main():
    paths = sorted(pathlib.Path(sys.argv[1]).glob("*.jinja"))
    if len(sys.argv) > 2:
        name, conversation, variant = sys.argv[2:]
        template = (pathlib.Path(sys.argv[1]) / f"{name}.jinja").read_bytes().decode()
        print(next(template_oracle.render(template, c) for n, i, c in contexts() if (n, i) == (conversation, int(variant))))
        return
    templates = {path.stem: digests(path.read_bytes().decode()) for path in paths}
    grid = {"base": BASE, "conversations": CONVERSATIONS, "variants": VARIANTS}
    text = json.dumps({**grid, "templates": templates}, ensure_ascii=False, indent=0)
    (DATA / "published.json").write_text(text.replace("\u2028", "\\u2028") + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
