// Each request for memory in turn is refused, from opening a model through its first token: out comes an error or bad_alloc,
// nothing stays behind, and the next run works. Chats are not among them: the JSON library needs memory to give memory back,
// which is what the program keeps a reserve for (src/app/memory_reserve.h).
#include <gtest/gtest.h>

#include <new>
#include <string>

#include "base/error.h"
#include "base/team.h"
#include "engine/generate.h"
#include "engine/language_model.h"
#include "engine/memory_plan.h"
#include "faults/failing_memory.h"
#include "support/temp_file.h"
#include "support/tiny_model.h"
#include "thimble/thimble.h"

namespace thimble {
namespace {

class Allocation : public testing::TestWithParam<const ArchSpec*> {
 protected:
  void SetUp() override {
    test::TinyModel tiny;
    tiny.block_count = 2;
    test::write_tiny_model(*GetParam(), tiny, path_);
    expected_ = first_token();
  }

  // Opens, plans and loads the model and continues a text by one token.
  TokenId first_token() const {
    SessionOptions options;
    options.kv.context_length = 64;
    options.kv.batch_tokens = 64;
    auto gguf = std::make_unique<const Gguf>(Gguf::open(path_));
    require_fit(Model::bind(*gguf, Model::Depth::shapes), options, 2, 0, uint64_t{1} << 40, "test");
    const LanguageModel loaded = LanguageModel::load(std::move(gguf), {"", true});
    Team team(2);
    Session session(loaded.model(), select_kernels("auto"), team, options);
    Sampler sampler({.temperature = 0});
    const std::vector<TokenId> prompt = loaded.tokenizer().encode("the hat");
    return generate(session, loaded.tokenizer(), prompt, sampler, {.max_tokens = 1}).tokens.at(0);
  }

  // One run in which request `k` is refused; false where it never came to that.
  bool refuse(uint64_t k, bool persistent) const {
    const int64_t before = test::live_allocations();
    bool finished = false;
    TokenId token = -1;
    test::fail_request(k, persistent);
    try {
      token = first_token();
      finished = true;
    } catch (const std::bad_alloc&) {
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::does_not_fit) << error.what();
    }
    const uint64_t requests = test::stop_failing();
    EXPECT_EQ(test::live_allocations(), before) << "request " << k << " left memory behind";
    if (finished) {
      EXPECT_EQ(token, expected_) << "request " << k;
    }
    return requests >= k;
  }

  test::TempFolder folder_;
  std::string path_ = folder_ / "model.gguf";
  TokenId expected_ = -1;
};

TEST_P(Allocation, EachOneMayBeRefused) {
  for (const bool persistent : {false, true}) {
    uint64_t k = 1;
    while (refuse(k, persistent) && !HasFailure()) ++k;
    EXPECT_GT(k, 100u);  // the requests that a run makes
    EXPECT_EQ(first_token(), expected_);
    if (!persistent) RecordProperty("requests", static_cast<int>(k - 1));
  }
}

// The C interface lets nothing through.
TEST_P(Allocation, TheLibraryForCReportsACode) {
  const auto run = [this] {
    thimble_model* model = nullptr;
    thimble_session* session = nullptr;
    thimble_setup setup{};
    setup.context_size = 64;
    setup.threads = 2;
    setup.memory_limit = uint64_t{1} << 40;
    thimble_request request;
    thimble_request_init(&request);
    request.max_tokens = 1;
    int code = thimble_load(path_.c_str(), &setup, &model);
    if (code == THIMBLE_OK) code = thimble_open_session(model, &session);
    if (code == THIMBLE_OK) code = thimble_generate(session, "the hat", &request, nullptr, nullptr, nullptr);
    thimble_free_session(session);
    thimble_free_model(model);
    return code;
  };
  ASSERT_EQ(run(), THIMBLE_OK);
  for (uint64_t k = 1;; ++k) {
    test::fail_request(k, false);
    const int code = run();
    if (test::stop_failing() < k) break;
    ASSERT_TRUE(code == THIMBLE_OK || code == THIMBLE_DOES_NOT_FIT) << k << ": " << code;
  }
  EXPECT_EQ(run(), THIMBLE_OK);
}

INSTANTIATE_TEST_SUITE_P(Families, Allocation,
                         testing::Values(&find_architecture("llama", ""), &find_architecture("gemma3", "")),
                         [](const auto& family) { return std::string(family.param->name); });

}  // namespace
}  // namespace thimble
