// Every length and every byte of a small model, and many lengths of a real one: each is refused in one line, or runs.
//
// The sanitizers, with which all takes several times as long, see every third length and every fifth byte.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/team.h"
#include "engine/language_model.h"
#include "engine/memory_plan.h"
#include "engine/session.h"
#include "support/real_models.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kLengthStep = 3, kByteStep = 5;
#else
constexpr size_t kLengthStep = 1, kByteStep = 1;
#endif

class Sweep : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const ArchSpec& spec = find_architecture(GetParam(), "test");
    test::TinyModel tiny = test::tiny_of(spec);
    tiny.matrix_type = NumberType::Q8_0;
    tiny.block_count = 2;
    tiny.embedding_length = 32;
    tiny.feed_forward_length = 32;
    tiny.head_count = 1;
    tiny.head_count_kv = 1;
    tiny.vocabulary_size = 264;
    test::write_tiny_model(spec, tiny, path_);
    whole_ = test::read_file(path_);
    ASSERT_LT(whole_.size(), 64u << 10);
  }

  // Opens, plans, loads and runs one token, as the program does; false where that is refused.
  bool runs() {
    try {
      auto gguf = std::make_unique<const Gguf>(Gguf::open(path_));
      SessionOptions options;
      options.kv.context_length = options.kv.batch_tokens = 16;
      const Model shapes = Model::bind(*gguf, Model::Depth::shapes);
      options.kv.k_type = options.kv.v_type = NumberType::F16;
      require_fit(shapes, options, 1, 0, uint64_t{1} << 30, "test");
      const LanguageModel loaded = LanguageModel::load(std::move(gguf), {});
      Session session(loaded.model(), select_kernels("auto"), team_, options);
      const std::vector<TokenId> ids = loaded.tokenizer().encode("hi");
      if (!ids.empty()) session.append(std::span(ids).first(1));
      ++ran_;
      return true;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(message.rfind(path_, 0), 0u) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
      EXPECT_TRUE(error.code() == ExitCode::bad_file || error.code() == ExitCode::does_not_fit) << message;
      return false;
    }
  }

  void run_with(size_t at, char byte) {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    const auto put = [&](char value) {
      file.seekp(static_cast<std::streamoff>(at));
      file.put(value).flush();
    };
    put(byte);
    runs();
    put(whole_[at]);
    ++tried_;
  }

  test::TempFolder folder_;
  std::string path_ = folder_ / "model.gguf";
  std::string whole_;
  Team team_{1};
  size_t ran_ = 0;
  size_t tried_ = 0;
};

TEST_P(Sweep, EveryLength) {
  ASSERT_TRUE(runs());
  for (size_t cut = 1; cut < whole_.size(); cut += kLengthStep) {
    std::filesystem::resize_file(path_, whole_.size() - cut);
    ASSERT_FALSE(runs()) << cut;  // the last tensor ends with the file
  }
}

TEST_P(Sweep, EveryByteOfTheMetadata) {
  const size_t metadata = Gguf::open(path_).data_offset();
  for (size_t at = 0; at < metadata; at += kByteStep) {
    const auto byte = static_cast<uint8_t>(whole_[at]);
    for (const int value : {0x00, 0x7f, 0xff, byte ^ 0x55}) run_with(at, static_cast<char>(value));
    for (int bit = 0; bit < 8; ++bit) run_with(at, static_cast<char>(byte ^ (1 << bit)));
    ASSERT_FALSE(HasFailure()) << "byte " << at;
  }
  EXPECT_GT(ran_, 0u);
  EXPECT_GT(tried_ - ran_, tried_ / 20) << "hardly anything is refused";
  RecordProperty("tried", static_cast<int>(tried_));
}

TEST_P(Sweep, BytesOfTheWeights) {
  const size_t begin = Gguf::open(path_).data_offset();
  for (size_t at = begin; at < whole_.size(); at += 7 * kByteStep) {
    for (const int value : {0x00, 0x7f, 0xff}) run_with(at, static_cast<char>(value));
    ASSERT_FALSE(HasFailure()) << "byte " << at;
  }
}

// Between them windows and soft-caps, fused tensors, and biases with LayerNorm.
INSTANTIATE_TEST_SUITE_P(Families, Sweep, testing::Values("llama", "gemma3", "phi3", "phi2"),
                         [](const auto& family) { return std::string(family.param); });

TEST(RealModelSweep, TwoThousandLengths) {
  THIMBLE_REAL_MODEL_OR_SKIP(model, "smollm2-135m");
  const test::TempFolder folder;
  const std::string path = folder / "cut.gguf";
  std::filesystem::copy_file(model, path);
  std::mt19937_64 random(5);
  std::vector<uint64_t> lengths;
  const uint64_t size = std::filesystem::file_size(path);
  const uint64_t metadata = Gguf::open(path).data_offset();
  // Half of them within the metadata, where there is more to go wrong.
  for (int i = 0; i < 2000; ++i) lengths.push_back(random() % (i % 2 == 0 ? metadata : size));
  std::ranges::sort(lengths, std::greater());
  for (const uint64_t length : lengths) {
    std::filesystem::resize_file(path, length);
    EXPECT_THROW(Gguf::open(path), Error) << length;
  }
}

}  // namespace
}  // namespace thimble
