// Answers under a grammar: the choice is exact, what is forced costs no pass, and the answer ends where the grammar does.
#include <gtest/gtest.h>

#include <random>

#include "base/error.h"
#include "engine/generate.h"
#include "engine/language_model.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"
#include "text/gbnf.h"
#include "text/grammar_matcher.h"
#include "text/json_schema.h"

namespace thimble {
namespace {

class Constrained : public testing::Test {
 protected:
  Constrained() {
    test::write_tiny_model(find_architecture("llama", "test"), {}, folder_ / "tiny.gguf");
    model_.emplace(LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf")), {}));
    trie_ = std::make_shared<const VocabularyTrie>(tokenizer());
  }

  const Tokenizer& tokenizer() const { return model_->tokenizer(); }
  std::unique_ptr<TokenConstraint> constraint(Grammar grammar) const {
    return std::make_unique<TokenConstraint>(std::make_shared<const Grammar>(std::move(grammar)), trie_, tokenizer());
  }
  Session session(size_t context = 128) {
    SessionOptions o;
    o.kv.context_length = context;
    o.kv.batch_tokens = 32;
    return Session(model_->model(), select_kernels("auto"), team_, o);
  }

  test::TempFolder folder_;
  std::optional<LanguageModel> model_;
  std::shared_ptr<const VocabularyTrie> trie_;
  Team team_{1};
};

// As if what is not allowed had no chance: with the same seed the same token as from logits that say so.
TEST_F(Constrained, TheChoiceIsAmongWhatIsAllowed) {
  const auto limited = constraint(compile_gbnf("root ::= [a-p]+ | [0-9] root"));
  const auto wide = constraint(compile_gbnf("root ::= [ -~]*"));
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 3);
  std::vector<float> logits(tokenizer().vocabulary_size());
  const std::vector<TokenId> history = {'a', 'b', 'c'};
  for (TokenConstraint* allowed : {limited.get(), wide.get()}) {
    const TokenMask mask = allowed->mask();
    for (uint64_t seed = 0; seed < 200; ++seed) {
      for (float& logit : logits) logit = normal(random);
      std::vector<float> barred = logits;
      for (size_t id = 0; id < logits.size(); ++id) {
        if (!mask.contains(static_cast<TokenId>(id))) barred[id] = -1e30f;
      }
      const SamplerOptions options = {.temperature = seed % 4 == 0 ? 0.0f : 1.5f,
                                      .top_k = static_cast<uint32_t>(seed % 3) * 5,
                                      .top_p = seed % 2 == 0 ? 1.0f : 0.9f,
                                      .repeat_penalty = 1.1f,
                                      .seed = seed};
      const TokenId token = Sampler(options).sample(logits, history, allowed);
      EXPECT_EQ(token, Sampler(options).sample(barred, history)) << seed;
      EXPECT_TRUE(mask.contains(token));
    }
  }
}

TEST_F(Constrained, AnswersMatchAndEndWhereTheGrammarDoes) {
  const auto schema = constraint(compile_json_schema_text(
      R"({"type": "object", "properties": {"state": {"enum": ["on", "off"]}, "level": {"type": "integer", "minimum": 10, "maximum": 99}},
          "required": ["state", "level"]})"));
  const std::vector<TokenId> prompt = {'a', 'b', 'c'};
  for (uint64_t seed = 0; seed < 10; ++seed) {
    Session session_ = session();
    Sampler sampler({.temperature = seed == 0 ? 0.0f : 1.0f, .seed = seed});
    GenerateOptions options;
    options.constraint = schema.get();
    options.ignore_end_of_turn = true;
    const Generation answer = generate(session_, tokenizer(), prompt, sampler, options);
    EXPECT_EQ(answer.stop_reason, StopReason::end_of_turn);
    EXPECT_TRUE(answer.text == R"({"state": "on", "level": )" + answer.text.substr(25, 3) ||
                answer.text == R"({"state": "off", "level": )" + answer.text.substr(26, 3))
        << answer.text;
    EXPECT_TRUE(answer.text.ends_with("}"));
  }
}

// Each token is forced, or what a greedy choice among the allowed ones takes behind exactly the tokens before it.
TEST_F(Constrained, ForcedTokensLeaveTheOthersAsTheyWere) {
  const auto grammar = [] {
    return compile_gbnf("root ::= \"begin:\" [a-z] [a-z] \"; then \" [0-9]{2} \" and the end\"");
  };
  const auto used = constraint(grammar());
  const std::vector<TokenId> prompt = {'x', 'y'};
  Session session_ = session();
  Sampler sampler({.temperature = 0});
  GenerateOptions options;
  options.constraint = used.get();
  const Generation answer = generate(session_, tokenizer(), prompt, sampler, options);
  EXPECT_TRUE(matches(grammar(), answer.text)) << answer.text;
  const auto replayed = constraint(grammar());
  Session other = session();
  std::span<const float> logits = other.append(prompt);
  size_t chosen = 0;
  for (size_t i = 0; i < answer.tokens.size();) {
    for (const TokenId forced : replayed->take_forced(100)) {
      EXPECT_EQ(forced, answer.tokens[i++]);
      logits = other.append({&forced, 1});
    }
    if (i == answer.tokens.size()) break;
    const TokenId expected = Sampler({.temperature = 0}).sample(logits, {}, replayed.get());
    EXPECT_EQ(answer.tokens[i++], expected);
    replayed->accept(expected);
    logits = other.append({&expected, 1});
    ++chosen;
  }
  EXPECT_EQ(chosen, 4u);
  EXPECT_TRUE(replayed->must_end());
}

TEST_F(Constrained, LimitsHoldWhereTextIsForced) {
  const auto fixed = constraint(compile_gbnf("root ::= \"0123456789012345678901234567890123456789\" [a-z]{100}"));
  const std::vector<TokenId> prompt = {'x', 'y'};
  GenerateOptions options;
  options.constraint = fixed.get();
  for (const size_t most : {0u, 1u, 2u, 17u, 41u, 45u}) {
    Session session_ = session();
    Sampler sampler({.temperature = 0});
    options.max_tokens = most;
    const Generation answer = generate(session_, tokenizer(), prompt, sampler, options);
    EXPECT_EQ(answer.tokens.size(), most);
    EXPECT_EQ(answer.stop_reason, StopReason::length);
  }
  options.max_tokens = SIZE_MAX;
  Session small = session(20);
  Sampler sampler({.temperature = 0});
  const Generation full = generate(small, tokenizer(), prompt, sampler, options);
  EXPECT_EQ(full.stop_reason, StopReason::context_full);
  EXPECT_TRUE(std::string("0123456789012345678901234567890").starts_with(full.text));
  EXPECT_GE(full.text.size(), 18u);
  options.stop = {"567"};
  Session stopped = session();
  EXPECT_EQ(generate(stopped, tokenizer(), prompt, sampler, options).text, "01234");
}

TEST_F(Constrained, NestingBeyondTheLimitIsAnError) {
  const auto nested = constraint(compile_gbnf("root ::= \"[a\" root \"]\" | \"z\""));
  size_t depth = 0;
  for (; nested->allows('[') && depth < 2 * GrammarLimits::kNesting; ++depth) {
    nested->accept('[');
    if (!nested->allows('a')) break;
    nested->accept('a');
  }
  EXPECT_EQ(depth, GrammarLimits::kNesting);
  const std::vector<float> logits(tokenizer().vocabulary_size(), 0.0f);
  try {
    Sampler({.temperature = 0}).sample(logits, {}, nested.get());
    FAIL() << "something was chosen";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::failed);
  }
}

}  // namespace
}  // namespace thimble
