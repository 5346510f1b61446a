#include "compress/row_group.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/half.h"

namespace thimble {
namespace {

constexpr float kLargestHalf = 65504.0f;

float as_half(float x) { return f16_to_f32(f32_to_f16(std::clamp(x, -kLargestHalf, kLargestHalf))); }

// How far below the range of the weights scales are worth a try: few levels are better spent inside.
float clipping_of(const Grid& grid) {
  const float levels = grid.levels.empty() ? grid.high - grid.low + 1 : static_cast<float>(grid.levels.size());
  return levels > 100 ? 0.03f : levels > 20 ? 0.18f : levels > 10 ? 0.30f : 0.45f;
}

float lowest(const Grid& grid) { return grid.levels.empty() ? grid.low : grid.levels.front(); }
float highest(const Grid& grid) { return grid.levels.empty() ? grid.high : grid.levels.back(); }

}  // namespace

RowGroup::RowGroup(const Grid& grid, const InputStatistics& statistics, const Kernels& kernels)
    : grid_(grid), statistics_(statistics), kernels_(kernels), columns_(statistics.hessian.width) {
  for (auto* values : {&weight_, &target_, &level_, &value_}) values->resize(columns_ * kGroupRows);
  for (auto* values : {&scale_, &offset_}) values->resize(runs() * kGroupRows);
  for (auto* codes : {&scale_code_, &offset_code_}) codes->resize(runs() * kGroupRows);
  if (grid_.is_coded()) {
    for (auto* values : {&block_scale_, &block_minimum_}) values->resize(columns_ / grid_.block() * kGroupRows);
    scratch_.resize(4 * grid_.block() * kGroupRows);
  }
  step_.resize(grid_.block() * kGroupRows);
}

void RowGroup::load(const float* rows, size_t count) {
  for (size_t c = 0; c < columns_; ++c) {
    for (size_t r = 0; r < kGroupRows; ++r) weight_[c * kGroupRows + r] = r < count ? rows[r * columns_ + c] : 0.0f;
  }
}

void RowGroup::round(const RoundingEffort& effort) {
  first_pass();
  if (effort.descents == 0) return;
  compute_gradient();
  for (int pass = 0; pass < effort.descents; ++pass) descend(pass);
}

void RowGroup::first_pass() {
  target_ = weight_;
  for (size_t run = 0; run < runs(); ++run) {
    if (grid_.is_coded() && run % runs_a_block() == 0) choose_block_factors(run / runs_a_block());
    for (size_t half = 0; half < kGroupRows / kLanes; ++half) round_run(run, half);
    const size_t begin = run * grid_.run, size = grid_.run * kGroupRows;
    for (size_t i = 0; i < size; ++i) step_[i] = weight_[begin * kGroupRows + i] - value_[begin * kGroupRows + i];
    const size_t next = begin + grid_.run;
    kernels_.add_outer_products({statistics_.factor.feedback.data() + begin * columns_ + next, columns_, step_.data(),
                                 kGroupRows, grid_.run, columns_ - next, kGroupRows, target_.data() + next * kGroupRows,
                                 kGroupRows});
  }
}

// The gradient H e of the loss, halved, takes the targets' place.
void RowGroup::compute_gradient() { multiply_hessian(errors().data(), target_.data()); }

std::vector<float> RowGroup::errors() const {
  std::vector<float> errors(columns_ * kGroupRows);
  for (size_t i = 0; i < errors.size(); ++i) errors[i] = weight_[i] - value_[i];
  return errors;
}

// product = H columns; both [columns][kGroupRows].
void RowGroup::multiply_hessian(const float* columns, float* product) const {
  std::fill_n(product, columns_ * kGroupRows, 0.0f);
  // In pieces of the depth, so that what is read stays in the cache.
  for (size_t c = 0; c < columns_; c += 32) {
    kernels_.add_outer_products({statistics_.hessian.row(c), columns_, columns + c * kGroupRows, kGroupRows, 32,
                                 columns_, kGroupRows, product, kGroupRows});
  }
}

void RowGroup::descend(int pass) {
  std::vector<float> before(grid_.run * kGroupRows);
  for (size_t run = 0; run < runs(); ++run) {
    if (grid_.is_coded() && run % runs_a_block() == 0 && pass % 2 == 0) refit_block_factors(run / runs_a_block());
    const size_t begin = run * grid_.run;
    float* values = value_.data() + begin * kGroupRows;
    std::copy_n(values, before.size(), before.data());
    for (size_t half = 0; half < kGroupRows / kLanes; ++half) descend_run(run, half, pass);
    bool changed = false;
    for (size_t i = 0; i < before.size(); ++i) {
      step_[i] = before[i] - values[i];  // the error grows by what the value falls
      changed |= step_[i] != 0;
    }
    if (!changed) continue;
    kernels_.add_outer_products({statistics_.hessian.row(begin), columns_, step_.data(), kGroupRows, grid_.run,
                                 columns_, kGroupRows, target_.data(), kGroupRows});
  }
}

void RowGroup::round_run(size_t run, size_t half) {
  if (grid_.is_coded()) {
    fit_freely(run, half);
    list_coded_candidates(run, half, 2);
  } else {
    list_free_candidates(run, half);
  }
  fit_to_targets(run, half);
  keep_choices(run, half);
}

// The best of the candidates for the run's targets, as what came before has left them.
void RowGroup::fit_to_targets(size_t run, size_t half) {
  const size_t begin = run * grid_.run, at = begin * kGroupRows + half * kLanes;
  std::fill_n(loss_, kLanes, std::numeric_limits<float>::infinity());
  try_candidates(run, half, target_.data() + at, weight_.data() + at,
                 statistics_.factor.feedback.data() + begin * columns_ + begin, columns_,
                 statistics_.factor.cost.data() + begin);
}

void RowGroup::descend_run(size_t run, size_t half, int pass) {
  const InputStatistics::Run& local = statistics_.runs(grid_.run)[run];
  const size_t n = grid_.run, at = run * n * kGroupRows + half * kLanes;
  // Where the run would go if it were free: the value plus the local inverse times the gradient.
  alignas(64) float wanted[kRoundColumns * kLanes] = {};
  const float* gradient = target_.data() + at;
  kernels_.add_outer_products({local.inverse.data(), n, gradient, kGroupRows, n, n, kLanes, wanted, kLanes});
  std::fill_n(loss_, kLanes, 0.0f);
  for (size_t c = 0; c < n; ++c) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      loss_[lane] += gradient[c * kGroupRows + lane] * wanted[c * kLanes + lane];
      wanted[c * kLanes + lane] += value_[at + c * kGroupRows + lane];
    }
  }
  for (float& loss : loss_) loss *= 1 - 1e-5f;
  if (grid_.is_coded()) {
    list_coded_candidates(run, half, pass < 2 ? 2 : 1);
  } else {
    list_near_candidates(run, half, pass);
  }
  // The kernel reads targets and weights with the stride of the values.
  alignas(64) float spaced[kRoundColumns * kGroupRows];
  for (size_t c = 0; c < n; ++c) std::copy_n(wanted + c * kLanes, kLanes, spaced + c * kGroupRows);
  try_candidates(run, half, spaced, spaced, local.feedback.data(), n, local.cost.data());
  keep_choices(run, half);
}

