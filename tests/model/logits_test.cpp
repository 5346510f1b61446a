// Logits of tiny random models against transformers' (tests/oracle/tiny_logits.py), for every family of the registry.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "base/team.h"
#include "kernels/kernels.h"
#include "model/arch_spec.h"
#include "model/forward.h"
#include "support/temp_file.h"
#include "support/tiny_model.h"

namespace thimble {
namespace {

constexpr size_t kTokens = 48;

std::vector<TokenId> ids() {
  std::vector<TokenId> out;
  for (size_t i = 0; i < kTokens; ++i) out.push_back(static_cast<TokenId>((i * 37 + 11) % 320));
  return out;
}

// A float32 .npy of version 1 as the script writes it.
std::vector<float> read_npy(const std::string& path) {
  const std::string bytes = test::read_file(path);
  const size_t header = 10 + static_cast<uint8_t>(bytes[8]) + 256u * static_cast<uint8_t>(bytes[9]);
  std::vector<float> values((bytes.size() - header) / sizeof(float));
  std::memcpy(values.data(), bytes.data() + header, values.size() * sizeof(float));
  return values;
}

// A full-precision cache, so that what is compared is the model.
struct PlainCache {
  PlainCache(const Hyperparameters& h, size_t capacity) : bytes(h.block_count * 2 * h.key_width() * capacity * 4) {
    for (uint32_t block = 0; block < h.block_count; ++block) {
      const size_t size = h.key_width() * capacity * 4;
      std::byte* k = bytes.data() + 2 * block * size;
      blocks.push_back({k, k + size, h.key_length * capacity * 4, h.key_length * capacity * 4, capacity});
    }
    view = {blocks, NumberType::F32, NumberType::F32, 0, 0};
  }
  std::vector<std::byte> bytes;
  std::vector<KvBlock> blocks;
  KvView view;
};

class Families : public testing::TestWithParam<const ArchSpec*> {};

TEST_P(Families, LogitsEqualTransformers) {
  const ArchSpec& spec = *GetParam();
  const test::TempFolder folder;
  test::write_tiny_model(spec, {}, folder / "tiny.gguf");
  const Gguf gguf = Gguf::open(folder / "tiny.gguf");
  const Model model = Model::bind(gguf);
  Team team(2);
  Workspace workspace(model, {kTokens, kTokens, team.size()});
  PlainCache cache(model.hyper(), 64);
  const ForwardContext context{model, select_kernels("auto"), team, workspace};
  forward(context, cache.view, ids(), 0, 0);
  const std::span<const float> logits = compute_logits(context, 0, kTokens);
  const std::vector<float> expected =
      read_npy(std::string(THIMBLE_TEST_DATA) + "/model/" + std::string(spec.name) + ".npy");
  ASSERT_EQ(logits.size(), expected.size());
  // Both sides add a few hundred float32 products a value, in another order, through seven blocks: 1e-7 * sqrt(200) * 7 * ~10.
  for (size_t i = 0; i < logits.size(); ++i) ASSERT_NEAR(logits[i], expected[i], 2e-4) << "index " << i;
}

TEST_P(Families, TokenByTokenEqualsBatchBitForBit) {
  const ArchSpec& spec = *GetParam();
  const test::TempFolder folder;
  test::write_tiny_model(spec, {}, folder / "tiny.gguf");
  const Gguf gguf = Gguf::open(folder / "tiny.gguf");
  const Model model = Model::bind(gguf);
  std::vector<float> batch;
  for (const Kernels* kernels : available_kernels()) {
    Team team(2);
    Workspace workspace(model, {kTokens, kTokens, team.size()});
    const ForwardContext context{model, *kernels, team, workspace};
    PlainCache together(model.hyper(), 64), apart(model.hyper(), 64);
    forward(context, together.view, ids(), 0, 0);
    const std::span<const float> all = compute_logits(context, 0, kTokens);
    if (batch.empty()) batch.assign(all.begin(), all.end());
    EXPECT_TRUE(std::equal(batch.begin(), batch.end(), all.begin())) << kernels->isa << " differs from the first table";
    for (size_t i = 0; i < kTokens; ++i) {
      const TokenId id = ids()[i];
      forward(context, apart.view, {&id, 1}, i, 0);
      const std::span<const float> one = compute_logits(context, 0, 1);
      ASSERT_EQ(std::memcmp(one.data(), batch.data() + i * one.size(), one.size_bytes()), 0)
          << kernels->isa << ", token " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, Families, testing::ValuesIn(all_architectures().begin(), all_architectures().end()),
                         [](const auto& family) { return std::string(family.param->name); });

}  // namespace
}  // namespace thimble
