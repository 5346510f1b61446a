// A few rows rounded together, one a lane of the kernels.
#pragma once

#include <vector>

#include "compress/feedback_rounding.h"

namespace thimble {

inline constexpr size_t kGroupRows = 32;

class RowGroup {
 public:
  RowGroup(const Grid& grid, const InputStatistics& statistics, const Kernels& kernels);

  // rows: [count][columns], count at most kGroupRows.
  void load(const float* rows, size_t count);
  void round(const RoundingEffort& effort);
  void encode(size_t count, size_t stride, std::byte* out) const;
  RoundingLoss loss(size_t count) const;  // two passes over the Hessian

 private:
  static constexpr size_t kLanes = 16;
  using Lanes = float[kLanes];

  size_t runs() const { return columns_ / grid_.run; }
  size_t runs_a_block() const { return grid_.block() / grid_.run; }

  void first_pass();
  void descend(int pass);
  void choose_block_factors(size_t block);
  void refit_block_factors(size_t block);
  void round_run(size_t run, size_t half);
  void descend_run(size_t run, size_t half, int pass);
  void fit_freely(size_t run, size_t half);
  void list_free_candidates(size_t run, size_t half);
  void list_coded_candidates(size_t run, size_t half, int reach);
  void list_near_candidates(size_t run, size_t half, int pass);
  void add_candidate(const Lanes& scale, const Lanes& offset);
  void try_candidates(size_t run, size_t half, const float* target, const float* weight, const float* feedback,
                      size_t feedback_stride, const float* cost);
  void keep_choices(size_t run, size_t half);
  void compute_gradient();
  void fit_to_targets(size_t run, size_t half);
  std::vector<float> errors() const;
  void multiply_hessian(const float* columns, float* product) const;

  const Grid& grid_;
  const InputStatistics& statistics_;
  const Kernels& kernels_;
  const size_t columns_;
  // [columns][kGroupRows]
  std::vector<float> weight_, target_, level_, value_;
  // [runs][kGroupRows]
  std::vector<float> scale_, offset_;
  std::vector<int> scale_code_, offset_code_;
  // [blocks][kGroupRows], of coded formats
  std::vector<float> block_scale_, block_minimum_;
  // Candidates of one run and half: [candidates][kLanes].
  std::vector<float> scales_, offsets_;
  std::vector<int> scale_codes_, offset_codes_;
  Lanes loss_, choice_;
  std::vector<float> step_;  // [32][kGroupRows]: what a run changed
  std::vector<float> scratch_;
};

}  // namespace thimble
