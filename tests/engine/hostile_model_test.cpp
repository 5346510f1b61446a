// Files whose structure is sound and whose content lies about the model: each is refused by name, for every family.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>

#include "base/error.h"
#include "base/team.h"
#include "engine/language_model.h"
#include "engine/session.h"
#include "model/model.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble {
namespace {

// A copy of a GGUF in which metadata and tensors can be changed on the way.
struct Copy {
  std::function<bool(const GgufValue&)> keep_value = [](const GgufValue&) { return true; };
  std::function<void(GgufWriter&)> add_values = [](GgufWriter&) {};
  std::function<bool(std::string_view)> keep_tensor = [](std::string_view) { return true; };
  std::function<void(std::string_view, std::vector<std::byte>&)> change_data = [](std::string_view,
                                                                                  std::vector<std::byte>&) {};
  std::string extra_tensor;  // the name of one more, of one float

  void write(const Gguf& from, const std::string& path) const {
    GgufWriter writer(path);
    for (const GgufValue& value : from.values()) {
      if (keep_value(value)) writer.set(value);
    }
    add_values(writer);
    for (const GgufTensor& tensor : from.tensors()) {
      if (!keep_tensor(tensor.name)) continue;
      writer.add_tensor(tensor.name, std::span(tensor.shape).first(tensor.axes), tensor.type->type);
    }
    const uint64_t one[] = {1};
    if (!extra_tensor.empty()) writer.add_tensor(extra_tensor, one, NumberType::F32);
    for (const GgufTensor& tensor : from.tensors()) {
      if (!keep_tensor(tensor.name)) continue;
      std::vector<std::byte> data(tensor.data.begin(), tensor.data.end());
      change_data(tensor.name, data);
      writer.write_data(data);
    }
    if (!extra_tensor.empty()) writer.write_data(std::vector<std::byte>(sizeof(float)));
    writer.commit();
  }
};

class HostileModels : public testing::TestWithParam<const ArchSpec*> {
 protected:
  void SetUp() override {
    test::TinyModel tiny = test::tiny_of(*GetParam());
    tiny.block_count = 2;
    test::write_tiny_model(*GetParam(), tiny, folder_ / "good.gguf");
    good_ = std::make_unique<const Gguf>(Gguf::open(folder_ / "good.gguf"));
  }

  // The message with which a changed copy is refused; fails where it is not, or where the message lacks the file or `named`.
  void expect_refused(const Copy& copy, std::string_view named) {
    copy.write(*good_, folder_ / "bad.gguf");
    try {
      const Gguf bad = Gguf::open(folder_ / "bad.gguf");
      Model::bind(bad);
      ADD_FAILURE() << "accepted: " << named;
    } catch (const Error& error) {
      const std::string message = error.what();
      EXPECT_EQ(error.code(), ExitCode::bad_file) << message;
      EXPECT_NE(message.find("bad.gguf"), std::string::npos) << message;
      EXPECT_NE(message.find(named), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }

  std::string key(std::string_view suffix) const { return hyper_key(GetParam()->name, suffix); }
  bool reads(std::string_view suffix) const {
    return std::ranges::count(GetParam()->hyperparameters, suffix, &HyperRow::gguf) != 0;
  }

  template <class T>
  void expect_value_refused(std::string_view suffix, T value) {
    if (reads(suffix)) expect_unknown_refused(suffix, value);
  }
  // Of a key that no row reads.
  template <class T>
  void expect_unknown_refused(std::string_view suffix, T value) {
    Copy copy;
    copy.add_values = [&](GgufWriter& writer) { writer.set(key(suffix), value); };
    SCOPED_TRACE(std::string(suffix));
    expect_refused(copy, suffix);
  }

  bool is_optional(std::string_view tensor) const {
    return std::ranges::any_of(GetParam()->tensors, [&](const TensorRow& row) {
      return row.presence == Presence::optional && (tensor_name(row, 0) == tensor || tensor_name(row, 1) == tensor);
    });
  }
  // The first tensor of block 1 that is a vector, or a matrix.
  std::string_view tensor_of_block(uint32_t axes) const {
    const auto found = std::ranges::find_if(good_->tensors(), [&](const GgufTensor& tensor) {
      return tensor.axes == axes && tensor.name.starts_with("blk.1.");
    });
    return found->name;
  }

  test::TempFolder folder_;
  std::unique_ptr<const Gguf> good_;
};

TEST_P(HostileModels, EachMissingTensorIsNamed) {
  for (const GgufTensor& tensor : good_->tensors()) {
    if (is_optional(tensor.name)) continue;  // such as output.weight: its absence means a tied head
    Copy copy;
    copy.keep_tensor = [&](std::string_view name) { return name != tensor.name; };
    expect_refused(copy, tensor.name);
  }
}

TEST_P(HostileModels, ATensorOfNoKnownRoleIsNamed) {
  Copy copy;
  copy.extra_tensor = "blk.0.attn_q.surprise";
  expect_refused(copy, "blk.0.attn_q.surprise");
}

TEST_P(HostileModels, EachMissingHyperparameterIsNamed) {
  for (const HyperRow& row : GetParam()->hyperparameters) {
    if (row.presence == Presence::optional) continue;
    Copy copy;
    copy.keep_value = [&](const GgufValue& value) { return value.key != key(row.gguf); };
    expect_refused(copy, row.gguf);
  }
}

TEST_P(HostileModels, AbsurdHyperparametersAreNamed) {
  for (const char* suffix : {"embedding_length", "feed_forward_length", "attention.head_count",
                             "attention.head_count_kv", "attention.key_length", "context_length", "block_count"}) {
    expect_value_refused(suffix, uint32_t{0xffffffff});
  }
  for (const char* suffix : {"embedding_length", "feed_forward_length", "attention.head_count", "block_count"}) {
    expect_value_refused(suffix, uint32_t{0});
  }
  expect_value_refused("attention.head_count_kv", uint32_t{3});
  expect_value_refused("rope.dimension_count", uint32_t{33});
  expect_value_refused("rope.dimension_count", uint32_t{4096});
  expect_value_refused("block_count", int32_t{-1});
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), -1.0f}) {
    expect_value_refused("attention.layer_norm_rms_epsilon", bad);
    expect_value_refused("attention.layer_norm_epsilon", bad);
    expect_value_refused("rope.freq_base", bad);
  }
  Copy copy;
  copy.add_values = [&](GgufWriter& writer) { writer.set("general.architecture", "no such thing"); };
  expect_refused(copy, "general.architecture");
  copy.add_values = [&](GgufWriter& writer) { writer.set(key("rope.scaling.type"), "sideways"); };
  expect_refused(copy, "rope.scaling.type");
}

