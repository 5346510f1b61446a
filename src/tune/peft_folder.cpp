#include "tune/peft_folder.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

#include "base/atomic_file.h"
#include "base/error.h"
#include "compress/checkpoint_rows.h"
#include "format/json_text.h"
#include "format/safetensors.h"

namespace thimble {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kPrefix = "base_model.model.";

std::string config_path(const std::string& folder) { return folder + "/adapter_config.json"; }
std::string tensors_path(const std::string& folder) { return folder + "/adapter_model.safetensors"; }

// A value for a message; what holds others by its kind, for it may be nested without end.
std::string shown(const Json& value) { return value.is_structured() ? value.type_name() : printable(value.dump()); }

// The family's row that a GGUF tensor belongs to.
const TensorRow& row_of(const Model& model, std::string_view gguf_name, uint32_t block) {
  for (const TensorRow& row : model.spec().tensors) {
    if (row.in_block() && tensor_name(row, block) == gguf_name) return row;
  }
  fail(ExitCode::failed, "{}: no row for {}", model.gguf().path(), printable(gguf_name));
}

// "model.layers.3.self_attn.q_proj"
std::string module_of(const Model& model, const LoraTensor& tensor) {
  const TensorRow& row = row_of(model, tensor.base->name, tensor.block);
  const std::string_view name = row.hf.substr(0, row.hf.find('|'));
  if (name.empty()) {
    fail(ExitCode::usage, "{}: {} is several modules of the checkpoint: its adapter has no form in peft; use GGUF",
         model.gguf().path(), printable(tensor.base->name));
  }
  std::string module = with_number(name, tensor.block);
  return module.substr(0, module.size() - std::string_view(".weight").size());
}

// The row of the checkpoint's lora_B that is row `row` of the GGUF file's: there the halves of a head lie one after the other.
size_t checkpoint_row(size_t row, size_t head_rows) {
  if (head_rows == 0) return row;
  const size_t in_head = row % head_rows;
  return row - in_head + in_head % 2 * (head_rows / 2) + in_head / 2;
}

Json read_config(const std::string& folder) {
  const std::string path = config_path(folder);
  Json config = read_json_file(path);
  if (!config.is_object())
    fail(ExitCode::bad_file, "{}: expected an object, found {}", printable(path), config.type_name());
  return config;
}

void require_plain(const Json& config, const std::string& path) {
  const auto refuse = [&](std::string_view key) {
    fail(ExitCode::bad_file, "{}: {} is {}; only plain LoRA of one rank is supported", printable(path), key,
         shown(config[std::string(key)]));
  };
  if (!config.contains("peft_type") || config["peft_type"] != "LORA") {
    fail(ExitCode::bad_file, "{}: peft_type is {}; expected \"LORA\"", printable(path),
         config.contains("peft_type") ? shown(config["peft_type"]) : "missing");
  }
  const auto is_unset = [&](const char* key) {
    if (!config.contains(key)) return true;
    const Json& value = config[key];
    return value.is_null() || value == false || value == "none" ||
           ((value.is_object() || value.is_array()) && value.empty());
  };
  for (const char* key : {"use_dora", "use_rslora", "fan_in_fan_out", "bias", "rank_pattern", "alpha_pattern",
                          "modules_to_save", "layers_to_transform", "trainable_token_indices"}) {
    if (!is_unset(key)) refuse(key);
  }
}

// Of an adapted module.
std::string factor_name(const std::string& module, char factor) {
  return fmt::format("{}{}.lora_{}.weight", kPrefix, module, factor);
}

// Every tensor that the model's blocks could have adapted.
std::vector<LoraTensor> adaptable(const Model& model) { return Lora::plan(model, {1, 1, parse_targets("all")}); }

}  // namespace

bool is_peft_folder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

LoraOptions read_peft_options(const std::string& folder, const Model& model) {
  const Json config = read_config(folder);
  const std::string path = config_path(folder);
  require_plain(config, path);
  const auto number = [&](const char* key, bool is_whole, double most) {
    const bool is_kind = config.contains(key) && (is_whole ? config[key].is_number_integer() : config[key].is_number());
    const double value = is_kind ? config[key].get<double>() : 0;
    if (!(value > 0 && value <= most)) {
      fail(ExitCode::bad_file, "{}: {}: expected a {}number above 0 and at most {}", printable(path), key,
           is_whole ? "whole " : "", most);
    }
    return value;
  };
  LoraOptions options;
  options.rank = static_cast<uint32_t>(number("r", true, 65536));
  options.alpha = static_cast<float>(number("lora_alpha", false, 1e6));
  const Safetensors file = Safetensors::open(tensors_path(folder));
  const std::vector<LoraTensor> tensors = adaptable(model);
  for (const Role role : parse_targets("all")) {
    for (const LoraTensor& tensor : tensors) {
      const Weight& weight = model.matrix(tensor.block, role);
      if (!weight || &model.gguf().tensors()[weight.tensor] != tensor.base) continue;
      if (file.find(factor_name(module_of(model, tensor), 'A')) == nullptr) continue;
      options.targets.push_back(role);
      break;
    }
  }
  if (options.targets.empty()) {
    fail(ExitCode::bad_file, "{}: adapts no matrix of {}'s blocks", printable(file.path()), model.gguf().path());
  }
  return options;
}

