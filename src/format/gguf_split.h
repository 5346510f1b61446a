// A model split over several GGUF files, as llama.cpp writes it (tools/gguf-split, llama-quantize --keep-split): the files are
// named <prefix>-00001-of-00003.gguf and so on, each holds split.no (from 0) and split.count, the first one holds all metadata
// and split.tensors.count, the number of tensors in all parts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace thimble {

struct GgufPartName {
  std::string prefix;   // with its folder
  uint32_t number = 1;  // 1..count
  uint32_t count = 1;
  std::string path() const;
  bool operator==(const GgufPartName&) const = default;
};

// nullopt for the name of a file that is no part of a split model.
std::optional<GgufPartName> parse_part_name(std::string_view path);

}  // namespace thimble
