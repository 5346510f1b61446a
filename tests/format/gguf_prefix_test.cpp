// A file known by its beginning alone: too little of it is told from a wrong one.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "format/gguf.h"
#include "support/temp_file.h"
#include "support/tiny_gguf.h"

namespace thimble {
namespace {

using test::TinyGguf;

std::optional<Gguf> from_prefix(std::string_view prefix, uint64_t size) {
  return Gguf::from_prefix("the file", std::as_bytes(std::span(prefix)), size);
}

TinyGguf ordinary() {
  TinyGguf gguf;
  gguf.add("general.architecture", "llama").add("a.flag", true).add("a.number", 7u);
  gguf.add("a.words", std::vector<std::string>{"one", "", "three"}).add("a.reals", std::vector<float>{1, 2, 3});
  gguf.tensor("first", {4, 2}, std::vector<float>(8, 1)).tensor("second", {3}, std::vector<float>(3, 2));
  return gguf;
}

TEST(GgufPrefix, SaysNothingUntilItsHeaderIsWhole) {
  const test::TempFolder folder;
  const std::string bytes = ordinary().bytes();
  const Gguf whole = Gguf::open(ordinary().write(folder / "a.gguf"));
  size_t header = 0;
  while (!from_prefix(std::string_view(bytes).substr(0, header + 1), bytes.size())) ++header;
  EXPECT_GT(header, whole.data_offset() - whole.alignment());
  for (size_t length = header + 1; length <= bytes.size(); ++length) {
    const auto gguf = from_prefix(std::string_view(bytes).substr(0, length), bytes.size());
    ASSERT_TRUE(gguf) << length;
    EXPECT_EQ(gguf->path(), "the file");
    EXPECT_EQ(gguf->file_bytes(), bytes.size());
    EXPECT_EQ(gguf->data_offset(), whole.data_offset());
    EXPECT_EQ(gguf->string("general.architecture"), "llama");
    EXPECT_EQ(gguf->strings("a.words"), whole.strings("a.words"));
    ASSERT_EQ(gguf->tensors().size(), 2u);
    EXPECT_EQ(gguf->tensors()[1].data.size(), whole.tensors()[1].data.size());
  }
}

TEST(GgufPrefix, DataThatHasNotComeReadsAsZeros) {
  const std::string bytes = ordinary().bytes();
  const auto gguf = from_prefix(std::string_view(bytes).substr(0, bytes.size() - 40), bytes.size());
  ASSERT_TRUE(gguf);
  for (const std::byte byte : gguf->find_tensor("second")->data) EXPECT_EQ(byte, std::byte{0});
}

TEST(GgufPrefix, ALargeFileTakesNoMemory) {
  const std::string bytes = ordinary().bytes();
  const auto gguf = from_prefix(bytes, uint64_t{1} << 40);
  ASSERT_TRUE(gguf);
  EXPECT_EQ(gguf->file_bytes(), uint64_t{1} << 40);
}

TEST(GgufPrefix, RefusesWhatIsWrongAlready) {
  const auto refusal = [](std::string_view prefix, uint64_t size) -> std::string {
    try {
      return from_prefix(prefix, size) ? "accepted" : "incomplete";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
      return error.what();
    }
  };
  const auto contains = [](const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(contains(refusal("GGML", 1 << 20), "instead of 'GGUF'"));
  EXPECT_TRUE(contains(refusal("<html><body>", 1 << 20), "HTML page"));
  EXPECT_TRUE(contains(refusal("", 10), "say nothing"));
  EXPECT_TRUE(contains(refusal("GGUF and more", 5), "say nothing"));
  EXPECT_TRUE(contains(refusal("GGUF", ~uint64_t{0}), "cannot be mapped"));
  EXPECT_EQ(refusal("GG", 1 << 20), "incomplete");
  const std::string bytes = ordinary().bytes();
  // The file itself is too short for its tensors, however much of it is there.
  EXPECT_TRUE(contains(refusal(bytes, bytes.size() - 40), "say nothing"));
  EXPECT_TRUE(contains(refusal(std::string_view(bytes).substr(0, bytes.size() - 40), bytes.size() - 40), "cut short"));
  // Counts that the claimed size would allow are not gone through beyond what has come.
  std::string liar = TinyGguf().claim_value_count(60000).add("general.architecture", "llama").bytes();
  EXPECT_EQ(refusal(liar, uint64_t{1} << 40), "incomplete");
  std::string endless;
  test::append_bytes(endless, static_cast<uint32_t>(GgufValueType::STRING));
  test::append_bytes(endless, uint64_t{1} << 36);
  liar = TinyGguf().add_raw("words", static_cast<uint32_t>(GgufValueType::ARRAY), endless).bytes();
  EXPECT_EQ(refusal(liar, uint64_t{1} << 40), "incomplete");
}

}  // namespace
}  // namespace thimble