TEST_P(HostileModels, NumbersThatLeaveNothingOfAnAngleAreNamed) {
  expect_value_refused("rope.freq_base", 1e-3f);
  expect_value_refused("rope.scaling.factor", 1e-20f);
}

TEST_P(HostileModels, WhatWouldRunAsSomethingElseIsNamed) {
  expect_unknown_refused("vocab_size", uint32_t{321});
  expect_unknown_refused("vocab_size", "320");
  expect_unknown_refused("expert_count", uint32_t{8});
  expect_unknown_refused("expert_used_count", uint32_t{2});
  expect_value_refused("attention.causal", !GetParam()->defaults.causal_attention);
  for (const char* kind : {"adapter", "mmproj", ""}) {
    Copy copy;
    copy.add_values = [&](GgufWriter& writer) { writer.set("general.type", kind); };
    expect_refused(copy, "general.type");
  }
  Copy copy;
  copy.add_values = [&](GgufWriter& writer) {
    writer.set(key("vocab_size"), uint32_t{320});
    writer.set(key("expert_count"), uint32_t{0});
    writer.set("general.type", "model");
  };
  copy.write(*good_, folder_ / "fine.gguf");
  EXPECT_NO_THROW(Model::bind(Gguf::open(folder_ / "fine.gguf")));
}

TEST_P(HostileModels, NormsThatAreNotFiniteAreNamed) {
  const std::string_view norm = tensor_of_block(1);
  Copy copy;
  copy.change_data = [&](std::string_view name, std::vector<std::byte>& data) {
    const float bad = std::numeric_limits<float>::quiet_NaN();
    if (name == norm) std::memcpy(data.data() + 8, &bad, sizeof bad);
  };
  expect_refused(copy, norm);
}

TEST_P(HostileModels, WeightsThatAreNotFiniteNeverGiveAnAnswer) {
  for (const std::string_view tensor :
       {std::string_view("blk.1.ffn_down.weight"), tensor_of_block(2), std::string_view("output.weight")}) {
    if (good_->find_tensor(tensor) == nullptr) continue;
    Copy copy;
    copy.change_data = [&](std::string_view name, std::vector<std::byte>& data) {
      const float bad = std::numeric_limits<float>::infinity();
      if (name == tensor) std::memcpy(data.data(), &bad, sizeof bad);
    };
    copy.write(*good_, folder_ / "bad.gguf");
    const auto load = [&](bool check) {
      return LanguageModel::load(std::make_unique<const Gguf>(Gguf::open(folder_ / "bad.gguf")), {"", check});
    };
    try {
      load(true);
      ADD_FAILURE() << tensor << " passed the check";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(tensor), std::string::npos) << error.what();
    }
    if (GetParam()->head == Head::none) continue;  // embedder_test has these
    const LanguageModel loaded = load(false);
    Team team(1);
    SessionOptions options;
    options.kv.context_length = 64;
    options.kv.k_type = options.kv.v_type = NumberType::F16;
    Session session(loaded.model(), select_kernels("auto"), team, options);
    const std::vector<TokenId> tokens{1, 2, 3};
    try {
      session.append(tokens);
      ADD_FAILURE() << tensor << " gave an answer";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ExitCode::bad_file);
      EXPECT_NE(std::string(error.what()).find(std::string(tensor) + ": value 0 is not finite"), std::string::npos)
          << error.what();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, HostileModels,
                         testing::ValuesIn(all_architectures().begin(), all_architectures().end()),
                         [](const auto& family) { return test::case_name(std::string(family.param->name)); });

}  // namespace
}  // namespace thimble
