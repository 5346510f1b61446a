// The backward pass of attention: scores are computed again a tile of queries at a time, never kept.
#pragma once

#include <cstddef>
#include <span>

#include "base/team.h"
#include "model/forward.h"

namespace thimble {

struct AttentionGradientsTask {
  // Of the forward pass, positions and biases in: [tokens][query_width], [tokens][key_width], [tokens][value_width].
  const float* query;
  const float* key;
  const float* value;
  const float* d_attention;  // [tokens][attention_width]
  float* d_query;            // [tokens][query_width]
  float* d_key;              // [tokens][key_width]
  float* d_value;            // [tokens][value_width]
  // Each query head's part of the gradients of keys and values: [head_count][tokens][key_length].
  float* d_head_keys;
  float* d_head_values;
  std::byte* scratch;  // attention_gradient_bytes() for each worker
  size_t scratch_stride;
  size_t tokens;
  size_t window;  // 0: every token sees all before it
};

size_t attention_gradient_bytes(const Hyperparameters& hyper, size_t tokens);

// All workers together; ends in step. Causal attention only.
void run_attention_gradients(Worker& worker, const Kernels& kernels, const Hyperparameters& hyper,
                             std::span<const Sequence> sequences, const AttentionGradientsTask& task);

}  // namespace thimble
