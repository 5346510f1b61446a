// The texts of strings, numbers, booleans and null that a schema without combinations allows, as regular languages.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "text/dfa.h"
#include "text/json_schema_decimal.h"
#include "text/json_schema_merge.h"

namespace thimble::json_schema {

bool is_scalar(std::string_view type);

// Whole JSON texts of this type, each string in its one spelling and numbers without exponents. Throws Error(usage), named
// after `path`, for what is not supported.
Dfa scalar_texts(const Json& schema, std::string_view type, const std::string& path, CompileBudget& budget);

NumberRange number_range(const Json& schema, bool is_whole, const std::string& path);
// Whether lengths are all that the schema says of strings.
bool has_only_lengths(const Json& schema);

// A length or count, no more than GrammarLimits::kRepeat where it is the upper one: what is longer is not made.
// Throws for a lower one beyond that.
uint32_t lower_bound(const Json& schema, const std::string& keyword, const std::string& path);
uint32_t upper_bound(const Json& schema, const std::string& keyword);  // GrammarRules::kNoEnd where there is none

// Whether `not` leaves nothing of the type (array or object). Throws where it would leave a part of it.
bool is_excluded(const Json& schema, std::string_view type, const std::string& path);

}  // namespace thimble::json_schema