void read_peft_factors(const std::string& folder, const Model& model, Lora& lora) {
  const Safetensors file = Safetensors::open(tensors_path(folder));
  std::set<std::string, std::less<>> read;
  const auto find = [&](const std::string& name, uint64_t rows, uint64_t columns) -> const SafetensorsTensor& {
    const SafetensorsTensor* tensor = file.find(name);
    if (tensor == nullptr) fail(ExitCode::bad_file, "{}: tensor {} is missing", printable(file.path()), name);
    if (!is_float(tensor->type) || tensor->shape != std::vector<uint64_t>{rows, columns}) {
      fail(ExitCode::bad_file, "{}: tensor {}: expected floats of [{}, {}], found {} of {}: another base model?",
           printable(file.path()), printable(name), rows, columns, name_of(tensor->type), tensor->shape_text());
    }
    read.insert(name);
    return *tensor;
  };
  const auto unpack = [&](const SafetensorsTensor& tensor, std::span<float> values) {
    unpack_values(tensor.type, tensor.data.data(), values.data(), values.size());
    if (!std::ranges::all_of(values, [](float value) { return std::isfinite(value); })) {
      fail(ExitCode::bad_file, "{}: tensor {} holds a value that is not finite", printable(file.path()),
           printable(tensor.name));
    }
  };
  for (const LoraTensor& tensor : lora.tensors()) {
    const std::string module = module_of(model, tensor);
    const size_t head_rows =
        reordered_head_rows(model.spec(), model.hyper(), row_of(model, tensor.base->name, tensor.block).role);
    unpack(find(factor_name(module, 'A'), tensor.rank, tensor.columns), lora.a(tensor));
    std::vector<float> b(tensor.b_count());
    unpack(find(factor_name(module, 'B'), tensor.rows, tensor.rank), b);
    for (size_t row = 0; row < tensor.rows; ++row) {
      std::copy_n(b.data() + checkpoint_row(row, head_rows) * tensor.rank, tensor.rank,
                  lora.b(tensor).data() + row * tensor.rank);
    }
  }
  for (const SafetensorsTensor& tensor : file.tensors()) {
    if (!read.contains(tensor.name)) {
      fail(ExitCode::bad_file, "{}: tensor {} is no factor of a matrix in this model's blocks", printable(file.path()),
           printable(tensor.name));
    }
  }
}

void write_peft_folder(const std::string& folder, const Model& model, const Lora& lora) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::set<std::string> modules;
  SafetensorsWriter writer(tensors_path(folder));
  writer.set_metadata("format", "pt");
  for (const LoraTensor& tensor : lora.tensors()) {
    const std::string module = module_of(model, tensor);
    modules.insert(module.substr(module.rfind('.') + 1));
    const uint64_t a_shape[] = {tensor.rank, tensor.columns}, b_shape[] = {tensor.rows, tensor.rank};
    writer.add_tensor(factor_name(module, 'A'), SafetensorsType::F32, a_shape);
    writer.add_tensor(factor_name(module, 'B'), SafetensorsType::F32, b_shape);
  }
  for (const LoraTensor& tensor : lora.tensors()) {
    const size_t head_rows =
        reordered_head_rows(model.spec(), model.hyper(), row_of(model, tensor.base->name, tensor.block).role);
    writer.write_data(std::as_bytes(lora.parameters().subspan(tensor.first, tensor.a_count())));
    const std::span<const float> b = lora.parameters().subspan(tensor.first + tensor.a_count(), tensor.b_count());
    std::vector<float> reordered(b.size());
    for (size_t row = 0; row < tensor.rows; ++row) {
      std::copy_n(b.data() + row * tensor.rank, tensor.rank,
                  reordered.data() + checkpoint_row(row, head_rows) * tensor.rank);
    }
    writer.write_data(std::as_bytes(std::span<const float>(reordered)));
  }
  const Json config = {{"peft_type", "LORA"},
                       {"task_type", "CAUSAL_LM"},
                       {"base_model_name_or_path", std::string(model.gguf().string("general.name").value_or(""))},
                       {"r", lora.options().rank},
                       {"lora_alpha", lora.options().alpha},
                       {"lora_dropout", lora.options().dropout},
                       {"target_modules", modules},
                       {"bias", "none"},
                       {"fan_in_fan_out", false},
                       {"use_rslora", false},
                       {"use_dora", false},
                       {"modules_to_save", nullptr},
                       {"inference_mode", true}};
  AtomicFile config_file(config_path(folder));
  config_file.write(config.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  writer.commit();
  config_file.commit();
}

}  // namespace thimble
