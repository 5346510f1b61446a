#include "compress/hessian.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <utility>

namespace thimble {
namespace {

constexpr size_t kPanel = 32;

void mirror(Hessian& hessian) {
  const size_t n = hessian.width;
  for (size_t i = 0; i < n; i += kPanel) {
    for (size_t j = i; j < n; j += kPanel) {
      for (size_t r = i; r < i + kPanel; ++r) {
        for (size_t c = std::max(j, r + 1); c < j + kPanel; ++c) hessian.values[c * n + r] = hessian.values[r * n + c];
      }
    }
  }
}

// Works on the lower triangle of `a` from the last column to the first: row c becomes column c of M, the diagonal D.
class ReverseCholesky {
 public:
  ReverseCholesky(std::vector<float>& a, size_t width, const Kernels& kernels, Team& team)
      : a_(a), width_(width), kernels_(kernels), team_(team), scaled_(kPanel * width) {}

  // False where the matrix is not positive definite.
  bool run() {
    for (size_t end = width_; end > 0; end -= kPanel) {
      const size_t begin = end - kPanel;
      if (!factor_rows(begin, end)) return false;
      update(begin, end);
    }
    return true;
  }

 private:
  float* row(size_t i) { return a_.data() + i * width_; }

  // Rows [begin, end), which already lack what the rows behind them explain.
  bool factor_rows(size_t begin, size_t end) {
    for (size_t c = end; c-- > begin;) {
      float* target = row(c);
      for (size_t other = c + 1; other < end; ++other) {
        const float* source = row(other);
        const float factor = source[c] * source[other];
        for (size_t j = 0; j <= c; ++j) target[j] -= factor * source[j];
      }
      if (!(target[c] > 0)) return false;
      const float inverse = 1.0f / target[c];
      for (size_t j = 0; j < c; ++j) target[j] *= inverse;
    }
    return true;
  }

  // Takes from all rows before `begin` what rows [begin, end) explain.
  void update(size_t begin, size_t end) {
    for (size_t c = begin; c < end; ++c) {
      for (size_t j = 0; j < begin; ++j) scaled_[(c - begin) * width_ + j] = -row(c)[c] * row(c)[j];
    }
    team_.run([&](Worker& worker) {
      worker.for_each_piece(begin / kPanel, 1, [&](size_t piece, size_t) {
        const size_t first = begin - (piece + 1) * kPanel;  // the longest first
        kernels_.add_outer_products({scaled_.data() + first, width_, row(begin), width_, end - begin, kPanel,
                                     first + kPanel, row(first), width_});
      });
    });
  }

