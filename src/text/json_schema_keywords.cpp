#include "text/json_schema_keywords.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "text/json_schema_decimal.h"

namespace thimble::json_schema {
namespace {

using Json = nlohmann::ordered_json;

enum class Shape { number, positive, count, text, flag, list, schemas, schema, map, names, types, any };

struct Keyword {
  std::string_view name;
  Shape shape;
};

constexpr std::array kKeywords = std::to_array<Keyword>({
    {"type", Shape::types},
    {"enum", Shape::list},
    {"const", Shape::any},
    {"minimum", Shape::number},
    {"maximum", Shape::number},
    {"exclusiveMinimum", Shape::number},
    {"exclusiveMaximum", Shape::number},
    {"multipleOf", Shape::positive},
    {"minLength", Shape::count},
    {"maxLength", Shape::count},
    {"pattern", Shape::text},
    {"format", Shape::text},
    {"properties", Shape::map},
    {"patternProperties", Shape::map},
    {"additionalProperties", Shape::schema},
    {"propertyNames", Shape::schema},
    {"required", Shape::names},
    {"minProperties", Shape::count},
    {"maxProperties", Shape::count},
    {"prefixItems", Shape::schemas},
    {"items", Shape::schema},
    {"minItems", Shape::count},
    {"maxItems", Shape::count},
    {"uniqueItems", Shape::flag},
    {"not", Shape::schema},
    // Refused where arrays are allowed.
    {"contains", Shape::schema},
    {"minContains", Shape::count},
    {"maxContains", Shape::count},
    {"unevaluatedItems", Shape::schema},
    {"unevaluatedProperties", Shape::schema},
});

constexpr std::array<std::string_view, 7> kTypes = {"null",   "boolean", "integer", "number",
                                                    "string", "array",   "object"};
// Of these nothing can be said of one document alone, or not by a grammar.
constexpr std::array<std::string_view, 6> kNeverSupported = {"$dynamicRef", "$recursiveRef", "extends",
                                                             "disallow",    "divisibleBy",   "$dynamicAnchor"};

bool is_schema(const Json& value) { return value.is_object() || value.is_boolean(); }

bool is_count(const Json& value) {
  if (value.is_number_unsigned()) return true;
  return value.is_number_float() && value.get<double>() >= 0 && value.get<double>() < 1e15 &&
         value.get<double>() == static_cast<double>(static_cast<uint64_t>(value.get<double>()));
}

bool is_type(const Json& value) {
  return value.is_string() &&
         std::find(kTypes.begin(), kTypes.end(), value.get_ref<const std::string&>()) != kTypes.end();
}

bool all(const Json& list, bool (*holds)(const Json&)) { return std::all_of(list.begin(), list.end(), holds); }

// What the keyword has to be, or nothing where it is.
std::string_view expected(Shape shape, const Json& value) {
  const auto is_text = [](const Json& one) { return one.is_string(); };
  switch (shape) {
    case Shape::number: return value.is_number() ? "" : "a number";
    case Shape::positive: return value.is_number() && value > 0 ? "" : "a number above zero";
    case Shape::count: return is_count(value) ? "" : "a whole number from 0 on";
    case Shape::text: return value.is_string() ? "" : "a text";
    case Shape::flag: return value.is_boolean() ? "" : "true or false";
    case Shape::list: return value.is_array() ? "" : "a list";
    case Shape::schemas: return value.is_array() && all(value, is_schema) ? "" : "a list of schemas";
    case Shape::schema: return is_schema(value) ? "" : "a schema";
    case Shape::map: return value.is_object() && all(value, is_schema) ? "" : "an object of schemas";
    case Shape::names: return value.is_array() && all(value, is_text) ? "" : "a list of names";
    case Shape::types:
      if (is_type(value) || (value.is_array() && !value.empty() && all(value, is_type))) return "";
      return "null, boolean, integer, number, string, array, object, or a list of these";
    case Shape::any: return "";
  }
  return "";
}

void check(const Keyword& keyword, const Json& value, const std::string& path) {
  const std::string_view wanted = expected(keyword.shape, value);
  if (!wanted.empty()) {
    fail(ExitCode::usage, "{}: '{}' has to be {}, found {}", path, keyword.name, wanted,
         printable(value.dump(-1, ' ', false, Json::error_handler_t::replace), 60));
  }
  if (value.is_number() && !to_decimal(value)) {
    fail(ExitCode::usage, "{}: '{}': numbers of more than 40 digits before or behind the point are not supported", path,
         keyword.name);
  }
}

// Older drafts: `exclusiveMinimum: true` beside `minimum` (4), `items` as a list with `additionalItems` (4 to 2019-09).
void modernise(Json& out, const Json& schema) {
  for (const auto& [flag, bound] :
       {std::pair("exclusiveMinimum", "minimum"), std::pair("exclusiveMaximum", "maximum")}) {
    if (!out.contains(flag) || !out[flag].is_boolean()) continue;
    const bool is_excluded = out[flag].get<bool>();
    out.erase(flag);
    if (!is_excluded || !out.contains(bound)) continue;
    out[flag] = out[bound];
    out.erase(bound);
  }
  if (!out.contains("items") || !out["items"].is_array()) return;
  out["prefixItems"] = out["items"];
  out.erase("items");
  if (schema.contains("additionalItems")) out["items"] = schema["additionalItems"];
}

}  // namespace

Json checked_keywords(const Json& schema, const std::string& path) {
  for (const std::string_view name : kNeverSupported) {
    if (schema.contains(name)) fail(ExitCode::usage, "{}: '{}' is not supported", path, name);
  }
  Json out = Json::object();
  for (const Keyword& keyword : kKeywords) {
    if (schema.contains(keyword.name)) out[std::string(keyword.name)] = schema[std::string(keyword.name)];
  }
  modernise(out, schema);
  for (const Keyword& keyword : kKeywords) {
    const std::string name(keyword.name);
    if (out.contains(name)) check(keyword, out[name], path);
  }
  if (out.contains("const")) {
    const Json value = out["const"];
    if (!out.contains("enum")) {
      out["enum"] = Json::array({value});
    } else {
      const bool is_listed = std::find(out["enum"].begin(), out["enum"].end(), value) != out["enum"].end();
      out["enum"] = is_listed ? Json::array({value}) : Json::array();
    }
    out.erase("const");
  }
  out.erase("not");
  for (const std::string name : {"pattern", "format"}) {
    if (out.contains(name)) out[name] = Json::array({out[name]});
  }
  return out;
}

}  // namespace thimble::json_schema
