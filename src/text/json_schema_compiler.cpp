#include "text/json_schema_compiler.h"

#include <algorithm>

#include "base/error.h"
#include "text/json_schema_scalar.h"
#include "text/json_schema_string.h"

namespace thimble::json_schema {
namespace {

constexpr uint32_t kMostDigits = 20;  // of a free number, before and behind the point

}  // namespace

RuleId SchemaCompiler::compile() {
  const RuleId root = rules_.declare("#");
  references_.emplace("#", root);
  rules_.define(root, documents({root_, "#"}));
  return root;
}

ExprId SchemaCompiler::as_rule(std::string name, ExprId right_side) {
  const RuleId rule = rules_.declare(std::move(name));
  rules_.define(rule, right_side);
  return rules_.rule(rule);
}

ExprId SchemaCompiler::documents(const Located& at) {
  if (++depth_ > GrammarLimits::kDepth)
    fail(ExitCode::usage, "{}: schemas are nested more than {} deep", at.path, GrammarLimits::kDepth);
  budget_.spend(100);
  ExprId out = 0;
  const Json& schema = at.schema;
  // A reference or a choice alone stays one, so that schemas may lead back to themselves.
  if (Flattener::has_only(schema, "$ref") && schema["$ref"].is_string()) {
    out = referenced(schema["$ref"].get<std::string>(), at.path);
  } else if (Flattener::has_only(schema, "anyOf") && schema["anyOf"].is_array() && !schema["anyOf"].empty()) {
    out = choice_of(schema["anyOf"], child_path(at.path, "anyOf"));
  } else if (Flattener::has_only(schema, "oneOf") && schema["oneOf"].is_array() && !schema["oneOf"].empty()) {
    flattener_.require_disjoint(schema["oneOf"], child_path(at.path, "oneOf"));
    out = choice_of(schema["oneOf"], child_path(at.path, "oneOf"));
  } else if (Flattener::has_only(schema, "allOf") && schema["allOf"].is_array() && schema["allOf"].size() == 1) {
    out = documents({schema["allOf"][0], child_path(child_path(at.path, "allOf"), "0")});
  } else {
    std::vector<ExprId> choices;
    for (const Json& flat : flattener_.flatten(at)) choices.push_back(flat_documents(flat, at.path));
    out = choices.size() == 1 ? choices[0] : rules_.choice(std::move(choices));
  }
  --depth_;
  return out;
}

ExprId SchemaCompiler::referenced(const std::string& reference, const std::string& path) {
  if (const auto known = references_.find(reference); known != references_.end()) return rules_.rule(known->second);
  const Located target = flattener_.resolve(reference, path);
  const RuleId rule = rules_.declare(target.path);
  references_.emplace(reference, rule);
  rules_.define(rule, documents(target));
  return rules_.rule(rule);
}

ExprId SchemaCompiler::choice_of(const Json& branches, const std::string& path) {
  std::vector<ExprId> choices;
  for (size_t i = 0; i < branches.size(); ++i)
    choices.push_back(documents({branches[i], child_path(path, std::to_string(i))}));
  return rules_.choice(std::move(choices));
}

ExprId SchemaCompiler::flat_documents(const Json& schema, const std::string& path) {
  const bool is_free = std::none_of(schema.items().begin(), schema.items().end(), [](const auto&) { return true; });
  if (is_free) return any_value();
  if (schema.contains("enum")) return listed_documents(schema, path);
  std::vector<ExprId> choices;
  for (const std::string& type : types_of(schema)) {
    if (is_scalar(type)) {
      choices.push_back(scalar(schema, type, path));
    } else if (!is_excluded(schema, type, path)) {
      choices.push_back(type == "object" ? object(schema, path) : array(schema, path));
    }
  }
  return choices.size() == 1 ? choices[0] : rules_.choice(std::move(choices));
}

// Lists and objects are taken as they are listed, so nothing else may be said of them.
ExprId SchemaCompiler::listed_documents(const Json& schema, const std::string& path) {
  std::vector<ExprId> choices;
  for (const std::string& type : types_of(schema)) {
    if (is_scalar(type)) choices.push_back(rules_.automaton(scalar_texts(schema, type, path, budget_)));
  }
  const std::vector<std::string> types = types_of(schema);
  for (const Json& value : schema["enum"]) {
    const std::string type = value.is_array() ? "array" : "object";
    if (!value.is_structured() || std::find(types.begin(), types.end(), type) == types.end()) continue;
    for (const auto& [key, ignored] : schema.items()) {
      if (key != "enum" && key != "type") {
        fail(ExitCode::usage, "{}: an 'enum' of arrays or objects beside '{}' is not supported", path,
             printable(key, 60));
      }
    }
    choices.push_back(rules_.text(document_text(value)));
  }
  return rules_.choice(std::move(choices));
}

ExprId SchemaCompiler::scalar(const Json& schema, const std::string& type, const std::string& path) {
  const bool has_not = schema.contains("not");
  if (type == "string" && has_only_lengths(schema)) {
    return strings_of_length(lower_bound(schema, "minLength", path), upper_bound(schema, "maxLength"));
  }
  if (type == "number" && !has_not && number_range(schema, false, path).is_free()) return any_number();
  if (type == "integer" && !has_not && number_range(schema, true, path).is_free()) return any_integer();
  // The same restriction elsewhere in the schema is the same rule.
  std::string key = type;
  for (const auto& [name, value] : schema.items()) {
    if (name != "type") key += " " + name + value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (const auto known = shared_.find(key); known != shared_.end()) return known->second;
  const ExprId made = as_rule(path, rules_.automaton(scalar_texts(schema, type, path, budget_)));
  shared_.emplace(std::move(key), made);
  return made;
}

ExprId SchemaCompiler::array(const Json& schema, const std::string& path) {
  refuse_array_keywords(schema, path);
  const uint32_t least = lower_bound(schema, "minItems", path);
  const uint32_t most = upper_bound(schema, "maxItems");
  const Json prefix = schema.contains("prefixItems") ? schema["prefixItems"] : Json::array();
  const bool has_rest = !schema.contains("items") || schema["items"] != Json(false);
  // One item more in each state; in the last one any number of them.
  Network network;
  const auto counted = static_cast<uint32_t>(std::max<size_t>(prefix.size(), least));
  const uint32_t last =
      has_rest ? (most == GrammarRules::kNoEnd ? counted : most) : std::min(static_cast<uint32_t>(prefix.size()), most);
  const ExprId rest =
      has_rest && (most == GrammarRules::kNoEnd || most > prefix.size())
          ? documents({schema.contains("items") ? schema["items"] : Json(true), child_path(path, "items")})
          : rules_.never();
  const ExprId comma = rules_.text(", ");
  if (least == 0) network.finals.push_back(0);
  for (uint32_t i = 0; i < last; ++i) {
    const ExprId item = i < prefix.size()
                            ? documents({prefix[i], child_path(child_path(path, "prefixItems"), std::to_string(i))})
                            : rest;
    const uint32_t next = network.add_state();
    network.edges.push_back({i, i == 0 ? item : rules_.sequence({comma, item}), next});
    if (i + 1 >= least) network.finals.push_back(next);
  }
  if (has_rest && most == GrammarRules::kNoEnd) {
    const uint32_t more = last == 0 ? network.add_state() : last;
    if (last == 0) {
      network.edges.push_back({0, rest, more});
      network.finals.push_back(more);
    }
    network.edges.push_back({more, rules_.sequence({comma, rest}), more});
  }
  return as_rule(path, rules_.sequence({rules_.text("["), rules_.network(std::move(network)), rules_.text("]")}));
}

void SchemaCompiler::refuse_array_keywords(const Json& schema, const std::string& path) const {
  const bool is_short = upper_bound(schema, "maxItems") <= 1;
  if (schema.contains("uniqueItems") && schema["uniqueItems"] == Json(true) && !is_short) {
    fail(ExitCode::usage, "{}: 'uniqueItems' is not supported", path);
  }
  if (schema.contains("contains")) fail(ExitCode::usage, "{}: 'contains' is not supported", path);
}

ExprId SchemaCompiler::shared(const std::string& key, const std::function<ExprId()>& make) {
  if (const auto known = shared_.find(key); known != shared_.end()) return known->second;
  const RuleId rule = rules_.declare(key);
  const ExprId call = rules_.rule(rule);
  shared_.emplace(key, call);  // first, for a value may hold values
  rules_.define(rule, make());
  return call;
}

ExprId SchemaCompiler::character() {
  return shared("character", [this] { return free_character(rules_); });
}

ExprId SchemaCompiler::any_string() {
  return shared("string", [this] {
    const ExprId quote = rules_.text("\"");
    return rules_.sequence({quote, rules_.repeat(free_character(rules_), 0), quote});
  });
}

// Each character is a call: a long string takes one state a character.
ExprId SchemaCompiler::strings_of_length(uint32_t least, uint32_t most) {
  if (least == 0 && most == GrammarRules::kNoEnd) return any_string();
  return shared(fmt::format("string {} {}", least, most), [&] {
    const ExprId quote = rules_.text("\"");
    return rules_.sequence({quote, rules_.repeat(character(), least, most), quote});
  });
}

ExprId SchemaCompiler::any_integer() {
  return shared("integer", [this] {
    const ExprId digit = rules_.any_of(CodePointSet({{'0', '9'}}));
    const ExprId first = rules_.any_of(CodePointSet({{'1', '9'}}));
    return rules_.sequence(
        {rules_.optional(rules_.text("-")),
         rules_.choice({rules_.text("0"), rules_.sequence({first, rules_.repeat(digit, 0, kMostDigits - 1)})})});
  });
}

ExprId SchemaCompiler::any_number() {
  return shared("number", [this] {
    const ExprId digit = rules_.any_of(CodePointSet({{'0', '9'}}));
    const ExprId sign = rules_.any_of(CodePointSet({{'+', '+'}, {'-', '-'}}));
    const ExprId mark = rules_.any_of(CodePointSet({{'E', 'E'}, {'e', 'e'}}));
    const ExprId fraction = rules_.sequence({rules_.text("."), rules_.repeat(digit, 1, kMostDigits)});
    // More digits would make numbers that no program holds.
    const ExprId exponent = rules_.sequence({mark, rules_.optional(sign), rules_.repeat(digit, 1, 2)});
    return rules_.sequence({any_integer(), rules_.optional(fraction), rules_.optional(exponent)});
  });
}

ExprId SchemaCompiler::any_value() {
  return shared("value", [this] {
    const Json anything = Json::object();
    return rules_.choice({any_string(), any_number(), rules_.text("true"), rules_.text("false"), rules_.text("null"),
                          object(anything, "#"), array(anything, "#")});
  });
}

std::string document_text(const Json& value) {
  std::string out;
  if (value.is_string()) return json_text(value.get_ref<const std::string&>());
  if (!value.is_structured()) {
    const auto decimal = value.is_number() ? to_decimal(value) : std::nullopt;
    return decimal ? decimal->text() : value.dump();
  }
  for (const auto& [key, child] : value.items()) {
    if (!out.empty()) out += ", ";
    if (value.is_object()) out += json_text(key) + ": ";
    out += document_text(child);
  }
  return value.is_object() ? "{" + out + "}" : "[" + out + "]";
}

}  // namespace thimble::json_schema
