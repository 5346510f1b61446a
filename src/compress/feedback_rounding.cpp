#include "compress/feedback_rounding.h"

#include <algorithm>
#include <cassert>
#include <memory>

#include "compress/row_group.h"

namespace thimble {
namespace {

// The factor and the inverse of one block of the Hessian on its diagonal, in double: there are few columns.
InputStatistics::Run local_run(const Hessian& hessian, size_t begin, size_t n) {
  std::vector<double> a(n * n), inverse(n * n);
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) a[i * n + j] = hessian.row(begin + i)[begin + j];
    inverse[i * n + i] = 1;
  }
  InputStatistics::Run run{std::vector<float>(n * n), std::vector<float>(n), std::vector<float>(n * n)};
  // As in ReverseCholesky, row c becoming column c of M.
  for (size_t c = n; c-- > 0;) {
    run.cost[c] = static_cast<float>(a[c * n + c]);
    for (size_t j = 0; j < c; ++j) run.feedback[j * n + c] = static_cast<float>(a[c * n + j] / a[c * n + c]);
    for (size_t i = 0; i < c; ++i) {
      const double factor = a[c * n + i] / a[c * n + c];
      for (size_t j = 0; j < c; ++j) a[i * n + j] -= factor * a[c * n + j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) a[i * n + j] = hessian.row(begin + i)[begin + j];
  }
  for (size_t pivot = 0; pivot < n; ++pivot) {  // Gauss and Jordan; positive definite, so no pivoting
    const double scale = 1 / a[pivot * n + pivot];
    for (size_t j = 0; j < n; ++j) {
      a[pivot * n + j] *= scale;
      inverse[pivot * n + j] *= scale;
    }
    for (size_t i = 0; i < n; ++i) {
      if (i == pivot) continue;
      const double factor = a[i * n + pivot];
      for (size_t j = 0; j < n; ++j) {
        a[i * n + j] -= factor * a[pivot * n + j];
        inverse[i * n + j] -= factor * inverse[pivot * n + j];
      }
    }
  }
  std::ranges::transform(inverse, run.inverse.begin(), [](double x) { return static_cast<float>(x); });
  return run;
}

std::vector<InputStatistics::Run> local_runs(const Hessian& hessian, size_t run) {
  std::vector<InputStatistics::Run> runs;
  for (size_t begin = 0; begin < hessian.width; begin += run) runs.push_back(local_run(hessian, begin, run));
  return runs;
}

}  // namespace

InputStatistics::InputStatistics(Hessian summed, float damping, const Kernels& kernels, Team& team)
    : factor(factorise(summed, damping, kernels, team)), hessian(std::move(summed)) {
  double trace = 0;
  for (size_t i = 0; i < hessian.width; ++i) trace += hessian.values[i * hessian.width + i];
  const float mean = trace > 0 ? static_cast<float>(trace / static_cast<double>(hessian.width)) : 1.0f;
  for (size_t i = 0; i < hessian.width; ++i) hessian.values[i * hessian.width + i] += factor.damping * mean;
  runs_of_16 = local_runs(hessian, 16);
  runs_of_32 = local_runs(hessian, 32);
}

void round_with_feedback(const RowSource& source, size_t rows, const Grid& grid, const InputStatistics& statistics,
                         const RoundingEffort& effort, const Kernels& kernels, Team& team, std::byte* out,
                         RoundingLoss* loss) {
  const size_t columns = statistics.hessian.width, stride = row_bytes(grid.type, columns);
  assert(columns % grid.block() == 0);
  const size_t groups = (rows + kGroupRows - 1) / kGroupRows;
  std::vector<RoundingLoss> losses(groups);
  std::vector<std::unique_ptr<RowGroup>> workspaces(team.size());
  std::vector<std::vector<float>> buffers(team.size(), std::vector<float>(kGroupRows * columns));
  for (auto& workspace : workspaces) workspace = std::make_unique<RowGroup>(grid, statistics, kernels);
  team.run([&](Worker& worker) {
    worker.for_each_piece(groups, 1, [&](size_t group, size_t) {
      const size_t first = group * kGroupRows, count = std::min(kGroupRows, rows - first);
      RowGroup& workspace = *workspaces[worker.index()];
      float* buffer = buffers[worker.index()].data();
      source(first, count, buffer);
      workspace.load(buffer, count);
      workspace.round(effort);
      workspace.encode(count, stride, out + first * stride);
      if (loss != nullptr) losses[group] = workspace.loss(count);
    });
  });
  if (loss == nullptr) return;
  *loss = {};
  for (const RoundingLoss& part : losses) {
    loss->error += part.error;
    loss->energy += part.energy;
  }
}

}  // namespace thimble
