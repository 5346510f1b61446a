// One grammar from a list of tools: the text is a call of one of them, or says that none fits.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "text/grammar.h"

namespace thimble {

// The name of the call that is none; no tool may have it.
inline constexpr const char* kNoTool = "none";

// tools: an array in OpenAI's form, {"type": "function", "function": {"name", "parameters"}}, or of the inner objects. The schema
// of {"name": <tool>, "arguments": <its parameters>}, tools in their order, then with `has_none` {"name": "none", "arguments": {}}. References
// within a tool's parameters lead into these. Throws Error(usage) naming the tool.
nlohmann::ordered_json tool_call_schema(const nlohmann::ordered_json& tools, bool has_none = true);
Grammar compile_tool_calls(const nlohmann::ordered_json& tools, bool has_none = true);

}  // namespace thimble
