// Adapters merged into weights: against peft's merge (tests/oracle/tiny_merged.py, tiny_adapters.py), into quantized models with the
// original and without, and what is refused.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "base/error.h"
#include "engine/session.h"
#include "support/npy_file.h"
#include "support/temp_file.h"
#include "support/tiny_adapter.h"
#include "support/tiny_cases.h"
#include "tune/merge.h"

namespace thimble {
namespace {

constexpr size_t kTokens = 48;

uint64_t fnv(std::span<const std::byte> bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const std::byte byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3u;
  return hash;
}

std::vector<float> logits(const std::string& path) {
  const Gguf gguf = Gguf::open(path);
  const Model model = Model::bind(gguf);
  SessionOptions options;
  options.kv.context_length = 64;
  options.kv.batch_tokens = kTokens;
  options.kv.k_type = options.kv.v_type = NumberType::F32;
  options.kv.rotation = Rotation::off;
  options.logit_rows = 3;
  Team team(2);
  Session session(model, select_kernels("auto"), team, options);
  std::vector<TokenId> ids;
  for (size_t i = 0; i < kTokens; ++i) ids.push_back(static_cast<TokenId>((i * 37 + 11) % 320));
  std::vector<float> all;
  session.append_all(ids, 0,
                     [&](size_t, std::span<const float> row) { all.insert(all.end(), row.begin(), row.end()); });
  return all;
}

class Merge : public testing::Test {
 protected:
  std::string file(const std::string& name) const { return folder_ / name; }

  void write_base(const std::string& family, NumberType type, uint32_t width = 64) {
    const ArchSpec& spec = find_architecture(family, "test");
    test::TinyModel tiny = test::tiny_of(spec);
    tiny.matrix_type = type;
    tiny.embedding_length = width;
    test::write_tiny_model(spec, tiny, file("base.gguf"));
    base_ = std::make_unique<const Gguf>(Gguf::open(file("base.gguf")));
    test::write_tiny_adapter(*base_, test::first_tiny_adapter(), file("first.gguf"));
    test::write_tiny_adapter(*base_, test::second_tiny_adapter(), file("second.gguf"));
  }

  // Both adapters into base.gguf.
  std::vector<MergeResult> merge_both(const std::string& out, const MergeOptions& options = {}, unsigned threads = 2,
                                      const Kernels& kernels = select_kernels("auto")) {
    MergeUpdates updates(*base_);
    updates.add(file("first.gguf"), test::kFirstTinyScale);
    updates.add(file("second.gguf"), test::kSecondTinyScale);
    plan_ = plan_merge(updates, options);
    Team team(threads);
    return merge(updates, plan_, file(out), team, kernels, [](uint64_t, uint64_t) {});
  }

  std::string refused(const std::function<void()>& action, ExitCode code = ExitCode::bad_file) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code);
      return error.what();
    }
    ADD_FAILURE() << "was not refused";
    return {};
  }

  test::TempFolder folder_;
  std::unique_ptr<const Gguf> base_;
  MergePlan plan_;
};

// Every bit of every adapted tensor, and of all others those of the base.
TEST_F(Merge, EqualsPeftBitForBit) {
  std::map<std::string, std::map<std::string, uint64_t>> golden;  // by family and format, by tensor
  std::ifstream lines(std::string(THIMBLE_TEST_DATA) + "/tune/merged.txt");
  for (std::string family, format, name, hash; lines >> family >> format >> name >> hash;) {
    golden[family + " " + format][name] = std::stoull(hash, nullptr, 16);
  }
  ASSERT_EQ(golden.size(), 6u);
  for (const auto& [which, hashes] : golden) {
    SCOPED_TRACE(which);
    const size_t space = which.find(' ');
    write_base(which.substr(0, space), find_type_named(which.substr(space + 1))->type);
    merge_both("out.gguf");
    const Gguf out = Gguf::open(file("out.gguf"));
    for (const auto& [name, hash] : hashes) {
      ASSERT_NE(out.find_tensor(name), nullptr) << name;
      EXPECT_EQ(fnv(out.find_tensor(name)->data), hash) << name;
    }
    for (const GgufTensor& tensor : base_->tensors()) {
      const GgufTensor& same = *out.find_tensor(tensor.name);
      EXPECT_EQ(same.type, tensor.type);
      if (hashes.contains(std::string(tensor.name))) continue;
      EXPECT_EQ(fnv(same.data), fnv(tensor.data)) << tensor.name;
    }
    for (const GgufValue& value : base_->values()) {
      ASSERT_NE(out.find(value.key), nullptr) << value.key;
      EXPECT_EQ(fnv(out.find(value.key)->data), fnv(value.data)) << value.key;
    }
  }
}

