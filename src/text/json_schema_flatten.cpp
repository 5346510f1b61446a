#include "text/json_schema_flatten.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "text/json_schema_keywords.h"
#include "text/json_schema_scalar.h"

namespace thimble::json_schema {
namespace {

constexpr size_t kMostAlternatives = 1000;
constexpr size_t kMostComparisons = 6;  // deep

// Say nothing of what a document has to be.
constexpr std::array<std::string_view, 23> kRemarks = {"title",
                                                       "description",
                                                       "default",
                                                       "examples",
                                                       "example",
                                                       "$comment",
                                                       "$schema",
                                                       "$id",
                                                       "$anchor",
                                                       "$defs",
                                                       "definitions",
                                                       "deprecated",
                                                       "id",
                                                       "readOnly",
                                                       "writeOnly",
                                                       "$vocabulary",
                                                       "contentMediaType",
                                                       "contentEncoding",
                                                       "contentSchema",
                                                       "nullable",
                                                       "strict",
                                                       "name",
                                                       "discriminator"};

constexpr const char* kNegated = "$negated";  // a mark of our own

// What comes out of a negation evaluates nothing.
Json negated(Json schema) {
  schema[kNegated] = true;
  return schema;
}

std::string unescaped(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out += token[++i] == '0' ? '~' : '/';
    } else if (token[i] == '%' && i + 2 < token.size()) {
      const auto value = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
      out += static_cast<char>(value(token[i + 1]) * 16 + value(token[i + 2]));
      i += 2;
    } else {
      out += token[i];
    }
  }
  return out;
}

// Depth first; schemas are not deep.
const Json* find_anchor(const Json& at, const std::string& anchor) {
  if (at.is_object() && at.contains("$anchor") && at["$anchor"] == anchor) return &at;
  if (!at.is_structured()) return nullptr;
  for (const Json& child : at) {
    if (const Json* found = find_anchor(child, anchor)) return found;
  }
  return nullptr;
}

}  // namespace

std::string child_path(const std::string& path, std::string_view name) {
  std::string out = path + "/";
  for (const char c : printable(name, 100)) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

Located Flattener::resolve(const std::string& reference, const std::string& path) const {
  const auto refuse = [&](std::string_view why) {
    fail(ExitCode::usage, "{}: '$ref' is '{}', {}", path, printable(reference, 100), why);
  };
  std::string_view pointer = reference;
  if (root_.is_object() && root_.contains("$id") && root_["$id"].is_string()) {
    const std::string& id = root_["$id"].get_ref<const std::string&>();
    if (!id.empty() && pointer.starts_with(id)) pointer.remove_prefix(id.size());
    if (pointer.empty()) pointer = "#";
  }
  if (!pointer.starts_with('#')) refuse("only references within the schema (\"#/...\") are supported");
  pointer.remove_prefix(1);
  if (!pointer.empty() && pointer[0] != '/') {
    if (const Json* found = find_anchor(root_, std::string(pointer))) return {*found, "#" + std::string(pointer)};
    refuse("but no schema has this '$anchor'");
  }
  const Json* at = &root_;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const size_t end = std::min(pointer.find('/'), pointer.size());
    const std::string token = unescaped(pointer.substr(0, end));
    pointer.remove_prefix(end);
    if (at->is_object() && at->contains(token)) {
      at = &(*at)[token];
    } else if (at->is_array() && !token.empty() && token.size() < 6 &&
               token.find_first_not_of("0123456789") == std::string::npos && std::stoul(token) < at->size()) {
      at = &(*at)[std::stoul(token)];
    } else {
      refuse("but there is nothing");
    }
  }
  return {*at, printable(reference, 100)};
}

bool Flattener::has_only(const Json& schema, std::string_view keyword) {
  if (!schema.is_object() || !schema.contains(keyword)) return false;
  return std::all_of(schema.items().begin(), schema.items().end(), [&](const auto& item) {
    return item.key() == keyword || std::find(kRemarks.begin(), kRemarks.end(), item.key()) != kRemarks.end();
  });
}

std::vector<Json> Flattener::flatten(const Located& at) {
  if (at.schema.is_boolean()) return at.schema.get<bool>() ? std::vector<Json>{Json::object()} : std::vector<Json>{};
  if (!at.schema.is_object()) {
    fail(ExitCode::usage, "{}: expected a schema (an object, true or false), found {}", at.path, at.schema.type_name());
  }
  if (++depth_ > GrammarLimits::kDepth)
    fail(ExitCode::usage, "{}: schemas are nested or refer to each other too deep", at.path);
  std::vector<Json> out = flatten_combinations(at);
  --depth_;
  return out;
}

