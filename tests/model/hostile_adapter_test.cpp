// Adapters that are none, that were made for another model, or that lie: each refused in one line that names file and tensor.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "model/model.h"
#include "support/temp_file.h"
#include "support/tiny_gguf.h"
#include "support/tiny_model.h"

namespace thimble {
namespace {

using test::TinyGguf;

constexpr uint64_t kWidth = 64, kRank = 4;
const std::string kName = "blk.1.attn_output.weight";

TinyGguf without_tensors() {
  TinyGguf file;
  file.add("general.type", "adapter").add("general.architecture", "llama").add("adapter.type", "lora");
  return file.add("adapter.lora.alpha", 8.0f);
}

TinyGguf& add_factor(TinyGguf& file, const std::string& name, uint64_t columns, uint64_t rows, float value = 0.25f) {
  return file.tensor(name, {columns, rows}, std::vector<float>(columns * rows, value));
}

// A pair for attn_output, [128, 64].
TinyGguf good(const std::string& name = kName) {
  TinyGguf file = without_tensors();
  add_factor(file, name + ".lora_a", 128, kRank);
  return add_factor(file, name + ".lora_b", kRank, kWidth);
}

class HostileAdapters : public testing::Test {
 protected:
  void SetUp() override {
    test::TinyModel tiny;
    tiny.block_count = 2;
    test::write_tiny_model(find_architecture("llama", "test"), tiny, folder_ / "base.gguf");
  }

  void expect_accepted(const TinyGguf& file, float scale = 1) {
    const Gguf base = Gguf::open(folder_ / "base.gguf");
    const Gguf adapter = Gguf::open(file.write(folder_ / "adapter.gguf"));
    Model model = Model::bind(base);
    EXPECT_NO_THROW(model.add_adapter(adapter, scale));
  }

  void expect_refused(const TinyGguf& file, std::string_view fault, float scale = 1) {
    file.write(folder_ / "adapter.gguf");
    expect_file_refused(folder_ / "adapter.gguf", fault, scale);
  }

  void expect_file_refused(const std::string& path, std::string_view fault, float scale = 1) {
    try {
      const Gguf base = Gguf::open(folder_ / "base.gguf");
      const Gguf adapter = Gguf::open(path);
      Model model = Model::bind(base);
      model.add_adapter(adapter, scale);
      ADD_FAILURE() << "accepted: " << fault;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), ExitCode::bad_file) << message;
      EXPECT_EQ(message.rfind(path + ":", 0), 0u) << message;
      EXPECT_NE(message.find(fault), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }

  test::TempFolder folder_;
};

TEST_F(HostileAdapters, TheGoodOneIsFine) { expect_accepted(good()); }

TEST_F(HostileAdapters, AModelIsNoAdapterAndAnAdapterNoModel) {
  expect_file_refused(folder_ / "base.gguf", "expected an adapter, but general.type is missing: --lora takes");
  expect_refused(good().add("general.type", "model"), "general.type is \"model\"");
  expect_refused(good().add("general.type", 3u), "general.type is UINT32");
  const Gguf adapter = Gguf::open(good().write(folder_ / "adapter.gguf"));
  try {
    Model::bind(adapter);
    ADD_FAILURE() << "an adapter was bound as a model";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("general.type is \"adapter\"; expected a model"), std::string::npos)
        << error.what();
  }
}

TEST_F(HostileAdapters, OtherKindsAreRefused) {
  expect_refused(good().remove("adapter.type"), "adapter.type is missing; expected \"lora\"");
  expect_refused(good().add("adapter.type", "dora"), "adapter.type is \"dora\"");
  expect_refused(good().add("adapter.alora.invocation_tokens", std::vector<uint32_t>{1, 2}), "invocation_tokens");
  expect_refused(good().add("general.architecture", "qwen2"), "made for the architecture \"qwen2\"");
  expect_refused(good().remove("general.architecture"), "made for the architecture missing");
}

TEST_F(HostileAdapters, AlphasAndScales) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    expect_refused(good().add("adapter.lora.alpha", bad), "adapter.lora.alpha is out of range");
  }
  expect_refused(good().add("adapter.lora.alpha", -1.0f), "adapter.lora.alpha is -1; expected 0 to 1000000");
  expect_refused(good().add("adapter.lora.alpha", 1e30f), "adapter.lora.alpha is");
  expect_refused(good().add("adapter.lora.alpha", "16"), "adapter.lora.alpha is STRING");
  expect_refused(good().add("adapter.lora.alpha", 1e6f), "no finite factor", 1e38f);
  expect_accepted(good().add("adapter.lora.alpha", 0.0f));
  expect_accepted(good().remove("adapter.lora.alpha"));
  expect_accepted(good(), -2);
}

TEST_F(HostileAdapters, FactorsWithoutTheirPartner) {
  for (const char* suffix : {".lora_a", ".lora_b"}) {
    expect_refused(good().remove_tensor(kName + suffix), "tensor blk.1.attn_output.weight.lora_");
  }
  expect_refused(without_tensors(), "holds no tensors");
  TinyGguf twice = good();
  expect_refused(add_factor(twice, kName + ".lora_a", 128, kRank), "occurs twice");
}

