// JSON with parts that are too large for a tree, and base 64.
#include "format/json_text.h"

#include <gtest/gtest.h>

#include <array>

#include "base/error.h"
#include "format/base64.h"

namespace thimble {
namespace {

constexpr std::array<std::string_view, 2> kPaths = {"model/vocab", "list"};

TEST(JsonText, BulksGoToTheirTakerAndTheRestIsATree) {
  std::vector<std::string> taken;
  const JsonBulk bulk = {kPaths, [&](size_t path, std::string& key, nlohmann::json& value) {
                           taken.push_back(std::to_string(path) + key + "=" + value.dump());
                         }};
  const auto tree = parse_json(
      R"({"model": {"vocab": {"a": 1, "a": {"vocab": [2]}}, "x": 3}, "list": [4, [5, 6]], "vocab": {"b": 7}, "deep": {"list": [8]}})",
      "test", bulk);
  EXPECT_EQ(taken, (std::vector<std::string>{"0a=1", R"(0a={"vocab":[2]})", "1=4", "1=[5,6]"}));
  EXPECT_EQ(tree, nlohmann::json::parse(
                      R"({"model": {"vocab": {}, "x": 3}, "list": [], "vocab": {"b": 7}, "deep": {"list": [8]}})"));
}

TEST(JsonText, ABulkMayBeLongerThanATree) {
  std::string text = R"({"list": [0)";
  const size_t more = size_t{1} << 22;
  for (size_t i = 0; i < more; ++i) text += ",0";
  text += "]}";
  size_t count = 0;
  parse_json(text, "test", {kPaths, [&](size_t, std::string&, nlohmann::json&) { ++count; }});
  EXPECT_EQ(count, more + 1);
  EXPECT_THROW(parse_json(text, "test"), Error);
}

TEST(Base64, IsItsOwnInverse) {
  EXPECT_EQ(encode_base64("foobar"), "Zm9vYmFy");  // RFC 4648, section 10
  EXPECT_EQ(encode_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(encode_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(encode_base64(""), "");
  std::string all;
  for (int byte = 0; byte < 256; ++byte) {
    all += static_cast<char>(byte);
    EXPECT_EQ(decode_base64(encode_base64(all)), all);
  }
  for (const char* broken : {"A", "AB", "ABC", "A===", "====", "AB=C", "AB C", "A\nBC", "\xff\xff\xff\xff"})
    EXPECT_EQ(decode_base64(broken), std::nullopt) << broken;
}

}  // namespace
}  // namespace thimble