void RowGroup::try_candidates(size_t run, size_t half, const float* target, const float* weight, const float* feedback,
                              size_t feedback_stride, const float* cost) {
  const size_t at = run * grid_.run * kGroupRows + half * kLanes;
  RoundTask task{};
  task.columns = grid_.run;
  task.stride = kGroupRows;
  task.target = target;
  task.weight = weight;
  task.feedback = feedback;
  task.feedback_stride = feedback_stride;
  task.cost = cost;
  task.grid = grid_.levels.data();
  task.grid_size = grid_.levels.size();
  task.low = grid_.low;
  task.high = grid_.high;
  task.scales = scales_.data();
  task.offsets = offsets_.data();
  task.candidates = scales_.size() / kLanes;
  task.loss = loss_;
  task.choice = choice_;
  task.level = level_.data() + at;
  task.value = value_.data() + at;
  kernels_.round_columns(task);
}

void RowGroup::keep_choices(size_t run, size_t half) {
  for (size_t lane = 0; lane < kLanes; ++lane) {
    if (choice_[lane] < 0) continue;
    const size_t from = static_cast<size_t>(choice_[lane]) * kLanes + lane;
    const size_t to = run * kGroupRows + half * kLanes + lane;
    scale_[to] = scales_[from];
    offset_[to] = offsets_[from];
    if (!grid_.is_coded()) continue;
    scale_code_[to] = scale_codes_[from];
    offset_code_[to] = offset_codes_[from];
  }
}

