// What a block's backward pass needs of its forward pass and does not find in the workspace of a training pass.
#pragma once

namespace thimble {

// [tokens][width] floats each, written by Pass where a ForwardContext has a tape. Each run of a block replaces the last one's.
struct Tape {
  float* attention_input = nullptr;   // embedding_length: what Q, K and V read
  float* query_input = nullptr;       // query_width: what the norms of single heads read; null where the model has none
  float* key_input = nullptr;         // key_width: likewise
  float* attention_branch = nullptr;  // embedding_length: what post_attention_norm reads; null where the model has none
  float* middle = nullptr;            // embedding_length: the residual behind attention
  float* ffn_input = nullptr;         // embedding_length: what gate and up read
  float* hidden = nullptr;  // feed_forward_length: what ffn_down reads; the workspace's gate and up stay as they are
  float* ffn_branch = nullptr;  // embedding_length: what post_ffw_norm reads; null where the model has none
};

}  // namespace thimble
