// The parameters that are trained: LoRA factors (arXiv 2106.09685) on the matrices of a model's blocks, in one run of floats beside
// their gradients, so that optimiser and checkpoints see numbers alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "model/backward_products.h"
#include "model/model.h"

namespace thimble {

struct LoraOptions {
  uint32_t rank = 16;
  float alpha = 32;
  std::vector<Role> targets;  // of each block
  float dropout = 0;          // in training, of what the factors read
};

// "all", or a list of q, k, v, o, gate, up, down with commas between. Throws Error(usage).
std::vector<Role> parse_targets(std::string_view text);

// One adapted tensor of the model's file; of a fused one all parts share `a`.
struct LoraTensor {
  const GgufTensor* base;
  uint32_t block;
  uint32_t rank;
  size_t columns;
  size_t rows;
  size_t first;  // of `a` among the parameters; `b` is behind it

  size_t a_count() const { return rank * columns; }
  size_t b_count() const { return rows * rank; }
};

class Lora {
 public:
  // Factors for the tensors that the targets are bound to, all zero, attached to the model, which must outlive this. Throws
  // Error(usage) where the model has none of the targets or a rank is above a tensor's width.
  Lora(Model& model, const LoraOptions& options);
  Lora(const Lora&) = delete;
  Lora& operator=(const Lora&) = delete;

  // As peft begins: `a` uniform within 1 / sqrt(columns) of 0, `b` zero. The same seed gives the same values everywhere.
  void initialize(uint64_t seed);

  // What is dropped in the passes from here on: as the options have it, by this seed, or nothing.
  void drop(uint64_t seed) { dropout_ = {options_.dropout, seed}; }
  void drop_nothing() { dropout_ = {}; }

  const LoraOptions& options() const { return options_; }
  std::span<const LoraTensor> tensors() const { return tensors_; }
  std::span<float> parameters() { return {values_, count_}; }
  std::span<const float> parameters() const { return {values_, count_}; }
  std::span<float> gradients() { return {values_ + count_, count_}; }
  std::span<const LowRankGradient> gradients_by_tensor() const { return by_tensor_; }

  std::span<float> a(const LoraTensor& tensor) { return parameters().subspan(tensor.first, tensor.a_count()); }
  std::span<float> b(const LoraTensor& tensor) {
    return parameters().subspan(tensor.first + tensor.a_count(), tensor.b_count());
  }

  // What a model's factors will take, known before any is made.
  static std::vector<LoraTensor> plan(const Model& model, const LoraOptions& options);
  static uint64_t bytes(const Model& model, const LoraOptions& options);  // with their gradients

  // An adapter in llama.cpp's form (model/adapter.h) with these factors, or the other way round. Throws Error(bad_file) for one of
  // another model, and for one that does not adapt just these tensors with this rank and alpha; Error(failed) for a full disk.
  void write_gguf(const std::string& path) const;
  void read_gguf(const std::string& path);

 private:
  LoraOptions options_;
  const Model& model_;
  Dropout dropout_;
  std::vector<LoraTensor> tensors_;
  size_t count_ = 0;
  Buffer memory_;
  float* values_ = nullptr;
  std::vector<LowRankGradient> by_tensor_;
};

}  // namespace thimble
