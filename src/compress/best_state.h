// What a run of the quantizer has measured and rounded so far, in a folder: statistics.jsonl, a line a tensor after a line that
// says what was measured, and a file for each rounded tensor. A folder of another model, text or option is begun anew.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/mapped_file.h"
#include "quant/number_type.h"

namespace thimble {

struct MeasuredTensor {
  double divergence = 0;                              // of the model with the tensor in the probe's format, in nats
  std::vector<std::pair<NumberType, double>> errors;  // tr(E H E^T) / tr(W H W^T) in each format
};

class BestState {
 public:
  // Makes the folder where it is missing; throws Error(failed) where that or writing fails.
  BestState(std::string folder, std::string identity);

  // What earlier runs measured, by number of the tensor below `count`. Lines that are no measurement are passed over.
  std::vector<std::pair<size_t, MeasuredTensor>> read(size_t count) const;
  void append(size_t tensor, const MeasuredTensor& measured) const;

  bool has_rounded(size_t tensor, NumberType type, uint64_t bytes) const;
  void write_rounded(size_t tensor, NumberType type, std::span<const std::byte> rows) const;
  MappedFile open_rounded(size_t tensor, NumberType type) const;
  void remove_rounded() const;

 private:
  std::string rounded_path(size_t tensor, NumberType type) const;
  std::string statistics_path() const { return folder_ + "/statistics.jsonl"; }

  std::string folder_;
  std::string identity_;
};

}  // namespace thimble
