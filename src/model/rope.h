// Rotary position tables: RoFormer (arXiv 2104.09864), linear interpolation (2306.15595), YaRN (2309.00071), and factors for
// each frequency: Llama 3's and LongRoPE's (2402.13753).
#pragma once

#include <cstddef>
#include <vector>

#include "model/hyperparameters.h"

namespace thimble {

class RopeTables {
 public:
  // factors: [rope_dimension_count / 2] divisors of the frequencies, each above 0, or nullptr.
  RopeTables(const Hyperparameters& hyper, const float* factors);

  size_t floats() const { return full_.size() * 2; }
  // table: [rope_dimension_count / 2][cos, sin] for one position.
  void fill(size_t position, bool window_layer, float* table) const;
  bool has_window_table() const { return !window_.empty(); }

 private:
  std::vector<double> full_;    // angle a position, by pair
  std::vector<double> window_;  // empty where the window layers are as the others
  double magnitude_ = 1.0;
};

}  // namespace thimble
