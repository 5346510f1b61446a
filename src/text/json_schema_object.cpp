// Objects: listed properties in their order, each at most once, then others.
#include <algorithm>
#include <set>

#include "base/error.h"
#include "text/json_schema_compiler.h"
#include "text/json_schema_scalar.h"
#include "text/json_schema_string.h"

namespace thimble::json_schema {
namespace {

constexpr size_t kMostPatterns = 4;  // of patternProperties: names are told apart by all combinations

bool is_required(const Json& schema, const std::string& name) {
  return schema.contains("required") &&
         std::find(schema["required"].begin(), schema["required"].end(), name) != schema["required"].end();
}

}  // namespace

ExprId SchemaCompiler::object(const Json& schema, const std::string& path) {
  const std::vector<Property> listed = listed_properties(schema, path);
  const std::vector<FurtherProperties> further = further_properties(schema, listed, path);
  return as_rule(path,
                 rules_.sequence({rules_.text("{"), object_network(listed, further, schema, path), rules_.text("}")}));
}

// The names that `propertyNames` allows, as whole texts; nothing where it says nothing.
std::optional<Dfa> SchemaCompiler::allowed_names(const Json& schema, const std::string& path) {
  if (!schema.contains("propertyNames") || schema["propertyNames"] == Json(true)) return std::nullopt;
  GrammarRules rules;
  std::vector<ExprId> choices;
  const std::string names_path = child_path(path, "propertyNames");
  for (const Json& flat : flattener_.flatten({schema["propertyNames"], names_path})) {
    const std::vector<std::string> types = types_of(flat);
    if (std::find(types.begin(), types.end(), "string") == types.end()) continue;
    choices.push_back(rules.automaton(scalar_texts(flat, "string", names_path, budget_)));
  }
  return thimble::compile(rules, rules.choice(std::move(choices)), budget_);
}

// Those with a schema of their own, then those that are required without one.
std::vector<SchemaCompiler::Property> SchemaCompiler::listed_properties(const Json& schema, const std::string& path) {
  const std::optional<Dfa> names = allowed_names(schema, path);
  std::vector<Property> out;
  std::set<std::string> known;
  const auto add = [&](const std::string& name) {
    if (!known.insert(name).second) return;
    Property property{name, property_schema(schema, name, path, budget_),
                      child_path(child_path(path, "properties"), name), is_required(schema, name)};
    if (names) {
      GrammarRules rules;
      const Dfa own = thimble::compile(rules, rules.text(json_text(name)), budget_);
      if (intersection(own, *names, budget_).is_empty()) property.schema = false;
    }
    if (property.schema != Json(false) || property.is_required) out.push_back(std::move(property));
  };
  if (schema.contains("properties")) {
    for (const auto& [name, value] : schema["properties"].items()) add(name);
  }
  if (schema.contains("required")) {
    for (const Json& name : schema["required"]) add(name.get<std::string>());
  }
  return out;
}

// Names that are not listed, told apart by which patterns they match; each kind with what its values have to satisfy.
std::vector<SchemaCompiler::FurtherProperties> SchemaCompiler::further_properties(const Json& schema,
                                                                                  const std::vector<Property>& listed,
                                                                                  const std::string& path) {
  const bool is_silent = !schema.contains("additionalProperties");
  const bool is_closed =
      options_.closed_objects && is_silent && (schema.contains("properties") || schema.contains("patternProperties"));
  const Json others = is_closed ? Json(false) : is_silent ? Json(true) : schema["additionalProperties"];
  const Json patterns = schema.contains("patternProperties") ? schema["patternProperties"] : Json::object();
  if (patterns.size() > kMostPatterns) {
    fail(ExitCode::usage, "{}: more than {} 'patternProperties' are not supported", path, kMostPatterns);
  }
  const std::optional<Dfa> allowed = allowed_names(schema, path);
  const std::string others_path = child_path(path, "additionalProperties");
  if (patterns.empty() && others == Json(false)) return {};
  if (patterns.empty() && !allowed && !schema.contains("properties") && listed.empty()) {
    return {{any_string(), documents({others, others_path})}};
  }
  Dfa free = quoted(string_content(budget_), budget_);
  if (allowed) free = intersection(free, *allowed, budget_);
  std::vector<std::string> names;
  for (const Property& property : listed) names.push_back(property.name);
  if (schema.contains("properties")) {
    for (const auto& [name, value] : schema["properties"].items()) names.push_back(name);
  }
  if (!names.empty()) free = difference(free, quoted(of_strings(names, budget_), budget_), budget_);
  struct Kind {
    Dfa names;
    Json schema;
    std::string path;
  };
  std::vector<Kind> kinds = {{std::move(free), others, others_path}};
  for (const auto& [pattern, value] : patterns.items()) {
    const std::string pattern_path = child_path(child_path(path, "patternProperties"), pattern);
    const Dfa matching = quoted(searched(pattern, pattern_path, budget_), budget_);
    const size_t count = kinds.size();
    for (size_t i = 0; i < count; ++i) {
      // Of the first kind none has matched yet: the schema for others is not theirs.
      const Json held = i == 0 ? Json(value) : both(kinds[i].schema, value);
      kinds.push_back({intersection(kinds[i].names, matching, budget_), held, pattern_path});
      kinds[i].names = difference(kinds[i].names, matching, budget_);
    }
  }
  std::vector<FurtherProperties> out;
  for (Kind& kind : kinds) {
    if (kind.schema == Json(false) || kind.names.is_empty()) continue;
    const ExprId key = as_rule(kind.path, rules_.automaton(std::move(kind.names)));
    out.push_back({key, documents({kind.schema, kind.path})});
  }
  return out;
}

// A state is the next listed property that may come and how many properties there are already, counted as far as it matters.
ExprId SchemaCompiler::object_network(const std::vector<Property>& listed,
                                      const std::vector<FurtherProperties>& further, const Json& schema,
                                      const std::string& path) {
  const uint32_t least = lower_bound(schema, "minProperties", path);
  const uint32_t most = upper_bound(schema, "maxProperties");
  const auto required = static_cast<uint32_t>(
      std::count_if(listed.begin(), listed.end(), [](const Property& p) { return p.is_required; }));
  // Two other properties may have the same name, and then count once.
  if (!further.empty() && least > required + 1) {
    fail(ExitCode::usage,
         "{}: 'minProperties' above the number of required properties is not supported where others are allowed", path);
  }
  const uint32_t count_most = most == GrammarRules::kNoEnd ? std::max(least, 1u) : std::max({least, most, 1u});
  const auto columns = static_cast<uint32_t>(listed.size()) + 1;
  if (uint64_t{columns} * (count_most + 1) > GrammarLimits::kStates / 2) {
    fail(ExitCode::usage, "{}: 'minProperties' or 'maxProperties' need too many states", path);
  }
  Network network;
  network.states = columns * (count_most + 1);
  const auto state = [&](uint32_t column, uint32_t count) { return count * columns + column; };
  const ExprId comma = rules_.text(", ");
  const ExprId nothing = rules_.text("");
  std::vector<ExprId> members;
  for (const Property& property : listed) {
    members.push_back(
        rules_.sequence({rules_.text(json_text(property.name) + ": "), documents({property.schema, property.path})}));
  }
  std::vector<ExprId> others;
  for (const FurtherProperties& kind : further)
    others.push_back(rules_.sequence({kind.key, rules_.text(": "), kind.value}));
  for (uint32_t count = 0; count <= count_most; ++count) {
    const bool has_room = most == GrammarRules::kNoEnd || count < most;
    const auto add = [&](uint32_t from, ExprId member, uint32_t to) {
      if (!has_room) return;
      const ExprId edge = count == 0 ? member : rules_.sequence({comma, member});
      network.edges.push_back({state(from, count), edge, state(to, std::min(count + 1, count_most))});
    };
    for (uint32_t i = 0; i < listed.size(); ++i) {
      if (!listed[i].is_required) network.edges.push_back({state(i, count), nothing, state(i + 1, count)});
      add(i, members[i], i + 1);
    }
    for (const ExprId other : others) add(columns - 1, other, columns - 1);
    if (count >= least) network.finals.push_back(state(columns - 1, count));
  }
  return rules_.network(std::move(network));
}

}  // namespace thimble::json_schema