  std::vector<float>& a_;
  const size_t width_;
  const Kernels& kernels_;
  Team& team_;
  std::vector<float> scaled_;
};

// Below the diagonal to above it.
void transpose_lower(std::vector<float>& a, size_t n) {
  for (size_t i = 0; i < n; i += kPanel) {
    for (size_t j = 0; j <= i; j += kPanel) {
      for (size_t r = i; r < i + kPanel; ++r) {
        for (size_t c = j; c < std::min(j + kPanel, r); ++c) a[c * n + r] = a[r * n + c];
      }
    }
  }
}

}  // namespace

Hessian plain_hessian(size_t width) {
  Hessian hessian{width, 1, std::vector<float>(width * width)};
  for (size_t i = 0; i < width; ++i) hessian.values[i * width + i] = 1;
  return hessian;
}

void HessianProbe::expect(Role reader, size_t width) {
  if (width % kPanel != 0) return;
  Sums& sums = sums_[reader];
  sums.hessian = {width, 0, std::vector<float>(width * width)};
  sums.panels.resize(width * batch_tokens_);
  sums.lengths.resize(batch_tokens_);
}

Hessian HessianProbe::take(Role reader) {
  const auto found = sums_.find(reader);
  if (found == sums_.end()) return {};
  Hessian hessian = std::move(found->second.hessian);
  sums_.erase(found);
  mirror(hessian);
  return hessian;
}

void HessianProbe::see(Worker&, uint32_t, Role reader, size_t token, std::span<const float> values) {
  const auto found = sums_.find(reader);
  if (found == sums_.end()) return;
  Sums& sums = found->second;
  assert(values.size() == sums.hessian.width && token < batch_tokens_);
  for (size_t c = 0; c < values.size(); c += kPanel) {
    std::copy_n(values.data() + c, kPanel, sums.panels.data() + c * batch_tokens_ + token * kPanel);
  }
}

void HessianProbe::finish(Worker& worker, uint32_t, Role reader, size_t tokens) {
  const auto found = sums_.find(reader);
  if (found == sums_.end()) return;
  Sums& sums = found->second;
  const size_t width = sums.hessian.width, panels = width / kPanel;
  shorten(worker, sums, tokens);
  worker.for_each_piece(panels * (panels + 1) / 2, 1, [&](size_t piece, size_t) {
    size_t i = 0;
    while (piece >= panels - i) piece -= panels - i++;
    const size_t j = i + piece;
    kernels_.add_outer_products({sums.panels.data() + i * kPanel * batch_tokens_, kPanel,
                                 sums.panels.data() + j * kPanel * batch_tokens_, kPanel, tokens, kPanel, kPanel,
                                 sums.hessian.values.data() + i * kPanel * width + j * kPanel, width});
  });
  if (worker.index() == 0) sums.hessian.tokens += tokens;
}

// Scales down the tokens that are too long.
void HessianProbe::shorten(Worker& worker, Sums& sums, size_t tokens) const {
  const size_t panels = sums.hessian.width / kPanel;
  const auto values = [&](size_t panel, size_t token) {
    return std::span(sums.panels).subspan((panel * batch_tokens_ + token) * kPanel, kPanel);
  };
  worker.for_each_piece(tokens, 16, [&](size_t begin, size_t end) {
    for (size_t token = begin; token < end; ++token) {
      float sum = 0;
      for (size_t panel = 0; panel < panels; ++panel) {
        for (const float x : values(panel, token)) sum += x * x;
      }
      sums.lengths[token] = sum;
    }
  });
  if (worker.index() == 0) {
    std::vector<float> sorted(sums.lengths.begin(), sums.lengths.begin() + static_cast<std::ptrdiff_t>(tokens));
    std::ranges::nth_element(sorted, sorted.begin() + static_cast<std::ptrdiff_t>(tokens / 2));
    sums.limit = kLongestToken * sorted[tokens / 2];
  }
  worker.barrier();
  worker.for_each_piece(tokens, 16, [&](size_t begin, size_t end) {
    for (size_t token = begin; token < end; ++token) {
      if (sums.lengths[token] <= sums.limit) continue;
      const float factor = std::sqrt(sums.limit / sums.lengths[token]);
      for (size_t panel = 0; panel < panels; ++panel) {
        for (float& x : values(panel, token)) x *= factor;
      }
    }
  });
}

Factor factorise(const Hessian& hessian, float damping, const Kernels& kernels, Team& team) {
  const size_t n = hessian.width;
  double trace = 0;
  for (size_t i = 0; i < n; ++i) trace += hessian.values[i * n + i];
  const float mean = trace > 0 ? static_cast<float>(trace / static_cast<double>(n)) : 1.0f;
  std::vector<float> a;
  for (;; damping = std::max(damping * 10, 1e-4f)) {
    assert(damping < 1e6f);  // what a product read is finite: its logits were checked
    a = hessian.values;
    for (size_t i = 0; i < n; ++i) a[i * n + i] += damping * mean;
    if (ReverseCholesky(a, n, kernels, team).run()) break;
  }
  Factor factor{n, std::move(a), std::vector<float>(n), damping};
  for (size_t i = 0; i < n; ++i) factor.cost[i] = factor.feedback[i * n + i];
  transpose_lower(factor.feedback, n);
  return factor;
}

}  // namespace thimble
