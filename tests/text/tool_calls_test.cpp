// Answers taken apart: each family's syntax, pieces of any size, and what no family would write.
#include "text/tool_calls.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "text/literal_reader.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

// Words of a template that tell its family.
constexpr const char* kHermes = "<tool_call>";
constexpr const char* kCoder = "<tool_call> <function=";
constexpr const char* kGlm = "<tool_call> <arg_key>";
constexpr const char* kMistral = "[TOOL_CALLS] [THINK]";
constexpr const char* kLlama = "<|start_header_id|>";
constexpr const char* kGranite = "<|start_of_role|>";
constexpr const char* kPhi = "<|tool|>";
constexpr const char* kGemma = "<start_of_turn>";
constexpr const char* kGemma4 = "<|tool_call>";
constexpr const char* kLfm = "<|tool_list_start|>";

const Json& tools() {
  static const Json value =
      Json::parse(R"([{"type": "function", "function": {"name": "f", "parameters": {"type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}}}, {"function": {"name": "g"}}])");
  return value;
}

Json as_json(const AnswerParts& parts) {
  Json calls = Json::array();
  for (const ToolCall& call : parts.calls) calls.push_back({call.name, call.arguments, call.id});
  return {{"content", parts.content}, {"reasoning", parts.reasoning}, {"calls", calls}, {"fault", parts.is_malformed}};
}

AnswerParts parse(const char* family, std::string_view text, std::string_view prompt = {}) {
  return parse_answer(AnswerSyntax::of_template(family), text, tools(), prompt);
}

void expect_calls(const char* family, std::string_view text, const char* calls, const char* content = "") {
  const Json expected = {{"content", content}, {"reasoning", ""}, {"calls", Json::parse(calls)}, {"fault", false}};
  EXPECT_EQ(as_json(parse(family, text)), expected) << text;
}

void expect_content(const char* family, std::string_view text, bool is_malformed) {
  const Json expected = {{"content", text}, {"reasoning", ""}, {"calls", Json::array()}, {"fault", is_malformed}};
  EXPECT_EQ(as_json(parse(family, text)), expected);
}

struct Example {
  const char* family;
  const char* text;
  const char* calls;
  const char* content = "";
};

