// What an importance matrix says of its tensors: the figures of llama-imatrix --show-statistics.
#pragma once

#include <string>
#include <vector>

#include "format/imatrix.h"

namespace thimble {

// Of one tensor's mean squares, those of experts that saw nothing left out.
struct ImatrixStatistics {
  std::string tensor;
  int block = -1;    // -1: of no block
  std::string kind;  // "attn_q"
  size_t elements = 0;
  double sum = 0;
  double least = 0;
  double most = 0;
  double mean = 0;
  double deviation = 0;
  double active = 0;         // share above 1e-5
  double entropy = 0;        // bits, of the mean squares as a distribution
  double entropy_share = 0;  // of the most that so many elements can have
  double outliers = 0;       // share more than one deviation above the mean
  double similarity = 0;     // cosine with the same tensor of the block before; 0 where there is none
};

// In the order of kinds, within a kind by falling sum.
std::vector<ImatrixStatistics> imatrix_statistics(const Imatrix& imatrix);

// Means over a block's tensors weighted by their elements, of blocks in order.
struct BlockStatistics {
  int block = 0;
  double sum = 0;
  double outliers = 0;
  double similarity = 0;
};
std::vector<BlockStatistics> block_statistics(const std::vector<ImatrixStatistics>& tensors);

}  // namespace thimble
