// The public C++ and C interfaces on a tiny model.
#include <gtest/gtest.h>

#include <limits>

#include "model/arch_spec.h"
#include "support/temp_file.h"
#include "support/tiny_adapter.h"
#include "support/tiny_model.h"
#include "thimble/thimble.h"
#include "thimble/thimble.hpp"

namespace thimble {
namespace {

class PublicInterface : public testing::Test {
 protected:
  void SetUp() override {
    test::TinyModel tiny;
    tiny.context_length = 128;
    test::write_tiny_model(find_architecture("llama", "test"), tiny, path_);
    setup_.threads = 2;
    setup_.batch_size = 32;
    request_.temperature = 0;
    request_.max_tokens = 12;
  }

  test::TempFolder folder_;
  const std::string path_ = folder_ / "tiny.gguf";
  api::Setup setup_;
  api::Request request_;
};

api::Code code_of(const std::function<void()>& f, std::string_view expected_part) {
  try {
    f();
  } catch (const api::Error& error) {
    EXPECT_NE(std::string_view(error.what()).find(expected_part), std::string_view::npos) << error.what();
    return error.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST_F(PublicInterface, PlanAddsUpAndSaysWhatWouldFit) {
  const api::Plan plan = api::plan(path_, setup_);
  EXPECT_EQ(plan.total, plan.weights + plan.kv + plan.activations + plan.scratch + plan.tokenizer + plan.program);
  EXPECT_TRUE(plan.fits);
  setup_.memory_limit = 1000;
  EXPECT_FALSE(api::plan(path_, setup_).fits);
  EXPECT_EQ(code_of([&] { api::Model::load(path_, setup_); }, "memory_limit"), api::Code::does_not_fit);
}

TEST_F(PublicInterface, GenerateStreamsWhatItReturnsAndReusesItsPrefix) {
  const api::Model model = api::Model::load(path_, setup_);
  EXPECT_EQ(model.context_size(), 128u);
  api::Session session(model);
  std::string streamed;
  const auto collect = [&](std::string_view text) {
    streamed += text;
    return true;
  };
  const api::Answer first = session.generate("the pump", request_, collect);
  EXPECT_EQ(streamed, first.text);
  EXPECT_EQ(first.prompt_tokens, model.tokenize("the pump").size());
  EXPECT_EQ(first.reused_tokens, 0u);
  const api::Answer second = session.generate("the pump", request_, {});
  EXPECT_EQ(second.text, first.text);
  EXPECT_EQ(second.reused_tokens, first.prompt_tokens - 1);
}

TEST_F(PublicInterface, AdaptersChangeTheAnswerInBothLanguages) {
  const std::string adapter = folder_ / "adapter.gguf";
  test::write_tiny_adapter(Gguf::open(path_), test::first_tiny_adapter(), adapter);
  const auto answer = [&] {
    api::Session session(api::Model::load(path_, setup_));
    return session.generate("the pump", request_).tokens;
  };
  const std::vector<int32_t> plain = answer();
  const api::Plan before = api::plan(path_, setup_);
  setup_.adapters = {{adapter, 0}};
  EXPECT_EQ(answer(), plain);
  setup_.adapters = {{adapter, 1}};
  EXPECT_NE(answer(), plain);
  const api::Plan after = api::plan(path_, setup_);
  EXPECT_GT(after.weights, before.weights);
  setup_.adapters = {{adapter, std::numeric_limits<float>::infinity()}};
  EXPECT_EQ(code_of([&] { api::plan(path_, setup_); }, "finite scale"), api::Code::usage);
  setup_.adapters = {{path_, 1}};
  EXPECT_EQ(code_of([&] { api::Model::load(path_, setup_); }, "expected an adapter"), api::Code::bad_file);

  const thimble_adapter with = {adapter.c_str(), 1};
  thimble_setup setup = {};
  setup.threads = 2;
  setup.batch_size = 32;
  setup.adapters = &with;
  setup.adapter_count = 1;
  thimble_plan_result result = {};
  ASSERT_EQ(thimble_plan(path_.c_str(), &setup, &result), THIMBLE_OK) << thimble_last_error();
  EXPECT_EQ(result.weights, after.weights);
  setup.adapters = nullptr;
  EXPECT_EQ(thimble_plan(path_.c_str(), &setup, &result), THIMBLE_USAGE);
}

TEST_F(PublicInterface, CallbackEndsTheAnswer) {
  api::Session session(api::Model::load(path_, setup_));
  size_t calls = 0;
  const api::Answer answer = session.generate("abc", request_, [&](std::string_view) { return ++calls < 2; });
  EXPECT_EQ(answer.stop_reason, "interrupted");
  EXPECT_EQ(calls, 2u);
}

TEST_F(PublicInterface, ChatKeepsTheConversation) {
  api::Session session(api::Model::load(path_, setup_));
  const api::Answer first = session.chat("hello", request_);
  const api::Answer second = session.chat("and?", request_);
  EXPECT_GT(second.prompt_tokens, first.prompt_tokens);
  EXPECT_GE(second.reused_tokens, first.prompt_tokens);
  session.clear();
  EXPECT_EQ(session.chat("hello", request_).text, first.text);
}

TEST_F(PublicInterface, FurtherSessionIsRefusedWhereTheLimitHasNoRoom) {
  setup_.context_size = setup_.batch_size = 4096;
  const api::Plan plan = api::plan(path_, setup_);
  const uint64_t session_bytes = plan.kv + plan.activations + plan.scratch;
  // What the process itself has resident may grow a little between the two plans.
  setup_.memory_limit = plan.total + session_bytes / 2;
  const api::Model model = api::Model::load(path_, setup_);
  {
    const api::Session first(model);
    EXPECT_EQ(code_of([&] { api::Session second(model); }, "session 2"), api::Code::does_not_fit);
  }
  const api::Session again(model);
}

TEST_F(PublicInterface, BadSettingsAreUsageErrors) {
  setup_.cache_type_k = "q9";
  EXPECT_EQ(code_of([&] { api::plan(path_, setup_); }, "q9"), api::Code::usage);
  setup_.cache_type_k = "";
  setup_.context_size = SIZE_MAX;
  EXPECT_EQ(code_of([&] { api::plan(path_, setup_); }, "context_size"), api::Code::usage);
  setup_.context_size = 0;
  setup_.threads = 100'000;
  EXPECT_EQ(code_of([&] { api::plan(path_, setup_); }, "threads"), api::Code::usage);
  api::Session session(api::Model::load(path_, {}));
  request_.stop = {""};
  EXPECT_EQ(code_of([&] { session.generate("a", request_); }, "stop"), api::Code::usage);
}

TEST_F(PublicInterface, CInterfaceAnswersAsTheCppOne) {
  api::Session reference(api::Model::load(path_, setup_));
  const api::Answer expected = reference.chat("hello", request_);

  thimble_setup setup{};
  setup.threads = 2;
  setup.batch_size = 32;
  thimble_model* model = nullptr;
  thimble_session* session = nullptr;
  ASSERT_EQ(thimble_load(path_.c_str(), &setup, &model), THIMBLE_OK) << thimble_last_error();
  ASSERT_EQ(thimble_open_session(model, &session), THIMBLE_OK) << thimble_last_error();
  thimble_free_model(model);
  thimble_request request;
  thimble_request_init(&request);
  request.temperature = 0;
  request.max_tokens = 12;
  std::string text;
  thimble_counts counts;
  const thimble_on_text collect = [](const char* piece, void* user) {
    *static_cast<std::string*>(user) += piece;
    return 1;
  };
  ASSERT_EQ(thimble_chat(session, "hello", &request, collect, &text, &counts), THIMBLE_OK) << thimble_last_error();
  EXPECT_EQ(text, expected.text);
  EXPECT_EQ(counts.generated_tokens, expected.tokens.size());
  EXPECT_EQ(counts.stop_reason, expected.stop_reason);
  thimble_free_session(session);
}

TEST_F(PublicInterface, CInterfaceReportsCodesAndMessages) {
  thimble_model* model = nullptr;
  EXPECT_EQ(thimble_load("/nowhere/model.gguf", nullptr, &model), THIMBLE_BAD_FILE);
  EXPECT_NE(std::string(thimble_last_error()).find("/nowhere/model.gguf"), std::string::npos);
  EXPECT_EQ(model, nullptr);
  EXPECT_EQ(thimble_load(nullptr, nullptr, &model), THIMBLE_USAGE);
  EXPECT_EQ(thimble_plan(path_.c_str(), nullptr, nullptr), THIMBLE_USAGE);
  EXPECT_EQ(thimble_chat(nullptr, "hello", nullptr, nullptr, nullptr, nullptr), THIMBLE_USAGE);
  thimble_free_model(nullptr);
  thimble_free_session(nullptr);
}

}  // namespace
}  // namespace thimble
