// Rotary scaling of a Hugging Face checkpoint as GGUF has it: keys for linear and YaRN, tensors of factors for Llama 3's rule and
// LongRoPE, which are computed from config.json.
#pragma once

#include <vector>

#include "compress/checkpoint_config.h"
#include "format/gguf_writer.h"

namespace thimble {

struct ComputedTensor {
  Role role;
  std::vector<float> values;
};

// Writes the "rope.scaling." keys. `hyper` is complete but for these. Throws Error(bad_file) for a kind that this version does not
// run, naming it.
void write_rope_scaling(const CheckpointConfig& config, const Hyperparameters& hyper, GgufWriter& writer);

// Llama 3.1's rule.
struct Llama3Scaling {
  float factor = 8;
  float low = 1;
  float high = 4;
  uint32_t original = 8192;  // context length before it was stretched
};
std::vector<float> llama3_factors(const Llama3Scaling& scaling, float base, uint32_t dimensions);

// Factors by pair of the rotated part of a head; none where the kind has none.
std::vector<ComputedTensor> rope_factors(const CheckpointConfig& config, const Hyperparameters& hyper);

}  // namespace thimble
