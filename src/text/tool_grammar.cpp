#include "text/tool_grammar.h"

#include <set>
#include <string_view>

#include "base/error.h"
#include "text/json_schema.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

Json call_schema(Json name, Json arguments) {
  Json properties = {{"name", {{"const", std::move(name)}}}, {"arguments", std::move(arguments)}};
  return {{"type", "object"},
          {"properties", std::move(properties)},
          {"required", {"name", "arguments"}},
          {"additionalProperties", false}};
}

// References that start at the root of the parameters start at `place` now. Values that are no schemas stay.
void move_references(Json& schema, const std::string& place) {
  if (!schema.is_structured()) return;
  if (schema.is_object() && schema.contains("$ref") && schema["$ref"].is_string()) {
    const std::string reference = schema["$ref"];
    if (reference == "#" || reference.starts_with("#/")) schema["$ref"] = "#" + place + reference.substr(1);
  }
  for (auto& [key, child] : schema.items()) {
    if (key != "enum" && key != "const" && key != "default" && key != "examples") move_references(child, place);
  }
}

}  // namespace

Json tool_call_schema(const Json& tools, bool has_none) {
  if (!tools.is_array()) fail(ExitCode::usage, "tools: expected a JSON array, found {}", tools.type_name());
  std::set<std::string> names = {kNoTool};
  Json calls = Json::array();
  for (const Json& tool : tools) {
    const bool is_wrapped = tool.is_object() && tool.contains("function");
    const Json& function = is_wrapped ? tool["function"] : tool;
    if (!function.is_object() || !function.contains("name") || !function["name"].is_string()) {
      fail(ExitCode::usage, "tools: tool {}: expected an object with a \"name\"", calls.size());
    }
    const std::string name = function["name"];
    if (!names.insert(name).second) {
      fail(ExitCode::usage, "tools: tool {}: the name '{}' is taken", calls.size(), printable(name, 60));
    }
    Json parameters = {{"type", "object"}, {"properties", Json::object()}};
    if (function.contains("parameters") && !function["parameters"].is_null()) parameters = function["parameters"];
    move_references(parameters, "/anyOf/" + std::to_string(calls.size()) + "/properties/arguments");
    if (parameters.is_object()) parameters.erase("$id");
    calls.push_back(call_schema(name, std::move(parameters)));
  }
  if (has_none) calls.push_back(call_schema(kNoTool, {{"type", "object"}, {"properties", Json::object()}}));
  return {{"anyOf", std::move(calls)}};
}

Grammar compile_tool_calls(const Json& tools, bool has_none) {
  return compile_json_schema(tool_call_schema(tools, has_none));
}

}  // namespace thimble
