#include "compress/checkpoint_tensors.h"

#include <filesystem>
#include <set>

#include "base/error.h"
#include "compress/checkpoint_config.h"
#include "format/json_text.h"
#include "format/printable_json.h"

namespace thimble {
namespace {

constexpr std::string_view kPrefixes[] = {"model.", "language_model.", "bert.", "roberta.", "ernie."};
constexpr std::string_view kSingleFile = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";

using ShardOf = std::unordered_map<std::string, std::string>;

ShardOf read_index(const std::string& path) {
  const nlohmann::json index = read_json_file(path);
  const nlohmann::json* map = find_value(index, "weight_map");
  if (map == nullptr || !map->is_object() || map->empty()) {
    fail(ExitCode::bad_file, "{}: weight_map is missing; expected the file of each tensor", printable(path));
  }
  ShardOf shard_of;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string() || !is_plain_name(shard.get<std::string>())) {
      fail(ExitCode::bad_file, "{}: tensor {} is in {}; expected the name of a file beside the index", printable(path),
           printable(tensor), printable_json(shard));
    }
    shard_of.emplace(tensor, shard.get<std::string>());
  }
  return shard_of;
}

[[noreturn]] void refuse_folder(const std::string& folder) {
  const bool is_pickled = std::filesystem::exists(folder + "/pytorch_model.bin") ||
                          std::filesystem::exists(folder + "/pytorch_model.bin.index.json");
  fail(ExitCode::bad_file, "{}: there is no {}{}", printable(folder), kSingleFile,
       is_pickled ? "; pytorch_model.bin is a program as much as data and is not read: save the model as safetensors"
                  : "");
}

}  // namespace

std::string core_name(std::string_view name) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : kPrefixes) {
      if (!name.starts_with(prefix)) continue;
      name.remove_prefix(prefix.size());
      again = true;
    }
  }
  constexpr std::pair<std::string_view, std::string_view> kOldWords[] = {{".gamma", ".weight"}, {".beta", ".bias"}};
  for (const auto& [old, word] : kOldWords) {
    if (name.ends_with(old)) return std::string(name.substr(0, name.size() - old.size())) + std::string(word);
  }
  return std::string(name);
}

CheckpointTensors CheckpointTensors::open(const std::string& folder, const SentenceModules& modules) {
  CheckpointTensors tensors;
  const std::string index_path = folder + "/" + std::string(kIndex);
  if (std::filesystem::exists(index_path)) {
    const ShardOf shard_of = read_index(index_path);
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
    for (const std::string& shard : shards) {
      const std::string path = folder + "/" + shard;
      if (!std::filesystem::exists(path)) {
        fail(ExitCode::bad_file, "{}: the shard {} is not there; fetch the checkpoint again", printable(index_path),
             printable(shard));
      }
      tensors.add_file(path, "");
    }
    tensors.check_index(index_path, shard_of);
  } else {
    const std::string path = folder + "/" + std::string(kSingleFile);
    if (!std::filesystem::exists(path)) refuse_folder(folder);
    tensors.add_file(path, "");
  }
  for (const DenseModule& dense : modules.dense) {
    tensors.add_file(folder + "/" + dense.folder + "/" + std::string(kSingleFile), dense.folder + "/");
  }
  return tensors;
}

void CheckpointTensors::add_file(const std::string& path, const std::string& prefix) {
  files_.push_back(std::make_unique<const Safetensors>(Safetensors::open(path)));
  const Safetensors& file = *files_.back();
  for (const SafetensorsTensor& tensor : file.tensors()) {
    const std::string name = prefix.empty() ? core_name(tensor.name) : prefix + tensor.name;
    const auto [place, is_new] = tensors_.emplace(name, StoredTensor{&file, &tensor});
    if (!is_new) {
      fail(ExitCode::bad_file, "{}: tensor {} is there twice: in {} as {} too", printable(path), printable(tensor.name),
           printable(place->second.file->path()), printable(place->second.tensor->name));
    }
    names_.push_back(name);
  }
}

// Each tensor in the shard that is said to hold it, and no other.
void CheckpointTensors::check_index(const std::string& index_path, const ShardOf& shard_of) const {
  size_t found = 0;
  for (const auto& file : files_) {
    const std::string shard = std::filesystem::path(file->path()).filename().string();
    for (const SafetensorsTensor& tensor : file->tensors()) {
      const auto place = shard_of.find(tensor.name);
      if (place == shard_of.end() || place->second != shard) {
        fail(ExitCode::bad_file, "{}: tensor {} is in {}, but the index has it {}", printable(index_path),
             printable(tensor.name), printable(shard),
             place == shard_of.end() ? "nowhere" : "in " + printable(place->second));
      }
      ++found;
    }
  }
  if (found == shard_of.size()) return;
  for (const auto& [tensor, shard] : shard_of) {
    const StoredTensor* stored = find(core_name(tensor));
    if (stored == nullptr || stored->tensor->name != tensor) {
      fail(ExitCode::bad_file, "{}: tensor {} is not in {}", printable(index_path), printable(tensor),
           printable(shard));
    }
  }
}

const StoredTensor* CheckpointTensors::find(std::string_view core_name) const {
  const auto found = tensors_.find(std::string(core_name));
  return found == tensors_.end() ? nullptr : &found->second;
}

}  // namespace thimble