// The merged files run as peft's models with both adapters do: embedding, tied head and fused tensors too.
TEST_F(Merge, LogitsEqualPeft) {
  for (const char* family : {"llama", "qwen2", "gemma3", "phi3", "granite"}) {
    SCOPED_TRACE(family);
    write_base(family, NumberType::F32);
    merge_both("out.gguf");
    const std::vector<float> all = logits(file("out.gguf"));
    std::vector<float> found;
    for (const size_t row : {0, 1, 15, 16, 17, 31, 40, 47})
      found.insert(found.end(), all.data() + row * 320, all.data() + (row + 1) * 320);
    const std::vector<float> expected =
        test::read_npy(std::string(THIMBLE_TEST_DATA) + "/model/" + family + "-adapters.npy");
    ASSERT_EQ(found.size(), expected.size());
    // As with adapters at run time (tests/engine/adapter_test.cpp).
    for (size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], 2e-4) << "index " << i;
  }
}

TEST_F(Merge, TheSameBytesOnEveryInstructionSetAndNumberOfThreads) {
  for (const NumberType type : {NumberType::F16, NumberType::Q4_0}) {
    write_base("llama", type);
    merge_both("out.gguf", {}, 1, select_kernels("scalar"));
    const std::string expected = test::read_file(file("out.gguf"));
    for (const Kernels* kernels : available_kernels()) {
      merge_both("other.gguf", {}, 3, *kernels);
      EXPECT_EQ(test::read_file(file("other.gguf")), expected) << kernels->isa;
    }
  }
}

TEST_F(Merge, AScaleOfZeroLeavesTheFileAsItIs) {
  write_base("llama", NumberType::Q4_0);
  MergeUpdates updates(*base_);
  updates.add(file("first.gguf"), 0);
  Team team(1);
  const MergePlan plan = plan_merge(updates, {});
  EXPECT_EQ(plan.merged(), 0u);
  merge(updates, plan, file("out.gguf"), team, select_kernels("auto"), [](uint64_t, uint64_t) {});
  EXPECT_EQ(test::read_file(file("out.gguf")), test::read_file(file("base.gguf")));
}

// Error of the merged file's adapted tensors against the exact ones, relative.
double distance(const std::string& path, const std::string& exact_path, const MergePlan& plan) {
  const Gguf file = Gguf::open(path), exact = Gguf::open(exact_path);
  double error = 0, norm = 0;
  for (const MergedTensor& tensor : plan.tensors) {
    if (!tensor.is_merged) continue;
    std::vector<float> values(tensor.base->elements()), expected(values.size());
    const auto unpack = [&](const Gguf& gguf, std::vector<float>& to) {
      const GgufTensor& from = *gguf.find_tensor(tensor.name);
      from.type->unpack(from.data.data(), to.data(), to.size() / from.type->block_size);
    };
    unpack(file, values);
    unpack(exact, expected);
    for (size_t i = 0; i < values.size(); ++i) {
      error += std::pow(double{values[i]} - double{expected[i]}, 2);
      norm += double{expected[i]} * double{expected[i]};
    }
  }
  return std::sqrt(error / norm);
}

// With the original at hand weights are rounded once: closer than rounding what was rounded, in the base's own formats.
TEST_F(Merge, TheOriginalAvoidsOneOfTwoRoundings) {
  write_base("llama", NumberType::F32);
  merge_both("exact.gguf");
  std::filesystem::rename(file("base.gguf"), file("original.gguf"));
  const Gguf original = Gguf::open(file("original.gguf"));
  write_base("llama", NumberType::Q4_0);
  const std::vector<MergeResult> twice = merge_both("twice.gguf");
  const double without = distance(file("twice.gguf"), file("exact.gguf"), plan_);
  MergeOptions options;
  options.original = &original;
  const std::vector<MergeResult> once = merge_both("once.gguf", options);
  const double with = distance(file("once.gguf"), file("exact.gguf"), plan_);
  // Two independent roundings would err by sqrt(2) of one; the second has an easier task with values that are on a grid in part.
  EXPECT_LT(with, 0.9 * without);
  for (const char* name : {"twice.gguf", "once.gguf"}) {
    const Gguf out = Gguf::open(file(name));
    for (const GgufTensor& tensor : base_->tensors()) EXPECT_EQ(out.find_tensor(tensor.name)->type, tensor.type);
  }
  // What is reported is what is there.
  double error = 0, count = 0;
  for (size_t i = 0; i < once.size(); ++i) {
    if (!plan_.tensors[i].is_merged) continue;
    error += once[i].error;
    count += 1;
    EXPECT_GT(once[i].change, 0);
  }
  EXPECT_NEAR(error / count, with, 0.1 * with);
}

