// config.json of a Hugging Face folder, in one form whatever version of transformers wrote it.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "model/arch_spec.h"

namespace thimble {

// A value looked up in parsed JSON: dots lead into objects, "|" stands between alternatives, null counts as absent. nullptr where
// there is none.
const nlohmann::json* find_value(const nlohmann::json& object, std::string_view key);

class CheckpointConfig {
 public:
  // Throws Error(bad_file) where the folder holds no config.json, or one of no family that this version converts.
  static CheckpointConfig read(const std::string& folder);

  const std::string& path() const { return path_; }
  const ArchSpec& spec() const { return *spec_; }
  const std::string& architecture() const { return architecture_; }  // the "architectures" entry it was found by
  // The family's defaults, under them what the file says, "text_config" laid flat, and all about rotary positions in
  // "rope_parameters": rope_theta, rope_type, factor, ..., and "sliding_attention" where window layers have their own.
  const nlohmann::json& values() const { return values_; }
  const nlohmann::json& raw() const { return raw_; }  // as in the file

  // nullopt where absent; Error(bad_file) naming the key where the value is of another type or out of range.
  std::optional<uint32_t> integer(std::string_view key) const;
  std::optional<float> real(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string> text(std::string_view key) const;
  std::vector<float> reals(std::string_view key) const;  // empty where absent
  bool says_none(std::string_view key) const;            // null, which switches something off

  template <class Expected>
  [[noreturn]] void refuse(std::string_view key, const nlohmann::json& found, const Expected& expected) const {
    refuse_value(key, found, fmt::format("{}", expected));
  }

 private:
  void find_family();
  void lay_flat();
  [[noreturn]] void refuse_value(std::string_view key, const nlohmann::json& found, const std::string& expected) const;

  std::string path_;
  nlohmann::json raw_;
  nlohmann::json values_;
  const ArchSpec* spec_ = nullptr;
  std::string architecture_;
};

}  // namespace thimble
