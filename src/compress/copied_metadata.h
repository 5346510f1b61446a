// Metadata of a file whose weights come in other formats.
#pragma once

#include <cstdint>

#include "format/gguf.h"
#include "format/gguf_writer.h"

namespace thimble {

inline constexpr uint32_t kQuantizationVersion = 2;  // of ggml's block layouts, since 2023

// Everything that `gguf` says but how it was split, then general.quantization_version and general.file_type.
void copy_metadata(const Gguf& gguf, uint32_t file_type, GgufWriter& writer);

}  // namespace thimble
