// What stands inside of a section of calls, read by its form. Nothing here throws on what a model wrote.
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/tool_call_syntax.h"

namespace thimble {

struct ToolCall {
  std::string name;
  nlohmann::ordered_json arguments;  // an object
  std::string id;                    // empty where the model gave none
  bool operator==(const ToolCall&) const = default;
};

enum class CallsVerdict : uint8_t { calls, cut_off, malformed };

struct CallsRead {
  CallsVerdict verdict = CallsVerdict::malformed;
  std::vector<ToolCall> calls;
  size_t end = 0;  // where in the body the last call ends
};

constexpr size_t kMaxCalls = 128;      // of one section
constexpr size_t kMaxNameBytes = 256;  // of a tool

// Reads the calls in `body`, the text between a section's tags. `tools`: the array of tools in OpenAI's form, or null; it
// tells the types of arguments that are written without, and the names of those given by place.
CallsRead read_calls(const CallSection& section, std::string_view body, const nlohmann::ordered_json& tools);

// Whether `body` may become, with more text behind it, what a tentative section holds.
bool may_become_calls(const CallSection& section, std::string_view body);

}  // namespace thimble