const std::vector<Example>& examples() {
  static const std::vector<Example> all = {
      {kHermes, R"({"name": "f", "arguments": {"a": "x"}})", R"([["f", {"a": "x"}, ""]])"},
      {kHermes, R"(<tool_call>{"name": "f", "arguments": {"a": "x"}}</tool_call>)", R"([["f", {"a": "x"}, ""]])"},
      {kHermes,
       "\n<tool_call>\n{\"name\": \"f\"}\n</tool_call>\n<tool_call>\n{\"name\": \"g\", \"arguments\": "
       "{}}\n</tool_call>\n",
       R"([["f", {}, ""], ["g", {}, ""]])"},
      {kHermes, R"(Now: <tool_call>[{"name": "f", "arguments": "{\"b\": 2}"}]</tool_call> done)",
       R"([["f", {"b": 2}, ""]])", "Now:done"},
      {kHermes, R"(<tool_call>{"name": "f", "arguments": {"a": "</tool_call>"}}</tool_call>)",
       R"([["f", {"a": "</tool_call>"}, ""]])"},
      {kHermes, R"(<tool_call>{"name": "f", "arguments": {"a": 1}})", R"([["f", {"a": 1}, ""]])"},
      {kHermes, R"(<tool_call>{"type": "function", "id": "7", "function": {"name": "f", "arguments": {}}}</tool_call>)",
       R"([["f", {}, "7"]])"},
      {kCoder,
       "<tool_call>\n<function=f>\n<parameter=a>\n5\n</parameter>\n<parameter=b>\n5\n</parameter>\n</function>\n</"
       "tool_call>",
       R"([["f", {"a": "5", "b": 5}, ""]])"},
      {kCoder,
       "<tool_call><function=g><parameter=x>True</parameter><parameter=y>[1, {'k': None}]</parameter>"
       "<parameter=z>two\nlines</parameter></function></tool_call>",
       R"([["g", {"x": true, "y": [1, {"k": null}], "z": "two\nlines"}, ""]])"},
      {kCoder, "<tool_call><function=f><parameter=a>x</parameter> y</parameter></function></tool_call>",
       R"([["f", {"a": "x</parameter> y"}, ""]])"},
      {kGlm, "<tool_call>f\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>",
       R"([["f", {"a": "1"}, ""]])"},
      {kGlm, "<tool_call>now</tool_call>", R"([["now", {}, ""]])"},
      {kMistral, R"([TOOL_CALLS][{"name": "f", "arguments": {"b": 1}, "id": "123456789"}])",
       R"([["f", {"b": 1}, "123456789"]])"},
      {kMistral, R"([TOOL_CALLS]f[ARGS]{"b": 1}[TOOL_CALLS]g[CALL_ID]123456789[ARGS]{})",
       R"([["f", {"b": 1}, ""], ["g", {}, "123456789"]])"},
      {kLlama, R"({"name": "f", "parameters": {"a": "x"}})", R"([["f", {"a": "x"}, ""]])"},
      {kLlama, R"( {"type": "function", "name": "f", "parameters": {"a": "x"}}; {"name": "g", "parameters": {}})",
       R"([["f", {"a": "x"}, ""], ["g", {}, ""]])"},
      {kLlama, R"(<|python_tag|>{"name": "f", "parameters": {}})", R"([["f", {}, ""]])"},
      {kLlama, R"(<|python_tag|>brave_search.call(query="pump", n=2))",
       R"([["brave_search", {"query": "pump", "n": 2}, ""]])"},
      {kLlama, "<|python_tag|>print(1)\n", R"j([["python", {"code": "print(1)"}, ""]])j"},
      {kLlama, "[f(a='x', b=1), g()]", R"([["f", {"a": "x", "b": 1}, ""], ["g", {}, ""]])"},
      {kGranite, R"(<|tool_call|>[{"name": "f", "arguments": {"a": "x"}}])", R"([["f", {"a": "x"}, ""]])"},
      {kGranite, R"(<tool_call>[{"name": "f", "arguments": {"a": "x"}}]</tool_call>)", R"([["f", {"a": "x"}, ""]])"},
      {kPhi, R"(<|tool_call|>[{"name": "f", "arguments": {"a": "x"}}]<|/tool_call|>)", R"([["f", {"a": "x"}, ""]])"},
      {kPhi, R"(functools[{"name": "f", "arguments": {"a": "x"}}])", R"([["f", {"a": "x"}, ""]])"},
      {kGemma, "```tool_code\nprint(f(a=\"x\", b=2))\n```", R"([["f", {"a": "x", "b": 2}, ""]])"},
      {kGemma, "```tool_code\nf(\"x\", 2)\ng()\n```", R"([["f", {"a": "x", "b": 2}, ""], ["g", {}, ""]])"},
      {kGemma, "Yes.\n```json\n{\"name\": \"f\", \"parameters\": {\"b\": 2}}\n```", R"([["f", {"b": 2}, ""]])", "Yes."},
      {kGemma, "{\"name\": \"f\", \"parameters\": {\"b\": 2}}", R"([["f", {"b": 2}, ""]])"},
      {kGemma4, R"(<|tool_call>call:f{a:<|"|>it's "x"<|"|>,b:[1,{k:null}]}<tool_call|>)",
       R"([["f", {"a": "it's \"x\"", "b": [1, {"k": null}]}, ""]])"},
      {kLfm, "<|tool_call_start|>[f(a=\"x\", b={\"k\": [True, None]})]<|tool_call_end|>ok",
       R"([["f", {"a": "x", "b": {"k": [true, null]}}, ""]])", "ok"},
      {"DSML ｜DSML｜",
       "<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"b\" "
       "string=\"false\">3</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>",
       R"([["f", {"b": 3}, ""]])"},
      {"<function=", "<function=f>{\"b\": 3}</function>", R"([["f", {"b": 3}, ""]])"},
      {"<|tools_prefix|>", R"(<|tools_prefix|>[{"f": {"b": 3}}, {"g": {}}]<|tools_suffix|>)",
       R"([["f", {"b": 3}, ""], ["g", {}, ""]])"},
      {"<function name=", R"(<function name="f"><param name="a"><![CDATA[ x ]]></param></function>)",
       R"([["f", {"a": " x "}, ""]])"},
  };
  return all;
}

TEST(ToolCalls, EveryFamilysOwnSyntax) {
  for (const Example& example : examples()) expect_calls(example.family, example.text, example.calls, example.content);
}

TEST(ToolCalls, PiecesOfAnySizeGiveTheSame) {
  for (const Example& example : examples()) {
    const std::string text = "<think>\nfirst</think>" + std::string(example.text);
    const Json whole = as_json(parse(example.family, text));
    for (const size_t size : {1, 2, 3, 7, 11}) {
      AnswerParser parser(AnswerSyntax::of_template(example.family), tools());
      AnswerParts parts;
      for (size_t at = 0; at < text.size(); at += size) parts.add(parser.push(std::string_view(text).substr(at, size)));
      parts.add(parser.finish());
      EXPECT_EQ(as_json(parts), whole) << text << " in pieces of " << size;
    }
  }
}

