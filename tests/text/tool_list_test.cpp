// Lists of tools: what is taken, what is refused with which words, and calls as their grammar spells them.
#include "text/tool_list.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "text/grammar_matcher.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kTools = R"([
  {"type": "function", "function": {"name": "set_valve", "description": "Move a valve", "x-confirm": true, "parameters": {
    "type": "object", "properties": {"valve": {"type": "string", "pattern": "^V-[0-9]{2}$"}, "percent": {"type": "number", "minimum": 0,
    "maximum": 100}}, "required": ["valve", "percent"]}}},
  {"name": "walk", "parameters": {"type": "object", "properties": {"path": {"$ref": "#/$defs/step"}}, "required": ["path"], "$defs": {"step":
    {"type": "object", "properties": {"to": {"type": "string", "maxLength": 9}, "then": {"$ref": "#/$defs/step"}}, "required": ["to"]}}}},
  {"name": "ping"}
])";

std::string refusal(std::string_view text) {
  try {
    ToolList::parse(text, "tools.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file);
    return error.what();
  }
  return "taken";
}

TEST(ToolList, BothFormsAreReadAndMarksKept) {
  const ToolList list = ToolList::parse(kTools, "tools.json");
  ASSERT_EQ(list.tools().size(), 3u);
  EXPECT_TRUE(list.tools()[0].confirm);
  EXPECT_FALSE(list.tools()[1].confirm);
  EXPECT_EQ(list.find("set_valve")->description, "Move a valve");
  EXPECT_EQ(list.find("nothing"), nullptr);
}

TEST(ToolList, CallsAreSpelledAsTheGrammarHasThem) {
  const ToolList list = ToolList::parse(kTools, "tools.json");
  const auto is_taken = [&](std::string_view name, const Json& arguments) {
    return matches(*list.grammar(), list.spell_call(name, arguments));
  };
  EXPECT_EQ(list.spell_call("set_valve", {{"percent", 1e-7}, {"valve", "V-19"}}),
            R"({"name": "set_valve", "arguments": {"valve": "V-19", "percent": 0.0000001}})");
  EXPECT_TRUE(is_taken("set_valve", {{"percent", 12.5}, {"valve", "V-19"}}));
  EXPECT_TRUE(is_taken("set_valve", {{"percent", 1e-7}, {"valve", "V-19"}}));
  EXPECT_TRUE(is_taken("walk", {{"path", {{"then", {{"to", "b"}}}, {"to", "\"ä\"\n"}}}}));
  EXPECT_TRUE(is_taken("ping", Json::object()));
  EXPECT_TRUE(is_taken("", Json::object())) << "none";
  EXPECT_FALSE(is_taken("set_valve", {{"percent", 101}, {"valve", "V-19"}}));
  EXPECT_FALSE(is_taken("set_valve", {{"percent", 10}, {"valve", "V-1"}}));
  EXPECT_FALSE(is_taken("ping", {{"extra", 1}}));
  EXPECT_TRUE(matches(*list.grammar_of({2}), list.spell_call("ping", Json::object())));
  EXPECT_FALSE(matches(*list.grammar_of({2}), list.spell_call("set_valve", {{"percent", 1}, {"valve", "V-19"}})));
}

TEST(ToolList, BrokenListsAreRefusedInOneLine) {
  const auto expect = [](std::string_view text, std::string_view part) {
    const std::string message = refusal(text);
    EXPECT_NE(message.find(part), std::string::npos) << message;
    EXPECT_NE(message.find("tools.json"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  };
  expect("[", "is no JSON");
  expect("\xff[]", "UTF-8");
  expect("{}", "a JSON array, found object");
  expect("[]", "no tool");
  expect("[3]", "tool 1: expected an object, found number");
  expect(R"([{"name": ""}])", "tool 1: a tool needs a \"name\"");
  expect(R"([{"name": 3}])", "tool 1: \"name\" is a string, found number");
  expect(R"([{"name": "a"}, {"name": "a"}])", "two tools are named 'a'");
  expect(R"([{"name": "none"}])", "no tool may be named 'none'");
  expect(R"([{"name": "a", "x-confirm": "yes"}])", "\"x-confirm\" is true or false");
  expect(R"([{"name": "a"}, {"name": "b", "parameters": {"type": "object", "properties": {"x": {"contains": {}}}}}])",
         "tool 'b'");
  expect(R"([{"name": "a", "parameters": {"$ref": "#/nowhere"}}])", "tool 'a'");
  expect(std::string(1000, '['), "deep");
}

}  // namespace
}  // namespace thimble
