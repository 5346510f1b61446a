// Files that lie. Each must end in one line that names the file and the fault, whatever the lie; none may crash or take
// memory by what it claims.
#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "format/gguf.h"
#include "support/temp_file.h"
#include "support/tiny_gguf.h"

namespace thimble {
namespace {

using test::TempFolder;
using test::TinyGguf;

constexpr uint32_t kString = static_cast<uint32_t>(GgufValueType::STRING);
constexpr uint32_t kArray = static_cast<uint32_t>(GgufValueType::ARRAY);

template <class... Parts>
std::string bytes_of_all(Parts... parts) {
  std::string out;
  (test::append_bytes(out, parts), ...);
  return out;
}

// A small file with something of everything.
TinyGguf ordinary() {
  TinyGguf file;
  file.add("general.architecture", "llama").add("general.alignment", 32u).add("llama.block_count", 2u);
  file.add("llama.rope.freq_base", 10000.0f).add("tokenizer.ggml.add_bos_token", true).add("big", ~uint64_t{0});
  file.add("tokenizer.ggml.tokens", std::vector<std::string>{"<s>", "a", "", "long token"});
  file.add("tokenizer.ggml.scores", std::vector<float>{0, -1, -2, -3}).add("flags", std::vector<bool>{true, false});
  file.tensor("token_embd.weight", {32, 3}, std::vector<float>(96, 0.5f), NumberType::Q4_0);
  file.tensor("output_norm.weight", {5}, std::vector<float>(5, 1.0f));
  file.tensor("blk.0.attn_q.weight", {256, 1, 2}, std::vector<float>(512, -0.25f), NumberType::Q4_K);
  return file;
}

// Uses everything a parsed file offers, as a caller would.
void use(const Gguf& gguf) {
  size_t seen = 0;
  for (const GgufValue& value : gguf.values()) {
    ASSERT_EQ(gguf.find(value.key), &value);
    const auto tried = [&](auto read) {
      try {
        read();
      } catch (const Error& error) {
        ASSERT_EQ(error.code(), ExitCode::bad_file);
      }
    };
    tried([&] { seen += gguf.unsigned_integer(value.key).has_value(); });
    tried([&] { seen += gguf.integer(value.key).has_value(); });
    tried([&] { seen += gguf.real(value.key).has_value(); });
    tried([&] { seen += gguf.boolean(value.key).has_value(); });
    tried([&] { seen += gguf.string(value.key).has_value(); });
    tried([&] { seen += gguf.strings(value.key).size(); });
    tried([&] { seen += gguf.integers(value.key).size(); });
    tried([&] { seen += gguf.reals(value.key).size(); });
  }
  for (const GgufTensor& tensor : gguf.tensors()) {
    ASSERT_EQ(gguf.find_tensor(tensor.name), &tensor);
    const size_t blocks = tensor.elements() / tensor.type->block_size;
    ASSERT_EQ(tensor.data.size(), blocks * tensor.type->block_bytes);
    std::vector<float> weights(tensor.elements());
    tensor.type->unpack(tensor.data.data(), weights.data(), blocks);
    seen += tensor.type->has_finite_scales(tensor.data.data(), blocks);
  }
  ASSERT_GE(seen + 1, 1u);
}

// Parses or refuses in one line that names the file; returns the line, empty where it was parsed.
std::string outcome(const std::string& path, std::string_view bytes) {
  test::write_file(path, bytes);
  try {
    use(Gguf::open(path));
    return {};
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.code(), ExitCode::bad_file) << message;
    EXPECT_EQ(message.rfind(path, 0), 0u) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    return message;
  }
}

class HostileGguf : public testing::Test {
 protected:
  void expect_refused(std::string_view bytes, std::string_view fault) {
    const std::string message = outcome(path_, bytes);
    EXPECT_NE(message.find(fault), std::string::npos) << "'" << message << "' does not say '" << fault << "'";
  }
  void expect_refused(const TinyGguf& file, std::string_view fault) { expect_refused(file.bytes(), fault); }
  void expect_parsed(const TinyGguf& file) { EXPECT_EQ(outcome(path_, file.bytes()), ""); }