std::vector<Json> Flattener::flatten_combinations(const Located& at) {
  const Json& schema = at.schema;
  if (schema.contains("$id") && at.path != "#") {
    fail(ExitCode::usage, "{}: '$id' below the root is not supported: references would be read from there", at.path);
  }
  std::vector<Json> out = {checked_keywords(schema, at.path)};
  if (schema.contains("$ref")) {
    if (!schema["$ref"].is_string()) fail(ExitCode::usage, "{}: '$ref' has to be a text", at.path);
    const std::string reference = schema["$ref"].get<std::string>();
    if (std::find(open_.begin(), open_.end(), reference) != open_.end()) {
      fail(ExitCode::usage, "{}: '$ref' is '{}', which leads back to itself", at.path, printable(reference, 100));
    }
    open_.push_back(reference);
    out = cross(out, flatten(resolve(reference, at.path)), at.path);
    open_.pop_back();
  }
  for (const std::string keyword : {"allOf", "anyOf", "oneOf"}) {
    if (!schema.contains(keyword)) continue;
    const Json& branches = schema[keyword];
    const std::string path = child_path(at.path, keyword);
    if (!branches.is_array() || branches.empty()) fail(ExitCode::usage, "{}: expected a list of schemas", path);
    if (keyword == "oneOf") require_disjoint(branches, path);
    std::vector<Json> alternatives;
    for (size_t i = 0; i < branches.size(); ++i) {
      std::vector<Json> branch = flatten({branches[i], child_path(path, std::to_string(i))});
      if (keyword == "allOf") {
        out = cross(out, branch, at.path);
      } else {
        alternatives.insert(alternatives.end(), branch.begin(), branch.end());
      }
    }
    if (keyword != "allOf") out = cross(out, alternatives, at.path);
  }
  if (schema.contains("not")) {
    for (const Json& refused : flatten({schema["not"], child_path(at.path, "not")})) {
      out = cross(out, negations(refused, at.path), at.path);
    }
  }
  for (const Json& condition : conditions(schema, at.path)) out = cross(out, flatten({condition, at.path}), at.path);
  for (Json& one : out) close_unevaluated(one, at.path);
  return out;
}

// `if` and the dependencies as combinations of what else there is.
std::vector<Json> Flattener::conditions(const Json& schema, const std::string& path) {
  std::vector<Json> out;
  const auto implies = [&](Json condition, Json otherwise, const Json& held) {
    out.push_back(
        {{"anyOf", Json::array({{{"allOf", Json::array({std::move(condition), held})}}, std::move(otherwise)})}});
  };
  if (schema.contains("if") && schema.contains("then")) implies(schema["if"], {{"not", schema["if"]}}, schema["then"]);
  if (schema.contains("if") && schema.contains("else")) {
    implies({{"not", schema["if"]}}, schema["if"], schema["else"]);
  }
  for (const char* keyword : {"dependentRequired", "dependentSchemas", "dependencies"}) {
    if (!schema.contains(keyword)) continue;
    if (!schema[keyword].is_object()) fail(ExitCode::usage, "{}: '{}' has to be an object", path, keyword);
    for (const auto& [name, needed] : schema[keyword].items()) {
      const Json held = needed.is_array() ? Json{{"required", needed}} : needed;
      const Json absent = {{"properties", {{name, false}}}};
      implies({{"required", Json::array({name})}}, absent, held);
    }
  }
  return out;
}

// What satisfies not all of a flat schema: what fails one of its keywords. Those of scalars stay together and are
// subtracted from texts later.
std::vector<Json> Flattener::negations(const Json& refused, const std::string& path) {
  static constexpr std::array<std::string_view, 11> kOfScalars = {
      "type",      "enum",      "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
      "minLength", "maxLength", "pattern", "format"};
  std::vector<Json> out;
  Json scalars = Json::object();
  for (const auto& [key, value] : refused.items()) {
    if (std::find(kOfScalars.begin(), kOfScalars.end(), key) != kOfScalars.end()) {
      scalars[key] = value;
    } else if (key == "not") {
      for (Json held : value) out.push_back(negated(std::move(held)));
    } else if (key == "required") {
      for (const Json& name : value)
        out.push_back(negated({{"type", "object"}, {"properties", {{name.get<std::string>(), false}}}}));
    } else if (key == "properties") {
      for (const auto& [name, schema] : value.items()) {
        out.push_back(negated(
            {{"type", "object"}, {"required", Json::array({name})}, {"properties", {{name, {{"not", schema}}}}}}));
      }
    } else {
      fail(ExitCode::usage, "{}: 'not' with '{}' is not supported", path, printable(key, 60));
    }
  }
  if (!scalars.empty() || refused.empty()) out.push_back({{"not", Json::array({std::move(scalars)})}});
  return out;
}

