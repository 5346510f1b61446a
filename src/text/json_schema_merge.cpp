#include "text/json_schema_merge.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "base/error.h"
#include "text/json_schema_decimal.h"
#include "text/json_schema_string.h"

namespace thimble::json_schema {
namespace {

constexpr std::array<std::string_view, 7> kTypes = {"null",   "boolean", "integer", "number",
                                                    "string", "array",   "object"};

bool has(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

Json shared_types(const Json& a, const Json& b) {
  const std::vector<std::string> left = types_of(a);
  const std::vector<std::string> right = types_of(b);
  Json out = Json::array();
  for (const std::string_view type : kTypes) {
    const bool is_whole = type == "integer";
    const bool in_left = has(left, type) || (is_whole && has(left, "number"));
    const bool in_right = has(right, type) || (is_whole && has(right, "number"));
    if (in_left && in_right) out.push_back(type);
  }
  // Whole numbers are numbers.
  if (std::find(out.begin(), out.end(), "number") != out.end()) out.erase(std::find(out.begin(), out.end(), "integer"));
  return out;
}

// One keyword that both have.
class KeywordMerge {
 public:
  KeywordMerge(const Json& a, const Json& b, const std::string& path, CompileBudget& budget)
      : a_(a), b_(b), path_(path), budget_(budget) {}

  std::optional<Json> run() {
    Json out = a_;
    for (const auto& [key, value] : b_.items()) {
      if (!out.contains(key)) {
        out[key] = value;
      } else if (!is_structural(key)) {
        out[key] = join(key, out[key], value);
        if (key == "enum" && out[key].empty()) return std::nullopt;
      }
    }
    if (a_.contains("type") && b_.contains("type")) {
      out["type"] = shared_types(a_, b_);
      if (out["type"].empty()) return std::nullopt;
    }
    merge_properties(out);
    merge_items(out);
    return out;
  }

 private:
  static bool is_structural(std::string_view key) {
    static constexpr std::array<std::string_view, 6> kKeys = {"type",        "properties", "patternProperties",
                                                              "prefixItems", "items",      "additionalProperties"};
    return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
  }

  Json join(const std::string& key, const Json& x, const Json& y) {
    if (x == y) return x;
    const auto pick = [&](bool larger) {
      const auto left = to_decimal(x);
      const auto right = to_decimal(y);
      if (!left || !right) fail(ExitCode::usage, "{}: {}: these numbers have too many digits", path_, key);
      return (compare(*left, *right) > 0) == larger ? x : y;
    };
    if (key == "minimum" || key == "exclusiveMinimum" || key.starts_with("min")) return pick(true);
    if (key == "maximum" || key == "exclusiveMaximum" || key.starts_with("max")) return pick(false);
    if (key == "multipleOf") return least_common_multiple(x, y);
    if (key == "enum") {
      Json out = Json::array();
      std::copy_if(x.begin(), x.end(), std::back_inserter(out),
                   [&](const Json& value) { return std::find(y.begin(), y.end(), value) != y.end(); });
      return out;
    }
    if (key == "pattern" || key == "format" || key == "not" || key == "required") {
      Json out = x;
      for (const Json& value : y) {
        if (std::find(out.begin(), out.end(), value) == out.end()) out.push_back(value);
      }
      return out;
    }
    if (key == "uniqueItems") return true;
    if (key == "propertyNames") return both(x, y);
    fail(ExitCode::usage, "{}: '{}' is given twice by schemas that hold at once, which is not supported", path_,
         printable(key, 60));
  }

  Json least_common_multiple(const Json& x, const Json& y) const {
    const bool are_whole = x.is_number_integer() && y.is_number_integer();
    const auto limit = int64_t{1} << 31;
    if (!are_whole || x.get<int64_t>() <= 0 || y.get<int64_t>() <= 0 || x.get<int64_t>() > limit ||
        y.get<int64_t>() > limit) {
      fail(ExitCode::usage, "{}: two different 'multipleOf' that are not whole numbers are not supported", path_);
    }
    return std::lcm(x.get<int64_t>(), y.get<int64_t>());
  }

  // A property that one names has for the other the schema of its patterns or of its further properties.
  void merge_properties(Json& out) {
    const bool a_speaks =
        a_.contains("properties") || a_.contains("patternProperties") || a_.contains("additionalProperties");
    const bool b_speaks =
        b_.contains("properties") || b_.contains("patternProperties") || b_.contains("additionalProperties");
    if (!a_speaks || !b_speaks) return;
    refuse_crossing_patterns(a_, b_);
    refuse_crossing_patterns(b_, a_);
    Json properties = Json::object();
    for (const Json* side : {&a_, &b_}) {
      if (!side->contains("properties")) continue;
      for (const auto& [name, value] : (*side)["properties"].items()) {
        if (properties.contains(name)) continue;
        properties[name] = both(property_schema(a_, name, path_, budget_), property_schema(b_, name, path_, budget_));
      }
    }
    if (!properties.empty()) out["properties"] = std::move(properties);
    merge_schemas(out, "additionalProperties");
    if (!a_.contains("patternProperties") || !b_.contains("patternProperties")) return;
    Json patterns = a_["patternProperties"];
    for (const auto& [pattern, value] : b_["patternProperties"].items()) {
      patterns[pattern] = patterns.contains(pattern) ? both(patterns[pattern], value) : value;
    }
    out["patternProperties"] = std::move(patterns);
  }

  void refuse_crossing_patterns(const Json& x, const Json& y) const {
    if (!x.contains("patternProperties") || !y.contains("additionalProperties")) return;
    if (y["additionalProperties"] == Json(true)) return;
    for (const auto& [pattern, value] : x["patternProperties"].items()) {
      if (y.contains("patternProperties") && y["patternProperties"].contains(pattern)) continue;
      fail(ExitCode::usage,
           "{}: 'patternProperties' of one schema and 'additionalProperties' of another that holds at once are not "
           "supported",
           path_);
    }
  }

  void merge_schemas(Json& out, const std::string& key) const {
    if (a_.contains(key) && b_.contains(key)) out[key] = both(a_[key], b_[key]);
  }

  static Json item_schema(const Json& schema, size_t index) {
    if (schema.contains("prefixItems") && index < schema["prefixItems"].size()) return schema["prefixItems"][index];
    return schema.contains("items") ? schema["items"] : Json(true);
  }

  void merge_items(Json& out) const {
    const auto count = [](const Json& schema) {
      return schema.contains("prefixItems") ? schema["prefixItems"].size() : 0;
    };
    const size_t prefix = std::max(count(a_), count(b_));
    if (prefix > 0) {
      out["prefixItems"] = Json::array();
      for (size_t i = 0; i < prefix; ++i) out["prefixItems"].push_back(both(item_schema(a_, i), item_schema(b_, i)));
    }
    merge_schemas(out, "items");
  }

  const Json& a_;
  const Json& b_;
  const std::string& path_;
  CompileBudget& budget_;
};

}  // namespace

std::vector<std::string> types_of(const Json& schema) {
  std::vector<std::string> out;
  if (!schema.contains("type")) return {"null", "boolean", "number", "string", "array", "object"};
  const Json& type = schema["type"];
  if (type.is_string()) return {type.get<std::string>()};
  for (const Json& one : type) {
    if (!has(out, one.get<std::string>())) out.push_back(one.get<std::string>());
  }
  if (has(out, "number")) std::erase(out, "integer");
  return out;
}

Json both(const Json& a, const Json& b) {
  if (a == b || b == Json(true) || b == Json::object()) return a;
  if (a == Json(true) || a == Json::object()) return b;
  if (a == Json(false) || b == Json(false)) return false;
  return {{"allOf", Json::array({a, b})}};
}

bool is_named_by(std::string_view pattern, std::string_view name, const std::string& path, CompileBudget& budget) {
  return contains(searched(pattern, path, budget), name);
}

Json property_schema(const Json& schema, const std::string& name, const std::string& path, CompileBudget& budget) {
  Json out = true;
  bool is_named = false;
  if (schema.contains("properties") && schema["properties"].contains(name)) {
    out = schema["properties"][name];
    is_named = true;
  }
  if (schema.contains("patternProperties")) {
    for (const auto& [pattern, value] : schema["patternProperties"].items()) {
      if (!is_named_by(pattern, name, path, budget)) continue;
      out = both(out, value);
      is_named = true;
    }
  }
  if (!is_named && schema.contains("additionalProperties")) return schema["additionalProperties"];
  return out;
}

std::optional<Json> merge(const Json& a, const Json& b, const std::string& path, CompileBudget& budget) {
  return KeywordMerge(a, b, path, budget).run();
}

}  // namespace thimble::json_schema
