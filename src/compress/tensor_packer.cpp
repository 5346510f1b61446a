#include "compress/tensor_packer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "compress/tensor_rows.h"

namespace thimble {
namespace {

constexpr size_t kPanelBytes = size_t{8} << 20;    // of packed rows
constexpr size_t kPieceWeights = size_t{1} << 17;  // that a thread has as floats at a time

}  // namespace

TensorPacker::TensorPacker(const GgufTensor& like, NumberType type, const ImatrixEntry* importance, RowSource source,
                           const Kernels& kernels, std::vector<PackBench>& benches)
    : like_(like),
      type_(type_info(type)),
      source_(std::move(source)),
      kernels_(kernels),
      benches_(benches),
      columns_(like.shape[0]),
      row_bytes_(row_bytes(type, columns_)),
      piece_rows_(std::max<size_t>(kPieceWeights / columns_, 1)),
      panel_rows_(std::min<uint64_t>(std::max<size_t>(kPanelBytes / row_bytes_, 1), like.rows())),
      panel_(panel_rows_ * row_bytes_),
      row_sums_(panel_rows_) {
  if (importance != nullptr) importance_ = importance->mean_squares();
}

std::span<const std::byte> TensorPacker::pack(Team& team, uint64_t first, size_t count) {
  team.run([&](Worker& worker) {
    PackBench& bench = benches_[worker.index()];
    worker.for_each_piece(count, piece_rows_, [&](size_t begin, size_t end) {
      if (bench.fault) return;
      try {
        pack_piece(first, begin, end, bench);
      } catch (...) {
        bench.fault = std::current_exception();
      }
    });
  });
  for (const PackBench& bench : benches_) {
    if (bench.fault) std::rethrow_exception(bench.fault);
  }
  for (size_t row = 0; row < count; ++row) {  // in order, whoever packed it
    sums_.error += row_sums_[row].error;
    sums_.norm += row_sums_[row].norm;
  }
  return std::span(panel_).first(count * row_bytes_);
}

double TensorPacker::relative_error() const { return sums_.norm > 0 ? std::sqrt(sums_.error / sums_.norm) : 0; }

void TensorPacker::pack_piece(uint64_t first, size_t begin, size_t end, PackBench& bench) {
  bench.weights.resize((end - begin) * columns_);
  bench.unpacked.resize(columns_);
  source_(first + begin, end - begin, bench.weights.data());
  const size_t blocks = columns_ / type_.block_size;
  for (size_t row = begin; row < end; ++row) {
    const float* x = bench.weights.data() + (row - begin) * columns_;
    const float* importance = importance_of(first + row);
    std::byte* out = panel_.data() + row * row_bytes_;
    type_.pack_weighted(x, importance, *kernels_.searches, out, blocks);
    type_.unpack(out, bench.unpacked.data(), blocks);
    row_sums_[row] = measure(x, bench.unpacked.data(), importance);
  }
}

// An expert's rows have that expert's importance.
const float* TensorPacker::importance_of(uint64_t row) const {
  if (importance_.empty()) return nullptr;
  const uint64_t matrix = importance_.size() > columns_ ? row / like_.shape[1] : 0;
  return importance_.data() + matrix * columns_;
}

// In eight partial sums each, which the processor adds side by side.
TensorPacker::ErrorSums TensorPacker::measure(const float* x, const float* packed, const float* importance) const {
  constexpr size_t kSums = 8;
  float errors[kSums] = {};
  float norms[kSums] = {};
  for (size_t i = 0; i < columns_; ++i) {
    const float weight = importance == nullptr ? 1 : importance[i];
    const float difference = packed[i] - x[i];
    errors[i % kSums] += weight * difference * difference;
    norms[i % kSums] += weight * x[i] * x[i];
  }
  ErrorSums sums;
  for (size_t i = 0; i < kSums; ++i) {
    sums.error += static_cast<double>(errors[i]);
    sums.norm += static_cast<double>(norms[i]);
  }
  return sums;
}

void copy_tensor(const Gguf& gguf, const GgufTensor& tensor, GgufWriter& writer) {
  const size_t stride = row_bytes(tensor.type->type, tensor.shape[0]);
  const uint64_t step = std::max<uint64_t>(kPanelBytes / stride, 1);
  for (uint64_t first = 0; first < tensor.rows(); first += step) {
    const uint64_t count = std::min(step, tensor.rows() - first);
    const std::span<const std::byte> rows = tensor.data.subspan(first * stride, count * stride);
    if (!tensor.type->has_finite_scales(rows.data(), rows.size() / tensor.type->block_bytes)) {
      fail(ExitCode::bad_file, "{}: tensor {}: a value in rows {} to {} is not finite; expected numbers",
           printable(gguf.path()), printable(tensor.name), first, first + count - 1);
    }
    writer.write_data(rows);
    forget_rows(gguf, tensor, first, count);
  }
}

}  // namespace thimble
