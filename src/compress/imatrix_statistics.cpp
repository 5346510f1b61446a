#include "compress/imatrix_statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>

namespace thimble {
namespace {

constexpr double kActive = 1e-5;

// "blk.3.attn_q.weight" is block 3's attn_q; what is named otherwise is of no block.
void split_name(const std::string& name, ImatrixStatistics& statistics) {
  constexpr std::string_view kBlock = "blk.", kWeight = ".weight";
  std::string_view rest = name;
  if (rest.starts_with(kBlock)) {
    const char* end = rest.data() + rest.size();
    const auto [after, error] = std::from_chars(rest.data() + kBlock.size(), end, statistics.block);
    if (error == std::errc() && after != end && *after == '.') {
      rest.remove_prefix(static_cast<size_t>(after - rest.data()) + 1);
    } else {
      statistics.block = -1;
    }
  }
  if (rest.ends_with(kWeight)) rest.remove_suffix(kWeight.size());
  statistics.kind = rest;
}

std::vector<double> seen_means(const ImatrixEntry& entry) {
  std::vector<double> means;
  for (size_t i = 0; i < entry.sums.size(); ++i) {
    const uint64_t count = entry.counts[i / entry.columns()];
    if (count != 0) means.push_back(entry.sums[i] / static_cast<double>(count));
  }
  return means;
}

void describe(const std::vector<double>& means, ImatrixStatistics& s) {
  const auto n = static_cast<double>(means.size());
  const auto share = [&](auto&& condition) { return static_cast<double>(std::ranges::count_if(means, condition)) / n; };
  s.elements = means.size();
  s.sum = std::accumulate(means.begin(), means.end(), 0.0);
  s.least = *std::ranges::min_element(means);
  s.most = *std::ranges::max_element(means);
  s.mean = s.sum / n;
  const double squares = std::inner_product(means.begin(), means.end(), means.begin(), 0.0);
  s.deviation = std::sqrt(std::max(0.0, squares / n - s.mean * s.mean));
  s.active = share([](double mean) { return mean > kActive; });
  for (const double mean : means) {
    if (s.sum > 0 && mean > 0) s.entropy -= mean / s.sum * std::log2(mean / s.sum);
  }
  if (means.size() > 1) s.entropy_share = s.entropy / std::log2(n);
  if (s.deviation > 0) s.outliers = share([&](double mean) { return (mean - s.mean) / s.deviation > 1; });
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  if (a.size() != b.size()) return 0;
  const auto dot = [](const std::vector<float>& x, const std::vector<float>& y) {
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  const double lengths = std::sqrt(dot(a, a)) * std::sqrt(dot(b, b));
  return lengths > 0 ? dot(a, b) / lengths : 0;
}

}  // namespace

std::vector<ImatrixStatistics> imatrix_statistics(const Imatrix& imatrix) {
  std::vector<ImatrixStatistics> all;
  for (const auto& [name, entry] : imatrix.entries) {
    ImatrixStatistics statistics;
    statistics.tensor = name;
    split_name(name, statistics);
    describe(seen_means(entry), statistics);
    if (statistics.block > 0) {
      const std::string before = fmt::format("blk.{}.{}.weight", statistics.block - 1, statistics.kind);
      if (const ImatrixEntry* other = imatrix.find(before)) {
        statistics.similarity = cosine(entry.sums, other->sums);
      }
    }
    all.push_back(std::move(statistics));
  }
  std::ranges::stable_sort(all, [](const ImatrixStatistics& a, const ImatrixStatistics& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.sum > b.sum;
  });
  return all;
}

std::vector<BlockStatistics> block_statistics(const std::vector<ImatrixStatistics>& tensors) {
  std::map<int, std::pair<BlockStatistics, double>> blocks;  // sums, and the weights'
  for (const ImatrixStatistics& tensor : tensors) {
    if (tensor.block < 0) continue;
    auto& [block, weights] = blocks[tensor.block];
    const auto weight = static_cast<double>(tensor.elements);
    block.block = tensor.block;
    block.sum += weight * tensor.sum;
    block.outliers += weight * tensor.outliers;
    block.similarity += weight * tensor.similarity;
    weights += weight;
  }
  std::vector<BlockStatistics> out;
  for (const auto& [number, sums] : blocks) {
    const auto& [block, weights] = sums;
    out.push_back({number, block.sum / weights, block.outliers / weights, block.similarity / weights});
  }
  return out;
}

}  // namespace thimble
