// One tensor's rows into a number format, by all threads, a panel of rows at a time: what writes files larger than what may be
// resident.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "base/team.h"
#include "compress/feedback_rounding.h"
#include "format/gguf.h"
#include "format/gguf_writer.h"
#include "format/imatrix.h"
#include "kernels/kernels.h"

namespace thimble {

// What one thread works with, kept from tensor to tensor.
struct PackBench {
  std::vector<float> weights;
  std::vector<float> unpacked;
  std::exception_ptr fault;
};

class TensorPacker {
 public:
  // `like` says the shape. importance: null for all weights alike. benches: one a worker. What is passed must outlive this.
  TensorPacker(const GgufTensor& like, NumberType type, const ImatrixEntry* importance, RowSource source,
               const Kernels& kernels, std::vector<PackBench>& benches);

  size_t panel_rows() const { return panel_rows_; }

  // Rows first .. first + count, packed with the least error that a search finds; valid until the next call. What the source
  // throws is thrown here.
  std::span<const std::byte> pack(Team& team, uint64_t first, size_t count);

  // sqrt of the weighted squared error over the weighted squares, of all rows so far.
  double relative_error() const;

 private:
  struct ErrorSums {
    double error = 0;
    double norm = 0;
  };

  void pack_piece(uint64_t first, size_t begin, size_t end, PackBench& bench);
  const float* importance_of(uint64_t row) const;
  ErrorSums measure(const float* x, const float* packed, const float* importance) const;

  const GgufTensor& like_;
  const TypeInfo& type_;
  RowSource source_;
  const Kernels& kernels_;
  std::vector<PackBench>& benches_;
  size_t columns_;
  size_t row_bytes_;
  size_t piece_rows_;
  size_t panel_rows_;
  std::vector<std::byte> panel_;
  std::vector<ErrorSums> row_sums_;
  std::vector<float> importance_;
  ErrorSums sums_;
};

// The tensor's bytes as they are. Throws Error(bad_file) naming the tensor where a value is not finite.
void copy_tensor(const Gguf& gguf, const GgufTensor& tensor, GgufWriter& writer);

}  // namespace thimble
