#include "measure/logistic.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace thimble {
namespace {

constexpr size_t kBins = 10;
constexpr size_t kMostSteps = 100;
constexpr double kSmallestStep = 1e-10;

// Solves a x = b for a symmetric positive definite matrix [n][n] by Gaussian elimination; b becomes x.
void solve(std::vector<double>& a, std::vector<double>& b) {
  const size_t n = b.size();
  for (size_t i = 0; i < n; ++i) {
    for (size_t row = i + 1; row < n; ++row) {
      const double factor = a[row * n + i] / a[i * n + i];
      for (size_t column = i; column < n; ++column) a[row * n + column] -= factor * a[i * n + column];
      b[row] -= factor * b[i];
    }
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t column = i + 1; column < n; ++column) b[i] -= a[i * n + column] * b[column];
    b[i] /= a[i * n + i];
  }
}

double product(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// log(1 + exp(x)) without overflow.
double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

class Fit {
 public:
  Fit(std::span<const double> rows, size_t width, const std::vector<bool>& right, double ridge)
      : rows_(rows), width_(width), right_(right), ridge_(ridge) {}

  double loss(std::span<const double> weights) const {
    double sum = ridge_ / 2 * product(weights, weights);
    for (size_t i = 0; i < right_.size(); ++i) {
      const double x = product(row(i), weights);
      sum += softplus(right_[i] ? -x : x);
    }
    return sum;
  }

  std::vector<double> newton_step(std::span<const double> weights) const {
    std::vector<double> hessian(width_ * width_), gradient(width_);
    for (size_t j = 0; j < width_; ++j) {
      gradient[j] = ridge_ * weights[j];
      hessian[j * width_ + j] = ridge_;
    }
    for (size_t i = 0; i < right_.size(); ++i) {
      const double p = logistic(product(row(i), weights));
      for (size_t j = 0; j < width_; ++j) {
        gradient[j] += (p - (right_[i] ? 1 : 0)) * row(i)[j];
        for (size_t k = 0; k < width_; ++k) hessian[j * width_ + k] += p * (1 - p) * row(i)[j] * row(i)[k];
      }
    }
    solve(hessian, gradient);
    return gradient;
  }

 private:
  std::span<const double> row(size_t i) const { return rows_.subspan(i * width_, width_); }

  std::span<const double> rows_;
  size_t width_;
  const std::vector<bool>& right_;
  double ridge_;
};

}  // namespace

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

std::vector<double> fit_logistic(std::span<const double> rows, size_t width, const std::vector<bool>& right,
                                 double ridge) {
  assert(width > 0 && width <= 8 && rows.size() == width * right.size() && ridge > 0);
  const Fit fit(rows, width, right, ridge);
  std::vector<double> weights(width);
  double loss = fit.loss(weights);
  for (size_t step = 0; step < kMostSteps; ++step) {
    const std::vector<double> direction = fit.newton_step(weights);
    // The loss is convex, but a whole step may overshoot.
    std::vector<double> next(width);
    double share = 1, next_loss = loss;
    for (; share > 1e-6; share /= 2) {
      for (size_t j = 0; j < width; ++j) next[j] = weights[j] - share * direction[j];
      next_loss = fit.loss(next);
      if (next_loss < loss) break;
    }
    if (loss - next_loss < kSmallestStep) break;
    weights = next;
    loss = next_loss;
  }
  return weights;
}

Reliability reliability(std::span<const double> confidences, const std::vector<bool>& right) {
  assert(confidences.size() == right.size());
  Reliability result;
  for (size_t i = 0; i < kBins; ++i) {
    result.bins.push_back({static_cast<double>(i) / kBins, static_cast<double>(i + 1) / kBins, 0, 0, 0});
  }
  const double count = static_cast<double>(confidences.size());
  for (size_t i = 0; i < confidences.size(); ++i) {
    const double outcome = right[i] ? 1 : 0;
    ReliabilityBin& bin = result.bins[std::min(static_cast<size_t>(confidences[i] * kBins), kBins - 1)];
    ++bin.cases;
    bin.confidence += confidences[i];
    bin.accuracy += outcome;
    result.brier += (confidences[i] - outcome) * (confidences[i] - outcome) / count;
  }
  for (ReliabilityBin& bin : result.bins) {
    if (bin.cases == 0) continue;
    const double cases = static_cast<double>(bin.cases);
    bin.confidence /= cases;
    bin.accuracy /= cases;
    result.expected_error += std::abs(bin.confidence - bin.accuracy) * cases / count;
  }
  return result;
}

}  // namespace thimble
