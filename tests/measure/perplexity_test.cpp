// Perplexity of handbook text by the real models, against llama-perplexity's (tests/oracle/llama_golden.py).
#include "measure/perplexity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/utf8.h"
#include "engine/language_model.h"
#include "support/real_models.h"
#include "support/temp_file.h"

namespace thimble {
namespace {

class Perplexity : public testing::TestWithParam<const char*> {};

TEST_P(Perplexity, IsWithinHalfAPercentOfLlamaCpp) {
  THIMBLE_REAL_MODEL_OR_SKIP(path, GetParam());
  const char* handbook = std::getenv("THIMBLE_HANDBOOK");
  if (handbook == nullptr) GTEST_SKIP() << "THIMBLE_HANDBOOK names no text";
  const auto golden =
      nlohmann::json::parse(test::read_file(std::string(THIMBLE_TEST_DATA) + "/llama_cpp/perplexity.json"));
  std::string text = test::read_file(handbook).substr(0, golden["bytes"]);
  text.resize(text.size() - incomplete_utf8_tail(text));
  const LanguageModel loaded = LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(path)), {});
  SessionOptions options;
  options.kv.context_length = golden["chunk"];
  options.kv.k_type = options.kv.v_type = NumberType::F16;
  options.kv.rotation = Rotation::off;
  options.logit_rows = 16;
  Team team(2);
  Session session(loaded.model(), select_kernels("auto"), team, options);
  const std::vector<TokenId> tokens = loaded.tokenizer().encode(text);
  const PerplexityResult result =
      measure_perplexity(session, Chunks(loaded.tokenizer(), tokens, golden["chunk"], golden["chunks"]));
  const double expected = golden["models"][GetParam()]["ppl"];
  RecordProperty("ppl", std::to_string(result.perplexity));
  EXPECT_EQ(result.chunks, golden["chunks"].get<size_t>());
  EXPECT_NEAR(result.perplexity / expected, 1.0, 0.005) << result.perplexity << " against " << expected;
}

INSTANTIATE_TEST_SUITE_P(Named, Perplexity, test::real_models(), test::real_model_label);

}  // namespace
}  // namespace thimble
