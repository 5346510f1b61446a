// Between JSON and values: the context on its way in, and Python's json.dumps on the way out.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

#include "text/jinja_runtime.h"
#include "text/jinja_value.h"

namespace thimble::jinja {

// Text is not copied where it is valid UTF-8: `json` outlives the runtime. Integers above 2^63 - 1 become doubles.
Value from_json(Runtime& runtime, const nlohmann::ordered_json& json);

struct JsonStyle {
  bool ascii_only = false;
  bool sort_keys = false;
  bool multi_line = false;
  std::string indent{};  // of one level, where multi_line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
// Throws Fault for what json.dumps refuses.
std::string to_json(Runtime& runtime, const Value& value, const JsonStyle& style);

}  // namespace thimble::jinja
