#include "app/safetensors_report.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <map>

#include "app/model_summary.h"
#include "base/error.h"
#include "format/safetensors.h"

namespace thimble {
namespace {

struct Use {
  uint64_t tensors = 0;
  uint64_t parameters = 0;
  uint64_t bytes = 0;
};

struct Summary {
  Use all;
  std::map<SafetensorsType, Use> by_type;
};

Summary summarise(const Safetensors& file) {
  Summary summary;
  for (const SafetensorsTensor& tensor : file.tensors()) {
    for (Use* use : {&summary.all, &summary.by_type[tensor.type]}) {
      ++use->tensors;
      use->parameters += tensor.elements();
      use->bytes += tensor.data.size();
    }
  }
  return summary;
}

nlohmann::ordered_json report(const Safetensors& file, const Summary& summary, bool with_tensors) {
  nlohmann::ordered_json json = {{"file", file.path()},
                                 {"format", "safetensors"},
                                 {"file_bytes", file.file().bytes().size()},
                                 {"parameters", summary.all.parameters},
                                 {"tensor_bytes", summary.all.bytes},
                                 {"tensor_count", summary.all.tensors}};
  for (const auto& [type, use] : summary.by_type) {
    json["types"][std::string(name_of(type))] = {
        {"tensors", use.tensors}, {"parameters", use.parameters}, {"bytes", use.bytes}};
  }
  json["metadata"] = file.metadata();
  for (const SafetensorsTensor& tensor : file.tensors()) {
    if (!with_tensors) break;
    json["tensors"].push_back({{"name", tensor.name},
                               {"type", name_of(tensor.type)},
                               {"shape", tensor.shape},
                               {"bytes", tensor.data.size()}});
  }
  return json;
}

}  // namespace

bool is_safetensors_file(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;  // opening a FIFO would wait
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return false;
  const auto size = static_cast<uint64_t>(file.tellg());
  char begin[9] = {};
  file.seekg(0);
  return file.read(begin, sizeof begin) && looks_like_safetensors(std::as_bytes(std::span(begin)), size);
}

void print_safetensors(Console& console, const std::string& path, const SafetensorsReport& options) {
  const Safetensors file = Safetensors::open(path);
  const Summary summary = summarise(file);
  if (options.json) return console.print_json(report(file, summary, options.tensors));
  const auto line = [&](std::string_view what, const std::string& text) {
    console.print(fmt::format("{:<24}{}\n", what, text));
  };
  line("file", printable(path, 4000));
  line("format", fmt::format("safetensors, {}", megabyte_text(file.file().bytes().size())));
  line("parameters", parameter_text(summary.all.parameters));
  line("tensors", fmt::to_string(summary.all.tensors));
  for (const auto& [type, use] : summary.by_type) {
    line(fmt::format("  {}", name_of(type)), fmt::format("{} tensors, {} parameters, {}", use.tensors,
                                                         parameter_text(use.parameters), megabyte_text(use.bytes)));
  }
  if (options.verbose) {
    console.print("\n");
    for (const auto& [key, text] : file.metadata()) {
      console.print(fmt::format("{} = {}\n", printable(key), printable(text)));
    }
  }
  if (!options.tensors) return;
  console.print("\n");
  for (const SafetensorsTensor& tensor : file.tensors()) {
    console.print(fmt::format("{:<60} {:<7} {:>24} {:>12}\n", printable(tensor.name), name_of(tensor.type),
                              tensor.shape_text(), megabyte_text(tensor.data.size())));
  }
}

}  // namespace thimble
