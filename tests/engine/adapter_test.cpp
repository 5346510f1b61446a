// LoRA adapters at run time: logits against peft's (tests/oracle/tiny_adapters.py), and the same bytes whatever runs them.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>

#include "base/team.h"
#include "engine/language_model.h"
#include "engine/memory_plan.h"
#include "engine/session.h"
#include "support/npy_file.h"
#include "support/temp_file.h"
#include "support/tiny_adapter.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

constexpr size_t kTokens = 48;

std::vector<TokenId> ids() {
  std::vector<TokenId> out;
  for (size_t i = 0; i < kTokens; ++i) out.push_back(static_cast<TokenId>((i * 37 + 11) % 320));
  return out;
}

struct Choice {
  std::string path;
  float scale = 1;
};

LanguageModel load(const std::string& path, const std::vector<Choice>& choices) {
  std::vector<OpenAdapter> adapters;
  for (const Choice& choice : choices) {
    adapters.push_back({std::make_unique<const Gguf>(Gguf::open(choice.path)), choice.scale});
  }
  return LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(path)), {}, std::move(adapters));
}

// All logits, [kTokens][vocabulary], with a full-precision cache.
std::vector<float> logits(const LanguageModel& model, size_t batch = kTokens,
                          const Kernels& kernels = select_kernels("auto"), unsigned threads = 2) {
  SessionOptions options;
  options.kv.context_length = 64;
  options.kv.batch_tokens = batch;
  options.kv.k_type = options.kv.v_type = NumberType::F32;
  options.kv.rotation = Rotation::off;
  options.logit_rows = 3;
  Team team(threads);
  Session session(model.model(), kernels, team, options);
  std::vector<float> all;
  session.append_all(ids(), 0,
                     [&](size_t, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); });
  return all;
}

void expect_same_bytes(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

class Adapters : public testing::TestWithParam<const char*> {
 protected:
  static test::TinyModel tiny() { return test::tiny_of(find_architecture(GetParam(), "test")); }
  std::string model(const test::TinyModel& tiny) const {
    test::write_tiny_model(find_architecture(GetParam(), "test"), tiny, folder_ / "tiny.gguf");
    return folder_ / "tiny.gguf";
  }
  std::string model() const { return model(tiny()); }
  // For the model written last.
  std::string adapter(const test::TinyAdapter& adapter) const {
    const std::string path = folder_ / (adapter.seed + std::string(type_info(adapter.type).name) + ".gguf");
    test::write_tiny_adapter(Gguf::open(folder_ / "tiny.gguf"), adapter, path);
    return path;
  }
  std::vector<Choice> both() const {
    return {{adapter(test::first_tiny_adapter()), test::kFirstTinyScale},
            {adapter(test::second_tiny_adapter()), test::kSecondTinyScale}};
  }
  test::TempFolder folder_;
};

TEST_P(Adapters, TwoAtOnceEqualPeft) {
  const std::string base = model();
  const std::vector<float> all = logits(load(base, both()));
  std::vector<float> found;
  for (const size_t row : {0, 1, 15, 16, 17, 31, 40, 47})
    found.insert(found.end(), all.data() + row * 320, all.data() + (row + 1) * 320);
  const std::vector<float> expected =
      test::read_npy(std::string(THIMBLE_TEST_DATA) + "/model/" + GetParam() + "-adapters.npy");
  ASSERT_EQ(found.size(), expected.size());
  // As without adapters (tests/model/logits_test.cpp): their products are as long as the others and fewer.
  for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 2e-4) << "index " << i;
}

TEST_P(Adapters, BatchesThreadsAndInstructionSetsGiveTheSameBytes) {
  for (const NumberType base : {NumberType::F32, NumberType::Q8_0}) {
    test::TinyModel two_blocks = tiny();
    two_blocks.block_count = 2;
    two_blocks.matrix_type = base;
    const std::string path = model(two_blocks);
    test::TinyAdapter wide = test::first_tiny_adapter();
    wide.rank = 37;  // more rows than a piece has, and no multiple of any tile
    wide.type = NumberType::F16;
    const LanguageModel loaded = load(path, {{adapter(wide), 1}, {adapter(test::second_tiny_adapter()), 0.5f}});
    const std::vector<float> expected = logits(loaded);
    for (const Kernels* kernels : available_kernels()) {
      for (const size_t batch : {size_t{1}, size_t{7}, kTokens}) {
        for (const unsigned threads : {1u, 3u}) {
          SCOPED_TRACE(std::string(kernels->isa) + ", batch " + std::to_string(batch));
          expect_same_bytes(logits(loaded, batch, *kernels, threads), expected);
        }
      }
    }
  }
}

