#include "engine/sampler.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"

namespace thimble {
namespace {

TokenId best(const SamplerOptions& options, const std::vector<float>& logits, const std::vector<TokenId>& history) {
  return Sampler(options).sample(logits, history);
}

TEST(Sampler, BiasIsAddedFirst) {
  const std::vector<float> logits = {1, 2, 3};
  EXPECT_EQ(best({.temperature = 0}, logits, {}), 2);
  EXPECT_EQ(best({.temperature = 0, .logit_bias = {{0, 2.5f}}}, logits, {}), 0);
  EXPECT_EQ(best({.temperature = 0, .logit_bias = {{2, -100.0f}}}, logits, {}), 1);
}

// OpenAI's: logit - presence - frequency * count.
TEST(Sampler, PenaltiesCountWhatIsThere) {
  const std::vector<float> logits = {1.0f, 2.0f, 3.0f};
  const std::vector<TokenId> once = {2}, often = {2, 2, 2};
  EXPECT_EQ(best({.temperature = 0, .presence_penalty = 0.9f}, logits, once), 2);
  EXPECT_EQ(best({.temperature = 0, .presence_penalty = 1.1f}, logits, once), 1);
  EXPECT_EQ(best({.temperature = 0, .presence_penalty = 0.9f}, logits, often), 2);
  EXPECT_EQ(best({.temperature = 0, .frequency_penalty = 0.4f}, logits, once), 2);
  EXPECT_EQ(best({.temperature = 0, .frequency_penalty = 0.4f}, logits, often), 1);
  EXPECT_EQ(best({.temperature = 0, .frequency_penalty = 0.4f, .repeat_last_n = 1}, logits, often), 2);
  EXPECT_EQ(best({.temperature = 0, .presence_penalty = -1.5f}, logits, {1}), 1);
}

TEST(Sampler, OptionsOutOfRangeAreNamed) {
  EXPECT_THROW(Sampler({.presence_penalty = 101}), Error);
  EXPECT_THROW(Sampler({.frequency_penalty = -101}), Error);
}

}  // namespace
}  // namespace thimble