void RowGroup::add_candidate(const Lanes& scale, const Lanes& offset) {
  scales_.insert(scales_.end(), scale, scale + kLanes);
  offsets_.insert(offsets_.end(), offset, offset + kLanes);
}

// Scales (and offsets) of any value, as binary16 has them, around those that just cover the targets.
void RowGroup::list_free_candidates(size_t run, size_t half) {
  const float* targets = target_.data() + run * grid_.run * kGroupRows + half * kLanes;
  scales_.clear();
  offsets_.clear();
  Lanes least, most;
  for (size_t lane = 0; lane < kLanes; ++lane) {
    least[lane] = most[lane] = targets[lane];
    for (size_t c = 1; c < grid_.run; ++c) {
      least[lane] = std::min(least[lane], targets[c * kGroupRows + lane]);
      most[lane] = std::max(most[lane], targets[c * kGroupRows + lane]);
    }
  }
  const float clipping = clipping_of(grid_), low = lowest(grid_), high = highest(grid_);
  Lanes scale, offset = {};
  if (!grid_.has_offset) {
    constexpr int kSteps = 12;
    for (int step = 0; step < kSteps; ++step) {
      const float factor = 1 + clipping * (0.15f - 1.15f * static_cast<float>(step) / (kSteps - 1));
      for (const float extreme : {low, high}) {
        for (size_t lane = 0; lane < kLanes; ++lane) {
          const float peak = -least[lane] > most[lane] ? least[lane] : most[lane];
          scale[lane] = as_half(peak / extreme * factor);
        }
        add_candidate(scale, offset);
      }
    }
    return;
  }
  for (int step = 0; step < 8; ++step) {
    const float factor = 1 + clipping * (0.15f - 1.15f * static_cast<float>(step) / 7);
    for (int shift = -2; shift <= 2; ++shift) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        // A coded offset is a minimum of at most zero, so the range is never one that does not reach it.
        const float bottom = grid_.is_coded() ? std::min(least[lane], 0.0f) : least[lane];
        const float top = grid_.is_coded() ? std::max(most[lane], bottom) : most[lane];
        scale[lane] = (top - bottom) * factor / high;
        offset[lane] = (top + bottom - scale[lane] * (high - 0.5f * static_cast<float>(shift))) * 0.5f;
        if (grid_.is_coded()) offset[lane] = std::min(offset[lane], 0.0f);
        scale[lane] = as_half(scale[lane]);
        offset[lane] = as_half(offset[lane]);
      }
      add_candidate(scale, offset);
    }
  }
}

// The run's best scale and offset if they could have any value.
void RowGroup::fit_freely(size_t run, size_t half) {
  list_free_candidates(run, half);
  fit_to_targets(run, half);
  for (size_t lane = 0; lane < kLanes; ++lane) {
    const size_t from = static_cast<size_t>(choice_[lane]) * kLanes + lane;
    const size_t to = run * kGroupRows + half * kLanes + lane;
    const size_t factor = run / runs_a_block() * kGroupRows + half * kLanes + lane;
    scale_[to] = scales_[from];
    offset_[to] = offsets_[from];
    const float d = block_scale_[factor], m = block_minimum_[factor];
    scale_code_[to] = d == 0 ? 0 : static_cast<int>(std::lround(scale_[to] / d));
    offset_code_[to] = m == 0 ? 0 : static_cast<int>(std::lround(-offset_[to] / m));
  }
}

void RowGroup::choose_block_factors(size_t block) {
  const size_t first = block * runs_a_block();
  for (size_t half = 0; half < kGroupRows / kLanes; ++half) {
    float* scale = block_scale_.data() + block * kGroupRows + half * kLanes;
    float* minimum = block_minimum_.data() + block * kGroupRows + half * kLanes;
    std::fill_n(scale, kLanes, 0.0f);
    std::fill_n(minimum, kLanes, 0.0f);
    Lanes peak = {}, depth = {};
    for (size_t run = first; run < first + runs_a_block(); ++run) {
      fit_freely(run, half);
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const size_t i = run * kGroupRows + half * kLanes + lane;
        if (std::abs(scale_[i]) > std::abs(peak[lane])) peak[lane] = scale_[i];
        depth[lane] = std::max(depth[lane], -offset_[i]);
      }
    }
    // The largest scale takes the code that is furthest from zero.
    const float furthest = static_cast<float>(grid_.scale_low < 0 ? grid_.scale_low : grid_.scale_high);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      scale[lane] = as_half(peak[lane] / furthest);
      if (grid_.has_offset) minimum[lane] = as_half(depth[lane] / static_cast<float>(grid_.offset_high));
    }
  }
}

