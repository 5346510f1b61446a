// Second moments of what the matrices of a model read: H = sum over tokens of x x^T, which says what an error in a matrix costs:
// the squared error of its outputs is tr(E H E^T) for an error E [rows][columns].
#pragma once

#include <map>
#include <vector>

#include "model/forward.h"

namespace thimble {

// [width][width], symmetric. A token far longer than the median of its pass (the first of a text often is, by a factor of
// thousands) counts as one of kLongestToken times the median squared length, so that it does not outweigh all others.
inline constexpr float kLongestToken = 32;
struct Hessian {
  size_t width = 0;
  size_t tokens = 0;  // summed over
  std::vector<float> values;

  const float* row(size_t i) const { return values.data() + i * width; }
};

// The identity: every input counts alike and none is related to another.
Hessian plain_hessian(size_t width);

// Sums Hessians of the readers (InputProbe) whose width is a multiple of 32, the smallest block of a number format.
class HessianProbe : public InputProbe {
 public:
  // `batch_tokens`: of one pass at most.
  HessianProbe(const Kernels& kernels, size_t batch_tokens) : kernels_(kernels), batch_tokens_(batch_tokens) {}

  // Makes room for the statistics of a reader; those that are not expected are not kept. Not during a pass.
  void expect(Role reader, size_t width);
  // What was summed since, mirrored; the reader is expected no more.
  Hessian take(Role reader);

  void see(Worker& worker, uint32_t block, Role reader, size_t token, std::span<const float> values) override;
  void finish(Worker& worker, uint32_t block, Role reader, size_t tokens) override;

 private:
  struct Sums {
    Hessian hessian;             // panels of 32 columns on and right of the diagonal
    std::vector<float> panels;   // [width / 32][batch_tokens][32]
    std::vector<float> lengths;  // squared, of each token
    float limit = 0;
  };
  void shorten(Worker& worker, Sums& sums, size_t tokens) const;

  const Kernels& kernels_;
  const size_t batch_tokens_;
  std::map<Role, Sums> sums_;
};

// H = M D M^T with M unit upper triangular and D diagonal. Rounding the columns in order, the error of columns up to j costs
// D[j] (sum over c <= j of e[c] M[c][j])^2, so M says how an error is made up for by the columns after it (LDLQ, arXiv 2307.13304).
struct Factor {
  size_t width = 0;
  std::vector<float> feedback;  // M, [width][width]; what lies below the diagonal is not meant to be read
  std::vector<float> cost;      // D
  float damping = 0;            // what was added to the diagonal, in means of the diagonal
};

// Of `hessian` with `damping` means of its diagonal added to the diagonal, ten times as much each time that is not enough.
Factor factorise(const Hessian& hessian, float damping, const Kernels& kernels, Team& team);

}  // namespace thimble
