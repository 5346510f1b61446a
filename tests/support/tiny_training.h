// A tiny model with trained factors on every matrix of its blocks, and a batch of two texts to train on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/training_pass.h"
#include "support/temp_file.h"
#include "support/tiny_cases.h"

namespace thimble::test {

inline constexpr uint32_t kTinyRank = 8;
inline constexpr float kTinyScale = 2.0f;  // alpha 16

struct TinyFactors {
  std::string name;  // of the tensor in the GGUF file
  std::vector<float> a, b, d_a, d_b;
};

// The values of tiny_adapter.h's first adapter.
inline std::vector<float> tiny_factor(const std::string& name, size_t count, float spread) {
  std::vector<float> values = tiny_values("first" + name, count);
  for (float& value : values) value *= spread;
  return values;
}

class TinyTraining {
 public:
  TinyTraining(const TinyCase& tiny, unsigned threads, const Kernels& kernels, size_t tokens = kTokens)
      : team_(threads) {
    write_tiny_model(*tiny.spec, tiny.model, folder_ / "tiny.gguf");
    gguf_ = std::make_unique<const Gguf>(Gguf::open(folder_ / "tiny.gguf"));
    model_ = std::make_unique<Model>(Model::bind(*gguf_));
    attach();
    TrainingOptions options;
    options.batch_tokens = tokens;
    options.sequences = 2;
    options.workers = threads;
    options.context_length = std::max(kFirst, tokens - kFirst);
    space_ = std::make_unique<TrainingSpace>(*model_, options);
    pass_ = std::make_unique<TrainingPass>(*model_, kernels, team_, *space_);
    for (size_t i = 0; i < tokens; ++i) ids_.push_back(static_cast<TokenId>((i * 37 + 11) % 320));
    sequences_ = {{0, kFirst, 0, 0}, {kFirst, tokens, 0, aligned_slots(kFirst)}};
    for (size_t i = 0; i < tokens; ++i) {
      const bool is_last = i + 1 == kFirst || i + 1 == tokens;
      targets_.push_back(is_last || i % 5 == 0 ? kNotScored : ids_[i + 1]);
    }
  }

  static constexpr size_t kTokens = 45, kFirst = 17;

  TrainingBatch batch() const { return {ids_, sequences_, targets_}; }
  double loss() { return pass_->loss(batch()); }
  double add_gradients(float weight) { return pass_->add_gradients(batch(), weight, gradients_); }
  void drop(Dropout dropout) { dropout_ = dropout; }
  std::vector<TinyFactors>& factors() { return factors_; }
  const std::vector<TinyFactors>& factors() const { return factors_; }
  Model& model() { return *model_; }
  const TrainingSpace& space() const { return *space_; }

 private:
  void attach() {
    gradients_.resize(gguf_->tensors().size());
    for (const GgufTensor& tensor : gguf_->tensors()) {
      if (tensor.axes != 2 || !tensor.name.starts_with("blk.")) continue;
      const size_t columns = tensor.shape[0], rows = tensor.shape[1];
      const std::string name(tensor.name);
      TinyFactors f{name,
                    tiny_factor(name + ".lora_a", kTinyRank * columns, std::sqrt(3.0f / static_cast<float>(columns))),
                    tiny_factor(name + ".lora_b", rows * kTinyRank, 0.5f * std::sqrt(3.0f / kTinyRank)),
                    std::vector<float>(kTinyRank * columns), std::vector<float>(rows * kTinyRank)};
      const auto matrix = [](const std::vector<float>& values, size_t width) {
        return Matrix{reinterpret_cast<const std::byte*>(values.data()), NumberType::F32, static_cast<uint32_t>(width),
                      static_cast<uint32_t>(values.size() / width), width * sizeof(float)};
      };
      // Norms of single heads are tables of two axes in some families, and no products.
      if (!model_->add_update({matrix(f.a, columns), matrix(f.b, kTinyRank), kTinyScale, &dropout_}, tensor)) continue;
      gradients_[static_cast<size_t>(&tensor - gguf_->tensors().data())] = {f.d_a.data(), f.d_b.data()};
      factors_.push_back(std::move(f));
    }
  }

  TempFolder folder_;
  Dropout dropout_;
  Team team_;
  std::unique_ptr<const Gguf> gguf_;
  std::unique_ptr<Model> model_;
  std::vector<TinyFactors> factors_;  // moving a vector leaves its values where they are
  std::vector<LowRankGradient> gradients_;
  std::unique_ptr<TrainingSpace> space_;
  std::unique_ptr<TrainingPass> pass_;
  std::vector<TokenId> ids_, targets_;
  std::vector<Sequence> sequences_;
};

}  // namespace thimble::test