// Codes within `reach` of those that the run has.
void RowGroup::list_coded_candidates(size_t run, size_t half, int reach) {
  scales_.clear();
  offsets_.clear();
  scale_codes_.clear();
  offset_codes_.clear();
  const size_t at = run * kGroupRows + half * kLanes;
  const size_t factor = run / runs_a_block() * kGroupRows + half * kLanes;
  const int offset_reach = grid_.has_offset ? reach : 0;
  Lanes scale, offset;
  for (int s = -reach; s <= reach; ++s) {
    for (int m = -offset_reach; m <= offset_reach; ++m) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const int scale_code = std::clamp(scale_code_[at + lane] + s, grid_.scale_low, grid_.scale_high);
        const int offset_code = std::clamp(offset_code_[at + lane] + m, 0, grid_.offset_high);
        scale_codes_.push_back(scale_code);
        offset_codes_.push_back(offset_code);
        scale[lane] = block_scale_[factor + lane] * static_cast<float>(scale_code);
        offset[lane] = -(block_minimum_[factor + lane] * static_cast<float>(offset_code));
      }
      add_candidate(scale, offset);
    }
  }
}

// Scales and offsets close to those that the run has, closer with each pass.
void RowGroup::list_near_candidates(size_t run, size_t half, int pass) {
  scales_.clear();
  offsets_.clear();
  const size_t at = run * kGroupRows + half * kLanes;
  const float levels = highest(grid_) - lowest(grid_);
  // In units of what moves the outermost level by one.
  const float width = (grid_.levels.empty() ? 1.0f : 12.0f) / levels * std::pow(0.6f, static_cast<float>(pass));
  const int offset_reach = grid_.has_offset ? 2 : 0, reach = grid_.has_offset ? 2 : 4;
  Lanes scale, offset;
  for (int s = -reach; s <= reach; ++s) {
    for (int m = -offset_reach; m <= offset_reach; ++m) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const float grown = width * static_cast<float>(s) / static_cast<float>(reach);
        const float moved = static_cast<float>(m) * 0.25f * std::pow(0.6f, static_cast<float>(pass));
        scale[lane] = as_half(scale_[at + lane] * (1 + grown));
        // The middle of the range stays where it is but for what the offset moves.
        offset[lane] =
            grid_.has_offset ? as_half(offset_[at + lane] + scale_[at + lane] * (moved - grown * levels * 0.5f)) : 0.0f;
      }
      add_candidate(scale, offset);
    }
  }
}