TEST(ToolCalls, HalfATagIsNeverShown) {
  AnswerParser parser(AnswerSyntax::of_template(kHermes), nullptr);
  EXPECT_EQ(parser.push("Let me see").content, "Let me see");
  EXPECT_EQ(parser.push(".\n\n<tool").content, ".");
  EXPECT_EQ(parser.push("_call>{\"name\":").content, "");
  const AnswerParts parts = parser.push(" \"f\"}</tool_call>");
  EXPECT_EQ(parts.content, "");
  ASSERT_EQ(parts.calls.size(), 1u) << "at once, not at the end of the answer";
  EXPECT_EQ(parser.push("<tool").content, "");
  EXPECT_EQ(parser.push("box>").content, "<toolbox>");
  EXPECT_EQ(as_json(parser.finish()), as_json({}));
}

TEST(ToolCalls, ReasoningIsApart) {
  const auto split = [](const char* text, const char* prompt = "") {
    const AnswerParts parts = parse(kHermes, text, prompt);
    return parts.reasoning + "|" + parts.content;
  };
  EXPECT_EQ(split("<think>\nwhy\n\nnot\n</think>\n\nSo."), "why\n\nnot|So.");
  EXPECT_EQ(split("\n <think></think>So."), "|So.");
  EXPECT_EQ(split("why\n</think>\nSo.", "<|im_start|>assistant\n<think>\n"), "why|So.");
  EXPECT_EQ(split("\nSo.", "<think>\n\n</think>\n"), "|So.");
  EXPECT_EQ(split("</think>So."), "|So.");
  EXPECT_EQ(split("<think>never ends\n"), "never ends|");
  EXPECT_EQ(split("So <think>no</think>"), "|So <think>no</think>") << "only at the beginning";
  EXPECT_EQ(split("<thin"), "|<thin");
  const AnswerParts parts = parse(kMistral, "[THINK]a[/THINK][TOOL_CALLS]f[ARGS]{}");
  EXPECT_EQ(parts.reasoning, "a");
  EXPECT_EQ(parts.calls.size(), 1u);
}

TEST(ToolCalls, WhatIsNoCallStaysContent) {
  for (const char* text : {"", " ", "plain\n", "a < b", "<tool", "```\ncode\n```", "{ \"name\": 1 }", "[1, 2]"}) {
    expect_content(kHermes, text, false);
  }
  for (const char* text :
       {"{}", "{\"a\": 1}", "{ \"title\": \"x\", \"list\": [1] }", "[1, 2]", "[f]", "[a link](b)", "{", "  {x"}) {
    expect_content(kLlama, text, false);
  }
  expect_content(kGemma, "```json\n{\"a\": 1}\n```\n", false);
  expect_content(kGemma, "```json\n{\"name\": \"nobody\"}\n```\n", false);
  expect_content(kPhi, "use functools[1]", false);
  expect_content("no family at all", "<tool_call>{\"name\": \"f\"}</tool_call>", false);
  // What comes behind makes no difference, however long a piece is.
  const AnswerParts parts = parse(kGemma, "[x]\n```tool_call\n{\"name\": \"f\"}\n```" + std::string(100, ' ') + "So.");
  EXPECT_EQ(parts.calls.size(), 1u);
  AnswerParser parser(AnswerSyntax::of_template(kLlama), nullptr);
  EXPECT_EQ(parser.push("{\"title\"").content, "{\"title\"") << "shown as soon as it can be no call";
}

TEST(ToolCalls, MalformedCallsStayContentWithAFlag) {
  for (const char* text :
       {"<tool_call></tool_call>", "<tool_call>x</tool_call>", "<tool_call>{\"name\": 5}</tool_call>",
        "<tool_call>{\"name\": \"f\"", "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
        "<tool_call>{\"name\": \"\"}</tool_call>", "<tool_call>{\"name\": \"f\"} and more</tool_call>",
        "a\n<tool_call>{\"arguments\": {}}</tool_call> b",
        "<tool_call>{\"name\": \"f\", \"arguments\": {\"x\": 1e999}}</tool_call>", "<tool_call>[]</tool_call>"}) {
    expect_content(kHermes, text, true);
  }
  expect_content(kCoder, "<tool_call><function=f><parameter=a>x</function></tool_call>", true);
  expect_content(kLlama, "{\"name\": \"f\", \"parameters\": {\"a\": ", true);
  expect_content(kGemma, "```tool_code\nx = f(a)\n```", true);
  for (const char* bad : {"<tool_call>x</tool_call>", "<tool_call>{\"name\": \"f\"</tool_call>"}) {
    const AnswerParts parts = parse(kHermes, bad + std::string("<tool_call>{\"name\": \"f\"}</tool_call>"));
    EXPECT_TRUE(parts.is_malformed);
    EXPECT_EQ(parts.content, bad);
    EXPECT_EQ(parts.calls.size(), 1u) << "the next one is read all the same";
  }
}

