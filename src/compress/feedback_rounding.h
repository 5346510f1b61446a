// Rounding a matrix to a number format so that what it computes changes least: error feedback over the columns with scales searched
// for the same loss (LDLQ, arXiv 2307.13304; GPTQ, arXiv 2210.17323), then block coordinate descent on scales and levels together.
// The loss is tr(E H E^T), the squared error of the outputs over the tokens that H was summed over.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "base/team.h"
#include "compress/grid.h"
#include "compress/hessian.h"

namespace thimble {

// What rounding a matrix needs of its inputs, once for all matrices that read them.
struct InputStatistics {
  InputStatistics(Hessian hessian, float damping, const Kernels& kernels, Team& team);

  // The conditional problem of one run of columns, the others fixed: the run's own block of the Hessian.
  struct Run {
    std::vector<float> feedback;  // of Factor, [run][run]
    std::vector<float> cost;
    std::vector<float> inverse;  // [run][run]
  };
  std::span<const Run> runs(size_t run) const { return run == 16 ? runs_of_16 : runs_of_32; }

  Factor factor;
  Hessian hessian;  // damped
  std::vector<Run> runs_of_16, runs_of_32;
};

struct RoundingEffort {
  int descents = 6;  // passes of block coordinate descent
};

struct RoundingLoss {
  double error = 0;   // tr(E H E^T)
  double energy = 0;  // tr(W H W^T)
};

// Rows [first, first + count) of the matrix, [count][columns]; called by any worker.
using RowSource = std::function<void(uint64_t first, uint64_t count, float* rows)>;

// `rows` rows into out: rows of row_bytes(grid.type, columns). The result does not depend on the number of workers. `loss` may
// be null: it costs about as much as two descents.
void round_with_feedback(const RowSource& source, size_t rows, const Grid& grid, const InputStatistics& statistics,
                         const RoundingEffort& effort, const Kernels& kernels, Team& team, std::byte* out,
                         RoundingLoss* loss);

}  // namespace thimble
