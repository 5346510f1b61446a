// Sessions that share a workspace: what each gets is what it would get alone, whatever runs beside it.
#include "engine/batch_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <stdexcept>
#include <thread>

#include "engine/language_model.h"
#include "engine/session.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

constexpr size_t kThreads = 5;

SessionOptions session_options() {
  SessionOptions o;
  o.kv.context_length = 512;
  o.kv.batch_tokens = 96;
  o.kv.k_type = o.kv.v_type = NumberType::Q8_0;
  o.logit_rows = 3;  // fewer than there are sessions
  return o;
}

class SharedSessions : public testing::TestWithParam<test::TinyCase> {
 protected:
  void SetUp() override {
    test::TinyModel tiny = GetParam().model;
    tiny.embedding_length = 256;
    tiny.feed_forward_length = 256;
    tiny.head_count = 8;
    tiny.matrix_type = NumberType::Q4_K;
    test::write_tiny_model(*GetParam().spec, tiny, folder_ / "tiny.gguf");
    model_.emplace(LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf")), {}));
  }

  // A prompt of its own length, some tokens one by one and three at once, and the rows of a whole text.
  static std::vector<float> converse(Session& session, size_t who) {
    std::vector<float> all;
    const auto keep = [&](std::span<const float> logits) { all.insert(all.end(), logits.begin(), logits.end()); };
    std::vector<TokenId> prompt;
    for (size_t i = 0; i < 30 + who * 61; ++i) prompt.push_back(static_cast<TokenId>((i * (who + 3) + 7) % 256));
    keep(session.append(prompt));
    for (size_t i = 0; i < 12; ++i) {
      const auto best = std::max_element(all.end() - 8, all.end());
      const TokenId next[] = {static_cast<TokenId>(all.end() - best + 40), static_cast<TokenId>(who), 3};
      keep(session.append(std::span(next).first(i % 4 == 3 ? 3 : 1)));
    }
    session.rewind(20);
    session.append_all(std::span(prompt).first(25), 5, [&](size_t, std::span<const float> logits) { keep(logits); });
    return all;
  }

  test::TempFolder folder_;
  std::optional<LanguageModel> model_;
};

TEST_P(SharedSessions, CompanyChangesNothing) {
  Team alone(1);
  std::vector<std::vector<float>> expected;
  for (size_t who = 0; who < kThreads; ++who) {
    Session session(model_->model(), select_kernels("auto"), alone, session_options());
    expected.push_back(converse(session, who));
  }
  Team team(2);
  SharedRunner runner(model_->model(), select_kernels("auto"), team, session_options().workspace(team.size()));
  std::vector<std::vector<float>> got(kThreads);
  {
    std::vector<std::jthread> threads;
    for (size_t who = 0; who < kThreads; ++who) {
      threads.emplace_back([&, who] {
        Session session(runner, session_options());
        got[who] = converse(session, who);
      });
    }
  }
  for (size_t who = 0; who < kThreads; ++who) EXPECT_EQ(got[who], expected[who]) << who;
}

INSTANTIATE_TEST_SUITE_P(Registry, SharedSessions, testing::ValuesIn(test::family_cases(Head::logits)),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

class OneSharedSession : public SharedSessions {};

// What a sink throws comes back to the one whose it is; the others go on.
TEST_P(OneSharedSession, AFaultConcernsItsOwnerAlone) {
  Team team(2);
  SharedRunner runner(model_->model(), select_kernels("auto"), team, session_options().workspace(team.size()));
  std::atomic<int> thrown = 0;
  std::vector<std::vector<float>> got(2);
  {
    std::vector<std::jthread> threads;
    for (size_t who = 0; who < 2; ++who) {
      threads.emplace_back([&, who] {
        Session session(runner, session_options());
        got[who] = converse(session, 1);
      });
    }
    threads.emplace_back([&] {
      Session session(runner, session_options());
      const std::vector<TokenId> tokens(20, 5);
      for (int i = 0; i < 10; ++i) {
        session.rewind(0);
        try {
          session.append_all(tokens, i % 2 == 0 ? 19 : 3,
                             [](size_t, std::span<const float>) { throw std::runtime_error("sink"); });
        } catch (const std::runtime_error&) {
          ++thrown;
        }
      }
    });
  }
  EXPECT_EQ(thrown, 10);
  EXPECT_FALSE(got[0].empty());
  EXPECT_EQ(got[0], got[1]);
}

std::vector<test::TinyCase> only_llama() {
  std::vector<test::TinyCase> cases = test::family_cases(Head::logits);
  std::erase_if(cases, [](const test::TinyCase& tiny) { return tiny.name != "llama"; });
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Registry, OneSharedSession, testing::ValuesIn(only_llama()),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

}  // namespace
}  // namespace thimble
