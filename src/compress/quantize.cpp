#include "compress/quantize.h"

#include <algorithm>
#include <memory>

#include "base/error.h"
#include "compress/copied_metadata.h"
#include "compress/tensor_packer.h"
#include "compress/tensor_rows.h"
#include "format/gguf_split.h"
#include "format/gguf_writer.h"

namespace thimble {
namespace {

constexpr size_t kMostTextBytes = 127;  // of quantize.imatrix.file and .dataset, as llama.cpp cuts them

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
  std::vector<PackBench> benches(team.size());
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
    const GgufTensor& tensor = *planned.tensor;
    const auto source = [&](uint64_t first, uint64_t count, float* rows) {
      read_rows(run.gguf, tensor, first, count, rows, &kernels);
    };
    TensorPacker packer(tensor, planned.type, planned.importance, source, kernels, benches);
    for (uint64_t first = 0; first < tensor.rows(); first += packer.panel_rows()) {
      const size_t count = std::min<uint64_t>(packer.panel_rows(), tensor.rows() - first);
      writer.write_data(packer.pack(team, first, count));
      forget_rows(run.gguf, tensor, first, count);
      done += tensor.data.size() / tensor.rows() * count;
      run.progress(done, total);
    }
    result.error = packer.relative_error();
  }
  for (const auto& writer : writers) writer->commit();
  return results;
}

}  // namespace thimble
