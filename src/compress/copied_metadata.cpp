#include "compress/copied_metadata.h"

#include <algorithm>

namespace thimble {

void copy_metadata(const Gguf& gguf, uint32_t file_type, GgufWriter& writer) {
  constexpr std::string_view kSetHere[] = {"general.quantization_version", "general.file_type"};
  for (const GgufValue& value : gguf.values()) {
    if (value.key.starts_with("split.") || std::ranges::find(kSetHere, value.key) != std::end(kSetHere)) continue;
    writer.set(value);
  }
  writer.set(kSetHere[0], kQuantizationVersion);
  writer.set(kSetHere[1], file_type);
}

}  // namespace thimble
