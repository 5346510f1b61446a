#include "compress/checkpoint_modules.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "compress/checkpoint_config.h"
#include "format/json_text.h"
#include "format/printable_json.h"

namespace thimble {
namespace {

std::string text_of(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json* value = find_value(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

bool is_true(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json* value = find_value(object, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

nlohmann::json read_object(const std::string& path) {
  nlohmann::json json = read_json_file(path);
  if (!json.is_object()) fail(ExitCode::bad_file, "{}: expected a JSON object", printable(path));
  return json;
}

Pooling read_pooling(const std::string& path) {
  constexpr std::pair<std::string_view, Pooling> kFlags[] = {{"pooling_mode_mean_tokens", Pooling::mean},
                                                             {"pooling_mode_cls_token", Pooling::cls},
                                                             {"pooling_mode_lasttoken", Pooling::last}};
  constexpr std::pair<std::string_view, Pooling> kModes[] = {
      {"mean", Pooling::mean}, {"cls", Pooling::cls}, {"lasttoken", Pooling::last}};
  const nlohmann::json config = read_object(path);
  for (const auto& [flag, pooling] : kFlags) {
    if (is_true(config, flag)) return pooling;
  }
  for (const auto& [mode, pooling] : kModes) {
    if (text_of(config, "pooling_mode") == mode) return pooling;
  }
  fail(ExitCode::bad_file, "{}: expected pooling by mean, first (cls) or last token", printable(path));
}

DenseModule read_dense(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/" + name + "/config.json";
  const nlohmann::json config = read_object(path);
  const auto features = [&](std::string_view key) {
    const nlohmann::json* value = find_value(config, key);
    if (value == nullptr || !value->is_number_unsigned() || value->get<uint64_t>() > (1u << 16)) {
      fail(ExitCode::bad_file, "{}: {} is {}; expected a whole number up to {}", printable(path), key,
           value == nullptr ? "missing" : printable_json(*value), 1u << 16);
    }
    return value->get<uint32_t>();
  };
  const std::string activation = text_of(config, "activation_function");
  if (is_true(config, "bias") || !(activation.empty() || activation.ends_with("Identity"))) {
    fail(ExitCode::bad_file, "{}: a dense layer with {}; expected one without bias and activation", printable(path),
         is_true(config, "bias") ? "a bias" : printable(activation));
  }
  return {name, features("in_features"), features("out_features")};
}

}  // namespace

bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         std::ranges::none_of(name, [](char c) { return c == '/' || c == '\\' || c == '\0'; });
}

SentenceModules SentenceModules::read(const std::string& folder) {
  SentenceModules modules;
  const std::string path = folder + "/modules.json";
  if (!std::filesystem::exists(path)) return modules;
  const nlohmann::json list = read_json_file(path);
  if (!list.is_array()) fail(ExitCode::bad_file, "{}: expected a JSON list", printable(path));
  for (const nlohmann::json& entry : list) {
    const std::string type = text_of(entry, "type"), name = text_of(entry, "path");
    const bool is_pooling = type.ends_with("Pooling"), is_dense = type.ends_with("Dense");
    if (!is_pooling && !is_dense) continue;
    if (!is_plain_name(name)) {
      fail(ExitCode::bad_file, "{}: path is \"{}\"; expected a folder beside it", printable(path), printable(name));
    }
    if (is_pooling && !modules.pooling) modules.pooling = read_pooling(folder + "/" + name + "/config.json");
    if (is_dense) modules.dense.push_back(read_dense(folder, name));
  }
  return modules;
}

}  // namespace thimble
