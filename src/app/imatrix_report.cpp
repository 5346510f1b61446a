#include "app/imatrix_report.h"

#include <fmt/ranges.h>

#include "base/error.h"
#include "compress/imatrix_statistics.h"

namespace thimble {
namespace {

std::string tensor_row(const ImatrixStatistics& s) {
  const std::string block = s.block < 0 ? "-" : fmt::to_string(s.block);
  return fmt::format(
      "{:>5}  {:<20} {:>13.2f} {:>9.4f} {:>11.4f} {:>9.2f} {:>9.2f} {:>8.2f}% {:>7} {:>8.4f} {:>8.2f}% {:>7.2f}% "
      "{:>7.4f}\n",
      block, printable(s.kind), s.sum, s.least, s.most, s.mean, s.deviation, s.active * 100, s.elements, s.entropy,
      s.entropy_share * 100, s.outliers * 100, s.similarity);
}

}  // namespace

std::string statistics_text(const Imatrix& imatrix) {
  const std::vector<ImatrixStatistics> tensors = imatrix_statistics(imatrix);
  std::string out = fmt::format("{} tensors, {} chunks of {} tokens, of {}\n\n", tensors.size(), imatrix.chunk_count,
                                imatrix.chunk_size, printable(fmt::format("{}", fmt::join(imatrix.datasets, ", "))));
  out +=
      fmt::format("{:>5}  {:<20} {:>13} {:>9} {:>11} {:>9} {:>9} {:>9} {:>7} {:>8} {:>9} {:>8} {:>7}\n", "block",
                  "tensor", "sum", "min", "max", "mean", "stddev", "active", "N", "entropy", "of most", "ZD", "cosine");
  for (const ImatrixStatistics& tensor : tensors) out += tensor_row(tensor);
  out += fmt::format("\n{:>5} {:>14} {:>9} {:>8}\n", "block", "sum", "ZD", "cosine");
  for (const BlockStatistics& block : block_statistics(tensors)) {
    out += fmt::format("{:>5} {:>14.2f} {:>8.4f}% {:>8.4f}\n", block.block, block.sum, block.outliers * 100,
                       block.similarity);
  }
  return out;
}

nlohmann::ordered_json statistics_json(const Imatrix& imatrix) {
  nlohmann::ordered_json tensors = nlohmann::ordered_json::array(), blocks = nlohmann::ordered_json::array();
  const std::vector<ImatrixStatistics> statistics = imatrix_statistics(imatrix);
  for (const ImatrixStatistics& s : statistics) {
    tensors.push_back({{"tensor", s.tensor},
                       {"elements", s.elements},
                       {"sum", s.sum},
                       {"min", s.least},
                       {"max", s.most},
                       {"mean", s.mean},
                       {"stddev", s.deviation},
                       {"active", s.active},
                       {"entropy", s.entropy},
                       {"entropy_share", s.entropy_share},
                       {"outliers", s.outliers},
                       {"similarity", s.similarity}});
  }
  for (const BlockStatistics& b : block_statistics(statistics)) {
    blocks.push_back({{"block", b.block}, {"sum", b.sum}, {"outliers", b.outliers}, {"similarity", b.similarity}});
  }
  return {{"datasets", imatrix.datasets},
          {"chunks", imatrix.chunk_count},
          {"chunk_size", imatrix.chunk_size},
          {"tensors", std::move(tensors)},
          {"blocks", std::move(blocks)}};
}

}  // namespace thimble
