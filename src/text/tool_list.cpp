#include "text/tool_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "text/json_schema.h"
#include "text/tool_grammar.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

const Json& function_of(const Json& tool) {
  return tool.is_object() && tool.contains("function") ? tool["function"] : tool;
}

std::string text_of(const Json& object, const char* key, const std::string& place) {
  if (!object.contains(key)) return {};
  if (!object[key].is_string()) {
    fail(ExitCode::bad_file, "{}: \"{}\" is a string, found {}", place, key, object[key].type_name());
  }
  return object[key];
}

Tool read_tool(const Json& given, const std::string& place) {
  const Json& function = function_of(given);
  if (!function.is_object()) fail(ExitCode::bad_file, "{}: expected an object, found {}", place, function.type_name());
  Tool tool;
  tool.name = text_of(function, "name", place);
  if (tool.name.empty()) fail(ExitCode::bad_file, "{}: a tool needs a \"name\"", place);
  tool.description = text_of(function, "description", place);
  tool.parameters = {{"type", "object"}, {"properties", Json::object()}};
  if (function.contains("parameters") && !function["parameters"].is_null()) tool.parameters = function["parameters"];
  if (function.contains("x-confirm")) {
    const Json& mark = function["x-confirm"];
    if (!mark.is_boolean())
      fail(ExitCode::bad_file, "{}: \"x-confirm\" is true or false, found {}", place, mark.type_name());
    tool.confirm = mark.get<bool>();
  }
  return tool;
}

Json listed(const Tool& tool) { return {{"name", tool.name}, {"parameters", tool.parameters}}; }

std::shared_ptr<const Grammar> compile(const std::vector<const Tool*>& tools) {
  Json list = Json::array();
  for (const Tool* tool : tools) list.push_back(listed(*tool));
  return std::make_shared<const Grammar>(compile_tool_calls(list));
}

// Which tool cannot be honoured is found by trying each alone; where none is, it is all of them together.
std::shared_ptr<const Grammar> compile_or_blame(const std::vector<const Tool*>& tools, const std::string& source) {
  try {
    return compile(tools);
  } catch (const Error& together) {
    for (const Tool* tool : tools) {
      try {
        compile_json_schema(tool->parameters);
      } catch (const Error& error) {
        fail(ExitCode::bad_file, "{}: tool '{}': parameters: {}", printable(source), printable(tool->name, 60),
             error.what());
      }
    }
    fail(ExitCode::bad_file, "{}: {}", printable(source), together.what());
  }
}

// What a reference within `root` leads to, over some steps; the schema itself where there is none.
const Json& resolved(const Json& root, const Json& schema) {
  constexpr size_t kMostSteps = 8;
  const Json* at = &schema;
  for (size_t step = 0; step < kMostSteps && at->is_object() && at->contains("$ref"); ++step) {
    const Json& reference = (*at)["$ref"];
    if (!reference.is_string() || !reference.get_ref<const std::string&>().starts_with("#/")) break;
    try {
      at = &root.at(Json::json_pointer(reference.get_ref<const std::string&>().substr(1)));
    } catch (const nlohmann::json::exception&) {
      break;  // an anchor, or escapes that are none
    }
  }
  return *at;
}

Json in_order_of(const Json& root, const Json& given, const Json& value) {
  const Json& schema = resolved(root, given);
  if (!value.is_object() || !schema.is_object() || !schema.contains("properties") ||
      !schema["properties"].is_object()) {
    return value;
  }
  const Json& properties = schema["properties"];
  Json ordered = Json::object();
  for (const auto& [key, child] : properties.items()) {
    if (value.contains(key)) ordered[key] = in_order_of(root, child, value[key]);
  }
  for (const auto& [key, child] : value.items()) {
    if (!properties.contains(key)) ordered[key] = child;
  }
  return ordered;
}

std::string spelled_number(const Json& value) {
  const std::string text = value.dump();
  if (text.find('e') == text.npos || std::abs(value.get<double>()) >= 1e20) return text;
  std::string plain = fmt::format("{:.20f}", value.get<double>());
  while (plain.ends_with('0')) plain.pop_back();
  if (plain.ends_with('.')) plain += '0';
  return plain;
}

void write_spaced(const Json& value, std::string& out) {
  if (value.is_number_float()) {
    out += spelled_number(value);
  } else if (!value.is_structured()) {
    out += value.dump(-1, ' ', false, Json::error_handler_t::replace);
  } else {
    out += value.is_object() ? '{' : '[';
    bool is_first = true;
    for (const auto& [key, child] : value.items()) {
      if (!is_first) out += ", ";
      is_first = false;
      if (value.is_object()) out += Json(key).dump(-1, ' ', false, Json::error_handler_t::replace) + ": ";
      write_spaced(child, out);
    }
    out += value.is_object() ? '}' : ']';
  }
}

}  // namespace

ToolList ToolList::parse(std::string_view text, const std::string& source) {
  const std::string name = printable(source);
  if (!is_valid_utf8(text)) fail(ExitCode::bad_file, "{}: tools are JSON in UTF-8, found other bytes", name);
  const Json list = [&] {
    try {
      return parse_schema_text(text, name);
    } catch (const Error& error) {
      throw Error(ExitCode::bad_file, error.what());
    }
  }();
  if (!list.is_array()) fail(ExitCode::bad_file, "{}: tools are a JSON array, found {}", name, list.type_name());
  if (list.empty()) fail(ExitCode::bad_file, "{}: there is no tool in it", name);
  if (list.size() > kMostTools) {
    fail(ExitCode::bad_file, "{}: {} tools, at most {} are taken", name, list.size(), kMostTools);
  }
  ToolList tools;
  std::set<std::string> names;
  for (const Json& given : list) {
    Tool tool = read_tool(given, fmt::format("{}: tool {}", name, tools.tools_.size() + 1));
    if (tool.name == kNoTool) {
      fail(ExitCode::bad_file, "{}: no tool may be named '{}': it stands for the call of none", name, kNoTool);
    }
    if (!names.insert(tool.name).second) {
      fail(ExitCode::bad_file, "{}: two tools are named '{}'", name, printable(tool.name, 60));
    }
    tools.tools_.push_back(std::move(tool));
  }
  std::vector<const Tool*> all;
  for (const Tool& tool : tools.tools_) all.push_back(&tool);
  tools.grammar_ = compile_or_blame(all, source);
  return tools;
}

const Tool* ToolList::find(std::string_view name) const {
  const auto found = std::ranges::find(tools_, name, &Tool::name);
  return found == tools_.end() ? nullptr : &*found;
}

std::shared_ptr<const Grammar> ToolList::grammar_of(const std::vector<size_t>& indices) const {
  std::vector<const Tool*> some;
  for (const size_t index : indices) some.push_back(&tools_[index]);
  return compile(some);
}

std::string ToolList::spell_call(std::string_view name, const Json& arguments) const {
  const Tool* tool = find(name);
  const Json ordered = tool != nullptr ? in_order_of(tool->parameters, tool->parameters, arguments) : arguments;
  return spaced_json({{"name", name.empty() ? kNoTool : std::string(name)}, {"arguments", ordered}});
}

std::string spaced_json(const Json& value) {
  std::string out;
  write_spaced(value, out);
  return out;
}

}  // namespace thimble