TEST_P(Adapters, AScaleOfZeroIsNoAdapter) {
  const std::string base = model();
  const std::string file = adapter(test::first_tiny_adapter());
  const std::vector<float> plain = logits(load(base, {}));
  expect_same_bytes(logits(load(base, {{file, 0}})), plain);
  EXPECT_NE(logits(load(base, {{file, 1}})), plain);
}

TEST_P(Adapters, AnAlphaOfZeroLeavesTheScaleAsItIs) {
  const std::string base = model();
  test::TinyAdapter divided = test::first_tiny_adapter(), plain = divided;
  divided.alpha = static_cast<float>(divided.rank) * 2;
  plain.alpha = 0;
  const std::vector<float> expected = logits(load(base, {{adapter(divided), 0.5f}}));
  expect_same_bytes(logits(load(base, {{adapter(plain), 1}})), expected);
}

// A quantized factor is used as the floats that it stands for.
TEST_P(Adapters, QuantizedFactorsEqualTheirFloats) {
  const std::string base = model();
  test::TinyAdapter quantized = test::first_tiny_adapter();
  quantized.rank = 32;
  quantized.type = NumberType::Q8_0;
  const std::string path = adapter(quantized);
  const Gguf from = Gguf::open(path);
  {
    GgufWriter writer(folder_ / "floats.gguf");
    for (const GgufValue& value : from.values()) writer.set(value);
    for (const GgufTensor& tensor : from.tensors())
      writer.add_tensor(tensor.name, std::span(tensor.shape).first(2), NumberType::F32);
    for (const GgufTensor& tensor : from.tensors()) {
      std::vector<float> values(tensor.elements());
      tensor.type->unpack(tensor.data.data(), values.data(), values.size() / tensor.type->block_size);
      writer.write_data(std::as_bytes(std::span(values)));
    }
    writer.commit();
  }
  expect_same_bytes(logits(load(base, {{path, 1}})), logits(load(base, {{folder_ / "floats.gguf", 1}})));
}

// The head of a model that ties it to the embedding can be adapted alone.
TEST_P(Adapters, ATiedHeadIsAdaptedApartFromTheEmbedding) {
  test::TinyModel tied = tiny();
  tied.tied = true;
  test::TinyAdapter head, table;
  head.targets = {"output"};
  table.seed = "second";
  table.targets = {"token_embd"};
  const std::string base = model(tied);
  const std::vector<float> plain = logits(load(base, {}));
  const std::vector<float> with_head = logits(load(base, {{adapter(head), 1}}));
  const std::vector<float> with_table = logits(load(base, {{adapter(table), 1}}));
  const std::vector<float> with_both = logits(load(base, {{adapter(head), 1}, {adapter(table), 1}}));
  EXPECT_NE(with_head, plain);
  EXPECT_NE(with_table, plain);
  EXPECT_NE(with_both, with_head);
  EXPECT_NE(with_both, with_table);
}

// The plan knows an adapter before any of it is read, and says what the loaded model has.
TEST_P(Adapters, ThePlanCountsThem) {
  const std::string base = model();
  for (const NumberType type : {NumberType::F16, NumberType::Q8_0}) {
    test::TinyAdapter wide = test::first_tiny_adapter();
    wide.rank = 32;
    wide.type = type;
    const std::string path = adapter(wide);
    const Gguf gguf = Gguf::open(base), file = Gguf::open(path);
    Model shapes = Model::bind(gguf, Model::Depth::shapes);
    SessionOptions options;
    options.kv.k_type = options.kv.v_type = NumberType::F16;
    const MemoryPlan before = plan_memory(shapes, options, 2, 0);
    shapes.add_adapter(file, 1);
    const MemoryPlan after = plan_memory(shapes, options, 2, 0);
    const uint64_t floats = type == NumberType::Q8_0 ? file.file_bytes() * 3 : 0;  // 4 bytes for 34/32
    EXPECT_GE(after.weights, before.weights + file.file_bytes() + floats);
    // At least one inner product for each of a block's matrices, 512 tokens.
    EXPECT_GE(after.activations, before.activations + 512 * 4 * 32 * sizeof(float));
    const LanguageModel loaded = load(base, {{path, 1}});
    EXPECT_EQ(plan_memory(loaded.model(), options, 2, 0).total(), after.total());
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Adapters, testing::Values("llama", "qwen2", "gemma3", "phi3", "granite"),
                         [](const auto& family) { return std::string(family.param); });

}  // namespace
}  // namespace thimble