  TempFolder folder_;
  std::string path_ = folder_ / "model.gguf";
};

TEST_F(HostileGguf, TheOrdinaryFileIsFine) { expect_parsed(ordinary()); }

TEST_F(HostileGguf, EveryTruncationIsRefused) {
  const std::string whole = ordinary().bytes();
  // The last tensor ends without padding: every byte counts.
  for (size_t length = 1; length < whole.size(); ++length) {
    ASSERT_NE(outcome(path_, std::string_view(whole).substr(0, length)), "") << length;
  }
  expect_refused("", "empty");
}

TEST_F(HostileGguf, EveryByteMayBeWrong) {
  const std::string whole = ordinary().bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    for (const uint8_t flip : {0x01, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(static_cast<uint8_t>(damaged[at]) ^ flip);
      outcome(path_, damaged);
      ASSERT_FALSE(HasFatalFailure()) << "byte " << at << " ^ " << int{flip};
    }
  }
}

TEST_F(HostileGguf, EveryWordMayBeHuge) {
  const std::string whole = ordinary().bytes();
  for (const uint64_t word :
       {uint64_t{1} << 63, ~uint64_t{0}, (uint64_t{1} << 63) - 1, uint64_t{1} << 32, ~uint64_t{31}}) {
    for (size_t at = 4; at + sizeof(word) <= whole.size(); ++at) {
      std::string damaged = whole;
      std::memcpy(damaged.data() + at, &word, sizeof(word));
      outcome(path_, damaged);
      ASSERT_FALSE(HasFatalFailure()) << "byte " << at;
    }
  }
}

TEST_F(HostileGguf, OtherFilesAreRecognised) {
  expect_refused("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer");
  expect_refused("<!DOCTYPE html><html>", "HTML page");
  expect_refused("\n  <html lang=en>", "HTML page");
  expect_refused("PK\x03\x04 and so on", "ZIP archive");
  expect_refused(std::string("\x10\0\0\0\0\0\0\0{\"a\":{}}    ....", 24), "safetensors");
  expect_refused("{\"error\": \"not found\"}", "JSON");
  expect_refused("\x1f\x8b\x08", "gzip");
  expect_refused("tjgg\x03", "before GGUF");
  expect_refused("\x1b[2Jx", "\\x1b[2J");
  expect_refused("G", "cut short");
  expect_refused("GGUF", "cut short");
}

TEST_F(HostileGguf, Versions) {
  for (const uint32_t version : {0u, 1u, 4u, 0xffffffffu}) expect_refused(ordinary().claim_version(version), "version");
  expect_refused(ordinary().claim_version(0x03000000), "big-endian");
  expect_refused(ordinary().claim_version(0x02000000), "big-endian");
  expect_refused(ordinary().claim_magic("FUGG"), "instead of 'GGUF'");
}

TEST_F(HostileGguf, Counts) {
  for (const uint64_t count : {uint64_t{1} << 63, ~uint64_t{0}, uint64_t{1} << 32, uint64_t{65537}}) {
    expect_refused(ordinary().claim_tensor_count(count), "tensors");
    expect_refused(ordinary().claim_value_count(count), "metadata keys");
  }
  expect_refused(ordinary().claim_tensor_count(60000), "do not fit");
  expect_refused(ordinary().claim_value_count(60000), "do not fit");
  expect_refused(ordinary().claim_tensor_count(4), "");
  expect_refused(ordinary().claim_value_count(10), "");
}

TEST_F(HostileGguf, Metadata) {
  expect_refused(ordinary().add("", 1u), "empty");
  expect_refused(ordinary().add(std::string(65536, 'k'), 1u), "65536 bytes long");
  expect_parsed(ordinary().add(std::string(65535, 'k'), 1u));
  expect_refused(ordinary().add_again("llama.block_count", 4, bytes_of_all(3u)), "'llama.block_count' occurs twice");
  for (const uint32_t type : {13u, 255u, 0x80000000u}) {
    expect_refused(ordinary().add_raw("odd", type, bytes_of_all(uint64_t{0})), "'odd' has the unknown type");
    expect_refused(ordinary().add_raw("odd", kArray, bytes_of_all(type, uint64_t{0})), "'odd' has the unknown type");
  }
  expect_refused(ordinary().add_raw("nested", kArray, bytes_of_all(kArray, uint64_t{1}, 4u, uint64_t{0})),
                 "array of arrays");
  expect_refused(ordinary().add_raw("flag", 7, "\x02"), "neither 0 nor 1");
  expect_refused(ordinary().add_raw("flags", kArray, bytes_of_all(7u, uint64_t{2}, uint8_t{1}, uint8_t{7})), "'flags'");
  for (const uint64_t count : {uint64_t{1} << 63, ~uint64_t{0}, uint64_t{1} << 62, uint64_t{100000}}) {
    expect_refused(ordinary().add_raw("texts", kArray, bytes_of_all(kString, count)), "'texts'");
    expect_refused(ordinary().add_raw("numbers", kArray, bytes_of_all(10u, count)), "'numbers'");
    expect_refused(ordinary().add_raw("text", kString, bytes_of_all(count)), "'text'");
    expect_refused(ordinary().add_raw("texts", kArray, bytes_of_all(kString, uint64_t{1}, count)), "'texts'");
  }
}

TEST_F(HostileGguf, ControlCharactersDoNotReachTheTerminal) {
  expect_refused(ordinary().add_raw("a\x1b[31m\n", 99, ""), "'a\\x1b[31m\\x0a'");
}

TEST_F(HostileGguf, Alignment) {
  for (const uint32_t alignment : {0u, 1u, 4u, 24u, 33u, 0x80000000u, 0xffffffffu}) {
    expect_refused(ordinary().add("general.alignment", alignment), "general.alignment");
  }
  expect_refused(ordinary().add("general.alignment", uint64_t{32}), "general.alignment is UINT64");
  expect_refused(ordinary().add("general.alignment", "32"), "general.alignment is STRING");
  expect_refused(ordinary().add("general.alignment", std::vector<uint32_t>{32}), "general.alignment is ARRAY");
}

TEST_F(HostileGguf, Shapes) {
  const std::string data(64, '\0');
  const auto with = [&](std::vector<uint64_t> shape, NumberType type) {
    return ordinary().tensor("odd", shape, type, data);
  };
  expect_refused(with({}, NumberType::F32), "'odd' has 0 axes");
  expect_refused(with({1, 1, 1, 1, 1}, NumberType::F32), "'odd' has 5 axes");
  expect_refused(with({0}, NumberType::F32), "impossible shape");
  expect_refused(with({4, 0, 4}, NumberType::F32), "impossible shape");
  expect_refused(with({uint64_t{1} << 32, uint64_t{1} << 32}, NumberType::F32), "impossible shape");
  expect_refused(with({uint64_t{1} << 62, 1}, NumberType::F32), "impossible shape");
  expect_refused(with({~uint64_t{0}}, NumberType::F32), "impossible shape");
  // A product that wraps to 16.
  expect_refused(with({4194305, 4194305, 211106198978564}, NumberType::F32), "impossible shape");
  expect_refused(with({31}, NumberType::Q4_0), "a multiple of 32");
  expect_refused(with({128, 2}, NumberType::Q4_K), "a multiple of 256");
  expect_refused(with({uint64_t{1} << 40}, NumberType::F32), "'odd' takes");
}

TEST_F(HostileGguf, TypesAndNames) {
  for (const uint32_t type : {4u, 5u, 9u, 31u, 99u, 0xffffffffu}) {
    expect_refused(ordinary().claim_type("output_norm.weight", type), "'output_norm.weight' has the number format");
  }
  expect_refused(ordinary().tensor("", {1}, NumberType::F32, "1234"), "empty");
  expect_refused(ordinary().tensor(std::string(65, 'n'), {1}, NumberType::F32, "1234"), "65 bytes long");
  expect_parsed(ordinary().tensor(std::string(64, 'n'), {1}, NumberType::F32, "1234"));
  expect_refused(ordinary().tensor("output_norm.weight", {1}, NumberType::F32, "1234"),
                 "'output_norm.weight' occurs twice");
}

TEST_F(HostileGguf, Offsets) {
  expect_refused(ordinary().claim_offset("output_norm.weight", 33), "multiple of 32");
  for (const uint64_t offset : {uint64_t{1} << 63, ~uint64_t{31}, uint64_t{4096}}) {
    expect_refused(ordinary().claim_offset("output_norm.weight", offset), "'output_norm.weight' takes");
  }
  expect_refused(ordinary().claim_offset("output_norm.weight", 0), "overlap");
  expect_refused(ordinary().claim_offset("output_norm.weight", 32), "overlap");
  expect_refused(ordinary().claim_offset("blk.0.attn_q.weight", 64), "overlap");
}

TEST_F(HostileGguf, SplitFiles) {
  expect_refused(ordinary().add("split.count", uint16_t{3}), "one of 3 parts");  // more in gguf_split_test.cpp
  expect_refused(ordinary().add("split.count", "3"), "split.count");
  expect_parsed(ordinary().add("split.count", uint16_t{1}));
}

}  // namespace
}  // namespace thimble
