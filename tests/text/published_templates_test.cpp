// The templates that `tools/fetch_model.py templates` fetches, over a grid of conversations, against jinja2 as transformers sets
// it up: tests/data/templates/published.json, written by tests/oracle/template_published.py.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "support/published_templates.h"
#include "text/chat_template.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

// zlib's crc32.
uint32_t crc32(std::string_view bytes, uint32_t crc = 0) {
  crc = ~crc;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

std::optional<std::string> render(const ChatTemplate& compiled, const Json& context) {
  try {
    return compiled.render(context, test::oracle_now());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::bad_file) << error.what();
    return std::nullopt;
  }
}

// The digests as the script writes them; what differs from `expected` is named.
Json digests(const std::string& name, const ChatTemplate& compiled, const Json& grid, const std::string& expected) {
  uint32_t whole = 0;
  std::string each;
  for (const auto& [conversation, messages] : grid["conversations"].items()) {
    for (size_t variant = 0; variant < grid["variants"].size(); ++variant) {
      Json context = grid["base"];
      context["messages"] = messages;
      context.update(grid["variants"][variant]);
      const std::optional<std::string> text = render(compiled, context);
      whole = crc32(text.value_or("refused"), whole);
      each += text ? fmt::format("{:02x}", crc32(*text) & 0xFF) : "--";
      EXPECT_EQ(each.substr(each.size() - 2), expected.substr(each.size() - 2, 2))
          << name << ' ' << conversation << ' ' << variant;
    }
  }
  return {{"whole", fmt::format("{:08x}", whole)}, {"each", each}};
}

TEST(PublishedTemplates, GridOfConversationsAsJinja2) {
  THIMBLE_TEMPLATES_OR_SKIP(folder);
  const Json golden = Json::parse(test::read_file(std::string(THIMBLE_TEST_DATA) + "/templates/published.json"));
  ASSERT_GT(golden["templates"].size(), 150u);
  for (const auto& [name, expected] : golden["templates"].items()) {
    try {
      const ChatTemplate compiled(test::read_file(folder / (name + ".jinja")));
      EXPECT_EQ(digests(name, compiled, golden, expected["each"].get<std::string>()), expected) << name;
    } catch (const Error& error) {
      ADD_FAILURE() << name << ": " << error.what();
    }
  }
}

}  // namespace
}  // namespace thimble
