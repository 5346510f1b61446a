#include "text/json_schema.h"

#include "base/error.h"
#include "base/utf8.h"
#include "text/json_schema_compiler.h"

namespace thimble {
namespace {

constexpr std::string_view kWhat = "JSON schema";

// Nesting is looked at before anything is built from the text.
size_t nesting(std::string_view json) {
  size_t depth = 0;
  size_t deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

nlohmann::ordered_json parse_schema_text(std::string_view json, std::string_view what) {
  constexpr size_t kMostNesting = 3 * GrammarLimits::kDepth;
  if (json.size() > GrammarLimits::kSourceBytes) {
    fail(ExitCode::usage, "{}: has {} bytes, at most {} are supported", what, json.size(), GrammarLimits::kSourceBytes);
  }
  if (nesting(json) > kMostNesting) fail(ExitCode::usage, "{}: is nested more than {} deep", what, kMostNesting);
  try {
    return nlohmann::ordered_json::parse(json);
  } catch (const nlohmann::json::exception& error) {
    fail(ExitCode::usage, "{}: is no JSON: {}", what, printable(error.what()));
  }
}

Grammar compile_json_schema(const nlohmann::ordered_json& schema, const JsonSchemaOptions& options) {
  CompileBudget budget;
  try {
    json_schema::SchemaCompiler compiler(schema, options, budget);
    const RuleId root = compiler.compile();
    return Grammar(compiler.rules(), root, budget, "#");
  } catch (const Error& error) {
    fail(error.code(), "{}: {}", kWhat, error.what());
  }
}

Grammar compile_json_schema_text(std::string_view json, const JsonSchemaOptions& options) {
  return compile_json_schema(parse_schema_text(json, kWhat), options);
}

}  // namespace thimble
