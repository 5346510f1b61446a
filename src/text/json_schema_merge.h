// Several schemas that hold at once, as one.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

#include "text/dfa.h"

namespace thimble::json_schema {

using Json = nlohmann::ordered_json;

// A schema without references and combinations, with `const` as an `enum` of one and with `pattern`, `format`, `not` as lists of
// what holds at once.
//
// Nothing where no document satisfies both. Throws Error(usage), named after `path`, where both have a keyword that cannot
// be joined.
std::optional<Json> merge(const Json& a, const Json& b, const std::string& path, CompileBudget& budget);

// "allOf" of the two, as simple as it gets.
Json both(const Json& a, const Json& b);

// Whether a name matches a pattern of patternProperties.
bool is_named_by(std::string_view pattern, std::string_view name, const std::string& path, CompileBudget& budget);

// The schema that `schema` has for a property of this name: its own, those of the patterns that match, or the one for others;
// true where it says nothing.
Json property_schema(const Json& schema, const std::string& name, const std::string& path, CompileBudget& budget);

// The types that a flat schema allows, of null, boolean, integer, number, string, array and object; "integer" alone where
// numbers must be whole.
std::vector<std::string> types_of(const Json& schema);

}  // namespace thimble::json_schema
