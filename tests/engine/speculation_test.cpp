// Speculation by prompt lookup: whatever it drafts, the answer, the session and what follows are those of a run without.
#include <gtest/gtest.h>

#include <optional>

#include "engine/generate.h"
#include "engine/language_model.h"
#include "engine/prompt_lookup.h"
#include "engine/session.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

std::vector<TokenId> ids(std::initializer_list<int> list) { return {list.begin(), list.end()}; }

// A lookup that has seen passes without a draft and may therefore draft.
PromptLookup ready(size_t most) {
  PromptLookup lookup(most);
  lookup.note_pass(0, 0, 1);
  return lookup;
}

std::vector<TokenId> proposed(PromptLookup& lookup, const std::vector<TokenId>& tokens, size_t room = 100) {
  const std::span<const TokenId> draft = lookup.propose(tokens, room);
  return {draft.begin(), draft.end()};
}

TEST(PromptLookup, ProposesWhatFollowedTheLongestMatch) {
  PromptLookup lookup = ready(4);
  const auto text = ids({9, 1, 2, 3, 4, 50, 8, 7, 2, 3, 4, 60, 61, 1, 2, 3, 4});
  EXPECT_EQ(proposed(lookup, text), ids({50, 8, 7, 2})) << "1 2 3 4 rather than the later 2 3 4";
  EXPECT_EQ(proposed(lookup, text, 1), ids({50}));
  PromptLookup latest = ready(3);
  EXPECT_EQ(proposed(latest, ids({1, 2, 3, 4, 1, 2, 3, 5, 6, 7, 1, 2, 3})), ids({5, 6, 7}));
  PromptLookup none = ready(3);
  EXPECT_TRUE(proposed(none, ids({1, 2, 3, 4, 5, 6, 7, 8})).empty());
  EXPECT_TRUE(proposed(none, ids({1, 2, 3, 4, 5, 6, 7, 8, 2, 3})).empty()) << "two tokens are too few";
  EXPECT_TRUE(proposed(none, ids({1, 2, 3, 4, 5, 6, 7, 8, 2, 3, 4}), 0).empty());
  PromptLookup fresh(3);
  EXPECT_TRUE(proposed(fresh, ids({1, 2, 3, 4, 1, 2, 3})).empty()) << "nothing to compare with yet";
}

TEST(PromptLookup, AFinishedRunJoinsWithTheNextTokens) {
  PromptLookup lookup = ready(2);
  std::vector<TokenId> text = ids({5, 6, 7, 5, 6, 7});
  EXPECT_EQ(proposed(lookup, text), ids({5, 6}));
  text.insert(text.end(), {5, 6, 9, 1, 5, 6, 9});
  EXPECT_EQ(proposed(lookup, text), ids({1, 5}));
}

TEST(PromptLookup, PausesWhereDraftsDoNotPay) {
  PromptLookup lookup = ready(8);
  std::vector<TokenId> text = ids({1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3});
  const auto passes_with_draft = [&](size_t passes, double seconds, bool right) {
    size_t with = 0;
    for (size_t i = 0; i < passes; ++i) {
      const std::vector<TokenId> draft = proposed(lookup, text);
      with += !draft.empty();
      lookup.note_pass(draft.size(), right ? draft.size() : 0, draft.empty() ? 1 : seconds);
    }
    return with;
  };
  EXPECT_LT(passes_with_draft(400, 1.5, false), 60u) << "wrong and half as slow again";
  passes_with_draft(600, 1.5, true);
  EXPECT_GT(passes_with_draft(400, 1.5, true), 380u) << "right again";
  EXPECT_LT(passes_with_draft(400, 20, true), 60u) << "right, but slower than without";
}

class Speculation : public testing::TestWithParam<test::TinyCase> {
 protected:
  struct Run {
    Generation answer;
    std::vector<TokenId> session;
    std::vector<float> next;  // logits of one more token
  };

