// Prefix images: what follows one is what follows a prompt that was run, and a file that does not suit is as good as none.
#include "engine/prefix_image.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "engine/language_model.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

constexpr uint64_t kIdentity = 77;

class PrefixImages : public testing::TestWithParam<test::TinyCase> {
 protected:
  void SetUp() override {
    test::write_tiny_model(*GetParam().spec, GetParam().model, folder_ / "tiny.gguf");
    model_.emplace(LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf")), {}));
  }

  static std::vector<TokenId> ids(size_t count) {
    std::vector<TokenId> out;
    for (size_t i = 0; i < count; ++i) out.push_back(static_cast<TokenId>((i * 53 + 7) % 256));
    return out;
  }
  Session session(size_t context = 256, NumberType type = NumberType::F16) {
    SessionOptions o;
    o.kv.context_length = context;
    o.kv.batch_tokens = 32;
    o.kv.k_type = o.kv.v_type = type;
    return Session(model_->model(), select_kernels("auto"), team_, o);
  }
  static std::vector<float> after(Session& session, std::span<const TokenId> tokens) {
    const std::span<const float> logits = session.append(tokens);
    return {logits.begin(), logits.end()};
  }

  Team team_{1};
  test::TempFolder folder_;
  std::string path_ = folder_ / "prefix";
  std::optional<LanguageModel> model_;
};

TEST_P(PrefixImages, WhatFollowsIsTheSame) {
  const std::vector<TokenId> all = ids(140);
  for (const size_t length : {1u, 15u, 16u, 100u}) {  // the last: more than a window and a batch
    const auto prefix = std::span(all).first(length), rest = std::span(all).subspan(length, 40);
    Session cold = session();
    cold.append(prefix);
    save_prefix(cold, path_, kIdentity);
    const std::vector<float> expected = after(cold, rest);
    Session warm = session();
    ASSERT_EQ(load_prefix(warm, path_, kIdentity), length);
    EXPECT_TRUE(std::ranges::equal(warm.tokens(), prefix));
    EXPECT_EQ(after(warm, rest), expected) << length;
    // A prompt that shares only a part of it.
    Session part = session();
    load_prefix(part, path_, kIdentity);
    const size_t kept = part.rewind(length - 1);
    EXPECT_EQ(after(part, std::span(all).subspan(kept, length + 40 - kept)), expected) << length;
    // A longer context has longer caches, but for the rings.
    Session longer = session(400);
    if (load_prefix(longer, path_, kIdentity) != 0) {
      EXPECT_EQ(after(longer, rest), expected) << length;
    }
  }
}

TEST_P(PrefixImages, WhatDoesNotSuitIsNotUsed) {
  const std::vector<TokenId> prefix = ids(40);
  Session cold = session();
  cold.append(prefix);
  save_prefix(cold, path_, kIdentity);
  const auto loads = [&](Session&& into, uint64_t identity = kIdentity) {
    const size_t held = load_prefix(into, path_, identity);
    EXPECT_EQ(into.tokens().size(), held);
    return held;
  };
  EXPECT_EQ(loads(session()), 40u);
  EXPECT_EQ(loads(session(), kIdentity + 1), 0u);
  EXPECT_EQ(loads(session(256, NumberType::F32)), 0u) << "another cache type";
  EXPECT_EQ(loads(session(39)), 0u) << "a shorter context";
  const std::string whole = test::read_file(path_);
  for (size_t at = 8; at < whole.size(); at += whole.size() / 50 + 1) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    test::write_file(path_, damaged);
    EXPECT_EQ(loads(session()), 0u) << at;
    test::write_file(path_, whole.substr(0, std::max<size_t>(at, 24)));
    EXPECT_EQ(loads(session()), 0u) << at;
  }
  test::write_file(path_, whole + "x");
  EXPECT_EQ(loads(session()), 0u);
  std::filesystem::remove(path_);
  EXPECT_EQ(loads(session()), 0u);
  test::write_file(path_, "somebody's letter");
  EXPECT_THROW(loads(session()), Error);
  EXPECT_THROW(save_prefix(cold, path_, kIdentity), Error);
  EXPECT_EQ(test::read_file(path_), "somebody's letter");
}

INSTANTIATE_TEST_SUITE_P(Registry, PrefixImages, testing::ValuesIn(test::family_cases(Head::logits)),
                         [](const auto& tiny) { return test::case_name(tiny.param.name); });

}  // namespace
}  // namespace thimble
