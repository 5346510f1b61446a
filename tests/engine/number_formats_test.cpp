// A model with every codebook, ternary and microscaling format among its matrices, against llama.cpp on the same file
// (tests/oracle/format_golden.py made both).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/language_model.h"
#include "engine/session.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

constexpr size_t kContext = 64;
constexpr size_t kFirst = kContext / 2;
// "Every codebook has its own numbers, and each of them is met somew", as llama.cpp has it.
constexpr TokenId kTokens[kContext] = {69,  118, 101, 114, 121, 32,  99,  111, 100, 101, 98, 111, 111, 107, 32,  104,
                                       97,  115, 32,  105, 116, 115, 32,  111, 119, 110, 32, 110, 117, 109, 98,  101,
                                       114, 115, 44,  32,  97,  110, 100, 32,  101, 97,  99, 104, 32,  111, 102, 32,
                                       256, 101, 109, 32,  105, 115, 32,  109, 101, 116, 32, 115, 111, 109, 101, 119};

std::string data(const char* name) { return std::string(THIMBLE_TEST_DATA "/quant/") + name; }

std::vector<float> golden_log_probabilities(size_t count) {
  const std::string file = test::read_file(data("formats_logits.npy"));
  std::vector<float> values(count);
  if (file.size() <= count * sizeof(float)) throw std::runtime_error("formats_logits.npy is too short");
  std::memcpy(values.data(), file.data() + file.size() - count * sizeof(float), count * sizeof(float));
  return values;
}

void to_log_probabilities(std::span<float> logits) {
  const float largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  for (float& logit : logits) logit -= largest + static_cast<float>(std::log(sum));
}

class NumberFormats : public testing::Test {
 protected:
  // After tokens kFirst .. kContext - 2.
  std::vector<float> logits_of(const Kernels& kernels) {
    SessionOptions options;
    options.kv.context_length = options.kv.batch_tokens = kContext;
    options.kv.k_type = options.kv.v_type = NumberType::F16;  // as llama.cpp's
    Team team(2);
    Session session(model_.model(), kernels, team, options);
    std::vector<float> out;
    session.append_all(kTokens, kFirst, [&](size_t index, std::span<const float> logits) {
      if (index + 1 < kContext) out.insert(out.end(), logits.begin(), logits.end());
    });
    return out;
  }

  LanguageModel model_ = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(data("formats.gguf"))), {});
};

TEST_F(NumberFormats, AllOfThemAreInTheFile) {
  const Gguf gguf = Gguf::open(data("formats.gguf"));
  std::set<NumberType> types;
  for (const GgufTensor& tensor : gguf.tensors()) types.insert(tensor.type->type);
  for (const NumberType type :
       {NumberType::IQ3_S, NumberType::IQ3_XXS, NumberType::IQ2_S, NumberType::IQ2_XS, NumberType::IQ2_XXS,
        NumberType::IQ1_M, NumberType::IQ1_S, NumberType::TQ2_0, NumberType::TQ1_0, NumberType::MXFP4}) {
    EXPECT_TRUE(types.contains(type)) << type_info(type).name;
  }
}

// llama.cpp with and without flash attention differs from itself by 0.0215 RMS and 0.100 at most: activations are rounded to
// 8 bits before each product, and the last bit of a sum flips some.
TEST_F(NumberFormats, LogProbabilitiesEqualLlamaCppsWithinItsOwnRounding) {
  std::vector<float> actual = logits_of(select_kernels("auto"));
  constexpr size_t kPositions = kContext - 1 - kFirst;
  const size_t vocabulary = actual.size() / kPositions;
  const std::vector<float> expected = golden_log_probabilities(actual.size());
  double squares = 0;
  for (size_t row = 0; row < kPositions; ++row)
    to_log_probabilities(std::span(actual).subspan(row * vocabulary, vocabulary));
  for (size_t i = 0; i < actual.size(); ++i) {
    const double difference = static_cast<double>(actual[i]) - expected[i];
    ASSERT_LE(std::fabs(difference), 0.100) << "position " << i / vocabulary << " token " << i % vocabulary;
    squares += difference * difference;
  }
  EXPECT_LE(std::sqrt(squares / static_cast<double>(actual.size())), 0.0215);
}

TEST_F(NumberFormats, InstructionSetsChangeNothing) {
  const std::vector<float> expected = logits_of(*available_kernels().back());
  for (const Kernels* kernels : available_kernels()) EXPECT_EQ(logits_of(*kernels), expected) << kernels->isa;
}

}  // namespace
}  // namespace thimble
