#include "compress/convert.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "compress/checkpoint_hyperparameters.h"
#include "compress/checkpoint_metadata.h"
#include "compress/checkpoint_vocabulary.h"
#include "compress/conversion_plan.h"
#include "compress/copied_metadata.h"
#include "compress/output_type.h"
#include "compress/tensor_rows.h"
#include "format/gguf_writer.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace thimble {
namespace {

constexpr uint64_t kPanelValues = uint64_t{1} << 20;  // read, converted and written at a time

// Rows through a buffer of floats into the file.
class RowPump {
 public:
  RowPump(GgufWriter& writer, const ConvertOptions& options)
      : writer_(writer), options_(options), total_(writer.file_bytes()), done_(writer.header().size()) {}

  // read(first, count, out) and forget(first, count) of rows of `columns` values each.
  template <class Read, class Forget>
  void run(std::string_view name, NumberType type, uint64_t columns, uint64_t rows, Read&& read, Forget&& forget) {
    const TypeInfo& info = type_info(type);
    // A row of a format with blocks is a multiple of them; of the others any number of values is.
    const uint64_t panel = std::max<uint64_t>(1, kPanelValues / columns);
    for (uint64_t first = 0; first < rows; first += panel) {
      const uint64_t count = std::min(panel, rows - first), values = count * columns;
      floats_.resize(values);
      read(first, count, floats_.data());
      packed_.resize(values / info.block_size * info.block_bytes);
      pack_values(type, floats_.data(), values, packed_.data(), name);
      forget(first, count);
      writer_.write_data(packed_);
      done_ += packed_.size();
      options_.report(done_, total_);
    }
  }

 private:
  GgufWriter& writer_;
  const ConvertOptions& options_;
  uint64_t total_;
  uint64_t done_;
  std::vector<float> floats_;
  std::vector<std::byte> packed_;
};

// What is about to be written would be loaded: found out from the header alone.
void check_model(const GgufWriter& writer, const std::string& folder) {
  const std::string header = writer.header();
  try {
    const auto gguf = Gguf::from_prefix(folder, std::as_bytes(std::span(header)), writer.file_bytes());
    if (!gguf) fail(ExitCode::bad_file, "{}: its header has no end", printable(folder));
    Model::bind(*gguf, Model::Depth::shapes);
    Tokenizer::from_gguf(*gguf);
  } catch (const Error& error) {
    // The message names the folder, and keys and tensors as the GGUF file would have them.
    fail(error.code(), "{} (as converted to GGUF)", error.what());
  }
}

void write_type(GgufWriter& writer, NumberType type) {
  writer.set("general.file_type", file_type_id(type));
  writer.set("general.quantization_version", kQuantizationVersion);
}

}  // namespace

ConvertResult convert_checkpoint(const std::string& folder, const std::string& output, const ConvertOptions& options) {
  const CheckpointConfig config = CheckpointConfig::read(folder);
  const SentenceModules modules = SentenceModules::read(folder);
  const CheckpointTensors stored = CheckpointTensors::open(folder, modules);
  for (const std::string& name : stored.names()) require_different_files(stored.find(name)->file->path(), output);
  GgufWriter writer(output);
  writer.set("general.architecture", config.spec().name);
  writer.set("general.type", "model");
  Hyperparameters hyper = write_hyperparameters(config, modules, writer);
  const std::vector<ConvertedTensor> tensors = plan_conversion(config, stored, hyper);
  ConvertResult result;
  std::vector<NumberType> types;
  for (const ConvertedTensor& tensor : tensors) {
    types.push_back(stored_type(tensor.name, tensor.shape, options.type));
    writer.add_tensor(tensor.name, tensor.shape, types.back());
    result.parameters += tensor.elements();
  }
  result.tensors = tensors.size();
  write_general_metadata(folder, config, result.parameters, writer);
  write_type(writer, options.type);
  write_vocabulary(folder, config.spec(), config.values(), hyper.vocabulary_size, writer, options.pre_tokenizer);
  check_model(writer, folder);
  result.file_bytes = writer.file_bytes();
  RowPump pump(writer, options);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const ConvertedTensor& tensor = tensors[i];
    pump.run(
        tensor.name, types[i], tensor.row_values(), tensor.rows(),
        [&](uint64_t first, uint64_t count, float* out) { read_planned_rows(tensor, first, count, out); },
        [&](uint64_t first, uint64_t count) { forget_planned_rows(tensor, first, count); });
  }
  writer.commit();
  return result;
}

ConvertResult convert_gguf(const std::string& input, const std::string& output, const ConvertOptions& options) {
  constexpr std::string_view kDropped[] = {"split.", "quantize."};
  const Gguf gguf = Gguf::open(input);
  for (const MappedFile& file : gguf.files()) require_different_files(file.path(), output);
  GgufWriter writer(output);
  for (const GgufValue& value : gguf.values()) {
    if (std::ranges::none_of(kDropped, [&](std::string_view begin) { return value.key.starts_with(begin); })) {
      writer.set(value);
    }
  }
  write_type(writer, options.type);
  ConvertResult result;
  std::vector<NumberType> types;
  for (const GgufTensor& tensor : gguf.tensors()) {
    const std::span<const uint64_t> shape(tensor.shape.data(), tensor.axes);
    types.push_back(stored_type(tensor.name, shape, options.type));
    writer.add_tensor(tensor.name, shape, types.back());
    result.parameters += tensor.elements();
  }
  result.tensors = types.size();
  result.file_bytes = writer.file_bytes();
  RowPump pump(writer, options);
  for (size_t i = 0; i < types.size(); ++i) {
    const GgufTensor& tensor = gguf.tensors()[i];
    pump.run(
        tensor.name, types[i], tensor.shape[0], tensor.rows(),
        [&](uint64_t first, uint64_t count, float* out) { read_rows(gguf, tensor, first, count, out); },
        [&](uint64_t first, uint64_t count) { forget_rows(gguf, tensor, first, count); });
  }
  writer.commit();
  return result;
}

}  // namespace thimble