// Within its alternative a schema's own, merged properties and items are those that are evaluated.
void Flattener::close_unevaluated(Json& schema, const std::string& path) {
  for (const auto& [keyword, other] :
       {std::pair("unevaluatedProperties", "additionalProperties"), std::pair("unevaluatedItems", "items")}) {
    if (!schema.contains(keyword)) continue;
    if (schema.contains(kNegated) && schema[keyword] != Json(true)) {
      fail(ExitCode::usage, "{}: '{}' is not supported together with 'not' or 'if'", path, keyword);
    }
    if (!schema.contains(other)) schema[other] = schema[keyword];
    schema.erase(keyword);
  }
}

std::vector<Json> Flattener::cross(const std::vector<Json>& left, const std::vector<Json>& right,
                                   const std::string& path) {
  if (left.size() * right.size() > kMostAlternatives) {
    fail(ExitCode::usage, "{}: combining the schemas gives more than {} alternatives", path, kMostAlternatives);
  }
  std::vector<Json> out;
  for (const Json& a : left) {
    for (const Json& b : right) {
      budget_.spend(1000 + a.size() * 100 + b.size() * 100);
      if (auto merged = merge(a, b, path, budget_)) out.push_back(std::move(*merged));
    }
  }
  return out;
}

void Flattener::require_disjoint(const Json& branches, const std::string& path) {
  for (size_t i = 0; i < branches.size(); ++i) {
    for (size_t j = i + 1; j < branches.size(); ++j) {
      budget_.spend(10'000);
      if (are_disjoint_schemas(branches[i], branches[j], path, 0)) continue;
      fail(ExitCode::usage, "{}: the branches {} and {} may both hold: make them exclude each other, or use 'anyOf'",
           path, i, j);
    }
  }
}

bool Flattener::are_disjoint_schemas(const Json& a, const Json& b, const std::string& path, size_t depth) {
  if (depth > kMostComparisons) return false;
  const std::vector<std::string> open = std::exchange(open_, {});
  const std::vector<Json> left = flatten({a, path});
  const std::vector<Json> right = flatten({b, path});
  open_ = open;
  return std::all_of(left.begin(), left.end(), [&](const Json& x) {
    return std::all_of(right.begin(), right.end(), [&](const Json& y) { return are_disjoint(x, y, path, depth); });
  });
}

// By each type that both allow.
bool Flattener::are_disjoint(const Json& a, const Json& b, const std::string& path, size_t depth) {
  Json types_a = {{"type", types_of(a)}};
  const auto shared = merge(types_a, {{"type", types_of(b)}}, path, budget_);
  if (!shared) return true;
  for (const std::string& type : types_of(*shared)) {
    if (is_scalar(type)) {
      if (!intersection(scalar_texts(a, type, path, budget_), scalar_texts(b, type, path, budget_), budget_)
               .is_empty()) {
        return false;
      }
    } else if (a.contains("enum") || b.contains("enum")) {
      const auto has_value = [&](const Json& schema) {
        return !schema.contains("enum") ||
               std::any_of(schema["enum"].begin(), schema["enum"].end(), [&](const Json& value) {
                 return (type == "array") == value.is_array() && (type == "object") == value.is_object();
               });
      };
      if (has_value(a) && has_value(b)) return false;
    } else if (type == "object") {
      if (!are_disjoint_objects(a, b, path, depth)) return false;
    } else {
      const auto items = [](const Json& schema, const char* key, uint64_t otherwise) {
        return schema.contains(key) ? schema[key].get<uint64_t>() : otherwise;
      };
      const bool is_shorter = items(a, "maxItems", UINT64_MAX) < items(b, "minItems", 0);
      if (!is_shorter && items(b, "maxItems", UINT64_MAX) >= items(a, "minItems", 0)) return false;
    }
  }
  return true;
}

// Where one property that one of them requires is allowed by the other with other values only, or not at all.
bool Flattener::are_disjoint_objects(const Json& a, const Json& b, const std::string& path, size_t depth) {
  std::set<std::string> names;
  for (const Json* side : {&a, &b}) {
    if (!side->contains("required")) continue;
    for (const Json& name : (*side)["required"]) names.insert(name.get<std::string>());
  }
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return are_disjoint_schemas(property_schema(a, name, path, budget_), property_schema(b, name, path, budget_), path,
                                depth + 1);
  });
}

}  // namespace thimble::json_schema
