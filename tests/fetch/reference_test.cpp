// References, names and listings: what is read as what, and what is refused. Choices among a hub's files are in hub_test.py.
#include "fetch/reference.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "fetch/digest.h"
#include "fetch/download.h"
#include "fetch/url.h"
#include "format/json_text.h"

namespace thimble {
namespace {

ExitCode refusal_of(const std::function<void()>& job) {
  try {
    job();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.code();
  }
  return ExitCode::done;
}

TEST(HubReference, HasItsParts) {
  const HubReference reference = parse_hub_reference("hf:Owner-1/My.Model_2@v1.0:Q4_K_M");
  EXPECT_EQ(reference.owner, "Owner-1");
  EXPECT_EQ(reference.repository, "My.Model_2");
  EXPECT_EQ(reference.revision, "v1.0");
  EXPECT_EQ(reference.quantization, "Q4_K_M");
  EXPECT_EQ(reference.text(), "hf:Owner-1/My.Model_2@v1.0:Q4_K_M");
  const HubReference file = parse_hub_reference("hf:o/r@v1/folder/a-b.GGUF");
  EXPECT_EQ(file.revision, "v1");
  EXPECT_EQ(file.file, "folder/a-b.GGUF");
  EXPECT_EQ(parse_hub_reference("hf:o/r").text(), "hf:o/r");
}

TEST(RelativePath, StaysInside) {
  for (const char* good : {"a", "a/b.gguf", "a b.gguf", "\xc3\xbc.gguf", "a/b/c/d"})
    EXPECT_TRUE(is_safe_relative_path(good)) << good;
  for (const char* bad :
       {"", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/.b", ".a", "a\\b", "a\nb", "a\x7f", "\xff"}) {
    EXPECT_FALSE(is_safe_relative_path(bad)) << bad;
  }
  EXPECT_FALSE(is_safe_relative_path(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_safe_relative_path(std::string(201, 'a')));
  EXPECT_TRUE(is_safe_relative_path(std::string(200, 'a')));
}

TEST(FileName, IsPlain) {
  EXPECT_EQ(plain_file_name("m.gguf"), "m.gguf");
  EXPECT_EQ(plain_file_name("folder/M.GGUF"), "M.gguf");
  EXPECT_EQ(plain_file_name("my model (1)"), "my_model__1_.gguf");
  EXPECT_EQ(plain_file_name(""), "model.gguf");
  EXPECT_EQ(plain_file_name(".."), "model.gguf");
  EXPECT_EQ(plain_file_name("...x"), "x.gguf");
  EXPECT_EQ(plain_file_name(".gguf"), "gguf.gguf");
  EXPECT_EQ(plain_file_name("a\x1b[2J\n\xff.gguf"), "a__2J__.gguf");
  EXPECT_LE(plain_file_name(std::string(5000, 'x')).size(), 200u);
  EXPECT_EQ(flat_name("a/b/c.gguf"), "a--b--c.gguf");
}

TEST(Quantization, IsReadOffTheName) {
  for (const auto& [name, tag] :
       std::vector<std::pair<std::string, std::string>>{{"a-Q4_K_M.gguf", "Q4_K_M"},
                                                        {"a.iq3_xxs.gguf", "IQ3_XXS"},
                                                        {"x/a-bf16.gguf", "BF16"},
                                                        {"Qwen2-a-Q8_0-00001-of-00002.gguf", "Q8_0"},
                                                        {"Qwen.gguf", ""},
                                                        {"a.gguf", ""}}) {
    EXPECT_EQ(quantization_in(name), tag) << name;
  }
}

TEST(ContentRange, IsReadStrictly) {
  const auto range = parse_content_range("bytes 5-9/10");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 5u);
  EXPECT_EQ(range->last, 9u);
  EXPECT_EQ(range->size, 10u);
  for (const char* wrong :
       {"", "bytes", "bytes 5-9", "bytes 5/10", "bytes 9-5/10", "bytes 5-10/10", "bytes 5-9/*", "bytes */10",
        "bytes -9/10", "bytes 5-/10", "bytes +5-9/10", "bytes 5-9/10 ", "bytes  5-9/10", "5-9/10",
        "bytes 5-9/99999999999999999999", "bytes=5-9/10", "bytes 5/9-10"}) {
    EXPECT_FALSE(parse_content_range(wrong)) << wrong;
  }
}

TEST(Address, HasAnOrigin) {
  const Url url = parse_url("HTTPS://Example.ORG/a%20b/c.gguf?x=1#part");
  EXPECT_EQ(url.origin, "https://example.org:443");
  EXPECT_EQ(url.path, "/a%20b/c.gguf");
  EXPECT_EQ(url.text.find('#'), std::string::npos);
  EXPECT_EQ(parse_url("../d", "http://h:8080/a/b/c").text, "http://h:8080/a/d");
  EXPECT_EQ(parse_url("//other/x", "https://h/a").origin, "https://other:443");
  EXPECT_NE(parse_url("http://h/").origin, parse_url("https://h/").origin);
  for (const char* wrong : {"", "x", "ftp://h/x", "file:///x", "https://u@h/x", "https://u:p@h/x", "https://h /x",
                            "https://h/\n", "http://[::1"}) {
    EXPECT_EQ(refusal_of([&] { parse_url(wrong); }), ExitCode::usage) << wrong;
  }
  EXPECT_FALSE(redirect_fault(parse_url("https://h/"), parse_url("http://h/")).empty());
  EXPECT_TRUE(redirect_fault(parse_url("http://h/"), parse_url("https://h/")).empty());
  EXPECT_TRUE(redirect_fault(parse_url("http://h/"), parse_url("http://i/")).empty());
}

TEST(Address, EscapesComeBack) {
  const std::string text = "a b/%\xff~_-.\x01";
  EXPECT_EQ(percent_encoded(text), "a%20b%2F%25%FF~_-.%01");
  EXPECT_EQ(percent_decoded(percent_encoded(text)), text);
  EXPECT_EQ(percent_decoded("%2"), "%2");
  EXPECT_EQ(percent_decoded("%zz%"), "%zz%");
}

TEST(Json, IsBounded) {
  EXPECT_TRUE(try_parse_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(try_parse_json(std::string(65, '[') + std::string(65, ']')));
  EXPECT_FALSE(try_parse_json(std::string(5'000'000, '[')));
  EXPECT_FALSE(try_parse_json("{\"a\":1,}"));
  const auto json =
      try_parse_json(R"({"n":9007199254740992,"m":9007199254740993,"minus":-1,"real":1.5,"text":"t","null":null})");
  ASSERT_TRUE(json);
  EXPECT_EQ(byte_count(*json, "n"), uint64_t{1} << 53);
  for (const char* key : {"m", "minus", "real", "text", "null", "missing"}) EXPECT_FALSE(byte_count(*json, key)) << key;
  EXPECT_EQ(text_or_empty(*json, "text"), "t");
  EXPECT_EQ(text_or_empty(*json, "n"), "");
  EXPECT_EQ(text_or_empty(nlohmann::json::array(), "n"), "");
}

// FIPS 180-4's examples.
TEST(Digest, IsSha256) {
  Sha256 empty;
  EXPECT_EQ(empty.hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 digest;
  const std::string_view text = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  for (const char c : text) digest.update(std::as_bytes(std::span(&c, 1)));
  EXPECT_EQ(digest.hex(), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_FALSE(is_sha256("248d"));
  EXPECT_FALSE(is_sha256(std::string(63, 'a') + "g"));
}

}  // namespace
}  // namespace thimble