  void SetUp() override {
    test::write_tiny_model(*GetParam().spec, GetParam().model, folder_ / "tiny.gguf");
    model_.emplace(LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf")), {}));
  }

  // Words that come again and again, so that drafts are found and are right now and then.
  static std::vector<TokenId> prompt() {
    std::vector<TokenId> tokens;
    for (size_t i = 0; i < 90; ++i) tokens.push_back(static_cast<TokenId>(40 + i % 9 * 3 + (i % 31 == 0)));
    return tokens;
  }

  Run run(size_t draft_tokens, GenerateOptions options, SamplerOptions sampling, size_t context = 400) {
    SessionOptions o;
    o.kv.context_length = context;
    o.kv.batch_tokens = 32;
    o.kv.k_type = o.kv.v_type = NumberType::F16;
    o.logit_rows = 8;
    Session session(model_->model(), select_kernels("auto"), team_, o);
    Sampler sampler(sampling);
    options.draft_tokens = draft_tokens;
    Run result;
    result.answer = generate(session, model_->tokenizer(), prompt(), sampler, options);
    result.session.assign(session.tokens().begin(), session.tokens().end());
    if (session.room() > 0) {
      const TokenId next = 65;
      const std::span<const float> logits = session.append({&next, 1});
      result.next.assign(logits.begin(), logits.end());
    }
    return result;
  }

  void expect_same(const GenerateOptions& options, const SamplerOptions& sampling, size_t context = 400) {
    const Run without = run(0, options, sampling, context), with = run(7, options, sampling, context);
    EXPECT_EQ(without.answer.drafted_tokens, 0u);
    EXPECT_EQ(with.answer.tokens, without.answer.tokens);
    EXPECT_EQ(with.answer.text, without.answer.text);
    EXPECT_EQ(with.answer.stop_reason, without.answer.stop_reason);
    EXPECT_EQ(with.session, without.session);
    EXPECT_EQ(with.next, without.next);
    drafted_ += with.answer.drafted_tokens;
    accepted_ += with.answer.accepted_tokens;
  }

  Team team_{1};
  test::TempFolder folder_;
  std::optional<LanguageModel> model_;
  size_t drafted_ = 0, accepted_ = 0;
};

TEST_P(Speculation, ChangesNothingButTheSpeed) {
  const GenerateOptions long_answer = {.max_tokens = 120, .ignore_end_of_turn = true};
  expect_same(long_answer, {.temperature = 0});
  expect_same(long_answer, {.temperature = 0, .repeat_penalty = 1.3f});
  for (const uint64_t seed : {1u, 2u}) {
    expect_same({.max_tokens = 60}, {.temperature = 0.7f, .seed = seed});
    expect_same(long_answer, {.temperature = 0.05f, .seed = seed});
  }
  for (const size_t most : {0u, 1u, 2u, 7u, 23u}) {
    expect_same({.max_tokens = most, .ignore_end_of_turn = true}, {.temperature = 0});
  }
  EXPECT_GT(accepted_, 0u);
  EXPECT_GT(drafted_, accepted_);
}

TEST_P(Speculation, StopsWhereItWouldHaveStopped) {
  const SamplerOptions greedy = {.temperature = 0};
  const std::string text = run(0, {.max_tokens = 60, .ignore_end_of_turn = true}, greedy).answer.text;
  for (const size_t at : {text.size() / 4, text.size() / 2, text.size() * 3 / 4}) {
    expect_same({.max_tokens = 60, .stop = {text.substr(at, 2)}, .ignore_end_of_turn = true}, greedy);
  }
  expect_same({.ignore_end_of_turn = true}, greedy, 120);
  expect_same({.max_tokens = 80, .ignore_end_of_turn = true, .context_full = ContextFull::shift, .keep = 5}, greedy,
              120);
}

INSTANTIATE_TEST_SUITE_P(Registry, Speculation, testing::ValuesIn(test::family_cases(Head::logits)),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

}  // namespace
}  // namespace thimble
