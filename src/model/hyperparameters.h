// The numbers that give a model its shape, under the names that GGUF uses for them.
#pragma once

#include <bitset>
#include <cstdint>

#include "format/gguf.h"

namespace thimble {

struct ArchSpec;

// How the rotary frequencies are stretched beyond the trained context; longrope's factors are tensors.
enum class RopeScaling : uint8_t { none, linear, yarn, longrope };

// One vector out of a text's tokens; the numbers are the values of "pooling_type".
enum class Pooling : uint8_t { none = 0, mean = 1, cls = 2, last = 3, rank = 4 };

inline constexpr uint32_t kMostBlocks = 512;

struct Hyperparameters {
  uint32_t block_count = 0;
  uint32_t context_length = 0;  // trained
  uint32_t embedding_length = 0;
  uint32_t feed_forward_length = 0;
  uint32_t head_count = 0;
  uint32_t head_count_kv = 0;
  uint32_t key_length = 0;    // of one head
  uint32_t value_length = 0;  // of one head
  uint32_t vocabulary_size = 0;

  float layer_norm_epsilon = 0;  // attention.layer_norm_rms_epsilon or attention.layer_norm_epsilon
  float attention_scale = 0;     // of the scores; 0 until resolved: 1 / sqrt(key_length)
  float attention_softcap = 0;
  float final_logit_softcap = 0;
  float embedding_scale = 0;  // of the token embeddings; 0: none
  float residual_scale = 0;   // of what attention and feed-forward add; 0: none
  float logit_scale = 0;      // the logits are divided by it; 0: none

  bool causal_attention = true;
  uint32_t sliding_window = 0;          // 0: every layer sees everything
  uint32_t sliding_window_pattern = 0;  // every n-th layer sees everything, unless the file has a value for each layer
  std::bitset<kMostBlocks> window_blocks;

  uint32_t rope_dimension_count = 0;
  float rope_freq_base = 10000.0f;
  float rope_freq_base_swa = 0;         // of the window layers; 0: they are as the others
  bool rope_finetuned = true;           // rope.scaling.finetuned, which Granite uses to switch positions off
  uint32_t no_rope_layer_interval = 0;  // every n-th layer goes without positions; 0: none
  RopeScaling rope_scaling = RopeScaling::none;
  float rope_scaling_factor = 1.0f;
  uint32_t rope_original_context_length = 0;
  float rope_attention_factor = 0;  // of the rotation's magnitude; yarn's own factor comes on top; 0: 1
  float rope_yarn_beta_fast = 32.0f;
  float rope_yarn_beta_slow = 1.0f;

  uint32_t token_type_count = 0;
  uint32_t pooling_type = 0;  // a Pooling
  uint32_t dense_2_feat_out = 0;
  uint32_t dense_3_feat_in = 0;

  uint32_t query_width() const { return head_count * key_length; }
  uint32_t key_width() const { return head_count_kv * key_length; }
  uint32_t value_width() const { return head_count_kv * value_length; }
  uint32_t attention_width() const { return head_count * value_length; }
  bool is_window_layer(uint32_t block) const { return window_blocks[block]; }
  bool is_rope_layer(uint32_t block) const {
    return rope_finetuned && (no_rope_layer_interval == 0 || (block + 1) % no_rope_layer_interval != 0);
  }
  Pooling pooling() const { return static_cast<Pooling>(pooling_type); }
};

// Reads the rows of `spec` from the file, completes what is derived and checks every value for sense.
// Throws Error(bad_file) naming the key, the value found and what was expected.
Hyperparameters read_hyperparameters(const Gguf& gguf, const ArchSpec& spec);

}  // namespace thimble
