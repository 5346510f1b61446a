// The tools that a model may call, as a file lists them: an array in OpenAI's form, {"type": "function", "function": {"name",
// "description", "parameters", "x-confirm"}}, or of what is under "function" alone.
#pragma once

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/grammar.h"

namespace thimble {

struct Tool {
  std::string name;
  std::string description;            // empty where there is none
  nlohmann::ordered_json parameters;  // a JSON schema; of no arguments where the tool has none
  bool confirm = false;               // "x-confirm": a person has to confirm the call
};

class ToolList {
 public:
  static constexpr size_t kMostTools = 1000;

  // `source` (the file) stands in front of messages. Throws Error(bad_file) for what is no JSON in UTF-8, no such array or empty, for
  // names that are empty, taken or kNoTool, and for schemas that cannot be honoured, with the tool and the path in its parameters.
  static ToolList parse(std::string_view text, const std::string& source);

  const std::vector<Tool>& tools() const { return tools_; }
  const Tool* find(std::string_view name) const;  // nullptr where there is none
  // Of all tools' calls (compile_tool_calls).
  const std::shared_ptr<const Grammar>& grammar() const { return grammar_; }
  // Of some of them, by index.
  std::shared_ptr<const Grammar> grammar_of(const std::vector<size_t>& indices) const;

  // A call as the grammar spells it: `{"name": "x", "arguments": {"a": 1}}`, arguments in the order of the tool's schema. An empty
  // `name` is the call of none. What the schema does not list comes last.
  std::string spell_call(std::string_view name, const nlohmann::ordered_json& arguments) const;

 private:
  std::vector<Tool> tools_;
  std::shared_ptr<const Grammar> grammar_;
};

// JSON on one line with one space after commas and colons, as grammars made from schemas spell it; numbers without exponents where
// a point will do.
std::string spaced_json(const nlohmann::ordered_json& value);

}  // namespace thimble
