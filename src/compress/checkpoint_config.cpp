#include "compress/checkpoint_config.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "format/json_text.h"
#include "format/printable_json.h"

namespace thimble {
namespace {

constexpr double kMostReal = 1e30;
constexpr uint64_t kMostInteger = uint64_t{1} << 30;

const nlohmann::json* find_one(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json* at = &object;
  while (true) {
    const size_t dot = key.find('.');
    if (!at->is_object()) return nullptr;
    const auto found = at->find(std::string(key.substr(0, dot)));
    if (found == at->end() || found->is_null()) return nullptr;
    at = &*found;
    if (dot == std::string_view::npos) return at;
    key.remove_prefix(dot + 1);
  }
}

bool is_class_of(const ArchSpec& spec, std::string_view name) {
  const CheckpointRecipe& recipe = spec.checkpoint;
  return spec.hf_class == name || std::ranges::count(recipe.classes, name) != 0 ||
         std::ranges::count(recipe.classes_padded_positions, name) != 0;
}

void put_over(nlohmann::json& below, const nlohmann::json& above) {
  for (const auto& [key, value] : above.items()) below[key] = value;
}

void move_key(const nlohmann::json& values, nlohmann::json& rope, const char* from, const char* to) {
  if (const nlohmann::json* value = find_value(values, from); value != nullptr && !rope.contains(to)) rope[to] = *value;
}

// transformers before 5 had "rope_scaling" and the base beside it; Gemma 3 has parameters by kind of layer.
nlohmann::json rope_parameters(const nlohmann::json& values) {
  nlohmann::json rope = nlohmann::json::object();
  if (const nlohmann::json* given = find_value(values, "rope_parameters|rope_scaling"); given != nullptr) {
    if (const nlohmann::json* full = find_value(*given, "full_attention")) {
      put_over(rope, full->is_object() ? *full : nlohmann::json::object());
      if (const nlohmann::json* window = find_value(*given, "sliding_attention")) rope["sliding_attention"] = *window;
    } else if (given->is_object()) {
      put_over(rope, *given);
    }
  }
  move_key(values, rope, "rope_theta|rotary_emb_base", "rope_theta");
  move_key(rope, rope, "type", "rope_type");
  move_key(values, rope, "partial_rotary_factor|rope_pct", "partial_rotary_factor");
  move_key(values, rope, "original_max_position_embeddings", "original_max_position_embeddings");
  if (!rope.contains("sliding_attention")) {
    if (const nlohmann::json* base = find_value(values, "rope_local_base_freq")) {
      rope["sliding_attention"] = {{"rope_theta", *base}};
    }
  }
  return rope;
}

}  // namespace

const nlohmann::json* find_value(const nlohmann::json& object, std::string_view key) {
  while (!key.empty()) {
    const size_t end = std::min(key.find('|'), key.size());
    if (const nlohmann::json* found = find_one(object, key.substr(0, end))) return found;
    key.remove_prefix(std::min(end + 1, key.size()));
  }
  return nullptr;
}

CheckpointConfig CheckpointConfig::read(const std::string& folder) {
  CheckpointConfig config;
  config.path_ = folder + "/config.json";
  if (!std::filesystem::exists(config.path_)) {
    fail(ExitCode::bad_file, "{}: there is no config.json; expected the folder of a Hugging Face checkpoint",
         printable(folder));
  }
  config.raw_ = read_json_file(config.path_);
  if (!config.raw_.is_object()) fail(ExitCode::bad_file, "{}: expected a JSON object", printable(config.path_));
  config.find_family();
  config.lay_flat();
  return config;
}

void CheckpointConfig::find_family() {
  const nlohmann::json* names = find_value(raw_, "text_config.architectures|architectures");
  const bool is_named = names != nullptr && names->is_array() && !names->empty() && names->front().is_string();
  if (!is_named) {
    fail(ExitCode::bad_file, "{}: architectures is {}; expected the name of a model class", printable(path_),
         names == nullptr ? "missing" : printable_json(*names));
  }
  architecture_ = names->front().get<std::string>();
  std::string known;
  for (const ArchSpec* spec : all_architectures()) {
    if (is_class_of(*spec, architecture_)) {
      spec_ = spec;
      return;
    }
    known += (known.empty() ? "" : ", ") + std::string(spec->hf_class);
  }
  fail(ExitCode::bad_file, "{}: architectures is {}; this version converts {}", printable(path_),
       printable_json(names->front()), known);
}

void CheckpointConfig::lay_flat() {
  values_ = nlohmann::json::parse(spec_->checkpoint.defaults);
  const nlohmann::json* inner = find_value(raw_, "text_config");
  nlohmann::json said = raw_;
  if (inner != nullptr && inner->is_object()) put_over(said, *inner);
  put_over(values_, said);
  values_["rope_parameters"] = rope_parameters(values_);
}

void CheckpointConfig::refuse_value(std::string_view key, const nlohmann::json& found,
                                    const std::string& expected) const {
  fail(ExitCode::bad_file, "{}: {} is {}; expected {}", printable(path_), key, printable_json(found), expected);
}

bool CheckpointConfig::says_none(std::string_view key) const {
  const auto found = values_.find(std::string(key.substr(0, key.find('|'))));
  return found != values_.end() && found->is_null();
}

std::optional<uint32_t> CheckpointConfig::integer(std::string_view key) const {
  const nlohmann::json* value = find_value(values_, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned() || value->get<uint64_t>() > kMostInteger) {
    refuse(key, *value, fmt::format("a whole number up to {}", kMostInteger));
  }
  return static_cast<uint32_t>(value->get<uint64_t>());
}

std::optional<float> CheckpointConfig::real(std::string_view key) const {
  const nlohmann::json* value = find_value(values_, key);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : std::nan("");
  if (!(std::abs(number) <= kMostReal)) refuse(key, *value, "a number");
  return static_cast<float>(number);
}

std::optional<bool> CheckpointConfig::boolean(std::string_view key) const {
  const nlohmann::json* value = find_value(values_, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(key, *value, "true or false");
  return value->get<bool>();
}

std::optional<std::string> CheckpointConfig::text(std::string_view key) const {
  const nlohmann::json* value = find_value(values_, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse(key, *value, "a text");
  return value->get<std::string>();
}

std::vector<float> CheckpointConfig::reals(std::string_view key) const {
  const nlohmann::json* value = find_value(values_, key);
  if (value == nullptr) return {};
  const bool is_list = value->is_array() && value->size() <= (size_t{1} << 16) &&
                       std::ranges::all_of(*value, [](const nlohmann::json& n) { return n.is_number(); });
  if (!is_list) refuse(key, *value, "a list of numbers");
  std::vector<float> numbers;
  for (const nlohmann::json& number : *value) {
    if (!(std::abs(number.get<double>()) <= kMostReal)) refuse(key, number, "numbers of a sensible size");
    numbers.push_back(static_cast<float>(number.get<double>()));
  }
  return numbers;
}

}  // namespace thimble