// Adapted tensors in another format, all others as they are.
TEST_F(Merge, OtherFormats) {
  write_base("llama", NumberType::Q8_0);
  MergeOptions options;
  options.type = NumberType::BF16;
  merge_both("out.gguf", options);
  const Gguf out = Gguf::open(file("out.gguf"));
  EXPECT_EQ(out.find_tensor("blk.0.attn_q.weight")->type->type, NumberType::BF16);
  EXPECT_EQ(out.find_tensor("blk.0.attn_norm.weight")->type->type, NumberType::F32);
  EXPECT_EQ(out.unsigned_integer("general.file_type"), 32u);  // llama.cpp's MOSTLY_BF16
  EXPECT_EQ(logits(file("out.gguf")).size(), kTokens * 320);
}

TEST_F(Merge, WhatDoesNotFitIsRefusedByName) {
  write_base("llama", NumberType::Q4_0);
  std::filesystem::rename(file("base.gguf"), file("q4.gguf"));
  std::filesystem::rename(file("first.gguf"), file("llama-first.gguf"));
  const Gguf quantized = Gguf::open(file("q4.gguf"));

  write_base("llama", NumberType::F32, 96);
  {
    MergeUpdates updates(*base_);
    EXPECT_NE(refused([&] { updates.add(file("llama-first.gguf"), 1); }).find("expected [96, 8] for [96, "),
              std::string::npos);
    updates.add(file("first.gguf"), 1);
    const auto plan = [&] { plan_merge(updates, {std::nullopt, &quantized, nullptr}); };
    EXPECT_NE(refused(plan).find("expected F16, BF16 or F32 of [96, "), std::string::npos);
  }
  write_base("qwen2", NumberType::F32);
  MergeUpdates updates(*base_);
  const auto plan = [&] { plan_merge(updates, {std::nullopt, &quantized, nullptr}); };
  EXPECT_NE(refused(plan).find("is of the architecture llama, but"), std::string::npos);
  EXPECT_NE(refused([&] { updates.add(file("llama-first.gguf"), 1); }).find("made for the architecture"),
            std::string::npos);
}

// Of the right shapes, but other weights.
TEST_F(Merge, AnotherModelIsNoOriginal) {
  write_base("llama", NumberType::F32);
  std::filesystem::rename(file("base.gguf"), file("other.gguf"));
  {
    std::fstream other(file("other.gguf"), std::ios::in | std::ios::out | std::ios::binary);
    const GgufTensor& tensor = *base_->find_tensor("blk.0.attn_q.weight");
    std::vector<float> values = test::tiny_values("another", tensor.elements());
    other.seekp(static_cast<std::streamoff>(tensor.data.data() - base_->files()[0].bytes().data()));
    other.write(reinterpret_cast<const char*>(values.data()), static_cast<std::streamsize>(tensor.data.size()));
  }
  const Gguf other = Gguf::open(file("other.gguf"));
  write_base("llama", NumberType::Q4_0);
  MergeOptions options;
  options.original = &other;
  const std::string message = refused([&] { merge_both("out.gguf", options); });
  EXPECT_NE(message.find("blk.0.attn_q.weight is not what"), std::string::npos) << message;
  EXPECT_FALSE(std::filesystem::exists(file("out.gguf")));
}

TEST_F(Merge, AValueBeyondItsFormatIsRefused) {
  Team team(1);
  write_base("llama", NumberType::Q4_0);
  test::TinyAdapter huge = test::first_tiny_adapter();
  huge.alpha = 1e6f;
  huge.rank = 1;
  test::write_tiny_adapter(*base_, huge, file("huge.gguf"));
  MergeUpdates beyond_floats(*base_);
  for (int i = 0; i < 100; ++i) beyond_floats.add(file("huge.gguf"), 1e32f);  // each scale alone is a float
  EXPECT_NE(refused([&] {
              merge(beyond_floats, plan_merge(beyond_floats, {}), file("out.gguf"), team, select_kernels("auto"),
                    [](uint64_t, uint64_t) {});
            }).find("no finite floats"),
            std::string::npos);
  write_base("llama", NumberType::F16);
  MergeUpdates updates(*base_);
  updates.add(file("first.gguf"), 1e6f);
  const std::string message = refused([&] {
    merge(updates, plan_merge(updates, {}), file("out.gguf"), team, select_kernels("auto"), [](uint64_t, uint64_t) {});
  });
  EXPECT_NE(message.find("is beyond what F16 holds; give --outtype f32"), std::string::npos) << message;
  EXPECT_FALSE(std::filesystem::exists(file("out.gguf")));
}

}  // namespace
}  // namespace thimble
