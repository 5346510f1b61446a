#include "app/model_summary.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/utf8.h"
#include "compress/mix.h"

namespace thimble {
namespace {

std::string string_or(const Gguf& gguf, std::string_view key, std::string otherwise) {
  const GgufValue* value = gguf.find(key);
  if (value == nullptr || value->type != GgufValueType::STRING) return otherwise;
  return to_valid_utf8({reinterpret_cast<const char*>(value->data.data()), value->data.size()});
}

std::string file_type_of(const Gguf& gguf, const std::vector<TypeUse>& types) {
  if (const GgufValue* value = gguf.find("general.file_type");
      value != nullptr && value->type == GgufValueType::UINT32) {
    const auto found = std::ranges::find(all_mixes(), gguf.unsigned_integer("general.file_type"), &Mix::file_type);
    if (found != all_mixes().end()) return std::string(found->name);
  }
  return types.empty() ? "none" : std::string(types[0].type->name);
}

template <class T>
nlohmann::ordered_json scalar(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

nlohmann::ordered_json scalar_json(GgufValueType type, const std::byte* at) {
  switch (type) {
    case GgufValueType::UINT8: return scalar<uint8_t>(at);
    case GgufValueType::INT8: return scalar<int8_t>(at);
    case GgufValueType::UINT16: return scalar<uint16_t>(at);
    case GgufValueType::INT16: return scalar<int16_t>(at);
    case GgufValueType::UINT32: return scalar<uint32_t>(at);
    case GgufValueType::INT32: return scalar<int32_t>(at);
    case GgufValueType::FLOAT32: return scalar<float>(at);
    case GgufValueType::BOOL: return *at != std::byte{0};
    case GgufValueType::UINT64: return scalar<uint64_t>(at);
    case GgufValueType::INT64: return scalar<int64_t>(at);
    case GgufValueType::FLOAT64: return scalar<double>(at);
    case GgufValueType::STRING:
    case GgufValueType::ARRAY: break;
  }
  return nullptr;
}

nlohmann::ordered_json text_json(std::string_view text) { return to_valid_utf8(text); }

nlohmann::ordered_json array_json(const GgufValue& value, size_t most_elements) {
  nlohmann::ordered_json elements = nlohmann::ordered_json::array();
  const size_t shown = std::min<uint64_t>(value.count, most_elements);
  if (value.element == GgufValueType::STRING) {
    auto text = GgufStrings(value.data, value.count).begin();
    for (size_t i = 0; i < shown; ++i, ++text) elements.push_back(text_json(*text));
  } else if (const size_t size = bytes_of(value.element); size != 0) {
    for (size_t i = 0; i < shown; ++i) elements.push_back(scalar_json(value.element, value.data.data() + i * size));
  }
  if (shown == value.count) return elements;
  return {{"type", name_of(value.element)}, {"count", value.count}, {"first", std::move(elements)}};
}

}  // namespace

double ModelSummary::bits_per_weight() const {
  return parameters == 0 ? 0 : 8.0 * static_cast<double>(tensor_bytes) / static_cast<double>(parameters);
}

ModelSummary summarise(const Gguf& gguf) {
  ModelSummary summary;
  std::map<const TypeInfo*, TypeUse> uses;
  for (const GgufTensor& tensor : gguf.tensors()) {
    TypeUse& use = uses[tensor.type];
    use.type = tensor.type;
    ++use.tensors;
    use.parameters += tensor.elements();
    use.bytes += tensor.data.size();
  }
  for (const auto& [type, use] : uses) {
    summary.parameters += use.parameters;
    summary.tensor_bytes += use.bytes;
    summary.types.push_back(use);
  }
  std::ranges::stable_sort(summary.types, std::ranges::greater(), &TypeUse::parameters);
  summary.name = string_or(gguf, "general.name", std::filesystem::path(gguf.path()).stem().string());
  summary.architecture = string_or(gguf, "general.architecture", "unknown");
  summary.file_type = file_type_of(gguf, summary.types);
  return summary;
}

std::string parameter_text(uint64_t parameters) {
  const double count = static_cast<double>(parameters);
  if (count >= 1e9) return fmt::format("{:.2f} B", count / 1e9);
  return count >= 1e6 ? fmt::format("{:.1f} M", count / 1e6) : fmt::format("{:.1f} K", count / 1e3);
}

std::string megabyte_text(uint64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6); }

nlohmann::ordered_json to_json(const GgufValue& value, size_t most_elements) {
  if (value.type == GgufValueType::ARRAY) return array_json(value, most_elements);
  if (value.type == GgufValueType::STRING) {
    return text_json({reinterpret_cast<const char*>(value.data.data()), value.data.size()});
  }
  return scalar_json(value.type, value.data.data());
}

std::string display_text(const GgufValue& value) {
  if (value.type == GgufValueType::STRING) return printable(to_json(value).get<std::string>(), 100);
  if (value.type == GgufValueType::ARRAY && value.count > 8) {
    return fmt::format("[{} values, {}]", value.count, name_of(value.element));
  }
  return printable(to_json(value).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace), 100);
}

}  // namespace thimble
