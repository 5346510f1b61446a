// Against jinja2 as transformers sets it up: tests/data/templates, written by tests/oracle/template_golden.py.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "format/gguf.h"
#include "support/published_templates.h"
#include "support/real_models.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

Json read_json(const std::string& name) {
  return Json::parse(test::read_file(std::string(THIMBLE_TEST_DATA) + "/templates/" + name));
}

struct Rendering {
  Json text;  // null where refused
  std::string error;
};

Rendering render(const std::string& source, const Json& context) {
  try {
    return {ChatTemplate(source).render(context, test::oracle_now()), ""};
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file) << source;
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos) << error.what();
    EXPECT_EQ(std::string_view(error.what()).find("chat template, line "), 0u) << error.what();
    return {nullptr, error.what()};
  }
}

void expect_conversations(const std::string& source, const Json& expected) {
  const Json contexts = read_json("contexts.json");
  ASSERT_EQ(contexts.size(), expected.size());
  for (const auto& [name, text] : expected.items()) {
    const Rendering rendering = render(source, contexts.at(name));
    EXPECT_EQ(rendering.text, text) << name << ": " << rendering.error;
  }
}

std::string parameter_name(const testing::TestParamInfo<const char*>& parameter) {
  std::string name = parameter.param;
  for (char& c : name) c = c == '-' || c == '.' ? '_' : c;
  return name;
}

TEST(ChatTemplate, SmallCasesAsJinja2) {
  const Json golden = read_json("cases.json");
  ASSERT_GT(golden["cases"].size(), 900u);
  for (const Json& entry : golden["cases"]) {
    const Rendering rendering = render(entry[0].get<std::string>(), golden["context"]);
    EXPECT_EQ(rendering.text, entry[1]) << entry[0] << ": " << rendering.error;
  }
}

class Family : public testing::TestWithParam<const char*> {};

TEST_P(Family, ConversationsAsJinja2) {
  const Json family = read_json(std::string("family_") + GetParam() + ".json");
  expect_conversations(family["template"].get<std::string>(), family["rendered"]);
}

INSTANTIATE_TEST_SUITE_P(ChatTemplate, Family,
                         testing::Values("headers", "brackets", "turns", "one_line", "thinking", "metadata", "schemas",
                                         "role_marks", "inline_tools"),
                         parameter_name);

class RealModelTemplate : public testing::TestWithParam<const char*> {};

TEST_P(RealModelTemplate, ConversationsAsJinja2) {
  THIMBLE_REAL_MODEL_OR_SKIP(path, GetParam());
  const Gguf file = Gguf::open(path);
  const auto source = file.string("tokenizer.chat_template");
  ASSERT_TRUE(source);
  expect_conversations(std::string(*source), read_json("real_models.json").at(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(ChatTemplate, RealModelTemplate, testing::Values("smollm2-135m", "qwen2.5-coder-0.5b"),
                         parameter_name);

TEST(ChatTemplate, RendersTheSameTwiceAndAfterAMove) {
  ChatTemplate first(
      "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}");
  const Json context = {{"messages", {1, 2, 3}}};
  EXPECT_EQ(first.render(context), "3");
  const ChatTemplate second = std::move(first);
  EXPECT_EQ(second.render(context), "3");
}

TEST(ChatTemplate, InvalidTextInTheContextIsReplaced) {
  Json context;
  context["s"] =
      "a\xff"
      "b";
  EXPECT_EQ(ChatTemplate("{{ s }}|{{ s|length }}").render(context),
            "a\xef\xbf\xbd"
            "b|3");
}

TEST(ChatTemplate, ErrorsNameLineAndColumn) {
  const auto message = [](const char* source) { return render(source, Json::object()).error; };
  EXPECT_EQ(message("ab\n  {{ 1 + 'x' }}"), "chat template, line 2:8: '+' does not work on 'int' and 'str'");
  EXPECT_EQ(message("é{{ x.y }}"), "chat template, line 1:6: 'x' is undefined");
  EXPECT_EQ(message("{% if x %}\n{{ y }"), "chat template, line 2:6: unexpected '}'");
  EXPECT_EQ(message("{{ raise_exception('a\\nb') }}"), "chat template, line 1:19: the template refuses: a\\x0ab");
}

// Renders the batch that tests/oracle/template_differential.py writes.
TEST(ChatTemplateBatch, RendersAFile) {
  const char* path = std::getenv("THIMBLE_TEMPLATE_BATCH");
  if (path == nullptr) GTEST_SKIP() << "THIMBLE_TEMPLATE_BATCH names no file";
  const Json batch = Json::parse(test::read_file(path));
  Json answers = Json::array();
  for (const Json& source : batch["templates"]) {
    const Rendering rendering = render(source.get<std::string>(), batch["context"]);
    answers.push_back({{"text", rendering.text}, {"error", rendering.error}});
  }
  test::write_file(std::string(path) + ".out", answers.dump());
}

}  // namespace
}  // namespace thimble
