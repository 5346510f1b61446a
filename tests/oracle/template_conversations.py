"""Conversations for chat templates: system and none, tools, calls and results, many turns, odd content."""
import copy

TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Current weather in a \"city\"", "parameters": {
        "type": "object", "properties": {"city": {"type": "string", "description": "Ort, z. B. Köln"},
                                          "unit": {"enum": ["C", "F"]}, "days": {"type": "array", "items": {"type": "integer"}}},
        "required": ["city"]}}},
    {"type": "function", "function": {"name": "stop_pump", "description": "Stops <pump> & waits", "parameters": {
        "type": "object", "properties": {"id": {"type": ["integer", "null"]}, "how": {"anyOf": [{"type": "boolean"}, {
            "type": "object", "properties": {"b": {"type": "number"}, "a": {"type": "string"}}}]}}}}},
]
SYSTEM = {"role": "system", "content": "You are terse. /no_think"}
USER = {"role": "user", "content": "How do I bleed the brake?"}
ANSWER = {"role": "assistant", "content": "Open the valve.\n"}
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "abcdefghi", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Köln", "unit": "C", "n": 1.5}}}]}
TWO_CALLS = {"role": "assistant", "content": "Let me see.", "tool_calls": CALL["tool_calls"] + [
    {"id": "123456789", "type": "function", "function": {"name": "stop_pump", "arguments": {"id": 7, "how": True, "x": None}}}]}
RESULT = {"role": "tool", "tool_call_id": "abcdefghi", "content": "{\"temperature\": 21}"}


def user(text):
    return {"role": "user", "content": text}


CONVERSATIONS = {
    "one": [USER],
    "system": [SYSTEM, USER],
    "turns": [USER, ANSWER, user("And then?"), {"role": "assistant", "content": "Close it."}, user("Thanks")],
    "system_turns": [SYSTEM, USER, ANSWER, user("And then?")],
    "answered": [USER, ANSWER],
    "call": [SYSTEM, USER, CALL],
    "result": [USER, CALL, RESULT],
    "results": [SYSTEM, USER, TWO_CALLS, RESULT, {**RESULT, "tool_call_id": "123456789", "content": "stopped"},
                {"role": "assistant", "content": "Done: 21 °C."}, user("Good.")],
    "unicode": [{"role": "system", "content": "Antworte höflich 🙂"}, user("日本語で、お願いします。 \u200d\u00a0é"), {"role": "assistant", "content": "ß→SS 👩‍🔧"}, user("\u2028\t")],
    "empty": [{"role": "system", "content": ""}, user(""), {"role": "assistant", "content": ""}, user("   \n ")],
    "template_like": [user("{{ messages }} {% for x in y %} {# no #} <|im_end|> {{'a'}} \\n"), {"role": "assistant", "content": "%s {0} {"}, user("'\"</think>")],
    "thinking": [USER, {"role": "assistant", "content": "<think>\nhm\n</think>\n\nSo."}, user("Why?"), {"role": "assistant", "reasoning_content": "because", "content": "So."}],
    "system_late": [USER, ANSWER, SYSTEM, user("x")],
    "two_users": [USER, USER],
    "assistant_first": [ANSWER, USER],
    "null_content": [USER, {"role": "assistant", "content": None}, USER],
    "no_content": [USER, {"role": "assistant"}, USER],
    "parts": [user([{"type": "text", "text": " look "}, {"type": "image"}, {"type": "text", "text": "here"}]), ANSWER, USER],
    "unknown_role": [{"role": "critic", "content": "no"}, USER],
    "none": [],
    "tools_in_system": [{**SYSTEM, "tools": "[{\"name\": \"now\"}]"}, USER, {**RESULT, "role": "tool"}],
}
VARIANTS = [
    {"add_generation_prompt": True},
    {"add_generation_prompt": False},
    {"add_generation_prompt": True, "tools": TOOLS},
    {"add_generation_prompt": True, "tools": None, "enable_thinking": False},
    {"add_generation_prompt": False, "tools": TOOLS, "tools_in_user_message": False, "documents": [
        {"title": "Manual of the pump, part 2", "text": "Line one\nline two"}, {"title": "Empty", "text": ""}]},
]


def contexts():
    """(name, context) of every conversation in every variant."""
    for name, messages in CONVERSATIONS.items():
        for i, variant in enumerate(VARIANTS):
            context = {"messages": messages, "bos_token": "<s>", "eos_token": "</s>", **variant}
            yield f"{name}/{i}", copy.deepcopy(context)
