// What a GGUF file says of itself, for people and for reports. Needs no support for the model's architecture.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "format/gguf.h"

namespace thimble {

struct TypeUse {
  const TypeInfo* type;
  uint64_t tensors = 0;
  uint64_t parameters = 0;
  uint64_t bytes = 0;
};

struct ModelSummary {
  std::string name;  // general.name, or the file's
  std::string architecture;
  std::string file_type;  // "Q4_K_M"; the commonest type's name where general.file_type is missing or unknown
  uint64_t parameters = 0;
  uint64_t tensor_bytes = 0;
  std::vector<TypeUse> types;  // the one with the most parameters first

  double bits_per_weight() const;
};

ModelSummary summarise(const Gguf& gguf);

// "8.03 B", "135 M"
std::string parameter_text(uint64_t parameters);
// "491.4 MB"
std::string megabyte_text(uint64_t bytes);

// A metadata value; of an array at most `most_elements`, then its type and length.
nlohmann::ordered_json to_json(const GgufValue& value, size_t most_elements = 8);
// For one line of a terminal.
std::string display_text(const GgufValue& value);

}  // namespace thimble
