// JSON schemas (draft 2020-12, and what older drafts wrote otherwise) as grammars: every text that matches is JSON that the
// schema accepts. What cannot be honoured is refused, never ignored; docs/grammars.md lists both.
//
// There is one way to write a document: `{"a": 1, "b": [2, 3]}`, with one space after commas and colons, properties in the
// schema's order and then any others. Texts of free strings may use any escape; where a pattern, a format or a length is to hold
// and in keys, each character has one spelling.
#pragma once

#include <nlohmann/json.hpp>

#include <string_view>

#include "text/grammar.h"

namespace thimble {

struct JsonSchemaOptions {
  // An object that lists properties and does not speak of others has no others. JSON Schema allows them, but whoever lists
  // the arguments of a tool means these.
  bool closed_objects = true;
};

// Throws Error(usage) with the path of what is no schema, is not supported or passes GrammarLimits.
Grammar compile_json_schema_text(std::string_view json, const JsonSchemaOptions& options = {});
Grammar compile_json_schema(const nlohmann::ordered_json& schema, const JsonSchemaOptions& options = {});

// Text as JSON; `what` is named where it is none, too long or too deep.
nlohmann::ordered_json parse_schema_text(std::string_view json, std::string_view what);

}  // namespace thimble
