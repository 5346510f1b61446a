#include "compress/quantize.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <memory>

#include "base/error.h"
#include "compress/copied_metadata.h"
#include "compress/tensor_rows.h"
#include "format/gguf_split.h"
#include "format/gguf_writer.h"
#include "quant/type_list.h"

namespace thimble {
namespace {

constexpr size_t kPanelBytes = size_t{8} << 20;    // of packed rows
constexpr size_t kPieceWeights = size_t{1} << 17;  // that a thread has as floats at a time
constexpr size_t kMostTextBytes = 127;             // of quantize.imatrix.file and .dataset, as llama.cpp cuts them

struct ErrorSums {
  double error = 0;
  double norm = 0;
};

// What one thread works with.
struct Bench {
  std::vector<float> weights;
  std::vector<float> unpacked;
  std::exception_ptr fault;
};

// Packs one tensor, panel by panel.
class TensorPacker {
 public:
  TensorPacker(const Gguf& gguf, const PlannedTensor& planned, const Kernels& kernels, std::vector<Bench>& benches)
      : gguf_(gguf), tensor_(*planned.tensor), type_(type_info(planned.type)), kernels_(kernels), benches_(benches) {
    columns_ = tensor_.shape[0];
    row_bytes_ = row_bytes(type_.type, columns_);
    piece_rows_ = std::max<size_t>(kPieceWeights / columns_, 1);
    panel_rows_ = std::min<uint64_t>(std::max<size_t>(kPanelBytes / row_bytes_, 1), tensor_.rows());
    panel_.resize(panel_rows_ * row_bytes_);
    row_sums_.resize(panel_rows_);
    if (planned.importance != nullptr) importance_ = planned.importance->mean_squares();
  }

  size_t panel_rows() const { return panel_rows_; }

  // Rows first .. first + count, packed; valid until the next call.
  std::span<const std::byte> pack(Team& team, uint64_t first, size_t count) {
    team.run([&](Worker& worker) {
      Bench& bench = benches_[worker.index()];
      worker.for_each_piece(count, piece_rows_, [&](size_t begin, size_t end) {
        if (bench.fault) return;
        try {
          pack_piece(first, begin, end, bench);
        } catch (...) {
          bench.fault = std::current_exception();
        }
      });
    });
    for (const Bench& bench : benches_) {
      if (bench.fault) std::rethrow_exception(bench.fault);
    }
    for (size_t row = 0; row < count; ++row) {  // in order, whoever packed it
      sums_.error += row_sums_[row].error;
      sums_.norm += row_sums_[row].norm;
    }
    forget_rows(gguf_, tensor_, first, count);
    return std::span(panel_).first(count * row_bytes_);
  }

  double relative_error() const { return sums_.norm > 0 ? std::sqrt(sums_.error / sums_.norm) : 0; }

