// The numbers that give a model its shape, under the names that GGUF uses for them.
#pragma once

#include <cstdint>

#include "format/gguf.h"

namespace thimble {

struct ArchSpec;

enum class RopeScaling : uint8_t { none, linear, yarn };

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

  float layer_norm_rms_epsilon = 0;
  float attention_scale = 0;  // of the scores; 0 until resolved: 1 / sqrt(key_length)
  float attention_softcap = 0;
  float final_logit_softcap = 0;

  uint32_t sliding_window = 0;          // 0: every layer sees everything
  uint32_t sliding_window_pattern = 0;  // every n-th layer sees everything

  uint32_t rope_dimension_count = 0;
  float rope_freq_base = 10000.0f;
  float rope_freq_base_swa = 0;  // of the window layers; 0: as the others
  RopeScaling rope_scaling = RopeScaling::none;
  float rope_scaling_factor = 1.0f;
  uint32_t rope_original_context_length = 0;
  float rope_attention_factor = 0;  // yarn's correction of the magnitude; 0: by its formula
  float rope_yarn_beta_fast = 32.0f;
  float rope_yarn_beta_slow = 1.0f;

  uint32_t query_width() const { return head_count * key_length; }
  uint32_t key_width() const { return head_count_kv * key_length; }
  uint32_t value_width() const { return head_count_kv * value_length; }
  uint32_t attention_width() const { return head_count * value_length; }
  bool is_window_layer(uint32_t block) const {
    return sliding_window != 0 && (sliding_window_pattern == 0 || (block + 1) % sliding_window_pattern != 0);
  }
};

// Reads the rows of `spec` from the file, completes what is derived and checks every value for sense.
// Throws Error(bad_file) naming the key, the value found and what was expected.
Hyperparameters read_hyperparameters(const Gguf& gguf, const ArchSpec& spec);

}  // namespace thimble
