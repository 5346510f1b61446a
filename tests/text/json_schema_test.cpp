// JSON schemas: what matches, what is refused and where, and that nothing explodes. The comparison with the Python package
// jsonschema is tests/grammar.
#include "text/json_schema.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "text/grammar_matcher.h"

namespace thimble {
namespace {

struct Case {
  std::string schema;
  std::vector<std::string> accepted;
  std::vector<std::string> rejected;
};

TEST(JsonSchema, AcceptsWhatItSays) {
  const std::vector<Case> cases = {
      {R"({"type": "integer", "minimum": -12, "exclusiveMaximum": 205})",
       {"-12", "-1", "0", "9", "100", "199", "204"},
       {"-13", "205", "1000", "-0", "007", "1.5", "", "-"}},
      {R"({"type": "number", "minimum": 0.25, "maximum": 12.5})",
       {"0.25", "0.250", "0.3", "1", "9.99", "12.5", "12.50", "12.4999"},
       {"0.2", "0.2499", "0", "12.51", "13", "-1"}},
      {R"({"type": "number", "exclusiveMinimum": -1, "exclusiveMaximum": 1})",
       {"-0.5", "-0.999", "0", "0.0", "0.9"},
       {"-1", "1", "1.0", "-1.0", "-0"}},
      {R"({"type": "integer", "multipleOf": 7, "minimum": 10})", {"14", "21", "700"}, {"7", "10", "15"}},
      {R"({"type": "number", "multipleOf": 0.05, "maximum": 1})",
       {"0.05", "0.1", "0.10", "1", "-0.35"},
       {"0.03", "1.05", "0.051"}},
      {R"({"type": "string", "minLength": 2, "maxLength": 3})",
       {R"("ab")", R"("日本語")", R"("\n\\a")"},
       {R"("a")", R"("abcd")"}},
      {R"({"type": "string", "pattern": "^[A-Z]{2}-\\d+$"})",
       {R"("AB-1")", R"("XY-007")"},
       {R"("AB-")", R"("aB-1")", R"("AB-1 ")"}},
      {R"({"type": "string", "pattern": "b"})", {R"("b")", R"("abc")"}, {R"("ac")", R"("")"}},
      {R"({"type": "string", "pattern": "^a", "maxLength": 2})", {R"("a")", R"("ab")"}, {R"("abc")", R"("ba")"}},
      {R"({"type": "string", "pattern": "^[\"\\\\]$"})", {R"("\"")", R"("\\")"}, {R"(""")", R"("a")"}},
      {R"({"enum": ["a", 1, null, [1, {"b": 2}]]})", {R"("a")", "1", "null", R"([1, {"b": 2}])"}, {R"("b")", "true"}},
      {R"({"type": "string", "enum": ["a", 1]})", {R"("a")"}, {"1"}},
      {R"({"type": ["integer", "null"]})", {"3", "null"}, {"3.5", "true"}},
      {R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}, "required": ["b"]})",
       {R"({"b": true})", R"({"a": 1, "b": false})"},
       {R"({"a": 1})", R"({"b": true, "a": 1})", R"({"b": true, "c": 1})", R"({})"}},
      {R"({"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "integer"}})",
       {R"({"a": "x", "b": 2, "c": 3})", R"({"ab": 2})", R"({})"},
       {R"({"b": "x"})", R"({"\u0061": 1})"}},
      {R"({"type": "object", "patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": false})",
       {R"({"x1": 1, "xy": 2})", "{}"},
       {R"({"y": 1})", R"({"x": "1"})"}},
      {R"({"type": "object", "minProperties": 1, "maxProperties": 2, "properties": {"a": {}, "b": {}, "c": {}}})",
       {R"({"a": 1})", R"({"a": 1, "c": 2})"},
       {"{}", R"({"a": 1, "b": 2, "c": 3})"}},
      {R"({"type": "object", "propertyNames": {"enum": ["on", "off"]}})",
       {R"({"on": 1})", R"({"off": 1, "on": 2})"},
       {R"({"x": 1})"}},
      {R"({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3})",
       {"[1]", "[1, 2, 3]"},
       {"[]", "[1, 2, 3, 4]", "[1,2]"}},
      {R"({"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": false})",
       {"[]", "[1]", R"([1, "a"])"},
       {R"(["a"])", R"([1, "a", 2])"}},
      {R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"v": {"type": "integer"},
          "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}, "required": ["v"]}}})",
       {R"({"v": 1})", R"({"v": 1, "next": {"v": 2, "next": null}})"},
       {R"({"v": 1, "next": 2})"}},
      {R"({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
          {"properties": {"a": {"minimum": 5}, "b": {"const": "x"}}}]})",
       {R"({"a": 5})", R"({"a": 6, "b": "x"})"},
       {R"({"a": 4})", R"({"b": "x"})"}},
      {R"({"oneOf": [{"properties": {"k": {"const": "a"}, "n": {"type": "integer"}}, "required": ["k"], "type": "object"},
          {"properties": {"k": {"const": "b"}}, "required": ["k"], "type": "object"}]})",
       {R"({"k": "a", "n": 1})", R"({"k": "b"})"},
       {R"({"k": "b", "n": 1})", R"({"k": "c"})"}},
      {R"({"type": "string", "not": {"enum": ["a", "b"]}})", {R"("c")", R"("ab")"}, {R"("a")", R"("b")"}},
      {R"({"not": {"type": ["object", "array", "string"]}})", {"1", "null", "true"}, {"{}", "[]", R"("x")"}},
      {R"({"if": {"properties": {"u": {"const": 1}}, "required": ["u"]}, "then": {"required": ["v"]}, "type": "object",
          "properties": {"u": {"enum": [1, 2]}, "v": {"type": "integer"}}, "required": ["u"]})",
       {R"({"u": 1, "v": 3})", R"({"u": 2})"},
       {R"({"u": 1})"}},
      {R"({"type": "string", "format": "date"})",
       {R"("2024-02-29")", R"("1999-12-31")"},
       {R"("2023-02-29")", R"("2024-13-01")"}},
      {R"({"type": "string", "format": "ipv6"})", {R"("::1")", R"("1:2:3:4:5:6:7:8")"}, {R"("1:2")", R"(":::")"}},
      {"true", {"null", R"({"a": [1, 2.5e3, "x"]})"}, {"nul"}},
  };
  for (const Case& c : cases) {
    const Grammar grammar = compile_json_schema_text(c.schema);
    for (const std::string& text : c.accepted) EXPECT_TRUE(matches(grammar, text)) << c.schema << "\n" << text;
    for (const std::string& text : c.rejected) EXPECT_FALSE(matches(grammar, text)) << c.schema << "\n" << text;
  }
}

std::string refusal(const std::string& schema) {
  try {
    compile_json_schema_text(schema);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
  return "";
}

TEST(JsonSchema, RefusalsNameThePathAndTheKeyword) {
  const std::vector<std::pair<std::string, std::string>> refusals = {
      {"{", "is no JSON"},
      {"3", "#: expected a schema"},
      {R"({"type": "strin"})", "#: 'type' has to be null, boolean"},
      {R"({"type": []})", "#: 'type' has to be"},
      {R"({"properties": {"a": {"items": {"uniqueItems": true, "type": "array"}}}})",
       "#/properties/a/items: 'uniqueItems'"},
      {R"({"type": "array", "contains": {"type": "integer"}})", "#: 'contains' is not supported"},
      {R"({"properties": {"a/b~": {"minLength": -1}}})", "#/properties/a~1b~0: 'minLength' has to be a whole number"},
      {R"({"minimum": "3"})", "'minimum' has to be a number"},
      {R"({"multipleOf": 0})", "'multipleOf' has to be a number above zero"},
      {R"({"type": "string", "pattern": "(a)\\1"})",
       "#: 'pattern': line 1, column 4: backreferences are not supported"},
      {R"({"type": "string", "pattern": "(?=a)b"})", "lookahead is not supported"},
      {R"({"type": "string", "format": "nonsense"})", "the format 'nonsense' is not supported"},
      {R"({"$ref": "#/$defs/x"})", "'$ref' is '#/$defs/x', but there is nothing"},
      {R"({"$ref": "http://example.org/x"})", "only references within the schema"},
      {R"({"$ref": "#"})", "no finite text"},
      {R"({"allOf": [{"$ref": "#"}, {"type": "object"}]})", "leads back to itself"},
      {R"({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]})", "no finite text"},
      {R"({"oneOf": [{"type": "integer"}, {"minimum": 2}]})", "#/oneOf: the branches 0 and 1 may both hold"},
      {R"({"anyOf": []})", "#/anyOf: expected a list of schemas"},
      {R"({"type": "string", "minLength": 20000})", "'minLength' is 20000"},
      {R"({"$dynamicRef": "#x"})", "'$dynamicRef' is not supported"},
      {R"({"items": {"$id": "http://example.org/"}, "type": "array"})", "'$id' below the root"},
      {R"({"type": "number", "multipleOf": 0.123456})", "#: 'multipleOf' is 0.123456"},
      {R"(false)", "no finite text"},
      {R"({"type": "integer", "minimum": 3, "maximum": 2})", "no finite text"},
  };
  for (const auto& [schema, expected] : refusals) {
    const std::string message = refusal(schema);
    EXPECT_NE(message.find(expected), std::string::npos) << schema << "\n" << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(JsonSchema, OpenObjectsTakeMoreProperties) {
  const std::string schema = R"({"type": "object", "properties": {"a": {"type": "integer"}}})";
  EXPECT_FALSE(matches(compile_json_schema_text(schema), R"({"a": 1, "b": 2})"));
  EXPECT_TRUE(matches(compile_json_schema_text(schema, {.closed_objects = false}), R"({"a": 1, "b": 2})"));
}

std::string many(const std::string& text, size_t count) {
  std::string out;
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// Refused, or compiled, within a second.
TEST(JsonSchema, NothingExplodes) {
  EXPECT_NE(refusal(many("[", 1'000'000)), "");
  EXPECT_NE(refusal(many("{\"items\":", 1'000'000) + "{}" + many("}", 1'000'000)), "");
  EXPECT_NE(refusal(many("{\"not\":", 250) + "{}" + many("}", 250)), "");
  EXPECT_NE(refusal(many("{\"allOf\":[{},", 120) + "{}" + many("]}", 120)), "");
  EXPECT_NE(refusal(R"({"type": "string", "pattern": "^(a|b)*a(a|b){40}$"})"), "");
  EXPECT_NE(refusal(R"({"type": "string", "pattern": "((a{1,1000}){1,1000}){1,1000}"})"), "");
  EXPECT_NE(refusal(R"({"type": "string", "pattern": ")" + many("(", 60'000) + R"("})"), "");
  std::string product = R"({"allOf": [)";
  for (int i = 0; i < 12; ++i) product += R"({"anyOf": [{"minimum": 1}, {"maximum": 5}, {"minLength": 2}]},)";
  EXPECT_NE(refusal(product + "{}]}"), "");
  // References that double at each level.
  std::string doubling = R"({"$ref": "#/$defs/d0", "$defs": {)";
  for (int i = 0; i < 60; ++i) {
    const std::string next = "{\"$ref\": \"#/$defs/d" + std::to_string(i + 1) + "\"}";
    doubling += "\"d" + std::to_string(i) + "\": {\"allOf\": [" + next + "," + next + "]},";
  }
  EXPECT_NE(refusal(doubling + R"("d60": {}}})"), "");
  std::string shared = R"({"$ref": "#/$defs/d0", "$defs": {)";
  for (int i = 0; i < 40; ++i) {
    const std::string next = "{\"$ref\": \"#/$defs/d" + std::to_string(i + 1) + "\"}";
    shared += "\"d" + std::to_string(i) + "\": {\"anyOf\": [" + next + "," + next + "]},";
  }
  EXPECT_EQ(refusal(shared + R"("d40": {"const": 1}}})"), "");
  std::string wide = R"({"type": "object", "properties": {)";
  for (int i = 0; i < 500; ++i) wide += "\"p" + std::to_string(i) + "\": {\"type\": \"string\", \"maxLength\": 200},";
  EXPECT_EQ(refusal(wide + R"("z": {}}})"), "");
  std::string values = R"({"enum": [0)";
  for (int i = 1; i < 10'000; ++i) values += ", \"value " + std::to_string(i) + "\"";
  EXPECT_EQ(refusal(values + "]}"), "");
}

}  // namespace
}  // namespace thimble