// The block's factor of scales and its factor of minima, by least squares for the levels and codes there are.
void RowGroup::refit_block_factors(size_t block) {
  const size_t n = grid_.block(), begin = block * n;
  float* by_scale = scratch_.data();  // d value / d factor of scales, [n][kGroupRows]; then the same for minima
  float* by_minimum = by_scale + n * kGroupRows;
  float* h_scale = by_minimum + n * kGroupRows;
  float* h_minimum = h_scale + n * kGroupRows;
  for (size_t c = 0; c < n; ++c) {
    const size_t run = (begin + c) / grid_.run;
    for (size_t r = 0; r < kGroupRows; ++r) {
      const size_t i = c * kGroupRows + r, code = run * kGroupRows + r;
      by_scale[i] = static_cast<float>(scale_code_[code]) * level_[begin * kGroupRows + i];
      by_minimum[i] = -static_cast<float>(offset_code_[code]);
    }
  }
  std::fill_n(h_scale, 2 * n * kGroupRows, 0.0f);
  const float* hessian = statistics_.hessian.row(begin) + begin;
  kernels_.add_outer_products({hessian, columns_, by_scale, kGroupRows, n, n, kGroupRows, h_scale, kGroupRows});
  if (grid_.has_offset)
    kernels_.add_outer_products({hessian, columns_, by_minimum, kGroupRows, n, n, kGroupRows, h_minimum, kGroupRows});
  const float* gradient = target_.data() + begin * kGroupRows;
  for (size_t r = 0; r < kGroupRows; ++r) {
    double ss = 0, sm = 0, mm = 0, gs = 0, gm = 0;
    for (size_t i = r; i < n * kGroupRows; i += kGroupRows) {
      ss += double{by_scale[i]} * h_scale[i];
      sm += double{by_scale[i]} * h_minimum[i];
      mm += double{by_minimum[i]} * h_minimum[i];
      gs += double{by_scale[i]} * gradient[i];
      gm += double{by_minimum[i]} * gradient[i];
    }
    float& d = block_scale_[block * kGroupRows + r];
    float& m = block_minimum_[block * kGroupRows + r];
    const double determinant = ss * mm - sm * sm;
    double grow = ss > 0 ? gs / ss : 0, sink = 0;
    if (grid_.has_offset && determinant > 1e-9 * ss * mm) {
      grow = (gs * mm - gm * sm) / determinant;
      sink = (gm * ss - gs * sm) / determinant;
    }
    const float new_d = as_half(d + static_cast<float>(grow));
    const float new_m = grid_.has_offset ? std::max(0.0f, as_half(m + static_cast<float>(sink))) : 0.0f;
    const double x = double{new_d} - d, y = double{new_m} - m;
    const bool better = x * x * ss + 2 * x * y * sm + y * y * mm < 2 * (x * gs + y * gm);
    for (size_t c = 0; c < n; ++c) {
      const size_t i = c * kGroupRows + r, all = begin * kGroupRows + i;
      if (!better) {
        step_[i] = 0;
        continue;
      }
      const size_t code = (begin + c) / grid_.run * kGroupRows + r;
      const float value =
          new_d * static_cast<float>(scale_code_[code]) * level_[all] - new_m * static_cast<float>(offset_code_[code]);
      step_[i] = value_[all] - value;
      value_[all] = value;
    }
    if (better) {
      d = new_d;
      m = new_m;
    }
  }
  kernels_.add_outer_products({statistics_.hessian.row(begin), columns_, step_.data(), kGroupRows, n, columns_,
                               kGroupRows, target_.data(), kGroupRows});
}

void RowGroup::encode(size_t count, size_t stride, std::byte* out) const {
  const TypeInfo& info = type_info(grid_.type);
  const size_t block = grid_.block(), blocks = columns_ / block;
  std::vector<float> levels(block);
  std::vector<int> scale_codes(runs_a_block()), offset_codes(runs_a_block());
  for (size_t r = 0; r < count; ++r) {
    for (size_t b = 0; b < blocks; ++b) {
      for (size_t i = 0; i < block; ++i) levels[i] = level_[(b * block + i) * kGroupRows + r];
      BlockParts parts{};
      for (size_t i = 0; i < runs_a_block(); ++i) {
        scale_codes[i] = scale_code_[(b * runs_a_block() + i) * kGroupRows + r];
        offset_codes[i] = offset_code_[(b * runs_a_block() + i) * kGroupRows + r];
      }
      parts.scale = grid_.is_coded() ? block_scale_[b * kGroupRows + r] : scale_[b * kGroupRows + r];
      parts.offset = grid_.is_coded() ? block_minimum_[b * kGroupRows + r] : offset_[b * kGroupRows + r];
      parts.scale_codes = scale_codes.data();
      parts.offset_codes = offset_codes.data();
      parts.levels = levels.data();
      encode_block(grid_, parts, out + r * stride + b * info.block_bytes);
    }
  }
}

RoundingLoss RowGroup::loss(size_t count) const {
  std::vector<float> product(columns_ * kGroupRows);
  const auto squared = [&](const std::vector<float>& columns) {
    multiply_hessian(columns.data(), product.data());
    double sum = 0;
    for (size_t c = 0; c < columns_; ++c) {
      for (size_t r = 0; r < count; ++r) sum += double{columns[c * kGroupRows + r]} * product[c * kGroupRows + r];
    }
    return sum;
  };
  return {squared(errors()), squared(weight_)};
}

}  // namespace thimble
