// The keywords of a schema, each checked for its shape before anything relies on it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace thimble::json_schema {

// The schema without remarks, combinations, `not` and definitions, `const` as `enum`, single `pattern` and `format` as lists,
// the array form of `items` as `prefixItems`. Throws Error(usage) with the path of what has the wrong shape or what is not
// supported whatever the type.
nlohmann::ordered_json checked_keywords(const nlohmann::ordered_json& schema, const std::string& path);

}  // namespace thimble::json_schema