 private:
  void pack_piece(uint64_t first, size_t begin, size_t end, Bench& bench) {
    bench.weights.resize((end - begin) * columns_);
    bench.unpacked.resize(columns_);
    read_rows(gguf_, tensor_, first + begin, end - begin, bench.weights.data(), &kernels_);
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
  const float* importance_of(uint64_t row) const {
    if (importance_.empty()) return nullptr;
    const uint64_t matrix = importance_.size() > columns_ ? row / tensor_.shape[1] : 0;
    return importance_.data() + matrix * columns_;
  }

  // In eight partial sums each, which the processor adds side by side.
  ErrorSums measure(const float* x, const float* packed, const float* importance) const {
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

  const Gguf& gguf_;
  const GgufTensor& tensor_;
  const TypeInfo& type_;
  const Kernels& kernels_;
  std::vector<Bench>& benches_;
  size_t columns_;
  size_t row_bytes_;
  size_t piece_rows_;
  size_t panel_rows_;
  std::vector<std::byte> panel_;
  std::vector<ErrorSums> row_sums_;
  std::vector<float> importance_;
  ErrorSums sums_;
};

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

void set_metadata(const QuantizeRun& run, GgufWriter& writer) {
  copy_metadata(run.gguf, run.options.mix->file_type, writer);
  for (const MetadataOverride& override : run.overrides) {
    std::visit([&](const auto& value) { writer.set(override.key, value); }, override.value);
  }
  if (run.plan.imatrix_entries == 0) return;
  const Imatrix& imatrix = *run.options.imatrix;
  const auto shortened = [](const std::string& text) { return std::string_view(text).substr(0, kMostTextBytes); };
  writer.set("quantize.imatrix.file", shortened(imatrix.path));
  if (!imatrix.datasets.empty()) writer.set("quantize.imatrix.dataset", shortened(imatrix.datasets.front()));
  writer.set("quantize.imatrix.entries_count", static_cast<uint32_t>(run.plan.imatrix_entries));
  if (imatrix.chunk_count > 0) writer.set("quantize.imatrix.chunks_count", imatrix.chunk_count);
}

size_t part_count(const Gguf& gguf, const QuantizeOptions& options) {
  return options.keep_split ? gguf.files().size() : 1;
}

size_t part_of(const PlannedTensor& planned, const QuantizeOptions& options) {
  return options.keep_split ? planned.tensor->part : 0;
}

std::vector<std::unique_ptr<GgufWriter>> open_writers(const QuantizeRun& run, const std::string& output) {
  std::vector<std::unique_ptr<GgufWriter>> writers;
  const std::vector<std::string> paths = output_files(run.gguf, run.options, output);
  for (size_t part = 0; part < paths.size(); ++part) {
    writers.push_back(std::make_unique<GgufWriter>(paths[part]));
    GgufWriter& writer = *writers.back();
    if (part == 0) set_metadata(run, writer);
    if (paths.size() > 1) {
      writer.set("split.no", static_cast<uint16_t>(part));
      writer.set("split.count", static_cast<uint16_t>(paths.size()));
      writer.set("split.tensors.count", static_cast<int32_t>(run.plan.tensors.size()));
    }
  }
  for (const PlannedTensor& planned : run.plan.tensors) {
    const GgufTensor& tensor = *planned.tensor;
    writers[part_of(planned, run.options)]->add_tensor(tensor.name, std::span(tensor.shape).first(tensor.axes),
                                                       planned.type);
  }
  return writers;
}

}  // namespace

std::vector<std::string> output_files(const Gguf& gguf, const QuantizeOptions& options, const std::string& output) {
  constexpr std::string_view kSuffix = ".gguf";
  const size_t count = part_count(gguf, options);
  if (count == 1) return {output};
  std::string prefix = output;
  if (prefix.ends_with(kSuffix)) prefix.resize(prefix.size() - kSuffix.size());
  std::vector<std::string> paths;
  for (size_t part = 1; part <= count; ++part) {
    paths.push_back(GgufPartName{prefix, static_cast<uint32_t>(part), static_cast<uint32_t>(count)}.path());
  }
  return paths;
}

std::vector<TensorResult> quantize(const QuantizeRun& run, const std::string& output, Team& team,
                                   const Kernels& kernels) {
  for (const MappedFile& file : run.gguf.files()) {
    for (const std::string& path : output_files(run.gguf, run.options, output))
      require_different_files(file.path(), path);
  }
  std::vector<std::unique_ptr<GgufWriter>> writers = open_writers(run, output);
  std::vector<Bench> benches(team.size());
  std::vector<TensorResult> results;
  uint64_t total = 0;
  for (const PlannedTensor& planned : run.plan.tensors) total += planned.tensor->data.size();
  uint64_t done = 0;
  for (const PlannedTensor& planned : run.plan.tensors) {
    GgufWriter& writer = *writers[part_of(planned, run.options)];
    TensorResult& result = results.emplace_back();
    run.progress(done, total);
    if (planned.is_copied()) {
      copy_tensor(run.gguf, *planned.tensor, writer);
      done += planned.tensor->data.size();
      continue;
    }
    TensorPacker packer(run.gguf, planned, kernels, benches);
    for (uint64_t first = 0; first < planned.tensor->rows(); first += packer.panel_rows()) {
      const size_t count = std::min<uint64_t>(packer.panel_rows(), planned.tensor->rows() - first);
      writer.write_data(packer.pack(team, first, count));
      done += planned.tensor->data.size() / planned.tensor->rows() * count;
      run.progress(done, total);
    }
    result.error = packer.relative_error();
  }
  for (const auto& writer : writers) writer->commit();
  return results;
}

}  // namespace thimble
