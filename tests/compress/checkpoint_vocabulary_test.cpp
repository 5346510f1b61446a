// Checkpoint folders in the form of each family's (tests/oracle/checkpoint_vocabularies.py makes them): the metadata is that of
// llama.cpp's converter but for the listed differences, and gives the ids of the libraries that the tokenizers come from.
#include "compress/checkpoint_vocabulary.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/utf8.h"
#include "format/json_text.h"
#include "support/temp_file.h"
#include "text/tokenizer.h"
#include "text/tokenizer_texts.h"

namespace thimble::test {
namespace {

using Json = nlohmann::json;

constexpr const char* kCases[] = {
    "llama3",       "qwen2",      "qwen3",     "qwen2-files",  "smollm",   "granite", "smollm3",
    "stablelm",     "phi2",       "phi4-mini", "phi3",         "llama2",   "gemma",   "llama2-json",
    "llama2-files", "gemma2",     "gemma3",    "gemma3-json",  "ernie4_5", "bert",    "gemma-embedding",
    "nomic-bert",   "bert-cased", "unigram",   "unigram-bytes"};

std::string folder_of(const std::string& name) { return std::string(THIMBLE_TEST_DATA) + "/checkpoints/" + name; }

class Hash {
 public:
  void add(const void* bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) value_ = (value_ ^ static_cast<const uint8_t*>(bytes)[i]) * 0x100000001B3u;
  }
  std::string text() const { return fmt::format("{:016x}", value_); }

 private:
  uint64_t value_ = 0xCBF29CE484222325u;
};

// As the golden files have it: a scalar, or the count and the hash of an array.
Json golden_value(const Gguf& gguf, const GgufValue& value) {
  if (value.type == GgufValueType::BOOL) return *gguf.boolean(value.key);
  if (value.type == GgufValueType::STRING) return std::string(*gguf.string(value.key));
  if (value.type != GgufValueType::ARRAY) return *gguf.unsigned_integer(value.key);
  Hash hash;
  if (value.element == GgufValueType::STRING) {
    for (const std::string_view text : gguf.string_array(value.key)) {
      hash.add(text.data(), text.size());
      hash.add("", 1);
    }
  } else if (value.element == GgufValueType::UINT8) {
    for (const std::byte byte : value.data) {
      const auto number = static_cast<int32_t>(byte);
      hash.add(&number, sizeof number);
    }
  } else {
    hash.add(value.data.data(), value.data.size());
  }
  return Json{{"count", value.count}, {"hash", hash.text()}};
}

class CheckpointVocabulary : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const std::string folder = folder_of(GetParam());
    golden_ = read_json_file(folder + "/golden.json");
    const std::string path = temporary_ / "vocabulary.gguf";
    const std::string architecture = golden_["architecture"];
    GgufWriter writer(path);
    writer.set("general.architecture", architecture);
    write_vocabulary(folder, find_architecture(architecture, folder), read_json_file(folder + "/config.json"),
                     golden_["vocabulary_size"], writer);
    writer.commit();
    gguf_.emplace(Gguf::open(path));
  }

  // As the script makes them.
  std::string text_of(size_t index) const {
    const std::string text = random_text(index);
    const auto is_kept = [&](uint32_t c) {
      if (c == 0x2581 || (c >= 0x13460 && c <= 0x143FF) || (c >= 0x16FF2 && c <= 0x16FF6)) return false;
      const auto holds = [&](const Json& range) { return range[0] <= c && c <= range[1]; };
      return golden_["kept"].is_null() || std::ranges::any_of(golden_["kept"], holds);
    };
    std::string out;
    for (size_t at = 0; at < text.size();) {
      const CodePoint c = decode_utf8(text, at);
      if (is_kept(c.value)) out.append(text, at, c.length);
      at += c.length;
    }
    if (golden_["strip"]) out.erase(0, out.find_first_not_of(' '));
    return out;
  }

  TempFolder temporary_;
  Json golden_;
  std::optional<Gguf> gguf_;
};

TEST_P(CheckpointVocabulary, IsThatOfLlamaCppsConverter) {
  const Json& differences = golden_["differences"];
  if (differences.contains("")) {
    EXPECT_EQ(gguf_->string("tokenizer.ggml.model"), "llama");
    return;
  }
  std::set<std::string> written;
  for (const GgufValue& value : gguf_->values()) {
    const std::string key(value.key);
    if (!key.starts_with("tokenizer.")) continue;
    written.insert(key);
    const Json* difference = find_member(differences, key);
    const Json* expected = difference != nullptr ? &(*difference)["value"] : find_member(golden_["keys"], key);
    ASSERT_NE(expected, nullptr) << key << " is only ours: " << golden_value(*gguf_, value);
    // A difference without a value is of an array, and is there.
    const Json found = golden_value(*gguf_, value);
    EXPECT_TRUE(found == *expected || (difference != nullptr && expected->is_null())) << key << ": " << found;
    EXPECT_TRUE(difference == nullptr || found != golden_["keys"].value(key, Json())) << key << " does not differ";
  }
  for (const auto& [key, value] : differences.items()) EXPECT_TRUE(written.contains(key)) << key << " is missing";
  for (const auto& [key, value] : golden_["keys"].items()) EXPECT_TRUE(written.contains(key)) << key << " is missing";
}

TEST_P(CheckpointVocabulary, GivesTheIdsOfItsOwnLibrary) {
  const Tokenizer tokenizer = Tokenizer::from_gguf(*gguf_);
  const EncodeOptions options = {.add_special = golden_["add_special"], .parse_special = golden_["parse_special"]};
  const Json& digests = golden_["digests"];
  ASSERT_EQ(digests.size(), 125u);
  for (size_t group = 0; group < digests.size(); ++group) {
    Digest digest;
    for (size_t i = group * 16; i < group * 16 + 16; ++i) {
      digest.add(tokenizer.encode(text_of(i), options));
    }
    ASSERT_EQ(digest.value(), digests[group]) << "one of the texts from " << group * 16 << " on";
  }
}

INSTANTIATE_TEST_SUITE_P(Families, CheckpointVocabulary, testing::ValuesIn(kCases), [](const auto& one) {
  std::string name = one.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace thimble::test