TEST(ToolCalls, LimitsHold) {
  const auto call = [](const std::string& arguments) {
    return "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": " + arguments + "}}</tool_call>";
  };
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(parse(kHermes, call(nested(LiteralReader::kMaxDepth - 2))).calls.size(), 1u);
  for (const std::string& text :
       {call(nested(LiteralReader::kMaxDepth - 1)), call(nested(100'000)), call(std::string(100'000, '[')),
        call("\"" + std::string(AnswerParser::kMaxSectionBytes, 'x') + "\""), "<tool_call>" + std::string(1 << 20, '{'),
        "<tool_call>{\"name\": \"" + std::string(kMaxNameBytes + 1, 'x') + "\"}</tool_call>"}) {
    const AnswerParts parts = parse(kHermes, text);
    EXPECT_TRUE(parts.is_malformed);
    EXPECT_EQ(parts.content, text);
  }
  std::string many = "<tool_call>";
  for (size_t i = 0; i <= kMaxCalls; ++i) many += "{\"name\": \"f\"}";
  EXPECT_TRUE(parse(kHermes, many + "</tool_call>").is_malformed);
}

TEST(ToolCalls, TimeIsBounded) {
  std::vector<std::string> texts = {"<tool_call>\"", std::string(1 << 18, ' '), "<tool_call>{",
                                    std::string(1 << 18, '<')};
  for (int i = 0; i < 5'000; ++i) {
    texts[0] += "</tool_call>";
    texts[2] += "\"k" + std::to_string(i) + "\":1,";
  }
  for (const std::string& text : texts) {
    const auto begin = std::chrono::steady_clock::now();
    AnswerParser parser(AnswerSyntax::of_template(kHermes), nullptr);
    AnswerParts parts;
    for (size_t at = 0; at < text.size(); at += 8) parts.add(parser.push(std::string_view(text).substr(at, 8)));
    parts.add(parser.finish());
    EXPECT_EQ(parts.content, text);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10)) << text.substr(0, 40);
  }
}

TEST(LiteralReader, JsonAndPython) {
  const auto read = [](std::string_view text) { return LiteralReader(text).value().value_or("none").dump(); };
  EXPECT_EQ(read(R"( {"a": [1, -2, 0.5, 1e3, true, null, "\u00e9\n\ud83d\ude00\/"]} )"),
            R"({"a":[1,-2,0.5,1000.0,true,null,"é\n😀/"]})");
  EXPECT_EQ(read("{'a': ('x\"', True, None,), \"b\": 'it\\'s \\x41\\q',}"),
            R"({"a":["x\"",true,null],"b":"it's A\\q"})");
  EXPECT_EQ(read("{a: 1, a: 2}"), R"({"a":2})");
  EXPECT_EQ(read("9223372036854775807"), "9223372036854775807");
  EXPECT_EQ(read("18446744073709551615"), "18446744073709551615");
  EXPECT_EQ(read("\"\\ud800\""), "\"\xef\xbf\xbd\"");
  for (const char* bad : {"", "{", "[1", "\"x", "nil", "1e999", "-", "{1: 2}", "[1 2]", "{\"a\" 1}", "'\\u12'", "\\"}) {
    EXPECT_EQ(read(bad), "\"none\"") << bad;
  }
}

TEST(AnswerSyntax, TagsAreThoseOfTheFamily) {
  const auto tags = AnswerSyntax::of_template(kMistral).tags();
  for (const char* tag : {"<think>", "[THINK]", "[/THINK]", "[TOOL_CALLS]", "[ARGS]", "[CALL_ID]"}) {
    EXPECT_NE(std::find(tags.begin(), tags.end(), tag), tags.end()) << tag;
  }
  EXPECT_EQ(AnswerSyntax::of_template("nothing").calls, nullptr);
  EXPECT_STREQ(AnswerSyntax::of_template("<|im_start|>").calls->name.data(), "hermes");
}

}  // namespace
}  // namespace thimble
