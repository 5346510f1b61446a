// Tool calls written by published templates are read back: what the template makes of an assistant's message is cut out
// between the generation prompt and the end of the turn, and parsed with the syntax found in the same template.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "support/published_templates.h"
#include "text/chat_template.h"
#include "text/tool_calls.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

// Where the models stop.
constexpr std::string_view kEnds[] = {"<|im_end|>",
                                      "<|eot_id|>",
                                      "<|eom_id|>",
                                      "</s>",
                                      "<|end_of_text|>",
                                      "<end_of_turn>",
                                      "<|end|>",
                                      "<seed:eos>",
                                      "<end_of_sentence>",
                                      "<｜end▁of▁sentence｜>",
                                      "<sep>",
                                      "<|role_end|>",
                                      "[e~[",
                                      "<SPECIAL_12>",
                                      "<|END_OF_TURN_TOKEN|>",
                                      "<turn|>",
                                      "<|tool_response>",
                                      "</assistant>",
                                      "<|message_sep|>",
                                      "<|observation|>"};

// Templates that write calls which are not understood, and why.
const std::set<std::string> kNotRead = {
    "GigaChat3-10B-A1.8B",
    "GigaChat3.1-10B-A1.8B",  // each call in a message of its own
    "Kimi-K3",                // attributes and types of arguments in tags
    "MiniMax-M3",             // a tag an element, nested
    "moonshotai-Kimi-K2",     // the name is part of an id
    "muse-glimmer",
    "trl-muse_glimmer_training",  // a recipient in front
    "openai-gpt-oss-120b",
    "trl-gptoss_training",      // channels
    "tencent-Hy3",              // a suffix at every tag
    "upstage-Solar-Open-100B",  // the id in front of the name
};
// Templates that put text between quotation marks without escaping what is in it.
const std::set<std::string> kUnescaped = {"LFM2.5-8B-A1B", "trl-lfm2_2_5_v2"};

const Json& tools() {
  static const Json value = Json::parse(R"([{"type": "function", "function": {"name": "get_weather", "description": "d",
    "parameters": {"type": "object", "required": ["city"], "properties": {"city": {"type": "string"}, "n": {"type": "array"},
    "t": {"type": "boolean"}, "x": {"type": "number"}, "o": {"type": "object"}, "code": {"type": "string"}}}}},
    {"type": "function", "function": {"name": "now", "description": "d", "parameters": {"type": "object", "properties": {}}}}])");
  return value;
}

Json call(const char* name, Json arguments, const char* id) {
  return {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", std::move(arguments)}}}};
}

// Assistant's messages: one call, two, none of whose strings spell a tag, and some that do.
Json messages_with_calls() {
  const Json odd = {
      {"city", "Köln \"x\" \\ it's\n日本"}, {"n", {1, -2.5, {{"b", "c"}}}}, {"t", true}, {"x", 0.25}, {"code", "5"}};
  const Json spelled = {{"city", "a </tool_call> b ``` ] } <b>"}};
  return {
      {{"content", ""}, {"tool_calls", {call("get_weather", odd, "a1b2c3d4e")}}},
      {{"content", ""}, {"tool_calls", {call("now", Json::object(), "a1b2c3d4e")}}},
      {{"content", ""}, {"tool_calls", {call("get_weather", spelled, "a1b2c3d4e")}}},
      {{"content", ""},
       {"tool_calls", {call("get_weather", {{"city", "Rom"}}, "a1b2c3d4e"), call("now", Json::object(), "b1b2c3d4e")}}},
      {{"content", "Let me see."}, {"tool_calls", {call("get_weather", {{"city", "Rom"}}, "a1b2c3d4e")}}}};
}

std::optional<std::string> render(const ChatTemplate& compiled, const Json& messages, bool generation) {
  try {
    return compiled.render({{"messages", messages},
                            {"tools", tools()},
                            {"bos_token", "<s>"},
                            {"eos_token", "</s>"},
                            {"add_generation_prompt", generation}},
                           test::oracle_now());
  } catch (const Error&) {
    return std::nullopt;
  }
}

struct Said {
  std::string prompt;
  std::string text;
};

// What the assistant said in the last message, and what stood in front of it.
std::optional<Said> cut_out(const ChatTemplate& compiled, const Json& message) {
  Json messages = {{{"role", "user"}, {"content", "Q?"}}};
  const auto prompt = render(compiled, messages, true);
  messages.push_back(message);
  const auto whole = render(compiled, messages, false);
  if (!prompt || !whole) return std::nullopt;
  size_t shared = static_cast<size_t>(std::ranges::mismatch(*prompt, *whole).in2 - whole->begin());
  // Not into the middle of a tag.
  if (shared < prompt->size() && prompt->find_first_of("\n>]", shared - 1) != shared - 1) {
    shared = std::min(shared, whole->find_last_of("\n>]", shared - 1) + 1);
  }
  std::string text = whole->substr(shared);
  for (const std::string_view end : kEnds) text.resize(std::min(text.size(), text.find(end)));
  return Said{whole->substr(0, shared), text};
}

void expect_read_back(const std::string& name, const AnswerSyntax& syntax, const Said& said, const Json& message) {
  const AnswerParts parts = parse_answer(syntax, said.text, tools(), said.prompt);
  Json read = Json::array();
  for (const ToolCall& one : parts.calls) read.push_back({{"name", one.name}, {"arguments", one.arguments}});
  Json expected = Json::array();
  for (const Json& one : message["tool_calls"]) expected.push_back(one["function"]);
  // Some templates sort the arguments.
  EXPECT_EQ(nlohmann::json(read), nlohmann::json(expected)) << name << ": " << said.text;
  EXPECT_FALSE(parts.is_malformed) << name;
  // Some templates leave the content of such a message out, or put a blank in front.
  const std::string content =
      parts.content.substr(std::min(parts.content.find_first_not_of(' '), parts.content.size()));
  if (!content.empty()) {
    EXPECT_EQ(content, message["content"]) << name << ": " << said.text;
  }
}

TEST(PublishedTemplates, ToolCallsAreReadBack) {
  THIMBLE_TEMPLATES_OR_SKIP(folder);
  size_t families = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jinja") continue;
    const std::string name = entry.path().stem().string();
    const std::string source = test::read_file(entry.path());
    const ChatTemplate compiled(source);
    const AnswerSyntax syntax = AnswerSyntax::of_template(source);
    bool writes_calls = false;
    for (Json message : messages_with_calls()) {
      message["role"] = "assistant";
      const auto said = cut_out(compiled, message);
      const std::string first = message["tool_calls"][0]["function"]["name"];
      if (!said || said->text.find(first) == std::string::npos || kNotRead.contains(name)) continue;
      writes_calls = true;
      if (kUnescaped.contains(name) && said->text.find('\\') != std::string::npos) continue;
      expect_read_back(name, syntax, *said, message);
    }
    families += writes_calls ? 1 : 0;
  }
  EXPECT_GT(families, 70u);
}

}  // namespace
}  // namespace thimble