TEST_F(HostileAdapters, TensorsThatTheModelLacksOrThatCannotBeAdapted) {
  for (const char* name : {"blk.2.attn_output.weight", "blk.01.attn_output.weight", "blk.1.attn_qkv.weight", "",
                           "x\x1b[2J", "../../etc/passwd"}) {
    expect_refused(good(name), "base.gguf has no tensor");
  }
  TinyGguf norm = good();
  expect_refused(norm.tensor("blk.0.attn_norm.weight", {kWidth}, std::vector<float>(kWidth, 1)),
                 "tensor blk.0.attn_norm.weight is neither .lora_a nor .lora_b");
  TinyGguf whole = good();
  expect_refused(add_factor(whole, "output.weight", kWidth, 320), "tensor output.weight is neither");
  TinyGguf of_norm = without_tensors();
  add_factor(of_norm, "output_norm.weight.lora_a", kWidth, 1);
  expect_refused(add_factor(of_norm, "output_norm.weight.lora_b", 1, 1), "output_norm.weight is no weight of a matrix");
}

TEST_F(HostileAdapters, ShapesThatDoNotFit) {
  const auto pair = [](std::vector<uint64_t> a, std::vector<uint64_t> b) {
    const auto values = [](const std::vector<uint64_t>& shape) {
      size_t count = 1;
      for (const uint64_t length : shape) count *= length;
      return std::vector<float>(count, 0.5f);
    };
    TinyGguf file = without_tensors();
    return file.tensor(kName + ".lora_a", a, values(a)).tensor(kName + ".lora_b", b, values(b));
  };
  expect_refused(pair({128, 4}, {5, 64}), "lora_a: expected [128, 5]");
  expect_refused(pair({127, 4}, {4, 64}), "lora_a: expected [128, 4] for [128, 64] and a rank of 4, found [127, 4]");
  expect_refused(pair({128, 4}, {4, 63}), "lora_b: expected [4, 64]");
  expect_refused(pair({4, 128}, {4, 64}), "found [4, 128]: it is transposed");
  expect_refused(pair({128, 64}, {64, 4}), "lora_b: expected [64, 64]");
  expect_refused(pair({128, 4, 2}, {4, 64}), "found [128, 4, 2]");
  expect_refused(pair({128}, {1, 64, 1, 3}), "found [1, 64, 1, 3]");
  expect_refused(pair({128, 129}, {129, 64}), "a rank of 129; expected at most 128");
  expect_refused(pair({128, 0}, {4, 64}), "impossible shape");
  expect_refused(pair({128, 4}, {0, 64}), "impossible shape");
  expect_accepted(pair({128}, {1, 64}));
  expect_accepted(pair({128, 128}, {128, 64}));
}

TEST_F(HostileAdapters, FactorsThatShareTheirData) {
  TinyGguf file = without_tensors();
  add_factor(file, kName + ".lora_a", 128, kRank);
  add_factor(file, kName + ".lora_b", kRank, kWidth);
  expect_refused(file.claim_offset(kName + ".lora_b", 0), "overlap");
}

TEST_F(HostileAdapters, ValuesThatAreNotFinite) {
  for (const char* suffix : {".lora_a", ".lora_b"}) {
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
      TinyGguf file = good().remove_tensor(kName + suffix);
      const bool is_a = std::string_view(suffix) == ".lora_a";
      add_factor(file, kName + suffix, is_a ? 128 : kRank, is_a ? kRank : kWidth, bad);
      expect_refused(file, kName + suffix + " holds a value that is not finite");
    }
  }
  TinyGguf quantized = without_tensors();
  std::string blocks(128 / 32 * 34 * kRank, '\0');
  blocks[1] = '\x7c';  // a scale of infinity
  quantized.tensor(kName + ".lora_a", {128, kRank}, NumberType::Q8_0, blocks);
  expect_refused(add_factor(quantized, kName + ".lora_b", kRank, kWidth), "holds a block scale that is not finite");
}

TEST_F(HostileAdapters, TheEmbeddingHasItsOwnLayout) {
  const auto pair = [](uint64_t a_columns, uint64_t a_rows, uint64_t b_columns, uint64_t b_rows) {
    TinyGguf file = without_tensors();
    add_factor(file, "token_embd.weight.lora_a", a_columns, a_rows);
    return add_factor(file, "token_embd.weight.lora_b", b_columns, b_rows);
  };
  expect_accepted(pair(3, 320, 3, kWidth));
  expect_refused(pair(320, 3, 3, kWidth), "it is transposed");
  expect_refused(pair(kWidth, 3, 3, 320), "token_embd.weight.lora_b: expected [3, 64]");
  expect_refused(pair(3, 319, 3, kWidth), "token_embd.weight.lora_a: expected [3, 320]");
}

TEST_F(HostileAdapters, TruncationsAreRefused) {
  const std::string whole = good().bytes();
  for (size_t length = 1; length < whole.size(); length += 5) {
    test::write_file(folder_ / "adapter.gguf", std::string_view(whole).substr(0, length));
    expect_file_refused(folder_ / "adapter.gguf", "");
  }
}

}  // namespace
}  // namespace thimble
