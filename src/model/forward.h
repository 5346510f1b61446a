// The decoder: one generic forward pass for every family, a function of weights, workspace, cache and tokens.
#pragma once

#include <cstddef>
#include <span>

#include "base/team.h"
#include "kernels/kernels.h"
#include "model/model.h"
#include "model/workspace.h"
#include "text/tokenizer.h"

namespace thimble {

// The key-value cache of one block: for each kv head a run of K tiles and a run of V rows (kernels.h, AttentionTask).
struct KvBlock {
  std::byte* k = nullptr;
  std::byte* v = nullptr;
  size_t k_head_stride = 0;  // bytes from kv head to kv head
  size_t v_head_stride = 0;
  size_t capacity = 0;  // slots, a multiple of 16
};

struct KvView {
  std::span<const KvBlock> blocks;
  NumberType k_type = NumberType::F16;
  NumberType v_type = NumberType::F16;
  size_t rotation_k = 0;  // Hadamard length for Q and K, 0: none
  size_t rotation_v = 0;  // Hadamard length for V, undone on attention's output, 0: none
};

// What a pass runs on. All references outlive the calls.
struct ForwardContext {
  const Model& model;
  const Kernels& kernels;
  Team& team;
  Workspace& workspace;
};

// Runs tokens (1..batch_tokens, each below vocabulary_size) at positions first_position.. through all blocks, adding their keys
// and values to the cache. The residual stream [tokens][embedding_length] is left in the workspace.
void forward(const ForwardContext& context, const KvView& cache, std::span<const TokenId> tokens, size_t first_position,
             size_t lowest_position);

// Logits of `count` (at most logit_rows) tokens of the last pass from token `first` on: [count][vocabulary_size], valid until
// the next call. Throws Error(bad_file) where one is not finite.
std::span<const float> compute_logits(const ForwardContext& context, size_t first, size_t count);

}  // namespace thimble
